# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup extension in the cluster. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, Difference, Exactly, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    reconcile,
    refuse_unknown,
    settled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension_settings
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.extension_settings import SETTINGS, text
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_STORAGE,
    ROUTING,
    STORAGE_ACCOUNT,
    cluster_id,
    cluster_problems,
    different_regions,
    given,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.storage import unfit

TYPE = "microsoft.dataprotection.kubernetes"
LIST_TYPE = "Microsoft.KubernetesConfiguration/extensions"
# What a PUT takes of a document that Azure has answered with.
WRITABLE = ("autoUpgradeMinorVersion", "configurationSettings", "extensionType", "releaseTrain", "scope", "version")
NEW_IDENTITY = (
    "The backup extension was installed anew and has a new identity: run aks_backup_permissions, which gives it its "
    "role on the storage account."
)


class Extension(Resource):
    noun = "backup extension"
    rules = {
        "properties.extensionType": _compare.caseless,
        "properties.releaseTrain": _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_resource_group"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_subscription_id"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["storage_account_uri"]: _compare.caseless,
        "properties.configurationSettings." + SETTINGS["use_aad"]: _compare.absent_is("false"),
    }

    def __init__(self, wait_for_identity: bool = True) -> None:
        self.wait_for_identity = wait_for_identity

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
        if live is not None and _failed(live):
            # A plan does not wait, so that it would not notice.
            raise failed(live)
        settings = dig(live, "properties.configurationSettings", {})
        account, container = account_id(params), params["blob_container"]
        named = (settings.get(SETTINGS["storage_account"]), settings.get(SETTINGS["blob_container"]))
        stays = (_ids.name(account).lower(), container) == (str(named[0]).lower(), named[1])
        if stays and settings.get(SETTINGS["storage_account_uri"]):
            # The account's URI is known from the live settings, and nothing else depends on the account.
            return {"uri": settings[SETTINGS["storage_account_uri"]]}
        cluster, found, _container = arm.together(
            [
                lambda: arm.get(cluster_id(params)),
                lambda: arm.require(account, "storage account", MAKE_STORAGE),
                lambda: arm.require(_ids.container(account, container), "blob container", MAKE_STORAGE),
            ]
        )
        refuse_unknown("cluster", cluster, cluster_id(params))
        uri = dig(found, "properties.primaryEndpoints.blob", f"https://{_ids.name(account)}.blob.core.windows.net/")
        facts = {"cluster": cluster, "account": found, "tenant_id": arm.tenant_id, "uri": uri}
        return facts if stays or not all(named) else {**facts, "moved_from": named}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        account, cluster = facts["account"], facts["cluster"]
        name = f"The storage account {account['name']}"
        said = cluster_problems(cluster)
        said += different_regions(name, account.get("location"), cluster)
        said += unfit(account)
        if not params["use_aad"] and dig(account, "properties.allowSharedKeyAccess") is False:
            said.append(
                f"{name} takes no keys (allow_shared_key_access is false), and with use_aad=false the extension has "
                "nothing else. Leave use_aad at true."
            )
        return said

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        account = account_id(params)
        _ids.container(account, params["blob_container"])
        parsed = _ids.parse(account)
        options = {
            "blob_container": params["blob_container"],
            "storage_account": parsed.name,
            "storage_account_resource_group": parsed.resource_group,
            "storage_account_subscription_id": parsed.subscription,
            "use_aad": text(params["use_aad"]),
        }
        if params["use_aad"]:
            # Without the URI the extension looks the account up with rights that a data role does not give.
            options["storage_account_uri"] = params.get("storage_account_uri") or facts["uri"]
        if params.get("tenant_id") or live is None:
            tenant = dig(facts.get("cluster"), "identity.tenantId") or facts.get("tenant_id")
            options["tenant_id"] = params.get("tenant_id") or tenant
        settings = {
            **{SETTINGS[option]: value for option, value in options.items()},
            **extension_settings.of_resources(params.get("resources") or {}),
            **{key: text(value) for key, value in (params.get("extra_settings") or {}).items()},
        }
        if live is not None and params.get("purge_unlisted_settings"):
            settings = Exactly({**_kept(live), **settings})
        document: Document = {"configurationSettings": settings, "releaseTrain": params.get("release_train")}
        if params.get("version"):
            document.update(version=params["version"], autoUpgradeMinorVersion=False)
        elif params.get("auto_upgrade_minor_version") is not None:
            document["autoUpgradeMinorVersion"] = params["auto_upgrade_minor_version"]
        if live is None:
            document.setdefault("autoUpgradeMinorVersion", True)
            document["releaseTrain"] = document["releaseTrain"] or "stable"
            document["extensionType"] = TYPE
            document["scope"] = {"cluster": {"releaseNamespace": "dataprotection-microsoft"}}
            document["configurationProtectedSettings"] = {}
        return {"properties": given(document)}

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        if any(change.after is ABSENT for change in changes):
            # Only a PUT takes settings away. A patch carries what differs, and the service keeps what is not sent.
            wanted = _compare.apply(live, changes)["properties"]
            arm.put(id_, {"properties": given({key: wanted.get(key) for key in WRITABLE})})
        else:
            arm.patch(id_, _compare.apply({}, changes))

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        arm.delete(id_, **({"force_delete": True} if params.get("force_delete") else {}))

    def represent(self, document: Document) -> Document:
        properties = document.get("properties") or {}
        settings = properties.get("configurationSettings") or {}
        resources = extension_settings.resources(settings)
        return {
            "auto_upgrade_minor_version": properties.get("autoUpgradeMinorVersion"),
            "configuration_settings": dict(sorted(settings.items())),
            "current_version": properties.get("currentVersion"),
            "extension_type": (properties.get("extensionType") or "").lower(),
            "id": document.get("id"),
            "identity": {"principal_id": dig(properties, "aksAssignedIdentity.principalId")},
            "memory_limit_to_try": extension_settings.memory_to_try(resources["limits"]["memory"]),
            "name": document.get("name"),
            "provisioning_state": properties.get("provisioningState"),
            "release_namespace": dig(properties, "scope.cluster.releaseNamespace"),
            "release_train": properties.get("releaseTrain"),
            "resources": resources,
            "statuses": extension_settings.statuses(document),
            "version": properties.get("version"),
        }

    def pending(self, document: Document | None) -> str | None:
        if _failed(document):
            raise failed(document or {})
        busy = settled(self.noun, document)
        if busy or document is None or not self.wait_for_identity:
            return busy
        principal = dig(document, "properties.aksAssignedIdentity.principalId")
        return None if principal else "the backup extension to get its identity"

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        names = [] if params.get("force_delete") else protecting(arm, params)
        if not names:
            return []
        return [
            f"Backup instances still protect the cluster: {', '.join(names)}. Without the extension their backups "
            "fail and their data cannot be deleted. "
            "Remove them first (aks_backup_instance, state=absent), or set force_delete to true."
        ]

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        said = []
        if facts.get("moved_from"):
            account, container = facts["moved_from"]
            said.append(
                f"What has been backed up so far stays in the container {container} of the storage account {account}. "
                "Keep it as long as there are recovery points from before."
            )
        if facts.get("account") and _ids.segment(account_id(params), "subscriptions").lower() != (
            _ids.segment(cluster_id(params), "subscriptions").lower()
        ):
            said.append(
                "The storage account is in another subscription than the cluster. Microsoft's pages differ on whether "
                "backup supports that; make sure that the extension gets ready."
            )
        return said

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        return {"advice": extension_settings.advice(document) if _real(document) else []}


def converge(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The work of the module: what every resource has, and around it repair and removal by force."""
    resource = Extension(params["wait_for_identity"])
    if params["state"] == "absent":
        users = protecting(arm, params) if params["force_delete"] else []
        outcome = reconcile(arm, resource, params)
        if outcome.changed and users:
            outcome.warnings.append(
                f"Backups of these backup instances fail from now on, and their data cannot be deleted: "
                f"{', '.join(users)}. Install the extension again, or remove them."
            )
        return outcome
    broken = _removed_broken(arm, resource, params) if params["repair"] == "reinstall" else None
    if broken is None:
        return reconcile(arm, resource, params)
    outcome = reconcile(arm, resource, {**params, "name": broken["name"]})
    outcome.before = resource.represent(broken)
    outcome.warnings.append(NEW_IDENTITY)
    return outcome


def _removed_broken(arm: Arm, resource: Extension, params: Params) -> Document | None:
    """The document of a failed extension, which is gone now; None when there is none. What would keep the new one from
    being installed is refused before the old one goes.
    """
    id_, live = resource.find(arm, params)
    if live is None or not _failed(live):
        return None
    facts = resource.gather(arm, params, None)
    refuse(resource.problems(params, facts, None))
    resource.desired(params, facts, None)
    arm.delete(id_)
    arm.wait(id_, lambda document: None if document is None else "the failed backup extension to be gone")
    return live


def look(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The extension of a cluster, which has to exist; None in ``resource`` when there is no extension."""
    cluster = cluster_id(params)
    known, installed = arm.together([lambda: arm.get(cluster), lambda: find(arm, cluster)])
    refuse_unknown("cluster", known, cluster)
    return Outcome(
        result={
            "advice": extension_settings.advice(installed),
            "id": _ids.extension(cluster, installed["name"]) if installed else None,
            "name": installed["name"] if installed else None,
            "resource": Extension().represent(installed) if installed else None,
        }
    )


def find(arm: Arm, cluster: str) -> Document | None:
    """The backup extension of a cluster, whatever its name."""
    return ours(arm.list_all(LIST_TYPE, cluster))


def ours(extensions: Iterable[Document]) -> Document | None:
    """The backup extension of those of a cluster."""
    return next((one for one in extensions if str(dig(one, "properties.extensionType")).lower() == TYPE), None)


def protecting(arm: Arm, params: Params) -> list[str]:
    """Names of the backup instances that need the extension, in whatever vault."""
    return sorted(item["name"] for item in arm.list_all(ROUTING, cluster_id(params)))


def failed(document: Document) -> AzureError:
    """The error for an extension that Azure keeps in state Failed, with what its statuses say, cause and fix."""
    reports = [status for status in dig(document, "properties.statuses", []) if status.get("level") == "Error"]
    info = dig(document, "properties.errorInfo", {})
    first = info if info.get("message") else reports[0] if reports else {}
    code = str(first.get("code") or "ExtensionOperationFailed")
    words = str(first.get("message") or "Azure gave no reason")
    others = [str(one["message"]) for one in reports if one.get("message") and one["message"] not in words]
    fix = extension_settings.cause(code, " ".join([words, *others]))
    said = [f"The backup extension {document.get('name')} is in state Failed. {code}: {words.rstrip('.')}."]
    said += [f"It reports: {other.rstrip('.')}." for other in others]
    said += [f"What to do: {fix}"] if fix else []
    said.append(
        "Delete it (state=absent) and install it again once the cause is gone, or have repair=reinstall do both."
    )
    return AzureError(" ".join(said), code=code, azure_message=words, advice=fix, resource_id=document.get("id"))


def account_id(params: Params) -> str:
    """The storage account from ``storage_account_id``, or from its three parts."""
    if params.get("storage_account_id"):
        return _ids.expect(params["storage_account_id"], STORAGE_ACCOUNT, "storage_account_id")
    return _ids.storage_account(
        params.get("storage_account_subscription_id") or params["subscription_id"],
        params["storage_account_resource_group"],
        params["storage_account"],
    )


def _failed(document: Document | None) -> bool:
    return str(dig(document, "properties.provisioningState")).lower() == "failed"


def _real(document: Document | None) -> bool:
    """Whether Azure has answered with the document; a plan's has no state."""
    return dig(document, "properties.provisioningState") is not None


def _kept(live: Document) -> dict[str, Any]:
    """Live settings that are nobody's to list: the service's own, and the tenant, which the module finds out."""
    settings = dig(live, "properties.configurationSettings", {})
    return {
        key: value
        for key, value in settings.items()
        if key.startswith(extension_settings.OF_THE_SERVICE) or key == SETTINGS["tenant_id"]
    }
