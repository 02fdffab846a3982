# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection made, the Azure CLI reads: the same facts, in the CLI's own words."""

from __future__ import annotations

import pytest

from tests.harness.az import EXTENSIONS
from tests.harness.steps import account, chain

HERE = ("--resource-group", "rg-backup")
CLUSTER = ("--cluster-name", "aks-east-1", "--resource-group", "rg-clusters")
OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"


@pytest.fixture(scope="module")
def results(subscription):
    """Result of each step of protecting a cluster and making a backup."""
    run = subscription.play(chain(subscription)).ok()
    return {step.task: step.result for step in run.steps}


def test_groups_and_storage(az, subscription, results):
    made = results["storage"]
    assert az("group", "show", "--name", "rg-backup")["id"] == made["resource_group"]["id"]
    name = account(subscription)
    shown = az("storage", "account", "show", "--name", name, *HERE)
    assert shown["id"] == made["storage_account"]["id"]
    assert shown["allowSharedKeyAccess"] is shown["allowBlobPublicAccess"] is False
    assert shown["sku"]["name"] == "Standard_LRS"
    container = az("storage", "container-rm", "show", "--name", "aks-east-1", "--storage-account", name, *HERE)
    assert container["id"] == made["container"]["id"]
    assert az("provider", "show", "--namespace", "Microsoft.DataProtection")["registrationState"] == "Registered"


def test_binding_and_extension(az, results):
    (binding,) = az("aks", "trustedaccess", "rolebinding", "list", *CLUSTER)
    assert binding["id"].lower() == results["binding"]["id"].lower()
    assert binding["sourceResourceId"].lower() == results["vault"]["id"].lower()
    assert binding["roles"] == [OPERATOR]
    extension = az.rest("get", results["extension"]["id"], EXTENSIONS)["properties"]
    assert extension["provisioningState"] == "Succeeded"
    assert extension["configurationSettings"]["configuration.backupStorageLocation.bucket"] == "aks-east-1"
    identity = results["extension"]["resource"]["identity"]
    assert extension["aksAssignedIdentity"]["principalId"] == identity["principal_id"]


def test_roles(az, results):
    """Every role that the collection gave, found by the CLI at its scope under the role's name."""
    rows = results["permissions"]["assignments"]
    assert len(rows) == 4
    for row in rows:
        (found,) = az(
            "role", "assignment", "list", "--assignee-object-id", row["principal_id"], "--role", row["role"],
            "--scope", row["scope"], "--fill-principal-name", "false",
        )
        assert found["id"].lower() == row["assignment_id"].lower()
        assert found["principalType"] == "ServicePrincipal"


def test_vault_policy_and_instance(az, results):
    vault = az.rest("get", results["vault"]["id"])
    assert vault["properties"]["provisioningState"] == "Succeeded"
    policies = az.rest("get", f"{vault['id']}/backupPolicies")["value"]
    assert [policy["id"] for policy in policies] == [results["policy"]["id"]]
    (instance,) = az.rest("get", f"{vault['id']}/backupInstances")["value"]
    assert instance["id"] == results["instance"]["id"]
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"
    assert instance["properties"]["policyInfo"]["policyId"] == results["policy"]["id"]


def test_job_and_recovery_point(az, results):
    job = az.rest("get", results["run"]["job_id"])["properties"]
    assert (job["status"], job["operationCategory"]) == ("Completed", "Backup")
    points = az.rest("get", f"{results['instance']['id']}/recoveryPoints")["value"]
    points.sort(key=lambda point: point["properties"]["recoveryPointTime"])
    assert points[0]["properties"]["objectType"] == "AzureBackupDiscreteRecoveryPoint"
    assert points[0]["properties"]["policyName"] == "aks-daily"
    stores = points[0]["properties"]["recoveryPointDataStoresDetails"]
    assert [store["type"] for store in stores] == ["OperationalStore"]


def test_resource_graph(az, emulator, results):
    """The query with which the CLI lists who is protected."""
    emulator.advance(600)
    (row,) = az.graph(
        "recoveryservicesresources | where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'"
        " | extend datasourceType = tostring(properties.dataSourceInfo.datasourceType)"
        " | where datasourceType in~ ('Microsoft.ContainerService/managedClusters')"
        " | extend protectionState = tostring(properties.currentProtectionState)"
        " | project id, protectionState"
    )
    assert row["id"].lower() == results["instance"]["id"].lower()
    assert row["protectionState"] == "ProtectionConfigured"
