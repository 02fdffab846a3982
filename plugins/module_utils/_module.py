# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible in, Ansible out: options, check mode, result, failure. Private to the collection.

The only file of module_utils that knows Ansible, and the only place where check mode is told apart. A module is a
:class:`Contract`; it runs as a module process, or inside the controller's worker where the connection is local.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ansible_collections.aks.backup.plugins.module_utils import _auth, _cloud
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm
from ansible_collections.aks.backup.plugins.module_utils._clients import load
from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._dry_run import DryRun
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._ids import check_name
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Outcome
from ansible_collections.aks.backup.plugins.module_utils._types import Package
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline


def _environment(*names: str) -> tuple[Any, list[str]]:
    return (env_fallback, list(names))


# The options of the documentation fragments "azure" and "wait"; every module has them.
COMMON_SPEC: dict[str, Any] = {
    "access_token": {"type": "str", "no_log": True, "fallback": _environment("AZURE_ACCESS_TOKEN")},
    "ad_user": {"type": "str", "fallback": _environment("AZURE_AD_USER")},
    "auth_source": {
        "type": "str",
        "choices": ["auto", *sorted(_auth.SOURCES)],
        "default": "auto",
        "fallback": _environment("ANSIBLE_AZURE_AUTH_SOURCE"),
    },
    "auxiliary_tenant": {"type": "str", "fallback": _environment("AZURE_AUXILIARY_TENANT_ID")},
    "auxiliary_token": {"type": "str", "no_log": True, "fallback": _environment("AZURE_AUXILIARY_TOKEN")},
    "ca_bundle": {"type": "path", "fallback": _environment("REQUESTS_CA_BUNDLE")},
    "client_id": {"type": "str", "fallback": _environment("AZURE_CLIENT_ID", "ARM_CLIENT_ID")},
    "cloud_environment": {"type": "str", "fallback": _environment("AZURE_CLOUD_ENVIRONMENT")},
    "disable_instance_discovery": {
        "type": "bool",
        "default": False,
        "fallback": _environment("AZURE_DISABLE_INSTANCE_DISCOVERY"),
    },
    "oidc_token": {"type": "str", "no_log": True, "fallback": _environment("AZURE_FEDERATED_TOKEN", "ARM_OIDC_TOKEN")},
    "oidc_token_file_path": {
        "type": "path",
        "no_log": False,
        "fallback": _environment("AZURE_FEDERATED_TOKEN_FILE", "ARM_OIDC_TOKEN_FILE_PATH"),
    },
    "password": {"type": "str", "no_log": True, "fallback": _environment("AZURE_PASSWORD")},
    "poll_interval": {"type": "float", "default": 10.0},
    "profile": {"type": "str", "fallback": _environment("AZURE_PROFILE")},
    "secret": {
        "type": "str",
        "no_log": True,
        "fallback": _environment("AZURE_SECRET", "AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"),
    },
    "subscription_id": {"type": "str", "fallback": _environment("AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID")},
    "tenant": {"type": "str", "fallback": _environment("AZURE_TENANT", "AZURE_TENANT_ID", "ARM_TENANT_ID")},
    "wait_timeout": {"type": "float", "default": 3600.0},
    "x509_certificate_path": {
        "type": "path",
        "fallback": _environment(
            "AZURE_X509_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH", "ARM_CLIENT_CERTIFICATE_PATH"
        ),
    },
}

# The options of the documentation fragment "tags".
TAGS_SPEC: dict[str, Any] = {
    "append_tags": {"type": "bool", "default": True},
    "tags": {"type": "dict"},
}

# The options of the documentation fragments "cluster" and "vault": an ID, or a name and its resource group.
CLUSTER_SPEC: dict[str, Any] = {
    "cluster_id": {"type": "str"},
    "cluster_name": {"type": "str"},
    "cluster_resource_group": {"type": "str"},
}
VAULT_SPEC: dict[str, Any] = {
    "vault_id": {"type": "str"},
    "vault_name": {"type": "str"},
    "vault_resource_group": {"type": "str"},
}

# The options of the documentation fragment "kubernetes": ways into a cluster.
KUBERNETES_SPEC: dict[str, Any] = {
    **CLUSTER_SPEC,
    "context": {"type": "str"},
    "credentials": {"type": "str", "choices": ["admin", "user"], "default": "user"},
    "kubeconfig": {"type": "path"},
    "via": {"type": "str", "choices": ["aks_credentials", "kubeconfig", "run_command"], "default": "aks_credentials"},
}
KUBERNETES_RULES: dict[str, Any] = {
    "mutually_exclusive": [("cluster_id", "cluster_name")],
    "required_together": [("cluster_name", "cluster_resource_group")],
}

Work = Callable[[Arm, dict[str, Any]], Outcome]


class Host(Protocol):
    """What running a contract needs of its surroundings: AnsibleModule has it, and so has the controller's worker."""

    params: dict[str, Any]
    check_mode: bool

    def warn(self, warning: str) -> None: ...

    def log(self, msg: str) -> None: ...


@dataclass(frozen=True)
class Contract:
    """A module: its options and the work they ask for. ``packages`` are what the work imports, loaded early in the
    controller.

    ``identifies`` names the things (cluster, vault) that the options give as an ID or as a name and its group.
    ``anywhere`` is for work that may span subscriptions and does without one of its own.
    """

    work: Work
    argument_spec: Mapping[str, Any]
    packages: tuple[Package, ...] = ()
    constraints: Mapping[str, Any] = field(default_factory=dict)
    identifies: tuple[str, ...] = ()
    anywhere: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        return {**COMMON_SPEC, **self.argument_spec}

    @property
    def rules(self) -> dict[str, Any]:
        """The constraints between options as Ansible's validators take them, those of ``identifies`` included."""
        rules = {key: list(value) for key, value in self.constraints.items()}
        for kind in self.identifies:
            rules.setdefault("required_one_of", []).append((f"{kind}_id", f"{kind}_name"))
            rules.setdefault("mutually_exclusive", []).append((f"{kind}_id", f"{kind}_name"))
            rules.setdefault("required_together", []).append((f"{kind}_name", f"{kind}_resource_group"))
        return rules

    def run(self) -> None:
        """The main() of a module process."""
        module = AnsibleModule(argument_spec=self.spec, supports_check_mode=True, **self.rules)
        result = self.perform(module)
        if not module._diff:
            result.pop("diff", None)
        if result.pop("failed", False):
            module.fail_json(**result)
        module.exit_json(**result)

    def perform(self, host: Host, shared_directory: str | None = None) -> dict[str, Any]:
        """Do the work and return the task's result; the one place where errors become a failed task."""
        try:
            arm = connect(host.params, self.packages, shared_directory, self.anywhere)
        except ImportError as exc:
            return {
                "failed": True,
                "msg": missing_required_lib("azure-identity"),
                "exception": "".join(traceback.format_exception(exc)),
            }
        except BackupError as exc:
            return {"failed": True, "changed": False, "msg": exc.message, "error": exc.facts}
        arm.tell = host.log
        seen: Arm = DryRun(arm) if host.check_mode else arm
        try:
            outcome = self.work(seen, {**host.params, "subscription_id": arm.subscription_id})
        except BackupError as exc:
            return {
                "failed": True,
                "changed": any((operation["status"] or 200) < 400 for operation in seen.operations),
                "msg": exc.message,
                "error": exc.facts,
                "operations": seen.operations,
            }
        for warning in outcome.warnings:
            host.warn(warning)
        result = {"changed": outcome.changed, "operations": seen.operations, **plain(outcome.result)}
        if outcome.before is not None or outcome.after is not None:
            result["diff"] = {"before": plain(outcome.before or {}), "after": plain(outcome.after or {})}
        return result


def connect(
    given: Mapping[str, Any],
    packages: tuple[Package, ...],
    shared_directory: str | None = None,
    anywhere: bool = False,
) -> Arm:
    """Azure for options of :data:`COMMON_SPEC`; with ``anywhere``, a subscription need not be known."""
    params = _auth.with_profile(given)
    if anywhere:
        params["subscription_id"] = params.get("subscription_id") or ""
    elif not params.get("subscription_id"):
        raise Refused("subscription_id is needed: set the option, or AZURE_SUBSCRIPTION_ID in the environment.")
    if params["subscription_id"]:
        check_name("subscription", params["subscription_id"])
    if params["wait_timeout"] <= 0 or params["poll_interval"] <= 0:
        raise Refused("wait_timeout and poll_interval are seconds and must be greater than 0.")
    if params.get("ca_bundle") and not os.path.exists(params["ca_bundle"]):
        raise Refused(f"ca_bundle is {params['ca_bundle']!r}, but there is no such file where this task runs.")
    for package in packages:
        load(package)
    options: dict[str, Any] = {"connection_verify": params["ca_bundle"]} if params.get("ca_bundle") else {}
    cloud = _cloud.discover(params.get("cloud_environment") or "AzureCloud", options, shared_directory)
    return Arm(params, cloud, Deadline(params["wait_timeout"]), options, shared_directory)
