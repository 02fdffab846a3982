# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resource provider declares, and what its handlers are given and give back.

A provider is a table of types; the core parses URLs, checks api-version, registration, parents and rights, finds the
type, calls the handler of the method, pages lists and words errors. README.md has the short version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Union

from . import errors
from .clock import stamp
from .errors import AzureError
from .ids import Id
from .operations import Lro, Operation

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .rbac import Principal
    from .store import Record, Store
    from .world import World


@dataclass
class Reply:
    """An answer: ``body`` is JSON data or None for an empty one."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[["Call"], "Reply | dict[str, Any] | None"]
# A reply is for collections that Azure answers with one object.
Lister = Callable[["Call"], Union[Iterable[dict[str, Any]], "Reply"]]


@dataclass(frozen=True)
class Post:
    """An action. ``write`` is False for actions that only query or validate; ``model`` checks the body; ``needs`` says
    that the resource must exist."""

    run: Handler
    model: str = ""
    write: bool = True
    needs: bool = True
    permission: str = ""


@dataclass(frozen=True)
class Type:
    """Facts of one resource type. Handlers that are None are what the emulator does not model (501).

    ``name``        below the namespace: ``backupVaults/backupPolicies``; "" holds the actions of the namespace itself.
    ``scope``       what it hangs on: tenant, subscription, group, or extension (any resource or scope).
    ``api_versions`` ascending; the provider's where empty.
    ``get``/``list`` default to reading the store. ``render(call, body)`` makes the answer from the document.
    ``model``       ``module:Class`` of the SDK model for PUT bodies, ``patch_model`` for PATCH.
    ``read_only``   dotted paths that a client may send back and that are ignored.
    ``since``       properties (by name) that older api-versions do not know: name -> first api-version.
    ``stringly``    maps of strings in which the service turns numbers and booleans into strings.
    ``permission``  the type in RBAC actions where it differs from the type's name.
    ``stored``      False for path segments without a document (locations, blobServices).
    ``filters_list`` the list shows what the caller may read, instead of needing a right itself.
    ``null_next_link`` the list always shows nextLink.
    """

    name: str
    scope: str = "group"
    api_versions: tuple[str, ...] = ()
    get: Handler | None = None
    put: Handler | None = None
    patch: Handler | None = None
    delete: Handler | None = None
    head: Handler | None = None
    list: Lister | None = None
    posts: Mapping[str, Post] = field(default_factory=dict)
    render: Callable[[Call, dict[str, Any]], dict[str, Any]] | None = None
    model: str = ""
    patch_model: str = ""
    read_only: tuple[str, ...] = ()
    since: Mapping[str, str] = field(default_factory=dict)
    stringly: tuple[str, ...] = ()
    permission: str = ""
    stored: bool = True
    null_next_link: bool = False
    filters_list: bool = False


@dataclass(frozen=True)
class Provider:
    """A resource provider. ``events`` are called as ``handler(world, payload)``; their full name on the clock is
    ``NAMESPACE:name``. ``seed(world, subscription, section)`` creates what a scenario says; ``always`` providers
    need no registration, ``unregistered`` is the state before; ``invalid`` is the code for bodies that break the
    contract. ``save``/``load`` carry what is not in the store."""

    namespace: str
    types: tuple[Type, ...]
    api_versions: tuple[str, ...] = ()
    envelope: Callable[[AzureError, str], dict[str, Any]] = errors.arm
    lros: Mapping[str, Lro] = field(default_factory=dict)
    events: Mapping[str, Callable[[Any, dict[str, Any]], Any]] = field(default_factory=dict)
    render_status: Callable[[World, Operation], dict[str, Any]] | None = None
    render_result: Callable[[World, Operation], Reply] | None = None
    not_found: Callable[[Call], AzureError] | None = None
    seed: Callable[[World, str, dict[str, Any]], None] | None = None
    always: bool = False
    invalid: str = "InvalidRequestContent"
    unregistered: str = "NotRegistered"
    save: Callable[[World], Any] | None = None
    load: Callable[[World, Any], None] | None = None

    @cached_property
    def monitors(self) -> frozenset[str]:
        """The last types in the paths of monitors; what is asked for there and is no operation is not found."""
        return frozenset(template.split("/")[-2].lower() for lro in self.lros.values()
                         for template in (lro.monitor, lro.location, lro.after) if template)

    def type(self, name: str) -> Type | None:
        wanted = name.lower()
        return next((kind for kind in self.types if kind.name.lower() == wanted), None)


@dataclass
class Call:
    """One request to a handler, with everything taken apart."""

    world: World
    exchange: Exchange
    provider: Provider
    type: Type
    id: Id
    method: str
    action: str
    api_version: str
    query: dict[str, str]
    body: Any
    principal: Principal

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def now(self) -> float:
        return self.world.clock.now

    @property
    def stamp(self) -> str:
        return stamp(self.now)

    @property
    def tenant(self) -> str:
        return self.principal.tenant

    @property
    def client_request_id(self) -> str:
        return self.exchange.client_request_id

    def header(self, name: str, default: str = "") -> str:
        return self.exchange.headers.get(name, default)

    @property
    def record(self) -> Record | None:
        """The addressed resource, or None."""
        return self.store.get(self.id)

    def require(self) -> Record:
        """The addressed resource; its provider's 404 when it is not there."""
        record = self.record
        if record is None:
            raise self.missing()
        return record

    def missing(self) -> AzureError:
        if self.provider.not_found:
            return self.provider.not_found(self)
        return errors.resource_not_found(f"{self.id.type}/{'/'.join(self.id.names)}", self.id.group)

    def render(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.type.render(self, body) if self.type.render else body

    def can(self, action: str, scope: str) -> bool:
        """May the caller, here or in another tenant by an auxiliary token, do another action than the one that was
        checked already?"""
        callers = (self.principal, *self.exchange.auxiliary)
        return any(self.world.rbac.can(caller.oid, action, scope) for caller in callers)

    def linked(self, action: str, scope: str) -> AzureError:
        """The refusal for a right that the caller lacks on another resource that the request names."""
        own = f"{self.provider.namespace}/{self.type.name}/{self.action or 'write'}"
        return errors.FrontDoorError(
            403, "LinkedAuthorizationFailed",
            f"The client '{self.principal.app_id}' with object id '{self.principal.oid}' has permission to perform "
            f"action '{own}' on scope '{self.id.text}'; however, it does not have permission to perform action(s) "
            f"'{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid.")

    def begin(self, lro: str, body: Any = None, *, finish: str = "", payload: dict[str, Any] | None = None,
              name: str = "", location: str = "", seconds: float | None = None, status: int | None = None) -> Reply:
        """Start the long-running operation ``lro`` of the provider's table and give its first reply."""
        dummy, headers = self.world.operations.begin(
            self, lro, finish=finish, payload=payload or {}, name=name, location=location, seconds=seconds)
        return Reply(status or self.provider.lros[lro].status, body, headers)


def read(call: Call) -> Reply:
    """GET of a stored resource."""
    return Reply(200, call.render(call.require().body))


def children(call: Call) -> list[dict[str, Any]]:
    """GET of a collection: what hangs on the parent, or for a subscription everything of the type in it."""
    full = f"{call.provider.namespace}/{call.type.name}"
    if "/" not in call.type.name and not call.id.group and call.id.type.lower() == "microsoft.resources/subscriptions":
        return [record.body for record in call.store.of_type(call.id.subscription, full)]
    return [record.body for record in call.store.children(call.id, full)]
