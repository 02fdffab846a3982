# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook protect_fleet where not all goes well: who fails of what, and what it leaves for the jobs after it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import fleet
from tests.harness import FAST, ROOT, Run, Subscription
from tests.harness.direct import perform

PLAYBOOK = ROOT / "playbooks" / "protect_fleet.yml"
SUM = "Sum up for AWX, also where clusters have failed"
GROUP = "rg-clusters"


def play(subscription: Subscription, hosts: dict[str, dict[str, Any]]) -> Run:
    variables = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_backup_policy": {"schedule": {"frequency": "weekly"}},
        **{f"aks_backup_{name}": value for name, value in FAST.items()},
    }
    return subscription.play(playbook=PLAYBOOK, inventory={"all": {"hosts": hosts, "vars": variables}})


def with_clusters(emulator: Any, *names: str) -> Subscription:
    """A subscription with clusters, of which those that are called so are off."""
    clusters = [
        {"name": name, "resource_group": GROUP, "location": "eastus",
         "power_state": "Stopped" if name.endswith("-off") else "Running"}
        for name in names
    ]  # fmt: skip
    providers = {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"}
    groups = [{"name": GROUP, "location": "eastus"}]
    return Subscription(
        emulator, {"subscriptions": [{"providers": providers, "resource_groups": groups, "clusters": clusters}]}
    )


def left(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run[SUM].result["ansible_stats"]["data"]
    return found


def test_hosts_fail_for_themselves_and_are_named_for_the_next_job(emulator: Any) -> None:
    """The first of the hosts among them, whose task it is that stands for all."""
    subscription = with_clusters(emulator, "a-nowhere", "b-good", "d-off")
    named: dict[str, Any] = {"aks_backup_cluster": {"resource_group": GROUP}}
    here = {**named, "aks_backup_location": "eastus"}
    hosts = {"a-nowhere": named, "b-good": here, "c-nothing": {"aks_backup_location": "eastus"}, "d-off": here}
    run = play(subscription, hosts)
    assert run.code == 2
    assert "Set aks_backup_location, the region of the cluster." in run.output
    assert "Set aks_backup_cluster, which says where the cluster is." in run.output
    assert "Protect the clusters: 2 of 2 clusters done, 1 of them failed" in run.output
    done = run["Protect the clusters"].result
    assert {one["name"]: one["failed"] for one in done["clusters"]} == {"b-good": False, "d-off": True}
    assert left(run) == {
        "aks_backup_fleet_clusters": 4,
        "aks_backup_fleet_changed": ["b-good", "d-off"],
        "aks_backup_fleet_failed": ["a-nowhere", "c-nothing", "d-off"],
    }

    # What is refused as a whole has failed for all, and a fleet without trouble leaves no names.
    run = play(subscription, {"b-good": here, "other": {**here, "aks_backup_vault": {"nam": "x"}}})
    assert run.code == 2 and run.writes == [] and "clusters.vault.nam" in run.output
    assert left(run)["aks_backup_fleet_failed"] == ["b-good", "other"]
    assert left(play(subscription, {"b-good": here}).ok()) == {
        "aks_backup_fleet_clusters": 1, "aks_backup_fleet_changed": [], "aks_backup_fleet_failed": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("odd"), "This collection has a fault, of which its authors should know: KeyError: 'odd', in "),
        (BackupError("No."), "No."),
    ],
    ids=["ours", "azures"],
)
def test_what_fails_fails_its_own_cluster(
    emulator: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    """Not all of the task, with what it has to tell of the others; be it a fault of ours."""
    subscription = with_clusters(emulator, "a", "b", "c")
    whole = fleet.WORKS["container"]

    def faulty(arm: Any, options: dict[str, Any]) -> Any:
        if options["container"].startswith("b-"):
            raise error
        return whole(arm, options)

    monkeypatch.setitem(fleet.WORKS, "container", faulty)
    # Without an instance, a step that has nothing to do with the failure is the last to end.
    entries = [
        {"cluster": {"name": name, "resource_group": GROUP}, "location": "eastus", "instances": []} for name in "abc"
    ]
    found = perform(subscription, "aks_backup_fleet", clusters=entries)
    assert {one["name"]: one["failed"] for one in found["clusters"]} == {"a": False, "b": True, "c": False}
    assert found["failed"] and f"b: {said}" in found["msg"]
    # One line for each twentieth of the clusters, of which these are fewer.
    assert [line.partition(",")[0] for line in found["told"]] == [f"{done} of 3 clusters done" for done in (1, 2, 3)]
    assert found["told"][-1].endswith(", 1 of them failed"), found["told"]
