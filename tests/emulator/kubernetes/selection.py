# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects a backup configuration or a restore configuration selects.

Both wire types, KubernetesClusterBackupDatasourceParameters and KubernetesClusterRestoreCriteria, share the members
read here: includedNamespaces, excludedNamespaces, includedResourceTypes, excludedResourceTypes, labelSelectors and
includeClusterScopeResources.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .objects import Object, group_resource, labels_of, name_of, namespace_of

# "AKS backup support matrix": these are never backed up.
SKIPPED_NAMESPACES = frozenset({"kube-node-lease", "kube-public", "kube-system"})


@dataclass(frozen=True)
class Selection:
    """Empty included_* means everything; what is excluded is out even if it is included as well."""

    included_namespaces: frozenset[str]
    excluded_namespaces: frozenset[str]
    included_types: frozenset[str]
    excluded_types: frozenset[str]
    labels: tuple[tuple[str, str | None], ...]
    cluster_scope: bool

    @classmethod
    def of(cls, wire: Mapping[str, Any]) -> Selection:
        return cls(
            frozenset(wire.get("includedNamespaces") or ()) - {"*"},
            frozenset(wire.get("excludedNamespaces") or ()),
            frozenset(each.lower() for each in wire.get("includedResourceTypes") or ()) - {"*"},
            frozenset(each.lower() for each in wire.get("excludedResourceTypes") or ()),
            tuple(_label(each) for each in wire.get("labelSelectors") or ()),
            wire.get("includeClusterScopeResources") is not False,
        )

    def namespace(self, name: str) -> bool:
        return name not in self.excluded_namespaces and (not self.included_namespaces
                                                         or name in self.included_namespaces)

    def type(self, manifest: Object) -> bool:
        names = spellings(manifest)
        return not names & self.excluded_types and (not self.included_types or bool(names & self.included_types))

    def labelled(self, manifest: Object) -> bool:
        """Every selector has to match."""
        labels = labels_of(manifest)
        return all(name in labels if value is None else labels.get(name) == value for name, value in self.labels)

    def scope(self, manifest: Object) -> bool:
        """By namespace, or by includeClusterScopeResources; a Namespace goes with what is in it."""
        if manifest["kind"] == "Namespace":
            return self.namespace(name_of(manifest))
        namespace = namespace_of(manifest)
        return self.namespace(namespace) if namespace else self.cluster_scope

    def __call__(self, manifest: Object) -> bool:
        return self.scope(manifest) and self.type(manifest) and self.labelled(manifest)


def _label(text: str) -> tuple[str, str | None]:
    """key=value as documented, key:value as Terraform's acceptance tests write it, or a key that has to exist."""
    for separator in ("=", ":"):
        name, found, value = text.partition(separator)
        if found:
            return name.strip(), value.strip()
    return text.strip(), None


def spellings(manifest: Object) -> frozenset[str]:
    """The ways in which users name a type, lower case: secrets, Secret, v1/Secret, deployments, deployments.apps ..."""
    full = group_resource(manifest)
    return frozenset({full.lower(), full.partition(".")[0].lower(), manifest["kind"].lower(),
                      f"{manifest['apiVersion']}/{manifest['kind']}".lower(),
                      f"{manifest['apiVersion']}/{full.partition('.')[0]}".lower()})


def label_selector(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A Kubernetes LabelSelector; none matches everything."""
    if not selector:
        return True
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(each["operator"], labels.get(each["key"]), each.get("values") or ())
               for each in selector.get("matchExpressions") or ())


def _expression(operator: str, value: str | None, values: Collection[str]) -> bool:
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"{operator!r} is not an operator of label selectors")
