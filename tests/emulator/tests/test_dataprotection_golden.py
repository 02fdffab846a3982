# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange of protecting, backing up and restoring a cluster, compared field by field with that of the real
service.

golden/protect_and_restore.json has the documents of a real exchange (api-version 2024-04-01) with other names, ids and
dates. Compared are all keys, all nulls, the types of all values and all words of the service; ids, GUIDs, times and
durations only by their form.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.emulator.tests.furnished import CLUSTERS, Furnished

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "protect_and_restore.json").read_text(encoding="utf-8"))
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
FORMS = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<guid>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<point>"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}(:|%3A)\d{2}\1\d{2}\.\d{1,7}Z"), "<time>"),
    (re.compile(r"(?!0001)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z"), "<whole seconds>"),
    (re.compile(r"PT[1-9][\dHM.]*S"), "<duration>"),
    (re.compile(r"operationStatus/[A-Za-z0-9+]+=*"), "operationStatus/<operation>"),
    (re.compile(r"\b6[0-9]{17}\b"), "<ticks>"),
)
# What is of this cluster and not of the service: how much there was to back up.
FREE = {"OriginalDatasourceSizeInBytes", "DataTransferredInBytes", "name"}


def form(value, key=""):
    """The value with everything that differs between two exchanges replaced by the name of its form."""
    if isinstance(value, dict):
        return {name: form(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, str):
        if key in FREE:
            return "<free>"
        for pattern, name in FORMS:
            value = pattern.sub(name, value)
        return value.replace("<whole seconds>", "<time>") if key == "startTime" else value
    return value


def here(azure, document):
    """A request of the real exchange with the ids of this subscription."""
    text = json.dumps(document).replace(SUBSCRIPTION, azure.subscription)
    text = text.replace("akspolicy", "policy-1").replace("rg-backup\"", "rg-snapshots\"")
    return json.loads(text)


@pytest.fixture(scope="module")
def emulator():
    with Emulator({"subscriptions": [{"name": "none"}]}, speed=1) as running:
        yield running


@pytest.fixture(scope="module")
def azure(emulator):
    place = Furnished(emulator)
    place.furnish()
    assert place.cluster.endswith(f"/{CLUSTERS}/providers/Microsoft.ContainerService/managedClusters/aks-1")
    return place


def same(answer, golden, azure):
    wanted = json.loads(json.dumps(GOLDEN[golden]).replace("rg-backup\"}", "rg-snapshots\"}"))
    assert form(answer) == form(wanted)


def test_the_exchange(azure):
    vault, instance = azure.vault_id, f"{azure.vault_id}/backupInstances/aks-1-instance"

    # Nothing is there yet.
    assert azure.http("DELETE", instance)[0] == 204

    # Validating.
    status, headers, body = azure.http("POST", f"{vault}/validateForBackup", here(azure, GOLDEN["validate_request"]))
    assert (status, body, headers["content-length"]) == (202, None, "0")
    assert "content-type" not in headers
    monitor, result = headers["azure-asyncoperation"], headers["location"]
    assert re.search(r"/backupVaults/vault-1/operationStatus/[A-Za-z0-9+]+=*\?api-version=2024-04-01&t=\d{18}&"
                     r"c=.{2500,}&s=.+&h=.+", monitor)
    assert re.search(r"/providers/Microsoft.DataProtection/locations/eastus/operationResults/.+&h=", result)
    same(azure.http("GET", monitor)[2], "validate_running", azure)
    assert azure.http("GET", result)[0] == 202
    azure.emulator.advance(44)
    same(azure.http("GET", monitor)[2], "validate_done", azure)
    same(azure.http("GET", result)[2], "validate_result", azure)

    # Protecting.
    status, headers, body = azure.http("PUT", instance, here(azure, GOLDEN["instance_request"]))
    assert (status, "location" in headers) == (201, False)
    same(body, "instance_created", azure)
    monitor = headers["azure-asyncoperation"]
    azure.emulator.advance(1)
    assert azure.http("GET", monitor)[2]["status"] == "Succeeded"
    same(azure.http("GET", instance)[2], "instance_configuring", azure)
    azure.emulator.advance(60)
    configured = azure.http("GET", instance)[2]
    same(configured, "instance_configured", azure)
    listed = azure.http("GET", f"{vault}/backupInstances")[2]
    assert listed == {"value": [configured]}
    assert set(listed) == set(GOLDEN["instance_list"])

    # Backing up.
    job = trigger(azure, f"{instance}/backup", GOLDEN["backup_request"], "backup_triggered", "backup_result")
    same(azure.http("GET", job)[2], "backup_job_running", azure)
    same(finished(azure, job), "backup_job_completed", azure)
    points = azure.http("GET", f"{instance}/recoveryPoints")[2]
    same(points, "recovery_points", azure)

    # Restoring.
    point = points["value"][0]["name"]
    wanted = json.loads(json.dumps(GOLDEN["restore_request"]).replace(GOLDEN["restore_request"]["recoveryPointId"],
                                                                      point))
    status, headers, body = azure.http("POST", f"{instance}/validateRestore", here(
        azure, {"restoreRequestObject": wanted}))
    assert (status, body) == (202, None)
    azure.emulator.advance(41)
    assert azure.http("GET", headers["azure-asyncoperation"])[2]["status"] == "Succeeded"
    same(azure.http("GET", headers["location"])[2], "validate_result", azure)
    job = trigger(azure, f"{instance}/restore", wanted, "restore_triggered", None)
    same(azure.http("GET", job)[2], "restore_job_running", azure)
    same(finished(azure, job), "restore_job_completed", azure)

    status, headers, body = azure.http("DELETE", instance)
    assert (status, body) == (202, None)
    assert {"azure-asyncoperation", "location"} <= set(headers)


def trigger(azure, path, request, golden, result):
    """POST, follow the operation: the id of the job."""
    status, headers, body = azure.http("POST", path, here(azure, request))
    assert (status, body) == (202, None)
    azure.emulator.advance(1)
    done = azure.http("GET", headers["azure-asyncoperation"])[2]
    same(done, golden, azure)
    status, dummy, body = azure.http("GET", headers["location"])
    assert status == 200
    if result:
        same(body, result, azure)
    return done["properties"]["jobId"]


def finished(azure, job):
    azure.emulator.advance(300)
    return azure.http("GET", job)[2]


def test_monitors_must_be_replayed_verbatim(azure):
    dummy, headers, dummy = azure.http("POST", f"{azure.vault_id}/exportBackupJobs")
    monitor = headers["azure-asyncoperation"]
    assert azure.http("GET", monitor)[0] == 200
    for wrong in (monitor.split("&t=")[0], monitor[:-3] + "abc", monitor.replace("2024-04-01", "2025-07-01")):
        assert azure.http("GET", wrong)[0] == 400
