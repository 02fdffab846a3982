# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers of Azure Resource Graph: options, pages and formats.

Sources: "Work with large data sets" of Azure Resource Graph, and its REST API: at most 1000 records in an answer, and
that many when $top is not given; resultTruncated is a string, and true when there are more records but no $skipToken to
get them with: when the query limits its rows itself, or when its result has no id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import QueryError
from .evaluate import Result

MOST = 1000
OPTIONS = {"$skip", "$skipToken", "$top", "allowPartialScopes", "authorizationScopeFilter", "resultFormat"}
# Types of the columns in the result format `table`.
_TABLE_TYPES = {"string": "string", "long": "integer", "real": "number", "bool": "boolean", "datetime": "string",
                "timespan": "string", "dynamic": "object"}


@dataclass(frozen=True)
class Page:
    """Which part of the records is asked for, and in which format."""

    skip: int
    top: int
    table: bool

    def at_most(self, rows: int) -> Page:
        """The same with fewer rows, as when the service finds them too large for one answer."""
        return replace(self, top=min(self.top, rows))

    @classmethod
    def of(cls, options: Mapping[str, Any] | None, query: str) -> Page:
        """From the member `options` of a request; QueryError when one is out of range or a token of another query."""
        options = {} if options is None else options
        if not isinstance(options, Mapping):
            raise _invalid("options", options)
        for name in options.keys() - OPTIONS:
            raise _invalid(name, options[name])
        token = _read(options["$skipToken"], query) if options.get("$skipToken") else {}
        skip = _number(options, "$skip", 0, None, token.get("skip", 0))
        top = _number(options, "$top", 1, MOST, token.get("top", MOST))
        format = options.get("resultFormat") or "objectArray"
        if format not in ("objectArray", "table"):
            raise _invalid("resultFormat", format)
        return cls(skip, top, format == "table")


def answer(result: Result, page: Page, query: str) -> dict[str, Any]:
    """The body of a 200."""
    rows, total = result.rows[page.skip : page.skip + page.top], len(result.rows)
    after = page.skip + len(rows)
    pageable = "id" in result.columns and not result.limited
    data: Any = rows
    if page.table:
        columns = [{"name": name, "type": _TABLE_TYPES[kind]} for name, kind in result.columns.items()]
        data = {"columns": columns, "rows": [list(row.values()) for row in rows]}
    body = {"totalRecords": total, "count": len(rows), "data": data, "facets": [],
            "resultTruncated": "true" if after < total and not pageable else "false"}
    if after < total and pageable:
        body["$skipToken"] = _token(after, page.top, query)
    return body


def _number(options: Mapping[str, Any], name: str, least: int, most: int | None, default: int) -> int:
    value = options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        raise _invalid(name, value)
    return value


def _invalid(name: str, value: Any) -> QueryError:
    return QueryError("InvalidQueryOption", f"The value {value!r} of the option {name} is not valid.", False)


def _mark(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:16]


def _token(skip: int, top: int, query: str) -> str:
    return base64.b64encode(json.dumps({"skip": skip, "top": top, "query": _mark(query)}).encode()).decode()


def _read(token: Any, query: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        if found["query"] == _mark(query) and isinstance(found["skip"], int) and isinstance(found["top"], int):
            return found
    except (binascii.Error, KeyError, RecursionError, TypeError, ValueError):
        pass
    raise _invalid("$skipToken", token)
