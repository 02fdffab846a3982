# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings of AKS backup and restore jobs: documented codes, causes and actions.

Codes: "Troubleshoot Azure Kubernetes Service backup and restore", section on jobs that completed with warnings.
Microsoft documents codes, causes and actions, not the texts on the wire; the texts here are ours.
Shape: AzureBackupJob.extendedInfo.warningDetails of the REST API, items {"resourceName", "warning": UserFacingError}.
"""

from __future__ import annotations

from typing import Any

GENERIC = "KubernetesBackupGenericWarning"

# code -> (message, recommended action)
TEXTS: dict[str, tuple[str, str]] = {
    "CSISnapshottingTimedOut": (
        "The snapshot failed because the CSI driver timed out while fetching the snapshot handle.",
        "Review the logs and retry with an on-demand backup, or wait for the next scheduled backup.",
    ),
    GENERIC: (
        "A Kubernetes resource could not be backed up or restored.",
        "Check the resource, its dependencies and the admission webhooks of the cluster, then retry.",
    ),
    "UserErrorHookExecutionFailed": (
        "A hook that applies to this operation failed.",
        "Review the logs, update the hooks, and retry the operation.",
    ),
    "UserErrorNamespaceNotFound": (
        "A namespace given in the backup configuration is not in the cluster.",
        "Check that the namespaces of the backup configuration are spelled correctly and exist.",
    ),
    "UserErrorPVCHasNoVolume": (
        "The persistent volume claim has no persistent volume attached, so it is not backed up.",
        "Attach a volume to the claim if it needs to be backed up.",
    ),
    "UserErrorPVCNotBoundToVolume": (
        "The persistent volume claim is pending and has no persistent volume, so it is not backed up.",
        "Attach a volume to the claim if it needs to be backed up.",
    ),
    "UserErrorPVNotFound": (
        "The storage medium below the persistent volume is missing.",
        "Attach a persistent volume whose storage medium exists.",
    ),
    "UserErrorPVSnapshotDisallowedByPolicy": (
        "An Azure Policy assignment keeps the CSI driver from taking the volume snapshot.",
        "Remove the Azure Policy assignment, then start an on-demand backup.",
    ),
    "UserErrorPVSnapshotLimitReached": (
        "The persistent volume already has the 500 snapshots that an Azure disk can have.",
        "Shorten the retention in the backup policy and wait until older recovery points are deleted.",
    ),
    "UserErrorSourceandTargetClusterCRDVersionMismatch": (
        "The source and the target cluster have different versions of this custom resource, so it is not restored.",
        "Use a target cluster of the version of the source cluster, or apply the custom resource by hand.",
    ),
    "UserErrorStorageClassMissingForPVC": (
        "The storage class of the persistent volume claim is missing, so its volume is not backed up.",
        "State a storage class in the persistent volume claim.",
    ),
}


def warning(code: str, resource: str | None, detail: str = "") -> dict[str, Any]:
    """An item of warningDetails. resource: "persistentvolumeclaims/shop/data" or None. The job adds the ActivityId."""
    message, action = TEXTS[code]
    return {
        "resourceName": resource,
        "warning": {
            "code": code,
            "message": f"{message} {detail}".rstrip(),
            "recommendedAction": [action],
            "details": None,
            "innerError": {"code": code, "additionalInfo": {"DetailedNonLocalisedMessage": detail}} if detail else None,
            "isRetryable": False,
            "isUserError": False,
            "properties": None,
            "target": "",
        },
    }
