# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed clusters as documents: from a scenario, and from the PUT of a client.

Sources: REST reference "AKS", operation Managed Clusters - Create Or Update, and "Troubleshoot AKS" for the refusals.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import AzureError, FrontDoorError, not_modelled
from ..ids import Id
from ..kubernetes import Cluster
from ..provider import Call, Reply
from ..regions import REGIONS, slug
from ..store import Record, merged
from ..world import World, group_id
from . import managedidentity

NAMESPACE = "Microsoft.ContainerService"
# Version -> what it can be upgraded to.
KUBERNETES = {"1.32.6": ["1.33.2"], "1.33.2": ["1.34.0"], "1.34.0": []}
DEFAULT = "1.33.2"
READ_ONLY = ("properties.provisioningState", "properties.powerState", "properties.fqdn", "properties.maxAgentPools",
             "properties.currentKubernetesVersion", "identity.principalId", "identity.tenantId",
             "properties.agentPoolProfiles[].provisioningState",
             "identity.userAssignedIdentities.*.clientId", "identity.userAssignedIdentities.*.principalId")
# "Naming rules and restrictions for Azure resources".
NAME = re.compile(r"[A-Za-z0-9]([-_A-Za-z0-9]{0,61}[A-Za-z0-9])?\Z")
TIERS = {"free": "Free", "standard": "Standard", "premium": "Premium"}
# What an existing cluster keeps.
FIXED = ("dnsPrefix", "nodeResourceGroup", "enableRBAC")


def orchestrators(call: Call) -> Reply:
    """The versions of a region. Not a list as others are: one object that holds it."""
    return Reply(200, {
        "id": f"{call.id.scope}/providers/{NAMESPACE}/locations/{call.id.names[0]}/orchestrators", "name": "default",
        "type": f"{NAMESPACE}/locations/orchestrators", "properties": {"orchestrators": [
            {**named(version), "default": version == DEFAULT, "upgrades": [named(next_) for next_ in upgrades]}
            for version, upgrades in KUBERNETES.items()]}})


def named(version: str) -> dict[str, Any]:
    return {"orchestratorType": "Kubernetes", "orchestratorVersion": version}


def make(call: Call) -> Record:
    """A new cluster, in state Creating. Its identity is new as well, and not yet known everywhere."""
    body, wanted = call.body, call.body.get("properties") or {}
    refuse(call, body, wanted)
    pools = [{"name": pool["name"], "count": pool.get("count", 1), "vm_size": pool.get("vmSize", "Standard_D4s_v5"),
              "os_type": pool.get("osType", "Linux"), "mode": pool.get("mode", "User")}
             for pool in wanted["agentPoolProfiles"]]
    kind = (body.get("identity") or {}).get("type") or "ServicePrincipal"
    access = wanted.get("apiServerAccessProfile") or {}
    version = wanted.get("kubernetesVersion") or DEFAULT
    record = add(
        call.world, call.id.subscription, call.id.name, call.id.group, body["location"], identity=kind,
        kubernetes_version=resolved(call.id.name, version), node_pools=pools, tags=body.get("tags"),
        local_accounts=not wanted.get("disableLocalAccounts"), private=bool(access.get("enablePrivateCluster")),
        run_command=not access.get("disableRunCommand"), old=False)
    made = {**record.body, "sku": sku(body, "Free"), "properties": {**record.properties, "kubernetesVersion": version}}
    return properties(call, call.store.put(record.id, made), "Creating")


def sku(body: dict[str, Any], tier: str) -> dict[str, str]:
    """``tier`` where the request has none; a new cluster is a Free one then."""
    wanted = (body.get("sku") or {}).get("tier") or tier
    return {"name": "Base", "tier": TIERS[wanted.lower()]}


def properties(call: Call, record: Record, state: str) -> Record:
    """The cluster with the properties of the request; node pools are records of their own."""
    asked = {key: value for key, value in (call.body.get("properties") or {}).items()
             if key not in ("agentPoolProfiles", "identityProfile", "servicePrincipalProfile", "kubernetesVersion")
             and value is not None}
    return call.store.put(record.id, merged(record.body, {"properties": {**asked, "provisioningState": state}}))


def refuse(call: Call, body: dict[str, Any], wanted: dict[str, Any]) -> None:
    """What the service does not make; the first of it."""
    location, pools = slug(body.get("location") or ""), wanted.get("agentPoolProfiles") or []
    if not NAME.match(call.id.name):
        raise AzureError(400, "InvalidParameter", f"The value of parameter resourceName '{call.id.name}' is invalid: "
                         "it must begin and end with a letter or digit, have only these, '-' and '_', and at most 63.")
    if location not in REGIONS:
        raise FrontDoorError(400, "LocationNotAvailableForResourceType", f"The provided location '{location}' is not "
                             f"available for resource type '{NAMESPACE}/managedClusters'.")
    kind = (body.get("identity") or {}).get("type")
    if kind == "UserAssigned":
        raise not_modelled("making clusters with another than a system-assigned identity")
    if kind != "SystemAssigned" and not wanted.get("servicePrincipalProfile"):
        raise AzureError(400, "InvalidParameter", "Required parameter servicePrincipalProfile or identity is missing.")
    if not wanted.get("dnsPrefix"):
        raise AzureError(400, "InvalidParameter", "Required parameter dnsPrefix is missing (null).")
    if not pools:
        raise AzureError(400, "InvalidParameter", "Required parameter agentPoolProfiles is missing (null).")
    if not any(pool.get("mode") == "System" for pool in pools):
        raise AzureError(400, "InvalidParameter", "Must define at least one system pool.")
    resolved(call.id.name, wanted.get("kubernetesVersion") or DEFAULT)


def latest(version: str) -> str | None:
    """The patch version that is meant: of a minor version the latest (REST reference, kubernetesVersion)."""
    return next((known for known in reversed(KUBERNETES) if known == version or known.startswith(f"{version}.")), None)


def resolved(cluster: str, version: str) -> str:
    found = latest(version)
    if found is None:
        raise AzureError(400, "K8sVersionNotSupported", f"Managed cluster {cluster} is on version {version}, which is "
                         "not supported in this region.")
    return found


def change(call: Call, old: Record) -> Record:
    """An existing cluster with other properties; what is not in the request stays, but for the tags."""
    body, wanted = call.body, call.body.get("properties") or {}
    if slug(body.get("location") or "") != old.body["location"]:
        raise FrontDoorError(409, "InvalidResourceLocation", f"The resource '{old.name}' already exists in location "
                             f"'{old.body['location']}' in resource group '{call.id.group}'. A resource with the "
                             f"same name cannot be created in location '{slug(body.get('location') or '')}'. Please "
                             "select a new resource name.")
    for key in FIXED:
        if wanted.get(key) is not None and wanted[key] != old.properties[key]:
            raise AzureError(400, "PropertyChangeNotAllowed", f"Changing property '{key}' is not allowed.",
                             target=key)
    kind = (body.get("identity") or {}).get("type")
    if kind and kind.lower() != (old.body.get("identity") or {"type": "None"})["type"].lower():
        raise not_modelled("changing the identity of a cluster")
    version = wanted.get("kubernetesVersion") or old.properties["kubernetesVersion"]
    if version != old.properties["kubernetesVersion"]:
        upgrade(old, version)
    now = {pool["name"]: pool["count"] for pool in old.properties["agentPoolProfiles"]}
    if any(now.get(pool["name"]) != pool.get("count") for pool in wanted.get("agentPoolProfiles") or []):
        raise not_modelled("changing node pools")
    tier = (old.body.get("sku") or {}).get("tier") or "Free"
    kept = {**old.body, "tags": body.get("tags") or {}, "sku": sku(body, tier),
            "properties": {**old.properties, "kubernetesVersion": version}}
    return properties(call, call.store.put(old.id, kept), "Updating")


def upgrade(old: Record, version: str) -> None:
    """Refuse a version that is none, that is older, or that skips one."""
    now, then = old.properties.get("currentKubernetesVersion", DEFAULT), resolved(old.name, version)
    if then not in (now, *KUBERNETES.get(now, [])):
        raise AzureError(400, "OperationNotAllowed", f"Upgrading Kubernetes version {now} to {then} is not allowed. "
                         f"Available upgrades: {KUBERNETES.get(now, [])}.")


def written(record: Record) -> dict[str, Any]:
    """What the properties are at the end of a write: an upgrade is done, that of the control plane."""
    version = record.properties["kubernetesVersion"]
    return {"provisioningState": "Succeeded", "currentKubernetesVersion": latest(version) or version}


def add(world: World, subscription: str, name: str, resource_group: str, location: str,
        identity: str = "SystemAssigned", kubernetes_version: str = "1.33.2", power_state: str = "Running",
        disk_csi: bool = True, file_csi: bool = True, snapshot_controller: bool = True,
        node_pools: list[dict[str, Any]] | None = None, tags: dict[str, str] | None = None,
        stale_bindings: bool = False, content: dict[str, Any] | None = None, entra: bool = False,
        local_accounts: bool = True, private: bool = False, run_command: bool = True,
        kubeconfig: str = "", old: bool = True) -> Record:
    location, tenant = slug(location), world.tenant_of(subscription)
    if world.store.get(group_id(subscription, resource_group)) is None:
        raise ValueError(f"cluster {name}: there is no resource group {resource_group}")
    id = Id(group_id(subscription, resource_group).text, NAMESPACE, ("managedClusters",), (name,))
    node_group = f"MC_{resource_group}_{name}_{location}"
    world.put_group(subscription, node_group, location)
    kubelet = managedidentity.create(
        world, managedidentity.identity_id(subscription, node_group, f"{name}-agentpool"), location, tenant, old=old)
    pools = [{"name": "nodepool1", "count": 3, **pool} for pool in node_pools or [{}]]
    properties = {
        "provisioningState": "Succeeded", "powerState": {"code": power_state}, "kubernetesVersion": kubernetes_version,
        "currentKubernetesVersion": kubernetes_version, "dnsPrefix": name, "fqdn": f"{name}.hcp.{location}.azmk8s.io",
        "nodeResourceGroup": node_group, "enableRBAC": True, "maxAgentPools": 100,
        "disableLocalAccounts": not local_accounts,
        "servicePrincipalProfile": {"clientId": "msi"},
        "agentPoolProfiles": [{"name": pool["name"], **pool_properties(pool, kubernetes_version)} for pool in pools],
        "identityProfile": {"kubeletidentity": {
            "resourceId": kubelet.id.text, "clientId": kubelet.properties["clientId"],
            "objectId": kubelet.properties["principalId"]}},
        "addonProfiles": {},
        "storageProfile": {"diskCSIDriver": {"enabled": disk_csi}, "fileCSIDriver": {"enabled": file_csi},
                           "snapshotController": {"enabled": snapshot_controller}},
        "networkProfile": {"networkPlugin": "azure"}}
    if entra:
        properties["aadProfile"] = {"managed": True, "enableAzureRBAC": True, "tenantID": tenant}
    if private or not run_command:
        properties["apiServerAccessProfile"] = {"enablePrivateCluster": private, "disableRunCommand": not run_command}
    body: dict[str, Any] = {"location": location, "tags": tags or {}, "sku": {"name": "Base", "tier": "Standard"},
                            "properties": properties}
    if identity == "SystemAssigned":
        own = world.managed_identity(tenant, name, owner=id.key, old=old)
        body["identity"] = {"type": identity, "principalId": own["principalId"], "tenantId": tenant}
    elif identity == "UserAssigned":
        own_id = managedidentity.identity_id(subscription, resource_group, f"{name}-identity")
        own_record = managedidentity.create(world, own_id, location, tenant, old=old)
        body["identity"] = {"type": identity, "userAssignedIdentities": {own_record.id.text: {
            "clientId": own_record.properties["clientId"], "principalId": own_record.properties["principalId"]}}}
    elif identity == "ServicePrincipal":
        properties["servicePrincipalProfile"] = {"clientId": world.guid()}
    else:
        raise ValueError(f"cluster {name}: identity is SystemAssigned, UserAssigned or ServicePrincipal")
    if content is not None:
        # A scenario whose cluster cannot be has to fail at the start, not at the first backup.
        Cluster(name, kubernetes_version, content)
    record = world.store.put(id, body, {"content": content, "stale_bindings": stale_bindings, "kubeconfig": kubeconfig})
    for pool in pools:
        world.store.put(id.child("agentPools", pool["name"]),
                        {"properties": pool_properties(pool, kubernetes_version)})
    return record


def pool_properties(pool: dict[str, Any], version: str) -> dict[str, Any]:
    return {"count": pool["count"], "vmSize": pool.get("vm_size", "Standard_D4s_v5"), "osType": pool.get("os_type",
            "Linux"), "mode": pool.get("mode", "System"), "type": "VirtualMachineScaleSets",
            "orchestratorVersion": version, "provisioningState": "Succeeded", "powerState": {"code": "Running"}}
