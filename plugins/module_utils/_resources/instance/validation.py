# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking Azure whether it would protect a cluster, and finding all that is in the way. Private to the collection.

Azure tends to name one reason at a time. What can be read of the others is added, so that one run tells them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, TimedOut, settles
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension, extension_settings
from ansible_collections.aks.backup.plugins.module_utils._resources.common import BINDINGS, ROUTING
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form as instance_form
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import rows as table
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import form as policy_form

# What a refused validation waits for, in words.
SETTLING = "roles and Trusted Access to take effect"
# Azure's answer where another instance protects the cluster: what is in the way is that instance.
CONFLICTS = frozenset(
    {
        "UserErrorDppDatasourceAlreadyHasBackupInstance",
        "UserErrorDppDatasourceAlreadyProtected",
        "UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy",
    }
)


def validate(arm: Arm, target: str, verb: str, properties: Document) -> None:
    """Have the service validate, again and again while roles, binding and storage location take effect.

    Raises :class:`AzureError` with everything that is in the way.
    """
    patiently(
        arm,
        lambda: arm.post(target, verb, {"backupInstance": properties}),
        lambda exc: _beside(arm, exc, target, properties),
    )


def patiently(
    arm: Arm, call: Callable[[], object], look: Callable[[AzureError], list[str] | None] = lambda exc: []
) -> None:
    """Make the call again and again while it is refused for want of what takes effect by itself.

    ``look`` finds what else stands in the way of it, for the message; None where it could not look, which leaves what
    was found before. Raises :class:`AzureError` with both.
    """
    refused: AzureError | None = None
    beside: list[str] = []
    while True:
        try:
            if refused is not None:
                arm.deadline.pause(arm.interval, SETTLING)
            call()
            return
        except TimedOut as late:
            # The time may be up in the middle of a validation; what the one before said is still the reason.
            if refused is None:
                raise
            message = f"{arm.deadline.passed(SETTLING).message} The last answer was: {refused.message}"
            raise _completed(refused, message, beside) from late
        except AzureError as exc:
            # Looked for now, since at the deadline there is no time left to look.
            found = look(exc)
            beside = beside if found is None else found
            if not settles(exc):
                raise _completed(exc, exc.message, beside) from exc
            refused = exc


def _completed(error: AzureError, message: str, beside: list[str]) -> AzureError:
    """The error with another message and with what was found beside it."""
    if not beside:
        return AzureError(message, **error.facts)
    problems = [*(error.facts.get("problems") or [error.message]), *beside]
    return AzureError(f"{message} Found beside it: {' '.join(beside)}", **{**error.facts, "problems": problems})


def _beside(arm: Arm, error: AzureError, target: str, properties: Document) -> list[str] | None:
    """What is in the way beside an error of the service; None to who may not look or has no time left to."""
    try:
        return obstacles(arm, target, properties, bool(CONFLICTS & set(error.codes)))
    except (AzureError, TimedOut):
        return None


def obstacles(arm: Arm, target: str, properties: Document, conflict: bool = False) -> list[str]:
    """What reading the surroundings of an instance shows to be in its way, a sentence each with the way out.

    ``conflict`` asks for the other backup instances of the cluster.
    """
    vault_id = "/".join(target.split("/")[:9])
    cluster_id = dig(properties, "dataSourceInfo.resourceID")
    calls: list[Callable[[], Any]] = [
        lambda: arm.get(vault_id),
        lambda: arm.get(cluster_id),
        lambda: arm.get(dig(properties, "policyInfo.policyId")),
        lambda: extension.find(arm, cluster_id),
        lambda: arm.list_all(BINDINGS, cluster_id),
    ]
    vault, cluster, policy, installed, bindings = arm.together(calls)
    name = _ids.name(cluster_id)
    said = []
    if conflict:
        others = arm.list_all(ROUTING, cluster_id)
        said += [_other(one) for one in others if _ids.name(target).lower() != one["name"].lower()]
    if installed is None:
        said.append(f"The backup extension is not installed on {name}. Run aks_backup_extension.")
    elif dig(installed, "properties.provisioningState") != "Succeeded":
        said.append(
            f"The backup extension of {name} is in state {dig(installed, 'properties.provisioningState')}. Wait until "
            "it is installed, or see what aks_backup_extension says of it."
        )
    if not any(_ids.same(dig(one, "properties.sourceResourceId"), vault_id) for one in bindings):
        said.append(f"No Trusted Access role binding lets {_ids.name(vault_id)} into {name}. Run aks_trusted_access.")
    for row in missing_roles(arm, properties, cluster, vault, policy, installed) or ():
        said.append(f"A role is missing: {table.sentence(row)}. Run aks_backup_permissions, or: {table.command(row)}")
    return said


def _other(instance: Document) -> str:
    seen = instance_form.represent(instance)
    return (
        f"The backup instance {seen['name']} of the vault {_ids.name(seen['vault_id'] or '/')} protects the cluster "
        f"as well, by the policy {seen['policy_name']} and in state {seen['protection_state']}."
    )


def missing_roles(
    arm: Arm,
    properties: Document,
    cluster: Document | None,
    vault: Document | None,
    policy: Document | None,
    installed: Document | None,
) -> list[dict[str, Any]] | None:
    """Rows of the role matrix for which there is no assignment. Identities that do not exist yet have no row. None for
    a caller who may not read assignments.
    """
    stores = dig(properties, "policyInfo.policyParameters.dataStoreParametersList") or [{}]
    chosen = (dig(properties, "policyInfo.policyParameters.backupDatasourceParametersList") or [{}])[0]
    options = {
        **permissions.DEFAULTS,
        "cluster_id": dig(properties, "dataSourceInfo.resourceID"),
        "snapshot_resource_group": stores[0].get("resourceGroupId"),
        "storage_account_id": extension_settings.account(installed),
        "vault_identity_id": dig(properties, "identityDetails.userAssignedIdentityArmUrl"),
        "volume_types": chosen.get("includedVolumeTypes") or permissions.DEFAULTS["volume_types"],
    }
    tier = policy_form.uses_vault_tier(dig(policy, "properties", {}))
    needed = permissions.rows(options, permissions.Parties(cluster, vault, installed), tier)
    rows = [row for row in needed if row["principal_id"]]
    try:
        assignments = permissions.existing(arm, rows)
    except AzureError:
        return None
    return [row for row in rows if not table.matching(row, assignments[row["scope"]])]


def shown(row: dict[str, Any]) -> Document:
    """A missing role as it is returned, with the command that gives it."""
    return {"command": table.command(row), **{key: row[key] for key in ("principal", "principal_id", "role", "scope")}}
