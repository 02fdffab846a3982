# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RETURN against results: nothing is returned that is not documented, and nothing documented that is never returned.

The results come from the modules' own work, done on documents as Azure answers with them. What Azure does with a
request is the business of the tests with the emulator; here it is the shape of what the user gets that counts.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils import _errors, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import plain
from ansible_collections.aks.backup.plugins.module_utils._dry_run import DryRun
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline
from tests.documented import MODULES, OF_ANSIBLE, block, differences, fits, leaves, reached
from tests.emulator.kubernetes import api, kubectl
from tests.unit import wire_documents as wire
from tests.unit import wire_rows

CLUSTER = {"cluster_name": "aks-east-1", "cluster_resource_group": "rg-clusters"}
VAULT = {"vault_name": "bv-east", "vault_resource_group": "rg-backup"}
ACCOUNT = {"storage_account": "stbackupeast01", "storage_account_resource_group": "rg-backup"}
IN_CLUSTER = {**CLUSTER, "via": "run_command", "name": "database", "namespace": "shop"}
SNAPSHOTS = {"snapshot_resource_group": "rg-aks-snapshots"}
DELETED_NAMESPACE = {"name": "shop", "state": "absent", "force": True, "confirm_delete_data": "shop"}
FLEET = {"cluster": {"name": "aks-east-1", "resource_group": "rg-clusters"}, "location": "eastus"}

# Module -> options of one task each, that apply to a protected cluster and to an empty subscription alike.
TASKS: dict[str, list[dict[str, Any]]] = {
    "aks_backup_extension": [
        {**CLUSTER, **ACCOUNT, "blob_container": "aks-east-1"},
        {**CLUSTER, **ACCOUNT, "blob_container": "aks-east-1", "resources": {"limits": {"memory": "4400Mi"}}},
    ],
    "aks_backup_coverage_info": [
        {"output": {"json": "coverage.json"}, "ignore_findings": ["vault_guard"]},
        {"fail_on": [{"reason": "unprotected", "max": 5}], "check_clusters": True},
    ],
    "aks_backup_extension_info": [{**CLUSTER}],
    "aks_backup_hook": [
        {**IN_CLUSTER, "kind": "backup", "hooks": wire.HOOKS, "state": "rendered"},
        {**IN_CLUSTER, "kind": "backup", "hooks": wire.HOOKS},
        {**IN_CLUSTER, "kind": "backup", "state": "absent"},
        {**IN_CLUSTER, "kind": "restore", "hooks": wire.RESTORE_HOOKS},
    ],
    "aks_backup_fleet": [
        {"clusters": [FLEET]},
        {"clusters": [FLEET], "look": True},
        {
            "clusters": [
                {
                    **FLEET,
                    "vault": {"id": wire.VAULT},
                    "policy": {"id": f"{wire.VAULT}/backupPolicies/aks-daily"},
                    "snapshot_resource_group": "rg-aks-snapshots",
                }
            ]
        },
        {"clusters": [{**FLEET, "preflight": "warn"}]},
    ],
    "aks_backup_instance": [
        {**CLUSTER, **VAULT, **SNAPSHOTS, "policy_name": "aks-daily"},
        {
            **CLUSTER,
            **VAULT,
            **SNAPSHOTS,
            "policy_name": "aks-daily",
            "identity": {"type": "UserAssigned", "user_assigned_identity_id": wire.IDENTITY},
            "tags": {"owner": "platform"},
        },
        {**CLUSTER, **VAULT, **SNAPSHOTS, "policy_name": "aks-month"},
        {**CLUSTER, **VAULT, "name": "aks-east-2-full", "state": "absent", "confirm_delete_data": "aks-east-2-full"},
        {**CLUSTER, **VAULT, "name": "aks-east-2-old", "state": "absent"},
    ],
    "aks_backup_instance_info": [{**VAULT, "include_deleted": True}, {**CLUSTER}],
    "aks_backup_job_info": [
        {**VAULT, "since": ""},
        {**VAULT, "since": "", "details": True, "latest_only": True},
        {**VAULT, "job_id": wire.JOB},
    ],
    "aks_backup_permissions": [
        {**CLUSTER, **VAULT, **ACCOUNT, **SNAPSHOTS},
        {**CLUSTER, **VAULT, **ACCOUNT, **SNAPSHOTS, "mode": "report", "vault_tier": True},
        {**CLUSTER, **VAULT, **ACCOUNT, **SNAPSHOTS, "mode": "revoke", "operation": "restore"},
    ],
    "aks_backup_policy": [
        {**VAULT, "name": "aks-daily", "policy_definition": wire.POLICY_DOCUMENT},
        {**VAULT, "name": "aks-new", "preset": "disaster_recovery"},
        {
            **VAULT,
            "name": "aks-daily",
            "preset": "disaster_recovery",
            "on_difference": "rotate",
            "simulate_days": 40,
        },
        {**VAULT, "name": "aks-unused", "state": "absent"},
    ],
    "aks_backup_policy_info": [VAULT],
    "aks_backup_preflight_info": [
        {**CLUSTER},
        {
            **CLUSTER,
            **VAULT,
            **ACCOUNT,
            **SNAPSHOTS,
            "policy_name": "aks-daily",
            "blob_container": "aks-east-1",
            "volume_types": ["AzureFileShareSMB"],
        },
    ],
    "aks_backup_provider": [{}],
    "aks_backup_resource_modifier": [
        {**IN_CLUSTER, "rules": wire.RULES},
        {**IN_CLUSTER, "name": "web", "namespace": "shop", "rules": wire.RULES, "state": "rendered"},
    ],
    "aks_backup_restore": [
        {**CLUSTER, **VAULT, "restore_configuration": {"included_namespaces": ["shop"]}},
        {**CLUSTER, **VAULT, "permissions": "grant", "wait": False},
    ],
    "aks_backup_run": [{**CLUSTER, **VAULT}, {**CLUSTER, **VAULT, "retention_tag_override": "weekly", "wait": False}],
    "aks_backup_storage": [
        {
            "resource_group": "rg-backup",
            "location": "eastus",
            "storage_account": "stbackupeast01",
            "container": "aks-east-1",
        },
        {"resource_group": "rg-backup", "location": "eastus"},
        {
            "resource_group": "rg-backup",
            "storage_account": "stbackupeast01",
            "container": "aks-east-1",
            "state": "absent",
            "confirm_delete_data": "aks-east-1",
        },
    ],
    "aks_backup_vault": [
        {"name": "bv-east", "resource_group": "rg-backup", "location": "eastus"},
        {"name": "bv-east", "resource_group": "rg-backup", "location": "eastus", "tags": {"owner": "platform"}},
        {
            "name": "bv-other",
            "resource_group": "rg-backup",
            "location": "eastus",
            "resource_guard_id": wire.GUARD,
        },
        {"name": "bv-gone", "resource_group": "rg-backup", "location": "eastus", "undelete": True},
        {"name": "bv-other", "resource_group": "rg-backup", "state": "absent"},
    ],
    "aks_backup_vault_info": [{}, {"location": "eastus", "include_deleted": True}],
    "aks_namespace": [
        {**CLUSTER, "via": "run_command", "name": "shop-drill", "labels": {"owner": "platform"}},
        {**CLUSTER, "via": "run_command", "name": "shop", "annotations": {"owner": "platform"}},
        {**CLUSTER, "via": "run_command", "name": "shop"},
        {**CLUSTER, "via": "run_command", **DELETED_NAMESPACE},
    ],
    "aks_namespace_info": [{**CLUSTER, "via": "run_command", "names": ["shop"]}],
    "aks_recovery_point_info": [{**CLUSTER, **VAULT}, {**CLUSTER, **VAULT, "datastore": "VaultStore"}],
    "aks_trusted_access_info": [{**CLUSTER}],
    "aks_trusted_access": [{**CLUSTER, **VAULT}, {**CLUSTER, **VAULT, "state": "absent"}],
}
# They start jobs, also where a plan would only say so.
ACTIONS = ("aks_backup_restore", "aks_backup_run")
# There is no job to read before there is a vault, and no vault to bring back.
NOTHING_TO_READ = {
    "aks_backup_job_info": {"job_id"},
    "aks_backup_restore": {"cluster_name"},
    "aks_backup_vault": {"undelete"},
}
# Documented paths whose keys are not ours: tags, settings and the like, and a job that is documented elsewhere.
OPEN = {
    "clusters[].found",
    "clusters[].tags",
    "deleted_vaults[].tags",
    "error.job",
    "manifest.data",
    "manifest.spec",
    "namespaces[].annotations",
    "namespaces[].labels",
    "namespaces[].objects",
    "instances[].tags",
    "policies[].definition",
    "resource.annotations",
    "resource.configuration_settings",
    "resource.hooks[].label_selector.match_labels",
    "resource.labels",
    "resource.rules[].match_labels",
    "resource.tags",
    "resource_group.tags",
    "simulation.operational.by_tag",
    "simulation.vault.by_tag",
    "storage_account.tags",
    "summary.by_datastore",
    "summary.by_operation",
    "summary.by_protection",
    "summary.by_reason",
    "summary.by_state",
    "summary.by_status",
    "vaults[].tags",
}


class Documents(Arm):
    """Azure as a collection of documents, for what lies above the client. Reads only, but for the verb of a backup."""

    def __init__(self, documents: tuple[Document, ...]) -> None:  # pylint: disable=super-init-not-called
        self.subscription_id, self.cloud, self.interval = wire.SUBSCRIPTION, None, 0.01  # type: ignore[assignment]
        self.deadline = Deadline(10)
        self.operations: list[Document] = []
        self._documents = {document["id"].lower(): document for document in documents}

    @property
    def tenant_id(self) -> str | None:
        return wire.TENANT

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        return plain(self._documents.get(id_.lower())), None

    def list_all(self, type_: str, parent_id: str, **query: Any) -> list[Document]:
        if type_ == "Microsoft.Authorization/permissions":
            return [{"actions": ["*"], "notActions": []}]
        below = parent_id.lower() + "/"
        return [
            plain(document)
            for id_, document in self._documents.items()
            if id_.startswith(below) and _ids.parse(id_).type == type_.lower()
        ]

    def consult(self, id_: str, verb: str, body: Mapping[str, Any] | None = None, **query: Any) -> Document:
        assert verb == "runCommand" and body
        code, logs = kubectl.run(
            body["command"], {}, lambda method, path, sent: api.request(wire.INSIDE, method, path, sent)
        )
        return {"properties": {"exitCode": code, "logs": logs}}

    def search(
        self, query: str, subscriptions: list[str], management_groups: list[str] | None = None, most: int | None = None
    ) -> list[Document]:
        # Resource Graph lags behind, and has seen nothing yet of what is new.
        return plain(wire_rows.answer(query)) if wire.VAULT.lower() in self._documents else []

    def post(
        self, id_: str, verb: str, body: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> Document:
        assert verb in ("backup", "restore", "validateRestore")
        self.operations.append({"method": "POST", "id": f"{id_}/{verb}", "status": 202, "request_id": "1"})
        return {"jobId": f"{wire.VAULT}/backupJobs/{wire.JOB if verb == 'backup' else wire.RESTORE_JOB}"}

    def put(self, id_: str, body: Mapping[str, Any]) -> Document:
        assert _ids.parse(id_).type == "microsoft.authorization/roleassignments"
        return {"id": id_, **plain(body)}


def result_of(module: str, options: Mapping[str, Any], arm: Arm) -> dict[str, Any]:
    """What a task with these options returns, put together as for a real one."""
    contract = importlib.import_module(f"ansible_collections.aks.backup.plugins.modules.{module}").CONTRACT
    given = {"subscription_id": wire.SUBSCRIPTION, "tenant": wire.TENANT, **options}
    validated = ArgumentSpecValidator(contract.spec, **contract.rules).validate(given)
    assert not validated.error_messages, validated.error_messages
    try:
        outcome = contract.work(arm, validated.validated_parameters)
    except _errors.BackupError as exc:
        return {"failed": True, "msg": exc.message, "error": exc.facts, "operations": arm.operations}
    result: dict[str, Any] = json.loads(json.dumps(plain(outcome.result)))
    return {"changed": outcome.changed, "operations": arm.operations, **result}


def results(module: str) -> list[dict[str, Any]]:
    """Results of a module: on a protected cluster, and of a plan for an empty subscription."""
    found = []
    for options in TASKS[module]:
        if module in ACTIONS:
            found.append(result_of(module, options, Documents(wire.PROTECTED)))
        found.append(result_of(module, options, DryRun(Documents(wire.PROTECTED))))
        if not NOTHING_TO_READ.get(module, set()) & set(options):
            found.append(result_of(module, options, DryRun(Documents(wire.EMPTY))))
    return found


def errors(module: str) -> list[dict[str, Any]]:
    """Every kind of failure that the engine tells apart."""
    body = {"error": {**wire.facing("MissingSubscriptionRegistration", "Not registered."), "additionalInfo": []}}
    raised = [
        _errors.from_response("read it", 409, json.dumps(body), {"x-ms-request-id": "1"}, wire.VAULT),
        _errors.Refused("No.", problems=["No."]),
        Deadline(1).passed("something"),
    ]
    found = [{"failed": True, "msg": one.message, "error": one.facts, "operations": []} for one in raised]
    if module in ACTIONS:
        ended = wire.JOB_DOCUMENT if module == "aks_backup_run" else wire.RESTORE_JOB_DOCUMENT
        kept = [document for document in wire.PROTECTED if document is not ended]
        failed = {**ended, "properties": {**ended["properties"], **wire.FAILED}}
        found.append(result_of(module, TASKS[module][0], Documents((*kept, failed))))
        assert found[-1]["failed"] and "job" in found[-1]["error"], found[-1]
    if module == "aks_backup_fleet":
        # Longer than Azure keeps snapshots.
        entry = {**FLEET, "policy": {"operational_retention": "P400D"}}
        found.append(result_of(module, {"clusters": [entry]}, DryRun(Documents(wire.PROTECTED))))
        assert found[-1]["failed"] and found[-1]["clusters"][0]["failed_step"] == "policy"
    if module == "aks_backup_vault":
        holding = (wire.DELETED_WITH_VAULT_DOCUMENT, {**wire.VAULT_DOCUMENT, "id": wire.DELETED_VAULT})
        options = {"name": "bv-gone", "resource_group": "rg-backup", "state": "absent"}
        found.append(result_of(module, options, DryRun(Documents(holding))))
        assert found[-1]["failed"]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_results_are_what_is_documented(module: str) -> None:
    for result in results(module):
        assert not result.get("failed"), result
        assert differences(module, result) == []
    for result in errors(module):
        assert differences(module, result) == []


@pytest.mark.parametrize("module", MODULES)
def test_everything_documented_is_returned_at_some_time(module: str) -> None:
    found = set().union(*(reached(result) for result in [*results(module), *errors(module)]))
    documented = {path for path, _entry in leaves(block(module, "RETURN"))}
    # Only a request that was really sent has a status and an ID; a task that fails has said which in its error.
    documented -= {"operations[].request_id", "operations[].status", "missing[].assignment_id"}
    if module == "aks_backup_fleet":
        # The vault here is immutable, and nothing in it can be deleted.
        documented = {path for path in documented if not path.startswith("clusters[].deleted[].")}
    if module == "aks_backup_instance":
        # Protection that failed is an error here, and what is deleted is no resource. The module's twin shows both.
        documented -= {"resource.protection_error", "resource.purge_time"}
        documented = {path for path in documented if not path.startswith("resource.protection_error.")}
    if module == "aks_backup_job_info":
        # A job that failed is followed in the module that starts one, and looks the same.
        documented = {path for path in documented if not path.startswith("jobs[].errors[].")}
    if module in ACTIONS:
        # The job of a task that fails is in its error.
        documented = {path for path in documented if not path.startswith("job.errors[].")}
        # What only restores and copies have, and is the same in lists of jobs.
        only_others = ("destination_datastore", "source_datastore", "sub_tasks[].progress_percent", "target_cluster_id")
        documented -= {f"job.{key}" for key in only_others[: 1 if module == "aks_backup_restore" else None]}
    assert documented - found == set()


def test_a_failed_job_says_why() -> None:
    failed = [document for document in wire.PROTECTED if document is not wire.JOB_DOCUMENT]
    arm = Documents((*failed, wire.FAILED_JOB_DOCUMENT))
    result = result_of("aks_backup_job_info", {**VAULT, "job_id": wire.JOB}, arm)
    assert differences("aks_backup_job_info", result) == []
    paths = {path for path, _entry in leaves(block("aks_backup_job_info", "RETURN"))}
    assert {path for path in paths if path.startswith("jobs[].errors")} <= reached(result)


@pytest.mark.parametrize("module", MODULES)
def test_every_leaf_has_a_sample_of_its_type(module: str) -> None:
    for path, entry in leaves(block(module, "RETURN")):
        if entry["type"] == "dict" and not entry.get("contains"):
            assert path in OPEN, f"{path} does not say what it contains"
        if not entry.get("contains") and path != "error.job":
            assert "sample" in entry, f"{path} has no sample"
            assert fits(entry["sample"], entry, path) == []


def test_what_every_module_returns_is_documented_alike() -> None:
    def texts(entry: dict[str, Any]) -> dict[str, Any]:
        """An entry without its samples, which belong to the module."""
        return {
            name: {key: texts(inner) for key, inner in value.items()} if name == "contains" else value
            for name, value in entry.items()
            if name != "sample"
        }

    # What lies in a cluster has a path in place of an ID, and Kubernetes does not number requests.
    in_cluster = ("aks_backup_hook", "aks_backup_resource_modifier", "aks_namespace")
    for name, special in (
        ("operations", lambda module: module.endswith("_info") or module in in_cluster),
        ("error", lambda module: False),
    ):
        entries = []
        for module in MODULES:
            entry = texts(block(module, "RETURN")[name])
            if module in ACTIONS and name == "error":
                del entry["contains"]["job"]
            if module == "aks_backup_vault" and name == "error":
                del entry["contains"]["soft_deleted_instances"]
            if not special(module):
                entries.append(entry)
        assert entries and all(entry == entries[0] for entry in entries), name


# What the comparison itself is good for


def test_a_value_that_nobody_documented_is_found() -> None:
    result = {**results("aks_backup_provider")[0], "surprise": 1}
    result["providers"][0]["more"] = 1
    said = differences("aks_backup_provider", result)
    assert said == [
        "providers[].more is returned, and is not documented",
        "surprise is returned, and is not documented",
    ]


def test_a_value_of_another_type_and_a_missing_one_are_found() -> None:
    result = results("aks_backup_provider")[0]
    result["providers"][0]["namespace"] = 7
    del result["providers"][1]["registration_state"], result["operations"]
    assert differences("aks_backup_provider", result) == [
        "providers[].namespace is documented as str, and is 7",
        "providers[].registration_state is documented without a condition, and is missing",
    ]
    del result["providers"]
    said = differences("aks_backup_provider", result)
    assert said == ["providers is documented as returned with success, and is missing"]


def test_what_ansible_adds_is_left_to_ansible() -> None:
    result = {**results("aks_backup_provider")[0], **dict.fromkeys(OF_ANSIBLE - {"failed"})}
    assert differences("aks_backup_provider", result) == []
