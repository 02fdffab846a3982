# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks and resource modifiers, from playbooks into the clusters of the emulator, by every way that there is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.harness.steps import carry_out, chain

GROUP = {"cluster_resource_group": "rg-clusters"}
EAST = {"cluster_name": "aks-east-1", **GROUP}
PATH = "/apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop"
HOOK: dict[str, Any] = {
    "kind": "backup",
    "name": "database",
    "namespace": "shop",
    "hooks": [
        {
            "name": "checkpoint",
            "included_namespaces": ["shop"],
            "label_selector": {"match_labels": {"app": "web"}},
            "pre": [{"command": ["/usr/bin/psql", "-c", "CHECKPOINT"], "container": "web", "timeout": "1m"}],
        }
    ],
}
MODIFIER: dict[str, Any] = {
    "name": "drill",
    "namespace": "shop",
    "rules": [
        {
            "group_resource": "deployments.apps",
            "namespaces": ["shop"],
            "patches": [{"operation": "replace", "path": "/spec/replicas", "value": 1}],
        }
    ],
}


def of(emulator: Any, clusters: list[dict[str, Any]], **more: Any) -> Subscription:
    """A subscription with clusters that are given by name and what is special about them."""
    common = {"resource_group": "rg-clusters", "location": "eastus"}
    section = {
        "name": "Hooks",
        "providers": dict.fromkeys(
            ("Microsoft.ContainerService", "Microsoft.KubernetesConfiguration", "Microsoft.Storage"), "Registered"
        ),
        "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
        "clusters": [{**common, **cluster} for cluster in clusters],
    }
    return Subscription(emulator, {"subscriptions": [section], **more})


def hook(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_backup_hook", check=check, ignore=True, **{**HOOK, **EAST, **more})


def modifier(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_backup_resource_modifier", check=check, ignore=True, **{**MODIFIER, **EAST, **more})


def held(subscription: Subscription, resource: str, name: str, cluster: str = "aks-east-1") -> Any:
    """The object in the cluster, as the emulator holds it."""
    id_ = subscription.path(
        f"resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/{cluster}"
    )
    found = subscription.emulator.inside(id_, namespace="shop", resource=resource, name=name)
    return found[0] if found else None


def requests_into(step: Any) -> list[dict[str, Any]]:
    """Those that went to an API server."""
    return [request for request in step.requests if request["path"].startswith("/_kubernetes/")]


def prepared(subscription: Subscription) -> list[dict[str, Any]]:
    """The tasks before a hook: the extension brings its kind."""
    return chain(subscription, until="binding")


def test_every_way_into_a_cluster(emulator):
    """For a resource modifier, which needs no extension: written, unchanged the second time, gone."""
    clusters = {
        "aks-east-1": {},
        "aks-entra": {"entra": True, "local_accounts": False},
        "aks-private": {"private": True},
        "aks-private-entra": {"private": True, "entra": True},
    }
    ways = {
        "aks-east-1": [{"credentials": "user"}, {"credentials": "admin"}, {"via": "run_command"}],
        "aks-entra": [{}],
        "aks-private": [{"via": "run_command"}],
        "aks-private-entra": [{"via": "run_command"}],
    }
    subscription = of(emulator, [{"name": name, **special} for name, special in clusters.items()])
    tasks, titles = [], []
    for cluster, given in ways.items():
        for way in given:
            titles.append(f"{cluster} {json.dumps(way)}")
            options = {"cluster_name": cluster, **way}
            for time in ("first", "again"):
                tasks.append(modifier(f"{titles[-1]} {time} check", check=True, **options))
                tasks.append(modifier(f"{titles[-1]} {time} real", **options))
            tasks.append(modifier(f"{titles[-1]} absent check", check=True, state="absent", **options))
            if cluster == "aks-entra":
                continue
            tasks.append(modifier(f"{titles[-1]} absent", state="absent", **options))
    with subscription.running(tasks) as running:
        run = running.wait().ok()
        # Nothing of the credentials is left on disk.
        assert [path.name for path in (running.folder / "tmp").iterdir()] == []
    for title in titles:
        for time in ("first", "again"):
            planned, done = run[f"{title} {time} check"], run[f"{title} {time} real"]
            assert not planned.failed and not done.failed, (title, planned.result, done.result)
            assert planned.changed is done.changed is (time == "first"), title
            assert planned.writes == []
            assert bool(done.writes) is done.changed
            assert planned.result["diff"] == done.result["diff"]
        assert run[f"{title} absent check"].changed and run[f"{title} absent check"].writes == []
    assert held(subscription, "configmaps", "drill", "aks-entra")["data"]
    for cluster in ("aks-east-1", "aks-private", "aks-private-entra"):
        assert held(subscription, "configmaps", "drill", cluster) is None
    # Nobody who runs commands goes to the API server.
    private = run['aks-private {"via": "run_command"} first real']
    assert requests_into(private) == []
    commands = [request for request in private.requests if request["action"] == "runCommand"]
    assert [request["write"] for request in commands] == [False, False, True, False]
    credentials = [request["action"] for request in run['aks-east-1 {"credentials": "admin"} first real'].requests]
    assert "listClusterAdminCredential" in credentials


def kubeconfig(subscription: Subscription) -> dict[str, Any]:
    """What AKS hands out, as a user would have fetched it."""
    somebody = Somebody(subscription)
    found = somebody.aks.managed_clusters.list_cluster_user_credentials("rg-clusters", "aks-east-1")
    document: dict[str, Any] = yaml.safe_load(bytes(found.kubeconfigs[0].value))
    return document


def test_a_kubeconfig_of_the_user(emulator):
    """By its path, by the environment, by a context that is not the current one; without any Azure."""
    subscription = of(emulator, [{"name": "aks-east-1"}])
    config = kubeconfig(subscription)
    good = config["contexts"][0]["name"]
    config["contexts"].append({"name": "broken", "context": {"cluster": "missing", "user": "missing"}})
    config["current-context"] = "broken"
    files = {"config": yaml.safe_dump(config), "other": yaml.safe_dump({**config, "current-context": good}), "bad": "x"}
    nothing = {"cluster_name": None, "cluster_resource_group": None, "via": "kubeconfig"}
    home = "{{ lookup('env', 'HOME') }}"

    def named(title: str, **more: Any) -> dict[str, Any]:
        options = {**MODIFIER, **nothing, **more}
        return task(
            title,
            "aks_backup_resource_modifier",
            ignore=True,
            **{key: value for key, value in options.items() if value is not None},
        )

    run = subscription.play(
        [
            named("context", kubeconfig=f"{home}/config", context=good),
            named("current", kubeconfig=f"{home}/other"),
            named("environment"),
            named("unknown context", kubeconfig=f"{home}/config", context="nobody"),
            named("broken context", kubeconfig=f"{home}/config"),
            named("no file", kubeconfig=f"{home}/missing"),
            named("no kubeconfig", kubeconfig=f"{home}/bad"),
        ],
        files=files,
        environment={"KUBECONFIG": "{home}/other", "AZURE_SUBSCRIPTION_ID": None},
    )
    assert run["context"].changed and not run["current"].failed and not run["current"].changed
    assert not run["environment"].failed and not run["environment"].changed
    assert len(requests_into(run["environment"])) == len(run["environment"].requests) == 1
    for title in ("unknown context", "broken context", "no file", "no kubeconfig"):
        assert "The kubeconfig cannot be used: " in run[title].result["msg"], run[title].result
        assert "Check kubeconfig and context." in run[title].result["msg"]


def test_what_is_refused_before_anything_is_asked(subscription):
    named = {"cluster_name": None, "cluster_resource_group": None}
    tasks = [
        hook("no cluster", **named),
        hook("kubeconfig with a cluster", via="kubeconfig"),
        hook("cluster with a kubeconfig", kubeconfig="/nowhere", context="x"),
        hook("several", name="Big", hooks=[{"name": "x", "pre": [{"command": ["ls -l"]}]}, {"name": "y"}]),
        hook("rendered", state="rendered", hooks=[{"name": "y"}]),
        hook("nobody", cluster_name="nobody"),
        hook("no subscription"),
        modifier("several rules", rules=[{"group_resource": "deployments"}, {"group_resource": "pods"}]),
    ]
    for one in tasks:
        module = next(key for key in one if key.startswith("aks.backup."))
        one[module] = {key: value for key, value in one[module].items() if value is not None}
    tasks[6]["environment"] = {"AZURE_SUBSCRIPTION_ID": ""}
    run = subscription.play([*prepared(subscription), *tasks])
    said = {one["name"]: run[one["name"]].result["msg"] for one in tasks}
    assert "needs the cluster: give cluster_id, or cluster_name and cluster_resource_group." in said["no cluster"]
    assert "it is the kubeconfig that does. Leave one out." in said["kubeconfig with a cluster"]
    assert "kubeconfig is given, but with via=aks_credentials it is not used." in said["cluster with a kubeconfig"]
    assert "context is given, but with via=aks_credentials it is not used." in said["cluster with a kubeconfig"]
    assert len(run["several"].result["error"]["problems"]) == 3, run["several"].result
    assert len(run["several rules"].result["error"]["problems"]) == 3, run["several rules"].result
    assert "has neither pre nor post" in said["rendered"]
    assert "There is no cluster" in said["nobody"]
    assert "cluster_name needs a subscription_id" in said["no subscription"]
    assert all(run[one["name"]].writes == [] for one in tasks)
    assert run["rendered"].requests == []


def test_clusters_that_cannot_be_reached_say_why(emulator):
    special = {
        "aks-off": {"power_state": "Stopped"},
        "aks-local": {"local_accounts": False, "entra": True},
        "aks-quiet": {"private": True, "run_command": False},
    }
    subscription = of(emulator, [{"name": name, **given} for name, given in special.items()])
    token = {"access_token": "{{ token }}"}
    tasks = [
        modifier("stopped", cluster_name="aks-off"),
        modifier("admin", cluster_name="aks-local", credentials="admin"),
        modifier("command", cluster_name="aks-quiet", via="run_command"),
        modifier("private", cluster_name="aks-quiet"),
        modifier("token", cluster_name="aks-local", **token),
    ]
    somebody = Somebody(subscription)
    arm = somebody.credential.get_token(f"{subscription.environment['EMULATOR_URL']}/.default").token
    run = subscription.play(tasks, variables={"token": arm})
    said = {one["name"]: run[one["name"]].result["msg"] for one in tasks}
    assert "The cluster aks-off is stopped, and its API server with it. Start it first." in said["stopped"]
    assert "has no local accounts, so there are no admin credentials: use user." in said["admin"]
    assert "Run command is disabled in the cluster aks-quiet." in said["command"]
    assert "could not be reached" in said["private"]
    assert "The cluster is a private one: run where its network is reached, or use via=run_command." in said["private"]
    assert "access_token is for Azure Resource Manager, and a token for 6dae42f8" in said["token"]
    assert [request["path"] for request in run["token"].requests if request["write"]] == []


@pytest.mark.parametrize(
    ("then", "method", "said"),
    [
        ({"status": 401, "message": "Unauthorized"}, "GET", "The API server does not know the credentials"),
        ({"status": 403, "message": "forbidden"}, "GET", "have somebody bind a role with these verbs"),
        ({"status": 409, "message": "already exists"}, "POST", "Run again to take it over."),
        ({"status": 422, "message": "is invalid"}, "POST", "another version of the backup extension may know other"),
        ({"status": 500, "message": "etcd is away"}, "POST", "InternalError: etcd is away."),
        ({"drop": "before"}, "POST", "could not be reached"),
    ],
)
def test_what_the_api_server_refuses_is_said_with_what_to_do(emulator, then, method, said):
    subscription = of(emulator, [{"name": "aks-east-1"}])
    subscription.fault(then, method=method, path="/configmaps")
    step = carry_out(subscription, [modifier("refused")])["refused"]
    assert step.failed and said in step.result["msg"], step.result
    assert held(subscription, "configmaps", "drill") is None


def test_what_passes_is_waited_for(emulator):
    """Throttling, a connection that breaks while reading, and a write whose answer is lost."""
    subscription = of(emulator, [{"name": "aks-east-1"}])
    subscription.fault({"status": 429, "message": "too many"}, method="POST", path="/configmaps", times=2)
    subscription.fault({"drop": "before"}, method="GET", path="/configmaps/drill", times=1)
    done = carry_out(subscription, [modifier("written")]).ok()["written"]
    assert [(each["method"], each["status"]) for each in requests_into(done)].count(("POST", 429)) == 2
    subscription.fault({"drop": "after"}, method="PUT", path="/configmaps/drill", times=1)
    rules = [{"group_resource": "pods", "merge_patches": [{"metadata": {"labels": {"a": "b"}}}]}]
    run = carry_out(subscription, [modifier("lost", rules=rules), modifier("again", rules=rules)])
    # The next run finds it done.
    assert "could not be reached" in run["lost"].result["msg"]
    assert not run["again"].failed and not run["again"].changed


def test_somebody_else_was_faster(emulator):
    """What was read is what is replaced: a change in between is not overwritten."""
    subscription = of(emulator, [{"name": "aks-east-1"}])
    conflict = {"status": 409, "message": "Operation cannot be fulfilled: the object has been modified"}
    rules = [{"group_resource": "pods", "merge_patches": [{"metadata": {"labels": {"a": "b"}}}]}]
    subscription.fault(conflict, method="PUT", path="/configmaps/drill", times=1)
    run = carry_out(subscription, [modifier("made"), modifier("slower", rules=rules), modifier("again", rules=rules)])
    assert run["slower"].failed and "has been modified" in run["slower"].result["msg"]
    assert run["again"].changed
    sent = [each for each in requests_into(run["again"]) if each["method"] == "PUT"]
    assert sent[0]["body"]["metadata"]["resourceVersion"]


def test_neighbours_that_are_missing(subscription):
    """Without the extension there is no such kind, and namespaces are not made up. A plan takes both for planned."""
    run = carry_out(
        subscription,
        [
            hook("no extension"),
            hook("planned", check=True),
            modifier("no namespace", namespace="nowhere"),
            modifier("planned namespace", check=True, namespace="nowhere"),
        ],
    )
    assert "Install the backup extension in the cluster first" in run["no extension"].result["msg"]
    assert "The namespace /api/v1/namespaces/nowhere does not exist" in run["no namespace"].result["msg"]
    assert run["planned"].changed and run["planned namespace"].changed
    assert [write for step in run.steps for write in step.writes] == []


def test_what_somebody_else_has_in_a_config_map_is_not_touched(subscription):
    run = carry_out(subscription, [modifier("change", name="web"), modifier("delete", name="web", state="absent")])
    for title in ("change", "delete"):
        assert "holds something else than resource modifiers (color), which would be lost" in run[title].result["msg"]
        assert run[title].writes == []
    assert held(subscription, "configmaps", "web")["data"] == {"color": "blue"}


def test_hooks_run_in_a_backup_and_names_are_made_for_it(subscription):
    """From the playbook into the cluster, and from there into the backup: the reference is what the instance takes."""
    failing = [{"name": "check", "pre": [{"command": ["/bin/false"], "on_error": "Continue"}]}]
    tasks = [
        *prepared(subscription),
        {**hook("hook", hooks=failing), "register": "made"},
        *chain(subscription)[len(prepared(subscription)) :],
    ]
    for one in tasks:
        if "aks.backup.aks_backup_instance" in one:
            one["aks.backup.aks_backup_instance"]["backup_configuration"] = {
                "backup_hooks": ["{{ made.reference }}"],
            }
    run = subscription.play(tasks).ok()
    [warning] = {entry["code"] for entry in run["run"].result["job"]["warnings"]}
    assert warning == "UserErrorHookExecutionFailed"
    assert run["run"].result["job"]["status"] == "CompletedWithWarnings"


def test_without_its_package_the_module_says_what_to_install(subscription):
    """The package is asked for where it is needed: manifests are rendered without it."""
    hidden = "import sys\nsys.modules['kubernetes'] = None\n"
    run = subscription.play(
        [modifier("needed"), modifier("not needed", state="rendered")],
        files={"site/sitecustomize.py": hidden},
        environment={"PYTHONPATH": "{home}/site"},
    )
    assert (
        "The Python package kubernetes is needed where this task runs: pip install kubernetes"
        in (run["needed"].result["msg"])
    )
    assert not run["not needed"].failed and run["not needed"].requests == []


def test_rendered_needs_neither_cluster_nor_subscription(subscription):
    nothing = {"cluster_name": None, "cluster_resource_group": None, "state": "rendered"}
    tasks = [hook("hook", **nothing), modifier("modifier", **nothing)]
    for one in tasks:
        module = next(key for key in one if key.startswith("aks.backup."))
        one[module] = {key: value for key, value in one[module].items() if value is not None}
    run = subscription.play(tasks, environment={"AZURE_SUBSCRIPTION_ID": None})
    for title, kind in (("hook", "BackupHook"), ("modifier", "ConfigMap")):
        result = run[title].result
        assert not run[title].changed and run[title].requests == []
        assert yaml.safe_load(result["manifest_yaml"]) == result["manifest"]
        assert result["manifest"]["kind"] == kind
    assert run["hook"].result["id"] == f"{PATH}/backuphooks/database"


def test_warnings_are_shown(subscription):
    patches = [{"operation": "replace", "path": "/spec/replicas", "value": number} for number in (1, 2)]
    run = subscription.play(
        [
            hook("hook", state="rendered", hooks=[{"name": "x", "post": [{"command": ["echo", "$HOME"]}]}]),
            modifier("modifier", state="rendered", rules=[{"group_resource": "deployments.apps", "patches": patches}]),
        ],
    ).ok()
    assert "Without a shell nothing is filled in" in str(run["hook"].result["warnings"])
    assert "patch 2 overrides patch 1" in str(run["modifier"].result["warnings"])
