# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resource Guards of a security team in another tenant: what passes without its approval, what does not, and how the
approval travels.
"""

from __future__ import annotations

import pytest

from tests.harness import Subscription
from tests.harness.sdk import Somebody
from tests.harness.steps import carry_out, chain, in_process, prepare, step

REGISTERED = {"Microsoft.DataProtection": "Registered"}


class Guarded:
    """A subscription, and another tenant with a guard in which the same application is known as a reader."""

    def __init__(self, emulator):
        self.home = Subscription(emulator)
        values = self.home.environment
        groups = [{"name": "rg-security", "location": "eastus"}]
        self.abroad = Subscription(
            emulator,
            {
                "subscriptions": [{"providers": REGISTERED, "resource_groups": groups}],
                "principals": [
                    {"name": "security", "roles": [{"role": "Owner"}]},
                    {
                        "name": "automation",
                        "client_id": values["AZURE_CLIENT_ID"],
                        "secret": values["AZURE_CLIENT_SECRET"],
                        "roles": [{"role": "Reader"}],
                    },
                ],
            },
        )
        self.guard = Somebody(self.abroad).guard("rg-security")
        self.tenant = self.abroad.environment["AZURE_TENANT_ID"]
        twin = Subscription.__new__(Subscription)
        twin.environment = {**values, "AZURE_TENANT_ID": self.tenant}
        self.token = Somebody(twin).token


@pytest.fixture
def guarded(emulator):
    made = Guarded(emulator)
    assert made.tenant != made.home.environment["AZURE_TENANT_ID"]
    return made


def test_a_guard_in_another_tenant(guarded):
    """auxiliary_tenant signs in there, auxiliary_token is a token from there; without either Azure looks in vain."""
    home, approval = guarded.home, f"{guarded.guard}/dppStopProtectionRequests/default"
    stop = {"protection": "stopped"}
    approved = {**stop, "resource_guard_operation_requests": [approval]}
    prepare(home, chain(home, until="run"))
    tasks = [
        step(home, "vault", title="guard alone", resource_guard_id=guarded.guard, ignore=True),
        step(
            home,
            "vault",
            title="guard by tenant",
            resource_guard_id=guarded.guard,
            auxiliary_tenant=guarded.tenant,
        ),
        step(home, "instance", title="unapproved", ignore=True, **stop),
        step(home, "instance", title="approved but unseen", ignore=True, **approved),
        step(home, "instance", title="approved", auxiliary_token=guarded.token, **approved),
    ]
    # The token goes another way into a process, and stays out of the output there as well.
    apart = [step(home, "instance", title="again", auxiliary_token=guarded.token, **approved)]
    run = home.play([*tasks, *in_process(apart)], worker=None).ok()
    assert run["guard alone"].failed and run["guard alone"].result["error"]["code"] == "LinkedAuthorizationFailed"
    assert "Task failed" not in run["guard by tenant"].result.get("msg", "") and run["guard by tenant"].changed
    for name in ("unapproved", "approved but unseen"):
        assert run[name].failed, run[name].result
    said = run["unapproved"].result["msg"]
    assert approval in said and "resource_guard_operation_requests" in said and run["unapproved"].writes == []
    assert run["approved but unseen"].result["error"]["code"] == "LinkedAuthorizationFailed"
    assert run["approved"].changed and not run["again"].changed
    (instance,) = home.resources("Microsoft.DataProtection/backupVaults/backupInstances")
    assert instance["properties"]["currentProtectionState"] == "ProtectionStopped"
    # The tokens stay between the task and Azure.
    assert guarded.token not in run.output and guarded.token not in str([one.result for one in run.steps])


def test_a_rotation_under_a_guard(subscription):
    """A rotation gives instances another policy, which a guard watches: refused before the successor is made."""
    guard = Somebody(subscription).guard("rg-clusters")
    approval = f"{guard}/dppModifyPolicyRequests/default"
    rotated = {"preset": "month", "schedule": None, "keep": None, "on_difference": "rotate"}
    approved = {**rotated, "resource_guard_operation_requests": [approval]}
    prepare(subscription, chain(subscription, until="policy"))
    run = carry_out(
        subscription,
        [
            step(subscription, "vault", title="guarded", resource_guard_id=guard),
            step(subscription, "policy", title="nothing to move", **rotated),
            step(subscription, "policy", title="nothing to move back", on_difference="rotate"),
            *chain(subscription, until="run")[len(chain(subscription, until="policy")) :],
            step(subscription, "policy", title="refused (plan)", check=True, ignore=True, **rotated),
            step(subscription, "policy", title="refused", ignore=True, **rotated),
            step(subscription, "policy", title="approved (plan)", check=True, **approved),
            step(subscription, "policy", title="approved", **approved),
            step(subscription, "policy", title="again", **rotated),
        ],
    ).ok()
    for name in ("refused (plan)", "refused"):
        said = run[name].result["msg"]
        assert "which has to approve changing the policy of a backup instance." in said
        assert f"put {approval} into resource_guard_operation_requests" in said and run[name].writes == []
    assert run["approved (plan)"].result["diff"] == run["approved"].result["diff"]
    assert run["approved"].result["moved_instances"] and not run["again"].changed
    (instance,) = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
    assert instance["properties"]["policyInfo"]["policyId"].endswith(f"/{run['approved'].result['name']}")
