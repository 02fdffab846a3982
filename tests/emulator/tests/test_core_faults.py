# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault rules: what clients see of each, and that the retries of azure-core get over those it should."""

from __future__ import annotations

import http.client
import urllib.error

import pytest
from azure.core.exceptions import HttpResponseError, IncompleteReadError, ServiceResponseError

from tests.emulator.scenarios import PROFILES
from tests.emulator.tests.clients import GROUP, Azure, refused, scenario


@pytest.fixture
def azure(emulator):
    yield Azure(emulator)
    emulator.clear_faults()


def fault(azure, then, **match):
    return azure.emulator.fault(then, subscription=azure.subscription, **match)


def statuses(azure, since=0):
    return [entry["status"] for entry in azure.emulator.journal(azure.subscription, since)]


def test_an_error_a_number_of_times(azure):
    fault(azure, {"status": 503, "code": "ServerTimeout", "message": "Not now."}, method="GET", times=2)
    group = azure.resources.resource_groups.get(GROUP)
    assert group.name == GROUP
    assert statuses(azure) == [503, 503, 200]
    fault(azure, {"status": 409, "code": "Conflict", "message": "Never."}, method="PUT", path="resourcegroups/rg-no")
    error = refused(lambda: azure.resources.resource_groups.create_or_update("rg-no", {"location": "eastus"}),
                    "Conflict", 409)
    assert error.error.message == "Never."
    assert not azure.resources.resource_groups.check_existence("rg-no")


def test_throttling_is_retried_after_what_the_server_says(azure):
    fault(azure, {"status": 429, "code": "TooManyRequests", "retry_after": 5}, times=2)
    assert azure.resources.resource_groups.get(GROUP).name == GROUP
    assert statuses(azure) == [429, 429, 200]
    status, headers, dummy = 0, {}, None
    fault(azure, {"status": 429, "retry_after": 5}, times=1)
    status, headers, dummy = azure.http("GET", f"{azure.group_id}?api-version=2025-04-01")
    assert status == 429
    assert 0 < float(headers["retry-after"]) <= 0.01


def test_nth_counts_matches(azure):
    fault(azure, {"status": 418, "code": "Teapot"}, nth=2, times=1)
    path = f"{azure.group_id}?api-version=2025-04-01"
    assert [azure.http("GET", path)[0] for dummy in range(3)] == [200, 418, 200]


def test_a_path_is_an_expression_or_a_glob(azure):
    fault(azure, {"status": 418}, path=r"resourcegroups/rg-[0-9]+$")
    fault(azure, {"status": 417}, path="/subscriptions/*/resourcegroups/glob-*")
    groups = f"{azure.scope}/resourceGroups/"
    assert [azure.http("GET", f"{groups}{name}?api-version=2025-04-01")[0]
            for name in ("rg-12", "rg-x", "glob-1", GROUP)] == [418, 404, 417, 200]


def test_a_connection_lost_before_the_write(azure):
    fault(azure, {"drop": "before"}, method="PUT", times=1)
    with pytest.raises((urllib.error.URLError, http.client.RemoteDisconnected, ConnectionError)):
        azure.http("PUT", f"{azure.scope}/resourceGroups/rg-lost?api-version=2025-04-01", {"location": "eastus"})
    assert not azure.resources.resource_groups.check_existence("rg-lost")


def test_a_connection_lost_after_the_write(azure):
    fault(azure, {"drop": "after"}, method="PUT", times=1)
    with pytest.raises((urllib.error.URLError, http.client.RemoteDisconnected, ConnectionError)):
        azure.http("PUT", f"{azure.scope}/resourceGroups/rg-done?api-version=2025-04-01", {"location": "eastus"})
    assert azure.resources.resource_groups.check_existence("rg-done")
    entry = next(entry for entry in azure.emulator.writes(azure.subscription) if entry["method"] == "PUT")
    assert (entry["status"], bool(entry["fault"])) == (None, True)


def test_an_answer_cut_off(azure):
    fault(azure, {"truncate": True}, method="GET", times=1)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        azure.http("GET", f"{azure.group_id}?api-version=2025-04-01")
    fault(azure, {"truncate": True}, method="GET")
    with pytest.raises((HttpResponseError, IncompleteReadError, ServiceResponseError)):
        azure.resources.resource_groups.get(GROUP, retry_total=0)


def test_stale_reads(azure):
    groups = azure.resources.resource_groups
    groups.create_or_update("rg-stale", {"location": "eastus", "tags": {"version": "1"}})
    groups.create_or_update("rg-stale", {"location": "eastus", "tags": {"version": "2"}})
    fault(azure, {"stale": True}, method="GET", path="rg-stale", times=2)
    assert [groups.get("rg-stale").tags["version"] for dummy in range(3)] == ["1", "1", "2"]
    groups.create_or_update("rg-new", {"location": "eastus"})
    fault(azure, {"stale": True}, method="GET", path="rg-new", times=1)
    refused(lambda: groups.get("rg-new"), "ResourceGroupNotFound", 404)
    assert groups.get("rg-new").name == "rg-new"


def test_what_has_been_for_long_is_never_stale(azure):
    fault(azure, {"stale": True}, method="GET")
    assert azure.clusters.managed_clusters.get(GROUP, "aks-1").name == "aks-1"


def test_an_error_is_in_the_envelope_of_whom_it_comes_from(azure):
    path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1?api-version=2025-01-01"
    fault(azure, {"status": 409, "code": "OperationNotAllowed", "message": "Busy."}, times=1)
    assert azure.http("GET", path)[2] == {"code": "OperationNotAllowed", "details": None, "message": "Busy.",
                                          "subcode": ""}
    fault(azure, {"status": 429, "code": "TooManyRequests"}, times=1)
    assert azure.http("GET", path)[2]["error"]["code"] == "TooManyRequests"
    vault = f"{azure.group_id}/providers/Microsoft.DataProtection/backupVaults/v?api-version=2025-07-01"
    fault(azure, {"status": 500, "code": "CloudInternalError"}, times=1)
    assert azure.http("GET", vault)[2]["error"]["additionalInfo"][0]["type"] == "UserFacingError"


def test_operations_that_fail_or_hang(azure):
    fault(azure, {"lro": "fail", "code": "CloudInternalError", "message": "It broke."}, path="storageAccounts", times=1)
    error = refused(lambda: azure.account("stfails"), "CloudInternalError")
    assert error.error.message == "It broke."
    assert azure.http("GET", f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/stfails"
                      "?api-version=2025-01-01")[0] == 404
    fault(azure, {"lro": "hang"}, path="storageAccounts", times=1)
    status, headers, dummy = azure.http(
        "PUT", f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/sthangs?api-version=2025-01-01",
        {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    azure.emulator.advance(86400)
    assert (status, azure.http("GET", headers["location"])[0]) == (202, 202)


def test_a_lost_monitor(azure):
    fault(azure, {"lost_monitor": True}, path="asyncoperations", times=1)
    refused(azure.account, "NotFound", 404)


def test_a_revoked_token_is_asked_for_again(azure):
    fault(azure, {"expired_token": True}, method="GET", times=1)
    assert azure.resources.resource_groups.get(GROUP).name == GROUP
    assert statuses(azure) == [401, 200]


def test_rules_that_nobody_would_read_are_refused(azure):
    for rule in ({"match": {"pth": "x"}, "then": {"status": 500}}, {"match": {}, "then": {}}, {"then": {"sttus": 1}},
                 {"then": {"drop": "sometimes"}}, {"then": {"lro": "dance"}}, {"match": {"path": "("},
                                                                               "then": {"status": 500}}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            azure.emulator.manage("POST", "faults", rule)
        assert caught.value.code == 400


def test_rules_can_be_seen_and_taken_away(azure):
    number = fault(azure, {"status": 500}, path="nothing")
    shown = next(rule for rule in azure.emulator.faults() if rule["id"] == number)
    assert (shown["hits"], shown["then"]) == (0, {"status": 500})
    azure.emulator.manage("DELETE", f"faults/{number}")
    assert number not in {rule["id"] for rule in azure.emulator.faults()}


def test_buckets_run_dry_when_throttling_is_on(emulator):
    azure = Azure(emulator, {**scenario(), "principals": [{"name": "busy", "roles": [{"role": "Owner"}]}]})
    server = emulator.server
    oid = server.world.directory.by_app(
        azure.environment["AZURE_TENANT_ID"], azure.environment["AZURE_CLIENT_ID"]).oid
    emulator.settings(throttle=True)
    try:
        bucket = server.throttle._bucket(oid, azure.subscription, "subscription-writes")
        bucket.tokens, bucket.filled = -5000.0, server.world.clock.now
        path = f"{azure.scope}/resourceGroups/rg-busy?api-version=2025-04-01"
        status, headers, body = azure.http("PUT", path, {"location": "eastus"})
        assert (status, body["error"]["code"]) == (429, "SubscriptionRequestsThrottled")
        assert float(headers["retry-after"]) > 0
        assert azure.http("GET", f"{azure.group_id}?api-version=2025-04-01")[0] == 200, "reads have their own bucket"
        emulator.settings(throttle_refill=0.1)
        emulator.advance(1000)
        assert azure.http("PUT", path, {"location": "eastus"})[0] == 429
        emulator.settings(throttle_refill=1.0)
        emulator.advance(1000)
        assert azure.http("PUT", path, {"location": "eastus"})[0] == 201
    finally:
        emulator.settings(throttle=False, throttle_refill=1.0)


def test_remaining_requests_are_told(azure, emulator):
    """Those of a full bucket as long as nobody is throttled, or a client that looks would go slow for nothing."""
    path, name = f"{azure.group_id}?api-version=2025-04-01", "x-ms-ratelimit-remaining-subscription-resource-requests"
    assert [int(azure.http("GET", path)[1][name]) for _each in range(3)] == [250, 250, 250]
    told = azure.http("PUT", path, {"location": "eastus"})[1]
    assert [told[f"x-ms-ratelimit-remaining-subscription-{kind}"] for kind in ("writes", "global-writes")] == [
        "200", "3000"]
    emulator.settings(throttle=True)
    try:
        server = emulator.server
        oid = server.world.directory.by_app(
            azure.environment["AZURE_TENANT_ID"], azure.environment["AZURE_CLIENT_ID"]).oid
        server.throttle._bucket(oid, azure.subscription, "subscription-resource-requests").tokens = -100_000.0
        assert azure.http("GET", path)[1][name] == "0"
    finally:
        emulator.settings(throttle=False)


def test_an_answer_in_a_media_type_with_charset(azure):
    """Microsoft.DataProtection says a naked 406 where it would say 400."""
    path = f"{azure.group_id}/providers/Microsoft.DataProtection/backupVaults/v?api-version=2025-07-01"
    accept = {"Accept": "application/json; charset=utf-8"}
    status, dummy, body = azure.http("PUT", path, {"location": 5}, headers=accept)
    assert (status, body) == (406, None)
    assert azure.http("PUT", path, {"location": 5})[0] == 400
    assert azure.http("PUT", f"{azure.scope}/resourceGroups/x?api-version=2025-04-01", {}, headers=accept)[0] == 400


def test_profiles_are_made_of_rules_that_exist(emulator):
    for profile in PROFILES.values():
        for rule in profile.get("faults", []):
            added = emulator.manage("POST", "faults", {**rule, "match": {**rule["match"], "path": "no such path"}})
            emulator.manage("DELETE", f"faults/{added['id']}")
        assert set(profile) <= {"settings", "faults"}
