# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at clusters: it recognises what is as asked for, and every step that is not; and the role goes by it."""

from __future__ import annotations

from typing import Any

from tests.harness import Run, Subscription, task
from tests.harness.steps import carry_out, prepare
from tests.harness.wishes import PROTECT, entries, fleet, hosts, scenario

# What is asked for anew, and how what is said of it begins.
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "container": ({"storage": {"container": "another"}}, "container is not as asked for."),
    "extension": (
        {"extension": {"release_train": "preview", "auto_upgrade_minor_version": True}},
        "extension is not as asked for.",
    ),
    "instance": (
        {"instances": [{"backup_configuration": {"snapshot_volumes": False}}]},
        "instance is not as asked for.",
    ),
    "permissions": ({"permissions": {"vault_tier": True}}, "permissions is not as asked for."),
    "policy": ({"policy": {"name": "another"}}, "policy is not as asked for."),
    "state": ({"state": "suspended"}, "instance is not as asked for."),
    "storage": ({"tags": {"team": "platform"}}, "storage is not as asked for."),
    "trusted_access": ({"trusted_access": {"name": "another", "match": "name"}}, "The cluster has the binding "),
    "vault": ({"vault": {"cross_subscription_restore": "Enabled"}}, "vault is not as asked for."),
}
REPORT = {"permissions": {"mode": "report", "vault_tier": True}}


def look(title: str, clusters: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return fleet(title, clusters, look=True, **more)


def test_a_look_recognises_what_is_as_asked_for_and_writes_nothing(emulator):
    """One cluster, which is asked about request by request, and five, which lists are for."""
    regions = {f"aks-{number}": "eastus" for number in range(5)}
    subscription = Subscription(emulator, scenario(regions))
    one, five = entries({"aks-0": "eastus"}), entries(regions)
    run = carry_out(
        subscription,
        [
            look("before", one),
            fleet("protect", five),
            look("after", one),
            look("five", five),
            task("five in a plan", "aks_backup_fleet", check=True, clusters=five, look=True),
            *[look(f"other {name}", [{**one[0], **more}]) for name, (more, _said) in OTHERS.items()],
            look("content", [{**one[0], "policy": {"schedule": {"frequency": "daily"}}}]),
            look("report", [{**one[0], **REPORT}]),
            look("twice", [{**one[0], "state": "stopped"}, one[0]]),
        ],
    ).ok()
    looks = [step for step in run.steps if step.task != "protect"]
    assert [step.writes for step in looks] == [[]] * len(looks) and not any(step.changed for step in looks)
    [before] = run["before"].result["clusters"]
    assert (before["settled"], before["found"]) == (False, {})
    [after] = run["after"].result["clusters"]
    found = after["found"]
    assert after["settled"] and after["msg"] is None
    assert sorted(found) == ["container", "extension", "groups", "instances", "permissions", "policies", "providers",
                             "storage", "trusted_access", "vault"]  # fmt: skip
    assert found["instances"][0]["protection_state"] == "ProtectionConfigured"
    assert [group["name"] for group in found["groups"]] == ["rg-aks-snapshots-eastus"]
    # What the steps ask for one after the other, each once.
    paths = [(request["path"], request["query"]) for request in run["after"].requests]
    assert len(paths) == len(set(paths)) == 17
    assert run["five"].result["counts"] == {"settled": 5, "total": 5} == run["five in a plan"].result["counts"]
    assert len(run["five"].requests) < 5 * 9
    for name, (_more, said) in OTHERS.items():
        [other] = run[f"other {name}"].result["clusters"]
        assert not other["settled"] and other["msg"].startswith(said), name
    [content] = run["content"].result["clusters"]
    assert content["msg"].startswith("The backup policy aks-default exists with other content, and Azure cannot change")
    [missing] = run["report"].result["clusters"]
    assert missing["msg"].startswith("Roles are missing, and permissions.mode is report. Have these commands run")
    # What is said of one entry must not be what another one of the same cluster asks for.
    assert [(each["settled"], each["msg"]) for each in run["twice"].result["clusters"]] == [
        (False, "instance is not as asked for."), (True, None),
    ]  # fmt: skip


def role(subscription: Subscription, clusters: list[dict[str, Any]], *arguments: str, **more: Any) -> Run:
    return subscription.play(playbook=PROTECT, inventory=hosts(clusters), arguments=arguments, **more)


def ran(run: Run, words: str) -> list[str]:
    """The hosts that did the task of that name."""
    return [step.host for step in run.steps if step.task.endswith(words) and step.kind == "ok"]


def test_the_role_looks_once_and_does_the_steps_of_those_that_need_them(emulator):
    regions = {f"aks-{number}": "eastus" for number in range(3)}
    subscription = Subscription(emulator, scenario(regions))
    clusters = entries(regions)
    prepare(subscription, [fleet("protect", clusters[:2])])
    again = role(subscription, clusters[:2]).ok()
    assert again.writes == [] and ran(again, "Create the Backup vault") == []
    results = {step.host: step.result["ansible_facts"]["aks_backup_result"] for step in again.steps
               if "aks_backup_result" in step.result.get("ansible_facts", {})}  # fmt: skip
    assert results["aks-0"]["vault"] == results["aks-1"]["vault"] and results["aks-1"]["vault"]["identity"]
    assert results["aks-1"]["storage_account"]["id"] == results["aks-0"]["storage_account"]["id"]
    assert all(one["instances"] and one["extension"] and not one["changed"] for one in results.values())
    # The first cluster knows what they share, and the new one is told by it.
    joined = role(subscription, clusters).ok()
    assert ran(joined, "Install the backup extension in the cluster") == ["aks-2"]
    assert ran(joined, "Create the Backup vault") == [] and ran(joined, "Register the resource providers") == []
    # With tags each step looks for itself.
    tagged = role(subscription, clusters[:1], "--tags", "aks_backup:extension").ok()
    assert ran(tagged, "Install the backup extension in the cluster") == ["aks-0"]
    assert ran(tagged, "See whether the cluster is protected as asked for already") == []
