#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_namespace_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_namespace_info
short_description: Read namespaces of a cluster, and count what is in them
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns namespaces of a cluster by name, and how many objects of which kind each holds, for example to see what a
    restore has brought back.
  - Names are all that is read of objects. Secrets are not counted, because who may list them may read them.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - kubernetes >= 31.0
  - PyYAML >= 6.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.kubernetes
  - aks.backup.attributes.info_module
options:
  count:
    description:
      - Whether to count what is in each namespace. It takes the right to list the kinds that RV(namespaces[].objects)
        names, and one request for each of them, or one command for all with O(via=run_command).
    type: bool
    default: true
  names:
    description: Names of the namespaces.
    type: list
    elements: str
    required: true
seealso:
  - module: aks.backup.aks_namespace
    description: Makes and deletes namespaces.
"""

EXAMPLES = r"""
- name: Count what was restored
  aks.backup.aks_namespace_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    names:
      - shop
      - shop-drill
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.namespaces | map(attribute='objects') | list }}"
"""

RETURN = r"""
namespaces:
  description: The namespaces that there are, in the order of O(names).
  returned: success
  type: list
  elements: dict
  contains:
    annotations:
      description: Annotations of the namespace, all that there are.
      type: dict
      sample:
        owner: platform
    labels:
      description: Labels of the namespace, all that there are.
      type: dict
      sample:
        aks.backup/made-by: aks_namespace
    made_here:
      description: Whether this collection has made the namespace, which its label C(aks.backup/made-by) says.
      type: bool
      sample: true
    name:
      description: Name of the namespace.
      type: str
      sample: shop-drill
    objects:
      description:
        - How many objects there are by resource, of those that there are any of. Counted are configmaps,
          cronjobs.batch, daemonsets.apps, deployments.apps, ingresses.networking.k8s.io, jobs.batch,
          networkpolicies.networking.k8s.io, persistentvolumeclaims, pods, replicasets.apps, serviceaccounts, services
          and statefulsets.apps. V(null) with O(count=false).
      type: dict
      sample:
        deployments.apps: 1
        pods: 2
    phase:
      description: V(Active), or V(Terminating) when it is being deleted.
      type: str
      sample: Active
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

from ansible_collections.aks.backup.plugins.module_utils._module import KUBERNETES_RULES, KUBERNETES_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.namespaces import read
from ansible_collections.aks.backup.plugins.module_utils._types import AKS

ARGUMENT_SPEC = {
    **KUBERNETES_SPEC,
    "count": {"type": "bool", "default": True},
    "names": {"type": "list", "elements": "str", "required": True},
}

CONTRACT = Contract(
    work=read,
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS,),
    constraints=KUBERNETES_RULES,
    anywhere=True,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
