#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_recovery_point_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_recovery_point_info
short_description: Read the recovery points of an AKS cluster
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the recovery points of a backup instance, newest first, all of them or those that are asked for. A recovery
    point is what a restore starts from.
  - It is an error when the cluster has no backup instance in the vault. In check mode there are then no recovery
    points.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.cluster
  - aks.backup.vault
  - aks.backup.attributes.info_module
options:
  datastore:
    description:
      - Only recovery points that this tier holds.
    type: str
    choices:
      OperationalStore: Snapshots beside the cluster, the quicker ones to restore from.
      VaultStore: Copies in the vault.
  end_time:
    description:
      - Only recovery points until then, a date or a moment in ISO 8601, UTC where it does not say.
    type: str
  friendly_name:
    description:
      - Friendly name of the backup instance, to distinguish several of the cluster in the vault.
    type: str
  name:
    description:
      - Name of the backup instance. Needed only when several protect the cluster in the vault.
    type: str
  recovery_point_state:
    description:
      - Only recovery points in this state.
    type: str
    choices:
      Completed: Whole ones, those of which Azure says nothing included.
      Partial: Those that lack something.
  secondary_region:
    description:
      - Whether to read the recovery points that the paired region has, which are copies in the vault tier. The vault
        must restore across regions. Copies arrive there up to 36 hours later.
    type: bool
    default: false
  since:
    description:
      - Only recovery points of this time until now, a number with V(m), V(h), V(d) or V(w) behind it, for minutes,
        hours, days or weeks.
    type: str
  start_time:
    description:
      - Only recovery points of then or later, a date or a moment in ISO 8601, UTC where it does not say. The later of
        this and O(since) counts.
    type: str
seealso:
  - module: aks.backup.aks_backup_run
    description: Makes a recovery point now.
  - module: aks.backup.aks_backup_instance
    description: Has recovery points made by a schedule.
"""

EXAMPLES = r"""
- name: Read the recovery points of a cluster
  aks.backup.aks_recovery_point_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
  register: points

- name: Read what the vault tier has held since the new year
  aks.backup.aks_recovery_point_info:
    cluster_name: aks-east-1
    cluster_resource_group: rg-clusters
    vault_name: bv-east
    vault_resource_group: rg-backup
    datastore: VaultStore
    start_time: '2026-01-01'

- name: Show when the last backup was made
  ansible.builtin.debug:
    msg: "{{ points.latest.time if points.latest else 'never' }}"
"""

RETURN = r"""
backup_instance_id:
  description: Resource ID of the backup instance.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000
latest:
  description: The newest recovery point. V(null) when there is none.
  returned: success
  type: dict
  contains:
    datastores:
      description: The tiers that hold the recovery point.
      type: list
      elements: dict
      contains:
        creation_time:
          description: When the copy in the tier was made.
          type: str
          sample: '2026-01-05T07:53:54.4048516Z'
        expiry_time:
          description: When the tier gives it up. V(null) when Azure does not say.
          type: str
          sample: '2026-02-04T07:55:29.5079653Z'
        state:
          description: How the copy in the tier stands.
          type: str
          sample: COMMITTED
        type:
          description: The tier.
          type: str
          sample: OperationalStore
    expiry_time:
      description: When the recovery point is given up. V(null) when Azure does not say, as for the operational tier.
      type: str
      sample: '2026-02-04T07:55:29.5079653Z'
    id:
      description: Resource ID of the recovery point.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000/recoveryPoints/0123456789abcdef0123456789abcdef
    name:
      description: Name of the recovery point, which a restore asks for.
      type: str
      sample: 0123456789abcdef0123456789abcdef
    policy_name:
      description: Name of the policy that the recovery point was made by.
      type: str
      sample: aks-daily
    retention_tag:
      description: The policy's tag that says how long it is kept.
      type: str
      sample: Default
    state:
      description: Whether the recovery point is whole, C(Completed) or C(Partial). V(null) when Azure does not say.
      type: str
      sample: Completed
    time:
      description: The moment to which the recovery point belongs.
      type: str
      sample: '2026-01-05T07:55:29.5079653Z'
recovery_points:
  description: The recovery points, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    datastores:
      description: The tiers that hold the recovery point.
      type: list
      elements: dict
      contains:
        creation_time:
          description: When the copy in the tier was made.
          type: str
          sample: '2026-01-05T07:53:54.4048516Z'
        expiry_time:
          description: When the tier gives it up. V(null) when Azure does not say.
          type: str
          sample: '2026-02-04T07:55:29.5079653Z'
        state:
          description: How the copy in the tier stands.
          type: str
          sample: COMMITTED
        type:
          description: The tier.
          type: str
          sample: OperationalStore
    expiry_time:
      description: When the recovery point is given up. V(null) when Azure does not say, as for the operational tier.
      type: str
      sample: '2026-02-04T07:55:29.5079653Z'
    id:
      description: Resource ID of the recovery point.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupInstances/aks-east-1-aks-east-1-00000000-0000-0000-0000-000000000000/recoveryPoints/0123456789abcdef0123456789abcdef
    name:
      description: Name of the recovery point, which a restore asks for.
      type: str
      sample: 0123456789abcdef0123456789abcdef
    policy_name:
      description: Name of the policy that the recovery point was made by.
      type: str
      sample: aks-daily
    retention_tag:
      description: The policy's tag that says how long it is kept.
      type: str
      sample: Default
    state:
      description: Whether the recovery point is whole, C(Completed) or C(Partial). V(null) when Azure does not say.
      type: str
      sample: Completed
    time:
      description: The moment to which the recovery point belongs.
      type: str
      sample: '2026-01-05T07:55:29.5079653Z'
summary:
  description: The recovery points in numbers.
  returned: success
  type: dict
  contains:
    by_datastore:
      description: Number of recovery points by the tier that holds them. One in both tiers counts in each.
      type: dict
      sample:
        OperationalStore: 7
        VaultStore: 12
    newest:
      description: Time of the newest. V(null) when there is none.
      type: str
      sample: '2026-01-05T07:55:29.5079653Z'
    oldest:
      description: Time of the oldest. V(null) when there is none.
      type: str
      sample: '2025-12-05T07:55:29.5079653Z'
    total:
      description: Number of recovery points.
      type: int
      sample: 12
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
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.points import list_points
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {
    **CLUSTER_SPEC,
    **VAULT_SPEC,
    "datastore": {"type": "str", "choices": ["OperationalStore", "VaultStore"]},
    "end_time": {"type": "str"},
    "friendly_name": {"type": "str"},
    "name": {"type": "str"},
    "recovery_point_state": {"type": "str", "choices": ["Completed", "Partial"]},
    "secondary_region": {"type": "bool", "default": False},
    "since": {"type": "str"},
    "start_time": {"type": "str"},
}

CONTRACT = Contract(
    work=list_points,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("cluster", "vault"),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
