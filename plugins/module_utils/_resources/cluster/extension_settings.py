# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the backup extension: which there are, what they are now, and what to make of what it reports. Pure.
Private to the collection.

Names of settings, defaults and the memory to try first are those of Microsoft's pages "Manage Azure Kubernetes Service
backups" and "Troubleshoot Azure Kubernetes Service backup and restore".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._advice import ADVICE, CAUSES
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given

Document = dict[str, Any]

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
# The service adds settings of its own, such as global.clusterType; nobody listed them and nobody can remove them.
OF_THE_SERVICE = "global."
KINDS = ("limits", "requests")
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
# The memory limit that Microsoft names for clusters of more than 1000 objects; without one the pod has 1280Mi.
MEMORY_TO_TRY = "4400Mi"


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting(document: Mapping[str, Any] | None, option: str) -> str:
    """What a live extension has for one of :data:`SETTINGS`, empty where it has nothing; capitals in names vary."""
    found = {name.lower(): value for name, value in dig(document, "properties.configurationSettings", {}).items()}
    return str(found.get(SETTINGS[option].lower()) or "")


def uses_keys(document: Mapping[str, Any] | None) -> bool:
    """Whether a live extension gets at the blob container by the keys of the account, as it does unless it is told to
    go as itself.
    """
    return document is not None and setting(document, "use_aad").lower() != "true"


def account(document: Mapping[str, Any] | None) -> str | None:
    """The ID of the storage account that a live extension writes to; None where its settings do not say all of it."""
    options = ("storage_account_subscription_id", "storage_account_resource_group", "storage_account")
    parts = [setting(document, option) for option in options]
    return _ids.storage_account(*parts) if all(parts) else None


def of_resources(resources: Mapping[str, Any]) -> dict[str, str]:
    """The option ``resources`` as settings."""
    return {
        f"resources.{kind}.{name}": str(value)
        for kind in KINDS
        for name, value in given(resources.get(kind) or {}).items()
    }


def resources(settings: Mapping[str, str]) -> Document:
    """The settings as the option ``resources``, None where nothing is set."""
    return {kind: {name: settings.get(f"resources.{kind}.{name}") for name in ("cpu", "memory")} for kind in KINDS}


def memory_to_try(limit: str | None) -> str | None:
    """The memory limit to try next when the pod ran out of memory with this one; None for what is no quantity."""
    if limit is None:
        return MEMORY_TO_TRY
    found = re.fullmatch(r"([0-9.]+)([kMG]|[KMGT]i|)", limit)
    if found is None:
        return None
    mebibytes = float(found[1]) * UNITS[found[2]] / 2**20
    return MEMORY_TO_TRY if mebibytes < 4400 else f"{round(mebibytes * 2)}Mi"


def statuses(document: Mapping[str, Any]) -> list[Document]:
    """What the extension reports of itself, in the user's vocabulary."""
    return [
        {
            "code": status.get("code"),
            "display_status": status.get("displayStatus"),
            "level": status.get("level"),
            "message": status.get("message"),
            "time": status.get("time"),
        }
        for status in dig(document, "properties.statuses", [])
    ]


def cause(code: str | None, words: str) -> str | None:
    """Cause and fix, from the words of a report where they tell, else from its code."""
    known = next((advice for piece, advice in CAUSES if piece.lower() in words.lower()), None)
    return known or ADVICE.get(str(code))


def advice(document: Mapping[str, Any] | None) -> list[str]:
    """What to do about a live extension, a sentence or two for each thing that is wrong; no extension is one."""
    if document is None:
        return [ADVICE["UserErrorKubernetesBackupExtensionNotFoundError"]]
    said = []
    for status in statuses(document):
        if status["level"] in ("Error", "Warning"):
            known = cause(status["code"], status["message"] or "")
            said.append(" ".join(filter(None, [f"{status['code']}: {status['message']}", known])))
    state = dig(document, "properties.provisioningState")
    info = dig(document, "properties.errorInfo", {})
    if state == "Failed" and not said:
        known = cause(info.get("code"), info.get("message") or "") or ADVICE["ExtensionOperationFailed"]
        said.append(" ".join(filter(None, [info.get("message"), known])))
    if state == "Succeeded" and not dig(document, "properties.aksAssignedIdentity.principalId"):
        said.append(ADVICE["UserErrorExtensionIdentityNotFound"])
    return said
