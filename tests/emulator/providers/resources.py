# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Resources: tenants, subscriptions, locations, resource groups, provider registration, tags, resource lists.

Sources: REST reference "Resource Management"; registration states and MissingSubscriptionRegistration from "Resolve
errors for resource provider registration".
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import AzureError, FrontDoorError, denied, group_not_found
from ..ids import RESOURCES, Id, identifier
from ..operations import Lro, Operation
from ..provider import Call, Post, Provider, Reply, Type
from ..regions import REGIONS, slug
from ..routing import being_deleted
from ..store import Record
from ..world import World

VERSIONS = ("2015-11-01", "2016-02-01", "2016-06-01", "2016-09-01", "2017-05-10", "2018-01-01", "2018-02-01",
            "2018-05-01", "2019-03-01", "2019-05-01", "2019-05-10", "2019-06-01", "2019-07-01", "2019-08-01",
            "2019-10-01", "2019-11-01", "2020-01-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01",
            "2021-04-01", "2022-01-01", "2022-09-01", "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01",
            "2024-11-01", "2025-03-01", "2025-04-01")
GROUP_NAME = re.compile(r"[-\w._()]{0,89}[-\w_()]\Z")
GROUP = "Microsoft.Resources/resourceGroups"
SHORT = ("id", "name", "type", "location", "tags", "sku", "kind", "identity")


def group_body(call: Call, name: str, old: Record | None) -> dict[str, Any]:
    location = slug(call.body.get("location") or "")
    if not GROUP_NAME.match(name):
        raise FrontDoorError(400, "InvalidResourceGroup", f"The provided resource group name '{name}' has invalid "
                             "characters. The name can only be a letter, digit, '-', '.', '(', ')' or '_'.")
    if not location:
        raise FrontDoorError(400, "LocationRequired", "The location property is required for this definition.")
    if location not in REGIONS:
        raise FrontDoorError(400, "LocationNotAvailableForResourceGroup", f"The provided location '{location}' is not "
                             f"available for resource group. List of available regions is '{','.join(REGIONS)}'.")
    if old and old.body["location"] != location:
        raise FrontDoorError(409, "InvalidResourceGroupLocation", f"Invalid resource group location '{location}'. The "
                             f"Resource group already exists in location '{old.body['location']}'.")
    body = {"type": GROUP, "location": location, "properties": {"provisioningState": "Succeeded"}}
    for key in ("tags", "managedBy"):
        if call.body.get(key) is not None:
            body[key] = call.body[key]
    return body


def put_group(call: Call) -> Reply:
    old = call.record
    if old and old.properties["provisioningState"] == "Deleting":
        raise being_deleted(old.name)
    record = call.store.put(call.id, group_body(call, call.id.name, old))
    return Reply(200 if old else 201, record.body)


def patch_group(call: Call) -> Reply:
    record = call.require()
    if record.properties["provisioningState"] == "Deleting":
        raise being_deleted(record.name)
    change = {key: call.body[key] for key in ("tags", "managedBy") if call.body.get(key) is not None}
    return Reply(200, call.store.put(call.id, {**record.body, **change}).body)


def head_group(call: Call) -> Reply:
    return Reply(204 if call.record else 404)


def delete_group(call: Call) -> Reply:
    record = call.record
    if record is None:
        raise group_not_found(call.id.name)
    call.store.merge(call.id, {"properties": {"provisioningState": "Deleting"}})
    return call.begin("group/delete", finish="group.deleted", payload={"id": call.id.text})


def group_deleted(world: World, payload: dict[str, Any]) -> None:
    """Everything in the group goes with it; the providers are not asked (their events find nothing left)."""
    id = identifier(payload["id"])
    for record in reversed(world.store.below(id)):
        world.forget(record)
    world.store.delete(id)


def deletion_failed(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Succeeded"}})


def list_groups(call: Call) -> list[dict[str, Any]]:
    records = call.store.of_type(call.id.subscription, GROUP)
    visible = [record.body for record in records if call.can(
        "Microsoft.Resources/subscriptions/resourceGroups/read", record.id.text)]
    return filtered(visible, call.query.get("$filter", ""))


def filtered(bodies: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """``$filter`` by tag, type, name, location and resource group: comparisons with ``eq`` joined by ``and``."""
    for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        match = re.fullmatch(r"(\w+(?:/\w+)?)\s+eq\s+'((?:[^']|'')*)'", clause.strip(), re.IGNORECASE)
        keys = {"tagname", "tagvalue", "resourcetype", "name", "location", "resourcegroup"}
        if not match or match[1].lower() not in keys:
            raise FrontDoorError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query "
                                 "string.")
        key, value = match[1].lower(), match[2].replace("''", "'").lower()
        if key == "tagname":
            bodies = [body for body in bodies if value in {tag.lower() for tag in body.get("tags") or {}}]
        elif key == "tagvalue":
            bodies = [body for body in bodies if value in {tag.lower() for tag in (body.get("tags") or {}).values()}]
        elif key == "resourcegroup":
            bodies = [body for body in bodies if identifier(body["id"]).group.lower() == value]
        else:
            own = {"resourcetype": "type"}.get(key, key)
            bodies = [body for body in bodies if str(body.get(own, "")).lower() == value]
    return bodies


def list_resources(call: Call) -> list[dict[str, Any]]:
    """Tracked resources, short: the ones with a location."""
    prefix = call.id.key + "/"
    bodies: list[dict[str, Any]] = []
    for record in call.store.all():
        if record.id.key.startswith(prefix) and "location" in record.body and record.id.group and (
                record.type.lower() != GROUP.lower()) and call.can(f"{record.type}/read", record.id.text):
            bodies.append({str(key): record.body[key] for key in SHORT if key in record.body})
    return filtered(bodies, call.query.get("$filter", ""))


# Subscriptions and tenants

def subscription_body(record: Record) -> dict[str, Any]:
    subscription = record.id.name
    return {"id": record.id.text, "authorizationSource": "RoleBased", "managedByTenants": [],
            "subscriptionId": subscription, "tenantId": record.body["tenantId"],
            "displayName": record.body["displayName"], "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01",
                                     "spendingLimit": "Off"}}


def get_subscription(call: Call) -> dict[str, Any]:
    return subscription_body(call.require())


def list_subscriptions(call: Call) -> list[dict[str, Any]]:
    return [subscription_body(record) for record in call.store.of_type_anywhere("Microsoft.Resources/subscriptions")
            if record.body["tenantId"] == call.tenant
            and any(f"{scope}/".lower().startswith(record.id.key + "/") or scope.strip("/") == ""
                    for scope in call.world.rbac.scopes(call.principal.oid))]


def list_tenants(call: Call) -> list[dict[str, Any]]:
    return [{"id": f"/tenants/{call.tenant}", "tenantId": call.tenant, "countryCode": "US",
             "displayName": "Emulated", "domains": [], "defaultDomain": "emulated.localhost",
             "tenantType": "AAD", "tenantCategory": "Home"}]


def list_locations(call: Call) -> list[dict[str, Any]]:
    return [{"id": f"{call.id.text}/locations/{name}", "name": name, "type": "Region", "displayName": display,
             "regionalDisplayName": display,
             "metadata": {"regionType": "Physical", "regionCategory": "Recommended",
                          "pairedRegion": [{"name": pair, "id": f"{call.id.text}/locations/{pair}"}] if pair else []}}
            for name, (display, pair) in REGIONS.items()]


# Providers

def provider_body(world: World, subscription: str, provider: Provider) -> dict[str, Any]:
    locations = [display for display, dummy in REGIONS.values()]
    kinds = [{"resourceType": kind.name, "locations": locations,
              "apiVersions": list(reversed(kind.api_versions or provider.api_versions)),
              "defaultApiVersion": (kind.api_versions or provider.api_versions)[-1], "capabilities": "None"}
             for kind in provider.types if kind.name]
    if not subscription:
        return {"id": f"/providers/{provider.namespace}", "namespace": provider.namespace, "resourceTypes": kinds}
    return {"id": f"/subscriptions/{subscription}/providers/{provider.namespace}", "namespace": provider.namespace,
            "authorizations": [], "resourceTypes": kinds,
            "registrationState": world.registration(subscription, provider.namespace),
            "registrationPolicy": "RegistrationFree" if provider.always else "RegistrationRequired"}


def known_provider(call: Call) -> Provider:
    provider = call.world.providers.get(call.id.name.lower())
    if provider is None:
        raise FrontDoorError(404, "InvalidResourceNamespace", f"The resource namespace '{call.id.name}' is invalid.")
    return provider


def get_provider(call: Call) -> dict[str, Any]:
    return provider_body(call.world, call.id.subscription, known_provider(call))


def list_providers(call: Call) -> list[dict[str, Any]]:
    return [provider_body(call.world, call.id.subscription, provider) for provider in call.world.providers.values()]


def must(call: Call, provider: Provider, verb: str) -> None:
    """The right belongs to the namespace that is registered, not to Microsoft.Resources."""
    action, scope = f"{provider.namespace}/{verb}/action", f"/subscriptions/{call.id.subscription}"
    if not call.can(action, scope):
        raise denied(call.principal, action, scope)


def register(call: Call) -> dict[str, Any]:
    """Registering takes a while; asking again while it lasts or afterwards changes nothing."""
    provider, world, subscription = known_provider(call), call.world, call.id.subscription
    must(call, provider, "register")
    if world.registration(subscription, provider.namespace) not in {"Registered", "Registering"}:
        world.register(subscription, provider.namespace, "Registering")
        world.clock.after(world.settings.registration, f"{RESOURCES}:registered",
                          {"subscription": subscription, "namespace": provider.namespace, "state": "Registered"})
    return provider_body(world, subscription, provider)


def unregister(call: Call) -> dict[str, Any]:
    provider, world, subscription = known_provider(call), call.world, call.id.subscription
    must(call, provider, "unregister")
    if provider.always:
        raise FrontDoorError(409, "CannotUnregisterProvider", f"The resource provider '{provider.namespace}' cannot be "
                             "unregistered.")
    in_use = [record for record in world.store.all() if record.id.subscription.lower() == subscription.lower()
              and record.id.namespace.lower() == provider.namespace.lower()]
    if in_use:
        raise FrontDoorError(409, "SubscriptionNotInactive", "Cannot unregister: the subscription has resources of "
                             f"'{provider.namespace}', such as '{in_use[0].id.text}'.")
    if world.registration(subscription, provider.namespace) in {"Registered", "Registering"}:
        world.register(subscription, provider.namespace, "Unregistering")
        world.clock.after(world.settings.registration, f"{RESOURCES}:registered",
                          {"subscription": subscription, "namespace": provider.namespace, "state": "Unregistered"})
    return provider_body(world, subscription, provider)


def registered(world: World, payload: dict[str, Any]) -> None:
    world.register(payload["subscription"], payload["namespace"], payload["state"])


# Tags as a resource of their own: {scope}/providers/Microsoft.Resources/tags/default

def tagged(call: Call) -> Record:
    scope = Id("", "") if not call.id.scope else identifier(call.id.scope)
    record = call.store.get(scope)
    if record is None:
        raise AzureError(404, "ResourceNotFound", f"The resource '{call.id.scope}' was not found.")
    return record


def tags_body(call: Call, record: Record) -> dict[str, Any]:
    return {"id": call.id.text, "name": "default", "type": "Microsoft.Resources/tags",
            "properties": {"tags": record.body.get("tags") or {}}}


def get_tags(call: Call) -> dict[str, Any]:
    return tags_body(call, tagged(call))


def put_tags(call: Call) -> dict[str, Any]:
    return set_tags(call, (call.body.get("properties") or {}).get("tags") or {})


def patch_tags(call: Call) -> dict[str, Any]:
    operation = call.body.get("operation")
    new, old = (call.body.get("properties") or {}).get("tags") or {}, tagged(call).body.get("tags") or {}
    results = {"Replace": lambda: new, "Merge": lambda: {**old, **new},
               "Delete": lambda: {key: value for key, value in old.items() if new.get(key) != value}}
    if operation not in results:
        raise AzureError(400, "InvalidRequestContent", f"The tags operation '{operation}' is not valid.")
    return set_tags(call, results[operation]())


def set_tags(call: Call, tags: dict[str, str]) -> dict[str, Any]:
    record = tagged(call)
    return tags_body(call, call.store.put(record.id, {**record.body, "tags": tags}))


def delete_tags(call: Call) -> Reply:
    set_tags(call, {})
    return Reply(200)


def group_result(world: World, operation: Operation) -> Reply:
    return Reply(200)


def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """``resource_groups``: name, location, tags. ``providers``: namespace -> registration state."""
    for entry in section.get("resource_groups", []):
        world.put_group(subscription, entry["name"], slug(entry["location"]), entry.get("tags"))
    for namespace, state in section.get("providers", {}).items():
        world.register(subscription, namespace, state)


PROVIDER = Provider(
    namespace=RESOURCES, always=True, api_versions=VERSIONS, seed=seed,
    events={"registered": registered, "group.deleted": group_deleted,
            "group.deleted.failed": deletion_failed},
    lros={"group/delete": Lro(seconds=45, location="{subscription}/operationresults/{op}", retry_after=15)},
    render_result=group_result,
    not_found=lambda call: group_not_found(call.id.name),
    types=(
        Type("tenants", scope="tenant", list=list_tenants, permission="-"),
        Type("subscriptions", scope="tenant", get=get_subscription, list=list_subscriptions, permission="-"),
        Type("locations", scope="subscription", list=list_locations, stored=False,
             permission="subscriptions/locations"),
        Type("resourceGroups", scope="subscription", put=put_group, patch=patch_group, delete=delete_group,
             head=head_group, list=list_groups, filters_list=True, permission="subscriptions/resourceGroups",
             model="azure.mgmt.resource.resources.models:ResourceGroup", read_only=("properties.provisioningState",),
             patch_model="azure.mgmt.resource.resources.models:ResourceGroupPatchable"),
        Type("resources", scope="subscription", list=list_resources, stored=False, permission="-"),
        Type("providers", scope="subscription", get=get_provider, list=list_providers, stored=False, permission="-",
             posts={"register": Post(register), "unregister": Post(unregister)}),
        Type("tags", scope="extension", get=get_tags, put=put_tags, patch=patch_tags, delete=delete_tags,
             stored=False, model="azure.mgmt.resource.resources.models:TagsResource",
             patch_model="azure.mgmt.resource.resources.models:TagsPatchResource"),
    ))
