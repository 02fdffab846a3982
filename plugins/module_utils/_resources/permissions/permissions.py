# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding out who lacks which role, giving it and taking it away again. Private to the collection."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension, extension_settings
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_POLICY,
    MAKE_STORAGE,
    MAKE_VAULT,
    STORAGE_ACCOUNT,
    cluster_id,
    cluster_principal,
    cluster_problems,
    group_id,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import matrix
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import rows as table
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.revoke import revocable
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.rows import Row
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
PERMISSIONS = "Microsoft.Authorization/permissions"
OPERATIONS = {"backup": ("backup",), "restore": ("restore",), "both": ("backup", "restore")}

# What the options of the module are where other modules that use its work do not say otherwise.
DEFAULTS: Document = {
    "mode": "report",
    "operation": "backup",
    "remove_orphaned": False,
    "restore_from": [matrix.OPERATIONAL],
    "role_scope": "resource",
    "vault_tier": None,
    "volume_types": [matrix.DISKS],
}


class Parties(NamedTuple):
    """Whose identities the rows are about, as Azure has them; None for what does not exist."""

    cluster: Document | None
    vault: Document | None
    extension: Document | None


def manage(arm: Arm, params: Params) -> Outcome:
    """Report what is missing, grant it, or take back what was granted."""
    operations = OPERATIONS[params["operation"]]
    scopes = _scopes(params)
    refuse(_unnamed(params, scopes, operations))
    parties, tier = _read(arm, params)
    wanted = rows(params, parties, tier)
    assignments = existing(arm, wanted)
    for row in wanted:
        row["assignment_id"] = (table.matching(row, assignments[row["scope"]]) or {}).get("id")
    orphaned = table.orphans(wanted, assignments)
    before = _shown([row for row in wanted if row["assignment_id"]], orphaned)
    if params["mode"] == "revoke":
        everything = {**params, "operation": "backup", "volume_types": [matrix.DISKS, matrix.FILES]}
        backup = rows(everything, parties, True)
        taken = revocable(arm, params, parties.cluster, wanted, assignments, backup)
        _delete(arm, [row["assignment_id"] for row in [*taken, *orphaned]])
        after = _shown([row for row in wanted if row["assignment_id"] and row not in taken], [])
        return _outcome(wanted, before, after, taken=taken, orphaned=orphaned, removed=True)
    missing = [row for row in wanted if not row["assignment_id"]]
    if missing:
        _require_scopes(arm, missing)
    if params["mode"] == "report":
        return _outcome(wanted, before, before, missing=missing, orphaned=orphaned)
    _grant_all(arm, missing)
    if params["remove_orphaned"]:
        _delete(arm, [row["assignment_id"] for row in orphaned])
    after = _shown(wanted, [] if params["remove_orphaned"] else orphaned)
    removed = params["remove_orphaned"]
    return _outcome(wanted, before, after, granted=missing, orphaned=orphaned, removed=removed)


def _outcome(
    wanted: list[Row],
    before: Document,
    after: Document,
    *,
    missing: Iterable[Row] = (),
    granted: Iterable[Row] = (),
    taken: Iterable[Row] = (),
    orphaned: Iterable[Row] = (),
    removed: bool = False,
) -> Outcome:
    granted, taken, orphaned = list(granted), list(taken), list(orphaned)
    return Outcome(
        changed=bool(granted or taken or (removed and orphaned)),
        before=before,
        after=after,
        result={
            "assignments": [
                {"kept": None, **row, "granted": row in granted, "revoked": row in taken} for row in wanted
            ],
            "missing": [{**row, "command": table.command(row), "terraform": table.terraform(row)} for row in missing],
            "orphaned": [{**row, "removed": removed} for row in orphaned],
        },
    )


# What is needed


def rows(params: Params, parties: Parties, vault_tier: bool) -> list[Row]:
    """The matrix's rows for these options and identities. A principal that Azure has not made up yet is None."""
    needs = matrix.needs(
        OPERATIONS[params["operation"]],
        vault_tier=vault_tier,
        restore_from=params["restore_from"],
        volume_types=params["volume_types"],
        access=matrix.KEYS if extension_settings.uses_keys(parties.extension) else matrix.ENTRA,
    )
    principals = {
        "vault": vault_principal(parties.vault, params.get("vault_identity_id")),
        "cluster": cluster_principal(parties.cluster),
        "extension": dig(parties.extension, "properties.aksAssignedIdentity.principalId"),
    }
    return table.rows(needs, principals, _scopes(params), params["role_scope"])


def vault_principal(vault: Document | None, identity_id: str | None) -> str | None:
    """The object ID of the vault's own identity, or of the user-assigned one that backup instances use instead."""
    if not identity_id:
        found = dig(vault, "identity.principalId")
    else:
        assigned = dig(vault, "identity.userAssignedIdentities", {})
        found = next(
            (one.get("principalId") for id_, one in assigned.items() if one and _ids.same(id_, identity_id)), None
        )
    return str(found) if found else None


def _scopes(params: Params) -> dict[str, list[str]]:
    """Kind of scope -> IDs; empty where the options name none."""
    account = params.get("storage_account_id") or params.get("storage_account")
    groups = {
        option: [group_id(params, option)] if params.get(option) else []
        for option in ("snapshot_resource_group", "staging_resource_group")
    }
    shares = params.get("file_share_storage_account_ids") or []
    staging = params.get("staging_storage_account_id")
    return {
        **groups,
        "cluster": [cluster_id(params)],
        "file_share_storage_account": [
            _ids.expect(id_, STORAGE_ACCOUNT, "file_share_storage_account_ids") for id_ in shares
        ],
        "staging_storage_account": [_ids.expect(staging, STORAGE_ACCOUNT, "staging_storage_account_id")]
        if staging
        else [],
        "storage_account": [extension.account_id(params)] if account else [],
    }


def _unnamed(params: Params, scopes: dict[str, list[str]], operations: Collection[str]) -> list[str]:
    """Problems with options that the rows need and that are not given."""
    needs = matrix.needs(operations, restore_from=params["restore_from"], volume_types=params["volume_types"])
    said = []
    for kind in sorted({need.scope for need in needs}):
        if not scopes[kind]:
            what = next(need for need in needs if need.scope == kind)
            said.append(
                f"{matrix.SCOPES[kind]} is needed for operation={params['operation']}: the {what.principal} needs "
                f"{what.role} on it."
            )
    return said


def _read(arm: Arm, params: Params) -> tuple[Parties, bool]:
    """The parties, and whether the policy uses the vault tier."""
    cluster, vault, policy = cluster_id(params), vault_id(params), _policy_id(params)
    asked, lenient = params["vault_tier"], params["mode"] == "revoke"

    def required(id_: str, noun: str, way: str) -> Document | None:
        return arm.get(id_) if lenient else arm.require(id_, noun, way)

    documents = arm.together(
        [
            lambda: arm.get(cluster),
            lambda: required(vault, "Backup vault", MAKE_VAULT),
            lambda: extension.find(arm, cluster),
            lambda: required(policy, "backup policy", MAKE_POLICY) if policy and asked is None else None,
        ]
    )
    parties = Parties(*documents[:3])
    tier = asked if asked is not None else policy_form.uses_vault_tier(dig(documents[3], "properties", {}))
    if lenient:
        return parties, tier
    refuse_unknown("cluster", parties.cluster, cluster)
    refuse(cluster_problems(parties.cluster or {}) + _no_identity(params, parties))
    if parties.extension is None:
        # In a plan the extension may come from an earlier step; for real it has to be there.
        way = "Install it with aks_backup_extension first."
        arm.require(_ids.extension(cluster, "azure-aks-backup"), "backup extension", way)
    return parties, tier


def _policy_id(params: Params) -> str | None:
    if params.get("policy_id"):
        return str(params["policy_id"])
    return _ids.policy(vault_id(params), params["policy_name"]) if params.get("policy_name") else None


def _no_identity(params: Params, parties: Parties) -> list[str]:
    """Problems with what exists and has no identity to give a role to. What a plan has yet to create is none."""
    said = []
    vault, installed, chosen = parties.vault or {}, parties.extension, params.get("vault_identity_id")
    if vault.get("properties") and not vault_principal(vault, chosen):
        said.append(
            f"The Backup vault {vault.get('name')} does not have the identity {chosen}. Give it to the vault with "
            "aks_backup_vault (identity)."
            if chosen
            else f"The Backup vault {vault.get('name')} has no system-assigned identity to give roles to. "
            "Give it one with aks_backup_vault (identity)."
        )
    if installed and not dig(installed, "properties.aksAssignedIdentity.principalId"):
        said.append(
            f"The backup extension {installed.get('name')} has no identity to give roles to. "
            "Wait until it is installed, or install it again with aks_backup_extension."
        )
    return said


def existing(arm: Arm, wanted: list[Row]) -> dict[str, list[Row]]:
    """Assignments at and above each scope, read once per scope."""
    scopes = sorted({row["scope"] for row in wanted})
    found = arm.together([partial(arm.list_all, ASSIGNMENTS, scope, filter="atScope()") for scope in scopes])
    return dict(zip(scopes, found, strict=False))


def _require_scopes(arm: Arm, missing: list[Row]) -> None:
    kinds = {row["scope"]: row["scope_kind"] for row in missing if row["scope_kind"] != "cluster"}

    def require(scope: str, kind: str) -> Document:
        return arm.require(scope, "storage account" if "account" in kind else "resource group", MAKE_STORAGE)

    arm.together([partial(require, scope, kind) for scope, kind in kinds.items()])


# Granting


def _grant_all(arm: Arm, missing: list[Row]) -> None:
    """Make what is missing. Whoever may not hears of all of it at once, before any write where Azure tells."""
    scopes = sorted({row["assignment_scope"] for row in missing})
    may = dict(zip(scopes, arm.together([partial(may_assign, arm, scope) for scope in scopes]), strict=False))
    if denied := [row for row in missing if not may[row["assignment_scope"]]]:
        raise _unassignable(denied, {"code": "AuthorizationFailed", "resource_id": denied[0]["assignment_scope"]})
    # Needs that meet at a wider scope are one assignment.
    same: dict[str, list[Row]] = {}
    for row in missing:
        same.setdefault(table.assignment_name(row), []).append(row)
    refused = [answer for answer in arm.together([partial(_grant, arm, group) for group in same.values()]) if answer]
    if refused:
        # A condition on the caller's own role shows in the refusal only.
        raise _unassignable([row for group, _error in refused for row in group], refused[0][1].facts)


def _unassignable(denied: list[Row], facts: dict[str, Any]) -> AzureError:
    kept = {**facts, "problems": [f"{table.sentence(row)} is missing: {table.command(row)}" for row in denied]}
    return AzureError(table.unassignable(denied), **kept)


def may_assign(arm: Arm, scope: str) -> bool:
    """Whether the caller may assign roles at a scope, as far as Azure tells; the scope may not exist yet."""
    for place in places(scope):
        entries = permitted(arm, place)
        # Where nothing is permitted there is no such place, and the next one counts.
        if entries != []:
            return assigns(entries)
    return False


def assigns(entries: list[Document] | None) -> bool:
    return entries is None or table.allowed(entries, table.ASSIGN)


def places(scope: str) -> list[str]:
    """A scope and those above it, the nearest first."""
    return list(dict.fromkeys([scope, *(table.widened(scope, wide) for wide in ("resource_group", "subscription"))]))


def permitted(arm: Arm, place: str) -> list[Document] | None:
    """What the caller may do at a place, nothing where it does not exist; None when Azure does not tell."""
    try:
        return arm.list_all(PERMISSIONS, place)
    except AzureError as exc:
        if exc.facts.get("status") == 403:
            return None
        raise


def _grant(arm: Arm, group: list[Row]) -> tuple[list[Row], AzureError] | None:
    """One assignment for all rows of the group; gives the refusal when the caller may not make it."""
    row = group[0]
    id_ = _ids.role_assignment(row["assignment_scope"], table.assignment_name(row))
    made: str | None = id_
    try:
        arm.put(id_, table.body(row))
    except AzureError as exc:
        if exc.code == "AuthorizationFailed":
            return group, exc
        if exc.code != "RoleAssignmentExists":
            raise
        # Somebody made the same assignment, under a name of their own, since it was looked for.
        live = arm.list_all(ASSIGNMENTS, row["assignment_scope"], filter="atScope()")
        made = (table.made_for(row, live) or {}).get("id")
    for one in group:
        # In a plan the identity may come with a resource that the plan creates: known after apply.
        one["assignment_id"] = made if one["principal_id"] else None
    return None


def _delete(arm: Arm, assignment_ids: Iterable[str]) -> None:
    arm.together([partial(arm.delete, id_) for id_ in dict.fromkeys(assignment_ids)])


def _shown(held: Iterable[Row], orphaned: Iterable[Row]) -> Document:
    keys = ("principal", "principal_id", "role", "assignment_scope")
    lines = {tuple(row[key] for key in keys): {key: row[key] for key in keys} for row in held}
    return {
        "assignments": list(lines.values()),
        "orphaned": [{key: row[key] for key in ("principal_id", "role", "scope")} for row in orphaned],
    }
