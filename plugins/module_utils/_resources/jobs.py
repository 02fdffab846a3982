# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup jobs and recovery points: reading them, following them, starting a backup. Private to the collection."""

from __future__ import annotations

import datetime
import re
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, sentence, user_facing
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources import instance, policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    CLUSTER,
    MAKE_POLICY,
    MAKE_VAULT,
    vault_id,
)

JOBS = "Microsoft.DataProtection/backupVaults/backupJobs"
POINTS = "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints"
RUNNING = {"inprogress", "cancelling", "paused"}
UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(text: str | None) -> float | None:
    """A job's duration in seconds: a single job spells it ``PT3M4.5S``, a list ``1.02:03:04.5``."""
    if not text:
        return None
    span = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)", text)
    if span:
        days, hours, minutes, rest = (float(part or 0) for part in span.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + rest
    import isodate

    try:
        return float(isodate.parse_duration(text.upper()).total_seconds())
    except (isodate.ISO8601Error, AttributeError):
        return None


def moment(text: str | None) -> datetime.datetime | None:
    """A timestamp of the service, which has up to seven fractional digits; year 1 stands for not set."""
    if not text or text.startswith("0001-"):
        return None
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text)
    if not match:
        return None
    main, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    return datetime.datetime.fromisoformat(f"{main}.{(fraction or '0')[:6]:0<6}{offset}")


def operation(properties: Document) -> str:
    """OnDemandBackup or ScheduledBackup for backups, else the service's own category (Restore, Tiering ...)."""
    category = properties.get("operationCategory") or properties.get("operation") or ""
    if category.lower().startswith("backup"):
        return ("OnDemand" if properties.get("isUserTriggered") else "Scheduled") + category
    return str(category)


def represent(document: Document) -> Document:
    properties = document.get("properties") or {}
    extended = properties.get("extendedInfo") or {}
    return {
        "backup_instance_id": properties.get("backupInstanceId"),
        "cluster_id": properties.get("dataSourceId"),
        "cluster_name": properties.get("dataSourceName"),
        "data_transferred_bytes": extended.get("dataTransferredInBytes"),
        "duration_seconds": seconds(properties.get("duration")),
        "end_time": properties.get("endTime") if moment(properties.get("endTime")) else None,
        "errors": [_reason(error) for error in properties.get("errorDetails") or []],
        "id": document.get("id"),
        "is_user_triggered": properties.get("isUserTriggered"),
        "name": document.get("name"),
        "operation": operation(properties),
        "policy_name": properties.get("policyName"),
        "recovery_point_id": dig(extended, "targetRecoverPoint.recoveryPointID"),
        "start_time": properties.get("startTime"),
        "status": properties.get("status"),
        "sub_tasks": [
            {"name": task.get("taskName"), "status": task.get("taskStatus")} for task in extended.get("subTasks") or []
        ],
        "vault_name": properties.get("vaultName"),
        "warnings": [
            {"resource": warning.get("resourceName"), **_reason(warning.get("warning") or {})}
            for warning in extended.get("warningDetails") or []
        ],
    }


def represent_point(document: Document) -> Document:
    properties = document.get("properties") or {}
    stores = properties.get("recoveryPointDataStoresDetails") or []
    return {
        "datastores": [
            {"expiry_time": store.get("expiryTime"), "state": store.get("state"), "type": store.get("type")}
            for store in stores
        ],
        "expiry_time": properties.get("expiryTime"),
        "id": document.get("id"),
        "name": document.get("name"),
        "policy_name": properties.get("policyName"),
        "retention_tag": properties.get("retentionTagName"),
        "state": properties.get("recoveryPointState"),
        "time": properties.get("recoveryPointTime"),
    }


def run(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Back up now. An action: it reports a change whenever it starts a job."""
    live = instance.locate(arm, params)
    id_ = live["id"]
    if "properties" in live:
        rule, tag = _rule_and_tag(arm, params, live)
    else:
        # Only in a plan: the instance comes from an earlier step, and what it knows is known after apply.
        rule, tag = params.get("rule_name"), params.get("retention_tag_override")
    trigger = {"retentionTagOverride": tag} if tag else {}
    answer = arm.post(id_, "backup", {"backupRuleOptions": {"ruleName": rule, "triggerOption": trigger}})
    result: Document = {
        "backup_instance_id": id_,
        "rule_name": rule,
        "job_id": None,
        "job": None,
        "recovery_point_id": None,
    }
    if answer.get("jobId"):
        result["job_id"] = f"{_ids.parent(id_)}/backupJobs/{_ids.name(answer['jobId'])}"
        if params["wait"]:
            job = follow(arm, result["job_id"], params["fail_on_warnings"])
            result.update(job=job, recovery_point_id=job["recovery_point_id"])
    warnings = [
        f"{warning.get('resource') or 'backup'}: {sentence(warning)}"
        for warning in (result["job"] or {}).get("warnings", [])
    ]
    return Outcome(
        True,
        {},
        {"backup": {"backup_instance_id": id_, "rule_name": rule, "retention_tag": tag or "Default"}},
        result,
        warnings,
    )


def follow(arm: Arm, job_id: str, fail_on_warnings: bool) -> Document:
    """Wait for a job; raises :class:`AzureError` with its reasons when it failed."""

    def pending(document: Document | None) -> str | None:
        status = str(dig(document, "properties.status", "InProgress"))
        return f"the job {_ids.name(job_id)} to end, which is {status}" if status.lower() in RUNNING else None

    job = represent(arm.wait(job_id, pending) or {})
    bad = ("completed",) if fail_on_warnings else ("completed", "completedwithwarnings")
    if (job["status"] or "").lower() not in bad:
        reasons = job["errors"] or job["warnings"]
        said = " ".join(sentence(reason) for reason in reasons) or "Azure gave no reason."
        raise AzureError(
            f"The {job['operation']} job of {job['cluster_name']} ended as {job['status']}. {said}",
            resource_id=job_id,
            code=reasons[0].get("code") if reasons else None,
            recommended_action=reasons[0].get("recommended_action") if reasons else None,
            job=job,
        )
    return job


def list_jobs(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Jobs of a vault, newest first, filtered; or one job with everything the service knows of it."""
    vault = vault_id(params)
    if params.get("cluster_id"):
        _ids.expect(params["cluster_id"], CLUSTER, "cluster_id")
    if params.get("job_id"):
        id_ = f"{vault}/backupJobs/{_ids.name(params['job_id'])}"
        jobs = [represent(refuse_unknown("backup job", arm.get(id_), id_))]
    else:
        listed = arm.list_all(JOBS, vault)
        if not listed:
            # A misspelt vault must not look like a quiet one.
            arm.require(vault, "Backup vault", MAKE_VAULT)
        since = params.get("since")
        earliest = (
            datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=period(since)) if since else None
        )
        jobs = [job for job in map(represent, listed) if _selected(job, params, earliest)]
        jobs.sort(key=lambda job: job["start_time"] or "", reverse=True)
        if params.get("latest_only"):
            latest: dict[str, Document] = {}
            for job in jobs:
                latest.setdefault(str(job["backup_instance_id"]).lower(), job)
            jobs = list(latest.values())
        if params.get("details"):
            jobs = [
                represent(document or {}) for document in arm.together([partial(arm.get, job["id"]) for job in jobs])
            ]
    by_status: dict[str, int] = {}
    for job in jobs:
        by_status[str(job["status"])] = by_status.get(str(job["status"]), 0) + 1
    return Outcome(result={"jobs": jobs, "summary": {"by_status": by_status, "total": len(jobs)}})


def list_points(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Recovery points of one backup instance, newest first."""
    live = instance.locate(arm, params)
    points = [represent_point(item) for item in arm.list_all(POINTS, live["id"])]
    points.sort(key=lambda point: point["time"] or "", reverse=True)
    return Outcome(
        result={"backup_instance_id": live["id"], "recovery_points": points, "latest": points[0] if points else None}
    )


def period(text: str) -> int:
    """Seconds in ``30m``, ``24h``, ``7d`` or ``2w``."""
    match = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if not match:
        raise Refused(f"since is {text!r}; it must be a number with m, h, d or w behind it, for example 24h or 7d.")
    return int(match[1]) * UNITS[match[2]]


def _selected(job: Document, params: Params, earliest: datetime.datetime | None) -> bool:
    started = moment(job["start_time"])
    return (
        (not params.get("cluster_id") or _ids.same(job["cluster_id"], params["cluster_id"]))
        and (not params.get("operation") or job["operation"] in params["operation"])
        and (not params.get("status") or job["status"] in params["status"])
        and (earliest is None or (started is not None and started >= earliest))
    )


def _rule_and_tag(arm: Arm, params: Params, live: Document) -> tuple[str | None, str | None]:
    """The backup rule and the retention tag for a backup of the instance; raises when it cannot be backed up now."""
    state = dig(live, "properties.currentProtectionState")
    if state != "ProtectionConfigured":
        instance.Instance().pending(live)
        raise Refused(
            f"The backup instance {live['name']} is in state {state}; Azure backs up only what is in state "
            "ProtectionConfigured."
        )
    policy = arm.require(live["properties"]["policyInfo"]["policyId"], "backup policy", MAKE_POLICY)
    return params.get("rule_name") or policy_form.rule_name(policy["properties"]), _tag(params, policy)


def _tag(params: Params, policy: Document) -> str | None:
    wanted = params.get("retention_tag_override")
    if not wanted:
        return None
    known = [tag["name"] for tag in policy_form.represent(policy["properties"])["tags"]]
    for name in known:
        if name.lower() == wanted.lower():
            return str(name)
    raise Refused(
        f"retention_tag_override is {wanted!r}, but the policy {policy['name']} has no such tag. It has: "
        f"{', '.join(known)}."
    )


def _reason(error: Document) -> Document:
    return user_facing(error)
