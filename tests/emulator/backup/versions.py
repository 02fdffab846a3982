# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the api-versions of Microsoft.DataProtection.

Sources: the version lists of the azure-mgmt-dataprotection packages and ARM wire behaviour seen per version.
"""

from __future__ import annotations

SUPPORTED = (
    "2021-01-01", "2021-07-01", "2022-01-01", "2022-03-01", "2022-04-01", "2022-05-01", "2022-11-01-preview",
    "2022-12-01",
    "2023-01-01", "2023-05-01", "2023-06-01-preview", "2023-08-01-preview", "2023-11-01", "2023-12-01",
    "2024-02-01-preview", "2024-03-01", "2024-04-01", "2025-01-01", "2025-02-01", "2025-07-01", "2025-08-15-preview",
    "2025-09-01", "2026-03-01", "2026-04-01-preview", "2026-06-01",
)

ALWAYS_ON_REQUIRED = "2025-09-01"       # vault writes that leave soft delete On or Off are refused
DELETED_VAULTS = "2025-09-01"           # deletedVaults, undelete of vaults, soft delete of empty vaults
VOLUME_TYPES = "2025-09-01"             # includedVolumeTypes is shown, null when unset
POLICY_VERSION = "2025-09-01"           # policyInfo.policyVersion and dataSourceInfo.resourceProperties are shown
CROSS_REGION_BACKUP = "2025-09-01"      # vault shows crossRegionBackupSettings
REGION_OF_CHOICE = "2026-06-01"         # vault shows regionOfChoiceSettings


def since(api_version: str, first: str) -> bool:
    """True if api_version is first or newer; a preview counts as its date."""
    return api_version[:10] >= first
