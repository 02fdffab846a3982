#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_preflight_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_preflight_info
short_description: Find out what keeps an AKS cluster from being backed up
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Looks at a cluster, and at the vault, the policy, the storage account and the snapshot resource group that the
    options name, and returns for each check what it has found and what to do about it. The checks are the choices of
    O(checks).
  - What does not exist yet and is made by the set-up is no reason to fail, so the module can be run before anything
    else.
  - It never fails because of what it finds. RV(ok) tells.
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
  - azure-mgmt-resourcegraph >= 8.0.1
  - azure-mgmt-storage >= 23.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.attributes.info_module
options:
  blob_container:
    description:
      - Name of the blob container for the backups.
    type: str
  checks:
    description:
      - Run these checks only, whatever their severity. It is an error when the options do not name what one of them
        looks at.
    type: list
    elements: str
    choices:
      backups_today: Whether today's on-demand backups leave room for another one. Azure takes ten a day for each
        backup instance.
      caller: Whether the identity that runs Ansible may make what does not exist yet.
      cluster_exists: Whether there is such a cluster.
      cluster_identity: Whether the cluster has a managed identity.
      cluster_locks: Whether a lock keeps the backup extension and the binding out of the cluster.
      cluster_running: Whether the cluster is running.
      cluster_settled: Whether no other operation on the cluster is under way or has failed.
      csi_disk: Whether the disk CSI driver and the snapshot controller are enabled.
      csi_file: Whether the file CSI driver is enabled, when file shares are to be backed up.
      deleted_vault: Whether a soft-deleted vault has the name of the one that is to be made.
      disks_speed: Disks whose snapshots take long.
      disks_vault_tier: Disks that Azure does not copy to the vault tier, when the policy uses it.
      extension_access: Whether the extension and the storage account agree on shared keys.
      extension_state: Whether the backup extension is healthy, if there is one.
      extension_storage: Whether the backup extension writes to the storage account and the container that are named.
      extension_version: Whether the backup extension is new enough for file shares, when they are to be backed up.
      kubernetes_version: Whether the version of Kubernetes is supported.
      location: Whether O(location), if given, is the cluster's region.
      network: Whether the cluster has outbound access.
      node_pools: Whether a node pool can run the extension, which takes Linux on x86-64.
      node_taints: Whether such a node pool has no taints and is no spot one.
      other_backup: Whether Velero is installed as an extension.
      policy_datasource: Whether the policy is one for AKS.
      policy_files: Whether the policy fits file shares, when they are to be backed up.
      protected_elsewhere: Whether another vault protects the cluster.
      protection_state: Whether backup instances of the cluster report errors.
      providers: Whether the resource providers are registered.
      roles: Whether vault, cluster and extension have their roles for backup, or the caller may assign them.
      snapshot_locks: Whether a lock keeps snapshots from being deleted.
      snapshot_region: Whether the snapshot resource group is in the cluster's region.
      soft_deleted: Soft-deleted backup instances of the cluster in the vault.
      storage_firewall: Whether the firewall of the storage account lets trusted Azure services through.
      storage_keys: Whether the storage account takes shared keys.
      storage_kind: Whether the storage account is a general-purpose v2 one.
      storage_network: Whether the storage account can be reached from public networks or has a private endpoint.
      storage_public: Whether blobs can be made public.
      storage_region: Whether the storage account is in the cluster's region.
      trusted_access: Whether the Trusted Access role binding of the vault is in order, if there is one.
      vault_guard: Whether a resource guard protects the vault.
      vault_identity: Whether the vault has a system-assigned identity.
      vault_immutability: Whether the vault is immutable.
      vault_region: Whether vault and cluster are in the same region.
      vault_soft_delete: Whether soft delete of the vault is on.
      vault_state: Whether the vault is in order.
      vault_subscription: Whether vault and cluster are in the same subscription.
  location:
    description:
      - Region in which vault, storage account and resource groups are going to be made.
    type: str
  policy_id:
    description:
      - Resource ID of the backup policy.
    type: str
  policy_name:
    description:
      - Name of the backup policy in the vault, instead of O(policy_id).
    type: str
  severity:
    description:
      - Run checks of this severity and above only.
    type: str
    default: info
    choices:
      error: Without what they ask for backup does not work.
      warning: Without it backup works with limits, or not always.
      info: It is worth knowing.
  snapshot_resource_group:
    description:
      - Name or resource ID of the resource group for the snapshots of disks.
    type: str
  storage_account:
    description:
      - Name of the storage account with the blob container.
    type: str
  storage_account_id:
    description:
      - Resource ID of the storage account, instead of O(storage_account).
    type: str
  storage_account_resource_group:
    description:
      - Resource group of the storage account. Required with O(storage_account).
    type: str
  storage_account_subscription_id:
    description:
      - Subscription of O(storage_account), when it is another one than O(subscription_id).
    type: str
  vault_id:
    description:
      - Resource ID of the Backup vault, if it is to be looked at.
    type: str
  vault_name:
    description:
      - Name of the Backup vault, in O(vault_resource_group) and O(subscription_id), instead of O(vault_id).
    type: str
  vault_resource_group:
    description:
      - Resource group of the Backup vault. Required with O(vault_name).
    type: str
  volume_types:
    description:
      - The types of volumes that are to be backed up.
    type: list
    elements: str
    choices: [AzureDisk, AzureFileShareSMB]
    default: [AzureDisk]
notes:
  - The caller needs to read only. A check is V(unknown) when it may not read what the check looks at.
  - Azure Resource Manager does not show what is inside a cluster or a blob container. Namespaces, kinds of volumes
    other than disks, what Helm has installed, and whether the container holds anything are not checked.
  - Azure Policy is not checked either. A policy that denies a resource shows when it is made.
  - The number of on-demand backups comes from Azure Resource Graph, which lags behind by some minutes.
  - Some limits are from Microsoft's support matrix, which changes. They have not been tried with Azure itself.
seealso:
  - module: aks.backup.aks_backup_permissions
    description: Assigns the roles, or returns the commands for it.
  - module: aks.backup.aks_backup_instance
    description: Protects the cluster, after Azure's own validation.
  - name: AKS backup support matrix
    description: Microsoft's page on what is supported and what is not.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-support-matrix
"""

EXAMPLES = r"""
- name: Look at the cluster before anything is set up
  aks.backup.aks_backup_preflight_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
  register: preflight

- name: Show what there is to do
  ansible.builtin.debug:
    msg: "{{ preflight.sentences or 'Nothing.' }}"

- name: Check everything that the backup will use
  aks.backup.aks_backup_preflight_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    policy_name: aks-daily
    storage_account: stbackupeast01
    storage_account_resource_group: rg-backup
    blob_container: aks-east-1
    snapshot_resource_group: rg-aks-snapshots
    severity: warning
  register: preflight

- name: Stop when backup cannot work
  ansible.builtin.assert:
    that: preflight.ok
    fail_msg: "{{ preflight.sentences | join(' ') }}"

- name: Just see whether somebody has locked the snapshots
  aks.backup.aks_backup_preflight_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    snapshot_resource_group: rg-aks-snapshots
    checks:
      - snapshot_locks
"""

RETURN = r"""
checks:
  description: What each check has found.
  returned: success
  type: list
  elements: dict
  contains:
    evidence:
      description: What there is.
      type: str
      sample: "Node pools: win1 (Windows), arm1 (Arm64)."
    fix:
      description: What to do. V(null) when there is nothing to do.
      type: str
      sample: >-
        Add a node pool with Linux on x86-64 that is running: the extension has no image for Windows or Arm64.
    id:
      description: Name of the check, one of the choices of O(checks).
      type: str
      sample: node_pools
    severity:
      description: What it means when the check does not pass, V(error), V(warning) or V(info).
      type: str
      sample: error
    status:
      description:
        - V(pass) when all is well, or will be once the set-up has made what is missing. V(fail) when an V(error) check
          found something, V(warn) when another one did.
        - V(unknown) when Azure does not tell, or does not let the caller read it.
      type: str
      sample: fail
counts:
  description: How many checks ended how.
  returned: success
  type: dict
  contains:
    fail:
      description: Number of checks that failed.
      type: int
      sample: 1
    pass:
      description: Number of checks that passed.
      type: int
      sample: 36
    unknown:
      description: Number of checks of which nothing is known.
      type: int
      sample: 0
    warn:
      description: Number of checks that warn.
      type: int
      sample: 2
ok:
  description: Whether no check failed. Warnings and what is unknown do not count.
  returned: success
  type: bool
  sample: false
sentences:
  description: What is not V(pass), a sentence for each.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      node_pools (fail): Node pools: win1 (Windows), arm1 (Arm64). Add a node pool with Linux on x86-64 that is running:
      the extension has no image for Windows or Arm64.
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
from ansible_collections.aks.backup.plugins.module_utils._resources.preflight.preflight import CHECKS, examine
from ansible_collections.aks.backup.plugins.module_utils._types import (
    AKS,
    AUTHORIZATION,
    DATA_PROTECTION,
    EXTENSIONS,
    RESOURCE_GRAPH,
    RESOURCES,
    STORAGE,
)

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "blob_container": {"type": "str"},
    "checks": {"type": "list", "elements": "str", "choices": sorted(CHECKS)},
    "location": {"type": "str"},
    "policy_id": {"type": "str"},
    "policy_name": {"type": "str"},
    "severity": {"type": "str", "choices": ["error", "warning", "info"], "default": "info"},
    "snapshot_resource_group": {"type": "str"},
    "storage_account": {"type": "str"},
    "storage_account_id": {"type": "str"},
    "storage_account_resource_group": {"type": "str"},
    "storage_account_subscription_id": {"type": "str"},
    "volume_types": {
        "type": "list",
        "elements": "str",
        "choices": ["AzureDisk", "AzureFileShareSMB"],
        "default": ["AzureDisk"],
    },
}

CONTRACT = Contract(
    work=examine,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCE_GRAPH, RESOURCES, STORAGE),
    identifies=("cluster",),
    constraints={
        "required_together": [
            ("storage_account", "storage_account_resource_group"),
            ("vault_name", "vault_resource_group"),
        ],
        "mutually_exclusive": [
            ("policy_id", "policy_name"),
            ("storage_account_id", "storage_account"),
            ("vault_id", "vault_name"),
        ],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
