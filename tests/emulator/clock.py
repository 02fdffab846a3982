# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one virtual clock, and the timed events that happen on it.

Time is a float of seconds since the epoch. It runs ``speed`` times as fast as real time and can be advanced. Events are
data (time, name, payload), so that they survive saving and loading; they are run in order of time, each seeing its own
time as ``now``, so advancing by a month gives what living through it would have given.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NEVER = "0001-01-01T00:00:00Z"
TICKS_AT_EPOCH = 621_355_968_000_000_000


def moment(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def stamp(seconds: float, digits: int = 6) -> str:
    """A timestamp as Azure writes it: UTC, fraction without trailing zeros, none at all when it is zero."""
    text = moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:20 + digits]
    return text.rstrip("0").rstrip(".") + "Z"


def ticks(seconds: float) -> int:
    """.NET ticks (100 ns since the year 1), as signed monitor URLs carry them."""
    return int(seconds * 10_000_000) + TICKS_AT_EPOCH


class Clock:
    """``dispatch(name, payload)`` is called for every event whose time has come."""

    def __init__(self, dispatch: Callable[[str, dict[str, Any]], None], speed: float = 1.0):
        self.speed = speed
        self._dispatch = dispatch
        self._heap: list[tuple[float, int, str, dict[str, Any]]] = []
        self._count = 0
        self._start, self._base = time.monotonic(), time.time()
        self._frozen: float | None = None

    @property
    def now(self) -> float:
        if self._frozen is not None:
            return self._frozen
        return self._base + (time.monotonic() - self._start) * self.speed

    def run_at(self, speed: float) -> None:
        """Run at another speed from now on; time goes on from where it is."""
        self._start, self._base, self.speed = time.monotonic(), self.now, speed

    def at(self, when: float, name: str, payload: dict[str, Any]) -> None:
        """Run the event when the clock gets there; never before what is already due at that time."""
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, name, payload))

    def after(self, seconds: float, name: str, payload: dict[str, Any]) -> None:
        self.at(self.now + seconds, name, payload)

    def run_due(self, limit: int | None = None) -> int:
        """Run what is due, at most ``limit`` events; gives the number of events run."""
        if self._frozen is not None:
            return 0
        target, done = self.now, 0
        try:
            while self._heap and self._heap[0][0] <= target and (limit is None or done < limit):
                when, dummy, name, payload = heapq.heappop(self._heap)
                self._frozen = when
                self._dispatch(name, payload)
                done += 1
        finally:
            self._frozen = None
        return done

    def advance(self, seconds: float) -> int:
        """Jump forward, running everything on the way; gives the number of events run."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._base += seconds
        return self.run_due()

    @property
    def next_event(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def save(self) -> dict[str, Any]:
        return {"now": self.now, "events": [[when, name, payload] for when, dummy, name, payload in sorted(self._heap)]}

    def load(self, state: dict[str, Any]) -> None:
        self._start, self._base = time.monotonic(), state["now"]
        self._heap = [(when, number, name, payload) for number, (when, name, payload) in enumerate(state["events"])]
        self._count = len(self._heap)
        heapq.heapify(self._heap)
