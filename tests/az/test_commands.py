# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that the authors of the Azure CLI wrote for Azure: the answers to what they ask for content them."""

from __future__ import annotations

import pytest

from tests.harness.steps import account

GROUP = ("--resource-group", "rg-az")
EAST = ("--location", "eastus")
CLUSTERS = ("--resource-group", "rg-clusters")
OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"


@pytest.fixture(scope="module")
def group(az):
    return az("group", "create", "--name", "rg-az", *EAST, "--tags", "made=by az")


def names(documents):
    return sorted(document["name"] for document in documents)


def test_signing_in_finds_the_subscription(az, subscription):
    shown = az("account", "show")
    assert shown["id"] == subscription.id
    assert shown["tenantId"] == subscription.environment["AZURE_TENANT_ID"]
    assert shown["user"] == {"name": subscription.environment["AZURE_CLIENT_ID"], "type": "servicePrincipal"}
    assert (shown["name"], shown["state"], shown["environmentName"]) == ("Emulated", "Enabled", "Emulated")


def test_resource_groups(az, subscription, group):
    assert group["id"] == subscription.path("resourceGroups/rg-az")
    assert group["properties"] == {"provisioningState": "Succeeded"}
    assert az("group", "show", "--name", "rg-az") == group
    assert {"rg-az", "rg-clusters"} <= set(names(az("group", "list")))
    assert names(az("group", "list", "--tag", "made=by az")) == ["rg-az"]
    az("group", "create", "--name", "rg-gone", *EAST)
    assert az("group", "exists", "--name", "rg-gone") is True
    az("group", "delete", "--name", "rg-gone", "--yes")
    assert az("group", "exists", "--name", "rg-gone") is False
    assert "ResourceGroupNotFound" in az.refused("group", "show", "--name", "rg-gone")


def test_providers(az):
    name = ("--namespace", "Microsoft.KubernetesConfiguration")
    assert az("provider", "show", *name)["registrationState"] == "NotRegistered"
    az("provider", "register", *name, "--wait")
    shown = az("provider", "show", *name)
    assert shown["registrationState"] == "Registered"
    extensions = next(one for one in shown["resourceTypes"] if one["resourceType"].lower() == "extensions")
    assert "2023-05-01" in extensions["apiVersions"]
    listed = {one["namespace"]: one["registrationState"] for one in az("provider", "list")}
    assert listed["Microsoft.KubernetesConfiguration"] == "Registered"
    assert listed["Microsoft.Storage"] == "Registered"


def test_storage(az, subscription, group):
    name = account(subscription)
    own, here = ("--name", name), ("--storage-account", name)
    assert az("storage", "account", "check-name", *own) == {"message": None, "nameAvailable": True, "reason": None}
    made = az(
        "storage", "account", "create", *own, *GROUP, *EAST, "--sku", "Standard_ZRS",
        "--allow-shared-key-access", "false", "--allow-blob-public-access", "false", "--min-tls-version", "TLS1_2",
    )
    assert made["provisioningState"] == "Succeeded"
    assert made["sku"] == {"name": "Standard_ZRS", "tier": "Standard"}
    assert made["allowSharedKeyAccess"] is made["allowBlobPublicAccess"] is False
    shown = az("storage", "account", "show", *own, *GROUP)
    assert (shown["id"], shown["kind"], shown["primaryLocation"]) == (made["id"], "StorageV2", "eastus")
    assert names(az("storage", "account", "list", *GROUP)) == [name]
    taken = az("storage", "account", "check-name", *own)
    assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")
    container = az("storage", "container-rm", "create", "--name", "backups", *here, *GROUP)
    assert container["id"] == f"{made['id']}/blobServices/default/containers/backups"
    shown = az("storage", "container-rm", "show", "--name", "backups", *here, *GROUP)
    assert (shown["publicAccess"], shown["etag"]) == ("None", container["etag"])
    assert names(az("storage", "container-rm", "list", *here, *GROUP)) == ["backups"]
    assert "ContainerNotFound" in az.refused("storage", "container-rm", "show", "--name", "none", *here, *GROUP)


def test_identities_and_roles(az, emulator, group):
    own = ("--name", "id-az", *GROUP)
    identity = az("identity", "create", *own, *EAST)
    assert az("identity", "show", *own) == identity
    assert names(az("identity", "list", *GROUP)) == ["id-az"]
    # A new identity is not known to every part of Azure at once.
    emulator.advance(600)

    (definition,) = az("role", "definition", "list", "--name", "Disk Snapshot Contributor")
    assert definition["name"] == "7efff54f-a5b4-42b5-a1c5-5411624893ce"
    assert "Microsoft.Compute/snapshots/write" in definition["permissions"][0]["actions"]
    who = ("--assignee-object-id", identity["principalId"])
    what = ("--role", "Disk Snapshot Contributor", "--scope", group["id"])
    made = az("role", "assignment", "create", *who, "--assignee-principal-type", "ServicePrincipal", *what)
    assert made["roleDefinitionId"].endswith(definition["name"])
    # The CLI finds, by its code, that there is one already, and shows that one.
    again = az("role", "assignment", "create", *who, "--assignee-principal-type", "ServicePrincipal", *what)
    assert again["id"] == made["id"]
    silent = ("--fill-principal-name", "false")
    (listed,) = az("role", "assignment", "list", "--scope", group["id"], *silent)
    assert (listed["id"], listed["roleDefinitionName"]) == (made["id"], "Disk Snapshot Contributor")
    inherited = az("role", "assignment", "list", "--scope", group["id"], "--include-inherited", *silent)
    assert sorted(one["roleDefinitionName"] for one in inherited) == ["Disk Snapshot Contributor", "Owner"]
    az("role", "assignment", "delete", *who, *what)
    assert az("role", "assignment", "list", *who, "--scope", group["id"], *silent) == []


def test_clusters(az, subscription):
    assert names(az("aks", "list")) == ["aks-east-1", "aks-east-2", "aks-west-1"]
    shown = az("aks", "show", "--name", "aks-east-2", *CLUSTERS)
    assert shown["identity"]["type"] == "UserAssigned"
    assert shown["powerState"] == {"code": "Running"}
    assert shown["nodeResourceGroup"] == "MC_rg-clusters_aks-east-2_eastus"
    assert "ResourceNotFound" in az.refused("aks", "show", "--name", "none", *CLUSTERS)


def test_trusted_access(az, subscription, group):
    (role,) = az("aks", "trustedaccess", "role", "list", *EAST)
    assert f"{role['sourceResourceType']}/{role['name']}" == OPERATOR
    az("provider", "register", "--namespace", "Microsoft.DataProtection", "--wait")
    vault = f"{group['id']}/providers/Microsoft.DataProtection/backupVaults/bv-az"
    az.rest("put", vault, body={
        "location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]},
    })
    az.settled(vault)
    commands, cluster = ("aks", "trustedaccess", "rolebinding"), ("--cluster-name", "aks-east-1", *CLUSTERS)
    made = az(*commands, "create", "--name", "by-az", *cluster, "--source-resource-id", vault, "--roles", OPERATOR)
    assert (made["provisioningState"], made["roles"]) == ("Succeeded", [OPERATOR])
    assert made["sourceResourceId"].lower() == vault.lower()
    assert az(*commands, "show", "--name", "by-az", *cluster)["id"] == made["id"]
    assert names(az(*commands, "list", *cluster)) == ["by-az"]
    az(*commands, "delete", "--name", "by-az", *cluster, "--yes")
    assert az(*commands, "list", *cluster) == []
