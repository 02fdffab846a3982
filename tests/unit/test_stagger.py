# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spreading the backups of many clusters: where a cluster goes, what its policy is then, and what cannot be spread."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.aks.backup.plugins.filter.backup_stagger import backup_stagger
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import stagger

CLUSTERS = "/subscriptions/{}/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-{:04}"
# Made up once, so that what is counted below is the same in every run.
FLEET = [CLUSTERS.format(uuid.uuid5(uuid.NAMESPACE_DNS, "fleet"), number) for number in range(1000)]


@pytest.mark.parametrize("slots", [2, 7, 8, 48])
def test_slots_are_evenly_filled(slots):
    found = Counter(stagger.slot(one, slots) for one in FLEET)
    mean = len(FLEET) / slots
    assert sorted(found) == list(range(slots))
    # Four standard deviations of what chance would do.
    assert all(abs(count - mean) < 4 * mean**0.5 for count in found.values()), found


def test_a_cluster_stays_where_it_is():
    assert [stagger.slot(one, 8) for one in FLEET[:8]] == [5, 4, 0, 4, 2, 0, 4, 6]
    assert stagger.slot(FLEET[0].upper(), 8) == stagger.slot(FLEET[0], 8)


def slots(policy: dict, window: int, count: int) -> dict[str, str]:
    """Names of the policies that a fleet gets, each with its schedule's start."""
    found = {}
    for one in FLEET[:200]:
        options = stagger.staggered(policy, one, window, count)
        made = policy_short.document(options)["properties"]["policyRules"][0]["trigger"]["schedule"]
        assert found.setdefault(options["name"], made["repeatingTimeIntervals"][0]) == made["repeatingTimeIntervals"][0]
    return found


def test_names_and_starts_are_those_of_the_slots():
    assert slots({"preset": "week"}, 240, 4) == {
        "aks-week": "R/2024-01-01T02:00:00+00:00/P1D",
        "aks-week-plus-60m": "R/2024-01-01T03:00:00+00:00/P1D",
        "aks-week-plus-120m": "R/2024-01-01T04:00:00+00:00/P1D",
        "aks-week-plus-180m": "R/2024-01-01T05:00:00+00:00/P1D",
    }
    # Over midnight, with a window that slots do not divide, and in another time zone.
    late = {"name": "late", "rpo_hours": 24, "schedule": {"start_time": "23:00", "time_zone": "India Standard Time"}}
    assert slots(late, 100, 3) == {
        "late": "R/2024-01-01T23:00:00+05:30/P1D",
        "late-plus-33m": "R/2024-01-01T23:33:00+05:30/P1D",
        "late-plus-66m": "R/2024-01-02T00:06:00+05:30/P1D",
    }


def test_everything_else_of_the_policy_is_as_it_was():
    given = {"name": "mine", "on_difference": "rotate", "schedule": {"frequency": "weekly", "delay": None}}
    before = {**given, "schedule": dict(given["schedule"])}
    made = stagger.staggered(given, FLEET[0], 80, 8)
    assert made == {**given, "name": "mine-plus-50m", "schedule": {"frequency": "weekly", "delay": 50}}
    assert given == before


@pytest.mark.parametrize(
    ("policy", "window", "slots", "said"),
    [
        ({}, 240, 1, "stagger.slots is 1; it takes at least 2"),
        ({}, 7, 8, "stagger.window is 7 minutes, too little for 8 slots of at least a minute each."),
        ({}, 241, 8, "stagger.window is 241 minutes, and the policy makes a backup every 240 minutes."),
        ({"schedule": {"frequency": "weekly"}}, 10081, 8, "every 10080 minutes"),
        ({"id": "/x"}, 60, 8, "policy.id names a policy that is there already"),
        ({"policy_definition": {"policyRules": []}}, 60, 8, "policy.policy_definition is used as it is"),
        ({"repeating_time_intervals": ["R/2024-01-01T02:00:00Z/P1D"]}, 60, 8, "policy.repeating_time_intervals says"),
        ({"schedule": {"delay": 5}}, 60, 8, "and so does policy.schedule.delay."),
    ],
)
def test_what_cannot_be_spread_is_refused_for_every_cluster(policy, window, slots, said):
    for one in FLEET[:8]:
        with pytest.raises(Refused, match=said):
            stagger.staggered(policy, one, window, slots)
    with pytest.raises(AnsibleFilterError, match=f"aks.backup.backup_stagger: .*{said}"):
        backup_stagger(policy, FLEET[0], window, slots)


def test_the_filter_takes_text_and_says_what_it_does_not_take():
    expected = stagger.staggered({"rpo_hours": 6}, FLEET[0], 240, 8)
    assert backup_stagger({"rpo_hours": 6}, FLEET[0], 240) == expected
    assert backup_stagger({"rpo_hours": "6"}, FLEET[0], window="240", slots="8") == {**expected, "rpo_hours": "6"}
    # Nothing is added that nobody has given.
    assert backup_stagger({"preset": "week"}, FLEET[2], 240) == {"name": "aks-week", "preset": "week"}
    with pytest.raises(AnsibleFilterError, match="takes a dictionary"):
        backup_stagger("aks-default", FLEET[0], 240)
    with pytest.raises(AnsibleFilterError, match="window is None; it must be a whole number"):
        backup_stagger({}, FLEET[0], None)
    with pytest.raises(AnsibleFilterError, match="value of preset must be one of"):
        backup_stagger({"preset": "fortnight"}, FLEET[0], 240)


@pytest.mark.parametrize("delay", [-1, 240])
def test_a_delay_is_less_than_there_is_between_two_backups(delay):
    with pytest.raises(Refused, match=f"schedule.delay is {delay} minutes; with backups every 240 minutes"):
        policy_short.document({"schedule": {"delay": delay}})


def test_a_delay_does_not_go_with_intervals():
    raw = ["R/2024-01-01T02:00:00Z/P1D"]
    with pytest.raises(Refused, match=r"and so does schedule\.delay"):
        policy_short.document({"repeating_time_intervals": raw, "schedule": {"delay": 5}})
