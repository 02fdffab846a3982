# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs which role where, for what: one table for backup and restore. Pure. Private to the collection.

Sources: Microsoft's "What is Azure Kubernetes Service backup?" (prerequisites), "Restore Azure Kubernetes Service"
(vault tier, staging) and "AKS backup support matrix" (Azure Files). They disagree in places; the table has the least
that one of them calls enough. The identity of the kubelets is in none of them, and so not here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

# Built-in roles have the same GUID in every tenant, while their names may change.
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Data Operator for Managed Disks": "959f8984-c045-4866-89c7-12bf9737be2e",
    "Disk Snapshot Contributor": "7efff54f-a5b4-42b5-a1c5-5411624893ce",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Account Contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Storage File Data Privileged Contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
}

OPERATIONAL, VAULT = "OperationalStore", "VaultStore"
DISKS, FILES = "AzureDisk", "AzureFileShareSMB"
# How the extension gets at the blob container: as itself (useAAD), or with the keys of the account.
ENTRA, KEYS = "entra", "keys"

# Kinds of scope -> the option that names it.
SCOPES = {
    "cluster": "cluster_id",
    "file_share_storage_account": "file_share_storage_account_ids",
    "snapshot_resource_group": "snapshot_resource_group",
    "staging_resource_group": "staging_resource_group",
    "staging_storage_account": "staging_storage_account_id",
    "storage_account": "storage_account_id",
}


class Need(NamedTuple):
    """``principal`` (vault, cluster or extension) needs ``role`` on a ``scope`` of :data:`SCOPES` in order to do
    ``purpose``.

    What is not empty narrows it down: ``tier`` to a policy or a restore that uses that tier, ``volume_type`` to volumes
    of that type, ``access`` to the way in which the extension gets at the blob container. For a restore, the cluster
    and its extension are those of the target.
    """

    operation: str
    principal: str
    role: str
    scope: str
    purpose: str
    tier: str = ""
    volume_type: str = ""
    access: str = ""


_SNAPSHOTS = "snapshot_resource_group"
_ACCOUNT = "storage_account"
_STAGING = "staging_storage_account"

# The order is the one in which people read it.
MATRIX: tuple[Need, ...] = (
    Need("backup", "vault", "Reader", "cluster", "Find the cluster and its backup extension."),
    Need("backup", "vault", "Reader", _SNAPSHOTS, "Find the snapshots of disks."),
    Need("backup", "cluster", "Contributor", _SNAPSHOTS, "Make and remove snapshots of disks."),
    Need("backup", "extension", "Storage Blob Data Contributor", _ACCOUNT, "Write what the cluster holds into the blob "
         "container.", access=ENTRA),
    Need("backup", "extension", "Storage Account Contributor", _ACCOUNT, "Read the keys with which it writes into the "
         "blob container.", access=KEYS),
    Need("backup", "vault", "Disk Snapshot Contributor", _SNAPSHOTS, "Read snapshots to copy them to "
         "the vault.", VAULT),
    Need("backup", "vault", "Data Operator for Managed Disks", _SNAPSHOTS, "Read snapshots that are protected by "
         "Microsoft Entra ID, to copy them to the vault.", VAULT),
    Need("backup", "vault", "Storage Blob Data Reader", _ACCOUNT, "Read the blob container to copy it to the vault.",
         VAULT),
    Need("backup", "cluster", "Storage File Data Privileged Contributor", "file_share_storage_account", "Make "
         "snapshots of file shares.", volume_type=FILES),
    Need("restore", "vault", "Reader", "cluster", "Find the cluster and its backup extension."),
    Need("restore", "vault", "Reader", _SNAPSHOTS, "Find the snapshots of disks.", OPERATIONAL),
    Need("restore", "cluster", "Contributor", _SNAPSHOTS, "Make disks from the snapshots.", OPERATIONAL),
    Need("restore", "extension", "Storage Blob Data Contributor", _ACCOUNT, "Read what the backed up cluster held from "
         "the blob container.", OPERATIONAL, access=ENTRA),
    Need("restore", "extension", "Storage Account Contributor", _ACCOUNT, "Read the keys with which it reads the blob "
         "container.", OPERATIONAL, access=KEYS),
    Need("restore", "vault", "Contributor", "staging_resource_group", "Lay out disks from the vault.", VAULT),
    Need("restore", "cluster", "Contributor", "staging_resource_group", "Make its own disks from those.", VAULT),
    Need("restore", "vault", "Storage Account Contributor", _STAGING, "Prepare the staging storage account.", VAULT),
    Need("restore", "vault", "Storage Blob Data Owner", _STAGING, "Lay out what the backed up cluster held.", VAULT),
    Need("restore", "extension", "Storage Blob Data Contributor", _STAGING, "Read it from there.", VAULT),
    Need("restore", "cluster", "Storage File Data Privileged Contributor", "file_share_storage_account", "Make file "
         "shares from their snapshots.", OPERATIONAL, FILES),
)  # fmt: skip


def needs(
    operations: Collection[str],
    *,
    vault_tier: bool = False,
    restore_from: Collection[str] = (OPERATIONAL,),
    volume_types: Collection[str] = (DISKS,),
    access: str = ENTRA,
) -> list[Need]:
    """The rows that apply. One that backup and restore share is there once, as the first of them."""
    tiers = {"backup": {OPERATIONAL, VAULT} if vault_tier else {OPERATIONAL}, "restore": set(restore_from)}
    found: dict[tuple[str, str, str], Need] = {}
    for need in MATRIX:
        if (
            need.operation in operations
            and (not need.tier or need.tier in tiers[need.operation])
            and (not need.volume_type or need.volume_type in volume_types)
            and (not need.access or need.access == access)
        ):
            found.setdefault((need.principal, need.role, need.scope), need)
    return list(found.values())
