#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_provider: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_provider
short_description: Register the resource providers that AKS backup needs
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Registers resource providers with the subscription, all at the same time, and waits until they are registered.
  - It is the first step of protecting a cluster, needed once per subscription. Azure can take ten minutes for it.
  - Providers are never unregistered. In check mode, RV(unregistered) is the list of what somebody with the right to do
    so has to register.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-resource >= 24.0
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.attributes
options:
  providers:
    description:
      - Namespaces of the resource providers.
    type: list
    elements: str
    default:
      - Microsoft.ContainerService
      - Microsoft.DataProtection
      - Microsoft.KubernetesConfiguration
      - Microsoft.Storage
notes:
  - The caller needs the action C(*/register/action) on the subscription, which the roles Owner and Contributor have.
seealso:
  - module: aks.backup.aks_backup_storage
    description: The next step.
  - name: Azure resource providers and types
    description: Microsoft's page on registration.
    link: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
"""

EXAMPLES = r"""
# The tasks find the subscription and the credentials in the environment: AZURE_SUBSCRIPTION_ID and so on.
- name: Register what AKS backup needs
  aks.backup.aks_backup_provider:

- name: Register the provider of user-assigned identities as well, and give Azure a quarter of an hour
  aks.backup.aks_backup_provider:
    providers:
      - Microsoft.DataProtection
      - Microsoft.ManagedIdentity
    wait_timeout: 900
"""

RETURN = r"""
providers:
  description: The resource providers, in the order of O(providers).
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Namespace of the provider, as Azure spells it.
      type: str
      sample: Microsoft.DataProtection
    registration_state:
      description: Whether the provider is registered.
      type: str
      sample: Registered
unregistered:
  description: Namespaces that were not registered before, in the order of O(providers).
  returned: success
  type: list
  elements: str
  sample:
    - Microsoft.DataProtection
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
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.DataProtection/register
    method:
      description: HTTP method of the request.
      type: str
      sample: POST
    request_id:
      description: Azure's ID of the request, which Microsoft's support asks for. V(null) in check mode.
      type: str
      sample: 00000000-0000-0000-0000-000000000000
    status:
      description: HTTP status of the first reply. V(null) in check mode.
      type: int
      sample: 200
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
        /subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.DataProtection
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

from ansible_collections.aks.backup.plugins.module_utils._module import Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.provider import register
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCES

ARGUMENT_SPEC = {
    "providers": {
        "type": "list",
        "elements": "str",
        "default": [
            "Microsoft.ContainerService",
            "Microsoft.DataProtection",
            "Microsoft.KubernetesConfiguration",
            "Microsoft.Storage",
        ],
    },
}

CONTRACT = Contract(
    work=register,
    argument_spec=ARGUMENT_SPEC,
    packages=(RESOURCES,),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
