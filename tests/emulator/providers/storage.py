# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Storage: accounts and blob containers on the management plane.

Sources: REST reference "Storage resource provider"; naming rules of "Resource naming restrictions"; an account is
created with 202 and a Location to poll, updated with 200 (ARM wire behaviour).
"""

from __future__ import annotations

import base64
import re
from typing import Any

from ..clock import stamp, ticks
from ..errors import AzureError, FrontDoorError, not_modelled, resource_not_found
from ..ids import Id
from ..operations import Lro
from ..provider import Call, Post, Provider, Reply, Type, children, read
from ..regions import REGIONS, paired, slug
from ..store import merged
from ..world import World, group_id

NAMESPACE = "Microsoft.Storage"
ACCOUNTS = f"{NAMESPACE}/storageAccounts"
CONTAINERS = f"{ACCOUNTS}/blobServices/containers"
ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}\Z")
CONTAINER_NAME = re.compile(r"(?:[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web|\$logs)\Z")
MODELS = "azure.mgmt.storage.models:"
VERSIONS = ("2019-06-01", "2021-02-01", "2021-04-01", "2021-08-01", "2021-09-01", "2022-05-01", "2022-09-01",
            "2023-01-01", "2023-04-01", "2023-05-01", "2024-01-01", "2025-01-01", "2025-06-01", "2025-08-01",
            "2026-04-01", "2026-09-01")
# What an account has when the request does not say (REST reference and portal defaults).
DEFAULTS = {"supportsHttpsTrafficOnly": True, "allowBlobPublicAccess": False, "minimumTlsVersion": "TLS1_0",
            "accessTier": "Hot", "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [],
                                                 "defaultAction": "Allow"}}
# A container that nobody has said anything of.
FRESH = {"deleted": False, "remainingRetentionDays": 0, "defaultEncryptionScope": "$account-encryption-key",
         "denyEncryptionScopeOverride": False, "publicAccess": "None", "leaseStatus": "Unlocked",
         "leaseState": "Available", "hasImmutabilityPolicy": False, "hasLegalHold": False}
CONTAINER_READ_ONLY = tuple(f"properties.{name}" for name in (
    "deleted", "remainingRetentionDays", "leaseStatus", "leaseState", "hasImmutabilityPolicy", "hasLegalHold",
    "lastModifiedTime"))
FIXED = ("isHnsEnabled", "isNfsV3Enabled")
READ_ONLY = ("sku.tier", "identity.principalId", "identity.tenantId", *(f"properties.{name}" for name in (
    "provisioningState", "primaryEndpoints", "primaryLocation", "statusOfPrimary", "secondaryLocation",
    "statusOfSecondary", "creationTime", "keyCreationTime", "privateEndpointConnections")))


def endpoints(name: str) -> dict[str, str]:
    return {service: f"https://{name}.{service}.core.windows.net/" for service in ("dfs", "blob", "file", "queue",
                                                                                   "table")}


def taken(call: Call, name: str) -> AzureError | None:
    """Account names are unique in all of Azure."""
    for record in call.store.of_type_anywhere(ACCOUNTS):
        if record.id.name == name and record.id.key != call.id.key:
            if record.id.subscription == call.id.subscription:
                return AzureError(409, "StorageAccountInAnotherResourceGroup", f"The account {name} is already in "
                                  "another resource group in this subscription.")
            return AzureError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    return None


def put_account(call: Call) -> Reply:
    name, old, location = call.id.name, call.record, slug(call.body["location"])
    if not ACCOUNT_NAME.match(name):
        raise AzureError(400, "AccountNameInvalid", f"{name} is not a valid storage account name. Storage account name "
                         "must be between 3 and 24 characters in length and use numbers and lower-case letters only.")
    if location not in REGIONS:
        raise FrontDoorError(400, "LocationNotAvailableForResourceType", f"The provided location '{location}' is not "
                             f"available for resource type '{ACCOUNTS}'. List of available regions for the resource "
                             f"type is '{','.join(REGIONS)}'.")
    if old:
        return update_account(call, location)
    conflict = taken(call, name)
    if conflict:
        raise conflict
    sku = call.body["sku"]["name"]
    properties = {**DEFAULTS, **{key: value for key, value in (call.body.get("properties") or {}).items()
                                 if value is not None}}
    properties.update(provisioningState="Creating", creationTime=call.stamp, primaryLocation=location,
                      statusOfPrimary="available", privateEndpointConnections=[], primaryEndpoints=endpoints(name),
                      keyCreationTime={"key1": call.stamp, "key2": call.stamp})
    if "GRS" in sku.upper() and paired(location):
        properties.update(secondaryLocation=paired(location), statusOfSecondary="available")
    body = {"location": location, "kind": call.body["kind"], "sku": {"name": sku, "tier": sku.split("_")[0]},
            "tags": call.body.get("tags") or {}, "properties": properties}
    body |= identity_of(call, None)
    call.store.put(call.id, body)
    return call.begin("account/create", finish="account.created", payload={"id": call.id.text}, location=location)


def identity_of(call: Call, old: dict[str, Any] | None) -> dict[str, Any]:
    """``{"identity": ...}``, or nothing where the account has none. A system-assigned one is a principal."""
    wanted = call.body.get("identity") or old
    principal = (old or {}).get("principalId")
    kind = (wanted or {}).get("type") or "None"
    if "UserAssigned" in kind:
        raise not_modelled("user-assigned identities of storage accounts")
    if kind == "None":
        if principal:
            call.world.directory.delete(principal)
        return {}
    principal = principal or call.world.managed_identity(call.tenant, call.id.name, owner=call.id.text)["principalId"]
    return {"identity": {"type": kind, "principalId": principal, "tenantId": call.tenant}}


def update_account(call: Call, location: str) -> Reply:
    """PUT on an account that is there: synchronous; what cannot change is refused."""
    old = call.require().body
    if old["location"] != location:
        raise AzureError(409, "InvalidResourceLocation", f"The resource '{call.id.name}' already exists in location "
                         f"'{old['location']}' in resource group '{call.id.group}'. A resource with the same name "
                         f"cannot be created in location '{location}'. Please select a new resource name.")
    if call.body["kind"].lower() not in {old["kind"].lower(), "storagev2"}:
        raise fixed("kind")
    must_be_ready(call, call.id)
    return change_account(call, {"properties": {}, **call.body})


def patch_account(call: Call) -> Reply:
    call.require()
    must_be_ready(call, call.id)
    return change_account(call, call.body)


def change_account(call: Call, wanted: dict[str, Any]) -> Reply:
    old = call.require().body
    properties = wanted.get("properties") or {}
    for name in FIXED:
        if name in properties and bool(properties[name]) != bool(old["properties"].get(name)):
            raise fixed(name)
    body = {key: value for key, value in old.items() if key != "identity"}
    body |= {"properties": merged(old["properties"], properties), **identity_of(call, old.get("identity"))}
    if wanted.get("tags") is not None:
        body["tags"] = wanted["tags"]
    if wanted.get("kind"):
        body["kind"] = wanted["kind"]
    if (wanted.get("sku") or {}).get("name"):
        body["sku"] = {"name": wanted["sku"]["name"], "tier": wanted["sku"]["name"].split("_")[0]}
    return Reply(200, call.store.put(call.id, body).body)


def fixed(name: str) -> AzureError:
    return AzureError(409, "AccountPropertyCannotBeUpdated", f"The property '{name}' was specified in the input, but "
                      "it cannot be updated.")


def account_created(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Succeeded"}})


def account_failed(world: World, payload: dict[str, Any]) -> None:
    """A failed creation leaves nothing behind."""
    record = world.store.get(payload["id"])
    if record:
        world.forget(record)


def delete_account(call: Call) -> Reply:
    if call.record is None:
        return Reply(204)
    for record in reversed(call.store.below(call.id)):
        call.world.forget(record)
    call.world.forget(call.record)
    return Reply(200)


def must_be_ready(call: Call, account: Id) -> dict[str, Any]:
    record = call.store.get(account)
    if record is None:
        raise resource_not_found(f"{ACCOUNTS}/{account.name}", account.group)
    if record.properties["provisioningState"] != "Succeeded":
        raise AzureError(409, "StorageAccountIsNotProvisioned", "The storage account provisioning state must be "
                         "'Succeeded' before executing the operation.")
    return record.properties


def check_name(call: Call) -> dict[str, Any]:
    name = call.body["name"]
    if not ACCOUNT_NAME.match(name):
        return {"nameAvailable": False, "reason": "AccountNameInvalid", "message": f"{name} is not a valid storage "
                "account name. Storage account name must be between 3 and 24 characters in length and use numbers and "
                "lower-case letters only."}
    if any(record.id.name == name for record in call.store.of_type_anywhere(ACCOUNTS)):
        return {"nameAvailable": False, "reason": "AlreadyExists",
                "message": f"The storage account named {name} is already taken."}
    return {"nameAvailable": True}


def list_keys(call: Call) -> dict[str, Any]:
    """Keys that open nothing: there is no data plane."""
    creation = call.require().properties["keyCreationTime"]
    return {"keys": [{"creationTime": creation[name], "keyName": name, "permissions": "FULL",
                      "value": base64.b64encode(f"{call.id.name}/{name}".encode().ljust(64, b"=")).decode()}
                     for name in ("key1", "key2")]}


# Blob service and containers

def service_body(call: Call, id: str) -> dict[str, Any]:
    return {"id": id, "name": "default", "type": f"{ACCOUNTS}/blobServices", "properties": {
        "cors": {"corsRules": []}, "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False}}}


def only_default(id: Id) -> None:
    """An account has one blob service, of this name (REST reference)."""
    if id.name != "default":
        raise AzureError(400, "InvalidResourceName", f"The blob service is named 'default', not '{id.name}'.")


def get_service(call: Call) -> dict[str, Any]:
    only_default(call.id)
    must_be_ready(call, call.id.parent)
    return service_body(call, call.id.text)


def list_services(call: Call) -> list[dict[str, Any]]:
    return [service_body(call, call.id.child("blobServices", "default").text)]


def list_containers(call: Call) -> list[dict[str, Any]]:
    only_default(call.id)
    return children(call)


def get_container(call: Call) -> Reply:
    only_default(call.id.parent)
    return read(call)


def put_container(call: Call) -> Reply:
    only_default(call.id.parent)
    account = must_be_ready(call, call.id.parent.parent)
    if not CONTAINER_NAME.match(call.id.name):
        raise AzureError(400, "InvalidResourceName", "The specified resource name contains invalid characters or has "
                         f"an invalid length: '{call.id.name}'.")
    old = call.record
    wanted = {key: value for key, value in (call.body.get("properties") or {}).items() if value is not None}
    if wanted.get("publicAccess", "None") != "None" and not account.get("allowBlobPublicAccess"):
        raise AzureError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
    record = call.store.put(call.id, container_body(call.now, old.properties if old else FRESH, wanted))
    return Reply(200 if old else 201, record.body)


def container_body(now: float, base: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    return {"etag": f'"0x{ticks(now):X}"', "properties": {**base, **wanted, "lastModifiedTime": stamp(now)}}


def patch_container(call: Call) -> Reply:
    call.require()
    return put_container(call)


def delete_container(call: Call) -> Reply:
    return Reply(200 if call.store.delete(call.id) else 204)


def not_found(call: Call) -> AzureError:
    if call.type.name.endswith("containers"):
        return AzureError(404, "ContainerNotFound", "The specified container does not exist.")
    return resource_not_found(f"{ACCOUNTS}/{call.id.name}", call.id.group)


def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """``storage_accounts``: name, resource_group, location, kind, sku, properties, containers (names)."""
    for entry in section.get("storage_accounts", []):
        name, location = entry["name"], slug(entry["location"])
        sku, now = entry.get("sku", "Standard_LRS"), stamp(world.clock.now)
        id = Id(group_id(subscription, entry["resource_group"]).text, NAMESPACE, ("storageAccounts",), (name,))
        world.store.put(id, {
            "location": location, "kind": entry.get("kind", "StorageV2"), "tags": entry.get("tags", {}),
            "sku": {"name": sku, "tier": sku.split("_")[0]},
            "properties": {**DEFAULTS, **entry.get("properties", {}), "provisioningState": "Succeeded",
                           "creationTime": now, "primaryLocation": location, "statusOfPrimary": "available",
                           "privateEndpointConnections": [], "primaryEndpoints": endpoints(name),
                           "keyCreationTime": {"key1": now, "key2": now}}})
        for container in entry.get("containers", []):
            child = id.child("blobServices", "default").child("containers", container)
            world.store.put(child, container_body(world.clock.now, FRESH, {}))


PROVIDER = Provider(
    namespace=NAMESPACE, api_versions=VERSIONS, seed=seed, not_found=not_found,
    lros={"account/create": Lro(
        seconds=22, location="{subscription}/providers/Microsoft.Storage/locations/{location}/asyncoperations/{op}",
        retry_after=17)},
    events={"account.created": account_created, "account.created.failed": account_failed},
    types=(
        Type("", scope="any", posts={"checkNameAvailability": Post(
            check_name, model=MODELS + "StorageAccountCheckNameAvailabilityParameters", write=False,
            permission="Microsoft.Storage/checknameavailability/read")}),
        Type("storageAccounts", put=put_account, patch=patch_account, delete=delete_account, read_only=READ_ONLY,
             model=MODELS + "StorageAccountCreateParameters", patch_model=MODELS + "StorageAccountUpdateParameters",
             posts={"listKeys": Post(list_keys, write=False)}),
        Type("storageAccounts/blobServices", stored=False, get=get_service, list=list_services),
        Type("storageAccounts/blobServices/containers", put=put_container, patch=patch_container,
             delete=delete_container, get=get_container, list=list_containers, read_only=CONTAINER_READ_ONLY,
             model=MODELS + "BlobContainer", patch_model=MODELS + "BlobContainer"),
    ))
