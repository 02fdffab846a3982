# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated Azure with a fleet in it, and what reaches it."""

from __future__ import annotations

import collections.abc as c
import contextlib
from dataclasses import dataclass
from typing import Any

from tests.emulator import Emulator

GROUP, REGION = "rg-clusters", "eastus"
# Virtual seconds per real one: a minute of Azure takes an eighth of a second.
SPEED = 500


@dataclass(frozen=True)
class Traffic:
    """Requests to Azure Resource Manager, the writes among them, tokens that were issued, connections that were made
    to any of it.
    """

    requests: int
    writes: int
    tokens: int
    connections: int


class Cloud:
    """``latency`` in seconds is added to each request to Azure Resource Manager."""

    def __init__(self, emulator: Emulator, latency: float) -> None:
        self.emulator = emulator
        emulator.settings(latency=latency)

    def subscription(self, clusters: int) -> dict[str, str]:
        """A fresh tenant and subscription with so many clusters, aks-1 and so on; what to export to sign in there."""
        return self.emulator.subscription(scenario(clusters))

    @contextlib.contextmanager
    def counted(self) -> c.Iterator[list[Traffic]]:
        """Counts what arrives meanwhile; the list holds it afterwards."""
        # What is forgotten is not counted: a run has far fewer requests than the journal keeps.
        self.emulator.manage("DELETE", "journal")
        found: list[Traffic] = []
        yield found
        found.append(traffic(self.emulator.journal()))


def scenario(clusters: int) -> dict[str, Any]:
    fresh = {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"}
    return {
        "subscriptions": [
            {
                "name": "Fleet",
                "providers": fresh,
                "resource_groups": [{"name": GROUP, "location": REGION}],
                "clusters": [{"name": "aks", "count": clusters, "resource_group": GROUP, "location": REGION}],
            }
        ]
    }


def traffic(journal: list[dict[str, Any]]) -> Traffic:
    signing_in = [entry for entry in journal if entry["type"] == "Entra"]
    return Traffic(
        requests=len(journal) - len(signing_in),
        writes=sum(entry["write"] for entry in journal),
        tokens=sum(entry["method"] == "POST" and entry["status"] == 200 for entry in signing_in),
        connections=len({entry["connection"] for entry in journal}),
    )
