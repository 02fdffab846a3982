# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing and applying: only what was asked, per path, and one list for changed, diff and body."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _compare
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, Difference, Exactly, apply, differences

LIVE = {
    "location": "eastus",
    "tags": {"a": "1", "b": "2"},
    "properties": {"days": 14.0, "list": [{"type": "LocallyRedundant"}], "added": {"by": "azure"}},
}


@pytest.mark.parametrize(
    ("desired", "rules"),
    [
        ({}, {}),
        ({"properties": {"days": 14}}, {}),
        ({"tags": {"a": "1"}}, {}),
        ({"location": "East US"}, {"location": _compare.region}),
        ({"properties": {"list": [{"type": "locallyREDUNDANT"}]}}, {"properties.list[].type": _compare.caseless}),
        (
            {"properties": {"immutability": {"state": "Disabled"}}},
            {"properties.immutability.state": _compare.absent_is("Disabled")},
        ),
        ({"properties": {"nothing": None}}, {}),
    ],
)
def test_no_difference_where_nothing_was_asked_or_all_is_as_asked(desired, rules):
    assert differences(desired, LIVE, rules) == []


def test_differences_name_path_before_and_after():
    desired = {
        "tags": {"a": "9", "c": "3"},
        "properties": {"days": 30, "new": {"x": True}, "list": [{"type": "GeoRedundant"}]},
    }
    assert differences(desired, LIVE) == [
        Difference(("tags", "a"), "1", "9"),
        Difference(("tags", "c"), ABSENT, "3"),
        Difference(("properties", "days"), 14.0, 30),
        Difference(("properties", "new"), ABSENT, {"x": True}),
        Difference(("properties", "list", 0, "type"), "LocallyRedundant", "GeoRedundant"),
    ]


def test_exactly_removes_what_was_not_asked_for_and_a_plain_mapping_keeps_it():
    assert differences({"tags": {"a": "1"}}, LIVE) == []
    assert differences({"tags": Exactly({"a": "1"})}, LIVE) == [Difference(("tags", "b"), "2", ABSENT)]
    assert differences({"tags": Exactly()}, {}) == []


def test_applying_the_differences_leaves_none_and_loses_nothing():
    desired = {
        "tags": Exactly({"a": "9"}),
        "properties": {"days": 30, "deep": {"er": [1]}, "list": [{"type": "GeoRedundant"}]},
    }
    changed = apply(LIVE, differences(desired, LIVE))
    assert differences(desired, changed) == []
    assert changed["properties"]["added"] == {"by": "azure"}
    assert changed["tags"] == {"a": "9"}
    assert LIVE["tags"] == {"a": "1", "b": "2"}
    assert changed["properties"]["list"][0] is not desired["properties"]["list"][0]


def test_only_the_changes_applied_to_nothing_make_a_patch():
    assert apply({}, [Difference(("properties", "settings", "a.b"), ABSENT, "x")]) == {
        "properties": {"settings": {"a.b": "x"}}
    }


@pytest.mark.parametrize(
    ("equal", "wanted", "live", "same"),
    [
        (_compare.same_value, True, 1, False),
        (_compare.same_value, 0, 0.0, True),
        (_compare.same_value, "1", 1, False),
        (_compare.same_value, None, ABSENT, True),
        (_compare.same_value, "x", ABSENT, False),
        (_compare.caseless, "AzureDisk", "azuredisk", True),
        (_compare.caseless, "/A/b/", "/a/B", True),
        (_compare.caseless, "x", None, False),
        (_compare.duration, "P1W", "P7D", True),
        (_compare.duration, "PT24H", "P1D", True),
        (_compare.duration, "P7D", "P8D", False),
        (_compare.unordered, ["a", "B"], ["b", "A"], True),
        (_compare.unordered, [], None, True),
        (_compare.unordered, ["a"], ["a", "a"], False),
        (_compare.absent_is("Enabled"), "Disabled", ABSENT, False),
        (_compare.absent_is("Enabled"), "enabled", ABSENT, True),
    ],
)
def test_comparators(equal, wanted, live, same):
    assert equal(wanted, live) is same


def test_read_only_keys_are_left_out_by_path():
    assert _compare.without(LIVE, ["properties.days", "properties.missing.key", "tags"]) == {
        "location": "eastus",
        "properties": {"list": [{"type": "LocallyRedundant"}], "added": {"by": "azure"}},
    }


def test_digging_stops_at_null_and_missing():
    assert _compare.dig(LIVE, "properties.added.by") == "azure"
    assert _compare.dig({"a": None}, "a.b", "default") == "default"
    assert _compare.dig(None, "a") is None
