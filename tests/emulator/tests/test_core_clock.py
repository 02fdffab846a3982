# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual time: order, advancing, timestamps, saving."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.clock import Clock, moment, stamp, ticks


@given(st.lists(st.integers(min_value=0, max_value=1000), max_size=30))
def test_events_run_in_order_and_see_their_own_time(delays):
    seen: list[tuple[float, float]] = []
    clock = Clock(lambda name, payload: seen.append((payload["when"], clock.now)))
    start = clock.now
    for delay in delays:
        clock.at(start + delay, "event", {"when": start + delay})
    clock.advance(1001)
    assert [when for when, dummy in seen] == sorted(start + delay for delay in delays)
    assert all(when == now for when, now in seen)


def test_an_event_may_cause_others_that_are_due_in_the_same_jump():
    seen: list[float] = []

    def dispatch(name: str, payload: dict) -> None:
        seen.append(clock.now)
        if len(seen) < 5:
            clock.after(3600, name, payload)
    clock = Clock(dispatch)
    clock.after(3600, "hourly", {})
    clock.advance(86400)
    assert [round(later - earlier) for earlier, later in pairwise(seen)] == [3600] * 4


def test_what_is_saved_goes_on_at_the_same_time():
    seen: list[str] = []
    first, second = Clock(lambda name, payload: None), Clock(lambda name, payload: seen.append(name))
    first.after(100, "late", {})
    first.after(50, "early", {})
    first.advance(10)
    second.load(first.save())
    assert abs(second.now - first.now) < 1
    second.advance(95)
    assert seen == ["early", "late"]


def test_timestamps_have_no_trailing_zeros():
    when = datetime(2026, 1, 5, 7, 49, 43, 74710, timezone.utc).timestamp()
    assert stamp(when) == "2026-01-05T07:49:43.07471Z"
    assert stamp(when, 0) == "2026-01-05T07:49:43Z"
    assert stamp(float(int(when))) == "2026-01-05T07:49:43Z"
    assert moment(when).year == 2026
    # .NET counts from the year 1
    assert ticks(0) == 621355968000000000


def test_another_speed_does_not_make_time_jump():
    clock = Clock(lambda name, payload: None, speed=1_000_000)
    before = clock.now
    clock.run_at(1)
    after = clock.now
    assert clock.speed == 1
    assert before <= after <= clock.now < after + 60
