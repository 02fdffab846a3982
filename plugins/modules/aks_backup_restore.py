#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_restore: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_restore
short_description: Restore an AKS cluster from a recovery point
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Restores what a recovery point of a protected cluster holds, or a part of it, to the same or to another cluster, in
    the vault's region or in the paired one, and follows the job to its end.
  - What can be known beforehand is checked first, and all that is wrong is said at once. Then Azure validates the
    request. Only then is the restore started.
  - Nothing that exists in the target cluster is ever deleted. What is there already stays, or is overwritten where
    Kubernetes allows it, see O(restore_configuration.conflict_policy).
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-authorization >= 4.0
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-kubernetesconfiguration-extensions >= 1.0.0
  - azure-mgmt-resource >= 24.0
  - azure-mgmt-storage >= 23.0
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
      - This is an action, which is carried out, and reports a change, each time it runs. Where a restore of the same
        request is under way already, none is started and no change reported, nor with O(validate_only) unless a role
        is granted.
options:
  before:
    description:
      - With O(recovery_point=latest), the newest recovery point before this moment, a date or a moment in ISO 8601, UTC
        where it does not say.
    type: str
  cleanup_staging:
    description:
      - Name of the staging resource group, to confirm that it is deleted, with everything in it, when the restore has
        ended, well or not. Azure leaves what it has laid out there.
      - It is refused when the group holds a cluster of the restore, the vault, the snapshots or the backups.
    type: str
  fail_on_warnings:
    description:
      - Whether a job that ends with warnings fails the task. Only with O(wait=true).
    type: bool
    default: false
  follow_running:
    description:
      - Whether to look first for a restore that the same request, by this module, has started and that is still under
        way, and to follow it instead of starting a second one. So a run that was interrupted goes on where it was.
      - Two requests are the same when the options that say what is restored from where to where are the same.
      - With V(false) a restore is started in any case. That also spares a list of the vault's jobs.
    type: bool
    default: true
  friendly_name:
    description:
      - Friendly name of the backup instance, to distinguish several of the cluster in the vault.
    type: str
  name:
    description:
      - Name of the backup instance. Needed when several protect the cluster in the vault, and when the backed up
        cluster is gone.
    type: str
  permissions:
    description:
      - What to do about the roles that a restore needs on and around the target cluster.
        M(aks.backup.aks_backup_permissions) has the list.
      - The role of the target's backup extension on the storage account of its own is not among them. It belongs to the
        set-up of the target.
    type: str
    default: report
    choices:
      grant: Give the missing ones before Azure validates.
      report: >-
        Return the missing ones, with a warning for each. Azure's validation decides. Where that refuses,
        RV(error.problems) has the commands that grant them.
      skip: Do not look.
  recovery_point:
    description:
      - Name or resource ID of the recovery point, as M(aks.backup.aks_recovery_point_info) returns it, or V(latest) for
        the newest one that is whole.
    type: str
    default: latest
  resource_guard_operation_requests:
    description:
      - Resource IDs of the approvals that a vault behind a resource guard demands for a restore.
    type: list
    elements: str
  restore_configuration:
    description:
      - What is restored of the recovery point, and how.
    type: dict
    default: {}
    suboptions:
      conflict_policy:
        description:
          - What becomes of objects that exist in the target cluster.
        type: str
        default: Skip
        choices:
          Patch: They are overwritten with what the backup has, field by field, where Kubernetes allows it.
          Skip: They stay as they are, their volumes included.
      excluded_namespaces:
        description:
          - Namespaces to leave out.
        type: list
        elements: str
      excluded_resource_types:
        description:
          - Types of objects to leave out, such as V(secrets) or V(deployments.apps).
        type: list
        elements: str
      include_cluster_scope_resources:
        description:
          - Whether to restore objects that belong to no namespace.
        type: bool
        default: true
      included_namespaces:
        description:
          - Only these namespaces, by the name they have in the backup. Left out, all of the recovery point.
        type: list
        elements: str
      included_resource_types:
        description:
          - Only objects of these types.
        type: list
        elements: str
      label_selectors:
        description:
          - Only objects with all of these labels, each as V(key=value).
        type: list
        elements: str
      namespace_mappings:
        description:
          - Where namespaces go, from the name in the backup to the name in the target cluster. The others keep theirs.
        type: dict
      persistent_volume_restore_mode:
        description:
          - Whether volumes come back with their data.
        type: str
        default: RestoreWithVolumeData
        choices:
          RestoreWithVolumeData: With their data.
          RestoreWithoutVolumeData: Empty.
      resource_modifier:
        description:
          - A ConfigMap in the target cluster with rules that change objects on their way. The namespaces in its
            conditions are those of the backup.
        type: dict
        suboptions:
          name:
            description:
              - Name of the ConfigMap.
            type: str
            required: true
          namespace:
            description:
              - Namespace of the ConfigMap.
            type: str
            required: true
      restore_hooks:
        description:
          - RestoreHook objects in the target cluster, which run commands in the pods that the restore creates.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the RestoreHook.
            type: str
            required: true
          namespace:
            description:
              - Namespace of the RestoreHook.
            type: str
            required: true
  secondary_region:
    description:
      - Whether to restore in the paired region, from the copies that it has. The vault must restore across regions, and
        the target cluster must be there. Copies arrive there up to 36 hours later.
    type: bool
    default: false
  source_datastore:
    description:
      - The tier to restore from. Left out, it is the operational tier if the recovery point still has it, else the
        vault tier. With O(recovery_point=latest) only recovery points in this tier count.
    type: str
    choices:
      OperationalStore: The snapshots beside the cluster, the quicker way.
      VaultStore: The copy in the vault. It takes a staging area.
  staging_resource_group:
    description:
      - Name or resource ID of the resource group where a restore from the vault tier lays the data out, in the region
        and the subscription of the target cluster. A group of its own can be removed afterwards by O(cleanup_staging).
    type: str
  staging_storage_account_id:
    description:
      - Resource ID of the storage account where a restore from the vault tier lays the data out, in the region and the
        subscription of the target cluster.
    type: str
  storage_account_id:
    description:
      - Resource ID of the storage account with the backups, for the roles on it. Needed only when the backed up
        cluster, whose backup extension tells it, is gone.
    type: str
  target_cluster_id:
    description:
      - Resource ID of the cluster to restore to. Left out, it is the cluster that was backed up.
    type: str
  target_cluster_name:
    description:
      - Name of the cluster to restore to, in O(target_cluster_resource_group) and O(subscription_id).
    type: str
  target_cluster_resource_group:
    description:
      - Resource group of the cluster to restore to. Required with O(target_cluster_name).
    type: str
  validate_only:
    description:
      - Whether to stop when Azure has validated the request. Nothing is restored. Unlike in check mode, Azure is asked.
    type: bool
    default: false
  validate_timeout:
    description:
      - Seconds for which to have Azure validate again while it misses a role that may not have taken effect yet, which
        takes minutes.
    type: float
    default: 300
  wait:
    description:
      - Whether to follow the job to its end. With V(false) the task ends as soon as Azure has taken the request.
    type: bool
    default: true
notes:
  - In check mode the module says which recovery point it would restore from which tier to where, which namespaces are
    known to be concerned, and which conflicts can be seen from outside. Azure is not asked to validate, since it knows
    nothing of what earlier tasks of the plan would make. Use O(validate_only) for that.
  - The target cluster must have a backup extension that works, with its own storage account and its role there, and a
    Trusted Access binding with the vault. O(permissions) is about what the restore needs besides.
  - Azure takes ten restores a day for a backup instance.
  - While a job is followed, a line tells how it stands whenever that changes, and each minute. It is shown on the
    screen where the task runs in the controller, and is in the log of the host where it runs in a process of its own.
  - While a job is followed, Azure may be out of reach for a while. When O(wait_timeout) passes or the run is ended, the
    job goes on in Azure, and the next run finds it, see O(follow_running).
  - Restores from the vault tier and across regions follow Azure's published interface, and have not been run against
    Azure itself.
seealso:
  - module: aks.backup.aks_recovery_point_info
    description: What there is to restore from.
  - module: aks.backup.aks_backup_permissions
    description: The roles that a restore needs.
  - module: aks.backup.aks_backup_job_info
    description: What became of jobs.
  - name: Restore AKS using Azure CLI
    description: Microsoft's page shows the same with the Azure CLI.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-restore-using-cli
"""

EXAMPLES = r"""
- name: Have Azure validate that a namespace can be restored beside the original, and see what would happen
  aks.backup.aks_backup_restore:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    restore_configuration:
      included_namespaces:
        - shop
      namespace_mappings:
        shop: shop-restored
    validate_only: true

- name: Restore the namespace from the newest recovery point
  aks.backup.aks_backup_restore:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    restore_configuration:
      included_namespaces:
        - shop
      include_cluster_scope_resources: false
      namespace_mappings:
        shop: shop-restored
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
granted_roles:
  description: Roles that were granted, or in check mode would be, with O(permissions=grant).
  returned: success
  type: list
  elements: dict
  contains:
    principal:
      description: Whose identity it is, C(vault), C(cluster) or C(extension), of the target.
      type: str
      sample: cluster
    principal_id:
      description: Object ID of the identity.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    role:
      description: Name of the role.
      type: str
      sample: Contributor
    scope:
      description: What the role is needed on.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots
job:
  description: >-
    The job at its end. V(null) with O(wait=false) and O(validate_only=true), and in check mode, unless one that is
    under way already would be followed, which is shown as it stands.
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
      sample: Restore
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
      description: How the job stands. V(CompletedWithWarnings) is a restore that lacks something, see the warnings.
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
          sample: Trigger Restore
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
      description: What was not restored, or not as it is in the backup.
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
    Resource ID of the job. V(null) with O(validate_only=true), and in check mode, unless one that is under way already
    would be followed.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupJobs/00000000-0000-0000-0000-000000000000
job_started:
  description: Whether a job was started, or in check mode would be.
  returned: success
  type: bool
  sample: true
missing_roles:
  description: Roles that are missing, with O(permissions=report).
  returned: success
  type: list
  elements: dict
  contains:
    command:
      description: The Azure CLI command that grants it, for somebody who may.
      type: str
      sample: >-
        az role assignment create --assignee-object-id 00000000-0000-0000-0000-000000000000
        --assignee-principal-type ServicePrincipal --role 'Contributor' --scope
        '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots'
    principal:
      description: Whose identity it is, C(vault), C(cluster) or C(extension), of the target.
      type: str
      sample: cluster
    principal_id:
      description: Object ID of the identity.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    role:
      description: Name of the role.
      type: str
      sample: Contributor
    scope:
      description: What the role is needed on.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots
plan:
  description: What is restored from where to where. V(null) when a job that was under way already was followed.
  returned: success
  type: dict
  contains:
    conflict_policy:
      description: What becomes of objects that exist in the target cluster.
      type: str
      sample: Skip
    conflicts:
      description: What can be seen from outside to meet something that is there, in sentences.
      type: list
      elements: str
      sample:
        - cart, shop all go to the namespace drill. Objects of one name meet there.
    namespaces:
      description: >-
        Namespaces that are known by name, from the options or from the configuration of the backup instance. V(null)
        when it is all that the recovery point holds.
      type: list
      elements: dict
      contains:
        source:
          description: Name in the backup.
          type: str
          sample: shop
        target:
          description: Name in the target cluster.
          type: str
          sample: shop-restored
    recovery_point:
      description: The recovery point.
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
          description: When it is given up. V(null) when Azure does not say, as for the operational tier.
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
    region:
      description: Region of the target cluster.
      type: str
      sample: eastus
    source_datastore:
      description: The tier that is restored from.
      type: str
      sample: OperationalStore
    target_cluster_id:
      description: Resource ID of the cluster that is restored to.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
recovery_point_id:
  description: Name of the recovery point that is restored from.
  returned: success
  type: str
  sample: 0123456789abcdef0123456789abcdef
staging_deleted:
  description: Whether the staging resource group was deleted, or in check mode would be after the job that is followed.
  returned: success
  type: bool
  sample: false
validated:
  description: Whether Azure has validated the request. V(false) in check mode, and when a job was followed.
  returned: success
  type: bool
  sample: true
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000/restore
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
from ansible_collections.aks.backup.plugins.module_utils._resources.restore.restore import restore
from ansible_collections.aks.backup.plugins.module_utils._types import (
    AKS,
    AUTHORIZATION,
    DATA_PROTECTION,
    EXTENSIONS,
    RESOURCES,
    STORAGE,
)

REFERENCE = {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}}

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "before": {"type": "str"},
    "cleanup_staging": {"type": "str"},
    "fail_on_warnings": {"type": "bool", "default": False},
    "follow_running": {"type": "bool", "default": True},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "permissions": {"type": "str", "choices": ["grant", "report", "skip"], "default": "report"},
    "recovery_point": {"type": "str", "default": "latest"},
    "resource_guard_operation_requests": {"type": "list", "elements": "str"},
    "restore_configuration": {
        "type": "dict",
        "default": {},
        "options": {
            "conflict_policy": {"type": "str", "choices": ["Patch", "Skip"], "default": "Skip"},
            "excluded_namespaces": {"type": "list", "elements": "str"},
            "excluded_resource_types": {"type": "list", "elements": "str"},
            "include_cluster_scope_resources": {"type": "bool", "default": True},
            "included_namespaces": {"type": "list", "elements": "str"},
            "included_resource_types": {"type": "list", "elements": "str"},
            "label_selectors": {"type": "list", "elements": "str"},
            "namespace_mappings": {"type": "dict"},
            "persistent_volume_restore_mode": {
                "type": "str",
                "choices": ["RestoreWithVolumeData", "RestoreWithoutVolumeData"],
                "default": "RestoreWithVolumeData",
            },
            "resource_modifier": {"type": "dict", "options": REFERENCE},
            "restore_hooks": {"type": "list", "elements": "dict", "options": REFERENCE},
        },
    },
    "secondary_region": {"type": "bool", "default": False},
    "source_datastore": {"type": "str", "choices": ["OperationalStore", "VaultStore"]},
    "staging_resource_group": {"type": "str"},
    "staging_storage_account_id": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "target_cluster_id": {"type": "str"},
    "target_cluster_name": {"type": "str"},
    "target_cluster_resource_group": {"type": "str"},
    "validate_only": {"type": "bool", "default": False},
    "validate_timeout": {"type": "float", "default": 300.0},
    "wait": {"type": "bool", "default": True},
}

CONTRACT = Contract(
    work=restore,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCES, STORAGE),
    identifies=("cluster", "vault"),
    constraints={
        "mutually_exclusive": [("target_cluster_id", "target_cluster_name")],
        "required_together": [("target_cluster_name", "target_cluster_resource_group")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
