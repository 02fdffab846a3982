# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, or likely to be wrong, with resource modifiers. Pure. Private to the collection.

Sources: "What is Azure Kubernetes Service backup?" on resource modification; RFC 6901 and 6902 on pointers and patches;
and of the engine behind Azure Backup, which is Velero, its pages and code on resource modifiers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.names import (
    mapping_problems,
    name_problems,
    namespace_problems,
)

Rule = Mapping[str, Any]

FORMS = ("patches", "merge_patches", "strategic_patches")
# Operation -> whether it takes a value, and a from.
OPERATIONS = {"add": (True, False), "copy": (False, True), "remove": (False, False), "replace": (True, False),
              "test": (True, False)}  # fmt: skip
# Resources of Kubernetes itself that people forget the group of: a condition without it matches nothing.
GROUPS = {
    **dict.fromkeys(("daemonsets", "deployments", "replicasets", "statefulsets"), "apps"),
    **dict.fromkeys(("cronjobs", "jobs"), "batch"),
    **dict.fromkeys(("ingresses", "networkpolicies"), "networking.k8s.io"),
    **dict.fromkeys(("clusterrolebindings", "clusterroles", "rolebindings", "roles"), "rbac.authorization.k8s.io"),
    "horizontalpodautoscalers": "autoscaling",
    "poddisruptionbudgets": "policy",
    "storageclasses": "storage.k8s.io",
}
# Kinds, in lower case, to the name of their resources, for those who write the kind.
KINDS = {
    "configmap": "configmaps",
    "cronjob": "cronjobs.batch",
    "daemonset": "daemonsets.apps",
    "deployment": "deployments.apps",
    "ingress": "ingresses.networking.k8s.io",
    "job": "jobs.batch",
    "namespace": "namespaces",
    "persistentvolume": "persistentvolumes",
    "persistentvolumeclaim": "persistentvolumeclaims",
    "pod": "pods",
    "pvc": "persistentvolumeclaims",
    "secret": "secrets",
    "service": "services",
    "serviceaccount": "serviceaccounts",
    "statefulset": "statefulsets.apps",
}
# Without a namespace of their own, so that a condition on it never holds.
CLUSTER_SCOPED = frozenset(
    {
        "clusterrolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "namespaces",
        "persistentvolumes",
        "storageclasses.storage.k8s.io",
    }
)
RESOURCE = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)?")
# Go's regular expressions have neither of these.
NOT_IN_GO = re.compile(r"\(\?[=!]|\(\?<[=!]|\\[1-9]|\(\?P=")
# Below these paths Kubernetes takes strings only.
STRINGS = re.compile(r"/(?:.*/)?metadata/(?:labels|annotations)/[^/]+|/data/[^/]+")
KEYED = re.compile(r"(/(?:.*/)?metadata/(?:labels|annotations)/)([^/]+/.+)")
# What strings are taken for when they look like it.
LOOKS_TYPED = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|true|false|null", re.IGNORECASE)


def problems(params: Mapping[str, Any]) -> list[str]:
    """What cannot work."""
    said = name_problems(params)
    rules = params.get("rules") or []
    if not rules:
        said.append("rules is empty, so a restore would change nothing. Give at least one, or use state=absent.")
    for number, rule in enumerate(rules, 1):
        where = f"rule {number} ({rule['group_resource']})"
        said += _condition_problems(f"The {where}", rule)
        said += mapping_problems(where, rule.get("namespaces"), params, after=False)
        said += _form_problems(f"The {where}", rule)
        for place, patch in enumerate(rule.get("patches") or [], 1):
            said += _patch_problems(f"The {where}, patch {place}", patch)
        said += _order_problems(f"The {where}", rule.get("patches") or [])
    return said


def _condition_problems(where: str, rule: Rule) -> Iterator[str]:
    resource = rule["group_resource"]
    if resource in GROUPS or resource.lower() in KINDS:
        full = f"{resource}.{GROUPS[resource]}" if resource in GROUPS else KINDS[resource.lower()]
        yield f"{where} would match nothing: the resource is called {full}."
    elif not RESOURCE.fullmatch(resource):
        yield (
            f"{where}: {resource!r} is no resource. It is its plural in lower case and its group, such as pods or "
            "deployments.apps."
        )
    if resource in CLUSTER_SCOPED and rule.get("namespaces"):
        yield f"{where} names namespaces, but {resource} are in none, so it would match nothing. Leave namespaces out."
    yield from namespace_problems(where, rule.get("namespaces") or [])
    pattern = rule.get("name_regex") or ""
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"{where}: name_regex {pattern!r} is no regular expression: {error}."
    else:
        if NOT_IN_GO.search(pattern):
            yield f"{where}: name_regex {pattern!r} looks around or refers back, which the engine (RE2) cannot."


def _form_problems(where: str, rule: Rule) -> Iterator[str]:
    forms = [form for form in FORMS if rule.get(form)]
    if not forms:
        yield f"{where} changes nothing. Give one of {', '.join(FORMS)}."
    if len(forms) > 1:
        yield f"{where} has {' and '.join(forms)}, of which a rule takes one. Make a rule of each; they apply in order."
    group = rule["group_resource"].partition(".")[2]
    if rule.get("strategic_patches") and "." in group and not group.endswith(".k8s.io"):
        yield (
            f"{where}: strategic_patches need a schema that only Kubernetes' own resources have. Use merge_patches, "
            "which replace lists as a whole, or patches."
        )


def _patch_problems(where: str, patch: Mapping[str, Any]) -> Iterator[str]:
    operation, path, value = patch["operation"], patch["path"], patch.get("value")
    takes_value, takes_from = OPERATIONS[operation]
    if takes_value and value is None:
        yield f"{where}: {operation} needs a value. For null give the string 'null'."
    if not takes_value and value is not None:
        yield f"{where}: {operation} takes no value."
    if takes_from != (patch.get("from") is not None):
        yield f"{where}: {operation} {'needs' if takes_from else 'takes no'} from."
    for option in ("path", "from"):
        pointer = patch.get(option)
        if pointer is not None:
            yield from _pointer_problems(f"{where}: {option}", pointer)
    if isinstance(value, str):
        yield from _string_problems(where, path, value)
    elif takes_value and value is not None and STRINGS.fullmatch(path):
        yield (
            f"{where}: {path} takes a string, but {value!r} is none, and a string of that look would be taken for it "
            "as well. Use merge_patches, where a value in quotes stays a string."
        )


def _pointer_problems(where: str, pointer: str) -> Iterator[str]:
    if not pointer.startswith("/"):
        yield f"{where} is {pointer!r}. A path starts with '/', such as /spec/replicas."
    elif re.search(r"~(?![01])", pointer):
        yield f"{where} is {pointer!r}. A '~' in a key is written ~0, a '/' is written ~1."
    elif found := KEYED.fullmatch(pointer):
        fitting = found[1] + found[2].replace("/", "~1")
        yield f"{where} is {pointer!r}. A '/' within a key is written ~1: {fitting}."


def _string_problems(where: str, path: str, value: str) -> Iterator[str]:
    """A string goes into JSON as it is, between quotes unless it looks like something else than text."""
    if re.search(r'["\\\x00-\x1f]', value) and value[:1] not in ("{", "["):
        yield (
            f"{where}: the value has quotes, backslashes or line breaks, which Azure Backup does not escape. "
            "Use merge_patches."
        )
    if LOOKS_TYPED.fullmatch(value) and STRINGS.fullmatch(path):
        yield (
            f"{where}: {path} takes a string, but Azure Backup takes {value!r} for what it looks like. Use "
            "merge_patches, where a value in quotes stays a string."
        )
    if value[:1] in ("{", "[") and (STRINGS.fullmatch(path) or not _json(value)):
        yield (
            f"{where}: the value would be taken for JSON. Where that is meant, give the dictionary or the list itself, "
            "which is written as JSON for you; where a string is, use merge_patches."
        )


def _json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _order_problems(where: str, patches: list[Mapping[str, Any]]) -> Iterator[str]:
    """Patches of a rule apply in order, all or none."""
    written: set[str] = set()
    for number, patch in enumerate(patches, 1):
        if patch["operation"] == "test" and patch["path"] in written:
            yield (
                f"{where}, patch {number}, tests {patch['path']} after an earlier patch has changed it, so it looks at "
                "what that has made of it. Put tests first."
            )
        elif patch["operation"] != "test":
            written.add(patch["path"])


def warnings(params: Mapping[str, Any]) -> list[str]:
    """What works, but hardly as meant."""
    said: list[str] = []
    for number, rule in enumerate(params.get("rules") or [], 1):
        said += _override_warnings(f"The rule {number} ({rule['group_resource']})", rule.get("patches") or [])
    return said


def _override_warnings(where: str, patches: list[Mapping[str, Any]]) -> Iterator[str]:
    last: dict[str, int] = {}
    for number, patch in enumerate(patches, 1):
        # Adding to the end of a list twice is two additions; removing an element makes the next one take its place.
        inserts = patch["operation"] == "add" and re.search(r"/(?:-|\d+)$", patch["path"])
        if patch["operation"] != "test" and not inserts:
            if patch["path"] in last and patch["operation"] != "remove":
                yield (
                    f"{where}: patch {number} overrides patch {last[patch['path']]}, since both are for "
                    f"{patch['path']} and they apply in order."
                )
            last[patch["path"]] = number
