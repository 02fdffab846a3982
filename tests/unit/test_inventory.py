# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of hosts, and what a host knows."""

from __future__ import annotations

import itertools
import re

import pytest
import yaml

from ansible_collections.aks.backup.plugins.inventory.aks_clusters import DOCUMENTATION, host_names, host_variables
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCE_GRAPH
from tests.documented import ROOT, block, fits
from tests.unit import wire_rows

DEFAULT = ["{name}", "{name}_{resource_group}", "{name}_{resource_group}_{subscription_id}"]


def cluster(name: str, group: str = "rg", subscription: str = "s") -> dict:
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{group}/x/{name}",
        "name": name,
        "resource_group": group,
        "subscription_id": subscription,
        "location": "eastus",
    }


@pytest.mark.parametrize(
    ("clusters", "names"),
    [
        ([cluster("a"), cluster("b")], ["a", "b"]),
        ([cluster("a", "r1"), cluster("A", "r2"), cluster("b")], ["a_r1", "A_r2", "b"]),
        ([cluster("a", "r", "s1"), cluster("a", "r", "s2"), cluster("a", "q", "s2")], ["a_r_s1", "a_r_s2", "a_q"]),
        # The plain name of one is the longer one of another.
        ([cluster("a", "r1"), cluster("a", "r2"), cluster("a_r1", "q")], ["a_r1_s", "a_r2", "a_r1_q"]),
    ],
)
def test_names_are_unique_and_do_not_depend_on_the_order(clusters, names):
    expected = dict(zip([one["id"] for one in clusters], names, strict=True))
    for order in itertools.permutations(clusters):
        assert host_names(list(order), DEFAULT) == expected


def test_names_by_choice():
    assert list(host_names([cluster("a")], ["{location}-{name}"]).values()) == ["eastus-a"]


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["{name}"], "gives the same name to several clusters: /subscriptions/s/resourceGroups/r1/x/a, "),
        (["{nmae}"], "hostnames knows location, name, resource_group, subscription_id in braces, and not nmae"),
        (["{name.__class__}"], "and not name.__class__"),
        ([], "hostnames is empty"),
    ],
)
def test_names_that_will_not_do(patterns, said):
    with pytest.raises(Refused) as raised:
        host_names([cluster("a", "r1"), cluster("a", "r2")], patterns)
    assert said in raised.value.message


def test_a_host_has_what_the_role_needs():
    found = host_variables(cluster("a"))
    assert found["aks_backup_cluster"] == {"id": cluster("a")["id"]} and found["aks_backup_location"] == "eastus"
    assert found["ansible_connection"] == "local" and found["aks_name"] == "a"


def test_the_variables_of_a_host_are_those_that_are_documented():
    answers = {name: wire_rows.answer(query) for name, query in fleet_state.STATE.items()}
    found = fleet_state.clusters(fleet_state.Rows(**answers), {})[0]
    told = {name for name in host_variables(found) if not name.startswith(("aks_backup_", "ansible_"))}
    text = " ".join(yaml.safe_load(DOCUMENTATION)["description"])
    assert set(re.findall(r"C\((aks_[a-z_]+)\)", text)) - {"aks_", "aks_clusters"} == told
    # And each holds what the report describes, but for what takes a look at jobs.
    described = {"type": "dict", "contains": block("aks_backup_coverage_info", "RETURN")["clusters"]["contains"]}
    assert found["protection"]["instances"]
    assert {sentence.split()[0] for sentence in fits(found, described, "cluster")} == {
        "cluster.covered",
        "cluster.findings",
        "cluster.protection.instances[].last_good_backup",
        "cluster.protection.instances[].rpo_seconds",
        "cluster.protection.last_good_backup",
    }


def test_the_groups_are_those_that_are_documented():
    text = " ".join(yaml.safe_load(DOCUMENTATION)["description"])
    assert set(re.findall(r"C\(backup_([a-z]+)\)", text)) == set(fleet_state.ALL_STATES)


def test_the_requirements_are_those_of_the_collection():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    bounds = dict(line.split(">=") for line in lines if ">=" in line)
    asked = dict(line.split(" >= ") for line in yaml.safe_load(DOCUMENTATION)["requirements"])
    assert asked.pop("python") == "3.10"
    assert asked == {name: bounds[name] for name in asked}
    assert set(asked) >= {"azure-core", "azure-identity", "azure-mgmt-core", RESOURCE_GRAPH.distribution}
