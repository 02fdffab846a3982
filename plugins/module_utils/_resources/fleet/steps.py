# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's entry in a fleet as the options of the modules that bring it about. Pure. Private to the collection.

Names follow from what is given exactly as in the role, so that both mean the same resources. A step's options are those
of its module, complete and with the module's defaults.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    CLUSTER,
    STORAGE_ACCOUNT,
    VAULT,
    given,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import stagger as policy_stagger

Options = dict[str, Any]

PROTECTION = {"present": "active", "stopped": "stopped", "suspended": "suspended"}

_CLUSTER = dict.fromkeys(("cluster_id", "cluster_name", "cluster_resource_group"))
_VAULT = dict.fromkeys(("vault_id", "vault_name", "vault_resource_group"))
_ACCOUNT = dict.fromkeys(
    (
        "storage_account",
        "storage_account_id",
        "storage_account_resource_group",
        "storage_account_subscription_id",
    )
)
_TAGS = {"append_tags": True, "tags": None}
_STORAGE = {
    **_TAGS,
    **dict.fromkeys(
        (
            "allow_blob_public_access",
            "allow_shared_key_access",
            "confirm_delete_data",
            "container",
            "location",
            "public_network_access",
            "resource_group",
            "sku",
            "storage_account",
        )
    ),
    "state": "present",
}

# Step -> what the options of its module are where nobody says otherwise.
DEFAULTS: dict[str, Options] = {
    "providers": {
        "providers": [
            "Microsoft.ContainerService",
            "Microsoft.DataProtection",
            "Microsoft.KubernetesConfiguration",
            "Microsoft.Storage",
        ]
    },
    "storage": _STORAGE,
    "group": _STORAGE,
    "container": _STORAGE,
    "vault": {
        **_TAGS,
        **dict.fromkeys(
            (
                "alerts_for_all_job_failures",
                "confirm_delete_data",
                "confirm_irreversible",
                "cross_region_restore",
                "cross_subscription_restore",
                "datastore_type",
                "encryption",
                "identity",
                "immutability",
                "location",
                "name",
                "redundancy",
                "resource_group",
                "resource_guard_id",
                "resource_guard_operation_requests",
                "soft_delete",
            )
        ),
        "on_instances": "fail",
        "state": "present",
        "undelete": False,
    },
    "policy": {
        **_VAULT,
        **dict.fromkeys(
            (
                "backup_rule_name",
                "keep",
                "name",
                "operational_retention",
                "policy_definition",
                "preset",
                "repeating_time_intervals",
                "resource_guard_operation_requests",
                "retention_rules",
                "rpo_hours",
                "schedule",
                "simulate_days",
            )
        ),
        "in_use_check": True,
        "on_difference": "fail",
        "state": "present",
    },
    "extension": {
        **_CLUSTER,
        **_ACCOUNT,
        **dict.fromkeys(
            (
                "auto_upgrade_minor_version",
                "blob_container",
                "extra_settings",
                "release_train",
                "resources",
                "storage_account_uri",
                "tenant_id",
                "version",
            )
        ),
        "force_delete": False,
        "name": "azure-aks-backup",
        "purge_unlisted_settings": False,
        "repair": "false",
        "state": "present",
        "use_aad": True,
        "wait_for_identity": True,
    },
    "trusted_access": {
        **_CLUSTER,
        **_VAULT,
        "match": "source",
        "name": None,
        "repair": "false",
        "roles": ["Microsoft.DataProtection/backupVaults/backup-operator"],
        "state": "present",
    },
    "permissions": {
        **_CLUSTER,
        **_VAULT,
        **_ACCOUNT,
        **dict.fromkeys(
            (
                "file_share_storage_account_ids",
                "policy_id",
                "policy_name",
                "snapshot_resource_group",
                "staging_resource_group",
                "staging_storage_account_id",
                "vault_identity_id",
                "vault_tier",
            )
        ),
        "force_revoke": False,
        "mode": "grant",
        "operation": "backup",
        "remove_orphaned": False,
        "restore_from": ["OperationalStore"],
        "role_scope": "resource",
        "volume_types": ["AzureDisk"],
    },
    "instance": {
        **_CLUSTER,
        **_VAULT,
        **_TAGS,
        **dict.fromkeys(
            (
                "backup_configuration",
                "confirm_delete_data",
                "friendly_name",
                "identity",
                "match",
                "name",
                "policy_id",
                "policy_name",
                "resource_guard_operation_requests",
                "snapshot_resource_group",
            )
        ),
        "protection": "active",
        "resync": False,
        "state": "present",
        "undelete": False,
        "validation": "before_create",
    },
}


@dataclass(frozen=True)
class Cluster:
    """An entry with the IDs that follow from it. ``given`` holds the options, ``account`` is the storage account's ID,
    ``groups`` are names of groups that nothing else makes, ``policies`` those to make, each with its name.
    """

    given: Mapping[str, Any]
    subscription: str
    region: str
    id: str
    account: str
    container: str
    vault: str
    policy: str
    snapshots: str
    groups: tuple[str, ...]
    policies: tuple[Options, ...]

    @property
    def name(self) -> str:
        return _ids.name(self.id)

    def part(self, option: str) -> Options:
        """What an option of the entry says, without what it leaves open."""
        return given(self.given.get(option) or {})

    @property
    def homes(self) -> tuple[str, ...]:
        """The IDs below which there are lists that the cluster is in."""
        return f"/subscriptions/{self.subscription}", self.vault, self.account

    @property
    def kinds(self) -> tuple[str, ...]:
        """The steps of :func:`own`, in order; known before the policies are in force."""
        return "container", "extension", "trusted_access", "permissions", *["instance"] * len(self.instances)

    @property
    def instances(self) -> list[Options]:
        entries = self.given.get("instances")
        return [given(one) for one in ([{}] if entries is None else entries)]


def cluster(entry: Mapping[str, Any], subscription_id: str | None) -> Cluster:
    """An entry with its IDs. Raises :class:`Refused` where a name or an ID cannot be one."""
    parts = {name: given(entry.get(name) or {}) for name in ("cluster", "storage", "vault", "policy")}
    wanted, storage, vault, policy = parts.values()
    if "id" in wanted:
        wanted["id"] = _ids.expect(wanted["id"], CLUSTER, "cluster.id")
    subscription = wanted["id"].split("/")[2:3] if "id" in wanted else [wanted.get("subscription_id", subscription_id)]
    if not subscription or not subscription[0]:
        raise Refused(
            "cluster.subscription_id is needed: set it, or subscription_id for all clusters, or AZURE_SUBSCRIPTION_ID "
            "in the environment."
        )
    home = subscription[0]
    region = _ids.region(entry["location"])
    if not region:
        raise Refused("location is empty: give the region of the cluster, such as westeurope.")
    group = entry.get("resource_group") or f"rg-aks-backup-{region}"
    snapshots = entry.get("snapshot_resource_group") or f"rg-aks-snapshots-{region}"
    id_ = wanted["id"] if "id" in wanted else _ids.cluster(home, wanted["resource_group"], wanted["name"])
    account_group = storage.get("resource_group") or group
    # The name of a storage account is taken once in all of Azure, hence the digest of what makes this one ours.
    ours = _digest("/".join((home, account_group, region)))
    account_name = storage.get("storage_account") or f"stbkp{region[:12]}{ours[:7]}"
    account = (
        _ids.expect(storage["storage_account_id"], STORAGE_ACCOUNT, "storage.storage_account_id")
        if "storage_account_id" in storage
        else _ids.storage_account(home, account_group, account_name)
    )
    vault_id = (
        _ids.expect(vault["id"], VAULT, "vault.id")
        if "id" in vault
        else _ids.vault(home, vault.get("resource_group") or group, vault.get("name") or f"bv-aks-{region}")
    )
    if stagger := given(entry.get("stagger") or {}):
        policy = policy_stagger.staggered(policy, id_, **stagger)
    policy_id = policy.get("id") or _ids.policy(vault_id, policy_stagger.default_name(policy))
    # Two clusters of one name in two groups get two containers, and so do names that differ in '_' and '-' alone.
    readable = re.sub(r"-$", "", re.sub(r"[^a-z0-9]+", "-", _ids.name(id_).lower())[:50])
    made = [] if "id" in vault else [vault_id.split("/")[4]]
    made += [] if snapshots.startswith("/") or snapshots in made else [snapshots]
    by_storage = set() if "storage_account_id" in storage else {account.split("/")[4]}
    return Cluster(
        given=entry,
        subscription=home,
        region=region,
        id=id_,
        account=account,
        container=storage.get("container") or f"{readable}-{_digest(id_)[:12]}",
        vault=vault_id,
        policy=policy_id,
        snapshots=snapshots,
        groups=tuple(name for name in made if name not in by_storage),
        policies=(
            *([] if "id" in policy else [{**policy, "name": _ids.name(policy_id)}]),
            *(given(one) for one in entry.get("policies") or []),
        ),
    )


def shared(one: Cluster) -> list[tuple[str, str, Options]]:
    """What the cluster may share with others: step, ID of what it makes, and options, in order."""
    place = {"subscription_id": one.subscription}
    tags = {"tags": one.given.get("tags") or None}
    storage, vault = one.part("storage"), one.part("vault")
    steps: list[tuple[str, str, Options]] = []
    if one.given.get("state") == "absent":
        return steps
    if one.given.get("register_providers") is not False:
        steps.append(("providers", f"/subscriptions/{one.subscription}", place))
    if "storage_account_id" not in storage:
        own = {key: value for key, value in storage.items() if key != "container"}
        named = {"resource_group": one.account.split("/")[4], "storage_account": _ids.name(one.account)}
        options = {**own, **tags, **place, **named, "location": one.given["location"]}
        steps.append(("storage", one.account, options))
    for name in one.groups:
        options = {**tags, **place, "resource_group": name, "location": one.given["location"]}
        steps.append(("group", _ids.resource_group(one.subscription, name), options))
    requests = one.given.get("resource_guard_operation_requests") or None
    if "id" not in vault:
        named = {"resource_group": one.vault.split("/")[4], "name": _ids.name(one.vault)}
        options = {**vault, **tags, **place, **named, "location": one.given["location"]}
        steps.append(("vault", one.vault, {**options, "resource_guard_operation_requests": requests}))
    for policy in one.policies:
        options = {**policy, **place, "vault_id": one.vault, "resource_guard_operation_requests": requests}
        steps.append(("policy", _ids.policy(one.vault, policy["name"]), options))
    return [(step, id_, {**DEFAULTS[step], **options}) for step, id_, options in steps]


def own(one: Cluster, policies: list[Mapping[str, Any]]) -> list[tuple[str, Options]]:
    """What is the cluster's alone: step and options, in order. ``policies`` are those of :func:`shared` as they are by
    now, since one that is rotated gets another name than it was given.
    """
    place = {"subscription_id": one.subscription}
    both = {"cluster_id": one.id, "vault_id": one.vault}
    snapshots = {"snapshot_resource_group": one.snapshots}
    account = one.account.split("/")
    named = {"subscription_id": account[2], "resource_group": account[4], "storage_account": account[-1]}
    permissions = one.part("permissions")
    if any("VaultStore" in (made.get("datastores") or []) for made in policies):
        permissions.setdefault("vault_tier", True)
    if "id" in one.part("policy"):
        permissions["policy_id"] = one.policy
    if volumes := volume_types(one):
        permissions["volume_types"] = volumes
    steps: list[tuple[str, Options]] = [
        ("container", {**named, "container": one.container}),
        (
            "extension",
            {**one.part("extension"), "cluster_id": one.id, "storage_account_id": one.account,
             "blob_container": one.container},
        ),
        ("trusted_access", {**one.part("trusted_access"), **both}),
        ("permissions", {**permissions, **both, **snapshots, "storage_account_id": one.account}),
        *[("instance", {**_instance(one, entry, policies), **both, **snapshots}) for entry in one.instances],
    ]  # fmt: skip
    return [(step, {**DEFAULTS[step], **place, **options}) for step, options in steps]


def _instance(one: Cluster, entry: Options, policies: list[Mapping[str, Any]]) -> Options:
    in_force = {wanted["name"]: made["id"] for wanted, made in zip(one.policies, policies, strict=True)}
    name = entry.pop("policy_name", _ids.name(one.policy))
    known = {_ids.name(one.policy): one.policy, **in_force}
    return {
        "policy_id": known.get(name) or _ids.policy(one.vault, name),
        **entry,
        "protection": PROTECTION[one.given.get("state") or "present"],
        "resource_guard_operation_requests": one.given.get("resource_guard_operation_requests") or None,
        "tags": one.given.get("tags") or None,
    }


def volume_types(one: Cluster) -> list[str]:
    """The types of volumes that the instances of a cluster back up."""
    found: dict[str, None] = {}
    for entry in one.instances:
        types = (entry.get("backup_configuration") or {}).get("volume_types")
        found.update(dict.fromkeys(["AzureDisk"] if types is None else types))
    return list(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.lower().encode()).hexdigest()
