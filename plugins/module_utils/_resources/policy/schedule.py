# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: schedules as ISO 8601 intervals. Pure. Private to the collection."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources import time_zones
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.units import EPOCH, Said, days

HOURS = (4, 6, 8, 12)
# Most hours between two backups -> what the service has for it; from Microsoft's page on policies of AKS backup.
RPO: dict[int, dict[str, Any]] = {
    **{hours: {"frequency": "hourly", "interval": hours} for hours in HOURS},
    24: {"frequency": "daily"},
    168: {"frequency": "weekly"},
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What the reference of the REST interface takes; compact notation such as T0230 is refused by the service.
INTERVAL = re.compile(
    r"R/(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)/(P(?:\d+[DW]|T\d+[HM]))"
)
INSTEAD = ("frequency", "interval", "start_time", "days_of_week", "delay")


def of_rpo(hours: int, said: Said) -> dict[str, Any]:
    """The least frequent schedule with which no more than so many hours lie between the starts of two backups."""
    fitting = [step for step in RPO if step <= hours]
    if not fitting:
        said.append(f"rpo_hours is {hours}; Azure makes backups of a cluster every {HOURS[0]} hours at most.")
    return RPO[max(fitting, default=HOURS[0])]


def zone(schedule: Mapping[str, Any], said: Said) -> str:
    try:
        return time_zones.windows(schedule.get("time_zone") or "", "schedule.time_zone")
    except Refused as exc:
        said.append(exc.message)
        return "UTC"


def intervals(schedule: Mapping[str, Any], raw: list[str] | None, said: Said) -> list[str]:
    """``R/<start>/<period>``, several only for several days of the week."""
    where = zone(schedule, said)
    if raw is not None:
        return _raw(raw, schedule, said)
    period, wanted = _period(schedule, said), schedule.get("days_of_week") or []
    if wanted and period != "P1W":
        said.append("schedule.days_of_week goes with frequency=weekly only.")
    numbers = sorted({DAYS.index(day) for day in wanted}) or [0]
    delay, between = schedule.get("delay") or 0, round((days(period) or 0) * 24 * 60)
    if not 0 <= delay < between:
        said.append(
            f"schedule.delay is {delay} minutes; with backups every {between} minutes it must be at least 0, and less "
            "than that."
        )
    try:
        return [f"R/{_start(schedule, number, where)}/{period}" for number in numbers]
    except Refused as exc:
        said.append(exc.message)
        return [f"R/{EPOCH.isoformat()}/{period}"]


def rule_of(periods: list[str]) -> str:
    """The Azure CLI's name for the backup rule of a schedule."""
    length = days(periods[0].rsplit("/", 1)[1]) or 0
    return "BackupHourly" if length < 1 else "BackupDaily" if length < 7 else "BackupWeekly"


def _period(schedule: Mapping[str, Any], said: Said) -> str:
    frequency = schedule.get("frequency") or "hourly"
    hours = schedule.get("interval")
    if frequency == "hourly":
        if (hours or 4) not in HOURS:
            said.append(
                f"schedule.interval is {hours} hours; Azure Backup for AKS takes {', '.join(map(str, HOURS))} "
                "hours, or frequency=daily."
            )
        return f"PT{hours or 4}H"
    if hours not in (None, 1):
        said.append(f"schedule.interval is {hours} with frequency={frequency}; only 1 is possible there, leave it out.")
    return "P1D" if frequency == "daily" else "P1W"


def _start(schedule: Mapping[str, Any], weekday: int, where: str) -> str:
    """The start as RFC 3339: a time of day on a day that never changes, or the moment given, and the delay after it.

    A time without an offset is what a clock in the time zone shows on that day.
    """
    text = schedule.get("start_time") or "02:00"
    try:
        if "T" in text:
            if weekday or len(schedule.get("days_of_week") or []) > 1:
                raise Refused(
                    f"schedule.start_time is {text!r}, which has a day of its own. Give the time of day alone, such as "
                    "02:30, with schedule.days_of_week."
                )
            moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        else:
            hour, minute = (int(part) for part in text.split(":"))
            moment = EPOCH.replace(hour=hour, minute=minute, tzinfo=None) + datetime.timedelta(days=weekday)
    except ValueError as exc:
        raise Refused(
            f"schedule.start_time is {text!r}; it must be a time of day such as 02:30, or RFC 3339 such as "
            "2026-01-31T02:30:00+00:00."
        ) from exc
    known = time_zones.local(moment, where) if moment.tzinfo is None else moment
    return (known + datetime.timedelta(minutes=schedule.get("delay") or 0)).isoformat(timespec="seconds")


def _raw(raw: list[str], schedule: Mapping[str, Any], said: Said) -> list[str]:
    if clash := [option for option in INSTEAD if schedule.get(option) and option in schedule]:
        said.append(
            f"repeating_time_intervals says when backups are made, and so does schedule.{clash[0]}. Leave one of them "
            "out; only schedule.time_zone goes with it."
        )
    lengths = set()
    for text in raw:
        match = INTERVAL.fullmatch(text)
        length = days(match[2]) if match else None
        if length is None:
            said.append(
                f"repeating_time_intervals has {text!r}; Azure takes R/<start>/<period>, such as "
                "R/2026-01-31T02:30:00+00:00/PT4H."
            )
        elif length * 24 not in RPO:
            said.append(
                f"repeating_time_intervals has {text!r}; Azure Backup for AKS takes PT4H, PT6H, PT8H, PT12H, P1D and "
                "P1W."
            )
        lengths.add(length)
    if not raw or len(lengths - {None}) > 1:
        said.append("repeating_time_intervals needs one interval, or several of the same period.")
    return list(raw) or [f"R/{EPOCH.isoformat()}/P1D"]
