# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of Azure Resource Graph, and shorthands for running queries over them."""

from __future__ import annotations

from tests.emulator.graph import evaluate

NOW = 1_767_600_000.0  # 2026-01-05T08:00:00Z


def row(name, **fields):
    """A row with all columns of Resource Graph."""
    return {
        "id": f"/subscriptions/s/resourceGroups/rg/providers/T/t/{name}",
        "name": name,
        "type": "t/t",
        "tenantId": "",
        "kind": "",
        "location": "eastus",
        "resourceGroup": "rg",
        "subscriptionId": "s",
        "managedBy": "",
        "sku": None,
        "plan": None,
        "properties": {},
        "tags": None,
        "identity": None,
        "zones": None,
        "extendedLocation": None,
        **fields,
    }


ROWS = [
    row(
        "a",
        location="eastus",
        properties={"n": 1, "when": "2026-01-05T07:00:00.0747155Z", "list": [1, 2], "flag": True},
    ),
    row("b", location="westus", properties={"n": 2, "when": "2026-01-04T07:00:00Z", "list": [], "flag": False}),
    row(
        "c", location="eastus", properties={"n": 3, "text": "2", "bag": {"x": {"y": [{"z": 7}]}}}, tags={"env": "Prod"}
    ),
]


def run(query, rows=None, **tables):
    return evaluate(query, {"resources": ROWS if rows is None else rows, **tables}, NOW).rows


def names(query, rows=None):
    return "".join(each["name"] for each in run(query, rows))


def value(expression, rows=None):
    """What an expression is worth, on one row."""
    return run(f"resources | take 1 | project x = {expression}", rows)[0]["x"]
