# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extension, storage and binding: each option reaches the document, and is a difference to one without it."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils._advice import CAUSES
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension_settings
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.binding import Binding
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster.extension import Extension, failed
from ansible_collections.aks.backup.plugins.module_utils._resources.storage import StorageAccount
from tests.unit import wire_documents as wire

SUB = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
EXTENSION = {
    "subscription_id": SUB,
    "cluster_id": CLUSTER,
    "storage_account": "st1",
    "storage_account_resource_group": "rg",
    "blob_container": "box",
    "use_aad": True,
}
FACTS = {"cluster": {"identity": {"tenantId": "t"}}, "tenant_id": None, "uri": "https://st1.blob.core.windows.net/"}
LOCATION = "configuration.backupStorageLocation."


def test_the_account_of_an_extension():
    assert extension_settings.account(wire.EXTENSION_DOCUMENT) == wire.ACCOUNT
    assert extension_settings.account({"properties": {"configurationSettings": {}}}) is None
    assert extension_settings.account(None) is None
    settings = wire.EXTENSION_DOCUMENT["properties"]["configurationSettings"]
    lower = {"properties": {"configurationSettings": {key.lower(): value for key, value in settings.items()}}}
    assert extension_settings.account(lower) == wire.ACCOUNT


def changed(resource, base, options, live):
    params = {**base, **options}
    return [change.path[1:] for change in resource.differences(resource.desired(params, FACTS, live), live)]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"release_train": "preview"}, ("releaseTrain",)),
        ({"auto_upgrade_minor_version": False}, ("autoUpgradeMinorVersion",)),
        ({"blob_container": "other"}, ("configurationSettings", f"{LOCATION}bucket")),
        ({"storage_account": "st2"}, ("configurationSettings", f"{LOCATION}config.storageAccount")),
        ({"storage_account_resource_group": "rg2"}, ("configurationSettings", f"{LOCATION}config.resourceGroup")),
        (
            {"storage_account_subscription_id": SUB.replace("1", "2")},
            ("configurationSettings", f"{LOCATION}config.subscriptionId"),
        ),
        (
            {"storage_account_uri": "https://other/"},
            ("configurationSettings", f"{LOCATION}config.storageAccountURI"),
        ),
        ({"use_aad": False}, ("configurationSettings", f"{LOCATION}config.useAAD")),
        ({"resources": {"limits": {"cpu": "2"}}}, ("configurationSettings", "resources.limits.cpu")),
        ({"resources": {"limits": {"memory": "4400Mi"}}}, ("configurationSettings", "resources.limits.memory")),
        ({"resources": {"requests": {"cpu": "1"}}}, ("configurationSettings", "resources.requests.cpu")),
        ({"resources": {"requests": {"memory": "1Gi"}}}, ("configurationSettings", "resources.requests.memory")),
        ({"extra_settings": {"image.pullPolicy": True}}, ("configurationSettings", "image.pullPolicy")),
    ],
)
def test_each_option_of_the_extension(options, path):
    live = Extension().desired(EXTENSION, FACTS, None)
    assert changed(Extension(), EXTENSION, {}, live) == []
    assert changed(Extension(), EXTENSION, options, live) == [path]


def test_a_pinned_version_does_not_upgrade_itself():
    properties = Extension().desired({**EXTENSION, "version": "0.0.3"}, FACTS, None)["properties"]
    assert (properties["version"], properties["autoUpgradeMinorVersion"]) == ("0.0.3", False)


def test_a_new_extension_is_whole_and_its_settings_are_text():
    properties = Extension().desired({**EXTENSION, "extra_settings": {"a": True, "b": 3}}, FACTS, None)["properties"]
    settings = properties["configurationSettings"]
    assert settings["credentials.tenantId"] == "t"
    assert (settings["a"], settings["b"], settings[f"{LOCATION}config.useAAD"]) == ("true", "3", "true")
    assert properties["releaseTrain"] == "stable"


ACCOUNT = {"subscription_id": SUB, "resource_group": "rg", "storage_account": "st1", "location": "eastus"}


def test_a_new_account_is_closed_and_an_existing_one_is_left_alone():
    made = StorageAccount().desired(ACCOUNT, {}, None)
    assert made["properties"]["allowSharedKeyAccess"] is made["properties"]["allowBlobPublicAccess"] is False
    open_account = {"kind": "StorageV2", "location": "eastus", "sku": {"name": "Standard_GRS"}, "properties": {}}
    assert changed(StorageAccount(), ACCOUNT, {}, open_account) == []


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"allow_shared_key_access": True}, ("allowSharedKeyAccess",)),
        ({"allow_blob_public_access": True}, ("allowBlobPublicAccess",)),
        ({"public_network_access": "Disabled"}, ("publicNetworkAccess",)),
        ({"sku": "Standard_ZRS"}, ("name",)),
        ({"tags": {"a": "1"}}, ()),
        ({"location": "westeurope"}, ()),
    ],
)
def test_each_option_of_the_account(options, path):
    live = StorageAccount().desired(ACCOUNT, {}, None)
    assert changed(StorageAccount(), ACCOUNT, options, live) == [path]


def test_the_roles_of_a_binding_are_a_set():
    params = {"cluster_id": CLUSTER, "vault_id": VAULT, "roles": ["x/a", "x/b"]}
    live = Binding().desired({**params, "roles": ["X/B", "x/a"]}, {}, None)
    assert changed(Binding(), params, {}, live) == []
    assert changed(Binding(), params, {"roles": ["x/a"]}, live) == [("roles",)]


IDENTITY = {"aksAssignedIdentity": {"principalId": "p"}}


def test_an_identity_is_waited_for_or_not():
    """The option wait_for_identity: a finished installation whose identity Azure does not show yet."""
    without = {"properties": {"provisioningState": "Succeeded"}}
    assert Extension(wait_for_identity=True).pending(without) == "the backup extension to get its identity"
    assert Extension(wait_for_identity=False).pending(without) is None
    assert Extension().pending({"properties": {"provisioningState": "Succeeded", **IDENTITY}}) is None
    assert Extension().pending({"properties": {"provisioningState": "Creating", **IDENTITY}}) is not None


@pytest.mark.parametrize(
    ("limit", "next_one"),
    [
        (None, "4400Mi"),
        ("1280Mi", "4400Mi"),
        ("4Gi", "4400Mi"),
        ("4400Mi", "8800Mi"),
        ("8Gi", "16384Mi"),
        ("6G", "11444Mi"),
        ("2147483648", "4400Mi"),
        ("plenty", None),
    ],
)
def test_the_memory_to_try_next(limit, next_one):
    assert extension_settings.memory_to_try(limit) == next_one


def reported(*statuses, **properties):
    made = [{"level": level, "code": "Report", "message": text} for level, text in statuses]
    return {"properties": {"provisioningState": "Succeeded", **IDENTITY, "statuses": made, **properties}}


def test_advice_on_what_an_extension_reports():
    assert extension_settings.advice(reported()) == []
    assert extension_settings.advice(reported(("Information", "All is well."))) == []
    said = extension_settings.advice(
        reported(("Warning", "The pod restarts."), ("Error", "failed pre-install: job failed: BackoffLimitExceeded"))
    )
    assert said[0] == "Report: The pod restarts."
    assert "Allow the namespace dataprotection-microsoft in network policies" in said[1]
    assert extension_settings.advice(None) == ["The backup extension is not installed. Run aks_backup_extension."]
    assert "has no identity" in extension_settings.advice({"properties": {"provisioningState": "Succeeded"}})[0]
    info = {"code": "ExtensionOperationFailed", "message": "dial tcp: lookup x: no such host"}
    failed = extension_settings.advice(reported(provisioningState="Failed", errorInfo=info))
    assert failed[0].startswith(info["message"]) and "in firewall and DNS" in failed[0]


@pytest.mark.parametrize(("words", "advice"), CAUSES)
def test_a_failed_extension_says_cause_and_fix(words, advice):
    document = {
        "id": "/id",
        "name": "backup",
        "properties": {
            "errorInfo": {"code": "ExtensionOperationFailed", "message": f"Error: {words}"},
            "statuses": [
                {"level": "Error", "code": "InstallationFailed", "message": "the pod is pending"},
                {"level": "Warning", "code": "Slow", "message": "it takes long"},
            ],
        },
    }
    error = failed(document)
    assert error.message == (
        f"The backup extension backup is in state Failed. ExtensionOperationFailed: Error: {words}. "
        f"It reports: the pod is pending. What to do: {advice} "
        "Delete it (state=absent) and install it again once the cause is gone, or have repair=reinstall do both."
    )
    assert error.facts == {
        "code": "ExtensionOperationFailed",
        "azure_message": f"Error: {words}",
        "advice": advice,
        "resource_id": "/id",
    }


def test_protected_settings_are_never_shown():
    secret = {"configurationProtectedSettings": {"password": "hush"}}
    assert "hush" not in str(Extension().represent({"properties": {**secret, "configurationSettings": {"a": "b"}}}))


def test_what_an_account_must_be_like():
    account = {
        "name": "st1",
        "location": "eastus",
        "kind": "BlobStorage",
        "properties": {"allowSharedKeyAccess": False},
    }
    cluster = {"name": "aks", "location": "westus", "identity": {"type": "SystemAssigned"}}
    said = Extension().problems({**EXTENSION, "use_aad": False}, {"account": account, "cluster": cluster}, None)
    assert len(said) == 3
    assert "is in eastus and the cluster aks is in westus" in said[0]
    assert "is of kind BlobStorage. The backup extension needs a general-purpose v2 account" in said[1]
    assert said[2].endswith("Leave use_aad at true.")
