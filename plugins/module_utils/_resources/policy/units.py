# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths of time in backup policies, and how long they may be. Pure. Private to the collection."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

# Sentences on what is wrong, collected so that all of them can be told at once.
Said = list[str]

# A Monday long past: schedules start on it or within the week after, so that the same options always make the same
# policy. Lengths are counted from it as well, where a limit in days has to be held against months and years.
EPOCH = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)

# Store -> most days. Microsoft's page "Back up AKS by using the Azure CLI" gives the operational tier 360 days. For the
# vault tier, the ten years of Azure Backup's long-term retention are taken; no page says so for AKS alone.
LONGEST = {"OperationalStore": 360, "VaultStore": 3653}
TIERS = {"OperationalStore": "operational tier", "VaultStore": "vault tier"}
UNITS = {"days": "D", "months": "M", "weeks": "W", "years": "Y"}


def days(text: str) -> float | None:
    """An ISO 8601 duration in days from :data:`EPOCH` on, or None when it is none."""
    import isodate

    try:
        return float((EPOCH + isodate.parse_duration(text) - EPOCH).total_seconds() / 86400)
    except (isodate.ISO8601Error, OverflowError, TypeError, ValueError):
        return None


def duration(value: Any, option: str, longest: int, said: Said) -> str:
    """A length of time, ISO 8601 or ``{days: 30}``, as ISO 8601. What is wrong with it goes to ``said``."""
    text = str(value)
    if isinstance(value, Mapping):
        [(unit, count)] = value.items() if len(value) == 1 else [("", 0)]
        text = f"P{count}{UNITS.get(unit, '?')}"
    length = days(text)
    if length is None:
        said.append(
            f"{option} is {value!r}; it must be an ISO 8601 duration such as P7D or P12W, or one of days, weeks, "
            "months and years with a number."
        )
    elif length < 1 or length != int(length):
        said.append(f"{option} is {value!r}; it must be a whole number of days, at least one.")
    elif length > longest:
        tier = next(TIERS[store] for store, most in LONGEST.items() if most == longest)
        said.append(f"{option} is {text}; the {tier} keeps recovery points for at most {longest} days.")
    return text
