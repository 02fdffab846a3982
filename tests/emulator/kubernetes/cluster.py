# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of one AKS cluster: a set of objects that backups read and restores change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import objects
from .objects import Key, Object, key_of


class Cluster:
    """Objects by key. Those of the template are shared by all clusters; only what differs belongs to the cluster.

    `content` is plain scenario data, every key optional:
      template    "default" (system objects and a small shop) or "system" (system objects alone)
      namespaces  list of names, or mapping of name to labels
      workloads   list of arguments of objects.workload (name, namespace, labels, replicas, containers, claims, behaves)
      volumes     list of arguments of objects.volume (claim, namespace, kind, size, storage_class, labels, reclaim,
                  bound, behaves)
      objects     list of manifests, e.g. BackupHook, RestoreHook or the ConfigMap of a resource modifier
      absent      list of keys [group resource, namespace, name] of the template that are not there
    ValueError or TypeError when it is malformed.
    """

    def __init__(self, name: str, version: str = "1.33.2", content: Mapping[str, Any] | None = None):
        content = content or {}
        unknown = set(content) - {"template", "namespaces", "workloads", "volumes", "objects", "absent"}
        if unknown:
            raise ValueError(f"content of cluster {name}: unknown keys {sorted(unknown)}")
        self.name, self.version = name, version
        self.template = content.get("template", "default")
        if self.template not in ("default", "system"):
            raise ValueError(f"content of cluster {name}: no template {self.template!r}")
        make = objects.default_content if self.template == "default" else objects.system_content
        self._base: Mapping[Key, Object] = make(version)
        self._own: dict[Key, Object | None] = {}  # None: an object of the template that was deleted
        namespaces = content.get("namespaces") or {}
        for each in namespaces:
            self._namespace(each, namespaces[each] if isinstance(namespaces, Mapping) else None)
        for each in content.get("workloads") or ():
            self._put_all(objects.workload(**each))
        for each in content.get("volumes") or ():
            self._put_all(objects.volume(**each))
        self._put_all(content.get("objects") or ())
        for resource, namespace, object_name in content.get("absent") or ():
            self._own[resource, namespace, object_name] = None

    def _namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        self.put(objects.manifest("v1", "Namespace", name, labels={"kubernetes.io/metadata.name": name,
                                                                   **(labels or {})}))

    def _put_all(self, manifests: Iterable[Object]) -> None:
        for each in manifests:
            self.put(each)

    # reading

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        key = (resource, namespace, name)
        return self._own[key] if key in self._own else self._base.get(key)

    def __contains__(self, key: Key) -> bool:
        return self.get(key[0], key[2], key[1]) is not None

    def __iter__(self) -> Iterator[Object]:
        """All objects in a stable order."""
        keys = self._base.keys() | self._own.keys() if self._own else self._base.keys()
        for resource, namespace, name in sorted(keys):
            found = self.get(resource, name, namespace)
            if found is not None:
                yield found

    def namespaces(self) -> list[str]:
        return [objects.name_of(each) for each in self if each["kind"] == "Namespace"]

    def serves(self, manifest: Mapping[str, Any]) -> bool | None:
        """Whether the API server knows the kind in this version; None when it does not know the kind at all."""
        group, dummy, version = manifest["apiVersion"].rpartition("/")
        if group == "flowcontrol.apiserver.k8s.io":
            return version == objects.flow_control_version(self.version)
        known = objects.KINDS.get(manifest["kind"])
        if known and known[0] == group:
            return True
        for each in self:
            if (each["kind"] == "CustomResourceDefinition" and each["spec"]["group"] == group
                    and each["spec"]["names"]["kind"] == manifest["kind"]):
                return any(one["name"] == version and one.get("served", True) for one in each["spec"]["versions"])
        return None

    # writing

    def put(self, manifest: Object) -> None:
        """Create or replace an object; the namespace of a namespaced one is created when it is missing."""
        namespace = objects.namespace_of(manifest)
        if namespace and self.get("namespaces", namespace) is None:
            self._namespace(namespace)
        key = key_of(manifest)
        if self._base.get(key) == manifest:
            self._own.pop(key, None)
        else:
            self._own[key] = manifest

    def delete(self, resource: str, name: str, namespace: str = "") -> bool:
        """Delete an object and, as the cluster's controllers do, what depends on it. False when it was not there."""
        gone = self.get(resource, name, namespace)
        if gone is None:
            return False
        key = (resource, namespace, name)
        if key in self._base:
            self._own[key] = None
        else:
            del self._own[key]
        for each in [each for each in self if _depends(each, gone)]:
            self.delete(*_arguments(each))
        return True

    # keeping

    def to_dict(self) -> dict[str, Any]:
        """Plain data from which from_dict makes an equal cluster."""
        return {
            "name": self.name,
            "version": self.version,
            "content": {
                "template": self.template,
                "objects": [each for each in self._own.values() if each is not None],
                "absent": [list(key) for key, each in self._own.items() if each is None],
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cluster:
        return cls(data["name"], data["version"], data["content"])


def _arguments(manifest: Object) -> tuple[str, str, str]:
    resource, namespace, name = key_of(manifest)
    return resource, name, namespace


def _depends(manifest: Object, on: Object) -> bool:
    """Contents of a namespace, pods of a workload, and the dynamically provisioned volume of a claim."""
    name, namespace = objects.name_of(on), objects.namespace_of(on)
    if on["kind"] == "Namespace":
        return objects.namespace_of(manifest) == name
    if on["kind"] == "PersistentVolumeClaim" and manifest["kind"] == "PersistentVolume":
        claim = manifest["spec"].get("claimRef") or {}
        return (claim.get("namespace"), claim.get("name")) == (namespace, name) and manifest["spec"].get(
            "persistentVolumeReclaimPolicy"
        ) == "Delete"
    return objects.namespace_of(manifest) == namespace and any((owner["kind"], owner["name"]) == (on["kind"], name)
                                                               for owner in manifest["metadata"].get("ownerReferences")
                                                               or ())
