# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role over several clusters: plan, run, second run, what is shared and by whom, and its other entry points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
import yaml

from tests.harness import Run, Subscription
from tests.harness.role import (
    BACKUP_NOW,
    EAST,
    JOBS,
    PROTECT,
    WEST,
    act,
    changes,
    facts,
    hosts_of,
    message,
    messages,
    role,
    run,
    story,
)
from tests.harness.role import protected as protect

# What clusters in two regions make; and those in one.
SHARED = {
    "Microsoft.DataProtection/backupVaults": 2,
    "Microsoft.DataProtection/backupVaults/backupPolicies": 2,
    "Microsoft.Storage/storageAccounts": 2,
    "Microsoft.Storage/storageAccounts/blobServices/containers": 3,
    "Microsoft.DataProtection/backupVaults/backupInstances": 3,
}
SHARED_IN_THE_EAST = {type_: count - 1 for type_, count in SHARED.items()}


def count(subscription: Subscription) -> dict[str, int]:
    return {type_: len(subscription.resources(type_)) for type_ in SHARED}


FIRST = {"aks-east-1": {"aks_backup_first_backup": True}}
BACK_UP, REGISTER = "Back up the cluster and wait for the job", "Register the resource providers"


@dataclass
class Protected:
    """Three clusters of one subscription: the plan made while it was empty, and the run that followed."""

    subscription: Subscription
    plan: Run
    planned_writes: int
    real: Run


@pytest.fixture(scope="module")
def protected(emulator):
    subscription = Subscription(emulator)
    plan = run(subscription, PROTECT, "--check", "--diff", more=FIRST).ok()
    planned_writes = len(subscription.writes())
    return Protected(subscription, plan, planned_writes, run(subscription, PROTECT, "--diff", more=FIRST).ok())


def test_the_plan_on_an_empty_subscription_writes_nothing_and_is_what_the_run_does(protected):
    assert protected.planned_writes == 0
    assert changes(protected.plan) == changes(protected.real)
    assert count(protected.subscription) == SHARED
    results = facts(protected.real, "aks_backup_result")
    states = {host: result["instances"][0]["protection_state"] for host, result in results.items()}
    assert states == dict.fromkeys((*EAST, *WEST), "ProtectionConfigured")
    assert all(result["changed"] for result in results.values())
    assert results["aks-east-2"]["vault"] == results["aks-east-1"]["vault"]
    assert results["aks-east-1"]["jobs"][0]["status"] == "Completed" and results["aks-east-2"]["jobs"] == []


def test_what_is_shared_is_done_once_by_the_first_of_those_who_share_it(protected):
    assert hosts_of(protected.real, REGISTER) == ["aks-east-1"]
    for task in ("Create the storage account", "Create the Backup vault", "Create the backup policies"):
        assert hosts_of(protected.real, task) == ["aks-east-1", "aks-west-1"], task


def test_the_second_run_and_a_plan_after_it_change_nothing(protected):
    before = len(protected.subscription.writes())
    first = {"aks_backup_first_backup": "{{ inventory_hostname == 'aks-east-1' }}"}
    told = story(protected.subscription, act("run", PROTECT, **first), act("plan", PROTECT, check=True, **first))
    for again in told.values():
        assert changes(again.ok()) == []
        results = facts(again, "aks_backup_result")
        assert {host: result["changed"] for host, result in results.items()} == dict.fromkeys((*EAST, *WEST), False)
    assert len(protected.subscription.writes()) == before


def test_verify_fails_where_the_protection_is_not_as_asked_for(protected):
    wishes = {"backup_configuration": {"snapshot_volumes": False}}
    recent = {"aks_backup_max_rpo_hours": 1}
    told = story(
        protected.subscription,
        act("as asked for", PROTECT, hosts=EAST[0]),
        # The policy of another run of the role, before it in the same play, is not this one's.
        act("other policy", role("verify"), refused=True, hosts=EAST[0], aks_backup_policy={"name": "aks-other"}),
        act("verify", role("verify"), hosts=EAST[0], **recent),
        act("of any age", role("verify"), hosts=WEST[0], aks_backup_max_rpo_hours=None),
        act("other", role("verify"), refused=True, hosts=EAST[0], aks_backup_instances=[wishes], **recent),
        act("stale", role("verify"), refused=True, hosts=WEST[0], **recent),
    )
    for name in ("as asked for", "verify", "of any age"):
        assert changes(told[name].ok()) == []
    assert message(told["other policy"]).startswith("aks-east-1 is not protected as asked for (aks-east-1-aks-east-1-")
    assert message(told["other"]).startswith("aks-east-1 is not protected as asked for (aks-east-1-aks-east-1-")
    assert message(told["stale"]).startswith("aks-west-1 is in state ProtectionConfigured (aks-west-1-")
    assert message(told["stale"]).endswith("and its newest recovery point is missing.")


def test_the_report_is_a_table_for_a_terminal_of_80_columns(protected):
    shown = run(protected.subscription, JOBS).ok()
    assert hosts_of(shown, "Read the jobs of the vault, once for the clusters in it") == ["aks-east-1", "aks-west-1"]
    [table] = [step.result["msg"] for step in shown.steps if step.task.endswith("Show jobs and recovery points")]
    assert all(len(line) <= 69 and line == line.rstrip() for line in table)
    job, point = (line.split() for line in table if line.startswith("aks-east-1"))
    assert job[1:3] == ["OnDemandBackup", "Completed"] and point[3] == "Operational"
    assert [line.split()[:2] for line in table if line.startswith("aks-west-1")] == [["aks-west-1", "none"]] * 2


def test_a_backup_now_hands_over_its_job(protected):
    result = run(protected.subscription, BACKUP_NOW, hosts=EAST[1:]).ok()
    found = facts(result, "aks_backup_result")["aks-east-2"]
    assert found["jobs"][0]["status"] == "Completed" and found["recovery_point_ids"]


def test_clusters_with_other_wishes_for_a_policy_lead_themselves(subscription):
    more = {"aks-east-2": {"aks_backup_policy": {"name": "aks-hourly", "schedule": {"interval": 6}}}}
    given = {"aks_backup_preflight": "skip", "aks_backup_register_providers": "no"}
    result = run(subscription, PROTECT, "--check", more=more, hosts=EAST, **given).ok()
    assert hosts_of(result, REGISTER) == []
    assert hosts_of(result, "Create the Backup vault") == ["aks-east-1"]
    assert hosts_of(result, "Create the backup policies") == ["aks-east-1", "aks-east-2"]


def artifacts(result: Run) -> list[dict[str, Any]]:
    """What each batch has left for AWX, with the number of hosts of the whole play."""
    told = [step.result["ansible_stats"]["data"] for step in result.steps if step.task.startswith("Sum up")]
    assert {int(one["aks_backup_protect_clusters"]) for one in told} == {2}
    return told


def test_the_first_batch_leads_those_after_it(subscription):
    result = run(subscription, PROTECT, "--check", hosts=EAST, aks_backup_preflight="skip", aks_backup_serial=1).ok()
    assert [host for host, dummy in groupby(step.host for step in result.steps)] == [*EAST]
    for task in (REGISTER, "Create the storage account", "Create the Backup vault", "Create the backup policies"):
        assert hosts_of(result, task) == [EAST[0]], task
    assert hosts_of(result, "Install the backup extension in the cluster") == [*EAST]
    names = ("changed", "failed", "left_out")
    told = [[one[f"aks_backup_protect_{name}"] for name in names] for one in artifacts(result)]
    assert told == [[[EAST[0]], [], [EAST[1]]], [[*EAST], [], []]]
    # A batch of which nobody is left is Ansible's reason to stop.
    more = {EAST[0]: {"aks_backup_cluster": {}}}
    stopped = run(subscription, PROTECT, "--check", hosts=EAST, more=more, aks_backup_serial=1)
    assert "id, resource_group" in message(stopped)
    told = [[one[f"aks_backup_protect_{name}"] for name in names] for one in artifacts(stopped)]
    assert told == [[[], [EAST[0]], [EAST[1]]]]


def test_where_the_leader_fails_the_others_do_it_themselves(subscription):
    # Once: the vault of the leader. The other cluster of the region must not depend on it.
    subscription.fault(
        {"status": 403, "code": "LinkedAuthorizationFailed", "message": "Not by you."},
        method="PUT", path=".*/backupVaults/bv-aks-eastus$", times=1,
    )  # fmt: skip
    result = run(subscription, PROTECT, hosts=EAST)
    assert [step.host for step in result.steps if step.failed] == ["aks-east-1"]
    assert hosts_of(result, "Create the Backup vault") == ["aks-east-1", "aks-east-2"]
    protected = facts(result, "aks_backup_result")
    assert list(protected) == ["aks-east-2"] and protected["aks-east-2"]["vault"]["name"] == "bv-aks-eastus"
    # And of other wishes it must not be taken to lead where it has none any more.
    removed = "{{ 'absent' if inventory_hostname == 'aks-east-1' else 'present' }}"
    other = {"aks_backup_vault": {"soft_delete": {"state": "On", "retention_days": 30}}, "aks_backup_state": removed}
    confirmed = {"aks_backup_confirm_delete_data": "aks-east-1"}
    told = story(
        subscription, act("again", PROTECT), act("other", PROTECT, check=True, **other, **confirmed), hosts=EAST
    )
    assert count(subscription) == SHARED_IN_THE_EAST
    assert ("aks-east-2", "aks_backup : Create the Backup vault") in changes(told["other"].ok())


def test_the_free_strategy_converges_as_well(subscription):
    free = [{**play, "strategy": "free"} for play in yaml.safe_load(PROTECT.read_text())]
    told = story(subscription, act("run", free), act("again", free), hosts=EAST)
    assert {host for host, _task in changes(told["run"].ok())} == {*EAST}
    assert count(subscription) == SHARED_IN_THE_EAST
    assert changes(told["again"].ok()) == []


def test_in_a_loop_the_item_is_the_users(subscription):
    """Variables are templates that are worked out where they are used: below the role's own loops, too."""
    vaults = [{"vault": f"bv-{name}", "snapshots": f"rg-{name}", "state": "suspended"} for name in ("one", "two")]
    [play] = role("main")
    [task] = play["tasks"]
    task["loop"] = vaults
    task["vars"] = {
        "aks_backup_snapshot_resource_group": "{{ item.snapshots }}",
        "aks_backup_state": "{{ item.state }}",
        "aks_backup_tags": {"vault": "{{ item.vault }}"},
        "aks_backup_vault": {"name": "{{ item.vault }}"},
    }
    result = run(subscription, [play], "--check", hosts=EAST[:1], aks_backup_preflight="skip").ok()
    assert "The loop variable 'item' is already in use" not in result.output
    made = [facts(Run(0, "", [step]), "aks_backup_result") for step in result.steps]
    instances = [found["aks-east-1"]["instances"][0] for found in made if found]
    assert [
        (one["vault_id"].rsplit("/", 1)[-1], one["snapshot_resource_group_id"].rsplit("/", 1)[-1], one["protection"])
        for one in instances
    ] == [("bv-one", "rg-one", "suspended"), ("bv-two", "rg-two", "suspended")]
    groups = [
        step.result["results"]
        for step in result.steps
        if step.task.endswith("Create the resource groups of snapshots and vault")
    ]
    assert [one["invocation"]["module_args"]["tags"] for found in groups for one in found] == [
        {"vault": "bv-one"},
        {"vault": "bv-two"},
    ]


def test_same_names_in_two_groups_get_two_containers(subscription):
    names = {
        "one": ("AKS_Prod", "rg-a"),
        "two": ("AKS_Prod", "rg-b"),
        "three": ("aks-prod", "rg-a"),
        "four": ("x" * 49 + "-yy", "rg-a"),
    }
    clusters = {
        host: {"aks_backup_cluster": {"name": name, "resource_group": group}, "aks_backup_location": "eastus"}
        for host, (name, group) in names.items()
    }
    only = ("--check", "--tags", "aks_backup:storage")
    result = run(subscription, PROTECT, *only, more=clusters, hosts=tuple(clusters)).ok()
    made = {
        step.host: step.result["container"]["name"]
        for step in result.steps
        if step.task.endswith("Create the cluster's container in the storage account") and step.kind == "ok"
    }
    assert len(set(made.values())) == len(names)
    assert made["one"].startswith("aks-prod-") and all(len(name) <= 63 and "--" not in name for name in made.values())


def test_what_is_given_by_its_id_is_used_and_not_touched(subscription):
    protect(subscription)
    before = len(subscription.writes())
    group = "resourceGroups/rg-aks-backup-eastus/providers"
    account = subscription.resources("Microsoft.Storage/storageAccounts")[0]["id"]
    vault = subscription.path(f"{group}/Microsoft.DataProtection/backupVaults/bv-aks-eastus")
    clusters = "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
    theirs = {
        "aks_backup_cluster": {"id": subscription.path(f"{clusters}/aks-east-2")},
        "aks_backup_policy": {"id": f"{vault}/backupPolicies/aks-default"},
        "aks_backup_register_providers": False,
        "aks_backup_snapshot_resource_group": subscription.path("resourceGroups/rg-aks-snapshots-eastus"),
        "aks_backup_storage": {"storage_account_id": account},
        "aks_backup_vault": {"id": vault},
    }
    result = run(subscription, PROTECT, more={"aks-east-2": theirs}, hosts=EAST[1:]).ok()
    assert not [step for step in result.steps if step.task.endswith("shared.yml")]
    given = (account.lower(), vault.lower(), f"{vault}/backupPolicies/aks-default".lower())
    touched = [request["path"].lower() for request in subscription.writes()[before:]]
    assert touched and not [path for path in touched if path.endswith(given)]
    assert facts(result, "aks_backup_result")["aks-east-2"]["vault"] == {"id": vault}


def test_where_the_caller_may_not_assign_roles_it_ends_with_the_commands(subscription):
    result = run(subscription, PROTECT, hosts=EAST[:1], aks_backup_permissions={"mode": "report"})
    [failed] = messages(result)
    assert failed.count("az role assignment create --assignee-object-id ") == 4
    assert "<known after apply>" not in failed
    assert subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances") == []
