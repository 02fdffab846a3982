#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_instance: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_instance
short_description: Protect an AKS cluster with Azure Backup
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - A backup instance is the protection of a cluster by a policy. This module creates, changes and deletes it.
  - Before it writes, the module has Azure validate the request. Roles, Trusted Access and the storage location take
    some minutes to work, so it asks again until O(wait_timeout) while one of them is what Azure finds missing. Other
    findings fail at once.
  - After a write it waits until Azure has finished to configure the protection, and fails with Azure's reason when that
    ends in an error.
  - A backup instance that protects the cluster in this vault already is used whatever its name, for example one that
    the portal has made.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes
options:
  backup_configuration:
    description:
      - What to back up. A new backup instance takes the whole cluster with its disks, but for what is said here. Of an
        existing one only what is said here is compared and changed. An empty list removes a restriction.
      - Azure never backs up the namespaces C(kube-node-lease), C(kube-public) and C(kube-system).
    type: dict
    suboptions:
      backup_hooks:
        description:
          - C(BackupHook) objects in the cluster whose commands run before and after a backup.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - Name of the object.
            type: str
            required: true
          namespace:
            description:
              - Namespace of the object.
            type: str
            required: true
      excluded_namespaces:
        description:
          - Namespaces to leave out.
        type: list
        elements: str
      excluded_resource_types:
        description:
          - Types of objects to leave out, such as V(v1/Secret).
        type: list
        elements: str
      include_cluster_scope_resources:
        description:
          - Whether to back up objects that belong to no namespace. A new backup instance does.
        type: bool
      included_namespaces:
        description:
          - Namespaces to back up, instead of all.
        type: list
        elements: str
      included_resource_types:
        description:
          - Types of objects to back up, instead of all.
        type: list
        elements: str
      label_selectors:
        description:
          - Labels of the objects to back up, such as V(app=shop), instead of all objects.
        type: list
        elements: str
      snapshot_volumes:
        description:
          - Whether to back up persistent volumes. A new backup instance does.
        type: bool
      volume_types:
        description:
          - Kinds of persistent volumes to back up. Left out, Azure decides.
        type: list
        elements: str
        choices:
          - AzureDisk
          - AzureFileShareSMB
  confirm_delete_data:
    description:
      - Name of the backup instance that is to be deleted with its backups. Without it O(state=absent) is refused while
        the backup instance exists.
    type: str
  friendly_name:
    description:
      - Name for people, and part of what distinguishes several backup instances of a cluster in a vault. A new backup
        instance without one is called after the cluster, with C(/fullbackup) behind. It is not changed afterwards.
    type: str
  name:
    description:
      - Name of the backup instance. Left out, it is the name of the cluster twice and a GUID that is derived from
        the cluster and O(friendly_name), the same on each run.
      - With a name, no backup instance with another name is used instead.
    type: str
  policy_id:
    description:
      - Resource ID of the policy, which has to be in the same vault. With O(state=present), either this or
        O(policy_name) is required.
    type: str
  policy_name:
    description:
      - Name of the policy in the vault.
    type: str
  snapshot_resource_group:
    description:
      - Name or resource ID of the resource group for the snapshots of disks. Required with O(state=present). Cannot
        change.
    type: str
  state:
    description:
      - V(present) protects the cluster, or changes the policy or the configuration of its protection. Backups that
        exist stay as they are.
      - V(absent) deletes the backup instance with its backups. Where the vault has soft delete, Azure keeps them for
        some time and can bring them back, but not with this module yet.
    type: str
    default: present
    choices:
      - absent
      - present
notes:
  - Cluster and vault have to be in the same region.
  - Azure takes a second backup instance for the same cluster only with another policy or in another vault.
  - A policy that copies to the vault tier demands more roles, see
    O(aks.backup.aks_backup_permissions#module:vault_tier).
seealso:
  - module: aks.backup.aks_backup_permissions
    description: The step before.
  - module: aks.backup.aks_backup_run
    description: The next step.
  - module: aks.backup.aks_recovery_point_info
    description: What backups there are.
  - name: Back up AKS using Azure CLI
    description: Microsoft's page shows the same steps with the Azure CLI.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-using-cli
  - name: Troubleshoot AKS backup
    description: Microsoft's page on error codes.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-troubleshoot
"""

EXAMPLES = r"""
- name: Protect the cluster
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    policy_name: aks-daily
    snapshot_resource_group: rg-aks-snapshots
  register: protection

- name: Leave out a namespace and all secrets
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    policy_name: aks-daily
    snapshot_resource_group: rg-aks-snapshots
    backup_configuration:
      excluded_namespaces:
        - scratch
      excluded_resource_types:
        - v1/Secret

- name: Create a policy that keeps backups for a month, and the first of each week for a quarter
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-month
    preset: month
    retention_rules:
      - name: Weekly
        operational_retention: P90D
  register: policy

- name: Protect the cluster by that policy from now on
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    policy_id: "{{ policy.id }}"
    snapshot_resource_group: rg-aks-snapshots

- name: End the protection and delete the backups
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    state: absent
    confirm_delete_data: "{{ protection.name }}"
"""

RETURN = r"""
id:
  description: Resource ID of the backup instance.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
name:
  description: Name of the backup instance.
  returned: success
  type: str
  sample: aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
resource:
  description: The backup instance. V(null) with O(state=absent). In check mode, what only Azure can make up is V(null).
  returned: success
  type: dict
  contains:
    backup_configuration:
      description: What is backed up. V(null) stands for no restriction.
      type: dict
      contains:
        backup_hooks:
          description: C(BackupHook) objects in the cluster whose commands run before and after a backup.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the object.
              type: str
              sample: flush-database
            namespace:
              description: Namespace of the object.
              type: str
              sample: shop
        excluded_namespaces:
          description: Namespaces that are left out.
          type: list
          elements: str
          sample:
            - scratch
        excluded_resource_types:
          description: Types of objects that are left out.
          type: list
          elements: str
          sample:
            - v1/Secret
        include_cluster_scope_resources:
          description: Whether objects are backed up that belong to no namespace.
          type: bool
          sample: true
        included_namespaces:
          description: Namespaces that are backed up.
          type: list
          elements: str
          sample:
            - shop
        included_resource_types:
          description: Types of objects that are backed up.
          type: list
          elements: str
          sample: null
        label_selectors:
          description: Labels of the objects that are backed up.
          type: list
          elements: str
          sample: null
        snapshot_volumes:
          description: Whether persistent volumes are backed up.
          type: bool
          sample: true
        volume_types:
          description: Kinds of persistent volumes that are backed up.
          type: list
          elements: str
          sample: null
    cluster_id:
      description: Resource ID of the cluster.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    friendly_name:
      description: Name for people.
      type: str
      sample: aks-east-1/fullbackup
    id:
      description: Resource ID of the backup instance.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    name:
      description: Name of the backup instance.
      type: str
      sample: aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    policy_id:
      description: Resource ID of the policy.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
    protection_state:
      description: What Azure Backup says of the protection. C(ProtectionConfigured) is what it should be.
      type: str
      sample: ProtectionConfigured
    snapshot_resource_group_id:
      description: Resource ID of the resource group for the snapshots of disks.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    method:
      description: HTTP method of the request.
      type: str
      sample: PUT
    request_id:
      description: Azure's ID of the request, which Microsoft's support asks for. V(null) in check mode.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    status:
      description: HTTP status of the first reply. V(null) in check mode.
      type: int
      sample: 201
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
      description: All that is wrong with the options, where the task was refused before anything was written.
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
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import Instance
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, DATA_PROTECTION

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "backup_configuration": {
        "type": "dict",
        "options": {
            "backup_hooks": {
                "type": "list",
                "elements": "dict",
                "options": {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}},
            },
            "excluded_namespaces": {"type": "list", "elements": "str"},
            "excluded_resource_types": {"type": "list", "elements": "str"},
            "include_cluster_scope_resources": {"type": "bool"},
            "included_namespaces": {"type": "list", "elements": "str"},
            "included_resource_types": {"type": "list", "elements": "str"},
            "label_selectors": {"type": "list", "elements": "str"},
            "snapshot_volumes": {"type": "bool"},
            "volume_types": {"type": "list", "elements": "str", "choices": ["AzureDisk", "AzureFileShareSMB"]},
        },
    },
    "confirm_delete_data": {"type": "str"},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "policy_id": {"type": "str"},
    "policy_name": {"type": "str"},
    "snapshot_resource_group": {"type": "str"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Instance()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION),
    identifies=("cluster", "vault"),
    constraints={
        "required_if": [
            ("state", "present", ("snapshot_resource_group",)),
            ("state", "present", ("policy_id", "policy_name"), True),
        ],
        "mutually_exclusive": [("policy_id", "policy_name")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
