# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_trusted_access show."""

from __future__ import annotations

from tests.harness import task
from tests.harness.steps import CLUSTER, VAULT
from tests.lifecycle.options import Proven, Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"
CLUSTERS = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
VAULTS = f"{GROUPS}/rg-other/providers/Microsoft.DataProtection/backupVaults"
LIFECYCLE = "tests/lifecycle/test_trusted_access.py"


def BEFORE(subscription):
    return [task("providers", "aks_backup_provider")]


def BASE(subscription):
    return {**CLUSTER, **VAULT}


OPTIONS = {
    "cluster_id": Shows(
        {"cluster_id": f"{CLUSTERS}/aks-east-2", "cluster_name": None, "cluster_resource_group": None},
        shows="/managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="/managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
    "match": Proven(f"{LIFECYCLE}::test_bindings_are_matched_by_vault_or_by_name"),
    "name": Shows({"name": "by_name"}, shows="/trustedAccessRoleBindings/by_name"),
    "repair": Proven(f"{LIFECYCLE}::test_a_vault_that_is_shut_out"),
    "roles": Shows({"roles": ["Microsoft.DataProtection/backupVaults/king"]}, shows="knows no role"),
    "state": Shows({"state": "absent"}, shows='"resource": null'),
    "vault_id": Shows(
        {"vault_id": f"{VAULTS}/bv-id", "vault_name": None, "vault_resource_group": None}, shows="/backupVaults/bv-id"
    ),
    "vault_name": Shows({"vault_name": "bv-west"}, shows="/backupVaults/bv-west"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
}
