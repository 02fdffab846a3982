# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores from both tiers, to the same and other clusters and across regions, by the official SDK package."""

from __future__ import annotations

import copy

import pytest

from tests.emulator.inside import inside
from tests.emulator.tests.furnished import AKS, GROUP, ROLES, STAGING, Furnished, refused

DAY = 86400


@pytest.fixture
def azure(emulator):
    place = Furnished(emulator)
    place.furnish()
    place.protect()
    place.backup()
    return place


def vaulted(emulator, **options):
    place = Furnished(emulator)
    place.furnish(vaulted=True, **options)
    place.protect()
    place.backup(tag="Daily")
    place.emulator.advance(6 * 3600)
    assert len(place.points()[0].properties.recovery_point_data_stores_details) == 2
    return place


def request(azure, target=None, store="OperationalStore", location="eastus", **criteria):
    target = target or azure.cluster
    source = {"datasourceType": AKS, "resourceID": target, "resourceLocation": location, "resourceUri": target,
              "resourceName": target.rsplit("/", 1)[1], "resourceType": AKS}
    kind = "KubernetesClusterRestoreCriteria"
    if store == "VaultStore":
        kind = "KubernetesClusterVaultTierRestoreCriteria"
        criteria = {"stagingResourceGroupId": azure.group(STAGING), "stagingStorageAccountId": azure.staging_account,
                    **criteria}
    return {"objectType": "AzureBackupRecoveryPointBasedRestoreRequest", "recoveryPointId": azure.points()[0].name,
            "sourceDataStoreType": store, "restoreTargetInfo": {
                "objectType": "ItemLevelRestoreTargetInfo", "recoveryOption": "FailIfExists",
                "restoreLocation": location,
                "datasourceInfo": {"objectType": "Datasource", **source},
                "datasourceSetInfo": {"objectType": "DatasourceSet", **source},
                "restoreCriteria": [{"objectType": kind, "includeClusterScopeResources": True, "conflictPolicy": "Skip",
                                     "persistentVolumeRestoreMode": "RestoreWithVolumeData", **criteria}]}}


def validate(azure, wanted):
    return azure.client.backup_instances.begin_validate_for_restore(
        GROUP, "vault-1", "instance-1", {"restoreRequestObject": wanted}).result()


def restore(azure, wanted, wait=True):
    done = azure.client.backup_instances.begin_trigger_restore(GROUP, "vault-1", "instance-1", wanted).result()
    return azure.job(done.job_id, wait)


def cluster_of(azure, id):
    return inside(azure.world.store.get(id))


def another(azure, name="aks-2", **options):
    """A second cluster with everything a restore from the operational tier needs."""
    target, principals = azure.put_cluster(name, content={"template": "system"}, **options)
    azure.bind(target)
    for who, role, scope in (
            (azure.principals["vault"], "Reader", target),
            (principals["cluster"], "Contributor", azure.group("rg-snapshots")),
            (principals["cluster"], "Contributor", azure.group(STAGING)),
            (principals["extension"], "Storage Blob Data Contributor", azure.account),
            (principals["extension"], "Storage Blob Data Contributor", azure.staging_account)):
        azure.assign(who, role, scope)
    return target


def test_restore_to_the_same_cluster(azure):
    target = azure.world.store.get(azure.cluster)
    lost = inside(target)
    victim = next(name for name in lost.namespaces() if not name.startswith("kube-") and name != "default")
    assert lost.delete("namespaces", victim)
    target.hidden["inside"] = lost.to_dict()
    assert victim not in cluster_of(azure, azure.cluster).namespaces()
    wanted = request(azure)
    assert validate(azure, wanted).job_id is None
    job = restore(azure, wanted).properties
    assert (job.status, job.operation, job["sourceDataStoreType"]) == ("Completed", "Restore", "OperationalStore")
    assert job.extended_info.recovery_destination == azure.cluster
    assert job.extended_info.source_recover_point.recovery_point_id == azure.points()[0].name
    assert victim in cluster_of(azure, azure.cluster).namespaces()


def test_restore_to_another_cluster_with_mappings(azure):
    target = another(azure)
    mapped = {name: f"{name}-restored" for name in cluster_of(azure, azure.cluster).namespaces()
              if not name.startswith("kube-") and name != "default"}
    wanted = request(azure, target, namespaceMappings=mapped)
    validate(azure, wanted)
    assert restore(azure, wanted).properties.status in ("Completed", "CompletedWithWarnings")
    assert set(mapped.values()) & set(cluster_of(azure, target).namespaces())


def drop_binding(azure, target):
    azure.world.store.delete(f"{target}/trustedAccessRoleBindings/binding-1")


def drop_extension(azure, target):
    azure.world.store.delete(f"{target}/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup")


@pytest.mark.parametrize(("change", "code"), [
    (drop_binding, "UserErrorTrustedAccessGatewayReturnedForbidden"),
    (drop_extension, "UserErrorKubernetesBackupExtensionNotFoundError")])
def test_the_target_needs_binding_and_extension(azure, change, code):
    target = another(azure)
    change(azure, target)
    wanted = request(azure, target)
    error = refused(lambda: validate(azure, wanted))
    assert (error.status_code, error.error.code) == (200, code)
    # Without validation the job begins, and fails.
    job = restore(azure, wanted).properties
    assert (job.status, job.error_details[0].code) == ("Failed", code)


@pytest.mark.parametrize("role", [ROLES[0], ROLES[2], ROLES[3]], ids=lambda role: f"{role[0]} {role[1]}")
def test_roles_of_the_operational_tier(azure, role):
    azure.grant(but=role)
    assert refused(lambda: validate(azure, request(azure))).status_code == 200


@pytest.mark.parametrize("role", [*ROLES[7:]], ids=lambda role: f"{role[0]} {role[1]}")
def test_roles_of_the_vault_tier(emulator, role):
    azure = vaulted(emulator)
    wanted = request(azure, store="VaultStore")
    validate(azure, wanted)
    azure.grant(but=role)
    error = refused(lambda: validate(azure, wanted))
    assert (error.status_code, error.error.code) in (
        (200, "UserErrorMissingRequiredPermissions"),
        (200, "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation"))


def test_restore_from_the_vault_tier(emulator):
    azure = vaulted(emulator)
    target = another(azure)
    wanted = request(azure, target, store="VaultStore")
    validate(azure, wanted)
    job = restore(azure, wanted).properties
    assert job.status in ("Completed", "CompletedWithWarnings")
    assert job["sourceDataStoreType"] == "VaultStore"


def test_a_point_that_was_never_tiered_is_not_in_the_vault(azure):
    azure.grant()
    error = refused(lambda: validate(azure, request(azure, store="VaultStore")))
    assert (error.status_code, error.error.code) == (200, "DppPluginInvalidInputParameters")


BROKEN = {
    "object type of the wrong tier": (("restoreTargetInfo", "restoreCriteria", 0, "objectType"),
                                      "KubernetesClusterVaultTierRestoreCriteria"),
    "two criteria": (("restoreTargetInfo", "restoreCriteria"), [{}, {}]),
    "recovery option": (("restoreTargetInfo", "recoveryOption"), "Overwrite"),
    "archive store": (("sourceDataStoreType",), "ArchiveStore"),
    "conflict policy": (("restoreTargetInfo", "restoreCriteria", 0, "conflictPolicy"), "Replace"),
    "volume mode": (("restoreTargetInfo", "restoreCriteria", 0, "persistentVolumeRestoreMode"), "Sometimes"),
    "no point": (("recoveryPointId",), None),
    "no target": (("restoreTargetInfo", "datasourceInfo", "resourceID"), None),
    "target of another type": (("restoreTargetInfo", "datasourceInfo", "resourceID"),
                               "/subscriptions/a/resourceGroups/b/providers/Microsoft.Compute/disks/c"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_malformed_requests(azure, case):
    path, value = BROKEN[case]
    wanted = copy.deepcopy(request(azure))
    holder = wanted
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    home = f"{azure.vault_id}/backupInstances/instance-1"
    for action, body in (("restore", wanted), ("validateRestore", {"restoreRequestObject": wanted})):
        status, dummy, answer = azure.http("POST", f"{home}/{action}", body, version="2026-06-01")
        assert (status, answer["error"]["code"]) in (
            (400, "BMSUserErrorInvalidInput"), (400, "DppPluginInvalidInputParameters")), answer


def test_a_wrapped_restore_and_an_unwrapped_validation_are_refused(azure):
    home = f"{azure.vault_id}/backupInstances/instance-1"
    wanted = request(azure)
    assert azure.http("POST", f"{home}/restore", {"restoreRequestObject": wanted})[0] == 400
    assert azure.http("POST", f"{home}/validateRestore", wanted)[0] == 400


def test_location_must_be_the_targets(azure):
    error = refused(lambda: validate(azure, request(azure, location="westeurope")))
    assert error.error.code == "DppPluginInvalidInputParameters"


def test_unknown_points(azure):
    wanted = {**request(azure), "recoveryPointId": "0" * 32}
    error = refused(lambda: restore(azure, wanted))
    assert (error.status_code, error.error.code) == (404, "UserErrorGenericResourceNotFound")
    error = refused(lambda: validate(azure, wanted))
    assert (error.status_code, error.error.code) == (200, "UserErrorGenericResourceNotFound")


def test_ten_restores_a_day(azure):
    wanted = request(azure)
    for dummy in range(10):
        restore(azure, wanted, wait=False)
    error = refused(lambda: restore(azure, wanted, wait=False))
    assert error.status_code == 400
    azure.emulator.advance(DAY)
    restore(azure, wanted, wait=False)


def test_the_caller_must_be_allowed_to_read_the_source(azure):
    from azure.identity import ClientSecretCredential
    from azure.mgmt.dataprotection import DataProtectionMgmtClient

    operator = azure.world.directory.create(azure.tenant, "operator", old=True, secrets=["secret-of-operator"])
    azure.assign(operator.oid, "Backup Contributor", azure.group(GROUP))
    credential = ClientSecretCredential(azure.tenant, operator.app_id, "secret-of-operator",
                                        authority=azure.emulator.url, disable_instance_discovery=True)
    client = DataProtectionMgmtClient(credential, azure.subscription, base_url=azure.emulator.url,
                                      credential_scopes=[f"{azure.emulator.url}/.default"])
    wanted = request(azure)
    error = refused(lambda: client.backup_instances.begin_trigger_restore(GROUP, "vault-1", "instance-1", wanted))
    assert (error.status_code, error.error.code) == (403, "LinkedAuthorizationFailed")
    assert azure.cluster in error.error.message


def test_failing_modifier_fails_the_job_and_changes_nothing(azure):
    before = len(list(cluster_of(azure, azure.cluster)))
    job = restore(azure, request(azure, resourceModifierReference={"name": "none", "namespace": "default"})).properties
    assert job.status == "Failed"
    assert job.error_details[0].code
    assert len(list(cluster_of(azure, azure.cluster))) == before


# Across regions


def cross(emulator):
    azure = vaulted(emulator, redundancy="GeoRedundant",
                    featureSettings={"crossRegionRestoreSettings": {"state": "Enabled"}})
    target = another(azure, "aks-west", location="westus")
    return azure, target


def details(azure):
    return {"sourceRegion": "eastus", "sourceBackupInstanceId": f"{azure.vault_id}/backupInstances/instance-1"}


def test_cross_region_restore(emulator):
    azure, target = cross(emulator)
    client = azure.client
    [point] = list(client.fetch_secondary_recovery_points.list(GROUP, "westus", details(azure)))
    assert [each.type for each in point.properties.recovery_point_data_stores_details] == ["VaultStore"]
    body = {"restoreRequestObject": request(azure, target, "VaultStore", "westus"),
            "crossRegionRestoreDetails": details(azure)}
    client.backup_instances.begin_validate_cross_region_restore(GROUP, "westus", body).result()
    started = client.backup_instances.begin_trigger_cross_region_restore(GROUP, "westus", body).result()
    assert "/" not in started.job_id
    lookup = {"sourceRegion": "eastus", "sourceBackupVaultId": azure.vault_id}
    job = azure.wait_for(lambda: (found := client.fetch_cross_region_restore_job.get(
        GROUP, "westus", {**lookup, "jobId": started.job_id}).properties).status != "InProgress" and found)
    assert job.status in ("Completed", "CompletedWithWarnings")
    assert (job.operation_category, job.operation, job.progress_enabled) == ("CrossRegionRestore", "Restore", True)
    status, dummy, raw = azure.http(
        "POST", f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/locations/westus/fetchCrossRegionRestoreJob",
        {**lookup, "jobId": started.job_id}, version="2026-06-01")
    assert status == 200
    assert None not in raw["properties"].values()
    assert "additionalDetails" not in raw["properties"]["extendedInfo"]["subTasks"][0]
    [listed] = list(client.fetch_cross_region_restore_jobs.list(GROUP, "westus", lookup))
    assert (listed.name, listed.properties.duration) == (started.job_id, "00:00:00")


def test_pages_across_regions(emulator):
    """The SDK asks for further pages by GET, with all that it knows of the question being in the link."""
    azure, target = cross(emulator)
    body = {"restoreRequestObject": request(azure, target, "VaultStore", "westus"),
            "crossRegionRestoreDetails": details(azure)}
    started = [azure.client.backup_instances.begin_trigger_cross_region_restore(GROUP, "westus", body).result().job_id
               for dummy in range(3)]
    [point] = azure.points()
    for number in range(2):
        azure.world.store.put(f"{point.id[:-32]}{number:032}", azure.world.store.get(point.id).body)
    before = emulator.settings()["page_size"]
    emulator.settings(page_size=1)
    try:
        lookup = {"sourceRegion": "eastus", "sourceBackupVaultId": azure.vault_id}
        found = azure.client.fetch_cross_region_restore_jobs.list(GROUP, "westus", lookup)
        assert [job.name for job in found] == started[::-1]
        assert len(list(azure.client.fetch_secondary_recovery_points.list(GROUP, "westus", details(azure)))) == 3
        place = f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/locations/westus"
        dummy, dummy, answer = azure.http("POST", f"{place}/fetchCrossRegionRestoreJobs", lookup)
        link = answer["nextLink"]
        assert azure.http("GET", link)[0] == 200
        assert azure.http("GET", link.replace("&request=", "&question="))[0] == 400
        assert azure.http("GET", link[:-9])[0] == 400
    finally:
        emulator.settings(page_size=before)


def test_cross_region_monitors_are_in_the_secondary_region(emulator):
    azure, target = cross(emulator)
    body = {"restoreRequestObject": request(azure, target, "VaultStore", "westus"),
            "crossRegionRestoreDetails": details(azure)}
    status, headers, dummy = azure.http(
        "POST", f"{azure.group(GROUP)}/providers/Microsoft.DataProtection/locations/westus/crossRegionRestore", body,
        version="2026-06-01")
    assert status == 202
    assert f"{azure.root}/providers/Microsoft.DataProtection/locations/westus/operationStatus/" in headers[
        "azure-asyncoperation"]
    assert f"{azure.root}/providers/Microsoft.DataProtection/locations/westus/operationResults/" in headers["location"]


def test_cross_region_needs_the_feature_the_pair_and_the_vault_tier(emulator):
    azure, target = cross(emulator)
    trigger = azure.client.backup_instances.begin_trigger_cross_region_restore
    body = {"restoreRequestObject": request(azure, target, "VaultStore", "westus"),
            "crossRegionRestoreDetails": details(azure)}
    assert refused(lambda: trigger(GROUP, "northeurope", body)).status_code == 400
    operational = {**body, "restoreRequestObject": request(azure, target, location="westus")}
    assert refused(lambda: trigger(GROUP, "westus", operational)).error.code == "DppPluginInvalidInputParameters"
    plain = vaulted(emulator, redundancy="GeoRedundant")
    assert refused(lambda: list(plain.client.fetch_secondary_recovery_points.list(
        GROUP, "westus", details(plain)))).status_code == 400
