# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else the role can be asked for: other states than protected, a look beforehand, several instances, single steps,
and another host that talks to Azure.
"""

from __future__ import annotations

import pytest

from tests.harness import Subscription
from tests.harness.role import (
    EAST,
    INSTANCES,
    PROTECT,
    Plays,
    act,
    changes,
    facts,
    hosts_of,
    messages,
    protected,
    role,
    run,
    story,
    verbs,
)

ONE = {"hosts": EAST[:1]}
OF_THE_CLUSTER = (
    INSTANCES,
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
)
SHARED = (
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.DataProtection/backupVaults/backupPolicies",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
)
CONFIRMED = {"aks_backup_state": "absent", "aks_backup_confirm_delete_data": "aks-east-1"}


def ignoring(plays: Plays) -> Plays:
    return [{**play, "ignore_errors": True} for play in plays]


def count(subscription: Subscription, types: tuple[str, ...]) -> list[int]:
    return [len(subscription.resources(type_)) for type_ in types]


def assigned(subscription: Subscription) -> int:
    """Assignments below the subscription: those that somebody made for the backup."""
    found = subscription.resources("Microsoft.Authorization/roleAssignments")
    return len([one for one in found if one["properties"]["scope"].count("/") > 2])


def protection(subscription: Subscription) -> str:
    (one,) = subscription.resources(INSTANCES)
    return str(one["properties"]["currentProtectionState"])


def test_from_protected_to_suspended_to_stopped_and_back(subscription):
    """To what the fleet task has made the role has nothing to add."""
    states = {
        "suspended": (["suspendBackups"], "BackupsSuspended"),
        "stopped": (["resumeProtection", "stopProtection"], "ProtectionStopped"),
        "present": (["resumeProtection"], "ProtectionConfigured"),
    }
    rotated = {"aks_backup_policy": {"schedule": {"frequency": "daily"}, "on_difference": "rotate"}}
    told = story(
        protected(subscription),
        act("begin", PROTECT),
        *(
            one
            for state in states
            for one in (
                act(f"{state}: plan", PROTECT, check=True, aks_backup_state=state),
                act(f"{state}: first", PROTECT, aks_backup_state=state),
                act(f"{state}: again", PROTECT, aks_backup_state=state),
                act(f"{state}: verify", role("verify"), aks_backup_state=state),
            )
        ),
        act("rotated: before", role("verify"), refused=True, **rotated),
        act("rotated: done", PROTECT, **rotated),
        act("rotated: verify", role("verify"), **rotated),
        **ONE,
    )
    assert changes(told["begin"].ok()) == told["begin"].writes == []
    for state, (written, expected) in states.items():
        plan, first, again, verified = (told[f"{state}: {name}"].ok() for name in ("plan", "first", "again", "verify"))
        assert plan.writes == [] and changes(plan) == changes(first) and len(changes(first)) == 1
        assert verbs(first) == written
        assert changes(again) == changes(verified) == again.writes == []
        (seen,) = facts(again, "aks_backup_result")["aks-east-1"]["instances"]
        assert seen["protection_state"] == expected
    # Its successor is what the policy is now.
    assert "aks-east-1 is not protected as asked for" in messages(told["rotated: before"])[0]
    assert changes(told["rotated: done"].ok()) == [("aks-east-1", "aks_backup : Create the backup policies")]
    assert changes(told["rotated: verify"].ok()) == told["rotated: verify"].writes == []
    assert protection(subscription) == "ProtectionConfigured"


def test_absent_takes_away_what_is_the_clusters_own_and_leaves_what_is_shared(subscription):
    protected(subscription)
    shared = count(subscription, SHARED)
    told = story(
        subscription,
        act("refused", PROTECT, refused=True, aks_backup_state="absent"),
        act("ignored", ignoring(role("unprotect")), refused=True),
        act("still there", role("verify"), refused=True, aks_backup_state="absent"),
        act("plan", PROTECT, check=True, **CONFIRMED),
        act("done", PROTECT, **CONFIRMED),
        act("again", role("unprotect"), **CONFIRMED),
        act("gone", role("verify"), **CONFIRMED),
        **ONE,
    )
    assert "set aks_backup_confirm_delete_data to the cluster's name" in messages(told["refused"])[0]
    assert messages(told["ignored"]) == messages(told["refused"])
    assert messages(told["still there"])[0].startswith("aks-east-1 is still protected (aks-east-1-aks-east-1-")
    assert told["refused"].writes == told["ignored"].writes == told["plan"].writes == told["gone"].ok().writes == []
    plan, done, again = (told[name].ok() for name in ("plan", "done", "again"))
    assert changes(plan) == changes(done) and len(changes(done)) == 4
    assert count(subscription, OF_THE_CLUSTER) == [0, 0, 0] and assigned(subscription) == 0
    assert count(subscription, SHARED) == shared
    assert facts(done, "aks_backup_result")["aks-east-1"]["changed"] is True
    (deleted,) = facts(done, "aks_backup_result")["aks-east-1"]["deleted"].items()
    assert deleted[0].startswith("aks-east-1-") and deleted[1].endswith("Z")
    assert changes(again) == []
    # What was deleted softly does not stand in the way.
    back = run(subscription, PROTECT, aks_backup_instances=[{"undelete": True}], **ONE).ok()
    assert facts(back, "aks_backup_result")["aks-east-1"]["instances"][0]["name"] == deleted[0]
    assert protection(subscription) == "ProtectionConfigured"


def test_absent_in_a_vault_that_does_not_protect_the_cluster_spares_what_the_other_one_needs(subscription):
    protected(subscription)
    before = count(subscription, OF_THE_CLUSTER), assigned(subscription)
    other = {"aks_backup_vault": {"name": "bv-other"}}
    done = run(subscription, PROTECT, **CONFIRMED, **other, **ONE).ok()
    assert changes(done) == [] and done.writes == []
    assert (count(subscription, OF_THE_CLUSTER), assigned(subscription)) == before
    assert facts(done, "aks_backup_result")["aks-east-1"]["changed"] is False
    left = facts(done, "aks_backup_result")["aks-east-1"]["instances"]
    assert [one["vault_id"].rsplit("/", 1)[-1] for one in left] == ["bv-aks-eastus"]


@pytest.fixture
def without_a_fitting_pool(emulator):
    pools = [{"name": "arm", "vm_size": "Standard_D4ps_v5"}]
    clusters = [{"name": "aks-east-1", "resource_group": "rg-clusters", "location": "eastus", "node_pools": pools}]
    return Subscription(
        emulator,
        {
            "subscriptions": [
                {
                    "providers": {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"},
                    "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
                    "clusters": clusters,
                }
            ],
            "principals": [{"name": "automation", "roles": [{"role": "Owner"}]}],
        },
    )


def test_preflight_looks_before_the_first_step(without_a_fitting_pool):
    subscription = without_a_fitting_pool
    elsewhere = {"aks_backup_location": "West Europe"}
    told = story(
        subscription,
        act("strict", PROTECT, refused=True, aks_backup_preflight="strict"),
        act("warned", PROTECT, check=True, refused=True),
        act("skipped", PROTECT, check=True, refused=True, aks_backup_preflight="skip"),
        act("misplaced", PROTECT, refused=True, aks_backup_preflight="strict", **elsewhere),
        act("alone", role("preflight")),
        act("blank", PROTECT, refused=True, aks_backup_vault={"name": None}, aks_backup_storage={"container": ""}),
        act("no ID", PROTECT, refused=True, aks_backup_cluster={"id": "aks-east-1"}),
        act("text", PROTECT, refused=True, aks_backup_cluster="resource_group=rg-clusters"),
        **ONE,
    )
    strict, misplaced, alone = told["strict"], told["misplaced"], told["alone"].ok()
    assert messages(strict)[0].startswith("node_pools (fail): ") and strict.writes == []
    (shown,) = [step.result["msg"] for step in told["warned"].steps if step.task.endswith("Show what was found")]
    assert any(sentence.startswith("node_pools (fail): ") for sentence in shown)
    assert not [step for step in told["skipped"].steps if "aks_backup_preflight_info" in step.action]
    assert "location (fail): What is to be made is in westeurope" in messages(misplaced)[0] and misplaced.writes == []
    assert facts(alone, "aks_backup_preflight_result")["aks-east-1"]["ok"] is False and alone.writes == []
    for name, unusable in (
        ("blank", "aks_backup_storage.container, aks_backup_vault.name"),
        ("no ID", "aks_backup_cluster.id"),
        ("text", "aks_backup_cluster"),
    ):
        assert f"These have no value that can be used: {unusable}. Correct them" in messages(told[name])[0]
        assert told[name].writes == []


def test_several_instances_of_one_cluster_with_policies_of_their_own(subscription):
    wishes = {
        "aks_backup_policies": [{"name": "shop-hourly", "schedule": {"frequency": "weekly"}}],
        "aks_backup_instances": [
            {"backup_configuration": {"excluded_namespaces": ["shop"]}},
            {
                "friendly_name": "shop",
                "policy_name": "shop-hourly",
                "backup_configuration": {"included_namespaces": ["shop"]},
            },
        ],
    }
    told = story(
        subscription,
        act("plan", PROTECT, check=True, **wishes),
        act("done", PROTECT, aks_backup_first_backup="yes", **wishes),
        act("without a backup", PROTECT, aks_backup_first_backup="no", **wishes),
        act("again", PROTECT, aks_backup_first_backup="true", **wishes),
        **ONE,
    )
    plan, done, without, again = (one.ok() for one in told.values())
    assert plan.writes == changes(without) == changes(again) == []
    assert hosts_of(without, "Read the recovery points of the cluster") == []
    # What the role has done before in the same run is not what it has done now.
    changed = [facts(one, "aks_backup_result")["aks-east-1"]["changed"] for one in (done, without, again)]
    assert changed == [True, False, False]
    assert set(changes(plan)) <= set(changes(done))
    policies = {
        one["properties"]["friendlyName"].replace("\\", "/").rsplit("/", 1)[-1]: one["properties"]["policyInfo"][
            "policyId"
        ].rsplit("/", 1)[-1]
        for one in subscription.resources(INSTANCES)
    }
    assert len(policies) == 2 and policies["shop"] == "shop-hourly"
    result = facts(done, "aks_backup_result")["aks-east-1"]
    assert [one["status"] for one in result["jobs"]] == ["Completed", "Completed"]


def test_a_tag_picks_a_step(subscription):
    protected(subscription)
    one = run(subscription, PROTECT, "--tags", "aks_backup:vault", aks_backup_tags={"owner": "platform"}, **ONE).ok()
    assert changes(one) == [("aks-east-1", "aks_backup : Create the Backup vault")]
    modules = {step.action for step in one.steps if step.action.startswith("aks.backup.") and step.kind == "ok"}
    assert modules == {"aks.backup.aks_backup_vault"}
    without = run(subscription, PROTECT, "--check", "--skip-tags", "aks_backup:vault", **ONE).ok()
    modules = {step.action for step in without.steps if step.action.startswith("aks.backup.") and step.kind == "ok"}
    assert {"aks.backup.aks_backup_policy", "aks.backup.aks_backup_provider"} < modules
    assert "aks.backup.aks_backup_vault" not in modules and changes(without) == []


def test_another_host_talks_to_azure(subscription):
    hosts = (*EAST[:1], "bastion")
    elsewhere = {"bastion": {"ansible_connection": "elsewhere"}}
    asked = {"aks_backup_delegate_to": "bastion", "aks_backup_hosts": EAST[0], "aks_backup_preflight": "skip"}
    plan = run(subscription, PROTECT, "--check", more=elsewhere, hosts=hosts, **asked).ok()
    modules = [step for step in plan.steps if step.action.startswith("aks.backup.") and step.kind == "ok"]
    assert len(modules) > 8 and {step.host for step in modules} == {EAST[0]}
    # Ansible does not say it of the items of loops.
    delegated = [step.result["_ansible_delegated_vars"] for step in modules if "results" not in step.result]
    assert len(delegated) > 5 and {one["ansible_connection"] for one in delegated} == {"elsewhere"}
    assert facts(plan, "aks_backup_result").keys() == {EAST[0]}
