# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module makes its thing in a process of its own, and the next process finds nothing to do, in check mode.

The contract is the same as in the worker, where test_matrix goes all of its twelve steps, and so are the requests. What
can differ are the ways in and out: options, check mode and credentials come by file and environment, results go back as
JSON. test_matrix shows plans of all modules in processes, tests/failures what else Ansible makes of them.
"""

from __future__ import annotations

from typing import Any

from tests.harness.steps import chain, in_process, prepare, step
from tests.lifecycle.test_matrix import NAMES, cases

# What builds on something stands behind it. The fleet's cluster is another one, for which there is all to do.
ORDER = ("providers", "storage", "vault", "policy", "extension", "binding", "permissions", "instance", "hook",
         "modifier", "namespace", "fleet")  # fmt: skip
OTHER = {"clusters": [{"cluster": {"name": "aks-east-2", "resource_group": "rg-clusters"}, "location": "eastus",
                       "policy": {"schedule": {"frequency": "weekly"}}}]}  # fmt: skip
PROVIDERS = ["Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"]


def test_made_in_a_process_and_found_by_another(subscription):
    every = {case.step: case for case in cases(subscription).values()}
    assert len(every) == len(NAMES) and sorted(every) == sorted(ORDER)
    prepare(subscription, [one for one in chain(subscription, until="storage") if one["name"] != "providers"])
    more: dict[str, dict[str, Any]] = {"fleet": OTHER, "providers": {"providers": PROVIDERS}}
    tasks = []
    for name in ORDER:
        given = {**every[name].create, **more.get(name, {})}
        tasks.append(step(subscription, name, title=f"{name} made", **given))
        tasks.append(step(subscription, name, title=f"{name} again", check=True, **given))
    run = subscription.play(in_process(tasks), worker=None).ok()
    for name in ORDER:
        made, again = run[f"{name} made"], run[f"{name} again"]
        assert made.changed and made.result["diff"]["before"] != made.result["diff"]["after"], name
        writes = "/backupInstances/" if name == "fleet" else every[name].writes
        assert any(writes in write for write in made.writes), (name, made.writes)
        assert again.requests and again.writes == []
        assert not again.changed and again.result["diff"]["before"] == again.result["diff"]["after"], (name, again)
