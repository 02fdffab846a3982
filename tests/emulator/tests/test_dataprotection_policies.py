# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies as pure functions: what is refused, when they fire, which tag a backup gets, how long points live."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.backup import policies, retention, schedules, tagging, times
from tests.emulator.errors import AzureError

UTC = timezone.utc
INVALID, FREQUENCY = "BMSUserErrorInvalidInput", "BMSUserErrorDPPBackupPolicyBackupFrequencyNotMatchingRule"


def store(kind):
    return {"dataStoreType": kind, "objectType": "DataStoreInfoBase"}


def cycle(kind, duration, **more):
    return {"deleteAfter": {"duration": duration, "objectType": "AbsoluteDeleteOption"}, "sourceDataStore": store(kind),
            **more}


def retained(name, *cycles, default=False):
    return {"name": name, "objectType": "AzureRetentionRule", "isDefault": default, "lifecycles": list(cycles)}


def tag(name, priority, *criteria):
    return {"tagInfo": {"tagName": name}, "taggingPriority": priority, "isDefault": not criteria,
            **({"criteria": [{"objectType": "ScheduleBasedBackupCriteria", **each} for each in criteria]}
               if criteria else {})}


COPY_NOW = [{"copyAfter": {"objectType": "ImmediateCopyOption"}, "dataStore": store("VaultStore")}]


def policy(interval="R/2026-01-04T09:00:00+00:00/PT4H", extra=(), tags=(), zone=None):
    schedule = {"repeatingTimeIntervals": [interval], **({"timeZone": zone} if zone else {})}
    return {"datasourceTypes": ["Microsoft.ContainerService/managedClusters"], "objectType": "BackupPolicy",
            "policyRules": [
        {"name": "BackupHourly", "objectType": "AzureBackupRule", "dataStore": store("OperationalStore"),
         "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
         "trigger": {"objectType": "ScheduleBasedTriggerContext", "schedule": schedule,
                     "taggingCriteria": [*tags, tag("Default", 99)]}},
        retained("Default", cycle("OperationalStore", "P7D"), default=True), *extra]}


DAILY = retained("Daily", cycle("OperationalStore", "P7D", targetDataStoreCopySettings=COPY_NOW), cycle("VaultStore",
                                                                                                        "P84D"))
FIRST_OF_DAY = tag("Daily", 25, {"absoluteCriteria": ["FirstOfDay"]})
VAULTED = policy(extra=[DAILY], tags=[FIRST_OF_DAY])


def at(path):
    """(holder, key) in a copy of VAULTED for a path of keys."""
    document = copy.deepcopy(VAULTED)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    return document, holder, path[-1]


RULE, TRIGGER = ("policyRules", 0), ("policyRules", 0, "trigger")
CHANGES = {
    "no object type": (("objectType",), None),
    "two datasource types": (("datasourceTypes",), ["a", "b"]),
    "no rules": (("policyRules",), []),
    "two rules of one name": (("policyRules", 2, "name"), "Default"),
    "unknown rule": (("policyRules", 2, "objectType"), "AzureOtherRule"),
    "full backups": ((*RULE, "backupParameters", "backupType"), "Full"),
    "backup to the vault": ((*RULE, "dataStore", "dataStoreType"), "VaultStore"),
    "no trigger": ((*RULE, "trigger"), None),
    "no interval": ((*TRIGGER, "schedule", "repeatingTimeIntervals"), []),
    "no start": ((*TRIGGER, "schedule", "repeatingTimeIntervals"), ["R/PT4H"]),
    "no repetition": ((*TRIGGER, "schedule", "repeatingTimeIntervals"), ["2026-01-04T09:00:00+00:00/PT4H"]),
    "no date": ((*TRIGGER, "schedule", "repeatingTimeIntervals"), ["R/2026-13-04T09:00:00+00:00/PT4H"]),
    "IANA zone": ((*TRIGGER, "schedule", "timeZone"), "Europe/Berlin"),
    "no default tag": ((*TRIGGER, "taggingCriteria", 1, "isDefault"), False),
    "equal priorities": ((*TRIGGER, "taggingCriteria", 0, "taggingPriority"), 99),
    "tag without criteria": ((*TRIGGER, "taggingCriteria", 0, "criteria"), []),
    "unknown criterion": ((*TRIGGER, "taggingCriteria", 0, "criteria", 0, "absoluteCriteria"), ["FirstOfHour"]),
    "tag without rule": ((*TRIGGER, "taggingCriteria", 0, "tagInfo", "tagName"), "Weekly"),
    "rule without tag": (("policyRules", 2, "name"), "Weekly"),
    "no default rule": (("policyRules", 1, "isDefault"), False),
    "no lifecycle": (("policyRules", 1, "lifecycles"), []),
    "archive tier": (("policyRules", 2, "lifecycles", 1, "sourceDataStore", "dataStoreType"), "ArchiveStore"),
    "no duration": (("policyRules", 1, "lifecycles", 0, "deleteAfter", "duration"), "7 days"),
    "over 360 days of snapshots": (("policyRules", 1, "lifecycles", 0, "deleteAfter", "duration"), "P361D"),
    "over ten years in the vault": (("policyRules", 2, "lifecycles", 1, "deleteAfter", "duration"), "P11Y"),
    "the 29th day of a month": ((*TRIGGER, "taggingCriteria", 0, "criteria", 0),
                                {"objectType": "ScheduleBasedBackupCriteria", "daysOfMonth": [{"date": 29}]}),
    "copy to nowhere": (("policyRules", 2, "lifecycles", 1, "sourceDataStore", "dataStoreType"), "OperationalStore"),
    "unknown copy option": (("policyRules", 2, "lifecycles", 0, "targetDataStoreCopySettings", 0, "copyAfter"),
                            {"objectType": "SomedayOption"}),
}


@pytest.mark.parametrize("case", CHANGES)
def test_one_wrong_value_is_refused(case):
    path, value = CHANGES[case]
    document, holder, key = at(path)
    holder[key] = value
    with pytest.raises(AzureError) as refused:
        policies.check("policy-1", document)
    assert (refused.value.status, refused.value.code) == (400, INVALID)


def test_the_documented_policies_are_taken():
    policies.check("policy-1", VAULTED)
    # Retention in the vault without a copy setting, as the strategy for disaster recovery of the Azure CLI has it.
    recovery = policy("R/2024-01-01T00:00:00+00:00/P1D", [retained("Vault", cycle("VaultStore", "P90D"))],
                      [tag("Vault", 50, {"absoluteCriteria": ["FirstOfDay"]})], "Coordinated Universal Time")
    policies.check("policy-1", recovery)
    assert policies.uses_vault(recovery)
    assert not policies.uses_vault(policy())


@pytest.mark.parametrize("name", ["ab", "a" * 151, "under_score", "dot.ted", ""])
def test_bad_names_are_refused(name):
    with pytest.raises(AzureError, match=INVALID):
        policies.check(name, policy())


@pytest.mark.parametrize(("period", "taken"), [
    ("PT4H", True), ("PT6H", True), ("PT8H", True), ("PT12H", True), ("P1D", True), ("P1W", True), ("P7D", True),
    ("PT1H", False), ("PT5H", False), ("PT24M", False), ("P2D", False), ("P1M", False)])
def test_frequencies(period, taken):
    document = policy(f"R/2026-01-04T09:00:00+00:00/{period}")
    if taken:
        policies.check("policy-1", document)
    else:
        with pytest.raises(AzureError, match=FREQUENCY):
            policies.check("policy-1", document)


def test_other_datasources_are_not_modelled():
    with pytest.raises(AzureError) as refused:
        policies.check("policy-1", {**policy(), "datasourceTypes": ["Microsoft.Compute/disks"]})
    assert refused.value.status == 501
    assert "Microsoft.Compute/disks" in refused.value.message


def test_what_is_kept_drops_the_name_and_fills_tag_ids():
    kept = policies.stored({**VAULTED, "name": "ignored"})
    assert "name" not in kept
    criteria = policies.backup_rule(kept)["trigger"]["taggingCriteria"]
    assert [each["tagInfo"]["id"] for each in criteria] == ["Daily_", "Default_"]
    assert "targetDataStoreCopySettings" not in kept["policyRules"][1]["lifecycles"][0]
    assert "id" not in VAULTED["policyRules"][0]["trigger"]["taggingCriteria"][0]["tagInfo"]


moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
periods = st.sampled_from(sorted(schedules.PERIODS))


@given(moments, moments, periods)
def test_the_next_occurrence_is_the_first_one_after(start, moment, period):
    schedule = schedules.parse(f"R/{times.timestamp(start)}/{period}")
    found = schedule.next_after(moment)
    assert found > moment or found == schedule.start
    assert (found - schedule.start) % schedule.period == timedelta(0)
    assert found - schedule.period <= max(moment, schedule.start)


@given(moments)
def test_timestamps_survive_a_round_trip(moment):
    text = times.timestamp(moment)
    assert times.parse(text) == moment
    assert text.endswith("Z")
    assert not text.endswith("0Z") or "." not in text


@given(st.timedeltas(timedelta(0), timedelta(days=30)))
def test_both_forms_of_a_duration_mean_the_same(duration):
    import isodate
    assert abs(isodate.parse_duration(times.iso_duration(duration)) - duration) < timedelta(microseconds=2)
    day, dummy, clock = times.timespan(duration).rpartition("." if duration.days else "\0")
    if duration.days:
        day, clock = times.timespan(duration).split(".", 1)
    hours, minutes, seconds = clock.split(":")
    total = timedelta(days=int(day or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    assert abs(total - duration) < timedelta(microseconds=2)


def test_a_recorded_duration():
    spent = timedelta(minutes=3, seconds=4, microseconds=502954)
    assert times.iso_duration(spent) == "PT3M4.502954S"
    assert times.timespan(spent) == "00:03:04.5029540"


def days_tags(document, start, count):
    """The tags of so many consecutive scheduled backups that all succeed."""
    rule, moment, earlier, found = policies.backup_rule(document), start, [], []
    for dummy in range(count):
        moment = schedules.next_run(rule, moment)
        found.append((moment, tagging.tag_of(document, moment, earlier)))
        earlier.append(moment)
    return found


def test_the_first_backup_of_each_day_is_tagged():
    found = days_tags(VAULTED, datetime(2026, 1, 4, 20, tzinfo=UTC), 18)
    by_day = {}
    for moment, name in found:
        by_day.setdefault(moment.date(), []).append(name)
    for names in list(by_day.values()):
        assert names[0] == "Daily"
        assert set(names[1:]) <= {"Default"}


def test_a_failed_first_backup_leaves_the_tag_to_the_next():
    first, second = datetime(2026, 1, 5, 1, tzinfo=UTC), datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert tagging.tag_of(VAULTED, first, []) == "Daily"
    assert tagging.tag_of(VAULTED, second, []) == "Daily"
    assert tagging.tag_of(VAULTED, second, [first]) == "Default"


def test_days_are_those_of_the_offset_of_the_schedule():
    # 20:30 UTC is 02:00 of the next day in India.
    document = policy("R/2026-01-04T02:00:00+05:30/PT12H", [DAILY], [FIRST_OF_DAY], "India Standard Time")
    earlier = [datetime(2026, 1, 4, 8, 30, tzinfo=UTC)]
    assert tagging.tag_of(document, datetime(2026, 1, 4, 20, 30, tzinfo=UTC), earlier) == "Daily"


def test_the_lowest_priority_number_wins():
    weekly = tag("Weekly", 20, {"absoluteCriteria": ["FirstOfWeek"]})
    document = policy("R/2026-01-04T09:00:00+00:00/P1D", [
        DAILY, retained("Weekly", cycle("OperationalStore", "P30D"))], [FIRST_OF_DAY, weekly])
    names = [name for dummy, name in days_tags(document, datetime(2026, 1, 3, tzinfo=UTC), 9)]
    # 4 January 2026 is a Sunday, when the week begins.
    assert names == ["Weekly"] + ["Daily"] * 6 + ["Weekly", "Daily"]


@pytest.mark.parametrize(("marker", "count"), [("FirstOfMonth", 12), ("FirstOfYear", 1), ("FirstOfDay", 365),
                                               ("FirstOfWeek", 53), ("AllBackup", 365)])
def test_absolute_markers_over_a_year_of_daily_backups(marker, count):
    document = policy("R/2026-01-01T00:00:00+00:00/P1D", [retained("Tag", cycle("OperationalStore", "P30D"))],
                      [tag("Tag", 10, {"absoluteCriteria": [marker]})])
    found = days_tags(document, datetime(2025, 12, 31, 12, tzinfo=UTC), 365)
    assert sum(name == "Tag" for dummy, name in found) == count


def test_schedule_based_criteria():
    document = policy("R/2026-01-01T02:30:00+00:00/P1D", [retained("Tag", cycle("OperationalStore", "P30D"))], [tag(
        "Tag", 10, {"daysOfTheWeek": ["Thursday"], "weeksOfTheMonth": ["First", "Last"], "monthsOfYear": ["January",
                                                                                                          "May"],
                    "scheduleTimes": ["2026-01-01T02:30:00Z"]})])
    found = [moment.date().isoformat() for moment, name in days_tags(
        document, datetime(2025, 12, 31, 12, tzinfo=UTC), 365) if name == "Tag"]
    assert found == ["2026-01-01", "2026-01-29", "2026-05-07", "2026-05-28"]
    document["policyRules"][0]["trigger"]["taggingCriteria"][0]["criteria"] = [
        {"objectType": "ScheduleBasedBackupCriteria", "daysOfMonth": [{"date": 15}, {"isLast": True}],
         "monthsOfYear": ["February"]}]
    found = [moment.date().isoformat() for moment, name in days_tags(
        document, datetime(2025, 12, 31, 12, tzinfo=UTC), 365) if name == "Tag"]
    assert found == ["2026-02-15", "2026-02-28"]


CREATED = datetime(2026, 1, 31, 9, tzinfo=UTC)


def test_retention_follows_the_rule_of_the_tag_without_regard_to_case():
    assert retention.expires(VAULTED, "daily", CREATED, "VaultStore") == CREATED + timedelta(days=84)
    assert retention.expires(VAULTED, "default", CREATED, "OperationalStore") == CREATED + timedelta(days=7)
    assert retention.expires(VAULTED, "default", CREATED, "VaultStore") is None


def test_months_follow_the_calendar():
    document = policy(extra=[retained("Monthly", cycle("OperationalStore", "P1M"))],
                      tags=[tag("Monthly", 15, {"absoluteCriteria": ["FirstOfMonth"]})])
    assert retention.expires(document, "Monthly", CREATED, "OperationalStore") == datetime(2026, 2, 28, 9, tzinfo=UTC)


@pytest.mark.parametrize(("option", "due"), [
    ({"objectType": "ImmediateCopyOption"}, timedelta(0)), ({"objectType": "CopyOnExpiryOption"}, timedelta(days=7)),
    ({"objectType": "CustomCopyOption", "duration": "P2D"}, timedelta(days=2))])
def test_copy_options(option, due):
    document = copy.deepcopy(VAULTED)
    document["policyRules"][2]["lifecycles"][0]["targetDataStoreCopySettings"][0]["copyAfter"] = option
    policies.check("policy-1", document)
    assert retention.tiering_due(document, "Daily", CREATED) == CREATED + due
    assert retention.tiering_due(document, "default", CREATED) is None


def test_ten_years_in_the_vault_tier_and_days_of_months_are_taken():
    document = copy.deepcopy(VAULTED)
    document["policyRules"][2]["lifecycles"][1]["deleteAfter"]["duration"] = "P10Y"
    document["policyRules"][0]["trigger"]["taggingCriteria"][0]["criteria"] = [
        {"objectType": "ScheduleBasedBackupCriteria", "daysOfMonth": [{"date": 28}, {"isLast": True}]}]
    policies.check("policy-1", document)


def test_a_vault_only_tag_lives_by_the_default_in_the_operational_tier_and_is_copied_at_once():
    document = policy(extra=[retained("Vault", cycle("VaultStore", "P90D"))],
                      tags=[tag("Vault", 50, {"absoluteCriteria": ["FirstOfDay"]})])
    assert retention.tiering_due(document, "Vault", CREATED) == CREATED
    assert retention.expires(document, "Vault", CREATED, "OperationalStore") == CREATED + timedelta(days=7)
    assert retention.expires(document, "Vault", CREATED, "VaultStore") == CREATED + timedelta(days=90)


def test_one_point_a_day_is_tiered():
    assert retention.may_tier(CREATED, [])
    assert not retention.may_tier(CREATED, [CREATED.replace(hour=23)])
    assert retention.may_tier(CREATED, [CREATED - timedelta(days=1)])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(0, 30))
def test_the_last_point_never_ends(ages, day):
    now = CREATED + timedelta(days=day)
    points = {f"p{number}": {"OperationalStore": CREATED + timedelta(days=age)} for number, age in enumerate(ages)}
    gone = {name for name, dummy in retention.ended(points, now)}
    left = set(points) - gone
    assert left
    expired = {name for name, stores in points.items() if min(stores.values()) <= now}
    assert gone <= expired
    # The newest expired one is spared only if nothing else is left.
    assert expired - gone <= ({f"p{len(ages) - 1}"} if len(expired) == len(points) else set())
