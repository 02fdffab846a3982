# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the emulator's tests, and the emulator that most of those of Azure Backup ask."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.emulator import Emulator

# The machine is shared: how long an example takes says nothing about the code.
settings.register_profile("emulator", deadline=None)
settings.load_profile("emulator")


@pytest.fixture(scope="module")
def emulator():
    """With an empty subscription and a clock that is 2000 times as fast as ours."""
    with Emulator({"subscriptions": [{"name": "none"}]}, speed=2000) as running:
        yield running
