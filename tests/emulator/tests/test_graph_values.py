# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The query language: what expressions are worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator.graph.values import DateTime, TimeSpan
from tests.emulator.tests.graph_rows import ROWS, names, row, run, value

# operators of values


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name == 'a'", "a"),
        ("name == 'A'", ""),
        ("name =~ 'A'", "a"),
        ("name != 'a'", "bc"),
        ("name !~ 'A'", "bc"),
        ("name in ('a', 'B')", "a"),
        ("name in~ ('a', 'B')", "ab"),
        ("name !in ('a')", "bc"),
        ("name !in~ ('A')", "bc"),
        ("location contains 'STU'", "abc"),
        ("location contains_cs 'STU'", ""),
        ("location !contains 'west'", "ac"),
        ("location startswith 'EAST'", "ac"),
        ("location startswith_cs 'EAST'", ""),
        ("location endswith 'US'", "abc"),
        ("location has 'us'", ""),
        ("id has 'RG'", "abc"),
        ("id has '/rg/'", "abc"),
        ("id has 'subscription'", ""),
        ("id hasprefix 'Subscr'", "abc"),
        ("id hassuffix 'Groups'", "abc"),
        ("location !has 'eastus'", "b"),
        ("id has_any ('x', 'RG')", "abc"),
        ("id has_all ('x', 'rg')", ""),
        ("location matches regex '^w'", "b"),
        ("location matches   regex '^W'", ""),
        ("properties.n > 1", "bc"),
        ("properties.n >= 1 and properties.n < 3", "ab"),
        ("properties.n between (2 .. 3)", "bc"),
        ("properties.n !between (2 .. 3)", "a"),
        ("properties.n == 2.0", "b"),
        ("2 == properties.n", "b"),
        ("properties.flag == true", "a"),
        ("properties.flag == 'true'", "a"),
        ("properties.flag", "a"),
        ("not(properties.flag)", "b"),
        ("properties.n == '2'", "b"),
        ("properties.text == 2", "c"),
        ("properties.n in (1, 3)", "ac"),
        ("properties.n in ('1')", "a"),
        ("properties.when > datetime(2026-01-05)", "a"),
        ("properties.when < ago(1d)", "b"),
        ("properties.missing == 'x'", ""),
        ("properties.missing != 'x'", "abc"),
        ("isnull(properties.text)", "ab"),
        ("isnotnull(properties.text)", "c"),
        ("isempty(properties.text)", "ab"),
        ("isnotempty(tags.env)", "c"),
        ("tags.env =~ 'prod'", "c"),
        ("tags['env'] == 'Prod'", "c"),
        ("name == 'a' or name == 'b' and location == 'x'", "a"),
        ("(name == 'a' or name == 'b') and location == 'westus'", "b"),
        ("properties.n in (dynamic([1, 2]))", "ab"),
        ("name in (dynamic(['c']))", "c"),
        ("type has 't' // a comment", "abc"),
    ],
)
def test_where(condition, found):
    assert names(f"resources | where {condition}") == found


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("properties.bag", None),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 + 5", 3),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7.0 / 2", 3.5),
        ("1 / 0", None),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1d", "1.00:00:00"),
        ("1.5h", "01:30:00"),
        ("100ms", "00:00:00.1000000"),
        ("2h + 30m", "02:30:00"),
        ("1d / 6h", 4.0),
        ("1h * 3", "03:00:00"),
        ("timespan(02:00:00)", "02:00:00"),
        ("time(1d)", "1.00:00:00"),
        ("-1h", "-01:00:00"),
        ("datetime(2026-01-05T07:49:43.0747155Z)", "2026-01-05T07:49:43.0747155Z"),
        ("datetime(2026-01-05 07:49)", "2026-01-05T07:49:00.0000000Z"),
        ("datetime(null)", None),
        ("long(null)", None),
        ("datetime(2026-01-06) - datetime(2026-01-05)", "1.00:00:00"),
        ("datetime(2026-01-05) + 90m", "2026-01-05T01:30:00.0000000Z"),
        ("datetime(2026-01-05T02:00:00+02:00)", "2026-01-05T00:00:00.0000000Z"),
        ("now()", "2026-01-05T08:00:00.0000000Z"),
        ("now(-1h)", "2026-01-05T07:00:00.0000000Z"),
        ("ago(1d)", "2026-01-04T08:00:00.0000000Z"),
        (r"'it\'s'", "it's"),
        (r"@'a\b'", r"a\b"),
        ('"two"', "two"),
        ("true and false", False),
        ("true or false", True),
        ("bool(null) and false", False),
        ("bool(null) or true", True),
        ("bool(null) and true", None),
        ("1 == long(null)", False),
        ("1 != long(null)", True),
        ("long(null) == long(null)", None),
        ("1 < long(null)", None),
    ],
)
def test_values(expression, result):
    assert value(expression) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("properties.bag.x.y[0].z", 7),
        ("properties['bag']['x'].y[-1]['z']", 7),
        ("properties.bag.['x']", {"y": [{"z": 7}]}),
        ("properties.bag.x.y[1]", None),
        ("properties.bag.x.y[0].z.none.none", None),
        ("properties.none[0]", None),
        ("['name']", "c"),
        ("properties[strcat('b', 'ag')].x.y[toint('0')].z", 7),
        ("array_length(properties.bag.x.y)", 1),
        ("bag_keys(properties.bag)", ["x"]),
        ("tostring(properties.bag)", '{"x":{"y":[{"z":7}]}}'),
    ],
)
def test_dynamic_access(expression, result):
    assert value(expression, ROWS[2:]) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("tostring(1)", "1"),
        ("tostring(true)", "True"),
        ("tostring(dynamic(true))", "true"),
        ("tostring(dynamic(null))", ""),
        ("tostring(1.5)", "1.5"),
        ("tostring(datetime(2026-01-05))", "2026-01-05T00:00:00.0000000Z"),
        ("tostring(90m)", "01:30:00"),
        ("toint('5')", 5),
        ("toint('x')", None),
        ("tolong('0x10')", 16),
        ("toreal('1.5')", 1.5),
        ("todouble('x')", None),
        ("tobool('TRUE')", True),
        ("tobool('x')", None),
        ("todatetime('2026-01-05T00:00:00Z')", "2026-01-05T00:00:00.0000000Z"),
        ("todatetime('soon')", None),
        ("totimespan('1.02:03:04')", "1.02:03:04"),
        ("parse_json('{\"a\": [1]}').a[0]", 1),
        ("parse_json('no json')", "no json"),
        ("tolower('AbC')", "abc"),
        ("toupper('abc')", "ABC"),
        ("strlen('abc')", 3),
        ("substring('abcdef', 1, 3)", "bcd"),
        ("substring('abcdef', 4)", "ef"),
        ("replace_string('aXbX', 'X', '-')", "a-b-"),
        ("trim('-', '--a-b--')", "a-b"),
        ("trim_start('x', 'xxa')", "a"),
        ("trim_end('x', 'axx')", "a"),
        ("strcat('a', 1, true)", "a1True"),
        ("indexof('abc', 'c')", 2),
        ("indexof('abc', 'x')", -1),
        ("split('a/b/c', '/')", ["a", "b", "c"]),
        ("split('a/b/c', '/')[-1]", "c"),
        ("split('a/b', '/', 1)", ["b"]),
        ("split('a/b', '/')[7]", None),
        ("split(properties.none, '/')[1]", None),
        ("extract('(\\\\d+)-(\\\\d+)', 2, 'x 12-34')", "34"),
        ("extract('z(.)', 1, 'abc')", ""),
        ("case(1 > 2, 'a', 2 > 1, 'b', 'c')", "b"),
        ("case(1 > 2, 'a', 'c')", "c"),
        ("iff(1 > 2, 'a', 'b')", "b"),
        ("iif(true, 1, 2)", 1),
        ("coalesce(long(null), 2)", 2),
        ("coalesce(properties.none, 'x')", "x"),
        ("coalesce('', 'x')", "x"),
        ("isnull('')", False),
        ("isempty('')", True),
        ("set_has_element(dynamic([1, 'a']), 'a')", True),
        ("array_concat(dynamic([1]), dynamic([2]))", [1, 2]),
        ("bin(7, 5)", 5),
        ("bin(datetime(2026-01-05T07:49:00), 1h)", "2026-01-05T07:00:00.0000000Z"),
        ("bin(1.7, 0.5)", 1.5),
        ("format_datetime(datetime(2026-01-05T07:04:09.12), 'yyyy-MM-dd HH:mm:ss.fff')", "2026-01-05 07:04:09.120"),
        ("format_datetime(datetime(2026-01-05T13:04:00), 'd/M/yy h:mm tt')", "5/1/26 1:04 PM"),
        ("datetime_diff('day', datetime(2026-01-05), datetime(2026-01-01))", 4),
        ("datetime_diff('hour', datetime(2026-01-01), datetime(2026-01-02))", -24),
        ("datetime_diff('month', datetime(2026-01-01), datetime(2025-12-31))", 1),
        ("datetime_diff('minute', now(), ago(90s))", 2),
        ("pack('a', 1, 'b', 'x')", {"a": 1, "b": "x"}),
        ("pack_array(1, 'x')", [1, "x"]),
        ("strcat_array(dynamic(['a', 'b']), '-')", "a-b"),
        ('dynamic({"a": {"b": [1, 2.5, null, true]}}).a.b', [1, 2.5, None, True]),
        ("dynamic([])", []),
        ("dynamic({})", {}),
        ("max_of(1, 3, 2)", 3),
        ("round(2.567, 1)", 2.6),
        ("countof('aXbX', 'X')", 2),
        ("not(true)", False),
        ("gettype(properties)", "dictionary"),
        ('bag_merge(dynamic({"a": 1}), dynamic({"a": 2, "b": 3}))', {"a": 1, "b": 3}),
    ],
)
def test_functions(expression, result):
    assert value(expression, [row("a")]) == result


# properties

TEXTS = st.text(alphabet="abAB/-' \"\\", max_size=8)


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@given(TEXTS, TEXTS)
def test_string_operators_agree_with_each_other(text, part):
    left, right = quoted(text), quoted(part)
    found = {
        operator: value(f"{left} {operator} {right}", ROWS)
        for operator in (
            "==",
            "!=",
            "=~",
            "!~",
            "contains",
            "!contains",
            "contains_cs",
            "startswith",
            "endswith",
            "has",
        )
    }
    assert found["=="] is (text == part)
    assert found["=~"] is (text.lower() == part.lower())
    assert found["contains_cs"] is (part in text)
    assert found["contains"] is (part.lower() in text.lower())
    assert (found["!="], found["!~"], found["!contains"]) == (not found["=="], not found["=~"], not found["contains"])
    assert found["contains"] or not (found["startswith"] or found["endswith"] or found["has"])
    assert value(f"{left} in~ ({right})") is found["=~"]


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(1, 1000))
def test_arithmetic(one, other, divisor):
    assert value(f"({one}) + ({other}) * 2 - {divisor}") == one + other * 2 - divisor
    quotient, rest = value(f"({one}) / {divisor}"), value(f"({one}) % {divisor}")
    assert quotient * divisor + rest == one
    assert abs(rest) < divisor


@given(st.integers(0, 3_155_378_975_999_999_999), st.integers(-(10**15), 10**15))
def test_times_survive_writing_and_reading(ticks, duration):
    assert DateTime.parse(str(DateTime(ticks))) == ticks
    assert TimeSpan.parse(str(TimeSpan(duration))) == duration


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=6))
def test_expressions_on_any_document_never_fail(documents):
    rows = [row(str(number), properties=document) for number, document in enumerate(documents)]
    query = (
        "resources | extend x = properties.a.b[0], y = properties['c'], z = split(properties.a, '/')[1] | where "
        "x == 1 or y != 'q' or "
        "properties.a > 2 or z =~ properties.b or properties.b in~ ('x', 'y') or properties.c > ago(1d) or "
        "array_length(y) == 1 | "
        "extend t = strcat(x, y, z), n = toint(x), b = bag_keys(y), s = substring(properties.a, 1), m = "
        "max_of(toint(x), 1) | "
        "mv-expand y | order by t asc | summarize count(), make_set(x), max(y), arg_max(n, *) by t"
    )
    run(query, rows)
