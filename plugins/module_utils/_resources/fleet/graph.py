# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that depends on other work, done by many threads. Private to the collection.

Knows nothing of Azure: a node has a key, the keys that it needs, and something to call. What fails keeps back only what
needs it.
"""

from __future__ import annotations

import heapq
import queue
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError

# What is done, to what, and whatever else tells it from the like of it.
Key = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """``needs`` must have succeeded before, ``after`` must have ended, whatever became of it."""

    key: Key
    work: Callable[[], Any]
    needs: tuple[Key, ...] = ()
    after: tuple[Key, ...] = ()


@dataclass
class Ended:
    """What became of a node: a value, an error, or the key of the node that failed and that it needed."""

    value: Any = None
    error: BackupError | None = None
    blocked_by: Key | None = None

    @property
    def well(self) -> bool:
        return self.error is None and self.blocked_by is None


@dataclass
class _Run:
    nodes: dict[Key, Node]
    waiting: dict[Key, set[Key]]
    followers: dict[Key, list[Key]] = field(default_factory=dict)
    ended: dict[Key, Ended] = field(default_factory=dict)

    def end(self, key: Key, how: Ended) -> tuple[dict[Key, Ended], list[Node]]:
        """Note how a node has ended; returns it with what it keeps back, which ends with it, and the nodes that may
        start now.
        """
        ready = []
        news: dict[Key, Ended] = {}
        todo = [(key, how)]
        while todo:
            key, how = todo.pop()
            self.ended[key] = news[key] = how
            for follower in self.followers.get(key, ()):
                missing = self.waiting[follower]
                missing.discard(key)
                if missing:
                    continue
                failed = [need for need in self.nodes[follower].needs if not self.ended[need].well]
                if failed:
                    root = self.ended[failed[0]].blocked_by
                    todo.append((follower, Ended(blocked_by=failed[0] if root is None else root)))
                else:
                    ready.append(self.nodes[follower])
        return news, ready


def run(
    nodes: Iterable[Node], workers: int, progress: Callable[[dict[Key, Ended]], None] = lambda ended: None
) -> dict[Key, Ended]:
    """Do all work, up to ``workers`` at a time, in the order of the nodes where that is free: what comes first is done
    to the end before what comes last is begun, so that a run that is cut short leaves as much as possible complete.

    ``progress`` is called each time with what has ended since. Errors other than :class:`BackupError` are
    faults of the program: they are raised when what is under way has ended.
    """
    todo = {node.key: node for node in nodes}
    state = _Run(todo, {key: {*node.needs, *node.after} for key, node in todo.items()})
    for key, before in state.waiting.items():
        for other in before:
            state.followers.setdefault(other, []).append(key)
    finished: queue.SimpleQueue[tuple[Key, Future[Any]]] = queue.SimpleQueue()
    order = {key: number for number, key in enumerate(todo)}
    ready: list[tuple[int, Key]] = []
    under_way = 0
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def start(more: Iterable[Node]) -> None:
            nonlocal under_way
            for node in more:
                heapq.heappush(ready, (order[node.key], node.key))
            while ready and under_way < workers:
                _order, key = heapq.heappop(ready)
                under_way += 1
                pool.submit(todo[key].work).add_done_callback(partial(_put, finished, key))

        try:
            start([node for node in todo.values() if not state.waiting[node.key]])
            while len(state.ended) < len(todo):
                key, future = finished.get()
                under_way -= 1
                error = future.exception()
                if error is None:
                    how = Ended(future.result())
                elif isinstance(error, BackupError):
                    how = Ended(error=error)
                else:
                    raise error
                news, following = state.end(key, how)
                start(following)
                progress(news)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return state.ended


def _put(finished: queue.SimpleQueue[tuple[Key, Future[Any]]], key: Key, future: Future[Any]) -> None:
    finished.put((key, future))
