# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies: from the short form to the wire document, and comparing two of them by meaning. Pure. Private to
the collection.

A policy is one backup rule (a schedule, and tags that say which backup keeps which name) and one retention rule per
tag, linked to it by name. Copying to the vault tier takes a tag, a rule of that name, a copy setting on the rule's
operational lifecycle and a second lifecycle for the vault; they are always made together here.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._compare import dig, plain
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given

Document = dict[str, Any]

DATASOURCE_TYPE = "Microsoft.ContainerService/managedClusters"
HOURS = (4, 6, 8, 12)
OPERATIONAL_DAYS = 360
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# A Monday long past: schedules start on it or within the week after, so that the same options always make the same
# policy.
EPOCH = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
UTC_NAMES = ("", "utc", "coordinated universal time")

# Marker -> (name of tag and rule, priority); the lower priority wins. The priorities are those of the Azure CLI.
CRITERIA: dict[str, tuple[str, int]] = {
    "FirstOfDay": ("Daily", 25),
    "FirstOfWeek": ("Weekly", 20),
    "FirstOfMonth": ("Monthly", 15),
    "FirstOfYear": ("Yearly", 10),
}

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
        return {"properties": {"datasourceTypes": [DATASOURCE_TYPE], "objectType": "BackupPolicy", **properties}}
    form = {
        **PRESETS[params.get("preset") or "default"],
        **given({key: params.get(key) for key in ("schedule", "operational_retention", "retention_rules")}),
    }
    schedule = form["schedule"]
    rules = [_tagged(rule) for rule in form.get("retention_rules") or []]
    names = [rule["name"] for rule in rules]
    if len({name.lower() for name in [*names, "Default"]}) != len(names) + 1:
        raise Refused(
            "Retention rules need names that differ, and Default is taken by operational_retention: "
            f"{', '.join(names)}."
        )
    operational = operational_days(form["operational_retention"], "operational_retention")
    return {
        "properties": {
            "datasourceTypes": [DATASOURCE_TYPE],
            "objectType": "BackupPolicy",
            "policyRules": [
                _backup_rule(schedule, rules, params.get("backup_rule_name")),
                {
                    "name": "Default",
                    "objectType": "AzureRetentionRule",
                    "isDefault": True,
                    "lifecycles": [_lifecycle(operational, "OperationalStore")],
                },
                *(_retention_rule(rule, operational) for rule in rules),
            ],
        }
    }


def days(text: str, option: str) -> int:
    """An ISO 8601 duration as a whole number of days, months counted as 30 and years as 365 as for limits."""
    import isodate

    try:
        value = isodate.parse_duration(text)
        months = float(getattr(value, "years", 0)) * 365 + float(getattr(value, "months", 0)) * 30
        total = value.tdelta if hasattr(value, "tdelta") else value
        found = months + total.total_seconds() / 86400
    except (isodate.ISO8601Error, TypeError) as exc:
        raise Refused(f"{option} is {text!r}; it must be an ISO 8601 duration such as P7D or P12W.") from exc
    if found < 1 or found != int(found):
        raise Refused(f"{option} is {text!r}; it must be a whole number of days, at least one.")
    return int(found)


def operational_days(text: str, option: str) -> str:
    if days(text, option) > OPERATIONAL_DAYS:
        raise Refused(
            f"{option} is {text}; the operational tier keeps recovery points for at most {OPERATIONAL_DAYS} days."
        )
    return text


def interval(schedule: Mapping[str, Any]) -> str:
    """The ISO 8601 period of a schedule."""
    frequency = schedule.get("frequency") or "hourly"
    hours = schedule.get("interval")
    if frequency == "hourly":
        if (hours or 4) not in HOURS:
            raise Refused(
                f"schedule.interval is {hours} hours; Azure Backup for AKS takes {', '.join(map(str, HOURS))} "
                "hours, or frequency=daily."
            )
        return f"PT{hours or 4}H"
    if hours not in (None, 1):
        raise Refused(
            f"schedule.interval is {hours} with frequency={frequency}; only 1 is possible there, leave it out."
        )
    return "P1D" if frequency == "daily" else "P1W"


def start(schedule: Mapping[str, Any]) -> str:
    """The start of a schedule as RFC 3339: the time of day given, on a day that never changes."""
    text = schedule.get("start_time") or "02:00"
    weekday = schedule.get("day_of_week")
    if weekday and schedule.get("frequency") != "weekly":
        raise Refused("schedule.day_of_week goes with frequency=weekly only.")
    try:
        if "T" in text:
            moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=datetime.timezone.utc)
            return moment.isoformat(timespec="seconds")
        hour, minute = (int(part) for part in text.split(":"))
        moment = EPOCH.replace(hour=hour, minute=minute) + datetime.timedelta(
            days=DAYS.index(weekday) if weekday else 0
        )
        return moment.isoformat(timespec="seconds")
    except ValueError as exc:
        raise Refused(
            f"schedule.start_time is {text!r}; it must be a time of day such as 02:30, or RFC 3339 such as "
            "2026-01-31T02:30:00+00:00."
        ) from exc


def rule_name(properties: Mapping[str, Any]) -> str | None:
    """The name of the backup rule in live policy properties, which an on-demand backup has to quote."""
    for rule in properties.get("policyRules") or []:
        if rule.get("objectType") == "AzureBackupRule":
            return str(rule["name"])
    return None


def uses_vault_tier(properties: Mapping[str, Any]) -> bool:
    """Whether any lifecycle keeps or copies recovery points in the vault."""
    for rule in properties.get("policyRules") or []:
        for lifecycle in rule.get("lifecycles") or []:
            targets = [
                dig(copy, "dataStore.dataStoreType") for copy in lifecycle.get("targetDataStoreCopySettings") or []
            ]
            if "VaultStore" in [dig(lifecycle, "sourceDataStore.dataStoreType"), *targets]:
                return True
    return False


def represent(properties: Mapping[str, Any]) -> Document:
    """Policy properties in the user's words, equal for two policies exactly if they mean the same to the service."""
    backup: Document = next(
        (rule for rule in properties.get("policyRules") or [] if rule.get("objectType") == "AzureBackupRule"), {}
    )
    schedule = dig(backup, "trigger.schedule", {})
    tags = dig(backup, "trigger.taggingCriteria", [])
    retention = [rule for rule in properties.get("policyRules") or [] if rule.get("objectType") == "AzureRetentionRule"]
    return {
        "backup_rule_name": backup.get("name"),
        "datastores": ["OperationalStore", "VaultStore"] if uses_vault_tier(properties) else ["OperationalStore"],
        "retention_rules": sorted((_represent_rule(rule) for rule in retention), key=lambda rule: rule["name"].lower()),
        "schedule": {
            "repeating_time_intervals": [
                _canonical_interval(text) for text in schedule.get("repeatingTimeIntervals") or []
            ],
            "time_zone": "UTC" if (schedule.get("timeZone") or "").lower() in UTC_NAMES else schedule["timeZone"],
        },
        "tags": sorted((_represent_tag(tag) for tag in tags), key=lambda tag: tag["name"].lower()),
    }


def sentences(wanted: Mapping[str, Any], live: Mapping[str, Any], path: str = "") -> list[str]:
    """What differs between two results of :func:`represent`, one sentence each."""
    said = []
    for key, value in wanted.items():
        where, other = f"{path}{key}", live.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            said += sentences(value, other, f"{where}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping) and "name" in value[0]:
            ours, theirs = {item["name"]: item for item in value}, {item["name"]: item for item in other or []}
            said += [f"{where} {name} would be new." for name in ours if name not in theirs]
            said += [f"{where} {name} would be removed." for name in theirs if name not in ours]
            for name in ours:
                if name in theirs:
                    said += sentences(ours[name], theirs[name], f"{where} {name}: ")
        elif value != other:
            said.append(f"{where} is {other} and would become {value}.")
    return said


# Below: pieces of the document


def _tagged(rule: Mapping[str, Any]) -> Document:
    """A retention rule with its defaults: name and priority follow from the criteria."""
    criteria = rule.get("criteria") or next(
        (marker for marker, (name, _priority) in CRITERIA.items() if name == rule.get("name")), None
    )
    if criteria is None:
        raise Refused(f"The retention rule {rule.get('name')} needs criteria: {', '.join(CRITERIA)}.")
    name, priority = CRITERIA[criteria]
    if not rule.get("operational_retention") and not rule.get("vault_retention"):
        raise Refused(
            f"The retention rule {rule.get('name') or name} needs operational_retention, vault_retention or both."
        )
    if rule.get("vault_retention"):
        days(rule["vault_retention"], "vault_retention")
    return {
        "criteria": criteria,
        "name": rule.get("name") or name,
        "operational_retention": rule.get("operational_retention"),
        "priority": rule.get("priority") or priority,
        "vault_retention": rule.get("vault_retention"),
    }


def _backup_rule(schedule: Mapping[str, Any], rules: list[Document], name: str | None) -> Document:
    period = interval(schedule)
    default = {"PT": "BackupHourly", "P1D": "BackupDaily", "P1W": "BackupWeekly"}[
        "PT" if period.startswith("PT") else period
    ]
    tags = [
        {
            "tagInfo": {"id": f"{rule['name']}_", "tagName": rule["name"]},
            "taggingPriority": rule["priority"],
            "isDefault": False,
            "criteria": [{"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": [rule["criteria"]]}],
        }
        for rule in sorted(rules, key=lambda rule: rule["priority"])
    ]
    return {
        "name": name or default,
        "objectType": "AzureBackupRule",
        "backupParameters": {"backupType": "Incremental", "objectType": "AzureBackupParams"},
        "dataStore": _store("OperationalStore"),
        "trigger": {
            "objectType": "ScheduleBasedTriggerContext",
            "schedule": {
                "repeatingTimeIntervals": [f"R/{start(schedule)}/{period}"],
                "timeZone": schedule.get("time_zone") or "UTC",
            },
            "taggingCriteria": [
                *tags,
                {"tagInfo": {"id": "Default_", "tagName": "Default"}, "taggingPriority": 99, "isDefault": True},
            ],
        },
    }


def _retention_rule(rule: Mapping[str, Any], default_retention: str) -> Document:
    operational = operational_days(rule["operational_retention"] or default_retention, "operational_retention")
    lifecycles = [_lifecycle(operational, "OperationalStore", copy=bool(rule["vault_retention"]))]
    if rule["vault_retention"]:
        lifecycles.append({**_lifecycle(rule["vault_retention"], "VaultStore"), "targetDataStoreCopySettings": []})
    return {"name": rule["name"], "objectType": "AzureRetentionRule", "isDefault": False, "lifecycles": lifecycles}


def _lifecycle(duration: str, store: str, copy: bool = False) -> Document:
    lifecycle: Document = {
        "deleteAfter": {"duration": duration, "objectType": "AbsoluteDeleteOption"},
        "sourceDataStore": _store(store),
    }
    if copy:
        lifecycle["targetDataStoreCopySettings"] = [
            {"copyAfter": {"objectType": "ImmediateCopyOption"}, "dataStore": _store("VaultStore")}
        ]
    return lifecycle


def _store(name: str) -> Document:
    return {"dataStoreType": name, "objectType": "DataStoreInfoBase"}


# Below: meaning


def _canonical_interval(text: str) -> str:
    """``R/start/period`` with the start moved to the first week of 2024: schedules differ by phase and period, not by
    their first day.
    """
    import isodate

    try:
        _repeat, begin, period = text.split("/")
        moment = datetime.datetime.fromisoformat(begin.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        length = isodate.parse_duration(period)
        first = EPOCH + (moment - EPOCH) % length
        return f"R/{first.isoformat(timespec='seconds')}/{isodate.duration_isoformat(length)}"
    except (ValueError, TypeError):
        return text


def _represent_tag(tag: Mapping[str, Any]) -> Document:
    criteria = [
        {
            key: sorted(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value
            for key, value in given(one).items()
            if value != []
        }
        for one in tag.get("criteria") or []
    ]
    return {
        "criteria": [{key: value for key, value in one.items() if key != "objectType"} for one in criteria],
        "is_default": bool(tag.get("isDefault")),
        "name": dig(tag, "tagInfo.tagName", ""),
        "priority": tag.get("taggingPriority"),
    }


def _represent_rule(rule: Mapping[str, Any]) -> Document:
    import isodate

    kept: Document = {"OperationalStore": None, "VaultStore": None}
    copy = None
    for lifecycle in rule.get("lifecycles") or []:
        duration = dig(lifecycle, "deleteAfter.duration")
        if duration:
            duration = isodate.duration_isoformat(isodate.parse_duration(duration))
        kept[dig(lifecycle, "sourceDataStore.dataStoreType", "OperationalStore")] = duration
        for setting in lifecycle.get("targetDataStoreCopySettings") or []:
            copy = {
                "option": dig(setting, "copyAfter.objectType"),
                **given({"after": dig(setting, "copyAfter.duration")}),
            }
    return {
        "copy_to_vault": copy,
        "is_default": bool(rule.get("isDefault")),
        "name": rule.get("name") or "",
        "operational_retention": kept["OperationalStore"],
        "vault_retention": kept["VaultStore"],
    }
