# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of the clusters in the store: what the scenario put there, and what restores and users made of it."""

from __future__ import annotations

from typing import Any

from .ids import same
from .kubernetes import Cluster, namespaces
from .kubernetes.objects import key_of
from .store import Record
from .world import World

TYPE = "Microsoft.ContainerService/managedClusters"


def inside(cluster: Record) -> Cluster:
    """What is in a cluster now; keep() what was changed of it."""
    if "inside" in cluster.hidden:
        return Cluster.from_dict(cluster.hidden["inside"])
    known = {"kubernetesVersion": "1.33.2", **cluster.properties}
    version = known.get("currentKubernetesVersion") or known["kubernetesVersion"]
    return Cluster(cluster.name, version, cluster.hidden.get("content"))


def keep(cluster: Record, content: Cluster) -> None:
    cluster.hidden["inside"] = content.to_dict()


def _cluster(world: World, id: str) -> Record:
    record = world.store.get(id)
    if record is None or not same(record.type, TYPE):
        raise ValueError(f"{id} is no cluster")
    return record


def show(world: World, id: str, namespace: str = "", resource: str = "", name: str = "") -> list[dict[str, Any]]:
    """The objects in a cluster, all or those of a namespace, a resource ("deployments.apps") or a name."""
    wanted = (resource, namespace, name)
    return [each for each in inside(_cluster(world, id))
            if all(not want or want == have for want, have in zip(wanted, key_of(each), strict=True))]


def change(world: World, id: str, put: list[dict[str, Any]], delete: list[list[str]]) -> dict[str, int]:
    """As with kubectl: delete [resource, namespace, name] with all that depends on it, then put manifests."""
    cluster = _cluster(world, id)
    content = inside(cluster)
    gone = sum(content.delete(resource, name, namespace) for resource, namespace, name in delete)
    for _resource, namespace, _name in delete:
        namespaces.finish(content, namespace)
    for manifest in put:
        content.put(manifest)
    keep(cluster, content)
    return {"put": len(put), "deleted": gone}
