# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into clusters and changing them by the management plane."""

from __future__ import annotations

import urllib.error

import pytest

from tests.emulator import Emulator
from tests.emulator.kubernetes.objects import manifest
from tests.emulator.tests.furnished import SCENARIO, Furnished


@pytest.fixture(scope="module")
def emulator():
    with Emulator(SCENARIO, speed=200) as running:
        yield running


def test_a_cluster_can_be_looked_into_and_changed(emulator):
    azure = Furnished(emulator)
    assert [each["metadata"]["name"] for each in emulator.inside(azure.cluster, "shop", "deployments.apps")] == ["web"]
    assert len(emulator.inside(azure.cluster, resource="namespaces")) == 5
    modifier = manifest("v1", "ConfigMap", "modifier", "default", data={"rules": "version: v1"})
    done = emulator.change_inside(azure.cluster, [modifier], [("namespaces", "", "shop"), ("pods", "shop", "none")])
    assert done == {"put": 1, "deleted": 1}
    assert emulator.inside(azure.cluster, namespace="shop") == []
    assert emulator.inside(azure.cluster, "default", "configmaps", "modifier") == [modifier]
    assert emulator.inside(Furnished(emulator).cluster, "shop", "deployments.apps") != []


def test_what_is_no_cluster(emulator):
    azure = Furnished(emulator)
    for id in (azure.account, "/nothing", ""):
        with pytest.raises(urllib.error.HTTPError) as caught:
            emulator.inside(id)
        assert caught.value.code == 400
