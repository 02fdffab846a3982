# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the backups of one cluster or one vault. Pure. Private to the collection."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import sentence
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.common import NEVER_BACKED_UP, cluster_problems
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import REASONS
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.state import newest
from ansible_collections.aks.backup.plugins.module_utils._resources.policy.form import uses_vault_tier

# The error by which an instance shows that the cluster does not let the vault in.
NO_ACCESS = "UserErrorTrustedAccessGatewayReturnedForbidden"
# States in which backups should be happening.
BACKING_UP = ("error", "protected")


def finding(reason: str, message: str, fix: str | None = None) -> Document:
    return {
        "fix": fix or REASONS[reason].fix,
        "message": message,
        "reason": reason,
        "severity": REASONS[reason].severity,
    }


# The latest good backup


def good_backup(point: str | None, jobs: Mapping[str, str], partial_counts: bool) -> str | None:
    """When the latest good backup was, None where none is known.

    ``point`` is the latest recovery point. ``jobs`` has the start of the latest backup job by status; a job that
    completed with warnings has left a point that lacks something.
    """
    complete, warned = jobs.get("Completed"), jobs.get("CompletedWithWarnings")
    if partial_counts:
        return newest([point, complete, warned])
    if warned and newest([complete, warned]) == warned:
        return complete
    return newest([point, complete])


def interval(policy: Document) -> float | None:
    """Seconds between two backups by the schedule of a policy (its document), None where it has none."""
    found = [
        times.seconds(str(repeated).rpartition("/")[2])
        for rule in dig(policy, "properties.policyRules", [])
        for repeated in dig(rule, "trigger.schedule.repeatingTimeIntervals", [])
    ]
    return min((one for one in found if one), default=None)


def overdue(instance: Document, asked: datetime.datetime, grace: int) -> bool:
    """Whether the latest good backup is older than what the policy leaves between two, and the grace in seconds."""
    limit = instance["interval_seconds"]
    good = times.moment(instance["last_good_backup"])
    if good is None:
        return True
    return limit is not None and asked > good + datetime.timedelta(seconds=limit + grace)


# Clusters


def of_cluster(cluster: Document, row: Document, options: Mapping[str, Any], asked: datetime.datetime,
               policies: Mapping[str, Document], bindings: Iterable[Document] | None) -> list[Document]:  # fmt: skip
    """The findings on a cluster, as ``fleet.state`` shows it, from its row of Resource Graph.

    ``policies`` are by ID in lower case. ``bindings`` are the Trusted Access role bindings, None where nobody looked.
    """
    protection = cluster["protection"]
    if protection["state"] == "unprotected":
        return _unprotected(cluster, row)
    said = _extension(protection["extension"]) if protection["extension"] or options["extensions"] else []
    for instance in protection["instances"]:
        said += _instance(instance, options, asked, policies, bindings)
    return said + _namespaces(protection["instances"], options["namespaces"])


def _unprotected(cluster: Document, row: Document) -> list[Document]:
    # Another instance may be soft-deleted or out of sight; what counts is that nothing is backed up.
    hindrances = cluster_problems(row)
    said = [finding("unprotected", " ".join(["No backup instance protects the cluster.", *hindrances]))]
    extension = cluster["protection"]["extension"]
    return said + (_extension(extension) if extension else [])


def _extension(extension: Document | None) -> list[Document]:
    if extension is None:
        return [finding("extension_missing", "The backup extension is not installed, so nothing can be backed up.")]
    state = str(extension["state"] or "unknown")
    if state.lower() in ("succeeded", "creating", "updating"):
        return []
    why = f" It says: {extension['message'].rstrip('.')}." if extension["message"] else ""
    return [finding("extension_failed", f"The backup extension {extension['name']} is in state {state}.{why}")]


def _instance(instance: Document, options: Mapping[str, Any], asked: datetime.datetime,
              policies: Mapping[str, Document], bindings: Iterable[Document] | None) -> list[Document]:  # fmt: skip
    name, state, error = instance["name"], instance["state"], instance["error"] or {}
    said = []
    if state == "error":
        # The advice is the fix, and stands beside.
        told = {
            key: error[key] for key in error if not error.get("advice") or key not in ("advice", "recommended_action")
        }
        why = f" {sentence(told)}" if error else ""
        said.append(
            finding(
                "protection_error",
                f"The backup instance {name} is in state {instance['protection_state'] or 'unknown'}.{why}",
                error.get("advice"),
            )
        )
    if error.get("code") == NO_ACCESS or (bindings is not None and not _bound(bindings, instance["vault_id"])):
        message = f"No Trusted Access role binding lets the vault {instance['vault_name']} into the cluster."
        said.append(finding("binding_missing", message))
    if state in ("configuring", "stopped", "suspended"):
        words = {
            "configuring": "has not been configured yet",
            "stopped": "makes no backups, and keeps those that it has for ever",
            "suspended": "makes no backups until it is resumed",
        }
        said.append(finding(state, f"The backup instance {name} {words[state]}."))
    if state in BACKING_UP and overdue(instance, asked, options["grace"]):
        said.append(finding("rpo_missed", _late(instance, asked, options["grace"])))
    policy = policies.get(str(instance["policy_id"]).lower())
    if state != "stopped" and policy is not None and not uses_vault_tier(policy.get("properties") or {}):
        message = f"The policy {instance['policy_name']} of the backup instance {name} keeps snapshots only."
        said.append(finding("vault_tier_missing", message))
    return said


def _bound(bindings: Iterable[Document], vault: str) -> bool:
    return any(
        _ids.same(dig(binding, "properties.sourceResourceId"), vault)
        and str(dig(binding, "properties.provisioningState")).lower() == "succeeded"
        for binding in bindings
    )


def _late(instance: Document, asked: datetime.datetime, grace: int) -> str:
    good = times.moment(instance["last_good_backup"])
    if good is None:
        return f"No good backup of the backup instance {instance['name']} is known."
    allowed = (instance["interval_seconds"] or 0) + grace
    return (
        f"The last good backup of the backup instance {instance['name']} was at {good:%Y-%m-%d %H:%M} UTC, "
        f"{hours((asked - good).total_seconds())} ago. Its policy allows {hours(allowed)}, a grace of {hours(grace)} "
        "included."
    )


def hours(seconds: float) -> str:
    """A time span in words: hours, from two days on in days."""
    if seconds >= 172800:
        return f"{seconds / 86400:.1f} days".replace(".0 ", " ")
    return f"{seconds / 3600:.1f} hours".replace(".0 ", " ")


def line(value: Any) -> str:
    """Any value as a line for a page, nothing where there is none.

    Characters that cannot be seen, such as those that turn the direction of writing or the colour of a terminal, are
    replaced, and so are halves of characters, which no file can hold.
    """
    words = "" if value is None else " ".join(str(value).split())
    return "".join(char if char.isprintable() else "\ufffd" for char in words)


def _namespaces(instances: list[Document], wanted: list[str]) -> list[Document]:
    """Which namespaces no active instance covers: of those that the user names, or any at all."""
    active = [one for one in instances if one["state"] != "stopped"]
    if not active:
        return []
    open_ended = [set(one["excluded_namespaces"]) for one in active if not one["included_namespaces"]]
    listed = {name for one in active for name in one["included_namespaces"]}
    left_out = (set.intersection(*open_ended) if open_ended else set()) - listed - NEVER_BACKED_UP
    if wanted:
        missing = [name for name in wanted if name in left_out or (not open_ended and name not in listed)]
        text = f"These namespaces are not backed up: {', '.join(missing)}."
        return [finding("namespaces_not_covered", text)] if missing else []
    if not open_ended:
        return [finding("namespaces_not_covered", f"Only these namespaces are backed up: {', '.join(sorted(listed))}.")]
    text = f"These namespaces are left out: {', '.join(sorted(left_out))}."
    return [finding("namespaces_not_covered", text)] if left_out else []


# Vaults


def vault(row: Document) -> Document:
    """How safe a vault is, in the user's words."""
    properties = row.get("properties") or {}
    security, features = properties.get("securitySettings") or {}, properties.get("featureSettings") or {}
    storage: Document = next(iter(properties.get("storageSettings") or []), {})
    encryption = security.get("encryptionSettings") or {}
    return {
        "cross_region_restore": _on(dig(features, "crossRegionRestoreSettings.state")),
        "cross_subscription_restore": dig(features, "crossSubscriptionRestoreSettings.state") or "Disabled",
        "customer_managed_key": _on(encryption.get("state")),
        "id": row["id"],
        "immutability": dig(security, "immutabilitySettings.state") or "Disabled",
        "infrastructure_encryption": _on(encryption.get("infrastructureEncryption")),
        "location": _ids.region(row.get("location")),
        "name": row["name"],
        "redundancy": storage.get("type"),
        "resource_group": _ids.segment(row["id"], "resourceGroups"),
        "resource_guard": bool(properties.get("isVaultProtectedByResourceGuard")),
        "soft_delete": dig(security, "softDeleteSettings.state") or "Off",
        "soft_delete_days": dig(security, "softDeleteSettings.retentionDurationInDays"),
        "subscription_id": _ids.segment(row["id"], "subscriptions"),
    }


def _on(state: Any) -> bool:
    return str(state).lower() == "enabled"


def of_vault(vault: Document) -> list[Document]:
    """The findings on a vault, as :func:`vault` shows it."""
    missing = {
        "vault_soft_delete": vault["soft_delete"].lower() == "off",
        "vault_immutability": vault["immutability"].lower() == "disabled",
        "vault_encryption": not vault["customer_managed_key"],
        "vault_infrastructure_encryption": not vault["infrastructure_encryption"],
        "vault_cross_region_restore": not vault["cross_region_restore"],
        "vault_cross_subscription_restore": _on(vault["cross_subscription_restore"]),
        "vault_redundancy": str(vault["redundancy"]).lower() == "locallyredundant",
        "vault_guard": not vault["resource_guard"],
    }
    words = {
        "vault_soft_delete": "Deleted backups are gone at once.",
        "vault_immutability": "Backups can be deleted before their time.",
        "vault_encryption": "Backups are encrypted with Microsoft's keys.",
        "vault_infrastructure_encryption": "Backups are encrypted once, not twice.",
        "vault_cross_region_restore": "Backups cannot be restored in the paired region.",
        "vault_cross_subscription_restore": "Backups can be restored to other subscriptions.",
        "vault_redundancy": "Backups are kept in one data centre.",
        "vault_guard": "One person can weaken the vault and delete backups.",
    }
    return [
        {**finding(reason, words[reason]), "control": REASONS[reason].control or None}
        for reason, found in missing.items()
        if found
    ]
