# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the protection of a cluster away, the reverse of the way in. Private to the collection.

The instances go first: without extension and Trusted Access the service could not delete their data any more. Vault,
policies, storage account, container and snapshot group stay, since other clusters may use them, and because a
soft-deleted instance needs them to be brought back.
"""

from __future__ import annotations

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, combine
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.steps import DEFAULTS, Cluster, Options
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import info, instance

# In this order, each after the one before it.
STEPS = ("instance", "permissions", "trusted_access", "extension")
# What a cluster needs as long as any vault protects it.
NEEDED = frozenset({"permissions", "extension"})
# Other options of aks_backup_instance_info.
_ANY: Options = {
    "friendly_name": None,
    "include_deleted": False,
    "name": None,
    "protection": None,
    "subscriptions": None,
}


def problems(one: Cluster) -> list[str]:
    """Why the backups of the cluster cannot be deleted: nobody has confirmed that they are dispensable."""
    if one.given.get("confirm_delete_data") == one.name:
        return []
    return [
        f"state=absent deletes the backups of {one.name}. If that is what you want, set confirm_delete_data to the "
        "cluster's name. To stop backups and keep what there is, set state to stopped."
    ]


def options(one: Cluster, step: str, name: str | None = None) -> Options:
    """The options of a step's module, complete. ``name`` is that of a backup instance."""
    both = {"cluster_id": one.id, "vault_id": one.vault}
    requests = one.given.get("resource_guard_operation_requests") or None
    of: dict[str, Options] = {
        "instance": {**both, "confirm_delete_data": name, "name": name, "resource_guard_operation_requests": requests},
        "permissions": {
            **both,
            "force_revoke": True,
            "mode": "revoke",
            "policy_id": one.policy,
            "snapshot_resource_group": one.snapshots,
            "storage_account_id": one.account,
        },
        "trusted_access": both,
        "extension": {"cluster_id": one.id, "force_delete": True},
    }
    absent = {} if step == "permissions" else {"state": "absent"}
    return {**DEFAULTS[step], "subscription_id": one.subscription, **of[step], **absent}


def instances(arm: Arm, one: Cluster) -> Outcome:
    """Delete the backup instances that the cluster has in its vault. The result has what was ``deleted``, each with
    when Azure purges it, and the IDs of those ``elsewhere``, which are left alone.
    """
    asked = {**_ANY, "cluster_id": one.id, "subscription_id": one.subscription}
    found = info.read(arm, asked).result["instances"]
    here = [item for item in found if _ids.same(item["vault_id"], one.vault)]
    outcomes = {
        item["name"]: instance.manage(arm.apart(), options(one, "instance", item["name"])) for item in here
    }  # fmt: skip
    outcome = combine(outcomes)
    outcome.result = {
        "deleted": [{"name": name, "purge_time": each.result["purge_time"]} for name, each in outcomes.items()],
        "elsewhere": [item["id"] for item in found if item not in here],
    }
    return outcome
