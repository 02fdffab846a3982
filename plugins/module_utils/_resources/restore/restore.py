# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a cluster: looking, judging, validating, starting, following. Private to the collection."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import (
    AzureError,
    BackupError,
    Missing,
    Refused,
    TimedOut,
    refuse,
    settles,
)
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import jobs, jobs_list, points
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import (
    binding,
    extension,
    extension_settings,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    BINDINGS,
    CLUSTER,
    MAKE_VAULT,
    STORAGE_ACCOUNT,
    group_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import instance, protection
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.restore import judgement
from ansible_collections.aks.backup.plugins.module_utils._resources.restore import request as form
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline

SETTLING = "roles to take effect"
ELSEWHERE = "Where the backed up cluster is gone, name another with target_cluster_name or target_cluster_id."


def restore(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Restore now, or only validate. An action: it reports a change whenever it starts a job or grants a role."""
    live = instance.locate(arm, params)
    vault = arm.require(_ids.parent(live["id"]), "Backup vault", MAKE_VAULT)
    target_id = _target_id(params, live)
    marked = jobs.mark("restore", live["id"], target_id, json.dumps(form.wish(params), sort_keys=True))
    known = None if params["validate_only"] else _under_way(arm, params, vault, marked)
    if known:
        return _follow(arm, params, vault, live, known)
    sight = look(arm, params, live, vault, target_id)
    refuse(judgement.problems(params, sight))
    granted, missing, said = _roles(arm, params, sight)
    body = form.request(params, sight)
    verdict = _validate(arm, params, sight, body, missing)
    plan = judgement.plan(params, sight)
    result: Document = {
        **_result(live["id"], plan),
        "granted_roles": granted,
        "missing_roles": missing,
        # Azure's word that all is well is a document, of which a plan has none.
        "validated": bool(verdict),
    }
    said = [*judgement.warnings(params, sight), *said]
    if params["validate_only"]:
        return Outcome(bool(granted), {}, {"granted_roles": granted} if granted else {}, result, said)
    place, verb, wrapped = _call(params, sight, body, "restore", "crossRegionRestore")
    # Only a validation wraps the request when it stays in the region.
    sent = wrapped if params["secondary_region"] else body
    answer = jobs.start(arm, place, verb, sent, marked, partial(_listed, arm, params, vault))
    result["job_started"] = True
    if answer.get("jobId"):
        result["job_id"] = jobs.id_below(vault["id"], answer["jobId"])
        if params["wait"]:
            _finish(arm, params, vault, result, sight.staging_group_id)
    return Outcome(True, {}, {"restore": plan}, result, [*said, *jobs.warnings(result["job"])])


def _result(instance_id: str, plan: Document | None) -> Document:
    return {
        "backup_instance_id": instance_id,
        "followed": False,
        "granted_roles": [],
        "job": None,
        "job_id": None,
        "missing_roles": [],
        "plan": plan,
        "recovery_point_id": plan["recovery_point"]["name"] if plan else None,
        "staging_deleted": False,
        "job_started": False,
        "validated": False,
    }


# Looking


def look(arm: Arm, params: Params, live: Document, vault: Document, target_id: str) -> form.Sight:
    """All that the request and the judgement of it depend on, read at once."""
    found = points.read(arm, live["id"], params["secondary_region"])
    point = points.choose(found, params)
    tier = form.tier_of(point, params)
    staging = tier == points.VAULT_TIER
    group = group_id(params, "staging_resource_group") if params.get("staging_resource_group") else None
    account = params.get("staging_storage_account_id")
    account = _ids.expect(account, STORAGE_ACCOUNT, "staging_storage_account_id") if account else None
    documents: list[Any] = arm.together(
        [
            lambda: arm.get(target_id),
            lambda: extension.find(arm, target_id),
            lambda: arm.list_all(BINDINGS, target_id),
        ]
    )
    target, installed, bindings = documents
    name, absent = _ids.name(target_id), []

    def required(id_: str, noun: str, way: str) -> Document | None:
        # In a plan it may come from an earlier step.
        try:
            return arm.require(id_, noun, way)
        except Missing as exc:
            absent.append(exc.message)
            return None

    try:
        refuse_unknown("cluster", target, target_id)
    except Refused as exc:
        if params.get("target_cluster_id") or params.get("target_cluster_name"):
            raise
        raise Refused(f"{exc.message} {ELSEWHERE}", **exc.facts) from exc
    if installed is None:
        way = f"A restore to the cluster {name} takes it: install it there with aks_backup_extension first."
        required(_ids.extension(target_id, "azure-aks-backup"), "backup extension", way)
    if not any(_ids.same(dig(item, "properties.sourceResourceId"), vault["id"]) for item in bindings):
        way = f"Without it the vault cannot reach the cluster {name}: make it with aks_trusted_access first."
        required(_ids.binding(target_id, binding.derived_name(vault["id"])), "Trusted Access role binding", way)
    requests = params.get("resource_guard_operation_requests") or []
    absent += protection.approval_problems(protection.guard_of(arm, vault), ["restore"], requests)
    make = "The restore lays the data of the vault tier out there: make it with aks_backup_storage first."
    if staging and group:
        required(group, "staging resource group", make)
    return form.Sight(
        instance=live,
        vault=vault,
        point=point,
        tier=tier,
        target={**target, "id": target_id},
        extension=installed,
        staging_group_id=group,
        staging_account_id=account,
        staging_account=required(account, "staging storage account", make) if staging and account else None,
        absent=tuple(absent),
        backup_accounts=_backup_accounts(arm, params, live, target_id),
    )


def _target_id(params: Params, live: Document) -> str:
    """The cluster to write to: the one that is named, else the one that was backed up."""
    if params.get("target_cluster_id"):
        return _ids.expect(params["target_cluster_id"], CLUSTER, "target_cluster_id")
    if params.get("target_cluster_name"):
        return _ids.cluster(
            params["subscription_id"], params["target_cluster_resource_group"], params["target_cluster_name"]
        )
    return str(dig(live, "properties.dataSourceInfo.resourceID") or instance.cluster_id(params))


# Judging


def _roles(arm: Arm, params: Params, sight: form.Sight) -> tuple[list[Document], list[Document], list[str]]:
    """(granted, missing, warnings): the roles that the restore needs on and around the target."""
    if params["permissions"] == "skip":
        return [], [], []
    options: Document = {
        **permissions.DEFAULTS,
        "subscription_id": params["subscription_id"],
        "cluster_id": sight.target["id"],
        "mode": params["permissions"],
        "operation": "restore",
        "restore_from": [sight.tier],
        "snapshot_resource_group": form.snapshot_group_id(sight.instance),
        "staging_resource_group": sight.staging_group_id,
        "staging_storage_account_id": sight.staging_account_id,
        "storage_account_id": params.get("storage_account_id") or _backup_account(arm, sight.source_id),
        "vault_id": sight.vault["id"],
        "vault_identity_id": dig(sight.instance, "properties.identityDetails.userAssignedIdentityArmUrl"),
    }
    try:
        found = permissions.manage(arm, options).result
    except AzureError as exc:
        if params["permissions"] == "grant" or exc.facts.get("status") != 403:
            raise
        return [], [], [f"Who has which role could not be read, so Azure's validation alone decides: {exc.message}"]
    keys = ("principal", "principal_id", "role", "scope")
    missing = [{key: row[key] for key in (*keys, "command")} for row in found["missing"]]
    granted = [{key: row[key] for key in keys} for row in found["assignments"] if row["granted"]]
    said = [
        f"A role is missing: {row['role']} for the {row['principal']} on {row['scope']}. {row['command']}"
        for row in missing
    ]
    return granted, missing, said


def _backup_account(arm: Arm, cluster: str) -> str | None:
    """The storage account with the backups of a cluster, from its extension; the cluster may be gone."""
    return extension_settings.account(extension.find(arm, cluster))


def _backup_accounts(arm: Arm, params: Params, live: Document, target_id: str) -> tuple[str, ...]:
    if not params.get("cleanup_staging"):
        return ()
    source_id = dig(live, "properties.dataSourceInfo.resourceID", "")
    found = [_backup_account(arm, cluster) for cluster in sorted({source_id, target_id}) if cluster]
    return tuple(account for account in found if account)


def _validate(arm: Arm, params: Params, sight: form.Sight, body: Document, missing: list[Document]) -> Document:
    """Have the service judge the request, again while what was granted has to take effect."""
    place, verb, wrapped = _call(params, sight, body, "validateRestore", "validateCrossRegionRestore")
    patience = Deadline(min(params["validate_timeout"], arm.deadline.remaining()))
    refused: AzureError | None = None
    while True:
        try:
            return arm.post(place, verb, wrapped)
        except TimedOut as late:
            # The time may be up in the middle of a validation; what the one before it said is still the reason.
            if refused is None:
                raise
            said = f"{late.message} The last answer was: {refused.message}"
            raise _with_roles(AzureError(said, **refused.facts), missing) from late
        except AzureError as exc:
            if not settles(exc) or patience.remaining() <= arm.interval:
                raise _with_roles(exc, missing) from exc
            refused = exc
            patience.pause(arm.interval, SETTLING)


def _with_roles(error: AzureError, missing: list[Document]) -> AzureError:
    """The service's refusal, which names one role at most, with all that are known to be missing."""
    if not missing:
        return error
    lacking = "; ".join(f"{row['role']} for the {row['principal']} on {row['scope']}" for row in missing)
    said = f"{error.message} Roles that are missing: {lacking}. Grant them with permissions=grant."
    return AzureError(said, **{**error.facts, "problems": [row["command"] for row in missing]})


def _call(params: Params, sight: form.Sight, body: Document, verb: str, abroad: str) -> tuple[str, str, Document]:
    """(where, verb, wrapped body) of a call about a restore, in the vault's region or in the paired one."""
    if not params["secondary_region"]:
        return sight.instance["id"], verb, {"restoreRequestObject": body}
    details = points.source(sight.vault, sight.instance["id"])
    place = points.location_id(sight.vault["id"], points.secondary_region(sight.vault))
    return place, abroad, {"restoreRequestObject": body, "crossRegionRestoreDetails": details}


# Following


def _under_way(arm: Arm, params: Params, vault: Document, marked: str) -> Document | None:
    """The job that the same request has started and that has not ended yet."""
    if not params["follow_running"] or "properties" not in vault:
        return None
    return jobs.find_running(_listed(arm, params, vault), marked)


def _listed(arm: Arm, params: Params, vault: Document) -> list[Document]:
    if params["secondary_region"]:
        return jobs_list.list_across(arm, vault)
    return arm.list_all(jobs.JOBS, vault["id"])


def _follow(arm: Arm, params: Params, vault: Document, live: Document, known: Document) -> Outcome:
    group = group_id(params, "staging_resource_group") if params.get("staging_resource_group") else None
    target = arm.get(_target_id(params, live))
    accounts = _backup_accounts(arm, params, live, _target_id(params, live))
    refuse(judgement.cleanup_problems(params, live, vault, target or {}, group, accounts))
    result: Document = {
        **_result(live["id"], None),
        "followed": True,
        "job_id": jobs.id_below(vault["id"], known["name"]),
        "recovery_point_id": known["recovery_point_id"],
    }
    if params["wait"]:
        _finish(arm, params, vault, result, group)
    shown = {"restore": {"job_id": result["job_id"]}}
    return Outcome(
        result["staging_deleted"], shown, shown, result, [jobs.joined(known, "restore"), *jobs.warnings(result["job"])]
    )


def _finish(arm: Arm, params: Params, vault: Document, result: Document, staging_group: str | None) -> None:
    """Follow the job to its end, and remove the staging area if that was asked for."""
    reader = jobs_list.across(arm, vault, result["job_id"]) if params["secondary_region"] else None
    try:
        job = jobs.follow(arm, result["job_id"], params["fail_on_warnings"], reader)
    except AzureError as failed:
        if "job" not in failed.facts:
            raise
        raise AzureError(f"{failed.message}{_cleaned(arm, params, staging_group)}", **failed.facts) from failed
    result.update(job=job, recovery_point_id=job["recovery_point_id"] or result["recovery_point_id"])
    result["staging_deleted"] = _clean(arm, params, staging_group)


def _cleaned(arm: Arm, params: Params, staging_group: str | None) -> str:
    """Remove the staging area of a restore that has failed, of no use to the next one; what to say of that."""
    try:
        return " The staging resource group has been deleted." if _clean(arm, params, staging_group) else ""
    except BackupError as left:
        return f" The staging resource group is left over: {left.message}"


def _clean(arm: Arm, params: Params, staging_group: str | None) -> bool:
    wanted = (params.get("cleanup_staging") or "").lower()
    if not staging_group or wanted != _ids.name(staging_group).lower():
        return False
    arm.delete(staging_group)
    arm.wait(staging_group, lambda document: None if document is None else "the staging resource group to be gone")
    return True
