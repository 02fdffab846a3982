# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup vaults: creating, changing, deleting and undeleting them; policies and resource guards in them."""

from __future__ import annotations

import copy

import pytest

from tests.emulator.backup import times
from tests.emulator.tests.furnished import GROUP, STAGING, Furnished, policy, refused

ALWAYS_ON = ("This API version requires backup vaults to have the soft delete setting configured to Enable Always-On "
             "Soft Delete.")


@pytest.fixture
def azure(emulator):
    return Furnished(emulator)


def body(state="On", redundancy="LocallyRedundant", **properties):
    return {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
        "storageSettings": [{"datastoreType": "VaultStore", "type": redundancy}],
        "securitySettings": {"softDeleteSettings": {"state": state, "retentionDurationInDays": 14.0}}, **properties}}


def put(azure, document, version="2025-07-01", name="vault-1", headers=None):
    path = azure.vault_id.replace("vault-1", name)
    answer = azure.http("PUT", path, document, version, headers)
    if answer[0] == 201:
        azure.wait_for(lambda: azure.http("GET", path,
                                          version=version)[2]["properties"]["provisioningState"] == "Succeeded")
    return answer


def code(answer):
    return answer[0], answer[2]["error"]["code"]


def test_create(azure):
    status, headers, reply = azure.http("PUT", azure.vault_id, body(), "2025-07-01")
    assert status == 201
    assert "/operationStatus/" in headers["azure-asyncoperation"]
    assert "location" not in headers
    properties = reply["properties"]
    assert properties["provisioningState"] == "Provisioning"
    assert (properties["secureScore"], properties["bcdrSecurityLevel"]) == ("Minimum", "Fair")
    assert properties["replicatedRegions"] == []
    assert properties["isVaultProtectedByResourceGuard"] is False
    assert "featureSettings" not in properties
    assert "immutabilitySettings" not in properties["securitySettings"]
    assert reply["identity"]["principalId"]
    assert reply["identity"]["tenantId"] == azure.tenant


def test_keys_of_newer_versions(azure):
    put(azure, body("AlwaysOn"), "2026-06-01")
    keys = {version: set(azure.http("GET", azure.vault_id, version=version)[2]["properties"])
            for version in ("2025-07-01", "2025-09-01", "2026-06-01")}
    assert keys["2025-09-01"] - keys["2025-07-01"] == {"crossRegionBackupSettings"}
    assert keys["2026-06-01"] - keys["2025-09-01"] == {"regionOfChoiceSettings"}


@pytest.mark.parametrize(("state", "immutability", "scores"), [
    ("Off", None, ("None", "Poor")), ("On", None, ("Minimum", "Fair")), ("On", "Unlocked", ("Minimum", "Fair")),
    ("On", "Locked", ("Adequate", "Good")), ("AlwaysOn", None, ("Adequate", "Good"))])
def test_scores(azure, state, immutability, scores):
    document = body(state)
    if immutability:
        document["properties"]["securitySettings"]["immutabilitySettings"] = {"state": immutability}
    properties = put(azure, document)[2]["properties"]
    assert (properties["secureScore"], properties["bcdrSecurityLevel"]) == scores


def test_replicated_regions_of_a_geo_redundant_vault(azure):
    assert put(azure, body(redundancy="GeoRedundant"))[2]["properties"]["replicatedRegions"] == ["westus"]


@pytest.mark.parametrize("state", ["On", "Off"])
def test_newer_versions_want_always_on(azure, state):
    answer = put(azure, body(state), "2026-06-01")
    assert answer[0] == 400
    assert answer[2]["error"]["message"] == ALWAYS_ON
    put(azure, body(state), "2025-07-01")
    # Not even a tag can be changed by a newer version.
    answer = azure.http("PATCH", azure.vault_id, {"tags": {"a": "b"}}, "2025-09-01")
    assert (answer[0], answer[2]["error"]["message"]) == (400, ALWAYS_ON)


def test_the_default_of_soft_delete_depends_on_the_version(azure):
    silent = body()
    del silent["properties"]["securitySettings"]
    put(azure, silent, "2025-07-01", "old")
    put(azure, silent, "2026-06-01", "new")
    states = [azure.client.backup_vaults.get(GROUP, name).properties.security_settings.soft_delete_settings.state
              for name in ("old", "new")]
    assert states == ["On", "AlwaysOn"]


def secured(**settings):
    document = body()
    document["properties"]["securitySettings"] |= settings
    return document


def featured(**settings):
    document = body(redundancy="GeoRedundant")
    document["properties"]["featureSettings"] = settings
    return document


ONE_WAY = {
    "soft delete": (body("AlwaysOn"), body("On"), "UserErrorDisableSoftDeleteNotAllowed"),
    "immutability": (secured(immutabilitySettings={"state": "Locked"}),
                     secured(immutabilitySettings={"state": "Unlocked"}),
                     "UserErrorUnsupportedVaultImmutabilityStateChange"),
    "cross region restore": (featured(crossRegionRestoreSettings={"state": "Enabled"}),
                             featured(crossRegionRestoreSettings={"state": "Disabled"}),
                             "UserErrorCrossRegionRestoreStateChangeNotAllowed"),
    "cross subscription restore": (featured(crossSubscriptionRestoreSettings={"state": "PermanentlyDisabled"}),
                                   featured(crossSubscriptionRestoreSettings={"state": "Enabled"}),
                                   "BMSUserErrorInvalidInput"),
}


@pytest.mark.parametrize("case", ONE_WAY)
def test_one_way_switches(azure, case):
    before, after, expected = ONE_WAY[case]
    assert put(azure, before)[0] == 201
    assert code(put(azure, after)) == (400, expected)
    patch = {"properties": {key: after["properties"][key] for key in ("securitySettings", "featureSettings")
                            if key in after["properties"]}}
    assert code(azure.http("PATCH", azure.vault_id, patch, "2025-07-01")) == (400, expected)


def test_what_cannot_be_undone_survives_a_put_that_leaves_it_out(azure):
    full = secured(immutabilitySettings={"state": "Locked"})
    put(azure, full)
    silent = body()
    del silent["properties"]["securitySettings"]
    put(azure, silent)
    security = azure.client.backup_vaults.get(GROUP, "vault-1").properties.security_settings
    assert security.immutability_settings.state == "Locked"


def test_put_replaces_and_patch_merges(azure):
    full = body(monitoringSettings={"azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"}})
    put(azure, {**full, "tags": {"env": "test"}})
    status, headers, reply = azure.http("PATCH", azure.vault_id, {"tags": {"env": "live"}}, "2025-07-01")
    assert (status, reply) == (202, None)
    assert {"azure-asyncoperation", "location"} <= set(headers)
    vault = azure.client.backup_vaults.get(GROUP, "vault-1")
    assert vault.tags == {"env": "live"}
    assert vault.properties.monitoring_settings.azure_monitor_alert_settings.alerts_for_all_job_failures == "Enabled"
    oid = vault.identity.principal_id
    again = body()
    del again["identity"]
    assert put(azure, again)[2]["properties"]["provisioningState"] == "Updating"
    vault = azure.client.backup_vaults.get(GROUP, "vault-1")
    assert vault.tags is None
    assert vault.properties.monitoring_settings is None
    assert vault.identity is None
    assert azure.world.directory.get(oid) is None


@pytest.mark.parametrize("version", ["2024-04-01", "2025-07-01", "2026-06-01"])
def test_what_was_read_can_be_put_back(azure, version):
    put(azure, body("AlwaysOn"), version)
    read = azure.http("GET", azure.vault_id, version=version)[2]
    assert put(azure, read, version)[0] == 201
    assert azure.http("GET", azure.vault_id, version=version)[2] == read


def test_retention_of_always_on_only_grows(azure):
    document = body("AlwaysOn")
    settings = document["properties"]["securitySettings"]["softDeleteSettings"]
    settings["retentionDurationInDays"] = 30.0
    put(azure, document)
    settings["retentionDurationInDays"] = 20.0
    assert code(put(azure, document)) == (400, "BMSUserErrorInvalidInput")
    settings["retentionDurationInDays"] = 60
    assert put(azure, document)[2]["properties"]["securitySettings"]["softDeleteSettings"][
        "retentionDurationInDays"] == 60.0


def broken(**changes):
    document = copy.deepcopy(body())
    document["properties"] |= changes
    return document


@pytest.mark.parametrize("document", [
    broken(storageSettings=[]), broken(storageSettings=[{"datastoreType": "ArchiveStore", "type": "LocallyRedundant"}]),
    broken(storageSettings=[{"datastoreType": "VaultStore", "type": "Sometimes"}]), broken(misspelt=True),
    broken(securitySettings={"softDeleteSettings": {"state": "On", "retentionDurationInDays": 13.0}}),
    broken(securitySettings={"softDeleteSettings": {"retentionDurationInDays": 14.0}}),
    broken(featureSettings={"crossRegionRestoreSettings": {"state": "Enabled"}}),
    {**body(), "identity": {"type": "UserAssigned"}}])
def test_malformed_vaults(azure, document):
    assert code(put(azure, document)) == (400, "BMSUserErrorInvalidInput")


@pytest.mark.parametrize("name", ["1vault", "v", "vault-", "va_ult", "v" * 51])
def test_bad_names(azure, name):
    assert code(put(azure, body(), name=name)) == (400, "BMSUserErrorInvalidInput")


def test_a_vault_is_in_a_region(azure):
    status, dummy, answer = put(azure, {**body(), "location": "atlantis"})
    assert (status, answer["error"]["code"]) == (400, "LocationNotAvailableForResourceType")
    assert "'atlantis'" in answer["error"]["message"] and "westeurope" in answer["error"]["message"]


def test_a_vault_does_not_move(azure):
    put(azure, body())
    assert code(put(azure, {**body(), "location": "westeurope"})) == (409, "InvalidResourceLocation")


def test_redundancy_is_fixed_once_items_are_protected(azure):
    azure.furnish()
    put(azure, body(redundancy="ZoneRedundant"))
    azure.protect()
    assert code(put(azure, body(redundancy="GeoRedundant"))) == (400, "BMSUserErrorInvalidInput")


def test_user_assigned_identities_are_resolved_after_the_reply(azure):
    id = f"{azure.group(GROUP)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/own"
    document = {**body(), "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {id: {}}}}
    assert code(put(azure, document)) == (400, "FailedIdentityOperation")
    azure.world.store.put(id, {"properties": {"principalId": "p", "clientId": "c", "tenantId": azure.tenant}})
    assert put(azure, document)[2]["identity"]["userAssignedIdentities"] == {id: {}}
    read = azure.http("GET", azure.vault_id)[2]["identity"]
    assert read["userAssignedIdentities"] == {id: {"principalId": "p", "clientId": "c"}}
    assert read["type"] == "SystemAssigned,UserAssigned"


def test_the_reply_of_an_update_shows_the_old_key(azure):
    put(azure, body())
    document = secured(encryptionSettings={
        "state": "Enabled", "keyVaultProperties": {"keyUri": "https://kv.vault.azure.net/keys/k"},
        "kekIdentity": {"identityType": "SystemAssigned"}, "infrastructureEncryption": "Disabled"})
    reply = put(azure, document)[2]
    assert "encryptionSettings" not in reply["properties"]["securitySettings"]
    read = azure.http("GET", azure.vault_id, version="2025-07-01")[2]["properties"]
    assert read["securitySettings"]["encryptionSettings"]["state"] == "Enabled"
    assert (read["secureScore"], read["bcdrSecurityLevel"]) == ("None", "Poor")
    put(azure, body())
    assert "encryptionSettings" in azure.http("GET", azure.vault_id)[2]["properties"]["securitySettings"]


def key(kind="SystemAssigned", **settings):
    return {"state": "Enabled", "keyVaultProperties": {"keyUri": "https://kv.vault.azure.net/keys/k"},
            "kekIdentity": {"identityType": kind}, "infrastructureEncryption": "Disabled", **settings}


def test_a_key_needs_an_identity_that_can_read_it(azure):
    own = f"{azure.group(GROUP)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/own"
    azure.world.store.put(own, {"properties": {"principalId": "p", "clientId": "c", "tenantId": azure.tenant}})
    assert code(put(azure, secured(encryptionSettings=key()))) == (400, "BMSUserErrorInvalidInput")
    reader = {"identityType": "UserAssigned", "identityId": own}
    document = secured(encryptionSettings=key(kekIdentity=reader, infrastructureEncryption="Enabled"))
    assert code(put(azure, document)) == (400, "BMSUserErrorInvalidInput")
    identity = {"type": "UserAssigned", "userAssignedIdentities": {own: {}}}
    assert put(azure, {**document, "identity": identity})[0] == 201
    document["properties"]["securitySettings"]["encryptionSettings"]["infrastructureEncryption"] = "Disabled"
    assert code(put(azure, {**document, "identity": identity})) == (400, "BMSUserErrorInvalidInput")
    bad = secured(encryptionSettings=key(kekIdentity=reader, keyVaultProperties={"keyUri": "https://kv/secrets/k"}))
    assert code(put(azure, {**bad, "identity": identity}, name="bad")) == (400, "BMSUserErrorInvalidInput")


def test_infrastructure_encryption_is_for_new_vaults(azure):
    put(azure, body())
    document = secured(encryptionSettings=key(infrastructureEncryption="Enabled"))
    assert code(put(azure, document)) == (400, "BMSUserErrorInvalidInput")


def test_without_soft_delete_there_are_no_days(azure):
    put(azure, body("Off"))
    off = azure.http("GET", azure.vault_id)[2]
    settings = off["properties"]["securitySettings"]["softDeleteSettings"]
    assert settings == {"state": "Off", "retentionDurationInDays": 0.0}
    settings["state"] = "On"
    assert code(put(azure, off)) == (400, "BMSUserErrorInvalidInput")


def test_identities_of_a_kind_that_is_not_there(azure):
    document = {**body(), "identity": {"type": "SystemAssigned", "userAssignedIdentities": {"/x": {}}}}
    assert code(put(azure, document)) == (400, "BMSUserErrorInvalidInput")


def test_delete_needs_an_empty_vault_and_lingers(azure):
    assert azure.http("DELETE", azure.vault_id)[0] == 204
    azure.furnish()
    azure.emulator.settings(vault_lingers=3600)
    answer = azure.http("DELETE", azure.vault_id)
    assert answer[0] == 400
    assert answer[2]["error"]["message"].startswith("Cannot delete the Backup vault as there are existing backup")
    azure.client.backup_policies.delete(GROUP, "vault-1", "policy-1")
    oid = azure.client.backup_vaults.get(GROUP, "vault-1").identity.principal_id
    status, headers, dummy = azure.http("DELETE", azure.vault_id)
    assert status == 202
    monitor = headers["azure-asyncoperation"]
    assert f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/locations/eastus/operationStatus/" in monitor
    azure.wait_for(lambda: azure.http("GET", monitor)[2]["status"] == "Succeeded")
    assert azure.http("GET", azure.vault_id)[0] == 200
    azure.emulator.advance(3700)
    assert code(azure.http("GET", azure.vault_id)) == (404, "ResourceNotFound")
    assert azure.world.directory.get(oid) is None
    azure.emulator.settings(vault_lingers=20)
    # Made by an older version, it is gone for good.
    assert not list(azure.client.deleted_backup_vaults.list_by_location("eastus"))


def deleted_by_newer_version(azure, name="vault-1"):
    azure.client.backup_vaults.begin_delete(GROUP, name).result()
    azure.emulator.advance(60)
    return [each for each in azure.client.deleted_backup_vaults.list_by_location("eastus")
            if each.properties.original_backup_vault_name == name]


def test_an_empty_vault_is_kept_for_ten_minutes(azure):
    put(azure, body("AlwaysOn"), "2026-06-01")
    [found] = deleted_by_newer_version(azure)
    properties = found.properties
    assert properties.original_backup_vault_resource_path == azure.vault_id
    assert found.type == "Microsoft.DataProtection/locations/deletedVaults"
    info = properties.resource_deletion_info
    assert (times.parse(str(info["scheduledPurgeTime"])) - times.parse(str(info["deletionTime"]))).seconds in (600, 599)
    assert info["deleteActivityID"]
    assert azure.client.deleted_backup_vaults.get("eastus", found.name).name == found.name
    assert not list(azure.client.deleted_backup_vaults.list_by_location("westus"))
    assert code(azure.http("GET", f"{azure.root}/providers/Microsoft.DataProtection/locations/eastus/deletedVaults",
                           version="2025-07-01"))[0] == 400
    azure.emulator.advance(600)
    assert not list(azure.client.deleted_backup_vaults.list_by_location("eastus"))


def test_undelete_brings_everything_back_but_the_identity(azure):
    azure.furnish()
    put(azure, body("AlwaysOn"), "2025-07-01")
    azure.protect()
    azure.backup()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    # An older version refuses because of the soft-deleted instance, a newer one keeps the vault with it.
    assert azure.http("DELETE", azure.vault_id, version="2025-07-01")[0] == 400
    old = azure.client.backup_vaults.get(GROUP, "vault-1").identity.principal_id
    [found] = deleted_by_newer_version(azure)
    assert code(azure.http("GET", azure.vault_id)) == (404, "ResourceNotFound")
    restored = {"location": "eastus", "identity": {"type": "SystemAssigned"}}
    header = {"x-ms-deleted-vault-id": found.name}
    for wrong in ([], {"type": []}, {"type": "SystemAssigned", "userAssignedIdentities": ["x"]}):
        answer = put(azure, {**restored, "identity": wrong}, "2026-06-01", headers=header)
        assert code(answer) == (400, "BMSUserErrorInvalidInput")
    vault = azure.client.backup_vaults.begin_create_or_update(
        GROUP, "vault-1", restored, x_ms_deleted_vault_id=found.name).result()
    assert vault.identity.principal_id != old
    assert vault.properties.security_settings.soft_delete_settings.state == "AlwaysOn"
    azure.client.deleted_backup_instances.begin_undelete(GROUP, "vault-1", "instance-1").result()
    assert len(azure.points()) == 1
    resume = azure.client.backup_instances.begin_resume_protection
    assert refused(lambda: resume(GROUP, "vault-1",
                                  "instance-1").result()).error.code == "UserErrorMissingRequiredPermissions"
    azure.grant()
    resume(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "ProtectionConfigured"
    assert code(put(azure, restored, "2026-06-01", headers={"x-ms-deleted-vault-id": found.name}))[0] == 404


def test_name_availability_and_features(azure):
    check = azure.client.backup_vaults.check_name_availability
    request = {"name": "vault-1", "type": "Microsoft.DataProtection/BackupVaults"}
    assert check(GROUP, "eastus", request).name_available is True
    azure.put_vault()
    taken = check(GROUP, "eastus", request)
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    assert check(STAGING, "eastus", request).name_available is True
    answer = azure.client.data_protection.check_feature_support("eastus", {
        "objectType": "FeatureValidationRequest", "featureType": "DataSourceType",
        "featureName": "Microsoft.ContainerService/managedClusters"})
    assert answer.features[0].support_status == "GenerallyAvailable"


def test_lists(azure):
    azure.put_vault()
    azure.put_vault("vault-2")
    assert {each.name for each in azure.client.backup_vaults.get_in_subscription()} == {"vault-1", "vault-2"}
    assert {each.name for each in azure.client.backup_vaults.get_in_resource_group(GROUP)} == {"vault-1", "vault-2"}
    assert not list(azure.client.backup_vaults.get_in_resource_group(STAGING))


def test_policies_are_create_only(azure):
    azure.put_vault()
    path = f"{azure.vault_id}/backupPolicies/policy-1"
    document = policy(vaulted=True)
    document["properties"]["name"] = "dropped"
    status, dummy, created = azure.http("PUT", path, document)
    assert status == 200
    assert azure.http("GET", path)[2] == created
    assert "name" not in created["properties"]
    answer = azure.http("PUT", path, policy(vaulted=True))
    assert code(answer) == (400, "UserErrorBMSUpdatePolicyNotSupported")
    assert answer[2]["error"]["message"] == "Update of existing policy is not supported."
    info = answer[2]["error"]["additionalInfo"][0]["info"]
    assert info["recommendedAction"] == ["Please create a new policy."]
    assert azure.http("PUT", path, {"properties": created["properties"]})[0] == 400
    assert azure.http("DELETE", path)[0] == 200
    assert azure.http("DELETE", path)[0] == 204
    assert code(azure.http("GET", path)) == (404, "UserErrorGenericResourceNotFound")


def test_a_policy_in_use_stays(azure):
    azure.furnish()
    azure.protect()
    path = f"{azure.vault_id}/backupPolicies/policy-1"
    assert code(azure.http("DELETE", path)) == (400, "UserErrorDppPolicyObjectInUse")


def test_activity_ids_are_the_clients(azure):
    azure.put_vault()
    answer = azure.http("PUT", f"{azure.vault_id}/backupPolicies/p", policy(),
                        headers={"x-ms-client-request-id": "00000000-0000-0000-0000-00000000abcd"})
    info = answer[2]["error"]["additionalInfo"][0]["info"]
    assert info["properties"]["ActivityId"] == "00000000-0000-0000-0000-00000000abcd"


def guarded(azure):
    azure.furnish(securitySettings={"softDeleteSettings": {"state": "On", "retentionDurationInDays": 30.0}})
    guard = azure.client.resource_guards.put(GROUP, "guard-1", {"location": "eastus", "properties": {}})
    azure.client.dpp_resource_guard_proxy.create_or_update(GROUP, "vault-1", "DppResourceGuardProxy", {
        "properties": {"resourceGuardResourceId": guard.id}})
    return guard


def test_tags_of_a_resource_guard(azure):
    guarded(azure)
    tagged = azure.client.resource_guards.patch(GROUP, "guard-1", {"tags": {"owner": "security"}})
    assert tagged.tags == {"owner": "security"} and tagged.properties.resource_guard_operations
    assert refused(lambda: azure.client.resource_guards.patch(GROUP, "guard-2", {"tags": {}})).status_code == 404


def test_a_resource_guard_holds_up_critical_operations(azure):
    guard = guarded(azure)
    assert azure.client.backup_vaults.get(GROUP, "vault-1").properties.is_vault_protected_by_resource_guard is True
    proxy = azure.client.dpp_resource_guard_proxy.get(GROUP, "vault-1", "DppResourceGuardProxy").properties
    details = {each.vault_critical_operation: each.default_resource_request
               for each in proxy.resource_guard_operation_details}
    request = details["Microsoft.DataProtection/backupVaults/backupInstances/delete"]
    assert request == f"{guard.id}/deleteBackupInstanceRequests/default"
    azure.protect()
    group = azure.client.backup_instances
    assert refused(lambda: group.begin_stop_protection(GROUP, "vault-1", "instance-1")).status_code == 400
    stop = details["Microsoft.DataProtection/backupVaults/backupInstances/stopProtection/action"]
    group.begin_stop_protection(GROUP, "vault-1", "instance-1", {"resourceGuardOperationRequests": [stop]}).result()
    assert refused(lambda: group.begin_delete(GROUP, "vault-1", "instance-1")).status_code == 400
    answer = azure.client.dpp_resource_guard_proxy.unlock_delete(
        GROUP, "vault-1", "DppResourceGuardProxy", {"resourceGuardOperationRequests": [request]})
    assert answer.unlock_delete_expiry_time
    group.begin_delete(GROUP, "vault-1", "instance-1").result()
    reduced = body()
    assert code(put(azure, reduced)) == (400, "BMSUserErrorInvalidInput")
    # A second proxy, which would be the way out, cannot be.
    assert refused(lambda: azure.client.dpp_resource_guard_proxy.create_or_update(GROUP, "vault-1", "Other", {
        "properties": {"resourceGuardResourceId": guard.id}})).error.code == "BMSUserErrorInvalidInput"


def test_an_unlock_ends_after_half_an_hour(azure):
    guard = guarded(azure)
    azure.protect()
    azure.client.dpp_resource_guard_proxy.unlock_delete(GROUP, "vault-1", "DppResourceGuardProxy", {
        "resourceGuardOperationRequests": [f"{guard.id}/deleteBackupInstanceRequests/default"]})
    azure.emulator.advance(1900)
    assert refused(lambda: azure.client.backup_instances.begin_delete(GROUP, "vault-1",
                                                                      "instance-1")).status_code == 400
    azure.client.dpp_resource_guard_proxy.unlock_delete(GROUP, "vault-1", "DppResourceGuardProxy", {
        "resourceGuardOperationRequests": [f"{guard.id}/deleteResourceGuardProxyRequests/default"]})
    azure.client.dpp_resource_guard_proxy.delete(GROUP, "vault-1", "DppResourceGuardProxy")
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()


def test_an_unlock_is_for_what_it_names(azure):
    guard = guarded(azure)
    azure.protect()
    proxies = azure.client.dpp_resource_guard_proxy
    other = azure.client.resource_guards.put(GROUP, "guard-2", {"location": "eastus", "properties": {}})

    def replace():
        return proxies.create_or_update(GROUP, "vault-1", "DppResourceGuardProxy",
                                        {"properties": {"resourceGuardResourceId": other.id}})

    def unlock(requests):
        proxies.unlock_delete(GROUP, "vault-1", "DppResourceGuardProxy", {
            "resourceGuardOperationRequests": [f"{guard.id}/{requests}/default"]})

    unlock("deleteResourceGuardProxyRequests")
    assert refused(lambda: azure.client.backup_instances.begin_delete(GROUP, "vault-1",
                                                                      "instance-1")).status_code == 400
    azure.emulator.advance(1900)
    unlock("deleteBackupInstanceRequests")
    for attempt in (replace, lambda: proxies.delete(GROUP, "vault-1", "DppResourceGuardProxy")):
        assert refused(attempt).status_code == 400
    unlock("deleteResourceGuardProxyRequests")
    assert replace().properties.resource_guard_resource_id == other.id


def test_a_vault_as_it_was_read_can_be_written(azure):
    identity = f"{azure.group(GROUP)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/own"
    azure.world.store.put(identity, {"properties": {"principalId": "p", "clientId": "c", "tenantId": azure.tenant}})
    vault = f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/backupVaults/vault-both"
    both = {**body(), "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {identity: {}}}}
    assert azure.http("PUT", vault, both)[0] == 201
    read = azure.wait_for(lambda: (found := azure.http("GET", vault)[2])["properties"]["provisioningState"]
                          == "Succeeded" and found)
    assert read["identity"]["userAssignedIdentities"][identity].keys() == {"clientId", "principalId"}
    assert azure.http("PUT", vault, read)[0] == 201
    assert azure.http("GET", vault)[2]["identity"] == read["identity"]
    read["identity"]["userAssignedIdentities"][identity]["principalId"] = azure.world.guid()
    assert azure.http("PUT", vault, read)[0] == 400, "that is not the identity's"


def test_names_of_properties_do_not_mind_case(azure):
    document = {key.upper(): value for key, value in body().items()}
    status, dummy, made = put(azure, {**document, "TAGS": {"a": "b"}}, name="vault-loud")
    assert (status, made["location"], made["tags"]) == (201, "eastus", {"a": "b"})
