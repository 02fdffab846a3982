# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategic merge patch of Kubernetes: lists of objects are merged by a key, and directives can replace or delete.

Source: Kubernetes documentation, "Update API Objects in Place Using kubectl patch", and the patchMergeKey of the API.
"""

from __future__ import annotations

import copy
from typing import Any

# Member holding a list -> key by which its items are merged. Lists that are not here are replaced as a whole.
MERGE_KEYS = {"conditions": "type", "containers": "name", "env": "name", "ephemeralContainers": "name",
              "hostAliases": "ip", "imagePullSecrets": "name", "initContainers": "name", "ownerReferences": "uid",
              "ports": "containerPort", "secrets": "name", "topologySpreadConstraints": "topologyKey",
              "volumeDevices": "devicePath", "volumeMounts": "mountPath", "volumes": "name"}
SET_LISTS = {"finalizers"}  # merged as sets of scalars


def apply(document: dict[str, Any], patch: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """A patched copy; ValueError when malformed. kind: of the document, as ports of a Service merge by another key."""
    return _object(document, patch, {**MERGE_KEYS, "ports": "port"} if kind == "Service" else MERGE_KEYS)


def _object(document: Any, patch: dict[str, Any], keys: dict[str, str]) -> dict[str, Any]:
    directive = patch.get("$patch")
    plain = {name: value for name, value in patch.items() if not name.startswith("$")}
    if directive == "replace":
        return copy.deepcopy(plain)
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise ValueError(f"{directive!r} is no directive of a strategic merge patch")
    result = dict(document) if isinstance(document, dict) else {}
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {name: value for name, value in result.items() if name in retained}
    for name, values in patch.items():
        target = name.partition("/")[2]
        if name.startswith("$deleteFromPrimitiveList/") and isinstance(result.get(target), list):
            result[target] = [each for each in result[target] if each not in values]
    for name, value in plain.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _object(result.get(name), value, keys)
        elif isinstance(value, list):
            result[name] = _list(name, result.get(name), value, keys)
        else:
            result[name] = value
    return result


def _list(name: str, old: Any, new: list[Any], keys: dict[str, str]) -> list[Any]:
    old = old if isinstance(old, list) else []
    if name in SET_LISTS:
        return old + [each for each in new if each not in old]
    key = keys.get(name)
    if key is None or not all(isinstance(each, dict) for each in new):
        return copy.deepcopy(new)
    if any(each.get("$patch") == "replace" for each in new):
        return [copy.deepcopy(each) for each in new if "$patch" not in each]
    result = list(old)
    for each in new:
        if key not in each:
            raise ValueError(f"map does not contain declared merge key: {key}")
        place = next((number for number, one in enumerate(result) if isinstance(one, dict)
                      and one.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(_object({}, each, keys))
        else:
            result[place] = _object(result[place], each, keys)
    return result
