# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what Microsoft documents: no statement is left out, and what its rows point to is there.

That an option does something is proven by tests/lifecycle/test_options.py, and that a result is returned by
test_returns.py. Here it is about the table being true.
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any, NamedTuple

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils import _advice, _module
from tests.documented import MODULES, block, leaves
from tests.harness import ROOT

GUIDES = ROOT / "docs" / "docsite" / "rst"
TABLE = (GUIDES / "facts.rst").read_text()
STATEMENTS = 172
LABEL = "ansible_collections.aks.backup.docsite."
LEFT_OUT = "not covered: "


class Row(NamedTuple):
    number: int
    statement: str
    # What the last cell says: where it is, one entry each, or why it is nowhere.
    places: list[str]


def rows(text: str) -> list[Row]:
    """The rows of all tables, each with three cells."""
    found = re.findall(
        r"^   \* - (\d+)\n     - (.+?)\n     - (.+?)$(?=\n   \*|\n\n|\n?\Z)", text, re.MULTILINE | re.DOTALL
    )
    return [Row(int(number), _flat(statement), _places(_flat(cell))) for number, statement, cell in found]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _places(cell: str) -> list[str]:
    return [cell] if cell.startswith(LEFT_OUT) else cell.split(", ")


@functools.cache
def entry_points() -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / "aks_backup" / "meta" / "argument_specs.yml").read_text())
    return dict(specs["argument_specs"])


@functools.cache
def spec(module: str) -> dict[str, Any]:
    contract = importlib.import_module(f"ansible_collections.aks.backup.plugins.modules.{module}").CONTRACT
    return {**_module.COMMON_SPEC, **contract.argument_spec}


def labels() -> set[str]:
    return {label for file in GUIDES.glob("*.rst") for label in re.findall(r"^\.\. _([^:]+):$", file.read_text(), re.M)}


def missing(place: str) -> str | None:
    """Why a reader would not find the place; None if it is there."""
    for pattern, look in KINDS.items():
        if match := re.fullmatch(pattern, place):
            return look(*match.groups())
    return f"{place} is no kind of place"


def _of_collection(name: str) -> str | None:
    return None if name in MODULES else f"there is no module {name}"


def _option(module: str, path: str, _equals: str | None, value: str | None) -> str | None:
    return _of_collection(module) or _in_spec(spec(module), path, value, module)


def _of_role(entry: str, path: str, _equals: str | None, value: str | None) -> str | None:
    if entry not in entry_points():
        return f"there is no entry point {entry}"
    return _in_spec(entry_points()[entry]["options"], path, value, entry)


def _in_spec(options: dict[str, Any], path: str, value: str | None, owner: str) -> str | None:
    option: dict[str, Any] = {"options": options}
    items = False
    for name in path.split("."):
        plain = name.removesuffix("[]")
        # The items of a list are said to be its items where the path goes on.
        if plain not in (option.get("options") or {}) or (option.get("type") == "list") != items:
            return f"{owner} has no option {path}"
        option, items = option["options"][plain], name != plain
    if value is not None and value not in [str(choice) for choice in option.get("choices") or []]:
        return f"{path} of {owner} cannot be {value}"
    return None


def _result(module: str, path: str) -> str | None:
    if said := _of_collection(module):
        return said
    returned = {name for name, _entry in leaves(block(module, "RETURN"))}
    return None if path in returned else f"{module} does not return {path}"


def _entry_point(name: str) -> str | None:
    if name not in entry_points():
        return f"there is no entry point {name}"
    return None if (ROOT / "roles" / "aks_backup" / "tasks" / f"{name}.yml").exists() else f"{name} has no tasks"


def _advice_on(code: str) -> str | None:
    return None if code in _advice.ADVICE else f"there is no advice on {code}"


def _section(label: str) -> str | None:
    return None if label in labels() else f"no guide has {label}"


def _reason(text: str) -> str | None:
    return None if len(text.split()) >= 5 else "that is no reason"


KINDS = {
    r":ansplugin:`aks\.backup\.(\w+)#module`": _of_collection,
    r":ansopt:`aks\.backup\.(\w+)#module:([\w.\[\]]+)(=(\w+))?`": _option,
    r":ansopt:`aks\.backup\.aks_backup#role:(\w+):([\w.\[\]]+)(=(\w+))?`": _of_role,
    r":ansretval:`aks\.backup\.(\w+)#module:([\w.\[\]]+)`": _result,
    r":ref:`([\w.]+)`": _section,
    r"entry point ``(\w+)``": _entry_point,
    r"advice on ``(\w+)``": _advice_on,
    rf"{LEFT_OUT}(.+)": _reason,
}
# Not about one statement: it does for many clusters what other modules do for one.
BESIDE = ("aks_backup_fleet", "aks_namespace", "aks_namespace_info")
ROWS = rows(TABLE)


def test_each_statement_has_one_row():
    assert [row.number for row in ROWS] == list(range(1, STATEMENTS + 1))
    assert len({row.statement for row in ROWS}) == STATEMENTS
    assert all(row.statement.endswith(".") for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_what_a_row_points_to_is_there(row):
    assert [said for said in map(missing, row.places) if said] == []
    assert len(set(row.places)) == len(row.places)


def test_every_module_has_a_part_in_it():
    assert [module for module in MODULES if f"aks.backup.{module}#module" not in TABLE and module not in BESIDE] == []


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (":ansplugin:`aks.backup.aks_backup_nothing#module`", "there is no module aks_backup_nothing"),
        (":ansopt:`aks.backup.aks_backup_vault#module:colour`", "aks_backup_vault has no option colour"),
        (":ansopt:`aks.backup.aks_backup_hook#module:hooks.name`", "aks_backup_hook has no option hooks.name"),
        (":ansopt:`aks.backup.aks_backup_vault#module:state=gone`", "state of aks_backup_vault cannot be gone"),
        (":ansopt:`aks.backup.aks_backup_vault#module:location.x`", "aks_backup_vault has no option location.x"),
        (
            ":ansopt:`aks.backup.aks_backup_preflight_info#module:checks=weather`",
            "checks of aks_backup_preflight_info cannot be weather",
        ),
        (":ansopt:`aks.backup.aks_backup#role:main:aks_backup_x`", "main has no option aks_backup_x"),
        (":ansopt:`aks.backup.aks_backup#role:nothing:aks_backup_x`", "there is no entry point nothing"),
        (":ansretval:`aks.backup.aks_backup_vault#module:resource.colour`", "does not return resource.colour"),
        (":ansretval:`aks.backup.aks_backup_job_info#module:jobs.id`", "does not return jobs.id"),
        (f":ref:`{LABEL}guide_nothing`", f"no guide has {LABEL}guide_nothing"),
        ("entry point ``nothing``", "there is no entry point nothing"),
        ("advice on ``NoSuchCode``", "there is no advice on NoSuchCode"),
        ("not covered: because", "that is no reason"),
        ("somewhere", "is no kind of place"),
    ],
)
def test_a_row_that_points_nowhere_is_found(place, said):
    assert said in (missing(place) or "")


def test_a_cell_that_is_forgotten_is_found():
    assert [row.number for row in rows(TABLE.replace("     - The interval", "     The interval"))] != list(
        range(1, STATEMENTS + 1)
    )


def test_the_troubleshooting_guide_has_the_advice_of_the_modules():
    guide = (GUIDES / "guide_troubleshooting.rst").read_text()
    written = re.findall(r"^``(\w+)``\n((?:    .+\n)+)", guide, re.MULTILINE)
    assert {code: _flat(text).replace("\\*", "*") for code, text in written} == _advice.ADVICE
    assert [code for code, _text in written] == list(_advice.ADVICE)
