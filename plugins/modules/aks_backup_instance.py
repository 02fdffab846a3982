#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_instance: documentation, options, one call."""

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

from ansible_collections.aks.backup.plugins.module_utils._arm import AKS, DATA_PROTECTION
from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, Contract, VAULT_SPEC
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import Instance

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "backup_configuration": {
        "type": "dict",
        "options": {
            "backup_hooks": {
                "type": "list",
                "elements": "dict",
                "options": {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}},
            },
            "excluded_namespaces": {"type": "list", "elements": "str"},
            "excluded_resource_types": {"type": "list", "elements": "str"},
            "include_cluster_scope_resources": {"type": "bool"},
            "included_namespaces": {"type": "list", "elements": "str"},
            "included_resource_types": {"type": "list", "elements": "str"},
            "label_selectors": {"type": "list", "elements": "str"},
            "snapshot_volumes": {"type": "bool"},
            "volume_types": {"type": "list", "elements": "str", "choices": ["AzureDisk", "AzureFileShareSMB"]},
        },
    },
    "confirm_delete_data": {"type": "str"},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "policy_id": {"type": "str"},
    "policy_name": {"type": "str"},
    "snapshot_resource_group": {"type": "str"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Instance()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION),
    identifies=("cluster", "vault"),
    constraints={
        "required_if": [("state", "present", ("snapshot_resource_group",)), ("state", "present", ("policy_id", "policy_name"), True)],
        "mutually_exclusive": [("policy_id", "policy_name")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
