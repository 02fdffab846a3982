# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces at an API server that is the real thing. Nobody runs its controllers, so the test does their part: what is
deleted stays Terminating until the test takes the finalizer off.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from kubernetes import client

from tests.emulator.kubernetes import Cluster as Emulated
from tests.emulator.kubernetes import api, kubectl
from tests.harness import Run, Step, task
from tests.kubernetes.test_objects import WAYS, message, played

NAME = "shop-drill"
PATH = f"/api/v1/namespaces/{NAME}"


def namespace(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_namespace", check=check, ignore=True, **{"name": NAME, **more})


def gone(title: str, **more: Any) -> dict[str, Any]:
    return namespace(title, state="absent", confirm_delete_data=NAME, **more)


def live(cluster: Any, path: str = PATH) -> dict[str, Any] | None:
    code, text = cluster.kubectl("get", "--raw", path)
    return json.loads(text) if code == 0 else None


def finalized(cluster: Any) -> None:
    """What the namespace controller does once a namespace is empty."""
    document = live(cluster)
    assert document is not None
    document["spec"]["finalizers"] = []
    code, text = cluster.kubectl("replace", "--raw", f"{PATH}/finalize", "-f", "-", text=json.dumps(document))
    assert code == 0, text


def deleted(run: Run, title: str) -> Step:
    step = run[title]
    assert [entry["method"] for entry in step.result["operations"]] == ["DELETE"], step.result
    return step


@pytest.mark.parametrize("way", WAYS)
def test_made_labelled_counted_and_deleted(subscription, cluster, way):
    options = WAYS[way]
    listed = {"names": ["default", NAME], **options}
    tasks = [
        namespace("planned", check=True, **options),
        namespace("made", labels={"owner": "platform", "other": "x"}, **options),
        namespace("again", labels={"owner": "platform"}, **options),
        namespace("changed", labels={"owner": "sre", "other": None}, annotations={"why": "a drill"}, **options),
        task("empty", "aks_namespace_info", **listed),
        gone("plan of the end", check=True, **options),
        gone("held", wait_timeout=30 if way == "run_command" else 6, poll_interval=0.5, **options),
    ]
    run = played(subscription, tasks, cluster.kubeconfig())
    assert run["planned"].changed and run["made"].changed and run["changed"].changed
    assert not run["again"].failed and not run["again"].changed
    document = live(cluster)
    assert document is not None and document["status"]["phase"] == "Terminating"
    labels = {
        key: value for key, value in document["metadata"]["labels"].items() if not key.startswith("kubernetes.io")
    }
    assert labels == {"aks.backup/made-by": "aks_namespace", "owner": "sre"}
    assert document["metadata"]["annotations"] == {"why": "a drill"}
    assert [one["name"] for one in run["empty"].result["namespaces"]] == ["default", NAME]
    assert run["plan of the end"].changed
    assert f"waiting for the namespace {NAME} to be gone" in message(deleted(run, "held"))

    # The next run waits for what is going already, and sees it go.
    before = len(subscription.journal())
    with subscription.running([gone("gone", **options)], files={"config": json.dumps(cluster.kubeconfig())}) as running:
        assert way == "kubeconfig" or running.until(lambda: len(subscription.journal()) > before)
        finalized(cluster)
        done = running.wait().ok()["gone"]
    assert done.result["operations"] == [] and live(cluster) is None


def test_what_the_controller_says_is_passed_on_and_others_namespaces_stay(subscription, cluster):
    options = WAYS["kubeconfig"]
    played(subscription, [namespace("made", **options)], cluster.kubeconfig()).ok()
    assert cluster.kubectl("create", "namespace", "theirs")[0] == 0
    tasks = [
        namespace(name, name=name, state="absent", confirm_delete_data=name, force=force, **options)
        for name, force in (("theirs", False), ("kube-system", True))
    ]
    run = played(subscription, tasks, cluster.kubeconfig())
    assert "was not made by this module" in message(run["theirs"])
    assert "belongs to the cluster or to its backups" in message(run["kube-system"])
    assert live(cluster, "/api/v1/namespaces/theirs") is not None

    assert cluster.kubectl("delete", "namespace", NAME, "--wait=false")[0] == 0
    document = live(cluster)
    assert document is not None
    said = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    document["status"]["conditions"] = [
        {"type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "message": said}
    ]
    path = f"{PATH}/status"
    assert cluster.kubectl("replace", "--raw", path, "-f", "-", text=json.dumps(document))[0] == 0
    held = played(subscription, [gone("held", poll_interval=1, wait_timeout=6, **options)], cluster.kubeconfig())
    assert f"({said}. Whoever has put a finalizer" in message(held["held"])
    finalized(cluster)


def test_lists_count_what_is_there_in_pages_and_by_kubectl(subscription, cluster):
    core = client.CoreV1Api(cluster.api())
    core.create_namespace({"metadata": {"name": "counted"}})
    for number in range(3):
        core.create_namespaced_config_map("counted", {"metadata": {"name": f"map-{number}"}})
    core.create_namespaced_service("counted", {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    core.create_namespaced_secret("counted", {"metadata": {"name": "secret"}})
    tasks = [task(way, "aks_namespace_info", **{"names": ["counted"], **options}) for way, options in WAYS.items()]
    run = played(subscription, tasks, cluster.kubeconfig()).ok()
    for way in WAYS:
        (found,) = run[way].result["namespaces"]
        assert Counter(found["objects"]) == {"configmaps": 3, "services": 1}, way

    # The emulator prints and pages as the real ones do.
    emulated = Emulated("aks-east-1")
    api.request(emulated, "POST", "/api/v1/namespaces", {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "counted"}})  # fmt: skip
    for number in range(3):
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"map-{number}"}}
        api.request(emulated, "POST", "/api/v1/namespaces/counted/configmaps", made)
    words = ["get", "configmaps,deployments.apps", "--namespace", "counted", "--output", "name", "--ignore-not-found"]
    ours = kubectl.run(
        " ".join(["kubectl", *words]), {}, lambda method, path, body: api.request(emulated, method, path, body)
    )
    assert ours == cluster.kubectl(*words)
    first = live(cluster, "/api/v1/namespaces/counted/configmaps?limit=2")
    assert first is not None
    _status, second = api.request(emulated, "GET", "/api/v1/namespaces/counted/configmaps?limit=2")
    for page in (first, second):
        assert [item["metadata"]["name"] for item in page["items"]] == ["map-0", "map-1"]
        assert page["metadata"]["continue"] and page["metadata"]["remainingItemCount"] == 1
