# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as sentences. Private to the collection.

Every error carries facts (Azure's code, HTTP status, request id, resource id) beside a message that a person can act
on. One place, ``_module``, turns them into a failed task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._advice import ADVICE

# Codes with which validateForBackup answers while a role, a binding or the storage location has not taken effect yet.
# Azure applies role assignments within minutes, so these are waited for and fail only at the deadline.
SETTLING_CODES = frozenset(
    {
        "KubernetesBackupListExtensionsError",
        "UserErrorBackupStorageLocationNotReady",
        "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation",
        "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
        "UserErrorMissingRequiredPermissions",
        "UserErrorTrustedAccessGatewayReturnedForbidden",
    }
)


class BackupError(Exception):
    """An error that ends the task. ``message`` is a whole sentence, ``facts`` go into the result as they are."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = {key: value for key, value in facts.items() if value not in (None, "", [], {})}

    @property
    def code(self) -> str | None:
        return self.facts.get("code")


class Refused(BackupError):
    """The collection refuses the input before anything was written."""


class Missing(BackupError):
    """Something that has to exist does not."""


class TimedOut(BackupError):
    """The user's deadline passed."""


class AzureError(BackupError):
    """Azure said no; ``facts`` hold code, status, request_id, activity_id, recommended_action and resource_id.

    ``codes`` are those of all reasons, where Azure gave several at once.
    """

    codes: tuple[str, ...] = ()


def listed(names: Sequence[str], most: int = 10) -> str:
    """``a, b and 3 more``: names for a sentence, no more of them than somebody reads."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def settles(error: AzureError) -> bool:
    """Whether everything that Azure gives as a reason takes effect by itself, see :data:`SETTLING_CODES`."""
    return set(error.codes or [str(error.code)]) <= SETTLING_CODES


def refuse(problems: list[str]) -> None:
    """Raise :class:`Refused` with all problems at once, so that a person does not meet them one run at a time."""
    if problems:
        raise Refused(" ".join(problems), problems=problems)


def explain(error: Mapping[str, Any]) -> dict[str, Any]:
    """Facts from an error body, ARM's ``{"error": {...}}``, AKS's flat form or a failed operation's.

    Azure Backup hides the reason two levels down, in ``additionalInfo[].info``; its ``code`` is the most exact one.
    Returns code, message, detail, recommended_action (list) and activity_id, each absent when unknown, and reasons: the
    same for each further thing that is wrong, absent when there is one only.
    """
    inner = error.get("error")
    body = inner if isinstance(inner, Mapping) else error
    infos: list[Mapping[str, Any]] = [
        extra["info"]
        for extra in body.get("additionalInfo") or []
        if isinstance(extra, Mapping) and isinstance(extra.get("info"), Mapping)
    ]
    first = {**body, **{key: value for key, value in (infos[0] if infos else {}).items() if value}}
    facts = user_facing(first)
    reasons: list[dict[str, Any]] = []
    for more in [*infos[1:], *(first.get("details") or [])]:
        reason = user_facing(more) if isinstance(more, Mapping) else {}
        known = [(one.get("code"), one.get("message")) for one in [facts, *reasons]]
        if reason.get("code") and (reason["code"], reason.get("message")) not in known:
            reasons.append(reason)
    return {**facts, "reasons": reasons} if reasons else facts


def user_facing(error: Mapping[str, Any]) -> dict[str, Any]:
    """Facts from one UserFacingError, the shape that jobs, protection errors and warnings share."""
    inner = error.get("innerError") or {}
    detail = (
        (inner.get("additionalInfo") or {}).get("DetailedNonLocalisedMessage") if isinstance(inner, Mapping) else None
    )
    action = error.get("recommendedAction") or []
    facts = {
        "code": error.get("code"),
        "message": error.get("message"),
        "detail": detail,
        "recommended_action": [action] if isinstance(action, str) else list(action),
        "activity_id": (error.get("properties") or {}).get("ActivityId"),
        "advice": ADVICE.get(str(error.get("code"))),
    }
    return {key: value for key, value in facts.items() if value}


def sentence(facts: Mapping[str, Any]) -> str:
    """One paragraph from the facts of :func:`explain`: Azure's code and text, then what to do."""
    code, message = facts.get("code"), facts.get("message")
    said = f"{code}: {message}" if code and message else code or message or "Azure gave no reason"
    parts = [str(said).rstrip(".") + "."]
    if facts.get("detail"):
        parts.append(str(facts["detail"]).rstrip(".") + ".")
    if facts.get("advice"):
        parts.append("What to do: " + facts["advice"])
    elif facts.get("recommended_action"):
        parts.append("Azure recommends: " + " ".join(facts["recommended_action"]))
    if facts.get("request_id"):
        parts.append(f"(Azure request id {facts['request_id']})")
    return " ".join(parts)


def from_response(what: str, status: int | None, text: str, headers: Mapping[str, str], resource_id: str) -> AzureError:
    """An :class:`AzureError` from a raw reply. ``what`` completes "Azure did not ..."."""
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    facts = explain(body) if isinstance(body, Mapping) else {}
    facts["request_id"] = headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id")
    if not facts.get("code"):
        facts["code"] = f"HTTP{status}" if status else "NoAnswer"
    return refusal(f"Azure did not {what}.", facts, status=status, resource_id=resource_id)


def refusal(message: str, facts: Mapping[str, Any], **more: Any) -> AzureError:
    """An :class:`AzureError` that says ``message`` and then, in a paragraph, what Azure said in ``facts``."""
    kept = {("azure_message" if key == "message" else key): value for key, value in facts.items() if key != "reasons"}
    reasons = [{key: value for key, value in facts.items() if key != "request_id"}, *facts.get("reasons", [])]
    said = [sentence(reason) for reason in reasons]
    if len(reasons) > 1:
        kept["problems"] = said
    error = AzureError(" ".join([message, sentence(facts), *said[1:]]), **kept, **more)
    error.codes = tuple(str(reason.get("code")) for reason in reasons)
    return error
