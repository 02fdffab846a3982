# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup of a cluster holds, and what it warns of."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.kubernetes import Cluster, take_backup, tier
from tests.emulator.kubernetes.objects import key_of, manifest, quantity

EVERYTHING = {
    "objectType": "KubernetesClusterBackupDatasourceParameters",
    "snapshotVolumes": True,
    "includeClusterScopeResources": True,
}


def backup(cluster, **parameters):
    return take_backup(cluster, {**EVERYTHING, **parameters})


def names(result, kind=None):
    """namespace/name (or name) of the objects in the content, of one kind or all."""
    return {
        "/".join(part for part in key_of(each)[1:] if part)
        for each in result["content"]["objects"]
        if kind in (None, each["kind"])
    }


def codes(result):
    return [each["warning"]["code"] for each in result["warnings"]]


def hook(name="quiesce", command=("/bin/quiesce",), phase="preHooks", **fields):
    step = {
        "exec": {
            "container": "web",
            "command": list(command),
            "onError": fields.pop("onError", "Continue"),
            "timeout": fields.pop("timeout", "10s"),
        }
    }
    return manifest(
        "clusterbackup.dataprotection.microsoft.com/v1alpha1",
        "BackupHook",
        name,
        "shop",
        spec={"backupHook": [{"name": "one", phase: [step], **fields}]},
    )


REFERENCE = [{"name": "quiesce", "namespace": "shop"}]


def test_default_cluster_is_backed_up_without_the_system_namespaces():
    result = backup(Cluster("a"))
    assert names(result, "Namespace") == {"default", "shop"}
    assert names(result, "Deployment") == {"shop/web"}
    assert not any(each.startswith("kube-") for each in names(result))
    assert result["warnings"] == []
    assert [(each["claim"], each["size"], each["data"], each["tierable"]) for each in result["content"]["volumes"]] == [
        ("data", 8 * 2**30, "data of shop/data", True)
    ]
    assert result["content"]["namespaces"] == ["shop"]


def test_system_namespaces_are_skipped_even_when_asked_for():
    result = backup(Cluster("a"), includedNamespaces=["kube-system", "shop"])
    assert "coredns" not in str(sorted(names(result)))
    assert names(result, "Deployment") == {"shop/web"}


@pytest.mark.parametrize(
    ("parameters", "present", "absent"),
    [
        ({"includedNamespaces": ["shop"]}, "shop/web", "other/web"),
        ({"excludedNamespaces": ["other"]}, "shop/web", "other/web"),
        ({"includedNamespaces": ["shop", "other"], "excludedNamespaces": ["other"]}, "shop/web", "other/web"),
        ({"labelSelectors": ["tier=front"]}, "other/web", "shop/web"),
        ({"labelSelectors": ["tier:front"]}, "other/web", "shop/web"),
        ({"labelSelectors": ["tier"]}, "other/web", "shop/web"),
    ],
)
def test_selection_of_namespaces_and_labels(parameters, present, absent):
    cluster = Cluster(
        "a",
        content={
            "namespaces": ["other"],
            "workloads": [{"name": "web", "namespace": "other", "labels": {"tier": "front"}}],
        },
    )
    result = backup(cluster, **parameters)
    assert present in names(result, "Deployment")
    assert absent not in names(result, "Deployment")


def test_every_label_selector_has_to_match():
    assert names(backup(Cluster("a"), labelSelectors=["app=web", "tier=front"])) == set()


@pytest.mark.parametrize("spelling", ["secrets", "Secret", "v1/Secret", "V1/SECRET", "v1/secrets"])
def test_resource_types_in_every_spelling(spelling):
    assert names(backup(Cluster("a"), excludedResourceTypes=[spelling]), "Secret") == set()
    only = backup(Cluster("a"), includedResourceTypes=[spelling])
    assert {each["kind"] for each in only["content"]["objects"]} == {"Secret", "Namespace"}


def test_group_distinguishes_resource_types():
    result = backup(Cluster("a"), includedResourceTypes=["deployments.apps"])
    assert names(result, "Deployment") == {"shop/web"}
    assert names(backup(Cluster("a"), includedResourceTypes=["deployments.example.com"])) == set()


def test_without_cluster_scope_there_are_namespaces_but_no_cluster_wide_objects():
    result = backup(Cluster("a"), includeClusterScopeResources=False)
    assert {key_of(each)[0] for each in result["content"]["objects"] if not key_of(each)[1]} == {"namespaces"}
    assert len(result["content"]["volumes"]) == 1


def test_a_pod_brings_its_claim_and_the_claim_its_volume():
    result = backup(Cluster("a"), labelSelectors=["app=web"], excludedResourceTypes=["deployments", "replicasets"])
    assert names(result, "PersistentVolumeClaim") == {"shop/data"}
    assert names(result, "PersistentVolume") == {"pvc-shop-data"}
    assert names(result, "Namespace") == {"shop"}


def test_missing_namespace_is_a_warning_and_the_rest_is_backed_up():
    result = backup(Cluster("a"), includedNamespaces=["shop", "gone"])
    assert codes(result) == ["UserErrorNamespaceNotFound"]
    assert result["warnings"][0]["resourceName"] == "namespaces/gone"
    assert names(result, "Deployment") == {"shop/web"}


def test_no_snapshots_without_snapshot_volumes():
    result = backup(Cluster("a"), snapshotVolumes=False)
    assert result["content"]["volumes"] == []
    assert names(result, "PersistentVolumeClaim") == {"shop/data"}


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ({"kind": "AzureFileShareSMB"}, "KubernetesBackupGenericWarning"),
        ({"kind": "AzureFileShareNFS", "size": "1Ti"}, "KubernetesBackupGenericWarning"),
        ({"kind": "AzureBlob"}, "KubernetesBackupGenericWarning"),
        ({"kind": "InTreeAzureDisk", "storage_class": "default"}, "KubernetesBackupGenericWarning"),
        ({"kind": "NFS", "storage_class": "nfs"}, "KubernetesBackupGenericWarning"),
        ({"storage_class": ""}, "UserErrorStorageClassMissingForPVC"),
        ({"bound": False}, "UserErrorPVCNotBoundToVolume"),
        ({"behaves": {"snapshot": "missing"}}, "UserErrorPVNotFound"),
        ({"behaves": {"snapshot": "denied"}}, "UserErrorPVSnapshotDisallowedByPolicy"),
        ({"behaves": {"snapshot": "timeout"}}, "CSISnapshottingTimedOut"),
        ({"behaves": {"snapshots": 500}}, "UserErrorPVSnapshotLimitReached"),
    ],
)
def test_volumes_that_cannot_be_backed_up_are_skipped_with_the_documented_warning(volume, code):
    cluster = Cluster("a", content={"volumes": [{"claim": "bad", "namespace": "shop", **volume}]})
    result = backup(cluster)
    assert codes(result) == [code]
    assert result["warnings"][0]["resourceName"] == "persistentvolumeclaims/shop/bad"
    assert [each["claim"] for each in result["content"]["volumes"]] == ["data"]


def test_claim_that_lost_its_volume():
    claim = manifest(
        "v1",
        "PersistentVolumeClaim",
        "lost",
        "shop",
        spec={"storageClassName": "managed-csi"},
        status={"phase": "Lost"},
    )
    assert codes(backup(Cluster("a", content={"objects": [claim]}))) == ["UserErrorPVCHasNoVolume"]


def test_volume_types_are_opted_in():
    cluster = Cluster("a", content={"volumes": [{"claim": "share", "namespace": "shop", "kind": "AzureFileShareSMB"}]})
    both = backup(cluster, includedVolumeTypes=["AzureDisk", "AzureFileShareSMB"])
    assert {each["claim"]: each["tierable"] for each in both["content"]["volumes"]} == {"data": True, "share": False}
    assert codes(both) == []
    shares = backup(cluster, includedVolumeTypes=["AzureFileShareSMB"])
    assert [each["claim"] for each in shares["content"]["volumes"]] == ["share"]
    assert codes(shares) == []


def test_snapshots_that_exist_count_towards_the_limit():
    assert codes(take_backup(Cluster("a"), EVERYTHING, {"pvc-shop-data": 500})) == ["UserErrorPVSnapshotLimitReached"]
    assert codes(take_backup(Cluster("a"), EVERYTHING, {"pvc-shop-data": 499})) == []


@pytest.mark.parametrize(("size", "tierable"), [("1Ti", True), ("1024Gi", True), ("1025Gi", False), ("2Ti", False)])
def test_disks_over_one_terabyte_do_not_tier(size, tierable):
    cluster = Cluster("a", content={"volumes": [{"claim": "big", "namespace": "shop", "size": size}]})
    content = backup(cluster)["content"]
    assert {each["claim"]: each["tierable"] for each in content["volumes"]} == {"big": tierable, "data": True}
    vault = tier(content)
    assert vault["dataStore"] == "VaultStore"
    assert {each["claim"] for each in vault["volumes"]} == ({"big", "data"} if tierable else {"data"})


def test_hooks_run_on_the_pods_they_apply_to():
    result = backup(
        Cluster("a", content={"objects": [hook(includedNamespaces=["shop"])]}), backupHookReferences=REFERENCE
    )
    assert [(each.pod, each.phase, each.error) for each in result["hooks"]] == [
        ("web-5d4f8b-0", "preHooks", ""),
        ("web-5d4f8b-1", "preHooks", ""),
    ]
    assert result["warnings"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"includedNamespaces": ["other"]},
        {"excludedNamespaces": ["shop"]},
        {"labelSelector": {"matchLabels": {"app": "db"}}},
        {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}},
    ],
)
def test_hooks_leave_other_pods_alone(fields):
    cluster = Cluster("a", content={"objects": [hook(**fields)]})
    assert backup(cluster, backupHookReferences=REFERENCE)["hooks"] == []


@pytest.mark.parametrize(
    ("command", "behaves", "reason"),
    [
        (("/bin/false",), None, "exit code 1"),
        (("echo hello > file",), None, "executable file not found"),
        (("/bin/quiesce",), {"exec": [{"command": "quiesce", "exitCode": 3}]}, "exit code 3"),
        (("/bin/quiesce",), {"exec": [{"command": "quiesce", "seconds": 11}]}, "timed out"),
        (("/bin/quiesce",), {"ready": False}, "not ready"),
        ((), None, "no command"),
    ],
)
def test_a_failing_hook_is_a_warning(command, behaves, reason):
    cluster = Cluster(
        "a",
        content={
            "objects": [hook(command=command)],
            "workloads": [{"name": "web", "namespace": "shop", "behaves": behaves}],
        },
    )
    result = backup(cluster, backupHookReferences=REFERENCE)
    assert set(codes(result)) == {"UserErrorHookExecutionFailed"}
    assert reason in result["warnings"][0]["warning"]["message"]
    assert "shop/web-5d4f8b-0" in names(result, "Pod")


def test_a_hook_within_its_timeout_succeeds():
    cluster = Cluster(
        "a",
        content={
            "objects": [hook(timeout="1m")],
            "workloads": [
                {"name": "web", "namespace": "shop", "behaves": {"exec": [{"command": "quiesce", "seconds": 59}]}}
            ],
        },
    )
    assert codes(backup(cluster, backupHookReferences=REFERENCE)) == []


def test_a_hook_that_must_not_fail_takes_the_pod_and_its_volume_out():
    cluster = Cluster("a", content={"objects": [hook(command=("/bin/false",), onError="Fail")]})
    result = backup(cluster, backupHookReferences=REFERENCE)
    assert codes(result) == ["UserErrorHookExecutionFailed"] * 2
    assert names(result, "Pod") == set()
    assert result["content"]["volumes"] == []


def test_a_hook_that_is_not_there_and_a_container_that_is_not_there():
    assert codes(backup(Cluster("a"), backupHookReferences=REFERENCE)) == ["UserErrorHookExecutionFailed"]
    strange = hook()
    strange["spec"]["backupHook"][0]["preHooks"][0]["exec"]["container"] = "sidecar"
    result = backup(Cluster("a", content={"objects": [strange]}), backupHookReferences=REFERENCE)
    assert "no such container" in result["warnings"][0]["warning"]["message"]


def test_a_thousand_default_clusters_share_their_content():
    clusters = [Cluster(f"c{number}") for number in range(1000)]
    first, last = next(iter(clusters[0])), next(iter(clusters[-1]))
    assert first is last
    assert sum(sys.getsizeof(each) + sys.getsizeof(each._own) for each in clusters) < 1_000_000
    clusters[0].delete("deployments.apps", "web", "shop")
    assert clusters[0].get("deployments.apps", "web", "shop") is None
    assert clusters[1].get("deployments.apps", "web", "shop") is not None


def test_deleting_cascades_as_the_controllers_do():
    cluster = Cluster("a")
    cluster.delete("deployments.apps", "web", "shop")
    assert "pods" not in {key_of(each)[0] for each in cluster if key_of(each)[1] == "shop"}
    cluster.delete("persistentvolumeclaims", "data", "shop")
    assert cluster.get("persistentvolumes", "pvc-shop-data") is None
    cluster.delete("namespaces", "shop")
    assert not [each for each in cluster if key_of(each)[1] == "shop"]
    assert cluster.delete("namespaces", "shop") is False


def test_save_and_load():
    cluster = Cluster(
        "a", "1.30.0", {"namespaces": {"other": {"team": "b"}}, "volumes": [{"claim": "x", "namespace": "other"}]}
    )
    cluster.delete("secrets", "web", "shop")
    again = Cluster.from_dict(json.loads(json.dumps(cluster.to_dict())))
    assert list(again) == list(cluster)
    assert again.to_dict() == cluster.to_dict()
    assert json.loads(json.dumps(backup(again)["content"])) == backup(cluster)["content"]


@pytest.mark.parametrize("content", [{"pods": []}, {"template": "huge"}])
def test_malformed_content_is_refused(content):
    with pytest.raises(ValueError, match="content of cluster a"):
        Cluster("a", content=content)


NAMES = st.sampled_from(["default", "shop", "kube-system", "kube-public", "one", "two", "absent"])


@given(included=st.lists(NAMES), excluded=st.lists(NAMES), scope=st.booleans())
def test_a_backup_never_leaves_its_selection(included, excluded, scope):
    cluster = Cluster(
        "a",
        content={
            "namespaces": ["one", "two"],
            "workloads": [{"name": "w", "namespace": name} for name in ("one", "two")],
        },
    )
    result = backup(
        cluster, includedNamespaces=included, excludedNamespaces=excluded, includeClusterScopeResources=scope
    )
    found = {key_of(each)[1] for each in result["content"]["objects"]} - {""}
    allowed = (
        (set(included) or set(cluster.namespaces())) - set(excluded) - {"kube-system", "kube-public", "kube-node-lease"}
    )
    assert found <= allowed
    assert {each["namespace"] for each in result["content"]["volumes"]} <= allowed
    assert set(codes(result)) <= {"UserErrorNamespaceNotFound"}
    assert len(result["warnings"]) == len({"absent"} & set(included))


@given(st.integers(0, 2**20), st.sampled_from(["", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_quantities_grow_with_their_number(number, unit):
    assert quantity(f"{number}{unit}") == number * quantity(f"1{unit}")


@pytest.mark.parametrize("text", ["", "Gi", "8 Gi", "8gb", "-1Gi", "i"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="quantity"):
        quantity(text)
