# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running operations as a state machine: they end once, in their time, and stay as they ended."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator import Emulator
from tests.emulator.tests.clients import Azure, scenario

# Installing the backup extension takes about four minutes; "Duration" of provider kubernetesconfiguration.
SURELY_RUNNING, SURELY_ENDED = 200, 300
TERMINAL = {"succeeded", "failed", "canceled"}


@pytest.fixture(scope="module")
def real_time():
    with Emulator(scenario(), speed=1) as running:
        yield running


@settings(max_examples=12, deadline=None)
@given(pauses=st.lists(st.integers(1, 170), min_size=1, max_size=8), fails=st.booleans())
def test_an_operation_ends_once_in_its_time_and_stays_ended(real_time, pauses, fails):
    azure = Azure(real_time)
    if fails:
        real_time.fault({"lro": "fail", "code": "Broken", "message": "It broke."}, subscription=azure.subscription)
    cluster = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1"
    path = f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/backup?api-version=2023-05-01"
    body = {"properties": {"extensionType": "microsoft.dataprotection.kubernetes", "autoUpgradeMinorVersion": True}}
    status, headers, made = azure.http("PUT", path, body)
    assert (status, made["properties"]["provisioningState"]) == (201, "Creating")
    monitor, passed, ended = headers["azure-asyncoperation"], 0, None
    for pause in [0, *pauses]:
        if pause:
            real_time.advance(pause)
        passed += pause
        status, _headers, shown = azure.http("GET", monitor)
        assert status == 200
        state = shown["status"].lower()
        resource = azure.http("GET", path)[2]["properties"]["provisioningState"].lower()
        if ended is not None:
            assert shown == ended
        elif state in TERMINAL:
            assert passed > SURELY_RUNNING
            assert state == "failed" or not fails
            ended = shown
        assert passed < SURELY_ENDED or ended is not None
        assert (resource in TERMINAL) is (ended is not None)
