# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_job_info show."""

from __future__ import annotations

from tests.harness.steps import VAULT, chain
from tests.lifecycle.options import Proven, Shows


def BEFORE(subscription):
    return chain(subscription)


def BASE(subscription):
    return {**VAULT, "since": ""}


ID = "/subscriptions/{subscription}/resourceGroups"
NO_VAULT = {"vault_name": None, "vault_resource_group": None}
NOTHING = '"total": 0'
MANY = "tests/lifecycle/test_jobs.py::test_every_filter"

OPTIONS = {
    "backup_instance": Shows({"backup_instance": "nobody"}, NOTHING),
    "cluster_id": Shows(
        {"cluster_id": f"{ID}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-other"}, NOTHING
    ),
    "details": Shows({"details": True}, '"name": "Trigger Backup"'),
    "end_time": Shows({"end_time": "2020-01-01"}, NOTHING),
    "job_id": Shows({"job_id": "nothing"}, "backupJobs/nothing"),
    "latest_only": Proven(MANY),
    "limit": Proven(MANY),
    "operation": Shows({"operation": ["Tiering"]}, NOTHING),
    "secondary_region": Shows({"secondary_region": True}, "does not restore across regions"),
    "since": Shows({"since": "soon"}, "since is 'soon'"),
    "source": Shows({"source": "resource_graph"}, hides='/backupJobs", '),
    "start_time": Shows({"start_time": "2099-01-01"}, NOTHING),
    "status": Shows({"status": ["Failed"]}, NOTHING),
    "subscriptions": Shows(
        {"subscriptions": ["00000000-0000-0000-0000-00000000abcd"]},
        "AccessDenied",
        over={"source": "resource_graph"},
    ),
    "vault_id": Shows(
        {**NO_VAULT, "vault_id": f"{ID}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other"},
        "backupVaults/bv-other",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, "backupVaults/bv-other"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, "/rg-other/"),
}
