# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example's templates run as AWX runs them: inventory, plan, workflow with slices, survey answers, secrets.

Five clusters in one region, of which one cannot be backed up. No AWX was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.awx.controller import Controller
from tests.awx.jobs import Awx, Job
from tests.awx.test_content import EXAMPLE, PROJECT, content
from tests.harness import FAST, Subscription

BROKEN = "aks-broken"
GOOD = ["aks-1", "aks-2", "aks-3", "aks-4"]
# Would be the client's secret if somebody took it for a template.
HOSTILE = "{{ lookup('ansible.builtin.env', 'AZURE_SECRET') }}"
SHARED = ("Microsoft.DataProtection/backupVaults", "Microsoft.DataProtection/backupVaults/backupPolicies")
INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"


def fleet() -> dict[str, Any]:
    place = {"resource_group": "rg-clusters", "location": "eastus"}
    clusters: list[dict[str, Any]] = [{"name": name, **place} for name in GOOD]
    clusters[0]["tags"] = {"note": HOSTILE}
    clusters.append({"name": BROKEN, **place, "disk_csi": False})
    providers = {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"}
    group = {"name": "rg-clusters", "location": "eastus"}
    return {
        "subscriptions": [{"providers": providers, "resource_groups": [group], "clusters": clusters}],
        "principals": [{"name": "automation", "roles": [{"role": "Owner"}]}],
    }


@pytest.fixture(scope="module")
def awx(emulator, tmp_path_factory) -> Iterator[Awx]:
    subscription = Subscription(emulator, fleet())
    controller = Controller(PROJECT)
    given = subscription.environment
    inputs = {
        "subscription": given["AZURE_SUBSCRIPTION_ID"],
        "client": given["AZURE_CLIENT_ID"],
        "secret": given["AZURE_SECRET"],
        "tenant": given["AZURE_TENANT"],
        "cloud_environment": given["AZURE_CLOUD_ENVIRONMENT"],
    }
    variables = {f"aks_backup_{name}": value for name, value in FAST.items()}
    folder = tmp_path_factory.mktemp("awx")
    code, output = content(
        controller, folder, aks_backup_awx_credential_inputs=inputs, aks_backup_awx_variables=variables
    )
    assert code == 0, output[-6000:]
    made = Awx(controller, subscription, EXAMPLE / "project", folder)
    made.update_inventory()
    yield made
    controller.close()


def traces(awx: Awx) -> list[str]:
    """Files with the client's secret or a token in them, of both sides of all jobs.

    But for the file ``command``, where ansible-runner notes the environment it was given, and which AWX deletes.
    """
    secrets = [awx.credential()["AZURE_SECRET"].encode(), b"Bearer ey", b'"access_token"']
    files = [file for file in awx.folder.glob("awx_*/**/*") if file.is_file() and file.name != "command"]
    assert len(files) > 100
    return [str(file) for file in files if any(secret in file.read_bytes() for secret in secrets)]


def successful(jobs: list[Job]) -> list[Job]:
    assert [job.status for job in jobs] == ["successful"] * len(jobs), jobs[-1].output[-4000:]
    return jobs


def test_the_inventory_source_has_the_clusters_and_nothing_of_what_tags_say_is_taken_for_a_template(awx: Awx) -> None:
    assert sorted(awx.hosts) == [*GOOD, BROKEN] and awx.groups["backup_unprotected"]
    assert awx.credential()["AZURE_SECRET"] not in json.dumps(awx.hosts)


def test_a_check_is_a_plan(awx: Awx) -> None:
    before = awx.subscription.writes()
    jobs = successful(awx.launch("protect", {"aks_backup_awx_hosts": f"all:!{BROKEN}"}, check=True))
    assert awx.subscription.writes() == before
    assert sorted(name for job in jobs for name in job.artifacts["aks_backup_protect_changed"]) == GOOD
    diffs = [result["diff"] for job in jobs for _host, _task, result in job.results() if result.get("diff")]
    assert diffs


def test_the_workflow_leaves_out_what_fails_preflight_protects_the_rest_in_slices_and_ends_as_the_report_says(
    awx: Awx,
) -> None:
    ran = awx.run_workflow()
    assert {name: [job.status for job in jobs] for name, jobs in ran.items()} == {
        "preflight": ["failed"],
        "protect": ["successful", "successful"],
        "verify": ["failed"],
        "report": ["failed"],
    }
    (preflight,), (verify,), (report,) = ran["preflight"], ran["verify"], ran["report"]
    assert preflight.artifacts == {"aks_backup_preflight_clusters": 5, "aks_backup_preflight_failed": [BROKEN]}
    assert verify.artifacts == {"aks_backup_verify_clusters": 5, "aks_backup_verify_failed": [BROKEN]}
    assert report.artifacts["aks_backup_report_findings"]["unprotected"] == 1
    (said,) = [result["msg"] for _host, _task, result in report.results("runner_on_failed")]
    assert "unprotected" in said
    changed = [job.artifacts["aks_backup_protect_changed"] for job in ran["protect"]]
    assert sorted(name for names in changed for name in names) == GOOD
    assert all(job.artifacts["aks_backup_protect_failed"] == [] for job in ran["protect"])
    # Two jobs that knew nothing of each other.
    assert [len(awx.subscription.resources(type_)) for type_ in SHARED] == [1, 1]
    assert len(awx.subscription.resources(INSTANCES)) == len(GOOD)


def test_answers_to_questions_reach_the_role(awx: Awx) -> None:
    awx.update_inventory()
    assert sorted(awx.groups["backup_protected"]) == GOOD
    clusters = {"aks_backup_hosts": "aks-1"}
    (backup,) = successful(awx.launch("backup_now", clusters))
    assert backup.artifacts["aks_backup_now_clusters"] == 1 and len(backup.artifacts["aks_backup_now_jobs"]) == 1
    awx.subscription.fault(
        {"lro": "job_warns", "code": "UserErrorNamespaceNotFound"}, method="POST", path="/backup$", times=1
    )
    (warned,) = awx.launch("backup_now", {**clusters, "aks_backup_awx_warnings": "fail"})
    assert warned.status == "failed" and warned.artifacts["aks_backup_now_failed"] == ["aks-1"]

    (drill,) = successful(awx.launch("drill", {**clusters, "aks_backup_awx_namespaces": "shop, jobs"}))
    (shown,) = drill.artifacts["aks_backup_drill_results"]
    assert {one["source"] for one in shown["namespaces"]} == {"jobs", "shop"}

    answers = {
        "aks_backup_awx_namespaces": "shop, default",
        "aks_backup_awx_mappings": "shop: shop-restored",
        "aks_backup_awx_conflicts": "Patch",
        "aks_backup_awx_before": awx.subscription.emulator.manage("GET", "clock")["now"],
    }
    for given in (answers, {}):
        (check,) = successful(awx.launch("restore", {**clusters, **given}, check=True))
        (plan,) = [result["plan"] for _host, _task, result in check.results() if "plan" in result]
        assert plan["conflict_policy"] == given.get("aks_backup_awx_conflicts", "Skip")
        namespaces = {"shop": "shop-restored", "default": "default"} if given else {}
        assert {one["source"]: one["target"] for one in plan["namespaces"] or []} == namespaces


def test_no_secret_is_left_anywhere_or_could_be_seen_in_the_list_of_processes(awx: Awx) -> None:
    """Of all jobs before: events, artifacts, what lies on the node when the job is over, command lines."""
    assert len(awx.jobs) > 10
    for job in awx.jobs:
        assert job.exposed == [] and awx.credential()["AZURE_SECRET"] not in json.dumps(job.events)
    assert traces(awx) == []
