#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_trusted_access_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_trusted_access_info
short_description: Read which vaults may enter an AKS cluster
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the Trusted Access role bindings of a cluster, and the roles that Trusted Access knows in its region.
  - Whether a binding still lets its vault in cannot be read from Azure, unless the vault is gone. A backup instance
    that reports C(UserErrorTrustedAccessGatewayReturnedForbidden) is the sign that it does not.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.attributes.info_module
options:
  cluster_id:
    description:
      - Resource ID of the AKS cluster. Either this, O(cluster_name) or O(location) is required.
    type: str
  cluster_name:
    description:
      - Name of the AKS cluster, in O(cluster_resource_group) and O(subscription_id).
    type: str
  cluster_resource_group:
    description:
      - Resource group of the AKS cluster. Required with O(cluster_name).
    type: str
  location:
    description:
      - A region, to read its roles without a cluster.
    type: str
seealso:
  - module: aks.backup.aks_trusted_access
    description: Makes, changes, repairs and deletes bindings.
"""

EXAMPLES = r"""
- name: Read which vaults may enter a cluster
  aks.backup.aks_trusted_access_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
  register: access

- name: Show them
  ansible.builtin.debug:
    msg: "{{ access.bindings | map(attribute='source_resource_id') | join(', ') }}"
"""

RETURN = r"""
advice:
  description: What to do about bindings whose vault does not exist any more. Empty when there are none.
  returned: success
  type: list
  elements: str
  sample:
    - The vault of the binding tarb-old does not exist any more. Delete the binding.
bindings:
  description: The bindings of the cluster, by name. Empty with O(location).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Resource ID of the binding.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/trustedAccessRoleBindings/tarb-0123456789abcdef
    name:
      description: Name of the binding.
      type: str
      sample: tarb-0123456789abcdef
    provisioning_state:
      description: What Azure says of the last change.
      type: str
      sample: Succeeded
    roles:
      description: The roles that the vault has in the cluster.
      type: list
      elements: str
      sample:
        - Microsoft.DataProtection/backupVaults/backup-operator
    source_exists:
      description:
        - Whether the vault exists. V(null) where the caller may not read it, or where it is no Backup vault but another
          kind of resource.
      type: bool
      sample: true
    source_resource_id:
      description: Resource ID of the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
roles:
  description:
    - The roles that Trusted Access knows in the region. Empty where the caller may not read them, which takes a right
      on the subscription.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the role.
      type: str
      sample: backup-operator
    role:
      description: The role as O(aks.backup.aks_trusted_access#module:roles) takes it.
      type: str
      sample: Microsoft.DataProtection/backupVaults/backup-operator
    rules:
      description: What the role allows in the cluster.
      type: list
      elements: dict
      contains:
        api_groups:
          description: API groups of Kubernetes.
          type: list
          elements: str
          sample:
            - clusterbackup.dataprotection.microsoft.com
        resources:
          description: Resources of these groups.
          type: list
          elements: str
          sample:
            - backups
        verbs:
          description: What may be done with them.
          type: list
          elements: str
          sample:
            - get
    source_resource_type:
      description: The type of resource that can have the role.
      type: str
      sample: Microsoft.DataProtection/backupVaults
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/trustedAccessRoleBindings/tarb-0123456789abcdef
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
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.binding import look
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, DATA_PROTECTION

ARGUMENT_SPEC = {**CLUSTER_SPEC, "location": {"type": "str"}}

CONTRACT = Contract(
    work=look,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION),
    constraints={
        "mutually_exclusive": [("cluster_id", "cluster_name", "location")],
        "required_one_of": [("cluster_id", "cluster_name", "location")],
        "required_together": [("cluster_name", "cluster_resource_group")],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
