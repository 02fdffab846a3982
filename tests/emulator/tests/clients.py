# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A subscription of its own, and the official SDK packages' clients for it."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.kubernetesconfiguration.extensions import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient

from tests.emulator import Emulator

GROUP = "rg-clusters"
AKS = ("Microsoft.ContainerService", "managedClusters")
NAMESPACES = ("Microsoft.ContainerService", "Microsoft.Storage", "Microsoft.DataProtection",
              "Microsoft.KubernetesConfiguration", "Microsoft.ManagedIdentity")
REGISTERED = dict.fromkeys(NAMESPACES, "Registered")
BSL = "configuration.backupStorageLocation."
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def scenario(**section: Any) -> dict[str, Any]:
    """A subscription with everything registered, the group, and what else is asked for."""
    return {"subscriptions": [{"name": "Test", "providers": REGISTERED, "resource_groups": [
        {"name": GROUP, "location": "eastus"}], **section}]}


class Azure:
    """The clients and credentials of one subscription in a running emulator."""

    def __init__(self, emulator: Emulator, document: Any = None, environment: dict[str, str] | None = None):
        self.emulator = emulator
        self.environment = environment or emulator.subscription(document or scenario(
            clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}]))
        os.environ["REQUESTS_CA_BUNDLE"] = self.environment["REQUESTS_CA_BUNDLE"]
        self.subscription, self.tenant = self.environment["AZURE_SUBSCRIPTION_ID"], self.environment["AZURE_TENANT_ID"]
        self.credential = ClientSecretCredential(
            self.tenant, self.environment["AZURE_CLIENT_ID"], self.environment["AZURE_CLIENT_SECRET"],
            authority=emulator.url, disable_instance_discovery=True)
        self.options = {"base_url": emulator.url, "credential_scopes": [f"{emulator.url}/.default"],
                        "polling_interval": 0.05}
        self.scope = f"/subscriptions/{self.subscription}"
        self.group_id = f"{self.scope}/resourceGroups/{GROUP}"
        self.resources = self.client(ResourceManagementClient)
        self.storage = self.client(StorageManagementClient)
        self.clusters = self.client(ContainerServiceClient)
        self.extensions = self.client(KubernetesConfigurationExtensionsMgmtClient).extensions
        self.bindings = self.clusters.trusted_access_role_bindings
        self.vaults = self.client(DataProtectionMgmtClient).backup_vaults
        self.authorization = self.client(AuthorizationManagementClient)
        self.assignments = self.authorization.role_assignments
        self.identities = self.client(ManagedServiceIdentityClient)

    def client(self, kind: Any, **more: Any) -> Any:
        return kind(self.credential, self.subscription, **{**self.options, **more})

    def token(self) -> str:
        return self.credential.get_token(f"{self.emulator.url}/.default").token

    def http(self, method: str, path: str, body: Any = None, token: str | None = None, raw: bytes | None = None,
             headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
        """A bare request: status, headers with lower-case names, JSON body (else text; None when empty)."""
        request = urllib.request.Request(
            path if path.startswith("https:") else self.emulator.url + path, method=method,
            data=raw if raw is not None else None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token() if token is None else token}",
                     "Content-Type": "application/json", **(headers or {})})
        context = ssl.create_default_context(cafile=str(self.emulator.ca_file))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request) as response:
                status, got, data = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, got, data = error.code, error.headers, error.read()
        names = {key.lower(): value for key, value in got.items()}
        is_json = names.get("content-type", "").startswith("application/json")
        return status, names, json.loads(data) if data and is_json else data.decode() or None

    # What tests need again and again

    def vault(self, name: str = "vault-1") -> Any:
        return self.vaults.begin_create_or_update(GROUP, name, {
            "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
                "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
                "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0}}}
        }).result()

    def account(self, name: str | None = None, **properties: Any) -> Any:
        name = name or f"st{self.subscription.replace('-', '')[:20]}"
        return self.storage.storage_accounts.begin_create(GROUP, name, {
            "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": properties}
        ).result()

    def settings(self) -> dict[str, str]:
        return {f"{BSL}bucket": "backups", f"{BSL}config.storageAccount": "stbackup",
                f"{BSL}config.resourceGroup": GROUP, f"{BSL}config.subscriptionId": self.subscription}

    def extension(self, cluster: str = "aks-1", name: str = "azure-aks-backup", **properties: Any) -> Any:
        """The poller of the installation of the backup extension."""
        return self.extensions.begin_create(GROUP, *AKS, cluster, name, {"properties": {
            "extensionType": "Microsoft.DataProtection.Kubernetes", "configurationSettings": self.settings(),
            **properties}})

    def slowly(self, path: str, times: int = 1) -> None:
        """The next operations on such paths take so long that a test can look at them; ``advance`` ends them."""
        self.emulator.fault({"lro": "slow", "factor": 1000}, path=path, times=times, subscription=self.subscription)

    def principal(self) -> str:
        """The object id of a fresh managed identity."""
        made = self.identities.user_assigned_identities.create_or_update(
            GROUP, f"id-{len(self.emulator.principals())}", {"location": "eastus"})
        return made.principal_id

    def assign(self, principal: str, role: str = READER, scope: str | None = None, name: str | None = None) -> Any:
        from uuid import uuid4
        scope = scope or self.group_id
        return self.assignments.create(scope, name or str(uuid4()), {
            "role_definition_id": f"{self.scope}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principal_id": principal, "principal_type": "ServicePrincipal"})


def refused(call: Callable[[], Any], code: str, status: int | None = None) -> HttpResponseError:
    """The call must fail with this code (and HTTP status)."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    error = caught.value
    assert error.error is not None, error
    assert error.error.code == code, error
    assert status is None or error.status_code == status, error
    return error


def eventually(call: Callable[[], Any], seconds: float = 20) -> Any:
    """Repeat until the answer is true; the emulator's virtual time passes meanwhile."""
    end = time.monotonic() + seconds
    while True:
        result = call()
        if result or time.monotonic() > end:
            assert result, "it did not become true"
            return result
        time.sleep(0.02)
