# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: the storage account, the snapshot resource group, and locks. Pure. Private to the collection.

Sources: as for ``preflight.cluster``, and Microsoft's pages on storage firewalls and on locks.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.cluster import (
    Answer,
    Check,
    Facts,
    judged,
    later,
    same_region,
)


def storage_region(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    fix = "Use a storage account in the cluster's region."
    return same_region("The storage account", facts["account"].get("location"), facts, fix)


def storage_kind(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    kind = facts["account"].get("kind", "StorageV2")
    return judged(kind != "StorageV2", f"The storage account is of kind {kind}.", "Upgrade it to StorageV2.")


def storage_keys(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    keys = dig(facts["account"], "properties.allowSharedKeyAccess", True) is not False
    return judged(
        keys,
        f"The storage account {'takes' if keys else 'refuses'} shared keys.",
        "The extension does not need them (use_aad): turn them off if nothing else does.",
    )


def storage_public(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    open_ = dig(facts["account"], "properties.allowBlobPublicAccess", False)
    level = dig(facts.get("container"), "properties.publicAccess", "None")
    return judged(
        bool(open_) or level != "None",
        f"Public access to blobs is {'allowed' if open_ else 'ruled out'}; the container's is {level}.",
        "Rule it out (aks_backup_storage, allow_blob_public_access=false): backups hold the cluster's secrets.",
    )


def storage_network(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    properties = facts["account"].get("properties") or {}
    public = properties.get("publicNetworkAccess", "Enabled")
    private = [item for item in properties.get("privateEndpointConnections") or []
               if dig(item, "properties.privateLinkServiceConnectionState.status") == "Approved"]  # fmt: skip
    return judged(
        public != "Enabled" and not private,
        f"Access from public networks is {public}; private endpoints: {len(private)}.",
        "Give the account a private endpoint for blobs that the cluster's network resolves, or allow its network.",
    )


def storage_firewall(facts: Facts) -> Answer:
    if facts["account"] is None:
        return later("The storage account")
    rules = dig(facts["account"], "properties.networkAcls", {})
    action, bypass = rules.get("defaultAction", "Allow"), rules.get("bypass", "AzureServices")
    return judged(
        action == "Deny" and "AzureServices" not in bypass,
        f"The firewall's default is {action}, and lets through {bypass}.",
        "Let trusted Azure services through: az storage account update --bypass AzureServices. Copies to the vault "
        "tier fail otherwise.",
    )


# The snapshot resource group, and locks


def snapshot_region(facts: Facts) -> Answer:
    group = facts["snapshot_group"]
    if group is None:
        return later("The snapshot resource group")
    fix = "Prefer a resource group in the cluster's region: when a group's region fails, its resources cannot change."
    return same_region("The snapshot resource group", group.get("location"), facts, fix)


def snapshot_locks(facts: Facts) -> Answer:
    found = locks(facts, facts["snapshot_group_id"], ("CanNotDelete", "ReadOnly"))
    return judged(
        bool(found),
        f"Locks on the snapshot resource group: {', '.join(found)}." if found else "Nothing locks the snapshots.",
        "Remove the lock, or use another resource group: expired snapshots could not be deleted.",
    )


def cluster_locks(facts: Facts) -> Answer:
    found = locks(facts, facts["cluster_id"], ("ReadOnly",))
    return judged(
        bool(found),
        f"Locks on the cluster: {', '.join(found)}." if found else "Nothing locks the cluster.",
        "Remove the lock while the extension is installed and the vault is let in.",
    )


def locks(facts: Facts, scope: str, levels: Iterable[str]) -> list[str]:
    """Locks of these levels that hold at a scope: made there or above."""
    return [
        f"{item['name']} ({dig(item, 'properties.level')})"
        for item in facts["locks"]
        if dig(item, "properties.level") in levels
        and f"{scope}/".lower().startswith(item["id"].lower().rsplit("/providers/microsoft.authorization/", 1)[0] + "/")
    ]


CHECKS: Iterable[Check] = (
    Check("storage_region", "error", ("account", "cluster"), storage_region),
    Check("storage_kind", "error", ("account",), storage_kind),
    Check("storage_keys", "info", ("account",), storage_keys),
    Check("storage_public", "warning", ("account",), storage_public),
    Check("storage_network", "warning", ("account",), storage_network),
    Check("storage_firewall", "warning", ("account",), storage_firewall),
    Check("snapshot_region", "warning", ("snapshot_group", "cluster"), snapshot_region),
    Check("snapshot_locks", "error", ("snapshot_group", "locks"), snapshot_locks),
    Check("cluster_locks", "error", ("locks",), cluster_locks),
)
