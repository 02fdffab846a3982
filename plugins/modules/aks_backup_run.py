#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_run: documentation, options, one call."""

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
from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, Contract, VAULT_SPEC
from ansible_collections.aks.backup.plugins.module_utils._resources.jobs import run

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "fail_on_warnings": {"type": "bool", "default": False},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "retention_tag_override": {"type": "str"},
    "rule_name": {"type": "str"},
    "wait": {"type": "bool", "default": True},
}

CONTRACT = Contract(
    work=run,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("cluster", "vault"),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
