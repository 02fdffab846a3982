# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin, through ansible-inventory and in a play with the role."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.aks.backup.plugins.inventory.aks_clusters import EXAMPLES
from tests.emulator import Emulator
from tests.harness import FAST, Subscription
from tests.harness.fleets import CONDITIONS, PLUGIN, STATES, Fleet, groups, look


@pytest.fixture(scope="module")
def emulator():
    # A clock as slow as the real one, so that what was backed up in time stays so while tests run.
    with Emulator(speed=1) as running:
        yield running


def questions(emulator: Emulator, since: int) -> int:
    """How many queries Resource Graph was asked."""
    return sum("Microsoft.ResourceGraph" in entry["path"] for entry in emulator.journal(since=since))


def last(emulator: Emulator) -> int:
    return max([0, *(entry["n"] for entry in emulator.journal())])


def test_hosts_groups_and_variables(emulator, tmp_path):
    fleet = Fleet(emulator, {name.replace("_", "-"): how for name, how in CONDITIONS.items()},
                  tags={"well": {"team": "shop", "note": "{{ lookup('pipe', 'id') }}"}})  # fmt: skip
    since = last(emulator)
    shown = look(
        fleet.subscription,
        tmp_path,
        {
            "keyed_groups": [{"key": "aks_location", "prefix": "region"}, {"key": "aks_tags.team", "prefix": "team"}],
            "groups": {"behind": "aks_protection.last_recovery_point is none"},
            "compose": {"double": "aks_name ~ aks_name"},
        },
    )
    assert questions(emulator, since) == 3
    expected: dict[str, list[str]] = {state: [] for state in STATES}
    for name, how in fleet.conditions.items():
        expected[how.state].append(name)
    assert groups(shown) == {state: sorted(names) for state, names in expected.items()}
    assert sorted(shown["aks_clusters"]["hosts"]) == sorted(fleet.conditions)
    assert shown["team_shop"]["hosts"] == ["well"] and set(shown["region_eastus"]["hosts"]) < set(fleet.conditions)
    assert set(shown["behind"]["hosts"]) == {
        name for name, how in fleet.conditions.items() if how.state == "unprotected" or how.point is None
    }
    host = shown["_meta"]["hostvars"]["well"]
    assert host["double"] == "wellwell"
    assert (
        host["aks_backup_cluster"] == {"id": fleet.id("well")} and host["aks_backup_location"] == host["aks_location"]
    )
    assert host["ansible_connection"] == "local"
    # Not what the template in it would say.
    assert json.dumps(host["aks_tags"]["note"]).count("lookup('pipe', 'id')") == 1
    assert (host["aks_private"], host["aks_identity_type"], host["aks_kubernetes_version"]) == (
        False, "SystemAssigned", "1.33.2")  # fmt: skip
    assert [(pool["name"], pool["count"]) for pool in host["aks_node_pools"]] == [("nodepool1", 3)]
    protection = host["aks_protection"]
    assert (protection["state"], protection["extension"]["state"]) == ("protected", "Succeeded")
    (instance,) = protection["instances"]
    assert (instance["vault_name"], instance["policy_name"]) == ("bv-fleet", "vaulted")
    assert protection["last_recovery_point"] == instance["last_recovery_point"] and instance["last_recovery_point"]


def test_places_and_filters(emulator, tmp_path):
    tags = {"a0": {"env": "prod"}, "a1": {"env": "test"}, "a2": {"env": "prod"}}
    fleet = Fleet(emulator, {f"a{number}": CONDITIONS["bare"] for number in range(3)}, 3, tags)

    def names(**options: Any) -> list[str]:
        return sorted(look(fleet.subscription, tmp_path, options)["_meta"]["hostvars"])

    home = fleet.subscription.id
    here = sorted(name for name in fleet.conditions if home in fleet.id(name))
    assert len(here) == 1 and names() == here
    everything = {"subscriptions": fleet.subscriptions}
    assert names(**everything) == names(tenant_wide=True) == names(management_groups=["root"]) == ["a0", "a1", "a2"]
    assert len(names(management_groups=["group-1"])) == 1
    assert names(**everything, tags={"env": "p*"}) == ["a0", "a2"]
    assert names(**everything, exclude={"tags": {"ENV": "prod"}}) == ["a1"]
    assert names(**everything, names=["a[12]"], locations=["eastus", "westeurope"]) == ["a1", "a2"]
    assert names(**everything, resource_groups=["rg-f*"], exclude={"names": ["a0"]}) == ["a1", "a2"]
    assert names(**everything, names=["{{ lookup('ansible.builtin.env', 'HOME') | length * 0 }}", "a{{ 1 + 1 }}"]) == [
        "a2"
    ]
    # Without a subscription of one's own, too.
    shown = look(fleet.subscription, tmp_path, {"tenant_wide": True}, AZURE_SUBSCRIPTION_ID=None)
    assert sorted(shown["_meta"]["hostvars"]) == ["a0", "a1", "a2"]


def test_the_examples_of_the_documentation(emulator, tmp_path):
    """As they stand, but for IDs, the name of a management group, and where the cache lies."""
    tags = {"gold": {"environment": "production", "team": "shop", "tier": "gold"}, "plain": {"environment": "prod"},
            "exempt": {"environment": "prod", "backup": "exempt"}}  # fmt: skip
    fleet = Fleet(emulator, dict.fromkeys(("exempt", "gold", "plain", "test"), CONDITIONS["bare"]), 2, tags)
    whole, chosen, below = yaml.safe_load_all(EXAMPLES)
    assert len(chosen["subscriptions"]) == 2 and below["management_groups"] == ["platform"]
    here = [name for name in fleet.conditions if fleet.subscription.id in fleet.id(name)]
    assert sorted(look(fleet.subscription, tmp_path, whole)["aks_clusters"]["hosts"]) == sorted(here)
    shown = look(fleet.subscription, tmp_path, {**chosen, "subscriptions": fleet.subscriptions})
    assert sorted(shown["aks_clusters"]["hosts"]) == ["gold", "plain"] and shown["team_shop"]["hosts"] == ["gold"]
    policies = {name: host["aks_backup_policy"] for name, host in shown["_meta"]["hostvars"].items()}
    assert policies == {"gold": {"preset": "month"}, "plain": {"preset": "week"}}
    assert {name.partition("_")[0] for name in shown} >= {"region", "backup"}
    remembered = {**below, "management_groups": ["root"], "cache_connection": str(tmp_path / "cache")}
    for _again in range(2):
        shown = look(fleet.subscription, tmp_path, remembered)
        assert sorted(shown["aks_clusters"]["hosts"]) == sorted(fleet.conditions)
    assert list((tmp_path / "cache").iterdir())


def test_pages_of_two(emulator, tmp_path):
    fleet = Fleet(emulator, {f"a{number}": CONDITIONS["well"] for number in range(5)})
    emulator.settings(graph_rows=2)
    try:
        since = last(emulator)
        shown = look(fleet.subscription, tmp_path)
        assert groups(shown)["protected"] == sorted(fleet.conditions)
        assert questions(emulator, since) == 9
    finally:
        emulator.settings(graph_rows=1000)


def test_a_cache_answers_until_the_question_changes(emulator, tmp_path):
    fleet = Fleet(emulator, {"a": CONDITIONS["bare"], "b": CONDITIONS["bare"]})
    cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    assert groups(look(fleet.subscription, tmp_path, cached))["unprotected"] == ["a", "b"]
    since = last(emulator)
    shown = look(fleet.subscription, tmp_path, cached)
    assert groups(shown)["unprotected"] == ["a", "b"] and questions(emulator, since) == 0
    shown = look(fleet.subscription, tmp_path, {**cached, "names": ["b"]})
    assert groups(shown)["unprotected"] == ["b"] and questions(emulator, since) == 3
    # A cache that somebody has damaged is as good as none, and is put right.
    (file,) = [one for one in (tmp_path / "cache").iterdir() if '"a"' in one.read_text().replace("\\", "")]
    whole = file.read_text()
    for damage in (whole[:100], "null", "[]", json.dumps("x"), json.dumps({"__payload__": '[{"name": "a"}]'})):
        file.write_text(damage)
        since = last(emulator)
        shown = look(fleet.subscription, tmp_path, cached)
        assert groups(shown)["unprotected"] == ["a", "b"] and questions(emulator, since) == 3, damage
        assert file.read_text() == whole, damage
    fleet.remove("a")
    fleet.settle()
    look(fleet.subscription, tmp_path, cached, "--flush-cache")
    assert groups(look(fleet.subscription, tmp_path, cached))["unprotected"] == ["b"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subscriptions": ["x"]}, "'x' is not a valid name of a subscription"),
        ({"subscriptions": ["00000000-0000-0000-0000-000000000009"]}, "AccessDenied"),
        ({"management_groups": ["nobody"]}, "AccessDenied"),
        ({"management_groups": ["a"], "tenant_wide": True}, "management_groups and tenant_wide are different ways"),
        ({"names": [""]}, "names has an empty entry"),
        ({"exclude": {"name": ["a"]}}, "exclude.name"),
        ({"hostnames": ["all"]}, "hostnames gives the same name to several clusters"),
        ({"auth_source": "oidc", "oidc_token_file_path": "/nowhere"}, "oidc_token_file_path cannot be read"),
        ({"keyed_groups": [{"key": "nothing"}], "strict": True}, "nothing"),
    ],
)
def test_what_is_said_when_it_does_not_work(emulator, tmp_path, options, said):
    fleet = Fleet(emulator, {"a": CONDITIONS["bare"], "b": CONDITIONS["bare"]})
    assert said in look(fleet.subscription, tmp_path, options, code=1)


def test_no_place_is_known(emulator, tmp_path):
    fleet = Fleet(emulator, {})
    said = look(fleet.subscription, tmp_path, code=1, AZURE_SUBSCRIPTION_ID=None)
    # Ansible itself says it twice, and would say it again for each cause.
    assert 1 <= said.count("It is not known where to look for clusters") <= 2


def test_other_files_are_left_to_other_plugins(emulator, tmp_path):
    fleet = Fleet(emulator, {"a": CONDITIONS["bare"]})
    assert "aks_clusters" in look(fleet.subscription, tmp_path, code=1, name="clusters.yml")


def test_the_role_protects_what_is_not_protected(tmp_path):
    """The whole of it: clusters as Azure has them, the group of those without protection, the role, and again."""
    with Emulator(speed=500) as emulator:
        subscription = Subscription(emulator)
        inventory = tmp_path / "gaps.aks_clusters.yml"
        inventory.write_text(yaml.safe_dump({**PLUGIN, "names": ["aks-east-*"]}))
        play = [{"name": "Gaps", "hosts": "backup_unprotected", "gather_facts": False,
                 "roles": [{"role": "aks.backup.aks_backup"}]}]  # fmt: skip
        waiting = {"aks_backup_poll_interval": FAST["poll_interval"], "aks_backup_wait_timeout": FAST["wait_timeout"]}
        keywords: dict[str, Any] = {"playbook": play, "arguments": ("-i", str(inventory)), "variables": waiting,
                                    "inventory": {"all": {"hosts": {}}}}  # fmt: skip
        done = subscription.play(**keywords).ok()
        assert {step.host for step in done.steps} == {"aks-east-1", "aks-east-2"}
        instances = subscription.resources("Microsoft.DataProtection/backupVaults/backupInstances")
        assert {one["properties"]["dataSourceInfo"]["resourceName"] for one in instances} == {
            "aks-east-1",
            "aks-east-2",
        }
        emulator.advance(60)
        shown = look(subscription, tmp_path, {"names": ["aks-*"]})
        assert groups(shown)["protected"] == ["aks-east-1", "aks-east-2"]
        assert groups(shown)["unprotected"] == ["aks-west-1"]
        assert not subscription.play(**keywords).ok().steps
