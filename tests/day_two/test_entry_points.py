# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role after the first day: suspend and resume, another policy, a backup before a change, restores, what was
deleted, and reports in files.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness import Run, Subscription
from tests.harness.role import (
    EAST,
    INSTANCES,
    JOBS,
    PROTECT,
    PYTHON,
    SHOP,
    WAITING,
    act,
    backed_up,
    changes,
    facts,
    message,
    playbook,
    protected,
    role,
    run,
    story,
    verbs,
    wishes,
)

HOST = EAST[0]
ONE: dict[str, Any] = {"hosts": EAST[:1]}
CONFIRMED = {"aks_backup_state": "absent", "aks_backup_confirm_delete_data": HOST}
OTHER = {"aks_backup_policy": {"name": "aks-other", "preset": "month"}}


def instance(subscription: Subscription) -> dict[str, Any]:
    (one,) = subscription.resources(INSTANCES)
    found: dict[str, Any] = one["properties"]
    return found


def protection(subscription: Subscription) -> str:
    return str(instance(subscription)["currentProtectionState"])


@pytest.fixture(scope="module")
def shared(emulator):
    """A protected cluster; each test leaves it active, and by the policy that it found."""
    return protected(Subscription(emulator))


def test_where_nothing_protects_the_cluster_each_says_what_to_do(shared):
    names = ("suspend", "resume", "change_policy", "undelete")
    shop = {"aks_backup_instances": [{}, {"friendly_name": "shop"}]}
    told = story(
        shared,
        *(act(name, role(name), refused=True, hosts=EAST[1]) for name in names),
        act("unknown", role("suspend"), refused=True, hosts=HOST, **shop),
    )
    for name in names:
        absent = told[name]
        assert message(absent).startswith("aks-east-2 has no backup instance")
        assert message(absent).endswith("correct aks_backup_vault or the names in aks_backup_instances.")
        assert absent.writes == []
    assert "has no backup instance shop in the vault /subscriptions/" in message(told["unknown"])


def test_suspend_and_resume_change_the_protection_and_nothing_else(shared):
    before = instance(shared)
    for name, verb, state in (
        ("suspend", "suspendBackups", "BackupsSuspended"),
        ("resume", "resumeProtection", "ProtectionConfigured"),
    ):
        told = story(
            shared,
            act("plan", playbook(name), check=True),
            act("done", playbook(name)),
            act("again", playbook(name)),
            **ONE,
        )
        plan, done, again = (one.ok() for one in told.values())
        assert plan.writes == []
        assert changes(plan) == changes(done) and len(changes(done)) == 1
        assert verbs(done) == [verb]
        assert facts(done, "aks_backup_result")[HOST]["instances"][0]["protection_state"] == state
        assert protection(shared) == state
        assert changes(again) == [] and again.writes == []
    after = instance(shared)
    for kept in ("policyInfo", "dataSourceInfo", "friendlyName", "identityDetails"):
        assert after.get(kept) == before.get(kept), kept


def test_stopped_protection_is_not_suspended_and_is_resumed(shared):
    run(shared, PROTECT, "--tags", "aks_backup:instances", aks_backup_state="stopped", **ONE).ok()
    assert protection(shared) == "ProtectionStopped"
    told = story(shared, act("suspend", role("suspend")), act("resume", role("resume")), **ONE)
    assert changes(told["suspend"].ok()) == told["suspend"].writes == []
    assert verbs(told["resume"].ok()) == ["resumeProtection"]
    assert protection(shared) == "ProtectionConfigured"


def test_another_policy_is_made_and_nothing_but_the_policy_changes(emulator):
    subscription = protected(Subscription(emulator))
    run(subscription, role("suspend"), **ONE).ok()
    before = instance(subscription)
    told = story(
        subscription,
        act("plan", role("change_policy"), check=True, **OTHER),
        act("done", role("change_policy"), **OTHER),
        act("again", role("change_policy"), **OTHER),
        **ONE,
    )
    plan, done, again = (one.ok() for one in told.values())
    assert plan.writes == [] and changes(again) == []
    assert changes(plan) == changes(done)
    assert [task.split(" : ")[1] for _host, task in changes(done)] == [
        "Change the policy and leave everything else as it is",
        "Create the backup policies",
    ]
    after = instance(subscription)
    assert after["policyInfo"]["policyId"].endswith("/backupPolicies/aks-other")
    assert after["currentProtectionState"] == "BackupsSuspended"
    assert after["policyInfo"]["policyParameters"] == before["policyInfo"]["policyParameters"]


def test_several_instances_have_to_be_named_for_another_policy(emulator):
    subscription = protected(
        Subscription(emulator),
        aks_backup_policies=[{"name": "shop", "schedule": {"frequency": "weekly"}}],
        aks_backup_instances=[{}, {"friendly_name": "shop", "policy_name": "shop"}],
    )
    told = story(
        subscription,
        act("open", role("change_policy"), refused=True, **OTHER),
        act("one", role("suspend"), aks_backup_instances=[{"friendly_name": "shop"}]),
        act("suspend", role("suspend")),
        act("resume", role("resume")),
        **ONE,
    )
    open_ = told["open"]
    assert "has several backup instances in the vault (" in message(open_)
    assert "List them in aks_backup_instances" in message(open_) and open_.writes == []
    # Without names a cluster is suspended as a whole, with names in part.
    assert verbs(told["one"].ok()) == verbs(told["suspend"].ok()) == ["suspendBackups"]
    assert verbs(told["resume"].ok()) == ["resumeProtection"] * 2


def test_what_was_deleted_comes_back_stopped_and_main_protects_it_again(emulator):
    subscription = protected(Subscription(emulator))
    told = story(
        subscription,
        act("backup", playbook("backup_now")),
        act("unprotect", role("unprotect"), **CONFIRMED),
        act("plan", role("undelete"), check=True),
        act("done", role("undelete")),
        act("again", role("undelete")),
        **ONE,
    )
    plan, done, again = (told[name].ok() for name in ("plan", "done", "again"))
    assert plan.writes == []
    assert changes(plan) == changes(done) and verbs(done) == ["undelete"]
    assert facts(done, "aks_backup_result")[HOST]["instances"][0]["protection"] == "stopped"
    assert protection(subscription) == "ProtectionStopped"
    assert changes(again) == [] and again.writes == []
    told = story(subscription, act("protect", PROTECT), act("jobs", role("jobs")), **ONE)
    assert protection(subscription) == "ProtectionConfigured"
    assert len(facts(told["jobs"].ok(), "aks_backup_jobs")[HOST]["recovery_points"]) == 1


# Tasks of a change: how the protection stands is asked of Azure.
LOOK = """
- name: Look
  aks.backup.aks_backup_instance_info:
    cluster_id: "{{ __aks_backup_cluster_id }}"
  register: seen
- name: Say
  ansible.builtin.debug:
    msg: "{{ seen.instances | map(attribute='protection') | list + aks_backup_result.recovery_point_ids }}"
- name: Go on
  ansible.builtin.assert:
    that: may_go_on | default(true)
    fail_msg: The upgrade has failed.
"""


LOOKED, SAID = "aks_backup : Look", "aks_backup : Say"


def gate(subscription: Subscription, *arguments: str, ignoring: bool = False, **variables: Any) -> Run:
    return subscription.play(
        playbook=[{**play, "ignore_errors": ignoring} for play in role("backup_before")],
        inventory={"all": {"hosts": {HOST: wishes(HOST)}, "vars": {**PYTHON, **WAITING}}},
        arguments=arguments,
        variables=variables,
        files={"change.yml": LOOK},
    )


def test_before_a_change_there_is_a_backup_and_protection_is_resumed_afterwards(emulator):
    subscription = protected(Subscription(emulator))
    recent = {"aks_backup_max_rpo_hours": "100", "aks_backup_suspend_for_change": "yes"}
    change = {"aks_backup_change_tasks": "change.yml", **recent}

    plan = gate(subscription, "--check", **change).ok()
    assert plan.writes == []
    first = gate(subscription, **change).ok()
    # A plan suspends nothing, and so has nothing to resume.
    assert set(changes(plan)) == set(changes(first))
    assert verbs(first) == ["backup", "suspendBackups", "resumeProtection"]
    assert first[SAID].result["msg"][0] == "suspended"
    point = facts(first, "aks_backup_result")[HOST]["recovery_point_ids"]
    assert first[SAID].result["msg"][1:] == point
    assert protection(subscription) == "ProtectionConfigured"

    # Recent enough now: the same point is the way back. Without tasks there is nothing to suspend for.
    second = gate(subscription, **recent).ok()
    assert changes(second) == [] and second.writes == []
    assert facts(second, "aks_backup_result")[HOST] == {
        **facts(first, "aks_backup_result")[HOST],
        "jobs": [],
    }

    failed = gate(subscription, may_go_on=False, **change)
    assert message(failed) == "The upgrade has failed."
    assert verbs(failed) == ["suspendBackups", "resumeProtection"]
    assert protection(subscription) == "ProtectionConfigured"

    # Somebody has suspended it before: it stays so.
    run(subscription, role("suspend"), **ONE).ok()
    assert gate(subscription, **change).ok().writes == []
    assert protection(subscription) == "BackupsSuspended"
    # And where a backup is needed then, the change is not reached.
    stale = gate(subscription, aks_backup_change_tasks="change.yml")
    assert "Azure backs up only what is in state ProtectionConfigured" in message(stale)
    assert not [step for step in stale.steps if step.task == LOOKED]


def test_a_backup_with_warnings_holds_a_change_up_only_if_asked_to(shared):
    warns = {"lro": "job_warns", "code": "UserErrorNamespaceNotFound"}
    shared.fault(warns, method="POST", path="/backup$", times=2)
    change = {"aks_backup_change_tasks": "change.yml", "aks_backup_suspend_for_change": True}
    nowhere = gate(shared, aks_backup_change_tasks="nowhere.yml")
    assert "/nowhere.yml, and there is no such file where Ansible runs." in message(nowhere) and nowhere.writes == []
    strict = gate(shared, ignoring=True, aks_backup_run={"fail_on_warnings": True}, **change)
    assert "ended as CompletedWithWarnings" in message(strict)
    assert not [step for step in strict.steps if step.task == LOOKED] and verbs(strict) == ["backup"]
    assert gate(shared, **change).ok()[SAID].result["msg"][0] == "suspended"


def inside(subscription: Subscription, namespace: str) -> set[str]:
    """The objects in a namespace of the cluster, as ``kind/name``."""
    clusters = "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
    found = subscription.emulator.inside(subscription.path(f"{clusters}/{HOST}"), namespace, "", "")
    return {f"{one['kind']}/{one['metadata']['name']}" for one in found}


def test_a_restore_brings_back_what_is_asked_for(shared):
    backed_up(shared)
    beside = {"aks_backup_restore": {"restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-2"}}}}
    told = story(
        shared,
        act("missing", playbook("restore"), refused=True),
        act("plan", playbook("restore"), check=True, **beside),
        act("done", playbook("restore"), **beside),
        **ONE,
    )
    assert "missing required arguments: aks_backup_restore" in message(told["missing"])
    plan, done = told["plan"].ok(), told["done"].ok()
    assert plan.writes == []
    assert changes(plan) == changes(done) and verbs(done) == ["restore"]
    planned, result = (facts(one, "aks_backup_result")[HOST] for one in (plan, done))
    assert planned["plan"] == result["plan"] and planned["job"] is None
    assert result["plan"]["namespaces"] == [{"source": "shop", "target": "shop-2"}]
    assert result["job"]["status"] == "Completed"
    assert inside(shared, "shop-2") == inside(shared, "shop") != set()
    # Which point, which instance, which cluster: they reach the module, too, and it refuses before it writes.
    refusals = {
        "none": {"recovery_point": "none"},
        "Protect the cluster with aks_backup_instance first.": {"friendly_name": "shop"},
        "aks-east-9": {"target_cluster_name": "aks-east-9", "target_cluster_resource_group": "rg-clusters"},
    }
    told = story(
        shared,
        *(act(said, playbook("restore"), refused=True, aks_backup_restore=given) for said, given in refusals.items()),
        **ONE,
    )
    for said in refusals:
        assert said in message(told[said]) and verbs(told[said]) == []


def test_a_report_is_left_in_files_for_machines_and_for_people(shared, tmp_path):
    backed_up(shared)
    where = {"aks_backup_jobs_path": str(tmp_path)}
    plan = run(shared, JOBS, "--check", **where, **ONE).ok()
    assert plan.writes == [] and list(tmp_path.iterdir()) == []
    nowhere = {"aks_backup_jobs_path": str(tmp_path / "none")}
    told = story(shared, act("shown", JOBS, **where), act("nowhere", JOBS, refused=True, **nowhere), **ONE)
    shown = told["shown"].ok()
    assert changes(plan) == changes(shown) and shown.writes == []
    (machine,) = json.loads((tmp_path / "aks-backup-jobs.json").read_text())
    assert machine == facts(shown, "aks_backup_jobs")[HOST]
    people = (tmp_path / "aks-backup-jobs.md").read_text().splitlines()
    rows = [line for line in people if line.startswith(f"| {HOST} | ")]
    assert len(rows) == len(machine["jobs"]) + len(machine["recovery_points"])
    assert any(row.startswith(f"| {HOST} | OnDemandBackup | Completed | ") for row in rows)
    kept = [
        (point["time"][:16].replace("T", " "), point["retention_tag"] or "-") for point in machine["recovery_points"]
    ]
    assert kept and rows[-len(kept) :] == [f"| {HOST} | {time} | OperationalStore | {tag} |" for time, tag in kept]
    # Every row has the cells of the head above it.
    for head in ("| Cluster | Job", "| Cluster | Recovery point"):
        start = next(number for number, line in enumerate(people) if line.startswith(head))
        table = people[start:]
        table = table[: table.index("") if "" in table else None]
        assert len({line.count(" | ") + line.count("---|---") for line in (table[0], *table[2:])}) == 1
    assert "none" in message(told["nowhere"])
