# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of failures share: somebody else in the subscription, and a world that is put back afterwards."""

from __future__ import annotations

import pytest

from tests.harness.sdk import Somebody


@pytest.fixture(autouse=True)
def no_fault_is_left_behind(emulator):
    """Rules match one subscription each, but every request is held against every rule."""
    yield
    emulator.clear_faults()


@pytest.fixture
def settings(emulator):
    """Changes settings of the emulator for one test."""
    before = emulator.settings()
    before.pop("seed")
    yield emulator.settings
    emulator.settings(**before)


@pytest.fixture
def somebody(subscription):
    return Somebody(subscription)
