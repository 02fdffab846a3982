# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role over the clusters of the default scenario: how it is run, several times by one ``ansible-playbook`` too,
what it reports, and clusters as it leaves them without it having run.
"""

from __future__ import annotations

import copy
import pathlib
from typing import Any

import yaml

from tests.harness import FAST, ROOT, Run, Step, Subscription, task
from tests.harness.steps import prepare

Plays = list[dict[str, Any]]


def playbook(name: str) -> pathlib.Path:
    return ROOT / "playbooks" / f"{name}.yml"


PROTECT, BACKUP_NOW, JOBS = (playbook(name) for name in ("protect", "backup_now", "jobs"))
EAST, WEST = ("aks-east-1", "aks-east-2"), ("aks-west-1",)
INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"
PYTHON = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
WAITING = {"aks_backup_poll_interval": FAST["poll_interval"], "aks_backup_wait_timeout": FAST["wait_timeout"]}
# The emulator's hours pass in seconds, and a scheduled backup is none of these tests'.
WEEKLY = {"aks_backup_policy": {"schedule": {"frequency": "weekly"}}}
# What a restore takes, so that it does not bring back what belongs to the whole cluster.
SHOP = {"included_namespaces": ["shop"], "include_cluster_scope_resources": False}
# What a variable of the role begins with, and the option of the fleet task that means the same does not.
PREFIX = "aks_backup_"
MARK = "Now: "


def wishes(host: str) -> dict[str, Any]:
    """What tells one cluster from another."""
    region = "eastus" if host in EAST else "West Europe"
    return {"aks_backup_cluster": {"resource_group": "rg-clusters"}, "aks_backup_location": region}


def inventory(more: dict[str, dict[str, Any]] | None = None, hosts: tuple[str, ...] = (*EAST, *WEST)) -> dict[str, Any]:
    """The clusters of the default scenario in their regions. ``more``: variables of single hosts."""
    found = {host: {**wishes(host), **(more or {}).get(host, {})} for host in hosts}
    return {"all": {"hosts": found, "vars": {**PYTHON, **WAITING, **WEEKLY}}}


def run(
    subscription: Subscription,
    playbook: pathlib.Path | Plays,
    *arguments: str,
    more: dict[str, dict[str, Any]] | None = None,
    hosts: tuple[str, ...] = (*EAST, *WEST),
    **variables: Any,
) -> Run:
    return subscription.play(
        playbook=playbook, inventory=inventory(more, hosts), arguments=arguments, variables=variables
    )


def role(entry: str) -> Plays:
    """A play that runs one entry point of the role."""
    included = {"name": entry, "ansible.builtin.include_role": {"name": "aks.backup.aks_backup", "tasks_from": entry}}
    return [{"name": entry, "hosts": "all", "connection": "local", "gather_facts": False, "tasks": [included]}]


def act(
    name: str,
    of: pathlib.Path | Plays,
    *,
    check: bool = False,
    refused: bool = False,
    hosts: str = "all",
    **variables: Any,
) -> Plays:
    """A playbook as one of several that a single ``ansible-playbook`` runs, with variables of its own.

    ``check``: as a plan; ``refused``: hosts go on after it, although it fails; ``hosts``: of those in the inventory.
    """
    plays: Plays = copy.deepcopy(yaml.safe_load(of.read_text()) if isinstance(of, pathlib.Path) else of)
    for play in plays:
        play.update(hosts=hosts, check_mode=check, diff=True, vars={**play.get("vars", {}), **variables})
        if refused:
            goes_on = {"name": "Go on", "ansible.builtin.debug": {"msg": "It has failed."}}
            play["tasks"] = [{"name": name, "block": play["tasks"], "rescue": [goes_on]}]
    mark = {"name": MARK + name, "ansible.builtin.debug": {"msg": name}}
    return [{"name": name, "hosts": hosts, "connection": "local", "gather_facts": False, "tasks": [mark]}, *plays]


def acts(result: Run) -> dict[str, Run]:
    """Each act of a run by its name. One in which something failed has the exit code of a playbook that failed."""
    found: dict[str, list[Step]] = {}
    for step in result.steps:
        if step.task.startswith(MARK):
            steps = found.setdefault(step.task.removeprefix(MARK), [])
        else:
            steps.append(step)
    return {
        name: Run(2 if any(step.failed for step in steps) else 0, result.output, steps) for name, steps in found.items()
    }


def story(subscription: Subscription, *told: Plays, hosts: tuple[str, ...] = (*EAST, *WEST)) -> dict[str, Run]:
    """Several acts one after the other, by one ``ansible-playbook``, which costs as much to start as an act takes.

    All of them end well, or fail as they are to.
    """
    return acts(run(subscription, [play for plays in told for play in plays], hosts=hosts).ok())


def protected(subscription: Subscription, hosts: tuple[str, ...] = EAST[:1], **variables: Any) -> Subscription:
    """The clusters as the role protects them, with its default names and without its seconds: by the fleet task.

    ``variables`` are those of the role. That it has nothing to add is held by tests/lifecycle/test_role_states.py.
    """
    entries = [
        {
            **{key.removeprefix(PREFIX): value for key, value in {**wishes(host), **WEEKLY, **variables}.items()},
            "cluster": {"name": host, "resource_group": "rg-clusters"},
        }
        for host in hosts
    ]
    prepare(subscription, [task("protect", "aks_backup_fleet", clusters=entries)])
    return subscription


def backed_up(subscription: Subscription, hosts: tuple[str, ...] = EAST[:1]) -> Subscription:
    """The same with a recovery point of each, which takes a protected cluster."""
    for host in hosts:
        region = "eastus" if host in EAST else "westeurope"
        what = {
            "cluster_name": host,
            "cluster_resource_group": "rg-clusters",
            "vault_name": f"bv-aks-{region}",
            "vault_resource_group": f"rg-aks-backup-{region}",
        }
        prepare(subscription, [{"name": "run", "aks.backup.aks_backup_run": what, "diff": True}])
    return subscription


def changes(result: Run) -> list[tuple[str, str]]:
    return sorted((step.host, step.task) for step in result.steps if step.changed)


def hosts_of(result: Run, task: str) -> list[str]:
    """The hosts that carried a task out, whatever came of it."""
    return sorted(step.host for step in result.steps if step.task.endswith(task) and step.kind in ("ok", "failed"))


def facts(result: Run, name: str) -> dict[str, dict[str, Any]]:
    return {
        step.host: step.result["ansible_facts"][name]
        for step in result.steps
        if name in step.result.get("ansible_facts", {})
    }


def messages(result: Run) -> list[str]:
    """Why the hosts have failed."""
    return [str(step.result["msg"]) for step in result.steps if step.failed]


def message(result: Run) -> str:
    """Why the one host has failed; of a loop, the item that did."""
    assert result.code != 0
    (failed,) = [step.result for step in result.steps if step.failed]
    items = [item for item in failed.get("results", []) if item.get("failed")]
    return str((items or [failed])[0]["msg"])


def verbs(result: Run) -> list[str]:
    """The last part of what was written, without validations, which write nothing."""
    found = [write.rsplit("/", 1)[-1] for write in result.writes]
    return [one for one in found if not one.startswith("validate")]
