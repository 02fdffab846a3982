# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of Azure Data Protection: what they say, what they advise, and which HTTP status a synchronous one has.

The envelopes (UserFacingError) are ARM wire behaviour; texts follow
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-troubleshoot and the answers of the service
where known. A code that no source gives for exactly its trigger is listed in the emulator's README as unproven.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import AzureError, user_facing_info

GRANT = "Grant appropriate permissions to perform this operation as mentioned at https://aka.ms/BackupAKSPermissions."
EXTENSION = "Check that the backup extension is installed and healthy, and retry the operation."


class Row(NamedTuple):
    """One row of the catalogue; status is that of the synchronous form."""

    message: str
    action: str = ""
    status: int = 400
    retryable: bool = False


CATALOGUE: dict[str, Row] = {
    "UserErrorGenericResourceNotFound": Row(
        "Azure resource does not exist. Please make sure required resources exist. ", status=404),
    "BMSUserErrorInvalidInput": Row(
        "Input provided for the call is invalid: {detail}", "Please check the required inputs."),
    "DppPluginInvalidInputParameters": Row(
        "The input parameters are not valid for the datasource: {detail}",
        "Please check the inputs of the datasource."),
    "CloudInternalError": Row(
        "Microsoft Azure Backup encountered an internal error. Wait for a few minutes and then try the operation "
        "again. If the issue persists, please contact Microsoft support.", "Wait and try again.", 500, True),
    # vaults
    "UserErrorDisableSoftDeleteNotAllowed": Row(
        "Soft delete cannot be disabled for this vault, because its state is Always On.",
        "Keep the soft delete state AlwaysOn."),
    "UserErrorUnsupportedVaultImmutabilityStateChange": Row(
        "The immutability state of the vault cannot be changed from {before} to {after}.",
        "A locked immutability can neither be unlocked nor disabled."),
    "UserErrorCrossRegionRestoreStateChangeNotAllowed": Row(
        "Cross region restore cannot be disabled once it is enabled for the vault.",
        "Keep cross region restore enabled."),
    # policies
    "UserErrorBMSUpdatePolicyNotSupported": Row(
        "Update of existing policy is not supported.", "Please create a new policy."),
    "UserErrorDppPolicyObjectInUse": Row(
        "Cannot delete the backup policy as one or more backup instances have been configured for protection with "
        "this policy.",
        "Remove the associated backup instances or change their policy, and retry."),
    "BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule": Row(
        "The backup frequency {frequency} of the policy is not supported for the datasource type.",
        "Use a frequency of 4, 6, 8 or 12 hours, one day or one week."),
    # validate and protect
    "UserErrorDppDatasourceAlreadyProtected": Row(
        "Datasource is already protected by the backup instance {instance} in the vault {vault}.",
        "Delete the existing backup instance before protecting the datasource again."),
    "UserErrorDppDatasourceAlreadyHasBackupInstance": Row(
        "The datasource already has the backup instance {instance} in the vault {vault} with the protection "
        "status {status}.",
        "Delete the backup instance {instance} in the vault {vault} and retry the operation."),
    "UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy": Row(
        "The datasource is already protected in this vault with the same policy.",
        "Use another policy or another vault to protect the datasource again."),
    "UserErrorInvalidBackupDatasourceParameters": Row(
        "The backup datasource parameters are missing or not valid: {detail}",
        "Provide exactly one element in backupDatasourceParametersList."),
    "UserErrorMissingRequiredPermissions": Row(
        "Appropriate permissions to perform the operation is missing.", GRANT),
    "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup": Row(
        "The {who} does not have the required permissions on the snapshot resource group.", GRANT),
    "KubernetesBackupListExtensionsError": Row(
        "The backup vault could not list the extensions of the cluster.",
        "Assign the Reader role on the AKS cluster to the identity of the backup vault."),
    "UserErrorKubernetesBackupExtensionNotFoundError": Row(
        "The backup extension is not installed in the cluster.",
        "Install the backup extension and retry the operation."),
    "UserErrorKubernetesBackupExtensionHasErrors": Row(
        "The backup extension of the cluster has errors: {detail}", EXTENSION),
    "UserErrorKubernetesBackupExtensionUnhealthy": Row(
        "The backup extension of the cluster is not healthy: {detail}", EXTENSION, retryable=True),
    "UserErrorKubernetesBackupExtensionIdentityNotFound": Row(
        "The backup extension of the cluster has no identity that can access the backup storage location: {detail}",
        "Reinstall the extension so that it has a managed identity, and use Azure AD for the storage account."),
    "UserErrorTrustedAccessGatewayReturnedForbidden": Row(
        "The Trusted Access role binding is missing/has gotten removed from the cluster.",
        "Create the trusted access role binding between the backup vault and the cluster, or delete it "
        "and create it again."),
    "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation": Row(
        "The identity of the backup extension does not have the required permissions on the storage account {account}.",
        "Assign the Storage Blob Data Contributor role on the storage account to the identity of the extension."),
    "UserErrorBackupStorageLocationNotReady": Row(
        "The backup storage location of the cluster is not ready yet.", "Wait until it is available and retry.",
        retryable=True),
    "UserErrorNoDefaultBackupStorageLocationFound": Row(
        "The default backup storage location was not found in the cluster: {detail}",
        "Reinstall the backup extension with valid storage account and container."),
    "UserErrorSnapshotResourceGroupHasLocks": Row(
        "The snapshot resource group {group} has delete or read locks.",
        "Remove the locks on the snapshot resource group."),
    "DppUserErrorVaultTierPolicyNotSupported": Row(
        "A policy with the vault tier is not supported for this datasource: {detail}",
        "Use a policy with the operational tier only."),
    "ScenarioPluginInvalidWorkflowDataRequest": Row(
        "The protection could not be configured, because the data of the workflow is not valid: {detail}",
        "Provide dataSourceSetInfo equal to dataSourceInfo and create the backup instance again."),
    # operations on instances
    "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType": Row(
        "Adhoc backup is not allowed for the rule {rule}.", "Use the name of the backup rule of the policy."),
    "UserErrorBackupRequestThrottled": Row(
        "The backup request is being throttled as you have reached the limit for maximum number of backups on a "
        "given backup instance in a day.", "Wait for a day before triggering a new backup operation."),
    "UserErrorRestoreRequestThrottled": Row(
        "The restore request is being throttled as you have reached the limit for maximum number of restores on a "
        "given backup instance in a day.", "Wait for a day before triggering a new restore operation."),
    "UserErrorInvalidRestorableTimeRange": Row(
        "The restorable time range is not valid: {detail}", "Provide a start time that lies before the end time."),
    "UserErrorMissingVaultMSIPermissionsOnSnapshotRG": Row(
        "The identity of the backup vault does not have the permissions on the snapshot resource group or the backup "
        "storage account that are needed to move the recovery point to the vault tier.",
        "Assign Disk Snapshot Contributor and Data Operator for Managed Disks on the snapshot resource group and "
        "Storage Blob Data Reader on the storage account to the identity of the backup vault."),
    # warnings of jobs
    "UserErrorHookExecutionFailed": Row("The execution of a hook failed: {detail}",
                                        "Check the hook and the pods it selects."),
    "UserErrorNamespaceNotFound": Row("The namespace was not found in the cluster: {detail}",
                                      "Check the namespaces of the configuration."),
    "KubernetesBackupGenericWarning": Row("The operation completed with warnings: {detail}",
                                          "Check the logs of the backup extension."),
}


class Refused(AzureError):
    """The service says no. ``detail`` fills the placeholders of the catalogue's message; ``inner`` is the message of
    the inner error.

    One and the same error is the answer of a request, the error of a failed operation, the reason of a ProtectionError
    or the error of a job; the core's envelopes give it the shape.
    """

    def __init__(self, code: str, inner: str | None = None, message: str | None = None, **detail: Any) -> None:
        row = CATALOGUE.get(code, Row(message or "The operation failed."))
        known = _Blank(detail)
        extra: dict[str, Any] = {"recommended_action": [row.action.format_map(known)] if row.action else []}
        if inner is not None:
            extra["inner"] = {"code": code, "additionalInfo": {"DetailedNonLocalisedMessage": inner}}
        if row.retryable:
            extra["retryable"] = True
        super().__init__(row.status, code, message or row.message.format_map(known), **extra)

    def info(self, activity: str) -> dict[str, Any]:
        """The UserFacingError as jobs, warnings and protection errors hold it."""
        return user_facing_info(self, activity)


class _Blank(dict):
    """Placeholders that nobody filled stay readable instead of raising."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def invalid(detail: str) -> Refused:
    """The general refusal of a body that the service cannot use."""
    return Refused("BMSUserErrorInvalidInput", detail=detail)
