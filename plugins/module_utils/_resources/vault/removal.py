# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting a Backup vault, with what it protects if that is asked for. Private to the collection.

Azure refuses to delete a vault that has backup instances, soft-deleted ones included, policies, or a mapping to a
Resource Guard.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Params
from ansible_collections.aks.backup.plugins.module_utils._resources.common import DELETED_INSTANCES, INSTANCES, POLICIES
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import guard as vault_guard
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.refusals import SOFT_DELETE


def soft_deleted(arm: Arm, vault_id: str) -> list[Document]:
    """The soft-deleted backup instances of a vault, by name: name, datasource_id, deletion_time and purge_time."""
    return sorted(
        (
            {
                "datasource_id": dig(item, "properties.dataSourceInfo.resourceID"),
                "deletion_time": dig(item, "properties.deletionInfo.deletionTime"),
                "name": item["name"],
                "purge_time": dig(item, "properties.deletionInfo.scheduledPurgeTime"),
            }
            for item in arm.list_all(DELETED_INSTANCES, vault_id)
        ),
        key=lambda row: str(row["name"]),
    )


def problems(arm: Arm, params: Params, live: Document) -> list[str]:
    """Why the vault must not be deleted. Raises where soft-deleted instances are among the reasons, with them as
    facts.
    """
    instances = arm.list_all(INSTANCES, live["id"])
    names = ", ".join(sorted(item["name"] for item in instances))
    deletes = params.get("on_instances") == "stop_and_delete"
    said = []
    if instances and not deletes:
        said.append(
            f"The Backup vault {params['name']} still protects: {names}. Remove these backup instances first "
            "(aks_backup_instance, state=absent), or set on_instances to stop_and_delete."
        )
    elif instances and params.get("confirm_delete_data") != params["name"]:
        said.append(
            f"on_instances=stop_and_delete deletes these backup instances with all their recovery points: {names}. If "
            f"that is what you want, set confirm_delete_data to {params['name']!r}."
        )
    said += vault_guard.unapproved(
        _mapping(arm, live), _critical(bool(instances) and deletes), vault_guard.requests(params)
    )
    # With instances to delete there will be more of them, so that is no reason to leave those alone.
    kept = [] if instances and deletes else soft_deleted(arm, live["id"])
    if kept:
        said.append(_blocked(params["name"], kept))
        raise Refused(" ".join(said), problems=said, soft_deleted_instances=kept)
    return said


def delete(arm: Arm, id_: str, live: Document, params: Params) -> None:
    """Delete what the vault holds, and then the vault. Raises where soft-deleted instances stay in the way."""
    mapping = _mapping(arm, live)
    instances = arm.list_all(INSTANCES, id_)
    if instances and mapping:
        vault_guard.unlock(arm, mapping["id"], mapping, vault_guard.DELETE_INSTANCES)
    by_cluster: dict[str, list[str]] = {}
    for item in instances:
        cluster = str(dig(item, "properties.dataSourceInfo.resourceID", "")).lower()
        by_cluster.setdefault(cluster, []).append(f"{id_}/backupInstances/{item['name']}")
    # A cluster takes one operation at a time.
    arm.together([partial(_one_by_one, arm, ids) for ids in by_cluster.values()])
    if instances and (kept := _kept(arm, id_, live, instances)):
        raise BackupError(_blocked(params["name"], kept), resource_id=id_, soft_deleted_instances=kept)
    # Without instances policies protect nothing.
    policies = arm.list_all(POLICIES, id_)
    arm.together([partial(arm.delete, f"{id_}/backupPolicies/{policy['name']}") for policy in policies])
    if mapping:
        vault_guard.remove(arm, mapping["id"], mapping)
    arm.delete(id_)


def _one_by_one(arm: Arm, ids: Iterable[str]) -> None:
    for id_ in ids:
        arm.delete(id_)


def _kept(arm: Arm, id_: str, live: Document, deleted: Iterable[Document]) -> list[Document]:
    """What is soft-deleted after the instances were deleted, those that Azure's list does not show yet included."""
    listed = {row["name"]: row for row in soft_deleted(arm, id_)}
    if str(dig(live, f"{SOFT_DELETE}.state", "On")).lower() != "off":
        for item in deleted:
            cluster = dig(item, "properties.dataSourceInfo.resourceID")
            row = {"datasource_id": cluster, "deletion_time": None, "name": item["name"], "purge_time": None}
            listed.setdefault(item["name"], row)
    return [listed[name] for name in sorted(listed)]


def _blocked(vault: str, kept: Iterable[Document]) -> str:
    rows = ", ".join(f"{row['name']} ({row['purge_time'] or 'after the days of soft delete'})" for row in kept)
    return (
        f"Azure refuses to delete the Backup vault {vault} while it keeps soft-deleted backup instances. It purges "
        f"them by itself, at these times: {rows}. Run again after that; nothing can purge them earlier."
    )


def _critical(deletes_instances: bool) -> list[str]:
    first = [vault_guard.DELETE_INSTANCES] if deletes_instances else []
    return [*first, vault_guard.DELETE_MAPPING]


def _mapping(arm: Arm, live: Document) -> Document | None:
    if not dig(live, "properties.isVaultProtectedByResourceGuard"):
        return None
    return arm.get(vault_guard.mapping_id(live["id"]))
