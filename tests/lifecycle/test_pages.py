# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every list that is made of Azure, with pages of two: nothing is lost, nothing comes twice, each page is asked for.

What a module shows of a world is the same, whatever the size of pages.
"""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state
from ansible_collections.aks.backup.plugins.module_utils._types import BY_PATH, TYPES
from tests.emulator import Emulator
from tests.emulator.backup import instances
from tests.harness.direct import azure, perform
from tests.harness.fleets import AKS, CONDITIONS, Fleet

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
DATA_PROTECTION = "providers/Microsoft.DataProtection"
GROUP = "resourceGroups/rg-fleet"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-0"
VAULT = f"{GROUP}/{DATA_PROTECTION}/backupVaults/bv-fleet"
INSTANCE = f"{VAULT}/backupInstances/aks-0"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{{account}}"
REGION = f"{DATA_PROTECTION}/locations/eastus"
# Type -> where it is listed.
LISTS: dict[str, tuple[str, ...]] = {
    "microsoft.authorization/locks": ("",),
    "microsoft.authorization/permissions": (VAULT,),
    "microsoft.authorization/roleassignments": ("", VAULT),
    "microsoft.compute/disks": (GROUP,),
    "microsoft.containerservice/locations/trustedaccessroles": (
        "providers/Microsoft.ContainerService/locations/eastus",
    ),
    "microsoft.containerservice/managedclusters": ("", GROUP),
    "microsoft.containerservice/managedclusters/trustedaccessrolebindings": (CLUSTER,),
    "microsoft.dataprotection/backupinstances": (CLUSTER,),
    "microsoft.dataprotection/backupvaults": ("", GROUP),
    "microsoft.dataprotection/backupvaults/backupinstances": (VAULT,),
    "microsoft.dataprotection/backupvaults/backupinstances/recoverypoints": (INSTANCE,),
    "microsoft.dataprotection/backupvaults/backupjobs": (VAULT,),
    "microsoft.dataprotection/backupvaults/backuppolicies": (VAULT,),
    "microsoft.dataprotection/backupvaults/backupresourceguardproxies": (VAULT,),
    "microsoft.dataprotection/backupvaults/deletedbackupinstances": (VAULT,),
    "microsoft.dataprotection/locations/deletedvaults": (REGION,),
    "microsoft.kubernetesconfiguration/extensions": (CLUSTER,),
    "microsoft.storage/storageaccounts/blobservices/containers": (ACCOUNT,),
}
# Of these there are no more than one or two, and pages of one are enough.
FEW = {"microsoft.authorization/permissions", "microsoft.containerservice/locations/trustedaccessroles"}
# Module -> its options, and what it shows.
MODULES: dict[str, tuple[dict[str, Any], str]] = {
    "aks_backup_coverage_info": ({"check_clusters": True}, "clusters"),
    "aks_backup_extension_info": ({"cluster_id": "/" + CLUSTER}, "name"),
    "aks_backup_instance_info": ({"vault_id": "/" + VAULT}, "instances"),
    "aks_backup_job_info": ({"vault_id": "/" + VAULT}, "jobs"),
    "aks_backup_policy_info": ({"vault_id": "/" + VAULT}, "policies"),
    "aks_backup_preflight_info": (
        {"cluster_id": "/" + CLUSTER, "vault_id": "/" + VAULT, "policy_name": "vaulted"},
        "checks",
    ),
    "aks_backup_vault_info": ({}, "vaults"),
    "aks_recovery_point_info": (
        {"cluster_id": "/" + CLUSTER, "vault_id": "/" + VAULT, "name": "aks-0"},
        "recovery_points",
    ),
    "aks_trusted_access_info": ({"cluster_id": "/" + CLUSTER}, "bindings"),
}


class World:
    """A subscription in which there are several of everything that can be listed."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.fleet = Fleet(emulator, {f"aks-{number}": CONDITIONS["well"] for number in range(5)})
        self.subscription = self.fleet.subscription
        self.account = f"st{self.subscription.id.replace('-', '')[:20]}"
        store = emulator.server.world.store
        owner = azure(self.subscription)
        emulator.server.world.register(self.subscription.id, "Microsoft.Storage", "Registered")
        store.put(self.path(ACCOUNT), {"location": "eastus", "properties": {"provisioningState": "Succeeded"}})
        for number in range(5):
            assigned = (
                f"{self.path(VAULT)}/providers/Microsoft.Authorization/roleAssignments/{uuid.UUID(int=number + 1)}"
            )
            reader = f"/subscriptions/{self.subscription.id}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
            principal = store.of_type(self.subscription.id, AKS)[number].body["identity"]["principalId"]
            owner.put(assigned, {"properties": {"roleDefinitionId": reader, "principalId": principal,
                                                "principalType": "ServicePrincipal"}})  # fmt: skip
        # Of each of these as many as there are numbers, like the first.
        likes = {
            f"{CLUSTER}/trustedAccessRoleBindings/backup": f"{CLUSTER}/trustedAccessRoleBindings/other",
            f"{CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions/backup": (
                f"{CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions/other"
            ),
            INSTANCE: f"{VAULT}/backupInstances/of-the-same",
            VAULT: f"{GROUP}/{DATA_PROTECTION}/backupVaults/bv-other",
            f"{VAULT}/backupPolicies/vaulted": f"{VAULT}/backupPolicies/other",
            f"{INSTANCE}/recoveryPoints/latest": f"{INSTANCE}/recoveryPoints/other",
        }
        for like, name in likes.items():
            record = store.get(self.path(like))
            for number in range(4):
                body = {key: value for key, value in record.body.items() if key not in ("id", "name", "type")}
                store.put(f"{self.path(name)}-{number}", copy.deepcopy(body), copy.deepcopy(record.hidden))
        instance = store.get(self.path(INSTANCE)).body["properties"]
        then = "2026-06-01T00:00:00Z"
        when = {"deletionTime": then, "scheduledPurgeTime": then, "deleteActivityID": "x"}
        told = {
            "originalBackupVaultName": "bv",
            "originalBackupVaultResourcePath": f"{self.path(VAULT)}-gone",
            "resourceDeletionInfo": when,
        }
        for number in range(5):
            made: dict[str, dict[str, Any]] = {
                f"providers/Microsoft.Authorization/locks/lock-{number}": {"properties": {"level": "CanNotDelete"}},
                f"{GROUP}/providers/Microsoft.Compute/disks/disk-{number}": {
                    "location": "eastus", "properties": {"diskSizeGB": 8}, "sku": {"name": "Premium_LRS"}},
                f"{VAULT}/backupResourceGuardProxies/proxy-{number}": {"properties": {}},
                f"{VAULT}/deletedBackupInstances/gone-{number}": {
                    "properties": instances.deleted(copy.deepcopy(instance), then, then, "x")},
                f"{ACCOUNT}/blobServices/default/containers/container-{number}": {"properties": {}},
                f"{REGION}/deletedVaults/{uuid.UUID(int=number)}": {"location": "eastus", "properties": told},
            }  # fmt: skip
            for place, body in made.items():
                store.put(self.path(place), body)
        self.fleet.settle()

    def path(self, place: str) -> str:
        return f"/subscriptions/{self.subscription.id}/{place.format(account=self.account)}".rstrip("/")

    def settings(self, pages: int) -> None:
        self.emulator.settings(page_size=pages, graph_rows=pages)

    def asked(self, since: int) -> int:
        """How many requests were made."""
        return len(self.subscription.journal(since))

    @property
    def last(self) -> int:
        return max([0, *(one["n"] for one in self.subscription.journal())])


@pytest.fixture(scope="module")
def world():
    # On a clock that stands nearly still, so that what is shown does not change by itself.
    with Emulator(speed=0.001) as running:
        yield World(running)


@pytest.fixture(autouse=True)
def whole_pages(world):
    yield
    world.settings(1000)


def test_every_list_is_in_the_table():
    assert set(LISTS) == {name for name, row in TYPES.items() if row.list} | set(BY_PATH)


@pytest.mark.parametrize(("type_", "place"), [(name, place) for name in LISTS for place in LISTS[name]])
def test_a_list_in_pages_is_the_whole_list(world, type_, place):
    arm = azure(world.subscription)
    query = {"filter": "atScope()"} if type_.endswith("roleassignments") and place else {}
    whole = arm.list_all(type_, world.path(place), **query)
    pages = 2 if len(whole) > 2 else 1
    world.settings(pages)
    before = world.last
    assert arm.list_all(type_, world.path(place), **query) == whole
    assert len(whole) > 2 or type_ in FEW
    assert world.asked(before) == -(-len(whole) // pages)


def test_a_search_in_pages_is_the_whole_answer(world):
    arm = azure(world.subscription)
    query = (
        "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, name | order by id asc"
    )
    whole = arm.search(query, [world.subscription.id])
    world.settings(2)
    before = last(world.emulator)
    assert arm.search(query, [world.subscription.id]) == whole and len(whole) == 5
    assert last(world.emulator) - before == 3


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_shows_does_not_depend_on_pages(world, module):
    options, shown = MODULES[module]
    filled = {key: world.path(one[1:]) if str(one).startswith("/") else one for key, one in options.items()}
    whole = perform(world.subscription, module, **filled)
    assert not whole.get("failed") and len(whole[shown]) > 2, whole.get("msg")
    world.settings(2)
    before = last(world.emulator)
    paged = perform(world.subscription, module, **filled)
    assert "skip" in json.dumps(world.emulator.journal(since=before)).lower()
    assert paged == whole


def test_the_inventory_does_not_depend_on_pages(world):
    def clusters() -> list[dict[str, Any]]:
        rows = fleet_state.ask(azure(world.subscription), {"subscription_id": world.subscription.id}, fleet_state.STATE)
        return fleet_state.clusters(rows, {})

    whole = clusters()
    world.settings(2)
    assert clusters() == whole and len(whole) == 5


def last(emulator: Emulator) -> int:
    return max([0, *(entry["n"] for entry in emulator.journal())])
