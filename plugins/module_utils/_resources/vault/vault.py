# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup vaults: options to documents and back. Private to the collection.

What is refused is in ``vault.refusals``, Resource Guards in ``vault.guard``, deleting and undeleting in
``vault.removal`` and ``vault.work``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, Difference, Exactly, dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params, Resource
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given, wanted_tags
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import guard as vault_guard
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import refusals as vault_refusals
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import removal as vault_removal
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.refusals import (
    ENCRYPTION,
    SOFT_DELETE,
    identity_types,
)

# Days for which a new vault keeps deleted backup instances; they are free of charge.
FREE_DAYS = 14.0


class Vault(Resource):
    """``requests`` are the approvals of a Resource Guard that a write carries, see ``vault.guard``."""

    noun = "Backup vault"
    immutable = {
        "location": "a vault cannot move; create one with another name.",
        "properties.storageSettings": "redundancy and data store of a vault are fixed when it is created; create "
        "another vault for another redundancy.",
        f"{ENCRYPTION}.infrastructureEncryption": "infrastructure encryption is chosen when a vault is created; "
        "create another vault for it.",
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
        "identity.userAssignedIdentities": lambda wanted, live: _compare.unordered(
            list(wanted or {}), [] if live is ABSENT else list(live or {})
        ),
        "properties.storageSettings[].datastoreType": _compare.caseless,
        "properties.storageSettings[].type": _compare.caseless,
        "properties.securitySettings.softDeleteSettings.state": _compare.caseless,
        "properties.securitySettings.immutabilitySettings.state": _compare.absent_is("Disabled"),
        f"{ENCRYPTION}.state": _compare.caseless,
        f"{ENCRYPTION}.keyVaultProperties.keyUri": _compare.caseless,
        f"{ENCRYPTION}.kekIdentity": lambda wanted, live: _key_identity(wanted) == _key_identity(live),
        f"{ENCRYPTION}.infrastructureEncryption": _compare.absent_is("Disabled"),
        "properties.featureSettings.crossRegionRestoreSettings.state": _compare.absent_is("Disabled"),
        "properties.featureSettings.crossSubscriptionRestoreSettings.state": _compare.absent_is("Disabled"),
        "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures": _compare.caseless,
    }

    def __init__(self, requests: Iterable[str] = ()) -> None:
        self.requests = list(requests)

    def id(self, params: Params) -> str:
        return _ids.vault(params["subscription_id"], params["resource_group"], params["name"])

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        """The mapping to a Resource Guard, where there is one and the options may need its approval."""
        touched = any(params.get(option) is not None for option in ("soft_delete", "immutability", "resource_guard_id"))
        if not touched or not dig(live, "properties.isVaultProtectedByResourceGuard"):
            return {}
        return {"guard": arm.get(vault_guard.mapping_id(self.id(params)))}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        desired = self.desired(params, facts, live)
        return [
            *vault_refusals.problems(params, desired, live),
            *vault_guard.problems(params, desired, live, facts.get("guard")),
        ]

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        soft_delete = params.get("soft_delete") or {}
        document: Document = _pruned(
            {
                "location": _ids.region(params["location"]) if params.get("location") else None,
                "tags": wanted_tags(params),
                "properties": {
                    "storageSettings": _wanted_storage(params, live),
                    "securitySettings": {
                        "softDeleteSettings": {
                            "state": soft_delete.get("state"),
                            "retentionDurationInDays": soft_delete.get("retention_days"),
                        },
                        "immutabilitySettings": {"state": params.get("immutability")},
                        "encryptionSettings": _wanted_encryption(params, live),
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
        )
        if identity := wanted_identity(params, live):
            document["identity"] = identity
        if live is None:
            _add_defaults(document)
        elif soft_delete.get("state") in ("On", "AlwaysOn") and not dig(live, f"{SOFT_DELETE}.retentionDurationInDays"):
            # A vault whose soft delete is off can show 0 days, which a vault with soft delete cannot have.
            document["properties"]["securitySettings"]["softDeleteSettings"].setdefault(
                "retentionDurationInDays", FREE_DAYS
            )
        return document

    def create(self, arm: Arm, id_: str, body: Document) -> None:
        # The service takes the block of soft delete only as a whole, and may show other days where it is off.
        whole = _compare.plain(body)
        whole["properties"]["securitySettings"]["softDeleteSettings"].setdefault("retentionDurationInDays", FREE_DAYS)
        arm.put(id_, whole)

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        body = _compare.apply(_compare.without(live, self.read_only), changes)
        if identity := body.get("identity"):
            kept: Document = {key: {} for key in identity.get("userAssignedIdentities") or {}}
            body["identity"] = given({"type": identity.get("type"), "userAssignedIdentities": kept or None})
        if dig(live, "properties.isVaultProtectedByResourceGuard") and self.requests:
            body["properties"]["resourceGuardOperationRequests"] = self.requests
        arm.put(id_, body)

    def represent(self, document: Document) -> Document:
        identity = document.get("identity") or {}
        storage = (dig(document, "properties.storageSettings") or [{}])[0]
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
            "datastore_type": storage.get("datastoreType"),
            "encryption": _represent_encryption(dig(document, ENCRYPTION)),
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
            "redundancy": storage.get("type"),
            "replicated_regions": dig(document, "properties.replicatedRegions"),
            "secure_score": dig(document, "properties.secureScore"),
            "security_level": dig(document, "properties.bcdrSecurityLevel"),
            "soft_delete": {
                "retention_days": dig(document, f"{SOFT_DELETE}.retentionDurationInDays"),
                "state": dig(document, f"{SOFT_DELETE}.state"),
            },
            "tags": document.get("tags") or {},
        }

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        if params.get("identity") is None or "systemassigned" in identity_types(dig(document, "identity.type")):
            return []
        return [
            f"The Backup vault {params['name']} has no system-assigned identity. Trusted Access lets a vault into a "
            "cluster by that identity alone, so this vault cannot protect AKS clusters."
        ]

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        return vault_removal.problems(arm, params, live)

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        vault_removal.delete(arm, id_, live, params)


def wanted_identity(params: Params, live: Document | None) -> Document:
    """The identity block that the options ask for, with all user-assigned identities that the vault has in the end.

    Null stands for what has to go with a kind of identity.
    """
    wanted = params.get("identity") or {}
    ids = wanted.get("user_assigned_identities")
    kinds = wanted.get("type")
    if kinds is None and ids:
        kept_kinds = identity_types(dig(live, "identity.type")) if live else {"systemassigned"}
        kinds = "SystemAssigned,UserAssigned" if "systemassigned" in kept_kinds else "UserAssigned"
    if kinds is None:
        return {}
    document: Document = {"type": kinds}
    known = {id_.lower(): id_ for id_ in dig(live, "identity.userAssignedIdentities", {})}
    if "UserAssigned" not in kinds:
        document["userAssignedIdentities"] = None
    elif ids is not None:
        kept = known.values() if wanted.get("append", True) else ()
        named = (known.get(id_.strip().lower(), id_.strip()) for id_ in ids)
        document["userAssignedIdentities"] = {id_: {} for id_ in (*kept, *named)}
    if "SystemAssigned" not in kinds:
        document["principalId"] = document["tenantId"] = None
    return {key: value for key, value in document.items() if live is not None or value is not None}


def _wanted_storage(params: Params, live: Document | None) -> list[Document] | None:
    entry = given({"datastoreType": params.get("datastore_type"), "type": params.get("redundancy")})
    if live is None:
        return [{"datastoreType": "VaultStore", "type": "LocallyRedundant", **entry}]
    return [entry] if entry else None


def _wanted_encryption(params: Params, live: Document | None) -> Document | None:
    """The block of a customer-managed key; which identity reads the key follows from what is given and what is."""
    wanted = given(params.get("encryption") or {})
    if not wanted:
        return None
    now = dig(live, ENCRYPTION, {})
    kind = wanted.get("identity_type") or ("UserAssigned" if wanted.get("identity_id") else None)
    kind = kind or dig(now, "kekIdentity.identityType", "SystemAssigned")
    id_ = wanted.get("identity_id") or dig(now, "kekIdentity.identityId")
    doubly = _switch(wanted.get("infrastructure_encryption")) or (None if now else "Disabled")
    return {
        "state": "Enabled",
        "keyVaultProperties": {"keyUri": wanted.get("key_uri")},
        "kekIdentity": {"identityType": kind, "identityId": id_ if kind == "UserAssigned" else None},
        "infrastructureEncryption": doubly,
    }


def _represent_encryption(settings: Mapping[str, Any] | None) -> Document | None:
    if not settings:
        return None
    return {
        "identity_id": dig(settings, "kekIdentity.identityId"),
        "identity_type": dig(settings, "kekIdentity.identityType"),
        "infrastructure_encryption": bool(_enabled(settings.get("infrastructureEncryption"))),
        "key_uri": dig(settings, "keyVaultProperties.keyUri"),
        "state": settings.get("state"),
    }


def _key_identity(block: Any) -> tuple[str, str]:
    block = {} if block in (None, ABSENT) else block
    return str(block.get("identityType") or "").lower(), str(block.get("identityId") or "").strip("/").lower()


def _switch(value: bool | None) -> str | None:
    return None if value is None else "Enabled" if value else "Disabled"


def _enabled(value: str | None) -> bool | None:
    return None if value is None else value.lower() == "enabled"


def _pruned(value: Any) -> Any:
    """Mappings without what was not asked for. Tags stay as they are: no tags at all is a wish as well."""
    if isinstance(value, Exactly) or not isinstance(value, dict):
        return value
    kept = {key: item if key == "tags" else _pruned(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item is not None and (item != {} or key == "tags")}


def _add_defaults(document: Document) -> None:
    """What a new vault gets where the user has no wish. An existing vault keeps what it has.

    Soft delete is On with 14 days, as in the portal; the service refuses to guess, and AlwaysOn is the user's choice.
    """
    document.setdefault("identity", {}).setdefault("type", "SystemAssigned")
    security = document.setdefault("properties", {}).setdefault("securitySettings", {})
    soft_delete = security.setdefault("softDeleteSettings", {})
    if soft_delete.setdefault("state", "On") != "Off":
        soft_delete.setdefault("retentionDurationInDays", FREE_DAYS)
