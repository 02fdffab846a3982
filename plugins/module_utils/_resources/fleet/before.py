# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking before the first step at what would make a later one fail, for clusters that are not protected yet. Private
to the collection.

A cluster that is protected has passed already, and looking costs more requests than all other steps together.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._resources.common import ROUTING
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.glance import Lists
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.steps import (
    Cluster,
    Options,
    volume_types,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import preflight

# What the module's other options are.
_DEFAULTS: Options = dict.fromkeys(
    (
        "checks",
        "cluster_name",
        "cluster_resource_group",
        "policy_name",
        "storage_account",
        "storage_account_resource_group",
        "storage_account_subscription_id",
        "vault_name",
        "vault_resource_group",
    )
)


def options(one: Cluster) -> Options:
    """The options of aks_backup_preflight_info, complete."""
    return {
        **_DEFAULTS,
        "blob_container": one.container,
        "cluster_id": one.id,
        "location": one.given["location"],
        "policy_id": one.policy,
        "severity": "warning",
        "snapshot_resource_group": one.snapshots,
        "storage_account_id": one.account,
        "subscription_id": one.subscription,
        "vault_id": one.vault,
        "volume_types": volume_types(one) or ["AzureDisk"],
    }


def look(arm: Arm, lists: Lists, one: Cluster) -> Outcome:
    """What the checks have to say; the result has their ``sentences``. Raises :class:`Refused` where a step would fail
    and the cluster's preflight is strict.
    """
    if _protected(arm, lists, one):
        return Outcome(result={"sentences": []})
    found: dict[str, Any] = preflight.examine(arm, options(one), lists.once).result
    failing = [preflight.sentence(row) for row in found["checks"] if row["status"] == "fail"]
    if failing and one.given["preflight"] == "strict":
        raise Refused(" ".join(failing), problems=failing)
    return Outcome(result={"sentences": found["sentences"]}, warnings=failing)


def _protected(arm: Arm, lists: Lists, one: Cluster) -> bool:
    """Whether the vault protects the cluster already."""
    listed = lists.protected(one.vault)
    if listed is not None:
        return one.id.lower() in listed
    return any(_ids.same(form.vault_of(item), one.vault) for item in arm.list_all(ROUTING, one.id))
