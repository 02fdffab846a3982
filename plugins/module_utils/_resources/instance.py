# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: the protection of one cluster by one policy. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import (
    SETTLING_CODES,
    AzureError,
    Refused,
    TimedOut,
    refusal,
    user_facing,
)
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Params,
    Resource,
    refuse_unknown,
    settled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources import policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_POLICY,
    MAKE_VAULT,
    cluster_id,
    cluster_problems,
    different_regions,
    given,
    group_id,
    vault_id,
)

ROUTING = "Microsoft.DataProtection/backupInstances"
SKIPPED_NAMESPACES = ("kube-node-lease", "kube-public", "kube-system")
_K8S = "properties.policyInfo.policyParameters.backupDatasourceParametersList[]"

# Option -> key of the wire document. A list that was not given is null there: Azure then selects everything.
CONFIGURATION_LISTS = {
    "excluded_namespaces": "excludedNamespaces",
    "excluded_resource_types": "excludedResourceTypes",
    "included_namespaces": "includedNamespaces",
    "included_resource_types": "includedResourceTypes",
    "label_selectors": "labelSelectors",
    "volume_types": "includedVolumeTypes",
}
# What a refused validation waits for, in words.
SETTLING = "roles and Trusted Access to take effect"
BUSY = {"configuringprotection", "updatingprotection", "softdeleting"}
BROKEN = {"protectionerror", "configuringprotectionfailed", "invalid"}


class Instance(Resource):
    noun = "backup instance"
    immutable = {
        "properties.dataSourceInfo.resourceID": "a backup instance belongs to one cluster. Use another name for "
        "another cluster.",
        "properties.policyInfo.policyParameters.dataStoreParametersList": "the snapshot resource group of a backup "
        "instance is fixed. "
        "Keep it, or remove the instance and create it again.",
    }
    read_only = (
        *Resource.read_only,
        "properties.currentProtectionState",
        "properties.protectionErrorDetails",
        "properties.protectionStatus",
        "properties.policyInfo.policyVersion",
        "properties.dataSourceInfo.resourceProperties",
    )
    rules = {
        "properties.dataSourceInfo.resourceID": _compare.caseless,
        "properties.policyInfo.policyId": _compare.caseless,
        "properties.policyInfo.policyParameters.dataStoreParametersList[].resourceGroupId": _compare.caseless,
        **{f"{_K8S}.{key}": _compare.unordered for key in CONFIGURATION_LISTS.values()},
        f"{_K8S}.backupHookReferences": lambda wanted, live: _hooks(wanted) == _hooks(live),
    }

    def id(self, params: Params) -> str:
        return _ids.instance(
            vault_id(params), params.get("name") or derived_name(cluster_id(params), params.get("friendly_name"))
        )

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        vault, cluster, named = vault_id(params), cluster_id(params), self.id(params)
        live = arm.get(named)
        if live is not None or params.get("name"):
            return named, live
        # Protected under a name that the portal, the CLI or Terraform made up: asking the cluster finds it.
        candidates = [item for item in arm.list_all(ROUTING, cluster) if _ids.same(_vault_of(item), vault)]
        wanted = params.get("friendly_name")
        if wanted:
            candidates = [item for item in candidates if _friendly(item) == wanted.replace("\\", "/").lower()]
        if len(candidates) > 1:
            names = ", ".join(sorted(item["name"] for item in candidates))
            raise Refused(
                f"The cluster is protected by several backup instances of this vault ({names}): say which one with "
                "name or friendly_name."
            )
        if not candidates:
            return named, None
        id_ = _ids.instance(vault, candidates[0]["name"])
        return id_, arm.get(id_)

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            return {}
        cluster, vault, policy = arm.together(
            [
                lambda: arm.get(cluster_id(params)),
                lambda: arm.require(vault_id(params), "Backup vault", MAKE_VAULT),
                lambda: arm.require(policy_id(params), "backup policy", MAKE_POLICY),
            ]
        )
        return {"cluster": refuse_unknown("cluster", cluster, cluster_id(params)), "vault": vault, "policy": policy}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        said = cluster_problems(facts["cluster"])
        said += different_regions(
            f"The Backup vault {facts['vault']['name']}", facts["vault"].get("location"), facts["cluster"]
        )
        if not _ids.same(_ids.parent(policy_id(params)), vault_id(params)):
            said.append(f"The backup policy {policy_id(params)} belongs to another vault than the backup instance.")
        protected = dig(live, "properties.dataSourceInfo.resourceID")
        if protected and not _ids.same(protected, cluster_id(params)):
            said.append(f"The backup instance {params.get('name')} protects another cluster, {protected}.")
        return said

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        configuration = params.get("backup_configuration") or {}
        parameters: Document = {
            key: configuration.get(option)
            for option, key in CONFIGURATION_LISTS.items()
            if live is None or configuration.get(option) is not None
        }
        parameters.update(
            given(
                {
                    "snapshotVolumes": configuration.get("snapshot_volumes"),
                    "includeClusterScopeResources": configuration.get("include_cluster_scope_resources"),
                    "backupHookReferences": configuration.get("backup_hooks"),
                }
            )
        )
        parameters["objectType"] = "KubernetesClusterBackupDatasourceParameters"
        properties: Document = {
            "policyInfo": {
                "policyId": policy_id(params),
                "policyParameters": {
                    "backupDatasourceParametersList": [parameters],
                    "dataStoreParametersList": [
                        {
                            "objectType": "AzureOperationalStoreParameters",
                            "dataStoreType": "OperationalStore",
                            "resourceGroupId": group_id(params, "snapshot_resource_group"),
                        }
                    ],
                },
            },
        }
        if live is None:
            parameters.setdefault("snapshotVolumes", True)
            parameters.setdefault("includeClusterScopeResources", True)
            source = {
                "datasourceType": policy_form.DATASOURCE_TYPE,
                "resourceID": cluster_id(params),
                "resourceLocation": _ids.region(facts["cluster"].get("location")),
                "resourceName": _ids.name(cluster_id(params)),
                "resourceType": "Microsoft.ContainerService/managedclusters",
                "resourceUri": cluster_id(params),
            }
            properties.update(
                objectType="BackupInstance",
                friendlyName=params.get("friendly_name") or f"{source['resourceName']}/fullbackup",
                # Without the set, equal to the source, the instance is created and then ends in ProtectionError.
                dataSourceInfo={**source, "objectType": "Datasource"},
                dataSourceSetInfo={**source, "objectType": "DatasourceSet"},
            )
        return {"properties": properties}

    def admit(self, arm: Arm, id_: str, body: Document, live: Document | None) -> None:
        """Have the service validate, again and again while roles, binding and storage location take effect."""
        request = {"backupInstance": _compare.without(body, self.read_only)["properties"]}
        target, verb = (_ids.parent(id_), "validateForBackup") if live is None else (id_, "validateForModifyBackup")
        refused: AzureError | None = None
        while True:
            try:
                if refused is not None:
                    arm.deadline.pause(arm.interval, SETTLING)
                arm.post(target, verb, request)
                return
            except TimedOut as late:
                # The time may be up in the middle of a validation; what the one before said is still the reason.
                if refused is None:
                    raise
                message = f"{arm.deadline.passed(SETTLING).message} The last answer was: {refused.message}"
                raise AzureError(message, **refused.facts) from late
            except AzureError as exc:
                if exc.code not in SETTLING_CODES:
                    raise
                refused = exc

    def pending(self, document: Document | None) -> str | None:
        state = str(
            dig(document, "properties.currentProtectionState")
            or dig(document, "properties.protectionStatus.status")
            or ""
        )
        if state.lower() in BROKEN:
            raise _protection_error(document or {}, state)
        if state.lower() in BUSY:
            return f"the backup instance to leave state {state}"
        return settled(self.noun, document)

    def represent(self, document: Document) -> Document:
        info = dig(document, "properties.policyInfo", {})
        parameters = (dig(info, "policyParameters.backupDatasourceParametersList") or [{}])[0]
        stores = (dig(info, "policyParameters.dataStoreParametersList") or [{}])[0]
        configuration: Document = {option: parameters.get(key) for option, key in CONFIGURATION_LISTS.items()}
        configuration.update(
            backup_hooks=parameters.get("backupHookReferences"),
            include_cluster_scope_resources=parameters.get("includeClusterScopeResources"),
            snapshot_volumes=parameters.get("snapshotVolumes"),
        )
        return {
            "backup_configuration": configuration,
            "cluster_id": dig(document, "properties.dataSourceInfo.resourceID"),
            "friendly_name": dig(document, "properties.friendlyName"),
            "id": document.get("id"),
            "name": document.get("name"),
            "policy_id": info.get("policyId"),
            "protection_state": dig(document, "properties.currentProtectionState"),
            "snapshot_resource_group_id": stores.get("resourceGroupId"),
        }

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        if params.get("confirm_delete_data") == live["name"]:
            return []
        return [
            f"Removing the backup instance {live['name']} deletes the recovery points of "
            f"{dig(live, 'properties.dataSourceInfo.resourceName')}. "
            f"If that is what you want, set confirm_delete_data to {live['name']!r}."
        ]

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        configuration = params.get("backup_configuration") or {}
        named = sorted(set(configuration.get("included_namespaces") or []) & set(SKIPPED_NAMESPACES))
        return (
            [f"Azure Backup always skips {', '.join(named)}, although included_namespaces names it."] if named else []
        )


def policy_id(params: Params) -> str:
    """The policy from ``policy_id``, or from ``policy_name`` in the vault of the instance."""
    if params.get("policy_id"):
        return _ids.expect(params["policy_id"], "Microsoft.DataProtection/backupVaults/backupPolicies", "policy_id")
    return _ids.policy(vault_id(params), params["policy_name"])


def derived_name(cluster: str, friendly_name: str | None) -> str:
    """``<cluster>-<cluster>-<guid>`` as the portal names them, the GUID following from cluster and friendly name."""
    name = _ids.name(cluster)
    return f"{name}-{name}-{_ids.stable_uuid(cluster, friendly_name or '')}"


def locate(arm: Arm, params: Params) -> Document:
    """The live backup instance that the options of an action name; raises when there is none.

    In a plan it may come from an earlier step, and then only its ID and name are there.
    """
    id_, live = Instance().find(arm, params)
    return live or arm.require(id_, "backup instance", "Protect the cluster with aks_backup_instance first.")


def _vault_of(item: Document) -> str:
    # Asked through the cluster, an instance's own id lies below the cluster; its policy's tells the vault.
    policy = dig(item, "properties.policyInfo.policyId")
    return _ids.parent(policy) if policy else ""


def _friendly(item: Document) -> str:
    return str(dig(item, "properties.friendlyName", "")).replace("\\", "/").lower()


def _hooks(value: Any) -> list[tuple[str, str]]:
    return sorted(
        (hook.get("name", ""), hook.get("namespace", "")) for hook in (value if isinstance(value, list) else [])
    )


def _protection_error(document: Document, state: str) -> AzureError:
    details = (
        dig(document, "properties.protectionErrorDetails")
        or dig(document, "properties.protectionStatus.errorDetails")
        or {}
    )
    return refusal(
        f"The backup instance {document.get('name')} is in state {state}: the cluster is not protected.",
        user_facing(details),
        resource_id=document.get("id"),
    )
