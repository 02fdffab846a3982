# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ResourceGraph: queries over what the caller may read, with the delay of that service.

Sources: "Supported Azure Resource Manager resource types" of Azure Resource Graph (tables), "Work with large data sets"
(pages), its REST API; the rows of Microsoft.DataProtection as its ARM wire behaviour shows them in Resource Graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from .. import errors, roles
from ..errors import FrontDoorError
from ..graph import Page, QueryError, answer, evaluate
from ..graph.replica import Replica
from ..graph.values import DateTime
from ..provider import Call, Post, Provider, Reply, Type
from ..rbac import ASSIGNMENTS, DEFINITIONS
from ..store import Body, Record
from ..world import World
from . import _graph_rows as rows

VERSIONS = ("2018-09-01-preview", "2019-04-01", "2020-04-01-preview", "2020-09-01-preview", "2021-03-01",
            "2021-06-01-preview", "2022-10-01", "2024-04-01")
MOST_SUBSCRIPTIONS = 1000
MEMBERS = {"facets", "managementGroupId", "managementGroups", "options", "query", "subscriptions"}
GROUPS = "Microsoft.Management/managementGroups"  # key of world.extras: subscription -> names of the groups above it
OTHER = "resources"  # the table of tracked resources that have none of their own
# Type, lower case -> its table. Tracked resources of a group are in OTHER.
TABLES = {
    ASSIGNMENTS.lower(): "authorizationresources",
    DEFINITIONS.lower(): "authorizationresources",
    "microsoft.dataprotection/backupvaults/backupinstances": "recoveryservicesresources",
    "microsoft.dataprotection/backupvaults/backupjobs": "recoveryservicesresources",
    "microsoft.dataprotection/backupvaults/backuppolicies": "recoveryservicesresources",
    "microsoft.dataprotection/backupvaults/deletedbackupinstances": "recoveryservicesresources",
    "microsoft.kubernetesconfiguration/extensions": "kubernetesconfigurationresources",
    "microsoft.resources/resourcegroups": "resourcecontainers",
    "microsoft.resources/subscriptions": "resourcecontainers",
}
_replicas: WeakKeyDictionary[World, Replica] = WeakKeyDictionary()


def table_of(record: Record) -> str | None:
    kind = record.type.lower()
    if kind in TABLES:
        return TABLES[kind]
    return OTHER if record.id.group and kind.count("/") == 1 and "location" in record.body else None


def watch(world: World) -> Replica:
    """The replica of a world. At first it knows everything that is there, and from then on it follows."""
    if world not in _replicas:
        replica = _replicas[world] = Replica()
        _fill(world, replica, "")

        def changed(record: Record, body: Body | None) -> None:
            table = table_of(record)
            if table and record.hidden.get("effective") == 0.0:
                replica.take(table, record.id.key, body)  # an assignment of the scenario: long in force
            elif table:
                replica.change(world.clock.now, table, record.id.key, body)

        world.store.listeners.append(changed)
    return _replicas[world]


def _fill(world: World, replica: Replica, subscription: str) -> None:
    """Know at once of all documents, or those of one subscription."""
    for record in world.store.all():
        table = table_of(record)
        if table and subscription.lower() in ("", record.id.subscription.lower()):
            replica.take(table, record.id.key, record.body)


def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """What the scenario sets up has been there for long. ``management_groups``: names of all above the subscription."""
    world.extras.setdefault(GROUPS, {})[subscription.lower()] = list(section.get("management_groups", []))
    _fill(world, watch(world), subscription)


def load(world: World, own: Any) -> None:
    """A loaded state has settled: what was under way to Resource Graph has arrived."""
    replica = watch(world)
    replica.clear()
    _fill(world, replica, "")


class Reach:
    """What a caller may read, remembered by type and scope: one right at the subscription spares many questions."""

    def __init__(self, call: Call, subscriptions: list[str] | None):
        self._call = call
        own = [record.id.name.lower() for record in call.store.of_type_anywhere("Microsoft.Resources/subscriptions")
               if record.body["tenantId"] == call.tenant]
        wanted = own if subscriptions is None else [each.lower() for each in subscriptions]
        scopes = [f"{scope.rstrip('/')}/".lower() for scope in call.world.rbac.scopes(call.principal.oid)]
        self.subscriptions = {each for each in own if each in wanted
                              and any(scope == "/" or scope.startswith(f"/subscriptions/{each}/") for scope in scopes)}
        self._known: dict[tuple[str, str], bool] = {}

    def __contains__(self, row: dict[str, Any]) -> bool:
        subscription = row["subscriptionId"].lower()
        if not subscription:
            return row["type"] == DEFINITIONS.lower()  # built-in: of nobody, and everybody may read them
        if subscription not in self.subscriptions:
            return False
        action = f"{row['type']}/read"
        whole = f"/subscriptions/{subscription}"
        scopes = (whole, f"{whole}/resourceGroups/{row['resourceGroup']}")
        return any(self._can(action, scope) for scope in scopes) or self._call.can(action, row["id"])

    def _can(self, action: str, scope: str) -> bool:
        key = (action, scope)
        if key not in self._known:
            self._known[key] = self._call.can(action, scope)
        return self._known[key]


def tables(call: Call, reach: Reach) -> dict[str, Callable[[], Iterator[dict[str, Any]]]]:
    """Every table as a function that makes its rows, in the order of their ids, as the service sorts by default."""
    replica = watch(call.world)
    replica.follow(call.now - call.world.settings.graph_delay)

    def make(table: str) -> Callable[[], Iterator[dict[str, Any]]]:
        def read() -> Iterator[dict[str, Any]]:
            found = [rows.row(call.world, body) for body in replica.documents(table)]
            if table == TABLES[DEFINITIONS.lower()]:
                found += [rows.definition(call.tenant, guid) for guid in roles.BUILT_IN]
            return iter(sorted((each for each in found if each in reach), key=lambda each: each["id"].lower()))

        return read

    return {table: make(table) for table in {OTHER, *TABLES.values()}}


def query(call: Call) -> Reply:
    """POST /providers/Microsoft.ResourceGraph/resources."""
    had, quota = call.exchange.server.throttle.query(call.principal)
    if not had:
        error = Throttled()
        return Reply(error.status, error.body(str(DateTime.of(call.now)), call.exchange.request_id), quota)
    body = call.body
    if not isinstance(body, dict) or not isinstance(body.get("query"), str) or body.keys() - MEMBERS:
        raise FrontDoorError(400, "BadRequest", f"The body needs a query and has no members but {sorted(MEMBERS)}.")
    for name in ("facets", "managementGroupId"):
        if body.get(name):
            raise errors.not_modelled(f"{name} of a Resource Graph query")
    try:
        page = Page.of(body.get("options"), body["query"]).at_most(call.world.settings.graph_rows)
        scope = (body.get("options") or {}).get("authorizationScopeFilter") or "AtScopeAndBelow"
        if scope != "AtScopeAndBelow":
            raise errors.not_modelled(f"authorizationScopeFilter {scope} of a Resource Graph query")
        reach = Reach(call, _scope(call.world, body))
        if (body.get("subscriptions") or body.get("managementGroups")) and not reach.subscriptions:
            raise Denied
        result = evaluate(body["query"], tables(call, reach), call.now)
    except QueryError as error:
        return Reply(error.status, error.body(str(DateTime.of(call.now)), call.exchange.request_id), quota)
    return Reply(200, answer(result, page, body["query"]), quota)


def _scope(world: World, body: Body) -> list[str] | None:
    """The subscriptions that a request is about, those below its management groups included; None for all."""
    groups = body.get("managementGroups")
    if not groups:
        return _subscriptions(body.get("subscriptions"))
    if body.get("subscriptions"):
        raise QueryError("InvalidScopes", "A query is of subscriptions or of management groups, not of both.", False)
    if not isinstance(groups, list) or not all(isinstance(each, str) for each in groups):
        raise QueryError("InvalidManagementGroups", "The management groups are not a list of names.", False)
    wanted = {each.lower() for each in groups}
    known: dict[str, list[str]] = world.extras.get(GROUPS, {})
    return [subscription for subscription, names in known.items() if wanted & {name.lower() for name in names}]


def _subscriptions(wanted: Any) -> list[str] | None:
    if wanted is None or wanted == []:
        return None
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        raise QueryError("InvalidSubscriptions", "The subscriptions are not a list of ids.", False)
    if len(wanted) > MOST_SUBSCRIPTIONS:
        raise QueryError("TooManySubscriptions", f"A query is of at most {MOST_SUBSCRIPTIONS} subscriptions.", False)
    return wanted


class Denied(QueryError):
    """No subscription of the list, or below the management groups, is the caller's to read."""

    status, outer = 403, "AccessDenied"

    def __init__(self) -> None:
        super().__init__("AccessDenied", "Access is denied to the requested resource. The user might not have enough "
                         "permission.", False)


class Throttled(QueryError):
    """The caller has had the queries of a window."""

    status, outer = 429, "RateLimiting"

    def __init__(self) -> None:
        super().__init__("RateLimiting", "Client application has been throttled and should not continue to repeat the "
                         "request until an amount of time has elapsed. Please see "
                         "https://aka.ms/resourcegraph-throttling for help.", False)


PROVIDER = Provider(
    namespace="Microsoft.ResourceGraph", api_versions=VERSIONS, always=True, seed=seed, load=load,
    save=lambda world: {},
    types=(Type("", scope="tenant", stored=False, posts={"resources": Post(query, write=False)}),))
