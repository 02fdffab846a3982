#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_resource_modifier: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_resource_modifier
short_description: Change Kubernetes objects while they are restored
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Creates, changes, deletes or renders a resource modifier, a ConfigMap with rules by which Azure Backup changes
    objects while it restores them, for example to another storage class, or to no replicas.
  - The ConfigMap has to be in the cluster that is restored to. It is named with the restore, for which RV(reference) is
    made.
  - Values are written as Azure Backup wants them, dictionaries and lists as JSON in a string. What cannot work is
    refused before anything is written, and what hardly works as meant is warned of.
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
  name:
    description: Name of the ConfigMap.
    type: str
    required: true
  namespace:
    description: Namespace of the ConfigMap, which has to exist. It says nothing of what is changed.
    type: str
    required: true
  namespace_mappings:
    description:
      - What the restore will map namespaces to, as in C(restore_configuration.namespace_mappings) of
        M(aks.backup.aks_backup_restore).
      - They are used to find namespaces that are named as they will be after the restore, since rules look at those of
        the backup. They are not written to the cluster.
    type: dict
  rules:
    description:
      - All the rules, in the order in which they apply. Required unless O(state=absent).
      - A rule has one of O(rules[].patches), O(rules[].merge_patches) and O(rules[].strategic_patches).
    type: list
    elements: dict
    suboptions:
      group_resource:
        description:
          - What the rule is for, as plural in lower case and group, such as V(persistentvolumeclaims) or
            V(deployments.apps).
        type: str
        required: true
      match_labels:
        description: Labels and their values, all of which an object has to have.
        type: dict
      merge_patches:
        description:
          - JSON merge patches. Each is a part of the object with the values that it is to have. A V(null) removes a
            key, and lists are replaced as a whole.
        type: list
        elements: dict
      name_regex:
        description:
          - Regular expression that the name of an object has to match. Anchor it with C(^) and C($) if need be.
        type: str
      namespaces:
        description: Namespaces of the objects, as they are in the backup. Without it, all.
        type: list
        elements: str
      patches:
        description:
          - Operations of a JSON patch, in the order in which they apply. Either all apply or none does.
        type: list
        elements: dict
        suboptions:
          from:
            description: Path that V(copy) takes the value from.
            type: str
          operation:
            description: What to do.
            type: str
            required: true
            choices:
              add: Add O(rules[].patches[].value) at the path; into a list, before the element of that number.
              copy: Copy what is at O(rules[].patches[].from) to the path.
              remove: Remove what is at the path.
              replace: Replace what is at the path by O(rules[].patches[].value).
              test: Let the patches of the rule apply only where O(rules[].patches[].value) is at the path.
          path:
            description:
              - Where, as a JSON pointer such as V(/spec/template/spec/containers/0). In a key, C(/) is written C(~1).
            type: str
            required: true
          value:
            description:
              - The value, of any type. A string is taken for a number or the like if it looks like it, for Azure Backup
                knows strings only; where that must not be, use O(rules[].merge_patches).
            type: raw
      strategic_patches:
        description:
          - Strategic merge patches, in which lists such as containers are merged by name. For Kubernetes' own resources
            only.
        type: list
        elements: dict
  state:
    description:
      - V(present) creates or changes the object.
      - V(absent) deletes it.
      - V(rendered) only returns the manifest, for a repository that something else applies. No cluster is needed, and
        none is reached, so the options on how to get into one are not used.
    type: str
    default: present
    choices:
      - absent
      - present
      - rendered
notes:
  - A rule that fits nothing changes nothing, and nobody says so. RV(resource) shows how the rules are understood.
seealso:
  - module: aks.backup.aks_backup_restore
    description: Where the resource modifier is named.
"""

EXAMPLES = r"""
- name: Restore to another storage class, and without the outside world
  aks.backup.aks_backup_resource_modifier:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    name: drill
    namespace: shop
    namespace_mappings: {shop: shop-drill}
    rules:
      - group_resource: persistentvolumeclaims
        name_regex: ^data
        namespaces: [shop]
        match_labels: {app: web}
        patches:
          - {operation: test, path: /spec/storageClassName, value: managed-csi}
          - {operation: replace, path: /spec/storageClassName, value: managed-csi-premium}
          - {operation: remove, path: /metadata/labels/tier}
      - group_resource: deployments.apps
        namespaces: [shop]
        patches:
          - {operation: replace, path: /spec/replicas, value: 1}
          - operation: add
            path: /spec/template/spec/containers/0
            value: {name: proxy, image: 'registry.example.com/proxy:1.0', ports: [{containerPort: 8080}]}
          - {operation: copy, from: /metadata/labels/app, path: /metadata/labels/origin}
      - group_resource: services
        namespaces: [shop]
        merge_patches:
          - metadata: {labels: {drill: "true"}}
      - group_resource: pods
        namespaces: [shop]
        strategic_patches:
          - spec: {containers: [{name: web, image: 'registry.example.com/web:drill'}]}

- name: Make the manifest for a repository, without a cluster
  aks.backup.aks_backup_resource_modifier:
    state: rendered
    name: drill
    namespace: shop
    rules:
      - group_resource: deployments.apps
        patches:
          - {operation: replace, path: /spec/replicas, value: 0}
  register: modifier

- name: Delete the resource modifier of a private cluster
  aks.backup.aks_backup_resource_modifier:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    via: run_command
    name: drill
    namespace: shop
    state: absent
"""

RETURN = r"""
id:
  description: Path of the ConfigMap at the cluster's API server.
  returned: success
  type: str
  sample: /api/v1/namespaces/shop/configmaps/drill
resource:
  description: The resource modifier. V(null) with O(state=absent).
  returned: success
  type: dict
  contains:
    name:
      description: Name of the ConfigMap.
      type: str
      sample: drill
    namespace:
      description: Namespace of the ConfigMap.
      type: str
      sample: shop
    rules:
      description: The rules, in their order.
      type: list
      elements: dict
      contains:
        group_resource:
          description: What the rule is for.
          type: str
          sample: deployments.apps
        match_labels:
          description: Labels that an object has to have.
          type: dict
          sample:
            app: web
        merge_patches:
          description: JSON merge patches.
          type: list
          elements: dict
          sample:
            - metadata:
                labels:
                  drill: "true"
        name_regex:
          description: Regular expression for names. V(null) when all names do.
          type: str
          sample: ^data
        namespaces:
          description: Namespaces of the backup. Empty for all.
          type: list
          elements: str
          sample:
            - shop
        patches:
          description: Operations of a JSON patch.
          type: list
          elements: dict
          contains:
            from:
              description: Where a copy is taken from. V(null) for other operations.
              type: str
              sample: /metadata/labels/app
            operation:
              description: What is done.
              type: str
              sample: replace
            path:
              description: Where.
              type: str
              sample: /spec/replicas
            value:
              description: The value as Azure Backup takes it, in a string. V(null) for operations without one.
              type: str
              sample: '1'
        strategic_patches:
          description: Strategic merge patches.
          type: list
          elements: dict
          sample: []
manifest:
  description: The object as Kubernetes takes it, as far as the options say.
  returned: success, unless O(state=absent)
  type: dict
  contains:
    apiVersion:
      description: API group and version.
      type: str
      sample: v1
    kind:
      description: Kind of the object.
      type: str
      sample: ConfigMap
    metadata:
      description: Name and namespace.
      type: dict
      contains:
        name:
          description: Name of the object.
          type: str
          sample: drill
        namespace:
          description: Namespace of the object.
          type: str
          sample: shop
    data:
      description: One entry, which is the rules as YAML.
      type: dict
      sample:
        modifiers.yaml: 'version: v1'
manifest_yaml:
  description: The same as YAML, for a file.
  returned: success, unless O(state=absent)
  type: str
  sample: |
    apiVersion: v1
    kind: ConfigMap
name:
  description: Name of the object.
  returned: success
  type: str
  sample: drill
reference:
  description: How M(aks.backup.aks_backup_restore) names the object in C(restore_configuration.resource_modifier).
  returned: success, unless O(state=absent)
  type: dict
  contains:
    name:
      description: Name of the object.
      type: str
      sample: drill
    namespace:
      description: Namespace of the object.
      type: str
      sample: shop
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
      sample: /api/v1/namespaces/shop/configmaps/drill
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
      sample: /api/v1/namespaces/shop/configmaps/drill
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
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.modifiers import Modifier
from ansible_collections.aks.backup.plugins.module_utils._types import AKS

PATCH = {
    "from": {"type": "str"},
    "operation": {"type": "str", "required": True, "choices": ["add", "copy", "remove", "replace", "test"]},
    "path": {"type": "str", "required": True},
    "value": {"type": "raw"},
}
ARGUMENT_SPEC = {
    **KUBERNETES_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "namespace_mappings": {"type": "dict"},
    "rules": {
        "type": "list",
        "elements": "dict",
        "options": {
            "group_resource": {"type": "str", "required": True},
            "match_labels": {"type": "dict"},
            "merge_patches": {"type": "list", "elements": "dict"},
            "name_regex": {"type": "str"},
            "namespaces": {"type": "list", "elements": "str"},
            "patches": {"type": "list", "elements": "dict", "options": PATCH},
            "strategic_patches": {"type": "list", "elements": "dict"},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present", "rendered"], "default": "present"},
}

CONTRACT = Contract(
    work=manager(Modifier()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS,),
    constraints={
        **KUBERNETES_RULES,
        "required_if": [("state", "present", ("rules",)), ("state", "rendered", ("rules",))],
    },
    anywhere=True,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
