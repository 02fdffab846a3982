# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides of docs/docsite/rst show: every YAML block and every playbook command, in the order of the guide."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import textwrap
from typing import Any

import pytest
import yaml

from tests.documented import MODULES, differences
from tests.harness import FAST, ROOT, Subscription, play
from tests.harness.steps import account, chain, prepare

GUIDES = ROOT / "docs" / "docsite" / "rst"
WAITING = {"aks_backup_poll_interval": FAST["poll_interval"], "aks_backup_wait_timeout": FAST["wait_timeout"]}
ANY_ACCOUNT = "stbackupeast01"
# Guide -> how many tasks it shows. They find what the other steps of protecting a cluster have made.
TASKS = {"guide_day_two": 6, "guide_permissions": 5, "guide_restore": 4, "guide_troubleshooting": 7}
# The guides with parts of a playbook and with inventories, whose names are those of the reader.
ELSEWHERE = {"facts", "guide_awx", "guide_first_backup", "guide_fleet", "guide_hooks", "guide_performance",
             "guide_without_azure"}  # fmt: skip


def blocks(guide: str, language: str) -> list[str]:
    text = (GUIDES / f"{guide}.rst").read_text()
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def tasks(guide: str, subscription: Subscription) -> list[dict[str, Any]]:
    """The tasks of a guide, with the one name that the reader has to choose."""
    shown = [task for block in blocks(guide, "yaml") for task in yaml.safe_load(block)]
    return list(json.loads(json.dumps(shown).replace(ANY_ACCOUNT, account(subscription))))


def test_no_guide_is_left_out() -> None:
    assert {path.stem for path in GUIDES.glob("*.rst")} == set(TASKS) | ELSEWHERE


@pytest.mark.parametrize("guide", TASKS)
def test_the_tasks_of_a_guide_can_be_planned_and_done(subscription: Subscription, guide: str) -> None:
    prepare(subscription, chain(subscription))
    shown = tasks(guide, subscription)
    assert len(shown) == TASKS[guide]
    run = subscription.play(playbook=[play(shown, check_mode=True, diff=True), play(shown)]).ok()
    assert [step.task for step in run.steps] == 2 * [task["name"] for task in shown]
    assert [step.task for step in run.steps[: len(shown)] if step.writes] == []
    for step in run.steps:
        module = step.action.removeprefix("aks.backup.")
        assert module not in MODULES or differences(module, step.result) == [], step.task
        assert "NOT DEFINED" not in str(step.result), step.task


def test_the_first_backup(subscription: Subscription) -> None:
    (inventory,) = blocks("guide_first_backup", "yaml")
    lines = [line for block in blocks("guide_first_backup", "console") for line in block.splitlines() if line]
    called = []
    for line in lines:
        _prompt, program, _i, file, playbook, *arguments = shlex.split(line)
        assert (program, file) == ("ansible-playbook", "clusters.yml")
        run = subscription.play(
            playbook=pathlib.Path(playbook),
            inventory={"all": {"children": yaml.safe_load(inventory)}},
            variables=WAITING,
            arguments=tuple(arguments),
        ).ok()
        assert {step.host for step in run.steps} == {"aks-east-1"}
        assert bool(subscription.writes()) == ("--check" not in arguments)
        called.append(playbook.rpartition(".")[2])
    assert called == ["protect", "protect", "backup_now", "jobs"]
    (instance,) = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"


def test_staggered_starts(subscription: Subscription) -> None:
    """The variables of the guide to fleets make the policies that it names."""
    [inventory] = [block for block in blocks("guide_fleet", "yaml") if "aks_backup_stagger" in block]
    hosts = {"aks-east-1": {"aks_backup_cluster": {"resource_group": "rg-clusters"}, "aks_backup_location": "eastus"}}
    named = re.findall(r"``(aks-week[-\w]*)`` at (\d+:\d+)", (GUIDES / "guide_fleet.rst").read_text())
    run = subscription.play(
        playbook=pathlib.Path("aks.backup.protect_fleet"),
        inventory={"all": {**yaml.safe_load(inventory)["all"], "hosts": hosts}},
        variables=WAITING,
        arguments=("--check",),
    ).ok()
    [result] = [step.result for step in run.steps if "clusters" in step.result]
    [policy] = result["clusters"][0]["policies"]
    starts = {f"aks-week-plus-{30 * slot}m" if slot else "aks-week": 60 + 30 * slot for slot in range(8)}
    assert policy in starts
    assert [(name, divmod(starts[name], 60)) for name, _start in named] == [
        (name, tuple(int(part) for part in start.split(":"))) for name, start in named
    ]
