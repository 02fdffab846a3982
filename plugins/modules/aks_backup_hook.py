#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_hook: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_hook
short_description: Run commands in containers around a backup and after a restore
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Creates, changes, deletes or renders a BackupHook or RestoreHook, the custom resources with which Azure Backup runs
    commands in the containers of pods, for example to have a database write everything down before its disk is copied.
  - Backup hooks are named when protection is configured, in
    O(aks.backup.aks_backup_instance#module:backup_configuration.backup_hooks). Restore hooks are named with the
    restore. RV(reference) is made for both.
  - What cannot work is refused before anything is written, and what hardly works as meant is warned of. Commands that
    would need a shell and have none are among it.
  - The kinds come with the backup extension, so install that first.
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
  hooks:
    description:
      - All the hooks of the object, in their order. Required unless O(state=absent).
    type: list
    elements: dict
    suboptions:
      excluded_namespaces:
        description: Namespaces in which the hook does not run.
        type: list
        elements: str
      included_namespaces:
        description:
          - Namespaces in which the hook runs. Without it, all that are backed up or restored.
          - With O(kind=restore), the namespaces as they are after the restore.
        type: list
        elements: str
      label_selector:
        description: Labels of the pods in which the hook runs. Without it, all pods.
        type: dict
        suboptions:
          match_expressions:
            description: Conditions on labels, all of which have to hold.
            type: list
            elements: dict
            suboptions:
              key:
                description: Name of the label.
                type: str
                required: true
              operator:
                description: What has to hold of it.
                type: str
                required: true
                choices:
                  - DoesNotExist
                  - Exists
                  - In
                  - NotIn
              values:
                description: The values, for V(In) and V(NotIn).
                type: list
                elements: str
          match_labels:
            description: Labels and their values, all of which a pod has to have.
            type: dict
      name:
        description: Name of the hook, which reports of failures bear. Each needs one of its own.
        type: str
        required: true
      post:
        description:
          - Commands to run after the pod was backed up, or in its containers once they were restored.
        type: list
        elements: dict
        suboptions:
          command:
            description:
              - Program and arguments, an item each. They are not run in a shell. Where one is needed, give
                C([/bin/sh, -c, 'the script']).
            type: list
            elements: str
            required: true
          container:
            description: Container of the pod. Without it, the first one.
            type: str
          on_error:
            description:
              - What a failure of the command means for the backup or the restore.
            type: str
            default: Continue
            choices:
              - Continue
              - Fail
          timeout:
            description: How long the command may take before it counts as failed, such as V(30s) or V(1m30s).
            type: str
          wait_timeout:
            description:
              - How long to wait for the container to be ready, such as V(5m). With O(kind=restore) only.
            type: str
      pre:
        description:
          - Commands to run before the pod is backed up. With O(kind=backup) only.
        type: list
        elements: dict
        suboptions:
          command:
            description:
              - Program and arguments, an item each. They are not run in a shell. Where one is needed, give
                C([/bin/sh, -c, 'the script']).
            type: list
            elements: str
            required: true
          container:
            description: Container of the pod. Without it, the first one.
            type: str
          on_error:
            description:
              - What a failure of the command means for the backup or the restore.
            type: str
            default: Continue
            choices:
              - Continue
              - Fail
          timeout:
            description: How long the command may take before it counts as failed, such as V(30s) or V(1m30s).
            type: str
  kind:
    description: Whether the hooks are for backups or for restores.
    type: str
    required: true
    choices:
      - backup
      - restore
  name:
    description: Name of the object.
    type: str
    required: true
  namespace:
    description: Namespace of the object, which has to exist. It says nothing of where the hooks run.
    type: str
    required: true
  namespace_mappings:
    description:
      - What the restore will map namespaces to, as in C(restore_configuration.namespace_mappings) of
        M(aks.backup.aks_backup_restore).
      - They are used to find namespaces that are named as they were before the restore, and to warn of hooks that will
        not run. They are not written to the cluster. With O(kind=restore) only.
    type: dict
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
  - A restore hook waits for new containers. Restored into the namespace that was backed up, where the old ones still
    run, it does not run, whatever the conflict policy.
seealso:
  - module: aks.backup.aks_backup_instance
    description: Where backup hooks are named.
  - module: aks.backup.aks_backup_restore
    description: Where restore hooks are named.
"""

EXAMPLES = r"""
- name: Have the database write everything down before its disk is copied
  aks.backup.aks_backup_hook:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    kind: backup
    name: database
    namespace: shop
    hooks:
      - name: checkpoint
        included_namespaces: [shop]
        label_selector:
          match_labels: {app: database}
        pre:
          - container: database
            command: [/usr/bin/psql, -c, CHECKPOINT]
            on_error: Fail
            timeout: 1m

- name: Run migrations once the application was restored
  aks.backup.aks_backup_hook:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    kind: restore
    name: migrations
    namespace: shop
    namespace_mappings: {shop: shop-drill}
    hooks:
      - name: migrate
        included_namespaces: [shop-drill]
        post:
          - command: [/bin/sh, -c, './migrate && touch /tmp/migrated']
            wait_timeout: 5m

- name: Make the manifest for a repository, without a cluster
  aks.backup.aks_backup_hook:
    state: rendered
    kind: backup
    name: database
    namespace: shop
    hooks:
      - name: checkpoint
        pre:
          - command: [/usr/bin/psql, -c, CHECKPOINT]
  register: hook

- name: Delete the hook
  aks.backup.aks_backup_hook:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    kind: backup
    name: database
    namespace: shop
    state: absent
"""

RETURN = r"""
id:
  description: Path of the object at the cluster's API server.
  returned: success
  type: str
  sample: /apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop/backuphooks/database
resource:
  description: The object. V(null) with O(state=absent).
  returned: success
  type: dict
  contains:
    hooks:
      description: The hooks, in their order.
      type: list
      elements: dict
      contains:
        excluded_namespaces:
          description: Namespaces in which the hook does not run.
          type: list
          elements: str
          sample: []
        included_namespaces:
          description: Namespaces in which the hook runs. Empty for all.
          type: list
          elements: str
          sample:
            - shop
        label_selector:
          description: Labels of the pods in which the hook runs.
          type: dict
          contains:
            match_expressions:
              description: Conditions on labels.
              type: list
              elements: dict
              contains:
                key:
                  description: Name of the label.
                  type: str
                  sample: tier
                operator:
                  description: What has to hold of it.
                  type: str
                  sample: In
                values:
                  description: The values.
                  returned: with V(In) and V(NotIn)
                  type: list
                  elements: str
                  sample:
                    - data
            match_labels:
              description: Labels and their values.
              type: dict
              sample:
                app: database
        name:
          description: Name of the hook.
          type: str
          sample: checkpoint
        post:
          description: Commands that run after the backup of a pod or after its restore.
          type: list
          elements: dict
          contains:
            command:
              description: Program and arguments.
              type: list
              elements: str
              sample:
                - /usr/bin/psql
            container:
              description: Container of the pod. V(null) for the first one.
              type: str
              sample: database
            on_error:
              description: What a failure means.
              type: str
              sample: Fail
            timeout:
              description: How long the command may take.
              type: str
              sample: 1m
            wait_timeout:
              description: How long to wait for the container. V(null) when the hook does not say.
              type: str
              sample: 5m
        pre:
          description: Commands that run before the backup of a pod.
          type: list
          elements: dict
          contains:
            command:
              description: Program and arguments.
              type: list
              elements: str
              sample:
                - /usr/bin/psql
            container:
              description: Container of the pod. V(null) for the first one.
              type: str
              sample: database
            on_error:
              description: What a failure means.
              type: str
              sample: Fail
            timeout:
              description: How long the command may take.
              type: str
              sample: 1m
    kind:
      description: Whether the hooks are for backups or for restores.
      type: str
      sample: backup
    name:
      description: Name of the object.
      type: str
      sample: database
    namespace:
      description: Namespace of the object.
      type: str
      sample: shop
manifest:
  description: The object as Kubernetes takes it, as far as the options say.
  returned: success, unless O(state=absent)
  type: dict
  contains:
    apiVersion:
      description: API group and version.
      type: str
      sample: clusterbackup.dataprotection.microsoft.com/v1alpha1
    kind:
      description: Kind of the object.
      type: str
      sample: BackupHook
    metadata:
      description: Name and namespace.
      type: dict
      contains:
        name:
          description: Name of the object.
          type: str
          sample: database
        namespace:
          description: Namespace of the object.
          type: str
          sample: shop
    spec:
      description: The hooks, as the custom resource definition of Azure Backup has them.
      type: dict
      sample:
        backupHook: []
manifest_yaml:
  description: The same as YAML, for a file.
  returned: success, unless O(state=absent)
  type: str
  sample: |
    apiVersion: clusterbackup.dataprotection.microsoft.com/v1alpha1
    kind: BackupHook
name:
  description: Name of the object.
  returned: success
  type: str
  sample: database
reference:
  description: >-
    How other modules name the object, such as M(aks.backup.aks_backup_instance) in
    C(backup_configuration.backup_hooks).
  returned: success, unless O(state=absent)
  type: dict
  contains:
    name:
      description: Name of the object.
      type: str
      sample: database
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
      sample: /apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop/backuphooks/database
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
      sample: /apis/clusterbackup.dataprotection.microsoft.com/v1alpha1/namespaces/shop/backuphooks/database
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
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.hooks import Hook
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.kubernetes import manager
from ansible_collections.aks.backup.plugins.module_utils._types import AKS

COMMAND = {
    "command": {"type": "list", "elements": "str", "required": True},
    "container": {"type": "str"},
    "on_error": {"type": "str", "choices": ["Continue", "Fail"], "default": "Continue"},
    "timeout": {"type": "str"},
}
EXPRESSION = {
    "key": {"type": "str", "required": True, "no_log": False},
    "operator": {"type": "str", "required": True, "choices": ["DoesNotExist", "Exists", "In", "NotIn"]},
    "values": {"type": "list", "elements": "str"},
}
ARGUMENT_SPEC = {
    **KUBERNETES_SPEC,
    "hooks": {
        "type": "list",
        "elements": "dict",
        "options": {
            "excluded_namespaces": {"type": "list", "elements": "str"},
            "included_namespaces": {"type": "list", "elements": "str"},
            "label_selector": {
                "type": "dict",
                "options": {
                    "match_expressions": {"type": "list", "elements": "dict", "options": EXPRESSION},
                    "match_labels": {"type": "dict"},
                },
            },
            "name": {"type": "str", "required": True},
            "post": {
                "type": "list",
                "elements": "dict",
                "options": {**COMMAND, "wait_timeout": {"type": "str"}},
            },
            "pre": {"type": "list", "elements": "dict", "options": COMMAND},
        },
    },
    "kind": {"type": "str", "required": True, "choices": ["backup", "restore"]},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "namespace_mappings": {"type": "dict"},
    "state": {"type": "str", "choices": ["absent", "present", "rendered"], "default": "present"},
}

CONTRACT = Contract(
    work=manager(Hook()),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS,),
    constraints={
        **KUBERNETES_RULES,
        "required_if": [("state", "present", ("hooks",)), ("state", "rendered", ("hooks",))],
    },
    anywhere=True,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
