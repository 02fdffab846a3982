# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of protecting one cluster, as tasks: what comes before the step that a test is about."""

from __future__ import annotations

import tempfile
from typing import Any

from tests.harness import Run, Step, Subscription, task
from tests.harness.direct import perform

Tasks = list[dict[str, Any]]
PREFIX = "aks.backup."

CLUSTER = {"cluster_name": "aks-east-1", "cluster_resource_group": "rg-clusters"}
VAULT = {"vault_name": "bv-east", "vault_resource_group": "rg-backup"}


def account(subscription: Subscription) -> str:
    """A storage account's name is taken for all of Azure, so each test has its own."""
    return "st" + subscription.id.replace("-", "")[:20]


def storage(subscription: Subscription) -> dict[str, str]:
    return {"storage_account": account(subscription), "storage_account_resource_group": "rg-backup"}


def options(subscription: Subscription) -> dict[str, tuple[str, dict[str, Any]]]:
    """Step -> (module, options), in the order in which they build on each other."""
    return {
        "providers": ("aks_backup_provider", {}),
        "snapshots": ("aks_backup_storage", {"resource_group": "rg-snapshots", "location": "eastus"}),
        "storage": (
            "aks_backup_storage",
            {
                "resource_group": "rg-backup",
                "location": "eastus",
                "storage_account": account(subscription),
                "container": "aks-east-1",
            },
        ),
        "vault": ("aks_backup_vault", {"name": "bv-east", "resource_group": "rg-backup", "location": "eastus"}),
        "policy": ("aks_backup_policy", {**VAULT, "name": "aks-daily", "preset": "week"}),
        "extension": ("aks_backup_extension", {**CLUSTER, **storage(subscription), "blob_container": "aks-east-1"}),
        "binding": ("aks_trusted_access", {**CLUSTER, **VAULT}),
        "permissions": (
            "aks_backup_permissions",
            {**CLUSTER, **VAULT, **storage(subscription), "snapshot_resource_group": "rg-snapshots"},
        ),
        "instance": (
            "aks_backup_instance",
            {**CLUSTER, **VAULT, "policy_name": "aks-daily", "snapshot_resource_group": "rg-snapshots"},
        ),
        "run": ("aks_backup_run", {**CLUSTER, **VAULT}),
    }


# A cluster as one of many, with everything that it takes.
FLEET: dict[str, Any] = {
    "cluster": {"name": "aks-east-1", "resource_group": "rg-clusters"},
    "location": "eastus",
    "policy": {"schedule": {"frequency": "weekly"}},
}

# What lies in the cluster and not in Azure, beside the order of the other steps; it needs the extension.
IN_CLUSTER: dict[str, tuple[str, dict[str, Any]]] = {
    "hook": (
        "aks_backup_hook",
        {
            **CLUSTER,
            "kind": "backup",
            "name": "database",
            "namespace": "shop",
            "hooks": [{"name": "checkpoint", "pre": [{"command": ["/usr/bin/psql", "-c", "CHECKPOINT"]}]}],
        },
    ),
    "namespace": ("aks_namespace", {**CLUSTER, "name": "shop-drill"}),
    "modifier": (
        "aks_backup_resource_modifier",
        {
            **CLUSTER,
            "name": "drill",
            "namespace": "shop",
            "rules": [
                {
                    "group_resource": "deployments.apps",
                    "patches": [{"operation": "replace", "path": "/spec/replicas", "value": 1}],
                }
            ],
        },
    ),
}


def chain(
    subscription: Subscription, *, until: str | None = None, without: str | None = None, check: bool = False
) -> Tasks:
    """All steps in order: those before ``until``, leaving out ``without``."""
    tasks = []
    for name, (module, given) in options(subscription).items():
        if name == until:
            break
        if name != without:
            tasks.append(task(name, module, check=check, **given))
    return tasks


def prepare(subscription: Subscription, tasks: Tasks) -> dict[str, dict[str, Any]]:
    """Do the tasks, which have to succeed, without a playbook; their results by name.

    For what comes before the step that a test is about: Ansible would take seconds for it, and nobody wants to wait
    for Azure either.
    """
    results = {}
    with tempfile.TemporaryDirectory(prefix="aks-backup-") as shared, subscription.pace(5000):
        for task in tasks:
            ((module, options),) = ((key, value) for key, value in task.items() if key.startswith(PREFIX))
            assert set(task) == {"name", module, "diff"}, task
            result = perform(subscription, module.removeprefix(PREFIX), shared=shared, **options)
            assert not result.get("failed"), result
            results[task["name"]] = result
    return results


def carry_out(subscription: Subscription, tasks: Tasks) -> Run:
    """Do the tasks in the process of the test, as a playbook would: to the first failure that is not ignored.

    For tests of what modules say and do to Azure, which are the same contracts over the same packages. What Ansible
    makes of a module, and where it runs, is for tests with playbooks.
    """
    steps: list[Step] = []
    seen = max([0, *(one["n"] for one in subscription.journal())])
    with tempfile.TemporaryDirectory(prefix="aks-backup-") as shared:
        for task in tasks:
            ((action, options),) = ((key, value) for key, value in task.items() if key.startswith(PREFIX))
            assert set(task) <= {"name", action, "diff", "check_mode", "ignore_errors"}, task
            assert "{{" not in str(options), "nobody is here to fill in templates"
            module, check = action.removeprefix(PREFIX), task.get("check_mode", False)
            result = perform(subscription, module, check=check, shared=shared, **options)
            # What was told on the way is no part of a result, and Ansible leaves out what there is none of.
            result = {key: value for key, value in result.items() if key != "told" and (key != "warnings" or value)}
            requests = subscription.journal(seen)
            seen = max([seen, *(one["n"] for one in requests)])
            kind = "failed" if result.get("failed") else "ok"
            steps.append(Step(kind, "localhost", task["name"], action, result, requests))
            if kind == "failed" and not task.get("ignore_errors"):
                break
    ended_well = not steps[-1].failed or bool(task.get("ignore_errors"))
    return Run(0 if ended_well else 2, "\n".join(str(step.result.get("msg", "")) for step in steps), steps)


def in_process(tasks: Tasks) -> Tasks:
    """The tasks, each as a process of its own, in a run that says nothing of where modules run (``worker=None``).

    A process costs ten times what the worker takes, so what comes before the step that a test is about has no use for
    it.
    """
    return [{**task, "vars": {"aks_backup_in_worker": False}} for task in tasks]


def step(subscription: Subscription, wanted: str, /, **more: Any) -> dict[str, Any]:
    """One step as a task, with options added or replaced."""
    fleet = {"fleet": ("aks_backup_fleet", {"clusters": [FLEET]})}
    module, given = {**options(subscription), **IN_CLUSTER, **fleet}[wanted]
    check, ignore, title = more.pop("check", False), more.pop("ignore", False), more.pop("title", wanted)
    return task(title, module, check=check, ignore=ignore, **{**given, **more})
