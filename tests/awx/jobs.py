# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory updates, jobs, slices and workflows as AWX starts them, from what a :class:`Controller` was given.

AWX hands a job over to a node by the stream of ``ansible-runner transmit``; a worker there runs it, and AWX reads
events and artifacts from the stream that comes back. This does the same, with the files, the command line and the
environment that AWX makes. There is no container around the worker.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import ansible_runner  # type: ignore[import-untyped]
import yaml

from tests.awx.controller import Controller
from tests.harness import ROOT, Subscription

SECONDS = 200
PROGRAMS = pathlib.Path(sys.executable).parent


class Unsafe(str):
    """Text that Ansible must not take for a template."""


class Dumper(yaml.SafeDumper):
    """YAML with the tag by which AWX marks whatever somebody answered or another job handed over."""


Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


def unsafe(value: Any) -> Any:
    if isinstance(value, dict):
        return {unsafe(key): unsafe(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unsafe(one) for one in value]
    return Unsafe(value) if isinstance(value, str) else value


@dataclass
class Job:
    """A finished job: what AWX shows of it. ``folder`` holds what stayed on either side."""

    status: str
    events: list[dict[str, Any]]
    folder: pathlib.Path
    exposed: list[str] = field(default_factory=list)

    @property
    def artifacts(self) -> dict[str, Any]:
        """What set_stats left, which AWX shows, and hands to the next jobs of a workflow."""
        (last,) = [event for event in self.events if event["event"] == "playbook_on_stats"]
        return dict(last["event_data"].get("artifact_data", {}))

    @property
    def output(self) -> str:
        return "\n".join(event["stdout"] for event in self.events if event["stdout"])

    def results(self, kind: str = "runner_on_ok") -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Host, task and result of each event of a kind."""
        for event in self.events:
            if event["event"] == kind:
                data = event["event_data"]
                yield data["host"], data["task"], data["res"]


def merged(jobs: list[Job]) -> dict[str, Any]:
    """The artifacts of slices, as AWX puts them together: the later one has the last word on each name."""
    found: dict[str, Any] = {}
    for job in jobs:
        found.update(job.artifacts)
    return found


class Awx:
    """The templates of a controller, run against a subscription, with the files of a project."""

    def __init__(
        self, controller: Controller, subscription: Subscription, project: pathlib.Path, folder: pathlib.Path
    ) -> None:
        self.controller, self.subscription, self.project, self.folder = controller, subscription, project, folder
        self.hosts: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.number = 0
        self.jobs: list[Job] = []

    def credential(self) -> dict[str, str]:
        """The variables into which AWX turns a credential of the type Microsoft Azure Resource Manager."""
        (credential,) = self.controller.items["credentials"].values()
        inputs = credential["inputs"]
        return {
            "AZURE_CLIENT_ID": inputs["client"],
            "AZURE_CLOUD_ENVIRONMENT": inputs["cloud_environment"],
            "AZURE_SECRET": inputs["secret"],
            "AZURE_SUBSCRIPTION_ID": inputs["subscription"],
            "AZURE_TENANT": inputs["tenant"],
        }

    def environment(self) -> dict[str, str]:
        """The credential's variables and those that AWX sets for every job."""
        return {
            **self.credential(),
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".work" / "link")),
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "MAX_EVENT_RES": "700000",
            # The emulator's certificate; that of Azure is known everywhere.
            "REQUESTS_CA_BUNDLE": self.subscription.environment["REQUESTS_CA_BUNDLE"],
        }

    def machine(self, home: pathlib.Path) -> dict[str, str]:
        """The environment of whatever AWX starts, in which there is nothing of Azure."""
        return {"HOME": str(home), "LC_ALL": "C.UTF-8", "PATH": f"{PROGRAMS}:{os.defpath}", "TMPDIR": str(home)}

    def update_inventory(self) -> None:
        """What AWX does for an inventory source, and again before each job that is old enough."""
        (source,) = self.controller.items["inventory_sources"].values()
        home = self.folder / "update"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [PROGRAMS / "ansible-inventory", "--list", "--export", "-i", self.project / source["source_path"],
             "--output", home / "output.json", "--playbook-dir", self.project],
            env={**self.machine(home), **self.environment()}, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found = json.loads((home / "output.json").read_text())
        self.hosts = found.pop("_meta")["hostvars"]
        self.groups = {name: group["hosts"] for name, group in found.items() if group.get("hosts")}

    def script(self, slice_number: int, slices: int) -> str:
        """The program that AWX writes as inventory: every so many-th host by name, with the groups that they are in."""
        names = sorted(self.hosts)[slice_number - 1 :: slices]
        (inventory,) = self.controller.items["inventories"].values()
        document: dict[str, Any] = {
            "all": {"hosts": names, "vars": json.loads(inventory["variables"]), "children": sorted(self.groups)},
            "_meta": {
                "hostvars": {
                    name: {**self.hosts[name], "remote_tower_enabled": "true", "remote_tower_id": number}
                    for number, name in enumerate(names, 1)
                }
            },
        }
        for group, members in self.groups.items():
            document[group] = {"hosts": [name for name in members if name in names]}
        return f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(document)!r})\n"

    def extra_vars(self, template: dict[str, Any], answers: dict[str, Any]) -> str:
        """Those of the template, which may be templates, and beside them answers and defaults of the survey, and
        artifacts, which may not.
        """
        survey = self.controller.surveys.get(("job_templates", template["id"]), {"spec": []})["spec"]
        unanswered = [one for one in survey if one["required"] and one["variable"] not in answers]
        assert all("default" in one for one in unanswered), "AWX would not start this job"
        defaults = {one["variable"]: one["default"] for one in survey if "default" in one}
        theirs = json.loads(template["extra_vars"] or "{}")
        given = {**defaults, **answers, "awx_job_id": self.number, "awx_job_template_name": template["name"]}
        return yaml.dump({**theirs, **unsafe(given)}, Dumper=Dumper)

    def launch(self, name: str, answers: dict[str, Any] | None = None, check: bool = False) -> list[Job]:
        """Run a template by its name; several jobs where it is sliced. The last to end comes last."""
        template = self.controller.named("job_templates", f"AKS backup: {name}")
        slices = template["job_slice_count"]
        with concurrent.futures.ThreadPoolExecutor(slices) as pool:
            started = [
                pool.submit(self._run, self._prepared(template, answers or {}, check, number, slices), template)
                for number in range(1, slices + 1)
            ]
            done = [one.result() for one in concurrent.futures.as_completed(started)]
        self.jobs += done
        return done

    def _prepared(
        self, template: dict[str, Any], answers: dict[str, Any], check: bool, slice_number: int, slices: int
    ) -> tuple[pathlib.Path, dict[str, Any]]:
        """A folder with the job's files, and what AWX gives to ansible-runner."""
        self.number += 1
        private = self.folder / f"awx_{self.number}"
        shutil.copytree(self.project, private / "project")
        for name in ("env", "inventory"):
            (private / name).mkdir()
        (private / "inventory" / "hosts").write_text(self.script(slice_number, slices))
        (private / "inventory" / "hosts").chmod(0o700)
        (private / "env" / "extravars").write_text(self.extra_vars(template, answers))
        arguments = ["--check"] if check else []
        arguments += ["-u", "root", *(["--diff"] if template["diff_mode"] else []), f"--forks={template['forks']}"]
        (private / "env" / "cmdline").write_text(" ".join(arguments))
        (private / "env" / "settings").write_text(
            json.dumps({"suppress_ansible_output": True, "suppress_output_file": True})
        )
        parameters = {
            "envvars": self.environment(),
            "fact_cache_type": "",
            "ident": self.number,
            "playbook": template["playbook"],
            "suppress_env_files": True,
        }
        return private, parameters

    def _run(self, prepared: tuple[pathlib.Path, dict[str, Any]], template: dict[str, Any]) -> Job:
        private, parameters = prepared
        node = private.with_name(f"{private.name}_node")
        node.mkdir()
        streams = {name: self.folder / f"{private.name}.{name}" for name in ("there", "back")}
        with streams["there"].open("wb") as out:
            ansible_runner.interface.run(streamer="transmit", _output=out, private_data_dir=str(private), **parameters)
        events: list[dict[str, Any]] = []
        with streams["there"].open("rb") as there, streams["back"].open("wb") as back, Watch(self, node) as watch:
            subprocess.run(
                [PROGRAMS / "ansible-runner", "worker", "--private-data-dir", node],
                env=self.machine(node), stdin=there, stdout=back, check=False, timeout=SECONDS,
            )  # fmt: skip
        with streams["back"].open("rb") as back:
            done = ansible_runner.interface.run(
                streamer="process", _input=back, private_data_dir=str(private), ident=str(parameters["ident"]),
                event_handler=events.append,
            )  # fmt: skip
        # Both hold the environment, as they must. AWX keeps neither, and hides the variable by its name.
        for stream in streams.values():
            stream.unlink()
        return Job(done.status, events, private, watch.exposed)

    def run_workflow(self) -> dict[str, list[Job]]:
        """Run the workflow from the node to which nothing leads; node -> its jobs, in the order in which they ran."""
        items = self.controller.items["workflow_job_template_nodes"]
        templates = self.controller.items["job_templates"]
        leads = {
            (id_, path): ids
            for (endpoint, id_, path), ids in self.controller.linked.items()
            if endpoint == "workflow_job_template_nodes"
        }
        reached = {one for ids in leads.values() for one in ids}
        waiting = [id_ for id_ in items if id_ not in reached]
        ran: dict[str, list[Job]] = {}
        artifacts: dict[str, Any] = {}
        while waiting:
            node = items[waiting.pop(0)]
            name = templates[node["unified_job_template"]]["name"].partition(": ")[2]
            jobs = self.launch(name, {**(node["extra_data"] or {}), **artifacts})
            ran[node["identifier"]] = jobs
            artifacts.update(merged(jobs))
            good = all(job.status == "successful" for job in jobs)
            for path in ("success_nodes" if good else "failure_nodes", "always_nodes"):
                waiting += leads.get((node["id"], path), [])
        return ran


class Watch(contextlib.AbstractContextManager["Watch"]):
    """Looks at the command lines of processes while a job runs; ``exposed`` are those with the secret in them."""

    def __init__(self, awx: Awx, node: pathlib.Path) -> None:
        self.mark, self.secret = str(node).encode(), awx.credential()["AZURE_SECRET"].encode()
        self.exposed: list[str] = []
        self.seen = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        assert self.seen, "no process of the job was seen"

    def _look(self) -> None:
        while not self._end.wait(0.1):
            for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                # A process can end while it is looked at.
                with contextlib.suppress(OSError):
                    line = entry.read_bytes()
                    self.seen += self.mark in line
                    if self.secret in line:
                        self.exposed.append(line.decode(errors="replace"))
