# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Azure: a cloud known by name, or any cloud that publishes its endpoints. Private to the collection.

Names as in azure.azcollection. Anything else has to be the URL of an Azure Resource Manager that answers
``/metadata/endpoints``, which Azure Stack, air-gapped clouds and this collection's emulator do.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._transport import transport

METADATA_VERSION = "2022-09-01"


@dataclass(frozen=True)
class Cloud:
    """``resource_manager`` and ``authority`` are URLs without a trailing slash; ``scope`` is what tokens are asked
    for.
    """

    name: str
    resource_manager: str
    authority: str
    scope: str
    known: bool

    def as_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


# Resource Manager and Microsoft Entra endpoints from Microsoft's list of Azure cloud environments.
KNOWN = {
    cloud.name.lower(): cloud
    for cloud in (
        Cloud("AzureChinaCloud", "https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn",
              "https://management.core.chinacloudapi.cn/.default", True),
        Cloud("AzureCloud", "https://management.azure.com", "https://login.microsoftonline.com",
              "https://management.core.windows.net/.default", True),
        Cloud("AzureUSGovernment", "https://management.usgovcloudapi.net", "https://login.microsoftonline.us",
              "https://management.core.usgovcloudapi.net/.default", True),
    )
}  # fmt: skip


def discover(name_or_url: str, transport_options: dict[str, Any], shared_directory: str | None = None) -> Cloud:
    """The cloud of that name, or the one whose endpoints the URL publishes; raises :class:`BackupError` when they
    cannot be read.

    The endpoints are asked for once per run where there is a directory that the run's tasks share.
    """
    known = KNOWN.get(name_or_url.lower())
    if known:
        return known
    if not name_or_url.lower().startswith("https://"):
        raise Refused(
            f"cloud_environment is {name_or_url!r}, which is neither one of "
            f"{', '.join(sorted(c.name for c in KNOWN.values()))} "
            "nor the https URL of an Azure Resource Manager."
        )
    url = name_or_url.rstrip("/")
    if shared_directory is None:
        return from_metadata(url, _metadata(url, transport_options))
    path = os.path.join(shared_directory, "aks_backup_cloud_" + hashlib.sha256(url.encode()).hexdigest())
    try:
        with open(path, encoding="utf-8") as file:
            return Cloud(**json.load(file))
    except (OSError, ValueError, TypeError):
        cloud = from_metadata(url, _metadata(url, transport_options))
        write_private(path, json.dumps(cloud.as_dict()))
        return cloud


def from_metadata(url: str, document: Any) -> Cloud:
    """A cloud from the reply of ``/metadata/endpoints``: one object, or in newer versions a list of them."""
    entry = document[0] if isinstance(document, list) and document else document
    try:
        audience = entry["authentication"]["audiences"][0]
        return Cloud(
            name=entry.get("name") or url,
            resource_manager=(entry.get("resourceManager") or url).rstrip("/"),
            authority=entry["authentication"]["loginEndpoint"].rstrip("/"),
            scope=audience.rstrip("/") + "/.default",
            known=False,
        )
    except (AttributeError, IndexError, KeyError, TypeError) as exc:
        raise BackupError(f"{url}/metadata/endpoints does not describe an Azure cloud: {exc!r} is missing.") from exc


def _metadata(url: str, transport_options: dict[str, Any]) -> Any:
    from azure.core import PipelineClient
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    with PipelineClient(url, retry_total=3, transport=transport(transport_options), **transport_options) as client:
        try:
            response = client.send_request(
                HttpRequest("GET", f"{url}/metadata/endpoints?api-version={METADATA_VERSION}")
            )
            response.raise_for_status()
            return response.json()
        except (AzureError, ValueError) as exc:
            raise BackupError(
                f"The endpoints of the cloud at {url} could not be read: {exc}. Check cloud_environment, and "
                "ca_bundle or "
                "REQUESTS_CA_BUNDLE if the cloud has a certificate authority of its own."
            ) from exc


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner can read, at once: a reader sees the old content or the new."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def replace_file(path: str, text: str) -> None:
    """The same for a file that others may read: with the mode that it has, else the one of any new file."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
