# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of options, a file per module: what each option shows, so that an option that is ignored is noticed.

A file is called like its module and has

- ``BEFORE``: a function from the test's Subscription to the tasks that run for real first (often ``chain``);
- ``BASE``: a function from the Subscription to options with which the module works after that;
- ``OPTIONS``: dotted path of every leaf of the argument spec -> :class:`Shows` or :class:`Proven`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shows:
    """An option that can be told from the outside in check mode.

    The module is run with its base options, and again with ``give`` laid over them. What follows has to hold for the
    second run, and must not hold for the first: the text ``shows`` occurs in its result (failure included, invocation
    excluded) or its requests, as JSON. With ``hides``, the other way round. ``over`` are options for both runs, for an
    option that means something beside another only. A value of None takes an option of the base away.

    Values may hold ``{subscription}`` and ``{account}``, which are replaced.
    """

    give: dict[str, Any]
    shows: str = ""
    hides: str = ""
    over: dict[str, Any] | None = None


@dataclass(frozen=True)
class Proven:
    """An option that takes more than two tasks to see. ``by`` names the test, ``tests/unit/test_vault.py::test_tags``.

    The test's file has to name the option's last part.
    """

    by: str
