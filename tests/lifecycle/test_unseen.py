# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the caller has no sight of: inventory and report say so, since an answer that lacks it looks like a good one."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import events
from tests.emulator import Emulator
from tests.harness.direct import azure, perform
from tests.harness.fleets import CONDITIONS, Fleet, look

REPORT = "aks_backup_coverage_info"
NOBODYS = "00000000-0000-0000-0000-000000000009"
NOTHING_OF = f"Azure Resource Graph shows nothing of these subscriptions: {NOBODYS}. What is in them is left out."
NO_CLUSTER = "Azure Resource Graph shows no AKS cluster at all where it was looked for."


@pytest.fixture(scope="module")
def emulator():
    with Emulator(speed=1) as running:
        yield running


def report(fleet: Fleet, **options: Any) -> dict[str, Any]:
    return perform(fleet.subscription, REPORT, **options)


def test_a_subscription_that_cannot_be_read_beside_others_is_named(emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """Resource Graph passes over it without a word. Those without clusters are seen, and not named."""
    fleet = Fleet(emulator, {"aks-1": CONDITIONS["well"]}, 2)
    everything = [*fleet.subscriptions, NOBODYS]
    found = report(fleet, subscriptions=everything)
    (warning,) = found["warnings"]
    assert warning.startswith(NOTHING_OF) and "give the caller the role Reader there." in warning
    assert found["summary"]["clusters"] == 1
    assert report(fleet, subscriptions=fleet.subscriptions)["warnings"] == []
    assert NOTHING_OF in stderr_of(fleet, tmp_path, {"subscriptions": everything})


def test_nothing_at_all_is_not_all_is_well(emulator: Emulator, tmp_path: pathlib.Path) -> None:
    page, text = tmp_path / "page.html", tmp_path / "page.md"
    fleet = Fleet(emulator, {})
    found = report(fleet, output={"html": str(page), "markdown": str(text)})
    (warning,) = found["warnings"]
    assert warning.startswith(NO_CLUSTER)
    assert '<b class="warn">-</b>covered' in page.read_text()
    assert "None: this report is about no cluster." in page.read_text()
    assert "None: this report is about no cluster." in text.read_text()
    some = Fleet(emulator, {"aks-1": CONDITIONS["well"]})
    assert report(some)["warnings"] == []
    (warning,) = report(some, names=["nobodys"])["warnings"]
    assert warning.endswith("the report is about nothing.")
    assert NO_CLUSTER in stderr_of(fleet, tmp_path, {})


def stderr_of(fleet: Fleet, folder: pathlib.Path, options: dict[str, Any]) -> str:
    """What ansible-inventory says beside the inventory. It fails in the end, of a pattern for names that is none."""
    broken = {**options, "hostnames": ["{none}"]}
    said: str = look(fleet.subscription, folder, broken, code=1)
    return said


def test_an_event_tells_once_of_what_is_out_of_sight(emulator: Emulator) -> None:
    fleet = Fleet(emulator, {"aks-1": CONDITIONS["bare"]})
    plain: dict[str, Any] = {"grace": "2h", "partial_counts": True, "since": "24h", "findings": ["unprotected"]}
    params = {**plain, "subscriptions": [fleet.subscription.id, NOBODYS]}
    arm = azure(fleet.subscription)
    found, memory = events.look(arm, params, events.Memory())
    assert [one["kind"] for one in found] == ["finding", "blind"] and found[1]["message"].startswith(NOTHING_OF)
    assert events.look(arm, params, memory)[0] == []
    # Once there is nothing more to it, it can come again.
    found, memory = events.look(arm, {**params, "subscriptions": [fleet.subscription.id]}, memory)
    assert found == [] and len(memory.open) == 1
    fleet.remove("aks-1")
    fleet.settle()
    (event,), memory = events.look(arm, {**params, "subscriptions": [fleet.subscription.id]}, memory)
    assert event["message"].startswith(NO_CLUSTER)


def test_who_may_read_nothing_is_told_where(emulator: Emulator) -> None:
    fleet = Fleet(emulator, {})
    many = [NOBODYS[:-1] + str(number) for number in range(5)]
    for options, where in (
        ({"subscriptions": [NOBODYS]}, NOBODYS),
        ({"subscriptions": many}, f"{', '.join(many[:3])} and 2 more"),
        ({"management_groups": ["nobodys"]}, "nobodys"),
    ):
        said = report(fleet, **options)["msg"]
        assert said.startswith(f"The caller may read nothing of {where}, or there is no such place. Check IDs and")
        assert "AccessDenied" in said


@pytest.mark.parametrize("known", ["well", "without_extension"])
def test_a_cluster_that_cannot_be_read_does_not_spoil_the_report(emulator: Emulator, known: str) -> None:
    """What Resource Graph shows of it counts, and no more is made of it than where nobody asks clusters."""
    fleet = Fleet(emulator, {f"aks-{number}": CONDITIONS[known] for number in range(3)})
    plain = report(fleet)
    fleet.subscription.fault(
        {"status": 403, "code": "AuthorizationFailed", "message": "You may not."}, method="GET", path="aks-1/trusted"
    )
    found = report(fleet, check_clusters=True)
    assert not found.get("failed"), found["msg"]
    (warning,) = found["warnings"]
    assert warning.startswith(
        "These clusters could not be read themselves, so what Azure Resource Graph shows of them "
    )
    assert "counts: aks-1. " in warning and "AuthorizationFailed: You may not." in warning
    assert found["clusters"][1] == plain["clusters"][1] and len(found["clusters"]) == 3
    others = {one["reason"] for cluster in found["clusters"][::2] for one in cluster["findings"]}
    assert others == ({"extension_missing"} if known == "without_extension" else set())
    emulator.clear_faults()
    # Nor does one of which Azure itself cannot tell; with the one status of these that is not tried again for seconds.
    fleet.subscription.fault({"status": 501, "code": "Ailing"}, method="GET", path="aks-1/.*/extensions")
    again = report(fleet, check_clusters=True)
    (warning,) = again["warnings"]
    assert "counts: aks-1. Azure did not list" in warning and "Ailing" in warning
    assert again["clusters"] == found["clusters"]
    fleet.subscription.fault({"status": 400, "code": "Odd", "message": "What?"}, method="GET", path="aks-2/trusted")
    assert "Odd" in report(fleet, check_clusters=True)["msg"]
