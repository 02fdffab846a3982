# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_policy_info show."""

from __future__ import annotations

from tests.harness.steps import VAULT, chain, step
from tests.lifecycle.options import Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"


def BEFORE(subscription):
    return [
        *chain(subscription, until="extension"),
        step(subscription, "policy", title="another", name="aks-another"),
    ]


def BASE(subscription):
    return dict(VAULT)


OPTIONS = {
    "name": Shows({"name": "aks-another"}, hides="aks-daily"),
    "vault_id": Shows(
        {
            "vault_id": f"{GROUPS}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other",
            "vault_name": None,
            "vault_resource_group": None,
        },
        shows="/backupVaults/bv-other",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, shows="/backupVaults/bv-other"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
}
