# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slowing down before Azure refuses: runs that know nothing of each other share a bucket, on a clock of the test's."""

from __future__ import annotations

import heapq
import itertools

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _pace
from ansible_collections.aks.backup.plugins.module_utils._pace import Bucket, Pace

SIZES = {"reads": 250, "writes": 200, "deletes": 200}
URL = "https://management.azure.com/subscriptions/ABC/resourceGroups/rg?api-version=1"


def share(kind: str, runs: int, workers: int, each: int, latency: float = 0.1, paced: bool = True) -> tuple[int, float]:
    """Let runs, each with so many threads and requests, take from one bucket of Azure's: refusals and seconds. What is
    refused is tried again after a second, as Azure asks.
    """
    rate, tokens, filled = _pace.RATES[kind], float(SIZES[kind]), 0.0
    buckets = [Bucket(rate) for _run in range(runs)]
    todo = [each] * runs
    number = itertools.count()
    events = [(0.0, next(number), "ask", run, None) for run in range(runs) for _worker in range(workers)]
    heapq.heapify(events)
    refused, now = 0, 0.0
    while events:
        now, _number, what, run, left = heapq.heappop(events)
        bucket = buckets[run]
        if what == "ask":
            delay = bucket.delay(now) if paced else 0.0
            if todo[run] == 0:
                continue
            if delay > 0:
                heapq.heappush(events, (now + min(delay, 1.0), next(number), "ask", run, None))
                continue
            bucket.begin(now)
            todo[run] -= 1
            tokens, filled = min(SIZES[kind], tokens + (now - filled) * rate), now
            if tokens >= 1:
                tokens -= 1
                heapq.heappush(events, (now + latency, next(number), "reply", run, int(tokens)))
            else:
                refused += 1
                todo[run] += 1
                heapq.heappush(events, (now + latency, next(number), "refusal", run, 0))
        else:
            bucket.end(now, left)
            heapq.heappush(events, (now + (1.0 if what == "refusal" else 0.0), next(number), "ask", run, None))
    return refused, now


@pytest.mark.parametrize("kind", ["reads", "writes"])
@pytest.mark.parametrize(("runs", "workers"), [(1, 64), (4, 16), (10, 5), (40, 1)])
def test_runs_that_know_nothing_of_each_other_stay_below_the_bucket(kind, runs, workers):
    requests = 4000
    refused, seconds = share(kind, runs, workers, requests // runs)
    assert refused == 0
    # And they use what there is: no more than a third longer than Azure takes to fill in so many tokens.
    assert seconds < 1.34 * (requests - SIZES[kind]) / _pace.RATES[kind]


def test_a_burst_of_many_runs_at_once_is_refused_little():
    """Before the first reply nobody knows anything: 256 requests at once into a bucket of 200."""
    refused, _seconds = share("writes", 4, 64, 1000)
    unpaced, _seconds = share("writes", 4, 64, 1000, paced=False)
    assert refused < 4000 * 0.05 < unpaced


def test_nothing_waits_while_there_are_many():
    bucket = Bucket(10.0)
    assert bucket.delay(5.0) == 0.0
    bucket.begin(5.0)
    bucket.end(5.1, 200)
    for number in range(200 - _pace.FLOOR):
        assert bucket.delay(5.1) == 0.0, number
        bucket.begin(5.1)
    bucket.begin(5.1)
    assert bucket.delay(5.1) == pytest.approx(0.1, rel=0.05)
    assert bucket.delay(5.3) == 0.0
    # Azure fills in what nobody takes.
    bucket.begin(5.3)
    bucket.end(5.3, 10)
    assert bucket.delay(5.3) > 5.0 and bucket.delay(5.3 + 100) == 0.0


def test_with_nothing_left_a_run_takes_its_share_only():
    bucket = Bucket(10.0)
    bucket.begin(1.0)
    bucket.end(1.0, 0)
    assert bucket.delay(1.0) == pytest.approx(_pace.MOST / 10.0)
    # What is under way may not have been counted.
    bucket.begin(2.0)
    bucket.begin(2.0)
    bucket.end(2.0, _pace.FLOOR + 1)
    assert bucket.delay(2.0) == 0.0
    bucket.begin(2.0)
    bucket.end(2.0, _pace.FLOOR)
    assert bucket.delay(2.0) > 0.0


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def empty(pace: Pace, method: str, url: str) -> None:
    pace.end(pace.begin(method, url, lambda: 60.0), {"x-ms-ratelimit-remaining-subscription-writes": "0"})


def test_buckets_are_apart_by_subscription_and_kind():
    clock = Time()
    pace = Pace(lambda: clock.now, clock.sleep)
    empty(pace, "PUT", URL)
    for method, url in (("GET", URL), ("DELETE", URL), ("PUT", URL.replace("ABC", "other")), ("POST", "https://h/x")):
        pace.begin(method, url, lambda: 60.0)
        assert clock.now == 0.0, (method, url)
    pace.begin("PATCH", URL.replace("ABC", "abc"), lambda: 60.0)
    assert 5.0 < clock.now < 10.0


def test_nobody_waits_beyond_the_deadline():
    clock = Time()
    pace = Pace(lambda: clock.now, clock.sleep)
    empty(pace, "PUT", URL)
    pace.begin("PUT", URL, lambda: 1.0)
    assert clock.now == 0.0


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({}, None),
        ({"x-ms-ratelimit-remaining-subscription-reads": "249"}, 249),
        ({"X-Ms-Ratelimit-Remaining-Subscription-Global-Writes": "2999",
          "x-ms-ratelimit-remaining-subscription-writes": "199"}, 199),
        ({"x-ms-ratelimit-remaining-tenant-reads": "7"}, 7),
        ({"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/GetVM3Min;107,Microsoft.Compute/GetVM30Min;587"},
         None),
        ({"x-ms-ratelimit-remaining-subscription-reads": "many"}, None),
    ],
)  # fmt: skip
def test_what_headers_tell(headers, left):
    assert _pace.remaining(headers) == left
