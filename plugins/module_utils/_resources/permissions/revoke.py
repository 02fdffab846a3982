# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which role assignments may be taken away without breaking somebody's backups. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Params
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    INSTANCES,
    ROUTING,
    cluster_id,
    cluster_principal,
    vault_id,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form as instance_form
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import rows as table
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions.rows import Row


def revocable(
    arm: Arm,
    params: Params,
    cluster: Document | None,
    wanted: list[Row],
    assignments: Mapping[str, list[Row]],
    backup: list[Row],
) -> list[Row]:
    """The rows whose assignments may go; the others get a reason in ``kept``. Refuses to break a running backup.

    ``assignments`` are those at and above each row's scope; ``backup`` are the rows that backups need.
    """
    vault = vault_id(params)
    protecting, others = arm.together(
        [
            lambda: arm.list_all(ROUTING, cluster_id(params)) if cluster else [],
            lambda: arm.list_all(INSTANCES, vault),
        ]
    )
    own = sorted(item["name"] for item in protecting if _ids.same(instance_form.vault_of(item), vault))
    if params["force_revoke"]:
        own = []
    if own and params["operation"] != "restore":
        refuse(
            [
                f"The cluster is protected by {', '.join(own)}, whose backups would fail without these roles. Remove "
                "it first (aks_backup_instance, state=absent), revoke operation=restore only, or set force_revoke."
            ]
        )
    others = [item for item in others if not _ids.same(_source_of(item), cluster_id(params))]
    alike = _of_same_identity(arm, cluster, others)
    needed = {(row["principal"], row["role"], row["scope"]) for row in backup} if own else set()
    taken = []
    for row in wanted:
        at = table.made_for(row, assignments[row["scope"]])
        if at is None:
            if row["assignment_id"]:
                row["kept"] = f"It is inherited from {_ids.parse(row['assignment_id']).scope}."
        elif (row["principal"], row["role"], row["scope"]) in needed:
            row["kept"] = f"The backup instance {own[0]} of the cluster needs it."
        elif users := _users(row, others, alike):
            row["kept"] = f"Backup instances of other clusters need it: {', '.join(users)}."
        else:
            row["assignment_id"] = at["id"]
            taken.append(row)
    return taken


def _of_same_identity(arm: Arm, cluster: Document | None, others: list[Document]) -> list[Document]:
    """The backup instances of other clusters that share a user-assigned identity with this one."""
    principal = cluster_principal(cluster)
    if not principal or dig(cluster, "identity.principalId"):
        return []
    sources = sorted({_source_of(item) for item in others} - {""})
    found = arm.together([partial(arm.get, source) for source in sources])
    sharing = {source for source, one in zip(sources, found, strict=False) if cluster_principal(one) == principal}
    return [item for item in others if _source_of(item) in sharing]


def _users(row: Row, others: list[Document], alike: list[Document]) -> list[str]:
    """Backup instances of other clusters in the vault that need the same assignment."""
    wide = row["assignment_scope"] != row["scope"]
    kind = row["scope_kind"]
    if row["principal"] == "extension" or kind.startswith("staging") or (kind == "cluster" and not wide):
        return []
    found = others if row["principal"] == "vault" else alike
    if kind == "snapshot_resource_group" and not wide:
        found = [item for item in found if any(_ids.same(row["scope"], group) for group in _snapshot_groups(item))]
    return sorted(item["name"] for item in found)


def _source_of(item: Document) -> str:
    return str(dig(item, "properties.dataSourceInfo.resourceID", ""))


def _snapshot_groups(item: Document) -> list[str]:
    stores = dig(item, "properties.policyInfo.policyParameters.dataStoreParametersList", [])
    return [str(store.get("resourceGroupId")) for store in stores]
