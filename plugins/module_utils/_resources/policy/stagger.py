# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: spreading the backups of many clusters, which would all start in the minute of their policy. Pure.
Private to the collection.

A policy has one start time, so clusters that start at different times take several policies. A cluster's slot follows
from its ID alone: it stays where it is when others come and go, and every run and every machine means the same policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._errors import refuse
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short

SLOTS = 8


def default_name(policy: Mapping[str, Any]) -> str:
    """The name of a policy for which nobody gives one."""
    return str(policy.get("name") or f"aks-{str(policy.get('preset') or 'default').replace('_', '-')}")


def slot(cluster_id: str, slots: int) -> int:
    """The slot of a cluster, from 0. Evenly spread, and the same however the ID is capitalised."""
    return int(hashlib.sha256(cluster_id.lower().encode()).hexdigest()[:12], 16) % slots


def staggered(policy: Mapping[str, Any], cluster_id: str, window: int, slots: int = SLOTS) -> dict[str, Any]:
    """The options of a policy as those of the cluster's slot: with a delay, and a name that says so. Those of the first
    slot are as they were. Raises :class:`Refused` for what cannot be spread, of any cluster.

    ``window`` is in minutes.
    """
    refuse(_problems(policy, window, slots))
    delay = slot(cluster_id, slots) * window // slots
    name = default_name(policy)
    if not delay:
        return {**policy, "name": name}
    schedule = {**(policy.get("schedule") or {}), "delay": delay}
    return {**policy, "name": f"{name}-plus-{delay}m", "schedule": schedule}


def _problems(policy: Mapping[str, Any], window: int, slots: int) -> list[str]:
    said = []
    if slots < 2:
        said.append(f"stagger.slots is {slots}; it takes at least 2 to spread backups.")
    elif window < slots:
        said.append(f"stagger.window is {window} minutes, too little for {slots} slots of at least a minute each.")
    fixed = {
        "id": "names a policy that is there already",
        "policy_definition": "is used as it is",
        "repeating_time_intervals": "says when backups start",
    }
    said += [
        f"stagger shifts the start of a schedule, and policy.{option} {why}. Leave one of them out."
        for option, why in fixed.items()
        if policy.get(option)
    ]
    if (policy.get("schedule") or {}).get("delay"):
        said.append("stagger says how long after the start of the schedule a cluster's backups begin, and so does "
                    "policy.schedule.delay. Leave one of them out.")  # fmt: skip
    minutes = None if said else policy_short.minutes_between(policy)
    if minutes and window > minutes:
        said.append(
            f"stagger.window is {window} minutes, and the policy makes a backup every {minutes} minutes. Choose a "
            "window that is no longer than that, or less frequent backups."
        )
    return said
