# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the collection share: a subscription of their own in an emulator, and playbooks run in it.

Nothing is mocked: real ``ansible-playbook``, real Azure SDK, real HTTPS. A :class:`Run` tells, task by task, the
result and which requests reached the server.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PLAYBOOK = pathlib.Path(sys.executable).with_name("ansible-playbook")

# Seconds between looks, and the deadline. The emulator's clock runs hundreds of times faster than the real one.
FAST = {"poll_interval": 0.05, "wait_timeout": 60}


@dataclass
class Step:
    """One result of one task on one host."""

    kind: str
    host: str
    task: str
    action: str
    result: dict[str, Any]
    requests: list[dict[str, Any]]

    @property
    def writes(self) -> list[str]:
        """``METHOD id`` of each request that changed something or tried to."""
        return [f"{request['method']} {request['path']}" for request in self.requests if request["write"]]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def failed(self) -> bool:
        return self.kind in ("failed", "unreachable")


@dataclass
class Run:
    """A finished ``ansible-playbook``: its exit code, all that it printed, and its steps in order."""

    code: int
    output: str
    steps: list[Step] = field(default_factory=list)

    def __getitem__(self, task: str) -> Step:
        """The one step of the task of that name."""
        found = [step for step in self.steps if step.task == task]
        assert len(found) == 1, (
            f"{len(found)} steps are called {task!r}; there are {[step.task for step in self.steps]}"
        )
        return found[0]

    @property
    def writes(self) -> list[str]:
        return [write for step in self.steps for write in step.writes]

    def ok(self) -> Run:
        """This run, which must have ended well."""
        assert self.code == 0, self.output[-6000:]
        return self


class Running:
    """An ``ansible-playbook`` on its way. ``folder`` is its home and holds whatever it leaves behind."""

    def __init__(self, process: subprocess.Popen[bytes], folder: pathlib.Path) -> None:
        self.process = process
        self.folder = folder

    def pids(self) -> list[int]:
        """Every process of the run, workers and modules included. Workers leave the process group of the playbook."""
        mark = f"\0RECORD_FILE={self.folder / 'record.jsonl'}\0".encode()
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            # A process can end while it is looked at, and other users' are not readable.
            with suppress(OSError):
                if entry.name.isdigit() and mark in b"\0" + (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        """Kill all of it at once, with no time to clean up."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
        self.process.wait()

    def until(self, reached: Callable[[], Any], pause: float = 0.05) -> bool:
        """Wait for something to happen while the run goes on; False when it ended before. Seconds between looks."""
        while self.process.poll() is None:
            if reached():
                return True
            time.sleep(pause)
        return False

    def wait(self, timeout: float = 300) -> Run:
        """The finished run; subprocess.TimeoutExpired when it takes longer."""
        code = self.process.wait(timeout)
        return Run(code, (self.folder / "output").read_text(), self.steps())

    def record(self) -> str:
        """The results so far, as they are written down: a line of JSON each."""
        file = self.folder / "record.jsonl"
        return file.read_text() if file.exists() else ""

    def steps(self) -> list[Step]:
        """The results so far."""
        return read_steps(self.folder / "record.jsonl")


class Subscription:
    """A fresh subscription in a running emulator; ``environment`` holds the variables that sign in to it."""

    def __init__(self, emulator: Any, scenario: Any = None) -> None:
        self.emulator = emulator
        self.environment: dict[str, str] = emulator.subscription(scenario or "default")

    @property
    def id(self) -> str:
        return self.environment["AZURE_SUBSCRIPTION_ID"]

    def path(self, rest: str) -> str:
        return f"/subscriptions/{self.id}/{rest.lstrip('/')}"

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """The requests after that number. Tests ask often, so not by a request."""
        return [dict(entry) for entry in self.emulator.server.journal.select(self.id, since)]

    def writes(self) -> list[dict[str, Any]]:
        return [request for request in self.journal() if request["write"]]

    def fault(self, then: dict[str, Any], **match: Any) -> None:
        """Add a fault rule that matches this subscription only."""
        self.emulator.fault(then, subscription=self.id, **match)

    def resources(self, type_: str) -> list[dict[str, Any]]:
        """Raw documents of a type, as the server holds them."""
        found: list[dict[str, Any]] = self.emulator.resources(type_, self.id)
        return found

    @contextmanager
    def pace(self, speed: float) -> Iterator[None]:
        """Let the emulator's clock run at another speed, in virtual seconds per second, for a while."""
        clock = self.emulator.server.world.clock
        before = clock.speed
        clock.run_at(speed)
        try:
            yield
        finally:
            clock.run_at(before)

    @contextmanager
    def running(
        self,
        tasks: list[dict[str, Any]] | None = None,
        *,
        playbook: list[dict[str, Any]] | pathlib.Path | None = None,
        inventory: dict[str, Any] | None = None,
        worker: bool | None = True,
        arguments: tuple[str, ...] = (),
        variables: dict[str, Any] | None = None,
        environment: Mapping[str, str | None] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Iterator[Running]:
        """Start tasks, plays or a playbook file with this subscription's environment, in a directory of its own.

        The directory, which is the playbook's home, and whatever still runs in it go away at the end. ``files`` are
        put into it first, by relative path; a value in ``environment`` can name it as ``{home}``. With ``worker`` None
        nobody says where modules run.
        """
        with tempfile.TemporaryDirectory(prefix="aks-backup-", ignore_cleanup_errors=True) as name:
            folder = pathlib.Path(name)
            file = playbook if isinstance(playbook, pathlib.Path) else folder / "playbook.yml"
            if not isinstance(playbook, pathlib.Path):
                plays = playbook or [play(tasks or [])]
                file.write_text(yaml.safe_dump(plays, sort_keys=False))
            (folder / "inventory.yml").write_text(yaml.safe_dump(inventory or LOCALHOST))
            asked = {} if worker is None else {"aks_backup_in_worker": worker}
            (folder / "variables.json").write_text(json.dumps({**asked, **(variables or {})}))
            (folder / "tmp").mkdir()
            for path, text in (files or {}).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
                (folder / path).chmod(0o700)
            with (folder / "output").open("w") as output:
                process = subprocess.Popen(
                    [PLAYBOOK, "-i", folder / "inventory.yml", "-e", f"@{folder / 'variables.json'}", *arguments, file],
                    env=self.process_environment(folder, environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            running = Running(process, folder)
            try:
                yield running
            finally:
                running.kill()

    def play(self, *arguments: Any, timeout: float = 300, **keywords: Any) -> Run:
        """Run to the end what :meth:`running` starts."""
        with self.running(*arguments, **keywords) as running:
            return running.wait(timeout)

    def process_environment(
        self, folder: pathlib.Path, more: Mapping[str, str | None] | None = None
    ) -> dict[str, str]:
        """The environment for an ansible-playbook: nothing of the user's, but the credentials of this subscription.

        A variable that is None in ``more`` is left out.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ARM_", "ANSIBLE_"))}
        values: dict[str, str | None] = {
            **kept,
            # Ansible would look for its default below the home in the password file.
            "ANSIBLE_ASYNC_DIR": str(folder / ".ansible_async"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".work" / "link")),
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "run" / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "RECORD_CA": self.environment["REQUESTS_CA_BUNDLE"],
            "RECORD_FILE": str(folder / "record.jsonl"),
            "RECORD_SINCE": str(self.emulator.server.journal.count),
            "RECORD_SUBSCRIPTION": self.id,
            "RECORD_URL": self.environment["EMULATOR_URL"],
            "TMPDIR": str(folder / "tmp"),
            **self.environment,
            **(more or {}),
        }
        return {key: value.replace("{home}", str(folder)) for key, value in values.items() if value is not None}


LOCALHOST = {
    "all": {
        "hosts": {
            "localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        }
    }
}


def play(tasks: list[dict[str, Any]], hosts: str = "all", **keywords: Any) -> dict[str, Any]:
    """A play over the tasks with the action group's fast waiting."""
    return {
        "name": "Test",
        "hosts": hosts,
        "gather_facts": False,
        "module_defaults": {"group/aks.backup.aks_backup": FAST},
        "tasks": tasks,
        **keywords,
    }


def task(title: str, module: str, /, *, check: bool = False, ignore: bool = False, **options: Any) -> dict[str, Any]:
    """One task with ``--diff``; ``check`` runs it in check mode."""
    made: dict[str, Any] = {"name": title, f"aks.backup.{module}": options, "diff": True}
    if check:
        made["check_mode"] = True
    if ignore:
        made["ignore_errors"] = True
    return made


def read_steps(file: pathlib.Path) -> list[Step]:
    if not file.exists():
        return []
    # The last line is cut short when the playbook was killed while writing it.
    lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [Step(**json.loads(line)) for line in lines]
