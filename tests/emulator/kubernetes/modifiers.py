# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource modifiers: changes to objects while they are restored, described in a ConfigMap of the target cluster.

Source: Azure documentation, "What is Azure Kubernetes Service backup?", section on modifying resources. The reader is
strict, as the restore engine's is: an unknown member or a value that is no string makes the whole ConfigMap invalid.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

import json_merge_patch
import jsonpatch
import yaml

from . import strategic
from .objects import KINDS, Object, group_of, group_resource, labels_of, name_of, namespace_of
from .selection import label_selector

OPERATIONS = ("add", "copy", "move", "remove", "replace", "test")
_CONDITIONS = {"groupResource": str, "resourceNameRegex": str, "namespaces": list, "labelSelector": dict}
_PATCH = {"operation": str, "path": str, "from": str, "value": str}
_FORMS = ("patches", "mergePatches", "strategicPatches")


class InvalidModifier(ValueError):
    """The ConfigMap is no valid resource modifier."""


class Modifiers:
    """Rules in the order of the ConfigMap."""

    def __init__(self, rules: list[dict[str, Any]]):
        self.rules = rules

    @classmethod
    def read(cls, config_map: Object) -> Modifiers:
        """InvalidModifier with the reason when it is not valid."""
        data = config_map.get("data") or {}
        if len(data) != 1:
            raise InvalidModifier(
                f"ConfigMap {name_of(config_map)} has to have exactly one entry in data, not {len(data)}"
            )
        try:
            document = yaml.safe_load(next(iter(data.values())))
        except yaml.YAMLError as error:
            raise InvalidModifier(f"not YAML: {error}") from error
        _members(document, {"version": str, "resourceModifierRules": list}, "the document")
        if document.get("version") != "v1":
            raise InvalidModifier(f"version {document.get('version')!r} is not supported, v1 is")
        rules = document.get("resourceModifierRules") or []
        for rule in rules:
            _check(rule)
        return cls(rules)

    def apply(self, manifest: Object) -> tuple[Object, list[str]]:
        """The modified object, and an error for each rule that does not fit. Namespaces are those of the backup."""
        errors = []
        for rule in self.rules:
            if not _matches(rule["conditions"], manifest):
                continue
            try:
                manifest = _modify(rule, manifest)
            except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, ValueError) as error:
                errors.append(str(error) or type(error).__name__)
        return manifest, errors


def _members(value: Any, members: Mapping[str, type], where: str) -> None:
    if not isinstance(value, dict):
        raise InvalidModifier(f"{where} is not an object")
    for name, each in value.items():
        if name not in members:
            raise InvalidModifier(f"unknown field {name!r} in {where}")
        if each is not None and not isinstance(each, members[name]):
            raise InvalidModifier(f"{name} in {where} is a {type(each).__name__}, not a {members[name].__name__}")


def _check(rule: Any) -> None:
    _members(rule, {"conditions": dict, **dict.fromkeys(_FORMS, list)}, "a rule")
    conditions = rule.get("conditions") or {}
    _members(conditions, _CONDITIONS, "conditions")
    if not conditions.get("groupResource"):
        raise InvalidModifier("groupResource of a condition cannot be empty")
    try:
        re.compile(conditions.get("resourceNameRegex") or "")
    except re.error as error:
        raise InvalidModifier(f"resourceNameRegex: {error}") from error
    if sum(bool(rule.get(form)) for form in _FORMS) > 1:
        raise InvalidModifier(f"only one of {', '.join(_FORMS)} can be specified in a rule")
    for patch in rule.get("patches") or ():
        _members(patch, _PATCH, "a patch")
        if patch.get("operation") not in OPERATIONS:
            raise InvalidModifier(f"unsupported operation {patch.get('operation')!r}")
        if not patch.get("path"):
            raise InvalidModifier("path of a patch cannot be empty")
    for form in _FORMS[1:]:
        for patch in rule.get(form) or ():
            _members(patch, {"patchData": str}, f"an item of {form}")
            if not isinstance(_data(patch), dict):
                raise InvalidModifier(f"patchData of {form} is not an object")


def _data(patch: Mapping[str, str]) -> Any:
    try:
        return yaml.safe_load(patch.get("patchData") or "")
    except yaml.YAMLError as error:
        raise InvalidModifier(f"patchData is neither JSON nor YAML: {error}") from error


def _matches(conditions: Mapping[str, Any], manifest: Object) -> bool:
    namespaces = conditions.get("namespaces") or ()
    return (conditions["groupResource"] == group_resource(manifest)
            and (not namespaces or namespace_of(manifest) in namespaces)
            and re.search(conditions.get("resourceNameRegex") or "", name_of(manifest)) is not None
            and label_selector(conditions.get("labelSelector"), labels_of(manifest)))


def _modify(rule: Mapping[str, Any], manifest: Object) -> Object:
    if rule.get("patches"):
        try:
            return jsonpatch.JsonPatch([_operation(each) for each in rule["patches"]]).apply(manifest)
        except jsonpatch.JsonPatchTestFailed:
            return manifest  # a test is a condition: the rule does not apply
    for patch in rule.get("mergePatches") or ():
        manifest = json_merge_patch.merge(copy.deepcopy(manifest), _data(patch))  # it works in place
    for patch in rule.get("strategicPatches") or ():
        known = KINDS.get(manifest["kind"])
        if known is None or known[0] != group_of(manifest["apiVersion"]):
            raise ValueError(f"strategic merge patch is not supported for the custom resource {manifest['kind']}")
        manifest = strategic.apply(manifest, _data(patch), manifest["kind"])
    return manifest


def _operation(patch: Mapping[str, str]) -> dict[str, Any]:
    operation: dict[str, Any] = {"op": patch["operation"], "path": patch["path"]}
    if patch["operation"] in ("copy", "move"):
        operation["from"] = patch.get("from") or ""
    if patch["operation"] in ("add", "replace", "test"):
        operation["value"] = _value(patch.get("value") or "")
    return operation


def _value(text: str) -> Any:
    """Values are strings; numbers, booleans, null, objects and arrays in them are taken for what they look like."""
    if text[:1] in ("{", "[") or re.fullmatch(r"null|true|false|-?\d+(\.\d+)?([eE][-+]?\d+)?", text):
        return json.loads(text)
    return text
