# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_restore show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain
from tests.lifecycle.options import Proven, Shows


def BEFORE(subscription):
    return chain(subscription)


def BASE(subscription):
    return {**CLUSTER, **VAULT, "permissions": "skip"}


ID = "/subscriptions/{subscription}/resourceGroups"
NO_CLUSTER = {"cluster_name": None, "cluster_resource_group": None}
NO_VAULT = {"vault_name": None, "vault_resource_group": None}
OTHER = {"target_cluster_name": "aks-west-1", "target_cluster_resource_group": "rg-clusters"}
HERE = "tests/lifecycle/test_restore.py::"
FILTERS = f"{HERE}test_filters_decide_what_comes"
VAULT_TIER = "tests/lifecycle/test_restore_vault_tier.py::"


def configuration(**more):
    return {"restore_configuration": more}


OPTIONS = {
    "before": Shows({"before": "2020-01-01"}, "no whole recovery point before 2020-01-01"),
    "cleanup_staging": Proven(f"{VAULT_TIER}test_an_expired_snapshot_comes_back_from_the_vault_through_staging"),
    "cluster_id": Shows(
        {
            **NO_CLUSTER,
            "cluster_id": f"{ID}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-other",
        },
        "managedClusters/aks-other/",
    ),
    "cluster_name": Shows({"cluster_name": "aks-other"}, "managedClusters/aks-other/"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, "/rg-other/"),
    "fail_on_warnings": Proven(f"{HERE}test_warnings_of_a_job_can_fail_the_task"),
    "follow_running": Shows({"follow_running": False}, hides="/backupJobs"),
    "friendly_name": Shows({"friendly_name": "another"}, hides='"source_datastore": "OperationalStore"'),
    "name": Shows({"name": "nobody"}, "backupInstances/nobody"),
    "permissions": Shows({"permissions": "report"}, "roleAssignments"),
    "recovery_point": Shows({"recovery_point": "nothing"}, "There is no recovery point nothing"),
    "resource_guard_operation_requests": Proven(f"{HERE}test_behind_a_resource_guard"),
    "restore_configuration.conflict_policy": Shows(
        configuration(conflict_policy="Patch"), '"conflict_policy": "Patch"'
    ),
    "restore_configuration.excluded_namespaces": Shows(
        configuration(excluded_namespaces=["shop"]),
        "in excluded_namespaces",
        over=configuration(included_namespaces=["shop"]),
    ),
    "restore_configuration.excluded_resource_types": Proven(FILTERS),
    "restore_configuration.include_cluster_scope_resources": Proven(
        f"{HERE}test_excluded_namespaces_and_cluster_scope"
    ),
    "restore_configuration.included_namespaces": Shows(
        configuration(included_namespaces=["shop"]), '"namespaces": [{"source": "shop"'
    ),
    "restore_configuration.included_resource_types": Proven(FILTERS),
    "restore_configuration.label_selectors": Proven(FILTERS),
    "restore_configuration.namespace_mappings": Shows(
        configuration(namespace_mappings={"shop": "elsewhere"}),
        '"target": "elsewhere"',
        over=configuration(included_namespaces=["shop"]),
    ),
    "restore_configuration.persistent_volume_restore_mode": Shows(
        configuration(persistent_volume_restore_mode="RestoreWithoutVolumeData"), "volumes come back empty"
    ),
    "restore_configuration.resource_modifier.name": Proven(f"{HERE}test_a_modifier_and_a_hook"),
    "restore_configuration.resource_modifier.namespace": Proven(f"{HERE}test_a_modifier_and_a_hook"),
    "restore_configuration.restore_hooks.name": Proven(f"{HERE}test_a_modifier_and_a_hook"),
    "restore_configuration.restore_hooks.namespace": Proven(f"{HERE}test_a_modifier_and_a_hook"),
    "secondary_region": Shows({"secondary_region": True}, "does not restore across regions"),
    "source_datastore": Shows({"source_datastore": "VaultStore"}, "no whole recovery point in the VaultStore"),
    "staging_resource_group": Shows(
        {"staging_resource_group": "rg-backup"},
        "staging_resource_group: only a restore from the VaultStore",
        over={"source_datastore": "OperationalStore"},
    ),
    "staging_storage_account_id": Shows(
        {"staging_storage_account_id": f"{ID}/rg-backup/providers/Microsoft.Storage/storageAccounts/{{account}}"},
        "staging_storage_account_id: only a restore from the VaultStore",
        over={"source_datastore": "OperationalStore"},
    ),
    "storage_account_id": Shows(
        {"storage_account_id": f"{ID}/rg-backup/providers/Microsoft.Storage/storageAccounts/stother"},
        "storageAccounts/stother",
        over={"permissions": "report"},
    ),
    "target_cluster_id": Shows(
        {"target_cluster_id": f"{ID}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-west-1"},
        "managedClusters/aks-west-1",
    ),
    "target_cluster_name": Shows(OTHER, "managedClusters/aks-west-1"),
    "target_cluster_resource_group": Shows({**OTHER, "target_cluster_resource_group": "rg-none"}, "/rg-none/"),
    "validate_only": Proven(f"{HERE}test_a_namespace_beside_the_original"),
    "validate_timeout": Proven(f"{HERE}test_roles_that_take_time"),
    "vault_id": Shows(
        {**NO_VAULT, "vault_id": f"{ID}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other"},
        "backupVaults/bv-other/",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, "backupVaults/bv-other/"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, "/rg-other/"),
    "wait": Proven(f"{HERE}test_an_interrupted_restore_is_found_and_followed"),
}
