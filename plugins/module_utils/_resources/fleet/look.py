# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling which clusters are as asked for, as quickly as that can be told. Private to the collection.

The steps of a fleet look through a :class:`Look`, each read of the run is made once, and whatever does not depend on
another answer is asked at the same time. Nothing is written, and nothing is planned: a cluster is as asked for, or it
is for a run, or a plan, to say what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import fleet as whole
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import graph as fleet_graph
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import steps as fleet_steps
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.glance import (
    ASSIGNMENTS,
    ENOUGH,
    Glance,
    Lists,
    Unsettled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.graph import Ended, Key, Node
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.steps import Cluster, Options

T = TypeVar("T")

# What is found in the way of a step -> the value of its result that shows it.
FOUND = {
    "container": "container",
    "extension": "resource",
    "group": "resource_group",
    "instance": "resource",
    "permissions": "assignments",
    "policy": "resource",
    "providers": "providers",
    "storage": "storage_account",
    "trusted_access": "resource",
    "vault": "resource",
}
# Of these a cluster can have several.
LISTED = {"group": "groups", "instance": "instances", "policy": "policies"}


class Look(Glance):
    """Azure for one step of one cluster. ``few`` says that there are not enough clusters to keep the line busy."""

    def __init__(self, arm: Arm, lists: Lists, few: bool) -> None:
        super().__init__(arm, lists)
        self._few = few

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        document, pause = self._lists.once(f"read {id_}", lambda: self._lists.document(id_))
        self.heed(document)
        return document, pause

    def list_all(self, type_: str, parent_id: str, **query: Any) -> list[Document]:
        if type_.lower() == ASSIGNMENTS:
            # Out of a list, they are those of the identities that this step has met.
            return super().list_all(type_, parent_id, **query)
        key = f"list {type_} {parent_id} {sorted(query.items())}"
        found = self._lists.once(key, lambda: self._arm.list_all(type_, parent_id, **query))
        self.heed(found)
        return found

    def together(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        return self._arm.together(calls) if self._few else super().together(calls)


class Looking:
    """One look at many clusters."""

    def __init__(self, arm: Arm, clusters: list[Cluster]) -> None:
        self._arm = arm
        self._few = len(clusters) < ENOUGH
        self._lists = Lists(arm, [home for one in clusters for home in one.homes])
        self.nodes: dict[Key, Node] = {}
        # Of each cluster, in order. One that is there twice, as other hosts may mean it, is looked at twice.
        self.keys: list[list[Key]] = []
        self._made: dict[Key, Outcome] = {}
        for number, call in enumerate(self._lists.ahead()):
            key = ("list", str(number))
            self.nodes[key] = Node(key, call)
        for place, one in enumerate(clusters):
            self.keys.append(self._add(str(place), one))

    def _add(self, place: str, one: Cluster) -> list[Key]:
        keys: list[Key] = []
        for step, id_, options in fleet_steps.shared(one):
            key = whole.shared_key(step, id_, options)
            self.nodes.setdefault(key, Node(key, partial(self._shared, key, step, options)))
            keys.append(key)
        policies = [key for key in keys if key[0] == "policy"]
        for number, step in enumerate(one.kinds):
            key = (step, one.id.lower(), place, str(number))
            self.nodes[key] = Node(key, partial(self._own, one, policies, number), tuple(policies))
            keys.append(key)
        return keys

    def _shared(self, key: Key, step: str, options: Options) -> Outcome:
        outcome = self._made[key] = self._seen(step, options)
        return outcome

    def _own(self, one: Cluster, policies: list[Key], number: int) -> Outcome:
        in_force = [self._made[key].result["resource"] for key in policies]
        return self._seen(*fleet_steps.own(one, in_force)[number])

    def _seen(self, step: str, options: Options) -> Outcome:
        arm = Look(self._arm, self._lists, self._few)
        try:
            outcome = whole.checked(step, options, whole.WORKS[step](arm, dict(options)))
        except Unsettled:
            outcome = Outcome(changed=True)
        if outcome.changed:
            raise Refused(f"{step} is not as asked for.")
        return outcome


def look(arm: Arm, params: Mapping[str, Any]) -> Outcome:
    """Look at the clusters; the rest of the outcome is as for :func:`fleet.protect`, with other entries."""
    refuse(whole.workers_problems(params))
    entries: list[Cluster | Refused] = []
    for entry in params["clusters"]:
        try:
            one = fleet_steps.cluster(entry, params.get("subscription_id"))
            fleet_steps.shared(one)
            if entry.get("state") == "absent":
                raise Refused("look tells whether a cluster is protected as asked for, and state is absent.")
            entries.append(one)
        except Refused as exc:
            entries.append(exc)
    clusters = [one for one in entries if isinstance(one, Cluster)]
    looking = Looking(arm, clusters)
    ended = fleet_graph.run(whole.alone(looking.nodes), params["workers"])
    keys = iter(looking.keys)
    shown = [_refused(one) if isinstance(one, Refused) else _shown(one, next(keys), ended) for one in entries]
    settled = sum(one["settled"] for one in shown)
    return Outcome(
        result={"clusters": shown, "counts": {"settled": settled, "total": len(shown)}},
        warnings=[
            warning for one, own in zip(clusters, looking.keys, strict=True) for warning in _warnings(one, own, ended)
        ],
    )


def _shown(one: Cluster, keys: list[Key], ended: Mapping[Key, Ended]) -> Document:
    unsettled = [key for key in keys if not ended[key].well]
    errors: list[BackupError | None] = [ended[key].error for key in unsettled]
    found: Document = {name: [] for name in LISTED.values()}
    for key in [] if unsettled else keys:
        value = ended[key].value.result[FOUND[key[0]]]
        if key[0] in LISTED:
            found[LISTED[key[0]]].append(value)
        else:
            found[key[0]] = value
    return {
        "cluster_id": one.id,
        "found": {} if unsettled else found,
        "msg": next((error.message for error in errors if error), None),
        "name": one.name,
        "settled": not unsettled,
    }


def _refused(error: Refused) -> Document:
    return {"cluster_id": None, "found": {}, "msg": error.message, "name": None, "settled": False}


def _warnings(one: Cluster, keys: list[Key], ended: Mapping[Key, Ended]) -> list[str]:
    if not all(ended[key].well for key in keys):
        return []
    return [f"{one.name}: {said}" for key in keys for said in ended[key].value.warnings]
