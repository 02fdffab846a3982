# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a Backup vault cannot become what the options ask for, and what can never be taken back. Pure. Private to the
collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused

Document = dict[str, Any]
Params = Mapping[str, Any]

SOFT_DELETE = "properties.securitySettings.softDeleteSettings"
IMMUTABILITY = "properties.securitySettings.immutabilitySettings.state"
ENCRYPTION = "properties.securitySettings.encryptionSettings"
UMI_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"

# (option, dotted path, value that cannot be taken back, what it means). From Microsoft's pages on enhanced soft delete,
# immutable vaults, cross-region restore and customer-managed keys.
ONE_WAY: tuple[tuple[str, str, str, str], ...] = (
    ("soft_delete.state", f"{SOFT_DELETE}.state", "AlwaysOn", "soft delete can never be turned off again"),
    ("immutability", IMMUTABILITY, "Locked", "immutability can never be turned off again"),
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
    ("encryption", f"{ENCRYPTION}.state", "Enabled", "a vault with a key of yours never goes back to Microsoft's keys"),
)
# A key in a key vault or a managed HSM, with or without the version.
KEY_URI = re.compile(r"https://[-a-z0-9.]+(:\d+)?/keys/[-A-Za-z0-9]{1,127}(/[0-9A-Za-z]*)?/?", re.IGNORECASE)


def problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    """Sentences on all that is wrong with the options, for the vault as it is; ``live`` is None for a new one."""
    said = []
    if live is None and not params.get("location"):
        said.append(
            f"The Backup vault {params['name']} does not exist and location is not given, so it cannot be created."
        )
    said += _soft_delete_problems(params, live)
    storage = (dig(live or desired, "properties.storageSettings") or [{}])[0]
    if params.get("cross_region_restore") and storage.get("type") != "GeoRedundant":
        said.append(f"cross_region_restore needs a GeoRedundant vault; this one is {storage.get('type')}.")
    said += _identity_problems(params, desired, live)
    said += _encryption_problems(params, desired, live)
    return said + _one_way_problems(params, desired, live)


def identity_types(text: Any) -> frozenset[str]:
    """``SystemAssigned,UserAssigned`` as a set in lower case, whatever the order and the spaces."""
    return (
        frozenset(part.strip().lower() for part in (text or "None").split(","))
        if isinstance(text, str)
        else frozenset({"none"})
    )


def _soft_delete_problems(params: Params, live: Document | None) -> list[str]:
    wanted = params.get("soft_delete") or {}
    days, current = wanted.get("retention_days"), dig(live, f"{SOFT_DELETE}.retentionDurationInDays", 0)
    state = wanted.get("state") or dig(live, f"{SOFT_DELETE}.state", "On")
    if days is None:
        return []
    if state == "Off":
        return [
            "soft_delete.retention_days is given, but with soft_delete.state=Off nothing is kept for any days. Leave "
            "one of them out."
        ]
    if not 14 <= days <= 180:
        return [f"soft_delete.retention_days is {days:g}; Azure Backup takes 14 to 180 days."]
    if dig(live, f"{SOFT_DELETE}.state") == "AlwaysOn" and days < current:
        return [
            f"soft_delete.retention_days of the Backup vault {params['name']} is {current:g} and cannot become "
            f"{days:g}: while soft delete is AlwaysOn, the days can only grow."
        ]
    return []


def _identities(desired: Document, live: Document | None) -> tuple[frozenset[str], set[str]]:
    """Kinds of identity, and the IDs of user-assigned ones in lower case, that the vault has in the end."""
    block = desired.get("identity") or {}
    kinds = identity_types(block.get("type") or dig(live, "identity.type"))
    ids = block.get("userAssignedIdentities", dig(live, "identity.userAssignedIdentities")) or {}
    return kinds, {id_.strip("/").lower() for id_ in ids} if "userassigned" in kinds else set()


def _identity_problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    wanted = params.get("identity") or {}
    listed, kind = wanted.get("user_assigned_identities"), wanted.get("type")
    said = _not_identities("identity.user_assigned_identities", listed or [])
    if listed and kind is not None and "UserAssigned" not in kind:
        said.append(
            f"identity.user_assigned_identities is given, but identity.type is {kind}. Leave identity.type out, or "
            "have UserAssigned in it."
        )
    kinds, ids = _identities(desired, live)
    if "userassigned" in kinds and not ids:
        said.append(f"identity.type is {kind}: list the identities in identity.user_assigned_identities.")
    return said


def _encryption_problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    wanted, block, current = params.get("encryption") or {}, dig(desired, ENCRYPTION), dig(live, ENCRYPTION)
    if not block:
        return []
    said = []
    uri = wanted.get("key_uri")
    if not uri and not current:
        said.append("encryption.key_uri is needed: the Backup vault has no key of yours yet.")
    elif uri and not KEY_URI.fullmatch(uri):
        said.append(
            f"encryption.key_uri is {uri!r}, which is no key: give https://<vault>.vault.azure.net/keys/<key>, and "
            "the version after it to stay with one version."
        )
    if live and not current and wanted.get("infrastructure_encryption"):
        said.append(
            "encryption.infrastructure_encryption can only be chosen when a vault is created. Create another vault for "
            "it, or leave it out."
        )
    return said + _key_identity_problems(params, desired, live)


def _key_identity_problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    wanted = params.get("encryption") or {}
    kinds, ids = _identities(desired, live)
    reader = dig(desired, f"{ENCRYPTION}.kekIdentity", {})
    if reader.get("identityType") == "SystemAssigned":
        if wanted.get("identity_id"):
            return ["encryption.identity_id is given, but encryption.identity_type is SystemAssigned. Leave one out."]
        if live is None:
            return [
                "The system-assigned identity of a new Backup vault cannot have access to a key yet. Give "
                "encryption.identity_id, a user-assigned identity that has access, or create the vault first, give its "
                "identity access, and set encryption then."
            ]
        if "systemassigned" not in kinds:
            return ["encryption.identity_type is SystemAssigned, but the Backup vault has no such identity."]
        return []
    id_ = reader.get("identityId")
    if not id_:
        return ["encryption.identity_type is UserAssigned: name the identity in encryption.identity_id."]
    if said := _not_identities("encryption.identity_id", [id_]):
        return said
    if id_.strip("/").lower() in ids:
        return []
    return [
        f"encryption.identity_id is {id_}, which is not an identity of the Backup vault {params['name']}. List it in "
        "identity.user_assigned_identities as well."
    ]


def _not_identities(option: str, ids: list[str]) -> list[str]:
    said = []
    for id_ in ids:
        try:
            _ids.expect(id_.strip(), UMI_TYPE, option)
        except Refused as exc:
            said.append(exc.message)
    return said


def _one_way_problems(params: Params, desired: Document, live: Document | None) -> list[str]:
    said = []
    for option, path, value, meaning in ONE_WAY:
        wanted, current = dig(desired, path), dig(live, path)
        # A vault that cannot reach its key has one nevertheless.
        if wanted is None or str(wanted).lower() == str(current).lower() or current == "Inconsistent":
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
