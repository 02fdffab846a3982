# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.DataProtection and the rest of the cloud: what its checks see, and what all its handlers share."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..backup.requirements import BACKUP_OPERATOR, EXTENSION_TYPE, Extension, Parties
from ..clock import NEVER, moment, stamp
from ..ids import Id, identifier, same
from ..operations import Operation
from ..provider import Call, Reply
from ..regions import slug
from ..store import Record
from ..world import World
from .containerservice import in_force

NAMESPACE = "Microsoft.DataProtection"
VAULTS = f"{NAMESPACE}/backupVaults"
POLICIES = f"{VAULTS}/backupPolicies"
INSTANCES = f"{VAULTS}/backupInstances"
POINTS = f"{INSTANCES}/recoveryPoints"
JOBS = f"{VAULTS}/backupJobs"
DELETED_INSTANCES = f"{VAULTS}/deletedBackupInstances"
DELETED_VAULTS = f"{NAMESPACE}/locations/deletedVaults"
PROXIES = f"{VAULTS}/backupResourceGuardProxies"
GUARDS = f"{NAMESPACE}/resourceGuards"
DONE = {"objectType": "OperationJobExtendedInfo"}


class Surroundings:
    """The rest of Azure as the checks of ``backup.requirements`` ask for it."""

    def __init__(self, world: World):
        self._world = world

    def document(self, resource_id: str) -> dict[str, Any] | None:
        record = self._world.store.get(resource_id)
        return record.body if record else None

    def cluster_principal(self, cluster_id: str) -> str | None:
        """A cluster with user-assigned identities has no principalId; the first of them is the control plane's."""
        identity = (self.document(cluster_id) or {}).get("identity") or {}
        assigned = list((identity.get("userAssignedIdentities") or {}).values())
        return identity.get("principalId") or (assigned[0].get("principalId") if assigned else None)

    def extension(self, cluster_id: str) -> Extension | None:
        for record in self._world.store.children(cluster_id, "Microsoft.KubernetesConfiguration/extensions"):
            properties = record.properties
            if same(properties.get("extensionType"), EXTENSION_TYPE):
                error = (properties.get("errorInfo") or {}).get("message", "")
                return Extension(
                    state=properties.get("provisioningState", "Failed"), error=error,
                    principal=(properties.get("aksAssignedIdentity") or {}).get("principalId"),
                    settings=properties.get("configurationSettings") or {},
                    ready=record.hidden.get("ready", 0.0) <= self._world.clock.now)
        return None

    def bound(self, cluster_id: str, vault_id: str) -> bool:
        kind = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"
        return any(same(record.properties.get("sourceResourceId"), vault_id)
                   and in_force(self._world, record)
                   and any(same(role, BACKUP_OPERATOR) for role in record.properties.get("roles") or ())
                   for record in self._world.store.children(cluster_id, kind))

    def locked(self, scope: str) -> bool:
        return bool(self._world.store.children(scope, "Microsoft.Authorization/locks"))

    def can(self, principal: str, action: str, scope: str, data: bool = False) -> bool:
        return self._world.rbac.can(principal, action, scope, data)


def now(world: World) -> datetime:
    """The time of the virtual clock."""
    return moment(world.clock.now)


def epoch(when: datetime) -> float:
    """Seconds since the epoch, as the clock counts."""
    return when.timestamp()


def vault_id(id: Id) -> Id:
    """The vault that an id lies in."""
    return Id(id.scope, id.namespace, id.types[:1], id.names[:1])


def vault_of(world: World, id: Id) -> Record:
    """The vault of an id below it; it exists, because the core asks for parents before it calls a handler."""
    record = world.store.get(vault_id(id))
    assert record is not None
    return record


def location(vault: Record) -> str:
    """The region of a vault as a slug."""
    return slug(vault.body["location"])


def begin(call: Call, vault: Record, lro: str, body: Any = None, *, region: str = "", **rest: Any) -> Reply:
    """Start an operation whose id tells the vault, as the service's do."""
    guid = vault.hidden["guid"]
    name = base64.b64encode(f"{guid};{call.world.guid()}".encode()).decode()
    return call.begin(lro, body, name=name, location=region or location(vault), **rest)


def system_principal(vault: Record) -> str | None:
    """The object id of the vault's system-assigned identity."""
    return (vault.body.get("identity") or {}).get("principalId")


def principal(vault: Record, details: dict[str, Any] | None) -> str | None:
    """The object id of the identity of the vault that an instance uses (identityDetails)."""
    if not details or details.get("useSystemAssignedIdentity", True) or not details.get("userAssignedIdentityArmUrl"):
        return system_principal(vault)
    assigned = (vault.body.get("identity") or {}).get("userAssignedIdentities") or {}
    wanted = details["userAssignedIdentityArmUrl"]
    return next((each.get("principalId") for id, each in assigned.items() if same(id, wanted)), None)


def parties(vault: Record, properties: dict[str, Any], cluster_id: str) -> Parties:
    """Who takes part in an operation of an instance (its properties) on a cluster."""
    return Parties(vault.id.text, location(vault), principal(vault, properties.get("identityDetails")),
                   system_principal(vault), cluster_id)


def all_instances(world: World, *subscriptions: str) -> Iterator[Record]:
    """Every backup instance of the subscriptions."""
    for subscription in {each.lower() for each in subscriptions}:
        yield from world.store.of_type(subscription, INSTANCES)


def policy_of(world: World, properties: dict[str, Any]) -> dict[str, Any] | None:
    """The properties of the policy of an instance."""
    record = world.store.get(properties["policyInfo"]["policyId"])
    return record.properties if record else None


def merge_properties(world: World, id: str, **changes: Any) -> None:
    """Replace properties of a document as a whole; None removes one. Nothing happens if the document is gone."""
    if record := world.store.get(id):
        properties = {key: value for key, value in {**record.properties, **changes}.items() if value is not None}
        world.store.put(record.id, {**record.body, "properties": properties})


def cluster_subscription(properties: dict[str, Any]) -> str:
    """The subscription of the protected cluster."""
    return identifier(properties["dataSourceInfo"]["resourceID"]).subscription


def status(world: World, operation: Operation) -> dict[str, Any]:
    """The status body: "Inprogress" with a small p, the year 1 for "not yet", whole seconds for the end."""
    word = "Inprogress" if operation.state == "InProgress" else operation.state
    body: dict[str, Any] = {
        "id": operation.paths.get("status") or operation.paths["result"], "name": operation.name, "status": word,
        "startTime": stamp(operation.started),
        "endTime": NEVER if operation.ended is None else stamp(float(int(operation.ended)))}
    if operation.error:
        body["error"] = {key: operation.error[key] for key in ("code", "message", "additionalInfo")
                         if key in operation.error}
    if operation.state == "Succeeded" and (operation.result or {}).get("jobId"):
        body["properties"] = operation.result
    return body


def result(world: World, operation: Operation) -> Reply:
    """What the Location answers after success; the 200 itself still carries a Retry-After."""
    facts = world.provider(operation.provider).lros[operation.lro]
    return Reply(200, operation.result or DONE, world.retry_after_header(facts.retry_after or 30))
