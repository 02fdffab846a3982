# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about what Azure answers, in our words. Tables, no code. Private to the collection."""

from __future__ import annotations

# Service code -> cause where it helps, and the next step. Sorted. The codes are those of Microsoft's page "Troubleshoot
# Azure Kubernetes Service backup and restore", of its ARM and AKS error references, and of answers seen on the wire.
ADVICE: dict[str, str] = {
    "AccountNameInvalid": "Name the storage account with 3 to 24 lower-case letters and digits.",
    "AccountPropertyCannotBeUpdated": (
        "The storage account got this property when it was made and keeps it. Use another account, or leave the "
        "option out."
    ),
    "AuthorizationFailed": (
        "Give the identity that runs Ansible a role that allows the action at that scope, then run again. A role "
        "given within the last few minutes may not have reached every Azure region yet."
    ),
    "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType": (
        "Use the name of the policy's backup rule, not of a retention rule; leave rule_name out to have it read from "
        "the policy."
    ),
    "BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule": (
        "Back up every 4, 6, 8 or 12 hours, every day or every week: set schedule.frequency and schedule.interval of "
        "aks_backup_policy so."
    ),
    "BMSUserErrorInvalidInput": (
        "A name or a value in the request is not accepted. Check names, durations and the start time of the schedule, "
        "and that each retention rule has a tag of its name."
    ),
    "BackupPluginDeleteBackupOperationFailed": (
        "Expired backups can be deleted only while the extension runs: start the cluster, look at the pods in the "
        "namespace dataprotection-microsoft, and give them room or a new node. If the cluster is gone, delete "
        "snapshots and blobs by hand."
    ),
    "BadRequest": "Azure does not take a value in the request. Its message says which: correct that option.",
    "CSISnapshottingTimedOut": (
        "The disk driver took too long for a snapshot. Back up again, with aks_backup_run or at the next scheduled "
        "time; if it stays so, read the log of the csi-azuredisk pods."
    ),
    "CloudInternalError": (
        "Azure Backup had an internal error. Wait a few minutes and run again; if it stays so, give Microsoft's "
        "support the activity ID."
    ),
    "Conflict": (
        "Something of that kind is there already under another name, or is being changed. Look at what Azure names, "
        "and use it or remove it."
    ),
    "ContainerNotFound": "Make the blob container first, with aks_backup_storage.",
    "DppPluginInvalidInputParameters": (
        "A value that concerns the cluster is not accepted: check regions, the cluster's managed identity, its disk "
        "CSI driver and snapshot controller, and the filters of the backup configuration."
    ),
    "DppUserErrorVaultTierPolicyNotSupported": (
        "The vault tier is not available here: some regions and private or customer-encrypted disks have the "
        "operational tier only. Use a policy without vault_retention."
    ),
    "EtagMismatch": (
        "Another operation on the cluster came in between, and did not end before wait_timeout. Run again, or raise "
        "wait_timeout."
    ),
    "ExtensionOperationFailed": (
        "The backup extension could not be installed. Check that the cluster has a Linux x86-64 node pool without "
        "taints that can reach the container registry and the storage account, and that no Velero is installed; then "
        "run aks_backup_extension with repair=reinstall."
    ),
    "ExtensionTimedOutWaitingForBackupItemSync": (
        "The extension did not get its backup into the storage account in time. Back up again; if it stays so, check "
        "that the pods reach the account, and run aks_backup_extension."
    ),
    "ExtensionTypeRegistrationGetFailed": (
        "The extension type is not offered in the cluster's region or cloud. Check the region in Microsoft's support "
        "matrix for AKS backup."
    ),
    "FailedIdentityOperation": (
        "A user-assigned identity in the request does not exist or may not be used. Check its resource ID, and that "
        "the caller has Managed Identity Operator on it."
    ),
    "InstallationFailed": (
        "The extension could not be installed in the cluster. Its message says what Helm met; remove that, then run "
        "aks_backup_extension with repair=reinstall."
    ),
    "InsufficientPermissions": "Give the identity that runs Ansible a role that allows the action at that scope.",
    "InvalidAuthenticationTokenTenant": (
        "The token is of another tenant than the subscription. Set tenant to the subscription's, or sign in there."
    ),
    "InvalidAuxiliaryTokens": (
        "The token for the second tenant is not accepted. Check auxiliary_tenant, or get a new auxiliary_token."
    ),
    "InvalidExtensionName": (
        "Name the extension with 1 to 253 letters, digits, '-' and '.', the first a letter or digit."
    ),
    "InvalidParameter": "Azure does not take a value in the request. Its message says which: correct that option.",
    "InvalidResourceGroup": (
        "Name the resource group with 1 to 90 letters, digits, '-', '_', '.', '(' and ')', not ending with '.'."
    ),
    "InvalidResourceGroupLocation": (
        "The resource group is in another region and cannot move. Leave location as it is, or use another group."
    ),
    "InvalidResourceLocation": (
        "Something of that name is in another region and cannot move. Use that region, or another name."
    ),
    "InvalidResourceName": (
        "The name breaks Azure's naming rule for this kind of resource. Its message says how: correct the name."
    ),
    "InvalidResourceNamespace": "Azure knows no resource provider of that name. Check its spelling.",
    "InvalidRoleDefinition": (
        "The custom role holds an action or a scope that Azure does not take. Correct the role, or use a built-in one."
    ),
    "InvalidSubscriptionId": "Write subscriptions by their IDs, which are GUIDs, and not by their names.",
    "KubernetesBackupCustomResourcesTrackingTimeOutError": (
        "The extension's pods do not answer. Look at them with 'kubectl get pods -n dataprotection-microsoft': if "
        "they are not running, add a node or raise resources.limits of aks_backup_extension; if they are, remove the "
        "extension and install it again."
    ),
    "KubernetesBackupGenericWarning": (
        "A Kubernetes object was not backed up or restored; the warning says which. Often an admission webhook of the "
        "cluster points to a service that is not there: restore or remove it, then run again."
    ),
    "KubernetesBackupListExtensionsError": (
        "The vault's identity needs the Reader role on the cluster. Run aks_backup_permissions."
    ),
    "LinkedAuthorizationFailed": (
        "The identity that runs Ansible needs read access to every resource that the request names, the source "
        "cluster included. For a Resource Guard in another tenant, set auxiliary_tenant or auxiliary_token."
    ),
    "LocationNotAvailableForResourceGroup": (
        "Azure has no such region. Write it as in 'az account list-locations', for example westeurope."
    ),
    "LocationNotAvailableForResourceType": (
        "This kind of resource is not offered in that region. Its message lists where it is."
    ),
    "LocationRequired": "Set location.",
    "MissingSubscriptionRegistration": "Register the resource provider first, with aks_backup_provider.",
    "NoRegisteredProviderFound": (
        "The resource provider does not know that type or version in this cloud. Check cloud_environment, and that "
        "the provider is registered."
    ),
    "NotFound": "What the request names does not exist. Check name, resource group and subscription.",
    "OperationNotAllowed": (
        "Another operation on the resource did not end before wait_timeout, or the cluster is stopped. Start it if it "
        "is, and run again."
    ),
    "ParentResourceNotFound": "What this is to be made in does not exist. Make that first.",
    "PreconditionFailed": "Somebody else has changed it between the look and the write. Run again.",
    "PrincipalNotFound": "The managed identity has not reached the directory yet. Run again, or raise wait_timeout.",
    "PublicAccessNotPermitted": (
        "The storage account forbids public containers, as it should. Leave the container private."
    ),
    "RateLimiting": (
        "Azure Resource Graph answers so many queries of one caller in a few seconds only. Run again later, or raise "
        "wait_timeout."
    ),
    "ResourceGroupBeingDeleted": (
        "Somebody is deleting this resource group. Wait until it is gone and run again, which makes it anew, or name "
        "another one."
    ),
    "ResourceGroupNotFound": (
        "Make the resource group first, for example with aks_backup_storage, or correct its name."
    ),
    "ResourceNotFound": "What the request names does not exist. Check name, resource group and subscription.",
    "RoleAssignmentExists": "The same role is assigned already under another name. Nothing is missing.",
    "RoleAssignmentNotFound": "The role assignment is gone already. Nothing is left to remove.",
    "RoleAssignmentUpdateNotPermitted": (
        "A role assignment of that name is for another principal, role or scope, and cannot change. Remove it first."
    ),
    "RoleDefinitionDoesNotExist": (
        "There is no such role in this tenant. Check the role's name or ID; built-in roles have the same ID everywhere."
    ),
    "RunCommandDisabled": (
        "The cluster does not take commands through Azure. Run 'az aks update --enable-run-command', or reach its API "
        "server from its own network."
    ),
    "ScenarioPluginInvalidWorkflowDataRequest": (
        "The backup instance was created without a complete data source set. Delete it and run again."
    ),
    "ScopeLocked": "A lock on the resource or above it forbids this. Remove the lock, or have whoever set it do so.",
    "StorageAccountAlreadyTaken": (
        "Names of storage accounts are unique in all of Azure, and somebody else has this one. Choose another name."
    ),
    "StorageAccountInAnotherResourceGroup": (
        "The storage account is in another resource group of the subscription. Name that group."
    ),
    "StorageAccountIsNotProvisioned": "The storage account was still being made at wait_timeout. Run again.",
    "SubscriptionNotFound": (
        "Check subscription_id, and that the identity that runs Ansible has a role in that subscription and signs in "
        "to its tenant."
    ),
    "SubscriptionRequestsThrottled": (
        "Azure takes no more requests of this subscription for now. Run again later, with fewer forks, or raise "
        "wait_timeout."
    ),
    "TokenIssuedBeforeRevocationTimestamp": "The sign-in was revoked. Sign in again.",
    "TooManyRequests": (
        "Azure takes no more requests for now. Run again later, with fewer forks, or raise wait_timeout."
    ),
    "UnmatchedPrincipalType": (
        "The role is to be given to a user or group, not to a managed identity. Check the principal."
    ),
    "UserErrorBMSUpdatePolicyNotSupported": (
        "Azure Backup cannot change a policy. Make one under another name and move the instances there: "
        "on_difference=rotate of aks_backup_policy does both."
    ),
    "UserErrorBackupFailedBackupStorageLocationReadOnly": (
        "The storage account or its container can only be read. Remove the lock or the immutability policy from it, "
        "then back up again."
    ),
    "UserErrorBackupPluginPodRestartedDuringBackup": (
        "The backup pod ran out of memory during the backup. Set resources.limits.memory of aks_backup_extension to "
        "4400Mi (it is 1280Mi unless set); where it is that much already, double it. If the pod is killed all the "
        "same, set resources.requests.memory so that it gets a node with room, then raise resources.limits.cpu (1000m "
        "unless set)."
    ),
    "UserErrorBackupPluginPodRestartedDuringRestore": (
        "The backup pod ran out of memory during the restore. Set resources.limits.memory of aks_backup_extension to "
        "4400Mi (it is 1280Mi unless set); where it is that much already, double it. If the pod is killed all the "
        "same, set resources.requests.memory so that it gets a node with room, then raise resources.limits.cpu (1000m "
        "unless set)."
    ),
    "UserErrorBackupRequestThrottled": (
        "Azure allows ten on-demand backups per backup instance and day, and one at a time. Wait for the running job, "
        "or for tomorrow."
    ),
    "UserErrorBackupStorageLocationNotReady": (
        "The extension cannot use its blob container yet. Check that the container exists, that the extension's "
        "identity has Storage Blob Data Contributor on the storage account and that no firewall is in the way. After "
        "the first installation it can take an hour."
    ),
    "UserErrorCrossRegionRestoreStateChangeNotAllowed": (
        "Cross-region restore cannot be switched off again. Leave cross_region_restore out or true."
    ),
    "UserErrorDeleteBackupFailedBackupStorageLocationNotFound": (
        "The storage account or container of the extension is gone, so its expired backups cannot be deleted. Make it "
        "again with aks_backup_storage, or point aks_backup_extension to where the backups are."
    ),
    "UserErrorDeleteBackupFailedBackupStorageLocationReadOnly": (
        "The storage account or its container can only be read, so expired backups stay. Remove the lock or the "
        "immutability policy from it."
    ),
    "UserErrorDisableSoftDeleteNotAllowed": (
        "Soft delete that is AlwaysOn stays on. Leave soft_delete.state at AlwaysOn."
    ),
    "UserErrorDppDatasourceAlreadyHasBackupInstance": (
        "Another backup instance protects the cluster by now. Delete that one first, or leave this one stopped."
    ),
    "UserErrorDppDatasourceAlreadyProtected": (
        "The cluster is protected by a backup instance of another vault. Use that vault, or delete that backup "
        "instance first."
    ),
    "UserErrorDppPolicyObjectInUse": (
        "Backup instances still use the policy. Move them to another policy first; soft-deleted instances count until "
        "they are purged."
    ),
    "UserErrorExtensionIdentityNotFound": (
        "The backup extension has no identity. Remove it with state=absent of aks_backup_extension, install it again, "
        "and give the new identity its role with aks_backup_permissions."
    ),
    "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation": (
        "The extension's identity needs Storage Blob Data Contributor on the storage account. Run "
        "aks_backup_permissions."
    ),
    "UserErrorGenericResourceNotFound": (
        "Something that the request names does not exist, or was deleted meanwhile. Check the names of vault, policy, "
        "instance and cluster."
    ),
    "UserErrorHookExecutionFailed": (
        "A hook failed; the warning says which. Check its pods, container, command (an argument list that no shell "
        "reads) and timeout, then run again."
    ),
    "UserErrorInvalidBackupDatasourceParameters": "The backup configuration of the instance is missing or incomplete.",
    "UserErrorInvalidResourceModifier": (
        "The resource modifier is not valid. Check its ConfigMap: original namespaces, escaped values, order of "
        "patches."
    ),
    "UserErrorInvalidRestorableTimeRange": "The start of the time range has to lie before its end.",
    "UserErrorKubernetesBackupExtensionHasErrors": (
        "The backup extension reports errors. Read its statuses with aks_backup_extension_info, remove the cause, and "
        "run aks_backup_extension with repair=reinstall if it is in state Failed."
    ),
    "UserErrorKubernetesBackupExtensionIdentityNotFound": (
        "The backup extension has no identity. Remove it with state=absent of aks_backup_extension, install it again, "
        "and give the new identity its role with aks_backup_permissions. An account without key access needs "
        "use_aad=true."
    ),
    "UserErrorKubernetesBackupExtensionNotFoundError": (
        "The backup extension is not installed. Run aks_backup_extension."
    ),
    "UserErrorKubernetesBackupExtensionUnhealthy": (
        "The backup extension is not healthy. Check that the cluster is running, and its pods in the namespace "
        "dataprotection-microsoft."
    ),
    "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup": (
        "The cluster's identity needs Contributor, and the vault's identity Reader, on the snapshot resource group. "
        "Run aks_backup_permissions."
    ),
    "UserErrorMissingRequiredPermissions": "The vault's identity lacks a role. Run aks_backup_permissions.",
    "UserErrorMissingVaultMSIPermissionsOnSnapshotRG": (
        "Copying to the vault tier needs Disk Snapshot Contributor and Data Operator for Managed Disks for the "
        "vault's identity on the snapshot resource group, and Storage Blob Data Reader on the storage account. Run "
        "aks_backup_permissions with vault_tier=true."
    ),
    "UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy": (
        "The cluster is already protected in this vault with this policy. A second backup instance needs another "
        "policy or another vault."
    ),
    "UserErrorNamespaceNotFound": (
        "A namespace of the configuration is not in the cluster. Correct included_namespaces or excluded_namespaces, "
        "or make the namespace."
    ),
    "UserErrorNoDefaultBackupStorageLocationFound": (
        "The extension does not find its storage account or container. Check that both exist, then point "
        "aks_backup_extension to them."
    ),
    "UserErrorPVCHasNoVolume": (
        "A volume claim has no volume, so there is nothing to back up. Give it a volume, or delete the claim."
    ),
    "UserErrorPVCNotBoundToVolume": (
        "A volume claim is pending, so there is nothing to back up. Find out why with 'kubectl describe pvc'."
    ),
    "UserErrorPVNotFound": "The disk behind a volume is gone. Replace the volume by one with a disk.",
    "UserErrorPVSnapshotDisallowedByPolicy": (
        "An Azure Policy forbids snapshots of disks. Exempt the snapshot resource group from it, then back up again."
    ),
    "UserErrorPVSnapshotLimitReached": (
        "A disk has as many snapshots as Azure allows, 500. Shorten operational_retention of the policy and wait "
        "until older recovery points have expired."
    ),
    "UserErrorRestoreRequestThrottled": "Azure allows ten restores per backup instance and day. Wait until tomorrow.",
    "UserErrorSnapshotResourceGroupHasLocks": (
        "Remove the delete or read lock from the snapshot resource group, or name another group."
    ),
    "UserErrorSourceandTargetClusterCRDVersionMismatch": (
        "The clusters serve different versions of FlowSchema or PriorityLevelConfiguration. Restore to a cluster of "
        "the same Kubernetes version, or apply these objects by hand."
    ),
    "UserErrorStorageClassMissingForPVC": (
        "A volume claim names no storage class, so its volume is skipped. Name the class in the claim."
    ),
    "UserErrorTrustedAccessGatewayReturnedForbidden": (
        "The Trusted Access role binding between vault and cluster is missing or stale. Run aks_trusted_access; if "
        "the binding is there, with repair=recreate."
    ),
    "UserErrorUnsupportedVaultImmutabilityStateChange": (
        "Immutability that is Locked stays so. Leave immutability at Locked."
    ),
}

# What a failed or ailing extension says of itself -> the same. The first that occurs counts. From the first part of the
# same page, which tells installations apart by the words of Helm and of the cluster.
CAUSES: tuple[tuple[str, str], ...] = (
    (
        "timed out waiting for the condition",
        "The pods of the extension did not start in time, mostly for want of room: the cluster needs a Linux "
        "x86-64 node pool without taints and with CPU and memory to spare. Add a node, or lower "
        "resources.requests.",
    ),
    (
        "BackoffLimitExceeded",
        "A pod of the installation could not reach the cluster's API server, or a policy forbade it. Allow the "
        "namespace dataprotection-microsoft in network policies, security groups and Azure Policy.",
    ),
    (
        "no such host",
        "The cluster cannot resolve Azure's endpoint for extensions. Allow *.dp.kubernetesconfiguration.azure.com "
        "in firewall and DNS; a private DNS zone of Azure Arc in the same network may hide it.",
    ),
    (
        "not authorized",
        "The cluster's requests to Azure's endpoint for extensions end elsewhere, mostly at a private endpoint of "
        "Azure Arc in the same network. Resolve *.dp.kubernetesconfiguration.azure.com to its public address.",
    ),
    (
        "no azure identity found",
        "Pod-managed identity keeps the extension from its own. Add an exception for the namespace "
        "dataprotection-microsoft with 'az aks pod-identity exception add'.",
    ),
    (
        "has not been allowed",
        "A policy on container images forbids those of the extension. Exempt the namespace dataprotection-microsoft.",
    ),
    (
        "KeyBasedAuthenticationNotPermitted",
        "The storage account takes no keys. Set use_aad=true, and give the extension's identity its role with "
        "aks_backup_permissions.",
    ),
    (
        "BackupStorageLocation",
        "The extension cannot use its blob container. Check that account and container exist, that no firewall is "
        "in the way, and its role with aks_backup_permissions.",
    ),
    (
        "not reachable",
        "Azure cannot reach the cluster. Start it, and check its network.",
    ),
)
