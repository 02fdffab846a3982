# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as Azure answers with them, for tests of what is above the client. All identifiers are made up.

Shapes, spellings and null fields are those of the service, as its REST reference documents them and its clients see
them: a timestamp has seven digits behind the point, a job in a list has a duration of another spelling than a
single one, the cluster's own ID comes back in another case.
"""

from __future__ import annotations

from typing import Any

from tests.emulator.kubernetes import Cluster

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
TENANT = "00000000-0000-0000-0000-0000000000ff"
JOB = "00000000-0000-0000-0000-0000000000aa"
OUT_OF_MEMORY = "UserErrorBackupPluginPodRestartedDuringBackup"
POINT = "0123456789abcdef0123456789abcdef"

GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
CLUSTER = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1"
ACCOUNT = f"{GROUPS}/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01"
VAULT = f"{GROUPS}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east"
DELETED_VAULT = f"{GROUPS}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-gone"
GUARD = f"{GROUPS}/rg-security/providers/Microsoft.DataProtection/resourceGuards/guard"
POLICY = f"{VAULT}/backupPolicies/aks-daily"
INSTANCE = f"{VAULT}/backupInstances/aks-east-1-full"
IDENTITY = f"{GROUPS}/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-backup"
BINDING = f"{CLUSTER}/trustedAccessRoleBindings/tarb-portal"
EXTENSION = f"{CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup"
BLOBS = "https://stbackupeast01.blob.core.windows.net/"
OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"

PRINCIPALS = {
    "cluster": "00000000-0000-0000-0000-000000000001",
    "extension": "00000000-0000-0000-0000-000000000002",
    "gone": "00000000-0000-0000-0000-000000000004",
    "vault": "00000000-0000-0000-0000-000000000003",
}


def facing(code: str, text: str) -> dict[str, Any]:
    """A UserFacingError, the shape of jobs' errors and warnings."""
    return {
        "code": code,
        "message": text,
        "recommendedAction": ["Correct it and try again."],
        "details": None,
        "innerError": {"code": code, "additionalInfo": {"DetailedNonLocalisedMessage": "More of it."}},
        "isRetryable": False,
        "isUserError": True,
        "properties": {"ActivityId": "00000000-0000-0000-0000-0000000000bb"},
        "target": "",
    }


def store(name: str) -> dict[str, str]:
    return {"dataStoreType": name, "objectType": "DataStoreInfoBase"}


def lifecycle(name: str, duration: str, copy: dict[str, str] | None = None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "deleteAfter": {"duration": duration, "objectType": "AbsoluteDeleteOption"},
        "sourceDataStore": store(name),
    }
    if copy:
        document["targetDataStoreCopySettings"] = [{"copyAfter": copy, "dataStore": store("VaultStore")}]
    return document


def tag(name: str, priority: int, criteria: dict[str, Any] | None = None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "tagInfo": {"id": f"{name}_", "tagName": name},
        "taggingPriority": priority,
        "isDefault": criteria is None,
    }
    if criteria:
        document["criteria"] = [{"objectType": "ScheduleBasedBackupCriteria", **criteria}]
    return document


def rule(name: str, *lifecycles: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "objectType": "AzureRetentionRule",
        "isDefault": name == "Default",
        "lifecycles": list(lifecycles),
    }


def provider(namespace: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/providers/{namespace}",
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [],
    }


def group(name: str) -> dict[str, Any]:
    return {
        "id": f"{GROUPS}/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus",
        "tags": {"purpose": "backup"},
        "properties": {"provisioningState": "Succeeded"},
    }


def assignment(principal: str, role: str, scope: str) -> dict[str, Any]:
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{PRINCIPALS[principal]}",
        "name": PRINCIPALS[principal],
        "properties": {
            "principalId": PRINCIPALS[principal],
            "principalType": "Unknown" if principal == "gone" else "ServicePrincipal",
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "scope": scope,
            "condition": None,
        },
    }


CLUSTER_DOCUMENT = {
    "id": CLUSTER.replace("resourceGroups", "resourcegroups"),
    "name": "aks-east-1",
    "location": "eastus",
    "type": "Microsoft.ContainerService/ManagedClusters",
    "identity": {"type": "SystemAssigned", "principalId": PRINCIPALS["cluster"], "tenantId": TENANT},
    "properties": {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "storageProfile": {"diskCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}},
    },
}
ACCOUNT_DOCUMENT = {
    "id": ACCOUNT,
    "name": "stbackupeast01",
    "kind": "StorageV2",
    "location": "eastus",
    "sku": {"name": "Standard_LRS", "tier": "Standard"},
    "tags": {"purpose": "backup"},
    "properties": {
        "provisioningState": "Succeeded",
        "primaryEndpoints": {"blob": BLOBS},
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
    },
}
CONTAINER_DOCUMENT = {
    "id": f"{ACCOUNT}/blobServices/default/containers/aks-east-1",
    "name": "aks-east-1",
    "properties": {"publicAccess": "None"},
}
VAULT_DOCUMENT = {
    "id": VAULT,
    "name": "bv-east",
    "type": "Microsoft.DataProtection/backupVaults",
    "location": "eastus",
    "tags": {"purpose": "backup"},
    "identity": {
        "type": "SystemAssigned, UserAssigned",
        "principalId": PRINCIPALS["vault"],
        "tenantId": TENANT,
        "userAssignedIdentities": {
            IDENTITY: {
                "clientId": "00000000-0000-0000-0000-0000000000cc",
                "principalId": "00000000-0000-0000-0000-0000000000dd",
            }
        },
    },
    "properties": {
        "provisioningState": "Succeeded",
        "storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
        "securitySettings": {
            "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0},
            "immutabilitySettings": {"state": "Unlocked"},
            "encryptionSettings": {
                "state": "Enabled",
                "keyVaultProperties": {"keyUri": "https://kv-backup.vault.azure.net/keys/backup"},
                "kekIdentity": {
                    "identityType": "UserAssigned",
                    "identityId": f"{GROUPS}/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
                    "id-backup",
                },
                "infrastructureEncryption": "Disabled",
            },
        },
        "featureSettings": {
            "crossRegionRestoreSettings": {"state": "Enabled"},
            "crossSubscriptionRestoreSettings": {"state": "Enabled"},
        },
        "monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"}},
        "isVaultProtectedByResourceGuard": False,
        "secureScore": "Minimum",
        "bcdrSecurityLevel": "Fair",
        "replicatedRegions": ["westus"],
    },
}
# What is left of a deleted vault, and of a backup instance in it.
DELETED_VAULT_DOCUMENT = {
    "id": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.DataProtection/locations/eastus/deletedVaults/{JOB}",
    "name": JOB,
    "type": "Microsoft.DataProtection/locations/deletedVaults",
    "location": "eastus",
    "tags": {"purpose": "backup"},
    "properties": {
        "originalBackupVaultId": "00000000-0000-0000-0000-0000000000ee",
        "originalBackupVaultName": "bv-gone",
        "originalBackupVaultResourcePath": DELETED_VAULT,
        "resourceDeletionInfo": {
            "deletionTime": "2026-01-05T07:49:49.4617127Z",
            "scheduledPurgeTime": "2026-01-19T07:49:49.4617127Z",
            "deleteActivityID": "00000000-0000-0000-0000-0000000000bb",
        },
        **{
            key: value
            for key, value in VAULT_DOCUMENT["properties"].items()  # type: ignore[attr-defined]
            if key in ("provisioningState", "storageSettings", "isVaultProtectedByResourceGuard")
        },
        "securitySettings": {
            **VAULT_DOCUMENT["properties"]["securitySettings"],  # type: ignore[index]
            "softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0},
        },
    },
}
DELETED_WITH_VAULT_DOCUMENT = {
    "id": f"{DELETED_VAULT}/deletedBackupInstances/aks-east-1-full",
    "name": "aks-east-1-full",
    "type": "Microsoft.DataProtection/backupVaults/deletedBackupInstances",
    "properties": {
        "objectType": "DeletedBackupInstance",
        "deletionInfo": {
            "deletionTime": "2026-01-05T07:49:49.4617127Z",
            "billingEndDate": "2026-01-05T07:49:49.4617127Z",
            "scheduledPurgeTime": "2026-01-19T07:49:49.4617127Z",
            "deleteActivityID": "00000000-0000-0000-0000-0000000000bb",
        },
        "dataSourceInfo": {"resourceID": CLUSTER, "resourceName": "aks-east-1", "objectType": "Datasource"},
        "currentProtectionState": "SoftDeleted",
        "provisioningState": "Succeeded",
    },
}
# What Terraform, the portal and the CLI write, in one policy: schedule-based criteria, a copy with a delay of its own.
POLICY_DOCUMENT = {
    "id": POLICY,
    "name": "aks-daily",
    "type": "Microsoft.DataProtection/backupVaults/backupPolicies",
    "properties": {
        "datasourceTypes": ["Microsoft.ContainerService/managedClusters"],
        "objectType": "BackupPolicy",
        "policyRules": [
            {
                "name": "BackupDaily",
                "objectType": "AzureBackupRule",
                "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
                "dataStore": store("OperationalStore"),
                "trigger": {
                    "objectType": "ScheduleBasedTriggerContext",
                    "schedule": {
                        "repeatingTimeIntervals": ["R/2026-01-04T02:30:00+00:00/P1D"],
                        "timeZone": "Coordinated Universal Time",
                    },
                    "taggingCriteria": [
                        tag("Weekly", 20, {"absoluteCriteria": ["FirstOfWeek"]}),
                        tag(
                            "Payday",
                            15,
                            {
                                "daysOfTheWeek": ["Sunday"],
                                "monthsOfYear": ["January"],
                                "weeksOfTheMonth": ["First"],
                                "daysOfMonth": [{"date": 1, "isLast": False}],
                                "scheduleTimes": ["2026-01-04T02:30:00Z"],
                            },
                        ),
                        tag("Default", 99),
                    ],
                },
            },
            rule("Default", lifecycle("OperationalStore", "P30D")),
            rule(
                "Weekly",
                lifecycle("OperationalStore", "P30D", {"objectType": "CustomCopyOption", "duration": "P1D"}),
                lifecycle("VaultStore", "P12W"),
            ),
            rule("Payday", lifecycle("OperationalStore", "P360D")),
        ],
    },
}
EXTENSION_DOCUMENT = {
    "id": EXTENSION,
    "name": "azure-aks-backup",
    "type": "Microsoft.KubernetesConfiguration/extensions",
    "properties": {
        "extensionType": "microsoft.dataprotection.kubernetes",
        "autoUpgradeMinorVersion": False,
        "releaseTrain": "stable",
        "version": "0.0.3004-544",
        "currentVersion": "0.0.3004-544",
        "scope": {"cluster": {"releaseNamespace": "dataprotection-microsoft"}},
        "provisioningState": "Succeeded",
        "configurationSettings": {
            "configuration.backupStorageLocation.bucket": "aks-east-1",
            "configuration.backupStorageLocation.config.storageAccount": "stbackupeast01",
            "configuration.backupStorageLocation.config.resourceGroup": "rg-backup",
            "configuration.backupStorageLocation.config.subscriptionId": SUBSCRIPTION,
            "configuration.backupStorageLocation.config.useAAD": "true",
            "configuration.backupStorageLocation.config.storageAccountURI": BLOBS,
            "credentials.tenantId": TENANT,
            "resources.limits.cpu": "1500m",
            "resources.limits.memory": "1280Mi",
            "resources.requests.cpu": "500m",
            "resources.requests.memory": "256Mi",
        },
        "statuses": [
            {
                "code": "InstallationWarning",
                "displayStatus": "Warning",
                "level": "Warning",
                "message": "The pod has been restarted.",
                "time": "2026-01-05T18:33:24.4169171+00:00",
            }
        ],
        "aksAssignedIdentity": {"principalId": PRINCIPALS["extension"], "tenantId": None, "type": None},
    },
}
BINDING_DOCUMENT = {
    "id": BINDING,
    "name": "tarb-portal",
    "type": "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "properties": {"provisioningState": "Succeeded", "sourceResourceId": VAULT, "roles": [OPERATOR]},
}
ORPHANED_BINDING_DOCUMENT = {
    "id": f"{CLUSTER}/trustedAccessRoleBindings/tarb-old",
    "name": "tarb-old",
    "type": "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "properties": {"provisioningState": "Succeeded", "sourceResourceId": f"{VAULT}-old", "roles": [OPERATOR]},
}
# The service answers without an ID; this one says where it is listed.
ROLE_DOCUMENT = {
    "id": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/eastus/trustedAccessRoles/x",
    "name": "backup-operator",
    "sourceResourceType": "Microsoft.DataProtection/backupVaults",
    "rules": [{"verbs": ["get"], "apiGroups": ["dataprotection.microsoft.com"], "resources": ["backups"]}],
}
INSTANCE_DOCUMENT = {
    "id": INSTANCE,
    "name": "aks-east-1-full",
    "type": "Microsoft.DataProtection/backupVaults/backupInstances",
    "properties": {
        "friendlyName": "aks-east-1/fullbackup",
        "objectType": "BackupInstance",
        "dataSourceInfo": {"resourceID": CLUSTER, "resourceName": "aks-east-1", "objectType": "Datasource"},
        "policyInfo": {
            "policyId": POLICY,
            "policyVersion": "",
            "policyParameters": {
                "backupDatasourceParametersList": [
                    {
                        "objectType": "KubernetesClusterBackupDatasourceParameters",
                        "snapshotVolumes": True,
                        "includeClusterScopeResources": True,
                        "includedNamespaces": ["shop"],
                        "excludedNamespaces": ["scratch"],
                        "includedResourceTypes": ["v1/Pod"],
                        "excludedResourceTypes": ["v1/Secret"],
                        "labelSelectors": ["app=shop"],
                        "includedVolumeTypes": ["AzureDisk"],
                        "backupHookReferences": [{"name": "flush", "namespace": "shop"}],
                    }
                ],
                "dataStoreParametersList": [
                    {
                        "objectType": "AzureOperationalStoreParameters",
                        "dataStoreType": "OperationalStore",
                        "resourceGroupId": f"{GROUPS}/rg-aks-snapshots",
                    }
                ],
            },
        },
        "currentProtectionState": "ProtectionConfigured",
        "protectionStatus": {"status": "ProtectionConfigured"},
        "provisioningState": "Succeeded",
    },
}
# Another cluster, by an identity of its own, and not protected in the end.
FAILED_INSTANCE_DOCUMENT = {
    **INSTANCE_DOCUMENT,
    "id": f"{VAULT}/backupInstances/aks-east-2-full",
    "name": "aks-east-2-full",
    "tags": {"owner": "platform"},
    "properties": {
        **INSTANCE_DOCUMENT["properties"],  # type: ignore[dict-item]
        "dataSourceInfo": {
            "resourceID": CLUSTER.replace("aks-east-1", "aks-east-2"),
            "resourceName": "aks-east-2",
            "objectType": "Datasource",
        },
        "identityDetails": {
            "useSystemAssignedIdentity": False,
            "userAssignedIdentityArmUrl": IDENTITY,
        },
        "currentProtectionState": "ProtectionError",
        "protectionErrorDetails": facing("UserErrorTrustedAccessGatewayReturnedForbidden", "The binding is missing."),
        "protectionStatus": {"status": "ProtectionError"},
    },
}
DELETED_INSTANCE_DOCUMENT = {
    **INSTANCE_DOCUMENT,
    "id": f"{VAULT}/deletedBackupInstances/aks-east-2-old",
    "name": "aks-east-2-old",
    "type": "Microsoft.DataProtection/backupVaults/deletedBackupInstances",
    "properties": {
        **FAILED_INSTANCE_DOCUMENT["properties"],  # type: ignore[dict-item]
        "objectType": "DeletedBackupInstance",
        "currentProtectionState": "SoftDeleted",
        "protectionErrorDetails": None,
        "protectionStatus": {"status": "SoftDeleted"},
        "deletionInfo": {
            "deletionTime": "2026-01-05T07:49:49.4617127Z",
            "billingEndDate": "2026-01-05T07:49:49.4617127Z",
            "scheduledPurgeTime": "2026-01-19T07:49:49.4617127Z",
            "deleteActivityID": "00000000-0000-0000-0000-0000000000bb",
        },
    },
}
JOB_DOCUMENT = {
    "id": f"{VAULT}/backupJobs/{JOB}",
    "name": JOB,
    "type": "Microsoft.DataProtection/backupVaults/backupJobs",
    "properties": {
        "activityID": "00000000-0000-0000-0000-0000000000bb",
        "backupInstanceId": INSTANCE,
        "policyId": POLICY,
        "policyName": "aks-daily",
        "dataSourceId": CLUSTER,
        "dataSourceName": "aks-east-1",
        "vaultName": "bv-east",
        "startTime": "2026-01-05T07:53:06.923841Z",
        "endTime": "2026-01-05T07:56:11.4267957Z",
        "duration": "PT3M4.5029547S",
        "operationCategory": "Backup",
        "operation": "Backup",
        "status": "CompletedWithWarnings",
        "isUserTriggered": True,
        "errorDetails": None,
        "extendedInfo": {
            "dataTransferredInBytes": 1048576,
            "targetRecoverPoint": {"recoveryPointID": POINT, "recoveryPointTime": "0001-01-01T00:00:00Z"},
            "subTasks": [{"taskId": 1, "taskName": "Trigger Backup", "taskStatus": "Completed", "taskProgress": None}],
            "additionalDetails": {"RetentionTag": "default"},
            "warningDetails": [{"resourceName": "scratch", "warning": facing(OUT_OF_MEMORY, "The pod was restarted.")}],
        },
    },
}
RESTORE_JOB = "00000000-0000-0000-0000-0000000000cc"
RESTORE_JOB_DOCUMENT = {
    "id": f"{VAULT}/backupJobs/{RESTORE_JOB}",
    "name": RESTORE_JOB,
    "type": "Microsoft.DataProtection/backupVaults/backupJobs",
    "properties": {
        **JOB_DOCUMENT["properties"],  # type: ignore[dict-item]
        "operationCategory": "Restore",
        "operation": "Restore",
        "sourceDataStoreType": "VaultStore",
        "extendedInfo": {
            "dataTransferredInBytes": 1048576,
            "recoveryDestination": CLUSTER,
            "sourceRecoverPoint": {"recoveryPointID": POINT, "recoveryPointTime": "2026-01-05T07:55:29.5079653Z"},
            "subTasks": [
                {"taskId": 1, "taskName": "Trigger Restore", "taskStatus": "Completed", "taskProgress": 100.0}
            ],
            "warningDetails": [{"resourceName": "scratch", "warning": facing(OUT_OF_MEMORY, "The pod was restarted.")}],
        },
    },
}
TIERING_JOB_DOCUMENT = {
    "id": f"{VAULT}/backupJobs/00000000-0000-0000-0000-0000000000dd",
    "name": "00000000-0000-0000-0000-0000000000dd",
    "type": "Microsoft.DataProtection/backupVaults/backupJobs",
    "properties": {
        **JOB_DOCUMENT["properties"],  # type: ignore[dict-item]
        "operationCategory": "Tiering",
        "operation": "Tiering",
        "sourceDataStoreType": "OperationalStore",
        "destinationDataStoreName": "VaultStore",
        "status": "InProgress",
        "endTime": None,
        "extendedInfo": None,
    },
}
# What a job that failed has instead.
FAILED: dict[str, Any] = {
    "status": "Failed",
    "errorDetails": [facing(OUT_OF_MEMORY, "The pod was restarted.")],
}
FAILED_JOB_DOCUMENT = {
    **JOB_DOCUMENT,
    "properties": {**JOB_DOCUMENT["properties"], **FAILED},  # type: ignore[dict-item]
}
POINT_DOCUMENT = {
    "id": f"{INSTANCE}/recoveryPoints/{POINT}",
    "name": POINT,
    "type": "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints",
    "properties": {
        "objectType": "AzureBackupDiscreteRecoveryPoint",
        "recoveryPointId": POINT,
        "recoveryPointTime": "2026-01-05T07:55:29.5079653Z",
        "recoveryPointDataStoresDetails": [
            {
                "type": "OperationalStore",
                "creationTime": "2026-01-05T07:53:54.4048516Z",
                "expiryTime": None,
                "state": "COMMITTED",
                "visible": True,
            },
            {"type": "VaultStore", "expiryTime": "2026-03-30T07:55:29.5079653Z", "state": "COMMITTED", "visible": True},
        ],
        "retentionTagName": "Weekly",
        "policyName": "aks-daily",
        "expiryTime": "2026-03-30T07:55:29.5079653Z",
        "recoveryPointState": "Completed",
    },
}
NAMESPACES = (
    "Microsoft.ContainerService",
    "Microsoft.DataProtection",
    "Microsoft.KubernetesConfiguration",
    "Microsoft.Storage",
)
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"

# Options for what lies in a cluster, with everything in it, and a cluster in which that is already.
COMMAND = {"command": ["/bin/sync"], "container": "web", "timeout": "1m"}
HOOKS = [
    {
        "name": "checkpoint",
        "included_namespaces": ["shop"],
        "excluded_namespaces": ["scratch"],
        "label_selector": {
            "match_labels": {"app": "web"},
            "match_expressions": [{"key": "tier", "operator": "In", "values": ["data"]}],
        },
        "pre": [{**COMMAND}],
        "post": [{**COMMAND}],
    }
]
RESTORE_HOOKS = [{"name": "migrate", "post": [{**COMMAND, "wait_timeout": "5m"}]}]
RULES = [
    {
        "group_resource": "deployments.apps",
        "match_labels": {"app": "web"},
        "name_regex": "^web",
        "namespaces": ["shop"],
        "patches": [
            {"operation": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/origin"},
            {"operation": "replace", "path": "/spec/replicas", "value": 1},
        ],
    },
    {"group_resource": "services", "merge_patches": [{"spec": {"type": "ClusterIP"}}]},
    {"group_resource": "pods", "strategic_patches": [{"spec": {"priority": 1}}]},
]
INSIDE = Cluster("aks-east-1")

# A cluster that is protected, as Azure has it. One role is missing.
PROTECTED: tuple[dict[str, Any], ...] = (
    *(provider(namespace) for namespace in NAMESPACES),
    *(group(name) for name in ("rg-aks-snapshots", "rg-backup", "rg-clusters")),
    CLUSTER_DOCUMENT,
    ACCOUNT_DOCUMENT,
    CONTAINER_DOCUMENT,
    VAULT_DOCUMENT,
    DELETED_VAULT_DOCUMENT,
    DELETED_WITH_VAULT_DOCUMENT,
    POLICY_DOCUMENT,
    EXTENSION_DOCUMENT,
    BINDING_DOCUMENT,
    ORPHANED_BINDING_DOCUMENT,
    ROLE_DOCUMENT,
    INSTANCE_DOCUMENT,
    FAILED_INSTANCE_DOCUMENT,
    DELETED_INSTANCE_DOCUMENT,
    # The same, as asking the cluster finds it.
    {**INSTANCE_DOCUMENT, "id": f"{CLUSTER}/providers/Microsoft.DataProtection/backupInstances/aks-east-1-full"},
    JOB_DOCUMENT,
    RESTORE_JOB_DOCUMENT,
    TIERING_JOB_DOCUMENT,
    POINT_DOCUMENT,
    assignment("vault", READER, CLUSTER),
    assignment("vault", READER, f"{GROUPS}/rg-aks-snapshots"),
    assignment("gone", READER, CLUSTER),
)
# The same subscription before anything of Azure Backup.
EMPTY: tuple[dict[str, Any], ...] = (
    *({**provider(namespace), "registrationState": "NotRegistered"} for namespace in NAMESPACES),
    group("rg-clusters"),
    CLUSTER_DOCUMENT,
)
