# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Authorization by the SDK: assignments with propagation, filters, definitions, conflicts."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.emulator.rbac import allows, covers
from tests.emulator.tests.clients import GROUP, READER, Azure, eventually, refused

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
BLOB_DATA = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


@pytest.fixture
def principal(azure):
    """A managed identity that has been replicated."""
    oid = azure.principal()
    azure.emulator.advance(120)
    return oid


@pytest.fixture
def slow_directory(emulator):
    before = emulator.settings()
    emulator.settings(identity_visible=10_000, identity_searchable=60_000)
    yield
    emulator.settings(**{name: before[name] for name in ("identity_visible", "identity_searchable")})


def test_a_fresh_principal_is_not_found_at_first(azure, slow_directory):
    fresh = azure.principal()
    error = refused(lambda: azure.assign(fresh), "PrincipalNotFound", 400)
    assert f"Principal {fresh.replace('-', '')} does not exist in the directory {azure.tenant}." in error.message
    azure.emulator.advance(15_000)
    made = azure.assign(fresh)
    assert made.principal_id == fresh
    # without its type another, slower replica is asked
    body = {"properties": {"roleDefinitionId": made.role_definition_id.replace(READER, CONTRIBUTOR),
                           "principalId": fresh}}
    path = f"{azure.group_id}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}?api-version=2022-04-01"
    assert azure.http("PUT", path, body)[2]["error"]["code"] == "PrincipalNotFound"
    azure.emulator.advance(60_000)
    assert azure.http("PUT", path, body)[0] == 201


def test_a_principal_that_nobody_knows(azure):
    refused(lambda: azure.assign(str(uuid4())), "PrincipalNotFound", 400)


def test_an_assignment_takes_effect_later(azure, principal):
    rbac = azure.emulator.server.world.rbac
    made = azure.assign(principal)
    action = "Microsoft.ContainerService/managedClusters/read"
    scope = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1"
    assert not rbac.can(principal, action, scope)
    eventually(lambda: rbac.can(principal, action, scope))
    assert not rbac.can(principal, action, azure.scope)
    assert not rbac.can(principal, action.replace("/read", "/write"), scope)
    assert rbac.has_role(principal, "Reader", scope)
    azure.assignments.delete(azure.group_id, made.name)
    assert not rbac.can(principal, action, scope)


def test_conflicts(azure, principal):
    first = azure.assign(principal)
    error = refused(lambda: azure.assign(principal), "RoleAssignmentExists", 409)
    assert error.message.split("\n")[0].endswith(
        f"The ID of the existing role assignment is {first.name.replace('-', '')}.")
    assert "Retry-After" not in error.response.headers
    assert azure.assign(principal, name=first.name).id == first.id, "the same once more is fine"
    refused(lambda: azure.assign(principal, CONTRIBUTOR, name=first.name), "RoleAssignmentUpdateNotPermitted", 409)
    refused(lambda: azure.assign(principal, scope=azure.scope, name=first.name), "RoleAssignmentUpdateNotPermitted")
    refused(lambda: azure.assign(principal, str(uuid4())), "RoleDefinitionDoesNotExist", 400)
    refused(lambda: azure.assign(principal, CONTRIBUTOR, name="not-a-guid"), "InvalidRoleAssignmentId", 400)
    refused(lambda: azure.assign(principal, scope=f"{azure.scope}/resourceGroups/nope"), "ResourceGroupNotFound", 404)
    body = {"properties": {"roleDefinitionId": first.role_definition_id, "principalId": principal,
                           "principalType": "User"}}
    path = f"{azure.scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}?api-version=2022-04-01"
    assert azure.http("PUT", path, body)[2]["error"]["code"] == "UnmatchedPrincipalType"


def test_filters(azure, principal):
    cluster = f"{azure.group_id}/providers/Microsoft.ContainerService/managedClusters/aks-1"
    above, here, below = (azure.assign(principal, scope=scope) for scope in (azure.scope, azure.group_id, cluster))
    other = azure.principal()
    azure.emulator.advance(60)
    foreign = azure.assign(other)

    def names(text, scope=azure.group_id):
        return {entry.name for entry in azure.assignments.list_for_scope(scope, filter=text)} & {
            entry.name for entry in (above, here, below, foreign)}
    assert names(None) == {above.name, here.name, below.name, foreign.name}
    assert names("atScope()") == {above.name, here.name, foreign.name}
    assert names(f"principalId eq '{principal}'") == {above.name, here.name, below.name}
    assert names(f"assignedTo('{principal}')") == {above.name, here.name, below.name}
    assert names(f"atScope() and assignedTo('{principal}')") == {above.name, here.name}
    assert names(f"principalId eq '{principal}'", cluster) == {above.name, here.name, below.name}
    assert names("atScope()", azure.scope) == {above.name}
    assert names("principalId eq ''") == set()
    assert {entry.name for entry in azure.assignments.list_for_subscription()} >= {below.name}
    for bad in ("colour eq 'red'", "principalId eq me", "assignedTo('me')"):
        refused(lambda bad=bad: names(bad), "UnsupportedQuery", 400)


def test_shapes(azure, principal):
    made = azure.assign(principal)
    body = azure.http("GET", f"{made.id}?api-version=2022-04-01")[2]
    assert set(body) == {"id", "name", "type", "properties"}
    assert body["type"] == "Microsoft.Authorization/roleAssignments"
    assert body["properties"]["roleDefinitionId"] == (
        f"{azure.scope}/providers/Microsoft.Authorization/roleDefinitions/{READER}")
    assert body["properties"]["scope"] == azure.group_id
    assert made.created_by is None
    assert body["properties"]["createdBy"], "later reads say who it was"
    status, dummy, deleted = azure.http("DELETE", f"{made.id}?api-version=2022-04-01")
    assert (status, deleted["name"]) == (200, made.name)
    assert azure.http("DELETE", f"{made.id}?api-version=2022-04-01")[0] == 204
    refused(lambda: azure.assignments.get(azure.group_id, made.name), "RoleAssignmentNotFound", 404)


def test_assignments_of_a_principal_that_is_gone_stay(azure):
    azure.identities.user_assigned_identities.create_or_update(GROUP, "leaving", {"location": "eastus"})
    oid = azure.identities.user_assigned_identities.get(GROUP, "leaving").principal_id
    azure.emulator.advance(60)
    made = azure.assign(oid)
    azure.identities.user_assigned_identities.delete(GROUP, "leaving")
    assert azure.assignments.get(azure.group_id, made.name).principal_type == "Unknown"


def test_role_definitions(azure):
    definitions = azure.authorization.role_definitions
    reader, = definitions.list(azure.group_id, filter="roleName eq 'Reader'")
    assert (reader.name, reader.role_type, reader.permissions[0].actions) == (READER, "BuiltInRole", ["*/read"])
    assert list(definitions.list(azure.group_id, filter="roleName eq 'King'")) == []
    assert definitions.get(azure.scope, BLOB_DATA).role_name == "Storage Blob Data Contributor"
    refused(lambda: definitions.get(azure.scope, str(uuid4())), "RoleDefinitionDoesNotExist", 404)


def test_a_role_of_ones_own(azure, principal):
    name, definitions = str(uuid4()), azure.authorization.role_definitions
    made = definitions.create_or_update(azure.scope, name, {
        "role_name": "Snapshot reader", "assignable_scopes": [azure.scope],
        "permissions": [{"actions": ["Microsoft.Compute/snapshots/*"], "not_actions": ["*/delete"]}]})
    assert made.role_type == "CustomRole"
    assert name in {entry.name for entry in definitions.list(azure.scope, filter="type eq 'CustomRole'")}
    azure.assign(principal, name)
    azure.emulator.advance(300)
    rbac = azure.emulator.server.world.rbac
    assert rbac.can(principal, "Microsoft.Compute/snapshots/write", azure.group_id)
    assert not rbac.can(principal, "Microsoft.Compute/snapshots/delete", azure.group_id)
    refused(lambda: definitions.delete(azure.scope, name), "RoleDefinitionHasAssignments", 400)
    refused(lambda: definitions.create_or_update(azure.scope, str(uuid4()), {
        "role_name": "reader", "assignable_scopes": [azure.scope], "permissions": []}),
        "RoleDefinitionWithSameNameExists", 409)


def test_permissions_of_the_caller(azure):
    own = list(azure.authorization.permissions.list_for_resource_group(GROUP))
    assert own[0].actions == ["*"]


@pytest.mark.parametrize(("permission", "action", "data", "expected"), [
    ({"actions": ["*"]}, "Microsoft.A/b/read", False, True),
    ({"actions": ["*"]}, "Microsoft.A/b/read", True, False),
    ({"actions": ["*/read"]}, "Microsoft.A/b/c/READ", False, True),
    ({"actions": ["Microsoft.A/b/*"]}, "Microsoft.A/bc/read", False, False),
    ({"actions": ["*"], "notActions": ["Microsoft.A/*/write"]}, "Microsoft.A/b/write", False, False),
    ({"dataActions": ["Microsoft.A/b/read"]}, "microsoft.a/B/read", True, True),
])
def test_wildcards(permission, action, data, expected):
    assert allows(permission, action, data) is expected


@pytest.mark.parametrize(("assigned", "scope", "expected"), [
    ("/", "/subscriptions/s", True), ("/subscriptions/S", "/SUBSCRIPTIONS/s/resourceGroups/g", True),
    ("/subscriptions/s/resourceGroups/g", "/subscriptions/s/resourceGroups/g2", False),
    ("/subscriptions/s/resourceGroups/g", "/subscriptions/s", False)])
def test_scopes(assigned, scope, expected):
    assert covers(assigned, scope) is expected


def test_an_assignment_is_described_anew(azure):
    principal = azure.principal()
    azure.emulator.advance(3600)
    made = azure.assign(principal)
    path = f"{made.id}?api-version=2022-04-01"
    read = azure.http("GET", path)[2]
    read["properties"].update(description="for the backup", condition=None)
    assert azure.http("PUT", path, read)[2]["properties"]["description"] == "for the backup"
    kept = azure.http("GET", path)[2]["properties"]
    assert kept["description"] == "for the backup" and kept["createdOn"] == read["properties"]["createdOn"]
    bare = {key: kept[key] for key in ("roleDefinitionId", "principalId", "principalType")}
    assert azure.http("PUT", path, {"properties": bare})[0] == 200
    assert azure.http("GET", path)[2]["properties"]["description"] is None, "a PUT says all of it"


def test_assignments_go_with_the_vault_that_they_are_on(azure):
    vault, principal, world = azure.vault("vault-gone"), azure.principal(), azure.emulator.server.world
    azure.emulator.advance(3600)
    azure.assign(principal, scope=vault.id)
    azure.emulator.advance(3600)
    assert world.rbac.can(principal, "Microsoft.DataProtection/backupVaults/read", vault.id)
    azure.vaults.begin_delete(GROUP, "vault-gone").result()
    azure.emulator.advance(3600)
    azure.vault("vault-gone")
    assert not world.rbac.can(principal, "Microsoft.DataProtection/backupVaults/read", vault.id), "another vault"
    assert not list(azure.assignments.list_for_scope(vault.id, filter=f"principalId eq '{principal}'"))
