# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of a fleet as a report: asked for, put together, judged, counted, written. Private to the collection.

Facts are in ``coverage.reasons``, the judgement of one cluster in ``coverage.findings``, pages in ``coverage.html``,
``coverage.markdown`` and ``coverage.junit``.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, listed, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import jobs
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import BINDINGS, CLUSTER
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import findings as coverage_findings
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import html as coverage_html
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import junit as coverage_junit
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import markdown as coverage_markdown
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import (
    ERROR,
    REASONS,
    VAULT_REASONS,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state

# Azure keeps jobs for longer, but a report of more days would be a history.
MOST_DAYS = 30
NO_EXTENSIONS = (
    "Azure Resource Graph shows no backup extension in any cluster, so none is reported as missing. Set check_clusters "
    "to true to read them from the clusters themselves."
)
NO_CLUSTER = "None of the clusters that Azure Resource Graph shows is asked for: the report is about nothing."

Params = dict[str, Any]
# ID of a cluster -> its Trusted Access role bindings, None where they could not be read.
Bindings: TypeAlias = "dict[str, list[Document] | None]"


def work(arm: Arm, params: Params) -> Outcome:
    """The report, and the files that were asked for; a failed task where a threshold is violated."""
    refuse(_problems(params))
    fleet_scope.check(params)
    params = _placed(params)
    rows = fleet_state.ask(
        arm, params, {**fleet_state.STATE, **fleet_state.POSTURE, **fleet_state.history(params["job_days"])}
    )
    shown = _named(fleet_state.clusters(rows, params), params["cluster_ids"])
    bindings: Bindings | None = None
    refused: dict[str, AzureError] = {}
    if params["check_clusters"]:
        shown, bindings, refused = _look(arm, shown)
    found = report(rows, shown, params, bindings)
    found["violations"] = [*missing(rows.clusters, params["cluster_ids"]), *violations(found, params["fail_on"])]
    before, after = _files(params["output"] or {}, found)
    for path, text in after.items():
        if before[path] != text:
            arm.save(path, text)
    result = {**found, "files": sorted(after)}
    if found["violations"]:
        result = {**result, "failed": True, "msg": " ".join(found["violations"])}
    return Outcome(
        changed=before != after,
        before={path: _size(text) for path, text in before.items()} if after else None,
        after={path: _size(text) for path, text in after.items()} if after else None,
        result=result,
        warnings=[
            *fleet_state.unseen(rows, params),
            *([NO_CLUSTER] if rows.clusters and not shown else []),
            *([] if _extensions_count(rows, shown, bindings) else [NO_EXTENSIONS]),
            *_refusals(refused),
        ],
    )


def _problems(params: Params) -> list[str]:
    said = []
    if not 1 <= params["job_days"] <= MOST_DAYS:
        said.append(f"job_days is {params['job_days']}; it must be 1 to {MOST_DAYS}.")
    try:
        times.period(params["grace"], "grace")
    except Refused as exc:
        said.append(exc.message)
    for limit in params["fail_on"] or []:
        if limit["max"] < 0:
            said.append(f"fail_on: max of {limit['reason']} is {limit['max']}; a count is 0 or more.")
    for id_ in params["cluster_ids"] or []:
        try:
            _ids.expect(id_, CLUSTER, "cluster_ids")
        except Refused as exc:
            said.append(exc.message)
    paths = [path for path in (params["output"] or {}).values() if path]
    if len(set(paths)) < len(paths):
        said.append("output: two formats have the same path.")
    for path in paths:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            said.append(f"output: there is no folder {folder} where this task runs. Make it first.")
        elif os.path.isdir(path):
            said.append(f"output: {path} is a folder. Give the path of a file.")
        elif os.path.exists(path) and not os.path.isfile(path):
            # Reading a device may never end, and root would put the report in its place.
            said.append(f"output: {path} is a device or the like, and no file. Give the path of a file.")
    # Of four files in a folder that is not there, as the role writes them, once.
    return list(dict.fromkeys(said))


def _placed(params: Params) -> Params:
    """With where to look for the clusters that are named, unless that is said."""
    ids = [id_.rstrip("/") for id_ in params["cluster_ids"] or []]
    where = params["subscriptions"]
    if ids and not (where or params["management_groups"] or params["tenant_wide"]):
        where = sorted({_ids.segment(id_, "subscriptions").lower() for id_ in ids})
    return {**params, "cluster_ids": ids, "subscriptions": where}


def _named(clusters: list[Document], ids: list[str]) -> list[Document]:
    wanted = {id_.lower() for id_ in ids}
    return [one for one in clusters if not wanted or one["id"].lower() in wanted]


def _look(arm: Arm, clusters: list[Document]) -> tuple[list[Document], Bindings, dict[str, AzureError]]:
    """Read the extension of each protected cluster into what is shown of it, and give its Trusted Access role bindings.

    Resource Graph does not know bindings, and may not know extensions of AKS clusters. Clusters that are gone meanwhile
    are left out. Of those that cannot be read, what Resource Graph shows counts; the refusals are by ID.
    """
    mine = [cluster for cluster in clusters if cluster["protection"]["instances"]]
    types = (BINDINGS, extension.LIST_TYPE)
    found = arm.together(partial(_listed_below, arm, type_, cluster["id"]) for cluster in mine for type_ in types)
    gone, read = set(), {}
    refused: dict[str, AzureError] = {}
    for cluster, bindings, extensions in zip(mine, found[::2], found[1::2], strict=True):
        if isinstance(bindings, AzureError) or isinstance(extensions, AzureError):
            refused[cluster["id"]] = bindings if isinstance(bindings, AzureError) else extensions
            continue
        read[cluster["id"]] = bindings
        installed = extension.ours(extensions)
        cluster["protection"]["extension"] = fleet_state.extension(installed) if installed else None
        if not bindings and not extensions and arm.get(cluster["id"]) is None:
            gone.add(cluster["id"])
    there = [cluster for cluster in clusters if cluster["id"] not in gone]
    return there, {**read, **dict.fromkeys(refused)}, refused


def _listed_below(arm: Arm, type_: str, id_: str) -> Any:
    """The documents of a type below a cluster, or Azure's word that the caller may not read them, or that it cannot
    tell: the trouble of one cluster is not that of the report.
    """
    try:
        return arm.list_all(type_, id_)
    except AzureError as exc:
        status = exc.facts.get("status", 0)
        if status != 403 and status < 500:
            raise
        return exc


def _refusals(refused: Mapping[str, AzureError]) -> list[str]:
    if not refused:
        return []
    return [
        f"These clusters could not be read themselves, so what Azure Resource Graph shows of them counts: "
        f"{listed([_ids.name(id_) for id_ in refused])}. {next(iter(refused.values())).message}"
    ]


def _extensions_count(rows: fleet_state.Rows, clusters: list[Document], bindings: object) -> bool:
    """Whether an extension that is not seen is one that is not there: where none is seen anywhere, it need not be."""
    return bool(rows.extensions) or bindings is not None or not any(one["protection"]["instances"] for one in clusters)


# From rows to a report; pure


def report(
    rows: fleet_state.Rows,
    clusters: list[Document],
    params: Mapping[str, Any],
    bindings: Mapping[str, list[Document] | None] | None = None,
) -> Document:
    """Clusters with their findings, the vaults that protect them, their jobs, and all of that in numbers."""
    ignored, asked = set(params["ignore_findings"] or []), rows.asked
    options = {
        "extensions": _extensions_count(rows, clusters, bindings),
        "grace": times.period(params["grace"], "grace"),
        "namespaces": params["namespaces"] or [],
    }
    latest = _latest_jobs(rows.job_counts)
    policies = {row["id"].lower(): row for row in rows.policies}
    by_id = {row["id"].lower(): row for row in rows.clusters}
    for cluster in clusters:
        for one in cluster["protection"]["instances"]:
            if one["interval_seconds"] is None:
                # Or nothing of this instance would ever be overdue.
                one["interval_seconds"] = coverage_findings.interval(policies.get(str(one["policy_id"]).lower()) or {})
            done = latest.get(one["id"].lower(), {})
            one["last_good_backup"] = coverage_findings.good_backup(
                one["last_recovery_point"], done, params["partial_counts"]
            )
            one["rpo_seconds"] = None if one["interval_seconds"] is None else one["interval_seconds"] + options["grace"]
        bound = None if bindings is None else bindings.get(cluster["id"], [])
        row = by_id[cluster["id"].lower()]
        # Of a cluster that could not be read, that no extension is shown means as little as where nobody looked.
        blind = bindings is not None and bound is None and not rows.extensions
        told = {**options, "extensions": False} if blind else options
        said = coverage_findings.of_cluster(cluster, row, told, asked, policies, bound)
        cluster["findings"] = [one for one in said if one["reason"] not in ignored]
        cluster["covered"] = not any(one["severity"] == ERROR for one in cluster["findings"])
        cluster["protection"]["last_good_backup"] = fleet_state.newest(
            one["last_good_backup"] for one in cluster["protection"]["instances"]
        )
    mine = {one["id"].lower() for cluster in clusters for one in cluster["protection"]["instances"]}
    vaults = _vaults(rows, clusters, ignored)
    return {
        "as_of": f"{asked.astimezone(datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "clusters": clusters,
        "jobs": {
            "days": _days(rows, mine, params["job_days"]),
            "trouble": [_job(row) for row in rows.trouble if _instance_of(row) in mine],
        },
        "summary": summary(clusters, vaults),
        "vaults": vaults,
    }


def _latest_jobs(counts: list[Document]) -> dict[str, dict[str, str]]:
    """Backup instance -> status -> when the newest backup job of that status started."""
    found: dict[str, dict[str, str]] = {}
    for row in counts:
        if str(row["operation"]).lower() == "backup":
            found.setdefault(row["id"], {})[row["status"]] = row["newest"]
    return found


def _vaults(rows: fleet_state.Rows, clusters: list[Document], ignored: set[str]) -> list[Document]:
    protecting: dict[str, int] = {}
    for cluster in clusters:
        for vault in {one["vault_id"].lower() for one in cluster["protection"]["instances"]}:
            protecting[vault] = protecting.get(vault, 0) + 1
    shown = [coverage_findings.vault(row) for row in rows.vaults if row["id"].lower() in protecting]
    for vault in shown:
        vault["clusters"] = protecting[vault["id"].lower()]
        vault["findings"] = [one for one in coverage_findings.of_vault(vault) if one["reason"] not in ignored]
    return sorted(shown, key=lambda vault: vault["id"].lower())


def _days(rows: fleet_state.Rows, mine: set[str], days: int) -> list[Document]:
    """The backup jobs of the instances by day, oldest first; days without jobs as well."""
    last = rows.asked.astimezone(datetime.timezone.utc).date()
    empty = {"completed": 0, "failed": 0, "other": 0, "warned": 0}
    found = {str(last - datetime.timedelta(days=back)): dict(empty) for back in range(days - 1, -1, -1)}
    columns = {"completed": "completed", "completedwithwarnings": "warned", "failed": "failed"}
    for row in rows.job_counts:
        if row["id"] in mine and str(row["operation"]).lower() == "backup":
            column = columns.get(str(row["status"]).lower(), "other")
            for moment in row["days"] or []:
                if moment[:10] in found:
                    found[moment[:10]][column] += 1
    return [{"day": day, **counts} for day, counts in found.items()]


def _instance_of(row: Document) -> str:
    return str((row.get("properties") or {}).get("backupInstanceId")).lower()


def _job(row: Document) -> Document:
    job = jobs.represent(row)
    keys = ("cluster_id", "cluster_name", "errors", "id", "operation", "start_time", "status", "vault_name")
    return {key: job[key] for key in keys}


def summary(clusters: list[Document], vaults: list[Document]) -> Document:
    """The report in numbers; each reason counts a cluster or vault once."""
    reasons, states = dict.fromkeys(REASONS, 0), dict.fromkeys(fleet_state.ALL_STATES, 0)
    for cluster in clusters:
        states[cluster["protection"]["state"]] += 1
    for thing in [*clusters, *vaults]:
        for reason in {one["reason"] for one in thing["findings"]}:
            reasons[reason] += 1
    covered = sum(cluster["covered"] for cluster in clusters)
    return {
        "by_reason": reasons,
        "by_state": states,
        "clusters": len(clusters),
        "covered": covered,
        # Rounded down, so that 100 means all of them.
        "covered_percent": covered * 100 // len(clusters) if clusters else 100,
        "vaults": len(vaults),
    }


def violations(found: Document, limits: list[Document] | None) -> list[str]:
    """A sentence for each limit that the report exceeds."""
    said = []
    for limit in limits or []:
        reason, most = limit["reason"], limit["max"]
        affected = sorted(
            thing["name"]
            for thing in [*found["clusters"], *found["vaults"]]
            if any(one["reason"] == reason for one in thing["findings"])
        )
        if len(affected) > most:
            kind = "vault" if reason in VAULT_REASONS else "cluster"
            many = f"{len(affected)} {kind}s have" if len(affected) > 1 else f"1 {kind} has"
            said.append(
                f"{many} the finding {reason} ({REASONS[reason].title.lower()}), and {most} may: {listed(affected)}. "
                f"{REASONS[reason].fix}"
            )
    return said


def missing(rows: list[Document], ids: list[str]) -> list[str]:
    """A sentence if Resource Graph does not show all clusters that were named: nobody knows how those stand."""
    there = {row["id"].lower() for row in rows}
    unseen = [_ids.name(id_) for id_ in ids if id_.lower() not in there]
    if not unseen:
        return []
    return [
        f"Azure Resource Graph does not show {listed(unseen)}. If the IDs are right and the clusters still there, "
        "make sure that the caller may read them; what has just been created is shown after some minutes."
    ]


# Files


FORMATS: dict[str, Callable[[Document], str]] = {
    "html": coverage_html.page,
    "json": lambda found: json.dumps(found, indent=2, sort_keys=True, default=str) + "\n",
    "junit": coverage_junit.document,
    "markdown": coverage_markdown.document,
}


def _files(output: Mapping[str, str | None], found: Document) -> tuple[dict[str, str | None], dict[str, str]]:
    """Path -> text as it is (None when there is no file), and as it should be."""
    before: dict[str, str | None] = {}
    after: dict[str, str] = {}
    for name, render in FORMATS.items():
        path = output.get(name)
        if path:
            before[path], after[path] = _read(path), render(found)
    return before, after


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _size(text: str | None) -> Document | None:
    """What a diff shows of a file: a page of a thousand clusters would fill the screen."""
    if text is None:
        return None
    return {"bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}
