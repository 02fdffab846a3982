# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as Azure's services word them, and the three envelopes they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rbac import Principal


class AzureError(Exception):
    """An error answer of a service; the provider's envelope gives the body its shape.

    ``extra`` is merged into the error object (``target``, ``details``, ``additionalInfo`` ...) or read by the envelope
    (``recommended_action``: list of str, ``inner``: dict, ``subcode``).
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None, **extra: Any):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}
        self.extra = extra


class FrontDoorError(AzureError):
    """An error of Azure Resource Manager itself: always in the plain ARM envelope, whatever provider was addressed."""


def arm(error: AzureError, activity: str = "") -> dict[str, Any]:
    """``{"error": {"code", "message", ...}}``; source: "Common API error responses" of the ARM RPC contract."""
    return {"error": {"code": error.code, "message": error.message, **error.extra}}


def flat(error: AzureError, activity: str = "") -> dict[str, Any]:
    """Microsoft.ContainerService answers without the ``error`` wrapper (seen on its wire)."""
    return {"code": error.code, "details": error.extra.get("details"), "message": error.message,
            "subcode": error.extra.get("subcode", "")}


def user_facing(error: AzureError, activity: str = "") -> dict[str, Any]:
    """Microsoft.DataProtection: a UserFacingError inside additionalInfo; a 404 is short (both seen on its wire).

    ``isUserError`` is false even for errors of the user, and ActivityId is the client's request id.
    """
    if error.status == 404:
        return {"error": {"code": error.code, "message": error.message, "target": None, "details": None}}
    return {"error": {"additionalInfo": [{"type": "UserFacingError", "info": user_facing_info(error, activity)}],
                      "code": error.code, "message": error.message, "target": None, "details": None}}


def user_facing_info(error: AzureError, activity: str) -> dict[str, Any]:
    """The UserFacingError object, as jobs, protection errors and envelopes hold it."""
    return {"message": error.message, "recommendedAction": list(error.extra.get("recommended_action", ())),
            "details": None, "code": error.code, "target": error.extra.get("target", ""),
            "innerError": error.extra.get("inner"), "isRetryable": error.extra.get("retryable", False),
            "isUserError": False, "properties": {"ActivityId": activity}}


def resource_not_found(kind: str, group: str) -> FrontDoorError:
    """``kind`` is ``Namespace/type/name`` of the missing resource."""
    return FrontDoorError(404, "ResourceNotFound",
                          f"The Resource '{kind}' under resource group '{group}' was not found. For more details "
                          "please go to https://aka.ms/ARMResourceNotFoundFix")


def group_not_found(group: str) -> FrontDoorError:
    return FrontDoorError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def denied(principal: Principal, action: str, scope: str) -> FrontDoorError:
    return FrontDoorError(
        403, "AuthorizationFailed",
        f"The client '{principal.app_id}' with object id '{principal.oid}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials.")


def not_modelled(what: str) -> FrontDoorError:
    """The emulator's own answer for what Azure can do and the emulator cannot: never a guess."""
    return FrontDoorError(501, "NotModelledByEmulator", f"The emulator does not model {what}.")


def bad_request(message: str, code: str = "InvalidRequestContent") -> AzureError:
    return AzureError(400, code, message)
