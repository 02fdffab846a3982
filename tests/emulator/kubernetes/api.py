# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server of a cluster: HTTP verbs on paths, over the cluster's inside.

Sources: "Kubernetes API Concepts" and the API conventions (Status and its reasons); the wording is that of a
kube-apiserver 1.20. Single objects and lists of a namespace; lists across namespaces, selectors, watches, patches and
server-side apply are not modelled: 501.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import yaml

from . import namespaces
from .cluster import Cluster
from .objects import BACKUP_GROUP, KINDS, Object, group_of, name_of, namespace_of

Answer = tuple[int, Any]

PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?(?:/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?)?"
)
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
           409: "AlreadyExists", 422: "Invalid", 429: "TooManyRequests", 501: "NotImplemented",
           503: "ServiceUnavailable"}
TYPES: dict[str, Any] = {"array": list, "integer": int, "object": dict, "string": str}
# Versions of the groups that are served, beside those of custom resources.
VERSIONS = {"": "v1", "apps": "v1", "autoscaling": "v1", "batch": "v1", "networking.k8s.io": "v1", "policy": "v1",
            "rbac.authorization.k8s.io": "v1", BACKUP_GROUP: "v1alpha1"}


def status(code: int, message: str, reason: str = "") -> Answer:
    """A refusal as the API server words it."""
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                  "reason": reason or REASONS.get(code, "InternalError"), "code": code}


@cache
def definitions() -> Mapping[str, Any]:
    """Kind of a custom resource -> its schema."""
    text = pathlib.Path(__file__).with_name("crds.yml").read_text(encoding="utf-8")
    return {document["spec"]["names"]["kind"]: document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            for document in yaml.safe_load(text)["items"]}


def request(cluster: Cluster, method: str, path: str, body: Any = None, extension: bool = True,
            now: str = "2026-01-05T00:00:00Z", brief: bool = False) -> Answer:
    """Answer a request: ``(HTTP status, JSON or text)``. ``extension``: whether the backup extension is there, which
    brings the kinds of its objects. ``now`` is written to what is deleted. ``brief``: lists hold metadata only."""
    path, dummy, query = path.partition("?")
    found = PATH.fullmatch(path)
    group = (found["group"] or "") if found else ""
    if not found or VERSIONS.get(group) != found["version"] or (group == BACKUP_GROUP and not extension):
        return 404, "404 page not found\n"
    resource, namespace, name = found["resource"], found["namespace"] or "", found["name"] or ""
    if resource is None:
        return 200, {"kind": "APIResourceList", "groupVersion": f"{group}/v1".lstrip("/"), "resources": []}
    if resource == "namespaces" and not group and not namespace:
        kind: str | None = "Namespace"
    else:
        kind = next((kind for kind, facts in KINDS.items() if facts == (group, resource, bool(namespace))), None)
    if kind is None and any(facts[:2] == (group, resource) for facts in KINDS.values()):
        return status(501, f"the emulator does not model {method} {path}")
    if kind is None:
        return status(404, "the server could not find the requested resource")
    title = f"{resource}.{group}" if group else resource
    if method == "POST" and not name:
        return _create(cluster, kind, title, namespace, body)
    if method == "GET" and namespace and not name:
        return _list(cluster, kind, title, namespace, dict(parse_qsl(query)), brief)
    if method not in ("GET", "PUT", "DELETE") or not name or query:
        return status(501, f"the emulator does not model {method} {path}")
    here = cluster.get(title, name, namespace)
    if here is None:
        return status(404, f'{title} "{name}" not found')
    if method == "GET":
        return 200, shown(here)
    if method == "DELETE":
        return _delete(cluster, title, here, now)
    return _replace(cluster, kind, title, here, body)


def _delete(cluster: Cluster, title: str, here: Object, now: str) -> Answer:
    name, namespace = name_of(here), namespace_of(here)
    if title == "namespaces":
        if name in namespaces.PROTECTED:
            return status(403, f'namespaces "{name}" is forbidden: this namespace may not be deleted')
        return 200, shown(namespaces.terminate(cluster, name, now))
    if here["metadata"].get("finalizers"):
        cluster.put(namespaces.marked(here, now))
        return 200, shown(namespaces.marked(here, now))
    cluster.delete(title, name, namespace)
    return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


def _list(cluster: Cluster, kind: str, title: str, namespace: str, query: dict[str, str], brief: bool) -> Answer:
    """The objects of a kind in a namespace, which need not exist. In pages, by ``limit`` and ``continue``."""
    unknown = set(query) - {"continue", "limit"}
    if unknown:
        return status(501, f"the emulator does not model {', '.join(sorted(unknown))} of lists")
    every = [each for each in cluster if each["kind"] == kind and namespace_of(each) == namespace]
    start = int(base64.urlsafe_b64decode(query["continue"])) if query.get("continue") else 0
    end = start + int(query.get("limit") or len(every) or 1)
    metadata: dict[str, Any] = {"resourceVersion": "1"}
    if end < len(every):
        metadata |= {"continue": base64.urlsafe_b64encode(str(end).encode()).decode(),
                     "remainingItemCount": len(every) - end}
    # Items of a list do not repeat what the list says of them.
    items = [{key: value for key, value in shown(each).items() if key not in ("apiVersion", "kind")}
             for each in every[start:end]]
    if brief:
        items = [{"metadata": each["metadata"]} for each in items]
        return 200, {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                     "items": items}
    group = KINDS[kind][0]
    version = f"{group}/{VERSIONS[group]}".lstrip("/")
    return 200, {"kind": f"{kind}List", "apiVersion": version, "metadata": metadata, "items": items}


def _create(cluster: Cluster, kind: str, title: str, namespace: str, body: Any) -> Answer:
    refused = _refusal(kind, title, namespace, body)
    if refused:
        return refused
    above = cluster.get("namespaces", namespace) if namespace else None
    if namespace and above is None:
        return status(404, f'namespaces "{namespace}" not found')
    name = name_of(body)
    if namespaces.terminating(above):
        return status(403, f'{title} "{name}" is forbidden: unable to create new content in namespace {namespace} '
                      "because it is being terminated")
    if cluster.get(title, name, namespace) is not None:
        return status(409, f'{title} "{name}" already exists')
    if body["metadata"].get("resourceVersion"):
        return status(400, "resourceVersion should not be set on objects to be created")
    kept = _kept(body, namespace)
    cluster.put(kept)
    return 201, shown(kept)


def _replace(cluster: Cluster, kind: str, title: str, here: Object, body: Any) -> Answer:
    refused = _refusal(kind, title, namespace_of(here), body)
    if refused:
        return refused
    if name_of(body) != name_of(here):
        return status(400, "the name of the object does not match the name on the URL")
    version = body["metadata"].get("resourceVersion")
    if version and version != shown(here)["metadata"]["resourceVersion"]:
        return status(409, f'Operation cannot be fulfilled on {title} "{name_of(here)}": the object has been modified; '
                      "please apply your changes to the latest version and try again", "Conflict")
    if here.get("immutable") and (body.get("data") != here.get("data") or not body.get("immutable")):
        return _invalid(kind, title, name_of(here), ["data: Forbidden: field is immutable when `immutable` is set"])
    kept = _kept(body, namespace_of(here))
    if "x-emulator" in here:
        kept["x-emulator"] = here["x-emulator"]
    kept["metadata"].pop("deletionTimestamp", None)
    if namespaces.terminating(here):
        # Nobody takes a deletion back. The last finalizer that goes takes the object with it.
        kept = namespaces.marked(kept, here["metadata"]["deletionTimestamp"])
    cluster.put(kept)
    if namespaces.terminating(kept) and kind != "Namespace" and not kept["metadata"].get("finalizers"):
        cluster.delete(title, name_of(kept), namespace_of(kept))
        namespaces.finish(cluster, namespace_of(kept))
    return 200, shown(kept)


def _kept(body: Object, namespace: str) -> Object:
    """The object without what the server makes up itself, which ``shown`` adds; in the namespace of the path."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in ("resourceVersion", "uid")}
    if namespace:
        metadata["namespace"] = namespace
    if body["kind"] == "Namespace":
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**body, "metadata": metadata}


def shown(manifest: Object) -> Object:
    """The object as it is answered with. Its version follows from its content: equal content, equal version."""
    plain = {key: value for key, value in manifest.items() if key != "x-emulator"}
    if manifest["kind"] == "Namespace":
        plain = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}, **plain}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    metadata = {**plain["metadata"], "resourceVersion": str(int(digest[:12], 16)),
                "uid": _uid(manifest["kind"], namespace_of(manifest), name_of(manifest))}
    if metadata.get("ownerReferences"):
        metadata["ownerReferences"] = [{**each, "uid": _uid(each["kind"], namespace_of(manifest), each["name"])}
                                       for each in metadata["ownerReferences"]]
    return {**plain, "metadata": metadata}


def _uid(kind: str, namespace: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}/{namespace}/{name}"))


def _refusal(kind: str, title: str, namespace: str, body: Any) -> Answer | None:
    if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
        return status(400, f"the object provided is unrecognized: {json.dumps(body)[:100]}")
    group = KINDS[kind][0]
    version = VERSIONS[group]
    wanted = f"{group}/{version}" if group else version
    if (body.get("kind"), body.get("apiVersion")) != (kind, wanted):
        return status(400, f"{body.get('kind')} in version {json.dumps(body.get('apiVersion'))} cannot be handled as a "
                      f"{kind}: no kind {json.dumps(body.get('kind'))} is registered for version {wanted!r}")
    if namespace_of(body) not in ("", namespace):
        return status(400, "the namespace of the provided object does not match the namespace sent on the request")
    name = body["metadata"].get("name") or ""
    if not re.fullmatch(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", name):
        return _invalid(kind, title, name, [
            f'metadata.name: Invalid value: "{name}": a DNS-1123 subdomain must consist of lower case alphanumeric '
            "characters, '-' or '.'"])
    if kind == "Namespace" and ("." in name or len(name) > 63):
        return _invalid(kind, title, name, [
            f'metadata.name: Invalid value: "{name}": a DNS-1123 label must consist of lower case alphanumeric '
            "characters or '-'"])
    if group == BACKUP_GROUP and kind in definitions():
        said = list(problems(body, definitions()[kind], ""))
        if said:
            return _invalid(kind, title, name, said)
    if kind == "ConfigMap":
        wrong = [f"data[{key}]" for key, value in (body.get("data") or {}).items() if not isinstance(value, str)]
        if wrong:
            return status(400, f"ConfigMap in version {version!r} cannot be handled as a ConfigMap: {wrong[0]}: "
                          "ReadString: expects \" or n")
    return None


def _invalid(kind: str, title: str, name: str, said: list[str]) -> Answer:
    group = group_of(f"{KINDS[kind][0]}/x")
    full = f"{kind}.{group}" if group else kind
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    return status(422, f'{full} "{name}" is invalid: {text}')


def problems(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """What a value breaks of a structural schema. A real server prunes unknown members; here they are refused."""
    if value is None:
        if not schema.get("nullable"):
            yield f'{where}: Invalid value: "null": {where} must be of type {schema["type"]}: "null"'
        return
    if not isinstance(value, TYPES[schema["type"]]):
        yield f"{where}: Invalid value: {json.dumps(value)}: {where} must be of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: Unsupported value: {json.dumps(value)}: supported values: {', '.join(schema['enum'])}"
    if schema["type"] == "string" and len(value) < schema.get("minLength", 0):
        yield f"{where}: Invalid value: {json.dumps(value)}: {where} in body should be at least 1 chars long"
    if schema["type"] == "array":
        if len(value) < schema.get("minItems", 0):
            yield f"{where}: Invalid value: {len(value)}: {where} in body should have at least 1 items"
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], f"{where}[{number}]")
    if schema["type"] == "object":
        yield from _members(value, schema, where)


def _members(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name}".lstrip(".") + ": Required value"
    known, more = schema.get("properties"), schema.get("additionalProperties")
    for name, item in value.items():
        below = f"{where}.{name}".lstrip(".")
        if known and name in known:
            yield from problems(item, known[name], below)
        elif more:
            yield from problems(item, more, below)
        elif known:
            yield f"{below}: unknown field"
