# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of aks_backup_policy show."""

from __future__ import annotations

from tests.harness.steps import VAULT, chain
from tests.lifecycle.options import Proven, Shows

GROUPS = "/subscriptions/{subscription}/resourceGroups"
LIFECYCLE = "tests/lifecycle/test_policy.py"


def BEFORE(subscription):
    return chain(subscription, until="extension")


def BASE(subscription):
    return {**VAULT, "name": "aks-new"}


def rule(shows, over=None, **options):
    """An option of a retention rule."""
    plain = {"name": "Mine", "operational_retention": "P20D", **(over or {"criteria": "FirstOfDay"})}
    return Shows({"retention_rules": [{**plain, **options}]}, over={"retention_rules": [plain]}, shows=shows)


DATES = {"priority": 5, "days_of_week": ["Monday"]}
VAULTED = {"criteria": "FirstOfDay", "vault_retention": "P90D"}

OPTIONS = {
    "backup_rule_name": Shows({"backup_rule_name": "Nightly"}, shows='"backup_rule_name": "Nightly"'),
    "in_use_check": Proven(f"{LIFECYCLE}::test_a_policy_in_use_is_not_deleted"),
    "keep.daily": Shows({"keep": {"daily": 21}}, shows='"operational_retention": "P21D"'),
    "keep.monthly": Shows({"keep": {"monthly": 3}}, shows='"operational_retention": "P93D"'),
    "keep.tier": Shows({"keep": {"tier": "vault"}}, over={"keep": {"daily": 21}}, shows='"vault_retention": "P21D"'),
    "keep.weekly": Shows({"keep": {"weekly": 5}}, shows='"operational_retention": "P35D"'),
    "keep.yearly": Shows(
        {"keep": {"yearly": 2}}, over={"keep": {"daily": 1, "tier": "vault"}}, shows='"vault_retention": "P732D"'
    ),
    "name": Shows({"name": "aks-other"}, shows="/backupPolicies/aks-other"),
    "on_difference": Proven(f"{LIFECYCLE}::test_rotation"),
    "operational_retention": Shows({"operational_retention": "P33D"}, shows='"operational_retention": "P33D"'),
    "resource_guard_operation_requests": Proven("tests/failures/test_guards.py::test_a_rotation_under_a_guard"),
    "policy_definition": Shows(
        {"policy_definition": {"policyRules": [{"objectType": "AzureBackupRule", "name": "Raw"}]}},
        shows='"backup_rule_name": "Raw"',
    ),
    "preset": Shows({"preset": "month"}, shows='"operational_retention": "P30D"'),
    "repeating_time_intervals": Shows(
        {"repeating_time_intervals": ["R/2024-01-01T03:07:00+00:00/P1D"]}, shows="R/2024-01-01T03:07:00+00:00/P1D"
    ),
    "retention_rules.copy": rule("CopyOnExpiryOption", over=VAULTED, copy="on_expiry"),
    "retention_rules.copy_after": rule('"after": "P2D"', over=VAULTED, copy="after", copy_after="P2D"),
    "retention_rules.criteria": rule("FirstOfYear", criteria="FirstOfYear"),
    "retention_rules.days_of_month": rule('"date": 17', over=DATES, days_of_month=["17"]),
    "retention_rules.days_of_week": rule("Friday", over=DATES, days_of_week=["Friday"]),
    "retention_rules.months_of_year": rule("August", over=DATES, months_of_year=["August"]),
    "retention_rules.name": rule('"name": "Yours"', name="Yours"),
    "retention_rules.operational_retention": rule(
        '"operational_retention": "P44D"', operational_retention={"days": 44}
    ),
    "retention_rules.priority": rule('"priority": 37', priority=37),
    "retention_rules.vault_retention": rule('"vault_retention": "P66D"', vault_retention="P66D"),
    "retention_rules.weeks_of_month": rule("Fourth", over=DATES, weeks_of_month=["Fourth"]),
    "rpo_hours": Shows({"rpo_hours": 13}, shows="/PT12H"),
    "schedule.days_of_week": Shows(
        {"schedule": {"days_of_week": ["Sunday"]}},
        over={"schedule": {"frequency": "weekly"}},
        shows="R/2024-01-07T02:00:00+00:00/P7D",
    ),
    # Beyond midnight.
    "schedule.delay": Shows(
        {"schedule": {"delay": 45}},
        over={"schedule": {"days_of_week": ["Sunday"], "frequency": "weekly", "start_time": "23:30"}},
        shows="R/2024-01-01T00:15:00+00:00/P7D",
    ),
    "schedule.frequency": Shows({"schedule": {"frequency": "daily"}}, shows="R/2024-01-01T02:00:00+00:00/P1D"),
    "schedule.interval": Shows({"schedule": {"interval": 8}}, shows="/PT8H"),
    "schedule.start_time": Shows(
        {"schedule": {"start_time": "03:33"}},
        over={"schedule": {"frequency": "daily"}},
        shows="R/2024-01-01T03:33:00+00:00/P1D",
    ),
    # 02:00 in India.
    "schedule.time_zone": Shows(
        {"schedule": {"time_zone": "India Standard Time"}},
        over={"schedule": {"frequency": "daily"}},
        shows="R/2024-01-01T20:30:00+00:00/P1D",
    ),
    "simulate_days": Shows({"simulate_days": 5}, shows='"backups": 30'),
    "state": Shows({"state": "absent"}, over={"name": "aks-daily", "preset": "week"}, shows='"changed": true'),
    "vault_id": Shows(
        {
            "vault_id": f"{GROUPS}/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other",
            "vault_name": None,
            "vault_resource_group": None,
        },
        shows="/backupVaults/bv-other",
    ),
    "vault_name": Shows({"vault_name": "bv-other"}, shows="/backupVaults/bv-other"),
    "vault_resource_group": Shows({"vault_resource_group": "rg-other"}, shows="/resourceGroups/rg-other/"),
}
