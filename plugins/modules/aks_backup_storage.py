#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_storage: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_storage
short_description: Provide resource group, storage account and blob container for backups
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Creates a resource group, in it a storage account, and in that a blob container. The options say how far down it
    goes. With O(resource_group) alone it provides nothing but the group, for example the one for the snapshots of
    disks.
  - The container is where the backup extension of a cluster keeps what it backs up of the cluster's objects. Each
    cluster needs a container of its own, in an account in the region of the cluster.
  - A new account is a general-purpose v2 account with TLS 1.2, without shared keys and without public blobs, unless the
    options ask for something else. An existing account is taken as it is, and only what the options name is changed.
    Weak ones are reported in the result and in warnings; shared keys, public blobs, and a kind of account that the
    backup extension cannot use.
  - Where O(container) is given and nothing is said of what is above it, such as O(location) or O(tags), the container
    alone is provided, in an account that has to exist.
  - An existing resource group is left alone. It may lie in any region, and its tags are not touched.
  - Everything happens through Azure Resource Manager. No right on the blobs themselves is needed.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-resource >= 24.0
  - azure-mgmt-storage >= 23.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.tags
  - aks.backup.attributes
options:
  allow_blob_public_access:
    description:
      - Whether containers of the account may be opened to the public. A new account does not allow it.
    type: bool
  allow_shared_key_access:
    description:
      - Whether requests may be authorised with the keys of the account. A new account does not allow it, and the backup
        extension does not need it, see O(aks.backup.aks_backup_extension#module:use_aad).
    type: bool
  confirm_delete_data:
    description:
      - Name of the container that is to be deleted with all backups in it. Without it O(state=absent) is refused while
        the container exists.
    type: str
  container:
    description:
      - Name of the blob container. Needs O(storage_account).
      - 3 to 63 lower-case letters, digits and single hyphens.
    type: str
  location:
    description:
      - Region of what is created. Needed only when something has to be created. The account has to be in the region of
        the clusters.
    type: str
  public_network_access:
    description:
      - Whether the account can be reached from public networks. With V(Disabled), the clusters need a private endpoint.
    type: str
    choices:
      - Disabled
      - Enabled
  resource_group:
    description:
      - Name of the resource group.
    type: str
    required: true
  sku:
    description:
      - Performance and replication of the account. A new account is V(Standard_LRS). The module does not change it
        afterwards. The backup extension needs a Standard account.
    type: str
    choices:
      - Standard_GRS
      - Standard_GZRS
      - Standard_LRS
      - Standard_RAGRS
      - Standard_RAGZRS
      - Standard_ZRS
  state:
    description:
      - V(present) creates what is missing.
      - V(absent) deletes the blob container with all that is in it, and nothing else. Account and resource group stay.
    type: str
    default: present
    choices:
      - absent
      - present
  storage_account:
    description:
      - Name of the storage account, unique in all of Azure.
      - 3 to 24 lower-case letters and digits.
    type: str
seealso:
  - module: aks.backup.aks_backup_provider
    description: The step before.
  - module: aks.backup.aks_backup_vault
    description: The next step.
  - module: aks.backup.aks_backup_extension
    description: Uses account and container.
  - name: Prerequisites for AKS backup
    description: Microsoft's page on what backups are kept where.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept
"""

EXAMPLES = r"""
- name: Have a place for the backups of the cluster's objects
  aks.backup.aks_backup_storage:
    resource_group: rg-backup
    location: eastus
    storage_account: stbackupeast01
    container: aks-east-1
    tags:
      purpose: backup

- name: Have a resource group for the snapshots of disks
  aks.backup.aks_backup_storage:
    resource_group: rg-aks-snapshots
    location: eastus

- name: Add a container for another cluster of the region
  aks.backup.aks_backup_storage:
    resource_group: rg-backup
    storage_account: stbackupeast01
    container: aks-east-2

- name: Let nobody use the keys of the account, and set its tags to these alone
  aks.backup.aks_backup_storage:
    resource_group: rg-backup
    storage_account: stbackupeast01
    allow_shared_key_access: false
    tags:
      purpose: backup
      owner: platform
    append_tags: false

- name: Delete the container of a cluster that is gone, with all backups in it
  aks.backup.aks_backup_storage:
    resource_group: rg-backup
    storage_account: stbackupeast01
    container: aks-east-2
    state: absent
    confirm_delete_data: aks-east-2
"""

RETURN = r"""
container:
  description: The blob container. V(null) without O(container), and when it was deleted.
  returned: success
  type: dict
  contains:
    id:
      description: Resource ID of the container.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01/blobServices/default/containers/aks-east-1
    name:
      description: Name of the container.
      type: str
      sample: aks-east-1
    public_access:
      description: Who can read the container without signing in. C(None) is nobody.
      type: str
      sample: None
resource_group:
  description: The resource group. V(null) where the task was about a container alone.
  returned: success
  type: dict
  contains:
    id:
      description: Resource ID of the resource group.
      type: str
      sample: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup
    location:
      description: Region in which Azure keeps what it knows of the resource group.
      type: str
      sample: eastus
    name:
      description: Name of the resource group.
      type: str
      sample: rg-backup
    tags:
      description: Tags by name.
      type: dict
      sample:
        purpose: backup
storage_account:
  description: The storage account. V(null) without O(storage_account), and where the task was about a container alone.
  returned: success
  type: dict
  contains:
    allow_blob_public_access:
      description: Whether containers may be opened to the public.
      type: bool
      sample: false
    allow_shared_key_access:
      description: Whether requests may be authorised with the keys of the account.
      type: bool
      sample: false
    blob_endpoint:
      description: URL of the blob service. V(null) in check mode for an account that does not exist yet.
      type: str
      sample: https://stbackupeast01.blob.core.windows.net/
    id:
      description: Resource ID of the account.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01
    kind:
      description: Kind of the account. The backup extension needs C(StorageV2).
      type: str
      sample: StorageV2
    location:
      description: Region of the account.
      type: str
      sample: eastus
    minimum_tls_version:
      description: The oldest version of TLS that the account accepts. V(null) when Azure does not say.
      type: str
      sample: TLS1_2
    name:
      description: Name of the account.
      type: str
      sample: stbackupeast01
    network_default_action:
      description:
        - What the account's firewall does with those whom no rule lets in. V(null) when Azure does not say, and in
          check mode for an account that does not exist yet.
      type: str
      sample: Allow
    public_network_access:
      description: Whether the account can be reached from public networks.
      type: str
      sample: Enabled
    sku:
      description: Performance and replication.
      type: str
      sample: Standard_LRS
    tags:
      description: Tags by name.
      type: dict
      sample:
        purpose: backup
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup
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
from ansible_collections.aks.backup.plugins.module_utils._resources.storage import provide
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCES, STORAGE

ARGUMENT_SPEC = {
    **TAGS_SPEC,
    "allow_blob_public_access": {"type": "bool"},
    "allow_shared_key_access": {"type": "bool", "no_log": False},
    "confirm_delete_data": {"type": "str"},
    "container": {"type": "str"},
    "location": {"type": "str"},
    "public_network_access": {"type": "str", "choices": ["Disabled", "Enabled"]},
    "resource_group": {"type": "str", "required": True},
    "sku": {
        "type": "str",
        "choices": [
            "Standard_GRS",
            "Standard_GZRS",
            "Standard_LRS",
            "Standard_RAGRS",
            "Standard_RAGZRS",
            "Standard_ZRS",
        ],
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "storage_account": {"type": "str"},
}

CONTRACT = Contract(
    work=provide,
    argument_spec=ARGUMENT_SPEC,
    packages=(RESOURCES, STORAGE),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
