# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Into the clusters: the kubeconfigs that AKS hands out, the API servers that they lead to, and run command.

A cluster's API server is this server under ``/_kubernetes/`` and the cluster's ID. It is journaled and faulted like
ARM. Whoever is let in may do everything: rights inside of clusters are not modelled.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import yaml

from .clock import stamp
from .errors import AzureError
from .ids import same
from .inside import inside, keep
from .kubernetes import api, kubectl, namespaces
from .provider import Reply
from .store import Record

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .world import World

PREFIX = "/_kubernetes"
PROVIDER, EVENT = "Microsoft.ContainerService", "namespace.deleted"
NAMESPACE = re.compile("/api/v1/namespaces/([^/]+)")
# The application that AKS takes tokens for where users sign in with Microsoft Entra ("kubelogin authentication").
ENTRA_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
EXTENSIONS = "Microsoft.KubernetesConfiguration/extensions"
BACKUP = "microsoft.dataprotection.kubernetes"


def kubeconfig(world: World, record: Record, user: str, base_url: str, certificate: str) -> str:
    """The file for ``clusterUser`` or ``clusterAdmin``. A cluster of the scenario may bring its own."""
    if record.hidden.get("kubeconfig"):
        return str(record.hidden["kubeconfig"])
    private = record.properties.get("apiServerAccessProfile", {}).get("enablePrivateCluster")
    # Nobody answers at the address of a private cluster.
    server = "https://localhost:9" if private else f"{base_url}{PREFIX}{record.id.text}"
    credentials: dict[str, Any] = {"token": _tokens(world, record)[user]}
    if user == "clusterUser" and "aadProfile" in record.properties:
        credentials = {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "env": None,
            "args": ["get-token", "--login", "devicecode", "--server-id", ENTRA_SERVER, "--client-id",
                     "80faf920-1908-4b52-b5ef-a8e7bedfc67a", "--tenant-id",
                     record.properties["aadProfile"]["tenantID"], "--environment", "AzurePublicCloud"]}}
    name = f"{user}_{record.id.group}_{record.name}"
    return yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "preferences": {}, "current-context": record.name,
        "clusters": [{"name": record.name, "cluster": {
            "certificate-authority-data": base64.b64encode(certificate.encode()).decode(), "server": server}}],
        "contexts": [{"name": record.name, "context": {"cluster": record.name, "user": name}}],
        "users": [{"name": name, "user": credentials}]}, sort_keys=False)


def _tokens(world: World, record: Record) -> dict[str, str]:
    if "tokens" not in record.hidden:
        record.hidden["tokens"] = {user: world.guid().replace("-", "") for user in ("clusterUser", "clusterAdmin")}
    tokens: dict[str, str] = record.hidden["tokens"]
    return tokens


def request(world: World, record: Record, method: str, path: str, body: Any, brief: bool = False) -> api.Answer:
    """Ask the API server of a cluster, as somebody whom it has let in."""
    extension = any(same(entry.properties.get("extensionType"), BACKUP)
                    for entry in world.store.children(record.id, EXTENSIONS))
    content = inside(record)
    answer = api.request(content, method, path, body, extension, stamp(world.clock.now, 0), brief)
    if method != "GET" and answer[0] < 400:
        keep(record, content)
        deleted = NAMESPACE.fullmatch(path)
        if method == "DELETE" and deleted:
            world.clock.after(namespaces.TAKES, f"{PROVIDER}:{EVENT}", {"cluster": record.id.text, "name": deleted[1]})
    return answer


def finish(world: World, payload: dict[str, Any]) -> None:
    """What the cluster's controller does some time after a namespace was deleted."""
    record = world.store.get(payload["cluster"])
    if record is not None:
        content = inside(record)
        if namespaces.finish(content, payload["name"]):
            keep(record, content)


async def answer(exchange: Exchange) -> Reply:
    """A request to the API server of a cluster."""
    exchange.server.journal.begin(exchange)
    try:
        reply = await exchange.server.faults.apply(exchange)
    except AzureError as error:
        code, body = api.status(error.status, error.message)
        reply = Reply(code, body, dict(error.headers))
    return reply or Reply(*_answer(exchange))


def _answer(exchange: Exchange) -> api.Answer:
    world = exchange.server.world
    path = unquote(exchange.path).removeprefix(PREFIX)
    # /subscriptions/S/resourceGroups/G/providers/Microsoft.ContainerService/managedClusters/C is nine parts.
    record = world.store.get("/".join(path.split("/")[:9]))
    if record is None or record.properties["powerState"]["code"] != "Running":
        return api.status(503, "the server is currently unable to handle the request")
    if not _let_in(exchange, record):
        return api.status(401, "Unauthorized")
    rest = "/" + "/".join(path.split("/")[9:])
    if exchange.raw_query:
        rest += f"?{exchange.raw_query}"
    brief = "PartialObjectMetadataList" in exchange.headers.get("Accept", "")
    return request(world, record, exchange.method, rest, exchange.body, brief)


def _let_in(exchange: Exchange, record: Record) -> bool:
    token = exchange.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    given = record.hidden.get("tokens", {})
    local = not record.properties.get("disableLocalAccounts")
    if "aadProfile" in record.properties:
        return (local and token == given.get("clusterAdmin")) or exchange.server.entra.issued(token, ENTRA_SERVER)
    return bool(token) and token in given.values()


def command(world: World, record: Record, text: str, context: str) -> tuple[int, str]:
    """What run command does: ``(exit code, logs)``. ``context`` is an archive of files in base64."""
    files = files_of(context)
    if record.hidden.get("kubeconfig"):
        return _real(text, files, record.hidden["kubeconfig"])
    return kubectl.run(text, files, lambda method, path, body: request(world, record, method, path, body))


def files_of(context: str) -> dict[str, str]:
    """The files of an archive in base64, if there is one; ValueError or BadZipFile when it cannot be read."""
    if not context:
        return {}
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(context))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _real(text: str, files: dict[str, str], config: str) -> tuple[int, str]:
    """A cluster that the scenario brings along is asked by the real kubectl."""
    words = shlex.split(text)
    if not words or words[0] != "kubectl":
        raise ValueError(f"the command {text!r}")
    with tempfile.TemporaryDirectory(prefix="aks-backup-emulator-") as name:
        folder = Path(name)
        for path, content in {**files, "config": config}.items():
            (folder / Path(path).name).write_text(content, encoding="utf-8")
        done = subprocess.run(words, cwd=folder, env={**os.environ, "HOME": name, "KUBECONFIG": str(folder / "config")},
                              text=True, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
