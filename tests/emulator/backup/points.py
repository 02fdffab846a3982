# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery point documents and the $filter of their list.

The expiryTime of an operational recovery point of AKS is null, that of one in the vault tier is a date (ARM wire
behaviour).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from . import times
from .errors import invalid
from .policies import OPERATIONAL, VAULT

CONDITION = re.compile(r"(startDate|endDate)\s+(?:eq|ge|le)\s+'([^']+)'", re.I)


def created(point_id: str, *, store_id: str, at: datetime, snapshot_at: datetime, tag: str, tag_version: str,
            policy_name: str) -> dict[str, Any]:
    """The properties of a fresh point in the operational store."""
    return {"objectType": "AzureBackupDiscreteRecoveryPoint", "recoveryPointId": point_id,
            "recoveryPointTime": times.timestamp(at), "recoveryPointType": "Incremental", "friendlyName": point_id,
            "recoveryPointDataStoresDetails": [store(store_id, OPERATIONAL, snapshot_at, None)],
            "retentionTagName": tag, "retentionTagVersion": tag_version, "policyName": policy_name,
            "policyVersion": None, "expiryTime": None, "recoveryPointState": None}


def store(store_id: str, kind: str, at: datetime, expires: datetime | None) -> dict[str, Any]:
    """One element of recoveryPointDataStoresDetails."""
    return {"id": store_id, "type": kind, "creationTime": times.timestamp(at),
            "expiryTime": times.timestamp(expires) if expires else None, "metaData": None, "visible": True,
            "state": "COMMITTED", "rehydrationExpiryTime": None, "rehydrationStatus": None}


def tiered(point: dict[str, Any], store_id: str, at: datetime, expires: datetime) -> dict[str, Any]:
    """The point once its copy is in the vault tier."""
    details = [*point["recoveryPointDataStoresDetails"], store(store_id, VAULT, at, expires)]
    return {**point, "recoveryPointDataStoresDetails": details, "expiryTime": times.timestamp(expires),
            "recoveryPointState": "Completed"}


def without(point: dict[str, Any], kind: str) -> dict[str, Any]:
    """The point after its part in a store has ended."""
    details = [each for each in point["recoveryPointDataStoresDetails"] if each["type"] != kind]
    return {**point, "recoveryPointDataStoresDetails": details}


def stores(point: dict[str, Any]) -> set[str]:
    """The types of the stores that hold the point."""
    return {each["type"] for each in point["recoveryPointDataStoresDetails"]}


def only_vaulted(point: dict[str, Any]) -> dict[str, Any] | None:
    """The point as the secondary region sees it; None if it is not in the vault tier."""
    details = [each for each in point["recoveryPointDataStoresDetails"] if each["type"] == VAULT]
    return {**point, "recoveryPointDataStoresDetails": details} if details else None


def window(text: str | None) -> tuple[datetime | None, datetime | None]:
    """(startDate, endDate) of a $filter; Refused for one that the service cannot read. An empty filter is none."""
    if not text or not text.strip():
        return None, None
    found: dict[str, datetime] = {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.I):
        match = CONDITION.fullmatch(part.strip())
        if match is None:
            raise invalid(f"the filter '{text}' cannot be read")
        try:
            found[match[1].lower()] = times.parse(match[2])
        except ValueError as error:
            raise invalid(f"the filter '{text}': {error}") from None
    return found.get("startdate"), found.get("enddate")


def within(point: dict[str, Any], bounds: tuple[datetime | None, datetime | None]) -> bool:
    """True if the point's time lies in the window; nothing lies in one that ends before it starts."""
    moment, (start, end) = times.parse(point["recoveryPointTime"]), bounds
    return (start is None or moment >= start) and (end is None or moment <= end)
