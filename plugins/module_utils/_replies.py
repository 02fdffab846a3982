# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies as they are sent, and what replies and refusals of Azure's packages say. Pure. Private to the collection."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, from_response

Document = dict[str, Any]


def says_absent(error: AzureError) -> bool:
    """Whether the answer to a read means that there is nothing. With the provider unregistered there cannot be
    anything.
    """
    if error.code == "SubscriptionNotFound":
        return False
    return error.facts.get("status") == 404 or error.code == "MissingSubscriptionRegistration"


def stream(body: Mapping[str, Any]) -> io.BytesIO:
    # Every generation of the clients sends a stream as it is, while dicts mean something else to each.
    return io.BytesIO(json.dumps(plain(body)).encode())


def reply(response: Any, _deserialized: Any, _headers: Any) -> tuple[Document | None, float | None]:
    """Raw JSON and Retry-After of a reply; hung into the clients as their ``cls`` callback."""
    http = response.http_response
    text = http.text() if http.status_code != 204 else ""
    return (json.loads(text) if text else None), retry_after(http)


def wire(item: Any) -> Document:
    """A list item as wire JSON: newer models are mappings, older ones can write themselves."""
    document: Document = item.as_dict() if hasattr(item, "keys") else item.serialize(keep_readonly=True)
    return document


def retry_after(response: Any) -> float | None:
    """The pause that a reply asks for, in seconds; services send it as Retry-After or in milliseconds of their own."""
    for header, unit in (("Retry-After", 1.0), ("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001)):
        try:
            seconds = float(response.headers.get(header)) * unit
        except (AttributeError, TypeError, ValueError):
            continue
        if seconds > 0:
            return seconds
    return None


def translate(exc: Any, what: str, id_: str) -> AzureError:
    response = exc.response
    if response is None:
        return AzureError(
            f"Azure's answer to the request to {what} could not be read, so it may have been carried out: "
            f"{first_line(exc)} Run again, which looks first.",
            resource_id=id_,
        )
    return from_response(what, response.status_code, response.text(), response.headers, id_)


def hint(exc: BaseException) -> str:
    """What to do about certificates that are not trusted, the one reason that a task's options can do away with."""
    words = str(exc).lower()
    if "certificate" not in words or "verify" not in words and "x509" not in words:
        return ""
    return "Check ca_bundle: it names the authorities to trust, those of a proxy that breaks TLS open included."


def first_line(exc: BaseException) -> str:
    return str(exc).strip().splitlines()[0].rstrip(".") + "." if str(exc).strip() else type(exc).__name__ + "."
