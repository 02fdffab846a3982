# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_vault_info show."""

from __future__ import annotations

from tests.harness import task
from tests.harness.steps import chain
from tests.lifecycle.options import Shows


def BEFORE(subscription):
    other = {"name": "bv-other", "resource_group": "rg-snapshots", "location": "westeurope", "tags": {"a": "1"}}
    return [*chain(subscription, until="policy"), task("other", "aks_backup_vault", **other)]


def BASE(subscription):
    return {}


EAST, OTHER = '"name": "bv-east"', '"name": "bv-other"'
OPTIONS = {
    "include_deleted": Shows({"include_deleted": True}, '"deleted_vaults": []', over={"location": "eastus"}),
    "location": Shows({"location": "eastus"}, hides=OTHER),
    "name": Shows({"name": "bv-other"}, hides=EAST),
    "resource_group": Shows({"resource_group": "rg-backup"}, hides=OTHER),
    "tags": Shows({"tags": ["a"]}, hides=EAST),
}
