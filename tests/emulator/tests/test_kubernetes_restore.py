# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore does to the target cluster."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.kubernetes import Cluster, RestoreError, namespaces, restore, take_backup, tier
from tests.emulator.kubernetes.objects import manifest

PARAMETERS = {"snapshotVolumes": True, "includeClusterScopeResources": True}
EMPTY = {"template": "system"}


def content(cluster=None, **parameters):
    return take_backup(cluster or Cluster("source"), {**PARAMETERS, **parameters})["content"]


def criteria(**fields):
    return {
        "objectType": "KubernetesClusterRestoreCriteria",
        "includeClusterScopeResources": True,
        "conflictPolicy": "Skip",
        "persistentVolumeRestoreMode": "RestoreWithVolumeData",
        **fields,
    }


def codes(result):
    return [each["warning"]["code"] for each in result["warnings"]]


def data_on(cluster, claim, namespace):
    """What a pod that mounts the claim would read; None while the claim is not bound."""
    found = cluster.get("persistentvolumeclaims", claim, namespace)
    volume = cluster.get("persistentvolumes", found["spec"].get("volumeName", ""))
    return volume and volume["x-emulator"]["data"]


def changed(cluster, resource, name, namespace, **fields):
    """Replace fields of an object in a cluster."""
    cluster.put({**cluster.get(resource, name, namespace), **fields})


def test_restore_into_an_empty_cluster():
    target = Cluster("target", content=EMPTY)
    result = restore(content(), target, criteria())
    assert result["warnings"] == []
    assert result["counts"]["failed"] == result["counts"]["patched"] == 0
    assert target.get("deployments.apps", "web", "shop") == Cluster("source").get("deployments.apps", "web", "shop")
    assert data_on(target, "data", "shop") == "data of shop/data"
    assert [each["data"] for each in result["changes"] if each["resource"] == "persistentvolumeclaims"] == [
        "data of shop/data"
    ]
    assert target.get("pods", "web-5d4f8b-0", "shop")["status"] == {"phase": "Running"}
    assert "clusterIP" not in target.get("services", "web", "shop")["spec"]


def test_restoring_again_skips_everything():
    target = Cluster("target", content=EMPTY)
    restore(content(), target, criteria())
    before = target.to_dict()
    again = restore(content(), target, criteria())
    assert again["changes"] == []
    assert again["counts"]["created"] == 0
    assert target.to_dict() == before


def test_skip_leaves_what_exists_alone():
    source, backup = Cluster("source"), content()
    changed(source, "configmaps", "web", "shop", data={"color": "red"})
    source.delete("secrets", "web", "shop")
    result = restore(backup, source, criteria())
    assert source.get("configmaps", "web", "shop")["data"] == {"color": "red"}
    assert [(each["action"], each["resource"]) for each in result["changes"]] == [("created", "secrets")]


def test_patch_changes_what_differs_and_nothing_else():
    source, backup = Cluster("source"), content()
    changed(source, "configmaps", "web", "shop", data={"color": "red", "extra": "1"})
    result = restore(backup, source, criteria(conflictPolicy="Patch"))
    assert source.get("configmaps", "web", "shop")["data"] == {"color": "blue"}
    assert result["counts"]["patched"] == 1
    assert [(each["action"], each["resource"], each["name"]) for each in result["changes"]] == [
        ("patched", "configmaps", "web")
    ]


def test_patch_does_not_touch_immutable_fields_and_warns():
    source, backup = Cluster("source"), content()
    deployment = copy.deepcopy(source.get("deployments.apps", "web", "shop"))
    deployment["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    deployment["spec"]["replicas"] = 9
    source.put(deployment)
    result = restore(backup, source, criteria(conflictPolicy="Patch"))
    assert source.get("deployments.apps", "web", "shop") == deployment
    assert codes(result) == ["KubernetesBackupGenericWarning"]
    assert "spec.selector" in result["warnings"][0]["warning"]["message"]
    assert result["counts"]["failed"] == 1


@pytest.mark.parametrize(
    ("resource", "name", "path", "value", "refused"),
    [
        ("deployments.apps", "web", ("spec", "replicas"), 5, False),
        ("pods", "web-5d4f8b-0", ("spec", "containers", 0, "image"), "other:2", False),
        ("pods", "web-5d4f8b-0", ("spec", "containers", 0, "name"), "other", True),
        ("persistentvolumeclaims", "data", ("spec", "resources", "requests", "storage"), "16Gi", False),
        ("persistentvolumeclaims", "data", ("spec", "storageClassName"), "other", True),
        ("persistentvolumeclaims", "data", ("spec", "volumeName"), "pvc-rebound", False),
        ("services", "web", ("spec", "clusterIP"), "10.0.0.99", False),
        ("secrets", "web", ("type",), "kubernetes.io/tls", True),
    ],
)
def test_patch_by_field(resource, name, path, value, refused):
    source, backup = Cluster("source"), content()
    document = copy.deepcopy(source.get(resource, name, "shop"))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    source.put(document)
    result = restore(backup, source, criteria(conflictPolicy="Patch"))
    assert bool(result["warnings"]) is refused
    assert result["counts"]["failed"] == int(refused)


def test_immutable_config_map_is_not_patched():
    source, backup = Cluster("source"), content()
    changed(source, "configmaps", "web", "shop", data={"color": "red"}, immutable=True)
    assert codes(restore(backup, source, criteria(conflictPolicy="Patch"))) == ["KubernetesBackupGenericWarning"]
    assert source.get("configmaps", "web", "shop")["data"] == {"color": "red"}


@pytest.mark.parametrize("policy", ["Skip", "Patch"])
def test_a_namespace_that_is_terminating_takes_nothing_in(policy):
    target = Cluster("target")
    kept = target.get("configmaps", "web", "shop")
    target.put({**kept, "metadata": {**kept["metadata"], "finalizers": ["example.com/wait"]}})
    namespaces.terminate(target, "shop", "2026-01-05T00:00:00Z")
    result = restore(content(), target, criteria(conflictPolicy=policy))
    lost = {each["resourceName"] for each in result["warnings"]}
    assert "deployments.apps/shop/web" in lost and target.get("deployments.apps", "web", "shop") is None
    assert result["counts"]["failed"] == len(lost) > 3
    assert "being terminated" in json.dumps(result["warnings"])
    # What is still there is no new content, and elsewhere everything comes back.
    assert "configmaps/shop/web" not in lost
    elsewhere = restore(content(), target, criteria(namespaceMappings={"shop": "shop-2"}))
    assert elsewhere["counts"]["failed"] == 0 and target.get("deployments.apps", "web", "shop-2")


def test_existing_data_is_not_overwritten_under_any_policy():
    source, backup = Cluster("source"), content()
    changed(source, "persistentvolumes", "pvc-shop-data", "", **{"x-emulator": {"data": "newer"}})
    for policy in ("Skip", "Patch"):
        restore(backup, source, criteria(conflictPolicy=policy))
        assert data_on(source, "data", "shop") == "newer"
    source.delete("persistentvolumeclaims", "data", "shop")
    restore(backup, source, criteria())
    assert data_on(source, "data", "shop") == "data of shop/data"


def test_without_volume_data_there_is_an_empty_volume():
    target = Cluster("target", content=EMPTY)
    restore(content(), target, criteria(persistentVolumeRestoreMode="RestoreWithoutVolumeData"))
    assert data_on(target, "data", "shop") == ""
    unsnapshotted = Cluster("other", content=EMPTY)
    restore(content(snapshotVolumes=False), unsnapshotted, criteria())
    assert data_on(unsnapshotted, "data", "shop") == ""


def test_a_retained_volume_without_snapshot_is_restored_as_the_object_it_was():
    source = Cluster(
        "source",
        content={
            "volumes": [
                {"claim": "nfs", "namespace": "shop", "kind": "NFS", "storage_class": "nfs", "reclaim": "Retain"}
            ]
        },
    )
    target = Cluster("target", content=EMPTY)
    restore(content(source), target, criteria(namespaceMappings={"shop": "copy"}))
    assert target.get("persistentvolumes", "pvc-shop-nfs")["spec"]["claimRef"] == {"namespace": "copy", "name": "nfs"}
    assert data_on(target, "nfs", "copy") == "data of shop/nfs"


def test_missing_storage_class_leaves_the_claim_pending_and_warns():
    target = Cluster(
        "target", content={"template": "system", "absent": [["storageclasses.storage.k8s.io", "", "managed-csi"]]}
    )
    result = restore(content(), target, criteria(excludedResourceTypes=["storageclasses"]))
    assert codes(result) == ["KubernetesBackupGenericWarning"]
    assert target.get("persistentvolumeclaims", "data", "shop")["status"] == {"phase": "Pending"}


def test_namespace_mappings():
    binding = manifest(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "web",
        "shop",
        roleRef={"kind": "Role", "name": "web"},
        subjects=[{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}],
    )
    cluster = Cluster("source", content={"objects": [binding]})
    result = restore(content(cluster), cluster, criteria(namespaceMappings={"shop": "copy"}))
    assert result["warnings"] == []
    assert cluster.get("namespaces", "copy")["metadata"]["labels"]["kubernetes.io/metadata.name"] == "copy"
    assert (
        cluster.get("deployments.apps", "web", "copy")["spec"] == cluster.get("deployments.apps", "web", "shop")["spec"]
    )
    assert cluster.get("rolebindings.rbac.authorization.k8s.io", "web", "copy")["subjects"][0]["namespace"] == "copy"
    assert data_on(cluster, "data", "copy") == "data of shop/data"
    claims = [cluster.get("persistentvolumeclaims", "data", each)["spec"]["volumeName"] for each in ("shop", "copy")]
    assert len(set(claims)) == 2


@pytest.mark.parametrize(
    ("fields", "present", "absent"),
    [
        ({"includedNamespaces": ["other"]}, "other", "shop"),
        ({"excludedNamespaces": ["shop"]}, "other", "shop"),
        ({"labelSelectors": ["tier=front"]}, "other", "shop"),
    ],
)
def test_filters_of_a_restore_are_about_the_namespaces_of_the_backup(fields, present, absent):
    source = Cluster(
        "source", content={"workloads": [{"name": "web", "namespace": "other", "labels": {"tier": "front"}}]}
    )
    target = Cluster("target", content=EMPTY)
    restore(content(source), target, criteria(namespaceMappings={"other": "new"}, **fields))
    assert target.get("deployments.apps", "web", {"other": "new"}[present])
    assert target.get("deployments.apps", "web", absent) is None


def test_types_and_cluster_scope_of_a_restore():
    target = Cluster("target", content=EMPTY)
    restore(content(), target, criteria(includedResourceTypes=["configmaps"]))
    assert {each["metadata"]["name"] for each in target if each["metadata"].get("namespace") == "shop"} == {"web"}
    source = Cluster(
        "source", content={"objects": [manifest("scheduling.k8s.io/v1", "PriorityClass", "high", value=1)]}
    )
    for scope in (False, True):
        target = Cluster("target", content=EMPTY)
        restore(content(source), target, criteria(includeClusterScopeResources=scope))
        assert (target.get("priorityclasses.scheduling.k8s.io", "high") is not None) is scope


# hooks


def hooked(command=("/bin/warm-up",), **fields):
    return manifest(
        "clusterbackup.dataprotection.microsoft.com/v1alpha1",
        "RestoreHook",
        "warm",
        "default",
        spec={
            "restoreHook": [
                {
                    "name": "one",
                    **fields,
                    "postHooks": [
                        {
                            "exec": {
                                "container": "web",
                                "command": list(command),
                                "onError": "Continue",
                                "execTimeout": "30s",
                                "waitTimeout": "5m",
                            }
                        }
                    ],
                }
            ]
        },
    )


REFERENCE = [{"name": "warm", "namespace": "default"}]


def test_restore_hooks_run_in_new_pods_only():
    source = Cluster("source", content={"objects": [hooked()]})
    backup = content(source)
    assert restore(backup, source, criteria(restoreHookReferences=REFERENCE))["hooks"] == []
    assert restore(backup, source, criteria(restoreHookReferences=REFERENCE, conflictPolicy="Patch"))["hooks"] == []
    source.delete("pods", "web-5d4f8b-1", "shop")
    result = restore(backup, source, criteria(restoreHookReferences=REFERENCE))
    assert [(each.pod, each.error) for each in result["hooks"]] == [("web-5d4f8b-1", "")]
    mapped = restore(backup, source, criteria(restoreHookReferences=REFERENCE, namespaceMappings={"shop": "copy"}))
    assert [each.namespace for each in mapped["hooks"]] == ["copy", "copy"]


def test_restore_hooks_see_the_restored_namespace():
    target = Cluster("target", content={"template": "system", "objects": [hooked(includedNamespaces=["copy"])]})
    fields = {"restoreHookReferences": REFERENCE, "namespaceMappings": {"shop": "copy"}}
    assert len(restore(content(), target, criteria(**fields))["hooks"]) == 2
    target = Cluster("target", content={"template": "system", "objects": [hooked(includedNamespaces=["shop"])]})
    assert restore(content(), target, criteria(**fields))["hooks"] == []


def test_restore_hooks_come_from_the_target_and_their_failure_is_a_warning():
    source = Cluster("source", content={"objects": [hooked()]})
    target = Cluster("target", content=EMPTY)
    assert codes(
        restore(content(source, includedNamespaces=["shop"]), target, criteria(restoreHookReferences=REFERENCE))
    ) == ["UserErrorHookExecutionFailed"]
    target = Cluster("target", content={"template": "system", "objects": [hooked(command=["/bin/false"])]})
    result = restore(content(), target, criteria(restoreHookReferences=REFERENCE))
    assert codes(result) == ["UserErrorHookExecutionFailed"] * 2
    assert target.get("pods", "web-5d4f8b-0", "shop")


def test_a_container_that_never_gets_ready_has_no_hook():
    source = Cluster(
        "source", content={"workloads": [{"name": "web", "namespace": "shop", "behaves": {"ready": False}}]}
    )
    target = Cluster("target", content={"template": "system", "objects": [hooked()]})
    result = restore(content(source), target, criteria(restoreHookReferences=REFERENCE))
    assert "not ready within 5m" in result["warnings"][0]["warning"]["message"]


# versions


def test_flow_control_of_another_version_is_not_restored():
    target = Cluster("target", "1.28.3", EMPTY)
    result = restore(content(), target, criteria())
    assert codes(result) == ["UserErrorSourceandTargetClusterCRDVersionMismatch"] * 2
    assert result["counts"]["failed"] == 2
    assert target.get("deployments.apps", "web", "shop")


def definition(*versions):
    return manifest(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "widgets.example.com",
        spec={
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": each, "served": True} for each in versions],
        },
    )


@pytest.mark.parametrize(
    ("target_versions", "fields", "expected"),
    [
        (None, {}, []),
        (("v1", "v2"), {}, []),
        (("v2",), {}, ["UserErrorSourceandTargetClusterCRDVersionMismatch"]),
        (None, {"includeClusterScopeResources": False}, ["KubernetesBackupGenericWarning"]),
    ],
)
def test_custom_resources_need_their_definition_in_their_version(target_versions, fields, expected):
    widget = manifest("example.com/v1", "Widget", "one", "shop", spec={})
    source = Cluster("source", content={"objects": [definition("v1"), widget]})
    objects = [definition(*target_versions)] if target_versions else []
    target = Cluster("target", content={"template": "system", "objects": objects})
    result = restore(content(source), target, criteria(**fields))
    assert codes(result) == expected
    assert (target.get("widgets.example.com", "one", "shop") is None) is bool(expected)


# tiers


def test_the_criteria_have_to_be_those_of_the_tier():
    vault = criteria(objectType="KubernetesClusterVaultTierRestoreCriteria")
    target = Cluster("target", content=EMPTY)
    with pytest.raises(RestoreError, match="KubernetesClusterVaultTierRestoreCriteria"):
        restore(tier(content()), target, criteria())
    with pytest.raises(RestoreError, match="KubernetesClusterRestoreCriteria"):
        restore(content(), target, vault)
    assert target.to_dict() == Cluster("target", content=EMPTY).to_dict()
    restore(tier(content()), target, vault)
    assert data_on(target, "data", "shop") == "data of shop/data"


def test_a_big_disk_comes_back_empty_from_the_vault():
    source = Cluster("source", content={"volumes": [{"claim": "big", "namespace": "shop", "size": "2Ti"}]})
    target = Cluster("target", content=EMPTY)
    restore(tier(content(source)), target, criteria(objectType="KubernetesClusterVaultTierRestoreCriteria"))
    assert data_on(target, "big", "shop") == ""
    assert data_on(target, "data", "shop") == "data of shop/data"


def test_content_survives_being_saved():
    target, other = Cluster("target", content=EMPTY), Cluster("target", content=EMPTY)
    restore(content(), target, criteria())
    restore(json.loads(json.dumps(content())), other, criteria())
    assert target.to_dict() == other.to_dict()


@given(
    policy=st.sampled_from(["Skip", "Patch"]),
    data=st.booleans(),
    mapped=st.booleans(),
    gone=st.lists(
        st.sampled_from(
            [
                ("configmaps", "web"),
                ("secrets", "web"),
                ("persistentvolumeclaims", "data"),
                ("deployments.apps", "web"),
                ("services", "web"),
            ]
        ),
        unique=True,
    ),
)
def test_a_restore_deletes_nothing_and_brings_everything_back(policy, data, mapped, gone):
    cluster, backup = Cluster("source"), content()
    for resource, name in gone:
        cluster.delete(resource, name, "shop")
    before = list(cluster)
    fields = {"namespaceMappings": {"shop": "copy"}} if mapped else {}
    mode = "RestoreWithVolumeData" if data else "RestoreWithoutVolumeData"
    result = restore(backup, cluster, criteria(conflictPolicy=policy, persistentVolumeRestoreMode=mode, **fields))
    after = list(cluster)
    assert result["warnings"] == []
    assert all(each in after for each in before)
    for resource, name in [
        ("configmaps", "web"),
        ("deployments.apps", "web"),
        ("pods", "web-5d4f8b-0"),
        ("services", "web"),
    ]:
        assert cluster.get(resource, name, "copy" if mapped else "shop")
    assert result["counts"]["created"] == len([each for each in result["changes"] if each["action"] == "created"])
    again = restore(backup, cluster, criteria(conflictPolicy=policy, persistentVolumeRestoreMode=mode, **fields))
    assert again["changes"] == []
