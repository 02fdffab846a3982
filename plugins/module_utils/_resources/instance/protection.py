# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protection as a state: which verbs lead from one to another, what they cost, and who else has to approve of them.
Private to the collection.

The states from which Azure takes a verb are observed wire behaviour. ``resumeBackups`` is not used: the service takes
``resumeProtection`` for suspended backups as well, and Microsoft's tools know no other.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.common import MAKE_VAULT, POINTS
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import guard as vault_guard


class Step(NamedTuple):
    """A verb, and what :func:`instance_form.protection_of` says when it has been carried out."""

    verb: str
    to: str


# Every way goes through active protection: stopped protection, say, cannot be suspended.
TOWARDS_ACTIVE = {
    "error": Step("sync", "active"),
    "soft_deleted": Step("undelete", "stopped"),
    "stopped": Step("resumeProtection", "active"),
    "suspended": Step("resumeProtection", "active"),
}
FROM_ACTIVE = {"stopped": Step("stopProtection", "stopped"), "suspended": Step("suspendBackups", "suspended")}

# What a resource guard can guard, as its documents name it: verb -> critical operation.
GUARDED = {
    "delete": vault_guard.DELETE_INSTANCES,
    "restore": vault_guard.RESTORE,
    "stopProtection": vault_guard.STOP_PROTECTION,
    "suspendBackups": vault_guard.SUSPEND_BACKUPS,
    "write": vault_guard.WRITE_INSTANCE,
}


def steps(state: str | None, wanted: str) -> list[Step]:
    """The verbs that lead from one state to another; none where there is no way, or where there is nothing to do."""
    found: list[Step] = []
    while state != wanted:
        step = FROM_ACTIVE.get(wanted) if state == "active" else TOWARDS_ACTIVE.get(state or "")
        if step is None:
            return []
        found.append(step)
        state = step.to
    return found


def consequences(name: str, before: str | None, wanted: str, expired: list[str]) -> list[str]:
    """What a change of protection costs or deletes, for people who do not expect it. ``expired`` are the times of
    recovery points that are over.
    """
    said = []
    if wanted == "stopped" and before != "stopped":
        said.append(
            f"No recovery point of {name} expires while its protection is stopped: Azure keeps all of them for ever "
            "and goes on charging for them and for the protected instance. protection=suspended lets them expire."
        )
    if wanted == "suspended" and before != "suspended":
        said.append(
            f"{name} is not backed up while its protection is suspended. Its recovery points expire as the policy "
            "says, but for the latest one, which Azure keeps and charges for."
        )
    if before in ("stopped", "soft_deleted") and wanted != "stopped":
        lost = f" They are {len(expired)}, of {expired[0]} to {expired[-1]}." if expired else ""
        said.append(
            f"With protection of {name} resumed, Azure deletes the recovery points that the policy would have ended "
            f"while it was stopped.{lost}"
        )
    return said


def expired(arm: Arm, instance_id: str, now: datetime.datetime) -> list[str]:
    """The times of the recovery points whose expiry time has passed, oldest first."""
    return sorted(
        str(dig(point, "properties.recoveryPointTime"))
        for point in arm.list_all(POINTS, instance_id)
        if (end := times.moment(dig(point, "properties.expiryTime"))) and end < now
    )


def guard_of(arm: Arm, vault: Document) -> Document | None:
    """What tells which operations a resource guard watches in the vault, and for which request; None without a guard.

    Who may not read it is told by Azure what is missing.
    """
    if not dig(vault, "properties.isVaultProtectedByResourceGuard", False):
        return None
    try:
        return arm.get(vault_guard.mapping_id(vault["id"]))
    except AzureError:
        return None


def approval_problems(mapping: Document | None, verbs: Iterable[str], given: Iterable[str]) -> list[str]:
    """A sentence for each verb that waits for somebody's approval."""
    return vault_guard.unapproved(mapping, [GUARDED[verb] for verb in verbs if verb in GUARDED], given)


def deletion_problems(arm: Arm, live: Document, requests: Iterable[str]) -> list[str]:
    """Why Azure would not delete the instance: an immutable vault, or a resource guard."""
    vault = arm.require(_ids.parent(live["id"]), "Backup vault", MAKE_VAULT)
    said = approval_problems(guard_of(arm, vault), ["delete"], requests)
    state = dig(vault, "properties.securitySettings.immutabilitySettings.state", "Disabled")
    if state != "Disabled":
        count = len(arm.list_all(POINTS, live["id"]))
        if count:
            way = "" if state == "Locked" else ", or have the vault's immutability disabled with aks_backup_vault"
            said.append(
                f"The vault {vault['name']} is immutable ({state}) and the backup instance {live['name']} has "
                f"recovery points ({count}), which nobody can delete. Wait until they have expired{way}. "
                "protection=stopped or protection=suspended ends the backups at once."
            )
    return said


def delete(arm: Arm, instance_id: str, requests: list[str]) -> None:
    """Delete an instance; where a resource guard watches that, and has been named, after unlocking."""
    mapping_id = vault_guard.mapping_id(_ids.parent(instance_id))
    mapping = arm.get(mapping_id) if requests else None
    if mapping:
        vault_guard.unlock(arm, mapping_id, mapping, GUARDED["delete"])
    arm.delete(instance_id)


def deleted_id(instance_id: str) -> str:
    """The ID under which a soft-deleted instance is kept."""
    return f"{_ids.parent(instance_id)}/deletedBackupInstances/{_ids.name(instance_id)}"


def soft_deletion(arm: Arm, instance_id: str, gone: bool) -> Document:
    """What Azure keeps of an instance that does not exist: ``soft_deleted``, and ``purge_time``, which is null where
    only Azure knows it. ``gone`` says that it has just been deleted, or would be.
    """
    kept = arm.get(deleted_id(instance_id))
    vault = arm.get(_ids.parent(instance_id)) if gone else None
    state = dig(vault, "properties.securitySettings.softDeleteSettings.state", "Off")
    return {
        "purge_time": dig(kept, "properties.deletionInfo.scheduledPurgeTime"),
        "soft_deleted": kept is not None or state != "Off",
    }
