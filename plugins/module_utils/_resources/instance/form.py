# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances as documents: from the user's options to the wire and back. Pure. Private to the collection."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import user_facing
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given

Document = dict[str, Any]

DATASOURCE_TYPE = "Microsoft.ContainerService/managedClusters"

# Option -> key of the wire document. A list that was not given is null there: Azure then selects everything.
CONFIGURATION_LISTS = {
    "excluded_namespaces": "excludedNamespaces",
    "excluded_resource_types": "excludedResourceTypes",
    "included_namespaces": "includedNamespaces",
    "included_resource_types": "includedResourceTypes",
    "label_selectors": "labelSelectors",
    "volume_types": "includedVolumeTypes",
}

# State on the wire, lower case -> what it comes to. The service says BackupsSuspended, its REST reference
# BackupSchedulesSuspended.
PROTECTION = {
    "backupschedulessuspended": "suspended",
    "backupssuspended": "suspended",
    "configuringprotection": "changing",
    "configuringprotectionfailed": "error",
    "invalid": "error",
    "protectionconfigured": "active",
    "protectionerror": "error",
    "protectionstopped": "stopped",
    "softdeleted": "soft_deleted",
    "softdeleting": "changing",
    "updatingprotection": "changing",
}
# The state that a settled instance shows for each value of the option.
SETTLED = {"active": "ProtectionConfigured", "stopped": "ProtectionStopped", "suspended": "BackupsSuspended"}


def state_of(document: Document | None) -> str:
    """The state as the service spells it; empty when it says none."""
    return str(
        dig(document, "properties.currentProtectionState") or dig(document, "properties.protectionStatus.status") or ""
    )


def protection_of(document: Document | None) -> str | None:
    """``active``, ``suspended``, ``stopped``, ``error``, ``changing`` or ``soft_deleted``; None for a state that this
    collection does not know.
    """
    return PROTECTION.get(state_of(document).lower())


def same_protection(wanted: Any, live: Any) -> bool:
    """Whether two states on the wire come to the same. A document that says none, which Azure's never is, is one that a
    plan has written.
    """
    if live is ABSENT:
        return True
    meaning = PROTECTION.get(str(live).lower())
    return meaning is not None and meaning == PROTECTION.get(str(wanted).lower())


def hooks(value: Any) -> list[tuple[str, str]]:
    """References to hooks as a set that can be compared; none and null are the same."""
    return sorted(
        (hook.get("name", ""), hook.get("namespace", "")) for hook in (value if isinstance(value, list) else [])
    )


def parameters(configuration: Mapping[str, Any], new: bool) -> Document:
    """What to back up, as an element of ``backupDatasourceParametersList``; for an existing instance only what is
    given.
    """
    document: Document = {
        key: configuration.get(option)
        for option, key in CONFIGURATION_LISTS.items()
        if new or configuration.get(option) is not None
    }
    document.update(
        given(
            {
                "snapshotVolumes": configuration.get("snapshot_volumes"),
                "includeClusterScopeResources": configuration.get("include_cluster_scope_resources"),
                "backupHookReferences": configuration.get("backup_hooks"),
            }
        )
    )
    if new:
        # Azure demands both, and its own tools say true.
        document.setdefault("snapshotVolumes", True)
        document.setdefault("includeClusterScopeResources", True)
    return {"objectType": "KubernetesClusterBackupDatasourceParameters", **document}


def datasource(cluster_id: str, location: str | None) -> Document:
    """``dataSourceInfo`` and ``dataSourceSetInfo``. Without the set, equal to the source, an instance is created and
    then ends in ProtectionError.
    """
    source = {
        "datasourceType": DATASOURCE_TYPE,
        "resourceID": cluster_id,
        "resourceLocation": _ids.region(location),
        "resourceName": _ids.name(cluster_id),
        "resourceType": "Microsoft.ContainerService/managedclusters",
        "resourceUri": cluster_id,
    }
    return {
        "dataSourceInfo": {**source, "objectType": "Datasource"},
        "dataSourceSetInfo": {**source, "objectType": "DatasourceSet"},
    }


def identity(option: Mapping[str, Any] | None) -> Document | None:
    """``identityDetails`` for the option of that name; None when it was not given."""
    if option is None:
        return None
    return {
        "useSystemAssignedIdentity": option["type"] == "SystemAssigned",
        "userAssignedIdentityArmUrl": option.get("user_assigned_identity_id"),
    }


def represent(document: Document) -> Document:
    """The instance in the user's vocabulary, live or soft-deleted."""
    info = dig(document, "properties.policyInfo", {})
    chosen = (dig(info, "policyParameters.backupDatasourceParametersList") or [{}])[0]
    stores = (dig(info, "policyParameters.dataStoreParametersList") or [{}])[0]
    configuration: Document = {option: chosen.get(key) for option, key in CONFIGURATION_LISTS.items()}
    configuration.update(
        backup_hooks=chosen.get("backupHookReferences"),
        include_cluster_scope_resources=chosen.get("includeClusterScopeResources"),
        snapshot_volumes=chosen.get("snapshotVolumes"),
    )
    system = dig(document, "properties.identityDetails.useSystemAssignedIdentity", True)
    protection = protection_of(document)
    return {
        "backup_configuration": configuration,
        "cluster_id": dig(document, "properties.dataSourceInfo.resourceID"),
        "friendly_name": dig(document, "properties.friendlyName"),
        "id": document.get("id"),
        "identity": {
            "type": "SystemAssigned" if system else "UserAssigned",
            "user_assigned_identity_id": dig(document, "properties.identityDetails.userAssignedIdentityArmUrl"),
        },
        "name": document.get("name"),
        "policy_id": info.get("policyId"),
        "policy_name": _ids.name(info["policyId"]) if info.get("policyId") else None,
        "protection": protection,
        "protection_error": _error(document) if protection == "error" else None,
        "protection_state": dig(document, "properties.currentProtectionState"),
        "purge_time": (
            dig(document, "properties.deletionInfo.scheduledPurgeTime") if protection == "soft_deleted" else None
        ),
        "snapshot_resource_group_id": stores.get("resourceGroupId"),
        "soft_deleted": protection == "soft_deleted",
        "tags": document.get("tags") or {},
        "vault_id": vault_of(document),
    }


def error_details(document: Document) -> Document:
    """The UserFacingError that a failed protection carries, in one of two places; empty when there is none."""
    found: Document = (
        dig(document, "properties.protectionErrorDetails")
        or dig(document, "properties.protectionStatus.errorDetails")
        or {}
    )
    return found


def _error(document: Document) -> Document:
    details = error_details(document)
    return {**user_facing(details), "is_retryable": bool(details.get("isRetryable"))}


def vault_of(document: Document) -> str | None:
    """The vault of an instance. Asked through the cluster, an instance's own ID lies below the cluster; its policy's
    tells the vault.
    """
    policy = dig(document, "properties.policyInfo.policyId")
    return str(policy).rstrip("/").rsplit("/", 2)[0] if policy else None


def derived_name(cluster: str, friendly_name: str | None) -> str:
    """``<cluster>-<cluster>-<guid>`` as the portal names them, the GUID following from cluster and friendly name."""
    name = _ids.name(cluster)
    return f"{name}-{name}-{_ids.stable_uuid(cluster, friendly_name or '')}"


def friendly(name: str | None, cluster: str) -> str:
    """A friendly name for comparing: where people say ``nightly``, the portal writes ``aks\\nightly`` and the CLI
    ``aks/nightly``.
    """
    return (name or "").replace("\\", "/").lower().removeprefix(_ids.name(cluster).lower() + "/")


def next_backup(policy: Document, now: datetime.datetime) -> str | None:
    """When the schedule of a policy (its document) fires next, in UTC; None without one. An estimate: Azure starts a
    backup some time after that, and counts from the start of the schedule whatever clocks are set to in summer.
    """
    times = [
        _following(interval, now)
        for rule in dig(policy, "properties.policyRules", [])
        for interval in dig(rule, "trigger.schedule.repeatingTimeIntervals", [])
    ]
    return min(times).strftime("%Y-%m-%dT%H:%M:%SZ") if times else None


def _following(interval: str, now: datetime.datetime) -> datetime.datetime:
    """The first time after ``now`` of a repeating interval such as ``R/2026-01-04T02:30:00+00:00/P1D``."""
    import isodate

    _repeat, beginning, text = interval.split("/")
    start, period = isodate.parse_datetime(beginning), isodate.parse_duration(text)
    if start.tzinfo is None:
        start = start.replace(tzinfo=datetime.timezone.utc)
    passed: int = max(0, math.floor((now - start) / period) + 1)
    following: datetime.datetime = start + passed * period
    return following.astimezone(datetime.timezone.utc)
