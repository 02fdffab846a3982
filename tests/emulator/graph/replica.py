# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Resource Graph knows of the documents: a copy that follows with a delay.

Source: Azure Resource Graph is eventually consistent; users see seconds to minutes (its documentation names no time).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

Body = dict[str, Any]

MOST_PENDING = 20_000  # changes that nobody asked for yet; beyond, the oldest are taken over early


class Replica:
    """Documents by kind as they were some seconds ago. Bodies are shared with the store, which never changes them."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Body]] = {}
        self._pending: deque[tuple[float, str, str, Body | None]] = deque()

    def change(self, at: float, kind: str, key: str, body: Body | None) -> None:
        """A document was written or, with None, deleted at a time. kind and key: its type and id, lower case."""
        self._pending.append((at, kind, key, body))
        if len(self._pending) > MOST_PENDING:
            self.take(*self._pending.popleft()[1:])

    def take(self, kind: str, key: str, body: Body | None) -> None:
        """Know of it at once, because it has been there for long."""
        documents = self._seen.setdefault(kind, {})
        if body is None:
            documents.pop(key, None)
        else:
            documents[key] = body

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()
        self._pending.clear()

    def follow(self, until: float) -> None:
        """Take over what was written until then."""
        while self._pending and self._pending[0][0] <= until:
            self.take(*self._pending.popleft()[1:])

    def documents(self, kind: str) -> Iterator[Body]:
        return iter(self._seen.get(kind.lower(), {}).values())
