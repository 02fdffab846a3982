# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tabular operators: running a query over tables.

Source: Kusto documentation of each operator; "Understand the query language" of Azure Resource Graph for its limits.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import functions, values
from .errors import NotModelled, semantic, unknown_table, unresolved, unsupported_join
from .expressions import Columns, Compiled, Row, Scope, compile_expression, default_name
from .parser import Expression, Operator, Query, parse
from .values import DateTime

Tables = Mapping[str, Iterable[Mapping[str, Any]] | Callable[[], Iterable[Mapping[str, Any]]]]
Named = tuple[str | None, Expression]  # of an extend, project, summarize ...

DEFAULT_TABLE = "resources"
# The columns of every table of Resource Graph.
COLUMNS: Columns = {"id": "string", "name": "string", "type": "string", "tenantId": "string", "kind": "string",
                    "location": "string", "resourceGroup": "string", "subscriptionId": "string", "managedBy": "string",
                    "sku": "dynamic", "plan": "dynamic", "properties": "dynamic", "tags": "dynamic",
                    "identity": "dynamic", "zones": "dynamic", "extendedLocation": "dynamic"}
JOIN_KINDS = ("inner", "innerunique", "leftouter", "fullouter")
# Tables of the service that the emulator does not have ("Azure Resource Graph table and resource type reference").
_NOT_MODELLED_WORDS = """
    advisor aks alertsmanagement appservice aws azurebusinesscontinuity azuredevopsplatform batch capability chaos
    communitygallery compute deployment desktopvirtualization dns edgeorder elasticsan extendedlocation feature
    guestconfiguration health impactreport insight insights iotsecurity kusto maintenance managedservice migrate network
    orbital patchassessment patchinstallation policy quota security servicehealth spot support tag"""
_CHANGES_WORDS = """
    extensibilityresource healthresource maintenanceresource networkresource quotaresource resource resourcecontainer"""
NOT_MODELLED = {*(f"{word}resources" for word in _NOT_MODELLED_WORDS.split()),
                *(f"{word}changes" for word in _CHANGES_WORDS.split())}
LIMITS = {"join": 3, "mv-expand": 3, "union": 3}  # operators in a query
EXPANSION, MOST_EXPANSION = 128, 2000  # rows that mv-expand makes of one row: default and maximum


@dataclass(frozen=True)
class Result:
    """Columns with their types, rows as JSON data, and whether the query limits the number of rows itself."""

    columns: Columns
    rows: list[Row]
    limited: bool = False


def evaluate(text: str, tables: Tables, now: float) -> Result:
    """Run a query; QueryError when Azure Resource Graph would refuse it.

    tables: name (any case) -> rows, or a function that gives them. now: seconds since 1970.
    """
    query = parse(text)
    _check_limits(query)
    run = _Run({name.lower(): table for name, table in tables.items()}, DateTime.of(now))
    try:
        result = run.query(query)
    except RecursionError:
        raise semantic("SEM0001", "The query is nested too deeply.") from None
    rows = [{name: values.plain(row.get(name)) for name in result.columns} for row in result.rows]
    return Result(result.columns, rows, any(operator[0] in ("take", "top") for operator in query[1]))


def _check_limits(query: Query) -> None:
    for name, most in LIMITS.items():
        if sum(1 for operator in _operators(query) if operator[0] == name) > most:
            raise semantic("InvalidQueryLimits", f"The query has more than {most} {name} operators.")


def _operators(query: Query) -> Iterable[Operator]:
    for operator in query[1]:
        yield operator
        nested = [operator[2]] if operator[0] == "join" else operator[3] if operator[0] == "union" else ()
        for each in nested:
            yield from _operators(each)


class _Run:
    def __init__(self, tables: Tables, now: DateTime):
        self.tables, self.now = tables, now

    def query(self, query: Query) -> Result:
        table, operators = query
        result = self.table(table or DEFAULT_TABLE)
        for name, *parts in operators:
            result = getattr(self, name.replace("-", "_"))(result, *parts)
        return result

    def table(self, name: str) -> Result:
        source = self.tables.get(name.lower())
        if source is None:
            raise NotModelled(f"the table {name}") if name.lower() in NOT_MODELLED else unknown_table(name)
        rows = [dict(row) for row in (source() if callable(source) else source)]
        columns = {name: COLUMNS.get(name) or functions.values_type(value) for row in reversed(rows)
                   for name, value in row.items()} or dict(COLUMNS)
        return Result(columns, rows)

    def compile(self, expression: Expression, result: Result, operator: str, grouped: bool = False) -> Compiled:
        return compile_expression(expression, Scope(operator, result.columns, self.now, grouped))

    def named(self, items: list[Named], result: Result, operator: str,
              taken: Collection[str] | None = None) -> dict[str, Compiled]:
        """The columns that a list of named expressions makes. taken: names of the keys, when they stand in a group."""
        made: dict[str, Compiled] = {}
        for name, expression in items:
            base = name or default_name(expression)
            unique = _free(base, {*made, *(taken or ())}) if base else f"Column{len(made) + 1}"
            made[unique] = self.compile(expression, result, operator, taken is not None)
        return made

    # one row in, at most one row out

    def where(self, result: Result, condition: Expression) -> Result:
        test = self.compile(condition, result, "where")
        if test.type not in ("bool", "dynamic"):
            raise semantic("SEM0012", f"'where' operator: expression of type {test.type} is not boolean")
        return Result(result.columns, [row for row in result.rows if test.run(row)])

    def extend(self, result: Result, items: list[Named]) -> Result:
        made = self.named(items, result, "extend")
        columns = {**result.columns, **{name: each.type for name, each in made.items()}}
        return Result(columns, [{**row, **{name: each.run(row) for name, each in made.items()}} for row in result.rows])

    def project(self, result: Result, items: list[Named]) -> Result:
        made = self.named(items, result, "project")
        return Result({name: each.type for name, each in made.items()},
                      [{name: each.run(row) for name, each in made.items()} for row in result.rows])

    def project_away(self, result: Result, patterns: list[str]) -> Result:
        for pattern in patterns:
            if "*" not in pattern and pattern not in result.columns:
                raise unresolved("project-away", pattern)
        return Result({name: kind for name, kind in result.columns.items()
                       if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)}, result.rows)

    # rows and their order

    def take(self, result: Result, number: int) -> Result:
        return Result(result.columns, result.rows[:number])

    def count(self, result: Result) -> Result:
        return Result({"Count": "long"}, [{"Count": len(result.rows)}])

    def sort(self, result: Result, orderings: list[tuple[Expression, bool, bool]]) -> Result:
        rows = list(result.rows)
        for expression, descending, nulls_first in reversed(orderings):
            key = self.compile(expression, result, "order")
            if key.type == "dynamic":
                raise semantic("SEM0011", "'order' operator: key can't be of dynamic type")
            keyed = [(key.run(row), row) for row in rows]
            nulls = [row for value, row in keyed if value is None]
            others = [pair for pair in keyed if pair[0] is not None]
            others.sort(key=lambda pair: values.order(pair[0]), reverse=descending)
            rows = nulls * nulls_first + [row for dummy, row in others] + nulls * (not nulls_first)
        return Result(result.columns, rows)

    def top(self, result: Result, number: int, orderings: list[tuple[Expression, bool, bool]]) -> Result:
        return self.take(self.sort(result, orderings), number)

    def distinct(self, result: Result, items: list[Any]) -> Result:
        if items == [("star",)]:
            items = [(None, ("column", name)) for name in result.columns]
        return self.summarize(result, [], items)

    # groups

    def summarize(self, result: Result, aggregates: list[Named], by: list[Named]) -> Result:
        keys = self.named(by, result, "summarize")
        for name, key in keys.items():
            if key.type == "dynamic":
                raise semantic(
                    "SEM0024",
                    f"Summarize group key '{name}' is of a 'dynamic' type. Please use an explicit cast (for example, "
                    f"'summarize ... by tostring({name})') as grouping by a 'dynamic' type is not supported.",
                )
        made: dict[str, Compiled] = {}
        for item in aggregates:
            found = self.extremes(item, result, keys)
            made.update(self.named([item], result, "summarize", {*keys, *made}) if found is None else found)
        groups: dict[tuple[Any, ...], tuple[Row, list[Row]]] = {}
        for row in result.rows:
            found = {name: key.run(row) for name, key in keys.items()}
            groups.setdefault(tuple(map(values.identity, found.values())), (found, []))[1].append(row)
        if not by and not groups:
            groups[()] = ({}, [])
        return Result({name: each.type for name, each in {**keys, **made}.items()},
                      [{**found, **{name: each.run(rows) for name, each in made.items()}}
                       for found, rows in groups.values()])

    def extremes(self, item: Named, result: Result, keys: Mapping[str, Compiled]) -> dict[str, Compiled] | None:
        """arg_max(value, columns or *) and arg_min; None when the item is something else."""
        name, expression = item
        if expression[0] != "call" or expression[1] not in ("arg_max", "arg_min") or not expression[2]:
            return None
        value = self.compile(expression[2][0], result, "summarize")
        best = max if expression[1] == "arg_max" else min
        first = name or default_name(expression[2][0]) or f"{expression[1][4:]}_"

        def row_of(rows: list[Row]) -> Row:
            known = [row for row in rows if value.run(row) is not None]
            return best(known, key=lambda row: values.order(value.run(row))) if known else rows[0] if rows else {}

        def of_row(part: Compiled) -> Compiled:
            return Compiled(part.type, lambda rows: part.run(row_of(rows)))

        made = {first: of_row(value)}
        for each in expression[2][1:]:
            wanted = [("column", column) for column in result.columns] if each == ("star",) else [each]
            for column in wanted:
                label = default_name(column)
                if label not in keys and label not in made:
                    made[label] = of_row(self.compile(column, result, "summarize"))
        return made

    def mv_expand(self, result: Result, bags: str, index: str | None, items: list[Any], limit: int | None) -> Result:
        if bags not in ("bag", "array"):
            raise semantic("SEM0011", f"'mv-expand' operator: kind {bags} is not supported")
        if limit is not None and limit > MOST_EXPANSION:
            raise semantic("InvalidQueryLimits", f"The row limit of mv-expand is at most {MOST_EXPANSION}.")
        made = self.named([named for named, dummy in items], result, "mv-expand")
        for part in made.values():
            if part.type != "dynamic":
                raise semantic("SEM0011", f"'mv-expand' operator: expression of type {part.type} is not dynamic")
        for dummy, kind in items:
            if kind and f"to{kind}" not in functions.SCALARS:
                raise semantic("SEM0011", f"'mv-expand' operator: unknown type {kind}")
        converters = [functions.SCALARS[f"to{kind}"] if kind else None for dummy, kind in items]
        columns = {**result.columns, **{name: converter.type if converter else "dynamic"
                                        for name, converter in zip(made, converters, strict=False)}}
        if index:
            columns[index] = "long"
        rows = []
        for row in result.rows:
            arrays = [_elements(part.run(row), bags) for part in made.values()]
            for number in range(min(max(map(len, arrays)), EXPANSION if limit is None else limit)):
                values_here = {name: _converted(array[number] if number < len(array) else None, converter)
                               for name, array, converter in zip(made, arrays, converters, strict=False)}
                rows.append({**row, **values_here, **({index: number} if index else {})})
        return Result(columns, rows)

    # several tables

    def join(self, left: Result, kind: str, query: Query, keys: list[tuple[str, str]]) -> Result:
        if kind not in JOIN_KINDS:
            raise unsupported_join(kind)
        right = self.query(query)
        for side, names in ((left, [one for one, dummy in keys]), (right, [other for dummy, other in keys])):
            for name in names:
                if name not in side.columns:
                    raise unresolved("join", name)
                if side.columns[name] == "dynamic":
                    raise semantic(
                        "SEM0025",
                        f"join key '{name}' is of a 'dynamic' type. Please use an explicit cast using extend "
                        "operator in the join legs as join on a 'dynamic' type is not supported.",
                    )
        renamed: dict[str, str] = {}
        for name in right.columns:
            renamed[name] = _free(name, left.columns.keys() | set(renamed.values()))
        index: dict[tuple[Any, ...], list[Row]] = {}
        for row in right.rows:
            shown = {renamed[name]: value for name, value in row.items() if name in renamed}
            index.setdefault(_key(row, [other for dummy, other in keys]), []).append(shown)
        rows, seen, outer = [], set(), kind in ("leftouter", "fullouter")
        for row in left.rows:
            key = _key(row, [one for one, dummy in keys])
            if kind == "innerunique" and key in seen:
                continue
            seen.add(key)
            matches = index.get(key, []) if all(part[1] is not None for part in key) else []
            rows += [{**row, **match} for match in matches or ([{}] if outer else [])]
        if kind == "fullouter":
            rows += [row for key, some in index.items() if key not in seen or any(part[1] is None for part in key)
                     for row in some]
        return Result({**left.columns, **{renamed[name]: kind for name, kind in right.columns.items()}}, rows)

    def union(self, result: Result, kind: str, source: str | None, legs: list[Query]) -> Result:
        if kind not in ("inner", "outer"):
            raise semantic("SEM0011", f"union: kind {kind} is not supported")
        parts = [result, *(self.query(leg) for leg in legs)]
        columns: dict[str, str] = {}
        for part in parts:
            columns.update({name: type for name, type in part.columns.items() if name not in columns})
        if kind == "inner":
            columns = {name: type for name, type in columns.items() if all(name in part.columns for part in parts)}
        labels = ["union_arg0", *(leg[0] or DEFAULT_TABLE for leg in legs)]
        rows = [{**({source: label} if source else {}), **row} for label, part in zip(labels, parts, strict=False)
                for row in part.rows]
        return Result({**({source: "string"} if source else {}), **columns}, rows)


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it when it is taken."""
    number = 0
    unique = name
    while unique in taken:
        number += 1
        unique = f"{name}{number}"
    return unique


def _key(row: Row, names: list[str]) -> tuple[Any, ...]:
    return tuple(values.identity(row.get(name)) for name in names)


def _elements(value: Any, bags: str) -> list[Any]:
    """What mv-expand makes rows of: nothing for an empty array, a bag becomes one row for each property. bags: what
    that row holds, a bag with this property or an array of its name and value."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    return [[name, each] if bags == "array" else {name: each} for name, each in value.items()]


def _converted(value: Any, converter: functions.Function | None) -> Any:
    if converter is None:
        return value
    return converter.run(values.to_string(value, True) if converter.type == "string" else value)
