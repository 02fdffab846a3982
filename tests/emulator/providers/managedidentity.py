# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ManagedIdentity: user-assigned identities and their federated credentials.

Source: REST reference "Managed identity".
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import AzureError, FrontDoorError
from ..ids import Id
from ..provider import Call, Provider, Reply, Type
from ..regions import REGIONS, slug
from ..store import Record
from ..world import World, group_id

NAMESPACE = "Microsoft.ManagedIdentity"
KIND = "userAssignedIdentities"
NAME = re.compile(r"[A-Za-z0-9][-_A-Za-z0-9]{2,127}\Z")
MODELS = "azure.mgmt.msi.v2024_11_30.models:"
VERSIONS = ("2015-08-31-preview", "2018-11-30", "2021-09-30-preview", "2022-01-31-preview", "2023-01-31",
            "2023-07-31-preview", "2024-11-30", "2025-01-31-preview", "2025-05-31-preview")


def create(world: World, id: Id, location: str, tenant: str, tags: dict[str, str] | None = None, old: bool = False
           ) -> Record:
    """A new identity with its principal."""
    identity = world.managed_identity(tenant, id.name, owner=id.key, old=old)
    return world.store.put(id, {"location": location, "tags": tags or {}, "properties": {
        key: identity[key] for key in ("tenantId", "principalId", "clientId")}})


def identity_id(subscription: str, group: str, name: str) -> Id:
    return Id(group_id(subscription, group).text, NAMESPACE, (KIND,), (name,))


def put(call: Call) -> Reply:
    old, location = call.record, slug(call.body.get("location") or "")
    if not NAME.match(call.id.name):
        raise AzureError(400, "InvalidResourceName", f"The resource name '{call.id.name}' is invalid.")
    if location not in REGIONS:
        raise FrontDoorError(400, "LocationNotAvailableForResourceType", f"The provided location '{location}' is not "
                             f"available for resource type '{NAMESPACE}/{KIND}'.")
    if old is None:
        return Reply(201, create(call.world, call.id, location, call.tenant, call.body.get("tags")).body)
    if old.body["location"] != location:
        raise FrontDoorError(409, "InvalidResourceLocation", f"The resource '{call.id.name}' already exists in "
                             f"location '{old.body['location']}' in resource group '{call.id.group}'.")
    return Reply(200, call.store.put(call.id, {**old.body, "tags": call.body.get("tags") or {}}).body)


def patch(call: Call) -> Reply:
    record = call.require()
    tags = record.body["tags"] if call.body.get("tags") is None else call.body["tags"]
    return Reply(200, call.store.put(call.id, {**record.body, "tags": tags}).body)


def delete(call: Call) -> Reply:
    record = call.record
    if record is None:
        return Reply(204)
    for child in reversed(call.store.below(call.id)):
        call.world.forget(child)
    call.world.forget(record)
    return Reply(200)


def put_credential(call: Call) -> Reply:
    """The credential lets a token of another issuer stand for this identity when signing in."""
    old, wanted = call.record, call.body["properties"]
    if not all(wanted.get(key) for key in ("issuer", "subject")) or len(wanted.get("audiences") or ()) != 1:
        raise AzureError(400, "BadRequest", "A federated identity credential needs an issuer, a subject and exactly "
                         "one audience.")
    record = call.store.put(call.id, {"properties": wanted})
    federate(call.world, call.id.parent)
    return Reply(200 if old else 201, record.body)


def delete_credential(call: Call) -> Reply:
    removed = call.store.delete(call.id)
    federate(call.world, call.id.parent)
    return Reply(200 if removed else 204)


def federate(world: World, identity: Id) -> None:
    record = world.store.get(identity)
    principal = record and world.directory.get(record.properties["principalId"])
    if principal:
        credentials = world.store.children(identity, f"{NAMESPACE}/{KIND}/federatedIdentityCredentials")
        principal.federated = [{"issuer": entry.properties["issuer"], "subject": entry.properties["subject"],
                                "audience": entry.properties["audiences"][0]} for entry in credentials]


def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """``identities``: name, resource_group, location."""
    for entry in section.get("identities", []):
        create(world, identity_id(subscription, entry["resource_group"], entry["name"]), slug(entry["location"]),
               world.tenant_of(subscription), entry.get("tags"), old=True)


PROVIDER = Provider(
    namespace=NAMESPACE, api_versions=VERSIONS, seed=seed,
    types=(
        Type(KIND, put=put, patch=patch, delete=delete, model=MODELS + "Identity",
             patch_model=MODELS + "IdentityUpdate",
             read_only=("properties.tenantId", "properties.principalId", "properties.clientId")),
        Type(f"{KIND}/federatedIdentityCredentials", put=put_credential, delete=delete_credential,
             model=MODELS + "FederatedIdentityCredential"),
    ))
