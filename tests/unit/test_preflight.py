# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: each check on documents that are well, on such that are not, and where nothing exists yet."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, apply
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import matrix
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight import preflight
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.cluster import arm64, numbers
from tests.documented import block
from tests.unit import wire_documents as wire

GROUP = f"{wire.GROUPS}/rg-aks-snapshots"
POOL = {"name": "np1", "osType": "Linux", "vmSize": "Standard_D4s_v5", "count": 3, "powerState": {"code": "Running"}}
DISK = {
    "name": "pvc-1",
    "sku": {"name": "Premium_LRS"},
    "tags": {"kubernetes.io-created-for-pvc-name": "data"},
    "properties": {"diskSizeGB": 32, "networkAccessPolicy": "AllowAll"},
}
FILES = {"volume_types": [matrix.DISKS, matrix.FILES], "blob_container": "aks-east-1"}
ROW = {
    "principal": "vault",
    "principal_id": "v",
    "role": "Reader",
    "scope": wire.CLUSTER,
    "assignment_scope": wire.CLUSTER,
}


def changed(document, **paths):
    """A document with other values: ``a__b=1`` is a.b."""
    return apply(document, [Difference(tuple(path.split("__")), None, value) for path, value in paths.items()])


CLUSTER = changed(wire.CLUSTER_DOCUMENT, properties__agentPoolProfiles=[POOL], properties__kubernetesVersion="1.33.2")
VAULT = changed(wire.VAULT_DOCUMENT, properties__securitySettings__immutabilitySettings__state="Disabled")
ACCOUNT = wire.ACCOUNT_DOCUMENT
PLAIN = copy.deepcopy(wire.POLICY_DOCUMENT)
PLAIN["properties"]["policyRules"] = [
    rule for rule in PLAIN["properties"]["policyRules"] if rule["name"] in ("BackupDaily", "Default")
]
EXTENSION = wire.EXTENSION_DOCUMENT
INSTANCE = wire.INSTANCE_DOCUMENT

WELL = {
    "account": ACCOUNT,
    "account_id": wire.ACCOUNT,
    "bindings": [wire.BINDING_DOCUMENT],
    "cluster": CLUSTER,
    "cluster_id": wire.CLUSTER,
    "container": wire.CONTAINER_DOCUMENT,
    "deleted": [],
    "deleted_vaults": [],
    "disks": [DISK],
    "extensions": [EXTENSION],
    "locks": [],
    "on_demand": {"aks-east-1-full": 9},
    "options": {"volume_types": [matrix.DISKS], "blob_container": "aks-east-1"},
    "permissions": {id_: [{"actions": ["*"]}] for id_ in (wire.CLUSTER, wire.VAULT, wire.ACCOUNT, GROUP)},
    "policy": PLAIN,
    "protecting": [INSTANCE],
    "providers": [wire.provider(name) for name in wire.NAMESPACES],
    "roles": {"missing": [], "denied": []},
    "snapshot_group": wire.group("rg-aks-snapshots"),
    "snapshot_group_id": GROUP,
    "vault": VAULT,
    "vault_id": wire.VAULT,
}
# What there is when nothing has been set up.
NOTHING = {
    **WELL,
    **dict.fromkeys(("account", "container", "policy", "snapshot_group", "vault")),
    **{key: [] for key in ("bindings", "deleted", "deleted_vaults", "disks", "extensions", "protecting")},
    "on_demand": {},
}


def pools(**more):
    return {"cluster": changed(CLUSTER, properties__agentPoolProfiles=[{**POOL, **more}])}


def lock(scope, level="CanNotDelete"):
    id_ = f"{scope}/providers/Microsoft.Authorization/locks/keep"
    return {"locks": [{"id": id_, "name": "keep", "properties": {"level": level}}]}


def extension(**paths):
    return {"extensions": [changed(EXTENSION, **paths)]}


def setting(key, value):
    settings = {**EXTENSION["properties"]["configurationSettings"], f"configuration.backupStorageLocation.{key}": value}
    return extension(properties__configurationSettings=settings)


TIERED = {"policy": wire.POLICY_DOCUMENT}
DELETED = {
    "name": "old",
    "properties": {
        "dataSourceInfo": {"resourceID": wire.CLUSTER.upper()},
        "deletionInfo": {"scheduledPurgeTime": "2026-02-01T00:00:00Z"},
    },
}
DELETED_VAULT = {
    "properties": {
        "originalBackupVaultResourcePath": wire.VAULT.upper(),
        "resourceDeletionInfo": {"scheduledPurgeTime": "2026-02-01T00:00:00Z"},
    }
}
ELSEWHERE = changed(INSTANCE, name="other", properties__policyInfo__policyId=f"{wire.GROUPS}/x/y/z/backupPolicies/p")

# (check, facts that differ from those that are well, pieces of what is said)
BAD = [
    ("cluster_exists", {"cluster": None}, ("There is no cluster", "Check the name")),
    (
        "cluster_running",
        {"cluster": changed(CLUSTER, properties__powerState__code="Stopped")},
        ("Stopped", "az aks st"),
    ),
    ("cluster_settled", {"cluster": changed(CLUSTER, properties__provisioningState="Failed")}, ("Failed", "az aks up")),
    ("cluster_identity", {"cluster": changed(CLUSTER, identity=None)}, ("service principal", "managed-identity")),
    ("kubernetes_version", {"cluster": changed(CLUSTER, properties__kubernetesVersion="1.21.9")}, ("1.21.9", "1.22")),
    (
        "csi_disk",
        {"cluster": changed(CLUSTER, properties__storageProfile__snapshotController__enabled=False)},
        ("snapshot controller", "--enable-snapshot-controller"),
    ),
    (
        "csi_disk",
        {"cluster": changed(CLUSTER, properties__storageProfile__diskCSIDriver__enabled=False)},
        ("disk CSI driver", "--enable-disk-driver"),
    ),
    (
        "csi_file",
        {"cluster": changed(CLUSTER, properties__storageProfile__fileCSIDriver__enabled=False), "options": FILES},
        ("file CSI driver is disabled", "--enable-file-driver"),
    ),
    ("node_pools", pools(osType="Windows"), ("np1 (Windows)", "x86-64")),
    ("node_pools", pools(vmSize="Standard_D4ps_v5"), ("np1 (Arm64)", "x86-64")),
    ("node_pools", pools(powerState={"code": "Stopped"}), ("without running nodes",)),
    ("node_pools", pools(count=0), ("without running nodes",)),
    ("node_taints", pools(nodeTaints=["CriticalAddonsOnly=true:NoSchedule"]), ("CriticalAddonsOnly", "without taints")),
    ("node_taints", pools(scaleSetPriority="Spot"), ("spot",)),
    ("network", {"cluster": changed(CLUSTER, properties__networkProfile={"outboundType": "none"})}, ("by none",)),
    (
        "network",
        {
            "cluster": changed(
                CLUSTER,
                properties__networkProfile={"outboundType": "block"},
                properties__apiServerAccessProfile={"enablePrivateCluster": True},
            )
        },
        ("private",),
    ),
    (
        "providers",
        {"providers": [{**wire.provider(name), "registrationState": "NotRegistered"} for name in wire.NAMESPACES]},
        ("Microsoft.Storage (NotR", "aks_backup_provider"),
    ),
    (
        "extension_state",
        extension(
            properties__provisioningState="Failed", properties__statuses=[{"level": "Error", "message": "Helm failed."}]
        ),
        ("is in state Failed. Helm failed.", "aks_backup_extension"),
    ),
    ("extension_storage", setting("config.storageAccount", "other"), ("storage_account is other",)),
    ("extension_storage", setting("bucket", "another"), ("blob_container is another and not aks-east-1",)),
    ("extension_access", setting("config.useAAD", "false"), ("refuses keys", "use_aad")),
    (
        "extension_version",
        {**extension(properties__currentVersion="0.0.3004-100"), "options": FILES},
        ("0.0.3004-100", "0.0.3004-544"),
    ),
    (
        "other_backup",
        {"extensions": [EXTENSION, changed(EXTENSION, properties__extensionType="vendor.velero")]},
        ("vendor.velero", "Remove Velero"),
    ),
    ("location", {"options": {**WELL["options"], "location": "West Europe"}}, ("to be made is in westeurope",)),
    ("vault_region", {"vault": changed(VAULT, location="West Europe")}, ("is in westeurope, the cluster in eastus",)),
    ("vault_subscription", {"vault_id": wire.VAULT.replace(wire.SUBSCRIPTION, "other")}, ("the subscription other",)),
    ("vault_state", {"vault": changed(VAULT, properties__provisioningState="Failed")}, ("Failed",)),
    ("vault_identity", {"vault": changed(VAULT, identity__type="UserAssigned")}, ("UserAssigned", "Trusted Access")),
    (
        "vault_soft_delete",
        {"vault": changed(VAULT, properties__securitySettings__softDeleteSettings__state="Off")},
        ("is Off", "soft_delete"),
    ),
    ("vault_immutability", {"vault": wire.VAULT_DOCUMENT}, ("Unlocked", "before they expire")),
    ("vault_guard", {"vault": changed(VAULT, properties__isVaultProtectedByResourceGuard=True)}, ("guard protects",)),
    ("deleted_vault", {"deleted_vaults": [DELETED_VAULT]}, ("2026-02-01", "undelete")),
    ("soft_deleted", {"deleted": [DELETED]}, ("old (purged 2026-02-01", "undelete")),
    (
        "policy_datasource",
        {"policy": changed(PLAIN, properties__datasourceTypes=["Microsoft.Compute/disks"])},
        ("Microsoft.Compute/disks",),
    ),
    ("policy_files", {**TIERED, "options": FILES}, ("copies backups to the vault tier", "30 days")),
    ("disks_vault_tier", {**TIERED, "disks": [changed(DISK, properties__diskSizeGB=2048)]}, ("2048 GiB, 1 TiB at m",)),
    (
        "disks_vault_tier",
        {**TIERED, "disks": [changed(DISK, properties__networkAccessPolicy="DenyAll")]},
        ("restricted network access",),
    ),
    (
        "disks_vault_tier",
        {**TIERED, "disks": [changed(DISK, properties__publicNetworkAccess="Disabled")]},
        ("restricted network access",),
    ),
    (
        "disks_vault_tier",
        {**TIERED, "disks": [changed(DISK, properties__dataAccessAuthMode="AzureActiveDirectory")]},
        ("Microsoft Entra ID",),
    ),
    (
        "disks_vault_tier",
        {**TIERED, "disks": [changed(DISK, properties__encryption={"diskEncryptionSetId": "/d"})]},
        ("disk encryption set",),
    ),
    ("disks_vault_tier", {**TIERED, "disks": [DISK] * 101}, ("101 disks, 100 at most",)),
    ("disks_speed", {"disks": [changed(DISK, sku__name="UltraSSD_LRS")]}, ("pvc-1 (UltraSSD_LRS)",)),
    ("storage_region", {"account": changed(ACCOUNT, location="westus")}, ("is in westus, the cluster in eastus",)),
    ("storage_kind", {"account": changed(ACCOUNT, kind="BlobStorage")}, ("BlobStorage", "StorageV2")),
    ("storage_keys", {"account": changed(ACCOUNT, properties__allowSharedKeyAccess=True)}, ("takes shared keys",)),
    ("storage_public", {"account": changed(ACCOUNT, properties__allowBlobPublicAccess=True)}, ("is allowed",)),
    (
        "storage_public",
        {"container": changed(wire.CONTAINER_DOCUMENT, properties__publicAccess="Blob")},
        ("'s is Blob",),
    ),
    (
        "storage_network",
        {"account": changed(ACCOUNT, properties__publicNetworkAccess="Disabled")},
        ("is Disabled; private endpoints: 0", "private endpoint"),
    ),
    (
        "storage_firewall",
        {"account": changed(ACCOUNT, properties__networkAcls={"defaultAction": "Deny", "bypass": "None"})},
        ("Deny", "--bypass"),
    ),
    ("snapshot_region", {"snapshot_group": changed(wire.group("x"), location="westus")}, ("is in westus",)),
    ("snapshot_locks", lock(GROUP), ("keep (CanNotDelete)", "Remove the lock")),
    ("snapshot_locks", lock(f"/subscriptions/{wire.SUBSCRIPTION}", "ReadOnly"), ("keep (ReadOnly)",)),
    ("cluster_locks", lock(f"{wire.GROUPS}/rg-clusters", "ReadOnly"), ("keep (ReadOnly)",)),
    (
        "trusted_access",
        {"bindings": [changed(wire.BINDING_DOCUMENT, properties__provisioningState="Failed")]},
        ("in state Failed", "aks_trusted_access"),
    ),
    ("trusted_access", {"bindings": [changed(wire.BINDING_DOCUMENT, properties__roles=["x/reader"])]}, ("x/reader",)),
    (
        "roles",
        {"roles": {"missing": [ROW], "denied": [ROW]}},
        ("may not assign them: Reader for the vault on aks-east-1", "az role assignment create"),
    ),
    (
        "caller",
        {"vault": None, "protecting": [], "permissions": {wire.VAULT: [{"actions": ["*/read"]}]}},
        ("backupVaults/write at", "backupInstances/write at", "validateForBackup/action at"),
    ),
    ("protected_elsewhere", {"protecting": [ELSEWHERE]}, ("Another vault protects the cluster: other",)),
    (
        "protection_state",
        {
            "protecting": [
                changed(
                    INSTANCE,
                    properties__currentProtectionState="ProtectionError",
                    properties__protectionErrorDetails={"code": "Broken"},
                )
            ]
        },
        ("(Broken)",),
    ),
    # Of some instances only the protection status tells, and why.
    (
        "protection_state",
        {
            "protecting": [
                changed(
                    INSTANCE,
                    properties__currentProtectionState=None,
                    properties__protectionStatus={"status": "ProtectionError", "errorDetails": {"code": "Broken"}},
                )
            ]
        },
        ("(Broken)",),
    ),
    ("backups_today", {"on_demand": {"a": 10, "b": 1}}, ("10 at most, of 10", "Azure refuses more")),
]

# Facts that differ, and are well nevertheless.
GOOD = [
    ("node_pools", pools(vmSize="Standard_NP10s")),
    ("node_taints", pools(nodeTaints=["a=b:PreferNoSchedule"])),
    ("csi_file", {"cluster": changed(CLUSTER, properties__storageProfile__fileCSIDriver__enabled=False)}),
    ("csi_file", {"options": FILES}),
    ("extension_version", {"options": FILES}),
    ("extension_version", extension(properties__currentVersion="0.0.1")),
    ("extension_access", {"account": changed(ACCOUNT, properties__allowSharedKeyAccess=True)}),
    ("policy_files", {"options": FILES}),
    ("disks_vault_tier", TIERED),
    (
        "disks_vault_tier",
        {**TIERED, "disks": [{**DISK, "name": "osdisk", "tags": {}, "properties": {"diskSizeGB": 4096}}]},
    ),
    ("disks_vault_tier", {"disks": [changed(DISK, properties__diskSizeGB=2048)]}),
    ("soft_deleted", {"deleted": [changed(DELETED, properties__dataSourceInfo__resourceID="/another")]}),
    ("cluster_locks", lock(GROUP, "ReadOnly")),
    ("cluster_locks", lock(f"{wire.GROUPS}/rg-clusters")),
    ("snapshot_locks", lock(f"{GROUP}-2")),
    (
        "storage_network",
        {
            "account": changed(
                ACCOUNT,
                properties__publicNetworkAccess="Disabled",
                properties__privateEndpointConnections=[
                    {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}
                ],
            )
        },
    ),
    (
        "storage_firewall",
        {
            "account": changed(
                ACCOUNT, properties__networkAcls={"defaultAction": "Deny", "bypass": "Logging, AzureServices"}
            )
        },
    ),
    ("roles", {"roles": {"missing": [ROW], "denied": []}}),
    ("caller", {"permissions": {wire.VAULT: [{"actions": ["*/read"]}]}}),
    ("caller", {"vault": None, "permissions": {wire.VAULT: None}}),
    ("trusted_access", {"bindings": []}),
]


@pytest.mark.parametrize("name", preflight.CHECKS)
def test_all_is_well(name):
    found = preflight.answer(preflight.CHECKS[name], WELL)
    assert found.good is True and found.evidence.endswith(".") and not found.fix, found


@pytest.mark.parametrize("name", preflight.CHECKS)
def test_what_does_not_exist_yet_is_no_reason_to_fail(name):
    assert preflight.answer(preflight.CHECKS[name], NOTHING).good is True


@pytest.mark.parametrize("name", preflight.CHECKS)
def test_without_a_cluster_only_that_is_a_failure(name):
    found = preflight.answer(preflight.CHECKS[name], {**NOTHING, "cluster": None})
    assert (found.good is False) == (name == "cluster_exists")


@pytest.mark.parametrize(("name", "facts", "pieces"), BAD, ids=[row[0] for row in BAD])
def test_what_is_not_well_is_said_with_a_way_out(name, facts, pieces):
    found = preflight.answer(preflight.CHECKS[name], {**WELL, **facts})
    assert found.good is False
    assert found.evidence.endswith(".") and found.fix.endswith("."), found
    for piece in pieces:
        assert piece in f"{found.evidence} {found.fix}"


@pytest.mark.parametrize(("name", "facts"), GOOD, ids=[row[0] for row in GOOD])
def test_what_is_well_although_it_differs(name, facts):
    assert preflight.answer(preflight.CHECKS[name], {**WELL, **facts}).good is True


def test_every_check_has_a_state_in_which_it_fails_and_is_documented():
    assert {row[0] for row in BAD} == set(preflight.CHECKS)
    documented = block("aks_backup_preflight_info", "DOCUMENTATION")["options"]["checks"]["choices"]
    assert set(documented) == set(preflight.CHECKS)
    assert {check.severity for check in preflight.CHECKS.values()} == set(preflight.SEVERITIES)
    for check in preflight.CHECKS.values():
        assert set(check.facts) <= set(WELL), check


@pytest.mark.parametrize(
    ("facts", "evidence"),
    [
        ({"cluster": changed(CLUSTER, properties__kubernetesVersion=None)}, "kubernetes_version"),
        (extension(properties__provisioningState="Creating"), "extension_state"),
        (extension(properties__currentVersion=None, properties__version=None), "extension_version"),
        (pools(osType="Windows"), "node_taints"),
    ],
)
def test_what_cannot_be_told(facts, evidence):
    found = preflight.answer(preflight.CHECKS[evidence], {**WELL, **facts})
    assert found.good is None and preflight.status("error", found.good) == "unknown"


def test_what_may_not_be_read_is_unknown():
    hidden = {**WELL, "locks": preflight.Unreadable("No.")}
    found = preflight.answer(preflight.CHECKS["cluster_locks"], hidden)
    assert found == (None, "No.", "Give the identity that runs Ansible the role Reader there.")
    # A fact that a check can do without is left out.
    without = {**WELL, "bindings": preflight.Unreadable("No."), "vault": preflight.Unreadable("No.")}
    assert preflight.answer(preflight.CHECKS["caller"], without).good is True


@pytest.mark.parametrize(
    ("severity", "good", "expected"),
    [("error", False, "fail"), ("warning", False, "warn"), ("info", False, "warn"), ("error", True, "pass")],
)
def test_status(severity, good, expected):
    assert preflight.status(severity, good) == expected


@pytest.mark.parametrize(
    ("size", "is_arm"),
    [
        ("Standard_D4ps_v5", True),
        ("Standard_D4pds_v5", True),
        ("Standard_E96-24ps_v5", True),
        ("Standard_B2pts_v2", True),
        ("Standard_D4s_v5", False),
        ("Standard_NP10s", False),
        ("Standard_PB6s", False),
        ("Standard_DC2s_v3", False),
        ("Standard_D4ads_v5", False),
        ("", False),
    ],
)
def test_arm_by_the_name_of_a_size(size, is_arm):
    assert arm64(size) is is_arm


def test_versions_are_compared_by_number():
    assert numbers("0.0.03004.544") == numbers("0.0.3004-544") == (0, 0, 3004, 544)
    assert numbers("1.9.0")[:2] < numbers("1.22")
