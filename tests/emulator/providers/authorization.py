# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization: role assignments, role definitions, the caller's permissions, management locks.

Sources: REST reference "Authorization", "List Azure role assignments using the REST API" (filters), "Troubleshoot Azure
RBAC" (errors and replication delays); the wording of errors is ARM wire behaviour.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from .. import roles
from ..errors import AzureError
from ..ids import Id
from ..provider import Call, Provider, Reply, Type
from ..rbac import ASSIGNMENTS, covers
from ..store import Record
from ..world import World

NAMESPACE = "Microsoft.Authorization"
MODELS = "azure.mgmt.authorization.v2022_04_01.models:"
VERSIONS = ("2015-07-01", "2018-01-01-preview", "2018-07-01", "2018-09-01-preview", "2020-04-01-preview",
            "2020-08-01-preview", "2020-10-01-preview", "2022-04-01", "2022-05-01-preview")
LOCK_VERSIONS = ("2015-01-01", "2016-09-01", "2017-04-01", "2020-05-01")
PRINCIPAL = re.compile(r"principalId\s+eq\s+'([^']*)'", re.IGNORECASE)
ASSIGNED = re.compile(r"assignedTo\('([^']*)'\)", re.IGNORECASE)
CHANGEABLE = ("condition", "conditionVersion", "description")
SHOWN = tuple(f"properties.{name}" for name in ("scope", "createdOn", "updatedOn", "createdBy", "updatedBy"))
ROLE_NAME = re.compile(r"roleName\s+eq\s+'((?:[^']|'')*)'", re.IGNORECASE)
ROLE_TYPE = re.compile(r"type\s+eq\s+'(BuiltInRole|CustomRole)'", re.IGNORECASE)


def scope_of(id: Id) -> str:
    """``/`` for the tenant's root."""
    return id.scope or "/"


def is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


# Role assignments

def put_assignment(call: Call) -> Reply:
    world, wanted, scope = call.world, call.body["properties"], scope_of(call.id)
    principal, role = wanted["principalId"], wanted["roleDefinitionId"].rstrip("/").rsplit("/", 1)[-1].lower()
    if not is_guid(call.id.name):
        raise AzureError(400, "InvalidRoleAssignmentId", f"The role assignment ID '{call.id.name}' is not valid. The "
                         "role assignment ID must be a GUID.")
    if find_definition(world, call.tenant, role) is None:
        raise AzureError(400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID "
                         f"'{role.replace('-', '')}' does not exist.")
    check_principal(call, principal, wanted.get("principalType"))
    old = call.store.get(world.rbac.named(call.tenant, call.id.name) or "")
    if old:
        same = (old.id.key == call.id.key and old.properties["principalId"].lower() == principal.lower()
                and old.properties["roleDefinitionId"].rsplit("/", 1)[-1].lower() == role)
        if not same:
            raise AzureError(409, "RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and "
                             "scope are not allowed to be updated.")
        return Reply(200, shown(call, redescribed(call, old, wanted)))
    for grant in world.rbac.assignments(principal):
        if grant.role == role and grant.scope.strip("/").lower() == scope.strip("/").lower():
            raise AzureError(409, "RoleAssignmentExists", "The role assignment already exists. The ID of the existing "
                             f"role assignment is {grant.key.rsplit('/', 1)[-1].replace('-', '')}.")
    effective = call.now + world.rbac.delay()
    record = call.store.put(call.id, {"type": ASSIGNMENTS, "properties": {
        "roleDefinitionId": definition_id(call.id.subscription, role), "principalId": principal,
        "principalType": wanted.get("principalType") or "ServicePrincipal", "scope": scope,
        "condition": wanted.get("condition"), "conditionVersion": wanted.get("conditionVersion"),
        "createdOn": call.stamp, "updatedOn": call.stamp, "createdBy": call.principal.oid,
        "updatedBy": call.principal.oid,
        "delegatedManagedIdentityResourceId": wanted.get("delegatedManagedIdentityResourceId"),
        "description": wanted.get("description")}}, {"tenant": call.tenant, "effective": effective})
    world.rbac.grant(call.id.key, principal, role, scope, call.tenant, effective)
    # The reply to the creation does not say who created it; later reads do.
    body = shown(call, record)
    return Reply(201, {**body, "properties": {**body["properties"], "createdBy": None}})


def redescribed(call: Call, old: Record, wanted: dict[str, Any]) -> Record:
    """What may change of an assignment; a PUT says all of it ("az role assignment update" sends what is to stay)."""
    new = {key: wanted.get(key) for key in CHANGEABLE}
    if all(new[key] == old.properties[key] for key in CHANGEABLE):
        return old
    return call.store.put(old.id, {**old.body, "properties": {
        **old.properties, **new, "updatedOn": call.stamp, "updatedBy": call.principal.oid}})


def check_principal(call: Call, oid: str, kind: str | None) -> None:
    """The directory replica that is asked depends on whether the principal's type is given."""
    principal = call.world.directory.get(oid)
    seen = principal and (principal.visible if kind else principal.searchable)
    if principal is None or principal.tenant != call.tenant or seen > call.now:  # type: ignore[operator]
        raise AzureError(
            400, "PrincipalNotFound", f"Principal {oid.replace('-', '')} does not exist in the directory {call.tenant}"
            ". Check that you have the correct principal ID. If you are creating this principal and then immediately "
            "assigning a role, this error might be related to a replication delay. In this case, set the role "
            "assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See "
            "https://aka.ms/docs-principaltype")
    if kind and kind.lower() != principal.kind.lower():
        raise AzureError(400, "UnmatchedPrincipalType", f"The PrincipalId '{oid.replace('-', '')}' has type "
                         f"'{principal.kind}' , which is different from specified PrinciaplType '{kind}'.")


def delete_assignment(call: Call) -> Reply:
    record = call.store.delete(call.id)
    if record is None:
        return Reply(204)
    call.world.rbac.revoke(record.id.key, record.properties["principalId"])
    return Reply(200, shown(call, record))


def list_assignments(call: Call) -> list[dict[str, Any]]:
    """At, above and below the scope; ``atScope()`` leaves out what is below. Filters can be joined by ``and``."""
    scope, text = call.id.text or "/", call.query.get("$filter", "").strip()
    principal, at_scope = None, False
    for clause in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []:
        match = PRINCIPAL.fullmatch(clause.strip()) or ASSIGNED.fullmatch(clause.strip())
        if match and (is_guid(match[1]) or ASSIGNED.fullmatch(clause.strip()) is None):
            principal = match[1].lower()
        elif clause.strip().lower() == "atscope()":
            at_scope = True
        else:
            raise AzureError(400, "UnsupportedQuery", f"The filter '{text}' is not supported. Supported filters are "
                             "either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.")
    if principal is not None:
        found = [call.store.get(grant.key) for grant in call.world.rbac.assignments(principal)]
        records = [record for record in found if record]
    else:
        records = call.store.of_type(call.id.subscription, ASSIGNMENTS)
        records += call.store.of_type("", ASSIGNMENTS) if call.id.subscription else []
    return [shown(call, record) for record in records if record.hidden["tenant"] == call.tenant
            and (covers(record.properties["scope"], scope)
                 or not at_scope and covers(scope, record.properties["scope"]))]


def shown(call: Call, record: Record) -> dict[str, Any]:
    """The subscription in roleDefinitionId follows the queried scope; a principal that is gone has no type."""
    properties = record.properties
    role = properties["roleDefinitionId"].rsplit("/", 1)[-1]
    gone = call.world.directory.get(properties["principalId"]) is None
    return {**record.body, "properties": {
        **properties, "roleDefinitionId": definition_id(call.id.subscription, role),
        **({"principalType": "Unknown"} if gone else {})}}


# Role definitions

def definition_id(subscription: str, role: str) -> str:
    prefix = f"/subscriptions/{subscription}" if subscription else ""
    return f"{prefix}/providers/{NAMESPACE}/roleDefinitions/{role}"


def find_definition(world: World, tenant: str, role: str) -> dict[str, Any] | None:
    return roles.definition(role) or world.custom_roles.get((tenant, role))


def definition_body(call: Call, role: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": properties, "id": definition_id(call.id.subscription, role),
            "type": f"{NAMESPACE}/roleDefinitions", "name": role}


def get_definition(call: Call) -> Reply:
    role = call.id.name.lower()
    properties = find_definition(call.world, call.tenant, role)
    if properties is None:
        raise AzureError(404, "RoleDefinitionDoesNotExist", "The specified role definition with ID "
                         f"'{role.replace('-', '')}' does not exist.")
    return Reply(200, definition_body(call, role, properties))


def list_definitions(call: Call) -> list[dict[str, Any]]:
    own = [(role, properties) for (tenant, role), properties in call.world.custom_roles.items()
           if tenant == call.tenant and any(covers(scope, call.id.text) for scope in properties["assignableScopes"])]
    found = [(role, roles.definition(role) or {}) for role in roles.BUILT_IN] + own
    text = call.query.get("$filter", "").strip()
    for clause in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []:
        by_name, by_type = ROLE_NAME.fullmatch(clause.strip()), ROLE_TYPE.fullmatch(clause.strip())
        if by_name:
            wanted = by_name[1].replace("''", "'").lower()
            found = [entry for entry in found if entry[1]["roleName"].lower() == wanted]
        elif by_type:
            found = [entry for entry in found if entry[1]["type"].lower() == by_type[1].lower()]
        elif clause.strip().lower() not in {"atscopeandbelow()", "atscope()"}:
            raise AzureError(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
    return [definition_body(call, *entry) for entry in found]


def put_definition(call: Call) -> Reply:
    role, wanted = call.id.name.lower(), call.body["properties"]
    if not is_guid(role) or role in roles.BUILT_IN:
        raise AzureError(400, "InvalidRoleDefinitionId", f"The role definition ID '{role}' is not valid.")
    if not wanted.get("roleName") or not wanted.get("assignableScopes"):
        raise AzureError(400, "InvalidRoleDefinition", "A role definition needs a name and assignable scopes.")
    clash = [other for (tenant, other), properties in call.world.custom_roles.items()
             if tenant == call.tenant and other != role
             and properties["roleName"].lower() == wanted["roleName"].lower()]
    if clash or wanted["roleName"].lower() in roles.NAMES:
        raise AzureError(409, "RoleDefinitionWithSameNameExists", "A custom role with the same name already exists in "
                         "this directory. Use a different name.")
    permissions = [{key: entry.get(key) or [] for key in ("actions", "notActions", "dataActions", "notDataActions")}
                   for entry in wanted.get("permissions") or []]
    old = call.world.custom_roles.get((call.tenant, role))
    properties = {"roleName": wanted["roleName"], "type": "CustomRole", "description": wanted.get("description") or "",
                  "assignableScopes": wanted["assignableScopes"], "permissions": permissions,
                  "createdOn": old["createdOn"] if old else call.stamp, "updatedOn": call.stamp,
                  "createdBy": call.principal.oid, "updatedBy": call.principal.oid}
    call.world.custom_roles[call.tenant, role] = properties
    return Reply(201, definition_body(call, role, properties))


def delete_definition(call: Call) -> Reply:
    role = call.id.name.lower()
    if any(record.properties["roleDefinitionId"].endswith(role)
           for record in call.store.of_type(call.id.subscription, ASSIGNMENTS)):
        raise AzureError(400, "RoleDefinitionHasAssignments", "There are existing role assignments referencing role "
                         f"(code: '{role}').")
    properties = call.world.custom_roles.pop((call.tenant, role), None)
    return Reply(200, definition_body(call, role, properties)) if properties else Reply(204)


def list_permissions(call: Call) -> list[dict[str, Any]]:
    """What the caller may do at the scope, one entry per role in force."""
    rbac, scope = call.world.rbac, call.id.text
    return [permission for grant in rbac.assignments(call.principal.oid)
            if grant.effective <= call.now and covers(grant.scope, scope)
            for permission in rbac.permissions(grant.role, grant.tenant)]


# Locks

def put_lock(call: Call) -> Reply:
    old, properties = call.record, call.body.get("properties") or {}
    # No model of these: their package is none of those that clients of this collection install.
    words = {"level": str, "notes": str, "owners": list}
    if not isinstance(properties, dict) or not all(
            isinstance(properties.get(key), (kind, type(None))) for key, kind in words.items()):
        raise AzureError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    if properties.get("level") not in ("CanNotDelete", "ReadOnly"):
        raise AzureError(400, "LockLevelNotValid", "The level of a lock is CanNotDelete or ReadOnly.")
    record = call.store.put(call.id, {"properties": {key: properties[key] for key in ("level", "notes", "owners")
                                                     if key in properties}})
    return Reply(200 if old else 201, record.body)


def delete_lock(call: Call) -> Reply:
    return Reply(200 if call.store.delete(call.id) else 204)


def not_found(call: Call) -> AzureError:
    if call.type.name == "locks":
        return AzureError(404, "LockNotFound", f"The lock '{call.id.name}' could not be found.")
    return AzureError(404, "RoleAssignmentNotFound", f"The role assignment '{call.id.name}' is not found.")


def get_assignment(call: Call) -> Reply:
    record = call.require()
    if record.hidden["tenant"] != call.tenant:
        raise call.missing()
    return Reply(200, shown(call, record))


PROVIDER = Provider(
    namespace=NAMESPACE, api_versions=VERSIONS, always=True, not_found=not_found,
    types=(
        Type("roleAssignments", scope="extension", get=get_assignment, put=put_assignment, delete=delete_assignment,
             list=list_assignments, model=MODELS + "RoleAssignmentCreateParameters", read_only=SHOWN),
        Type("roleDefinitions", scope="extension", get=get_definition, put=put_definition, delete=delete_definition,
             list=list_definitions, stored=False, model=MODELS + "RoleDefinition",
             read_only=("properties.type", "properties.createdOn", "properties.updatedOn", "properties.createdBy",
                        "properties.updatedBy")),
        Type("permissions", scope="extension", list=list_permissions, stored=False),
        Type("locks", scope="extension", put=put_lock, delete=delete_lock, api_versions=LOCK_VERSIONS),
    ))
