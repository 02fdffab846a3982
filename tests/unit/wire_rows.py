# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as Azure Resource Graph answers the queries about a fleet with them, of what is in wire_documents.

Shapes as its documentation and its users show them: extensions have members in capitals, a job has no extendedInfo.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import queries as fleet_queries
from tests.unit import wire_documents as wire

DAYS = 7
OTHER = wire.CLUSTER.replace("aks-east-1", "aks-east-2")
ASKED = "2026-01-05T08:00:00.0000000Z"
NEWEST = "2026-01-05T07:55:29.5079653Z"


def _cluster(id_: str) -> dict[str, Any]:
    return {
        "id": id_,
        "name": id_.rsplit("/", 1)[-1],
        "location": "eastus",
        "resourceGroup": "rg-clusters",
        "subscriptionId": wire.SUBSCRIPTION,
        "tags": {"environment": "production"},
        "identity": {"type": "SystemAssigned", "principalId": wire.PRINCIPALS["cluster"]},
        "asked": ASKED,
        "properties": {
            "agentPoolProfiles": [
                {"count": 3, "mode": "System", "name": "pool", "osType": "Linux", "vmSize": "Standard_D4s_v5"}
            ],
            "apiServerAccessProfile": {"enablePrivateCluster": True},
            "kubernetesVersion": "1.33.2",
            "nodeResourceGroup": "MC_rg-clusters_aks-east-1_eastus",
            "powerState": {"code": "Running"},
            "provisioningState": "Succeeded",
            "storageProfile": None,
        },
    }


def _extension(cluster: str, state: str, message: str | None) -> dict[str, Any]:
    return {
        "id": f"{cluster}/providers/Microsoft.KubernetesConfiguration/Extensions/azure-aks-backup",
        "name": "azure-aks-backup",
        "properties": {
            "CurrentVersion": "0.0.3012-2",
            "ErrorInfo": {"Code": "x", "Message": message} if message else None,
            "ExtensionType": "microsoft.dataprotection.kubernetes",
            "ProvisioningState": state,
            "Statuses": [],
        },
    }


def _instance(document: dict[str, Any], point: str | None) -> dict[str, Any]:
    extended = {
        "policyExtendedInfo": {"configuredRPGenerationFrequency": "1.00:00:00"},
        "recoveryPointInfo": {"latestRecoveryPointInPrimaryRegion": point},
    }
    return {
        "id": document["id"],
        "name": document["name"],
        "properties": {**document["properties"], "backupInstanceExtendedProperties": extended},
    }


def _job(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "properties": {**document["properties"], "extendedInfo": None, "duration": "00:03:04.5029547"}}


_QUERIES: dict[str, list[dict[str, Any]]] = {
    fleet_queries.CLUSTERS: [_cluster(wire.CLUSTER), _cluster(OTHER), _cluster(OTHER.replace("east-2", "east-3"))],
    fleet_queries.EXTENSIONS: [_extension(wire.CLUSTER, "Succeeded", None), _extension(OTHER, "Failed", "No room.")],
    fleet_queries.INSTANCES: [
        _instance(wire.INSTANCE_DOCUMENT, NEWEST),
        _instance(wire.FAILED_INSTANCE_DOCUMENT, None),
    ],
    fleet_queries.POLICIES: [wire.POLICY_DOCUMENT | {"id": wire.POLICY, "name": "aks-daily"}],
    fleet_queries.VAULTS: [wire.VAULT_DOCUMENT],
    fleet_queries.JOB_COUNTS.format(days=DAYS): [
        {
            "id": wire.INSTANCE.lower(),
            "operation": "Backup",
            "status": "Completed",
            "jobs": 1,
            "newest": NEWEST,
            "days": ["2026-01-05T00:00:00.0000000Z"],
        }
    ],
    fleet_queries.JOBS_IN_TROUBLE.format(days=DAYS): [_job(wire.FAILED_JOB_DOCUMENT)],
}


def answer(query: str) -> list[dict[str, Any]]:
    """The rows for a query; none for one that is not about a fleet."""
    return _QUERIES.get(query, [])
