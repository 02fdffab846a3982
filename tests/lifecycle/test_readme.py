# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README shows and claims: its inventory, its role, and the rights that it names.

The emulator evaluates role assignments of the caller for each request. Whether Azure wants more, for example to read
the state of an operation, is for Azure to tell.
"""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

import pytest
import yaml

from tests.harness import ROOT, Subscription, play, task
from tests.harness.role import PROTECT as PLAYBOOK
from tests.harness.role import WAITING, act, acts
from tests.harness.steps import CLUSTER, VAULT, carry_out, chain, prepare, step

GROUPS = "{subscription}/resourceGroups"
# What the README calls a scope -> where it is in the tests.
SCOPES = {
    "resource group of vault and storage account": f"{GROUPS}/rg-backup",
    "resource group for snapshots": f"{GROUPS}/rg-snapshots",
    "each cluster": f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-east-1",
}
README = (ROOT / "README.md").read_text()
Right = tuple[str, str]


def code(beginning: str) -> Any:
    """The YAML block of the README that begins with this text."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(beginning))
    return yaml.safe_load(found)


def rights(heading: str) -> list[Right]:
    """(scope, role) of each row of the table below a heading of the README."""
    section = README.split(f"\n### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|", section, re.MULTILINE)
    return [(SCOPES[scope], role) for scope, role in rows]


PROTECT = rights("Rights to protect clusters")
OPERATE = rights("Rights to operate")


def furnished(emulator: Any, principals: dict[str, list[Right]]) -> tuple[Subscription, dict[str, dict[str, str]]]:
    """A subscription where an administrator has done what takes rights in the subscription itself.

    Tasks run as the first principal, unless the environment of another one is laid over it, which is the second value.
    """
    scenario = copy.deepcopy(yaml.safe_load((ROOT / "tests" / "emulator" / "scenarios" / "default.yml").read_text()))
    given = scenario["subscriptions"][0]
    for namespace in ("Microsoft.DataProtection", "Microsoft.KubernetesConfiguration"):
        given["providers"][namespace] = "Registered"
    given["resource_groups"] += [{"name": name, "location": "eastus"} for name in ("rg-backup", "rg-snapshots")]
    credentials = {name: (str(uuid.uuid4()), uuid.uuid4().hex) for name in principals}
    scenario["principals"] = [
        {
            "name": name,
            "client_id": credentials[name][0],
            "secret": credentials[name][1],
            "roles": [{"role": role, "scope": scope} for scope, role in wanted],
        }
        for name, wanted in principals.items()
    ]
    environments = {
        name: {"AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": secret, "AZURE_SECRET": secret}
        for name, (client, secret) in credentials.items()
    }
    return Subscription(emulator, scenario), environments


def signed_in(subscription: Subscription, environment: dict[str, str]) -> Subscription:
    """The same subscription as another principal of it sees it."""
    other = copy.copy(subscription)
    other.environment = {**subscription.environment, **environment}
    return other


def test_the_inventory_can_be_protected(subscription: Subscription) -> None:
    inventory = {"all": {"children": code("# clusters.yml")}}
    planned = subscription.play(playbook=PLAYBOOK, inventory=inventory, variables=WAITING, arguments=("--check",)).ok()
    assert {one.host for one in planned.steps if one.changed} == {"aks-east-1", "aks-east-2", "aks-west-1"}
    assert subscription.writes() == []


def test_the_role_can_be_embedded(subscription: Subscription) -> None:
    (included,) = code("- name: Protect the cluster")
    plays = [*act("first", [play([included])]), *act("second", [play([included])])]
    first, second = acts(subscription.play(playbook=plays, variables=WAITING).ok()).values()
    changed = [one.action for one in first.steps if one.changed]
    assert changed[-1] == "aks.backup.aks_backup_run"
    assert not any(one.changed for one in second.steps)


def test_the_tables_are_read() -> None:
    assert len(PROTECT) == 7
    assert [role for _scope, role in OPERATE] == ["Backup Operator", "Backup Reader", "Reader"]


def test_the_rights_to_protect_are_enough(emulator: Any) -> None:
    subscription, _others = furnished(emulator, {"automation": PROTECT})
    tasks = [one for one in chain(subscription) if one["name"] != "providers"]
    again = [{**one, "name": f"{one['name']} again"} for one in tasks if one["name"] != "run"]
    run = carry_out(subscription, [*tasks, *again]).ok()
    assert all(run[one["name"]].changed for one in tasks if one["name"] != "snapshots")
    assert not any(run[one["name"]].changed for one in again)


@pytest.mark.parametrize("spared", PROTECT, ids=lambda right: f"{right[1]} on {right[0].rsplit('/', 1)[-1]}")
def test_no_right_to_protect_can_be_spared(emulator: Any, spared: Right) -> None:
    subscription, _others = furnished(emulator, {"automation": [right for right in PROTECT if right != spared]})
    run = carry_out(subscription, [one for one in chain(subscription) if one["name"] != "providers"])
    assert run.code != 0
    assert run.steps[-1].result["error"]["code"] == "AuthorizationFailed"
    assert "Give the identity that runs Ansible a role" in run.steps[-1].result["msg"]


def test_the_rights_to_operate_are_enough_for_what_they_are_for_and_no_more(emulator: Any) -> None:
    operate, read, target = OPERATE
    owner = ("{subscription}", "Owner")
    whole = {"owner": [owner], "operator": [operate], "reader": [read], "restorer": [operate, target]}
    looking = {"onlooker": [("{subscription}", "Reader")]}
    subscription, others = furnished(emulator, {**whole, **looking})
    prepare(subscription, chain(subscription, until="run"))
    backup = [step(subscription, "run")]
    reading = [
        task("jobs", "aks_backup_job_info", **VAULT),
        task("points", "aks_recovery_point_info", **CLUSTER, **VAULT),
    ]
    beside = {"included_namespaces": ["shop"], "namespace_mappings": {"shop": "shop-restored"}}
    restore = task(
        "restore", "aks_backup_restore", **CLUSTER, **VAULT, restore_configuration=beside, permissions="skip"
    )
    as_one = {name: signed_in(subscription, others[name]) for name in ("operator", "reader", "restorer", "onlooker")}
    assert carry_out(as_one["operator"], [*backup, *reading]).ok()["run"].changed
    seen = carry_out(as_one["reader"], [*reading, *backup])
    assert seen["points"].result["latest"]
    assert seen["run"].failed and seen["run"].result["error"]["code"] == "AuthorizationFailed"
    refused = carry_out(as_one["operator"], [restore])["restore"].result
    assert refused["error"]["code"] == "AuthorizationFailed" and refused["operations"] == []
    assert carry_out(as_one["restorer"], [restore]).ok()["restore"].result["job"]["status"] == "Completed"
    # Who may read all sees all, clusters themselves included, and that what protects one is as asked for.
    looks = [
        task("report", "aks_backup_coverage_info", check_clusters=True),
        step(subscription, "instance", check=True),
    ]
    looked = carry_out(as_one["onlooker"], looks).ok()
    assert looked["report"].result["summary"]["clusters"] == 3 and "warnings" not in looked["report"].result
    assert not looked["instance"].changed
