# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: from the options of the short form to the wire document. Pure. Private to the collection.

A policy is one backup rule (a schedule, and tags that say which backup keeps which name) and one retention rule per
tag, linked to it by name. Copying to the vault tier takes a tag, a rule of that name, a copy setting on the rule's
operational lifecycle and a second lifecycle for the vault; they are always made together here.

What is wrong is collected in ``said``, a list of sentences, so that a person learns of all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.form import DATASOURCE_TYPE
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.keep import kept
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.schedule import (
    intervals,
    of_rpo,
    rule_of,
    zone,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.units import LONGEST, Said, days, duration

Document = dict[str, Any]

# Marker -> (name of tag and rule, priority); the lower priority wins. The priorities are those of the Azure CLI.
CRITERIA: dict[str, tuple[str, int]] = {
    "AllBackup": ("", 50),
    "FirstOfDay": ("Daily", 25),
    "FirstOfMonth": ("Monthly", 15),
    "FirstOfWeek": ("Weekly", 20),
    "FirstOfYear": ("Yearly", 10),
}
# Option of a retention rule -> key of the criteria on the wire.
BY_DATE = {
    "days_of_month": "daysOfMonth",
    "days_of_week": "daysOfTheWeek",
    "months_of_year": "monthsOfYear",
    "weeks_of_month": "weeksOfTheMonth",
}
COPIES = {"after": "CustomCopyOption", "immediate": "ImmediateCopyOption", "on_expiry": "CopyOnExpiryOption"}
DEFAULT_PRIORITY = 99
# "This is day of the month from 1 to 28, otherwise last of month", says the reference of the REST interface.
LAST_DAY = 28

# The presets of "az dataprotection enable-backup", and the template of "get-default-policy-template".
PRESETS: dict[str, Document] = {
    "default": {"schedule": {"frequency": "hourly", "interval": 4}, "operational_retention": "P7D"},
    "disaster_recovery": {
        "schedule": {"frequency": "daily"},
        "operational_retention": "P7D",
        "retention_rules": [{"name": "Vault", "criteria": "FirstOfDay", "priority": 50, "vault_retention": "P90D"}],
    },
    "month": {"schedule": {"frequency": "daily"}, "operational_retention": "P30D"},
    "week": {"schedule": {"frequency": "daily"}, "operational_retention": "P7D"},
}


def document(params: Mapping[str, Any]) -> Document:
    """The wire document for the module's options; raises :class:`Refused` for what the service would not take."""
    if params.get("policy_definition"):
        definition = plain(params["policy_definition"])
        properties: Document = definition.get("properties", definition)
        properties.pop("name", None)
        rules = properties.get("policyRules")
        if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
            raise Refused(
                "policy_definition has no list of policyRules. It is either a whole policy as Azure shows it, or what "
                "is below its properties."
            )
        return {"properties": {"datasourceTypes": [DATASOURCE_TYPE], "objectType": "BackupPolicy", **properties}}
    said: Said = []
    preset = PRESETS[params.get("preset") or "default"]
    schedule = _schedule(params, preset["schedule"], said)
    periods = intervals(schedule, params.get("repeating_time_intervals"), said)
    retention = params.get("operational_retention") or preset["operational_retention"]
    operational = duration(retention, "operational_retention", LONGEST["OperationalStore"], said)
    rules = [_tagged(rule, operational, said) for rule in _rules(params, preset, periods, said)]
    refuse([*said, *_clashes(rules, params.get("backup_rule_name"))])
    return {
        "properties": {
            "datasourceTypes": [DATASOURCE_TYPE],
            "objectType": "BackupPolicy",
            "policyRules": [
                {
                    "name": params.get("backup_rule_name") or rule_of(periods),
                    "objectType": "AzureBackupRule",
                    "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
                    "dataStore": _store("OperationalStore"),
                    "trigger": {
                        "objectType": "ScheduleBasedTriggerContext",
                        "schedule": {"repeatingTimeIntervals": periods, "timeZone": zone(schedule, [])},
                        "taggingCriteria": _tags(rules),
                    },
                },
                {
                    "name": "Default",
                    "objectType": "AzureRetentionRule",
                    "isDefault": True,
                    "lifecycles": [_lifecycle(operational, "OperationalStore")],
                },
                *(_retention_rule(rule) for rule in rules),
            ],
        }
    }


def minutes_between(params: Mapping[str, Any]) -> int | None:
    """Minutes between two backups by the options of the short form; None where the service would not take them."""
    said: Said = []
    preset = PRESETS[params.get("preset") or "default"]
    periods = intervals(_schedule(params, preset["schedule"], said), params.get("repeating_time_intervals"), said)
    length = days(periods[0].rsplit("/", 1)[1])
    return None if said or not length else round(length * 24 * 60)


def _schedule(params: Mapping[str, Any], preset: Document, said: Said) -> Document:
    """The schedule that is asked for, over that of the preset; another frequency leaves nothing of the preset's."""
    asked = given(params.get("schedule") or {})
    if params.get("repeating_time_intervals") is not None:
        return asked
    if params.get("rpo_hours") is not None:
        if clash := sorted({"frequency", "interval"} & set(asked)):
            said.append(
                f"rpo_hours says how often backups are made, and so does schedule.{clash[0]}. Leave one of them out."
            )
        return {**asked, **of_rpo(params["rpo_hours"], said)}
    same = asked.get("frequency") in (None, preset["frequency"])
    return {**(preset if same else {}), **asked}


def _rules(params: Mapping[str, Any], preset: Document, periods: list[str], said: Said) -> list[Document]:
    if params.get("keep"):
        return kept(params["keep"], periods, said)
    rules = params.get("retention_rules")
    return [given(rule) for rule in (preset.get("retention_rules", []) if rules is None else rules)]


def _tagged(rule: Mapping[str, Any], default: str, said: Said) -> Document:
    """A retention rule with its defaults: name, criteria and priority follow from each other."""
    by_date = {option: rule[option] for option in BY_DATE if rule.get(option)}
    marker = rule.get("criteria")
    if not marker and not by_date:
        marker = next((key for key, (name, _priority) in CRITERIA.items() if name and name == rule.get("name")), None)
    usual, priority = CRITERIA.get(marker or "", ("", None))
    name = rule.get("name") or usual
    what = f"The retention rule {name}" if name else "A retention rule without a name"
    if marker and by_date:
        said.append(f"{what} has criteria and {', '.join(sorted(by_date))}. Azure takes one or the other.")
    elif not marker and not by_date:
        said.append(
            f"{what} needs criteria ({', '.join(sorted(CRITERIA))}), or one or more of {', '.join(sorted(BY_DATE))}, "
            "to say which backups it is for."
        )
    elif not name:
        said.append(f"The retention rule for {marker or ', '.join(sorted(by_date))} needs a name.")
    priority = rule.get("priority") or priority
    if priority is None:
        said.append(
            f"{what} needs a priority, from 1 to {DEFAULT_PRIORITY - 1}: the rule with the lowest one wins. Rules of "
            "the first backup of a year, month, week and day have 10, 15, 20 and 25."
        )
    elif not 1 <= priority < DEFAULT_PRIORITY:
        said.append(f"{what} has the priority {priority}; it must be 1 to {DEFAULT_PRIORITY - 1}.")
    if not rule.get("operational_retention") and not rule.get("vault_retention"):
        said.append(f"{what} needs operational_retention, vault_retention or both.")
    where = f"of the retention rule {name or marker or ''}".rstrip()
    operational, vault = default, None
    if rule.get("operational_retention"):
        operational = duration(
            rule["operational_retention"], f"operational_retention {where}", LONGEST["OperationalStore"], said
        )
    if rule.get("vault_retention"):
        vault = duration(rule["vault_retention"], f"vault_retention {where}", LONGEST["VaultStore"], said)
    criteria = {"absoluteCriteria": [marker]} if marker else _by_date(by_date, what, said)
    return {
        "copy": _copy(rule, operational, vault, what, said),
        "criteria": {"objectType": "ScheduleBasedBackupCriteria", **criteria},
        "name": name,
        "operational": operational,
        "priority": priority or DEFAULT_PRIORITY,
        "vault": vault,
    }


def _by_date(asked: Mapping[str, Any], what: str, said: Said) -> Document:
    criteria: Document = {BY_DATE[option]: value for option, value in asked.items() if option != "days_of_month"}
    if "days_of_month" not in asked:
        return criteria
    criteria["daysOfMonth"] = []
    for day in asked["days_of_month"]:
        if str(day).lower() == "last":
            criteria["daysOfMonth"].append({"isLast": True})
        elif str(day).isdigit() and 1 <= int(day) <= LAST_DAY:
            criteria["daysOfMonth"].append({"date": int(day), "isLast": False})
        else:
            said.append(f"{what} has {day!r} among days_of_month; it must be 1 to {LAST_DAY}, or last.")
    return criteria


def _copy(rule: Mapping[str, Any], operational: str, vault: str | None, what: str, said: Said) -> Document:
    """The moment of the copy to the vault tier, as a copy option of the wire."""
    copy, after = rule.get("copy") or "immediate", rule.get("copy_after")
    option: Document = {"objectType": COPIES[copy]}
    if (rule.get("copy") or after) and vault is None:
        said.append(f"{what} says when to copy to the vault tier, and without vault_retention there is no copy.")
    if (copy == "after") != (after is not None):
        said.append(f"{what} needs copy_after with copy=after, and not with another.")
    if copy == "after" and after is not None:
        option["duration"] = duration(after, f"copy_after of {what[0].lower()}{what[1:]}", LONGEST["VaultStore"], said)
    delay = {"after": days(option.get("duration", "")), "on_expiry": days(operational)}.get(copy) or 0
    if copy == "after" and delay >= (days(operational) or 0):
        said.append(
            f"{what} copies after {option.get('duration')}, when the operational tier has deleted the backup after "
            f"{operational}. Copy earlier, keep longer there, or use copy=on_expiry."
        )
    if vault is not None and 0 < (days(vault) or 0) <= delay:
        said.append(
            f"{what} keeps backups in the vault tier for {vault} from when they are made, which is over when the copy "
            "is made. Copy earlier, or keep them longer."
        )
    return option


def _clashes(rules: list[Document], backup_rule: str | None) -> Said:
    """What several rules have in common and must not."""
    said = []
    names = [rule["name"] for rule in rules if rule["name"]]
    if len({name.lower() for name in [*names, "Default"]}) != len(names) + 1:
        said.append(
            f"Retention rules need names that differ, and Default is taken by operational_retention: "
            f"{', '.join(names)}."
        )
    if backup_rule and backup_rule.lower() in {name.lower() for name in [*names, "Default"]}:
        said.append(f"backup_rule_name is {backup_rule}, which is the name of a retention rule. Choose another one.")
    priorities = [rule["priority"] for rule in rules if rule["priority"] != DEFAULT_PRIORITY]
    if twice := sorted({one for one in priorities if priorities.count(one) > 1}):
        said.append(f"Retention rules need priorities that differ; {', '.join(map(str, twice))} is there twice.")
    return said


# Below: pieces of the document


def _tags(rules: list[Document]) -> list[Document]:
    made = [
        {
            "tagInfo": {"id": f"{rule['name']}_", "tagName": rule["name"]},
            "taggingPriority": rule["priority"],
            "isDefault": False,
            "criteria": [rule["criteria"]],
        }
        for rule in sorted(rules, key=lambda rule: int(rule["priority"]))
    ]
    default = {"tagInfo": {"id": "Default_", "tagName": "Default"}, "taggingPriority": DEFAULT_PRIORITY}
    return [*made, {**default, "isDefault": True}]


def _retention_rule(rule: Mapping[str, Any]) -> Document:
    lifecycles = [_lifecycle(rule["operational"], "OperationalStore", rule["copy"] if rule["vault"] else None)]
    if rule["vault"]:
        lifecycles.append({**_lifecycle(rule["vault"], "VaultStore"), "targetDataStoreCopySettings": []})
    return {"name": rule["name"], "objectType": "AzureRetentionRule", "isDefault": False, "lifecycles": lifecycles}


def _lifecycle(length: str, store: str, copy: Document | None = None) -> Document:
    lifecycle: Document = {
        "deleteAfter": {"duration": length, "objectType": "AbsoluteDeleteOption"},
        "sourceDataStore": _store(store),
    }
    if copy:
        lifecycle["targetDataStoreCopySettings"] = [{"copyAfter": copy, "dataStore": _store("VaultStore")}]
    return lifecycle


def _store(name: str) -> Document:
    return {"dataStoreType": name, "objectType": "DataStoreInfoBase"}
