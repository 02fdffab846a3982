# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every request meets before a provider sees it: versions, existence, rights, registration, contract, paging."""

from __future__ import annotations

import json

import pytest

from tests.emulator.tests.clients import BSL, GROUP, Azure, eventually, refused, scenario

CLUSTERS = "Microsoft.ContainerService/managedClusters"


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def error_of(azure, method, path, body=None, **more):
    status, headers, answer = azure.http(method, path, body, **more)
    return status, answer["error"]["code"], answer["error"]["message"], headers


def test_a_request_without_api_version(azure):
    assert error_of(azure, "GET", azure.group_id)[:2] == (400, "MissingApiVersionParameter")


def test_an_unknown_api_version_is_answered_with_the_known_ones(azure):
    cluster = f"{azure.group_id}/providers/{CLUSTERS}/aks-1?api-version=2001-01-01"
    status, code, message, dummy = error_of(azure, "GET", cluster)
    assert (status, code) == (400, "NoRegisteredProviderFound")
    assert "The supported api-versions are '2026-08-01, " in message
    status, code, message, dummy = error_of(azure, "GET", f"{azure.group_id}?api-version=2001-01-01")
    assert (status, code) == (400, "InvalidApiVersionParameter")
    assert "2025-04-01" in message


@pytest.mark.parametrize("location", ["eastus", "East%20US", "atlantis"])
def test_what_a_region_has_is_asked_of_a_region(azure, location):
    path = f"{azure.scope}/providers/Microsoft.ContainerService/locations/{location}/trustedAccessRoles"
    status, dummy, answer = azure.http("GET", f"{path}?api-version=2025-01-01")
    if location != "atlantis":
        assert status == 200
    else:
        assert (status, answer["error"]["code"]) == (400, "NoRegisteredProviderFound")
        assert "for location 'atlantis' and API version '2025-01-01'" in answer["error"]["message"]


@pytest.mark.parametrize(("path", "expected"), [
    ("/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups/x/", (404, "SubscriptionNotFound")),
    ("/subscriptions/nope/resourcegroups/x", (400, "InvalidSubscriptionId")),
    ("{scope}/resourceGroups/nope", (404, "ResourceGroupNotFound")),
    ("{scope}/resourceGroups/nope/providers/Microsoft.Storage/storageAccounts/x", (404, "ResourceGroupNotFound")),
    ("{group}/providers/Microsoft.Storage/storageAccounts/x", (404, "ResourceNotFound")),
    ("{group}/providers/Microsoft.ContainerService/managedClusters/x", (404, "ResourceNotFound")),
    ("{group}/providers/Microsoft.Storage/storageAccounts/x/blobServices/default/containers/c",
     (404, "ResourceNotFound")),
    ("{group}/providers/Contoso.Nothing/things/x", (404, "InvalidResourceNamespace")),
    ("{group}/providers/Microsoft.KeyVault/vaults/x", (501, "NotModelledByEmulator")),
    ("{group}/providers/Microsoft.Storage/queues/x", (501, "NotModelledByEmulator")),
    ("/what/is/this", (404, "InvalidResourceType")),
])
def test_what_does_not_exist(azure, path, expected):
    path = path.format(scope=azure.scope, group=azure.group_id)
    version = "2025-04-01" if "/providers/" not in path else "2025-01-01"
    assert error_of(azure, "GET", f"{path}?api-version={version}")[:2] == expected


@pytest.mark.parametrize("path", [
    "{scope}/resourcegroups?api-version=2025-04-01",
    "{group}/providers/Microsoft.DataProtection/backupVaults?api-version=2025-07-01",
    "{group}/providers/Microsoft.DataProtection/backupVaults/v/backupPolicies?api-version=2025-07-01",
])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_collection_can_only_be_read(azure, method, path):
    path = path.format(scope=azure.scope, group=azure.group_id)
    assert error_of(azure, method, path, {})[:2] == (405, "MethodNotAllowed")


@pytest.mark.parametrize(("method", "path"), [
    ("HEAD", f"{{group}}/providers/{CLUSTERS}/aks-1?api-version=2025-05-01"),
    ("POST", f"{{group}}/providers/{CLUSTERS}/aks-1?api-version=2025-05-01"),
    ("GET", f"{{group}}/providers/{CLUSTERS}/aks-1/runCommand?api-version=2025-05-01"),
    ("GET", "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"),
])
def test_a_method_that_is_not_there(azure, method, path):
    status, dummy, body = azure.http(method, path.format(group=azure.group_id))
    assert status == 405
    assert method == "HEAD" or body["error"]["code"] == "MethodNotAllowed"


@pytest.mark.parametrize("path", [
    "{scope}/providers/Microsoft.ContainerService/locations/eastus/operations/{op}?api-version=2016-03-30",
    "{scope}/providers/Microsoft.ContainerService/locations/eastus/operationresults/{op}?api-version=2016-03-30",
    f"{{group}}/providers/{CLUSTERS}/aks-1/commandResults/{{op}}?api-version=2025-05-01",
    f"{{group}}/providers/{CLUSTERS}/aks-1/providers/Microsoft.KubernetesConfiguration/extensions/x/operations/{{op}}"
    "?api-Version=2025-03-01",
    "{scope}/providers/Microsoft.Storage/locations/eastus/asyncoperations/{op}?api-version=2025-01-01",
    "{scope}/operationresults/{op}?api-version=2025-04-01",
])
def test_an_operation_that_nobody_knows(azure, path):
    op = "0c1f2d3e-0000-4000-8000-000000000000"
    assert azure.http("GET", path.format(scope=azure.scope, group=azure.group_id, op=op))[0] == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_says_that_it_is_json(azure, kind):
    path, body = f"{azure.scope}/resourcegroups/rg-kind?api-version=2025-04-01", {"location": "eastus"}
    assert error_of(azure, "PUT", path, body, headers={"Content-Type": kind})[:2] == (415, "UnsupportedMediaType")
    assert azure.http("GET", path)[0] == 404, "nothing was made"
    assert azure.http("PUT", path, body, headers={"Content-Type": "Application/JSON; charset=utf-8"})[0] == 201


@pytest.mark.parametrize("path", ["/resourcegroups/rg-nowhere?api-version=2025-04-01", *(
    f"/resourceGroups/{GROUP}/providers/{kind}" for kind in (
        f"{CLUSTERS}/aks-9?api-version=2025-05-01",
        "Microsoft.Storage/storageAccounts/stnowhere?api-version=2025-01-01",
        "Microsoft.DataProtection/backupVaults/vault-9?api-version=2025-07-01",
        "Microsoft.ManagedIdentity/userAssignedIdentities/id-9?api-version=2024-11-30"))])
def test_what_lies_in_a_region_names_it(azure, path):
    body = {"tags": {}, "identity": {"type": "SystemAssigned"}, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    assert error_of(azure, "PUT", azure.scope + path, body)[:2] == (400, "LocationRequired")


def test_missing_cluster_is_flat(azure):
    """AKS leaves out the wrapper that everybody else has."""
    body = azure.http("GET", f"{azure.group_id}/providers/{CLUSTERS}/x/trustedAccessRoleBindings/b"
                      "?api-version=2025-01-01")[2]
    assert body["error"]["code"] == "ResourceNotFound", "that the cluster is missing is said by ARM itself"
    body = azure.http("GET", f"{azure.group_id}/providers/{CLUSTERS}/aks-1/trustedAccessRoleBindings/b"
                      "?api-version=2025-01-01")[2]
    assert (body["code"], body["subcode"]) == ("NotFound", "GetTrustedAccessRoleBinding_NotFound")


def test_a_parent_must_exist_for_a_write(azure):
    path = (f"{azure.group_id}/providers/{CLUSTERS}/nope/providers/Microsoft.KubernetesConfiguration/extensions/x"
            "?api-version=2025-03-01")
    assert error_of(azure, "PUT", path, {"properties": {}})[:2] == (404, "ParentResourceNotFound")


def test_an_unregistered_provider_is_409_until_it_is_registered(emulator):
    azure = Azure(emulator, "default")
    namespace = "Microsoft.DataProtection"
    assert azure.resources.providers.get(namespace).registration_state == "NotRegistered"
    error = refused(azure.vault, "MissingSubscriptionRegistration", 409)
    assert error.error.details[0].target == namespace
    assert azure.resources.providers.register(namespace).registration_state == "Registering"
    eventually(lambda: azure.resources.providers.get(namespace).registration_state == "Registered")
    assert azure.vault().name == "vault-1"
    locations = azure.resources.providers.get(namespace).resource_types[0].locations
    assert "East US" in locations
    assert "eastus" not in locations


def test_sdk_clients_register_by_themselves(emulator):
    """azure-core does so for plain (not streamed) requests that are answered with the 409, GETs included."""
    azure = Azure(emulator, "default")
    list(azure.vaults.get_in_resource_group(GROUP))
    assert azure.resources.providers.get("Microsoft.DataProtection").registration_state == "Registered"


def test_a_caller_without_the_right_is_refused(emulator):
    document = {**scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}]),
                "principals": [{"name": "reader", "roles": [{"role": "Reader",
                                                             "scope": f"{{subscription}}/resourceGroups/{GROUP}"}]}]}
    azure = Azure(emulator, document)
    assert azure.clusters.managed_clusters.get(GROUP, "aks-1").name == "aks-1"
    error = refused(lambda: azure.account("streader"), "AuthorizationFailed", 403)
    assert "'Microsoft.Storage/storageAccounts/write'" in error.message
    assert f"over scope '{azure.group_id}/providers/Microsoft.Storage/storageAccounts/streader'" in error.message
    refused(lambda: azure.resources.providers.register("Microsoft.Storage"), "AuthorizationFailed", 403)
    refused(lambda: azure.resources.resource_groups.create_or_update("rg-new", {"location": "eastus"}),
            "AuthorizationFailed", 403)
    assert [group.name for group in azure.resources.resource_groups.list()] == [GROUP]


def test_rights_on_what_a_request_names_are_needed_too(emulator):
    """The vault as the source of a binding, and an identity that a vault is to have."""
    group = f"{{subscription}}/resourceGroups/{GROUP}"
    azure = Azure(emulator, {
        **scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}]),
        "principals": [{"name": "operator", "roles": [
            {"role": "Azure Kubernetes Service Contributor Role", "scope": group},
            {"role": "Backup Contributor",
             "scope": f"{group}/providers/Microsoft.DataProtection/backupVaults/mine"}]}]})
    path, body = (f"{azure.group_id}/providers/{CLUSTERS}/aks-1/trustedAccessRoleBindings/b?api-version=2025-01-01",
                  {"roles": ["Microsoft.DataProtection/backupVaults/backup-operator"]})
    source = f"{azure.group_id}/providers/Microsoft.DataProtection/backupVaults/"
    status, code, message, dummy = error_of(azure, "PUT", path, {"properties": {**body, "sourceResourceId":
                                                                                f"{source}other"}})
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    assert f"'Microsoft.DataProtection/backupVaults/read' on the linked scope(s) '{source}other'" in message
    identity = f"{azure.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
    vault = {"location": "eastus", "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
             "properties": {"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}}
    status, code, message, dummy = error_of(azure, "PUT", f"{source}mine?api-version=2025-07-01", vault)
    assert (status, code) == (403, "LinkedAuthorizationFailed")
    assert "userAssignedIdentities/assign/action" in message
    assert azure.http("GET", f"{source}mine?api-version=2025-07-01")[0] == 404


@pytest.mark.parametrize(("change", "text"), [
    ({"propertees": {}}, "Could not find member 'propertees'"),
    ({"properties": {"allowSharedKeyAcess": False}}, "Could not find member 'allowSharedKeyAcess'"),
    ({"properties": {"allowSharedKeyAccess": "no"}}, "Error converting value 'no'"),
    ({"kind": "StorageV9"}, "'StorageV9' is not one of"),
    ({"tags": {"a": 1}}, "Path 'tags.a'"),
    ({"tags": ["a"]}, "An object is expected."),
    ({"sku": None}, "Required property 'sku' not found"),
    ({"properties": {"creationTime": "2026-01-01T00:00:00Z", "keyCreationTime": None, "dnsEndpointType": 5}},
     "properties"),
])
def test_a_body_that_breaks_the_contract(azure, change, text):
    body = {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **change}
    path = f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/stcontract?api-version=2025-01-01"
    status, code, message, dummy = error_of(azure, "PUT", path, body)
    assert (status, code) == (400, "InvalidRequestContent")
    assert text in message
    assert azure.http("GET", path)[0] == 404


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"null", b"[" * 100000])
def test_a_body_that_is_no_object(azure, raw):
    status, code, dummy, dummy = error_of(azure, "PUT", f"{azure.scope}/resourceGroups/rg-raw?api-version=2025-04-01",
                                          raw=raw)
    assert (status, code) == (400, "InvalidRequestContent")


def test_property_names_do_not_mind_case_and_come_back_right(azure):
    status, dummy, body = azure.http("PUT", f"{azure.scope}/resourceGroups/rg-case?api-version=2025-04-01",
                                     {"LOCATION": "East US", "Tags": {"Keep": "Me"}})
    assert (status, body["location"], body["tags"]) == (201, "eastus", {"Keep": "Me"})


def test_paths_do_not_mind_case_and_names_keep_theirs(azure):
    azure.http("PUT", f"{azure.scope.upper().replace('SUBSCRIPTIONS', 'Subscriptions')}/RESOURCEGROUPS/Rg-Mixed"
               "?API-VERSION=2025-04-01", {"location": "eastus"})
    body = azure.http("GET", f"{azure.scope}/resourcegroups/rg-mixed?api-version=2025-04-01")[2]
    assert body["name"] == "Rg-Mixed"
    assert "/resourceGroups/Rg-Mixed" in body["id"]


def test_lists_come_in_pages(azure):
    for number in range(7):
        azure.resources.resource_groups.create_or_update(f"rg-page-{number}", {"location": "eastus"})
    emulator = azure.emulator
    before = emulator.settings()["page_size"]
    emulator.settings(page_size=2)
    try:
        status, dummy, body = azure.http("GET", f"{azure.scope}/resourcegroups?api-version=2025-04-01")
        assert (status, len(body["value"])) == (200, 2)
        assert body["nextLink"].startswith(emulator.url)
        assert "$skipToken=" in body["nextLink"]
        names = [group.name for group in azure.resources.resource_groups.list()]
    finally:
        emulator.settings(page_size=before)
    assert len(names) == len(set(names)) == 9
    assert {f"rg-page-{number}" for number in range(7)} < set(names)


def test_headers_of_an_answer(azure):
    dummy, headers, dummy = azure.http("GET", f"{azure.group_id}?api-version=2025-04-01",
                                       headers={"x-ms-client-request-id": "mine"})
    assert headers["content-type"] == "application/json; charset=utf-8"
    for name in ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id",
                 "x-ms-ratelimit-remaining-subscription-resource-requests"):
        assert headers[name]
    assert (headers["cache-control"], headers["pragma"], headers["expires"]) == ("no-cache", "no-cache", "-1")
    entry = next(entry for entry in azure.emulator.journal(azure.subscription)
                 if entry["client_request_id"] == "mine")
    assert entry["request_id"] == headers["x-ms-request-id"]


def test_monitors_must_be_replayed_as_they_were_given(azure):
    status, headers, body = azure.http(
        "PUT", f"{azure.group_id}/providers/Microsoft.DataProtection/backupVaults/v-monitor?api-version=2025-09-01",
        {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0}}}})
    assert status == 201, body
    url = headers["azure-asyncoperation"]
    assert azure.http("GET", url)[0] == 200
    bare, query = url.split("?", 1)
    assert 2500 < len(query) < 6000
    changed = query.replace("&h=", "&h=x")
    for wrong in (bare, f"{bare}?api-version=2025-09-01", f"{bare}?{changed}",
                  f"{bare}?" + "&".join(part for part in query.split("&") if not part.startswith("c="))):
        assert azure.http("GET", wrong)[:1] == (400,)
    assert azure.http("GET", url, token="")[0] == 401


def test_retry_after_is_small_and_never_zero(azure):
    status, headers, dummy = azure.http(
        "PUT", f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/stretry?api-version=2025-01-01",
        {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
    assert status == 202
    assert 0 < int(headers["x-ms-retry-after-ms"]) < 1000
    assert "azure-asyncoperation" not in headers


def test_locks_stop_deletion_below_them(azure):
    lock = f"{azure.group_id}/providers/Microsoft.Authorization/locks/keep?api-version=2020-05-01"
    assert azure.http("PUT", lock, {"properties": {"level": "CanNotDelete"}})[0] == 201
    path = f"{azure.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/locked?api-version=2024-11-30"
    assert azure.http("PUT", path, {"location": "eastus"})[0] == 201
    assert error_of(azure, "DELETE", path)[:2] == (409, "ScopeLocked")
    assert azure.http("DELETE", lock)[0] == 200
    assert azure.http("DELETE", path)[0] == 200


def test_every_request_is_in_the_journal(azure):
    since = azure.emulator.journal()[-1]["n"]
    azure.http("PUT", f"{azure.scope}/resourceGroups/rg-journal?api-version=2025-04-01", {"location": "eastus"})
    azure.http("GET", f"{azure.scope}/resourceGroups/rg-journal?api-version=2025-04-01")
    azure.http("POST", f"{azure.scope}/providers/Microsoft.Storage/checkNameAvailability?api-version=2025-01-01",
               {"name": "stfree", "type": "Microsoft.Storage/storageAccounts"})
    put, get, post = (entry for entry in azure.emulator.journal(azure.subscription, since) if entry["status"])
    assert (put["method"], put["status"], put["write"], put["body"]) == ("PUT", 201, True, {"location": "eastus"})
    assert put["type"] == "Microsoft.Resources/resourceGroups"
    assert put["id"] == f"{azure.scope}/resourceGroups/rg-journal"
    assert (get["write"], get["action"]) == (False, None)
    assert (post["write"], post["action"]) == (False, "checkNameAvailability")
    assert [entry["n"] for entry in azure.emulator.writes(azure.subscription, since)] == [put["n"]]
    assert azure.environment["AZURE_CLIENT_SECRET"] not in json.dumps(azure.emulator.journal())


def test_the_journal_tells_connections_apart(azure):
    """A client of the SDK keeps its connection, bare requests each make one."""
    since = max([0, *(entry["n"] for entry in azure.emulator.journal())])
    for _each in range(2):
        list(azure.storage.storage_accounts.list())
        azure.http("GET", f"{azure.scope}?api-version=2022-12-01")
    kept, first, again, second = (entry["connection"] for entry in azure.emulator.journal(azure.subscription, since))
    assert kept == again and len({kept, first, second}) == 3


def test_booleans_in_the_settings_of_an_extension_become_strings(azure):
    settings = {**azure.settings(), f"{BSL}config.useAAD": True}
    made = azure.extension(configurationSettings=settings).result()
    assert made.properties.configuration_settings[f"{BSL}config.useAAD"] == "true"
