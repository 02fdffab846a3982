# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Resources by the SDK: groups, registration, tags, lists, subscriptions."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.emulator.tests.clients import GROUP, Azure, eventually, refused, scenario


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def test_life_of_a_group(azure):
    groups = azure.resources.resource_groups
    assert not groups.check_existence("rg-life")
    made = groups.create_or_update("rg-life", {"location": "West Europe", "tags": {"env": "test"}})
    assert (made.location, made.tags) == ("westeurope", {"env": "test"})
    assert made.properties.provisioning_state == "Succeeded"
    assert made.type == "Microsoft.Resources/resourceGroups"
    assert groups.check_existence("RG-LIFE")
    assert groups.update("rg-life", {"tags": {"env": "changed"}}).tags == {"env": "changed"}
    azure.identities.user_assigned_identities.create_or_update("rg-life", "gone-too", {"location": "westeurope"})
    groups.begin_delete("rg-life").result()
    assert not groups.check_existence("rg-life")
    with pytest.raises(ResourceNotFoundError):
        azure.identities.user_assigned_identities.get("rg-life", "gone-too")
    assert "gone-too" not in {entry["name"] for entry in azure.emulator.principals()
                              if entry["tenant"] == azure.tenant}
    refused(lambda: groups.begin_delete("rg-life"), "ResourceGroupNotFound", 404)


@pytest.mark.parametrize(("name", "location", "code"), [
    ("rg-where", "atlantis", "LocationNotAvailableForResourceGroup"),
    ("rg-dot.", "eastus", "InvalidResourceGroup"),
    (GROUP, "westus", "InvalidResourceGroupLocation"),
])
def test_groups_that_cannot_be(azure, name, location, code):
    status, dummy, body = azure.http("PUT", f"{azure.scope}/resourcegroups/{name}?api-version=2025-04-01",
                                     {"location": location})
    assert status in {400, 409}
    assert body["error"]["code"] == code


def test_a_put_replaces_tags(azure):
    groups = azure.resources.resource_groups
    groups.create_or_update("rg-tags", {"location": "eastus", "tags": {"a": "1"}})
    assert not groups.create_or_update("rg-tags", {"location": "eastus"}).tags


def test_tags_as_a_resource(azure):
    tags = azure.resources.tags
    assert tags.get_at_scope(azure.group_id).properties.tags == {}
    tags.begin_create_or_update_at_scope(azure.group_id, {"properties": {"tags": {"a": "1", "b": "2"}}}).result()
    merged = tags.begin_update_at_scope(azure.group_id, {"operation": "Merge", "properties": {"tags": {"b": "3"}}})
    assert merged.result().properties.tags == {"a": "1", "b": "3"}
    deleted = tags.begin_update_at_scope(azure.group_id, {"operation": "Delete", "properties": {"tags": {"a": "1"}}})
    assert deleted.result().properties.tags == {"b": "3"}
    assert azure.resources.resource_groups.get(GROUP).tags == {"b": "3"}


def test_resources_of_a_subscription_and_a_group(azure):
    everything = {entry.name: entry.type for entry in azure.resources.resources.list()}
    assert everything["aks-1"] == "Microsoft.ContainerService/managedClusters"
    assert everything["aks-1-agentpool"] == "Microsoft.ManagedIdentity/userAssignedIdentities"
    assert [entry.name for entry in azure.resources.resources.list_by_resource_group(GROUP)] == ["aks-1"]
    only = azure.resources.resources.list(filter="resourceType eq 'Microsoft.ContainerService/managedClusters'")
    assert [entry.name for entry in only] == ["aks-1"]
    refused(lambda: list(azure.resources.resources.list(filter="colour eq 'red'")), "InvalidFilterInQueryString", 400)


def test_groups_by_tag(azure):
    azure.resources.resource_groups.create_or_update("rg-red", {"location": "eastus", "tags": {"colour": "Red"}})
    found = azure.resources.resource_groups.list(filter="tagName eq 'colour' and tagValue eq 'red'")
    assert [entry.name for entry in found] == ["rg-red"]


def test_subscriptions_tenants_and_locations(azure):
    own = azure.http("GET", "/subscriptions?api-version=2022-12-01")[2]["value"]
    assert [entry["subscriptionId"] for entry in own] == [azure.subscription]
    assert own[0]["tenantId"] == azure.tenant
    assert azure.http("GET", "/tenants?api-version=2022-12-01")[2]["value"][0]["tenantId"] == azure.tenant
    locations = azure.http("GET", f"{azure.scope}/locations?api-version=2022-12-01")[2]["value"]
    east = next(entry for entry in locations if entry["name"] == "eastus")
    assert (east["displayName"], east["metadata"]["pairedRegion"][0]["name"]) == ("East US", "westus")


def test_registration_and_its_end(emulator):
    azure = Azure(emulator, {"subscriptions": [{"name": "Bare"}]})
    providers = azure.resources.providers
    assert {entry.namespace: entry.registration_state for entry in providers.list()} == {
        **dict.fromkeys((entry.namespace for entry in providers.list()), "NotRegistered"),
        "Microsoft.Resources": "Registered", "Microsoft.Authorization": "Registered",
        "Microsoft.Compute": "Registered", "Microsoft.ResourceGraph": "Registered"}
    assert providers.register("Microsoft.Storage").registration_state == "Registering"
    eventually(lambda: providers.get("Microsoft.Storage").registration_state == "Registered")
    assert providers.register("microsoft.storage").registration_state == "Registered"
    assert providers.unregister("Microsoft.Storage").registration_state == "Unregistering"
    eventually(lambda: providers.get("Microsoft.Storage").registration_state == "Unregistered")
    refused(lambda: providers.register("Contoso.Nothing"), "InvalidResourceNamespace", 404)


def test_a_provider_in_use_stays_registered(emulator):
    azure = Azure(emulator, scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}]))
    refused(lambda: azure.resources.providers.unregister("Microsoft.ContainerService"), "SubscriptionNotInactive", 409)


def test_a_group_that_goes_takes_nothing_new(azure):
    path = f"{azure.scope}/resourcegroups/rg-going?api-version=2025-04-01"
    assert azure.http("PUT", path, {"location": "eastus"})[0] == 201
    azure.slowly("rg-going")
    assert azure.http("DELETE", path)[0] == 202
    identity = (f"{azure.scope}/resourceGroups/rg-going/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
                "late?api-version=2024-11-30")
    for method, where, more in (("PUT", path, {"location": "eastus"}), ("PATCH", path, {}),
                                ("PUT", identity, {"location": "eastus"})):
        status, dummy, body = azure.http(method, where, {"tags": {}, **more})
        assert (status, body["error"]["code"]) == (409, "ResourceGroupBeingDeleted")
    assert azure.http("GET", path)[2]["properties"]["provisioningState"] == "Deleting"
    azure.emulator.fault({"lro": "fail"}, path="rg-stays", method="DELETE", times=1, subscription=azure.subscription)
    stays = path.replace("going", "stays")
    azure.http("PUT", stays, {"location": "eastus"})
    assert azure.http("DELETE", stays)[0] == 202
    eventually(lambda: azure.http("GET", stays)[2]["properties"]["provisioningState"] == "Succeeded")
    assert azure.http("PATCH", stays, {"tags": None})[0] == 200
    assert "tags" not in azure.http("GET", stays)[2]


@pytest.mark.parametrize("body", [
    {}, {"properties": "x"}, {"properties": []}, {"properties": {"level": ["ReadOnly"]}},
    {"properties": {"level": "Other"}},
    {"properties": {"level": "ReadOnly", "notes": 5}}, {"properties": {"level": "ReadOnly", "owners": "x"}}])
def test_locks_that_cannot_be(azure, body):
    path = f"{azure.group_id}/providers/Microsoft.Authorization/locks/keep?api-version=2020-05-01"
    assert azure.http("PUT", path, body)[0] == 400
    assert azure.http("GET", path)[0] == 404


@pytest.mark.parametrize("properties", [
    {}, {"issuer": "https://example.com", "subject": "job", "audiences": []},
    {"issuer": "", "subject": "job", "audiences": ["api://x"]},
    {"issuer": "https://example.com", "subject": "job", "audiences": ["api://x", "api://y"]}])
def test_federated_credentials_that_cannot_be(azure, properties):
    azure.identities.user_assigned_identities.create_or_update(GROUP, "id-federated", {"location": "eastus"})
    path = (f"{azure.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-federated/"
            "federatedIdentityCredentials/fic?api-version=2024-11-30")
    status, dummy, body = azure.http("PUT", path, {"properties": properties})
    assert (status, body["error"]["code"]) == (400, "BadRequest")
    assert azure.http("GET", path)[0] == 404


def test_locks_of_groups_and_of_what_is_in_them(azure):
    group, version = f"{azure.scope}/resourceGroups/rg-locked", "?api-version=2025-04-01"
    azure.http("PUT", group + version, {"location": "eastus"})
    identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/kept"
    azure.http("PUT", f"{identity}?api-version=2024-11-30", {"location": "eastus"})
    lock = "/providers/Microsoft.Authorization/locks/keep?api-version=2020-05-01"

    def code(method, path, body=None):
        status, dummy, answer = azure.http(method, path, body)
        return (status, answer["error"]["code"]) if status >= 400 else status

    azure.http("PUT", identity + lock, {"properties": {"level": "CanNotDelete"}})
    assert code("DELETE", group + version) == (409, "ScopeLocked"), "of what is in it"
    assert code("PATCH", group + version, {"tags": {"a": "b"}}) == 200
    assert code("DELETE", identity + lock) == 200
    azure.http("PUT", group + lock, {"properties": {"level": "ReadOnly"}})
    for method, body in (("PUT", {"location": "eastus"}), ("PATCH", {"tags": {}}), ("DELETE", None)):
        assert code(method, group + version, body) == (409, "ScopeLocked")
    names = f"{group}/providers/Microsoft.DataProtection/locations/eastus/checkNameAvailability?api-version=2025-07-01"
    asked = {"name": "vault-1", "type": "Microsoft.DataProtection/BackupVaults"}
    assert code("POST", names, asked) == (409, "ScopeLocked"), "an action, too"
    assert code("DELETE", group + lock) == 200
    assert code("POST", names, asked) == 200
    assert code("DELETE", group + version) == 202


def test_providers_of_the_tenant(azure):
    found = {entry["namespace"]: entry for entry in azure.http("GET", "/providers?api-version=2025-04-01")[2]["value"]}
    assert found["Microsoft.Storage"]["id"] == "/providers/Microsoft.Storage"
    assert "registrationState" not in found["Microsoft.Storage"], "that is one of a subscription"
    alone = azure.http("GET", "/providers/Microsoft.Storage?api-version=2025-04-01")[2]
    assert alone == found["Microsoft.Storage"]


def test_an_identity_as_it_was_read_can_be_written(azure):
    path = f"{azure.group_id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/again?api-version=2024-11-30"
    made = azure.http("PUT", path, {"location": "East US", "tags": {"a": "b"}})[2]
    assert azure.http("PUT", path, made)[2] == made
    assert azure.http("PATCH", path, {"tags": None})[2] == made, "null changes nothing"
