# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that the inventory plugin puts the clusters of fifty random fleets into."""

from __future__ import annotations

import pytest
import yaml

from tests.emulator import Emulator
from tests.harness.fleets import PLUGIN, STATES, groups, look, random_fleet


@pytest.fixture(scope="module")
def emulator():
    # A clock as slow as the real one, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


def test_fifty_random_fleets(emulator, tmp_path):
    """One inventory file each, all read by one command: the groups are what the emulator was told."""
    fleets = [random_fleet(emulator, seed) for seed in range(50)]
    files, expected = [], {}
    for seed, fleet in enumerate(fleets):
        file = tmp_path / f"{seed}.aks_clusters.yml"
        environment = fleet.subscription.environment
        file.write_text(yaml.safe_dump({
            **PLUGIN, "subscriptions": fleet.subscriptions, "tenant": fleet.tenant, "hostnames": [f"f{seed}-{{name}}"],
            "client_id": environment["AZURE_CLIENT_ID"], "secret": environment["AZURE_CLIENT_SECRET"]}))  # fmt: skip
        files += ["-i", str(file)]
        expected |= {f"f{seed}-{name}": how.state for name, how in fleet.conditions.items()}
    shown = look(fleets[0].subscription, tmp_path, {"names": ["none"]}, *files)
    found = {host: state for state, hosts in groups(shown).items() for host in hosts}
    assert found == expected and len(set(found.values())) == len(STATES)
