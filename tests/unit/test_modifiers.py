# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource modifiers: what the options come to, what a restore makes of it, and what is said of what cannot work."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.modifiers import (
    Modifier,
    same_rules,
    text_of,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.modifiers_lint import problems, warnings
from tests.emulator.kubernetes.modifiers import Modifiers

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "test-web", "namespace": "bar", "labels": {"app": "web", "test": "1"}},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}},
}
CONTAINERS = "/spec/template/spec/containers"


def rule(*patches: dict[str, Any], resource: str = "deployments.apps", **more: Any) -> dict[str, Any]:
    return {"group_resource": resource, **({"patches": list(patches)} if patches else {}), **more}


def patch(operation: str, path: str, **more: Any) -> dict[str, Any]:
    return {"operation": operation, "path": path, **more}


def params(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "drill", "namespace": "shop", "rules": list(rules), **more}


def restored(manifest: dict[str, Any], *rules: dict[str, Any]) -> dict[str, Any]:
    """What a restore makes of an object, by the ConfigMap that the options come to."""
    assert problems(params(*rules)) == []
    modified, errors = Modifiers.read(Modifier().desired(params(*rules), {}, None)).apply(manifest)
    assert errors == []
    return dict(modified)


# The eight operations of Microsoft's overview


def test_add_with_a_value_that_is_more_than_text() -> None:
    container = {"name": "nginx", "image": "nginx:1.14.2", "ports": [{"containerPort": 80}]}
    made = restored(DEPLOYMENT, rule(patch("add", f"{CONTAINERS}/0", value=container), name_regex="^test-.*$"))
    assert [one["name"] for one in made["spec"]["template"]["spec"]["containers"]] == ["nginx", "web"]
    assert made["spec"]["template"]["spec"]["containers"][0] == container


def test_remove() -> None:
    assert restored(DEPLOYMENT, rule(patch("remove", "/metadata/labels/test")))["metadata"]["labels"] == {"app": "web"}


def test_replace() -> None:
    made = restored(DEPLOYMENT, rule(patch("replace", f"{CONTAINERS}/0/image", value="web:2")))
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"


def test_copy() -> None:
    copied = patch("copy", f"{CONTAINERS}/1", **{"from": f"{CONTAINERS}/0"})
    assert len(restored(DEPLOYMENT, rule(copied))["spec"]["template"]["spec"]["containers"]) == 2


@pytest.mark.parametrize(("image", "replicas"), [("web:1", 5), ("web:9", 2)])
def test_test(image: str, replicas: int) -> None:
    patches = (patch("test", f"{CONTAINERS}/0/image", value=image), patch("replace", "/spec/replicas", value=5))
    assert restored(DEPLOYMENT, rule(*patches))["spec"]["replicas"] == replicas


def test_a_json_patch_keeps_numbers() -> None:
    assert restored(DEPLOYMENT, rule(patch("replace", "/spec/replicas", value=12)))["spec"]["replicas"] == 12
    # As templates give them, and as Microsoft's own example has it.
    assert restored(DEPLOYMENT, rule(patch("replace", "/spec/replicas", value="12")))["spec"]["replicas"] == 12


def test_a_merge_patch_keeps_strings_that_look_otherwise() -> None:
    merged = {"metadata": {"labels": {"drill": "true", "test": None}}}
    assert restored(DEPLOYMENT, rule(merge_patches=[merged]))["metadata"]["labels"] == {"app": "web", "drill": "true"}


def test_a_strategic_patch_merges_containers_by_name() -> None:
    image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:3"}]}}}}
    made = restored(DEPLOYMENT, rule(strategic_patches=[image]))
    assert made["spec"]["template"]["spec"]["containers"] == [{"name": "web", "image": "web:3"}]


# Conditions and order


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({}, True),
        ({"namespaces": ["bar", "foo"]}, True),
        ({"namespaces": ["foo"]}, False),
        ({"name_regex": "^test-"}, True),
        ({"name_regex": "^web"}, False),
        ({"match_labels": {"test": 1}}, True),
        ({"match_labels": {"test": "2"}}, False),
        ({"resource": "statefulsets.apps"}, False),
    ],
)
def test_conditions(conditions: dict[str, Any], applies: bool) -> None:
    made = restored(DEPLOYMENT, rule(patch("replace", "/spec/replicas", value=0), **conditions))
    assert (made["spec"]["replicas"] == 0) is applies


def test_rules_apply_in_their_order() -> None:
    rules = [rule(patch("replace", "/spec/replicas", value=number)) for number in (7, 8)]
    assert restored(DEPLOYMENT, *rules)["spec"]["replicas"] == 8


def test_the_config_map_is_yaml_for_people() -> None:
    made = Modifier().desired(params(rule(patch("remove", "/metadata/labels/test"), namespaces=["bar"])), {}, None)
    assert made["data"]["modifiers.yaml"] == (
        "version: v1\n"
        "resourceModifierRules:\n"
        "- conditions:\n"
        "    groupResource: deployments.apps\n"
        "    namespaces:\n"
        "    - bar\n"
        "  patches:\n"
        "  - operation: remove\n"
        "    path: /metadata/labels/test\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("premium", "premium"), (12, "12"), (True, "true"), ({"a": [1]}, '{"a": [1]}'), ([], "[]"), ("null", "null")],
)
def test_values_become_strings(value: Any, text: str) -> None:
    assert text_of(value) == text


# What is the same


WRITTEN_BY_HAND = """
version: v1
resourceModifierRules:
  - conditions:
      groupResource: "deployments.apps"
      namespaces: []
      resourceNameRegex:
    patches:
      - {path: /spec/x, operation: add, value: '{"a":1}'}
  - conditions: {groupResource: services}
    mergePatches:
      - patchData: "{spec: {type: ClusterIP}}"
"""
SAME = [
    rule(patch("add", "/spec/x", value={"a": 1})),
    rule(resource="services", merge_patches=[{"spec": {"type": "ClusterIP"}}]),
]


def test_rules_that_somebody_has_written_by_hand_are_the_same() -> None:
    wanted = Modifier().desired(params(*SAME), {}, None)["data"]["modifiers.yaml"]
    assert same_rules(wanted, WRITTEN_BY_HAND)
    assert not same_rules(wanted, WRITTEN_BY_HAND.replace("ClusterIP", "NodePort"))
    assert not same_rules(wanted, WRITTEN_BY_HAND.replace("services", "pods"))
    assert not same_rules(wanted, "- no rules")


def test_an_entry_keeps_the_name_that_it_has() -> None:
    live = {"metadata": {"name": "drill"}, "data": {"rules.yml": WRITTEN_BY_HAND}}
    resource = Modifier()
    assert list(resource.desired(params(*SAME), {}, live)["data"]) == ["rules.yml"]
    assert resource.differences({"data": resource.desired(params(*SAME), {}, live)["data"]}, live) == []


def test_what_is_shown() -> None:
    shown = Modifier().represent({"metadata": {"name": "drill"}, "data": {"x": WRITTEN_BY_HAND}})
    assert shown["rules"][0]["patches"] == [{"from": None, "operation": "add", "path": "/spec/x", "value": '{"a": 1}'}]
    assert shown["rules"][1]["merge_patches"] == [{"spec": {"type": "ClusterIP"}}]


def test_a_config_map_of_somebody_else_is_left_alone() -> None:
    live = {"metadata": {"name": "drill"}, "data": {"color": "blue"}}
    said = Modifier().problems(params(*SAME), {}, live)
    assert said == Modifier().removal_problems(None, params(), live)  # type: ignore[arg-type]
    assert "holds something else than resource modifiers (color), which would be lost" in said[0]
    frozen = {**live, "data": {"x": WRITTEN_BY_HAND}, "immutable": True}
    assert "is immutable, so it cannot be changed" in Modifier().problems(params(*SAME), {}, frozen)[0]


# What is refused

REPLACE = patch("replace", "/spec/replicas", value=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (params(), "rules is empty, so a restore would change nothing."),
        (params(rule(REPLACE), name="Drill"), "name is 'Drill'"),
        (
            params(rule(REPLACE, resource="deployments")),
            "would match nothing: the resource is called deployments.apps.",
        ),
        (params(rule(REPLACE, resource="Deployment")), "the resource is called deployments.apps."),
        (params(rule(REPLACE, resource="PVC")), "the resource is called persistentvolumeclaims."),
        (params(rule(REPLACE, resource="apps/v1")), "'apps/v1' is no resource."),
        (params(rule(REPLACE, resource="persistentvolumes", namespaces=["a"])), "persistentvolumes are in none"),
        (params(rule(REPLACE, namespaces=["A b"])), "'A b' is no name of a namespace"),
        (params(rule(REPLACE, name_regex="^(web")), "is no regular expression"),
        (params(rule(REPLACE, name_regex="^(?!web)")), "looks around or refers back, which the engine (RE2) cannot."),
        (params(rule()), "changes nothing. Give one of patches, merge_patches, strategic_patches."),
        (params(rule(REPLACE, merge_patches=[{"a": 1}])), "has patches and merge_patches, of which a rule takes one."),
        (
            params(rule(resource="widgets.example.com", strategic_patches=[{"a": 1}])),
            "strategic_patches need a schema that only Kubernetes' own resources have.",
        ),
        (params(rule(patch("add", "/spec/x"))), "add needs a value. For null give the string 'null'."),
        (params(rule(patch("remove", "/spec/x", value=1))), "remove takes no value."),
        (params(rule(patch("copy", "/spec/x"))), "copy needs from."),
        (params(rule({**REPLACE, "from": "/spec/x"})), "replace takes no from."),
        (params(rule(patch("remove", "spec/x"))), "path is 'spec/x'. A path starts with '/'"),
        (params(rule(patch("remove", "/a~b"))), "A '~' in a key is written ~0"),
        (
            params(rule(patch("remove", "/metadata/labels/app.kubernetes.io/name"))),
            "A '/' within a key is written ~1: /metadata/labels/app.kubernetes.io~1name.",
        ),
        (
            params(rule(patch("copy", "/spec/x", **{"from": "/metadata/annotations/a/b"}))),
            "from is '/metadata/annotations/a/b'. A '/' within a key is written ~1",
        ),
        (params(rule(patch("add", "/metadata/labels/a", value="true"))), "Azure Backup takes 'true' for what it looks"),
        (params(rule(patch("add", "/metadata/labels/a", value=1))), "/metadata/labels/a takes a string, but 1 is none"),
        (params(rule(patch("add", "/data/x", value="12"))), "/data/x takes a string"),
        (params(rule(patch("add", "/spec/x", value='say "no"'))), "has quotes, backslashes or line breaks"),
        (params(rule(patch("add", "/spec/x", value="{not json"))), "the value would be taken for JSON."),
        (params(rule(patch("add", "/metadata/labels/a", value="[]"))), "the value would be taken for JSON."),
        (
            params(rule(REPLACE, patch("test", "/spec/replicas", value=2))),
            "patch 2, tests /spec/replicas after an earlier patch has changed it",
        ),
        (
            params(rule(REPLACE, namespaces=["drill"]), namespace_mappings={"shop": "drill"}),
            "names the namespace drill, which shop is restored as. Modifiers look at the namespaces of the backup: "
            "name shop.",
        ),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    found = problems(given)
    assert len([sentence for sentence in found if said in sentence]) == 1, found


@pytest.mark.parametrize(
    "given",
    [
        params(rule(REPLACE, namespaces=["shop"]), namespace_mappings={"shop": "drill"}),
        params(rule(REPLACE, namespaces=["a"]), namespace_mappings={"a": "b", "b": "a"}),
        params(rule(patch("add", "/spec/x", value='{"a": 1}'))),
        params(rule(patch("add", "/metadata/labels/app.kubernetes.io~1name", value="web"))),
        params(rule(patch("add", "/spec/list/-", value="a"), patch("add", "/spec/list/-", value="b"))),
        params(rule(resource="snapshots.snapshot.storage.k8s.io", strategic_patches=[{"a": 1}])),
    ],
)
def test_what_is_fine(given: dict[str, Any]) -> None:
    assert problems(given) == []
    assert warnings(given) == []


def test_the_last_patch_of_a_path_wins_and_that_is_said() -> None:
    given = params(rule(REPLACE, patch("replace", "/spec/replicas", value=2)))
    assert problems(given) == []
    assert warnings(given) == [
        "The rule 1 (deployments.apps): patch 2 overrides patch 1, since both are for /spec/replicas and they apply in "
        "order."
    ]


def test_what_is_rendered_can_be_read_back() -> None:
    made = Modifier().desired(params(*SAME), {}, None)
    shown = Modifier().extras(params(*SAME), {}, None)
    assert yaml.safe_load(shown["manifest_yaml"]) == json.loads(json.dumps(made)) == shown["manifest"]
    assert shown["reference"] == {"name": "drill", "namespace": "shop"}
