#!/usr/bin/python
# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of aks_backup_fleet: documentation, options, one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aks_backup_fleet
short_description: Protect many AKS clusters with Azure Backup in one task
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Does for a list of clusters what the role P(aks.backup.aks_backup#role) does for the hosts of a play, with the same
    names and the same result in Azure, in one task and one process. Each step is the work of the module that the role
    calls for it.
  - What clusters share is done once. The rest is done side by side, many requests at a time, and the failure of one
    cluster does not keep the others from being protected. The task fails when a cluster has, with all results.
  - Clusters that are protected as asked for are recognised from lists of what a vault, a storage account and a
    subscription hold, which takes about two requests for each of them. Wherever a list shows less, the cluster is
    looked at by itself before anything is written.
  - An interrupted run is taken up by the next one, which does what is left.
  - There is no first backup. The role has that.
  - What it costs has been measured against an emulator, and never in Azure itself.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-authorization >= 4.0
  - azure-mgmt-containerservice >= 38.0
  - azure-mgmt-core >= 1.6
  - azure-mgmt-dataprotection >= 2.1
  - azure-mgmt-kubernetesconfiguration-extensions >= 1.0.0
  - azure-mgmt-resource >= 24.0
  - azure-mgmt-resourcegraph >= 8.0.1
  - azure-mgmt-storage >= 23.0
  - isodate >= 0.7
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.attributes
options:
  clusters:
    description:
      - The clusters, each with what is asked for. The options are those of the role P(aks.backup.aks_backup#role)
        without the prefix of their names, and with the same meaning; O(clusters[].preflight) alone is off unless it is
        asked for, since looking costs more requests than protecting.
      - O(wait_timeout) is for all of it. Give it more time where many clusters are protected for the first time.
    type: list
    elements: dict
    required: true
    suboptions:
      cluster:
        description:
          - The cluster to protect. It must exist, run, and have a managed identity.
        type: dict
        required: true
        suboptions:
          id:
            description: Resource ID of the cluster, in place of the other three.
            type: str
          name:
            description: Name of the cluster, in O(clusters[].cluster.resource_group). Required with it.
            type: str
          resource_group:
            description: Resource group of the cluster.
            type: str
          subscription_id:
            description:
              - Subscription of the cluster, and of everything that is made for it. If not set, O(subscription_id),
                else E(AZURE_SUBSCRIPTION_ID), else E(ARM_SUBSCRIPTION_ID).
            type: str
      confirm_delete_data:
        description:
          - The cluster's name, to confirm that its backups may be deleted. For O(clusters[].state=absent) only.
        type: str
      extension:
        description:
          - The backup extension in the cluster. The options are those of M(aks.backup.aks_backup_extension).
            One that is installed already is used under whatever name.
        type: dict
        suboptions:
          auto_upgrade_minor_version:
            description: Whether Azure keeps the extension up to date.
            type: bool
          extra_settings:
            description: Further settings of the extension, as they are.
            type: dict
          name:
            description: Name of a new extension; C(azure-aks-backup) if not set.
            type: str
          purge_unlisted_settings:
            description: Whether settings that no option names are taken away, so that the extension uses its
              own values for them.
            type: bool
          release_train:
            description: Release train; C(stable) on a new extension if not set.
            type: str
          repair:
            description: What to do about an extension in state C(Failed).
            type: str
            choices: ['false', reinstall]
          resources:
            description: Processor and memory of the extension's pods; a cluster with many objects needs more.
            type: dict
            suboptions:
              limits:
                description: As Kubernetes writes them.
                type: dict
                suboptions:
                  cpu:
                    description: For example V(1000m).
                    type: str
                  memory:
                    description: For example V(1280Mi).
                    type: str
              requests:
                description: As Kubernetes writes them.
                type: dict
                suboptions:
                  cpu:
                    description: For example V(1000m).
                    type: str
                  memory:
                    description: For example V(1280Mi).
                    type: str
          storage_account_uri:
            description: Blob endpoint of the storage account; asked of Azure if not set.
            type: str
          tenant_id:
            description: Tenant of the extension's identity.
            type: str
          use_aad:
            description: Whether the extension reaches the storage account by its identity; true if not set.
            type: bool
          version:
            description: Version to stay at.
            type: str
          wait_for_identity:
            description: Whether the task waits until Azure shows the extension's identity, to which the next
              steps give roles.
            type: bool
      instances:
        description:
          - The backup instances, that is, what protects the cluster by which policy. One that backs up everything
            if not set. A second one of the same cluster needs a friendly name and another policy.
          - The options are those of M(aks.backup.aks_backup_instance).
        type: list
        elements: dict
        suboptions:
          backup_configuration:
            description: What is backed up; everything if not set.
            type: dict
            suboptions:
              backup_hooks:
                description: Hooks in the cluster that run before and after a backup.
                type: list
                elements: dict
                suboptions:
                  name:
                    description: Name of the hook object.
                    type: str
                    required: true
                  namespace:
                    description: Its namespace.
                    type: str
                    required: true
              excluded_namespaces:
                description: Namespaces to leave out.
                type: list
                elements: str
              excluded_resource_types:
                description: Resource types to leave out.
                type: list
                elements: str
              include_cluster_scope_resources:
                description: Whether resources without a namespace are backed up.
                type: bool
              included_namespaces:
                description: Namespaces to back up, and no others.
                type: list
                elements: str
              included_resource_types:
                description: Resource types to back up, and no others.
                type: list
                elements: str
              label_selectors:
                description: Labels that a resource must have.
                type: list
                elements: str
              snapshot_volumes:
                description: Whether volumes are backed up.
                type: bool
              volume_types:
                description: Types of volumes to back up.
                type: list
                elements: str
                choices: [AzureDisk, AzureFileShareSMB]
          friendly_name:
            description: Name for people. It tells several instances of one cluster apart.
            type: str
          identity:
            description: The identity of the vault that reaches for the cluster and the snapshots.
            type: dict
            suboptions:
              type:
                description: Which identity of the vault to use.
                type: str
                required: true
                choices: [SystemAssigned, UserAssigned]
              user_assigned_identity_id:
                description: Resource ID of the user-assigned identity.
                type: str
          match:
            description: How to find a backup instance that exists.
            type: str
            choices: [datasource, name]
          name:
            description: Name of the instance; it follows from the cluster and the friendly name if not set.
            type: str
          policy_id:
            description: Resource ID of the policy, which has to be in the same vault.
            type: str
          policy_name:
            description: Name of the policy in the vault.
            type: str
          resync:
            description:
              - Whether to have Azure try again where it has failed to protect the cluster (C(ProtectionError)).
            type: bool
          undelete:
            description: Whether to bring back a soft-deleted backup instance with its recovery points, instead
              of creating one.
            type: bool
          validation:
            description: Whether Azure checks that it can protect the cluster before something is written.
            type: str
            choices: [before_create, deep, none]
      location:
        description:
          - Region of the cluster. Azure Backup wants the vault, the storage account and the snapshots there
            too, so most default names follow it.
        type: str
        required: true
      permissions:
        description: The role assignments that vault, cluster and extension need.
        type: dict
        suboptions:
          file_share_storage_account_ids:
            description: Resource IDs of the storage accounts with the file shares of the cluster's volumes.
            type: list
            elements: str
          mode:
            description:
              - V(grant) makes what is missing, V(report) stops with the commands for somebody who may; V(grant)
                if not set.
            type: str
            choices: [grant, report]
          remove_orphaned:
            description: Whether C(mode=grant) also removes the assignments in C(orphaned).
            type: bool
          role_scope:
            description: Where assignments are made.
            type: str
            choices: [resource, resource_group, subscription]
          vault_tier:
            description:
              - Whether the vault may copy backups to itself. If not set, it follows from the policy; say it
                for one that is given by its ID.
            type: bool
      policies:
        description:
          - Further policies of the vault, for O(clusters[].instances) that name them. Each has the options
            of O(clusters[].policy), and needs a name.
        type: list
        elements: dict
        suboptions:
          backup_rule_name:
            description: Name of the rule that makes backups.
            type: str
          keep:
            description: How many backups are to be there, instead of C(retention_rules).
            type: dict
            suboptions:
              daily:
                description: The first backups of so many days.
                type: int
              monthly:
                description: The first backups of so many months, which are taken to have 31 days.
                type: int
              tier:
                description: Where they are kept.
                type: str
                choices: [operational, vault]
                default: operational
              weekly:
                description: The first backups of so many weeks.
                type: int
              yearly:
                description: The first backups of so many years, which are taken to have 366 days.
                type: int
          name:
            description: Name of the policy.
            type: str
            required: true
          on_difference:
            description: What to do about a policy that exists with other content.
            type: str
            choices: [fail, replace_unused, rotate]
          operational_retention:
            description: How long backups stay in the operational tier, which is snapshots in your own subscription,
              unless a retention rule says otherwise.
            type: raw
          policy_definition:
            description: The policy as Azure's interface has it, either whole or what is below C(properties).
            type: dict
          preset:
            description: What C(schedule), C(operational_retention) and C(retention_rules) are where they are
              not given.
            type: str
            choices: [default, disaster_recovery, month, week]
          repeating_time_intervals:
            description: The schedule in the words of Azure's interface, such as V(R/2026-01-31T02:30:00+00:00/PT4H),
              instead of C(schedule).
            type: list
            elements: str
          retention_rules:
            description: Backups that are kept longer than the rest, or are copied to the vault tier.
            type: list
            elements: dict
            suboptions:
              copy:
                description: When these backups are copied to the vault tier.
                type: str
                choices: [after, immediate, on_expiry]
              copy_after:
                description:
                  - How old these backups are when they are copied to the vault tier, spelt like
                    C(operational_retention).
                type: raw
              criteria:
                description: To which backups the rule applies, all or the first successful one of each day,
                  week, month or year.
                type: str
                choices: [AllBackup, FirstOfDay, FirstOfMonth, FirstOfWeek, FirstOfYear]
              days_of_month:
                description: Days of the month, V(1) to V(28), or V(last).
                type: list
                elements: str
              days_of_week:
                description: Days of the week.
                type: list
                elements: str
                choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
              months_of_year:
                description: Months of the year.
                type: list
                elements: str
                choices: [April, August, December, February, January, July, June, March, May, November, October,
                  September]
              name:
                description: Name of the rule and of the tag that its backups get.
                type: str
              operational_retention:
                description: How long these backups stay in the operational tier.
                type: raw
              priority:
                description: Which rule wins when several apply to a backup.
                type: int
              vault_retention:
                description: How long these backups stay in the vault tier, counted from the backup, spelt like
                  C(operational_retention).
                type: raw
              weeks_of_month:
                description: Weeks of the month, of which the first one is days 1 to 7.
                type: list
                elements: str
                choices: [First, Fourth, Last, Second, Third]
          rpo_hours:
            description:
              - How many hours of work may be lost, instead of C(schedule.frequency) and C(schedule.interval).
            type: int
          schedule:
            description: When backups are made.
            type: dict
            suboptions:
              days_of_week:
                description: The days of weekly backups, Monday when left out.
                type: list
                elements: str
                aliases: [day_of_week]
                choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
              delay:
                description: Minutes between C(schedule.start_time) and the start of backups, less than there are
                  between two backups.
                type: int
              frequency:
                description: How often backups are made.
                type: str
                choices: [daily, hourly, weekly]
              interval:
                description: Hours between two backups with C(schedule.frequency=hourly).
                type: int
              start_time:
                description:
                  - Time of day at which backups start, such as V(02:30), on a clock in C(schedule.time_zone).
                type: str
              time_zone:
                description: The time zone of C(schedule.start_time), and of the days of C(retention_rules).
                type: str
      policy:
        description:
          - The backup policy. The options are those of M(aks.backup.aks_backup_policy). Azure cannot change
            a policy, so a different content needs a different name.
        type: dict
        suboptions:
          backup_rule_name:
            description: Name of the backup rule; it follows from the schedule if not set.
            type: str
          id:
            description: ID of an existing policy to use; it must be one of the vault.
            type: str
          keep:
            description: How many backups are to be there, instead of C(retention_rules).
            type: dict
            suboptions:
              daily:
                description: The first backups of so many days.
                type: int
              monthly:
                description: The first backups of so many months, which are taken to have 31 days.
                type: int
              tier:
                description: Where they are kept.
                type: str
                choices: [operational, vault]
                default: operational
              weekly:
                description: The first backups of so many weeks.
                type: int
              yearly:
                description: The first backups of so many years, which are taken to have 366 days.
                type: int
          name:
            description: Name of the policy. If not set, C(aks-) and the preset, or C(aks-default).
            type: str
          on_difference:
            description: What to do about a policy that exists with other content.
            type: str
            choices: [fail, replace_unused, rotate]
          operational_retention:
            description: How long recovery points are kept as snapshots, as an ISO 8601 duration such as V(P7D);
              360 days at most.
            type: raw
          policy_definition:
            description: A policy in the words of the service, in place of everything but the name.
            type: dict
          preset:
            description: Schedule and retention to start from; the other options change them.
            type: str
            choices: [default, disaster_recovery, month, week]
          repeating_time_intervals:
            description: The schedule in the words of Azure's interface, such as V(R/2026-01-31T02:30:00+00:00/PT4H),
              instead of C(schedule).
            type: list
            elements: str
          retention_rules:
            description: Which backups are kept longer, and where.
            type: list
            elements: dict
            suboptions:
              copy:
                description: When these backups are copied to the vault tier.
                type: str
                choices: [after, immediate, on_expiry]
              copy_after:
                description:
                  - How old these backups are when they are copied to the vault tier, spelt like
                    C(operational_retention).
                type: raw
              criteria:
                description: Which backups.
                type: str
                choices: [AllBackup, FirstOfDay, FirstOfMonth, FirstOfWeek, FirstOfYear]
              days_of_month:
                description: Days of the month, V(1) to V(28), or V(last).
                type: list
                elements: str
              days_of_week:
                description: Days of the week.
                type: list
                elements: str
                choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
              months_of_year:
                description: Months of the year.
                type: list
                elements: str
                choices: [April, August, December, February, January, July, June, March, May, November, October,
                  September]
              name:
                description: Name of the rule; it follows from the criteria if not set.
                type: str
              operational_retention:
                description: How long they are kept as snapshots.
                type: raw
              priority:
                description: The lower one wins where a backup meets several criteria.
                type: int
              vault_retention:
                description: How long a copy in the vault is kept; without it there is none.
                type: raw
              weeks_of_month:
                description: Weeks of the month, of which the first one is days 1 to 7.
                type: list
                elements: str
                choices: [First, Fourth, Last, Second, Third]
          rpo_hours:
            description:
              - How many hours of work may be lost, instead of C(schedule.frequency) and C(schedule.interval).
            type: int
          schedule:
            description: When backups are taken.
            type: dict
            suboptions:
              days_of_week:
                description: The days of weekly backups, Monday when left out.
                type: list
                elements: str
                aliases: [day_of_week]
                choices: [Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday]
              delay:
                description: Minutes between C(schedule.start_time) and the start of backups, less than there are
                  between two backups.
                type: int
              frequency:
                description: How often.
                type: str
                choices: [daily, hourly, weekly]
              interval:
                description: Hours between hourly backups; 4, 6, 8 or 12.
                type: int
              start_time:
                description: Time of day such as V(02:30), or a moment in RFC 3339.
                type: str
              time_zone:
                description: Name of the time zone; UTC if not set.
                type: str
      preflight:
        description:
          - Whether to look, before the first step for a cluster that its vault does not protect yet, for what would
            make a later step fail, as M(aks.backup.aks_backup_preflight_info) does.
          - V(warn) returns what is found in RV(clusters[].preflight), and warns of what would fail. With V(strict) a
            cluster of which a step would fail is left alone, and so is what it would share where no other cluster needs
            it.
          - V(skip) if not set.
        type: str
        choices: [skip, strict, warn]
      register_providers:
        description:
          - Whether to register the resource providers with the subscription. Turn it off where the caller may
            not do that and somebody else has. True if not set.
        type: bool
      resource_group:
        description:
          - Resource group for the vault and the storage account, unless they name another one. If not set, it is
            C(rg-aks-backup-REGION), with O(clusters[].location) for C(REGION).
        type: str
      resource_guard_operation_requests:
        description: IDs of the approved requests of a Resource Guard, for what it protects.
        type: list
        elements: str
      snapshot_resource_group:
        description:
          - Resource group for the snapshots of volumes, made if it does not exist. The ID of an existing group
            will do as well, in another subscription if need be. If not set, it is C(rg-aks-snapshots-REGION).
          - It should hold nothing else, since the cluster becomes Contributor of it.
          - It cannot be changed once the cluster is protected.
        type: str
      stagger:
        description:
          - Spreads the backups of many clusters, which would otherwise all start in the minute of their policy. The
            cluster gets one of O(clusters[].stagger.slots) policies, which are those of O(clusters[].policy) with
            other starts. Which one follows from the ID of the cluster alone.
          - The first slot starts with the policy's schedule and has its name; the name of another one has its delay
            behind it, such as C(aks-default-plus-30m).
          - It shifts O(clusters[].policy) and leaves O(clusters[].policies) as they are.
          - Other slots or another window move clusters to other policies. The old ones stay, since nobody knows who
            else uses them.
        type: dict
        suboptions:
          slots:
            description: How many different starts, and policies, there are, at least 2.
            type: int
            default: 8
          window:
            description: Minutes over which the starts are spread, one for each slot at least, and no more than lie
              between two backups.
            type: int
            required: true
      state:
        description:
          - V(present), which it is if not set, protects the cluster. V(suspended) does so too, but takes no backups,
            and keeps those that there are as the policy says. V(stopped) takes none and keeps what there is for ever.
          - V(absent) takes the protection away. It deletes the backup instances of the cluster in the vault, and with
            them the backups, which Azure keeps for a while where the vault has soft delete; then the roles, the Trusted
            Access role binding and the extension, as far as no other vault needs them. Everything that the cluster may
            share stays.
        type: str
        choices: [absent, present, stopped, suspended]
      storage:
        description:
          - Storage account and blob container for the cluster's resources. An existing account is used as it
            is, but for the options that are given here.
        type: dict
        suboptions:
          allow_blob_public_access:
            description: Whether blobs may be made public. False on a new account if not set.
            type: bool
          allow_shared_key_access:
            description: Whether the account's keys give access. False on a new account if not set.
            type: bool
          container:
            description:
              - Container of this cluster. If not set, the name follows from the cluster, with a digest of its
                ID, so that no two clusters share one.
            type: str
          public_network_access:
            description: Whether the account answers on the public network.
            type: str
            choices: [Disabled, Enabled]
          resource_group:
            description: Resource group of the account; if not set, O(clusters[].resource_group).
            type: str
          sku:
            description: Replication of a new account; V(Standard_LRS) if not set. That of an existing one cannot
              be changed.
            type: str
            choices: [Standard_GRS, Standard_GZRS, Standard_LRS, Standard_RAGRS, Standard_RAGZRS, Standard_ZRS]
          storage_account:
            description:
              - Name of the account. If not set, it follows from subscription, resource group and region, since
                such a name is taken once in all of Azure.
            type: str
          storage_account_id:
            description: ID of an existing account to use, wherever it is; the account is not touched.
            type: str
      tags:
        description: Tags for resource groups, storage account and vault, beside those that they have already.
        type: dict
      trusted_access:
        description:
          - The role binding that lets the vault in to the cluster. One that somebody else made is used under
            whatever name.
        type: dict
        suboptions:
          match:
            description: How a binding that is there already is recognised, by the vault it is for (V(source))
              or by its name only (V(name)).
            type: str
            choices: [name, source]
          name:
            description: Name of a new binding; it follows from the vault if not set.
            type: str
          repair:
            description: What to do about a binding that is there but does not let the vault in any more.
            type: str
            choices: ['false', recreate, stale]
          roles:
            description: Roles in the cluster; backup operator if not set.
            type: list
            elements: str
      vault:
        description:
          - The Backup vault. The options are those of M(aks.backup.aks_backup_vault); what is not set is left
            as it is, or to the module's default on a new vault.
        type: dict
        suboptions:
          alerts_for_all_job_failures:
            description: Whether Azure Monitor raises an alert for each failed job.
            type: bool
          confirm_irreversible:
            description: Name of the vault, to confirm a setting that cannot be taken back.
            type: str
          cross_region_restore:
            description: Whether backups can be restored in the paired region. Needs a geo-redundant vault,
              and cannot be taken back.
            type: bool
          cross_subscription_restore:
            description: Whether backups can be restored to another subscription. The last choice cannot be
              taken back.
            type: str
            choices: [Disabled, Enabled, PermanentlyDisabled]
          datastore_type:
            description: Kind of the vault's data store.
            type: str
            choices: [ArchiveStore, OperationalStore, VaultStore]
          encryption:
            description: Encrypts the vault tier with a key of yours (customer-managed key).
            type: dict
            suboptions:
              identity_id:
                description: Resource ID of the user-assigned identity that reads the key.
                type: str
              identity_type:
                description: Kind of the identity that reads the key.
                type: str
                choices: [SystemAssigned, UserAssigned]
              infrastructure_encryption:
                description: Whether Azure encrypts a second time, with a key of its own.
                type: bool
              key_uri:
                description: URI of the key, C(https://<vault>.vault.azure.net/keys/<key>), followed by the
                  version to stay with one version.
                type: str
          id:
            description: ID of an existing vault to use, wherever it is; the vault is not touched.
            type: str
          identity:
            description: Identities of the vault. Trusted Access needs the system-assigned one.
            type: dict
            suboptions:
              append:
                description: Whether user-assigned identities that are not listed stay.
                type: bool
                default: true
              type:
                description: Which kinds of identity.
                type: str
                choices: [None, SystemAssigned, 'SystemAssigned,UserAssigned', UserAssigned]
              user_assigned_identities:
                description: IDs of user-assigned identities.
                type: list
                elements: str
          immutability:
            description: Whether backups can be deleted before they expire. V(Locked) cannot be taken back.
            type: str
            choices: [Disabled, Locked, Unlocked]
          name:
            description: Name of the vault; C(bv-aks-REGION) if not set.
            type: str
          redundancy:
            description: Redundancy of a new vault; V(LocallyRedundant) if not set. It cannot be changed.
            type: str
            choices: [GeoRedundant, LocallyRedundant, ZoneRedundant]
          resource_group:
            description: Resource group of the vault; if not set, O(clusters[].resource_group).
            type: str
          resource_guard_id:
            description: Resource ID of the Resource Guard that protects the vault.
            type: str
          soft_delete:
            description: What becomes of deleted backups.
            type: dict
            suboptions:
              retention_days:
                description: Days for which they are kept, 14 to 180.
                type: float
              state:
                description: Whether they are kept. V(AlwaysOn) cannot be taken back.
                type: str
                choices: [AlwaysOn, 'Off', 'On']
          undelete:
            description: Where there is no vault of this name, bring back the soft-deleted one instead of creating
              a new one.
            type: bool
  look:
    description:
      - Only tell which clusters are as asked for, from as few requests at once as that takes. Nothing is written.
      - What exactly a cluster lacks is for check mode to say. Here RV(clusters[].msg) has the first thing that was met.
    type: bool
    default: false
  workers:
    description:
      - How many steps are done at the same time, each with a connection of its own. Azure limits how many requests a
        caller may make in a subscription. Near that limit the task slows down by itself, and what Azure refuses all the
        same is tried again.
    type: int
    default: 64
seealso:
  - ref: ansible_collections.aks.backup.aks_backup_role
    description: The same for the hosts of a play.
"""

EXAMPLES = r"""
- name: Protect the clusters of a list
  aks.backup.aks_backup_fleet:
    clusters:
      - cluster: {resource_group: rg-clusters, name: aks-west-1}
        location: westeurope
        policy: {name: aks-fleet, schedule: {frequency: weekly}}
        storage: {container: aks-west-1}
        instances:
          - name: aks-west-1
            backup_configuration:
              excluded_namespaces: [scratch]
  register: fleet

- name: Show how many are protected
  ansible.builtin.debug:
    msg: "{{ fleet.counts.ok }} of {{ fleet.counts.total }} clusters are protected as asked for."
"""

RETURN = r"""
clusters:
  description:
    - What has become of each cluster, in the order of O(clusters). Where one has failed, so has the task, with the
      results of all and without RV(error).
    - With O(look) only RV(clusters[].cluster_id), RV(clusters[].found), RV(clusters[].msg), RV(clusters[].name) and
      RV(clusters[].settled).
  returned: unless the task is refused
  type: list
  elements: dict
  contains:
    changed:
      description: Whether something of the cluster's own was changed.
      returned: without O(look)
      type: bool
      sample: true
    cluster_id:
      description: Resource ID of the cluster. With O(look), V(null) where the options make no sense.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1
    container:
      description: Name of the cluster's blob container.
      returned: without O(look)
      type: str
      sample: aks-east-1-0a1b2c3d4e5f
    deleted:
      description: The backup instances that were deleted. Empty unless O(clusters[].state=absent).
      returned: without O(look)
      type: list
      elements: dict
      contains:
        name:
          description: Name of the backup instance.
          type: str
          sample: aks-east-1-full
        purge_time:
          description: When Azure purges its backups. V(null) where only Azure knows it.
          type: str
          sample: '2026-02-14T02:00:00Z'
    failed:
      description: Whether the cluster could not be brought to what is asked for.
      returned: without O(look)
      type: bool
      sample: false
    failed_step:
      description: The step that failed, C(preflight), one of the cluster's own or one of what it shares. V(null) if
        none has.
      returned: without O(look)
      type: str
      sample: permissions
    found:
      description: What was looked at, by step and as the modules of the steps return it, in C(container), C(extension),
        C(groups), C(instances), C(permissions), C(policies), C(providers), C(storage), C(trusted_access) and C(vault).
        Empty where something is not as asked for.
      returned: with O(look)
      type: dict
      sample:
        container:
          name: aks-east-1-0a1b2c3d4e5f
    instances:
      description: The backup instances, as far as the task came to them.
      returned: without O(look)
      type: list
      elements: dict
      contains:
        id:
          description: Resource ID of the backup instance.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv/backupInstances/aks
        name:
          description: Name of the backup instance.
          type: str
          sample: aks-east-1-full
        policy_id:
          description: Resource ID of its policy.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv/backupPolicies/aks
        protection:
          description: V(active), V(suspended) or V(stopped).
          type: str
          sample: active
        protection_state:
          description: The same in the words of Azure. V(null) where a plan cannot know it.
          type: str
          sample: ProtectionConfigured
    msg:
      description: Why the cluster could not be protected, or with O(look) what is not as asked for. V(null) if all is
        well.
      type: str
      sample: The cluster aks-east-1 is stopped. Start it first; Azure Backup talks to its API server.
    name:
      description: Name of the cluster. With O(look), V(null) where the options make no sense.
      type: str
      sample: aks-east-1
    policies:
      description: Names of the policies in force, the main one first.
      returned: without O(look)
      type: list
      elements: str
      sample:
        - aks-default
    preflight:
      description: What a preflight has found, a sentence each. Empty without one, and where it is strict and fails,
        which RV(clusters[].problems) says.
      returned: without O(look)
      type: list
      elements: str
      sample: []
    problems:
      description: Everything that is in the way of the step that failed, as far as it is known.
      returned: without O(look)
      type: list
      elements: str
      sample: []
    settled:
      description: Whether everything is as asked for, the cluster's own and what it shares.
      returned: with O(look)
      type: bool
      sample: true
    steps:
      description: The cluster's own steps that succeeded.
      returned: without O(look)
      type: list
      elements: dict
      contains:
        changed:
          description: Whether the step changed something.
          type: bool
          sample: true
        id:
          description: Resource ID of what the step is about, where it is one resource.
          type: str
          sample: >-
            /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv/backupInstances/aks
        step:
          description: V(container), V(extension), V(trusted_access), V(permissions) or V(instance).
          type: str
          sample: instance
    storage_account_id:
      description: Resource ID of the storage account.
      returned: without O(look)
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/stbkpeastus0a1b2c3
    vault_id:
      description: Resource ID of the vault.
      returned: without O(look)
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv
counts:
  description: How many clusters. With O(look) only RV(counts.settled) and RV(counts.total).
  returned: unless the task is refused
  type: dict
  contains:
    changed:
      description: Clusters of which something was changed, beside what they share.
      returned: without O(look)
      type: int
      sample: 2
    failed:
      description: Clusters that could not be protected.
      returned: without O(look)
      type: int
      sample: 0
    ok:
      description: Clusters that are protected as asked for.
      returned: without O(look)
      type: int
      sample: 2
    settled:
      description: Clusters of which everything is as asked for.
      returned: with O(look)
      type: int
      sample: 2
    total:
      description: All clusters.
      type: int
      sample: 2
shared:
  description: What was done once for the clusters that share it.
  returned: unless the task is refused, and without O(look)
  type: list
  elements: dict
  contains:
    changed:
      description: Whether the step changed something.
      type: bool
      sample: true
    failed:
      description: Whether the step failed, or one that it needs.
      type: bool
      sample: false
    id:
      description: Resource ID of what the step is about, in lower case.
      type: str
      sample: >-
        /subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg/providers/microsoft.dataprotection/backupvaults/bv
    msg:
      description: Why the step failed. V(null) if it did not, or if one that it needs has.
      type: str
      sample: Azure did not create or update the vault.
    step:
      description: V(providers), V(storage), V(group), V(vault) or V(policy).
      type: str
      sample: vault
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
        /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-aks-backup-eastus
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
        - workers is 0; it must be at least 1.
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
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.fleet import protect
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.look import look
from ansible_collections.aks.backup.plugins.module_utils._types import (
    AKS,
    AUTHORIZATION,
    DATA_PROTECTION,
    EXTENSIONS,
    RESOURCE_GRAPH,
    RESOURCES,
    STORAGE,
)

# The content of a policy, as aks_backup_policy takes it.
POLICY = {
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
    "on_difference": {"type": "str", "choices": ["fail", "replace_unused", "rotate"]},
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
            "days_of_week": {
                "type": "list",
                "elements": "str",
                "choices": ["Friday", "Monday", "Saturday", "Sunday", "Thursday", "Tuesday", "Wednesday"],
            },
            "months_of_year": {
                "type": "list",
                "elements": "str",
                "choices": [
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
                ],
            },
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
            "days_of_week": {
                "type": "list",
                "elements": "str",
                "choices": ["Friday", "Monday", "Saturday", "Sunday", "Thursday", "Tuesday", "Wednesday"],
                "aliases": ["day_of_week"],
            },
            "delay": {"type": "int"},
            "frequency": {"type": "str", "choices": ["daily", "hourly", "weekly"]},
            "interval": {"type": "int"},
            "start_time": {"type": "str"},
            "time_zone": {"type": "str"},
        },
    },
}
POLICY_RULES = [
    *[("policy_definition", option) for option in POLICY if option not in ("on_difference", "policy_definition")],
    ("keep", "retention_rules"),
    ("repeating_time_intervals", "rpo_hours"),
]
CLUSTERS = {
    "cluster": {
        "type": "dict",
        "required": True,
        "options": {
            "id": {"type": "str"},
            "name": {"type": "str"},
            "resource_group": {"type": "str"},
            "subscription_id": {"type": "str"},
        },
        "mutually_exclusive": [("id", "name"), ("id", "resource_group"), ("id", "subscription_id")],
        "required_one_of": [("id", "resource_group")],
        "required_together": [("name", "resource_group")],
    },
    "confirm_delete_data": {"type": "str"},
    "extension": {
        "type": "dict",
        "options": {
            "auto_upgrade_minor_version": {"type": "bool"},
            "extra_settings": {"type": "dict"},
            "name": {"type": "str"},
            "purge_unlisted_settings": {"type": "bool"},
            "release_train": {"type": "str"},
            "repair": {"type": "str", "choices": ["false", "reinstall"]},
            "resources": {
                "type": "dict",
                "options": {
                    "limits": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
                    "requests": {"type": "dict", "options": {"cpu": {"type": "str"}, "memory": {"type": "str"}}},
                },
            },
            "storage_account_uri": {"type": "str"},
            "tenant_id": {"type": "str"},
            "use_aad": {"type": "bool"},
            "version": {"type": "str"},
            "wait_for_identity": {"type": "bool"},
        },
        "mutually_exclusive": [("version", "auto_upgrade_minor_version")],
    },
    "instances": {
        "type": "list",
        "elements": "dict",
        "options": {
            "backup_configuration": {
                "type": "dict",
                "options": {
                    "backup_hooks": {
                        "type": "list",
                        "elements": "dict",
                        "options": {
                            "name": {"type": "str", "required": True},
                            "namespace": {"type": "str", "required": True},
                        },
                    },
                    "excluded_namespaces": {"type": "list", "elements": "str"},
                    "excluded_resource_types": {"type": "list", "elements": "str"},
                    "include_cluster_scope_resources": {"type": "bool"},
                    "included_namespaces": {"type": "list", "elements": "str"},
                    "included_resource_types": {"type": "list", "elements": "str"},
                    "label_selectors": {"type": "list", "elements": "str"},
                    "snapshot_volumes": {"type": "bool"},
                    "volume_types": {"type": "list", "elements": "str", "choices": ["AzureDisk", "AzureFileShareSMB"]},
                },
            },
            "friendly_name": {"type": "str"},
            "identity": {
                "type": "dict",
                "options": {
                    "type": {"type": "str", "required": True, "choices": ["SystemAssigned", "UserAssigned"]},
                    "user_assigned_identity_id": {"type": "str"},
                },
                "required_if": [("type", "UserAssigned", ("user_assigned_identity_id",))],
            },
            "match": {"type": "str", "choices": ["datasource", "name"]},
            "name": {"type": "str"},
            "policy_id": {"type": "str"},
            "policy_name": {"type": "str"},
            "resync": {"type": "bool"},
            "undelete": {"type": "bool"},
            "validation": {"type": "str", "choices": ["before_create", "deep", "none"]},
        },
        "mutually_exclusive": [("policy_id", "policy_name")],
    },
    "location": {"type": "str", "required": True},
    "permissions": {
        "type": "dict",
        "options": {
            "file_share_storage_account_ids": {"type": "list", "elements": "str"},
            "mode": {"type": "str", "choices": ["grant", "report"]},
            "remove_orphaned": {"type": "bool"},
            "role_scope": {"type": "str", "choices": ["resource", "resource_group", "subscription"]},
            "vault_tier": {"type": "bool"},
        },
    },
    "policies": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, **POLICY},
        "mutually_exclusive": POLICY_RULES,
    },
    "policy": {
        "type": "dict",
        "options": {"id": {"type": "str"}, "name": {"type": "str"}, **POLICY},
        "mutually_exclusive": [*[("id", option) for option in ("name", *POLICY)], *POLICY_RULES],
    },
    "preflight": {"type": "str", "choices": ["skip", "strict", "warn"]},
    "register_providers": {"type": "bool"},
    "resource_group": {"type": "str"},
    "resource_guard_operation_requests": {"type": "list", "elements": "str"},
    "snapshot_resource_group": {"type": "str"},
    "state": {"type": "str", "choices": ["absent", "present", "stopped", "suspended"]},
    "stagger": {
        "type": "dict",
        "options": {"slots": {"type": "int", "default": 8}, "window": {"type": "int", "required": True}},
    },
    "storage": {
        "type": "dict",
        "options": {
            "allow_blob_public_access": {"type": "bool"},
            "allow_shared_key_access": {"type": "bool", "no_log": False},
            "container": {"type": "str"},
            "public_network_access": {"type": "str", "choices": ["Disabled", "Enabled"]},
            "resource_group": {"type": "str"},
            "sku": {
                "type": "str",
                "choices": [
                    "Standard_GRS",
                    "Standard_GZRS",
                    "Standard_LRS",
                    "Standard_RAGRS",
                    "Standard_RAGZRS",
                    "Standard_ZRS",
                ],
            },
            "storage_account": {"type": "str"},
            "storage_account_id": {"type": "str"},
        },
        "mutually_exclusive": [
            ("storage_account", "storage_account_id"),
            ("resource_group", "storage_account_id"),
            ("sku", "storage_account_id"),
            ("allow_blob_public_access", "storage_account_id"),
            ("allow_shared_key_access", "storage_account_id"),
            ("public_network_access", "storage_account_id"),
        ],
    },
    "tags": {"type": "dict"},
    "trusted_access": {
        "type": "dict",
        "options": {
            "match": {"type": "str", "choices": ["name", "source"]},
            "name": {"type": "str"},
            "repair": {"type": "str", "choices": ["false", "recreate", "stale"]},
            "roles": {"type": "list", "elements": "str"},
        },
    },
    "vault": {
        "type": "dict",
        "options": {
            "alerts_for_all_job_failures": {"type": "bool"},
            "confirm_irreversible": {"type": "str"},
            "cross_region_restore": {"type": "bool"},
            "cross_subscription_restore": {"type": "str", "choices": ["Disabled", "Enabled", "PermanentlyDisabled"]},
            "datastore_type": {"type": "str", "choices": ["ArchiveStore", "OperationalStore", "VaultStore"]},
            "encryption": {
                "type": "dict",
                "options": {
                    "identity_id": {"type": "str"},
                    "identity_type": {"type": "str", "choices": ["SystemAssigned", "UserAssigned"]},
                    "infrastructure_encryption": {"type": "bool"},
                    "key_uri": {"type": "str", "no_log": False},
                },
            },
            "id": {"type": "str"},
            "identity": {
                "type": "dict",
                "options": {
                    "append": {"type": "bool", "default": True},
                    "type": {
                        "type": "str",
                        "choices": ["None", "SystemAssigned", "SystemAssigned,UserAssigned", "UserAssigned"],
                    },
                    "user_assigned_identities": {"type": "list", "elements": "str"},
                },
            },
            "immutability": {"type": "str", "choices": ["Disabled", "Locked", "Unlocked"]},
            "name": {"type": "str"},
            "redundancy": {"type": "str", "choices": ["GeoRedundant", "LocallyRedundant", "ZoneRedundant"]},
            "resource_group": {"type": "str"},
            "resource_guard_id": {"type": "str"},
            "soft_delete": {
                "type": "dict",
                "options": {
                    "retention_days": {"type": "float"},
                    "state": {"type": "str", "choices": ["AlwaysOn", "Off", "On"]},
                },
            },
            "undelete": {"type": "bool"},
        },
        "mutually_exclusive": [
            ("id", "alerts_for_all_job_failures"),
            ("id", "confirm_irreversible"),
            ("id", "cross_region_restore"),
            ("id", "cross_subscription_restore"),
            ("id", "datastore_type"),
            ("id", "encryption"),
            ("id", "identity"),
            ("id", "immutability"),
            ("id", "name"),
            ("id", "redundancy"),
            ("id", "resource_group"),
            ("id", "resource_guard_id"),
            ("id", "soft_delete"),
            ("id", "undelete"),
        ],
    },
}

ARGUMENT_SPEC = {
    "clusters": {"type": "list", "elements": "dict", "required": True, "options": CLUSTERS},
    "look": {"type": "bool", "default": False},
    "workers": {"type": "int", "default": 64},
}

CONTRACT = Contract(
    work=lambda arm, params: (look if params["look"] else protect)(arm, params),
    argument_spec=ARGUMENT_SPEC,
    packages=(AKS, AUTHORIZATION, DATA_PROTECTION, EXTENSIONS, RESOURCE_GRAPH, RESOURCES, STORAGE),
    anywhere=True,
)


def main():
    CONTRACT.run()


if __name__ == "__main__":
    main()
