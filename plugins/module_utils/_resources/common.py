# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several resources share: IDs from options, tags, clusters. Pure. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import Exactly, dig

Params = Mapping[str, Any]

# ARM types that more than one of the resources read or name.
VAULT = "Microsoft.DataProtection/backupVaults"
INSTANCES = f"{VAULT}/backupInstances"
DELETED_INSTANCES = f"{VAULT}/deletedBackupInstances"
POINTS = f"{INSTANCES}/recoveryPoints"
POLICIES = f"{VAULT}/backupPolicies"
# The way from a cluster to the backup instances that protect it, in whatever vault.
ROUTING = "Microsoft.DataProtection/backupInstances"
CLUSTER = "Microsoft.ContainerService/managedClusters"
BINDINGS = f"{CLUSTER}/trustedAccessRoleBindings"
STORAGE_ACCOUNT = "Microsoft.Storage/storageAccounts"
RESOURCE_GROUP = "Microsoft.Resources/resourceGroups"

# Azure Backup leaves these namespaces out of every backup of a cluster, says Microsoft's support matrix for AKS backup:
# https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-support-matrix
NEVER_BACKED_UP = frozenset({"kube-node-lease", "kube-public", "kube-system"})

MAKE_VAULT = "Create it with aks_backup_vault first."
MAKE_POLICY = "Create it with aks_backup_policy first."
MAKE_STORAGE = "Create it with aks_backup_storage first."


def vault_id(params: Params) -> str:
    """The vault from ``vault_id``, or from ``vault_name`` and ``vault_resource_group`` in the task's subscription."""
    if params.get("vault_id"):
        return _ids.expect(params["vault_id"], VAULT, "vault_id")
    return _ids.vault(params["subscription_id"], params["vault_resource_group"], params["vault_name"])


def cluster_id(params: Params) -> str:
    """The cluster from ``cluster_id``, or from ``cluster_name`` and ``cluster_resource_group`` in the task's
    subscription.
    """
    if params.get("cluster_id"):
        return _ids.expect(params["cluster_id"], CLUSTER, "cluster_id")
    return _ids.cluster(params["subscription_id"], params["cluster_resource_group"], params["cluster_name"])


def group_id(params: Params, option: str) -> str:
    """A resource group given as an ID, or as a name in the task's subscription."""
    value = params[option]
    if value.startswith("/"):
        return _ids.expect(value, RESOURCE_GROUP, option)
    return _ids.resource_group(params["subscription_id"], value)


def wanted_tags(params: Params) -> dict[str, Any] | None:
    """The tags asked for: at least these with ``append_tags``, exactly these without; None when the option was not
    given.
    """
    if params.get("tags") is None:
        return None
    tags = {str(key): "" if value is None else str(value) for key, value in params["tags"].items()}
    return tags if params.get("append_tags", True) else Exactly(tags)


def given(document: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are not None: what the user did ask for."""
    return {key: value for key, value in document.items() if value is not None}


def cluster_principal(cluster: Mapping[str, Any] | None) -> str | None:
    """The object id of the identity with which the cluster itself acts on Azure.

    A system-assigned one if there is one, else the first user-assigned one. The kubelet's identity is another one.
    """
    identity = (cluster or {}).get("identity") or {}
    if identity.get("principalId"):
        return str(identity["principalId"])
    for assigned in (identity.get("userAssignedIdentities") or {}).values():
        if assigned.get("principalId"):
            return str(assigned["principalId"])
    return None


def cluster_problems(cluster: Mapping[str, Any]) -> list[str]:
    """Why Azure Backup cannot protect this cluster; from Microsoft's support matrix for AKS backup."""
    name = cluster.get("name")
    said = []
    if (cluster.get("identity") or {}).get("type", "None") in (None, "None"):
        said.append(
            f"The cluster {name} uses a service principal. Azure Backup needs a managed identity: "
            "update the cluster with 'az aks update --enable-managed-identity' first."
        )
    if dig(cluster, "properties.powerState.code", "Running") != "Running":
        said.append(f"The cluster {name} is stopped. Start it first; Azure Backup talks to its API server.")
    for driver, title in (("diskCSIDriver", "disk CSI driver"), ("snapshotController", "snapshot controller")):
        if dig(cluster, f"properties.storageProfile.{driver}.enabled", True) is False:
            said.append(
                f"The {title} of the cluster {name} is disabled. Azure Backup takes its snapshots with it: enable "
                "it first."
            )
    return said


def different_regions(what: str, location: str | None, cluster: Mapping[str, Any]) -> list[str]:
    """A problem when something is not where the cluster is. An unknown location (not created yet) is none."""
    if not location or _ids.region(location) == _ids.region(cluster.get("location")):
        return []
    return [
        f"{what} is in {_ids.region(location)} and the cluster {cluster.get('name')} is in "
        f"{_ids.region(cluster.get('location'))}. "
        "Azure Backup needs both in the same region."
    ]
