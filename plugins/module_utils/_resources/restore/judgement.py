# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores: what cannot work, what meets something that is there, what surprises people. Pure. Private to the
collection.

Sources: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-restore and
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-overview.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Params
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import points
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.points import LATEST, VAULT_TIER
from ansible_collections.aks.backup.plugins.module_utils._resources.common import NEVER_BACKED_UP, cluster_problems
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.names import LABEL
from ansible_collections.aks.backup.plugins.module_utils._resources.restore.request import Sight, snapshot_group_id

# What cannot work


def problems(params: Params, sight: Sight) -> list[str]:
    """Sentences on why the restore cannot work, all of them."""
    return [
        *sight.absent,
        *_of_the_point(params, sight),
        *_of_the_target(params, sight),
        *_of_the_staging(params, sight),
        *_of_the_filters(params["restore_configuration"]),
        *_of_the_namespaces(params, sight),
        *_of_the_cleanup(params, sight),
    ]


def _of_the_point(params: Params, sight: Sight) -> list[str]:
    name, held = sight.point["name"], points.tiers(sight.point)
    if params["secondary_region"] and sight.tier != VAULT_TIER:
        return ["Only copies in the vault tier reach the paired region: leave source_datastore out, or set VaultStore."]
    if sight.tier in held:
        return []
    said = (
        f"The recovery point {name} of {sight.point['time']} is not in the {sight.tier}, but in {' and '.join(held)}."
    )
    if sight.tier == VAULT_TIER:
        return [
            f"{said} It is copied hours after the backup, if the policy has a rule for it. Leave source_datastore out."
        ]
    return [f"{said} The snapshots have expired. Leave source_datastore out to restore from the vault tier."]


def _of_the_target(params: Params, sight: Sight) -> list[str]:
    cluster, vault = sight.target, sight.vault
    said = cluster_problems(cluster)
    home = points.secondary_region(vault) if params["secondary_region"] else _ids.region(vault.get("location"))
    if home and _ids.region(cluster.get("location")) != home:
        other = "" if params["secondary_region"] else (
            " Another region takes secondary_region, and a vault that restores across regions."
        )  # fmt: skip
        said.append(
            f"The target cluster {_ids.name(cluster['id'])} is in {_ids.region(cluster.get('location'))}, and this "
            f"restore can only write to clusters in {home}.{other}"
        )
    abroad = _ids.segment(cluster["id"], "subscriptions").lower() != _ids.segment(vault["id"], "subscriptions").lower()
    state = dig(vault, "properties.featureSettings.crossSubscriptionRestoreSettings.state", "Disabled")
    if abroad and str(state).lower() != "enabled":
        said.append(
            f"The target cluster is in another subscription, and the Backup vault {_ids.name(vault['id'])} does not "
            f"restore across subscriptions (it is {state}). Enable cross_subscription_restore with aks_backup_vault."
        )
    installed = str(dig(sight.extension, "properties.provisioningState", "Succeeded"))
    if installed.lower() == "failed":
        said.append(
            f"The backup extension of the target cluster {_ids.name(cluster['id'])} is in state Failed. Repair it with "
            "aks_backup_extension."
        )
    return said


def _of_the_staging(params: Params, sight: Sight) -> list[str]:
    if sight.tier != VAULT_TIER:
        given = [name for name in ("staging_resource_group", "staging_storage_account_id") if params.get(name)]
        if given and params.get("source_datastore"):
            return [f"{' and '.join(given)}: only a restore from the VaultStore goes through a staging area."]
        return []
    said = []
    for option, id_ in (
        ("staging_resource_group", sight.staging_group_id),
        ("staging_storage_account_id", sight.staging_account_id),
    ):
        if not id_:
            said.append(
                f"{option} is needed: a restore from the vault tier lays the data out there first, in the target "
                "cluster's region."
            )
    account, target = sight.staging_account, sight.target
    if account and _ids.region(account.get("location")) not in ("", _ids.region(target.get("location"))):
        said.append(
            f"The staging storage account {account.get('name')} is in {_ids.region(account.get('location'))} and the "
            f"target cluster in {_ids.region(target.get('location'))}. They have to be in one region."
        )
    subscription = _ids.segment(target["id"], "subscriptions").lower()
    for id_ in filter(None, (sight.staging_group_id, sight.staging_account_id)):
        if _ids.segment(id_, "subscriptions").lower() != subscription:
            said.append(f"{id_} is not in the subscription of the target cluster, where the staging area has to be.")
    return said


def _of_the_filters(configuration: Document) -> list[str]:
    said = []
    for kind in ("namespaces", "resource_types"):
        both = set(configuration.get(f"included_{kind}") or []) & set(configuration.get(f"excluded_{kind}") or [])
        if both:
            said.append(f"{', '.join(sorted(both))}: in included_{kind} and in excluded_{kind}. Take one out.")
    named = sorted(set(configuration.get("included_namespaces") or []) & NEVER_BACKED_UP)
    if named:
        said.append(f"No backup holds {', '.join(named)}. Take it out of included_namespaces.")
    return said


def _of_the_namespaces(params: Params, sight: Sight) -> list[str]:
    configuration = params["restore_configuration"]
    mappings = configuration.get("namespace_mappings") or {}
    included, excluded = configuration.get("included_namespaces"), configuration.get("excluded_namespaces") or []
    said = []
    for origin, place in sorted(mappings.items()):
        if origin in NEVER_BACKED_UP:
            said.append(f"namespace_mappings maps {origin}, which no backup holds.")
        elif (included and origin not in included) or origin in excluded:
            said.append(
                f"namespace_mappings maps {origin}, which included_namespaces or excluded_namespaces leave out."
            )
        if place in NEVER_BACKED_UP:
            said.append(f"namespace_mappings maps {origin} to {place}, which belongs to Kubernetes.")
        elif not isinstance(place, str) or not LABEL.fullmatch(place):
            said.append(
                f"namespace_mappings maps {origin} to {place!r}, which is no name of a namespace. They have up to 63 "
                "lower-case letters, digits and hyphens, with a letter or digit at both ends; numbers need quotes."
            )
    if params["recovery_point"] == LATEST:
        said += [f"{sentence} {_BY_NAME}" for sentence in not_backed_up(configuration, sight.instance)]
    return said


_BY_NAME = "If this point was made by an earlier configuration and holds it, name the point in recovery_point."


def not_backed_up(configuration: Document, instance: Document) -> list[str]:
    """Namespaces that the restore names and that the present configuration of the backup instance leaves out.

    Azure does not say what a point holds; the newest one holds what the configuration selects.
    """
    parameters = (dig(instance, "properties.policyInfo.policyParameters.backupDatasourceParametersList") or [{}])[0]
    only, never = parameters.get("includedNamespaces"), parameters.get("excludedNamespaces") or []
    named = {*(configuration.get("namespace_mappings") or {}), *(configuration.get("included_namespaces") or [])}
    return [
        f"The recovery point does not hold the namespace {name}: the backup instance {instance.get('name')} leaves it "
        "out."
        for name in sorted(named - NEVER_BACKED_UP)
        if (only and name not in only) or name in never
    ]


def _of_the_cleanup(params: Params, sight: Sight) -> list[str]:
    if params.get("cleanup_staging") and sight.tier != VAULT_TIER:
        return ["cleanup_staging is for a restore from the vault tier, the only one that leaves something behind."]
    return cleanup_problems(
        params, sight.instance, sight.vault, sight.target, sight.staging_group_id, sight.backup_accounts
    )


def cleanup_problems(
    params: Params,
    instance: Document,
    vault: Document,
    target: Document,
    group: str | None,
    backup_accounts: Iterable[str],
) -> list[str]:
    """Sentences on why the staging resource group must not be deleted after the restore."""
    wanted = params.get("cleanup_staging")
    if not wanted:
        return []
    if not group:
        return ["cleanup_staging takes staging_resource_group, the group to delete when the restore has ended."]
    said = []
    if wanted.lower() != _ids.name(group).lower():
        said.append(
            f"cleanup_staging is {wanted!r}, but the staging resource group is {_ids.name(group)}. It is deleted with "
            "everything in it, so confirm its name."
        )
    if not params["wait"]:
        said.append("cleanup_staging needs wait, since the staging area is in use until the restore has ended.")
    target_id = target.get("id") or ""
    nodes = dig(target, "properties.nodeResourceGroup")
    kept: dict[str, str] = {
        **{f"the backups in {_ids.name(id_)}": id_ for id_ in backup_accounts},
        "the target cluster": target_id,
        "the backed up cluster": dig(instance, "properties.dataSourceInfo.resourceID", ""),
        "the Backup vault": vault["id"],
        "the snapshots": snapshot_group_id(instance) or "",
        "the nodes of the target cluster": _ids.resource_group(_ids.segment(target_id, "subscriptions"), nodes)
        if nodes
        else "",
    }
    said += [
        f"cleanup_staging would delete {what} with the resource group {_ids.name(group)}. Stage in a group of its own."
        for what, id_ in kept.items()
        if f"{id_}/".lower().startswith(group.rstrip("/").lower() + "/")
    ]
    return said


# What surprises


def namespaces(configuration: Document, instance: Document) -> list[Document] | None:
    """Where each namespace goes that is known by name; None when the point's own namespaces decide."""
    parameters = (dig(instance, "properties.policyInfo.policyParameters.backupDatasourceParametersList") or [{}])[0]
    mappings = configuration.get("namespace_mappings") or {}
    known = configuration.get("included_namespaces") or parameters.get("includedNamespaces")
    if known is None:
        return None
    out = configuration.get("excluded_namespaces") or []
    return [{"source": name, "target": mappings.get(name, name)} for name in sorted(known) if name not in out]


def conflicts(params: Params, sight: Sight) -> list[str]:
    """Sentences on what can be seen beforehand to meet something that is there. Azure cannot look into the cluster."""
    configuration = params["restore_configuration"]
    mappings = configuration.get("namespace_mappings") or {}
    known = namespaces(configuration, sight.instance)
    said = []
    for place, count in sorted(Counter(mappings.values()).items()):
        if count > 1:
            origins = ", ".join(sorted(origin for origin, one in mappings.items() if one == place))
            said.append(f"{origins} all go to the namespace {place}: objects of one name meet there.")
    stay = {one["source"] for one in known or [] if one["source"] == one["target"]}
    for origin, place in sorted(mappings.items()):
        if place in stay and place != origin:
            said.append(f"{origin} goes to {place}, which is restored as well: objects of one name meet there.")
    if sight.same_cluster and (known is None or stay):
        which = ", ".join(sorted(stay)) if stay else "all namespaces that are not mapped"
        policy = configuration["conflict_policy"]
        what = "stays as it is" if policy == "Skip" else "is overwritten where Kubernetes allows it"
        said.append(f"The target is the backed up cluster itself: what still exists in {which} {what} ({policy}).")
    return said


def warnings(params: Params, sight: Sight) -> list[str]:
    """What surprises people, in sentences."""
    configuration = params["restore_configuration"]
    mappings = configuration.get("namespace_mappings") or {}
    known = namespaces(configuration, sight.instance)
    in_place = sight.same_cluster and (known is None or any(one["source"] == one["target"] for one in known))
    said = []
    if not points.whole(sight.point):
        said.append(f"The recovery point {sight.point['name']} is partial: something that was selected is not in it.")
    if in_place and configuration["conflict_policy"] == "Skip":
        said.append(
            "conflict_policy is Skip and the target is the backed up cluster: volumes that still exist keep their "
            "present data. To get the data of the backup, delete their claims and volumes first, or restore into "
            "other namespaces."
        )
    if in_place and configuration["conflict_policy"] == "Patch":
        said.append(
            "conflict_policy is Patch: fields of objects that still exist are overwritten; volumes keep their data."
        )
    if in_place and configuration.get("restore_hooks"):
        said.append(
            "Restore hooks run only in pods that the restore creates. They do not run in namespaces that are restored "
            "onto themselves."
        )
    if mappings and configuration.get("resource_modifier"):
        said.append(
            "The namespaces in the conditions of a resource modifier are those of the backup, not those of "
            f"namespace_mappings: {', '.join(sorted(mappings))}."
        )
    if configuration["persistent_volume_restore_mode"] == "RestoreWithoutVolumeData":
        said.append("persistent_volume_restore_mode is RestoreWithoutVolumeData: volumes come back empty.")
    if sight.tier == VAULT_TIER and not params.get("cleanup_staging"):
        said.append(
            f"Azure leaves what it lays out in {_ids.name(sight.staging_group_id or '')}, at your cost. Remove it when "
            "the restore has ended, or set cleanup_staging."
        )
    if params["recovery_point"] != LATEST:
        said += not_backed_up(configuration, sight.instance)
    return said


def plan(params: Params, sight: Sight) -> Document:
    """What is going to happen, in the user's words."""
    configuration: dict[str, Any] = params["restore_configuration"]
    return {
        "conflict_policy": configuration["conflict_policy"],
        "conflicts": conflicts(params, sight),
        "namespaces": namespaces(configuration, sight.instance),
        "recovery_point": sight.point,
        "region": _ids.region(sight.target.get("location")) or None,
        "source_datastore": sight.tier,
        "target_cluster_id": sight.target["id"],
    }
