# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fifty random fleets with random damage: what aks_backup_fleet tells, what inventory and report show and what Azure
holds are the same, also of clusters that are deleted while the task runs.

In the process of the test, each with the real server: fifty times Ansible would take minutes.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError

from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state
from tests.emulator import Emulator
from tests.harness import Subscription
from tests.harness.direct import azure, perform
from tests.harness.sdk import Somebody
from tests.harness.slices import PROMPT
from tests.harness.wishes import REGIONS, scenario

AKS = "Microsoft.ContainerService/managedClusters"
BINDINGS = f"{AKS}/trustedAccessRoleBindings"
INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
# What a cluster's entry may ask for -> Azure's state of its backup instance, and ours.
STATES = {
    "present": ("ProtectionConfigured", "protected"),
    "stopped": ("ProtectionStopped", "stopped"),
    "suspended": ("BackupsSuspended", "suspended"),
}


@pytest.fixture(scope="module")
def emulator():
    with Emulator(speed=2000, settings={**PROMPT, "graph_delay": 0.0}) as running:
        yield running


class World:
    """A subscription with clusters, what is asked for them, and what happens to them."""

    def __init__(self, emulator: Emulator, seed: int) -> None:
        self.chance = random.Random(seed)
        self.names = [f"aks-{number}" for number in range(self.chance.randrange(2, 6))]
        regions = {name: self.chance.choice(REGIONS) for name in self.names}
        self.subscription = Subscription(emulator, scenario(regions))
        self.somebody = Somebody(self.subscription)
        self.server = emulator.server.world
        self.entries = {name: self._wishes(name, region) for name, region in regions.items()}
        self.gone: set[str] = set()
        self.off: set[str] = set()

    def _wishes(self, name: str, region: str) -> dict[str, Any]:
        wishes: dict[str, Any] = {
            "cluster": {"id": self.id(name)}, "location": region, "policy": {"schedule": {"frequency": "weekly"}},
        }  # fmt: skip
        if self.chance.random() < 0.2:
            wishes["policy"] = {"name": f"mine-{name}", "preset": "disaster_recovery"}
        if self.chance.random() < 0.3:
            wishes["stagger"] = {"window": 60, "slots": 3}
        if self.chance.random() < 0.2:
            wishes["storage"] = {"container": f"backups-{name}"}
        return wishes

    def id(self, name: str) -> str:
        return self.subscription.path(f"resourceGroups/rg-clusters/providers/{AKS}/{name}")

    def records(self, type_: str) -> list[Any]:
        return list(self.server.store.of_type(self.subscription.id, type_))

    def instances(self) -> dict[str, Any]:
        """Cluster -> its backup instance in Azure."""
        found = [(one.body["properties"]["dataSourceInfo"]["resourceName"], one) for one in self.records(INSTANCES)]
        assert len(dict(found)) == len(found), "two backup instances of one cluster"
        return dict(found)

    # What happens

    def delete(self, name: str) -> None:
        """Somebody deletes the cluster, as soon as nothing else is done with it, and it goes with what hangs on it. Its
        backup instance stays, as in Azure.
        """
        self.gone.add(name)
        while self.server.store.get(self.id(name)):
            with contextlib.suppress(ResourceExistsError):
                self.somebody.aks.managed_clusters.begin_delete("rg-clusters", name, polling_interval=0.05).result()

    def damage(self, name: str) -> None:
        """Something, or nothing, happens to a cluster between two runs."""
        kind = self.chance.choice(("nothing", "wish", "binding", "container", "roles", "off", "gone"))
        lost: list[Any] = []
        if kind == "wish":
            self.entries[name]["state"] = self.chance.choice(list(STATES))
        elif kind == "binding":
            lost = [one for one in self.records(BINDINGS) if self.id(name).lower() in one.id.text.lower()]
        elif kind == "container":
            lost = [one for one in self.records(CONTAINERS) if one.name.startswith((name, f"backups-{name}"))]
        elif kind == "roles":
            found = [one for one in self.records(ASSIGNMENTS) if "/resourceGroups/" in one.body["properties"]["scope"]]
            for one in self.chance.sample(found, min(2, len(found))):
                azure(self.subscription).delete(one.id.text)
        elif kind == "off":
            self.off.add(name)
            self.server.store.get(self.id(name)).body["properties"]["powerState"] = {"code": "Stopped"}
        elif kind == "gone":
            self.delete(name)
        for record in lost:
            self.server.store.delete(record.id)

    def protect(self, names: list[str], patience: float = 60) -> dict[str, dict[str, Any]]:
        """``patience``: the deadline in seconds. An operation on a cluster that goes away meanwhile may never end."""
        clusters = [self.entries[one] for one in names]
        waiting = {"poll_interval": 0.02, "wait_timeout": patience}
        result = perform(self.subscription, "aks_backup_fleet", clusters=clusters, **waiting)
        assert [one["name"] for one in result["clusters"]] == names, result.get("msg")
        return {one["name"]: one for one in result["clusters"]}


@pytest.mark.parametrize("seed", range(50))
def test_what_is_told_is_what_is_there(emulator, seed):
    world = World(emulator, seed)
    chance = world.chance
    first = chance.sample(world.names, chance.randrange(len(world.names) + 1))
    if first:
        assert [one["msg"] for one in world.protect(first).values() if one["failed"]] == []
    for name in world.names:
        world.damage(name)
    protected = set(world.instances())
    before = set(world.gone)
    # Between two requests of the task, a cluster is deleted.
    victims = [chance.choice(world.names)] if chance.random() < 0.5 else []
    patience = 20 if victims else 60
    journal, over = emulator.server.journal, threading.Event()
    reached = journal.count + chance.randrange(60)

    def disaster() -> None:
        while journal.count < reached and not over.wait(0.001):
            pass
        for name in victims:
            world.delete(name)

    meanwhile = threading.Thread(target=disaster)
    meanwhile.start()
    told = world.protect(world.names, patience)
    over.set()
    meanwhile.join()

    held = world.instances()
    for name, one in told.items():
        if name in before:
            assert one["failed"] and f"There is no cluster {world.id(name)}" in one["msg"], one
        elif name in victims:
            # What was done with it was done before it went away, or has failed.
            assert one["failed"] or name in held
        elif name in world.off and one["failed"]:
            assert "is stopped" in one["msg"], one
        else:
            assert not one["failed"] and (name in protected or name not in world.off), one
            state, _ours = STATES[world.entries[name].get("state", "present")]
            properties = held[name].body["properties"]
            assert properties["currentProtectionState"] == state
            assert [each["id"].lower() for each in one["instances"]] == [held[name].id.text.lower()]
            assert [each["protection_state"] for each in one["instances"]] == [state]
            assert properties["policyInfo"]["policyId"].rpartition("/")[2] == one["policies"][0]
            assert (
                len([each for each in world.records(BINDINGS) if world.id(name).lower() in each.id.text.lower()]) == 1
            )
    assert set(held) >= {name for name, one in told.items() if not one["failed"]}
    keys = Counter(
        tuple(str(one.body["properties"][key]).lower() for key in ("scope", "principalId", "roleDefinitionId"))
        for one in world.records(ASSIGNMENTS)
    )
    assert [key for key, count in keys.items() if count > 1] == []

    # What inventory and report show of it.
    shown = {
        one["name"]: one["protection"]["state"]
        for one in fleet_state.clusters(
            fleet_state.ask(azure(world.subscription), {"subscription_id": world.subscription.id}, fleet_state.STATE),
            {},
        )
    }
    left = [name for name in world.names if name not in world.gone]
    ours = dict(STATES.values())
    assert shown == {
        name: ours[held[name].body["properties"]["currentProtectionState"]] if name in held else "unprotected"
        for name in left
    }
    report = perform(world.subscription, "aks_backup_coverage_info", check_clusters=True)
    assert {one["name"]: one["protection"]["state"] for one in report["clusters"]} == shown
    well = {name for name in left if not told[name]["failed"]}
    broken = {"binding_missing", "extension_failed", "extension_missing", "protection_error", "unprotected"}
    for one in report["clusters"]:
        found = {finding["reason"] for finding in one["findings"]} & broken
        assert ("unprotected" in found) == (one["name"] not in held)
        assert not found or one["name"] not in well, one

    # And there is nothing left to do, but where it cannot be done.
    again = world.protect(world.names, patience)
    assert not any(one["changed"] for name, one in again.items() if name in well)
    assert {name for name, one in again.items() if one["failed"]} >= world.gone
    assert {name for name, one in again.items() if not one["failed"]} >= well
