# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of ARM documents: by id without regard to case, by parent, by type and subscription.

A record's ``body`` is the wire document and is never changed in place: writers replace it (``put``) or merge into a
copy (``merge``). So the body before the last write costs nothing to keep, and a stale read can be played.
``hidden`` is what the service knows and does not show (JSON as well).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .ids import Id, identifier

Body = dict[str, Any]


@dataclass
class Record:
    id: Id
    type: str
    body: Body
    hidden: dict[str, Any] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, Any]:
        return self.body.get("properties", {})

    @property
    def name(self) -> str:
        return self.body.get("name", self.id.name)


def merged(old: Any, new: Any) -> Any:
    """A JSON merge patch (RFC 7396) that shares with ``old`` whatever it does not touch."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    result = dict(old)
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key, {}), value)
        else:
            result[key] = value
    return result


class Store:
    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._children: dict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
        self._types: dict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
        self._before: dict[str, Record | None] = {}
        self._stale: str | None = None
        # Called with the record and its body after every write; the body is None when the record is gone.
        self.listeners: list[Callable[[Record, Body | None], None]] = []

    def __len__(self) -> int:
        return len(self._records)

    def get(self, id: Id | str) -> Record | None:
        key = id.key if isinstance(id, Id) else id.rstrip("/").lower()
        if key == self._stale:
            return self._before.get(key)
        return self._records.get(key)

    def put(self, id: Id | str, body: Body, hidden: dict[str, Any] | None = None) -> Record:
        """Create or replace. ``id``, ``name`` and ``type`` of the body are filled in when absent. A replaced record
        keeps its own spelling of the id, and its hidden part unless a new one is given."""
        id = id if isinstance(id, Id) else identifier(id)
        old = self._records.get(id.key)
        self._before[id.key] = old and Record(old.id, old.type, old.body, old.hidden)
        if old:
            id = old.id
            old.body = {"id": id.text, "name": id.name, "type": id.type, **body}
            if hidden is not None:
                old.hidden = hidden
            self._tell(old, old.body)
            return old
        record = Record(id, id.type, {"id": id.text, "name": id.name, "type": id.type, **body}, hidden or {})
        self._index(record)
        self._tell(record, record.body)
        return record

    def _tell(self, record: Record, body: Body | None) -> None:
        for listener in self.listeners:
            listener(record, body)

    def _index(self, record: Record) -> None:
        key, kind = record.id.key, record.type.lower()
        self._records[key] = record
        self._children[(record.id.parent.key, kind)][key] = record
        self._types[(record.id.subscription.lower(), kind)][key] = record

    def merge(self, id: Id | str, change: Body) -> Record | None:
        """Merge ``change`` into the document, None removing a key; nothing happens when it is gone meanwhile."""
        record = self._records.get(id.key if isinstance(id, Id) else id.rstrip("/").lower())
        return record and self.put(record.id, merged(record.body, change))

    def delete(self, id: Id | str) -> Record | None:
        """Remove one record (not what is below it)."""
        key = id.key if isinstance(id, Id) else id.rstrip("/").lower()
        record = self._records.pop(key, None)
        if record:
            self._before[key] = record
            self._children[(record.id.parent.key, record.type.lower())].pop(key, None)
            self._types[(record.id.subscription.lower(), record.type.lower())].pop(key, None)
            self._tell(record, None)
        return record

    def children(self, parent: Id | str, kind: str) -> list[Record]:
        """The records of a full type (``Namespace/type/...``) that hang directly on a parent, oldest first."""
        key = parent.key if isinstance(parent, Id) else parent.rstrip("/").lower()
        return list(self._children.get((key, kind.lower()), {}).values())

    def of_type(self, subscription: str, kind: str) -> list[Record]:
        return list(self._types.get((subscription.lower(), kind.lower()), {}).values())

    def of_type_anywhere(self, kind: str) -> list[Record]:
        return [record for (dummy, name), records in list(self._types.items()) if name == kind.lower()
                for record in records.values()]

    def below(self, id: Id | str) -> list[Record]:
        """Everything below an id, children after parents."""
        prefix = (id.key if isinstance(id, Id) else id.rstrip("/").lower()) + "/"
        return sorted((record for key, record in self._records.items() if key.startswith(prefix)),
                      key=lambda record: len(record.id.key))

    def all(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    @contextmanager
    def stale(self, id: Id) -> Iterator[None]:
        """Inside, a read of this id sees the document as it was before the last write."""
        self._stale = id.key if id.key in self._before else None
        try:
            yield
        finally:
            self._stale = None

    def settle(self, subscription: str) -> None:
        """What a subscription holds now has been so for long: there is nothing older that a stale read could see."""
        prefix = f"/subscriptions/{subscription}".lower()
        self._before = {key: record for key, record in self._before.items() if not key.startswith(prefix)}

    def save(self) -> list[dict[str, Any]]:
        return [{"id": record.id.text, "body": record.body, "hidden": record.hidden}
                for record in self._records.values()]

    def load(self, state: list[dict[str, Any]]) -> None:
        listeners = self.listeners
        self.__init__()  # type: ignore[misc]
        for entry in state:
            self.put(entry["id"], entry["body"], entry["hidden"])
        self._before.clear()
        self.listeners = listeners
