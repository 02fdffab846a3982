# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation against what it is about: the packages, the environment variables, the steps that follow each other."""

from __future__ import annotations

import importlib
import itertools
import re
from typing import Any

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils import _auth, _module
from tests.documented import MODULES, ROOT, block

# What each task imports whatever it does, see _arm, _auth and _cloud.
ALWAYS = {"azure-core", "azure-identity", "azure-mgmt-core"}
# Modules that do something each time they run.
ACTIONS = {"aks_backup_restore", "aks_backup_run"}
# The order of protecting a cluster.
CHAIN = (
    "aks_backup_provider",
    "aks_backup_storage",
    "aks_backup_vault",
    "aks_backup_policy",
    "aks_backup_extension",
    "aks_trusted_access",
    "aks_backup_permissions",
    "aks_backup_instance",
    "aks_backup_run",
)


def contract(module: str) -> _module.Contract:
    imported = importlib.import_module(f"ansible_collections.aks.backup.plugins.modules.{module}")
    found: _module.Contract = imported.CONTRACT
    return found


def fragment(name: str) -> Any:
    file, _dot, variant = name.removeprefix("aks.backup.").partition(".")
    imported = importlib.import_module(f"ansible_collections.aks.backup.plugins.doc_fragments.{file}")
    return yaml.safe_load(getattr(imported.ModuleDocFragment, (variant or "documentation").upper()))


def fragments(module: str) -> list[str]:
    names: list[str] = block(module, "DOCUMENTATION")["extends_documentation_fragment"]
    return names


@pytest.mark.parametrize("module", MODULES)
def test_requirements_are_the_packages_that_the_module_imports(module: str) -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    bounds = dict(line.split(">=") for line in lines if ">=" in line)
    needed = ALWAYS | {package.distribution for package in contract(module).packages}
    asked = dict(line.split(" >= ") for line in block(module, "DOCUMENTATION")["requirements"])
    assert asked.pop("python") == "3.10"
    # Only policies and jobs spell durations in ISO 8601, and only hooks and modifiers lie in the cluster.
    assert set(asked) - needed <= {"isodate", "kubernetes", "PyYAML"}
    assert needed <= set(asked)
    assert asked == {name: bounds[name] for name in asked}


def fragment_or_module(module: str) -> set[str]:
    """The options that a module documents itself, or by a fragment other than those that all may use."""
    found = set(block(module, "DOCUMENTATION").get("options") or {})
    for name in fragments(module):
        if name not in ("aks.backup.cluster", "aks.backup.tags", "aks.backup.vault"):
            found |= set(fragment(name).get("options") or {})
    return found


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("aks.backup.cluster", _module.CLUSTER_SPEC),
        ("aks.backup.tags", _module.TAGS_SPEC),
        ("aks.backup.vault", _module.VAULT_SPEC),
    ],
)
def test_a_fragment_documents_the_options_that_modules_share(name: str, spec: dict[str, Any]) -> None:
    assert fragment(name)["options"].keys() == spec.keys()
    for module in MODULES:
        has = spec.keys() <= contract(module).argument_spec.keys()
        if name in fragments(module):
            assert has, module
        elif has:
            # Documented in the module's own words, because there the options mean something else, or need not be given.
            own = fragment_or_module(module)
            assert spec.keys() <= own and name.rpartition(".")[2] not in contract(module).identifies, module


def test_every_environment_variable_is_documented_in_the_order_in_which_it_is_read() -> None:
    options = {**fragment("aks.backup.azure")["options"], **fragment("aks.backup.wait")["options"]}
    assert options.keys() == _module.COMMON_SPEC.keys()
    for name, entry in _module.COMMON_SPEC.items():
        read = entry.get("fallback", (None, []))[1]
        assert re.findall(r"E\((\w+)\)", " ".join(options[name]["description"])) == read, name


def test_the_ways_to_sign_in_are_documented_in_the_order_in_which_they_are_tried() -> None:
    choices = fragment("aks.backup.azure")["options"]["auth_source"]["choices"]
    assert re.findall(r"V\((\w+)\)", choices["auto"]) == list(_auth.SOURCES)
    section = (ROOT / "README.md").read_text().split("\n### Credentials\n")[1].split("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == ["auth_source", *_auth.SOURCES]


@pytest.mark.parametrize("module", MODULES)
def test_attributes_say_what_kind_of_module_it_is(module: str) -> None:
    kind = ".info_module" if module.endswith("_info") else ".action" if module in ACTIONS else ""
    assert [name for name in fragments(module) if "attributes" in name] == [f"aks.backup.attributes{kind}"]
    assert not (kind and "state" in contract(module).argument_spec)


def test_the_variants_of_the_attributes_differ_in_what_they_say_of_the_module_alone() -> None:
    variants = [fragment(f"aks.backup.attributes{suffix}")["attributes"] for suffix in ("", ".info_module", ".action")]
    assert all(variant.keys() == variants[0].keys() for variant in variants)
    for name in variants[0]:
        assert len({variant[name]["description"] for variant in variants}) == 1
    for name in ("action_group", "platform"):
        assert all(variant[name] == variants[0][name] for variant in variants)


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(CHAIN)))
def test_neighbours_in_the_chain_know_each_other(before: str, after: str) -> None:
    for module, other in ((before, after), (after, before)):
        also = {one.get("module") for one in block(module, "DOCUMENTATION")["seealso"]}
        assert f"aks.backup.{other}" in also


@pytest.mark.parametrize("module", MODULES)
def test_links_lead_to_the_current_pages_whatever_the_language(module: str) -> None:
    for one in block(module, "DOCUMENTATION")["seealso"]:
        if "link" in one:
            assert re.fullmatch(r"https://learn\.microsoft\.com/azure/[a-z0-9/-]+", one["link"])


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_what_destroys_come_last(module: str) -> None:
    states = [
        arguments.get("state", "present")
        for task in block(module, "EXAMPLES")
        for name, arguments in task.items()
        if name == f"aks.backup.{module}" and arguments
    ]
    assert states == sorted(states, key=lambda state: state == "absent")
    options = block(module, "DOCUMENTATION").get("options") or {}
    assert ("state" in options) == ("absent" in states), "every state has an example"
