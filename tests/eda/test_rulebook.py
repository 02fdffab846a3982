# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook as users start it, with ansible-rulebook: some backups are made again, once; the rest is told."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.emulator import Emulator
from tests.emulator.backup import jobs
from tests.harness import LOCALHOST, Subscription
from tests.harness.steps import chain

PROGRAMS = Path(sys.executable).parent
SECONDS = 90


@pytest.fixture(scope="module")
def subscription() -> Iterator[Subscription]:
    with Emulator(speed=500, settings={"schedules": False}) as emulator:
        made = Subscription(emulator)
        made.play(chain(made, until="run")).ok()
        yield made


def fail(subscription: Subscription, name: str, code: str) -> None:
    """A scheduled backup fails now."""
    world = subscription.emulator.server.world
    now = datetime.fromtimestamp(world.clock.now, timezone.utc)
    [instance] = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
    begun = jobs.started(
        "Backup", instance_id=instance["id"], instance=instance["properties"], vault_name="bv-east", activity="x",
        now=now - timedelta(minutes=5), by_user=False,
    )  # fmt: skip
    error = {"code": code, "message": f"This is {name}.", "recommendedAction": []}
    done = jobs.finished(begun, now, status="Failed", errors=[error])
    world.store.put(f"{instance['id'].partition('/backupInstances/')[0]}/backupJobs/{name}", {"properties": done})


def backups(subscription: Subscription) -> list[str]:
    """The status of each backup on demand."""
    found = subscription.resources("Microsoft.DataProtection/backupVaults/backupJobs")
    return [job["properties"]["status"] for job in found if job["properties"]["isUserTriggered"]]


def test_a_backup_is_repeated_once_and_the_rest_is_told(subscription: Subscription, tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(LOCALHOST))
    variables: dict[str, Any] = {
        "aks_backup_events_interval": 0.5,
        "aks_backup_events_state_file": str(tmp_path / "state.json"),
    }
    (tmp_path / "variables.yml").write_text(yaml.safe_dump(variables))
    (tmp_path / "tmp").mkdir()
    environment = subscription.process_environment(tmp_path)
    # Callback plugins of the tests are for the harness's own playbooks.
    environment = {key: value for key, value in environment.items() if "CALLBACK" not in key}
    environment["PATH"] = f"{PROGRAMS}:{environment['PATH']}"
    output = tmp_path / "output"

    def wait_for(what: Callable[[], Any]) -> None:
        end = time.monotonic() + SECONDS
        while not what():
            assert time.monotonic() < end and process.poll() is None, output.read_text()
            time.sleep(0.2)

    with output.open("w") as file:
        process = subprocess.Popen(
            [
                PROGRAMS / "ansible-rulebook",
                *("--rulebook", "aks.backup.aks_backup"),
                *("--inventory", str(tmp_path / "inventory.yml")),
                *("--vars", str(tmp_path / "variables.yml")),
            ],
            cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        # What the source tells at its first look: clusters without protection.
        wait_for(lambda: "AKS backup, unprotected: No backup instance protects the cluster." in output.read_text())
        assert backups(subscription) == []
        fail(subscription, "first", "CloudInternalError")
        wait_for(lambda: backups(subscription) == ["Completed"] and "PLAY RECAP" in output.read_text())
        assert "failed=0" in output.read_text() and "This is first." not in output.read_text()
        # Two that are not repeated: too soon after the first, and nothing that passes by itself.
        fail(subscription, "second", "CloudInternalError")
        fail(subscription, "third", "UserErrorMissingRequiredPermissions")
        wait_for(lambda: all(f"This is {name}." in output.read_text() for name in ("second", "third")))
        assert backups(subscription) == ["Completed"]
        assert output.read_text().count("PLAY RECAP") == 1
    finally:
        process.terminate()
        process.wait(30)
    assert subscription.environment["AZURE_CLIENT_SECRET"] not in output.read_text()
