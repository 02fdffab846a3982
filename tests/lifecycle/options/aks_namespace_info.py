# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_namespace_info show."""

from __future__ import annotations

from tests.harness.steps import CLUSTER
from tests.lifecycle.options import Shows
from tests.lifecycle.options.in_cluster import WAYS


def BEFORE(subscription):
    return []


def BASE(subscription):
    return {**CLUSTER, "names": ["default"]}


OPTIONS = {
    **WAYS,
    "count": Shows({"count": False}, '"objects": null'),
    "names": Shows({"names": ["shop"]}, '"deployments.apps": 1'),
}
