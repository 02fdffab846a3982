# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup policies, which Azure creates and deletes but never updates. Private to the collection."""

from __future__ import annotations

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Params, Resource
from ansible_collections.aks.backup.plugins.module_utils._resources import policy_form
from ansible_collections.aks.backup.plugins.module_utils._resources.common import MAKE_VAULT, vault_id

INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"


class Policy(Resource):
    noun = "backup policy"

    def id(self, params: Params) -> str:
        return _ids.policy(vault_id(params), params["name"])

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            return {}
        arm.require(vault_id(params), "Backup vault", MAKE_VAULT)
        return {"users": lambda: users(arm, self.id(params))}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        wanted = policy_form.represent(policy_form.document(params)["properties"])
        if live is None:
            return []
        differing = policy_form.sentences(wanted, policy_form.represent(live["properties"]))
        if not differing:
            return []
        using = facts["users"]()
        used = (
            f"Backup instances that use it: {', '.join(using)}."
            if using
            else "No backup instance uses it, so it can be deleted and made again."
        )
        return [
            f"The backup policy {params['name']} exists with other content, and Azure cannot change a policy. "
            f"{' '.join(differing)} {used} "
            "Create a policy with another name and give that one to the backup instances."
        ]

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return policy_form.document(params)

    def differences(self, desired: Document, live: Document) -> list[Difference]:
        # By meaning: sending a policy again, even byte for byte, is an error to Azure.
        wanted, found = desired["properties"], live.get("properties") or {}
        same = policy_form.represent(wanted) == policy_form.represent(found)
        return [] if same else [Difference(("properties",), found, wanted)]

    def represent(self, document: Document) -> Document:
        return {
            "id": document.get("id"),
            "name": document.get("name"),
            **policy_form.represent(document.get("properties") or {}),
        }

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        using = users(arm, live["id"])
        if not using:
            return []
        return [
            f"The backup policy {params['name']} is used by: {', '.join(using)}. Move these backup instances to "
            "another policy, or remove them, first."
        ]


def users(arm: Arm, policy_id: str) -> list[str]:
    """Names of the backup instances that a policy protects."""
    instances = arm.list_all(INSTANCES, _ids.parent(policy_id))
    return sorted(
        instance["name"]
        for instance in instances
        if _ids.same(instance["properties"].get("policyInfo", {}).get("policyId"), policy_id)
    )
