# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: every request that reached the cloud, for assertions such as "the second run wrote nothing"."""

from __future__ import annotations

import bisect
import itertools
import time
from typing import TYPE_CHECKING, Any

from .clock import stamp

if TYPE_CHECKING:
    from .pipeline import Exchange

# Long runs would otherwise fill memory; older entries are forgotten, their numbers are not used again.
KEPT = 200_000


class Journal:
    """Entries are dicts: n, time (virtual), method, path, id, type, query, api_version, subscription, principal,
    client_request_id, request_id, connection (the client's port, which tells connections apart), status, write, action,
    body, fault, duration (real seconds)."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.count = 0

    def begin(self, exchange: Exchange) -> None:
        self.count += 1
        exchange.entry.update(
            n=self.count, time=stamp(exchange.server.world.clock.now), method=exchange.method, path=exchange.path,
            id=None, type=None, query=exchange.raw_query if len(exchange.raw_query) < 500 else
            exchange.raw_query[:500] + "...", api_version=exchange.query.get("api-version"), subscription=None,
            principal=None, client_request_id=exchange.client_request_id, request_id=exchange.request_id,
            connection=exchange.connection, status=None,
            write=exchange.method in {"PUT", "PATCH", "DELETE", "POST"}, action=None, body=None, fault=None,
            duration=None, started=time.monotonic())
        self.entries.append(exchange.entry)
        if len(self.entries) > KEPT:
            del self.entries[:KEPT // 10]

    def finish(self, exchange: Exchange, status: int | None) -> None:
        """``status`` is None when the connection was dropped before an answer."""
        entry = exchange.entry
        entry["duration"] = round(time.monotonic() - entry.pop("started"), 6)
        entry["status"] = status
        if exchange.principal:
            entry["principal"] = exchange.principal.oid
        target = exchange.target
        if target:
            entry.update(id=target.id.text, type=f"{target.provider.namespace}/{target.type.name}".rstrip("/"),
                         subscription=target.id.subscription or None, action=target.action or None,
                         write=target.writes)
        if exchange.content:
            try:
                entry["body"] = exchange.body
            except Exception:  # a malformed body is journaled as text, whatever is wrong with it
                entry["body"] = exchange.content[:1000].decode("utf-8", "replace")

    def sign_in(self, method: str, path: str, status: int, now: float, connection: int) -> None:
        """Requests to Entra: counted, without their bodies, which hold secrets."""
        self.count += 1
        self.entries.append({"n": self.count, "time": stamp(now), "method": method, "path": path, "id": None,
                             "type": "Entra", "query": "", "api_version": None, "subscription": None,
                             "principal": None, "client_request_id": None, "request_id": None, "connection": connection,
                             "status": status, "write": False, "action": None, "body": None, "fault": None,
                             "duration": None})

    def select(self, subscription: str = "", since: int = 0, writes: bool = False) -> list[dict[str, Any]]:
        first = bisect.bisect_right(self.entries, since, key=lambda entry: entry["n"])
        return [entry for entry in itertools.islice(self.entries, first, None)
                if (not writes or entry["write"])
                and (not subscription or (entry["subscription"] or "").lower() == subscription.lower()
                     or f"/subscriptions/{subscription}".lower() in entry["path"].lower())]

    def clear(self) -> None:
        self.entries.clear()
