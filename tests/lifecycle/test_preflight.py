# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight against the emulator: nothing there, all there, and every check in the state in which it does not pass."""

from __future__ import annotations

import pathlib
import uuid

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.preflight import CHECKS
from tests.emulator import scenarios
from tests.emulator.ids import identifier
from tests.harness import Subscription, task
from tests.harness.steps import CLUSTER, VAULT, account, chain, prepare, storage

FILES = ["AzureDisk", "AzureFileShareSMB"]
SETTINGS = "configuration.backupStorageLocation."


def scenario(*roles):
    """The default one, a volume of the first cluster, and an operator who has these roles (name, scope)."""
    document = yaml.safe_load((pathlib.Path(scenarios.HERE) / "default.yml").read_text())
    nodes = {"resource_group": "MC_rg-clusters_aks-east-1_eastus", "location": "eastus"}
    document["subscriptions"][0]["disks"] = [
        {
            **nodes,
            "name": "pvc-1",
            "gib": 2048,
            "sku": "UltraSSD_LRS",
            "tags": {"kubernetes.io-created-for-pvc-name": "d"},
        }
    ]
    granted = [{"role": role, "scope": scope} for role, scope in roles]
    document["principals"].append({"name": "operator", "roles": granted})
    return document


def everything(subscription):
    return {
        **CLUSTER,
        **VAULT,
        **storage(subscription),
        "blob_container": "aks-east-1",
        "policy_name": "aks-daily",
        "snapshot_resource_group": "rg-snapshots",
    }


def look(subscription, title="look", **more):
    given = {**everything(subscription), **more}
    return task(title, "aks_backup_preflight_info", **{key: value for key, value in given.items() if value is not None})


def statuses(step):
    """Check -> status, of those that do not pass."""
    return {row["id"]: row["status"] for row in step.result["checks"] if row["status"] != "pass"}


def operator(subscription):
    """How the operator of :func:`scenario` signs in."""
    tenant = subscription.environment["AZURE_TENANT_ID"]
    everybody = subscription.emulator.server.world.directory.all()
    (found,) = [one for one in everybody if one.name == "operator" and one.tenant == tenant]
    return {"client_id": found.app_id, "secret": found.secrets[0], "tenant": tenant}


@pytest.fixture(scope="module")
def ready(emulator):
    """A protected cluster; :func:`world` changes it for a test and puts it back."""
    subscription = Subscription(emulator, scenario())
    prepare(subscription, chain(subscription, until="run"))
    return subscription


class World:
    """The documents of a subscription, to be changed behind everybody's back and put back."""

    def __init__(self, subscription):
        self.subscription = subscription
        self.store = subscription.emulator.server.world.store
        self.undo = []

    def ids(self, rest):
        return identifier(self.subscription.path(rest))

    def change(self, id_, body):
        before = self.store.get(id_)
        assert before, id_
        kept, hidden = before.body, dict(before.hidden)
        self.undo.append(lambda: self.store.put(id_, kept, hidden))
        self.store.merge(id_, body)

    def add(self, rest, body):
        id_ = self.ids(rest)
        self.undo.append(lambda: self.store.delete(id_))
        self.store.put(id_, body, {})

    def restore(self):
        for step in reversed(self.undo):
            step()


@pytest.fixture
def world(ready):
    made = World(ready)
    yield made
    made.restore()


class Ids:
    """The IDs of the chain."""

    def __init__(self, subscription):
        path = subscription.path
        self.cluster = path(
            "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1"
        )
        self.vault = path("resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east")
        self.policy = f"{self.vault}/backupPolicies/aks-daily"
        self.account = path(
            f"resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/{account(subscription)}"
        )
        self.container = f"{self.account}/blobServices/default/containers/aks-east-1"
        self.snapshots = path("resourceGroups/rg-snapshots")
        self.extension = f"{self.cluster}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup"
        found = subscription.resources("Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings")
        self.binding = found[0]["id"] if found else ""
        found = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
        self.instance = found[0]["id"] if found else ""


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_before_anything_exists(subscription, worker):
    run = subscription.play(
        [
            look(subscription, "the cluster alone", **dict.fromkeys(set(everything(subscription)) - set(CLUSTER))),
            look(subscription, "all that will be"),
            look(subscription, "errors", severity="error"),
            look(subscription, "no cluster", cluster_name="aks-nowhere"),
        ],
        worker=worker,
    ).ok()
    # What the set-up makes is no reason to fail; the providers take a while, and so are worth a warning.
    for name in ("the cluster alone", "all that will be"):
        assert statuses(run[name]) == {"providers": "warn"}, run[name].result
        assert run[name].result["ok"] and run[name].result["sentences"][0].startswith(
            "providers (warn): Not registered:"
        )
    assert len(run["all that will be"].result["checks"]) == len(CHECKS)
    assert run["all that will be"].result["counts"] == {"pass": len(CHECKS) - 1, "warn": 1, "fail": 0, "unknown": 0}
    assert len(run["all that will be"].requests) <= 20, "nothing is looked for below what is not there"
    assert statuses(run["errors"]) == {}
    assert {row["severity"] for row in run["errors"].result["checks"]} == {"error"}
    nowhere = run["no cluster"]
    assert statuses(nowhere)["cluster_exists"] == "fail" and not nowhere.result["ok"]
    assert "fail" not in {status for check, status in statuses(nowhere).items() if check != "cluster_exists"}
    assert run.writes == [] and not any(step.changed for step in run.steps)


def test_a_protected_cluster(ready):
    run = ready.play([look(ready)]).ok()
    # The account that the set-up makes refuses keys; the volume is slow by its kind.
    assert statuses(run["look"]) == {"disks_speed": "warn"}, run["look"].result
    assert run["look"].result["ok"] and len(run["look"].result["checks"]) == len(CHECKS)
    assert len(run["look"].requests) <= 26, "a few reads, at the same time"
    assert run.writes == []


def test_documents_that_are_not_well(ready, world):
    """As much as goes together, each found by the check that is for it."""
    ids = Ids(ready)
    world.change(ids.cluster, {
        "identity": None,
        "properties": {
            "provisioningState": "Failed", "powerState": {"code": "Stopped"}, "kubernetesVersion": "1.21.7",
            "currentKubernetesVersion": "1.21.7", "networkProfile": {"outboundType": "none"},
            "storageProfile": {"diskCSIDriver": {"enabled": False}, "fileCSIDriver": {"enabled": False}},
            "agentPoolProfiles": [{"name": "win", "osType": "Windows", "vmSize": "Standard_D4s_v5", "count": 1},
                                  {"name": "arm", "osType": "Linux", "vmSize": "Standard_D4ps_v5", "count": 1}]},
    })  # fmt: skip
    world.change(ids.vault, {
        "location": "westeurope",
        "identity": {"type": "None", "principalId": None},
        "properties": {
            "provisioningState": "Failed", "isVaultProtectedByResourceGuard": True,
            "securitySettings": {"softDeleteSettings": {"state": "Off"}, "immutabilitySettings": {"state": "Locked"}}},
    })  # fmt: skip
    world.change(ids.policy, {"properties": {"datasourceTypes": ["Microsoft.Compute/disks"]}})
    world.change(ids.account, {
        "location": "westeurope", "kind": "BlobStorage",
        "properties": {"allowBlobPublicAccess": True, "publicNetworkAccess": "Disabled",
                       "networkAcls": {"defaultAction": "Deny", "bypass": "None"}},
    })  # fmt: skip
    world.change(ids.snapshots, {"location": "westeurope"})
    world.change(ids.binding, {"properties": {"provisioningState": "Failed"}})
    world.change(ids.extension, {"properties": {
        "provisioningState": "Failed", "currentVersion": "0.0.3004-100",
        "statuses": [{"code": "InstallationFailed", "level": "Error", "message": "BackoffLimitExceeded"}],
        "configurationSettings": {f"{SETTINGS}bucket": "other", f"{SETTINGS}config.useAAD": "false"}}})  # fmt: skip
    world.change(
        ids.instance,
        {
            "properties": {
                "currentProtectionState": "ProtectionError",
                "protectionErrorDetails": {"code": "UserErrorSomething"},
            }
        },
    )
    lock = {"properties": {"level": "ReadOnly"}}
    world.add("resourceGroups/rg-snapshots/providers/Microsoft.Authorization/locks/keep", lock)
    world.add("resourceGroups/rg-clusters/providers/Microsoft.Authorization/locks/frozen", lock)
    run = ready.play([look(ready, volume_types=FILES)]).ok()
    found = {row["id"]: f"{row['status']} {row['evidence']} {row['fix']}" for row in run["look"].result["checks"]}
    expected = {
        "cluster_running": "fail The cluster is in power state Stopped.",
        "cluster_settled": "warn The cluster is in provisioning state Failed.",
        "cluster_identity": "fail The cluster uses a service principal.",
        "kubernetes_version": "fail The cluster has Kubernetes 1.21.7.",
        "csi_disk": "fail Disabled: disk CSI driver.",
        "csi_file": "fail The file CSI driver is disabled.",
        "node_pools": "fail Node pools: win (Windows), arm (Arm64).",
        "node_taints": "unknown No node pool can run the extension.",
        "network": "warn The API server is public, and outbound traffic goes by none.",
        "extension_state": "fail The backup extension azure-aks-backup is in state Failed. BackoffLimitExceeded",
        "extension_storage": "warn The backup extension writes elsewhere: blob_container is other",
        "extension_access": "fail The extension reaches the blob container by the keys of the account",
        "extension_version": "fail The backup extension has version 0.0.3004-100.",
        "vault_region": "fail The vault is in westeurope, the cluster in eastus.",
        "vault_state": "warn The vault is in state Failed.",
        "vault_identity": "fail The vault's identity is None.",
        "vault_soft_delete": "warn Soft delete of the vault is Off.",
        "vault_immutability": "warn Immutability of the vault is Locked.",
        "vault_guard": "warn A resource guard protects the vault.",
        "policy_datasource": "fail The policy is for Microsoft.Compute/disks.",
        "storage_region": "fail The storage account is in westeurope",
        "storage_kind": "fail The storage account is of kind BlobStorage.",
        "storage_public": "warn Public access to blobs is allowed",
        "storage_network": "warn Access from public networks is Disabled",
        "storage_firewall": "warn The firewall's default is Deny",
        "snapshot_region": "warn The snapshot resource group is in westeurope",
        "snapshot_locks": "fail Locks on the snapshot resource group: keep (ReadOnly).",
        "cluster_locks": "fail Locks on the cluster: frozen (ReadOnly).",
        "trusted_access": "fail The binding ",
        "protection_state": "fail Backup instances with errors: ",
    }
    assert [(check, found[check]) for check, said in expected.items() if not found[check].startswith(said)] == []
    assert not run["look"].result["ok"] and run.writes == []
    assert len(run["look"].result["sentences"]) == sum(not said.startswith("pass") for said in found.values())


def test_more_documents_that_are_not_well(ready, world):
    ids = Ids(ready)
    spot = {"osType": "Linux", "vmSize": "Standard_D4s_v5", "count": 1}
    world.change(
        ids.cluster,
        {
            "properties": {
                "agentPoolProfiles": [
                    {**spot, "name": "spot", "scaleSetPriority": "Spot"},
                    {**spot, "name": "taken", "nodeTaints": ["a=b:NoSchedule"]},
                ]
            }
        },
    )
    world.change(ids.account, {"properties": {"allowSharedKeyAccess": True}})
    world.change(ids.container, {"properties": {"publicAccess": "Blob"}})
    world.add(ids.extension.partition("/resourceGroups/")[2].join(("resourceGroups/", "-2")),
              {"properties": {"extensionType": "vendor.velero", "provisioningState": "Succeeded"}})  # fmt: skip
    instance = world.store.get(ids.instance)
    rest = ids.vault.partition("/resourceGroups/")[2].replace("bv-east", "bv-other")
    policy = {"policyId": ids.policy.replace("bv-east", "bv-other")}
    world.add(
        f"resourceGroups/{rest}/backupInstances/theirs",
        {"properties": {**instance.properties, "policyInfo": {**instance.properties["policyInfo"], **policy}}},
    )
    deleted = f"resourceGroups/{ids.vault.partition('/resourceGroups/')[2]}/deletedBackupInstances/old"
    world.add(
        deleted, {"properties": {**instance.properties, "deletionInfo": {"scheduledPurgeTime": "2026-12-31T00:00:00Z"}}}
    )
    job = {
        "dataSourceId": ids.cluster,
        "isUserTriggered": True,
        "operationCategory": "Backup",
        "status": "Completed",
        "backupInstanceId": ids.instance,
        "startTime": now(ready),
        "endTime": now(ready),
        "duration": "PT1M",
    }
    for number in range(10):
        name = f"00000000-0000-0000-0000-00000000000{number}"
        world.add(f"resourceGroups/{ids.vault.partition('/resourceGroups/')[2]}/backupJobs/{name}", {"properties": job})
    ready.emulator.advance(120)
    run = ready.play([look(ready)]).ok()
    found = {row["id"]: f"{row['status']} {row['evidence']}" for row in run["look"].result["checks"]}
    expected = {
        "node_taints": "warn Node pools that repel pods: spot (spot), taken (a=b:NoSchedule).",
        "storage_keys": "warn The storage account takes shared keys.",
        "storage_public": "warn Public access to blobs is ruled out; the container's is Blob.",
        "other_backup": "warn Extensions of the cluster: ",
        "protected_elsewhere": "fail Another vault protects the cluster: theirs.",
        "soft_deleted": "warn Soft-deleted backup instances of the cluster: old (purged 2026-12-31T00:00:00Z).",
        "backups_today": "warn On-demand backups of the last 24 hours: 10 at most, of 10",
    }
    assert [(check, found[check]) for check, said in expected.items() if not found[check].startswith(said)] == []


def now(subscription):
    """The emulator's time, as its service writes it."""
    from tests.emulator.clock import stamp

    return stamp(subscription.emulator.server.world.clock.now)


def test_the_vault_tier(ready, world):
    """What the policy of the vault tier cannot keep: a volume of two TiB, and file shares."""
    tiered = {"preset": "disaster_recovery", "name": "tiered"}
    tasks = [
        task("policy", "aks_backup_policy", **VAULT, **tiered),
        look(ready, policy_name="tiered", volume_types=FILES),
        look(ready, "by id", policy_name=None, policy_id=f"{Ids(ready).vault}/backupPolicies/tiered"),
    ]
    run = ready.play(tasks).ok()
    found = {row["id"]: f"{row['status']} {row['evidence']}" for row in run["look"].result["checks"]}
    assert found["disks_vault_tier"] == "warn Not copied to the vault tier: pvc-1 (2048 GiB, 1 TiB at most)."
    assert found["policy_files"] == "fail The policy copies backups to the vault tier."
    # Three more roles are missing, which the caller may assign.
    assert found["roles"].startswith(
        "pass Roles are missing, and the caller may assign them: Disk Snapshot Contributor"
    )
    assert found["disks_speed"].startswith("warn Disks with slow snapshots: pvc-1 (UltraSSD_LRS)")
    assert statuses(run["by id"])["disks_vault_tier"] == "warn"


def test_another_subscription_for_the_vault(emulator):
    document, second = scenario(), str(uuid.uuid4())
    document["subscriptions"].append({"id": second, "name": "Second"})
    document["principals"][0]["roles"].append({"role": "Owner", "scope": f"/subscriptions/{second}"})
    subscription = Subscription(emulator, document)
    other = Ids(subscription).vault.replace(subscription.id, second)
    given = {"vault_name": None, "vault_resource_group": None, "vault_id": other}
    run = subscription.play([look(subscription, checks=["vault_subscription", "cluster_exists"], **given)]).ok()
    assert statuses(run["look"]) == {"vault_subscription": "warn"}
    assert second in run["look"].result["sentences"][0]


def test_a_vault_that_was_deleted(subscription):
    ids = Ids(subscription)
    world = World(subscription)
    where = "providers/Microsoft.DataProtection/locations/eastus/deletedVaults/00000000-0000-0000-0000-00000000dead"
    subscription.emulator.server.world.register(subscription.id, "Microsoft.DataProtection", "Registered")
    times = {"deletionTime": "2026-12-01T00:00:00Z", "scheduledPurgeTime": "2026-12-31T00:00:00Z"}
    kept = {"originalBackupVaultName": "bv-east", "originalBackupVaultResourcePath": ids.vault}
    world.add(where, {"location": "eastus", "properties": {**kept, "resourceDeletionInfo": times}})
    other = {"vault_name": "bv-other"}
    run = subscription.play([look(subscription), look(subscription, "another name", **other)]).ok()
    assert statuses(run["look"])["deleted_vault"] == "warn"
    said = [one for one in run["look"].result["sentences"] if one.startswith("deleted_vault (warn): ")]
    assert "2026-12-31T00:00:00Z" in said[0] and "undelete" in said[0]
    assert "deleted_vault" not in statuses(run["another name"])


def test_what_a_caller_may_not(emulator):
    subscription = Subscription(emulator, scenario(("Reader", "{subscription}")))
    reader = operator(subscription)
    run = subscription.play([look(subscription, **reader)]).ok()
    found = {row["id"]: row for row in run["look"].result["checks"]}
    assert found["caller"]["status"] == found["roles"]["status"] == "fail"
    kinds = ["backupVaults", "backupPolicies", "backupInstances", "extensions", "trustedAccessRoleBindings",
             "storageAccounts", "containers", "resourceGroups"]  # fmt: skip
    assert [kind for kind in kinds if f"/{kind}/write at /subscriptions/" not in found["caller"]["evidence"]] == []
    assert found["roles"]["fix"].count("az role assignment create") == 4
    assert not run["look"].result["ok"]
    # A Contributor may do everything but assign roles.
    subscription = Subscription(emulator, scenario(("Contributor", "{subscription}")))
    run = subscription.play([look(subscription, **operator(subscription))]).ok()
    assert statuses(run["look"]) == {"providers": "warn", "roles": "fail", "disks_speed": "warn"}


def test_what_a_caller_may_not_read(emulator):
    subscription = Subscription(emulator, scenario(("Reader", "{subscription}/resourceGroups/rg-clusters")))
    run = subscription.play([look(subscription, **operator(subscription))]).ok()
    found = {row["id"]: row for row in run["look"].result["checks"]}
    assert found["cluster_running"]["status"] == "pass"
    hidden = found["vault_region"]
    assert hidden["status"] == "unknown" and "AuthorizationFailed" in hidden["evidence"]
    assert hidden["fix"] == "Give the identity that runs Ansible the role Reader there."
    assert found["cluster_locks"]["status"] == "unknown" and run["look"].result["counts"]["unknown"] > 5
    assert any(
        sentence.startswith("vault_region (unknown): Azure did not") for sentence in run["look"].result["sentences"]
    )


def test_some_checks_only(ready):
    nothing = dict.fromkeys(set(everything(ready)) - set(CLUSTER))
    run = ready.play(
        [
            look(ready, "one", checks=["cluster_running"]),
            look(ready, "whatever its severity", checks=["storage_keys", "cluster_exists"], severity="error"),
            {**look(ready, "no vault", checks=["vault_region", "roles", "caller"], **nothing), "ignore_errors": True},
            {**look(ready, "no check", checks=["cluster_runing"]), "ignore_errors": True},
            look(ready, "warnings", severity="warning"),
        ]
    ).ok()
    assert [row["id"] for row in run["one"].result["checks"]] == ["cluster_running"]
    assert len(run["one"].requests) == 1, "a check reads what it looks at, and no more"
    assert [row["id"] for row in run["whatever its severity"].result["checks"]] == ["cluster_exists", "storage_keys"]
    assert run["no vault"].result["error"]["problems"] == [
        "The check vault_region needs vault_id.",
        "The check roles needs vault_id, storage_account_id and snapshot_resource_group.",
    ]
    assert "cluster_runing" in run["no check"].result["msg"]
    assert "info" not in {row["severity"] for row in run["warnings"].result["checks"]}


def test_a_fleet_asks_once_for_what_its_clusters_share(subscription):
    clusters = [
        {
            "cluster": {"name": f"aks-east-{number}", "resource_group": "rg-clusters"},
            "location": "eastus",
            "preflight": "warn",
        }
        for number in (1, 2)
    ]
    run = subscription.play([task("plan", "aks_backup_fleet", check=True, clusters=clusters)]).ok()
    assert all(len(one["preflight"]) == 1 for one in run["plan"].result["clusters"])
    # Locks are read by the preflight alone.
    paths = [request["path"] for request in run["plan"].requests]
    assert paths.count(f"/subscriptions/{subscription.id}/providers/Microsoft.Authorization/locks") == 1
    disks = [path for path in paths if path.endswith("/providers/Microsoft.Compute/disks")]
    assert len(disks) == len(set(disks)) == 2
