# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one would take instead: the Azure CLI by Microsoft's documented sequence, and azure.azcollection."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from tests.benchmark.cloud import GROUP, REGION
from tests.benchmark.meter import Cost, measure
from tests.benchmark.ours import PROGRAM, environment
from tests.harness import ROOT
from tests.harness.az import EXTENSIONS, AzureCli
from tests.harness.az import PROGRAM as AZ

OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"
AKS = "Microsoft.ContainerService/managedClusters"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
HERE = ("--resource-group", "rg-backup")
STORE = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
# The default policy of Microsoft's template, as `az dataprotection backup-policy create` sends it.
POLICY = {
    "objectType": "BackupPolicy",
    "datasourceTypes": [AKS],
    "policyRules": [
        {
            "name": "BackupHourly", "objectType": "AzureBackupRule", "dataStore": STORE,
            "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Incremental"},
            "trigger": {
                "objectType": "ScheduleBasedTriggerContext",
                "schedule": {"repeatingTimeIntervals": ["R/2026-01-04T09:00:00+00:00/P1W"]},
                "taggingCriteria": [{"isDefault": True, "taggingPriority": 99, "tagInfo": {"tagName": "Default"}}],
            },
        },
        {
            "name": "Default", "objectType": "AzureRetentionRule", "isDefault": True,
            "lifecycles": [{
                "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P7D"}, "sourceDataStore": STORE,
            }],
        },
    ],
}  # fmt: skip


class MeasuredCli(AzureCli):
    """The CLI, signed in; ``cost`` and ``commands`` add up from the last :meth:`restart` on."""

    def __init__(self, signing_in: Mapping[str, str], folder: pathlib.Path) -> None:
        self._folder = folder
        self.restart()
        super().__init__(signing_in, folder)

    def restart(self) -> None:
        self.cost, self.commands = Cost(0, 0, 0), 0

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        cost = measure([AZ, *arguments, "--output", "json"], self._environ, self._folder)
        self.cost += cost
        self.commands += 1
        return subprocess.CompletedProcess(arguments, 0, cost.output, cost.errors)


class Sequence:
    """Microsoft's steps for one cluster, with `az rest` in place of the extensions dataprotection and k8s-extension,
    which only Microsoft's own index has.
    """

    def __init__(self, az: AzureCli, subscription: str) -> None:
        self.az = az
        self.group = f"/subscriptions/{subscription}/resourceGroups"
        self.account = f"stpeer{subscription.replace('-', '')[:16]}"
        self.vault = f"{self.group}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv"
        self.cluster = f"{self.group}/{GROUP}/providers/{AKS}/aks-1"
        self.extension = f"{self.cluster}/providers/Microsoft.KubernetesConfiguration/extensions/backup"
        self.instance = f"{self.vault}/backupInstances/aks-1"

    @property
    def _binding(self) -> tuple[str, ...]:
        return "--cluster-name", "aks-1", "--resource-group", GROUP

    def protect(self) -> None:
        az = self.az
        for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
            az("provider", "register", "--namespace", namespace)
        az("group", "create", "--name", "rg-backup", "--location", REGION)
        snapshots = az("group", "create", "--name", "rg-snapshots", "--location", REGION)["id"]
        storage = az("storage", "account", "create", "--name", self.account, *HERE, "--location", REGION,
                     "--sku", "Standard_LRS")  # fmt: skip
        az("storage", "container-rm", "create", "--name", "aks-1", "--storage-account", self.account, *HERE)
        az.rest("put", self.vault, body={
            "location": REGION, "identity": {"type": "SystemAssigned"}, "properties": {
                "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}})  # fmt: skip
        vault = az.settled(self.vault)["identity"]["principalId"]
        az.rest("put", f"{self.vault}/backupPolicies/weekly", body={"properties": POLICY})
        cluster = az("aks", "show", "--name", "aks-1", "--resource-group", GROUP)["identity"]["principalId"]
        az.rest("put", self.extension, EXTENSIONS, self.extension_body(storage["primaryEndpoints"]["blob"]))
        installed = az.settled(self.extension, version=EXTENSIONS)
        extension = installed["properties"]["aksAssignedIdentity"]["principalId"]
        az("aks", "trustedaccess", "rolebinding", "create", "--name", "backup", *self._binding,
           "--source-resource-id", self.vault, "--roles", OPERATOR)  # fmt: skip
        for principal, role, scope in (
            (vault, "Reader", self.cluster),
            (vault, "Reader", snapshots),
            (cluster, "Contributor", snapshots),
            (extension, "Storage Blob Data Contributor", storage["id"]),
        ):
            az("role", "assignment", "create", "--assignee-object-id", principal, "--role", role, "--scope", scope,
               "--assignee-principal-type", "ServicePrincipal")  # fmt: skip
        body = self.instance_body(snapshots)
        # As long as the roles have no effect yet, it fails, and so would the protection.
        end = time.monotonic() + 60
        while az.rest_action(f"{self.vault}/validateForBackup", {"backupInstance": body})["status"] != "Succeeded":
            assert time.monotonic() < end
        az.rest("put", self.instance, body={"properties": body})
        az.settled(self.instance, "properties", "currentProtectionState", wanted="ProtectionConfigured")

    def look(self) -> None:
        """The same things shown, which is the least that a script has to ask before it leaves them as they are."""
        az = self.az
        for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
            az("provider", "show", "--namespace", namespace)
        for group in ("rg-backup", "rg-snapshots"):
            az("group", "show", "--name", group)
        az("storage", "account", "show", "--name", self.account, *HERE)
        az("storage", "container-rm", "show", "--name", "aks-1", "--storage-account", self.account, *HERE)
        az("aks", "show", "--name", "aks-1", "--resource-group", GROUP)
        az("aks", "trustedaccess", "rolebinding", "list", *self._binding)
        account = f"{self.group}/rg-backup/providers/Microsoft.Storage/storageAccounts/{self.account}"
        for scope in (self.cluster, f"{self.group}/rg-snapshots", account):
            az("role", "assignment", "list", "--scope", scope, "--fill-principal-name", "false")
        for id_ in (self.vault, f"{self.vault}/backupPolicies/weekly", self.instance):
            az.rest("get", id_)
        az.rest("get", self.extension, EXTENSIONS)

    def extension_body(self, blobs: str) -> dict[str, Any]:
        prefix = "configuration.backupStorageLocation"
        return {"properties": {"extensionType": "microsoft.dataprotection.kubernetes", "configurationSettings": {
            f"{prefix}.bucket": "aks-1",
            f"{prefix}.config.resourceGroup": "rg-backup",
            f"{prefix}.config.storageAccount": self.account,
            f"{prefix}.config.storageAccountURI": blobs,
            f"{prefix}.config.subscriptionId": self.group.split("/")[2],
            f"{prefix}.config.useAAD": "true",
        }}}  # fmt: skip

    def instance_body(self, snapshots: str) -> dict[str, Any]:
        source = {"datasourceType": AKS, "resourceID": self.cluster, "resourceLocation": REGION,
                  "resourceName": "aks-1", "resourceType": AKS, "resourceUri": self.cluster}  # fmt: skip
        return {
            "objectType": "BackupInstance",
            "friendlyName": "aks-1",
            "dataSourceInfo": {"objectType": "Datasource", **source},
            "dataSourceSetInfo": {"objectType": "DatasourceSet", **source},
            "policyInfo": {"policyId": f"{self.vault}/backupPolicies/weekly", "policyParameters": {
                "backupDatasourceParametersList": [{
                    "objectType": "KubernetesClusterBackupDatasourceParameters", "snapshotVolumes": True,
                    "includeClusterScopeResources": True}],
                "dataStoreParametersList": [{
                    "objectType": "AzureOperationalStoreParameters", "dataStoreType": "OperationalStore",
                    "resourceGroupId": snapshots}],
            }},
        }  # fmt: skip


# One task each, in azure.azcollection and here. Not the storage account: its module took three minutes with the
# emulator, and why was not looked into.
GROUP_ID = "/subscriptions/{subscription}/resourceGroups/rg-one"
TASKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "resource group": (
        {"azure.azcollection.azure_rm_resourcegroup": {"name": "rg-one", "location": REGION}},
        {"aks.backup.aks_backup_storage": {"resource_group": "rg-one", "location": REGION}},
    ),
    "role assignment": (
        {"azure.azcollection.azure_rm_roleassignment": {
            "scope": GROUP_ID, "assignee_object_id": "{principal}",
            "role_definition_id": "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/"
            + READER}},
        {"aks.backup.aks_backup_permissions": {
            "cluster_name": "aks-1", "cluster_resource_group": GROUP, "vault_name": "bv-aks-eastus",
            "vault_resource_group": "rg-backup-0", "snapshot_resource_group": "rg-snapshots-0",
            "storage_account_id": "{account_id}"}},
    ),
}  # fmt: skip


class OneTask:
    """A playbook of one task in a process, by azure.azcollection or by this collection."""

    def __init__(self, signing_in: Mapping[str, str], folder: pathlib.Path, bundle: pathlib.Path, principal: str,
                 account_id: str) -> None:  # fmt: skip
        subscription = signing_in["AZURE_SUBSCRIPTION_ID"]
        self._values = {"subscription": subscription, "principal": principal, "account_id": account_id}
        self._folder, self._signing_in, self._bundle = folder, signing_in, bundle

    def theirs(self, name: str) -> Cost:
        python = ROOT / ".work" / "env" / "azcollection" / "bin" / "python"
        more = {
            "ANSIBLE_COLLECTIONS_PATH": str(self._bundle),
            # The emulated cloud is none that Microsoft's list has.
            "AZURE_DISABLE_INSTANCE_DISCOVERY": "true",
            "PYTHONPATH": str(pathlib.Path(__file__).with_name("private_cloud")),
        }
        return self._play(python.with_name("ansible-playbook"), python, TASKS[name][0], more)

    def ours(self, name: str) -> Cost:
        return self._play(PROGRAM, PROGRAM.with_name("python"), TASKS[name][1], {})

    def _play(self, program: pathlib.Path, python: pathlib.Path, task: dict[str, Any], more: dict[str, str]) -> Cost:
        text = json.dumps(task)
        for name, value in self._values.items():
            text = text.replace("{" + name + "}", value)
        playbook = self._folder / "one.yml"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [json.loads(text)]}
        playbook.write_text(json.dumps([play]))
        command: list[str | os.PathLike[str]] = [
            program, "-i", "localhost,", "-e", f"ansible_python_interpreter={python}", playbook,
        ]  # fmt: skip
        return measure(command, environment(self._signing_in, self._folder, **more), self._folder)
