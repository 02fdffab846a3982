# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks and resource modifiers with an API server that is the real thing: by every way, refused, and compared."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from kubernetes import client

from tests.emulator.kubernetes import Cluster as Emulated
from tests.emulator.kubernetes import api, kubectl
from tests.emulator.kubernetes.modifiers import Modifiers
from tests.harness import Run, Step, Subscription, task

AKS = {"cluster_name": "aks-east-1", "cluster_resource_group": "rg-clusters"}
FILE = {"via": "kubeconfig", "kubeconfig": "{{ lookup('env', 'HOME') }}/config", "context": "real"}
WAYS: dict[str, dict[str, Any]] = {
    "kubeconfig": FILE,
    "aks_credentials": AKS,
    "run_command": {**AKS, "via": "run_command"},
}
GROUP = ("clusterbackup.dataprotection.microsoft.com", "v1alpha1", "shop", "backuphooks")
BASE = f"/apis/{GROUP[0]}/{GROUP[1]}/namespaces/shop/backuphooks"
HOOK: dict[str, Any] = {
    "kind": "backup",
    "name": "database",
    "namespace": "shop",
    "hooks": [
        {
            "name": "checkpoint",
            "included_namespaces": ["shop"],
            "label_selector": {"match_expressions": [{"key": "app", "operator": "Exists"}]},
            "pre": [{"command": ["/usr/bin/psql", "-c", "CHECKPOINT"], "timeout": "1m", "on_error": "Fail"}],
        }
    ],
}
CHANGED = {"hooks": [{"name": "sync", "post": [{"command": ["/bin/sync"]}]}]}
MODIFIER: dict[str, Any] = {
    "name": "drill",
    "namespace": "shop",
    "rules": [
        {
            "group_resource": "deployments.apps",
            "namespaces": ["shop"],
            "patches": [
                {"operation": "test", "path": "/spec/replicas", "value": 2},
                {"operation": "replace", "path": "/spec/replicas", "value": 1},
            ],
        },
        {"group_resource": "services", "merge_patches": [{"metadata": {"labels": {"drill": "true"}}}]},
    ],
}


def hook(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_backup_hook", check=check, ignore=True, **{**HOOK, **more})


def modifier(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_backup_resource_modifier", check=check, ignore=True, **{**MODIFIER, **more})


def played(subscription: Subscription, tasks: list[dict[str, Any]], config: dict[str, Any], **more: Any) -> Run:
    return subscription.play(tasks, files={"config": yaml.safe_dump(config)}, **more)


def message(step: Step) -> str:
    assert step.failed, step.result
    return str(step.result["msg"])


def test_without_the_extension_there_are_no_such_kinds(subscription, cluster):
    """Has to come first: the next tests bring the kinds, and stay."""
    run = played(subscription, [hook("missing", **FILE), hook("planned", check=True, **FILE)], cluster.kubeconfig())
    assert "Install the backup extension in the cluster first" in message(run["missing"])
    # A step before this one may install it.
    assert run["planned"].changed


@pytest.mark.parametrize(("way", "worker"), [*((way, True) for way in WAYS), ("aks_credentials", False)])
def test_the_twelve_steps(subscription, cluster, definitions, way, worker):
    make = {"hook": (hook, CHANGED), "modifier": (modifier, {"rules": MODIFIER["rules"][:1]})}
    tasks, acts = [], {}
    for kind, (made, change) in make.items():
        for act, given in (("create", {}), ("modify", change), ("delete", {"state": "absent"})):
            acts[f"{kind} {act}"] = act
            for time in ("first", "again"):
                for mode in ("check", "real"):
                    options = {**given, **WAYS[way]}
                    tasks.append(made(f"{kind} {act} {time} {mode}", check=mode == "check", **options))
    run = played(subscription, tasks, cluster.kubeconfig(), worker=worker).ok()
    for act in acts:
        planned, done = run[f"{act} first check"], run[f"{act} first real"]
        assert not planned.failed and planned.changed and done.changed, (act, planned.result, done.result)
        assert planned.result["diff"] == done.result["diff"]
        assert [entry["method"] for entry in done.result["operations"]] == [
            {"create": "POST", "modify": "PUT", "delete": "DELETE"}[acts[act]]
        ]
        for mode in ("check", "real"):
            again = run[f"{act} again {mode}"]
            assert not again.failed and not again.changed, (act, again.result)
            assert again.result["operations"] == []


def test_what_is_written_is_what_was_asked_for(subscription, cluster, definitions):
    tasks = [hook("hook", **FILE), modifier("modifier", **FILE)]
    run = played(subscription, tasks, cluster.kubeconfig()).ok()
    connection = cluster.api()
    live = client.CustomObjectsApi(connection).get_namespaced_custom_object(*GROUP, "database")
    assert live["spec"] == run["hook"].result["manifest"]["spec"]
    assert live["spec"]["backupHook"][0]["preHooks"][0]["exec"] == {
        "command": ["/usr/bin/psql", "-c", "CHECKPOINT"],
        "onError": "Fail",
        "timeout": "1m",
    }
    held = client.CoreV1Api(connection).read_namespaced_config_map("drill", "shop")
    assert held.data == run["modifier"].result["manifest"]["data"]
    # The emulator's reader, as strict as the engine's, takes it.
    assert len(Modifiers.read({"metadata": {"name": "drill"}, "data": held.data}).rules) == 2


def test_a_rendered_manifest_applied_by_kubectl_is_what_the_module_wants(subscription, cluster, definitions):
    run = played(subscription, [hook("hook", state="rendered", name="applied")], {}).ok()
    assert cluster.kubectl("apply", "-f", "-", text=run["hook"].result["manifest_yaml"])[0] == 0
    again = played(subscription, [hook("again", name="applied", **FILE)], cluster.kubeconfig()).ok()["again"]
    assert not again.changed
    # What somebody else has put there stays.
    labels = cluster.kubectl("label", "backuphooks", "-n", "shop", "applied", "team=data")
    assert labels[0] == 0
    played(subscription, [hook("change", name="applied", **CHANGED, **FILE)], cluster.kubeconfig()).ok()
    live = client.CustomObjectsApi(cluster.api()).get_namespaced_custom_object(*GROUP, "applied")
    assert live["metadata"]["labels"] == {"team": "data"}
    assert live["spec"]["backupHook"][0]["name"] == "sync"


def test_rights(subscription, cluster, definitions):
    """Rights in the cluster are Kubernetes' own business; what they lack is said."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "hooks", "namespace": "shop"},
        "rules": [{"apiGroups": [GROUP[0]], "resources": ["*"], "verbs": ["get", "create", "update", "delete"]}],
    }
    assert cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump(role))[0] == 0
    assert cluster.kubectl("create", "rolebinding", "writer", "-n", "shop", "--role=hooks", "--user=writer")[0] == 0
    writer = [hook("written", name="by-writer", **FILE), modifier("foreign", name="by-writer", **FILE)]
    run = played(subscription, writer, cluster.kubeconfig("writer-token"))
    # The namespace itself the writer may not look at.
    assert not run["written"].failed and run["written"].changed, run["written"].result
    assert 'configmaps "by-writer" is forbidden' in message(run["foreign"])
    assert "get, create, update and delete" in message(run["foreign"])
    run = played(subscription, [hook("nobody", **FILE)], cluster.kubeconfig("made-up"))
    assert "does not know the credentials" in message(run["nobody"])
    assert run["nobody"].result["error"]["status"] == 401


def test_what_only_the_api_server_knows(subscription, cluster, definitions):
    big = [{"group_resource": "pods", "merge_patches": [{"metadata": {"annotations": {"big": "x" * 1_100_000}}}]}]
    assert cluster.kubectl("create", "configmap", "-n", "shop", "settings", "--from-literal=color=blue")[0] == 0
    frozen = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "frozen", "namespace": "shop"},
        "data": {"x": "version: v1\nresourceModifierRules: []\n"},
        "immutable": True,
    }
    assert cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump(frozen))[0] == 0
    tasks = [
        modifier("big", name="big", rules=big, **FILE),
        modifier("foreign", name="settings", **FILE),
        modifier("foreign gone", name="settings", state="absent", **FILE),
        modifier("frozen", name="frozen", **FILE),
        hook("nowhere", namespace="nowhere", **FILE),
    ]
    run = played(subscription, tasks, cluster.kubeconfig())
    assert "Invalid: ConfigMap" in message(run["big"]) and "Too long" in message(run["big"])
    assert run["big"].result["error"]["status"] == 422
    for name in ("foreign", "foreign gone"):
        assert "holds something else than resource modifiers (color)" in message(run[name])
    assert "is immutable" in message(run["frozen"])
    assert "The namespace /api/v1/namespaces/nowhere does not exist" in message(run["nowhere"])
    assert cluster.kubectl("get", "configmap", "-n", "shop", "settings", "-o", "jsonpath={.data.color}")[1] == "blue"


def document(name: str, hooks: list[Any], **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP[0]}/{GROUP[1]}",
        "kind": "BackupHook",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": {"backupHook": hooks},
    }


# Verb, path below the hooks of the namespace or absolute, object.
QUESTIONS = [
    ("get", "/absent", None),
    ("get", "/apis/nobody.example.com/v1/namespaces/shop/things/x", None),
    ("get", "/api/v1/namespaces/nowhere", None),
    ("get", f"/apis/{GROUP[0]}/{GROUP[1]}/namespaces/shop/unknown/x", None),
    ("create", "", document("compared", [{"name": "one"}])),
    ("create", "", document("compared", [{"name": "one"}])),
    ("get", "/compared", None),
    ("replace", "/compared", document("compared", [{"name": "two"}], resourceVersion="1")),
    ("create", "", document("nameless", [{}])),
    ("create", "", document("wrong", [{"name": "x", "preHooks": [{"exec": {"command": ["x"], "onError": "Panic"}}]}])),
    ("create", "/api/v1/namespaces/nowhere/configmaps", {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}),
    ("delete", "/compared", None),
    ("delete", "/compared", None),
]  # fmt: skip


def comparable(answer: tuple[int, str]) -> tuple[int, Any]:
    """The exit code, and the reason of a refusal with the field that it is about, or the object that was answered."""
    code, text = answer
    if code:
        if text.startswith("The "):
            # Newer servers name the place in a list, older ones do not.
            return code, (
                text.split(" is invalid: ")[0],
                re.sub(r"\[\d+\]", "", re.findall(r"spec[.\w\[\]]*", text)[0]),
            )
        return code, text.strip()
    found = json.loads(text)
    return code, (found.get("kind"), found.get("spec"))


def test_the_emulator_answers_as_the_real_server_and_kubectl_do(cluster, definitions, tmp_path):
    emulated = Emulated("aks-east-1")
    different = []
    for verb, path, body in QUESTIONS:
        whole = path if path.startswith("/api") else BASE + path
        words, text = [verb, "--raw", whole], json.dumps(body)
        if body is not None:
            (tmp_path / "object.json").write_text(text)
            real = cluster.kubectl(*words, "-f", str(tmp_path / "object.json"))
            words += ["-f", "object.json"]
        else:
            real = cluster.kubectl(*words)
        ours = kubectl.run(
            " ".join(["kubectl", *words]),
            {"object.json": text},
            lambda method, where, sent: api.request(emulated, method, where, sent),
        )
        if comparable(real) != comparable(ours):
            different.append((verb, path, real, ours))
    assert different == []
