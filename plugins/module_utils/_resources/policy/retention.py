# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup policy keeps: which recovery points are there, in which tier, on some day. Pure. Private to the
collection.

From Microsoft's overview of AKS backup: the tags of a policy are tried by priority, the lowest number first; a point
lives in a tier as long as the lifecycle of its tag says; at most one scheduled point a day goes to the vault tier; the
last point of an instance is never deleted. Every backup is taken to succeed, at the minute for which it is scheduled.

What no page says is taken as follows: "first of" a day, week, month or year goes by the offset in the schedule's start,
weeks begin on Sunday, and the day of which one point is copied is one in UTC.
"""

from __future__ import annotations

import calendar
import datetime
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.schedule import DAYS
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.units import EPOCH, LONGEST, TIERS

Moment = datetime.datetime
OPERATIONAL, VAULT = "OperationalStore", "VaultStore"
# Azure keeps at most so many incremental snapshots of one managed disk; each point of the operational tier has one.
SNAPSHOTS = 500
# Azure's names, in English wherever the task runs; those of Python's calendar follow the locale.
WEEKS = ("First", "Second", "Third", "Fourth")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Life(NamedTuple):
    """When a point is in one tier: from ``since`` on, and no longer at ``until``."""

    since: Moment
    until: Moment


class Point(NamedTuple):
    """A recovery point; ``skipped`` is whether its copy to the vault tier is left out for another one of that day."""

    created: Moment
    tag: str
    stores: dict[str, Life]
    skipped: bool = False


class Copy(NamedTuple):
    """When points of a tag are copied to the vault tier: at once, when they expire, or ``after`` a while."""

    on_expiry: bool = False
    after: Any = None


@dataclass(frozen=True)
class Plan:
    """A policy, read. ``starts`` and ``period`` are its schedule; ``tags`` are names with criteria, by priority."""

    starts: tuple[Moment, ...]
    period: datetime.timedelta
    tags: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]
    lengths: Mapping[str, Mapping[str, Any]]
    copies: Mapping[str, Copy]


def read(properties: Mapping[str, Any]) -> Plan:
    """The plan of policy properties as Azure has them; raises :class:`Refused` where they are not understood."""
    import isodate

    try:
        return _read(properties)
    except (isodate.ISO8601Error, AttributeError, KeyError, StopIteration, TypeError, ValueError) as exc:
        raise Refused(
            "The policy cannot be simulated: it needs a backup rule with intervals and tags, and retention rules with "
            f"lifecycles, as Azure shows them. What is in the way: {type(exc).__name__} {exc}."
        ) from exc


def points(plan: Plan, start: Moment, end: Moment) -> list[Point]:
    """Every point that is made from ``start`` to ``end``, both included, oldest first."""
    zone = plan.starts[0].tzinfo
    made: list[tuple[Moment, str]] = []
    before: datetime.date | None = None
    for moment in _occurrences(plan, start, end):
        local = moment.astimezone(zone)
        made.append((moment, _tag(plan, local, before)))
        before = local.date()
    copied = _copied(plan, made)
    found = []
    for moment, tag in made:
        stores = {OPERATIONAL: Life(moment, moment + plan.lengths[tag][OPERATIONAL])}
        due = _due(plan, moment, tag)
        if due is not None and moment in copied:
            stores[VAULT] = Life(due, moment + plan.lengths[tag][VAULT])
        found.append(Point(moment, tag, stores, due is not None and moment not in copied))
    return found


def alive(found: Iterable[Point], at: Moment) -> list[tuple[Point, set[str]]]:
    """The points that are there, with the tiers that hold them. The one to expire last is kept beyond its time."""
    there = [
        (point, {store for store, life in point.stores.items() if life.since <= at < life.until})
        for point in found
        if point.created <= at
    ]
    if there and not any(stores for _point, stores in there):
        lives = [(life.until, point) for point, _stores in there for life in point.stores.values() if life.since <= at]
        last = max(lives, key=lambda each: (each[0], each[1].created))
        held = {store for store, life in last[1].stores.items() if life.until == last[0] and life.since <= at}
        return [(last[1], held)]
    return [(point, stores) for point, stores in there if stores]


def simulate(properties: Mapping[str, Any], start: Moment, at: Moment) -> dict[str, Any]:
    """What is there at a moment if backups began at another one; the shape is that of the modules' ``simulation``."""
    found = points(read(properties), start, at)
    there = alive(found, at)
    return {
        "backups": len(found),
        "date": _text(at),
        "most_snapshots": most_snapshots(found),
        "not_copied": sum(point.skipped for point in found),
        "operational": _tier(there, OPERATIONAL, at),
        "points": [
            {
                "age_days": _age(point, at),
                "created": _text(point.created),
                "operational_until": _text(point.stores[OPERATIONAL].until) if OPERATIONAL in stores else None,
                "tag": point.tag,
                "vault_until": _text(point.stores[VAULT].until) if VAULT in stores else None,
            }
            for point, stores in there
        ],
        "start": _text(start),
        "vault": _tier(there, VAULT, at),
    }


def most_snapshots(found: Iterable[Point]) -> int:
    """How many points the operational tier holds at the same time, at most."""
    ends: list[Moment] = []
    most = 0
    for point in found:
        while ends and ends[0] <= point.created:
            heapq.heappop(ends)
        heapq.heappush(ends, point.stores[OPERATIONAL].until)
        most = max(most, len(ends))
    return most


def limits(properties: Mapping[str, Any]) -> list[str]:
    """Why the service cannot keep what the policy asks for, in sentences. A policy that cannot be read has no limit
    here; Azure has its own say.
    """
    try:
        plan = read(properties)
    except Refused:
        return []
    said = []
    for tag, lengths in plan.lengths.items():
        for store, length in lengths.items():
            if EPOCH + length - EPOCH > datetime.timedelta(days=LONGEST[store]):
                said.append(
                    f"The retention rule {tag} keeps backups in the {TIERS[store]} for {_in_days(length)} days; Azure "
                    f"keeps them there for at most {LONGEST[store]} days."
                )
    if not said and (most := most_snapshots(steady(plan))) > SNAPSHOTS:
        said.append(
            f"The policy keeps up to {most} recovery points in the operational tier at a time. Each is a snapshot of "
            f"every disk, and Azure keeps at most {SNAPSHOTS} incremental snapshots of a disk. Make backups less "
            "often, keep them for a shorter time, or keep the long-lived ones in the vault tier."
        )
    return said


def steady(plan: Plan) -> list[Point]:
    """The points of a time long enough for as many to have ended as begin, and for each day of a year to be met."""
    longest = max(EPOCH + lengths[OPERATIONAL] - EPOCH for lengths in plan.lengths.values())
    return points(plan, plan.starts[0], plan.starts[0] + longest + datetime.timedelta(days=366))


def skips(properties: Mapping[str, Any]) -> list[str]:
    """Names of tags of which some points are not copied to the vault tier although their rule says so."""
    try:
        return sorted({point.tag for point in steady(read(properties)) if point.skipped})
    except Refused:
        return []


# Below: reading


def _read(properties: Mapping[str, Any]) -> Plan:
    import isodate

    rules = properties["policyRules"]
    backup = next(rule for rule in rules if rule.get("objectType") == "AzureBackupRule")
    retention = [rule for rule in rules if rule.get("objectType") == "AzureRetentionRule"]
    default = next(rule for rule in retention if rule.get("isDefault"))
    starts, periods = [], set()
    for text in backup["trigger"]["schedule"]["repeatingTimeIntervals"]:
        _repeat, start, period = text.split("/")
        moment = datetime.datetime.fromisoformat(start.replace("Z", "+00:00"))
        starts.append(moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc))
        periods.add(isodate.parse_duration(period))
    [period] = periods
    if not isinstance(period, datetime.timedelta) or period < datetime.timedelta(hours=1):
        raise ValueError(f"a period of {period}")
    tags, lengths, copies = [], {}, {}
    criteria = sorted(backup["trigger"]["taggingCriteria"], key=lambda each: int(each["taggingPriority"]))
    for each in criteria:
        name = "Default" if each.get("isDefault") else each["tagInfo"]["tagName"]
        rule = next((rule for rule in retention if rule["name"].lower() == name.lower()), default)
        own = {dig(cycle, "sourceDataStore.dataStoreType"): cycle for cycle in rule["lifecycles"]}
        # A tag that has no operational lifecycle of its own lives there by the default one, and is copied at once.
        cycles = {**({} if OPERATIONAL in own else {OPERATIONAL: _operational(default)}), **own}
        lengths[name] = {
            store: isodate.parse_duration(cycle["deleteAfter"]["duration"]) for store, cycle in cycles.items()
        }
        if VAULT in own:
            settings = (own.get(OPERATIONAL) or {}).get("targetDataStoreCopySettings") or []
            if settings or OPERATIONAL not in own:
                copies[name] = _copy(settings[0]["copyAfter"] if settings else {})
        tags.append((name, tuple([] if each.get("isDefault") else each["criteria"])))
    return Plan(tuple(starts), period, tuple(tags), lengths, copies)


def _operational(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(each for each in rule["lifecycles"] if dig(each, "sourceDataStore.dataStoreType") == OPERATIONAL)


def _copy(option: Mapping[str, Any]) -> Copy:
    import isodate

    after = isodate.parse_duration(option["duration"]) if option.get("objectType") == "CustomCopyOption" else None
    return Copy(option.get("objectType") == "CopyOnExpiryOption", after)


# Below: making points


def _occurrences(plan: Plan, start: Moment, end: Moment) -> list[Moment]:
    found = []
    for first in plan.starts:
        # Rounded up: the first occurrence that is not before ``start``.
        moment = first + max(0, -((first - start) // plan.period)) * plan.period
        while moment <= end:
            found.append(moment.astimezone(datetime.timezone.utc))
            moment += plan.period
    return sorted(set(found))


def _tag(plan: Plan, local: Moment, before: datetime.date | None) -> str:
    """The tag of a backup; ``before`` is the local day of the one before it."""
    for name, criteria in plan.tags:
        if not criteria or any(_fits(each, local, before) for each in criteria):
            return name
    return "Default"


def _fits(criterion: Mapping[str, Any], local: Moment, before: datetime.date | None) -> bool:
    today = local.date()
    for marker in criterion.get("absoluteCriteria") or []:
        return marker == "AllBackup" or before is None or _span(marker, today) != _span(marker, before)
    return (
        _among(criterion.get("daysOfTheWeek"), DAYS[today.weekday()])
        and _among(criterion.get("monthsOfYear"), MONTHS[today.month - 1])
        and (not criterion.get("weeksOfTheMonth") or bool(_weeks(today) & set(criterion["weeksOfTheMonth"])))
        and (not criterion.get("daysOfMonth") or any(_is_day(each, today) for each in criterion["daysOfMonth"]))
        and (not criterion.get("scheduleTimes") or any(_is_time(each, local) for each in criterion["scheduleTimes"]))
    )


def _span(marker: str, day: datetime.date) -> Any:
    """What a day has in common with the others of its day, week, month or year."""
    if marker == "FirstOfDay":
        return day
    if marker == "FirstOfWeek":
        return day - datetime.timedelta(days=(day.weekday() + 1) % 7)
    return (day.year, day.month) if marker == "FirstOfMonth" else day.year


def _among(wanted: list[str] | None, name: str) -> bool:
    return not wanted or name in wanted


def _weeks(today: datetime.date) -> set[str]:
    nth = (today.day - 1) // 7
    last = today.day + 7 > calendar.monthrange(today.year, today.month)[1]
    return {*WEEKS[nth : nth + 1], *(["Last"] if last else [])}


def _is_day(wanted: Mapping[str, Any], today: datetime.date) -> bool:
    if wanted.get("isLast"):
        return today.day == calendar.monthrange(today.year, today.month)[1]
    return bool(wanted.get("date") == today.day)


def _is_time(text: str, local: Moment) -> bool:
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(local.tzinfo).time() == local.time()


def _due(plan: Plan, created: Moment, tag: str) -> Moment | None:
    """When a point of this tag is to be copied to the vault tier; None if it is not, or if it is gone by then."""
    copy = plan.copies.get(tag)
    if copy is None:
        return None
    gone: Moment = created + plan.lengths[tag][OPERATIONAL]
    if copy.on_expiry:
        return gone
    due: Moment = created if copy.after is None else created + copy.after
    return due if due < gone else None


def _copied(plan: Plan, made: Iterable[tuple[Moment, str]]) -> set[Moment]:
    """The points that get to the vault tier: of each day the first to be due."""
    copied: dict[datetime.date, Moment] = {}
    dues = [(due, moment) for moment, tag in made if (due := _due(plan, moment, tag)) is not None]
    for _due_at, moment in sorted(dues):
        copied.setdefault(moment.date(), moment)
    return set(copied.values())


# Below: showing


def _tier(there: list[tuple[Point, set[str]]], store: str, at: Moment) -> dict[str, Any]:
    held = [point for point, stores in there if store in stores]
    return {
        "by_tag": dict(sorted(Counter(point.tag for point in held).items())),
        "count": len(held),
        "newest": _text(held[-1].created) if held else None,
        "oldest": _text(held[0].created) if held else None,
        "oldest_age_days": _age(held[0], at) if held else None,
    }


def _text(moment: Moment) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _age(point: Point, at: Moment) -> float:
    return round((at - point.created).total_seconds() / 86400, 2)


def _in_days(length: Any) -> int:
    return (EPOCH + length - EPOCH).days
