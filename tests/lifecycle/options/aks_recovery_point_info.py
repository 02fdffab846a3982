# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_recovery_point_info show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain
from tests.lifecycle.options import Proven, Shows


def BEFORE(subscription):
    return chain(subscription)


def BASE(subscription):
    return {**CLUSTER, **VAULT}


ID = "/subscriptions/{subscription}/resourceGroups"
NO_CLUSTER = {"cluster_name": None, "cluster_resource_group": None}
NO_VAULT = {"vault_name": None, "vault_resource_group": None}
NOTHING = '"total": 0'

OPTIONS = {
    "cluster_id": Shows(
        {
            **NO_CLUSTER,
            "cluster_id": f"{ID}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-other",
        },
        "managedClusters/aks-other/",
    ),
    "cluster_name": Shows({"cluster_name": "aks-other"}, "managedClusters/aks-other/"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, "/rg-other/"),
    "datastore": Shows({"datastore": "VaultStore"}, NOTHING),
    "end_time": Shows({"end_time": "2020-01-01"}, NOTHING),
    "friendly_name": Shows({"friendly_name": "another"}, NOTHING),
    "name": Shows({"name": "nobody"}, "backupInstances/nobody"),
    "recovery_point_state": Shows({"recovery_point_state": "Partial"}, NOTHING),
    "secondary_region": Proven("tests/lifecycle/test_restore_vault_tier.py::test_time_ranges_and_the_paired_region"),
    "since": Shows({"since": "soon"}, "since is 'soon'"),
    "start_time": Shows({"start_time": "2099-01-01"}, NOTHING),
    "vault_id": Shows(
        {**NO_VAULT, "vault_id": f"{ID}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other"},
        "backupVaults/bv-other/",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, "backupVaults/bv-other/"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, "/rg-other/"),
}
