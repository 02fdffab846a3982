# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deadlines. Private to the collection.

Waiting is a predicate, the user's deadline and the server's Retry-After; the loop itself is in ``_arm``.
"""

from __future__ import annotations

import time

from ansible_collections.aks.backup.plugins.module_utils._errors import TimedOut


class Deadline:
    """The one deadline that a task has for everything it does, in seconds from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def pause(self, seconds: float, what: str) -> None:
        """Sleep before the next look at ``what``; raises :class:`TimedOut` when the deadline would pass meanwhile."""
        if seconds >= self.remaining():
            raise self.passed(what)
        time.sleep(seconds)

    def passed(self, what: str) -> TimedOut:
        return TimedOut(
            f"Gave up after {self.seconds:g} seconds (wait_timeout) of waiting for {what}. "
            "What was started goes on in Azure; run again to pick it up, or raise wait_timeout.",
            waiting_for=what,
        )
