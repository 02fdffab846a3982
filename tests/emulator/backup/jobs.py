# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Job documents: as the single GET answers them, as a list does, and as the cross-region calls do.

The stored document is that of the single GET (ARM wire behaviour of a backup and a restore of an AKS cluster).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from . import times
from .policies import AKS

KINDS = {"Backup": "Trigger Backup", "Restore": "Trigger Restore", "Tiering": "Trigger Tiering"}
FINAL = ("Completed", "CompletedWithWarnings", "Failed", "Cancelled")


def started(kind: str, *, instance_id: str, instance: dict[str, Any], vault_name: str, activity: str, now: datetime,
            by_user: bool, tag: str | None = None, point: dict[str, Any] | None = None, target: str | None = None,
            source_store: str | None = None, target_store: str | None = None) -> dict[str, Any]:
    """The properties of a job that has just begun.

    kind: a key of KINDS; instance: the properties of the backup instance; point: the properties of the recovery point
    of a restore or a tiering; target: the ARM id of the cluster that a restore writes to.
    """
    source = instance["dataSourceInfo"]
    parts = source["resourceID"].split("/")
    policy_id = instance["policyInfo"]["policyId"]
    point_named = point and {"recoveryPointID": point["recoveryPointId"],
                             "recoveryPointTime": point["recoveryPointTime"]}
    return {
        "activityID": activity, "subscriptionId": instance_id.split("/")[2], "backupInstanceId": instance_id,
        "policyId": policy_id, "dataSourceId": source["resourceID"], "vaultName": vault_name,
        "backupInstanceFriendlyName": instance.get("friendlyName"), "policyName": policy_id.rsplit("/", 1)[-1],
        "sourceResourceGroup": parts[4],
        "dataSourceSetName": (instance.get("dataSourceSetInfo") or source).get("resourceName"),
        "dataSourceName": source.get("resourceName"), "sourceDataStoreName": None, "sourceDataStoreType": source_store,
        "destinationDataStoreName": target_store, "progressEnabled": False, "etag": etag(now),
        "sourceSubscriptionID": parts[2],
        "dataSourceLocation": source.get("resourceLocation"), "startTime": times.timestamp(now), "endTime": None,
        "dataSourceType": AKS, "operationCategory": kind, "operation": kind, "status": "InProgress",
        "restoreType": None, "isUserTriggered": by_user, "rehydrationPriority": None, "supportedActions": [""],
        "duration": "PT0S", "progressUrl": None, "isCrossRegionRestore": None, "errorDetails": None,
        "extendedInfo": {
            "backupInstanceState": None, "dataTransferredInBytes": None, "targetRecoverPoint": None,
            "sourceRecoverPoint": point_named if kind != "Backup" else None, "recoveryDestination": target,
            "subTasks": [{"taskId": 1, "taskName": KINDS[kind], "taskStatus": "InProgress", "taskProgress": None,
                          "additionalDetails": None}],
            "additionalDetails": {"RetentionTag": tag} if kind == "Backup" else None, "warningDetails": None}}


def finished(job: dict[str, Any], now: datetime, *, status: str, details: dict[str, str] | None = None,
             point_id: str | None = None, errors: list[dict[str, Any]] | None = None,
             warnings: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The properties of the job when it has ended. errors: UserFacingErrors; warnings: {"resourceName", "warning"}."""
    info = job["extendedInfo"]
    task = info["subTasks"][0]
    additional = {**(details or {}), "TaskId": job["activityID"], "DatasourceType": AKS}
    ended = {**job, "status": status, "endTime": times.timestamp(now), "etag": etag(now),
             "duration": times.iso_duration(now - times.parse(job["startTime"])), "errorDetails": errors or None,
             "extendedInfo": {**info, "warningDetails": warnings or None,
                              "subTasks": [{**task, "taskStatus": status, "additionalDetails": additional}]}}
    if not job["isUserTriggered"]:
        ended["supportedActions"] = []
    if point_id is not None:
        # The time of a finished backup's point is the year 1 here; the recovery point itself has it.
        ended["extendedInfo"]["targetRecoverPoint"] = {"recoveryPointID": point_id, "recoveryPointTime": times.UNSET}
    return ended


def listed(job: dict[str, Any]) -> dict[str, Any]:
    """The properties of a job in a list: no extendedInfo, and the duration as a TimeSpan."""
    return {**job, "duration": span(job), "extendedInfo": None}


def span(job: dict[str, Any]) -> str:
    """The duration of a job as a TimeSpan."""
    if job["endTime"] is None:
        return "00:00:00"
    return times.timespan(times.parse(job["endTime"]) - times.parse(job["startTime"]))


def cross_region(job: dict[str, Any], listing: bool = False) -> dict[str, Any]:
    """The properties of a cross-region restore job: no nulls, progress enabled, sub tasks without details."""
    shown = {**job, "operationCategory": "CrossRegionRestore", "progressEnabled": True, "isCrossRegionRestore": True}
    if listing:
        shown |= {"duration": "00:00:00", "extendedInfo": None}
    else:
        info = job["extendedInfo"]
        tasks = [{key: value for key, value in task.items() if key != "additionalDetails"} for task in info["subTasks"]]
        shown["extendedInfo"] = without_nulls({**info, "subTasks": [without_nulls(task) for task in tasks]})
    return without_nulls(shown)


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the keys whose value is null."""
    return {key: value for key, value in document.items() if value is not None}


def etag(now: datetime) -> str:
    """W/"datetime'2026-01-05T07%3A53%3A07.162362Z'"."""
    return f"W/\"datetime'{quote(times.timestamp(now))}'\""
