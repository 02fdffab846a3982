# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clusters in one task: what it makes is what the role makes, a failure is of its own cluster, and a second run
costs next to nothing.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._resources.policy.stagger import slot
from tests.documented import differences
from tests.harness import Subscription
from tests.harness.wishes import PROTECT, entries, fleet, hosts, scenario, world


def test_staggered_clusters_get_the_policies_of_their_slots(emulator):
    """The same ones from the role and the task; with another window they are moved to others."""
    regions = {f"aks-{number}": "eastus" for number in range(5)}
    policy = {"preset": "week", "schedule": {"frequency": "weekly"}}

    def wanted(window: int) -> list[dict[str, Any]]:
        stagger = {"policy": policy, "stagger": {"window": window, "slots": 3}}
        return entries(regions, dict.fromkeys(regions, stagger))

    by_role, by_task = (Subscription(emulator, scenario(regions)) for _each in (1, 2))
    # Slots follow from IDs, and with them from the subscription.
    slots = {one.id: {name: slot(cluster_id(one, name), 3) for name in regions} for one in (by_role, by_task)}
    by_role.play(playbook=PROTECT, inventory=hosts(wanted(90))).ok()
    run = by_task.play(
        [
            fleet("plan", wanted(90), check=True),
            fleet("run", wanted(90)),
            fleet("again", wanted(90)),
            fleet("other plan", wanted(60), check=True),
            fleet("other", wanted(60)),
            fleet("other again", wanted(60)),
        ]
    ).ok()
    for subscription, minutes in ((by_role, 30), (by_task, 20)):
        found = {
            one["properties"]["dataSourceInfo"]["resourceName"]: one["properties"]["policyInfo"]["policyId"]
            for one in subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
        }
        names = {name: policy_name(number * minutes) for name, number in slots[subscription.id].items()}
        assert {name: policy.rpartition("/")[2] for name, policy in found.items()} == names
    made = {one["name"]: one for one in by_role.resources("Microsoft.DataProtection/backupVaults/backupPolicies")}
    assert set(made) == {policy_name(number * 30) for number in slots[by_role.id].values()}
    for name, one in made.items():
        begins = one["properties"]["policyRules"][0]["trigger"]["schedule"]["repeatingTimeIntervals"]
        hours, minutes = divmod(120 + int((re.findall(r"plus-(\d+)m", name) or [0])[0]), 60)
        assert begins == [f"R/2024-01-01T{hours:02}:{minutes:02}:00+00:00/P1W"]
    for before, after in (("plan", "run"), ("other plan", "other")):
        assert run[before].writes == [] and run[before].changed and run[after].changed
        assert run[before].result["counts"] == run[after].result["counts"]
        assert [one["policies"] for one in run[before].result["clusters"]] == [
            one["policies"] for one in run[after].result["clusters"]
        ]
    assert run["again"].writes == run["other again"].writes == []
    moved = {one["name"] for one in run["other"].result["clusters"] if one["changed"]}
    assert moved == {name for name, number in slots[by_task.id].items() if number}
    again = by_role.play(playbook=PROTECT, inventory=hosts(wanted(90))).ok()
    assert again.writes == [] and not any(step.changed for step in again.steps)


def cluster_id(subscription: Subscription, name: str) -> str:
    return subscription.path(f"resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/{name}")


def policy_name(minutes: int) -> str:
    return f"aks-week-plus-{minutes}m" if minutes else "aks-week"


def test_a_fleet_from_plan_to_second_run(emulator):
    """Plan, run, run again; one more cluster, another wish; somebody else's change is put right."""
    regions = {f"aks-{number}": "eastus" for number in range(6)}
    subscription = Subscription(emulator, scenario(regions))
    five = entries(dict(list(regions.items())[:5]))
    # Two that do not agree on what they share.
    torn = entries({"aks-0": "eastus", "aks-1": "eastus"}, {"aks-1": {"vault": {"immutability": "Unlocked"}}})
    torn[0]["vault"] = {"immutability": "Disabled"}
    six = entries(regions, {"aks-0": {"state": "stopped"}})
    run = subscription.play(
        [
            fleet("plan", five, check=True),
            fleet("run", five),
            fleet("again", five),
            fleet("plan again", five, check=True),
            fleet("more", six),
            fleet("more again", six),
            fleet("torn", torn),
            fleet("torn again", torn),
        ]
    ).ok()
    planned, done = run["plan"], run["run"]
    assert planned.writes == [] and planned.changed and done.changed
    assert planned.result["counts"] == done.result["counts"] == {"changed": 5, "failed": 0, "ok": 5, "total": 5}
    assert planned.result["diff"]["after"].keys() == done.result["diff"]["after"].keys()
    assert set(planned.result["diff"]["after"]["clusters"]) == {one["cluster_id"] for one in done.result["clusters"]}
    for one in done.result["clusters"]:
        assert [step["step"] for step in one["steps"]] == [
            "container", "extension", "trusted_access", "permissions", "instance",
        ]  # fmt: skip
        assert [each["protection_state"] for each in one["instances"]] == ["ProtectionConfigured"]
        assert one["policies"] == ["aks-default"]
    # One vault, one policy, one account, whatever the number of clusters.
    kinds = [one["step"] for one in done.result["shared"]]
    assert sorted(kinds) == ["group", "policy", "providers", "storage", "vault"]
    puts = [write for write in done.writes if re.search(r"PUT .*/backupVaults/[^/]+$", write)]
    assert len(puts) == 1, puts

    for name in ("again", "plan again", "more again"):
        step = run[name]
        assert step.writes == [] and not step.changed, name
        assert step.result["diff"]["before"] == step.result["diff"]["after"] == {"clusters": {}, "shared": {}}
    reads = [request["path"] for request in run["again"].requests]
    for cluster in regions:
        # Its extension and its binding; the rest comes from lists.
        assert len([path for path in reads if f"/managedClusters/{cluster}/" in path]) <= 2, reads
    assert len(reads) <= 2 * 5 + 20, reads

    changed = {one["name"]: one["changed"] for one in run["more"].result["clusters"]}
    assert changed == {"aks-0": True, "aks-5": True, **{f"aks-{number}": False for number in range(1, 5)}}
    assert run["more"].result["clusters"][0]["instances"][0]["protection"] == "stopped"
    # Nobody would know otherwise why every run changes something.
    assert "warnings" not in run["run"].result and run["torn again"].changed
    (warning,) = run["torn again"].result["warnings"]
    assert re.search(
        r"/backupvaults/\S+ is wanted in 2 ways that changed it .*, by aks-0, aks-1; the last one", warning
    )


def test_a_failure_is_of_its_own_cluster(emulator):
    regions = {f"aks-{number}": "eastus" for number in range(6)}
    subscription = Subscription(emulator, scenario(regions, stopped=("aks-1",)))
    clusters = entries(
        regions,
        {
            # Nobody else's business: a policy that Azure would not take, and an account that cannot be.
            "aks-2": {"policy": {"name": "bad", "operational_retention": "P400D"}},
            "aks-3": {"permissions": {"mode": "report"}},
        },
    )
    clusters.append({**clusters[0], "cluster": {"name": "aks-none", "resource_group": "rg-clusters"}})
    run = subscription.play(
        [
            {**fleet("first", clusters), "ignore_errors": True},
            {**fleet("second", clusters), "ignore_errors": True},
            {**fleet("refused", [clusters[0], clusters[0]], workers=0), "ignore_errors": True},
        ]
    ).ok()
    first, second = run["first"], run["second"]
    assert [differences("aks_backup_fleet", step.result) for step in run.steps] == [[]] * 3
    assert "error" not in first.result and "error" in run["refused"].result
    assert first.failed and second.failed
    results = {one["name"]: one for one in first.result["clusters"]}
    assert {name for name, one in results.items() if one["failed"]} == {"aks-1", "aks-2", "aks-3", "aks-none"}
    assert first.result["counts"] | {"changed": 0} == {"changed": 0, "failed": 4, "ok": 3, "total": 7}
    assert "is stopped. Start it first" in results["aks-1"]["msg"]
    assert results["aks-1"]["problems"]
    assert results["aks-2"]["failed_step"] == "policy" and results["aks-2"]["steps"] == []
    assert results["aks-3"]["msg"].startswith("Roles are missing, and permissions.mode is report.")
    assert "There is no cluster" in results["aks-none"]["msg"]
    assert first.result["msg"].startswith("4 of 7 clusters are not as asked for.")
    assert "aks-3: Roles are missing" in first.result["msg"]
    # What is done stays done, and what failed is tried again.
    assert second.result["counts"]["changed"] == 0
    refused = run["refused"].result
    assert "workers is 0" in refused["msg"] and "in the list twice" in refused["msg"]
    assert run["refused"].writes == []


def test_preflight_is_of_each_cluster(emulator):
    """A strict one keeps its cluster from the first step, and what only that one would use from being made."""
    regions = {f"aks-{number}": "eastus" for number in range(4)}
    subscription = Subscription(emulator, scenario(regions, stopped=("aks-1", "aks-2", "aks-3")))
    alone = {"vault": {"name": "bv-alone"}, "policy": {"name": "alone"}, "preflight": "strict"}
    clusters = entries(
        regions,
        {"aks-0": {"preflight": "strict"}, "aks-1": alone, "aks-2": {"preflight": "strict"},
         "aks-3": {"preflight": "warn"}},
    )  # fmt: skip
    run = subscription.play(
        [
            {**fleet("first", clusters), "ignore_errors": True},
            {**fleet("second", clusters[:1]), "ignore_errors": True},
        ]
    ).ok()
    first = {one["name"]: one for one in run["first"].result["clusters"]}
    assert {name: one["failed_step"] for name, one in first.items()} == {
        "aks-0": None, "aks-1": "preflight", "aks-2": "preflight", "aks-3": "extension",
    }  # fmt: skip
    for name in ("aks-1", "aks-2"):
        assert first[name]["steps"] == [] and first[name]["problems"]
        assert all("(fail): " in problem for problem in first[name]["problems"])
        assert f"{name} is stopped" in first[name]["msg"] or "Stopped" in first[name]["msg"]
    # Who only wants to know is told, and goes on to where it fails.
    assert any("(fail): " in sentence for sentence in first["aks-3"]["preflight"])
    warned = [one for one in run["first"].result["warnings"] if "(fail): " in one]
    assert [one.partition(" ")[0] for one in warned] == ["aks-3:"]
    assert "bv-alone" not in str(run["first"].writes)
    [vault] = [one for one in run["first"].result["shared"] if "bv-alone" in one["id"] and one["step"] == "vault"]
    assert vault["failed"]
    [group] = [one["msg"] for one in run["first"].result["shared"] if one["step"] == "vault" and one["msg"]]
    assert group == "No cluster that would use it has passed its preflight."
    # A cluster that is protected has passed already.
    assert run["second"].result["clusters"][0]["preflight"] == []
    assert run["second"].writes == [] and len(run["second"].requests) < 30


def test_taking_the_protection_away_is_what_the_role_does(emulator):
    """First one of three clusters, then the other two at once, which share roles with each other."""
    regions = {f"aks-{number}": "eastus" for number in range(3)}
    there = entries(regions)

    def gone(*names: str) -> list[dict[str, Any]]:
        return [
            {**one, "state": "absent", "confirm_delete_data": one["cluster"]["name"]} if one["cluster"]["name"] in names
            else one for one in there
        ]  # fmt: skip

    one, rest = gone("aks-0"), gone("aks-0", "aks-1", "aks-2")
    by_role, by_task = (Subscription(emulator, scenario(regions)) for _each in (1, 2))
    by_role.play([fleet("there", there)]).ok()
    by_role.play(playbook=PROTECT, inventory=hosts(one)).ok()
    run = by_task.play(
        [
            fleet("there", there),
            {**fleet("unconfirmed", [{**one[0], "confirm_delete_data": "aks-1"}]), "ignore_errors": True},
            fleet("plan", one, check=True),
            fleet("run", one),
        ]
    ).ok()
    assert world(by_task) == world(by_role)
    kept = by_task.resources("Microsoft.DataProtection/backupVaults/backupInstances")
    assert {each["properties"]["dataSourceInfo"]["resourceName"] for each in kept} == {"aks-1", "aks-2"}
    by_role.play(playbook=PROTECT, inventory=hosts(rest)).ok()
    more = by_task.play([fleet("rest", rest), fleet("again", rest)]).ok()
    assert world(by_task) == world(by_role)

    for step in (*run.steps, *more.steps):
        assert differences("aks_backup_fleet", step.result) == []
    assert run["unconfirmed"].writes == run["plan"].writes == more["again"].writes == []
    assert "state=absent deletes the backups of aks-0." in run["unconfirmed"].result["msg"]
    # The roles that they shared go with whoever looks first, which may be the one that has nothing else to lose.
    assert not more["again"].changed and more["rest"].result["counts"]["changed"] in (2, 3)
    planned, done = run["plan"].result, run["run"].result
    assert planned["counts"] == done["counts"] == {"changed": 1, "failed": 0, "ok": 3, "total": 3}
    first = done["clusters"][0]
    assert [step["step"] for step in first["steps"]] == ["instance", "permissions", "trusted_access", "extension"]
    assert all(step["changed"] for step in first["steps"]) and first["instances"] == []
    [deleted] = first["deleted"]
    assert deleted["name"].startswith("aks-0") and deleted["purge_time"]
    # Order matters: without extension and binding the service could not delete its data.
    kinds = ["backupInstances", "roleAssignments", "trustedAccessRoleBindings", "extensions"]
    found = [next(kind for kind in kinds if kind in write) for write in run["run"].writes]
    assert found == sorted(found, key=kinds.index) and set(found) == set(kinds), run["run"].writes
