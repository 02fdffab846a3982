# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource group, storage account and blob container, all on the management plane. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    combine,
    reconcile,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given, wanted_tags

# Options that say something of what lies above a container.
ABOVE_CONTAINER = (
    "allow_blob_public_access",
    "allow_shared_key_access",
    "location",
    "public_network_access",
    "sku",
    "tags",
)


# What an account is found with and had better not have -> what of it.
WEAK = {
    "allow_blob_public_access": "lets containers be opened to the public, and backups hold the secrets of a cluster.",
    "allow_shared_key_access": "accepts its keys, which open all of it to whoever has one. The backup extension does "
    "not need them, unless its use_aad is false.",
}


class ResourceGroup(Resource):
    noun = "resource group"
    rules = {"location": _compare.region}

    def id(self, params: Params) -> str:
        return _ids.resource_group(params["subscription_id"], params["resource_group"])

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        if live is None and not params.get("location"):
            return [
                f"The resource group {params['resource_group']} does not exist and location is not given, so it "
                "cannot be created."
            ]
        return []

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        # An existing group may lie anywhere: what is in it has a region of its own. Its tags are its owner's.
        return {} if live else given({"location": _ids.region(params["location"]), "tags": wanted_tags(params)})

    def represent(self, document: Document) -> Document:
        return {
            "id": document.get("id"),
            "location": document.get("location"),
            "name": document.get("name"),
            "tags": document.get("tags") or {},
        }


class StorageAccount(Resource):
    noun = "storage account"
    rules = {
        "location": _compare.region,
        "sku.name": _compare.caseless,
        "properties.publicNetworkAccess": _compare.absent_is("Enabled"),
        "properties.allowSharedKeyAccess": _compare.absent_is(True, _compare.same_value),
        "properties.allowBlobPublicAccess": _compare.absent_is(False, _compare.same_value),
    }
    immutable = {
        "location": "a storage account cannot move; use another name, or the account's region.",
        "sku": "changing the replication of an account with backups in it is left to you; use 'az storage account "
        "update', then run again.",
    }

    def id(self, params: Params) -> str:
        return _ids.storage_account(params["subscription_id"], params["resource_group"], params["storage_account"])

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        if live is None and not params.get("location"):
            return [
                f"The storage account {params['storage_account']} does not exist and location is not given, so it "
                "cannot be created."
            ]
        return [] if live is None else unfit(live)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        asked = {
            "allowBlobPublicAccess": params.get("allow_blob_public_access"),
            "allowSharedKeyAccess": params.get("allow_shared_key_access"),
            "publicNetworkAccess": params.get("public_network_access"),
        }
        if live is None:
            # Created safe, adopted as it is: the defaults are for new accounts only.
            asked = {
                "allowBlobPublicAccess": False,
                "allowSharedKeyAccess": False,
                "minimumTlsVersion": "TLS1_2",
                **given(asked),
            }
        sku = params.get("sku") or (None if live else "Standard_LRS")
        document = {
            "kind": None if live else "StorageV2",
            "location": _ids.region(params["location"]) if params.get("location") else None,
            "properties": given(asked) or None,
            "sku": {"name": sku} if sku else None,
            "tags": wanted_tags(params),
        }
        return given(document)

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        # What an account answers with is more than it takes, so only the differences are sent; tags always whole.
        body = _compare.apply({}, changes)
        if "tags" in body:
            body["tags"] = _compare.apply(live, changes)["tags"]
        arm.patch(id_, body)

    def represent(self, document: Document) -> Document:
        return {
            "allow_blob_public_access": dig(document, "properties.allowBlobPublicAccess", False),
            "allow_shared_key_access": dig(document, "properties.allowSharedKeyAccess", True),
            "blob_endpoint": dig(document, "properties.primaryEndpoints.blob"),
            "id": document.get("id"),
            "kind": document.get("kind"),
            "location": document.get("location"),
            "minimum_tls_version": dig(document, "properties.minimumTlsVersion"),
            "name": document.get("name"),
            "network_default_action": dig(document, "properties.networkAcls.defaultAction"),
            "public_network_access": dig(document, "properties.publicNetworkAccess", "Enabled"),
            "sku": dig(document, "sku.name"),
            "tags": document.get("tags") or {},
        }

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        shown = self.represent(document or {})
        said = [] if not document else unfit(document)
        for option, what in WEAK.items():
            # Whoever asks for it knows.
            if shown[option] and params.get(option) is None:
                said.append(f"The storage account {shown['name']} {what} Set {option} to false if you can.")
        return said


class Container(Resource):
    noun = "blob container"
    rules = {"properties.publicAccess": _compare.absent_is("None")}

    def id(self, params: Params) -> str:
        account = _ids.storage_account(params["subscription_id"], params["resource_group"], params["storage_account"])
        return _ids.container(account, params["container"])

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return {} if live else {"properties": {"publicAccess": "None"}}

    def admit(self, arm: Arm, id_: str, body: Document, live: Document | None) -> None:
        if live is None:
            account = id_.rsplit("/blobServices/", 1)[0]
            arm.require(account, "storage account", "Give location as well, and it will be created.")

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        if params.get("confirm_delete_data") == params["container"]:
            return []
        return [
            f"Deleting the blob container {params['container']} destroys the backups in it. "
            f"If that is what you want, set confirm_delete_data to {params['container']!r}."
        ]

    def represent(self, document: Document) -> Document:
        return {
            "id": document.get("id"),
            "name": document.get("name"),
            "public_access": dig(document, "properties.publicAccess", "None"),
        }

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        access = dig(document, "properties.publicAccess", "None")
        if access == "None":
            return []
        return [
            f"Anybody can read the blob container {params['container']} without signing in (public access {access}). "
            "Backups hold the secrets of the cluster: close the container, or use another one."
        ]


def unfit(account: Document) -> list[str]:
    """Why the backup extension cannot use an account: Microsoft's "AKS backup FAQ" asks for Standard v2 ones."""
    name = f"The storage account {account.get('name')}"
    said = []
    if account.get("kind") not in (None, "StorageV2"):
        said.append(
            f"{name} is of kind {account['kind']}. The backup extension needs a general-purpose v2 account "
            "(StorageV2): upgrade it, or use another one."
        )
    sku = dig(account, "sku.name", "Standard_LRS")
    if not sku.lower().startswith("standard"):
        said.append(f"{name} is of performance {sku}. The backup extension needs a Standard one: use another account.")
    return said


def provide(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The chain that the options name, each link after the one it lives in.

    Just the container where nothing is said of what is above it, and with ``absent``.
    """
    if params["container"] and not params["storage_account"]:
        raise Refused("container needs storage_account.")
    if params["state"] == "absent":
        if not params["container"]:
            raise Refused("state=absent removes a blob container and nothing else: name it with container.")
        links: dict[str, Resource] = {"container": Container()}
    elif params["container"] and all(params.get(option) is None for option in ABOVE_CONTAINER):
        # Another container in an account of somebody else's making, which in a plan may be an earlier task.
        links = {"container": Container()}
    else:
        links = {"resource_group": ResourceGroup()}
        if params["storage_account"]:
            links["storage_account"] = StorageAccount()
        if params["container"]:
            links["container"] = Container()
        # All input is checked before the first link is written.
        for resource in links.values():
            resource.id(params)
    outcomes = {name: reconcile(arm, resource, params) for name, resource in links.items()}
    outcome = combine(outcomes)
    outcome.result = {name: outcomes[name].result["resource"] if name in outcomes else None
                      for name in ("resource_group", "storage_account", "container")}  # fmt: skip
    return outcome
