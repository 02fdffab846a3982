# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.KubernetesConfiguration: cluster extensions on AKS, above all that of Azure Backup.

Sources: REST reference "Kubernetes configuration extensions", "Manage Azure Kubernetes Service backups" (settings,
error messages of failed installations); normalisation of answers and the operations endpoint are ARM wire behaviour.
"""

from __future__ import annotations

import re
from typing import Any

from .. import errors
from ..clock import moment
from ..errors import AzureError
from ..ids import Id, identifier
from ..operations import Lro, Operation
from ..provider import Call, Provider, Reply, Type
from ..store import Record, merged
from ..world import World
from .containerservice import busy
from .managedidentity import create as create_identity
from .managedidentity import identity_id

NAMESPACE = "Microsoft.KubernetesConfiguration"
EXTENSIONS = f"{NAMESPACE}/extensions"
BACKUP = "microsoft.dataprotection.kubernetes"
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]{0,252}\Z")
# Extension types that a cluster can be asked for, with the namespace that their release gets.
TYPES = {BACKUP: "dataprotection-microsoft", "microsoft.flux": "flux-system", "microsoft.dapr": "dapr-system",
         "microsoft.azurekeyvaultsecretsprovider": "kube-system"}
RELEASE_TRAINS = ("stable", "preview", "dev")
BSL = "configuration.backupStorageLocation."
MANDATORY = (f"{BSL}bucket", f"{BSL}config.storageAccount", f"{BSL}config.resourceGroup",
             f"{BSL}config.subscriptionId")
# Seconds between the end of the installation and an available backup storage location.
BSL_SETTLES = (20.0, 90.0)
FOREIGN = "https://{region}.rp.kubernetesconfiguration.azure.com"
OPERATION = "{id}/operations/{op}"


def dotted(seconds: float) -> str:
    """Timestamps of this service: seven digits and an offset."""
    return moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f") + "1+00:00"


def put(call: Call) -> Reply:
    cluster, old = cluster_of(call), call.record
    wanted = call.body.get("properties") or {}
    check(call, cluster, old, wanted)
    kind = wanted["extensionType"].lower()
    identity = old.properties["aksAssignedIdentity"] if old else new_identity(call, cluster)
    release = ((wanted.get("scope") or {}).get("cluster") or {}).get("releaseNamespace") or TYPES[kind]
    properties = {
        "extensionType": kind, "autoUpgradeMinorVersion": wanted.get("autoUpgradeMinorVersion", True),
        "releaseTrain": wanted.get("releaseTrain") or "stable", "version": wanted.get("version"),
        "currentVersion": old.properties.get("currentVersion") if old else None,
        "scope": {"cluster": {"releaseNamespace": release}}, "provisioningState": "Updating" if old else "Creating",
        "configurationSettings": settings(wanted), "statuses": [],
        "configurationProtectedSettings": dict.fromkeys(wanted.get("configurationProtectedSettings") or {}, ""),
        "aksAssignedIdentity": identity, "isSystemExtension": False}
    created = old.body["systemData"]["createdAt"] if old else dotted(call.now)
    body = {"properties": properties, "systemData": {
        "createdBy": None, "createdByType": None, "createdAt": created, "lastModifiedBy": None,
        "lastModifiedByType": None, "lastModifiedAt": dotted(call.now)}}
    record = call.store.put(call.id, body, old.hidden if old else {})
    reply = call.begin("extension/update" if old else "extension/create", record.body, finish="extension.settled",
                       payload={"id": record.id.text, "verb": "Update" if old else "Create"})
    reply.headers["Location"] = FOREIGN.format(region=cluster.body["location"]) + record.id.text
    return reply


def check(call: Call, cluster: Record, old: Record | None, wanted: dict[str, Any]) -> None:
    kind = (wanted.get("extensionType") or "").lower()
    if not NAME.match(call.id.name):
        raise AzureError(400, "InvalidExtensionName", f"The extension name '{call.id.name}' is invalid.")
    if kind not in TYPES:
        raise AzureError(400, "ExtensionTypeRegistrationGetFailed", f"Extension type '{kind}' registration could not "
                         "be found for cluster type 'managedClusters' in this region.")
    if old and old.properties["extensionType"] != kind:
        raise AzureError(400, "BadRequest", "The property 'extensionType' cannot be changed.")
    scope = wanted.get("scope") or {}
    if kind == BACKUP and scope.get("namespace"):
        raise AzureError(400, "BadRequest", "The extension can only be installed at the scope of the cluster.")
    namespace = (scope.get("cluster") or {}).get("releaseNamespace")
    if old and namespace and namespace != old.properties["scope"]["cluster"]["releaseNamespace"]:
        raise AzureError(400, "BadRequest", "The property 'scope' cannot be changed.")
    train = wanted.get("releaseTrain") or "stable"
    if train.lower() not in RELEASE_TRAINS:
        raise AzureError(400, "BadRequest", f"The release train '{train}' is not known for '{kind}'.")
    if wanted.get("version") and wanted.get("autoUpgradeMinorVersion", True):
        raise AzureError(400, "BadRequest", "A version can only be given when autoUpgradeMinorVersion is false.")
    for other in call.store.children(cluster.id, EXTENSIONS):
        if other.id.key != call.id.key and other.properties["extensionType"] == kind:
            raise AzureError(409, "Conflict", f"The extension type '{kind}' is installed as '{other.name}': multiple "
                             "extensions of same type is not allowed at this scope.")
    refuse_when_busy(call, cluster)


def refuse_when_busy(call: Call, cluster: Record) -> None:
    refusal = busy(call.world, cluster.id)
    if refusal:
        raise AzureError(refusal.status, refusal.code, refusal.message)


def cluster_of(call: Call) -> Record:
    """The core has checked that what the extension hangs on exists."""
    id = identifier(call.id.scope)
    if id.type.lower() != "microsoft.containerservice/managedclusters":
        raise errors.not_modelled(f"extensions of {id.type}")
    record = call.store.get(id)
    assert record
    return record


def settings(wanted: dict[str, Any]) -> dict[str, str]:
    given = {key: value for key, value in (wanted.get("configurationSettings") or {}).items() if value is not None}
    return {**given, "global.clusterType": "managedclusters"}


def new_identity(call: Call, cluster: Record) -> dict[str, Any]:
    """AKS makes a user-assigned identity for the extension in the node resource group; only its principal is shown."""
    id = identity_id(call.id.subscription, cluster.properties["nodeResourceGroup"],
                     f"ext-{call.id.name}-{cluster.name}")
    record = create_identity(call.world, id, cluster.body["location"], call.tenant)
    return {"principalId": record.properties["principalId"], "tenantId": None, "type": None}


def patch(call: Call) -> Reply:
    cluster, record = cluster_of(call), call.require()
    refuse_when_busy(call, cluster)
    wanted = call.body.get("properties") or {}
    if "configurationProtectedSettings" in wanted:
        wanted = {**wanted, "configurationProtectedSettings": dict.fromkeys(
            wanted["configurationProtectedSettings"] or {}, "")}
    properties = merged(record.properties, {**wanted, "provisioningState": "Updating"})
    record = call.store.put(call.id, {**record.body, "properties": properties})
    return call.begin("extension/update", record.body, finish="extension.settled", status=202,
                      payload={"id": record.id.text, "verb": "Update"})


def settled(world: World, payload: dict[str, Any]) -> None:
    """The installation ends: well, or with what Helm says."""
    record = world.store.get(payload["id"])
    if record is None:
        return
    problem = installation_problem(world, record)
    if problem:
        raise failed_state(world, record, payload["verb"], problem)
    newest = {BACKUP: "0.0.3012-2"}.get(record.properties["extensionType"], "1.0.0")
    version = record.properties.get("version") or newest
    hidden = {**record.hidden, "ready": world.clock.now + world.random.uniform(*BSL_SETTLES)}
    properties = {key: value for key, value in record.properties.items() if key != "errorInfo"}
    world.store.put(record.id, {**record.body, "properties": {
        **properties, "provisioningState": "Succeeded", "currentVersion": version, "statuses": []}}, hidden)


def settle_failed(world: World, payload: dict[str, Any]) -> None:
    """A fault rule lets the installation fail."""
    record = world.store.get(payload["id"])
    if record:
        failed_state(world, record, payload["verb"], payload["fault"].get(
            "message", f"Helm installation from path [] for release [{record.name}] failed with the following error: "
            "BackoffLimitExceeded"))


def installation_problem(world: World, record: Record) -> str:
    cluster = world.store.get(record.id.scope)
    if cluster is None or cluster.properties["powerState"]["code"] != "Running":
        return "the cluster is not reachable"
    given = {key.lower() for key, value in record.properties["configurationSettings"].items() if value}
    if record.properties["extensionType"] == BACKUP and not all(key.lower() in given for key in MANDATORY):
        return (f"Helm installation from path [] for release [{record.name}] failed with the following error: err "
                f"[release {record.name} failed, and has been uninstalled due to atomic being set: failed post-install"
                ": timed out waiting for the condition]")
    return ""


def failed_state(world: World, record: Record, verb: str, problem: str) -> AzureError:
    """A failed extension stays as a resource in state Failed; gives the error of the operation."""
    message = (f"The extension operation failed with the following error: Error: [ InnerError: [Helm installation "
               f"failed : {problem}]] occurred while doing the operation : [{verb}] on the config, For general "
               "troubleshooting visit: https://aka.ms/k8s-extensions-TSG.")
    world.store.merge(record.id, {"properties": {
        "provisioningState": "Failed", "errorInfo": {"code": "ExtensionOperationFailed", "message": message},
        "statuses": [{"code": "InstallationFailed", "displayStatus": None, "level": "Error", "message": problem,
                      "time": None}]}})
    return AzureError(200, "ExtensionOperationFailed", message)


def delete(call: Call) -> Reply:
    cluster, record = cluster_of(call), call.record
    if record is None:
        return Reply(204)
    if call.query.get("forcedelete", "").lower() == "true":
        remove(call.world, call.id)
        return Reply(200, {"content": None, "statusCode": 200, "headers": [], "isSuccessStatusCode": True})
    refuse_when_busy(call, cluster)
    call.store.merge(call.id, {"properties": {"provisioningState": "Deleting"}})
    return call.begin("extension/delete", finish="extension.deleted", payload={"id": call.id.text})


def deleted(world: World, payload: dict[str, Any]) -> None:
    remove(world, identifier(payload["id"]))


def delete_failed(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Failed"}})


def remove(world: World, id: Id) -> None:
    """The extension goes, and its identity with it."""
    record = world.store.get(id)
    if record is None:
        return
    principal = record.properties["aksAssignedIdentity"]["principalId"]
    for identity in world.store.of_type(id.subscription, "Microsoft.ManagedIdentity/userAssignedIdentities"):
        if identity.properties["principalId"] == principal:
            world.forget(identity)
    world.store.delete(id)


def status(world: World, operation: Operation) -> dict[str, Any]:
    """The word in between is the verb's; the error is null when there is none."""
    running = {"extension/create": "Creating", "extension/update": "Updating", "extension/delete": "Deleting"}
    error = operation.error and {key: operation.error[key] for key in ("code", "message")}
    return {"id": operation.paths["status"], "name": operation.name, "properties": {}, "error": error,
            "status": running[operation.lro] if operation.state == "InProgress" else operation.state}


def render(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "type": EXTENSIONS, "properties": {"errorInfo": None, **body["properties"]}}


PROVIDER = Provider(
    namespace=NAMESPACE, envelope=errors.arm, render_status=status,
    api_versions=("2022-03-01", "2022-04-02-preview", "2022-07-01", "2022-11-01", "2023-05-01", "2024-11-01",
                  "2025-03-01"),
    lros={"extension/create": Lro(seconds=238, status=201, monitor=OPERATION, signed=False, version_key="api-Version",
                                  retry_after=15),
          "extension/update": Lro(seconds=120, status=201, monitor=OPERATION, signed=False, version_key="api-Version",
                                  retry_after=15),
          "extension/delete": Lro(seconds=90, monitor=OPERATION, signed=False, version_key="api-Version",
                                  retry_after=15)},
    events={"extension.settled": settled, "extension.settled.failed": settle_failed, "extension.deleted": deleted,
            "extension.deleted.failed": delete_failed},
    types=(
        Type("extensions", scope="extension", put=put, patch=patch, delete=delete, render=render, null_next_link=True,
             model="azure.mgmt.kubernetesconfiguration.extensions.models:Extension",
             patch_model="azure.mgmt.kubernetesconfiguration.extensions.models:PatchExtension",
             stringly=("configurationSettings", "configurationProtectedSettings"),
             read_only=tuple(f"properties.{name}" for name in (
                 "currentVersion", "provisioningState", "statuses", "errorInfo", "aksAssignedIdentity",
                 "aksAssignedIdentity.principalId", "aksAssignedIdentity.tenantId",
                 "isSystemExtension", "customLocationSettings", "packageUri"))),
    ))
