# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom hooks: commands in containers around a backup and after a restore.

Azure documentation, "What is Azure Kubernetes Service backup?", section on custom hooks: BackupHook and RestoreHook are
custom resources in the cluster; commands are not run in a shell; restore hooks wait for the container to be ready.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import Cluster
from .objects import BACKUP_GROUP, Object, behaviour, labels_of, name_of, namespace_of
from .selection import label_selector
from .warnings import warning

FAILED = "UserErrorHookExecutionFailed"
RESOURCES = {"backupHook": f"backuphooks.{BACKUP_GROUP}", "restoreHook": f"restorehooks.{BACKUP_GROUP}"}
DEFAULT_TIMEOUT = 30.0  # seconds; the default of the hook engine when the hook states none


@dataclass(frozen=True)
class Run:
    """One command that was run, or should have been: what came of it."""

    hook: str
    phase: str  # "preHooks" or "postHooks"
    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]
    error: str  # "" when it succeeded
    fatal: bool  # it failed and onError is Fail

    def warning(self) -> dict[str, Any]:
        return warning(FAILED, f"pods/{self.namespace}/{self.pod}",
                       f"Hook {self.hook}, container {self.container}: {self.error}")


def hooks(
    cluster: Cluster, member: str, references: Iterable[Mapping[str, str]] | None
) -> tuple[list[Object], list[dict[str, Any]]]:
    """The hooks that references [{name, namespace}] name, in their order, and warnings for those that are not there.

    member: "backupHook" or "restoreHook".
    """
    found: list[Object] = []
    warnings = []
    for reference in references or ():
        resource = cluster.get(RESOURCES[member], reference["name"], reference["namespace"])
        if resource is None:
            text = (
                f"{member[0].upper()}{member[1:]} {reference['namespace']}/{reference['name']} is not in the cluster."
            )
            warnings.append(warning(FAILED, f"{RESOURCES[member]}/{reference['namespace']}/{reference['name']}", text))
        else:
            found.extend((resource.get("spec") or {}).get(member) or ())
    return found, warnings


def run(specifications: list[Object], phase: str, pod: Object, namespace: str) -> Iterator[Run]:
    """Run the hooks of a phase that apply to a pod; a failure with onError Fail ends it.

    namespace: the pod's namespace as the hook's filters see it.
    """
    for hook in specifications:
        if not _applies(hook, namespace, pod):
            continue
        for each in hook.get(phase) or ():
            result = _execute(hook, phase, each["exec"], pod)
            yield result
            if result.fatal:
                return


def _applies(hook: Object, namespace: str, pod: Object) -> bool:
    included = hook.get("includedNamespaces") or ()
    return ((not included or "*" in included or namespace in included)
            and namespace not in (hook.get("excludedNamespaces") or ())
            and label_selector(hook.get("labelSelector"), labels_of(pod)))


def _execute(hook: Object, phase: str, step: Mapping[str, Any], pod: Object) -> Run:
    containers = [each["name"] for each in pod["spec"]["containers"]]
    container, command = step.get("container") or containers[0], tuple(step.get("command") or ())
    error = _error(pod, containers, container, command, step)
    return Run(hook.get("name", ""), phase, namespace_of(pod), name_of(pod), container, command, error,
               bool(error) and step.get("onError") == "Fail")


def _error(pod: Object, containers: list[str], container: str, command: tuple[str, ...],
           step: Mapping[str, Any]) -> str:
    if container not in containers:
        return f"no such container in pod {name_of(pod)}"
    behaves = behaviour(pod)
    if (pod.get("status") or {}).get("phase", "Running") != "Running" or behaves.get("ready") is False:
        return f"the container was not ready within {step.get('waitTimeout', '0s')}"
    if not command:
        return "no command"
    if re.search(r"\s", command[0]):
        # Not a shell: the first item is the name of a program, blanks and all.
        return f'exec: "{command[0]}": executable file not found'
    if command[0].rpartition("/")[2] == "false":
        return "command terminated with exit code 1"
    timeout = _seconds(step.get("timeout") or step.get("execTimeout"))
    for each in behaves.get("exec") or ():
        if each.get("container", container) == container and re.search(each.get("command", ""), " ".join(command)):
            if each.get("seconds", 0) > timeout:
                return f"timed out after {timeout:g} s"
            if each.get("exitCode", 0):
                return each.get("message") or f"command terminated with exit code {each['exitCode']}"
    return ""


def _seconds(duration: str | None) -> float:
    """Seconds of a Go duration such as 1m30s."""
    if not duration:
        return DEFAULT_TIMEOUT
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration)
    return sum(float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for number, unit in parts)
