# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM's token buckets: per subscription and principal, reads, writes and deletes apart.

Bucket sizes and refill rates: "Understand how Azure Resource Manager throttles requests" of the ARM documentation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import FrontDoorError
from .provider import Reply

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .rbac import Principal
    from .server import Server

# kind of request: (bucket size, refill per second)
BUCKETS = {"subscription-resource-requests": (250, 25), "subscription-writes": (200, 10),
           "subscription-deletes": (200, 10)}
# For writes and deletes a bucket of all instances of Resource Manager together is told of, too; it is so many times as
# large, and never the one that runs dry first.
GLOBAL = 15
# Azure Resource Graph counts for itself: queries of a caller in a window, in seconds. "Guidance for throttled requests
# in Azure Resource Graph".
QUERIES, WINDOW = 15, 5.0
KINDS = {"GET": "subscription-resource-requests", "HEAD": "subscription-resource-requests",
         "DELETE": "subscription-deletes"}


@dataclass
class Bucket:
    tokens: float
    filled: float


class Throttle:
    """Counts and refuses only when the setting ``throttle`` is on; else every bucket is said to be full, since clients
    slow down of low ones. Refill is in virtual time, so that a fast clock does not throttle a client that would not be
    throttled at real speed."""

    def __init__(self, server: Server):
        self._server = server
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._queries: dict[str, Bucket] = {}

    def _bucket(self, principal: str, subscription: str, kind: str) -> Bucket:
        size, rate = BUCKETS[kind][0], self._rate(kind)
        now = self._server.world.clock.now
        bucket = self._buckets.setdefault((principal, subscription.lower(), kind), Bucket(size, now))
        bucket.tokens = min(size, bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        return bucket

    def _rate(self, kind: str) -> float:
        return BUCKETS[kind][1] * self._server.world.settings.throttle_refill

    def apply(self, exchange: Exchange) -> Reply | None:
        assert exchange.principal and exchange.target
        kind = KINDS.get(exchange.method, "subscription-writes")
        if not self._server.world.settings.throttle:
            return None
        bucket = self._bucket(exchange.principal.oid, exchange.target.id.subscription, kind)
        if bucket.tokens < 1:
            wait = max(1.0, (1 - bucket.tokens) / self._rate(kind))
            raise FrontDoorError(
                429, "SubscriptionRequestsThrottled",
                f"Number of requests for subscription '{exchange.target.id.subscription}' and operation "
                f"'{exchange.method}' exceeded the backend storage limit. Please try again after '{wait:.0f}' seconds.",
                {"Retry-After": self._server.world.retry_after(wait)})
        bucket.tokens -= 1
        return None

    def query(self, principal: Principal) -> tuple[bool, dict[str, str]]:
        """Count one query of Resource Graph: whether the caller has it, and the headers that tell the quota."""
        now = self._server.world.clock.now
        window = self._queries.get(principal.oid)
        if window is None or now >= window.filled + WINDOW or not self._server.world.settings.throttle:
            window = self._queries[principal.oid] = Bucket(QUERIES, now)
        had = window.tokens >= 1
        window.tokens = max(0, window.tokens - 1)
        seconds = math.ceil(window.filled + WINDOW - now)
        return had, {"x-ms-user-quota-remaining": str(int(window.tokens)),
                     "x-ms-user-quota-resets-after": f"00:00:{seconds:02}"}

    def remaining(self, principal: Principal | None, subscription: str, kind: str) -> int:
        if not principal or not self._server.world.settings.throttle:
            return BUCKETS[kind][0]
        return max(0, int(self._bucket(principal.oid, subscription, kind).tokens))
