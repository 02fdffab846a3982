# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validating, protecting, changing, stopping and deleting backup instances, by the official SDK package."""

from __future__ import annotations

import copy
import json

import pytest

from tests.emulator.tests.furnished import GROUP, ROLES, RULE, SNAPSHOTS, STAGING, Furnished, refused


@pytest.fixture
def azure(emulator):
    place = Furnished(emulator)
    place.furnish()
    return place


def without_datasource_set(azure, properties):
    del properties["dataSourceSetInfo"]


def without_parameters(azure, properties):
    del properties["policyInfo"]["policyParameters"]["backupDatasourceParametersList"]


def extension(**changes):
    def change(azure, properties):
        document = azure.world.store.get(azure.extension).body
        azure.world.store.put(azure.extension, {**document, "properties": {**document["properties"], **changes}})
    return change


def settings(azure, properties, **changes):
    old = azure.world.store.get(azure.extension).properties["configurationSettings"]
    extension(configurationSettings={**old, **changes})(azure, properties)


def gone(*ids):
    def change(azure, properties):
        for id in ids:
            azure.world.store.delete(getattr(azure, id))
    return change


def no_container(azure, properties):
    azure.world.store.delete(f"{azure.account}/blobServices/default/containers/aksbackup")


def location_is_young(azure, properties):
    azure.world.store.get(azure.extension).hidden["ready"] = azure.world.clock.now + 86400


def lock(azure, properties):
    azure.world.store.put(f"{azure.group(SNAPSHOTS)}/providers/Microsoft.Authorization/locks/keep",
                          {"properties": {"level": "CanNotDelete"}})


def stale_binding(azure, properties):
    azure.world.store.get(azure.binding).hidden["stale"] = True


def stopped_cluster(azure, properties):
    azure.world.store.merge(azure.cluster, {"properties": {"powerState": {"code": "Stopped"}}})


def service_principal(azure, properties):
    azure.world.store.merge(azure.cluster, {"identity": None})


def no_csi_driver(azure, properties):
    azure.world.store.merge(azure.cluster, {"properties": {"storageProfile": {"diskCSIDriver": {"enabled": False}}}})


def elsewhere(azure, properties):
    azure.world.store.merge(azure.cluster, {"location": "westeurope"})


def without(role):
    return lambda azure, properties: azure.grant(but=role)


SNAPSHOT_CODE = "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup"
GAPS = {
    "vault reads no cluster": (without(ROLES[0]), "UserErrorMissingRequiredPermissions"),
    "cluster writes no snapshots": (without(ROLES[2]), SNAPSHOT_CODE),
    "extension writes no blobs": (without(ROLES[3]), "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation"),
    "no extension": (gone("extension"), "UserErrorKubernetesBackupExtensionNotFoundError"),
    "extension failed": (extension(provisioningState="Failed", errorInfo={"code": "x", "message": "helm timed out"}),
                         "UserErrorKubernetesBackupExtensionHasErrors"),
    "extension is being created": (extension(provisioningState="Creating"),
                                   "UserErrorKubernetesBackupExtensionUnhealthy"),
    "extension without identity": (extension(aksAssignedIdentity=None),
                                   "UserErrorKubernetesBackupExtensionIdentityNotFound"),
    "keys disabled and no Azure AD": (lambda *args: settings(*args, **{
        "configuration.backupStorageLocation.config.useAAD": "false"}),
        "UserErrorKubernetesBackupExtensionIdentityNotFound"),
    "no storage location": (extension(configurationSettings={}), "UserErrorNoDefaultBackupStorageLocationFound"),
    "no container": (no_container, "UserErrorKubernetesBackupExtensionHasErrors"),
    "storage location is young": (location_is_young, "UserErrorBackupStorageLocationNotReady"),
    "no binding": (gone("binding"), "UserErrorTrustedAccessGatewayReturnedForbidden"),
    "stale binding": (stale_binding, "UserErrorTrustedAccessGatewayReturnedForbidden"),
    "cluster stopped": (stopped_cluster, "UserErrorKubernetesBackupExtensionUnhealthy"),
    "locked snapshots": (lock, "UserErrorSnapshotResourceGroupHasLocks"),
    "no parameters": (without_parameters, "UserErrorInvalidBackupDatasourceParameters"),
    "no datasource set": (without_datasource_set, "ScenarioPluginInvalidWorkflowDataRequest"),
    "service principal": (service_principal, "DppPluginInvalidInputParameters"),
    "no CSI driver": (no_csi_driver, "DppPluginInvalidInputParameters"),
    "other region": (elsewhere, "DppPluginInvalidInputParameters"),
    "no cluster": (gone("cluster"), "UserErrorGenericResourceNotFound"),
}


def test_everything_in_place_validates(azure):
    assert azure.validate().as_dict() == {"objectType": "OperationJobExtendedInfo"}


@pytest.mark.parametrize("case", GAPS)
def test_validate_fails_of_every_gap_with_its_code(azure, case):
    change, code = GAPS[case]
    properties = azure.instance()
    change(azure, properties)
    error = refused(lambda: azure.validate(properties))
    assert (error.status_code, error.error.code) == (200, code)
    info = json.loads(error.response.text())["error"]["additionalInfo"][0]["info"]
    assert info["code"] == code
    assert info["isUserError"] is False
    assert info["recommendedAction"] or code == "UserErrorGenericResourceNotFound"


@pytest.mark.parametrize("case", ["no binding", "no parameters", "no datasource set", "cluster writes no snapshots"])
def test_protection_without_validation_ends_in_protection_error(azure, case):
    change, code = GAPS[case]
    properties = azure.instance()
    change(azure, properties)
    created = azure.client.backup_instances.begin_create_or_update(
        GROUP, "vault-1", "instance-1", {"properties": properties}).result()
    assert created.properties.provisioning_state == "Succeeded"
    assert created.properties.current_protection_state in ("ConfiguringProtection", "ProtectionError")
    failed = azure.wait_for(lambda: azure.state() == "ProtectionError" and azure.get()).properties
    assert failed.provisioning_state == "Succeeded"
    assert failed.protection_error_details.code == code
    assert failed.protection_status.error_details.code == code


def test_the_inner_message_names_action_and_scope(azure):
    azure.grant(but=ROLES[0])
    error = refused(azure.validate)
    inner = json.loads(error.response.text())["error"]["additionalInfo"][0]["info"]["innerError"]
    message = inner["additionalInfo"]["DetailedNonLocalisedMessage"]
    assert "Microsoft.ContainerService/managedClusters/read" in message
    assert azure.cluster in message


def test_a_custom_role_without_extensions_has_its_own_code(azure):
    """A role that reads the cluster, but not its extensions."""
    azure.grant(but=ROLES[0])
    azure.world.custom_roles[azure.tenant, "0" * 36] = {"permissions": [{
        "actions": ["Microsoft.ContainerService/managedClusters/read"], "notActions": []}]}
    azure.world.rbac.grant("/custom", azure.principals["vault"], "0" * 36, azure.cluster, azure.tenant, 0.0)
    assert refused(azure.validate).error.code == "KubernetesBackupListExtensionsError"


def test_roles_take_effect_with_delay(azure):
    azure.grant(but=ROLES[2])
    later = azure.world.clock.now + 3600
    azure.world.rbac.grant("/late", azure.principals["cluster"], "b24988ac-6180-42a0-ab88-20f7382dd24c",
                           azure.group(SNAPSHOTS), azure.tenant, later)
    assert refused(azure.validate).error.code == SNAPSHOT_CODE
    azure.emulator.advance(3600)
    azure.validate()


def test_a_cluster_protected_in_another_vault_is_refused_at_once(azure):
    azure.protect()
    azure.put_vault("vault-2")
    azure.put_policy(vault="vault-2")
    error = refused(lambda: azure.validate(azure.instance(vault="vault-2"), vault="vault-2"))
    assert (error.status_code, error.error.code) == (400, "UserErrorDppDatasourceAlreadyProtected")
    assert "instance-1" in error.error.message
    assert "vault-1" in error.error.message


def test_the_datasource_is_where_it_is_said_to_be(azure):
    elsewhere = azure.instance()
    for name in ("dataSourceInfo", "dataSourceSetInfo"):
        elsewhere[name]["resourceLocation"] = "westus"
    error = refused(lambda: azure.validate(elsewhere))
    assert (error.status_code, error.error.code) == (200, "DppPluginInvalidInputParameters")
    for name in ("dataSourceInfo", "dataSourceSetInfo"):
        elsewhere[name]["resourceLocation"] = "East US"
    azure.validate(elsewhere)


def test_the_same_policy_twice_in_a_vault(azure):
    azure.protect()
    error = refused(azure.validate)
    code = "UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy"
    assert (error.status_code, error.error.code) == (200, code)
    error = refused(lambda: azure.client.backup_instances.begin_create_or_update(
        GROUP, "vault-1", "instance-2", {"properties": azure.instance()}))
    assert (error.status_code, error.error.code) == (400, code)
    azure.put_policy("policy-2")
    azure.protect("instance-2", policy_name="policy-2")


def test_the_policy_of_another_vault_is_refused_at_once(azure):
    azure.put_vault("vault-2")
    azure.put_policy(vault="vault-2")
    group, other = azure.client.backup_instances, azure.instance(vault="vault-2")
    azure.protect()
    for call in (lambda: azure.validate(other),
                 lambda: group.begin_create_or_update(GROUP, "vault-1", "instance-2", {"properties": other}),
                 lambda: group.begin_validate_for_modify_backup(GROUP, "vault-1", "instance-1",
                                                                {"backupInstance": other})):
        error = refused(call)
        assert (error.status_code, error.error.code) == (400, "BMSUserErrorInvalidInput")
        assert "one of the vault" in error.error.message


def test_malformed_instances_are_refused_at_once(azure):
    def broken(change, *path):
        properties = copy.deepcopy(azure.instance())
        holder = properties
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = change
        return refused(lambda: azure.client.backup_instances.begin_create_or_update(
            GROUP, "vault-1", "instance-1", {"properties": properties}))
    parameters = ("policyInfo", "policyParameters")
    for error, code in (
            (broken(None, "dataSourceInfo", "resourceID"), "BMSUserErrorInvalidInput"),
            (broken("Microsoft.Compute/disks", "dataSourceInfo", "datasourceType"), "NotModelledByEmulator"),
            (broken([], *parameters, "dataStoreParametersList"), "DppPluginInvalidInputParameters"),
            (broken("VaultStore", *parameters, "dataStoreParametersList", 0, "dataStoreType"),
             "DppPluginInvalidInputParameters"),
            (broken(azure.cluster, "policyInfo", "policyId"), "DppPluginInvalidInputParameters"),
            (broken(f"{azure.vault_id}/backupPolicies/none", "policyInfo", "policyId"),
             "UserErrorGenericResourceNotFound"),
            (broken("x", *parameters, "dataStoreParametersList", 0, "resourceGroupId"),
             "DppPluginInvalidInputParameters"),
            (broken(azure.account, *parameters, "dataStoreParametersList", 0, "resourceGroupId"),
             "DppPluginInvalidInputParameters"),
            (broken("x", "unknownProperty"), "BMSUserErrorInvalidInput")):
        assert error.error.code == code
    assert not list(azure.client.backup_instances.list(GROUP, "vault-1"))


def test_lists_that_were_never_set_are_null_and_newer_keys_come_with_newer_versions(azure):
    azure.protect()
    path = f"{azure.vault_id}/backupInstances/instance-1"
    old, new = azure.http("GET", path)[2]["properties"], azure.http("GET", path, version="2026-06-01")[2]["properties"]
    parameters = old["policyInfo"]["policyParameters"]["backupDatasourceParametersList"][0]
    assert parameters["includedNamespaces"] is None
    assert "includedVolumeTypes" not in parameters
    assert "policyVersion" not in old["policyInfo"]
    assert "resourceProperties" not in old["dataSourceInfo"]
    assert new["policyInfo"]["policyParameters"]["backupDatasourceParametersList"][0]["includedVolumeTypes"] is None
    assert new["policyInfo"]["policyVersion"] == ""
    assert new["dataSourceInfo"]["resourceProperties"] == {"objectType": None}
    assert "identityDetails" not in new


def test_extension_routing(azure):
    azure.protect()
    found = list(azure.client.backup_instances_extension_routing.list(azure.cluster.lstrip("/")))
    assert [each.id for each in found] == [
        f"{azure.cluster}/providers/Microsoft.DataProtection/backupInstances/instance-1"]
    assert found[0].properties.policy_info.policy_id.startswith(azure.vault_id)
    other, dummy = azure.put_cluster("aks-2")
    assert not list(azure.client.backup_instances_extension_routing.list(other.lstrip("/")))


def test_an_update_shows_old_values_first_and_keeps_what_is_immutable(azure):
    azure.protect()
    azure.put_policy("policy-2")
    path = f"{azure.vault_id}/backupInstances/instance-1"
    document = azure.http("GET", path)[2]
    document["properties"]["policyInfo"]["policyId"] = f"{azure.vault_id}/backupPolicies/policy-2"
    for key in ("currentProtectionState", "protectionStatus", "provisioningState"):
        del document["properties"][key]
    status, headers, reply = azure.http("PUT", path, {"properties": document["properties"]})
    assert (status, reply["properties"]["currentProtectionState"]) == (201, "UpdatingProtection")
    assert reply["properties"]["provisioningState"] == "Succeeded"
    assert reply["properties"]["policyInfo"]["policyId"].endswith("policy-1")
    assert "location" not in headers
    azure.wait_for(lambda: azure.state() == "ProtectionConfigured")
    assert azure.get().properties.policy_info.policy_id.endswith("policy-2")
    azure.client.backup_policies.delete(GROUP, "vault-1", "policy-1")
    stores = document["properties"]["policyInfo"]["policyParameters"]["dataStoreParametersList"]
    stores[0]["resourceGroupId"] = azure.group(STAGING)
    error = azure.http("PUT", path, {"properties": document["properties"]})
    assert (error[0], error[2]["error"]["code"]) == (400, "DppPluginInvalidInputParameters")


def test_validate_for_modify(azure):
    azure.protect()
    changed = azure.instance(includedNamespaces=["shop"])
    poller = azure.client.backup_instances.begin_validate_for_modify_backup(
        GROUP, "vault-1", "instance-1", {"backupInstance": changed})
    assert poller.result() is None
    azure.world.store.delete(azure.binding)
    error = refused(lambda: azure.client.backup_instances.begin_validate_for_modify_backup(
        GROUP, "vault-1", "instance-1", {"backupInstance": changed}).result())
    assert error.error.code == "UserErrorTrustedAccessGatewayReturnedForbidden"


def test_stop_suspend_and_resume(azure):
    azure.protect()
    group = azure.client.backup_instances
    group.begin_suspend_backups(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "BackupsSuspended"
    error = refused(azure.backup)
    assert error.status_code == 400
    error = refused(lambda: group.begin_stop_protection(GROUP, "vault-1", "instance-1"))
    assert error.status_code == 400
    group.begin_resume_protection(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "ProtectionConfigured"
    group.begin_stop_protection(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "ProtectionStopped"
    assert azure.http("POST", f"{azure.vault_id}/backupInstances/instance-1/resumeProtection")[0] == 202
    azure.wait_for(lambda: azure.state() == "ProtectionConfigured")
    status, headers, body = azure.http("POST", f"{azure.vault_id}/backupInstances/instance-1/resumeProtection")
    assert (status, body) == (200, None)
    assert "azure-asyncoperation" not in headers
    group.begin_suspend_backups(GROUP, "vault-1", "instance-1").result()
    group.begin_resume_backups(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "ProtectionConfigured"


def test_resume_fails_while_something_is_missing_and_sync_heals(azure):
    azure.protect()
    group = azure.client.backup_instances
    group.begin_stop_protection(GROUP, "vault-1", "instance-1").result()
    azure.world.store.delete(azure.binding)
    error = refused(lambda: group.begin_resume_protection(GROUP, "vault-1", "instance-1").result())
    assert error.error.code == "UserErrorTrustedAccessGatewayReturnedForbidden"
    azure.bind(azure.cluster)
    group.begin_resume_protection(GROUP, "vault-1", "instance-1").result()
    azure.world.store.delete(azure.binding)
    group.begin_sync_backup_instance(GROUP, "vault-1", "instance-1", {"syncType": "ForceResync"}).result()
    assert azure.state() == "ProtectionError"
    azure.bind(azure.cluster)
    group.begin_sync_backup_instance(GROUP, "vault-1", "instance-1", {"syncType": "Default"}).result()
    assert azure.state() == "ProtectionConfigured"


def test_deep_validation_fails_the_operation_of_the_put_and_sync_retries(azure):
    properties = {**azure.instance(), "validationType": "DeepValidation"}
    azure.world.store.delete(azure.binding)
    put = azure.client.backup_instances.begin_create_or_update
    error = refused(lambda: put(GROUP, "vault-1", "instance-1", {"properties": properties}).result())
    assert (error.status_code, error.error.code) == (200, "UserErrorTrustedAccessGatewayReturnedForbidden")
    assert azure.state() == "ConfiguringProtectionFailed"
    azure.bind(azure.cluster)
    azure.client.backup_instances.begin_sync_backup_instance(
        GROUP, "vault-1", "instance-1", {"syncType": "Default"}).result()
    assert azure.state() == "ProtectionConfigured"
    assert azure.get().properties.provisioning_state == "Succeeded"


def test_delete_keeps_a_soft_deleted_instance_until_its_purge(azure):
    azure.protect()
    azure.backup()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    assert refused(azure.get).status_code == 404
    kept = azure.client.deleted_backup_instances.get(GROUP, "vault-1", "instance-1").properties
    assert kept.current_protection_state == "SoftDeleted"
    info = kept.deletion_info
    from tests.emulator.backup import times
    assert (times.parse(info.scheduled_purge_time) - times.parse(info.deletion_time)).days == 14
    error = refused(lambda: azure.client.backup_policies.delete(GROUP, "vault-1", "policy-1"))
    assert (error.status_code, error.error.code) == (400, "UserErrorDppPolicyObjectInUse")
    error = refused(lambda: azure.client.backup_instances.begin_create_or_update(
        GROUP, "vault-1", "instance-1", {"properties": azure.instance()}))
    assert error.error.code == "UserErrorDppDatasourceAlreadyHasBackupInstance"
    azure.emulator.advance(15 * 86400)
    assert not list(azure.client.deleted_backup_instances.list(GROUP, "vault-1"))
    azure.client.backup_policies.delete(GROUP, "vault-1", "policy-1")
    assert azure.http("DELETE", f"{azure.vault_id}/backupInstances/instance-1")[0] == 204


def test_undelete_brings_a_stopped_instance_back_with_its_points(azure):
    azure.protect()
    azure.backup()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    path = f"{azure.vault_id}/deletedBackupInstances/instance-1/undelete"
    assert azure.http("POST", path)[::2] == (200, None)
    assert azure.state() == "ProtectionStopped"
    assert len(azure.points()) == 1
    status, dummy, body = azure.http("POST", path)
    assert (status, body["error"]["code"]) == (404, "UserErrorGenericResourceNotFound")
    azure.client.backup_instances.begin_resume_protection(GROUP, "vault-1", "instance-1").result()
    assert azure.state() == "ProtectionConfigured"


def test_an_undeleted_instance_whose_cluster_was_protected_elsewhere_cannot_be_resumed(azure):
    azure.protect()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    other = azure.put_vault("vault-2")
    azure.put_policy(vault="vault-2")
    azure.client.backup_instances.begin_create_or_update(
        GROUP, "vault-2", "instance-2", {"properties": azure.instance(vault="vault-2")}).result()
    assert other.name == "vault-2"
    azure.client.deleted_backup_instances.begin_undelete(GROUP, "vault-1", "instance-1").result()
    error = refused(lambda: azure.client.backup_instances.begin_resume_protection(GROUP, "vault-1", "instance-1"))
    assert (error.status_code, error.error.code) == (400, "UserErrorDppDatasourceAlreadyHasBackupInstance")
    assert "instance-2" in error.error.message


def test_without_soft_delete_an_instance_is_gone(emulator):
    azure = Furnished(emulator)
    azure.furnish(soft_delete="Off")
    azure.protect()
    azure.backup()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    assert not list(azure.client.deleted_backup_instances.list(GROUP, "vault-1"))
    azure.client.backup_policies.delete(GROUP, "vault-1", "policy-1")


def test_delete_without_the_extension_fails_and_says_so(azure):
    azure.protect()
    azure.backup()
    azure.world.store.delete(azure.extension)
    error = refused(lambda: azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result())
    assert error.error.code == "UserErrorKubernetesBackupExtensionNotFoundError"
    assert azure.state() == "ProtectionError"


def test_an_immutable_vault_keeps_what_has_recovery_points(emulator):
    azure = Furnished(emulator)
    azure.furnish(securitySettings={"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0},
                                    "immutabilitySettings": {"state": "Unlocked"}})
    azure.protect()
    azure.backup()
    error = refused(lambda: azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1"))
    assert (error.status_code, error.error.code) == (400, "BMSUserErrorInvalidInput")


def test_a_rule_can_make_protection_fail(azure):
    azure.emulator.fault({"lro": "protection_fails", "code": "CloudInternalError"}, method="PUT",
                         path=f"{azure.vault_id}/backupInstances/", times=1)
    azure.client.backup_instances.begin_create_or_update(
        GROUP, "vault-1", "instance-1", {"properties": azure.instance()}).result()
    azure.wait_for(lambda: azure.state() == "ProtectionError")
    assert azure.get().properties.protection_error_details.code == "CloudInternalError"
    assert refused(azure.backup).status_code == 400


def test_rule_names(azure):
    azure.protect()
    for rule in ("Default", "BackupDaily", RULE.lower()):
        error = refused(lambda name=rule: azure.client.backup_instances.begin_adhoc_backup(
            GROUP, "vault-1", "instance-1", {"backupRuleOptions": {"ruleName": name, "triggerOption": {}}}))
        assert (error.status_code, error.error.code) == (400, "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType")


def test_a_vault_tier_policy_needs_disks_with_public_access(azure):
    azure.put_policy("policy-2", vaulted=True)
    azure.validate(azure.instance("policy-2"))
    azure.emulator.change_inside(azure.cluster, put=[{
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "private"}, "spec": {"csi": {
            "driver": "disk.csi.azure.com", "volumeAttributes": {"networkAccessPolicy": "DenyAll"}}}}])
    error = refused(lambda: azure.validate(azure.instance("policy-2")))
    assert (error.status_code, error.error.code) == (200, "DppUserErrorVaultTierPolicyNotSupported")
    azure.validate(azure.instance("policy-1"))


def test_a_charset_in_accept_hides_the_error(azure):
    path = f"{azure.vault_id}/backupInstances/instance-1"
    broken = azure.instance()
    broken["policyInfo"]["policyParameters"]["dataStoreParametersList"] = []
    status, dummy, body = azure.http("PUT", path, {"properties": broken},
                                     headers={"Accept": "application/json; charset=utf-8"})
    assert (status, body) == (406, None)
    assert azure.http("PUT", path, {"properties": broken})[0] == 400


@pytest.mark.parametrize(("path", "expected"), [
    ("backupInstances/nobody/recoveryPoints", "UserErrorGenericResourceNotFound"),
    ("backupInstances/nobody/recoveryPoints/x", "UserErrorGenericResourceNotFound"),
    ("../other/backupInstances/nobody/recoveryPoints", "ResourceNotFound")])
def test_only_the_service_knows_what_is_in_a_vault(azure, path, expected):
    vault = azure.vault_id
    path = f"{vault.replace('vault-1', 'other')}/{path[9:]}" if path.startswith("../") else f"{vault}/{path}"
    status, dummy, body = azure.http("GET", path)
    assert (status, body["error"]["code"]) == (404, expected)


def test_monitors_that_lead_nowhere(azure):
    for path in (f"{azure.vault_id}/operationStatus/bm90aGluZw==", f"{azure.vault_id}/operationResults/x",
                 f"{azure.root}/providers/Microsoft.DataProtection/locations/eastus/operationResults/x"):
        status, dummy, body = azure.http("GET", path)
        assert (status, body["error"]["code"]) == (404, "UserErrorGenericResourceNotFound")


def test_the_result_of_an_operation_names_another_monitor(azure):
    dummy, headers, dummy = azure.http("POST", f"{azure.vault_id}/validateForBackup",
                                       {"backupInstance": azure.instance()})
    azure.wait_for(lambda: azure.http("GET", headers["location"])[0] == 200)
    dummy, headers, dummy = azure.http("GET", headers["location"])
    after = headers["azure-asyncoperation"]
    assert f"{azure.root}/providers/Microsoft.DataProtection/locations/eastus/operationStatus/" in after
    assert azure.http("GET", after)[2]["status"] == "Succeeded"
    assert azure.http("GET", after[:-2])[0] == 400


@pytest.mark.parametrize("version", ["2024-04-01", "2026-06-01"])
def test_what_was_read_can_be_put_back_and_validated(azure, version):
    azure.protect()
    path = f"{azure.vault_id}/backupInstances/instance-1"
    read = azure.http("GET", path, version=version)[2]
    status, dummy, body = azure.http("PUT", path, read, version=version)
    assert status == 201, body
    azure.wait_for(lambda: azure.state() == "ProtectionConfigured")
    assert azure.http("GET", path, version=version)[2] == read
    wanted = {"backupInstance": read["properties"]}
    assert azure.http("POST", f"{path}/validateForModifyBackup", wanted, version=version)[0] == 202
    assert azure.http("POST", f"{azure.vault_id}/validateForBackup", wanted, version=version)[0] == 202
