# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ContainerService: managed clusters, made, read, started, stopped and deleted; node pools; trusted access.

Clusters come from the scenario, or are made. A cluster does one thing at a time: while a trusted access binding is
written or an extension is installed, the next write on the cluster is refused with 409. Sources: REST reference "AKS",
"Get secure access for Azure resources in AKS by using Trusted Access"; casing, flat errors and durations are ARM wire
behaviour.
"""

from __future__ import annotations

import base64
import re
import shlex
import zipfile
from dataclasses import replace
from typing import Any

from .. import access, errors, routing
from ..clock import stamp
from ..errors import AzureError
from ..ids import Id, identifier, same
from ..operations import Lro, Operation
from ..provider import Call, Handler, Post, Provider, Reply, Type
from ..store import Record
from ..world import World, group_id
from . import containerservice_clusters as clusters
from .containerservice_clusters import NAMESPACE

CLUSTERS = f"{NAMESPACE}/managedClusters"
BINDINGS = f"{CLUSTERS}/trustedAccessRoleBindings"
BINDING_NAME = re.compile(r"[A-Za-z0-9_-]{1,24}\Z")
VERSIONS = ("2022-04-02-preview", "2022-11-01", "2023-01-01", "2023-02-02-preview", "2023-04-01", "2023-08-01",
            "2023-09-01", "2023-11-01", "2024-01-01", "2024-02-01", "2024-05-01", "2024-07-01", "2024-08-01",
            "2024-09-01", "2024-10-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01",
            "2025-07-01", "2025-08-01", "2025-09-01", "2025-10-01", "2026-01-01", "2026-02-01", "2026-03-01",
            "2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01")
# Operations of these providers below a cluster are operations of the cluster.
BUSY = {NAMESPACE, "Microsoft.KubernetesConfiguration"}
ROLES = [{
    "sourceResourceType": "Microsoft.DataProtection/backupVaults", "name": "backup-operator", "rules": [
        {"verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
         "apiGroups": ["clusterbackup.dataprotection.microsoft.com"],
         "resources": ["backups", "validateforbackups", "restores", "validateforrestores", "deletebackups"],
         "resourceNames": [], "nonResourceURLs": []},
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [],
         "nonResourceURLs": []}]}]
OPERATION = "{subscription}/providers/Microsoft.ContainerService/locations/{location}/operations/{op}"
RESULT = "{subscription}/providers/Microsoft.ContainerService/locations/{location}/operationresults/{op}"


def busy(world: World, cluster: Id) -> AzureError | None:
    """The refusal while another operation of the cluster runs, in one of the two wordings that the service has."""
    running = [operation for operation in world.operations.running(cluster.text)
               if operation.provider in BUSY and operation.lro != "cluster/command"]
    if not running:
        return None
    if running[0].provider == NAMESPACE:
        what = "Deleting" if running[0].lro == "cluster/delete" else "Updating"
        return AzureError(
            409, "OperationNotAllowed", f"Operation is not allowed: Another operation ({what}) is in progress, please "
            "wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more "
            "details")
    return AzureError(
        409, "EtagMismatch", "Operation is not allowed: Another operation is in progress",
        details=[{"code": "Unspecified", "message": "rpc error: code = FailedPrecondition desc = Etag mismatched"}],
        subcode="PutManagedClusterAndComponents_FailedPrecondition")


def render_cluster(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """The service writes the id with a small ``resourcegroups`` and the type with a capital M."""
    state = body["properties"]["provisioningState"]
    if state == "Succeeded" and busy(call.world, identifier(body["id"])):
        state = "Updating"
    return {**body, "id": body["id"].replace("/resourceGroups/", "/resourcegroups/"),
            "type": "Microsoft.ContainerService/ManagedClusters",
            "properties": {**body["properties"], "provisioningState": state}}


def switch(call: Call) -> Reply:
    """start and stop."""
    record, wanted = call.require(), {"start": "Running", "stop": "Stopped"}[call.action.lower()]
    refusal = busy(call.world, call.id)
    if refusal:
        raise refusal
    if record.properties["powerState"]["code"] == wanted:
        raise AzureError(409, "OperationNotAllowed", f"Operation is not allowed: the managed cluster is in power state "
                         f"{wanted} already.")
    return call.begin(f"cluster/{call.action.lower()}", finish="cluster.switched", location=record.body["location"],
                      payload={"id": record.id.text, "code": wanted})


def switched(world: World, payload: dict[str, Any]) -> None:
    """A cluster that starts again may come back with bindings that no longer work (``stale_bindings``)."""
    record = world.store.merge(payload["id"], {"properties": {"powerState": {"code": payload["code"]}}})
    if record and payload["code"] == "Running" and record.hidden.get("stale_bindings"):
        for binding in world.store.children(record.id, BINDINGS):
            binding.hidden["stale"] = True


# Trusted access

def put_binding(call: Call) -> Reply:
    cluster = call.store.get(call.id.parent)
    assert cluster
    old, wanted = call.record, call.body["properties"]
    if not BINDING_NAME.match(call.id.name):
        raise AzureError(400, "InvalidParameter", f"The value of parameter trustedAccessRoleBindingName "
                         f"'{call.id.name}' is invalid: it must match ^([A-Za-z0-9_-])+$ and be no longer than 24.")
    refusal = busy(call.world, cluster.id)
    if refusal:
        raise refusal
    check_binding(call, old, wanted)
    if cluster.properties["powerState"]["code"] != "Running":
        raise AzureError(409, "OperationNotAllowed", "Operation is not allowed: the managed cluster is in stopped "
                         "power state, please start it first.")
    record = call.store.put(call.id, {"properties": {
        "provisioningState": "Updating", "sourceResourceId": wanted["sourceResourceId"], "roles": wanted["roles"]}},
        None if old else {"principal": principal_of(call.world, wanted["sourceResourceId"])})
    return call.begin("binding/write", record.body, finish="binding.written", payload={"id": record.id.text},
                      location=cluster.body["location"])


def principal_of(world: World, source: str) -> str | None:
    """Whom a binding lets in: the system-assigned identity that its source has when the binding is written."""
    record = world.store.get(source)
    return (record.body.get("identity") or {}).get("principalId") if record else None


def in_force(world: World, binding: Record) -> bool:
    """A binding ends with the identity it was made for: a source made anew under the same ID has another one. Writing
    it again does not help; only a new one does."""
    now = principal_of(world, binding.properties["sourceResourceId"])
    good = binding.properties["provisioningState"] == "Succeeded" and not binding.hidden.get("stale")
    return good and now is not None and binding.hidden.get("principal", now) == now


def check_binding(call: Call, old: Record | None, wanted: dict[str, Any]) -> None:
    known = {f"{role['sourceResourceType']}/{role['name']}".lower() for role in ROLES}
    source = wanted["sourceResourceId"]
    unknown = [role for role in wanted["roles"] if role.lower() not in known]
    if unknown or not wanted["roles"]:
        raise AzureError(400, "BadRequest", f"The trusted access roles {unknown} are not known.")
    try:
        kind = identifier(source).type
    except ValueError:
        kind = ""
    if any(not role.lower().startswith(f"{kind.lower()}/") for role in wanted["roles"]):
        raise AzureError(400, "BadRequest", f"The source resource '{source}' is not of the type of its roles.")
    if not call.can(f"{kind}/read", source):
        raise call.linked(f"{kind}/read", source)
    if call.store.get(source) is None:
        raise AzureError(404, "ResourceNotFound", f"The source resource '{source}' was not found.")
    if old and not same(old.properties["sourceResourceId"], source):
        raise AzureError(400, "BadRequest", "The source resource of a trusted access role binding cannot be changed.")
    for other in call.store.children(call.id.parent, BINDINGS):
        if other.id.key != call.id.key and same(other.properties["sourceResourceId"], source):
            raise AzureError(400, "BadRequest", f"A trusted access role binding {other.name} for the source resource "
                             f"'{source}' exists already.")


def binding_written(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Succeeded"}})


def binding_failed(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Failed"}})


def delete_binding(call: Call) -> Reply:
    if call.record is None:
        return Reply(204)
    refusal = busy(call.world, call.id.parent)
    if refusal:
        raise refusal
    call.store.merge(call.id, {"properties": {"provisioningState": "Deleting"}})
    cluster = call.store.get(call.id.parent)
    assert cluster
    return call.begin("binding/delete", finish="binding.deleted", payload={"id": call.id.text},
                      location=cluster.body["location"])


def binding_deleted(world: World, payload: dict[str, Any]) -> None:
    world.store.delete(payload["id"])


def not_found(call: Call) -> AzureError:
    if call.type.name.endswith("trustedAccessRoleBindings"):
        subscription, group = call.id.root
        return AzureError(
            404, "NotFound", f"Could not find the trusted access role binding {call.id.name} in subscription: "
            f"{subscription}, resourceGroup: {group}, clusterName: {call.id.names[0]}.",
            details=[{"code": "Unspecified",
                      "message": "rpc error: code = NotFound desc = TrustedAccessRoleBinding not found"}],
            subcode="GetTrustedAccessRoleBinding_NotFound")
    return errors.resource_not_found(f"{call.id.type}/{'/'.join(call.id.names)}", call.id.group)


def list_roles(call: Call) -> list[dict[str, Any]]:
    return ROLES


def status(world: World, operation: Operation) -> dict[str, Any]:
    """No id; times with ``Z``; InProgress in this spelling."""
    body: dict[str, Any] = {"name": operation.name, "status": operation.state, "startTime": stamp(operation.started)}
    if operation.ended is not None:
        body["endTime"] = stamp(operation.ended)
    if operation.error:
        body["error"] = {key: operation.error[key] for key in ("code", "message") if key in operation.error}
    return body


# Into the cluster

def credentials(user: str) -> Handler:
    """listClusterUserCredential and listClusterAdminCredential."""
    def run(call: Call) -> Reply:
        record, server = call.require(), call.exchange.server
        if user == "clusterAdmin" and record.properties["disableLocalAccounts"]:
            raise AzureError(400, "BadRequest", "Getting static credential is not allowed because this cluster is set "
                             "to disable local accounts.")
        text = access.kubeconfig(call.world, record, user, call.exchange.base_url, server.ca_file.read_text())
        return Reply(200, {"kubeconfigs": [{"name": user, "value": base64.b64encode(text.encode()).decode()}]})
    return run


def run_command(call: Call) -> Reply:
    """A pod is started for a command. Where users sign in with Entra, a token for the cluster has to come along."""
    record = call.require()
    if record.properties.get("apiServerAccessProfile", {}).get("disableRunCommand"):
        raise AzureError(403, "RunCommandDisabled", "Run command feature is disabled for this cluster.")
    if record.properties["powerState"]["code"] != "Running":
        raise AzureError(409, "OperationNotAllowed", "Operation is not allowed: the managed cluster is in stopped "
                         "power state, please start it first.")
    token = call.body.get("clusterToken") or ""
    if "aadProfile" in record.properties and not call.exchange.server.entra.issued(token, access.ENTRA_SERVER):
        raise AzureError(400, "BadRequest", "The clusterToken is missing or is not one for the AKS Entra server.")
    try:
        words = shlex.split(call.body["command"])
    except ValueError as error:
        raise AzureError(400, "BadRequest", f"The command cannot be read: {error}.") from None
    try:
        access.files_of(call.body.get("context") or "")
    except (ValueError, zipfile.BadZipFile) as error:
        raise AzureError(400, "BadRequest", f"The context is not an archive of files in base64: {error}.") from None
    target = call.exchange.target
    if words[:2] == ["kubectl", "get"] and target and target.post:
        # What a command does to the cluster counts, and this one only looks.
        call.exchange.target = replace(target, post=replace(target.post, write=False))
    return call.begin("cluster/command", finish="command.run", payload={
        "id": record.id.text, "command": call.body["command"], "context": call.body.get("context") or ""})


def command_run(world: World, payload: dict[str, Any]) -> dict[str, Any]:
    record = world.store.get(payload["id"])
    if record is None:
        raise AzureError(404, "NotFound", "The cluster is gone.")
    started = stamp(world.clock.now)
    try:
        code, logs = access.command(world, record, payload["command"], payload["context"])
    except ValueError as error:
        code, logs = 127, f"the emulator does not model {error}\n"
    return {"id": payload["operation"], "properties": {
        "provisioningState": "Succeeded", "exitCode": code, "startedAt": started, "finishedAt": started, "logs": logs}}


def command_result(world: World, operation: Operation) -> Reply:
    if operation.lro == "cluster/command":
        return Reply(200, operation.result)
    return routing.result(world, operation)


# Scenario, and clusters that are made

def seed(world: World, subscription: str, section: dict[str, Any]) -> None:
    """``clusters``: name, resource_group, location, identity (SystemAssigned, UserAssigned, ServicePrincipal),
    kubernetes_version, power_state, entra (users sign in with it), local_accounts, private, run_command, kubeconfig
    (text: a real cluster that credentials and commands lead to), disk_csi, file_csi, snapshot_controller, node_pools,
    tags, stale_bindings, content (what is inside), count (so many, named NAME-1 and so on)."""
    for entry in section.get("clusters", []):
        values = {key: value for key, value in entry.items() if key != "count"}
        for number in range(1, entry.get("count", 0) + 1):
            clusters.add(world, subscription, **{**values, "name": f"{entry['name']}-{number}"})
        if "count" not in entry:
            clusters.add(world, subscription, **values)


def put_cluster(call: Call) -> Reply:
    old = call.record
    must_match(call, old)
    refusal = old and busy(call.world, call.id)
    if refusal:
        raise refusal
    record = clusters.change(call, old) if old else clusters.make(call)
    return call.begin("cluster/write", call.render(record.body), finish="cluster.written", status=200 if old else 201,
                      payload={"id": record.id.text}, location=record.body["location"])


def patch_cluster(call: Call) -> Reply:
    """Other tags in place of those that there are ("Managed Clusters - Update Tags")."""
    record = call.require()
    must_match(call, record)
    if refusal := busy(call.world, call.id):
        raise refusal
    saved = call.store.put(call.id, {**record.body, "tags": call.body.get("tags") or {}})
    return call.begin("cluster/write", call.render(saved.body), finish="cluster.written", status=200,
                      payload={"id": record.id.text}, location=record.body["location"])


def delete_cluster(call: Call) -> Reply:
    record = call.record
    if record is None:
        return Reply(204)
    must_match(call, record)
    if refusal := busy(call.world, call.id):
        raise refusal
    call.store.merge(call.id, {"properties": {"provisioningState": "Deleting"}})
    return call.begin("cluster/delete", finish="cluster.deleted", payload={"id": record.id.text},
                      location=record.body["location"])


def cluster_deleted(world: World, payload: dict[str, Any]) -> None:
    """With it go what hangs on it, its node resource group, and the identities of all of these. Its backup instance
    stays, and so do role assignments of its identities elsewhere."""
    record = world.store.get(payload["id"])
    if record is None:
        return
    for id in (record.id, group_id(record.id.subscription, record.properties["nodeResourceGroup"])):
        for each in (*reversed(world.store.below(id)), world.store.get(id)):
            if each:
                world.forget(each)


def must_match(call: Call, old: Record | None) -> None:
    """The conditions that writing a cluster takes (REST reference). No cluster shows an eTag that could match."""
    wanted = call.header("If-Match")
    if (wanted and (old is None or wanted != "*")) or (old and call.header("If-None-Match")):
        raise AzureError(412, "PreconditionFailed", "The condition of If-Match or If-None-Match is not met.")


def cluster_written(world: World, payload: dict[str, Any]) -> None:
    record = world.store.get(payload["id"])
    if record:
        world.store.merge(record.id, {"properties": clusters.written(record)})


def cluster_failed(world: World, payload: dict[str, Any]) -> None:
    world.store.merge(payload["id"], {"properties": {"provisioningState": "Failed"}})


PROVIDER = Provider(
    namespace=NAMESPACE, api_versions=VERSIONS, envelope=errors.flat, seed=seed, not_found=not_found,
    render_status=status,
    lros={"binding/write": Lro(seconds=16.5, status=201, monitor=OPERATION, version="2016-03-30", retry_after=10),
          "binding/delete": Lro(seconds=13, monitor=OPERATION, location=RESULT, version="2016-03-30", retry_after=10),
          "cluster/write": Lro(seconds=240, monitor=OPERATION, version="2016-03-30", retry_after=15),
          "cluster/delete": Lro(seconds=300, monitor=OPERATION, location=RESULT, version="2016-03-30", retry_after=15),
          "cluster/start": Lro(seconds=180, monitor=OPERATION, location=RESULT, version="2016-03-30", retry_after=15),
          "cluster/stop": Lro(seconds=150, monitor=OPERATION, location=RESULT, version="2016-03-30", retry_after=15),
          "cluster/command": Lro(seconds=8, location="{id}/commandResults/{op}", signed=False, retry_after=5)},
    render_result=command_result,
    events={"binding.written": binding_written, "binding.written.failed": binding_failed,
            "cluster.written": cluster_written, "cluster.written.failed": cluster_failed,
            "cluster.deleted": cluster_deleted, "cluster.deleted.failed": cluster_failed,
            "binding.deleted": binding_deleted, "binding.deleted.failed": binding_failed, "cluster.switched": switched,
            "command.run": command_run, access.EVENT: access.finish},
    types=(
        Type("managedClusters", render=render_cluster, put=put_cluster, patch=patch_cluster, delete=delete_cluster,
             read_only=clusters.READ_ONLY, model="azure.mgmt.containerservice.models:ManagedCluster",
             patch_model="azure.mgmt.containerservice.models:TagsObject",
             posts={"start": Post(switch), "stop": Post(switch),
                    "listClusterAdminCredential": Post(credentials("clusterAdmin"), write=False),
                    "listClusterUserCredential": Post(credentials("clusterUser"), write=False),
                    "runCommand": Post(run_command, "azure.mgmt.containerservice.models:RunCommandRequest")}),
        Type("managedClusters/agentPools"),
        Type("managedClusters/trustedAccessRoleBindings", put=put_binding, delete=delete_binding,
             model="azure.mgmt.containerservice.models:TrustedAccessRoleBinding",
             read_only=("properties.provisioningState",)),
        Type("locations", scope="subscription", stored=False),
        Type("locations/orchestrators", scope="subscription", api_versions=("2019-04-01", "2019-08-01"), stored=False,
             list=clusters.orchestrators),
        Type("locations/trustedAccessRoles", scope="subscription", list=list_roles, stored=False),
    ))
