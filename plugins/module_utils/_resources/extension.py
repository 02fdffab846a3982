# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup extension in the cluster. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, sentence
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Params,
    Resource,
    refuse_unknown,
    settled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_STORAGE,
    STORAGE_ACCOUNT,
    cluster_id,
    cluster_problems,
    different_regions,
    given,
)

TYPE = "microsoft.dataprotection.kubernetes"
LIST_TYPE = "Microsoft.KubernetesConfiguration/extensions"

_LOCATION = "configuration.backupStorageLocation."
# Option -> the extension's own setting. Values are strings to it, booleans included.
SETTINGS = {
    "blob_container": f"{_LOCATION}bucket",
    "storage_account": f"{_LOCATION}config.storageAccount",
    "storage_account_resource_group": f"{_LOCATION}config.resourceGroup",
    "storage_account_subscription_id": f"{_LOCATION}config.subscriptionId",
    "storage_account_uri": f"{_LOCATION}config.storageAccountURI",
    "tenant_id": "credentials.tenantId",
    "use_aad": f"{_LOCATION}config.useAAD",
}


class Extension(Resource):
    noun = "backup extension"
    read_only = (
        *Resource.read_only,
        "properties.statuses",
        "properties.aksAssignedIdentity",
        "properties.currentVersion",
    )
    rules = {
        "properties.extensionType": _compare.caseless,
        "properties.releaseTrain": _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_resource_group"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_subscription_id"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_uri"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["use_aad"]: _compare.caseless,
    }

    def id(self, params: Params) -> str:
        return _ids.extension(cluster_id(params), params["name"])

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        # A cluster takes one extension of a type, under whatever name: one that somebody else installed is the one.
        cluster = cluster_id(params)
        installed = find(arm, cluster)
        if installed is None:
            return self.id(params), None
        return _ids.extension(cluster, installed["name"]), installed

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        settings = dig(live, "properties.configurationSettings", {})
        account_name = _ids.name(account_id(params)).lower()
        if (
            settings.get(SETTINGS["storage_account_uri"])
            and account_name == str(settings.get(SETTINGS["storage_account"])).lower()
        ):
            # The account's URI is known from the live settings, and nothing else depends on the account.
            return {"uri": settings[SETTINGS["storage_account_uri"]]}
        cluster, account = arm.together(
            [
                lambda: arm.get(cluster_id(params)),
                lambda: arm.require(account_id(params), "storage account", MAKE_STORAGE),
            ]
        )
        refuse_unknown("cluster", cluster, cluster_id(params))
        uri = dig(account, "properties.primaryEndpoints.blob", f"https://{account_name}.blob.core.windows.net/")
        return {"cluster": cluster, "account": account, "tenant_id": arm.tenant_id, "uri": uri}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        account, cluster = facts["account"], facts["cluster"]
        said = cluster_problems(cluster)
        said += different_regions(f"The storage account {account['name']}", account.get("location"), cluster)
        return said

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        account = account_id(params)
        _ids.container(account, params["blob_container"])
        parsed = _ids.parse(account)
        settings = {
            "blob_container": params["blob_container"],
            "storage_account": parsed.name,
            "storage_account_resource_group": parsed.resource_group,
            "storage_account_subscription_id": parsed.subscription,
            "use_aad": _text(params["use_aad"]),
        }
        if params["use_aad"]:
            # Without the URI the extension looks the account up with rights that a data role does not give.
            settings["storage_account_uri"] = params.get("storage_account_uri") or facts["uri"]
        document: Document = {
            "configurationSettings": {
                **{SETTINGS[option]: value for option, value in settings.items()},
                **_resource_settings(params.get("resources") or {}),
                **{key: _text(value) for key, value in (params.get("extra_settings") or {}).items()},
            },
            "releaseTrain": params.get("release_train"),
        }
        if params.get("version"):
            document.update(version=params["version"], autoUpgradeMinorVersion=False)
        elif params.get("auto_upgrade_minor_version") is not None:
            document["autoUpgradeMinorVersion"] = params["auto_upgrade_minor_version"]
        if live is None:
            document.setdefault("autoUpgradeMinorVersion", True)
            document["releaseTrain"] = document["releaseTrain"] or "stable"
            document["extensionType"] = TYPE
            document["scope"] = {"cluster": {"releaseNamespace": "dataprotection-microsoft"}}
            tenant = dig(facts["cluster"], "identity.tenantId") or facts["tenant_id"]
            document["configurationSettings"][SETTINGS["tenant_id"]] = tenant
            document["configurationProtectedSettings"] = {}
        return {"properties": given(document)}

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        # A patch carries what differs; the service keeps every setting that is not sent.
        arm.patch(id_, _compare.apply({}, changes))

    def represent(self, document: Document) -> Document:
        properties = document.get("properties") or {}
        return {
            "auto_upgrade_minor_version": properties.get("autoUpgradeMinorVersion"),
            "configuration_settings": dict(sorted((properties.get("configurationSettings") or {}).items())),
            "current_version": properties.get("currentVersion"),
            "extension_type": (properties.get("extensionType") or "").lower(),
            "id": document.get("id"),
            "identity": {"principal_id": dig(properties, "aksAssignedIdentity.principalId")},
            "name": document.get("name"),
            "provisioning_state": properties.get("provisioningState"),
            "release_namespace": dig(properties, "scope.cluster.releaseNamespace"),
            "release_train": properties.get("releaseTrain"),
            "statuses": properties.get("statuses") or [],
            "version": properties.get("version"),
        }

    def pending(self, document: Document | None) -> str | None:
        if str(dig(document, "properties.provisioningState")).lower() == "failed":
            raise failed(document or {})
        return settled(self.noun, document)

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        protecting = arm.list_all("Microsoft.DataProtection/backupInstances", cluster_id(params))
        if not protecting:
            return []
        names = ", ".join(sorted(item["name"] for item in protecting))
        return [
            f"Backup instances still protect the cluster: {names}. Without the extension their backups fail and "
            "their data cannot be deleted. "
            "Remove them first (aks_backup_instance, state=absent)."
        ]


def find(arm: Arm, cluster: str) -> Document | None:
    """The backup extension of a cluster, whatever its name."""
    for item in arm.list_all(LIST_TYPE, cluster):
        if (dig(item, "properties.extensionType") or "").lower() == TYPE:
            return item
    return None


def failed(document: Document) -> AzureError:
    """The error for an extension that Azure keeps in state Failed, with the reason that its statuses give."""
    reasons = [status for status in dig(document, "properties.statuses", []) if status.get("level") == "Error"]
    info = dig(document, "properties.errorInfo", {})
    code = info.get("code") or (reasons[0].get("code") if reasons else None) or "ExtensionOperationFailed"
    text = info.get("message") or (reasons[0].get("message") if reasons else None) or "Azure gave no reason"
    said = sentence({"code": code, "message": text})
    return AzureError(
        f"The backup extension {document.get('name')} is in state Failed. {said} Delete it (state=absent) and "
        "install it again once the cause is gone.",
        code=code,
        azure_message=text,
        resource_id=document.get("id"),
    )


def account_id(params: Params) -> str:
    """The storage account from ``storage_account_id``, or from its three parts."""
    if params.get("storage_account_id"):
        return _ids.expect(params["storage_account_id"], STORAGE_ACCOUNT, "storage_account_id")
    return _ids.storage_account(
        params.get("storage_account_subscription_id") or params["subscription_id"],
        params["storage_account_resource_group"],
        params["storage_account"],
    )


def _resource_settings(resources: Document) -> dict[str, str]:
    return {
        f"resources.{kind}.{name}": str(value)
        for kind in ("limits", "requests")
        for name, value in given(resources.get(kind) or {}).items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
