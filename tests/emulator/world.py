# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole emulated cloud: clock, store, operations, directory and the providers, and what they all ask for."""

from __future__ import annotations

import random
import re
import uuid
from dataclasses import asdict, dataclass, fields
from typing import Any

from . import errors
from .clock import Clock
from .errors import FrontDoorError
from .ids import RESOURCES, Id
from .operations import Operations
from .provider import Provider
from .rbac import ASSIGNMENTS, Directory, Rbac
from .store import Record, Store

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass
class Settings:
    """What the management plane may change. Times in virtual seconds, latency in real ones."""

    latency: float = 0.0
    page_size: int = 100
    identity_visible: float = 10.0
    identity_searchable: float = 60.0
    rbac_propagation: tuple[float, float] = (30.0, 180.0)
    graph_delay: float = 30.0
    graph_rows: int = 1000  # of a page of Resource Graph, whatever is asked for
    registration: float = 60.0
    vault_lingers: float = 20.0
    throttle: bool = False
    throttle_refill: float = 1.0  # share of what Azure fills into its buckets, for fleets smaller than Azure's
    schedules: bool = True  # whether backups by schedule happen; what is planned passes by while they do not

    def change(self, values: dict[str, Any]) -> None:
        """Set known settings; a single number stands for both ends of a range. ValueError for what is unknown."""
        known = {entry.name for entry in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}")
            if name == "rbac_propagation":
                value = tuple(value) if isinstance(value, (list, tuple)) else (float(value), float(value))
            setattr(self, name, value)


def subscription_id(subscription: str) -> Id:
    return Id("", RESOURCES, ("subscriptions",), (subscription,))


def group_id(subscription: str, group: str) -> Id:
    return Id(f"/subscriptions/{subscription}", RESOURCES, ("resourceGroups",), (group,))


def registration_id(subscription: str, namespace: str) -> Id:
    return Id(f"/subscriptions/{subscription}", RESOURCES, ("providers",), (namespace,))


class World:
    """``providers`` by lower-case namespace. Nothing here knows HTTP."""

    def __init__(self, providers: list[Provider], speed: float = 1.0, seed: int | None = None):
        self.seed = random.SystemRandom().randrange(2 ** 32) if seed is None else seed
        self.random = random.Random(self.seed)
        self.providers = {provider.namespace.lower(): provider for provider in providers}
        self.settings = Settings()
        self.clock = Clock(self._dispatch, speed)
        self.store = Store()
        self.directory = Directory(self)
        self.rbac = Rbac(self)
        self.operations = Operations(self)
        self.custom_roles: dict[tuple[str, str], dict[str, Any]] = {}
        self.extras: dict[str, Any] = {}

    def guid(self) -> str:
        return str(uuid.UUID(bytes=self.random.randbytes(16), version=4))

    def provider(self, namespace: str) -> Provider:
        return self.providers[namespace.lower()]

    def retry_after(self, seconds: float) -> str:
        """Retry-After in real seconds: whole at real speed, else a small positive decimal. Never 0, which azure-core
        takes for "not given"."""
        value = seconds / self.clock.speed
        return str(int(value)) if value >= 1 and value == int(value) else f"{max(value, 0.01):.3g}"

    def retry_after_header(self, seconds: float) -> dict[str, str]:
        """The header of a first reply or a result. The generated clients read Retry-After there as an integer and fail
        of a decimal, so a fraction goes into the header for milliseconds, which azure-core reads as well."""
        value = self.retry_after(seconds)
        if value.isdigit():
            return {"Retry-After": value}
        return {"x-ms-retry-after-ms": str(max(1, round(float(value) * 1000)))}

    def _dispatch(self, name: str, payload: dict[str, Any]) -> None:
        namespace, dummy, event = name.partition(":")
        if namespace == "core":
            self.operations.complete(payload["operation"])
        else:
            self.provider(namespace).events[event](self, payload)

    # What every provider asks for

    def tenant_of(self, subscription: str) -> str:
        record = self.store.get(subscription_id(subscription))
        if record is None and GUID.fullmatch(subscription) is None:
            raise FrontDoorError(400, "InvalidSubscriptionId",
                                 f"The provided subscription identifier '{subscription}' is malformed or invalid.")
        if record is None:
            raise FrontDoorError(404, "SubscriptionNotFound",
                                 f"The subscription '{subscription}' could not be found.")
        return record.body["tenantId"]

    def registration(self, subscription: str, namespace: str) -> str:
        provider = self.providers[namespace.lower()]
        if provider.always:
            return "Registered"
        record = self.store.get(registration_id(subscription, namespace))
        return record.hidden["state"] if record else provider.unregistered

    def register(self, subscription: str, namespace: str, state: str) -> Record:
        if namespace.lower() not in self.providers:
            raise ValueError(f"no resource provider {namespace}")
        namespace = self.provider(namespace).namespace
        return self.store.put(registration_id(subscription, namespace), {"namespace": namespace}, {"state": state})

    def require_group(self, id: Id) -> Record:
        """The resource group that an id lies in."""
        record = self.store.get(group_id(id.subscription, id.group))
        if record is None:
            raise errors.group_not_found(id.group)
        return record

    def put_group(self, subscription: str, name: str, location: str, tags: dict[str, str] | None = None) -> Record:
        body = {"type": "Microsoft.Resources/resourceGroups", "location": location,
                "properties": {"provisioningState": "Succeeded"}, **({"tags": tags} if tags is not None else {})}
        return self.store.put(group_id(subscription, name), body)

    def managed_identity(self, tenant: str, name: str, owner: str, old: bool = False) -> dict[str, str]:
        """A new managed identity: ``{"principalId", "tenantId", "clientId"}``."""
        principal = self.directory.create(tenant, name, owner=owner, old=old)
        return {"principalId": principal.oid, "tenantId": tenant, "clientId": principal.app_id}

    def forget(self, record: Record) -> None:
        """Remove a record with the identities that lived with it."""
        for principal in self.directory.all():
            if principal.owner.lower() == record.id.key:
                self.directory.delete(principal.oid)
        if record.type.lower() == ASSIGNMENTS.lower():
            self.rbac.revoke(record.id.key, record.properties["principalId"])
        self.store.delete(record.id)

    # Saving and loading

    def save(self) -> dict[str, Any]:
        own = {provider.namespace: provider.save(self) for provider in self.providers.values() if provider.save}
        return {"version": 1, "settings": asdict(self.settings), "clock": self.clock.save(), "store": self.store.save(),
                "directory": self.directory.save(), "operations": self.operations.save(), "providers": own,
                "extras": self.extras,
                "custom_roles": [[*key, value] for key, value in self.custom_roles.items()]}

    def load(self, state: dict[str, Any]) -> None:
        self.settings.change(state["settings"])
        self.store.load(state["store"])
        self.directory.load(state["directory"])
        self.operations.load(state["operations"])
        self.extras = state["extras"]
        self.custom_roles = {(tenant, role): value for tenant, role, value in state["custom_roles"]}
        self.clock.load(state["clock"])
        self.rbac.rebuild()
        for namespace, own in state["providers"].items():
            load = self.provider(namespace).load
            if load:
                load(self, own)
