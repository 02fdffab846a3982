# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup hooks and restore hooks: commands in containers around a backup and after a restore.

Private to the collection. Shape of the objects and what the commands are: "What is Azure Kubernetes Service backup?",
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.hooks_lint import (
    problems,
    seconds,
    warnings,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.kubernetes import Object

GROUP = "clusterbackup.dataprotection.microsoft.com"
VERSION = "v1alpha1"
# Seconds that a command may take where nobody says; what it is in the engine behind Azure Backup.
DEFAULT_TIMEOUT = "30s"


class Kind(NamedTuple):
    """What the objects of ``kind`` are called, the list in their spec, and what its commands call their timeout."""

    kind: str
    plural: str
    list: str
    timeout: str


KINDS = {
    "backup": Kind("BackupHook", "backuphooks", "backupHook", "timeout"),
    "restore": Kind("RestoreHook", "restorehooks", "restoreHook", "execTimeout"),
}
# Option -> list of commands in the object.
PHASES = {"pre": "preHooks", "post": "postHooks"}


def same_hooks(wanted: Any, live: Any) -> bool:
    """Whether two lists of hooks do the same. Empty filters are none, durations count by value, and what a newer
    service adds is left alone.
    """
    if live is ABSENT or not isinstance(live, list):
        return not wanted
    return [_meaning(hook) for hook in wanted] == [_meaning(hook) for hook in live]


def _meaning(hook: Mapping[str, Any]) -> Any:
    filters = [hook.get(key) or None for key in ("includedNamespaces", "excludedNamespaces")]
    selector = {key: value for key, value in (hook.get("labelSelector") or {}).items() if value}
    phases = [[_effect(step.get("exec") or {}) for step in hook.get(phase) or []] for phase in PHASES.values()]
    return hook.get("name"), filters, selector, phases


def _effect(command: Mapping[str, Any]) -> Any:
    timeout = command.get("timeout") or command.get("execTimeout") or DEFAULT_TIMEOUT
    wait = command.get("waitTimeout")
    return (
        command.get("container") or None,
        command.get("command"),
        command.get("onError") or "Continue",
        seconds(timeout),
        seconds(wait) if wait else None,
    )


class Hook(Object):
    noun = "hook"
    api = f"/apis/{GROUP}/{VERSION}"
    rules = {f"spec.{kind.list}": same_hooks for kind in KINDS.values()}

    def plural(self, params: Params) -> str:
        return KINDS[params["kind"]].plural

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        return problems(params)

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        return warnings(params)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        kind = KINDS[params["kind"]]
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind.kind,
            "metadata": {"name": params["name"], "namespace": params["namespace"]},
            "spec": {kind.list: [_hook(kind, hook) for hook in params.get("hooks") or []]},
        }

    def represent(self, document: Document) -> Document:
        kind = next((name for name, kind in KINDS.items() if kind.kind == document.get("kind")), None)
        hooks = dig(document, f"spec.{KINDS[kind].list}", []) if kind else []
        return {
            "hooks": [_represented(KINDS[str(kind)], hook) for hook in hooks],
            "kind": kind,
            "name": dig(document, "metadata.name"),
            "namespace": dig(document, "metadata.namespace"),
        }


def _hook(kind: Kind, hook: Mapping[str, Any]) -> Document:
    return given(
        {
            "name": hook["name"],
            "includedNamespaces": hook.get("included_namespaces") or None,
            "excludedNamespaces": hook.get("excluded_namespaces") or None,
            "labelSelector": selector(hook.get("label_selector")),
            **{
                wire: [{"exec": _command(kind, step)} for step in hook[option]]
                for option, wire in PHASES.items()
                if hook.get(option)
            },
        }
    )


def selector(chosen: Mapping[str, Any] | None) -> Document | None:
    """A Kubernetes label selector, or None for all labels."""
    if not chosen:
        return None
    labels = {str(key): str(value) for key, value in (chosen.get("match_labels") or {}).items()}
    expressions = [given(expression) for expression in chosen.get("match_expressions") or []]
    return given({"matchLabels": labels or None, "matchExpressions": expressions or None}) or None


def _command(kind: Kind, step: Mapping[str, Any]) -> Document:
    return given(
        {
            "container": step.get("container"),
            "command": [str(part) for part in step["command"]],
            "onError": step.get("on_error") or "Continue",
            kind.timeout: step.get("timeout"),
            "waitTimeout": step.get("wait_timeout"),
        }
    )


def _represented(kind: Kind, hook: Mapping[str, Any]) -> Document:
    chosen = hook.get("labelSelector") or {}
    return {
        "excluded_namespaces": hook.get("excludedNamespaces") or [],
        "included_namespaces": hook.get("includedNamespaces") or [],
        "label_selector": {
            "match_expressions": chosen.get("matchExpressions") or [],
            "match_labels": chosen.get("matchLabels") or {},
        },
        "name": hook.get("name"),
        **{
            option: [_shown(kind, option, step.get("exec") or {}) for step in hook.get(wire) or []]
            for option, wire in PHASES.items()
        },
    }


def _shown(kind: Kind, phase: str, command: Mapping[str, Any]) -> Document:
    return {
        "command": command.get("command") or [],
        "container": command.get("container"),
        "on_error": command.get("onError") or "Continue",
        "timeout": command.get(kind.timeout) or DEFAULT_TIMEOUT,
        **({"wait_timeout": command.get("waitTimeout")} if phase == "post" else {}),
    }
