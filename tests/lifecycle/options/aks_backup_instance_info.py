# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_instance_info show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain
from tests.lifecycle.options import Shows

# What the name of the one instance begins with.
ONE = '"name": "aks-east-1-aks-east-1-'
ELSEWHERE = "00000000-0000-0000-0000-00000000000a"
NO_VAULT = {"vault_name": None, "vault_resource_group": None}
CLUSTERS = "/subscriptions/{subscription}/resourceGroups/rg-clusters/providers/Microsoft.ContainerService"
VAULTS = "/subscriptions/{subscription}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults"


def BEFORE(subscription):
    return chain(subscription, until="run")


def BASE(subscription):
    return VAULT


OPTIONS = {
    "cluster_id": Shows({"cluster_id": f"{CLUSTERS}/managedClusters/aks-east-2"}, hides=ONE),
    "cluster_name": Shows({**CLUSTER, "cluster_name": "aks-east-2"}, hides=ONE),
    "cluster_resource_group": Shows({**CLUSTER, "cluster_resource_group": "rg-else"}, hides=ONE),
    "friendly_name": Shows({"friendly_name": "shop"}, hides=ONE),
    "include_deleted": Shows({"include_deleted": True}, shows="/backupVaults/bv-east/deletedBackupInstances"),
    "name": Shows({"name": "else"}, hides=ONE),
    "protection": Shows({"protection": ["stopped"]}, hides=ONE),
    "subscriptions": Shows({"subscriptions": [ELSEWHERE]}, shows="AccessDenied", over=NO_VAULT),
    "vault_id": Shows({"vault_id": f"{VAULTS}/bv-else"}, shows="bv-else/backupInstances", over=NO_VAULT),
    "vault_name": Shows({"vault_name": "bv-else"}, shows="bv-else/backupInstances"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-else"}, shows="rg-else/providers"),
}
