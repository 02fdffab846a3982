# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.ResourceGraph over HTTPS, driven by the bare SDK package."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from tests.emulator import Emulator
from tests.emulator.graph import COLUMNS
from tests.emulator.tests.furnished import CLUSTERS, GROUP, SCENARIO, Furnished
from tests.emulator.tests.test_graph import INSTANCES, JOBS

DELAY = 3600.0  # virtual seconds: nothing arrives by itself while a test runs


@pytest.fixture(scope="module")
def emulator():
    with Emulator(SCENARIO, speed=200, settings={"graph_delay": DELAY}) as running:
        yield running


@pytest.fixture
def azure(emulator):
    return Furnished(emulator)


def graph(azure, credential=None):
    return ResourceGraphClient(
        credential or azure.credential,
        base_url=azure.emulator.url,
        credential_scopes=[f"{azure.emulator.url}/.default"],
    )


def ask(azure, query, credential=None, **options):
    subscriptions = options.pop("subscriptions", [azure.subscription])
    request = QueryRequest(
        query=query, subscriptions=subscriptions, options=QueryRequestOptions(**options) if options else None
    )
    return graph(azure, credential).resources(request)


def reader(azure, *grants):
    """A credential of a fresh principal with roles (name, scope)."""
    world = azure.emulator.server.world
    principal = world.directory.create(azure.tenant, "somebody", old=True, secrets=["s3cret"])
    for number, (role, scope) in enumerate(grants):
        world.rbac.grant(f"{scope}/{principal.oid}/{number}", principal.oid, role, scope, azure.tenant, 0.0)
    return ClientSecretCredential(
        azure.tenant, principal.app_id, "s3cret", authority=azure.emulator.url, disable_instance_discovery=True
    )


READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def test_queries_have_a_quota_of_their_own(azure, emulator):
    def query():
        body = {"query": "resources | count", "subscriptions": [azure.subscription]}
        return azure.http("POST", "/providers/Microsoft.ResourceGraph/resources", body, "2021-03-01")

    status, headers, dummy = query()
    assert (status, headers["x-ms-user-quota-remaining"], headers["x-ms-user-quota-resets-after"]) == (
        200, "14", "00:00:05")
    assert int(headers["x-ms-ratelimit-remaining-tenant-writes"]) > 0, "the request is none of a subscription"
    emulator.settings(throttle=True)
    clock = emulator.server.world.clock
    speed = clock.speed
    clock.run_at(0.0)
    try:
        emulator.advance(5)
        left = [int(query()[1]["x-ms-user-quota-remaining"]) for dummy in range(15)]
        assert left == list(range(14, -1, -1))
        status, headers, answer = query()
        assert (status, answer["error"]["code"], answer["error"]["details"][0]["code"]) == (
            429, "RateLimiting", "RateLimiting")
        assert headers["x-ms-user-quota-remaining"] == "0" and "retry-after" not in headers
        emulator.advance(5)
        assert query()[0] == 200
    finally:
        clock.run_at(speed)
        emulator.settings(throttle=False)


def test_what_is_written_shows_up_after_the_delay(azure):
    azure.put_vault()
    query = "resources | where type =~ 'microsoft.dataprotection/backupvaults'"
    assert ask(azure, query).data == []
    azure.emulator.advance(DELAY + 1)
    row = ask(azure, query).data[0]
    assert set(row) == set(COLUMNS)
    assert row["id"] == azure.vault_id.replace("backupVaults", "BackupVaults")
    assert (row["name"], row["type"]) == ("vault-1", "microsoft.dataprotection/backupvaults")
    assert row["resourceGroup"] == GROUP
    assert (row["subscriptionId"], row["tenantId"], row["location"]) == (azure.subscription, azure.tenant, "eastus")
    assert row["identity"]["type"] == "SystemAssigned"
    assert (row["kind"], row["managedBy"], row["sku"]) == ("", "", None)


def test_deletion_and_change_show_up_after_the_delay(azure):
    azure.emulator.advance(DELAY + 1)
    query = "resources | where type =~ 'microsoft.storage/storageaccounts' | order by name asc | project name, tags"
    azure.world.store.merge(azure.account, {"tags": {"a": "1"}})
    azure.world.store.delete(azure.staging_account)
    assert ask(azure, query).data == [{"name": "stbackup01", "tags": None}, {"name": "ststaging01", "tags": None}]
    azure.emulator.advance(DELAY + 1)
    assert ask(azure, query).data == [{"name": "stbackup01", "tags": {"a": "1"}}]


def test_the_queries_of_the_official_cli(azure):
    azure.furnish()
    azure.protect()
    job = azure.client.backup_instances.begin_adhoc_backup(
        GROUP, "vault-1", "instance-1", {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": {}}}
    ).result()
    name = job.job_id.rsplit("/", 1)[-1]
    azure.wait_for(lambda: azure.client.jobs.get(GROUP, "vault-1", name).properties.status == "Completed")
    azure.emulator.advance(DELAY + 1)
    found = ask(azure, INSTANCES.partition("| where resourceGroup")[0]).data
    assert [(each["name"], each["vaultName"], each["protectionState"]) for each in found] == [
        ("instance-1", "vault-1", "ProtectionConfigured")
    ]
    properties = found[0]["properties"]
    for absent in ("datasourceAuthCredentials", "validationType", "identityDetails", "resourceGuardOperationRequests"):
        assert properties[absent] is None
    extended = properties["backupInstanceExtendedProperties"]
    assert extended["allowedOperations"] == ["BackupNow", "Restore", "ChangePolicy", "StopBackup", "Delete"]
    assert extended["protectedPrimaryRegion"] == "eastus"
    assert extended["protectedSecondaryRegion"] == ""
    assert extended["policyExtendedInfo"]["configuredRPGenerationFrequency"] == "04:00:00"
    assert extended["policyExtendedInfo"]["configuredMaximumRetention"] == "7.00:00:00"
    assert extended["recoveryPointInfo"]["latestRecoveryPointInPrimaryRegion"].endswith("Z")
    jobs = ask(azure, JOBS.partition("| where properties.dataSourceType")[0]).data
    mine = next(each for each in jobs if each["name"] == name)
    assert (mine["operation"], mine["status"], mine["vaultName"], mine["location"]) == (
        "OnDemandBackup", "Completed", "vault-1", "",
    )  # fmt: skip
    assert mine["properties"]["extendedInfo"] is None
    assert len(mine["properties"]["startTime"]) == len("2026-01-05T07:53:06.9238410Z")
    assert mine["properties"]["duration"].startswith("00:0")


def test_soft_deleted_instances_are_rows_of_their_own_type(azure):
    azure.furnish()
    azure.protect()
    azure.client.backup_instances.begin_delete(GROUP, "vault-1", "instance-1").result()
    azure.emulator.advance(DELAY + 1)
    query = "recoveryservicesresources | where type startswith 'microsoft.dataprotection/backupvaults/{}'"
    assert ask(azure, query.format("backupinstances")).data == []
    [row] = ask(azure, query.format("deleted")).data
    assert row["id"] == f"{azure.vault_id}/deletedBackupInstances/instance-1"
    assert (row["type"], row["location"]) == ("microsoft.dataprotection/backupvaults/deletedbackupinstances", "eastus")
    assert row["properties"]["currentProtectionState"] == "SoftDeleted"
    assert row["properties"]["deletionInfo"]["scheduledPurgeTime"]


def test_tables(azure):
    azure.emulator.advance(DELAY + 1)
    extensions = ask(azure, "KubernetesConfigurationResources | project type, name, properties.ExtensionType").data
    assert extensions == [
        {
            "type": "microsoft.kubernetesconfiguration/extensions",
            "name": "azure-aks-backup",
            "properties_ExtensionType": "microsoft.dataprotection.kubernetes",
        }
    ]
    containers = ask(azure, "resourcecontainers | project type, name | order by type asc, name asc").data
    assert containers[0] == {"type": "microsoft.resources/subscriptions", "name": "Furnished"}
    assert {(each["type"], each["name"]) for each in containers[1:]} == {
        ("microsoft.resources/subscriptions/resourcegroups", name)
        for name in (GROUP, CLUSTERS, "rg-snapshots", "rg-staging")
    }
    who = ask(
        azure,
        "authorizationresources | where type =~ 'microsoft.authorization/roleassignments'"
        "| extend definition = tolower(properties.roleDefinitionId) | join kind=inner (authorizationresources "
        "| where type =~ 'microsoft.authorization/roledefinitions' | project definition = tolower(id), "
        "role = tostring(properties.roleName)) on definition | project role, properties.principalType",
    ).data
    assert who == [{"role": "Owner", "properties_principalType": "ServicePrincipal"}]


def test_a_caller_sees_what_it_may_read(azure):
    azure.emulator.advance(DELAY + 1)
    query = "resources | project name, type | order by name asc"
    everything = ask(azure, query).data
    assert {"aks-1", "stbackup01"} <= {each["name"] for each in everything}
    assert ask(azure, query, reader(azure, (READER, azure.root))).data == everything
    group = f"{azure.root}/resourceGroups/{CLUSTERS}"
    assert [each["name"] for each in ask(azure, query, reader(azure, (READER, group))).data] == ["aks-1"]
    assert [each["name"] for each in ask(azure, query, reader(azure, (READER, azure.account))).data] == ["stbackup01"]


def test_a_caller_without_any_right_is_denied(azure):
    nobody = reader(azure)
    with pytest.raises(HttpResponseError) as caught:
        ask(azure, "resources", nobody)
    assert caught.value.status_code == 403
    assert caught.value.error.code == "AccessDenied"
    assert ask(azure, "resources", nobody, subscriptions=None).data == []


def test_subscriptions_of_others_stay_hidden(azure, emulator):
    other = emulator.subscription(SCENARIO)["AZURE_SUBSCRIPTION_ID"]
    azure.emulator.advance(DELAY + 1)
    query = "resourcecontainers | where type == 'microsoft.resources/subscriptions' | project subscriptionId"
    mine = [{"subscriptionId": azure.subscription}]
    assert ask(azure, query, subscriptions=None).data == mine
    assert ask(azure, query, subscriptions=[azure.subscription.upper(), other]).data == mine
    with pytest.raises(HttpResponseError, match="AccessDenied"):
        ask(azure, query, subscriptions=[other])


def test_pages(azure):
    for number in range(7):
        azure.put_account(f"stmany{number}", GROUP)
    azure.emulator.advance(DELAY + 1)
    query = "resources | where name startswith 'stmany' | order by id asc"
    first = ask(azure, query, top=3)
    assert (first.total_records, first.count, first.result_truncated) == (7, 3, "false")
    names, token = [each["name"] for each in first.data], first.skip_token
    while token:
        page = ask(azure, query, top=3, skip_token=token)
        names, token = names + [each["name"] for each in page.data], page.skip_token
    assert names == [f"stmany{number}" for number in range(7)]
    table = ask(azure, query + " | project name", top=2, skip=5, result_format="table")
    assert table.data == {"columns": [{"name": "name", "type": "string"}], "rows": [["stmany5"], ["stmany6"]]}


def test_refusals(azure):
    with pytest.raises(HttpResponseError) as caught:
        ask(azure, "resources | where name = 'x'")
    assert caught.value.status_code == 400
    assert caught.value.error.code == "BadRequest"
    details = [(each.code, each.message) for each in caught.value.error.details]
    assert details[-1] == ("ParserFailure", "ParserFailure")
    with pytest.raises(HttpResponseError, match="DisallowedLogicalTableName"):
        ask(azure, "secrets")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"query": 5}, 400),
        ({"query": "resources", "subscriptions": "x"}, 400),
        ({"query": "resources", "subscriptions": ["x"] * 1001}, 400),
        ({"query": "resources", "options": 5}, 400),
        ({"query": "resources", "options": {"top": 5}}, 400),
        ({"query": "resources", "options": {"$top": 1001}}, 400),
        ({"query": "resources", "filter": "x"}, 400),
        ({"query": "resources", "facets": [{"expression": "location"}]}, 501),
        ({"query": "resources", "managementGroups": ["x"]}, 403),
        ({"query": "resources", "options": {"authorizationScopeFilter": "AtScopeExact"}}, 501),
        ({"query": "resources", "options": {"authorizationScopeFilter": "AtScopeAndBelow"}}, 200),
    ],
)
def test_bodies(azure, body, status):
    path = "/providers/Microsoft.ResourceGraph/resources"
    found, dummy, answer = azure.http("POST", path, body, version="2022-10-01")
    assert found == status
    assert status != 400 or answer["error"]["code"] == "BadRequest"


def test_a_query_is_no_write(azure, emulator):
    since = len(emulator.journal())
    ask(azure, "resources")
    assert emulator.writes(azure.subscription, since) == []


def test_a_loaded_state_is_known_at_once(azure, emulator):
    azure.put_account("stlate", GROUP)
    query = "resources | where name == 'stlate' | project name"
    assert ask(azure, query).data == []
    emulator.load(emulator.save())
    assert ask(azure, query).data == [{"name": "stlate"}]


def test_management_groups_are_those_above_a_subscription(emulator):
    groups = [["root", "platform"], ["root", "shop"], []]
    subscriptions = [
        {"name": f"{number}", "management_groups": names, "resource_groups": [{"name": "rg", "location": "eastus"}]}
        for number, names in enumerate(groups)
    ]
    roles = [{"role": "Owner", "scope": "/"}]
    environment = emulator.subscription({"subscriptions": subscriptions, "principals": [{"roles": roles}]})
    credential = ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=emulator.url,
        disable_instance_discovery=True,
    )
    client = ResourceGraphClient(
        credential, base_url=emulator.url, credential_scopes=[f"{emulator.url}/.default"]
    )  # fmt: skip
    query = "resourcecontainers | where type endswith '/subscriptions' | project id, name | order by name asc"

    def names(**scope):
        return [row["name"] for row in client.resources(QueryRequest(query=query, **scope)).data]

    assert names(management_groups=["Root"]) == ["0", "1"]
    assert names(management_groups=["shop", "platform"]) == ["0", "1"]
    assert names(management_groups=["shop"]) == ["1"]
    assert names() == ["0", "1", "2"]
    for scope in ({"management_groups": ["nobody"]}, {"management_groups": ["shop"], "subscriptions": ["x"]}):
        with pytest.raises(HttpResponseError):
            names(**scope)


def test_a_page_may_have_fewer_rows_than_asked_for(azure):
    azure.emulator.settings(graph_rows=2)
    try:
        page = ask(azure, "resourcecontainers | project id | order by id asc", top=1000)
    finally:
        azure.emulator.settings(graph_rows=1000)
    assert (page.count, page.total_records) == (2, 5) and page.skip_token
