# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies that differ: refused, replaced, rotated, whatever interrupts it; policies in use; what the service refuses;
and the simulation of retention against a life on the emulator's clock.
"""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from tests.emulator import Emulator
from tests.harness import Subscription, task
from tests.harness.steps import CLUSTER, VAULT, carry_out, chain, prepare, step

POLICIES = "Microsoft.DataProtection/backupVaults/backupPolicies"
INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"
MONTH = {"preset": "month"}
SUCCESSOR = "aks-daily-" + policy_form.fingerprint(policy_short.document(MONTH)["properties"])


def policy(title, *, check=False, ignore=False, **options):
    return task(title, "aks_backup_policy", check=check, ignore=ignore, **{**VAULT, "name": "aks-daily", **options})


def names(subscription):
    return {resource["name"] for resource in subscription.resources(POLICIES)}


def policy_of(subscription):
    return {
        resource["name"]: resource["properties"]["policyInfo"]["policyId"].rsplit("/", 1)[1]
        for resource in subscription.resources(INSTANCES)
    }


def test_a_policy_that_differs_is_refused_or_replaced_if_nothing_uses_it(subscription):
    prepare(subscription, chain(subscription, until="extension"))
    run = carry_out(
        subscription,
        [
            policy("differs", **MONTH, ignore=True),
            policy("differs in check mode", **MONTH, ignore=True, check=True),
            policy("replaced in check mode", **MONTH, on_difference="replace_unused", check=True),
            policy("replaced", **MONTH, on_difference="replace_unused"),
            policy("replaced again", **MONTH, on_difference="replace_unused"),
            policy("rotated", preset="disaster_recovery", on_difference="rotate"),
            policy("gone in check mode", state="absent", on_difference="rotate", check=True),
            policy("gone", state="absent", on_difference="rotate"),
            policy("gone again", state="absent", on_difference="rotate"),
        ],
    ).ok()
    assert run["rotated"].result["removed_policies"] == ["aks-daily"]
    assert run["gone"].changed and run["gone in check mode"].changed and not run["gone again"].changed
    assert run["gone in check mode"].result["diff"] == run["gone"].result["diff"]
    assert names(subscription) == set()
    message = run["differs"].result["msg"]
    assert message.startswith(
        "The backup policy aks-daily exists with other content, and Azure cannot change a policy."
    )
    assert "retention_rules Default: operational_retention is P7D and would become P30D." in message
    assert "No backup instance uses it" in message
    assert "on_difference=rotate" in message
    assert run["differs in check mode"].result["msg"] == message
    assert run["differs"].writes == []
    planned, done, again = (run[f"replaced{suffix}"] for suffix in (" in check mode", "", " again"))
    path = subscription.path(
        "resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily"
    )
    assert done.writes == [f"DELETE {path}", f"PUT {path}"]
    assert planned.writes == again.writes == []
    assert planned.result["diff"] == done.result["diff"]
    assert done.result["semantic_diff"] == planned.result["semantic_diff"] != []
    assert again.result["semantic_diff"] == []
    assert not again.changed


def protected(subscription):
    return chain(subscription, until="run")


def test_a_policy_in_use_is_not_deleted(subscription):
    """in_use_check names who uses it; without it, Azure's own refusal comes through."""
    prepare(subscription, protected(subscription))
    run = carry_out(
        subscription,
        [
            policy("read", state="present", preset="week"),
            task("info", "aks_backup_policy_info", **VAULT),
            policy("in use", state="absent", ignore=True),
            policy("in use, unchecked", state="absent", in_use_check=False, ignore=True),
            policy("replace", **MONTH, on_difference="replace_unused", ignore=True),
        ],
    ).ok()
    [instance] = policy_of(subscription)
    message = f"The backup policy aks-daily is used by: {instance}. Move these backup instances to another policy"
    assert run["in use"].result["msg"].startswith(message)
    assert run["in use"].writes == []
    error = run["in use, unchecked"].result["error"]
    assert error["code"] == "UserErrorDppPolicyObjectInUse"
    assert "soft-deleted" in error["advice"]
    assert f"Backup instances that use it: {instance}." in run["replace"].result["msg"]
    assert "only a policy that nothing uses is replaced" in run["replace"].result["msg"]
    [found] = run["info"].result["policies"]
    assert (found["name"], found["instances"], found["soft_deleted_instances"]) == ("aks-daily", [instance], [])
    written = run["read"].result["resource"]
    assert {key: found[key] for key in written} == written

    run = carry_out(
        subscription,
        [
            step(subscription, "instance", title="gone", state="absent", confirm_delete_data=instance),
            policy("still in use", state="absent", ignore=True),
            policy("not replaced", **MONTH, on_difference="replace_unused", ignore=True),
            policy("rotated", **MONTH, on_difference="rotate"),
            task("info", "aks_backup_policy_info", **VAULT, name="AKS-DAILY"),
        ],
    ).ok()
    assert f"{instance} (soft-deleted)" in run["still in use"].result["msg"]
    assert f"{instance} (soft-deleted)" in run["not replaced"].result["msg"]
    assert run["rotated"].result["name"] == SUCCESSOR
    assert run["rotated"].result["removed_policies"] == []
    assert "The backup policy aks-daily is kept" in run["rotated"].result["warnings"][0]
    [found] = run["info"].result["policies"]
    assert found["soft_deleted_instances"] == [instance]


def test_rotation(subscription):
    """on_difference=rotate, planned, done and again; and to and fro."""
    rotate = {"on_difference": "rotate"}
    tasks = [
        policy("nothing to do", preset="week", **rotate),
        policy("planned", **MONTH, **rotate, check=True),
        {**policy("done", **MONTH, **rotate), "register": "done"},
        step(subscription, "instance", title="protected", policy_name="{{ done.name }}"),
        policy("again", **MONTH, **rotate),
        policy("again in check mode", **MONTH, **rotate, check=True),
        {**policy("back", preset="week", **rotate), "register": "back"},
        policy("in use", state="absent", **rotate, ignore=True),
    ]
    prepare(subscription, protected(subscription))
    run = subscription.play(tasks).ok()
    [name] = policy_of(subscription)
    assert not run["nothing to do"].changed
    planned, done = run["planned"], run["done"]
    assert planned.writes == []
    assert [write.rsplit("/", 1)[-1] for write in done.writes] == [
        SUCCESSOR,
        name,
        "aks-daily",
    ]
    assert any(request["path"].endswith(f"{name}/validateForModifyBackup") for request in done.requests)
    assert not run["protected"].changed
    assert planned.result["diff"] == done.result["diff"]
    for step_ in (planned, done):
        assert step_.changed
        assert step_.result["name"] == step_.result["resource"]["name"] == SUCCESSOR
        assert step_.result["id"].endswith(f"/backupPolicies/{SUCCESSOR}")
        assert step_.result["moved_instances"] == [name]
        assert step_.result["removed_policies"] == ["aks-daily"]
        assert step_.result["semantic_diff"] == [
            "retention_rules Default: operational_retention is P7D and would become P30D."
        ]
    for title in ("again", "again in check mode"):
        assert not run[title].changed
        assert run[title].writes == []
        assert run[title].result["name"] == SUCCESSOR
        assert run[title].result["moved_instances"] == run[title].result["removed_policies"] == []
    back = run["back"].result["name"]
    assert back.startswith("aks-daily-") and back != SUCCESSOR
    assert names(subscription) == {back}
    assert policy_of(subscription) == {name: back}
    assert f"The backup policy {back} is used by: {name}." in run["in use"].result["msg"]


INTERRUPTIONS = {
    "the answer to the successor gets lost": ({"drop": "after"}, "PUT", f"backupPolicies/{SUCCESSOR}$"),
    "no successor": ({"status": 400, "code": "BMSUserErrorInvalidInput"}, "PUT", f"backupPolicies/{SUCCESSOR}$"),
    "the instance is not validated": ({"status": 400, "code": "BMSUserErrorInvalidInput"}, "POST", "validateForModify"),
    "the instance is not written": ({"status": 400, "code": "BMSUserErrorInvalidInput"}, "PUT", "backupInstances/"),
    "the old policy is not deleted": ({"status": 400, "code": "CloudInternalError"}, "DELETE", "backupPolicies/"),
}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_an_interrupted_rotation_is_finished_by_the_next_run(subscription, interruption):
    then, method, path = INTERRUPTIONS[interruption]
    prepare(subscription, protected(subscription))
    subscription.fault(then, method=method, path=path, times=1)
    rotated = {**MONTH, "on_difference": "rotate"}
    run = carry_out(
        subscription, [policy("first", **rotated, ignore=True), policy("next", **rotated), policy("last", **rotated)]
    ).ok()
    assert run["first"].failed == ("drop" not in then), run["first"].result
    assert run["next"].changed == run["first"].failed
    assert run["next"].result["name"] == SUCCESSOR
    assert not run["last"].changed and run["last"].writes == []
    assert names(subscription) == {SUCCESSOR}
    assert set(policy_of(subscription).values()) == {SUCCESSOR}


def written(subscription, since):
    return [request for request in subscription.journal(since) if request["write"]]


def test_a_rotation_that_is_killed_at_each_write_comes_to_its_end(subscription):
    """No run has time to clean up; the first dies behind its first write, the second behind the next one, and so on."""
    prepare(subscription, protected(subscription))
    subscription.fault({"lro": "slow", "factor": 100}, method="PUT", path="backupInstances/")
    killed = []
    for _attempt in range(6):
        seen = max(request["n"] for request in subscription.journal())
        with subscription.running([policy("rotated", **MONTH, on_difference="rotate")]) as running:
            if not running.until(lambda seen=seen: written(subscription, seen), pause=0.01):
                last = running.wait().ok()
                break
            running.kill()
            killed.append(written(subscription, seen)[0]["path"].rsplit("/", 1)[-1])
    [instance] = policy_of(subscription)
    assert killed == [SUCCESSOR, instance, "aks-daily"]
    assert last["rotated"].result["name"] == SUCCESSOR
    assert names(subscription) == {SUCCESSOR}
    assert policy_of(subscription) == {instance: SUCCESSOR}


def test_hosts_that_rotate_the_same_policy_at_the_same_time(subscription):
    prepare(subscription, protected(subscription))
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    run = subscription.play(
        [policy("rotated", **MONTH, on_difference="rotate")],
        inventory={"all": {"hosts": {f"host-{number}": local for number in range(4)}}},
        arguments=("--forks", "4"),
    ).ok()
    assert {step_.result["name"] for step_ in run.steps} == {SUCCESSOR}
    assert names(subscription) == {SUCCESSOR}
    assert set(policy_of(subscription).values()) == {SUCCESSOR}


def test_what_stands_in_the_way_of_a_rotation(subscription):
    """Two instances of a cluster cannot come together; one without active protection stays; others are let alone."""
    second = {"name": "second", "friendly_name": "second", "policy_name": SUCCESSOR}
    prepare(subscription, protected(subscription))
    run = carry_out(
        subscription,
        [
            policy("alike", name="aks-daily-0123abcd", preset="week"),
            policy("successor", name=SUCCESSOR, **MONTH),
            step(subscription, "instance", title="second", **second),
            policy("together", **MONTH, on_difference="rotate", ignore=True),
            step(subscription, "instance", title="suspended", protection="suspended"),
            policy("stays", **MONTH, on_difference="rotate"),
            policy("stays again", **MONTH, on_difference="rotate"),
        ],
    ).ok()
    first = next(name for name in policy_of(subscription) if name != "second")
    message = run["together"].result["msg"]
    both = " and ".join(sorted([first, "second"]))
    assert f"The backup instances {both} protect the same cluster, aks-east-1, and" in message
    assert f"would both come to the backup policy {SUCCESSOR}" in message
    assert run["together"].writes == []
    [warning] = run["stays"].result["warnings"]
    assert warning.startswith(f"The backup instance {first} is in state")
    assert "stays with the backup policy aks-daily. Make its protection active and run again." in warning
    assert not run["stays"].changed and not run["stays again"].changed
    assert names(subscription) == {"aks-daily", "aks-daily-0123abcd", SUCCESSOR}


def test_what_azure_could_not_keep_is_refused_before_anything_is_written(subscription):
    prepare(subscription, chain(subscription, until="policy"))
    run = subscription.play(
        [
            policy("too many", operational_retention="P90D", ignore=True),
            policy("everything", schedule={"interval": 5}, operational_retention="P2Y", ignore=True),
            policy("simulation", preset="week", simulate_days=0, ignore=True),
            policy("raw", policy_definition={"policyRules": []}, simulate_days=5, ignore=True),
            policy("raw to Azure", policy_definition={"policyRules": []}, ignore=True),
            policy("together", preset="week", keep={"daily": 5}, retention_rules=[], ignore=True),
            policy(
                "copies",
                name="copies",
                retention_rules=[{"name": "All", "criteria": "AllBackup", "vault_retention": "P30D"}],
            ),
            policy("no vault", vault_name="bv-none", ignore=True),
        ],
    ).ok()
    for title in ("too many", "everything", "simulation", "raw", "together", "no vault"):
        assert run[title].failed
        assert run[title].writes == []
    assert "keeps up to 540 recovery points in the operational tier" in run["too many"].result["msg"]
    assert len(run["everything"].result["error"]["problems"]) == 2
    assert "simulate_days is 0; it must be 1 to 3653." in run["simulation"].result["msg"]
    assert "cannot be simulated" in run["raw"].result["msg"]
    assert run["raw to Azure"].result["error"]["code"] == "BMSUserErrorInvalidInput"
    assert "mutually exclusive: keep|retention_rules" in run["together"].result["msg"]
    assert "The retention rule All copies to the vault tier" in run["copies"].result["warnings"][0]
    assert "Create it with aks_backup_vault first." in run["no vault"].result["msg"]


@pytest.fixture(scope="module")
def alone():
    """An emulator of its own, since weeks go by and the schedules of other tests would fire as well."""
    with Emulator(speed=500) as running:
        yield running


def moment(emulator):
    return datetime.datetime.fromtimestamp(emulator.server.world.clock.now, datetime.timezone.utc)


def test_the_simulation_comes_true(alone):
    """Five weeks by the emulator's clock: the recovery points are those that the filter has foreseen."""
    subscription = Subscription(alone)
    tasks = chain(subscription, until="policy")
    made = policy(
        "policy",
        schedule={"frequency": "hourly", "interval": 12, "start_time": "02:00"},
        operational_retention="P3D",
        retention_rules=[
            {"name": "Daily", "vault_retention": "P9D"},
            {"name": "Weekly", "operational_retention": "P10D", "vault_retention": "P28D", "copy": "after",
             "copy_after": "P1D"},
            {"name": "Payday", "priority": 5, "days_of_month": ["1", "last"], "vault_retention": "P30D",
             "copy": "on_expiry"},
        ],
    )  # fmt: skip
    rest = chain(subscription, until="run")[len(tasks) + 1 :]
    rest = [step(subscription, "permissions", vault_tier=True) if one["name"] == "permissions" else one for one in rest]
    carry_out(subscription, [*tasks, made, *rest]).ok()
    start = moment(alone)
    target = (start + datetime.timedelta(days=40)).replace(hour=8, minute=0, second=0, microsecond=0)
    alone.advance((target - start).total_seconds())
    seen = "policies.policies[0].definition | aks.backup.backup_retention(date=date, start=start)"
    run = subscription.play(
        [
            {**task("read", "aks_backup_policy_info", **VAULT), "register": "policies"},
            {
                "name": "foresee",
                "ansible.builtin.debug": {"msg": f"{{{{ {seen} }}}}"},
                "vars": {"date": target.isoformat(), "start": start.isoformat()},
            },
            task("points", "aks_recovery_point_info", **CLUSTER, **VAULT),
        ],
    ).ok()
    foreseen = run["foresee"].result["msg"]
    found = run["points"].result["recovery_points"]
    assert foreseen["vault"]["count"] > 5 and foreseen["operational"]["count"] > 5
    assert len(set(foreseen["vault"]["by_tag"]) | set(foreseen["operational"]["by_tag"])) == 4
    ours = [
        (
            point["created"][:13],
            point["tag"].lower(),
            bool(point["operational_until"]),
            bool(point["vault_until"]),
        )
        for point in foreseen["points"]
    ]
    theirs = [
        (
            point["time"][:13],
            point["retention_tag"].lower(),
            "OperationalStore" in {store["type"] for store in point["datastores"]},
            "VaultStore" in {store["type"] for store in point["datastores"]},
        )
        for point in reversed(found)
    ]
    assert theirs == ours
