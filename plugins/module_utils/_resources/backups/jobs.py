# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup jobs: reading them, finding one that runs already, following one to its end. Private to the collection."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import (
    AzureError,
    BackupError,
    TimedOut,
    sentence,
    user_facing,
)
from ansible_collections.aks.backup.plugins.module_utils._resources import times

JOBS = "Microsoft.DataProtection/backupVaults/backupJobs"
RUNNING = {"inprogress", "cancelling", "paused"}
# Seconds between two lines of progress on a job in which nothing changes.
QUIET = 60

Look = Callable[[], "tuple[Document | None, float | None]"]


def operation(properties: Document) -> str:
    """OnDemandBackup or ScheduledBackup for backups, else the service's own category (Restore, Tiering ...)."""
    category = properties.get("operationCategory") or properties.get("operation") or ""
    if category.lower().startswith("backup"):
        return ("OnDemand" if properties.get("isUserTriggered") else "Scheduled") + category
    return str(category)


def represent(document: Document) -> Document:
    properties = document.get("properties") or {}
    extended = properties.get("extendedInfo") or {}
    point = dig(extended, "targetRecoverPoint") or dig(extended, "sourceRecoverPoint") or {}
    return {
        "activity_id": properties.get("activityID"),
        "backup_instance_id": properties.get("backupInstanceId"),
        "cluster_id": properties.get("dataSourceId"),
        "cluster_name": properties.get("dataSourceName"),
        "data_transferred_bytes": extended.get("dataTransferredInBytes"),
        "destination_datastore": properties.get("destinationDataStoreName"),
        "duration_seconds": times.seconds(properties.get("duration")),
        "end_time": properties.get("endTime") if times.moment(properties.get("endTime")) else None,
        "errors": [user_facing(error) for error in properties.get("errorDetails") or []],
        "id": document.get("id"),
        "is_user_triggered": properties.get("isUserTriggered"),
        "name": document.get("name"),
        "operation": operation(properties),
        "policy_name": properties.get("policyName"),
        "recovery_point_id": point.get("recoveryPointID"),
        "source_datastore": properties.get("sourceDataStoreType"),
        "start_time": properties.get("startTime"),
        "status": properties.get("status"),
        "sub_tasks": [
            {
                "name": task.get("taskName"),
                "progress_percent": task.get("taskProgress"),
                "status": task.get("taskStatus"),
            }
            for task in extended.get("subTasks") or []
        ],
        "target_cluster_id": extended.get("recoveryDestination"),
        "vault_name": properties.get("vaultName"),
        "warnings": [
            {"resource": warning.get("resourceName"), **user_facing(warning.get("warning") or {})}
            for warning in extended.get("warningDetails") or []
        ],
    }


def running(job: Document) -> bool:
    return str(job["status"]).lower() in RUNNING


def warnings(job: Document | None) -> list[str]:
    """What a job that has ended warns of, one sentence or two each."""
    return [
        f"{one.get('resource') or (job or {})['operation']}: {sentence(one)}" for one in (job or {}).get("warnings", [])
    ]


# Requests that can be told from others


def mark(*wish: Any) -> str:
    """The first half of a GUID that follows from what a request asks for.

    The service takes the client's ID of the request that started a job for the job's activity. So a run that was
    interrupted finds its job again, by what both ask for, and is not taken in by somebody else's.
    """
    return _ids.stable_uuid(*map(str, wish))[:18]


def request_id(marked: str) -> str:
    """An ID for one more request of those that :func:`mark` tells; no two requests have the same."""
    return marked + str(uuid.uuid4())[18:]


def find_running(listed: Iterable[Document], marked: str) -> Document | None:
    """The job under way, of those of a list, that a request of this mark has started."""
    for job in map(represent, listed):
        if running(job) and str(job["activity_id"]).lower().startswith(marked):
            return job
    return None


def start(
    arm: Arm, place: str, verb: str, body: Document, marked: str, listed: Callable[[], Iterable[Document]]
) -> Document:
    """Have the service start a job; its answer. An answer that is lost on the way is made up for by the job of a list
    that has the request's ID; raises :class:`AzureError` where there is none (yet).
    """
    asked = request_id(marked)
    try:
        return arm.post(place, verb, body, asked)
    except AzureError as exc:
        if exc.facts.get("status"):
            raise
        try:
            found = [job for job in map(represent, listed()) if str(job["activity_id"]).lower() == asked]
        except AzureError:
            found = []
        if not found:
            said = "Whether the job was started all the same is not known; run again, and it is followed if it was."
            raise AzureError(f"{exc.message} {said}", **exc.facts) from exc
        arm.operations.append({"method": "POST", "id": f"{place}/{verb}", "status": None, "request_id": None})
        return {"jobId": found[0]["id"] or found[0]["name"]}


def id_below(vault: str, given: str) -> str:
    """The ID of a job. Azure answers with one in a spelling of its own, or with a bare GUID."""
    return f"{vault}/backupJobs/{_ids.name(given)}"


def joined(job: Document, noun: str) -> str:
    """What a run says that finds the job of an earlier one under way. ``noun`` is what that job is."""
    return (
        f"A {noun} that the same request has started at {job['start_time']} is still under way ({job['name']}). It is "
        "followed, and no second one is started; set follow_running to false to start one all the same."
    )


# Following


def follow(arm: Arm, job_id: str, fail_on_warnings: bool, look: Look | None = None) -> Document:
    """Wait for a job; raises :class:`AzureError` with its reasons when it failed.

    ``look`` reads the job in another way than by its ID. That Azure cannot be reached for a while does not end the
    wait: the job goes on without us.
    """
    told = _Progress(arm)

    def pending(document: Document | None) -> str | None:
        job = represent(document or {"properties": {"status": "InProgress"}})
        told(job)
        return f"the job {_ids.name(job_id)} to end, which is {job['status']}" if running(job) else None

    try:
        found = arm.wait(job_id, pending, read=_patient(arm, look or partial(arm.read, job_id)))
    except TimedOut as late:
        raise TimedOut(late.message, **{**late.facts, "resource_id": job_id}) from late
    except BackupError as lost:
        # Who cannot sign in or may not look any more, for example.
        said = f"{lost.message} The job {_ids.name(job_id)} goes on in Azure; run again to follow it."
        raise type(lost)(said, **{**lost.facts, "resource_id": job_id}) from lost
    job = represent(found or {})
    # Only in a plan, which does not wait, the job that is followed can still be under way.
    return job if running(job) else judge(job, fail_on_warnings)


def judge(job: Document, fail_on_warnings: bool) -> Document:
    """The job if it ended well; raises :class:`AzureError` with its reasons when it did not."""
    good = ("completed",) if fail_on_warnings else ("completed", "completedwithwarnings")
    if (job["status"] or "").lower() in good:
        return job
    reasons = job["errors"] or job["warnings"]
    said = " ".join(
        (f"{reason['resource']}: " if reason.get("resource") else "") + sentence(reason) for reason in reasons
    )
    raise AzureError(
        f"The {job['operation']} job of {job['cluster_name']} ended as {job['status']}. "
        f"{said or 'Azure gave no reason.'}",
        resource_id=job["id"],
        code=reasons[0].get("code") if reasons else None,
        advice=reasons[0].get("advice") if reasons else None,
        recommended_action=reasons[0].get("recommended_action") if reasons else None,
        job=job,
    )


def _patient(arm: Arm, look: Look) -> Look:
    """``look``, to which a failure that says nothing of the job is as good as an unchanged job."""
    last: list[Document | None] = [None]

    def patient() -> tuple[Document | None, float | None]:
        try:
            last[0], pause = look()
        except AzureError as exc:
            if 400 <= exc.facts.get("status", 0) < 500 or arm.deadline.remaining() <= 0:
                raise
            arm.tell(f"{exc.message} The job goes on; looking again.")
            pause = None
        return last[0], pause

    return patient


class _Progress:
    """Says how a job stands when that changes, and now and then while it does not."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._began = self._said = time.monotonic()
        self._last: Any = None

    def __call__(self, job: Document) -> None:
        state = (job["status"], [(task["name"], task["status"], task["progress_percent"]) for task in job["sub_tasks"]])
        now = time.monotonic()
        if state == self._last and now - self._said < QUIET:
            return
        self._last, self._said = state, now
        steps = ", ".join(
            f"{task['name']}: {task['status']}"
            + (f" {task['progress_percent']}%" if task["progress_percent"] is not None else "")
            for task in job["sub_tasks"]
        )
        self._arm.tell(
            f"{job['operation'] or 'The job'} of {job['cluster_name'] or 'the cluster'}: {job['status']}, watched for "
            f"{now - self._began:.0f} s" + (f" ({steps})" if steps else "")
        )
