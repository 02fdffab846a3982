#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_trusted_access: documentation, options, one call."""

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
from ansible_collections.aks.backup.plugins.module_utils._resources.binding import Binding

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "name": {"type": "str"},
    "roles": {"type": "list", "elements": "str", "default": ["Microsoft.DataProtection/backupVaults/backup-operator"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Binding()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION),
    identifies=("cluster", "vault"),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
