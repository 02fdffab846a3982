# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In the controller's worker or in a process of its own: a module is the same to whoever uses it."""

from __future__ import annotations

import pytest

from tests.harness import LOCALHOST, play, task
from tests.harness.steps import CLUSTER, VAULT, chain, prepare, step

BOTH = pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
HERE = LOCALHOST["all"]["hosts"]["localhost"]
TWO = {"all": {"hosts": {"near": HERE, "far": {**HERE, "ansible_connection": "elsewhere"}}}}
MINE = {
    "localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
}


def read(name, **keywords):
    """A task that changes nothing, with further keywords of the task."""
    options = keywords.pop("options", {})
    return {**task(name, "aks_backup_provider", providers=["Microsoft.Storage"], **options), **keywords}


def in_processes(run):
    """The tasks for which Ansible started a module process; at -vvv it tells of each."""
    parts = run.output.split("\nTASK [")[1:]
    return {part.split("]")[0] for part in parts if "AnsiballZ_aks_backup" in part}


def test_where_a_task_runs(subscription):
    """The worker, unless somebody asked for a process or the task needs one."""
    tasks = [
        read("plain"),
        read("asked", vars={"aks_backup_in_worker": False}),
        read("asked by a template", vars={"aks_backup_in_worker": "{{ 'no' if true else 'yes' }}"}),
        read("asked in vain", vars={"aks_backup_in_worker": "true"}),
        {**read("in the background"), "async": 60, "poll": 1},
        read("as another user", become=True),
        read("elsewhere", delegate_to="far"),
        read("delegated", delegate_to="near"),
        {**read("check"), "check_mode": True},
    ]
    become = {"ansible_become_exe": "{{ lookup('ansible.builtin.env', 'HOME') }}/sudo"}
    run = subscription.play(
        playbook=[play(tasks, hosts="near", vars=become)],
        inventory=TWO,
        worker=None,
        arguments=("-vvv",),
        files={"sudo": '#!/bin/sh\nwhile [ $# -gt 0 ] && [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n'},
    ).ok()
    assert in_processes(run) == {
        "asked", "asked by a template", "in the background", "as another user", "elsewhere",
    }  # fmt: skip
    assert all(one.requests and not one.writes for one in run.steps)
    shown = {str(one.result["providers"]) for one in run.steps}
    assert len(shown) == 1, shown


def test_a_connection_that_is_not_local(subscription):
    """A play for a machine elsewhere, with a task for the controller."""
    tasks = [read("there"), read("here", delegate_to="localhost")]
    inventory = {"all": {"hosts": {"far": TWO["all"]["hosts"]["far"], **MINE}}}
    run = subscription.play(playbook=[play(tasks, hosts="far")], inventory=inventory, arguments=("-vvv",)).ok()
    assert in_processes(run) == {"there"}
    assert [(one.host, bool(one.requests)) for one in run.steps] == [("far", True), ("far", True)]


@BOTH
def test_the_environment_of_a_task_is_honoured(subscription, worker):
    names = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SECRET", "AZURE_TENANT", "AZURE_TENANT_ID",
             "AZURE_CLOUD_ENVIRONMENT", "AZURE_SUBSCRIPTION_ID")  # fmt: skip
    given = {name: subscription.environment[name] for name in names}
    bundle = {"REQUESTS_CA_BUNDLE": subscription.environment["REQUESTS_CA_BUNDLE"]}
    tasks = [
        read("without", ignore_errors=True),
        read("with", environment=[given, bundle]),
        read("without again", ignore_errors=True),
    ]
    run = subscription.play(tasks, worker=worker, environment=dict.fromkeys([*given, *bundle])).ok()
    assert not run["with"].failed and run["with"].requests
    for name in ("without", "without again"):
        assert run[name].failed and "subscription_id is needed" in run[name].result["msg"]


@BOTH
def test_in_the_background(subscription, worker):
    """In processes, whatever else was asked for: nobody would be there to wait for a worker."""
    prepare(subscription, chain(subscription, until="run"))
    waited = {**step(subscription, "run", title="waited for"), "async": 120, "poll": 1}
    left = {**step(subscription, "run", title="left"), "async": 120, "poll": 0, "register": "left"}
    fetched = {
        "name": "fetched",
        "ansible.builtin.async_status": {"jid": "{{ left.ansible_job_id }}"},
        "register": "job",
        "until": "job.finished",
        "retries": 200,
        "delay": 0.2,
    }
    wrong = {**step(subscription, "vault", title="wrong", location="westeurope", ignore=True), "async": 60, "poll": 1}
    run = subscription.play([waited, left, fetched, wrong], worker=worker).ok()
    for name in ("waited for", "fetched"):
        # The first looks of asynchronous tasks are recorded as well.
        last = [one for one in run.steps if one.task == name][-1]
        assert last.result["job"]["status"] == "Completed", last.result
    assert "a vault cannot move" in run["wrong"].result["msg"]


@BOTH
def test_modes_of_a_task(subscription, worker):
    """check_mode, diff, no_log and module_defaults, as for any module."""
    prepare(subscription, chain(subscription, until="vault"))
    tasks = [
        {**step(subscription, "vault", title="planned", check=True)},
        {**step(subscription, "vault", title="planned quietly", check=True), "diff": False},
        step(subscription, "vault", title="made"),
        {**step(subscription, "vault", title="failing", immutability="Locked", ignore=True), "no_log": True},
        step(subscription, "vault", title="alias", name=None, vault_name="bv-east"),
        step(subscription, "vault", title="tags", check=True, tags={"owner": "1"}, append_tags="no"),
    ]
    tasks[-2]["aks.backup.aks_backup_vault"].pop("name")
    # Last, since whoever reads the vault afterwards shows its tags.
    tasks.append({**step(subscription, "vault", title="hidden", tags={"owner": "nobody-may-know"}), "no_log": True})
    run = subscription.play(tasks, worker=worker, arguments=("-vvv",)).ok()
    assert run["planned"].changed and run["planned"].writes == []
    assert run["planned"].result["diff"]["before"] == {}
    assert run["planned quietly"].changed and "diff" not in run["planned quietly"].result
    assert run["hidden"].writes and "censored" in run["hidden"].result
    assert "nobody-may-know" not in run.output
    assert run["failing"].failed and "censored" in run["failing"].result and "msg" not in run["failing"].result
    assert not run["alias"].changed and run["alias"].result["name"] == "bv-east"
    assert run["tags"].result["diff"]["after"]["tags"] == {"owner": "1"}


@BOTH
def test_warnings_are_shown(subscription, worker):
    prepare(subscription, chain(subscription, until="instance"))
    included = {"included_namespaces": ["app", "kube-system"]}
    run = subscription.play([step(subscription, "instance", backup_configuration=included)], worker=worker).ok()
    assert any("kube-system" in warning for warning in run["instance"].result["warnings"])
    assert "[WARNING]" in run.output and "Azure Backup always skips kube-system" in run.output.replace("\n", " ")


# Input that Ansible itself refuses, by module and options -> a piece of what it says.
INVALID = {
    "unknown option": ("aks_backup_vault", {"name": "bv", "resource_group": "rg", "colour": "red"}, "colour"),
    "unknown suboption": ("aks_backup_policy", {**VAULT, "name": "abc", "schedule": {"every": 4}}, "every"),
    "wrong choice": ("aks_backup_policy", {**VAULT, "name": "abc", "preset": "year"}, "must be one of"),
    "wrong type": ("aks_backup_run", {**VAULT, **CLUSTER, "wait": "perhaps"}, "wait"),
    "missing option": ("aks_backup_vault", {"name": "bv-east"}, "resource_group"),
    "missing group": ("aks_trusted_access", {**VAULT, "cluster_name": "aks"}, "cluster_resource_group"),
    "too much": ("aks_trusted_access", {**VAULT, **CLUSTER, "cluster_id": "/x"}, "mutually exclusive"),
    "missing either": ("aks_trusted_access", dict(VAULT), "one of the following is required"),
}


def test_what_ansible_refuses_is_the_same_in_both(subscription):
    said = []
    for worker in (True, False):
        tasks = [task(name, module, ignore=True, **options) for name, (module, options, dummy) in INVALID.items()]
        run = subscription.play(tasks, worker=worker).ok()
        for name, (dummy, dummy, piece) in INVALID.items():
            assert run[name].failed and piece in run[name].result["msg"], run[name].result
            assert "Traceback" not in str(run[name].result)
            assert run[name].requests == []
        said.append([run[name].result["msg"] for name in INVALID])
    for worker, process in zip(*said, strict=True):
        # One tells of all that is wrong, the other of the first thing; and what is valid comes in no order.
        assert worker.startswith(process[:50]), (worker, process)


def test_results_are_the_same_in_both(subscription):
    prepare(subscription, chain(subscription))
    tasks = [
        *chain(subscription, until="run"),
        task("points", "aks_recovery_point_info", **CLUSTER, **VAULT),
        task("jobs", "aks_backup_job_info", **VAULT),
        step(subscription, "vault", title="refused", location="westeurope", ignore=True),
    ]
    worker, process = (subscription.play(tasks, worker=worker).ok() for worker in (True, False))
    for one, other in zip(worker.steps, process.steps, strict=True):
        assert one.result.keys() == other.result.keys(), one.task
        # Time goes on between the two, and a scheduled backup may fall into it.
        same = set(one.result) - {"invocation", "jobs", "latest", "recovery_points", "summary"}
        assert {key: one.result[key] for key in same} == {key: other.result[key] for key in same}, one.task
        # From ansible-core 2.21 on neither has one, unless it is switched on.
        assert one.result.get("invocation") == other.result.get("invocation"), one.task
        assert [request["path"] for request in one.requests if request["method"] != "GET"] == []
