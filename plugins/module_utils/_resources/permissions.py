# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs which role where, and giving it to them. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources import extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_STORAGE,
    MAKE_VAULT,
    cluster_id,
    cluster_principal,
    cluster_problems,
    group_id,
    vault_id,
)

LIST_TYPE = "Microsoft.Authorization/roleAssignments"

# Built-in roles have the same GUID in every tenant, while their names may change.
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Data Operator for Managed Disks": "959f8984-c045-4866-89c7-12bf9737be2e",
    "Disk Snapshot Contributor": "7efff54f-a5b4-42b5-a1c5-5411624893ce",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}


class Need(NamedTuple):
    """``principal`` (vault, cluster or extension) needs ``role`` on ``scope``; ``vault_tier`` only for copies to the
    vault.
    """

    principal: str
    role: str
    scope: str
    vault_tier: bool


# The role matrix for backup, from Microsoft's prerequisites for AKS backup. The order is the one in which people read
# it.
BACKUP: tuple[Need, ...] = (
    Need("vault", "Reader", "cluster", False),
    Need("vault", "Reader", "snapshot_resource_group", False),
    Need("cluster", "Contributor", "snapshot_resource_group", False),
    Need("extension", "Storage Blob Data Contributor", "storage_account", False),
    Need("vault", "Disk Snapshot Contributor", "snapshot_resource_group", True),
    Need("vault", "Data Operator for Managed Disks", "snapshot_resource_group", True),
    Need("vault", "Storage Blob Data Reader", "storage_account", True),
)


def rows(principals: Document, scopes: Document, vault_tier: bool) -> list[Document]:
    """The matrix with principals and scopes filled in. A principal that Azure has not made up yet is None."""
    return [
        {
            "principal": need.principal,
            "principal_id": principals[need.principal],
            "role": need.role,
            "role_definition_id": _ids.role_definition(scopes[need.scope], ROLES[need.role]),
            "scope": scopes[need.scope],
        }
        for need in BACKUP
        if vault_tier or not need.vault_tier
    ]


def matching(row: Document, assignments: Iterable[Document]) -> Document | None:
    """The assignment that already gives what the row needs, made at its scope or inherited from above."""
    for assignment in assignments:
        properties = assignment.get("properties") or {}
        if (
            _ids.same(properties.get("principalId"), row["principal_id"])
            and _ids.same(_ids.name(properties.get("roleDefinitionId") or "/"), _ids.name(row["role_definition_id"]))
            and f"{row['scope']}/".lower().startswith((properties.get("scope") or "").rstrip("/").lower() + "/")
            and not properties.get("condition")
        ):
            return assignment
    return None


def command(row: Document) -> str:
    """The Azure CLI command that makes the assignment, for somebody else to run."""
    return (
        f"az role assignment create --assignee-object-id {row['principal_id'] or '<known after apply>'} "
        f"--assignee-principal-type ServicePrincipal --role '{row['role']}' --scope '{row['scope']}'"
    )


def assignment_name(row: Document) -> str:
    """The same name for the same need on every run, so that an interrupted run cannot make a second assignment."""
    return _ids.stable_uuid(row["scope"], row["principal_id"], row["role_definition_id"].rsplit("/", 1)[-1])


def manage(arm: Arm, params: Params) -> Outcome:
    """Report what is missing, or grant it."""
    scopes = _scopes(params)
    cluster, vault, installed = arm.together(
        [
            lambda: arm.get(scopes["cluster"]),
            lambda: arm.require(scopes["vault"], "Backup vault", MAKE_VAULT),
            lambda: extension.find(arm, scopes["cluster"]),
        ]
    )
    refuse(cluster_problems(refuse_unknown("cluster", cluster, scopes["cluster"])) + _no_identity(vault, installed))
    if installed is None:
        # In a plan the extension may come from an earlier step; for real it has to be there.
        arm.require(
            _ids.extension(scopes["cluster"], "azure-aks-backup"),
            "backup extension",
            "Install it with aks_backup_extension first.",
        )
    principals = {
        "vault": dig(vault, "identity.principalId"),
        "cluster": cluster_principal(cluster),
        "extension": dig(installed, "properties.aksAssignedIdentity.principalId"),
    }
    wanted = rows(principals, scopes, params["vault_tier"])
    existing = _existing(arm, wanted)
    for row in wanted:
        found = matching(row, existing[row["scope"]]) if row["principal_id"] else None
        row["assignment_id"] = found["id"] if found else None
    missing = [row for row in wanted if not row["assignment_id"]]
    if missing:
        arm.together(
            [
                lambda: arm.require(scopes["storage_account"], "storage account", MAKE_STORAGE),
                lambda: arm.require(scopes["snapshot_resource_group"], "resource group", MAKE_STORAGE),
            ]
        )
    before = {"assignments": [_shown(row) for row in wanted if row["assignment_id"]]}
    if params["mode"] == "grant":
        arm.together([partial(_grant, arm, row) for row in missing])
        after = {"assignments": [_shown(row) for row in wanted]}
    else:
        after = before
    return Outcome(
        changed=bool(missing) and params["mode"] == "grant",
        before=before,
        after=after,
        result={
            "assignments": [{**row, "granted": row in missing and params["mode"] == "grant"} for row in wanted],
            "missing": [{**row, "command": command(row)} for row in missing] if params["mode"] == "report" else [],
        },
    )


def _no_identity(vault: Document, installed: Document | None) -> list[str]:
    """Problems with what exists and has no identity to give a role to. What a plan has yet to create is none."""
    said = []
    if vault.get("properties") and not dig(vault, "identity.principalId"):
        said.append(
            f"The Backup vault {vault.get('name')} has no system-assigned identity to give roles to. "
            "Give it one with aks_backup_vault (identity)."
        )
    if installed and not dig(installed, "properties.aksAssignedIdentity.principalId"):
        said.append(
            f"The backup extension {installed.get('name')} has no identity to give roles to. "
            "Wait until it is installed, or install it again with aks_backup_extension."
        )
    return said


def _scopes(params: Params) -> dict[str, str]:
    return {
        "cluster": cluster_id(params),
        "snapshot_resource_group": group_id(params, "snapshot_resource_group"),
        "storage_account": extension.account_id(params),
        "vault": vault_id(params),
    }


def _existing(arm: Arm, wanted: list[Document]) -> dict[str, list[Document]]:
    """Assignments at and above each scope, read once per scope."""
    scopes = sorted({row["scope"] for row in wanted})
    found = arm.together([partial(arm.list_all, LIST_TYPE, scope, filter="atScope()") for scope in scopes])
    return dict(zip(scopes, found, strict=False))


def _grant(arm: Arm, row: Document) -> None:
    if row["principal_id"] is None:
        # Only in a plan: the identity comes with a resource that the plan creates. Shown as known after apply.
        row["assignment_id"] = None
        arm.put(
            _ids.role_assignment(row["scope"], _ids.stable_uuid(row["scope"], row["principal"], row["role"])),
            _body(row),
        )
        return
    id_ = _ids.role_assignment(row["scope"], assignment_name(row))
    try:
        arm.put(id_, _body(row))
        row["assignment_id"] = id_
    except AzureError as exc:
        if exc.code != "RoleAssignmentExists":
            raise
        # Somebody made the same assignment, under a name of their own, since it was looked for.
        row["assignment_id"] = (matching(row, arm.list_all(LIST_TYPE, row["scope"], filter="atScope()")) or {}).get(
            "id"
        )


def _body(row: Document) -> Document:
    # The type of the principal spares Azure a look into a directory that may not know a new identity yet.
    return {
        "properties": {
            "principalId": row["principal_id"],
            "principalType": "ServicePrincipal",
            "roleDefinitionId": row["role_definition_id"],
        }
    }


def _shown(row: Document) -> dict[str, Any]:
    return {key: row[key] for key in ("principal", "principal_id", "role", "scope")}
