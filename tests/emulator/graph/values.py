# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the Kusto query language: times in ticks, nulls, conversions, comparison and order.

Types are named as in the language: string, long, real, bool, datetime, timespan, dynamic. A null is None; strings are
never null. Sources: Kusto documentation, "Scalar data types", "Null values", and the pages of the conversion functions.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone
from typing import Any

TICKS = 10_000_000  # per second; a tick is 100 ns
_EPOCH = datetime(1, 1, 1, tzinfo=timezone.utc)
_DAY = 86_400 * TICKS


class DateTime(int):
    """Ticks since 0001-01-01T00:00:00Z."""

    @classmethod
    def of(cls, timestamp: float) -> DateTime:
        """From seconds since 1970."""
        return cls(621_355_968_000_000_000 + round(timestamp * 1_000_000) * 10)

    @classmethod
    def parse(cls, text: str) -> DateTime | None:
        match = _DATETIME.fullmatch(text.strip())
        if match is None:
            return None
        try:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6))
            moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
        except ValueError:
            return None
        ticks = round((moment - _EPOCH).total_seconds()) * TICKS + int((match[7] or "").ljust(7, "0")[:7])
        if match[8] not in (None, "Z", "z"):
            sign, hours, minutes = match[8][0], match[8][1:3], match[8][-2:]
            ticks -= (1 if sign == "+" else -1) * (int(hours) * 60 + int(minutes)) * 60 * TICKS
        return cls(ticks)

    def parts(self) -> tuple[datetime, int]:
        """The moment in whole seconds, and the ticks above."""
        seconds, ticks = divmod(int(self), TICKS)
        return datetime.fromtimestamp(seconds - 62_135_596_800, timezone.utc), ticks

    def __str__(self) -> str:
        moment, ticks = self.parts()
        return f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}.{ticks:07}Z"


def date_time(ticks: int) -> DateTime | None:
    """Null outside of the years 1 to 9999."""
    return DateTime(ticks) if 0 <= ticks <= 3_155_378_975_999_999_999 else None


class TimeSpan(int):
    """A duration in ticks."""

    @classmethod
    def parse(cls, text: str) -> TimeSpan | None:
        match = _TIMESPAN.fullmatch(text.strip())
        if match is None:
            return None
        sign, days, hours, minutes, seconds, fraction = match.groups()
        ticks = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 * TICKS + int(seconds or 0) * TICKS
        ticks += int((fraction or "").ljust(7, "0")[:7])
        return cls(-ticks if sign else ticks)

    def __str__(self) -> str:
        days, rest = divmod(abs(int(self)), _DAY)
        seconds, ticks = divmod(rest, TICKS)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{'-' * (self < 0)}{f'{days}.' if days else ''}{clock}{f'.{ticks:07}' if ticks else ''}"


_DATETIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*([Zz]|[+-]\d\d:?\d\d)?"
)
_TIMESPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?")


def to_string(value: Any, dynamic: bool = False) -> str:
    """tostring(). dynamic: the value comes out of a dynamic, where true is written as JSON writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower() if dynamic else str(value)
    if isinstance(value, (dict, list)):
        return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def to_long(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"0[xX][\da-fA-F]+", text):
            return int(text, 16)
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else None
    return int(value) if isinstance(value, (int, float)) else None


def to_real(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) else None


def to_bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, (bool, int, float)) else None


def to_datetime(value: Any) -> DateTime | None:
    return value if isinstance(value, DateTime) else DateTime.parse(value) if isinstance(value, str) else None


def to_timespan(value: Any) -> TimeSpan | None:
    return value if isinstance(value, TimeSpan) else TimeSpan.parse(value) if isinstance(value, str) else None


def to_dynamic(value: Any) -> Any:
    """parse_json(): text that is no JSON stays a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (RecursionError, ValueError):
        return value


def plain(value: Any) -> Any:
    """As JSON data."""
    if isinstance(value, (DateTime, TimeSpan)):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def same_type(value: Any, other: Any) -> Any:
    """A value out of a dynamic, converted to the type of what it is compared with; None when that cannot be."""
    if value is None or other is None or isinstance(value, (dict, list)) or isinstance(other, (dict, list)):
        return to_string(value, dynamic=True) if isinstance(other, str) else None
    for kind, convert in ((DateTime, to_datetime), (TimeSpan, to_timespan), (bool, to_bool), ((int, float), to_real)):
        if isinstance(other, kind):
            return value if isinstance(value, kind) and not isinstance(value, bool) else convert(value)
    return to_string(value, dynamic=True)


def equal(left: Any, right: Any) -> bool | None:
    """==: null with null is null, null with anything else is false."""
    if left is None or right is None:
        return None if left is right else False
    return left == right


def identity(value: Any) -> Any:
    """A hashable that is equal for equal values of one type: for grouping, joining and distinct."""
    if isinstance(value, (dict, list)):
        return json.dumps(plain(value), sort_keys=True)
    return (type(value).__name__ if isinstance(value, (bool, str)) else "", value)


def order(value: Any) -> tuple[int, Any]:
    """Sorts values of one type as sort by does, and mixed dynamic values by kind."""
    if isinstance(value, (bool, int, float)):
        return (0, value)
    return (1, value) if isinstance(value, str) else (2, to_string(value))
