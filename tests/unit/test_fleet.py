# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet as steps, and steps as a graph: names, options, order, what a failure keeps back, and lists of many."""

from __future__ import annotations

import importlib
import threading
import time
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused
from ansible_collections.aks.backup.plugins.module_utils._module import COMMON_SPEC
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import before, fleet, removal
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import glance as fleet_glance
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import graph as fleet_graph
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import steps as fleet_steps
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.graph import Node
from ansible_collections.aks.backup.plugins.module_utils._resources.policy import stagger as policy_stagger

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
ID = f"{GROUPS}/rg-clusters/providers/Microsoft.ContainerService/managedClusters/aks-1"
VAULT = f"{GROUPS}/rg/providers/Microsoft.DataProtection/backupVaults/bv"
ACCOUNT = f"{GROUPS}/rg/providers/Microsoft.Storage/storageAccounts/stbackup"
CONTENT = {
    "backup_rule_name": "Backup",
    "keep": {"daily": 7, "monthly": 12, "tier": "vault", "weekly": 8, "yearly": 3},
    "on_difference": "rotate",
    "operational_retention": "P7D",
    "policy_definition": {"objectType": "BackupPolicy"},
    "preset": "week",
    "repeating_time_intervals": ["R/2026-01-31T02:30:00+00:00/P1D"],
    "retention_rules": [
        {
            "copy": "immediate",
            "copy_after": "P1D",
            "criteria": "FirstOfDay",
            "days_of_month": ["1"],
            "days_of_week": ["Monday"],
            "months_of_year": ["May"],
            "name": "Monthly",
            "operational_retention": "P90D",
            "priority": 20,
            "vault_retention": "P1Y",
            "weeks_of_month": ["First"],
        }
    ],
    "rpo_hours": 6,
    "schedule": {
        "days_of_week": ["Monday"],
        "delay": 30,
        "frequency": "weekly",
        "interval": 1,
        "start_time": "02:30",
        "time_zone": "UTC",
    },
}
# Every option that an entry can have, whether or not all go together.
EVERYTHING: dict[str, Any] = {
    "cluster": {"id": ID, "name": "aks-1", "resource_group": "rg-clusters", "subscription_id": SUBSCRIPTION},
    "confirm_delete_data": "aks-1",
    "extension": {
        "auto_upgrade_minor_version": True,
        "extra_settings": {"a": "b"},
        "name": "backup",
        "purge_unlisted_settings": True,
        "release_train": "preview",
        "repair": "reinstall",
        "resources": {
            "limits": {"cpu": "1000m", "memory": "2Gi"},
            "requests": {"cpu": "500m", "memory": "1Gi"},
        },
        "storage_account_uri": "https://stbackup.blob.core.windows.net/",
        "tenant_id": SUBSCRIPTION,
        "use_aad": False,
        "version": "0.0.1",
        "wait_for_identity": False,
    },
    "instances": [
        {
            "backup_configuration": {
                "backup_hooks": [{"name": "flush", "namespace": "shop"}],
                "excluded_namespaces": ["scratch"],
                "excluded_resource_types": ["v1/Secret"],
                "include_cluster_scope_resources": False,
                "included_namespaces": ["shop"],
                "included_resource_types": ["v1/Pod"],
                "label_selectors": ["a=b"],
                "snapshot_volumes": False,
                "volume_types": ["AzureFileShareSMB"],
            },
            "friendly_name": "shop",
            "identity": {"type": "UserAssigned", "user_assigned_identity_id": f"{GROUPS}/rg/providers/x/y/z"},
            "match": "name",
            "name": "shop",
            "policy_id": f"{VAULT}/backupPolicies/else",
            "policy_name": "else",
            "resync": True,
            "undelete": True,
            "validation": "deep",
        }
    ],
    "location": "East US",
    "permissions": {
        "file_share_storage_account_ids": [ACCOUNT],
        "mode": "report",
        "remove_orphaned": True,
        "role_scope": "resource_group",
        "vault_tier": True,
    },
    "policies": [{"name": "further", **CONTENT}],
    "policy": {"id": f"{VAULT}/backupPolicies/mine", "name": "mine", **CONTENT},
    "preflight": "strict",
    "register_providers": False,
    "resource_group": "rg-mine",
    "resource_guard_operation_requests": [f"{GROUPS}/rg/providers/x/y/request"],
    "snapshot_resource_group": "rg-snaps",
    "stagger": {"slots": 8, "window": 240},
    "state": "suspended",
    "storage": {
        "allow_blob_public_access": True,
        "allow_shared_key_access": True,
        "container": "mine",
        "public_network_access": "Disabled",
        "resource_group": "rg-storage",
        "sku": "Standard_ZRS",
        "storage_account": "stmine",
        "storage_account_id": ACCOUNT,
    },
    "tags": {"owner": "platform"},
    "trusted_access": {"match": "name", "name": "mine", "repair": "stale", "roles": ["a/b"]},
    "vault": {
        "alerts_for_all_job_failures": False,
        "confirm_irreversible": "bv-mine",
        "cross_region_restore": True,
        "cross_subscription_restore": "Enabled",
        "datastore_type": "VaultStore",
        "encryption": {
            "identity_id": f"{GROUPS}/rg/providers/x/y/z",
            "identity_type": "UserAssigned",
            "infrastructure_encryption": True,
            "key_uri": "https://kv.vault.azure.net/keys/k",
        },
        "id": VAULT,
        "identity": {"append": False, "type": "SystemAssigned", "user_assigned_identities": []},
        "immutability": "Unlocked",
        "name": "bv-mine",
        "redundancy": "GeoRedundant",
        "resource_group": "rg-vault",
        "resource_guard_id": f"{GROUPS}/rg/providers/Microsoft.DataProtection/resourceGuards/g",
        "soft_delete": {"retention_days": 30.0, "state": "On"},
        "undelete": True,
    },
}
PLAIN = {"cluster": {"name": "aks-1", "resource_group": "rg-clusters"}, "location": "East US"}
MODULES = {
    "providers": "aks_backup_provider",
    "storage": "aks_backup_storage",
    "group": "aks_backup_storage",
    "vault": "aks_backup_vault",
    "policy": "aks_backup_policy",
    "container": "aks_backup_storage",
    "extension": "aks_backup_extension",
    "trusted_access": "aks_trusted_access",
    "permissions": "aks_backup_permissions",
    "instance": "aks_backup_instance",
}


def contract(module: str) -> Any:
    return importlib.import_module(f"ansible_collections.aks.backup.plugins.modules.{module}").CONTRACT


def paths(value: Any, path: str = "clusters") -> set[str]:
    """The leaves of an entry as the argument spec names them; what has no options of its own is a leaf."""
    options = contract("aks_backup_fleet").argument_spec
    for part in path.split("."):
        options = options[part].get("options") or {}
    if not options:
        return {path}
    entry = value[0] if isinstance(value, list) else value
    return set().union(*(paths(inner, f"{path}.{name}") for name, inner in entry.items()))


def made(one: fleet_steps.Cluster, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"{one.vault}/backupPolicies/{policy['name']}", "datastores": [], **more} for policy in one.policies]


def steps(entry: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    """The options of each step of an entry, the last of a kind."""
    one = fleet_steps.cluster(entry, SUBSCRIPTION)
    return {
        **{step: options for step, _id, options in fleet_steps.shared(one)},
        **dict(fleet_steps.own(one, made(one, **more))),
    }


def without_ids(entry: dict[str, Any]) -> dict[str, Any]:
    """Everything but what stands in for names, and for policies as they are given."""
    left = {"cluster": ("id",), "policy": ("id",), "storage": ("storage_account_id",), "vault": ("id",)}
    return {
        **entry,
        **{key: {name: one for name, one in entry[key].items() if name not in names} for key, names in left.items()},
        "register_providers": True,
        "stagger": None,
    }


# Names and options


def test_names_follow_from_region_and_ids():
    one = fleet_steps.cluster(PLAIN, SUBSCRIPTION)
    assert one.id == ID and one.region == "eastus"
    assert one.vault == f"{GROUPS}/rg-aks-backup-eastus/providers/Microsoft.DataProtection/backupVaults/bv-aks-eastus"
    assert one.policy == f"{one.vault}/backupPolicies/aks-default"
    assert one.account == (
        f"{GROUPS}/rg-aks-backup-eastus/providers/Microsoft.Storage/storageAccounts/stbkpeastus8ac71cd"
    )
    assert one.container == "aks-1-a222c1e55586"
    assert (one.snapshots, one.groups) == ("rg-aks-snapshots-eastus", ("rg-aks-snapshots-eastus",))
    named = {**PLAIN, "policy": {"preset": "disaster_recovery"}}
    assert fleet_steps.cluster(named, SUBSCRIPTION).policy.endswith("/aks-disaster-recovery")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        # Not that a subscription is missing, which would be true as well.
        ({**PLAIN, "cluster": {"id": "aks-1"}}, "'aks-1' is not an Azure resource ID"),
        (
            {**PLAIN, "cluster": {"id": f"{GROUPS}/rg/providers/Microsoft.Storage/storageAccounts/s"}},
            "cluster.id must be",
        ),
        # Not that no vault can be called bv-aks-.
        ({**PLAIN, "location": " "}, "location is empty"),
    ],
)
def test_entries_that_cannot_be_meant(entry, said):
    with pytest.raises(Refused, match=said):
        fleet_steps.cluster(entry, None if "id" in entry["cluster"] else SUBSCRIPTION)


def test_two_clusters_of_one_name_do_not_share_a_container():
    other = {**PLAIN, "cluster": {"name": "aks-1", "resource_group": "rg-else"}}
    dashed = {**PLAIN, "cluster": {"name": "aks_1", "resource_group": "rg-clusters"}}
    names = {fleet_steps.cluster(entry, SUBSCRIPTION).container for entry in (PLAIN, other, dashed)}
    assert len(names) == 3


def test_the_sample_has_every_option():
    def leaves(spec: dict[str, Any], path: str) -> set[str]:
        if not spec.get("options"):
            return {path}
        return set().union(*(leaves(inner, f"{path}.{name}") for name, inner in spec["options"].items()))

    assert paths([EVERYTHING]) == leaves(contract("aks_backup_fleet").argument_spec["clusters"], "clusters")


def test_every_option_reaches_the_module_it_is_for():
    entry = without_ids(EVERYTHING)
    found = steps(entry)
    for part, step in {
        "extension": "extension",
        "permissions": "permissions",
        "trusted_access": "trusted_access",
    }.items():
        assert {key: found[step][key] for key in entry[part]} == entry[part]
    place = {"cluster_id": ID, "subscription_id": SUBSCRIPTION}
    assert place.items() <= found["extension"].items() and place.items() <= found["instance"].items()

    assert {key: found["vault"][key] for key in entry["vault"]} == {**entry["vault"], "name": "bv-mine"}
    assert found["vault"]["resource_group"] == "rg-vault" and found["vault"]["tags"] == {"owner": "platform"}
    assert found["vault"]["location"] == "East US"
    requests = entry["resource_guard_operation_requests"]
    assert found["vault"]["resource_guard_operation_requests"] == requests
    assert found["instance"]["resource_guard_operation_requests"] == requests

    storage = {key: one for key, one in entry["storage"].items() if key != "container"}
    assert {key: found["storage"][key] for key in storage} == storage
    assert (found["container"]["container"], found["storage"]["container"]) == ("mine", None)
    assert found["group"]["resource_group"] == "rg-snaps" == found["instance"]["snapshot_resource_group"]
    assert found["extension"]["blob_container"] == "mine"

    policies = [
        options for step, _id, options in fleet_steps.shared(fleet_steps.cluster(entry, None)) if step == "policy"
    ]
    for policy, given in zip(policies, (entry["policy"], entry["policies"][0]), strict=True):
        assert {key: policy[key] for key in given} == given
    instance = {key: one for key, one in entry["instances"][0].items() if key != "policy_name"}
    assert {key: found["instance"][key] for key in instance} == instance
    assert found["instance"]["protection"] == "suspended" and found["instance"]["tags"] == {"owner": "platform"}
    assert found["permissions"]["volume_types"] == ["AzureFileShareSMB"]


def test_ids_take_the_place_of_names_and_nothing_is_made():
    ids = {
        "cluster": {"id": ID},
        "storage": {"storage_account_id": ACCOUNT},
        "vault": {"id": VAULT},
        "policy": {"id": f"{VAULT}/backupPolicies/mine"},
        "snapshot_resource_group": f"{GROUPS}/rg-there",
        "register_providers": False,
        "location": "eastus",
    }
    one = fleet_steps.cluster(ids, None)
    assert fleet_steps.shared(one) == []
    found = steps(ids)
    assert found["instance"]["policy_id"] == found["permissions"]["policy_id"] == f"{VAULT}/backupPolicies/mine"
    assert found["extension"]["storage_account_id"] == ACCOUNT and found["container"]["storage_account"] == "stbackup"


def test_resource_group_is_for_vault_and_account():
    one = fleet_steps.cluster({**PLAIN, "resource_group": "rg-mine"}, SUBSCRIPTION)
    assert one.vault.split("/")[4] == one.account.split("/")[4] == "rg-mine"


def test_a_staggered_cluster_gets_the_policy_of_its_slot():
    one = fleet_steps.cluster({**PLAIN, "stagger": {"window": 200, "slots": 4}}, SUBSCRIPTION)
    delay = 50 * policy_stagger.slot(ID, 4)
    assert delay == 100 and one.policy.endswith("/aks-default-plus-100m")
    [options] = [options for step, _id, options in fleet_steps.shared(one) if step == "policy"]
    assert (options["name"], options["schedule"]) == ("aks-default-plus-100m", {"delay": 100})
    found = dict(fleet_steps.own(one, made(one)))
    assert found["instance"]["policy_id"] == one.policy
    # One that is there can only be used as it is.
    with_id = {**PLAIN, "policy": {"id": f"{VAULT}/backupPolicies/mine"}, "stagger": {"window": 200}}
    assert "policy.id names a policy that is there already" in refusal([with_id], subscription_id=SUBSCRIPTION)


def test_instances_take_the_policies_that_are_in_force():
    entry = {
        **PLAIN,
        "policies": [{"name": "second"}],
        "instances": [{}, {"policy_name": "second"}, {"policy_name": "there"}],
    }
    one = fleet_steps.cluster(entry, SUBSCRIPTION)
    policies = [{**policy, "id": f"{policy['id']}-rotated", "datastores": ["VaultStore"]} for policy in made(one)]
    options = [options for step, options in fleet_steps.own(one, policies) if step == "instance"]
    assert [one["policy_id"].rpartition("/")[2] for one in options] == [
        "aks-default-rotated",
        "second-rotated",
        "there",
    ]
    assert dict(fleet_steps.own(one, policies))["permissions"]["vault_tier"] is True


@pytest.mark.parametrize("entry", [PLAIN, {**PLAIN, "policies": [{"name": "second"}], "tags": {"a": "b"}}])
def test_steps_have_the_options_of_their_modules(entry):
    """Complete, with the modules' own defaults, and nothing that they would refuse."""
    for step, options in steps(entry).items():
        complete(MODULES[step], options)


def complete(module: str, options: dict[str, Any]) -> None:
    """Options are those of a module, all of them, with its own defaults, and nothing that it would refuse."""
    of = contract(module)
    given = {key: one for key, one in options.items() if one is not None}
    validated = ArgumentSpecValidator(of.spec, **of.rules).validate(given)
    assert not validated.error_messages, (module, validated.error_messages)
    full = {key: one for key, one in validated.validated_parameters.items() if key not in COMMON_SPEC}
    assert {key: one for key, one in options.items() if key != "subscription_id"} == full


def test_the_way_out_has_the_options_of_its_modules():
    entry = {**PLAIN, "state": "absent", "confirm_delete_data": "aks-1"}
    one = fleet_steps.cluster(entry, SUBSCRIPTION)
    assert fleet_steps.shared(one) == [] and removal.problems(one) == []
    for step in removal.STEPS:
        options = removal.options(one, step, "aks-1-full" if step == "instance" else None)
        complete(MODULES[step], options)
        assert options["cluster_id"] == ID and options.get("state", "absent") == "absent"
    assert removal.options(one, "permissions")["mode"] == "revoke"


def test_a_preflight_has_the_options_of_its_module():
    one = fleet_steps.cluster(without_ids(EVERYTHING), None)
    options = before.options(one)
    complete("aks_backup_preflight_info", options)
    assert (options["volume_types"], options["policy_id"]) == (["AzureFileShareSMB"], one.policy)
    assert before.options(fleet_steps.cluster(PLAIN, SUBSCRIPTION))["volume_types"] == ["AzureDisk"]


@pytest.mark.parametrize("given", [None, "aks-2", "AKS-1"])
def test_backups_are_deleted_only_of_a_cluster_that_is_confirmed_by_name(given):
    entry = {**PLAIN, "state": "absent", "confirm_delete_data": given}
    said = refusal([PLAIN | {"cluster": {"name": "aks-0", "resource_group": "rg"}}, entry], 4, SUBSCRIPTION)
    assert said.startswith("clusters[1] (aks-1): state=absent deletes the backups of aks-1.")
    assert "set state to stopped" in said


def test_nested_options_are_those_of_the_modules():
    """What an entry hands on to a module has the types and the choices that it has there."""
    clusters = contract("aks_backup_fleet").argument_spec["clusters"]["options"]
    pairs = {
        "extension": "extension",
        "trusted_access": "trusted_access",
        "permissions": "permissions",
        "vault": "vault",
    }
    pairs |= {"storage": "storage", "policy": "policy", "policies": "policy", "instances": "instance"}
    for part, step in pairs.items():
        theirs = contract(MODULES[step]).argument_spec
        for name, option in clusters[part]["options"].items():
            if name in ("id", "storage_account_id"):
                continue
            expected = {key: one for key, one in theirs[name].items() if key not in ("aliases", "default", "required")}
            if (part, name) == ("permissions", "mode"):
                expected["choices"] = ["grant", "report"]
            given = {key: one for key, one in option.items() if key != "required"}
            assert given == expected, (part, name)


# Refusals


def refusal(clusters: list[dict[str, Any]], workers: int = 4, subscription_id: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        fleet.protect(None, {"clusters": clusters, "workers": workers, "subscription_id": subscription_id})  # type: ignore[arg-type]
    return caught.value.message


def test_everything_that_is_wrong_is_told_at_once():
    bad = {"cluster": {"id": "/subscriptions/x"}, "location": "eastus"}
    said = refusal([PLAIN, bad], workers=0)
    assert "workers is 0; it must be at least 1." in said
    assert "clusters[0] (aks-1): cluster.subscription_id is needed" in said and "AZURE_SUBSCRIPTION_ID" in said
    assert "clusters[1] (/subscriptions/x): " in said


def test_a_cluster_is_in_the_list_once():
    twice = {**PLAIN, "cluster": {"name": "AKS-1", "resource_group": "rg-clusters"}}
    assert "is in the list twice" in refusal([PLAIN, twice], subscription_id=SUBSCRIPTION)


# The graph


def node(key: str, needs: str = "", after: str = "", work: Any = None) -> Node:
    return Node(
        (key,), work or (lambda: key), tuple((one,) for one in needs.split()), tuple((one,) for one in after.split())
    )


def fail() -> None:
    raise AzureError("No.")


def test_a_failure_keeps_back_what_needs_it_and_nothing_else():
    nodes = [
        node("a", work=fail),
        node("b", "a"),
        node("c", "b"),
        node("d"),
        node("e", "d", after="a"),
        node("f", "d c"),
    ]
    told: list[dict[Any, Any]] = []
    ended = fleet_graph.run(nodes, 3, told.append)
    assert {key[0] for key, how in ended.items() if how.well} == {"d", "e"}
    assert ended[("a",)].error and all(ended[(key,)].blocked_by == ("a",) for key in "bcf")
    # Who watches is told of each end once, as it comes: in a fleet there are thousands.
    assert [(key, how) for news in told for key, how in news.items()] == list(ended.items())


def test_work_waits_for_what_it_needs_and_for_nothing_else():
    began: list[str] = []
    release = threading.Event()

    def slow() -> None:
        began.append("slow")
        release.wait(5)
        began.append("slow done")

    def last() -> None:
        began.append("other")
        release.set()

    fleet_graph.run([node("a", work=slow), node("b", "a", work=lambda: began.append("b")), node("c", work=last)], 2)
    assert began == ["slow", "other", "slow done", "b"]


def test_what_comes_first_is_done_to_the_end_before_what_comes_last_is_begun():
    began: list[str] = []
    nodes = [
        node(key, needs, work=lambda key=key: began.append(key))
        for key, needs in (("shared", ""), ("a1", "shared"), ("a2", "a1"), ("b1", "shared"), ("b2", "b1"))
    ]
    fleet_graph.run(nodes, 1)
    assert began == ["shared", "a1", "a2", "b1", "b2"]


def test_no_more_than_so_many_workers_at_a_time():
    running, most, guard = [0], [0], threading.Lock()

    def work() -> None:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with guard:
            running[0] -= 1

    fleet_graph.run([node(str(number), work=work) for number in range(12)], 3)
    assert most == [3]


def test_a_fault_of_the_program_is_raised():
    def fault() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fleet_graph.run([node("a", work=fault), node("b", "a")], 2)


# Lists


class Listing:
    """Azure with lists; counts what it is asked for."""

    subscription_id, cloud, deadline, interval = SUBSCRIPTION, None, None, 1.0

    def __init__(self, items: list[dict[str, Any]], denied: bool = False) -> None:
        self.items, self.denied, self.asked = items, denied, [""]
        self.asked.clear()

    def read(self, id_: str) -> Any:
        self.asked.append(f"GET {id_}")
        return next((item for item in self.items if item["id"] == id_), None), None

    def list_all(self, type_: str, parent: str, **query: Any) -> Any:
        self.asked.append(f"LIST {parent}")
        if self.denied:
            raise AzureError("No.", status=403)
        return self.items


def glance(arm: Any, clusters: int) -> fleet_glance.Glance:
    return fleet_glance.Glance(arm, fleet_glance.Lists(arm, [f"/subscriptions/{SUBSCRIPTION}", VAULT] * clusters))


def instance(name: str) -> dict[str, Any]:
    return {"id": f"{VAULT}/backupInstances/{name}", "properties": {"n": name}}


def test_one_list_serves_many_and_what_it_lacks_is_asked_for():
    arm = Listing([instance("a"), instance("b")])
    view = glance(arm, fleet_glance.ENOUGH)
    assert view.get(instance("a")["id"]) == instance("a") and view.get(instance("b")["id"]) == instance("b")
    assert view.get(instance("c")["id"]) is None
    assert [line for line in arm.asked if line.startswith("LIST")] == [f"LIST {VAULT}"]
    assert arm.asked[-1] == f"GET {instance('c')['id']}"


def test_lists_are_read_ahead_each_once():
    arm = Listing([instance("a")])
    homes = [f"/subscriptions/{SUBSCRIPTION}", VAULT, ACCOUNT]
    lists = fleet_glance.Lists(arm, homes * fleet_glance.ENOUGH)  # type: ignore[arg-type]
    for call in lists.ahead():
        call()
    assert sorted(arm.asked) == sorted(f"LIST {home}" for home in [homes[0], *homes])
    assert fleet_glance.Glance(arm, lists).get(instance("a")["id"]) and len(arm.asked) == 4  # type: ignore[arg-type]


def test_few_clusters_and_callers_who_may_not_list_are_read_one_by_one():
    few = Listing([instance("a")])
    assert glance(few, fleet_glance.ENOUGH - 1).get(instance("a")["id"]) and few.asked == [f"GET {instance('a')['id']}"]
    denied = Listing([instance("a")], denied=True)
    assert glance(denied, fleet_glance.ENOUGH).get(instance("a")["id"])
    assert denied.asked == [f"LIST {VAULT}", f"GET {instance('a')['id']}"]


def test_which_clusters_a_vault_protects_is_in_its_list():
    source = {"properties": {"dataSourceInfo": {"resourceID": ID.upper()}}}
    arm = Listing([{**instance("a"), **source}, instance("b")])
    lists = fleet_glance.Lists(arm, [VAULT] * fleet_glance.ENOUGH)  # type: ignore[arg-type]
    assert lists.protected(VAULT) == {ID.lower()} and len(arm.asked) == 1
    assert fleet_glance.Lists(arm, [VAULT]).protected(VAULT) is None  # type: ignore[arg-type]


def assignment(scope: str, principal: str, kind: str = "ServicePrincipal") -> dict[str, Any]:
    return {
        "id": f"{scope}/{principal}",
        "properties": {"scope": scope, "principalId": principal, "principalType": kind},
    }


def test_role_assignments_at_and_above_of_known_and_of_gone_identities():
    group = f"{GROUPS}/rg"
    mine, above = assignment(ACCOUNT, "ME"), assignment(group, "me")
    gone, foreign, beside = assignment(ACCOUNT, "x", "Unknown"), assignment(ACCOUNT, "you"), assignment(VAULT, "me")
    arm = Listing([mine, above, gone, foreign, beside])
    lists = fleet_glance.Lists(arm, [f"/subscriptions/{SUBSCRIPTION}"] * fleet_glance.ENOUGH)  # type: ignore[arg-type]
    assert lists.assignments(ACCOUNT, ["me"]) == [above, mine, gone]
    assert lists.assignments(f"/subscriptions/{'1' * 8}/x", ["me"]) is None


def test_a_glance_never_writes_and_never_waits():
    view = glance(Listing([]), 1)
    for act in (
        lambda: view.put(VAULT, {}),
        lambda: view.patch(VAULT, {}),
        lambda: view.delete(VAULT),
        lambda: view.post(VAULT, "x"),
        lambda: view.undelete(VAULT, {}, {}),
        lambda: view.wait(VAULT, lambda document: "it to end", {}),
        lambda: view.wait(VAULT, lambda document: None),
    ):
        with pytest.raises(fleet_glance.Unsettled):
            act()
    assert view.wait(VAULT, lambda document: None, {"id": VAULT}) == {"id": VAULT}
