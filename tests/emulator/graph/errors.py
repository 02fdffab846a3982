# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a query is refused, in the words of Azure Resource Graph.

The envelope and the details InvalidQuery, ParserFailure, InvalidQueryLanguage, UnsupportedJoinFlavor and
DisallowedLogicalTableName are as users reported them from the service. Semantic errors (unknown columns and functions,
types) carry the codes of the Kusto engine, SEMnnnn; whether Resource Graph passes these on was never compared.
"""

from __future__ import annotations

from typing import Any

SUPPORT = "Please provide below info when asking for support: timestamp = {timestamp}, correlationId = {correlation}."
INVALID = (
    "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before "
    "retrying."
)


class QueryError(Exception):
    """A 400 of Azure Resource Graph. `details` come after the InvalidQuery entry, which not every error has."""

    status, outer = 400, "BadRequest"

    def __init__(self, code: str, message: str, invalid_query: bool = True, **fields: Any):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message
        first = [{"code": "InvalidQuery", "message": INVALID}] if invalid_query else []
        self.details = [*first, {"code": code, "message": message, **fields}]

    def body(self, timestamp: str, correlation: str) -> dict[str, Any]:
        """The body of the answer. timestamp: as the service writes times; correlation: id of the request."""
        message = SUPPORT.format(timestamp=timestamp, correlation=correlation)
        return {"error": {"code": self.outer, "message": message, "details": self.details}}


def parser_failure(line: int, position: int, token: str) -> QueryError:
    """line counts from 1, position from 0, as the service counts them. token: "<EOF>" at the end."""
    return QueryError("ParserFailure", "ParserFailure", line=line, characterPositionInLine=position, token=token)


def unsupported(token: str) -> QueryError:
    """An operator of Kusto that Resource Graph does not have."""
    return QueryError("InvalidQueryLanguage", "InvalidQueryLanguage", line=-1, characterPositionInLine=-1, token=token)


class NotModelled(QueryError):
    """What the service has, or may have, and the emulator has not: the emulator's own answer."""

    status, outer = 501, "NotModelledByEmulator"

    def __init__(self, what: str):
        super().__init__(self.outer, f"The emulator does not model {what} of Resource Graph.", False)


def unsupported_join(kind: str) -> QueryError:
    return QueryError("UnsupportedJoinFlavor", f'The join kind "{kind}" is not supported or not allowed.')


def unknown_table(name: str) -> QueryError:
    return QueryError("DisallowedLogicalTableName", f"Table {name} is invalid, unsupported or disallowed.", False)


def unresolved(operator: str, name: str) -> QueryError:
    return QueryError("SEM0100", f"'{operator}' operator: Failed to resolve scalar expression named '{name}'")


def semantic(code: str, message: str) -> QueryError:
    return QueryError(code, message)
