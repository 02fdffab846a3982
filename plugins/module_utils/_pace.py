# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slowing down before Azure Resource Manager refuses requests. Private to the collection.

Resource Manager has a bucket of tokens for each subscription, caller and kind of request (reads, writes, deletes), and
each reply tells how many are left. As long as there are many, requests go out at once. Below :data:`FLOOR` they go out
one after the other, the slower the fewer are left, so runs that know nothing of each other settle at what Azure fills
in again. Source: "Understand how Azure Resource Manager throttles requests",
https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Method -> the bucket that it takes from; others are writes. Bucket -> tokens a second that Azure fills in again.
BUCKETS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
RATES = {"reads": 25.0, "writes": 10.0, "deletes": 10.0}
# With fewer tokens left than this, of 250 reads or 200 writes, requests are spaced out: by what Azure takes to fill in
# one, times the square of how many times fewer there are. So ten runs settle at a third of it. Nobody waits for more
# than MOST tokens.
FLOOR = 100
MOST = 64
# Of what is filled in while nothing is heard, others are taken to use up nine tenths.
OURS = 0.1
# Resource Manager's headers. Those of resource providers, in other forms, are about limits of their own.
_REMAINING = re.compile(r"x-ms-ratelimit-remaining-(subscription|tenant)-[\w-]+", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)


@dataclass
class Bucket:
    """What is known of a bucket: ``left`` tokens at the moment ``at``; ``last`` is when a request went out. Seconds on
    any one clock.
    """

    rate: float
    left: float | None = None
    at: float = 0.0
    last: float = 0.0
    under_way: int = 0
    # Held by the one whose turn is next; the others sleep.
    turn: threading.Lock = field(default_factory=threading.Lock)

    def delay(self, now: float) -> float:
        """Seconds to wait before the next request."""
        if self.left is None:
            return 0.0
        left = self.left + (now - self.at) * self.rate * OURS
        if left >= FLOOR:
            return 0.0
        apart = min(MOST, (FLOOR / max(left, 1.0)) ** 2)
        return max(0.0, self.last + apart / self.rate - now)

    def begin(self, now: float) -> None:
        self.last = now
        self.under_way += 1
        if self.left is not None:
            self.left -= 1

    def end(self, now: float, left: int | None) -> None:
        """A request has ended; ``left`` is what its reply tells, None where it tells nothing."""
        self.under_way -= 1
        if left is not None:
            # Azure may not have counted what is under way.
            self.left, self.at = float(left - self.under_way), now


class Pace:
    """The buckets of one caller. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._clock, self._sleep = clock, sleep
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._guard = threading.Lock()

    def begin(self, method: str, url: str, patience: Callable[[], float]) -> Bucket:
        """Wait until the request may go out, no longer than ``patience`` says; what it returns is for :meth:`end`."""
        found = _SUBSCRIPTION.search(url)
        kind = BUCKETS.get(method.upper(), "writes")
        key = (found[1].lower() if found else "", kind)
        with self._guard:
            bucket = self._buckets.setdefault(key, Bucket(RATES[kind]))
        with bucket.turn:
            while True:
                with self._guard:
                    now = self._clock()
                    delay = bucket.delay(now)
                    if delay <= 0 or delay >= patience():
                        bucket.begin(now)
                        return bucket
                # Replies to others may tell meanwhile that there is more, or less.
                self._sleep(min(delay, 1.0))

    def end(self, bucket: Bucket, headers: Mapping[str, str]) -> None:
        with self._guard:
            bucket.end(self._clock(), remaining(headers))


def remaining(headers: Mapping[str, str]) -> int | None:
    """The fewest requests that the headers of a reply leave to the caller; None where they tell nothing."""
    told = [text for name, text in headers.items() if _REMAINING.fullmatch(name) and text.strip().isdigit()]
    return min(map(int, told), default=None)
