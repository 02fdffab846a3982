# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: the document that creates one, and what changes one."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _compare
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError
from ansible_collections.aks.backup.plugins.module_utils._resources.instance.instance import Instance, derived_name

SUB = "00000000-0000-0000-0000-000000000001"
CLUSTER = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"
VAULT = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv"
PARAMS = {
    "subscription_id": SUB,
    "cluster_id": CLUSTER,
    "vault_id": VAULT,
    "policy_name": "daily",
    "snapshot_resource_group": "rg-snap",
}
FACTS = {
    "cluster": {"name": "aks", "location": "East US", "identity": {"type": "SystemAssigned"}},
    "vault": {"name": "bv", "location": "eastus"},
    "policy": {},
    "others": [],
    "deleted": [],
    "guard": None,
}


def parameters(document):
    return document["properties"]["policyInfo"]["policyParameters"]["backupDatasourceParametersList"][0]


def created(**options):
    return Instance().desired({**PARAMS, **options}, FACTS, None)


def test_a_new_instance_names_source_and_set_alike_and_selects_everything():
    document = created()
    source, whole = document["properties"]["dataSourceInfo"], document["properties"]["dataSourceSetInfo"]
    assert {**source, "objectType": "DatasourceSet"} == whole
    assert source["resourceLocation"] == "eastus"
    assert document["properties"]["friendlyName"] == "aks/fullbackup"
    assert parameters(document) == {
        "objectType": "KubernetesClusterBackupDatasourceParameters",
        "snapshotVolumes": True,
        "includeClusterScopeResources": True,
        "includedNamespaces": None,
        "excludedNamespaces": None,
        "includedResourceTypes": None,
        "excludedResourceTypes": None,
        "labelSelectors": None,
        "includedVolumeTypes": None,
    }


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [
        ("included_namespaces", ["app"], "includedNamespaces"),
        ("excluded_namespaces", ["tmp"], "excludedNamespaces"),
        ("included_resource_types", ["v1/Secret"], "includedResourceTypes"),
        ("excluded_resource_types", ["v1/Secret"], "excludedResourceTypes"),
        ("label_selectors", ["a=b"], "labelSelectors"),
        ("volume_types", ["AzureDisk"], "includedVolumeTypes"),
        ("snapshot_volumes", False, "snapshotVolumes"),
        ("include_cluster_scope_resources", False, "includeClusterScopeResources"),
        ("backup_hooks", [{"name": "h", "namespace": "app"}], "backupHookReferences"),
    ],
)
def test_each_selection_reaches_the_document_and_is_a_difference(option, value, key):
    live = created()
    wanted = {**PARAMS, "backup_configuration": {option: value}}
    assert parameters(created(backup_configuration={option: value}))[key] == value
    changes = Instance().differences(Instance().desired(wanted, {}, live), live)
    assert [change.path[-1] for change in changes] == [key]
    changed = _compare.apply(live, changes)
    assert Instance().differences(Instance().desired(wanted, {}, changed), changed) == []


def test_order_and_spelling_are_no_difference():
    live = created(backup_configuration={"included_namespaces": ["b", "a"]})
    live["properties"]["policyInfo"]["policyId"] = live["properties"]["policyInfo"]["policyId"].upper()
    wanted = {**PARAMS, "backup_configuration": {"included_namespaces": ["a", "b"]}}
    assert Instance().differences(Instance().desired(wanted, {}, live), live) == []


def test_names_follow_from_cluster_and_friendly_name():
    assert derived_name(CLUSTER, None) == derived_name(CLUSTER.upper().replace("AKS", "aks"), "")
    assert derived_name(CLUSTER, None) != derived_name(CLUSTER, "other")
    assert derived_name(CLUSTER, None).startswith("aks-aks-")


def test_another_region_and_another_vaults_policy_are_refused():
    facts = {**FACTS, "vault": {"name": "bv", "location": "westeurope"}}
    said = Instance().problems({**PARAMS, "policy_name": None, "policy_id": VAULT + "2/backupPolicies/p"}, facts, None)
    assert "westeurope" in said[0]
    assert "needs both in the same region" in said[0]
    assert "belongs to another vault" in said[1]


@pytest.mark.parametrize("state", ["ConfiguringProtection", "UpdatingProtection", "SoftDeleting"])
def test_azure_is_busy_in_some_states(state):
    assert state in Instance().pending({"properties": {"currentProtectionState": state}})


def test_an_unprotected_cluster_is_an_error_with_the_services_reason():
    details = {
        "code": "UserErrorTrustedAccessGatewayReturnedForbidden",
        "message": "Missing.",
        "recommendedAction": ["Bind."],
    }
    broken = {
        "name": "bi",
        "properties": {"currentProtectionState": "ProtectionError", "protectionErrorDetails": details},
    }
    with pytest.raises(AzureError, match="the cluster is not protected") as caught:
        Instance().pending(broken)
    assert caught.value.code == details["code"]
    assert caught.value.facts["recommended_action"] == ["Bind."]


@pytest.mark.parametrize("state", ["ProtectionConfigured", "BackupsSuspended", "ProtectionStopped"])
def test_the_other_states_are_final(state):
    assert (
        Instance().pending({"properties": {"currentProtectionState": state, "provisioningState": "Succeeded"}}) is None
    )


def test_a_state_that_nobody_knows_is_refused_with_its_name():
    live = {**created(), "id": f"{VAULT}/backupInstances/bi", "name": "bi"}
    live["properties"]["currentProtectionState"] = "NotProtected"
    said = Instance().problems(PARAMS, FACTS, live)
    assert said == [
        "The backup instance bi is in state 'NotProtected', from which there is no way to protection=active. See in "
        "the Azure portal what it waits for."
    ]


def test_what_lacks_its_source_set_gets_it_when_it_is_mended_and_not_before():
    live = created()
    del live["properties"]["dataSourceSetInfo"]
    resource = Instance(resync=True)
    assert resource.differences(resource.desired(PARAMS, {}, live), live) == []
    live["properties"]["currentProtectionState"] = "ProtectionError"
    changes = resource.differences(resource.desired(PARAMS, {}, live), live)
    assert [change.path[-1] for change in changes] == ["currentProtectionState", "dataSourceSetInfo"]
    assert changes[1].after == created()["properties"]["dataSourceSetInfo"]
