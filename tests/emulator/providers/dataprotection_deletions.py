# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances that go: deletion, the time in which they are soft-deleted, their end and their return."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..backup import instances, times, vaults
from ..backup.errors import invalid
from ..backup.requirements import gap_in_cluster
from ..clock import stamp
from ..ids import Id
from ..provider import Call, Reply
from ..store import Record
from ..world import World
from . import dataprotection_backups as backups
from . import dataprotection_guards as guards
from .dataprotection_instances import settle
from .dataprotection_world import (
    NAMESPACE,
    POINTS,
    VAULTS,
    Surroundings,
    begin,
    merge_properties,
    now,
    parties,
    vault_of,
)


def delete(call: Call) -> Reply:
    record, vault = call.record, vault_of(call.world, call.id)
    if record is None:
        return Reply(204)
    if record.properties["currentProtectionState"] == instances.SOFT_DELETING:
        raise invalid("the backup instance is being deleted")
    points = call.store.children(call.id, POINTS)
    if points and vaults.immutability(vault.properties) != "Disabled":
        raise invalid("the vault is immutable and the backup instance has recovery points that have not expired")
    if not guards.unlocked(call.world, vault):
        guards.require(call, vault, f"{VAULTS}/backupInstances/delete", ())
    before = record.properties["currentProtectionState"]
    settle(call.world, record, instances.SOFT_DELETING)
    return begin(call, vault, "instance delete", finish="instance deleted", payload={
        "instance": record.id.text, "guid": record.hidden["guid"], "activity": call.client_request_id, "state": before})


def deleted(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record is None:
        return
    vault = vault_of(world, record.id)
    if world.store.children(record.id, POINTS):
        # Without extension and binding the service cannot reach what it stored in the cluster's region.
        cluster = instances.cluster_of(record.properties)
        gone = Surroundings(world).document(cluster) is None
        if error := None if gone else gap_in_cluster(Surroundings(world), parties(vault, record.properties, cluster)):
            failed = instances.protection(instances.ERROR, error.info(payload["activity"]))
            merge_properties(world, record.id.text, **failed)
            raise error
    state, days = vaults.soft_delete(vault.properties)
    world.store.delete(record.id)
    if state == "Off":
        backups.forget(world, record.id)
        return
    purge = now(world) + timedelta(days=days)
    properties = instances.deleted(record.properties, stamp(world.clock.now), times.timestamp(purge),
                                   payload["activity"])
    id = vault.id.child("deletedBackupInstances", record.name)
    world.store.put(id, {"properties": properties}, {"instance": record.body, "hidden": record.hidden})
    world.clock.at(purge.timestamp(), f"{NAMESPACE}:purge instance", {"id": id.text, "guid": record.hidden["guid"]})


def delete_failed(world: World, payload: dict[str, Any]) -> None:
    if record := world.store.get(payload["instance"]):
        passing = payload["state"] in (instances.CONFIGURING, instances.UPDATING)
        settle(world, record, instances.CONFIGURED if passing else payload["state"])


def purge(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["id"])
    if record and record.hidden["hidden"]["guid"] == payload["guid"]:
        world.store.delete(record.id)
        backups.forget(world, _home(record))


def _home(record: Record) -> Id:
    """The id that a soft-deleted instance had."""
    return record.id.parent.child("backupInstances", record.name)


def undelete(call: Call) -> Reply:
    """Bring a soft-deleted instance back, with its recovery points and its protection stopped."""
    record = call.require()
    hidden = {**record.hidden["hidden"], "guid": call.world.guid()}
    home = _home(record)
    call.store.delete(record.id)
    saved = call.store.put(home, record.hidden["instance"], hidden)
    settle(call.world, saved, instances.STOPPED)
    return Reply(200)
