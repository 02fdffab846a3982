# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.emulator``: the server in the foreground; prints what to export, then ``# ready``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import signal
import sys
import tempfile
from pathlib import Path

from .scenarios import PROFILES
from .server import Server

PARENT_CHECK = 1.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description=__doc__)
    parser.add_argument("--scenario", default="default", help="name or YAML file of what the cloud holds")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--directory", type=Path, help="where the CA file goes; default: private, removed at the end")
    parser.add_argument("--speed", type=float, default=1.0, help="virtual seconds per real second")
    parser.add_argument("--latency", type=float, default=None, help="real seconds added to every ARM request")
    parser.add_argument("--page-size", type=int, default=None, help="items per page of a list")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="strict", help="how Azure's day is")
    parser.add_argument("--seed", type=int, help="of everything random; printed")
    parser.add_argument("--lifetime", type=float, help="end after so many real seconds")
    parser.add_argument("--environment", type=Path, help="write what to export, and the process ID, here as JSON")
    parser.add_argument("--state", type=Path, help="load the state from here if it exists, save it here at the end")
    return parser.parse_args()


async def serve(options: argparse.Namespace, directory: Path) -> None:
    # Now, since whoever waits for "ready" can be gone a moment after it.
    parent = os.getppid()
    settings = {name: value for name, value in (("latency", options.latency), ("page_size", options.page_size))
                if value is not None}
    server = Server(directory, scenario=options.scenario, port=options.port, speed=options.speed, seed=options.seed,
                    profile=options.profile)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start()
    if options.state and options.state.is_file():
        server.load(json.loads(options.state.read_text(encoding="utf-8")))
    server.world.settings.change(settings)
    for name, value in server.environment.items():
        print(f"export {name}={shlex.quote(value)}")
    if options.environment:
        write_private(options.environment, json.dumps({**server.environment, "EMULATOR_PID": str(os.getpid())}))
    print(f"# seed {server.world.seed}, profile {options.profile}, speed {options.speed}")
    print("# ready", flush=True)
    deadline = loop.time() + (options.lifetime or float("inf"))
    while not stop.is_set() and os.getppid() == parent and loop.time() < deadline:
        try:
            await asyncio.wait_for(stop.wait(), min(PARENT_CHECK, max(0.0, deadline - loop.time())))
        except asyncio.TimeoutError:
            continue
    if options.state:
        options.state.write_text(json.dumps(server.save()), encoding="utf-8")
        options.state.chmod(0o600)
    await server.stop()


def write_private(path: Path, text: str) -> None:
    """Whole or not at all: whoever waits for the file to appear does not see half of it. It holds a secret."""
    draft = path.with_name(path.name + ".part")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def main() -> int:
    options = arguments()
    try:
        if options.directory:
            options.directory.mkdir(parents=True, exist_ok=True)
            asyncio.run(serve(options, options.directory))
        else:
            with tempfile.TemporaryDirectory(prefix="aks-backup-emulator-") as directory:
                asyncio.run(serve(options, Path(directory)))
    except (OSError, ValueError) as error:
        print(f"The emulator cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
