# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTPS server: sockets, TLS and the four doors (ARM, sign-in, clusters, management) in front of one World."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import traceback
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from . import access, management, pipeline, providers, scenarios
from .entra import Entra, WebRequest, query_of
from .faults import Faults
from .journal import Journal
from .pipeline import Exchange
from .provider import Reply
from .throttle import Throttle
from .world import World

TICK = 0.05
LARGEST_BODY = 4 * 2 ** 20
LARGEST_STATE = 2 ** 30


class Server:
    """One emulated cloud on one port of 127.0.0.1. ``directory`` holds the CA file; ``environment`` what to export."""

    def __init__(self, directory: Path, *, scenario: Any = "default", port: int = 0, speed: float = 1.0,
                 seed: int | None = None, settings: dict[str, Any] | None = None, profile: str = "strict"):
        self._speed, self._seed, self._settings = speed, seed, settings or {}
        self._fresh_world()
        self.port, self.base_urls = port, {""}
        self.ca_file = directory / "ca.pem"
        self._scenario, self._profile = scenario, profile
        self._runner: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None
        authority = trustme.CA(organization_name="aks.backup emulator")
        authority.cert_pem.write_to_path(self.ca_file)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._tls)
        self.environment: dict[str, str] = {}

    def _fresh_world(self) -> None:
        self.world = World(providers.ALL, speed=self._speed, seed=self._seed)
        self.journal = Journal()
        self.faults = Faults(self)
        self.throttle = Throttle(self)
        self.entra = Entra(self)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    async def start(self) -> None:
        application = web.Application(client_max_size=LARGEST_STATE)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, keepalive_timeout=75)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls, backlog=512)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.base_urls = {self.url, f"https://127.0.0.1:{self.port}"}
        self.environment = scenarios.install(self, self._scenario, self._profile)
        self.world.settings.change(self._settings)
        self._ticker = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        if self._ticker:
            self._ticker.cancel()
        if self._runner:
            await self._runner.cleanup()

    def save(self) -> dict[str, Any]:
        """Everything that a later server needs to go on; JSON."""
        return {"world": self.world.save(), "faults": self.faults.save(), "environment": self.environment}

    def load(self, state: dict[str, Any]) -> None:
        self.world.load(state["world"])
        self.faults.remove()
        for rule in state["faults"]:
            self.faults.add(rule)
        own = {"AZURE_CLOUD_ENVIRONMENT": self.url, "REQUESTS_CA_BUNDLE": str(self.ca_file), "EMULATOR_URL": self.url}
        self.environment = {**state["environment"], **own}

    def reset(self) -> dict[str, str]:
        """As after the start, but with new GUIDs and credentials: the new environment values."""
        self._fresh_world()
        self.environment = scenarios.install(self, self._scenario, self._profile)
        self.world.settings.change(self._settings)
        return self.environment

    async def _tick(self) -> None:
        """Events happen on time although nobody asks; in portions, so that requests are served in between."""
        while True:
            try:
                done = self.world.clock.run_due(limit=100)
            except Exception:  # a defect of one event must not stop time
                traceback.print_exc(file=sys.stderr)
                done = 1
            await asyncio.sleep(0 if done else TICK)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        base_url = f"https://{request.host}"
        try:
            content = await request.read()
            if len(content) > LARGEST_BODY and not path.startswith("/_emulator/"):
                raise web.HTTPRequestEntityTooLarge(LARGEST_BODY, len(content))
            self.world.clock.run_due()
            if path.startswith("/_emulator/"):
                return _response(await management.answer(self, request.method, path, query_of(
                    request.rel_url.raw_query_string), content))
            answer = self.entra.answer(WebRequest(request.method, path, query_of(request.rel_url.raw_query_string),
                                                  request.headers, content, base_url))
            if answer:
                self.journal.sign_in(request.method, path, answer.status, self.world.clock.now, _connection(request))
                return _response(answer)
            return await self._arm(request, path, base_url, content)
        except web.HTTPException as error:
            return _response(Reply(error.status, {"error": {"code": "BadRequest", "message": error.reason}}))
        except Exception:  # a defect of the emulator, said so
            traceback.print_exc(file=sys.stderr)
            return _response(Reply(500, {"error": {"code": "EmulatorDefect", "message": traceback.format_exc()}}))

    async def _arm(self, request: web.Request, path: str, base_url: str, content: bytes) -> web.StreamResponse:
        request_id = self.world.guid()
        raw_query = request.rel_url.raw_query_string
        exchange = Exchange(
            server=self, method=request.method, path=path, raw_query=raw_query, query=query_of(raw_query),
            headers=request.headers, content=content, base_url=base_url, request_id=request_id,
            client_request_id=request.headers.get("x-ms-client-request-id", request_id),
            connection=_connection(request))
        if self.world.settings.latency:
            await asyncio.sleep(self.world.settings.latency)
        status = None
        try:
            door = access.answer if path.startswith(f"{access.PREFIX}/") else pipeline.handle
            reply = await door(exchange)
            if exchange.drop:
                return _reset(request)
            status = reply.status
            if exchange.truncate and reply.body is not None:
                return await _truncated(request, reply)
            return _response(reply)
        finally:
            if exchange.entry:
                self.journal.finish(exchange, status)


def _connection(request: web.Request) -> int:
    """The port at the client's end; 0 when it has hung up already."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return peer[1] if peer else 0


def _response(reply: Reply) -> web.Response:
    headers = dict(reply.headers)
    if isinstance(reply.body, str):
        return web.Response(status=reply.status, headers=headers, text=reply.body)
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    return web.Response(status=reply.status, headers=headers, body=_json(reply.body),
                        content_type="application/json", charset="utf-8")


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _reset(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


async def _truncated(request: web.Request, reply: Reply) -> web.StreamResponse:
    data = _json(reply.body)
    response = web.StreamResponse(status=reply.status, headers={
        **reply.headers, "Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[:len(data) // 2])
    if request.transport:
        request.transport.abort()
    return response
