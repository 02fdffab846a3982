# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection at work: the role, the fleet task and the coverage report, as a user runs them."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from tests.benchmark.cloud import GROUP, REGION
from tests.benchmark.meter import Cost, measure
from tests.harness import ROOT

PROGRAM = pathlib.Path(sys.executable).with_name("ansible-playbook")
ROLE, FLEET = ROOT / "playbooks" / "protect.yml", ROOT / "playbooks" / "protect_fleet.yml"
# Where clusters are protected already, tasks compute; where they are fresh, tasks wait for Azure, and those of other
# clusters wait for a fork.
FORKS, FRESH_FORKS = 10, 50
# As many clusters share a vault, a storage account and the groups. Azure allows more; whoever reads the role
# assignments of a scope gets those of all clusters that share it.
TOGETHER = 100
PAGE = {"output": {"html": "{{ playbook_dir }}/coverage.html"}}
COVERAGE = {
    "hosts": "localhost",
    "connection": "local",
    "gather_facts": False,
    "tasks": [{"name": "Coverage", "aks.backup.aks_backup_coverage_info": PAGE}],
}


def inventory(clusters: int) -> dict[str, Any]:
    """All variables that the role needs, and a policy whose backups do not start while the clock runs fast."""
    hosts = {
        f"aks-{number}": {
            "aks_backup_resource_group": f"rg-backup-{(number - 1) // TOGETHER}",
            "aks_backup_snapshot_resource_group": f"rg-snapshots-{(number - 1) // TOGETHER}",
        }
        for number in range(1, clusters + 1)
    }
    variables = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_backup_cluster": {"resource_group": GROUP},
        "aks_backup_location": REGION,
        "aks_backup_policy": {"schedule": {"frequency": "weekly"}},
        # A tenth of a second stands for most of a minute here.
        "aks_backup_poll_interval": 0.1,
    }
    return {"all": {"hosts": hosts, "vars": variables}}


def environment(signing_in: Mapping[str, str], folder: pathlib.Path, forks: int = FORKS, **more: str) -> dict[str, str]:
    """For ansible-playbook, with Ansible's own defaults and nothing of the user's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ARM_", "ANSIBLE_"))}
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".work" / "link")),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "run" / "ansible.cfg"),
        "ANSIBLE_FORKS": str(forks),
        "ANSIBLE_NOCOLOR": "true",
        "HOME": str(folder),
        **signing_in,
        **more,
    }


def play(
    playbook: pathlib.Path,
    clusters: int,
    signing_in: Mapping[str, str],
    folder: pathlib.Path,
    forks: int = FORKS,
    **variables: Any,
) -> Cost:
    """One run of a playbook over the inventory; variables as with --extra-vars."""
    hosts = folder / "inventory.json"
    hosts.write_text(json.dumps(inventory(clusters)))
    command: list[str | os.PathLike[str]] = [PROGRAM, "-i", hosts, "-e", json.dumps(variables), playbook]
    return measure(command, environment(signing_in, folder, forks), folder)


def coverage(signing_in: Mapping[str, str], folder: pathlib.Path) -> Cost:
    """The report over all clusters of the tenant, with its page."""
    playbook = folder / "coverage.yml"
    playbook.write_text(json.dumps([COVERAGE]))
    return measure([PROGRAM, "-i", "localhost,", playbook], environment(signing_in, folder), folder)
