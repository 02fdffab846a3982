#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_extension: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_extension
short_description: Manage the backup extension of an AKS cluster
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Installs, changes and removes the cluster extension C(microsoft.dataprotection.kubernetes), through which Azure
    Backup works inside the cluster. Installing it takes Azure a few minutes.
  - A cluster has at most one such extension. One that is there already is used whatever its name, for example one that
    the portal has installed.
  - Only settings that the options name are compared and changed. Others stay, unless O(purge_unlisted_settings=true).
  - The extension gets an identity of its own from Azure. It needs the role Storage Blob Data Contributor on the storage
    account, which M(aks.backup.aks_backup_permissions) gives it, reports to whoever may give it, or takes back. This
    module assigns no roles, so that it works for callers who must not.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-kubernetesconfiguration-extensions >= 1.0.0
  - azure-mgmt-storage >= 23.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.attributes
options:
  auto_upgrade_minor_version:
    description:
      - Whether Azure keeps the extension at the newest minor version. It does so for a new extension, unless O(version)
        is given.
    type: bool
  blob_container:
    description:
      - Name of the blob container for the backups. Required with O(state=present). Two clusters must not share one.
    type: str
  extra_settings:
    description:
      - More settings of the extension, by the names that the extension itself uses. Values become strings. They win
        over the other options.
    type: dict
  force_delete:
    description:
      - With O(state=absent), remove the extension although backup instances protect the cluster, and have Azure forget
        it without waiting for the cluster, which need not answer. What is inside the cluster may stay behind.
    type: bool
    default: false
  name:
    description:
      - Name of the extension when it has to be installed.
    type: str
    default: azure-aks-backup
  purge_unlisted_settings:
    description:
      - Whether settings that no option names are taken away, so that the extension uses its own values for them. Those
        of the service itself, whose names begin with C(global.), stay.
      - Protected settings, which Azure does not show, are lost when something is taken away.
    type: bool
    default: false
  release_train:
    description:
      - From which releases Azure picks the version. A new extension gets C(stable).
    type: str
  repair:
    description:
      - What to do about an extension in state C(Failed). With V(false) it is an error, which says what the extension
        reports, the cause, and what to do about it.
      - With V(reinstall) it is removed and installed anew. Remove the cause first. The new extension has a new
        identity, which needs its role again.
    type: str
    default: 'false'
    choices:
      - 'false'
      - reinstall
  resources:
    description:
      - CPU and memory of the backup pod. Clusters with more than 1000 objects need more than the usual. A backup that
        fails with C(UserErrorBackupPluginPodRestartedDuringBackup) or a restore that fails with
        C(UserErrorBackupPluginPodRestartedDuringRestore) has run out of memory, and
        RV(resource.memory_limit_to_try) is what to try next.
    type: dict
    suboptions:
      limits:
        description:
          - The most that the pod may use.
        type: dict
        suboptions:
          cpu:
            description:
              - CPU as a Kubernetes quantity, such as V(1500m). It is C(1000m) unless set.
            type: str
          memory:
            description:
              - Memory as a Kubernetes quantity, such as V(4400Mi). It is C(1280Mi) unless set.
            type: str
      requests:
        description:
          - What is reserved for the pod. It makes sure that the pod gets a node with as much room.
        type: dict
        suboptions:
          cpu:
            description:
              - CPU as a Kubernetes quantity, such as V(1000m). It is C(500m) unless set.
            type: str
          memory:
            description:
              - Memory as a Kubernetes quantity, such as V(512Mi). It is C(256Mi) unless set.
            type: str
  state:
    description:
      - V(present) installs or changes the extension.
      - V(absent) removes it. It is refused while backup instances protect the cluster, since their backups would fail
        and their data could not be deleted. What is in the blob container stays.
    type: str
    default: present
    choices:
      - absent
      - present
  storage_account:
    description:
      - Name of the storage account. With O(state=present), either this or O(storage_account_id) is required.
      - It has to be in the region of the cluster. The blob container has to be there as well.
      - When the extension is moved to another account or container, what has been backed up so far stays in the old
        one, and the module warns about it.
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
  storage_account_uri:
    description:
      - URL of the blob service of the account. Left out, it is read from the account. Only used with O(use_aad=true).
    type: str
  tenant_id:
    description:
      - Tenant of the extension's identity. Left out, a new extension gets that of the cluster.
    type: str
  use_aad:
    description:
      - Whether the extension signs in to the storage account with its Microsoft Entra identity. With V(false) it uses
        the keys of the account, and then needs the role Storage Account Contributor, which
        M(aks.backup.aks_backup_permissions) does not give. It is refused with an account that takes no keys.
    type: bool
    default: true
  version:
    description:
      - Keep the extension at this version. Not together with O(auto_upgrade_minor_version=true).
    type: str
  wait_for_identity:
    description:
      - Whether the task waits until Azure shows the extension's identity, to which the next steps give roles.
    type: bool
    default: true
notes:
  - The cluster has to be running, to have a managed identity, and to have its disk CSI driver and snapshot controller
    enabled.
seealso:
  - module: aks.backup.aks_backup_extension_info
    description: Only looks.
  - module: aks.backup.aks_backup_permissions
    description: Gives the identity its role.
  - module: aks.backup.aks_backup_storage
    description: Makes account and container.
  - module: aks.backup.aks_backup_policy
    description: The step before.
  - module: aks.backup.aks_trusted_access
    description: The next step.
  - name: Troubleshoot AKS backup
    description: Microsoft's page on failed installations and the pod's memory.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-troubleshoot
  - name: Prerequisites for AKS backup
    description: Microsoft's page on the extension and what it needs.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept
"""

EXAMPLES = r"""
- name: Install the extension
  aks.backup.aks_backup_extension:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    blob_container: aks-east-1

- name: Give the backup pod more memory, with cluster and account named by their resource IDs
  aks.backup.aks_backup_extension:
    cluster_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1
    storage_account_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.Storage/storageAccounts/stbackupeast01
    blob_container: aks-east-1
    resources:
      limits:
        memory: 4400Mi

- name: Keep the version as it is, and install the extension anew if an earlier installation has failed
  aks.backup.aks_backup_extension:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    blob_container: aks-east-1
    auto_upgrade_minor_version: false
    repair: reinstall

- name: Remove the extension from a cluster that is not protected any more
  aks.backup.aks_backup_extension:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    state: absent
"""

RETURN = r"""
advice:
  description: What to do about what the extension reports, a sentence or two for each thing that is wrong.
  returned: success, with O(state=present)
  type: list
  elements: str
  sample:
    - >-
      InstallationWarning: The pod has been restarted. Set resources.limits.memory of aks_backup_extension to 4400Mi.
id:
  description: Resource ID of the extension.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
name:
  description: Name of the extension, which need not be O(name) for one that was there already.
  returned: success
  type: str
  sample: azure-aks-backup
resource:
  description: The extension. V(null) with O(state=absent). In check mode, what only Azure can make up is V(null).
  returned: success
  type: dict
  contains:
    auto_upgrade_minor_version:
      description: Whether Azure keeps the extension at the newest minor version.
      type: bool
      sample: true
    configuration_settings:
      description: All settings, by the names that the extension itself uses.
      type: dict
      sample:
        configuration.backupStorageLocation.bucket: aks-east-1
        configuration.backupStorageLocation.config.useAAD: 'true'
    current_version:
      description: The version that is installed.
      type: str
      sample: 0.0.3004-544
    extension_type:
      description: Type of the extension, in lower case.
      type: str
      sample: microsoft.dataprotection.kubernetes
    id:
      description: Resource ID of the extension.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
    identity:
      description: The identity that Azure made for the extension.
      type: dict
      contains:
        principal_id:
          description: Object ID of the identity, to which roles are assigned.
          type: str
          sample: 00000000-0000-0000-0000-000000000000
    memory_limit_to_try:
      description:
        - The value to give to O(resources.limits.memory) when the backup pod has run out of memory. V(null) when the
          present one is not understood.
      type: str
      sample: 4400Mi
    name:
      description: Name of the extension.
      type: str
      sample: azure-aks-backup
    provisioning_state:
      description: What Azure says of the last change.
      type: str
      sample: Succeeded
    release_namespace:
      description: Kubernetes namespace of the extension's pods.
      type: str
      sample: dataprotection-microsoft
    release_train:
      description: From which releases Azure picks the version.
      type: str
      sample: stable
    resources:
      description: CPU and memory of the backup pod as they are set. V(null) where nothing is.
      type: dict
      contains:
        limits:
          description: The most that the pod may use.
          type: dict
          contains:
            cpu:
              description: CPU as a Kubernetes quantity.
              type: str
              sample: 1500m
            memory:
              description: Memory as a Kubernetes quantity.
              type: str
              sample: 4400Mi
        requests:
          description: What is reserved for the pod.
          type: dict
          contains:
            cpu:
              description: CPU as a Kubernetes quantity.
              type: str
              sample: 500m
            memory:
              description: Memory as a Kubernetes quantity.
              type: str
              sample: 256Mi
    statuses:
      description: What the extension reports of itself. Those that Azure does not fill in are V(null).
      type: list
      elements: dict
      contains:
        code:
          description: Code of the report.
          type: str
          sample: InstallationWarning
        display_status:
          description: Title of the report.
          type: str
          sample: Warning
        level:
          description: How bad it is, C(Error), C(Warning) or C(Information).
          type: str
          sample: Warning
        message:
          description: The report in words.
          type: str
          sample: The pod has been restarted.
        time:
          description: When it was reported.
          type: str
          sample: '2026-01-05T18:33:24.4169171+00:00'
    version:
      description: The version that was asked for. V(null) when Azure picks it.
      type: str
      sample: 0.0.3004-544
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
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

from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.extension import converge
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, DATA_PROTECTION, EXTENSIONS, STORAGE

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    "auto_upgrade_minor_version": {"type": "bool"},
    "blob_container": {"type": "str"},
    "extra_settings": {"type": "dict"},
    "force_delete": {"type": "bool", "default": False},
    "name": {"type": "str", "default": "azure-aks-backup"},
    "purge_unlisted_settings": {"type": "bool", "default": False},
    "release_train": {"type": "str"},
    "repair": {"type": "str", "choices": ["false", "reinstall"], "default": "false"},
    "resources": {
        "type": "dict",
        "options": {
            "limits": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
            "requests": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "storage_account_uri": {"type": "str"},
    "tenant_id": {"type": "str"},
    "use_aad": {"type": "bool", "default": True},
    "version": {"type": "str"},
    "wait_for_identity": {"type": "bool", "default": True},
}

CONTRACT = Contract(
    work=converge,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION, EXTENSIONS, STORAGE),
    identifies=("cluster",),
    constraints={
        "required_if": [
            ("state", "present", ("blob_container",)),
            ("state", "present", ("storage_account_id", "storage_account"), True),
        ],
        "required_together": [("storage_account", "storage_account_resource_group")],
        "mutually_exclusive": [("storage_account_id", "storage_account"), ("version", "auto_upgrade_minor_version")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
