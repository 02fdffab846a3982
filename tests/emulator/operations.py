# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running operations: declared by a provider in a table, followed by clients through monitor URLs.

Source of the protocol: "Asynchronous operations" of the Azure Resource Manager documentation and the wire behaviour of
the providers. Monitor URLs are signed (``t``, ``c``, ``s``, ``h``) where the provider's are, and must be replayed
verbatim: the signature covers path and query.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from .clock import ticks
from .errors import AzureError, FrontDoorError

if TYPE_CHECKING:
    from .provider import Call
    from .world import World


@dataclass(frozen=True)
class Lro:
    """Facts of one operation. Paths are templates over {id} (of the target), {root} (its top-level resource),
    {subscription}, {group} (ids), {location} and {op}; ``seconds`` and ``retry_after`` as in reality (virtual time).
    ``after`` is another monitor, which the finished result names."""

    seconds: float
    status: int = 202
    monitor: str = ""
    location: str = ""
    retry_after: float | None = None
    signed: bool = True
    after: str = ""
    version_key: str = "api-version"
    version: str = ""


@dataclass
class Operation:
    """One run of an operation. ``state``: InProgress, Succeeded, Failed, Canceled. ``error`` is the body that the
    provider's envelope makes (what is inside "error"), ``result`` whatever the finish handler returned."""

    name: str
    provider: str
    lro: str
    target: str
    tenant: str
    principal: str
    activity: str
    api_version: str
    started: float
    ends: float | None
    finish: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    state: str = "InProgress"
    error: dict[str, Any] | None = None
    result: Any = None
    ended: float | None = None
    fault: dict[str, Any] | None = None
    paths: dict[str, str] = field(default_factory=dict)


class Operations:
    """All operations of all subscriptions, by name and by the paths of their monitors."""

    def __init__(self, world: World):
        self._world = world
        self._operations: dict[str, Operation] = {}
        self._running: dict[str, dict[str, Operation]] = defaultdict(dict)
        self._paths: dict[str, tuple[str, str]] = {}
        self._secret = world.random.randbytes(32)
        # As long as the certificate that Azure puts there, so that clients meet URLs of the real length.
        self.certificate = _base64url(world.random.randbytes(2150))

    def begin(self, call: Call, lro: str, *, finish: str, payload: dict[str, Any], name: str = "",
              location: str = "", seconds: float | None = None) -> tuple[Operation, dict[str, str]]:
        """Start one: ``(operation, headers of the first reply)``. When its time is over the provider's event ``finish``
        runs with the payload (plus ``operation``); what it raises as AzureError is the failure."""
        facts = call.provider.lros[lro]
        now, fault = self._world.clock.now, call.exchange.lro_fault
        duration = facts.seconds if seconds is None else seconds
        if fault and fault["kind"] == "slow":
            duration *= fault.get("factor", 20)
        hanging = bool(fault and fault["kind"] == "hang")
        operation = Operation(
            name=name or self._world.guid(), provider=call.provider.namespace, lro=lro, target=call.id.text,
            tenant=call.tenant, principal=call.principal.oid, activity=call.client_request_id,
            api_version=call.api_version, started=now, ends=None if hanging else now + duration, finish=finish,
            payload=payload, fault=fault)
        subscription = f"/subscriptions/{call.id.subscription}"
        words = {"id": call.id.text, "root": call.id.top.text, "subscription": subscription,
                 "group": f"{subscription}/resourceGroups/{call.id.group}", "location": location, "op": operation.name}
        headers = {}
        for header, role, template in (("Azure-AsyncOperation", "status", facts.monitor),
                                       ("Location", "result", facts.location)):
            if template:
                path = template.format_map(words)
                operation.paths[role] = path
                self._paths[path.lower()] = (operation.name, role)
                headers[header] = call.exchange.base_url + self.sign(path, facts, call.api_version)
        if facts.after:
            path = operation.paths["after"] = facts.after.format_map(words)
            self._paths[path.lower()] = (operation.name, "after")
        self._operations[operation.name] = self._running[_root(operation.target)][operation.name] = operation
        if facts.retry_after is not None:
            headers.update(self._world.retry_after_header(facts.retry_after))
        if operation.ends is not None:
            self._world.clock.at(operation.ends, "core:operation", {"operation": operation.name})
        return operation, headers

    def get(self, name: str) -> Operation | None:
        return self._operations.get(name)

    def running(self, target: str) -> list[Operation]:
        """Operations in progress whose target is at or below a resource (not a group)."""
        prefix = target.lower() + "/"
        return [operation for operation in self._running.get(_root(target), {}).values()
                if (operation.target.lower() + "/").startswith(prefix)]

    def find(self, path: str) -> tuple[Operation, str] | None:
        """``(operation, "status" or "result")`` of a monitor's path."""
        name, role = self._paths.get(path.lower(), ("", ""))
        return (self._operations[name], role) if name else None

    def complete(self, name: str) -> None:
        """The time of an operation is over: let its provider finish it."""
        operation = self._operations.get(name)
        if operation is None or operation.state != "InProgress":
            return
        self._running[_root(operation.target)].pop(name, None)
        provider = self._world.provider(operation.provider)
        payload = {**operation.payload, "operation": name}
        fault = operation.fault or {}
        operation.ended, operation.state = self._world.clock.now, "Succeeded"
        try:
            if fault.get("kind") == "fail":
                failed = provider.events.get(operation.finish + ".failed")
                if failed:
                    failed(self._world, {**payload, "fault": fault})
                raise AzureError(200, fault.get("code", "InternalServerError"),
                                 fault.get("message", "The operation failed."))
            if operation.finish:
                operation.result = provider.events[operation.finish](self._world, payload)
        except AzureError as error:
            operation.state = "Failed"
            body = provider.envelope(error, operation.activity)
            operation.error = body.get("error", body)

    def sign(self, path: str, facts: Lro, api_version: str) -> str:
        version = facts.version or api_version
        target = f"{quote(path, safe='/=;')}?{facts.version_key}={version}"
        if not facts.signed:
            return target
        time = str(ticks(self._world.clock.now))
        return f"{target}&t={time}&c={self.certificate}&" + "&".join(
            f"{key}={value}" for key, value in self._signature(path, time, version).items())

    def _signature(self, path: str, time: str, version: str) -> dict[str, str]:
        text = f"{path.lower()}|{version}|{time}|{self.certificate[:32]}".encode()
        return {"s": _base64url(hmac.digest(self._secret, text, "sha512") * 4),
                "h": _base64url(hashlib.sha256(text).digest())}

    def verify(self, operation: Operation, role: str, query: str) -> None:
        """Refuse a monitor URL that is not the one that was given out."""
        facts = self._world.provider(operation.provider).lros[operation.lro]
        if not facts.signed:
            return
        given = dict(parse_qsl(query))
        path, version = operation.paths[role], facts.version or operation.api_version
        wanted = {facts.version_key: version, "c": self.certificate, "t": given.get("t", ""),
                  **self._signature(path, given.get("t", ""), version)}
        if any(given.get(key) != value for key, value in wanted.items()):
            raise FrontDoorError(400, "InvalidAsyncOperationUrl",
                                 "The asynchronous operation URL is not valid: it must be used as it was received.")

    def save(self) -> dict[str, Any]:
        return {"secret": self._secret.hex(), "certificate": self.certificate,
                "operations": [asdict(operation) for operation in self._operations.values()]}

    def load(self, state: dict[str, Any]) -> None:
        self._secret, self.certificate = bytes.fromhex(state["secret"]), state["certificate"]
        self._operations = {entry["name"]: Operation(**entry) for entry in state["operations"]}
        self._running.clear()
        for operation in self._operations.values():
            if operation.state == "InProgress":
                self._running[_root(operation.target)][operation.name] = operation
        self._paths = {path.lower(): (operation.name, role) for operation in self._operations.values()
                       for role, path in operation.paths.items()}


def _root(target: str) -> str:
    """The key of the top-level resource that an id lies in."""
    return "/".join(target.lower().split("/")[:9])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
