# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that name a cluster. Belongs to CLUSTER_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  cluster_id:
    description:
      - Resource ID of the AKS cluster. Either this or O(cluster_name) is required.
    type: str
  cluster_name:
    description:
      - Name of the AKS cluster, in O(cluster_resource_group) and O(subscription_id).
    type: str
  cluster_resource_group:
    description:
      - Resource group of the AKS cluster. Required with O(cluster_name).
    type: str
"""
