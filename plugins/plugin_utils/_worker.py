# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module's contract inside the controller's worker. Private to the collection.

A module process costs a fifth of a second before it does anything; the worker is there already, and what an action
plugin imports at its top was imported once, before the controller forked. The very same contract runs in both places.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aks.backup.plugins.module_utils._clients import preload
from ansible_collections.aks.backup.plugins.module_utils._module import Contract

try:
    import azure.identity  # noqa: F401  pylint: disable=unused-import

    HAS_AZURE = True
except ImportError:
    HAS_AZURE = False

# Task variable with which a user asks for the ordinary module process.
IN_WORKER = "aks_backup_in_worker"


class WorkerHost:
    """What a contract needs of its surroundings, for a task of the worker."""

    def __init__(self, params: dict[str, Any], check_mode: bool, title: str) -> None:
        self._title = title
        self.params = params
        self.check_mode = check_mode
        self.warnings: list[str] = []

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def log(self, msg: str) -> None:
        """Show how a long job stands while it lasts. A module process, whose output is its result, logs it."""
        Display().display(f"  {self._title}: {msg}")


class ContractAction(ActionBase):
    """Base of the collection's action plugins; a subclass names its module's contract."""

    contract: Contract
    _supports_async = True
    _supports_check_mode = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Ansible loads this class in the controller before it forks, so this import is paid once per run.
        super().__init_subclass__(**kwargs)
        preload(*cls.contract.packages)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        if not self._in_worker(variables):
            # Ansible's own way of running a module, process and all.
            result.update(
                self._execute_module(
                    task_vars=task_vars, wrap_async=self._task.async_val and not self._connection.has_native_async
                )
            )
            return result
        spec = self.contract.spec
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        with _environment(environment):
            validated = ArgumentSpecValidator(spec, **self.contract.rules).validate(self._task.args)
            if validated.error_messages:
                said = "; ".join(validated.error_messages)
                if isinstance(validated.errors[0], UnsupportedError):
                    # The words of a module process; the validator itself only lists the names.
                    said = f"Unsupported parameters for ({self._task.action}) module: {said}"
                raise AnsibleActionFail(said)
            title = f"[{variables.get('inventory_hostname', '')}] {self._task.get_name()}"
            host = WorkerHost(validated.validated_parameters, self._task.check_mode, title)
            result.update(self.contract.perform(host, shared_directory=constants.DEFAULT_LOCAL_TMP))
        if host.warnings:
            result["warnings"] = host.warnings
        if not self._task.diff:
            result.pop("diff", None)
        if _shows_invocation(variables):
            result["invocation"] = {"module_args": _censored(spec, host.params)}
        cleaned: dict[str, Any] = remove_values(result, validated._no_log_values)
        return cleaned

    def _in_worker(self, variables: Mapping[str, Any]) -> bool:
        wanted = self._templar.template(variables.get(IN_WORKER, True))
        return (
            HAS_AZURE
            and boolean(wanted)
            and self._connection.transport == "local"
            and not self._task.async_val
            and not self._play_context.become
        )


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The task's ``environment`` keyword for as long as the task runs; the worker is a process of this task's own."""
    before = dict(os.environ)
    os.environ.update({key: str(value) for key, value in values.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _shows_invocation(variables: Mapping[str, Any]) -> bool:
    """Whether results of modules have their arguments: always, until ansible-core 2.21 made a setting of it."""
    setting = "INJECT_INVOCATION"
    if setting not in constants.config.get_configuration_definitions():
        return True
    return bool(constants.config.get_config_value(setting, variables=dict(variables)))


def _censored(spec: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" if value is not None and spec.get(name, {}).get("no_log") else value
        for name, value in params.items()
    }
