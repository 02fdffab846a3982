# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of a module as data, and results held against the RETURN block.

A path names a place in a result: ``resource.identity.principal_id``, ``jobs[].errors[].code``.
"""

from __future__ import annotations

import ast
import functools
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
Block = dict[str, Any]

# Kinds of documented types that a value from JSON can be.
TYPES = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "str": (str,),
}
# Keys of every result that Ansible itself documents.
OF_ANSIBLE = {"changed", "diff", "exception", "failed", "failed_when_result", "invocation", "msg", "warnings"}


@functools.cache
def block(module: str, name: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a module, read without importing it. To be left as it is."""
    for node in ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            assert isinstance(node.value, ast.Constant), f"{name} of {module} is not a plain string"
            return yaml.safe_load(node.value.value)
    raise AssertionError(f"{module} has no {name}")


def leaves(documented: Block, path: str = "") -> Iterator[tuple[str, Block]]:
    """Every documented path with its entry, from the top down; a list's path is followed by that of its items."""
    for name, entry in documented.items():
        here = f"{path}.{name}" if path else name
        yield here, entry
        inside = f"{here}[]" if entry["type"] == "list" else here
        yield from leaves(entry.get("contains") or {}, inside)


def differences(module: str, result: Mapping[str, Any]) -> list[str]:
    """What a result of the module and its RETURN block say differently, a sentence each. Empty is as it should be."""
    documented = block(module, "RETURN")
    own = {name: value for name, value in result.items() if name not in OF_ANSIBLE and not name.startswith("_ansible_")}
    said = _inside(own, documented, "")
    if not result.get("failed"):
        said += [
            f"{name} is documented as returned with success, and is missing"
            for name, entry in documented.items()
            if entry["returned"].partition(", and ")[0] == "success" and name not in own
        ]
    return said


def reached(value: Any, path: str = "") -> set[str]:
    """The paths at which a result has something, lists and dicts themselves included."""
    found = {path} if path and value is not None else set()
    if isinstance(value, Mapping):
        for name, inner in value.items():
            found |= reached(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            found |= reached(item, f"{path}[]")
    return found


def _inside(values: Mapping[str, Any], documented: Block, path: str) -> list[str]:
    said = []
    for name, value in values.items():
        here = f"{path}.{name}" if path else name
        if name not in documented:
            said.append(f"{here} is returned, and is not documented")
        else:
            said += fits(value, documented[name], here)
    if path:
        said += [
            f"{path}.{name} is documented without a condition, and is missing"
            for name, entry in documented.items()
            if "returned" not in entry and name not in values
        ]
    return said


def fits(value: Any, entry: Block, path: str) -> list[str]:
    """How a value differs from its entry. Null fits everywhere: Azure leaves out what it does not know."""
    if value is None:
        return []
    right = TYPES[entry["type"]]
    if not isinstance(value, right) or (isinstance(value, bool) and bool not in right):
        return [f"{path} is documented as {entry['type']}, and is {value!r}"]
    if entry["type"] == "list":
        item_entry = {"type": entry["elements"], "contains": entry.get("contains")}
        return [sentence for item in value for sentence in fits(item, item_entry, f"{path}[]")]
    if entry["type"] == "dict" and entry.get("contains"):
        return _inside(value, entry["contains"], path)
    return []
