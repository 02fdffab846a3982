# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore drills: into scratch namespaces, with nothing that reaches outside, and nothing left over."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.emulator.kubernetes.objects import group_resource, manifest
from tests.harness import Run, Subscription, task
from tests.harness.role import EAST, Plays, act, backed_up, changes, facts, inventory, playbook, run, story, verbs
from tests.harness.role import protected as protect
from tests.harness.steps import CLUSTER

HOST, OTHER = EAST
ONE: dict[str, Any] = {"hosts": EAST[:1]}
CLUSTERS = "resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
BACKED_UP = {"backup_configuration": {"included_namespaces": ["jobs", "shop"]}}
RESULT = "aks_backup_drill_result"
# What reaches outside, in the namespace that is backed up.
OUTSIDE = [
    manifest("networking.k8s.io/v1", "Ingress", "door", "shop", spec={"rules": []}),
    manifest(
        "v1",
        "Service",
        "public",
        "shop",
        spec={
            "type": "LoadBalancer",
            "loadBalancerIP": "192.0.2.1",
            "externalTrafficPolicy": "Local",
            "externalIPs": ["192.0.2.2"],
            "ports": [{"port": 443}],
        },
    ),
    manifest("v1", "Service", "node", "shop", spec={"type": "NodePort", "ports": [{"port": 80}]}),
    manifest("v1", "Service", "bank", "shop", spec={"type": "ExternalName", "externalName": "bank.example.com"}),
    manifest("batch/v1", "CronJob", "nightly", "jobs", spec={"schedule": "0 3 * * *"}),
    manifest("batch/v1", "Job", "migrate", "jobs", spec={"parallelism": 1}),
]
# The user's assertions: they look into the cluster by the way that they are handed.
TASKS = """
- name: Look
  aks.backup.aks_namespace_info:
    cluster_id: "{{ aks_backup_drill_restored.access.cluster_id }}"
    via: "{{ aks_backup_drill_restored.access.via }}"
    names: "{{ aks_backup_drill_restored.namespaces.values() | list }}"
  register: seen
- name: Say
  ansible.builtin.debug:
    msg: "{{ aks_backup_drill_restored }}"
- name: The shop is open
  ansible.builtin.assert:
    that:
      - seen.namespaces | length == 2
      - seen.namespaces | map(attribute='objects') | map(attribute='pods', default=0) | sum == 2
      - aks_backup_drill_restored.job.status == 'Completed'
      - may_pass | default(true)
    fail_msg: The shop is closed.
"""


def cluster_id(subscription: Subscription, name: str = HOST) -> str:
    return subscription.path(f"{CLUSTERS}/{name}")


def inside(subscription: Subscription, namespace: str = "", cluster: str = HOST) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = subscription.emulator.inside(cluster_id(subscription, cluster), namespace)
    return found


def namespaces(subscription: Subscription, cluster: str = HOST) -> set[str]:
    return {one["metadata"]["name"] for one in inside(subscription, cluster=cluster) if one["kind"] == "Namespace"}


DRILL = playbook("drill")
IGNORING = [{**play, "ignore_errors": True} for play in yaml.safe_load(DRILL.read_text())]


def drill(subscription: Subscription, *arguments: str, plays: Plays | Path = DRILL, **variables: Any) -> Run:
    """The playbook, for one cluster, with the user's assertions unless they are switched off."""
    return subscription.play(
        playbook=plays,
        inventory=inventory(None, EAST[:1]),
        arguments=arguments,
        variables={"aks_backup_drill_tasks": "{{ inventory_dir }}/assertions.yml", **variables},
        files={"assertions.yml": TASKS},
    )


def result(done: Run) -> dict[str, Any]:
    return facts(done, RESULT)[HOST]


def message(done: Run) -> str:
    """Why the play has failed: what it says in the end."""
    assert done.code != 0
    failed = [step for step in done.steps if step.failed]
    assert failed[-1].task.endswith("Fail where the drill has failed, or has left something"), failed[-1]
    return str(failed[-1].result["msg"])


@pytest.fixture(scope="module")
def protected(emulator):
    """A cluster with a recovery point, and a second one to restore to."""
    subscription = Subscription(emulator)
    emulator.change_inside(cluster_id(subscription), OUTSIDE)
    return backed_up(protect(subscription, EAST, aks_backup_instances=[BACKED_UP]))


def test_a_plan_says_what_would_be_done_and_writes_nothing(protected):
    before = len(protected.writes())
    plan = drill(protected, "--check", "--diff").ok()
    assert len(protected.writes()) == before
    planned = result(plan)
    assert (planned["verdict"], planned["assertions"], planned["cleanup"]) == ("planned", "not run", "done")
    assert [one["source"] for one in planned["namespaces"]] == ["jobs", "shop"]
    assert planned["recovery_point"] and planned["job_id"] is None and planned["recovery_seconds"] is None
    assert {task.split(" : ")[1] for _host, task in changes(plan)} == {
        "Make the scratch namespaces, and one for what the drill itself needs",
        "Have services, jobs and the like made harmless on their way",
        "Restore from a recovery point and wait for the job",
    }


def test_a_drill_restores_asserts_measures_counts_and_leaves_nothing(protected, tmp_path):
    before = {one["metadata"]["name"]: one for one in inside(protected)}
    passed = drill(protected, aks_backup_drill_path=str(tmp_path)).ok()
    found = result(passed)
    said = next(step for step in passed.steps if step.task.endswith(": Say")).result["msg"]
    assert said["cluster_id"] == cluster_id(protected) and said["recovery_point"]["name"] == found["recovery_point"]
    assert (found["verdict"], found["assertions"], found["cleanup"]) == ("passed", "passed", "done")
    assert found["job_status"] == "Completed" and found["job_id"] == said["job"]["id"]
    assert found["recovery_seconds"] > 0 and found["restore_seconds"] == said["job"]["duration_seconds"]
    assert 0 <= found["recovery_point_age_hours"] < 24 * 7
    # As the assertions saw it, and as the cluster that was backed up is, but for what was left out.
    targets = {one["source"]: one["target"] for one in found["namespaces"]}
    assert all(target.startswith(f"{source}-drill-") for source, target in targets.items())
    for source, target in targets.items():
        held = Counter(group_resource(one) for one in inside(protected, source))
        for left_out in ("ingresses.networking.k8s.io", "secrets"):
            held.pop(left_out, None)
        assert found["objects"][target] == held
    # Nothing is left of it, volumes included.
    assert {one["metadata"]["name"]: one for one in inside(protected)} == before
    machine = json.loads((tmp_path / f"aks-backup-drill-{HOST}.json").read_text())
    assert machine == found
    people = (tmp_path / f"aks-backup-drill-{HOST}.md").read_text()
    assert people.startswith(f"# Restore drill of {HOST}: passed\n")
    rows = [line.split(" | ") for line in people.splitlines() if line.startswith("| shop | ")]
    assert {row[2]: int(row[3].rstrip(" |")) for row in rows} == found["objects"][targets["shop"]]


def test_what_reaches_outside_is_left_out_or_made_harmless(protected):
    """Seen between the restore and the cleaning up, which is kept from its work."""
    protected.fault({"status": 403, "message": "no"}, method="DELETE", path="/api/v1/namespaces/", times=3)
    rule = {"group_resource": "deployments.apps", "merge_patches": [{"spec": {"replicas": 7}}]}
    options = {"modifier_rules": [rule], "excluded_resource_types": ["configmaps"], "suffix": "look"}
    stuck = drill(protected, aks_backup_drill=options)
    assert "Scratch namespaces are left over, the next drill tries again: " in message(stuck)
    assert result(stuck)["verdict"] == "passed" and result(stuck)["cleanup"] == "failed"
    targets = {one["source"]: one["target"] for one in result(stuck)["namespaces"]}
    shop = {f"{one['kind']}/{one['metadata']['name']}": one for one in inside(protected, targets["shop"])}
    assert "Ingress/door" not in shop and "ConfigMap/web" not in shop
    assert shop["Service/public"]["spec"] == {"type": "ClusterIP", "ports": [{"port": 443}]}
    assert shop["Service/node"]["spec"]["type"] == "ClusterIP"
    assert shop["Service/bank"]["spec"]["externalName"] == "drill.invalid"
    assert shop["Deployment/web"]["spec"]["replicas"] == 7
    for one in inside(protected, targets["jobs"]):
        assert one["kind"] not in ("CronJob", "Job") or one["spec"]["suspend"] is True
    # The next one finds what is left.
    assert set(targets.values()) <= namespaces(protected)
    again = drill(protected, aks_backup_drill=options).ok()
    deleted = [
        step for step in again.steps if step.task.endswith("Delete the scratch namespaces with all that is in them")
    ]
    assert [step.changed for step in deleted] == [True, True]
    assert not any("-look-" in name or "-drill-" in name for name in namespaces(protected))


def test_assertions_and_restores_that_fail_are_cleaned_up_after(protected, tmp_path):
    before = namespaces(protected)
    closed = drill(protected, may_pass=False, aks_backup_drill_path=str(tmp_path))
    assert message(closed) == f'The drill of {HOST} has failed at "The shop is open": The shop is closed.'
    found = result(closed)
    assert (found["verdict"], found["assertions"], found["cleanup"]) == ("failed", "failed", "done")
    assert found["job_status"] == "Completed" and found["recovery_seconds"] is None and found["objects"]
    assert "| Why | The shop is closed. |" in (tmp_path / f"aks-backup-drill-{HOST}.md").read_text()
    assert namespaces(protected) == before

    fails = {"lro": "job_fails", "code": "UserErrorBackupPluginPodRestartedDuringRestore"}
    protected.fault(fails, method="POST", path="/restore$", times=1)
    failed = drill(protected)
    assert 'has failed at "Restore from a recovery point and wait for the job": The Restore job of' in message(failed)
    found = result(failed)
    assert (found["verdict"], found["assertions"], found["job_status"]) == ("failed", "not run", "Failed")
    assert found["job_id"] and found["recovery_point"] and found["cleanup"] == "done"
    assert namespaces(protected) == before

    # Refused before anything is restored: no job, and what the drill had made is gone as well.
    # It is a failure also where the play ignores them.
    refused = drill(protected, plays=IGNORING, aks_backup_drill={"recovery_point": "none"})
    assert result(refused)["verdict"] == "failed" and result(refused)["job_id"] is None
    assert "none" in next(step for step in reversed(refused.steps) if step.failed).result["msg"]
    assert namespaces(protected) == before


def test_after_an_interruption_the_next_drill_waits_for_the_restore_and_cleans_up(protected):
    """Killed while the restore goes on in Azure: its objects come, and go before the next drill restores."""
    before = namespaces(protected)
    count = len(restores(protected))
    given = {
        "playbook": playbook("drill"),
        "inventory": inventory(None, EAST[:1]),
        "variables": {"aks_backup_drill_tasks": ""},
    }
    with protected.running(**given) as running:
        assert running.until(lambda: len(restores(protected)) > count)
        running.kill()
    assert namespaces(protected) > before
    done = drill(protected).ok()
    assert len(restores(protected)) == count + 2
    assert result(done)["verdict"] == "passed" and namespaces(protected) == before


def restores(subscription: Subscription) -> list[dict[str, Any]]:
    return [
        one for one in subscription.journal() if one["method"] == "POST" and one["path"].lower().endswith("/restore")
    ]


def test_another_cluster_takes_the_drill(protected):
    before = {name: namespaces(protected, name) for name in EAST}
    options = {"target_cluster_id": cluster_id(protected, OTHER), "via": "run_command", "permissions": "grant"}
    done = drill(protected, aks_backup_drill=options).ok()
    found = result(done)
    assert found["target_cluster_id"] == cluster_id(protected, OTHER) and found["verdict"] == "passed"
    assert sum(found["objects"][one["target"]].get("pods", 0) for one in found["namespaces"]) == 2
    assert {name: namespaces(protected, name) for name in EAST} == before
    assert "restore" in verbs(done)


def test_what_is_not_known_or_not_the_drills_is_refused(protected):
    foreign = result(drill(protected, "--check").ok())["namespaces"][0]["target"]
    protected.play([task("theirs", "aks_namespace", **CLUSTER, name=foreign, state="present")]).ok()
    theirs = next(one for one in inside(protected) if one["metadata"]["name"] == foreign)
    del theirs["metadata"]["labels"]["aks.backup/made-by"]
    protected.emulator.change_inside(cluster_id(protected), [theirs])
    said = message(drill(protected))
    assert said.count(f"The namespace {foreign} was not made by this module") == 2
    assert foreign in namespaces(protected)
    protected.emulator.change_inside(cluster_id(protected), [], [["namespaces", "", foreign]])
    nowhere = drill(protected, aks_backup_drill_path="/nowhere")
    (failed,) = [step.result for step in nowhere.steps if step.failed]
    assert failed["msg"] == "aks_backup_drill_path is /nowhere, and there is no such folder where Ansible runs."
    assert nowhere.writes == []
    told = story(
        protected,
        act("tasks", DRILL, refused=True, aks_backup_drill_tasks="nowhere.yml", aks_backup_drill_path=None),
        act("suffix", DRILL, refused=True, aks_backup_drill={"suffix": "a" * 60, "namespaces": None}),
        act("interval", DRILL, refused=True, aks_backup_drill={"namespaces": ["shop"]}, aks_backup_poll_interval=0),
        hosts=EAST[:1],
    )
    for name, said in (
        ("tasks", "/nowhere.yml, and there is no such file where Ansible runs."),
        ("suffix", "is no name of a namespace. They have up to 63 lower-case letters"),
        ("interval", "wait_timeout and poll_interval are seconds and must be greater than 0."),
    ):
        failed = [step.result["msg"] for step in told[name].steps if step.failed]
        assert said in failed[-1] and told[name].writes == [], name


def test_long_names_and_a_backup_of_all_namespaces(emulator):
    """Names of 63 letters stay apart, and where nothing names the namespaces somebody has to."""
    long = ["n" * 62 + "a", "n" * 62 + "b"]
    subscription = Subscription(emulator)
    emulator.change_inside(cluster_id(subscription), [manifest("v1", "ConfigMap", "it", name) for name in long])
    backed_up(protect(subscription))
    silent = run(subscription, IGNORING, **ONE)
    assert silent.writes == []
    (failed,) = [step.result for step in silent.steps if step.failed]
    assert "It is not known which namespaces of aks-east-1 to restore" in failed["msg"]
    done = run(subscription, playbook("drill"), aks_backup_drill={"namespaces": long}, **ONE).ok()
    targets = [one["target"] for one in result(done)["namespaces"]]
    assert len(set(targets)) == 2 and {len(target) for target in targets} == {63}
    assert result(done)["objects"] == {target: {"configmaps": 1} for target in targets}
