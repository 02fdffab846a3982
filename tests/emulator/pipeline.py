# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a request to ARM: one ordered list of steps, each of which may answer or raise.

The steps know nothing of sockets; ``server`` turns HTTP into an Exchange and back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import errors, routing
from .errors import AzureError, FrontDoorError
from .provider import Reply
from .throttle import BUCKETS, GLOBAL, KINDS

if TYPE_CHECKING:
    from .provider import Call
    from .rbac import Principal
    from .server import Server


@dataclass
class Exchange:
    """A request on its way. ``query`` has lower-case keys, ``connection`` is the client's port. The
    fields below ``reply`` are set by the steps."""

    server: Server
    method: str
    path: str
    raw_query: str
    query: dict[str, str]
    headers: Mapping[str, str]
    content: bytes
    base_url: str
    client_request_id: str
    request_id: str
    connection: int = 0
    reply: Reply | None = None
    principal: Principal | None = None
    auxiliary: tuple[Principal, ...] = ()
    target: routing.Target | None = None
    call: Call | None = None
    entry: dict[str, Any] = field(default_factory=dict)
    lro_fault: dict[str, Any] | None = None
    stale: bool = False
    drop: str = ""
    truncate: bool = False

    @property
    def body(self) -> Any:
        """The JSON of the request; None when it has none."""
        if not self.content:
            return None
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise FrontDoorError(400, "InvalidRequestContent", "The request content was invalid and could not be "
                                 f"deserialized: '{error}'.") from None


Step = Callable[[Exchange], Awaitable[Reply | None]]


async def journal(exchange: Exchange) -> Reply | None:
    exchange.server.journal.begin(exchange)
    return None


async def faults(exchange: Exchange) -> Reply | None:
    return await exchange.server.faults.apply(exchange)


async def authenticate(exchange: Exchange) -> Reply | None:
    exchange.principal = exchange.server.entra.principal(exchange)
    exchange.auxiliary = exchange.server.entra.auxiliary(exchange)
    return None


async def locate(exchange: Exchange) -> Reply | None:
    try:
        exchange.target = routing.locate(exchange.server.world, exchange.method, exchange.path)
    except ValueError:
        raise FrontDoorError(404, "InvalidResourceType", f"The path '{exchange.path}' is not one of a resource."
                             ) from None
    return None


async def api_version(exchange: Exchange) -> Reply | None:
    assert exchange.target
    routing.check_api_version(exchange.target, exchange.query.get("api-version", ""))
    return None


async def throttle(exchange: Exchange) -> Reply | None:
    return exchange.server.throttle.apply(exchange)


async def authorise(exchange: Exchange) -> Reply | None:
    assert exchange.target and exchange.principal
    routing.authorise(exchange.server.world, exchange.target, exchange.principal)
    return None


async def route(exchange: Exchange) -> Reply | None:
    return routing.run(exchange)


STEPS: tuple[Step, ...] = (journal, faults, authenticate, locate, api_version, throttle, authorise, route)


async def handle(exchange: Exchange) -> Reply:
    """Run the steps until one answers, then render."""
    try:
        for step in STEPS:
            exchange.reply = await step(exchange)
            if exchange.reply:
                break
    except AzureError as error:
        exchange.reply = error_reply(exchange, error)
    assert exchange.reply is not None
    if exchange.reply.status == 400 and "charset" in exchange.headers.get("Accept", "").lower() and (
            exchange.target and exchange.target.provider.namespace == "Microsoft.DataProtection"):
        # The service cannot write its error in a media type with a parameter, and says only that (seen on its wire).
        exchange.reply = Reply(406)
    render(exchange, exchange.reply)
    return exchange.reply


def error_reply(exchange: Exchange, error: AzureError) -> Reply:
    envelope: Callable[[AzureError, str], dict[str, Any]] = errors.arm
    if exchange.target and not isinstance(error, FrontDoorError):
        envelope = exchange.target.provider.envelope
    return Reply(error.status, envelope(error, exchange.client_request_id), dict(error.headers))


def render(exchange: Exchange, reply: Reply) -> None:
    """The headers that ARM adds to every answer (seen on its wire)."""
    world, principal = exchange.server.world, exchange.principal
    kind = KINDS.get(exchange.method, "subscription-writes")
    subscription = exchange.target.id.subscription if exchange.target else ""
    left = exchange.server.throttle.remaining(principal, subscription, kind)
    of = kind.replace("subscription-", "tenant-") if exchange.target and not subscription else kind
    told = {f"x-ms-ratelimit-remaining-{of}": str(left)}
    if of in {"subscription-writes", "subscription-deletes"}:
        size = BUCKETS[kind][0]
        told[f"x-ms-ratelimit-remaining-{of.replace('-', '-global-')}"] = str(GLOBAL * size - (size - left))
    reply.headers = {
        "Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1",
        "x-ms-request-id": exchange.request_id, "x-ms-correlation-request-id": exchange.request_id,
        "x-ms-routing-request-id": f"EASTUS:{routing.compact(world.clock.now)}:{exchange.request_id}",
        **told, "Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
        **({"x-ms-operation-identifier": f"tenantId={principal.tenant},objectId={principal.oid}/eastus/"
            f"{exchange.request_id}"} if principal else {}), **reply.headers}
