# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Storage by the SDK: accounts and containers on the management plane."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.emulator.tests.clients import GROUP, Azure, refused, scenario


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def unique(azure, prefix="st"):
    return prefix + azure.subscription.replace("-", "")[:16]


def put(azure, name, **change):
    body = {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **change}
    return azure.http("PUT", f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/{name}"
                      "?api-version=2025-01-01", body)


def test_an_account_is_made_by_polling_its_location(azure):
    name = unique(azure)
    azure.slowly("storageAccounts")
    status, headers, body = put(azure, name, properties={"allowSharedKeyAccess": False})
    assert (status, body) == (202, None)
    assert "/providers/Microsoft.Storage/locations/eastus/asyncoperations/" in headers["location"]
    assert azure.http("GET", headers["location"])[0] == 202
    azure.emulator.advance(30_000)
    status, dummy, body = azure.http("GET", headers["location"])
    assert (status, body["properties"]["provisioningState"]) == (200, "Succeeded")
    assert body["properties"]["primaryEndpoints"]["blob"] == f"https://{name}.blob.core.windows.net/"
    assert body["properties"]["allowSharedKeyAccess"] is False
    assert body["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    # the second PUT is an update, and synchronous
    assert put(azure, name, properties={"minimumTlsVersion": "TLS1_2"})[0] == 200
    account = azure.storage.storage_accounts.get_properties(GROUP, name)
    assert account.minimum_tls_version == "TLS1_2"
    assert account.allow_shared_key_access is False


def test_a_container_has_to_wait_for_its_account(azure):
    name = unique(azure)
    azure.slowly("storageAccounts")
    put(azure, name)
    refused(lambda: azure.storage.blob_containers.create(GROUP, name, "early", {}), "StorageAccountIsNotProvisioned",
            409)


def test_life_of_a_container(azure):
    account = azure.account().name
    containers = azure.storage.blob_containers
    path = (f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/"
            "backups?api-version=2025-01-01")
    assert azure.http("PUT", path, {})[0] == 201
    assert azure.http("PUT", path, {"properties": {"publicAccess": "None"}})[0] == 200
    assert containers.get(GROUP, account, "backups").type == (
        "Microsoft.Storage/storageAccounts/blobServices/containers")
    assert [entry.name for entry in containers.list(GROUP, account)] == ["backups"]
    refused(lambda: containers.create(GROUP, account, "open", {"properties": {"publicAccess": "Blob"}}),
            "PublicAccessNotPermitted", 409)
    for bad in ("UPPER", "a", "two--dashes", "-dash"):
        refused(lambda bad=bad: containers.create(GROUP, account, bad, {}), "InvalidResourceName", 400)
    containers.delete(GROUP, account, "backups")
    refused(lambda: containers.get(GROUP, account, "backups"), "ContainerNotFound", 404)


def test_names_are_unique_in_all_of_azure(azure, emulator):
    name = azure.account().name
    other = Azure(emulator)
    refused(lambda: other.account(name), "StorageAccountAlreadyTaken", 409)
    check = other.storage.storage_accounts.check_name_availability({
        "name": name, "type": "Microsoft.Storage/storageAccounts"})
    assert (check.name_available, check.reason) == (False, "AlreadyExists")
    azure.resources.resource_groups.create_or_update("rg-other", {"location": "eastus"})
    refused(lambda: azure.storage.storage_accounts.begin_create("rg-other", name, {
        "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}),
        "StorageAccountInAnotherResourceGroup", 409)


@pytest.mark.parametrize(("name", "change", "status", "code"), [
    ("Bad_Name", {}, 400, "AccountNameInvalid"),
    ("ab", {}, 400, "AccountNameInvalid"),
    ("stnowhere", {"location": "atlantis"}, 400, "LocationNotAvailableForResourceType"),
])
def test_accounts_that_cannot_be(azure, name, change, status, code):
    got, dummy, body = put(azure, name, **change)
    assert (got, body["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("change", "code"), [
    ({"location": "westus"}, "InvalidResourceLocation"),
    ({"kind": "BlobStorage"}, "AccountPropertyCannotBeUpdated"),
    ({"properties": {"isHnsEnabled": True}}, "AccountPropertyCannotBeUpdated"),
])
def test_what_cannot_change(azure, change, code):
    name = azure.account().name
    got, dummy, body = put(azure, name, **change)
    assert (got, body["error"]["code"]) == (409, code)


def test_update_keys_and_deletion(azure):
    accounts, name = azure.storage.storage_accounts, azure.account().name
    assert accounts.update(GROUP, name, {"tags": {"a": "b"}, "properties": {"publicNetworkAccess": "Disabled"}}
                           ).public_network_access == "Disabled"
    assert accounts.get_properties(GROUP, name).tags == {"a": "b"}
    assert [key.key_name for key in accounts.list_keys(GROUP, name).keys_property] == ["key1", "key2"]
    assert name in {entry.name for entry in accounts.list()}
    assert [entry.name for entry in accounts.list_by_resource_group(GROUP)] == [name]
    azure.storage.blob_containers.create(GROUP, name, "backups", {})
    accounts.delete(GROUP, name)
    with pytest.raises(ResourceNotFoundError):
        accounts.get_properties(GROUP, name)
    accounts.delete(GROUP, name)
    azure.account(name)
    assert list(azure.storage.blob_containers.list(GROUP, name)) == []


def test_identity_of_an_account(azure):
    made = azure.account(f"sti{azure.subscription[:8]}")
    assert made.identity is None
    path = f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/{made.name}?api-version=2025-01-01"
    body = azure.http("PATCH", path, {"identity": {"type": "SystemAssigned"}})[2]
    principal = body["identity"]["principalId"]
    assert body["identity"] == {"type": "SystemAssigned", "principalId": principal, "tenantId": azure.tenant}
    assert azure.http("PUT", path, azure.http("GET", path)[2])[2]["identity"] == body["identity"], "as it was read"
    assert principal in {entry["oid"] for entry in azure.emulator.principals()}
    assert "identity" not in azure.http("PATCH", path, {"identity": {"type": "None"}})[2]
    assert principal not in {entry["oid"] for entry in azure.emulator.principals()}
    assert azure.http("PATCH", path, {"identity": {"type": "UserAssigned"}})[0] == 501
    again = azure.http("PATCH", path, {"identity": {"type": "SystemAssigned"}})[2]["identity"]["principalId"]
    assert again != principal and azure.http("DELETE", path)[0] == 200
    assert again not in {entry["oid"] for entry in azure.emulator.principals()}


def test_a_container_as_it_was_read_can_be_written(azure):
    service = (f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/{azure.account().name}/blobServices/"
               "{}/containers{}?api-version=2025-01-01")
    assert azure.http("PUT", service.format("default", "/backups"), {})[0] == 201
    read = azure.http("GET", service.format("default", "/backups"))[2]
    assert azure.http("PUT", service.format("default", "/backups"), read)[0] == 200
    for method, name in (("GET", ""), ("GET", "/backups"), ("PUT", "/backups")):
        assert azure.http(method, service.format("other", name), {} if method == "PUT" else None)[0] == 400


def test_containers_of_a_scenario_are_as_others(emulator):
    account = f"stsc{id(emulator) % 10 ** 8}"
    azure = Azure(emulator, scenario(storage_accounts=[
        {"name": account, "resource_group": GROUP, "location": "eastus", "containers": ["one"]}]))
    path = (f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/"
            "{}?api-version=2025-01-01")
    made = azure.http("PUT", path.format("two"), {})[2]
    seeded = azure.http("GET", path.format("one"))[2]
    assert seeded.keys() == made.keys() and seeded["properties"].keys() == made["properties"].keys()
