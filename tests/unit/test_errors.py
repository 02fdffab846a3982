# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as sentences, from every shape in which Azure says no."""

from __future__ import annotations

import json

from ansible_collections.aks.backup.plugins.module_utils import _errors

FACING = {
    "message": "Appropriate permissions to perform the operation is missing.",
    "recommendedAction": ["Grant appropriate permissions."],
    "code": "UserErrorMissingRequiredPermissions",
    "innerError": {
        "code": "UserErrorMissingRequiredPermissions",
        "additionalInfo": {"DetailedNonLocalisedMessage": "The client 'x' may not read 'y'"},
    },
    "isRetryable": False,
    "properties": {"ActivityId": "activity-1"},
}
FAILED_OPERATION = {
    "status": "Failed",
    "error": {
        "code": "UserErrorMissingRequiredPermissions",
        "message": "outer",
        "additionalInfo": [{"type": "UserFacingError", "info": FACING}],
    },
}
ARM = {"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}
FLAT = {"code": "OperationNotAllowed", "details": None, "message": "Another operation is in progress.", "subcode": ""}


def read(body, status=400, headers=None):
    text = body if isinstance(body, str) else json.dumps(body)
    return _errors.from_response("do it", status, text, headers or {"x-ms-request-id": "request-1"}, "/id")


def test_the_reason_of_a_failed_operation_is_dug_out_although_it_came_with_200():
    error = read(FAILED_OPERATION, 200)
    assert error.code == "UserErrorMissingRequiredPermissions"
    assert error.facts["activity_id"] == "activity-1"
    assert error.facts["recommended_action"] == ["Grant appropriate permissions."]
    assert error.facts["request_id"] == "request-1"
    assert error.facts["status"] == 200
    assert error.message == (
        "Azure did not do it. UserErrorMissingRequiredPermissions: Appropriate permissions to perform the "
        "operation is missing. "
        "The client 'x' may not read 'y'. What to do: The vault's identity lacks a role. Run aks_backup_permissions. "
        "(Azure request id request-1)"
    )


def test_arm_and_aks_envelopes_are_read_alike():
    assert read(ARM).code == "ResourceGroupNotFound"
    assert read(FLAT, 409).code == "OperationNotAllowed"
    assert "Another operation is in progress." in read(FLAT, 409).message


def test_what_is_not_json_still_makes_a_sentence():
    error = read("<html>bad gateway</html>", 502)
    assert (error.code, error.facts["status"]) == ("HTTP502", 502)
    assert error.message.startswith("Azure did not do it. HTTP502.")
    assert read("[1]", 500).code == "HTTP500"


def test_azures_recommendation_is_quoted_where_we_have_no_advice():
    info = {**FACING, "code": "UserErrorUnheardOf", "innerError": None}
    assert (
        "Azure recommends: Grant appropriate permissions."
        in read({"error": {"code": "x", "additionalInfo": [{"info": info}]}}).message
    )


def test_all_reasons_that_azure_gives_at_once_are_told():
    """A UserFacingError has room for others in its details, and additionalInfo for several."""
    binding = {"code": "UserErrorTrustedAccessGatewayReturnedForbidden", "message": "Missing.", "details": None}
    location = {"code": "UserErrorUnheardOf", "message": "Not there.", "recommendedAction": ["Make it."]}
    info = {**FACING, "details": [binding, binding]}
    body = {"error": {"code": "x", "additionalInfo": [{"info": info}, {"info": location}], "details": None}}
    error = read(body)
    assert error.codes == (FACING["code"], location["code"], binding["code"])
    assert len(error.facts["problems"]) == 3
    assert "Azure recommends: Make it." in error.facts["problems"][1]
    assert "aks_trusted_access" in error.facts["problems"][2]
    assert all(problem in error.message for problem in error.facts["problems"][1:])
    assert "reasons" not in error.facts
    alone = read({"error": {"code": "x", "additionalInfo": [{"info": FACING}]}})
    assert alone.codes == (FACING["code"],) and "problems" not in alone.facts


def test_advice_is_sorted_and_in_sentences():
    assert list(_errors.ADVICE) == sorted(_errors.ADVICE)
    for code, advice in _errors.ADVICE.items():
        assert advice.endswith("."), code
    assert set(_errors.ADVICE) >= _errors.SETTLING_CODES
