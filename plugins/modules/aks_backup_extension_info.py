#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_extension_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_extension_info
short_description: Read the backup extension of an AKS cluster
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the cluster extension C(microsoft.dataprotection.kubernetes) of a cluster, whatever its name, with what it
    reports of itself and what to do about it. Values of protected settings are never returned.
  - It is an error when there is no such cluster. A cluster without the extension is none.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-kubernetesconfiguration-extensions >= 1.0.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.attributes.info_module
seealso:
  - module: aks.backup.aks_backup_extension
    description: Installs, changes, repairs and removes it.
"""

EXAMPLES = r"""
- name: Read the backup extension of a cluster
  aks.backup.aks_backup_extension_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
  register: extension

- name: Show how it is
  ansible.builtin.debug:
    msg: "{{ extension.resource.provisioning_state if extension.resource else 'not installed' }}"
"""

RETURN = r"""
advice:
  description: What to do about what the extension reports, and about one that is not there. Empty when all is well.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      InstallationWarning: The pod has been restarted. Set resources.limits.memory of aks_backup_extension to 4400Mi.
id:
  description: Resource ID of the extension. V(null) when there is none.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/providers/Microsoft.KubernetesConfiguration/extensions/azure-aks-backup
name:
  description: Name of the extension. V(null) when there is none.
  returned: success
  type: str
  sample: azure-aks-backup
resource:
  description: The extension. V(null) when there is none.
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
        - The value to give to C(resources.limits.memory) of M(aks.backup.aks_backup_extension) when the backup pod has
          run out of memory. V(null) when the present one is not understood.
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
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.extension import look
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, EXTENSIONS

ARGUMENT_SPEC = {**CLUSTER_SPEC}

CONTRACT = Contract(
    work=look,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, EXTENSIONS),
    identifies=("cluster",),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
