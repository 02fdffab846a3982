# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces: what the options come to, which are never deleted, and what stands in the way of a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, apply
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes import namespaces
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.doors import Answer, Commands, Https
from tests.documented import block
from tests.emulator.kubernetes.objects import KINDS


def params(**more: Any) -> dict[str, Any]:
    return {"name": "shop-drill", "state": "present", "force": False, **more}


def live(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop-drill", **metadata}}


MARKED = {namespaces.MARK: namespaces.MADE_HERE}
RESOURCE = namespaces.Namespace()


def test_only_a_new_namespace_is_marked_as_made_here() -> None:
    assert RESOURCE.desired(params(labels={"tier": 1, "old": None}), {}, None) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop-drill", "annotations": {}, "labels": {"tier": "1", **MARKED}},
    }
    assert RESOURCE.desired(params(), {}, live())["metadata"]["labels"] == {}


def test_labels_are_added_changed_and_taken_off_and_others_stay() -> None:
    there = live(labels={"a": "1", "b": "2", "c": "3"})
    wanted = RESOURCE.desired(params(labels={"a": "one", "b": None, "d": True, "e": None}), {}, there)
    changes = RESOURCE.differences(wanted, there)
    assert [(change.path[-1], change.after) for change in changes] == [("a", "one"), ("b", ABSENT), ("d", "true")]
    assert apply(there, changes)["metadata"]["labels"] == {"a": "one", "c": "3", "d": "true"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "Shop"}, "name: 'Shop' is no name of a namespace."),
        ({"labels": {"-x": "y"}}, "labels: '-x' is no key."),
        ({"annotations": {"exa_mple.com/x": "y"}}, "annotations: 'exa_mple.com/x' is no key."),
        ({"labels": {"x": "two words"}}, "labels: 'two words' is no value of a label."),
        ({"labels": {"x": ["y"]}}, "labels: the value of x is a structure, and has to be text."),
        ({"labels": {namespaces.MARK: "me"}}, "and is not given by hand"),
    ],
)
def test_what_cannot_be_is_said(options: dict[str, Any], said: str) -> None:
    (problem,) = namespaces.problems(params(**options))
    assert said in problem
    assert (
        namespaces.problems(params(labels={"example.com/a.b_c": "", "x": None}, annotations={"x": "two words"})) == []
    )


def test_only_what_was_made_here_and_confirmed_is_deleted() -> None:
    confirmed = params(confirm_delete_data="shop-drill")
    assert namespaces.removal_problems(confirmed, live(labels=MARKED)) == []
    assert namespaces.removal_problems({**confirmed, "force": True}, live()) == []
    (mark,) = namespaces.removal_problems(confirmed, live(labels={namespaces.MARK: "somebody"}))
    assert "was not made by this module: it lacks the label aks.backup/made-by=aks_namespace" in mark
    assert len(namespaces.removal_problems(params(confirm_delete_data="shop"), live())) == 2
    for name in ("default", "dataprotection-microsoft", "kube-system"):
        (never,) = namespaces.removal_problems(params(name=name, confirm_delete_data=name, force=True), live())
        assert "belongs to the cluster or to its backups, and is not deleted" in never


def condition(kind: str, message: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "message": message}


def test_what_stands_in_the_way_of_a_deletion_is_named() -> None:
    calm = {**live(deletionTimestamp="2026-01-05T00:00:00Z"), "status": {"conditions": [
        condition("NamespaceContentRemaining", "All content successfully removed", "False")]}}  # fmt: skip
    assert RESOURCE.leaving(calm) == RESOURCE.pending(calm) == "the namespace shop-drill to be gone"
    assert RESOURCE.pending(live()) is None
    content = condition("NamespaceContentRemaining", "Some resources are remaining: pods. has 1 resource instances")
    finalizers = condition("NamespaceFinalizersRemaining", "Some content has finalizers remaining: a/b in 1")
    broken = condition("NamespaceDeletionDiscoveryFailure", "Discovery failed for some groups, 1 failing")
    held = RESOURCE.leaving({**calm, "status": {"conditions": [finalizers, content]}})
    assert held == (
        "the namespace shop-drill to be gone (Some resources are remaining: pods. has 1 resource instances. Some "
        "content has finalizers remaining: a/b in 1. Whoever has put a finalizer on an object has to take it off, or "
        "is gone and you have to.)"
    )
    assert RESOURCE.leaving({**calm, "status": {"conditions": [broken]}}).endswith(
        "(Discovery failed for some groups, 1 failing. The cluster tries again by itself.)"
    )


def test_a_namespace_that_goes_already_is_not_deleted_again() -> None:
    sent: list[str] = []

    class Cluster:
        def delete(self, id_: str) -> None:
            sent.append(id_)

    for document in (live(deletionTimestamp="2026-01-05T00:00:00Z"), live()):
        RESOURCE.delete(Cluster(), "/api/v1/namespaces/shop-drill", document, params())  # type: ignore[arg-type]
    assert sent == ["/api/v1/namespaces/shop-drill"]


# Counting


def test_what_is_counted_is_documented_and_spelled_as_kubernetes_does() -> None:
    (objects,) = block("aks_namespace_info", "RETURN")["namespaces"]["contains"]["objects"]["description"]
    spelled = {f"{plural}.{group}".rstrip("."): kind for kind, (group, plural, _namespaced) in KINDS.items()}
    for kind in namespaces.KINDS:
        assert kind.resource in objects
        group = kind.resource.partition(".")[2]
        assert kind.singular == f"{spelled[kind.resource]}.{group}".lower().rstrip(".")
        assert kind.api == (f"/apis/{group}/v1" if group else "/api/v1")
    assert "secrets" not in spelled.keys() & {kind.resource for kind in namespaces.KINDS}


def listed(*names: str, more: str = "") -> Answer:
    return Answer(200, {"metadata": {"continue": more}, "items": [{"metadata": {"name": name}} for name in names]})


def asked(send: Any, path: str) -> Answer:
    answer: Answer = send()
    return answer


def test_lists_are_read_to_their_end_and_kinds_that_are_not_served_are_passed_over(monkeypatch: Any) -> None:
    answers = {
        "/api/v1/namespaces/shop/pods?limit=500": listed("a", "b", more="x=="),
        "/api/v1/namespaces/shop/pods?limit=500&continue=x%3D%3D": listed("c"),
        "/apis/batch/v1/namespaces/shop/cronjobs?limit=500": Answer(404, {"reason": "NotFound"}),
    }
    monkeypatch.setattr(Https, "send", lambda self, method, path, accept: answers[path])
    kinds = [kind for kind in namespaces.KINDS if kind.resource in ("cronjobs.batch", "pods")]
    found = Https(None, None, None, "").names("shop", kinds, asked)  # type: ignore[arg-type]
    assert found == {"cronjobs.batch": [], "pods": ["a", "b", "c"]}


def test_by_commands_all_kinds_are_asked_for_at_once() -> None:
    commands: list[str] = []

    class Aks:
        def consult(self, id_: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
            commands.append(body["command"])
            return {"properties": {"exitCode": 0, "logs": "pod/a\npod/b\ndeployment.apps/web\n"}}

    found = Commands(Aks(), "/cluster", "").names("shop", namespaces.KINDS, asked)  # type: ignore[arg-type]
    assert {resource: names for resource, names in found.items() if names} == {
        "deployments.apps": ["web"],
        "pods": ["a", "b"],
    }
    (command,) = commands
    assert command.startswith("kubectl get configmaps,cronjobs.batch,") and " --namespace shop " in command
