# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes objects as plain manifests, and the content of a small default cluster.

An object is a Kubernetes manifest (a dict with apiVersion, kind, metadata and its own fields). Objects are shared
between clusters and recovery points, so nothing may change one in place: replace it by a changed copy.

One key is not Kubernetes: `x-emulator` says how the object behaves here.
  PersistentVolume: data (str, stands for the bytes on the disk), snapshot ("denied", "timeout" or "missing"),
                    snapshots (int, how many exist)
  Pod:              ready (bool), exec (list of {container, command (regular expression), exitCode, seconds, message})
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str]  # group resource ("deployments.apps"), namespace ("" when cluster scoped), name

BACKUP_GROUP = "clusterbackup.dataprotection.microsoft.com"

# Kinds that every cluster serves: kind -> (group, resource, namespaced). Others need a CustomResourceDefinition.
KINDS: dict[str, tuple[str, str, bool]] = {
    "BackupHook": (BACKUP_GROUP, "backuphooks", True),
    "ClusterRole": ("rbac.authorization.k8s.io", "clusterroles", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io", "clusterrolebindings", False),
    "ConfigMap": ("", "configmaps", True),
    "CronJob": ("batch", "cronjobs", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io", "customresourcedefinitions", False),
    "DaemonSet": ("apps", "daemonsets", True),
    "Deployment": ("apps", "deployments", True),
    "Endpoints": ("", "endpoints", True),
    "Event": ("", "events", True),
    "FlowSchema": ("flowcontrol.apiserver.k8s.io", "flowschemas", False),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers", True),
    "Ingress": ("networking.k8s.io", "ingresses", True),
    "IngressClass": ("networking.k8s.io", "ingressclasses", False),
    "Job": ("batch", "jobs", True),
    "LimitRange": ("", "limitranges", True),
    "Namespace": ("", "namespaces", False),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies", True),
    "Node": ("", "nodes", False),
    "PersistentVolume": ("", "persistentvolumes", False),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims", True),
    "Pod": ("", "pods", True),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets", True),
    "PriorityClass": ("scheduling.k8s.io", "priorityclasses", False),
    "PriorityLevelConfiguration": ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", False),
    "ReplicaSet": ("apps", "replicasets", True),
    "ResourceQuota": ("", "resourcequotas", True),
    "RestoreHook": (BACKUP_GROUP, "restorehooks", True),
    "Role": ("rbac.authorization.k8s.io", "roles", True),
    "RoleBinding": ("rbac.authorization.k8s.io", "rolebindings", True),
    "Secret": ("", "secrets", True),
    "Service": ("", "services", True),
    "ServiceAccount": ("", "serviceaccounts", True),
    "StatefulSet": ("apps", "statefulsets", True),
    "StorageClass": ("storage.k8s.io", "storageclasses", False),
    "VolumeSnapshotClass": ("snapshot.storage.k8s.io", "volumesnapshotclasses", False),
}

# Azure Files by NFS needs another protocol than the one backed up, hence a kind of its own (AKS backup support matrix).
VOLUME_SOURCES: dict[str, Object] = {"AzureDisk": {"csi": {"driver": "disk.csi.azure.com"}},
                                     "AzureFileShareSMB": {"csi": {"driver": "file.csi.azure.com"}},
                                     "AzureFileShareNFS": {"csi": {"driver": "file.csi.azure.com",
                                                                   "volumeAttributes": {"protocol": "nfs"}}},
                                     "AzureBlob": {"csi": {"driver": "blob.csi.azure.com"}},
                                     "InTreeAzureDisk": {"azureDisk": {"kind": "Managed"}},
                                     "InTreeAzureFile": {"azureFile": {"shareName": "share"}},
                                     "NFS": {"nfs": {"server": "nfs.example.com", "path": "/"}},
                                     "HostPath": {"hostPath": {"path": "/mnt"}}}
STORAGE_CLASSES = {"AzureDisk": "managed-csi", "AzureFileShareSMB": "azurefile-csi",
                   "AzureFileShareNFS": "azurefile-csi-nfs", "AzureBlob": "azureblob-fuse-premium"}

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30,
          "Ti": 2**40, "Pi": 2**50}


def quantity(text: str | int) -> int:
    """Bytes of a Kubernetes quantity such as 8Gi; ValueError when it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKMGTP]?i?)", str(text))
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    return int(float(match[1]) * _UNITS[match[2]])


def group_of(api_version: str) -> str:
    """The API group of an apiVersion: "apps" of "apps/v1", "" of "v1"."""
    return api_version.rpartition("/")[0]


def group_resource(manifest: Mapping[str, Any]) -> str:
    """Resource and group in the form of kubectl: "pods", "deployments.apps"."""
    kind, group = manifest["kind"], group_of(manifest["apiVersion"])
    known = KINDS.get(kind)
    resource = known[1] if known and known[0] == group else kind.lower() + "s"
    return f"{resource}.{group}" if group else resource


def name_of(manifest: Mapping[str, Any]) -> str:
    return manifest["metadata"]["name"]


def namespace_of(manifest: Mapping[str, Any]) -> str:
    return manifest["metadata"].get("namespace") or ""


def labels_of(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    return manifest["metadata"].get("labels") or {}


def key_of(manifest: Mapping[str, Any]) -> Key:
    return group_resource(manifest), namespace_of(manifest), name_of(manifest)


def behaviour(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    return manifest.get("x-emulator") or {}


def manifest(api_version: str, kind: str, name: str, namespace: str = "", labels: Mapping[str, str] | None = None,
             **fields: Any) -> Object:
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def workload(name: str, namespace: str, *, labels: Mapping[str, str] | None = None, replicas: int = 1,
             containers: list[Object] | None = None, claims: Mapping[str, str] | None = None,
             behaves: Mapping[str, Any] | None = None) -> Iterator[Object]:
    """A Deployment with its ReplicaSet and Pods. claims: volume name -> PersistentVolumeClaim."""
    labels = {"app": name, **(labels or {})}
    volumes = [{"name": volume, "persistentVolumeClaim": {"claimName": claim}}
               for volume, claim in (claims or {}).items()]
    template: Object = {"containers": containers or [{"name": name, "image": f"registry.example.com/{name}:1.0"}]}
    if volumes:
        template["volumes"] = volumes
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": template}}
    replica_set = f"{name}-5d4f8b"
    owner = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name}]
    yield manifest("apps/v1", "Deployment", name, namespace, labels, spec=spec)
    yield _owned(manifest("apps/v1", "ReplicaSet", replica_set, namespace, labels, spec=spec), owner)
    owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set}]
    for number in range(replicas):
        pod = manifest("v1", "Pod", f"{replica_set}-{number}", namespace, labels, spec=template,
                       status={"phase": "Running"})
        if behaves:
            pod["x-emulator"] = dict(behaves)
        yield _owned(pod, owner)


def _owned(child: Object, owner: list[Object]) -> Object:
    child["metadata"]["ownerReferences"] = owner
    return child


def volume(claim: str, namespace: str, *, kind: str = "AzureDisk", size: str = "8Gi", storage_class: str | None = None,
           labels: Mapping[str, str] | None = None, reclaim: str = "Delete", bound: bool = True,
           behaves: Mapping[str, Any] | None = None) -> Iterator[Object]:
    """A PersistentVolumeClaim and, when bound, its PersistentVolume. kind: a key of VOLUME_SOURCES."""
    source = VOLUME_SOURCES[kind]
    storage_class = STORAGE_CLASSES.get(kind, "") if storage_class is None else storage_class
    volume_name = f"pvc-{namespace}-{claim}"
    spec: Object = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
                    "resources": {"requests": {"storage": size}}}
    if bound:
        spec["volumeName"] = volume_name
    yield manifest("v1", "PersistentVolumeClaim", claim, namespace, labels, spec=spec,
                   status={"phase": "Bound" if bound else "Pending"})
    if bound:
        yield manifest(
            "v1",
            "PersistentVolume",
            volume_name,
            spec={
                "capacity": {"storage": size},
                "storageClassName": storage_class,
                "persistentVolumeReclaimPolicy": reclaim,
                "claimRef": {"namespace": namespace, "name": claim},
                **source,
            },
        ) | {"x-emulator": {"data": f"data of {namespace}/{claim}", **(behaves or {})}}


def flow_control_version(version: str) -> str:
    """Version of the group flowcontrol.apiserver.k8s.io that a Kubernetes version stores (API deprecation guide)."""
    minor = minor_of(version)
    return "v1" if minor >= 29 else "v1beta3" if minor >= 26 else "v1beta2"


def minor_of(version: str) -> int:
    """The 33 of 1.33.2."""
    return int(version.split(".")[1])


@functools.cache
def default_content(version: str) -> Mapping[Key, Object]:
    """What a cluster holds that nobody described: its system namespaces, and a small shop with one disk."""
    return index([*system_content(version).values(), *_shop()])


@functools.cache
def system_content(version: str) -> Mapping[Key, Object]:
    """What every AKS cluster holds."""
    flow_control = f"flowcontrol.apiserver.k8s.io/{flow_control_version(version)}"
    namespaces = ("default", "kube-node-lease", "kube-public", "kube-system")
    return index(
        [
            *(manifest("v1", "Namespace", name, labels={"kubernetes.io/metadata.name": name}) for name in namespaces),
            *(
                manifest(
                    "storage.k8s.io/v1",
                    "StorageClass",
                    name,
                    provisioner=provisioner,
                    reclaimPolicy="Delete",
                    parameters=parameters,
                )
                for name, provisioner, parameters in (
                    ("azurefile-csi", "file.csi.azure.com", {"skuName": "Standard_LRS"}),
                    ("managed-csi", "disk.csi.azure.com", {"skuname": "StandardSSD_LRS"}),
                )
            ),
            manifest(flow_control, "FlowSchema", "global-default", spec={"matchingPrecedence": 9900}),
            manifest(flow_control, "PriorityLevelConfiguration", "global-default", spec={"type": "Limited"}),
            manifest("v1", "ConfigMap", "coredns", "kube-system", data={"Corefile": ".:53 { }"}),
            *workload("coredns", "kube-system"),
        ]
    )


def _shop() -> Iterator[Object]:
    yield manifest("v1", "Namespace", "shop", labels={"kubernetes.io/metadata.name": "shop"})
    yield manifest("v1", "ServiceAccount", "web", "shop")
    yield manifest("v1", "ConfigMap", "web", "shop", {"app": "web"}, data={"color": "blue"})
    yield manifest("v1", "Secret", "web", "shop", {"app": "web"}, type="Opaque", data={"token": "c2VjcmV0"})
    yield manifest(
        "v1",
        "Service",
        "web",
        "shop",
        {"app": "web"},
        spec={"clusterIP": "10.0.0.10", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    )
    yield from volume("data", "shop", labels={"app": "web"})
    yield from workload("web", "shop", replicas=2, claims={"data": "data"})


def index(objects: list[Object]) -> dict[Key, Object]:
    return {key_of(each): each for each in objects}
