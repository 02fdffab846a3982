# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point ``report`` and its playbook: once for all hosts, or for subscriptions without any."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.emulator import Emulator
from tests.harness import FAST, ROOT, Run
from tests.harness.fleets import CONDITIONS, Fleet

PLAYBOOK = ROOT / "playbooks" / "report.yml"
LOOK, SHOW = "Look at all clusters at once", "Show what is wrong"
WAITING = {"aks_backup_poll_interval": FAST["poll_interval"], "aks_backup_wait_timeout": FAST["wait_timeout"]}
FILES = [f"aks-backup-report.{format_}" for format_ in ("html", "json", "md", "xml")]


@pytest.fixture(scope="module")
def emulator():
    # As slow as the real clock, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(emulator):
    return Fleet(emulator, {name.replace("_", "-"): how for name, how in CONDITIONS.items()}, 2)


def inventory(fleet: Fleet, names: list[str]) -> dict[str, Any]:
    hosts = {
        name: {"aks_backup_cluster": {"id": fleet.id(name)}, "aks_backup_location": "eastus"}
        if name in fleet.conditions
        else {}
        for name in names
    }
    return {"all": {"hosts": hosts, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **WAITING}}}


def report(fleet: Fleet, names: list[str], *arguments: str, **variables: Any) -> Run:
    return fleet.subscription.play(
        playbook=PLAYBOOK, inventory=inventory(fleet, names), arguments=arguments, variables=variables
    )


def one(run: Run, task: str) -> Any:
    (step,) = [step for step in run.steps if step.task.endswith(task) and step.kind in ("ok", "failed")]
    return step


def reported(run: Run) -> dict[str, set[str]]:
    clusters = one(run, "Hand over the report").result["ansible_facts"]["aks_backup_report_result"]["clusters"]
    return {cluster["name"]: {found["reason"] for found in cluster["findings"]} for cluster in clusters}


def stats(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = one(run, "Sum up for AWX, also where there is too much wrong").result["ansible_stats"]
    return {name.removeprefix("aks_backup_report_"): value for name, value in found["data"].items()}


def test_the_clusters_of_the_play_are_looked_at_once(fleet, tmp_path):
    names = ["jump-host", *(name for name in fleet.conditions if name != "bare")]
    plan = report(fleet, names, "--check", "--diff", aks_backup_report_path=str(tmp_path)).ok()
    assert list(tmp_path.iterdir()) == []
    run = report(fleet, names, aks_backup_report_path=str(tmp_path)).ok()
    for each in (plan, run):
        # One of all the hosts asks; the cluster that is no host is not reported on.
        assert one(each, LOOK).changed
        assert reported(each) == {name: {*how.found} for name, how in fleet.conditions.items() if name != "bare"}
        assert each.writes == []
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert json.loads((tmp_path / "aks-backup-report.json").read_text())["summary"]["clusters"] == len(names) - 1

    table = one(run, SHOW).result["msg"]
    assert all(len(line) <= 69 and line == line.rstrip() for line in table), table
    warnings = {"configuring", "namespaces_not_covered", "suspended", "vault_tier_missing"}
    covered = sum(found <= warnings for found in reported(run).values())
    assert table[0].startswith(f"{covered} of {len(names) - 1} clusters covered (")
    rows = [line.split() for line in table[3:] if line and not line.startswith((" ", "-"))]
    shown = {(row[0], row[1], row[-1]) for row in rows}
    result = one(run, LOOK).result
    assert shown == {
        (thing["name"][:20], found["severity"], found["reason"][:27])
        for thing in [*result["clusters"], *result["vaults"]]
        for found in thing["findings"]
    }
    # What is not covered comes first, and each thing to do is said once.
    assert [row[0] for row in rows].index("late") < [row[0] for row in rows].index("suspended")
    assert " ".join(table).count("- suspended: Run aks_backup_instance with protection=active once") == 1
    assert stats(run) == {
        "clusters": len(names) - 1,
        "covered": covered,
        "files": sorted(str(tmp_path / file) for file in FILES),
        "findings": {name: count for name, count in result["summary"]["by_reason"].items() if count},
        "violations": [],
    }


def test_it_fails_after_it_has_reported_where_too_much_is_wrong(fleet, tmp_path):
    limits = {"fail_on": [{"reason": "suspended"}, {"reason": "stopped", "max": 1}], "ignore_findings": ["vault_guard"]}
    run = report(
        fleet, ["well", "stopped", "suspended"], aks_backup_report=limits, aks_backup_report_path=str(tmp_path)
    )
    assert run.code == 2
    failed = one(run, "Stop where there is more of it than aks_backup_report allows").result["msg"]
    assert failed.startswith("1 cluster has the finding suspended (backups suspended), and 0 may: suspended. ")
    assert one(run, SHOW).kind == "ok" and sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert stats(run)["violations"] == [failed] and "vault_guard" not in stats(run)["findings"]

    # Every host has to be there, or a wrong name would look like a fleet without gaps.
    wrong = fleet.id("well").replace("/well", "/aks-lost")
    run = report(fleet, ["well"], aks_backup_cluster={"id": wrong})
    assert run.code == 2 and reported(run) == {}
    assert stats(run)["violations"][0].startswith("Azure Resource Graph does not show aks-lost.")

    # What keeps it from being made is another matter.
    run = report(fleet, ["well"], aks_backup_report_path=str(tmp_path / "none"))
    assert run.code == 2 and "there is no folder" in one(run, LOOK).result["msg"]
    assert not [step for step in run.steps if step.task.endswith(SHOW)]


def test_it_goes_by_subscriptions_where_that_is_asked_for(emulator, fleet):
    everywhere = {"subscriptions": fleet.subscriptions}
    run = report(fleet, ["well"], aks_backup_report=everywhere).ok()
    assert set(reported(run)) == set(fleet.conditions)
    assert not [step for step in run.steps if step.task.endswith("Find region and subscription") and step.kind == "ok"]
    # Without inventory; of the subscription in the environment, with filters.
    alone = report(fleet, [], aks_backup_hosts="localhost", aks_backup_report={"names": ["b*", "w*"]}).ok()
    home = {name for name in fleet.conditions if f"/{fleet.subscription.id}/" in fleet.id(name)}
    assert set(reported(alone)) == {name for name in home if name[0] in "bw"}
    # The vault may be in another subscription than the cluster.
    other = next(id_ for id_ in fleet.subscriptions if id_ != fleet.subscription.id)
    vault = f"/subscriptions/{other}/resourceGroups/rg-fleet/providers/Microsoft.DataProtection/backupVaults/bv-fleet"
    name = min(home)
    asked = one(report(fleet, [name], aks_backup_vault={"id": vault}).ok(), LOOK).result
    assert [cluster["name"] for cluster in asked["clusters"]] == [name]
    queried = [entry["body"]["subscriptions"] for entry in emulator.journal() if "ResourceGraph" in entry["path"]]
    assert sorted(queried[-1]) == sorted(fleet.subscriptions)


def test_what_the_guide_shows(fleet, tmp_path):
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_fleet.rst").read_text()
    blocks = re.findall(r"^\.\. code-block:: yaml\n\n((?:    .*\n|\n)+)", guide, re.MULTILINE)
    (block,) = (one for one in blocks if "tasks_from: report" in one)
    plays = yaml.safe_load(block.replace("/srv/reports", str(tmp_path)).replace("platform", "group-0"))
    run = fleet.subscription.play(playbook=plays, variables=WAITING)
    (failed,) = [step for step in run.steps if step.failed]
    assert failed.result["msg"].startswith("1 cluster has the finding unprotected (not protected), and 0 may: bare. ")
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
