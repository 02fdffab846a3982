# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which clusters a fleet is. Belongs to FLEET_SPEC of module_utils/_resources/fleet/scope.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  exclude:
    description:
      - Leave out the clusters that fit any of these, even where they fit everything else.
    type: dict
    suboptions:
      locations:
        description: Regions, as patterns.
        type: list
        elements: str
      names:
        description: Names of clusters, as patterns.
        type: list
        elements: str
      resource_groups:
        description: Resource groups of clusters, as patterns.
        type: list
        elements: str
      tags:
        description: Tags of clusters, any one of them. An empty value stands for any value.
        type: dict
  locations:
    description:
      - Only clusters in one of these regions. Patterns may be used, such as C(west*).
    type: list
    elements: str
  management_groups:
    description:
      - Names of management groups. Clusters are looked for in all subscriptions below them.
      - This, O(subscriptions) and O(tenant_wide) exclude each other.
    type: list
    elements: str
  names:
    description:
      - Only clusters with one of these names. Patterns may be used, such as C(aks-prod-*). Case does not matter.
    type: list
    elements: str
  resource_groups:
    description:
      - Only clusters in one of these resource groups. Patterns may be used. Case does not matter.
    type: list
    elements: str
  subscriptions:
    description:
      - IDs of the subscriptions in which to look for clusters. If none of the three ways is chosen, it is
        O(subscription_id) alone.
      - Backup vaults are looked for in the same place. A cluster whose vault is somewhere else looks unprotected.
    type: list
    elements: str
  tags:
    description:
      - Only clusters with all of these tags. Values may be patterns, and an empty value stands for any value. Case
        matters in values, and not in names.
    type: dict
  tenant_wide:
    description:
      - Whether to look for clusters in all subscriptions of the tenant that the caller may read.
    type: bool
    default: false
notes:
  - Clusters and backups are read from Azure Resource Graph, which shows what the caller may read, and lags behind by
    seconds to minutes. Reader on the subscriptions or management groups is enough.
"""
