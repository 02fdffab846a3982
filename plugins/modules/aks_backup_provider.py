#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_provider: documentation, options, one call."""

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

from ansible_collections.aks.backup.plugins.module_utils._arm import RESOURCES
from ansible_collections.aks.backup.plugins.module_utils._module import Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.provider import register

ARGUMENT_SPEC = {
    "providers": {
        "type": "list",
        "elements": "str",
        "default": ["Microsoft.ContainerService", "Microsoft.DataProtection", "Microsoft.KubernetesConfiguration", "Microsoft.Storage"],
    },
}

CONTRACT = Contract(
    work=register,
    argument_spec=ARGUMENT_SPEC,
    packages=(RESOURCES,),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
