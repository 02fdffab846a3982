# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters without protection, and what is asked for them: of the fleet task, and in the same words of the role."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.harness import FAST, ROOT, Subscription, task

PROTECT, PROTECT_FLEET = ROOT / "playbooks" / "protect.yml", ROOT / "playbooks" / "protect_fleet.yml"
REGIONS = ("eastus", "westeurope")
# What either of them makes in Azure.
MADE = (
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings",
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.DataProtection/backupVaults/backupInstances",
    "Microsoft.DataProtection/backupVaults/backupPolicies",
    "Microsoft.KubernetesConfiguration/extensions",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
)
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What Azure makes up, and what follows from the subscription's ID.
MADE_UP = re.compile(
    rf"{GUID}|stbkp\w+|tarb-[0-9a-f]{{16}}|(?<=-)[0-9a-f]{{12}}\b|\d{{4}}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?", re.IGNORECASE
)
# Azure's own account of when and how often, and not of what.
PASSING = ("etag", "lastModifiedTime", "policyVersion", "systemData")


def scenario(regions: dict[str, str], stopped: tuple[str, ...] = ()) -> dict[str, Any]:
    """A subscription with clusters of these names in their regions."""
    return {
        "subscriptions": [
            {
                "name": "Fleet",
                "providers": {"Microsoft.ContainerService": "Registered", "Microsoft.Storage": "Registered"},
                "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
                "clusters": [
                    {"name": name, "resource_group": "rg-clusters", "location": region,
                     "power_state": "Stopped" if name in stopped else "Running"}
                    for name, region in regions.items()
                ],
            }
        ]
    }  # fmt: skip


def entries(regions: dict[str, str], more: dict[str, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """What is asked for each cluster; ``more``: cluster -> options besides."""
    return [
        {
            "cluster": {"name": name, "resource_group": "rg-clusters"},
            "location": region,
            "policy": {"schedule": {"frequency": "weekly"}},
            **(more or {}).get(name, {}),
        }
        for name, region in regions.items()
    ]


def hosts(clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """The same clusters as an inventory for the role."""
    found = {
        one["cluster"]["name"]: {f"aks_backup_{option}": value for option, value in one.items()} for one in clusters
    }
    variables = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_backup_poll_interval": FAST["poll_interval"],
        "aks_backup_wait_timeout": FAST["wait_timeout"],
        "aks_backup_preflight": "skip",
    }
    return {"all": {"hosts": found, "vars": variables}}


def world(subscription: Subscription) -> list[str]:
    """All that has been made, without what Azure makes up; a line each."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {plain(key): plain(inner) for key, inner in value.items() if key not in PASSING}
        if isinstance(value, list):
            return sorted((plain(item) for item in value), key=str)
        return MADE_UP.sub("*", value).lower() if isinstance(value, str) else value

    found = [(kind, one) for kind in MADE for one in subscription.resources(kind)]
    return sorted(json.dumps([kind, plain(one)], sort_keys=True) for kind, one in found)


def fleet(name: str, clusters: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    return task(name, "aks_backup_fleet", **{"clusters": clusters, **options})
