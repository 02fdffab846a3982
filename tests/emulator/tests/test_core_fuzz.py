# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed requests: never a 5xx that nobody asked for, never silence."""

from __future__ import annotations

import json
import socket
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.tests.clients import GROUP, Azure, scenario

SEGMENTS = st.one_of(
    st.sampled_from([
        "subscriptions", "{subscription}", "resourceGroups", GROUP, "providers", "Microsoft.DataProtection",
        "backupVaults", "v", "backupInstances", "b", "validateForBackup", "backup", "Microsoft.ContainerService",
        "managedClusters", "aks-1", "trustedAccessRoleBindings", "Microsoft.KubernetesConfiguration", "extensions",
        "Microsoft.Authorization", "roleAssignments", "roleDefinitions", "locations", "eastus", "deletedVaults",
        "operationStatus", "operationResults", "Microsoft.Storage", "storageAccounts", "blobServices", "default",
        "containers", "Microsoft.ResourceGraph", "resources", "register", "tenants", "Microsoft.Resources", "tags",
        "checkNameAvailability", "Microsoft.ManagedIdentity", "userAssignedIdentities", "backupPolicies", "locks"]),
    st.text(max_size=12))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["properties", "location", "identity", "type", "tags", "roleDefinitionId", "principalId",
                         "objectType", "policyRules", "dataSourceInfo", "backupInstance", "storageSettings", "sku",
                         "kind", "query", "extensionType", "roles", "sourceResourceId"]) | st.text(max_size=5),
        inner, max_size=4), max_leaves=12)
VERSIONS = st.sampled_from(["2025-04-01", "2025-09-01", "2025-07-01", "2025-01-01", "2025-03-01", "2022-04-01",
                            "2021-03-01", "2024-11-30", "", "x"])
METHODS = st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "FOO"])


@pytest.fixture(scope="module")
def azure(emulator):
    return Azure(emulator, scenario(clusters=[{"name": "aks-1", "resource_group": GROUP, "location": "eastus"}]))


def encode(text: str) -> str:
    from urllib.parse import quote
    return quote(text, safe="")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(METHODS, st.lists(SEGMENTS, max_size=9), JSON, VERSIONS, st.booleans())
def test_any_request_has_an_answer_that_somebody_thought_of(azure, method, segments, body, version, rooted):
    path = "/".join(encode(segment.replace("{subscription}", azure.subscription)) for segment in segments)
    prefix = f"{azure.group_id}/" if rooted else "/"
    status, dummy, answer = azure.http(method, f"{prefix}{path}?api-version={version}", body)
    assert status < 500 or status == 501, answer
    if status >= 400 and method != "HEAD" and status != 406:
        assert answer, "an error has a body"


VAULT_BODIES = st.fixed_dictionaries({"location": st.just("eastus")}, optional={
    "identity": JSON, "tags": JSON, "properties": st.fixed_dictionaries({}, optional={
        "storageSettings": JSON, "securitySettings": JSON, "featureSettings": JSON, "policyRules": JSON,
        "datasourceTypes": JSON, "objectType": st.sampled_from(["BackupPolicy", "BackupInstance", "x"]),
        "dataSourceInfo": JSON, "policyInfo": JSON, "extensionType": JSON, "sourceResourceId": JSON, "roles": JSON})})
TARGETS = st.sampled_from([
    ("PUT", "Microsoft.DataProtection/backupVaults/v?api-version=2025-09-01"),
    ("PATCH", "Microsoft.DataProtection/backupVaults/v?api-version=2025-09-01"),
    ("PUT", "Microsoft.DataProtection/backupVaults/v/backupPolicies/p?api-version=2025-09-01"),
    ("PUT", "Microsoft.DataProtection/backupVaults/v/backupInstances/b?api-version=2025-09-01"),
    ("POST", "Microsoft.DataProtection/backupVaults/v/validateForBackup?api-version=2025-09-01"),
    ("PUT", "Microsoft.ContainerService/managedClusters/aks-1/trustedAccessRoleBindings/b?api-version=2025-01-01"),
    ("PUT", "Microsoft.ContainerService/managedClusters/aks-1/providers/Microsoft.KubernetesConfiguration/extensions/e"
            "?api-version=2025-03-01"),
])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(TARGETS, VAULT_BODIES)
def test_bodies_that_are_nearly_right(azure, target, body):
    method, rest = target
    azure.http("PUT", f"{azure.group_id}/providers/Microsoft.DataProtection/backupVaults/v?api-version=2025-09-01", {
        "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0}}}})
    status, dummy, answer = azure.http(method, f"{azure.group_id}/providers/{rest}", body)
    assert status < 500 or status == 501, answer


@pytest.mark.parametrize("raw", [
    b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PUT /subscriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"PUT /subscriptions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
    b"POST /_emulator/clock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n{]}",
])
def test_bytes_that_are_not_http(azure, raw):
    context = ssl.create_default_context(cafile=str(azure.emulator.ca_file))
    port = int(azure.emulator.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as secure:
        secure.sendall(raw)
        answer = secure.recv(65536)
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert 400 <= status < 500, answer


def test_a_body_that_is_too_large(azure):
    body = json.dumps({"location": "x" * (5 * 2 ** 20)}).encode()
    try:
        status = azure.http("PUT", f"{azure.scope}/resourceGroups/rg?api-version=2025-04-01", raw=body)[0]
    except OSError:
        return
    assert status == 413
