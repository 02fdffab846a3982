# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_preflight_info show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain, storage
from tests.lifecycle.options import Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"
CLUSTERS = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
VAULTS = "providers/Microsoft.DataProtection/backupVaults"
ELSEWHERE = "00000000-0000-0000-0000-00000000e15e"


def BEFORE(subscription):
    """What is below something that does not exist is not asked for."""
    return chain(subscription, until="binding")


def BASE(subscription):
    return {
        **CLUSTER,
        **VAULT,
        **storage(subscription),
        "blob_container": "aks-east-1",
        "policy_name": "aks-daily",
        "snapshot_resource_group": "rg-snapshots",
    }


OPTIONS = {
    "blob_container": Shows({"blob_container": "other"}, shows="blob_container is aks-east-1 and not other"),
    "checks": Shows({"checks": ["storage_keys"]}, hides="node_pools"),
    "cluster_id": Shows(
        {"cluster_id": f"{CLUSTERS}/aks-east-2", "cluster_name": None, "cluster_resource_group": None},
        shows="/managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="/managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
    "location": Shows({"location": "westeurope"}, shows="What is to be made is in westeurope"),
    "policy_id": Shows(
        {"policy_id": f"{GROUPS}/rg-backup/{VAULTS}/bv-east/backupPolicies/by-id", "policy_name": None},
        shows="/backupPolicies/by-id",
    ),
    "policy_name": Shows({"policy_name": "by-name"}, shows="/backupPolicies/by-name"),
    "severity": Shows({"severity": "error"}, hides="storage_keys"),
    "snapshot_resource_group": Shows({"snapshot_resource_group": "rg-other"}, shows="rg-other"),
    "storage_account": Shows({"storage_account": "st2"}, shows=" and not st2"),
    "storage_account_id": Shows(
        {
            "storage_account": None,
            "storage_account_id": f"{GROUPS}/rg-by-id/{ACCOUNTS}/st3",
            "storage_account_resource_group": None,
        },
        shows=f"/resourceGroups/rg-by-id/{ACCOUNTS}/st3",
    ),
    "storage_account_resource_group": Shows(
        {"storage_account_resource_group": "rg-other"}, shows=f"/resourceGroups/rg-other/{ACCOUNTS}/{{account}}"
    ),
    "storage_account_subscription_id": Shows({"storage_account_subscription_id": ELSEWHERE}, shows=ELSEWHERE),
    "vault_id": Shows(
        {"vault_id": f"{GROUPS}/rg-backup/{VAULTS}/bv-by-id", "vault_name": None, "vault_resource_group": None},
        shows=f"{VAULTS}/bv-by-id",
        over={"policy_name": None},
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, shows=f"{VAULTS}/bv-other"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, shows=f"/resourceGroups/rg-other/{VAULTS}"),
    "volume_types": Shows({"volume_types": ["AzureFileShareSMB"]}, shows="The file CSI driver is enabled."),
}
