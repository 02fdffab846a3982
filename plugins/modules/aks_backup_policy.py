#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_policy: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
@@DOC@@
"""

EXAMPLES = r"""
@@EXAMPLES@@
"""

RETURN = r"""
@@RETURN@@
"""

from ansible_collections.aks.backup.plugins.module_utils._arm import DATA_PROTECTION
from ansible_collections.aks.backup.plugins.module_utils._module import Contract, VAULT_SPEC
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import Policy

ARGUMENT_SPEC = {
    **VAULT_SPEC,
    "backup_rule_name": {"type": "str"},
    "name": {"type": "str", "required": True},
    "operational_retention": {"type": "str"},
    "policy_definition": {"type": "dict"},
    "preset": {"type": "str", "choices": ["default", "disaster_recovery", "month", "week"]},
    "retention_rules": {
        "type": "list",
        "elements": "dict",
        "options": {
            "criteria": {"type": "str", "choices": ["FirstOfDay", "FirstOfMonth", "FirstOfWeek", "FirstOfYear"]},
            "name": {"type": "str"},
            "operational_retention": {"type": "str"},
            "priority": {"type": "int"},
            "vault_retention": {"type": "str"},
        },
    },
    "schedule": {
        "type": "dict",
        "options": {
            "day_of_week": {
                "type": "str",
                "choices": ["Friday", "Monday", "Saturday", "Sunday", "Thursday", "Tuesday", "Wednesday"],
            },
            "frequency": {"type": "str", "choices": ["daily", "hourly", "weekly"], "default": "hourly"},
            "interval": {"type": "int"},
            "start_time": {"type": "str"},
            "time_zone": {"type": "str"},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Policy()),
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("vault",),
    constraints={
        "mutually_exclusive": [
            ("policy_definition", option) for option in ("backup_rule_name", "operational_retention", "preset", "retention_rules", "schedule")
        ],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
