# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces: made, labelled, deleted with all that is in them, and counted. Private to the collection.

Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/ and
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import ABSENT, Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import refuse
from ansible_collections.aks.backup.plugins.module_utils._reconcile import Facts, Outcome, Params
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.doors import Kind, opened
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.kubernetes import Api, Object
from ansible_collections.aks.backup.plugins.module_utils._resources.kubernetes.names import (
    SUBDOMAIN,
    namespace_problems,
)

# A label that a namespace bears from its creation by this collection, and that it is never given later.
MARK, MADE_HERE = "aks.backup/made-by", "aks_namespace"
# Without one of these a cluster, or its backups, would not work any more.
NEVER_DELETED = (
    "aks-command", "dataprotection-microsoft", "default", "gatekeeper-system", "kube-node-lease", "kube-public",
    "kube-system",
)  # fmt: skip
# Option -> key below metadata.
MAPPINGS = {"annotations": "annotations", "labels": "labels"}
PART = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
# What stands in the way of a namespace that is being deleted, as its controller reports it.
REMAINING = ("NamespaceContentRemaining", "NamespaceFinalizersRemaining")
FAILING = (
    "NamespaceDeletionContentFailure",
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
)

# What is counted. Secrets are left out: a right to list them is one to read them.
KINDS = (
    Kind("configmaps", "configmap", "/api/v1"),
    Kind("cronjobs.batch", "cronjob.batch", "/apis/batch/v1"),
    Kind("daemonsets.apps", "daemonset.apps", "/apis/apps/v1"),
    Kind("deployments.apps", "deployment.apps", "/apis/apps/v1"),
    Kind("ingresses.networking.k8s.io", "ingress.networking.k8s.io", "/apis/networking.k8s.io/v1"),
    Kind("jobs.batch", "job.batch", "/apis/batch/v1"),
    Kind("networkpolicies.networking.k8s.io", "networkpolicy.networking.k8s.io", "/apis/networking.k8s.io/v1"),
    Kind("persistentvolumeclaims", "persistentvolumeclaim", "/api/v1"),
    Kind("pods", "pod", "/api/v1"),
    Kind("replicasets.apps", "replicaset.apps", "/apis/apps/v1"),
    Kind("serviceaccounts", "serviceaccount", "/api/v1"),
    Kind("services", "service", "/api/v1"),
    Kind("statefulsets.apps", "statefulset.apps", "/apis/apps/v1"),
)


class Namespace(Object):
    noun = "namespace"

    def id(self, params: Params) -> str:
        return id_of(params["name"])

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        return {}

    def pending(self, document: Document | None) -> str | None:
        return self.leaving(document) if document and terminating(document) else None

    def leaving(self, document: Document) -> str:
        return f"the namespace {dig(document, 'metadata.name')} to be gone{in_the_way(document)}"

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        return problems(params)

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        return removal_problems(params, live)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        metadata: Document = {"name": params["name"]}
        for option, key in MAPPINGS.items():
            there = dig(live, f"metadata.{key}", {})
            wanted = {str(name): text_of(value) for name, value in (params.get(option) or {}).items()}
            metadata[key] = {name: value for name, value in wanted.items() if value is not None or name in there}
        if live is None:
            metadata["labels"] = {**metadata["labels"], MARK: MADE_HERE}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def differences(self, desired: Document, live: Document) -> list[Difference]:
        # A null would become an empty text.
        return [
            change._replace(after=ABSENT) if change.after is None else change
            for change in super().differences(desired, live)
        ]

    def represent(self, document: Document) -> Document:
        return represent(document)

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        if not terminating(live):
            arm.delete(id_)

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        return {}


def id_of(name: str) -> str:
    return f"/api/v1/namespaces/{name}"


def text_of(value: Any) -> str | None:
    """A label as Kubernetes takes it, which is text; what YAML has made of ``true`` and ``1`` is given back."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def terminating(document: Mapping[str, Any]) -> bool:
    return bool(dig(document, "metadata.deletionTimestamp"))


def made_here(document: Mapping[str, Any]) -> bool:
    return bool(dig(document, "metadata.labels", {}).get(MARK) == MADE_HERE)


def in_the_way(document: Mapping[str, Any]) -> str:
    """What the namespace controller says keeps the namespace, and what to do about it; empty while it says nothing."""
    said = {
        str(condition.get("type")): str(condition.get("message")).rstrip(".")
        for condition in dig(document, "status.conditions", [])
        if condition.get("status") == "True"
    }
    found = [said[kind] for kind in (*REMAINING, *FAILING) if kind in said]
    if not found:
        return ""
    advice = "Whoever has put a finalizer on an object has to take it off, or is gone and you have to."
    return f" ({'. '.join(found)}. {advice if REMAINING[1] in said else 'The cluster tries again by itself.'})"


def represent(document: Mapping[str, Any]) -> Document:
    return {
        "annotations": dig(document, "metadata.annotations", {}),
        "labels": dig(document, "metadata.labels", {}),
        "made_here": made_here(document),
        "name": dig(document, "metadata.name"),
        "phase": dig(document, "status.phase"),
    }


# What cannot work


def problems(params: Params) -> list[str]:
    """What is wrong with the name, the labels and the annotations."""
    said = namespace_problems("name", [params["name"]])
    for option in MAPPINGS:
        for key, value in (params.get(option) or {}).items():
            said += _of_the_key(option, str(key))
            if isinstance(value, (dict, list)):
                said.append(f"{option}: the value of {key} is a structure, and has to be text.")
            elif option == "labels" and value is not None and not _is_label_value(str(text_of(value))):
                said.append(
                    f"labels: {text_of(value)!r} is no value of a label. They have up to 63 letters, digits, hyphens, "
                    "underscores and dots, with a letter or digit at both ends. Take annotations for anything else."
                )
    return said


def _is_label_value(text: str) -> bool:
    return not text or bool(PART.fullmatch(text))


def _of_the_key(option: str, key: str) -> list[str]:
    if key == MARK:
        return [
            f"{option}: {MARK} tells which namespaces this module has made, and is not given by hand. Leave it out; "
            "to delete a namespace that was made in another way, there is force."
        ]
    prefix, slash, name = key.rpartition("/")
    if PART.fullmatch(name) and (not slash or SUBDOMAIN.fullmatch(prefix)):
        return []
    return [
        f"{option}: {key!r} is no key. They have up to 63 letters, digits, hyphens, underscores and dots, with a "
        "letter or digit at both ends, and may have the name of a domain and a slash before them."
    ]


def removal_problems(params: Params, live: Mapping[str, Any]) -> list[str]:
    """Why the namespace, which is there, must not be deleted."""
    name = params["name"]
    if name in NEVER_DELETED:
        return [f"The namespace {name} belongs to the cluster or to its backups, and is not deleted."]
    said = []
    if not made_here(live) and not params["force"]:
        said.append(
            f"The namespace {name} was not made by this module: it lacks the label {MARK}={MADE_HERE}. If you want it "
            "deleted all the same, set force."
        )
    if params.get("confirm_delete_data") != name:
        said.append(
            f"Everything in the namespace {name} is deleted with it, volumes included. If that is what you want, set "
            f"confirm_delete_data to {name!r}."
        )
    return said


# Reading


def read(arm: Arm, params: Params) -> Outcome:
    """Namespaces by name, each with how many objects of which kind it holds."""
    names = list(dict.fromkeys(params["names"]))
    refuse(namespace_problems("names", names))
    with opened(arm, params) as door:
        api = Api(arm, door)
        found = [document for document in map(api.get, map(id_of, names)) if document]
        shown = [
            {**represent(document), "objects": counts(api, dig(document, "metadata.name")) if params["count"] else None}
            for document in found
        ]
    return Outcome(result={"namespaces": shown})


def counts(api: Api, namespace: str) -> dict[str, int]:
    """How many objects there are of each resource, of those that there are any of."""
    return {resource: len(names) for resource, names in api.names(namespace, KINDS).items() if names}
