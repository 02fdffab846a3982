# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: what a cluster and its backup extension have to be like. Pure. Private to the collection.

A check is a function from facts (name -> document, list or None) to an :class:`Answer`. What does not exist yet and is
made by the set-up itself is no reason to fail. Sources: Microsoft's "AKS backup support matrix", "Prerequisites for AKS
backup" and "Troubleshoot AKS backup".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension as backup_extension
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension_settings
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.matrix import FILES

Document = dict[str, Any]
Facts = Mapping[str, Any]


class Answer(NamedTuple):
    """What a check found. ``good`` is None when it cannot be told; ``fix`` is empty when there is nothing to do."""

    good: bool | None
    evidence: str
    fix: str = ""


class Check(NamedTuple):
    """``severity`` is what it means when the answer is not good: error (backup cannot work), warning (it works with
    limits, or not always), info (worth knowing). ``facts`` are what the function looks at.
    """

    id: str
    severity: str
    facts: tuple[str, ...]
    function: Callable[[Facts], Answer]


# The first version of Kubernetes that can be backed up, and of the extension that knows file shares.
KUBERNETES = (1, 22)
EXTENSION_FOR_FILES = (0, 0, 3004, 544)
NAMESPACES = (
    "Microsoft.ContainerService",
    "Microsoft.DataProtection",
    "Microsoft.KubernetesConfiguration",
    "Microsoft.Storage",
)


def good(evidence: str) -> Answer:
    return Answer(True, evidence)


def later(what: str) -> Answer:
    return Answer(True, f"{what} does not exist yet; the set-up makes it.")


def judged(bad: bool, evidence: str, fix: str) -> Answer:
    return Answer(not bad, evidence, fix if bad else "")


def no_cluster() -> Answer:
    return Answer(None, "There is no cluster to look at.", "See cluster_exists.")


def same_region(what: str, location: Any, facts: Facts, fix: str) -> Answer:
    if not facts["cluster"]:
        return no_cluster()
    here, there = _ids.region(location), _ids.region(facts["cluster"].get("location"))
    return judged(here != there, f"{what} is in {here}, the cluster in {there}.", fix)


def location(facts: Facts) -> Answer:
    wanted = facts["options"].get("location")
    if not wanted:
        return Answer(True, "No region is named for what is to be made.")
    fix = "Azure Backup needs vault, storage account and snapshots where the cluster is: correct the region."
    return same_region("What is to be made", wanted, facts, fix)


def of_cluster(function: Callable[[Document, Facts], Answer]) -> Callable[[Facts], Answer]:
    """A check that has nothing to say while there is no cluster."""
    return lambda facts: function(facts["cluster"], facts) if facts["cluster"] else no_cluster()


def cluster_exists(facts: Facts) -> Answer:
    found = facts["cluster"]
    return judged(
        found is None,
        f"The cluster {found['name']} is in {_ids.region(found.get('location'))}." if found else "There is no cluster "
        f"{facts['cluster_id']}.",
        "Check the name, the resource group and the subscription.",
    )  # fmt: skip


def cluster_running(cluster: Document, facts: Facts) -> Answer:
    state = dig(cluster, "properties.powerState.code", "Running")
    return judged(state != "Running", f"The cluster is in power state {state}.", "Start it: az aks start.")


def cluster_settled(cluster: Document, facts: Facts) -> Answer:
    state = dig(cluster, "properties.provisioningState", "Succeeded")
    return judged(
        state != "Succeeded",
        f"The cluster is in provisioning state {state}.",
        "Wait for the operation to end, or bring the cluster out of the failed state: az aks update. Azure refuses "
        "installing the extension meanwhile.",
    )


def cluster_identity(cluster: Document, facts: Facts) -> Answer:
    kind = (cluster.get("identity") or {}).get("type") or "None"
    return judged(
        kind == "None",
        "The cluster uses a service principal." if kind == "None" else f"The cluster's identity is {kind}.",
        "Azure Backup needs a managed identity: az aks update --enable-managed-identity.",
    )


def kubernetes_version(cluster: Document, facts: Facts) -> Answer:
    properties = cluster.get("properties") or {}
    text = properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or ""
    version = numbers(text)[:2]
    if not version:
        return Answer(None, "Azure does not say which version of Kubernetes the cluster has.")
    return judged(version < KUBERNETES, f"The cluster has Kubernetes {text}.", "Upgrade to 1.22 or later.")


def csi_disk(cluster: Document, facts: Facts) -> Answer:
    drivers = {"diskCSIDriver": "disk CSI driver", "snapshotController": "snapshot controller"}
    off = [title for key, title in drivers.items() if disabled(cluster, key)]
    return judged(
        bool(off),
        f"Disabled: {', '.join(off)}." if off else "The disk CSI driver and the snapshot controller are enabled.",
        "Enable them: az aks update --enable-disk-driver --enable-snapshot-controller. Volumes of drivers in the tree "
        "have to be migrated first.",
    )


def csi_file(cluster: Document, facts: Facts) -> Answer:
    if FILES not in facts["options"]["volume_types"]:
        return good("No file shares are to be backed up.")
    off = disabled(cluster, "fileCSIDriver")
    state = "disabled" if off else "enabled"
    return judged(off, f"The file CSI driver is {state}.", "Enable it: az aks update --enable-file-driver.")


def disabled(cluster: Document, driver: str) -> bool:
    return dig(cluster, f"properties.storageProfile.{driver}.enabled", True) is False


def node_pools(cluster: Document, facts: Facts) -> Answer:
    pools = profiles(cluster)
    fitting = [pool["name"] for pool in pools if fits(pool)]
    listed = ", ".join(f"{pool['name']} ({describe(pool)})" for pool in pools) or "none"
    return judged(
        not fitting,
        f"Node pools that can run the extension: {', '.join(fitting)}." if fitting else f"Node pools: {listed}.",
        "Add a node pool with Linux on x86-64 that is running: the extension has no image for Windows or Arm64.",
    )


def node_taints(cluster: Document, facts: Facts) -> Answer:
    pools = [pool for pool in profiles(cluster) if fits(pool)]
    if not pools:
        return Answer(None, "No node pool can run the extension.", "See node_pools.")
    free = [pool["name"] for pool in pools if not repels(pool)]
    held = ", ".join(f"{pool['name']} ({'; '.join(repels(pool))})" for pool in pools)
    return judged(
        not free,
        f"Node pools without taints: {', '.join(free)}." if free else f"Node pools that repel pods: {held}.",
        "Add a node pool without taints that is not a spot one; the extension's pods tolerate no taints.",
    )


def profiles(cluster: Document) -> list[Document]:
    found: list[Document] = dig(cluster, "properties.agentPoolProfiles", [])
    return found


def arm64(size: str) -> bool:
    """Whether a VM size has an Arm processor: a ``p`` among the letters behind the number of processors, as Microsoft's
    naming conventions for VM sizes have it (Standard_D4ps_v5).
    """
    match = re.match(r"[A-Za-z]+_[A-Z]+\d+(?:-\d+)?([a-z]*)", size)
    return bool(match) and "p" in match[1]  # type: ignore[index]


def running(pool: Document) -> bool:
    return (dig(pool, "powerState.code", "Running") == "Running") and pool.get("count") != 0


def fits(pool: Document) -> bool:
    return pool.get("osType", "Linux") == "Linux" and not arm64(pool.get("vmSize") or "") and running(pool)


def describe(pool: Document) -> str:
    kind = "Arm64" if arm64(pool.get("vmSize") or "") else pool.get("osType", "Linux")
    return kind if running(pool) else f"{kind}, without running nodes"


def repels(pool: Document) -> list[str]:
    hard = [taint for taint in pool.get("nodeTaints") or [] if not taint.endswith(":PreferNoSchedule")]
    # Azure puts a taint on spot nodes by itself.
    return [*hard, *(["spot"] if pool.get("scaleSetPriority") == "Spot" and not hard else [])]


def network(cluster: Document, facts: Facts) -> Answer:
    outbound = dig(cluster, "properties.networkProfile.outboundType", "loadBalancer")
    private = dig(cluster, "properties.apiServerAccessProfile.enablePrivateCluster", False)
    kind = "private" if private else "public"
    return judged(
        outbound.lower() in ("none", "block"),
        f"The API server is {kind}, and outbound traffic goes by {outbound}.",
        "Microsoft's support matrix leaves clusters without outbound access out, though some report that they work. "
        "Let the extension reach the container registry, Microsoft Entra ID and the storage account, and try.",
    )


def providers(facts: Facts) -> Answer:
    states = {one["namespace"]: one.get("registrationState") for one in facts["providers"]}
    off = [f"{name} ({states.get(name)})" for name in NAMESPACES if states.get(name) != "Registered"]
    return judged(
        bool(off),
        f"Not registered: {', '.join(off)}." if off else "All resource providers are registered.",
        "Register them with aks_backup_provider; that takes the action register/action at the subscription.",
    )


# The backup extension


def installed(facts: Facts) -> Document | None:
    return backup_extension.ours(facts["extensions"])


def extension_state(facts: Facts) -> Answer:
    found = installed(facts)
    if found is None:
        return later("The backup extension")
    state = dig(found, "properties.provisioningState", "Succeeded")
    if state in ("Creating", "Updating", "Deleting"):
        return Answer(None, f"The backup extension is in state {state}.", "Wait for the operation to end.")
    reasons = [status.get("message") or "" for status in dig(found, "properties.statuses", [])
               if status.get("level") == "Error"]  # fmt: skip
    info = dig(found, "properties.errorInfo.message")
    said = " ".join([*([info] if info else []), *reasons])
    return judged(
        state != "Succeeded",
        f"The backup extension {found['name']} is in state {state}.{' ' + said if said else ''}",
        "Remove the cause and install it again (aks_backup_extension).",
    )


def extension_storage(facts: Facts) -> Answer:
    found, options = installed(facts), facts["options"]
    if found is None:
        return later("The backup extension")
    keys = backup_extension.SETTINGS
    settings = dig(found, "properties.configurationSettings", {})
    account = _ids.name(facts["account_id"])
    wanted = {"storage_account": account, "blob_container": options.get("blob_container")}
    other = [
        f"{option} is {settings.get(keys[option])} and not {value}"
        for option, value in wanted.items()
        if value and str(settings.get(keys[option])).lower() != value.lower()
    ]
    return judged(
        bool(other),
        f"The backup extension writes elsewhere: {'; '.join(other)}."
        if other
        else f"The backup extension writes to {account}.",
        "Name that storage account and container, or change the extension (aks_backup_extension). What was backed up "
        "stays where it is.",
    )


def extension_access(facts: Facts) -> Answer:
    found, account = installed(facts), facts["account"]
    if found is None or account is None:
        return later("The backup extension" if found is None else "The storage account")
    keys = dig(account, "properties.allowSharedKeyAccess", True) is not False
    entra = not extension_settings.uses_keys(found)
    how = "Microsoft Entra ID" if entra else "the keys of the account"
    return judged(
        not entra and not keys,
        f"The extension reaches the blob container by {how}; the account {'takes' if keys else 'refuses'} keys.",
        "Set use_aad of the extension (aks_backup_extension), and give its identity the role Storage Blob Data "
        "Contributor (aks_backup_permissions).",
    )


def extension_version(facts: Facts) -> Answer:
    found = installed(facts)
    if found is None:
        return later("The backup extension")
    text = str(dig(found, "properties.currentVersion") or dig(found, "properties.version") or "")
    if not numbers(text):
        return Answer(None, "Azure does not say which version the backup extension has.")
    files = FILES in facts["options"]["volume_types"]
    return judged(
        files and numbers(text) < EXTENSION_FOR_FILES,
        f"The backup extension has version {text}.",
        "Backing up file shares takes 0.0.3004-544 or later: let the extension upgrade itself, or pin that version.",
    )


def other_backup(facts: Facts) -> Answer:
    kinds = [str(dig(item, "properties.extensionType") or "") for item in facts["extensions"]]
    velero = [kind for kind in kinds if "velero" in kind.lower()]
    return judged(
        bool(velero),
        f"Extensions of the cluster: {', '.join(kinds) or 'none'}. What Helm has installed cannot be seen from here.",
        "Remove Velero: it and the backup extension share custom resources and get in each other's way.",
    )


def numbers(text: str) -> tuple[int, ...]:
    """``0.0.3004-544`` as (0, 0, 3004, 544)."""
    return tuple(int(part) for part in re.findall(r"\d+", text))


CHECKS: Iterable[Check] = (
    Check("cluster_exists", "error", ("cluster",), cluster_exists),
    Check("location", "error", ("cluster",), location),
    Check("cluster_running", "error", ("cluster",), of_cluster(cluster_running)),
    Check("cluster_settled", "warning", ("cluster",), of_cluster(cluster_settled)),
    Check("cluster_identity", "error", ("cluster",), of_cluster(cluster_identity)),
    Check("kubernetes_version", "error", ("cluster",), of_cluster(kubernetes_version)),
    Check("csi_disk", "error", ("cluster",), of_cluster(csi_disk)),
    Check("csi_file", "error", ("cluster",), of_cluster(csi_file)),
    Check("node_pools", "error", ("cluster",), of_cluster(node_pools)),
    Check("node_taints", "warning", ("cluster",), of_cluster(node_taints)),
    Check("network", "warning", ("cluster",), of_cluster(network)),
    Check("providers", "warning", ("providers",), providers),
    Check("extension_state", "error", ("extensions",), extension_state),
    Check("extension_storage", "warning", ("extensions", "account"), extension_storage),
    Check("extension_access", "error", ("extensions", "account"), extension_access),
    Check("extension_version", "error", ("extensions",), extension_version),
    Check("other_backup", "warning", ("extensions",), other_backup),
)
