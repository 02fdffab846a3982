# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks: what the options come to, what counts as the same, and what is said of what cannot or hardly work."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.hooks import Hook, same_hooks
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.hooks_lint import (
    problems,
    seconds,
    warnings,
)
from tests.emulator.kubernetes.api import definitions
from tests.emulator.kubernetes.api import problems as broken

STEP: dict[str, Any] = {"command": ["/bin/sync"]}


def params(*hooks: dict[str, Any], kind: str = "backup", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": "database", "namespace": "shop", "hooks": list(hooks), **more}


def hook(**more: Any) -> dict[str, Any]:
    return {"name": "flush", "post": [STEP], **more}


def test_a_backup_hook_in_full() -> None:
    step = {"command": ["/bin/bash", "-c", "echo hello > hello.txt"], "container": "web", "timeout": "10s"}
    selector = {
        "match_labels": {"app": "web", "tier": 1},
        "match_expressions": [{"key": "tier", "operator": "Exists", "values": None}],
    }
    wanted = hook(
        included_namespaces=["hrweb"],
        excluded_namespaces=["scratch"],
        label_selector=selector,
        pre=[{**step, "on_error": "Fail"}],
        post=[STEP],
    )
    assert Hook().desired(params(wanted), {}, None) == {
        "apiVersion": "clusterbackup.dataprotection.microsoft.com/v1alpha1",
        "kind": "BackupHook",
        "metadata": {"name": "database", "namespace": "shop"},
        "spec": {
            "backupHook": [
                {
                    "name": "flush",
                    "includedNamespaces": ["hrweb"],
                    "excludedNamespaces": ["scratch"],
                    "labelSelector": {
                        "matchLabels": {"app": "web", "tier": "1"},
                        "matchExpressions": [{"key": "tier", "operator": "Exists"}],
                    },
                    "preHooks": [
                        {
                            "exec": {
                                "container": "web",
                                "command": ["/bin/bash", "-c", "echo hello > hello.txt"],
                                "onError": "Fail",
                                "timeout": "10s",
                            }
                        }
                    ],
                    "postHooks": [{"exec": {"command": ["/bin/sync"], "onError": "Continue"}}],
                }
            ]
        },
    }


def test_a_restore_hook_calls_its_times_otherwise() -> None:
    wanted = hook(post=[{**STEP, "timeout": "30s", "wait_timeout": "5m"}])
    made = Hook().desired(params(wanted, kind="restore"), {}, None)
    assert made["kind"] == "RestoreHook"
    assert made["spec"]["restoreHook"][0]["postHooks"][0]["exec"] == {
        "command": ["/bin/sync"],
        "onError": "Continue",
        "execTimeout": "30s",
        "waitTimeout": "5m",
    }


@pytest.mark.parametrize("kind", ["backup", "restore"])
def test_what_is_made_fits_the_definition_of_the_kind(kind: str) -> None:
    made = Hook().desired(params(hook(label_selector={"match_labels": {"a": "b"}}), kind=kind), {}, None)
    assert list(broken(made, definitions()[made["kind"]], "")) == []


def test_where_the_objects_lie() -> None:
    base = "/apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop"
    assert Hook().id(params()) == f"{base}/backuphooks/database"
    assert Hook().id(params(kind="restore")) == f"{base}/restorehooks/database"


LIVE = {"name": "flush", "postHooks": [{"exec": {"command": ["/bin/sync"], "onError": "Continue"}}]}


@pytest.mark.parametrize(
    ("live", "same"),
    [
        (LIVE, True),
        # What a server adds: nulls, empty filters, the default timeout, things that are not known here.
        ({**LIVE, "includedNamespaces": None, "labelSelector": {}, "preHooks": [], "new": 1}, True),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "timeout": "30s"}}]}, True),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "timeout": "0.5m"}}]}, True),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "timeout": "1m"}}]}, False),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "onError": "Fail"}}]}, False),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "container": "web"}}]}, False),
        ({**LIVE, "postHooks": [{"exec": {"command": ["/bin/sync"], "waitTimeout": "5m"}}]}, False),
        ({**LIVE, "postHooks": [*LIVE["postHooks"], *LIVE["postHooks"]]}, False),
        # A filter that is not asked for any more has to go.
        ({**LIVE, "includedNamespaces": ["shop"]}, False),
        ({**LIVE, "labelSelector": {"matchLabels": {"a": "b"}}}, False),
        ({**LIVE, "name": "other"}, False),
    ],
)
def test_what_counts_as_the_same(live: dict[str, Any], same: bool) -> None:
    wanted = Hook().desired(params(hook()), {}, None)["spec"]["backupHook"]
    assert same_hooks(wanted, [live]) is same


def test_what_is_shown_is_what_was_asked_for() -> None:
    wanted = hook(pre=[{**STEP, "timeout": "1m", "container": "web", "on_error": "Fail"}])
    shown = Hook().represent(Hook().desired(params(wanted), {}, None))
    assert shown["kind"] == "backup"
    assert shown["hooks"][0]["pre"] == [
        {"command": ["/bin/sync"], "container": "web", "on_error": "Fail", "timeout": "1m"}
    ]
    assert shown["hooks"][0]["post"] == [
        {"command": ["/bin/sync"], "container": None, "on_error": "Continue", "timeout": "30s", "wait_timeout": None}
    ]


def command(*words: str, **more: Any) -> dict[str, Any]:
    return hook(post=[{"command": list(words), **more}])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (params(name="Data_Base"), "name is 'Data_Base': names in Kubernetes"),
        (params(hook(), namespace="Shop"), "namespace: 'Shop' is no name of a namespace"),
        (params(), "hooks is empty, so nothing would ever run."),
        (params(hook(), hook()), "Two hooks are called 'flush'. Each needs a name of its own."),
        (params(hook(name=" ")), "A hook has an empty name."),
        (params({"name": "flush"}), "has neither pre nor post, so nothing would run."),
        (params(hook(pre=[STEP]), kind="restore"), "there is nothing to run commands in before a restore. Use post."),
        (
            params(hook(included_namespaces=["a"], excluded_namespaces=["a"])),
            "both includes and excludes the namespace a.",
        ),
        (params(hook(included_namespaces=["A b"])), "'A b' is no name of a namespace"),
        (
            params(hook(label_selector={"match_expressions": [{"key": "a", "operator": "In"}]})),
            "selects pods by a In, which takes values.",
        ),
        (
            params(hook(label_selector={"match_expressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]})),
            "selects pods by a Exists, which takes no values.",
        ),
        (params(command()), "command is empty. Give the program and its arguments, one item each."),
        (params(command("echo hello")), "so 'echo hello' is taken for the name of one program, blanks and all."),
        (
            params(command("echo", "a", "&&", "echo", "b")),
            "echo would get '&&' as an argument. Give a shell: [/bin/sh, -c, 'echo a && echo b'].",
        ),
        (params(command("/bin/sync", timeout="10")), "timeout is '10', which is no duration such as 30s, 5m or 1h30m."),
        (params(command("/bin/sync", timeout="0s")), "timeout is '0s', which is no duration"),
        (params(command("/bin/sync", wait_timeout="5m")), "wait_timeout is for restores"),
        (params(hook(), namespace_mappings={"shop": "drill"}), "namespace_mappings are for kind=restore."),
        (
            params(hook(included_namespaces=["shop"]), kind="restore", namespace_mappings={"shop": "drill"}),
            "names the namespace shop, which is restored as drill. Restore hooks look at the restored namespaces: "
            "name drill.",
        ),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    found = problems({**params(), **given})
    assert len([sentence for sentence in found if said in sentence]) == 1, found


def test_all_problems_are_said_at_once() -> None:
    given = params(command("echo hello"), {"name": "idle"}, name="X")
    assert len(problems(given)) == 3


@pytest.mark.parametrize(
    "given",
    [
        params(hook(included_namespaces=["*"])),
        params(command("/bin/sh", "-c", "echo $HOME > /tmp/x && sync")),
        params(command("bash", "-c", "a | b")),
        params(hook(included_namespaces=["drill"]), kind="restore", namespace_mappings={"shop": "drill"}),
        params(hook(included_namespaces=["a"]), kind="restore", namespace_mappings={"a": "b", "b": "a"}),
    ],
)
def test_what_is_fine(given: dict[str, Any]) -> None:
    assert problems(given) == []
    assert warnings(given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            params(hook(included_namespaces=["kube-system"])),
            "names the namespace kube-system, which Azure Backup never",
        ),
        (params(command("echo", "$HOME")), "'$HOME' is handed over as it is. Without a shell nothing is filled in"),
        (params(command("echo", "$(date)")), "'$(date)' is handed over as it is."),
        (
            params(command("/bin/sh", "-c", "echo", "hello")),
            "/bin/sh carries out 'echo' and takes the items after it for that script's own arguments.",
        ),
        (
            params(hook(included_namespaces=["other"]), kind="restore", namespace_mappings={"shop": "drill"}),
            "names the namespace other, which namespace_mappings leaves where it was.",
        ),
    ],
)
def test_what_is_warned_of(given: dict[str, Any], said: str) -> None:
    assert problems(given) == []
    assert [said in sentence for sentence in warnings(given)] == [True]


@pytest.mark.parametrize(
    ("text", "value"),
    [("30s", 30), ("1m30s", 90), ("1.5h", 5400), ("500ms", 0.5), ("30", None), ("", None), ("5 m", None), (30, None)],
)
def test_durations(text: Any, value: float | None) -> None:
    assert seconds(text) == value
