# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances of AKS clusters: what a PUT must hold, what is kept of it, and how it is shown per api-version.

Shapes are ARM wire behaviour: lists of the Kubernetes parameters that were never set are null, not absent; resourceId
is understood and resourceID is shown; top level properties without a value are omitted.
"""

from __future__ import annotations

import copy
from typing import Any

from ..errors import not_modelled
from ..ids import identifier, same
from . import versions
from .errors import Refused, invalid
from .policies import AKS, OPERATIONAL

CONFIGURING, CONFIGURED, UPDATING = "ConfiguringProtection", "ProtectionConfigured", "UpdatingProtection"
ERROR, STOPPED, SUSPENDED = "ProtectionError", "ProtectionStopped", "BackupsSuspended"
FAILED = "ConfiguringProtectionFailed"
SOFT_DELETING, SOFT_DELETED = "SoftDeleting", "SoftDeleted"
DATASOURCE = ("resourceID", "resourceUri", "datasourceType", "resourceName", "resourceType", "resourceLocation",
              "objectType")
STORE = ("dataStoreType", "objectType", "resourceGroupId")
GROUPS = "Microsoft.Resources/resourceGroups"
PARAMETERS = "KubernetesClusterBackupDatasourceParameters"
SHOWN = ("provisioningState", "currentProtectionState", "protectionStatus", "protectionErrorDetails")
LISTS = ("includedNamespaces", "excludedNamespaces", "includedResourceTypes", "excludedResourceTypes", "labelSelectors",
         "backupHookReferences")
VOLUMES = "includedVolumeTypes"
VOLUME_TYPES = ("AzureDisk", "AzureFileShareSMB")
# Where a POST may start and what the instance is afterwards.
TRANSITIONS = {
    "stopProtection": ((CONFIGURED,), STOPPED),
    "suspendBackups": ((CONFIGURED,), SUSPENDED),
    "resumeProtection": ((STOPPED, SUSPENDED), CONFIGURED),
    "resumeBackups": ((SUSPENDED,), CONFIGURED),
}


def datasource(source: dict[str, Any] | None) -> dict[str, Any] | None:
    """A Datasource or DatasourceSet with resourceID, in the order of the service."""
    if source is None:
        return None
    named = {("resourceID" if key.lower() == "resourceid" else key): value for key, value in source.items()}
    return {key: named[key] for key in DATASOURCE if named.get(key) is not None}


def without_shown(properties: Any) -> Any:
    """What a client read and sends back, without what only the service sets and what no model of a request has."""
    if not isinstance(properties, dict):
        return properties
    result = {key: value for key, value in properties.items() if key not in SHOWN}
    for name in ("dataSourceInfo", "dataSourceSetInfo"):
        if isinstance(result.get(name), dict) and result[name].get("resourceProperties") == {"objectType": None}:
            result[name] = _without(result[name], "resourceProperties")
    if isinstance(result.get("policyInfo"), dict):
        result["policyInfo"] = _without(result["policyInfo"], "policyVersion")
    return result


def kept(properties: dict[str, Any]) -> dict[str, Any]:
    """What the service keeps of a PUT, or of the backupInstance of a validate. Refused if it makes no sense at all."""
    if properties.get("objectType") not in (None, "BackupInstance"):
        raise invalid(f"unknown objectType {properties.get('objectType')}")
    source = datasource(properties.get("dataSourceInfo"))
    policy_id = (properties.get("policyInfo") or {}).get("policyId")
    if not source or not source.get("resourceID") or not policy_id:
        raise invalid("dataSourceInfo with resourceID and policyInfo with policyId are mandatory")
    if str(source.get("datasourceType")).lower() != AKS.lower():
        raise not_modelled(f"backup instances of {source.get('datasourceType')}")
    try:
        cluster, policy = identifier(source["resourceID"]), identifier(policy_id)
    except ValueError as error:
        raise invalid(f"'{error}' is not a resource id") from None
    if cluster.type.lower() != AKS.lower() or len(policy.types) != 2:
        raise Refused("DppPluginInvalidInputParameters",
                      detail="resourceID is not an AKS cluster or policyId is not a backup policy")
    result = {"friendlyName": properties.get("friendlyName"), "dataSourceInfo": source,
              "dataSourceSetInfo": datasource(properties.get("dataSourceSetInfo")),
              "policyInfo": {"policyId": policy_id, "policyParameters": _parameters(properties["policyInfo"])},
              "identityDetails": copy.deepcopy(properties.get("identityDetails")),
              "validationType": properties.get("validationType"), "objectType": "BackupInstance"}
    return {key: value for key, value in result.items() if value is not None}


def _parameters(policy_info: dict[str, Any]) -> dict[str, Any]:
    given = policy_info.get("policyParameters") or {}
    stores = given.get("dataStoreParametersList") or []
    if len(stores) != 1 or stores[0].get("objectType") != "AzureOperationalStoreParameters":
        raise Refused("DppPluginInvalidInputParameters",
                      detail="dataStoreParametersList needs exactly one AzureOperationalStoreParameters")
    if stores[0].get("dataStoreType") != OPERATIONAL or not stores[0].get("resourceGroupId"):
        raise Refused("DppPluginInvalidInputParameters",
                      detail="the operational store needs the resourceGroupId of the snapshot resource group")
    try:
        group = identifier(stores[0]["resourceGroupId"]).type
    except ValueError:
        group = ""
    if group != GROUPS:
        raise Refused("DppPluginInvalidInputParameters", detail="resourceGroupId is not the id of a resource group")
    result = {"dataStoreParametersList": [{key: stores[0][key] for key in STORE}]}
    parameters = given.get("backupDatasourceParametersList")
    if parameters:
        for each in parameters:
            _check_parameters(each)
        result["backupDatasourceParametersList"] = [
            {"objectType": PARAMETERS, "includeClusterScopeResources": each["includeClusterScopeResources"],
             "snapshotVolumes": each["snapshotVolumes"], **{name: each.get(name) for name in LISTS},
             **({VOLUMES: each[VOLUMES]} if each.get(VOLUMES) is not None else {})}
            for each in copy.deepcopy(parameters)]
    return result


def _check_parameters(each: dict[str, Any]) -> None:
    if each.get("objectType") != PARAMETERS:
        raise Refused("DppPluginInvalidInputParameters", detail=f"unknown parameters {each.get('objectType')}")
    for name in ("includeClusterScopeResources", "snapshotVolumes"):
        if not isinstance(each.get(name), bool):
            raise Refused("DppPluginInvalidInputParameters", detail=f"{name} is mandatory")
    if wrong := set(each.get(VOLUMES) or []) - set(VOLUME_TYPES):
        raise Refused("DppPluginInvalidInputParameters", detail=f"unknown volume type {sorted(wrong)[0]}")
    for reference in each.get("backupHookReferences") or []:
        if not reference.get("name") or not reference.get("namespace"):
            raise Refused("DppPluginInvalidInputParameters", detail="a hook reference needs name and namespace")


def flaw(properties: dict[str, Any]) -> Refused | None:
    """What a PUT accepts and protection then fails of; properties as kept() gives them."""
    source, whole = properties["dataSourceInfo"], properties.get("dataSourceSetInfo")
    if whole is None or not same(whole.get("resourceID"), source["resourceID"]):
        return Refused("ScenarioPluginInvalidWorkflowDataRequest",
                       detail="dataSourceSetInfo is not that of the datasource",
                       inner="The value of DataSourceSetInfo is null or does not belong to the datasource.")
    parameters = properties["policyInfo"]["policyParameters"].get("backupDatasourceParametersList") or []
    if len(parameters) != 1:
        return Refused("UserErrorInvalidBackupDatasourceParameters", detail="exactly one element is expected")
    return None


def cluster_of(properties: dict[str, Any]) -> str:
    """The ARM id of the protected cluster."""
    return properties["dataSourceInfo"]["resourceID"]


def snapshot_group(properties: dict[str, Any]) -> str:
    """The ARM id of the snapshot resource group."""
    return properties["policyInfo"]["policyParameters"]["dataStoreParametersList"][0]["resourceGroupId"]


def check_update(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refused if a PUT on an existing instance changes what cannot be changed."""
    if not same(cluster_of(before), cluster_of(after)):
        raise Refused("DppPluginInvalidInputParameters", detail="the datasource of a backup instance cannot be changed")
    if not same(snapshot_group(before), snapshot_group(after)):
        raise Refused("DppPluginInvalidInputParameters",
                      detail="the snapshot resource group of a backup instance cannot be changed")


def shown(properties: dict[str, Any], state: str, provisioning: str, error: dict[str, Any] | None = None) -> dict[str,
                                                                                                                  Any]:
    """The document's properties in the newest api-version; properties as kept() gives them."""
    policy_info = {**properties["policyInfo"], "policyVersion": ""}
    parameters = policy_info["policyParameters"].get("backupDatasourceParametersList") or []
    if parameters:
        full = [{**each, VOLUMES: each.get(VOLUMES)} for each in parameters]
        policy_info["policyParameters"] = {**policy_info["policyParameters"], "backupDatasourceParametersList": full}
    result = {"friendlyName": properties.get("friendlyName"),
              "dataSourceInfo": {**properties["dataSourceInfo"], "resourceProperties": {"objectType": None}},
              "dataSourceSetInfo": properties.get("dataSourceSetInfo"), "policyInfo": policy_info,
              **protection(state, error), "provisioningState": provisioning,
              "validationType": properties.get("validationType"), "identityDetails": properties.get("identityDetails"),
              "objectType": "BackupInstance"}
    return {key: value for key, value in result.items() if value is not None}


def protection(state: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
    """The properties that tell the state of protection, None for one that is to be absent; error: a UserFacingError."""
    status = {"status": state, **({"errorDetails": error} if error else {})}
    return {"protectionStatus": status, "currentProtectionState": state, "protectionErrorDetails": error}


def for_version(properties: dict[str, Any], api_version: str) -> dict[str, Any]:
    """The properties as an answer of this api-version has them."""
    result = dict(properties)
    if not versions.since(api_version, versions.POLICY_VERSION):
        for key, name in (("policyInfo", "policyVersion"), ("dataSourceInfo", "resourceProperties")):
            result[key] = _without(result[key], name)
    if not versions.since(api_version, versions.VOLUME_TYPES):
        parameters = result["policyInfo"]["policyParameters"]
        listed = [_without(each, VOLUMES) for each in parameters.get("backupDatasourceParametersList") or []]
        if listed:
            parameters = {**parameters, "backupDatasourceParametersList": listed}
            result["policyInfo"] = {**result["policyInfo"], "policyParameters": parameters}
    return result


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def deleted(properties: dict[str, Any], at: str, purge: str, activity: str) -> dict[str, Any]:
    """The properties of a soft-deleted instance: at and purge are timestamps."""
    info = {"deletionTime": at, "billingEndDate": at, "scheduledPurgeTime": purge, "deleteActivityID": activity}
    result = {"deletionInfo": info, **properties, **protection(SOFT_DELETED), "provisioningState": "Succeeded",
              "objectType": "DeletedBackupInstance"}
    return {key: value for key, value in result.items() if value is not None}
