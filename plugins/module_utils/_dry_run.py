# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure, pretending to be written to. Private to the collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._types import EFFECTS, MOVES, QUESTIONS


class DryRun(Arm):
    """An :class:`Arm` that only pretends to write, so that everything above it is the same in check mode.

    Written documents are kept and shown to later reads, deleted ones hidden. Nothing is waited for and nothing that
    has to exist is missed if an earlier step of the same plan may have made it.
    """

    def __init__(self, arm: Arm) -> None:  # pylint: disable=super-init-not-called
        self._arm = arm
        self.tell = arm.tell
        self.subscription_id, self.cloud, self.deadline, self.interval = (
            arm.subscription_id,
            arm.cloud,
            arm.deadline,
            arm.interval,
        )
        self.operations: list[Document] = []
        self._written: dict[str, Document | None] = {}
        self._guard = threading.Lock()

    @property
    def tenant_id(self) -> str | None:
        return self._arm.tenant_id

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        with self._guard:
            if id_.lower() in self._written:
                return plain(self._written[id_.lower()]), None
        return self._arm.read(id_)

    def list_all(self, type_: str, parent_id: str, **query: Any) -> list[Document]:
        with self._guard:
            written = dict(self._written)
        # What a caller may do has no ID.
        live = self._arm.list_all(type_, parent_id, **query)
        kept = [item for item in live if item.get("id", "").lower() not in written]
        below = parent_id.lower().rstrip("/") + "/"
        new = [
            plain(item)
            for key, item in written.items()
            if item and key.startswith(below) and _ids.parse(key).type == type_.lower()
        ]
        return kept + new

    def fetch(self, id_: str, verb: str, body: Mapping[str, Any], **query: Any) -> list[Document]:
        return self._arm.fetch(id_, verb, body, **query)

    def consult(self, id_: str, verb: str, body: Mapping[str, Any] | None = None, **query: Any) -> Document:
        return self._arm.consult(id_, verb, body, **query)

    def token(self, scope: str) -> str:
        return self._arm.token(scope)

    def beside(self, other: Arm) -> Arm:
        pretended = DryRun(other)
        pretended.operations = self.operations
        return pretended

    def apart(self) -> Arm:
        return self.beside(self._arm)

    def search(
        self, query: str, subscriptions: list[str], management_groups: list[str] | None = None, most: int | None = None
    ) -> list[Document]:
        return self._arm.search(query, subscriptions, management_groups, most)

    def save(self, path: str, text: str) -> None:
        """A plan writes no file either."""

    def require(self, id_: str, noun: str, way: str) -> Document:
        return self.get(id_) or {"id": id_, "name": _ids.name(id_)}

    def put(self, id_: str, body: Mapping[str, Any]) -> Document:
        return self._remember("PUT", id_, {"id": id_, "name": _ids.name(id_), **plain(body)})

    def patch(self, id_: str, body: Mapping[str, Any]) -> Document:
        return self._remember("PATCH", id_, merge(self.get(id_) or {}, body))

    def undelete(self, id_: str, deleted: Mapping[str, Any], body: Mapping[str, Any]) -> Document:
        kept = {key: value for key, value in deleted.items() if key != "type"}
        return self._remember("PUT", id_, {**plain(kept), **plain(body), "id": id_, "name": _ids.name(id_)})

    def delete(self, id_: str, **named: Any) -> None:
        self._remember("DELETE", id_, None)

    def post(
        self, id_: str, verb: str, body: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> Document:
        if verb not in QUESTIONS:
            document = merge(self.get(id_) or {}, EFFECTS.get(verb, {}))
            self._remember("POST", id_, None if verb in MOVES else document, verb)
            if verb in MOVES:
                home = f"{_ids.parent(id_)}/{MOVES[verb]}/{_ids.name(id_)}"
                with self._guard:
                    self._written[home.lower()] = {**document, "id": home}
        return {}

    def wait(
        self,
        id_: str,
        pending: Callable[[Document | None], str | None],
        document: Document | None = None,
        read: Callable[[], tuple[Document | None, float | None]] | None = None,
    ) -> Document | None:
        if document is not None:
            return document
        return read()[0] if read else self.get(id_)

    def _remember(self, method: str, id_: str, document: Document | None, verb: str = "") -> Document:
        with self._guard:
            self._written[id_.lower()] = document
            self.operations.append(
                {"method": method, "id": f"{id_}/{verb}" if verb else id_, "status": None, "request_id": None}
            )
        return plain(document) if document else {}


def merge(document: Mapping[str, Any], changes: Mapping[str, Any]) -> Document:
    """``document`` with ``changes`` laid over it, mappings key by key (JSON merge patch without removals)."""
    result: Document = plain(document)
    for key, value in changes.items():
        known = result.get(key)
        result[key] = merge(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else plain(value)
    return result
