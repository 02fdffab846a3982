# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on demand and by schedule, recovery points, tiering to the vault and the end of retention."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from ..backup import instances, jobs, points, policies, retention, schedules, tagging, times
from ..backup.errors import Refused, invalid
from ..backup.requirements import container, gap_in_cluster, gap_in_snapshots, gap_in_tiering, storage_account
from ..clock import moment
from ..errors import AzureError
from ..ids import Id, identifier
from ..inside import inside
from ..kubernetes import take_backup, tier
from ..provider import Call, Reply
from ..store import Record
from ..world import World
from . import dataprotection_contents as contents
from .dataprotection_world import (
    JOBS,
    NAMESPACE,
    POINTS,
    Surroundings,
    begin,
    now,
    parties,
    policy_of,
    vault_of,
)

A_DAY = 86400.0
BACKUPS_A_DAY = 10
# Seconds that a backup of a small cluster takes; when in it the snapshots and the recovery point are made.
BACKUP_TAKES = (170.0, 200.0)
SNAPSHOT_AT, POINT_AT = 0.26, 0.775
# Tiering begins hours after the backup.
TIERING_BEGINS, TIERING_TAKES = (3600.0, 4 * 3600.0), 1800.0


def adhoc(call: Call) -> Reply:
    record, vault = call.require(), vault_of(call.world, call.id)
    state = record.properties["currentProtectionState"]
    if state != instances.CONFIGURED:
        raise invalid(f"a backup is not possible while the protection state is {state}")
    options = (call.body or {}).get("backupRuleOptions") or {}
    if not isinstance(options.get("triggerOption"), dict):
        raise invalid("backupRuleOptions needs a triggerOption, which may be empty")
    policy = policy_of(call.world, record.properties)
    assert policy is not None
    if options.get("ruleName") != policies.backup_rule(policy)["name"]:
        raise Refused("BMSUserErrorDPPAdhocBackupNotAllowedForBackupType", rule=options.get("ruleName"))
    tag = options["triggerOption"].get("retentionTagOverride") or ""
    if tag and policies.rule_of_tag(policy, tag) is None:
        raise invalid(f"the policy has no retention rule for the tag {tag}")
    recent = [when for when in record.hidden["backups"] if when > call.now - A_DAY]
    if len(recent) >= BACKUPS_A_DAY:
        raise Refused("UserErrorBackupRequestThrottled")
    record.hidden["backups"] = [*recent, call.now]
    # Without an override the job and the recovery point show the default tag in lower case: ARM wire behaviour.
    return begin(call, vault, "backup", finish="backup triggered", payload={
        "instance": record.id.text, "guid": record.hidden["guid"], "tag": tag or policies.DEFAULT.lower(),
        "activity": call.client_request_id, "by_user": True, "fault": outcome(call)})


def outcome(call: Call) -> dict[str, Any] | None:
    """The fault that a rule has for the job of this request."""
    fault = call.exchange.lro_fault or {}
    return fault if fault.get("kind") in ("job_fails", "job_warns") else None


def triggered(world: World, payload: dict[str, Any]) -> dict[str, Any]:
    """The operation is over: the job has begun."""
    record = world.store.get(payload["instance"])
    if record is None:
        raise Refused("UserErrorGenericResourceNotFound")
    job = start_job(world, record, "Backup", payload["activity"], by_user=payload["by_user"], tag=payload["tag"])
    seconds = world.random.uniform(*BACKUP_TAKES)
    world.clock.after(seconds, f"{NAMESPACE}:backup ends", {**payload, "job": job.id.text, "seconds": seconds})
    return {"jobId": job.id.text, "objectType": "OperationJobExtendedInfo"}


def start_job(world: World, instance: Record, kind: str, activity: str, **facts: Any) -> Record:
    """Create the document of a job of an instance."""
    vault = vault_of(world, instance.id)
    properties = jobs.started(kind, instance_id=instance.id.text, instance=instance.properties, vault_name=vault.name,
                              activity=activity, now=now(world), **facts)
    return world.store.put(vault.id.child("backupJobs", world.guid()), {"properties": properties})


def end_job(world: World, job_id: str, error: AzureError | None = None, warnings: list[dict[str, Any]] | None = None,
            **facts: Any) -> None:
    """Complete, complete with warnings, or fail a job."""
    job = world.store.get(job_id)
    if job is None:
        return
    activity = job.properties["activityID"]
    errors = [error.info(activity)] if isinstance(error, Refused) else None
    noted = [{**each, "warning": {**each["warning"], "properties": {"ActivityId": activity}}}
             for each in warnings or ()]
    status = "Failed" if error else "CompletedWithWarnings" if noted else "Completed"
    world.store.put(job.id, {"properties": jobs.finished(
        job.properties, now(world), status=status, errors=errors, warnings=noted, **facts)})


def fault_error(fault: dict[str, Any] | None) -> Refused | None:
    """What a rule for failing jobs gives as the error of the job."""
    if not fault or fault["kind"] != "job_fails":
        return None
    return Refused(fault.get("code", "CloudInternalError"), message=fault.get("message"))


def fault_warnings(fault: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not fault or fault["kind"] != "job_warns":
        return []
    warned = Refused(fault.get("code", "KubernetesBackupGenericWarning"), message=fault.get("message"),
                     detail="injected")
    return [{"resourceName": None, "warning": warned.info("")}]


def ended(world: World, payload: dict[str, Any]) -> None:
    """A backup is over: it has made a recovery point, or it fails of what is missing now."""
    record = world.store.get(payload["instance"])
    if record is None or record.hidden["guid"] != payload["guid"]:
        end_job(world, payload["job"], Refused("UserErrorGenericResourceNotFound"))
        return
    azure, vault, properties = Surroundings(world), vault_of(world, record.id), record.properties
    them = parties(vault, properties, instances.cluster_of(properties))
    error = (fault_error(payload["fault"]) or gap_in_cluster(azure, them)
             or gap_in_snapshots(azure, them, instances.snapshot_group(properties)))
    if error:
        end_job(world, payload["job"], error)
        return
    cluster = world.store.get(them.cluster_id)
    assert cluster is not None
    parameters = properties["policyInfo"]["policyParameters"]["backupDatasourceParametersList"][0]
    taken = take_backup(inside(cluster), parameters)
    point = _make_point(world, record, payload, taken["content"])
    size = sum(each["size"] for each in taken["content"]["volumes"]) or 1
    end_job(world, payload["job"], warnings=[*taken["warnings"], *fault_warnings(payload["fault"])],
            point_id=point.name, details={"OriginalDatasourceSizeInBytes": str(size)})
    retire(world, record)


def _make_point(world: World, record: Record, payload: dict[str, Any], content: dict[str, Any]) -> Record:
    began = world.clock.now - payload["seconds"]
    policy, tag = policy_of(world, record.properties), payload["tag"]
    assert policy is not None
    at = moment(began + payload["seconds"] * POINT_AT)
    extension = Surroundings(world).extension(instances.cluster_of(record.properties))
    name = uuid.UUID(world.guid()).hex
    body = points.created(
        name, store_id=world.guid(), at=at, snapshot_at=moment(began + payload["seconds"] * SNAPSHOT_AT), tag=tag,
        tag_version=record.hidden["tag_version"],
        policy_name=identifier(record.properties["policyInfo"]["policyId"]).name)
    ends = retention.expires(policy, tag, at, policies.OPERATIONAL)
    assert ends is not None
    hidden = {"content": contents.keep(world, content), "scheduled": not payload["by_user"],
              "expires": {policies.OPERATIONAL: ends.timestamp()},
              "account": storage_account(extension) if extension else None,
              "container": container(extension) if extension else None}
    if due := retention.tiering_due(policy, tag, at):
        vault_ends = retention.expires(policy, tag, at, policies.VAULT)
        assert vault_ends is not None
        hidden["vault_expires"] = vault_ends.timestamp()
        hidden["kept_for_copy"] = retention.kept_for_copy(policy, tag)
        begins = max(due.timestamp(), world.clock.now) + world.random.uniform(*TIERING_BEGINS)
        world.clock.at(begins, f"{NAMESPACE}:tier", {"instance": record.id.text, "point": name})
    if hidden["scheduled"]:
        # Of what is "first of" something, the last one before tells all.
        record.hidden["last_scheduled"] = [at.timestamp()]
    point = world.store.put(record.id.child("recoveryPoints", name), {"properties": body}, hidden)
    world.clock.at(ends.timestamp(), f"{NAMESPACE}:expire", {"instance": record.id.text})
    return point


# By schedule


def plan(world: World, record: Record) -> None:
    """Plan the next scheduled backup; hidden["schedule"] tells it from those planned before the last change."""
    policy = policy_of(world, record.properties)
    if policy is not None:
        when = schedules.next_run(policies.backup_rule(policy), now(world))
        world.clock.at(when.timestamp(), f"{NAMESPACE}:scheduled backup", {
            "instance": record.id.text, "schedule": record.hidden["schedule"]})


def scheduled(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record is None or record.hidden.get("schedule") != payload["schedule"]:
        return
    plan(world, record)
    policy = policy_of(world, record.properties)
    if policy is None or record.properties["currentProtectionState"] != instances.CONFIGURED:
        return
    if not world.settings.schedules:
        return
    # Points that retention has ended count as well, or a second one would be the first of a month.
    earlier = [moment(when) for when in record.hidden.get("last_scheduled", [])]
    triggered(world, {"instance": record.id.text, "guid": record.hidden["guid"], "activity": world.guid(),
                      "by_user": False, "tag": tagging.tag_of(policy, now(world), earlier), "fault": None})


# Tiering


def tiering(world: World, payload: dict[str, Any]) -> None:
    """Move a point to the vault tier if it is still there and no other point of its day has been moved."""
    record = world.store.get(payload["instance"])
    if record is None or record.properties["currentProtectionState"] == instances.STOPPED:
        return
    point = world.store.get(record.id.child("recoveryPoints", payload["point"]))
    if point is None or policies.OPERATIONAL not in points.stores(point.properties):
        return
    moved = [_time(each) for each in world.store.children(record.id, POINTS) if each.hidden.get("tiering")]
    if not retention.may_tier(_time(point), moved):
        point.hidden.pop("kept_for_copy", None)
        retire(world, record)
        return
    point.hidden["tiering"] = True
    job = start_job(world, record, "Tiering", world.guid(), by_user=False, point=point.properties,
                    source_store=policies.OPERATIONAL, target_store=policies.VAULT)
    world.clock.after(TIERING_TAKES, f"{NAMESPACE}:tiering ends", {**payload, "job": job.id.text})


def tiered(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    point = record and world.store.get(record.id.child("recoveryPoints", payload["point"]))
    if record is None or point is None:
        end_job(world, payload["job"], Refused("UserErrorGenericResourceNotFound"))
        return
    point.hidden.pop("kept_for_copy", None)
    properties = record.properties
    them = parties(vault_of(world, record.id), properties, instances.cluster_of(properties))
    error = gap_in_tiering(Surroundings(world), them, instances.snapshot_group(properties),
                           point.hidden["account"] or "/")
    if error:
        point.hidden.pop("tiering", None)
        end_job(world, payload["job"], error)
        retire(world, record)
        return
    ends = point.hidden["vault_expires"]
    point.hidden["vaulted"] = contents.keep(world, tier(contents.get(world, point.hidden["content"])))
    point.hidden["expires"][policies.VAULT] = ends
    world.store.put(point.id, {"properties": points.tiered(point.properties, world.guid(), now(world), moment(ends))})
    world.clock.at(ends, f"{NAMESPACE}:expire", {"instance": record.id.text})
    end_job(world, payload["job"])
    retire(world, record)


# Retention


def expire(world: World, payload: dict[str, Any]) -> None:
    if record := world.store.get(payload["instance"]):
        retire(world, record)


def retire(world: World, record: Record) -> None:
    """Remove what has expired. A stopped instance keeps everything, any other one keeps its last point."""
    if record.properties["currentProtectionState"] == instances.STOPPED:
        return
    everything = {each.name: {kind: moment(when) for kind, when in _ends(each, world).items()}
                  for each in sorted(world.store.children(record.id, POINTS), key=_time)}
    for name, kind in retention.ended(everything, now(world)):
        point = world.store.get(record.id.child("recoveryPoints", name))
        if point is None:
            continue
        del point.hidden["expires"][kind]
        contents.drop(world, point.hidden.pop(contents.HOLDS[kind], None))
        if point.hidden["expires"]:
            world.store.put(point.id, {"properties": points.without(point.properties, kind)})
        else:
            world.store.delete(point.id)


def _ends(point: Record, world: World) -> dict[str, float]:
    """When the point ends in each store; snapshots of which a copy is still to be made stay until it is."""
    ends: dict[str, float] = dict(point.hidden["expires"])
    if point.hidden.get("kept_for_copy"):
        ends[policies.OPERATIONAL] = max(ends[policies.OPERATIONAL], world.clock.now + A_DAY)
    return ends


def forget(world: World, instance: Id) -> None:
    """Delete all recovery points of an instance that is gone for good."""
    for each in world.store.children(instance, POINTS):
        contents.forget(world, each.hidden)
        world.store.delete(each.id)


def _time(point: Record) -> datetime:
    return times.parse(point.properties["recoveryPointTime"])


# Reading


def list_points(call: Call) -> list[dict[str, Any]]:
    bounds = points.window(call.query.get("$filter"))
    found = [each for each in call.store.children(call.id, POINTS) if points.within(each.properties, bounds)]
    return [each.body for each in sorted(found, key=_time, reverse=True)]


def list_jobs(call: Call) -> list[dict[str, Any]]:
    """Newest first; a list has no extendedInfo and another form of duration."""
    found = call.store.children(call.id, JOBS)
    return [{**each.body, "properties": jobs.listed(each.properties)} for each in reversed(found)]


def time_ranges(call: Call) -> dict[str, Any]:
    """findRestorableTimeRanges: AKS has discrete recovery points and hence no ranges."""
    body = call.body or {}
    if body.get("sourceDataStoreType") not in (policies.OPERATIONAL, policies.VAULT):
        raise invalid(f"the data store {body.get('sourceDataStoreType')} is not supported for AKS")
    try:
        start, end = (times.parse(body[key]) if body.get(key) else None for key in ("startTime", "endTime"))
    except ValueError as error:
        raise Refused("UserErrorInvalidRestorableTimeRange", detail=str(error)) from None
    if start and end and start >= end:
        raise Refused("UserErrorInvalidRestorableTimeRange", detail="the start time lies after the end time")
    return {"id": f"{call.id.text}/findRestorableTimeRanges",
            "type": f"{POINTS.rsplit('/', 1)[0]}/findRestorableTimeRanges",
            "properties": {"objectType": "AzureBackupFindRestorableTimeRangesResponse", "restorableTimeRanges": []}}


def export(call: Call) -> Reply:
    return begin(call, call.require(), "export jobs", finish="jobs exported", payload={"vault": call.id.text})


def exported(world: World, payload: dict[str, Any]) -> dict[str, Any]:
    """Where the exported jobs would lie; the emulator has no blobs."""
    blob = f"https://backupexports.blob.core.windows.net/{world.guid()}"
    return {"blobUrl": f"{blob}/jobs.json", "blobSasKey": "sv=2024-11-04&sig=emulator",
            "excelFileBlobUrl": f"{blob}/jobs.xlsx", "excelFileBlobSasKey": "sv=2024-11-04&sig=emulator"}
