# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores: what is in the target cluster afterwards, what is refused beforehand, and jobs that are not lost.

The vault tier and the paired region are in ``test_restore_vault_tier.py``.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, VAULT, carry_out, chain, prepare, storage

MODULE = "aks_backup_restore"
SHOP = {"included_namespaces": ["shop"], "include_cluster_scope_resources": False}
MODIFIER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "bigger", "namespace": "default"},
    "data": {
        "rules": """
version: v1
resourceModifierRules:
- conditions:
    groupResource: deployments.apps
    namespaces: [shop]
  patches:
  - operation: replace
    path: /spec/replicas
    value: "5"
"""
    },
}
HOOK = {
    "apiVersion": "clusterbackup.dataprotection.microsoft.com/v1alpha1",
    "kind": "RestoreHook",
    "metadata": {"name": "greet", "namespace": "default"},
    "spec": {
        "restoreHook": [
            {
                "name": "greet",
                "includedNamespaces": ["shop-hooked"],
                "postHooks": [{"exec": {"container": "nobody", "command": ["/bin/true"], "onError": "Continue"}}],
            }
        ]
    },
}


def restore(title, /, *, check=False, ignore=False, **options):
    return task(title, MODULE, check=check, ignore=ignore, **{**CLUSTER, **VAULT, **options})


def cluster_id(subscription, name="aks-east-1"):
    return subscription.path(f"resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/{name}")


def inside(subscription, namespace, resource="", name="", cluster="aks-east-1"):
    """The objects in a cluster, as ``kind/name``."""
    found = subscription.emulator.inside(cluster_id(subscription, cluster), namespace, resource, name)
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def restores(subscription):
    """The restores that Azure was asked for."""
    return [
        one for one in subscription.journal() if one["method"] == "POST" and one["path"].lower().endswith("/restore")
    ]


def second_cluster(subscription, **more):
    """The steps that make the second cluster a target."""
    target = {**CLUSTER, "cluster_name": "aks-east-2", **more}
    return [
        task(
            "second extension", "aks_backup_extension", **target, **storage(subscription), blob_container="aks-east-1"
        ),
        task("second binding", "aks_trusted_access", **target, **VAULT),
    ]


@pytest.fixture(scope="module")
def protected(emulator):
    """A cluster with one recovery point, shared by the tests that add to it in places of their own."""
    subscription = Subscription(emulator)
    emulator.change_inside(cluster_id(subscription), [MODIFIER, HOOK])
    prepare(subscription, [*chain(subscription), *second_cluster(subscription)])
    return subscription


def test_a_namespace_beside_the_original(protected):
    mapped = {**SHOP, "namespace_mappings": {"shop": "shop-2"}}
    run = carry_out(
        protected,
        [
            restore("plan", check=True, restore_configuration=mapped),
            restore("validate", validate_only=True, restore_configuration=mapped),
            restore("restore", restore_configuration=mapped),
        ],
    ).ok()
    for title in ("plan", "validate"):
        assert run[title].writes == []
        assert run[title].result["job_id"] is None
    assert run["plan"].changed and not run["validate"].changed
    assert [run[title].result["validated"] for title in ("plan", "validate", "restore")] == [False, True, True]
    plans = [run[title].result["plan"] for title in ("plan", "validate", "restore")]
    assert plans[0] == plans[1] == plans[2]
    assert plans[0]["namespaces"] == [{"source": "shop", "target": "shop-2"}]
    assert plans[0]["conflicts"] == []
    assert plans[0]["source_datastore"] == "OperationalStore"
    done = run["restore"].result
    assert done["changed"] and done["job_started"] and not done["followed"]
    assert done["job"]["status"] == "Completed" and done["job"]["operation"] == "Restore"
    assert done["job"]["target_cluster_id"].lower() == cluster_id(protected).lower()
    assert done["recovery_point_id"] == done["job"]["recovery_point_id"] == plans[0]["recovery_point"]["name"]
    before, after = inside(protected, "shop"), inside(protected, "shop-2")
    assert set(before) == set(after)
    assert after["ConfigMap/web"]["data"] == {"color": "blue"}


def test_filters_decide_what_comes(protected):
    common = {"included_namespaces": ["shop"], "include_cluster_scope_resources": False}
    cases = {
        "types": {"included_resource_types": ["configmaps", "namespaces"]},
        "not-types": {"excluded_resource_types": ["secrets", "deployments.apps"]},
        "labels": {"label_selectors": ["app=web"]},
        "empty-volumes": {"persistent_volume_restore_mode": "RestoreWithoutVolumeData"},
    }
    run = carry_out(
        protected,
        [
            restore(name, restore_configuration={**common, **more, "namespace_mappings": {"shop": f"shop-{name}"}})
            for name, more in cases.items()
        ],
    ).ok()
    found = {name: inside(protected, f"shop-{name}") for name in cases}
    assert set(found["types"]) == {"ConfigMap/web"}
    assert "Secret/web" not in found["not-types"] and "Deployment/web" not in found["not-types"]
    assert "ConfigMap/web" in found["not-types"]
    assert "ServiceAccount/web" not in found["labels"] and "ConfigMap/web" in found["labels"]
    assert "PersistentVolumeClaim/data" in found["empty-volumes"]
    volumes = inside(protected, "", "persistentvolumes")
    data = {
        one["spec"]["claimRef"]["namespace"]: one["x-emulator"]["data"]
        for one in volumes.values()
        if one["spec"]["claimRef"]["namespace"] in ("shop-not-types", "shop-empty-volumes") and "x-emulator" in one
    }
    assert data["shop-empty-volumes"] == "" and data["shop-not-types"] != ""
    assert any("come back empty" in text for text in run["empty-volumes"].result["warnings"])


def test_excluded_namespaces_and_cluster_scope(protected):
    run = carry_out(
        protected,
        [
            restore(
                "restore",
                restore_configuration={"excluded_namespaces": ["shop"], "include_cluster_scope_resources": True},
            )
        ],
    ).ok()
    [criteria] = restores(protected)[-1]["body"]["restoreTargetInfo"]["restoreCriteria"]
    assert criteria["excludedNamespaces"] == ["shop"] and criteria["includeClusterScopeResources"] is True
    assert run["restore"].result["plan"]["namespaces"] is None
    assert "all namespaces that are not mapped" in run["restore"].result["plan"]["conflicts"][0]


def test_a_modifier_and_a_hook(protected):
    run = carry_out(
        protected,
        [
            restore(
                "modified",
                restore_configuration={
                    **SHOP,
                    "namespace_mappings": {"shop": "shop-modified"},
                    "resource_modifier": {"name": "bigger", "namespace": "default"},
                },
            ),
            restore(
                "hooked",
                restore_configuration={
                    **SHOP,
                    "namespace_mappings": {"shop": "shop-hooked"},
                    "restore_hooks": [{"name": "greet", "namespace": "default"}],
                },
            ),
            restore(
                "no such modifier",
                ignore=True,
                restore_configuration={**SHOP, "resource_modifier": {"name": "none", "namespace": "default"}},
            ),
        ],
    ).ok()
    assert inside(protected, "shop-modified")["Deployment/web"]["spec"]["replicas"] == 5
    assert any("those of the backup, not those of namespace_mappings: shop" in text
               for text in run["modified"].result["warnings"])  # fmt: skip
    # The hook ran, in the restored pods: its container is in none of them, which the job warns of.
    job = run["hooked"].result["job"]
    assert job["status"] == "CompletedWithWarnings"
    assert {one["code"] for one in job["warnings"]} == {"UserErrorHookExecutionFailed"}
    assert any("UserErrorHookExecutionFailed" in text and "What to do" in text
               for text in run["hooked"].result["warnings"])  # fmt: skip
    failed = run["no such modifier"]
    assert failed.failed and failed.changed
    assert "ended as Failed" in failed.result["msg"] and "default/none" in failed.result["msg"]
    assert failed.result["error"]["job"]["status"] == "Failed"


def test_warnings_of_a_job_can_fail_the_task(protected):
    given = {
        **SHOP,
        "namespace_mappings": {"shop": "shop-hooked"},
        "restore_hooks": [{"name": "gone", "namespace": "x"}],
    }
    run = carry_out(
        protected, [restore("restore", ignore=True, fail_on_warnings=True, restore_configuration=given)]
    ).ok()
    assert run["restore"].failed
    assert "ended as CompletedWithWarnings" in run["restore"].result["msg"]
    assert "UserErrorHookExecutionFailed" in run["restore"].result["msg"]


def test_another_cluster_with_the_roles_it_takes(protected):
    # The tests before this one have used up the ten restores of a day.
    protected.emulator.advance(86400)
    target = {"target_cluster_name": "aks-east-2", "target_cluster_resource_group": "rg-clusters"}
    options = {**target, "restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-away"}}}
    run = carry_out(
        protected,
        [
            restore("report", ignore=True, validate_timeout=0, **options),
            restore("plan", check=True, permissions="grant", **options),
            restore("grant", permissions="grant", **options),
            restore("again", check=True, **options),
        ],
    ).ok()
    missing = run["report"]
    assert missing.failed and not missing.changed and missing.writes == []
    assert "Roles that are missing: Reader for the vault on" in missing.result["msg"]
    assert "permissions=grant" in missing.result["msg"]
    assert all("az role assignment create" in text for text in missing.result["error"]["problems"])
    assert run["plan"].writes == []
    wanted = {(row["principal"], row["role"]) for row in run["grant"].result["granted_roles"]}
    assert wanted == {(row["principal"], row["role"]) for row in run["plan"].result["granted_roles"]}
    assert ("vault", "Reader") in wanted and ("extension", "Storage Blob Data Contributor") in wanted
    assert run["again"].result["missing_roles"] == []
    assert "ConfigMap/web" in inside(protected, "shop-away", cluster="aks-east-2")
    assert inside(protected, "shop-away") == {}


def test_what_exists_is_skipped_or_patched(subscription):
    # By name, since the schedule makes newer ones of what is changed below where the machine is slow.
    made = carry_out(subscription, chain(subscription)).ok()["run"].result["recovery_point_id"]
    point = {"recovery_point": made.rsplit("/", 1)[-1]}
    here = cluster_id(subscription)
    [web] = inside(subscription, "shop", "configmaps", "web").values()
    subscription.emulator.change_inside(here, [{**web, "data": {"color": "red"}}], [["secrets", "shop", "web"]])
    skipped = carry_out(subscription, [restore("skip", restore_configuration=SHOP, **point)]).ok()["skip"].result
    found = inside(subscription, "shop")
    assert found["ConfigMap/web"]["data"] == {"color": "red"} and "Secret/web" in found
    assert any("delete their claims and volumes first" in text for text in skipped["warnings"])
    assert "stays as it is (Skip)" in skipped["plan"]["conflicts"][0]
    patch = {**SHOP, "conflict_policy": "Patch", "restore_hooks": [{"name": "greet", "namespace": "default"}]}
    patched = carry_out(subscription, [restore("patch", restore_configuration=patch, **point)]).ok()["patch"].result
    assert inside(subscription, "shop")["ConfigMap/web"]["data"] == {"color": "blue"}
    assert any("are overwritten; volumes keep their data" in text for text in patched["warnings"])
    assert any("do not run in namespaces that are restored onto themselves" in text for text in patched["warnings"])


REFUSED = {
    "no point": ({"recovery_point": "0" * 32}, "There is no recovery point 000"),
    "an empty point": (
        {"recovery_point": ""},
        "recovery_point is empty: give a name or an ID, or latest for the newest.",
    ),
    "before the first": ({"before": "2020-01-01"}, "There is no whole recovery point before 2020-01-01. There are "),
    "before and a name": ({"before": "2020-01-01", "recovery_point": "x"}, "before is for recovery_point=latest"),
    "not a moment": ({"before": "last week"}, "before is 'last week'; it must be a date or a moment in ISO 8601"),
    "tier": ({"source_datastore": "VaultStore"}, "There is no whole recovery point in the VaultStore."),
    "staging": (
        {"source_datastore": "OperationalStore", "staging_resource_group": "rg-backup"},
        "staging_resource_group: only a restore from the VaultStore goes through a staging area.",
    ),
    "cleanup": ({"cleanup_staging": "rg-backup"}, "cleanup_staging is for a restore from the vault tier"),
    "paired region": ({"secondary_region": True}, "does not restore across regions"),
    "both lists": (
        {"restore_configuration": {"included_namespaces": ["shop"], "excluded_namespaces": ["shop"]}},
        "shop: in included_namespaces and in excluded_namespaces.",
    ),
    "system namespace": (
        {"restore_configuration": {"included_namespaces": ["kube-system"]}},
        "No backup holds kube-system.",
    ),
    "mapping left out": (
        {"restore_configuration": {"included_namespaces": ["shop"], "namespace_mappings": {"cart": "x"}}},
        "namespace_mappings maps cart, which included_namespaces or excluded_namespaces leave out.",
    ),
    "mapping to the system": (
        {"restore_configuration": {"namespace_mappings": {"shop": "kube-system"}}},
        "namespace_mappings maps shop to kube-system, which belongs to Kubernetes.",
    ),
    "mapping to no name": (
        {"restore_configuration": {"namespace_mappings": {"shop": "Shop_2"}}},
        "namespace_mappings maps shop to 'Shop_2', which is no name of a namespace. They have up to 63 lower-case",
    ),
    "mapping to nothing": (
        {"restore_configuration": {"namespace_mappings": {"shop": None}}},
        "namespace_mappings maps shop to None, which is no name of a namespace.",
    ),
    "unknown cluster": (
        {"target_cluster_name": "aks-none", "target_cluster_resource_group": "rg-clusters"},
        "There is no cluster",
    ),
    "other region": (
        {"target_cluster_name": "aks-west-1", "target_cluster_resource_group": "rg-clusters"},
        "The target cluster aks-west-1 is in westeurope, and this restore can only write to clusters in eastus.",
    ),
    "no extension": (
        {"target_cluster_name": "aks-west-1", "target_cluster_resource_group": "rg-clusters"},
        "A restore to the cluster aks-west-1 takes it: install it there with aks_backup_extension first.",
    ),
    "no binding": (
        {"target_cluster_name": "aks-west-1", "target_cluster_resource_group": "rg-clusters"},
        "Without it the vault cannot reach the cluster aks-west-1: make it with aks_trusted_access first.",
    ),
}


def test_what_cannot_work_is_refused_before_anything_is_sent(protected):
    run = carry_out(
        protected, [restore(name, ignore=True, **options) for name, (options, _said) in REFUSED.items()]
    ).ok()
    wrong = {
        name: run[name].result["msg"]
        for name, (_options, said) in REFUSED.items()
        if not run[name].failed or said not in run[name].result["msg"]
    }
    assert wrong == {}
    assert [name for name in REFUSED if any(one["method"] == "POST" for one in run[name].requests)] == []
    # All at once.
    assert len(run["other region"].result["error"]["problems"]) == 3


def test_a_namespace_that_the_point_does_not_hold(subscription):
    tasks = chain(subscription, until="instance")
    narrow = {"backup_configuration": {"included_namespaces": ["shop"]}, "policy_name": "aks-daily"}
    tasks.append(
        task("instance", "aks_backup_instance", **CLUSTER, **VAULT, snapshot_resource_group="rg-snapshots", **narrow)
    )
    tasks.append(task("run", "aks_backup_run", **CLUSTER, **VAULT))
    point = prepare(subscription, tasks)["run"]["recovery_point_id"]
    other = {"namespace_mappings": {"cart": "cart-2"}}
    run = carry_out(
        subscription,
        [
            restore("newest", ignore=True, restore_configuration=other),
            restore("by name", check=True, recovery_point=point, restore_configuration=other),
        ],
    ).ok()
    said = "The recovery point does not hold the namespace cart: the backup instance"
    assert said in run["newest"].result["msg"] and "name the point in recovery_point" in run["newest"].result["msg"]
    assert any(said in text for text in run["by name"].result["warnings"])


def test_azure_refuses_what_it_validates(protected):
    protected.fault(
        {"lro": "fail", "code": "UserErrorKubernetesBackupExtensionUnhealthy", "message": "It is unhealthy."},
        method="POST", path="validateRestore", times=1,
    )  # fmt: skip
    run = carry_out(protected, [restore("restore", ignore=True, restore_configuration=SHOP)]).ok()
    assert run["restore"].failed and not run["restore"].changed
    assert "UserErrorKubernetesBackupExtensionUnhealthy" in run["restore"].result["msg"]
    assert run["restore"].result["error"]["advice"].startswith("The backup extension is not healthy")
    assert not any(one["path"].endswith("/restore") for one in run["restore"].requests)


def test_a_job_that_fails_says_which_option_to_change(protected):
    code = "UserErrorBackupPluginPodRestartedDuringRestore"
    protected.fault({"lro": "job_fails", "code": code}, method="POST", path="/restore$", times=1)
    given = {**SHOP, "namespace_mappings": {"shop": "shop-too-big"}}
    failed = carry_out(protected, [restore("restore", ignore=True, restore_configuration=given)]).ok()["restore"].result
    assert failed["changed"] and f"ended as Failed. {code}: " in failed["msg"]
    assert (
        "What to do: " in failed["msg"] and "resources.limits.memory of aks_backup_extension to 4400Mi" in failed["msg"]
    )
    assert failed["error"]["job"]["errors"][0]["advice"] == failed["error"]["advice"]


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_an_interrupted_restore_is_found_and_followed(protected, worker):
    configuration = {**SHOP, "namespace_mappings": {"shop": f"shop-interrupted-{worker}".lower()}}
    before = len(restores(protected))
    wanted = restore("restore", restore_configuration=configuration)
    other = restore("other", restore_configuration={**configuration, "label_selectors": ["app=web"]}, wait=False)
    clock = protected.emulator.server.world.clock
    speed = clock.speed

    def follows(since=0):
        return any(one["method"] == "GET" and "/backupjobs/" in one["path"].lower()
                   for one in protected.journal(since)[-3:])  # fmt: skip

    with ExitStack() as stack:
        # Slow enough for the second run to find the job.
        clock.run_at(8)
        try:
            with protected.running([wanted], worker=worker) as running:
                assert running.until(lambda: len(restores(protected)) > before and follows())
                running.kill()
            killed = protected.journal()[-1]["n"]
            running = stack.enter_context(protected.running([wanted, other]))
            assert running.until(lambda: follows(killed))
        finally:
            clock.run_at(speed)
        run = running.wait().ok()
    assert len(restores(protected)) == before + 2
    result = run["restore"].result
    assert result["followed"] and not result["job_started"] and not result["changed"]
    assert result["job"]["status"] == "Completed"
    assert any("It is followed, and no second one is started" in text for text in result["warnings"])
    # What asks for something else is not taken for the same.
    assert run["other"].result["job_started"] and not run["other"].result["followed"]
    assert run["other"].result["job"] is None and run["other"].result["job_id"] != result["job_id"]


def test_behind_a_resource_guard(subscription):
    guard = Somebody(subscription).guard("rg-clusters")
    approval = f"{guard}/dppRestoreRequests/default"
    elsewhere = {"restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-approved"}}}
    guarded = task(
        "guard", "aks_backup_vault", name="bv-east", resource_group="rg-backup", location="eastus",
        resource_guard_id=guard,
    )  # fmt: skip
    prepare(subscription, chain(subscription))
    run = carry_out(
        subscription,
        [
            guarded,
            restore("plan", check=True, ignore=True, **elsewhere),
            restore("refused", ignore=True, **elsewhere),
            restore("approved", resource_guard_operation_requests=[approval], **elsewhere),
        ],
    ).ok()
    for title in ("plan", "refused"):
        assert run[title].failed and run[title].writes == []
        assert "which has to approve restoring. Have its owner give you" in run[title].result["msg"]
        assert f"put {approval} into resource_guard_operation_requests" in run[title].result["msg"]
    assert run["approved"].result["job"]["status"] == "Completed"
    assert "ConfigMap/web" in inside(subscription, "shop-approved")


def test_roles_that_take_time(protected):
    """Azure is asked again while a role may not have taken effect, as long as validate_timeout says."""
    code = "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation"
    protected.fault(
        {"lro": "fail", "code": code, "message": "Not yet."}, method="POST", path="validateRestore", times=4
    )
    options = {"validate_only": True, "restore_configuration": {**SHOP, "namespace_mappings": {"shop": "shop-late"}}}
    run = carry_out(
        protected,
        [
            restore("impatient", ignore=True, validate_timeout=0, **options),
            restore("patient", validate_timeout=30, **options),
        ],
    ).ok()
    assert run["impatient"].failed and f"{code}: Not yet." in run["impatient"].result["msg"]
    asked = [one for one in run["patient"].requests if one["path"].endswith("/validateRestore")]
    assert len(asked) == 4 and run["patient"].result["validated"]
