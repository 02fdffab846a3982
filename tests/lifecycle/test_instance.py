# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: protection as a state, several of a cluster, deletion and return, failure and repair."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from tests.harness import ROOT, Run, Step, Subscription, steps, task
from tests.harness.direct import perform
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, VAULT, carry_out, chain, prepare, step

TYPE = "Microsoft.DataProtection/backupVaults/backupInstances"
SCENARIO = yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text())
SCENARIO["subscriptions"][0]["resource_groups"].append({"name": "rg-backup", "location": "eastus"})
SCENARIO["subscriptions"][0]["identities"] = [
    {"name": "id-backup", "resource_group": "rg-backup", "location": "eastus"}
]
BINDING = "UserErrorTrustedAccessGatewayReturnedForbidden"


@pytest.fixture
def subscription(emulator):
    return Subscription(emulator, copy.deepcopy(SCENARIO))


def identity(subscription: Subscription) -> str:
    return subscription.path(
        "resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-backup"
    )


def planned(subscription: Subscription, title: str, **options: Any) -> list[dict[str, Any]]:
    """The task as a plan, for real, and again."""
    return [
        step(subscription, "instance", title=f"{title} (plan)", check=True, **options),
        step(subscription, "instance", title=title, **options),
        step(subscription, "instance", title=f"{title} (again)", **options),
    ]


def refused(subscription: Subscription, title: str, **options: Any) -> dict[str, Any]:
    return step(subscription, "instance", title=title, ignore=True, **options)


def as_planned(run: Run, title: str) -> Step:
    """The real step of :func:`planned`: planned without a write, then done, then nothing left to do."""
    plan, done, again = run[f"{title} (plan)"], run[title], run[f"{title} (again)"]
    assert plan.changed and done.changed and not again.changed, (plan.result, done.result, again.result)
    assert plan.writes == [] == again.writes
    assert plan.result["diff"] == done.result["diff"]
    assert [one["id"] for one in plan.result["operations"]] == [
        one["id"] for one in done.result["operations"] if "/validateFor" not in one["id"]
    ]
    return done


def verbs(done: Step) -> list[str]:
    """What was written: the last part of each ID, with the method where it is none of its own."""
    names = [write.split()[0] + " " + write.rsplit("/", 1)[-1] for write in done.writes]
    return [name.removeprefix("POST ") for name in names]


def policies(subscription: Subscription, *names: str) -> list[dict[str, Any]]:
    return [step(subscription, "policy", title=f"policy {name}", name=name, preset="month") for name in names]


def test_protection_is_a_state(subscription):
    tags = {"tags": {"owner": "shop"}}
    before = prepare(subscription, chain(subscription, until="run"))
    run = carry_out(
        subscription,
        [
            *policies(subscription, "aks-month"),
            *planned(subscription, "suspend", protection="suspended"),
            *planned(subscription, "stop", protection="stopped"),
            *planned(subscription, "change what is stopped", protection="stopped", **tags),
            *planned(subscription, "suspend what is stopped", protection="suspended"),
            *planned(subscription, "stop again", protection="stopped"),
            *planned(subscription, "resume by another policy", policy_name="aks-month"),
            *planned(subscription, "other policy and stop", protection="stopped"),
        ],
    ).ok()
    name = before["instance"]["name"]
    suspended = as_planned(run, "suspend")
    assert verbs(suspended) == ["suspendBackups"]
    assert suspended.result["resource"]["protection"] == "suspended"
    assert suspended.result["resource"]["protection_state"] == "BackupsSuspended"
    assert suspended.result["next_backup_estimate"] is None
    assert f"{name} is not backed up while its protection is suspended." in warned(suspended)
    assert warned(run["suspend (again)"]) == ""
    stopped = as_planned(run, "stop")
    assert verbs(stopped) == ["resumeProtection", "stopProtection"]
    assert "Azure keeps all of them for ever and goes on charging" in warned(stopped)
    assert warned(run["stop (plan)"]) == warned(stopped)
    changed = as_planned(run, "change what is stopped")
    assert verbs(changed) == [f"PUT {name}"]
    assert changed.result["resource"]["tags"] == {"owner": "shop"}
    assert changed.result["resource"]["protection"] == "stopped"
    again = as_planned(run, "suspend what is stopped")
    assert verbs(again) == ["resumeProtection", "suspendBackups"]
    assert "Azure deletes the recovery points that the policy would have ended" in warned(again)
    resumed = as_planned(run, "resume by another policy")
    assert verbs(resumed) == ["resumeProtection", f"PUT {name}"]
    assert resumed.result["resource"]["policy_name"] == "aks-month"
    assert resumed.result["resource"]["protection"] == "active"
    assert resumed.result["next_backup_estimate"].endswith("Z")
    assert resumed.result["diff"]["before"]["protection_state"] == "ProtectionStopped"
    assert verbs(as_planned(run, "other policy and stop")) == [f"PUT {name}", "stopProtection"]
    assert validated(resumed) and not any(map(validated, (suspended, stopped, changed, again)))


def validated(done: Step) -> bool:
    """Whether Azure has been asked."""
    return any("/validateFor" in request["path"] for request in done.requests)


def warned(done: Step) -> str:
    return " ".join(done.result.get("warnings", []))


def test_several_of_a_cluster(subscription):
    ours = {"friendly_name": "shop", "policy_name": "aks-month"}
    before = prepare(subscription, chain(subscription, until="run"))
    run = carry_out(
        subscription,
        [
            *policies(subscription, "aks-month", "aks-quarter"),
            refused(subscription, "same policy", friendly_name="shop"),
            *planned(subscription, "second", **ours, backup_configuration={"included_namespaces": ["shop"]}),
            step(subscription, "instance", title="first is still the first"),
            *planned(subscription, "by the name of the CLI", **{**ours, "friendly_name": "aks-east-1/shop"},
                     tags={"by": "cli"}),
            *planned(subscription, "no other tags", **ours, tags={"by": "us"}, append_tags=False),
            *planned(subscription, "other tags as well", **ours, tags={"owner": "shop"}),
            refused(subscription, "to the other's policy", policy_name="aks-month"),
            refused(subscription, "of no name", name="mine", match="datasource", policy_name="aks-month"),
            *planned(subscription, "adopted", name="mine", match="datasource", **ours, tags={"by": "name"}),
            refused(subscription, "not adopted", name="mine", **ours),
            *planned(subscription, "a third by name", name="mine", policy_name="aks-quarter"),
        ]
    ).ok()  # fmt: skip
    first, second = before["instance"]["name"], as_planned(run, "second").result["name"]
    assert first != second
    assert not run["first is still the first"].changed and run["first is still the first"].result["name"] == first
    same = run["same policy"]
    assert (
        f"The backup instance {first} protects the cluster in this vault by the policy aks-daily" in same.result["msg"]
    )
    assert "Use another policy" in same.result["msg"] and same.writes == []
    assert as_planned(run, "by the name of the CLI").result["name"] == second
    assert as_planned(run, "no other tags").result["resource"]["tags"] == {"by": "us"}
    assert as_planned(run, "other tags as well").result["resource"]["tags"] == {"by": "us", "owner": "shop"}
    assert f"The backup instance {second} protects" in run["to the other's policy"].result["msg"]
    assert run["to the other's policy"].writes == []
    assert "say which one with name or friendly_name" in run["of no name"].result["msg"]
    assert as_planned(run, "adopted").result["name"] == second
    assert f"The backup instance {second} protects" in run["not adopted"].result["msg"]
    assert as_planned(run, "a third by name").result["name"] == "mine"
    assert len(subscription.resources(TYPE)) == 3


def test_deleted_and_brought_back(subscription):
    gone = {"state": "absent"}
    back = {"undelete": True}
    before = prepare(subscription, chain(subscription, until="run"))
    run = subscription.play(
        [
            refused(subscription, "not confirmed", **gone),
            refused(subscription, "wrongly confirmed (plan)", **gone, confirm_delete_data="aks-east-2"),
            *planned(subscription, "undelete what is there", **back, tags={"owner": "shop"}),
            *planned(subscription, "delete", **gone, confirm_delete_data="aks-east-1/fullbackup"),
            refused(subscription, "anew"),
            *planned(subscription, "anew by another name", name="other"),
            *planned(subscription, "delete the other", name="other", **gone, confirm_delete_data="other"),
            refused(subscription, "which one", **back, name="unheard", match="datasource"),
            *planned(subscription, "back", **back),
            *planned(subscription, "delete again", **gone, confirm_delete_data="{{ kept }}"),
            *planned(subscription, "back and stopped", **back, protection="stopped"),
        ],
        variables={"kept": "aks-east-1/fullbackup"},
    ).ok()
    name = before["instance"]["name"]
    for title in ("not confirmed", "wrongly confirmed (plan)"):
        assert f"set confirm_delete_data to '{name}' or to 'aks-east-1/fullbackup'." in run[title].result["msg"]
        assert "deletes the recovery points of aks-east-1" in run[title].result["msg"]
        assert run[title].writes == []
    assert "It is 'aks-east-2'." in run["wrongly confirmed (plan)"].result["msg"]
    assert verbs(as_planned(run, "undelete what is there")) == [f"PUT {name}"]
    deleted = as_planned(run, "delete")
    assert deleted.result["soft_deleted"] is True and deleted.result["purge_time"].endswith("Z")
    assert run["delete (plan)"].result["soft_deleted"] is True and run["delete (plan)"].result["purge_time"] is None
    assert run["delete (again)"].result["purge_time"] == deleted.result["purge_time"]
    anew = run["anew"].result["msg"]
    assert f"keeps a soft-deleted backup instance of the name {name} until {deleted.result['purge_time']}" in anew
    assert "Set undelete=true" in anew and run["anew"].writes == []
    assert "undelete=true would have brought it back" in warned(as_planned(run, "anew by another name"))
    as_planned(run, "delete the other")
    assert "several backup instances" in run["which one"].result["msg"]
    returned = as_planned(run, "back")
    assert verbs(returned) == ["undelete", "resumeProtection"]
    assert returned.result["name"] == name and returned.result["resource"]["protection"] == "active"
    assert returned.result["resource"]["tags"] == {"owner": "shop"}
    assert returned.result["diff"]["before"]["soft_deleted"] is True
    assert returned.result["diff"]["after"]["soft_deleted"] is False
    as_planned(run, "delete again")
    stopped = as_planned(run, "back and stopped")
    assert verbs(stopped) == ["undelete"]
    assert stopped.result["resource"]["protection"] == "stopped"


def test_the_recovery_points_of_a_cluster_that_is_gone_are_brought_back_and_kept(subscription):
    prepare(subscription, chain(subscription))
    module, wanted = steps.options(subscription)["instance"]
    named = {**wanted, "name": perform(subscription, module, **wanted)["name"]}
    cluster = "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1"
    subscription.emulator.server.world.store.delete(subscription.path(cluster))

    kept = perform(subscription, module, **named, protection="suspended")
    assert kept["resource"]["protection"] == "suspended" and kept["missing_roles"] is None, kept
    again = perform(subscription, module, **named)
    assert again["failed"] and "There is no cluster" in again["msg"], again
    nowhere = perform(subscription, "aks_backup_restore", **CLUSTER, **VAULT, name=named["name"])
    assert nowhere["failed"] and "name another with target_cluster_name or target_cluster_id" in nowhere["msg"]
    deleted = perform(subscription, module, **named, state="absent", confirm_delete_data=named["name"])
    assert deleted["soft_deleted"]
    refused = perform(subscription, module, **named, undelete=True)
    assert refused["failed"] and "There is no cluster" in refused["msg"]
    plan = perform(subscription, module, **named, undelete=True, protection="stopped", check=True)
    back = perform(subscription, module, **named, undelete=True, protection="stopped")
    assert plan["diff"] == back["diff"] and back["resource"]["protection"] == "stopped"
    points = perform(subscription, "aks_recovery_point_info", **CLUSTER, **VAULT, name=named["name"])
    assert points["summary"]["total"] == 1


def test_a_run_that_ends_on_the_way_is_finished_by_the_next(subscription):
    gone = {"state": "absent", "confirm_delete_data": "aks-east-1/fullbackup"}
    prepare(subscription, [*chain(subscription, until="run"), step(subscription, "instance", **gone)])
    subscription.fault({"status": 400, "code": "CloudInternalError", "message": "x"}, method="POST",
                       path="/resumeProtection", times=1)  # fmt: skip
    subscription.fault({"status": 400, "code": "CloudInternalError", "message": "x"}, method="POST",
                       path="/suspendBackups", times=1)  # fmt: skip
    subscription.fault({"lro": "fail", "code": "CloudInternalError", "message": "x"}, method="DELETE",
                       path="/backupInstances/", times=1)  # fmt: skip
    back = {"undelete": True, "protection": "suspended"}
    run = carry_out(
        subscription,
        [
            refused(subscription, "resume fails", **back),
            refused(subscription, "suspend fails", **back),
            step(subscription, "instance", title="finished", **back),
            refused(subscription, "delete fails", **gone),
            step(subscription, "instance", title="deleted", **gone),
        ],
    ).ok()
    assert [run[title].failed for title in ("resume fails", "suspend fails", "delete fails")] == [True] * 3
    assert verbs(run["resume fails"])[0] == "undelete"
    assert verbs(run["suspend fails"])[0] == "resumeProtection"
    assert verbs(run["finished"]) == ["suspendBackups"]
    assert run["finished"].result["resource"]["protection"] == "suspended"
    assert run["deleted"].changed and run["deleted"].result["soft_deleted"]


def test_a_failed_protection_is_mended(subscription):
    subscription.fault({"lro": "protection_fails", "code": BINDING, "message": "No binding."}, method="PUT",
                       path="backupInstances/", times=1)  # fmt: skip
    prepare(subscription, chain(subscription, until="instance"))
    run = carry_out(
        subscription,
        [
            refused(subscription, "fails"),
            refused(subscription, "fails again"),
            task("without the binding", "aks_trusted_access", **CLUSTER, **VAULT, state="absent"),
            refused(subscription, "not mended", resync=True, wait_timeout=8, poll_interval=1),
            refused(subscription, "not mended, not validated", resync=True, validation="none"),
            step(subscription, "binding", title="with the binding"),
            *planned(subscription, "mended", resync=True),
        ],
    ).ok()
    for title in ("fails", "fails again"):
        said = run[title].result["msg"]
        assert "is in state ProtectionError: the cluster is not protected." in said
        assert "have Azure try again with resync=true" in said and "No binding." in said
        assert run[title].result["error"]["code"] == BINDING
    assert run["fails again"].writes == []
    beside = run["not mended"].result
    assert "of waiting for roles and Trusted Access to take effect" in beside["msg"]
    assert "No Trusted Access role binding lets bv-east into aks-east-1. Run aks_trusted_access." in beside["msg"]
    assert len(beside["error"]["problems"]) == 2 and beside["error"]["code"] == BINDING
    blind = run["not mended, not validated"]
    assert verbs(blind) == ["sync"]
    assert "is in state ProtectionError" in blind.result["msg"]
    mended = as_planned(run, "mended")
    assert verbs(mended) == ["sync"]
    assert mended.result["resource"]["protection_error"] is None
    assert mended.result["diff"]["before"]["protection_error"]["code"] == BINDING
    assert mended.result["diff"]["after"]["protection_error"] is None


def test_what_was_found_is_told_when_the_time_is_up_in_the_middle_of_looking_again(subscription):
    prepare(subscription, [one for one in chain(subscription, until="instance") if one["name"] != "binding"])
    subscription.fault({"delay": 12}, method="GET", path="/trustedAccessRoleBindings", nth=2, times=1)
    run = carry_out(subscription, [refused(subscription, "refused", wait_timeout=8)]).ok()
    looks = [one for one in run["refused"].requests if one["path"].endswith("/trustedAccessRoleBindings")]
    assert len(looks) == 2
    assert "Run aks_trusted_access." in " ".join(run["refused"].result["error"]["problems"])


def test_everything_in_the_way_is_told_at_once(subscription):
    """Azure names what it meets first; the rest is found beside it."""
    tasks = [one for one in chain(subscription, until="instance") if one["name"] not in ("binding", "permissions")]
    # Long enough for an answer on a busy machine, short enough to wait for in vain.
    waits = {"wait_timeout": 8, "poll_interval": 1}
    run = carry_out(
        subscription,
        [
            *tasks,
            step(subscription, "instance", title="plan", check=True),
            refused(subscription, "refused", **waits),
            refused(subscription, "deep", validation="deep", name="deep", **waits),
            refused(subscription, "created all the same", validation="none", name="blind"),
            step(subscription, "instance", title="no deep leftovers", name="deep", state="absent",
                 confirm_delete_data="deep"),
            step(subscription, "instance", title="no blind leftovers", name="blind", state="absent",
                 confirm_delete_data="blind"),
            *[one for one in chain(subscription, until="instance") if one["name"] == "binding"],
            step(subscription, "permissions", title="permissions"),
            *planned(subscription, "deep and well", validation="deep", name="well"),
        ]
    ).ok()  # fmt: skip
    missing = [(row["principal"], row["role"]) for row in run["plan"].result["missing_roles"]]
    assert sorted(missing) == [
        ("cluster", "Contributor"),
        ("extension", "Storage Blob Data Contributor"),
        ("vault", "Reader"),
        ("vault", "Reader"),
    ]
    assert all(row["command"].startswith("az role assignment create") for row in run["plan"].result["missing_roles"])
    result = run["refused"].result
    problems = result["error"]["problems"]
    assert len(problems) == 6, problems
    assert result["error"]["code"] in problems[0]
    assert "Run aks_trusted_access." in problems[1]
    assert all(one.startswith("A role is missing: ") and "az role assignment create" in one for one in problems[2:])
    assert all(problem in result["msg"] for problem in problems[1:])
    assert [write for write in run["refused"].writes if write.startswith("PUT")] == []
    # A deep validation is one more than a shallow one, which fails first.
    assert [write for write in run["deep"].writes if write.startswith("PUT")] == []
    blind = run["created all the same"]
    assert verbs(blind) == ["PUT blind"] and not validated(blind)
    assert "is in state ProtectionError" in blind.result["msg"]
    assert not run["no deep leftovers"].changed and run["no blind leftovers"].changed
    well = as_planned(run, "deep and well")
    assert well.result["missing_roles"] == []
    sent = [request["body"] for request in well.requests if request["method"] == "PUT"]
    assert [body["properties"]["validationType"] for body in sent] == ["DeepValidation"]


def test_the_vaults_other_identity(subscription):
    user = {"identity": {"type": "UserAssigned", "user_assigned_identity_id": identity(subscription)}}
    both = {"type": "SystemAssigned,UserAssigned", "user_assigned_identities": [identity(subscription)]}
    prepare(subscription, chain(subscription, until="instance"))
    run = subscription.play(
        [
            refused(subscription, "not the vault's", **user),
            refused(subscription, "which", identity={**user["identity"], "type": "SystemAssigned"}),
            refused(subscription, "whose", identity={"type": "UserAssigned"}),
            step(subscription, "vault", title="give it to the vault", identity=both),
            step(subscription, "permissions", title="roles for it", vault_identity_id=identity(subscription)),
            *planned(subscription, "by it", **user),
            step(subscription, "instance", title="nothing asked"),
            *planned(subscription, "by the system's", identity={"type": "SystemAssigned"}),
        ],
    ).ok()
    said = run["not the vault's"].result["msg"]
    assert f"does not have the user-assigned identity {identity(subscription)}." in said and "aks_backup_vault" in said
    assert run["not the vault's"].writes == []
    assert "identity.type to UserAssigned" in run["which"].result["msg"]
    assert "user_assigned_identity_id" in run["whose"].result["msg"]
    assert as_planned(run, "by it").result["resource"]["identity"] == {
        "type": "UserAssigned",
        "user_assigned_identity_id": identity(subscription),
    }
    assert not run["nothing asked"].changed
    assert as_planned(run, "by the system's").result["resource"]["identity"] == {
        "type": "SystemAssigned",
        "user_assigned_identity_id": None,
    }


GUARDED = {
    "suspend": ("dppSuspendBackups", {"protection": "suspended"}),
    "stop": ("dppStopProtection", {"protection": "stopped"}),
    "other policy": ("dppModifyPolicy", {"policy_name": "aks-month"}),
    "delete": ("deleteBackupInstance", {"state": "absent", "confirm_delete_data": "aks-east-1/fullbackup"}),
}


def test_a_resource_guard(subscription):
    guard = Somebody(subscription).guard("rg-backup")
    tasks = []
    for title, (request, options) in GUARDED.items():
        tasks.append(
            step(subscription, "instance", title=f"{title} refused (plan)", check=True, ignore=True, **options)
        )
        tasks.append(refused(subscription, f"{title} refused", **options))
        given = {**options, "resource_guard_operation_requests": [f"{guard}/{request}Requests/default"]}
        tasks += planned(subscription, title, **given)
        if title in ("suspend", "stop"):
            tasks.append(step(subscription, "instance", title=f"{title}: back"))
    prepare(subscription, chain(subscription, until="run"))
    run = carry_out(
        subscription,
        [
            *policies(subscription, "aks-month"),
            step(subscription, "vault", title="guarded", resource_guard_id=guard),
            *tasks,
        ],
    ).ok()
    for title, (request, _options) in GUARDED.items():
        for plan in ("", " (plan)"):
            said = run[f"{title} refused{plan}"]
            assert "Have its owner give you the role Backup MUA Operator on it" in said.result["msg"]
            assert f"put {guard}/{request}Requests/default into resource_guard" in said.result["msg"]
            assert said.writes == []
        as_planned(run, title)
    assert verbs(run["delete"])[0] == "unlockDelete"


def test_what_nobody_may_delete(subscription):
    gone = {"state": "absent", "confirm_delete_data": "aks-east-1/fullbackup"}
    prepare(subscription, chain(subscription))
    run = carry_out(
        subscription,
        [
            step(subscription, "run", title="backup"),
            step(subscription, "vault", title="immutable", immutability="Unlocked"),
            step(subscription, "instance", title="refused (plan)", check=True, ignore=True, **gone),
            refused(subscription, "refused", **gone),
            refused(subscription, "refused, not confirmed", state="absent"),
        ],
    ).ok()
    for title in ("refused", "refused (plan)", "refused, not confirmed"):
        said = run[title].result["msg"]
        assert "The vault bv-east is immutable (Unlocked)" in said and "Wait until they have expired" in said
        assert "immutability disabled with aks_backup_vault" in said
        assert run[title].writes == []
    assert len(run["refused, not confirmed"].result["error"]["problems"]) == 2


def test_a_cluster_that_another_vault_protects(subscription):
    before = prepare(subscription, chain(subscription, until="run"))
    run = carry_out(
        subscription,
        [
            step(subscription, "vault", title="other vault", name="bv-other"),
            step(subscription, "policy", title="its policy", vault_name="bv-other"),
            step(subscription, "binding", title="its binding", vault_name="bv-other"),
            step(subscription, "permissions", title="its roles", vault_name="bv-other"),
            refused(subscription, "refused", vault_name="bv-other"),
            task("info", "aks_backup_instance_info", **CLUSTER),
        ],
    ).ok()
    name = before["instance"]["name"]
    result = run["refused"].result
    assert result["error"]["code"] == "UserErrorDppDatasourceAlreadyProtected"
    assert (
        f"The backup instance {name} of the vault bv-east protects the cluster as well, by the policy aks-daily and in "
        "state ProtectionConfigured." in result["msg"]
    )
    assert [one["name"] for one in run["info"].result["instances"]] == [name]


def test_reading_them(subscription):
    gone = {"state": "absent", "confirm_delete_data": "shop"}
    shop = {"friendly_name": "shop", "policy_name": "aks-month"}

    def info(title: str, **options: Any) -> dict[str, Any]:
        return task(title, "aks_backup_instance_info", ignore=True, **options)

    # Resource Graph lags behind.
    searched = {
        **info("search", include_deleted=True),
        "register": "found",
        "until": "found.summary.by_protection == {'stopped': 1, 'soft_deleted': 1}",
        "retries": 40,
        "delay": 0.5,
    }
    run = subscription.play(
        [
            info("before there is a vault", **VAULT),
            *chain(subscription, until="run"),
            *policies(subscription, "aks-month"),
            step(subscription, "instance", title="shop", **shop, tags={"owner": "shop"}),
            info("of the vault", **VAULT),
            info("cluster", **CLUSTER),
            step(subscription, "instance", title="no shop", **shop, **gone),
            step(subscription, "instance", title="stopped", protection="stopped"),
            info("vault and deleted", **VAULT, include_deleted=True),
            searched,
            info("search for a cluster", **CLUSTER, include_deleted=True, protection=["soft_deleted"]),
            info("other cluster", cluster_name="aks-east-2", cluster_resource_group="rg-clusters"),
            info("no cluster", cluster_name="aks-else", cluster_resource_group="rg-clusters"),
            info("no subscription", subscriptions=["mine"]),
            info("both", **VAULT, subscriptions=[subscription.id]),
        ]
    ).ok()
    first, second = run["instance"].result, run["shop"].result
    assert "Create it with aks_backup_vault first." in run["before there is a vault"].result["msg"]
    both = [one["name"] for one in run["of the vault"].result["instances"]]
    assert both == sorted([first["name"], second["name"]], key=str.lower)
    assert run["cluster"].result["instances"] == run["of the vault"].result["instances"]
    of_shop = next(one for one in run["of the vault"].result["instances"] if one["name"] == second["name"])
    assert of_shop.pop("next_backup_estimate").endswith("Z")
    assert of_shop == second["resource"]
    assert run["of the vault"].result["summary"] == {"by_protection": {"active": 2}, "total": 2}
    kept = run["vault and deleted"].result
    assert kept["summary"] == {"by_protection": {"soft_deleted": 1, "stopped": 1}, "total": 2}
    deleted = next(one for one in kept["instances"] if one["soft_deleted"])
    assert (deleted["name"], deleted["purge_time"]) == (second["name"], run["no shop"].result["purge_time"])
    assert deleted["next_backup_estimate"] is None
    assert [one["name"] for one in run["search"].result["instances"]] == [one["name"] for one in kept["instances"]]
    assert [one["name"] for one in run["search for a cluster"].result["instances"]] == [second["name"]]
    assert run["other cluster"].result["instances"] == []
    assert "There is no cluster" in run["no cluster"].result["msg"]
    assert "'mine' is not a valid name of a subscription" in run["no subscription"].result["msg"]
    assert "mutually exclusive" in run["both"].result["msg"]
    assert all(one.writes == [] for one in run.steps if one.action.endswith("_info"))
