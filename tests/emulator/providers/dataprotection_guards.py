# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource guards and their proxies in vaults: multi-user authorization of critical operations.

A vault with a proxy lets a critical operation pass only if the request names the guard's request object and the caller
may read that object on the guard. Source: https://learn.microsoft.com/azure/backup/multi-user-authorization-concept
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from ..backup import times, vaults
from ..backup.errors import Refused, invalid
from ..errors import FrontDoorError
from ..ids import same
from ..provider import Call, Reply
from ..store import Record
from ..world import World
from .dataprotection_world import GUARDS, PROXIES, VAULTS, merge_properties, now, vault_of

UNLOCKED = timedelta(minutes=30)
PROXY = "DppResourceGuardProxy"
DELETE_INSTANCE = f"{VAULTS}/backupInstances/delete"
DELETE_PROXY = f"{VAULTS}/backupResourceGuardProxies/delete"
# critical operation of the vault: name of the request objects on the guard
CRITICAL = {
    DELETE_INSTANCE: "deleteBackupInstanceRequests",
    f"{VAULTS}/backupInstances/write": "dppModifyPolicyRequests",
    f"{VAULTS}/backupInstances/stopProtection/action": "dppStopProtectionRequests",
    f"{VAULTS}/backupInstances/suspendBackups/action": "dppSuspendBackupsRequests",
    f"{VAULTS}/backupInstances/restore/action": "dppRestoreRequests",
    f"{VAULTS}/write#reduceImmutabilityState": "dppReduceImmutabilityStateRequests",
    f"{VAULTS}/write#reduceSoftDeleteSecurity": "dppReduceSoftDeleteSecurityRequests",
    DELETE_PROXY: "deleteResourceGuardProxyRequests",
}


def put_guard(call: Call) -> Reply:
    if not call.body.get("location"):
        raise FrontDoorError(400, "LocationRequired", "The location property is required for this definition.")
    excluded = (call.body.get("properties") or {}).get("vaultCriticalOperationExclusionList") or []
    operations = [{"vaultCriticalOperation": name, "requestResourceType": f"{GUARDS}/{requests}"}
                  for name, requests in CRITICAL.items()]
    body = {"location": call.body["location"], **({"tags": call.body["tags"]} if call.body.get("tags") else {}),
            "properties": {"provisioningState": "Succeeded", "allowAutoApprovals": True,
                           "resourceGuardOperations": operations,
                           "vaultCriticalOperationExclusionList": excluded,
                           "description": "Protects critical operations of backup vaults."}}
    return Reply(200, call.store.put(call.id, body).body)


def patch_guard(call: Call) -> Reply:
    return Reply(200, call.store.put(call.id, {**call.require().body, "tags": call.body.get("tags") or {}}).body)


def delete_guard(call: Call) -> Reply:
    return Reply(200 if call.store.delete(call.id) else 204)


def put_proxy(call: Call) -> Reply:
    vault = vault_of(call.world, call.id)
    if not same(call.id.name, PROXY):
        raise invalid(f"the proxy of a vault is named {PROXY}")
    guard = call.store.get((call.body.get("properties") or {}).get("resourceGuardResourceId") or "/")
    if guard is None or not same(guard.type, GUARDS):
        raise Refused("UserErrorGenericResourceNotFound")
    if not call.can(f"{GUARDS}/read", guard.id.text):
        raise call.linked(f"{GUARDS}/read", guard.id.text)
    excluded = set(guard.properties["vaultCriticalOperationExclusionList"])
    details = [{"vaultCriticalOperation": name, "defaultResourceRequest": f"{guard.id.text}/{requests}/default"}
               for name, requests in CRITICAL.items() if name not in excluded]
    if call.record and not same(call.record.properties["resourceGuardResourceId"], guard.id.text):
        # Another guard would be a way around the first one.
        _require_unlocked(call, vault)
    record = call.store.put(call.id, {"properties": {
        "resourceGuardResourceId": guard.id.text, "resourceGuardOperationDetails": details,
        "description": guard.properties["description"]}})
    merge_properties(call.world, vault.id.text, isVaultProtectedByResourceGuard=True)
    return Reply(200, record.body)


def delete_proxy(call: Call) -> Reply:
    if call.record is None:
        return Reply(204)
    vault = vault_of(call.world, call.id)
    _require_unlocked(call, vault)
    call.store.delete(call.id)
    merge_properties(call.world, vault.id.text, isVaultProtectedByResourceGuard=False)
    return Reply(200)


def _require_unlocked(call: Call, vault: Record) -> None:
    if not unlocked(call.world, vault, DELETE_PROXY):
        require(call, vault, DELETE_PROXY, ())


def unlock(call: Call) -> dict[str, Any]:
    """unlockDelete: for half an hour deletes of the named kinds pass."""
    vault = vault_of(call.world, call.id)
    given = (call.body or {}).get("resourceGuardOperationRequests") or ()
    names = {name for name, id in proxied(call.world, vault).items() if any(same(id, each) for each in given)}
    if not names:
        raise invalid("resourceGuardOperationRequests names no request of the resource guard")
    for name in names:
        require(call, vault, name, given)
    until = now(call.world) + UNLOCKED
    vault.hidden["unlocked"] = {**vault.hidden.get("unlocked", {}), **dict.fromkeys(names, until.timestamp())}
    return {"unlockDeleteExpiryTime": times.timestamp(until)}


def unlocked(world: World, vault: Record, operation: str = DELETE_INSTANCE) -> bool:
    return vault.hidden.get("unlocked", {}).get(operation, 0.0) > world.clock.now


def proxied(world: World, vault: Record) -> dict[str, str]:
    """{critical operation: id of its request object} of the vault's proxies."""
    return {detail["vaultCriticalOperation"]: detail["defaultResourceRequest"]
            for proxy in world.store.children(vault.id, PROXIES)
            for detail in proxy.properties["resourceGuardOperationDetails"]}


def require(call: Call, vault: Record, operation: str, given: Iterable[str] | None) -> None:
    """Refuse a critical operation that the vault's resource guard has not approved. given: the ids in the request."""
    request = proxied(call.world, vault).get(operation)
    if request is None:
        return
    if not any(same(request, each) for each in given or ()):
        raise invalid(f"the vault is protected by a resource guard; resourceGuardOperationRequests must hold {request}")
    guard, requests, name = request.rsplit("/", 2)
    action = f"{GUARDS}/{requests}/read"
    if not call.can(action, guard):
        raise call.linked(action, f"{guard}/{requests}/{name}")


def check_vault(call: Call, vault: Record, settings: dict[str, Any]) -> None:
    """Reducing the security of a guarded vault is critical."""
    given = (call.body.get("properties") or {}).get("resourceGuardOperationRequests")
    before = vault.properties
    order = {"Off": 0, "On": 1, "AlwaysOn": 2}
    (old, old_days), (new, new_days) = vaults.soft_delete(before), vaults.soft_delete(settings)
    if order[new] < order[old] or (new != "Off" and new_days < old_days):
        require(call, vault, f"{VAULTS}/write#reduceSoftDeleteSecurity", given)
    states = vaults.IMMUTABILITY
    if states.index(vaults.immutability(settings)) < states.index(vaults.immutability(before)):
        require(call, vault, f"{VAULTS}/write#reduceImmutabilityState", given)
