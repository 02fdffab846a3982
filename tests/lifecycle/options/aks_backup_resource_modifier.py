# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_resource_modifier show."""

from __future__ import annotations

from typing import Any

from tests.harness.steps import IN_CLUSTER
from tests.lifecycle.options import Proven, Shows
from tests.lifecycle.options.in_cluster import WAYS

PATCH: dict[str, Any] = {"operation": "replace", "path": "/spec/replicas", "value": 1}
RULE: dict[str, Any] = {"group_resource": "deployments.apps", "patches": [PATCH]}


def BEFORE(subscription):
    return []


def BASE(subscription):
    return IN_CLUSTER["modifier"][1]


def ruled(shows: str, **more: Any) -> Shows:
    """The one rule of the base with something more, or something else."""
    return Shows({"rules": [{**RULE, **more}]}, shows)


def patched(shows: str, **more: Any) -> Shows:
    return ruled(shows, patches=[{**PATCH, **more}])


def merged(option: str, shows: str) -> Shows:
    return Shows({"rules": [{"group_resource": "services", option: [{"spec": {"type": "ClusterIP"}}]}]}, shows)


OPTIONS = {
    **WAYS,
    "name": Shows({"name": "other"}, "/configmaps/other"),
    "namespace": Shows({"namespace": "default"}, "/namespaces/default/configmaps"),
    "namespace_mappings": Shows(
        {"namespace_mappings": {"shop": "drill"}},
        "which shop is restored as",
        over={"rules": [{**RULE, "namespaces": ["drill"]}]},
    ),
    "rules.group_resource": ruled("groupResource: statefulsets.apps", group_resource="statefulsets.apps"),
    "rules.match_labels": ruled('"match_labels": {"app": "web"}', match_labels={"app": "web"}),
    "rules.merge_patches": merged("merge_patches", "mergePatches:"),
    "rules.name_regex": ruled("resourceNameRegex: ^web", name_regex="^web"),
    "rules.namespaces": ruled('"namespaces": ["shop"]', namespaces=["shop"]),
    "rules.patches.from": ruled(
        '"from": "/metadata/labels/app"',
        patches=[{"operation": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/origin"}],
    ),
    "rules.patches.operation": patched("operation: add", operation="add"),
    "rules.patches.path": patched("path: /spec/paused", path="/spec/paused"),
    "rules.patches.value": patched("value: '7'", value=7),
    "rules.strategic_patches": merged("strategic_patches", "strategicPatches:"),
    "state": Proven("tests/lifecycle/test_matrix.py::test_the_twelve_steps"),
}
