# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: ways from state to state, what they cost, what stands against them, and waiting for roles."""

from __future__ import annotations

import datetime
import itertools
import json

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _errors, _types
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form, protection, validation
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import problems as refusals
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline
from tests.unit import wire_documents as wire
from tests.unit.test_returns import Documents

UTC = datetime.timezone.utc
STATES = ("active", "error", "soft_deleted", "stopped", "suspended")


def state(name):
    return {"properties": {"currentProtectionState": name}}


# States


@pytest.mark.parametrize(("before", "wanted"), list(itertools.product(STATES, ("active", "stopped", "suspended"))))
def test_there_is_a_way_from_each_state_to_each_that_can_be_asked_for(before, wanted):
    way = protection.steps(before, wanted)
    assert [step.to for step in way][-1:] == ([] if before == wanted else [wanted])
    for earlier, later in itertools.pairwise([before, *(step.to for step in way)]):
        assert earlier != later
    # Azure takes these two from active protection only.
    for earlier, step in zip([before, *(step.to for step in way)], way, strict=False):
        if step.verb in ("stopProtection", "suspendBackups"):
            assert earlier == "active"


@pytest.mark.parametrize("before", ["changing", None])
def test_there_is_no_way_from_where_azure_is_busy_or_in_a_state_of_its_own(before):
    assert protection.steps(before, "active") == []


def test_a_plan_shows_what_each_verb_leads_to():
    every = [*protection.TOWARDS_ACTIVE.values(), *protection.FROM_ACTIVE.values()]
    for step in every:
        assert form.protection_of(_types.EFFECTS[step.verb]) == step.to
    assert [step.verb for step in every if step.verb in _types.MOVES] == ["undelete"]


def test_what_a_state_comes_to():
    assert form.protection_of(state("backupsSUSPENDED")) == form.protection_of(state("BackupSchedulesSuspended"))
    assert form.protection_of({"properties": {"protectionStatus": {"status": "ProtectionStopped"}}}) == "stopped"
    assert form.protection_of(state("NotProtected")) is None
    assert form.protection_of(None) is None
    assert {form.protection_of(state(wire_state)): name for name, wire_state in form.SETTLED.items()} == {
        name: name for name in form.SETTLED
    }


def test_unknown_states_are_never_what_is_wanted_and_a_plan_that_says_none_is():
    assert not form.same_protection("ProtectionConfigured", "NotProtected")
    assert not form.same_protection("NotProtected", "NotProtected")
    assert form.same_protection("BackupsSuspended", "BackupSchedulesSuspended")
    assert form.same_protection("ProtectionConfigured", ABSENT)


# What it costs


@pytest.mark.parametrize(
    ("before", "wanted", "pieces"),
    [
        ("active", "stopped", ("keeps all of them for ever", "goes on charging")),
        ("active", "suspended", ("is not backed up", "but for the latest one")),
        ("stopped", "active", ("deletes the recovery points", "They are 2, of 2026-01-01 to 2026-01-03.")),
        ("soft_deleted", "active", ("deletes the recovery points",)),
        ("stopped", "suspended", ("is not backed up", "deletes the recovery points")),
        ("suspended", "active", ()),
        ("stopped", "stopped", ()),
        ("active", "active", ()),
    ],
)
def test_what_people_are_warned_of(before, wanted, pieces):
    expired = ["2026-01-01", "2026-01-03"] if before == "stopped" else []
    said = " ".join(protection.consequences("bi", before, wanted, expired))
    assert all(piece in said for piece in pieces)
    assert bool(said) == bool(pieces)


def test_recovery_points_that_are_over():
    def point(name, time, expiry):
        properties = {"recoveryPointTime": time, "expiryTime": expiry}
        return {**wire.POINT_DOCUMENT, "id": f"{wire.INSTANCE}/recoveryPoints/{name}", "properties": properties}

    arm = Documents(
        (
            point("b", "2026-01-02T00:00:00Z", "2026-01-09T00:00:00.1234567Z"),
            point("a", "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"),
            point("new", "2026-01-03T00:00:00Z", "2026-01-10T00:00:01Z"),
            point("last", "2026-01-04T00:00:00Z", "0001-01-01T00:00:00Z"),
            point("kept", "2026-01-05T00:00:00Z", None),
        )
    )
    now = datetime.datetime(2026, 1, 10, tzinfo=UTC)
    assert protection.expired(arm, wire.INSTANCE, now) == ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]


# The next backup


@pytest.mark.parametrize(
    ("intervals", "following"),
    [
        (["R/2026-01-04T02:30:00+00:00/P1D"], "2026-01-06T02:30:00Z"),
        (["R/2026-01-04T02:30:00+02:00/P1D"], "2026-01-06T00:30:00Z"),
        (["R/2026-01-05T12:00:00+00:00/PT4H"], "2026-01-05T16:00:00Z"),
        (["R/2026-01-01T00:00:00Z/P1W", "R/2026-01-07T00:00:00Z/P1W"], "2026-01-07T00:00:00Z"),
        (["R/2026-02-01T00:00:00/P1D"], "2026-02-01T00:00:00Z"),
        ([], None),
    ],
)
def test_the_next_backup(intervals, following):
    rule = {"trigger": {"schedule": {"repeatingTimeIntervals": intervals}}}
    policy = {"properties": {"policyRules": [{"name": "Default"}, rule]}}
    assert form.next_backup(policy, datetime.datetime(2026, 1, 5, 12, 0, tzinfo=UTC)) == following


# Options


@pytest.mark.parametrize("name", ["nightly", "aks-east-1/nightly", "AKS-east-1\\nightly"])
def test_friendly_names_are_compared_without_the_cluster(name):
    assert form.friendly(name, wire.CLUSTER) == "nightly"


def test_what_contradicts_itself_is_refused_all_at_once():
    configuration = {
        "included_namespaces": ["shop", *(f"n{number}" for number in range(800))],
        "excluded_namespaces": ["shop"],
        "included_resource_types": ["v1/Pod"],
        "excluded_resource_types": ["v1/Pod", "v1/Secret"],
    }
    identity = {"type": "SystemAssigned", "user_assigned_identity_id": wire.IDENTITY}
    said = refusals.option_problems({"backup_configuration": configuration, "identity": identity})
    assert said[0] == "included_namespaces and excluded_namespaces both name shop. Name each in one of them."
    assert said[1] == "included_resource_types and excluded_resource_types both name v1/Pod. Name each in one of them."
    assert "801 namespaces, and a backup instance takes 800" in said[2]
    assert "set identity.type to UserAssigned" in said[3]
    assert refusals.option_problems({}) == []


def test_what_has_no_effect_draws_a_warning():
    configuration = {
        "included_namespaces": ["kube-system", "shop"],
        "excluded_namespaces": ["kube-public", "kube-node-lease"],
        "snapshot_volumes": False,
        "volume_types": ["AzureDisk", "AzureFileShareSMB"],
    }
    said = refusals.option_warnings({"backup_configuration": configuration})
    assert [one.split(":")[0] for one in said[:2]] == [
        "Azure Backup always skips kube-system",
        "Azure Backup always skips kube-node-lease, kube-public",
    ]
    assert "although included_namespaces names them" in said[0] and "need not name them" in said[1]
    assert "volume_types has no effect" in said[2]
    assert "for 30 days at most" in said[3]
    assert refusals.option_warnings({}) == []


# Validation


class Answering(Documents):
    """Azure whose validations answer in turn: with error bodies, and then with success."""

    def __init__(self, *bodies, documents=()):
        super().__init__(documents)
        self.bodies, self.asked = list(bodies), 0

    def post(self, id_, verb, body=None, request_id=None):
        self.asked += 1
        if self.bodies:
            raise _errors.from_response(f"carry out {verb}", 200, json.dumps(self.bodies.pop(0)), {}, id_)
        return {}


def body(code, *details):
    info = {**wire.facing(code, "No."), "details": [wire.facing(one, "No.") for one in details]}
    return {"status": "Failed", "error": {"code": code, "message": "No.", "additionalInfo": [{"info": info}]}}


SETTLING, FINAL = "UserErrorTrustedAccessGatewayReturnedForbidden", "UserErrorSnapshotResourceGroupHasLocks"
PROPERTIES = wire.INSTANCE_DOCUMENT["properties"]


def test_what_passes_by_itself_is_waited_for():
    arm = Answering(body(SETTLING), body("UserErrorMissingRequiredPermissions", SETTLING), documents=wire.PROTECTED)
    validation.validate(arm, wire.VAULT, "validateForBackup", PROPERTIES)
    assert arm.asked == 3


def test_one_reason_that_does_not_pass_is_enough_and_all_are_told():
    arm = Answering(body(SETTLING, FINAL), documents=wire.PROTECTED)
    with pytest.raises(_errors.AzureError) as caught:
        validation.validate(arm, wire.VAULT, "validateForBackup", PROPERTIES)
    assert arm.asked == 1
    problems = caught.value.facts["problems"]
    assert problems[0].startswith(SETTLING) and problems[1].startswith(FINAL)
    # The cluster's role, the extension's and three for the policy's vault tier are what those documents lack.
    assert len(problems) == 7 and all(one.startswith("A role is missing: ") for one in problems[2:])


def test_at_the_deadline_the_last_answer_is_the_reason():
    arm = Answering(*[body(SETTLING)] * 1000, documents=())
    arm.deadline = Deadline(0.2)
    with pytest.raises(_errors.AzureError) as caught:
        validation.validate(arm, wire.VAULT, "validateForBackup", PROPERTIES)
    assert "of waiting for roles and Trusted Access to take effect" in caught.value.message
    assert caught.value.code == SETTLING
    problems = caught.value.facts["problems"]
    assert [one.split(".")[0] for one in problems[1:]] == [
        "The backup extension is not installed on aks-east-1",
        "No Trusted Access role binding lets bv-east into aks-east-1",
    ]


def test_an_extension_that_is_not_ready_is_told():
    failed = {**wire.EXTENSION_DOCUMENT, "properties": {**wire.EXTENSION_DOCUMENT["properties"]}}
    failed["properties"]["provisioningState"] = "Creating"
    arm = Answering(documents=(failed, wire.BINDING_DOCUMENT))
    said = validation.obstacles(arm, wire.VAULT, PROPERTIES)
    assert said[0].startswith("The backup extension of aks-east-1 is in state Creating.")


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("true", "Storage Blob Data Contributor"),
        ("True", "Storage Blob Data Contributor"),
        ("false", "Storage Account Contributor"),
        (None, "Storage Account Contributor"),
    ],
)
def test_the_role_that_an_extension_lacks_is_that_of_its_way_to_the_container(said, role):
    key = "configuration.backupStorageLocation.config.useAAD"
    settings = {**wire.EXTENSION_DOCUMENT["properties"]["configurationSettings"], key: said}
    settings = {name: value for name, value in settings.items() if value is not None}
    properties = {**wire.EXTENSION_DOCUMENT["properties"], "configurationSettings": settings}
    installed = {**wire.EXTENSION_DOCUMENT, "properties": properties}
    missing = validation.missing_roles(Documents(()), PROPERTIES, None, None, None, installed)
    assert [(row["principal"], row["role"]) for row in missing] == [("extension", role)]
