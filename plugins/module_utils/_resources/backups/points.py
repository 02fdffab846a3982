# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery points: reading them, and choosing one. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.common import MAKE_VAULT, POINTS
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import instance

OPERATIONAL, VAULT_TIER = "OperationalStore", "VaultStore"
LATEST = "latest"


def represent(document: Document) -> Document:
    properties = document.get("properties") or {}
    stores = properties.get("recoveryPointDataStoresDetails") or []
    return {
        "datastores": [
            {
                "creation_time": store.get("creationTime"),
                "expiry_time": store.get("expiryTime"),
                "state": store.get("state"),
                "type": store.get("type"),
            }
            for store in stores
        ],
        "expiry_time": properties.get("expiryTime"),
        "id": document.get("id"),
        "name": document.get("name"),
        "policy_name": properties.get("policyName"),
        "retention_tag": properties.get("retentionTagName"),
        "state": properties.get("recoveryPointState"),
        "time": properties.get("recoveryPointTime"),
    }


def tiers(point: Document) -> list[str]:
    """The data stores that hold a point, as :func:`represent` shows it."""
    return [store["type"] for store in point["datastores"]]


def whole(point: Document) -> bool:
    """Whether nothing is missing in a point. Azure says nothing of most points of AKS, which are whole."""
    return (point["state"] or "Completed").lower() != "partial"


def newest_first(documents: list[Document]) -> list[Document]:
    return sorted(map(represent, documents), key=lambda point: point["time"] or "", reverse=True)


def secondary_region(vault: Document) -> str:
    """The region to which Azure replicates a vault's copies; raises :class:`Refused` when it does not.

    Source: https://learn.microsoft.com/azure/backup/tutorial-restore-aks-backups-across-regions
    """
    state = dig(vault, "properties.featureSettings.crossRegionRestoreSettings.state", "Disabled")
    replicated = dig(vault, "properties.replicatedRegions") or []
    if str(state).lower() != "enabled" or not replicated:
        raise Refused(
            f"The Backup vault {vault.get('name')} does not restore across regions. That takes redundancy "
            "GeoRedundant, which cannot be changed later, and cross_region_restore in aks_backup_vault; both only help "
            "copies in the vault tier.",
            resource_id=vault.get("id"),
        )
    return _ids.region(replicated[0])


def location_id(vault: str, region: str) -> str:
    """Where calls across regions go: the secondary region, in the vault's resource group."""
    parsed = _ids.parse(vault)
    group = _ids.resource_group(parsed.subscription, parsed.resource_group)
    return f"{group}/providers/Microsoft.DataProtection/locations/{region}"


def source(vault: Document, instance_id: str) -> Document:
    """What calls across regions say of the instance; its home is the vault's region."""
    return {"sourceRegion": _ids.region(vault.get("location")), "sourceBackupInstanceId": instance_id}


def read(arm: Arm, instance_id: str, secondary: bool) -> list[Document]:
    """All recovery points of an instance, newest first, as its own or the paired region has them."""
    if not secondary:
        return newest_first(arm.list_all(POINTS, instance_id))
    vault = arm.require(_ids.parent(instance_id), "Backup vault", MAKE_VAULT)
    if "properties" not in vault:
        return []  # only in a plan, in which an earlier step creates the vault
    place = location_id(vault["id"], secondary_region(vault))
    return newest_first(arm.fetch(place, "fetchSecondaryRecoveryPoints", source(vault, instance_id)))


def list_points(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Recovery points of one backup instance, newest first, filtered."""
    start = times.earliest(params.get("since"), params.get("start_time"), "start_time")
    end = times.asked(params.get("end_time"), "end_time")
    live = instance.locate(arm, params)
    points = [
        point
        for point in read(arm, live["id"], params["secondary_region"])
        if times.within(times.moment(point["time"]), start, end)
        and (not params.get("datastore") or params["datastore"] in tiers(point))
        and (not params.get("recovery_point_state") or whole(point) == (params["recovery_point_state"] == "Completed"))
    ]
    by_datastore: dict[str, int] = {}
    for tier in (tier for point in points for tier in tiers(point)):
        by_datastore[tier] = by_datastore.get(tier, 0) + 1
    return Outcome(
        result={
            "backup_instance_id": live["id"],
            "latest": points[0] if points else None,
            "recovery_points": points,
            "summary": {
                "by_datastore": by_datastore,
                "newest": points[0]["time"] if points else None,
                "oldest": points[-1]["time"] if points else None,
                "total": len(points),
            },
        }
    )


def choose(points: list[Document], params: Params) -> Document:
    """The point that a restore asks for: one by name, or the newest whole one, before a moment and in a tier if so
    asked; raises :class:`Refused` with what there is instead.
    """
    wanted, tier = params["recovery_point"], params.get("source_datastore")
    before = times.asked(params.get("before"), "before")
    if not wanted.strip():
        raise Refused(
            f"recovery_point is empty: give a name or an ID, or {LATEST} for the newest. {_there_are(points)}"
        )
    if wanted != LATEST:
        if before:
            raise Refused(f"before is for recovery_point=latest, but recovery_point is {wanted!r}.")
        for point in points:
            if point["name"].lower() == _ids.name(wanted).lower():
                return point
        raise Refused(f"There is no recovery point {_ids.name(wanted)}. {_there_are(points)}")
    for point in points:
        when = times.moment(point["time"])
        if whole(point) and (not tier or tier in tiers(point)) and (not before or (when and when < before)):
            return point
    limits = [f" before {params['before']}"] if before else []
    limits += [f" in the {tier}"] if tier else []
    raise Refused(f"There is no whole recovery point{''.join(limits)}. {_there_are(points)}")


def _there_are(points: list[Document]) -> str:
    if not points:
        return "There are none at all: back the cluster up with aks_backup_run."
    shown = [f"{point['name']} of {point['time']} ({', '.join(tiers(point))})" for point in points[:5]]
    rest = f" and {len(points) - 5} older ones" if len(points) > 5 else ""
    return f"There are {'; '.join(shown)}{rest}."
