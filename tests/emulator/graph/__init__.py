# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language of Azure Resource Graph, parsed and evaluated over plain rows.

  result = evaluate("resources | where name =~ 'x'", {"resources": rows}, now)
  body = answer(result, Page.of(options, query), query)
A query that the service refuses raises QueryError, whose body() is that of the 400.
"""

from __future__ import annotations

from .errors import QueryError
from .evaluate import COLUMNS, Result, evaluate
from .paging import Page, answer

__all__ = ["COLUMNS", "Page", "QueryError", "Result", "answer", "evaluate"]
