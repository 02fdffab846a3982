# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Request bodies against the SDK's models: both generations, discriminators, read-only properties, versions."""

from __future__ import annotations

import importlib

import pytest

from tests.emulator import contracts, providers
from tests.emulator.errors import AzureError

DP, STORAGE = "azure.mgmt.dataprotection.models:", "azure.mgmt.storage.models:"
ASSIGNMENT = "azure.mgmt.authorization.v2022_04_01.models:RoleAssignmentCreateParameters"
RULE = {"objectType": "AzureRetentionRule", "name": "Default", "isDefault": True, "lifecycles": []}
POLICY = {"properties": {"objectType": "BackupPolicy", "datasourceTypes": ["x"], "policyRules": [RULE]}}
ROLE = {"properties": {"roleDefinitionId": "r", "principalId": "p"}}

MODELS = sorted({model for provider in providers.ALL for kind in provider.types
                 for model in (kind.model, kind.patch_model, *(post.model for post in kind.posts.values())) if model})


def policy(**rule):
    return {"properties": {**POLICY["properties"], "policyRules": [{**RULE, **rule}]}}


@pytest.mark.parametrize("model", MODELS)
def test_every_model_named_by_a_provider_can_be_read_to_the_leaf(model):
    module, dummy, name = model.partition(":")
    seen = set()

    def walk(shape):
        if shape.item:
            walk(shape.item)
        if shape.kind != "model":
            return
        known = contracts.Fields(shape.fields) if shape.fields is not None else contracts._fields_of(shape.model)
        if (known.title or id(known)) in seen:
            return
        seen.add(known.title or id(known))
        assert known.fields or known.title == "DppTrackedResourceList"
        for subclass in known.subclasses.values():
            walk(contracts.Shape("model", model=subclass))
        for entry in known.fields.values():
            walk(entry.shape)
    walk(contracts.Shape("model", model=getattr(importlib.import_module(module), name)))
    assert seen


@pytest.mark.parametrize(("model", "body"), [
    (DP + "BaseBackupPolicyResource", POLICY),
    (DP + "BaseBackupPolicyResource", {**POLICY, "id": "x", "name": "y", "type": "z", "systemData": {}}),
    (ASSIGNMENT, ROLE),
    (ASSIGNMENT, {"properties": {**ROLE["properties"], "condition": None}}),
    (STORAGE + "BlobContainer", {}),
])
def test_bodies_that_are_right_come_back_as_they_are(model, body):
    envelope = {"id", "name", "type", "systemData"}
    assert contracts.check(model, body) == {key: value for key, value in body.items() if key not in envelope}


@pytest.mark.parametrize(("model", "body", "text"), [
    (DP + "BaseBackupPolicyResource", policy(colour="red"), "Path 'properties.policyRules[0].colour'"),
    (DP + "BaseBackupPolicyResource", policy(isDefault="yes"), "Error converting value 'yes' to type 'bool'"),
    (DP + "BaseBackupPolicyResource", policy(isDefault=1), "Error converting value 1"),
    (DP + "BaseBackupPolicyResource", policy(name=None), "Required property 'name' not found"),
    (DP + "BaseBackupPolicyResource", policy(objectType="Rule66"), "'Rule66' is not one of"),
    (DP + "BaseBackupPolicyResource", policy(objectType=None), "Required property 'objectType'"),
    (DP + "BaseBackupPolicyResource", policy(lifecycles={}), "An array is expected"),
    (DP + "BaseBackupPolicyResource", {"properties": []}, "An object is expected"),
    (ASSIGNMENT, {"properties": {"roleDefinitionId": "r"}}, "Required property 'principalId' not found"),
    (ASSIGNMENT, {}, "Required property 'properties' not found"),
    (ASSIGNMENT, {"properties": {**ROLE["properties"], "createdBy": "me"}}, "The property 'createdBy' is read-only"),
    (ASSIGNMENT, {"properties": {**ROLE["properties"], "principal": "me"}}, "Could not find member 'principal'"),
    (STORAGE + "BlobContainer", {"properties": {"publicAccess": "Everybody"}}, "'Everybody' is not one of"),
])
def test_bodies_that_are_wrong(model, body, text):
    with pytest.raises(AzureError) as caught:
        contracts.check(model, body, code="TheCode")
    assert (caught.value.status, caught.value.code) == (400, "TheCode")
    assert text in caught.value.message


def test_a_class_with_subclasses_may_be_meant_itself():
    """A restore by recovery point is a request of its own, and the base of the one with rehydration."""
    body = {"objectType": "AzureBackupRecoveryPointBasedRestoreRequest", "recoveryPointId": "r",
            "sourceDataStoreType": "OperationalStore", "restoreTargetInfo": {
                "objectType": "RestoreTargetInfo", "recoveryOption": "FailIfExists", "datasourceInfo": {
                    "resourceID": "x"}}}
    assert contracts.check(DP + "AzureBackupRestoreRequest", body) == body
    longer = {**body, "objectType": "AzureBackupRestoreWithRehydrationRequest"}
    with pytest.raises(AzureError, match="rehydrationPriority"):
        contracts.check(DP + "AzureBackupRestoreRequest", longer)


def test_names_and_enums_do_not_mind_case():
    body = {"PROPERTIES": {"OBJECTTYPE": "backuppolicy", "DatasourceTypes": ["x"], "policyrules": [RULE]}}
    assert contracts.check(DP + "BaseBackupPolicyResource", body) == {
        "properties": {**POLICY["properties"], "objectType": "backuppolicy"}}
    assert contracts.check(STORAGE + "BlobContainer", {"properties": {"publicAccess": "none"}})


def test_read_only_properties_are_dropped_where_that_is_allowed():
    body = {"properties": {**ROLE["properties"], "createdBy": "me"}}
    assert contracts.check(ASSIGNMENT, body, ("properties.createdBy",)) == ROLE


def test_a_property_of_a_later_version():
    since = {"condition": "2023-01-01"}
    body = {"properties": {**ROLE["properties"], "condition": "x"}}
    assert contracts.check(ASSIGNMENT, body, since=since, version="2023-01-01") == body
    with pytest.raises(AzureError, match="Could not find member 'condition'"):
        contracts.check(ASSIGNMENT, body, since=since, version="2022-04-01")


def test_numbers_become_strings_where_the_service_does_that():
    model = "azure.mgmt.kubernetesconfiguration.extensions.models:Extension"
    body = {"properties": {"configurationSettings": {"a": True, "b": 2, "c": "d"}}}
    assert contracts.check(model, body, stringly=("configurationSettings",)) == {
        "properties": {"configurationSettings": {"a": "true", "b": "2", "c": "d"}}}
    with pytest.raises(AzureError):
        contracts.check(model, body)
