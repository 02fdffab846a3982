# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against a backup instance, and what its options do that people do not expect, as sentences. Pure.
Private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.common import NEVER_BACKED_UP

Document = dict[str, Any]
Params = Mapping[str, Any]

# Microsoft's support matrix for AKS backup.
MAX_NAMESPACES = 800
OPPOSITES = (("included_namespaces", "excluded_namespaces"), ("included_resource_types", "excluded_resource_types"))


def option_problems(params: Params) -> list[str]:
    """What contradicts itself in the options."""
    configuration = params.get("backup_configuration") or {}
    said = []
    for included, excluded in OPPOSITES:
        both = sorted(set(configuration.get(included) or []) & set(configuration.get(excluded) or []))
        if both:
            said.append(f"{included} and {excluded} both name {', '.join(both)}. Name each in one of them.")
    count = len(configuration.get("included_namespaces") or [])
    if count > MAX_NAMESPACES:
        said.append(
            f"included_namespaces names {count} namespaces, and a backup instance takes {MAX_NAMESPACES}. Leave it out "
            "to back up all, or spread them over several backup instances with friendly_name."
        )
    chosen = params.get("identity") or {}
    if chosen.get("type") == "SystemAssigned" and chosen.get("user_assigned_identity_id"):
        said.append(
            "identity.user_assigned_identity_id is given with identity.type=SystemAssigned. Leave it out, or set "
            "identity.type to UserAssigned."
        )
    return said


def option_warnings(params: Params) -> list[str]:
    """What has no effect, or another one than people expect."""
    configuration = params.get("backup_configuration") or {}
    said = []
    for option, verdict in (
        ("included_namespaces", "they are not backed up although included_namespaces names them"),
        ("excluded_namespaces", "excluded_namespaces need not name them"),
    ):
        named = sorted(set(configuration.get(option) or []) & NEVER_BACKED_UP)
        if named:
            said.append(f"Azure Backup always skips {', '.join(named)}: {verdict}.")
    if configuration.get("volume_types") and configuration.get("snapshot_volumes") is False:
        said.append("volume_types has no effect while snapshot_volumes is false: no volume is backed up.")
    if "AzureFileShareSMB" in (configuration.get("volume_types") or []):
        said.append(
            "Azure Backup keeps snapshots of Azure file shares for 30 days at most and never copies them to the vault "
            "tier, whatever the policy says. The cluster's identity needs Storage File Data Privileged Contributor on "
            "their storage account."
        )
    return said


def identity_problems(params: Params, vault: Document) -> list[str]:
    wanted = (params.get("identity") or {}).get("user_assigned_identity_id")
    if not wanted or "properties" not in vault:
        return []
    assigned = dig(vault, "identity.userAssignedIdentities", {})
    if any(_ids.same(wanted, one) for one in assigned):
        return []
    has = f" It has {', '.join(sorted(assigned))}." if assigned else ""
    return [
        f"The Backup vault {vault['name']} does not have the user-assigned identity {wanted}.{has} Assign it with "
        "aks_backup_vault (identity) first."
    ]


def conflicts(others: list[Document], wanted: str, policy_id: str) -> list[str]:
    """Instances with the same cluster, vault and policy, which Azure refuses."""
    return [
        f"The backup instance {other['name']} protects the cluster in this vault by the policy "
        f"{_ids.name(policy_id)} already, and Azure takes a policy once per cluster and vault. Use another "
        "policy, or change that backup instance by its name."
        for other in others
        if _ids.same(dig(other, "properties.policyInfo.policyId"), policy_id)
        and other["name"].lower() != _ids.name(wanted).lower()
    ]


def namesakes(deleted: list[Document], wanted: str) -> list[str]:
    return [
        f"The vault keeps a soft-deleted backup instance of the name {item['name']} until "
        f"{dig(item, 'properties.deletionInfo.scheduledPurgeTime')}, and Azure makes no other of that name before. "
        "Set undelete=true to have it back with its recovery points, or another name or friendly_name."
        for item in deleted
        if item["name"].lower() == _ids.name(wanted).lower()
    ]


def leftovers(deleted: list[Document], cluster: str) -> list[str]:
    return [
        f"The vault keeps the soft-deleted backup instance {item['name']} of this cluster until "
        f"{dig(item, 'properties.deletionInfo.scheduledPurgeTime')}. undelete=true would have brought it back with its "
        "recovery points."
        for item in deleted
        if _ids.same(dig(item, "properties.dataSourceInfo.resourceID"), cluster)
    ]
