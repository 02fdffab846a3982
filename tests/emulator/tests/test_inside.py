# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into clusters and changing them by the management plane."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest
import yaml

import tests.emulator as emulator_package
from tests.emulator import Emulator
from tests.emulator.kubernetes import Cluster, take_backup
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


def test_the_example_in_the_readme():
    text = Path(emulator_package.__file__).with_name("README.md").read_text(encoding="utf-8")
    entry = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])["clusters"][0]
    hook = manifest("clusterbackup.dataprotection.microsoft.com/v1alpha1", "BackupHook", "freeze", "crm", spec={
        "backupHook": [{"name": "freeze", "preHooks": [{"exec": {"container": "db", "command": ["/sbin/fsfreeze"]}}]}]})
    cluster = Cluster(entry["name"], content={**entry["content"], "objects": [hook]})
    result = take_backup(cluster, {"includedNamespaces": ["crm"], "backupHookReferences": [
        {"name": "freeze", "namespace": "crm"}]})
    assert sorted(each["warning"]["code"] for each in result["warnings"]) == [
        "KubernetesBackupGenericWarning", "UserErrorHookExecutionFailed"]
    assert {each["claim"]: each["tierable"] for each in result["content"]["volumes"]} == {"pgdata": False}


def test_a_scenario_whose_cluster_cannot_be_fails_at_the_start(emulator):
    cluster = {"name": "aks", "resource_group": "rg", "location": "eastus", "content": {"objects": [{"kind": 1}]}}
    scenario = {"subscriptions": [{"resource_groups": [{"name": "rg", "location": "eastus"}], "clusters": [cluster]}]}
    with pytest.raises(urllib.error.HTTPError) as refused:
        emulator.subscription(scenario)
    assert refused.value.code == 400
