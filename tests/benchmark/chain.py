# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The longest chain of requests and operations that depend on each other, walked by a client that does nothing else.

No tool can protect a fresh cluster sooner: it knows everything beforehand, compares and checks nothing, and asks for
the state of an operation as soon as the last answer is there. What is beside the chain is done beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.benchmark.cloud import REGION
from tests.benchmark.meter import Cost
from tests.benchmark.peers import OPERATOR, POLICY, Sequence

VERSIONS = {
    "microsoft.authorization": "2022-04-01", "microsoft.containerservice": "2025-01-01",
    "microsoft.dataprotection": "2025-07-01", "microsoft.kubernetesconfiguration": "2023-05-01",
    "microsoft.storage": "2025-01-01",
}  # fmt: skip
GENERAL = "2025-04-01"
ROLES = {
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
}


class Bare:
    """HTTP with a token, and a connection for each thread's requests that is kept."""

    def __init__(self, signing_in: Mapping[str, str]) -> None:
        self._url = signing_in["EMULATOR_URL"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = signing_in["REQUESTS_CA_BUNDLE"]
        form = {"grant_type": "client_credentials", "client_id": signing_in["AZURE_CLIENT_ID"],
                "client_secret": signing_in["AZURE_CLIENT_SECRET"], "scope": f"{self._url}/.default"}  # fmt: skip
        reply = self._session.post(f"{self._url}/{signing_in['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form)
        self._session.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"

    def __call__(self, method: str, path: str, body: Any = None) -> requests.Response:
        namespace = path.rpartition("/providers/")[2].split("/")[0].lower() if "/providers/" in path else ""
        version = VERSIONS.get(namespace, GENERAL) if path.rpartition("/providers/")[2].count("/") > 1 else GENERAL
        url = path if path.startswith("https:") else f"{self._url}{path}?api-version={version}"
        return self._session.request(method, url, json=body, timeout=60)

    def put(self, path: str, body: Any) -> Any:
        """Until it is taken, since an identity may not be known yet, and until it is done."""
        reply = self.until(lambda: self("PUT", path, body), lambda reply: reply.status_code < 300)
        found = reply.json() if reply.content else {"properties": {"provisioningState": "Accepted"}}
        if (found.get("properties") or {}).get("provisioningState", "Succeeded") in ("Succeeded", "Provisioned"):
            return found
        return self.settled(path, lambda found: found["properties"]["provisioningState"] == "Succeeded")

    def settled(self, path: str, done: Callable[[Any], bool]) -> Any:
        return self.until(lambda: self("GET", path), lambda reply: reply.ok and done(reply.json())).json()

    @staticmethod
    def until(call: Callable[[], requests.Response], done: Callable[[requests.Response], bool]) -> requests.Response:
        end = time.monotonic() + 60
        while not done(reply := call()):
            if time.monotonic() > end:
                raise RuntimeError(f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}")
        return reply


def walk(signing_in: Mapping[str, str]) -> Cost:
    """The time that the chain takes for one cluster."""
    subscription = signing_in["AZURE_SUBSCRIPTION_ID"]
    steps = Sequence(None, subscription)  # type: ignore[arg-type]
    account = f"{steps.group}/rg-backup/providers/Microsoft.Storage/storageAccounts/{steps.account}"
    snapshots = f"{steps.group}/rg-snapshots"
    begin = time.monotonic()
    bare = Bare(signing_in)

    def assign(principal: str, role: str, scope: str, number: int) -> None:
        name = f"00000000-0000-4000-8000-{number:012}"
        definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
        body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": definition}
        bare.put(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": body})

    def beside() -> None:
        """Vault, policy, binding and the roles that do not need the extension."""
        bare.put(snapshots, {"location": REGION})
        vault = bare.put(steps.vault, {
            "location": REGION, "identity": {"type": "SystemAssigned"}, "properties": {
                "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}})  # fmt: skip
        bare.put(f"{steps.vault}/backupPolicies/weekly", {"properties": POLICY})
        cluster = bare("GET", steps.cluster).json()["identity"]["principalId"]
        principal = vault["identity"]["principalId"]
        todo = ((principal, "Reader", steps.cluster), (principal, "Reader", snapshots),
                (cluster, "Contributor", snapshots))  # fmt: skip
        for number, (who, role, scope) in enumerate(todo):
            assign(who, role, scope, number)

    for namespace in ("DataProtection", "KubernetesConfiguration"):
        bare("POST", f"/subscriptions/{subscription}/providers/Microsoft.{namespace}/register")
    for namespace in ("DataProtection", "KubernetesConfiguration"):
        provider = f"/subscriptions/{subscription}/providers/Microsoft.{namespace}"
        bare.settled(provider, lambda found: found["registrationState"] == "Registered")
    bare.put(f"{steps.group}/rg-backup", {"location": REGION})
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(beside)
        made = bare.put(account, {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
        bare.put(f"{account}/blobServices/default/containers/aks-1", {})
        extension = bare.put(steps.extension, steps.extension_body(made["properties"]["primaryEndpoints"]["blob"]))
        identity = extension["properties"]["aksAssignedIdentity"]["principalId"]
        assign(identity, "Storage Blob Data Contributor", account, 9)
        other.result()
    bare.put(f"{steps.cluster}/trustedAccessRoleBindings/backup", {"properties": {
        "sourceResourceId": steps.vault, "roles": [OPERATOR]}})  # fmt: skip
    body = steps.instance_body(snapshots)

    def admitted() -> requests.Response:
        reply = bare("POST", f"{steps.vault}/validateForBackup", {"backupInstance": body})
        monitor = reply.headers.get("Azure-AsyncOperation")
        if not monitor:
            return reply
        return bare.until(lambda: bare("GET", monitor), lambda found: found.json()["status"] != "Inprogress")

    # While the roles have no effect yet, it says so.
    bare.until(admitted, lambda reply: reply.ok and reply.json().get("status") == "Succeeded")
    bare.until(lambda: bare("PUT", steps.instance, {"properties": body}), lambda reply: reply.status_code < 300)
    bare.settled(steps.instance, lambda found: found["properties"]["currentProtectionState"] == "ProtectionConfigured")
    return Cost(time.monotonic() - begin, 0, 0)
