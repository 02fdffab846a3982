# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program costs: wall time, CPU time, memory, of it and of everything that it starts."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

# Seconds between looks at the memory at least, and how much of the time looking may take: it is work as well.
PAUSE, SHARE = 0.2, 0.02


@dataclass(frozen=True)
class Cost:
    """``wall`` and ``cpu`` in seconds; ``memory`` in MB, of all processes together, at the highest that was seen, pages
    that several share counted once. ``output`` and ``errors`` are what was printed.
    """

    wall: float
    cpu: float
    memory: float
    output: str = ""
    errors: str = ""

    def __add__(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


class Failure(Exception):
    """A measured program ended badly; the text is the end of what it printed."""


def measure(command: list[str | os.PathLike[str]], environment: Mapping[str, str], folder: pathlib.Path) -> Cost:
    """Run a program to its end. The CPU time is its own and that of all children that were waited for."""
    with (folder / "output").open("w") as output, (folder / "errors").open("w") as errors:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        watcher = Watcher(process.pid)
        watcher.start()
        dummy, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        watcher.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    said, wrong = ((folder / name).read_text(errors="replace") for name in ("output", "errors"))
    if process.returncode:
        raise Failure(f"{' '.join(map(str, command))} ended with {process.returncode}\n{said[-4000:]}\n{wrong[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, watcher.most, said, wrong)


class Watcher(threading.Thread):
    """Looks at the memory of a process and its descendants; ``most`` is the highest sum, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self._pid = pid
        self._ended = threading.Event()

    def run(self) -> None:
        pause = PAUSE / 4
        while not self._ended.wait(pause):
            begin = time.thread_time()
            self.most = max(self.most, sum(map(proportional, family(self._pid))))
            pause = max(PAUSE, (time.thread_time() - begin) / SHARE)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path("/proc", entry, "stat").read_text()
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], ())
    return found


def proportional(pid: int) -> float:
    """The memory of a process in MB, where a page that n processes share counts as an n-th; 0 when it has ended."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
