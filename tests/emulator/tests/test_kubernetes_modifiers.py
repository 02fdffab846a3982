# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource modifiers: the documented examples, their strictness, and strategic merge patches."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.kubernetes import Cluster, RestoreError, restore, strategic, take_backup
from tests.emulator.kubernetes.modifiers import InvalidModifier, Modifiers
from tests.emulator.kubernetes.objects import manifest

CLAIM = manifest(
    "v1", "PersistentVolumeClaim", "mysql-0", "bar", {"foo": "bar", "test": "x"}, spec={"storageClassName": "premium"}
)
DEPLOYMENT = manifest(
    "apps/v1",
    "Deployment",
    "test-1",
    "foo",
    spec={"replicas": 1, "template": {"spec": {"containers": [{"name": "old", "image": "old:1"}]}}},
)
POD = manifest(
    "v1",
    "Pod",
    "nginx-1",
    "default",
    spec={
        "containers": [
            {"name": "nginx", "image": "nginx:1.14", "ports": [{"containerPort": 80}]},
            {"name": "side", "image": "side:1"},
        ]
    },
)


def read(*rules, version="v1", **more):
    document = {"version": version, "resourceModifierRules": list(rules), **more}
    return Modifiers.read(manifest("v1", "ConfigMap", "modifier", "default", data={"rules.yaml": json.dumps(document)}))


def rule(resource, patches=None, **fields):
    conditions = {
        "groupResource": resource,
        **{
            name: fields.pop(name)
            for name in list(fields)
            if name in ("resourceNameRegex", "namespaces", "labelSelector")
        },
    }
    return {"conditions": conditions, **({"patches": patches} if patches else {}), **fields}


def modified(document, *rules):
    result, errors = read(*rules).apply(document)
    assert errors == []
    return result


def test_replace_and_remove_under_all_conditions():
    patches = [
        {"operation": "replace", "path": "/spec/storageClassName", "value": "standard"},
        {"operation": "remove", "path": "/metadata/labels/test"},
    ]
    conditions = {
        "resourceNameRegex": "^mysql.*$",
        "namespaces": ["bar", "foo"],
        "labelSelector": {"matchLabels": {"foo": "bar"}},
    }
    result = modified(CLAIM, rule("persistentvolumeclaims", patches, **conditions))
    assert result["spec"]["storageClassName"] == "standard"
    assert result["metadata"]["labels"] == {"foo": "bar"}
    assert CLAIM["metadata"]["labels"] == {"foo": "bar", "test": "x"}
    for name, value in (
        ("resourceNameRegex", "^sql"),
        ("namespaces", ["baz"]),
        ("labelSelector", {"matchLabels": {"foo": "baz"}}),
    ):
        assert modified(CLAIM, rule("persistentvolumeclaims", patches, **{**conditions, name: value})) == CLAIM
    assert modified(CLAIM, rule("pods", patches)) == CLAIM


def test_add_with_escaped_json_and_copy():
    value = '{"name": "nginx", "image": "nginx:1.14.2", "ports": [{"containerPort": 80}]}'
    result = modified(
        DEPLOYMENT,
        rule(
            "deployments.apps",
            [
                {"operation": "add", "path": "/spec/template/spec/containers/0", "value": value},
                {
                    "operation": "copy",
                    "from": "/spec/template/spec/containers/0/image",
                    "path": "/spec/template/spec/containers/1/image",
                },
            ],
        ),
    )
    assert result["spec"]["template"]["spec"]["containers"] == [
        json.loads(value),
        {"name": "old", "image": "nginx:1.14.2"},
    ]


def test_move():
    result = modified(
        CLAIM,
        rule(
            "persistentvolumeclaims",
            [{"operation": "move", "from": "/metadata/labels/test", "path": "/metadata/labels/moved"}],
        ),
    )
    assert result["metadata"]["labels"] == {"foo": "bar", "moved": "x"}


@pytest.mark.parametrize(("value", "outcome"), [("premium", "standard"), ("basic", "premium")])
def test_test_guards_the_patches_of_its_rule(value, outcome):
    guarded = rule(
        "persistentvolumeclaims",
        [
            {"operation": "test", "path": "/spec/storageClassName", "value": value},
            {"operation": "replace", "path": "/spec/storageClassName", "value": "standard"},
        ],
    )
    assert modified(CLAIM, guarded)["spec"]["storageClassName"] == outcome


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("[1]", [1]),
        ("twelve", "twelve"),
        ("", ""),
        ("12a", "12a"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_values_are_strings_that_are_taken_for_what_they_look_like(text, value):
    result = modified(
        DEPLOYMENT, rule("deployments.apps", [{"operation": "replace", "path": "/spec/replicas", "value": text}])
    )
    assert result["spec"]["replicas"] == value
    assert type(result["spec"]["replicas"]) is type(value)


def test_rules_and_patches_apply_in_order_and_the_last_wins():
    def setting(value):
        return {"operation": "replace", "path": "/spec/storageClassName", "value": value}

    assert (
        modified(
            CLAIM,
            rule("persistentvolumeclaims", [setting("a"), setting("b")]),
            rule("persistentvolumeclaims", [setting("c")]),
        )["spec"]["storageClassName"]
        == "c"
    )


def test_merge_patch():
    result = modified(
        DEPLOYMENT,
        rule(
            "deployments.apps",
            mergePatches=[{"patchData": '{"metadata": {"labels": {"app": "nginx1"}}, "spec": {"replicas": null}}'}],
        ),
    )
    assert result["metadata"]["labels"] == {"app": "nginx1"}
    assert "replicas" not in result["spec"]
    assert DEPLOYMENT["spec"]["replicas"] == 1


def test_strategic_patch_merges_containers_by_name():
    result = modified(
        POD,
        rule(
            "pods",
            strategicPatches=[{"patchData": '{"spec": {"containers": [{"name": "nginx", "image": "nginx:1.22"}]}}'}],
        ),
    )
    assert result["spec"]["containers"] == [
        {"name": "nginx", "image": "nginx:1.22", "ports": [{"containerPort": 80}]},
        {"name": "side", "image": "side:1"},
    ]


def test_a_strategic_patch_of_a_custom_resource_is_an_error():
    widget = manifest("example.com/v1", "Widget", "one", "shop")
    result, errors = read(rule("widgets.example.com", strategicPatches=[{"patchData": "{}"}])).apply(widget)
    assert result == widget
    assert "not supported" in errors[0]


def test_a_patch_that_does_not_fit_is_an_error_of_its_rule_alone():
    result, errors = read(
        rule("persistentvolumeclaims", [{"operation": "remove", "path": "/spec/none"}]),
        rule("persistentvolumeclaims", [{"operation": "replace", "path": "/spec/storageClassName", "value": "b"}]),
    ).apply(CLAIM)
    assert len(errors) == 1
    assert result["spec"]["storageClassName"] == "b"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([{"conditions": {}}], "groupResource"),
        ([{"conditions": {"groupResource": "pods", "names": ["x"]}}], "unknown field 'names'"),
        ([{"conditions": {"groupResource": "pods"}, "patch": []}], "unknown field 'patch'"),
        (
            [rule("pods", [{"operation": "replace", "path": "/spec/replicas", "value": 12}])],
            "value in a patch is a int",
        ),
        ([rule("pods", [{"op": "replace", "path": "/a"}])], "unknown field 'op'"),
        ([rule("pods", [{"operation": "merge", "path": "/a"}])], "unsupported operation"),
        ([rule("pods", [{"operation": "remove"}])], "path of a patch"),
        ([rule("pods", [{"operation": "remove", "path": "/a"}], mergePatches=[{"patchData": "{}"}])], "only one of"),
        ([rule("pods", mergePatches=[{"patchData": "[]"}])], "not an object"),
        ([rule("pods", mergePatches=[{"patchData": "{"}])], "neither JSON nor YAML"),
        ([rule("pods", resourceNameRegex="(")], "resourceNameRegex"),
        (["rule"], "not an object"),
    ],
)
def test_what_makes_the_config_map_invalid(rules, reason):
    with pytest.raises(InvalidModifier, match=reason):
        read(*rules)


@pytest.mark.parametrize(
    "data", [{}, {"a": "version: v1", "b": "version: v1"}, {"a": "version: v2"}, {"a": "- 1"}, {"a": "{"}]
)
def test_config_map_that_holds_no_modifier(data):
    with pytest.raises(InvalidModifier):
        Modifiers.read(manifest("v1", "ConfigMap", "modifier", "default", data=data))


def restored(rules, **fields):
    config_map = manifest(
        "v1",
        "ConfigMap",
        "modifier",
        "default",
        data={"rules": json.dumps({"version": "v1", "resourceModifierRules": rules})},
    )
    target = Cluster("target", content={"template": "system", "objects": [config_map]})
    content = take_backup(Cluster("source"), {"snapshotVolumes": True})["content"]
    result = restore(
        content,
        target,
        {
            "objectType": "KubernetesClusterRestoreCriteria",
            "resourceModifierReference": {"name": "modifier", "namespace": "default"},
            **fields,
        },
    )
    return target, result


def test_conditions_are_about_the_original_namespace():
    replicas = [{"operation": "replace", "path": "/spec/replicas", "value": "12"}]
    for namespaces, expected in ((["shop"], 12), (["copy"], 2)):
        target, result = restored(
            [rule("deployments.apps", replicas, namespaces=namespaces)], namespaceMappings={"shop": "copy"}
        )
        assert target.get("deployments.apps", "web", "copy")["spec"]["replicas"] == expected
        assert result["warnings"] == []


def test_a_modified_storage_class_provisions_the_volume():
    target, dummy = restored(
        [
            rule(
                "persistentvolumeclaims",
                [{"operation": "replace", "path": "/spec/storageClassName", "value": "azurefile-csi"}],
            )
        ]
    )
    claim = target.get("persistentvolumeclaims", "data", "shop")
    volume = target.get("persistentvolumes", claim["spec"]["volumeName"])
    assert volume["spec"]["csi"]["driver"] == "file.csi.azure.com"


def test_a_rule_that_fails_is_a_warning_and_the_object_is_restored():
    target, result = restored([rule("deployments.apps", [{"operation": "remove", "path": "/spec/none"}])])
    assert [each["warning"]["code"] for each in result["warnings"]] == ["KubernetesBackupGenericWarning"]
    assert target.get("deployments.apps", "web", "shop")


def test_a_restore_does_not_begin_without_a_valid_modifier():
    with pytest.raises(RestoreError, match="no valid resource modifier"):
        restored([{"conditions": {}}])
    with pytest.raises(RestoreError, match="not in the target cluster"):
        restored([], resourceModifierReference={"name": "other", "namespace": "default"})


# strategic merge patch


@pytest.mark.parametrize(
    ("patch", "containers"),
    [
        ({"$patch": "delete", "name": "side"}, ["nginx"]),
        ({"name": "new", "image": "new:1"}, ["nginx", "side", "new"]),
        ({"$patch": "replace"}, []),
    ],
)
def test_directives_of_lists(patch, containers):
    result = strategic.apply(POD, {"spec": {"containers": [patch]}})
    assert [each["name"] for each in result["spec"]["containers"]] == containers


def test_directives_of_objects():
    assert strategic.apply({"a": {"b": 1, "c": 2}}, {"a": {"$patch": "replace", "d": 3}}) == {"a": {"d": 3}}
    assert strategic.apply({"a": {"b": 1}}, {"a": {"$patch": "delete"}}) == {"a": {}}
    assert strategic.apply({"a": {"b": 1, "c": 2}}, {"a": {"$retainKeys": ["c"]}}) == {"a": {"c": 2}}
    assert strategic.apply({"a": [1, 2, 3]}, {"$deleteFromPrimitiveList/a": [2]}) == {"a": [1, 3]}
    assert strategic.apply({"a": 1}, {"a": None}) == {}
    assert strategic.apply({"finalizers": ["x"]}, {"finalizers": ["y", "x"]}) == {"finalizers": ["x", "y"]}
    assert strategic.apply({"args": ["x"]}, {"args": ["y"]}) == {"args": ["y"]}


def test_ports_merge_by_the_key_of_their_kind():
    service = {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 443}]}}
    assert strategic.apply(service, {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}, "Service") == {
        "spec": {"ports": [{"port": 80, "name": "http", "targetPort": 8080}, {"port": 443}]}
    }


@pytest.mark.parametrize("patch", [{"spec": {"containers": [{"image": "x"}]}}, {"spec": {"$patch": "upsert"}}])
def test_malformed_strategic_patches(patch):
    with pytest.raises(ValueError, match=r"merge key|directive"):
        strategic.apply(POD, patch)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "args"]), inner, max_size=3)
    ),
)
DOCUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "args"]), VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_patching_is_pure_and_idempotent(document, patch):
    before = copy.deepcopy(document)
    once = strategic.apply(document, patch)
    assert document == before
    assert strategic.apply(once, patch) == once
    assert all(once[name] == value for name, value in patch.items() if isinstance(value, (bool, int, str)))
    assert strategic.apply(document, {}) == document
