# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_provider show."""

from __future__ import annotations

from tests.lifecycle.options import Shows


def BEFORE(subscription):
    return []


def BASE(subscription):
    return {}


OPTIONS = {
    "providers": Shows({"providers": ["Microsoft.DataProtection"]}, hides="Microsoft.KubernetesConfiguration"),
}
