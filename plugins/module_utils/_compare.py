# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing the ARM document asked for with the live one. Pure. Private to the collection.

The comparison is scoped to the right-hand side: only what was asked for is looked at, so whatever Azure adds by itself
is neither a difference nor lost. Changed, diff and the update body all come from the list that ``differences`` returns.

A path is a tuple of keys, list positions being ints; a rule's pattern writes it with dots and ``[]`` for any position,
for example ``properties.storageSettings[].type``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils import _ids

Path = tuple[Any, ...]
Equal = Callable[[Any, Any], bool]


class _Absent:
    """Marks a value that is not there, which is not the same as null."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


class Exactly(dict[str, Any]):
    """A mapping of which the live side may have nothing more; a plain mapping asks for at least its own keys."""


class Difference(NamedTuple):
    """``path`` is to change from ``before`` to ``after``; either may be ``ABSENT``."""

    path: Path
    before: Any
    after: Any


def same_value(wanted: Any, live: Any) -> bool:
    """Plain equality, which takes 14 and 14.0 for one number; null and absent are one thing on the wire."""
    if wanted is None or live is ABSENT:
        return wanted is None and live in (None, ABSENT)
    return bool(wanted == live) and isinstance(wanted, bool) == isinstance(live, bool)


def caseless(wanted: Any, live: Any) -> bool:
    """IDs and enum values: ARM ignores case and answers with a case of its own."""
    return (
        str(wanted).strip("/").lower() == str(live).strip("/").lower() if live not in (None, ABSENT) else wanted is None
    )


def region(wanted: Any, live: Any) -> bool:
    """``West Europe`` equals ``westeurope``."""
    return live is not ABSENT and _ids.region(wanted) == _ids.region(live)


def duration(wanted: Any, live: Any) -> bool:
    """ISO 8601 durations by value: ``P1W`` equals ``P7D``."""
    if not isinstance(wanted, str) or not isinstance(live, str):
        return same_value(wanted, live)
    import isodate

    return bool(isodate.parse_duration(wanted) == isodate.parse_duration(live))


def unordered(wanted: Any, live: Any) -> bool:
    """Lists of scalars that are sets to Azure, without regard to case; no list is an empty one."""
    left = wanted or []
    right = [] if live in (None, ABSENT) else live
    return sorted(str(item).lower() for item in left) == sorted(str(item).lower() for item in right)


def absent_is(default: Any, equal: Equal = caseless) -> Equal:
    """A comparator for values that Azure leaves out until they are set: absent means ``default``."""

    def compare(wanted: Any, live: Any) -> bool:
        return equal(wanted, default if live in (None, ABSENT) else live)

    return compare


def pattern(path: Path) -> str:
    """``properties.storageSettings[].type`` for a concrete path."""
    text = ""
    for key in path:
        text += "[]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def differences(desired: Any, live: Any, rules: Mapping[str, Equal] | None = None, path: Path = ()) -> list[Difference]:
    """What has to change in ``live`` for it to hold ``desired``, in the order of ``desired``."""
    rules = rules or {}
    rule = rules.get(pattern(path))
    if rule is not None:
        return [] if rule(desired, live) else [Difference(path, live, desired)]
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        found: list[Difference] = []
        for key, value in desired.items():
            found += differences(value, live.get(key, ABSENT), rules, (*path, key))
        if isinstance(desired, Exactly):
            found += [Difference((*path, key), value, ABSENT) for key, value in live.items() if key not in desired]
        return found
    if isinstance(desired, Mapping) and live in (None, ABSENT):
        # Nothing there yet: descend with nothing, so that defaults (absent means Disabled) still apply to each leaf.
        below = [
            difference
            for key, value in desired.items()
            for difference in differences(value, ABSENT, rules, (*path, key))
        ]
        return [Difference(path, live, desired)] if below else []
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        pairs = zip(desired, live, strict=False)
        return [
            found
            for index, (left, right) in enumerate(pairs)
            for found in differences(left, right, rules, (*path, index))
        ]
    return [] if same_value(desired, live) else [Difference(path, live, desired)]


def plain(document: Any) -> Any:
    """A deep copy in plain dicts and lists, ready to be sent; what else is in it does not change, and stays itself."""
    if isinstance(document, Mapping):
        return {key: plain(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [plain(value) for value in document]
    return document


def apply(live: Mapping[str, Any], changes: Iterable[Difference]) -> dict[str, Any]:
    """``live`` with every difference carried out; ``live`` itself stays as it is."""
    result: dict[str, Any] = plain(live)
    for change in changes:
        node: Any = result
        for key, following in zip(change.path[:-1], change.path[1:], strict=False):
            if isinstance(node, dict) and node.get(key) is None:
                node[key] = [] if isinstance(following, int) else {}
            node = node[key]
        if change.after is ABSENT:
            node.pop(change.path[-1], None)
        else:
            node[change.path[-1]] = plain(change.after)
    return result


def without(document: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """A copy of ``document`` without the dotted ``paths``, for keys that Azure answers with but does not accept."""
    result: dict[str, Any] = plain(document)
    for dotted in paths:
        *above, last = dotted.split(".")
        node: Any = result
        for key in above:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(last, None)
    return result


def dig(document: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted path, or ``default`` where a part of it is missing or null."""
    for key in dotted.split("."):
        if not isinstance(document, Mapping) or document.get(key) is None:
            return default
        document = document[key]
    return document
