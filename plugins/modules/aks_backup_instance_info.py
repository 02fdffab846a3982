#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_instance_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_instance_info
short_description: Read which AKS clusters Azure Backup protects, and how
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Reads backup instances, of a vault, of a cluster in whatever vault of its tenant, or of whole subscriptions.
  - What is read is one list, or for subscriptions one query of Azure Resource Graph, and each policy in it once. Azure
    Resource Graph lags behind by up to some minutes, and shows what the identity that runs Ansible may read.
  - Only backup instances of AKS clusters are shown.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-resourcegraph >= 8.0.1
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes.info_module
options:
  cluster_id:
    description:
      - Resource ID of the AKS cluster whose backup instances to read.
    type: str
  friendly_name:
    description:
      - Only backup instances of this friendly name. The name of the cluster in front of it makes no difference.
    type: str
  include_deleted:
    description:
      - Whether to read soft-deleted backup instances as well. Without a vault, those of all vaults are read, in the
        subscription of the cluster or in O(subscriptions).
    type: bool
    default: false
  name:
    description:
      - Only the backup instance of this name.
    type: str
  protection:
    description:
      - Only backup instances of which RV(instances[].protection) is one of these.
    type: list
    elements: str
    choices:
      - active
      - changing
      - error
      - soft_deleted
      - stopped
      - suspended
  subscriptions:
    description:
      - IDs of the subscriptions in which to look, through Azure Resource Graph. Left out, it is O(subscription_id)
        where neither a vault nor a cluster is named.
    type: list
    elements: str
  vault_id:
    description:
      - Resource ID of the Backup vault whose backup instances to read.
    type: str
seealso:
  - module: aks.backup.aks_backup_instance
    description: Creates and changes them.
  - module: aks.backup.aks_recovery_point_info
    description: What backups there are.
"""

EXAMPLES = r"""
- name: See what protects a cluster
  aks.backup.aks_backup_instance_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters

- name: See what a vault protects, and what it keeps of what was deleted
  aks.backup.aks_backup_instance_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
    include_deleted: true

- name: Find protection that does not work in the whole subscription
  aks.backup.aks_backup_instance_info:
    protection:
      - error
      - stopped
      - suspended
  register: idle

- name: Name the clusters
  ansible.builtin.debug:
    msg: "Not backed up: {{ idle.instances | map(attribute='cluster_id') | join(', ') }}"
"""

RETURN = r"""
instances:
  description: Backup instances, in the order of vault and name.
  returned: success
  type: list
  elements: dict
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
    identity:
      description: The identity of the vault that is used.
      type: dict
      contains:
        type:
          description: C(SystemAssigned) or C(UserAssigned).
          type: str
          sample: SystemAssigned
        user_assigned_identity_id:
          description: Resource ID of the user-assigned identity. V(null) with the system-assigned one.
          type: str
          sample: null
    id:
      description: Resource ID of the backup instance.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    name:
      description: Name of the backup instance.
      type: str
      sample: aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
    next_backup_estimate:
      description:
        - When the policy's schedule fires next, in UTC. Azure starts the backup some time after that. V(null) while
          nothing is scheduled.
      type: str
      sample: "2026-01-05T02:30:00Z"
    policy_id:
      description: Resource ID of the policy.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
    policy_name:
      description: Name of the policy.
      type: str
      sample: aks-daily
    protection:
      description: What the state comes to, C(active), C(suspended), C(stopped), C(error), C(changing) while Azure is
        busy with it, or C(soft_deleted). V(null) for a state that is not known.
      type: str
      sample: active
    protection_error:
      description: Why the cluster is not protected. V(null) while it is.
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
          sample: Run aks_trusted_access.
        code:
          description: Azure's error code.
          returned: when known
          type: str
          sample: UserErrorTrustedAccessGatewayReturnedForbidden
        detail:
          description: What Azure Backup adds for people who look for the cause.
          returned: when known
          type: str
          sample: Validate for Protection failed.
        is_retryable:
          description: Whether Azure thinks that trying again may help.
          type: bool
          sample: false
        message:
          description: Azure's own words.
          returned: when known
          type: str
          sample: The Trusted Access role binding is missing/has gotten removed from the cluster.
        recommended_action:
          description: What Azure recommends to do.
          returned: when known
          type: list
          elements: str
          sample:
            - Grant appropriate permissions to perform this operation.
    protection_state:
      description: What Azure Backup says of the protection. C(ProtectionConfigured) is what it should be.
      type: str
      sample: ProtectionConfigured
    purge_time:
      description: When Azure deletes it for good, while it is soft-deleted. V(null) otherwise.
      type: str
      sample: null
    snapshot_resource_group_id:
      description: Resource ID of the resource group for the snapshots of disks.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots
    soft_deleted:
      description: Whether it is soft-deleted.
      type: bool
      sample: false
    tags:
      description: Tags by name.
      type: dict
      sample:
        owner: platform
    vault_id:
      description: Resource ID of the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
operations:
  description: What was written to Azure. Always empty, since this module only reads.
  returned: unless the task fails before its first request
  type: list
  elements: dict
  sample: []
summary:
  description: Counts of RV(instances).
  returned: success
  type: dict
  contains:
    by_protection:
      description: Number of backup instances by RV(instances[].protection), C(unknown) where that is V(null).
      type: dict
      sample:
        active: 1
    total:
      description: Number of all of them.
      type: int
      sample: 1
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
from ansible_collections.aks.backup.plugins.module_utils._resources.instance.info import read
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, DATA_PROTECTION, RESOURCE_GRAPH

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "friendly_name": {"type": "str"},
    "include_deleted": {"type": "bool", "default": False},
    "name": {"type": "str"},
    "protection": {
        "type": "list",
        "elements": "str",
        "choices": ["active", "changing", "error", "soft_deleted", "stopped", "suspended"],
    },
    "subscriptions": {"type": "list", "elements": "str"},
}

CONTRACT = Contract(
    work=read,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION, RESOURCE_GRAPH),
    constraints={
        "mutually_exclusive": [
            ("cluster_id", "cluster_name"),
            ("vault_id", "vault_name"),
            ("subscriptions", "vault_id", "vault_name"),
        ],
        "required_together": [
            ("cluster_name", "cluster_resource_group"),
            ("vault_name", "vault_resource_group"),
        ],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
