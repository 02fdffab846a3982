# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of a cluster holds.

Sources: Azure documentation "What is Azure Kubernetes Service backup?" and "AKS backup support matrix"; parameters are
KubernetesClusterBackupDatasourceParameters of the REST API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import hooks, objects
from .cluster import Cluster
from .objects import Key, Object, behaviour, key_of, name_of, namespace_of
from .selection import SKIPPED_NAMESPACES, Selection
from .warnings import GENERIC, warning

SNAPSHOT_LIMIT = 500  # incremental snapshots of one Azure disk
TIERING_LIMIT = objects.quantity("1Ti")  # larger disks stay out of the data moved to the vault tier
# What is snapshotted when includedVolumeTypes is null, as it is in configurations older than that member.
DEFAULT_VOLUME_TYPES = ("AzureDisk",)
SUPPORTED_VOLUME_TYPES = ("AzureDisk", "AzureFileShareSMB")


def take_backup(
    cluster: Cluster, parameters: Mapping[str, Any], snapshots: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Back up what the parameters select.

    snapshots: how many snapshots of a persistent volume exist already, by name of the volume.
    Returns {"content", "warnings", "hooks", "subTasks"}:
      content   plain data, shares its objects with the cluster: {"cluster", "version", "dataStore", "namespaces",
                "objects", "volumes": [{"namespace", "claim", "volume", "kind", "size" (bytes), "data", "tierable"}]}
      warnings  items of AzureBackupJob.extendedInfo.warningDetails
      hooks     list of hooks.Run
      subTasks  [{"taskId", "taskName", "taskStatus"}]
    """
    selection = Selection.of(parameters)
    warnings = [warning("UserErrorNamespaceNotFound", f"namespaces/{name}", f"Namespace: {name}.")
                for name in sorted(selection.included_namespaces) if cluster.get("namespaces", name) is None]
    picked = _closure(cluster, selection)
    specifications, missing = hooks.hooks(cluster, "backupHook", parameters.get("backupHookReferences"))
    warnings += missing
    runs = _run_hooks(specifications, picked, "preHooks", warnings)
    volumes = []
    if parameters.get("snapshotVolumes") is not False:
        wanted = parameters.get("includedVolumeTypes")
        for claim in [each for each in picked.values() if each["kind"] == "PersistentVolumeClaim"]:
            volume = _snapshot(cluster, claim, wanted, snapshots or {}, warnings)
            if volume:
                volumes.append(volume)
    runs += _run_hooks(specifications, picked, "postHooks", warnings)
    content = {"cluster": cluster.name, "version": cluster.version, "dataStore": "OperationalStore",
               "namespaces": sorted({namespace_of(each) for each in picked.values()} - {""}),
               "objects": list(picked.values()), "volumes": volumes}
    return {"content": content, "warnings": warnings, "hooks": runs,
            "subTasks": [{"taskId": 1, "taskName": "Trigger Backup", "taskStatus": "Completed"}]}


def tier(content: Mapping[str, Any]) -> dict[str, Any]:
    """What of a recovery point moves to the vault tier: all but the disks over 1 TB."""
    return {**content, "dataStore": "VaultStore", "volumes": [each for each in content["volumes"] if each["tierable"]]}


def _closure(cluster: Cluster, selection: Selection) -> dict[Key, Object]:
    """Selected objects and what comes along: claims of pods, volumes of claims, the namespace of everything."""
    everything = {key_of(each): each for each in cluster if not _skipped(each)}
    picked = {key: each for key, each in everything.items() if selection(each)}
    claims = [("persistentvolumeclaims", namespace_of(each), claim) for each in picked.values() if each["kind"] == "Pod"
              for claim in _claims(each)]
    for key in claims:
        if key in everything and selection.type(everything[key]):
            picked[key] = everything[key]
    for each in [each for each in picked.values() if each["kind"] == "PersistentVolumeClaim"]:
        key = ("persistentvolumes", "", each["spec"].get("volumeName") or "")
        if key in everything and selection.cluster_scope and selection.type(everything[key]):
            picked[key] = everything[key]
    for name in {namespace_of(each) for each in picked.values()} - {""}:
        picked["namespaces", "", name] = everything["namespaces", "", name]
    return dict(sorted(picked.items()))


def _skipped(manifest: Object) -> bool:
    if manifest["kind"] == "Namespace":
        return name_of(manifest) in SKIPPED_NAMESPACES
    if manifest["kind"] == "PersistentVolume":
        return (manifest["spec"].get("claimRef") or {}).get("namespace") in SKIPPED_NAMESPACES
    return namespace_of(manifest) in SKIPPED_NAMESPACES


def _claims(pod: Object) -> list[str]:
    return [each["persistentVolumeClaim"]["claimName"] for each in pod["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in each]


def _run_hooks(specifications: list[Object], picked: dict[Key, Object], phase: str,
               warnings: list[dict[str, Any]]) -> list[hooks.Run]:
    """Run a phase on all pods. A pod whose hook must not fail, but does, is left out together with its claims."""
    runs: list[hooks.Run] = []
    for key, pod in [(key, each) for key, each in picked.items() if each["kind"] == "Pod"]:
        for each in hooks.run(specifications, phase, pod, namespace_of(pod)):
            runs.append(each)
            if each.error:
                warnings.append(each.warning())
            if each.fatal and phase == "preHooks":
                del picked[key]
                for claim in _claims(pod):
                    picked.pop(("persistentvolumeclaims", namespace_of(pod), claim), None)
    return runs


def volume_kind(volume: Object) -> str:
    """AzureDisk and AzureFileShareSMB as the REST API names them, else a word for the unsupported kind."""
    csi = volume["spec"].get("csi") or {}
    if csi.get("driver") == "disk.csi.azure.com":
        return "AzureDisk"
    if csi.get("driver") == "file.csi.azure.com":
        return ("AzureFileShareNFS" if (csi.get("volumeAttributes") or {}).get("protocol") == "nfs"
                else "AzureFileShareSMB")
    if csi:
        return csi["driver"]
    return next((name for name in volume["spec"] if name in ("azureDisk", "azureFile", "hostPath", "local", "nfs")),
                "unknown")


def _snapshot(cluster: Cluster, claim: Object, wanted: list[str] | None, snapshots: Mapping[str, int],
              warnings: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Snapshot the volume of a claim, or warn why not. A volume type that was not asked for is no warning."""
    namespace, name = namespace_of(claim), name_of(claim)
    resource = f"persistentvolumeclaims/{namespace}/{name}"
    volume_name = claim["spec"].get("volumeName")
    if not volume_name:
        pending = (claim.get("status") or {}).get("phase", "Pending") == "Pending"
        warnings.append(warning("UserErrorPVCNotBoundToVolume" if pending else "UserErrorPVCHasNoVolume", resource))
        return None
    volume = cluster.get("persistentvolumes", volume_name)
    if volume is None or behaviour(volume).get("snapshot") == "missing":
        warnings.append(warning("UserErrorPVNotFound", resource, f"Persistent volume: {volume_name}."))
        return None
    if not (claim["spec"].get("storageClassName") or volume["spec"].get("storageClassName")):
        warnings.append(warning("UserErrorStorageClassMissingForPVC", resource))
        return None
    kind = volume_kind(volume)
    if kind not in (DEFAULT_VOLUME_TYPES if wanted is None else SUPPORTED_VOLUME_TYPES):
        warnings.append(
            warning(
                GENERIC,
                resource,
                f"Volumes of kind {kind} are not supported; persistent volume {volume_name} is skipped.",
            )
        )
        return None
    if wanted is not None and kind not in wanted:
        return None
    code = _refusal(volume, snapshots.get(volume_name, 0))
    if code:
        warnings.append(warning(code, resource, f"Persistent volume: {volume_name}."))
        return None
    size = objects.quantity(volume["spec"]["capacity"]["storage"])
    return {"namespace": namespace, "claim": name, "volume": volume_name, "kind": kind, "size": size,
            "data": behaviour(volume).get("data", ""), "tierable": kind == "AzureDisk" and size <= TIERING_LIMIT}


def _refusal(volume: Object, snapshots: int) -> str | None:
    behaves = behaviour(volume)
    if behaves.get("snapshot") == "denied":
        return "UserErrorPVSnapshotDisallowedByPolicy"
    if behaves.get("snapshot") == "timeout":
        return "CSISnapshottingTimedOut"
    return "UserErrorPVSnapshotLimitReached" if snapshots + behaves.get("snapshots", 0) >= SNAPSHOT_LIMIT else None
