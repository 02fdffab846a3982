# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protecting many clusters in one go: what they share once, the rest side by side. Private to the collection.

Every step is the work of its own module. It starts when what it depends on is done, so clusters do not wait for each
other, and the failure of one is its own. A cluster that is as it should be is recognised from what ``fleet.glance``
reads for many at once.
"""

from __future__ import annotations

import dataclasses
import json
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._resources import provider, storage
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import binding, extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import before, removal, result
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import graph as fleet_graph
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import steps as fleet_steps
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.glance import Glance, Lists, Unsettled
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.graph import Ended, Key, Node
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.result import Member
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.steps import Cluster, Options
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import instance
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import rotation as policy_rotation
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import work as vault_work

WORKS: dict[str, Callable[[Arm, dict[str, Any]], Outcome]] = {
    "providers": provider.register,
    "storage": storage.provide,
    "group": storage.provide,
    "vault": vault_work.manage,
    "policy": policy_rotation.manage,
    "container": storage.provide,
    "extension": extension.converge,
    "trusted_access": binding.converge,
    "permissions": permissions.manage,
    "instance": instance.manage,
}
# What a step of a cluster needs of the same cluster's, beside everything that the cluster shares.
NEEDS: dict[str, tuple[str, ...]] = {
    "container": (),
    "extension": ("container",),
    "trusted_access": (),
    "permissions": ("extension",),
    "instance": ("permissions", "trusted_access"),
}
# The same among what is shared.
SHARED_NEEDS: dict[str, tuple[str, ...]] = {
    "providers": (),
    "storage": ("providers",),
    "group": ("providers",),
    "vault": ("providers",),
    "policy": ("vault",),
}
# A vault lies in a group that these may make. Where they fail it may be there all the same, for other clusters' sake.
SHARED_AFTER: dict[str, tuple[str, ...]] = {"vault": ("storage", "group")}
# When the backup instances of all clusters whose protection is taken away are gone, or could not be deleted.
GONE: Key = ("gone",)


class Fleet:
    """One run over many clusters."""

    def __init__(self, arm: Arm, clusters: list[Cluster]) -> None:
        self.arm = arm
        self.members = [Member(one) for one in clusters]
        self.nodes: dict[Key, Node] = {}
        self.made: dict[Key, Outcome] = {}
        self.lists = Lists(arm, [home for one in clusters for home in one.homes])
        for number, call in enumerate(self.lists.ahead()):
            # Beside what is shared, which takes a while of its own.
            key = ("list", str(number))
            self.nodes[key] = Node(key, call)
        # Shared key -> the preflights of the clusters that share it; those of strict ones that have failed.
        self.sharers: dict[Key, list[Key]] = {}
        self.barred: set[Key] = set()
        self.leaving: list[Key] = []
        for member in self.members:
            self._look_before(member)
        latest: dict[str, Key] = {}
        for member in self.members:
            self._share(member, latest)
        for member in self.members:
            if member.one.given.get("state") == "absent":
                self._take_away(member)
            else:
                self._own(member)
        # What clusters share is still needed as long as the instance of one of them is there.
        self.nodes[GONE] = Node(GONE, lambda: None, after=tuple(self.leaving))

    def _look_before(self, member: Member) -> None:
        """A node for the preflight of the cluster, if it has one, and who waits for it before what they share."""
        one = member.one
        asked = one.given.get("preflight") not in (None, "skip") and one.given.get("state") != "absent"
        if asked:
            key = ("preflight", one.id.lower())
            member.preflight.append(key)
            self.nodes[key] = Node(key, partial(self._preflight, key, one))
        for step, id_, options in fleet_steps.shared(one):
            # One of the clusters that have none is enough to go on at once.
            self.sharers.setdefault(shared_key(step, id_, options), []).extend(member.preflight or [()])

    def _share(self, member: Member, latest: dict[str, Key]) -> None:
        """Nodes for what the cluster shares: one for the same wishes. Different wishes for the same thing wait for each
        other, in the order of the clusters.
        """
        of: dict[str, list[Key]] = {}
        for step, id_, options in fleet_steps.shared(member.one):
            key = shared_key(step, id_, options)
            of.setdefault(step, []).append(key)
            member.shared.append(key)
            if key in self.nodes:
                continue
            needs = tuple(other for need in SHARED_NEEDS[step] for other in of.get(need, ()))
            after = [other for one in SHARED_AFTER.get(step, ()) for other in of.get(one, ())]
            after += [latest[id_.lower()]] if id_.lower() in latest else []
            after += [] if () in self.sharers[key] else self.sharers[key]
            self.nodes[key] = Node(key, partial(self._do, key, step, options), needs, tuple(after))
            latest[id_.lower()] = key

    def _own(self, member: Member) -> None:
        """Nodes for the cluster's own steps, behind one glance at all of them."""
        glance = ("glance", member.one.id.lower())
        self.nodes[glance] = Node(glance, partial(self._glance, member), (*member.preflight, *member.shared))
        of: dict[str, list[Key]] = {}
        for number, step in enumerate(member.one.kinds):
            key = (step, member.one.id.lower(), str(number))
            of.setdefault(step, []).append(key)
            member.steps.append(key)
            needs = tuple(other for need in NEEDS[step] for other in of[need])
            # Azure takes one instance of a cluster after the other.
            before = tuple(of[step][-2:-1])
            self.nodes[key] = Node(key, partial(self._step, member, key, number), (glance, *needs), before)

    def _take_away(self, member: Member) -> None:
        """Nodes for the way out, one after the other."""
        for number, step in enumerate(removal.STEPS):
            key = (step, member.one.id.lower(), str(number))
            after = () if step == "instance" else (GONE,)
            self.nodes[key] = Node(key, partial(self._removed, member, step), tuple(member.steps[-1:]), after)
            member.steps.append(key)
        self.leaving.append(member.steps[0])

    def policies(self, member: Member) -> list[Mapping[str, Any]]:
        keys = [key for key in member.shared if key[0] == "policy"]
        return [self.made[key].result["resource"] for key in keys]

    def _do(self, key: Key, step: str, options: Options) -> Outcome:
        if self.barred.issuperset(self.sharers[key]):
            raise Refused("No cluster that would use it has passed its preflight.")
        outcome = WORKS[step](self.arm.apart(), dict(options))
        self.made[key] = outcome
        return outcome

    def _preflight(self, key: Key, one: Cluster) -> Outcome:
        try:
            return before.look(self.arm.apart(), self.lists, one)
        except BackupError:
            self.barred.add(key)
            raise

    def _removed(self, member: Member, step: str) -> Outcome:
        if step == "instance":
            outcome = removal.instances(self.arm, member.one)
            member.elsewhere = outcome.result["elsewhere"]
            return outcome
        if step in removal.NEEDED and member.elsewhere:
            return Outcome()
        return WORKS[step](self.arm.apart(), removal.options(member.one, step))

    def _glance(self, member: Member) -> None:
        """See whether there is anything to do for the cluster; what is not plain is left to the steps."""
        arm = Glance(self.arm, self.lists)
        seen = {}
        try:
            for key, (step, options) in zip(
                member.steps, fleet_steps.own(member.one, self.policies(member)), strict=True
            ):
                seen[key] = checked(step, options, WORKS[step](arm, dict(options)))
        except (BackupError, Unsettled):
            return
        if not any(outcome.changed for outcome in seen.values()):
            member.seen = seen

    def _step(self, member: Member, key: Key, number: int) -> Outcome:
        if member.seen is not None:
            return member.seen[key]
        step, options = fleet_steps.own(member.one, self.policies(member))[number]
        return checked(step, options, WORKS[step](self.arm.apart(), dict(options)))


def protect(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The work of the module."""
    clusters = _clusters(params)
    fleet = Fleet(arm, clusters)
    ended = fleet_graph.run(alone(fleet.nodes), params["workers"], _progress(arm, fleet))
    keys = [key for key in fleet.nodes if key[0] in SHARED_NEEDS]
    shared = [result.shared(key, ended[key]) for key in keys]
    shown = [result.shown(member, ended) for member in fleet.members]
    failed = [one for one in shown if one["failed"]]
    outcome = Outcome(
        changed=any(one["changed"] for one in [*shared, *shown]),
        result={
            "clusters": shown,
            "counts": {
                "changed": sum(one["changed"] for one in shown),
                "failed": len(failed),
                "ok": len(shown) - len(failed),
                "total": len(shown),
            },
            "shared": shared,
        },
        warnings=result.warnings(fleet.members, keys, ended),
    )
    outcome.before, outcome.after = (result.diff(fleet.members, keys, ended, side) for side in ("before", "after"))
    if failed:
        outcome.result.update(failed=True, msg=result.failure(failed, len(shown)))
    return outcome


def alone(nodes: Mapping[Key, Node]) -> list[Node]:
    """The nodes, each with its faults: a document that nobody has thought of must not take the results of all other
    clusters with it.
    """
    return [dataclasses.replace(node, work=partial(_guarded, node.work)) for node in nodes.values()]


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except BackupError:
        raise
    except Exception as exc:  # pylint: disable=broad-exception-caught
        place = traceback.extract_tb(exc.__traceback__)[-1]
        raise BackupError(
            f"This collection has a fault, of which its authors should know: {type(exc).__name__}: {exc}, in "
            f"{place.filename.rpartition('/plugins/')[2]}, line {place.lineno}."
        ) from exc


def shared_key(step: str, id_: str, options: Options) -> Key:
    """What tells a shared step from others: the same wishes for the same thing are the same step."""
    return step, id_.lower(), json.dumps(options, sort_keys=True, default=str)


def workers_problems(params: Mapping[str, Any]) -> list[str]:
    return [] if params["workers"] > 0 else [f"workers is {params['workers']}; it must be at least 1."]


def _clusters(params: Mapping[str, Any]) -> list[Cluster]:
    """The entries with their IDs. Raises with everything that is wrong with them, before anything is written."""
    said = workers_problems(params)
    found: dict[str, Cluster] = {}
    for number, entry in enumerate(params["clusters"]):
        try:
            one = fleet_steps.cluster(entry, params.get("subscription_id"))
            fleet_steps.shared(one)
        except Refused as exc:
            # Who has an inventory knows no numbers.
            named = given(entry["cluster"])
            said.append(f"clusters[{number}] ({named.get('name') or named.get('id')}): {exc.message}")
            continue
        if one.given.get("state") == "absent":
            said += [f"clusters[{number}] ({one.name}): {problem}" for problem in removal.problems(one)]
        if one.id.lower() in found:
            said.append(f"clusters[{number}] ({one.name}): the cluster {one.id} is in the list twice.")
        found[one.id.lower()] = one
    refuse(said)
    return list(found.values())


def checked(step: str, options: Options, outcome: Outcome) -> Outcome:
    """The outcome, if the next step has what it needs. Without its roles Azure would refuse the cluster only after an
    hour of patience.
    """
    missing = outcome.result["missing"] if step == "permissions" and options["mode"] == "report" else []
    if missing:
        raise Refused(
            "Roles are missing, and permissions.mode is report. Have these commands run, then run this again: "
            + "; ".join(row["command"] for row in missing)
        )
    return outcome


def _progress(arm: Arm, fleet: Fleet) -> Callable[[dict[Key, Ended]], None]:
    """Tells how far the clusters are, at every twentieth of them."""
    left = {member.one.id.lower(): {*member.steps} for member in fleet.members}
    bad: set[str] = set()
    failed, told = 0, 0

    def tell(news: dict[Key, Ended]) -> None:
        nonlocal failed, told
        for key, how in news.items():
            steps = left.get(key[1]) if key[0] in NEEDS else None
            if not steps:
                continue
            steps.discard(key)
            if not how.well:
                # Another step may end later, and well.
                bad.add(key[1])
            if not steps:
                del left[key[1]]
                failed += key[1] in bad
        done, total = len(fleet.members) - len(left), len(fleet.members)
        if done > told and (done == total or done * 20 // total > told * 20 // total):
            told = done
            arm.tell(f"{done} of {total} clusters done, {failed} of them failed")

    return tell
