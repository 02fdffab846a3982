# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the emulator's tests."""

from __future__ import annotations

from hypothesis import settings

# The machine is shared: how long an example takes says nothing about the code.
settings.register_profile("emulator", deadline=None)
settings.load_profile("emulator")
