# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of Azure Resource Graph out of ARM documents.

Every row has the same columns; type and resource group are lower case. Rows of Microsoft.DataProtection have all
members of the document, also those that ARM leaves out, and more that only Resource Graph has (its wire behaviour).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .. import roles
from ..backup import jobs, policies, times
from ..graph.values import DateTime
from ..ids import identifier
from ..rbac import ASSIGNMENTS, DEFINITIONS
from ..regions import paired, slug
from ..store import Body
from ..world import World
from .dataprotection_world import DELETED_INSTANCES, INSTANCES, JOBS, POINTS, VAULTS, policy_of, vault_id

Row = dict[str, Any]

# What may be done with an instance in a state; names as Resource Graph shows them.
OPERATIONS = {
    "ProtectionConfigured": ["BackupNow", "Restore", "ChangePolicy", "StopBackup", "Delete"],
    "ProtectionError": ["Restore", "StopBackup", "Delete"],
    "ProtectionStopped": ["Restore", "Delete"],
    "BackupsSuspended": ["Restore", "Delete"],
}
SECONDARY_OPERATIONS = ["ViewSecondaryRecoveryPoint", "RestoreToSecondaryRegion"]


def row(world: World, body: Body) -> Row:
    """The row of a document."""
    id = identifier(body["id"])
    kind = id.type.lower()
    if kind == "microsoft.resources/resourcegroups":
        kind = "microsoft.resources/subscriptions/resourcegroups"
    result = {
        "id": body["id"], "name": body["name"], "type": kind, "tenantId": _tenant(world, id.subscription),
        "kind": body.get("kind") or "", "location": slug(body.get("location") or ""), "resourceGroup": id.group.lower(),
        "subscriptionId": id.subscription, "managedBy": body.get("managedBy") or "", "sku": body.get("sku"),
        "plan": body.get("plan"), "properties": body.get("properties") or {}, "tags": body.get("tags"),
        "identity": body.get("identity"), "zones": body.get("zones"), "extendedLocation": body.get("extendedLocation")}
    shape = _SHAPES.get(kind)
    return {**result, **shape(world, body)} if shape else result


def _tenant(world: World, subscription: str) -> str:
    record = world.store.get(f"/subscriptions/{subscription}") if subscription else None
    return record.body["tenantId"] if record else ""


def _canonical(body: Body, kind: str) -> str:
    """The id with the types in the service's own spelling, whatever the spelling of the one who made it."""
    id = identifier(body["id"])
    namespace, *types = kind.split("/")
    pairs = "".join(f"/{type}/{name}" for type, name in zip(types, id.names, strict=True))
    return f"/subscriptions/{id.subscription}/resourceGroups/{id.group}/providers/{namespace}{pairs}"


def _vault(world: World, body: Body) -> Row:
    return {"id": _canonical(body, VAULTS.replace("backupVaults", "BackupVaults"))}


def _subscription(world: World, body: Body) -> Row:
    return {"name": body["displayName"], "tenantId": body["tenantId"], "properties": {
        "managedByTenants": [], "state": "Enabled", "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"}}}


def _assignment(world: World, body: Body) -> Row:
    """Role definitions are named without the subscription, so that they can be joined with the built-in ones."""
    properties = body["properties"]
    guid = properties["roleDefinitionId"].rsplit("/", 1)[-1]
    return {"resourceGroup": "", "location": "global", "properties": {
        **properties, "roleDefinitionId": f"/providers/Microsoft.Authorization/RoleDefinitions/{guid}"}}


def definition(tenant: str, guid: str) -> Row:
    """The row of a built-in role definition."""
    known = roles.definition(guid)
    assert known is not None
    return {
        "id": f"/providers/Microsoft.Authorization/RoleDefinitions/{guid}", "name": guid, "type": DEFINITIONS.lower(),
        "tenantId": tenant, "kind": "", "location": "global", "resourceGroup": "", "subscriptionId": "",
        "managedBy": "", "sku": None, "plan": None, "properties": {**known, "isServiceRole": False}, "tags": None,
        "identity": None, "zones": None, "extendedLocation": None}


def _job(world: World, body: Body) -> Row:
    """Durations are TimeSpans and times have all seven digits; what only a single GET shows is not there."""
    properties = jobs.listed(body["properties"])
    return {"id": _canonical(body, JOBS), "location": "", "properties": {
        **properties, "startTime": _full(properties["startTime"]), "endTime": _full(properties["endTime"])}}


def _full(time: str | None) -> str | None:
    moment = DateTime.parse(time or "")
    return time if moment is None else str(moment)


def _instance(world: World, body: Body) -> Row:
    properties = body["properties"]
    info = properties["policyInfo"]
    parameters = {"tags": None, **(info.get("policyParameters") or {})}
    vault = world.store.get(vault_id(identifier(body["id"])))
    location = slug(vault.body["location"]) if vault else ""
    return {"id": _canonical(body, INSTANCES), "location": location, "properties": {
        "datasourceAuthCredentials": None, "validationType": None, "identityDetails": None,
        "resourceGuardOperationRequests": None, "dataSourceSetInfo": None, "protectionErrorDetails": None, **properties,
        "policyInfo": {"policyVersion": "", **info, "policyParameters": parameters},
        "backupInstanceExtendedProperties": _extended(world, body, vault.body if vault else None)}}


def _deleted_instance(world: World, body: Body) -> Row:
    vault = world.store.get(vault_id(identifier(body["id"])))
    return {"id": _canonical(body, DELETED_INSTANCES), "location": slug(vault.body["location"]) if vault else ""}


def _extended(world: World, body: Body, vault: Body | None) -> Row:
    properties, home = body["properties"], slug(vault["location"]) if vault else ""
    features = ((vault or {}).get("properties") or {}).get("featureSettings") or {}
    enabled = (features.get("crossRegionRestoreSettings") or {}).get("state") == "Enabled"
    secondary = paired(home) if enabled else ""
    policy = policy_of(world, properties)
    points = sorted((point.properties["recoveryPointTime"] for point in world.store.children(body["id"], POINTS)),
                    key=lambda time: DateTime.parse(time) or DateTime(0))
    operations = OPERATIONS.get(properties["currentProtectionState"], [])
    return {
        "allowedOperations": [*operations, *(SECONDARY_OPERATIONS if secondary else [])],
        "protectionStateInSecondaryRegion": "", "protectedPrimaryRegion": home, "protectedSecondaryRegion": secondary,
        "vaultId": vault["id"] if vault else None,
        "dataSourceExtendedInfo": {"dataSourceId": properties["dataSourceInfo"]["resourceID"]},
        "policyExtendedInfo": {
            "configuredRPGenerationFrequency": _span(policies.frequency(policy)) if policy else None,
            "configuredMaximumRetention": _span(policies.longest_retention(policy)) if policy else None,
            "rpoWarningThresholdInPrimaryRegion": None, "rpoWarningThresholdInSecondaryRegion": None},
        "recoveryPointInfo": {
            "latestRecoveryPointInPrimaryRegion": _full(points[-1]) if points else None,
            "oldestRecoveryPointInPrimaryRegion": _full(points[0]) if points else None,
            "latestRecoveryPointInSecondaryRegion": None, "oldestRecoveryPointInSecondaryRegion": None}}


def _extension(world: World, body: Body) -> Row:
    """Resource Graph spells the members of extensions with a capital, as queries in Azure's documentation do."""
    return {"properties": {name[:1].upper() + name[1:]: value for name, value in body["properties"].items()}}


def _span(duration: timedelta) -> str:
    return times.timespan(duration)


_SHAPES = {
    ASSIGNMENTS.lower(): _assignment,
    DELETED_INSTANCES.lower(): _deleted_instance,
    INSTANCES.lower(): _instance,
    JOBS.lower(): _job,
    VAULTS.lower(): _vault,
    "microsoft.kubernetesconfiguration/extensions": _extension,
    "microsoft.resources/subscriptions": _subscription,
}
