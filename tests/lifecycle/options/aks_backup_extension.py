# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_extension show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER, chain, storage
from tests.lifecycle.options import Proven, Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"
CLUSTERS = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters"
ELSEWHERE = "00000000-0000-0000-0000-00000000e15e"
LIFECYCLE = "tests/lifecycle/test_extension.py"


def BEFORE(subscription):
    return chain(subscription, until="vault", without="snapshots")


def BASE(subscription):
    return {**CLUSTER, **storage(subscription), "blob_container": "aks-east-1"}


OPTIONS = {
    "auto_upgrade_minor_version": Shows(
        {"auto_upgrade_minor_version": False}, shows='"auto_upgrade_minor_version": false'
    ),
    "blob_container": Shows({"blob_container": "another"}, shows='backupStorageLocation.bucket": "another"'),
    "cluster_id": Shows(
        {"cluster_id": f"{CLUSTERS}/aks-east-2", "cluster_name": None, "cluster_resource_group": None},
        shows="/managedClusters/aks-east-2",
    ),
    "cluster_name": Shows({"cluster_name": "aks-east-2"}, shows="/managedClusters/aks-east-2"),
    "cluster_resource_group": Shows({"cluster_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
    "extra_settings": Shows({"extra_settings": {"image.pullPolicy": True}}, shows='"image.pullPolicy": "true"'),
    "force_delete": Proven(f"{LIFECYCLE}::test_removal_while_instances_protect_the_cluster"),
    "name": Shows({"name": "another"}, shows="/extensions/another"),
    "purge_unlisted_settings": Proven(f"{LIFECYCLE}::test_settings_and_storage_location"),
    "release_train": Shows({"release_train": "preview"}, shows='"release_train": "preview"'),
    "repair": Proven(f"{LIFECYCLE}::test_a_failed_extension"),
    "resources.limits.cpu": Shows({"resources": {"limits": {"cpu": "1700m"}}}, shows='limits.cpu": "1700m"'),
    "resources.limits.memory": Shows({"resources": {"limits": {"memory": "5Gi"}}}, shows='limits.memory": "5Gi"'),
    "resources.requests.cpu": Shows({"resources": {"requests": {"cpu": "700m"}}}, shows='requests.cpu": "700m"'),
    "resources.requests.memory": Shows({"resources": {"requests": {"memory": "3Gi"}}}, shows='requests.memory": "3Gi"'),
    "state": Shows({"state": "absent"}, shows='"resource": null'),
    "storage_account": Shows({"storage_account": "another"}, shows="https://another.blob.core.windows.net/"),
    "storage_account_id": Shows(
        {
            "storage_account_id": f"{GROUPS}/rg-backup/providers/Microsoft.Storage/storageAccounts/another",
            "storage_account": None,
            "storage_account_resource_group": None,
        },
        shows="https://another.blob.core.windows.net/",
    ),
    "storage_account_resource_group": Shows({"storage_account_resource_group": "rg-other"}, shows="rg-other"),
    "storage_account_subscription_id": Shows({"storage_account_subscription_id": ELSEWHERE}, shows=ELSEWHERE),
    "storage_account_uri": Shows(
        {"storage_account_uri": "https://private.example/"}, shows='storageAccountURI": "https://private.example/"'
    ),
    "tenant_id": Shows({"tenant_id": ELSEWHERE}, shows=f'credentials.tenantId": "{ELSEWHERE}"'),
    "use_aad": Shows({"use_aad": False}, shows="takes no keys"),
    "version": Shows({"version": "0.0.3"}, shows='"version": "0.0.3"'),
    "wait_for_identity": Proven("tests/unit/test_settings.py::test_an_identity_is_waited_for_or_not"),
}
