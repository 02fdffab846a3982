# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as Azure Data Protection writes and reads them.

Moments are aware datetimes in UTC. On the wire they have up to seven fractional digits with trailing zeros trimmed,
"not set" is the year 1, and a duration is ISO 8601 in a single job but a .NET TimeSpan in a list of jobs.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import isodate

UNSET = "0001-01-01T00:00:00Z"


def timestamp(moment: datetime) -> str:
    """2026-01-05T07:49:43.0747155Z, trailing zeros trimmed."""
    moment = moment.astimezone(timezone.utc)
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + "Z"


def parse(text: str) -> datetime:
    """Read a wire timestamp; ValueError if it is none. A timestamp without an offset is UTC."""
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,7}))?(Z|[+-]\d{2}:\d{2})?",
                         text.strip(), re.I)
    if match is None:
        raise ValueError(f"{text!r} is not a timestamp")
    base, fraction, zone = match.groups()
    moment = datetime.fromisoformat(base).replace(microsecond=int((fraction or "0").ljust(6, "0")[:6]))
    offset = timezone.utc if zone in (None, "Z", "z") else datetime.fromisoformat(f"2000-01-01T00:00:00{zone}").tzinfo
    return moment.replace(tzinfo=offset).astimezone(timezone.utc)


def iso_duration(duration: timedelta) -> str:
    """PT3M4.5029547S, as the single GET of a job has it."""
    if not duration:
        return "PT0S"
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    exact = f"{seconds}.{duration.microseconds:06d}".rstrip("0").rstrip(".")
    day = f"{duration.days}D" if duration.days else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{exact}S" if exact != "0" else "")
    return f"P{day}" + (f"T{clock}" if clock else "")


def timespan(duration: timedelta) -> str:
    """00:03:12.7189058 or 1.00:00:00, as lists of jobs and Resource Graph have it."""
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{duration.microseconds:06d}0" if duration.microseconds else ""
    day = f"{duration.days}." if duration.days else ""
    return f"{day}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def add(moment: datetime, duration: str) -> datetime:
    """moment + an ISO 8601 duration; months and years follow the calendar (P4M is four calendar months)."""
    return moment + isodate.parse_duration(duration)


def is_duration(text: object) -> bool:
    """True for an ISO 8601 duration longer than nothing."""
    if not isinstance(text, str):
        return False
    try:
        duration = isodate.parse_duration(text)
    except (isodate.ISO8601Error, ValueError, TypeError):
        return False
    start = datetime(2000, 1, 1, tzinfo=timezone.utc)
    return start + duration > start
