# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A month of backups on the emulator's clock, then restores from the vault tier, and in the paired region."""

from __future__ import annotations

import datetime

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils._resources.policy import retention
from tests.emulator import Emulator
from tests.harness import ROOT, Subscription, task
from tests.harness.steps import CLUSTER, VAULT, account, carry_out, options, prepare
from tests.lifecycle.test_restore import MODULE, SHOP, cluster_id, inside

DAY = 86400
PAIRED = {"cluster_name": "aks-paired", "cluster_resource_group": "rg-clusters"}
TIERS = {"OperationalStore": "operational_until", "VaultStore": "vault_until"}
KEEP = {"daily": 7, "weekly": 8, "monthly": 12, "yearly": 3, "tier": "vault"}


def scenario():
    document = yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text())
    document["subscriptions"][0]["clusters"].append(
        {"name": "aks-paired", "resource_group": "rg-clusters", "location": "westus", "identity": "SystemAssigned"}
    )
    return document


def now(emulator):
    return datetime.datetime.fromtimestamp(emulator.server.world.clock.now, datetime.timezone.utc)


def group(subscription, name):
    return subscription.path(f"resourceGroups/{name}")


def account_id(subscription, group_name, name):
    return f"{group(subscription, group_name)}/providers/Microsoft.Storage/storageAccounts/{name}"


def staged(subscription, region):
    """(steps, options): a staging area in a region and how a restore names it."""
    name = f"{account(subscription)[:20]}{region[0]}s"
    place = {"resource_group": f"rg-staging-{region}", "location": region, "storage_account": name}
    return [task(f"staging in {region}", "aks_backup_storage", **place)], {
        "staging_resource_group": f"rg-staging-{region}",
        "staging_storage_account_id": account_id(subscription, f"rg-staging-{region}", name),
    }


def restore(title, /, *, check=False, ignore=False, **more):
    return task(title, MODULE, check=check, ignore=ignore, **{**CLUSTER, **VAULT, "permissions": "grant", **more})


def points(title, /, **more):
    return task(title, "aks_recovery_point_info", **CLUSTER, **VAULT, **more)


def by_role(wishes):
    """The role's entry point, which finds what was made without it by the names in its variables."""
    return {
        "name": "role",
        "ansible.builtin.include_role": {"name": "aks.backup.aks_backup", "tasks_from": "restore"},
        "vars": {
            "aks_backup_cluster": {
                "name": CLUSTER["cluster_name"],
                "resource_group": CLUSTER["cluster_resource_group"],
            },
            "aks_backup_location": "eastus",
            "aks_backup_poll_interval": 0.05,
            "aks_backup_restore": wishes,
            "aks_backup_vault": {"name": VAULT["vault_name"], "resource_group": VAULT["vault_resource_group"]},
        },
    }


def results(run):
    """What the role hands over."""
    found = [step.result.get("ansible_facts", {}) for step in run.steps]
    return [facts["aks_backup_result"] for facts in found if "aks_backup_result" in facts]


@pytest.fixture(scope="module")
def month():
    """A cluster that has been backed up by its schedule for thirty days: (subscription, when protection began)."""
    with Emulator(scenario(), speed=500) as emulator:
        subscription = Subscription(emulator, scenario())
        overlaid = {
            "vault": {"redundancy": "GeoRedundant", "cross_region_restore": True, "confirm_irreversible": "bv-east"},
            "policy": {"preset": None, "rpo_hours": 24, "keep": KEEP},
            "permissions": {"vault_tier": True},
        }
        tasks = []
        for name, (module, given) in options(subscription).items():
            if name != "run":
                wanted = {**given, **overlaid.get(name, {})}
                tasks.append(task(name, module, **{key: value for key, value in wanted.items() if value is not None}))
        prepare(subscription, tasks)
        began = now(emulator)
        # To noon after the last backup, by when its copy has been made.
        [policy] = subscription.resources("Microsoft.DataProtection/backupVaults/backupPolicies")
        starts = retention.read(policy["properties"]).starts[0]
        end = (began + datetime.timedelta(days=30)).replace(hour=starts.hour, minute=starts.minute)
        emulator.advance((end + datetime.timedelta(hours=12) - now(emulator)).total_seconds())
        yield subscription, policy["properties"], began


def test_both_tiers_hold_what_the_retention_filter_predicted(month):
    subscription, policy, began = month
    begin, end = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (began, now(subscription.emulator)))
    predict = {
        "name": "predict",
        "ansible.builtin.set_fact": {
            "predicted": "{{ {'properties': policy} | aks.backup.backup_retention(start=began, date=ended) }}"
        },
        "vars": {"policy": policy, "began": begin, "ended": end},
    }
    run = subscription.play(
        [
            predict,
            points("all"),
            points("vault", datastore="VaultStore"),
            points("operational", datastore="OperationalStore"),
            points("partial", recovery_point_state="Partial"),
        ],
    ).ok()
    predicted = run["predict"].result["ansible_facts"]["predicted"]
    found = {name: run[name].result["recovery_points"] for name in ("all", "vault", "operational", "partial")}
    assert run["all"].result["summary"]["by_datastore"] == {
        "OperationalStore": predicted["operational"]["count"],
        "VaultStore": predicted["vault"]["count"],
    }
    # Point by point: of which day, by which rule, in which tiers.
    assert sorted(
        (point["time"][:10], point["retention_tag"].lower(), sorted(_tiers(point))) for point in found["all"]
    ) == sorted(
        (point["created"][:10], point["tag"].lower(), [tier for tier, until in TIERS.items() if point[until]])
        for point in predicted["points"]
    )
    # Each rule of the policy has made some but that of the year, whose first backup lies before these thirty days or
    # is one of them.
    assert {point["retention_tag"].lower() for point in found["all"]} >= {"daily", "weekly", "monthly"}
    assert len(found["operational"]) == predicted["operational"]["count"]
    # Operational ones have expired, whose copies are still there.
    assert len(found["vault"]) > sum("OperationalStore" in _tiers(point) for point in found["vault"])
    assert found["partial"] == []
    times = [point["time"] for point in found["all"]]
    assert times == sorted(times, reverse=True) and run["all"].result["latest"] == found["all"][0]
    assert all(store["expiry_time"] for point in found["vault"] for store in point["datastores"]
               if store["type"] == "VaultStore")  # fmt: skip


def _tiers(point):
    return {store["type"] for store in point["datastores"]}


def test_time_ranges_and_the_paired_region(month):
    subscription, _policy, _began = month
    moment = now(subscription.emulator)
    week = (moment - datetime.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = carry_out(
        subscription,
        [
            points("all"),
            points("this week", start_time=week),
            points("before", end_time=week),
            points("paired", secondary_region=True),
        ],
    ).ok()
    count = {step.task: len(step.result["recovery_points"]) for step in run.steps}
    assert 0 < count["this week"] < count["all"] and count["before"] > 0
    assert count["this week"] + count["before"] == count["all"]
    assert {tier for point in run["paired"].result["recovery_points"] for tier in _tiers(point)} == {"VaultStore"}
    assert run["paired"].writes == []


def test_an_expired_snapshot_comes_back_from_the_vault_through_staging(month):
    subscription, _policy, _began = month
    steps, staging = staged(subscription, "eastus")
    before = (now(subscription.emulator) - datetime.timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    mapped = {**SHOP, "namespace_mappings": {"shop": "shop-from-vault"}}
    common = {"before": before, "restore_configuration": mapped}
    run = carry_out(
        subscription,
        [
            *steps,
            restore("no staging", ignore=True, permissions="skip", **common),
            restore("wrong tier", ignore=True, source_datastore="OperationalStore", **common),
            restore("plan", check=True, **common, **staging),
            restore("wrong name", ignore=True, cleanup_staging="rg-backup", **common, **staging),
            restore("restore", cleanup_staging="rg-staging-eastus", **common, **staging),
        ],
    ).ok()
    assert run["no staging"].failed
    for option in ("staging_resource_group", "staging_storage_account_id"):
        assert f"{option} is needed: a restore from the vault tier" in run["no staging"].result["msg"]
    assert "There is no whole recovery point before" in run["wrong tier"].result["msg"]
    assert "cleanup_staging is 'rg-backup', but the staging resource group is" in run["wrong name"].result["msg"]
    assert run["plan"].writes == [] and run["plan"].result["plan"]["source_datastore"] == "VaultStore"
    assert any("Azure leaves what it lays out in rg-staging-eastus" in text for text in run["plan"].result["warnings"])
    done = run["restore"].result
    assert done["job"]["status"] == "Completed" and done["job"]["source_datastore"] == "VaultStore"
    assert done["staging_deleted"] is True
    assert {("vault", "Storage Blob Data Owner"), ("cluster", "Contributor")} <= {
        (row["principal"], row["role"]) for row in done["granted_roles"]
    }
    trigger = next(one for one in run["restore"].requests if one["path"].lower().endswith("/restore"))
    [criteria] = trigger["body"]["restoreTargetInfo"]["restoreCriteria"]
    assert criteria["objectType"] == "KubernetesClusterVaultTierRestoreCriteria"
    assert criteria["stagingResourceGroupId"].endswith("/rg-staging-eastus")
    assert set(inside(subscription, "shop-from-vault")) == set(inside(subscription, "shop"))
    groups = {one["name"] for one in subscription.resources("Microsoft.Resources/resourceGroups")}
    assert "rg-staging-eastus" not in groups and "rg-backup" in groups


def test_the_same_by_the_role(month):
    subscription, _policy, _began = month
    steps, staging = staged(subscription, "eastus")
    wishes = {
        "before": (now(subscription.emulator) - datetime.timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cleanup_staging": staging["staging_resource_group"],
        "permissions": "grant",
        "restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-by-role"}},
        **staging,
    }
    # What a restore that fails has laid out is of no use to the next one, and costs as well.
    subscription.fault({"lro": "job_fails", "code": "CloudInternalError"}, method="POST", path="/restore$", times=1)
    failing = restore("failing", ignore=True, **{**wishes, "permissions": "grant"})
    again = [{**one, "name": f"{one['name']} again"} for one in steps]
    run = subscription.play([*steps, failing, *again, by_role(wishes)]).ok()
    said = run["failing"].result["msg"]
    assert "ended as Failed. CloudInternalError" in said and "The staging resource group has been deleted." in said
    assert run[again[0]["name"]].changed
    [done] = results(run)
    assert done["job"]["status"] == "Completed" and done["plan"]["source_datastore"] == "VaultStore"
    assert set(inside(subscription, "shop-by-role")) == set(inside(subscription, "shop"))
    assert "rg-staging-eastus" not in {
        one["name"] for one in subscription.resources("Microsoft.Resources/resourceGroups")
    }


def test_a_group_that_holds_more_than_staging_is_not_deleted(month):
    subscription, _policy, _began = month
    own = {
        "staging_resource_group": "rg-backup",
        "staging_storage_account_id": account_id(subscription, "rg-backup", account(subscription)),
    }
    run = carry_out(
        subscription,
        [
            restore("backups", check=True, ignore=True, source_datastore="VaultStore",
                    cleanup_staging="rg-backup", **own),
            restore("no wait", check=True, ignore=True, source_datastore="VaultStore", wait=False,
                    cleanup_staging="rg-backup", **own),
        ]
    ).ok()  # fmt: skip
    said = run["backups"].result["msg"]
    assert "cleanup_staging would delete the Backup vault with the resource group rg-backup" in said
    assert f"cleanup_staging would delete the backups in {account(subscription)}" in said
    assert "cleanup_staging needs wait" in run["no wait"].result["msg"]


def test_in_the_paired_region(month):
    subscription, _policy, _began = month
    steps, staging = staged(subscription, "westus")
    target = {"target_cluster_name": "aks-paired", "target_cluster_resource_group": "rg-clusters"}
    west = {"storage_account": f"{account(subscription)[:20]}w", "storage_account_resource_group": "rg-west"}
    common = {**target, "secondary_region": True, "restore_configuration": SHOP}
    jobs = {**VAULT, "secondary_region": True, "since": ""}
    run = subscription.play(
        [
            *steps,
            task("account", "aks_backup_storage", resource_group="rg-west", location="westus",
                 storage_account=west["storage_account"], container="aks-paired"),
            task("extension", "aks_backup_extension", **PAIRED, **west, blob_container="aks-paired"),
            task("binding", "aks_trusted_access", **PAIRED, **VAULT),
            task(
                "permissions",
                "aks_backup_permissions",
                **PAIRED,
                **VAULT,
                **west,
                snapshot_resource_group="rg-snapshots",
            ),
            restore("same cluster", ignore=True, secondary_region=True, **staging),
            restore("operational", ignore=True, source_datastore="OperationalStore", **common, **staging),
            restore("staging elsewhere", ignore=True, **{**common, **staging,
                    "staging_storage_account_id": account_id(subscription, "rg-backup", account(subscription))}),
            restore("validate", validate_only=True, **common, **staging),
            restore("restore", **common, **staging),
            task("jobs", "aks_backup_job_info", **jobs),
            by_role({**common, **staging, "restore_configuration": {**SHOP, "namespace_mappings": {"shop": "role"}}}),
            task("jobs in full", "aks_backup_job_info", **jobs, limit=1, details=True),
        ]
    ).ok()  # fmt: skip
    refused = {name: run[name].result["msg"] for name in ("same cluster", "operational", "staging elsewhere")}
    assert "is in eastus, and this restore can only write to clusters in westus" in refused["same cluster"]
    assert "Only copies in the vault tier" in refused["operational"] or "no whole" in refused["operational"]
    assert "They have to be in one region" in refused["staging elsewhere"]
    verbs = [one["path"].rsplit("/", 1)[-1].lower() for one in run["restore"].requests if one["method"] == "POST"]
    wanted = ["fetchsecondaryrecoverypoints", "validatecrossregionrestore", "crossregionrestore"]
    assert [verb for verb in verbs if verb in wanted] == wanted
    assert "fetchcrossregionrestorejob" in verbs
    assert run["validate"].result["validated"] and run["validate"].writes == [
        write for write in run["validate"].writes if "/roleAssignments/" in write
    ]
    done = run["restore"].result
    assert done["job"]["status"] in ("Completed", "CompletedWithWarnings")
    assert done["job"]["operation"] == "CrossRegionRestore"
    assert "ConfigMap/web" in inside(subscription, "shop", cluster="aks-paired")
    [listed] = run["jobs"].result["jobs"]
    assert done["job_id"].endswith(f"/{listed['name']}") and listed["duration_seconds"] == 0
    [full] = run["jobs in full"].result["jobs"]
    assert (
        full["duration_seconds"] > 0
        and full["target_cluster_id"].lower() == cluster_id(subscription, "aks-paired").lower()
    )
    [handed_over] = results(run)
    assert handed_over["job"]["name"] == full["name"] and handed_over["job"]["operation"] == "CrossRegionRestore"
    assert set(inside(subscription, "role", cluster="aks-paired")) == set(
        inside(subscription, "shop", cluster="aks-paired")
    )
