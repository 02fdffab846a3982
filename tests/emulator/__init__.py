# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulator of Azure Resource Manager for AKS Backup: see README.md beside this file."""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

__all__ = ["Emulator"]


class Emulator:
    """The server in a background thread of this process, and a client of its management plane.

    ``with Emulator(speed=500) as emulator:`` gives ``url``, ``ca_file`` and ``environment`` (what to export). Keyword
    arguments as on the command line: scenario (name, path or dict), port, speed, seed, profile, directory, settings.
    """

    def __init__(self, scenario: Any = "default", *, directory: str | Path | None = None, **options: Any):
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="aks-backup-emulator-")
        self._directory = Path(directory or self._temporary.name)  # type: ignore[union-attr]
        self._scenario, self._options = scenario, options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="emulator", daemon=True)
        self.server: Any = None

    def start(self) -> Emulator:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        self._context = ssl.create_default_context(cafile=str(self.ca_file))
        return self

    def stop(self) -> None:
        if self._loop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *dummy: Any) -> None:
        self.stop()

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            from .server import Server
            self.server = Server(self._directory, scenario=self._scenario, **self._options)
            self._loop.run_until_complete(self.server.start())
        except BaseException as error:  # handed over to the thread that waits for the start
            self._failure = error
            self._ready.set()
            return
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self.server.stop())
        self._loop.close()

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def ca_file(self) -> Path:
        return self.server.ca_file

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.server.environment)

    # The management plane

    def manage(self, method: str, path: str, body: Any = None) -> Any:
        """A request below ``/_emulator/``; raises urllib.error.HTTPError for a refusal."""
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", method=method,
            data=None if body is None else json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=self._context))
        with opener.open(request) as response:
            return json.load(response)

    def journal(self, subscription: str = "", since: int = 0) -> list[dict[str, Any]]:
        return self.manage("GET", f"journal?subscription={subscription}&since={since}")

    def writes(self, subscription: str = "", since: int = 0) -> list[dict[str, Any]]:
        return self.manage("GET", f"journal?subscription={subscription}&since={since}&writes=true")

    def advance(self, seconds: float) -> None:
        """Let virtual time jump, with everything that happens on the way."""
        self.manage("POST", "clock", {"advance": seconds})

    def fault(self, then: dict[str, Any], **match: Any) -> int:
        """Add a fault rule; gives its number."""
        return self.manage("POST", "faults", {"match": match, "then": then})["id"]

    def faults(self) -> list[dict[str, Any]]:
        return self.manage("GET", "faults")

    def clear_faults(self) -> None:
        self.manage("DELETE", "faults")

    def subscription(self, scenario: Any = "default") -> dict[str, str]:
        """A fresh tenant and subscription beside the others: its environment values."""
        return self.manage("POST", "subscriptions", {"scenario": scenario})

    def settings(self, **values: Any) -> dict[str, Any]:
        return self.manage("PATCH", "settings", values) if values else self.manage("GET", "settings")

    def resources(self, type: str = "", subscription: str = "") -> list[dict[str, Any]]:
        return self.manage("GET", f"resources?type={type}&subscription={subscription}")

    def principals(self, owner: str = "") -> list[dict[str, Any]]:
        return self.manage("GET", f"principals?owner={owner}")

    def inside(self, cluster: str, namespace: str = "", resource: str = "", name: str = "") -> list[dict[str, Any]]:
        """The Kubernetes objects in a cluster (its ARM id); resource as in ``deployments.apps``."""
        return self.manage("GET", f"inside?id={cluster}&namespace={namespace}&resource={resource}&name={name}")

    def change_inside(self, cluster: str, put: list[dict[str, Any]] | None = None,
                      delete: list[tuple[str, str, str]] | None = None) -> dict[str, int]:
        """Put manifests into a cluster and delete (resource, namespace, name) from it."""
        return self.manage("POST", f"inside?id={cluster}", {"put": put or [], "delete": delete or []})

    def reset(self) -> dict[str, str]:
        return self.manage("POST", "reset")

    def save(self) -> dict[str, Any]:
        return self.manage("GET", "state")

    def load(self, state: dict[str, Any]) -> None:
        self.manage("PUT", "state", state)
