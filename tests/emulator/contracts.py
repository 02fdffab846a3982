# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies against the models of the official SDK packages: unknown or misspelt property, wrong enum value,
missing required property, wrong JSON type.

Both generations of models are read: the newer "hybrid" ones (typed fields) and the older msrest ones (attribute maps).
Property names are compared without regard to case, as the services do (``resourceId`` is taken for ``resourceID``), and
the checked body comes back in the models' spelling.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import importlib
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .errors import AzureError

# Properties of the ARM envelope: whoever sends a document back that was read gets away with these.
ENVELOPE = {"id", "name", "type", "systemdata", "etag"}
SCALARS = {str: "str", bool: "bool", int: "int", float: "float", bytes: "str", datetime.datetime: "str",
           datetime.timedelta: "str", datetime.date: "str", datetime.time: "str", decimal.Decimal: "float"}
MSREST = {"str": "str", "bool": "bool", "int": "int", "long": "int", "float": "float", "iso-8601": "str",
          "duration": "str", "rfc-1123": "str", "base64": "str", "bytearray": "str", "object": "any", "date": "str"}
# User-assigned identities are a map by id: "*" in a path of what may be sent stands for any of them.
ASSIGNED = re.compile(r"(userassignedidentities)\..*\.")
WORDS: dict[str, Any] = {"str": str, "bool": bool, "int": int, "float": (int, float)}


@dataclass
class Shape:
    """``kind``: any, str, bool, int, float, list or dict (of ``item``), model (``model`` is its class)."""

    kind: str
    item: Shape | None = None
    values: frozenset[str] = frozenset()
    model: type | None = None
    fields: dict[str, Field] | None = None


@dataclass
class Field:
    name: str
    shape: Shape
    required: bool = False
    read_only: bool = False


@dataclass
class Fields:
    """The properties of one model class by lower-case name, and how its subclasses are told apart."""

    fields: dict[str, Field]
    discriminator: str = ""
    subclasses: Mapping[str, type] = field(default_factory=dict)
    title: str = ""


class Violation(Exception):
    """What is wrong, and where (dotted path)."""

    def __init__(self, path: str, text: str):
        super().__init__(f"{text} Path '{path}'.")


def check(model: str, body: Any, read_only: tuple[str, ...] = (), code: str = "InvalidRequestContent",
          since: Mapping[str, str] | None = None, version: str = "", stringly: tuple[str, ...] = ()) -> Any:
    """The body in the models' spelling, without read-only properties. ``model`` is ``module:Class``; ``read_only`` are
    paths that may be sent all the same, known to the model or not. ``since`` names properties that a request with an
    older api-version does not have; in the maps named in ``stringly`` numbers and booleans become strings, as the
    service does it. AzureError 400 with ``code`` otherwise."""
    module, dummy, name = model.partition(":")
    if stringly:
        body = _stringified(body, {name.lower() for name in stringly})
    forbidden = {key.lower() for key, first in (since or {}).items() if version < first}
    try:
        return _check(Shape("model", model=getattr(importlib.import_module(module), name)), body, "",
                      {path.lower() for path in read_only}, forbidden)
    except Violation as violation:
        raise AzureError(400, code, f"The request content was invalid and could not be deserialized: '{violation}'"
                         ) from None


@cache
def requires(model: str, name: str) -> bool:
    """Must a body of the model have the property at its top?"""
    module, dummy, kind = model.partition(":")
    property_ = _fields_of(getattr(importlib.import_module(module), kind)).fields.get(name.lower())
    return bool(property_ and property_.required)


def _stringified(value: Any, names: set[str]) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: {word: json.dumps(entry) if isinstance(entry, (bool, int, float)) else entry
                  for word, entry in value[key].items()} if key.lower() in names and isinstance(value[key], dict)
            else _stringified(value[key], names) for key in value}


def _check(shape: Shape, value: Any, path: str, read_only: set[str], forbidden: set[str]) -> Any:
    if shape.kind == "any" or value is None and path:
        return value
    if shape.kind in WORDS:
        if not isinstance(value, WORDS[shape.kind]) or isinstance(value, bool) != (shape.kind == "bool"):
            raise Violation(path, f"Error converting value {value!r:.80} to type '{shape.kind}'.")
        if shape.values and value.lower() not in shape.values:
            raise Violation(path, f"The value '{value:.80}' is not one of {sorted(shape.values)}.")
        return value
    if shape.kind == "list":
        if not isinstance(value, list):
            raise Violation(path, "An array is expected.")
        if None in value:
            raise Violation(path, "An array cannot hold null.")
        return [_check(shape.item, entry, f"{path}[{number}]", read_only, forbidden)  # type: ignore[arg-type]
                for number, entry in enumerate(value)]
    if not isinstance(value, dict):
        raise Violation(path, "An object is expected.")
    if shape.kind == "dict":
        return {key: _check(shape.item, entry, f"{path}.{key}", read_only, forbidden)  # type: ignore[arg-type]
                for key, entry in value.items()}
    return _check_model(shape, value, path, read_only, forbidden)


def _check_model(shape: Shape, value: dict[str, Any], path: str, read_only: set[str], forbidden: set[str]
                 ) -> dict[str, Any]:
    known = Fields(shape.fields) if shape.fields is not None else _fields_of(shape.model)
    concrete = False
    while known.discriminator:
        given = next((entry for key, entry in value.items() if key.lower() == known.discriminator.lower()), None)
        if not isinstance(given, str):
            raise Violation(path or known.title, f"Required property '{known.discriminator}' not found in JSON.")
        chosen = next((entry for key, entry in known.subclasses.items() if key.lower() == given.lower()), None)
        if chosen is None and concrete:
            break  # a class that has subclasses and is meant itself
        if chosen is None:
            raise Violation(f"{path}.{known.discriminator}".lstrip("."), f"The value '{given:.80}' is not one of "
                            f"{sorted(known.subclasses)}.")
        known, concrete = _fields_of(chosen), True
    result: dict[str, Any] = {}
    for key, entry in value.items():
        where = f"{path}.{key}".lstrip(".")
        property_ = known.fields.get(key.lower())
        if property_ is None or key.lower() in forbidden:
            if not path and key.lower() in ENVELOPE or where.lower() in read_only:
                continue
            raise Violation(where, f"Could not find member '{key}' on object of type '{known.title or 'properties'}'.")
        if property_.read_only:
            plain = ASSIGNED.sub(r"\1.*.", re.sub(r"\[\d+\]", "[]", where.lower()))
            tolerated = plain in read_only
            if entry is not None and not tolerated and (path or key.lower() not in ENVELOPE):
                raise Violation(where, f"The property '{key}' is read-only.")
            continue
        result[property_.name] = _check(property_.shape, entry, where, read_only, forbidden)
    for property_ in known.fields.values():
        if property_.required and not property_.read_only and result.get(property_.name) is None:
            raise Violation(path or known.title, f"Required property '{property_.name}' not found in JSON.")
    return result


@cache
def _fields_of(model: Any) -> Fields:
    return _msrest(model) if hasattr(model, "_attribute_map") else _hybrid(model)


def _hybrid(model: Any) -> Fields:
    models = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    hints = typing.get_type_hints(model, localns={"_models": models, "_types": models})
    result = Fields({}, title=model.__name__)
    own = {}
    for base in reversed(model.__mro__):
        own.update({name: entry for name, entry in vars(base).items() if hasattr(entry, "_rest_name_input")})
    for name, entry in own.items():
        hint, optional = _without_none(hints.get(name, Any))
        wire = entry._rest_name_input or name
        result.fields[wire.lower()] = Field(wire, _shape(hint), not optional and hint is not Any,
                                            entry._visibility == ["read"])
    # A class that has subclasses tells them apart by the discriminator that it declares itself.
    mapping = vars(model).get("__mapping__", {})
    deciding = [entry._rest_name_input or name for name, entry in vars(model).items()
                if getattr(entry, "_is_discriminator", False)]
    if mapping and deciding and model not in mapping.values():
        result.discriminator, result.subclasses = deciding[0], _all_subclasses(mapping)
    return result


def _all_subclasses(mapping: Mapping[str, type]) -> dict[str, type]:
    """A model's mapping names its own subclasses; theirs are below them."""
    result = dict(mapping)
    for subclass in mapping.values():
        result.update(_all_subclasses(vars(subclass).get("__mapping__", {})))
    return result


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        rest = [entry for entry in typing.get_args(hint) if entry is not type(None)]
        optional = len(rest) < len(typing.get_args(hint))
        return (rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]), optional  # noqa: UP007 - not known here
    return hint, False


def _shape(hint: Any) -> Shape:
    hint, dummy = _without_none(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        enums = [entry for entry in arguments if isinstance(entry, type) and issubclass(entry, enum.Enum)]
        return _shape(enums[0]) if enums else Shape("any")
    if origin is list:
        return Shape("list", _shape(arguments[0]))
    if origin in {dict, Mapping}:
        return Shape("dict", _shape(arguments[1]))
    if origin is typing.Literal:
        return Shape("str", values=frozenset(str(getattr(entry, "value", entry)).lower() for entry in arguments))
    if isinstance(hint, type):
        if issubclass(hint, enum.Enum):
            return Shape("str", values=frozenset(str(entry.value).lower() for entry in hint))
        if hint in SCALARS:
            return Shape(SCALARS[hint])
        if hasattr(hint, "_is_model") or hasattr(hint, "_attribute_map") or hasattr(hint, "as_dict"):
            return Shape("model", model=hint)
    return Shape("any")


def _msrest(model: Any) -> Fields:
    """Attribute maps flatten nested objects: ``properties.scope`` becomes a field of a field."""
    models = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    result = Fields({}, title=model.__name__)
    validation = model._validation if hasattr(model, "_validation") else {}
    for name, entry in model._attribute_map.items():
        *outer, last = entry["key"].replace("\\.", "\0").split(".")
        fields = result.fields
        rules = validation.get(name, {})
        for step in outer:
            holder = fields.setdefault(step.lower(), Field(step, Shape("model", fields={})))
            holder.required = holder.required or bool(rules.get("required"))
            fields = holder.shape.fields  # type: ignore[assignment]
        last = last.replace("\0", ".")
        fields[last.lower()] = Field(last, _msrest_shape(entry["type"], models), bool(rules.get("required")),
                                     bool(rules.get("readonly")))
    for attribute, mapping in getattr(model, "_subtype_map", {}).items():
        result.discriminator = model._attribute_map[attribute]["key"]
        result.subclasses = {value: getattr(models, name) for value, name in mapping.items()}
    return result


def _msrest_shape(word: str, models: Any) -> Shape:
    if word.startswith("["):
        return Shape("list", _msrest_shape(word[1:-1], models))
    if word.startswith("{"):
        return Shape("dict", _msrest_shape(word[1:-1], models))
    if word in MSREST:
        return Shape(MSREST[word])
    return _shape(getattr(models, word, Any))
