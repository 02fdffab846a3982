# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Day two of clusters that share a vault: all of them at once, through another host, several backup instances of one,
behind a Resource Guard, with tags, and restores that take more than a recovery point.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.harness import Run, Subscription
from tests.harness.role import (
    EAST,
    INSTANCES,
    PROTECT,
    SHOP,
    act,
    backed_up,
    changes,
    facts,
    message,
    protected,
    role,
    run,
    story,
    verbs,
)
from tests.harness.sdk import Somebody
from tests.lifecycle.test_restore import HOOK, MODIFIER

BASTION = {"bastion": {"ansible_connection": "elsewhere"}}
MAPPED = {"restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-2"}}}


def entry(name: str, kind: str = "include", **more: Any) -> dict[str, Any]:
    """A task that has the role do one thing."""
    return {"name": name, f"ansible.builtin.{kind}_role": {"name": "aks.backup.aks_backup", "tasks_from": name}, **more}


def plays(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    common = {"hosts": "aks-*", "connection": "local", "gather_facts": False}
    return [{"name": task["name"], **common, "tasks": [task]} for task in tasks]


def states(subscription: Subscription, cluster: str) -> dict[str, str]:
    """How the backup instances of a cluster stand, by friendly name."""
    found = [one["properties"] for one in subscription.resources(INSTANCES)]
    return {
        one["friendlyName"]: one["currentProtectionState"]
        for one in found
        if one["dataSourceInfo"]["resourceName"] == cluster
    }


def inside(subscription: Subscription, cluster: str, namespace: str) -> dict[str, Any]:
    """The objects in a namespace of a cluster, by ``kind/name``."""
    clusters = "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
    found = subscription.emulator.inside(subscription.path(f"{clusters}/{cluster}"), namespace, "", "")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def modules(result: Run) -> list[Any]:
    """The steps in which a module of the collection ran; of loops, which say less, none."""
    return [
        step
        for step in result.steps
        if step.action.startswith("aks.backup.") and step.kind == "ok" and "results" not in step.result
    ]


@pytest.fixture(scope="module")
def pair(emulator):
    """Two clusters that share vault, policy, account and snapshot group."""
    return protected(Subscription(emulator), EAST)


def test_clusters_that_share_a_vault_are_looked_after_together_and_through_another_host(pair):
    names = ("backup_now", "restore", "suspend", "change_policy", "resume")
    other = {"name": "aks-other", "schedule": {"frequency": "weekly"}, "operational_retention": "P14D"}
    common = {"hosts": (*EAST, "bastion"), "more": BASTION, "aks_backup_policy": other, "aks_backup_restore": MAPPED}
    # A restore wants a recovery point, and of a backup that was only planned there is none.
    backed_up(pair, EAST)
    plan = run(pair, plays(*map(entry, names)), "--check", "--diff", aks_backup_delegate_to="", **common).ok()
    assert plan.writes == []
    done = run(pair, plays(*map(entry, names)), "--diff", aks_backup_delegate_to="bastion", **common).ok()
    assert sorted(verb for verb in verbs(done) if not verb.startswith("aks-")) == sorted(
        ["backup", "restore", "suspendBackups", "resumeProtection"] * 2
    )
    # Made once, by the first of those who share it, and each is moved to it.
    assert [write for write in done.writes if "/backupPolicies/" in write][1:] == []
    policies = {one["properties"]["policyInfo"]["policyId"] for one in pair.resources(INSTANCES)}
    assert {id_.rsplit("/", 1)[-1] for id_ in policies} == {"aks-other"}
    for host in EAST:
        assert states(pair, host) == {f"{host}/fullbackup": "ProtectionConfigured"}
        assert inside(pair, host, "shop-2").keys() == inside(pair, host, "shop").keys() != set()
    delegated = [step.result["_ansible_delegated_vars"]["ansible_connection"] for step in modules(done)]
    assert len(delegated) >= 2 and set(delegated) == {"elsewhere"}
    assert not any("_ansible_delegated_vars" in step.result for step in modules(plan))
    # What is planned is what is done, but for resuming what is not suspended yet.
    assert {one for one in changes(done) if "Set the protection" not in one[1]} == {
        one for one in changes(plan) if "Set the protection" not in one[1]
    }


def test_tags_reach_the_steps_where_the_role_is_imported_or_applies_them(pair):
    """As Ansible has it: import_role hands its tags on, include_role does with ``apply``."""
    pause = entry("suspend", "import", tags=["pause"])
    go_on = entry("resume", tags=["go_on"])
    go_on["ansible.builtin.include_role"]["apply"] = {"tags": ["go_on"]}
    one = {"hosts": EAST[:1]}
    assert verbs(run(pair, plays(pause, go_on), "--tags", "pause", **one).ok()) == ["suspendBackups"]
    assert verbs(run(pair, plays(pause, go_on), "--tags", "go_on", **one).ok()) == ["resumeProtection"]
    assert run(pair, plays(pause, go_on), "--skip-tags", "pause,go_on", **one).ok().writes == []


def test_jobs_are_shown_in_batches_by_who_asks_and_without_the_first_and_say_of_what_they_warn(pair, tmp_path):
    pair.fault({"lro": "job_warns", "code": "UserErrorNamespaceNotFound"}, method="POST", path="/backup$", times=1)
    backed_up(pair, EAST)
    batches, one = plays(entry("jobs"), entry("jobs", when=f"inventory_hostname == '{EAST[1]}'"))
    for number, play in enumerate((batches, one)):
        (tmp_path / str(number)).mkdir()
        play["vars"] = {"aks_backup_jobs_path": str(tmp_path / str(number))}
    # The one on its own comes first: what hosts hand over stays.
    run(pair, [one, {**batches, "serial": 1}], hosts=EAST).ok()
    alone, all_of_them = (json.loads((tmp_path / name / "aks-backup-jobs.json").read_text()) for name in "10")
    assert [found["cluster_id"].rsplit("/", 1)[-1] for found in alone] == [EAST[1]]
    assert [found["cluster_id"].rsplit("/", 1)[-1] for found in all_of_them] == list(EAST)
    [warned] = [job for found in all_of_them for job in found["jobs"] if job["status"] == "CompletedWithWarnings"]
    assert [warning["code"] for warning in warned["warnings"]] == ["UserErrorNamespaceNotFound"]
    assert warned["cluster_name"] == EAST[0]
    said = (tmp_path / "0" / "aks-backup-jobs.md").read_text()
    assert "What is wrong, and what to do |" in said and "Correct included_namespaces or excluded_namespaces" in said
    assert f"| {EAST[0]} | OnDemandBackup | CompletedWithWarnings | " in said and f"\n| {EAST[1]} | " in said

    pair.fault({"status": 403, "code": "AuthorizationFailed"}, method="GET", path="/backupJobs$", times=1)
    failed = run(pair, role("jobs"), hosts=EAST)
    assert "AuthorizationFailed" in message(failed)
    assert set(facts(failed, "aks_backup_jobs")) == {EAST[1]}


def test_a_restore_to_another_cluster_with_modifier_and_hook(pair):
    target = pair.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-2")
    pair.emulator.change_inside(target, [MODIFIER, HOOK])
    wishes = {
        "target_cluster_id": target,
        "permissions": "grant",
        "restore_configuration": {
            **SHOP,
            "namespace_mappings": {"shop": "shop-hooked"},
            "resource_modifier": {"name": "bigger", "namespace": "default"},
            "restore_hooks": [{"name": "greet", "namespace": "default"}],
        },
    }
    told = story(
        pair,
        act("plan", role("restore"), check=True, aks_backup_restore=wishes),
        act("done", role("restore"), aks_backup_restore=wishes),
        hosts=EAST[:1],
    )
    plan, done = told["plan"].ok(), told["done"].ok()
    assert plan.writes == []
    result = facts(done, "aks_backup_result")[EAST[0]]
    assert result["plan"]["target_cluster_id"].lower() == result["job"]["target_cluster_id"].lower() == target.lower()
    assert inside(pair, EAST[1], "shop-hooked")["Deployment/web"]["spec"]["replicas"] == 5
    assert inside(pair, EAST[0], "shop-hooked") == {}
    # The hook ran in the restored pods; that none has its container is what the job warns of.
    assert {one["code"] for one in result["job"]["warnings"]} == {"UserErrorHookExecutionFailed"}


def test_what_one_cluster_gives_up_the_other_keeps(pair):
    run(
        pair,
        role("unprotect"),
        hosts=EAST[:1],
        aks_backup_state="absent",
        aks_backup_confirm_delete_data=EAST[0],
    ).ok()
    assert states(pair, EAST[0]) == {}
    again = run(pair, plays(entry("backup_now"), entry("undelete")), hosts=EAST[1:]).ok()
    assert facts(again, "aks_backup_result")[EAST[1]]["instances"] == []
    assert verbs(again) == ["backup"]
    # Both at once: what was deleted comes back, and the other one has nothing to be brought back.
    back = run(pair, role("undelete"), hosts=EAST).ok()
    assert verbs(back) == ["undelete"]
    assert states(pair, EAST[0]) == {f"{EAST[0]}/fullbackup": "ProtectionStopped"}
    assert states(pair, EAST[1]) == {f"{EAST[1]}/fullbackup": "ProtectionConfigured"}


# A cluster with two backup instances

WEST_HOST = "aks-west-1"
TWO = {
    "hosts": (WEST_HOST,),
    "aks_backup_policies": [{"name": "shop", "schedule": {"frequency": "weekly"}}],
    "aks_backup_instances": [{}, {"friendly_name": "shop", "policy_name": "shop"}],
}


@pytest.fixture(scope="module")
def double(emulator):
    """A cluster that two backup instances protect."""
    return protected(Subscription(emulator), **TWO)


def test_every_backup_instance_of_a_cluster_is_meant(double):
    done = run(double, plays(entry("backup_now"), entry("suspend"), entry("resume")), **TWO).ok()
    assert verbs(done) == ["backup"] * 2 + ["suspendBackups"] * 2 + ["resumeProtection"] * 2
    first = next(iter(facts_of(done, "aks_backup_result")))
    assert len(first["jobs"]) == len(set(first["recovery_point_ids"])) == 2
    gate = run(double, role("backup_before"), aks_backup_max_rpo_hours=100, **TWO).ok()
    assert gate.writes == []
    assert facts_of(gate, "aks_backup_result")[0]["recovery_point_ids"] == first["recovery_point_ids"]
    wishes = {"friendly_name": "shop", **MAPPED}
    restored = run(double, role("restore"), aks_backup_restore=wishes, **TWO).ok()
    assert facts_of(restored, "aks_backup_result")[0]["recovery_point_id"] == first["recovery_point_ids"][1]
    moved = [{**one, "policy_name": f"other-{number}"} for number, one in enumerate(TWO["aks_backup_instances"])]
    policies = [{"name": f"other-{number}", "schedule": {"frequency": "weekly"}} for number in range(2)]
    wishes = {**TWO, "aks_backup_instances": moved, "aks_backup_policies": policies}
    run(double, role("change_policy"), **wishes).ok()
    assert {
        one["properties"]["friendlyName"].rsplit("/", 1)[-1]: one["properties"]["policyInfo"]["policyId"][-7:]
        for one in double.resources(INSTANCES)
    } == {"fullbackup": "other-0", "shop": "other-1"}


def facts_of(result: Run, name: str) -> list[dict[str, Any]]:
    """What the fact was set to, each time."""
    return [step.result["ansible_facts"][name] for step in result.steps if name in step.result.get("ansible_facts", {})]


def test_what_a_resource_guard_protects_takes_an_approval_with_each_entry_point(double):
    guard = Somebody(double).data_protection.resource_guards.put(
        "rg-clusters", "guard", {"location": "westeurope", "properties": {}}
    )
    run(double, PROTECT, "--tags", "aks_backup:vault", aks_backup_vault={"resource_guard_id": guard.id}, **TWO).ok()
    names = ("suspend", "change_policy", "restore", "unprotect")
    common = {
        **TWO,
        "aks_backup_confirm_delete_data": WEST_HOST,
        "aks_backup_restore": {"friendly_name": "shop", **MAPPED},
    }
    tasks = [entry(name) for name in names]
    for task in tasks[:-1]:
        task["ansible.builtin.include_role"]["apply"] = {"ignore_errors": True}
    refused = run(double, plays(*tasks), **common)
    assert refused.code != 0 and verbs(refused) == []
    wanted = dict.fromkeys(re.findall(r"put (\S+) into resource_guard_operation_requests", refused.output))
    assert [id_.rsplit("/", 2)[1] for id_ in wanted] == [
        "dppSuspendBackupsRequests",
        "dppModifyPolicyRequests",
        "dppRestoreRequests",
        "deleteBackupInstanceRequests",
    ]
    common["aks_backup_resource_guard_operation_requests"] = list(wanted)
    approved = run(double, plays(*map(entry, names)), **common).ok()
    assert [verb for verb in verbs(approved) if verb in ("suspendBackups", "restore", "unlockDelete")] == [
        *["suspendBackups"] * 2, "restore", *["unlockDelete"] * 2,
    ]  # fmt: skip
    assert double.resources(INSTANCES) == []
