# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted Access role bindings, which let a vault in to a cluster. Private to the collection.

A binding is for the identity that the vault has when it is made. Azure shows neither that identity nor that a binding
has ended with it, or with a stop and start of the cluster; what it shows is the error of the backup instances that do
not get in. Only a new binding helps, and not the old one written again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    reconcile,
    refuse_unknown,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    BINDINGS,
    MAKE_VAULT,
    ROUTING,
    VAULT,
    cluster_id,
    cluster_problems,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form as instance_form

ROLES_TYPE = "Microsoft.ContainerService/locations/trustedAccessRoles"
# Every region of Azure Backup has this one, so that nobody has to be asked about it.
OPERATOR = "microsoft.dataprotection/backupvaults/backup-operator"
FORBIDDEN = "UserErrorTrustedAccessGatewayReturnedForbidden"


class Binding(Resource):
    noun = "Trusted Access role binding"
    immutable = {
        "properties.sourceResourceId": "a binding stays with the vault it was made for. Use another name, or leave "
        "name out to have one derived from the vault. If the other vault is gone, repair=stale makes the binding anew."
    }
    rules = {"properties.sourceResourceId": _compare.caseless, "properties.roles": _compare.unordered}

    def id(self, params: Params) -> str:
        return _ids.binding(cluster_id(params), params.get("name") or derived_name(vault_id(params)))

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        # One binding per cluster and vault is enough: whoever made it, under whatever name, it is adopted.
        cluster, named = cluster_id(params), self.id(params)
        bindings = arm.list_all(BINDINGS, cluster)
        if params.get("match") != "name":
            for item in _of_vault(bindings, vault_id(params)):
                return _ids.binding(cluster, item["name"]), item
        return named, next((item for item in bindings if _ids.same(item["id"], named)), None)

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            return {}
        found, vault = arm.together(
            [lambda: arm.get(cluster_id(params)), lambda: arm.require(vault_id(params), "Backup vault", MAKE_VAULT)]
        )
        cluster = refuse_unknown("cluster", found, cluster_id(params))
        bindings = _of_vault(arm.list_all(BINDINGS, cluster_id(params)), vault_id(params))
        special = {role.lower() for role in params["roles"]} - {OPERATOR}
        offered = offered_roles(arm, cluster_id(params), cluster["location"]) if special else []
        return {"bindings": bindings, "cluster": cluster, "vault": vault, "offered": [role["role"] for role in offered]}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        # A stopped cluster answers as one that is busy, so it would be waited for.
        said = cluster_problems(facts["cluster"])
        identity = dig(facts["vault"], "identity.type")
        if identity and "systemassigned" not in identity.lower():
            said.append(
                f"The Backup vault {facts['vault']['name']} has no system-assigned identity, and Trusted Access "
                "works with no other. Give it one with aks_backup_vault."
            )
        if not params["roles"]:
            said.append("roles is empty. A binding needs a role; leave roles out for the one of Azure Backup.")
        known = {role.lower() for role in facts["offered"]}
        for role in params["roles"]:
            if known and role.lower() not in known:
                said.append(
                    f"Trusted Access knows no role {role} in the cluster's region. It has "
                    f"{', '.join(sorted(facts['offered']))}."
                )
        others = [item["name"] for item in facts["bindings"] if not _ids.same(item["id"], self.id(params))]
        if live is None and others:
            said.append(
                f"The cluster has the binding {others[0]} for the vault, and Azure takes one only. Have it used with "
                "match=source, or delete it first."
            )
        return said

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return {"properties": {"sourceResourceId": vault_id(params), "roles": list(params["roles"])}}

    def represent(self, document: Document) -> Document:
        return {
            "id": document.get("id"),
            "name": document.get("name"),
            "provisioning_state": dig(document, "properties.provisioningState"),
            "roles": dig(document, "properties.roles", []),
            "source_resource_id": dig(document, "properties.sourceResourceId"),
        }

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        wanted = params.get("name") or derived_name(vault_id(params))
        return {"adopted": (document or {}).get("name", "").lower() != wanted.lower()}


def converge(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The work of the module: what every resource has, and before it the repair that was asked for."""
    resource = Binding()
    if params["state"] == "absent" or params["repair"] == "false":
        return reconcile(arm, resource, params)
    id_, live = resource.find(arm, params)
    if live is None:
        return reconcile(arm, resource, params)
    ours = _ids.same(_source(live), vault_id(params))
    shut_out = _shut_out(arm, params) if ours else []
    ill = bool(shut_out) or params["repair"] == "recreate" if ours else _exists(arm, _source(live)) is False
    if not ill:
        return reconcile(arm, resource, params)
    refuse(resource.problems(params, {**resource.gather(arm, params, None), "bindings": []}, live))
    arm.delete(id_)
    arm.wait(id_, lambda document: None if document is None else "the stale Trusted Access role binding to be gone")
    outcome = reconcile(arm, resource, {**params, "name": live["name"]})
    for instance in shut_out:
        # Their error stays until Azure tries again, and would have the next run repair what is whole.
        arm.post(instance, "sync", {"syncType": "Default"})
    outcome.before = resource.represent(live)
    return outcome


def look(arm: Arm, params: dict[str, Any]) -> Outcome:
    """The bindings of a cluster, and the roles that its region, or that of ``location``, has to give."""
    scope, region = f"/subscriptions/{params['subscription_id']}", params["location"]
    bindings: list[Document] = []
    if not region:
        scope = cluster_id(params)
        region = refuse_unknown("cluster", arm.get(scope), scope)["location"]
        bindings = arm.list_all(BINDINGS, scope)
    sources = sorted({_source(item) for item in bindings})
    there = dict(zip(sources, arm.together([partial(_exists, arm, id_) for id_ in sources]), strict=False))
    shown = [{**Binding().represent(item), "source_exists": there[_source(item)]} for item in bindings]
    return Outcome(
        result={
            "advice": [
                f"The vault of the binding {item['name']} does not exist any more: {item['source_resource_id']}. "
                "Delete the binding with aks_trusted_access, state=absent."
                for item in shown
                if item["source_exists"] is False
            ],
            "bindings": sorted(shown, key=lambda item: str(item["name"])),
            "roles": offered_roles(arm, scope, region),
        }
    )


def offered_roles(arm: Arm, scope: str, location: str) -> list[Document]:
    """The Trusted Access roles of a region, as far as the caller may read them; they are a matter of the subscription,
    in which somebody with rights on a cluster alone has none.
    """
    subscription = _ids.segment(scope, "subscriptions")
    region = f"/subscriptions/{subscription}/providers/Microsoft.ContainerService/locations/{_ids.region(location)}"
    try:
        found = arm.list_all(ROLES_TYPE, region)
    except AzureError as exc:
        if exc.facts.get("status") != 403:
            raise
        return []
    return [
        {
            "name": role.get("name"),
            "role": f"{role.get('sourceResourceType')}/{role.get('name')}",
            "rules": [
                {
                    "api_groups": rule.get("apiGroups") or [],
                    "resources": rule.get("resources") or [],
                    "verbs": rule.get("verbs") or [],
                }
                for rule in role.get("rules") or []
            ],
            "source_resource_type": role.get("sourceResourceType"),
        }
        for role in found
    ]


def derived_name(vault: str) -> str:
    """A name of 21 characters that follows from the vault, so that every run finds the same binding."""
    return "tarb-" + _ids.stable_uuid(vault).replace("-", "")[:16]


def _source(binding: Document) -> str:
    return str(dig(binding, "properties.sourceResourceId", ""))


def _of_vault(bindings: list[Document], vault: str) -> list[Document]:
    return [item for item in bindings if _ids.same(_source(item), vault)]


def _shut_out(arm: Arm, params: Params) -> list[str]:
    """IDs of the backup instances of the vault that report not to get into the cluster."""
    vault = vault_id(params)
    return [
        _ids.instance(vault, item["name"])
        for item in arm.list_all(ROUTING, cluster_id(params))
        if _ids.same(instance_form.vault_of(item), vault) and instance_form.error_details(item).get("code") == FORBIDDEN
    ]


def _exists(arm: Arm, id_: str) -> bool | None:
    """Whether a vault exists; None where the caller may not know, or where it is of a kind that is not known here."""
    try:
        _ids.expect(id_, VAULT, "sourceResourceId")
        return arm.get(id_) is not None
    except Refused:
        return None
    except AzureError as exc:
        if exc.facts.get("status") not in (403, 404):
            raise
        return None
