# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of clusters and vaults, from documents to sentences. The pages are in test_coverage_pages.py."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import coverage
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import findings as coverage_findings
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import reasons as coverage_reasons
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state

NOW = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.timezone.utc)
OPTIONS = {"extensions": True, "grace": 7200, "namespaces": []}
VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv"


def ago(hours: float) -> str:
    return f"{NOW - datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M:%S.0000000Z}"


def instance(**over: Any) -> dict[str, Any]:
    return {
        "error": None,
        "excluded_namespaces": [],
        "id": f"{VAULT}/backupInstances/one",
        "included_namespaces": [],
        "interval_seconds": 86400.0,
        "last_good_backup": ago(3),
        "last_recovery_point": ago(3),
        "name": "one",
        "policy_id": f"{VAULT}/backupPolicies/daily",
        "policy_name": "daily",
        "protection_state": "ProtectionConfigured",
        "state": "protected",
        "vault_id": VAULT,
        "vault_name": "bv",
        **over,
    }


EXTENSION = {"id": "x", "message": None, "name": "azure-aks-backup", "state": "Succeeded", "version": "1"}
COPIES = {"properties": {"policyRules": [{"lifecycles": [{"sourceDataStore": {"dataStoreType": "VaultStore"}}]}]}}
SNAPSHOTS = {
    "properties": {"policyRules": [{"lifecycles": [{"sourceDataStore": {"dataStoreType": "OperationalStore"}}]}]}
}


def findings(*instances: Any, extension: Any = "well", policy: Any = "copies", bindings: Any = None,
             row: Any = None, **options: Any) -> list[dict[str, Any]]:  # fmt: skip
    extension = EXTENSION if extension == "well" else extension
    policy = COPIES if policy == "copies" else policy
    cluster = {
        "name": "aks",
        "protection": {
            "extension": extension,
            "instances": list(instances),
            "state": fleet_state.state(list(instances)),
        },
    }
    policies = {f"{VAULT}/backuppolicies/daily".lower(): policy} if policy else {}
    document = row or {"name": "aks", "identity": {"type": "SystemAssigned"}, "properties": {}}
    return coverage_findings.of_cluster(cluster, document, {**OPTIONS, **options}, NOW, policies, bindings)


def reasons(*instances: Any, **options: Any) -> list[str]:
    return [one["reason"] for one in findings(*instances, **options)]


# The latest good backup


@pytest.mark.parametrize(
    ("point", "jobs", "any_backup", "whole_backup"),
    [
        (None, {}, None, None),
        (ago(3), {}, ago(3), ago(3)),
        (ago(3), {"Completed": ago(3.1)}, ago(3), ago(3)),
        (ago(3), {"CompletedWithWarnings": ago(3.1), "Completed": ago(27)}, ago(3), ago(27)),
        (ago(3), {"CompletedWithWarnings": ago(3.1)}, ago(3), None),
        (ago(3), {"Completed": ago(3.1), "CompletedWithWarnings": ago(27)}, ago(3), ago(3)),
        # A point that Resource Graph does not show yet.
        (ago(27), {"Completed": ago(3)}, ago(3), ago(3)),
        (None, {"Failed": ago(1)}, None, None),
    ],
)
def test_which_backup_is_the_latest_good_one(point, jobs, any_backup, whole_backup):
    assert coverage_findings.good_backup(point, jobs, partial_counts=True) == any_backup
    assert coverage_findings.good_backup(point, jobs, partial_counts=False) == whole_backup


@pytest.mark.parametrize(
    ("age", "interval", "grace", "late"),
    [
        (25.9, 86400, 7200, False),
        (26.1, 86400, 7200, True),
        (26.1, 86400, 14400, False),
        (6.1, 14400, 7200, True),
        (5.9, 14400, 7200, False),
        # Of a policy that Resource Graph tells nothing of, only a backup can be missed that never was.
        (1000, None, 7200, False),
        (None, None, 7200, True),
    ],
)
def test_what_is_overdue(age, interval, grace, late):
    one = instance(last_good_backup=None if age is None else ago(age), interval_seconds=interval)
    assert coverage_findings.overdue(one, NOW, grace) is late


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        (["R/2026-01-01T02:00:00+00:00/PT4H"], 4),
        (["R/2026-01-01T02:00:00+00:00/P1W", "R/2026-01-04T02:00:00+00:00/P1W"], 168),
        (["R/2026-01-01T02:00:00+00:00/?"], None),
        ([], None),
        (None, None),
    ],
)
def test_where_an_instance_does_not_tell_how_often_its_policy_does(schedule, hours):
    cluster = f"{VAULT.partition('/providers/')[0]}/providers/Microsoft.ContainerService/managedClusters/aks"
    told = {"recoveryPointInfo": {"latestRecoveryPointInPrimaryRegion": ago(100)}}
    policy = {"policyId": f"{VAULT}/backupPolicies/Daily"}
    protected = {"currentProtectionState": "ProtectionConfigured", "policyInfo": policy,
                 "dataSourceInfo": {"resourceID": cluster}, "backupInstanceExtendedProperties": told}  # fmt: skip
    trigger = {"schedule": {"repeatingTimeIntervals": schedule}}
    rows = fleet_state.Rows(
        clusters=[{"id": cluster, "name": "aks", "location": "eastus", "asked": NOW.isoformat()}],
        instances=[{"id": f"{VAULT}/backupInstances/one", "name": "one", "properties": protected}],
        policies=[{"id": f"{VAULT}/backupPolicies/daily", "properties": {"policyRules": [{"trigger": trigger}, {}]}}],
    )
    asked = {"grace": "2h", "ignore_findings": [], "job_days": 1, "namespaces": [], "partial_counts": True}
    (shown,) = coverage.report(rows, fleet_state.clusters(rows, {}), asked)["clusters"]
    (one,) = shown["protection"]["instances"]
    assert one["interval_seconds"] == (None if hours is None else hours * 3600)
    assert ("rpo_missed" in [found["reason"] for found in shown["findings"]]) == (hours == 4)


def test_a_late_backup_is_told_with_its_figures():
    (found,) = findings(instance(last_good_backup=ago(50)))
    assert found["message"] == (
        "The last good backup of the backup instance one was at 2026-01-03 06:00 UTC, 2.1 days ago. Its policy allows "
        "26 hours, a grace of 2 hours included."
    )
    (never,) = findings(instance(last_good_backup=None))
    assert never["message"] == "No good backup of the backup instance one is known."


# Clusters


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, []),
        ({"extension": None}, ["extension_missing"]),
        ({"extension": None, "extensions": False}, []),
        ({"extension": {**EXTENSION, "state": "Failed"}}, ["extension_failed"]),
        ({"extension": {**EXTENSION, "state": None}}, ["extension_failed"]),
        ({"extension": {**EXTENSION, "state": "Updating"}}, []),
        ({"policy": SNAPSHOTS}, ["vault_tier_missing"]),
        ({"policy": None}, []),
        ({"bindings": []}, ["binding_missing"]),
    ],
)
def test_a_protected_cluster(options, found):
    assert reasons(instance(), **options) == found


def binding(source: str, state: str = "Succeeded") -> dict[str, Any]:
    return {"properties": {"sourceResourceId": source, "provisioningState": state}}


@pytest.mark.parametrize(
    ("bindings", "found"),
    [
        ([binding(VAULT.upper())], []),
        ([binding(VAULT, "Failed")], ["binding_missing"]),
        ([binding(VAULT + "2")], ["binding_missing"]),
    ],
)
def test_a_binding_counts_for_its_vault(bindings, found):
    assert reasons(instance(), bindings=bindings) == found


@pytest.mark.parametrize("state", ["stopped", "suspended", "configuring"])
def test_what_makes_no_backups_is_not_late_as_well(state):
    assert reasons(instance(state=state, last_good_backup=ago(500))) == [state]


def test_an_error_is_told_with_cause_and_advice():
    error = {"code": "UserErrorMissingRequiredPermissions", "message": "No.", "advice": "Do it.",
             "recommended_action": ["Call."]}  # fmt: skip
    (found,) = findings(instance(state="error", protection_state="ProtectionError", error=error))
    assert found["message"] == (
        "The backup instance one is in state ProtectionError. UserErrorMissingRequiredPermissions: No."
    )
    assert found["fix"] == "Do it."
    (unknown,) = findings(instance(state="error", protection_state="ProtectionError", error={"code": "New"}))
    assert unknown["fix"] == coverage_reasons.REASONS["protection_error"].fix


def test_an_unprotected_cluster_is_told_what_is_in_the_way():
    row = {"name": "aks", "identity": None, "properties": {"powerState": {"code": "Stopped"}}}
    (found,) = findings(extension=None, row=row)
    assert found["reason"] == "unprotected"
    assert "service principal" in found["message"] and "is stopped" in found["message"]


@pytest.mark.parametrize(
    ("instances", "wanted", "said"),
    [
        ([{}], [], None),
        ([{"excluded_namespaces": ["kube-system"]}], [], None),
        ([{"excluded_namespaces": ["a", "kube-system"]}], [], "These namespaces are left out: a."),
        ([{"included_namespaces": ["b", "a"]}], [], "Only these namespaces are backed up: a, b."),
        ([{"excluded_namespaces": ["a"]}, {"included_namespaces": ["a"]}], [], None),
        ([{"excluded_namespaces": ["a", "b"]}, {"excluded_namespaces": ["b", "c"]}], [],
         "These namespaces are left out: b."),
        ([{"excluded_namespaces": ["a"]}, {"state": "stopped"}], [], "These namespaces are left out: a."),
        ([{"excluded_namespaces": ["a"]}], ["b"], None),
        ([{"excluded_namespaces": ["a"]}], ["a", "b"], "These namespaces are not backed up: a."),
        ([{"included_namespaces": ["a"]}], ["a", "b"], "These namespaces are not backed up: b."),
    ],
)  # fmt: skip
def test_namespaces(instances, wanted, said):
    found = findings(*(instance(**one) for one in instances), namespaces=wanted)
    messages = [one["message"] for one in found if one["reason"] == "namespaces_not_covered"]
    assert messages == ([said] if said else [])


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([], "unprotected"),
        (["protected", "error"], "error"),
        (["stopped", "protected"], "protected"),
        (["suspended", "stopped"], "suspended"),
        (["configuring", "suspended"], "configuring"),
    ],
)
def test_the_state_of_several_instances(states, state):
    assert fleet_state.state([{"state": one} for one in states]) == state


# Vaults

STRONG: dict[str, Any] = {
    "storageSettings": [{"type": "GeoRedundant"}],
    "isVaultProtectedByResourceGuard": True,
    "securitySettings": {
        "softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0},
        "immutabilitySettings": {"state": "Locked"},
        "encryptionSettings": {"state": "Enabled", "infrastructureEncryption": "Enabled"},
    },
    "featureSettings": {
        "crossRegionRestoreSettings": {"state": "Enabled"},
        "crossSubscriptionRestoreSettings": {"state": "PermanentlyDisabled"},
    },
}


def with_(path: str, value: Any) -> dict[str, Any]:
    def put(document: dict[str, Any], keys: list[str]) -> dict[str, Any]:
        return {**document, keys[0]: put(document[keys[0]], keys[1:]) if keys[1:] else value}

    return put(STRONG, path.split("."))


@pytest.mark.parametrize(
    ("path", "value", "reason", "control"),
    [
        ("securitySettings.softDeleteSettings", {"state": "Off"}, "vault_soft_delete", "3.1.1"),
        ("securitySettings.immutabilitySettings", None, "vault_immutability", "3.1.2"),
        ("securitySettings.immutabilitySettings", {"state": "Disabled"}, "vault_immutability", "3.1.2"),
        ("securitySettings.encryptionSettings.state", "Disabled", "vault_encryption", "3.1.3"),
        ("securitySettings.encryptionSettings.infrastructureEncryption", "Disabled",
         "vault_infrastructure_encryption", "3.1.4"),
        ("featureSettings.crossRegionRestoreSettings", None, "vault_cross_region_restore", "3.1.5"),
        ("featureSettings.crossSubscriptionRestoreSettings.state", "Enabled", "vault_cross_subscription_restore",
         "3.1.6"),
        ("storageSettings", [{"type": "LocallyRedundant"}], "vault_redundancy", None),
        ("isVaultProtectedByResourceGuard", False, "vault_guard", None),
    ],
)  # fmt: skip
def test_each_weakness_of_a_vault_is_one_finding(path, value, reason, control):
    assert of_vault(STRONG) == []
    assert of_vault(with_(path, value)) == [(reason, control)]


def of_vault(properties: dict[str, Any]) -> list[tuple[str, str | None]]:
    shown = coverage_findings.vault({"id": VAULT, "name": "bv", "location": "eastus", "properties": properties})
    return [(one["reason"], one["control"]) for one in coverage_findings.of_vault(shown)]


def test_a_vault_without_settings_has_every_weakness_but_one():
    """Restore to other subscriptions is not on unless somebody turns it on."""
    expected = set(coverage_reasons.VAULT_REASONS) - {"vault_cross_subscription_restore", "vault_redundancy"}
    assert {reason for reason, _control in of_vault({})} == expected


# Counting and judging


def thing(name: str, *found: str) -> dict[str, Any]:
    return {
        "name": name,
        "covered": not found,
        "findings": [coverage_findings.finding(one, "x") for one in found],
        "protection": {"state": "protected"},
    }


def test_a_reason_counts_a_cluster_once():
    numbers = coverage.summary([thing("a", "rpo_missed", "rpo_missed"), thing("b"), thing("c")], [])
    assert numbers["by_reason"]["rpo_missed"] == 1 and numbers["by_state"]["protected"] == 3
    assert (numbers["clusters"], numbers["covered"], numbers["covered_percent"]) == (3, 2, 66)
    assert coverage.summary([], [])["covered_percent"] == 100


def test_limits():
    found = {
        "clusters": [thing(f"aks-{number:02}", "unprotected") for number in range(12)],
        "vaults": [thing("bv", "vault_soft_delete")],
    }
    limits = [{"reason": "unprotected", "max": 12}, {"reason": "vault_soft_delete", "max": 0}]
    assert coverage.violations(found, limits) == [
        "1 vault has the finding vault_soft_delete (soft delete off), and 0 may: bv. Run aks_backup_vault with "
        "soft_delete.state=On or AlwaysOn."
    ]
    (said,) = coverage.violations(found, [{"reason": "unprotected", "max": 11}])
    assert said.startswith("12 clusters have the finding unprotected (not protected), and 11 may: aks-00, aks-01, ")
    assert "aks-09 and 2 more. Run the role" in said
    assert coverage.violations(found, [{"reason": "rpo_missed", "max": 0}]) == []
    assert coverage.violations(found, None) == []


def test_every_reason_tells_what_to_do():
    for name, reason in coverage_reasons.REASONS.items():
        assert reason.severity in coverage_reasons.SEVERITIES, name
        assert reason.fix.endswith(".") and reason.title and reason.title[0].isupper(), name


# Which clusters


CLUSTER = {
    "name": "aks-prod-1",
    "resource_group": "RG-Shop",
    "location": "westeurope",
    "tags": {"Environment": "prod-eu", "critical": "true"},
}


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({}, True),
        ({"names": ["other", "AKS-prod-*"]}, True),
        ({"names": ["aks"]}, False),
        ({"resource_groups": ["rg-shop"]}, True),
        ({"locations": ["West Europe"]}, True),
        ({"locations": ["*us"]}, False),
        ({"tags": {"environment": "prod*"}}, True),
        ({"tags": {"environment": "Prod*"}}, False),
        ({"tags": {"environment": None, "owner": None}}, False),
        ({"tags": {"critical": True}}, True),
        ({"names": ["aks*"], "tags": {"environment": "test"}}, False),
        ({"exclude": {"names": ["*-1"]}}, False),
        ({"exclude": {"tags": {"owner": None, "environment": None}}}, False),
        ({"exclude": {"locations": ["eastus"]}, "names": ["*"]}, True),
        ({"exclude": {"locations": None, "names": None, "resource_groups": None, "tags": None}}, True),
    ],
)
def test_which_clusters_are_meant(options, meant):
    assert fleet_scope.wanted(CLUSTER, options) is meant


GUID = "00000000-0000-0000-0000-{:012}"


def test_where_to_look():
    home = {"subscription_id": GUID.format(0)}
    assert fleet_scope.scopes(home) == [{"subscriptions": [GUID.format(0)], "management_groups": []}]
    assert fleet_scope.scopes({"tenant_wide": True}) == [{"subscriptions": [], "management_groups": []}]
    groups = {**home, "management_groups": ["platform"]}
    assert fleet_scope.scopes(groups) == [{"subscriptions": [], "management_groups": ["platform"]}]
    many = [GUID.format(number) for number in range(1001)]
    assert [len(one["subscriptions"]) for one in fleet_scope.scopes({"subscriptions": [*many, many[0]]})] == [1000, 1]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "It is not known where to look for clusters: set subscriptions, management_groups or tenant_wide"),
        ({"subscriptions": ["x"]}, "'x' is not a valid name of a subscription"),
        ({"subscriptions": [GUID.format(0)], "tenant_wide": True}, "subscriptions and tenant_wide are different ways"),
    ],
)
def test_places_that_are_none(params, said):
    with pytest.raises(Refused, match=said):
        fleet_scope.scopes(params)


def test_empty_patterns_are_refused_all_at_once():
    with pytest.raises(Refused, match=r"names has an empty entry.*exclude\.locations has an empty entry"):
        fleet_scope.check({"names": [""], "exclude": {"locations": [" "]}})
