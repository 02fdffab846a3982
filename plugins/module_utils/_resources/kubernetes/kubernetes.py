# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a cluster, with the verbs of Azure Resource Manager. Private to the collection.

An object's ID is its path at the API server. So the one algorithm brings objects into their state as it does Azure's
resources, and check mode pretends here as it does there. How a request gets to the API server is the business of
``kubernetes.doors``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import dig, plain
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    reconcile,
    settled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.doors import Answer, Door, Kind, opened

# What to do about the reasons for which an API server refuses. Reasons: the Kubernetes API conventions, "status".
ADVICE = {
    "AlreadyExists": "Somebody else has created it meanwhile. Run again to take it over.",
    "Conflict": "Somebody else has changed it meanwhile. Run again.",
    "Forbidden": "Whoever the credentials are of has to get, create, update and delete such objects there: have "
    "somebody bind a role with these verbs, or use other credentials.",
    "Invalid": "The cluster knows better what such an object may hold. Compare with what its custom resource "
    "definition says; another version of the backup extension may know other fields.",
    "NotFound": "Check the namespace, and that the backup extension is installed: it brings the kinds of its objects.",
    "Unauthorized": "The API server does not know the credentials, or they have expired. Fetch fresh ones.",
}


class Api(Arm):
    """The API server of a cluster. An :class:`Arm` in its verbs only: what it reads and writes are objects."""

    def __init__(self, arm: Arm, door: Door) -> None:  # pylint: disable=super-init-not-called
        self.subscription_id, self.cloud = arm.subscription_id, arm.cloud
        self.deadline, self.interval = arm.deadline, arm.interval
        self.operations = arm.operations
        self._door = door

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        answer = self._send("GET", id_)
        return (None if answer.status == 404 else self._taken("read", id_, answer)), None

    def put(self, id_: str, body: Mapping[str, Any]) -> Document:
        """Create the object, or replace the very version of it that the body was made from."""
        if dig(body, "metadata.resourceVersion"):
            return self._change("PUT", id_, id_, plain(body))
        return self._change("POST", id_.rpartition("/")[0], id_, plain(body))

    def delete(self, id_: str, **named: Any) -> None:
        self._change("DELETE", id_, id_, None)

    def _change(self, method: str, path: str, id_: str, body: Document | None) -> Document:
        answer = self._send(method, path, body)
        self.operations.append({"method": method, "id": id_, "status": answer.status, "request_id": None})
        return self._taken("write" if body else "delete", id_, answer)

    def names(self, namespace: str, kinds: Sequence[Kind]) -> dict[str, list[str]]:
        """Names of the objects in a namespace, by resource."""
        return self._door.names(namespace, kinds, self._listed)

    def _listed(self, send: Callable[[], Answer], path: str) -> Answer:
        answer = self._patiently(send)
        if answer.status != 404:
            self._taken("list", path, answer)
        return answer

    def _send(self, method: str, path: str, body: Document | None = None) -> Answer:
        return self._patiently(lambda: self._door.send(method, path, body))

    def _patiently(self, send: Callable[[], Answer]) -> Answer:
        while True:
            answer = send()
            # The API server asks for patience in these two ways, and has done nothing then.
            if answer.status not in (429, 503):
                return answer
            self.deadline.pause(self.interval, "the cluster's API server to take more requests")

    def _taken(self, what: str, id_: str, answer: Answer) -> Document:
        """The body of an answer that is none of a refusal."""
        if answer.status < 400:
            return answer.body
        reason = str(answer.body.get("reason") or f"HTTP{answer.status}")
        said = str(answer.body.get("message") or answer.text or "it gave no reason").strip().rstrip(".")
        message = f"The cluster's API server did not {what} {id_}. {reason}: {said}."
        advice = ADVICE.get(reason)
        if advice:
            message += f" What to do: {advice}"
        raise AzureError(message, code=reason, status=answer.status, azure_message=said, advice=advice, resource_id=id_)


class Object(Resource):
    """What all objects in a cluster have in common."""

    noun = "object"
    # What the API server keeps of an object for itself.
    read_only = ("metadata.managedFields", "status", "id", "name")
    # The path of the API's group and version, and the objects' plural name.
    api = "/api/v1"

    def plural(self, params: Params) -> str:
        raise NotImplementedError

    def id(self, params: Params) -> str:
        return f"{self.api}/namespaces/{params['namespace']}/{self.plural(params)}/{params['name']}"

    def pending(self, document: Document | None) -> str | None:
        if dig(document, "metadata.deletionTimestamp"):
            return f"the {self.noun} to be gone, which somebody has deleted"
        return settled(self.noun, document)

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live is None:
            # Without the one or the other the answer is just "not found".
            arm.require(
                self.api, "API", "Install the backup extension in the cluster first, with aks_backup_extension."
            )
            self.require_namespace(arm, params["namespace"])
        return {}

    def require_namespace(self, arm: Arm, namespace: str) -> None:
        try:
            arm.require(f"/api/v1/namespaces/{namespace}", "namespace", "Create it in the cluster first.")
        except AzureError as error:
            # Who may write into a namespace need not be allowed to look at it.
            if error.code != "Forbidden":
                raise

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        return rendered(self.desired(params, facts, document), params)


def rendered(manifest: Mapping[str, Any], params: Params) -> Document:
    """What the options come to: the manifest, the same as YAML, and how other modules name the object."""
    return {
        "manifest": plain(manifest),
        "manifest_yaml": to_yaml(plain(manifest)),
        "reference": {"name": params["name"], "namespace": params["namespace"]},
    }


def to_yaml(document: Any) -> str:
    """YAML for people: in the order of the document, text of several lines as a block."""
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):  # type: ignore[name-defined]
        pass

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    # Ansible's strings are of types of its own, which YAML does not know.
    written: str = yaml.dump(json.loads(json.dumps(document)), Dumper=Dumper, sort_keys=False, width=1000)
    return written


def from_yaml(text: Any) -> Any:
    """The document in a text, or None when it is not YAML."""
    yaml = _yaml()
    try:
        return yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        return None


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as exc:
        raise Refused("The Python package PyYAML is needed where this task runs: pip install PyYAML") from exc
    return yaml


def manager(resource: Object) -> Callable[[Arm, Params], Outcome]:
    """The work of a module that is nothing but its object: brought into its state, or rendered only."""

    def work(arm: Arm, params: Params) -> Outcome:
        if params["state"] == "rendered":
            return _render(resource, params)
        with opened(arm, params) as door:
            return reconcile(arm.beside(Api(arm, door)), resource, params)

    return work


def _render(resource: Object, params: Params) -> Outcome:
    refuse(resource.problems(params, {}, None))
    manifest = resource.desired(params, {}, None)
    result = {
        "id": resource.id(params),
        "name": params["name"],
        "resource": resource.represent(manifest),
        **rendered(manifest, params),
    }
    return Outcome(False, None, None, result, resource.warnings(params, {}, manifest))
