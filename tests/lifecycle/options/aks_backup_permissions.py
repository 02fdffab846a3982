# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_permissions show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain, storage
from tests.lifecycle.options import Proven, Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"
CLUSTERS = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
VAULTS = "providers/Microsoft.DataProtection/backupVaults"
ELSEWHERE = "00000000-0000-0000-0000-00000000e15e"
LIFECYCLE = "tests/lifecycle/test_permissions.py"
STAGED = {
    "operation": "restore",
    "restore_from": ["VaultStore"],
    "staging_resource_group": "rg-stage",
    "staging_storage_account_id": f"{GROUPS}/rg-stage/{ACCOUNTS}/stage",
}


def BEFORE(subscription):
    return chain(subscription, until="permissions", without="policy")


def BASE(subscription):
    return {**CLUSTER, **VAULT, **storage(subscription), "snapshot_resource_group": "rg-snapshots", "mode": "report"}


OPTIONS = {
    "cluster_id": Shows(
        {"cluster_id": f"{CLUSTERS}/aks-east-2", "cluster_name": None, "cluster_resource_group": None},
        shows="/managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="/managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
    "file_share_storage_account_ids": Shows(
        {"file_share_storage_account_ids": [f"{GROUPS}/rg/{ACCOUNTS}/shares"]},
        over={"volume_types": ["AzureFileShareSMB"]},
        shows=f"{ACCOUNTS}/shares",
    ),
    "force_revoke": Proven(f"{LIFECYCLE}::test_a_cluster_that_is_protected_keeps_its_roles_and_shared_ones_stay"),
    "mode": Shows({"mode": "grant"}, hides="az role assignment create"),
    "operation": Shows({"operation": "restore"}, shows="Make disks from the snapshots."),
    "policy_id": Shows(
        {"policy_id": f"{GROUPS}/rg-backup/{VAULTS}/bv-east/backupPolicies/by-id"}, shows="/backupPolicies/by-id"
    ),
    "policy_name": Shows({"policy_name": "by-name"}, shows="/backupPolicies/by-name"),
    "remove_orphaned": Proven(f"{LIFECYCLE}::test_orphans_are_reported_and_removed_when_asked_to"),
    "restore_from": Shows(
        {"restore_from": ["VaultStore"]},
        over={**STAGED, "restore_from": ["OperationalStore"]},
        shows="Storage Blob Data Owner",
    ),
    "role_scope": Shows(
        {"role_scope": "resource_group"}, shows="--scope '/subscriptions/{subscription}/resourceGroups/rg-clusters'"
    ),
    "snapshot_resource_group": Shows({"snapshot_resource_group": "rg-backup"}, hides="/resourceGroups/rg-snapshots"),
    "staging_resource_group": Shows(
        {"staging_resource_group": "rg-stage-2"}, over=STAGED, shows="/resourceGroups/rg-stage-2"
    ),
    "staging_storage_account_id": Shows(
        {"staging_storage_account_id": f"{GROUPS}/rg-stage/{ACCOUNTS}/stage2"}, over=STAGED, shows=f"{ACCOUNTS}/stage2"
    ),
    "storage_account": Shows({"storage_account": "st2"}, shows=f"{ACCOUNTS}/st2"),
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
    "storage_account_subscription_id": Shows(
        {"storage_account_subscription_id": ELSEWHERE}, shows=f"/subscriptions/{ELSEWHERE}/resourceGroups/rg-backup"
    ),
    "vault_id": Shows(
        {
            "vault_id": f"{GROUPS}/rg-backup/{VAULTS}/bv-by-id",
            "vault_name": None,
            "vault_resource_group": None,
        },
        shows=f"{VAULTS}/bv-by-id",
    ),
    "vault_identity_id": Proven(f"{LIFECYCLE}::test_a_user_assigned_identity_of_the_vault"),
    "vault_name": Shows({"vault_name": "bv-other"}, shows=f"{VAULTS}/bv-other"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, shows=f"/resourceGroups/rg-other/{VAULTS}"),
    "vault_tier": Shows({"vault_tier": True}, shows="Disk Snapshot Contributor"),
    "volume_types": Shows(
        {"volume_types": ["AzureFileShareSMB"]},
        over={"file_share_storage_account_ids": [f"{GROUPS}/rg/{ACCOUNTS}/shares"]},
        shows="Storage File Data Privileged Contributor",
    ),
}
