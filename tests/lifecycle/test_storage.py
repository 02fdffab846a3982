# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage of others, and providers: taken as they are, weaknesses said, and what is refused."""

from __future__ import annotations

import copy
import time

import pytest
import yaml

from tests.harness import ROOT, Subscription, task
from tests.harness.sdk import Somebody

SCENARIO = yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text())


@pytest.fixture
def subscription(emulator):
    """With accounts as people leave them: an old open one, and two that backup cannot use."""
    scenario, mark = copy.deepcopy(SCENARIO), str(time.monotonic_ns())[-12:]
    section = scenario["subscriptions"][0]
    section["resource_groups"].append({"name": "rg-backup", "location": "westeurope"})
    here = {"resource_group": "rg-backup", "location": "eastus"}
    section["storage_accounts"] = [
        {"name": f"old{mark}", **here, "containers": ["backups"], "properties": {"allowBlobPublicAccess": True},
         "tags": {"owner": "web"}},
        {"name": f"blob{mark}", **here, "kind": "BlobStorage"},
        {"name": f"fast{mark}", **here, "sku": "Premium_LRS"},
    ]  # fmt: skip
    made = Subscription(emulator, scenario)
    made.mark = mark
    return made


def storage(title, name, **more):
    return task(title, "aks_backup_storage", resource_group="rg-backup", storage_account=name, **more)


def test_an_account_of_somebody_else(subscription):
    """It is taken as it is, and what is weak about it is said until it is changed, or asked for."""
    old = f"old{subscription.mark}"
    run = subscription.play(
        [
            storage("as it is", old, location="eastus", container="backups"),
            storage("asked for", old, allow_shared_key_access=True, allow_blob_public_access=True),
            storage("kind", f"blob{subscription.mark}", location="eastus"),
            storage("kind refused", f"blob{subscription.mark}", public_network_access="Disabled", ignore=True),
            storage("performance", f"fast{subscription.mark}", location="eastus"),
            storage("closed", old, allow_shared_key_access=False, allow_blob_public_access=False),
            storage("quiet", old, location="eastus"),
        ]
    ).ok()
    as_it_is = run["as it is"]
    assert not as_it_is.changed and as_it_is.writes == []
    account = as_it_is.result["storage_account"]
    assert account["allow_shared_key_access"] is True and account["allow_blob_public_access"] is True
    assert (account["minimum_tls_version"], account["network_default_action"]) == ("TLS1_0", "Allow")
    assert account["tags"] == {"owner": "web"} and as_it_is.result["resource_group"]["location"] == "westeurope"
    said = as_it_is.result["warnings"]
    assert "lets containers be opened to the public" in said[0] and "Set allow_blob_public_access to false" in said[0]
    assert "accepts its keys" in said[1] and "Set allow_shared_key_access to false" in said[1]
    assert not run["asked for"].changed and "warnings" not in run["asked for"].result
    assert "is of kind BlobStorage. The backup extension needs" in run["kind"].result["warnings"][0]
    assert "is of kind BlobStorage" in run["kind refused"].result["msg"] and run["kind refused"].writes == []
    assert "is of performance Premium_LRS" in run["performance"].result["warnings"][0]
    assert run["closed"].changed and len(run["closed"].writes) == 1
    assert "warnings" not in run["quiet"].result


def test_a_container_that_is_open(subscription):
    old = f"old{subscription.mark}"
    subscription.play([storage("open", old, location="eastus", container="backups")]).ok()
    Somebody(subscription).storage.blob_containers.update(
        "rg-backup", old, "backups", {"properties": {"publicAccess": "Blob"}}
    )
    run = subscription.play([storage("look", old, container="backups")]).ok()
    assert run["look"].result["container"]["public_access"] == "Blob"
    assert run["look"].result["storage_account"] is None
    assert "Anybody can read the blob container backups" in run["look"].result["warnings"][0]


def test_what_is_refused(subscription):
    """confirm_delete_data, and every other refusal."""
    old = f"old{subscription.mark}"
    run = subscription.play(
        [
            storage("unconfirmed", old, container="backups", state="absent", ignore=True),
            storage("wrong name", old, container="backups", state="absent", confirm_delete_data="x", ignore=True),
            storage("no container", old, state="absent", ignore=True),
            storage("nowhere", "unheard0f", ignore=True),
            storage("container of nothing", "unheard0f", container="backups", ignore=True),
            storage("moved", old, location="westus", sku="Standard_ZRS", ignore=True),
            storage("bad name", "Not-Good", location="eastus", ignore=True),
            storage("bad container", old, location="eastus", container="Not_Good", ignore=True),
            task("container alone", "aks_backup_storage", resource_group="rg-backup", container="x", ignore=True),
            task("no group", "aks_backup_storage", resource_group="rg-new", ignore=True),
            storage("confirmed", old, container="backups", state="absent", confirm_delete_data="backups"),
        ]
    ).ok()
    for title, piece in {
        "unconfirmed": "If that is what you want, set confirm_delete_data to 'backups'.",
        "wrong name": "If that is what you want, set confirm_delete_data to 'backups'.",
        "no container": "state=absent removes a blob container and nothing else: name it with container.",
        "nowhere": "does not exist and location is not given, so it cannot be created.",
        "container of nothing": "does not exist. Give location as well, and it will be created.",
        "moved": "a storage account cannot move; use another name, or the account's region.",
        "bad name": "'Not-Good' is not a valid name of a storage account",
        "bad container": "'Not_Good' is not a valid name of a blob container",
        "container alone": "container needs storage_account.",
        "no group": "The resource group rg-new does not exist and location is not given",
    }.items():
        assert piece in run[title].result["msg"], (title, run[title].result["msg"])
        assert run[title].writes == [], title
    assert "changing the replication of an account" in run["moved"].result["msg"], "all problems at once"
    assert run["confirmed"].changed


def test_providers(subscription):
    """What is not registered is reported, and waited for."""
    both = ["Microsoft.DataProtection", "Microsoft.Storage"]
    run = subscription.play(
        [
            task("planned", "aks_backup_provider", providers=both, check=True),
            task("done", "aks_backup_provider", providers=both),
            task("again", "aks_backup_provider", providers=both),
            task("unknown", "aks_backup_provider", providers=["Microsoft.Misspelt"], ignore=True),
            task("late", "aks_backup_provider", providers=["Microsoft.KubernetesConfiguration"], wait_timeout=0.01,
                 ignore=True),
        ]
    ).ok()  # fmt: skip
    for title in ("planned", "done"):
        assert run[title].changed and run[title].result["unregistered"] == ["Microsoft.DataProtection"]
    assert run["planned"].writes == [] and len(run["done"].writes) == 1
    assert [one["registration_state"] for one in run["done"].result["providers"]] == ["Registered", "Registered"]
    assert not run["again"].changed and run["again"].result["unregistered"] == []
    assert "There is no resource provider" in run["unknown"].result["msg"]
    assert run["late"].failed
