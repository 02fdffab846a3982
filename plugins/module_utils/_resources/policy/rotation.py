# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotating a backup policy: a successor, the backup instances moved to it, the old one removed. Private to the
collection.

A successor is called ``<name>-<fingerprint>``, after what it means. So the next run with the same options finds it, one
that goes on after an interruption makes no second one, and what else is called alike is not taken for one: its name
would not follow from its content. Every step looks at what is there, and does only what is left to do.
"""

from __future__ import annotations

from functools import partial

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, combine, reconcile
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    DELETED_INSTANCES,
    INSTANCES,
    MAKE_VAULT,
    POLICIES,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import protection
from ansible_collections.aks.backup.plugins.module_utils._resources.instance.instance import Instance
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.policy import (
    Policy,
    content_problems,
    differing,
    uses,
)

ACTIVE, CHANGING = "protectionconfigured", "updatingprotection"
POLICY = ("properties", "policyInfo", "policyId")


def manage(arm: Arm, params: Params) -> Outcome:
    """The work of the module."""
    if params.get("on_difference") != "rotate":
        return reconcile(arm, Policy(), params)
    return _remove(arm, params) if params.get("state") == "absent" else _rotate(arm, params)


def successor(name: str, properties: Document) -> str:
    return f"{name}-{policy_form.fingerprint(properties)}"


def family(policies: list[Document], name: str) -> dict[str, Document]:
    """The policy of that name and its successors, by name; the one of that name first."""
    found = {}
    for policy in sorted(policies, key=lambda policy: (policy["name"].lower() != name.lower(), policy["name"])):
        own = policy["name"].lower()
        if own == name.lower() or own == successor(name, policy["properties"]).lower():
            found[policy["name"]] = policy
    return found


def _rotate(arm: Arm, params: Params) -> Outcome:
    wanted, vault = policy_short.document(params)["properties"], vault_id(params)
    policies, instances, deleted = arm.together(
        [partial(arm.list_all, type_, vault) for type_ in (POLICIES, INSTANCES, DELETED_INSTANCES)]
    )
    members = family(policies, params["name"])
    in_force = [name for name, policy in members.items() if policy_form.same(wanted, policy["properties"])]
    name = [*in_force, params["name"] if not members else successor(params["name"], wanted)][0]
    target = _ids.policy(vault, name)
    old = {other: policy for other, policy in members.items() if other != name}
    affected = [_rested(arm, item) for item in instances if any(uses(item, policy["id"]) for policy in old.values())]
    affected = [item for item in affected if not uses(item, target)]
    moving = [item for item in affected if _state(item) == ACTIVE]
    staying = [item for item in affected if _state(item) != ACTIVE]
    requests = params.get("resource_guard_operation_requests") or []
    refuse(
        [
            *content_problems(params),
            *_collisions(moving, [item for item in instances if uses(item, target)], name),
            *(_unapproved(arm, vault, requests) if moving else []),
        ]
    )
    held = {policy["id"] for policy in old.values() for item in [*staying, *deleted] if uses(item, policy["id"])}
    leaving = [other for other, policy in old.items() if policy["id"] not in held]

    outcome = reconcile(arm, Policy(name), params)
    if old and not in_force:
        previous = next(iter(old.values()))
        outcome.before = Policy().represent(previous)
        outcome.result["semantic_diff"] = differing(wanted, previous["properties"])
    arm.together([partial(_move, arm, item["id"], target, requests) for item in moving])
    kept = [other for other in leaving if not _delete(arm, old[other]["id"])]
    removed = [other for other in leaving if other not in kept]

    outcome.changed = outcome.changed or bool(moving or removed)
    outcome.before = {
        **(outcome.before or {}),
        "instances": {item["name"]: _ids.name(dig(item, ".".join(POLICY))) for item in moving},
        "policies": sorted(members),
    }
    outcome.after = {
        **(outcome.after or {}),
        "instances": {item["name"]: name for item in moving},
        "policies": sorted({name, *members} - set(removed)),
    }
    outcome.result.update(
        moved_instances=sorted(item["name"] for item in moving),
        removed_policies=sorted(removed),
    )
    outcome.warnings += [_stays(item) for item in staying]
    outcome.warnings += [
        f"The backup policy {other} is kept: soft-deleted or new backup instances use it. Run again when they are gone."
        for other in [*kept, *(one for one, policy in old.items() if any(uses(item, policy["id"]) for item in deleted))]
    ]
    return outcome


def _remove(arm: Arm, params: Params) -> Outcome:
    members = family(arm.list_all(POLICIES, vault_id(params)), params["name"])
    refuse([said for policy in members.values() for said in Policy().removal_problems(arm, params, policy)])
    outcome = combine({name: reconcile(arm, Policy(name), params) for name in members})
    outcome.result = {"id": Policy().id(params), "name": params["name"], "resource": None}
    return outcome


def _state(instance: Document) -> str:
    return str(dig(instance, "properties.currentProtectionState", "")).lower()


def _rested(arm: Arm, instance: Document) -> Document:
    """The instance when Azure is done with what it is busy with: a change that an interrupted run has begun."""
    id_ = instance["id"]
    if _state(instance) != CHANGING:
        return instance
    what = f"the backup instance {instance['name']} to leave state {dig(instance, 'properties.currentProtectionState')}"
    return arm.wait(id_, lambda item: what if item and _state(item) == CHANGING else None) or instance


def _collisions(moving: list[Document], there: list[Document], policy: str) -> list[str]:
    """Azure protects a cluster once by one policy of a vault, so two of its instances cannot come together there."""
    homes: dict[str, list[str]] = {}
    for item in [*there, *moving]:
        homes.setdefault(str(dig(item, "properties.dataSourceInfo.resourceID")).lower(), []).append(item["name"])
    return [
        f"The backup instances {' and '.join(sorted(names))} protect the same cluster, {_ids.name(cluster)}, and "
        f"would both come to the backup policy {policy}. Azure takes one backup instance of a cluster by a policy: "
        "give one of them another policy first."
        for cluster, names in homes.items()
        if len(names) > 1 and any(item["name"] in names for item in moving)
    ]


def _unapproved(arm: Arm, vault: str, requests: list[str]) -> list[str]:
    """A sentence where a Resource Guard has to approve that instances get another policy."""
    guard = protection.guard_of(arm, arm.require(vault, "Backup vault", MAKE_VAULT))
    return protection.approval_problems(guard, ["write"], requests)


def _move(arm: Arm, id_: str, target: str, requests: list[str]) -> None:
    """Give an instance another policy, and wait until Azure shows it."""
    live, instance = arm.get(id_), Instance(requests=requests)
    if live is None or uses(live, target):
        return
    change = Difference(POLICY, dig(live, ".".join(POLICY)), target)

    def pending(document: Document | None) -> str | None:
        shown = document is None or uses(document, target)
        return instance.pending(document) or (None if shown else "the backup instance to show its policy")

    try:
        instance.admit(arm, id_, _compare.apply(live, [change]), live)
        instance.update(arm, id_, live, [change])
    except AzureError:
        # Azure takes one change at a time. Another run, for another host, may be about to do the same.
        found = arm.get(id_)
        if found is None or not uses(_rested(arm, found), target):
            raise
    arm.wait(id_, pending)


def _delete(arm: Arm, id_: str) -> bool:
    """Whether the policy is gone. Somebody may have begun to use it since it was looked at."""
    try:
        arm.delete(id_)
    except AzureError as exc:
        if exc.code != "UserErrorDppPolicyObjectInUse":
            raise
        return False
    return True


def _stays(instance: Document) -> str:
    state, policy = dig(instance, "properties.currentProtectionState"), _ids.name(dig(instance, ".".join(POLICY)))
    return (
        f"The backup instance {instance['name']} is in state {state} and stays with the backup policy {policy}. Make "
        "its protection active and run again."
    )
