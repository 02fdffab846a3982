# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_vault show."""

from __future__ import annotations

from tests.harness.steps import chain
from tests.lifecycle.options import Proven, Shows

IDENTITY = (
    "/subscriptions/{subscription}/resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
    "id-{name}"
)
ONE, TWO = (IDENTITY.replace("{name}", name) for name in ("one", "two"))
GUARD = "/subscriptions/{subscription}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/resourceGuards/guard"
KEY = "https://kv-backup.vault.azure.net/keys/backup"
# An encrypted vault that is to be, on which the parts of its key can be told apart.
ENCRYPTED = {
    "name": "bv-new",
    "confirm_irreversible": "bv-new",
    "encryption": {"key_uri": KEY, "identity_id": ONE},
    "identity": {"user_assigned_identities": [ONE, TWO]},
}
REMOVAL = "tests/lifecycle/test_vault_removal.py"
GOES = f"{REMOVAL}::test_a_vault_goes_with_all_it_protects"


def BEFORE(subscription):
    return chain(subscription, until="policy")


def BASE(subscription):
    return {"name": "bv-east", "resource_group": "rg-backup", "location": "eastus"}


OPTIONS = {
    "alerts_for_all_job_failures": Shows({"alerts_for_all_job_failures": True}, '"alerts_for_all_job_failures": true'),
    "append_tags": Proven("tests/unit/test_vault.py::test_tags_are_added_or_replaced_as_asked"),
    "confirm_delete_data": Proven(GOES),
    "confirm_irreversible": Shows(
        {"confirm_irreversible": "bv-east"}, '"immutability": "Locked"', over={"immutability": "Locked"}
    ),
    "cross_region_restore": Shows({"cross_region_restore": True}, "cross_region_restore needs a GeoRedundant vault"),
    "cross_subscription_restore": Shows(
        {"cross_subscription_restore": "Enabled"}, '"cross_subscription_restore": "Enabled"'
    ),
    "datastore_type": Shows(
        {"datastore_type": "ArchiveStore"}, '"datastore_type": "ArchiveStore"', over={"name": "bv-new"}
    ),
    "encryption.identity_id": Shows({"encryption": {"identity_id": TWO}}, f'"identity_id": "{TWO}"', over=ENCRYPTED),
    "encryption.identity_type": Shows(
        {"encryption": {"identity_type": "SystemAssigned"}},
        "encryption.identity_type is SystemAssigned",
        over=ENCRYPTED,
    ),
    "encryption.infrastructure_encryption": Shows(
        {"encryption": {"infrastructure_encryption": True}}, '"infrastructure_encryption": true', over=ENCRYPTED
    ),
    "encryption.key_uri": Shows({"encryption": {"key_uri": f"{KEY}/1"}}, f'"key_uri": "{KEY}/1"', over=ENCRYPTED),
    "identity.append": Proven("tests/lifecycle/test_vault.py::test_identities"),
    "identity.type": Shows({"identity": {"type": "None"}}, '"type": "None"'),
    "identity.user_assigned_identities": Shows({"identity": {"user_assigned_identities": [ONE]}}, ONE),
    "immutability": Shows({"immutability": "Unlocked"}, '"immutability": "Unlocked"'),
    "location": Shows({"location": "westeurope"}, '"location": "westeurope"', over={"name": "bv-new"}),
    "name": Shows({"name": "bv-new"}, "/backupVaults/bv-new"),
    "on_instances": Proven(GOES),
    "redundancy": Shows({"redundancy": "ZoneRedundant"}, '"redundancy": "ZoneRedundant"', over={"name": "bv-new"}),
    "resource_group": Shows({"resource_group": "rg-other"}, "/resourceGroups/rg-other/"),
    "resource_guard_id": Shows({"resource_guard_id": GUARD}, '"is_protected_by_resource_guard": true'),
    "resource_guard_operation_requests": Proven(f"{REMOVAL}::test_a_resource_guard"),
    "soft_delete.retention_days": Shows({"soft_delete": {"retention_days": 30}}, '"retention_days": 30'),
    "soft_delete.state": Shows({"soft_delete": {"state": "Off"}}, '"state": "Off"'),
    "state": Shows({"state": "absent"}, '"resource": null'),
    "tags": Shows({"tags": {"owner": "platform"}}, '"owner": "platform"'),
    "undelete": Proven(f"{REMOVAL}::test_undelete"),
}
