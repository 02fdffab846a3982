# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the steps is the service's: what is left out or taken away again, it refuses with a code of its own."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.harness.steps import carry_out, chain, prepare, step

# Seconds for the instance, short enough to wait for in vain. All roles are in force before it is asked for, so that its
# first answer is its last, and the time has only to do for that one on a slow machine.
IMPATIENT = {"wait_timeout": 6, "poll_interval": 1}
IN_FORCE = 1800


class LeftOut(NamedTuple):
    """``first`` is the step that stumbles first, and what it says; ``code`` what the service says to protection."""

    first: str
    says: str
    code: str


# Reads that find nothing are refused by the module with the name of the module that is missing; writes by Azure.
LEFT_OUT = {
    "providers": LeftOut("vault", "MissingSubscriptionRegistration", "MissingSubscriptionRegistration"),
    "snapshots": LeftOut(
        "permissions", "Create it with aks_backup_storage first.", "UserErrorMissingRequiredPermissions"
    ),
    "storage": LeftOut("vault", "ResourceGroupNotFound", "ResourceGroupNotFound"),
    "vault": LeftOut("policy", "Create it with aks_backup_vault first.", "ResourceNotFound"),
    "policy": LeftOut("instance", "Create it with aks_backup_policy first.", "UserErrorGenericResourceNotFound"),
    "extension": LeftOut(
        "permissions", "Install it with aks_backup_extension first.", "UserErrorMissingRequiredPermissions"
    ),
    "binding": LeftOut(
        "instance", "UserErrorTrustedAccessGatewayReturnedForbidden", "UserErrorTrustedAccessGatewayReturnedForbidden"
    ),
    "permissions": LeftOut("instance", "UserErrorMissingRequiredPermissions", "UserErrorMissingRequiredPermissions"),
}


def test_every_step_before_the_instance_has_a_row(subscription):
    assert [task["name"] for task in chain(subscription, until="instance")] == list(LEFT_OUT)


@pytest.mark.parametrize("missing", LEFT_OUT)
def test_a_step_that_is_left_out(subscription, somebody, missing):
    row = LEFT_OUT[missing]
    before = [step(subscription, one["name"], ignore=True) for one in chain(subscription, until="instance")]
    steps = carry_out(subscription, [one for one in before if one["name"] != missing]).steps
    subscription.emulator.advance(IN_FORCE)
    last = [step(subscription, "instance", ignore=True, **IMPATIENT), step(subscription, "run", ignore=True)]
    steps += carry_out(subscription, last).steps
    failed = {one.task: one for one in steps if one.failed}
    assert next(iter(failed)) == row.first, failed
    assert row.says in failed[row.first].result["msg"]
    assert {"instance", "run"} <= set(failed)
    for one in steps:
        assert one.result["msg"] if one.failed else one.changed, one
        assert "Traceback" not in str(one.result), one
    assert subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances") == []
    assert somebody.validate() == row.code


def take_the_snapshot_group(somebody):
    somebody.resources.resource_groups.begin_delete("rg-snapshots").result()


def take_the_container(somebody):
    account = somebody.subscription.resources("Microsoft.Storage/storageAccounts")[0]["name"]
    somebody.storage.blob_containers.delete("rg-backup", account, "aks-east-1")


def take_the_policy(somebody):
    somebody.data_protection.backup_policies.delete("rg-backup", "bv-east", "aks-daily")


def take_the_extension(somebody):
    somebody.uninstall()


def take_the_binding(somebody):
    somebody.unbind(somebody.subscription.resources(BINDINGS)[0]["name"])


BINDINGS = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"

# What is taken away once all the steps before the instance are done -> the code with which the service refuses.
TAKEN_AWAY = {
    "snapshot group": (take_the_snapshot_group, "UserErrorGenericResourceNotFound"),
    "container": (take_the_container, "UserErrorKubernetesBackupExtensionHasErrors"),
    "policy": (take_the_policy, "UserErrorGenericResourceNotFound"),
    "extension": (take_the_extension, "UserErrorKubernetesBackupExtensionNotFoundError"),
    "binding": (take_the_binding, "UserErrorTrustedAccessGatewayReturnedForbidden"),
}


@pytest.fixture(scope="module")
def ready(emulator):
    """A subscription in which all is done but the instance. Each test takes something away and puts it back."""
    made = Subscription(emulator)
    made.assignments = prepare(made, chain(made, until="instance"))["permissions"]["assignments"]
    return made


def refused(subscription, code):
    """Protect in vain; gives the result."""
    subscription.emulator.advance(IN_FORCE)
    run = carry_out(subscription, [step(subscription, "instance", **IMPATIENT)])
    assert run.code == 2, run.output[-2000:]
    assert run.writes == []
    assert subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances") == []
    assert Somebody(subscription).validate() == code
    return run["instance"].result


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_a_thing_that_is_taken_away(ready, what):
    take, code = TAKEN_AWAY[what]
    take(Somebody(ready))
    result = refused(ready, code)
    if what == "policy":
        # The module reads the policy before it asks the service.
        assert "Create it with aks_backup_policy first." in result["msg"]
    else:
        assert result["error"]["code"] == code, result
        assert code in result["msg"]
    mended = carry_out(ready, chain(ready, until="instance")).ok()
    assert 0 < len(mended.writes) <= 5, mended.writes
    # A new extension has a new identity.
    ready.assignments = mended["permissions"].result["assignments"]


# (principal, role, where) -> the code without it. The rows are those of Microsoft's prerequisites for AKS backup.
ROLES = {
    ("vault", "Reader", "cluster"): "UserErrorMissingRequiredPermissions",
    ("vault", "Reader", "rg-snapshots"): "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
    ("cluster", "Contributor", "rg-snapshots"): "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
    (
        "extension",
        "Storage Blob Data Contributor",
        "account",
    ): "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation",
}
TIER_ROLES = (
    ("vault", "Disk Snapshot Contributor", "rg-snapshots"),
    ("vault", "Data Operator for Managed Disks", "rg-snapshots"),
    ("vault", "Storage Blob Data Reader", "account"),
)


def remove(subscription, row):
    """Remove exactly one role assignment of those that the step ``permissions`` made; gives what it took."""
    principal, role, where = row
    where = {"cluster": "/managedclusters/aks-east-1", "account": "/storageaccounts/"}.get(where, f"/{where}")
    found = [
        one
        for one in subscription.assignments
        if (one["principal"], one["role"]) == (principal, role) and where in one["scope"].lower()
    ]
    assert len(found) == 1, subscription.assignments
    held = [one["id"].lower() for one in subscription.resources("Microsoft.Authorization/roleAssignments")]
    assert found[0]["assignment_id"].lower() in held
    Somebody(subscription).unassign(found[0]["assignment_id"])
    return found[0]


@pytest.mark.parametrize("row", ROLES, ids=" ".join)
def test_a_role_that_is_taken_away(ready, row):
    remove(ready, row)
    result = refused(ready, ROLES[row])
    assert result["error"]["code"] == ROLES[row]
    assert "roles and Trusted Access to take effect" in result["msg"]
    # The step gives back what is missing, and no more.
    mended = carry_out(ready, [step(ready, "permissions")]).ok()
    assert len(mended.writes) == 1


def test_with_everything_in_place_it_works(ready):
    """The other tests of this file prove nothing unless this one passes. By a playbook, to have one of them."""
    run = ready.play(chain(ready)).ok()
    assert run["run"].result["job"]["status"] == "Completed"


def test_the_roles_of_the_vault_tier(subscription, somebody):
    """Protection does without; copying to the vault, hours after the backup, does not.

    Azure copies one recovery point a day, so one role is always missing until the end, and none is copied before.
    """
    more = {
        "policy": {"preset": "disaster_recovery"},
        "permissions": {"vault_tier": True},
        "run": {"retention_tag_override": "Vault"},
    }
    tasks = [step(subscription, one["name"], **more.get(one["name"], {})) for one in chain(subscription)]
    jobs = task("jobs", "aks_backup_job_info", vault_id=somebody.vault_id, operation="Tiering", details=True)
    subscription.assignments = prepare(subscription, tasks[:-2])["permissions"]["assignments"]
    taken, seen, protect = None, set(), tasks[-2:]
    for row in (*TIER_ROLES, None):
        missing = remove(subscription, row) if row else None
        if taken:
            somebody.assign(taken["principal_id"], taken["role_definition_id"][-36:], taken["scope"])
        taken = missing
        subscription.emulator.advance(600)
        prepare(subscription, protect)
        subscription.emulator.advance(6 * 3600)
        found = prepare(subscription, [jobs])["jobs"]["jobs"]
        new = [job for job in found if job["id"] not in seen]
        seen |= {job["id"] for job in found}
        if row is None:
            assert "Completed" in [job["status"] for job in new]
            break
        assert new and {job["status"] for job in new} == {"Failed"}, (row, new)
        reason = new[0]["errors"][0]
        assert reason["code"] == "UserErrorMissingVaultMSIPermissionsOnSnapshotRG"
        assert "aks_backup_permissions" in reason["advice"]
