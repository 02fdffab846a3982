# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and aks_backup_fleet make the same of the same random wishes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.harness import Subscription
from tests.harness.wishes import PROTECT, PROTECT_FLEET, REGIONS, entries, hosts, scenario, world


def random_wishes(seed: int) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Clusters by region, and what is asked for each of them."""
    chance = random.Random(seed)
    regions = {f"aks-{number}": chance.choice(REGIONS) for number in range(chance.randrange(2, 6))}
    more: dict[str, dict[str, Any]] = {}
    for name, region in regions.items():
        asked: dict[str, Any] = {}
        if chance.random() < 0.3:
            asked["vault"] = {"name": f"bv-{name}", "redundancy": "ZoneRedundant"}
        if chance.random() < 0.3:
            asked["storage"] = {"container": f"backups-{name}"}
        if chance.random() < 0.3:
            asked["instances"] = [{"backup_configuration": {"excluded_namespaces": ["scratch"]}}]
        if chance.random() < 0.3:
            asked["state"] = chance.choice(["stopped", "suspended"])
        if chance.random() < 0.3:
            asked["resource_group"] = f"rg-{region}"
        if chance.random() < 0.3:
            asked["policy"] = {"name": f"mine-{name}", "preset": "disaster_recovery"}
        more[name] = asked
    return regions, entries(regions, more)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_role_and_the_task_make_the_same(emulator, seed):
    regions, clusters = random_wishes(seed)
    by_role, by_task = (Subscription(emulator, scenario(regions)) for _each in (1, 2))
    by_role.play(playbook=PROTECT, inventory=hosts(clusters)).ok()
    by_task.play(playbook=PROTECT_FLEET, inventory=hosts(clusters)).ok()
    assert world(by_task) == world(by_role)
    # And each finds nothing left to do where the other one was.
    again = by_role.play(playbook=PROTECT_FLEET, inventory=hosts(clusters)).ok()
    assert again.writes == [] and not any(step.changed for step in again.steps)
