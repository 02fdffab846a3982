# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of Microsoft's clients knows which ARM type. Tables of facts. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids


class Package(NamedTuple):
    """One of Microsoft's client packages. ``api_version`` is None where the package's default will do."""

    distribution: str
    module: str
    client: str
    api_version: str | None = None
    # Whether a client is of one subscription, as nearly all are.
    of_subscription: bool = True


AKS = Package("azure-mgmt-containerservice", "azure.mgmt.containerservice", "ContainerServiceClient")
AUTHORIZATION = Package("azure-mgmt-authorization", "azure.mgmt.authorization", "AuthorizationManagementClient")
# From 2025-09-01 on the service refuses vaults whose soft delete is not AlwaysOn, which cannot be undone. This version
# knows everything the collection needs and leaves the choice to the user.
DATA_PROTECTION = Package(
    "azure-mgmt-dataprotection", "azure.mgmt.dataprotection", "DataProtectionMgmtClient", "2025-07-01"
)
# Backup instances have no such trouble, and what they can hold grows: volume types came with this version's line.
INSTANCES = DATA_PROTECTION._replace(api_version="2026-03-01")
EXTENSIONS = Package(
    "azure-mgmt-kubernetesconfiguration-extensions",
    "azure.mgmt.kubernetesconfiguration.extensions",
    "KubernetesConfigurationExtensionsMgmtClient",
)
RESOURCE_GRAPH = Package(
    "azure-mgmt-resourcegraph", "azure.mgmt.resourcegraph", "ResourceGraphClient", of_subscription=False
)
RESOURCES = Package("azure-mgmt-resource", "azure.mgmt.resource.resources", "ResourceManagementClient")
STORAGE = Package("azure-mgmt-storage", "azure.mgmt.storage", "StorageManagementClient")


def group_and_names(id_: _ids.ResourceId) -> tuple[str, ...]:
    return (id_.resource_group, *id_.names)


def container(id_: _ids.ResourceId) -> tuple[str, ...]:
    account, _service, *name = id_.names
    return (id_.resource_group, account, *name)


def extension(id_: _ids.ResourceId) -> tuple[str, ...]:
    cluster = _ids.parse(id_.scope)
    return (cluster.resource_group, cluster.namespace, cluster.types[0], cluster.names[0], *id_.names)


def scope_and_name(id_: _ids.ResourceId) -> tuple[str, ...]:
    return (id_.scope, *id_.names)


def name(id_: _ids.ResourceId) -> tuple[str, ...]:
    return id_.names


class Operations(NamedTuple):
    """Where the verbs of one ARM type are: package, operation group, and the name of each operation. ``everywhere``
    lists a whole subscription.
    """

    package: Package
    group: str
    get: str = ""
    put: str = ""
    patch: str = ""
    delete: str = ""
    list: str = ""
    arguments: Callable[[_ids.ResourceId], tuple[str, ...]] = group_and_names
    everywhere: str = ""

    def list_arguments(self, parent: _ids.ResourceId, parent_id: str) -> tuple[str, ...]:
        """What ``list`` takes for the children of a parent, where :attr:`arguments` are for one of them."""
        if self.arguments is scope_and_name:
            return (parent_id,)
        if self.arguments is name:
            return parent.names
        if self.arguments is extension:
            return (parent.resource_group, parent.namespace, parent.types[0], parent.names[0])
        if parent.type == "microsoft.resources/resourcegroups":
            return (parent.name,)
        return group_and_names(parent)


# ARM type -> operations. Sorted.
TYPES: dict[str, Operations] = {
    "microsoft.authorization/roleassignments": Operations(
        AUTHORIZATION, "role_assignments", "get", "create", "", "delete", "list_for_scope", scope_and_name
    ),
    "microsoft.containerservice/locations/trustedaccessroles": Operations(
        AKS, "trusted_access_roles", list="list", arguments=name
    ),
    "microsoft.containerservice/managedclusters": Operations(
        AKS, "managed_clusters", "get", list="list_by_resource_group", everywhere="list"
    ),
    "microsoft.containerservice/managedclusters/trustedaccessrolebindings": Operations(
        AKS, "trusted_access_role_bindings", "get", "begin_create_or_update", "", "begin_delete", "list"
    ),
    "microsoft.dataprotection/backupvaults": Operations(
        DATA_PROTECTION,
        "backup_vaults",
        "get",
        "begin_create_or_update",
        "begin_update",
        "begin_delete",
        "get_in_resource_group",
        everywhere="get_in_subscription",
    ),
    "microsoft.dataprotection/backupvaults/backupinstances": Operations(
        INSTANCES, "backup_instances", "get", "begin_create_or_update", "", "begin_delete", "list"
    ),
    "microsoft.dataprotection/backupvaults/backupinstances/recoverypoints": Operations(
        INSTANCES, "recovery_points", "get", "", "", "", "list"
    ),
    "microsoft.dataprotection/backupvaults/backupjobs": Operations(DATA_PROTECTION, "jobs", "get", "", "", "", "list"),
    "microsoft.dataprotection/backupvaults/backuppolicies": Operations(
        DATA_PROTECTION, "backup_policies", "get", "create_or_update", "", "delete", "list"
    ),
    # Where the calls of a restore across regions go; nothing is read or written there.
    "microsoft.dataprotection/locations": Operations(INSTANCES, "backup_instances"),
    # Not a type of its own but the way from a cluster to the backup instances that protect it, in whatever vault.
    "microsoft.dataprotection/backupinstances": Operations(
        INSTANCES, "backup_instances_extension_routing", list="list", arguments=scope_and_name
    ),
    "microsoft.dataprotection/backupvaults/backupresourceguardproxies": Operations(
        DATA_PROTECTION, "dpp_resource_guard_proxy", "get", "create_or_update", "", "delete", "list"
    ),
    # What is soft-deleted: instances in their vault, vaults in their region. Only newer versions tell of vaults.
    "microsoft.dataprotection/backupvaults/deletedbackupinstances": Operations(
        INSTANCES, "deleted_backup_instances", "get", list="list"
    ),
    "microsoft.dataprotection/locations/deletedvaults": Operations(
        INSTANCES, "deleted_backup_vaults", "get", list="list_by_location", arguments=name
    ),
    "microsoft.kubernetesconfiguration/extensions": Operations(
        EXTENSIONS, "extensions", "get", "begin_create", "begin_update", "begin_delete", "list", extension
    ),
    "microsoft.resources/providers": Operations(RESOURCES, "providers", "get", arguments=name),
    "microsoft.resources/resourcegroups": Operations(
        RESOURCES, "resource_groups", "get", "create_or_update", "", "begin_delete", arguments=name
    ),
    "microsoft.storage/storageaccounts": Operations(
        STORAGE, "storage_accounts", "get_properties", "begin_create", "update", "delete"
    ),
    "microsoft.storage/storageaccounts/blobservices/containers": Operations(
        STORAGE, "blob_containers", "get", "create", "", "delete", "list", container
    ),
}

# ARM type -> api-version, for lists that none of the packages has an operation for; read by their path.
BY_PATH: dict[str, str] = {
    "microsoft.authorization/locks": "2020-05-01",
    "microsoft.authorization/permissions": "2022-04-01",
    "microsoft.compute/disks": "2024-03-02",
}

# (ARM type, verb) -> (package, operation group, operation), for what is neither a read nor a write of a document.
POSTS: dict[tuple[str, str], tuple[Package, str, str]] = {
    ("microsoft.dataprotection/backupvaults", "validateForBackup"): (
        INSTANCES,
        "backup_instances",
        "begin_validate_for_backup",
    ),
    **{
        ("microsoft.dataprotection/backupvaults/backupinstances", verb): (INSTANCES, "backup_instances", operation)
        for verb, operation in (
            ("backup", "begin_adhoc_backup"),
            ("restore", "begin_trigger_restore"),
            ("resumeProtection", "begin_resume_protection"),
            ("stopProtection", "begin_stop_protection"),
            ("sync", "begin_sync_backup_instance"),
            ("suspendBackups", "begin_suspend_backups"),
            ("validateForModifyBackup", "begin_validate_for_modify_backup"),
            ("validateRestore", "begin_validate_for_restore"),
        )
    },
    **{
        ("microsoft.dataprotection/locations", verb): (INSTANCES, "backup_instances", operation)
        for verb, operation in (
            ("crossRegionRestore", "begin_trigger_cross_region_restore"),
            ("validateCrossRegionRestore", "begin_validate_cross_region_restore"),
        )
    },
    ("microsoft.dataprotection/backupvaults/backupresourceguardproxies", "unlockDelete"): (
        DATA_PROTECTION,
        "dpp_resource_guard_proxy",
        "unlock_delete",
    ),
    ("microsoft.dataprotection/backupvaults/deletedbackupinstances", "undelete"): (
        INSTANCES,
        "deleted_backup_instances",
        "begin_undelete",
    ),
    ("microsoft.resources/providers", "register"): (RESOURCES, "providers", "register"),
}

# The same for verbs that are reads in all but the method: they answer with documents, in check mode as well.
READS: dict[tuple[str, str], tuple[Package, str, str]] = {
    **{
        ("microsoft.containerservice/managedclusters", verb): (AKS, "managed_clusters", operation)
        for verb, operation in (
            ("listClusterAdminCredential", "list_cluster_admin_credentials"),
            ("listClusterUserCredential", "list_cluster_user_credentials"),
            # Not always a read, but what it runs decides.
            ("runCommand", "begin_run_command"),
        )
    },
    ("microsoft.dataprotection/locations", "fetchCrossRegionRestoreJob"): (
        INSTANCES,
        "fetch_cross_region_restore_job",
        "get",
    ),
    ("microsoft.dataprotection/locations", "fetchCrossRegionRestoreJobs"): (
        INSTANCES,
        "fetch_cross_region_restore_jobs",
        "list",
    ),
    ("microsoft.dataprotection/locations", "fetchSecondaryRecoveryPoints"): (
        INSTANCES,
        "fetch_secondary_recovery_points",
        "list",
    ),
}

# The verbs that ask and change nothing.
QUESTIONS = frozenset({"validateCrossRegionRestore", "validateForBackup", "validateForModifyBackup", "validateRestore"})

# What a verb makes of the document, so that a dry run can show it. Verbs that leave the document alone are not here.
EFFECTS: dict[str, dict[str, Any]] = {
    "register": {"registrationState": "Registered"},
    "resumeProtection": {"properties": {"currentProtectionState": "ProtectionConfigured"}},
    "stopProtection": {"properties": {"currentProtectionState": "ProtectionStopped"}},
    "suspendBackups": {"properties": {"currentProtectionState": "BackupsSuspended"}},
    "sync": {"properties": {"currentProtectionState": "ProtectionConfigured"}},
    "undelete": {"properties": {"currentProtectionState": "ProtectionStopped"}},
}

# Verbs after which the document is another one, beside the one that the verb was said to: verb -> its collection.
MOVES: dict[str, str] = {"undelete": "backupInstances"}

# (HTTP status, code) of refusals that end by themselves: another operation on the cluster or the storage account, and a
# fresh identity that has not reached the directory. They are tried again until the deadline, and so is throttling.
PASSING = {
    (400, "PrincipalNotFound"): "the new identity to reach the directory",
    (409, "EtagMismatch"): "another operation on the cluster",
    (409, "OperationNotAllowed"): "another operation on the cluster",
    (409, "StorageAccountIsNotProvisioned"): "another operation on the storage account",
    (409, "StorageAccountOperationInProgress"): "another operation on the storage account",
}
