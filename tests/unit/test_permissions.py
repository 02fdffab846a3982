# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role matrix: who needs what, what counts as having it, and names that stay the same."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import matrix, permissions
from ansible_collections.aks.backup.plugins.module_utils._resources.permissions import rows as table
from tests.emulator import roles

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACCOUNTS = f"{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts"
CLUSTER = f"{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"
SCOPES = {
    "cluster": [CLUSTER],
    "file_share_storage_account": [f"{ACCOUNTS}/shares1", f"{ACCOUNTS}/shares2"],
    "snapshot_resource_group": [f"{SUB}/resourceGroups/rg-snap"],
    "staging_resource_group": [f"{SUB}/resourceGroups/rg-stage"],
    "staging_storage_account": [f"{ACCOUNTS}/stage"],
    "storage_account": [f"{ACCOUNTS}/st1"],
}
PRINCIPALS = {"vault": "v-oid", "cluster": "c-oid", "extension": "e-oid"}

OPERATIONAL = [
    ("vault", "Reader", "aks"),
    ("vault", "Reader", "rg-snap"),
    ("cluster", "Contributor", "rg-snap"),
    ("extension", "Storage Blob Data Contributor", "st1"),
]
TIERING = [
    ("vault", "Disk Snapshot Contributor", "rg-snap"),
    ("vault", "Data Operator for Managed Disks", "rg-snap"),
    ("vault", "Storage Blob Data Reader", "st1"),
]
STAGING = [
    ("vault", "Contributor", "rg-stage"),
    ("cluster", "Contributor", "rg-stage"),
    ("vault", "Storage Account Contributor", "stage"),
    ("vault", "Storage Blob Data Owner", "stage"),
    ("extension", "Storage Blob Data Contributor", "stage"),
]
FILES = [("cluster", "Storage File Data Privileged Contributor", f"shares{number}") for number in (1, 2)]
BOTH_TIERS = [matrix.OPERATIONAL, matrix.VAULT]


def filled(*operations, role_scope="resource", principals=None, **more):
    return table.rows(matrix.needs(operations, **more), principals or PRINCIPALS, SCOPES, role_scope)


def short(rows):
    return [(row["principal"], row["role"], row["scope"].rsplit("/", 1)[-1]) for row in rows]


@pytest.mark.parametrize(
    ("operations", "more", "expected"),
    [
        (["backup"], {}, OPERATIONAL),
        (["backup"], {"vault_tier": True}, OPERATIONAL + TIERING),
        (["backup"], {"volume_types": [matrix.DISKS, matrix.FILES]}, OPERATIONAL + FILES),
        (
            ["backup"],
            {"access": matrix.KEYS},
            [*OPERATIONAL[:3], ("extension", "Storage Account Contributor", "st1")],
        ),
        (["restore"], {}, OPERATIONAL),
        (["restore"], {"restore_from": [matrix.VAULT]}, OPERATIONAL[:1] + STAGING),
        (["restore"], {"restore_from": BOTH_TIERS}, OPERATIONAL + STAGING),
        (["restore"], {"volume_types": [matrix.FILES]}, OPERATIONAL + FILES),
        (["restore"], {"volume_types": [matrix.FILES], "restore_from": [matrix.VAULT]}, OPERATIONAL[:1] + STAGING),
        (
            ["restore"],
            {"access": matrix.KEYS},
            [*OPERATIONAL[:3], ("extension", "Storage Account Contributor", "st1")],
        ),
        (["backup", "restore"], {"vault_tier": True, "restore_from": BOTH_TIERS}, OPERATIONAL + TIERING + STAGING),
        # What the policy does is no matter to a restore.
        (["restore"], {"vault_tier": True}, OPERATIONAL),
        (["backup"], {"restore_from": BOTH_TIERS}, OPERATIONAL),
    ],
)
def test_the_matrix_by_scenario(operations, more, expected):
    assert short(filled(*operations, **more)) == expected


def test_every_role_of_the_matrix_has_the_guid_that_the_documentation_gives():
    assert {need.role for need in matrix.MATRIX} == set(matrix.ROLES)
    for name, guid in matrix.ROLES.items():
        assert roles.BUILT_IN[guid][0] == name
    assert {need.scope for need in matrix.MATRIX} == set(matrix.SCOPES)
    assert all(need.purpose.endswith(".") for need in matrix.MATRIX)


def test_a_scope_is_widened_to_what_it_is_in():
    assert table.widened(CLUSTER, "resource") == CLUSTER
    assert table.widened(CLUSTER, "resource_group") == f"{SUB}/resourceGroups/rg"
    assert table.widened(CLUSTER, "subscription") == SUB
    assert table.widened(f"{SUB}/resourceGroups/rg", "resource_group") == f"{SUB}/resourceGroups/rg"
    assert table.widened(SUB, "resource_group") == SUB


def test_needs_that_meet_at_a_wider_scope_have_one_name():
    reader, snapshots = filled("backup", role_scope="subscription")[:2]
    assert reader["scope"] != snapshots["scope"]
    assert reader["assignment_scope"] == snapshots["assignment_scope"] == SUB
    assert table.assignment_name(reader) == table.assignment_name(snapshots)


def assignment(scope, principal="V-OID", role="Reader", **more):
    definitions = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions"
    return {
        "id": f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/x",
        "properties": {
            "principalId": principal,
            "roleDefinitionId": f"{definitions}/{matrix.ROLES[role]}".upper(),
            "scope": scope,
            **more,
        },
    }


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (assignment(CLUSTER), True),
        (assignment(CLUSTER.upper()), True),
        (assignment(f"{SUB}/resourceGroups/RG"), True),
        (assignment(SUB), True),
        (assignment("/"), True),
        (assignment(SUB + "0"), False),
        (assignment(f"{SUB}/resourceGroups/r"), False),
        (assignment(CLUSTER + "/below"), False),
        (assignment(CLUSTER, principal="other"), False),
        (assignment(CLUSTER, role="Contributor"), False),
        (assignment(CLUSTER, condition="@Resource[x] == 1"), False),
    ],
)
def test_an_assignment_counts_at_its_scope_and_below(found, counts):
    row = filled("backup")[0]
    assert (table.matching(row, [found]) is found) is counts
    assert table.matching({**row, "principal_id": None}, [found]) is None


def test_what_a_grant_would_make_is_at_that_very_scope():
    wide = filled("backup", role_scope="resource_group")[0]
    here, above = assignment(f"{SUB}/resourceGroups/rg"), assignment(SUB)
    assert table.made_for(wide, [above, here]) is here
    assert table.made_for(wide, [above, assignment(CLUSTER)]) is None


def test_orphans_are_assignments_of_the_same_roles_at_the_same_places_without_an_identity():
    wanted = filled("backup")
    gone = assignment(CLUSTER, principal="gone", role="Contributor", principalType="Unknown")
    others = [
        assignment(CLUSTER, principal="there", principalType="ServicePrincipal"),
        assignment(SUB, principal="gone", principalType="Unknown"),
        {**gone, "properties": {**gone["properties"], "roleDefinitionId": "/x/of-somebody-else"}},
    ]
    found = table.orphans(wanted, {CLUSTER: [*others, gone]})
    assert found == [{"assignment_id": gone["id"], "principal_id": "gone", "role": "Contributor", "scope": CLUSTER}]


def test_the_same_need_has_the_same_name_and_another_need_another():
    rows = filled("backup", "restore", vault_tier=True, restore_from=BOTH_TIERS)
    names = [table.assignment_name(row) for row in rows]
    assert len(set(names)) == len(rows)
    assert names == [table.assignment_name({**row, "assignment_scope": row["scope"].upper()}) for row in rows]
    # A name that changed would make a second assignment beside the first.
    assert names[0] == "5b7777db-748f-54a7-a783-7da5f4f04e37"


def test_the_command_is_for_somebody_who_may():
    row = filled("backup")[3]
    assert table.command(row) == (
        "az role assignment create --assignee-object-id e-oid --assignee-principal-type ServicePrincipal "
        f"--role 'Storage Blob Data Contributor' --scope '{ACCOUNTS}/st1'"
    )
    assert "<known after apply>" in table.command({**row, "principal_id": None})


def test_the_terraform_block():
    row = filled("backup", role_scope="resource_group")[0]
    assert table.terraform(row) == (
        'resource "azurerm_role_assignment" "vault_reader_aks" {\n'
        f'  name                 = "{table.assignment_name(row)}"\n'
        f'  scope                = "{SUB}/resourceGroups/rg"\n'
        '  role_definition_name = "Reader"\n'
        '  principal_id         = "v-oid"\n'
        '  principal_type       = "ServicePrincipal"\n'
        "}"
    )
    planned = table.terraform({**row, "principal_id": None})
    assert '"<known after apply>"' in planned and "\n  name" not in planned


def test_one_sentence_for_who_may_not():
    rows = filled("backup", role_scope="subscription")
    said = table.unassignable(rows)
    assert said.startswith("The identity that runs Ansible may not assign roles, and these are missing: Reader for the")
    assert said.count("az role assignment create") == 3, "two needs of the vault are one assignment"
    for piece in (
        "Owner, User Access Administrator or Role Based Access Control",
        "mode=report",
        "Contributor for the",
    ):
        assert piece in said


@pytest.mark.parametrize(
    ("actions", "not_actions", "may"),
    [
        (["*"], [], True),
        (["*"], ["Microsoft.Authorization/*/Write"], False),
        (["*/read"], [], False),
        (["microsoft.authorization/roleassignments/*"], [], True),
        (["Microsoft.Authorization/roleAssignments/write"], None, True),
        (None, None, False),
    ],
)
def test_what_a_caller_may(actions, not_actions, may):
    entry = {"actions": actions, "notActions": not_actions}
    assert table.allowed([entry], table.ASSIGN) is may
    # Each role stands for itself: what one leaves out another may give.
    assert table.allowed([{"actions": ["*"], "notActions": ["*"]}, {"actions": [table.ASSIGN]}], table.ASSIGN)


def test_what_exists_without_an_identity_is_named_and_what_is_only_planned_is_not():
    vault = {"name": "bv", "properties": {"provisioningState": "Succeeded"}, "identity": {"type": "None"}}
    installed = {"name": "azure-aks-backup", "properties": {}}
    said = permissions._no_identity({}, permissions.Parties({}, vault, installed))
    assert "aks_backup_vault (identity)" in said[0]
    assert "install it again" in said[1]
    assert permissions._no_identity({}, permissions.Parties({}, {"name": "bv"}, None)) == []
    other = permissions._no_identity({"vault_identity_id": "/id"}, permissions.Parties({}, vault, None))
    assert "does not have the identity /id" in other[0]


def test_the_identity_of_the_vault_that_instances_work_with():
    vault = {"identity": {"principalId": "own", "userAssignedIdentities": {"/A/b": {"principalId": "user"}}}}
    assert permissions.vault_principal(vault, None) == "own"
    assert permissions.vault_principal(vault, "/a/B") == "user"
    assert permissions.vault_principal(vault, "/a/c") is None
    assert permissions.vault_principal(None, None) is None
