#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_run: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_run
short_description: Back up an AKS cluster now
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Starts a backup on demand of a protected cluster, follows its job to the end, and returns the recovery point.
  - A job that fails fails the task, with Azure's reason and what to do about it. A job that ends with warnings has made
    a backup which lacks something. It is a success, and the warnings are shown.
  - Azure needs the name of the policy's backup rule, which tools name differently. The module reads it from the policy.
  - A backup instance that Azure is still configuring is waited for. One whose protection is suspended, stopped or in
    error is refused.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes.action
attributes:
  idempotent:
    support: partial
    details:
      - This is an action, which is carried out, and reports a change, each time it runs. With O(skip_if_newer_than),
        and where a job of the same request is under way already, nothing is started and no change reported.
options:
  fail_on_warnings:
    description:
      - Whether a job that ends with warnings fails the task. Only with O(wait=true).
    type: bool
    default: false
  follow_running:
    description:
      - Whether to look first for a job that the same request, by this module, has started and that is still under way,
        and to follow it instead of starting a second one. So a run that was interrupted goes on where it was.
      - Two requests are the same when they are for the same backup instance, rule and retention tag.
      - With V(false) a backup is started in any case. That also spares a list of the vault's jobs.
    type: bool
    default: true
  friendly_name:
    description:
      - Friendly name of the backup instance, to distinguish several of the cluster in the vault.
    type: str
  name:
    description:
      - Name of the backup instance. Needed only when several protect the cluster in the vault.
    type: str
  retention_tag_override:
    description:
      - A tag of the policy, such as V(Weekly), that says how long the backup is kept. Left out, it is the tag
        C(Default).
    type: str
  rule_name:
    description:
      - Name of the policy's backup rule. Left out, it is read from the policy.
    type: str
  skip_if_newer_than:
    description:
      - Start nothing when the newest recovery point is younger than this, a number with V(m), V(h), V(d) or V(w) behind
        it, for minutes, hours, days or weeks. A recovery point that lacks something does not count.
      - With O(fail_on_warnings=true) one that a job with warnings has made does not count either, which takes a list of
        the vault's jobs. So a run that has failed of warnings does not succeed when it is repeated.
    type: str
  wait:
    description:
      - Whether to follow the job to its end. With V(false) the task ends as soon as Azure has taken the request.
    type: bool
    default: true
notes:
  - In check mode the module says which backup instance would be backed up by which rule and tag. Of a backup instance
    that an earlier task of the same plan would create, the rule is not known and V(null).
  - Azure takes ten backups on demand a day for a backup instance, and one at a time.
  - While a job is followed, a line tells how it stands whenever that changes, and each minute. It is shown on the
    screen where the task runs in the controller, and is in the log of the host where it runs in a process of its own.
  - While a job is followed, Azure may be out of reach for a while. When O(wait_timeout) passes or the run is ended, the
    job goes on in Azure, and the next run finds it, see O(follow_running). An answer that is lost on the way is made up
    for in the same way.
seealso:
  - module: aks.backup.aks_backup_instance
    description: The step before.
  - module: aks.backup.aks_backup_job_info
    description: What became of jobs.
  - module: aks.backup.aks_recovery_point_info
    description: What backups there are.
  - name: Back up AKS using Azure CLI
    description: Microsoft's page shows a backup on demand with the Azure CLI.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-using-cli
"""

EXAMPLES = r"""
- name: Have a backup that is not older than four hours, making one if there is none
  aks.backup.aks_backup_run:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    skip_if_newer_than: 4h

- name: Back up the cluster before an upgrade, and do not go on when anything is missing
  aks.backup.aks_backup_run:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    fail_on_warnings: true
  register: backup

- name: Show the recovery point
  ansible.builtin.debug:
    var: backup.recovery_point_id

- name: Start a backup that is kept as long as those of the policy's tag Weekly, and do not wait for it
  aks.backup.aks_backup_run:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    retention_tag_override: Weekly
    wait: false
"""

RETURN = r"""
backup_instance_id:
  description: Resource ID of the backup instance.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
followed:
  description: Whether a job that was under way already was followed, instead of starting one.
  returned: success
  type: bool
  sample: false
job:
  description: >-
    The job at its end. V(null) with O(wait=false), when there was no need for one, and in check mode, unless one that
    is under way already would be followed, which is shown as it stands.
  returned: success
  type: dict
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
job_id:
  description: >-
    Resource ID of the job. V(null) when there was no need for one, and in check mode, unless one that is under way
    already would be followed.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupJobs/00000000-0000-0000-0000-000000000000
job_started:
  description: Whether a job was started, or in check mode would be.
  returned: success
  type: bool
  sample: true
recovery_point:
  description: >-
    The recovery point that was made, or the one that is young enough with O(skip_if_newer_than). V(null) where none was
    made yet, with O(wait=false) and in check mode.
  returned: success
  type: dict
  contains:
    datastores:
      description: The tiers that hold the recovery point.
      type: list
      elements: dict
      contains:
        creation_time:
          description: When the copy in the tier was made.
          type: str
          sample: '2026-01-05T07:53:54.4048516Z'
        expiry_time:
          description: When the tier gives it up. V(null) when Azure does not say.
          type: str
          sample: '2026-02-04T07:55:29.5079653Z'
        state:
          description: How the copy in the tier stands.
          type: str
          sample: COMMITTED
        type:
          description: The tier.
          type: str
          sample: OperationalStore
    expiry_time:
      description: When the recovery point is given up. V(null) when Azure does not say, as for the operational tier.
      type: str
      sample: '2026-02-04T07:55:29.5079653Z'
    id:
      description: Resource ID of the recovery point.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000/recoveryPoints/0123456789abcdef0123456789abcdef
    name:
      description: Name of the recovery point, which a restore asks for.
      type: str
      sample: 0123456789abcdef0123456789abcdef
    policy_name:
      description: Name of the policy that the recovery point was made by.
      type: str
      sample: aks-daily
    retention_tag:
      description: The policy's tag that says how long it is kept.
      type: str
      sample: Default
    state:
      description: Whether the recovery point is whole, C(Completed) or C(Partial). V(null) when Azure does not say.
      type: str
      sample: Completed
    time:
      description: The moment to which the recovery point belongs.
      type: str
      sample: '2026-01-05T07:55:29.5079653Z'
recovery_point_id:
  description: Name of RV(recovery_point).
  returned: success
  type: str
  sample: 0123456789abcdef0123456789abcdef
rule_name:
  description: >-
    Name of the policy's backup rule. V(null) when it was not needed, and in check mode when the backup instance does
    not exist yet.
  returned: success
  type: str
  sample: BackupDaily
operations:
  description:
    - What was written to Azure, in order; in check mode, what would be written. Empty when nothing changed.
    - After a failure, it may include a request that Azure refused.
  returned: unless the task fails before its first request
  type: list
  elements: dict
  contains:
    id:
      description: Resource ID of what was written, for an action followed by the name of the action.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000/backup
    method:
      description: HTTP method of the request.
      type: str
      sample: POST
    request_id:
      description: Azure's ID of the request, which Microsoft's support asks for. V(null) in check mode.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    status:
      description: HTTP status of the first reply. V(null) in check mode.
      type: int
      sample: 202
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
    job:
      description: The job at its end, with the same keys as RV(job).
      returned: when the job failed
      type: dict
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
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

from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, VAULT_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.run import run
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "fail_on_warnings": {"type": "bool", "default": False},
    "follow_running": {"type": "bool", "default": True},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "retention_tag_override": {"type": "str"},
    "rule_name": {"type": "str"},
    "skip_if_newer_than": {"type": "str"},
    "wait": {"type": "bool", "default": True},
}

CONTRACT = Contract(
    work=run,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("cluster", "vault"),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
