# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in slices, each a run of its own that knows nothing of the others, while Azure throttles all of them.

They share a subscription and a principal, and with them Azure's buckets; a vault, a policy, a storage account and a
snapshot group.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.emulator import Emulator
from tests.harness import Run, Subscription, play, task

VAULTS = "Microsoft.DataProtection/backupVaults"
ONCE = (VAULTS, f"{VAULTS}/backupPolicies", "Microsoft.Storage/storageAccounts")
EACH = (
    f"{VAULTS}/backupInstances",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
)
# Identities and roles that are there at once: what takes time here are requests.
PROMPT = {"identity_searchable": 0.0, "identity_visible": 0.0, "rbac_propagation": 0.0}


@dataclass
class Traffic:
    """What the runs have cost: requests by kind, and how many of them Azure refused."""

    requests: Counter[str]
    refused: int


class Sliced:
    """A subscription with a fleet. ``patience`` is the deadline of a run in seconds, ``poll_interval`` lies between two
    looks at an operation.
    """

    def __init__(self, emulator: Emulator, slices: int, each: int, patience: float, poll_interval: float = 0.5) -> None:
        self.names = [f"aks-{number:04}" for number in range(slices * each)]
        self.slices = [self.names[number::slices] for number in range(slices)]
        self.patience, self.poll_interval = patience, poll_interval
        registered = ("Microsoft.ContainerService", "Microsoft.Storage")
        self.subscription = Subscription(
            emulator,
            {
                "subscriptions": [
                    {
                        "name": "Fleet",
                        "providers": dict.fromkeys(registered, "Registered"),
                        "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
                        "clusters": [
                            {"name": name, "resource_group": "rg-clusters", "location": "eastus"} for name in self.names
                        ],
                    }
                ],
                "principals": [{"name": "automation", "roles": [{"role": "Owner"}]}],
            },
        )

    def run(self) -> tuple[list[Run], Traffic]:
        """All slices at the same time, to the end."""
        before = max([0, *(one["n"] for one in self.subscription.journal())])
        with ExitStack() as stack:
            running = [stack.enter_context(self.subscription.running(playbook=self._play(one))) for one in self.slices]
            runs = [one.wait(self.patience + 60) for one in running]
        journal = self.subscription.journal(before)
        return runs, Traffic(
            Counter("write" if one["write"] else "read" for one in journal),
            sum(one["status"] == 429 for one in journal),
        )

    def _play(self, names: list[str]) -> list[dict[str, Any]]:
        clusters = [
            {
                "cluster": {"name": name, "resource_group": "rg-clusters"},
                "location": "eastus",
                # A weekly schedule, so that no backup of the schedule's falls into the test.
                "policy": {"schedule": {"frequency": "weekly"}},
            }
            for name in names
        ]
        waiting: dict[str, Any] = {"poll_interval": self.poll_interval, "wait_timeout": self.patience}
        return [play([task("protect", "aks_backup_fleet", clusters=clusters, workers=32, **waiting)])]

    def check(self) -> None:
        """Everything is there, and nothing twice."""
        found = self.subscription.resources
        assert {type_: len(found(type_)) for type_ in ONCE} == dict.fromkeys(ONCE, 1)
        assert {type_: len(found(type_)) for type_ in EACH} == dict.fromkeys(EACH, len(self.names))
        instances = found(EACH[0])
        assert {one["properties"]["dataSourceInfo"]["resourceName"] for one in instances} == set(self.names)
        states = Counter(one["properties"]["currentProtectionState"] for one in instances)
        assert states == {"ProtectionConfigured": len(self.names)}
        assignments = Counter(
            tuple(str(one["properties"][key]).lower() for key in ("scope", "principalId", "roleDefinitionId"))
            for one in found("Microsoft.Authorization/roleAssignments")
        )
        assert [one for one, count in assignments.items() if count > 1] == []
        # Of each cluster: it reads the snapshot group's, the vault its own, and the extension the account.
        assert len(assignments) >= 2 * len(self.names)
