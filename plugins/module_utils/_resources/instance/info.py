# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading backup instances: of a vault, of a cluster, or of subscriptions. Private to the collection."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    DELETED_INSTANCES,
    INSTANCES,
    MAKE_VAULT,
    ROUTING,
    VAULT,
    cluster_id,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form

QUERY = (
    f"RecoveryServicesResources | where type =~ '{INSTANCES}' "
    "| where properties.dataSourceInfo.datasourceType =~ 'Microsoft.ContainerService/managedClusters' "
    "| project id, name, type, properties, tags | order by id asc"
)


def read(arm: Arm, params: Params) -> Outcome:
    """The work of aks_backup_instance_info."""
    found = [form.represent(document) for document in _documents(arm, params) if _of_cluster(document)]
    shown = [one for one in found if _selected(one, params)]
    shown.sort(key=lambda one: ((one["vault_id"] or "").lower(), one["name"].lower(), one["soft_deleted"]))
    next_backups = _next_backups(arm, shown)
    instances = [
        {**one, "next_backup_estimate": next_backups.get((one["policy_id"] or "").lower())}
        if one["protection"] == "active"
        else {**one, "next_backup_estimate": None}
        for one in shown
    ]
    by_protection: dict[str, int] = {}
    for one in instances:
        key = str(one["protection"] or "unknown")
        by_protection[key] = by_protection.get(key, 0) + 1
    return Outcome(
        result={
            "instances": instances,
            "summary": {"by_protection": dict(sorted(by_protection.items())), "total": len(instances)},
        }
    )


def _documents(arm: Arm, params: Params) -> list[Document]:
    """Live instances, and with ``include_deleted`` soft-deleted ones, from the narrowest place that is named."""
    deleted = params["include_deleted"]
    if _named(params, "vault"):
        vault = vault_id(params)
        listed: list[Document] = arm.list_all(INSTANCES, vault)
        if not listed:
            # A misspelt vault must not look like an empty one.
            arm.require(vault, "Backup vault", MAKE_VAULT)
        return [*listed, *(arm.list_all(DELETED_INSTANCES, vault) if deleted else [])]
    if _named(params, "cluster") and not params["subscriptions"]:
        cluster = cluster_id(params)
        listed = arm.list_all(ROUTING, cluster)
        if not listed:
            refuse_unknown("cluster", arm.get(cluster), cluster)
        # Asked through the cluster, the ID of an instance lies below the cluster; this is the one that it goes by.
        found = [{**item, "id": _ids.instance(form.vault_of(item) or "", item["name"])} for item in listed]
        return [*found, *(_deleted(arm, [_ids.segment(cluster, "subscriptions")]) if deleted else [])]
    subscriptions = params["subscriptions"] or [params["subscription_id"]]
    for one in subscriptions:
        _ids.check_name("subscription", one)
    return [*arm.search(QUERY, subscriptions), *(_deleted(arm, subscriptions) if deleted else [])]


def _deleted(arm: Arm, subscriptions: list[str]) -> list[Document]:
    """Soft-deleted instances of all vaults of subscriptions."""
    vaults = arm.together([partial(arm.list_all, VAULT, _ids.subscription(one)) for one in subscriptions])
    ids = [vault["id"] for listed in vaults for vault in listed]
    return [
        item
        for listed in arm.together([partial(arm.list_all, DELETED_INSTANCES, one) for one in ids])
        for item in listed
    ]


def _of_cluster(document: Document) -> bool:
    """Whether an instance is one of an AKS cluster: a vault may protect disks and databases as well."""
    kind = dig(document, "properties.dataSourceInfo.datasourceType") or form.DATASOURCE_TYPE
    return str(kind).lower() == form.DATASOURCE_TYPE.lower()


def _named(params: Params, kind: str) -> bool:
    return bool(params.get(f"{kind}_id") or params.get(f"{kind}_name"))


def _selected(one: Document, params: Params) -> bool:
    cluster = cluster_id(params) if _named(params, "cluster") else None
    name, friendly = params["name"], params["friendly_name"]
    return (
        (cluster is None or _ids.same(one["cluster_id"], cluster))
        and (not name or one["name"].lower() == name.lower())
        and (not friendly or _friendly(one["friendly_name"], one) == _friendly(friendly, one))
        and (not params["protection"] or one["protection"] in params["protection"])
    )


def _friendly(name: str | None, one: Document) -> str:
    return form.friendly(name, one["cluster_id"] or "/")


def _next_backups(arm: Arm, shown: list[Document]) -> dict[str, Any]:
    """Policy ID, lower case -> when its schedule fires next; each policy is read once."""
    now = times.now()
    policies = sorted({one["policy_id"].lower() for one in shown if one["protection"] == "active" and one["policy_id"]})
    documents = arm.together([partial(arm.get, policy) for policy in policies])
    return {policy: form.next_backup(document or {}, now) for policy, document in zip(policies, documents, strict=True)}
