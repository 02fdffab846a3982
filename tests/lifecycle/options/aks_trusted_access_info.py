# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_trusted_access_info show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER
from tests.lifecycle.options import Shows
from tests.lifecycle.options.aks_backup_extension import CLUSTERS


def BEFORE(subscription):
    return []


def BASE(subscription):
    return CLUSTER


OPTIONS = {
    "cluster_id": Shows(
        {"cluster_id": f"{CLUSTERS}/aks-east-2", "cluster_name": None, "cluster_resource_group": None},
        shows="/managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="/managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
    "location": Shows(
        {"location": "West Europe", "cluster_name": None, "cluster_resource_group": None},
        shows="/locations/westeurope/",
    ),
}
