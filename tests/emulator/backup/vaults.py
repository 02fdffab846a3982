# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup vaults: names, settings, one-way switches, scores and the shape per api-version.

A vault here is the properties object of ARM. Sources: create-manage-backup-vault,
backup-azure-enhanced-soft-delete-about
and backup-azure-immutable-vault-concept at https://learn.microsoft.com/azure/backup, and ARM wire behaviour.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from ..ids import same
from ..regions import paired
from . import versions
from .errors import Refused, invalid

NAME = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,48}[A-Za-z0-9]")
REDUNDANCIES = ("LocallyRedundant", "ZoneRedundant", "GeoRedundant")
DAYS = (14, 180)
IMMUTABILITY = ("Disabled", "Unlocked", "Locked")
ALWAYS_ON_MESSAGE = ("This API version requires backup vaults to have the soft delete setting configured to Enable "
                     "Always-On Soft Delete.")
# What a client may set; everything else in the properties is the service's.
SETTABLE = ("storageSettings", "securitySettings", "featureSettings", "monitoringSettings", "costManagementSettings")
PATCHABLE = SETTABLE[1:]
NEWER = {"crossRegionBackupSettings": versions.CROSS_REGION_BACKUP, "regionOfChoiceSettings": versions.REGION_OF_CHOICE}


def redundancy(properties: dict[str, Any]) -> str:
    """LocallyRedundant, ZoneRedundant or GeoRedundant."""
    return properties["storageSettings"][0]["type"]


def soft_delete(properties: dict[str, Any]) -> tuple[str, float]:
    """(state, days) of soft delete."""
    settings = (properties.get("securitySettings") or {}).get("softDeleteSettings") or {}
    return settings.get("state", "On"), float(settings.get("retentionDurationInDays", DAYS[0]))


def immutability(properties: dict[str, Any]) -> str:
    """Disabled, Unlocked or Locked; never set is Disabled."""
    return ((properties.get("securitySettings") or {}).get("immutabilitySettings") or {}).get("state", "Disabled")


def cross_region_restore(properties: dict[str, Any]) -> bool:
    """True if cross region restore is enabled."""
    settings = (properties.get("featureSettings") or {}).get("crossRegionRestoreSettings") or {}
    return settings.get("state") == "Enabled"


def cross_subscription_restore(properties: dict[str, Any]) -> str:
    """Disabled, PermanentlyDisabled or Enabled; never set is Disabled."""
    settings = (properties.get("featureSettings") or {}).get("crossSubscriptionRestoreSettings") or {}
    return settings.get("state", "Disabled")


def check_name(name: str) -> None:
    """Refused unless it is 2 to 50 letters, digits and hyphens, begins with a letter and does not end with a hyphen."""
    if NAME.fullmatch(name) is None:
        raise invalid(f"the vault name '{name}' must have 2 to 50 letters, digits or hyphens and start with a letter")


def requested(body: dict[str, Any], before: dict[str, Any] | None, api_version: str) -> dict[str, Any]:
    """The settings that a PUT asks for. PUT replaces: what is not sent is gone, but for what cannot be undone."""
    sent = body.get("properties") or {}
    result = {key: copy.deepcopy(sent[key]) for key in SETTABLE if sent.get(key) is not None}
    security = result.setdefault("securitySettings", {})
    if not security.get("softDeleteSettings"):
        state = "AlwaysOn" if versions.since(api_version, versions.ALWAYS_ON_REQUIRED) else "On"
        if before and soft_delete(before)[0] == "AlwaysOn":
            security["softDeleteSettings"] = before["securitySettings"]["softDeleteSettings"]
        else:
            security["softDeleteSettings"] = {"state": state, "retentionDurationInDays": float(DAYS[0])}
    if before:
        if immutability(before) == "Locked" and not security.get("immutabilitySettings"):
            security["immutabilitySettings"] = {"state": "Locked"}
        if cross_region_restore(before) and not (result.get("featureSettings") or {}).get("crossRegionRestoreSettings"):
            result.setdefault("featureSettings", {})["crossRegionRestoreSettings"] = {"state": "Enabled"}
        if encryption := (before.get("securitySettings") or {}).get("encryptionSettings"):
            security.setdefault("encryptionSettings", encryption)
    return normalised(result)


def patched(body: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The settings after a PATCH: each block of the settings that is sent replaces that block."""
    sent = body.get("properties") or {}
    result = {key: copy.deepcopy(before[key]) for key in SETTABLE if key in before}
    for key in PATCHABLE:
        for block, value in (sent.get(key) or {}).items():
            if value is not None:
                result.setdefault(key, {})[block] = copy.deepcopy(value)
    return normalised(result)


def normalised(settings: dict[str, Any]) -> dict[str, Any]:
    """Retention is a float on the wire, and a soft delete block without days has the default ones."""
    block = (settings.get("securitySettings") or {}).get("softDeleteSettings")
    if block is not None and isinstance(block.get("retentionDurationInDays"), int):
        block["retentionDurationInDays"] = float(block["retentionDurationInDays"])
    return settings


def check(after: dict[str, Any], before: dict[str, Any] | None, api_version: str, protects: bool) -> None:
    """Refused unless the vault may become what is asked for; before: None for a new one; protects: it has instances."""
    storage = after.get("storageSettings") or []
    if len(storage) != 1 or storage[0].get("type") not in REDUNDANCIES:
        raise invalid("exactly one element of storageSettings with a redundancy is expected")
    if storage[0].get("datastoreType") != "VaultStore":
        raise invalid(f"the data store {storage[0].get('datastoreType')} of storageSettings is not supported")
    block = after["securitySettings"]["softDeleteSettings"]
    state, days = block.get("state"), block.get("retentionDurationInDays")
    if state not in ("Off", "On", "AlwaysOn"):
        raise invalid("softDeleteSettings needs a state of Off, On or AlwaysOn")
    if state != "Off" and (not isinstance(days, float) or not DAYS[0] <= days <= DAYS[1]):
        raise invalid(f"retentionDurationInDays of softDeleteSettings must be from {DAYS[0]} to {DAYS[1]}")
    if immutability(after) not in IMMUTABILITY:
        raise invalid(f"unknown state of immutability {immutability(after)}")
    if before is not None:
        _check_switches(after, before, protects)
    if cross_region_restore(after) and redundancy(after) != "GeoRedundant":
        raise invalid("cross region restore needs a vault with GeoRedundant storage")
    if state != "AlwaysOn" and versions.since(api_version, versions.ALWAYS_ON_REQUIRED):
        raise Refused("BMSUserErrorInvalidInput", message=ALWAYS_ON_MESSAGE)


def _check_switches(after: dict[str, Any], before: dict[str, Any], protects: bool) -> None:
    """The settings that only go one way."""
    (old_state, old_days), (state, days) = soft_delete(before), soft_delete(after)
    if old_state == "AlwaysOn" and state != "AlwaysOn":
        raise Refused("UserErrorDisableSoftDeleteNotAllowed")
    if old_state == "AlwaysOn" and days < old_days:
        raise invalid("the retention of soft delete cannot be decreased while its state is AlwaysOn")
    if immutability(before) == "Locked" and immutability(after) != "Locked":
        raise Refused("UserErrorUnsupportedVaultImmutabilityStateChange", before=immutability(before),
                      after=immutability(after))
    if cross_region_restore(before) and not cross_region_restore(after):
        raise Refused("UserErrorCrossRegionRestoreStateChangeNotAllowed")
    if cross_subscription_restore(before) == "PermanentlyDisabled" != cross_subscription_restore(after):
        raise invalid("cross subscription restore is disabled permanently")
    if redundancy(after) != redundancy(before) and protects:
        raise invalid("the redundancy of the vault cannot be changed once it protects items")
    old, new = (((each.get("securitySettings") or {}).get("encryptionSettings") or {}) for each in (before, after))
    if old.get("state") == "Enabled" and new.get("state") != "Enabled":
        raise invalid("encryption with a customer-managed key cannot be disabled")
    if old.get("infrastructureEncryption", "Disabled") != new.get("infrastructureEncryption", "Disabled"):
        raise invalid("infrastructure encryption can only be chosen when the vault is created")


def check_key(settings: dict[str, Any], identity: dict[str, Any] | None, exists: bool) -> None:
    """Refused unless the vault's identity can read the key. exists: a new vault has no access to anything yet."""
    block = (settings.get("securitySettings") or {}).get("encryptionSettings") or {}
    if block.get("state") != "Enabled":
        return
    uri = (block.get("keyVaultProperties") or {}).get("keyUri") or ""
    if not re.fullmatch(r"https://[^/]+/keys/[^/]+(/[^/]*)?", uri):
        raise invalid(f"the keyUri '{uri}' of encryptionSettings is not the URI of a key")
    reader, kinds = block.get("kekIdentity") or {}, identity_types(identity)
    if reader.get("identityType") not in kinds:
        raise invalid("the kekIdentity of encryptionSettings is not an identity of the vault")
    if reader["identityType"] == "SystemAssigned":
        if not exists or reader.get("identityId"):
            raise invalid("the system-assigned identity of a new vault has no access to the key of encryptionSettings"
                          if not exists else "a system-assigned kekIdentity has no identityId")
    elif not any(same(id, reader.get("identityId")) for id in (identity or {})["userAssignedIdentities"]):
        raise invalid("the kekIdentity of encryptionSettings is not an identity of the vault")


def scores(properties: dict[str, Any]) -> tuple[str, str]:
    """(secureScore, bcdrSecurityLevel), derived from soft delete, immutability and the key."""
    state = soft_delete(properties)[0]
    encrypted = bool((properties.get("securitySettings") or {}).get("encryptionSettings"))
    if state == "Off" or (encrypted and state == "On"):
        return "None", "Poor"
    if state == "AlwaysOn" or immutability(properties) == "Locked":
        return "Adequate", "Good"
    return "Minimum", "Fair"


def shown(properties: dict[str, Any], location: str, state: str, guarded: bool) -> dict[str, Any]:
    """The document's properties in the newest api-version; properties are the settings."""
    secure, level = scores(properties)
    pair = paired(location) if redundancy(properties) == "GeoRedundant" else ""
    result = {"provisioningState": state, "storageSettings": properties["storageSettings"],
              "isVaultProtectedByResourceGuard": guarded}
    result |= {key: properties[key] for key in PATCHABLE if properties.get(key)}
    if soft_delete(properties)[0] == "Off":
        security = properties["securitySettings"]
        block = {**security["softDeleteSettings"], "retentionDurationInDays": 0.0}
        result["securitySettings"] = {**security, "softDeleteSettings": block}
    return result | {"secureScore": secure, "bcdrSecurityLevel": level, "replicatedRegions": [pair] if pair else [],
                     "crossRegionBackupSettings": "NotApplicable",
                     "regionOfChoiceSettings": {"status": "NotApplicable"}}


def for_version(properties: dict[str, Any], api_version: str) -> dict[str, Any]:
    """The properties as an answer of this api-version has them."""
    newer = {name for name, first in NEWER.items() if not versions.since(api_version, first)}
    return {key: value for key, value in properties.items() if key not in newer}


def identity_types(identity: dict[str, Any] | None) -> set[str]:
    """{"SystemAssigned", "UserAssigned"} or a part of it; Refused for anything else."""
    kinds = {each.strip() for each in str((identity or {}).get("type") or "None").split(",")}
    if not kinds <= {"SystemAssigned", "UserAssigned", "None"} or ("None" in kinds and len(kinds) > 1):
        raise invalid(f"unknown identity type {(identity or {}).get('type')}")
    if "UserAssigned" in kinds and not (identity or {}).get("userAssignedIdentities"):
        raise invalid("an identity of the type UserAssigned needs userAssignedIdentities")
    if "UserAssigned" not in kinds and (identity or {}).get("userAssignedIdentities"):
        raise invalid("an identity without the type UserAssigned has no userAssignedIdentities")
    return kinds - {"None"}
