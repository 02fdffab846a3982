# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: from the short form to the wire, and what two policies have in common."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources import policy_form

STORE = {"dataStoreType": "OperationalStore", "objectType": "DataStoreInfoBase"}
VAULT = {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}


def rule(document, name):
    return next(rule for rule in document["properties"]["policyRules"] if rule["name"] == name)


def test_no_option_at_all_makes_the_services_own_template():
    document = policy_form.document({})
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
    document = policy_form.document(
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
    assert not policy_form.uses_vault_tier(policy_form.document({})["properties"])


@pytest.mark.parametrize(
    ("schedule", "interval", "name"),
    [
        ({"frequency": "hourly", "interval": 6}, "R/2024-01-01T02:00:00+00:00/PT6H", "BackupHourly"),
        ({"frequency": "daily", "start_time": "23:15"}, "R/2024-01-01T23:15:00+00:00/P1D", "BackupDaily"),
        ({"frequency": "weekly", "day_of_week": "Sunday"}, "R/2024-01-07T02:00:00+00:00/P1W", "BackupWeekly"),
        (
            {"frequency": "daily", "start_time": "2026-05-01T04:00:00+02:00"},
            "R/2026-05-01T04:00:00+02:00/P1D",
            "BackupDaily",
        ),
    ],
)
def test_schedules(schedule, interval, name):
    document = policy_form.document({"schedule": schedule})
    assert rule(document, name)["trigger"]["schedule"]["repeatingTimeIntervals"] == [interval]
    assert policy_form.rule_name(document["properties"]) == name


def test_time_zone_and_rule_name_are_sent():
    document = policy_form.document(
        {"schedule": {"frequency": "daily", "time_zone": "India Standard Time"}, "backup_rule_name": "Nightly"}
    )
    assert rule(document, "Nightly")["trigger"]["schedule"]["timeZone"] == "India Standard Time"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schedule": {"frequency": "hourly", "interval": 5}}, "4, 6, 8, 12 hours"),
        ({"schedule": {"frequency": "hourly", "interval": 24}}, "frequency=daily"),
        ({"schedule": {"frequency": "daily", "interval": 2}}, "only 1 is possible"),
        ({"schedule": {"frequency": "daily", "start_time": "25:00"}}, "schedule.start_time is '25:00'"),
        ({"schedule": {"frequency": "daily", "start_time": "soon"}}, "schedule.start_time is 'soon'"),
        ({"schedule": {"frequency": "daily", "day_of_week": "Monday"}}, "frequency=weekly only"),
        ({"operational_retention": "P361D"}, "at most 360 days"),
        ({"operational_retention": "a week"}, "ISO 8601"),
        ({"operational_retention": "PT12H"}, "whole number of days"),
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
        policy_form.document(options)


@pytest.mark.parametrize("preset", sorted(policy_form.PRESETS))
def test_presets_are_whole_policies_and_options_override_them(preset):
    document = policy_form.document({"preset": preset, "operational_retention": "P9D"})
    assert rule(document, "Default")["lifecycles"][0]["deleteAfter"]["duration"] == "P9D"
    assert policy_form.uses_vault_tier(document["properties"]) == (preset == "disaster_recovery")


def test_a_raw_definition_is_sent_as_it_is_with_or_without_its_envelope():
    properties = policy_form.document({"preset": "week"})["properties"]
    for definition in ({"properties": {**properties, "name": "x"}}, {**properties, "name": "x"}):
        assert policy_form.document({"policy_definition": definition})["properties"] == properties


def same(left, right):
    return policy_form.represent(left["properties"]) == policy_form.represent(right["properties"])


def test_policies_that_mean_the_same_are_the_same():
    ours = policy_form.document({"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}]})
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
    live = policy_form.represent(policy_form.document({})["properties"])
    wanted = policy_form.represent(policy_form.document(options)["properties"])
    assert any(line.startswith(said) for line in policy_form.sentences(wanted, live))


def test_a_rule_that_only_the_live_policy_has_is_a_difference():
    live = policy_form.represent(
        policy_form.document({"retention_rules": [{"name": "Daily", "vault_retention": "P84D"}]})["properties"]
    )
    wanted = policy_form.represent(policy_form.document({})["properties"])
    assert "retention_rules Daily would be removed." in policy_form.sentences(wanted, live)
