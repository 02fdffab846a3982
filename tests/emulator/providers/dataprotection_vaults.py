# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup vaults, deleted vaults and the check of their names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from .. import contracts
from ..backup import times, vaults, versions
from ..backup.errors import Refused, invalid
from ..clock import stamp
from ..errors import AzureError, FrontDoorError
from ..ids import RESOURCES, Id, identifier, same
from ..provider import Call, Reply
from ..rbac import ASSIGNMENTS
from ..regions import REGIONS, slug
from ..store import Record
from ..world import World
from . import dataprotection_contents as contents
from . import dataprotection_guards as guards
from .dataprotection_world import (
    DELETED_INSTANCES,
    DELETED_VAULTS,
    INSTANCES,
    NAMESPACE,
    POLICIES,
    PROXIES,
    begin,
    location,
    merge_properties,
    now,
)

# Checked here and not by the table, because the body of an undelete has no properties.
MODEL = "azure.mgmt.dataprotection.models:BackupVaultResource"
IDENTITY = "azure.mgmt.dataprotection.models:DppIdentityDetails"
READ_ONLY = ("properties.provisioningState", "properties.isVaultProtectedByResourceGuard", "properties.secureScore",
             "properties.bcdrSecurityLevel", "identity.principalId", "identity.tenantId")
NOT_EMPTY = ("Cannot delete the Backup vault as there are existing backup instances or backup policies in the vault. "
             "Delete all backup instances and backup policies that are present in the vault and then try deleting the "
             "vault.")
EMPTY_PURGE = timedelta(minutes=10)
TOP = {"location", "identity", "tags", "properties"}
KEPT = ("storageSettings", "isVaultProtectedByResourceGuard", "securitySettings")
ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
DELETED_HEADER = "x-ms-deleted-vault-id"


def render(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "properties": vaults.for_version(body["properties"], call.api_version)}


def put(call: Call) -> Reply:
    vaults.check_name(call.id.name)
    # Names of properties are compared without regard to case; what is looked at before the contract is, too.
    body = call.body = {key.lower() if key.lower() in TOP else key: value for key, value in call.body.items()}
    record = call.record
    if not isinstance(body.get("location"), str) or not body["location"]:
        raise FrontDoorError(400, "LocationRequired", "The location property is required for this definition.")
    if slug(body["location"]) not in REGIONS:
        raise FrontDoorError(400, "LocationNotAvailableForResourceType", f"The provided location '{body['location']}' "
                             "is not available for resource type 'Microsoft.DataProtection/backupVaults'. List of "
                             f"available regions for the resource type is '{','.join(REGIONS)}'.")
    if record and record.hidden.get("deleted"):
        _vanish(call.world, record)
        record = None
    if record and record.hidden.get("deleting"):
        raise going()
    if record and location(record) != slug(body["location"]):
        raise FrontDoorError(
            409, "InvalidResourceLocation", f"The resource '{call.id.name}' already exists in location "
            f"'{location(record)}' in resource group '{call.id.group}'. A resource with the same name cannot be "
            f"created in location '{slug(body['location'])}'. Please select a new resource name.")
    if deleted := call.header(DELETED_HEADER):
        return _undelete(call, deleted)
    body = contracts.check(MODEL, _without(_as_known(body, record), vaults.NEWER), READ_ONLY)
    before = record.properties if record else None
    settings = vaults.requested(body, before, call.api_version)
    vaults.check(settings, before, call.api_version, bool(record and call.store.children(call.id, INSTANCES)))
    if record:
        guards.check_vault(call, record, settings)
    return _write(call, record, settings, body.get("identity"), body.get("tags"), "vault put")


def going() -> AzureError:
    return AzureError(409, "OperationNotAllowed", "The vault is being deleted.")


def stays(vault: Record | None) -> None:
    """Refuse what is asked of a vault that is on its way out, and of one that only ARM still shows."""
    if vault and vault.hidden.get("deleted"):
        raise Refused("UserErrorGenericResourceNotFound")
    if vault and vault.hidden.get("deleting"):
        raise going()


def _as_known(body: dict[str, Any], record: Record | None) -> dict[str, Any]:
    """A user-assigned identity is sent as an empty object, or as the vault shows it already."""
    identity = body.get("identity")
    assigned = identity.get("userAssignedIdentities") if isinstance(identity, dict) else None
    if record is None or not isinstance(identity, dict) or not isinstance(assigned, dict):
        return body
    shown = {id.lower(): each for id, each in (
        (record.body.get("identity") or {}).get("userAssignedIdentities") or {}).items()}
    return {**body, "identity": {**identity, "userAssignedIdentities": {
        id: {} if each == shown.get(id.lower()) else each for id, each in assigned.items()}}}


def _without(body: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The body without properties that the service shows and that no model has."""
    properties = body.get("properties")
    if not isinstance(properties, dict):
        return body
    return {**body, "properties": {key: value for key, value in properties.items() if key not in names}}


def patch(call: Call) -> Reply:
    record = call.require()
    settings = vaults.patched(call.body, record.properties)
    vaults.check(settings, record.properties, call.api_version, bool(call.store.children(call.id, INSTANCES)))
    guards.check_vault(call, record, settings)
    identity = call.body.get("identity") or record.body.get("identity")
    reply = _write(call, record, settings, identity, call.body.get("tags", record.body.get("tags")), "vault patch")
    return Reply(202, None, reply.headers)


def _write(call: Call, record: Record | None, settings: dict[str, Any], identity: dict[str, Any] | None,
           tags: dict[str, str] | None, lro: str) -> Reply:
    before = record.body if record else {}
    vaults.check_key(settings, identity, bool(record))
    guarded = bool(record and record.properties.get("isVaultProtectedByResourceGuard"))
    region = record.body["location"] if record else slug(call.body["location"])
    properties = vaults.shown(settings, slug(region), "Updating" if record else "Provisioning", guarded)
    body = {"location": region, "properties": properties}
    if kept := _identity(call, identity, before.get("identity")):
        body["identity"] = kept
    if tags:
        body["tags"] = tags
    hidden = record.hidden if record else {"guid": call.world.guid()}
    saved = call.store.put(call.id, body, hidden)
    answer = render(call, saved.body)
    key = ((before.get("properties") or {}).get("securitySettings") or {}).get("encryptionSettings")
    if record and (key or "encryptionSettings" in properties["securitySettings"]):
        # The reply of an update still shows the old key: ARM wire behaviour.
        security = {**answer["properties"]["securitySettings"], "encryptionSettings": key}
        answer["properties"] = {**answer["properties"], "securitySettings": {name: value for name,
                                                                             value in security.items()
                                                                             if value is not None}}
    return begin(call, saved, lro, answer, finish="vault written", payload={"vault": saved.id.text})


def _identity(call: Call, wanted: dict[str, Any] | None, before: dict[str, Any] | None) -> dict[str, Any] | None:
    """The identity block of the document; creates and deletes the system-assigned principal."""
    kinds, world = vaults.identity_types(wanted), call.world
    principal = (before or {}).get("principalId")
    assigned = (wanted or {})["userAssignedIdentities"] if "UserAssigned" in kinds else {}
    for id in assigned:
        if not call.can(ASSIGN, id):
            raise call.linked(ASSIGN, id)
        if world.store.get(id) is None:
            raise AzureError(400, "FailedIdentityOperation", f"Identity operation for resource '{call.id.text}' failed "
                             f"with error 'The identity {id} was not found'.")
    if principal and "SystemAssigned" not in kinds:
        world.directory.delete(principal)
    if not kinds:
        return None
    result: dict[str, Any] = {"type": (wanted or {})["type"]}
    if "SystemAssigned" in kinds:
        if not principal:
            principal = world.managed_identity(call.tenant, call.id.name, owner=call.id.text)["principalId"]
        result |= {"principalId": principal, "tenantId": call.tenant}
    if "UserAssigned" in kinds:
        known = {id.lower(): each for id, each in ((before or {}).get("userAssignedIdentities") or {}).items()}
        result["userAssignedIdentities"] = {id: known.get(id.lower(), {}) for id in assigned}
    return result


def written(world: World, payload: dict[str, Any]) -> None:
    """The write is done: provisioned, and the user-assigned identities are resolved."""
    record = world.store.get(payload["vault"])
    if record is None:
        return
    merge_properties(world, payload["vault"], provisioningState="Succeeded")
    assigned = (record.body.get("identity") or {}).get("userAssignedIdentities") or {}
    for id in assigned:
        identity = world.store.get(id)
        values = {key: identity.properties[key] for key in ("clientId", "principalId")} if identity else {}
        world.store.merge(payload["vault"], {"identity": {"userAssignedIdentities": {id: values}}})


def write_failed(world: World, payload: dict[str, Any]) -> None:
    merge_properties(world, payload["vault"], provisioningState="Failed")


def delete(call: Call) -> Reply:
    record = call.record
    if record is None or record.hidden.get("deleted"):
        return Reply(204)
    if record.hidden.get("deleting"):
        raise going()
    keeps = versions.since(call.api_version, versions.DELETED_VAULTS)
    items = call.store.children(call.id, INSTANCES)
    soft_deleted = call.store.children(call.id, DELETED_INSTANCES)
    held = {each.properties["policyInfo"]["policyId"].lower() for each in soft_deleted}
    policies = [each for each in call.store.children(call.id, POLICIES) if not (keeps and each.id.key in held)]
    if items or policies or (soft_deleted and not keeps):
        raise Refused("BMSUserErrorInvalidInput", message=NOT_EMPTY)
    if call.store.children(call.id, PROXIES):
        raise invalid("the vault is protected by a resource guard; delete its resource guard proxy first")
    record.hidden["deleting"] = True
    return begin(call, record, "vault delete", finish="vault deleted", payload={
        "vault": record.id.text, "keeps": keeps, "activity": call.client_request_id})


def deleted(world: World, payload: dict[str, Any]) -> None:
    """The delete is done. The vault can still be read for a while."""
    record = world.store.get(payload["vault"])
    if record is None:
        return
    record.hidden["deleted"] = True
    if payload["keeps"] and vaults.soft_delete(record.properties)[0] != "Off":
        _keep(world, record, payload["activity"])
    world.clock.after(world.settings.vault_lingers, f"{NAMESPACE}:vault vanishes",
                      {"vault": payload["vault"], "guid": record.hidden["guid"]})


def delete_failed(world: World, payload: dict[str, Any]) -> None:
    if record := world.store.get(payload["vault"]):
        record.hidden.pop("deleting", None)


def vanishes(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["vault"])
    if record and record.hidden["guid"] == payload["guid"]:
        _vanish(world, record)


def _vanish(world: World, record: Record) -> None:
    if oid := (record.body.get("identity") or {}).get("principalId"):
        world.directory.delete(oid)
    for child in reversed(world.store.below(record.id)):
        if same(child.type, ASSIGNMENTS):
            world.forget(child)  # or it would be in force for the next vault of the name
        world.store.delete(child.id)
    world.store.delete(record.id)


def deleted_id(subscription: str, region: str, name: str) -> Id:
    return Id(f"/subscriptions/{subscription}", NAMESPACE, ("locations", "deletedVaults"), (region, name))


def _keep(world: World, record: Record, activity: str) -> None:
    """Make the soft-deleted vault that undelete brings back, with all that it held."""
    content = [{"id": each.id.text, "body": each.body, "hidden": each.hidden} for each in world.store.below(record.id)
               if not same(each.type, ASSIGNMENTS)]
    days = timedelta(days=vaults.soft_delete(record.properties)[1])
    empty = not world.store.children(record.id, DELETED_INSTANCES)
    purge = now(world) + (EMPTY_PURGE if empty else days)
    properties = record.properties
    shown = {"originalBackupVaultId": record.hidden["guid"], "originalBackupVaultName": record.name,
             "originalBackupVaultResourcePath": record.id.text,
             "resourceDeletionInfo": {"deletionTime": stamp(world.clock.now),
                                      "scheduledPurgeTime": times.timestamp(purge),
                                      "deleteActivityID": activity},
             "provisioningState": "Succeeded",
             **{key: properties[key] for key in KEPT}}
    id = deleted_id(record.id.subscription, location(record), world.guid())
    world.store.put(id, {"location": record.body["location"], "tags": record.body.get("tags") or {},
                         "properties": shown},
                    {"vault": {"body": record.body, "hidden": record.hidden}, "content": content})
    world.clock.at(purge.timestamp(), f"{NAMESPACE}:purge vault", {"id": id.text})


def purge(world: World, payload: dict[str, Any]) -> None:
    if kept := world.store.delete(payload["id"]):
        for each in kept.hidden["content"]:
            contents.forget(world, each["hidden"])


def _undelete(call: Call, name: str) -> Reply:
    """PUT with the id of a deleted vault: everything is back, but with another identity."""
    region = slug(call.body["location"])
    kept = call.store.get(deleted_id(call.id.subscription, region, name))
    if kept is None or not versions.since(call.api_version, versions.DELETED_VAULTS):
        raise Refused("UserErrorGenericResourceNotFound")
    if identifier(kept.properties["originalBackupVaultResourcePath"]).key != call.id.key:
        raise invalid("a vault can only be undeleted under its own name and resource group")
    if call.record is not None:
        raise invalid(f"a vault named {call.id.name} exists already")
    given = call.body.get("identity")
    wanted = contracts.check(IDENTITY, {} if given is None else given, ("principalId", "tenantId"))
    old = kept.hidden["vault"]
    body = {key: value for key, value in old["body"].items() if key != "identity"}
    identity = _identity(call, wanted, None)
    body["properties"] = {**body["properties"], "provisioningState": "Provisioning"}
    hidden = {key: value for key, value in old["hidden"].items() if key not in ("deleting", "deleted")}
    saved = call.store.put(call.id, {**body, **({"identity": identity} if identity else {})}, hidden)
    for each in kept.hidden["content"]:
        call.store.put(each["id"], each["body"], each["hidden"])
    call.store.delete(kept.id)
    return begin(call, saved, "vault put", render(call, saved.body), finish="vault written",
                 payload={"vault": saved.id.text})


def list_deleted(call: Call) -> list[dict[str, Any]]:
    region = slug(call.id.names[0])
    return [each.body for each in call.store.of_type(call.id.subscription, DELETED_VAULTS)
            if slug(each.body["location"]) == region]


def check_name(call: Call) -> dict[str, Any]:
    """Names are unique within the resource group only."""
    name = (call.body or {}).get("name") or ""
    vaults.check_name(name)
    group = Id(f"/subscriptions/{call.id.subscription}", RESOURCES, ("resourceGroups",), (call.id.group,))
    if call.store.get(Id(group.text, NAMESPACE, ("backupVaults",), (name,))) is None:
        return {"nameAvailable": True}
    return {"nameAvailable": False, "reason": "AlreadyExists",
            "message": f"A backup vault named {name} exists already in the resource group."}


def feature(call: Call) -> dict[str, Any]:
    """AKS is generally available everywhere; other features are not known here."""
    wanted = call.body or {}
    known = str(wanted.get("featureName", "")).lower() == "microsoft.containerservice/managedclusters"
    return {"objectType": "FeatureValidationResponse", "featureType": wanted.get("featureType"),
            "features": [{"featureName": wanted.get("featureName"),
                          "supportStatus": "GenerallyAvailable" if known else "NotSupported",
                          "exposureControlledFeatures": []}]}
