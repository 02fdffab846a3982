# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Into the clusters: credentials, the API server behind them by the kubernetes package, run command."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.emulator.tests.clients import GROUP, Azure, refused, scenario

HOOKS = ("clusterbackup.dataprotection.microsoft.com", "v1alpha1", "shop", "backuphooks")
HOOK = {"apiVersion": "clusterbackup.dataprotection.microsoft.com/v1alpha1", "kind": "BackupHook",
        "metadata": {"name": "flush", "namespace": "shop"},
        "spec": {"backupHook": [{"name": "one", "preHooks": [{"exec": {"command": ["sync"]}}]}]}}
PATH = "/apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop/backuphooks"


def cluster(name, **values):
    return {"name": name, "resource_group": GROUP, "location": "eastus", **values}


@pytest.fixture(scope="module")
def azure(emulator):
    made = Azure(emulator, scenario(clusters=[
        cluster("aks-1"), cluster("aks-entra", entra=True, local_accounts=False), cluster("aks-bare"),
        cluster("aks-private", private=True, run_command=False), cluster("aks-off", power_state="Stopped")]))
    made.extension("aks-1").result()
    return made


def credentials(azure, name="aks-1", kind="user"):
    call = getattr(azure.clusters.managed_clusters, f"list_cluster_{kind}_credentials")
    found = call(GROUP, name).kubeconfigs[0]
    return found.name, yaml.safe_load(bytes(found.value))


def api(document):
    return config.new_client_from_config_dict(document)


def refusal(call, *arguments):
    with pytest.raises(ApiException) as caught:
        call(*arguments)
    return caught.value.status, caught.value.reason, caught.value.body


def run(azure, command, name="aks-1", **more):
    done = azure.clusters.managed_clusters.begin_run_command(
        GROUP, name, {"command": command, **more}, polling_interval=0.05).result()
    return done.exit_code, done.logs


def packed(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.json", text)
    return base64.b64encode(data.getvalue()).decode()


def test_objects_by_the_kubernetes_package(azure):
    name, document = credentials(azure)
    assert name == "clusterUser"
    with api(document) as connection:
        objects = client.CustomObjectsApi(connection)
        made = objects.create_namespaced_custom_object(*HOOKS, HOOK)
        assert made["metadata"]["resourceVersion"] and made["spec"] == HOOK["spec"]
        assert refusal(objects.create_namespaced_custom_object, *HOOKS, HOOK)[0] == 409
        changed = {**made, "spec": {"backupHook": [{"name": "two"}]}}
        objects.replace_namespaced_custom_object(*HOOKS, "flush", changed)
        # The version that was replaced is not the current one any more.
        assert refusal(objects.replace_namespaced_custom_object, *HOOKS, "flush", changed)[:2] == (409, "Conflict")
        assert objects.get_namespaced_custom_object(*HOOKS, "flush")["spec"] == changed["spec"]
        objects.delete_namespaced_custom_object(*HOOKS, "flush")
        assert refusal(objects.get_namespaced_custom_object, *HOOKS, "flush")[0] == 404


@pytest.mark.parametrize(("change", "code", "said"), [
    ({"spec": {"backupHook": [{"preHooks": []}]}}, 422, "spec.backupHook[0].name: Required value"),
    ({"spec": {"backupHook": [{"name": ""}]}}, 422, "at least 1 chars long"),
    ({"spec": {"backupHook": [{"name": "x", "exec": {}}]}}, 422, "spec.backupHook[0].exec: unknown field"),
    ({"spec": {"backupHook": [{"name": "x", "preHooks": [{"exec": {"command": []}}]}]}}, 422, "at least 1 items"),
    ({"spec": {"backupHook": [{"name": "x", "preHooks": [{"exec": {"command": "ls"}}]}]}}, 422, "of type array"),
    ({"spec": {"backupHook": [{"name": "x", "preHooks": [{"exec": {"command": ["x"], "onError": "Panic"}}]}]}}, 422,
     "Unsupported value"),
    ({"metadata": {"name": "Big", "namespace": "shop"}}, 422, "metadata.name: Invalid value"),
    ({"metadata": {"name": "x", "namespace": "other"}}, 400, "does not match the namespace"),
    ({"kind": "RestoreHook"}, 400, "cannot be handled as a BackupHook"),
])
def test_what_the_api_server_refuses(azure, change, code, said):
    with api(credentials(azure)[1]) as connection:
        found = refusal(client.CustomObjectsApi(connection).create_namespaced_custom_object, *HOOKS, {**HOOK, **change})
    assert found[0] == code
    assert said in found[2]


def test_kinds_of_the_extension_come_with_it_and_namespaces_are_not_made_up(azure):
    with api(credentials(azure, "aks-bare")[1]) as connection:
        found = refusal(client.CustomObjectsApi(connection).get_namespaced_custom_object, *HOOKS, "flush")
        assert found[0] == 404 and "404 page not found" in found[2]
        maps = client.CoreV1Api(connection)
        assert maps.read_namespaced_config_map("web", "shop").data == {"color": "blue"}
        body = {"metadata": {"name": "x"}, "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
        assert 'namespaces \\"nowhere\\" not found' in refusal(maps.create_namespaced_config_map, "nowhere", body)[2]


def test_nobody_is_let_in_without_credentials_of_this_cluster(azure):
    document = credentials(azure)[1]
    document["clusters"][0]["cluster"]["server"] = credentials(azure, "aks-bare")[1]["clusters"][0]["cluster"]["server"]
    with api(document) as connection:
        assert refusal(client.CoreV1Api(connection).read_namespace, "shop")[0] == 401


def test_entra(azure):
    document = credentials(azure, "aks-entra")[1]
    called = document["users"][0]["user"]["exec"]
    assert called["command"] == "kubelogin"
    server = called["args"][called["args"].index("--server-id") + 1]
    for audience, code in ((server, 200), (azure.emulator.url, 401)):
        document["users"][0]["user"] = {"token": azure.credential.get_token(f"{audience}/.default").token}
        with api(document) as connection:
            maps = client.CoreV1Api(connection)
            assert code == 401 or maps.read_namespace("shop").metadata.name == "shop"
            assert code == 200 or refusal(maps.read_namespace, "shop")[0] == 401
    error = refused(lambda: credentials(azure, "aks-entra", "admin"), "BadRequest", 400)
    assert "disable local accounts" in error.message
    refused(lambda: run(azure, "kubectl get --raw /api/v1/namespaces/shop", "aks-entra"), "BadRequest", 400)


def test_a_private_cluster_is_out_of_reach(azure):
    assert credentials(azure, "aks-private", "admin")[1]["clusters"][0]["cluster"]["server"] == "https://localhost:9"
    refused(lambda: run(azure, "kubectl version", "aks-private"), "RunCommandDisabled", 403)
    refused(lambda: run(azure, "kubectl version", "aks-off"), "OperationNotAllowed", 409)


def test_run_command(azure):
    body = json.dumps(HOOK)
    assert run(azure, f"kubectl get --raw {PATH}/flush") == (
        1, 'Error from server (NotFound): backuphooks.clusterbackup.dataprotection.microsoft.com "flush" not found\n')
    code, logs = run(azure, f"kubectl create --raw {PATH} -f object.json", context=packed(object=body))
    assert code == 0
    made = json.loads(logs)
    code, logs = run(azure, f"kubectl replace --raw {PATH}/flush -f object.json", context=packed(
        object=json.dumps({**made, "spec": {"backupHook": []}})))
    assert (code, json.loads(logs)["spec"]) == (0, {"backupHook": []})
    assert run(azure, f"kubectl replace --raw {PATH}/flush -f object.json", context=packed(object=json.dumps(made))
               )[1].startswith("Error from server (Conflict): Operation cannot be fulfilled on backuphooks")
    assert run(azure, f"kubectl create --raw {PATH} -f missing.json")[1] == (
        "error: open missing.json: no such file or directory\n")
    assert run(azure, f"kubectl delete --raw {PATH}/flush")[0] == 0
    assert run(azure, "kubectl get --raw /apis/nobody/v1")[1] == (
        "Error from server (NotFound): the server could not find the requested resource\n")
    assert run(azure, "helm list")[0] == 127
    for broken in ("!", base64.b64encode(b"no archive").decode()):
        refused(lambda context=broken: run(azure, "kubectl version", context=context), "BadRequest", 400)


def names(page):
    return [each.metadata.name for each in page.items]


def test_lists_of_a_namespace(azure):
    with api(credentials(azure)[1]) as connection:
        core, apps = client.CoreV1Api(connection), client.AppsV1Api(connection)
        assert names(apps.list_namespaced_deployment("shop")) == ["web"]
        whole = names(core.list_namespaced_pod("shop"))
        first = core.list_namespaced_pod("shop", limit=1)
        assert len(whole) == 2 and names(first) == whole[:1] and first.metadata.remaining_item_count == 1
        rest = core.list_namespaced_pod("shop", limit=1, _continue=first.metadata._continue)
        assert names(rest) == whole[1:] and rest.metadata._continue is None
        # A namespace that nobody has made holds nothing, and what is not modelled says so.
        assert names(core.list_namespaced_pod("nowhere")) == []
        assert refusal(core.list_pod_for_all_namespaces)[0] == 501
        token = connection.configuration.auth_settings()["BearerToken"]["value"]
        brief = connection.rest_client.pool_manager.request(
            "GET", f"{connection.configuration.host}/api/v1/namespaces/shop/secrets", headers={
                "Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "Authorization": token})
        assert [list(each) for each in json.loads(brief.data)["items"]] == [["metadata"]]
    code, logs = run(azure, "kubectl get pods,deployments.apps --namespace shop --output name --ignore-not-found")
    assert (code, logs.split()) == (0, [*(f"pod/{name}" for name in whole), "deployment.apps/web"])
    assert run(azure, "kubectl get things --namespace shop --output name --ignore-not-found") == (
        1, 'error: the server doesn\'t have a resource type "things"\n')


def namespace(name, **metadata):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def test_a_namespace_is_terminating_until_nothing_is_left_in_it(azure):
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "finalizers": ["example.com/hold"]},
            "data": {"a": "b"}}
    with api(credentials(azure)[1]) as connection:
        core = client.CoreV1Api(connection)
        made = core.create_namespace(namespace("drill", labels={"a": "b"}))
        assert made.metadata.labels == {"a": "b", "kubernetes.io/metadata.name": "drill"}
        assert (made.status.phase, made.spec.finalizers) == ("Active", ["kubernetes"])
        assert refusal(core.create_namespace, namespace("drill"))[0] == 409
        assert refusal(core.create_namespace, namespace("a.b"))[0] == 422
        core.create_namespaced_config_map("drill", kept)
        core.create_namespaced_config_map("drill", {**kept, "metadata": {"name": "gone"}})

        core.delete_namespace("drill")
        gone = core.read_namespace("drill")
        assert gone.status.phase == "Terminating" and gone.metadata.deletion_timestamp
        said = {each.type: each.message for each in gone.status.conditions if each.status == "True"}
        assert said == {
            "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
            "NamespaceFinalizersRemaining":
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"}
        assert names(core.list_namespaced_config_map("drill")) == ["kept"]
        refused_ = refusal(core.create_namespaced_config_map, "drill", {**kept, "metadata": {"name": "new"}})
        assert refused_[0] == 403 and "because it is being terminated" in refused_[2]
        azure.emulator.advance(3600)
        # Deleting it once more changes nothing, and what has been marked stays so.
        core.delete_namespace("drill")
        assert core.read_namespace("drill").metadata.deletion_timestamp == gone.metadata.deletion_timestamp
        left = core.read_namespaced_config_map("kept", "drill")
        assert left.metadata.deletion_timestamp == gone.metadata.deletion_timestamp
        core.replace_namespaced_config_map("kept", "drill", {**kept, "metadata": {"name": "kept"}})
        assert refusal(core.read_namespace, "drill")[0] == 404

        # An empty one is Terminating for a while as well, and in the end gone by itself.
        core.create_namespace(namespace("drill"))
        assert "Terminating" in str(core.delete_namespace("drill"))
        azure.emulator.advance(60)
        assert refusal(core.read_namespace, "drill")[0] == 404
        found = refusal(core.delete_namespace, "kube-system")
        assert found[0] == 403 and "this namespace may not be deleted" in found[2]


def test_an_object_with_a_finalizer_waits_for_it(azure):
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    with api(credentials(azure)[1]) as connection:
        core = client.CoreV1Api(connection)
        core.create_namespaced_config_map("shop", held)
        core.delete_namespaced_config_map("held", "shop")
        assert core.read_namespaced_config_map("held", "shop").metadata.deletion_timestamp
        core.replace_namespaced_config_map("held", "shop", {**held, "metadata": {"name": "held"}})
        assert refusal(core.read_namespaced_config_map, "held", "shop")[0] == 404
