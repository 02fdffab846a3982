# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook that is killed anywhere is run again, and what comes of it is the same as if nothing had happened.

Each test kills one run after the other, every run a little further on than the one before, in the same subscription:
whatever the last run left half-done, the next one has to take up. No run is given time to clean up. The role is killed
behind tasks, the tasks by themselves in each of their writes: they are the role's, and a run of them starts sooner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tests.harness import FAST, ROOT, Run, Running, Subscription
from tests.harness.steps import carry_out, chain

ONE_OF_EACH = (
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.DataProtection/backupVaults/backupInstances",
    "Microsoft.DataProtection/backupVaults/backupPolicies",
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
)
# Operations that are over before anybody can look, made long enough (in factors) for a kill to hit them.
SLOW = {
    "backupInstances/[^/]+$": 300,
    "backupVaults/[^/]+$": 300,
    "storageAccounts/[^/]+$": 10,
    "trustedAccessRoleBindings/[^/]+$": 15,
}
HOST = {
    "aks-east-1": {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_backup_cluster": {"name": "aks-east-1", "resource_group": "rg-clusters"},
        "aks_backup_location": "eastus",
        "aks_backup_poll_interval": FAST["poll_interval"],
        "aks_backup_wait_timeout": FAST["wait_timeout"],
    }
}


def role(subscription: Subscription) -> dict[str, Any]:
    return {"playbook": ROOT / "playbooks" / "protect.yml", "inventory": {"all": {"hosts": HOST}}}


def kill(running: Running, reached: Callable[[], Any], alone: bool = False) -> bool:
    """Kill the run once it has got there; False when it ended before. ``alone`` spares the processes it started."""
    if not running.until(reached, pause=0.02):
        return False
    if alone:
        running.process.kill()
        running.process.wait()
    else:
        running.kill()
    return True


def writes_since(subscription: Subscription, number: int) -> list[dict[str, Any]]:
    return [request for request in subscription.journal(number) if request["write"]]


def last_request(subscription: Subscription) -> int:
    return max([0, *(request["n"] for request in subscription.journal())])


def one_of_each(subscription: Subscription, last: Run) -> None:
    """``last`` was a whole run: another one writes nothing, and nothing is there twice."""
    for type_ in ONE_OF_EACH:
        assert len(subscription.resources(type_)) == 1, (type_, subscription.resources(type_))
    # That of the clusters comes with three that AKS made.
    groups = [one["name"] for one in subscription.resources("Microsoft.Resources/resourceGroups")]
    assert len([name for name in groups if not name.startswith("MC_")]) == 3, groups
    instance = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")[0]
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"
    given = Counter(
        (
            one["properties"]["principalId"],
            one["properties"]["roleDefinitionId"][-36:],
            one["properties"]["scope"].lower(),
        )
        for one in subscription.resources("Microsoft.Authorization/roleAssignments")
    )
    # The four rows of the matrix, and the owner of the subscription.
    assert len(given) == 5 and set(given.values()) == {1}, given
    assert not any(step.failed for step in last.steps)


def test_the_role_is_killed_behind_its_tasks(subscription):
    """Behind every third one that does something; the next test has what lies between them."""
    given, killed = role(subscription), []
    for _attempt in range(40):
        with subscription.running(**given) as running:
            if not kill(running, lambda running=running: running.record().count('"changed": true') >= 3):
                last = running.wait().ok()
                break
            killed.append(tuple(step.task for step in running.steps() if step.changed))
    # Providers, account, group, vault, policy, container, extension, binding, roles, instance.
    assert len(killed) >= 3 and len(set(killed)) == len(killed), killed
    one_of_each(subscription, last)
    assert subscription.play(**given).ok().writes == []


def test_killed_at_each_write(subscription):
    for path, factor in SLOW.items():
        subscription.fault({"lro": "slow", "factor": factor}, method="PUT", path=path)
    given: dict[str, Any] = {"tasks": chain(subscription, until="run")}
    killed = []
    for _attempt in range(40):
        seen = last_request(subscription)
        with subscription.running(**given) as running:
            if not kill(running, lambda seen=seen: writes_since(subscription, seen)):
                last = running.wait().ok()
                break
        killed.append(writes_since(subscription, seen)[0]["path"])
    # 2 registrations, 2 groups, account, container, vault, policy, extension, binding, 4 roles, instance; those that
    # are written at the same time die together.
    assert len(killed) >= 10, killed
    one_of_each(subscription, last)
    assert carry_out(subscription, given["tasks"]).ok().writes == []


def test_the_controller_is_killed_and_its_workers_carry_on(subscription):
    """Workers leave the process group of the playbook, so what kills it can miss them: two runs at the same time."""
    given, killed = {"tasks": chain(subscription, until="run")}, 0
    with ExitStack() as orphans:
        for _attempt in range(80):
            seen = last_request(subscription)
            running = orphans.enter_context(subscription.running(**given))
            if not kill(running, lambda seen=seen: writes_since(subscription, seen), alone=True):
                running.wait().ok()
                break
            killed += 1
        assert killed >= 5
        last = subscription.play(**given).ok()
    one_of_each(subscription, last)
    assert last.writes == []
