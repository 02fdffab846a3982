# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Azure CLI against the emulator: a client that nobody here wrote, unchanged and with its own checks.

It is slow and large, so it is not one of the ordinary tests: install ``azure-cli`` into an environment of its own and
run ``pytest tests/emulator/azure_cli`` with that environment's ``bin`` on PATH (or AZ naming the program).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import Any

import pytest

from tests.emulator import Emulator

GROUP, CLUSTERS = "rg-az", "rg-clusters"
ROLE = "Microsoft.DataProtection/backupVaults/backup-operator"
VERSION = "api-version=2025-07-01"


class Cli:
    """``az`` signed in to an emulator as the scenario's service principal, with a configuration of its own."""

    def __init__(self, emulator: Emulator, home: Any):
        program = os.environ.get("AZ") or shutil.which("az")
        assert program, "the Azure CLI is not installed: name it in AZ, or put it on PATH"
        self.program, self.own = program, emulator.environment
        self.subscription = self.own["AZURE_SUBSCRIPTION_ID"]
        self.scope = f"/subscriptions/{self.subscription}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "ARM_"))},
            "HOME": str(home), "AZURE_CONFIG_DIR": str(home / ".azure"),
            "REQUESTS_CA_BUNDLE": self.own["REQUESTS_CA_BUNDLE"], "AZURE_CORE_NO_COLOR": "true",
            "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CORE_INSTANCE_DISCOVERY": "false"}
        url = emulator.url
        self("cloud", "register", "--name", "Emulated", "--endpoint-resource-manager", url,
             "--endpoint-management", f"{url}/", "--endpoint-active-directory", f"{url}/",
             "--endpoint-active-directory-resource-id", f"{url}/",
             "--endpoint-active-directory-graph-resource-id", f"{url}/",
             "--endpoint-microsoft-graph-resource-id", f"{url}/",
             "--suffix-storage-endpoint", "localhost", "--suffix-keyvault-dns", ".vault.localhost")
        self("cloud", "set", "--name", "Emulated")
        self("login", "--service-principal", "--username", self.own["AZURE_CLIENT_ID"],
             "--password", self.own["AZURE_CLIENT_SECRET"], "--tenant", self.own["AZURE_TENANT_ID"])

    def __call__(self, *arguments: str, fails: bool = False) -> Any:
        """The JSON that the command prints; with ``fails`` its error output."""
        done = subprocess.run([self.program, *arguments, "--output", "json"], env=self.environment, text=True,
                              capture_output=True, timeout=180, check=False)
        assert (done.returncode != 0) == fails, done.stderr + done.stdout
        if fails:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def emulator():
    with Emulator(speed=200) as running:
        yield running


@pytest.fixture(scope="module")
def az(emulator, tmp_path_factory):
    cli = Cli(emulator, tmp_path_factory.mktemp("home"))
    cli("group", "create", "--name", GROUP, "--location", "eastus", "--tags", "made=cli")
    return cli


@pytest.fixture(scope="module")
def vault(az):
    az("provider", "register", "--namespace", "Microsoft.DataProtection", "--wait")
    id = f"{az.scope}/resourceGroups/{GROUP}/providers/Microsoft.DataProtection/backupVaults/vault-az"
    az("rest", "--method", "put", "--url", f"{az.own['EMULATOR_URL']}{id}?{VERSION}", "--body", json.dumps({
        "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "Off", "retentionDurationInDays": 14.0}}}}))
    end = time.monotonic() + 30
    while az("resource", "show", "--ids", id)["properties"]["provisioningState"] != "Succeeded":
        assert time.monotonic() < end
    return id


def test_account(az):
    account = az("account", "show")
    assert (account["id"], account["tenantId"]) == (az.subscription, az.own["AZURE_TENANT_ID"])
    assert account["user"]["type"] == "servicePrincipal"
    assert [entry["id"] for entry in az("account", "list")] == [az.subscription]
    assert "eastus" in {entry["name"] for entry in az("account", "list-locations")}


def test_wrong_secret(az, tmp_path):
    other = dict(az.environment, AZURE_CONFIG_DIR=str(tmp_path))
    shutil.copytree(az.environment["AZURE_CONFIG_DIR"], tmp_path, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("msal_token_cache*"))
    done = subprocess.run([az.program, "login", "--service-principal", "--username", az.own["AZURE_CLIENT_ID"],
                           "--password", "wrong", "--tenant", az.own["AZURE_TENANT_ID"]], env=other, text=True,
                          capture_output=True, timeout=180, check=False)
    assert done.returncode != 0
    assert "AADSTS7000215" in done.stderr


def test_groups_and_tags(az):
    assert az("group", "show", "--name", GROUP)["tags"] == {"made": "cli"}
    assert {CLUSTERS, GROUP} <= {entry["name"] for entry in az("group", "list")}
    az("group", "create", "--name", "rg-short", "--location", "westeurope")
    assert az("group", "exists", "--name", "rg-short") is True
    az("group", "delete", "--name", "rg-short", "--yes")
    assert az("group", "exists", "--name", "rg-short") is False
    id = f"{az.scope}/resourceGroups/{GROUP}"
    assert az("tag", "list", "--resource-id", id)["properties"]["tags"] == {"made": "cli"}
    assert "ResourceGroupNotFound" in az("group", "show", "--name", "rg-none", fails=True)


def test_providers(az):
    namespace = "Microsoft.KubernetesConfiguration"
    assert az("provider", "show", "--namespace", namespace)["registrationState"] == "NotRegistered"
    az("provider", "register", "--namespace", namespace, "--wait")
    assert az("provider", "show", "--namespace", namespace)["registrationState"] == "Registered"


def test_storage(az):
    name = "staz" + az.subscription.replace("-", "")[:12]
    own = ("--name", name, "--resource-group", GROUP)
    made = az("storage", "account", "create", *own, "--location", "eastus", "--sku", "Standard_LRS", "--kind",
              "StorageV2", "--allow-shared-key-access", "false")
    assert (made["provisioningState"], made["allowSharedKeyAccess"]) == ("Succeeded", False)
    assert az("storage", "account", "show", *own)["primaryEndpoints"]["blob"] == f"https://{name}.blob.core.windows.net/"
    assert az("storage", "account", "update", *own, "--set", "tags.x=y")["tags"] == {"x": "y"}
    box = ("--storage-account", name, "--resource-group", GROUP)
    assert az("storage", "container-rm", "create", *box, "--name", "backups")["name"] == "backups"
    assert [entry["name"] for entry in az("storage", "container-rm", "list", *box)] == ["backups"]
    assert az("storage", "container-rm", "exists", *box, "--name", "backups") == {"exists": True}
    az("storage", "container-rm", "delete", *box, "--name", "backups", "--yes")
    assert az("storage", "container-rm", "exists", *box, "--name", "backups") == {"exists": False}
    az("storage", "account", "delete", *own, "--yes")
    assert "ResourceNotFound" in az("storage", "account", "show", *own, fails=True)


def test_identities_and_roles(az, emulator):
    scope = f"{az.scope}/resourceGroups/{GROUP}"
    made = az("identity", "create", "--name", "id-az", "--resource-group", GROUP, "--location", "eastus")
    oid = made["principalId"]
    assert [entry["name"] for entry in az("identity", "list", "--resource-group", GROUP)] == ["id-az"]
    role, = az("role", "definition", "list", "--name", "Reader")
    assert role["name"] == "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    emulator.advance(120)
    principal = ("--assignee-object-id", oid, "--assignee-principal-type", "ServicePrincipal")
    wanted = ("--role", "Reader", "--scope", scope)
    first = az("role", "assignment", "create", *principal, *wanted)
    assert (first["principalId"], first["scope"]) == (oid, scope)
    assert az("role", "assignment", "create", *principal, *wanted)["id"] == first["id"]
    listed = ("role", "assignment", "list", "--fill-principal-name", "false")
    assert [entry["roleDefinitionName"] for entry in az(*listed, "--assignee-object-id", oid, "--all")] == ["Reader"]
    inherited = az(*listed, "--scope", scope, "--include-inherited")
    assert {entry["roleDefinitionName"] for entry in inherited} == {"Owner", "Reader"}
    az("role", "assignment", "delete", "--assignee-object-id", oid, *wanted)
    assert az(*listed, "--assignee-object-id", oid, "--all") == []
    az("identity", "delete", "--name", "id-az", "--resource-group", GROUP)


def test_clusters_and_trusted_access(az, vault):
    cluster = ("--name", "aks-east-1", "--resource-group", CLUSTERS)
    shown = az("aks", "show", *cluster)
    assert (shown["identity"]["type"], shown["powerState"]["code"]) == ("SystemAssigned", "Running")
    assert {entry["name"] for entry in az("aks", "list")} == {"aks-east-1", "aks-east-2", "aks-west-1"}
    own = ("--cluster-name", "aks-east-1", "--resource-group", CLUSTERS)
    assert [entry["name"] for entry in az("aks", "nodepool", "list", *own)] == ["nodepool1"]
    roles = az("aks", "trustedaccess", "role", "list", "--location", "eastus")
    assert [f"{entry['sourceResourceType']}/{entry['name']}" for entry in roles] == [ROLE]
    binding = ("aks", "trustedaccess", "rolebinding")
    made = az(*binding, "create", *own, "--name", "tarb", "--roles", ROLE, "--source-resource-id", vault)
    assert (made["provisioningState"], made["sourceResourceId"]) == ("Succeeded", vault)
    assert [entry["name"] for entry in az(*binding, "list", *own)] == ["tarb"]
    assert az(*binding, "update", *own, "--name", "tarb", "--roles", ROLE)["roles"] == [ROLE]
    az(*binding, "delete", *own, "--name", "tarb", "--yes")
    assert "NotFound" in az(*binding, "show", *own, "--name", "tarb", fails=True)
    az("aks", "stop", "--name", "aks-east-2", "--resource-group", CLUSTERS)
    stopped = az("aks", "show", "--name", "aks-east-2", "--resource-group", CLUSTERS)
    assert stopped["powerState"]["code"] == "Stopped"


def test_resources_and_locks(az, vault):
    assert "vault-az" in {entry["name"] for entry in az("resource", "list", "--resource-group", GROUP)}
    own = ("--name", "keep", "--resource-group", GROUP)
    assert az("lock", "create", *own, "--lock-type", "CanNotDelete")["level"] == "CanNotDelete"
    refused = az("rest", "--method", "delete", "--url", f"{az.own['EMULATOR_URL']}{vault}?{VERSION}", fails=True)
    assert "ScopeLocked" in refused
    az("lock", "delete", *own)


def test_resource_graph_by_rest(az):
    answer = az("rest", "--method", "post", "--url",
                f"{az.own['EMULATOR_URL']}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
                "--body", json.dumps({"subscriptions": [az.subscription], "query":
                                      "resources | where type =~ 'Microsoft.ContainerService/managedClusters' "
                                      "| project name | order by name asc"}))
    assert [row["name"] for row in answer["data"]] == ["aks-east-1", "aks-east-2", "aks-west-1"]
