#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_extension: documentation, options, one call."""

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

from ansible_collections.aks.backup.plugins.module_utils._arm import AKS, DATA_PROTECTION, EXTENSIONS, STORAGE
from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.extension import Extension

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    "auto_upgrade_minor_version": {"type": "bool"},
    "blob_container": {"type": "str"},
    "extra_settings": {"type": "dict"},
    "name": {"type": "str", "default": "azure-aks-backup"},
    "release_train": {"type": "str"},
    "resources": {
        "type": "dict",
        "options": {
            "limits": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
            "requests": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "storage_account_uri": {"type": "str"},
    "use_aad": {"type": "bool", "default": True},
    "version": {"type": "str"},
}

CONTRACT = Contract(
    work=reconciler(Extension()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION, EXTENSIONS, STORAGE),
    identifies=("cluster",),
    constraints={
        "required_if": [("state", "present", ("blob_container",)), ("state", "present", ("storage_account_id", "storage_account"), True)],
        "required_together": [("storage_account", "storage_account_resource_group")],
        "mutually_exclusive": [("storage_account_id", "storage_account")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
