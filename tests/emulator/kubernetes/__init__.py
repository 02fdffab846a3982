# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inside of AKS clusters, as far as backup and restore can tell: pure logic over plain
manifests. Only restore changes something: the target cluster.

cluster = Cluster("aks-1", "1.33.2", content)        content: plain scenario data, see Cluster
result = take_backup(cluster, parameters)            parameters: KubernetesClusterBackupDatasourceParameters
vault = tier(result["content"])                      what moves to the vault tier
result = restore(content, target, criteria)          criteria: KubernetesCluster[VaultTier]RestoreCriteria
"""

from __future__ import annotations

from .backup import take_backup, tier
from .cluster import Cluster
from .restore import RestoreError, restore

__all__ = ["Cluster", "RestoreError", "restore", "take_backup", "tier"]
