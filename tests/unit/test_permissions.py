# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role matrix: who needs what, what counts as having it, and names that stay the same."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources import permissions

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
SCOPES = {
    "cluster": f"{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks",
    "snapshot_resource_group": f"{SUB}/resourceGroups/rg-snap",
    "storage_account": f"{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st1",
    "vault": f"{SUB}/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bv",
}
PRINCIPALS = {"vault": "v-oid", "cluster": "c-oid", "extension": "e-oid"}


def short(rows):
    return [(row["principal"], row["role"], row["scope"].rsplit("/", 1)[-1]) for row in rows]


def test_the_operational_tier_takes_four_assignments_and_no_more():
    assert short(permissions.rows(PRINCIPALS, SCOPES, vault_tier=False)) == [
        ("vault", "Reader", "aks"),
        ("vault", "Reader", "rg-snap"),
        ("cluster", "Contributor", "rg-snap"),
        ("extension", "Storage Blob Data Contributor", "st1"),
    ]


def test_the_vault_tier_takes_three_more():
    assert short(permissions.rows(PRINCIPALS, SCOPES, vault_tier=True))[4:] == [
        ("vault", "Disk Snapshot Contributor", "rg-snap"),
        ("vault", "Data Operator for Managed Disks", "rg-snap"),
        ("vault", "Storage Blob Data Reader", "st1"),
    ]


def assignment(scope, principal="V-OID", role="Reader", **more):
    definitions = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions"
    return {
        "id": "x",
        "properties": {
            "principalId": principal,
            "roleDefinitionId": f"{definitions}/{permissions.ROLES[role]}".upper(),
            "scope": scope,
            **more,
        },
    }


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (assignment(SCOPES["cluster"]), True),
        (assignment(SCOPES["cluster"].upper()), True),
        (assignment(f"{SUB}/resourceGroups/RG"), True),
        (assignment(SUB), True),
        (assignment("/"), True),
        (assignment(SUB + "0"), False),
        (assignment(f"{SUB}/resourceGroups/r"), False),
        (assignment(SCOPES["cluster"] + "/below"), False),
        (assignment(SCOPES["cluster"], principal="other"), False),
        (assignment(SCOPES["cluster"], role="Contributor"), False),
        (assignment(SCOPES["cluster"], condition="@Resource[x] == 1"), False),
    ],
)
def test_an_assignment_counts_at_its_scope_and_below(found, counts):
    row = permissions.rows(PRINCIPALS, SCOPES, vault_tier=False)[0]
    assert (permissions.matching(row, [found]) is found) is counts


def test_the_same_need_has_the_same_name_and_another_need_another():
    rows = permissions.rows(PRINCIPALS, SCOPES, vault_tier=True)
    names = [permissions.assignment_name(row) for row in rows]
    assert len(set(names)) == len(rows)
    assert names == [permissions.assignment_name({**row, "scope": row["scope"].upper()}) for row in rows]


def test_the_command_is_for_somebody_who_may():
    row = permissions.rows(PRINCIPALS, SCOPES, vault_tier=False)[3]
    assert permissions.command(row) == (
        "az role assignment create --assignee-object-id e-oid --assignee-principal-type ServicePrincipal "
        f"--role 'Storage Blob Data Contributor' --scope '{SCOPES['storage_account']}'"
    )
    assert "<known after apply>" in permissions.command({**row, "principal_id": None})


def test_what_exists_without_an_identity_is_named_and_what_is_only_planned_is_not():
    vault = {"name": "bv", "properties": {"provisioningState": "Succeeded"}, "identity": {"type": "None"}}
    installed = {"name": "azure-aks-backup", "properties": {}}
    said = permissions._no_identity(vault, installed)
    assert "aks_backup_vault (identity)" in said[0]
    assert "install it again" in said[1]
    assert permissions._no_identity({"name": "bv"}, None) == []
