# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which retention tag a scheduled backup gets.

The tagging criteria of the policy are tried by priority, the lowest number first; the default tag takes what is left.
"First of ..." means the first successful scheduled backup of the calendar day, week (from Sunday), month or year in
the offset of the schedule. Source:
https://learn.microsoft.com/azure/backup/backup-azure-dataprotection-use-rest-api-create-update-disk-policy
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from . import policies, schedules, times

WEEKS = ("First", "Second", "Third", "Fourth")


def tag_of(policy: dict[str, Any], moment: datetime, earlier: Iterable[datetime]) -> str:
    """The tag name of the backup scheduled for moment; earlier: when scheduled backups succeeded before it."""
    rule = policies.backup_rule(policy)
    zone = schedules.schedules(rule)[0].offset
    local = moment.astimezone(zone)
    days = {each.astimezone(zone).date() for each in earlier}
    criteria = sorted(rule["trigger"]["taggingCriteria"], key=lambda each: each["taggingPriority"])
    for each in criteria:
        if not each.get("isDefault") and any(_matches(criterion, local, days) for criterion in each["criteria"]):
            return each["tagInfo"]["tagName"]
    return policies.DEFAULT


def _matches(criterion: dict[str, Any], local: datetime, days: set[date]) -> bool:
    for marker in criterion.get("absoluteCriteria") or []:
        return marker == "AllBackup" or not any(_same(marker, local.date(), day) for day in days)
    today = local.date()
    return all((
        _among(criterion.get("daysOfTheWeek"), calendar.day_name[today.weekday()]),
        _among(criterion.get("monthsOfYear"), calendar.month_name[today.month]),
        not criterion.get("weeksOfTheMonth") or bool(_weeks(today) & set(criterion["weeksOfTheMonth"])),
        not criterion.get("daysOfMonth") or any(_is_day(each, today) for each in criterion["daysOfMonth"]),
        not criterion.get("scheduleTimes") or any(
            times.parse(each).astimezone(local.tzinfo).time() == local.time() for each in criterion["scheduleTimes"]),
    ))


def _same(marker: str, one: date, other: date) -> bool:
    if marker == "FirstOfDay":
        return one == other
    if marker == "FirstOfWeek":
        return _sunday(one) == _sunday(other)
    if marker == "FirstOfMonth":
        return (one.year, one.month) == (other.year, other.month)
    return one.year == other.year


def _sunday(day: date) -> date:
    return day - timedelta(days=(day.weekday() + 1) % 7)


def _among(wanted: list[str] | None, name: str) -> bool:
    return not wanted or name in wanted


def _weeks(today: date) -> set[str]:
    """The names of the week of the month that the day is in: First to Fourth, and Last."""
    nth = (today.day - 1) // 7
    last = today.day + 7 > calendar.monthrange(today.year, today.month)[1]
    return set(WEEKS[nth:nth + 1]) | ({"Last"} if last else set())


def _is_day(wanted: dict[str, Any], today: date) -> bool:
    if wanted.get("isLast"):
        return today.day == calendar.monthrange(today.year, today.month)[1]
    return wanted.get("date") == today.day
