# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs aks_namespace_info in the controller's worker where the connection is local."""

from __future__ import annotations

import contextlib

from ansible_collections.aks.backup.plugins.modules import aks_namespace_info as module
from ansible_collections.aks.backup.plugins.plugin_utils._worker import ContractAction

with contextlib.suppress(ImportError):
    # Before the controller forks, and so once for the run; it takes longer than the task.
    import kubernetes.config  # noqa: F401  pylint: disable=unused-import


class ActionModule(ContractAction):
    contract = module.CONTRACT
