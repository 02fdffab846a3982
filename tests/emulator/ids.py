# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM resource identifiers: taking request paths and ids apart, putting them together, comparing them.

A path is ``scope [/providers/NAMESPACE (/type/name)* [/segment]]``; the scope is nothing (the tenant), a subscription,
a resource group or another resource (then the resource is an extension of it). The odd last segment of a path is a
collection (GET) or an action (POST). All comparisons ignore case; the spelling of names is kept.
Source: "Resource naming and ids" of the Azure Resource Manager documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

RESOURCES = "Microsoft.Resources"
# Types that ids show without "/providers/Microsoft.Resources" before them, in the spelling that Azure answers.
BARE = {"subscriptions": "subscriptions", "resourcegroups": "resourceGroups", "providers": "providers",
        "tenants": "tenants", "locations": "locations", "resources": "resources"}


@dataclass(frozen=True)
class Id:
    """A resource id; ``types`` and ``names`` are empty for a bare namespace. ``str()`` gives the id's text."""

    scope: str
    namespace: str
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        if self.namespace == RESOURCES and self.types and self.types[0].lower() in BARE:
            return self.scope + pairs
        return f"{self.scope}/providers/{self.namespace}{pairs}" if self.namespace else self.scope

    @cached_property
    def key(self) -> str:
        return self.text.lower()

    def __str__(self) -> str:
        return self.text

    @property
    def type(self) -> str:
        """``Namespace/type/subtype``."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    @cached_property
    def root(self) -> tuple[str, str]:
        """(subscription GUID, resource group name) as spelled, empty strings where there is none."""
        parts = self.text.split("/")
        subscription = parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""
        group = parts[4] if len(parts) > 4 and subscription and parts[3].lower() == "resourcegroups" else ""
        return subscription, group

    @property
    def subscription(self) -> str:
        return self.root[0]

    @property
    def group(self) -> str:
        return self.root[1]

    @property
    def parent(self) -> Id:
        """The resource of which this is a child, else what it hangs on (its scope)."""
        if len(self.types) > 1:
            return Id(self.scope, self.namespace, self.types[:-1], self.names[:-1])
        return parse(self.scope)[0]

    @property
    def top(self) -> Id:
        """The resource of the first type of a nested type: the vault of a backup instance."""
        return Id(self.scope, self.namespace, self.types[:1], self.names[:1])

    def child(self, kind: str, name: str) -> Id:
        return Id(self.scope, self.namespace, (*self.types, kind), (*self.names, name))

    def extension(self, namespace: str, kind: str, name: str) -> Id:
        """A resource of another namespace that hangs on this one."""
        return Id(self.text, namespace, (kind,), (name,))


def parse(path: str) -> tuple[Id, str | None]:
    """``(id, odd last segment or None)`` of a path or an id. Percent-encoding is undone segment by segment.

    Raises ValueError for what cannot be a path of ARM: empty segments, or a first segment that ARM does not know.
    """
    text = path.strip("/")
    segments = [unquote(segment) for segment in text.split("/")] if text else []
    if not all(segments) or any("/" in segment for segment in segments):
        raise ValueError(path)
    current, rest = Id("", ""), None
    position, end = 0, len(segments)
    while position < end:
        head = segments[position].lower()
        if head == "providers" and position + 2 < end:
            namespace = segments[position + 1]
            position += 2
            types: list[str] = []
            names: list[str] = []
            while position < end and (segments[position].lower() != "providers" or not names):
                types.append(segments[position])
                names.extend(segments[position + 1:position + 2])
                position += 2
            if len(types) > len(names):
                rest = types.pop()
            current = Id(current.text, namespace, tuple(types), tuple(names))
        elif head in BARE:
            if position + 1 == end:
                return current, segments[position]
            scope = current.text
            current = Id(scope, RESOURCES, (BARE[head],), (segments[position + 1],))
            position += 2
        elif current.namespace == RESOURCES and position + 1 == end:
            return current, segments[position]
        else:
            raise ValueError(path)
    return current, rest


def identifier(text: str) -> Id:
    """The Id of a complete resource id; ValueError for anything else."""
    result, rest = parse(text)
    if rest is not None or not text.startswith("/"):
        raise ValueError(text)
    return result


def same(one: str | None, other: str | None) -> bool:
    return (one or "").strip("/").lower() == (other or "").strip("/").lower()
