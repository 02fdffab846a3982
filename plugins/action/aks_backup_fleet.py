# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs aks_backup_fleet in the controller's worker where the connection is local."""

from __future__ import annotations

from ansible_collections.aks.backup.plugins.modules import aks_backup_fleet as module
from ansible_collections.aks.backup.plugins.plugin_utils._worker import ContractAction


class ActionModule(ContractAction):
    contract = module.CONTRACT
