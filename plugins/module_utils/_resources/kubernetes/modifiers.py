# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource modifiers: a ConfigMap with rules by which a restore changes what it restores.

Private to the collection. Shape of the rules: "What is Azure Kubernetes Service backup?",
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-overview
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, Exactly, dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.kubernetes import (
    Object,
    from_yaml,
    to_yaml,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.modifiers_lint import problems, warnings

# The one entry of the ConfigMap; its name means nothing, and one that is there already keeps the name it has.
KEY = "modifiers.yaml"
RULES = "resourceModifierRules"
# Option -> the list in a rule.
MERGES = {"merge_patches": "mergePatches", "strategic_patches": "strategicPatches"}


def text_of(value: Any) -> str:
    """A value of a patch as Azure Backup wants it: a string, in which anything but plain text is JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def document(rules: list[Mapping[str, Any]]) -> Document:
    """The rules as they are in the ConfigMap."""
    return {"version": "v1", RULES: [_rule(rule) for rule in rules]}


def _rule(rule: Mapping[str, Any]) -> Document:
    labels = {str(key): str(value) for key, value in (rule.get("match_labels") or {}).items()}
    conditions = given(
        {
            "groupResource": rule["group_resource"],
            "resourceNameRegex": rule.get("name_regex") or None,
            "namespaces": rule.get("namespaces") or None,
            "labelSelector": {"matchLabels": labels} if labels else None,
        }
    )
    wire: Document = {"conditions": conditions}
    if rule.get("patches"):
        wire["patches"] = [_patch(patch) for patch in rule["patches"]]
    for option, name in MERGES.items():
        if rule.get(option):
            # JSON keeps the types of values, where YAML would take a string such as "on" for something else.
            wire[name] = [{"patchData": json.dumps(data, indent=2) + "\n"} for data in rule[option]]
    return wire


def _patch(patch: Mapping[str, Any]) -> Document:
    value = patch.get("value")
    return given(
        {
            "operation": patch["operation"],
            "from": patch.get("from"),
            "path": patch["path"],
            "value": None if value is None else text_of(value),
        }
    )


def meaning(text: Any) -> Any:
    """The rules in a text, with patches of any spelling as the documents that they are; None when it holds none."""
    found = from_yaml(text)
    if not isinstance(found, dict) or not isinstance(found.get(RULES), list):
        return None
    rules = []
    for rule in found[RULES]:
        if not isinstance(rule, dict):
            return None
        merges = {
            name: [from_yaml(patch.get("patchData")) for patch in rule[name] or []]
            for name in MERGES.values()
            if name in rule
        }
        patches = {"patches": [_spoken(patch) for patch in rule["patches"] or []]} if rule.get("patches") else {}
        conditions = {key: value for key, value in (rule.get("conditions") or {}).items() if value}
        rules.append({"conditions": conditions, **patches, **merges})
    return rules


def _spoken(patch: Mapping[str, Any]) -> Document:
    """A patch with JSON in its value read, so that spaces in there are no difference."""
    value = patch.get("value")
    if isinstance(value, str) and value[:1] in ("{", "["):
        return {**patch, "value": from_yaml(value)}
    return given(patch)


def same_rules(wanted: Any, live: Any) -> bool:
    """Whether two texts of rules say the same, however they are written."""
    return wanted == live or (meaning(wanted) is not None and meaning(wanted) == meaning(live))


def same_data(wanted: Any, live: Any) -> bool:
    if live is ABSENT or not isinstance(live, Mapping) or set(wanted) != set(live):
        return False
    return all(same_rules(wanted[key], live[key]) for key in wanted)


class Modifier(Object):
    noun = "resource modifier"
    rules = {"data": same_data}

    def plural(self, params: Params) -> str:
        return "configmaps"

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live is None:
            self.require_namespace(arm, params["namespace"])
        return {}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        said = problems(params)
        if live is not None:
            said += _foreign(live)
            if live.get("immutable"):
                said.append(
                    f"The ConfigMap {params['name']} is immutable, so it cannot be changed. Delete it with "
                    "state=absent first, or take another name."
                )
        return said

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        return _foreign(live)

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        return warnings(params)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        key = next(iter(dig(live, "data", {})), KEY)
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": params["name"], "namespace": params["namespace"]},
            "data": Exactly({key: to_yaml(document(params.get("rules") or []))}),
        }

    def represent(self, document: Document) -> Document:
        data = document.get("data") or {}
        return {
            "name": dig(document, "metadata.name"),
            "namespace": dig(document, "metadata.namespace"),
            "rules": [_represented(rule) for text in data.values() for rule in meaning(text) or []],
        }


def _foreign(live: Mapping[str, Any]) -> list[str]:
    """A problem when a ConfigMap is used for something else: it would be lost."""
    data = live.get("data") or {}
    if not live.get("binaryData") and all(meaning(text) is not None for text in data.values()):
        return []
    name, held = dig(live, "metadata.name"), ", ".join(sorted(data)) or "binary data"
    return [
        f"The ConfigMap {name} holds something else than resource modifiers ({held}), which would be lost. Take "
        "another name."
    ]


def _represented(rule: Mapping[str, Any]) -> Document:
    conditions = rule["conditions"]
    return {
        "group_resource": conditions.get("groupResource"),
        "match_labels": dig(conditions, "labelSelector.matchLabels", {}),
        "merge_patches": rule.get("mergePatches") or [],
        "name_regex": conditions.get("resourceNameRegex"),
        "namespaces": conditions.get("namespaces") or [],
        "patches": [
            {
                "from": patch.get("from"),
                "operation": patch.get("operation"),
                "path": patch.get("path"),
                "value": None if patch.get("value") is None else text_of(patch["value"]),
            }
            for patch in rule.get("patches") or []
        ],
        "strategic_patches": rule.get("strategicPatches") or [],
    }
