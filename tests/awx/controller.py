# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of AWX's API that the modules of awx.awx need for its content, refusing what AWX 24.6.1 would refuse.

Which fields there are, of which types and with which choices, was recorded from the OPTIONS of a server of that version
(awx-24.6.1.json). The rules for surveys, schedules, prompts and playbooks are those of AWX's serializers, as far as the
content meets them. Fields and filters that are not known are refused, which AWX does not do. Nothing is ever run.
"""

from __future__ import annotations

import json
import pathlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Document = dict[str, Any]

TOKEN = "controller-token-0123456789"
RECORDED = json.loads((pathlib.Path(__file__).parent / "awx-24.6.1.json").read_text())
FIELDS: dict[str, dict[str, Document]] = {**RECORDED["fields"], "credential_types": {}}
ENCRYPTED = "$encrypted$"
# Type of a field as OPTIONS has it -> the types of JSON.
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "id": (int,), "choice": (str, int), "json": (str, dict),
}  # fmt: skip
SURVEY_TYPES = {
    "text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int,
    "float": float,
}  # fmt: skip
# Kinds of template, all of which workflows and schedules can start.
UNIFIED = {
    "job_templates": "job_template",
    "projects": "project",
    "inventory_sources": "inventory_source",
    "workflow_job_templates": "workflow_job_template",
}
# Field with an ID -> where it leads to.
LEADS_TO = {
    "credential": "credentials",
    "credential_type": "credential_types",
    "default_environment": "execution_environments",
    "execution_environment": "execution_environments",
    "inventory": "inventories",
    "organization": "organizations",
    "project": "projects",
    "source_project": "projects",
    "workflow_job_template": "workflow_job_templates",
}
ASSOCIATIONS = ("always_nodes", "credentials", "failure_nodes", "success_nodes")


class Refusal(Exception):
    """Status and body of a refusal."""

    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(status, body)
        self.status, self.body = status, body


class Controller:
    """A server on loopback with one organization. ``playbooks``: what it finds in a project."""

    def __init__(self, playbooks: set[str]) -> None:
        self.playbooks = playbooks
        self.items: dict[str, dict[int, Document]] = {endpoint: {} for endpoint in FIELDS}
        self.linked: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], Document] = {}
        self.writes: list[str] = []
        self._lock = threading.Lock()
        self._add("organizations", {"name": "Default"})
        self._add("credential_types", {key: RECORDED["credential_type"][key] for key in ("name", "kind", "inputs")})
        handler = type("Handler", (_Handler,), {"controller": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def named(self, endpoint: str, name: str) -> Document:
        (found,) = [one for one in self.items[endpoint].values() if one.get("name", one.get("identifier")) == name]
        return found

    def answer(self, method: str, target: str, body: Document) -> tuple[int, Any]:
        """Status and body of the answer; raises :class:`Refusal`."""
        parts = urlsplit(target)
        words = parts.path.removeprefix("/api/v2/").strip("/").split("/")
        with self._lock:
            if method != "GET":
                self.writes.append(f"{method} {'/'.join(words)}")
            match [method, *words]:
                case ["GET", "project_updates", _id]:
                    return 200, {"status": "successful"}
                case ["GET", endpoint]:
                    return 200, listed(self._found(endpoint, dict(parse_qsl(parts.query))))
                case ["GET", endpoint, id_]:
                    return 200, self._seen(endpoint, self._item(endpoint, id_))
                case ["POST", endpoint]:
                    return 201, self._seen(endpoint, self._add(endpoint, self._checked(endpoint, body, None)))
                case ["PATCH", endpoint, id_]:
                    item = self._item(endpoint, id_)
                    item.update(self._checked(endpoint, body, item))
                    return 200, self._seen(endpoint, item)
                case ["GET", endpoint, id_, "survey_spec"]:
                    return 200, self.surveys.get((endpoint, self._item(endpoint, id_)["id"]), {})
                case ["POST", endpoint, id_, "survey_spec"]:
                    check_survey(body)
                    self.surveys[endpoint, self._item(endpoint, id_)["id"]] = body
                    return 200, {}
                case ["DELETE", endpoint, id_, "survey_spec"]:
                    self.surveys.pop((endpoint, self._item(endpoint, id_)["id"]), None)
                    return 200, {}
                case ["GET" | "POST", endpoint, id_, association] if association in ASSOCIATIONS:
                    there = self.linked.setdefault((endpoint, self._item(endpoint, id_)["id"], association), [])
                    if method == "GET":
                        return 200, listed([{"id": one} for one in there])
                    there.remove(body["id"]) if body.get("disassociate") else there.append(body["id"])
                    return 204, None
        raise Refusal(404, detail=f"{method} {target}")

    def _item(self, endpoint: str, id_: str) -> Document:
        if found := self.items.get(endpoint, {}).get(int(id_)):
            return found
        raise Refusal(404, detail=f"{endpoint}/{id_}")

    def _add(self, endpoint: str, fields: Document) -> Document:
        defaults = {name: field.get("default") for name, field in FIELDS[endpoint].items()}
        id_ = 1 + max((one for items in self.items.values() for one in items), default=0)
        self.items[endpoint][id_] = {**defaults, **fields, "id": id_}
        return self.items[endpoint][id_]

    def _seen(self, endpoint: str, item: Document) -> Document:
        """The item as the server shows it: secrets as a word, and links."""
        url = f"/api/v2/{endpoint}/{item['id']}/"
        shown = {
            **item,
            "url": url,
            "type": UNIFIED.get(endpoint, endpoint[:-1]),
            "related": {"survey_spec": f"{url}survey_spec/"},
            "summary_fields": {},
        }
        if endpoint == "projects":
            shown |= {"scm_revision": "0" * 40, "summary_fields": {"current_update": {"id": item["id"]}}}
        if endpoint == "credentials":
            secret = {field["id"] for field in RECORDED["credential_type"]["inputs"]["fields"] if field.get("secret")}
            shown["inputs"] = {key: ENCRYPTED if key in secret else value for key, value in item["inputs"].items()}
        return shown

    def _found(self, endpoint: str, filters: dict[str, str]) -> list[Document]:
        endpoints = list(UNIFIED) if endpoint == "unified_job_templates" else [endpoint]
        if not set(endpoints) <= set(FIELDS):
            raise Refusal(404, detail=endpoint)
        found = [self._seen(one, item) for one in endpoints for item in self.items[one].values()]
        if unknown := [name for name in filters if any(name not in item for item in found)]:
            raise Refusal(400, detail=f"no such filter: {unknown}")
        return [item for item in found if all(str(item[name]) == value for name, value in filters.items())]

    def _checked(self, endpoint: str, body: Document, before: Document | None) -> Document:
        known = FIELDS.get(endpoint)
        if not known:
            raise Refusal(404, detail=endpoint)
        given = {name: value for name, value in body.items() if value is not None}
        errors: Document = {name: "no such field" for name in body if name not in known}
        for name, value in given.items():
            if problem := self._problem(name, known.get(name), value):
                errors[name] = problem
        whole = {**(before or {}), **given}
        errors |= {name: "required" for name, field in known.items() if field.get("required") and name not in whole}
        errors |= errors or self._rules(endpoint, whole)
        same = [one for one in self.items[endpoint].values() if one is not before and twins(endpoint, one, whole)]
        if errors or same:
            raise Refusal(400, **(errors or {"__all__": ["there is one of that name"]}))
        return given

    def _problem(self, name: str, field: Document | None, value: Any) -> str | None:
        if field is None:
            return "no such field"
        if not isinstance(value, JSON_TYPES[field["type"]]) or (field["type"] == "integer" and value is True):
            return f"{value!r} is no {field['type']}"
        if "choices" in field and value not in field["choices"]:
            return f"{value!r} is none of {field['choices']}"
        if "max_length" in field and len(str(value)) > field["max_length"]:
            return "too long"
        if name == "unified_job_template":
            return None if any(value in self.items[one] for one in UNIFIED) else "no such template"
        if name in LEADS_TO and value not in self.items[LEADS_TO[name]]:
            return f"no such object in {LEADS_TO[name]}"
        return None

    def _rules(self, endpoint: str, item: Document) -> Document:
        """What is wrong beyond single fields."""
        if endpoint == "job_templates" and item["playbook"] not in self.playbooks:
            return {"playbook": "Playbook not found for project."}
        if endpoint == "inventory_sources" and item.get("source") == "scm" and not item.get("source_project"):
            return {"source_project": "Project required for scm type sources."}
        if endpoint == "credentials":
            inputs = RECORDED["credential_type"]["inputs"]
            unknown = set(item["inputs"]) - {field["id"] for field in inputs["fields"]}
            missing = set(inputs["required"]) - set(item["inputs"])
            return {"inputs": f"unknown {unknown}, missing {missing}"} if unknown or missing else {}
        if endpoint == "schedules" and (problem := rrule_problem(item["rrule"])):
            return {"rrule": problem}
        if extra := item.get("extra_data"):
            survey = self.surveys.get(("job_templates", item["unified_job_template"]), {"spec": []})
            if refused := set(extra) - {question["variable"] for question in survey["spec"]}:
                return {"extra_data": f"Variables {sorted(refused)} are not allowed on launch."}
        return {}


def twins(endpoint: str, one: Document, other: Document) -> bool:
    """Whether two items would have the same name in the same place."""
    place = {"workflow_job_template_nodes": ("workflow_job_template", "identifier")}
    keys = place.get(endpoint, ("name", "organization", "inventory" if endpoint == "inventory_sources" else "name"))
    return all(one.get(key) == other.get(key) for key in keys)


def listed(items: list[Document]) -> Document:
    return {"count": len(items), "next": None, "results": items}


def rrule_problem(rrule: str) -> str | None:
    if len(re.findall(r"DTSTART(?:;TZID=[^:]+:[0-9]+T[0-9]+|:[0-9]+T[0-9]+Z)", rrule)) != 1:
        return "Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"
    rules = re.findall(r"RRULE:(\S*)", rrule)
    if not rules:
        return "One or more rule required in rrule."
    for rule in rules:
        if "INTERVAL=" not in rule or "SECONDLY" in rule or re.search(r"BYDAY=[0-9]", rule):
            return f"INTERVAL required, SECONDLY and BYDAY with numeric prefix not supported: {rule}"
    return None


def check_survey(survey: Document) -> None:
    """Raise :class:`Refusal` as AWX does for a survey that it cannot show."""
    if not all(
        isinstance(survey.get(key), kind) for key, kind in (("name", str), ("description", str), ("spec", list))
    ):
        raise Refusal(400, error="name, description or spec is missing from survey spec")
    if not survey["spec"]:
        raise Refusal(400, error="'spec' doesn't contain any items.")
    variables = [question.get("variable") for question in survey["spec"]]
    if len(set(variables)) != len(variables):
        raise Refusal(400, error="'variable' duplicated")
    for question in survey["spec"]:
        kinds = {"type": str, "question_name": str, "variable": str, "required": bool}
        if not all(isinstance(question.get(key), kind) for key, kind in kinds.items()):
            raise Refusal(400, error=f"type, question_name, variable or required is missing or wrong in {question}")
        if question["type"] not in SURVEY_TYPES:
            raise Refusal(400, error=f"{question['type']!r} is not one of {', '.join(SURVEY_TYPES)}")
        default = question.get("default", "")
        if default != "" and not isinstance(default, SURVEY_TYPES[question["type"]]):
            raise Refusal(400, error=f"Default value {default!r} is of the wrong type")
        if any(not isinstance(question.get(key, 0), int) for key in ("min", "max")):
            raise Refusal(400, error="The min or max limit is expected to be integer.")
        if question["type"].startswith("multi") and (default not in ["", *question.get("choices", [])]):
            raise Refusal(400, error="Default choice must be answered from the choices listed.")
        if question["type"].startswith("multi") and not question.get("choices"):
            raise Refusal(400, error="must specify choices")


class _Handler(BaseHTTPRequestHandler):
    controller: Controller
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refusal(401, detail="Authentication credentials were not provided.")
            status, answer = self.controller.answer(self.command, self.path, body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what matters is in the answers."""
