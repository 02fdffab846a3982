# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long recovery points live and when they move to the vault tier.

At most one recovery point a day is moved to the vault tier, and the last point of an instance is never deleted:
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-overview
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from . import policies, times


def expires(policy: dict[str, Any], tag: str, created: datetime, store: str) -> datetime | None:
    """When a point of this tag ends in the store; None if the tag does not live there."""
    cycle = policies.lifecycle(policy, tag, store)
    return None if cycle is None else times.add(created, cycle["deleteAfter"]["duration"])


def tiering_due(policy: dict[str, Any], tag: str, created: datetime) -> datetime | None:
    """When a point of this tag is to be copied to the vault tier; None if never.

    A tag whose only lifecycle is the vault's is copied at once, as one with ImmediateCopyOption.
    """
    if policies.lifecycle(policy, tag, policies.VAULT) is None:
        return None
    operational = policies.lifecycle(policy, tag, policies.OPERATIONAL)
    own = operational in (policies.rule_of_tag(policy, tag) or {}).get("lifecycles", [])
    settings = (operational or {}).get("targetDataStoreCopySettings") or []
    if not own:
        return created
    if not settings:
        return None
    option = settings[0]["copyAfter"]
    if option["objectType"] == "CustomCopyOption":
        return times.add(created, option["duration"])
    if option["objectType"] == "CopyOnExpiryOption":
        return expires(policy, tag, created, policies.OPERATIONAL)
    return created


def kept_for_copy(policy: dict[str, Any], tag: str) -> bool:
    """True if a point of this tag is copied when it expires: its snapshots then have to stay until the copy is made."""
    cycle = policies.lifecycle(policy, tag, policies.OPERATIONAL)
    options = [each["copyAfter"]["objectType"] for each in (cycle or {}).get("targetDataStoreCopySettings") or []]
    return options == ["CopyOnExpiryOption"] and policies.lifecycle(policy, tag, policies.VAULT) is not None


def may_tier(created: datetime, tiered: Iterable[datetime]) -> bool:
    """False if another point of the same UTC day is in the vault tier already (or on its way)."""
    return created.date() not in {moment.date() for moment in tiered}


def ended(points: dict[str, dict[str, datetime]], now: datetime) -> list[tuple[str, str]]:
    """Which (point, store) end now, given {point: {store: expiry}}; oldest points first.

    The newest point that is left is kept with all its stores, however old it is.
    """
    gone = [(name, store) for name, stores in points.items() for store, expiry in stores.items() if expiry <= now]
    survivors = [name for name, stores in points.items() if any((name, store) not in gone for store in stores)]
    if not survivors and points:
        newest = list(points)[-1]
        gone = [(name, store) for name, store in gone if name != newest]
    return gone
