# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes' rules for names, and namespaces that a restore maps to others. Pure. Private to the collection.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")


def name_problems(params: Mapping[str, Any]) -> list[str]:
    """What is wrong with the name and the namespace of an object."""
    said = []
    if not SUBDOMAIN.fullmatch(params["name"]):
        said.append(
            f"name is {params['name']!r}: names in Kubernetes have up to 253 lower-case letters, digits, hyphens and "
            "dots, with a letter or digit at both ends."
        )
    return said + namespace_problems("namespace", [params["namespace"]])


def namespace_problems(where: str, names: Iterable[str], *others: str) -> list[str]:
    """``others`` are words that mean something in place of a name."""
    return [
        f"{where}: {name!r} is no name of a namespace. They have up to 63 lower-case letters, digits and hyphens, with "
        "a letter or digit at both ends."
        for name in names
        if name not in others and not LABEL.fullmatch(name)
    ]


def mapping_problems(where: str, names: Iterable[str] | None, params: Mapping[str, Any], *, after: bool) -> list[str]:
    """Namespaces that are named on the wrong side of ``namespace_mappings``.

    Restore hooks see the namespaces ``after`` the mapping, resource modifiers those of the backup.
    """
    mappings = {str(old): str(new) for old, new in (params.get("namespace_mappings") or {}).items()}
    said = []
    for name in names or []:
        if after and name in mappings and name not in mappings.values():
            said.append(
                f"The {where} names the namespace {name}, which is restored as {mappings[name]}. Restore hooks look at "
                f"the restored namespaces: name {mappings[name]}."
            )
        if not after and name in mappings.values() and name not in mappings:
            old = next(old for old, new in mappings.items() if new == name)
            said.append(
                f"The {where} names the namespace {name}, which {old} is restored as. Modifiers look at the "
                f"namespaces of the backup: name {old}."
            )
    return said
