# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neither the secret nor a token is seen: in no output, no result, no command line, and no file that stays behind."""

from __future__ import annotations

import os
import pathlib
import re
import threading
from contextlib import suppress

import pytest

from tests.harness import FAST, play
from tests.harness.steps import chain, step

# Every token of the emulator, and of Azure, is a JSON Web Token: two objects in base64, and a signature.
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}")
# Credentials that the tests themselves hand over in a variable of no meaning to Azure, for the options of tasks.
HIDDEN = {"secret": "WHAT_NOBODY_MAY_SEE", "access_token": "NOR_THIS"}
WRONG = "{{ lookup('ansible.builtin.env', 'WRONG_SECRET') }}"


class Watch(threading.Thread):
    """Looks at command lines and files of a run for as long as it goes on."""

    def __init__(self, running):
        super().__init__(daemon=True)
        self.running = running
        self.command_lines: set[bytes] = set()
        self.open_tokens: set[str] = set()
        self.tokens = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.03):
            for pid in self.running.pids():
                with suppress(OSError):
                    self.command_lines.add(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
            for file in files(self.running.folder):
                with suppress(OSError):
                    if TOKEN.search(file.read_bytes()):
                        self.tokens += 1
                        # A module that Ansible starts lies open in a directory that is closed.
                        if file.stat().st_mode & 0o044 and file.parent.stat().st_mode & 0o011:
                            self.open_tokens.add(str(file))


def files(folder):
    # os.walk passes over directories that go away meanwhile.
    found = (pathlib.Path(top, name) for top, _folders, names in os.walk(folder) for name in names)
    return [file for file in found if file.is_file()]


def held(data, secrets):
    """What of the secrets is in the bytes."""
    return [secret for secret in secrets if secret.encode() in data] + TOKEN.findall(data)


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
@pytest.mark.parametrize("ways", [("environment",), ("secret", "access_token")], ids=" ".join)
def test_nothing_is_seen(subscription, somebody, worker, ways):
    """By the environment, or by options that every task is given."""
    secret, token = subscription.environment["AZURE_CLIENT_SECRET"], somebody.token
    assert TOKEN.search(token.encode()), "the test would not know a token if it saw one"
    environment: dict[str, str | None] = {}
    if ways != ("environment",):
        hidden = {HIDDEN["secret"]: secret, HIDDEN["access_token"]: token}
        environment = {"AZURE_CLIENT_SECRET": None, "AZURE_SECRET": None, **hidden}
    tasks = []
    # A process of its own takes long, and its ways in and out are the same for all modules.
    for task in chain(subscription, until=None if worker else "policy"):
        tasks += [{**task, "register": "seen"}, {"name": "shown", "ansible.builtin.debug": {"var": "seen"}}]
    # Failures say more than successes.
    refused = [step(subscription, "vault", title=f"refused {way}", location="westeurope", ignore=True) for way in ways]
    other = [
        step(subscription, "vault", title="wrong", secret=WRONG, access_token="", ignore=True),
        step(subscription, "vault", title="unknown", surprise=1, ignore=True),
    ]
    # By a lookup, so that no file of the test holds it.
    given = [
        {way: f"{{{{ lookup('ansible.builtin.env', '{HIDDEN[way]}') }}}}"} if way in HIDDEN else {} for way in ways
    ]
    plays = [
        play([*tasks, one], module_defaults={"group/aks.backup.aks_backup": {**FAST, **options}})
        for one, options in zip(refused, given, strict=True)
    ]
    plays[-1]["tasks"] += other
    environment |= {"ANSIBLE_LOG_PATH": "{home}/log", "ANSIBLE_LOG_VERBOSITY": "4", "WRONG_SECRET": "no-such-secret"}
    with subscription.running(playbook=plays, worker=worker, arguments=("-vvvv",), environment=environment) as running:
        watch = Watch(running)
        watch.start()
        run = running.wait(400)
        watch.ended.set()
        watch.join()
        run.ok()
        left = {str(file.relative_to(running.folder)): file.read_bytes() for file in files(running.folder)}
    assert [one["name"] for one in (*refused, *other) if not run[one["name"]].failed] == []
    secrets = [secret, "no-such-secret"]
    seen = {name: held(data, secrets) for name, data in left.items()}
    assert {name: found for name, found in seen.items() if found} == {}
    assert {"log", "output", "record.jsonl"} <= set(left)
    assert len(left["log"]) > 10_000
    assert [line for line in watch.command_lines if held(line, secrets)] == []
    assert len(watch.command_lines) > (0 if worker else 2)
    # While the run goes on, the worker's tasks share the token in a file that only the user can read.
    assert not watch.open_tokens
    assert watch.tokens or not worker
