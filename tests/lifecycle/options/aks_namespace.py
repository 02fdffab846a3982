# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_namespace show."""

from __future__ import annotations

from tests.harness.steps import IN_CLUSTER, step
from tests.lifecycle.options import Proven, Shows
from tests.lifecycle.options.in_cluster import WAYS


def BEFORE(subscription):
    return [step(subscription, "namespace", name="made")]


def BASE(subscription):
    return IN_CLUSTER["namespace"][1]


GONE = {"name": "shop", "state": "absent"}

OPTIONS = {
    **WAYS,
    "annotations": Shows({"annotations": {"owner": "platform"}}, '"annotations": {"owner": "platform"}'),
    "confirm_delete_data": Shows(
        {"confirm_delete_data": "made"}, hides="set confirm_delete_data", over={"name": "made", "state": "absent"}
    ),
    "force": Shows({"force": True}, hides="was not made by this module", over=GONE),
    "labels": Shows({"labels": {"owner": "platform"}}, '"owner": "platform"'),
    "name": Shows({"name": "other"}, "/api/v1/namespaces/other"),
    "state": Proven("tests/lifecycle/test_matrix.py::test_the_twelve_steps"),
}
