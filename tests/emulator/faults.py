# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults are data: rules that match requests and say what goes wrong.

A rule: ``{"match": {"method", "path", "nth", "times", "subscription", "probability"}, "then": {...}}``.
``path`` is a regular expression searched in the path, or with an asterisk and a leading slash a glob over the ARM id;
``nth`` starts with that match (1 is the first), ``times`` ends after so many. ``then`` combines:

status, code, message, headers, retry_after   answer this instead of doing anything
delay                                         seconds (real) before going on
drop: before | after                          reset the connection before or after the request has been carried out
truncate: true                                cut the answer's body in the middle
lro: fail | hang | slow (code, message, factor)   what becomes of the operation that the request starts
lro: job_fails | job_warns | protection_fails (code, message)   the operation succeeds, but not what it started
stale: true                                   reads answer the document before its last write
lost_monitor: true                            polls answer 404
expired_token: true                           401 with a claims challenge
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fnmatch
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import routing
from .errors import AzureError, FrontDoorError
from .provider import Reply

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .server import Server

MATCH = {"method", "path", "nth", "times", "subscription", "probability"}
THEN = {"status", "code", "message", "headers", "retry_after", "delay", "drop", "truncate", "lro", "factor", "stale",
        "lost_monitor", "expired_token"}
# Answers that ARM gives itself; others are in the envelope of the provider that is addressed.
OF_ARM = {401, 403, 408, 429, 502, 503, 504}
LRO = {"fail", "hang", "slow", "job_fails", "job_warns", "protection_fails"}


@dataclass
class Rule:
    id: int
    match: dict[str, Any]
    then: dict[str, Any]
    seen: int = 0
    hits: int = 0
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        path = self.match.get("path", "")
        glob = path.startswith("/") and "*" in path
        self.pattern = re.compile(fnmatch.translate(path) if glob else path, re.IGNORECASE)

    def data(self) -> dict[str, Any]:
        return {"id": self.id, "match": self.match, "then": self.then, "seen": self.seen, "hits": self.hits}


class Faults:
    def __init__(self, server: Server):
        self._server = server
        self._count = 0
        self.rules: list[Rule] = []
        self.random = random.Random(server.world.seed)

    def add(self, rule: dict[str, Any]) -> Rule:
        """ValueError for a rule that says nothing or has words that nobody reads."""
        match, then = rule.get("match", {}), rule.get("then", {})
        unknown = set(rule) - {"match", "then", "id", "seen", "hits"} | set(match) - MATCH | set(then) - THEN
        if unknown or not then:
            raise ValueError(f"unknown words in fault rule: {sorted(unknown)}" if unknown else "a rule needs 'then'")
        if then.get("drop", "before") not in {"before", "after"} or then.get("lro", "fail") not in LRO:
            raise ValueError(f"drop is before or after, lro is one of {sorted(LRO)}")
        try:
            result = Rule(self._count + 1, dict(match), dict(then))
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from None
        self._count += 1
        self.rules.append(result)
        return result

    def remove(self, id: int | None = None) -> None:
        self.rules = [rule for rule in self.rules if id is not None and rule.id != id]

    def _matching(self, exchange: Exchange) -> list[Rule]:
        path = unquote(exchange.path)
        result = []
        for rule in self.rules:
            match = rule.match
            if match.get("method", exchange.method).upper() not in {exchange.method, "*"}:
                continue
            if not rule.pattern.search(path):
                continue
            if match.get("subscription", "").lower() not in path.lower():
                continue
            rule.seen += 1
            if rule.seen < match.get("nth", 1) or rule.hits >= match.get("times", float("inf")):
                continue
            if self.random.random() >= match.get("probability", 1):
                continue
            rule.hits += 1
            result.append(rule)
        return result

    async def apply(self, exchange: Exchange) -> Reply | None:
        for rule in self._matching(exchange):
            exchange.entry["fault"] = rule.id
            reply = await self._do(exchange, rule.then)
            if reply or exchange.drop == "before":
                return reply or Reply(0)
        return None

    async def _do(self, exchange: Exchange, then: dict[str, Any]) -> Reply | None:
        if "delay" in then:
            await asyncio.sleep(then["delay"])
        exchange.drop = then.get("drop", exchange.drop)
        exchange.truncate = exchange.truncate or bool(then.get("truncate"))
        exchange.stale = exchange.stale or bool(then.get("stale"))
        if "lro" in then:
            exchange.lro_fault = {"kind": then["lro"], **{key: then[key] for key in ("code", "message", "factor")
                                                          if key in then}}
        if then.get("expired_token"):
            return self._claims_challenge(exchange)
        if then.get("lost_monitor") and self._server.world.operations.find(unquote(exchange.path)):
            raise FrontDoorError(404, "NotFound", "The operation could not be found.")
        if "status" in then:
            headers = dict(then.get("headers", {}))
            if "retry_after" in then:
                headers["Retry-After"] = self._server.world.retry_after(then["retry_after"])
            self._locate(exchange)
            kind = FrontDoorError if then["status"] in OF_ARM else AzureError
            raise kind(then["status"], then.get("code", "InternalServerError"),
                       then.get("message", "Injected by a fault rule."), headers)
        return None

    def _locate(self, exchange: Exchange) -> None:
        """Whose envelope an error comes in depends on what is addressed, if anything is."""
        with contextlib.suppress(ValueError, AzureError):
            exchange.target = routing.locate(self._server.world, exchange.method, exchange.path)

    def _claims_challenge(self, exchange: Exchange) -> Reply:
        """Continuous access evaluation revokes a token: "Claims challenges" of the Microsoft identity platform."""
        claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}').decode()
        error = {"code": "TokenIssuedBeforeRevocationTimestamp", "message": "The access token was revoked."}
        return Reply(401, {"error": error}, {
            "WWW-Authenticate": f'Bearer realm="", authorization_uri="{exchange.base_url}/common/oauth2/authorize", '
            f'error="insufficient_claims", claims="{claims}"'})

    def save(self) -> list[dict[str, Any]]:
        return [rule.data() for rule in self.rules]
