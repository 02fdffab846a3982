# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks as they are read: of a group, of the subscription, and one that is not there."""

from __future__ import annotations

import pytest

from tests.emulator.tests.clients import GROUP, Azure

VERSION = "api-version=2024-03-02"


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def test_disks_are_read_and_not_made(azure):
    from tests.emulator.providers import compute

    entry = {"name": "pvc-1", "resource_group": GROUP, "location": "East US", "gib": 2048, "tags": {"a": "b"},
             "properties": {"networkAccessPolicy": "DenyAll"}}
    compute.seed(azure.emulator.server.world, azure.subscription, {"disks": [entry]})
    disks = f"{azure.group_id}/providers/Microsoft.Compute/disks"
    status, dummy, body = azure.http("GET", f"{disks}/pvc-1?{VERSION}")
    assert (status, body["type"], body["location"]) == (200, "Microsoft.Compute/disks", "eastus")
    assert body["properties"]["diskSizeGB"] == 2048 and body["properties"]["networkAccessPolicy"] == "DenyAll"
    assert [disk["name"] for disk in azure.http("GET", f"{disks}?{VERSION}")[2]["value"]] == ["pvc-1"]
    whole = azure.http("GET", f"{azure.scope}/providers/Microsoft.Compute/disks?{VERSION}")[2]["value"]
    assert [disk["tags"] for disk in whole] == [{"a": "b"}]
    status, dummy, body = azure.http("GET", f"{disks}/pvc-2?{VERSION}")
    assert (status, body["error"]["code"]) == (404, "ResourceNotFound")
    assert azure.http("PUT", f"{disks}/pvc-2?{VERSION}", {"location": "eastus"})[0] == 501
