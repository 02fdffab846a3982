# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_coverage_info show, over three clusters that nobody protects."""

from __future__ import annotations

from tests.lifecycle.options import Proven, Shows

CONDITIONS = "tests/lifecycle/test_coverage.py::test_every_condition_is_found_and_nothing_else"
PLACES = "tests/lifecycle/test_inventory.py::test_places_and_filters"
PURE = "tests/unit/test_coverage.py::test_which_clusters_are_meant"


def BEFORE(subscription):
    return []


def BASE(subscription):
    return {}


OPTIONS = {
    "check_clusters": Proven(CONDITIONS),
    "cluster_ids": Proven("tests/lifecycle/test_coverage.py::test_clusters_that_are_named"),
    "exclude.locations": Shows({"exclude": {"locations": ["westeurope"]}}, hides="aks-west-1"),
    "exclude.names": Shows({"exclude": {"names": ["*-west-*"]}}, hides="aks-west-1"),
    "exclude.resource_groups": Shows({"exclude": {"resource_groups": ["rg-*"]}}, hides="aks-west-1"),
    "exclude.tags": Proven(PURE),
    "fail_on.max": Shows(
        {"fail_on": [{"reason": "unprotected", "max": 3}]},
        hides="3 clusters have the finding",
        over={"fail_on": [{"reason": "unprotected"}]},
    ),
    "fail_on.reason": Shows({"fail_on": [{"reason": "unprotected"}]}, shows="3 clusters have the finding unprotected"),
    "grace": Proven(CONDITIONS),
    "ignore_findings": Shows({"ignore_findings": ["unprotected"]}, hides="No backup instance protects the cluster."),
    "job_days": Proven(CONDITIONS),
    "locations": Shows({"locations": ["westeurope"]}, hides="aks-east-1"),
    "management_groups": Shows({"management_groups": ["platform"]}, shows="AccessDenied"),
    "names": Shows({"names": ["*-west-*"]}, hides="aks-east-1"),
    "namespaces": Proven(CONDITIONS),
    "output.html": Shows({"output": {"html": "coverage.html"}}, shows="coverage.html"),
    "output.json": Shows({"output": {"json": "coverage.json"}}, shows="coverage.json"),
    "output.junit": Shows({"output": {"junit": "coverage.xml"}}, shows="coverage.xml"),
    "output.markdown": Shows({"output": {"markdown": "coverage.md"}}, shows="coverage.md"),
    "partial_counts": Proven(CONDITIONS),
    "resource_groups": Shows({"resource_groups": ["rg-other"]}, hides="aks-east-1"),
    "subscriptions": Shows({"subscriptions": ["00000000-0000-0000-0000-000000000009"]}, shows="AccessDenied"),
    "tags": Shows({"tags": {"team": "shop"}}, hides="aks-east-1"),
    "tenant_wide": Proven(PLACES),
}
