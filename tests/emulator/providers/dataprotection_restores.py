# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores from both tiers, to the original or another cluster, and the cross-region calls."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from .. import contracts, routing
from ..backup import instances, jobs, points, policies, restores, vaults
from ..backup.errors import Refused, invalid
from ..backup.requirements import gap_in_restore
from ..ids import identifier, same
from ..inside import inside, keep
from ..kubernetes import RestoreError, restore
from ..provider import Call, Reply
from ..regions import paired, slug
from ..store import Record
from ..world import World
from . import dataprotection_contents as contents
from . import dataprotection_guards as guards
from .dataprotection_backups import (
    A_DAY,
    end_job,
    fault_error,
    fault_warnings,
    outcome,
    start_job,
)
from .dataprotection_world import (
    INSTANCES,
    JOBS,
    NAMESPACE,
    POINTS,
    VAULTS,
    Surroundings,
    begin,
    location,
    parties,
    vault_of,
)

MODELS = "azure.mgmt.dataprotection.models:"
STAGING = ("stagingResourceGroupId", "stagingStorageAccountId")
RESTORES_A_DAY = 10
# Seconds that a restore of a small cluster takes; from the vault tier the data is hydrated first.
RESTORE_TAKES = {policies.OPERATIONAL: (200.0, 230.0), policies.VAULT: (600.0, 900.0)}
READ_CLUSTER = "Microsoft.ContainerService/managedClusters/read"


def _checked(call: Call, model: str) -> dict[str, Any]:
    """The body, checked. Checked here and not by the table, because the service tolerates what no model has: null
    staging ids in the criteria of the operational tier, and an objectType around a cross-region request."""
    body = copy.deepcopy(call.body) if isinstance(call.body, dict) else {}
    request = body.get("restoreRequestObject", body)
    if request is not body:
        body.pop("objectType", None)
    for step in ("restoreTargetInfo", "restoreCriteria"):
        request = request.get(step) if isinstance(request, dict) else None
    for each in request if isinstance(request, list) else ():
        for name in STAGING:
            if isinstance(each, dict) and each.get(name, "") is None:
                del each[name]
    return contracts.check(MODELS + model, body)


def validate(call: Call) -> Reply:
    record, vault = call.require(), vault_of(call.world, call.id)
    request = _checked(call, "ValidateRestoreRequestObject")["restoreRequestObject"]
    restores.understood(request)
    _may_read_source(call, record)
    return begin(call, vault, "validate restore", finish="restore validated", payload={
        "instance": record.id.text, "request": request, "secondary": ""})


def validated(world: World, payload: dict[str, Any]) -> None:
    if error := _gap(world, payload):
        raise error


def trigger(call: Call) -> Reply:
    record, vault = call.require(), vault_of(call.world, call.id)
    request = _checked(call, "AzureBackupRestoreRequest")
    wanted = restores.understood(request)
    _may_read_source(call, record)
    if call.store.get(record.id.child("recoveryPoints", wanted.point)) is None:
        raise Refused("UserErrorGenericResourceNotFound")
    guards.require(call, vault, f"{VAULTS}/backupInstances/restore/action",
                   request.get("resourceGuardOperationRequests"))
    _count(call, record)
    return begin(call, vault, "restore", finish="restore triggered", payload={
        "instance": record.id.text, "request": request, "secondary": "", "activity": call.client_request_id,
        "fault": outcome(call)})


def _count(call: Call, record: Record) -> None:
    recent = [when for when in record.hidden["restores"] if when > call.now - A_DAY]
    if len(recent) >= RESTORES_A_DAY:
        raise Refused("UserErrorRestoreRequestThrottled")
    record.hidden["restores"] = [*recent, call.now]


def _may_read_source(call: Call, record: Record) -> None:
    """Who restores must be allowed to read the cluster that was backed up."""
    source = instances.cluster_of(record.properties)
    if not call.can(READ_CLUSTER, source):
        raise call.linked(READ_CLUSTER, source)


def _gap(world: World, payload: dict[str, Any]) -> Refused | None:
    """What is missing for a restore; secondary: the region, for one across regions."""
    wanted, record = restores.understood(payload["request"]), world.store.get(payload["instance"])
    point = record and world.store.get(record.id.child("recoveryPoints", wanted.point))
    if record is None or point is None:
        return Refused("UserErrorGenericResourceNotFound")
    if wanted.store not in points.stores(point.properties):
        return _wrong(f"the recovery point is not in the {wanted.store}")
    target = world.store.get(wanted.target)
    if target is None:
        return Refused("UserErrorGenericResourceNotFound")
    if slug(wanted.location) != slug(target.body["location"]):
        return _wrong(f"restoreLocation must be that of the target cluster, {target.body['location']}")
    vault, properties = vault_of(world, record.id), record.properties
    home = payload["secondary"] or location(vault)
    if slug(target.body["location"]) != home:
        return _wrong(f"the target cluster must be in {home}")
    if identifier(wanted.target).subscription.lower() != vault.id.subscription.lower() and \
            vaults.cross_subscription_restore(vault.properties) != "Enabled":
        return _wrong("cross subscription restore is not enabled for the vault")
    them = parties(vault, {**properties, **_identity(payload["request"], properties)}, wanted.target)
    return gap_in_restore(
        Surroundings(world), them, wanted.store, group_id=instances.snapshot_group(properties),
        account_id=point.hidden["account"], staging_group=wanted.staging_group, staging_account=wanted.staging_account)


def _identity(request: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"identityDetails": request.get("identityDetails") or properties.get("identityDetails")}


def _wrong(detail: str) -> Refused:
    return Refused("DppPluginInvalidInputParameters", detail=detail)


def triggered(world: World, payload: dict[str, Any]) -> dict[str, Any]:
    """The operation is over: the job has begun. Across regions its id is a bare GUID."""
    wanted, record = restores.understood(payload["request"]), world.store.get(payload["instance"])
    point = record and world.store.get(record.id.child("recoveryPoints", wanted.point))
    if record is None or point is None:
        raise Refused("UserErrorGenericResourceNotFound")
    job = start_job(world, record, "Restore", payload["activity"], by_user=True, point=point.properties,
                    target=wanted.target, source_store=wanted.store)
    if payload["secondary"]:
        job.hidden["region"] = payload["secondary"]
    world.clock.after(world.random.uniform(*RESTORE_TAKES[wanted.store]), f"{NAMESPACE}:restore ends",
                      {**payload, "job": job.id.text})
    return {"jobId": job.name if payload["secondary"] else job.id.text, "objectType": "OperationJobExtendedInfo"}


def ended(world: World, payload: dict[str, Any]) -> None:
    """A restore is over: the target cluster holds what the criteria ask for."""
    error = fault_error(payload["fault"]) or _gap(world, payload)
    if error:
        end_job(world, payload["job"], error)
        return
    wanted = restores.understood(payload["request"])
    point = world.store.get(f"{payload['instance']}/recoveryPoints/{wanted.point}")
    target = world.store.get(wanted.target)
    assert point is not None
    assert target is not None
    cluster = inside(target)
    content = contents.get(world, point.hidden[contents.HOLDS[wanted.store]])
    try:
        done = restore(content, cluster, wanted.criteria)
    except RestoreError as failure:
        end_job(world, payload["job"], Refused(failure.code, message=failure.message))
        return
    keep(target, cluster)
    if wanted.staging_group:
        # What was hydrated stays in the staging area: nobody cleans it up.
        target.hidden["staged"] = {"group": wanted.staging_group, "account": wanted.staging_account}
    end_job(world, payload["job"], warnings=[*done["warnings"], *fault_warnings(payload["fault"])],
            details={"DataTransferredInBytes": "0"})


# Across regions: all calls go to the secondary region, in the vault's resource group


def _secondary(call: Call, instance_id: Any, source_region: Any) -> tuple[Record, Record]:
    """(instance, vault) of a cross-region call; Refused if the vault does not restore to this region."""
    record = call.store.get(instance_id) if isinstance(instance_id, str) else None
    if record is None or not same(record.type, INSTANCES):
        raise Refused("UserErrorGenericResourceNotFound")
    vault = vault_of(call.world, record.id)
    _check_region(call, vault, source_region)
    return record, vault


def _check_region(call: Call, vault: Record, source_region: Any) -> None:
    if slug(str(source_region)) != location(vault) or slug(call.id.names[0]) != paired(location(vault)):
        raise invalid("sourceRegion must be that of the vault, and the call must go to its paired region")
    if not vaults.cross_region_restore(vault.properties):
        raise invalid("cross region restore is not enabled for the vault")


def _first_page(call: Call, items: list[dict[str, Any]]) -> Reply:
    """The first page of a list that is asked for by POST. The SDK asks for the others by GET, without the body."""
    reply = routing.page(call, items)
    if reply.body and "nextLink" in reply.body:
        asked = base64.urlsafe_b64encode(json.dumps(call.body).encode()).decode().rstrip("=")
        reply.body["nextLink"] += f"&request={asked}"
    return reply


def _asked(call: Call) -> dict[str, Any]:
    """The body of the request whose next page this is."""
    text = call.query.get("request", "")
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid("the link to the next page must be used as it was received")
    return found


def secondary_points(call: Call) -> Reply:
    return _first_page(call, _points(call, call.body or {}))


def more_secondary_points(call: Call) -> list[dict[str, Any]]:
    return _points(call, _asked(call))


def _points(call: Call, body: dict[str, Any]) -> list[dict[str, Any]]:
    record, dummy = _secondary(call, body.get("sourceBackupInstanceId"), body.get("sourceRegion"))
    bounds = points.window(call.query.get("$filter"))
    found = [(each, points.only_vaulted(each.properties)) for each in call.store.children(record.id, POINTS)]
    return [{**each.body, "properties": vaulted} for each, vaulted in reversed(found)
            if vaulted and points.within(vaulted, bounds)]


def cross_validate(call: Call) -> Reply:
    return _cross(call, "ValidateCrossRegionRestoreRequestObject", "cross validate", "restore validated")


def cross_restore(call: Call) -> Reply:
    return _cross(call, "CrossRegionRestoreRequestObject", "cross restore", "restore triggered")


def _cross(call: Call, model: str, lro: str, finish: str) -> Reply:
    body = _checked(call, model)
    details = body.get("crossRegionRestoreDetails") or {}
    request = body.get("restoreRequestObject") or {}
    record, vault = _secondary(call, details.get("sourceBackupInstanceId"), details.get("sourceRegion"))
    if restores.understood(request).store != policies.VAULT:
        raise _wrong("only recovery points of the VaultStore can be restored across regions")
    _may_read_source(call, record)
    if finish == "restore triggered":
        _count(call, record)
    return begin(call, vault, lro, region=slug(call.id.names[0]), finish=finish, payload={
        "instance": record.id.text, "request": request, "secondary": slug(call.id.names[0]),
        "activity": call.client_request_id, "fault": outcome(call)})


def cross_job(call: Call) -> dict[str, Any]:
    vault = _vault_of_body(call, call.body or {})
    job = call.store.get(vault.id.child("backupJobs", str((call.body or {}).get("jobId"))))
    if job is None or "region" not in job.hidden:
        raise Refused("UserErrorGenericResourceNotFound")
    return {**job.body, "properties": jobs.cross_region(job.properties)}


def cross_jobs(call: Call) -> Reply:
    return _first_page(call, _jobs(call, call.body or {}))


def more_cross_jobs(call: Call) -> list[dict[str, Any]]:
    return _jobs(call, _asked(call))


def _jobs(call: Call, body: dict[str, Any]) -> list[dict[str, Any]]:
    vault = _vault_of_body(call, body)
    return [{**each.body, "properties": jobs.cross_region(each.properties, listing=True)}
            for each in reversed(call.store.children(vault.id, JOBS)) if "region" in each.hidden]


def _vault_of_body(call: Call, body: dict[str, Any]) -> Record:
    vault = call.store.get(str(body.get("sourceBackupVaultId") or "/"))
    if vault is None or not same(vault.type, VAULTS):
        raise Refused("UserErrorGenericResourceNotFound")
    _check_region(call, vault, body.get("sourceRegion"))
    return vault
