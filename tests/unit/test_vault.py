# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults: what is asked for, what is irreversible, what an existing vault keeps."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _compare
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import guard as vault_guard
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import work as vault_work
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.vault import Vault, wanted_identity

BASE = {"name": "bv", "resource_group": "rg", "location": "East US", "append_tags": True}
LIVE = {
    "location": "eastus",
    "identity": {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
    "properties": {
        "storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
        "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
        "secureScore": "Minimum",
    },
}


def live(**changes):
    document = _compare.plain(LIVE)
    for path, value in changes.items():
        node = document["properties"]
        *above, last = path.split("__")
        for key in above:
            node = node.setdefault(key, {})
        node[last] = value
    return document


def problems(options, document):
    return Vault().problems({**BASE, **options}, {}, document)


def test_a_new_vault_gets_safe_reversible_defaults():
    assert Vault().desired(BASE, {}, None) == {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
        },
    }


def test_an_existing_vault_keeps_what_nobody_asked_about():
    assert Vault().differences(Vault().desired(BASE, {}, LIVE), LIVE) == []


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"immutability": "Unlocked"}, "properties.securitySettings.immutabilitySettings"),
        ({"cross_region_restore": True}, "properties.featureSettings"),
        ({"cross_subscription_restore": "Enabled"}, "properties.featureSettings"),
        ({"alerts_for_all_job_failures": False}, "properties.monitoringSettings"),
        ({"soft_delete": {"state": "Off"}}, "properties.securitySettings.softDeleteSettings.state"),
        (
            {"soft_delete": {"retention_days": 30}},
            "properties.securitySettings.softDeleteSettings.retentionDurationInDays",
        ),
        ({"identity": {"type": "SystemAssigned,UserAssigned"}}, "identity.type"),
        ({"redundancy": "LocallyRedundant"}, "properties.storageSettings[].type"),
        ({"tags": {"a": "1"}}, "tags"),
        ({"location": "westeurope"}, "location"),
    ],
)
def test_each_option_is_a_difference_of_its_own(options, path):
    params = {**BASE, **options}
    changes = Vault().differences(Vault().desired(params, {}, LIVE), LIVE)
    assert [_compare.pattern(change.path) for change in changes] == [path]


@pytest.mark.parametrize(
    "options",
    [
        {"immutability": "Disabled"},
        {"cross_region_restore": False},
        {"cross_subscription_restore": "Disabled"},
        {"soft_delete": {"state": "On", "retention_days": 14}},
        {"identity": {"type": "SystemAssigned"}},
        {"redundancy": "GeoRedundant"},
        {"tags": {}},
    ],
)
def test_what_azure_leaves_out_equals_its_default(options):
    params = {**BASE, **options}
    assert Vault().differences(Vault().desired(params, {}, LIVE), LIVE) == []


def test_tags_are_added_or_replaced_as_asked():
    tagged = {**LIVE, "tags": {"a": "1", "b": "2"}}
    added = {**BASE, "tags": {"a": "1"}}
    exact = {**added, "append_tags": False}
    assert Vault().differences(Vault().desired(added, {}, tagged), tagged) == []
    assert [change.path for change in Vault().differences(Vault().desired(exact, {}, tagged), tagged)] == [
        ("tags", "b")
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"soft_delete": {"state": "AlwaysOn"}},
        {"immutability": "Locked"},
        {"cross_region_restore": True},
        {"cross_subscription_restore": "PermanentlyDisabled"},
    ],
)
def test_a_one_way_switch_needs_the_vaults_name(options):
    assert "is irreversible" in problems(options, LIVE)[0]
    assert problems({**options, "confirm_irreversible": "another"}, LIVE)
    assert problems({**options, "confirm_irreversible": "bv"}, LIVE) == []


@pytest.mark.parametrize(
    ("options", "current"),
    [
        ({"soft_delete": {"state": "On"}}, {"securitySettings__softDeleteSettings__state": "AlwaysOn"}),
        ({"immutability": "Unlocked"}, {"securitySettings__immutabilitySettings__state": "Locked"}),
        ({"cross_region_restore": False}, {"featureSettings__crossRegionRestoreSettings__state": "Enabled"}),
        (
            {"cross_subscription_restore": "Enabled"},
            {"featureSettings__crossSubscriptionRestoreSettings__state": "PermanentlyDisabled"},
        ),
    ],
)
def test_there_is_no_way_back_even_with_the_name(options, current):
    said = problems({**options, "confirm_irreversible": "bv"}, live(**current))
    assert len(said) == 1
    assert "Azure does not let it become" in said[0]


def test_what_cannot_be_is_refused():
    assert "14 to 180 days" in problems({"soft_delete": {"retention_days": 7}}, LIVE)[0]
    assert (
        "needs a GeoRedundant vault" in problems({"cross_region_restore": True, "confirm_irreversible": "bv"}, None)[0]
    )
    assert "location is not given" in problems({"location": None}, None)[0]


# Identities and keys

GROUPS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
ONE, TWO = (f"{GROUPS}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in ("one", "two"))
KEY = "https://kv.vault.azure.net/keys/k"
BOTH = {
    **LIVE,
    "identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {ONE: {"clientId": "c"}}},
}


@pytest.mark.parametrize(
    ("options", "document", "wanted"),
    [
        ({}, None, {}),
        ({"type": "None"}, None, {"type": "None"}),
        ({"user_assigned_identities": []}, LIVE, {}),
        (
            {"user_assigned_identities": [ONE]},
            None,
            {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {ONE: {}}},
        ),
        (
            {"user_assigned_identities": [TWO]},
            BOTH,
            {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {ONE: {}, TWO: {}}},
        ),
        (
            {"user_assigned_identities": [TWO], "append": False},
            BOTH,
            {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {TWO: {}}},
        ),
        ({"type": "SystemAssigned"}, BOTH, {"type": "SystemAssigned", "userAssignedIdentities": None}),
        ({"type": "UserAssigned"}, BOTH, {"type": "UserAssigned", "principalId": None, "tenantId": None}),
        # A vault that has no system-assigned identity does not get one by the way.
        (
            {"user_assigned_identities": [TWO]},
            {**LIVE, "identity": {"type": "UserAssigned", "userAssignedIdentities": {ONE: {}}}},
            {
                "type": "UserAssigned",
                "userAssignedIdentities": {ONE: {}, TWO: {}},
                "principalId": None,
                "tenantId": None,
            },
        ),
    ],
)
def test_identities_that_are_asked_for(options, document, wanted):
    assert wanted_identity({**BASE, "identity": options}, document) == wanted


def test_ids_of_another_case_are_the_same_identities():
    params = {**BASE, "identity": {"user_assigned_identities": [ONE.upper()]}}
    assert Vault().differences(Vault().desired(params, {}, BOTH), BOTH) == []


def encrypted(kind="UserAssigned", id_=ONE):
    document = copy.deepcopy(BOTH)
    document["properties"]["securitySettings"]["encryptionSettings"] = {
        "state": "Enabled",
        "keyVaultProperties": {"keyUri": KEY},
        "kekIdentity": {"identityType": kind, "identityId": id_},
    }
    return document


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({}, []),
        ({"key_uri": KEY + "/"}, []),
        ({"key_uri": f"{KEY}/1"}, ["keyVaultProperties.keyUri"]),
        ({"identity_id": ONE.lower()}, []),
        ({"identity_id": TWO}, ["kekIdentity"]),
        ({"identity_type": "UserAssigned"}, []),
        ({"identity_type": "SystemAssigned"}, ["kekIdentity"]),
        ({"infrastructure_encryption": False}, []),
        ({"infrastructure_encryption": True}, ["infrastructureEncryption"]),
    ],
)
def test_parts_of_a_key(options, changed):
    document = encrypted()
    changes = Vault().differences(Vault().desired({**BASE, "encryption": options}, {}, document), document)
    prefix = "properties.securitySettings.encryptionSettings."
    assert [_compare.pattern(change.path).removeprefix(prefix) for change in changes] == changed


def test_the_first_key_of_a_vault_is_a_whole_block():
    desired = Vault().desired({**BASE, "encryption": {"key_uri": KEY}}, {}, LIVE)
    assert desired["properties"]["securitySettings"]["encryptionSettings"] == {
        "state": "Enabled",
        "keyVaultProperties": {"keyUri": KEY},
        "kekIdentity": {"identityType": "SystemAssigned"},
        "infrastructureEncryption": "Disabled",
    }


def test_a_vault_that_cannot_reach_its_key_has_one_all_the_same():
    document = encrypted()
    document["properties"]["securitySettings"]["encryptionSettings"]["state"] = "Inconsistent"
    assert problems({"encryption": {"key_uri": KEY}}, document) == []


def test_a_key_does_not_outlive_the_identity_that_reads_it():
    assert (
        "has no such identity"
        in problems(
            {"identity": {"type": "UserAssigned"}, "encryption": {"identity_type": "SystemAssigned"}}, encrypted()
        )[0]
    )
    assert (
        "is not an identity of the Backup vault bv"
        in problems(
            {"identity": {"user_assigned_identities": [TWO], "append": False}, "encryption": {"key_uri": KEY}},
            encrypted(),
        )[0]
    )


def test_a_vault_with_soft_delete_has_days():
    off = live(securitySettings__softDeleteSettings={"state": "Off", "retentionDurationInDays": 0.0})
    desired = Vault().desired({**BASE, "soft_delete": {"state": "On"}}, {}, off)
    assert desired["properties"]["securitySettings"]["softDeleteSettings"]["retentionDurationInDays"] == 14
    assert problems({"soft_delete": {"retention_days": 30}}, off)[0].endswith("Leave one of them out.")


# Resource Guards

GUARD = f"{GROUPS}/providers/Microsoft.DataProtection/resourceGuards/guard"
OPERATIONS = (
    vault_guard.DELETE_INSTANCES,
    vault_guard.DELETE_MAPPING,
    vault_guard.REDUCE_IMMUTABILITY,
    vault_guard.REDUCE_SOFT_DELETE,
)
MAPPING = {
    "id": vault_guard.mapping_id(f"{GROUPS}/providers/Microsoft.DataProtection/backupVaults/bv"),
    "properties": {
        "resourceGuardResourceId": GUARD,
        "resourceGuardOperationDetails": [
            {"vaultCriticalOperation": operation, "defaultResourceRequest": f"{GUARD}/{number}/default"}
            for number, operation in enumerate(OPERATIONS)
            if operation != vault_guard.REDUCE_IMMUTABILITY
        ],
    },
}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"soft_delete": {"state": "Off"}}, [vault_guard.REDUCE_SOFT_DELETE]),
        ({"soft_delete": {"state": "AlwaysOn"}}, []),
        ({"soft_delete": {"retention_days": 20}}, [vault_guard.REDUCE_SOFT_DELETE]),
        ({"soft_delete": {"retention_days": 40}}, []),
        ({"immutability": "Disabled"}, [vault_guard.REDUCE_IMMUTABILITY]),
        ({"immutability": "Locked"}, []),
        ({"tags": {"a": "1"}}, []),
    ],
)
def test_what_a_guard_watches(options, found):
    document = live(
        securitySettings__softDeleteSettings={"state": "On", "retentionDurationInDays": 30.0},
        securitySettings__immutabilitySettings={"state": "Unlocked"},
    )
    assert vault_guard.reductions(Vault().desired({**BASE, **options}, {}, document), document) == found


def test_an_approval_is_asked_for_where_the_guard_watches():
    given = [f"{GUARD.upper()}/1/default/"]
    instances, soft_delete = vault_guard.unapproved(MAPPING, OPERATIONS, given)
    assert all(
        f"The Backup vault bv is protected by the Resource Guard {GUARD}," in said for said in (instances, soft_delete)
    )
    assert "approve deleting its backup instances" in instances and f"put {GUARD}/0/default into" in instances
    assert "approve reducing soft delete" in soft_delete and f"put {GUARD}/3/default into" in soft_delete
    assert vault_guard.unapproved(None, OPERATIONS, given) == []


def test_another_guard_is_as_critical_as_none():
    for guard, count in ((GUARD.lower(), 0), (f"{GUARD}-2", 1), ("", 1), (None, 0)):
        assert len(vault_guard.problems({**BASE, "resource_guard_id": guard}, {}, LIVE, MAPPING)) == count


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (["purpose"], True),
        (["PURPOSE:Backup"], True),
        (["purpose:backup"], False),
        (["purpose:"], False),
        (["empty:"], True),
        (["purpose", "other"], False),
        (["url:https://x"], True),
    ],
)
def test_tags_that_are_looked_for(wanted, there):
    assert vault_work._tagged({"Purpose": "Backup", "empty": "", "url": "https://x"}, wanted) is there
