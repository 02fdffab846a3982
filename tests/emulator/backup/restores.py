# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore requests: what the service refuses of their shape, and what they ask for.

Sources: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-restore and ARM wire behaviour.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import not_modelled
from ..ids import identifier
from .errors import Refused, invalid
from .instances import datasource
from .policies import AKS, OPERATIONAL, VAULT

REQUEST = "AzureBackupRecoveryPointBasedRestoreRequest"
CRITERIA = {OPERATIONAL: "KubernetesClusterRestoreCriteria", VAULT: "KubernetesClusterVaultTierRestoreCriteria"}
CONFLICTS = ("Skip", "Patch")
MODES = ("RestoreWithVolumeData", "RestoreWithoutVolumeData")


class Restore(NamedTuple):
    """What a restore request asks for; staging ids are None but for the vault tier."""

    point: str
    store: str
    target: str
    location: str
    criteria: dict[str, Any]
    staging_group: str | None
    staging_account: str | None


def understood(request: dict[str, Any]) -> Restore:
    """Read a restore request; Refused with the service's code for one of a wrong shape."""
    if request.get("objectType") != REQUEST:
        raise not_modelled(f"restore requests of the type {request.get('objectType')}")
    target = request.get("restoreTargetInfo") or {}
    if target.get("objectType") != "ItemLevelRestoreTargetInfo":
        raise _wrong("restoreTargetInfo must be an ItemLevelRestoreTargetInfo")
    if target.get("recoveryOption") != "FailIfExists":
        raise _wrong("recoveryOption must be FailIfExists")
    store = request.get("sourceDataStoreType")
    if store not in CRITERIA:
        raise _wrong(f"the data store {store} cannot be restored from")
    criteria = target.get("restoreCriteria") or []
    if len(criteria) != 1 or not request.get("recoveryPointId"):
        raise _wrong("a recoveryPointId and exactly one element of restoreCriteria are expected")
    wanted = criteria[0]
    if wanted.get("objectType") != CRITERIA[store]:
        raise _wrong(f"restoreCriteria for the {store} must be {CRITERIA[store]}")
    if not isinstance(wanted.get("includeClusterScopeResources"), bool):
        raise _wrong("includeClusterScopeResources is mandatory")
    if wanted.get("conflictPolicy") not in (None, *CONFLICTS):
        raise _wrong(f"unknown conflict policy {wanted['conflictPolicy']}")
    if wanted.get("persistentVolumeRestoreMode") not in (None, *MODES):
        raise _wrong(f"unknown persistentVolumeRestoreMode {wanted['persistentVolumeRestoreMode']}")
    modifier = wanted.get("resourceModifierReference")
    for reference in [*(wanted.get("restoreHookReferences") or []), *([modifier] if modifier else [])]:
        if not reference.get("name") or not reference.get("namespace"):
            raise _wrong("references need a name and a namespace")
    staging = _staging(wanted) if store == VAULT else (None, None)
    return Restore(request["recoveryPointId"], store, _target(target), target.get("restoreLocation") or "", wanted,
                   *staging)


def _staging(criteria: dict[str, Any]) -> tuple[str, str]:
    group, account = (criteria.get(name) or "" for name in ("stagingResourceGroupId", "stagingStorageAccountId"))
    try:
        if identifier(group).type.lower() == "microsoft.resources/resourcegroups" and \
                identifier(account).type.lower() == "microsoft.storage/storageaccounts":
            return group, account
    except ValueError:
        pass
    raise _wrong("a restore from the vault tier needs stagingResourceGroupId and stagingStorageAccountId")


def _target(target: dict[str, Any]) -> str:
    one, whole = datasource(target.get("datasourceInfo")), datasource(target.get("datasourceSetInfo"))
    if not one or not one.get("resourceID"):
        raise invalid("datasourceInfo of restoreTargetInfo is mandatory")
    try:
        cluster = identifier(one["resourceID"])
    except ValueError:
        raise invalid(f"'{one['resourceID']}' is not a resource id") from None
    if cluster.type.lower() != AKS.lower() or str(one.get("datasourceType")).lower() != AKS.lower():
        raise _wrong("the target of a restore must be an AKS cluster")
    if whole and whole.get("resourceID", "").lower() != one["resourceID"].lower():
        raise _wrong("datasourceSetInfo must be that of the target")
    return one["resourceID"]


def _wrong(detail: str) -> Refused:
    return Refused("DppPluginInvalidInputParameters", detail=detail)
