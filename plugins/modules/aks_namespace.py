#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_namespace: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_namespace
short_description: Make a namespace in a cluster, and delete it with all that is in it
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Makes a namespace to restore into, or changes labels and annotations of one that is there.
  - Deletes namespaces, by default only those that this module has made. It gives them a label at their creation,
    C(aks.backup/made-by=aks_namespace), and never later, so what was there before stays what it is.
  - Waits until a deleted namespace is gone. Where something stands in the way, it says what.
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
  - aks.backup.attributes
options:
  annotations:
    description:
      - Annotations that the namespace shall have. Others stay. One without a value (V(null)) is taken off.
    type: dict
  confirm_delete_data:
    description:
      - Name of the namespace, to confirm that it is deleted with everything in it, volumes included. Without it
        O(state=absent) is refused while the namespace exists.
    type: str
  force:
    description:
      - Whether to delete a namespace that this module has not made. Those that the cluster or its backups need, such as
        C(kube-system), C(default) and C(dataprotection-microsoft), are never deleted.
    type: bool
    default: false
  labels:
    description:
      - Labels that the namespace shall have. Others stay. One without a value (V(null)) is taken off.
    type: dict
  name:
    description: Name of the namespace.
    type: str
    required: true
  state:
    description:
      - V(present) makes the namespace, or changes what it bears.
      - V(absent) deletes it and waits until it is gone.
    type: str
    default: present
    choices:
      - absent
      - present
notes:
  - A namespace that somebody deletes at the moment is waited for, and then made anew.
  - The credentials need the right to get and create namespaces, to update them for O(labels) and O(annotations), and to
    delete them.
seealso:
  - module: aks.backup.aks_namespace_info
    description: Reads namespaces, and counts what is in them.
  - module: aks.backup.aks_backup_restore
    description: Restores into other namespaces with C(restore_configuration.namespace_mappings).
  - ref: ansible_collections.aks.backup.aks_backup_role
    description: Its entry point C(drill) restores into such namespaces and cleans up.
"""

EXAMPLES = r"""
- name: Make a namespace to restore into
  aks.backup.aks_namespace:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    name: shop-drill
    labels:
      owner: platform

- name: Delete it with all that was restored
  aks.backup.aks_namespace:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    name: shop-drill
    state: absent
    confirm_delete_data: shop-drill
"""

RETURN = r"""
id:
  description: Path of the namespace at the cluster's API server.
  returned: success
  type: str
  sample: /api/v1/namespaces/shop-drill
name:
  description: Name of the namespace.
  returned: success
  type: str
  sample: shop-drill
resource:
  description: The namespace. V(null) with O(state=absent).
  returned: success
  type: dict
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
    phase:
      description: V(Active), or V(Terminating) when it is being deleted. V(null) for one that is planned.
      type: str
      sample: Active
operations:
  description:
    - What was written to the cluster, in order; in check mode, what would be written. Empty when nothing changed.
    - After a failure, it may include a request that was refused.
  returned: unless the task fails before its first request
  type: list
  elements: dict
  contains:
    id:
      description: Path of the object at the cluster's API server.
      type: str
      sample: /api/v1/namespaces/shop-drill
    method:
      description: HTTP method of the request.
      type: str
      sample: POST
    request_id:
      description: Always V(null), as Kubernetes does not number requests.
      type: str
      sample: null
    status:
      description: HTTP status of the reply. V(null) in check mode.
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
      sample: /api/v1/namespaces/shop-drill
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
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.kubernetes import manager
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.namespaces import Namespace
from ansible_collections.aks.backup.plugins.module_utils._types import AKS

ARGUMENT_SPEC = {
    **KUBERNETES_SPEC,
    "annotations": {"type": "dict"},
    "confirm_delete_data": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "labels": {"type": "dict"},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=manager(Namespace()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS,),
    constraints=KUBERNETES_RULES,
    anywhere=True,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
