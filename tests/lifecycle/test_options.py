# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No option is parsed and ignored: each leaf of each argument spec shows itself, or has a test that is named.

The tables are in ``options/``. The options that all modules share are in ``COMMON`` below.
"""

from __future__ import annotations

import ast
import importlib
import json
from typing import Any

import pytest

from tests.harness import ROOT, Subscription, task
from tests.harness.steps import account
from tests.lifecycle.options import Proven, Shows

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
TABLES = ROOT / "tests" / "lifecycle" / "options"
COLLECTION = "ansible_collections.aks.backup.plugins"

SIGNING_IN = "tests/failures/test_signing_in.py"
COMMON = {
    "access_token": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "ad_user": Proven(f"{SIGNING_IN}::test_what_is_said_when_it_does_not_work"),
    "auth_source": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "auxiliary_tenant": Proven("tests/failures/test_guards.py::test_a_guard_in_another_tenant"),
    "auxiliary_token": Proven("tests/failures/test_guards.py::test_a_guard_in_another_tenant"),
    "ca_bundle": Proven(f"{SIGNING_IN}::test_certificates_are_verified"),
    "client_id": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "cloud_environment": Proven("tests/lifecycle/test_options.py::test_where_and_who"),
    "disable_instance_discovery": Proven(
        "tests/unit/test_auth.py::test_the_public_cloud_is_asked_about_its_own_authorities_only"
    ),
    "oidc_token": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "oidc_token_file_path": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "password": Proven(f"{SIGNING_IN}::test_what_is_said_when_it_does_not_work"),
    "poll_interval": Proven(
        "tests/unit/test_arm.py::test_between_looks_it_is_what_the_reply_asks_for_else_poll_interval"
    ),
    "profile": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
    "secret": Proven(f"{SIGNING_IN}::test_what_is_said_when_it_does_not_work"),
    "subscription_id": Proven("tests/lifecycle/test_options.py::test_where_and_who"),
    "tenant": Proven(f"{SIGNING_IN}::test_what_is_said_when_it_does_not_work"),
    "wait_timeout": Proven("tests/failures/test_retries.py::test_throttled_for_ever"),
    "x509_certificate_path": Proven(f"{SIGNING_IN}::test_each_source_when_it_is_asked_for"),
}


def table(module: str) -> Any:
    return importlib.import_module(f"tests.lifecycle.options.{module}")


def leaves(spec: dict[str, Any], path: str = "") -> set[str]:
    found = set()
    for name, option in spec.items():
        here = f"{path}.{name}" if path else name
        found |= leaves(option["options"], here) if option.get("options") else {here}
    return found


def argument_spec(module: str) -> dict[str, Any]:
    contract = importlib.import_module(f"{COLLECTION}.modules.{module}").CONTRACT
    return dict(contract.argument_spec)


def test_no_shared_option_is_forgotten():
    assert set(COMMON) == leaves(importlib.import_module(f"{COLLECTION}.module_utils._module").COMMON_SPEC)


@pytest.mark.parametrize("module", MODULES)
def test_no_option_is_forgotten(module):
    assert set(table(module).OPTIONS) == leaves(argument_spec(module))


def proofs() -> list[tuple[str, str, Proven]]:
    tables = [(module, table(module).OPTIONS) for module in MODULES if (TABLES / f"{module}.py").exists()]
    return [
        (module, option, proof)
        for module, options in [("common", COMMON), *tables]
        for option, proof in sorted(options.items())
        if isinstance(proof, Proven)
    ]


@pytest.mark.parametrize(("module", "option", "proof"), proofs(), ids=str)
def test_a_named_proof_exists(module, option, proof):
    file, name = proof.by.split("::")
    text = (ROOT / file).read_text()
    assert name in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}, proof.by
    assert option.rpartition(".")[2] in text, f"{file} does not name {option}"


@pytest.mark.parametrize("module", MODULES)
def test_every_option_shows(subscription, module):
    facts = table(module)
    rows = {option: row for option, row in facts.OPTIONS.items() if isinstance(row, Shows)}
    if not rows:
        assert facts.OPTIONS, module
        return
    base = facts.BASE(subscription)
    tasks = list(facts.BEFORE(subscription))
    plain: dict[str, str] = {}
    for option, row in rows.items():
        without = filled(subscription, laid(base, row.over or {}))
        key = json.dumps(without, sort_keys=True)
        if key not in plain:
            plain[key] = f"plain {len(plain)}"
            tasks.append(task(plain[key], module, check=True, ignore=True, **without))
        given = filled(subscription, laid(laid(base, row.over or {}), row.give))
        tasks.append(task(f"with {option}", module, check=True, ignore=True, **given))
    run = subscription.play(tasks)
    assert run.code == 0, run.output[-6000:]
    said = []
    for option, row in rows.items():
        key = json.dumps(filled(subscription, laid(base, row.over or {})), sort_keys=True)
        without, with_it = seen(run[plain[key]]), seen(run[f"with {option}"])
        shows, hides = (filled(subscription, text) for text in (row.shows, row.hides))
        assert shows or hides, f"{option}: a row has to say what it shows or hides"
        if shows and (shows in without or shows not in with_it):
            said.append(f"{option} does not make the difference {shows!r}:\n  {without[:1500]}\n  {with_it[:1500]}")
        if hides and (hides not in without or hides in with_it):
            said.append(f"{option} does not hide {hides!r}:\n  {without[:1500]}\n  {with_it[:1500]}")
    assert not said, "\n".join(said)


def test_where_and_who(emulator, subscription):
    """subscription_id and cloud_environment as options, against what the environment says."""
    other = Subscription(emulator)
    owner = {"client_id": other.environment["AZURE_CLIENT_ID"], "secret": other.environment["AZURE_CLIENT_SECRET"]}
    owner["tenant"] = other.environment["AZURE_TENANT_ID"]
    run = subscription.play(
        [
            task("there", "aks_backup_provider", subscription_id=other.id, **owner),
            task("nowhere", "aks_backup_provider", cloud_environment="https://127.0.0.1:1", ignore=True),
        ]
    ).ok()
    assert other.writes() and not run["there"].requests
    assert "127.0.0.1:1" in run["nowhere"].result["msg"] and not run["nowhere"].requests


def laid(options: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Options with others laid over them, dictionaries inside as well; None takes one away."""
    merged = dict(options)
    for name, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = laid(merged[name], value)
        else:
            merged[name] = value
    return {name: value for name, value in merged.items() if value is not None}


def filled(subscription: Subscription, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{subscription}", subscription.id).replace("{account}", account(subscription))
    if isinstance(value, dict):
        return {name: filled(subscription, item) for name, item in value.items()}
    return [filled(subscription, item) for item in value] if isinstance(value, list) else value


def seen(step: Any) -> str:
    """All that a task showed to its user and to Azure, but for the options it was given."""
    result = {name: value for name, value in step.result.items() if name not in ("invocation", "operations")}
    requests = [
        [request["method"], request["path"], request.get("query"), request.get("body")] for request in step.requests
    ]
    return json.dumps([result, requests], sort_keys=True)
