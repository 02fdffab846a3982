# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of jobs: of a vault, of its paired region, or of many subscriptions. Private to the collection."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._errors import refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import points
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.jobs import JOBS, Look, represent
from ansible_collections.aks.backup.plugins.module_utils._resources.common import CLUSTER, MAKE_VAULT, vault_id

GRAPH = "resource_graph"
# As "az dataprotection job list-from-resourcegraph" asks.
QUERY = """RecoveryServicesResources
| where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'
| where properties.dataSourceType =~ 'Microsoft.ContainerService/managedClusters'"""


def across(arm: Arm, vault: Document, name: str) -> Look:
    """How to read a job of the paired region, where it has a name and no ID."""
    place = points.location_id(vault["id"], points.secondary_region(vault))
    body = {**_home(vault), "jobId": _ids.name(name)}

    def look() -> tuple[Document | None, float | None]:
        return arm.fetch(place, "fetchCrossRegionRestoreJob", body)[0], None

    return look


def list_across(arm: Arm, vault: Document) -> list[Document]:
    """The jobs of the paired region."""
    place = points.location_id(vault["id"], points.secondary_region(vault))
    return arm.fetch(place, "fetchCrossRegionRestoreJobs", _home(vault))


def list_jobs(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Jobs, newest first, filtered; or one job with everything the service knows of it."""
    refuse(_problems(params))
    if params.get("cluster_id"):
        _ids.expect(params["cluster_id"], CLUSTER, "cluster_id")
    start = times.earliest(params.get("since"), params.get("start_time"), "start_time")
    end = times.asked(params.get("end_time"), "end_time")
    if params.get("job_id"):
        jobs = [_one(arm, params)]
    else:
        found = map(represent, _listed(arm, params, start))
        jobs = [job for job in found if _selected(job, params, start, end)]
        jobs.sort(key=lambda job: job["start_time"] or "", reverse=True)
        if params.get("latest_only"):
            latest: dict[str, Document] = {}
            for job in jobs:
                latest.setdefault(str(job["backup_instance_id"]).lower(), job)
            jobs = list(latest.values())
        jobs = jobs[: params.get("limit")]
        if params.get("details"):
            jobs = _in_full(arm, params, jobs)
    return Outcome(result={"jobs": jobs, "summary": summary(jobs)})


def summary(jobs: list[Document]) -> Document:
    """The jobs in numbers."""
    counts: dict[str, dict[str, int]] = {"operation": {}, "status": {}}
    for job in jobs:
        for key, count in counts.items():
            count[str(job[key])] = count.get(str(job[key]), 0) + 1
    started = sorted(job["start_time"] for job in jobs if job["start_time"])
    return {
        "by_operation": counts["operation"],
        "by_status": counts["status"],
        "newest": started[-1] if started else None,
        "oldest": started[0] if started else None,
        "total": len(jobs),
    }


def query(params: Params, start: datetime.datetime | None) -> str:
    """The question to Azure Resource Graph, which sorts out by time, vault and cluster what can be many."""
    lines = [QUERY]
    if params.get("vault_name") or params.get("vault_id"):
        lines.append(f"| where id startswith {_literal(vault_id(params) + '/')}")
    if params.get("cluster_id"):
        lines.append(f"| where properties.dataSourceId =~ {_literal(params['cluster_id'])}")
    if start:
        moment = start.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"| where todatetime(properties.startTime) >= datetime({moment})")
    return "\n".join([*lines, "| project id, name, properties", "| order by id asc"])


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _problems(params: Params) -> list[str]:
    said = []
    if params["source"] == GRAPH and params["secondary_region"]:
        said.append("Azure Resource Graph does not know the jobs of the paired region: use source=vault for them.")
    if params["source"] == GRAPH and params.get("job_id"):
        said.append("One job is read from its vault: leave out source, and name the vault, for job_id.")
    if params["source"] != GRAPH and params.get("subscriptions"):
        said.append("subscriptions is for source=resource_graph; a vault is in one subscription.")
    if params.get("limit") is not None and params["limit"] < 1:
        said.append(f"limit is {params['limit']}; it must be 1 or more. Leave it out for all jobs.")
    return said


def _one(arm: Arm, params: Params) -> Document:
    vault, name = vault_id(params), _ids.name(params["job_id"])
    if params["secondary_region"]:
        return represent(across(arm, arm.require(vault, "Backup vault", MAKE_VAULT), name)()[0] or {})
    id_ = f"{vault}/backupJobs/{name}"
    return represent(refuse_unknown("backup job", arm.get(id_), id_))


def _listed(arm: Arm, params: Params, start: datetime.datetime | None) -> list[Document]:
    if params["source"] == GRAPH:
        return arm.search(query(params, start), params.get("subscriptions") or [arm.subscription_id])
    vault = vault_id(params)
    if params["secondary_region"]:
        home = arm.require(vault, "Backup vault", MAKE_VAULT)
        return list_across(arm, home) if "properties" in home else []
    listed = arm.list_all(JOBS, vault)
    if not listed:
        # A misspelt vault must not look like a quiet one.
        arm.require(vault, "Backup vault", MAKE_VAULT)
    return listed


def _in_full(arm: Arm, params: Params, jobs: list[Document]) -> list[Document]:
    if params["secondary_region"] and jobs:
        vault = arm.require(vault_id(params), "Backup vault", MAKE_VAULT)
        looks = [across(arm, vault, job["name"]) for job in jobs]
    else:
        looks = [partial(arm.read, job["id"]) for job in jobs]
    return [represent(document or {}) for document, _pause in arm.together(looks)]


def _selected(job: Document, params: Params, start: datetime.datetime | None, end: datetime.datetime | None) -> bool:
    instance = params.get("backup_instance")
    return (
        (not params.get("cluster_id") or _ids.same(job["cluster_id"], params["cluster_id"]))
        and (not instance or _ids.name(job["backup_instance_id"] or "/").lower() == _ids.name(instance).lower())
        and (not params.get("operation") or job["operation"] in params["operation"])
        and (not params.get("status") or job["status"] in params["status"])
        and times.within(times.moment(job["start_time"]), start, end)
    )


def _home(vault: Document) -> Document:
    """What calls across regions say of the vault."""
    return {"sourceRegion": _ids.region(vault.get("location")), "sourceBackupVaultId": vault["id"]}
