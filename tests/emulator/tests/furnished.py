# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A subscription in which everything that AKS Backup needs is in place, made without the other providers' requests.

So tests of Microsoft.DataProtection take away one thing at a time and see what that breaks.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.dataprotection import DataProtectionMgmtClient

from tests.emulator import Emulator, roles
from tests.emulator.ids import identifier

GROUP, CLUSTERS, SNAPSHOTS, STAGING = "rg-backup", "rg-clusters", "rg-snapshots", "rg-staging"
AKS = "Microsoft.ContainerService/managedClusters"
RULE = "BackupHourly"
# A schedule that does not fire while tests let days go by.
NEVER = "R/2099-01-04T09:00:00+00:00/PT4H"
SETTINGS = "configuration.backupStorageLocation."
SCENARIO = {"subscriptions": [{
    "name": "Furnished", "providers": {"Microsoft.DataProtection": "Registered"},
    "resource_groups": [{"name": name, "location": "eastus"} for name in (GROUP, CLUSTERS, SNAPSHOTS, STAGING)]}]}
# (principal, role, scope) as documented for backup with the vault tier and for restore to the same cluster
ROLES = (
    ("vault", "Reader", "cluster"), ("vault", "Reader", "snapshots"), ("cluster", "Contributor", "snapshots"),
    ("extension", "Storage Blob Data Contributor", "account"), ("vault", "Disk Snapshot Contributor", "snapshots"),
    ("vault", "Data Operator for Managed Disks", "snapshots"), ("vault", "Storage Blob Data Reader", "account"),
    ("vault", "Contributor", "staging"), ("cluster", "Contributor", "staging"),
    ("vault", "Storage Account Contributor", "staging account"), ("vault", "Storage Blob Data Owner",
                                                                  "staging account"),
    ("extension", "Storage Blob Data Contributor", "staging account"))


def store(kind: str) -> dict[str, str]:
    return {"dataStoreType": kind, "objectType": "DataStoreInfoBase"}


def policy(interval: str = NEVER, vaulted: bool = False) -> dict[str, Any]:
    """A policy of seven days of snapshots; vaulted: the first of each day goes to the vault tier for 84 days."""
    criteria: list[dict[str, Any]] = [
        {"tagInfo": {"tagName": "Default"}, "taggingPriority": 99, "isDefault": True}]
    rules: list[dict[str, Any]] = [{
        "name": RULE, "objectType": "AzureBackupRule", "dataStore": store("OperationalStore"),
        "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
        "trigger": {"objectType": "ScheduleBasedTriggerContext", "taggingCriteria": criteria,
                    "schedule": {"repeatingTimeIntervals": [interval]}}}]

    def cycle(kind: str, duration: str, **more: Any) -> dict[str, Any]:
        return {"deleteAfter": {"duration": duration, "objectType": "AbsoluteDeleteOption"},
                "sourceDataStore": store(kind), **more}
    rules.append({"name": "Default", "objectType": "AzureRetentionRule", "isDefault": True,
                  "lifecycles": [cycle("OperationalStore", "P7D")]})
    if vaulted:
        criteria.insert(0, {"tagInfo": {"tagName": "Daily"}, "taggingPriority": 25, "isDefault": False, "criteria": [
            {"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": ["FirstOfDay"]}]})
        copied = [{"copyAfter": {"objectType": "ImmediateCopyOption"}, "dataStore": store("VaultStore")}]
        rules.append({"name": "Daily", "objectType": "AzureRetentionRule", "isDefault": False, "lifecycles": [
            cycle("OperationalStore", "P7D", targetDataStoreCopySettings=copied), cycle("VaultStore", "P84D")]})
    return {"properties": {"datasourceTypes": [AKS], "objectType": "BackupPolicy", "policyRules": rules}}


class Furnished:
    """One subscription, its client and what is in it. Ids are attributes; ``clusters`` names their clusters."""

    def __init__(self, emulator: Emulator, cluster: str = "aks-1"):
        self.emulator, self.world = emulator, emulator.server.world
        self.environment = emulator.subscription(SCENARIO)
        os.environ["REQUESTS_CA_BUNDLE"] = self.environment["REQUESTS_CA_BUNDLE"]
        self.subscription = self.environment["AZURE_SUBSCRIPTION_ID"]
        self.tenant = self.environment["AZURE_TENANT_ID"]
        self.credential = ClientSecretCredential(
            self.tenant, self.environment["AZURE_CLIENT_ID"], self.environment["AZURE_CLIENT_SECRET"],
            authority=emulator.url, disable_instance_discovery=True)
        self.client = self.sdk()
        self.root = f"/subscriptions/{self.subscription}"
        self.account = self.put_account("stbackup01", GROUP)
        self.staging_account = self.put_account("ststaging01", GROUP)
        self.cluster, self.principals = self.put_cluster(cluster)
        self.vault_id = f"{self.group(GROUP)}/providers/Microsoft.DataProtection/backupVaults/vault-1"

    def sdk(self, **options: Any) -> DataProtectionMgmtClient:
        return DataProtectionMgmtClient(self.credential, self.subscription, base_url=self.emulator.url,
                                        credential_scopes=[f"{self.emulator.url}/.default"], **options)

    def group(self, name: str) -> str:
        return f"{self.root}/resourceGroups/{name}"

    def put_account(self, name: str, group: str) -> str:
        id = f"{self.group(group)}/providers/Microsoft.Storage/storageAccounts/{name}"
        self.world.store.put(id, {"location": "eastus", "kind": "StorageV2",
                                  "properties": {"allowSharedKeyAccess": False}})
        self.world.store.put(f"{id}/blobServices/default/containers/aksbackup", {"properties": {}})
        return id

    def put_cluster(self, name: str, location: str = "eastus", content: Any = None) -> tuple[str, dict[str, str]]:
        """A cluster with a healthy extension: ``(id, object ids of cluster and extension)``."""
        id = f"{self.group(CLUSTERS)}/providers/{AKS}/{name}"
        own = self.world.managed_identity(self.tenant, name, owner=id, old=True)
        added = self.world.managed_identity(self.tenant, f"ext-{name}", owner=id, old=True)
        self.world.store.put(id, {"location": location, "identity": {"type": "SystemAssigned", **own}, "properties": {
            "provisioningState": "Succeeded", "powerState": {"code": "Running"}, "kubernetesVersion": "1.33.2",
            "storageProfile": {"diskCSIDriver": {"enabled": True}, "snapshotController": {"enabled": True}}}},
            {"content": content} if content else {})
        settings = {
            f"{SETTINGS}bucket": "aksbackup", f"{SETTINGS}config.storageAccount": "stbackup01",
            f"{SETTINGS}config.resourceGroup": GROUP, f"{SETTINGS}config.subscriptionId": self.subscription,
            f"{SETTINGS}config.useAAD": "true",
        }
        extension = {
            "extensionType": "microsoft.dataprotection.kubernetes", "provisioningState": "Succeeded",
            "aksAssignedIdentity": {"principalId": added["principalId"]}, "configurationSettings": settings,
        }
        self.world.store.put(
            f"{id}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup", {"properties": extension}
        )
        return id, {"cluster": own["principalId"], "extension": added["principalId"]}

    @property
    def extension(self) -> str:
        return f"{self.cluster}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup"

    @property
    def binding(self) -> str:
        return f"{self.cluster}/trustedAccessRoleBindings/binding-1"

    def bind(self, cluster: str) -> None:
        self.world.store.put(f"{cluster}/trustedAccessRoleBindings/binding-1", {"properties": {
            "provisioningState": "Succeeded", "sourceResourceId": self.vault_id,
            "roles": ["Microsoft.DataProtection/backupVaults/backup-operator"]}})

    # What clients do

    def put_vault(self, name: str = "vault-1", soft_delete: str = "On", redundancy: str = "LocallyRedundant",
                  **properties: Any) -> Any:
        body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": redundancy}],
            "securitySettings": {"softDeleteSettings": {"state": soft_delete, "retentionDurationInDays": 14.0}},
            **properties}}
        # The SDK package cannot create vaults with an api-version that leaves soft delete On: it checks, in the client,
        # for a parameter that was not even given.
        path = self.vault_id.replace("vault-1", name)
        status, dummy, answer = self.http("PUT", path, body, version="2025-07-01")
        assert status == 201, answer
        return self.wait_for(lambda: (found := self.client.backup_vaults.get(GROUP, name)).properties.provisioning_state
                             == "Succeeded" and found)

    def grant(self, *, but: tuple[str, str, str] | None = None, vault: Any = None) -> None:
        """All documented roles, in force at once; ``but`` is left out."""
        vault = vault or self.client.backup_vaults.get(GROUP, "vault-1")
        self.principals["vault"] = vault.identity.principal_id
        scopes = {"cluster": self.cluster, "snapshots": self.group(SNAPSHOTS), "account": self.account,
                  "staging": self.group(STAGING), "staging account": self.staging_account}
        for who, role, where in ROLES:
            if (who, role, where) == but:
                self.revoke(self.principals[who], role, scopes[where])
            else:
                self.assign(self.principals[who], role, scopes[where])

    def assign(self, principal: str, role: str, scope: str) -> None:
        """A role assignment that is in force at once."""
        guid, id = roles.NAMES[role.lower()], self._assignment(principal, role, scope)
        self.world.store.put(id, {"properties": {
            "principalId": principal, "roleDefinitionId": f"/roleDefinitions/{guid}", "scope": scope}},
            {"tenant": self.tenant, "effective": 0.0})
        self.world.rbac.grant(id.lower(), principal, guid, scope, self.tenant, 0.0)

    def revoke(self, principal: str, role: str, scope: str) -> None:
        id = self._assignment(principal, role, scope)
        self.world.store.delete(id)
        self.world.rbac.revoke(id.lower(), principal)

    @staticmethod
    def _assignment(principal: str, role: str, scope: str) -> str:
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{principal}{role}{scope}")
        return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"

    def put_policy(self, name: str = "policy-1", vault: str = "vault-1", **options: Any) -> str:
        return self.client.backup_policies.create_or_update(GROUP, vault, name, policy(**options)).id

    def instance(self, policy_name: str = "policy-1", vault: str = "vault-1", **parameters: Any) -> dict[str, Any]:
        """The properties of a backup instance as a client sends them."""
        name = identifier(self.cluster).name
        source = {"datasourceType": AKS, "resourceID": self.cluster, "resourceLocation": "eastus", "resourceName": name,
                  "resourceType": "Microsoft.ContainerService/managedclusters", "resourceUri": self.cluster}
        vault_id = self.vault_id.replace("vault-1", vault)
        return {"friendlyName": f"{name}/fullbackup", "objectType": "BackupInstance",
                "dataSourceInfo": {"objectType": "Datasource", **source},
                "dataSourceSetInfo": {"objectType": "DatasourceSet", **source},
                "policyInfo": {"policyId": f"{vault_id}/backupPolicies/{policy_name}", "policyParameters": {
                    "backupDatasourceParametersList": [{
                        "objectType": "KubernetesClusterBackupDatasourceParameters", "snapshotVolumes": True,
                        "includeClusterScopeResources": True, **parameters}],
                    "dataStoreParametersList": [{
                        "objectType": "AzureOperationalStoreParameters", "dataStoreType": "OperationalStore",
                        "resourceGroupId": self.group(SNAPSHOTS)}]}}}

    def furnish(self, soft_delete: str = "On", redundancy: str = "LocallyRedundant", vaulted: bool = False,
                interval: str = NEVER, **properties: Any) -> None:
        """Vault, roles, binding and policy."""
        self.put_vault(soft_delete=soft_delete, redundancy=redundancy, **properties)
        self.grant()
        self.bind(self.cluster)
        self.put_policy(vaulted=vaulted, interval=interval)

    def validate(self, properties: dict[str, Any] | None = None, vault: str = "vault-1") -> Any:
        return self.client.backup_instances.begin_validate_for_backup(
            GROUP, vault, {"backupInstance": properties or self.instance()}).result()

    def protect(self, name: str = "instance-1", **options: Any) -> Any:
        """A backup instance that has reached ProtectionConfigured."""
        self.client.backup_instances.begin_create_or_update(
            GROUP, "vault-1", name, {"properties": options.pop("properties", None)
                                     or self.instance(**options)}).result()
        return self.wait_for(lambda: self.state(name) == "ProtectionConfigured" and self.get(name))

    def get(self, name: str = "instance-1") -> Any:
        return self.client.backup_instances.get(GROUP, "vault-1", name)

    def state(self, name: str = "instance-1") -> str:
        return self.get(name).properties.current_protection_state

    def backup(self, name: str = "instance-1", tag: str | None = None, wait: bool = True) -> Any:
        """A backup on demand: its finished job."""
        option = {"retentionTagOverride": tag} if tag else {}
        triggered = self.client.backup_instances.begin_adhoc_backup(
            GROUP, "vault-1", name, {"backupRuleOptions": {"ruleName": RULE, "triggerOption": option}}).result()
        return self.job(triggered.job_id, wait)

    def job(self, job_id: str, wait: bool = True) -> Any:
        def finished() -> Any:
            found = self.client.jobs.get(GROUP, "vault-1", job_id.rsplit("/", 1)[-1])
            return found if not wait or found.properties.status != "InProgress" else None
        return self.wait_for(finished)

    def points(self, name: str = "instance-1", **options: Any) -> list[Any]:
        return list(self.client.recovery_points.list(GROUP, "vault-1", name, **options))

    def wait_for(self, condition: Any, seconds: float = 20) -> Any:
        """What the condition gives as soon as it is true; virtual time runs fast enough for a short real wait."""
        until = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < until, "did not happen in time"
            time.sleep(0.01)
        return found

    def http(self, method: str, path: str, body: Any = None, version: str = "2024-04-01",
             headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
        """A bare request: (status, headers in lower case, JSON or None). ``path`` may be a URL to use verbatim."""
        token = self.credential.get_token(f"{self.emulator.url}/.default").token
        url = path if path.startswith("https:") else f"{self.emulator.url}{path}?api-version={version}"
        request = urllib.request.Request(
            url, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=self.emulator._context))
        try:
            with opener.open(request) as response:
                text, status, given = response.read(), response.status, response.headers
        except urllib.error.HTTPError as error:
            text, status, given = error.read(), error.code, error.headers
        return status, {key.lower(): value for key, value in given.items()}, json.loads(text) if text else None


def refused(action: Any) -> HttpResponseError:
    """The error that an action gives; it must give one."""
    try:
        action()
    except HttpResponseError as error:
        return error
    raise AssertionError("was not refused")
