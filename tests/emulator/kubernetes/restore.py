# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore does to the target cluster.

Sources: Azure documentation "What is Azure Kubernetes Service backup?" (conflict policies, hooks, modifiers) and the
criteria types KubernetesClusterRestoreCriteria and KubernetesClusterVaultTierRestoreCriteria of the REST API. Nothing
that exists is ever deleted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from . import hooks, objects
from .cluster import Cluster
from .conflicts import patched
from .modifiers import InvalidModifier, Modifiers
from .namespaces import terminating
from .objects import Object, behaviour, group_resource, name_of, namespace_of
from .selection import Selection
from .warnings import GENERIC, warning

CRITERIA = {"OperationalStore": "KubernetesClusterRestoreCriteria",
            "VaultStore": "KubernetesClusterVaultTierRestoreCriteria"}
# Definitions before instances, claims before the pods that mount them, pods before their owners, which adopt them.
ORDER = ("CustomResourceDefinition", "Namespace", "StorageClass", "VolumeSnapshotClass", "PersistentVolume",
         "PersistentVolumeClaim", "ServiceAccount", "Secret", "ConfigMap", "LimitRange", "Pod", "ReplicaSet")
NEVER_RESTORED = frozenset({"Event", "Node"})


class RestoreError(Exception):
    """The restore as a whole fails before it changes anything."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


def restore(content: Mapping[str, Any], target: Cluster, criteria: Mapping[str, Any]) -> dict[str, Any]:
    """Restore the content of a recovery point (of take_backup or tier) into a cluster; RestoreError if it cannot begin.

    Returns {"counts", "changes", "warnings", "hooks", "subTasks"}:
      counts    {"created", "patched", "skipped", "failed"}: numbers of objects
      changes   [{"action": "created" or "patched", "resource", "namespace", "name", "data"}]; data, what is on the
                volume, only for claims
      warnings, hooks, subTasks   as for take_backup
    """
    return _Restore(content, target, criteria).run()


class _Restore:
    def __init__(self, content: Mapping[str, Any], target: Cluster, criteria: Mapping[str, Any]):
        expected = CRITERIA[content["dataStore"]]
        if criteria["objectType"] != expected:
            raise RestoreError("BMSUserErrorInvalidInput",
                               f"restoreCriteria of a restore from {content['dataStore']} has to be {expected}.")
        self.content, self.target, self.criteria = content, target, criteria
        self.selection = Selection.of(criteria)
        self.mappings: Mapping[str, str] = criteria.get("namespaceMappings") or {}
        self.modifiers = self._modifiers(criteria.get("resourceModifierReference"))
        self.hooks, self.warnings = hooks.hooks(target, "restoreHook", criteria.get("restoreHookReferences"))
        self.snapshots = {(each["namespace"], each["claim"]): each for each in content["volumes"]}
        self.volumes = {name_of(each): each for each in content["objects"] if each["kind"] == "PersistentVolume"}
        self.counts: Counter[str] = Counter(created=0, patched=0, skipped=0, failed=0)
        self.changes: list[dict[str, Any]] = []
        self.pods: list[Object] = []

    def _modifiers(self, reference: Mapping[str, str] | None) -> Modifiers | None:
        if not reference:
            return None
        where = f"ConfigMap {reference['namespace']}/{reference['name']}"
        config_map = self.target.get("configmaps", reference["name"], reference["namespace"])
        if config_map is None:
            raise RestoreError("UserErrorInvalidResourceModifier",
                               f"{where} of the resource modifier is not in the target cluster.")
        try:
            return Modifiers.read(config_map)
        except InvalidModifier as error:
            raise RestoreError("UserErrorInvalidResourceModifier",
                               f"{where} is no valid resource modifier: {error}.") from error

    def run(self) -> dict[str, Any]:
        for each in sorted(self.content["objects"], key=_rank):
            if each["kind"] not in NEVER_RESTORED and self.selection(each):
                self._restore(each)
        runs = [each for pod in self.pods for each in hooks.run(self.hooks, "postHooks", pod, namespace_of(pod))]
        self.warnings += [each.warning() for each in runs if each.error]
        return {"counts": dict(self.counts), "changes": self.changes, "warnings": self.warnings, "hooks": runs,
                "subTasks": [{"taskId": 1, "taskName": "Trigger Restore", "taskStatus": "Completed"}]}

    def _restore(self, original: Object) -> None:
        if original["kind"] == "PersistentVolume" and not self._kept(original):
            return  # its claim gets a new one
        manifest, errors = self.modifiers.apply(original) if self.modifiers else (original, [])
        for error in errors:
            self._warn(GENERIC, original, f"Resource modifier: {error}.")
        served = self.target.serves(manifest)
        if not served:
            code = GENERIC if served is None else "UserErrorSourceandTargetClusterCRDVersionMismatch"
            self._warn(code, manifest,
                       f"The target cluster does not serve {manifest['kind']} of {manifest['apiVersion']}.")
            self.counts["failed"] += 1
            return
        manifest = self._moved(manifest)
        existing = self.target.get(group_resource(manifest), name_of(manifest), namespace_of(manifest))
        if existing is None and terminating(self.target.get("namespaces", namespace_of(manifest))):
            self._warn(GENERIC, manifest, f"Unable to create new content in namespace {namespace_of(manifest)} because "
                       "it is being terminated.")
            self.counts["failed"] += 1
        elif existing is None:
            self._create(manifest, namespace_of(original))
        elif self.criteria.get("conflictPolicy") == "Patch":
            self._patch(existing, manifest)
        else:
            self.counts["skipped"] += 1

    def _kept(self, volume: Object) -> bool:
        """A volume without snapshot that outlives its claim is restored as an object, pointing to the same storage."""
        claim = volume["spec"].get("claimRef") or {}
        return (claim.get("namespace"), claim.get("name")) not in self.snapshots and volume["spec"].get(
            "persistentVolumeReclaimPolicy"
        ) == "Retain"

    def _moved(self, manifest: Object) -> Object:
        """The object in its target namespace."""
        if not self.mappings:
            return manifest
        metadata = dict(manifest["metadata"])
        moved = {**manifest, "metadata": metadata}
        if manifest["kind"] == "Namespace":
            metadata["name"] = self._namespace(metadata["name"])
            metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
        elif metadata.get("namespace"):
            metadata["namespace"] = self._namespace(metadata["namespace"])
        if manifest["kind"] in ("ClusterRoleBinding", "RoleBinding"):
            moved["subjects"] = [{**each, "namespace": self._namespace(each["namespace"])} if "namespace" in each
                                 else each for each in manifest.get("subjects") or ()]
        if manifest["kind"] == "PersistentVolume" and manifest["spec"].get("claimRef"):
            claim = manifest["spec"]["claimRef"]
            moved["spec"] = {**manifest["spec"],
                             "claimRef": {**claim, "namespace": self._namespace(claim["namespace"])}}
        return moved

    def _namespace(self, name: str) -> str:
        return self.mappings.get(name, name)

    def _create(self, manifest: Object, original_namespace: str) -> None:
        change: dict[str, Any] = {"action": "created", "resource": group_resource(manifest),
                                  "namespace": namespace_of(manifest), "name": name_of(manifest)}
        if manifest["kind"] == "PersistentVolumeClaim":
            manifest, change["data"] = self._claim(manifest, original_namespace)
        elif manifest["kind"] == "Pod":
            ready = behaviour(manifest).get("ready") is not False
            spec = {name: value for name, value in manifest["spec"].items() if name != "nodeName"}
            manifest = {**manifest, "spec": spec, "status": {"phase": "Running" if ready else "Pending"}}
            self.pods.append(manifest)
        elif manifest["kind"] == "Service" and manifest["spec"].get("clusterIP") != "None":
            # The address belongs to the cluster, which gives a new one.
            manifest = {**manifest, "spec": {name: value for name, value in manifest["spec"].items()
                                             if name != "clusterIP"}}
        self.target.put(manifest)
        self.counts["created"] += 1
        self.changes.append(change)

    def _claim(self, claim: Object, original_namespace: str) -> tuple[Object, str | None]:
        """The claim bound to a volume, and what is on it: the data backed up, "" on an empty one, None without one."""
        volume_name = claim["spec"].get("volumeName") or ""
        kept = self.target.get("persistentvolumes", volume_name) if volume_name else None
        if kept and (kept["spec"].get("claimRef") or {}) == {"namespace": namespace_of(claim), "name": name_of(claim)}:
            return claim, behaviour(kept).get("data", "")
        snapshot = None
        if self.criteria.get("persistentVolumeRestoreMode") != "RestoreWithoutVolumeData":
            snapshot = self.snapshots.get((original_namespace, name_of(claim)))
        class_name = claim["spec"].get("storageClassName") or ""
        storage_class = self.target.get("storageclasses.storage.k8s.io", class_name)
        spec = {name: value for name, value in claim["spec"].items() if name != "volumeName"}
        if storage_class is None:
            if snapshot:
                self._warn(GENERIC, claim,
                           f"Storage class {class_name!r} is not in the target cluster; the volume is not restored.")
            return {**claim, "spec": spec, "status": {"phase": "Pending"}}, None
        data = snapshot["data"] if snapshot else ""
        source = self.volumes.get(volume_name, {}).get("spec", {}).get("csi", {})
        volume = self._provision(claim, storage_class, source, data)
        self.target.put(volume)
        return {**claim, "spec": {**spec, "volumeName": name_of(volume)}, "status": {"phase": "Bound"}}, data

    def _provision(self, claim: Object, storage_class: Object, source: Mapping[str, Any], data: str) -> Object:
        where = f"{self.target.name}/{namespace_of(claim)}/{name_of(claim)}"
        number = 0
        while self.target.get("persistentvolumes", name := _volume_name(where, number)) is not None:
            number += 1
        csi = {**(source if source.get("driver") == storage_class["provisioner"] else {}),
               "driver": storage_class["provisioner"]}
        return objects.manifest("v1", "PersistentVolume", name,
                                spec={"capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                                      "csi": csi, "storageClassName": name_of(storage_class),
                                      "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                                      "claimRef": {"namespace": namespace_of(claim),
                                                   "name": name_of(claim)}}) | {"x-emulator": {"data": data}}

    def _patch(self, existing: Object, manifest: Object) -> None:
        result, refused = patched(existing, manifest)
        if refused:
            self._warn(GENERIC, manifest, f"The object could not be patched, immutable: {', '.join(refused)}.")
            self.counts["failed"] += 1
        elif result == existing:
            self.counts["skipped"] += 1
        else:
            self.target.put(result)
            self.counts["patched"] += 1
            self.changes.append({"action": "patched", "resource": group_resource(result),
                                 "namespace": namespace_of(result), "name": name_of(result)})

    def _warn(self, code: str, manifest: Object, detail: str) -> None:
        place = "/".join(part for part in (group_resource(manifest), namespace_of(manifest), name_of(manifest)) if part)
        self.warnings.append(warning(code, place, detail))


def _rank(manifest: Object) -> tuple[int, str, str, str]:
    kind = manifest["kind"]
    return ORDER.index(kind) if kind in ORDER else len(ORDER), kind, namespace_of(manifest), name_of(manifest)


def _volume_name(where: str, number: int) -> str:
    return "pvc-" + hashlib.sha256(f"{where}/{number}".encode()).hexdigest()[:32]
