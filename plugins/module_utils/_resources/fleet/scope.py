# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clusters a fleet is: where they are looked for, which of those are meant. Pure. Private to the collection."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused, refuse

# The options that say so; for modules, and for the inventory plugin.
CRITERIA: dict[str, Any] = {
    "locations": {"type": "list", "elements": "str"},
    "names": {"type": "list", "elements": "str"},
    "resource_groups": {"type": "list", "elements": "str"},
    "tags": {"type": "dict"},
}
FLEET_SPEC: dict[str, Any] = {
    **CRITERIA,
    "exclude": {"type": "dict", "options": CRITERIA},
    "management_groups": {"type": "list", "elements": "str"},
    "subscriptions": {"type": "list", "elements": "str"},
    "tenant_wide": {"type": "bool", "default": False},
}
# Azure Resource Graph takes no more of them in one query.
SUBSCRIPTIONS = 1000

Scope = dict[str, list[str]]


def scopes(params: Mapping[str, Any]) -> list[Scope]:
    """Where to look, as keywords of ``Arm.search``, once for each query that it takes; raises :class:`Refused`."""
    groups, subscriptions = params.get("management_groups") or [], params.get("subscriptions") or []
    asked = [
        name for name, given in (("management_groups", groups), ("subscriptions", subscriptions),
                                 ("tenant_wide", params.get("tenant_wide"))) if given
    ]  # fmt: skip
    if len(asked) > 1:
        raise Refused(f"{' and '.join(asked)} are different ways to say where clusters are: give one of them.")
    if groups:
        return [{"subscriptions": [], "management_groups": list(groups)}]
    if params.get("tenant_wide"):
        return [{"subscriptions": [], "management_groups": []}]
    wanted = list(dict.fromkeys(subscriptions or [params.get("subscription_id") or ""]))
    if wanted == [""]:
        raise Refused(
            "It is not known where to look for clusters: set subscriptions, management_groups or tenant_wide, or "
            "AZURE_SUBSCRIPTION_ID in the environment."
        )
    for subscription in wanted:
        _ids.check_name("subscription", subscription)
    return [
        {"subscriptions": wanted[start : start + SUBSCRIPTIONS], "management_groups": []}
        for start in range(0, len(wanted), SUBSCRIPTIONS)
    ]


def listed(params: Mapping[str, Any]) -> list[str]:
    """The subscriptions that are looked at by their IDs; none where it is management groups, or all of the tenant."""
    return [id_ for scope in scopes(params) for id_ in scope["subscriptions"]]


def check(params: Mapping[str, Any]) -> None:
    """Raise :class:`Refused` for patterns that are not ones: an empty one would mean nothing, or everything."""
    said = []
    for title, criteria in (("", params), ("exclude.", params.get("exclude") or {})):
        for option in ("locations", "names", "resource_groups"):
            if any(not str(pattern).strip() for pattern in criteria.get(option) or []):
                said.append(f"{title}{option} has an empty entry. Remove it, or write * for everything.")
    refuse(said)


def wanted(cluster: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether a cluster, as ``fleet.state`` shows it, is meant: it fits every criterion, and none of ``exclude``."""
    out = params.get("exclude") or {}
    return all(_fits(cluster, params).values()) and not any(_fits(cluster, out).values())


def _fits(cluster: Mapping[str, Any], criteria: Mapping[str, Any]) -> dict[str, bool]:
    """Criterion -> whether the cluster fits it, for those that were given."""
    found = {}
    for option, value in (
        ("names", cluster["name"]),
        ("resource_groups", cluster["resource_group"]),
        ("locations", cluster["location"]),
    ):
        if criteria.get(option):
            patterns = [_ids.region(text) if option == "locations" else text.lower() for text in criteria[option]]
            found[option] = any(fnmatch.fnmatchcase(value.lower(), pattern) for pattern in patterns)
    # Each tag is a criterion of its own. Azure compares names of tags without regard to case, and values with it.
    tags = {name.lower(): str(value) for name, value in cluster["tags"].items()}
    for name, pattern in (criteria.get("tags") or {}).items():
        value = tags.get(str(name).lower())
        found[f"tags.{name}"] = value is not None and (
            pattern in (None, "") or fnmatch.fnmatchcase(value, _text(pattern))
        )
    return found


def _text(value: Any) -> str:
    """A pattern as Azure holds values: YAML reads true and 1 as something else than text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
