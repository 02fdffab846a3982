# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: what the service refuses, how it shows them, and what they mean.

A policy here is the properties object of ARM: datasourceTypes, objectType, policyRules. Sources:
https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-policy and ARM wire behaviour.
"""

from __future__ import annotations

import copy
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from ..errors import not_modelled
from . import schedules, times
from .errors import invalid

AKS = "Microsoft.ContainerService/managedClusters"
NAME = re.compile(r"[-a-zA-Z0-9]{3,150}")
OPERATIONAL, VAULT = "OperationalStore", "VaultStore"
# Ten calendar years have up to 3653 days.
LONGEST = {OPERATIONAL: timedelta(days=360), VAULT: timedelta(days=3653)}
# "This is day of the month from 1 to 28 other wise last of month", says the REST reference.
DAYS_OF_MONTH = range(1, 29)
RULES = ("AzureBackupRule", "AzureRetentionRule")
COPY_OPTIONS = ("ImmediateCopyOption", "CopyOnExpiryOption", "CustomCopyOption")
ABSOLUTE = ("AllBackup", "FirstOfDay", "FirstOfWeek", "FirstOfMonth", "FirstOfYear")
SCHEDULED = ("daysOfMonth", "daysOfTheWeek", "monthsOfYear", "weeksOfTheMonth", "scheduleTimes")
DEFAULT = "Default"


def check(name: str, policy: dict[str, Any]) -> None:
    """Refused unless the service would create this policy."""
    if NAME.fullmatch(name) is None:
        raise invalid(f"the policy name '{name}' must have 3 to 150 letters, digits or hyphens")
    if policy.get("objectType") != "BackupPolicy":
        raise invalid("objectType must be BackupPolicy")
    types = policy.get("datasourceTypes") or []
    if len(types) != 1:
        raise invalid("exactly one datasource type is expected")
    if str(types[0]).lower() != AKS.lower():
        raise not_modelled(f"backup policies for {types[0]}")
    rules = policy.get("policyRules") or []
    names = [str(rule.get("name")).lower() for rule in rules]
    if len(set(names)) != len(names) or not all(rule.get("name") for rule in rules):
        raise invalid("every policy rule needs a name of its own")
    if unknown := [rule.get("objectType") for rule in rules if rule.get("objectType") not in RULES]:
        raise invalid(f"unknown policy rule {unknown[0]}")
    backups = [rule for rule in rules if rule["objectType"] == "AzureBackupRule"]
    if len(backups) != 1:
        raise invalid("exactly one AzureBackupRule is expected")
    tags = _check_backup(backups[0])
    retentions = retention_rules(policy)
    for rule in retentions:
        _check_retention(rule)
    if [rule["name"] for rule in retentions if rule.get("isDefault")] != [DEFAULT]:
        raise invalid("exactly one default AzureRetentionRule named Default is expected")
    if not any(_source(cycle) == OPERATIONAL for cycle in default_rule(policy)["lifecycles"]):
        raise invalid("the default retention rule needs a lifecycle of the operational store")
    named = {rule["name"] for rule in retentions if not rule.get("isDefault")}
    if named != tags:
        raise invalid(f"tags and retention rules do not match by name: {', '.join(sorted(named ^ tags))}")


def _check_backup(rule: dict[str, Any]) -> set[str]:
    """Check the backup rule; the names of its tags other than Default."""
    parameters, store, trigger = (rule.get(key) or {} for key in ("backupParameters", "dataStore", "trigger"))
    if parameters.get("objectType") != "AzureBackupParams" or parameters.get("backupType") != "Incremental":
        raise invalid("backupParameters must be AzureBackupParams of the type Incremental")
    if store.get("dataStoreType") != OPERATIONAL or store.get("objectType") != "DataStoreInfoBase":
        raise invalid("backups of AKS go to the OperationalStore")
    if trigger.get("objectType") != "ScheduleBasedTriggerContext" or not isinstance(trigger.get("schedule"), dict):
        raise invalid("trigger must be a ScheduleBasedTriggerContext with a schedule")
    schedules.schedules(rule)
    criteria = trigger.get("taggingCriteria") or []
    defaults = [each for each in criteria if each.get("isDefault")]
    if len(defaults) != 1 or _tag(defaults[0]) != DEFAULT or defaults[0].get("criteria"):
        raise invalid("exactly one default tagging criterion named Default and without criteria is expected")
    priorities = [each.get("taggingPriority") for each in criteria]
    if len(set(priorities)) != len(priorities) or not all(isinstance(each, int) for each in priorities):
        raise invalid("every tagging criterion needs a tagging priority of its own")
    tags = [_tag(each) for each in criteria if not each.get("isDefault")]
    if len(set(tags)) != len(tags) or not all(tags):
        raise invalid("every tagging criterion needs a tag name of its own")
    for each in criteria:
        if not each.get("isDefault"):
            _check_criteria(each)
    return set(tags)


def _check_criteria(tagging: dict[str, Any]) -> None:
    criteria = tagging.get("criteria") or []
    if not criteria:
        raise invalid(f"the tag {_tag(tagging)} has no criteria")
    for each in criteria:
        if each.get("objectType") != "ScheduleBasedBackupCriteria":
            raise invalid(f"unknown criteria {each.get('objectType')}")
        absolute = each.get("absoluteCriteria") or []
        if wrong := [marker for marker in absolute if marker not in ABSOLUTE]:
            raise invalid(f"unknown absolute criterion {wrong[0]}")
        scheduled = [name for name in SCHEDULED if each.get(name)]
        for day in each.get("daysOfMonth") or []:
            if not day.get("isLast") and day.get("date") not in DAYS_OF_MONTH:
                raise invalid(f"the tag {_tag(tagging)} has the day {day.get('date')} of the month, not 1 to 28")
        if bool(absolute) == bool(scheduled) or len(absolute) > 1:
            raise invalid(f"the tag {_tag(tagging)} needs one absolute criterion or schedule based ones")


def _check_retention(rule: dict[str, Any]) -> None:
    cycles = rule.get("lifecycles") or []
    sources = [_source(cycle) for cycle in cycles]
    if not cycles or len(set(sources)) != len(sources):
        raise invalid(f"the retention rule {rule['name']} needs one lifecycle per data store")
    for cycle, source in zip(cycles, sources, strict=True):
        if source not in LONGEST:
            raise invalid(f"the data store {source} is not supported for AKS")
        delete = cycle.get("deleteAfter") or {}
        if delete.get("objectType") != "AbsoluteDeleteOption" or not times.is_duration(delete.get("duration")):
            raise invalid(f"the retention rule {rule['name']} needs deleteAfter with an ISO 8601 duration")
        year = datetime(2001, 1, 1, tzinfo=timezone.utc)
        if times.add(year, delete["duration"]) - year > LONGEST[source]:
            raise invalid(f"the retention {delete['duration']} in {source} is longer than {LONGEST[source].days} days")
        for setting in cycle.get("targetDataStoreCopySettings") or []:
            option = setting.get("copyAfter") or {}
            if option.get("objectType") not in COPY_OPTIONS:
                raise invalid(f"unknown copy option {option.get('objectType')}")
            if option["objectType"] == "CustomCopyOption" and not times.is_duration(option.get("duration")):
                raise invalid("CustomCopyOption needs an ISO 8601 duration")
            if source != OPERATIONAL or (setting.get("dataStore") or {}).get("dataStoreType") != VAULT:
                raise invalid("recovery points can only be copied from the OperationalStore to the VaultStore")
            if VAULT not in sources:
                raise invalid(f"the retention rule {rule['name']} copies to the VaultStore without a lifecycle there")


def stored(policy: dict[str, Any]) -> dict[str, Any]:
    """What the service keeps: a name inside the properties is dropped, ids of tags are filled in."""
    kept = copy.deepcopy(policy)
    kept.pop("name", None)
    for each in backup_rule(kept)["trigger"].get("taggingCriteria") or []:
        each["tagInfo"].setdefault("id", f"{_tag(each)}_")
    return kept


def backup_rule(policy: dict[str, Any]) -> dict[str, Any]:
    """The one AzureBackupRule; its name is the ruleName of backups on demand."""
    return next(rule for rule in policy["policyRules"] if rule["objectType"] == "AzureBackupRule")


def retention_rules(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """All AzureRetentionRules, the default one included."""
    return [rule for rule in policy["policyRules"] if rule["objectType"] == "AzureRetentionRule"]


def default_rule(policy: dict[str, Any]) -> dict[str, Any]:
    """The retention rule of everything that has no other tag."""
    return next(rule for rule in retention_rules(policy) if rule.get("isDefault"))


def rule_of_tag(policy: dict[str, Any], tag: str) -> dict[str, Any] | None:
    """The retention rule of a tag, compared without case; None if there is none."""
    return next((rule for rule in retention_rules(policy) if rule["name"].lower() == tag.lower()), None)


def uses_vault(policy: dict[str, Any]) -> bool:
    """True if any rule keeps recovery points in the vault tier."""
    return any(_source(cycle) == VAULT for rule in retention_rules(policy) for cycle in rule["lifecycles"])


def lifecycle(policy: dict[str, Any], tag: str, store: str) -> dict[str, Any] | None:
    """The lifecycle of a tag in a store. A tag without an operational lifecycle of its own lives by the default one."""
    rule = rule_of_tag(policy, tag) or default_rule(policy)
    own = next((cycle for cycle in rule["lifecycles"] if _source(cycle) == store), None)
    if own is None and store == OPERATIONAL:
        return next(cycle for cycle in default_rule(policy)["lifecycles"] if _source(cycle) == store)
    return own


def longest_retention(policy: dict[str, Any]) -> timedelta:
    """The longest time that any rule keeps anything, as Resource Graph shows it."""
    start = datetime(2001, 1, 1, tzinfo=timezone.utc)
    return max(times.add(start, cycle["deleteAfter"]["duration"]) - start
               for rule in retention_rules(policy) for cycle in rule["lifecycles"])


def frequency(policy: dict[str, Any]) -> timedelta:
    """How often the policy backs up."""
    return schedules.schedules(backup_rule(policy))[0].period


def _source(cycle: dict[str, Any]) -> Any:
    return (cycle.get("sourceDataStore") or {}).get("dataStoreType")


def _tag(tagging: dict[str, Any]) -> Any:
    return (tagging.get("tagInfo") or {}).get("tagName")
