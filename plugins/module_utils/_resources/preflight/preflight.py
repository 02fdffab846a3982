# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: read what the checks look at, a few reads at the same time, and judge it. Private to the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import cluster_id, group_id, vault_id
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.revoke import ROUTING
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import backup as preflight_backup
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import cluster as preflight_cluster
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import storage as preflight_storage
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.cluster import Answer, Check
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.work import deleted_vaults

CHECKS: dict[str, Check] = {
    check.id: check for part in (preflight_cluster, preflight_backup, preflight_storage) for check in part.CHECKS
}
SEVERITIES = ("error", "warning", "info")

_VAULTS = "Microsoft.DataProtection/backupVaults"
BINDINGS = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"
# Resource Graph answers at once where the vault's own list of jobs has to be read page by page.
ON_DEMAND = (
    f"recoveryservicesresources | where type =~ '{_VAULTS}/backupJobs' | where properties.dataSourceId =~ '{{cluster}}'"
    " | where properties.operationCategory startswith 'backup' | where properties.isUserTriggered == true"
    " | where todatetime(properties.startTime) > ago(1d) | project instance = tostring(properties.backupInstanceId)"
)
# Facts that are read after these others, since they depend on them.
AFTER = {
    "deleted_vaults": ("cluster", "vault"),
    "disks": ("cluster",),
    "roles": ("cluster", "vault", "extensions", "account", "snapshot_group"),
}
# Facts without which a check still has something to say, and more with them.
ALSO = {
    "caller": ("vault", "policy", "account", "container", "snapshot_group", "bindings"),
    "roles": ("policy",),
    "storage_public": ("container",),
}
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


def examine(arm: Arm, params: Params) -> Outcome:
    """Run the checks that the options allow for; nothing is written."""
    ids = _ids_of(params)
    first = _readers(arm, params, ids)
    readable = {*first, *(name for name, needs in AFTER.items() if set(needs) <= set(first))}
    checks = _chosen(params, readable)
    wanted = {name for check in checks for name in (*check.facts, *ALSO.get(check.id, ())) if name in readable}
    wanted |= {need for name in wanted for need in AFTER.get(name, ())}
    facts: Document = {**ids, "options": params, **_gather(arm, first, wanted)}
    second: dict[str, Callable[[], Any]] = {
        "deleted_vaults": partial(_deleted_vaults, arm, facts),
        "disks": partial(_disks, arm, facts),
        "roles": partial(_roles, arm, params, facts),
    }
    held = {name for name in wanted & set(second) if any(isinstance(facts[need], Unreadable) for need in AFTER[name])}
    facts.update(dict.fromkeys(held, Unreadable("It depends on something that cannot be read.")))
    facts.update(_gather(arm, second, wanted - held))
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
            "sentences": [
                " ".join(filter(None, [f"{row['id']} ({row['status']}):", row["evidence"], row["fix"]]))
                for row in rows
                if row["status"] != "pass"
            ],
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


def _readers(arm: Arm, params: Params, ids: dict[str, str]) -> dict[str, Callable[[], Any]]:
    """Fact -> how it is read, for the facts that the options allow for."""
    cluster = ids["cluster_id"]
    subscription = _ids.segment(cluster, "subscriptions")
    subscriptions = {_ids.segment(id_, "subscriptions").lower() for id_ in ids.values()}
    readers: dict[str, Callable[[], Any]] = {
        "cluster": lambda: arm.get(cluster),
        "extensions": lambda: arm.list_all(extension.LIST_TYPE, cluster),
        "locks": lambda: [
            lock
            for found in arm.together(
                [partial(arm.list_all, "Microsoft.Authorization/locks", f"/subscriptions/{one}")
                 for one in sorted(subscriptions)]
            )
            for lock in found
        ],
        "on_demand": lambda: Counter(
            _ids.name(row["instance"]).lower() for row in arm.search(ON_DEMAND.format(cluster=cluster), [subscription])
        ),
        "permissions": lambda: dict(
            zip(
                ids.values(),
                arm.together([partial(permissions.caller_permissions, arm, id_) for id_ in ids.values()]),
                strict=False,
            )
        ),
        "protecting": lambda: arm.list_all(ROUTING, cluster),
        "providers": lambda: [
            document or {"namespace": namespace}
            for namespace, document in zip(
                preflight_cluster.NAMESPACES,
                arm.together(
                    [partial(arm.get, _ids.provider(subscription, name)) for name in preflight_cluster.NAMESPACES]
                ),
                strict=False,
            )
        ],
    }  # fmt: skip
    for name, key in (
        ("vault", "vault_id"),
        ("policy", "policy_id"),
        ("account", "account_id"),
        ("container", "container_id"),
        ("snapshot_group", "snapshot_group_id"),
    ):
        if key in ids:
            readers[name] = partial(arm.get, ids[key])
    if "vault_id" in ids:
        readers["bindings"] = partial(arm.list_all, BINDINGS, cluster)
        readers["deleted"] = partial(arm.list_all, f"{_VAULTS}/deletedBackupInstances", ids["vault_id"])
    return readers


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


def _deleted_vaults(arm: Arm, facts: Document) -> list[Document]:
    """The soft-deleted vaults of the cluster's region, while the vault does not exist; otherwise its name is taken."""
    if facts["vault"] or not facts["cluster"]:
        return []
    subscription = _ids.segment(facts["vault_id"], "subscriptions")
    return deleted_vaults(arm, subscription, facts["cluster"].get("location") or "")


def _disks(arm: Arm, facts: Document) -> list[Document]:
    """The managed disks in the resource group of the cluster's nodes, where its CSI driver makes them."""
    cluster = facts["cluster"]
    group = dig(cluster, "properties.nodeResourceGroup")
    if not group:
        return []
    subscription = _ids.segment(facts["cluster_id"], "subscriptions")
    return arm.list_all("Microsoft.Compute/disks", _ids.resource_group(subscription, group))


def _roles(arm: Arm, params: Params, facts: Document) -> Document:
    """Which roles for backup are missing, and of these which the caller may not assign."""
    policy = facts.get("policy")
    tier = isinstance(policy, dict) and policy_form.uses_vault_tier(policy.get("properties") or {})
    parties = permissions.Parties(facts["cluster"], facts["vault"], preflight_cluster.installed(facts))
    wanted = permissions.rows({**permissions.DEFAULTS, **params, "operation": "backup"}, parties, tier)
    assignments = permissions.existing(arm, wanted)
    missing = [row for row in wanted if not permissions.table.matching(row, assignments[row["scope"]])]
    scopes = sorted({row["assignment_scope"] for row in missing})
    answers = arm.together([partial(permissions.may_assign, arm, scope) for scope in scopes])
    may = dict(zip(scopes, answers, strict=False))
    return {"missing": missing, "denied": [row for row in missing if not may[row["assignment_scope"]]]}
