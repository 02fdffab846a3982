# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults under Resource Guards, vaults that are deleted, and vaults that are brought back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.emulator import Emulator
from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, chain, prepare, step
from tests.lifecycle.vaults import NEW, SCENARIO, TYPE, as_planned, messages, planned, sent, vault, vault_id

DAY = 86400.0


@pytest.fixture(scope="module")
def emulator():
    """One of these tests' own: they let weeks pass."""
    with Emulator(speed=500) as running:
        yield running


@pytest.fixture
def subscription(emulator):
    return Subscription(emulator, copy.deepcopy(SCENARIO))


def guards(subscription: Subscription) -> tuple[str, str]:
    somebody = Somebody(subscription)
    return somebody.guard("rg-backup", "guard-1"), somebody.guard("rg-backup", "guard-2")


def test_a_resource_guard(subscription):
    first, second = guards(subscription)
    weaker = {"soft_delete": {"state": "Off"}, "immutability": "Disabled"}
    requests = {name: f"{first}/{name}Requests/default" for name in (
        "dppReduceSoftDeleteSecurity", "dppReduceImmutabilityState", "deleteResourceGuardProxy")}  # fmt: skip
    every = list(requests.values())
    run = subscription.play(
        [
            *planned("map", location="eastus", immutability="Unlocked", resource_guard_id=first),
            vault("nothing asked"),
            vault("other case", resource_guard_id=first.upper().replace("SUBS", "subs", 1)),
            *planned("stronger", soft_delete={"retention_days": 30}),
            vault("weaker (plan) (refused)", **weaker),
            vault("weaker (refused)", **weaker),
            vault("other request (refused)", **weaker, resource_guard_operation_requests=every[1:]),
            vault("replace (refused)", **weaker, resource_guard_id=second),
            vault("take away (refused)", resource_guard_id=""),
            vault("delete (refused)", state="absent"),
            *planned("weaker approved", **weaker, resource_guard_operation_requests=every[:2]),
            *planned("replace", resource_guard_id=second, resource_guard_operation_requests=every),
            *planned(
                "take away", resource_guard_id="", tags={"guarded": "no"},
                resource_guard_operation_requests=[every[2].replace("guard-1", "guard-2")],
            ),
            *planned("map again", resource_guard_id=first),
            vault("delete approved (plan)", state="absent", resource_guard_operation_requests=every[2:]),
            vault("delete approved", state="absent", resource_guard_operation_requests=every[2:]),
        ]
    ).ok()  # fmt: skip
    mapped = as_planned(run, "map")
    assert mapped.result["resource_guard_id"] == first
    assert mapped.result["resource"]["is_protected_by_resource_guard"] is True
    assert mapped.result["diff"]["before"] == {}
    assert mapped.result["diff"]["after"]["resource_guard_id"] == first
    assert not run["nothing asked"].changed and "resource_guard_id" not in run["nothing asked"].result
    assert not run["other case"].changed
    as_planned(run, "stronger")
    said = messages(run)
    for title in ("weaker (plan) (refused)", "weaker (refused)"):
        problems = run[title].result["error"]["problems"]
        assert [f"put {every[0]} into" in problems[0], f"put {every[1]} into" in problems[1]] == [True, True], problems
        assert "Have its owner give you the role Backup MUA Operator on it" in problems[0]
    assert len(run["other request (refused)"].result["error"]["problems"]) == 1
    assert "reducing soft delete" in said["other request (refused)"]
    assert len(run["replace (refused)"].result["error"]["problems"]) == 3
    for title in ("take away (refused)", "delete (refused)"):
        assert "taking away the protection by the guard. Have its owner" in said[title]
        assert every[2] in said[title]
    assert all(one.writes == [] for one in run.steps if one.failed)
    approved = as_planned(run, "weaker approved")
    assert sent(approved)["properties"]["resourceGuardOperationRequests"] == every[:2]
    assert approved.result["resource"]["immutability"] == "Disabled"
    replaced = as_planned(run, "replace")
    assert [write.rsplit("/", 1)[-1] for write in replaced.writes] == [
        "unlockDelete",
        "DppResourceGuardProxy",
        "DppResourceGuardProxy",
    ]
    assert replaced.result["diff"]["before"]["resource_guard_id"] == first
    taken = as_planned(run, "take away")
    assert taken.result["resource_guard_id"] is None
    assert taken.result["resource"]["is_protected_by_resource_guard"] is False
    assert taken.result["resource"]["tags"] == {"guarded": "no"}
    as_planned(run, "map again")
    assert run["delete approved (plan)"].writes == []
    assert run["delete approved"].changed
    assert subscription.resources(TYPE) == []


def test_an_approval_that_the_caller_may_not_use(emulator):
    scenario = copy.deepcopy(SCENARIO)
    scenario["principals"].append(
        {
            "name": "backup",
            "client_id": "00000000-0000-0000-0000-00000000abcd",
            "secret": "of-the-test",
            "roles": [{"role": "Backup Contributor", "scope": "{subscription}/resourceGroups/rg-backup"}],
        }
    )
    scenario["subscriptions"][0]["resource_groups"].append({"name": "rg-security", "location": "eastus"})
    subscription = Subscription(emulator, scenario)
    guard = Somebody(subscription).guard("rg-security")
    other = {
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000abcd",
        "AZURE_CLIENT_SECRET": "of-the-test",
        "AZURE_SECRET": "of-the-test",
    }
    subscription.play([vault("map", location="eastus", resource_guard_id=guard)]).ok()
    request = f"{guard}/dppReduceSoftDeleteSecurityRequests/default"
    run = subscription.play(
        [
            vault("off (refused)", soft_delete={"state": "Off"}, resource_guard_operation_requests=[request]),
            task("map another (refused)", "aks_backup_vault", ignore=True, **{**NEW, "name": "bv-west"},
                 resource_guard_id=guard),
        ],
        environment=other,
    )  # fmt: skip
    for title in ("off (refused)", "map another (refused)"):
        assert run[title].result["error"]["code"] == "LinkedAuthorizationFailed"
        assert "needs read access to every resource that the request names" in run[title].result["msg"]


def protected(subscription: Subscription, **options: Any) -> list[dict[str, Any]]:
    tasks = [one for one in chain(subscription, until="run") if one["name"] != "vault"]
    at = next(index for index, one in enumerate(tasks) if one["name"] == "policy")
    return [*tasks[:at], step(subscription, "vault", **options), *tasks[at:]]


def test_a_vault_goes_with_all_it_protects(subscription):
    everything = {"state": "absent", "on_instances": "stop_and_delete", "confirm_delete_data": "bv-east"}
    prepare(subscription, protected(subscription, soft_delete={"state": "Off"}))
    run = subscription.play(
        [
            vault("protects (refused)", state="absent"),
            vault("protects (plan) (refused)", state="absent"),
            vault("unconfirmed (refused)", **{**everything, "confirm_delete_data": "bv"}),
            vault("everything (plan)", **everything),
            vault("everything", **everything),
            vault("again", **everything),
        ]
    ).ok()
    said = messages(run)
    for title in ("protects (refused)", "protects (plan) (refused)"):
        assert "still protects: aks-east-1-aks-east-1-" in said[title]
        assert "or set on_instances to stop_and_delete" in said[title]
    assert "deletes these backup instances with all their recovery points: aks-east-1-" in said["unconfirmed (refused)"]
    assert "set confirm_delete_data to 'bv-east'" in said["unconfirmed (refused)"]
    assert all(one.writes == [] for one in run.steps if one.failed)
    plan, done = run["everything (plan)"], run["everything"]
    assert plan.changed and done.changed and not run["again"].changed
    # The vault is gone when the task ends, although Azure shows it for a while after its deletion has succeeded.
    assert [write.split("/")[-2] for write in done.writes] == ["backupInstances", "backupPolicies", "backupVaults"]
    assert [one["id"] for one in plan.result["operations"]] == [one["id"] for one in done.result["operations"]]
    assert done.requests[-1]["status"] == 404
    assert subscription.resources(TYPE) == []


def test_an_instance_that_is_being_deleted_already_is_waited_for(subscription):
    """By a run that was killed, or by somebody else."""
    prepare(subscription, protected(subscription, soft_delete={"state": "Off"}))
    (instance,) = subscription.resources(f"{TYPE}/backupInstances")
    subscription.fault({"lro": "slow", "factor": 1000}, method="DELETE", path="backupInstances/", times=1)
    Somebody(subscription).data_protection.backup_instances.begin_delete(
        "rg-backup", "bv-east", instance["name"], polling=False
    )

    def asked():
        return [one["status"] for one in subscription.journal() if one["method"] == "DELETE"][1:]

    everything = {"state": "absent", "on_instances": "stop_and_delete", "confirm_delete_data": "bv-east"}
    with subscription.running([vault("everything", **everything)]) as running:
        assert running.until(asked)
        subscription.emulator.advance(5 * DAY)
        running.wait().ok()
    assert asked()[0] == 400 and set(asked()[1:]) <= {200, 202}
    assert subscription.resources(TYPE) == []


def test_soft_deleted_instances_keep_a_vault(subscription):
    everything = {"state": "absent", "on_instances": "stop_and_delete", "confirm_delete_data": "bv-east"}
    prepare(subscription, protected(subscription))
    run = subscription.play(
        [
            vault("everything (plan) (refused)", **everything),
            vault("everything (refused)", **everything),
            vault("again (refused)", **everything),
            vault("plain (refused)", state="absent"),
        ]
    ).ok()
    name = subscription.resources(f"{TYPE}/deletedBackupInstances")[0]["name"]
    cluster = subscription.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/")
    for title, known in {
        "everything (plan) (refused)": False,
        "again (refused)": True,
        "plain (refused)": True,
    }.items():
        (kept,) = run[title].result["error"]["soft_deleted_instances"]
        assert (kept["name"], kept["datasource_id"]) == (name, f"{cluster}aks-east-1")
        assert bool(kept["purge_time"]) is bool(kept["deletion_time"]) is known
        assert f"{name} ({kept['purge_time'] or 'after the days of soft delete'})" in run[title].result["msg"]
        assert "Run again after that" in run[title].result["msg"]
        assert run[title].writes == []
    real = run["everything (refused)"]
    assert real.changed and len(real.writes) == 1
    assert [one["name"] for one in real.result["error"]["soft_deleted_instances"]] == [name]
    subscription.emulator.advance(15 * DAY)
    last = subscription.play([vault("at last", state="absent")]).ok()
    assert last["at last"].changed
    assert subscription.resources(TYPE) == []


def test_a_guarded_and_immutable_vault_is_deleted_only_with_approvals(subscription):
    first, _second = guards(subscription)
    requests = [
        f"{first}/{name}/default" for name in ("deleteBackupInstanceRequests", "deleteResourceGuardProxyRequests")
    ]
    everything = {"state": "absent", "on_instances": "stop_and_delete", "confirm_delete_data": "bv-east"}
    approved = {**everything, "resource_guard_operation_requests": requests}
    guarded = {"soft_delete": {"state": "Off"}, "immutability": "Unlocked", "resource_guard_id": first}
    prepare(subscription, protected(subscription, **guarded))
    run = subscription.play(
        [
            task("backup", "aks_backup_run", **CLUSTER, vault_name="bv-east", vault_resource_group="rg-backup"),
            vault("unapproved (refused)", **everything),
            vault("immutable (refused)", **approved),
            vault("mutable", immutability="Disabled",
                  resource_guard_operation_requests=[f"{first}/dppReduceImmutabilityStateRequests/default"]),
            vault("approved", **approved),
        ]
    ).ok()  # fmt: skip
    problems = run["unapproved (refused)"].result["error"]["problems"]
    assert ["deleting its backup instances" in problems[0], "taking away" in problems[1]] == [True, True]
    assert "immutable" in messages(run)["immutable (refused)"].lower()
    assert [write.rsplit("/", 1)[-1] for write in run["approved"].writes if "unlock" in write] == ["unlockDelete"] * 2
    assert subscription.resources(TYPE) == []


def test_undelete(subscription):
    always = {"soft_delete": {"state": "AlwaysOn"}, "confirm_irreversible": "bv-east"}
    first = subscription.play(protected(subscription, **always)).ok()["vault"].result["resource"]
    somebody = Somebody(subscription)
    (instance,) = (one["name"] for one in subscription.resources(f"{TYPE}/backupInstances"))
    somebody.data_protection.backup_instances.begin_delete("rg-backup", "bv-east", instance).result()
    somebody.data_protection.backup_vaults.begin_delete("rg-backup", "bv-east").result()
    subscription.emulator.advance(60)
    # The answer to the write gets lost on its way, so that the write is sent again.
    subscription.fault({"drop": "after"}, method="PUT", path="backupVaults/bv-east", times=1)
    back = {"location": "East US", "undelete": True, "tags": {"back": "yes"}}
    info = {"location": "eastus", "include_deleted": True}
    run = subscription.play(
        [
            task("gone", "aks_backup_vault_info", **info),
            vault("other settings (plan) (refused)", **back, redundancy="GeoRedundant", soft_delete={"state": "On"}),
            vault("other settings (refused)", **back, redundancy="GeoRedundant", soft_delete={"state": "On"}),
            vault("elsewhere (refused)", **{**back, "location": "westeurope"}),
            vault("other name (refused)", **back, name="bv-other"),
            *planned("undelete", **back),
            task("back", "aks_backup_vault_info", **info),
        ]
    ).ok()
    (kept,) = run["gone"].result["deleted_vaults"]
    assert (kept["id"], kept["name"]) == (vault_id(subscription), "bv-east")
    assert kept["soft_delete"] == {"state": "AlwaysOn", "retention_days": 14}
    assert kept["purge_time"] > kept["deletion_time"]
    assert run["gone"].result["vaults"] == []
    for title in ("other settings (plan) (refused)", "other settings (refused)"):
        problems = run[title].result["error"]["problems"]
        assert [any(piece in one for one in problems) for piece in ("is AlwaysOn", "another redundancy")] == [True] * 2
        assert run[title].writes == []
    said = messages(run)
    assert "in westeurope; those in westeurope are: none" in said["elsewhere (refused)"]
    assert (
        "Backup vault bv-other of the resource group rg-backup in eastus; those in eastus are: bv-east."
        in (said["other name (refused)"])
    )
    done, plan = as_planned(run, "undelete"), run["undelete (plan)"]
    assert done.result["diff"]["before"] == plan.result["diff"]["before"] == {}
    assert len(done.writes) == 3
    assert sent(done) == sent(done, 1) == {"location": "eastus", "identity": {"type": "SystemAssigned"}}
    resource = done.result["resource"]
    assert resource["soft_delete"]["state"] == "AlwaysOn" and resource["tags"] == {"back": "yes"}
    assert resource["identity"]["principal_id"] not in (None, first["identity"]["principal_id"])
    (warning,) = done.result["warnings"]
    assert f"a new identity, {resource['identity']['principal_id']}: assign its roles again" in warning
    assert [one["name"] for one in done.result["soft_deleted_instances"]] == [instance]
    assert plan.result["resource"]["identity"]["principal_id"] is None
    assert "not known yet" in plan.result["warnings"][0]
    assert "soft_deleted_instances" not in run["undelete (again)"].result
    assert run["back"].result["deleted_vaults"] == []
    assert [one["name"] for one in run["back"].result["vaults"]] == ["bv-east"]
