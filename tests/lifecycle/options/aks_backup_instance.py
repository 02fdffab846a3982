# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_instance show."""

from __future__ import annotations

from typing import Any

from tests.harness.steps import chain, options
from tests.lifecycle.options import Proven, Shows

TESTS = "tests/lifecycle/test_instance.py"
GROUP = "/subscriptions/{subscription}/resourceGroups/rg-clusters"
VAULT = "/subscriptions/{subscription}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults"


def BEFORE(subscription):
    return chain(subscription, until="instance")


def BASE(subscription):
    return options(subscription)["instance"][1]


def selected(option: str, value: Any, shows: str) -> Shows:
    return Shows({"backup_configuration": {option: value}}, shows=shows)


OPTIONS = {
    "append_tags": Proven(f"{TESTS}::test_several_of_a_cluster"),
    "backup_configuration.backup_hooks.name": selected(
        "backup_hooks", [{"name": "flush", "namespace": "shop"}], '"name": "flush"'
    ),
    "backup_configuration.backup_hooks.namespace": selected(
        "backup_hooks", [{"name": "flush", "namespace": "shop"}], '"namespace": "shop"'
    ),
    "backup_configuration.excluded_namespaces": selected(
        "excluded_namespaces", ["scratch"], '"excluded_namespaces": ["scratch"]'
    ),
    "backup_configuration.excluded_resource_types": selected(
        "excluded_resource_types", ["v1/Secret"], '"excluded_resource_types": ["v1/Secret"]'
    ),
    "backup_configuration.include_cluster_scope_resources": selected(
        "include_cluster_scope_resources", False, '"include_cluster_scope_resources": false'
    ),
    "backup_configuration.included_namespaces": selected(
        "included_namespaces", ["shop"], '"included_namespaces": ["shop"]'
    ),
    "backup_configuration.included_resource_types": selected(
        "included_resource_types", ["v1/Pod"], '"included_resource_types": ["v1/Pod"]'
    ),
    "backup_configuration.label_selectors": selected("label_selectors", ["a=b"], '"label_selectors": ["a=b"]'),
    "backup_configuration.snapshot_volumes": selected("snapshot_volumes", False, '"snapshot_volumes": false'),
    "backup_configuration.volume_types": selected("volume_types", ["AzureDisk"], '"volume_types": ["AzureDisk"]'),
    "cluster_id": Shows(
        {
            "cluster_id": f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-east-2",
            "cluster_name": None,
            "cluster_resource_group": None,
        },
        shows="managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-else"}, shows="There is no cluster"),
    "confirm_delete_data": Proven(f"{TESTS}::test_deleted_and_brought_back"),
    "friendly_name": Shows({"friendly_name": "shop"}, shows='"friendly_name": "shop"'),
    "identity.type": Proven(f"{TESTS}::test_the_vaults_other_identity"),
    "identity.user_assigned_identity_id": Proven(f"{TESTS}::test_the_vaults_other_identity"),
    "match": Proven(f"{TESTS}::test_several_of_a_cluster"),
    "name": Shows({"name": "mine"}, shows="backupInstances/mine"),
    "policy_id": Shows(
        {"policy_id": f"{VAULT}/bv-else/backupPolicies/p", "policy_name": None}, shows="belongs to another vault"
    ),
    "policy_name": Shows({"policy_name": "aks-else"}, shows="backupPolicies/aks-else"),
    "protection": Shows({"protection": "stopped"}, shows='"protection_state": "ProtectionStopped"'),
    "resource_guard_operation_requests": Proven(f"{TESTS}::test_a_resource_guard"),
    "resync": Proven(f"{TESTS}::test_a_failed_protection_is_mended"),
    "snapshot_resource_group": Shows({"snapshot_resource_group": "rg-else"}, shows="resourceGroups/rg-else"),
    "state": Shows({"state": "absent"}, shows='"resource": null'),
    "tags": Shows({"tags": {"owner": "shop"}}, shows='"tags": {"owner": "shop"}'),
    "undelete": Proven(f"{TESTS}::test_deleted_and_brought_back"),
    "validation": Proven(f"{TESTS}::test_everything_in_the_way_is_told_at_once"),
    "vault_id": Shows(
        {"vault_id": f"{VAULT}/bv-else", "vault_name": None, "vault_resource_group": None},
        shows="backupVaults/bv-else",
    ),
    "vault_name": Shows({"vault_name": "bv-else"}, shows="backupVaults/bv-else"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-else"}, shows="resourceGroups/rg-else"),
}
