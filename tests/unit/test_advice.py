# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advice: sorted sentences, for every code that Microsoft documents for AKS backup and every one of the emulator."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _errors
from ansible_collections.aks.backup.plugins.module_utils._advice import ADVICE, CAUSES
from ansible_collections.aks.backup.plugins.module_utils._resources.backups.jobs import judge, represent, warnings
from tests.emulator.backup.errors import CATALOGUE
from tests.emulator.kubernetes.warnings import TEXTS
from tests.harness import ROOT

EMULATOR = ROOT / "tests" / "emulator"
# The error codes of Microsoft's page "Troubleshoot Azure Kubernetes Service backup and restore", and those that the
# service is known to answer with when a cluster is validated, protected, backed up or restored.
DOCUMENTED = [
    "BackupPluginDeleteBackupOperationFailed",
    "CSISnapshottingTimedOut",
    "CloudInternalError",
    "DppUserErrorVaultTierPolicyNotSupported",
    "ExtensionOperationFailed",
    "ExtensionTimedOutWaitingForBackupItemSync",
    "KubernetesBackupCustomResourcesTrackingTimeOutError",
    "KubernetesBackupGenericWarning",
    "KubernetesBackupListExtensionsError",
    "LinkedAuthorizationFailed",
    "MissingSubscriptionRegistration",
    "PrincipalNotFound",
    "RoleAssignmentExists",
    "UserErrorBMSUpdatePolicyNotSupported",
    "UserErrorBackupFailedBackupStorageLocationReadOnly",
    "UserErrorBackupPluginPodRestartedDuringBackup",
    "UserErrorBackupPluginPodRestartedDuringRestore",
    "UserErrorBackupRequestThrottled",
    "UserErrorBackupStorageLocationNotReady",
    "UserErrorDeleteBackupFailedBackupStorageLocationNotFound",
    "UserErrorDeleteBackupFailedBackupStorageLocationReadOnly",
    "UserErrorDppDatasourceAlreadyHasBackupInstance",
    "UserErrorDppDatasourceAlreadyProtected",
    "UserErrorDppPolicyObjectInUse",
    "UserErrorExtensionIdentityNotFound",
    "UserErrorExtensionMSIMissingPermissionsOnBackupStorageLocation",
    "UserErrorHookExecutionFailed",
    "UserErrorInvalidBackupDatasourceParameters",
    "UserErrorKubernetesBackupExtensionHasErrors",
    "UserErrorKubernetesBackupExtensionIdentityNotFound",
    "UserErrorKubernetesBackupExtensionNotFoundError",
    "UserErrorKubernetesBackupExtensionUnhealthy",
    "UserErrorMissingMSIPermissionsOnSnapshotResourceGroup",
    "UserErrorMissingRequiredPermissions",
    "UserErrorMissingVaultMSIPermissionsOnSnapshotRG",
    "UserErrorMultiProtectionNotAllowedWithSameVaultAndSamePolicy",
    "UserErrorNamespaceNotFound",
    "UserErrorNoDefaultBackupStorageLocationFound",
    "UserErrorPVCHasNoVolume",
    "UserErrorPVCNotBoundToVolume",
    "UserErrorPVNotFound",
    "UserErrorPVSnapshotDisallowedByPolicy",
    "UserErrorPVSnapshotLimitReached",
    "UserErrorSnapshotResourceGroupHasLocks",
    "UserErrorSourceandTargetClusterCRDVersionMismatch",
    "UserErrorStorageClassMissingForPVC",
    "UserErrorTrustedAccessGatewayReturnedForbidden",
]
# Answers to requests that the collection does not make: malformed ones, and reads and writes that it has no use for.
NOT_OURS = [
    "CannotUnregisterProvider",
    "EmulatorDefect",
    "InvalidApiVersionParameter",
    "InvalidAsyncOperationUrl",
    "InvalidFilterInQueryString",
    "InvalidQuery",
    "InvalidRequestContent",
    "InvalidResourceType",
    "InvalidRoleAssignmentId",
    "InvalidRoleDefinitionId",
    "InvalidSkipToken",
    "LockLevelNotValid",
    "LockNotFound",
    "MethodNotAllowed",
    "MissingApiVersionParameter",
    "NotModelledByEmulator",
    "PropertyChangeNotAllowed",
    "RoleDefinitionHasAssignments",
    "RoleDefinitionWithSameNameExists",
    "SubscriptionNotInactive",
    "UnsupportedMediaType",
    "UnsupportedQuery",
]
OF_BACKUP = re.compile(
    r"(UserError|DppUserError|BMSUserError|DppPluginInvalid|KubernetesBackup|CloudInternal|ScenarioPlugin"
    r"|BackupPlugin|CSISnapshotting|ExtensionTimedOut|ExtensionOperation)\w+\Z"
)


def raised(tree: ast.AST) -> Iterator[str]:
    """The codes in a file of the emulator: what follows an HTTP status in a call, a ``code`` that is spelt out, and
    every string that looks like one of Azure Backup's.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for status, code in zip(node.args, node.args[1:], strict=False):
                if isinstance(status, ast.Constant) and isinstance(status.value, int) and 200 <= status.value < 600:
                    yield from text(code)
            yield from (code for keyword in node.keywords if keyword.arg == "code" for code in text(keyword.value))
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    yield from text(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and OF_BACKUP.match(node.value):
            yield node.value


def text(node: ast.AST) -> list[str]:
    found = (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[A-Z][A-Za-z]+", node.value)
    )
    return [node.value] if found else []  # type: ignore[attr-defined]


def codes_of_the_emulator() -> set[str]:
    files = [file for file in EMULATOR.rglob("*.py") if "tests" not in file.relative_to(EMULATOR).parts]
    # Power states of clusters are codes, too; those of a scenario's faults are its own, and those of the clusters' API
    # servers are Kubernetes'.
    return {
        code
        for file in files
        if file.name not in ("access.py", "scenarios.py")
        for code in raised(ast.parse(file.read_text()))
        if code not in ("Running", "Stopped", "Unspecified", "Unknown")
    }


def test_codes_are_found() -> None:
    assert {"UserErrorPVNotFound", "AuthorizationFailed", "OperationNotAllowed", "Conflict"} <= codes_of_the_emulator()


def test_every_code_of_the_emulator_has_advice() -> None:
    assert codes_of_the_emulator() - set(ADVICE) - set(NOT_OURS) == set()


def test_what_is_said_to_be_of_no_use_is_raised_and_has_none() -> None:
    assert set(NOT_OURS) <= codes_of_the_emulator()
    assert set(NOT_OURS) & set(ADVICE) == set()


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_has_advice_and_the_sentence_says_it(code: str) -> None:
    facts = _errors.user_facing({"code": code, "message": "No.", "recommendedAction": ["Ask."]})
    assert _errors.sentence(facts) == f"{code}: No. What to do: {ADVICE[code]}"


@pytest.mark.parametrize("code", sorted({*CATALOGUE, *TEXTS}))
def test_every_error_and_warning_that_a_job_can_end_with_comes_with_what_to_do(code: str) -> None:
    """By the emulator's own tables, so that a code which does not look like one is not passed over."""
    document = {"code": code, "message": "It did not work.", "recommendedAction": []}
    properties = {"status": "Failed", "operationCategory": "Restore", "errorDetails": [document]}
    warned = {"extendedInfo": {"warningDetails": [{"resourceName": "pods/shop/web", "warning": document}]}}
    job = represent({"id": "/job", "name": "job", "properties": {**properties, **warned}})
    assert job["errors"][0]["advice"] == job["warnings"][0]["advice"] == ADVICE[code]
    with pytest.raises(_errors.AzureError, match=f"{code}: It did not work. What to do: ") as failed:
        judge(job, False)
    assert failed.value.facts["advice"] == ADVICE[code]
    (said,) = warnings(job)
    assert said.startswith(f"pods/shop/web: {code}: It did not work. What to do: ")


def test_advice_is_sorted_and_in_sentences() -> None:
    assert list(ADVICE) == sorted(ADVICE)
    for advice in [*ADVICE.values(), *(advice for _words, advice in CAUSES)]:
        assert advice[0].isupper() and advice.endswith(".") and "  " not in advice, advice


def test_advice_names_modules_that_exist() -> None:
    modules = {file.stem for file in (ROOT / "plugins" / "modules").glob("aks_*.py")}
    for advice in [*ADVICE.values(), *(advice for _words, advice in CAUSES)]:
        assert set(re.findall(r"\baks_[a-z_]+", advice)) <= modules, advice


def test_out_of_memory_names_option_and_value() -> None:
    for during in ("Backup", "Restore"):
        advice = ADVICE[f"UserErrorBackupPluginPodRestartedDuring{during}"]
        assert during.lower() in advice
        assert "Set resources.limits.memory of aks_backup_extension to 4400Mi" in advice
