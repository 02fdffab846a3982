# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: from the short form to the wire, and what two policies have in common."""

from __future__ import annotations

import copy
import sys
import zoneinfo

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources import time_zones
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short

STORE = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
VAULT = {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}


def rule(document, name):
    return next(rule for rule in document["properties"]["policyRules"] if rule["name"] == name)


def test_no_option_at_all_makes_the_services_own_template():
    document = policy_short.document({})
    assert document["properties"]["datasourceTypes"] == ["Microsoft.ContainerService/managedClusters"]
    assert rule(document, "BackupHourly") == {
        "name": "BackupHourly",
        "objectType": "AzureBackupRule",
        "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
        "dataStore": STORE,
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {"repeatingTimeIntervals": ["R/2024-01-01T02:00:00+00:00/PT4H"], "timeZone": "UTC"},
            "taggingCriteria": [
                {"tagInfo": {"id": "Default_", "tagName": "Default"}, "taggingPriority": 99, "isDefault": True}
            ],
        },
    }
    assert rule(document, "Default")["lifecycles"] == [
        {"deleteAfter": {"duration": "P7D", "objectType": "AbsoluteDeleteOption"}, "sourceDataStore": STORE}
    ]


def test_vault_retention_makes_tag_rule_copy_and_both_lifecycles_together():
    document = policy_short.document(
        {"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}], "operational_retention": "P14D"}
    )
    tags = rule(document, "BackupHourly")["trigger"]["taggingCriteria"]
    assert tags[0] == {
        "tagInfo": {"id": "Daily_", "tagName": "Daily"},
        "taggingPriority": 25,
        "isDefault": False,
        "criteria": [{"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": ["FirstOfDay"]}],
    }
    assert rule(document, "Daily") == {
        "name": "Daily",
        "objectType": "AzureRetentionRule",
        "isDefault": False,
        "lifecycles": [
            {
                "deleteAfter": {"duration": "P14D", "objectType": "AbsoluteDeleteOption"},
                "sourceDataStore": STORE,
                "targetDataStoreCopySettings": [
                    {"copyAfter": {"objectType": "ImmediateCopyOption"}, "dataStore": VAULT}
                ],
            },
            {
                "deleteAfter": {"duration": "P84D", "objectType": "AbsoluteDeleteOption"},
                "sourceDataStore": VAULT,
                "targetDataStoreCopySettings": [],
            },
        ],
    }
    assert policy_form.uses_vault_tier(document["properties"])
    assert not policy_form.uses_vault_tier(policy_short.document({})["properties"])


@pytest.mark.parametrize(
    ("schedule", "interval", "name"),
    [
        ({"frequency": "hourly", "interval": 6}, "R/2024-01-01T02:00:00+00:00/PT6H", "BackupHourly"),
        ({"frequency": "daily", "start_time": "23:15"}, "R/2024-01-01T23:15:00+00:00/P1D", "BackupDaily"),
        ({"frequency": "weekly", "days_of_week": ["Sunday"]}, "R/2024-01-07T02:00:00+00:00/P1W", "BackupWeekly"),
        ({"frequency": "weekly"}, "R/2024-01-01T02:00:00+00:00/P1W", "BackupWeekly"),
        (
            {"frequency": "daily", "start_time": "2026-05-01T04:00:00+02:00"},
            "R/2026-05-01T04:00:00+02:00/P1D",
            "BackupDaily",
        ),
    ],
)
def test_schedules(schedule, interval, name):
    document = policy_short.document({"schedule": schedule})
    assert rule(document, name)["trigger"]["schedule"]["repeatingTimeIntervals"] == [interval]
    assert policy_form.rule_name(document["properties"]) == name


def intervals(options):
    document = policy_short.document(options)
    return rule(document, policy_form.rule_name(document["properties"]))["trigger"]["schedule"]


def test_rule_name_is_sent():
    assert rule(policy_short.document({"backup_rule_name": "Nightly"}), "Nightly")["objectType"] == "AzureBackupRule"


@pytest.mark.parametrize(
    ("zone", "start", "sent", "name"),
    [
        (None, "02:30", "2024-01-01T02:30:00+00:00", "UTC"),
        ("utc", "02:30", "2024-01-01T02:30:00+00:00", "UTC"),
        ("Coordinated Universal Time", "02:30", "2024-01-01T02:30:00+00:00", "UTC"),
        ("India Standard Time", "02:30", "2024-01-01T02:30:00+05:30", "India Standard Time"),
        ("W. Europe Standard Time", "02:30", "2024-01-01T02:30:00+01:00", "W. Europe Standard Time"),
        ("w. europe standard time", "02:30", "2024-01-01T02:30:00+01:00", "W. Europe Standard Time"),
        # Summer there: the offset is that of the day.
        ("AUS Eastern Standard Time", "02:30", "2024-01-01T02:30:00+11:00", "AUS Eastern Standard Time"),
        ("Eastern Standard Time", "2026-07-01T02:30:00", "2026-07-01T02:30:00-04:00", "Eastern Standard Time"),
        # An offset of its own means what it says.
        ("Eastern Standard Time", "2026-07-01T02:30:00+02:00", "2026-07-01T02:30:00+02:00", "Eastern Standard Time"),
    ],
)
def test_a_start_time_is_what_a_clock_in_the_time_zone_shows(zone, start, sent, name):
    schedule = intervals({"schedule": {"frequency": "daily", "start_time": start, "time_zone": zone}})
    assert schedule == {"repeatingTimeIntervals": [f"R/{sent}/P1D"], "timeZone": name}


def test_every_time_zone_of_the_table_is_one_of_the_database_and_has_one_name():
    assert len(set(time_zones.WINDOWS.values())) == len(time_zones.WINDOWS)
    for name in time_zones.WINDOWS:
        assert intervals({"schedule": {"time_zone": name}})["timeZone"] == name


def test_without_a_time_zone_database_another_zone_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        with pytest.raises(Refused, match="Install the system's package tzdata or the Python package tzdata"):
            policy_short.document({"schedule": {"time_zone": "W. Europe Standard Time"}})
        assert intervals({"schedule": {"time_zone": "UTC"}})["timeZone"] == "UTC"
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


def test_several_days_of_the_week_are_an_interval_each():
    schedule = intervals({"schedule": {"frequency": "weekly", "days_of_week": ["Sunday", "Wednesday", "Sunday"]}})
    assert schedule["repeatingTimeIntervals"] == [
        "R/2024-01-03T02:00:00+00:00/P1W",
        "R/2024-01-07T02:00:00+00:00/P1W",
    ]


def test_raw_intervals_are_sent_as_they_are():
    raw = ["R/2026-01-04T09:00Z/PT12H", "R/2026-01-04T15:00:00.000+01:00/PT12H"]
    schedule = intervals(
        {"repeating_time_intervals": raw, "schedule": {"time_zone": "India Standard Time"}, "preset": "week"}
    )
    assert schedule == {"repeatingTimeIntervals": raw, "timeZone": "India Standard Time"}


@pytest.mark.parametrize(
    ("options", "period"),
    [
        ({"preset": "week", "schedule": {"start_time": "05:00"}}, "R/2024-01-01T05:00:00+00:00/P1D"),
        ({"preset": "week", "schedule": {"frequency": "hourly"}}, "R/2024-01-01T02:00:00+00:00/PT4H"),
        ({"schedule": {"interval": 8}}, "R/2024-01-01T02:00:00+00:00/PT8H"),
        ({"schedule": {"frequency": "weekly"}}, "R/2024-01-01T02:00:00+00:00/P1W"),
        ({"rpo_hours": 4}, "R/2024-01-01T02:00:00+00:00/PT4H"),
        ({"rpo_hours": 11}, "R/2024-01-01T02:00:00+00:00/PT8H"),
        ({"rpo_hours": 23, "preset": "week"}, "R/2024-01-01T02:00:00+00:00/PT12H"),
        ({"rpo_hours": 100, "schedule": {"start_time": "04:00"}}, "R/2024-01-01T04:00:00+00:00/P1D"),
        ({"rpo_hours": 168, "schedule": {"days_of_week": ["Friday"]}}, "R/2024-01-05T02:00:00+00:00/P1W"),
    ],
)
def test_schedules_over_presets_and_from_the_time_that_may_be_lost(options, period):
    assert intervals(options)["repeatingTimeIntervals"] == [period]


def test_rules_by_date_become_criteria():
    document = policy_short.document(
        {
            "retention_rules": [
                {
                    "name": "Quarters",
                    "priority": 5,
                    "days_of_month": ["1", "last"],
                    "days_of_week": ["Friday"],
                    "months_of_year": ["March"],
                    "weeks_of_month": ["First", "Last"],
                    "operational_retention": {"weeks": 3},
                }
            ]
        }
    )
    tag = rule(document, "BackupHourly")["trigger"]["taggingCriteria"][0]
    assert tag["taggingPriority"] == 5
    assert tag["criteria"] == [
        {
            "objectType": "ScheduleBasedBackupCriteria",
            "daysOfMonth": [{"date": 1, "isLast": False}, {"isLast": True}],
            "daysOfTheWeek": ["Friday"],
            "monthsOfYear": ["March"],
            "weeksOfTheMonth": ["First", "Last"],
        }
    ]
    assert rule(document, "Quarters")["lifecycles"][0]["deleteAfter"]["duration"] == "P3W"
    again = copy.deepcopy(document)
    criterion = rule(again, "BackupHourly")["trigger"]["taggingCriteria"][0]["criteria"][0]
    criterion["daysOfMonth"] = [{"date": 0, "isLast": True}, {"date": 1}]
    criterion["weeksOfTheMonth"].reverse()
    assert same(document, again)


@pytest.mark.parametrize(
    ("copying", "option"),
    [
        ({}, {"objectType": "ImmediateCopyOption"}),
        ({"copy": "immediate"}, {"objectType": "ImmediateCopyOption"}),
        ({"copy": "on_expiry"}, {"objectType": "CopyOnExpiryOption"}),
        ({"copy": "after", "copy_after": {"days": 2}}, {"objectType": "CustomCopyOption", "duration": "P2D"}),
    ],
)
def test_copy_options(copying, option):
    document = policy_short.document({"retention_rules": [{"name": "Daily", "vault_retention": "P84D", **copying}]})
    assert rule(document, "Daily")["lifecycles"][0]["targetDataStoreCopySettings"][0]["copyAfter"] == option


@pytest.mark.parametrize(
    ("keep", "more", "lengths"),
    [
        ({"daily": 14}, {}, {"Daily": "P14D"}),
        ({"daily": 14, "weekly": 8, "monthly": 6}, {}, {"Daily": "P14D", "Weekly": "P56D", "Monthly": "P186D"}),
        # The first backup of a week is the first one of its day, too, and is kept as long as those.
        ({"daily": 30, "weekly": 2}, {}, {"Daily": "P30D", "Weekly": "P30D"}),
        # With a backup a week, the first one of a month can be six days later than that of the month before.
        ({"weekly": 4, "monthly": 2}, {"rpo_hours": 168}, {"Weekly": "P28D", "Monthly": "P68D"}),
    ],
)
def test_keep_makes_rules_that_keep_as_many(keep, more, lengths):
    document = policy_short.document({"keep": keep, **more})
    kept = policy_form.represent(document["properties"])["retention_rules"]
    assert {one["name"]: one["operational_retention"] for one in kept} == {"Default": "P7D", **lengths}
    assert not policy_form.uses_vault_tier(document["properties"])


def test_keep_in_the_vault_tier_copies_at_once_and_leaves_the_operational_tier_alone():
    document = policy_short.document({"keep": {"yearly": 3, "tier": "vault"}, "operational_retention": "P9D"})
    [default, yearly] = policy_form.represent(document["properties"])["retention_rules"]
    assert default["name"] == "Default"
    assert yearly == {
        "copy_to_vault": {"option": "ImmediateCopyOption"},
        "is_default": False,
        "name": "Yearly",
        "operational_retention": "P9D",
        "vault_retention": "P1098D",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schedule": {"frequency": "hourly", "interval": 5}}, "4, 6, 8, 12 hours"),
        ({"schedule": {"frequency": "hourly", "interval": 24}}, "frequency=daily"),
        ({"schedule": {"frequency": "daily", "interval": 2}}, "only 1 is possible"),
        ({"schedule": {"frequency": "daily", "start_time": "25:00"}}, "schedule.start_time is '25:00'"),
        ({"schedule": {"frequency": "daily", "start_time": "soon"}}, "schedule.start_time is 'soon'"),
        ({"schedule": {"frequency": "daily", "days_of_week": ["Monday"]}}, "frequency=weekly only"),
        ({"operational_retention": "P361D"}, "at most 360 days"),
        ({"operational_retention": "a week"}, "ISO 8601"),
        ({"operational_retention": "PT12H"}, "whole number of days"),
        ({"operational_retention": {"fortnights": 2}}, "one of days, weeks, months and years"),
        ({"operational_retention": {"days": 2, "weeks": 1}}, "one of days, weeks, months and years"),
        ({"operational_retention": "P1Y"}, "operational tier keeps recovery points for at most 360 days"),
        ({"retention_rules": [{"name": "Daily", "vault_retention": "P11Y"}]}, "vault tier keeps .* at most 3653 days"),
        ({"rpo_hours": 3}, "every 4 hours at most"),
        ({"rpo_hours": 8, "schedule": {"frequency": "daily"}}, "rpo_hours says how often .* schedule.frequency"),
        ({"schedule": {"time_zone": "Mars/Olympus"}}, "no time zone that Azure knows"),
        ({"schedule": {"time_zone": "Europe/Berlin"}}, "Windows, which calls it 'W. Europe Standard Time'"),
        (
            {"schedule": {"frequency": "weekly", "days_of_week": ["Friday"], "start_time": "2026-01-31T02:30:00Z"}},
            "has a day of its own",
        ),
        ({"repeating_time_intervals": ["R/PT4H"]}, "Azure takes R/<start>/<period>"),
        ({"repeating_time_intervals": ["R/20260101T0200/PT4H"]}, "Azure takes R/<start>/<period>"),
        ({"repeating_time_intervals": ["R/2026-01-31T02:30:00Z/PT5H"]}, "takes PT4H, PT6H, PT8H, PT12H, P1D and P1W"),
        (
            {"repeating_time_intervals": ["R/2026-01-31T02:30:00Z/PT4H", "R/2026-01-31T02:30:00Z/P1D"]},
            "several of the same period",
        ),
        ({"repeating_time_intervals": []}, "needs one interval"),
        (
            {"repeating_time_intervals": ["R/2026-01-31T02:30:00Z/PT4H"], "schedule": {"start_time": "02:00"}},
            "only schedule.time_zone goes with it",
        ),
        ({"keep": {"tier": "vault"}}, "keep needs one or more"),
        ({"keep": {"daily": 0}}, "keep.daily is 0; it must be at least 1"),
        ({"keep": {"daily": 7}, "rpo_hours": 168}, "the schedule makes one a week"),
        ({"keep": {"yearly": 1}}, "With keep.tier=vault they are kept in the vault tier"),
        ({"keep": {"yearly": 10, "tier": "vault"}}, "the vault tier keeps recovery points for at most 3653 days"),
        ({"backup_rule_name": "default"}, "which is the name of a retention rule"),
        (
            {"retention_rules": [{"criteria": "AllBackup", "vault_retention": "P9D"}]},
            "The retention rule for AllBackup needs a name",
        ),
        (
            {"retention_rules": [{"name": "X", "days_of_month": ["1"], "vault_retention": "P9D"}]},
            "needs a priority, from 1 to 98",
        ),
        ({"retention_rules": [{"name": "Daily", "priority": 99, "vault_retention": "P9D"}]}, "has the priority 99"),
        (
            {
                "retention_rules": [
                    {"name": "Daily", "vault_retention": "P9D"},
                    {"name": "Weekly", "priority": 25, "vault_retention": "P9D"},
                ]
            },
            "priorities that differ; 25 is there twice",
        ),
        (
            {"retention_rules": [{"name": "X", "priority": 5, "days_of_month": ["29"], "vault_retention": "P9D"}]},
            "it must be 1 to 28, or last",
        ),
        (
            {"retention_rules": [{"name": "X", "criteria": "FirstOfDay", "days_of_week": ["Friday"]}]},
            "Azure takes one or the other",
        ),
        ({"retention_rules": [{"name": "Daily", "copy": "immediate"}]}, "without vault_retention there is no copy"),
        (
            {"retention_rules": [{"name": "Daily", "vault_retention": "P9D", "copy": "after"}]},
            "needs copy_after with copy=after",
        ),
        (
            {"retention_rules": [{"name": "Daily", "vault_retention": "P9D", "copy_after": "P1D"}]},
            "needs copy_after with copy=after",
        ),
        (
            {
                "retention_rules": [
                    {"name": "Daily", "vault_retention": "P9D", "copy": "after", "copy_after": {"weeks": 1}}
                ]
            },
            "when the operational tier has deleted the backup after P7D",
        ),
        (
            {"retention_rules": [{"name": "Daily", "vault_retention": "P7D", "copy": "on_expiry"}]},
            "is over when the copy is made",
        ),
        ({"policy_definition": {"policyRules": "none"}}, "policy_definition has no list of policyRules"),
        ({"retention_rules": [{"name": "Mine", "vault_retention": "P9D"}]}, "needs criteria"),
        ({"retention_rules": [{"name": "Daily"}]}, "needs operational_retention, vault_retention or both"),
        (
            {"retention_rules": [{"criteria": "FirstOfDay", "name": "default", "vault_retention": "P9D"}]},
            "names that differ",
        ),
        (
            {
                "retention_rules": [
                    {"name": "Daily", "vault_retention": "P9D"},
                    {"name": "daily", "criteria": "FirstOfDay", "vault_retention": "P9D"},
                ]
            },
            "differ",
        ),
    ],
)
def test_what_the_service_would_not_take_is_refused_with_the_option(options, said):
    with pytest.raises(Refused, match=said):
        policy_short.document(options)


@pytest.mark.parametrize("preset", sorted(policy_short.PRESETS))
def test_presets_are_whole_policies_and_options_override_them(preset):
    document = policy_short.document({"preset": preset, "operational_retention": "P9D"})
    assert rule(document, "Default")["lifecycles"][0]["deleteAfter"]["duration"] == "P9D"
    assert policy_form.uses_vault_tier(document["properties"]) == (preset == "disaster_recovery")


def test_a_raw_definition_is_sent_as_it_is_with_or_without_its_envelope():
    properties = policy_short.document({"preset": "week"})["properties"]
    for definition in ({"properties": {**properties, "name": "x"}}, {**properties, "name": "x"}):
        assert policy_short.document({"policy_definition": definition})["properties"] == properties


def same(left, right):
    return policy_form.same(left["properties"], right["properties"])


def test_policies_that_mean_the_same_are_the_same():
    ours = policy_short.document({"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}]})
    theirs = copy.deepcopy(ours)
    theirs["properties"]["policyRules"].reverse()
    backup = rule(theirs, "BackupHourly")
    backup["trigger"]["schedule"] = {
        "repeatingTimeIntervals": ["R/2023-06-05T10:00:00+04:00/PT240M"],
        "timeZone": "Coordinated Universal Time",
    }
    backup["trigger"]["taggingCriteria"].reverse()
    backup["trigger"]["taggingCriteria"][0]["tagInfo"]["eTag"] = "1"
    rule(theirs, "Daily")["lifecycles"][1]["deleteAfter"]["duration"] = "P12W"
    assert same(ours, theirs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schedule": {"frequency": "hourly", "interval": 8}}, "schedule.repeating_time_intervals is"),
        ({"schedule": {"frequency": "hourly", "start_time": "03:00"}}, "schedule.repeating_time_intervals is"),
        (
            {"schedule": {"frequency": "hourly", "time_zone": "India Standard Time"}},
            "schedule.time_zone is UTC and would become India Standard Time.",
        ),
        (
            {"operational_retention": "P8D"},
            "retention_rules Default: operational_retention is P7D and would become P8D.",
        ),
        ({"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}]}, "retention_rules Daily would be new."),
        ({"backup_rule_name": "Other"}, "backup_rule_name is BackupHourly and would become Other."),
    ],
)
def test_every_difference_is_a_sentence(options, said):
    live = policy_form.meaning(policy_short.document({})["properties"])
    wanted = policy_form.meaning(policy_short.document(options)["properties"])
    assert any(line.startswith(said) for line in policy_form.sentences(wanted, live))


def test_a_rule_that_only_the_live_policy_has_is_a_difference():
    live = policy_form.meaning(
        policy_short.document({"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}]})["properties"]
    )
    wanted = policy_form.meaning(policy_short.document({})["properties"])
    assert "retention_rules Daily would be removed." in policy_form.sentences(wanted, live)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(Refused) as refused:
        policy_short.document(
            {
                "schedule": {"frequency": "daily", "interval": 3, "start_time": "soon"},
                "operational_retention": "P2Y",
                "retention_rules": [{"name": "X", "vault_retention": "P9D"}],
            }
        )
    assert len(refused.value.facts["problems"]) == 5


def test_a_fingerprint_follows_from_the_meaning_alone():
    ours = policy_short.document({"operational_retention": "P1W"})["properties"]
    theirs = policy_short.document({"operational_retention": {"days": 7}})["properties"]
    other = policy_short.document({"operational_retention": "P8D"})["properties"]
    assert policy_form.fingerprint(ours) == policy_form.fingerprint(theirs) != policy_form.fingerprint(other)
    # Names of policies out in the world are made of it, so it stays what it is.
    assert policy_form.fingerprint(ours) == "579c21ba"


def test_what_nobody_understands_is_shown_as_it_is():
    raw = {"policyRules": [{"objectType": "AzureRetentionRule", "name": "X", "lifecycles": [{"deleteAfter": {}}]}]}
    raw["policyRules"][0]["lifecycles"][0]["deleteAfter"]["duration"] = "for ever"
    assert policy_form.represent(raw)["retention_rules"][0]["operational_retention"] == "for ever"
