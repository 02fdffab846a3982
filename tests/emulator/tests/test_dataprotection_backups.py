# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on demand and by schedule, jobs, recovery points, tiering and retention, by the official SDK package."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from tests.emulator import Emulator
from tests.emulator.backup import times
from tests.emulator.tests.furnished import GROUP, ROLES, RULE, Furnished, policy, refused

DAY = 86400


@pytest.fixture
def alone():
    """An emulator of its own for a test that lets weeks go by: schedules of other tests would fire as well."""
    with Emulator({"subscriptions": [{"name": "none"}]}, speed=2000) as running:
        yield running


def furnished(emulator, content=None, **options):
    place = Furnished(emulator)
    if content:
        place.world.store.get(place.cluster).hidden["content"] = content
    place.furnish(**options)
    return place


@pytest.fixture
def azure(emulator):
    place = furnished(emulator)
    place.protect()
    return place


def jobs(azure, operation=None):
    found = [each.properties for each in azure.client.jobs.list(GROUP, "vault-1")]
    return [each for each in found if operation in (None, each.operation)]


def kinds(point):
    return {each.type for each in point.properties.recovery_point_data_stores_details}


def test_a_backup_on_demand_makes_a_recovery_point(azure):
    running = azure.backup(wait=False).properties
    assert (running.status, running.duration, running.end_time) == ("InProgress", "PT0S", None)
    assert running.extended_info.sub_tasks[0].task_status == "InProgress"
    assert running.extended_info.sub_tasks[0].additional_details is None
    job = azure.job(next(each for each in azure.client.jobs.list(GROUP, "vault-1")).id).properties
    assert (job.status, job.operation, job.is_user_triggered) == ("Completed", "Backup", True)
    assert job.extended_info.additional_details == {"RetentionTag": "default"}
    [point] = azure.points()
    target = job.extended_info.target_recover_point
    assert target.recovery_point_id == point.name == point.properties.recovery_point_id
    assert target.recovery_point_time.year == 1
    assert point.properties.retention_tag_name == "default"
    assert point.properties.expiry_time is None
    assert job.start_time < point.properties.recovery_point_time < job.end_time


def test_lists_and_single_jobs_differ(azure):
    job = azure.backup()
    [listed] = azure.client.jobs.list(GROUP, "vault-1")
    assert listed.properties.extended_info is None
    assert listed.properties.duration.startswith("00:0")
    assert job.properties.duration.startswith("PT")
    assert job.properties.extended_info is not None


def test_the_default_tag_can_be_named(azure):
    azure.backup(tag="Default")
    assert azure.points()[0].properties.retention_tag_name == "Default"
    error = refused(lambda: azure.backup(tag="Hourly"))
    assert (error.status_code, error.error.code) == (400, "BMSUserErrorInvalidInput")


def test_a_trigger_option_is_mandatory(azure):
    status, dummy, body = azure.http("POST", f"{azure.vault_id}/backupInstances/instance-1/backup",
                                     {"backupRuleOptions": {"ruleName": RULE}})
    assert (status, body["error"]["code"]) == (400, "BMSUserErrorInvalidInput")


def test_ten_backups_a_day(azure):
    start = azure.client.backup_instances.begin_adhoc_backup
    request = {"backupRuleOptions": {"ruleName": RULE, "triggerOption": {}}}
    for dummy in range(10):
        start(GROUP, "vault-1", "instance-1", request).result()
    error = refused(lambda: start(GROUP, "vault-1", "instance-1", request))
    assert (error.status_code, error.error.code) == (400, "UserErrorBackupRequestThrottled")
    azure.emulator.advance(DAY)
    start(GROUP, "vault-1", "instance-1", request).result()


@pytest.mark.parametrize(("gone", "code"), [
    ("binding", "UserErrorTrustedAccessGatewayReturnedForbidden"),
    ("extension", "UserErrorKubernetesBackupExtensionNotFoundError")])
def test_a_job_fails_of_what_is_missing_when_it_runs(azure, gone, code):
    azure.world.store.delete(getattr(azure, gone))
    job = azure.backup().properties
    assert job.status == "Failed"
    [error] = job.error_details
    assert error.code == code
    assert error.recommended_action
    assert job.extended_info.sub_tasks[0].task_status == "Failed"
    assert not azure.points()


def test_rules_make_jobs_fail_or_warn(azure):
    path = f"{azure.vault_id}/backupInstances/instance-1/backup"
    azure.emulator.fault({"lro": "job_fails", "code": "UserErrorBackupFailedBackupStorageLocationReadOnly",
                          "message": "read only"}, method="POST", path=path, times=1)
    job = azure.backup().properties
    assert (job.status, job.error_details[0].code) == ("Failed", "UserErrorBackupFailedBackupStorageLocationReadOnly")
    azure.emulator.fault({"lro": "job_warns", "code": "CSISnapshottingTimedOut"}, method="POST", path=path, times=1)
    job = azure.backup().properties
    assert job.status == "CompletedWithWarnings"
    [warning] = job.extended_info.warning_details
    assert warning.warning.code == "CSISnapshottingTimedOut"
    assert len(azure.points()) == 1


def test_unsupported_volumes_and_missing_namespaces_are_warnings(emulator):
    azure = furnished(emulator, {"template": "system", "namespaces": ["shop"], "volumes": [
        {"claim": "blobs", "namespace": "shop", "kind": "AzureBlob", "size": "1Gi"}]})
    azure.protect(includedNamespaces=["shop", "nowhere"])
    job = azure.backup().properties
    assert job.status == "CompletedWithWarnings"
    codes = [each.warning.code for each in job.extended_info.warning_details]
    assert "UserErrorNamespaceNotFound" in codes
    [listed] = azure.client.jobs.list(GROUP, "vault-1")
    details = azure.http("GET", listed.id)[2]["properties"]["extendedInfo"]["warningDetails"]
    assert {each["warning"]["properties"]["ActivityId"] for each in details} == {job.activity_id}


def test_filter_of_recovery_points(azure):
    for dummy in range(3):
        azure.backup()
        azure.emulator.advance(DAY)
    moments = [each.properties.recovery_point_time for each in azure.points()]
    assert moments == sorted(moments, reverse=True)
    newest = moments[0]

    def between(start, end):
        return azure.points(filter=f"startDate eq '{times.timestamp(start)}' and endDate eq '{times.timestamp(end)}'")
    hour = timedelta(hours=1)
    assert len(between(newest - hour, newest + hour)) == 1
    assert len(between(newest - timedelta(days=30), newest + hour)) == 3
    assert not between(newest + hour, newest - hour)
    path = f"{azure.vault_id}/backupInstances/instance-1/recoveryPoints"
    url = f"{azure.emulator.url}{path}?api-version=2024-04-01&$filter="
    assert len(azure.http("GET", url)[2]["value"]) == 3
    status, dummy, body = azure.http("GET", url + "nonsense")
    assert (status, body["error"]["code"]) == (400, "BMSUserErrorInvalidInput")
    assert azure.client.recovery_points.get(GROUP, "vault-1", "instance-1", azure.points()[0].name)
    assert refused(lambda: azure.client.recovery_points.get(GROUP, "vault-1", "instance-1", "0" * 32)).error.code == \
        "UserErrorGenericResourceNotFound"


def hours_of(azure):
    return [each.properties.recovery_point_time for each in reversed(azure.points())]


def soon(emulator, period, seconds=60):
    """An interval whose next occurrence comes so many virtual seconds from now, past the time that protecting takes."""
    start = datetime.fromtimestamp(emulator.server.world.clock.now + seconds, timezone.utc).replace(microsecond=0)
    return f"R/{start.isoformat()}/{period}"


def test_schedules_fire(alone):
    azure = furnished(alone, interval=soon(alone, "PT4H", 6 * 3600))
    azure.protect()
    azure.emulator.advance(6 * 3600 + 2 * DAY)
    found = jobs(azure, "Backup")
    assert len(found) == 13
    assert all(each.is_user_triggered is False for each in found)
    starts = sorted(each.start_time for each in found)
    assert {round((after - before).total_seconds()) for before, after in pairwise(starts)} == {4 * 3600}
    suspend = azure.client.backup_instances.begin_suspend_backups
    suspend(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(DAY)
    count = len(jobs(azure, "Backup"))
    assert count <= 14
    azure.client.backup_instances.begin_resume_protection(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(DAY)
    assert len(jobs(azure, "Backup")) == count + 6


def test_schedules_can_be_turned_off(alone):
    """And on again: what would have been meanwhile is not made up for."""
    azure = furnished(alone, interval=soon(alone, "P1D", 6 * 3600))
    azure.protect()
    azure.emulator.settings(schedules=False)
    azure.emulator.advance(6 * 3600 + 3 * DAY)
    assert jobs(azure, "Backup") == []
    azure.emulator.settings(schedules=True)
    azure.emulator.advance(2 * DAY)
    assert len(jobs(azure, "Backup")) == 2


def test_retention_ends_points_but_never_the_last(alone):
    azure = furnished(alone, interval=soon(alone, "P1D", 6 * 3600))
    azure.protect()
    # An hour past a backup: the newest is there, the one of a week ago has gone.
    azure.emulator.advance(7 * 3600 + 20 * DAY)
    assert len(azure.points()) == 7
    azure.client.backup_instances.begin_suspend_backups(GROUP, "vault-1", "instance-1").result()
    newest = azure.points()[0].name
    azure.emulator.advance(30 * DAY)
    assert [each.name for each in azure.points()] == [newest]
    azure.client.backup_instances.begin_resume_protection(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(2 * DAY)
    assert newest not in {each.name for each in azure.points()}


def test_a_stopped_instance_keeps_everything(alone):
    azure = furnished(alone, interval=soon(alone, "P1D", 6 * 3600))
    azure.protect()
    # Half a day past the last backup, so that none is under way when protection stops.
    azure.emulator.advance(18 * 3600 + 3 * DAY)
    count = len(azure.points())
    azure.client.backup_instances.begin_stop_protection(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(100 * DAY)
    assert len(azure.points()) == count


def test_the_first_backup_of_a_day_moves_to_the_vault_tier(alone):
    azure = furnished(alone, vaulted=True, interval=soon(alone, "PT6H", 6 * 3600))
    azure.protect()
    azure.emulator.advance(6 * 3600 + 3 * DAY)
    points = azure.points()
    vaulted = [each for each in points if "VaultStore" in kinds(each)]
    assert {each.properties.retention_tag_name for each in vaulted} == {"Daily"}
    days = [each.properties.recovery_point_time.date() for each in vaulted]
    assert len(days) == len(set(days)) >= 3
    for each in vaulted:
        properties = each.properties
        assert properties.recovery_point_state == "Completed"
        lived = properties.expiry_time - properties.recovery_point_time
        assert abs(lived - timedelta(days=84)) < timedelta(seconds=1)
    tiering = jobs(azure, "Tiering")
    assert {each.status for each in tiering} == {"Completed"}
    assert len(tiering) == len(vaulted)
    # The snapshots end after a week, the copies stay.
    azure.client.backup_instances.begin_suspend_backups(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(20 * DAY)
    left = azure.points()
    assert {frozenset(kinds(each)) for each in left} == {frozenset({"VaultStore"})}
    assert {each.name for each in vaulted} <= {each.name for each in left}
    azure.emulator.advance(100 * DAY)
    assert len(azure.points()) == 1


def test_a_copy_on_expiry_is_made_before_the_snapshots_go(alone):
    azure = furnished(alone)
    document = policy(soon(alone, "P1D", 6 * 3600), vaulted=True)
    [cycle, dummy] = document["properties"]["policyRules"][2]["lifecycles"]
    cycle["targetDataStoreCopySettings"][0]["copyAfter"] = {"objectType": "CopyOnExpiryOption"}
    azure.client.backup_policies.create_or_update(GROUP, "vault-1", "policy-2", document)
    azure.protect(policy_name="policy-2")
    azure.emulator.advance(7 * 3600 + 6 * DAY)
    assert {frozenset(kinds(each)) for each in azure.points()} == {frozenset({"OperationalStore"})}
    # Eleven hours after the snapshots of the first three have come to their end.
    azure.emulator.advance(11 * 3600 + 3 * DAY)
    points = [kinds(each) for each in azure.points()]
    assert points == [{"OperationalStore"}] * 7 + [{"VaultStore"}] * 3
    assert [each.status for each in jobs(azure, "Tiering")] == ["Completed"] * 3


def test_a_point_that_retention_has_ended_was_the_first_of_its_month_all_the_same(alone):
    azure = furnished(alone)
    document = policy(soon(alone, "P1D", 6 * 3600), vaulted=True)
    backup, dummy, monthly = document["properties"]["policyRules"]
    backup["trigger"]["taggingCriteria"][0]["criteria"][0]["absoluteCriteria"] = ["FirstOfMonth"]
    backup["trigger"]["taggingCriteria"][0]["tagInfo"]["tagName"] = monthly["name"] = "Monthly"
    monthly["lifecycles"] = [{**monthly["lifecycles"][0], "targetDataStoreCopySettings": [], "deleteAfter": {
        "objectType": "AbsoluteDeleteOption", "duration": "P2D"}}]
    azure.client.backup_policies.create_or_update(GROUP, "vault-1", "policy-2", document)
    azure.protect(policy_name="policy-2")
    azure.emulator.advance(7 * 3600)
    months = [each.properties.recovery_point_time.month for each in azure.points()]
    assert [each.properties.retention_tag_name for each in azure.points()] == ["Monthly"]
    for dummy in range(20):
        azure.emulator.advance(DAY)
        newest = azure.points()[0].properties
        first = newest.recovery_point_time.month not in months
        months.append(newest.recovery_point_time.month)
        assert (newest.retention_tag_name == "Monthly") == first, newest.recovery_point_time


def test_two_daily_points_of_one_day_tier_once(emulator):
    azure = furnished(emulator, vaulted=True)
    azure.protect()
    world = azure.world
    # Begin early in a day, so that both backups fall into it.
    azure.emulator.advance(DAY - world.clock.now % DAY + 3600)
    azure.backup(tag="Daily")
    azure.backup(tag="daily")
    azure.emulator.advance(10 * 3600)
    assert len(jobs(azure, "Tiering")) == 1
    assert sorted(len(kinds(each)) for each in azure.points()) == [1, 2]


@pytest.mark.parametrize("role", [ROLES[4], ROLES[5], ROLES[6]], ids=lambda role: role[1])
def test_tiering_fails_without_each_of_its_roles(emulator, role):
    azure = furnished(emulator, vaulted=True)
    azure.grant(but=role)
    azure.protect()
    assert azure.backup(tag="Daily").properties.status == "Completed"
    azure.emulator.advance(6 * 3600)
    [job] = [each for each in azure.client.jobs.list(GROUP, "vault-1") if each.properties.operation == "Tiering"]
    details = azure.client.jobs.get(GROUP, "vault-1", job.name).properties.error_details
    assert [each.code for each in details] == ["UserErrorMissingVaultMSIPermissionsOnSnapshotRG"]
    assert kinds(azure.points()[0]) == {"OperationalStore"}


def test_restorable_time_ranges(azure):
    find = azure.client.restorable_time_ranges.find
    first, second = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    answer = find(GROUP, "vault-1", "instance-1", {
        "sourceDataStoreType": "OperationalStore", "startTime": first, "endTime": second})
    assert answer.properties.restorable_time_ranges == []
    error = refused(lambda: find(GROUP, "vault-1", "instance-1", {
        "sourceDataStoreType": "OperationalStore", "startTime": second, "endTime": first}))
    assert (error.status_code, error.error.code) == (400, "UserErrorInvalidRestorableTimeRange")


def test_export_of_jobs(azure):
    azure.backup()
    azure.client.export_jobs.begin_trigger(GROUP, "vault-1").result()
    status, headers, dummy = azure.http("POST", f"{azure.vault_id}/exportBackupJobs")
    assert status == 202
    azure.wait_for(lambda: azure.http("GET", headers["azure-asyncoperation"])[2]["status"] == "Succeeded")
    status, dummy, body = azure.http("GET", headers["location"])
    assert status == 200
    assert body["blobUrl"].startswith("https://")
    operation = headers["location"].split("?")[0].rsplit("/", 1)[1]
    assert azure.http("GET", f"{azure.vault_id}/backupJobs/operations/{operation}")[0] == 400


def test_rehydration_is_refused(azure):
    error = refused(lambda: azure.client.backup_instances.begin_trigger_rehydrate(GROUP, "vault-1", "instance-1", {
        "recoveryPointId": "x", "rehydrationRetentionDuration": "P1D"}))
    assert error.status_code == 400


def test_everything_survives_saving_and_loading(alone):
    azure = furnished(alone, vaulted=True, interval=soon(alone, "PT6H", 6 * 3600))
    azure.protect()
    azure.emulator.advance(DAY)
    state = alone.save()
    saved = {each["id"].rsplit("/", 1)[1] for each in state["world"]["store"]
             if each["id"].startswith(f"{azure.vault_id}/backupInstances/instance-1/recoveryPoints/")}
    assert saved
    azure.emulator.advance(DAY)
    later = {each.name for each in azure.points()} - saved
    assert later
    alone.load(state)
    loaded = {each.name for each in azure.points()}
    assert saved <= loaded
    assert not later & loaded
    azure.emulator.advance(DAY)
    assert len(azure.points()) >= len(saved) + 4
    assert any("VaultStore" in kinds(each) for each in azure.points())
