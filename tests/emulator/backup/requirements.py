# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be in place before a cluster can be protected, backed up, tiered or restored, and the code of each gap.

The needs are tables of (who, action, where, code). Roles are not compared by name: what counts is whether the actions
that the documented roles give are allowed, so a wider role or one assigned above is as good. Sources:
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept and
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-troubleshoot
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .errors import Refused
from .policies import OPERATIONAL

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
EXTENSION_TYPE = "microsoft.dataprotection.kubernetes"
BACKUP_OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"
LOCATION = "configuration.backupStorageLocation."
MISSING = "UserErrorMissingRequiredPermissions"
SNAPSHOTS = "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup"
STORAGE = "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation"
TIER = "UserErrorMissingVaultMSIPermissionsOnSnapshotRG"


class Need(NamedTuple):
    """One action that a principal must be allowed; role is the documented one that gives it."""

    who: str
    role: str
    action: str
    where: str
    code: str
    data: bool = False


ON_CLUSTER = (
    Need("vault", "Reader", "Microsoft.ContainerService/managedClusters/read", "cluster", MISSING),
    Need("vault", "Reader", "Microsoft.KubernetesConfiguration/extensions/read", "cluster",
         "KubernetesBackupListExtensionsError"),
)
ON_SNAPSHOTS = (
    Need("vault", "Reader", "Microsoft.Resources/subscriptions/resourceGroups/read", "snapshot group", SNAPSHOTS),
    Need("vault", "Reader", "Microsoft.Compute/snapshots/read", "snapshot group", SNAPSHOTS),
    Need("cluster", "Contributor", "Microsoft.Compute/snapshots/write", "snapshot group", SNAPSHOTS),
    Need("cluster", "Contributor", "Microsoft.Compute/snapshots/delete", "snapshot group", SNAPSHOTS),
    Need("cluster", "Contributor", "Microsoft.Compute/disks/write", "snapshot group", SNAPSHOTS),
)
ON_STORAGE = (Need("extension", "Storage Blob Data Contributor", f"{BLOBS}/write", "account", STORAGE, data=True),)
# Without Azure AD the extension reads the account's keys.
ON_KEYS = (Need("extension", "Storage Account Contributor", "Microsoft.Storage/storageAccounts/listKeys/action",
                "account", STORAGE),)
FOR_TIERING = (
    Need("vault", "Disk Snapshot Contributor", "Microsoft.Compute/snapshots/beginGetAccess/action", "snapshot group",
         TIER),
    Need("vault", "Data Operator for Managed Disks", "Microsoft.Compute/snapshots/download/action", "snapshot group",
         TIER, data=True),
    Need("vault", "Storage Blob Data Reader", f"{BLOBS}/read", "account", TIER, data=True),
)
FOR_STAGING = (
    Need("vault", "Contributor", "Microsoft.Compute/disks/write", "staging group", MISSING),
    Need("cluster", "Contributor", "Microsoft.Compute/disks/write", "staging group", MISSING),
    Need("vault", "Storage Account Contributor", "Microsoft.Storage/storageAccounts/write", "staging account", MISSING),
    Need("vault", "Storage Blob Data Owner", f"{BLOBS}/write", "staging account", MISSING, data=True),
    Need("extension", "Storage Blob Data Contributor", f"{BLOBS}/write", "staging account", STORAGE, data=True),
)


@dataclass(frozen=True)
class Extension:
    """What the vault sees of the backup extension; ready is when its backup storage location became available."""

    state: str
    principal: str | None
    settings: dict[str, str]
    error: str = ""
    ready: bool = True


class Azure(Protocol):
    """The rest of Azure, as far as the checks ask for it. Ids are ARM ids, principals object ids."""

    def document(self, resource_id: str) -> dict[str, Any] | None:
        """The ARM document, None if there is none."""

    def cluster_principal(self, cluster_id: str) -> str | None:
        """The managed identity of the cluster's control plane."""

    def extension(self, cluster_id: str) -> Extension | None:
        """The backup extension of the cluster, under whatever name."""

    def bound(self, cluster_id: str, vault_id: str) -> bool:
        """True if a trusted access role binding of the vault with backup-operator is in force."""

    def locked(self, scope: str) -> bool:
        """True if a lock forbids deletion at the scope."""

    def can(self, principal: str, action: str, scope: str, data: bool = False) -> bool:
        """True if the principal may do the action at the scope, now."""


class Parties(NamedTuple):
    """Who takes part. vault_principal is None for a vault without identity; trusted access needs a system one."""

    vault_id: str
    vault_location: str
    vault_principal: str | None
    vault_system_principal: str | None
    cluster_id: str


def storage_account(extension: Extension) -> str | None:
    """The ARM id of the backup storage account that the extension's settings name; None if they are incomplete."""
    settings = {key.lower(): value for key, value in extension.settings.items()}
    keys = ("subscriptionId", "resourceGroup", "storageAccount")
    parts = [settings.get(f"{LOCATION}config.{key}".lower()) for key in keys]
    if not all(parts):
        return None
    return "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Storage/storageAccounts/{}".format(*parts)


def container(extension: Extension) -> str | None:
    """The name of the blob container of the backup storage location."""
    return {key.lower(): value for key, value in extension.settings.items()}.get(f"{LOCATION}bucket".lower())


def uses_aad(extension: Extension) -> bool:
    """True if the extension reaches the storage account by Azure AD and not by its keys."""
    settings = {key.lower(): value for key, value in extension.settings.items()}
    return str(settings.get(f"{LOCATION}config.useAAD".lower(), "")).lower() == "true"


def gap_in_cluster(azure: Azure, parties: Parties, *, same_region: bool = True) -> Refused | None:
    """The first thing that is missing on a cluster that is to be backed up or restored to."""
    return next(_cluster_gaps(azure, parties, same_region), None)


def _cluster_gaps(azure: Azure, parties: Parties, same_region: bool) -> Iterator[Refused]:
    cluster = azure.document(parties.cluster_id)
    if cluster is None:
        yield Refused("UserErrorGenericResourceNotFound")
        return
    location = str(cluster.get("location")).replace(" ", "").lower()
    if same_region and location != parties.vault_location:
        yield Refused("DppPluginInvalidInputParameters",
                      detail=f"the datasource in {location} is not in the vault's region {parties.vault_location}")
    if parties.vault_principal is None:
        yield Refused(MISSING, inner="The backup vault has no managed identity.")
        return
    yield from gaps(azure, ON_CLUSTER, {"vault": parties.vault_principal}, {"cluster": parties.cluster_id})
    properties = cluster.get("properties", {})
    if azure.cluster_principal(parties.cluster_id) is None:
        yield Refused("DppPluginInvalidInputParameters",
                      detail="the cluster uses a service principal instead of a managed identity")
    profile = properties.get("storageProfile") or {}
    if not all((profile.get(driver) or {}).get("enabled", True) for driver in ("diskCSIDriver", "snapshotController")):
        yield Refused("DppPluginInvalidInputParameters",
                      detail="the CSI disk driver and the snapshot controller of the cluster must be enabled")
    extension = azure.extension(parties.cluster_id)
    if extension is None:
        yield Refused("UserErrorKubernetesBackupExtensionNotFoundError")
        return
    yield from _extension_gaps(azure, extension)
    if (properties.get("powerState") or {}).get("code", "Running") != "Running":
        yield Refused("UserErrorKubernetesBackupExtensionUnhealthy", detail="the cluster is not running")
    if parties.vault_system_principal is None or not azure.bound(parties.cluster_id, parties.vault_id):
        yield Refused("UserErrorTrustedAccessGatewayReturnedForbidden")


def _extension_gaps(azure: Azure, extension: Extension) -> Iterator[Refused]:
    if extension.state == "Failed":
        yield Refused("UserErrorKubernetesBackupExtensionHasErrors",
                      detail=extension.error or "its installation failed")
    if extension.state != "Succeeded":
        yield Refused("UserErrorKubernetesBackupExtensionUnhealthy", detail=f"it is {extension.state}")
    account_id, name = storage_account(extension), container(extension)
    if account_id is None or not name:
        yield Refused("UserErrorNoDefaultBackupStorageLocationFound", detail="the extension's settings name none")
        return
    account = azure.document(account_id)
    if account is None or azure.document(f"{account_id}/blobServices/default/containers/{name}") is None:
        yield Refused("UserErrorKubernetesBackupExtensionHasErrors",
                      detail="the backup storage location is unavailable")
        return
    keys = (account.get("properties") or {}).get("allowSharedKeyAccess") is not False
    if extension.principal is None or not (uses_aad(extension) or keys):
        why = "it has no identity" if extension.principal is None else "shared keys are disabled and useAAD is not set"
        yield Refused("UserErrorKubernetesBackupExtensionIdentityNotFound", detail=why)
        return
    yield from gaps(azure, ON_STORAGE if uses_aad(extension) else ON_KEYS, {"extension": extension.principal},
                    {"account": account_id})
    if not extension.ready:
        yield Refused("UserErrorBackupStorageLocationNotReady")


def gap_in_snapshots(azure: Azure, parties: Parties, group_id: str) -> Refused | None:
    """The first thing that is missing on the snapshot resource group."""
    return next(_snapshot_gaps(azure, parties, group_id), None)


def _snapshot_gaps(azure: Azure, parties: Parties, group_id: str) -> Iterator[Refused]:
    if azure.document(group_id) is None:
        yield Refused("UserErrorGenericResourceNotFound")
        return
    yield from gaps(azure, ON_SNAPSHOTS,
                    {"vault": parties.vault_principal, "cluster": azure.cluster_principal(parties.cluster_id)},
                    {"snapshot group": group_id})
    if azure.locked(group_id):
        yield Refused("UserErrorSnapshotResourceGroupHasLocks", group=group_id.rsplit("/", 1)[-1])


def gap_in_tiering(azure: Azure, parties: Parties, group_id: str, account_id: str) -> Refused | None:
    """What the vault may not do to move a recovery point to the vault tier."""
    where = {"snapshot group": group_id, "account": account_id}
    return next(gaps(azure, FOR_TIERING, {"vault": parties.vault_principal}, where), None)


def gap_in_restore(azure: Azure, parties: Parties, store: str, *, group_id: str, account_id: str | None,
                   staging_group: str | None, staging_account: str | None) -> Refused | None:
    """The first thing that is missing for a restore from the store; parties.cluster_id is the target cluster.

    group_id: the snapshot resource group; account_id: the backup storage account of the source.
    """
    if gap := gap_in_cluster(azure, parties, same_region=store == OPERATIONAL):
        return gap
    extension = azure.extension(parties.cluster_id)
    who = {"vault": parties.vault_principal, "cluster": azure.cluster_principal(parties.cluster_id),
           "extension": extension.principal if extension else None}
    if store == OPERATIONAL:
        where = {"snapshot group": group_id, "account": account_id}
        needs: Iterable[Need] = (*ON_SNAPSHOTS, *(ON_STORAGE if account_id else ()))
    else:
        where = {"staging group": staging_group, "staging account": staging_account}
        needs = FOR_STAGING
    if any(azure.document(scope) is None for scope in where.values() if scope):
        return Refused("UserErrorGenericResourceNotFound")
    return next(gaps(azure, needs, who, where), None)


def gaps(azure: Azure, needs: Iterable[Need], who: Mapping[str, str | None],
         where: Mapping[str, str | None]) -> Iterator[Refused]:
    """A refusal for every need that is not met."""
    for need in needs:
        principal, scope = who[need.who], where[need.where]
        if principal is None or scope is None or not azure.can(principal, need.action, scope, need.data):
            yield Refused(need.code, who=f"identity of the {need.who}", account=str(scope).rsplit("/", 1)[-1], inner=(
                f"The client '{principal}' with object id '{principal}' does not have authorization to perform action "
                f"'{need.action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
                f"refresh your credentials. The role {need.role} gives it."))
