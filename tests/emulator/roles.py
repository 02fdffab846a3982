# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Built-in role definitions with their real GUIDs. Source: "Azure built-in roles" of the Azure RBAC documentation.

Only roles that play a part around AKS Backup; permissions are those documented, shortened to the namespaces modelled.
"""

from __future__ import annotations

from typing import Any

READ = ["*/read"]
RBAC_READ = "Microsoft.Authorization/*/read"
DEPLOY = ["Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read"]
BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/"
FILES = "Microsoft.Storage/storageAccounts/fileServices/"
VAULTS = "Microsoft.DataProtection/backupVaults/"

# GUID: (name, actions, notActions, dataActions)
BUILT_IN: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ("Owner", ["*"], [], []),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": (
        "Contributor", ["*"],
        ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
         "Microsoft.Authorization/elevateAccess/Action"], []),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", READ, [], []),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": (
        "User Access Administrator", [*READ, "Microsoft.Authorization/*", "Microsoft.Support/*"], [], []),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": (
        "Role Based Access Control Administrator",
        ["Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete", *READ,
         "Microsoft.Support/*"], [], []),
    "7efff54f-a5b4-42b5-a1c5-5411624893ce": (
        "Disk Snapshot Contributor",
        [RBAC_READ, "Microsoft.Compute/snapshots/delete", "Microsoft.Compute/snapshots/read",
         "Microsoft.Compute/snapshots/write", "Microsoft.Compute/snapshots/beginGetAccess/action",
         "Microsoft.Compute/snapshots/endGetAccess/action", "Microsoft.Compute/disks/beginGetAccess/action",
         "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Storage/storageAccounts/listkeys/action",
         "Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write",
         "Microsoft.Storage/storageAccounts/delete"], [], []),
    "959f8984-c045-4866-89c7-12bf9737be2e": (
        "Data Operator for Managed Disks", [], [],
        ["Microsoft.Compute/disks/download/action", "Microsoft.Compute/disks/upload/action",
         "Microsoft.Compute/snapshots/download/action", "Microsoft.Compute/snapshots/upload/action"]),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (
        "Storage Blob Data Contributor",
        [BLOB + "delete", BLOB + "read", BLOB + "write",
         "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"], [],
        [BLOB + "blobs/delete", BLOB + "blobs/read", BLOB + "blobs/write", BLOB + "blobs/move/action",
         BLOB + "blobs/add/action"]),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (
        "Storage Blob Data Reader",
        [BLOB + "read", "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"], [],
        [BLOB + "blobs/read"]),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": (
        "Storage Blob Data Owner",
        [BLOB + "*", "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"], [],
        [BLOB + "blobs/*"]),
    "69566ab7-960f-475b-8e7c-b3118f30c6bd": (
        "Storage File Data Privileged Contributor", [], [],
        [FILES + "fileshares/files/read", FILES + "fileshares/files/write", FILES + "fileshares/files/delete",
         FILES + "fileshares/files/modifypermissions/action", FILES + "readFileBackupSemantics/action",
         FILES + "writeFileBackupSemantics/action"]),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": (
        "Storage Account Contributor",
        [RBAC_READ, "Microsoft.Insights/alertRules/*", "Microsoft.Insights/diagnosticSettings/*", *DEPLOY,
         "Microsoft.ResourceHealth/availabilityStatuses/read", "Microsoft.Storage/storageAccounts/*",
         "Microsoft.Support/*"], [], []),
    "5e467623-bb1f-42f4-a55d-6e525e11384b": (
        "Backup Contributor",
        [RBAC_READ, *DEPLOY, "Microsoft.RecoveryServices/Vaults/*", "Microsoft.DataProtection/register/action",
         "Microsoft.DataProtection/unregister/action", "Microsoft.DataProtection/locations/*",
         "Microsoft.DataProtection/backupVaults/*", "Microsoft.DataProtection/backupInstances/read",
         "Microsoft.Storage/storageAccounts/read"], [], []),
    "00c29273-979b-4161-815c-10b084fb9324": (
        "Backup Operator",
        [RBAC_READ, *DEPLOY, "Microsoft.DataProtection/locations/*", "Microsoft.DataProtection/backupInstances/read",
         VAULTS + "read", VAULTS + "backupInstances/read", VAULTS + "backupInstances/write",
         VAULTS + "backupInstances/backup/action", VAULTS + "backupInstances/restore/action",
         VAULTS + "backupInstances/validateRestore/action", VAULTS + "backupInstances/recoveryPoints/read",
         VAULTS + "backupInstances/findRestorableTimeRanges/action", VAULTS + "backupPolicies/read",
         VAULTS + "backupJobs/read", VAULTS + "validateForBackup/action", VAULTS + "operationResults/read",
         VAULTS + "operationStatus/read", VAULTS + "deletedBackupInstances/read"], [], []),
    "a795c7a0-d4a2-40c1-ae25-d81f01202912": (
        "Backup Reader",
        [RBAC_READ, "Microsoft.DataProtection/locations/*/read", "Microsoft.DataProtection/backupInstances/read",
         VAULTS + "read", VAULTS + "*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"], [], []),
    "ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8": (
        "Azure Kubernetes Service Contributor Role",
        [RBAC_READ, "Microsoft.ContainerService/locations/*/read", "Microsoft.ContainerService/managedClusters/*",
         *DEPLOY], [], []),
    "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8": (
        "Azure Kubernetes Service Cluster Admin Role",
        ["Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
         "Microsoft.ContainerService/managedClusters/read"], [], []),
    "4abbcc35-e782-43d8-92c5-2d3f1bd2253f": (
        "Azure Kubernetes Service Cluster User Role",
        ["Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
         "Microsoft.ContainerService/managedClusters/read"], [], []),
    "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59": (
        "Managed Identity Contributor", ["Microsoft.ManagedIdentity/userAssignedIdentities/*", RBAC_READ, *DEPLOY],
        [], []),
    "f1a07417-d97a-45cb-824c-7a7467783830": (
        "Managed Identity Operator",
        ["Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
         "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", RBAC_READ, *DEPLOY], [], []),
    "85cb6faf-e071-4c9b-8136-154b5a04f717": (
        "Kubernetes Extension Contributor",
        [RBAC_READ, *DEPLOY, "Microsoft.KubernetesConfiguration/extensions/write",
         "Microsoft.KubernetesConfiguration/extensions/read", "Microsoft.KubernetesConfiguration/extensions/delete",
         "Microsoft.KubernetesConfiguration/extensions/operations/read"], [], []),
}
NAMES = {entry[0].lower(): guid for guid, entry in BUILT_IN.items()}


def definition(guid: str) -> dict[str, Any] | None:
    """The ``properties`` of a built-in role definition."""
    if guid not in BUILT_IN:
        return None
    name, actions, not_actions, data_actions = BUILT_IN[guid]
    return {"roleName": name, "type": "BuiltInRole", "description": f"Built-in role {name}.",
            "assignableScopes": ["/"],
            "permissions": [{"actions": actions, "notActions": not_actions, "dataActions": data_actions,
                             "notDataActions": []}],
            "createdOn": "2015-02-02T21:55:09.8806423Z", "updatedOn": "2023-03-16T19:04:14.5106484Z",
            "createdBy": None, "updatedBy": None}
