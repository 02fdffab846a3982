# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXAMPLES of every module, as ansible-doc shows them: from an empty subscription to a protected cluster and back.

What the examples leave to the reader is the ID of the subscription and the name of the storage account; the tests put
theirs there, and change nothing else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jinja2 import Environment, meta

from tests.documented import MODULES, block, differences
from tests.harness import ROOT, Run, Subscription
from tests.harness.steps import account

# In this order the examples build on each other; what they delete goes in the opposite one.
CHAIN = (
    "aks_backup_provider",
    "aks_backup_storage",
    "aks_backup_vault",
    "aks_backup_vault_info",
    "aks_backup_policy",
    "aks_backup_policy_info",
    "aks_backup_extension",
    "aks_backup_extension_info",
    "aks_backup_hook",
    "aks_backup_resource_modifier",
    "aks_namespace",
    "aks_namespace_info",
    "aks_trusted_access",
    "aks_trusted_access_info",
    "aks_backup_permissions",
    "aks_backup_preflight_info",
    "aks_backup_instance",
    "aks_backup_instance_info",
    "aks_backup_run",
    "aks_backup_job_info",
    "aks_backup_coverage_info",
    "aks_recovery_point_info",
    "aks_backup_restore",
    "aks_backup_fleet",
)
ANY_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
ANY_ACCOUNT = "stbackupeast01"
# What is left in the end of what the examples make and delete.
LEFT = {
    "Microsoft.DataProtection/backupVaults": {"bv-aks-westeurope", "bv-east"},
    "Microsoft.DataProtection/backupVaults/backupInstances": {"aks-west-1"},
    "Microsoft.DataProtection/backupVaults/backupPolicies": {
        "aks-by-numbers",
        "aks-daily",
        "aks-fleet",
        "aks-month",
        "aks-vault-tier",
        "aks-week",
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"aks-east-1", "aks-west-1"},
}
# Act anew each time, and are no state to come to.
ACTS = ("aks_backup_restore", "aks_backup_run")


@dataclasses.dataclass(frozen=True)
class Example:
    """One task of the EXAMPLES of ``module``, as it is written there."""

    module: str
    task: dict[str, Any]

    @property
    def called(self) -> str:
        """The module that the task calls, short if it is one of the collection."""
        return next(key for key in self.task if "." in key).removeprefix("aks.backup.")

    @property
    def options(self) -> dict[str, Any]:
        return self.task[next(key for key in self.task if "." in key)] or {}

    @property
    def deletes(self) -> bool:
        return self.options.get("state") == "absent"

    @property
    def writes_files(self) -> bool:
        """Whether it makes files beside the playbook, which is a change, but none of Azure's."""
        return "output" in self.options

    @property
    def only_looks(self) -> bool:
        looks = self.options.get("mode") == "report" or self.options.get("validate_only")
        looks = looks or self.options.get("state") == "rendered"
        return self.called.endswith("_info") or bool(looks)

    def title(self, time: str) -> str:
        return f"{self.module}: {self.task['name']} ({time})"

    def tasks(self) -> Iterator[dict[str, Any]]:
        """Planned, done, and done again: only what is done leaves its result to the tasks that follow."""
        repeatable = {key: value for key, value in self.task.items() if key != "register"}
        ours = self.called in MODULES
        if ours:
            yield {**repeatable, "name": self.title("planned"), "check_mode": True, "diff": True}
        yield {**self.task, "name": self.title("done"), "diff": True}
        if ours and self.called not in ACTS:
            yield {**repeatable, "name": self.title("again"), "diff": True}


def written(module: str) -> list[Example]:
    return [Example(module, task) for task in block(module, "EXAMPLES")]


def in_order() -> list[Example]:
    every = [example for module in CHAIN for example in written(module)]
    deleting = [example for module in reversed(CHAIN) for example in written(module) if example.deletes]
    return [example for example in every if not example.deletes] + deleting


def here(tasks: list[dict[str, Any]], subscription: Subscription) -> list[dict[str, Any]]:
    """The tasks with the names that the reader has to choose."""
    text = json.dumps(tasks).replace(ANY_SUBSCRIPTION, subscription.id).replace(ANY_ACCOUNT, account(subscription))
    return list(json.loads(text))


def problems(run: Run, example: Example) -> Iterator[str]:
    """What is wrong with the steps of an example that the module of the collection has carried out."""
    done, planned = run[example.title("done")], run[example.title("planned")]
    if done.kind == "skipped":
        yield "was skipped, so that nothing is known of it"
        return
    if planned.writes:
        yield f"writes in check mode: {planned.writes}"
    if planned.changed != done.changed:
        yield f"is planned with changed={planned.changed}, and done with changed={done.changed}"
    if done.changed != (bool(done.writes) or example.writes_files):
        yield f"says changed={done.changed}, and has written {done.writes}"
    results = [planned, done]
    if example.called not in ACTS:
        again = run[example.title("again")]
        results.append(again)
        # A report says of what moment it is.
        if again.writes or again.changed and not example.writes_files:
            yield f"changes something each time: {again.writes}"
    for step in results:
        yield from (f"{sentence} ({step.task})" for sentence in differences(example.called, step.result))


def test_no_module_is_left_out() -> None:
    assert sorted(CHAIN) == MODULES


@pytest.mark.parametrize("module", CHAIN)
def test_examples_call_the_module_and_stand_on_their_own(module: str) -> None:
    """Whoever pastes the block of one module finds no variable in it that another block has to set."""
    examples = written(module)
    assert module in {example.called for example in examples}
    names = [example.task["name"] for example in examples]
    assert len(set(names)) == len(names)
    registered = {"playbook_dir"}
    for example in examples:
        rest = {key: value for key, value in example.task.items() if key != "when"}
        # A condition is a template without its braces.
        text = json.dumps(rest) + (f"{{{{ {example.task['when']} }}}}" if "when" in example.task else "")
        used = meta.find_undeclared_variables(Environment(autoescape=True).parse(text.replace('\\"', '"')))
        if "ansible.builtin.debug" in example.task and "var" in example.options:
            used.add(example.options["var"].split(".")[0])
        assert used <= registered, example.task["name"]
        registered |= {example.task["register"]} if "register" in example.task else set()


@pytest.fixture
def subscription(emulator: Any) -> Subscription:
    """With every provider still to be registered that an example registers."""
    scenario = yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text())
    del scenario["subscriptions"][0]["providers"]["Microsoft.ManagedIdentity"]
    return Subscription(emulator, scenario)


def test_every_example_does_what_its_module_documents(subscription: Subscription) -> None:
    examples = in_order()
    assert len(examples) == sum(len(block(module, "EXAMPLES")) for module in MODULES)
    tasks = [task for example in examples for task in example.tasks()]
    run = subscription.play(here(tasks, subscription)).ok()
    assert [step.task for step in run.steps] == [task["name"] for task in tasks]

    own = [example for example in examples if example.called in MODULES]
    assert [f"{example.title('done')}: {problem}" for example in own for problem in problems(run, example)] == []
    # What reads or reports writes nothing. All others show something: each changes what the ones before it have left.
    assert [
        example.title("done")
        for example in own
        if run[example.title("done")].changed == (example.only_looks and not example.writes_files)
    ] == []
    shown = [run[example.title("done")].result for example in examples if example.called == "ansible.builtin.debug"]
    assert [result for result in shown if "NOT DEFINED" in str(result) or not result.get("msg", True)] == []
    assert {type_: {resource["name"] for resource in subscription.resources(type_)} for type_ in LEFT} == LEFT
