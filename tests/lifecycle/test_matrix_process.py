# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twelve steps of test_matrix, each as a module process instead of in the worker.

A file of its own, since that takes ten times as long, and what an old Ansible and old packages do shows in the worker.
"""

from __future__ import annotations

import pytest

from tests.lifecycle.test_matrix import NAMES, the_twelve_steps


@pytest.mark.parametrize("module", NAMES)
def test_the_twelve_steps(subscription, module):
    the_twelve_steps(subscription, module, worker=False)
