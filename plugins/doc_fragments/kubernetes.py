# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options on how to get into a cluster. Belongs to KUBERNETES_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cluster_id:
    description:
      - Resource ID of the AKS cluster, for O(via=aks_credentials) and O(via=run_command).
    type: str
  cluster_name:
    description:
      - Name of the AKS cluster, in O(cluster_resource_group) and O(subscription_id), instead of O(cluster_id).
    type: str
  cluster_resource_group:
    description:
      - Resource group of the AKS cluster. Required with O(cluster_name).
    type: str
  context:
    description:
      - Context of the O(kubeconfig) to use instead of its current one.
    type: str
  credentials:
    description:
      - Which credentials Azure is asked for, with O(via=aks_credentials).
    type: str
    default: user
    choices:
      admin: >-
        Those of the cluster's local administrator. The caller needs the role Azure Kubernetes Service Cluster Admin
        Role.
      user: >-
        Those of a user of the cluster. The caller needs the role Azure Kubernetes Service Cluster User Role. In a
        cluster where users sign in with Microsoft Entra, the module signs in as whoever it acts as in Azure, without
        C(kubelogin), and that one needs rights in the cluster as well.
  kubeconfig:
    description:
      - File that says how to get into the cluster, with O(via=kubeconfig). Without it, C(kubectl)'s own is taken, which
        is E(KUBECONFIG), else C(~/.kube/config).
    type: path
  via:
    description:
      - How to get into the cluster.
    type: str
    default: aks_credentials
    choices:
      aks_credentials: >-
        With credentials that are fetched from AKS for the task. What has to be a file of them lies in a directory that
        only the user of the task can read, and is gone when the task has ended.
      kubeconfig: With the O(kubeconfig) of the user, which may be that of any cluster. Azure is not asked anything.
      run_command: >-
        With C(kubectl), which AKS runs inside of the cluster. It needs no network to the cluster, so it works for
        private ones, but takes seconds for each request. AKS starts a pod for it, in check mode as well. The caller
        needs a role with C(Microsoft.ContainerService/managedClusters/runcommand/action) and
        C(Microsoft.ContainerService/managedClusters/commandResults/read).
notes:
  - O(subscription_id) is needed with O(cluster_name) only.
  - Never tried with a real AKS cluster. Tested against a real API server of Kubernetes, and against an emulator of what
    AKS does.
"""
