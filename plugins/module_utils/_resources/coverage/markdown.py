# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A coverage report in Markdown. Pure. Private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import findings
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import REASONS


def document(report: Document) -> str:
    """The whole report. Clusters about which there is nothing to say are counted, and not listed."""
    summary = report["summary"]
    parts = [
        "# Backup coverage of AKS clusters",
        f"As of {report['as_of']}: {summary['covered']} of {summary['clusters']} clusters are covered "
        f"({summary['covered_percent']} percent), by {summary['vaults']} vaults.",
    ]
    if report.get("violations"):
        parts += ["## Violated thresholds", "\n".join(f"- {text(one)}" for one in report["violations"])]
    none = "None." if summary["clusters"] else "None: this report is about no cluster."
    counted = [(REASONS[name].title, count) for name, count in summary["by_reason"].items() if count]
    parts += ["## Findings", table(("Finding", "How many"), counted) if counted else none]
    affected = [cluster for cluster in report["clusters"] if cluster["findings"]]
    if affected:
        parts += ["## Clusters", table(("Cluster", "Resource group", "Region", "State", "Finding", "What to do"), (
            (cluster["name"], cluster["resource_group"], cluster["location"], cluster["protection"]["state"],
             one["message"], one["fix"])
            for cluster in affected for one in cluster["findings"]
        ))]  # fmt: skip
    weak = [(vault, one) for vault in report["vaults"] for one in vault["findings"]]
    if weak:
        parts += ["## Vaults", table(("Vault", "Clusters", "CIS control", "Finding", "What to do"), (
            (vault["name"], vault["clusters"], one["control"] or "", one["message"], one["fix"])
            for vault, one in weak
        ))]  # fmt: skip
    parts += ["## Backup jobs", table(("Day", "Completed", "With warnings", "Failed", "Other"), (
        (day["day"], day["completed"], day["warned"], day["failed"], day["other"]) for day in report["jobs"]["days"]
    ))]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def table(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: Any) -> str:
    """Any text as text: nothing in it is markup, and it stays on its line.

    Names and tags are what somebody typed. HTML is markup in Markdown as well, hence the entities.
    """
    line = findings.line(value)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Not in the middle of words such as aks_backup_policy, where an underscore means nothing.
    line = re.sub(r"([\\`*|\[\]~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))", r"\\\1", line)
    # Neither a list nor a heading, nor an address that becomes a link by itself.
    line = re.sub(r"^(\d*)([#+.)-])", r"\1\\\2", line) if re.match(r"[#+-]|\d+[.)](\s|$)", line) else line
    return re.sub(r"(?i)\b(https?|ftp)://", r"\1:&#47;&#47;", line).replace("www.", "www&#46;").replace("@", "&#64;")
