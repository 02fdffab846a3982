# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters for policies: the same words as the module's, and templates as users write them."""

from __future__ import annotations

import datetime
import importlib
import inspect
import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.aks.backup.plugins.filter.backup_policy import backup_policy
from ansible_collections.aks.backup.plugins.filter.backup_retention import backup_retention
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from tests.documented import ROOT, block
from tests.harness import Subscription

FOLDER = pathlib.Path(ROOT) / "plugins" / "filter"
FILTERS = sorted(path.stem for path in FOLDER.glob("*.py"))


def documentation(name):
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text())


def function(name):
    module = importlib.import_module(f"ansible_collections.aks.backup.plugins.filter.{name}")
    filters = module.FilterModule().filters()
    assert list(filters) == [name]
    return filters[name]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_documented_with_its_parameters(name):
    documented = documentation(name)["DOCUMENTATION"]
    assert documented["name"] == name
    _input, *parameters = inspect.signature(function(name)).parameters
    assert set(documented["options"]) == {"_input", *parameters}
    assert f"`aks.backup.{name}`" in (ROOT / "README.md").read_text()


def test_the_documented_keys_of_a_policy_are_options_of_the_module():
    [text] = documentation("backup_policy")["DOCUMENTATION"]["options"]["_input"]["description"]
    options = block("aks_backup_policy", "DOCUMENTATION")["options"]
    assert [name for name in options if f"C({name})" in text] == [
        "backup_rule_name",
        "keep",
        "operational_retention",
        "preset",
        "repeating_time_intervals",
        "retention_rules",
        "rpo_hours",
        "schedule",
    ]


def test_a_policy_is_what_the_module_sends():
    options = {"preset": "month", "retention_rules": [{"name": "Weekly", "vault_retention": "P90D"}]}
    assert backup_policy(options) == policy_short.document(options)
    assert backup_policy({}) == policy_short.document({})
    assert backup_policy(backup_policy(options)) == backup_policy(options)
    # Values from templates are text.
    assert backup_policy({"rpo_hours": "6", "schedule": {"start_time": None}}) == backup_policy({"rpo_hours": 6})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("week", "takes a dictionary"),
        ({"presets": "week"}, "presets"),
        ({"preset": "fortnight"}, "value of preset must be one of: default, disaster_recovery, month, week"),
        ({"retention_rules": [{"criteria": "FirstOfDecade"}]}, "value of criteria must be one of"),
        ({"keep": {"daily": 3}, "retention_rules": []}, "mutually exclusive: keep|retention_rules"),
        ({"rpo_hours": 2}, "rpo_hours is 2; Azure makes backups of a cluster every 4 hours at most."),
        ({"policyRules": "none"}, "policy_definition has no list of policyRules"),
    ],
)
def test_what_the_module_would_refuse_is_refused(value, said):
    for name in (backup_policy, lambda given: backup_retention(given, days=1)):
        with pytest.raises(AnsibleFilterError) as refused:
            name(value)
        assert said in str(refused.value)
        assert str(refused.value).startswith("aks.backup.backup_")


@pytest.mark.parametrize(
    ("date", "start"),
    [
        ("2026-02-01T00:00:00+00:00", "2026-01-01T00:00:00Z"),
        ("2026-02-01", "2026-01-01"),
        (datetime.date(2026, 2, 1), datetime.date(2026, 1, 1)),
        (datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc), "2026-01-01T01:00:00+01:00"),
    ],
)
def test_moments_are_given_as_text_or_as_yaml_reads_them(date, start):
    found = backup_retention({"preset": "week"}, date, start=start)
    assert (found["start"], found["date"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert (found["backups"], found["operational"]["count"], found["vault"]["count"]) == (31, 7, 0)
    assert found == backup_retention({"preset": "week"}, days="31", start=start)


def test_without_a_start_backups_begin_now():
    found = backup_retention({"preset": "week"}, days=3)
    assert found["backups"] == 3
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(datetime.datetime.fromisoformat(found["start"].replace("Z", "+00:00")) - now).total_seconds() < 120


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "needs either date or days"),
        ({"date": "2026-01-01", "days": 3}, "needs either date or days"),
        ({"days": "many"}, "days is 'many'; it must be a number of days"),
        ({"days": 4000}, "it can go over 3653 days"),
        ({"days": -1}, "not back in time"),
        ({"date": "soon"}, "date is 'soon'; it must be a date such as 2026-01-31"),
        ({"days": 3, "start": "soon"}, "start is 'soon'"),
    ],
)
def test_what_cannot_be_simulated_is_said(arguments, said):
    with pytest.raises(AnsibleFilterError, match=said):
        backup_retention({"preset": "week"}, **arguments)


def test_policies_beyond_the_limits_of_the_service_are_refused():
    with pytest.raises(AnsibleFilterError, match="at most 500 incremental snapshots of a disk"):
        backup_retention({"operational_retention": {"days": 100}}, days=1)
    raw = backup_policy({"preset": "week"})
    raw["properties"]["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"] = "P400D"
    with pytest.raises(
        AnsibleFilterError, match="operational tier for 400 days; Azure keeps them there for at most 360"
    ):
        backup_retention(raw, days=1)
    with pytest.raises(AnsibleFilterError, match="cannot be simulated"):
        backup_retention({"policyRules": []}, days=1)


def test_the_examples_run(emulator):
    """As plays do: the documentation's own tasks, with the folder to write to as the only change."""
    tasks = [task for name in FILTERS for task in yaml.safe_load(documentation(name)["EXAMPLES"])]
    for task in tasks:
        if "ansible.builtin.copy" in task:
            task["ansible.builtin.copy"]["dest"] = "{{ playbook_dir }}/policy.json"
    run = Subscription(emulator).play(tasks).ok()
    assert len(run.steps) == len(tasks)
