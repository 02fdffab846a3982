# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A coverage report as one page of HTML, which needs no network, no other file and no script. Pure. Private.

Everything that is not written here goes through :func:`esc`: names and tags are what somebody typed. What slips
through all the same, the page's own policy forbids to run: only this style and this script are allowed, by digest.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import html
from collections.abc import Iterable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.charts import (
    LANES,
    days_chart,
    gauge,
    timeline,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.findings import BACKING_UP, hours, line
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import (
    CLUSTER_REASONS,
    ERROR,
    REASONS,
    WARNING,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.style import SCRIPT, STYLE

LOOKS = {"configuring": "warn", "error": "bad", "protected": "good", "stopped": "bad", "suspended": "warn",
         "unprotected": "bad"}  # fmt: skip
SEVERE = {ERROR: "bad", WARNING: "warn"}
# Jobs in trouble that the page lists; the report has more.
LISTED = 50


def esc(value: Any) -> str:
    """Any value as text of a page or of an attribute in quotation marks."""
    return html.escape(line(value))


def page(report: Document) -> str:
    title = "Backup coverage of AKS clusters"
    asked = times.moment(report["as_of"]) or times.now()
    sections = (
        _alert(report.get("violations") or []),
        _findings(report["summary"]),
        _timeline(report, asked),
        _clusters(report, asked),
        _vaults(report["vaults"]),
        _jobs(report["jobs"]),
    )
    # Without a form, a frame, an image or a connection. Digests are of exactly what stands between the tags.
    policy = "; ".join((
        "default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:",
        f"style-src {_digest(STYLE)}", f"script-src {_digest(SCRIPT)}",
    ))  # fmt: skip
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{esc(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<a class="skip" href="#list">To the list of clusters</a>
<h1>{title}</h1>
<p class="quiet">As of <time datetime="{esc(report["as_of"])}">{asked:%Y-%m-%d %H:%M} UTC</time>,
from Azure Resource Graph.</p>
{_cards(report["summary"])}
</header>
<main>
{"".join(sections)}
</main>
<footer class="quiet"><p>Made by aks.backup.aks_backup_coverage_info. All times are UTC.</p></footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def table(caption: str, columns: Iterable[str], rows: Iterable[str], id_: str = "") -> str:
    """A table; columns and rows are HTML."""
    named = f' id="{id_}"' if id_ else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f"<table{named}><caption>{caption}</caption>"
        f"<thead><tr>{''.join(columns)}</tr></thead><tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def _column(title: str, sort: str = "", number: bool = False) -> str:
    how = f' data-sort="{sort}"' if sort else ""
    look = ' class="number"' if number else ""
    return f'<th scope="col"{how}{look}>{title}</th>'


def tag(text: str, look: str) -> str:
    return f'<span class="tag {look}">{esc(text)}</span>'


# Sections


def _cards(summary: Document) -> str:
    states = summary["by_state"]
    cards = [
        ("clusters", summary["clusters"], ""),
        ("covered", f"{summary['covered_percent']}%" if summary["clusters"] else "-", _covered(summary)),
        *((state, count, LOOKS[state] if count else "") for state, count in states.items()),
        ("overdue", summary["by_reason"]["rpo_missed"], "bad" if summary["by_reason"]["rpo_missed"] else ""),
        ("vaults", summary["vaults"], ""),
    ]
    items = (f'<li><b class="{look}">{esc(count)}</b>{esc(title)}</li>' for title, count, look in cards)
    return f'<ul class="cards" aria-label="Totals">{"".join(items)}</ul>'


def _covered(summary: Document) -> str:
    if not summary["clusters"]:
        return "warn"
    return "good" if summary["covered"] == summary["clusters"] else "bad"


def _alert(violations: list[str]) -> str:
    if not violations:
        return ""
    items = "".join(f"<li>{esc(one)}</li>" for one in violations)
    return f'<section class="alert"><h2>Violated thresholds</h2><ul>{items}</ul></section>\n'


def _findings(summary: Document) -> str:
    rows = [
        f'<tr><th scope="row">{tag(reason.title, SEVERE.get(reason.severity, ""))}</th><td>{esc(reason.severity)}</td>'
        f"<td>{esc(reason.control)}</td>"
        f'<td class="number">{summary["by_reason"][name]}</td><td>{esc(reason.fix)}</td></tr>\n'
        for name, reason in REASONS.items()
        if summary["by_reason"][name]
    ]
    if not rows:
        why = "every cluster is covered." if summary["clusters"] else "this report is about no cluster."
        return f"<section><h2>Findings</h2><p>None: {why}</p></section>\n"
    columns = (
        _column("Finding"), _column("Severity"), _column("CIS control"), _column("How many", number=True),
        _column("What to do"),
    )  # fmt: skip
    return f"<section><h2>Findings</h2>{table('Findings and what to do about them', columns, rows)}</section>\n"


def _timeline(report: Document, asked: datetime.datetime) -> str:
    points = [
        (cluster["name"], times.moment(cluster["protection"]["last_good_backup"]), _lane(cluster))
        for cluster in report["clusters"]
        if cluster["protection"]["instances"]
    ]
    if not points:
        return ""
    counts = {lane: sum(one[2] == lane for one in points) for lane in LANES}
    never = sum(when is None for _name, when, _lane in points)
    said = (
        f"Of {len(points)} clusters with backup instances, {counts['in time']} have a good backup that is as new as "
        f"their policy wants it, {counts['overdue']} have not, and {counts['paused']} are suspended, stopped or not "
        f"configured yet. Of {never} no good backup is known."
    )
    return (
        f"<section><h2>Last good backups</h2><p>{said}</p>"
        f"{timeline(points, asked, len(report['jobs']['days']), said)}</section>\n"
    )


def _overdue(cluster: Document) -> bool:
    return any(one["reason"] == "rpo_missed" for one in cluster["findings"])


def _lane(cluster: Document) -> str:
    if _overdue(cluster):
        return "overdue"
    return "in time" if cluster["protection"]["state"] in BACKING_UP else "paused"


def _clusters(report: Document, asked: datetime.datetime) -> str:
    clusters = report["clusters"]
    regions = sorted({cluster["location"] for cluster in clusters})
    states = sorted({cluster["protection"]["state"] for cluster in clusters})
    reasons = [name for name in CLUSTER_REASONS if report["summary"]["by_reason"][name]]
    form = (
        '<form id="filter" hidden>'
        '<div><label for="text">Any text</label><input id="text" name="text" type="search"></div>'
        + _select("state", "State", [(state, state) for state in states])
        + _select("reason", "Finding", [(name, REASONS[name].title) for name in reasons])
        + _select("region", "Region", [(region, region) for region in regions])
        + '<p id="told" role="status"></p></form>'
    )
    columns = (
        _column("Cluster", "text"),
        _column("Region", "text"),
        _column("State", "text"),
        _column("Last good backup", "number"),
        _column("Vault and policy", "text"),
        _column("Findings", "number"),
    )
    # The script can sort by anything; without it, what is wrong comes first.
    worst_first = sorted(clusters, key=lambda one: (one["covered"], -len(one["findings"]), one["name"].lower()))
    rows = (_cluster(cluster, asked) for cluster in worst_first)
    return (
        f'<section id="list"><h2>Clusters</h2>{form}'
        f"{table('Every cluster, with what is wrong and what to do', columns, rows, 'clusters')}</section>\n"
    )


def _select(name: str, title: str, choices: list[tuple[str, str]]) -> str:
    options = "".join(f'<option value="{esc(value)}">{esc(text)}</option>' for value, text in choices)
    return (
        f'<div><label for="{name}">{title}</label><select id="{name}" name="{name}">'
        f'<option value="">All</option>{options}</select></div>'
    )


def _cluster(cluster: Document, asked: datetime.datetime) -> str:
    protection, findings = cluster["protection"], cluster["findings"]
    state = protection["state"]
    where = f"{cluster['resource_group']} in {cluster['subscription_id']}"
    tags = ", ".join(f"{name}={value}" for name, value in cluster["tags"].items())
    vaults = "".join(
        f"<li>{esc(one['vault_name'])}<small>{esc(one['policy_name'])}</small></li>" for one in protection["instances"]
    )
    said = "".join(
        f"<li>{tag(REASONS[one['reason']].title, SEVERE.get(one['severity'], ''))} {esc(one['message'])}"
        f"<small>{esc(one['fix'])}</small></li>"
        for one in findings
    )
    return (
        f'<tr data-state="{esc(state)}" data-region="{esc(cluster["location"])}" '
        f'data-reasons="{esc(" ".join(one["reason"] for one in findings))}">'
        f'<th scope="row">{esc(cluster["name"])}<small>{esc(where)}</small><small>{esc(tags)}</small></th>'
        f"<td>{esc(cluster['location'])}</td><td>{tag(state, LOOKS[state])}</td>{_good(cluster, asked)}"
        f'<td><ul>{vaults}</ul></td><td data-key="{len(findings)}"><ul>{said}</ul></td></tr>\n'
    )


def _good(cluster: Document, asked: datetime.datetime) -> str:
    """The cell about the last good backup: how old it is, and a bar up to twice of what is allowed."""
    instances = cluster["protection"]["instances"]
    good = times.moment(cluster["protection"]["last_good_backup"])
    if not instances:
        return '<td data-key="1e15">none</td>'
    if good is None:
        return f'<td data-key="1e14" class="{"bad" if _overdue(cluster) else ""}">none known</td>'
    age = max((asked - good).total_seconds(), 0.0)
    limits = [one["rpo_seconds"] for one in instances if one["rpo_seconds"]]
    look = LANES[_lane(cluster)][0]
    allowed = f"<small>{esc(hours(min(limits)))} allowed</small>{gauge(age, min(limits), look)}" if limits else ""
    return f'<td data-key="{age:.0f}"><span class="{look}">{esc(hours(age))} ago</span>{allowed}</td>'


def _vaults(vaults: list[Document]) -> str:
    if not vaults:
        return ""
    columns = (
        _column("Vault"), _column("Clusters", number=True), _column("Soft delete"), _column("Immutability"),
        _column("Redundancy"), _column("Encryption"), _column("Restore elsewhere"), _column("Guard"),
        _column("Findings"),
    )  # fmt: skip
    return (
        "<section><h2>Vaults</h2>"
        + table(
            "The vaults that protect these clusters; controls are those of the CIS benchmark",
            columns,
            map(_vault, vaults),
        )
        + "</section>\n"
    )


def _vault(vault: Document) -> str:
    encryption = "own key" if vault["customer_managed_key"] else "Microsoft's key"
    elsewhere = "paired region" if vault["cross_region_restore"] else "same region only"
    days = f"{vault['soft_delete_days']:g} days" if vault["soft_delete_days"] else ""
    said = "".join(
        f"<li>{tag(REASONS[one['reason']].title, SEVERE.get(one['severity'], ''))}"
        f" {esc('CIS ' + one['control'] if one['control'] else '')}<small>{esc(one['fix'])}</small></li>"
        for one in vault["findings"]
    )
    return (
        f'<tr><th scope="row">{esc(vault["name"])}<small>{esc(vault["resource_group"])} in '
        f"{esc(vault['subscription_id'])}, {esc(vault['location'])}</small></th>"
        f'<td class="number">{vault["clusters"]}</td><td>{esc(vault["soft_delete"])}<small>{days}</small></td>'
        f"<td>{esc(vault['immutability'])}</td><td>{esc(vault['redundancy'])}</td>"
        f"<td>{encryption}{'<small>twice</small>' if vault['infrastructure_encryption'] else ''}</td>"
        f"<td>{elsewhere}<small>other subscriptions: {esc(vault['cross_subscription_restore'])}</small></td>"
        f"<td>{'yes' if vault['resource_guard'] else 'no'}</td><td><ul>{said}</ul></td></tr>\n"
    )


def _jobs(found: Document) -> str:
    days = found["days"]
    columns = (
        _column("Day"), _column("Completed", number=True), _column("With warnings", number=True),
        _column("Failed", number=True), _column("Other", number=True),
    )  # fmt: skip
    rows = (
        f'<tr><th scope="row"><time>{esc(day["day"])}</time></th><td class="number">{day["completed"]}</td>'
        f'<td class="number">{day["warned"]}</td><td class="number">{day["failed"]}</td>'
        f'<td class="number">{day["other"]}</td></tr>\n'
        for day in days
    )
    parts = [f"<section><h2>Backup jobs</h2>{days_chart(days)}", table("Backup jobs by day", columns, rows)]
    if found["trouble"]:
        parts.append(_trouble(found["trouble"]))
    return "".join(parts) + "</section>\n"


def _trouble(jobs: list[Document]) -> str:
    columns = (_column("Started"), _column("Cluster"), _column("Job"), _column("Status"), _column("Why"))
    rows = (
        f"<tr><td>{esc(str(job['start_time'] or '')[:16].replace('T', ' '))}</td><td>{esc(job['cluster_name'])}</td>"
        f"<td>{esc(job['operation'])}</td><td>{tag(job['status'], 'bad' if job['status'] == 'Failed' else 'warn')}</td>"
        f"<td>{''.join(_why(error) for error in job['errors'])}</td></tr>\n"
        for job in jobs[:LISTED]
    )
    shown = f"The latest {LISTED} of {len(jobs)} jobs" if len(jobs) > LISTED else "Jobs"
    return f"<h3>Jobs in trouble</h3>{table(f'{shown} that failed, were cancelled or warned', columns, rows)}"


def _why(error: Document) -> str:
    parts = [f"{error.get('code', '')}: {error.get('message', '')}".strip(": ")]
    return f"<p>{esc(parts[0])}</p>" + (f"<small>{esc(error['advice'])}</small>" if error.get("advice") else "")
