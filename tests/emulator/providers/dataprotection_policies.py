# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: they can be created and deleted, never changed."""

from __future__ import annotations

from typing import Any

from ..backup import policies
from ..backup.errors import Refused
from ..ids import Id, same
from ..provider import Call, Reply
from ..store import Record
from ..world import World
from .dataprotection_world import DELETED_INSTANCES, INSTANCES, vault_id


def put(call: Call) -> Reply:
    """Even an identical policy is refused: ARM wire behaviour."""
    if call.record is not None:
        raise Refused("UserErrorBMSUpdatePolicyNotSupported")
    wanted: dict[str, Any] = call.body.get("properties") or {}
    policies.check(call.id.name, wanted)
    return Reply(200, call.store.put(call.id, {"properties": policies.stored(wanted)}).body)


def delete(call: Call) -> Reply:
    if call.record is None:
        return Reply(204)
    if users(call.world, call.id) or awaited(call.world, call.id):
        raise Refused("UserErrorDppPolicyObjectInUse")
    call.store.delete(call.id)
    return Reply(200)


def awaited(world: World, policy: Id) -> bool:
    """Is an instance being changed to the policy? It shows its old one until that is done."""
    return any(same(operation.payload["properties"]["policyInfo"]["policyId"], policy.text)
               for operation in world.operations.running(vault_id(policy).text)
               if operation.finish == "instance changed")


def users(world: World, policy: Id) -> list[Record]:
    """The instances, soft-deleted ones too, that are protected by the policy."""
    vault = vault_id(policy)
    return [each for kind in (INSTANCES, DELETED_INSTANCES) for each in world.store.children(vault, kind)
            if same(each.properties["policyInfo"]["policyId"], policy.text)]
