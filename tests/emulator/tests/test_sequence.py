# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented sequence from an empty subscription to a finished backup, by the official SDK packages alone.

Then once more for every step, leaving it out: what fails, and with which code, is the service's.
"""

from __future__ import annotations

import os
import uuid

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.kubernetesconfiguration.extensions import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from tests.emulator import Emulator
from tests.emulator.tests.furnished import AKS, GROUP, RULE, policy, refused

ROLES = {"Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
         "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe"}
LOCATION = "configuration.backupStorageLocation."
STEPS = {
    "vault reads the cluster": "UserErrorMissingRequiredPermissions",
    "vault reads the snapshots": "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
    "cluster writes snapshots": "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
    "extension writes blobs": "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation",
    "extension": "UserErrorKubernetesBackupExtensionNotFoundError",
    "binding": "UserErrorTrustedAccessGatewayReturnedForbidden",
    "policy": "UserErrorGenericResourceNotFound",
}


@pytest.fixture(scope="module")
def emulator():
    with Emulator(speed=3000) as running:
        yield running


class Team:
    """Somebody with a new subscription, the SDK packages and a list of things to do."""

    def __init__(self, emulator, cluster):
        environment = emulator.subscription()
        os.environ["REQUESTS_CA_BUNDLE"] = environment["REQUESTS_CA_BUNDLE"]
        self.tenant, self.subscription = environment["AZURE_TENANT_ID"], environment["AZURE_SUBSCRIPTION_ID"]
        credential = ClientSecretCredential(
            self.tenant, environment["AZURE_CLIENT_ID"], environment["AZURE_CLIENT_SECRET"], authority=emulator.url,
            disable_instance_discovery=True)
        common = {"base_url": emulator.url, "credential_scopes": [f"{emulator.url}/.default"]}
        self.resources, self.storage, self.clusters, self.extensions, self.roles, self.backup = (
            client(credential, self.subscription, **common) for client in (
                ResourceManagementClient, StorageManagementClient, ContainerServiceClient,
                KubernetesConfigurationExtensionsMgmtClient, AuthorizationManagementClient, DataProtectionMgmtClient))
        self.emulator, self.cluster = emulator, cluster
        # Names of storage accounts are unique in the whole cloud.
        self.account = f"st{self.subscription.replace('-', '')[:20]}"
        self.group = f"/subscriptions/{self.subscription}/resourceGroups/{GROUP}"
        self.vault = f"{self.group}/providers/Microsoft.DataProtection/backupVaults/vault-1"
        self.cluster_id = f"{self.group.replace(GROUP, 'rg-clusters')}/providers/{AKS}/{cluster}"

    def register(self):
        for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
            self.resources.providers.register(namespace)
        self.emulator.advance(600)
        assert self.resources.providers.get("Microsoft.DataProtection").registration_state == "Registered"

    def prepare(self, skip=""):
        """Everything but the backup instance; ``skip`` is a key of STEPS."""
        self.register()
        self.resources.resource_groups.create_or_update(GROUP, {"location": "eastus"})
        self.storage.storage_accounts.begin_create(GROUP, self.account, {
            "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
            "properties": {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False}}).result()
        self.storage.blob_containers.create(GROUP, self.account, "aksbackup", {})
        vault = self.backup.backup_vaults.begin_create_or_update(GROUP, "vault-1", {
            "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
                "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
                "securitySettings": {"softDeleteSettings": {
                    "state": "AlwaysOn", "retentionDurationInDays": 14}}}}).result()
        if skip != "policy":
            self.backup.backup_policies.create_or_update(GROUP, "vault-1", "policy-1", policy())
        extension = self.install() if skip != "extension" else None
        if skip != "binding":
            binding = {
                "sourceResourceId": vault.id, "roles": ["Microsoft.DataProtection/backupVaults/backup-operator"],
            }
            self.clusters.trusted_access_role_bindings.begin_create_or_update(
                "rg-clusters", self.cluster, "binding-1", {"properties": binding}
            ).result()
        self.emulator.advance(300)
        identity = self.clusters.managed_clusters.get("rg-clusters", self.cluster).identity
        principal = identity.principal_id or next(iter(identity.user_assigned_identities.values())).principal_id
        account = f"{self.group}/providers/Microsoft.Storage/storageAccounts/{self.account}"
        grants = {"vault reads the cluster": (vault.identity.principal_id, "Reader", self.cluster_id),
                  "vault reads the snapshots": (vault.identity.principal_id, "Reader", self.group),
                  "cluster writes snapshots": (principal, "Contributor", self.group)}
        if extension:
            grants["extension writes blobs"] = (extension, "Storage Blob Data Contributor", account)
        for step, (who, role, scope) in grants.items():
            if step != skip:
                self.assign(who, role, scope)
        self.emulator.advance(3600)

    def install(self):
        found = self.extensions.extensions.begin_create(
            "rg-clusters", "Microsoft.ContainerService", "managedClusters", self.cluster, "azure-aks-backup",
            {"properties": {
                "extensionType": "microsoft.dataprotection.kubernetes", "autoUpgradeMinorVersion": True,
                "releaseTrain": "stable", "scope": {"cluster": {"releaseNamespace": "dataprotection-microsoft"}},
                "configurationSettings": {
                    f"{LOCATION}bucket": "aksbackup", f"{LOCATION}config.storageAccount": self.account,
                    f"{LOCATION}config.resourceGroup": GROUP, f"{LOCATION}config.subscriptionId": self.subscription,
                    f"{LOCATION}config.useAAD": "true", "credentials.tenantId": self.tenant}}}).result()
        return found.properties.aks_assigned_identity.principal_id

    def assign(self, who, role, scope):
        self.roles.role_assignments.create(scope, str(uuid.uuid4()), {"properties": {
            "roleDefinitionId": f"/subscriptions/{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
                                f"{ROLES[role]}", "principalId": who, "principalType": "ServicePrincipal"}})

    def instance(self):
        source = {"datasourceType": AKS, "resourceID": self.cluster_id, "resourceLocation": "eastus",
                  "resourceName": self.cluster, "resourceType": AKS, "resourceUri": self.cluster_id}
        return {"friendlyName": f"{self.cluster}/fullbackup", "objectType": "BackupInstance",
                "dataSourceInfo": {"objectType": "Datasource", **source},
                "dataSourceSetInfo": {"objectType": "DatasourceSet", **source},
                "policyInfo": {
                    "policyId": f"{self.vault}/backupPolicies/policy-1",
                    "policyParameters": {
                        "backupDatasourceParametersList": [{
                            "objectType": "KubernetesClusterBackupDatasourceParameters", "snapshotVolumes": True,
                            "includeClusterScopeResources": True}],
                        "dataStoreParametersList": [{
                            "objectType": "AzureOperationalStoreParameters", "dataStoreType": "OperationalStore",
                            "resourceGroupId": self.group}]}}}

    def validate(self):
        return self.backup.backup_instances.begin_validate_for_backup(
            GROUP, "vault-1", {"backupInstance": self.instance()}).result()


@pytest.mark.parametrize("cluster", ["aks-east-1", "aks-east-2"])
def test_from_nothing_to_a_recovery_point(emulator, cluster):
    team = Team(emulator, cluster)
    team.prepare()
    team.validate()
    group = team.backup.backup_instances
    group.begin_create_or_update(GROUP, "vault-1", "instance-1", {"properties": team.instance()}).result()
    emulator.advance(120)
    assert group.get(GROUP, "vault-1", "instance-1").properties.current_protection_state == "ProtectionConfigured"
    done = group.begin_adhoc_backup(GROUP, "vault-1", "instance-1", {
        "backupRuleOptions": {"ruleName": RULE, "triggerOption": {}}}).result()
    emulator.advance(600)
    job = team.backup.jobs.get(GROUP, "vault-1", done.job_id.rsplit("/", 1)[1])
    assert job.properties.status == "Completed"
    [point] = team.backup.recovery_points.list(GROUP, "vault-1", "instance-1")
    assert point.name == job.properties.extended_info.target_recover_point.recovery_point_id


@pytest.mark.parametrize("skip", STEPS)
def test_every_step_is_needed(emulator, skip):
    team = Team(emulator, "aks-east-1")
    team.prepare(skip)
    error = refused(team.validate)
    assert (error.status_code, error.error.code) == (200, STEPS[skip])


def test_a_cluster_in_another_region(emulator):
    team = Team(emulator, "aks-west-1")
    team.register()
    team.resources.resource_groups.create_or_update(GROUP, {"location": "eastus"})
    team.backup.backup_vaults.begin_create_or_update(GROUP, "vault-1", {
        "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}}).result()
    team.backup.backup_policies.create_or_update(GROUP, "vault-1", "policy-1", policy())
    assert refused(team.validate).error.code == "DppPluginInvalidInputParameters"
