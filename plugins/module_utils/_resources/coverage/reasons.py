# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong with the backups of a fleet: a table of reasons. Facts, no code. Private to the collection."""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


class Reason(NamedTuple):
    """``fix`` completes what is said of a cluster or vault; ``control`` is the one of the CIS benchmark, if any."""

    severity: str
    title: str
    fix: str
    control: str = ""


# In the order in which a cluster's reasons are told.
CLUSTER_REASONS: dict[str, Reason] = {
    "unprotected": Reason(
        ERROR,
        "Not protected",
        "Run the role aks.backup.aks_backup on the cluster, or the playbook aks.backup.protect.",
    ),
    "protection_error": Reason(
        ERROR,
        "Protection error",
        "Remove the cause, then run aks_backup_instance again, which has Azure look anew.",
    ),
    "extension_missing": Reason(
        ERROR,
        "Extension missing",
        "Install the backup extension with aks_backup_extension, and give it its role with aks_backup_permissions.",
    ),
    "extension_failed": Reason(
        ERROR,
        "Extension failed",
        "Read what it reports with aks_backup_extension_info, remove the cause, then run aks_backup_extension, if need "
        "be with repair=reinstall.",
    ),
    "binding_missing": Reason(
        ERROR,
        "Trusted Access missing",
        "Run aks_trusted_access for the cluster and the vault, with repair=recreate where the binding is there.",
    ),
    "stopped": Reason(
        ERROR,
        "Protection stopped",
        "Run aks_backup_instance with protection=active, or remove the instance if nobody wants its backups any more.",
    ),
    "rpo_missed": Reason(
        ERROR,
        "Backup overdue",
        "Read the latest jobs with aks_backup_job_info, remove what made them fail, and back up with aks_backup_run.",
    ),
    "suspended": Reason(
        WARNING,
        "Backups suspended",
        "Run aks_backup_instance with protection=active once the reason for the pause is gone.",
    ),
    "configuring": Reason(
        WARNING,
        "Being configured",
        "Wait some minutes and look again. If it stays so, run aks_backup_instance again.",
    ),
    "namespaces_not_covered": Reason(
        WARNING,
        "Namespaces not covered",
        "Change included_namespaces or excluded_namespaces of aks_backup_instance, or add a second instance.",
    ),
    "vault_tier_missing": Reason(
        WARNING,
        "No copies in the vault",
        "Give the instance a policy with vault_retention, see aks_backup_policy. Snapshots alone are lost with their "
        "resource group and region.",
    ),
}

# Controls of the CIS Microsoft Azure Storage Services Benchmark, version 2.0.0, section 3.1; the other two are ours.
VAULT_REASONS: dict[str, Reason] = {
    "vault_soft_delete": Reason(
        ERROR, "Soft delete off", "Run aks_backup_vault with soft_delete.state=On or AlwaysOn.", "3.1.1"
    ),
    "vault_immutability": Reason(
        WARNING, "Not immutable", "Run aks_backup_vault with immutability=Unlocked, later Locked.", "3.1.2"
    ),
    "vault_encryption": Reason(
        INFO, "No key of one's own", "Run aks_backup_vault with encryption, which cannot be turned off again.", "3.1.3"
    ),
    "vault_infrastructure_encryption": Reason(
        INFO,
        "No infrastructure encryption",
        "It is chosen when a vault is created: make another vault with encryption.infrastructure_encryption.",
        "3.1.4",
    ),
    "vault_cross_region_restore": Reason(
        INFO,
        "No restore in the paired region",
        "Run aks_backup_vault with cross_region_restore=true, which takes redundancy GeoRedundant and stays on.",
        "3.1.5",
    ),
    "vault_cross_subscription_restore": Reason(
        INFO,
        "Restore to other subscriptions",
        "Run aks_backup_vault with cross_subscription_restore=Disabled, unless restores elsewhere are wanted.",
        "3.1.6",
    ),
    "vault_redundancy": Reason(
        WARNING,
        "Copies in one data centre",
        "Redundancy is fixed when a vault is created: make another vault, ZoneRedundant or GeoRedundant.",
    ),
    "vault_guard": Reason(
        INFO,
        "No Resource Guard",
        "Run aks_backup_vault with resource_guard_id, so that no single person can remove backups.",
    ),
}

REASONS = {**CLUSTER_REASONS, **VAULT_REASONS}
