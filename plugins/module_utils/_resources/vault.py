# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup vaults. Private to the collection."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Exactly, dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params, Resource
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given, wanted_tags

# (option, dotted path, value that cannot be taken back, what it means). From Microsoft's pages on enhanced soft delete,
# immutable vaults and cross-region restore.
ONE_WAY: tuple[tuple[str, str, str, str], ...] = (
    (
        "soft_delete.state",
        "properties.securitySettings.softDeleteSettings.state",
        "AlwaysOn",
        "soft delete can never be turned off again",
    ),
    (
        "immutability",
        "properties.securitySettings.immutabilitySettings.state",
        "Locked",
        "immutability can never be turned off again",
    ),
    (
        "cross_region_restore",
        "properties.featureSettings.crossRegionRestoreSettings.state",
        "Enabled",
        "cross-region restore can never be turned off again",
    ),
    (
        "cross_subscription_restore",
        "properties.featureSettings.crossSubscriptionRestoreSettings.state",
        "PermanentlyDisabled",
        "cross-subscription restore can never be turned on again",
    ),
)


class Vault(Resource):
    noun = "Backup vault"
    immutable = {
        "location": "a vault cannot move; create one with another name.",
        "properties.storageSettings": "the redundancy of a vault is fixed when it is created; create another vault "
        "for another redundancy.",
    }
    read_only = (
        *Resource.read_only,
        "properties.bcdrSecurityLevel",
        "properties.crossRegionBackupSettings",
        "properties.isVaultProtectedByResourceGuard",
        "properties.regionOfChoiceSettings",
        "properties.replicatedRegions",
        "properties.resourceMoveDetails",
        "properties.resourceMoveState",
        "properties.secureScore",
        "identity.principalId",
        "identity.tenantId",
    )
    rules = {
        "location": _compare.region,
        "identity.type": lambda wanted, live: identity_types(wanted) == identity_types(live),
        "properties.storageSettings[].datastoreType": _compare.caseless,
        "properties.storageSettings[].type": _compare.caseless,
        "properties.securitySettings.softDeleteSettings.state": _compare.caseless,
        "properties.securitySettings.immutabilitySettings.state": _compare.absent_is("Disabled"),
        "properties.featureSettings.crossRegionRestoreSettings.state": _compare.absent_is("Disabled"),
        "properties.featureSettings.crossSubscriptionRestoreSettings.state": _compare.absent_is("Disabled"),
        "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures": _compare.caseless,
    }

    def id(self, params: Params) -> str:
        return _ids.vault(params["subscription_id"], params["resource_group"], params["name"])

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        said = []
        if live is None and not params.get("location"):
            said.append(
                f"The Backup vault {params['name']} does not exist and location is not given, so it cannot be created."
            )
        days = (params.get("soft_delete") or {}).get("retention_days")
        if days is not None and not 14 <= days <= 180:
            said.append(f"soft_delete.retention_days is {days:g}; Azure Backup takes 14 to 180 days.")
        desired = self.desired(params, facts, live)
        redundancy = dig(live or desired, "properties.storageSettings", [{}])[0].get("type")
        if params.get("cross_region_restore") and redundancy != "GeoRedundant":
            said.append(f"cross_region_restore needs a GeoRedundant vault; this one is {redundancy}.")
        return said + _one_way_problems(params, desired, live)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        identity = params.get("identity") or {}
        soft_delete = params.get("soft_delete") or {}
        document: Document = {
            "location": _ids.region(params["location"]) if params.get("location") else None,
            "tags": wanted_tags(params),
            "identity": given(
                {
                    "type": identity.get("type"),
                    "userAssignedIdentities": {id_: {} for id_ in identity.get("user_assigned_identities") or []}
                    or None,
                }
            ),
            "properties": {
                "storageSettings": [{"datastoreType": "VaultStore", "type": params["redundancy"]}]
                if params.get("redundancy")
                else None,
                "securitySettings": {
                    "softDeleteSettings": {
                        "state": soft_delete.get("state"),
                        "retentionDurationInDays": soft_delete.get("retention_days"),
                    },
                    "immutabilitySettings": {"state": params.get("immutability")},
                },
                "featureSettings": {
                    "crossRegionRestoreSettings": {"state": _switch(params.get("cross_region_restore"))},
                    "crossSubscriptionRestoreSettings": {"state": params.get("cross_subscription_restore")},
                },
                "monitoringSettings": {
                    "azureMonitorAlertSettings": {
                        "alertsForAllJobFailures": _switch(params.get("alerts_for_all_job_failures"))
                    }
                },
            },
        }
        return _pruned(document) if live else _with_defaults(_pruned(document))

    def represent(self, document: Document) -> Document:
        identity = document.get("identity") or {}
        return {
            "alerts_for_all_job_failures": _enabled(
                dig(document, "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures")
            ),
            "cross_region_restore": bool(
                _enabled(dig(document, "properties.featureSettings.crossRegionRestoreSettings.state"))
            ),
            "cross_subscription_restore": dig(
                document, "properties.featureSettings.crossSubscriptionRestoreSettings.state", "Disabled"
            ),
            "id": document.get("id"),
            "identity": {
                "principal_id": identity.get("principalId"),
                "tenant_id": identity.get("tenantId"),
                "type": identity.get("type", "None"),
                "user_assigned_identities": sorted(identity.get("userAssignedIdentities") or {}),
            },
            "immutability": dig(document, "properties.securitySettings.immutabilitySettings.state", "Disabled"),
            "is_protected_by_resource_guard": dig(document, "properties.isVaultProtectedByResourceGuard"),
            "location": document.get("location"),
            "name": document.get("name"),
            "provisioning_state": dig(document, "properties.provisioningState"),
            "redundancy": dig(document, "properties.storageSettings", [{}])[0].get("type"),
            "replicated_regions": dig(document, "properties.replicatedRegions"),
            "secure_score": dig(document, "properties.secureScore"),
            "security_level": dig(document, "properties.bcdrSecurityLevel"),
            "soft_delete": {
                "retention_days": dig(
                    document, "properties.securitySettings.softDeleteSettings.retentionDurationInDays"
                ),
                "state": dig(document, "properties.securitySettings.softDeleteSettings.state"),
            },
            "tags": document.get("tags") or {},
        }

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        instances = arm.list_all("Microsoft.DataProtection/backupVaults/backupInstances", live["id"])
        if not instances:
            return []
        names = ", ".join(sorted(item["name"] for item in instances))
        return [
            f"The Backup vault {params['name']} still protects: {names}. Remove these backup instances first "
            "(aks_backup_instance, state=absent)."
        ]

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        # Azure refuses to delete a vault that has policies. Without instances they protect nothing.
        policies = arm.list_all("Microsoft.DataProtection/backupVaults/backupPolicies", id_)
        arm.together([partial(arm.delete, f"{id_}/backupPolicies/{policy['name']}") for policy in policies])
        arm.delete(id_)


def identity_types(text: Any) -> frozenset[str]:
    """``SystemAssigned,UserAssigned`` as a set, whatever the order and the spaces."""
    return (
        frozenset(part.strip().lower() for part in (text or "None").split(","))
        if isinstance(text, str)
        else frozenset({"none"})
    )


def _switch(value: bool | None) -> str | None:
    return None if value is None else "Enabled" if value else "Disabled"


def _enabled(value: str | None) -> bool | None:
    return None if value is None else value.lower() == "enabled"


def _pruned(value: Any) -> Any:
    """Mappings without what was not asked for. Tags stay as they are: no tags at all is a wish as well."""
    if isinstance(value, Exactly) or not isinstance(value, dict):
        return value
    kept = {key: item if key in ("tags", "userAssignedIdentities") else _pruned(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item is not None and (item != {} or key == "tags")}


def _with_defaults(document: Document) -> Document:
    """What a new vault gets where the user has no wish. An existing vault keeps what it has.

    Soft delete is On with 14 days, as in the portal; the service refuses to guess, and AlwaysOn is the user's choice.
    """
    document.setdefault("identity", {}).setdefault("type", "SystemAssigned")
    properties = document.setdefault("properties", {})
    properties.setdefault("storageSettings", [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}])
    soft_delete = properties.setdefault("securitySettings", {}).setdefault("softDeleteSettings", {})
    soft_delete.setdefault("state", "On")
    soft_delete.setdefault("retentionDurationInDays", 14.0)
    return document


def _one_way_problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    said = []
    for option, path, value, meaning in ONE_WAY:
        wanted, current = dig(desired, path), dig(live, path)
        if wanted is None or str(wanted).lower() == str(current).lower():
            continue
        if str(current).lower() == value.lower():
            said.append(
                f"{option} of the Backup vault {params['name']} is {current}, and Azure does not let it become "
                f"{wanted}: {meaning}."
            )
        elif wanted == value and params.get("confirm_irreversible") != params["name"]:
            said.append(
                f"{option}={value} is irreversible: {meaning}. If that is what you want, set confirm_irreversible "
                f"to {params['name']!r}."
            )
    return said
