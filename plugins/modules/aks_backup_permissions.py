#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_permissions: documentation, options, one call."""

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

from ansible_collections.aks.backup.plugins.module_utils._arm import AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCES, STORAGE
from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, Contract, VAULT_SPEC
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import manage

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "mode": {"type": "str", "choices": ["grant", "report"], "default": "grant"},
    "snapshot_resource_group": {"type": "str", "required": True},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "vault_tier": {"type": "bool", "default": False},
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCES, STORAGE),
    identifies=("cluster", "vault"),
    constraints={
        "required_one_of": [("storage_account_id", "storage_account")],
        "required_together": [("storage_account", "storage_account_resource_group")],
        "mutually_exclusive": [("storage_account_id", "storage_account")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
