# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of every operation with one part replaced by nonsense: refused or taken, but never a defect, never a
hang."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator import Emulator
from tests.emulator.tests.furnished import GROUP, RULE, Furnished, policy
from tests.emulator.tests.test_dataprotection_restores import details, request, vaulted

VAULT = {"location": "eastus", "identity": {"type": "SystemAssigned,UserAssigned",
                                            "userAssignedIdentities": {"/a": {}}},
         "tags": {"a": "b"}, "properties": {
             "storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
             "monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"}},
             "featureSettings": {"crossRegionRestoreSettings": {"state": "Enabled"},
                                 "crossSubscriptionRestoreSettings": {"state": "Enabled"}},
             "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0},
                                  "immutabilitySettings": {"state": "Unlocked"}}}}
nonsense = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2 ** 70), st.floats(allow_nan=False, allow_infinity=False),
              st.text(max_size=12), st.sampled_from(["/", "//", "/subscriptions/x", "P", "R/", "Default", "AlwaysOn"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6)


@pytest.fixture(scope="module")
def emulator():
    with Emulator({"subscriptions": [{"name": "none"}]}, speed=500) as running:
        yield running


@pytest.fixture(scope="module")
def azure(emulator) -> Furnished:
    return vaulted(emulator, redundancy="GeoRedundant",
                   featureSettings={"crossRegionRestoreSettings": {"state": "Enabled"}})


@pytest.fixture(scope="module")
def requests(azure):
    """(method, path, body) of every operation with a body."""
    vault, location = azure.vault_id, f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/locations"
    instance, restored = f"{vault}/backupInstances/instance-1", request(azure)
    crossing = {"restoreRequestObject": request(azure, store="VaultStore"), "crossRegionRestoreDetails": details(azure)}
    lookup = {"sourceRegion": "eastus", "sourceBackupVaultId": vault, "jobId": "x"}
    return [
        ("PUT", vault, VAULT), ("PUT", f"{vault}-new", VAULT), ("PATCH", vault, VAULT),
        ("PUT", f"{vault}/backupPolicies/new", policy(vaulted=True)),
        ("PUT", instance, {"properties": azure.instance()}), ("PUT", f"{instance}-new",
                                                              {"properties": azure.instance()}),
        ("POST", f"{vault}/validateForBackup", {"backupInstance": azure.instance()}),
        ("POST", f"{instance}/validateForModifyBackup", {"backupInstance": azure.instance()}),
        ("POST", f"{instance}/backup", {"backupRuleOptions": {
            "ruleName": RULE, "triggerOption": {"retentionTagOverride": "Daily"}}}),
        ("POST", f"{instance}/restore", restored), ("POST", f"{instance}/validateRestore",
                                                    {"restoreRequestObject": restored}),
        ("POST", f"{instance}/stopProtection", {"resourceGuardOperationRequests": ["x"]}),
        ("POST", f"{instance}/suspendBackups", {"resourceGuardOperationRequests": ["x"]}),
        ("POST", f"{instance}/resumeProtection", {}), ("POST", f"{instance}/sync", {"syncType": "Default"}),
        ("POST", f"{instance}/findRestorableTimeRanges", {
            "sourceDataStoreType": "OperationalStore", "startTime": "2026-01-01T00:00:00Z"}),
        ("POST", f"{instance}/rehydrate", {"recoveryPointId": "x", "rehydrationRetentionDuration": "P1D"}),
        ("POST", f"{location}/eastus/checkNameAvailability", {"name": "v", "type": "x"}),
        ("POST", f"{azure.root}/providers/Microsoft.DataProtection/locations/eastus/checkFeatureSupport", {
            "objectType": "FeatureValidationRequest", "featureType": "DataSourceType", "featureName": "x"}),
        ("POST", f"{location}/westus/fetchSecondaryRecoveryPoints", details(azure)),
        ("POST", f"{location}/westus/crossRegionRestore", crossing),
        ("POST", f"{location}/westus/validateCrossRegionRestore", crossing),
        ("POST", f"{location}/westus/fetchCrossRegionRestoreJob", lookup),
        ("POST", f"{location}/westus/fetchCrossRegionRestoreJobs", lookup),
        ("PUT", f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/resourceGuards/g", {
            "location": "eastus", "properties": {"vaultCriticalOperationExclusionList": ["x"]}}),
        ("PUT", f"{vault}-new/backupResourceGuardProxies/DppResourceGuardProxy", {
            "properties": {"resourceGuardResourceId": "/x"}}),
    ]


def places(value, path=()):
    """The paths of all parts of a JSON value."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))


def replaced(value, path, new):
    if not path:
        return new
    result = copy.deepcopy(value)
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = new
    return result


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_one_part_replaced(azure, requests, data):
    method, path, body = data.draw(st.sampled_from(requests))
    where = data.draw(st.sampled_from(list(places(body))))
    broken = replaced(body, where, data.draw(nonsense))
    status, dummy, answer = azure.http(method, path, broken, version="2026-06-01")
    assert status < 500 or status == 501, json.dumps(answer)[:2000]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["backupInstances/instance-1/recoveryPoints", "backupJobs", "backupPolicies"]),
       st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="#"), max_size=20))
def test_filters(azure, collection, text):
    from urllib.parse import quote
    url = f"{azure.emulator.url}{azure.vault_id}/{collection}?api-version=2026-06-01&$filter={quote(text)}"
    assert azure.http("GET", url)[0] in (200, 400)


def test_the_world_goes_on(azure):
    """No event that the requests above have planned is a defect."""
    azure.emulator.advance(30 * 86400)
    assert azure.http("GET", azure.vault_id)[0] == 200
