# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies, which Azure creates and deletes but never updates. Private to the collection."""

from __future__ import annotations

import datetime
from functools import partial

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Outcome, Params, Resource
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    DELETED_INSTANCES,
    INSTANCES,
    MAKE_VAULT,
    POLICIES,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import retention
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short

# How far a simulation looks: as long as the vault tier keeps anything.
MOST_DAYS = 3653

WAYS_OUT = {
    "fail": "Create a policy with another name and give that one to the backup instances, or have this module do it "
    "with on_difference=rotate. A policy that nothing uses is replaced with on_difference=replace_unused.",
    "replace_unused": "With on_difference=replace_unused only a policy that nothing uses is replaced. Move the backup "
    "instances to another policy first, or use on_difference=rotate.",
}


class Policy(Resource):
    """``name`` is that of a successor, where it is not the one in the options."""

    noun = "backup policy"

    def __init__(self, name: str | None = None) -> None:
        self._name = name

    def id(self, params: Params) -> str:
        return _ids.policy(vault_id(params), self._name or params["name"])

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            wanted = policy_short.document(params)["properties"]
            return {"semantic_diff": differing(wanted, live["properties"])}
        arm.require(vault_id(params), "Backup vault", MAKE_VAULT)
        return {"users": lambda: users(arm, self.id(params))}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        said = content_problems(params)
        using = facts["users"]() if live else []
        mode = params.get("on_difference") or "fail"
        if live is None or (mode == "replace_unused" and not using):
            return said
        used = (
            f"Backup instances that use it: {', '.join(using)}."
            if using
            else "No backup instance uses it, so it can be deleted and made again."
        )
        return [
            *said,
            f"The backup policy {live['name']} exists with other content, and Azure cannot change a policy. "
            f"{' '.join(facts['semantic_diff'])} {used} {WAYS_OUT[mode if mode in WAYS_OUT else 'fail']}",
        ]

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return policy_short.document(params)

    def differences(self, desired: Document, live: Document) -> list[Difference]:
        wanted, found = desired["properties"], live.get("properties") or {}
        return [] if policy_form.same(wanted, found) else [Difference(("properties",), found, wanted)]

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        arm.delete(id_)
        [change] = changes
        arm.put(id_, {"properties": change.after})

    def represent(self, document: Document) -> Document:
        return {
            "id": document.get("id"),
            "name": document.get("name"),
            **policy_form.represent(document.get("properties") or {}),
        }

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        using = users(arm, live["id"]) if params.get("in_use_check", True) else []
        if not using:
            return []
        return [
            f"The backup policy {live['name']} is used by: {', '.join(using)}. Move these backup instances to "
            "another policy, or remove them, first. Soft-deleted ones use it until they are purged."
        ]

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        return [
            f"The retention rule {tag} copies to the vault tier and applies to several backups of a day. Azure moves "
            "one scheduled backup of a day there, so the others are in the operational tier only."
            for tag in retention.skips((document or {}).get("properties") or {})
        ]

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        extras: Document = {"semantic_diff": facts.get("semantic_diff") or []}
        if params.get("simulate_days") is not None:
            now = times.now().replace(second=0, microsecond=0)
            end = now + datetime.timedelta(days=params["simulate_days"])
            extras["simulation"] = retention.simulate((document or {}).get("properties") or {}, now, end)
        return extras


def content_problems(params: Params) -> list[str]:
    """Why the service could not keep what the options ask for."""
    properties = policy_short.document(params)["properties"]
    said = retention.limits(properties)
    simulated = params.get("simulate_days")
    if simulated is None:
        return said
    if not 1 <= simulated <= MOST_DAYS:
        return [*said, f"simulate_days is {simulated}; it must be 1 to {MOST_DAYS}."]
    try:
        retention.read(properties)
    except Refused as exc:
        said.append(f"{exc.message} Leave simulate_days out to have Azure judge it.")
    return said


def differing(wanted: Document, live: Document) -> list[str]:
    """What would change between two policies' properties, in sentences."""
    return policy_form.sentences(policy_form.meaning(wanted), policy_form.meaning(live))


def users(arm: Arm, policy_id: str) -> list[str]:
    """Names of the backup instances that a policy protects, the soft-deleted ones among them, which count to Azure."""
    vault = _ids.parent(policy_id)
    instances, deleted = arm.together(
        [lambda: arm.list_all(INSTANCES, vault), lambda: arm.list_all(DELETED_INSTANCES, vault)],
    )
    using = [item["name"] for item in instances if uses(item, policy_id)]
    return sorted([*using, *(f"{item['name']} (soft-deleted)" for item in deleted if uses(item, policy_id))])


def uses(instance: Document, policy_id: str) -> bool:
    return _ids.same((instance["properties"].get("policyInfo") or {}).get("policyId"), policy_id)


def list_policies(arm: Arm, params: Params) -> Outcome:
    """The work of the info module: the policies of a vault, each with the backup instances that use it."""
    vault = vault_id(params)
    arm.require(vault, "Backup vault", MAKE_VAULT)
    policies, instances, deleted = arm.together(
        [partial(arm.list_all, type_, vault) for type_ in (POLICIES, INSTANCES, DELETED_INSTANCES)]
    )
    wanted = params.get("name")
    shown = [
        {
            **Policy().represent(policy),
            "definition": policy["properties"],
            "instances": sorted(item["name"] for item in instances if uses(item, policy["id"])),
            "soft_deleted_instances": sorted(item["name"] for item in deleted if uses(item, policy["id"])),
        }
        for policy in sorted(policies, key=lambda policy: str(policy["name"]).lower())
        if wanted is None or policy["name"].lower() == wanted.lower()
    ]
    return Outcome(result={"policies": shown})
