# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conflict policy Patch: what of an existing object a restore may change.

The API server refuses a change of an immutable field as a whole (Kubernetes API conventions), so one such field keeps
the object as it is.
"""

from __future__ import annotations

from typing import Any

from .objects import Object

# Immutable members below the object, by kind.
FIXED: dict[str, tuple[str, ...]] = {"ClusterRoleBinding": ("roleRef",), "DaemonSet": ("spec.selector",),
                                     "Deployment": ("spec.selector",), "IngressClass": ("spec.controller",),
                                     "Job": ("spec.completions", "spec.selector", "spec.template"),
                                     "PriorityClass": ("value",), "ReplicaSet": ("spec.selector",),
                                     "RoleBinding": ("roleRef",), "Secret": ("type",),
                                     "StorageClass": ("parameters", "provisioner", "reclaimPolicy",
                                                      "volumeBindingMode")}
# Kinds whose spec is immutable but for these members.
MUTABLE: dict[str, frozenset[str]] = {
    "PersistentVolume": frozenset(
        {"accessModes", "capacity", "claimRef", "mountOptions", "persistentVolumeReclaimPolicy"}
    ),
    "PersistentVolumeClaim": frozenset({"resources"}),
    "Pod": frozenset({"activeDeadlineSeconds", "containers", "initContainers", "tolerations"}),
    "StatefulSet": frozenset(
        {"minReadySeconds", "persistentVolumeClaimRetentionPolicy", "replicas", "template", "updateStrategy"}
    ),
}
# What the target cluster decides, hence not compared and kept: the bound volume, the address of a service, the node.
KEPT: dict[str, tuple[str, ...]] = {"PersistentVolumeClaim": ("volumeName",), "Pod": ("nodeName",),
                                    "Service": ("clusterIP", "clusterIPs")}
GOING = ("deletionTimestamp", "finalizers")


def patched(existing: Object, wanted: Object) -> tuple[Object, list[str]]:
    """The existing object with the content of the wanted one; or unchanged, with the immutable members that differ."""
    kind = existing["kind"]
    result = {name: value for name, value in wanted.items() if name not in ("status", "x-emulator")}
    result.update({name: existing[name] for name in ("status", "x-emulator") if name in existing})
    if existing["metadata"].get("deletionTimestamp"):
        # Nobody takes a deletion back, and what waits for it goes on waiting.
        result["metadata"] = {**wanted["metadata"], **{name: existing["metadata"][name] for name in GOING
                                                       if name in existing["metadata"]}}
    if kind in KEPT and "spec" in existing:
        spec = {name: value for name, value in wanted["spec"].items() if name not in KEPT[kind]}
        result["spec"] = {**spec, **{name: existing["spec"][name] for name in KEPT[kind] if name in existing["spec"]}}
    refused = [path for path in FIXED.get(kind, ()) if _at(existing, path) != _at(result, path)]
    if kind in MUTABLE:
        refused += _changed(existing["spec"], result["spec"], MUTABLE[kind])
    if kind == "Pod":
        refused += [f"spec.{name}" for name in ("containers", "initContainers")
                    if _without_image(existing["spec"].get(name)) != _without_image(result["spec"].get(name))]
    if existing.get("immutable") and kind in ("ConfigMap", "Secret"):
        refused += [name for name in ("binaryData", "data", "stringData") if existing.get(name) != result.get(name)]
    return (existing, sorted(set(refused))) if refused else (result, [])


def _at(manifest: Object, path: str) -> Any:
    value: Any = manifest
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _changed(old: Object, new: Object, mutable: frozenset[str]) -> list[str]:
    return [f"spec.{name}" for name in old.keys() | new.keys() if name not in mutable
            and old.get(name) != new.get(name)]


def _without_image(containers: list[Object] | None) -> list[Object]:
    return [{name: value for name, value in each.items() if name != "image"} for each in containers or ()]
