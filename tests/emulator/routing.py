# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From method and path to a provider's handler: what is addressed, in which api-version, by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import contracts, errors, ids
from .clock import moment, stamp
from .errors import AzureError, FrontDoorError
from .ids import RESOURCES, Id
from .operations import Operation
from .provider import Call, Post, Provider, Reply, Type, children, read
from .rbac import Principal
from .regions import REGIONS, slug

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .world import World

VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
MONITOR = Type("", scope="any")
JSON = {"application/json", "text/json"}


@dataclass(frozen=True)
class Target:
    """What a request addresses. For a list ``id`` is the parent; ``action`` is "", list, monitor or a POST's name."""

    provider: Provider
    type: Type
    id: Id
    method: str
    action: str
    permission: str
    post: Post | None = None
    monitor: tuple[Operation, str] | None = None

    @property
    def writes(self) -> bool:
        return self.method in {"PUT", "PATCH", "DELETE"} or bool(self.post and self.post.write)


def compact(now: float) -> str:
    return moment(now).strftime("%Y%m%dT%H%M%SZ")


def locate(world: World, method: str, path: str) -> Target:
    """ValueError for a path that cannot be one; FrontDoorError for what is not known here."""
    found = world.operations.find("/" + unquote(path).strip("/"))
    if found and method == "GET":
        id = ids.identifier(found[0].target)
        return Target(world.provider(found[0].provider), MONITOR, id, method, "monitor", "", monitor=found)
    id, rest = ids.parse(path)
    namespace, names = id.namespace, id.types
    if method == "POST":
        if (rest or "").lower() in {"register", "unregister"} and not names:
            id = Id(id.scope, RESOURCES, ("providers",), (namespace,))
            namespace, names = RESOURCES, id.types
    elif rest and rest.lower() in ids.BARE and namespace in {"", RESOURCES}:
        namespace, names = RESOURCES, (ids.BARE[rest.lower()],)
    elif rest:
        if not names:
            id = ids.parse(id.scope)[0]
        names = (*names, rest)
    provider = world.providers.get(namespace.lower())
    if provider is None:
        if namespace.lower().startswith("microsoft."):
            raise errors.not_modelled(f"the resource provider {namespace}")
        raise FrontDoorError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    kind = provider.type("/".join(names))
    if kind is None and method == "GET" and not rest and names[-1].lower() in provider.monitors:
        return Target(provider, MONITOR, id, method, "monitor", "")
    if kind is None:
        owner = provider.type("/".join(names[:-1]))
        if rest and owner and rest.lower() in {name.lower() for name in owner.posts}:
            raise not_supported(method)
        raise errors.not_modelled(f"the resource type {'/'.join((namespace, *names))} ({method})")
    permission = f"{namespace}/{kind.permission or kind.name}"
    if method == "POST":
        if rest is None:
            raise not_supported(method)
        post = next((entry for name, entry in kind.posts.items() if name.lower() == rest.lower()), None)
        if post is None:
            raise errors.not_modelled(f"the action {rest} of {permission}")
        return Target(provider, kind, id, method, rest, post.permission or f"{permission}/{rest}/action", post)
    if method not in VERBS:
        raise FrontDoorError(405, "MethodNotAllowed", f"The HTTP method '{method}' is not supported here.")
    if rest and method not in {"GET", "HEAD"}:
        raise not_supported(method)
    return Target(provider, kind, id, method, "list" if rest else "", f"{permission}/{VERBS[method]}")


def not_supported(method: str) -> FrontDoorError:
    return FrontDoorError(405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'.")


def check_api_version(target: Target, version: str) -> None:
    if target.action == "monitor":
        return
    if not version:
        raise FrontDoorError(400, "MissingApiVersionParameter",
                             "The api-version query parameter (?api-version=) is required for all requests.")
    known = target.type.api_versions or target.provider.api_versions
    location = target.id.names[0] if target.id.types and target.id.types[0].lower() == "locations" else "eastus"
    if version.lower() in known and slug(location) in REGIONS:
        return
    listed = ", ".join(reversed(known))
    if target.provider.namespace == RESOURCES:
        raise FrontDoorError(400, "InvalidApiVersionParameter",
                             f"The api-version '{version}' is invalid. The supported versions are '{listed}'.")
    raise FrontDoorError(
        400, "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{version}' for type "
        f"'{target.type.name}'. The supported api-versions are '{listed}'. The supported locations are "
        f"'{', '.join(REGIONS)}'.")


def authorise(world: World, target: Target, principal: Principal) -> None:
    """The subscription must be one of the caller's tenant; the caller must have the right by a role assignment."""
    subscription = target.id.subscription
    if subscription and world.tenant_of(subscription) != principal.tenant:
        raise FrontDoorError(
            401, "InvalidAuthenticationTokenTenant",
            f"The access token is from the wrong issuer. It must match the tenant associated with the subscription "
            f"'{subscription}'. Please use the authority (URL) of that tenant to get the token.")
    if target.action == "list" and target.type.filters_list:
        return
    if not target.permission or target.type.permission == "-" or not (subscription or target.writes):
        return
    scope = target.id.text
    if not world.rbac.can(principal.oid, target.permission, scope):
        raise errors.denied(principal, target.permission, scope)


def run(exchange: Exchange) -> Reply:
    """Check what surrounds the resource, then call the handler."""
    world, target = exchange.server.world, exchange.target
    assert target and exchange.principal
    if target.monitor:
        return poll(exchange, *target.monitor)
    if target.action == "monitor":
        raise AzureError(404, "NotFound", f"The operation '{target.id.name}' could not be found.")
    content_type(exchange)
    call = exchange.call = Call(
        world=world, exchange=exchange, provider=target.provider, type=target.type, id=target.id, method=target.method,
        action=target.action, api_version=exchange.query.get("api-version", "").lower(), query=exchange.query,
        body=exchange.body, principal=exchange.principal)
    surroundings(call)
    if exchange.stale and target.method in {"GET", "HEAD"}:
        with world.store.stale(target.id):
            return dispatch(call, target)
    return dispatch(call, target)


def content_type(exchange: Exchange) -> None:
    """Bodies are JSON, and have to say so."""
    given = exchange.headers.get("Content-Type", "")
    if exchange.content and given.partition(";")[0].strip().lower() not in JSON:
        raise FrontDoorError(415, "UnsupportedMediaType", f"The content media type '{given or '<null>'}' is not "
                             "supported. Only 'application/json' is supported.")


def dispatch(call: Call, target: Target) -> Reply:
    kind = call.type
    if target.action == "list":
        if kind.list is None and not kind.stored:
            raise errors.not_modelled(f"listing {call.provider.namespace}/{kind.name}")
        found = (kind.list or children)(call)
        return found if isinstance(found, Reply) else page(call, [call.render(body) for body in found])
    if target.post:
        if target.post.needs and kind.stored and kind.name:
            call.require()
        if target.post.model:
            check_body(call, target.post.model)
        return _reply(target.post.run(call))
    handler = {"GET": kind.get or (read if kind.stored else None), "HEAD": kind.head, "PUT": kind.put,
               "PATCH": kind.patch, "DELETE": kind.delete}[call.method]
    if handler is None and call.method == "HEAD":
        raise not_supported("HEAD")  # "limited set of resource providers": Resources - Check Existence By Id
    if handler is None:
        raise errors.not_modelled(f"{call.method} of {call.provider.namespace}/{kind.name}")
    model = {"PUT": kind.model, "PATCH": kind.patch_model}.get(call.method, "")
    if call.method in {"PUT", "PATCH"} and not isinstance(call.body, dict):
        raise FrontDoorError(400, "InvalidRequestContent", "The request content was invalid and could not be "
                             "deserialized: a JSON object is expected.")
    if model:
        somewhere = any(value and key.lower() == "location" for key, value in call.body.items())
        if call.method == "PUT" and not somewhere and contracts.requires(model, "location"):
            raise FrontDoorError(400, "LocationRequired", "The location property is required for this definition.")
        check_body(call, model)
    return _reply(handler(call))


def check_body(call: Call, model: str) -> None:
    kind = call.type
    call.body = contracts.check(model, call.body, kind.read_only, call.provider.invalid, kind.since, call.api_version,
                                kind.stringly)


def _reply(value: Reply | dict[str, Any] | None) -> Reply:
    return value if isinstance(value, Reply) else Reply(200, value)


def surroundings(call: Call) -> None:
    """Registration, resource group and parents. Order: what ARM itself keeps comes before what it asks a provider."""
    world, id = call.world, call.id
    if not id.subscription:
        return
    if call.provider.namespace == RESOURCES:
        locked(call)
        return
    if id.group:
        group = world.require_group(id)
        if group.properties["provisioningState"] == "Deleting" and call.method in {"PUT", "PATCH"}:
            raise being_deleted(group.name)
    state = world.registration(id.subscription, call.provider.namespace)
    if state not in {"Registered", "Registering"}:
        raise unregistered(call.provider.namespace)
    if call.type.scope == "group" and not id.group and not (call.action == "list" or call.method == "POST"):
        raise FrontDoorError(404, "InvalidResourceType", f"The resource type '{call.type.name}' is not one of a "
                             "subscription; the URL needs a resource group.")
    locked(call)
    if call.action == "list":
        if "/" in call.type.name or call.type.scope == "extension":
            require_owner(call, id)
    elif len(id.types) > 1 or call.type.scope == "extension":
        require_owner(call, id.parent)


def being_deleted(group: str) -> FrontDoorError:
    return FrontDoorError(409, "ResourceGroupBeingDeleted", f"The resource group '{group}' is in deprovisioning state "
                          "and cannot perform this operation.")


def locked(call: Call) -> None:
    """Management locks, for all at and below what they are on. ReadOnly stops writes, and actions too, also those that
    only read (listKeys); both stop deletions, also that of something that has a locked resource in it ("Lock your
    resources to protect your infrastructure", with these examples)."""
    if call.method not in {"DELETE", "PUT", "PATCH", "POST"} or call.type.name == "locks":
        return
    here = call.id.key + "/"
    for lock in call.store.of_type(call.id.subscription, "Microsoft.Authorization/locks"):
        scope = lock.id.scope.lower() + "/"
        if call.method == "DELETE":
            stopped = here.startswith(scope) or scope.startswith(here)
        else:
            stopped = lock.properties["level"] == "ReadOnly" and here.startswith(scope)
        if stopped:
            raise FrontDoorError(
                409, "ScopeLocked", f"The scope '{call.id.text}' cannot perform {VERBS.get(call.method, 'write')} "
                f"operation because following scope(s) are locked: '{lock.id.scope}'. Please remove the lock and try "
                "again.")


def require_owner(call: Call, owner: Id) -> None:
    if not owner.types or owner.namespace == RESOURCES:
        return
    provider = call.world.providers.get(owner.namespace.lower())
    kind = provider and provider.type("/".join(owner.types))
    if kind and not kind.stored:
        if len(owner.types) > 1:
            require_owner(call, owner.parent)
        return
    if len(owner.types) > 1:
        require_owner(call, owner.parent)
    if call.world.store.get(owner) is None:
        if len(owner.types) > 1 and call.provider.not_found:
            # What lies in a resource is known to its provider alone.
            raise call.provider.not_found(call)
        if call.method in {"GET", "HEAD"}:
            raise errors.resource_not_found(f"{owner.type}/{'/'.join(owner.names)}", owner.group)
        raise FrontDoorError(
            404, "ParentResourceNotFound",
            f"Failed to perform '{VERBS.get(call.method, 'action')}' on resource(s) of type '{call.type.name}', "
            f"because the parent resource '{owner.text}' could not be found.")


def unregistered(namespace: str) -> AzureError:
    message = (f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found "
               "for how to register subscriptions.")
    return FrontDoorError(409, "MissingSubscriptionRegistration", message, details=[
        {"code": "MissingSubscriptionRegistration", "message": message, "target": namespace}])


def page(call: Call, items: list[dict[str, Any]]) -> Reply:
    """One page: the skip token is the position, which is good enough as nobody may look into it."""
    size = call.world.settings.page_size
    top = call.query.get("$top", "")
    if top.isdigit() and int(top):
        size = min(size, int(top))
    token = call.query.get("$skiptoken", "")
    if token and not token.isdigit():
        raise FrontDoorError(400, "InvalidSkipToken", "The provided skip token is not valid.")
    start = int(token or 0)
    body: dict[str, Any] = {"value": items[start:start + size]}
    if start + size < len(items):
        query = "&".join(part for part in call.exchange.raw_query.split("&")
                         if part and not part.lower().startswith(("$skiptoken=", "%24skiptoken=")))
        body["nextLink"] = f"{call.exchange.base_url}{call.exchange.path}?{query}&$skipToken={start + size}"
    elif call.type.null_next_link:
        body["nextLink"] = None
    return Reply(200, body)


def poll(exchange: Exchange, operation: Operation, role: str) -> Reply:
    """A monitor URL: the status body, or what the Location gives."""
    world, provider = exchange.server.world, exchange.server.world.provider(operation.provider)
    world.operations.verify(operation, role, exchange.raw_query)
    if operation.tenant != exchange.principal.tenant:  # type: ignore[union-attr]
        raise FrontDoorError(404, "NotFound", "The operation could not be found.")
    facts = provider.lros[operation.lro]
    headers: dict[str, str] = {}
    if operation.state == "InProgress" and facts.retry_after is not None:
        headers = world.retry_after_header(facts.retry_after)
    if role != "result":
        body = (provider.render_status or status)(world, operation)
        return Reply(200, body, headers)
    if operation.state == "InProgress":
        again = exchange.base_url + exchange.path + "?" + exchange.raw_query
        return Reply(202, None, {"Location": again, **headers})
    if operation.state == "Failed":
        return Reply(int((operation.error or {}).get("status", 400)), {"error": operation.error})
    reply = (provider.render_result or result)(world, operation)
    if facts.after:
        monitor = world.operations.sign(operation.paths["after"], facts, operation.api_version)
        reply.headers["Azure-AsyncOperation"] = exchange.base_url + monitor
    return reply


def status(world: World, operation: Operation) -> dict[str, Any]:
    """The status body of the ARM contract; providers have their own wording."""
    body: dict[str, Any] = {"id": operation.paths["status"], "name": operation.name, "status": operation.state,
                            "startTime": stamp(operation.started)}
    if operation.ended is not None:
        body["endTime"] = stamp(operation.ended)
    if operation.error:
        body["error"] = operation.error
    return body


def result(world: World, operation: Operation) -> Reply:
    """The resource when it exists, else nothing."""
    record = world.store.get(operation.target)
    return Reply(200, record.body) if record else Reply(204)
