# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module, twelve steps: create, again, modify, again, delete, again, each in check mode and for real.

What counts is what reached the server: a check run writes nothing, a second run writes nothing, and the diff of a check
run is the diff of the real one but for what only Azure can make up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.harness import ROOT, Subscription
from tests.harness.steps import FLEET, chain, in_process, prepare, step


@dataclass
class Case:
    """``create``, ``modify`` and ``delete`` are options laid over those of the step; None where there is no such thing.

    ``writes`` is a piece of the path that the creating step has to write to. The steps before ``until`` go before.
    """

    step: str
    writes: str
    create: dict[str, Any] = field(default_factory=dict)
    modify: dict[str, Any] | None = None
    delete: dict[str, Any] | None = None
    until: str | None = None


def cases(subscription: Subscription) -> dict[str, Case]:
    return {
        "aks_backup_provider": Case("providers", "/register", {"providers": ["Microsoft.DataProtection"]}),
        "aks_backup_storage": Case(
            "storage",
            "/containers/aks-east-1",
            modify={"public_network_access": "Disabled", "tags": {"owner": "platform"}},
            delete={"state": "absent", "confirm_delete_data": "aks-east-1"},
        ),
        "aks_backup_vault": Case(
            "vault",
            "/backupVaults/bv-east",
            modify={"soft_delete": {"state": "On", "retention_days": 30}, "tags": {"owner": "platform"}},
            delete={"state": "absent"},
        ),
        "aks_backup_policy": Case(
            "policy",
            "/backupPolicies/aks-daily",
            modify={"preset": "month", "on_difference": "replace_unused"},
            delete={"state": "absent"},
        ),
        "aks_backup_extension": Case(
            "extension",
            "/extensions/azure-aks-backup",
            modify={"resources": {"limits": {"memory": "4400Mi"}}},
            delete={"state": "absent"},
        ),
        "aks_trusted_access": Case("binding", "/trustedAccessRoleBindings/tarb-", delete={"state": "absent"}),
        "aks_backup_permissions": Case(
            "permissions",
            "/roleAssignments/",
            modify={"vault_tier": True},
            delete={"mode": "revoke", "vault_tier": True},
        ),
        "aks_backup_instance": Case(
            "instance",
            "/backupInstances/protect-east",
            create={"name": "protect-east"},
            modify={"backup_configuration": {"excluded_namespaces": ["scratch"], "snapshot_volumes": False}},
            delete={"state": "absent", "confirm_delete_data": "protect-east"},
        ),
        "aks_backup_fleet": Case(
            "fleet",
            "/backupInstances/aks-east-1",
            modify={"clusters": [{**FLEET, "state": "suspended"}]},
            until="providers",
        ),
        "aks_backup_hook": Case(
            "hook",
            "/backuphooks",
            modify={"hooks": [{"name": "sync", "post": [{"command": ["/bin/sync"], "timeout": "1m"}]}]},
            delete={"state": "absent"},
            until="binding",
        ),
        "aks_backup_resource_modifier": Case(
            "modifier",
            "/configmaps",
            modify={"rules": [{"group_resource": "services", "merge_patches": [{"spec": {"type": "ClusterIP"}}]}]},
            delete={"state": "absent"},
            until="storage",
        ),
        "aks_namespace": Case(
            "namespace",
            "/api/v1/namespaces",
            modify={"labels": {"owner": "platform"}},
            delete={"state": "absent", "confirm_delete_data": "shop-drill"},
            until="storage",
        ),
    }


NAMES = sorted(
    [
        "aks_backup_extension",
        "aks_backup_fleet",
        "aks_backup_hook",
        "aks_backup_instance",
        "aks_backup_permissions",
        "aks_backup_policy",
        "aks_backup_provider",
        "aks_backup_resource_modifier",
        "aks_backup_storage",
        "aks_backup_vault",
        "aks_namespace",
        "aks_trusted_access",
    ]
)


@pytest.mark.parametrize("module", NAMES)
def test_the_twelve_steps(subscription, module):
    the_twelve_steps(subscription, module, worker=True)


def test_each_module_in_a_process_of_its_own(subscription):
    """Plans, which tell whether modules start there; test_matrix_process has them make something."""
    prepare(subscription, chain(subscription, until="instance"))
    tasks = [step(subscription, case.step, title=module, check=True, **case.create)
             for module, case in cases(subscription).items()]  # fmt: skip
    run = subscription.play(in_process(tasks), worker=None).ok()
    assert all(one.requests and "diff" in one.result for one in run.steps)
    assert len(run.steps) == len(NAMES) and run.writes == []


def the_twelve_steps(subscription: Subscription, module: str, worker: bool) -> None:
    case = cases(subscription)[module]
    if case.step != "providers":
        prepare(subscription, chain(subscription, until=case.until or case.step))
    tasks = []
    acts = {"create": case.create}
    if case.modify is not None:
        acts["modify"] = {**case.create, **case.modify}
    if case.delete is not None:
        acts["delete"] = {**case.create, **case.delete}
    for act, given in acts.items():
        for time in ("first", "again"):
            for mode in ("check", "real"):
                title = f"{act} {time} {mode}"
                tasks.append(step(subscription, case.step, title=title, check=mode == "check", **given))
    run = subscription.play(tasks, worker=worker).ok()
    for act in acts:
        planned, done = run[f"{act} first check"], run[f"{act} first real"]
        assert planned.changed and done.changed, (act, planned.result, done.result)
        assert planned.writes == []
        assert done.writes, act
        assert planned.result["diff"]["before"] == done.result["diff"]["before"]
        assert same_but_for_what_azure_makes_up(planned.result["diff"]["after"], done.result["diff"]["after"])
        assert planned.result["diff"]["before"] != planned.result["diff"]["after"]
        for mode in ("check", "real"):
            again = run[f"{act} again {mode}"]
            assert not again.changed, (act, mode, again.result)
            assert again.writes == []
            assert again.result["diff"]["before"] == again.result["diff"]["after"]
    assert any(case.writes in write for write in run["create first real"].writes), run["create first real"].writes
    assert not any("/_emulator" in write for write in run.writes)


def same_but_for_what_azure_makes_up(planned: Any, done: Any) -> bool:
    """Whether two diffs are equal where the plan knows a value; null is what it leaves to Azure."""
    if isinstance(planned, dict) and isinstance(done, dict):
        return planned.keys() == done.keys() and all(
            same_but_for_what_azure_makes_up(value, done[key]) for key, value in planned.items()
        )
    if isinstance(planned, list) and isinstance(done, list):
        return len(planned) == len(done) and all(map(same_but_for_what_azure_makes_up, planned, done))
    return bool(planned is None or planned == done)


def test_every_module_with_a_state_or_a_mode_has_a_case(subscription):
    """A new module without a case here is a module whose second run nobody has seen."""
    folder = ROOT / "plugins" / "modules"
    written = {file.stem for file in folder.glob("aks_*.py") if not file.stem.endswith("_info")}
    actions = {"aks_backup_restore", "aks_backup_run"}
    assert written - actions == set(cases(subscription)) == set(NAMES)
