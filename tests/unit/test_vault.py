# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults: what is asked for, what is irreversible, what an existing vault keeps."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _compare
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import Vault

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
