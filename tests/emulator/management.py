# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator's own doors below ``/_emulator/``: not Azure, no authentication, not journaled, never faulted.

====================  ===========  =====================================================================
journal               GET, DELETE  ``?subscription=&since=&writes=true``; entries as in ``journal.Journal``
clock                 GET, POST    ``{"advance": seconds}``; ``{"now", "speed", "next_event"}``
faults, faults/{id}   GET, POST,   rules as in ``faults``
                      DELETE
subscriptions         GET, POST    ``{"scenario": name or document}``: a fresh tenant and subscription beside
                                   what there is; answers its environment values
settings              GET, PATCH   as in ``world.Settings``
state                 GET, PUT     everything, to be saved and loaded
reset                 POST         as after the start
resources             GET          ``?subscription=&type=``: raw documents
principals            GET          ``?owner=``: who there is (without secrets)
inside                GET, POST    ``?id=&namespace=&resource=&name=``: Kubernetes objects in a cluster;
                                   ``{"put": [manifests], "delete": [[resource, namespace, name]]}`` changes them
====================  ===========  =====================================================================
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import inside, scenarios
from .clock import stamp
from .provider import Reply

if TYPE_CHECKING:
    from .server import Server


async def answer(server: Server, method: str, path: str, query: dict[str, str], content: bytes) -> Reply:
    first, *rest = unquote(path).strip("/").split("/")[1:] or [""]
    handler = HANDLERS.get((method, first))
    if handler is None:
        allowed = sorted(verb for verb, name in HANDLERS if name == first)
        return Reply(405 if allowed else 404, {"error": f"{method} {first}: there is {allowed or 'nothing'}"})
    try:
        body = json.loads(content) if content else {}
        return Reply(200, handler(server, query, body, rest))
    except (ValueError, KeyError, TypeError) as error:
        return Reply(400, {"error": f"{type(error).__name__}: {error}"})


def get_journal(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return server.journal.select(query.get("subscription", ""), int(query.get("since") or 0),
                                 query.get("writes", "").lower() == "true")


def delete_journal(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    server.journal.clear()
    return {}


def get_clock(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    clock = server.world.clock
    return {"now": stamp(clock.now), "speed": clock.speed,
            "next_event": None if clock.next_event is None else stamp(clock.next_event)}


def post_clock(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return {"events": server.world.clock.advance(float(body["advance"])), **get_clock(server, query, body, rest)}


def get_faults(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return server.faults.save()


def post_faults(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return server.faults.add(body).data()


def delete_faults(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    server.faults.remove(int(rest[0]) if rest else None)
    return {}


def get_subscriptions(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return [record.body for record in server.world.store.of_type_anywhere("Microsoft.Resources/subscriptions")]


def post_subscriptions(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return scenarios.install(server, body.get("scenario", "default"))


def get_settings(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return {**asdict(server.world.settings), "seed": server.world.seed}


def patch_settings(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    server.world.settings.change(body)
    return get_settings(server, query, body, rest)


def get_state(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return server.save()


def put_state(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    server.load(body)
    return {}


def post_reset(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return server.reset()


def get_resources(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    subscription, kind = query.get("subscription", "").lower(), query.get("type", "").lower()
    return [record.body for record in server.world.store.all()
            if subscription in {"", record.id.subscription.lower()} and kind in {"", record.type.lower()}]


def get_principals(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    owner = query.get("owner", "").lower()
    return [{"oid": entry.oid, "app_id": entry.app_id, "tenant": entry.tenant, "name": entry.name,
             "owner": entry.owner} for entry in server.world.directory.all() if owner in {"", entry.owner.lower()}]


def get_inside(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    filters = {name: query.get(name, "") for name in ("namespace", "resource", "name")}
    return inside.show(server.world, query["id"], **filters)


def post_inside(server: Server, query: dict[str, str], body: Any, rest: list[str]) -> Any:
    return inside.change(server.world, query["id"], body.get("put") or [], body.get("delete") or [])


HANDLERS = {
    ("GET", "journal"): get_journal, ("DELETE", "journal"): delete_journal,
    ("GET", "clock"): get_clock, ("POST", "clock"): post_clock,
    ("GET", "faults"): get_faults, ("POST", "faults"): post_faults, ("DELETE", "faults"): delete_faults,
    ("GET", "subscriptions"): get_subscriptions, ("POST", "subscriptions"): post_subscriptions,
    ("GET", "settings"): get_settings, ("PATCH", "settings"): patch_settings,
    ("GET", "state"): get_state, ("PUT", "state"): put_state, ("POST", "reset"): post_reset,
    ("GET", "resources"): get_resources, ("GET", "principals"): get_principals,
    ("GET", "inside"): get_inside, ("POST", "inside"): post_inside,
}
