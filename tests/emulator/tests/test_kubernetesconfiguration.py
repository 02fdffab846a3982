# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.KubernetesConfiguration by the SDK: the life of the backup extension."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.emulator.tests.clients import AKS, BSL, GROUP, Azure, refused, scenario

NAME = "azure-aks-backup"
PATH = "{group}/providers/Microsoft.ContainerService/managedClusters/aks-1/providers/" \
       "Microsoft.KubernetesConfiguration/extensions/azure-aks-backup?api-version=2025-03-01"


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def get(azure, name=NAME):
    return azure.extensions.get(GROUP, *AKS, "aks-1", name)


def test_installation_step_by_step(azure):
    path = PATH.format(group=azure.group_id)
    status, headers, body = azure.http("PUT", path, {"properties": {
        "extensionType": "Microsoft.DataProtection.Kubernetes", "autoUpgradeMinorVersion": True,
        "releaseTrain": "stable", "scope": {"cluster": {"releaseNamespace": "dataprotection-microsoft"}},
        "configurationSettings": azure.settings(), "configurationProtectedSettings": {"secret": "value"}}})
    assert status == 201
    monitor = headers["azure-asyncoperation"]
    assert monitor.startswith(azure.emulator.url + path.split("?")[0] + "/operations/")
    assert monitor.split("?")[1] == "api-Version=2025-03-01"
    assert headers["location"].startswith("https://eastus.rp.kubernetesconfiguration.azure.com/")
    properties = body["properties"]
    assert properties["extensionType"] == "microsoft.dataprotection.kubernetes"
    assert (properties["provisioningState"], properties["currentVersion"]) == ("Creating", None)
    assert properties["configurationProtectedSettings"] == {"secret": ""}
    assert properties["configurationSettings"]["global.clusterType"] == "managedclusters"
    principal = properties["aksAssignedIdentity"]["principalId"]
    assert properties["aksAssignedIdentity"] == {"principalId": principal, "tenantId": None, "type": None}
    poll = azure.http("GET", monitor)[2]
    assert (poll["status"], poll["error"], poll["name"] in monitor) == ("Creating", None, True)
    azure.emulator.advance(240)
    assert azure.http("GET", monitor)[2]["status"] == "Succeeded"
    done = get(azure).properties
    assert (done.provisioning_state, done.statuses, done.error_info) == ("Succeeded", [], None)
    assert done.current_version
    assert done.aks_assigned_identity.principal_id == principal
    raw = azure.http("GET", path.replace(f"/{NAME}?", "?"))[2]
    assert (len(raw["value"]), raw["nextLink"]) == (1, None)


def test_the_identity_lives_in_the_node_group_and_goes_with_the_extension(azure):
    principal = azure.extension().result().properties.aks_assigned_identity.principal_id
    identities = azure.identities.user_assigned_identities
    own = [entry for entry in identities.list_by_resource_group(f"MC_{GROUP}_aks-1_eastus")
           if entry.principal_id == principal]
    assert [entry.name for entry in own] == ["ext-azure-aks-backup-aks-1"]
    azure.extensions.begin_delete(GROUP, *AKS, "aks-1", NAME).result()
    with pytest.raises(ResourceNotFoundError):
        get(azure)
    assert principal not in {entry["oid"] for entry in azure.emulator.principals()}
    assert azure.http("DELETE", PATH.format(group=azure.group_id))[0] == 204


def test_update_keeps_what_is_not_sent(azure):
    first = azure.extension().result().properties
    azure.extensions.begin_update(GROUP, *AKS, "aks-1", NAME, {"properties": {
        "configurationSettings": {"resources.limits.cpu": "2"}}}).result()
    after = get(azure).properties
    assert after.configuration_settings == {**first.configuration_settings, "resources.limits.cpu": "2"}
    assert after.aks_assigned_identity.principal_id == first.aks_assigned_identity.principal_id
    # PUT replaces
    azure.extension().result()
    assert "resources.limits.cpu" not in get(azure).properties.configuration_settings


def test_one_extension_of_a_type(azure):
    azure.extension(name="mine").result()
    error = refused(lambda: azure.extension(name="second"), "Conflict", 409)
    assert "multiple extensions of same type is not allowed" in error.message
    azure.extensions.begin_create(GROUP, *AKS, "aks-1", "flux", {"properties": {
        "extensionType": "microsoft.flux"}}).result()
    assert {entry.name for entry in azure.extensions.list(GROUP, *AKS, "aks-1")} == {"mine", "flux"}


@pytest.mark.parametrize(("change", "code"), [
    ({"extensionType": "microsoft.nothing"}, "ExtensionTypeRegistrationGetFailed"),
    ({"scope": {"namespace": {"targetNamespace": "x"}}}, "BadRequest"),
    ({"releaseTrain": "express"}, "BadRequest"),
    ({"version": "1.2.3"}, "BadRequest"),
    ({"configurationSettings": {"a": ["b"]}}, "InvalidRequestContent"),
    ({"autoUpgradeMinorVersion": "yes"}, "InvalidRequestContent"),
    ({"provisioningStates": "x"}, "InvalidRequestContent"),
])
def test_extensions_that_cannot_be(azure, change, code):
    status, dummy, body = azure.http("PUT", PATH.format(group=azure.group_id), {"properties": {
        "extensionType": "microsoft.dataprotection.kubernetes", **change}})
    assert (status, body["error"]["code"]) == (400, code)


def test_an_incomplete_storage_location_fails_in_the_cluster_and_stays(azure):
    settings = azure.settings()
    del settings[f"{BSL}bucket"]
    error = refused(lambda: azure.extension(configurationSettings=settings).result(), "ExtensionOperationFailed", 200)
    assert "timed out waiting for the condition" in error.error.message
    failed = get(azure).properties
    assert (failed.provisioning_state, failed.statuses[0].level) == ("Failed", "Error")
    assert failed.error_info.code == "ExtensionOperationFailed"
    # the repair: another PUT
    assert azure.extension().result().properties.provisioning_state == "Succeeded"
    assert get(azure).properties.error_info is None


def test_a_fault_rule_lets_an_installation_fail(azure):
    azure.emulator.fault({"lro": "fail"}, path="extensions/", method="PUT", times=1, subscription=azure.subscription)
    error = refused(lambda: azure.extension().result(), "InternalServerError", 200)
    assert error.status_code == 200
    assert get(azure).properties.provisioning_state == "Failed"
    assert "BackoffLimitExceeded" in get(azure).properties.error_info.message


def test_a_stopped_cluster_installs_nothing(emulator):
    azure = Azure(emulator, scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus",
                                                "power_state": "Stopped"}]))
    error = refused(lambda: azure.extension().result(), "ExtensionOperationFailed", 200)
    assert "not reachable" in error.error.message


def test_forced_deletion_is_at_once(azure):
    azure.extension().result()
    status, dummy, body = azure.http("DELETE", PATH.format(group=azure.group_id) + "&forceDelete=true")
    assert (status, body["statusCode"]) == (200, 200)
    with pytest.raises(ResourceNotFoundError):
        get(azure)


def test_older_clients_read_it_too(azure):
    from azure.mgmt.kubernetesconfiguration import SourceControlConfigurationClient
    azure.extension().result()
    old = azure.client(SourceControlConfigurationClient).extensions.get(GROUP, *AKS, "aks-1", NAME)
    assert (old.extension_type, old.provisioning_state) == ("microsoft.dataprotection.kubernetes", "Succeeded")
    assert old.configuration_settings[f"{BSL}bucket"] == "backups"


def test_an_extension_as_it_was_read_can_be_written(azure):
    azure.extension().result()
    path = (f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1/providers/"
            "Microsoft.KubernetesConfiguration/extensions/azure-aks-backup?api-version=2025-03-01")
    read = azure.http("GET", path)[2]
    status, dummy, body = azure.http("PUT", path, read)
    assert status == 201
    assert body["properties"]["aksAssignedIdentity"] == read["properties"]["aksAssignedIdentity"]
