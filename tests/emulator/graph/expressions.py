# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From expressions to functions of a row, with types: what the service refuses before it runs is refused here, too."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import values
from .errors import NotModelled, semantic, unresolved
from .functions import AGGREGATES, NOT_MODELLED, SCALARS, Aggregate
from .parser import Expression
from .values import DateTime, TimeSpan, to_string

Row = dict[str, Any]
Columns = Mapping[str, str]  # name -> type


@dataclass(frozen=True)
class Scope:
    """Where an expression stands. `grouped`: on a list of rows, with columns only inside of aggregates."""

    operator: str
    columns: Columns
    now: DateTime
    grouped: bool = False


@dataclass(frozen=True)
class Compiled:
    type: str
    run: Callable[[Any], Any]

    def text(self, row: Any) -> str:
        return to_string(self.run(row), self.type == "dynamic")


def compile_expression(expression: Expression, scope: Scope) -> Compiled:
    """QueryError when it cannot be resolved or its types do not fit."""
    return _COMPILERS[expression[0]](scope, *expression[1:])


def default_name(expression: Expression) -> str:
    """The name of a column that the query does not name; "" when the language numbers it instead."""
    match expression:
        case ("column", name):
            return name
        case ("member", inner, name):
            return f"{default_name(inner)}_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
        case ("index", inner, ("literal", _, value)):
            return f"{default_name(inner)}_{value}" if default_name(inner) else ""
        case ("call", name, [inner, *_]) if name in SCALARS and SCALARS[name].named:
            return default_name(inner)
        case ("call", name, arguments) if name in AGGREGATES:
            return AGGREGATES[name].prefix + (default_name(arguments[0]) if arguments and name != "countif" else "")
    return ""


def _literal(scope: Scope, kind: str, value: Any) -> Compiled:
    return Compiled(kind, lambda row: value)


def _column(scope: Scope, name: str) -> Compiled:
    if name not in scope.columns:
        raise unresolved(scope.operator, name)
    if scope.grouped:
        raise semantic("SEM0011", f"'summarize' operator: '{name}' has to be inside of an aggregate or a group key")
    kind = scope.columns[name]
    return Compiled(kind, (lambda row: row.get(name) or "") if kind == "string" else lambda row: row.get(name))


def _member(scope: Scope, inner: Expression, name: str) -> Compiled:
    return _path(scope, inner, _literal(scope, "string", name))


def _index(scope: Scope, inner: Expression, index: Expression) -> Compiled:
    return _path(scope, inner, compile_expression(index, scope))


def _path(scope: Scope, inner: Expression, step: Compiled) -> Compiled:
    base = compile_expression(inner, scope)
    if base.type != "dynamic":
        raise semantic("SEM0012", f"'{scope.operator}' operator: path on a value of type {base.type}, not dynamic")

    def run(row: Any) -> Any:
        value, place = base.run(row), step.run(row)
        if isinstance(value, dict):
            return value.get(place) if isinstance(place, str) else None
        if isinstance(value, list) and isinstance(place, int) and -len(value) <= place < len(value):
            return value[place]
        return None

    return Compiled("dynamic", run)


def _call(scope: Scope, name: str, arguments: list[Expression]) -> Compiled:
    if name in AGGREGATES and scope.grouped:
        return _aggregate(scope, name, AGGREGATES[name], arguments)
    if name in ("now", "ago"):
        return _clock(scope, name, [compile_expression(each, scope) for each in arguments])
    function = SCALARS.get(name)
    if function is None and name in NOT_MODELLED:
        raise NotModelled(f"the function {name}")
    if function is None:
        raise semantic("SEM0260", f"Unknown function: '{name}'.")
    if not function.accepts(len(arguments)) or (name == "case" and len(arguments) % 2 == 0):
        raise semantic("SEM0219", f"{name}(): function does not take {len(arguments)} argument(s)")
    parts = [compile_expression(each, scope) for each in arguments]
    _need_bool(name, *_conditions(name, parts))
    fetch = [part.text if None in function.strings or number in function.strings else part.run
             for number, part in enumerate(parts)]
    kind = function.type or _common(name, parts)
    pattern = {"extract": 0, "trim": 0, "trim_end": 0, "trim_start": 0, "replace_regex": 1}.get(name)
    if pattern is not None and arguments[pattern][0] == "literal":
        _regex(arguments[pattern][2])

    def run(row: Any) -> Any:
        try:
            return function.run(*(each(row) for each in fetch))
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError, re.error):
            return "" if kind == "string" else None  # values out of a dynamic that do not fit

    return Compiled(kind, run)


def _conditions(name: str, parts: list[Compiled]) -> list[Compiled]:
    return parts[:-1:2] if name == "case" else parts[:1] if name in ("iff", "iif", "not") else []


def _clock(scope: Scope, name: str, parts: list[Compiled]) -> Compiled:
    if len(parts) > 1 or (name == "ago" and not parts) or any(each.type != "timespan" for each in parts):
        raise semantic("SEM0219", f"{name}(): function expects one timespan")
    sign = -1 if name == "ago" else 1

    def run(row: Any) -> Any:
        offset = parts[0].run(row) if parts else 0
        return None if offset is None else values.date_time(scope.now + sign * offset)

    return Compiled("datetime", run)


def _common(name: str, parts: list[Compiled]) -> str:
    """The type of iff, case, coalesce, bin ...: that of the values among the arguments."""
    if name in ("iff", "iif"):
        parts = parts[1:]
    elif name == "case":
        parts = [*parts[1:-1:2], parts[-1]]
    elif name == "bin":
        parts = parts[:1]
    kinds = {part.type for part in parts}
    if len(kinds) == 1:
        return kinds.pop()
    return "real" if kinds == {"long", "real"} else "dynamic"


def _aggregate(scope: Scope, name: str, aggregate: Aggregate, arguments: list[Expression]) -> Compiled:
    if not aggregate.least <= len(arguments) <= aggregate.most:
        raise semantic("SEM0219", f"{name}(): function does not take {len(arguments)} argument(s)")
    parts = [compile_expression(each, replace(scope, grouped=False)) for each in arguments]
    condition = parts[-1].run if aggregate.conditions else None
    value = parts[0].run if parts and not name.startswith("count") else None
    if len(parts) == 2 and name.startswith("make") and arguments[1][0:2] != ("literal", "long"):
        raise semantic("SEM0001", f"{name}(): the limit has to be a number")
    limit = parts[1].run({}) if name in ("make_list", "make_set", "makelist", "makeset") and len(parts) == 2 else None
    kind = aggregate.type or parts[0].type
    if name.startswith(("avg", "sum")) and parts[0].type not in ("long", "real", "timespan", "dynamic"):
        raise semantic("SEM0001", f"{name}(): argument of type {parts[0].type} is not summable")
    if name.startswith("avg") and parts[0].type == "timespan":
        kind = "timespan"

    def run(rows: list[Row]) -> Any:
        if condition:
            rows = [row for row in rows if condition(row)]
        if value is None:
            return aggregate.run(rows)
        items = [each for each in map(value, rows) if each is not None]
        if name.startswith(("avg", "sum")):
            items = [each for each in items if isinstance(each, (int, float)) and not isinstance(each, bool)]
        return aggregate.run(items) if limit is None else aggregate.run(items)[:limit]

    return Compiled(kind, run)


def _star(scope: Scope) -> Compiled:
    raise semantic("SEM0011", f"'{scope.operator}' operator: * is not expected here")


def _minus(scope: Scope, inner: Expression) -> Compiled:
    value = compile_expression(inner, scope)
    return _arithmetic("-", Compiled(value.type, lambda row: TimeSpan(0) if value.type == "timespan" else 0), value)


def _binary(scope: Scope, operator: str, left: Expression, right: Expression) -> Compiled:
    one, other = compile_expression(left, scope), compile_expression(right, scope)
    if operator in ("and", "or"):
        return _logic(operator, one, other)
    if operator in ("+", "-", "*", "/", "%"):
        return _arithmetic(operator, one, other)
    if operator in ("==", "!=", "<", ">", "<=", ">="):
        return _comparison(operator, one, other)
    return _string_operator(operator, one, other, right)


def _logic(operator: str, one: Compiled, other: Compiled) -> Compiled:
    """Three-valued: null and false is false, null or true is true, otherwise null wins."""
    _need_bool(operator, one, other)
    decisive = operator == "or"

    def run(row: Any) -> bool | None:
        first = one.run(row)
        if first is not None and bool(first) is decisive:
            return decisive
        second = other.run(row)
        if second is not None and bool(second) is decisive:
            return decisive
        return None if first is None or second is None else not decisive

    return Compiled("bool", run)


def _need_bool(operator: str, *parts: Compiled) -> None:
    for part in parts:
        if part.type not in ("bool", "dynamic"):
            raise semantic("SEM0012", f"Operator '{operator}': expression of type {part.type} is not boolean")


_NUMBERS = frozenset({"long", "real"})
# (operator, left, right) -> type of the result, for what is no number.
_ARITHMETIC = {("-", "datetime", "datetime"): "timespan", ("+", "datetime", "timespan"): "datetime",
               ("-", "datetime", "timespan"): "datetime", ("+", "timespan", "datetime"): "datetime",
               ("+", "timespan", "timespan"): "timespan", ("-", "timespan", "timespan"): "timespan",
               ("/", "timespan", "timespan"): "real", ("%", "timespan", "timespan"): "timespan",
               **{("*", kind, "timespan"): "timespan" for kind in _NUMBERS},
               **{("*", "timespan", kind): "timespan" for kind in _NUMBERS},
               **{("/", "timespan", kind): "timespan" for kind in _NUMBERS}}


def wrapped(value: float) -> int:
    """Integers have 64 bits and overflow silently."""
    return (int(value) + 2**63) % 2**64 - 2**63


_RESULTS: dict[str, Callable[[Any], Any]] = {"datetime": values.date_time, "timespan": TimeSpan, "long": wrapped,
                                             "real": float}


def _arithmetic(operator: str, one: Compiled, other: Compiled) -> Compiled:
    if one.type in _NUMBERS and other.type in _NUMBERS:
        kind = "real" if "real" in (one.type, other.type) else "long"
    else:
        kind = _ARITHMETIC.get((operator, one.type, other.type), "")
    if not kind:
        raise semantic("SEM0050", f"Operator '{operator}' cannot be applied to the types {one.type} and {other.type}. "
                       "Try adding explicit casts")
    convert = _RESULTS[kind]

    def run(row: Any) -> Any:
        left, right = one.run(row), other.run(row)
        if left is None or right is None:
            return None
        try:
            return convert(_calculate(operator, left, right, kind == "long"))
        except (ArithmeticError, ValueError):
            return None  # a division by zero, or no number of that type

    return Compiled(kind, run)


def _calculate(operator: str, left: Any, right: Any, whole: bool) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "%":
            return left - right * _quotient(left, right) if whole else math.fmod(left, right)
    return _quotient(left, right) if whole else left / right


def _quotient(left: int, right: int) -> int:
    """Integers are divided towards zero."""
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def _comparison(operator: str, one: Compiled, other: Compiled) -> Compiled:
    kinds = {one.type, other.type}
    if kinds == {"dynamic"} or (len(kinds) == 2 and "dynamic" not in kinds and kinds != _NUMBERS):
        raise semantic("SEM0064",
                       f"Cannot compare values of types {one.type} and {other.type}. Try adding explicit casts")
    dynamic = "dynamic" in kinds

    def run(row: Any) -> bool | None:
        left, right = one.run(row), other.run(row)
        if dynamic:
            left, right = ((values.same_type(left, right), right) if one.type == "dynamic"
                           else (left, values.same_type(right, left)))
        if operator in ("==", "!="):
            same = values.equal(left, right)
            return same if operator == "==" or same is None else not same
        if left is None or right is None:
            return None
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator]

    return Compiled("bool", run)


_STRING_TESTS: dict[str, Callable[[str, str], bool]] = {"contains": lambda text, part: part in text,
                                                        "startswith": lambda text, part: text.startswith(part),
                                                        "endswith": lambda text, part: text.endswith(part),
                                                        "has": lambda text, part: _term(text, part, True, True),
                                                        "hasprefix": lambda text, part: _term(text, part, True, False),
                                                        "hassuffix": lambda text, part: _term(text, part, False, True)}


def _term(text: str, part: str, begins: bool, ends: bool) -> bool:
    """Does the part occur as a term, or begin or end one? Terms are runs of ASCII letters and digits."""
    before = r"(?<![A-Za-z0-9])" if begins and part[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if ends and part[-1:].isalnum() else ""
    return re.search(before + re.escape(part) + after, text) is not None


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise semantic("SEM0420", f"Regex pattern is ill-formed: {error}") from None


def _string_operator(operator: str, one: Compiled, other: Compiled, right: Expression) -> Compiled:
    """All ignore case, but for those that end in _cs and for matches regex. On a null they see an empty string."""
    if operator == "matches regex":
        if right[0] == "literal":
            _regex(right[2])
        return Compiled("bool", lambda row: _regex(other.text(row)).search(one.text(row)) is not None)
    wanted = not operator.startswith("!")
    name = operator.lstrip("!")
    if name in ("=~", "~"):
        return Compiled("bool", lambda row: (one.text(row).lower() == other.text(row).lower()) is wanted)
    if name.endswith("_cs"):
        test = _STRING_TESTS[name[:-3]]
        return Compiled("bool", lambda row: test(one.text(row), other.text(row)) is wanted)
    test = _STRING_TESTS[name]
    return Compiled("bool", lambda row: test(one.text(row).lower(), other.text(row).lower()) is wanted)


def _in(scope: Scope, operator: str, left: Expression, right: list[Expression]) -> Compiled:
    one = compile_expression(left, scope)
    parts = [compile_expression(each, scope) for each in right]

    def candidates(row: Any) -> list[Any]:
        found = [each.run(row) for each in parts]
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found

    if operator in ("has_any", "has_all"):
        every, has = all if operator == "has_all" else any, _STRING_TESTS["has"]
        return Compiled("bool", lambda row: every(has(one.text(row).lower(), to_string(each).lower())
                                                  for each in candidates(row)))
    wanted, loose = not operator.startswith("!"), operator.endswith("~")

    def run(row: Any) -> bool:
        if loose:
            return (one.text(row).lower() in [to_string(each).lower() for each in candidates(row)]) is wanted
        value = one.run(row)
        return (any(values.equal(values.same_type(value, each) if one.type == "dynamic" else value, each)
                    for each in candidates(row)) is wanted)

    return Compiled("bool", run)


def _between(scope: Scope, operator: str, value: Expression, low: Expression, high: Expression) -> Compiled:
    first, last = compile_expression(low, scope), compile_expression(high, scope)
    if first.type == "datetime" and last.type == "timespan":
        last = _arithmetic("+", first, last)
    middle = compile_expression(value, scope)
    both = _logic("and", _comparison(">=", middle, first), _comparison("<=", middle, last))
    if operator == "between":
        return both

    def run(row: Any) -> bool | None:
        inside = both.run(row)
        return None if inside is None else not inside

    return Compiled("bool", run)


_COMPILERS: dict[str, Callable[..., Compiled]] = {"between": _between, "binary": _binary, "call": _call,
                                                  "column": _column, "in": _in, "index": _index, "literal": _literal,
                                                  "member": _member, "minus": _minus, "star": _star}
