# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted Access role bindings, which let a vault in to a cluster. Private to the collection."""

from __future__ import annotations

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params, Resource, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    MAKE_VAULT,
    cluster_id,
    cluster_problems,
    vault_id,
)

LIST_TYPE = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"


class Binding(Resource):
    noun = "Trusted Access role binding"
    immutable = {
        "properties.sourceResourceId": "a binding stays with the vault it was made for. Use another name, or leave "
        "name out to have one derived from the vault."
    }
    rules = {"properties.sourceResourceId": _compare.caseless, "properties.roles": _compare.unordered}

    def id(self, params: Params) -> str:
        return _ids.binding(cluster_id(params), params.get("name") or derived_name(vault_id(params)))

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        # One binding per cluster and vault is enough: whoever made it, under whatever name, it is adopted.
        cluster, vault, named = cluster_id(params), vault_id(params), self.id(params)
        bindings = arm.list_all(LIST_TYPE, cluster)
        for item in bindings:
            if _ids.same(dig(item, "properties.sourceResourceId"), vault):
                return _ids.binding(cluster, item["name"]), item
        return named, next((item for item in bindings if _ids.same(item["id"], named)), None)

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            return {}
        cluster, vault = arm.together(
            [lambda: arm.get(cluster_id(params)), lambda: arm.require(vault_id(params), "Backup vault", MAKE_VAULT)]
        )
        return {"cluster": refuse_unknown("cluster", cluster, cluster_id(params)), "vault": vault}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        # A stopped cluster answers as one that is busy, so it would be waited for.
        said = cluster_problems(facts["cluster"])
        identity = dig(facts["vault"], "identity.type")
        if identity and "systemassigned" not in identity.lower():
            said.append(
                f"The Backup vault {facts['vault']['name']} has no system-assigned identity, and Trusted Access "
                "works with no other. Give it one with aks_backup_vault."
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


def derived_name(vault: str) -> str:
    """A name of 21 characters that follows from the vault, so that every run finds the same binding."""
    return "tarb-" + _ids.stable_uuid(vault).replace("-", "")[:16]
