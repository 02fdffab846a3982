#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_vault: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_vault
short_description: Manage Backup vaults
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Creates, changes and deletes Backup vaults (C(Microsoft.DataProtection/backupVaults)). Recovery Services vaults,
    which protect virtual machines, are something else.
  - A new vault is locally redundant, has a system-assigned identity, and keeps deleted backup instances for 14 days
    (soft delete), unless the options ask for something else. An existing vault is taken as it is, and only what the
    options name is changed.
  - Some settings can never be taken back. The module makes them only when O(confirm_irreversible) names the vault.
  - The vault has to be in the region of the clusters that it protects.
  - A vault can be put under the protection of a Resource Guard, so that a second person has to agree to what reduces
    its security. The module says which approval is missing before it writes anything.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.tags
  - aks.backup.attributes
options:
  alerts_for_all_job_failures:
    description:
      - Whether Azure Monitor raises an alert for each failed job.
    type: bool
  confirm_delete_data:
    description:
      - Name of the vault, to confirm that O(on_instances=stop_and_delete) deletes all recovery points in it.
    type: str
  confirm_irreversible:
    description:
      - Name of the vault, to confirm a change that can never be taken back. These are O(soft_delete.state=AlwaysOn),
        O(immutability=Locked), O(cross_region_restore=true), O(cross_subscription_restore=PermanentlyDisabled), and
        O(encryption) on a vault that has no key of yours yet.
    type: str
  cross_region_restore:
    description:
      - Whether backups in the vault tier can be restored in the paired region. Needs O(redundancy=GeoRedundant).
      - Can never be turned off again, see O(confirm_irreversible).
    type: bool
  cross_subscription_restore:
    description:
      - Whether backups can be restored into other subscriptions. A vault that was never told is V(Disabled).
      - V(PermanentlyDisabled) can never be taken back, see O(confirm_irreversible).
    type: str
    choices:
      - Disabled
      - Enabled
      - PermanentlyDisabled
  datastore_type:
    description:
      - Kind of the vault's data store. A new vault has V(VaultStore), the only one that Azure takes for vaults that
        protect AKS clusters today. Cannot change.
    type: str
    choices:
      - ArchiveStore
      - OperationalStore
      - VaultStore
  encryption:
    description:
      - Encrypts the vault tier with a key of yours (customer-managed key). Snapshots in the operational tier are not
        affected by it.
      - A vault can never go back to keys of Microsoft, see O(confirm_irreversible). What is not given stays as it is.
    type: dict
    suboptions:
      identity_id:
        description:
          - Resource ID of the user-assigned identity that reads the key. The vault needs to have it, see
            O(identity.user_assigned_identities).
          - A new vault needs one, since its system-assigned identity cannot have been given access to a key.
        type: str
      identity_type:
        description:
          - Kind of the identity that reads the key. V(UserAssigned) where O(encryption.identity_id) is given, else the
            kind that the vault uses already, else V(SystemAssigned).
        type: str
        choices:
          - SystemAssigned
          - UserAssigned
      infrastructure_encryption:
        description:
          - Whether Azure encrypts a second time, with a key of its own. A new vault has it not. Cannot change, and
            cannot be chosen for a vault that exists.
        type: bool
      key_uri:
        description:
          - URI of the key, C(https://<vault>.vault.azure.net/keys/<key>), followed by the version to stay with one
            version. Needed for a vault that has no key of yours yet.
        type: str
  identity:
    description:
      - The managed identities of the vault. A new vault has a system-assigned one, which Trusted Access to a cluster
        demands.
    type: dict
    suboptions:
      append:
        description:
          - Whether user-assigned identities that are not listed stay. With V(false), the listed ones are all there are.
        type: bool
        default: true
      type:
        description:
          - Kinds of identity. Without it, listed identities come to those that the vault has, or on a new vault to the
            system-assigned one.
          - A kind that is not named goes away, and with it whatever roles it has.
        type: str
        choices:
          - None
          - SystemAssigned
          - SystemAssigned,UserAssigned
          - UserAssigned
      user_assigned_identities:
        description:
          - Resource IDs of user-assigned identities that the vault has to have. See O(identity.append) for others.
        type: list
        elements: str
  immutability:
    description:
      - Whether backups can be deleted before they expire. A vault that was never told is V(Disabled).
      - V(Unlocked) protects backups and can be taken back. V(Locked) can not, see O(confirm_irreversible).
    type: str
    choices:
      - Disabled
      - Locked
      - Unlocked
  location:
    description:
      - Region of the vault. Needed to create it, and to bring it back. Cannot change.
    type: str
  name:
    description:
      - Name of the vault.
      - 2 to 50 letters, digits and hyphens, starting with a letter and not ending with a hyphen.
    type: str
    required: true
    aliases:
      - vault_name
  on_instances:
    description:
      - What O(state=absent) does where the vault has backup instances. V(fail) deletes nothing.
      - V(stop_and_delete) ends the protection of all clusters in the vault and deletes all their recovery points, see
        O(confirm_delete_data). Where soft delete is on, Azure keeps the deleted backup instances for
        O(soft_delete.retention_days), and the vault with them. The task then fails and says when Azure purges them.
    type: str
    default: fail
    choices:
      - fail
      - stop_and_delete
  redundancy:
    description:
      - How the vault tier is replicated. A new vault is V(LocallyRedundant). Cannot change.
      - Snapshots in the operational tier are not affected by it.
    type: str
    choices:
      - GeoRedundant
      - LocallyRedundant
      - ZoneRedundant
  resource_group:
    description:
      - Resource group of the vault. It has to exist.
    type: str
    required: true
  resource_guard_id:
    description:
      - Resource ID of the Resource Guard that protects the vault. An empty text takes the protection away. Without this
        option it stays as it is.
      - To take a guard away, or to put another one in its place, needs the approval of the one that is there, see
        O(resource_guard_operation_requests).
      - For a guard in another tenant, see O(auxiliary_tenant).
    type: str
  resource_guard_operation_requests:
    description:
      - IDs of the guard's request objects that approve of what the task does, for example
        C(<guard>/dppReduceSoftDeleteSecurityRequests/default). A task that lacks one is refused with its ID.
      - Needed to reduce O(soft_delete) or O(immutability), to change O(resource_guard_id), and to delete a vault that
        is protected by a guard. The identity that runs Ansible needs the role Backup MUA Operator on the guard.
    type: list
    elements: str
  soft_delete:
    description:
      - What happens to deleted backup instances.
    type: dict
    suboptions:
      retention_days:
        description:
          - Days for which a deleted backup instance can be brought back, 14 to 180. A new vault has 14, which are free
            of charge. Not with O(soft_delete.state=Off).
        type: float
      state:
        description:
          - A new vault is V(On). V(AlwaysOn) can never be taken back, see O(confirm_irreversible).
        type: str
        choices:
          - AlwaysOn
          - 'Off'
          - 'On'
  state:
    description:
      - V(present) creates or changes the vault.
      - V(absent) deletes the vault with its policies, and waits until it is gone. It is refused while backup instances
        are left, see O(on_instances). It is also refused while soft-deleted backup instances are left, which is for
        O(soft_delete.retention_days) after their deletion.
    type: str
    default: present
    choices:
      - absent
      - present
  undelete:
    description:
      - Where there is no vault of this name, bring back the soft-deleted one instead of creating a new one. The task is
        refused when there is none.
      - Azure keeps vaults that were deleted through version 2025-09-01 of its interface or a newer one. This module
        deletes through an older version (see the notes), so do not count on bringing back what it has deleted.
      - A vault comes back with a new identity. The task reports it, and warns that its roles, its Trusted Access and
        its access to a key have to be given again. Backup instances come back soft-deleted.
      - A plan knows of a soft-deleted vault only what Azure tells of it, which leaves out O(cross_region_restore),
        O(cross_subscription_restore) and O(alerts_for_all_job_failures).
    type: bool
    default: false
notes:
  - The module uses version 2025-07-01 of Azure's interface on purpose. From version 2025-09-01 on Azure takes only
    vaults with O(soft_delete.state=AlwaysOn), which is for you to choose and not for a module.
seealso:
  - module: aks.backup.aks_backup_vault_info
    description: Reads vaults, soft-deleted ones included.
  - module: aks.backup.aks_backup_storage
    description: The step before; makes the resource group, too.
  - module: aks.backup.aks_backup_policy
    description: The next step.
  - name: Create and manage Backup vaults
    description: Microsoft's page on Backup vaults.
    link: https://learn.microsoft.com/azure/backup/create-manage-backup-vault
  - name: Soft delete for Azure Backup
    description: Microsoft's page on soft delete.
    link: https://learn.microsoft.com/azure/backup/backup-azure-enhanced-soft-delete-about
  - name: Immutable vault for Azure Backup
    description: Microsoft's page on immutability.
    link: https://learn.microsoft.com/azure/backup/backup-azure-immutable-vault-concept
  - name: Encrypt backup data in a Backup vault with customer-managed keys
    description: Microsoft's page on keys, with the access that the identity needs to them.
    link: https://learn.microsoft.com/azure/backup/encryption-at-rest-with-cmk-for-backup-vault
  - name: Multi-user authorization using Resource Guard
    description: Microsoft's page on Resource Guards.
    link: https://learn.microsoft.com/azure/backup/multi-user-authorization-concept
"""

EXAMPLES = r"""
- name: Create a vault with the usual settings
  aks.backup.aks_backup_vault:
    name: bv-east
    resource_group: rg-backup
    location: eastus
    tags:
      purpose: backup
  register: vault

- name: Show the identity that needs roles
  ansible.builtin.debug:
    msg: "{{ vault.resource.identity.principal_id }}"

- name: Keep deleted backup instances for a month, and have an alert for each failed job
  aks.backup.aks_backup_vault:
    name: bv-east
    resource_group: rg-backup
    soft_delete:
      state: 'On'
      retention_days: 30
    alerts_for_all_job_failures: true

- name: Create a vault whose backups can be restored in the paired region, which cannot be taken back
  aks.backup.aks_backup_vault:
    name: bv-east-geo
    resource_group: rg-backup
    location: eastus
    redundancy: GeoRedundant
    cross_region_restore: true
    confirm_irreversible: bv-east-geo

- name: Delete a vault that protects nothing any more
  aks.backup.aks_backup_vault:
    name: bv-east-geo
    resource_group: rg-backup
    state: absent
"""

RETURN = r"""
id:
  description: Resource ID of the vault.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
name:
  description: Name of the vault.
  returned: success
  type: str
  sample: bv-east
resource:
  description: The vault. V(null) with O(state=absent). In check mode, what only Azure can make up is V(null).
  returned: success
  type: dict
  contains:
    alerts_for_all_job_failures:
      description: Whether Azure Monitor raises an alert for each failed job. V(null) when the vault was never told.
      type: bool
      sample: true
    cross_region_restore:
      description: Whether backups can be restored in the paired region.
      type: bool
      sample: false
    cross_subscription_restore:
      description: Whether backups can be restored into other subscriptions.
      type: str
      sample: Disabled
    datastore_type:
      description: Kind of the vault's data store.
      type: str
      sample: VaultStore
    encryption:
      description: The key of yours that encrypts the vault tier. V(null) where Azure uses keys of its own.
      type: dict
      contains:
        identity_id:
          description: Resource ID of the user-assigned identity that reads the key.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-backup
        identity_type:
          description: Kind of the identity that reads the key.
          type: str
          sample: UserAssigned
        infrastructure_encryption:
          description: Whether Azure encrypts a second time, with a key of its own.
          type: bool
          sample: false
        key_uri:
          description: URI of the key.
          type: str
          sample: https://kv-backup.vault.azure.net/keys/backup
        state:
          description: V(Enabled), or V(Inconsistent) where the vault cannot get at the key.
          type: str
          sample: Enabled
    id:
      description: Resource ID of the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
    identity:
      description: The managed identities of the vault.
      type: dict
      contains:
        principal_id:
          description: Object ID of the system-assigned identity, to which roles are assigned. V(null) without one.
          type: str
          sample: 00000000-0000-0000-0000-000000000000
        tenant_id:
          description: Tenant of the system-assigned identity.
          type: str
          sample: 00000000-0000-0000-0000-000000000000
        type:
          description: Kinds of identity.
          type: str
          sample: SystemAssigned
        user_assigned_identities:
          description: Resource IDs of the user-assigned identities, sorted.
          type: list
          elements: str
          sample: []
    immutability:
      description: Whether backups can be deleted before they expire.
      type: str
      sample: Disabled
    is_protected_by_resource_guard:
      description: Whether critical operations need the approval of a Resource Guard.
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
    provisioning_state:
      description: What Azure Resource Manager says of the last write.
      type: str
      sample: Succeeded
    redundancy:
      description: How the vault tier is replicated.
      type: str
      sample: LocallyRedundant
    replicated_regions:
      description: Regions to which the vault is replicated.
      type: list
      elements: str
      sample: []
    secure_score:
      description: Azure's rating of the vault's protection against deletion.
      type: str
      sample: Minimum
    security_level:
      description: Azure's rating of the vault's security as a whole.
      type: str
      sample: Fair
    soft_delete:
      description: What happens to deleted backup instances.
      type: dict
      contains:
        retention_days:
          description: Days for which they can be brought back.
          type: float
          sample: 14.0
        state:
          description: Whether they can be brought back.
          type: str
          sample: 'On'
    tags:
      description: Tags by name.
      type: dict
      sample:
        purpose: backup
resource_guard_id:
  description: Resource ID of the Resource Guard that protects the vault. V(null) where it is taken away.
  returned: where O(resource_guard_id) is given and O(state=present)
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-security/providers/Microsoft.DataProtection/resourceGuards/guard
soft_deleted_instances:
  description: Backup instances in a vault that was brought back. Each can be brought back as well.
  returned: when O(undelete) brought the vault back
  type: list
  elements: dict
  contains:
    datasource_id:
      description: Resource ID of the cluster.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    deletion_time:
      description: When it was deleted.
      type: str
      sample: "2026-01-05T07:49:49.4617127Z"
    name:
      description: Name of the backup instance.
      type: str
      sample: aks-east-1-full
    purge_time:
      description: Until when it can be brought back.
      type: str
      sample: "2026-01-19T07:49:49.4617127Z"
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
    soft_deleted_instances:
      description: Soft-deleted backup instances that keep Azure from deleting the vault.
      returned: where there are any
      type: list
      elements: dict
      contains:
        datasource_id:
          description: Resource ID of the cluster.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
        deletion_time:
          description: When it was deleted. V(null) where Azure does not show it yet, and in check mode.
          type: str
          sample: "2026-01-05T07:49:49.4617127Z"
        name:
          description: Name of the backup instance.
          type: str
          sample: aks-east-1-full
        purge_time:
          description: When Azure purges it. V(null) where Azure does not show it yet, and in check mode.
          type: str
          sample: "2026-01-19T07:49:49.4617127Z"
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

from ansible_collections.aks.backup.plugins.module_utils._module import TAGS_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.work import manage
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {
    **TAGS_SPEC,
    "alerts_for_all_job_failures": {"type": "bool"},
    "confirm_delete_data": {"type": "str"},
    "confirm_irreversible": {"type": "str"},
    "cross_region_restore": {"type": "bool"},
    "cross_subscription_restore": {"type": "str", "choices": ["Disabled", "Enabled", "PermanentlyDisabled"]},
    "datastore_type": {"type": "str", "choices": ["ArchiveStore", "OperationalStore", "VaultStore"]},
    "encryption": {
        "type": "dict",
        "options": {
            "identity_id": {"type": "str"},
            "identity_type": {"type": "str", "choices": ["SystemAssigned", "UserAssigned"]},
            "infrastructure_encryption": {"type": "bool"},
            "key_uri": {"type": "str", "no_log": False},
        },
    },
    "identity": {
        "type": "dict",
        "options": {
            "append": {"type": "bool", "default": True},
            "type": {
                "type": "str",
                "choices": ["None", "SystemAssigned", "SystemAssigned,UserAssigned", "UserAssigned"],
            },
            "user_assigned_identities": {"type": "list", "elements": "str"},
        },
    },
    "immutability": {"type": "str", "choices": ["Disabled", "Locked", "Unlocked"]},
    "location": {"type": "str"},
    "name": {"type": "str", "required": True, "aliases": ["vault_name"]},
    "on_instances": {"type": "str", "choices": ["fail", "stop_and_delete"], "default": "fail"},
    "redundancy": {"type": "str", "choices": ["GeoRedundant", "LocallyRedundant", "ZoneRedundant"]},
    "resource_group": {"type": "str", "required": True},
    "resource_guard_id": {"type": "str"},
    "resource_guard_operation_requests": {"type": "list", "elements": "str"},
    "soft_delete": {
        "type": "dict",
        "options": {
            "retention_days": {"type": "float"},
            "state": {"type": "str", "choices": ["AlwaysOn", "Off", "On"]},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "undelete": {"type": "bool", "default": False},
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
