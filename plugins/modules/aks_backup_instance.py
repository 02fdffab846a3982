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
  - When Azure refuses, all reasons are told at once. To those that Azure names the module adds what it can see itself,
    namely a missing extension, Trusted Access role binding or role.
  - A backup instance that protects the cluster in this vault already is used whatever its name, for example one that
    the portal has made.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-authorization >= 4.0
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-kubernetesconfiguration-extensions >= 1.0.0
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.tags
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
          - Azure keeps snapshots of V(AzureFileShareSMB) for 30 days at most, and not in the vault tier.
        type: list
        elements: str
        choices:
          - AzureDisk
          - AzureFileShareSMB
  confirm_delete_data:
    description:
      - Name or friendly name of the backup instance that is to be deleted with its backups. Without it
        O(state=absent) is refused while the backup instance exists.
    type: str
  friendly_name:
    description:
      - Name for people, and part of what distinguishes several backup instances of a cluster in a vault. A new backup
        instance without one is called after the cluster, with C(/fullbackup) behind. It is not changed afterwards.
      - The name of the cluster in front of it, which the portal and the Azure CLI put there, makes no difference.
    type: str
  identity:
    description:
      - The identity of the vault that reaches for the cluster and the snapshots. A new backup instance uses the
        system-assigned one.
    type: dict
    suboptions:
      type:
        description:
          - Which identity of the vault to use.
        type: str
        required: true
        choices:
          - SystemAssigned
          - UserAssigned
      user_assigned_identity_id:
        description:
          - Resource ID of the user-assigned identity. Required with V(UserAssigned). The vault has to have it.
        type: str
  match:
    description:
      - How to find a backup instance that exists.
      - V(name) takes the one of that name, given or derived, and no other.
      - V(datasource) takes the one of that name, else the one that protects the cluster in this vault, whatever its
        name. With O(friendly_name), it has to have that.
      - Left out, it is V(name) if O(name) is given, else V(datasource).
    type: str
    choices:
      - datasource
      - name
  name:
    description:
      - Name of the backup instance. Left out, it is the name of the cluster twice and a GUID that is derived from
        the cluster and O(friendly_name), the same on each run.
      - With a name, no backup instance with another name is used instead, unless O(match=datasource).
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
  protection:
    description:
      - What the backup instance does.
      - V(active) takes backups. With protection resumed, Azure deletes the recovery points that the policy would have
        ended meanwhile.
      - V(suspended) takes no backups. Recovery points expire as the policy says, but for the latest one.
      - V(stopped) takes no backups and keeps every recovery point for ever, which goes on to cost.
      - From V(suspended) to V(stopped) and back the way is through V(active), which a scheduled backup may use.
    type: str
    default: active
    choices:
      - active
      - stopped
      - suspended
  resource_guard_operation_requests:
    description:
      - Resource IDs of the requests with which a resource guard lets this task change the policy, stop or suspend
        protection, or delete. Each ends with C(/default). When one is missing, the task fails before it writes
        anything and names it.
    type: list
    elements: str
  resync:
    description:
      - Whether to have Azure try again where it has failed to protect the cluster (C(ProtectionError)). Without it such
        a backup instance is an error, with the reason that Azure gives.
    type: bool
    default: false
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
        some time, and O(undelete) brings them back.
    type: str
    default: present
    choices:
      - absent
      - present
  undelete:
    description:
      - Whether to bring back a soft-deleted backup instance with its recovery points, instead of creating one. It is
        found in the same way as one that exists. Without a soft-deleted one, this changes nothing.
      - Azure brings it back with its protection stopped. O(protection) says what comes then. With V(stopped) the
        cluster may be gone, and its recovery points can be restored to another one.
    type: bool
    default: false
  validation:
    description:
      - Whether Azure checks that it can protect the cluster before something is written.
      - V(before_create) has a new backup instance and each change checked.
      - V(deep) has Azure check once more while it configures the protection.
      - V(none) writes at once, which saves a minute. What is wrong then shows in the state of the backup instance, and
        roles that have not taken effect yet are not waited for.
    type: str
    default: before_create
    choices:
      - before_create
      - deep
      - none
notes:
  - Cluster and vault have to be in the same region.
  - Azure takes a second backup instance for the same cluster only with another policy or in another vault.
  - In check mode Azure is not asked to validate. What this module can see itself is refused as in a real run, and
    RV(missing_roles) tells which roles there are not.
  - A policy that copies to the vault tier demands more roles, see
    O(aks.backup.aks_backup_permissions#module:vault_tier).
seealso:
  - module: aks.backup.aks_backup_instance_info
    description: Reads backup instances, soft-deleted ones as well.
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

- name: Protect one namespace more often, by a backup instance of its own
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    friendly_name: shop
    policy_name: aks-daily
    snapshot_resource_group: rg-aks-snapshots
    backup_configuration:
      included_namespaces:
        - shop
    tags:
      owner: shop

- name: Take no backups for the time being
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    friendly_name: shop
    policy_name: aks-daily
    snapshot_resource_group: rg-aks-snapshots
    protection: suspended

- name: Take backups again, and have Azure try once more where it has failed to protect
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    friendly_name: shop
    policy_name: aks-daily
    snapshot_resource_group: rg-aks-snapshots
    protection: active
    resync: true

- name: End the protection of the namespace and delete its backups
  aks.backup.aks_backup_instance:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    friendly_name: shop
    state: absent
    confirm_delete_data: shop

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
missing_roles:
  description:
    - Roles that the protection needs and that nobody has given. V(null) when the identity that runs Ansible may not
      read role assignments, and when the cluster is gone.
    - Identities that do not exist yet are left out.
  returned: when the backup instance is created or changed, or would be
  type: list
  elements: dict
  contains:
    command:
      description: The Azure CLI command that gives the role.
      type: str
      sample: >-
        az role assignment create --assignee-object-id 00000000-0000-0000-0000-000000000001
        --assignee-principal-type ServicePrincipal --role 'Reader'
        --scope '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots'
    principal:
      description: Whose identity lacks it, C(cluster), C(extension) or C(vault).
      type: str
      sample: vault
    principal_id:
      description: Object ID of that identity.
      type: str
      sample: 00000000-0000-0000-0000-000000000001
    role:
      description: Name of the role.
      type: str
      sample: Reader
    scope:
      description: Resource ID of what the role is needed on.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-snapshots
next_backup_estimate:
  description:
    - When the policy's schedule fires next, in UTC. Azure starts the backup some time after that. V(null) while
      nothing is scheduled.
  returned: when the backup instance is created or changed, or would be
  type: str
  sample: "2026-01-05T02:30:00Z"
purge_time:
  description: When Azure deletes for good what it keeps of the backup instance. V(null) where it keeps nothing, and in
    check mode where only Azure knows.
  returned: with O(state=absent)
  type: str
  sample: "2026-01-19T07:49:49.4617127Z"
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
soft_deleted:
  description: Whether Azure keeps the deleted backup instance for some time.
  returned: with O(state=absent)
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

from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, TAGS_SPEC, VAULT_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.instance.instance import manage
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    **TAGS_SPEC,
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
    "identity": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "required": True, "choices": ["SystemAssigned", "UserAssigned"]},
            "user_assigned_identity_id": {"type": "str"},
        },
        "required_if": [("type", "UserAssigned", ("user_assigned_identity_id",))],
    },
    "match": {"type": "str", "choices": ["datasource", "name"]},
    "name": {"type": "str"},
    "policy_id": {"type": "str"},
    "policy_name": {"type": "str"},
    "protection": {"type": "str", "choices": ["active", "stopped", "suspended"], "default": "active"},
    "resource_guard_operation_requests": {"type": "list", "elements": "str"},
    "resync": {"type": "bool", "default": False},
    "snapshot_resource_group": {"type": "str"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "undelete": {"type": "bool", "default": False},
    "validation": {"type": "str", "choices": ["before_create", "deep", "none"], "default": "before_create"},
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS),
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
