#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_job_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_job_info
short_description: Read the jobs of Azure Backup for AKS
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the jobs of a vault, or of all vaults of subscriptions, newest first, all of them. Azure's pages are
    followed to the last.
  - Jobs are backups on demand and by schedule, restores, and copies to the vault tier.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-resourcegraph >= 8.0.1
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.vault
  - aks.backup.attributes.info_module
options:
  backup_instance:
    description:
      - Only jobs of the backup instance of this name or resource ID.
    type: str
  cluster_id:
    description:
      - Only jobs of the cluster with this resource ID.
    type: str
  details:
    description:
      - Whether to read each job by itself, for what the list of jobs lacks. These are errors and warnings in full,
        steps, transferred bytes, and the recovery point. It costs one request for each job.
    type: bool
    default: false
  end_time:
    description:
      - Only jobs that started until then, a date or a moment in ISO 8601, UTC where it does not say.
    type: str
  job_id:
    description:
      - Name or resource ID of a job. Only this job is returned, with details, and the other filters do not matter.
      - A job of the paired region needs O(secondary_region) as well.
    type: str
  latest_only:
    description:
      - Whether to return of each backup instance only the newest of the jobs that the other filters leave.
    type: bool
    default: false
  limit:
    description:
      - Return at most so many of the jobs that the other filters leave, 1 or more, the newest.
    type: int
  operation:
    description:
      - Only jobs that do one of these.
    type: list
    elements: str
    choices:
      CrossRegionRestore: Restores in the paired region.
      OnDemandBackup: Backups that somebody asked for.
      Restore: Restores.
      ScheduledBackup: Backups that the policy asked for.
      Tiering: Copies to the vault tier.
  secondary_region:
    description:
      - Whether to read the jobs of the paired region instead, which are the restores there. The vault must restore
        across regions.
    type: bool
    default: false
  since:
    description:
      - Only jobs that started within this time, a number with V(m), V(h), V(d) or V(w) behind it, for minutes, hours,
        days or weeks. An empty string is for all jobs that Azure still knows.
    type: str
    default: 7d
  source:
    description:
      - Where to read. One job is always read from its vault.
    type: str
    default: vault
    choices:
      resource_graph: >-
        Azure Resource Graph, which answers for many vaults and subscriptions at once. It lags behind by seconds to
        minutes and shows what the caller may read. O(vault_name) or O(vault_id) then is one more filter.
      vault: The vault of O(vault_name) or O(vault_id), one of which is then required.
  start_time:
    description:
      - Only jobs that started then or later, a date or a moment in ISO 8601, UTC where it does not say. The later of
        this and O(since) counts, so give an empty O(since) to look further back.
    type: str
  status:
    description:
      - Only jobs that stand so.
    type: list
    elements: str
    choices:
      - Cancelled
      - Cancelling
      - Completed
      - CompletedWithWarnings
      - Failed
      - InProgress
      - Paused
  subscriptions:
    description:
      - IDs of the subscriptions to look into with O(source=resource_graph). Left out, it is O(subscription_id).
    type: list
    elements: str
seealso:
  - module: aks.backup.aks_backup_run
    description: Starts a job.
  - module: aks.backup.aks_recovery_point_info
    description: What backups there are.
  - name: Manage AKS backups
    description: Microsoft's page on jobs and their warnings.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-manage-backups
"""

EXAMPLES = r"""
- name: Read the jobs of the last day
  aks.backup.aks_backup_job_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
    since: 24h
  register: recent

- name: Read what has gone wrong with backups in the last week, and why
  aks.backup.aks_backup_job_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
    operation:
      - OnDemandBackup
      - ScheduledBackup
    status:
      - CompletedWithWarnings
      - Failed
    details: true
  register: trouble

- name: Read the newest job of each protected cluster of the subscription, in whatever vault
  aks.backup.aks_backup_job_info:
    source: resource_graph
    latest_only: true
  register: newest

- name: Read the last backup of a cluster
  aks.backup.aks_backup_job_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
    cluster_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    operation:
      - OnDemandBackup
      - ScheduledBackup
    latest_only: true

- name: Read everything about one job
  aks.backup.aks_backup_job_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
    job_id: "{{ recent.jobs[0].id }}"
  when: recent.jobs | length > 0
"""

RETURN = r"""
jobs:
  description: The jobs, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    activity_id:
      description: Azure Backup's ID of what went on, which Microsoft's support asks for.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    backup_instance_id:
      description: Resource ID of the backup instance.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    cluster_id:
      description: Resource ID of the cluster.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    cluster_name:
      description: Name of the cluster.
      type: str
      sample: aks-east-1
    data_transferred_bytes:
      description: Bytes that were copied. V(null) when Azure does not say.
      type: float
      sample: 1048576
    destination_datastore:
      description: The tier that the job copies to. V(null) for backups and restores.
      type: str
      sample: VaultStore
    duration_seconds:
      description: How long the job has taken.
      type: float
      sample: 184.5
    end_time:
      description: When the job ended. V(null) while it runs.
      type: str
      sample: '2026-01-05T07:56:11.4267957Z'
    errors:
      description: Why the job failed.
      type: list
      elements: dict
      contains:
        activity_id:
          description: Azure Backup's ID of what went on, which Microsoft's support asks for.
          returned: when known
          type: str
          sample: 00000000-0000-0000-0000-000000000000
        advice:
          description: What this collection suggests to do.
          returned: when known
          type: str
          sample: >-
            The backup pod ran out of memory. Raise resources.limits.memory of the extension, for example to 4400Mi.
        code:
          description: Azure's error code.
          returned: when known
          type: str
          sample: UserErrorBackupPluginPodRestartedDuringBackup
        detail:
          description: What Azure Backup adds for people who look for the cause.
          returned: when known
          type: str
          sample: The pod was restarted 3 times.
        message:
          description: Azure's own words.
          returned: when known
          type: str
          sample: The backup extension pod was restarted during the backup.
        recommended_action:
          description: What Azure recommends to do.
          returned: when known
          type: list
          elements: str
          sample:
            - Give the pod more memory.
    id:
      description: Resource ID of the job.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupJobs/00000000-0000-0000-0000-000000000000
    is_user_triggered:
      description: Whether somebody asked for the job, as against a schedule.
      type: bool
      sample: true
    name:
      description: Name of the job, a GUID.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    operation:
      description: What the job does.
      type: str
      sample: OnDemandBackup
    policy_name:
      description: Name of the policy.
      type: str
      sample: aks-daily
    recovery_point_id:
      description: >-
        Name of the recovery point that a backup made, or that a restore or a copy started from. V(null) while it is not
        known, and in lists.
      type: str
      sample: 0123456789abcdef0123456789abcdef
    source_datastore:
      description: The tier that the job reads from. V(null) for backups.
      type: str
      sample: OperationalStore
    start_time:
      description: When the job started.
      type: str
      sample: '2026-01-05T07:53:06.923841Z'
    status:
      description: How the job stands. V(CompletedWithWarnings) is a backup that lacks something, see the warnings.
      type: str
      sample: Completed
    sub_tasks:
      description: The steps of the job.
      type: list
      elements: dict
      contains:
        name:
          description: What the step does.
          type: str
          sample: Trigger Backup
        progress_percent:
          description: How far the step is. V(null) when Azure does not say.
          type: float
          sample: 40
        status:
          description: How the step stands.
          type: str
          sample: Completed
    target_cluster_id:
      description: Resource ID of the cluster that a restore writes to. V(null) for other jobs, and in lists.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-2
    vault_name:
      description: Name of the vault.
      type: str
      sample: bv-east
    warnings:
      description: What is missing in the backup.
      type: list
      elements: dict
      contains:
        activity_id:
          description: Azure Backup's ID of what went on, which Microsoft's support asks for.
          returned: when known
          type: str
          sample: 00000000-0000-0000-0000-000000000000
        advice:
          description: What this collection suggests to do.
          returned: when known
          type: str
          sample: Check its pods in the namespace dataprotection-microsoft.
        code:
          description: Azure's code.
          returned: when known
          type: str
          sample: UserErrorNamespaceNotFound
        detail:
          description: What Azure Backup adds for people who look for the cause.
          returned: when known
          type: str
          sample: The namespace scratch does not exist.
        message:
          description: Azure's own words.
          returned: when known
          type: str
          sample: A namespace of the backup configuration was not found in the cluster.
        recommended_action:
          description: What Azure recommends to do.
          returned: when known
          type: list
          elements: str
          sample:
            - Correct the backup configuration.
        resource:
          description: The object of the cluster that the warning is about. V(null) when Azure does not say.
          type: str
          sample: scratch
summary:
  description: The jobs in numbers.
  returned: success
  type: dict
  contains:
    by_operation:
      description: Number of jobs by what they do.
      type: dict
      sample:
        OnDemandBackup: 1
        ScheduledBackup: 12
    by_status:
      description: Number of jobs by status.
      type: dict
      sample:
        Completed: 12
        Failed: 1
    newest:
      description: When the newest of the jobs started. V(null) when there is none.
      type: str
      sample: '2026-01-05T07:53:06.923841Z'
    oldest:
      description: When the oldest of the jobs started. V(null) when there is none.
      type: str
      sample: '2025-12-29T07:53:06.923841Z'
    total:
      description: Number of jobs.
      type: int
      sample: 13
operations:
  description: What was written to Azure. Always empty, since this module only reads.
  returned: unless the task fails before its first request
  type: list
  elements: dict
  sample: []
error:
  description: Why the task failed. RV(ignore:msg) says the same in a sentence.
  returned: failure
  type: dict
  contains:
    activity_id:
      description: Azure Backup's ID of what went on, which Microsoft's support asks for.
      returned: when known
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    advice:
      description: What this collection suggests to do.
      returned: when known
      type: str
      sample: Register the resource provider first, with aks_backup_provider.
    azure_message:
      description: Azure's own words.
      returned: when known
      type: str
      sample: The subscription is not registered to use namespace 'Microsoft.DataProtection'.
    code:
      description: Azure's error code.
      returned: when known
      type: str
      sample: MissingSubscriptionRegistration
    detail:
      description: What Azure Backup adds for people who look for the cause.
      returned: when known
      type: str
      sample: Validate for Protection failed.
    problems:
      description: All that is wrong, a sentence each, where the options are refused or Azure gives several reasons.
      returned: when known
      type: list
      elements: str
      sample:
        - soft_delete.retention_days is 7; Azure Backup takes 14 to 180 days.
    recommended_action:
      description: What Azure recommends to do.
      returned: when known
      type: list
      elements: str
      sample:
        - Grant appropriate permissions to perform this operation.
    request_id:
      description: Azure's ID of the request that failed.
      returned: when known
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    resource_id:
      description: Resource ID of what the failure is about.
      returned: when known
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
    status:
      description: HTTP status of the reply.
      returned: when known
      type: int
      sample: 409
    waiting_for:
      description: What was waited for when O(wait_timeout) had passed.
      returned: when known
      type: str
      sample: another operation on the cluster
"""

from ansible_collections.aks.backup.plugins.module_utils._module import VAULT_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.jobs_list import list_jobs
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION, RESOURCE_GRAPH

ARGUMENT_SPEC = {
    **VAULT_SPEC,
    "backup_instance": {"type": "str"},
    "cluster_id": {"type": "str"},
    "details": {"type": "bool", "default": False},
    "end_time": {"type": "str"},
    "job_id": {"type": "str"},
    "latest_only": {"type": "bool", "default": False},
    "limit": {"type": "int"},
    "operation": {
        "type": "list",
        "elements": "str",
        "choices": ["CrossRegionRestore", "OnDemandBackup", "Restore", "ScheduledBackup", "Tiering"],
    },
    "secondary_region": {"type": "bool", "default": False},
    "since": {"type": "str", "default": "7d"},
    "source": {"type": "str", "choices": ["resource_graph", "vault"], "default": "vault"},
    "start_time": {"type": "str"},
    "status": {
        "type": "list",
        "elements": "str",
        "choices": ["Cancelled", "Cancelling", "Completed", "CompletedWithWarnings", "Failed", "InProgress", "Paused"],
    },
    "subscriptions": {"type": "list", "elements": "str"},
}

CONTRACT = Contract(
    work=list_jobs,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION, RESOURCE_GRAPH),
    constraints={
        "mutually_exclusive": [("vault_id", "vault_name")],
        "required_if": [("source", "vault", ("vault_id", "vault_name"), True)],
        "required_together": [("vault_name", "vault_resource_group")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
