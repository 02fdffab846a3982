# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_run show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, VAULT, chain
from tests.lifecycle.options import Proven, Shows


def BEFORE(subscription):
    return chain(subscription)


def BASE(subscription):
    return {**CLUSTER, **VAULT}


ID = "/subscriptions/{subscription}/resourceGroups"
NO_CLUSTER = {"cluster_name": None, "cluster_resource_group": None}
NO_VAULT = {"vault_name": None, "vault_resource_group": None}

OPTIONS = {
    "cluster_id": Shows(
        {
            **NO_CLUSTER,
            "cluster_id": f"{ID}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-other",
        },
        "managedClusters/aks-other/",
    ),
    "cluster_name": Shows({"cluster_name": "aks-other"}, "managedClusters/aks-other/"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, "/rg-other/"),
    "fail_on_warnings": Proven("tests/lifecycle/test_run.py::test_jobs_that_fail_or_warn_say_why_and_what_to_do"),
    "follow_running": Proven("tests/lifecycle/test_run.py::test_an_interrupted_run_is_found_and_followed"),
    "friendly_name": Shows({"friendly_name": "another"}, hides='"rule_name": "Backup'),
    "name": Shows({"name": "nobody"}, "backupInstances/nobody"),
    "retention_tag_override": Shows({"retention_tag_override": "Hourly"}, "has no such tag"),
    "rule_name": Shows({"rule_name": "ByHand"}, '"rule_name": "ByHand"'),
    "skip_if_newer_than": Shows({"skip_if_newer_than": "4h"}, '"job_started": false'),
    "vault_id": Shows(
        {**NO_VAULT, "vault_id": f"{ID}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other"},
        "backupVaults/bv-other/",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, "backupVaults/bv-other/"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, "/rg-other/"),
    "wait": Proven("tests/lifecycle/test_run.py::test_one_backup_and_when_there_is_no_need_for_another"),
}
