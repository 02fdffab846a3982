# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes by itself is waited for, not failed of, nothing is made twice on the way, and no wait is for ever."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime

import pytest

from tests.harness.steps import carry_out, chain, prepare, step

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
BINDINGS = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"
# Seconds to wait in vain: the first answer must come in time on a slow machine, and asking again costs it.
IMPATIENT = {"wait_timeout": 6, "poll_interval": 1}


def statuses(step_, method, piece):
    """How the server answered the requests of a step, counted."""
    return Counter(
        one["status"] for one in step_.requests if one["method"] == method and piece.lower() in one["path"].lower()
    )


def assignments(subscription):
    """(principal, role, scope) of what the step ``permissions`` gave; the owner of the subscription is none of it."""
    found = [one["properties"] for one in subscription.resources(ASSIGNMENTS)]
    return sorted(
        (one["principalId"], one["roleDefinitionId"][-36:], one["scope"].lower())
        for one in found
        if one["scope"].count("/") > 2
    )


# Fresh identities


def test_a_fresh_identity_that_the_directory_does_not_know_yet(subscription):
    subscription.fault({"status": 400, "code": "PrincipalNotFound"}, method="PUT", path="roleAssignments/", times=6)
    run = carry_out(subscription, chain(subscription, until="instance")).ok()
    assert statuses(run["permissions"], "PUT", "roleAssignments") == {400: 6, 201: 4}
    assert len(assignments(subscription)) == len(set(assignments(subscription))) == 4


def test_the_directory_takes_its_time(subscription, settings):
    """The same without a rule: replicas of the directory learn late of the identities of vault and extension."""
    settings(identity_visible=1500)
    run = carry_out(subscription, chain(subscription, until="instance")).ok()
    assert statuses(run["permissions"], "PUT", "roleAssignments")[400] >= 1
    assert len(assignments(subscription)) == 4


def test_an_identity_that_never_comes(subscription):
    subscription.fault({"status": 400, "code": "PrincipalNotFound"}, method="PUT", path="roleAssignments/")
    prepare(subscription, chain(subscription, until="permissions"))
    run = carry_out(subscription, [step(subscription, "permissions", **IMPATIENT)])
    assert_gave_up(run, "permissions", "PrincipalNotFound", "the new identity to reach the directory")


# Other operations on the cluster


@pytest.fixture
def before_binding(subscription):
    """All that the binding needs, and another vault, for somebody else's binding."""
    tasks = chain(subscription, until="binding", without="extension")
    prepare(subscription, [*tasks, step(subscription, "vault", title="theirs", name="bv-theirs")])
    return subscription


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("OperationNotAllowed", "Operation is not allowed: Another operation (Updating) is in progress."),
        ("EtagMismatch", "Operation is not allowed: Another operation is in progress"),
    ],
)
def test_another_operation_of_aks(before_binding, code, message):
    before_binding.fault(
        {"status": 409, "code": code, "message": message}, method="PUT", path="trustedAccessRoleBindings/", times=3
    )
    run = carry_out(before_binding, [step(before_binding, "binding")]).ok()
    refused = statuses(run["binding"], "PUT", BINDINGS.rpartition("/")[2])
    assert refused[409] == 3 and refused[201] == 1
    assert len(before_binding.resources(BINDINGS)) == 1


def test_an_operation_of_aks_that_does_not_end(before_binding, somebody):
    before_binding.fault({"lro": "hang"}, method="PUT", path="trustedAccessRoleBindings/theirs")
    somebody.bind("theirs", somebody.vault_id.replace("bv-east", "bv-theirs"), wait=False)
    run = carry_out(before_binding, [step(before_binding, "binding", **IMPATIENT)])
    assert_gave_up(run, "binding", "OperationNotAllowed", "another operation on the cluster")


# Throttling

THROTTLED = {"status": 429, "code": "TooManyRequests", "message": "The request was throttled."}


@pytest.mark.parametrize(
    ("method", "path", "times"),
    [
        ("GET", "", 12),
        ("PUT", "", 12),
        ("POST", "validateForBackup$", 3),
        ("POST", "/backup$", 2),
        ("GET", "operationStatus|/operations/", 12),
        ("GET", "operationResults", 2),
    ],
    ids=["reads", "writes", "validation", "backup", "polls", "results"],
)
def test_throttled(subscription, method, path, times):
    """Twelve, since Azure's packages give up by themselves after ten."""
    subscription.fault({**THROTTLED, "retry_after": 10}, method=method, path=path, times=times)
    run = carry_out(subscription, chain(subscription)).ok()
    hits = [one for one in subscription.journal() if one["fault"] and one["status"] == 429]
    assert len(hits) == times
    assert run["run"].result["job"]["status"] == "Completed"
    assert len([write for write in run["run"].writes if write.endswith("/backup")]) == (3 if path == "/backup$" else 1)
    # Where the machine is slow, the schedule may have made another one meanwhile.
    jobs = subscription.resources("Microsoft.DataProtection/backupVaults/backupJobs")
    assert len([one for one in jobs if one["properties"]["isUserTriggered"]]) == 1
    assert len(assignments(subscription)) == 4


def test_the_time_that_azure_asks_for_is_kept(subscription):
    seconds = 1000
    subscription.fault({**THROTTLED, "retry_after": seconds}, method="PUT", path="backupVaults/bv-east$", times=2)
    run = carry_out(subscription, chain(subscription, until="policy")).ok()
    tries = [one for one in run["vault"].requests if one["method"] == "PUT"]
    assert [one["status"] for one in tries] == [429, 429, 201]
    times = [datetime.fromisoformat(one["time"]) for one in tries]
    # Virtual seconds. A tenth less for clocks that differ.
    assert all((later - earlier).total_seconds() > 0.9 * seconds for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize("after", [10, 10_000, None], ids=["soon", "too late", "unsaid"])
def test_throttled_for_ever(subscription, after):
    then = THROTTLED if after is None else {**THROTTLED, "retry_after": after}
    prepare(subscription, chain(subscription, until="vault"))
    subscription.fault(then, method="PUT", path="backupVaults/bv-east$")
    run = carry_out(subscription, [step(subscription, "vault", **IMPATIENT)])
    assert_gave_up(run, "vault", "TooManyRequests", "Azure to take more requests")


def test_what_never_gets_better(subscription):
    """An operation that hangs, a service that is down and a network that is broken: each ends with a sentence."""
    prepare(subscription, chain(subscription, until="vault"))
    subscription.fault({"lro": "hang"}, method="PUT", path="backupVaults/hangs$")
    subscription.fault({"status": 503, "code": "ServerTimeout"}, path="backupVaults/down$")
    subscription.fault({"drop": "before"}, path="backupVaults/broken$")
    said = {
        "hangs": "waiting for Azure to create or update",
        "down": "ServerTimeout: Injected by a fault rule.",
        "broken": "Azure",
    }
    tasks = [step(subscription, "vault", title=name, name=name, ignore=True, **IMPATIENT) for name in said]
    # In a playbook, since the last two end in the packages and not in the collection.
    run = subscription.play(tasks).ok()
    for name, piece in said.items():
        result = run[name].result
        assert run[name].failed and piece in result["msg"] and result["msg"].endswith((".", ")")), result["msg"]
        assert f"backupVaults/{name}" in result["msg"] and "Traceback" not in str(result)
    # What hangs is there, and is not taken for done.
    again = carry_out(subscription, tasks[:1]).ok()
    assert again["hangs"].failed and "the Backup vault to leave state" in again["hangs"].result["msg"]


# Unsteady service and network

PUTS = {
    "groups": "/resourceGroups/[^/]+$",
    "account": "storageAccounts/[^/]+$",
    "container": "/containers/[^/]+$",
    "vault": "backupVaults/[^/]+$",
    "policy": "backupPolicies/[^/]+$",
    "extension": "extensions/[^/]+$",
    "binding": "trustedAccessRoleBindings/[^/]+$",
    "assignments": "roleAssignments/[^/]+$",
    "instance": "backupInstances/[^/]+$",
}


LOSSES = {
    "unavailable": {"status": 503, "code": "ServerTimeout"},
    "reset before": {"drop": "before"},
    "reset after": {"drop": "after"},
    "cut": {"truncate": True},
}
# Step -> how what it made is taken away, in that order, and what is deleted then.
REMOVALS = {
    "instance": ({"state": "absent", "confirm_delete_data": "protect-east"}, "backupInstances/[^/]+$"),
    "permissions": ({"mode": "revoke"}, "roleAssignments/[^/]+$"),
    "binding": ({"state": "absent"}, "trustedAccessRoleBindings/[^/]+$"),
    "extension": ({"state": "absent"}, "extensions/[^/]+$"),
    "policy": ({"state": "absent"}, "backupPolicies/[^/]+$"),
    "vault": ({"state": "absent"}, "backupVaults/[^/]+$"),
    "storage": ({"state": "absent", "confirm_delete_data": "aks-east-1"}, "/containers/[^/]+$"),
}


def converged(subscription):
    """All is there, once, and another run writes nothing."""
    assert len(subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")) == 1
    assert len(subscription.resources("Microsoft.DataProtection/backupVaults/backupPolicies")) == 1
    assert len(subscription.resources(BINDINGS)) == 1
    assert len(assignments(subscription)) == len(set(assignments(subscription))) == 4
    assert carry_out(subscription, chain(subscription, until="run")).ok().writes == []


@pytest.mark.parametrize("then", LOSSES.values(), ids=LOSSES)
def test_the_first_try_of_each_write_gets_lost(subscription, then):
    for path in PUTS.values():
        subscription.fault(then, method="PUT", path=path, times=1)
    if "status" in then:
        subscription.fault(then, method="POST", path="validateForBackup|/register", times=2)
    carry_out(subscription, chain(subscription, until="run")).ok()
    hit = Counter(one["fault"] for one in subscription.journal() if one["fault"])
    assert len(hit) >= len(PUTS), hit
    converged(subscription)


@pytest.mark.parametrize("then", LOSSES.values(), ids=LOSSES)
def test_the_first_try_of_each_deletion_gets_lost(subscription, then):
    named = {"vault": {"soft_delete": {"state": "Off"}}, "instance": {"name": "protect-east"}}
    made = [step(subscription, one["name"], **named.get(one["name"], {})) for one in chain(subscription, until="run")]
    prepare(subscription, made)
    for _options, path in REMOVALS.values():
        subscription.fault(then, method="DELETE", path=path, times=1)
    tasks = [step(subscription, name, **{**named.get(name, {}), **more}) for name, (more, _path) in REMOVALS.items()]
    run = carry_out(subscription, tasks).ok()
    assert [run[name].changed for name in REMOVALS] == [True] * len(REMOVALS)
    assert len({one["fault"] for one in subscription.journal() if one["fault"]}) == len(REMOVALS)
    assert not any(one.changed for one in carry_out(subscription, tasks).ok().steps)


def test_reads_that_get_lost(subscription):
    ways = ({"status": 503, "code": "ServerTimeout"}, {"drop": "before"}, {"drop": "after"}, {"truncate": True})
    for number in range(12):
        subscription.fault(ways[number % 4], method="GET", nth=1 + 4 * number, times=1)
    carry_out(subscription, chain(subscription, until="run")).ok()
    assert len([one for one in subscription.journal() if one["fault"]]) >= 12
    converged(subscription)


# Roles that are not in force yet


def test_validated_until_the_roles_are_in_force(subscription, settings):
    settings(rbac_propagation=1500)
    run = carry_out(subscription, chain(subscription)).ok()
    asked = [one for one in run["instance"].requests if one["path"].endswith("/validateForBackup")]
    assert len(asked) >= 2
    assert run["instance"].writes == [f"PUT {run['instance'].result['id']}"]
    assert run["run"].result["job"]["status"] == "Completed"


# Somebody else at the same time


def test_somebody_makes_the_same_assignments_meanwhile(subscription, somebody):
    """Between the look at what there is and the writing, under names of their own."""
    prepare(subscription, chain(subscription, until="permissions"))
    report = prepare(subscription, [step(subscription, "permissions", mode="report")])["permissions"]
    assert len(report["missing"]) == 4 and assignments(subscription) == []
    # Seconds in which somebody makes four.
    subscription.fault({"delay": 8}, method="PUT", path="roleAssignments/", times=4)
    with subscription.running([step(subscription, "permissions")]) as running:
        assert running.until(lambda: puts(subscription) == 4, pause=0.02)
        theirs = [somebody.assign(row["principal_id"], row["role_definition_id"][-36:], row["scope"])
                  for row in report["missing"]]  # fmt: skip
        run = running.wait().ok()
    # Theirs and ours.
    assert statuses(run["permissions"], "PUT", "roleAssignments") == {201: 4, 409: 4}
    assert sorted(row["assignment_id"].lower() for row in run["permissions"].result["assignments"]) == sorted(
        one.lower() for one in theirs
    )
    assert len(assignments(subscription)) == len(set(assignments(subscription))) == 4


def puts(subscription):
    return len([one for one in subscription.writes() if "/roleAssignments/" in one["path"]])


def assert_gave_up(run, name, code, waited_for):
    """Failed after the time that the task was given, naming what was waited for and the last answer."""
    assert run.code == 2, run.output[-3000:]
    result = run[name].result
    for piece in (code, waited_for, "wait_timeout", "6 seconds"):
        assert piece in result["msg"], result["msg"]
    assert result["error"]["code"] == code
    assert "Traceback" not in run.output
