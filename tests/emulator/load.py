# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the emulator bears a fleet: ``python -m tests.emulator.load [--clusters 1000] [--connections 200] [--days 1]``.

Starts the program with a fleet, protects every cluster by the documented sequence over HTTPS with many connections at
once, lets the schedules run, and prints times, requests per second and memory. A measurement, not a test.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from . import roles

GROUP, SNAPSHOTS, PER_VAULT = "rg-clusters", "rg-snapshots", 100
DP, AKS = "Microsoft.DataProtection/backupVaults", "Microsoft.ContainerService/managedClusters"
BSL = "configuration.backupStorageLocation."
VERSIONS = {"Microsoft.DataProtection": "2025-09-01", "Microsoft.ContainerService": "2025-01-01",
            "Microsoft.KubernetesConfiguration": "2025-03-01", "Microsoft.Authorization": "2022-04-01"}
STORE = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
POLICY = {"properties": {"objectType": "BackupPolicy", "datasourceTypes": [AKS], "policyRules": [
    {"name": "BackupHourly", "objectType": "AzureBackupRule", "dataStore": STORE,
     "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
     "trigger": {"objectType": "ScheduleBasedTriggerContext",
                 "schedule": {"repeatingTimeIntervals": ["R/2026-01-04T09:00:00+00:00/PT6H"]},
                 "taggingCriteria": [{"tagInfo": {"tagName": "Default"}, "taggingPriority": 99, "isDefault": True}]}},
    {"name": "Default", "objectType": "AzureRetentionRule", "isDefault": True, "lifecycles": [
        {"deleteAfter": {"duration": "P7D", "objectType": "AbsoluteDeleteOption"}, "sourceDataStore": STORE}]}]}}


def fleet(clusters: int) -> dict[str, Any]:
    names = ("Microsoft.ContainerService", "Microsoft.Storage", "Microsoft.DataProtection",
             "Microsoft.KubernetesConfiguration")
    return {"settings": {"identity_visible": 0, "identity_searchable": 0, "rbac_propagation": 1}, "subscriptions": [{
        "name": "Fleet", "providers": dict.fromkeys(names, "Registered"),
        "resource_groups": [{"name": name, "location": "eastus"} for name in (GROUP, SNAPSHOTS)],
        "storage_accounts": [{"name": "stfleet", "resource_group": GROUP, "location": "eastus",
                              "containers": ["backups"]}],
        "clusters": [{"name": "aks", "count": clusters, "resource_group": GROUP, "location": "eastus"}]}]}


@contextlib.contextmanager
def running(clusters: int) -> Iterator[tuple[int, dict[str, str]]]:
    """The program with a fleet: ``(process id, environment values)``."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "fleet.yml"
        file.write_text(json.dumps(fleet(clusters)), encoding="utf-8")
        start = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "tests.emulator", "--scenario", file, "--directory",
                                    directory, "--speed", "500"], stdout=subprocess.PIPE, text=True)
        environment = {}
        assert process.stdout
        for line in process.stdout:
            if line.startswith("export "):
                name, dummy, value = line[len("export "):].strip().partition("=")
                environment[name] = value
            if line.strip() == "# ready":
                break
        print(f"start with {clusters} clusters: {time.monotonic() - start:.2f} s, {cpu(process.pid):.2f} s of CPU, "
              f"{memory(process.pid):.0f} MB")
        try:
            yield process.pid, environment
        finally:
            process.terminate()
            process.wait()


def memory(pid: int) -> float:
    """Resident memory in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def cpu(pid: int) -> float:
    """CPU seconds that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    def __init__(self, session: aiohttp.ClientSession, environment: dict[str, str], token: str):
        self.session, self.url, self.count = session, environment["EMULATOR_URL"], 0
        self.group = f"/subscriptions/{environment['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{GROUP}"
        self.headers = {"Authorization": f"Bearer {token}"}

    async def __call__(self, method: str, path: str, body: Any = None, again: int = 200) -> Any:
        """The JSON of the answer; 409 (the cluster is busy) and 400 for a fresh principal are tried again."""
        version = VERSIONS[path.rsplit("/providers/", 1)[1].split("/", 1)[0]]
        while True:
            self.count += 1
            async with self.session.request(method, f"{self.url}{path}?api-version={version}", json=body,
                                            headers=self.headers) as response:
                if response.status < 300:
                    return await response.json() if response.content_length else None
                text = await response.text()
            again -= 1
            if response.status not in {400, 409} or again == 0:
                raise RuntimeError(f"{method} {path}: {response.status} {text}")
            await asyncio.sleep(0.1)

    async def until(self, path: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not done(found := await self("GET", path)):
            await asyncio.sleep(0.2)
        return found

    async def assign(self, principal: str, role: str, scope: str) -> None:
        await self("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", {"properties": {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{roles.NAMES[role.lower()]}",
            "principalId": principal, "principalType": "ServicePrincipal"}})

    async def vault(self, number: int) -> tuple[str, str]:
        path = f"{self.group}/providers/{DP}/vault-{number}"
        made = await self("PUT", path, {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0}}}})
        await self.until(path, lambda found: found["properties"]["provisioningState"] == "Succeeded")
        await self("PUT", f"{path}/backupPolicies/hourly", POLICY)
        principal = made["identity"]["principalId"]
        await self.assign(principal, "Reader", self.group.replace(GROUP, SNAPSHOTS))
        return path, principal

    async def protect(self, number: int, vault: str, principal: str) -> None:
        """The documented sequence for one cluster."""
        cluster = f"{self.group}/providers/{AKS}/aks-{number + 1}"
        shown = await self("GET", cluster)
        subscription = cluster.split("/")[2]
        extension = f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup"
        await self("PUT", extension, {"properties": {
            "extensionType": "microsoft.dataprotection.kubernetes", "configurationSettings": {
                f"{BSL}bucket": "backups", f"{BSL}config.storageAccount": "stfleet",
                f"{BSL}config.resourceGroup": GROUP,
                f"{BSL}config.subscriptionId": subscription, f"{BSL}config.useAAD": "true"}}})
        done = await self.until(extension, lambda found: found["properties"]["provisioningState"] == "Succeeded")
        await self("PUT", f"{cluster}/trustedAccessRoleBindings/backup", {"properties": {
            "sourceResourceId": vault, "roles": [f"{DP}/backup-operator"]}})
        snapshots = self.group.replace(GROUP, SNAPSHOTS)
        await asyncio.gather(
            self.assign(principal, "Reader", cluster),
            self.assign(shown["identity"]["principalId"], "Contributor", snapshots),
            self.assign(done["properties"]["aksAssignedIdentity"]["principalId"], "Storage Blob Data Contributor",
                        f"{self.group}/providers/Microsoft.Storage/storageAccounts/stfleet"))
        await self.until(f"{cluster}/trustedAccessRoleBindings/backup",
                         lambda found: found["properties"]["provisioningState"] == "Succeeded")
        source = {"datasourceType": AKS, "resourceID": cluster, "resourceLocation": "eastus", "resourceType": AKS,
                  "resourceName": f"aks-{number + 1}", "resourceUri": cluster}
        instance = f"{vault}/backupInstances/aks-{number + 1}"
        await self("PUT", instance, {"properties": {
            "objectType": "BackupInstance", "friendlyName": f"aks-{number + 1}/fullbackup",
            "dataSourceInfo": {"objectType": "Datasource", **source},
            "dataSourceSetInfo": {"objectType": "DatasourceSet", **source},
            "policyInfo": {"policyId": f"{vault}/backupPolicies/hourly", "policyParameters": {
                "backupDatasourceParametersList": [{"objectType": "KubernetesClusterBackupDatasourceParameters",
                                                    "snapshotVolumes": True, "includeClusterScopeResources": True}],
                "dataStoreParametersList": [{"objectType": "AzureOperationalStoreParameters", "dataStoreType":
                                             "OperationalStore", "resourceGroupId": snapshots}]}}}})
        state = await self.until(instance, lambda found: found["properties"]["currentProtectionState"]
                                 != "ConfiguringProtection")
        assert state["properties"]["currentProtectionState"] == "ProtectionConfigured", state


async def measure(what: str, client: Client, pid: int, work: Awaitable[Any]) -> Any:
    start, before, used = time.monotonic(), client.count, cpu(pid)
    result = await work
    seconds, requests = time.monotonic() - start, client.count - before
    print(f"{what}: {seconds:.1f} s, {cpu(pid) - used:.1f} s of CPU in the server, {requests} requests, "
          f"{memory(pid):.0f} MB")
    return result


async def run(options: argparse.Namespace, pid: int, environment: dict[str, str]) -> None:
    context = ssl.create_default_context(cafile=environment["REQUESTS_CA_BUNDLE"])
    connector = aiohttp.TCPConnector(ssl=context, limit=options.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        url = environment["EMULATOR_URL"]
        form = {"grant_type": "client_credentials", "client_id": environment["AZURE_CLIENT_ID"],
                "client_secret": environment["AZURE_CLIENT_SECRET"], "scope": f"{url}/.default"}
        async with session.post(f"{url}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form) as response:
            client = Client(session, environment, (await response.json())["access_token"])
        clusters = f"{client.group}/providers/{AKS}/aks-"
        await measure("5000 reads", client, pid, asyncio.gather(*(
            client("GET", f"{clusters}{number % options.clusters + 1}") for number in range(5000))))
        vaults = await measure("vaults", client, pid, asyncio.gather(*(
            client.vault(number) for number in range((options.clusters - 1) // PER_VAULT + 1))))
        await measure(f"protection of {options.clusters} clusters", client, pid, asyncio.gather(*(
            client.protect(number, *vaults[number // PER_VAULT]) for number in range(options.clusters))))

        async def days() -> None:
            async with session.post(f"{url}/_emulator/clock", json={"advance": options.days * 86400},
                                    timeout=aiohttp.ClientTimeout(3600)) as done:
                print(f"events of {options.days} days: {(await done.json())['events']}")
        await measure(f"{options.days} days of schedules", client, pid, days())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.emulator.load", description=__doc__)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--days", type=float, default=1.0, help="of virtual time, with the schedules of the policies")
    options = parser.parse_args()
    with running(options.clusters) as (pid, environment):
        asyncio.run(run(options, pid, environment))


if __name__ == "__main__":
    main()
