# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: retention rules from how many backups are to be kept. Pure. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._resources.policy.units import LONGEST, Said

# Option -> (criteria, most days from one such backup to the next but so many). Months and years are their longest.
EACH = {
    "daily": ("FirstOfDay", 1),
    "weekly": ("FirstOfWeek", 7),
    "monthly": ("FirstOfMonth", 31),
    "yearly": ("FirstOfYear", 366),
}
# By how many days the first backup of a month or a year can be later than that of the one before, with a backup a week.
LATE = 6


def kept(keep: Mapping[str, Any], periods: list[str], said: Said) -> list[dict[str, Any]]:
    """Retention rules under which at least so many backups of each kind are there, once there have been as many.

    A backup gets one tag only, that of the longest time, so a rule keeps at least as long as the ones below it: the
    first backup of a week is the first one of its day, too.
    """
    vault = keep.get("tier") == "vault"
    option, longest = ("vault_retention", "VaultStore") if vault else ("operational_retention", "OperationalStore")
    weekly = all(period.endswith(("/P1W", "/P7D")) for period in periods)
    counts = {name: keep[name] for name in EACH if keep.get(name) is not None}
    if not counts:
        said.append("keep needs one or more of daily, weekly, monthly and yearly.")
    rules, least = [], 0
    for name, count in counts.items():
        criteria, span = EACH[name]
        if count < 1:
            said.append(f"keep.{name} is {count}; it must be at least 1. Leave it out to keep none.")
        if name == "daily" and weekly:
            said.append(
                "keep.daily asks for a backup of each day, and the schedule makes one a week. Leave it out, or make "
                "backups more often."
            )
        least = max(least, count * span + (LATE if weekly and span > 7 else 0))
        if least > LONGEST[longest]:
            said.append(
                f"keep.{name} is {count}, which takes {least} days; the {keep.get('tier') or 'operational'} tier keeps "
                f"recovery points for at most {LONGEST[longest]} days."
                + ("" if vault else " With keep.tier=vault they are kept in the vault tier.")
            )
            least = LONGEST[longest]
        rules.append({"criteria": criteria, option: f"P{max(least, 1)}D"})
    return rules
