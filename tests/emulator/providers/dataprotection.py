# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.DataProtection: backup vaults and all that is in them. The tables; the handlers are in the files beside.

Sources: REST reference "Data Protection", https://learn.microsoft.com/rest/api/dataprotection, and ARM wire behaviour:
status codes, headers, Retry-After and durations of long-running operations are those of recorded requests where there
are any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .. import errors
from ..backup import versions
from ..backup.errors import Refused, invalid
from ..errors import AzureError, FrontDoorError
from ..operations import Lro
from ..provider import Call, Handler, Post, Provider, Reply, Type
from ..world import World
from . import dataprotection_backups as backups
from . import dataprotection_deletions as deletions
from . import dataprotection_guards as guards
from . import dataprotection_instances as instances
from . import dataprotection_policies as policies
from . import dataprotection_restores as restores
from . import dataprotection_vaults as vaults
from .dataprotection_world import NAMESPACE, VAULTS, result, status, vault_id

MODELS = "azure.mgmt.dataprotection.models:"
LOCATION = "/providers/Microsoft.DataProtection/locations/{location}"
STATUS, RESULT = "{root}/operationStatus/{op}", "{subscription}" + LOCATION + "/operationResults/{op}"
GROUP_STATUS = "{group}" + LOCATION + "/operationStatus/{op}"
REGION_STATUS = "{subscription}" + LOCATION + "/operationStatus/{op}"


def _post(seconds: float, retry_after: float = 30) -> Lro:
    """A POST or DELETE: monitored at the vault, its result at the location, which names another monitor there."""
    return Lro(seconds, monitor=STATUS, location=RESULT, retry_after=retry_after, after=REGION_STATUS)


LROS = {
    "vault put": Lro(1, status=201, monitor=STATUS, retry_after=10),
    "vault patch": Lro(1, monitor=STATUS, location="{root}/operationResults/{op}", retry_after=10),
    "vault delete": Lro(2, monitor=GROUP_STATUS, location=RESULT, retry_after=30),
    "validate": _post(44, 10),
    "instance put": Lro(1, status=201, monitor=STATUS, retry_after=15),
    "instance delete": _post(90),
    "backup": _post(1),
    "restore": _post(1),
    "validate restore": _post(41),
    "validate change": _post(44),
    "stopProtection": _post(49),
    "suspendBackups": _post(41),
    "resumeProtection": _post(44),
    "resumeProtection of suspended": _post(157),
    "resumeBackups": _post(157),
    "sync": _post(20),
    "cross validate": Lro(42, monitor=REGION_STATUS, location=RESULT, retry_after=30),
    "cross restore": Lro(5, monitor=REGION_STATUS, location=RESULT, retry_after=30),
    "export jobs": Lro(20, monitor=STATUS, location="{root}/backupJobs/operations/{op}", retry_after=30),
}


def _polled(handler: Callable[[World, dict[str, Any]], Any]) -> Callable[[World, dict[str, Any]], Any]:
    """What fails an operation is told by a poll, and the poll itself succeeds."""
    def run(world: World, payload: dict[str, Any]) -> Any:
        try:
            return handler(world, payload)
        except AzureError as error:
            error.status = 200
            raise
    return run


EVENTS = {name: _polled(handler) for name, handler in {
    "vault written": vaults.written, "vault written.failed": vaults.write_failed, "vault deleted": vaults.deleted,
    "vault deleted.failed": vaults.delete_failed, "vault vanishes": vaults.vanishes, "purge vault": vaults.purge,
    "validated": instances.validated, "instance written": instances.written,
    "instance written.failed": instances.write_failed, "configure": instances.configure,
    "instance changed": instances.changed, "instance changed.failed": instances.change_failed,
    "updated": instances.updated, "state changed": instances.state_changed, "synced": instances.synced,
    "instance deleted": deletions.deleted, "instance deleted.failed": deletions.delete_failed,
    "purge instance": deletions.purge,
    "backup triggered": backups.triggered, "backup ends": backups.ended, "scheduled backup": backups.scheduled,
    "tier": backups.tiering, "tiering ends": backups.tiered, "expire": backups.expire,
    "jobs exported": backups.exported,
    "restore validated": restores.validated, "restore triggered": restores.triggered, "restore ends": restores.ended,
}.items()}


def _no_rehydrate(call: Call) -> Reply:
    raise Refused("DppPluginInvalidInputParameters", detail="AKS has no recovery points in the archive tier")


def _no_monitor(call: Call) -> Reply:
    """The path of a monitor that leads to no operation; the core answers the others."""
    raise Refused("UserErrorGenericResourceNotFound")


def _not_found(call: Call) -> AzureError:
    """A vault is missing for ARM, anything in it for the service."""
    if call.type.name == "backupVaults":
        return errors.resource_not_found(f"{VAULTS}/{call.id.name}", call.id.group)
    return Refused("UserErrorGenericResourceNotFound")


def envelope(error: AzureError, activity: str) -> dict[str, Any]:
    """Bodies that the service cannot read have its own code."""
    if error.code == "InvalidRequestContent" and not isinstance(error, FrontDoorError):
        error = invalid(error.message)
    return errors.user_facing(error, activity)


LOCATIONS = Type("locations", scope="any", stored=False, posts={
    "checkNameAvailability": Post(vaults.check_name, MODELS + "CheckNameAvailabilityRequest", write=False),
    "checkFeatureSupport": Post(vaults.feature, MODELS + "FeatureValidationRequestBase", write=False),
    "fetchSecondaryRecoveryPoints": Post(
        restores.secondary_points, MODELS + "FetchSecondaryRPsRequestParameters", write=False),
    "validateCrossRegionRestore": Post(restores.cross_validate, write=False),
    "crossRegionRestore": Post(restores.cross_restore),
    "fetchCrossRegionRestoreJob": Post(restores.cross_job, MODELS + "CrossRegionRestoreJobRequest", write=False),
    "fetchCrossRegionRestoreJobs": Post(restores.cross_jobs, MODELS + "CrossRegionRestoreJobsRequest", write=False),
})
INSTANCE_POSTS = {
    "backup": Post(backups.adhoc, MODELS + "TriggerBackupRequest"),
    "restore": Post(restores.trigger),
    "validateRestore": Post(restores.validate, write=False),
    "validateForModifyBackup": Post(instances.validate_change, write=False),
    "rehydrate": Post(_no_rehydrate, MODELS + "AzureBackupRehydrationRequest"),
    "stopProtection": Post(instances.transition),
    "suspendBackups": Post(instances.transition),
    "resumeProtection": Post(instances.transition),
    "resumeBackups": Post(instances.transition),
    "sync": Post(instances.sync, MODELS + "SyncBackupInstanceRequest"),
    "findRestorableTimeRanges": Post(backups.time_ranges, MODELS + "AzureBackupFindRestorableTimeRangesRequest",
                                     write=False),
}
SINCE_DELETED = tuple(each for each in versions.SUPPORTED if versions.since(each, versions.DELETED_VAULTS))

TYPES = (
    Type("backupVaults", put=vaults.put, patch=vaults.patch, delete=vaults.delete, render=vaults.render,
         patch_model=MODELS + "PatchResourceRequestInput", posts={
             "validateForBackup": Post(instances.validate, write=False),
             "exportBackupJobs": Post(backups.export, write=False)}),
    # Every template of Microsoft's tools sends the tag's id, which the SDK's model calls read-only.
    Type("backupVaults/backupPolicies", put=policies.put, delete=policies.delete,
         model=MODELS + "BaseBackupPolicyResource",
         # The service drops a name in the properties: ARM wire behaviour.
         read_only=("properties.name", "properties.policyRules[].trigger.taggingCriteria[].tagInfo.id")),
    Type("backupVaults/backupInstances", put=instances.put, delete=deletions.delete, render=instances.render,
         posts=INSTANCE_POSTS),
    Type("backupVaults/backupInstances/recoveryPoints", list=backups.list_points),
    Type("backupVaults/backupJobs", list=backups.list_jobs),
    Type("backupVaults/deletedBackupInstances", render=instances.render, posts={"undelete": Post(deletions.undelete)}),
    Type("backupVaults/backupResourceGuardProxies", put=guards.put_proxy, delete=guards.delete_proxy,
         model=MODELS + "ResourceGuardProxyBaseResource", posts={
             "unlockDelete": Post(guards.unlock, MODELS + "UnlockDeleteRequest")}),
    Type("backupInstances", scope="extension", list=instances.list_of_cluster, stored=False),
    Type("resourceGuards", put=guards.put_guard, patch=guards.patch_guard, delete=guards.delete_guard,
         model=MODELS + "ResourceGuardResource", patch_model=MODELS + "PatchResourceGuardInput"),
    *(Type(name, scope="any", get=_no_monitor, stored=False) for name in (
        "operationStatus", "backupVaults/operationStatus", "backupVaults/operationResults", "locations/operationStatus",
        "locations/operationResults", "backupVaults/backupInstances/operationResults",
        "backupVaults/backupJobs/operations")),
    LOCATIONS,
    # The further pages of what is asked for by POST. The request that they continue was allowed.
    Type("locations/fetchSecondaryRecoveryPoints", scope="any", stored=False, permission="-",
         list=restores.more_secondary_points),
    Type("locations/fetchCrossRegionRestoreJobs", scope="any", stored=False, permission="-",
         list=restores.more_cross_jobs),
    Type("locations/deletedVaults", scope="subscription", api_versions=SINCE_DELETED, list=vaults.list_deleted),
)


def _if_it_stays(handler: Handler) -> Handler:
    def run(call: Call) -> Any:
        vaults.stays(call.store.get(vault_id(call.id)))
        return handler(call)
    return run


def _in_vault(kind: Type) -> Type:
    """What is written to a vault, or asked of it, while it goes would go with it. Its own PUT and DELETE know that."""
    if not kind.name.startswith("backupVaults"):
        return kind
    own = kind.name == "backupVaults"
    writing = {"patch": kind.patch} if own else {"put": kind.put, "delete": kind.delete}
    guarded: dict[str, Any] = {verb: _if_it_stays(handler) for verb, handler in writing.items() if handler}
    return replace(kind, **guarded, posts={
        name: replace(post, run=_if_it_stays(post.run)) for name, post in kind.posts.items()})


PROVIDER = Provider(
    NAMESPACE, tuple(map(_in_vault, TYPES)), api_versions=versions.SUPPORTED, envelope=envelope, lros=LROS,
    events=EVENTS, render_status=status,
    render_result=result, not_found=_not_found)
