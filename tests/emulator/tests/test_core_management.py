# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The management plane, isolation of subscriptions, saving and loading, the program itself."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.emulator import Emulator
from tests.emulator.tests.clients import GROUP, Azure, refused, scenario

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_two_subscriptions_do_not_know_each_other(emulator):
    one, two = Azure(emulator), Azure(emulator)
    assert len({one.subscription, two.subscription, one.tenant, two.tenant}) == 4
    one.resources.resource_groups.create_or_update("rg-mine", {"location": "eastus"})
    assert not two.resources.resource_groups.check_existence("rg-mine")
    assert {entry["subscription"] for entry in emulator.journal(one.subscription)} == {one.subscription}
    assert not emulator.writes(two.subscription)
    ids = {entry["id"] for entry in emulator.resources("Microsoft.ContainerService/managedClusters", one.subscription)}
    assert ids == {f"{one.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1"}


def test_the_default_scenario(emulator):
    azure = Azure(emulator, "default")
    clusters = {entry.name: (entry.location, entry.identity.type) for entry in azure.clusters.managed_clusters.list()}
    assert clusters == {"aks-east-1": ("eastus", "SystemAssigned"), "aks-east-2": ("eastus", "UserAssigned"),
                        "aks-west-1": ("westeurope", "SystemAssigned")}
    states = {name: azure.resources.providers.get(name).registration_state for name in (
        "Microsoft.ContainerService", "Microsoft.Storage", "Microsoft.DataProtection",
        "Microsoft.KubernetesConfiguration")}
    assert list(states.values()) == ["Registered", "Registered", "NotRegistered", "NotRegistered"]


@pytest.mark.parametrize("document", [
    "no-such-scenario", {}, {"subscriptions": []}, {"subscriptions": [{"name": "x"}], "colour": "red"},
    {"subscriptions": [{"clusters": [{"name": "a", "resource_group": "nope", "location": "eastus"}]}]},
    {"subscriptions": [{"name": "x"}], "principals": [{"name": "p", "roles": [{"role": "King"}]}]},
    {"subscriptions": [{"providers": {"Contoso.Nothing": "Registered"}}]},
])
def test_scenarios_that_make_no_sense(emulator, document):
    with pytest.raises(urllib.error.HTTPError) as caught:
        emulator.subscription(document)
    assert caught.value.code == 400


def test_clock_and_settings(emulator):
    before = emulator.manage("GET", "clock")
    after = emulator.manage("POST", "clock", {"advance": 3600})
    assert after["now"] > before["now"]
    assert emulator.settings()["rbac_propagation"]
    with pytest.raises(urllib.error.HTTPError):
        emulator.settings(colour="red")
    with pytest.raises(urllib.error.HTTPError):
        emulator.manage("POST", "clock", {"advance": -1})
    with pytest.raises(urllib.error.HTTPError) as caught:
        emulator.manage("GET", "nothing")
    assert caught.value.code == 404


def test_latency_is_added_to_arm_requests_alone():
    with Emulator(scenario(), speed=500, settings={"latency": 0.2}) as emulator:
        azure = Azure(emulator, environment=emulator.environment)
        azure.token()
        start = time.monotonic()
        azure.http("GET", f"{azure.group_id}?api-version=2025-04-01")
        assert time.monotonic() - start >= 0.2


def test_what_is_saved_goes_on_elsewhere():
    """Documents, principals, role assignments, operations under way, and time."""
    with Emulator(scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}])) as first:
        azure = Azure(first, environment=first.environment)
        first.fault({"status": 418}, path="teapot")
        principal = azure.principal()
        first.advance(120)
        azure.assign(principal)
        first.advance(300)
        accounts = f"{azure.group_id}/providers/Microsoft.Storage/storageAccounts"
        azure.http("PUT", f"{accounts}/stsaved?api-version=2025-01-01",
                   {"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
        state = json.loads(json.dumps(first.save()))
    with Emulator({"subscriptions": [{"name": "Other"}]}) as second:
        second.load(state)
        own = second.environment
        assert own["AZURE_SUBSCRIPTION_ID"] == azure.subscription
        azure = Azure(second, environment=own)
        accounts = azure.storage.storage_accounts
        assert accounts.get_properties(GROUP, "stsaved").provisioning_state == "Creating"
        second.advance(30)
        assert accounts.get_properties(GROUP, "stsaved").provisioning_state == "Succeeded"
        assert [entry.principal_id for entry in azure.assignments.list_for_resource_group(GROUP)
                if entry.scope.endswith(GROUP)] == [principal]
        assert second.server.world.rbac.can(principal, "Microsoft.Storage/storageAccounts/read", azure.group_id)
        assert [rule["match"] for rule in second.faults()] == [{"path": "teapot"}]
        refused(lambda: azure.assign(principal), "RoleAssignmentExists", 409)


def test_reset_gives_a_new_world():
    with Emulator(scenario()) as emulator:
        before = emulator.environment
        after = emulator.reset()
        assert after["AZURE_SUBSCRIPTION_ID"] != before["AZURE_SUBSCRIPTION_ID"]
        azure = Azure(emulator, environment=after)
        assert azure.resources.resource_groups.check_existence(GROUP)
        assert not emulator.server.world.store.get(f"/subscriptions/{before['AZURE_SUBSCRIPTION_ID']}")


def test_the_same_seed_gives_the_same_world():
    ids = []
    for seed in (7, 7, 8):
        with Emulator(scenario(), seed=seed) as emulator:
            ids.append(emulator.environment["AZURE_SUBSCRIPTION_ID"])
    assert ids[0] == ids[1] != ids[2]


# The program

def start(*arguments, **options):
    process = subprocess.Popen([sys.executable, "-m", "tests.emulator", *map(str, arguments)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    environment = {}
    assert process.stdout
    for line in process.stdout:
        if line.startswith("export "):
            name, value = line[len("export "):].rstrip("\n").split("=", 1)
            environment[name] = value
        if line.strip() == "# ready":
            break
    return process, environment


def get(environment, path):
    context = ssl.create_default_context(cafile=environment["REQUESTS_CA_BUNDLE"])
    with urllib.request.urlopen(environment["EMULATOR_URL"] + path, context=context) as response:
        return json.load(response)


def test_the_program_prints_what_to_export_and_ends_on_a_signal():
    process, environment = start("--speed", 100, "--page-size", 7, "--latency", 0.01, "--seed", 3)
    try:
        assert set(environment) == {
            "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_TENANT", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET",
            "AZURE_SECRET", "AZURE_CLOUD_ENVIRONMENT", "REQUESTS_CA_BUNDLE", "EMULATOR_URL"}
        settings = get(environment, "/_emulator/settings")
        assert (settings["page_size"], settings["latency"], settings["seed"]) == (7, 0.01, 3)
        assert get(environment, "/_emulator/clock")["speed"] == 100
        found = get(environment, "/metadata/endpoints?api-version=2022-09-01")
        assert found["authentication"]["loginEndpoint"] == environment["AZURE_CLOUD_ENVIRONMENT"]
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stderr
    assert process.stderr.read() == ""
    assert not pathlib.Path(environment["REQUESTS_CA_BUNDLE"]).exists()


def test_the_program_ends_with_its_lifetime():
    process, dummy = start("--lifetime", 0.5)
    assert process.wait(10) == 0


def test_the_program_ends_with_its_parent():
    program = ("import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'tests.emulator'], "
               "stdout=subprocess.PIPE, text=True); [line for line in iter(p.stdout.readline, '# ready\\n')]; "
               "print(p.pid, flush=True)")
    parent = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True,
                            timeout=60)
    child = int(parent.stdout)
    end = time.monotonic() + 15
    while time.monotonic() < end and alive(child):
        time.sleep(0.1)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = pathlib.Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_the_program_keeps_its_state_in_a_file(tmp_path):
    state, directory = tmp_path / "state.json", tmp_path / "files"
    process, first = start("--state", state, "--directory", directory)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert state.stat().st_mode & 0o077 == 0
    process, second = start("--state", state, "--directory", directory, "--port", 0)
    try:
        same = ("AZURE_SUBSCRIPTION_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")
        assert {name: second[name] for name in same} == {name: first[name] for name in same}
        assert second["REQUESTS_CA_BUNDLE"] == str(directory / "ca.pem")
    finally:
        process.terminate()
    assert process.wait(10) == 0


def test_the_program_says_why_it_cannot_start():
    done = subprocess.run([sys.executable, "-m", "tests.emulator", "--scenario", "nope"], cwd=ROOT, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The emulator cannot start: no scenario nope; there are ['default'")
