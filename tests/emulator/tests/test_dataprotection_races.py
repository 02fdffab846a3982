# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks for while something else is under way in the same vault."""

from __future__ import annotations

import pytest

from tests.emulator.tests.furnished import GROUP, Furnished, policy

HOURS = 60_000.0


@pytest.fixture
def azure(emulator):
    place = Furnished(emulator)
    place.furnish(soft_delete="AlwaysOn")
    return place


def ask(azure, method, path, body=None):
    """(status, code or body, URL of the monitor) of what is asked of the vault."""
    status, headers, answer = azure.http(method, f"{azure.vault_id}/{path}".rstrip("/"), body, version="2025-09-01")
    return status, answer["error"]["code"] if status >= 400 else answer, headers.get("azure-asyncoperation")


def slowly(azure, *requests):
    """The next of these requests begin operations that take half a day."""
    for method, path, factor in requests:
        azure.emulator.fault({"lro": "slow", "factor": factor}, method=method, path=path, times=1,
                             subscription=azure.subscription)


def outcome(azure, monitor):
    answer = azure.http("GET", monitor)[2]
    return answer["status"], (answer.get("error") or {}).get("code")


def test_the_policy_that_an_instance_is_being_changed_to_stays(azure):
    azure.protect()
    azure.put_policy("policy-2")
    slowly(azure, ("PUT", "instance-1$", HOURS))
    assert ask(azure, "PUT", "backupInstances/instance-1", {"properties": azure.instance("policy-2")})[0] == 201
    for name in ("policy-1", "POLICY-2"):
        assert ask(azure, "DELETE", f"backupPolicies/{name}")[:2] == (400, "UserErrorDppPolicyObjectInUse")
    azure.emulator.advance(2 * HOURS)
    assert azure.state() == "ProtectionConfigured"
    assert ask(azure, "DELETE", "backupPolicies/policy-1")[0] == 200


def test_one_transition_does_not_undo_another_that_was_faster(azure):
    azure.protect()
    slowly(azure, ("POST", "stopProtection$", 1000))
    stop = ask(azure, "POST", "backupInstances/instance-1/stopProtection")
    suspend = ask(azure, "POST", "backupInstances/instance-1/suspendBackups")
    azure.wait_for(lambda: outcome(azure, suspend[2]) == ("Succeeded", None))
    azure.emulator.advance(HOURS)
    assert outcome(azure, stop[2]) == ("Failed", "BMSUserErrorInvalidInput")
    assert azure.state() == "BackupsSuspended"


@pytest.mark.parametrize("action", ["PUT first", "PUT again", "POST stopProtection"])
def test_a_deletion_is_not_undone_by_what_was_under_way(azure, action):
    if action != "PUT first":
        azure.protect()
    slowly(azure, ("PUT", "instance-1$", 40_000), ("POST", "stopProtection$", 800), ("DELETE", "instance-1$", 1000))
    if action.startswith("PUT"):
        wanted = azure.instance(includedNamespaces=["x"])
        before = ask(azure, "PUT", "backupInstances/instance-1", {"properties": wanted})
    else:
        before = ask(azure, "POST", "backupInstances/instance-1/stopProtection")
    deletion = ask(azure, "DELETE", "backupInstances/instance-1")
    assert (before[0] in (201, 202), deletion[0]) == (True, 202)
    azure.emulator.advance(50_000)
    assert outcome(azure, before[2])[0] == ("Succeeded" if action == "PUT first" else "Failed")
    assert outcome(azure, deletion[2]) == ("Inprogress", None)
    assert azure.state() == "SoftDeleting"
    azure.emulator.advance(HOURS)
    assert [each.name for each in azure.client.deleted_backup_instances.list(GROUP, "vault-1")] == ["instance-1"]


def test_a_deletion_that_fails_leaves_nothing_half_changed(azure):
    azure.protect()
    slowly(azure, ("PUT", "instance-1$", 40_000))
    ask(azure, "PUT", "backupInstances/instance-1", {"properties": azure.instance(includedNamespaces=["x"])})
    azure.emulator.fault({"lro": "fail"}, method="DELETE", path="instance-1$", times=1, subscription=azure.subscription)
    deletion = ask(azure, "DELETE", "backupInstances/instance-1")
    azure.wait_for(lambda: outcome(azure, deletion[2])[0] == "Failed")
    assert azure.state() == "ProtectionConfigured"


def test_a_vault_that_goes_takes_nothing_in(azure):
    azure.protect()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    asked = [("PUT", "backupPolicies/policy-2", policy()), ("DELETE", "backupPolicies/policy-1", None),
             ("PUT", "backupInstances/instance-2", {"properties": azure.instance()}),
             ("PATCH", "", {"tags": {"a": "b"}}),
             ("POST", "validateForBackup", {"backupInstance": azure.instance()}),
             ("POST", "deletedBackupInstances/instance-1/undelete", None)]
    slowly(azure, ("DELETE", "vault-1$", HOURS))
    assert ask(azure, "DELETE", "")[0] == 202
    for request in (*asked, ("DELETE", "", None)):
        assert ask(azure, *request)[:2] == (409, "OperationNotAllowed"), request
    azure.emulator.settings(vault_lingers=10 * HOURS)
    azure.emulator.advance(3 * HOURS)
    assert ask(azure, "GET", "")[0] == 200
    for request in asked:
        assert ask(azure, *request)[:2] == (404, "UserErrorGenericResourceNotFound"), request
    assert ask(azure, "DELETE", "")[0] == 204
    azure.emulator.settings(vault_lingers=20.0)
    assert len(list(azure.client.deleted_backup_vaults.list_by_location("eastus"))) == 1
