# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_storage show."""

from __future__ import annotations

from tests.harness import task
from tests.harness.steps import account
from tests.lifecycle.options import Proven, Shows

LIFECYCLE = "tests/lifecycle/test_storage.py"


def BEFORE(subscription):
    made = {"resource_group": "rg-backup", "location": "eastus", "storage_account": account(subscription)}
    return [task("storage", "aks_backup_storage", **made, container="aks-east-1", tags={"purpose": "backup"})]


def BASE(subscription):
    return {"resource_group": "rg-backup", "storage_account": account(subscription)}


OPTIONS = {
    "allow_blob_public_access": Shows({"allow_blob_public_access": True}, shows='"allow_blob_public_access": true'),
    "allow_shared_key_access": Shows({"allow_shared_key_access": True}, shows='"allow_shared_key_access": true'),
    "append_tags": Shows(
        {"append_tags": False}, over={"tags": {"owner": "platform"}}, shows='"tags": {"owner": "platform"}'
    ),
    "confirm_delete_data": Proven(f"{LIFECYCLE}::test_what_is_refused"),
    "container": Shows({"container": "aks-east-2"}, shows="/containers/aks-east-2"),
    "location": Shows({"location": "westeurope"}, shows="a storage account cannot move"),
    "public_network_access": Shows({"public_network_access": "Disabled"}, shows='"public_network_access": "Disabled"'),
    "resource_group": Shows({"resource_group": "rg-other"}, shows="rg-other", over={"location": "eastus"}),
    "sku": Shows({"sku": "Standard_ZRS"}, shows="changing the replication"),
    "state": Shows({"state": "absent"}, shows="destroys the backups in it", over={"container": "aks-east-1"}),
    "storage_account": Shows({"storage_account": "another"}, shows="another", over={"location": "eastus"}),
    "tags": Shows({"tags": {"owner": "platform"}}, shows='"owner": "platform"'),
}
