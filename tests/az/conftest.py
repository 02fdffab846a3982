# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Azure CLI signed in to a subscription that the tests of one file share: each of its commands takes a second."""

from __future__ import annotations

import pytest

from tests.harness import Subscription
from tests.harness.az import PROGRAM, AzureCli


@pytest.fixture(scope="module")
def subscription(emulator):
    return Subscription(emulator)


@pytest.fixture(scope="module")
def az(subscription, tmp_path_factory):
    assert PROGRAM.exists(), "the Azure CLI is missing: ./run test-az installs it"
    return AzureCli(subscription.environment, tmp_path_factory.mktemp("az"))
