# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_hook show."""

from __future__ import annotations

from typing import Any

from tests.harness.steps import IN_CLUSTER, chain
from tests.lifecycle.options import Proven, Shows
from tests.lifecycle.options.in_cluster import WAYS

STEP: dict[str, Any] = {"command": ["/usr/bin/psql", "-c", "CHECKPOINT"]}


def BEFORE(subscription):
    return chain(subscription, until="binding")


def BASE(subscription):
    return IN_CLUSTER["hook"][1]


def hooked(shows: str, **more: Any) -> Shows:
    """The one hook of the base with something more."""
    return Shows({"hooks": [{"name": "checkpoint", "pre": [STEP], **more}]}, shows)


def stepped(phase: str, shows: str, over: dict[str, Any] | None = None, **more: Any) -> Shows:
    """A command of a phase with something more."""
    return Shows({"hooks": [{"name": "checkpoint", phase: [{**STEP, **more}]}]}, shows, over=over)


def selected(shows: str, **expression: Any) -> Shows:
    given = {"key": "tier", "operator": "Exists", **expression}
    return hooked(shows, label_selector={"match_expressions": [given]})


POST = {"hooks": [{"name": "checkpoint", "post": [STEP]}]}
RESTORE = {"kind": "restore", **POST}

OPTIONS = {
    **WAYS,
    "hooks.excluded_namespaces": hooked('"excludedNamespaces": ["scratch"]', excluded_namespaces=["scratch"]),
    "hooks.included_namespaces": hooked('"includedNamespaces": ["shop"]', included_namespaces=["shop"]),
    "hooks.label_selector.match_expressions.key": selected('"key": "tier"'),
    "hooks.label_selector.match_expressions.operator": selected('"operator": "DoesNotExist"', operator="DoesNotExist"),
    "hooks.label_selector.match_expressions.values": selected('"values": ["data"]', operator="In", values=["data"]),
    "hooks.label_selector.match_labels": hooked(
        '"matchLabels": {"app": "web"}', label_selector={"match_labels": {"app": "web"}}
    ),
    "hooks.name": Shows({"hooks": [{"name": "other", "pre": [STEP]}]}, '"name": "other"'),
    "hooks.post.command": stepped("post", '"postHooks": [{"exec": {"command": ["/bin/sync"]', command=["/bin/sync"]),
    "hooks.post.container": stepped("post", '"container": "web"', POST, container="web"),
    "hooks.post.on_error": stepped("post", '"onError": "Fail"', POST, on_error="Fail"),
    "hooks.post.timeout": stepped("post", '"timeout": "90s"', POST, timeout="90s"),
    "hooks.post.wait_timeout": stepped("post", '"waitTimeout": "5m"', RESTORE, wait_timeout="5m"),
    "hooks.pre.command": stepped("pre", '"preHooks": [{"exec": {"command": ["/bin/sync"]', command=["/bin/sync"]),
    "hooks.pre.container": stepped("pre", '"container": "web"', container="web"),
    "hooks.pre.on_error": stepped("pre", '"onError": "Fail"', on_error="Fail"),
    "hooks.pre.timeout": stepped("pre", '"timeout": "90s"', timeout="90s"),
    "kind": Shows({"kind": "restore"}, '"kind": "RestoreHook"', over=POST),
    "name": Shows({"name": "other"}, "/backuphooks/other"),
    "namespace": Shows({"namespace": "default"}, "/namespaces/default/backuphooks"),
    "namespace_mappings": Shows(
        {"namespace_mappings": {"shop": "drill"}},
        "which is restored as drill",
        over={"kind": "restore", "hooks": [{"name": "x", "included_namespaces": ["shop"], "post": [STEP]}]},
    ),
    "state": Proven("tests/lifecycle/test_matrix.py::test_the_twelve_steps"),
}
