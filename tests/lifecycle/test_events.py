# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source, as ansible-rulebook calls it: each event once, over restarts, outages and pages."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import runpy
import time
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from tests.emulator import Emulator
from tests.emulator.backup import jobs, times
from tests.harness import ROOT
from tests.harness.fleets import CONDITIONS, Fleet

SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "aks_backup_jobs.py"
GRAPH = "Microsoft.ResourceGraph"
PASSING = {"code": "CloudInternalError", "message": "Something broke."}


@pytest.fixture(scope="module")
def emulator():
    # A clock as slow as the real one, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


@pytest.fixture
def fleet(emulator, monkeypatch):
    names = ("bare", "late", "never", "partial", "suspended", "well")
    made = Fleet(emulator, {name: CONDITIONS[name] for name in names})
    for name, value in made.subscription.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    emulator.clear_faults()


def watch(state: pathlib.Path, looks: int = 2, **options: Any) -> list[dict[str, Any]]:
    """The events until the source has written its state so many times; then it is cancelled, as at a restart."""

    def written() -> int:
        return state.stat().st_ino if state.exists() else 0

    async def run() -> list[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        arguments = {"interval": 0.05, "poll_interval": 0.05, "state_file": str(state), **options}
        # As ansible-rulebook gets at it.
        task = asyncio.create_task(runpy.run_path(str(SOURCE))["main"](queue, arguments))
        last, seen, end = written(), 0, time.monotonic() + 60
        while seen < looks and not task.done() and time.monotonic() < end:
            await asyncio.sleep(0.01)
            seen, last = seen + (written() != last), written()
        if not task.cancel():
            await task
        assert seen >= looks
        return [queue.get_nowait() for dummy in range(queue.qsize())]

    return asyncio.run(run())


def said(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((event["reason"], event.get("cluster", {}).get("name", "")) for event in events)


def fail(fleet: Fleet, name: str, job: str, error: dict[str, str]) -> None:
    """A scheduled backup of the cluster fails now."""
    [instance] = [
        one
        for one in fleet.subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
        if one["name"] == name
    ]
    vault = instance["id"].partition("/backupInstances/")[0]
    begun = jobs.started(
        "Backup", instance_id=instance["id"], instance=instance["properties"], vault_name="bv-fleet", activity="x",
        now=fleet.now - timedelta(minutes=5), by_user=False,
    )  # fmt: skip
    done = jobs.finished(begun, fleet.now, status="Failed", errors=[error])
    fleet.world.store.put(f"{vault}/backupJobs/{job}", {"properties": done})
    fleet.settle()


AT_FIRST = [
    ("completed_with_warnings", "partial"),
    ("failed", "late"),
    ("failed", "late"),
    ("failed", "never"),
    ("rpo_missed", "late"),
    ("rpo_missed", "never"),
    ("unprotected", "bare"),
]


def test_each_event_once_over_restarts(emulator, fleet, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    state = tmp_path / "state.json"
    events = watch(state)
    assert said(events) == AT_FIRST
    late = [event for event in events if event["kind"] == "job" and event["cluster"]["name"] == "late"]
    # The older of both comes first, and only the newer one has another before it.
    assert [event["earlier_failures"] for event in late] == [0, 1]
    assert late[0]["job"]["end_time"] < late[1]["job"]["end_time"]
    assert "The ScheduledBackup job of late ended as Failed." in late[0]["message"]
    assert late[0]["job"]["operation"] == "ScheduledBackup" and not late[0]["retryable"]
    assert late[0]["instance"]["vault_id"].endswith("/backupVaults/bv-fleet")

    assert watch(state) == []
    # While nobody looks, something happens.
    fail(fleet, "well", "while-away", PASSING)
    [event] = watch(state)
    assert (event["reason"], event["cluster"]["name"], event["retryable"]) == ("failed", "well", True)
    assert event["job"]["errors"][0]["code"] == "CloudInternalError" and event["earlier_failures"] == 0
    # A finding that goes and comes back is told again.
    bare = fleet.id("bare")
    record = fleet.world.store.get(bare)
    body = record.body
    fleet.world.store.delete(record.id)
    fleet.settle()
    assert watch(state) == []
    fleet.world.store.put(bare, body)
    fleet.settle()
    assert said(watch(state)) == [("unprotected", "bare")]
    secret = fleet.subscription.environment["AZURE_CLIENT_SECRET"]
    assert secret not in caplog.text + state.read_text()


def test_pages_and_options(emulator, fleet, tmp_path):
    before = emulator.settings()["graph_rows"]
    try:
        emulator.settings(graph_rows=2)
        assert said(watch(tmp_path / "all.json", 1)) == AT_FIRST
    finally:
        emulator.settings(graph_rows=before)
    some = watch(
        tmp_path / "some.json",
        1,
        exclude={"names": ["late"]},
        findings=["rpo_missed", "suspended"],
        partial_counts=False,
        since="1h",
    )
    assert said(some) == [("rpo_missed", "never"), ("rpo_missed", "partial"), ("suspended", "suspended")]
    # Late by 14 hours more than the policy allows.
    assert said(watch(tmp_path / "grace.json", 1, names=["late"], since="1h", grace="1d")) == []


def test_outages_and_throttling(emulator, fleet, tmp_path, caplog):
    state = tmp_path / "state.json"
    wanted = {"names": ["well"]}
    assert watch(state, **wanted) == []
    emulator.fault({"status": 429, "code": "RateLimiting", "retry_after": 1}, path=GRAPH, times=1)
    began = time.monotonic()
    assert watch(state, 1, **wanted) == []
    assert time.monotonic() - began >= 1
    emulator.fault({"status": 403, "code": "AuthorizationFailed", "message": "You may not."}, path=GRAPH)
    [event] = watch(state, 3, **wanted)
    assert event["kind"] == "blind" and "AuthorizationFailed" in event["message"]
    assert "AuthorizationFailed" in caplog.text
    assert watch(state, **wanted) == []
    emulator.clear_faults()
    fail(fleet, "well", "unseen", PASSING)
    assert said(watch(state, **wanted)) == [("failed", "well")]


def test_a_first_look_that_fails_ends_the_source(emulator, fleet, tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_SECRET", "wrong")
    with pytest.raises(BackupError, match="Signing in to Azure failed"):
        watch(tmp_path / "state.json")
    assert not (tmp_path / "state.json").exists()
    # Once it has worked, that is an outage; a mistake in the options still is one.
    monkeypatch.setenv("AZURE_SECRET", fleet.subscription.environment["AZURE_SECRET"])
    state = tmp_path / "worked.json"
    watch(state, 1, names=["well"])
    monkeypatch.setenv("AZURE_SECRET", "wrong")
    assert said(watch(state, 1, names=["well"])) == [("blind", "")]
    with pytest.raises(BackupError, match="management_groups and subscriptions"):
        watch(state, 1, subscriptions=[fleet.subscription.id], management_groups=["root"])


def test_what_azure_says_of_a_job_is_read_from_the_job(emulator, fleet, tmp_path):
    [warned] = [
        one
        for one in fleet.subscription.resources("Microsoft.DataProtection/backupVaults/backupJobs")
        if one["name"] == "partial-0"
    ]
    properties = warned["properties"]
    warning = {"code": "UserErrorHookExecutionFailed", "message": "A hook failed.", "recommendedAction": []}
    properties["extendedInfo"]["warningDetails"] = [{"resourceName": "pod/web-0", "warning": warning}]
    fleet.world.store.put(warned["id"], {"properties": properties})
    events = watch(tmp_path / "state.json", 1, names=["partial"], since="5h")
    assert said(events) == [("completed_with_warnings", "partial")]
    assert "pod/web-0: UserErrorHookExecutionFailed: A hook failed." in events[0]["message"]
    assert times.parse(events[0]["job"]["end_time"]) < fleet.now
