# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations, moments and periods, as the service and as people write them. Pure. Private to the collection."""

from __future__ import annotations

import datetime
import re

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
# Seconds of a century, longer than anything is kept. Further back there may be no calendar to count in.
LONGEST = 36500 * UNITS["d"]


def seconds(text: str | None) -> float | None:
    """A job's duration in seconds: a single job spells it ``PT3M4.5S``, a list ``1.02:03:04.5``."""
    if not text:
        return None
    span = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)", text)
    if span:
        days, hours, minutes, rest = (float(part or 0) for part in span.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + rest
    import isodate

    try:
        return float(isodate.parse_duration(text.upper()).total_seconds())
    except (isodate.ISO8601Error, AttributeError):
        return None


def moment(text: str | None) -> datetime.datetime | None:
    """A timestamp of the service, which has up to seven fractional digits; year 1 stands for not set."""
    if not text or text.startswith("0001-"):
        return None
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text)
    if not match:
        return None
    main, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    return datetime.datetime.fromisoformat(f"{main}.{(fraction or '0')[:6]:0<6}{offset}")


def period(text: str, option: str = "since") -> int:
    """Seconds in ``30m``, ``24h``, ``7d`` or ``2w``; raises :class:`Refused` naming the option."""
    match = re.fullmatch(r"(\d+)([mhdw])", text.strip())
    if not match:
        raise Refused(f"{option} is {text!r}; it must be a number with m, h, d or w behind it, for example 24h or 7d.")
    found = int(match[1]) * UNITS[match[2]]
    if found > LONGEST:
        raise Refused(f"{option} is {text!r}; it must not be longer than {LONGEST // UNITS['d']}d.")
    return found


def asked(text: str | None, option: str) -> datetime.datetime | None:
    """The moment that an option names, in ISO 8601, UTC where no offset is given; raises :class:`Refused`."""
    if not text:
        return None
    cleaned = text.strip().replace(" ", "T")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cleaned):
        cleaned += "T00:00:00"
    elif re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(Z|[+-]\d\d:\d\d)?", cleaned):
        cleaned = f"{cleaned[:16]}:00{cleaned[16:]}"
    try:
        found = moment(cleaned)
    except ValueError:
        found = None
    if found is None:
        raise Refused(
            f"{option} is {text!r}; it must be a date or a moment in ISO 8601, for example 2026-01-31 or "
            "2026-01-31T22:00:00Z."
        )
    return found


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def earliest(since: str | None, start: str | None, option: str) -> datetime.datetime | None:
    """The earliest moment that ``since`` (a period back from now) and ``start`` (a moment, under ``option``) leave."""
    back = now() - datetime.timedelta(seconds=period(since)) if since else None
    first = asked(start, option)
    return max(back, first) if back and first else back or first


def within(when: datetime.datetime | None, start: datetime.datetime | None, end: datetime.datetime | None) -> bool:
    """Whether a moment lies in a range whose ends may be open; what has no moment lies in the open one only."""
    if when is None:
        return start is None and end is None
    return (start is None or when >= start) and (end is None or when <= end)
