# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What aks_backup_coverage_info reports of fifty random fleets, of which clusters are deleted meanwhile."""

from __future__ import annotations

import pytest

from tests.emulator import Emulator
from tests.harness import task
from tests.harness.fleets import expected, random_fleet, reasons

REPORT = "aks_backup_coverage_info"


@pytest.fixture(scope="module")
def emulator():
    # A clock as slow as the real one, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


def remove_meanwhile(running, journal, going):
    """Each cluster is deleted as soon as there has been another request, so that it falls between two of the run's."""
    for fleet, name in going:
        seen = journal.count
        assert running.until(lambda seen=seen: journal.count > seen, pause=0.01), (
            "The run had ended before all clusters were gone."
        )
        fleet.remove(name)


def test_fifty_random_fleets_while_clusters_go_away(emulator):
    """What is reported is what the emulator was told; of clusters that are being deleted, nothing or what they were."""
    for start in range(0, 50, 10):
        fleets = [random_fleet(emulator, 1000 + seed) for seed in range(start, start + 10)]
        told = [expected(fleet) for fleet in fleets]
        for number, fleet in enumerate(fleets):
            if number % 2 and not any(how.extension for how in fleet.conditions.values()):
                # Where no extension is seen at all, and no cluster is asked, none counts as missing.
                told[number] = {name: found - {"extension_missing"} for name, found in told[number].items()}
        tasks = []
        for number, fleet in enumerate(fleets):
            environment = fleet.subscription.environment
            tasks.append(task(f"{number}", REPORT, subscriptions=fleet.subscriptions, tenant=fleet.tenant,
                              client_id=environment["AZURE_CLIENT_ID"], secret=environment["AZURE_CLIENT_SECRET"],
                              check_clusters=number % 2 == 0))  # fmt: skip
        # Clusters of every third fleet go away one by one while the reports are made.
        going = [(fleet, name) for fleet in fleets[::3] for name in list(fleet.conditions)]
        with fleets[0].subscription.running(tasks) as running:
            remove_meanwhile(running, emulator.server.journal, going)
            run = running.wait().ok()
        for number, before in enumerate(told):
            found = reasons(run[str(number)])
            if number % 3:
                assert found == before, (start, number)
            else:
                assert set(found) <= set(before), (start, number)
                # Where the cluster itself is asked, extension and binding may be gone before it; the rest is not.
                going_too = {"binding_missing", "extension_missing", "extension_failed"}
                assert all(found[name] - going_too == before[name] - going_too for name in found), (start, number)
                if number % 2:
                    assert all(found[name] == before[name] for name in found), (start, number)
