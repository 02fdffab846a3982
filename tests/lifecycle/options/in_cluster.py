# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options show with which modules get into a cluster."""

from __future__ import annotations

from tests.lifecycle.options import Proven, Shows

TESTS = "tests/lifecycle/test_hooks.py"
ID = "/subscriptions/{subscription}/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
NO_CLUSTER = {"cluster_name": None, "cluster_resource_group": None}

WAYS = {
    "cluster_id": Shows({**NO_CLUSTER, "cluster_id": f"{ID}/aks-other"}, "managedClusters/aks-other"),
    "cluster_name": Shows({"cluster_name": "aks-other"}, "managedClusters/aks-other"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, "/rg-other/"),
    "context": Proven(f"{TESTS}::test_a_kubeconfig_of_the_user"),
    "credentials": Shows({"credentials": "admin"}, "/listClusterAdminCredential"),
    "kubeconfig": Proven(f"{TESTS}::test_a_kubeconfig_of_the_user"),
    "via": Shows({"via": "run_command"}, "/runCommand"),
}
