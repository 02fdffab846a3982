# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""aks_backup_coverage_info over fleets in every condition: findings, files, limits, pages, speed."""

from __future__ import annotations

import json
import os
import stat
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _module
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCE_GRAPH
from tests.documented import differences
from tests.emulator import Emulator
from tests.emulator.backup import times
from tests.harness import Run, Step, task
from tests.harness.fleets import CONDITIONS, UNBOUND, Fleet, expected, large_fleet, reasons

REPORT = "aks_backup_coverage_info"


@pytest.fixture(scope="module")
def emulator():
    # A clock as slow as the real one, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


def every_condition(emulator: Emulator, subscriptions: int = 1) -> Fleet:
    return Fleet(emulator, {name.replace("_", "-"): how for name, how in CONDITIONS.items()}, subscriptions)


def states(step: Step) -> dict[str, str]:
    return {one["name"]: one["protection"]["state"] for one in step.result["clusters"]}


def requests(emulator: Emulator, since: int) -> list[dict[str, Any]]:
    return list(emulator.journal(since=since))


def last(emulator: Emulator) -> int:
    return max([0, *(entry["n"] for entry in emulator.journal())])


def test_every_condition_is_found_and_nothing_else(emulator, tmp_path):
    fleet = every_condition(emulator, 2)
    fleet.conditions["unbound"] = UNBOUND
    fleet = Fleet(emulator, fleet.conditions, 2)
    everywhere = {"subscriptions": fleet.subscriptions}
    tasks = [
        task("plain", REPORT, **everywhere),
        task("strict", REPORT, **everywhere, partial_counts=False),
        task("bound", REPORT, **everywhere, check_clusters=True),
        task("check", REPORT, check=True, **everywhere),
        task("patient", REPORT, **everywhere, grace="2d"),
        task("named", REPORT, **everywhere, namespaces=["shop", "scratch"]),
        task("other", REPORT, **everywhere, namespaces=["shop"]),
        task("silent", REPORT, **everywhere, ignore_findings=["unprotected", "rpo_missed", "vault_immutability"]),
        task("some", REPORT, **everywhere, names=["l*", "bare"], job_days=1),
        task("groups", REPORT, management_groups=["group-1"]),
        task("tenant", REPORT, tenant_wide=True),
        task("home", REPORT),
    ]
    run = fleet.subscription.play(tasks).ok()
    assert reasons(run["plain"]) == expected(fleet)
    assert states(run["plain"]) == {name: how.state for name, how in fleet.conditions.items()}
    assert reasons(run["strict"]) == expected(fleet, strict=True)
    bound = expected(fleet)
    bound["unbound"].add("binding_missing")
    assert reasons(run["bound"]) == bound
    assert run["check"].result["clusters"] == run["plain"].result["clusters"]
    late = {name for name, found in reasons(run["patient"]).items() if "rpo_missed" in found}
    assert late == {name for name, how in fleet.conditions.items() if "rpo_missed" in how.found and how.point is None}
    assert "namespaces_not_covered" in reasons(run["named"])["some-namespaces"]
    assert "namespaces_not_covered" not in reasons(run["other"])["some-namespaces"]
    left = {"unprotected", "rpo_missed"}
    assert reasons(run["silent"]) == {name: found - left for name, found in expected(fleet).items()}
    assert "vault_immutability" not in {
        one["reason"] for vault in run["silent"].result["vaults"] for one in vault["findings"]
    }
    assert set(reasons(run["some"])) == {"bare", "late"} and len(run["some"].result["jobs"]["days"]) == 1
    assert run["tenant"].result["clusters"] == run["plain"].result["clusters"]
    halves = [set(reasons(run[name])) for name in ("groups", "home")]
    assert halves[0] | halves[1] <= set(fleet.conditions) and all(half < set(fleet.conditions) for half in halves)
    for step in run.steps:
        assert differences(REPORT, step.result) == []
        assert not step.changed and not step.writes, step.task

    numbers = run["plain"].result["summary"]
    assert numbers["clusters"] == len(fleet.conditions) and numbers["vaults"] == 2
    assert numbers["by_reason"]["unprotected"] == 2 and numbers["by_reason"]["vault_redundancy"] == 2
    found = run["plain"].result["jobs"]
    assert sum(day["failed"] for day in found["days"]) == 3
    assert sum(day["warned"] for day in found["days"]) == 2
    trouble = sorted((job["cluster_name"], job["status"]) for job in found["trouble"])
    assert trouble == [("late", "Failed"), ("late", "Failed"), ("never", "Failed"),
                       ("partial", "CompletedWithWarnings"), ("recovered", "CompletedWithWarnings")]  # fmt: skip
    assert all(job["errors"][0]["advice"] for job in found["trouble"] if job["status"] == "Failed")


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "module"])
def test_files_are_written_and_in_check_mode_are_not(emulator, tmp_path, worker):
    fleet = every_condition(emulator)
    output = {name: str(tmp_path / f"coverage.{name}") for name in ("html", "json", "junit", "markdown")}
    (tmp_path / "coverage.json").write_text("old")
    (tmp_path / "coverage.json").chmod(0o640)
    planned = fleet.subscription.play([task("plan", REPORT, check=True, output=output)], worker=worker).ok()["plan"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coverage.json"]
    assert planned.changed and planned.result["files"] == sorted(output.values())
    assert planned.result["diff"]["before"][output["html"]] is None
    assert planned.result["diff"]["before"][output["json"]]["bytes"] == 3

    done = fleet.subscription.play([task("do", REPORT, output=output)], worker=worker).ok()["do"]
    assert done.changed and set(done.result["diff"]["after"]) == set(output.values())
    html = (tmp_path / "coverage.html").read_bytes()
    assert done.result["diff"]["after"][output["html"]]["bytes"] == len(html)
    written = json.loads((tmp_path / "coverage.json").read_text())
    assert written["clusters"] == done.result["clusters"] and written["summary"] == done.result["summary"]
    # What was there keeps its mode, what is new is as any new file is.
    assert stat.S_IMODE((tmp_path / "coverage.json").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "coverage.html").stat().st_mode) & 0o400
    suites = ElementTree.parse(tmp_path / "coverage.junit").getroot()  # noqa: S314 - ours
    failing = {case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None}
    assert failing == {one["name"] for one in done.result["clusters"] if not one["covered"]}
    assert (suites.get("tests"), suites.get("failures")) == (str(len(fleet.conditions) + 1), str(len(failing)))
    markdown = (tmp_path / "coverage.markdown").read_text()
    for name, how in fleet.conditions.items():
        assert (f"| {name} |" in markdown) == bool(how.found), name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"coverage.{name}" for name in output)


def test_limits_make_the_task_fail_and_the_report_is_there(emulator, tmp_path):
    fleet = every_condition(emulator)
    page = tmp_path / "page.html"
    limits = [{"reason": "unprotected"}, {"reason": "rpo_missed", "max": 3}, {"reason": "vault_redundancy"}]
    for worker in (True, False):
        run: Run = fleet.subscription.play(
            [task("limits", REPORT, fail_on=limits, output={"html": str(page)})], worker=worker
        )
        step = run["limits"]
        assert run.code == 2 and step.failed
        assert step.result["msg"] == (
            "2 clusters have the finding unprotected (not protected), and 0 may: bare, half. Run the role "
            "aks.backup.aks_backup on the cluster, or the playbook aks.backup.protect. "
            "1 vault has the finding vault_redundancy (copies in one data centre), and 0 may: bv-fleet. Redundancy is "
            "fixed when a vault is created: make another vault, ZoneRedundant or GeoRedundant."
        )
        assert len(step.result["violations"]) == 2 and step.result["summary"]["clusters"] == len(fleet.conditions)
        # All of the report, and what a limit says is no error of Azure's.
        assert differences(REPORT, {**step.result, "failed": False}) == [] and "error" not in step.result
        assert "Violated thresholds" in page.read_text()
        page.unlink()
    tolerant = [{"reason": "unprotected", "max": 2}]
    fleet.subscription.play([task("tolerant", REPORT, fail_on=tolerant)]).ok()


def test_refusals(emulator, tmp_path):
    fleet = Fleet(emulator, {})
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    wrong = {
        "cluster_ids": ["aks-1", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"],
        "job_days": 31, "grace": "soon", "fail_on": [{"reason": "stopped", "max": -1}],
        "output": {"html": "/nowhere/at/all.html", "json": str(tmp_path / "folder"), "junit": str(tmp_path / "folder"),
                   "markdown": str(tmp_path / "pipe")},
    }  # fmt: skip
    since = last(emulator)
    run = fleet.subscription.play([{**task("all", REPORT, **wrong), "ignore_errors": True}]).ok()
    assert run["all"].result["error"]["problems"] == [
        "job_days is 31; it must be 1 to 30.",
        "grace is 'soon'; it must be a number with m, h, d or w behind it, for example 24h or 7d.",
        "fail_on: max of stopped is -1; a count is 0 or more.",
        "'aks-1' is not an Azure resource ID: it must start with '/subscriptions/' and have no empty part.",
        "cluster_ids must be the resource ID of a Microsoft.ContainerService/managedClusters, but '/subscriptions/"
        "s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v' is one of a microsoft.compute/"
        "virtualmachines.",
        "output: two formats have the same path.",
        "output: there is no folder /nowhere/at where this task runs. Make it first.",
        f"output: {tmp_path / 'folder'} is a folder. Give the path of a file.",
        f"output: {tmp_path / 'pipe'} is a device or the like, and no file. Give the path of a file.",
    ]
    asked = [entry for entry in requests(emulator, since) if "ResourceGraph" in entry["path"]]
    assert asked == []


def test_clusters_that_are_named(emulator, tmp_path):
    fleet = Fleet(emulator, dict.fromkeys(("aks-1", "aks-2", "aks-3", "aks-4"), CONDITIONS["well"]), 2)
    one, two, three = (fleet.id(f"aks-{number}") for number in (1, 2, 3))
    lost = one.replace("aks-1", "aks-lost")
    tasks = [
        # Both subscriptions follow from the IDs, of which one is that of the caller.
        task("named", REPORT, cluster_ids=[one.upper(), two + "/"]),
        task("fewer", REPORT, cluster_ids=[one, two], names=["*-2"]),
        task("here", REPORT, cluster_ids=[one, three], subscriptions=fleet.subscriptions, locations=["none"]),
        {
            **task("lost", REPORT, cluster_ids=[one, lost], output={"json": str(tmp_path / "report.json")}),
            "ignore_errors": True,
        },
    ]
    run = fleet.subscription.play(tasks).ok()
    assert [set(reasons(run[name])) for name in ("named", "fewer", "here")] == [{"aks-1", "aks-2"}, {"aks-2"}, set()]
    assert run["lost"].result["msg"].startswith("Azure Resource Graph does not show aks-lost. If the IDs are right")
    assert run["lost"].result["violations"] == [run["lost"].result["msg"]]
    assert set(reasons(run["lost"])) == {"aks-1"} and (tmp_path / "report.json").exists()


def test_where_resource_graph_shows_no_extension_at_all(emulator):
    """It may not show those of AKS: then nobody's is reported as missing, until each cluster is asked."""
    fleet = Fleet(emulator, {"aks-1": CONDITIONS["without_extension"], "aks-2": CONDITIONS["bare"]})
    run = fleet.subscription.play([task("graph", REPORT), task("clusters", REPORT, check_clusters=True)]).ok()
    assert reasons(run["graph"])["aks-1"] == set()
    (warning,) = run["graph"].result["warnings"]
    assert warning.startswith("Azure Resource Graph shows no backup extension in any cluster")
    assert reasons(run["clusters"])["aks-1"] == {"extension_missing"}
    assert "warnings" not in run["clusters"].result


def test_a_cluster_that_is_gone_while_resource_graph_shows_it(emulator):
    fleet = Fleet(emulator, {"aks-1": CONDITIONS["well"], "aks-2": CONDITIONS["well"]})
    fleet.remove("aks-2")
    run = fleet.subscription.play([task("graph", REPORT), task("clusters", REPORT, check_clusters=True)]).ok()
    assert sorted(reasons(run["graph"])) == ["aks-1", "aks-2"]
    assert sorted(reasons(run["clusters"])) == ["aks-1"]


def test_a_file_that_cannot_be_written(emulator):
    fleet = Fleet(emulator, {})
    run = fleet.subscription.play(
        [{**task("write", REPORT, output={"json": "/proc/coverage.json"}), "ignore_errors": True}]
    ).ok()
    assert run["write"].result["msg"].startswith("/proc/coverage.json cannot be written where this task runs: ")


def test_pages_of_two(emulator):
    fleet = every_condition(emulator)
    emulator.settings(graph_rows=2)
    try:
        run = fleet.subscription.play([task("pages", REPORT)]).ok()
    finally:
        emulator.settings(graph_rows=1000)
    assert reasons(run["pages"]) == expected(fleet)


def test_rows_that_are_kept_back_are_an_error(emulator):
    """An answer that cannot be paged, for want of IDs, must not pass for a whole one."""
    fleet = Fleet(emulator, {"a": CONDITIONS["bare"], "b": CONDITIONS["bare"]})
    environment = fleet.subscription.environment
    signed_in = {"tenant": fleet.tenant, "client_id": environment["AZURE_CLIENT_ID"],
                 "secret": environment["AZURE_CLIENT_SECRET"], "cloud_environment": emulator.url,
                 "ca_bundle": environment["REQUESTS_CA_BUNDLE"], "wait_timeout": 60, "poll_interval": 1}  # fmt: skip
    arm = _module.connect(signed_in, (RESOURCE_GRAPH,), anywhere=True)
    emulator.settings(graph_rows=1)
    try:
        clusters = "resources | where type =~ 'microsoft.containerservice/managedclusters' | order by name asc"
        assert [row["name"] for row in arm.search(f"{clusters} | project id, name", [])] == ["a", "b"]
        assert [row["name"] for row in arm.search(f"{clusters} | project id, name", [], most=1)] == ["a"]
        with pytest.raises(BackupError, match="kept back rows of its answer"):
            arm.search(f"{clusters} | project name", [])
    finally:
        emulator.settings(graph_rows=1000)


def test_a_thousand_clusters(emulator, tmp_path):
    fleet = large_fleet(emulator, 1000)
    output = {name: str(tmp_path / name) for name in ("html", "junit", "markdown")}
    since = last(emulator)
    run = fleet.subscription.play([task("large", REPORT, output=output)]).ok()
    assert reasons(run["large"]) == expected(fleet)
    entries = requests(emulator, since)
    assert len(entries) <= 20
    # The emulator's clock is as fast as the real one here. What Ansible takes to start is not counted.
    first, final = (times.parse(entries[end]["time"]) for end in (0, -1))
    assert (final - first).total_seconds() <= 10
