# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``./run demo``: an empty Azure, three clusters in two regions, one playbook, and what the second run does.

Everything shown is real but Azure: the playbooks of the collection, Microsoft's packages, HTTPS. The cloud is
``tests/emulator``, whose clock runs so fast that Azure's minutes pass in fractions of a second. Ends with an error as
soon as something is not as promised.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import shlex
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
INVENTORY = ROOT / "examples" / "02-fleet-shared-vault"
CLUSTERS = ("aks-east-1", "aks-east-2", "aks-west-1")
# Virtual seconds per second, and seconds that Azure takes to answer.
SPEED, LATENCY = 300, 0.02
# Real seconds between looks: the emulated ten minutes of a backup pass in two.
WAITING = ("-e", "aks_backup_poll_interval=0.1", "-e", "aks_backup_wait_timeout=60")
START_SECONDS = 30
PLAIN = re.compile(r"\x1b\[[0-9;]*m")
RECAP = re.compile(r"^(\S+)\s+: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


class Broken(Exception):
    """A promise of the demo that did not hold, in a sentence."""


def heading(number: int, title: str, text: str) -> None:
    print(f"\n\n{'=' * 78}\n {number}. {title}\n{'=' * 78}")
    print(textwrap.fill(text, 78) + "\n", flush=True)


def expect(holds: bool, sentence: str) -> None:
    """Print what was promised and held; raises :class:`Broken` when it did not."""
    if not holds:
        raise Broken(sentence)
    print(f"  [as promised] {sentence}", flush=True)


@contextmanager
def emulator() -> Iterator[dict[str, str]]:
    """A cloud of our own, in a process of its own; yields the environment that signs in to it."""
    options = ["--speed", str(SPEED), "--latency", str(LATENCY), "--lifetime", "900"]
    command = [sys.executable, "-m", "tests.emulator", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield _environment(process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the emulator prints until it is ready: lines such as ``export AZURE_TENANT=...``."""
    found = {}
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("export "):
                name, _equals, value = shlex.split(line)[1].partition("=")
                found[name] = value
            if line.startswith("# ready"):
                return found
    finally:
        late.cancel()
    raise Broken(f"The emulator was not ready within {START_SECONDS} seconds.")


def play(name: str, environment: dict[str, str], *arguments: str) -> tuple[dict[str, int], str]:
    """Run a playbook of the collection; changes per host from the recap, and the output. Raises when a host failed."""
    command = ["ansible-playbook", "-i", str(INVENTORY.relative_to(ROOT)), f"aks.backup.{name}", *arguments]
    print(f"$ {shlex.join(command)}", flush=True)
    lines = []
    with subprocess.Popen(
        [*command, *WAITING], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(PLAIN.sub("", line))
    recap = [match for match in map(RECAP.match, lines) if match]
    if process.returncode or any(int(match[3]) or int(match[4]) for match in recap):
        raise Broken(f"{shlex.join(command)} failed, with exit code {process.returncode}.")
    changes = {match[1]: int(match[2]) for match in recap}
    if sorted(changes) != sorted(CLUSTERS):
        raise Broken(f"The recap of {name} names {', '.join(changes) or 'no host'} instead of {', '.join(CLUSTERS)}.")
    return changes, "".join(lines)


def ask(environment: dict[str, str], path: str, body: dict[str, float] | None = None) -> Any:
    """The answer of the emulator's own management plane, which is no part of Azure."""
    context = ssl.create_default_context(cafile=environment["REQUESTS_CA_BUNDLE"])
    # ProxyHandler({}): whatever proxy the user has does not know this server.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    content = json.dumps(body).encode() if body else None
    with opener.open(f"{environment['EMULATOR_URL']}/_emulator/{path}", content, timeout=10) as reply:
        return json.load(reply)


def writes(environment: dict[str, str]) -> int:
    """How many requests have tried to change something in the cloud so far, by its own journal."""
    return len(ask(environment, "journal?writes=true"))


def pass_the_night(environment: dict[str, str]) -> None:
    """Let the cloud's clock be 03:00. The demo takes hours of its time, and 02:30 is when scheduled backups begin."""
    now = datetime.datetime.fromisoformat(ask(environment, "clock")["now"][:19])
    morning = now.replace(hour=3, minute=0, second=0) + datetime.timedelta(days=1)
    ask(environment, "clock", {"advance": (morning - now).total_seconds()})


def demonstrate(environment: dict[str, str]) -> None:
    heading(
        1, "A plan on an empty subscription",
        "The subscription holds three AKS clusters in two regions: aks-east-1 and aks-west-1 with a system-assigned "
        "identity, aks-east-2 with a user-assigned one. There is no vault, no storage account, no extension; even the "
        "resource providers are not registered. With --check --diff the playbook shows all it would do. What only "
        "Azure can make up is null.",
    )  # fmt: skip
    planned, _output = play("protect", environment, "--check", "--diff")
    expect(all(planned.values()), f"The plan has changes for every cluster: {planned}.")
    expect(writes(environment) == 0, "Nothing was written: the cloud's journal has no write.")

    heading(
        2, "The same for real",
        "Vault, policy and storage account are made once per region, by the first cluster that needs them. Then each "
        "cluster gets its container, the extension, the Trusted Access binding and the role assignments, and Azure "
        "validates and configures the protection.",
    )  # fmt: skip
    changed, _output = play("protect", environment)
    expect(changed == planned, "Every host has exactly as many changes as were planned.")
    done = writes(environment)

    heading(
        3, "The second run",
        "What is as asked for stays untouched. This is what makes it safe to run the playbook every night.",
    )  # fmt: skip
    again, _output = play("protect", environment)
    expect(not any(again.values()), "changed=0 on every host.")
    expect(writes(environment) == done, "Not one write reached the cloud.")

    heading(
        4, "A backup on demand",
        "The backup rule is read from the live policy, the job is followed to its end, and the task fails with Azure's "
        "reasons if the job does.",
    )  # fmt: skip
    backed, _output = play("backup_now", environment)
    expect(all(backed.values()), "Every cluster was backed up.")

    heading(5, "Jobs and recovery points", "Read from the vaults of both regions, each vault once.")
    _changes, output = play("jobs", environment)
    for cluster in CLUSTERS:
        job = re.search(rf"{cluster} +OnDemandBackup +Completed", output)
        point = re.search(rf"{cluster} +\d{{4}}-\d\d-\d\d ", output)
        expect(bool(job and point), f"{cluster} has a completed backup and a recovery point.")


def main() -> int:
    started = time.monotonic()
    # A plan is easier to read without the tasks that do not concern a cluster, and as YAML.
    shown = {
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "PYTHONUNBUFFERED": "1",
    }
    if sys.stdout.isatty():
        shown["ANSIBLE_FORCE_COLOR"] = "true"
    print("Starting an emulated Azure on this machine ...", flush=True)
    try:
        with emulator() as cloud:
            pass_the_night(cloud)
            demonstrate({**os.environ, **shown, **cloud})
    except Broken as broken:
        print(f"\ndemo: {broken}", file=sys.stderr)
        return 1
    took = time.monotonic() - started
    print(f"\nDone in {took:.0f} seconds. The emulated Azure is gone; README.md tells of the real one.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
