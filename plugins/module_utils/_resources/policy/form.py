# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies as Azure has them: what they mean, in the user's words, and how two of them differ. Pure. Private to
the collection.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._resources.common import given
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.units import EPOCH
from ansible_collections.aks.backup.plugins.module_utils._resources.time_zones import UTC_NAMES

Document = dict[str, Any]

DATASOURCE_TYPE = "Microsoft.ContainerService/managedClusters"


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


def meaning(properties: Mapping[str, Any]) -> Document:
    """Policy properties in the user's words, equal for two policies exactly if they mean the same to the service."""
    rules = properties.get("policyRules") or []
    backup: Document = next((rule for rule in rules if rule.get("objectType") == "AzureBackupRule"), {})
    schedule = dig(backup, "trigger.schedule", {})
    tags = dig(backup, "trigger.taggingCriteria", [])
    retention = [rule for rule in rules if rule.get("objectType") == "AzureRetentionRule"]
    return {
        "backup_rule_name": backup.get("name"),
        "retention_rules": sorted((_represent_rule(rule) for rule in retention), key=lambda rule: rule["name"].lower()),
        "schedule": {
            "repeating_time_intervals": sorted(
                _canonical_interval(text) for text in schedule.get("repeatingTimeIntervals") or []
            ),
            "time_zone": "UTC" if (schedule.get("timeZone") or "").lower() in UTC_NAMES else schedule["timeZone"],
        },
        "tags": sorted((_represent_tag(tag) for tag in tags), key=lambda tag: tag["name"].lower()),
    }


def represent(properties: Mapping[str, Any]) -> Document:
    """:func:`meaning`, and what follows from it and is often asked for."""
    found = meaning(properties)
    return {
        **found,
        "datastores": ["OperationalStore", "VaultStore"] if uses_vault_tier(properties) else ["OperationalStore"],
        "retention_tags": [tag["name"] for tag in found["tags"]],
        "uses_vault_tier": uses_vault_tier(properties),
    }


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two policies mean the same. Sending one again, even byte for byte, is an error to Azure."""
    return meaning(left) == meaning(right)


def fingerprint(properties: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that follow from what a policy means."""
    return _ids.stable_uuid(json.dumps(meaning(properties), sort_keys=True))[:8]


def sentences(wanted: Mapping[str, Any], live: Mapping[str, Any], path: str = "") -> list[str]:
    """What differs between two results of :func:`meaning`, one sentence each."""
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


# Below: pieces


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


def _canonical_list(value: Any) -> Any:
    """The values of a criterion in an order that does not matter. Days of the month are a number, or the last one."""
    if not isinstance(value, list):
        return value
    days = [
        {"date": None if item.get("isLast") else item.get("date"), "isLast": bool(item.get("isLast"))}
        if isinstance(item, Mapping)
        else item
        for item in value
    ]
    return sorted(days, key=str)


def _canonical_duration(text: Any) -> Any:
    import isodate

    try:
        return isodate.duration_isoformat(isodate.parse_duration(text))
    except (isodate.ISO8601Error, TypeError):
        return text


def _represent_tag(tag: Mapping[str, Any]) -> Document:
    criteria = [
        {key: _canonical_list(value) for key, value in given(one).items() if value != [] and key != "objectType"}
        for one in tag.get("criteria") or []
    ]
    return {
        "criteria": criteria,
        "is_default": bool(tag.get("isDefault")),
        "name": dig(tag, "tagInfo.tagName", ""),
        "priority": tag.get("taggingPriority"),
    }


def _represent_rule(rule: Mapping[str, Any]) -> Document:
    kept: Document = {"OperationalStore": None, "VaultStore": None}
    copy = None
    for lifecycle in rule.get("lifecycles") or []:
        duration = dig(lifecycle, "deleteAfter.duration")
        kept[dig(lifecycle, "sourceDataStore.dataStoreType", "OperationalStore")] = _canonical_duration(duration)
        for setting in lifecycle.get("targetDataStoreCopySettings") or []:
            copy = {
                "option": dig(setting, "copyAfter.objectType"),
                **given({"after": _canonical_duration(dig(setting, "copyAfter.duration"))}),
            }
    return {
        "copy_to_vault": copy,
        "is_default": bool(rule.get("isDefault")),
        "name": rule.get("name") or "",
        "operational_retention": kept["OperationalStore"],
        "vault_retention": kept["VaultStore"],
    }
