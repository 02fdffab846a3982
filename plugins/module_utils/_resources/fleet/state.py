# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the clusters of a fleet stand with their backups, by a few queries for all of them. Private to the collection.

What Azure Resource Graph knows is put together here; nothing is asked of single clusters. Sources:
https://learn.microsoft.com/azure/backup/query-backups-using-azure-resource-graph, and the rows as the service shows
them.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import listed, user_facing
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import queries as fleet_queries
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope

# Azure's word for the state of a backup instance -> ours. BackupsSuspended is what the service says, the other two
# kinds of suspension are in its reference only.
STATES = {
    "backupschedulessuspended": "suspended",
    "backupssuspended": "suspended",
    "configuringprotection": "configuring",
    "configuringprotectionfailed": "error",
    "protectionconfigured": "protected",
    "protectionerror": "error",
    "protectionstopped": "stopped",
    "retentionschedulessuspended": "suspended",
    "softdeleted": "stopped",
    "softdeleting": "stopped",
    "updatingprotection": "configuring",
}
# Of a cluster with several instances: the first of these that one of them is in.
PRECEDENCE = ("error", "protected", "configuring", "suspended", "stopped")
UNPROTECTED = "unprotected"
ALL_STATES = (*PRECEDENCE, UNPROTECTED)


@dataclass
class Rows:
    """Answers of Resource Graph; ``asked`` is its own time."""

    clusters: list[Document] = field(default_factory=list)
    extensions: list[Document] = field(default_factory=list)
    instances: list[Document] = field(default_factory=list)
    policies: list[Document] = field(default_factory=list)
    subscriptions: list[Document] = field(default_factory=list)
    vaults: list[Document] = field(default_factory=list)
    job_counts: list[Document] = field(default_factory=list)
    trouble: list[Document] = field(default_factory=list)

    @property
    def asked(self) -> datetime.datetime:
        found = [times.moment(row.get("asked")) for row in self.clusters[:1]]
        return found[0] if found and found[0] else times.now()


STATE = {
    "clusters": fleet_queries.CLUSTERS,
    "extensions": fleet_queries.EXTENSIONS,
    "instances": fleet_queries.INSTANCES,
}
POSTURE = {"policies": fleet_queries.POLICIES, "vaults": fleet_queries.VAULTS}
READER = "If that cannot be, check the IDs, and give the caller the role Reader there."
# How many of the jobs that did not go well are read.
TROUBLE = 500


def history(days: int) -> dict[str, str]:
    """The queries about the jobs of the last days."""
    return {
        "job_counts": fleet_queries.JOB_COUNTS.format(days=days),
        "trouble": fleet_queries.JOBS_IN_TROUBLE.format(days=days),
    }


def ask(arm: Arm, params: Mapping[str, Any], queries: Mapping[str, str]) -> Rows:
    """The rows that the queries are answered with, all at the same time; keys are fields of :class:`Rows`."""
    scopes = fleet_scope.scopes(params)
    if len(fleet_scope.listed(params)) > 1:
        queries = {**queries, "subscriptions": fleet_queries.SUBSCRIPTIONS}
    names = [name for name in queries for _scope in scopes]
    answers = arm.together(
        partial(arm.search, query, most=TROUBLE if name == "trouble" else None, **scope)
        for name, query in queries.items()
        for scope in scopes
    )
    rows = Rows()
    for name, answer in zip(names, answers, strict=True):
        getattr(rows, name).extend(answer)
    return rows


def unseen(rows: Rows, params: Mapping[str, Any]) -> list[str]:
    """What the caller may have no sight of, in sentences: an answer that lacks it looks like one where all is well.

    A subscription that is asked for alone needs no look; where it cannot be read, Resource Graph refuses the query.
    """
    asked, said = fleet_scope.listed(params), []
    seen = {str(row.get("subscriptionId")).lower() for row in [*rows.subscriptions, *rows.clusters]}
    missing = [id_ for id_ in asked if id_.lower() not in seen] if len(asked) > 1 else []
    if missing:
        said.append(
            f"Azure Resource Graph shows nothing of these subscriptions: {listed(missing)}. What is in them is "
            f"left out. {READER}"
        )
    if not rows.clusters:
        said.append(f"Azure Resource Graph shows no AKS cluster at all where it was looked for. {READER}")
    return said


def clusters(rows: Rows, params: Mapping[str, Any]) -> list[Document]:
    """The clusters that are meant, by ID, each with how it stands."""
    instances: dict[str, list[Document]] = {}
    for row in rows.instances:
        instances.setdefault(_source(row), []).append(instance(row))
    extensions = {_cluster_of(row["id"]): extension(row) for row in rows.extensions}
    found = []
    for row in rows.clusters:
        shown = cluster(row)
        if fleet_scope.wanted(shown, params):
            mine = sorted(instances.get(row["id"].lower(), []), key=lambda one: one["id"].lower())
            shown["protection"] = {
                "extension": extensions.get(row["id"].lower()),
                "instances": mine,
                "last_recovery_point": newest(one["last_recovery_point"] for one in mine),
                "state": state(mine),
            }
            found.append(shown)
    return sorted(found, key=lambda one: one["id"].lower())


def state(instances: list[Document]) -> str:
    """The state of a cluster, of those of its instances."""
    states = {one["state"] for one in instances}
    return next((name for name in PRECEDENCE if name in states), UNPROTECTED)


def cluster(row: Document) -> Document:
    """A cluster in the user's words."""
    properties = row.get("properties") or {}
    return {
        "id": row["id"],
        "identity_type": (row.get("identity") or {}).get("type") or "None",
        "kubernetes_version": properties.get("kubernetesVersion"),
        "location": _ids.region(row.get("location")),
        "name": row["name"],
        "node_pools": [
            {
                "count": pool.get("count"),
                "mode": pool.get("mode"),
                "name": pool.get("name"),
                "os_type": pool.get("osType"),
                "vm_size": pool.get("vmSize"),
            }
            for pool in properties.get("agentPoolProfiles") or []
        ],
        "node_resource_group": properties.get("nodeResourceGroup"),
        "power_state": dig(properties, "powerState.code"),
        "private": bool(dig(properties, "apiServerAccessProfile.enablePrivateCluster", False)),
        "provisioning_state": properties.get("provisioningState"),
        "resource_group": _ids.segment(row["id"], "resourceGroups"),
        "subscription_id": _ids.segment(row["id"], "subscriptions"),
        "tags": dict(sorted((row.get("tags") or {}).items())),
    }


def instance(row: Document) -> Document:
    """A backup instance in the user's words. ``interval_seconds`` is what the policy leaves between two backups."""
    properties = row.get("properties") or {}
    extended = properties.get("backupInstanceExtendedProperties") or {}
    policy = dig(properties, "policyInfo.policyId") or ""
    said = str(properties.get("currentProtectionState") or dig(properties, "protectionStatus.status") or "")
    configured: Document = next(
        iter(dig(properties, "policyInfo.policyParameters.backupDatasourceParametersList") or []), {}
    )
    error = properties.get("protectionErrorDetails") or dig(properties, "protectionStatus.errorDetails")
    return {
        "error": user_facing(error) if isinstance(error, Mapping) and error else None,
        "excluded_namespaces": sorted(configured.get("excludedNamespaces") or []),
        "id": row["id"],
        "included_namespaces": sorted(configured.get("includedNamespaces") or []),
        "interval_seconds": times.seconds(dig(extended, "policyExtendedInfo.configuredRPGenerationFrequency")),
        "last_recovery_point": dig(extended, "recoveryPointInfo.latestRecoveryPointInPrimaryRegion") or None,
        "name": row["name"],
        "policy_id": policy or None,
        "policy_name": _ids.name(policy) or None,
        "protection_state": said or None,
        # A state that this table does not know is nothing to rely on.
        "state": STATES.get(said.lower(), "error"),
        "vault_id": _vault_of(row["id"]),
        "vault_name": _ids.name(_vault_of(row["id"])),
    }


def extension(row: Document) -> Document:
    """The backup extension in the user's words."""
    properties = _loose(row.get("properties"))
    statuses = [_loose(one) for one in properties.get("statuses") or []]
    said = _loose(properties.get("errorinfo")).get("message") or next(
        (one.get("message") for one in statuses if str(one.get("level")).lower() == "error" and one.get("message")),
        None,
    )
    return {
        "id": row["id"],
        "message": said,
        "name": row["name"],
        "state": properties.get("provisioningstate"),
        "version": properties.get("currentversion") or properties.get("version"),
    }


def newest(moments: Any) -> str | None:
    """The latest of timestamps of the service, some of which may be None."""
    known = [text for text in moments if times.moment(text)]
    return max(known, key=lambda text: times.moment(text) or times.now()) if known else None


def _loose(properties: Any) -> Document:
    """A mapping whose members can be asked for in lower case."""
    return {key.lower(): value for key, value in properties.items()} if isinstance(properties, Mapping) else {}


def _source(row: Document) -> str:
    return str(dig(row, "properties.dataSourceInfo.resourceID") or "").rstrip("/").lower()


def _cluster_of(id_: str) -> str:
    return id_.lower().partition("/providers/microsoft.kubernetesconfiguration/")[0]


def _vault_of(id_: str) -> str:
    return id_[: id_.lower().rindex("/backupinstances/")]
