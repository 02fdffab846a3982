# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules in the process of the test: the same contract, packages and HTTPS, without the seconds that Ansible takes.

For what is to be seen over many worlds. What Ansible makes of a module is for the playbooks of the other tests.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm
from ansible_collections.aks.backup.plugins.module_utils._module import Contract, connect
from tests.harness import FAST, Subscription


class Host:
    """What a contract needs of its surroundings; keeps what it is told."""

    def __init__(self, params: dict[str, Any], check_mode: bool) -> None:
        self.params, self.check_mode = params, check_mode
        self.warnings: list[str] = []
        self.lines: list[str] = []

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def log(self, msg: str) -> None:
        self.lines.append(msg)


def signing_in(subscription: Subscription, **more: Any) -> dict[str, Any]:
    """The options that the environment of a playbook would give."""
    values = subscription.environment
    return {
        "ca_bundle": values["REQUESTS_CA_BUNDLE"],
        "client_id": values["AZURE_CLIENT_ID"],
        "cloud_environment": values["AZURE_CLOUD_ENVIRONMENT"],
        "secret": values["AZURE_CLIENT_SECRET"],
        "subscription_id": subscription.id,
        "tenant": values["AZURE_TENANT_ID"],
        **FAST,
        **more,
    }


def contract(module: str) -> Contract:
    found: Contract = importlib.import_module(f"ansible_collections.aks.backup.plugins.modules.{module}").CONTRACT
    return found


def perform(
    subscription: Subscription, module: str, /, *, check: bool = False, shared: str | None = None, **options: Any
) -> dict[str, Any]:
    """The result of a module. ``shared`` is a directory in which runs share their token, as those of a playbook do."""
    of = contract(module)
    # As Ansible hands them over: validating fills in what inner options leave out, where several have the same ones.
    given = json.loads(json.dumps({**signing_in(subscription), **options}))
    validated = ArgumentSpecValidator(of.spec, **of.rules).validate(given)
    assert not validated.error_messages, validated.error_messages
    host = Host(validated.validated_parameters, check)
    result = of.perform(host, shared)
    return {**result, "warnings": host.warnings, "told": host.lines}


def azure(subscription: Subscription) -> Arm:
    """Azure's verbs, signed in to the subscription."""
    of = contract("aks_backup_fleet")
    validated = ArgumentSpecValidator(of.spec).validate({**signing_in(subscription), "clusters": []})
    return connect(validated.validated_parameters, of.packages)
