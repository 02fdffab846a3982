# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ContainerService by the SDK: clusters as they are read, power, trusted access and one thing at a time."""

from __future__ import annotations

import pytest

from tests.emulator.providers.containerservice import in_force
from tests.emulator.tests.clients import AKS, GROUP, Azure, eventually, refused, scenario

ROLE = "Microsoft.DataProtection/backupVaults/backup-operator"
KINDS = ("SystemAssigned", "UserAssigned", "ServicePrincipal")


def cluster(name, **values):
    return {"name": name, "resource_group": GROUP, "location": "eastus", **values}


@pytest.fixture
def azure(emulator):
    return Azure(emulator, scenario(clusters=[
        *(cluster(f"aks-{number}", identity=kind) for number, kind in enumerate(KINDS, 1)),
        cluster("aks-stale", stale_bindings=True,
                node_pools=[{"name": "sys"}, {"name": "win", "os_type": "Windows"}])]))


@pytest.fixture
def vault(azure):
    return azure.vault().id


def bind(azure, name, source, aks="aks-1", roles=(ROLE,)):
    return azure.bindings.begin_create_or_update(GROUP, aks, name, {"properties": {
        "sourceResourceId": source, "roles": list(roles)}})


def test_a_cluster_as_the_service_spells_it(azure):
    body = azure.http("GET", f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1"
                      "?api-version=2026-08-01")[2]
    assert body["id"] == (f"{azure.scope}/resourcegroups/{GROUP}/providers/Microsoft.ContainerService/managedClusters"
                          "/aks-1")
    assert body["type"] == "Microsoft.ContainerService/ManagedClusters"
    properties = body["properties"]
    assert properties["powerState"] == {"code": "Running"}
    assert properties["nodeResourceGroup"] == f"MC_{GROUP}_aks-1_eastus"
    assert azure.resources.resource_groups.check_existence(properties["nodeResourceGroup"])
    assert properties["storageProfile"]["snapshotController"] == {"enabled": True}
    assert properties["identityProfile"]["kubeletidentity"]["objectId"]


def test_three_kinds_of_identity(azure):
    system, user, none = (azure.clusters.managed_clusters.get(GROUP, f"aks-{number}") for number in (1, 2, 3))
    known = {entry["oid"] for entry in azure.emulator.principals()}
    assert system.identity.principal_id in known
    assert (user.identity.type, user.identity.principal_id) == ("UserAssigned", None)
    (id, assigned), = user.identity.user_assigned_identities.items()
    assert assigned.principal_id in known
    own = azure.identities.user_assigned_identities.get(GROUP, id.rsplit("/", 1)[1])
    assert own.principal_id == assigned.principal_id
    assert none.identity is None
    assert none.service_principal_profile.client_id != "msi"


def test_lists_and_node_pools(azure):
    names = {f"aks-{number}" for number in (1, 2, 3)} | {"aks-stale"}
    assert {entry.name for entry in azure.clusters.managed_clusters.list()} == names
    assert {entry.name for entry in azure.clusters.managed_clusters.list_by_resource_group(GROUP)} == names
    assert {entry.name: entry.os_type for entry in azure.clusters.agent_pools.list(GROUP, "aks-stale")} == {
        "sys": "Linux", "win": "Windows"}


def test_trusted_access_roles(azure):
    role, = azure.clusters.trusted_access_roles.list("eastus")
    assert f"{role.source_resource_type}/{role.name}" == ROLE
    assert role.rules[0].api_groups == ["clusterbackup.dataprotection.microsoft.com"]


def test_life_of_a_binding(azure, vault):
    path = (f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1/trustedAccessRoleBindings/"
            "backup?api-version=2026-08-01")
    azure.slowly("trustedAccessRoleBindings")
    status, headers, body = azure.http("PUT", path, {"properties": {"sourceResourceId": vault, "roles": [ROLE]}})
    assert (status, body["properties"]["provisioningState"]) == (201, "Updating")
    monitor = headers["azure-asyncoperation"]
    assert f"{azure.scope}/providers/Microsoft.ContainerService/locations/eastus/operations/" in monitor
    assert "?api-version=2016-03-30&t=" in monitor
    status, dummy, poll = azure.http("GET", monitor)
    assert (status, set(poll), poll["status"]) == (200, {"name", "status", "startTime"}, "InProgress")
    assert azure.clusters.managed_clusters.get(GROUP, "aks-1").provisioning_state == "Updating"
    azure.emulator.advance(20_000)
    assert set(azure.http("GET", monitor)[2]) == {"name", "status", "startTime", "endTime"}
    assert azure.bindings.get(GROUP, "aks-1", "backup").provisioning_state == "Succeeded"
    # an update answers 201 as well
    poller = bind(azure, "backup", vault)
    assert poller.result().provisioning_state == "Succeeded"
    assert [entry.name for entry in azure.bindings.list(GROUP, "aks-1")] == ["backup"]
    azure.bindings.begin_delete(GROUP, "aks-1", "backup").result()
    error = refused(lambda: azure.bindings.get(GROUP, "aks-1", "backup"), "NotFound", 404)
    assert error.message.split("\n")[0].endswith(f"resourceGroup: {GROUP}, clusterName: aks-1.")
    assert azure.http("DELETE", path)[0] == 204


def test_bindings_that_cannot_be(azure, vault):
    for name in ("a" * 25, "dot.dot", "bl ank"):
        refused(lambda name=name: bind(azure, name, vault), "InvalidParameter", 400)
    refused(lambda: bind(azure, "b", vault, roles=["Microsoft.DataProtection/backupVaults/king"]), "BadRequest", 400)
    refused(lambda: bind(azure, "b", vault, roles=[]), "BadRequest", 400)
    refused(lambda: bind(azure, "b", vault + "x"), "ResourceNotFound", 404)
    refused(lambda: bind(azure, "b", azure.group_id), "BadRequest", 400)
    bind(azure, "first", vault).result()
    refused(lambda: bind(azure, "second", vault), "BadRequest", 400)
    other = azure.vault("vault-2").id
    refused(lambda: bind(azure, "first", other), "BadRequest", 400)
    assert bind(azure, "second", other).result().source_resource_id == other


def test_a_cluster_does_one_thing_at_a_time(azure, vault):
    azure.slowly("trustedAccessRoleBindings")
    first = bind(azure, "backup", vault)
    refused(lambda: azure.extension("aks-1"), "OperationNotAllowed", 409)
    refused(lambda: azure.bindings.begin_delete(GROUP, "aks-1", "backup"), "OperationNotAllowed", 409)
    bind(azure, "backup", vault, "aks-2").result()
    azure.emulator.advance(20_000)
    first.result()
    azure.slowly("extensions/")
    installation = azure.extension("aks-1")
    error = refused(lambda: bind(azure, "backup", vault), "EtagMismatch", 409)
    assert "subcode" in error.response.text()
    refused(lambda: azure.clusters.managed_clusters.begin_stop(GROUP, "aks-1"), "EtagMismatch", 409)
    azure.emulator.advance(300_000)
    installation.result()
    bind(azure, "backup", vault).result()


def test_stop_and_start(azure, vault):
    clusters = azure.clusters.managed_clusters
    bind(azure, "backup", vault, "aks-stale").result()
    clusters.begin_stop(GROUP, "aks-stale").result()
    assert clusters.get(GROUP, "aks-stale").power_state.code == "Stopped"
    refused(lambda: clusters.begin_stop(GROUP, "aks-stale"), "OperationNotAllowed", 409)
    refused(lambda: bind(azure, "backup", vault, "aks-stale"), "OperationNotAllowed", 409)
    clusters.begin_start(GROUP, "aks-stale").result()
    binding = azure.emulator.server.world.store.get(
        f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-stale/trustedAccessRoleBindings/"
        "backup")
    assert binding.hidden["stale"]
    assert azure.bindings.get(GROUP, "aks-stale", "backup").provisioning_state == "Succeeded", "it does not show"
    bind(azure, "backup", vault, "aks-stale").result()
    assert binding.hidden["stale"], "writing it again does not help"
    azure.bindings.begin_delete(GROUP, "aks-stale", "backup").result()
    bind(azure, "backup", vault, "aks-stale").result()
    assert in_force(azure.emulator.server.world, azure.emulator.server.world.store.get(binding.id))


def test_a_binding_ends_with_the_identity_of_its_source(azure, vault):
    world = azure.emulator.server.world
    bind(azure, "under_score", vault).result()
    binding = world.store.get(
        f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1/trustedAccessRoleBindings/"
        "under_score")
    assert in_force(world, binding)
    first = world.store.get(vault).body["identity"]
    world.store.merge(vault, {"identity": {"principalId": world.guid()}})
    assert not in_force(world, binding)
    assert bind(azure, "under_score", vault).result().provisioning_state == "Succeeded"
    assert not in_force(world, binding), "writing it again does not help"
    world.store.merge(vault, {"identity": first})
    assert in_force(world, binding)
    world.store.delete(vault)
    assert not in_force(world, binding)


def test_a_failed_binding_is_told_by_the_operation(azure, vault):
    azure.emulator.fault({"lro": "fail", "code": "InternalOperationError", "message": "No luck."},
                         path="trustedAccessRoleBindings", method="PUT", times=1, subscription=azure.subscription)
    error = refused(lambda: bind(azure, "backup", vault).result(), "InternalOperationError", 200)
    assert error.error.message == "No luck."
    eventually(lambda: azure.bindings.get(GROUP, "aks-1", "backup").provisioning_state == "Failed")


def new(**values):
    return {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
        "dnsPrefix": "nine", "kubernetesVersion": "1.34.0", "agentPoolProfiles": [
            {"name": "sys", "count": 2, "vmSize": "Standard_D2s_v5", "mode": "System"}], **values}}


def test_life_of_a_new_cluster(azure, vault):
    clusters, path = azure.clusters.managed_clusters, f"{azure.group_id}/providers/Microsoft.ContainerService"
    code, headers, body = azure.http("PUT", f"{path}/managedClusters/aks-9?api-version=2026-08-01", new())
    assert code == 201 and "/operations/" in headers["azure-asyncoperation"]
    assert body["properties"]["provisioningState"] == "Creating" and body["type"].endswith("/ManagedClusters")
    refused(lambda: bind(azure, "backup", vault, "aks-9"), "OperationNotAllowed", 409)
    eventually(lambda: clusters.get(GROUP, "aks-9").provisioning_state == "Succeeded")
    made = clusters.get(GROUP, "aks-9")
    assert made.identity.principal_id and made.kubernetes_version == "1.34.0" and made.dns_prefix == "nine"
    assert [(pool.name, pool.count, pool.mode) for pool in made.agent_pool_profiles] == [("sys", 2, "System")]
    assert [pool.name for pool in azure.clusters.agent_pools.list(GROUP, "aks-9")] == ["sys"]
    assert azure.resources.resource_groups.check_existence(made.node_resource_group)
    assert bind(azure, "backup", vault, "aks-9").result().provisioning_state == "Succeeded"
    changed = clusters.begin_create_or_update(GROUP, "aks-9", {**new(), "tags": {"team": "shop"}}).result()
    assert changed.tags == {"team": "shop"} and changed.identity.principal_id == made.identity.principal_id


def test_end_of_a_cluster(azure, vault):
    clusters = azure.clusters.managed_clusters
    bind(azure, "backup", vault).result()
    azure.vault("vault-2")
    azure.extension("aks-2").result()
    made, other = clusters.get(GROUP, "aks-1"), clusters.get(GROUP, "aks-2")
    assignment = azure.assign(made.identity.principal_id)
    azure.slowly("managedClusters/aks-1$")
    going = clusters.begin_delete(GROUP, "aks-1")
    assert clusters.get(GROUP, "aks-1").provisioning_state == "Deleting"
    for call in (lambda: bind(azure, "other", vault), lambda: clusters.begin_delete(GROUP, "aks-1"),
                 lambda: clusters.begin_update_tags(GROUP, "aks-1", {"tags": {"a": "b"}})):
        assert "(Deleting)" in refused(call, "OperationNotAllowed", 409).message
    azure.emulator.advance(400_000)
    going.result()
    refused(lambda: clusters.get(GROUP, "aks-1"), "ResourceNotFound", 404)
    refused(lambda: azure.bindings.get(GROUP, "aks-1", "backup"), "ResourceNotFound", 404)
    assert not azure.resources.resource_groups.check_existence(made.node_resource_group)
    assert assignment.name in {one.name for one in azure.assignments.list_for_scope(azure.group_id)}
    assert made.identity.principal_id not in {one["oid"] for one in azure.emulator.principals()}
    assert clusters.begin_delete(GROUP, "aks-1").status() == "Succeeded"
    # The extension's identity goes with the node resource group, and other clusters stay.
    assert clusters.begin_delete(GROUP, "aks-2").result() is None
    assert not azure.resources.resource_groups.check_existence(other.node_resource_group)
    refused(lambda: azure.extensions.get(GROUP, *AKS, "aks-2", "azure-aks-backup"), "ResourceNotFound", 404)
    assert [one.name for one in clusters.list_by_resource_group(GROUP)] == ["aks-3", "aks-stale"]


def test_tags_of_a_cluster(azure):
    clusters = azure.clusters.managed_clusters
    for tags in ({"team": "shop", "stage": "test"}, {"team": "web"}):
        assert clusters.begin_update_tags(GROUP, "aks-1", {"tags": tags}).result().tags == tags
    assert clusters.get(GROUP, "aks-1").tags == {"team": "web"}


@pytest.mark.parametrize(("body", "code", "status"), [
    ({"location": "eastus", "identity": {"type": "SystemAssigned"}}, "InvalidParameter", 400),
    ({**new(), "location": "nowhere"}, "LocationNotAvailableForResourceType", 400),
    ({**new(), "identity": None}, "InvalidParameter", 400),
    (new(dnsPrefix=""), "InvalidParameter", 400),
    (new(agentPoolProfiles=[]), "InvalidParameter", 400),
    (new(agentPoolProfiles=[{"name": "user", "count": 1, "mode": "User"}]), "InvalidParameter", 400),
    (new(kubernetesVersion="1.2.3"), "K8sVersionNotSupported", 400),
    ({**new(), "identity": {"type": "UserAssigned"}}, "NotModelledByEmulator", 501),
])
def test_clusters_that_cannot_be_made(azure, body, code, status):
    refused(lambda: azure.clusters.managed_clusters.begin_create_or_update(GROUP, "aks-9", body), code, status)
    refused(lambda: azure.clusters.managed_clusters.get(GROUP, "aks-9"), "ResourceNotFound", 404)


def test_conditions_of_a_write(azure):
    path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/{{}}?api-version=2025-05-01"
    body = azure.http("GET", path.format("aks-1"))[2]
    for name, header, value in (("aks-1", "If-Match", '"other"'), ("aks-1", "If-None-Match", "*"),
                                ("aks-new", "If-Match", "*")):
        status, dummy, answer = azure.http("PUT", path.format(name), body, headers={header: value})
        assert (status, answer["code"]) == (412, "PreconditionFailed")
    assert azure.http("PUT", path.format("aks-1"), body, headers={"If-Match": "*"})[0] == 200


def test_what_an_existing_cluster_keeps(azure):
    put = azure.clusters.managed_clusters.begin_create_or_update
    refused(lambda: put(GROUP, "aks-1", {**new(), "location": "westeurope"}), "InvalidResourceLocation", 409)
    pools = [{"name": "nodepool1", "count": 3, "mode": "System"}]
    refused(lambda: put(GROUP, "aks-1", new(agentPoolProfiles=pools)), "PropertyChangeNotAllowed", 400)
    refused(lambda: put(GROUP, "aks-1", new(dnsPrefix="aks-1")), "NotModelledByEmulator", 501)


def test_a_cluster_as_it_was_read_can_be_written(azure):
    path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-9?api-version=2026-08-01"
    minor = new(kubernetesVersion="1.33")
    assert azure.http("PUT", path, minor)[2]["sku"] == {"name": "Base", "tier": "Free"}

    def settled():
        body = azure.http("GET", path)[2]
        return body if body["properties"]["provisioningState"] == "Succeeded" else None

    def versions(body):
        return body["properties"]["kubernetesVersion"], body["properties"]["currentKubernetesVersion"]

    first = eventually(settled)
    assert versions(first) == ("1.33", "1.33.2"), "the latest of a minor version"
    status, headers, body = azure.http("PUT", path, {**first, "sku": {"name": "Base", "tier": "standard"}})
    assert (status, "azure-asyncoperation" in headers, body["sku"]["tier"]) == (200, True, "Standard")
    eventually(settled)
    assert azure.http("PUT", path, new(kubernetesVersion="1.34.0"))[0] == 200
    upgraded = eventually(settled)
    assert versions(upgraded) == ("1.34.0", "1.34.0") and upgraded["sku"]["tier"] == "Standard"
    status, dummy, body = azure.http("PUT", path, new(kubernetesVersion="1.33.2"))
    assert (status, body["code"]) == (400, "OperationNotAllowed"), "no way back"
    status, dummy, body = azure.http("PUT", path, {**new(), "identity": {"type": "UserAssigned"}})
    assert (status, body["error"]["code"]) == (501, "NotModelledByEmulator")


def test_clusters_of_a_scenario_can_be_written_as_they_were_read(azure):
    identities = {"aks-u": "UserAssigned", "aks-s": "SystemAssigned"}
    entries = [{"name": name, "resource_group": GROUP, "location": "eastus", "identity": identity,
                "kubernetes_version": "1.30.1"} for name, identity in identities.items()]
    azure = Azure(azure.emulator, scenario(clusters=entries))
    for name in ("aks-u", "aks-s"):
        path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/{name}?api-version=2026-08-01"
        read = azure.http("GET", path)[2]
        status, dummy, body = azure.http("PUT", path, {**read, "tags": {"team": "shop"}})
        assert (status, body["tags"], body["identity"]) == (200, {"team": "shop"}, read["identity"])
        azure.emulator.advance(600)
        assert azure.http("GET", path)[2] == {**read, "tags": {"team": "shop"}}


@pytest.mark.parametrize("name", ["a" * 64, "ends_", "-begins", "dot.ted"])
def test_names_of_clusters(azure, name):
    path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/{name}?api-version=2026-08-01"
    status, dummy, body = azure.http("PUT", path, new())
    assert (status, body["code"]) == (400, "InvalidParameter")


def test_what_resource_manager_refuses_itself_is_wrapped(azure):
    """The region of a resource is Resource Manager's business, and its errors are not flat."""
    path = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1?api-version=2026-08-01"
    for location, code in (("atlantis", "LocationNotAvailableForResourceType"), ("westus", "InvalidResourceLocation")):
        where = path if location == "westus" else path.replace("aks-1", "aks-9")
        assert azure.http("PUT", where, {**new(), "location": location})[2]["error"]["code"] == code


def test_versions_of_a_region(azure):
    path = f"{azure.scope}/providers/Microsoft.ContainerService/locations/eastus/orchestrators?api-version=2019-08-01"
    body = azure.http("GET", path + "&resource-type=managedClusters")[2]
    versions = [one["orchestratorVersion"] for one in body["properties"]["orchestrators"]]
    assert versions == ["1.32.6", "1.33.2", "1.34.0"]
