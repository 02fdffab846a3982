# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Azure CLI made, the collection adopts: with its commands where it has them, else with ``az rest`` and the
bodies that the CLI's own extensions send (``az dataprotection``, ``az k8s-extension``).
"""

from __future__ import annotations

import pytest

from tests.harness import task
from tests.harness.az import EXTENSIONS
from tests.harness.steps import CLUSTER, VAULT, account, chain, step

EAST = ("--location", "eastus")
CLUSTERS = ("--resource-group", "rg-clusters")
OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"

# `az dataprotection backup-policy get-default-policy-template --datasource-type AzureKubernetesService`, put to
# another time of day.
POLICY = {
    "objectType": "BackupPolicy",
    "datasourceTypes": ["Microsoft.ContainerService/managedClusters"],
    "policyRules": [
        {
            "name": "BackupHourly",
            "objectType": "AzureBackupRule",
            "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Incremental"},
            "dataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": "OperationalStore"},
            "trigger": {
                "objectType": "ScheduleBasedTriggerContext",
                "schedule": {"repeatingTimeIntervals": ["R/2026-01-04T09:00:00+00:00/PT4H"]},
                "taggingCriteria": [
                    {"isDefault": True, "taggingPriority": 99, "tagInfo": {"id": "Default_", "tagName": "Default"}}
                ],
            },
        },
        {
            "name": "Default",
            "objectType": "AzureRetentionRule",
            "isDefault": True,
            "lifecycles": [
                {
                    "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P7D"},
                    "sourceDataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": "OperationalStore"},
                }
            ],
        },
    ],
}


def vault_body():
    return {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
        },
    }


def extension_body(subscription, blob_endpoint):
    location = "configuration.backupStorageLocation"
    return {
        "properties": {
            "extensionType": "microsoft.dataprotection.kubernetes",
            "autoUpgradeMinorVersion": True,
            "releaseTrain": "stable",
            "scope": {"cluster": {"releaseNamespace": None}},
            "configurationSettings": {
                f"{location}.bucket": "aks-east-1",
                f"{location}.config.resourceGroup": "rg-backup",
                f"{location}.config.storageAccount": account(subscription),
                f"{location}.config.storageAccountURI": blob_endpoint,
                f"{location}.config.subscriptionId": subscription.id,
                f"{location}.config.useAAD": "true",
                "credentials.tenantId": subscription.environment["AZURE_TENANT_ID"],
            },
            "configurationProtectedSettings": {},
        }
    }


def instance_properties(cluster, vault, snapshots):
    source = {
        "datasourceType": "Microsoft.ContainerService/managedClusters",
        "resourceID": cluster,
        "resourceLocation": "eastus",
        "resourceName": "aks-east-1",
        "resourceType": "Microsoft.ContainerService/managedclusters",
        "resourceUri": cluster,
    }
    return {
        "objectType": "BackupInstance",
        "friendlyName": "aks-east-1/by-az",
        "dataSourceInfo": {"objectType": "Datasource", **source},
        "dataSourceSetInfo": {"objectType": "DatasourceSet", **source},
        "policyInfo": {
            "policyId": f"{vault}/backupPolicies/aks-daily",
            "policyParameters": {
                "backupDatasourceParametersList": [
                    {
                        "objectType": "KubernetesClusterBackupDatasourceParameters",
                        "includeClusterScopeResources": True,
                        "snapshotVolumes": True,
                        "includedNamespaces": [],
                        "excludedNamespaces": [],
                        "includedResourceTypes": [],
                        "excludedResourceTypes": [],
                        "labelSelectors": [],
                    }
                ],
                "dataStoreParametersList": [
                    {
                        "objectType": "AzureOperationalStoreParameters",
                        "dataStoreType": "OperationalStore",
                        "resourceGroupId": snapshots,
                    }
                ],
            },
        },
    }


@pytest.fixture(scope="module")
def made(az, emulator, subscription):
    """Everything that a cluster needs to be protected, made by the CLI; the ids and what the service said."""
    for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
        az("provider", "register", "--namespace", namespace, "--wait")
    az("group", "create", "--name", "rg-backup", *EAST)
    snapshots = az("group", "create", "--name", "rg-snapshots", *EAST)["id"]
    name, here = account(subscription), ("--resource-group", "rg-backup")
    storage = az("storage", "account", "create", "--name", name, *here, *EAST, "--sku", "Standard_LRS")
    az("storage", "container-rm", "create", "--name", "aks-east-1", "--storage-account", name, *here)

    vault = subscription.path("resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east")
    az.rest("put", vault, body=vault_body())
    vault_principal = az.settled(vault)["identity"]["principalId"]
    az.rest("put", f"{vault}/backupPolicies/aks-daily", body={"properties": POLICY})

    shown = az("aks", "show", "--name", "aks-east-1", *CLUSTERS)
    cluster = subscription.path(
        "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1"
    )
    extension = f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/by-az"
    az.rest("put", extension, EXTENSIONS, extension_body(subscription, storage["primaryEndpoints"]["blob"]))
    installed = az.settled(extension, version=EXTENSIONS)
    az(
        "aks", "trustedaccess", "rolebinding", "create", "--name", "by-az", "--cluster-name", "aks-east-1", *CLUSTERS,
        "--source-resource-id", vault, "--roles", OPERATOR,
    )

    source = instance_properties(cluster, vault, snapshots)
    question = {"backupInstance": source}
    before = az.rest_action(f"{vault}/validateForBackup", question)
    emulator.advance(600)
    for principal, role, scope in (
        (vault_principal, "Reader", cluster),
        (vault_principal, "Reader", snapshots),
        (shown["identity"]["principalId"], "Contributor", snapshots),
        (installed["properties"]["aksAssignedIdentity"]["principalId"], "Storage Blob Data Contributor", storage["id"]),
    ):
        az(
            "role", "assignment", "create", "--assignee-object-id", principal, "--role", role, "--scope", scope,
            "--assignee-principal-type", "ServicePrincipal",
        )
    emulator.advance(900)
    after = az.rest_action(f"{vault}/validateForBackup", question)
    instance = f"{vault}/backupInstances/by-az"
    az.rest("put", instance, body={"properties": source})
    az.settled(instance, "properties", "currentProtectionState", wanted="ProtectionConfigured")
    return {"instance": instance, "extension": extension, "before": before, "after": after}


def test_the_service_says_whether_backups_can_be_made(made):
    assert (made["before"]["status"], made["after"]["status"]) == ("Failed", "Succeeded")
    assert made["before"]["error"]["code"] == "UserErrorMissingRequiredPermissions", made["before"]


def test_all_of_it_is_adopted(subscription, made):
    tasks = [
        step(subscription, one["name"], schedule={"start_time": "09:00"}, preset="default")
        if one["name"] == "policy" else one
        for one in chain(subscription, until="run")
    ]
    run = subscription.play(tasks).ok()
    assert run.writes == []
    assert not any(one.changed for one in run.steps)
    assert run["extension"].result["id"].lower() == made["extension"].lower()
    assert run["binding"].result["name"] == "by-az"
    assert run["instance"].result["id"] == made["instance"]


def test_a_backup_that_the_cli_started(az, subscription, made):
    """By the rule of the CLI's policy. The collection finds what came of it; later ones are the schedule's."""
    rule = {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": {"retentionTagOverride": "Default"}}}
    job = az.rest_action(f"{made['instance']}/backup", rule)["properties"]["jobId"]
    shown = az.settled(job, "properties", "status", wanted="Completed")
    assert shown["properties"]["backupInstanceFriendlyName"] == "aks-east-1/by-az"
    listed = {point["name"] for point in az.rest("get", f"{made['instance']}/recoveryPoints")["value"]}
    run = subscription.play([task("points", "aks_recovery_point_info", **CLUSTER, **VAULT)]).ok()
    found = {point["name"] for point in run["points"].result["recovery_points"]}
    assert listed and listed <= found
