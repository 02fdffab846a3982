#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_job_info: documentation, options, one call."""

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
from ansible_collections.aks.backup.plugins.module_utils._resources.jobs import list_jobs

ARGUMENT_SPEC = {
    **VAULT_SPEC,
    "cluster_id": {"type": "str"},
    "details": {"type": "bool", "default": False},
    "job_id": {"type": "str"},
    "latest_only": {"type": "bool", "default": False},
    "operation": {
        "type": "list",
        "elements": "str",
        "choices": ["CrossRegionRestore", "OnDemandBackup", "Restore", "ScheduledBackup", "Tiering"],
    },
    "since": {"type": "str", "default": "7d"},
    "status": {
        "type": "list",
        "elements": "str",
        "choices": ["Cancelled", "Cancelling", "Completed", "CompletedWithWarnings", "Failed", "InProgress", "Paused"],
    },
}

CONTRACT = Contract(
    work=list_jobs,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("vault",),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
