# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Guards: multi-user authorization of what is critical in a Backup vault. Private to the collection.

A vault is mapped to a guard by a child resource, which tells for each critical operation the ID of the guard's request
object. A write may do the operation if it names that ID and the caller may use it. Deletes have no body to name it in:
``unlockDelete`` lets them pass for half an hour. From "Multi-user authorization using Resource Guard" and "Configure
multi-user authorization using Resource Guard" of Microsoft's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params, Resource
from ansible_collections.aks.backup.plugins.module_utils._resources.common import INSTANCES, VAULT
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.refusals import IMMUTABILITY, SOFT_DELETE

GUARD_TYPE = "Microsoft.DataProtection/resourceGuards"
DELETE_INSTANCES = f"{INSTANCES}/delete"
DELETE_MAPPING = f"{VAULT}/backupResourceGuardProxies/delete"
RESTORE = f"{INSTANCES}/restore/action"
STOP_PROTECTION = f"{INSTANCES}/stopProtection/action"
SUSPEND_BACKUPS = f"{INSTANCES}/suspendBackups/action"
WRITE_INSTANCE = f"{INSTANCES}/write"
REDUCE_IMMUTABILITY = f"{VAULT}/write#reduceImmutabilityState"
REDUCE_SOFT_DELETE = f"{VAULT}/write#reduceSoftDeleteSecurity"
# Critical operation -> what the user knows it as.
TITLES = {
    DELETE_INSTANCES: "deleting its backup instances",
    DELETE_MAPPING: "taking away the protection by the guard",
    REDUCE_IMMUTABILITY: "reducing immutability",
    REDUCE_SOFT_DELETE: "reducing soft delete",
    RESTORE: "restoring",
    STOP_PROTECTION: "stopping protection",
    SUSPEND_BACKUPS: "suspending backups",
    WRITE_INSTANCE: "changing the policy of a backup instance",
}
# From weak to strong.
IMMUTABILITY_ORDER = ("disabled", "unlocked", "locked")
SOFT_DELETE_ORDER = ("off", "on", "alwayson")


def mapping_id(vault_id: str) -> str:
    """The one name that Azure takes for the mapping."""
    return f"{vault_id}/backupResourceGuardProxies/DppResourceGuardProxy"


def request_id(mapping: Document | None, operation: str) -> str | None:
    """The ID that a request for the operation has to name; None where the guard does not watch the operation."""
    for detail in dig(mapping, "properties.resourceGuardOperationDetails") or []:
        if str(detail.get("vaultCriticalOperation")).lower() == operation.lower():
            return detail.get("defaultResourceRequest")
    return None


def unapproved(mapping: Document | None, operations: Iterable[str], given: Iterable[str]) -> list[str]:
    """A sentence for each operation that the guard watches and that none of the requests is for."""
    said = []
    for operation in dict.fromkeys(operations):
        needed = request_id(mapping, operation)
        if needed and not any(_ids.same(needed, one) for one in given):
            said.append(
                f"The Backup vault {_ids.name(_ids.parent(dig(mapping, 'id')))} is protected by the Resource Guard "
                f"{dig(mapping, 'properties.resourceGuardResourceId')}, which has to approve {TITLES[operation]}. Have "
                "its owner give you the role Backup MUA Operator on it, and put "
                f"{needed} into resource_guard_operation_requests."
            )
    return said


def requests(params: Params) -> list[str]:
    return list(params.get("resource_guard_operation_requests") or [])


def problems(params: Params, desired: Document, live: Document | None, mapping: Document | None) -> list[str]:
    """What the options ask for, of the vault or of its mapping, without the guard's approval."""
    operations = reductions(desired, live)
    guard = params.get("resource_guard_id")
    if guard is not None and not _ids.same(guard, dig(mapping, "properties.resourceGuardResourceId")):
        operations.append(DELETE_MAPPING)
    return unapproved(mapping, operations, requests(params))


def reductions(desired: Document, live: Document | None) -> list[str]:
    """The critical operations in a change of the vault."""
    found = []
    days, now = (dig(one, f"{SOFT_DELETE}.retentionDurationInDays") for one in (desired, live))
    shorter = days is not None and now is not None and days < now
    if shorter or _weaker(desired, live, f"{SOFT_DELETE}.state", SOFT_DELETE_ORDER, "On"):
        found.append(REDUCE_SOFT_DELETE)
    if _weaker(desired, live, IMMUTABILITY, IMMUTABILITY_ORDER, "Disabled"):
        found.append(REDUCE_IMMUTABILITY)
    return found


def _weaker(desired: Document, live: Document | None, path: str, order: tuple[str, ...], default: str) -> bool:
    wanted, current = dig(desired, path), dig(live, path, default)
    return wanted is not None and order.index(wanted.lower()) < order.index(current.lower())


def remove(arm: Arm, id_: str, mapping: Document) -> None:
    """Delete the mapping, after unlocking where the guard watches that."""
    unlock(arm, id_, mapping, DELETE_MAPPING)
    arm.delete(id_)


def unlock(arm: Arm, id_: str, mapping: Document, operation: str) -> None:
    """Let deletes of a kind pass for half an hour, where the guard watches them."""
    if request := request_id(mapping, operation):
        arm.post(id_, "unlockDelete", {"resourceGuardOperationRequests": [request]})


class Mapping(Resource):
    """Which Resource Guard protects a vault. The options are those of the vault."""

    noun = "Resource Guard mapping"
    rules = {"properties.resourceGuardResourceId": _compare.caseless}

    def id(self, params: Params) -> str:
        return mapping_id(_ids.vault(params["subscription_id"], params["resource_group"], params["name"]))

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        return unapproved(live, [DELETE_MAPPING], requests(params))

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return {"properties": {"resourceGuardResourceId": params["resource_guard_id"]}}

    def represent(self, document: Document) -> Document:
        return {"resource_guard_id": dig(document, "properties.resourceGuardResourceId")}

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        # To put another guard into a mapping would get around the one that is there.
        remove(arm, id_, live)
        arm.put(id_, _compare.apply({}, changes))

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        return unapproved(live, [DELETE_MAPPING], requests(params))

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        remove(arm, id_, live)


def checked_id(value: str | None) -> Any:
    """The option resource_guard_id: None and an empty text as they are, else the ID of a Resource Guard."""
    return _ids.expect(value, GUARD_TYPE, "resource_guard_id") if value else value
