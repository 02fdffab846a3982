# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: read what the checks look at, a few reads at the same time, and judge it. Private to the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    BINDINGS,
    DELETED_INSTANCES,
    ROUTING,
    VAULT,
    cluster_id,
    group_id,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import backup as preflight_backup
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import cluster as preflight_cluster
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import storage as preflight_storage
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.cluster import Answer, Check
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.work import deleted_vaults

CHECKS: dict[str, Check] = {
    check.id: check for part in (preflight_cluster, preflight_backup, preflight_storage) for check in part.CHECKS
}
# What the caller may do by scope, None where Azure does not tell.
Permitted: TypeAlias = "dict[str, list[Document] | None]"
Once = Callable[[str, Callable[[], Any]], Any]
SEVERITIES = ("error", "warning", "info")

# Resource Graph answers at once where the vault's own list of jobs has to be read page by page.
ON_DEMAND = (
    f"recoveryservicesresources | where type =~ '{VAULT}/backupJobs' | where properties.dataSourceId =~ '{{cluster}}'"
    " | where properties.operationCategory startswith 'backup' | where properties.isUserTriggered == true"
    " | where todatetime(properties.startTime) > ago(1d) | project instance = tostring(properties.backupInstanceId)"
)
# Facts that are read after these others, since they depend on them, or with less effort then.
AFTER: dict[str, tuple[str, ...]] = {
    "deleted_vaults": ("cluster", "vault"),
    "disks": ("cluster",),
    "permissions": (),
    "roles": ("cluster", "vault", "extensions", "account", "snapshot_group"),
}
# Facts without which a check still has something to say, and more with them.
ALSO = {
    "caller": ("vault", "policy", "account", "container", "snapshot_group", "bindings"),
    "roles": ("policy",),
    "storage_public": ("container",),
}
# Facts that are a resource, None where it does not exist; the ID is in NAME_id.
EXISTING = ("vault", "account", "snapshot_group")
# Fact -> the options without which it cannot be read.
OPTIONS = {
    "account": "storage_account_id",
    "bindings": "vault_id",
    "container": "storage_account_id and blob_container",
    "deleted": "vault_id",
    "deleted_vaults": "vault_id",
    "policy": "vault_id, and policy_name or policy_id",
    "roles": "vault_id, storage_account_id and snapshot_resource_group",
    "snapshot_group": "snapshot_resource_group",
    "vault": "vault_id",
}


class Unreadable(NamedTuple):
    """In place of a fact that Azure does not let the caller read."""

    message: str


class Below(NamedTuple):
    """A fact that is ``nothing``, without a request, where its parent is known not to exist."""

    parent: str
    read: Callable[[], Any]
    nothing: Any


def directly(key: str, call: Callable[[], Any]) -> Any:
    return call()


def examine(arm: Arm, params: Params, once: Once = directly) -> Outcome:
    """Run the checks that the options allow for; nothing is written.

    ``once(key, call)`` gives the call's result. For several clusters, that of the first call with the key will do, as
    what has a key is not the cluster's alone.
    """
    ids = _ids_of(params)
    first = _readers(arm, once, ids)
    below = _readers_below(arm, once, ids)
    readable = {*first, *below, *(name for name, needs in AFTER.items() if set(needs) <= set(first))}
    checks = _chosen(params, readable)
    wanted = {name for check in checks for name in (*check.facts, *ALSO.get(check.id, ())) if name in readable}
    wanted |= {need for name in wanted for need in AFTER.get(name, ())}
    facts: Document = {**ids, "options": params, **_gather(arm, first, wanted)}
    absent = _absent(facts)
    may: Permitted = {}
    second: dict[str, Callable[[], Any]] = {
        **{name: one.read for name, one in below.items() if not _within(one.parent, absent)},
        "deleted_vaults": partial(_deleted_vaults, arm, once, facts),
        "disks": partial(_disks, arm, facts),
        "permissions": partial(_permissions, arm, once, list(ids.values()), absent, may),
        "roles": partial(_missing_roles, arm, params, facts, absent),
    }
    facts.update({name: one.nothing for name, one in below.items() if name in wanted and name not in second})
    held = {
        name
        for name in wanted & set(second)
        if any(isinstance(facts[need], Unreadable) for need in AFTER.get(name, ()))
    }
    facts.update(dict.fromkeys(held, Unreadable("It depends on something that cannot be read.")))
    facts.update(_gather(arm, second, wanted - held))
    if isinstance(facts.get("roles"), list):
        facts["roles"] = _judged_roles(arm, once, facts["roles"], absent, may)
    return _report([(check, answer(check, facts)) for check in checks])


def answer(check: Check, facts: Document) -> Answer:
    """What a check has to say, ``unknown`` where Azure does not show what it looks at."""
    hidden = [facts[name] for name in check.facts if isinstance(facts[name], Unreadable)]
    if hidden:
        return Answer(None, hidden[0].message, "Give the identity that runs Ansible the role Reader there.")
    return check.function({name: value for name, value in facts.items() if not isinstance(value, Unreadable)})


def status(severity: str, good: bool | None) -> str:
    if good is None:
        return "unknown"
    return "pass" if good else "fail" if severity == "error" else "warn"


def sentence(row: Document) -> str:
    """A row of the report in words: which check, how it has ended, why, and what to do."""
    return " ".join(filter(None, [f"{row['id']} ({row['status']}):", row["evidence"], row["fix"]]))


def _report(answers: Iterable[tuple[Check, Answer]]) -> Outcome:
    rows = [
        {
            "id": check.id,
            "severity": check.severity,
            "status": status(check.severity, found.good),
            "evidence": found.evidence,
            "fix": found.fix or None,
        }
        for check, found in answers
    ]
    counts = Counter(row["status"] for row in rows)
    return Outcome(
        result={
            "checks": rows,
            "counts": {name: counts[name] for name in ("pass", "warn", "fail", "unknown")},
            "ok": not counts["fail"],
            "sentences": [sentence(row) for row in rows if row["status"] != "pass"],
        }
    )


def _chosen(params: Params, readable: set[str]) -> list[Check]:
    """The checks to run, in the order of the tables. One that is named and cannot run is an error."""
    named = params.get("checks")
    least = SEVERITIES.index(params["severity"])
    refuse(
        [
            f"The check {name} needs {OPTIONS[need]}."
            for name in named or ()
            for need in sorted(set(CHECKS[name].facts) - readable)[:1]
        ]
    )
    return [
        check
        for check in CHECKS.values()
        if set(check.facts) <= readable and (check.id in named if named else SEVERITIES.index(check.severity) <= least)
    ]


def _ids_of(params: Params) -> dict[str, str]:
    """The IDs that the options name."""
    found = {"cluster_id": cluster_id(params)}
    if params.get("vault_id") or params.get("vault_name"):
        found["vault_id"] = vault_id(params)
    if params.get("policy_id"):
        found["policy_id"] = params["policy_id"]
    elif params.get("policy_name") and "vault_id" in found:
        found["policy_id"] = _ids.policy(found["vault_id"], params["policy_name"])
    if params.get("storage_account_id") or params.get("storage_account"):
        found["account_id"] = extension.account_id(params)
        if params.get("blob_container"):
            found["container_id"] = _ids.container(found["account_id"], params["blob_container"])
    if params.get("snapshot_resource_group"):
        found["snapshot_group_id"] = group_id(params, "snapshot_resource_group")
    return found


def _readers(arm: Arm, once: Once, ids: dict[str, str]) -> dict[str, Callable[[], Any]]:
    """Fact -> how it is read, for the facts that the options allow for."""
    cluster = ids["cluster_id"]
    subscription = _ids.segment(cluster, "subscriptions")
    subscriptions = {_ids.segment(id_, "subscriptions").lower() for id_ in ids.values()}

    def get(id_: str) -> Callable[[], Any]:
        return partial(once, f"preflight {id_}", partial(arm.get, id_))

    def locks(id_: str) -> Callable[[], Any]:
        return partial(once, f"preflight locks {id_}", partial(arm.list_all, "Microsoft.Authorization/locks", id_))

    readers: dict[str, Callable[[], Any]] = {
        "cluster": lambda: arm.get(cluster),
        "extensions": lambda: arm.list_all(extension.LIST_TYPE, cluster),
        "locks": lambda: [
            lock
            for found in arm.together([locks(f"/subscriptions/{one}") for one in sorted(subscriptions)])
            for lock in found
        ],
        "on_demand": lambda: Counter(
            _ids.name(row["instance"]).lower() for row in arm.search(ON_DEMAND.format(cluster=cluster), [subscription])
        ),
        "protecting": lambda: arm.list_all(ROUTING, cluster),
        "providers": lambda: [
            document or {"namespace": namespace}
            for namespace, document in zip(
                preflight_cluster.NAMESPACES,
                arm.together([get(_ids.provider(subscription, name)) for name in preflight_cluster.NAMESPACES]),
                strict=False,
            )
        ],
    }  # fmt: skip
    for name, key in (
        ("vault", "vault_id"),
        ("policy", "policy_id"),
        ("account", "account_id"),
        ("snapshot_group", "snapshot_group_id"),
    ):
        if key in ids:
            readers[name] = get(ids[key])
    if "vault_id" in ids:
        readers["bindings"] = partial(arm.list_all, BINDINGS, cluster)
    return readers


def _readers_below(arm: Arm, once: Once, ids: dict[str, str]) -> dict[str, Below]:
    """Facts about what is below others."""
    readers: dict[str, Below] = {}
    if "container_id" in ids:
        readers["container"] = Below(ids["account_id"], partial(arm.get, ids["container_id"]), None)
    if "vault_id" in ids:
        vault = ids["vault_id"]
        call = partial(arm.list_all, DELETED_INSTANCES, vault)
        readers["deleted"] = Below(vault, partial(once, f"preflight deleted {vault}", call), [])
    return readers


def _absent(facts: Document) -> list[str]:
    """The IDs that are known not to exist, in lower case."""
    return [str(facts[f"{name}_id"]).lower() for name in EXISTING if name in facts and facts[name] is None]


def _within(id_: str, places: list[str]) -> bool:
    """Whether an ID is one of these, or below one."""
    return any(f"{id_.lower()}/".startswith(f"{place}/") for place in places)


def _permissions(arm: Arm, once: Once, scopes: Iterable[str], absent: list[str], known: Permitted) -> Permitted:
    """What the caller may do at each scope, or where it does not exist above it; None where Azure does not tell.

    Every place is asked once, and goes into ``known`` by its ID in lower case.
    """
    ways = {
        scope: [place for place in permissions.places(scope) if not _within(place, absent)]
        for scope in dict.fromkeys(scopes)
    }
    while True:
        # Where nothing is permitted there is no such place, and the next one counts.
        nearest = {
            scope: [place for place in way if known.get(place.lower(), True) != []] for scope, way in ways.items()
        }
        ask = sorted({way[0] for way in nearest.values() if way and way[0].lower() not in known})
        if not ask:
            return {scope: known[way[0].lower()] if way else [] for scope, way in nearest.items()}
        answers = arm.together(
            [partial(once, f"preflight may {place}", partial(permissions.permitted, arm, place)) for place in ask]
        )
        known.update({place.lower(): answer for place, answer in zip(ask, answers, strict=True)})


def _gather(arm: Arm, readers: Mapping[str, Callable[[], Any]], wanted: set[str]) -> Document:
    """The facts, all at the same time; what the caller may not read is :class:`Unreadable`."""
    names = [name for name in readers if name in wanted]

    def read(name: str) -> Any:
        try:
            return readers[name]()
        except AzureError as exc:
            if exc.facts.get("status") != 403:
                raise
            return Unreadable(exc.message)

    return dict(zip(names, arm.together([partial(read, name) for name in names]), strict=False))


def _deleted_vaults(arm: Arm, once: Once, facts: Document) -> list[Document]:
    """The soft-deleted vaults of the cluster's region, while the vault does not exist; otherwise its name is taken."""
    if facts["vault"] or not facts["cluster"]:
        return []
    subscription = _ids.segment(facts["vault_id"], "subscriptions")
    location = facts["cluster"].get("location") or ""
    call = partial(deleted_vaults, arm, subscription, location)
    found: list[Document] = once(f"preflight deleted vaults {subscription} {location}", call)
    return found


def _disks(arm: Arm, facts: Document) -> list[Document]:
    """The managed disks in the resource group of the cluster's nodes, where its CSI driver makes them."""
    cluster = facts["cluster"]
    group = dig(cluster, "properties.nodeResourceGroup")
    if not group:
        return []
    subscription = _ids.segment(facts["cluster_id"], "subscriptions")
    return arm.list_all("Microsoft.Compute/disks", _ids.resource_group(subscription, group))


def _missing_roles(arm: Arm, params: Params, facts: Document, absent: list[str]) -> list[Document]:
    """Which roles for backup are missing."""
    policy = facts.get("policy")
    tier = isinstance(policy, dict) and policy_form.uses_vault_tier(policy.get("properties") or {})
    parties = permissions.Parties(facts["cluster"], facts["vault"], preflight_cluster.installed(facts))
    wanted = permissions.rows({**permissions.DEFAULTS, **params, "operation": "backup"}, parties, tier)
    assignments = permissions.existing(arm, [row for row in wanted if not _within(row["scope"], absent)])
    return [row for row in wanted if not permissions.table.matching(row, assignments.get(row["scope"], []))]


def _judged_roles(arm: Arm, once: Once, missing: list[Document], absent: list[str], known: Permitted) -> Document:
    """The missing roles, and of these which the caller may not assign."""
    may = _permissions(arm, once, [row["assignment_scope"] for row in missing], absent, known)
    denied = [row for row in missing if not permissions.assigns(may[row["assignment_scope"]])]
    return {"missing": missing, "denied": denied}
