#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_storage: documentation, options, one call."""

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

from ansible_collections.aks.backup.plugins.module_utils._arm import RESOURCES, STORAGE
from ansible_collections.aks.backup.plugins.module_utils._module import Contract, TAGS_SPEC
from ansible_collections.aks.backup.plugins.module_utils._resources.storage import provide

ARGUMENT_SPEC = {
    **TAGS_SPEC,
    "allow_blob_public_access": {"type": "bool"},
    "allow_shared_key_access": {"type": "bool", "no_log": False},
    "confirm_delete_data": {"type": "str"},
    "container": {"type": "str"},
    "location": {"type": "str"},
    "public_network_access": {"type": "str", "choices": ["Disabled", "Enabled"]},
    "resource_group": {"type": "str", "required": True},
    "sku": {
        "type": "str",
        "choices": ["Premium_LRS", "Standard_GRS", "Standard_GZRS", "Standard_LRS", "Standard_RAGRS", "Standard_RAGZRS", "Standard_ZRS"],
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "storage_account": {"type": "str"},
}

CONTRACT = Contract(
    work=provide,
    argument_spec=ARGUMENT_SPEC,
    packages=(RESOURCES, STORAGE),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
