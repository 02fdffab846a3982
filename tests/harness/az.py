# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Azure CLI, as its authors ship it, signed in to the emulator. Its environment is made by ``./run test-az``."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from tests.harness import ROOT

PROGRAM = ROOT / ".work" / "env" / "az" / "bin" / "az"
CLOUD = "Emulated"
MONITOR = re.compile(r"'Azure-AsyncOperation': '([^']+)'")

# The api-versions that `az rest` is given; those of the CLI's own commands are in the CLI.
DATA_PROTECTION = "2025-07-01"
EXTENSIONS = "2023-05-01"
GRAPH = "2021-03-01"


class AzureCli:
    """``az`` with a configuration folder of its own, signed in by the values of a subscription's environment."""

    def __init__(self, environment: Mapping[str, str], folder: pathlib.Path) -> None:
        self.subscription = environment["AZURE_SUBSCRIPTION_ID"]
        self._url = environment["EMULATOR_URL"]
        self._environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ARM_"))},
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            # The emulator is no cloud that Microsoft's list of clouds knows.
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "HOME": str(folder),
            "REQUESTS_CA_BUNDLE": environment["REQUESTS_CA_BUNDLE"],
        }
        self._register()
        self("cloud", "set", "--name", CLOUD)
        tenant, client, secret = (environment[f"AZURE_{name}"] for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"))
        # A secret may begin with a hyphen, hence the equals sign.
        self("login", "--service-principal", "--tenant", tenant, "--username", client, f"--password={secret}")

    def _register(self) -> None:
        with_slash = (
            "management", "active-directory-resource-id", "active-directory-graph-resource-id",
            "microsoft-graph-resource-id",
        )
        endpoints = {"resource-manager": self._url, "active-directory": self._url}
        endpoints.update(dict.fromkeys(with_slash, f"{self._url}/"))
        self(
            "cloud", "register", "--name", CLOUD,
            *(part for name, value in endpoints.items() for part in (f"--endpoint-{name}", value)),
            "--suffix-storage-endpoint", "localhost", "--suffix-keyvault-dns", ".vault.localhost",
        )

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments, "--output", "json"],
            env=self._environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )

    def __call__(self, *arguments: str) -> Any:
        """What the command prints, as data; None when it prints nothing."""
        done = self._run(arguments)
        assert done.returncode == 0, f"az {' '.join(arguments)}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments: str) -> str:
        """The message with which the command fails."""
        done = self._run(arguments)
        assert done.returncode != 0, f"az {' '.join(arguments)}\n{done.stdout}"
        return done.stderr

    @staticmethod
    def _rest(method: str, id: str, version: str, body: Any) -> tuple[str, ...]:
        content = () if body is None else ("--body", json.dumps(body))
        return "rest", "--method", method, "--url", f"{id}?api-version={version}", *content

    def rest(self, method: str, id: str, version: str = DATA_PROTECTION, body: Any = None) -> Any:
        return self(*self._rest(method, id, version, body))

    def rest_action(self, id: str, body: Any, version: str = DATA_PROTECTION) -> dict[str, Any]:
        """POST, and the status of its operation at the end. `az rest` itself does not wait, but shows the headers."""
        arguments = (*self._rest("post", id, version, body), "--verbose")
        done = self._run(arguments)
        assert done.returncode == 0, f"az {' '.join(arguments)}\n{done.stderr}"
        monitor = MONITOR.search(done.stderr)
        assert monitor, done.stderr
        end = time.monotonic() + 60
        while (status := self("rest", "--method", "get", "--url", monitor[1]))["status"].lower() == "inprogress":
            assert time.monotonic() < end, status
        found: dict[str, Any] = status
        return found

    def settled(self, id: str, *path: str, wanted: str = "Succeeded", version: str = DATA_PROTECTION) -> Any:
        """The document, when the value at the path, which is that of the provisioning state, is as wanted."""
        end = time.monotonic() + 60
        while True:
            document = value = self.rest("get", id, version)
            for key in path or ("properties", "provisioningState"):
                value = value[key]
            if value == wanted:
                return document
            assert time.monotonic() < end, f"{id} is {value}, not {wanted}"

    def graph(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query in Resource Graph."""
        body = {"subscriptions": [self.subscription], "query": query}
        answer = self.rest("post", "/providers/Microsoft.ResourceGraph/resources", GRAPH, body)
        assert answer["count"] == len(answer["data"])
        rows: list[dict[str, Any]] = answer["data"]
        return rows
