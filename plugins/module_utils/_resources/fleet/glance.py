# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognising clusters that are as they should be, many at a time. Private to the collection.

A :class:`Glance` is Azure for reading only, partly out of lists that serve many clusters. The steps themselves look
through it, so what they compare is what they always compare. At the first thing that is not as asked for they are
stopped, and everything is done again with reads of its own; so a list can spare requests, but never decide on a write.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, NoReturn, TypeVar

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError

T = TypeVar("T")

# A list is worth its pages from so many clusters on.
ENOUGH = 4
ASSIGNMENTS = "microsoft.authorization/roleassignments"
# Types of which one document serves many clusters.
SHARED = frozenset(
    {
        "microsoft.dataprotection/backupvaults",
        "microsoft.dataprotection/backupvaults/backuppolicies",
        "microsoft.storage/storageaccounts",
    }
)
# Types of which each cluster has its own, and how many segments of an ID name what all of them are listed by.
LISTED = {
    "microsoft.containerservice/managedclusters": 3,
    "microsoft.dataprotection/backupvaults/backupinstances": 9,
    "microsoft.storage/storageaccounts/blobservices/containers": 9,
}


class Unsettled(Exception):
    """Something is not as asked for. Not an error of the engine, so that nothing takes it for one of Azure's."""


class Lists:
    """What the clusters of a run have in common, read when first asked for and then once only.

    ``homes`` has an ID for each cluster and each thing that it may be listed by.
    """

    def __init__(self, arm: Arm, homes: Iterable[str]) -> None:
        self._arm = arm
        homes = list(homes)
        self._clusters = Counter(home.lower() for home in homes)
        self._homes = sorted({home.lower(): home for home in homes}.values())
        self._known: dict[str, Future[Any]] = {}
        self._guard = threading.Lock()

    def ahead(self) -> list[Callable[[], object]]:
        """Calls that read the lists before anybody asks; each takes as long as it has pages."""
        calls: list[Callable[[], object]] = []
        for home in self._homes:
            type_ = _ids.parse(home).type
            if type_ == "microsoft.resources/subscriptions":
                calls += [partial(self._by, ASSIGNMENTS, home, _place, None)]
                calls += [partial(self._by, "microsoft.containerservice/managedclusters", home, _id, None)]
            else:
                calls += [partial(self._by, one, home, _id, None) for one in LISTED if one.startswith(f"{type_}/")]
        return calls

    def document(self, id_: str) -> tuple[Document | None, float | None]:
        type_ = _ids.parse(id_).type
        if type_ in SHARED:
            return self.once(id_, lambda: self._arm.read(id_))
        if type_ in LISTED:
            parent = "/".join(id_.split("/")[: LISTED[type_]])
            found = self._by(type_, parent, _id, {}).get(id_.lower())
            if found:
                return found[0], None
        return self._arm.read(id_)

    def assignments(self, scope: str, principals: Iterable[str]) -> list[Document] | None:
        """Role assignments at and above a scope, of these identities and of those that are gone; None where there is no
        list. The rest are nobody's of this cluster.
        """
        subscription = "/".join(scope.split("/")[:3])
        found = self._by(ASSIGNMENTS, subscription, _place, None)
        if found is None:
            return None
        parts = scope.lower().split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        whose = [*principals, "unknown"]
        return [item for place in above for who in whose for item in found.get(f"{place} {who}", ())]

    def protected(self, vault: str) -> set[str] | None:
        """The clusters that a vault protects, by lower-case ID; None where there is no list."""
        found = self._by("microsoft.dataprotection/backupvaults/backupinstances", vault, _id, None)
        if found is None:
            return None
        sources = (dig(item, "properties.dataSourceInfo.resourceID") for items in found.values() for item in items)
        # Once for all clusters of the vault: each of them asks.
        return self.once(f"protected {vault}", lambda: {str(source).lower() for source in sources if source})

    def _by(self, type_: str, parent: str, key: Callable[[Document], str], none: T) -> dict[str, list[Document]] | T:
        """The list by key, lower-case; ``none`` where it is not worth it, or not to be had."""
        if self._clusters[parent.lower()] < ENOUGH:
            return none

        def read() -> dict[str, list[Document]] | None:
            found: dict[str, list[Document]] = {}
            try:
                items = self._arm.list_all(type_, parent)
            except AzureError:
                # Somebody with rights on the clusters alone; each is asked for by itself.
                return None
            for item in items:
                found.setdefault(key(item).lower(), []).append(item)
            return found

        known: dict[str, list[Document]] | None = self.once(f"{type_} {parent}", read)
        return none if known is None else known

    def once(self, key: str, call: Callable[[], T]) -> T:
        """What the call gives, or raises; the first to ask makes it, and everybody else waits for that."""
        with self._guard:
            future = self._known.get(key.lower())
            mine = future is None
            if future is None:
                future = self._known[key.lower()] = Future()
        if mine:
            try:
                future.set_result(call())
            except BaseException as exc:
                future.set_exception(exc)
        result: T = future.result()
        return result


class Glance(Arm):
    """Azure for one cluster, to look at. Whatever would be a write, or a wait, raises :class:`Unsettled`."""

    def __init__(self, arm: Arm, lists: Lists) -> None:  # pylint: disable=super-init-not-called
        self._arm, self._lists = arm, lists
        self.subscription_id, self.cloud, self.deadline, self.interval = (
            arm.subscription_id,
            arm.cloud,
            arm.deadline,
            arm.interval,
        )
        self._principals: set[str] = set()
        self._listed: dict[tuple[str, str], list[Document]] = {}

    @property
    def tenant_id(self) -> str | None:
        return self._arm.tenant_id

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        document, pause = self._lists.document(id_)
        self.heed(document)
        return document, pause

    def list_all(self, type_: str, parent_id: str, **query: Any) -> list[Document]:
        if type_.lower() == ASSIGNMENTS and query == {"filter": "atScope()"}:
            found = self._lists.assignments(parent_id, sorted(self._principals))
            if found is not None:
                return found
        key = (f"{type_} {sorted(query.items())}".lower(), parent_id.lower())
        if key not in self._listed:
            self._listed[key] = self._arm.list_all(type_, parent_id, **query)
            self.heed(self._listed[key])
        return self._listed[key]

    def heed(self, seen: Any) -> None:
        """Remember the identities in what was seen, whose role assignments will be of interest."""
        self._principals |= set(_principals(seen))

    def together(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        # Most of it is at hand already, and other clusters keep the line busy.
        return [call() for call in calls]

    def wait(
        self,
        id_: str,
        pending: Callable[[Document | None], str | None],
        document: Document | None = None,
        read: Callable[[], tuple[Document | None, float | None]] | None = None,
    ) -> Document | None:
        if document is None or pending(document):
            raise Unsettled(id_)
        return document

    def put(self, id_: str, body: Mapping[str, Any]) -> NoReturn:
        raise Unsettled(id_)

    def patch(self, id_: str, body: Mapping[str, Any]) -> NoReturn:
        raise Unsettled(id_)

    def undelete(self, id_: str, deleted: Mapping[str, Any], body: Mapping[str, Any]) -> NoReturn:
        raise Unsettled(id_)

    def delete(self, id_: str, **named: Any) -> NoReturn:
        raise Unsettled(id_)

    def post(
        self, id_: str, verb: str, body: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> NoReturn:
        raise Unsettled(id_)


def _id(item: Document) -> str:
    return str(item["id"])


def _place(assignment: Document) -> str:
    """Scope and identity of a role assignment, as one key."""
    properties = assignment.get("properties") or {}
    who = "unknown" if properties.get("principalType") == "Unknown" else properties.get("principalId")
    return f"{str(properties.get('scope') or '').rstrip('/')} {who}"


def _principals(document: Any) -> Iterable[str]:
    """The object IDs of all identities in a document, lower-case."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key == "principalId" and value:
                yield str(value).lower()
            else:
                yield from _principals(value)
    elif isinstance(document, list):
        for item in document:
            yield from _principals(item)
