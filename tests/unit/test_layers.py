# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of the engine: a file imports only what is lower, and only the edges know Ansible or Azure."""

from __future__ import annotations

import ast
import collections.abc as c
import pathlib

import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
ENGINE = PLUGINS / "module_utils"
OWN = "ansible_collections.aks.backup.plugins.module_utils"

# From the bottom to the top. _resources is one layer: its files do not depend on each other in a circle, since
# Python itself would refuse that, and whatever they share lies lower or among them.
ORDER = (
    "_advice",
    "_errors",
    "_ids",
    "_compare",
    "_wait",
    "_pace",
    "_replies",
    "_transport",
    "_cloud",
    "_auth",
    "_types",
    "_clients",
    "_arm",
    "_dry_run",
    "_reconcile",
    "_resources",
    "_module",
)
# The files in which a package of this name may be imported.
EDGES = {"ansible": {"_module"}, "azure": {"_transport", "_cloud", "_auth", "_clients", "_arm"}}


def files() -> list[pathlib.Path]:
    return sorted(ENGINE.rglob("*.py"))


def layer(path: pathlib.Path) -> str:
    """The name in ORDER of a file: its own, or that of the folder it lies in."""
    return path.relative_to(ENGINE).with_suffix("").parts[0]


def imports(tree: ast.AST, package: str) -> c.Iterator[tuple[str, ast.stmt]]:
    """Every module that a tree may import, by full name, with the statement. package: for relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            # `from package import name`: the name may be a module of its own.
            for alias in node.names:
                yield f"{base}.{alias.name}", node


def own_layers(path: pathlib.Path) -> set[str]:
    """The layers of the engine that a file imports."""
    package = ".".join([OWN, *path.relative_to(ENGINE).parent.parts])
    return {
        name.removeprefix(OWN + ".").split(".")[0]
        for name, _node in imports(ast.parse(path.read_text()), package)
        if name.startswith(OWN + ".")
    }


def reads(tree: ast.AST, name: str) -> int:
    """How often a tree reads a value by this name: variable, attribute or key."""
    return sum(
        (isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Constant) and node.value == name)
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ENGINE)))
def test_imports_only_what_is_lower(path: pathlib.Path) -> None:
    here = layer(path)
    assert here in ORDER, f"{here} has no place in ORDER yet"
    allowed = set(ORDER[: ORDER.index(here)]) | ({here} if path.parent != ENGINE else set())
    assert own_layers(path) <= allowed


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ENGINE)))
def test_only_the_edges_know_ansible_and_azure(path: pathlib.Path) -> None:
    for name, _node in imports(ast.parse(path.read_text()), OWN):
        top = name.split(".")[0]
        assert layer(path) in EDGES.get(top, ORDER), f"{name} is imported in {path.name}"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ENGINE)))
def test_azure_is_imported_when_it_is_used(path: pathlib.Path) -> None:
    """At module level an import of Azure packages would fail where they are missing, and cost time where not."""
    tree = ast.parse(path.read_text())
    inner = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try))
        or (isinstance(outer, ast.If) and ast.unparse(outer.test).endswith("TYPE_CHECKING"))
        for node in ast.walk(outer)
    }
    assert [name for name, node in imports(tree, OWN) if name.startswith("azure.") and id(node) not in inner] == []


def test_check_mode_is_read_once() -> None:
    found = {str(path.relative_to(PLUGINS)): reads(ast.parse(path.read_text()), "check_mode") for path in files()}
    assert {name: count for name, count in found.items() if count} == {"module_utils/_module.py": 1}


@pytest.mark.parametrize("path", sorted((PLUGINS / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_modules_do_not_know_of_check_mode(path: pathlib.Path) -> None:
    assert reads(ast.parse(path.read_text()), "check_mode") == 0


@pytest.mark.parametrize(
    "source, found",
    [
        ("from . import _ids", {"_ids"}),
        ("from ._ids import parse", {"_ids"}),
        (f"from {OWN} import _ids, _arm", {"_ids", "_arm"}),
        (f"def late():\n    from {OWN}._resources.vault import Vault", {"_resources"}),
        (f"import {OWN}._module", {"_module"}),
    ],
)
def test_every_form_of_import_is_seen(source: str, found: set[str]) -> None:
    names = {name for name, _node in imports(ast.parse(source), OWN)}
    assert {name.removeprefix(OWN + ".").split(".")[0] for name in names} == found
