# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading jobs: of a vault and of subscriptions, every page, every filter, one with all that is known of it."""

from __future__ import annotations

import datetime

import pytest

from tests.harness import Subscription, task
from tests.harness.steps import CLUSTER, VAULT, chain, prepare

DAY = 86400
JOBS = "Microsoft.DataProtection/backupVaults/backupJobs"


def jobs(title, /, *, ignore=False, **more):
    return task(title, "aks_backup_job_info", ignore=ignore, **{**VAULT, "since": "", **more})


def graph(title, /, *, ignore=False, **more):
    return task(title, "aks_backup_job_info", ignore=ignore, source="resource_graph", **{"since": "", **more})


def before_the_latest(subscription):
    """A minute before the latest job started, whatever the time of the day at which the schedule has its turn."""
    latest = max(one["properties"]["startTime"] for one in subscription.resources(JOBS))
    moment = datetime.datetime.fromisoformat(latest[:19]) - datetime.timedelta(minutes=1)
    return f"{moment.isoformat()}Z"


@pytest.fixture(scope="module")
def busy(emulator):
    """Backups on demand that ended well, badly and with warnings, a restore, and two by schedule."""
    subscription = Subscription(emulator)
    for nth, then in ((2, {"lro": "job_fails", "code": "UserErrorBackupPluginPodRestartedDuringBackup"}),
                      (3, {"lro": "job_warns", "code": "UserErrorNamespaceNotFound"})):  # fmt: skip
        subscription.fault(then, method="POST", path="/backup$", nth=nth, times=1)
    run = task("run", "aks_backup_run", ignore=True, **CLUSTER, **VAULT)
    back = task("restore", "aks_backup_restore", **CLUSTER, **VAULT, permissions="skip")
    prepare(subscription, chain(subscription))
    subscription.play([{**run, "name": "run 2"}, {**run, "name": "run 3"}, back]).ok()
    emulator.settings(schedules=True)
    emulator.advance(2 * DAY)
    emulator.settings(schedules=False)
    emulator.advance(3600)
    return subscription


def test_every_filter(busy, emulator):
    cluster = busy.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/AKS-east-1")
    instance = busy.resources("Microsoft.DataProtection/backupVaults/backupInstances")[0]["name"]
    moment = before_the_latest(busy)
    page_size = emulator.settings()["page_size"]
    try:
        emulator.settings(page_size=2)
        run = busy.play(
            [
                jobs("all"),
                jobs("on demand", operation=["OnDemandBackup"]),
                jobs("scheduled", operation=["ScheduledBackup"]),
                jobs("failed", status=["Failed"], details=True),
                jobs("warned", status=["CompletedWithWarnings"], details=True),
                jobs("restore", operation=["Restore"], details=True),
                jobs("latest", latest_only=True),
                jobs("two", limit=2),
                jobs("recent", start_time=moment),
                jobs("older", end_time=moment),
                jobs("this cluster", cluster_id=cluster),
                jobs("other cluster", cluster_id=cluster.replace("east-1", "east-2")),
                jobs("this instance", backup_instance=instance),
                jobs("other instance", backup_instance="nobody"),
            ]
        ).ok()
    finally:
        emulator.settings(page_size=page_size)
    found = {step.task: step.result["jobs"] for step in run.steps}
    assert run.writes == []
    count = {name: len(some) for name, some in found.items()}
    assert count["all"] == 6 and count["on demand"] == 3 and count["scheduled"] == 2
    assert count["failed"] == count["warned"] == count["restore"] == count["latest"] == 1 and count["two"] == 2
    assert count["recent"] == 1 and count["older"] == 5
    assert count["this cluster"] == count["this instance"] == 6
    assert count["other cluster"] == count["other instance"] == 0
    starts = [job["start_time"] for job in found["all"]]
    assert starts == sorted(starts, reverse=True)
    assert found["latest"] == found["all"][:1] and found["two"] == found["all"][:2]
    summary = run["all"].result["summary"]
    assert summary["by_operation"] == {"OnDemandBackup": 3, "Restore": 1, "ScheduledBackup": 2}
    assert summary["by_status"] == {"Completed": 4, "CompletedWithWarnings": 1, "Failed": 1}
    assert (summary["newest"], summary["oldest"], summary["total"]) == (starts[0], starts[-1], 6)
    assert all(job["duration_seconds"] > 100 for job in found["all"])
    [failed], [warned], [restored] = found["failed"], found["warned"], found["restore"]
    assert failed["errors"][0]["code"] == "UserErrorBackupPluginPodRestartedDuringBackup"
    assert "resources.limits.memory" in failed["errors"][0]["advice"]
    assert warned["warnings"][0]["code"] == "UserErrorNamespaceNotFound" and warned["warnings"][0]["advice"]
    assert restored["source_datastore"] == "OperationalStore" and restored["recovery_point_id"]
    assert restored["sub_tasks"] == [{"name": "Trigger Restore", "progress_percent": None, "status": "Completed"}]
    listed = next(job for job in found["all"] if job["id"] == failed["id"])
    assert listed["duration_seconds"] == pytest.approx(failed["duration_seconds"], abs=0.001)


def test_many_vaults_through_resource_graph(busy, emulator):
    emulator.advance(600)
    cluster = busy.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1")
    run = busy.play(
        [
            graph("all"),
            graph("by subscription", subscriptions=[busy.id]),
            graph("cluster", cluster_id=cluster),
            graph("vault", **VAULT),
            graph("other vault", vault_name="bv-west", vault_resource_group="rg-backup"),
            graph("recent", start_time=before_the_latest(busy)),
            graph("latest", latest_only=True, details=True),
            graph("quote", cluster_id=cluster.replace("aks-east-1", "aks'east")),
            jobs("vault api"),
        ]
    ).ok()
    names = {step.task: [job["name"] for job in step.result["jobs"]] for step in run.steps}
    assert names["all"] == names["by subscription"] == names["cluster"] == names["vault"] == names["vault api"]
    assert len(names["all"]) == 6
    assert names["other vault"] == names["quote"] == []
    assert names["recent"] == names["all"][:1]
    [latest] = run["latest"].result["jobs"]
    assert latest["name"] == names["all"][0] and latest["sub_tasks"]
    # The question is put to the tenant, hence not among the requests of the subscription.
    asked = [one["body"] for one in emulator.journal() if one["path"].endswith("/resources") and one["body"]]
    asked = [one for one in asked if one["subscriptions"] == [busy.id]]
    assert len(asked) == 8 and sum("properties.startTime" in one["query"] for one in asked) == 1
    shown = {
        key: value for key, value in run["all"].result["jobs"][0].items() if key not in ("id", "start_time", "end_time")
    }
    assert shown.items() <= {**run["vault api"].result["jobs"][0]}.items()


def test_one_job(busy):
    [failed] = [one for one in busy.resources(JOBS) if one["properties"]["status"] == "Failed"]
    run = busy.play(
        [
            jobs("by name", job_id=failed["name"]),
            jobs("by id", job_id=failed["id"]),
            jobs("none", ignore=True, job_id="0" * 8),
        ]
    ).ok()
    assert run["by name"].result["jobs"] == run["by id"].result["jobs"]
    assert run["by name"].result["jobs"][0]["errors"][0]["advice"]
    assert run["none"].failed and "There is no backup job" in run["none"].result["msg"]


REFUSED = {
    "vault": ({"vault_name": "bv-none"}, "The Backup vault"),
    "period": ({"since": "a week"}, "since is 'a week'; it must be a number with m, h, d or w"),
    "start": ({"start_time": "monday"}, "start_time is 'monday'; it must be a date or a moment in ISO 8601"),
    "end": ({"end_time": "2026-13-01"}, "end_time is '2026-13-01'"),
    "cluster": ({"cluster_id": "/subscriptions/x/resourceGroups/y"}, "cluster_id"),
    "subscriptions": ({"subscriptions": ["x"]}, "subscriptions is for source=resource_graph"),
    "paired": ({"secondary_region": True}, "does not restore across regions"),
    "graph paired": (
        {"secondary_region": True, "source": "resource_graph"},
        "Azure Resource Graph does not know the jobs of the paired region",
    ),
    "none at most": ({"limit": 0}, "limit is 0; it must be 1 or more. Leave it out for all jobs."),
    "fewer than none": ({"limit": -1}, "limit is -1; it must be 1 or more."),
    "graph job": ({"job_id": "x", "source": "resource_graph"}, "One job is read from its vault"),
    "no vault": (
        {"vault_name": None, "vault_resource_group": None},
        "any of the following are missing: vault_id, vault_name",
    ),
}


def test_what_is_refused(busy):
    tasks = []
    for name, (more, _said) in REFUSED.items():
        given = {key: value for key, value in {**VAULT, "since": "", **more}.items() if value is not None}
        tasks.append(task(name, "aks_backup_job_info", ignore=True, **given))
    run = busy.play(tasks).ok()
    wrong = {name: run[name].result["msg"] for name, (_more, said) in REFUSED.items()
             if not run[name].failed or said not in run[name].result["msg"]}  # fmt: skip
    assert wrong == {}
