# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores: from options to the request. Pure. Private to the collection.

Source: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-restore
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Params
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import points
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.points import OPERATIONAL, VAULT_TIER
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form

# The service wants another type of criteria for each tier, with one and the same content.
CRITERIA = {OPERATIONAL: "KubernetesClusterRestoreCriteria", VAULT_TIER: "KubernetesClusterVaultTierRestoreCriteria"}
# Option -> key of the criteria.
FILTERS = {
    "excluded_namespaces": "excludedNamespaces",
    "excluded_resource_types": "excludedResourceTypes",
    "included_namespaces": "includedNamespaces",
    "included_resource_types": "includedResourceTypes",
    "label_selectors": "labelSelectors",
    "namespace_mappings": "namespaceMappings",
    "resource_modifier": "resourceModifierReference",
    "restore_hooks": "restoreHookReferences",
}


class Sight(NamedTuple):
    """What was read for a restore. Documents are None where nothing is there or needed; ``absent`` are sentences on
    what has to be there and is not.
    """

    instance: Document
    vault: Document
    point: Document
    tier: str
    target: Document
    extension: Document | None
    staging_group_id: str | None
    staging_account_id: str | None
    staging_account: Document | None
    absent: tuple[str, ...] = ()
    # The storage accounts with backups of the target and the source; read only where something is to be deleted.
    backup_accounts: tuple[str, ...] = ()

    @property
    def source_id(self) -> str:
        return str(dig(self.instance, "properties.dataSourceInfo.resourceID", ""))

    @property
    def same_cluster(self) -> bool:
        return _ids.same(self.source_id, self.target["id"])


def tier_of(point: Document, params: Params) -> str:
    """The tier to restore from: the one asked for, else the snapshots beside the cluster, which are quicker, if the
    point still has them.
    """
    if params.get("source_datastore"):
        return str(params["source_datastore"])
    return OPERATIONAL if OPERATIONAL in points.tiers(point) and not params["secondary_region"] else VAULT_TIER


def request(params: Params, sight: Sight) -> Document:
    """The restore request of a point, as the service's API has it."""
    configuration = params["restore_configuration"]
    target_id = sight.target["id"]
    target = {
        "datasourceType": policy_form.DATASOURCE_TYPE,
        "resourceID": target_id,
        "resourceLocation": _ids.region(sight.target.get("location")),
        "resourceName": _ids.name(target_id),
        "resourceType": "Microsoft.ContainerService/managedclusters",
        "resourceUri": target_id,
    }
    criteria: Document = {
        "objectType": CRITERIA[sight.tier],
        "conflictPolicy": configuration["conflict_policy"],
        "includeClusterScopeResources": configuration["include_cluster_scope_resources"],
        "persistentVolumeRestoreMode": configuration["persistent_volume_restore_mode"],
        **{key: configuration.get(option) for option, key in FILTERS.items()},
    }
    if sight.tier == VAULT_TIER:
        criteria["stagingResourceGroupId"] = sight.staging_group_id
        criteria["stagingStorageAccountId"] = sight.staging_account_id
    wanted: Document = {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": sight.point["name"],
        "sourceDataStoreType": sight.tier,
        "identityDetails": dig(sight.instance, "properties.identityDetails") or {"useSystemAssignedIdentity": True},
        "restoreTargetInfo": {
            "objectType": "ItemLevelRestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": target["resourceLocation"],
            "datasourceInfo": {**target, "objectType": "Datasource"},
            "datasourceSetInfo": {**target, "objectType": "DatasourceSet"},
            "restoreCriteria": [criteria],
        },
    }
    if params.get("resource_guard_operation_requests"):
        wanted["resourceGuardOperationRequests"] = list(params["resource_guard_operation_requests"])
    return wanted


def wish(params: Params) -> Document:
    """What makes two requests the same: all that a user asks for, but for the point that ``latest`` comes to."""
    keys = (
        "before",
        "recovery_point",
        "restore_configuration",
        "secondary_region",
        "source_datastore",
        "staging_resource_group",
        "staging_storage_account_id",
    )
    return {key: params.get(key) for key in keys}


def snapshot_group_id(instance: Document) -> str | None:
    stores = dig(instance, "properties.policyInfo.policyParameters.dataStoreParametersList") or [{}]
    found = stores[0].get("resourceGroupId")
    return str(found) if found else None
