# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to the API server of a cluster. Private to the collection.

Two doors: HTTPS, with a kubeconfig of the user's or one fetched from AKS, and commands that AKS runs inside of a
cluster that cannot be reached from here. Signing in by kubeconfig is left to the Python package kubernetes, which
kubernetes.core uses as well; it is imported when a door is opened.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import shlex
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Params, refuse_unknown
from ansible_collections.aks.backup.plugins.module_utils._resources.common import cluster_id

# Seconds for one request; an API server answers such small ones at once or not at all.
REQUEST_TIMEOUT = 30.0
# The application that AKS clusters with Microsoft Entra sign-in take tokens for; the same in all tenants. Source:
# https://learn.microsoft.com/azure/aks/kubelogin-authentication
ENTRA_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
# Reason -> HTTP status, for kubectl, which prints the reason only.
STATUS = {"AlreadyExists": 409, "Conflict": 409, "Forbidden": 403, "Invalid": 422, "NotFound": 404,
          "ServiceUnavailable": 503, "TooManyRequests": 429, "Unauthorized": 401, "BadRequest": 400}  # fmt: skip
VERBS = {"DELETE": "delete", "GET": "get", "POST": "create", "PUT": "replace"}
REFUSAL = re.compile(r"^Error from server(?: \((\w+)\))?: (.*)", re.MULTILINE | re.DOTALL)
# What an object holds is refused in other words than everything else.
INVALID = re.compile(r"^(The .* is invalid: .*)", re.MULTILINE | re.DOTALL)


# Of lists no more than what their objects are called has to come over, by HTTPS. Source:
# https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
BRIEF = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Objects in a page of a list.
PAGE = 500


class Answer(NamedTuple):
    """``body`` is the object, or a Kubernetes Status with reason and message; ``text`` what came instead of JSON."""

    status: int
    body: Document
    text: str = ""


class Kind(NamedTuple):
    """``resource`` is the plural name with the group, ``singular`` that of one object as kubectl prints it, ``api`` the
    path of group and version.
    """

    resource: str
    singular: str
    api: str


# Sends what it is given, for as long as the API server asks for patience, and raises when it refuses.
Ask = Callable[[Callable[[], Answer], str], Answer]


class Door(Protocol):
    def send(self, method: str, path: str, body: Document | None = None) -> Answer: ...

    def names(self, namespace: str, kinds: Sequence[Kind], ask: Ask) -> dict[str, list[str]]:
        """Names of the objects in a namespace, by resource; of secrets and the like nothing else is read."""


@contextmanager
def opened(arm: Arm, params: Params) -> Iterator[Door]:
    """The way that ``via`` names, for as long as it is needed."""
    refuse(problems(params))
    if params["via"] == "kubeconfig":
        with _https(arm, params.get("kubeconfig"), params.get("context")) as door:
            yield door
        return
    id_ = cluster_id(params)
    cluster = refuse_unknown("cluster", arm.get(id_), id_)
    refuse(cluster_problems(params, cluster))
    if params["via"] == "run_command":
        yield Commands(arm, id_, arm.token(f"{ENTRA_SERVER}/.default") if dig(cluster, "properties.aadProfile") else "")
        return
    config = fetched(arm, id_, params["credentials"])
    private = dig(cluster, "properties.apiServerAccessProfile.enablePrivateCluster", False)
    hint = "The cluster is a private one: run where its network is reached, or use via=run_command." if private else ""
    with _https(arm, config, None, hint) as door:
        yield door


def problems(params: Params) -> list[str]:
    """What contradicts itself in the options on how to reach the cluster."""
    named = bool(params.get("cluster_id") or params.get("cluster_name"))
    if params["via"] != "kubeconfig":
        given = [name for name in ("kubeconfig", "context") if params.get(name)]
        said = [f"{name} is given, but with via={params['via']} it is not used. Set via=kubeconfig." for name in given]
        if not named:
            said.append(
                f"via={params['via']} needs the cluster: give cluster_id, or cluster_name and cluster_resource_group."
            )
        elif not params.get("cluster_id") and not params.get("subscription_id"):
            said.append("cluster_name needs a subscription_id: set the option, or AZURE_SUBSCRIPTION_ID.")
        return said
    return ["A cluster is named, but with via=kubeconfig it is the kubeconfig that does. Leave one out."] * named


def cluster_problems(params: Params, cluster: Mapping[str, Any]) -> list[str]:
    """Why this way into the cluster is closed, from its document."""
    name, said = cluster.get("name"), []
    if dig(cluster, "properties.powerState.code", "Running") != "Running":
        said.append(f"The cluster {name} is stopped, and its API server with it. Start it first.")
    if params["via"] == "run_command" and dig(cluster, "properties.apiServerAccessProfile.disableRunCommand", False):
        said.append(
            f"Run command is disabled in the cluster {name}. Enable it with 'az aks update --enable-run-command', or "
            "use another way."
        )
    local = not dig(cluster, "properties.disableLocalAccounts", False)
    if params["via"] == "aks_credentials" and params["credentials"] == "admin" and not local:
        said.append(f"The cluster {name} has no local accounts, so there are no admin credentials: use user.")
    return said


def fetched(arm: Arm, cluster: str, kind: str) -> Document:
    """A kubeconfig of the cluster as a document, in which nobody has to be asked to sign in."""
    import yaml

    if kind == "admin":
        answer = arm.consult(cluster, "listClusterAdminCredential")
    else:
        answer = arm.consult(cluster, "listClusterUserCredential", format="exec")
    files = answer.get("kubeconfigs") or []
    config = yaml.safe_load(base64.b64decode(files[0]["value"])) if files else None
    if not isinstance(config, dict):
        raise BackupError(f"Azure handed out no kubeconfig of the cluster {cluster}.", resource_id=cluster)
    return with_tokens(config, arm.token)


def with_tokens(config: Document, token: Callable[[str], str]) -> Document:
    """The kubeconfig with tokens of ours in place of calls of kubelogin, which need not be installed here."""
    users = []
    for entry in config.get("users") or []:
        called = dig(entry, "user.exec", {})
        server = _after(called.get("args") or [], "--server-id")
        if server and os.path.basename(str(called.get("command"))).startswith("kubelogin"):
            entry = {**entry, "user": {"token": token(f"{server}/.default")}}
        users.append(entry)
    return {**config, "users": users}


def _after(arguments: list[str], name: str) -> str:
    return next((right for left, right in itertools.pairwise(arguments) if left == name), "")


@contextmanager
def _https(arm: Arm, config: str | Document | None, context: str | None, hint: str = "") -> Iterator[Door]:
    """A door by kubeconfig: a file, a document, or the user's usual one.

    What the package writes down of certificates and keys lies in a directory that only this user can read, and goes
    away with the door.
    """
    try:
        from kubernetes import client
        from kubernetes.client import rest
        from kubernetes.config import kube_config
        from kubernetes.config.config_exception import ConfigException
    except ImportError as exc:
        raise Refused("The Python package kubernetes is needed where this task runs: pip install kubernetes") from exc

    with tempfile.TemporaryDirectory(prefix="aks_backup_") as folder:
        configuration = client.Configuration()
        load = kube_config.load_kube_config_from_dict if isinstance(config, dict) else kube_config.load_kube_config
        try:
            load(
                config,
                context=context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
            pool = rest.RESTClientObject(configuration).pool_manager
        except (ConfigException, OSError, ValueError, TypeError, KeyError) as exc:
            said = str(exc).rstrip(".")
            raise Refused(f"The kubeconfig cannot be used: {said}. Check kubeconfig and context.") from exc
        try:
            yield Https(arm, configuration, pool, hint)
        finally:
            # The package remembers its files, and would take them for there when the next door is opened.
            kube_config._cleanup_temp_files()


class Https:
    """HTTPS with what the kubeconfig says of address, authorities and credentials."""

    def __init__(self, arm: Arm, configuration: Any, pool: Any, hint: str) -> None:
        self._arm, self._configuration, self._pool, self._hint = arm, configuration, pool, hint

    def names(self, namespace: str, kinds: Sequence[Kind], ask: Ask) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for kind in kinds:
            place = f"{kind.api}/namespaces/{namespace}/{kind.resource.partition('.')[0]}"
            more: str | None = ""
            while more is not None:
                path = f"{place}?limit={PAGE}" + (f"&continue={quote(more)}" if more else "")
                page = ask(partial(self.send, "GET", path, accept=BRIEF), place).body
                # What the cluster is too old or too new for has no items.
                names = [dig(item, "metadata.name") for item in page.get("items") or []]
                found.setdefault(kind.resource, []).extend(names)
                more = dig(page, "metadata.continue") or None
        return found

    def send(self, method: str, path: str, body: Document | None = None, accept: str = "application/json") -> Answer:
        import urllib3

        host = self._configuration.host.rstrip("/")
        headers = {"Accept": accept, "User-Agent": "ansible-aks.backup"}
        for setting in self._configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = json.dumps(body).encode() if body is not None else None
        limit = max(0.1, min(REQUEST_TIMEOUT, self._arm.deadline.remaining()))
        # Reads are tried again by themselves; a write whose answer got lost is the engine's business.
        again = urllib3.Retry(3 if method == "GET" else 0, redirect=0, raise_on_status=False, backoff_factor=0.3)
        try:
            reply = self._pool.request(
                method, host + path, body=content, headers=headers, timeout=limit, retries=again, redirect=False
            )
        except urllib3.exceptions.HTTPError as exc:
            said = f"The API server {host} could not be reached: {exc}. {self._hint or 'Check address and network.'}"
            raise BackupError(said, resource_id=path) from exc
        return answered(reply.status, reply.data)


def answered(status: int, data: bytes) -> Answer:
    try:
        body = json.loads(data)
    except ValueError:
        body = None
    if isinstance(body, dict):
        return Answer(status, body)
    # A path that no API is served under is answered in plain text.
    reason = {404: "NotFound", 401: "Unauthorized", 403: "Forbidden"}.get(status)
    return Answer(status, {"reason": reason} if reason else {}, data.decode("utf-8", "replace"))


class Commands:
    """kubectl, run by AKS inside of the cluster, in a pod that it starts for it in the namespace aks-command.

    With ``--raw`` kubectl is nothing but HTTP verbs on paths. Source:
    https://learn.microsoft.com/azure/aks/access-private-cluster
    """

    def __init__(self, arm: Arm, cluster: str, token: str) -> None:
        self._arm, self._cluster, self._token = arm, cluster, token

    def send(self, method: str, path: str, body: Document | None = None) -> Answer:
        command = f"kubectl {VERBS[method]} --raw {shlex.quote(path)}"
        request: Document = {"command": command}
        if body is not None:
            request = {"command": f"{command} -f object.json", "context": packed({"object.json": json.dumps(body)})}
        return self._run(request)

    def names(self, namespace: str, kinds: Sequence[Kind], ask: Ask) -> dict[str, list[str]]:
        """By one command, since each takes seconds. It prints ``deployment.apps/web``."""
        wanted = ",".join(kind.resource for kind in kinds)
        command = f"kubectl get {wanted} --namespace {shlex.quote(namespace)} --output name --ignore-not-found"
        lines = ask(partial(self._run, {"command": command}), f"/api/v1/namespaces/{namespace}").text.split()
        found: dict[str, list[str]] = {kind.resource: [] for kind in kinds}
        resources = {kind.singular: kind.resource for kind in kinds}
        for singular, _slash, name in (line.partition("/") for line in lines):
            found[resources[singular]].append(name)
        return found

    def _run(self, request: Document) -> Answer:
        if self._token:
            request = {**request, "clusterToken": self._token}
        result = self._arm.consult(self._cluster, "runCommand", request).get("properties") or {}
        return understood(result.get("exitCode"), result.get("logs") or "", result.get("reason") or "", self._cluster)


def packed(files: Mapping[str, str]) -> str:
    """Files for a command, as AKS takes them: an archive in base64."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(data.getvalue()).decode()


def understood(code: int | None, logs: str, reason: str, cluster: str) -> Answer:
    """What kubectl has printed, as the API server must have said it."""
    if code == 0:
        return answered(200, logs.encode())
    refusal = REFUSAL.search(logs)
    if refusal and refusal[1] in STATUS:
        return Answer(STATUS[refusal[1]], {"reason": refusal[1], "message": refusal[2].strip()})
    if invalid := INVALID.search(logs):
        return Answer(STATUS["Invalid"], {"reason": "Invalid", "message": invalid[1].strip()})
    said = (logs or reason).strip() or "it does not say why"
    raise BackupError(
        f"AKS could not carry out the command in the cluster {cluster}: {said} (exit code {code}). "
        f"Check that its nodes can start a pod in the namespace aks-command.",
        resource_id=cluster,
    )
