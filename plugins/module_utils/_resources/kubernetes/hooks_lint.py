# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, or likely to be wrong, with hooks. Pure. Private to the collection.

Sources: "What is Azure Kubernetes Service backup?" on hooks, and Kubernetes' own rules for names and selectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._resources.common import NEVER_BACKED_UP
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.names import (
    mapping_problems,
    name_problems,
    namespace_problems,
)

Hook = Mapping[str, Any]

# Tokens that mean something to a shell only.
OPERATORS = frozenset({"&", "&&", ";", "<", "<<", ">", ">>", "2>", "2>&1", "|", "||"})
SHELLS = frozenset({"ash", "bash", "cmd", "cmd.exe", "dash", "ksh", "powershell", "pwsh", "sh", "zsh"})
# What only a shell would fill in.
EXPANSION = re.compile(r"\$\w|\$\{|\$\(|`")
# Go's durations, as far as they make sense here.
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SELECTORS = {"DoesNotExist": False, "Exists": False, "In": True, "NotIn": True}


def seconds(duration: Any) -> float | None:
    """Seconds of a duration such as ``1m30s``, or None when it is none."""
    if not isinstance(duration, str) or not DURATION.fullmatch(duration):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration))


def problems(params: Mapping[str, Any]) -> list[str]:
    """What cannot work."""
    hooks = params.get("hooks") or []
    said = name_problems(params)
    if not hooks:
        said.append("hooks is empty, so nothing would ever run. Give at least one, or use state=absent.")
    if params["kind"] == "backup" and params.get("namespace_mappings"):
        said.append("namespace_mappings are for kind=restore. A backup maps nothing.")
    names = [hook["name"] for hook in hooks]
    said += [f"Two hooks are called {name!r}. Each needs a name of its own." for name in _twice(names)]
    for hook in hooks:
        said += _hook_problems(params["kind"], hook)
        if params["kind"] == "restore":
            said += mapping_problems(f"hook {hook['name']!r}", hook.get("included_namespaces"), params, after=True)
    return said


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _hook_problems(kind: str, hook: Hook) -> Iterator[str]:
    where = f"The hook {hook['name']!r}"
    if not hook["name"].strip():
        yield "A hook has an empty name. Azure Backup demands one of each hook."
    if not hook.get("pre") and not hook.get("post"):
        yield f"{where} has neither pre nor post, so nothing would run."
    if kind == "restore" and hook.get("pre"):
        yield f"{where} has pre, but there is nothing to run commands in before a restore. Use post."
    included, excluded = hook.get("included_namespaces") or [], hook.get("excluded_namespaces") or []
    for name in sorted(set(included) & set(excluded)):
        yield f"{where} both includes and excludes the namespace {name}. It would not run there: leave one out."
    yield from namespace_problems(where, [*included, *excluded], "*")
    for expression in (hook.get("label_selector") or {}).get("match_expressions") or []:
        wants = SELECTORS[expression["operator"]]
        if wants != bool(expression.get("values")):
            yield (
                f"{where} selects pods by {expression['key']} {expression['operator']}, which takes "
                f"{'values' if wants else 'no values'}."
            )
    for phase in ("pre", "post"):
        for number, step in enumerate(hook.get(phase) or [], 1):
            yield from _step_problems(kind, f"{where}, {phase} {number}", step)


def _step_problems(kind: str, where: str, step: Mapping[str, Any]) -> Iterator[str]:
    command = [str(part) for part in step["command"]]
    if not command or not command[0].strip():
        yield f"{where}: command is empty. Give the program and its arguments, one item each."
    elif re.search(r"\s", command[0]):
        yield (
            f"{where}: commands are not run in a shell, so {command[0]!r} is taken for the name of one program, "
            f"blanks and all. Give its parts as items of a list, or a shell: [/bin/sh, -c, {command[0]!r}]."
        )
    elif not _shell(command):
        for part in command[1:]:
            if part in OPERATORS:
                yield (
                    f"{where}: commands are not run in a shell, so {command[0]} would get {part!r} as an argument. "
                    f"Give a shell: [/bin/sh, -c, {' '.join(command)!r}]."
                )
                break
    for option in ("timeout", "wait_timeout"):
        value = step.get(option)
        if value is not None and not seconds(value):
            yield f"{where}: {option} is {value!r}, which is no duration such as 30s, 5m or 1h30m."
    if kind == "backup" and step.get("wait_timeout"):
        yield f"{where}: wait_timeout is for restores, where containers start first. Before a backup they run already."


def _shell(command: list[str]) -> bool:
    return command[0].replace("\\", "/").rpartition("/")[2].lower() in SHELLS


def warnings(params: Mapping[str, Any]) -> list[str]:
    """What works, but hardly as meant."""
    said: list[str] = []
    for hook in params.get("hooks") or []:
        where = f"The hook {hook['name']!r}"
        for name in sorted(NEVER_BACKED_UP & set(hook.get("included_namespaces") or [])):
            said.append(f"{where} names the namespace {name}, which Azure Backup never backs up.")
        if params["kind"] == "restore":
            said += _restore_warnings(where, hook, params.get("namespace_mappings"))
        for phase in ("pre", "post"):
            for number, step in enumerate(hook.get(phase) or [], 1):
                said += _step_warnings(f"{where}, {phase} {number}", [str(part) for part in step["command"]])
    return said


def _restore_warnings(where: str, hook: Hook, mappings: Mapping[str, str] | None) -> Iterator[str]:
    if mappings is None:
        return
    unmapped = sorted(set(hook.get("included_namespaces") or []) - set(map(str, mappings.values())) - {"*"})
    for name in unmapped:
        yield (
            f"{where} names the namespace {name}, which namespace_mappings leaves where it was. Restore hooks wait for "
            "new containers, and do not run where the backed-up ones still do."
        )


def _step_warnings(where: str, command: list[str]) -> Iterator[str]:
    if not command:
        return
    if not _shell(command):
        filled = [part for part in command if EXPANSION.search(part)]
        if filled:
            yield (
                f"{where}: {filled[0]!r} is handed over as it is. Without a shell nothing is filled in; "
                "use [/bin/sh, -c, ...] if something should be."
            )
    elif len(command) > 3 and command[1] in ("-c", "/c"):
        yield (
            f"{where}: {command[0]} carries out {command[2]!r} and takes the items after it for that script's own "
            "arguments. Put the whole script into one item."
        )
