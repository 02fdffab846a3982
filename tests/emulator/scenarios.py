# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios: YAML documents (or dicts) that say what a cloud holds at the start.

Shape: ``tenant`` {id}, ``settings``, ``faults`` (rules), ``subscriptions`` [{id, name, ... sections that providers
read in their ``seed``}], ``principals`` [{name, client_id, object_id, secret, certificate, federated, host, roles:
[{role, scope}]}]. Whatever GUID or secret is not given is made up. In scopes ``{subscription}`` stands for the first
subscription's id. The first principal is the one whose credentials are in the environment values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from . import roles
from .ids import Id
from .rbac import ASSIGNMENTS
from .world import World, subscription_id

if TYPE_CHECKING:
    from .server import Server

HERE = Path(__file__).parent / "scenarios"
WORDS = {"tenant", "settings", "faults", "subscriptions", "principals", "description"}
NOT_FOR_PROVIDERS = {"id", "name"}
# Rates a client must survive, per request; source: what users of the Azure APIs report, exaggerated.
PROFILES: dict[str, dict[str, Any]] = {
    "strict": {},
    "gentle": {"settings": {"rbac_propagation": 5.0, "identity_visible": 0.0, "identity_searchable": 0.0,
                            "registration": 5.0, "graph_delay": 0.0}},
    "nasty": {
        "settings": {"rbac_propagation": (60.0, 600.0), "identity_visible": 30.0, "identity_searchable": 120.0,
                     "page_size": 3, "graph_delay": 90.0, "vault_lingers": 60.0},
        "faults": [
            {"match": {"probability": 0.03}, "then": {"status": 429, "code": "TooManyRequests", "retry_after": 5,
                                                      "message": "The request was throttled."}},
            {"match": {"probability": 0.02, "method": "GET"}, "then": {
                "status": 503, "code": "ServerTimeout", "message": "The request timed out."}},
            {"match": {"probability": 0.01, "method": "GET"}, "then": {"drop": "before"}},
            {"match": {"probability": 0.02, "method": "PUT"}, "then": {"drop": "after"}},
            {"match": {"probability": 0.05, "method": "GET"}, "then": {"stale": True}},
            {"match": {"probability": 0.05, "method": "PUT"}, "then": {"lro": "slow", "factor": 3}},
            {"match": {"probability": 0.03, "method": "PUT", "path": "trustedAccessRoleBindings|extensions"},
             "then": {"status": 409, "code": "OperationNotAllowed", "message": "Operation is not allowed: Another "
                      "operation (Updating) is in progress, please wait for it to finish before starting a new "
                      "operation. See https://aka.ms/aks-pending-operation for more details"}}]},
}


def load(scenario: Any) -> dict[str, Any]:
    """A dict, the name of a shipped scenario or the path of a file. ValueError when it is none of these."""
    if isinstance(scenario, dict):
        document = scenario
    else:
        path = Path(scenario)
        if not path.is_file():
            path = HERE / f"{scenario}.yml"
        if not path.is_file():
            raise ValueError(f"no scenario {scenario}; there are {sorted(entry.stem for entry in HERE.glob('*.yml'))}")
        # The C loader, where PyYAML has it: a fleet's scenario is read ten times as fast.
        document = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - it is
    if not isinstance(document, dict) or set(document) - WORDS or not document.get("subscriptions"):
        raise ValueError(f"a scenario has the keys {sorted(WORDS)} and at least one subscription")
    return document


def install(server: Server, scenario: Any, profile: str | None = None) -> dict[str, str]:
    """Set a scenario up beside what there is already; gives the environment values of its first principal.

    ``profile`` (of the server, at its start) and the scenario's settings and faults are of the whole server.
    """
    world, document = server.world, load(scenario)
    for source in (PROFILES[profile], document) if profile else (document,):
        world.settings.change(source.get("settings", {}))
        for rule in source.get("faults", []):
            server.faults.add(rule)
    tenant = (document.get("tenant") or {}).get("id") or world.guid()
    created = [add_subscription(world, tenant, section) for section in document["subscriptions"]]
    principals = [add_principal(world, tenant, created[0], entry) for entry in
                  document.get("principals") or [{"name": "automation", "roles": [{"role": "Owner"}]}]]
    for subscription in created:
        world.store.settle(subscription)
    return environment(server, created[0], tenant, principals[0])


def environment(server: Server, subscription: str, tenant: str, principal: tuple[str, str]) -> dict[str, str]:
    client, secret = principal
    return {"AZURE_SUBSCRIPTION_ID": subscription, "AZURE_TENANT_ID": tenant, "AZURE_TENANT": tenant,
            "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": secret, "AZURE_SECRET": secret,
            "AZURE_CLOUD_ENVIRONMENT": server.url, "REQUESTS_CA_BUNDLE": str(server.ca_file),
            "EMULATOR_URL": server.url}


def add_subscription(world: World, tenant: str, section: dict[str, Any]) -> str:
    subscription = section.get("id") or world.guid()
    if world.store.get(subscription_id(subscription)):
        raise ValueError(f"subscription {subscription} exists already")
    world.store.put(subscription_id(subscription), {
        "tenantId": tenant, "displayName": section.get("name", "Emulated"), "subscriptionId": subscription})
    known = set(NOT_FOR_PROVIDERS)
    rest = {key: value for key, value in section.items() if key not in known}
    # Resource groups hold the rest; Resource Graph starts with what the others have put there.
    order = sorted(world.providers.values(), key=lambda provider: (
        provider.namespace == "Microsoft.ResourceGraph", provider.namespace != "Microsoft.Resources"))
    for provider in order:
        if provider.seed:
            provider.seed(world, subscription, rest)
    return subscription


def add_principal(world: World, tenant: str, subscription: str, entry: dict[str, Any]) -> tuple[str, str]:
    """A service principal of a scenario, long replicated, its roles in force: ``(client id, secret)``."""
    secret = entry.get("secret") or world.random.randbytes(20).hex()
    principal = world.directory.create(
        tenant, entry.get("name", "principal"), owner="host:" if entry.get("host") else "", old=True,
        oid=entry.get("object_id"), app_id=entry.get("client_id"), secrets=[secret],
        certificates=[entry["certificate"]] if entry.get("certificate") else [], federated=entry.get("federated", []))
    for grant in entry.get("roles", []):
        scope = grant.get("scope", "{subscription}").replace("{subscription}", f"/subscriptions/{subscription}")
        assign(world, tenant, principal.oid, grant["role"], scope)
    return principal.app_id, secret


def assign(world: World, tenant: str, principal: str, role: str, scope: str) -> None:
    """A role assignment that has been in force for long. ``role`` is a name or a GUID."""
    guid, name, scope = roles.NAMES.get(role.lower(), role.lower()), world.guid(), scope.rstrip("/")
    if not roles.definition(guid):
        raise ValueError(f"no built-in role {role}; there are {sorted(entry[0] for entry in roles.BUILT_IN.values())}")
    id = Id(scope, "Microsoft.Authorization", ("roleAssignments",), (name,))
    root = scope if scope else "/"
    stamped = "2024-01-01T00:00:00Z"
    world.store.put(id, {"type": ASSIGNMENTS, "properties": {
        "roleDefinitionId": f"{scope if scope.lower().startswith('/subscriptions') else ''}"[:51] +
        f"/providers/Microsoft.Authorization/roleDefinitions/{guid}",
        "principalId": principal, "principalType": "ServicePrincipal", "scope": root, "condition": None,
        "conditionVersion": None, "createdOn": stamped, "updatedOn": stamped, "createdBy": None, "updatedBy": None,
        "delegatedManagedIdentityResourceId": None, "description": None}}, {"tenant": tenant, "effective": 0.0})
    world.rbac.grant(id.key, principal, guid, root, tenant, 0.0)
