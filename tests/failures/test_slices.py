# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices of an inventory, each a run of its own, at the same time, over one vault, one policy and one storage account.

AWX calls it job slicing. The runs know nothing of each other.
"""

from __future__ import annotations

import contextlib
import re
from contextlib import ExitStack

from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._pace import Pace
from tests.emulator import Emulator
from tests.harness import ROOT, Running, Subscription
from tests.harness.direct import azure
from tests.harness.slices import PROMPT, Sliced

PROTECT = ROOT / "playbooks" / "protect.yml"
# Each slice has a cluster that does what all share; in the first one there is another, which waits for that.
SLICES, CLUSTERS = 4, 5
ACCOUNTS, ACCOUNT = "Microsoft.Storage/storageAccounts", re.compile("/storageAccounts/[^/]+$", re.IGNORECASE)
CREATE = "TASK [aks.backup.aks_backup : Create the storage account]"
# Virtual seconds: at SLOWLY, minutes in which the slices come to the account that one of them makes.
MAKING, SLOWLY = 4000, 30
ONCE = {
    "Microsoft.DataProtection/backupVaults": 1,
    "Microsoft.DataProtection/backupVaults/backupPolicies": 1,
    "Microsoft.Storage/storageAccounts": 1,
}
REGISTERED = {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"}
EACH = (
    "Microsoft.DataProtection/backupVaults/backupInstances",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
)


def inventory(names: list[str]) -> dict:
    hosts = {name: {"aks_backup_cluster": {"resource_group": "rg-clusters"}} for name in names}
    shared = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_backup_location": "eastus",
        # A weekly schedule, so that no backup of the schedule's falls into the test.
        "aks_backup_policy": {"schedule": {"frequency": "weekly"}},
        # Less often than elsewhere, since four runs wait at a time.
        "aks_backup_poll_interval": 0.2,
        "aks_backup_wait_timeout": 300,
    }
    return {"all": {"hosts": hosts, "vars": shared}}


def meet(subscription: Subscription, running: list[Running]) -> None:
    """Let the account be in the making until every slice has come to it.

    However late one of them starts, it finds what the first one makes half done; and once the account is there, all of
    them go for groups, vault and policy at once.
    """
    first = running[0]
    assert first.until(lambda: all(CREATE in (one.folder / "output").read_text() for one in running))
    seen = len(subscription.journal())
    assert first.until(lambda: len(looks(subscription, seen)) > 4 * SLICES)
    [account] = subscription.resources(ACCOUNTS)
    assert account["properties"]["provisioningState"] == "Creating", account
    subscription.emulator.advance(MAKING)


def looks(subscription: Subscription, seen: int) -> list[dict]:
    return [one for one in subscription.journal()[seen:] if "/Microsoft.Storage/" in one["path"]]


def test_four_slices_of_the_role_at_the_same_time(emulator):
    names = [f"aks-{number:02}" for number in range(CLUSTERS)]
    clusters = [{"name": name, "resource_group": "rg-clusters", "location": "eastus"} for name in names]
    groups = [{"name": "rg-clusters", "location": "eastus"}]
    subscription = Subscription(
        emulator,
        {
            "subscriptions": [{"providers": REGISTERED, "resource_groups": groups, "clusters": clusters}],
            "principals": [{"name": "automation", "roles": [{"role": "Owner"}]}],
        },
    )
    slices = [inventory(names[number::SLICES]) for number in range(SLICES)]
    subscription.fault({"lro": "slow", "factor": MAKING / 20}, method="PUT", path=ACCOUNT.pattern)
    # Writes that are long on their way: who has looked before the first of them arrives sends one as well.
    for path in ("resourceGroups/rg-aks[^/]+$", "backupVaults/[^/]+$", "backupPolicies/[^/]+$"):
        subscription.fault({"delay": 2}, method="PUT", path=path, times=SLICES)
    # Then all of them in one run, which finds nothing to do.
    for expect_changes, inventories in ((True, slices), (False, [inventory(names)])):
        before = len(subscription.writes())
        with ExitStack() as stack:
            running = [
                stack.enter_context(subscription.running(playbook=PROTECT, inventory=one)) for one in inventories
            ]
            if expect_changes:
                with subscription.pace(SLOWLY):
                    meet(subscription, running)
            runs = [one.wait(900) for one in running]
        failed = {(step.task, step.result.get("msg")) for run in runs for step in run.steps if step.failed}
        assert failed == set()
        assert {run.code for run in runs} == {0}
        results = {
            step.host: step.result["ansible_facts"]["aks_backup_result"]["instances"][0]["protection_state"]
            for run in runs
            for step in run.steps
            if "aks_backup_result" in step.result.get("ansible_facts", {})
        }
        assert results == dict.fromkeys(names, "ProtectionConfigured")
        changed = [step.task for run in runs for step in run.steps if step.changed]
        if expect_changes:
            assert len(subscription.writes()) > before
        else:
            assert changed == [] and len(subscription.writes()) == before
    assert {type_: len(subscription.resources(type_)) for type_ in ONCE} == ONCE
    assert {type_: len(subscription.resources(type_)) for type_ in EACH} == dict.fromkeys(EACH, len(names))
    sources = [one["properties"]["dataSourceInfo"]["resourceID"].lower() for one in subscription.resources(EACH[0])]
    assert len(set(sources)) == len(names)


def test_four_slices_of_the_fleet_task_while_azure_throttles():
    """Buckets of Azure's size, filled in a twentieth as fast: a small fleet empties them as a large one would."""
    refill = {"throttle": True, "throttle_refill": 0.05}
    with Emulator(speed=50, settings={**PROMPT, **refill}) as emulator:
        fleet = Sliced(emulator, slices=4, each=10, patience=240)
        runs, cold = fleet.run()
        assert [run.code for run in runs] == [0] * 4, [run.output[-3000:] for run in runs if run.code]
        assert [run["protect"].result["counts"]["ok"] for run in runs] == [10] * 4
        fleet.check()
        # The first burst of runs that know nothing of each other aside, requests stay below the bucket.
        print(cold)
        assert cold.refused < 0.05 * cold.requests.total(), cold
        runs, again = fleet.run()
        print(again)
        assert [run.code for run in runs] == [0] * 4 and not any(run["protect"].changed for run in runs)
        assert again.requests["write"] == again.refused == 0


def test_what_azure_tells_slows_requests_down():
    """Of the kind that it tells of, in the subscription that it tells of; on a clock of the test's."""
    with Emulator(speed=1, settings={"throttle": True, "throttle_refill": 0.001}) as emulator:
        one, other = Subscription(emulator), Subscription(emulator)
        arm, waited = azure(one), [0.0]

        def sleep(seconds: float) -> None:
            waited[0] += seconds

        arm._clients._pace = Pace(lambda: waited[0], sleep)
        place = "/subscriptions/{}/resourceGroups/rg-clusters"
        assert arm.get(place.format(one.id)) and waited == [0.0]
        [bucket] = [each for key, each in emulator.server.throttle._buckets.items() if key[1] == one.id]
        bucket.tokens = 5.0
        assert arm.get(place.format(one.id)) and waited == [0.0]
        # By now it is known how few are left.
        assert arm.get(place.format(one.id)) and waited[0] > 2.0
        before = waited[0]
        arm.put(f"/subscriptions/{one.id}/resourceGroups/rg-new", {"location": "eastus"})
        assert waited[0] == before
        with contextlib.suppress(BackupError):
            arm.get(place.format(other.id))
        assert waited[0] == before
        assert [entry for entry in one.journal() if entry["status"] == 429] == []
