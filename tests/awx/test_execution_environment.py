# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of the execution environment: what ansible-builder makes of it, and that nothing else comes in.

The image itself is not built here, for which a container engine and a registry would be needed.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement

from tests.harness import ROOT
from tests.run.tools import ANSIBLE, tracked_files

FOLDER = ROOT / "execution-environment"
DEFINITION = yaml.safe_load((FOLDER / "execution-environment.yml").read_text())
PROGRAMS = pathlib.Path(sys.executable).parent


def call(*command: str | pathlib.Path, cwd: pathlib.Path) -> str:
    environment = {"HOME": str(cwd), "PATH": f"{PROGRAMS}:{os.defpath}", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(text: str) -> list[str]:
    """Lines without comments."""
    return sorted(line for line in (one.partition("#")[0].strip() for one in text.splitlines()) if line)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the definition, the archive, and the context made by the commands that the definition names."""
    folder = tmp_path_factory.mktemp("image")
    for name in tracked_files():
        target = folder / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    here = folder / "clone" / "execution-environment"
    galaxy, builder = re.findall(r"^#   (ansible-\S+ .*)$", (here / "execution-environment.yml").read_text(), re.M)
    program, *arguments = galaxy.split()
    call(PROGRAMS / program, *arguments, cwd=here)
    # The same but for the building.
    assert builder.startswith("ansible-builder build --container-runtime podman --tag ")
    call(PROGRAMS / "ansible-builder", "create", "--output-filename", "Containerfile", cwd=here)
    return here


def test_the_context_holds_the_archive_and_the_builders_own_files(made: pathlib.Path) -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    archive = f"collections/aks-backup-{version}.tar.gz"
    context = made / "context"
    found = {str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()}
    scripts = {name for name in found if name.startswith("_build/scripts/")}
    assert found - scripts == {"Containerfile", "_build/requirements.yml", f"_build/{archive}"}
    wanted = yaml.safe_load((context / "_build" / "requirements.yml").read_text())
    assert wanted == {"collections": [{"name": f"/build/{archive}", "type": "file"}]}


def test_the_image_holds_the_ansible_core_of_the_tests_and_ansible_runner(made: pathlib.Path) -> None:
    text = (made / "context" / "Containerfile").read_text()
    (installed,) = re.findall(r'^ARG ANSIBLE_INSTALL_REFS="(.*)"$', text, re.MULTILINE)
    assert installed == f"{ANSIBLE} ansible-runner>=2.4"
    # No steps, packages or files but these.
    assert set(DEFINITION) == {"version", "images", "dependencies", "additional_build_files"}
    assert set(DEFINITION["dependencies"]) == {"python_interpreter", "ansible_core", "ansible_runner", "galaxy"}


def test_the_python_packages_are_those_of_the_collection_and_there_are_no_system_packages(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (archive,) = made.glob("*.tar.gz")
    call(PROGRAMS / "ansible-galaxy", "collection", "install", "--offline", "-p", tmp_path, archive, cwd=made)
    call(
        PROGRAMS / "ansible-builder", "introspect", "--sanitize", "--write-pip", tmp_path / "pip.txt", "--write-bindep",
        tmp_path / "bindep.txt", tmp_path, cwd=made,
    )  # fmt: skip
    wanted = lines((ROOT / "meta" / "ee-requirements.txt").read_text())
    # ansible-builder leaves out what ansible-core brings along.
    assert lines((tmp_path / "pip.txt").read_text()) == [line for line in wanted if not line.startswith("PyYAML")]
    assert not (tmp_path / "bindep.txt").exists() or lines((tmp_path / "bindep.txt").read_text()) == []
    # They can be had together: here they are.
    for line in wanted:
        requirement = Requirement(line)
        assert importlib.metadata.version(requirement.name) in requirement.specifier, line
