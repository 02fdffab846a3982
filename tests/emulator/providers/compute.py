# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Compute: managed disks, to be read. Nothing is made here: disks come from the scenario.

Source: REST reference "Compute - Disks". The volumes inside a cluster (its ``content``) are another matter.
"""

from __future__ import annotations

from typing import Any

from .. import errors
from ..errors import AzureError
from ..ids import Id
from ..provider import Call, Provider, Type
from ..regions import slug
from ..world import World, group_id

NAMESPACE = "Microsoft.Compute"
VERSIONS = ("2022-03-02", "2022-07-02", "2023-01-02", "2023-04-02", "2023-10-02", "2024-03-02")


def not_found(call: Call) -> AzureError:
    return errors.resource_not_found(f"{NAMESPACE}/disks/{call.id.name}", call.id.group)


def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """``disks``: name, resource_group, location, gib, sku, tags, properties (as the service shows them)."""
    for entry in section.get("disks", []):
        id = Id(group_id(subscription, entry["resource_group"]).text, NAMESPACE, ("disks",), (entry["name"],))
        world.store.put(id, {
            "location": slug(entry["location"]), "tags": entry.get("tags") or {},
            "sku": {"name": entry.get("sku", "Premium_LRS"), "tier": "Premium"},
            "properties": {"diskSizeGB": entry.get("gib", 32), "diskState": "Attached",
                           "networkAccessPolicy": "AllowAll",
                           "publicNetworkAccess": "Enabled", "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
                           "provisioningState": "Succeeded", **entry.get("properties", {})}})


# AKS has registered the provider with the first cluster.
PROVIDER = Provider(
    namespace=NAMESPACE, api_versions=VERSIONS, unregistered="Registered", seed=seed, not_found=not_found,
    types=(Type("disks"),))
