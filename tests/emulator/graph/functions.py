# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalar functions and aggregates of the query language, as tables.

Source: Kusto documentation of each function. Values are those of values.py; a null argument makes most results null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from . import values
from .values import TICKS, DateTime, TimeSpan, to_string

LOOSE = ""  # result type that depends on the arguments: the type of the first that has one


@dataclass(frozen=True)
class Function:
    """strings: positions of arguments that are converted to strings, all when None is in it."""

    run: Callable[..., Any]
    type: str
    least: int
    most: int = 0  # 0: as many as `least`; -1: any number
    strings: frozenset[int | None] = frozenset()
    named: bool = False  # a column made by it is named after its first argument

    def accepts(self, number: int) -> bool:
        return number >= self.least and (self.most < 0 or number <= max(self.least, self.most))


def _strings(run: Callable[..., Any], type: str, least: int, most: int = 0, named: bool = False) -> Function:
    return Function(run, type, least, most, frozenset({None}), named)


def _first(run: Callable[..., Any], type: str, least: int, most: int = 0) -> Function:
    return Function(run, type, least, most, frozenset({0}))


def _convert(run: Callable[[Any], Any], type: str) -> Function:
    return Function(run, type, 1, named=True)


def _bin(value: Any, size: Any) -> Any:
    if value is None or not size:
        return None
    if isinstance(value, (DateTime, TimeSpan)):
        return type(value)(int(value) // int(size) * int(size))
    return value // size * size


def _extract(pattern: str, group: Any, text: str) -> str:
    match = re.search(pattern, text)
    return (match[int(group)] or "") if match else ""


def _substring(text: str, start: Any, length: Any = None) -> str:
    start = max(start + len(text), 0) if start < 0 else start
    return text[start:] if length is None else text[start : start + max(length, 0)]


def _split(text: str, delimiter: str, index: Any = None) -> list[str]:
    parts = text.split(delimiter) if delimiter else [text]
    return parts if index is None else parts[index : index + 1] if index >= 0 else []


def _index_of(text: str, wanted: str, start: Any = 0) -> int:
    return text.find(wanted, start or 0)


def _trim(pattern: str, text: str) -> str:
    return re.sub(f"^(?:{pattern})+|(?:{pattern})+$", "", text)


# format_datetime: its letters, longest first; f is a digit of the fraction.
_FORMATS = {"yyyy": "{y:04}", "yy": "{yy:02}", "MM": "{M:02}", "M": "{M}", "dd": "{d:02}", "d": "{d}", "HH": "{H:02}",
            "H": "{H}", "hh": "{h:02}", "h": "{h}", "mm": "{m:02}", "m": "{m}", "ss": "{s:02}", "s": "{s}",
            "tt": "{tt}"}


def _format_datetime(value: Any, pattern: str) -> str:
    if value is None:
        return ""
    moment, ticks = value.parts()
    fields = {"y": moment.year, "yy": moment.year % 100, "M": moment.month, "d": moment.day, "H": moment.hour,
              "h": moment.hour % 12 or 12, "m": moment.minute, "s": moment.second,
              "tt": "AM" if moment.hour < 12 else "PM"}

    def part(match: re.Match[str]) -> str:
        letters = match[0]
        return f"{ticks:07}"[: len(letters)] if letters[0] == "f" else _FORMATS[letters].format(**fields)

    return re.sub("yyyy|yy|MM?|dd?|HH?|hh?|mm?|ss?|tt|f{1,7}", part, pattern)


# datetime_diff counts the boundaries crossed, so each unit maps a moment to its number on a line.
_LINES: dict[str, Callable[[DateTime], int]] = {
    "year": lambda value: value.parts()[0].year,
    "quarter": lambda value: value.parts()[0].year * 4 + (value.parts()[0].month - 1) // 3,
    "month": lambda value: value.parts()[0].year * 12 + value.parts()[0].month,
    "week": lambda value: (value // TICKS // 86_400 + 1) // 7,
    "day": lambda value: value // TICKS // 86_400,
    "hour": lambda value: value // TICKS // 3600,
    "minute": lambda value: value // TICKS // 60,
    "second": lambda value: value // TICKS,
    "millisecond": lambda value: value // 10_000,
    "microsecond": lambda value: value // 10,
}


def _datetime_diff(unit: str, later: Any, earlier: Any) -> int | None:
    line = _LINES.get(unit.lower())
    return None if line is None or later is None or earlier is None else line(later) - line(earlier)


def _case(*parts: Any) -> Any:
    for condition, value in zip(parts[:-1:2], parts[1::2], strict=False):
        if condition:
            return value
    return parts[-1]


def _number(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *parts: None if any(part is None for part in parts) else run(*parts)


def _start_of_day(value: Any) -> Any:
    return _bin(value, 86_400 * TICKS)


def _merge(*bags: Any) -> dict[str, Any]:
    return {name: value for bag in reversed(bags) for name, value in (bag or {}).items()}


SCALARS: dict[str, Function] = {
    "array_concat": Function(lambda *arrays: [each for array in arrays for each in array or ()], "dynamic", 1, -1),
    "array_length": Function(lambda array: len(array) if isinstance(array, list) else None, "long", 1),
    "bag_keys": Function(lambda bag: list(bag) if isinstance(bag, dict) else None, "dynamic", 1),
    "bag_merge": Function(_merge, "dynamic", 1, -1),
    "bin": Function(_bin, LOOSE, 2, named=True),
    "case": Function(_case, LOOSE, 3, -1),
    "coalesce": Function(
        lambda *parts: next((part for part in parts if part not in (None, "")), parts[-1]), LOOSE, 1, -1
    ),
    "countof": _strings(lambda text, part: text.count(part), "long", 2),
    "datetime_diff": _first(_datetime_diff, "long", 3),
    "extract": Function(_extract, "string", 3, strings=frozenset({0, 2})),
    "format_datetime": Function(_format_datetime, "string", 2),
    "gettype": Function(
        lambda value: (
            "null"
            if value is None
            else "dictionary"
            if isinstance(value, dict)
            else "array"
            if isinstance(value, list)
            else values_type(value)
        ),
        "string",
        1,
    ),
    "iff": Function(lambda condition, yes, no: yes if condition else no, LOOSE, 3),
    "indexof": _first(_index_of, "long", 2, 3),
    "isempty": Function(lambda value: value in (None, ""), "bool", 1),
    "isnotempty": Function(lambda value: value not in (None, ""), "bool", 1),
    "isnotnull": Function(lambda value: value is not None, "bool", 1),
    "isnull": Function(lambda value: value is None, "bool", 1),
    "max_of": Function(_number(max), LOOSE, 1, -1),
    "min_of": Function(_number(min), LOOSE, 1, -1),
    "not": Function(lambda value: None if value is None else not value, "bool", 1),
    "pack": Function(lambda *parts: dict(zip(map(to_string, parts[::2]), parts[1::2], strict=False)), "dynamic", 2, -1),
    "pack_array": Function(lambda *parts: list(parts), "dynamic", 0, -1),
    "parse_json": Function(values.to_dynamic, "dynamic", 1),
    "replace_regex": _strings(lambda text, pattern, new: re.sub(pattern, new, text), "string", 3),
    "replace_string": _strings(lambda text, old, new: text.replace(old, new) if old else text, "string", 3),
    "reverse": _strings(lambda text: text[::-1], "string", 1),
    "round": Function(_number(lambda value, digits=0: round(float(value), digits)), "real", 1, 2),
    "set_has_element": Function(lambda array, value: value in array if isinstance(array, list) else None, "bool", 2),
    "split": Function(_split, "dynamic", 2, 3, frozenset({0, 1})),
    "startofday": Function(_start_of_day, "datetime", 1),
    "strcat": _strings(lambda *parts: "".join(parts), "string", 1, -1),
    "strcat_array": Function(
        lambda array, between: between.join(to_string(each, True) for each in array or ()), "string", 2
    ),
    "strlen": _strings(len, "long", 1),
    "substring": _first(_substring, "string", 2, 3),
    "tobool": _convert(values.to_bool, "bool"),
    "todatetime": _convert(values.to_datetime, "datetime"),
    "todouble": _convert(values.to_real, "real"),
    "todynamic": _convert(values.to_dynamic, "dynamic"),
    "toint": _convert(values.to_long, "long"),
    "tolong": _convert(values.to_long, "long"),
    "tolower": _strings(str.lower, "string", 1, named=True),
    "toreal": _convert(values.to_real, "real"),
    "tostring": _strings(lambda text: text, "string", 1, named=True),
    "totimespan": _convert(values.to_timespan, "timespan"),
    "toupper": _strings(str.upper, "string", 1, named=True),
    "trim": _strings(_trim, "string", 2),
    "trim_end": _strings(lambda pattern, text: re.sub(f"(?:{pattern})+$", "", text), "string", 2),
    "trim_start": _strings(lambda pattern, text: re.sub(f"^(?:{pattern})+", "", text), "string", 2),
}
for _alias, _name in (("array_strcat", "strcat_array"), ("bag_pack", "pack"), ("iif", "iff"), ("notnull", "isnotnull"),
                      ("parsejson", "parse_json"), ("toboolean", "tobool")):
    SCALARS[_alias] = SCALARS[_name]


# Functions of Kusto that the emulator does not have; which of them the service has is not documented.
_NOT_MODELLED_WORDS = """
    abs acos any_value array_iff array_index_of array_reverse array_rotate_left array_rotate_right array_shift_left
    array_shift_right array_slice array_sort_asc array_sort_desc array_split array_sum asin assert atan atan2
    bag_has_key bag_remove_keys bag_set_key bag_zip base64_decode_toarray base64_decode_toguid base64_decode_tostring
    base64_encode_tostring bin_at bin_auto binary_and binary_not binary_or binary_shift_left binary_shift_right
    binary_xor bitset_count_ones buildschema ceiling column_ifexists cos cot count_distinct datetime_add
    datetime_local_to_utc datetime_part datetime_utc_to_local dayofmonth dayofweek dayofyear degrees dynamic_to_json
    endofday endofmonth endofweek endofyear exp exp10 exp2 extract_all extract_json extractjson floor format_bytes
    format_ipv4 format_ipv4_mask format_timespan gamma getmonth getyear has_any_index has_any_ipv4 has_ipv4 hash
    hash_combine hash_many hash_md5 hash_sha1 hash_sha256 hll hll_merge hourofday indexof_regex ingestion_time
    ipv4_compare ipv4_is_in_any_range ipv4_is_in_range ipv4_is_match ipv4_is_private ipv4_netmask_suffix isascii
    isfinite isinf isnan isutf8 jaccard_index log log10 log2 loggamma make_bag make_bag_if make_datetime make_list_if
    make_set_if make_string make_timespan maxif merge_tdigest minif monthofyear new_guid parse_command_line parse_csv
    parse_ipv4 parse_ipv4_mask parse_ipv6 parse_path parse_url parse_urlquery parse_user_agent parse_version parse_xml
    percentile percentile_tdigest percentiles pi pow prev punycode_from_string radians rand range rank_tdigest
    regex_quote repeat replace replace_strings row_cumsum row_number row_rank_dense set_difference set_equals
    set_intersect set_union sign sin sqrt startofmonth startofweek startofyear stdev stdevif stdevp strcat_delim strcmp
    string_size strrep take_anyif tan tdigest to_utf8 todecimal toguid tohex toscalar translate treepath
    unicode_codepoints_from_string unixtime_microseconds_todatetime unixtime_milliseconds_todatetime
    unixtime_nanoseconds_todatetime unixtime_seconds_todatetime url_decode url_encode url_encode_component variance
    varianceif variancep week_of_year welch_test zip zlib_compress_to_base64_string"""
NOT_MODELLED = frozenset(_NOT_MODELLED_WORDS.split())

# More special types first: bool, DateTime and TimeSpan are integers in Python.
_TYPES = ((bool, "bool"), (DateTime, "datetime"), (TimeSpan, "timespan"), (int, "long"), (float, "real"),
          (str, "string"))


def values_type(value: Any) -> str:
    """The type of a value as the language names it."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "dynamic")


@dataclass(frozen=True)
class Aggregate:
    """run(values of the first argument, one per row, nulls left out). prefix: of the default column name."""

    run: Callable[[list[Any]], Any]
    type: str
    prefix: str
    least: int = 1
    most: int = 1
    conditions: bool = False  # the last argument is a condition on rows


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    for each in items:
        found.setdefault(values.identity(each), each)
    return list(found.values())


def _total(items: list[Any]) -> Any:
    return type(items[0])(sum(items)) if items and isinstance(items[0], TimeSpan) else sum(items)


def _average(items: list[Any]) -> Any:
    if not items:
        return None
    return TimeSpan(sum(items) // len(items)) if isinstance(items[0], TimeSpan) else sum(items) / len(items)


AGGREGATES: dict[str, Aggregate] = {
    "avg": Aggregate(_average, "real", "avg_"),
    "avgif": Aggregate(_average, "real", "avgif_", 2, 2, True),
    "count": Aggregate(len, "long", "count_", 0, 0),
    "countif": Aggregate(len, "long", "countif_", 1, 1, True),
    "dcount": Aggregate(lambda items: len(_distinct(items)), "long", "dcount_", 1, 2),
    "dcountif": Aggregate(lambda items: len(_distinct(items)), "long", "dcountif_", 2, 2, True),
    "make_list": Aggregate(list, "dynamic", "list_", 1, 2),
    "make_set": Aggregate(_distinct, "dynamic", "set_", 1, 2),
    "max": Aggregate(lambda items: max(items, key=values.order, default=None), LOOSE, "max_"),
    "min": Aggregate(lambda items: min(items, key=values.order, default=None), LOOSE, "min_"),
    "sum": Aggregate(_total, LOOSE, "sum_"),
    "sumif": Aggregate(_total, LOOSE, "sumif_", 2, 2, True),
    "take_any": Aggregate(lambda items: items[0] if items else None, LOOSE, ""),
}
for _alias, _name in {"any": "take_any", "makelist": "make_list", "makeset": "make_set"}.items():
    AGGREGATES[_alias] = AGGREGATES[_name]
