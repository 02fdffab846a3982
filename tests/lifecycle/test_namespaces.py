# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces in the clusters of the emulator: by every way in, counted, refused, and held by a finalizer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.emulator.kubernetes.objects import group_resource, manifest
from tests.harness import task
from tests.harness.steps import carry_out
from tests.lifecycle.test_hooks import EAST, of, requests_into

WAYS: dict[str, dict[str, Any]] = {"credentials": {}, "commands": {"via": "run_command"}}

# Seconds: enough for the first answer on a busy machine, and few looks meanwhile.
IN_VAIN = {"poll_interval": 1, "wait_timeout": 6}


def namespace(title: str, check: bool = False, **more: Any) -> dict[str, Any]:
    return task(title, "aks_namespace", check=check, ignore=True, **{**EAST, "name": "shop-drill", **more})


def gone(title: str, name: str = "shop-drill", **more: Any) -> dict[str, Any]:
    return namespace(title, name=name, state="absent", confirm_delete_data=name, **more)


def info(title: str, *names: str, **more: Any) -> dict[str, Any]:
    return task(title, "aks_namespace_info", ignore=True, **{**EAST, "names": list(names), **more})


def cluster_id(subscription: Any) -> str:
    return str(
        subscription.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1")
    )


def inside(subscription: Any, name: str) -> list[dict[str, Any]]:
    return list(subscription.emulator.inside(cluster_id(subscription), namespace=name))


def looks(subscription: Any) -> int:
    return len([one for one in subscription.journal() if one["path"].endswith("/api/v1/namespaces/shop-drill")])


@pytest.fixture
def subscription(emulator):
    return of(emulator, [{"name": "aks-east-1"}])


def test_by_every_way_a_namespace_is_made_counted_and_deleted_with_what_is_in_it(subscription):
    rule = {"group_resource": "pods", "merge_patches": [{"spec": {}}]}
    modifier = {**EAST, "name": "drill", "namespace": "shop-drill", "rules": [rule]}
    tasks = []
    for way, options in WAYS.items():
        tasks += [
            namespace(f"made {way}", labels={"owner": "platform"}, **options),
            task(f"filled {way}", "aks_backup_resource_modifier", **{**modifier, **options}),
            info(f"counted {way}", "shop", "nowhere", "shop-drill", **options),
            gone(f"planned {way}", check=True, **options),
            gone(f"gone {way}", **options),
            info(f"left {way}", "shop-drill", **options),
        ]
    run = carry_out(subscription, tasks).ok()
    expected = Counter(map(group_resource, inside(subscription, "shop")))
    del expected["secrets"]
    for way in WAYS:
        assert run[f"made {way}"].result["resource"]["made_here"]
        shop, drill = run[f"counted {way}"].result["namespaces"]
        assert shop["objects"] == expected and not shop["made_here"]
        assert drill["objects"] == {"configmaps": 1} and drill["labels"]["owner"] == "platform"
        assert run[f"planned {way}"].writes == [] and run[f"gone {way}"].changed
        assert run[f"left {way}"].result["namespaces"] == []
    assert inside(subscription, "shop-drill") == []
    # By HTTPS a request for each kind, by commands one for all of them.
    assert len(requests_into(run["counted credentials"])) == 3 + 2 * 13
    commands = [one for one in run["counted commands"].requests if one["action"] == "runCommand"]
    assert [one["write"] for one in commands] == [False] * (3 + 2)


def test_what_was_there_before_is_not_deleted_and_stays_so_when_it_is_labelled(subscription):
    run = carry_out(
        subscription,
        [
            namespace("labelled", name="shop", labels={"owner": "platform"}),
            gone("foreign", name="shop"),
            gone("system", name="kube-system", force=True),
            namespace("unconfirmed", state="absent", name="shop", force=True),
            namespace("wrong", name="Shop", labels={"a b": "c d"}),
            info("wrong names", "Shop"),
            gone("forced", name="shop", force=True),
        ],
    )
    assert run["labelled"].changed and not run["labelled"].result["resource"]["made_here"]
    said = {title: run[title].result["msg"] for title in ("foreign", "system", "unconfirmed", "wrong", "wrong names")}
    assert "was not made by this module" in said["foreign"] and "set force." in said["foreign"]
    assert "belongs to the cluster or to its backups" in said["system"]
    assert "set confirm_delete_data to 'shop'." in said["unconfirmed"]
    assert len(run["wrong"].result["error"]["problems"]) == 3
    assert "names: 'Shop' is no name of a namespace." in said["wrong names"]
    assert all(run[title].writes == [] for title in said)
    assert run["forced"].changed and inside(subscription, "shop") == []


def test_a_finalizer_that_holds_a_namespace_is_named_and_the_next_run_goes_on(subscription):
    carry_out(subscription, [namespace("made")]).ok()
    held = manifest("v1", "ConfigMap", "held", "shop-drill")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    subscription.emulator.change_inside(cluster_id(subscription), [held])
    run = carry_out(subscription, [gone("held", **IN_VAIN), namespace("made again", **IN_VAIN)])
    for title in ("held", "made again"):
        said = run[title].result["msg"]
        assert "waiting for the namespace shop-drill to be gone (Some resources are remaining: configmaps. " in said
        assert "has finalizers remaining: example.com/hold in 1 resource instances" in said
    assert run["held"].result["changed"]
    # Whoever holds it lets go while the next run waits.
    before = looks(subscription)
    with subscription.running([gone("gone"), namespace("made anew")]) as running:
        assert running.until(lambda: looks(subscription) > before + 1)
        subscription.emulator.change_inside(cluster_id(subscription), [], [["configmaps", "shop-drill", "held"]])
        run = running.wait().ok()
    assert run["gone"].changed and run["gone"].result["operations"] == []
    assert run["made anew"].changed


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"status": 403, "message": "no"}, "did not list /api/v1/namespaces/shop/pods. Forbidden: no. What to do: "),
        ({"status": 401, "message": "Unauthorized"}, "does not know the credentials"),
    ],
)
def test_what_the_api_server_refuses_to_list_is_said(subscription, then, said):
    subscription.fault(then, method="GET", path="/pods")
    assert said in carry_out(subscription, [info("refused", "shop")])["refused"].result["msg"]


def test_throttling_passes(subscription):
    subscription.fault({"status": 429, "message": "too many"}, method="GET", path="/pods", times=2)
    run = carry_out(subscription, [info("patient", "shop")]).ok()
    assert run["patient"].result["namespaces"][0]["objects"]["pods"] == 2
