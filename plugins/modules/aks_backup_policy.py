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
    an error, which says what differs and who uses the policy, unless O(on_difference) says what to do instead.
  - Two policies are the same when they mean the same. P1W equals P7D, and the first day of a schedule does not matter.
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
  - aks.backup.attributes
options:
  backup_rule_name:
    description:
      - Name of the rule that makes backups. Left out, it follows from the schedule and is C(BackupHourly),
        C(BackupDaily) or C(BackupWeekly).
    type: str
  in_use_check:
    description:
      - Whether O(state=absent) looks for the backup instances that use the policy, to name them. Without it, Azure
        refuses by itself to delete a policy in use, and names none.
    type: bool
    default: true
  keep:
    description:
      - How many backups are to be there, instead of O(retention_rules). Where a backup counts for several, it is kept
        for the longest time.
    type: dict
    suboptions:
      daily:
        description:
          - The first backups of so many days.
        type: int
      monthly:
        description:
          - The first backups of so many months, which are taken to have 31 days.
        type: int
      tier:
        description:
          - Where they are kept. The operational tier keeps backups for 360 days at most, so O(keep.yearly) takes the
            vault tier, and with a backup a day so do 12 months.
        type: str
        default: operational
        choices:
          operational: As snapshots in your own subscription.
          vault: >-
            In the vault, where they are copied at once. In the operational tier they are kept like all others.
      weekly:
        description:
          - The first backups of so many weeks.
        type: int
      yearly:
        description:
          - The first backups of so many years, which are taken to have 366 days.
        type: int
  name:
    description:
      - Name of the policy.
      - 3 to 150 letters, digits and hyphens.
    type: str
    required: true
  on_difference:
    description:
      - What to do about a policy that exists with other content.
      - With O(state=absent), V(rotate) deletes the successors of the policy as well.
    type: str
    default: fail
    choices:
      fail: Fail, and say what differs and who uses the policy.
      replace_unused: Delete the policy and create it again, if no backup instance uses it. Else fail.
      rotate: >-
        Create a successor whose name is that of the policy, a hyphen and eight digits that follow from its content.
        Give it to the backup instances of the policy, have Azure validate each of them before, and delete the
        policy once nothing uses it. RV(id) and RV(name) are then those of the successor, also in later runs, so give
        RV(id) to M(aks.backup.aks_backup_instance). Whatever interrupts it, the next run goes on with it. Backup
        instances whose protection is not active stay with the policy, which is a warning.
  operational_retention:
    description:
      - How long backups stay in the operational tier, which is snapshots in your own subscription, unless a retention
        rule says otherwise. An ISO 8601 duration of 1 to 360 days, such as V(P30D) or V(P12W), or a dictionary with one
        of C(days), C(weeks), C(months) and C(years).
    type: raw
  policy_definition:
    description:
      - The policy as Azure's interface has it, either whole or what is below C(properties). It is mutually exclusive
        with the options of the short form.
    type: dict
  preset:
    description:
      - What O(schedule), O(operational_retention) and O(retention_rules) are where they are not given. The last two
        replace those of the preset as a whole. In O(schedule), what is not given is that of the preset, as long as
        O(schedule.frequency) is the same.
      - Without O(preset) it is V(default).
    type: str
    choices:
      default: A backup every 4 hours, kept for 7 days.
      disaster_recovery: >-
        A backup a day, kept for 7 days. The first one of each day is also copied to the vault tier and kept there for
        90 days.
      month: A backup a day, kept for 30 days.
      week: A backup a day, kept for 7 days.
  repeating_time_intervals:
    description:
      - The schedule in the words of Azure's interface, such as V(R/2026-01-31T02:30:00+00:00/PT4H), instead of
        O(schedule). Only O(schedule.time_zone) goes with it.
    type: list
    elements: str
  resource_guard_operation_requests:
    description:
      - Resource IDs of the requests with which a resource guard lets O(on_difference=rotate) give backup instances
        another policy. Each ends with C(/default). When one is missing, the task fails before it writes anything and
        names it.
    type: list
    elements: str
  retention_rules:
    description:
      - Backups that are kept longer than the rest, or are copied to the vault tier.
      - A rule is for the first backup of a time with O(retention_rules[].criteria), or for the backups of certain days
        with O(retention_rules[].days_of_week), O(retention_rules[].days_of_month), O(retention_rules[].weeks_of_month)
        and O(retention_rules[].months_of_year), all of which have to fit.
    type: list
    elements: dict
    suboptions:
      copy:
        description:
          - When these backups are copied to the vault tier. V(immediate) when left out. Only with
            O(retention_rules[].vault_retention).
        type: str
        choices:
          after: When O(retention_rules[].copy_after) has passed.
          immediate: At once.
          on_expiry: When they expire in the operational tier.
      copy_after:
        description:
          - How old these backups are when they are copied to the vault tier, spelt like O(operational_retention). They
            have to be in the operational tier for longer. Only with O(retention_rules[].copy=after).
        type: raw
      criteria:
        description:
          - To which backups the rule applies, all or the first successful one of each day, week, month or year.
          - It may be left out when O(retention_rules[].name) is V(Daily), V(Weekly), V(Monthly) or V(Yearly).
        type: str
        choices:
          - AllBackup
          - FirstOfDay
          - FirstOfMonth
          - FirstOfWeek
          - FirstOfYear
      days_of_month:
        description:
          - Days of the month, V(1) to V(28), or V(last).
        type: list
        elements: str
      days_of_week:
        description:
          - Days of the week.
        type: list
        elements: str
        choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
      months_of_year:
        description:
          - Months of the year.
        type: list
        elements: str
        choices:
          - April
          - August
          - December
          - February
          - January
          - July
          - June
          - March
          - May
          - November
          - October
          - September
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
        type: raw
      priority:
        description:
          - Which rule wins when several apply to a backup. The lowest number does, and each rule has another. Left out,
            it is 10 for years, 15 for months, 20 for weeks, 25 for days and 50 for all backups. Rules for certain days
            have none by themselves.
        type: int
      vault_retention:
        description:
          - How long these backups stay in the vault tier, counted from the backup, spelt like O(operational_retention).
            They are copied there, at most one in a day. Ten years at most, which is what Azure Backup gives for other
            sources; no page of Microsoft's says it for AKS.
          - The vault then needs more roles, see O(aks.backup.aks_backup_permissions#module:vault_tier).
        type: raw
      weeks_of_month:
        description:
          - Weeks of the month, of which the first one is days 1 to 7.
        type: list
        elements: str
        choices: [First, Fourth, Last, Second, Third]
  rpo_hours:
    description:
      - How many hours of work may be lost, instead of O(schedule.frequency) and O(schedule.interval). Backups are made
        as rarely as that allows, which is every 4, 6, 8 or 12 hours, daily or weekly. The time that a backup takes is
        not counted.
    type: int
  schedule:
    description:
      - When backups are made.
    type: dict
    suboptions:
      days_of_week:
        description:
          - The days of weekly backups, Monday when left out. Only with O(schedule.frequency=weekly).
        type: list
        elements: str
        aliases:
          - day_of_week
        choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
      delay:
        description:
          - Minutes between O(schedule.start_time) and the start of backups, less than there are between two backups.
            Policies that differ in it alone keep the backups of many clusters from starting at once. It shifts
            O(schedule.days_of_week) as well where it goes beyond midnight.
        type: int
      frequency:
        description:
          - How often backups are made. Left out, it is that of O(preset).
        type: str
        choices:
          daily: Once a day.
          hourly: Every O(schedule.interval) hours.
          weekly: Once a week, on each of O(schedule.days_of_week).
      interval:
        description:
          - Hours between two backups with O(schedule.frequency=hourly). Azure takes V(4), V(6), V(8) and V(12). It is
            V(4) when left out.
        type: int
      start_time:
        description:
          - Time of day at which backups start, such as V(02:30), on a clock in O(schedule.time_zone). It is 02:00 when
            left out.
          - Or day and time of the first backup, such as V(2026-01-31T02:30:00+01:00).
        type: str
      time_zone:
        description:
          - The time zone of O(schedule.start_time), and of the days of O(retention_rules). Name of a Windows time zone,
            such as V(W. Europe Standard Time). It is V(UTC) when left out.
          - The start is sent with the offset that the zone has on the first day, in January 2024 if
            O(schedule.start_time) is a time of day, and with the name of the zone. Whether Azure then follows daylight
            saving time was never tried.
        type: str
  simulate_days:
    description:
      - Return RV(simulation), which says what backups there would be after so many days if the first of them was made
        now. 1 to 3653.
    type: int
  state:
    description:
      - V(present) creates the policy.
      - V(absent) deletes it. It is refused while backup instances use it, soft-deleted ones included.
    type: str
    default: present
    choices:
      - absent
      - present
notes:
  - A policy is refused that keeps more than 500 backups in the operational tier at a time, since Azure keeps at most
    500 incremental snapshots of a disk.
  - A time zone other than UTC takes a time zone database where the task runs, which is the package C(tzdata) of most
    systems, or that of Python.
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

- name: Lose no more than 6 hours, and keep 14 days, 8 weeks, 12 months and 3 years in the vault tier
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-by-numbers
    rpo_hours: 6
    keep:
      daily: 14
      weekly: 8
      monthly: 12
      yearly: 3
      tier: vault
    simulate_days: 365
  register: numbers

- name: Say how many backups there would be after a year
  ansible.builtin.debug:
    msg: >-
      {{ numbers.simulation.operational.count }} snapshots,
      and {{ numbers.simulation.vault.count }} backups in the vault

- name: Keep what is made on the last day of each quarter for ten weeks, in the time of Berlin
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-quarters
    schedule:
      frequency: daily
      start_time: '01:30'
      time_zone: W. Europe Standard Time
    operational_retention:
      days: 14
    retention_rules:
      - name: Quarterly
        priority: 5
        days_of_month:
          - last
        months_of_year:
          - March
          - June
          - September
          - December
        operational_retention: P70D

- name: Have the quarters in the vault tier from now on, whatever backup instances use the policy
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-quarters
    schedule:
      frequency: daily
      start_time: '01:30'
      time_zone: W. Europe Standard Time
    operational_retention:
      days: 14
    retention_rules:
      - name: Quarterly
        priority: 5
        days_of_month:
          - last
        months_of_year:
          - March
          - June
          - September
          - December
        vault_retention: P3Y
        copy: after
        copy_after: P2D
    on_difference: rotate
  register: quarters

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

- name: Delete a policy with its successors
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-quarters
    on_difference: rotate
    state: absent

- name: Delete a policy that no backup instance uses
  aks.backup.aks_backup_policy:
    vault_name: bv-east
    vault_resource_group: rg-backup
    name: aks-written-out
    state: absent
"""

RETURN = r"""
id:
  description: Resource ID of the policy, with O(on_difference=rotate) of the one that is in force.
  returned: success
  type: str
  sample: >-
    /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east/backupPolicies/aks-daily
moved_instances:
  description: Names of the backup instances that were given the policy.
  returned: O(state=present) and O(on_difference=rotate)
  type: list
  elements: str
  sample:
    - aks-east-1-full
name:
  description: Name of the policy, with O(on_difference=rotate) of the one that is in force.
  returned: success
  type: str
  sample: aks-daily
removed_policies:
  description: Names of the policies that were deleted since nothing uses them any more.
  returned: O(state=present) and O(on_difference=rotate)
  type: list
  elements: str
  sample:
    - aks-daily
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
semantic_diff:
  description:
    - What differs between the options and the policy that was there, in sentences. Empty when nothing does, or when
      there was none.
  returned: O(state=present)
  type: list
  elements: str
  sample:
    - 'retention_rules Default: operational_retention is P7D and would become P30D.'
simulation:
  description:
    - What backups there would be if the first of them was made now and all succeeded. The days, weeks and months of
      tags are those of the offset in the schedule's start, and weeks begin on Sunday.
  returned: O(state=present) and O(simulate_days) is given
  type: dict
  contains:
    backups:
      description: How many backups were made.
      type: int
      sample: 30
    date:
      description: The end of the simulation.
      type: str
      sample: '2026-02-14T09:30:00Z'
    most_snapshots:
      description: How many backups were in the operational tier at a time, at most.
      type: int
      sample: 14
    not_copied:
      description: >-
        How many backups were not copied to the vault tier although their rule says so, since Azure copies one a day.
      type: int
      sample: 0
    operational:
      description: The backups in the operational tier at the end.
      type: dict
      contains: &tier
        by_tag:
          description: How many there are of each tag.
          type: dict
          sample:
            Default: 14
        count:
          description: How many there are.
          type: int
          sample: 14
        newest:
          description: When the newest one was made. V(null) when there is none.
          type: str
          sample: '2026-02-14T02:30:00Z'
        oldest:
          description: When the oldest one was made. V(null) when there is none.
          type: str
          sample: '2026-02-01T02:30:00Z'
        oldest_age_days:
          description: Age of the oldest one in days. V(null) when there is none.
          type: float
          sample: 13.29
    points:
      description: All backups that are there at the end, the oldest one first.
      type: list
      elements: dict
      contains:
        age_days:
          description: Age in days.
          type: float
          sample: 13.29
        created:
          description: When it was made.
          type: str
          sample: '2026-02-01T02:30:00Z'
        operational_until:
          description: When it goes from the operational tier. V(null) when it is not there.
          type: str
          sample: '2026-02-15T02:30:00Z'
        tag:
          description: Its tag, which says by which retention rule it is kept.
          type: str
          sample: Default
        vault_until:
          description: When it goes from the vault tier. V(null) when it is not there.
          type: str
          sample: null
    start:
      description: The beginning of the simulation.
      type: str
      sample: '2026-01-15T09:30:00Z'
    vault:
      description: The backups in the vault tier at the end, as in RV(simulation.operational).
      type: dict
      contains: *tier
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
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.rotation import manage
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION

DAYS = ["Friday", "Monday", "Saturday", "Sunday", "Thursday", "Tuesday", "Wednesday"]
MONTHS = [
    "April",
    "August",
    "December",
    "February",
    "January",
    "July",
    "June",
    "March",
    "May",
    "November",
    "October",
    "September",
]

# What makes a policy; the filters take the same.
CONTENT_SPEC = {
    "backup_rule_name": {"type": "str"},
    "keep": {
        "type": "dict",
        "options": {
            "daily": {"type": "int"},
            "monthly": {"type": "int"},
            "tier": {"type": "str", "choices": ["operational", "vault"], "default": "operational"},
            "weekly": {"type": "int"},
            "yearly": {"type": "int"},
        },
    },
    "operational_retention": {"type": "raw"},
    "policy_definition": {"type": "dict"},
    "preset": {"type": "str", "choices": ["default", "disaster_recovery", "month", "week"]},
    "repeating_time_intervals": {"type": "list", "elements": "str"},
    "retention_rules": {
        "type": "list",
        "elements": "dict",
        "options": {
            "copy": {"type": "str", "choices": ["after", "immediate", "on_expiry"]},
            "copy_after": {"type": "raw"},
            "criteria": {
                "type": "str",
                "choices": ["AllBackup", "FirstOfDay", "FirstOfMonth", "FirstOfWeek", "FirstOfYear"],
            },
            "days_of_month": {"type": "list", "elements": "str"},
            "days_of_week": {"type": "list", "elements": "str", "choices": DAYS},
            "months_of_year": {"type": "list", "elements": "str", "choices": MONTHS},
            "name": {"type": "str"},
            "operational_retention": {"type": "raw"},
            "priority": {"type": "int"},
            "vault_retention": {"type": "raw"},
            "weeks_of_month": {
                "type": "list",
                "elements": "str",
                "choices": ["First", "Fourth", "Last", "Second", "Third"],
            },
        },
    },
    "rpo_hours": {"type": "int"},
    "schedule": {
        "type": "dict",
        "options": {
            "days_of_week": {"type": "list", "elements": "str", "choices": DAYS, "aliases": ["day_of_week"]},
            "delay": {"type": "int"},
            "frequency": {"type": "str", "choices": ["daily", "hourly", "weekly"]},
            "interval": {"type": "int"},
            "start_time": {"type": "str"},
            "time_zone": {"type": "str"},
        },
    },
}
CONTENT_RULES = {
    "mutually_exclusive": [
        *[("policy_definition", option) for option in CONTENT_SPEC if option != "policy_definition"],
        ("keep", "retention_rules"),
        ("repeating_time_intervals", "rpo_hours"),
    ],
}

ARGUMENT_SPEC = {
    **VAULT_SPEC,
    **CONTENT_SPEC,
    "in_use_check": {"type": "bool", "default": True},
    "name": {"type": "str", "required": True},
    "on_difference": {"type": "str", "choices": ["fail", "replace_unused", "rotate"], "default": "fail"},
    "resource_guard_operation_requests": {"type": "list", "elements": "str"},
    "simulate_days": {"type": "int"},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
}

CONTRACT = Contract(
    work=manage,
    argument_spec=ARGUMENT_SPEC,
    packages=(DATA_PROTECTION,),
    identifies=("vault",),
    constraints=CONTENT_RULES,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
