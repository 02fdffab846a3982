# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is new about the backups of a fleet since somebody looked last: for event sources. Private to the collection.

Jobs that did not end well, and what the coverage report finds wrong with clusters. Each is told once; a
:class:`Memory` is what has been told. Only Azure Resource Graph's clock counts.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import jobs
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import coverage
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import CLUSTER_REASONS
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import queries as fleet_queries
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state

EVENTS_SPEC: dict[str, Any] = {
    **fleet_scope.FLEET_SPEC,
    "findings": {
        "type": "list",
        "elements": "str",
        "choices": sorted(CLUSTER_REASONS),
        "default": ["rpo_missed", "unprotected"],
    },
    "grace": {"type": "str", "default": "2h"},
    "partial_counts": {"type": "bool", "default": True},
    "since": {"type": "str", "default": "24h"},
}
# Days by which a job may have started before the look that tells of its end. Vault-tier jobs have taken more than one.
WINDOW = 7
# Days for which good backups are known from their jobs alone; more than the longest time between two, a week.
HISTORY = 14
# Errors that pass by themselves, besides those of which Azure says so: timeouts of the service and of the disk driver.
# Source: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-troubleshoot
PASSING_CODES = ("CSISnapshottingTimedOut", "CloudInternalError", "ExtensionTimedOutWaitingForBackupItemSync")
REASONS = {"cancelled": "cancelled", "completedwithwarnings": "completed_with_warnings", "failed": "failed"}
BLIND = "blind"
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Memory:
    """``looked``: when the last look was. ``jobs``: ID in lower case -> start, of jobs that have been told of or are
    too old for it. ``open``: reason and cluster ID of each finding that has been told of and is there still.
    """

    looked: str = ""
    jobs: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()

    def text(self) -> str:
        """The memory as the text of a file."""
        known = {"jobs": dict(sorted(self.jobs.items())), "looked": self.looked, "open": sorted(self.open)}
        return json.dumps(known, indent=1) + "\n"

    @classmethod
    def read(cls, text: str, path: str) -> Memory:
        """The memory in the text of a file; raises :class:`Refused` where there is something else in it."""
        try:
            known = json.loads(text)
            told = {str(id_): str(start) for id_, start in dict(known["jobs"]).items()}
            memory = cls(str(known["looked"]), told, frozenset(map(str, known["open"])))
        except (ValueError, TypeError, KeyError):
            memory = cls()
        if times.moment(memory.looked) is None:
            raise Refused(f"{path} is not the state of an event source. Remove it, or name another state_file.")
        return memory


def check(params: Mapping[str, Any]) -> None:
    """Raise :class:`Refused` for options that cannot be meant, all of them at once."""
    fleet_scope.check(params)
    said = []
    for option in ("grace", "since"):
        try:
            found = times.period(params[option], option)
        except Refused as exc:
            said.append(exc.message)
        else:
            if option == "since" and found > WINDOW * 86400:
                said.append(f"since is {params[option]}; the first look goes back {WINDOW}d at most.")
    refuse(said)


def look(arm: Arm, params: Mapping[str, Any], memory: Memory) -> tuple[list[Document], Memory]:
    """The events since the last look, jobs first and by their end, and what to remember of them."""
    scopes = fleet_scope.scopes(params)
    history = fleet_state.history(HISTORY)["job_counts"]
    rows = fleet_state.ask(arm, params, {**fleet_state.STATE, **fleet_state.POSTURE, "job_counts": history})
    query = fleet_queries.JOBS_IN_TROUBLE.format(days=_days(memory))
    pages = arm.together(partial(arm.search, query, one["subscriptions"], one["management_groups"]) for one in scopes)
    trouble = [row for page in pages for row in page]
    clusters = fleet_state.clusters(rows, params)
    asked = {**params, "ignore_findings": [], "job_days": HISTORY, "namespaces": []}
    report = coverage.report(rows, clusters, asked)
    by_id = {cluster["id"].lower(): cluster for cluster in report["clusters"]}
    new = new_jobs(trouble, by_id, memory, rows.asked, times.period(params["since"]))
    of_cluster = by_cluster(trouble)
    # A list does not say of what a job warns, the job itself does. One that is gone meanwhile is as it was listed.
    full = arm.together(partial(arm.get, row["id"]) for row in new)
    events = [
        job_event(document or row, by_id[_cluster(row)], earlier_failures(row, of_cluster))
        for document, row in zip(full, new, strict=True)
    ]
    found = findings(report["clusters"], params["findings"])
    told = [event for key, event in found.items() if key not in memory.open]
    known = {**memory.jobs, **{row["id"].lower(): _start(row) for row in trouble if _cluster(row) in by_id}}
    oldest = rows.asked - 2 * WINDOW * DAY
    kept = {id_: start for id_, start in known.items() if (times.moment(start) or rows.asked) > oldest}
    dark = fleet_state.unseen(rows, params)
    if dark and BLIND not in memory.open:
        told.append(_blind(" ".join(dark)))
    return [*events, *told], Memory(report["as_of"], kept, frozenset([*found, *([BLIND] if dark else [])]))


# Pure


def new_jobs(
    trouble: Iterable[Document],
    clusters: Mapping[str, Document],
    memory: Memory,
    asked: datetime.datetime,
    since: int,
) -> list[Document]:
    """The jobs of these clusters (by ID in lower case) that are to be told of, by their end. Without a memory, those
    that ended within ``since`` seconds.
    """
    first = asked - datetime.timedelta(seconds=since)
    found = [
        row
        for row in trouble
        if _cluster(row) in clusters
        and row["id"].lower() not in memory.jobs
        and (memory.looked or _ended(row) >= first)
    ]
    return sorted(found, key=_order)


def by_cluster(rows: Iterable[Document]) -> dict[str, list[Document]]:
    """Rows of jobs by the ID of their cluster, in lower case."""
    found: dict[str, list[Document]] = {}
    for row in rows:
        found.setdefault(_cluster(row), []).append(row)
    return found


def earlier_failures(row: Document, trouble: Mapping[str, list[Document]]) -> int:
    """How many other backups of the job's cluster failed within a day before it ended; ``trouble`` is by cluster."""
    return sum(
        _is_failed_backup(other) and _ended(row) - DAY < _ended(other) and _order(other) < _order(row)
        for other in trouble[_cluster(row)]
    )


def job_event(document: Document, cluster: Document, earlier: int) -> Document:
    """A job that did not end well, as an event."""
    job = jobs.represent(document)
    try:
        jobs.judge(job, fail_on_warnings=True)
        message = ""
    except AzureError as exc:
        message = exc.message
    vault, _separator, instance = str(job["backup_instance_id"]).rpartition("/backupInstances/")
    return {
        "cluster": _short(cluster),
        "earlier_failures": earlier,
        "instance": {"id": job["backup_instance_id"], "name": instance, "vault_id": vault},
        "job": job,
        "kind": "job",
        "message": message,
        "reason": REASONS[str(job["status"]).lower()],
        "retryable": retryable(document),
    }


def retryable(document: Document) -> bool:
    """Whether the job failed, and of nothing else than what passes by itself."""
    errors = dig(document, "properties.errorDetails") or []
    return (
        str(dig(document, "properties.status")).lower() == "failed"
        and bool(errors)
        and all(error.get("isRetryable") is True or error.get("code") in PASSING_CODES for error in errors)
    )


def findings(clusters: Iterable[Document], wanted: Iterable[str]) -> dict[str, Document]:
    """An event for each finding of the wanted reasons, by reason and cluster."""
    return {
        f"{finding['reason']} {cluster['id'].lower()}": {
            "cluster": _short(cluster),
            "fix": finding["fix"],
            "kind": "finding",
            "last_good_backup": cluster["protection"]["last_good_backup"],
            "message": finding["message"],
            "reason": finding["reason"],
            "severity": finding["severity"],
        }
        for cluster in clusters
        for finding in cluster["findings"]
        if finding["reason"] in wanted
    }


def unseen(message: str, memory: Memory) -> tuple[list[Document], Memory]:
    """The event that tells that nothing else can be told of for now, unless it was told before."""
    if BLIND in memory.open:
        return [], memory
    return [_blind(message)], Memory(memory.looked, memory.jobs, memory.open | {BLIND})


def _blind(message: str) -> Document:
    return {"kind": BLIND, "message": message, "reason": BLIND, "severity": "error"}


def _days(memory: Memory) -> int:
    """How many days back jobs are asked for: further where nobody has looked for a while."""
    looked = times.moment(memory.looked)
    away = (times.now() - looked).total_seconds() / 86400 if looked else 0
    return WINDOW + max(0, math.ceil(away))


def _short(cluster: Document) -> Document:
    return {key: cluster[key] for key in ("id", "location", "name", "resource_group", "subscription_id", "tags")}


def _cluster(row: Document) -> str:
    return str(dig(row, "properties.dataSourceId")).lower()


def _start(row: Document) -> str:
    return str(dig(row, "properties.startTime") or "")


def _ended(row: Document) -> datetime.datetime:
    properties = row.get("properties") or {}
    never = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)
    return times.moment(properties.get("endTime")) or times.moment(properties.get("startTime")) or never


def _order(row: Document) -> tuple[datetime.datetime, str]:
    return _ended(row), row["id"].lower()


def _is_failed_backup(row: Document) -> bool:
    said = (dig(row, "properties.operationCategory"), dig(row, "properties.status"))
    return tuple(str(one).lower() for one in said) == ("backup", "failed")
