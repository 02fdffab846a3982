# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backing a cluster up now. Private to the collection."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome, Params
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import jobs, points
from ansible_collections.aks.backup.plugins.module_utils._resources.common import MAKE_POLICY
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form, instance
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form


def run(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Back up now. An action: it reports a change whenever it starts a job."""
    newer_than = times.period(params["skip_if_newer_than"], "skip_if_newer_than") if params.get(
        "skip_if_newer_than"
    ) else None  # fmt: skip
    live = instance.locate(arm, params)
    id_ = live["id"]
    result: Document = {
        "backup_instance_id": id_,
        "followed": False,
        "job": None,
        "job_id": None,
        "recovery_point": None,
        "recovery_point_id": None,
        "rule_name": params.get("rule_name"),
        "job_started": False,
    }
    if newer_than is not None:
        found = young_enough(points.read(arm, id_, secondary=False), newer_than, times.now())
        if found and not (params["fail_on_warnings"] and _warned(arm, id_, found)):
            result.update(recovery_point=found, recovery_point_id=found["name"])
            shown = {"backup": {"backup_instance_id": id_, "recovery_point_id": found["name"]}}
            return Outcome(False, shown, shown, result)
    if "properties" in live:
        rule, tag = _rule_and_tag(arm, params, live)
    else:
        # Only in a plan: the instance comes from an earlier step, and what it knows is known after apply.
        rule, tag = params.get("rule_name"), params.get("retention_tag_override")
    result["rule_name"] = rule
    marked = jobs.mark("backup", id_, rule, tag)
    vault = _ids.parent(id_)
    listed = partial(arm.list_all, jobs.JOBS, vault)
    known = jobs.find_running(listed(), marked) if params["follow_running"] else None
    if known:
        result.update(followed=True, job_id=known["id"])
    else:
        trigger = {"retentionTagOverride": tag} if tag else {}
        body = {"backupRuleOptions": {"ruleName": rule, "triggerOption": trigger}}
        answer = jobs.start(arm, id_, "backup", body, marked, listed)
        job_id = jobs.id_below(vault, answer["jobId"]) if answer.get("jobId") else None
        result.update(job_started=True, job_id=job_id)
    if result["job_id"] and params["wait"]:
        job = jobs.follow(arm, result["job_id"], params["fail_on_warnings"])
        result.update(job=job, recovery_point_id=job["recovery_point_id"])
        made = arm.get(f"{id_}/recoveryPoints/{job['recovery_point_id']}") if job["recovery_point_id"] else None
        result["recovery_point"] = points.represent(made) if made else None
    after = {"backup": {"backup_instance_id": id_, "rule_name": rule, "retention_tag": tag or "Default"}}
    said = jobs.warnings(result["job"])
    if known:
        said.insert(0, jobs.joined(known, "job"))
    return Outcome(not known, after if known else {}, after, result, said)


def young_enough(found: list[Document], newer_than: int, now: datetime.datetime) -> Document | None:
    """The newest whole point, of those shown newest first, if it is younger than so many seconds."""
    for point in found:
        when = times.moment(point["time"])
        if points.whole(point) and when is not None:
            return point if now - when < datetime.timedelta(seconds=newer_than) else None
    return None


def _warned(arm: Arm, instance_id: str, point: Document) -> bool:
    """Whether the job that made a point ended with warnings. Points of the operational tier do not say so themselves.

    The service backs an instance up once at a time, so it is the newest backup that had begun by the point's time.
    """
    jobs_of_vault = map(jobs.represent, arm.list_all(jobs.JOBS, _ids.parent(instance_id)))
    return made_with_warnings(
        [job for job in jobs_of_vault if _ids.same(job["backup_instance_id"], instance_id)], point
    )


def made_with_warnings(of_instance: list[Document], point: Document) -> bool:
    """The same, from the jobs of the point's instance, as :func:`jobs.represent` shows them. A job that is forgotten
    by now, or was never listed, warns of nothing.
    """
    at = times.moment(point["time"])
    begun: list[tuple[datetime.datetime, str]] = []
    for job in of_instance:
        began, status = times.moment(job["start_time"]), str(job["status"]).lower()
        made = status in ("completed", "completedwithwarnings") and str(job["operation"]).endswith("Backup")
        if made and began and at and began <= at:
            begun.append((began, status))
    return bool(begun) and max(begun)[1] == "completedwithwarnings"


def _rule_and_tag(arm: Arm, params: Params, live: Document) -> tuple[str | None, str | None]:
    """The backup rule and the retention tag for a backup of the instance; raises when it cannot be backed up now."""
    resource, deleting = instance.Instance(), form.state_of(live).lower() == "softdeleting"
    if not deleting:
        # Somebody may have just set it up. An error is raised with Azure's reasons.
        live = arm.wait(live["id"], resource.pending, live) or live
    # In a plan, which does not wait, it may still be on its way.
    if deleting or form.protection_of(live) not in ("active", "changing"):
        raise Refused(
            f"The backup instance {live['name']} is in state {form.state_of(live)}; Azure backs up only what is in "
            "state ProtectionConfigured. Resume its protection with aks_backup_instance (protection)."
        )
    policy = arm.require(live["properties"]["policyInfo"]["policyId"], "backup policy", MAKE_POLICY)
    return params.get("rule_name") or policy_form.rule_name(policy["properties"]), _tag(params, policy)


def _tag(params: Params, policy: Document) -> str | None:
    wanted = params.get("retention_tag_override")
    if not wanted:
        return None
    known = [tag["name"] for tag in policy_form.represent(policy["properties"])["tags"]]
    for name in known:
        if name.lower() == wanted.lower():
            return str(name)
    raise Refused(
        f"retention_tag_override is {wanted!r}, but the policy {policy['name']} has no such tag. It has: "
        f"{', '.join(known)}."
    )
