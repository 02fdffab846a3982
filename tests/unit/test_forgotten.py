# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is easily forgotten when a module is added: each list that must name it, and each text it must have."""

from __future__ import annotations

import ast
import inspect
import pathlib
import re

import pytest
import yaml
from azure.mgmt.resourcegraph import ResourceGraphClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))


def text_of(module: str, block: str) -> str:
    """A documentation block of a module, read without importing it."""
    for node in ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [block]:
            assert isinstance(node.value, ast.Constant), f"{block} is not a plain string"
            return str(node.value.value)
    raise AssertionError(f"{module} has no {block}")


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_there_are_modules() -> None:
    assert MODULES


def test_action_group_names_every_module_and_no_other() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]
    assert groups == {"aks_backup": MODULES}


def test_every_action_plugin_belongs_to_a_module() -> None:
    plugins = [path.stem for path in (ROOT / "plugins" / "action").glob("[!_]*.py")]
    assert sorted(plugins) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_readme_has_a_row(module: str) -> None:
    rows = re.findall(r"^\|\s*\[?`(?:aks\.backup\.)?([a-z_]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert module in rows


@pytest.mark.parametrize("module", MODULES)
def test_examples_use_the_module_by_its_full_name(module: str) -> None:
    tasks = yaml.safe_load(text_of(module, "EXAMPLES"))
    assert all(task.get("name") for task in tasks)
    assert any(f"aks.backup.{module}" in task for task in tasks)


@pytest.mark.parametrize("module", MODULES)
def test_return_values_are_documented_to_the_leaf(module: str) -> None:
    def check(path: str, value: dict) -> None:
        assert value.get("description"), f"{path} has no description"
        assert value.get("type"), f"{path} has no type"
        if value["type"] == "list":
            assert value.get("elements"), f"{path} does not say what it is a list of"
        for name, inner in (value.get("contains") or {}).items():
            check(f"{path}.{name}", inner)

    returned = yaml.safe_load(text_of(module, "RETURN")) or {}
    assert returned
    for name, value in returned.items():
        assert value.get("returned"), f"{name} does not say when it is returned"
        check(name, value)


@pytest.mark.parametrize("module", MODULES)
def test_documentation_is_complete(module: str) -> None:
    documentation = yaml.safe_load(text_of(module, "DOCUMENTATION"))
    assert documentation["module"] == module
    assert documentation["author"] == ["aks.backup contributors (!UNKNOWN)"]
    assert not documentation["short_description"].endswith(".")
    fragments = documentation["extends_documentation_fragment"]
    assert fragments and all(name.startswith("aks.backup.") for name in fragments)


def test_execution_environment_installs_what_the_modules_need() -> None:
    assert requirements("meta/ee-requirements.txt") == requirements("requirements.txt")


# Packages that the engine imports by name; those behind its table of clients are named in the table.
IMPORTED = {
    "azure.core": "azure-core",
    "azure.identity": "azure-identity",
    "azure.mgmt.core": "azure-mgmt-core",
    "isodate": "isodate",
    "kubernetes": "kubernetes",
    "yaml": "PyYAML",
}


def test_requirements_are_what_the_engine_imports() -> None:
    needed = set()
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                needed |= {
                    package
                    for name in names
                    for module, package in IMPORTED.items()
                    if name == module or name.startswith(f"{module}.")
                }
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Package":
                assert isinstance(node.args[0], ast.Constant)
                needed.add(node.args[0].value)
    assert {line.split(">=")[0] for line in requirements("requirements.txt")} == needed


def test_the_package_of_resource_graph_takes_a_document() -> None:
    """Its oldest versions take models only. What writes is tried with the oldest packages, and searches are not."""
    query = inspect.signature(ResourceGraphClient.resources).parameters["query"]
    assert "IO[bytes]" in str(query.annotation)


@pytest.mark.parametrize("name", ["requirements.txt", "test-requirements.txt"])
def test_requirements_are_sorted_lower_bounds(name: str) -> None:
    lines = requirements(name)
    assert lines == sorted(lines, key=lambda line: line.lower().split(">="))
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+>=[0-9][0-9a-z.]*", line)] == []


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT).as_posix() for folder in ("plugins", "tests") for path in (ROOT / folder).rglob("*.py")
    ),
)
def test_every_python_file_says_under_which_licence(path: str) -> None:
    lines = (ROOT / path).read_text().splitlines()
    if not lines:
        return  # ansible-test wants the __init__.py of some folders to be empty
    start = 1 if lines[0].startswith("#!") else 0
    # REUSE-IgnoreStart
    assert lines[start : start + 3] == [
        "# Copyright (c) the aks.backup contributors",
        "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "# SPDX-License-Identifier: GPL-3.0-or-later",
    ]
    # REUSE-IgnoreEnd
    assert (lines[0] == "#!/usr/bin/python") == path.startswith("plugins/modules/")
    assert "from __future__ import annotations" in lines or not any(
        line.startswith(("def ", "class ")) for line in lines
    )
