# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores without Azure: which point and tier, the request to the letter, what is refused and what is warned of."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import points
from ansible_collections.aks.backup.plugins.module_utils._resources.restore import judgement, restore
from ansible_collections.aks.backup.plugins.module_utils._resources.restore import request as form
from ansible_collections.aks.backup.plugins.modules.aks_backup_restore import CONTRACT
from tests.unit import wire_documents as wire
from tests.unit.test_instance_states import FINAL, SETTLING, Answering, body

OTHER = wire.CLUSTER.replace("aks-east-1", "aks-east-2")
STAGING = f"{wire.GROUPS}/rg-staging"
ACCOUNT = f"{STAGING}/providers/Microsoft.Storage/storageAccounts/ststaging"


def params(**given: Any) -> dict[str, Any]:
    names = {"cluster_id": wire.CLUSTER, "vault_id": wire.VAULT, "subscription_id": wire.SUBSCRIPTION}
    found = ArgumentSpecValidator(CONTRACT.spec, **CONTRACT.rules).validate({**names, **given})
    assert not found.error_messages, found.error_messages
    valid: dict[str, Any] = found.validated_parameters
    return valid


def point(name: str, time: str, *stores: str, state: str | None = None) -> dict[str, Any]:
    held = [{"type": store, "state": "COMMITTED", "expiry_time": None, "creation_time": time} for store in stores]
    return {"name": name, "time": time, "datastores": held, "state": state}


POINTS = [
    point("newest", "2026-01-05T07:55:29.5079653Z", "OperationalStore", state="Partial"),
    point("today", "2026-01-05T03:55:29.5079653Z", "OperationalStore"),
    point("yesterday", "2026-01-04T03:55:29.5079653Z", "OperationalStore", "VaultStore"),
    point("old", "2025-12-04T03:55:29.5079653Z", "VaultStore"),
]


def sight(tier: str = "OperationalStore", **more: Any) -> form.Sight:
    instance = copy.deepcopy(wire.INSTANCE_DOCUMENT)
    given: dict[str, Any] = {
        "instance": instance,
        "vault": wire.VAULT_DOCUMENT,
        "point": POINTS[2],
        "tier": tier,
        "target": wire.CLUSTER_DOCUMENT,
        "extension": wire.EXTENSION_DOCUMENT,
        "staging_group_id": STAGING if tier == "VaultStore" else None,
        "staging_account_id": ACCOUNT if tier == "VaultStore" else None,
        "staging_account": None,
        **more,
    }
    return form.Sight(**given)


def configured(**more: Any) -> dict[str, Any]:
    return {"restore_configuration": more}


# Which point, which tier


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "today"),
        ({"source_datastore": "VaultStore"}, "yesterday"),
        ({"before": "2026-01-05T00:00:00Z"}, "yesterday"),
        ({"before": "2026-01-05T04:00:00+02:00"}, "yesterday"),
        ({"before": "2026-01-01"}, "old"),
        ({"recovery_point": "NEWEST"}, "newest"),
        ({"recovery_point": f"{wire.INSTANCE}/recoveryPoints/old"}, "old"),
    ],
)
def test_the_point_asked_for(given: dict[str, Any], name: str) -> None:
    assert points.choose(POINTS, params(**given))["name"] == name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"recovery_point": "none"},
            "There is no recovery point none. There are newest of 2026-01-05T07:55:29.5079653Z",
        ),
        ({"before": "2020-01-01"}, "There is no whole recovery point before 2020-01-01. There are newest"),
        (
            {"before": "2025-12-31", "source_datastore": "OperationalStore"},
            "before 2025-12-31 in the OperationalStore.",
        ),
        ({"before": "soon"}, "before is 'soon'; it must be a date or a moment in ISO 8601"),
    ],
)
def test_a_point_that_is_not_there(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        points.choose(POINTS, params(**given))
    assert said in refused.value.message


def test_no_points_at_all() -> None:
    with pytest.raises(Refused, match="There are none at all: back the cluster up with aks_backup_run"):
        points.choose([], params())


@pytest.mark.parametrize(
    ("number", "given", "tier"),
    [
        (2, {}, "OperationalStore"),
        (3, {}, "VaultStore"),
        (2, {"source_datastore": "VaultStore"}, "VaultStore"),
        (2, {"secondary_region": True}, "VaultStore"),
    ],
)
def test_the_quicker_tier_unless_it_is_gone(number: int, given: dict[str, Any], tier: str) -> None:
    assert form.tier_of(POINTS[number], params(**given)) == tier


# The request


def test_the_request_from_the_operational_tier_to_the_letter() -> None:
    given = params(**configured(included_namespaces=["shop"], namespace_mappings={"shop": "s2"},
                                restore_hooks=[{"name": "h", "namespace": "n"}]))  # fmt: skip
    source = {
        "datasourceType": "Microsoft.ContainerService/managedClusters",
        "resourceID": wire.CLUSTER_DOCUMENT["id"],
        "resourceLocation": "eastus",
        "resourceName": "aks-east-1",
        "resourceType": "Microsoft.ContainerService/managedclusters",
        "resourceUri": wire.CLUSTER_DOCUMENT["id"],
    }
    assert form.request(given, sight()) == {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": "yesterday",
        "sourceDataStoreType": "OperationalStore",
        "identityDetails": {"useSystemAssignedIdentity": True},
        "restoreTargetInfo": {
            "objectType": "ItemLevelRestoreTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": "eastus",
            "datasourceInfo": {**source, "objectType": "Datasource"},
            "datasourceSetInfo": {**source, "objectType": "DatasourceSet"},
            "restoreCriteria": [
                {
                    "objectType": "KubernetesClusterRestoreCriteria",
                    "conflictPolicy": "Skip",
                    "includeClusterScopeResources": True,
                    "persistentVolumeRestoreMode": "RestoreWithVolumeData",
                    "excludedNamespaces": None,
                    "excludedResourceTypes": None,
                    "includedNamespaces": ["shop"],
                    "includedResourceTypes": None,
                    "labelSelectors": None,
                    "namespaceMappings": {"shop": "s2"},
                    "resourceModifierReference": None,
                    "restoreHookReferences": [{"name": "h", "namespace": "n"}],
                }
            ],
        },
    }


def test_the_vault_tier_has_criteria_of_its_own_and_a_staging_area() -> None:
    given = params(resource_guard_operation_requests=["/subscriptions/x"])
    wanted = form.request(given, sight("VaultStore"))
    [criteria] = wanted["restoreTargetInfo"]["restoreCriteria"]
    assert criteria["objectType"] == "KubernetesClusterVaultTierRestoreCriteria"
    assert (criteria["stagingResourceGroupId"], criteria["stagingStorageAccountId"]) == (STAGING, ACCOUNT)
    assert wanted["sourceDataStoreType"] == "VaultStore"
    assert wanted["resourceGuardOperationRequests"] == ["/subscriptions/x"]


def test_the_identity_is_that_of_the_instance() -> None:
    seen = sight()
    details = {"useSystemAssignedIdentity": False, "userAssignedIdentityArmUrl": "/subscriptions/x"}
    seen.instance["properties"]["identityDetails"] = details
    assert form.request(params(), seen)["identityDetails"] == details


# What cannot work


def elsewhere(**changes: Any) -> dict[str, Any]:
    return {**wire.CLUSTER_DOCUMENT, "id": OTHER, "name": "aks-east-2", **changes}


ABROAD = wire.CLUSTER.replace(wire.SUBSCRIPTION, "00000000-0000-0000-0000-00000000ffff")


@pytest.mark.parametrize(
    ("given", "seen", "said"),
    [
        ({}, {}, None),
        ({}, {"point": POINTS[3]}, "is not in the OperationalStore, but in VaultStore. The snapshots have expired."),
        ({}, {"tier": "VaultStore", "point": POINTS[1]}, "It is copied hours after the backup"),
        ({}, {"target": elsewhere(location="westus")}, "can only write to clusters in eastus. Another region takes"),
        ({}, {"target": elsewhere(id=ABROAD)}, None),
        (
            {},
            {"target": elsewhere(id=ABROAD), "vault": {"id": wire.VAULT, "location": "eastus", "properties": {}}},
            "does not restore across subscriptions (it is Disabled)",
        ),
        ({}, {"extension": {"properties": {"provisioningState": "Failed"}}}, "is in state Failed. Repair it"),
        ({}, {"absent": ("There is nothing.",)}, "There is nothing."),
        ({}, {"tier": "VaultStore", "staging_group_id": None}, "staging_resource_group is needed"),
        ({}, {"tier": "VaultStore", "staging_account_id": None}, "staging_storage_account_id is needed"),
        (
            {},
            {"tier": "VaultStore", "staging_account": {"name": "ststaging", "location": "westus"}},
            "The staging storage account ststaging is in westus and the target cluster in eastus.",
        ),
        (
            {},
            {"tier": "VaultStore", "staging_group_id": "/subscriptions/x/resourceGroups/rg"},
            "/subscriptions/x/resourceGroups/rg is not in the subscription of the target cluster",
        ),
        (configured(namespace_mappings={"kube-system": "x"}), {}, "maps kube-system, which no backup holds"),
        (configured(namespace_mappings={"shop": "kube-public"}), {}, "which belongs to Kubernetes"),
        (configured(namespace_mappings={"cart": "x"}), {}, "does not hold the namespace cart"),
        (configured(included_namespaces=["cart"]), {}, "does not hold the namespace cart"),
        (
            configured(included_namespaces=["shop"], namespace_mappings={"cart": "x"}),
            {},
            "maps cart, which included_namespaces or excluded_namespaces leave out",
        ),
    ],
)
def test_what_cannot_work(given: dict[str, Any], seen: dict[str, Any], said: str | None) -> None:
    found = judgement.problems(params(**given), sight(**seen))
    assert (found == []) if said is None else any(said in one for one in found), found


def test_a_point_named_by_a_person_may_hold_what_the_configuration_no_longer_does() -> None:
    given = params(recovery_point="yesterday", **configured(namespace_mappings={"cart": "x"}))
    assert judgement.problems(given, sight()) == []
    assert any("does not hold the namespace cart" in one for one in judgement.warnings(given, sight()))


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (STAGING, None),
        (f"{wire.GROUPS}/rg-backup", "would delete the Backup vault"),
        (f"{wire.GROUPS}/rg-clusters", "would delete the target cluster"),
        (f"{wire.GROUPS}/rg-aks-snapshots", "would delete the snapshots"),
    ],
)
def test_what_must_not_go_with_the_staging_area(group: str, said: str | None) -> None:
    given = params(cleanup_staging=group.rsplit("/", 1)[-1])
    found = judgement.problems(given, sight("VaultStore", staging_group_id=group))
    assert (found == []) if said is None else any(said in one for one in found), found


# What meets something, and what surprises


def test_conflicts_that_can_be_seen() -> None:
    seen = sight(target=elsewhere())
    given = params(
        **configured(namespace_mappings={"cart": "drill", "shop": "drill"}, included_namespaces=["a", "drill"])
    )
    assert judgement.conflicts(given, seen) == [
        "cart, shop all go to the namespace drill: objects of one name meet there.",
        "cart goes to drill, which is restored as well: objects of one name meet there.",
        "shop goes to drill, which is restored as well: objects of one name meet there.",
    ]
    assert "in shop stays as it is (Skip)" in judgement.conflicts(params(), sight())[0]
    patched = params(**configured(conflict_policy="Patch"))
    assert "is overwritten where Kubernetes allows it (Patch)" in judgement.conflicts(patched, sight())[0]
    assert judgement.conflicts(params(), seen) == []


MAPPED = {"namespace_mappings": {"shop": "s2"}}
HOOKED = {"restore_hooks": [{"name": "h", "namespace": "n"}]}
MODIFIED = {"resource_modifier": {"name": "m", "namespace": "n"}}


@pytest.mark.parametrize(
    ("given", "seen", "said"),
    [
        (configured(), {}, "volumes that still exist keep their present data"),
        (configured(**MAPPED), {}, None),
        (configured(**MAPPED, **HOOKED), {}, None),
        (configured(), {"target": elsewhere()}, None),
        (configured(conflict_policy="Patch"), {}, "fields of objects that still exist are overwritten"),
        (configured(**HOOKED), {}, "They do not run in namespaces that are restored onto themselves."),
        (configured(**MAPPED, **MODIFIED), {}, "are those of the backup, not those of namespace_mappings: shop."),
        (configured(**MAPPED), {"point": POINTS[0]}, "The recovery point newest is partial"),
        (configured(**MAPPED), {"tier": "VaultStore"}, "Azure leaves what it lays out in rg-staging, at your cost."),
        (
            configured(**MAPPED, persistent_volume_restore_mode="RestoreWithoutVolumeData"),
            {},
            "volumes come back empty",
        ),
    ],
)
def test_what_surprises_people(given: dict[str, Any], seen: dict[str, Any], said: str | None) -> None:
    found = judgement.warnings(params(**given), sight(**seen))
    assert (found == []) if said is None else any(said in one for one in found), found


def test_the_same_wish_makes_the_same_request() -> None:
    wish = form.wish(params(**configured(included_namespaces=["shop"])))
    assert wish == form.wish(params(wait=False, permissions="skip", **configured(included_namespaces=["shop"])))
    for other in (configured(), {"before": "2026-01-01"}, {"source_datastore": "VaultStore"}):
        assert wish != form.wish(params(**other))


# Validating


def test_one_reason_that_does_not_pass_by_itself_ends_the_wait() -> None:
    arm = Answering(body(SETTLING), body(SETTLING, FINAL))
    with pytest.raises(AzureError, match=FINAL):
        restore._validate(arm, params(validate_timeout=5), sight(), {}, [])
    assert arm.asked == 2
