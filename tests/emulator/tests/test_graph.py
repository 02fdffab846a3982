# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: what tabular operators give, and the queries of the official CLI."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.tests.graph_rows import ROWS, names, row, run

# The queries of the official CLI extension for data protection, as it sends them: one line, no blanks after some pipes.

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v"
CLUSTER = "/subscriptions/s/resourceGroups/crg/providers/Microsoft.ContainerService/managedClusters/c"


def instance(name, state="ProtectionConfigured", vault=VAULT, cluster=CLUSTER):
    properties = {
        "currentProtectionState": state,
        "dataSourceInfo": {"resourceID": cluster, "datasourceType": "Microsoft.ContainerService/managedClusters"},
    }
    return row(
        name,
        id=f"{vault}/backupInstances/{name}",
        type="microsoft.dataprotection/backupvaults/backupinstances",
        properties=properties,
    )


INSTANCES = (
    "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'"
    "| extend vaultName = split(split(id, '/Microsoft.DataProtection/backupVaults/')[1],'/')[0]"
    "| extend protectionState = properties.currentProtectionState"
    "| extend datasourceId = properties.dataSourceInfo.resourceID"
    "| where properties.dataSourceInfo.datasourceType in~ ('microsoft.containerservice/managedclusters')"
    "| where resourceGroup in~ ('RG', 'other')| where vaultName in~ ('V')"
    "| where protectionState in~ ('ProtectionConfigured')"
    f"| where datasourceId in~ ('{CLUSTER.upper()}')"
)


def test_the_query_for_backup_instances():
    rows = [
        instance("one"),
        instance("two", "ProtectionError"),
        instance("three", vault=VAULT + "2"),
        instance("four", cluster=CLUSTER + "2"),
        row("five"),
    ]
    found = run(INSTANCES, RecoveryServicesResources=rows)
    assert [each["name"] for each in found] == ["one"]
    assert found[0]["vaultName"] == "v"
    assert found[0]["protectionState"] == "ProtectionConfigured"
    assert found[0]["datasourceId"] == CLUSTER
    assert found[0]["properties"] == rows[0]["properties"]
    assert run(INSTANCES + " | where name in~ ('two')", RecoveryServicesResources=rows) == []


def job(name, category, user, start, **fields):
    properties = {
        "vaultName": "v",
        "status": "Completed",
        "operationCategory": category,
        "isUserTriggered": user,
        "dataSourceId": CLUSTER,
        "dataSourceType": "Microsoft.ContainerService/managedClusters",
        "startTime": start,
        "endTime": start,
        **fields,
    }
    return row(name, type="microsoft.dataprotection/backupvaults/backupjobs", properties=properties)


JOBS = (
    "RecoveryServicesResources | where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'"
    "| extend vaultName = properties.vaultName| extend status = properties.status"
    "| extend operation = case( tolower(properties.operationCategory) startswith 'backup' and "
    "properties.isUserTriggered == 'true', "
    "strcat('OnDemand',properties.operationCategory),      "
    "tolower(properties.operationCategory) startswith 'backup' and properties.isUserTriggered == 'false', "
    "strcat('Scheduled', properties.operationCategory),      "
    "type =~ 'microsoft.dataprotection/backupVaults/backupJobs', properties.operationCategory, 'Invalid')"
    "| extend datasourceId = properties.dataSourceId"
    "| where properties.dataSourceType in~ ('Microsoft.ContainerService/managedClusters')| where vaultName in~ ('v')"
    "| where status in~ ('completed')"
)


def test_the_query_for_jobs():
    jobs = [
        job("manual", "Backup", True, "2026-01-05T07:53:06.9238410Z"),
        job("scheduled", "Backup", False, "2026-01-04T07:53:06Z"),
        job("restore", "Restore", True, "2026-01-05T09:00:00.0000000Z"),
    ]

    def operations(more=""):
        return {each["name"]: each["operation"] for each in run(JOBS + more, recoveryservicesresources=jobs)}

    assert operations() == {"manual": "OnDemandBackup", "scheduled": "ScheduledBackup", "restore": "Restore"}
    assert set(operations("| where operation in~ ('OnDemandBackup','Restore')")) == {"manual", "restore"}
    assert set(operations("| where properties.startTime > datetime(2026-01-05T00:00:00Z)")) == {"manual", "restore"}
    assert set(
        operations(
            "| where properties.startTime > datetime(2026-01-05T00:00:00Z)"
            "| where properties.endTime < datetime(2026-01-05T08:00:00.0000000Z)"
        )
    ) == {"manual"}


def test_the_query_for_vaults():
    query = (
        "resources | where type =~ 'microsoft.dataprotection/backupvaults'| where resourceGroup in~ ('rg')"
        f"| where name in~ ('V')| where id in~ ('{VAULT.lower()}')"
    )
    assert names(query, [row("v", id=VAULT, type="microsoft.dataprotection/backupvaults"), row("v")]) == "v"


# tabular operators


def test_project_names_and_order():
    assert run("resources | take 1 | project name, x = 1, tostring(properties.n), properties.n, strlen(name)") == [
        {"name": "a", "x": 1, "properties_n": "1", "properties_n1": 1, "Column5": 1}
    ]
    assert list(run("resources | take 1 | project-away prop*, *I*, name")[0]) == [
        "id",
        "type",
        "kind",
        "location",
        "resourceGroup",
        "managedBy",
        "sku",
        "plan",
        "tags",
        "identity",
        "zones",
        "extendedLocation",
    ]


def test_extend_keeps_columns_and_may_replace_one():
    found = run(
        "resources | extend name = toupper(name), n2 = toint(properties.n) * 2 | extend n4 = n2 * 2 | project name, n4"
    )
    assert found == [{"name": "A", "n4": 4}, {"name": "B", "n4": 8}, {"name": "C", "n4": 12}]


def test_the_default_table_and_a_final_semicolon():
    assert names("where name == 'a'") == "a"
    assert names("  project name;") == "abc"
    assert names("ReSources") == "abc"


@pytest.mark.parametrize(
    ("ordering", "found"),
    [
        ("name asc", "abc"),
        ("name", "cba"),
        ("name desc", "cba"),
        ("location asc, name desc", "cab"),
        ("location desc, name asc", "bac"),
        ("toint(properties.text) asc", "abc"),
        ("toint(properties.text) desc", "cab"),
        ("toint(properties.text) asc nulls last", "cab"),
        ("toint(properties.text) desc nulls first", "abc"),
        ("todatetime(properties.when) asc nulls last", "bac"),
        ("tostring(properties.text) desc", "cab"),
    ],
)
def test_order(ordering, found):
    assert names(f"resources | order by {ordering}") == found
    assert names(f"resources | sort by {ordering} | take 2") == found[:2]
    assert names(f"resources | top 2 by {ordering}") == found[:2]


def test_summarize():
    found = run(
        "resources | summarize count(), n = countif(toint(properties.n) > 1), dcount(name), max(toint(properties.n)), "
        "min(toint(properties.n)), sum(toint(properties.n)), avg(toint(properties.n)), make_list(name), make_set(kind) "
        "by location | order by location asc"
    )
    assert found[0] == {
        "location": "eastus",
        "count_": 2,
        "n": 1,
        "dcount_name": 2,
        "max_properties_n": 3,
        "min_properties_n": 1,
        "sum_properties_n": 4,
        "avg_properties_n": 2.0,
        "list_name": ["a", "c"],
        "set_kind": [""],
    }
    assert found[1]["avg_properties_n"] == 2.0


def test_summarize_without_rows_or_keys_or_aggregates():
    assert run("resources | where false | summarize count(), max(name)") == [{"count_": 0, "max_name": None}]
    assert run("resources | where false | summarize count() by name") == []
    assert run("resources | summarize by location") == [{"location": "eastus"}, {"location": "westus"}]
    assert run(
        "resources | summarize total = count() * 10 + 1, share = round(100.0 * countif(name == 'a') / count(), 1)"
    ) == [{"total": 31, "share": 33.3}]
    assert run("resources | summarize count() by when = bin(todatetime(properties.when), 1d) | where isnull(when)") == [
        {"when": None, "count_": 1}
    ]


def test_aggregates_ignore_nulls():
    assert run(
        "resources | summarize avg(toint(properties.text)), make_list(toint(properties.text)), "
        "dcount(toint(properties.text))"
    ) == [{"avg_properties_text": 2.0, "list_properties_text": [2], "dcount_properties_text": 1}]
    assert run("resources | summarize make_list(name, 2), make_set(location, 1)") == [
        {"list_name": ["a", "b"], "set_location": ["eastus"]}
    ]


def test_arg_max_and_arg_min():
    found = run(
        "resources | summarize arg_max(toint(properties.n), *) by location | project location, name, "
        "properties_n | order by name asc"
    )
    assert found == [
        {"location": "westus", "name": "b", "properties_n": 2},
        {"location": "eastus", "name": "c", "properties_n": 3},
    ]
    assert run(
        "resources | summarize last = arg_max(todatetime(properties.when), name, location), arg_min(name, location)"
    ) == [{"last": "2026-01-05T07:00:00.0747155Z", "name": "a", "location": "eastus"}]


def test_distinct_and_count():
    assert run("resources | distinct location") == [{"location": "eastus"}, {"location": "westus"}]
    assert run("resources | project location, kind | distinct *") == [
        {"location": "eastus", "kind": ""},
        {"location": "westus", "kind": ""},
    ]
    assert run("resources | where name != 'a' | count") == [{"Count": 2}]


OTHERS = [
    {"name": "a", "color": "red"},
    {"name": "a", "color": "blue"},
    {"name": "A", "color": "green"},
    {"name": "d", "color": "black"},
]


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("kind=inner", [("a", "red"), ("a", "blue")]),
        ("", [("a", "red"), ("a", "blue")]),
        ("kind=leftouter", [("a", "red"), ("a", "blue"), ("b", None), ("c", None)]),
    ],
)
def test_join(kind, found):
    query = f"resources | project name | join {kind} (others | where color != 'x') on name"
    assert [(each["name"], each["color"]) for each in run(query, others=OTHERS)] == found
    query = f"resources | project n = name | join {kind} others on $left.n == $right.name"
    assert [(each["n"], each["color"]) for each in run(query, others=OTHERS)] == found


def test_a_full_join_shows_what_is_on_either_side_alone():
    query = "resources | project name | join kind=fullouter (others | where color != 'x') on name"
    rows = [(each["name"], each["name1"], each["color"]) for each in run(query, others=OTHERS)]
    assert rows == [("a", "a", "red"), ("a", "a", "blue"), ("b", None, None), ("c", None, None),
                    (None, "A", "green"), (None, "d", "black")]


def test_join_renames_columns_that_both_sides_have():
    assert run(
        "resources | project name, x = 1 | join kind=inner (resources | project name, x = 2, x1 = 3) on name | take 1"
    ) == [{"name": "a", "x": 1, "name1": "a", "x1": 2, "x11": 3}]


def test_innerunique_keeps_one_left_row_of_a_key():
    query = (
        "resources | project name, location | join {} (resources | where name == 'a' | project location) on location"
    )
    assert [each["name"] for each in run(query.format("kind=innerunique"))] == ["a"]
    assert [each["name"] for each in run(query.format("kind=inner"))] == ["a", "c"]


def test_join_on_several_keys():
    query = (
        "resources | join kind=inner (resources | project name, place = location) on name, "
        "$left.location == $right.place | project name"
    )
    assert len(run(query)) == 3


def test_mv_expand():
    assert run("resources | mv-expand x = properties.list | project name, x") == [
        {"name": "a", "x": 1},
        {"name": "a", "x": 2},
        {"name": "c", "x": None},
    ]
    assert run(
        "resources | where name == 'a' | mv-expand with_itemindex=i x = properties.list to typeof(string), y = "
        "dynamic([5]) limit 2"
        "| project i, x, y"
    ) == [{"i": 0, "x": "1", "y": 5}, {"i": 1, "x": "2", "y": None}]
    assert run("resources | where name == 'c' | mvexpand tags | project tags.env") == [{"tags_env": "Prod"}]
    # A bag becomes a bag for each property, or an array of its name and value.
    pair = ["env", "Prod"]
    for kind, found in (("kind=bag ", {"env": "Prod"}), ("kind=array ", pair), ("bagexpansion=array ", pair)):
        assert run(f"resources | where name == 'c' | mv-expand {kind}tags | project tags") == [{"tags": found}]
    assert run("where name == 'c' | mv-expand kind=array with_itemindex=i tags limit 400 | project i, tags[1]") == [
        {"i": 0, "tags_1": "Prod"}
    ]
    assert len(run("resources | mv-expand properties.list", [row("a", properties={"list": list(range(500))})])) == 128
    assert (
        len(run("resources | mv-expand properties.list limit 400", [row("a", properties={"list": list(range(500))})]))
        == 400
    )


def test_union():
    assert [each["name"] for each in run("resources | where name == 'a' | union (resources | where name == 'b')")] == [
        "a",
        "b",
    ]
    assert run(
        "resources | project name | take 1 | union withsource=source (others | where color == 'red')", others=OTHERS
    ) == [{"source": "union_arg0", "name": "a", "color": None}, {"source": "others", "name": "a", "color": "red"}]
    assert (
        run("resources | project name, x = 1 | take 1 | union kind=inner others | take 2", others=OTHERS)
        == [{"name": "a"}] * 2
    )


def test_keywords_may_be_names():
    rows = [row("a", kind="x", properties={"by": 1, "where": 2, "count": 3, "on": 4, "$type": 5})]
    assert run(
        "where kind == 'x' | project by = properties.by, properties.where, properties.count, top = "
        "properties.on, properties.$type",
        rows,
    ) == [{"by": 1, "properties_where": 2, "properties_count": 3, "top": 4, "properties__type": 5}]
    assert run(
        "resources | summarize count() by kind | where count_ == 1 | project count = count_ | where count == 1", rows
    ) == [{"count": 1}]


def test_rows_are_not_changed_by_a_query():
    before = json.dumps(ROWS)
    run(
        "resources | extend name = 'x', properties = dynamic({}) | mv-expand properties.list | summarize "
        "make_list(name)"
    )
    assert json.dumps(ROWS) == before


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=12))
def test_operators_agree_with_python(pairs):
    rows = [row(name, properties={"n": number}) for name, number in pairs]
    assert run("resources | count", rows) == [{"Count": len(pairs)}]
    assert [each["n"] for each in run("resources | project n = toint(properties.n) | order by n asc", rows)] == sorted(
        n for dummy, n in pairs
    )
    found = run("resources | summarize n = sum(toint(properties.n)), c = count() by name", rows)
    assert {each["name"]: (each["n"], each["c"]) for each in found} == {
        name: (sum(n for other, n in pairs if other == name), sum(1 for other, dummy in pairs if other == name))
        for name, dummy in pairs
    }
    joined = run("resources | join kind=inner resources on name", rows)
    assert len(joined) == sum(1 for one, dummy in pairs for other, dummy in pairs if one == other)
    assert len(run("resources | distinct name", rows)) == len({name for name, dummy in pairs})
