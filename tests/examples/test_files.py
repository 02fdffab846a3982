# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in examples/, started with the very commands that the comments of each example name.

Only waiting is made as fast as the emulator's clock.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.documented import MODULES, differences
from tests.harness import FAST, ROOT, Run, Step, Subscription

FOLDER = ROOT / "examples"
# Run by tests/awx and tests/provision, with what those have.
ELSEWHERE = {"08-awx", "09-provision-and-protect.yml"}
EXAMPLES = sorted({path.name for path in FOLDER.iterdir() if not path.name.startswith(".")} - ELSEWHERE)
# Of the role; the modules' own are put into the playbooks that call modules.
WAITING = {"aks_backup_poll_interval": FAST["poll_interval"], "aks_backup_wait_timeout": FAST["wait_timeout"]}
VAULTS = "Microsoft.DataProtection/backupVaults"
INSTANCES = f"{VAULTS}/backupInstances"


@dataclasses.dataclass(frozen=True)
class Made:
    """What there is when all commands of an example have run; ``backups``: how many were made on demand."""

    clusters: set[str]
    redundancies: list[str]
    policy: str
    backups: int


MADE = {
    "01-one-cluster.yml": Made({"aks-east-1"}, ["LocallyRedundant"], "aks-default", 1),
    "02-fleet-shared-vault": Made(
        {"aks-east-1", "aks-east-2", "aks-west-1"}, ["LocallyRedundant", "ZoneRedundant"], "aks-daily", 3
    ),
    "03-module-by-module.yml": Made({"aks-east-1"}, ["LocallyRedundant"], "aks-daily", 1),
    "04-fleet-inventory": Made(
        {"aks-east-1", "aks-east-2", "aks-west-1"}, ["LocallyRedundant", "LocallyRedundant"], "aks-daily", 0
    ),
    # A report, which makes nothing.
    "05-coverage-report.yml": Made(set(), [], "", 0),
    "06-day-two": Made({"aks-east-1"}, ["LocallyRedundant"], "aks-default", 2),
    "07-restore-drill": Made({"aks-east-1"}, ["LocallyRedundant"], "aks-default", 1),
}


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line of ``ansible-playbook``: the playbook, which is a path or a collection's, and all else."""

    playbook: str
    arguments: tuple[str, ...]

    @property
    def checks(self) -> bool:
        return "--check" in self.arguments

    @property
    def converges(self) -> bool:
        """Whether it describes a state; what is done once, and a report, do not."""
        return not self.playbook.startswith("aks.backup.") or self.playbook == "aks.backup.protect"


def files(example: str) -> list[pathlib.Path]:
    path = FOLDER / example
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def commands(example: str) -> list[Command]:
    """The command lines in the comments of an example's files, in order."""
    text = "".join(file.read_text() for file in files(example))
    found = []
    for line in re.findall(r"^#   (ansible-playbook .+)$", text, re.MULTILINE):
        _program, *words = shlex.split(line)
        (playbook,) = (word for word in words if re.fullmatch(r"examples/[^/]+\.yml|aks\.backup\.[a-z_]+", word))
        found.append(Command(playbook, tuple(word for word in words if word != playbook)))
    return found


def run(subscription: Subscription, command: Command) -> Run:
    arguments = tuple(str(ROOT / word) if word.startswith("examples/") else word for word in command.arguments)
    keywords: dict[str, Any] = {"arguments": arguments, "variables": WAITING}
    if "-i" in arguments:
        # The harness has an inventory of its own, which must add no cluster.
        keywords["inventory"] = {"all": {"hosts": {}}}
    if command.playbook.startswith("aks.backup."):
        return subscription.play(playbook=pathlib.Path(command.playbook), **keywords)
    plays = yaml.safe_load((ROOT / command.playbook).read_text())
    for play in plays:
        for defaults in play.get("module_defaults", {}).values():
            defaults["poll_interval"] = FAST["poll_interval"]
    return subscription.play(playbook=plays, **keywords)


def undocumented(result: Run) -> Iterator[str]:
    """How results of the collection's modules differ from their documentation."""
    for step in result.steps:
        module = step.action.removeprefix("aks.backup.")
        if module in MODULES and step.kind == "ok":
            for one in results(step):
                yield from (f"{step.task} on {step.host}: {sentence}" for sentence in differences(module, one))


def results(step: Step) -> Iterator[dict[str, Any]]:
    """The module's result, or those of the items of a loop, without what loops and repetitions add."""
    for one in step.result.get("results", [step.result]):
        if not one.get("skipped"):
            added = ("attempts", "ansible_loop_var", one.get("ansible_loop_var"))
            yield {key: value for key, value in one.items() if key not in added}


def test_no_example_is_left_out() -> None:
    assert sorted(MADE) == EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_says_how_to_start_it(example: str) -> None:
    """And it starts no other one: each command names the file or the folder that it stands in."""
    assert any(command.converges and not command.checks for command in commands(example))
    for command in commands(example):
        named = (command.playbook, *command.arguments)
        assert {f"examples/{example}", f"examples/{example}/clusters.yml"} & {*named}


VARIABLES = [file for name in EXAMPLES for file in files(name) if file.parent.name == "group_vars"]


@pytest.mark.parametrize("file", VARIABLES, ids=lambda file: file.stem)
def test_variables_belong_to_a_group_that_is_there(file: pathlib.Path) -> None:
    """Ansible passes over variables of a group that no inventory names."""
    inventories = [yaml.safe_load(one.read_text()) for one in file.parents[1].glob("*.yml")]
    assert file.stem in {name for inventory in inventories for name in groups(inventory)}


def groups(inventory: dict[str, Any]) -> Iterator[str]:
    for name, group in inventory.items():
        yield name
        yield from groups((group or {}).get("children") or {})


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_planned_done_and_then_finds_nothing_to_do(subscription: Subscription, example: str) -> None:
    """Plans of the role on what is there already, and of one cluster that is new, are for the tests of the role."""
    named = commands(example)
    converging = [command for command in named if command.converges]
    real = next(command for command in converging if not command.checks)
    check = dataclasses.replace(real, arguments=(*real.arguments, "--check", "--diff"))
    own = not real.playbook.startswith("aks.backup.")

    planned = None
    for plan in [command for command in converging if command.checks] or [check] * own:
        planned = run(subscription, plan).ok()
        assert planned.steps and list(undocumented(planned)) == []
        assert subscription.writes() == []
    done = run(subscription, real).ok()
    assert list(undocumented(done)) == []
    # What the plan promised is what came, by task and host.
    assert planned is None or changes(done) == changes(planned)

    for number, command in enumerate(named):
        # What an example names twice comes after something else.
        if not command.converges or (command == real and number > named.index(real)):
            result = run(subscription, command).ok()
            assert result.steps and list(undocumented(result)) == []
    before = subscription.writes()
    for command in [real, check] if own else [real]:
        assert changes(run(subscription, command).ok()) == []
    assert subscription.writes() == before

    made = MADE[example]
    instances = [instance["properties"] for instance in subscription.resources(INSTANCES)]
    assert {one["dataSourceInfo"]["resourceName"] for one in instances} == made.clusters
    assert len(instances) == len(made.clusters)
    assert {one["currentProtectionState"] for one in instances} <= {"ProtectionConfigured"}
    assert {one["policyInfo"]["policyId"].rsplit("/", 1)[-1] for one in instances} <= {made.policy}
    vaults = [vault["properties"]["storageSettings"][0]["type"] for vault in subscription.resources(VAULTS)]
    assert sorted(vaults) == made.redundancies
    # Those on demand, since the night comes soon where the clock is fast.
    backups = [one for one in subscription.writes() if re.fullmatch(r".*/backupInstances/[^/]+/backup", one["path"])]
    assert len(backups) == made.backups


def changes(result: Run) -> list[tuple[str, str]]:
    return sorted((step.host, step.task) for step in result.steps if step.changed)


def test_the_report_leaves_its_files_and_fails_where_a_cluster_has_no_backups(
    subscription: Subscription, tmp_path: pathlib.Path
) -> None:
    plays = yaml.safe_load((FOLDER / "05-coverage-report.yml").read_text())
    chosen = {"aks_backup_report_path": str(tmp_path), "tolerated_gaps": 0, **WAITING}
    result = subscription.play(playbook=plays, variables=chosen)
    assert result.code == 2
    (failed,) = [step for step in result.steps if step.failed]
    assert failed.result["msg"].startswith("3 clusters have the finding unprotected")
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".json", ".md", ".xml"}
