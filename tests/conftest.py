# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulator per test process, and a subscription of its own per test."""

from __future__ import annotations

import pytest

from tests.emulator import Emulator
from tests.harness import Subscription


@pytest.fixture(scope="session")
def emulator():
    # A day passes in three minutes. Backups by schedule would fall into whatever test is under way then.
    with Emulator(speed=500, settings={"schedules": False}) as running:
        yield running


@pytest.fixture
def subscription(emulator):
    return Subscription(emulator)
