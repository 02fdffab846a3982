#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_vault: documentation, options, one call."""

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
from ansible_collections.aks.backup.plugins.module_utils._module import Contract, TAGS_SPEC
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.vault import Vault

ARGUMENT_SPEC = {
    **TAGS_SPEC,
    "alerts_for_all_job_failures": {"type": "bool"},
    "confirm_irreversible": {"type": "str"},
    "cross_region_restore": {"type": "bool"},
    "cross_subscription_restore": {"type": "str", "choices": ["Disabled", "Enabled", "PermanentlyDisabled"]},
    "identity": {
        "type": "dict",
        "options": {
            "type": {
                "type": "str",
                "choices": ["None", "SystemAssigned", "SystemAssigned,UserAssigned", "UserAssigned"],
                "default": "SystemAssigned",
            },
            "user_assigned_identities": {"type": "list", "elements": "str"},
        },
    },
    "immutability": {"type": "str", "choices": ["Disabled", "Locked", "Unlocked"]},
    "location": {"type": "str"},
    "name": {"type": "str", "required": True, "aliases": ["vault_name"]},
    "redundancy": {"type": "str", "choices": ["GeoRedundant", "LocallyRedundant", "ZoneRedundant"]},
    "resource_group": {"type": "str", "required": True},
    "soft_delete": {
        "type": "dict",
        "options": {
            "retention_days": {"type": "float"},
            "state": {"type": "str", "choices": ["AlwaysOn", "Off", "On"]},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Vault()),
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
