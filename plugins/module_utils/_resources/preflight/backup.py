# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: vault, policy, roles and what protects the cluster already. Pure. Private to the collection.

Sources: as for ``preflight.cluster``, and Microsoft's pages on Azure RBAC.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form as instance_form
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import rows as permissions_rows
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.matrix import FILES
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.cluster import (
    Answer,
    Check,
    Document,
    Facts,
    good,
    installed,
    judged,
    later,
    no_cluster,
    same_region,
)

# The service's limits, from the support matrix.
BACKUPS_A_DAY = 10
TIERED_DISK_GIB = 1024
TIERED_DISKS = 100
FILES_DAYS = 30
SLOW_DISKS = ("PremiumV2_LRS", "UltraSSD_LRS")
# Actions that a set-up takes: what is there -> (fact, what is to be made when it is absent, action). Where the fact is
# something already, the action is not needed.
ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("vault", "vault_id", "Microsoft.DataProtection/backupVaults/write"),
    ("policy", "vault_id", "Microsoft.DataProtection/backupVaults/backupPolicies/write"),
    ("extension", "cluster_id", "Microsoft.KubernetesConfiguration/extensions/write"),
    ("binding", "cluster_id", "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings/write"),
    ("account", "account_id", "Microsoft.Storage/storageAccounts/write"),
    ("container", "account_id", "Microsoft.Storage/storageAccounts/blobServices/containers/write"),
    ("snapshot_group", "snapshot_group_id", "Microsoft.Resources/subscriptions/resourceGroups/write"),
    ("instance", "vault_id", "Microsoft.DataProtection/backupVaults/validateForBackup/action"),
    ("instance", "vault_id", "Microsoft.DataProtection/backupVaults/backupInstances/write"),
)


# The vault


def vault_region(facts: Facts) -> Answer:
    vault = facts["vault"]
    if vault is None:
        return later("The Backup vault")
    fix = "Azure Backup needs both in one region, and neither can move: use another vault."
    return same_region("The vault", vault.get("location"), facts, fix)


def vault_subscription(facts: Facts) -> Answer:
    here, there = (_ids.segment(facts[key], "subscriptions") for key in ("vault_id", "cluster_id"))
    return judged(
        not _ids.same(here, there),
        f"The vault is in the subscription {here}, the cluster in {there}.",
        "That works within one tenant, if the caller may read both. Older pages of Microsoft rule it out.",
    )


def vault_state(facts: Facts) -> Answer:
    vault = facts["vault"]
    if vault is None:
        return later("The Backup vault")
    state = dig(vault, "properties.provisioningState", "Succeeded")
    return judged(state != "Succeeded", f"The vault is in state {state}.", "Wait, or run aks_backup_vault again.")


def vault_identity(facts: Facts) -> Answer:
    vault = facts["vault"]
    if vault is None:
        return later("The Backup vault")
    kind = dig(vault, "identity.type", "None")
    return judged(
        "systemassigned" not in kind.lower(),
        f"The vault's identity is {kind}.",
        "Trusted Access works with a system-assigned identity only: give the vault one (aks_backup_vault, identity).",
    )


def vault_soft_delete(facts: Facts) -> Answer:
    vault = facts["vault"]
    if vault is None:
        return later("The Backup vault")
    state = dig(vault, "properties.securitySettings.softDeleteSettings.state", "On")
    return judged(
        state.lower() == "off",
        f"Soft delete of the vault is {state}.",
        "Turn it on (aks_backup_vault, soft_delete): without it, deleted backups cannot be brought back.",
    )


def vault_immutability(facts: Facts) -> Answer:
    vault = facts["vault"]
    if vault is None:
        return later("The Backup vault")
    state = dig(vault, "properties.securitySettings.immutabilitySettings.state", "Disabled")
    return judged(
        state != "Disabled",
        f"Immutability of the vault is {state}.",
        "Recovery points cannot be deleted before they expire, so protection cannot be removed before that either.",
    )


def vault_guard(facts: Facts) -> Answer:
    guarded = bool(dig(facts["vault"], "properties.isVaultProtectedByResourceGuard", False))
    return judged(
        guarded,
        f"A resource guard {'protects' if guarded else 'does not protect'} the vault.",
        "Stopping protection, deleting backups and changes of policy take an approval "
        "(resource_guard_operation_requests).",
    )


def deleted_vault(facts: Facts) -> Answer:
    left = [
        dig(item, "properties.resourceDeletionInfo.scheduledPurgeTime", "later")
        for item in facts["deleted_vaults"]
        if _ids.same(dig(item, "properties.originalBackupVaultResourcePath"), facts["vault_id"])
    ]
    return judged(
        bool(left),
        f"A deleted vault of this name waits to be purged: {', '.join(left)}."
        if left
        else "No deleted vault of this name waits to be purged.",
        "Bring it back with its recovery points (aks_backup_vault, undelete); the set-up would make an empty one.",
    )


def soft_deleted(facts: Facts) -> Answer:
    left = [
        f"{item['name']} (purged {dig(item, 'properties.deletionInfo.scheduledPurgeTime', 'later')})"
        for item in facts["deleted"]
        if _ids.same(dig(item, "properties.dataSourceInfo.resourceID"), facts["cluster_id"])
    ]
    return judged(
        bool(left),
        f"Soft-deleted backup instances of the cluster: {', '.join(left)}."
        if left
        else "The vault holds nothing deleted of the cluster.",
        "Bring the instance back with its recovery points (aks_backup_instance, undelete), or leave it to be purged.",
    )


# The policy


def policy_datasource(facts: Facts) -> Answer:
    policy = facts["policy"]
    if policy is None:
        return later("The backup policy")
    types = dig(policy, "properties.datasourceTypes", [])
    wrong = policy_form.DATASOURCE_TYPE.lower() not in [str(kind).lower() for kind in types]
    return judged(wrong, f"The policy is for {', '.join(types)}.", "Use a policy that aks_backup_policy has made.")


def policy_files(facts: Facts) -> Answer:
    if FILES not in facts["options"]["volume_types"] or facts["policy"] is None:
        return good("No file shares are to be backed up." if facts["policy"] else "There is no policy yet.")
    tiered = policy_form.uses_vault_tier(facts["policy"].get("properties") or {})
    return judged(
        tiered,
        f"The policy {'copies' if tiered else 'does not copy'} backups to the vault tier.",
        f"File shares stay in the operational tier, for {FILES_DAYS} days at most: use a policy without the "
        "vault tier.",
    )


def disks_vault_tier(facts: Facts) -> Answer:
    policy, disks = facts["policy"], facts["disks"]
    if policy is None or not policy_form.uses_vault_tier(policy.get("properties") or {}):
        return good("The policy does not use the vault tier.")
    volumes = [disk for disk in disks if volume(disk)]
    left = [f"{disk['name']} ({why})" for disk in volumes for why in untiered(disk)]
    if len(volumes) > TIERED_DISKS:
        left.append(f"{len(volumes)} disks, {TIERED_DISKS} at most")
    return judged(
        bool(left),
        f"Not copied to the vault tier: {'; '.join(left)}." if left else f"All {len(volumes)} disks can be copied.",
        "These volumes stay in the operational tier. Keep that retention long enough, or change the disks.",
    )


def disks_speed(facts: Facts) -> Answer:
    kinds = {disk["name"]: dig(disk, "sku.name") for disk in facts["disks"]}
    slow = [f"{name} ({kind})" for name, kind in kinds.items() if kind in SLOW_DISKS]
    return judged(
        bool(slow),
        f"Disks with slow snapshots: {', '.join(slow)}." if slow else "No disk is known for slow snapshots.",
        "Expect backups to take longer while Azure copies their snapshots.",
    )


def volume(disk: Document) -> bool:
    """Whether a disk of the node resource group is a volume: the CSI driver says so in its tags, or in its name."""
    return "kubernetes.io-created-for-pvc-name" in (disk.get("tags") or {}) or disk["name"].startswith("pvc-")


def untiered(disk: Document) -> list[str]:
    """Why Azure does not copy a disk to the vault tier."""
    properties = disk.get("properties") or {}
    said = []
    if (properties.get("diskSizeGB") or 0) > TIERED_DISK_GIB:
        said.append(f"{properties['diskSizeGB']} GiB, 1 TiB at most")
    if properties.get("networkAccessPolicy", "AllowAll") != "AllowAll" or properties.get("publicNetworkAccess") == (
        "Disabled"
    ):
        said.append("restricted network access")
    if properties.get("dataAccessAuthMode") == "AzureActiveDirectory":
        said.append("data access by Microsoft Entra ID")
    if dig(properties, "encryption.diskEncryptionSetId"):
        said.append("a disk encryption set")
    return said


# Trusted Access, roles, and what protects the cluster already


def binding(facts: Facts) -> Document | None:
    return next(
        (item for item in facts["bindings"] if _ids.same(dig(item, "properties.sourceResourceId"), facts["vault_id"])),
        None,
    )


def trusted_access(facts: Facts) -> Answer:
    found = binding(facts)
    if found is None:
        return later("The Trusted Access role binding")
    roles, state = dig(found, "properties.roles", []), dig(found, "properties.provisioningState", "Succeeded")
    weak = not any(str(role).lower().endswith("/backup-operator") for role in roles)
    return judged(
        weak or state == "Failed",
        f"The binding {found['name']} is in state {state}, with {', '.join(roles)}.",
        "Run aks_trusted_access.",
    )


def roles(facts: Facts) -> Answer:
    if not facts["cluster"]:
        return no_cluster()
    missing, denied = facts["roles"]["missing"], facts["roles"]["denied"]
    todo = "; ".join(map(permissions_rows.sentence, denied or missing))
    if not missing:
        return good("Vault, cluster and extension have all their roles.")
    if not denied:
        return good(f"Roles are missing, and the caller may assign them: {todo}.")
    return Answer(False, f"Roles are missing, and the caller may not assign them: {todo}.",
                  permissions_rows.unassignable(denied))  # fmt: skip


def caller(facts: Facts) -> Answer:
    there = {
        **{name: facts.get(name) for name in ("vault", "policy", "account", "container", "snapshot_group")},
        "extension": installed(facts),
        "binding": binding(facts) if "bindings" in facts else None,
        "instance": own(facts) or None if facts.get("vault_id") else None,
    }
    lacking = []
    for name, place, action in ACTIONS:
        scope = facts.get(place)
        known = name in facts or name in ("extension", "binding", "instance")
        if not scope or not known or there[name] is not None:
            continue
        entries = facts["permissions"].get(scope)
        if entries is not None and not permissions_rows.allowed(entries, action):
            lacking.append(f"{action} at {scope}")
    return judged(
        bool(lacking),
        f"The caller may not: {'; '.join(lacking)}." if lacking else "The caller may do what is left to do.",
        "Give the identity that runs Ansible a role with these actions, such as Contributor on these resources, or "
        "have somebody else make what is missing.",
    )


def own(facts: Facts) -> list[Document]:
    return [item for item in facts["protecting"] if _ids.same(instance_form.vault_of(item), facts["vault_id"])]


def protected_elsewhere(facts: Facts) -> Answer:
    mine = own(facts)
    others = [item["name"] for item in facts["protecting"] if item not in mine]
    return judged(
        bool(others),
        f"Another vault protects the cluster: {', '.join(others)}."
        if others
        else "No other vault protects the cluster.",
        "Use that vault, or delete that backup instance first.",
    )


def protection_state(facts: Facts) -> Answer:
    broken = [
        f"{item['name']} ({instance_form.error_details(item).get('code') or instance_form.state_of(item)})"
        for item in own(facts)
        if instance_form.protection_of(item) == "error"
    ]
    return judged(
        bool(broken),
        f"Backup instances with errors: {', '.join(broken)}." if broken else "No backup instance reports an error.",
        "Remove the cause, then run aks_backup_instance.",
    )


def backups_today(facts: Facts) -> Answer:
    counts = {name: count for name, count in facts["on_demand"].items() if count >= BACKUPS_A_DAY}
    most = max(facts["on_demand"].values(), default=0)
    return judged(
        bool(counts),
        f"On-demand backups of the last 24 hours: {most} at most, of {BACKUPS_A_DAY} for each backup instance.",
        "Wait: Azure refuses more. Scheduled backups go on.",
    )


CHECKS: Iterable[Check] = (
    Check("vault_region", "error", ("vault", "cluster"), vault_region),
    Check("vault_subscription", "info", ("vault", "cluster"), vault_subscription),
    Check("vault_state", "warning", ("vault",), vault_state),
    Check("vault_identity", "error", ("vault",), vault_identity),
    Check("vault_soft_delete", "warning", ("vault",), vault_soft_delete),
    Check("vault_immutability", "info", ("vault",), vault_immutability),
    Check("vault_guard", "info", ("vault",), vault_guard),
    Check("deleted_vault", "warning", ("deleted_vaults",), deleted_vault),
    Check("soft_deleted", "warning", ("deleted",), soft_deleted),
    Check("policy_datasource", "error", ("policy",), policy_datasource),
    Check("policy_files", "error", ("policy",), policy_files),
    Check("disks_vault_tier", "warning", ("policy", "disks"), disks_vault_tier),
    Check("disks_speed", "info", ("disks",), disks_speed),
    Check("trusted_access", "error", ("bindings", "vault"), trusted_access),
    Check("roles", "error", ("cluster", "roles"), roles),
    Check("caller", "error", ("extensions", "permissions", "protecting"), caller),
    Check("protected_elsewhere", "error", ("protecting", "vault"), protected_elsewhere),
    Check("protection_state", "error", ("protecting", "vault"), protection_state),
    Check("backups_today", "warning", ("on_demand",), backups_today),
)
