# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: what is refused, and how answers are paged."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.emulator.graph import COLUMNS, Page, QueryError, answer, evaluate
from tests.emulator.tests.graph_rows import NOW, ROWS, row
from tests.emulator.tests.test_graph import INSTANCES, JOBS


def refused(query):
    """The details of the error behind the general InvalidQuery entry."""
    with pytest.raises(QueryError) as caught:
        evaluate(query, {"resources": ROWS}, NOW)
    return caught.value


def test_the_body_of_a_parser_failure():
    body = refused("resources | where resourceGroup =~ rg' and type contains 'x'").body(
        "2026-01-05T08:00:00.1234567Z", "guid"
    )
    assert body == {
        "error": {
            "code": "BadRequest",
            "message": "Please provide below info when asking for support: timestamp = "
            "2026-01-05T08:00:00.1234567Z, correlationId = guid.",
            "details": [
                {
                    "code": "InvalidQuery",
                    "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph "
                    "service and fix the error before retrying.",
                },
                {
                    "code": "ParserFailure",
                    "message": "ParserFailure",
                    "line": 1,
                    "characterPositionInLine": 37,
                    "token": "' and type contains '",
                },
            ],
        }
    }


@pytest.mark.parametrize(
    ("query", "line", "position", "token"),
    [
        ("", 1, 0, "<EOF>"),
        ("resources |", 1, 11, "<EOF>"),
        ("resources | where", 1, 17, "<EOF>"),
        ("resources\n| where (name", 2, 13, "<EOF>"),
        ("resources\n| where name = 'a'", 2, 13, "="),
        ("resources | where name == 'a", 1, 26, "'"),
        ("resources | wher name", 1, 12, "wher"),
        ("resources | take 'x'", 1, 17, "'x'"),
        ("resources | project", 1, 19, "<EOF>"),
        ("resources | where name == 'a' | | take 1", 1, 32, "|"),
        ("resources || take 1", 1, 11, "|"),
        ("resources | where name ~ 'a'", 1, 23, "~"),
        ("resources extend x = 1", 1, 10, "extend"),
        ("resources | WHERE true", 1, 12, "WHERE"),
        ("resources | where name == 'a' && true", 1, 30, "&"),
        ("let x = 1; resources", 1, 4, "x"),
    ],
)
def test_what_does_not_parse(query, line, position, token):
    last = refused(query).details[-1]
    assert last == {
        "code": "ParserFailure",
        "message": "ParserFailure",
        "line": line,
        "characterPositionInLine": position,
        "token": token,
    }


@pytest.mark.parametrize(
    "operator",
    [
        "project-rename a = name",
        "sample 5",
        "top-nested 1 of name",
        "lookup kind=leftouter (x) on y",
        "make-series count()",
        "evaluate bag_unpack(properties)",
        "search 'x'",
        "render table",
    ],
)
def test_operators_that_the_service_does_not_have(operator):
    last = refused(f"resources | {operator}").details[-1]
    assert last == {
        "code": "InvalidQueryLanguage",
        "message": "InvalidQueryLanguage",
        "line": -1,
        "characterPositionInLine": -1,
        "token": operator.split()[0],
    }


@pytest.mark.parametrize("operator", ["parse id with * '/' x", "invoke f()"])
def test_operators_that_only_the_emulator_does_not_have(operator):
    error = refused(f"resources | {operator}")
    assert (error.status, error.body("", "")["error"]["code"]) == (501, "NotModelledByEmulator")


@pytest.mark.parametrize(
    "query",
    [
        "AdvisorResources | take 1",
        "resources | union (resourcechanges | take 1)",
        "resources | join kind=inner healthresources on id",
        "resources | extend x = datetime_add('day', 1, now())",
        "resources | summarize make_bag(tags) by type",
    ],
)
def test_what_only_the_emulator_does_not_have(query):
    error = refused(query)
    assert (error.status, error.body("", "")["error"]["code"]) == (501, "NotModelledByEmulator")


def test_tables_that_are_not_there():
    assert refused("nosuch | take 1").details == [
        {"code": "DisallowedLogicalTableName", "message": "Table nosuch is invalid, unsupported or disallowed."}
    ]
    assert refused("resources | join (nosuch) on name").details == [
        {"code": "DisallowedLogicalTableName", "message": "Table nosuch is invalid, unsupported or disallowed."}
    ]


@pytest.mark.parametrize("kind", ["leftsemi", "leftanti", "rightouter"])
def test_joins_that_the_service_does_not_have(kind):
    error = refused(f"resources | join kind={kind} resources on name")
    assert error.details[-1] == {
        "code": "UnsupportedJoinFlavor",
        "message": f'The join kind "{kind}" is not supported or not allowed.',
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("where nme == 'x'", "'where' operator: Failed to resolve scalar expression named 'nme'"),
        ("project Name", "'project' operator: Failed to resolve scalar expression named 'Name'"),
        ("project name | where location == 'x'", "named 'location'"),
        ("summarize count() | project name", "named 'name'"),
        ("project-away nme", "named 'nme'"),
        ("join (resources | project id) on name", "'join' operator"),
        ("where length(name) > 1", "Unknown function: 'length'."),
        ("where count() > 1", "Unknown function: 'count'."),
        ("extend x = strlen()", "strlen()"),
        ("extend x = strlen(name, 1)", "strlen()"),
        ("extend x = case(true, 1)", "case()"),
        ("extend x = ago()", "ago()"),
        ("extend x = ago('1d')", "ago()"),
        ("where name", "not boolean"),
        ("where name and true", "not boolean"),
        ("extend x = iff(name, 1, 2)", "not boolean"),
        ("where properties.a == tags.a", "Cannot compare values of types dynamic and dynamic"),
        ("where name == 1", "Cannot compare values of types string and long"),
        ("where todatetime(name) > '2026-01-01'", "Cannot compare values of types datetime and string"),
        ("extend x = properties.a + 1", "cannot be applied to the types dynamic and long"),
        ("extend x = name + 'x'", "string and string"),
        ("extend x = name.first", "path on a value of type string"),
        ("extend x = name[0]", "path on a value of type string"),
        ("summarize count() by properties.a", "is of a 'dynamic' type"),
        ("distinct properties.a", "is of a 'dynamic' type"),
        ("order by properties.a", "key can't be of dynamic type"),
        ("join kind=inner resources on properties", "is of a 'dynamic' type"),
        ("summarize name", "inside of an aggregate"),
        ("summarize sum(name)", "not summable"),
        ("extend x = strlen(*)", "* is not expected"),
        ("mv-expand name", "not dynamic"),
        ("mv-expand properties limit 2001", "at most 2000"),
        ("mv-expand kind=rows properties", "kind rows"),
        ("mv-expand properties to typeof(guid)", "unknown type"),
        ("join resources on $left.name == $left.name", "$right"),
        ("where name matches regex '('", "ill-formed"),
        ("extend x = extract('(', 1, name)", "ill-formed"),
        ("extend x = datetime(soon)", "Invalid datetime literal"),
        ("extend x = timespan(soon)", "Invalid timespan literal"),
        ("union kind=left resources", "kind left"),
        (
            "join resources on name | join resources on name | join resources on name | join resources on name",
            "more than 3 join",
        ),
        ("mv-expand tags | mv-expand tags | mv-expand tags | mv-expand tags", "more than 3 mv-expand"),
    ],
)
def test_what_cannot_be_resolved(query, message):
    error = refused(f"resources | {query}")
    assert message in error.details[-1]["message"]
    assert error.details[0]["code"] == "InvalidQuery"


@pytest.mark.parametrize(
    "query",
    [
        "resources | where " + "not(" * 20_000 + "true" + ")" * 20_000,
        "resources | where " + "-" * 20_000 + "1 == 1",
        "resources | take 99999999999999999999",
        "resources | project x = 0xFFFFFFFFFFFFFFFFFF",
        "resources | project x = " + "9" * 5000,
        "resources | project x = " + "9" * 400 + "d",
        "resources | project x = '\\q'",
        "resources | summarize make_list(name, 'x')",
        "resources | where name matches regex strcat('(', name)",
    ],
    ids=range(9),
)
def test_extremes_are_refused(query):
    refused(query)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("010", 10),
        ("9223372036854775807 + 1", -(2**63)),
        ("1e999", "Infinity"),
        ("-1e999", "-Infinity"),
        ("1e999 - 1e999", "NaN"),
        ("1d * 1e999", None),
        ("1.5 % 0", None),
        ("7.5 % 2", 1.5),
        ("datetime(9999-12-31) + 2d", None),
        ("ago(9999999d)", None),
        ("toint(1e999)", None),
        ("bin(1e999, 1)", "NaN"),
        ("gettype(parse_json(strcat('" + "[" * 5000 + "', '')))", "string"),
        ("'\\u0041\\x42\\n'", "AB\n"),
    ],
    ids=range(14),
)
def test_extremes_have_values(expression, result):
    rows = evaluate(f"resources | take 1 | project x = {expression}", {"resources": ROWS}, NOW).rows
    assert rows == [{"x": result}]


WORDS = [
    "resources",
    "|",
    "where",
    "name",
    "==",
    "'a'",
    "(",
    ")",
    ",",
    "project",
    "extend",
    "x",
    "=",
    "summarize",
    "count()",
    "by",
    "join",
    "on",
    "properties",
    ".",
    "[",
    "]",
    "0",
    "1d",
    "in~",
    "and",
    "order",
    "asc",
    "mv-expand",
    "datetime(2026-01-01)",
    "dynamic(",
    "{",
    "strcat(",
    "case(",
    "-",
    "*",
    "..",
    "between",
    "take",
    "5",
    "not(",
    "has",
    "tostring(",
    "//",
    "\n",
    "'",
    "arg_max(",
    "top",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(alphabet=string.printable, max_size=30))
@example("resources | where name == 'a' | project x = arg_max ( name , * )")
def test_any_text_is_evaluated_or_refused(text):
    try:
        evaluate(text, {"resources": ROWS}, NOW)
    except QueryError as error:
        assert error.body("t", "c")["error"]["details"]


@given(
    st.sampled_from(
        [INSTANCES, JOBS, "resources | join kind=inner (resources | mv-expand tags) on name | top 3 by name asc"]
    ),
    st.data(),
)
def test_a_query_with_a_hole_is_evaluated_or_refused(query, data):
    start = data.draw(st.integers(0, len(query)))
    end = data.draw(st.integers(start, min(len(query), start + 20)))
    try:
        evaluate(query[:start] + query[end:], {"resources": ROWS, "recoveryservicesresources": []}, NOW)
    except QueryError as error:
        assert error.details


# pages

MANY = [row(f"{number:04}") for number in range(2500)]


def page(query, options=None, rows=MANY):
    return answer(evaluate(query, {"resources": rows}, NOW), Page.of(options, query), query)


def test_an_answer():
    assert page("resources | project name", rows=MANY[:2]) == {
        "totalRecords": 2,
        "count": 2,
        "data": [{"name": "0000"}, {"name": "0001"}],
        "facets": [],
        "resultTruncated": "false",
    }


def test_all_pages_are_all_records():
    query, found, options, sizes = "resources | order by id asc", [], {}, []
    while True:
        body = page(query, options)
        found += body["data"]
        sizes.append(body["count"])
        assert body["totalRecords"] == 2500
        assert body["resultTruncated"] == "false"
        if "$skipToken" not in body:
            break
        options = {"$skipToken": body["$skipToken"]}
    assert found == MANY
    assert sizes == [1000, 1000, 500]


@given(st.integers(1, 1000), st.integers(0, 30), st.integers(0, 25))
def test_pages_of_any_size(top, skip, number):
    query, options, found = "resources", {"$top": top, "$skip": skip}, []
    while options:
        body = page(query, options, MANY[:number])
        assert body["count"] == len(body["data"]) <= top
        found += body["data"]
        options = {"$skipToken": body["$skipToken"]} if "$skipToken" in body else None
    assert found == MANY[skip:number]


def test_skip_and_top_override_the_token():
    token = page("resources", {"$top": 10})["$skipToken"]
    assert [each["name"] for each in page("resources", {"$skipToken": token, "$top": 2})["data"]] == ["0010", "0011"]
    assert page("resources", {"$skipToken": token, "$skip": 100})["data"][0]["name"] == "0100"
    assert page("resources", {"$skipToken": token})["count"] == 10


@pytest.mark.parametrize(
    "query",
    [
        "resources | project name",
        "resources | take 1500",
        "resources | top 1500 by id asc",
        "resources | summarize count() by name",
    ],
)
def test_a_result_that_cannot_be_paged_is_truncated(query):
    body = page(query)
    assert body["count"] == 1000
    assert body["totalRecords"] in (1500, 2500)
    assert body["resultTruncated"] == "true"
    assert "$skipToken" not in body


@pytest.mark.parametrize(
    "options",
    [
        {"$top": 1001},
        {"$top": 0},
        {"$top": "5"},
        {"$top": True},
        {"$skip": -1},
        {"$skipToken": "x"},
        {"$skipToken": 5},
        {"$skipToken": "e30="},
        {"resultFormat": "csv"},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(QueryError):
        Page.of(options, "resources")


def test_a_token_belongs_to_its_query():
    token = page("resources")["$skipToken"]
    with pytest.raises(QueryError):
        page("resources | where true", {"$skipToken": token})


def test_table_format():
    body = page(
        "resources | take 1 | project name, n = 1, r = 1.5, b = true, d = now(), t = 1h, properties",
        {"resultFormat": "table"},
    )
    assert body["data"]["columns"] == [
        {"name": name, "type": type}
        for name, type in (
            ("name", "string"),
            ("n", "integer"),
            ("r", "number"),
            ("b", "boolean"),
            ("d", "string"),
            ("t", "string"),
            ("properties", "object"),
        )
    ]
    assert body["data"]["rows"] == [["0000", 1, 1.5, True, "2026-01-05T08:00:00.0000000Z", "01:00:00", {}]]


def test_an_empty_table_has_the_columns_of_resource_graph():
    assert dict(evaluate("resources", {"resources": []}, NOW).columns) == dict(COLUMNS)
    assert evaluate("resources | where properties.x == 'y' | summarize count()", {"resources": list}, NOW).rows == [
        {"count_": 0}
    ]
