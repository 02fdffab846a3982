# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that were protected by other means are taken over: with the least writes, and nothing is there twice.

Three ways of protecting a cluster, with the names and the shapes that they leave behind: ``az dataprotection
enable-backup``, the example of Terraform's azurerm provider, and the Azure portal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.harness import Run, Subscription
from tests.harness.role import PROTECT, PYTHON, WAITING, act, acts, facts
from tests.harness.sdk import Somebody

CLUSTER, REGION = "aks-east-1", "eastus"
AKS = "Microsoft.ContainerService/managedClusters"
BSL = "configuration.backupStorageLocation."
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Data Operator for Managed Disks": "959f8984-c045-4866-89c7-12bf9737be2e",
    "Disk Snapshot Contributor": "7efff54f-a5b4-42b5-a1c5-5411624893ce",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Account Contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}
ONE_OF_EACH = (
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.DataProtection/backupVaults/backupPolicies",
    "Microsoft.DataProtection/backupVaults/backupInstances",
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
)


@dataclass
class Way:
    """How somebody protected the cluster. ``roles`` are (principal, role, scope) by the words of :func:`protect`."""

    group: str
    snapshots: str
    vault: str
    policy: str
    rule: str
    instance: str
    friendly_name: str
    extension: str
    binding: str
    container: str
    redundancy: str
    interval: str
    retention: str
    roles: tuple[tuple[str, str, str], ...]
    keys: bool = False
    resource_type: str = f"{AKS}".lower().replace("microsoft.containerservice", "Microsoft.ContainerService")
    group_tags: dict[str, str] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)


MATRIX = (
    ("vault", "Reader", "cluster"),
    ("vault", "Reader", "snapshots"),
    ("cluster", "Contributor", "snapshots"),
)
WAYS = {
    "enable-backup": Way(
        group="AKSAzureBackup_eastus",
        snapshots="AKSAzureBackup_eastus",
        vault="AKSAzureBackup-eastus",
        policy="AKSBackupPolicy-Week",
        rule="BackupDaily",
        instance="aks-east-1-1a2b3c4d",
        friendly_name="aks-east-1\\fullbackup",
        extension="azure-aks-backup",
        binding="tarb-0123456789abcdef",
        container="aks-east-1-rg-clusters",
        redundancy="GeoRedundant",
        interval="P1D",
        retention="P7D",
        roles=(
            *MATRIX,
            ("vault", "Disk Snapshot Contributor", "snapshots"),
            ("vault", "Storage Blob Data Reader", "account"),
            ("extension", "Storage Blob Data Contributor", "account"),
        ),
        group_tags={"AKSAzureBackup": "eastus"},
        features={"crossRegionRestoreSettings": {"state": "Enabled"}},
    ),
    "terraform": Way(
        group="example",
        snapshots="example-snapshots",
        vault="example",
        policy="example",
        rule="BackupIntervals",
        instance="example",
        friendly_name="example",
        extension="example",
        binding="example",
        container="example",
        redundancy="LocallyRedundant",
        interval="P1W",
        retention="P84D",
        roles=(
            *MATRIX,
            ("vault", "Disk Snapshot Contributor", "snapshots"),
            ("vault", "Data Operator for Managed Disks", "snapshots"),
            ("vault", "Storage Blob Data Contributor", "account"),
            ("extension", "Storage Account Contributor", "account"),
        ),
        keys=True,
        resource_type=AKS,
    ),
    "portal": Way(
        group="rg-backup",
        snapshots="rg-snapshots",
        vault="vault-of-the-portal",
        policy="hourly",
        rule="BackupHourly",
        instance="aks-east-1-aks-east-1-0d9e4ea1-7c0f-4b2c-9b4e-3f6a0b7c9d11",
        friendly_name="aks-east-1\\everything",
        extension="azure-aks-backup",
        binding="aks-east-1-portal",
        container="backups",
        redundancy="ZoneRedundant",
        interval="PT4H",
        retention="P7D",
        roles=(*MATRIX, ("extension", "Storage Blob Data Contributor", "account")),
    ),
}


class Taken:
    """A subscription in which a cluster was protected in a way of somebody's own."""

    def __init__(self, emulator: Any, way: Way) -> None:
        self.subscription, self.way = Subscription(emulator), way
        self.somebody = Somebody(self.subscription)
        self.account_name = "stown" + self.subscription.id.replace("-", "")[:18]
        path = self.subscription.path
        self.cluster = path(f"resourceGroups/rg-clusters/providers/{AKS}/{CLUSTER}")
        self.snapshots = path(f"resourceGroups/{way.snapshots}")
        group = path(f"resourceGroups/{way.group}/providers")
        self.vault = f"{group}/Microsoft.DataProtection/backupVaults/{way.vault}"
        self.policy = f"{self.vault}/backupPolicies/{way.policy}"
        self.account = f"{group}/Microsoft.Storage/storageAccounts/{self.account_name}"

    def put(self, id_: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """PUT as ARM's generic resources know it, done when the operation is."""
        poller = self.somebody.resources.resources.begin_create_or_update_by_id(id_, body, api_version=version)
        made: dict[str, Any] = poller.result().as_dict()
        return made

    def protect(self) -> None:
        way, somebody = self.way, self.somebody
        for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
            somebody.resources.providers.register(namespace)
        self.subscription.emulator.advance(300)
        for group in sorted({way.group, way.snapshots}):
            somebody.resources.resource_groups.create_or_update(group, {"location": REGION, "tags": way.group_tags})
        somebody.storage.storage_accounts.begin_create(
            way.group,
            self.account_name,
            {
                "location": REGION,
                "kind": "StorageV2",
                "sku": {"name": "Standard_LRS"},
                "properties": {"allowSharedKeyAccess": way.keys, "allowBlobPublicAccess": False},
            },
        ).result()
        somebody.storage.blob_containers.create(way.group, self.account_name, way.container, {})
        extension = self.install()
        vault = self.put(
            self.vault,
            "2025-07-01",
            {
                "location": REGION,
                "identity": {"type": "SystemAssigned"},
                "properties": {
                    "storageSettings": [{"datastoreType": "VaultStore", "type": way.redundancy}],
                    "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
                    "featureSettings": {"crossSubscriptionRestoreSettings": {"state": "Enabled"}, **way.features},
                },
            },
        )
        self.make_policy()
        somebody.bind(way.binding, self.vault)
        principals = {
            "vault": vault["identity"]["principalId"],
            "cluster": somebody.aks.managed_clusters.get("rg-clusters", CLUSTER).identity.principal_id,
            "extension": extension,
        }
        scopes = {"cluster": self.cluster, "snapshots": self.snapshots, "account": self.account}
        self.subscription.emulator.advance(300)
        for who, role, where in way.roles:
            somebody.assign(principals[who], ROLES[role], scopes[where])
        self.subscription.emulator.advance(900)
        self.configure()
        self.subscription.emulator.advance(300)

    def install(self) -> str:
        settings = {
            f"{BSL}bucket": self.way.container,
            f"{BSL}config.resourceGroup": self.way.group,
            f"{BSL}config.storageAccount": self.account_name,
            f"{BSL}config.subscriptionId": self.subscription.id,
            "credentials.tenantId": self.subscription.environment["AZURE_TENANT_ID"],
        }
        if not self.way.keys:
            settings[f"{BSL}config.useAAD"] = "true"
            settings[f"{BSL}config.storageAccountURI"] = f"https://{self.account_name}.blob.core.windows.net/"
        made = self.somebody.extensions.extensions.begin_create(
            "rg-clusters",
            "Microsoft.ContainerService",
            "managedClusters",
            CLUSTER,
            self.way.extension,
            {
                "properties": {
                    "extensionType": "Microsoft.DataProtection.Kubernetes",
                    "autoUpgradeMinorVersion": True,
                    "releaseTrain": "stable",
                    "scope": {"cluster": {"releaseNamespace": "dataprotection-microsoft"}},
                    "configurationSettings": settings,
                }
            },
        ).result()
        principal: str = made.properties.aks_assigned_identity.principal_id
        return principal

    def make_policy(self) -> None:
        criteria = {"objectType": "ScheduleBasedTriggerContext"}
        tag = {"isDefault": True, "taggingPriority": 99, "tagInfo": {"tagName": "Default", "id": "Default_"}}
        store = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
        times = [f"R/2026-01-04T02:30:00+00:00/{self.way.interval}"]
        rules = [
            {
                "name": self.way.rule,
                "objectType": "AzureBackupRule",
                "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Incremental"},
                "dataStore": store,
                "trigger": {
                    **criteria,
                    "schedule": {"repeatingTimeIntervals": times, "timeZone": "UTC"},
                    "taggingCriteria": [tag],
                },
            },
            {
                "name": "Default",
                "objectType": "AzureRetentionRule",
                "isDefault": True,
                "lifecycles": [
                    {
                        "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": self.way.retention},
                        "sourceDataStore": store,
                        "targetDataStoreCopySettings": [],
                    }
                ],
            },
        ]
        body = {"objectType": "BackupPolicy", "datasourceTypes": [AKS], "policyRules": rules}
        self.put(self.policy, "2025-07-01", {"properties": body})

    def configure(self) -> None:
        source = {
            "datasourceType": AKS,
            "resourceID": self.cluster,
            "resourceLocation": REGION,
            "resourceName": CLUSTER,
            "resourceType": self.way.resource_type,
            "resourceUri": self.cluster,
        }
        parameters = {
            "backupDatasourceParametersList": [
                {
                    "objectType": "KubernetesClusterBackupDatasourceParameters",
                    "includeClusterScopeResources": True,
                    "snapshotVolumes": True,
                }
            ],
            "dataStoreParametersList": [
                {
                    "objectType": "AzureOperationalStoreParameters",
                    "dataStoreType": "OperationalStore",
                    "resourceGroupId": self.snapshots,
                }
            ],
        }
        body = {
            "objectType": "BackupInstance",
            "friendlyName": self.way.friendly_name,
            "dataSourceInfo": {**source, "objectType": "Datasource"},
            "dataSourceSetInfo": {**source, "objectType": "DatasourceSet"},
            "policyInfo": {"policyId": self.policy, "policyParameters": parameters},
        }
        self.put(f"{self.vault}/backupInstances/{self.way.instance}", "2026-03-01", {"properties": body})

    def run(self, *told: list[dict[str, Any]], **hosts: dict[str, Any]) -> dict[str, Run]:
        """What is told of the cluster, which is all of the hosts, each with variables of its own."""
        cluster = {
            "aks_backup_cluster": {"name": CLUSTER, "resource_group": "rg-clusters"},
            "aks_backup_location": REGION,
        }
        found = {host: {**cluster, **variables} for host, variables in hosts.items()}
        inventory = {"all": {"hosts": found, "vars": {**PYTHON, **WAITING}}}
        plays = [play for plays in told for play in plays]
        return acts(self.subscription.play(playbook=plays, inventory=inventory).ok())

    def by_id(self) -> dict[str, Any]:
        return {
            "aks_backup_vault": {"id": self.vault},
            "aks_backup_policy": {"id": self.policy},
            "aks_backup_storage": {"storage_account_id": self.account, "container": self.way.container},
            "aks_backup_snapshot_resource_group": self.snapshots,
        }

    def by_name(self) -> dict[str, Any]:
        return {
            "aks_backup_resource_group": self.way.group,
            "aks_backup_vault": {"name": self.way.vault},
            "aks_backup_policy": {"id": self.policy},
            "aks_backup_storage": {"storage_account": self.account_name, "container": self.way.container},
            "aks_backup_snapshot_resource_group": self.way.snapshots,
        }

    def count(self) -> dict[str, int]:
        return {type_: len(self.subscription.resources(type_)) for type_ in ONE_OF_EACH}


@pytest.fixture(scope="module", params=WAYS)
def taken(request, emulator):
    made = Taken(emulator, WAYS[request.param])
    made.protect()
    return made


def test_taken_over_with_the_least_writes(taken: Taken) -> None:
    """By the IDs of what is there as by names, in a plan as in a run: nothing is left to be done."""
    before = len(taken.subscription.writes())
    # Keys of the account are what such an extension was installed with; whether it stays so is the user's choice.
    keys = {"aks_backup_extension": {"use_aad": not taken.way.keys}}
    told = taken.run(
        act("plan", PROTECT, check=True, **keys),
        act("run", PROTECT, **keys),
        by_id=taken.by_id(),
        by_name=taken.by_name(),
    )
    written = [(one["method"], one["path"]) for one in taken.subscription.writes()[before:]]
    assert written == []
    for one in (told["plan"], told["run"]):
        assert [step.task for step in one.ok().steps if step.changed] == []
    assert taken.count() == dict.fromkeys(ONE_OF_EACH, 1)
    results = facts(told["run"], "aks_backup_result")
    assert sorted(results) == ["by_id", "by_name"]
    for result in results.values():
        assert result["instances"][0]["name"] == taken.way.instance
        assert result["instances"][0]["protection_state"] == "ProtectionConfigured"


def test_from_keys_to_the_identity_of_the_extension(emulator: Any) -> None:
    """Without a word on it, the extension gives up the account's keys: one update, and the role that this takes."""
    taken = Taken(emulator, WAYS["terraform"])
    taken.protect()
    before = len(taken.subscription.writes())
    told = taken.run(act("run", PROTECT), act("again", PROTECT), by_id=taken.by_id())
    written = [one["path"].rsplit("/", 1)[0].rsplit("/", 1)[-1] for one in taken.subscription.writes()[before:]]
    assert sorted(written) == ["extensions", "roleAssignments"]
    assert told["again"].ok().writes == []
    assert taken.count() == dict.fromkeys(ONE_OF_EACH, 1)
    assert not any(step.failed for step in told["run"].steps)
