#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_trusted_access: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_trusted_access
short_description: Let a Backup vault into an AKS cluster
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Creates, changes and deletes the Trusted Access role binding with which a Backup vault reaches the API server of a
    cluster. It works for private clusters and for those with authorised IP ranges as well.
  - One binding for a vault is enough, and Azure takes no more. One that is there already is used whatever its name.
  - Changes of a cluster exclude each other. While another one is going on, the module waits.
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
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes
options:
  match:
    description:
      - How a binding that is there already is recognised, by the vault it is for (V(source)) or by its name only
        (V(name)). With V(name), one for the vault under another name is an error, and is not deleted either.
    type: str
    default: source
    choices:
      - name
      - source
  name:
    description:
      - Name of the binding when it has to be created. Left out, it is derived from the resource ID of the vault, the
        same on each run.
      - 1 to 24 letters, digits, hyphens and underscores.
    type: str
  repair:
    description:
      - What to do about a binding that is there but does not let the vault in any more. Azure does not show that of a
        binding, and only a new one helps, under the same name.
      - V(stale) makes the binding anew when a backup instance of the vault reports
        C(UserErrorTrustedAccessGatewayReturnedForbidden), as happens when the cluster was stopped and started; Azure is
        then asked to try again with these instances. It also takes the name from a binding whose own vault does not
        exist any more.
      - V(recreate) makes the binding anew on each run. It is for a vault that has got another identity, having been
        deleted and made again or brought back, which leaves the binding for the old one.
      - V(false) leaves it at comparing.
    type: str
    default: 'false'
    choices:
      - 'false'
      - recreate
      - stale
  roles:
    description:
      - All the roles that the vault gets in the cluster, as type of the vault and name of the role.
        M(aks.backup.aks_trusted_access_info) lists what there is.
    type: list
    elements: str
    default:
      - Microsoft.DataProtection/backupVaults/backup-operator
  state:
    description:
      - V(present) creates the binding or changes its roles.
      - V(absent) deletes it. Backups of the cluster into this vault then fail, so remove the backup instance first.
    type: str
    default: present
    choices:
      - absent
      - present
notes:
  - The vault needs a system-assigned identity. Trusted Access works with no other.
seealso:
  - module: aks.backup.aks_trusted_access_info
    description: Only looks.
  - module: aks.backup.aks_backup_extension
    description: The step before.
  - module: aks.backup.aks_backup_permissions
    description: The next step.
  - name: Trusted Access for AKS
    description: Microsoft's page on Trusted Access.
    link: https://learn.microsoft.com/azure/aks/trusted-access-feature
"""

EXAMPLES = r"""
- name: Let the vault into the cluster, and in again when its backup instances report that they are shut out
  aks.backup.aks_trusted_access:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    repair: stale

- name: Do not let the vault into the cluster any more
  aks.backup.aks_trusted_access:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_id: >-
      /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
    state: absent
"""

RETURN = r"""
adopted:
  description: Whether the binding was there under another name than the one the module would have given it.
  returned: success, with O(state=present)
  type: bool
  sample: false
id:
  description: Resource ID of the binding.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/trustedAccessRoleBindings/tarb-0123456789abcdef
name:
  description: Name of the binding.
  returned: success
  type: str
  sample: tarb-0123456789abcdef
resource:
  description: The binding. V(null) with O(state=absent).
  returned: success
  type: dict
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
      description: What Azure says of the last change. V(null) in check mode for a binding that does not exist yet.
      type: str
      sample: Succeeded
    roles:
      description: The roles that the vault has in the cluster.
      type: list
      elements: str
      sample:
        - Microsoft.DataProtection/backupVaults/backup-operator
    source_resource_id:
      description: Resource ID of the vault.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1/trustedAccessRoleBindings/tarb-0123456789abcdef
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

from ansible_collections.aks.backup.plugins.module_utils._module import CLUSTER_SPEC, VAULT_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.binding import converge
from ansible_collections.aks.backup.plugins.module_utils._types import AKS, DATA_PROTECTION

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "match": {"type": "str", "choices": ["name", "source"], "default": "source"},
    "name": {"type": "str"},
    "repair": {"type": "str", "choices": ["false", "recreate", "stale"], "default": "false"},
    "roles": {"type": "list", "elements": "str", "default": ["Microsoft.DataProtection/backupVaults/backup-operator"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=converge,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, DATA_PROTECTION),
    identifies=("cluster", "vault"),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
