# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run over many clusters reports: by cluster, by what is shared, and why something failed. Pure. Private to the
collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, listed
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.graph import Ended, Key
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.steps import Cluster

# So many reasons, and clusters with each, are named in the message of the task; all of them are in its result.
NAMED = 10


@dataclass
class Member:
    """A cluster of the fleet on its way. ``shared`` are the keys of what it shares, ``steps`` those of its own, and
    ``preflight`` that of the look before them, if there is one. ``elsewhere`` are its backup instances in other vaults,
    where its protection is taken away.
    """

    one: Cluster
    shared: list[Key] = field(default_factory=list)
    preflight: list[Key] = field(default_factory=list)
    steps: list[Key] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    seen: dict[Key, Outcome] | None = None


def _trouble(keys: list[Key], ended: Mapping[Key, Ended]) -> tuple[Key, BackupError] | None:
    """The first of the errors that keep these from being done, with the key of what failed."""
    for key in keys:
        root = ended[key].blocked_by
        cause = key if root is None else root
        error = ended[cause].error
        if error is not None:
            return cause, error
    return None


def shared(key: Key, how: Ended) -> Document:
    step, id_ = key[0], key[1]
    return {
        "changed": bool(how.value and how.value.changed),
        "failed": not how.well,
        "id": id_,
        "msg": how.error.message if how.error else None,
        "step": step,
    }


def shown(member: Member, ended: Mapping[Key, Ended]) -> Document:
    trouble = _trouble([*member.preflight, *member.shared, *member.steps], ended)
    outcomes = {key: ended[key].value for key in member.steps if ended[key].well}
    one = member.one
    absent = one.given.get("state") == "absent"
    instances = [outcome.result["resource"] for key, outcome in outcomes.items() if key[0] == "instance" and not absent]
    deleted = [outcome.result["deleted"] for outcome in outcomes.values() if "deleted" in outcome.result]
    looked = [ended[key].value.result["sentences"] for key in member.preflight if ended[key].well]
    policies = [ended[key].value.result["name"] for key in member.shared if key[0] == "policy" and ended[key].well]
    return {
        "changed": any(outcome.changed for outcome in outcomes.values()),
        "cluster_id": one.id,
        "container": one.container,
        "deleted": deleted[0] if deleted else [],
        "failed": trouble is not None,
        "failed_step": trouble[0][0] if trouble else None,
        "instances": [
            {key: shown.get(key) for key in ("id", "name", "policy_id", "protection", "protection_state")}
            for shown in instances
        ],
        "msg": trouble[1].message if trouble else None,
        "name": one.name,
        "policies": policies or ([] if absent else [_ids.name(one.policy)]),
        "preflight": looked[0] if looked else [],
        "problems": list(trouble[1].facts.get("problems") or [trouble[1].message]) if trouble else [],
        "steps": [
            {"changed": outcome.changed, "id": outcome.result.get("id"), "step": key[0]}
            for key, outcome in outcomes.items()
        ],
        "storage_account_id": one.account,
        "vault_id": one.vault,
    }


def diff(members: Iterable[Member], shared_keys: Iterable[Key], ended: Mapping[Key, Ended], side: str) -> Document:
    """Before or after of what has changed, by what is shared and by cluster."""
    clusters: Document = {}
    for member in members:
        changed = {
            f"{key[0]} {key[2]}" if key[0] == "instance" else key[0]: getattr(ended[key].value, side)
            for key in member.steps
            if ended[key].well and ended[key].value.changed
        }
        if changed:
            clusters[member.one.id] = changed
    shared = {
        f"{key[0]} {key[1]}": getattr(ended[key].value, side)
        for key in shared_keys
        if ended[key].well and ended[key].value.changed
    }
    return {"clusters": clusters, "shared": shared}


def warnings(members: Iterable[Member], shared_keys: Iterable[Key], ended: Mapping[Key, Ended]) -> list[str]:
    """Each warning once, those of a cluster's own steps with its name."""
    members, shared_keys = list(members), list(shared_keys)
    said: dict[str, None] = dict.fromkeys(_at_odds(members, shared_keys, ended))
    for key in shared_keys:
        if ended[key].well:
            said.update(dict.fromkeys(ended[key].value.warnings))
    for member in members:
        for key in (*member.preflight, *member.steps):
            if ended[key].well:
                said.update(dict.fromkeys(f"{member.one.name}: {one}" for one in ended[key].value.warnings))
    return list(said)


def _at_odds(members: list[Member], shared_keys: list[Key], ended: Mapping[Key, Ended]) -> list[str]:
    """A sentence on each thing that more than one wish has changed: nobody would see why every run changes it."""
    changed: dict[tuple[str, str], list[Key]] = {}
    for key in shared_keys:
        if ended[key].well and ended[key].value.changed:
            changed.setdefault((key[0], key[1]), []).append(key)
    said = []
    for (_step, id_), keys in changed.items():
        if len(keys) > 1:
            whose = listed([next(one.one.name for one in members if key in one.shared) for key in keys])
            said.append(
                f"{id_} is wanted in {len(keys)} ways that changed it one after the other, by {whose}; the last one "
                "counts. Where they contradict each other, each run will change it again: give all clusters that share "
                "it the same options and tags for it."
            )
    return said


def failure(failed: list[Document], total: int) -> str:
    """What has failed and why, clusters that fail of the same thing together."""
    whose: dict[str, list[str]] = {}
    for one in failed:
        whose.setdefault(one["msg"], []).append(one["name"])
    said = [f"{len(failed)} of {total} clusters are not as asked for."]
    for msg, names in list(whose.items())[:NAMED]:
        said.append(f"{listed(names, NAMED)}: {msg}")
    if len(whose) > NAMED:
        said.append("The result has the others, in clusters.")
    return " ".join(said)
