# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the text of a query to a tree of plain tuples.

An expression is a tuple of a tag and its parts:
  ("column", name)  ("literal", type, value)  ("call", name, [expressions])
  ("member", expression, name)  ("index", expression, expression)  ("binary", operator, left, right)
  ("in", operator, left, [expressions])  ("between", operator, value, low, high)  ("minus", expression)  ("star",)
A query is (table or None, [operators]); an operator is (name, *parts), see the methods of _Tree.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from .errors import NotModelled, QueryError, parser_failure, semantic, unsupported
from .values import TICKS, DateTime, TimeSpan

Expression = tuple[Any, ...]
Operator = tuple[Any, ...]
Query = tuple[str | None, list[Operator]]

# Operators of Kusto that Azure Resource Graph does not list as supported, or that the emulator does not have.
_UNSUPPORTED_WORDS = """
    as consume evaluate facet find fork getschema graph-match lookup make-graph make-series mv-apply
    parse-kv parse-where partition print project-keep project-rename project-reorder range reduce render sample
    sample-distinct scan search serialize top-hitters top-nested"""
UNSUPPORTED = frozenset(_UNSUPPORTED_WORDS.split())
NOT_MODELLED = ("invoke", "parse")  # the service has them

_UNITS = {word: ticks for words, ticks in (("d day days", 86_400 * TICKS), ("h hr hour hours", 3600 * TICKS),
                                           ("m min minute minutes", 60 * TICKS), ("s sec second seconds", TICKS),
                                           ("ms millisecond milliseconds", TICKS // 1000),
                                           ("microsecond microseconds", 10), ("tick ticks", 1))
          for word in words.split()}

_PARSER = Lark((Path(__file__).parent / "kql.lark").read_text(encoding="utf-8"), parser="lalr")


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """QueryError when the text is no query of Azure Resource Graph."""
    try:
        return _Tree().transform(_PARSER.parse(text))
    except RecursionError:
        raise semantic("SEM0001", "The query is nested too deeply.") from None
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        raise _failure(text, error) from None


def _failure(text: str, error: UnexpectedInput) -> QueryError:
    end = isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END")
    if end:
        lines = text.split("\n")
        return parser_failure(len(lines), len(lines[-1]), "<EOF>")
    assert isinstance(error, (UnexpectedToken, UnexpectedCharacters))
    token = str(error.token) if isinstance(error, UnexpectedToken) else text[error.pos_in_stream or 0]
    operator = text[text.rfind("|", 0, error.pos_in_stream) + 1 :].split(None, 1)[0]
    if operator in NOT_MODELLED:
        return NotModelled(f"the operator {operator}")
    if operator in UNSUPPORTED:
        return unsupported(operator)
    return parser_failure(error.line, error.column - 1, token)


_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
            "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def _string(token: str) -> str:
    if token[0] == "@":
        return token[2:-1].replace(token[1] * 2, token[1])

    def character(match: re.Match[str]) -> str:
        if match[3] is None:
            return chr(int(match[1] or match[2], 16))
        if match[3] not in _ESCAPES:
            raise semantic("SYN0002", f"Invalid string literal {token}")
        return _ESCAPES[match[3]]

    return _ESCAPE.sub(character, token[1:-1])


def _long(token: str) -> int:
    value = int(token, 16) if token[:2] in ("0x", "0X") else int(token) if len(token) < 20 else 2**63
    if value >= 2**63:
        raise semantic("SYN0002", f"Invalid long literal {token[:40]}")
    return value


class _Tree(Transformer[Any, Query]):
    def query(self, parts: list[Any]) -> Query:
        return (None, parts) if not parts or isinstance(parts[0], tuple) else (str(parts[0]), parts[1:])

    # operators

    def where(self, parts: list[Any]) -> Operator:
        return "where", parts[0]

    def extend(self, parts: list[Any]) -> Operator:
        return "extend", parts

    def project(self, parts: list[Any]) -> Operator:
        return "project", parts

    def project_away(self, parts: list[Any]) -> Operator:
        return "project-away", [str(each) for each in parts]

    def take(self, parts: list[Any]) -> Operator:
        return "take", _long(parts[0])

    def count(self, parts: list[Any]) -> Operator:
        return ("count",)

    def distinct(self, parts: list[Any]) -> Operator:
        return "distinct", parts

    def sort(self, parts: list[Any]) -> Operator:
        return "sort", parts

    def top(self, parts: list[Any]) -> Operator:
        return "top", _long(parts[0]), parts[1:]

    def ordering(self, parts: list[Any]) -> tuple[Expression, bool, bool]:
        """(expression, descending, nulls first); descending is the default, and nulls count as smallest."""
        words = [str(each) for each in parts[1:]]
        descending = "asc" not in words
        said = bool({"first", "last"} & set(words))
        return parts[0], descending, "first" in words if said else not descending

    def summarize(self, parts: list[Any]) -> Operator:
        return "summarize", parts[0] or [], parts[1] or []

    def named_list(self, parts: list[Any]) -> list[Any]:
        return parts

    def named(self, parts: list[Any]) -> tuple[str | None, Expression]:
        return (str(parts[0]), parts[1]) if len(parts) == 2 else (None, parts[0])

    def join(self, parts: list[Any]) -> Operator:
        kind, right, keys = parts
        return "join", str(kind or "innerunique"), right, keys

    def join_keys(self, parts: list[Any]) -> list[Any]:
        return parts

    def key_name(self, parts: list[Any]) -> tuple[str, str]:
        return str(parts[0]), str(parts[0])

    def key_pair(self, parts: list[Any]) -> tuple[str, str]:
        sides = {side[1:]: name for side, name in (parts[:2], parts[2:])}
        if len(sides) != 2:
            raise semantic("SEM0042", "join: one side of an equality has to be $left and the other $right")
        return sides["left"], sides["right"]

    def right_table(self, parts: list[Any]) -> Query:
        return str(parts[0]), []

    def union(self, parts: list[Any]) -> Operator:
        kind, source, *legs = parts
        return "union", str(kind or "outer"), source and str(source), legs

    def mv_expand(self, parts: list[Any]) -> Operator:
        kind, index, *items, limit = parts
        return "mv-expand", str(kind or "bag"), index and str(index), items, limit and _long(limit)

    def expanded(self, parts: list[Any]) -> tuple[tuple[str | None, Expression], str | None]:
        return parts[0], parts[1] and str(parts[1])

    # expressions

    def binary(self, parts: list[Any]) -> Expression:
        left, operator, right = parts
        return "binary", " ".join(str(operator).split()), left, right

    def member_of(self, parts: list[Any]) -> Expression:
        return "in", str(parts[1]), parts[0], parts[2:]

    def between(self, parts: list[Any]) -> Expression:
        return "between", str(parts[1]), parts[0], parts[2], parts[3]

    def minus(self, parts: list[Any]) -> Expression:
        return "minus", parts[0]

    def member(self, parts: list[Any]) -> Expression:
        return "member", parts[0], str(parts[1])

    def quoted_member(self, parts: list[Any]) -> Expression:
        return "member", parts[0], _string(parts[1])

    def index(self, parts: list[Any]) -> Expression:
        return "index", parts[0], parts[1]

    def column(self, parts: list[Any]) -> Expression:
        return "column", str(parts[0])

    def quoted_column(self, parts: list[Any]) -> Expression:
        return "column", _string(parts[0])

    def call(self, parts: list[Any]) -> Expression:
        return "call", str(parts[0]), parts[1:]

    def typed_null(self, parts: list[Any]) -> Expression:
        kind = {"int": "long", "double": "real", "time": "timespan"}.get(str(parts[0]), str(parts[0]))
        return "literal", kind, None

    def star(self, parts: list[Any]) -> Expression:
        return ("star",)

    # literals

    def string(self, parts: list[Token]) -> Expression:
        return "literal", "string", _string(parts[0])

    def long(self, parts: list[Token]) -> Expression:
        return "literal", "long", _long(parts[0])

    def real(self, parts: list[Token]) -> Expression:
        return "literal", "real", float(parts[0])

    def true(self, parts: list[Token]) -> Expression:
        return "literal", "bool", True

    def false(self, parts: list[Token]) -> Expression:
        return "literal", "bool", False

    def datetime(self, parts: list[Token]) -> Expression:
        text = parts[0].partition("(")[2][:-1].strip().strip("'\"")
        value = DateTime.parse(text)
        if value is None and text != "null":
            raise semantic("SYN0002", f"Invalid datetime literal {parts[0]}")
        return "literal", "datetime", value

    def duration(self, parts: list[Token]) -> Expression:
        number = parts[0].rstrip("abcdefghijklmnopqrstuvwxyz")
        ticks = float(number) * _UNITS[parts[0][len(number) :]]
        return ("literal", "timespan", TimeSpan(round(ticks))) if ticks < 2**63 else _invalid(parts[0])

    def timespan(self, parts: list[Token]) -> Expression:
        text = parts[0].partition("(")[2][:-1].strip().strip("'\"")
        value = TimeSpan.parse(text) if text != "null" else None
        if value is None and text != "null":
            known = re.fullmatch(r"\d+(\.\d+)?([a-z]+)", text)
            return self.duration([Token("DURATION", text)]) if known and known[2] in _UNITS else _invalid(parts[0])
        return "literal", "timespan", value

    def dynamic(self, parts: list[Any]) -> Expression:
        return "literal", "dynamic", parts[0]

    def json_object(self, parts: list[Any]) -> Any:
        return {_string(name): value for name, value in zip(parts[::2], parts[1::2], strict=False)}

    def json_array(self, parts: list[Any]) -> Any:
        return parts

    def json_text(self, parts: list[Token]) -> Any:
        return _string(parts[0])

    def json_word(self, parts: list[Token]) -> Any:
        return json.loads(parts[0])


def _invalid(literal: str) -> Expression:
    raise semantic("SYN0002", f"Invalid timespan literal {literal}")
