# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, in order. Each row of the result is one program, from its start to its end."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.benchmark import chain, ours, peers
from tests.benchmark.cloud import Cloud
from tests.benchmark.meter import Cost
from tests.emulator import Emulator
from tests.harness.fleets import large_fleet

# Seconds added to each request: most of what Azure's own answers take, and half as near and twice as far as that.
LATENCY, OTHERS = 0.1, (0.02, 0.2)
# Virtual seconds per real one where operations are to take a while: an extension takes seconds to be installed.
SLOW = 50
Row = dict[str, Any]


class Bench:
    """``tell`` takes a line for each row. ``rows`` are {what, state, clusters, latency, wall, cpu, memory, requests,
    writes, tokens, connections, note}; wall and cpu in seconds, memory in MB, latency in milliseconds.
    """

    def __init__(self, cloud: Cloud, folder: pathlib.Path, tell: Callable[[str], None]) -> None:
        self.cloud, self.folder, self.tell = cloud, folder, tell
        self.rows: list[Row] = []

    def measured(self, what: str, state: str, clusters: int, work: Callable[[], Cost], note: str = "") -> Row:
        latency = self.cloud.emulator.settings()["latency"]
        with self.cloud.counted() as counted:
            cost = work()
        row = {
            "what": what, "state": state, "clusters": clusters, "latency": round(latency * 1000),
            "wall": round(cost.wall, 2), "cpu": round(cost.cpu, 2), "memory": round(cost.memory),
            **counted[0].__dict__, "note": note,
        }  # fmt: skip
        self.rows.append(row)
        self.tell(f"{what}, {state}, {clusters}: {row['wall']} s, {row['cpu']} s of CPU, {row['requests']} requests")
        return row

    def play(self, what: str, state: str, clusters: int, signing_in: dict[str, str], **variables: Any) -> Row:
        playbook = ours.FLEET if what == "fleet task" else ours.ROLE
        forks = ours.FRESH_FORKS if state == "fresh" else ours.FORKS
        return self.measured(
            what, state, clusters, lambda: ours.play(playbook, clusters, signing_in, self.folder, forks, **variables)
        )

    def best(self, times: int, what: str, state: str, clusters: int, signing_in: dict[str, str], **more: Any) -> None:
        """The quickest of several, since whatever else a machine does only makes a run longer."""
        rows = [self.play(what, state, clusters, signing_in, **more) for _each in range(times)]
        keep = min(rows, key=lambda row: float(row["wall"]))
        self.rows = [row for row in self.rows if row is keep or row not in rows]

    def at_once(self, clusters: int) -> dict[str, str]:
        """A subscription whose clusters are protected, quickly and unmeasured."""
        signing_in = self.cloud.subscription(clusters)
        latency = self.cloud.emulator.settings()["latency"]
        self.cloud.emulator.settings(latency=0)
        ours.play(ours.FLEET, clusters, signing_in, self.folder)
        self.cloud.emulator.settings(latency=latency)
        return signing_in

    @contextlib.contextmanager
    def elsewhere(self, emulator: Emulator) -> Iterator[Emulator]:
        """Another cloud for as long as that lasts."""
        with emulator:
            here, self.cloud = self.cloud, Cloud(emulator, LATENCY)
            try:
                yield emulator
            finally:
                self.cloud = here

    # The parts

    def role(self) -> dict[str, str]:
        """The role on one, 20, 100 and 1,000 protected clusters; gives the sign-in to the 20."""
        one, twenty = self.at_once(1), self.at_once(20)
        self.best(3, "role", "converged", 1, one)
        self.best(3, "role, module processes", "converged", 1, one, aks_backup_in_worker=False)
        self.best(2, "role", "converged", 20, twenty)
        self.play("role, module processes", "converged", 20, twenty, aks_backup_in_worker=False)
        for clusters in (100, 1000):
            self.play("role", "converged", clusters, self.at_once(clusters))
        return twenty

    def fresh(self, full: bool) -> None:
        """What operations take is of the order of what they take in Azure, or what is asked in between would count for
        too much.
        """
        with self.elsewhere(Emulator(speed=SLOW)):
            bare = self.cloud.subscription(1)
            self.measured("longest chain", "fresh", 1, lambda: chain.walk(bare))
            for what, sizes in (("role", (1, 20, 100, 1000) if full else (1, 20, 100)), ("fleet task", (1, 20))):
                for clusters in sizes:
                    self.play(what, "fresh", clusters, self.cloud.subscription(clusters))
            self.azure_cli()

    def fleet(self) -> None:
        for clusters in (1, 20, 100, 1000):
            if clusters < 100:
                signing_in = self.at_once(clusters)
            else:
                signing_in = self.cloud.subscription(clusters)
                self.play("fleet task", "fresh", clusters, signing_in)
            self.best(1 if clusters == 1000 else 2, "fleet task", "converged", clusters, signing_in)

    def coverage(self) -> None:
        """A tenant of its own, with everything in it that a report can find."""
        with self.elsewhere(Emulator({"subscriptions": [{"name": "Home"}]})) as emulator:
            signing_in = large_fleet(emulator, 1000).subscription.environment
            self.measured("coverage report", "with its page", 1000, lambda: ours.coverage(signing_in, self.folder))

    def further(self, signing_in: dict[str, str]) -> None:
        """The role with other latencies, on the 20 clusters of the other part and on one."""
        one = self.at_once(1)
        for latency in OTHERS:
            self.cloud.emulator.settings(latency=latency)
            self.best(2, "role", "converged", 1, one)
            self.play("role", "converged", 20, signing_in)
        self.cloud.emulator.settings(latency=LATENCY)

    def azure_cli(self) -> None:
        signing_in = self.cloud.subscription(1)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            az = peers.MeasuredCli(signing_in, pathlib.Path(folder))
            sequence = peers.Sequence(az, signing_in["AZURE_SUBSCRIPTION_ID"])

            def run(part: Callable[[], None]) -> Cost:
                az.restart()
                part()
                return az.cost

            for state, part in (("fresh", sequence.protect), ("converged", sequence.look)):
                row = self.measured("Azure CLI", state, 1, partial(run, part))
                row["note"] = f"{az.commands} commands"

    def azcollection(self, bundle: pathlib.Path) -> None:
        """One task each, of things that are as asked for: the second run of it."""
        signing_in = self.at_once(1)
        subscription = signing_in["AZURE_SUBSCRIPTION_ID"]
        [account] = self.cloud.emulator.resources("Microsoft.Storage/storageAccounts", subscription)
        [vault] = self.cloud.emulator.resources("Microsoft.DataProtection/backupVaults", subscription)
        principal = vault["identity"]["principalId"]
        one = peers.OneTask(signing_in, self.folder, bundle, principal, account["id"])
        for name in peers.TASKS:
            for what, work in (("azure.azcollection", one.theirs), ("aks.backup", one.ours)):
                work(name)
                self.measured(f"{what}, {name}", "converged", 1, partial(work, name))
