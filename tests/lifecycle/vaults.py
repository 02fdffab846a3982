# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of vaults share: a subscription with identities, and tasks that are planned, done and done again."""

from __future__ import annotations

from typing import Any

import yaml

from tests.harness import ROOT, Run, Subscription, task

NAME = {"name": "bv-east", "resource_group": "rg-backup"}
NEW = {**NAME, "location": "eastus"}
TYPE = "Microsoft.DataProtection/backupVaults"
GUARDS = "Microsoft.DataProtection/resourceGuards"
KEY = "https://kv-backup.vault.azure.net/keys/backup"
SCENARIO = yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text())
SCENARIO["subscriptions"][0]["providers"]["Microsoft.DataProtection"] = "Registered"
SCENARIO["subscriptions"][0]["resource_groups"].append({"name": "rg-backup", "location": "eastus"})
SCENARIO["subscriptions"][0]["identities"] = [
    {"name": name, "resource_group": "rg-backup", "location": "eastus"} for name in ("id-one", "id-two")
]


def identity(subscription: Subscription, name: str) -> str:
    return subscription.path(
        f"resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    )


def vault_id(subscription: Subscription, name: str = "bv-east") -> str:
    return subscription.path(f"resourceGroups/rg-backup/providers/{TYPE}/{name}")


def vault(title: str, **options: Any) -> dict[str, Any]:
    """A task for the vault; the title says what it is about, and whether it is a plan or may fail."""
    return task(title, "aks_backup_vault", check="(plan)" in title, ignore="(refused)" in title, **{**NAME, **options})


def planned(title: str, **options: Any) -> list[dict[str, Any]]:
    """The task as a plan, for real, and again."""
    return [vault(f"{title} {time}", **options) for time in ("(plan)", "(done)", "(again)")]


def as_planned(run: Run, title: str) -> Any:
    """The real one of such three, after looking at the others."""
    plan, done, again = (run[f"{title} {time}"] for time in ("(plan)", "(done)", "(again)"))
    assert plan.changed and done.changed and not again.changed, title
    assert plan.writes == again.writes == []
    for side in ("before", "after"):
        assert same(plan.result["diff"][side], done.result["diff"][side]), (title, side)
    return done


def same(plan: Any, done: Any) -> bool:
    """Whether two sides of a diff are equal but for what only Azure can make up, which is null in a plan."""
    if isinstance(plan, dict) and isinstance(done, dict):
        return plan.keys() == done.keys() and all(same(value, done[key]) for key, value in plan.items())
    return bool(plan is None or plan == done)


def sent(step: Any, number: int = 0) -> Any:
    """The body of a write of the step."""
    return [request for request in step.requests if request["write"]][number]["body"]


def messages(run: Run) -> dict[str, str]:
    return {one.task: one.result["msg"] for one in run.steps if one.failed}
