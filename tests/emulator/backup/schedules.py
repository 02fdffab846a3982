# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of a backup policy: ISO 8601 repeating intervals and when they fire.

Sources: the repeatingTimeIntervals of AKS policies (R/<start with offset>/<period>) and the frequencies that the
service accepts for AKS: every 4, 6, 8 or 12 hours, daily, weekly.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

import isodate

from . import times
from .errors import Refused, invalid
from .zones import WINDOWS_ZONES

PERIODS = {"PT4H": timedelta(hours=4), "PT6H": timedelta(hours=6), "PT8H": timedelta(hours=8),
           "PT12H": timedelta(hours=12),
           "P1D": timedelta(days=1), "P1W": timedelta(weeks=1)}


class Schedule(NamedTuple):
    """One repeating interval; offset is that of the start and makes the days of the policy local ones."""

    start: datetime
    period: timedelta
    offset: tzinfo

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after moment."""
        if moment < self.start:
            return self.start
        return self.start + ((moment - self.start) // self.period + 1) * self.period


def parse(text: Any) -> Schedule:
    """Read R/2026-01-04T09:00:00+00:00/PT4H; Refused if the service would not take it for AKS."""
    match = re.fullmatch(r"R/([^/]+)/(P[^/]+)", text) if isinstance(text, str) else None
    if match is None:
        raise invalid(f"repeating time interval '{text}' is not of the form R/<start>/<period>")
    start_text, period_text = match.groups()
    try:
        start = times.parse(start_text)
        local = isodate.parse_datetime(start_text)
        period = isodate.parse_duration(period_text)
    except (ValueError, isodate.ISO8601Error) as error:
        raise invalid(f"repeating time interval '{text}': {error}") from None
    if not isinstance(period, timedelta) or period not in PERIODS.values():
        raise Refused("BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule", frequency=period_text)
    return Schedule(start, period, local.tzinfo or timezone.utc)


def schedules(backup_rule: dict[str, Any]) -> list[Schedule]:
    """All intervals of an AzureBackupRule; Refused for an unusable one or for different periods."""
    schedule = backup_rule["trigger"]["schedule"]
    intervals = schedule.get("repeatingTimeIntervals") or []
    if not intervals:
        raise invalid("repeatingTimeIntervals is empty")
    parsed = [parse(text) for text in intervals]
    if len({each.period for each in parsed}) > 1:
        raise invalid("all repeatingTimeIntervals must have the same period")
    zone = schedule.get("timeZone")
    if zone is not None and zone not in WINDOWS_ZONES:
        raise invalid(f"time zone '{zone}' is not the name of a Windows time zone")
    return parsed


def next_run(backup_rule: dict[str, Any], moment: datetime) -> datetime:
    """When the policy backs up next, strictly after moment."""
    return min(each.next_after(moment) for each in schedules(backup_rule))
