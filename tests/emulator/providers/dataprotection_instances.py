# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: validating, protecting, changing and stopping them."""

from __future__ import annotations

from typing import Any

from .. import contracts
from ..backup import instances, policies, versions
from ..backup.errors import Refused, invalid
from ..backup.requirements import gap_in_cluster, gap_in_snapshots
from ..clock import ticks
from ..ids import identifier, same
from ..inside import inside
from ..provider import Call, Reply
from ..regions import slug
from ..store import Record
from ..world import World
from . import dataprotection_backups as backups
from . import dataprotection_guards as guards
from .dataprotection_world import (
    DELETED_INSTANCES,
    INSTANCES,
    NAMESPACE,
    VAULTS,
    Surroundings,
    all_instances,
    begin,
    cluster_subscription,
    merge_properties,
    parties,
    policy_of,
    vault_of,
)

MODELS = "azure.mgmt.dataprotection.models:"
REQUESTS = {"stopProtection": "StopProtectionRequest", "suspendBackups": "SuspendBackupRequest"}
# How long protection takes to be configured after the operation of the PUT has ended, and after that of an update.
CONFIGURES = (30.0, 60.0)
UPDATES = 3.0
# From which states an instance can be changed; it returns to the same state, a failed one is configured anew.
SETTLED = (instances.CONFIGURED, instances.STOPPED, instances.SUSPENDED, instances.ERROR)


def render(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "properties": instances.for_version(body["properties"], call.api_version)}


def list_of_cluster(call: Call) -> list[dict[str, Any]]:
    """Extension routing: the instances that protect a cluster, with ids below the cluster."""
    home = call.id
    return [{**render(call, each.body), "id": f"{home.text}/providers/{NAMESPACE}/backupInstances/{each.name}"}
            for each in all_instances(call.world, *_subscriptions(call.world, home.subscription))
            if same(instances.cluster_of(each.properties), home.text)]


def _subscriptions(world: World, subscription: str) -> list[str]:
    """All subscriptions of the same tenant."""
    tenant = world.tenant_of(subscription)
    return [each.name for each in world.store.of_type_anywhere("Microsoft.Resources/subscriptions")
            if each.body["tenantId"] == tenant]


# Validating


def _kept(call: Call, model: str, part: str) -> dict[str, Any]:
    """What a request says of an instance in a part of its body. Checked here and not by the table, because what was
    read may be sent back with more than the models of requests have."""
    body = call.body if isinstance(call.body, dict) else {}
    body = {**body, part: instances.without_shown(body[part])} if part in body else body
    since = {instances.VOLUMES: versions.VOLUME_TYPES}
    call.body = contracts.check(MODELS + model, body, since=since, version=call.api_version)
    return instances.kept(call.body.get(part) or {})


def _must_be_the_vaults(vault: Record, kept: dict[str, Any]) -> None:
    if identifier(kept["policyInfo"]["policyId"]).parent.key != vault.id.key:
        raise invalid("the policy must be one of the vault of the backup instance")


def validate(call: Call) -> Reply:
    vault, kept = call.require(), _kept(call, "ValidateForBackupRequest", "backupInstance")
    _must_be_the_vaults(vault, kept)
    _refuse_protected_elsewhere(call.world, vault, kept)
    return begin(call, vault, "validate", finish="validated", payload={"vault": vault.id.text, "properties": kept})


def validated(world: World, payload: dict[str, Any]) -> None:
    vault = world.store.get(payload["vault"])
    if vault is None:
        raise Refused("UserErrorGenericResourceNotFound")
    kept = payload["properties"]
    error = (instances.flaw(kept) or _gap(world, vault, kept)
             or _same_policy(world, vault, kept, payload.get("instance")))
    if error:
        raise error


def validate_change(call: Call) -> Reply:
    """validateForModifyBackup: as validate, but for the instance itself."""
    record, vault = call.require(), vault_of(call.world, call.id)
    kept = _kept(call, "ValidateForModifyBackupRequest", "backupInstance")
    _must_be_the_vaults(vault, kept)
    instances.check_update(record.properties, kept)
    return begin(call, vault, "validate change", finish="validated", payload={
        "vault": vault.id.text, "properties": kept, "instance": record.id.text})


def _gap(world: World, vault: Record, kept: dict[str, Any]) -> Refused | None:
    azure, policy = Surroundings(world), policy_of(world, kept)
    if policy is None:
        return Refused("UserErrorGenericResourceNotFound")
    them = parties(vault, kept, instances.cluster_of(kept))
    named, cluster = kept["dataSourceInfo"].get("resourceLocation"), world.store.get(them.cluster_id)
    if named and cluster and slug(named) != slug(cluster.body["location"]):
        return Refused("DppPluginInvalidInputParameters", detail=f"the datasource is not in {named}")
    gap = gap_in_cluster(azure, them) or gap_in_snapshots(azure, them, instances.snapshot_group(kept))
    return gap or (_unvaultable(world, them.cluster_id) if policies.uses_vault(policy) else None)


def _unvaultable(world: World, cluster_id: str) -> Refused | None:
    """Disks without public network access cannot be copied to the vault tier."""
    cluster = world.store.get(cluster_id)
    for each in inside(cluster) if cluster else ():
        csi = each["spec"].get("csi") or {} if each["kind"] == "PersistentVolume" else {}
        if (csi.get("volumeAttributes") or {}).get("networkAccessPolicy", "AllowAll") != "AllowAll":
            return Refused("DppUserErrorVaultTierPolicyNotSupported",
                           detail=f"the disk of {each['metadata']['name']} has no public network access")
    return None


def _same_policy(world: World, vault: Record, kept: dict[str, Any], but: str | None) -> Refused | None:
    """One cluster may be protected several times in a vault, but not twice by the same policy."""
    for each in world.store.children(vault.id, INSTANCES):
        if (not same(each.id.text, but) and same(instances.cluster_of(each.properties), instances.cluster_of(kept))
                and same(each.properties["policyInfo"]["policyId"], kept["policyInfo"]["policyId"])):
            return Refused("UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy")
    return None


def _elsewhere(world: World, vault: Record, kept: dict[str, Any]) -> Record | None:
    """An instance in another vault that protects the same cluster."""
    cluster = instances.cluster_of(kept)
    homes = {*_subscriptions(world, vault.id.subscription), cluster_subscription(kept)}
    return next((each for each in all_instances(world, *homes) if each.id.parent.key != vault.id.key
                 and same(instances.cluster_of(each.properties), cluster)), None)


def _refuse_protected_elsewhere(world: World, vault: Record, kept: dict[str, Any]) -> None:
    if other := _elsewhere(world, vault, kept):
        raise Refused("UserErrorDppDatasourceAlreadyProtected", instance=other.name, vault=other.id.parent.name)


# Creating and changing


def put(call: Call) -> Reply:
    """A refusal is a naked 406 if Accept has a charset parameter: ARM wire behaviour."""
    try:
        return _put(call)
    except Refused as error:
        if error.status == 400 and "charset" in call.header("Accept").lower():
            return Reply(406)
        raise


def _put(call: Call) -> Reply:
    vault, record, world = vault_of(call.world, call.id), call.record, call.world
    kept = _kept(call, "BackupInstanceResource", "properties")
    if policy_of(world, kept) is None:
        raise Refused("UserErrorGenericResourceNotFound")
    _must_be_the_vaults(vault, kept)
    if error := _same_policy(world, vault, kept, call.id.text):
        raise error
    _refuse_protected_elsewhere(world, vault, kept)
    if record is not None:
        return _update(call, vault, record, kept)
    for each in call.store.children(vault.id, DELETED_INSTANCES):
        if each.name.lower() == call.id.name.lower():
            raise Refused("UserErrorDppDatasourceAlreadyHasBackupInstance", instance=each.name, vault=vault.name,
                          status=instances.SOFT_DELETED)
    body: dict[str, Any] = {"properties": instances.shown(kept, instances.CONFIGURING, "Provisioning")}
    if call.body.get("tags"):
        body["tags"] = call.body["tags"]
    fault = call.exchange.lro_fault
    if fault and fault["kind"] != "protection_fails":
        fault = None
    saved = call.store.put(call.id, body, {
        "tag_version": str(ticks(call.now)), "activity": call.client_request_id, "guid": world.guid(), "fault": fault,
        "backups": [], "restores": []})
    return begin(call, vault, "instance put", render(call, saved.body), finish="instance written",
                 payload={"instance": saved.id.text, "guid": saved.hidden["guid"]})


def written(world: World, payload: dict[str, Any]) -> None:
    """The operation of a first PUT is over; protection is configured some time later. DeepValidation has everything
    that validateForBackup looks at looked at again, and the operation fails of it.
    """
    record = world.store.get(payload["instance"])
    if record and record.properties.get("validationType") == "DeepValidation":
        kept = record.properties
        if error := instances.flaw(kept) or _gap(world, vault_of(world, record.id), kept):
            write_failed(world, payload)
            raise error
    merge_properties(world, payload["instance"], provisioningState="Succeeded")
    world.clock.after(world.random.uniform(*CONFIGURES), f"{NAMESPACE}:configure", payload)


def write_failed(world: World, payload: dict[str, Any]) -> None:
    merge_properties(world, payload["instance"], provisioningState="Failed",
                     **instances.protection(instances.FAILED))


def configure(world: World, payload: dict[str, Any]) -> None:
    """Protection is configured now, or fails of whatever is missing."""
    record = world.store.get(payload["instance"])
    if record is None or record.hidden["guid"] != payload["guid"] or _goes(record):
        return
    vault, properties = vault_of(world, record.id), record.properties
    fault = record.hidden.pop("fault", None)
    error = instances.flaw(properties) or _gap(world, vault, properties)
    if fault:
        error = Refused(fault.get("code", "CloudInternalError"), message=fault.get("message"))
    if error:
        merge_properties(world, payload["instance"],
                         **instances.protection(instances.ERROR, error.info(record.hidden["activity"])))
        return
    settle(world, record, instances.CONFIGURED)


def _goes(record: Record) -> bool:
    """Has its deletion begun? What was under way before does not bring it back."""
    return record.properties["currentProtectionState"] == instances.SOFT_DELETING


def settle(world: World, record: Record, state: str) -> None:
    """Put an instance into a state without error, and let its schedule run if it is a protected one."""
    merge_properties(world, record.id.text, **instances.protection(state))
    record.hidden["schedule"] = world.guid()
    if state == instances.CONFIGURED:
        backups.plan(world, record)
    if state != instances.STOPPED:
        backups.retire(world, record)


def _update(call: Call, vault: Record, record: Record, kept: dict[str, Any]) -> Reply:
    """Change an instance: the reply and the next reads show the old values."""
    before = record.properties
    instances.check_update(before, kept)
    state = before["currentProtectionState"]
    if state not in SETTLED:
        raise invalid(f"the backup instance cannot be changed while its protection state is {state}")
    if not same(before["policyInfo"]["policyId"], kept["policyInfo"]["policyId"]):
        given = (call.body.get("properties") or {}).get("resourceGuardOperationRequests")
        guards.require(call, vault, f"{VAULTS}/backupInstances/write", given)
    record.hidden["activity"] = call.client_request_id
    merge_properties(call.world, record.id.text, **instances.protection(instances.UPDATING))
    return begin(call, vault, "instance put", render(call, record.body), finish="instance changed", payload={
        "instance": record.id.text, "guid": record.hidden["guid"], "properties": kept, "state": state,
        "tags": call.body.get("tags")})


def changed(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record is None:
        return
    if _goes(record):
        raise invalid("the backup instance is being deleted")
    properties = instances.shown(payload["properties"], instances.UPDATING, "Succeeded")
    body = {"properties": properties, **({"tags": payload["tags"]} if payload["tags"] else {})}
    world.store.put(record.id, body)
    world.clock.after(UPDATES, f"{NAMESPACE}:updated", payload)


def change_failed(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record and not _goes(record):
        settle(world, record, payload["state"])


def updated(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record is None or record.hidden["guid"] != payload["guid"] or _goes(record):
        return
    if payload["state"] in (instances.CONFIGURED, instances.ERROR):
        configure(world, payload)
    else:
        settle(world, record, payload["state"])


# Stopping, suspending, resuming


def transition(call: Call) -> Reply:
    """stopProtection, suspendBackups, resumeProtection, resumeBackups."""
    action = next(name for name in instances.TRANSITIONS if name.lower() == call.action.lower())
    record, vault = call.require(), vault_of(call.world, call.id)
    state = record.properties["currentProtectionState"]
    allowed, after = instances.TRANSITIONS[action]
    if action == "resumeProtection" and state == instances.CONFIGURED:
        return Reply(200)
    if state not in allowed:
        raise invalid(f"{action} is not possible while the protection state is {state}")
    if action in ("stopProtection", "suspendBackups"):
        body = contracts.check(MODELS + REQUESTS[action], call.body) if call.body is not None else {}
        guards.require(call, vault, f"{VAULTS}/backupInstances/{action}/action",
                       body.get("resourceGuardOperationRequests"))
    elif other := _elsewhere(call.world, vault, record.properties):
        raise Refused("UserErrorDppDatasourceAlreadyHasBackupInstance", instance=other.name, vault=other.id.parent.name,
                      status=other.properties["currentProtectionState"])
    lro = f"{action} of suspended" if action == "resumeProtection" and state == instances.SUSPENDED else action
    return begin(call, vault, lro, finish="state changed", payload={
        "instance": record.id.text, "guid": record.hidden["guid"], "before": state, "state": after})


def state_changed(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record is None or record.hidden["guid"] != payload["guid"]:
        raise Refused("UserErrorGenericResourceNotFound")
    state = record.properties["currentProtectionState"]
    if state not in (payload["before"], payload["state"]):
        raise invalid(f"the protection state of the backup instance has become {state} meanwhile")
    error = _gap(world, vault_of(world, record.id), record.properties)
    if error and payload["state"] == instances.CONFIGURED:
        raise error
    settle(world, record, payload["state"])


def sync(call: Call) -> Reply:
    """Retry what failed: an instance whose protection had failed is configured if nothing is missing any more."""
    record, vault = call.require(), vault_of(call.world, call.id)
    return begin(call, vault, "sync", finish="synced",
                 payload={"instance": record.id.text, "guid": record.hidden["guid"]})


def synced(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["instance"])
    if record and record.properties["currentProtectionState"] in (
            instances.ERROR, instances.FAILED, instances.CONFIGURED):
        merge_properties(world, payload["instance"], provisioningState="Succeeded")
        configure(world, payload)
