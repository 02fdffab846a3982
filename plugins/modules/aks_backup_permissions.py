#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_permissions: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_permissions
short_description: Assign the roles that the backup of an AKS cluster needs
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Three identities need roles. The vault needs Reader on the cluster and on the snapshot resource group. The cluster
    needs Contributor on the snapshot resource group. The backup extension needs Storage Blob Data Contributor on the
    storage account.
  - With O(vault_tier=true) the vault also needs Disk Snapshot Contributor and Data Operator for Managed Disks on the
    snapshot resource group, and Storage Blob Data Reader on the storage account.
  - The module reads which of these assignments exist, whoever made them and under whatever name, and makes those that
    are missing. An assignment that is inherited from a resource group, a subscription or a management group counts. One
    with a condition does not, and neither does one that a group has.
  - Assignments are never removed.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-authorization >= 4.0
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.0
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
  mode:
    description:
      - What to do about assignments that are missing.
    type: str
    default: grant
    choices:
      grant: Make them.
      report: >-
        Change nothing, and return in RV(missing) what somebody else would have to run.
  snapshot_resource_group:
    description:
      - Name or resource ID of the resource group for the snapshots of disks.
    type: str
    required: true
  storage_account:
    description:
      - Name of the storage account with the blob container. Either this or O(storage_account_id) is required.
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
  vault_tier:
    description:
      - Whether the policy copies backups to the vault tier, for which the vault needs three more roles.
    type: bool
    default: false
notes:
  - The caller needs the action C(Microsoft.Authorization/roleAssignments/write) at all these scopes, which the roles
    Owner, User Access Administrator and Role Based Access Control Administrator have. With O(mode=report) it needs to
    read only.
  - In check mode the identities of a vault or an extension that does not exist yet are not known. Their assignments are
    part of the plan, with V(null) for the identity and for the assignment. They are known after apply.
  - Azure takes some minutes to apply an assignment everywhere. M(aks.backup.aks_backup_instance) waits for that.
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
        - Resource ID of the assignment. V(null) while it is missing.
        - In check mode, the one that it would get. V(null) when the identity is not known yet.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000
    granted:
      description: Whether this task made the assignment.
      type: bool
      sample: true
    principal:
      description: Whose identity it is, V(vault), V(cluster) or V(extension).
      type: str
      sample: vault
    principal_id:
      description: Object ID of the identity. V(null) in check mode when it does not exist yet.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
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
      description: Resource ID of what the role is for.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
missing:
  description: The roles that are missing. Always empty with O(mode=grant), which makes the assignments.
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
    principal:
      description: Whose identity it is, V(vault), V(cluster) or V(extension).
      type: str
      sample: vault
    principal_id:
      description: Object ID of the identity. V(null) in check mode when it does not exist yet.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
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
      description: Resource ID of what the role is for.
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
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import manage
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
    "mode": {"type": "str", "choices": ["grant", "report"], "default": "grant"},
    "snapshot_resource_group": {"type": "str", "required": True},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "vault_tier": {"type": "bool", "default": False},
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCES, STORAGE),
    identifies=("cluster", "vault"),
    constraints={
        "required_one_of": [("storage_account_id", "storage_account")],
        "required_together": [("storage_account", "storage_account_resource_group")],
        "mutually_exclusive": [("storage_account_id", "storage_account")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
