# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of `./run`, and the report of its stages."""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import dataclasses
import os
import shutil
import signal
import sys
import threading
import time

from . import places
from .stages import STAGES, Stage, closing_line, replace_process
from .tools import Failed, Shell, Skipped, locked, prepare, stop_all

MANUAL = """\
./run - the front door of the collection aks.backup

It needs git, python3 (3.11 to 3.13) and python3-venv. Everything it makes lies in .work/ of this clone; it reads
neither your Ansible configuration nor your Azure credentials, and talks to no Azure but the emulator.

  ./run demo                 protect three clusters of an emulated Azure, from an empty subscription
  ./run test [--jobs N]      the stages, N at a time (2); with CI=true, what a stage had to skip counts as a failure
  ./run STAGE...             these stages; their output is shown
  ./run STAGE [ARGUMENT...]  one stage, with arguments for its tool: ./run unit -k policy -x
  ./run emulator [ARGUMENT...]
                             an emulated Azure in the foreground, for other clients; --help says more
  ./run clean                remove .work/ and the caches of the tools

Stages, each of which makes its environment when missing and leaves a log in .work/log/:

{stages}
"""
# What `./run clean` removes, beside the caches of Python itself.
MADE = ('.work', '.ansible', '.hypothesis', '.mypy_cache', '.pytest_cache', '.ruff_cache', 'tests/output')


@dataclasses.dataclass(frozen=True)
class Result:
    stage: Stage
    outcome: str  # passed, failed or skipped
    seconds: float
    note: str  # the reason, or pytest's closing line


def manual() -> str:
    return MANUAL.format(stages='\n'.join(f'  {stage.name:15} {stage.title}' for stage in STAGES))


def run_stage(stage: Stage, arguments: list[str], shown: bool) -> Result:
    shell = Shell(stage.name, shown)
    started = time.monotonic()
    try:
        # Another ./run in the same clone may be at the same stage, which has one log and one copy of the tree.
        with locked(f'stage-{stage.name}'):
            prepare(shell, *stage.environments)
            stage.run(shell, arguments)
        outcome, note = 'passed', ''
    except Skipped as reason:
        outcome, note = 'skipped', str(reason)
    except Failed as reason:
        outcome, note = 'failed', str(reason)
    if stage.pytest:
        note = ': '.join(filter(None, (note, closing_line(shell.log.read_text()))))
    if outcome != 'passed':
        shell.say(f'{stage.name} {outcome}: {note}')
    return Result(stage, outcome, time.monotonic() - started, note)


def next_stage(waiting: c.Sequence[Stage], tested: bool) -> Stage | None:
    """The first that may start: no stage of pytest while another one is under way."""
    return next((stage for stage in waiting if not (stage.pytest and tested)), None)


def run_stages(stages: c.Sequence[Stage], arguments: list[str], jobs: int, shown: bool) -> list[Result]:
    """Run the stages, the first alone when it is the one that makes the environments; results in their order.

    Of the stages of pytest one at a time, so that none of the others waits behind two of them.
    """
    results: dict[str, Result] = {}

    def one(stage: Stage) -> None:
        if not shown:
            print(f'start   {stage.name}', flush=True)
        result = results[stage.name] = run_stage(stage, arguments, shown)
        if not shown:
            print(f'{result.outcome:7} {stage.name}, {result.seconds:.0f} s  {result.note}', flush=True)
            if result.outcome == 'failed':
                tail = (places.LOGS / f'{stage.name}.log').read_text().splitlines()[-60:]
                print(''.join(f'        | {line}\n' for line in tail), end='', flush=True)

    waiting = list(stages)
    if waiting and waiting[0].name == 'env':
        one(waiting.pop(0))
        if results['env'].outcome == 'failed':
            waiting = []
    changed = threading.Condition()
    tested: list[Stage] = []  # under way, of those that take both cores: one at a time

    def work() -> None:
        while True:
            with changed:
                changed.wait_for(lambda: not waiting or next_stage(waiting, bool(tested)))
                stage = next_stage(waiting, bool(tested))
                if stage is None:
                    return
                waiting.remove(stage)
                if stage.pytest:
                    tested.append(stage)
            try:
                one(stage)
            finally:
                with changed:
                    if stage.pytest:
                        tested.remove(stage)
                    changed.notify_all()

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for future in [pool.submit(work) for _job in range(jobs)]:
                future.result()
        except BaseException:
            with changed:
                waiting.clear()
                changed.notify_all()
            stop_all()
            raise
    return [results[stage.name] for stage in stages if stage.name in results]


def report(results: c.Sequence[Result], strict: bool) -> int:
    """Print the table of results and the closing line; the number of failures. strict: a skip is a failure."""
    print('\nstage            seconds  result')
    for result in results:
        print(f'{result.stage.name:15} {result.seconds:8.1f}  {result.outcome}  {result.note}'.rstrip())
    skipped = [result.stage.name for result in results if result.outcome == 'skipped']
    if skipped:
        meaning = 'counted as failed, since CI=true' if strict else 'NOT or not wholly tested; fails with CI=true'
        print(f'\nSKIPPED: {", ".join(skipped)} ({meaning})')
    failed = sum(result.outcome == 'failed' or (strict and result.outcome == 'skipped') for result in results)
    passed = sum(result.outcome == 'passed' for result in results)
    print(f'{passed} passed, {failed} failed')
    return failed


def clean() -> None:
    for name in MADE:
        shutil.rmtree(places.ROOT / name, ignore_errors=True)
    for cache in places.ROOT.rglob('__pycache__'):
        shutil.rmtree(cache, ignore_errors=True)


def start(program: list[str]) -> None:
    """Make what the program needs and become it. Notices go to stderr: stdout is the program's."""
    with locked('stage-start'):
        shell = Shell('start', shown=False)
        if not (places.ENVIRONMENTS / 'core' / 'made').exists():
            print('run: making the environment, once', file=sys.stderr, flush=True)
        try:
            prepare(shell, 'core')
        except Failed as reason:
            sys.exit(f'{shell.log.read_text()}run: {reason}')
    replace_process(program)


def stages_and_arguments(words: list[str]) -> tuple[list[Stage], list[str]]:
    """The stages that are named, and the arguments for the tool of the only one."""
    named = {stage.name: stage for stage in STAGES}
    if words[0] not in named:
        sys.exit(f'run: there is no stage {words[0]!r}\n\n{manual()}')
    if all(word in named for word in words):
        return [named[word] for word in words], []
    return [named[words[0]]], words[1:]


def end(_number: int, _frame: object) -> None:
    print('run: ended by SIGTERM from outside; what was under way has no result', file=sys.stderr, flush=True)
    sys.exit(143)


def main(words: list[str]) -> int:
    if not words or words[0] in ('help', '-h', '--help'):
        print(manual(), end='')
        return 0
    if words[0] == 'clean':
        clean()
        return 0
    if problem := places.python_problem():
        sys.exit(f'run: {problem}')
    signal.signal(signal.SIGTERM, end)
    command, rest = words[0], words[1:]
    if command == 'demo':
        start([str(places.ROOT / 'tests' / 'demo.py'), *rest])
    if command == 'emulator':
        start(['-m', 'tests.emulator', *rest])
    strict = os.environ.get('CI', '').lower() in ('1', 'true')
    if command == 'test':
        jobs = 2
        if rest[:1] == ['--jobs'] and rest[1:2] and rest[1].isdigit() and int(rest[1]) > 0 and not rest[2:]:
            jobs = int(rest[1])
        elif rest:
            sys.exit(f'run: test knows only --jobs N\n\n{manual()}')
        parts = [stage for stage in STAGES if not stage.apart]
        return 1 if report(run_stages(parts, [], jobs, shown=False), strict) else 0
    stages, arguments = stages_and_arguments(words)
    return 1 if report(run_stages(stages, arguments, 1, shown=True), strict) else 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        stop_all()
        sys.exit(130)
