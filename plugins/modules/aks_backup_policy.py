#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_policy: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_policy
short_description: Create and delete backup policies for AKS clusters
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - A backup policy says when backups are made and how long they are kept. It belongs to a vault, and backup instances
    of that vault use it.
  - The short form of the options makes the whole policy, for example the tag, the retention rule and both lifecycles
    that a copy to the vault tier takes. With O(policy_definition) you write it yourself.
  - Azure creates policies and deletes them, but never changes one. A policy that exists with other content is therefore
    an error, which says what differs and who uses the policy. Create another policy with another name, and give that
    one to the backup instances with M(aks.backup.aks_backup_instance).
  - Two policies are the same when they mean the same. P1W equals P7D, and the first day of a schedule does not matter.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.0
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.vault
  - aks.backup.attributes
options:
  backup_rule_name:
    description:
      - Name of the rule that makes backups. Left out, it follows from the schedule and is C(BackupHourly),
        C(BackupDaily) or C(BackupWeekly).
    type: str
  name:
    description:
      - Name of the policy.
      - 3 to 150 letters, digits and hyphens.
    type: str
    required: true
  operational_retention:
    description:
      - How long backups stay in the operational tier, which is snapshots in your own subscription, unless a retention
        rule says otherwise. An ISO 8601 duration of 1 to 360 days, such as V(P30D) or V(P12W).
    type: str
  policy_definition:
    description:
      - The policy as Azure's interface has it, either whole or what is below C(properties). It is mutually exclusive
        with the options of the short form.
    type: dict
  preset:
    description:
      - What O(schedule), O(operational_retention) and O(retention_rules) are where they are not given. Each of them
        replaces that of the preset as a whole.
      - Without O(preset) it is V(default).
    type: str
    choices:
      default: A backup every 4 hours, kept for 7 days.
      disaster_recovery: >-
        A backup a day, kept for 7 days. The first one of each day is also copied to the vault tier and kept there for
        90 days.
      month: A backup a day, kept for 30 days.
      week: A backup a day, kept for 7 days.
  retention_rules:
    description:
      - Backups that are kept longer than the rest, or are copied to the vault tier.
    type: list
    elements: dict
    suboptions:
      criteria:
        description:
          - To which backups the rule applies, the first successful one of each day, week, month or year.
          - It may be left out when O(retention_rules[].name) is V(Daily), V(Weekly), V(Monthly) or V(Yearly).
        type: str
        choices:
          - FirstOfDay
          - FirstOfMonth
          - FirstOfWeek
          - FirstOfYear
      name:
        description:
          - Name of the rule and of the tag that its backups get. Left out, it follows from
            O(retention_rules[].criteria) and is V(Daily), V(Weekly), V(Monthly) or V(Yearly).
        type: str
      operational_retention:
        description:
          - How long these backups stay in the operational tier. An ISO 8601 duration of 1 to 360 days. Left out, it is
            O(operational_retention).
          - Either this or O(retention_rules[].vault_retention) is required.
        type: str
      priority:
        description:
          - Which rule wins when several apply to a backup. The lowest number does. Left out, it is 10 for years, 15 for
            months, 20 for weeks and 25 for days.
        type: int
      vault_retention:
        description:
          - How long these backups stay in the vault tier, as an ISO 8601 duration in whole days. They are copied there
            at once, at most one in a day.
          - The vault then needs more roles, see O(aks.backup.aks_backup_permissions#module:vault_tier).
        type: str
  schedule:
    description:
      - When backups are made.
    type: dict
    suboptions:
      day_of_week:
        description:
          - The day of a weekly backup, Monday when left out. Only with O(schedule.frequency=weekly).
        type: str
        choices:
          - Friday
          - Monday
          - Saturday
          - Sunday
          - Thursday
          - Tuesday
          - Wednesday
      frequency:
        description:
          - How often backups are made.
        type: str
        default: hourly
        choices:
          daily: Once a day.
          hourly: Every O(schedule.interval) hours.
          weekly: Once a week.
      interval:
        description:
          - Hours between two backups with O(schedule.frequency=hourly). Azure takes V(4), V(6), V(8) and V(12). It is
            V(4) when left out.
        type: int
      start_time:
        description:
          - Time of day at which backups start, such as V(02:30), in UTC. It is 02:00 when left out.
          - Or day and time of the first backup, such as V(2026-01-31T02:30:00+01:00).
        type: str
      time_zone:
        description:
          - Name of a Windows time zone for Azure to compute with, such as V(W. Europe Standard Time). It is V(UTC) when
            left out. It does not change how O(schedule.start_time) is read.
        type: str
  state:
    description:
      - V(present) creates the policy.
      - V(absent) deletes it. It is refused while backup instances use it. Azure also refuses it while soft-deleted
        backup instances do.
    type: str
    default: present
    choices:
      - absent
      - present
notes:
  - Changing the policy of a backup instance leaves the backups that exist as they are. Only new ones are kept as the
    new policy says.
  - Azure keeps the last backup of a backup instance even after its time.
seealso:
  - module: aks.backup.aks_backup_vault
    description: The step before.
  - module: aks.backup.aks_backup_extension
    description: The next step.
  - module: aks.backup.aks_backup_instance
    description: Uses the policy.
  - name: Back up AKS using Azure CLI
    description: Microsoft's page shows a policy as Azure's interface has it.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-using-cli
"""

EXAMPLES = r"""
- name: Back up each night, keep 30 days, and the first backup of each week for half a year
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-daily
    schedule:
      frequency: daily
      start_time: '02:30'
    operational_retention: P30D
    retention_rules:
      - name: Weekly
        operational_retention: P180D

- name: Back up every 4 hours, and keep a backup of each day in the vault tier for twelve weeks
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-vault-tier
    schedule:
      frequency: hourly
      interval: 4
    operational_retention: P7D
    retention_rules:
      - criteria: FirstOfDay
        vault_retention: P84D

- name: Back up once a day and keep a week, as the preset says
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-week
    preset: week

- name: Create a policy as Azure's interface has it
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-written-out
    policy_definition:
      policyRules:
        - name: BackupWeekly
          objectType: AzureBackupRule
          backupParameters:
            objectType: AzureBackupParams
            backupType: Incremental
          dataStore:
            objectType: DataStoreInfoBase
            dataStoreType: OperationalStore
          trigger:
            objectType: ScheduleBasedTriggerContext
            schedule:
              repeatingTimeIntervals:
                - R/2026-01-04T03:00:00+00:00/P1W
              timeZone: UTC
            taggingCriteria:
              - tagInfo:
                  tagName: Default
                taggingPriority: 99
                isDefault: true
        - name: Default
          objectType: AzureRetentionRule
          isDefault: true
          lifecycles:
            - deleteAfter:
                objectType: AbsoluteDeleteOption
                duration: P84D
              sourceDataStore:
                objectType: DataStoreInfoBase
                dataStoreType: OperationalStore

- name: Delete a policy that no backup instance uses
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-written-out
    state: absent
"""

RETURN = r"""
id:
  description: Resource ID of the policy.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
name:
  description: Name of the policy.
  returned: success
  type: str
  sample: aks-daily
resource:
  description: The policy. V(null) with O(state=absent).
  returned: success
  type: dict
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
    id:
      description: Resource ID of the policy.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
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
    schedule:
      description: When backups are made.
      type: dict
      contains:
        repeating_time_intervals:
          description: ISO 8601 intervals, each from the first week of 2024 on, so that equal schedules look equal.
          type: list
          elements: str
          sample:
            - R/2024-01-01T02:30:00+00:00/P1D
        time_zone:
          description: Name of a Windows time zone.
          type: str
          sample: UTC
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
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
      description: All that is wrong with the options, where the task was refused before anything was written.
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
from ansible_collections.aks.backup.plugins.module_utils._reconcile import reconciler
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import Policy
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

ARGUMENT_SPEC = {
    **VAULT_SPEC,
    "backup_rule_name": {"type": "str"},
    "name": {"type": "str", "required": True},
    "operational_retention": {"type": "str"},
    "policy_definition": {"type": "dict"},
    "preset": {"type": "str", "choices": ["default", "disaster_recovery", "month", "week"]},
    "retention_rules": {
        "type": "list",
        "elements": "dict",
        "options": {
            "criteria": {"type": "str", "choices": ["FirstOfDay", "FirstOfMonth", "FirstOfWeek", "FirstOfYear"]},
            "name": {"type": "str"},
            "operational_retention": {"type": "str"},
            "priority": {"type": "int"},
            "vault_retention": {"type": "str"},
        },
    },
    "schedule": {
        "type": "dict",
        "options": {
            "day_of_week": {
                "type": "str",
                "choices": ["Friday", "Monday", "Saturday", "Sunday", "Thursday", "Tuesday", "Wednesday"],
            },
            "frequency": {"type": "str", "choices": ["daily", "hourly", "weekly"], "default": "hourly"},
            "interval": {"type": "int"},
            "start_time": {"type": "str"},
            "time_zone": {"type": "str"},
        },
    },
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=reconciler(Policy()),
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("vault",),
    constraints={
        "mutually_exclusive": [
            ("policy_definition", option)
            for option in ("backup_rule_name", "operational_retention", "preset", "retention_rules", "schedule")
        ],
    },
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
