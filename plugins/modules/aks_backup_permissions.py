#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_permissions: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_permissions
short_description: Assign the roles that backup and restore of an AKS cluster need
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Three identities need roles. For backup, the vault needs Reader on the cluster and on the snapshot resource group,
    the cluster needs Contributor on the snapshot resource group, and the backup extension needs Storage Blob Data
    Contributor on the storage account, or Storage Account Contributor if it uses the keys of the account.
  - With O(vault_tier=true) the vault also needs Disk Snapshot Contributor and Data Operator for Managed Disks on the
    snapshot resource group, and Storage Blob Data Reader on the storage account.
  - For restore, the cluster is the one that is restored to. From the vault tier, vault, cluster and extension need
    roles on a staging resource group and a staging storage account.
  - The module reads which of these assignments exist, whoever made them and under whatever name, and makes those that
    are missing, at the narrowest scope unless told otherwise. An assignment that is inherited from a resource group, a
    subscription or a management group counts. One with a condition does not, and neither does one that a group has.
  - Nothing is removed, but with O(mode=revoke) or O(remove_orphaned=true).
  - The identity of the kubelets needs no role.
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
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes
options:
  file_share_storage_account_ids:
    description:
      - Resource IDs of the storage accounts with the file shares of the cluster's volumes. Required when
        O(volume_types) has V(AzureFileShareSMB).
    type: list
    elements: str
  force_revoke:
    description:
      - With O(mode=revoke), whether to revoke what a backup instance of the cluster in the vault still needs. Its
        backups then fail. For a plan in which an earlier task removes the backup instance.
    type: bool
    default: false
  mode:
    description:
      - What to do about the assignments.
    type: str
    default: grant
    choices:
      grant: Make those that are missing.
      report: >-
        Change nothing, and return in RV(missing) what somebody else would have to run.
      revoke: >-
        Remove those that this module would make with the same options, and orphaned ones. What backup instances of
        other clusters in the vault share is kept, and what is inherited. Refused while a backup instance of the vault
        protects the cluster, unless O(operation=restore).
  operation:
    description:
      - What the roles are for.
    type: str
    default: backup
    choices:
      backup: Backup of the cluster.
      restore: Restore to the cluster.
      both: Both.
  policy_id:
    description:
      - Resource ID of the backup policy. Whether it copies backups to the vault tier decides about O(vault_tier).
    type: str
  policy_name:
    description:
      - Name of the backup policy in the vault, instead of O(policy_id).
    type: str
  remove_orphaned:
    description:
      - Whether O(mode=grant) also removes the assignments in RV(orphaned).
    type: bool
    default: false
  restore_from:
    description:
      - The tiers from which restores have to work, for O(operation=restore) and O(operation=both).
    type: list
    elements: str
    choices: [OperationalStore, VaultStore]
    default: [OperationalStore]
  role_scope:
    description:
      - Where assignments are made. The wider the scope, the more the identities may do, and the fewer assignments there
        are. An assignment that exists at another scope and gives the same is left as it is.
    type: str
    default: resource
    choices:
      resource: At the cluster, the resource group or the storage account that the role is needed on.
      resource_group: At the resource group that it is in.
      subscription: At its subscription.
  snapshot_resource_group:
    description:
      - Name or resource ID of the resource group for the snapshots of disks. Required for backup, and for restores from
        the operational tier.
    type: str
  staging_resource_group:
    description:
      - Name or resource ID of the resource group in which restores from the vault tier lay out disks. Required when
        O(restore_from) has V(VaultStore).
    type: str
  staging_storage_account_id:
    description:
      - Resource ID of the storage account in which restores from the vault tier lay out Kubernetes resources. Required
        when O(restore_from) has V(VaultStore).
    type: str
  storage_account:
    description:
      - Name of the storage account with the blob container. Either this or O(storage_account_id) is required for
        backup, and for restores from the operational tier.
    type: str
  storage_account_id:
    description:
      - Resource ID of the storage account.
    type: str
  storage_account_resource_group:
    description:
      - Resource group of the storage account. Required with O(storage_account).
    type: str
  storage_account_subscription_id:
    description:
      - Subscription of O(storage_account), when it is another one than O(subscription_id).
    type: str
  vault_identity_id:
    description:
      - Resource ID of the user-assigned identity of the vault with which the backup instance works. Without it, the
        roles are for the vault's system-assigned identity.
    type: str
  vault_tier:
    description:
      - Whether the policy copies backups to the vault tier, for which the vault needs three more roles.
      - Without it, O(policy_id) or O(policy_name) decides, and without those it does not.
    type: bool
  volume_types:
    description:
      - The types of volumes that are backed up and restored.
    type: list
    elements: str
    choices: [AzureDisk, AzureFileShareSMB]
    default: [AzureDisk]
notes:
  - The caller needs the action C(Microsoft.Authorization/roleAssignments/write) at all these scopes, which the roles
    Owner, User Access Administrator and Role Based Access Control Administrator have, and for O(mode=revoke) the action
    C(Microsoft.Authorization/roleAssignments/delete). With O(mode=report) it needs to read only. Who may not is told
    all that is missing in one message, in check mode as well, with the commands for somebody who may.
  - In check mode the identities of a vault or an extension that does not exist yet are not known. Their assignments are
    part of the plan, with V(null) for the identity and for the assignment. They are known after apply.
  - Azure takes some minutes to apply an assignment everywhere. M(aks.backup.aks_backup_instance) waits for that.
  - Microsoft's pages disagree on what restores from the vault tier need. The roles for them, and those for file shares,
    have not been tried with Azure itself.
seealso:
  - module: aks.backup.aks_trusted_access
    description: The step before.
  - module: aks.backup.aks_backup_instance
    description: The next step.
  - name: Prerequisites for AKS backup
    description: Microsoft's page on who needs which role.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept
"""

EXAMPLES = r"""
- name: Find out which roles are missing
  aks.backup.aks_backup_permissions:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    snapshot_resource_group: rg-aks-snapshots
    mode: report
  register: permissions

- name: Show the commands for somebody who may assign roles
  ansible.builtin.debug:
    msg: "{{ permissions.missing | map(attribute='command') | list }}"

- name: Show what somebody else could put into Terraform
  ansible.builtin.debug:
    msg: "{{ permissions.missing | map(attribute='terraform') | join('\n') }}"

- name: Let restores to the cluster from the vault tier work
  aks.backup.aks_backup_permissions:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    operation: restore
    restore_from:
      - VaultStore
    staging_resource_group: rg-aks-snapshots
    staging_storage_account_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01

- name: Take the roles for restores from the vault tier away again
  aks.backup.aks_backup_permissions:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    mode: revoke
    operation: restore
    restore_from:
      - VaultStore
    staging_resource_group: rg-aks-snapshots
    staging_storage_account_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01

- name: Assign the roles that are missing
  aks.backup.aks_backup_permissions:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    snapshot_resource_group: rg-aks-snapshots

- name: Assign what copies to the vault tier need as well
  aks.backup.aks_backup_permissions:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    snapshot_resource_group: rg-aks-snapshots
    vault_tier: true
"""

RETURN = r"""
assignments:
  description: All the roles that are needed.
  returned: success
  type: list
  elements: dict
  contains:
    assignment_id:
      description:
        - Resource ID of the assignment. V(null) while it is missing; of one that was revoked, what it was.
        - In check mode, the one that it would get. V(null) when the identity is not known yet.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000
    granted:
      description: Whether this task made the assignment.
      type: bool
      sample: true
    kept:
      description: Why O(mode=revoke) left the assignment. V(null) when there is no such reason.
      type: str
      sample: It is inherited from /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters.
    revoked:
      description: Whether this task removed the assignment.
      type: bool
      sample: false
    assignment_scope:
      description: Resource ID of where the assignment is made, or would be.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    principal:
      description: Whose identity it is, V(vault), V(cluster) or V(extension).
      type: str
      sample: vault
    principal_id:
      description: Object ID of the identity. V(null) in check mode when it does not exist yet.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    purpose:
      description: What the identity does with the role.
      type: str
      sample: Find the cluster and its backup extension.
    role:
      description: Name of the role.
      type: str
      sample: Reader
    role_definition_id:
      description: Resource ID of the role.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7
    scope:
      description: Resource ID of what the role is needed on.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    scope_kind:
      description:
        - What that is, V(cluster), V(snapshot_resource_group), V(storage_account), V(staging_resource_group),
          V(staging_storage_account) or V(file_share_storage_account).
      type: str
      sample: cluster
missing:
  description: The roles that are missing, with O(mode=report). Empty otherwise.
  returned: success
  type: list
  elements: dict
  contains:
    assignment_id:
      description: Always V(null), since there is no assignment.
      type: str
      sample: null
    command:
      description: Command of the Azure CLI that makes the assignment.
      type: str
      sample: >-
        az role assignment create --assignee-object-id 00000000-0000-0000-0000-000000000000
        --assignee-principal-type ServicePrincipal --role 'Reader' --scope
        '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1'
    terraform:
      description: Block for Terraform's provider azurerm that makes the assignment.
      type: str
      sample: |-
        resource "azurerm_role_assignment" "vault_reader_rg_aks_snapshots" {
          name                 = "00000000-0000-0000-0000-000000000000"
          scope                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots"
          role_definition_name = "Reader"
          principal_id         = "00000000-0000-0000-0000-000000000000"
          principal_type       = "ServicePrincipal"
        }
    assignment_scope:
      description: Resource ID of where the assignment is made, or would be.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    principal:
      description: Whose identity it is, V(vault), V(cluster) or V(extension).
      type: str
      sample: vault
    principal_id:
      description: Object ID of the identity. V(null) in check mode when it does not exist yet.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    purpose:
      description: What the identity does with the role.
      type: str
      sample: Find the cluster and its backup extension.
    role:
      description: Name of the role.
      type: str
      sample: Reader
    role_definition_id:
      description: Resource ID of the role.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7
    scope:
      description: Resource ID of what the role is needed on.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    scope_kind:
      description:
        - What that is, V(cluster), V(snapshot_resource_group), V(storage_account), V(staging_resource_group),
          V(staging_storage_account) or V(file_share_storage_account).
      type: str
      sample: cluster
orphaned:
  description:
    - Assignments of the same roles at the same places whose identity no longer exists. They have no effect, and count
      against the limit of assignments of a subscription.
  returned: success
  type: list
  elements: dict
  contains:
    assignment_id:
      description: Resource ID of the assignment.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000
    principal_id:
      description: Object ID of the identity that is gone.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    removed:
      description: Whether this task removed the assignment.
      type: bool
      sample: false
    role:
      description: Name of the role.
      type: str
      sample: Reader
    scope:
      description: Resource ID of where the assignment is.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000
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
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.permissions import manage
from ansible_collections.aks.backup.plugins.module_utils._types import (
    AKS,
    AUTHORIZATION,
    DATA_PROTECTION,
    EXTENSIONS,
    RESOURCES,
    STORAGE,
)

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "file_share_storage_account_ids": {"type": "list", "elements": "str"},
    "force_revoke": {"type": "bool", "default": False},
    "mode": {"type": "str", "choices": ["grant", "report", "revoke"], "default": "grant"},
    "operation": {"type": "str", "choices": ["backup", "restore", "both"], "default": "backup"},
    "policy_id": {"type": "str"},
    "policy_name": {"type": "str"},
    "remove_orphaned": {"type": "bool", "default": False},
    "restore_from": {
        "type": "list",
        "elements": "str",
        "choices": ["OperationalStore", "VaultStore"],
        "default": ["OperationalStore"],
    },
    "role_scope": {"type": "str", "choices": ["resource", "resource_group", "subscription"], "default": "resource"},
    "snapshot_resource_group": {"type": "str"},
    "staging_resource_group": {"type": "str"},
    "staging_storage_account_id": {"type": "str"},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "vault_identity_id": {"type": "str"},
    "vault_tier": {"type": "bool"},
    "volume_types": {
        "type": "list",
        "elements": "str",
        "choices": ["AzureDisk", "AzureFileShareSMB"],
        "default": ["AzureDisk"],
    },
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCES, STORAGE),
    identifies=("cluster", "vault"),
    constraints={
        "required_together": [("storage_account", "storage_account_resource_group")],
        "mutually_exclusive": [("storage_account_id", "storage_account"), ("policy_id", "policy_name")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
