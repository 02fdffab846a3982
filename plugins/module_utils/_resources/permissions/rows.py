# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role matrix with names filled in, held against the assignments that Azure has. Pure. Private to the collection.

A row is a dict: ``principal`` (vault, cluster, extension), ``principal_id`` (None while Azure has not made it up),
``role``, ``role_definition_id``, ``scope`` (the resource that the role is needed on), ``assignment_scope`` (where an
assignment for it is made: there, or above), ``scope_kind`` (of ``permissions_matrix.SCOPES``), ``purpose``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.matrix import ROLES, Need

Row = dict[str, Any]

ASSIGN = "Microsoft.Authorization/roleAssignments/write"
WHO_MAY = "Owner, User Access Administrator or Role Based Access Control Administrator"
UNKNOWN = "<known after apply>"


def rows(
    needs: Iterable[Need], principals: Mapping[str, str | None], scopes: Mapping[str, Collection[str]], role_scope: str
) -> list[Row]:
    """A row for each need and each resource of its kind of scope, the same one once."""
    found: dict[tuple[str, str, str], Row] = {}
    for need in needs:
        for scope in scopes[need.scope]:
            row = {
                "principal": need.principal,
                "principal_id": principals[need.principal],
                "role": need.role,
                "role_definition_id": _ids.role_definition(scope, ROLES[need.role]),
                "scope": scope,
                "scope_kind": need.scope,
                "assignment_scope": widened(scope, role_scope),
                "purpose": need.purpose,
            }
            found.setdefault((need.principal, need.role, scope.lower()), row)
    return list(found.values())


def widened(scope: str, role_scope: str) -> str:
    """Where an assignment for ``scope`` is made: ``resource``, its ``resource_group`` or its ``subscription``."""
    parts = scope.split("/")
    return "/".join(parts[: {"resource": len(parts), "resource_group": 5, "subscription": 3}[role_scope]])


def gives(row: Row, assignment: Mapping[str, Any]) -> bool:
    """Whether an assignment is of the row's role to the row's identity, without a condition, wherever it is made."""
    properties = assignment.get("properties") or {}
    return (
        bool(row["principal_id"])
        and _ids.same(properties.get("principalId"), row["principal_id"])
        and _ids.same(_ids.name(properties.get("roleDefinitionId") or "/"), _ids.name(row["role_definition_id"]))
        and not properties.get("condition")
    )


def scope_of(assignment: Mapping[str, Any]) -> str:
    return str((assignment.get("properties") or {}).get("scope") or "").rstrip("/")


def matching(row: Row, assignments: Iterable[Row]) -> Row | None:
    """The assignment that already gives what the row needs, made at its scope or inherited from above."""
    return next(
        (
            one
            for one in assignments
            if gives(row, one) and f"{row['scope']}/".lower().startswith(scope_of(one).lower() + "/")
        ),
        None,
    )


def made_for(row: Row, assignments: Iterable[Row]) -> Row | None:
    """The assignment that a grant of the row would make: at that very scope."""
    return next((one for one in assignments if gives(row, one) and _ids.same(scope_of(one), row["assignment_scope"])),
                None)  # fmt: skip


def orphans(wanted: Iterable[Row], assignments: Mapping[str, Iterable[Row]]) -> list[Row]:
    """Assignments of the matrix's roles whose identity is gone, where the rows' own are or would be made.

    ``assignments`` are those at and above each row's scope. The type of an identity that the directory no longer has is
    Unknown (observed).
    """
    names = {guid: name for name, guid in ROLES.items()}
    found: dict[str, Row] = {}
    for row in wanted:
        places = {row["scope"].lower(), row["assignment_scope"].lower()}
        for one in assignments.get(row["scope"], ()):
            properties = one.get("properties") or {}
            role = names.get(_ids.name(properties.get("roleDefinitionId") or "/").lower())
            if role and properties.get("principalType") == "Unknown" and scope_of(one).lower() in places:
                found[one["id"].lower()] = {
                    "assignment_id": one["id"],
                    "principal_id": properties.get("principalId"),
                    "role": role,
                    "scope": scope_of(one),
                }
    return [found[key] for key in sorted(found)]


def assignment_name(row: Row) -> str:
    """The same name for the same need on every run, so that an interrupted run cannot make a second assignment."""
    # In a plan an identity may have to be made up yet; its kind stands in for it.
    who, role = row["principal_id"] or row["principal"], _ids.name(row["role_definition_id"])
    return _ids.stable_uuid(row["assignment_scope"], who, role)


def body(row: Row) -> Row:
    # The type of the principal spares Azure a look into a directory that may not know a new identity yet.
    return {
        "properties": {
            "principalId": row["principal_id"],
            "principalType": "ServicePrincipal",
            "roleDefinitionId": row["role_definition_id"],
        }
    }


def command(row: Row) -> str:
    """The Azure CLI command that makes the assignment, for somebody else to run."""
    return (
        f"az role assignment create --assignee-object-id {row['principal_id'] or UNKNOWN} "
        f"--assignee-principal-type ServicePrincipal --role '{row['role']}' --scope '{row['assignment_scope']}'"
    )


def terraform(row: Row) -> str:
    """The block for Terraform's provider azurerm that makes the assignment under the name that a grant would give."""
    label = re.sub(r"[^a-z0-9]+", "_", f"{row['principal']} {row['role']} {_ids.name(row['scope'])}".lower()).strip("_")
    facts = {
        "name": assignment_name(row) if row["principal_id"] else None,
        "scope": row["assignment_scope"],
        "role_definition_name": row["role"],
        "principal_id": row["principal_id"] or UNKNOWN,
        "principal_type": "ServicePrincipal",
    }
    given = {name: value for name, value in facts.items() if value}
    width = max(map(len, given))
    lines = [f'  {name:<{width}} = "{value}"' for name, value in given.items()]
    return "\n".join([f'resource "azurerm_role_assignment" "{label}" {{', *lines, "}"])


def sentence(row: Row) -> str:
    """``Reader for the vault on aks-east-1``."""
    return f"{row['role']} for the {row['principal']} on {_ids.name(row['assignment_scope'])}"


def unassignable(missing: Iterable[Row]) -> str:
    """One sentence for a caller who may not assign roles: all that is missing, and what somebody else has to run."""
    todo = list({command(row): row for row in missing}.values())
    return (
        f"The identity that runs Ansible may not assign roles, and these are missing: "
        f"{'; '.join(map(sentence, todo))}. Give the identity that runs Ansible a role that may ({WHO_MAY}), or have "
        f"somebody who has one run: {'; '.join(map(command, todo))}. With mode=report "
        "aks_backup_permissions returns the same as a list, for Terraform as well."
    )


def allowed(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether one of the roles that a caller has allows an action; ``*`` stands for any characters.

    ``permissions`` as Azure lists them for a scope: an entry for each role, with what it allows and what it leaves out.
    """
    return any(
        _matches(entry.get("actions"), action) and not _matches(entry.get("notActions"), action)
        for entry in permissions
    )


def _matches(patterns: Iterable[str] | None, action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns or ()
    )
