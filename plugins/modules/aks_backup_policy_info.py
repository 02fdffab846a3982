#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_policy_info: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_policy_info
short_description: Read the backup policies of a vault
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Returns the backup policies of a vault, sorted by name, with the backup instances that use them.
  - It is an error when there is no such vault. In check mode there are then no policies.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.vault
  - aks.backup.attributes.info_module
options:
  name:
    description:
      - Only the policy of this name. There is no error when there is none.
    type: str
seealso:
  - module: aks.backup.aks_backup_policy
    description: Creates policies, from what RV(policies[].definition) holds as well.
  - plugin: aks.backup.backup_retention
    plugin_type: filter
    description: Says what backups a policy keeps.
"""

EXAMPLES = r"""
- name: Read the policies of a vault
  aks.backup.aks_backup_policy_info:
    vault_name: bv-east
    vault_resource_group: rg-backup
  register: found

- name: Name the policies that nothing uses
  ansible.builtin.debug:
    msg: "{{ found.policies | rejectattr('instances') | map(attribute='name') | join(', ') | default('none', true) }}"
"""

RETURN = r"""
policies:
  description: The policies, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    backup_rule_name:
      description: Name of the rule that makes backups.
      type: str
      sample: BackupDaily
    datastores:
      description: Tiers in which the policy keeps backups.
      type: list
      elements: str
      sample:
        - OperationalStore
    definition:
      description: >-
        The policy as Azure's interface has it, which O(aks.backup.aks_backup_policy#module:policy_definition) takes.
      type: dict
      sample:
        objectType: BackupPolicy
    id:
      description: Resource ID of the policy.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
    instances:
      description: Names of the backup instances that use the policy.
      type: list
      elements: str
      sample:
        - aks-east-1-full
    name:
      description: Name of the policy.
      type: str
      sample: aks-daily
    retention_rules:
      description: How long backups are kept, sorted by name.
      type: list
      elements: dict
      contains:
        copy_to_vault:
          description: When backups are copied to the vault tier. V(null) when they are not.
          type: dict
          contains:
            after:
              description: The delay, as an ISO 8601 duration.
              returned: with a delay of its own
              type: str
              sample: P1D
            option:
              description: Azure's name for the moment.
              type: str
              sample: ImmediateCopyOption
        is_default:
          description: Whether the rule is for backups to which no other applies.
          type: bool
          sample: true
        name:
          description: Name of the rule.
          type: str
          sample: Default
        operational_retention:
          description: How long backups stay in the operational tier, as an ISO 8601 duration.
          type: str
          sample: P30D
        vault_retention:
          description: How long backups stay in the vault tier, as an ISO 8601 duration. V(null) when there are none.
          type: str
          sample: P84D
    retention_tags:
      description: Names of the tags that backups can get, sorted.
      type: list
      elements: str
      sample:
        - Default
    schedule:
      description: When backups are made.
      type: dict
      contains:
        repeating_time_intervals:
          description: >-
            ISO 8601 intervals in UTC, each from the first week of 2024 on, so that equal schedules look equal.
          type: list
          elements: str
          sample:
            - R/2024-01-01T02:30:00+00:00/P1D
        time_zone:
          description: Name of a Windows time zone.
          type: str
          sample: UTC
    soft_deleted_instances:
      description: Names of the soft-deleted backup instances that use the policy. Azure keeps it until they are purged.
      type: list
      elements: str
      sample: []
    tags:
      description: Which backups get which tag, and so which retention rule, sorted by name.
      type: list
      elements: dict
      contains:
        criteria:
          description: Which backups get the tag. Empty for the default tag.
          type: list
          elements: dict
          contains:
            absoluteCriteria:
              description: Positions in time, such as the first of a day.
              returned: when the tag uses them
              type: list
              elements: str
              sample:
                - FirstOfWeek
            daysOfMonth:
              description: Days of the month.
              returned: when the tag uses them
              type: list
              elements: dict
              contains:
                date:
                  description: Number of the day.
                  type: int
                  sample: 1
                isLast:
                  description: Whether the last day of the month is meant.
                  type: bool
                  sample: false
            daysOfTheWeek:
              description: Days of the week, sorted.
              returned: when the tag uses them
              type: list
              elements: str
              sample:
                - Sunday
            monthsOfYear:
              description: Months of the year, sorted.
              returned: when the tag uses them
              type: list
              elements: str
              sample:
                - January
            scheduleTimes:
              description: Times of backups, sorted.
              returned: when the tag uses them
              type: list
              elements: str
              sample:
                - '2026-01-04T03:00:00Z'
            weeksOfTheMonth:
              description: Weeks of the month, sorted.
              returned: when the tag uses them
              type: list
              elements: str
              sample:
                - First
        is_default:
          description: Whether the tag is for backups that get no other.
          type: bool
          sample: false
        name:
          description: Name of the tag.
          type: str
          sample: Weekly
        priority:
          description: Which tag wins when several fit. The lowest number does.
          type: int
          sample: 20
    uses_vault_tier:
      description: Whether the policy keeps backups in the vault tier.
      type: bool
      sample: false
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
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

from ansible_collections.aks.backup.plugins.module_utils._module import VAULT_SPEC, Contract
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.policy import list_policies
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {**VAULT_SPEC, "name": {"type": "str"}}

CONTRACT = Contract(
    work=list_policies,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("vault",),
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
