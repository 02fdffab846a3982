#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_vault_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_vault_info
short_description: Read Backup vaults, soft-deleted ones included
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the Backup vaults of the subscription that the options name, all of them, sorted by resource ID. With no
    options, these are all vaults of the subscription.
  - No vault is no error; the list is empty then.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.attributes.info_module
options:
  include_deleted:
    description:
      - Whether to read the soft-deleted vaults of O(location) as well.
    type: bool
    default: false
  location:
    description:
      - Only vaults of this region. Required with O(include_deleted), since Azure keeps soft-deleted vaults by region.
    type: str
  name:
    description:
      - Only vaults of this name. Names are unique in a resource group.
    type: str
  resource_group:
    description:
      - Only vaults of this resource group.
    type: str
  tags:
    description:
      - Only vaults that have all these tags, each given as C(name) or C(name:value).
    type: list
    elements: str
seealso:
  - module: aks.backup.aks_backup_vault
    description: Creates, changes, deletes and brings back vaults.
  - name: Create and manage Backup vaults
    description: Microsoft's page on Backup vaults.
    link: https://learn.microsoft.com/azure/backup/create-manage-backup-vault
"""

EXAMPLES = r"""
- name: Read a vault
  aks.backup.aks_backup_vault_info:
    name: bv-east
    resource_group: rg-backup
  register: found

- name: Show how well it is protected
  ansible.builtin.debug:
    msg: "{{ found.vaults | map(attribute='security_level') }}"

- name: Read the vaults of the subscription that have a tag
  aks.backup.aks_backup_vault_info:
    tags:
      - purpose:backup

- name: Read the vaults of a region, and those that can be brought back
  aks.backup.aks_backup_vault_info:
    location: eastus
    include_deleted: true
"""

RETURN = r"""
deleted_vaults:
  description: The soft-deleted vaults. Azure tells less of them than of others.
  returned: success and O(include_deleted=true)
  type: list
  elements: dict
  contains:
    datastore_type:
      description: Kind of the vault's data store.
      type: str
      sample: VaultStore
    deleted_vault_id:
      description: Resource ID under which Azure keeps the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.DataProtection/locations/eastus/deletedVaults/00000000-0000-0000-0000-000000000000
    deletion_time:
      description: When the vault was deleted.
      type: str
      sample: "2026-01-05T07:49:49.4617127Z"
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
      description: Resource ID that the vault had.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
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
      description: Name that the vault had.
      type: str
      sample: bv-east
    purge_time:
      description: Until when the vault can be brought back.
      type: str
      sample: "2026-01-19T07:49:49.4617127Z"
    redundancy:
      description: How the vault tier is replicated.
      type: str
      sample: LocallyRedundant
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
vaults:
  description: The vaults. The fields are those of RV(aks.backup.aks_backup_vault#module:resource).
  returned: success
  type: list
  elements: dict
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

from ansible_collections.aks.backup.plugins.module_utils._module import Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.vault.work import list_vaults
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {
    "include_deleted": {"type": "bool", "default": False},
    "location": {"type": "str"},
    "name": {"type": "str"},
    "resource_group": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
}

CONTRACT = Contract(
    work=list_vaults,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    constraints={"required_if": [("include_deleted", True, ("location",))]},
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
