# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of aks_backup_vault and aks_backup_vault_info: vaults, soft-deleted ones, Resource Guards. Private to the
collection.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, forbidden, reconcile
from ansible_collections.aks.backup.plugins.module_utils._resources.common import VAULT
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.guard import Mapping, checked_id
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.removal import soft_deleted
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.vault import Vault, wanted_identity

DELETED_TYPE = "Microsoft.DataProtection/locations/deletedVaults"
# What Azure tells of a soft-deleted vault, as seen in its answers.
TOLD = (
    "datastore_type",
    "encryption",
    "id",
    "immutability",
    "is_protected_by_resource_guard",
    "location",
    "name",
    "redundancy",
    "soft_delete",
    "tags",
)


def manage(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The vault, brought back first if that is asked for, and after it the mapping to a Resource Guard."""
    params["resource_guard_id"] = checked_id(params["resource_guard_id"])
    vault = Vault(params["resource_guard_operation_requests"] or ())
    present = params["state"] == "present"
    undeleted = present and params["undelete"] and _bring_back(arm, vault, params)
    outcome = reconcile(arm, vault, params)
    if undeleted:
        _tell_of_undelete(arm, params, outcome)
    if present and params["resource_guard_id"] is not None:
        _map(arm, params, outcome)
    return outcome


def _map(arm: Arm, params: dict[str, Any], outcome: Outcome) -> None:
    """Map the vault to the guard, or to none, and have the outcome show it."""
    guard = params["resource_guard_id"]
    mapped = reconcile(arm, Mapping(), {**params, "state": "present" if guard else "absent"})
    outcome.changed |= mapped.changed
    outcome.before, outcome.after = _guarded(outcome.before, mapped.before), _guarded(outcome.after, mapped.after)
    outcome.result["resource"] = {**outcome.result["resource"], "is_protected_by_resource_guard": bool(guard)}
    outcome.result["resource_guard_id"] = guard or None
    outcome.warnings += mapped.warnings


def _guarded(vault: Document, mapping: Document) -> Document:
    """One side of a diff with what the mapping makes of it; the side of a vault that is not there stays empty."""
    guard = mapping.get("resource_guard_id")
    return vault and {**vault, "is_protected_by_resource_guard": bool(guard), "resource_guard_id": guard}


def _bring_back(arm: Arm, vault: Vault, params: Params) -> bool:
    """Undelete the vault unless it is there; refuses before that what it could not become afterwards."""
    id_ = vault.id(params)
    if arm.get(id_) is not None:
        return False
    if not params.get("location"):
        raise Refused("undelete needs location: Azure keeps soft-deleted vaults by region.")
    region = _ids.region(params["location"])
    kept = deleted_vaults(arm, params["subscription_id"], region)
    found = [item for item in kept if _ids.same(dig(item, "properties.originalBackupVaultResourcePath"), id_)]
    if not found:
        others = sorted({str(dig(item, "properties.originalBackupVaultName")) for item in kept})
        raise Refused(
            f"There is no soft-deleted Backup vault {params['name']} of the resource group {params['resource_group']} "
            f"in {region}; those in {region} are: {', '.join(others) or 'none'}. Leave undelete out to create a vault.",
            resource_id=id_,
        )
    deleted = max(found, key=lambda item: str(dig(item, "properties.resourceDeletionInfo.deletionTime")))
    # Everything comes back but the identity, which is a new one.
    identity = _compare.plain(wanted_identity(params, None) or {"type": "SystemAssigned"})
    expected = {**deleted, "id": id_, "name": params["name"], "identity": identity}
    changes = vault.differences(vault.desired(params, {}, expected), expected)
    refuse([*vault.problems(params, {}, expected), *forbidden(vault, changes, id_)])
    try:
        arm.undelete(id_, deleted, {"location": region, "identity": identity})
    except AzureError as exc:
        # When the answer gets lost, Microsoft's packages ask again, and by then there is no deleted vault any more.
        if not 400 <= exc.facts.get("status", 0) < 500 or arm.get(id_) is None:
            raise
    return True


def _tell_of_undelete(arm: Arm, params: Params, outcome: Outcome) -> None:
    resource = outcome.result["resource"]
    outcome.changed, outcome.before, outcome.after = True, {}, outcome.after or resource
    outcome.result["soft_deleted_instances"] = soft_deleted(arm, outcome.result["id"])
    principal = resource["identity"]["principal_id"]
    outcome.warnings.append(
        f"The Backup vault {params['name']} was brought back with a new identity, {principal or 'not known yet'}: "
        "assign its roles again with aks_backup_permissions, renew the bindings with aks_trusted_access, and give it "
        "access to the key if the vault has one of yours. Its backup instances are soft-deleted; bring each back with "
        "aks_backup_instance."
    )


def deleted_vaults(arm: Arm, subscription: str, location: str) -> list[Document]:
    """The documents of all soft-deleted vaults of a region."""
    parent = f"{_ids.provider(subscription, 'Microsoft.DataProtection')}/locations/{_ids.region(location)}"
    return arm.list_all(DELETED_TYPE, parent)


def represent_deleted(document: Document) -> Document:
    """A soft-deleted vault in the user's vocabulary: what Azure tells of it, when it was deleted and will be purged.

    ``id`` and ``name`` are those that the vault had.
    """
    id_ = str(dig(document, "properties.originalBackupVaultResourcePath", ""))
    shown = Vault().represent({**document, "id": id_, "name": dig(document, "properties.originalBackupVaultName")})
    return {
        **{key: shown[key] for key in TOLD},
        "deleted_vault_id": document.get("id"),
        "deletion_time": dig(document, "properties.resourceDeletionInfo.deletionTime"),
        "purge_time": dig(document, "properties.resourceDeletionInfo.scheduledPurgeTime"),
    }


def list_vaults(arm: Arm, params: Params) -> Outcome:
    """The vaults that the options name, and the soft-deleted ones if they are asked for, sorted by ID."""
    subscription, group, name = params["subscription_id"], params["resource_group"], params["name"]
    scope = _ids.resource_group(subscription, group) if group else _ids.subscription(subscription)
    if group and name:
        live = arm.get(_ids.vault(subscription, group, name))
        documents = [live] if live else []
    else:
        documents = arm.list_all(VAULT, scope)
    rows = [Vault().represent(document) for document in documents]
    result: Document = {"vaults": _selected(rows, params, scope)}
    if params["include_deleted"]:
        kept = [represent_deleted(item) for item in deleted_vaults(arm, subscription, params["location"])]
        result["deleted_vaults"] = _selected(kept, params, scope)
    return Outcome(result=result)


def _selected(rows: list[Document], params: Params, scope: str) -> list[Document]:
    """The rows below a scope that the options name, sorted by ID."""
    name, location = (params["name"] or "").lower(), _ids.region(params["location"])
    return sorted(
        (
            row
            for row in rows
            if row["id"].lower().startswith(f"{scope.lower()}/")
            and name in ("", str(row["name"]).lower())
            and location in ("", _ids.region(row["location"]))
            and _tagged(row["tags"], params["tags"] or [])
        ),
        key=lambda row: str(row["id"]).lower(),
    )


def _tagged(tags: Document, wanted: list[str]) -> bool:
    """Whether there is each tag of ``name`` or ``name:value``. Azure ignores the case of tag names, and of nothing else
    in them.
    """
    lowered = {key.lower(): value for key, value in tags.items()}
    for text in wanted:
        key, colon, value = text.partition(":")
        if key.lower() not in lowered or (colon and lowered[key.lower()] != value):
            return False
    return True
