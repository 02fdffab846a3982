# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulation of retention: against a life told hour by hour, against the emulator's rules, and at the limits."""

from __future__ import annotations

import copy
import datetime

import isodate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import retention
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from tests.emulator.backup import policies, schedules, tagging
from tests.emulator.backup import retention as emulated

UTC = datetime.timezone.utc
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
START = datetime.datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
OPERATIONAL, VAULT = "OperationalStore", "VaultStore"
NAMES = {"FirstOfDay": "Daily", "FirstOfWeek": "Weekly", "FirstOfMonth": "Monthly", "FirstOfYear": "Yearly"}

lengths = st.integers(1, 60).map(lambda days: {"days": days})
copies = st.sampled_from([{}, {"copy": "immediate"}, {"copy": "on_expiry"}, {"copy": "after", "copy_after": "P1D"}])


@st.composite
def rules(draw):
    """Retention rules of any kind that the short form takes, by name."""
    found = []
    for marker in draw(st.sets(st.sampled_from(sorted(NAMES)))):
        rule = {"criteria": marker}
        if draw(st.booleans()):
            rule["operational_retention"] = {"days": draw(st.integers(2, 60))}
        if "operational_retention" not in rule or draw(st.booleans()):
            rule.update(vault_retention={"days": draw(st.integers(70, 200))}, **draw(copies))
        found.append(rule)
    if draw(st.booleans()):
        days = st.sets(st.sampled_from(retention.DAYS), min_size=1)
        by_date = draw(
            st.one_of(
                st.builds(
                    lambda value: {"days_of_month": value}, st.lists(st.sampled_from(["1", "15", "last"]), min_size=1)
                ),
                st.builds(lambda value: {"days_of_week": sorted(value)}, days),
                st.builds(
                    lambda weeks, value: {"weeks_of_month": sorted(weeks), "days_of_week": sorted(value)},
                    st.sets(st.sampled_from(["First", "Second", "Third", "Fourth", "Last"]), min_size=1),
                    days,
                ),
                st.builds(
                    lambda value: {"months_of_year": sorted(value)},
                    st.sets(st.sampled_from(retention.MONTHS), min_size=1),
                ),
            )
        )
        found.append(
            {
                "name": "Mine",
                "priority": draw(st.sampled_from([5, 12, 60])),
                "operational_retention": draw(lengths),
                **by_date,
            }
        )
    return found


@st.composite
def documents(draw):
    """Properties of policies from the short form."""
    frequency = draw(st.sampled_from(["hourly", "daily", "weekly"]))
    schedule = {"frequency": frequency, "start_time": draw(st.sampled_from(["00:00", "02:30", "23:00"]))}
    if frequency == "hourly":
        schedule["interval"] = draw(st.sampled_from([4, 6, 8, 12]))
    if frequency == "weekly":
        schedule["days_of_week"] = sorted(draw(st.sets(st.sampled_from(retention.DAYS), min_size=1, max_size=3)))
    schedule["time_zone"] = draw(st.sampled_from(["UTC", "India Standard Time", "Pacific Standard Time"]))
    options = {"schedule": schedule, "operational_retention": {"days": draw(st.integers(2, 40))}}
    return policy_short.document({**options, "retention_rules": draw(rules())})["properties"]


def shown(found):
    return {(point.created, point.tag): frozenset(stores) for point, stores in found}


def lived(properties, start, end):
    """The same by the slow way: the clock goes by half hours, and each thing is done when its time has come."""
    backup = next(rule for rule in properties["policyRules"] if rule["objectType"] == "AzureBackupRule")
    kept = {rule["name"]: rule["lifecycles"] for rule in properties["policyRules"] if "lifecycles" in rule}
    intervals = [text.split("/")[1:] for text in backup["trigger"]["schedule"]["repeatingTimeIntervals"]]
    fire = [(datetime.datetime.fromisoformat(begin), isodate.parse_duration(period)) for begin, period in intervals]
    there, last, days = [], None, set()
    now = start
    while now <= end:
        if any(now >= begin and (now - begin) % period == datetime.timedelta(0) for begin, period in fire):
            local = now.astimezone(fire[0][0].tzinfo)
            there.append(made(now, chosen(backup["trigger"]["taggingCriteria"], local, last), kept))
            last = local
        for point in there:
            if point["due"] == now and point["made"].date() not in days:
                days.add(point["made"].date())
                point["in"][VAULT] = point["vault"]
        for point in [point for point in there if min(point["in"].values()) <= now]:
            gone = [store for store, until in point["in"].items() if until <= now]
            others = (
                other for other in there if other is not point and any(until > now for until in other["in"].values())
            )
            if len(gone) < len(point["in"]) or any(others):
                for store in gone:
                    del point["in"][store]
        there = [point for point in there if point["in"]]
        now += HOUR / 2
    return {(point["made"], point["tag"]): frozenset(point["in"]) for point in there}


def made(now, tag, kept):
    point = {"made": now, "tag": tag, "in": {}, "due": None}
    for cycle in kept[tag]:
        until = now + isodate.parse_duration(cycle["deleteAfter"]["duration"])
        if cycle["sourceDataStore"]["dataStoreType"] == VAULT:
            point["vault"] = until
            continue
        point["in"][OPERATIONAL] = until
        for setting in cycle.get("targetDataStoreCopySettings", []):
            option = setting["copyAfter"]
            due = {"CopyOnExpiryOption": until, "ImmediateCopyOption": now}
            point["due"] = due.get(option["objectType"]) or now + isodate.parse_duration(option["duration"])
    return point


def chosen(tags, local, last):
    for tag in sorted(tags, key=lambda tag: tag["taggingPriority"]):
        if tag.get("isDefault"):
            return "Default"
        [criterion] = tag["criteria"]
        if "absoluteCriteria" in criterion:
            form = {"FirstOfDay": "%Y-%m-%d", "FirstOfWeek": "%Y-%U", "FirstOfMonth": "%Y-%m", "FirstOfYear": "%Y"}
            [marker] = criterion["absoluteCriteria"]
            if last is None or span(local, marker, form) != span(last, marker, form):
                return tag["tagInfo"]["tagName"]
            continue
        tomorrow, week_later = local + DAY, local + 7 * DAY
        names = {"First": local.day <= 7, "Second": 8 <= local.day <= 14, "Third": 15 <= local.day <= 21}
        names.update(Fourth=22 <= local.day <= 28, Last=week_later.month != local.month)
        days = [day.get("date") if not day.get("isLast") else "last" for day in criterion.get("daysOfMonth", [])]
        fits = [
            local.strftime("%A") in criterion.get("daysOfTheWeek", [local.strftime("%A")]),
            local.strftime("%B") in criterion.get("monthsOfYear", [local.strftime("%B")]),
            any(names[week] for week in criterion.get("weeksOfTheMonth", [])) or "weeksOfTheMonth" not in criterion,
            not days or local.day in days or ("last" in days and tomorrow.month != local.month),
        ]
        if all(fits):
            return tag["tagInfo"]["tagName"]
    raise AssertionError("no default tag")


def span(local, marker, form):
    if marker != "FirstOfWeek":
        return local.strftime(form[marker])
    while local.strftime("%A") != "Sunday":
        local -= DAY
    return local.date()


@settings(max_examples=50, deadline=None)
@given(documents(), st.integers(0, 110))
def test_the_simulation_is_what_happens_hour_by_hour(properties, days):
    start = datetime.datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    end = start + days * DAY + 3 * HOUR
    found = retention.points(retention.read(properties), start, end)
    assert shown(retention.alive(found, end)) == lived(properties, start, end)


def emulate(properties, start, end):
    """The same by the rules of the emulator: tags, ends and copies are its own functions."""
    rule, moment, earlier, points = policies.backup_rule(properties), start - datetime.timedelta(seconds=1), [], []
    while (moment := schedules.next_run(rule, moment)) <= end:
        points.append((moment, tagging.tag_of(properties, moment, earlier)))
        earlier = [moment]
    dues = sorted((due, made) for made, tag in points if (due := emulated.tiering_due(properties, tag, made)))
    moved = []
    for _due, made in dues:
        if emulated.may_tier(made, moved):
            moved.append(made)
    found = {}
    for made, tag in points:
        stores = {OPERATIONAL: emulated.expires(properties, tag, made, OPERATIONAL)}
        due = emulated.tiering_due(properties, tag, made)
        if made in moved and due <= end:
            stores[VAULT] = emulated.expires(properties, tag, made, VAULT)
        found[made, tag] = {store: until for store, until in stores.items() if until is not None}
    gone = set(emulated.ended(found, end))
    left = {key: frozenset(store for store in stores if (key, store) not in gone) for key, stores in found.items()}
    return {key: stores for key, stores in left.items() if stores}


@settings(max_examples=100, deadline=None)
@given(documents(), st.integers(10, 800))
def test_the_simulation_goes_by_the_rules_of_the_emulator(properties, days):
    policies.check("policy", copy.deepcopy(properties))
    end = START + days * DAY
    found = retention.alive(retention.points(retention.read(properties), START, end), end)
    ours, theirs = shown(found), emulate(properties, START, end)
    # Which one is kept as the last of all depends on all that was before, which the emulator's functions do not see.
    assert ours == theirs or len(ours) == len(theirs) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "daily": st.integers(1, 40),
            "weekly": st.integers(1, 12),
            "monthly": st.integers(1, 14),
            "yearly": st.integers(1, 2),
        },
    ).filter(bool),
    st.sampled_from([4, 12, 24]),
    st.integers(1100, 1600).map(lambda days: datetime.datetime(2026, 1, 1, 5, 30, tzinfo=UTC) + days * DAY),
)
def test_keep_keeps_as_many_days_weeks_months_and_years(keep, rpo, at):
    document = policy_short.document(
        {"rpo_hours": rpo, "keep": {**keep, "tier": "vault"}, "operational_retention": "P2D"}
    )
    found = retention.points(retention.read(document["properties"]), datetime.datetime(2026, 1, 1, tzinfo=UTC), at)
    held = [point.created for point, stores in retention.alive(found, at) if VAULT in stores]
    made = [point.created for point in found]
    for name, form in {"daily": "%Y-%m-%d", "monthly": "%Y-%m", "yearly": "%Y"}.items():
        spans = sorted({moment.strftime(form) for moment in made})[-keep.get(name, 0) :] if name in keep else []
        assert set(spans) <= {moment.strftime(form) for moment in held}, name


@pytest.mark.parametrize("days", range(0, 800, 37))
def test_keep_holds_with_a_backup_a_week(days):
    document = policy_short.document({"rpo_hours": 168, "keep": {"weekly": 4, "monthly": 3}})
    start = datetime.datetime(2025, 1, 1, tzinfo=UTC)
    at = start + datetime.timedelta(days=200 + days, hours=5)
    found = retention.points(retention.read(document["properties"]), start, at)
    held = {point.created for point, _stores in retention.alive(found, at)}
    assert {point.created for point in found[-4:]} <= held
    firsts = {}
    for point in found:
        firsts.setdefault(point.created.strftime("%Y-%m"), point.created)
    assert set(list(firsts.values())[-3:]) <= held


def test_the_shape_of_a_simulation():
    properties = policy_short.document({"preset": "disaster_recovery", "schedule": {"frequency": "daily"}})[
        "properties"
    ]
    start = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    found = retention.simulate(properties, start, start + 10 * DAY)
    points = found.pop("points")
    assert found == {
        "backups": 10,
        "date": "2026-01-11T00:00:00Z",
        "most_snapshots": 7,
        "not_copied": 0,
        "operational": {
            "by_tag": {"Vault": 7},
            "count": 7,
            "newest": "2026-01-10T02:00:00Z",
            "oldest": "2026-01-04T02:00:00Z",
            "oldest_age_days": 6.92,
        },
        "start": "2026-01-01T00:00:00Z",
        "vault": {
            "by_tag": {"Vault": 10},
            "count": 10,
            "newest": "2026-01-10T02:00:00Z",
            "oldest": "2026-01-01T02:00:00Z",
            "oldest_age_days": 9.92,
        },
    }
    assert points[0] == {
        "age_days": 9.92,
        "created": "2026-01-01T02:00:00Z",
        "operational_until": None,
        "tag": "Vault",
        "vault_until": "2026-04-01T02:00:00Z",
    }
    assert points[-1]["operational_until"] == "2026-01-17T02:00:00Z"
    empty = retention.simulate(properties, start, start)
    assert (empty["backups"], empty["vault"]["count"], empty["vault"]["oldest"]) == (0, 0, None)


def test_the_last_point_outlives_its_time():
    properties = policy_short.document({"schedule": {"frequency": "weekly"}, "operational_retention": "P1D"})[
        "properties"
    ]
    at = datetime.datetime(2026, 1, 25, tzinfo=UTC)
    [(point, stores)] = retention.alive(retention.points(retention.read(properties), START, at), at)
    assert (point.created, stores) == (datetime.datetime(2026, 1, 19, 2, tzinfo=UTC), {OPERATIONAL})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"operational_retention": "P84D"}, "keeps up to 504 recovery points"),
        ({"keep": {"daily": 360, "weekly": 40}, "operational_retention": "P30D"}, "keeps up to 510 recovery points"),
    ],
)
def test_more_snapshots_than_a_disk_can_have_are_refused(options, said):
    [sentence] = retention.limits(policy_short.document(options)["properties"])
    assert said in sentence
    assert "at most 500 incremental snapshots of a disk" in sentence


def test_as_many_as_a_disk_can_have_are_not():
    assert retention.limits(policy_short.document({"operational_retention": "P83D"})["properties"]) == []


def test_a_raw_policy_is_held_against_the_limits_too():
    properties = policy_short.document({"preset": "disaster_recovery"})["properties"]
    properties["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"] = "P13M"
    properties["policyRules"][2]["lifecycles"][1]["deleteAfter"]["duration"] = "P11Y"
    assert retention.limits(properties) == [
        "The retention rule Vault keeps backups in the vault tier for 4018 days; Azure keeps them there for at most "
        "3653 days.",
        "The retention rule Default keeps backups in the operational tier for 397 days; Azure keeps them there for at "
        "most 360 days.",
    ]


def test_a_rule_whose_copies_azure_skips_is_named():
    rule = {"name": "All", "criteria": "AllBackup", "vault_retention": "P90D"}
    properties = policy_short.document({"retention_rules": [rule]})["properties"]
    assert retention.skips(properties) == ["All"]
    assert retention.simulate(properties, START, START + 2 * DAY)["not_copied"] == 9
    daily = policy_short.document({"preset": "week", "retention_rules": [rule]})["properties"]
    assert retention.skips(daily) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"policyRules": []},
        {"policyRules": [{"objectType": "AzureBackupRule"}]},
        {"policyRules": "none"},
    ],
)
def test_what_is_no_policy_cannot_be_simulated_and_has_no_limits(broken):
    with pytest.raises(Refused, match="The policy cannot be simulated"):
        retention.simulate(broken, START, START)
    assert retention.limits(broken) == []
    assert retention.skips(broken) == []
