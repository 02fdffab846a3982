# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter aks.backup.backup_retention: which recovery points a policy keeps."""

from __future__ import annotations

import datetime
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.aks.backup.plugins.filter.backup_policy import wire_document
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import retention
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.policy import MOST_DAYS

NAME = "aks.backup.backup_retention"


def moment(value: Any, option: str) -> datetime.datetime:
    """A moment from ISO 8601 text, or from what YAML has made of it; UTC where nothing else is said."""
    try:
        if isinstance(value, datetime.datetime):
            found = value
        elif isinstance(value, datetime.date):
            found = datetime.datetime.combine(value, datetime.time(tzinfo=datetime.timezone.utc))
        else:
            found = datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError as exc:
        raise AnsibleFilterError(
            f"{NAME}: {option} is {value!r}; it must be a date such as 2026-01-31, or a moment such as "
            "2026-01-31T02:30:00+00:00."
        ) from exc
    return found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)


def backup_retention(value: Any, date: Any = None, days: Any = None, start: Any = None) -> dict[str, Any]:
    document = wire_document(value, NAME)
    if (date is None) == (days is None):
        raise AnsibleFilterError(f"{NAME} needs either date or days, to know for when to count.")
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    begin = now if start is None else moment(start, "start")
    try:
        end = begin + datetime.timedelta(days=float(days)) if date is None else moment(date, "date")
    except (OverflowError, TypeError, ValueError) as exc:
        raise AnsibleFilterError(f"{NAME}: days is {days!r}; it must be a number of days.") from exc
    if not datetime.timedelta(0) <= end - begin <= datetime.timedelta(days=MOST_DAYS):
        raise AnsibleFilterError(
            f"{NAME}: the simulation is to go from {begin.isoformat()} to {end.isoformat()}; it can go over "
            f"{MOST_DAYS} days, and not back in time."
        )
    if problems := retention.limits(document["properties"]):
        raise AnsibleFilterError(f"{NAME}: {' '.join(problems)}")
    try:
        return retention.simulate(document["properties"], begin, end)
    except BackupError as exc:
        raise AnsibleFilterError(f"{NAME}: {exc.message}") from exc


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"backup_retention": backup_retention}
