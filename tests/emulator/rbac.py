# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: principals of the directory, role assignments with propagation delay, and ``can``.

A principal exists at once for its owner, but the directory replica that Azure RBAC asks sees it later; an assignment is
recorded at once, but takes effect later. Both delays are settings in virtual seconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import roles

if TYPE_CHECKING:
    from .world import World

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


@dataclass
class Principal:
    """A service principal, managed identity or user. ``visible`` is when Azure RBAC sees it although it was told the
    principal type; without the type it asks a replica that lags behind (``searchable``)."""

    oid: str
    app_id: str
    tenant: str
    name: str
    kind: str = "ServicePrincipal"
    owner: str = ""
    visible: float = 0.0
    searchable: float = 0.0
    secrets: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    federated: list[dict[str, str]] = field(default_factory=list)


class Directory:
    """The principals of all tenants, by object id and by application id."""

    def __init__(self, world: World):
        self._world = world
        self._by_oid: dict[str, Principal] = {}
        self._by_app: dict[tuple[str, str], Principal] = {}

    def create(self, tenant: str, name: str, owner: str = "", old: bool = False, **values: Any) -> Principal:
        """A new principal; ``old`` ones have been replicated long ago. ``owner`` is the resource it belongs to."""
        now, settings = self._world.clock.now, self._world.settings
        principal = Principal(
            oid=values.pop("oid", None) or self._world.guid(), app_id=values.pop("app_id", None) or self._world.guid(),
            tenant=tenant, name=name, owner=owner,
            visible=0.0 if old else now + settings.identity_visible,
            searchable=0.0 if old else now + settings.identity_searchable, **values)
        self._keep(principal)
        return principal

    def delete(self, oid: str) -> None:
        """Assignments of a deleted principal stay behind as orphans, as in Azure."""
        principal = self._by_oid.pop(oid.lower(), None)
        if principal:
            self._by_app.pop((principal.tenant.lower(), principal.app_id.lower()), None)

    def get(self, oid: str) -> Principal | None:
        return self._by_oid.get(oid.lower())

    def by_app(self, tenant: str, app_id: str) -> Principal | None:
        """An application has a service principal, with an object id of its own, in each tenant that installed it."""
        return self._by_app.get((tenant.lower(), app_id.lower()))

    def _keep(self, principal: Principal) -> None:
        self._by_oid[principal.oid.lower()] = principal
        self._by_app[principal.tenant.lower(), principal.app_id.lower()] = principal

    def all(self) -> list[Principal]:
        return list(self._by_oid.values())

    def save(self) -> list[dict[str, Any]]:
        return [asdict(principal) for principal in self._by_oid.values()]

    def load(self, state: list[dict[str, Any]]) -> None:
        self._by_oid, self._by_app = {}, {}
        for entry in state:
            self._keep(Principal(**entry))


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern.lower()).replace(r"\*", ".*") + r"\Z")


def allows(permission: dict[str, Any], action: str, data: bool = False) -> bool:
    """Does one permission of a role definition allow an action? ``not`` lists subtract from this permission only."""
    yes, no = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    action = action.lower()
    return (any(_pattern(entry).match(action) for entry in permission.get(yes) or ())
            and not any(_pattern(entry).match(action) for entry in permission.get(no) or ()))


def covers(assigned: str, scope: str) -> bool:
    """Is ``scope`` at or below the assigned scope?"""
    assigned, scope = assigned.strip("/").lower(), scope.strip("/").lower()
    return not assigned or scope == assigned or scope.startswith(assigned + "/")


@dataclass
class Grant:
    key: str
    scope: str
    role: str
    effective: float
    tenant: str


class Rbac:
    """Assignments by principal. The documents are in the store; this is their evaluated index."""

    def __init__(self, world: World):
        self._world = world
        self._grants: dict[str, dict[str, Grant]] = defaultdict(dict)
        self._names: dict[tuple[str, str], str] = {}

    def grant(self, key: str, principal: str, role: str, scope: str, tenant: str, effective: float) -> None:
        """``key`` is the assignment's id, ``role`` the GUID of the definition."""
        self._grants[principal.lower()][key.lower()] = Grant(key.lower(), scope, role.lower(), effective, tenant)
        self._names[tenant, key.lower().rsplit("/", 1)[-1]] = key.lower()

    def revoke(self, key: str, principal: str) -> None:
        grant = self._grants[principal.lower()].pop(key.lower(), None)
        if grant:
            self._names.pop((grant.tenant, key.lower().rsplit("/", 1)[-1]), None)

    def named(self, tenant: str, name: str) -> str | None:
        """The key of the assignment of that name (GUID): names are unique in a tenant."""
        return self._names.get((tenant, name.lower()))

    def assignments(self, principal: str) -> list[Grant]:
        """All of a principal, in force or not yet."""
        return list(self._grants.get(principal.lower(), {}).values())

    def delay(self) -> float:
        """How long the next assignment takes to be in force (virtual seconds)."""
        shortest, longest = self._world.settings.rbac_propagation
        return self._world.random.uniform(shortest, longest)

    def permissions(self, role: str, tenant: str) -> list[dict[str, Any]]:
        built_in = roles.definition(role)
        if built_in:
            return built_in["permissions"]
        custom = self._world.custom_roles.get((tenant, role))
        return custom["permissions"] if custom else []

    def can(self, principal: str, action: str, scope: str, data: bool = False) -> bool:
        """May the principal (object id) do the action at the scope (any resource id), now?"""
        now = self._world.clock.now
        return any(allows(permission, action, data)
                   for grant in self._grants.get(principal.lower(), {}).values()
                   if grant.effective <= now and covers(grant.scope, scope)
                   for permission in self.permissions(grant.role, grant.tenant))

    def has_role(self, principal: str, role: str, scope: str) -> bool:
        """Is a role (GUID or name) in force for the principal at the scope, assigned there or above?"""
        role, now = roles.NAMES.get(role.lower(), role.lower()), self._world.clock.now
        return any(grant.role == role and grant.effective <= now and covers(grant.scope, scope)
                   for grant in self._grants.get(principal.lower(), {}).values())

    def scopes(self, principal: str) -> list[str]:
        """Where the principal has anything at all in force."""
        now = self._world.clock.now
        return [grant.scope for grant in self._grants.get(principal.lower(), {}).values() if grant.effective <= now]

    def rebuild(self) -> None:
        """From the documents, after loading."""
        self._grants.clear()
        self._names.clear()
        for record in self._world.store.all():
            if record.type.lower() == ASSIGNMENTS.lower():
                properties = record.properties
                self.grant(record.id.key, properties["principalId"], properties["roleDefinitionId"].rsplit("/", 1)[-1],
                           properties["scope"], record.hidden["tenant"], record.hidden["effective"])
