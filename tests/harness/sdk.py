# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else in the same subscription: Microsoft's client packages, bare, with names and habits of their own."""

from __future__ import annotations

import time
import uuid
from functools import cached_property
from typing import Any

from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.kubernetesconfiguration.extensions import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from tests.harness import Subscription

GROUP, CLUSTER, VAULT, POLICY = "rg-clusters", "aks-east-1", "bv-east", "aks-daily"


class Somebody:
    """Clients for a subscription, signed in as its owner. The names are those of ``steps``."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        values = subscription.environment
        self._options: dict[str, Any] = {
            "base_url": values["EMULATOR_URL"],
            "connection_verify": values["REQUESTS_CA_BUNDLE"],
            "credential_scopes": [f"{values['EMULATOR_URL']}/.default"],
        }
        self.credential = ClientSecretCredential(
            values["AZURE_TENANT_ID"],
            values["AZURE_CLIENT_ID"],
            values["AZURE_CLIENT_SECRET"],
            authority=values["EMULATOR_URL"],
            connection_verify=values["REQUESTS_CA_BUNDLE"],
            disable_instance_discovery=True,
        )

    def _client(self, kind: Any, **options: Any) -> Any:
        return kind(self.credential, self.subscription.id, **self._options, **options)

    @cached_property
    def aks(self) -> Any:
        return self._client(ContainerServiceClient, polling_interval=0.05)

    @cached_property
    def authorization(self) -> Any:
        return self._client(AuthorizationManagementClient)

    @cached_property
    def data_protection(self) -> Any:
        return self._client(DataProtectionMgmtClient, polling_interval=0.05)

    @cached_property
    def extensions(self) -> Any:
        return self._client(KubernetesConfigurationExtensionsMgmtClient, polling_interval=0.05)

    @cached_property
    def resources(self) -> Any:
        return self._client(ResourceManagementClient, polling_interval=0.05)

    @cached_property
    def storage(self) -> Any:
        return self._client(StorageManagementClient, polling_interval=0.05)

    @property
    def token(self) -> str:
        """An access token, as somebody could hand it over."""
        token: str = self.credential.get_token(self._options["credential_scopes"][0]).token
        return token

    def path(self, rest: str) -> str:
        return self.subscription.path(rest)

    @property
    def cluster_id(self) -> str:
        return self.path(f"resourceGroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}")

    @property
    def vault_id(self) -> str:
        return self.path(f"resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/{VAULT}")

    # What somebody does

    def guard(self, group: str, name: str = "guard") -> str:
        """Make a Resource Guard in eastus; gives its ID.

        The package registers the resource provider by itself when it has to, but then sleeps for ten seconds.
        """
        while self.resources.providers.register("Microsoft.DataProtection").registration_state != "Registered":
            time.sleep(0.05)
        made = self.data_protection.resource_guards.put(group, name, {"location": "eastus", "properties": {}})
        return str(made.id)

    def assign(self, principal: str, role: str, scope: str) -> str:
        """A role assignment under a name of chance; ``role`` is a GUID. Gives its ID."""
        made = self.authorization.role_assignments.create(
            scope,
            str(uuid.uuid4()),
            {
                "principal_id": principal,
                "principal_type": "ServicePrincipal",
                "role_definition_id": self.path(f"providers/Microsoft.Authorization/roleDefinitions/{role}"),
            },
        )
        return str(made.id)

    def unassign(self, assignment_id: str) -> None:
        self.authorization.role_assignments.delete_by_id(assignment_id)

    def bind(self, name: str, vault_id: str | None = None, wait: bool = True) -> None:
        poller = self.aks.trusted_access_role_bindings.begin_create_or_update(
            GROUP,
            CLUSTER,
            name,
            {
                "properties": {
                    "sourceResourceId": vault_id or self.vault_id,
                    "roles": ["Microsoft.DataProtection/backupVaults/backup-operator"],
                }
            },
        )
        if wait:
            poller.result()

    def unbind(self, name: str) -> None:
        self.aks.trusted_access_role_bindings.begin_delete(GROUP, CLUSTER, name).result()

    def install(self, name: str, account: str, wait: bool = True) -> None:
        """Install the extension, with the storage account and the container of ``steps``."""
        prefix = "configuration.backupStorageLocation."
        settings = {
            f"{prefix}bucket": CLUSTER,
            f"{prefix}config.resourceGroup": "rg-backup",
            f"{prefix}config.storageAccount": account,
            f"{prefix}config.storageAccountURI": f"https://{account}.blob.core.windows.net/",
            f"{prefix}config.subscriptionId": self.subscription.id,
            f"{prefix}config.useAAD": "true",
            "credentials.tenantId": self.subscription.environment["AZURE_TENANT_ID"],
        }
        poller = self.extensions.extensions.begin_create(
            GROUP,
            "Microsoft.ContainerService",
            "managedClusters",
            CLUSTER,
            name,
            {
                "properties": {
                    "extensionType": "Microsoft.DataProtection.Kubernetes",
                    "autoUpgradeMinorVersion": True,
                    "releaseTrain": "stable",
                    "configurationSettings": settings,
                }
            },
        )
        if wait:
            poller.result()

    def uninstall(self, name: str = "azure-aks-backup") -> None:
        """Remove the extension."""
        self.extensions.extensions.begin_delete(
            GROUP, "Microsoft.ContainerService", "managedClusters", CLUSTER, name
        ).result()

    def instance(self) -> dict[str, Any]:
        """The properties of a backup instance for the cluster and the policy of ``steps``."""
        source = {
            "datasourceType": "Microsoft.ContainerService/managedClusters",
            "resourceID": self.cluster_id,
            "resourceLocation": "eastus",
            "resourceName": CLUSTER,
            "resourceType": "Microsoft.ContainerService/managedclusters",
            "resourceUri": self.cluster_id,
        }
        return {
            "objectType": "BackupInstance",
            "friendlyName": f"{CLUSTER}\\fullbackup",
            "dataSourceInfo": {**source, "objectType": "Datasource"},
            "dataSourceSetInfo": {**source, "objectType": "DatasourceSet"},
            "policyInfo": {
                "policyId": f"{self.vault_id}/backupPolicies/{POLICY}",
                "policyParameters": {
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
                            "resourceGroupId": self.path("resourceGroups/rg-snapshots"),
                        }
                    ],
                },
            },
        }

    def validate(self) -> str:
        """What the service says to protecting the cluster: ``Succeeded``, or the code of its refusal."""
        from azure.core.exceptions import HttpResponseError

        try:
            self.data_protection.backup_instances.begin_validate_for_backup(
                "rg-backup", VAULT, {"backupInstance": self.instance()}
            ).result()
        except HttpResponseError as error:
            return str(error.error.code if error.error else error.status_code)
        return "Succeeded"

    def protect(self, name: str) -> None:
        self.data_protection.backup_instances.begin_create_or_update(
            "rg-backup", VAULT, name, {"properties": self.instance()}
        ).result()
