# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces that go away: Terminating first, gone when nothing is left in them that a finalizer keeps.

Source: Kubernetes documentation, "Namespaces" and "Finalizers"; conditions and their wording are those of the namespace
controller of Kubernetes 1.20.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .cluster import Cluster
from .objects import Object, group_resource, name_of, namespace_of

# The API server refuses to delete these.
PROTECTED = frozenset({"default", "kube-public", "kube-system"})
# Seconds for which an empty namespace is still there: the controller looks several times.
TAKES = 6.0


def terminating(manifest: Object | None) -> bool:
    return bool(manifest and manifest["metadata"].get("deletionTimestamp"))


def marked(manifest: Object, when: str) -> Object:
    """The object as one that is to be deleted; what is marked already stays as it is."""
    if terminating(manifest):
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "deletionTimestamp": when}}


def terminate(cluster: Cluster, name: str, when: str) -> Object:
    """Begin to delete a namespace: its contents go at once, but for what a finalizer keeps."""
    namespace = cluster.get("namespaces", name)
    assert namespace is not None
    gone: Object = {**marked(namespace, when), "status": {"phase": "Terminating"}}
    for each in list(cluster):
        key = group_resource(each), name_of(each), namespace_of(each)
        if namespace_of(each) != name or cluster.get(*key) is None:
            continue
        if each["metadata"].get("finalizers"):
            cluster.put(marked(each, when))
        else:
            cluster.delete(*key)
    gone["status"]["conditions"] = conditions(left(cluster, name))
    cluster.put(gone)
    return gone


def left(cluster: Cluster, name: str) -> list[Object]:
    return [each for each in cluster if namespace_of(each) == name]


def finish(cluster: Cluster, name: str) -> bool:
    """Remove a namespace that is Terminating and holds nothing any more; whether it is gone."""
    if not terminating(cluster.get("namespaces", name)) or left(cluster, name):
        return False
    return cluster.delete("namespaces", name)


def conditions(kept: list[Object]) -> list[dict[str, Any]]:
    resources, finalizers = Counter(map(group_resource, kept)), Counter(
        finalizer for each in kept for finalizer in each["metadata"]["finalizers"])
    # The controller writes a dot even where there is no group behind it.
    remaining = ", ".join(f"{one if '.' in one else one + '.'} has {count} resource instances"
                          for one, count in sorted(resources.items()))
    holding = ", ".join(f"{one} in {count} resource instances" for one, count in sorted(finalizers.items()))
    content, finalizer = ("ContentRemoved", "All content successfully removed"), (
        "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    if kept:
        content = "SomeResourcesRemain", f"Some resources are remaining: {remaining}"
        finalizer = "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {holding}"
    return [_condition("NamespaceDeletionContentFailure", False, "ContentDeleted",
                       "All content successfully deleted, may be waiting on finalization"),
            _condition("NamespaceContentRemaining", bool(kept), *content),
            _condition("NamespaceFinalizersRemaining", bool(kept), *finalizer)]


def _condition(kind: str, holds: bool, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": str(holds), "reason": reason, "message": message}
