# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook awx_content with the published modules of awx.awx, against what AWX 24.6.1 is known to accept.

No AWX has ever seen it.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.awx.controller import ENCRYPTED, TOKEN, Controller
from tests.harness import ROOT

EXAMPLE = ROOT / "examples" / "08-awx"
PROJECT = {path.name for path in (EXAMPLE / "project").glob("*.yml")} - {"aks_clusters.yml"}
PLAYBOOK = pathlib.Path(sys.executable).with_name("ansible-playbook")
SECRET = "s3cret-of-the-client"
INPUTS = {"subscription": "sub", "client": "client", "secret": SECRET, "tenant": "tenant"}
NAME = "AKS backup"


@pytest.fixture
def controller() -> Iterator[Controller]:
    running = Controller(PROJECT)
    yield running
    running.close()


def content(controller: Controller, tmp_path: pathlib.Path, *arguments: str, **variables: Any) -> tuple[int, str]:
    """Exit code and output of the example's command with more variables."""
    published = os.environ.get("PUBLISHED_COLLECTIONS")
    assert published, "PUBLISHED_COLLECTIONS is to name a folder with awx.awx; ./run awx does"
    (tmp_path / "more.json").write_text(json.dumps(variables))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    ours = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".work" / "link"))
    environment |= {
        "ANSIBLE_COLLECTIONS_PATH": f"{ours}{os.pathsep}{published}",
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "run" / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "true",
        "CONTROLLER_HOST": controller.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [
            PLAYBOOK,
            "aks.backup.awx_content",
            "-e",
            f"@{EXAMPLE}/content.yml",
            "-e",
            f"@{tmp_path}/more.json",
            *arguments,
        ],
        env=environment,
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def links(controller: Controller, identifier: str) -> dict[str, list[str]]:
    """Where the workflow goes on from a node: path -> identifiers."""
    nodes = controller.items["workflow_job_template_nodes"]
    here = controller.named("workflow_job_template_nodes", identifier)["id"]
    return {
        path: [nodes[one]["identifier"] for one in ids]
        for (endpoint, id_, path), ids in controller.linked.items()
        if endpoint == "workflow_job_template_nodes" and id_ == here and ids
    }


def test_the_content_is_accepted_and_the_second_time_nothing_changes(
    controller: Controller, tmp_path: pathlib.Path
) -> None:
    code, output = content(controller, tmp_path, "-vvv", aks_backup_awx_credential_inputs=INPUTS)
    assert code == 0, output[-6000:]
    assert SECRET not in output and TOKEN not in output
    templates = controller.items["job_templates"].values()
    assert {one["playbook"] for one in templates} == PROJECT
    ids = {
        "project": controller.named("projects", NAME)["id"],
        "inventory": controller.named("inventories", NAME)["id"],
        "execution_environment": controller.named("execution_environments", NAME)["id"],
    }
    for one in templates:
        assert {key: one[key] for key in ids} == ids
        assert controller.linked["job_templates", one["id"], "credentials"] == [
            controller.named("credentials", NAME)["id"]
        ]
    source = controller.named("inventory_sources", NAME)
    assert (source["source"], source["source_path"], source["update_on_launch"]) == ("scm", "aks_clusters.yml", True)
    assert controller.named("credentials", NAME)["inputs"]["secret"] == SECRET
    assert controller.named("job_templates", f"{NAME}: protect")["job_slice_count"] == 2
    assert {name: links(controller, name) for name in ("preflight", "protect", "verify", "report")} == {
        "preflight": {"always_nodes": ["protect"]},
        "protect": {"success_nodes": ["verify"], "failure_nodes": ["report"]},
        "verify": {"always_nodes": ["report"]},
        "report": {},
    }
    assert len(controller.items["schedules"]) == 2

    writes = len(controller.writes)
    code, output = content(controller, tmp_path, aks_backup_awx_credential_inputs=INPUTS)
    assert code == 0 and "changed=0 " in output, output[-6000:]
    again = {"aks_backup_awx_credential_inputs": INPUTS, "aks_backup_awx_credential_update": True}
    code, output = content(controller, tmp_path, "--check", **again)
    assert code == 0 and "changed=1 " in output, output[-6000:]
    assert controller.writes[writes:] == []
    # The controller of these tests is as silent about secrets as AWX, or the comparison would be of nothing.
    id_ = controller.named("credentials", NAME)["id"]
    assert controller.answer("GET", f"/api/v2/credentials/{id_}/", {})[1]["inputs"]["secret"] == ENCRYPTED


def test_what_is_missing_is_said_before_anything_is_written(controller: Controller, tmp_path: pathlib.Path) -> None:
    code, output = content(
        controller, tmp_path, "-vvv", aks_backup_awx_image=[], aks_backup_awx_credential_inputs={"secret": SECRET}
    )
    assert code == 2 and "missing required arguments: client, subscription, tenant" in output, output[-3000:]
    assert "aks_backup_awx_image" in output and SECRET not in output
    assert controller.writes == []
    # Without inputs the credential has to be there.
    code, output = content(controller, tmp_path)
    assert code == 2 and "credentials" in output and controller.items["job_templates"] == {}


def test_the_variables_have_descriptions_and_defaults_or_are_optional() -> None:
    text = (ROOT / "playbooks" / "vars" / "awx_content.yml").read_text()
    variables = yaml.load(text.replace("!unsafe", ""), yaml.SafeLoader)
    spec = variables["__aks_backup_awx_spec"]
    used = text + (ROOT / "playbooks" / "awx_content.yml").read_text()
    for name, option in spec.items():
        assert option["description"].endswith("."), name
        assert f"{name} " in used or f"{name} }}}}" in used, name
        assert name in variables or option.get("required") or option["description"].count("If not set"), name
    assert {name for name in variables if not name.startswith("__")} <= set(spec)


def test_questions_are_about_variables_that_are_read() -> None:
    """An answer is a variable of the role or the playbooks, or one that the template turns into such a one."""
    text = (ROOT / "playbooks" / "vars" / "awx_content.yml").read_text()
    templates = yaml.load(text.replace("!unsafe", ""), yaml.SafeLoader)["__aks_backup_awx_templates"]
    specs = yaml.safe_load((ROOT / "roles" / "aks_backup" / "meta" / "argument_specs.yml").read_text())
    known = {name for spec in specs["argument_specs"].values() for name in spec["options"]} | {"aks_backup_hosts"}
    for template in templates.values():
        assert set(template.get("extra_vars", {})) <= known
        for question in template.get("survey", []):
            variable = question["variable"]
            assert variable in known or variable in str(template["extra_vars"]), variable


def test_artifacts_have_names_that_mean_nothing_else_and_are_documented() -> None:
    """AWX makes them extra variables of the next jobs, over which nothing has a say, not even a fact."""
    artifacts: set[str] = set()
    for playbook in (ROOT / "playbooks").glob("*.yml"):
        for block in re.findall(r"set_stats:\n +aggregate: false\n +data:\n((?: {14}.*\n)+)", playbook.read_text()):
            artifacts |= set(re.findall(r"^ {14}(\w+):", block, re.MULTILINE))
    assert {"aks_backup_protect_failed", "aks_backup_report_clusters"} <= artifacts
    role = ROOT / "roles" / "aks_backup"
    taken = {name for file in role.rglob("*.yml") for name in re.findall(r"\baks_backup_\w+", file.read_text())}
    assert artifacts & taken == set()
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_awx.rst").read_text()
    assert [name for name in sorted(artifacts) if f"``{name}``" not in guide] == []
