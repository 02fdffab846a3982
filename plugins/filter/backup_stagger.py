# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter aks.backup.backup_stagger: the policy of a cluster's slot, so that many clusters do not start at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import stagger
from ansible_collections.aks.backup.plugins.modules.aks_backup_policy import CONTENT_SPEC

NAME = "aks.backup.backup_stagger"


def number(value: Any, option: str) -> int:
    """A whole number, also from the text that a template makes of it."""
    try:
        return int(value)
    except (TypeError, ValueError) as exc:
        raise AnsibleFilterError(f"{NAME}: {option} is {value!r}; it must be a whole number.") from exc


def backup_stagger(value: Any, cluster_id: str, window: Any, slots: Any = stagger.SLOTS) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(
            f"{NAME} takes a dictionary, the options of aks_backup_policy, and was given {type(value).__name__}."
        )
    content = {option: plain(value[option]) for option in CONTENT_SPEC if option in value}
    # Values from templates can be text; they become what the module makes of them.
    validated = ArgumentSpecValidator(CONTENT_SPEC).validate(content)
    if validated.error_messages:
        raise AnsibleFilterError(f"{NAME}: {'; '.join(validated.error_messages)}.")
    policy = {**value, **validated.validated_parameters}
    try:
        made = stagger.staggered(policy, str(cluster_id), number(window, "window"), number(slots, "slots"))
    except BackupError as exc:
        raise AnsibleFilterError(f"{NAME}: {exc.message}") from exc
    found = {**plain(value), "name": made["name"]}
    if delay := (made["schedule"] or {}).get("delay"):
        found["schedule"] = {**(found.get("schedule") or {}), "delay": delay}
    return found


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, Any]:
        return {"backup_stagger": backup_stagger}
