# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is easily forgotten in the role: a default, an option of a module, a word in the README, a use of a variable."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest
import yaml

from tests.documented import block

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "aks_backup"
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
README = (ROLE / "README.md").read_text()
TASKS = {path.stem: path.read_text() for path in (ROLE / "tasks").glob("*.yml")}
REST = (ROLE / "vars" / "main.yml").read_text() + (ROLE / "templates" / "jobs.txt.j2").read_text()
OPTIONS = {name: option for spec in SPECS.values() for name, option in spec["options"].items()}

# Variable -> the modules whose options it passes on, and the options that the role gives them by itself.
STRUCTURES = {
    "aks_backup_storage": ("aks_backup_storage", {"confirm_delete_data", "location", "state"}),
    "aks_backup_vault": (
        "aks_backup_vault",
        {"confirm_delete_data", "location", "on_instances", "resource_guard_operation_requests", "state"},
    ),
    "aks_backup_policy": (
        "aks_backup_policy",
        {"in_use_check", "resource_guard_operation_requests", "simulate_days", "state"},
    ),
    "aks_backup_policies": (
        "aks_backup_policy",
        {"in_use_check", "resource_guard_operation_requests", "simulate_days", "state"},
    ),
    "aks_backup_extension": (
        "aks_backup_extension",
        {
            "blob_container", "force_delete", "state", "storage_account", "storage_account_id",
            "storage_account_resource_group", "storage_account_subscription_id",
        },
    ),
    "aks_backup_trusted_access": ("aks_trusted_access", {"state"}),
    "aks_backup_permissions": (
        "aks_backup_permissions",
        {
            "force_revoke", "operation", "policy_id", "policy_name", "restore_from", "snapshot_resource_group",
            "staging_resource_group", "staging_storage_account_id", "storage_account", "storage_account_id",
            "storage_account_resource_group", "storage_account_subscription_id", "vault_identity_id", "volume_types",
        },
    ),
    "aks_backup_instances": (
        "aks_backup_instance",
        {
            "confirm_delete_data", "protection", "resource_guard_operation_requests", "snapshot_resource_group",
            "state",
        },
    ),
    "aks_backup_report": ("aks_backup_coverage_info", {"cluster_ids", "output"}),
    "aks_backup_restore": ("aks_backup_restore", {"resource_guard_operation_requests"}),
    "aks_backup_run": ("aks_backup_run", {"friendly_name", "name", "wait"}),
}  # fmt: skip
# Where some of the module's options are in a fragment of the documentation.
FRAGMENTS = {"aks_backup_report": "fleet"}
# What brings something along by its ID instead of having it made.
BY_ID = {"aks_backup_policy": {"id"}, "aks_backup_storage": {"storage_account_id"}, "aks_backup_vault": {"id"}}


def shape(option: dict) -> dict:
    """Type, choices and inner options, which the role has to share with the module."""
    return {
        "type": option.get("type"),
        "elements": option.get("elements"),
        "choices": sorted(option.get("choices") or []),
        "options": shapes(option.get("options") or option.get("suboptions") or {}),
    }


def shapes(options: dict, without: set[str] | None = None) -> dict:
    return {name: shape(option) for name, option in options.items() if name not in (without or set())}


def fragment(name: str) -> dict:
    """The options of a documentation fragment, read without importing it."""
    tree = ast.parse((ROOT / "plugins" / "doc_fragments" / f"{name}.py").read_text())
    [text] = [node.value.value for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return yaml.safe_load(text)["options"]


def test_every_entry_point_has_its_tasks():
    assert set(SPECS) <= set(TASKS)


def test_every_variable_without_a_default_is_required_or_says_what_follows():
    without = {name for name, option in OPTIONS.items() if "default" not in option}
    assert without == {
        "aks_backup_change_tasks",
        "aks_backup_cluster",
        "aks_backup_confirm_delete_data",
        "aks_backup_delegate_to",
        "aks_backup_drill_path",
        "aks_backup_drill_tasks",
        "aks_backup_jobs_path",
        "aks_backup_location",
        "aks_backup_max_rpo_hours",
        "aks_backup_report_path",
        "aks_backup_restore",
    }


def test_defaults_are_the_documented_ones():
    documented = {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert documented == DEFAULTS


@pytest.mark.parametrize("name", OPTIONS)
def test_readme_has_a_row(name):
    [row] = re.findall(rf"^\| `{name}` .*$", README, re.MULTILINE)
    assert [option for option in OPTIONS[name].get("options", {}) if f"`{option}`" not in row] == []


@pytest.mark.parametrize("name", OPTIONS)
def test_every_variable_and_option_is_used(name):
    text = "\n".join([*TASKS.values(), REST])
    assert name in text
    if name == "aks_backup_auth":
        return  # handed over as a whole
    # The items of a list are looped over, and the policy is the first of several.
    given = f"({name}|item)" if name == "aks_backup_policy" or OPTIONS[name]["type"] == "list" else name
    for option in OPTIONS[name].get("options", {}):
        assert re.search(rf"{given}\.{option}\b|'{option}' (not )?in {name}\b", text), f"{name}.{option} is ignored"


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_option_of_the_module_can_be_given(name):
    module, by_the_role = STRUCTURES[name]
    by_id = BY_ID.get(name, set())
    documented = {
        **block(module, "DOCUMENTATION")["options"],
        **(fragment(FRAGMENTS[name]) if name in FRAGMENTS else {}),
    }
    theirs = shapes(documented, by_the_role | by_id)
    if name == "aks_backup_permissions":
        # Taken away is what goes with the protection.
        theirs["mode"]["choices"].remove("revoke")
    assert shapes(OPTIONS[name]["options"], by_id) == theirs


# The steps that a cluster which is protected as asked for does not need.
STEPS = ("container", "extension", "instances", "permissions", "policies", "shared", "trusted_access")


def test_the_look_is_given_all_that_the_steps_are():
    """Or a change of what it is not given would be taken for none, and never made."""
    theirs = {name for step in STEPS for name in re.findall(r"\baks_backup_\w+", TASKS[step]) if name in OPTIONS}
    looked = TASKS["look"].partition("__aks_backup_entry:")[2]
    assert {name for name in theirs if not re.search(rf"\b{name}\b", looked)} == set()
    entry = block("aks_backup_fleet", "DOCUMENTATION")["options"]["clusters"]["suboptions"]
    for name in sorted(theirs & set(STRUCTURES)):
        taken = shapes(entry[name.removeprefix("aks_backup_")]["suboptions"])
        assert shapes(OPTIONS[name]["options"]) == taken, name


def test_signing_in_has_the_options_of_the_modules():
    ours, theirs = shapes(OPTIONS["aks_backup_auth"]["options"]), shapes(fragment("azure"))
    assert ours == theirs


def test_nothing_but_modules_does_the_work_and_check_mode_is_no_special_case():
    for name, text in TASKS.items():
        used = set(re.findall(r"^ *(?:- )?(ansible\.builtin\.\w+|aks\.backup\.\w+):", text, re.MULTILINE))
        theirs = {one.removeprefix("ansible.builtin.") for one in used if one.startswith("ansible.")}
        # Those two for what a report or a drill leaves where Ansible runs.
        files = {"copy", "template"} if name in ("drill_evidence", "jobs") else set()
        assert theirs <= {"assert", "debug", "import_tasks", "include_tasks", "set_fact"} | files, name
        assert "ansible_check_mode" not in text, name


def test_the_roles_loops_leave_item_to_those_who_have_the_role_in_a_loop():
    for name, text in TASKS.items():
        assert not re.search(r"\bitem\b", text), name
        assert text.count(" loop:") == text.count(" loop_var: __aks_backup_item"), name


def calls(tasks: list[dict]) -> Iterator[tuple[str, dict]]:
    for task in tasks:
        for part in ("block", "rescue", "always"):
            yield from calls(task.get(part) or [])
        for key in task:
            if key.startswith("aks.backup."):
                yield key.removeprefix("aks.backup."), task


def test_approvals_of_a_resource_guard_reach_every_module_that_takes_them():
    option, found = "resource_guard_operation_requests", set()
    for name, text in TASKS.items():
        for module, task in calls(yaml.safe_load(text)):
            if option in block(module, "DOCUMENTATION")["options"] or module == "aks_backup_fleet":
                assert f"aks_backup_{option}" in str(task), (name, module)
                found.add(module)
    assert {"aks_backup_instance", "aks_backup_policy", "aks_backup_restore", "aks_backup_vault"} <= found


def test_there_is_a_playbook_for_every_entry_point() -> None:
    """``main`` is run by the one that says what it is for."""
    for name in sorted(set(SPECS) - {"main"}):
        assert f"tasks_from: {name}\n" in (ROOT / "playbooks" / f"{name}.yml").read_text(), name


def test_nobody_becomes_another_user_where_ansible_is_configured_so() -> None:
    """Who would be without the credentials, and in a process."""
    for name in sorted(set(SPECS) - {"main"} | {"protect", "protect_fleet"}):
        [play] = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
        assert (play["become"], play["connection"], play["gather_facts"]) == (False, "local", False), name


@pytest.mark.parametrize("name", OPTIONS)
def test_readme_says_the_default(name):
    [cell] = re.findall(rf"^\| `{name}` \| ?([^|]*) ?\|", README, re.MULTILINE)
    if "default" not in OPTIONS[name]:
        assert cell.strip() == ("required" if OPTIONS[name].get("required") else "")
    else:
        # Names in a region have that in capitals.
        said = re.sub(r"{{ aks_backup_location .*}}", "REGION", str(OPTIONS[name]["default"]))
        assert cell.strip(" `").lower() == said.lower()


def facts(tasks: list[dict], meant: str) -> Iterator[set[str]]:
    """The keys of a fact, wherever tasks set it."""
    for task in tasks:
        for part in ("block", "rescue", "always"):
            yield from facts(task.get(part) or [], meant)
        found = task.get("ansible.builtin.set_fact", {}).get(meant)
        if isinstance(found, dict):
            yield set(found)


def test_readme_says_what_each_entry_point_hands_over():
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*)\|$", README.split("## Entry points")[1], re.MULTILINE))
    assert set(rows) - {"tasks_from"} == set(SPECS)
    # Tasks that others import, and the evidence, which is worked out among the variables.
    where = {"main": "result", "backup_before": "backup_now"}
    evidence = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__aks_backup_drill_evidence"]
    for entry, text in rows.items():
        meant, *keys = re.findall(r"`(\w+)`", text) or [""]
        if meant:
            tasks = yaml.safe_load(TASKS[where.get(entry, entry)])
            assert [set(keys)] == ([set(evidence)] if entry == "drill" else list(facts(tasks, meant))), entry
        else:
            assert entry in ("verify", "tasks_from")
