#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_coverage_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_coverage_info
short_description: Report which AKS clusters are backed up, and what is wrong with those that are not
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Looks at all clusters of Azure Kubernetes Service in any number of subscriptions, and returns what is wrong with
    the backups of each, and what to do about it. So it finds what no alert tells of, clusters that nobody protects and
    backups that do not take place.
  - Looks at how safe the vaults are that protect them, too. It covers section 3.1 of the CIS Microsoft Azure Storage
    Services Benchmark 2.0.0, which is about Backup vaults.
  - A handful of queries to Azure Resource Graph do for all clusters. Nothing in Azure is changed.
  - Writes the report to files where O(output) asks for it, as a web page that needs nothing else, as Markdown, as JUnit
    XML for continuous integration, and as JSON.
  - Fails where there is more of something than O(fail_on) allows, with the report in its result and in the files.
  - What Resource Graph says of extensions and of latest recovery points has not been compared with Azure itself.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-resourcegraph >= 8.0.1
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.fleet
  - aks.backup.attributes.info_module
attributes:
  check_mode:
    details:
      - The report is the same. No file is written, and the result says which ones would be.
  diff_mode:
    support: full
    details:
      - The diff shows size and digest of each file. Nothing in Azure is ever changed.
  idempotent:
    support: partial
    details:
      - Nothing in Azure is ever changed. Files hold the time of the report, so that writing them is a change each time.
options:
  check_clusters:
    description:
      - Whether to read extension and Trusted Access role bindings of each protected cluster from the cluster itself. It
        costs two requests for each of these clusters, and takes the Python packages azure-mgmt-containerservice and
        azure-mgmt-kubernetesconfiguration-extensions.
      - Of clusters that the caller may not read, or of which Azure itself cannot tell, what Resource Graph shows
        counts, and a warning says so.
      - Resource Graph does not know bindings. Without this, a missing one is found only where Azure Backup has stumbled
        over it.
      - Where Resource Graph shows no extension of any cluster, this is needed to find out which ones lack it. A warning
        says so.
    type: bool
    default: false
  cluster_ids:
    description:
      - Only these clusters, by their resource IDs. O(names) and the other filters apply as well.
      - The task fails, with the report on the others in its result and in the files, where Azure Resource Graph does
        not show one of them.
      - If none of O(subscriptions), O(management_groups) and O(tenant_wide) says where to look, it is the subscriptions
        of these clusters.
    type: list
    elements: str
  fail_on:
    description:
      - Limits. The task fails where more clusters or vaults than allowed have a finding.
    type: list
    elements: dict
    suboptions:
      max:
        description: How many may have it.
        type: int
        default: 0
      reason:
        description: The finding, see RV(clusters[].findings) and RV(vaults[].findings).
        type: str
        required: true
        choices:
          - binding_missing
          - configuring
          - extension_failed
          - extension_missing
          - namespaces_not_covered
          - protection_error
          - rpo_missed
          - stopped
          - suspended
          - unprotected
          - vault_cross_region_restore
          - vault_cross_subscription_restore
          - vault_encryption
          - vault_guard
          - vault_immutability
          - vault_infrastructure_encryption
          - vault_redundancy
          - vault_soft_delete
          - vault_tier_missing
  grace:
    description:
      - How much later than the policy wants it a backup may come before RV(ignore:rpo_missed) is found. A number with
        V(m), V(h), V(d) or V(w) behind it. Azure Backup is to be done within two hours of the scheduled time.
    type: str
    default: 2h
  ignore_findings:
    description:
      - Findings to leave out. They count nowhere then.
    type: list
    elements: str
    choices:
      - binding_missing
      - configuring
      - extension_failed
      - extension_missing
      - namespaces_not_covered
      - protection_error
      - rpo_missed
      - stopped
      - suspended
      - unprotected
      - vault_cross_region_restore
      - vault_cross_subscription_restore
      - vault_encryption
      - vault_guard
      - vault_immutability
      - vault_infrastructure_encryption
      - vault_redundancy
      - vault_soft_delete
      - vault_tier_missing
  job_days:
    description:
      - How many days back jobs count, 1 to 30. A good backup that left no recovery point is known for as long.
    type: int
    default: 7
  namespaces:
    description:
      - Namespaces that have to be backed up in every cluster. RV(ignore:namespaces_not_covered) is then found where one
        of them is not. If not set, it is found where an instance leaves out any namespace.
      - What is in a cluster is not looked at. The configuration of its backup instances is.
    type: list
    elements: str
  output:
    description:
      - Files to write, where the module runs. Their folders have to exist.
    type: dict
    suboptions:
      html:
        description: A web page with everything, which needs no network and no other file.
        type: path
      json:
        description: The report as the module returns it, from RV(as_of) to RV(violations), without RV(files).
        type: path
      junit:
        description: >-
          JUnit XML with a test case for each cluster and vault. It fails when one of its findings is an error.
        type: path
      markdown:
        description: Markdown, with the clusters and vaults about which there is something to say.
        type: path
  partial_counts:
    description:
      - Whether a backup that completed with warnings, and so lacks something, is a good backup.
    type: bool
    default: true
seealso:
  - plugin: aks.backup.aks_clusters
    plugin_type: inventory
    description: The same clusters as hosts, in groups by state.
  - module: aks.backup.aks_backup_job_info
    description: Jobs with every detail.
  - name: Query your backups with Azure Resource Graph
    description: Microsoft's page on what Resource Graph knows of backups.
    link: https://learn.microsoft.com/azure/backup/query-backups-using-azure-resource-graph
"""

EXAMPLES = r"""
- name: Report on the clusters of the subscription
  aks.backup.aks_backup_coverage_info:
  register: coverage

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ coverage.summary.by_reason }}"

- name: Write a page for people and a file for continuous integration, and tolerate five clusters without protection
  aks.backup.aks_backup_coverage_info:
    subscriptions:
      - 00000000-0000-0000-0000-000000000000
    exclude:
      tags:
        backup: exempt
    ignore_findings:
      - vault_encryption
      - vault_infrastructure_encryption
    output:
      html: "{{ playbook_dir }}/coverage.html"
      junit: "{{ playbook_dir }}/coverage.xml"
    fail_on:
      - reason: unprotected
        max: 5

- name: Be strict about production
  aks.backup.aks_backup_coverage_info:
    tags:
      environment: prod*
    namespaces:
      - default
    partial_counts: false
    grace: 4h
    check_clusters: true
"""

RETURN = r"""
as_of:
  description: The time of the report, by Azure Resource Graph's clock.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: str
  sample: '2026-01-05T08:00:00Z'
clusters:
  description: The clusters, by ID.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: list
  elements: dict
  contains:
    covered:
      description: Whether none of its findings is an error.
      type: bool
      sample: false
    findings:
      description: What is wrong, most severe first in each instance. Empty when nothing is.
      type: list
      elements: dict
      contains:
        fix:
          description: What to do.
          type: str
          sample: Run the role aks.backup.aks_backup on the cluster, or the playbook aks.backup.protect.
        message:
          description: What was found, with what shows it.
          type: str
          sample: No backup instance protects the cluster.
        reason:
          description: The name by which O(ignore_findings) and O(fail_on) know it.
          type: str
          sample: unprotected
        severity:
          description: V(error), V(warning) or V(info).
          type: str
          sample: error
    id:
      description: Resource ID of the cluster.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    identity_type:
      description: Kind of the cluster's identity. Azure Backup cannot protect a cluster with V(None).
      type: str
      sample: SystemAssigned
    kubernetes_version:
      description: Version of Kubernetes.
      type: str
      sample: 1.33.2
    location:
      description: Region of the cluster.
      type: str
      sample: eastus
    name:
      description: Name of the cluster.
      type: str
      sample: aks-east-1
    node_pools:
      description: The node pools.
      type: list
      elements: dict
      contains:
        count:
          description: How many nodes there are.
          type: int
          sample: 3
        mode:
          description: V(System) or V(User).
          type: str
          sample: System
        name:
          description: Name of the pool.
          type: str
          sample: nodepool1
        os_type:
          description: Operating system.
          type: str
          sample: Linux
        vm_size:
          description: Size of the machines.
          type: str
          sample: Standard_D4s_v5
    node_resource_group:
      description: Resource group of the nodes.
      type: str
      sample: MC_rg-clusters_aks-east-1_eastus
    power_state:
      description: V(Running) or V(Stopped).
      type: str
      sample: Running
    private:
      description: Whether the API server has a private address only.
      type: bool
      sample: false
    protection:
      description: How the cluster stands with its backups.
      type: dict
      contains:
        extension:
          description: The backup extension. V(null) when there is none.
          type: dict
          contains:
            id:
              description: Resource ID of the extension.
              type: str
              sample: >-
                /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
            message:
              description: What an ailing extension says of itself.
              type: str
              sample: timed out waiting for the condition
            name:
              description: Name of the extension.
              type: str
              sample: azure-aks-backup
            state:
              description: State of the extension.
              type: str
              sample: Succeeded
            version:
              description: Version of the extension.
              type: str
              sample: 0.0.3012-2
        instances:
          description: The backup instances that protect the cluster.
          type: list
          elements: dict
          contains:
            error:
              description: Why Azure cannot protect the cluster. V(null) when it can.
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
                  sample: Run aks_backup_permissions.
                code:
                  description: Azure's error code.
                  returned: when known
                  type: str
                  sample: UserErrorMissingRequiredPermissions
                detail:
                  description: What Azure Backup adds for people who look for the cause.
                  returned: when known
                  type: str
                  sample: Validate for Protection failed.
                message:
                  description: Azure's own words.
                  returned: when known
                  type: str
                  sample: The vault lacks permissions.
                recommended_action:
                  description: What Azure recommends to do.
                  returned: when known
                  type: list
                  elements: str
                  sample:
                    - Grant appropriate permissions to perform this operation.
            excluded_namespaces:
              description: Namespaces that are left out.
              type: list
              elements: str
              sample:
                - scratch
            id:
              description: Resource ID of the backup instance.
              type: str
              sample: >-
                /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-full
            included_namespaces:
              description: The only namespaces that are backed up. Empty for all of them.
              type: list
              elements: str
              sample:
                - shop
            interval_seconds:
              description: What the policy leaves between two backups.
              type: float
              sample: 86400
            last_good_backup:
              description: When the last good backup was. V(null) when none is known.
              type: str
              sample: '2026-01-05T07:55:29.5079653Z'
            last_recovery_point:
              description: The latest recovery point. V(null) when there is none.
              type: str
              sample: '2026-01-05T07:55:29.5079653Z'
            name:
              description: Name of the backup instance.
              type: str
              sample: aks-east-1-full
            policy_id:
              description: Resource ID of the policy.
              type: str
              sample: >-
                /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
            policy_name:
              description: Name of the policy.
              type: str
              sample: aks-daily
            protection_state:
              description: Azure's word for the state.
              type: str
              sample: ProtectionConfigured
            rpo_seconds:
              description: How old the last good backup may be, O(grace) included.
              type: float
              sample: 93600
            state:
              description: The state, as in RV(clusters[].protection.state).
              type: str
              sample: protected
            vault_id:
              description: Resource ID of the vault.
              type: str
              sample: >-
                /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
            vault_name:
              description: Name of the vault.
              type: str
              sample: bv-east
        last_good_backup:
          description: The last good backup of all instances. V(null) when none is known.
          type: str
          sample: '2026-01-05T07:55:29.5079653Z'
        last_recovery_point:
          description: The latest recovery point of all instances. V(null) when there is none.
          type: str
          sample: '2026-01-05T07:55:29.5079653Z'
        state:
          description: >-
            V(protected), V(unprotected), V(error), V(suspended), V(stopped) or V(configuring). Of several instances the
            one with an error counts first, and one that is protected next.
          type: str
          sample: protected
    provisioning_state:
      description: State of the cluster's last operation.
      type: str
      sample: Succeeded
    resource_group:
      description: Resource group of the cluster.
      type: str
      sample: rg-clusters
    subscription_id:
      description: Subscription of the cluster.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    tags:
      description: Tags of the cluster.
      type: dict
      sample:
        environment: production
files:
  description: The files that are written, or in check mode would be.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: list
  elements: str
  sample:
    - /srv/reports/coverage.html
jobs:
  description: The jobs of the last O(job_days) days of the instances in the report.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: dict
  contains:
    days:
      description: Number of backups for each day, oldest first, by when they started.
      type: list
      elements: dict
      contains:
        completed:
          description: Backups that completed.
          type: int
          sample: 12
        day:
          description: The day, in UTC.
          type: str
          sample: '2026-01-05'
        failed:
          description: Backups that failed.
          type: int
          sample: 1
        other:
          description: Backups that run or were cancelled.
          type: int
          sample: 0
        warned:
          description: Backups that completed with warnings.
          type: int
          sample: 0
    trouble:
      description: >-
        The latest jobs, of any operation, that failed, were cancelled or completed with warnings. The newest 500 of the
        subscriptions that are looked at are known, and of these the jobs of the instances in the report are here.
      type: list
      elements: dict
      contains:
        cluster_id:
          description: Resource ID of the cluster.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
        cluster_name:
          description: Name of the cluster.
          type: str
          sample: aks-east-1
        errors:
          description: Why it failed, as far as Resource Graph knows.
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
              sample: Run aks_backup_permissions.
            code:
              description: Azure's error code.
              returned: when known
              type: str
              sample: UserErrorMissingRequiredPermissions
            detail:
              description: What Azure Backup adds for people who look for the cause.
              returned: when known
              type: str
              sample: Validate for Protection failed.
            message:
              description: Azure's own words.
              returned: when known
              type: str
              sample: The vault lacks permissions.
            recommended_action:
              description: What Azure recommends to do.
              returned: when known
              type: list
              elements: str
              sample:
                - Grant appropriate permissions to perform this operation.
        id:
          description: Resource ID of the job.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupJobs/00000000-0000-0000-0000-000000000000
        operation:
          description: What the job does.
          type: str
          sample: ScheduledBackup
        start_time:
          description: When the job started.
          type: str
          sample: '2026-01-05T07:53:06.9238410Z'
        status:
          description: How the job ended.
          type: str
          sample: Failed
        vault_name:
          description: Name of the vault.
          type: str
          sample: bv-east
summary:
  description: The report in numbers.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: dict
  contains:
    by_reason:
      description: Number of clusters or vaults by finding, those with none of it included.
      type: dict
      sample:
        rpo_missed: 1
        unprotected: 3
    by_state:
      description: Number of clusters by state, those with none of it included.
      type: dict
      sample:
        protected: 12
        unprotected: 3
    clusters:
      description: Number of clusters.
      type: int
      sample: 15
    covered:
      description: Number of clusters none of whose findings is an error.
      type: int
      sample: 11
    covered_percent:
      description: The same in percent, rounded down. 100 when there is no cluster.
      type: int
      sample: 73
    vaults:
      description: Number of vaults that protect these clusters.
      type: int
      sample: 2
vaults:
  description: The vaults that protect these clusters, by ID.
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: list
  elements: dict
  contains:
    clusters:
      description: How many of the clusters it protects.
      type: int
      sample: 12
    cross_region_restore:
      description: Whether backups can be restored in the paired region.
      type: bool
      sample: false
    cross_subscription_restore:
      description: V(Enabled), V(Disabled) or V(PermanentlyDisabled).
      type: str
      sample: Disabled
    customer_managed_key:
      description: Whether the vault tier is encrypted with a key of the customer's.
      type: bool
      sample: false
    findings:
      description: What is wrong. Empty when nothing is.
      type: list
      elements: dict
      contains:
        control:
          description: The control of the CIS Microsoft Azure Storage Services Benchmark 2.0.0. V(null) for ours.
          type: str
          sample: 3.1.1
        fix:
          description: What to do.
          type: str
          sample: Run aks_backup_vault with soft_delete.state=On or AlwaysOn.
        message:
          description: What was found, with what shows it.
          type: str
          sample: Deleted backups are gone at once.
        reason:
          description: The name by which O(ignore_findings) and O(fail_on) know it.
          type: str
          sample: vault_soft_delete
        severity:
          description: V(error), V(warning) or V(info).
          type: str
          sample: error
    id:
      description: Resource ID of the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
    immutability:
      description: V(Disabled), V(Unlocked) or V(Locked).
      type: str
      sample: Unlocked
    infrastructure_encryption:
      description: Whether backups are encrypted twice.
      type: bool
      sample: false
    location:
      description: Region of the vault.
      type: str
      sample: eastus
    name:
      description: Name of the vault.
      type: str
      sample: bv-east
    redundancy:
      description: How the vault tier is replicated.
      type: str
      sample: GeoRedundant
    resource_group:
      description: Resource group of the vault.
      type: str
      sample: rg-backup
    resource_guard:
      description: Whether a Resource Guard stands before what weakens the vault.
      type: bool
      sample: false
    soft_delete:
      description: V(Off), V(On) or V(AlwaysOn).
      type: str
      sample: AlwaysOn
    soft_delete_days:
      description: For how many days deleted backups are kept.
      type: float
      sample: 14
    subscription_id:
      description: Subscription of the vault.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
violations:
  description: >-
    A sentence for each limit of O(fail_on) that is exceeded, and one if clusters of O(cluster_ids) are not to be seen.
    Empty otherwise. Where it is not, the task has failed, with all of the report in its result and without RV(error).
  returned: success, and where O(fail_on) or O(cluster_ids) makes the task fail
  type: list
  elements: str
  sample:
    - "1 cluster has the finding unprotected (not protected), and 0 may: aks-east-3."
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

from ansible_collections.aks.backup.plugins.module_utils import _module
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import coverage
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import REASONS
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCE_GRAPH

ARGUMENT_SPEC = {
    **fleet_scope.FLEET_SPEC,
    "check_clusters": {"type": "bool", "default": False},
    "cluster_ids": {"type": "list", "elements": "str"},
    "fail_on": {
        "type": "list",
        "elements": "dict",
        "options": {
            "max": {"type": "int", "default": 0},
            "reason": {"type": "str", "required": True, "choices": sorted(REASONS)},
        },
    },
    "grace": {"type": "str", "default": "2h"},
    "ignore_findings": {"type": "list", "elements": "str", "choices": sorted(REASONS)},
    "job_days": {"type": "int", "default": 7},
    "namespaces": {"type": "list", "elements": "str"},
    "output": {"type": "dict", "options": {name: {"type": "path"} for name in coverage.FORMATS}},
    "partial_counts": {"type": "bool", "default": True},
}

CONTRACT = _module.Contract(
    work=coverage.work,
    argument_spec=ARGUMENT_SPEC,
    packages=(RESOURCE_GRAPH,),
    anywhere=True,
)


def main() -> None:
    CONTRACT.run()


if __name__ == "__main__":
    main()
