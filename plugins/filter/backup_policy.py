# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter aks.backup.backup_policy: from the short form of a policy to the document of Azure's interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import short as policy_short
from ansible_collections.aks.backup.plugins.modules.aks_backup_policy import CONTENT_RULES, CONTENT_SPEC


def wire_document(value: Any, name: str) -> dict[str, Any]:
    """The document for a short form, which is checked as the options of the module are; one of Azure's is let pass."""
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(
            f"{name} takes a dictionary, the options of aks_backup_policy that make a policy or a policy as Azure has "
            f"it, and was given {type(value).__name__}."
        )
    if "properties" in value or "policyRules" in value:
        value = {"policy_definition": value}
    validated = ArgumentSpecValidator(CONTENT_SPEC, **CONTENT_RULES).validate(plain(value))
    if validated.error_messages:
        raise AnsibleFilterError(f"{name}: {'; '.join(validated.error_messages)}.")
    try:
        return policy_short.document(validated.validated_parameters)
    except BackupError as exc:
        raise AnsibleFilterError(f"{name}: {exc.message}") from exc


def backup_policy(value: Any) -> dict[str, Any]:
    return wire_document(value, "aks.backup.backup_policy")


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"backup_policy": backup_policy}
