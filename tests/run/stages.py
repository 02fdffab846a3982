# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of `./run test`: one function and one line of the table each.

A stage raises Failed when something is wrong and Skipped when there was nothing, or not everything, to look at.
Several of the tools end with 0 after having looked at nothing; each such case is told from success here.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import os
import pathlib
import re
import shutil
import sys

from . import apiserver, places
from .places import ROOT, WORK
from .tools import GET_PIP, Failed, Shell, Skipped, bundled, copy_tree, locked, prepare

PYTHON = f'{sys.version_info[0]}.{sys.version_info[1]}'


@dataclasses.dataclass(frozen=True)
class Stage:
    """name: what `./run NAME` calls it; environments: names of tools.PACKAGES; pytest: takes pytest's arguments;
    apart: not part of `./run test`.
    """

    name: str
    title: str
    run: c.Callable[[Shell, list[str]], None]
    environments: tuple[str, ...] = ('core',)
    pytest: bool = False
    apart: bool = False


def plugin_files(kind: str) -> list[pathlib.Path]:
    """The plugins of a kind, such as modules, by file."""
    return sorted((ROOT / 'plugins' / kind).glob('[!_]*.py'))


def env(shell: Shell, _arguments: list[str]) -> None:
    prepare(shell, *dict.fromkeys(name for stage in STAGES if not stage.apart for name in stage.environments))
    shell.call('ansible', '--version')
    shell.call(places.ENVIRONMENTS / 'uv' / 'bin' / 'uv', 'pip', 'check', '--python', places.ENVIRONMENTS / 'core')


def sanity(shell: Shell, arguments: list[str]) -> None:
    ignores = sorted(path.name for path in (ROOT / 'tests' / 'sanity').glob('ignore*.txt'))
    if ignores:
        raise Failed(f'{", ".join(ignores)}: this collection ignores no finding')
    folder = copy_tree(shell, places.TREE)
    seed_get_pip()
    _code, output = shell.call(
        'ansible-test', 'sanity', '--local', '--python', PYTHON, '--color', 'no', *arguments, cwd=folder,
    )
    if problem := sanity_problem(output):
        raise Failed(problem)
    if not plugin_files('modules'):
        raise Skipped('there are no modules to test')


# The words of ansible-test's warnings when it leaves something out, as against those of the pip that it runs.
OMISSION = re.compile(r'^WARNING: (.*(?:[Ss]kipp|Required program|not found|[Uu]nable|No tests).*)$', re.MULTILINE)
# Tests without which the others say little.
ESSENTIAL = ('ansible-doc', 'import', 'pylint', 'validate-modules', 'yamllint')


def sanity_problem(output: str) -> str | None:
    """What ansible-test did not do although it ended well: it warns of tests that it leaves out, and carries on."""
    if 'All targets skipped' in output:
        return 'ansible-test found no files to test'
    if omission := OMISSION.search(output):
        return f'ansible-test did not look at everything: {omission[1]}'
    ran = set(re.findall(r'^Running sanity test "([a-z0-9-]+)"', output, re.MULTILINE))
    if missing := sorted(set(ESSENTIAL) - ran):
        return f'ansible-test did not run {", ".join(missing)}'
    return None


def seed_get_pip() -> None:
    """Put GET_PIP into ansible-test's cache, under the names that the installed ansible-test looks for."""
    package = next((places.ENVIRONMENTS / 'core' / 'lib').glob('python*/site-packages/ansible_test/_internal'))
    versions = set(re.findall(r"\bpip='([0-9.]+)'", (package / 'python_requirements.py').read_text()))
    if not versions:
        raise Failed('this ansible-test names no version of pip; tests/run/stages.py must learn where it does')
    cache = places.HOME / '.ansible' / 'test' / 'cache'
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        (cache / f'get_pip_{version.replace(".", "_")}.py').write_text(GET_PIP)


def lint(shell: Shell, _arguments: list[str]) -> None:
    problems = []
    for name, command in {
        'ruff': ('ruff', 'check', '--cache-dir', WORK / 'ruff', '.'),
        'yamllint': ('yamllint', '--strict', '.'),
        'reuse': ('reuse', 'lint', '--lines'),
        'antsibull-nox': ('nox', '--session', 'extra-checks'),
        'ansible-lint': ('ansible-lint', '--offline', '--nocolor'),
    }.items():
        code, output = shell.call(*command, env='lint', accept=range(256))
        if code:
            problems.append(name)
        elif name == 'ansible-lint' and "Profile 'production' was required, and it passed" not in output:
            problems.append(f'{name} (passed, but not as production)')
    if problems:
        raise Failed(f'findings of {", ".join(problems)}')


def types(shell: Shell, arguments: list[str]) -> None:
    packages = [
        argument
        for folder, package in {
            'plugins/module_utils': 'ansible_collections.aks.backup.plugins.module_utils',
            'plugins/action': 'ansible_collections.aks.backup.plugins.action',
            'plugins/plugin_utils': 'ansible_collections.aks.backup.plugins.plugin_utils',
            'tests/emulator': 'tests.emulator',
            'tests/harness': 'tests.harness',
            'tests/run': 'tests.run',
        }.items()
        if (ROOT / folder).is_dir()
        for argument in ('--package', package)
    ]
    shell.call('mypy', '--python-executable', python(), *packages, *arguments, env='lint')
    missing = [name for name in ('plugins/module_utils', 'tests/emulator') if not (ROOT / name).is_dir()]
    if missing:
        raise Skipped(f'there is no {" and no ".join(missing)}')


def docs(shell: Shell, _arguments: list[str]) -> None:
    folder = copy_tree(shell, WORK / 'docs')
    command = (
        'antsibull-docs', 'lint-collection-docs', '--plugin-docs', '--validate-collection-refs=all',
        '--check-extra-docs-refs', '.',
    )
    shell.call(*command, env='lint', cwd=folder)
    # The linter is content when it finds no plugins, so see that it finds one that it must not like.
    canary = folder / 'plugins' / 'modules' / 'canary.py'
    canary.write_text("DOCUMENTATION = '''\\nmodule: canary\\n'''\n")
    shell.call('git', 'add', canary, cwd=folder)
    _code, output = shell.call(*command, env='lint', cwd=folder, accept=(0, 3))
    if 'plugins/modules/canary.py' not in output:
        raise Failed('antsibull-docs does not look at the modules')


def changelog(shell: Shell, _arguments: list[str]) -> None:
    shell.call('antsibull-changelog', 'lint', env='lint')
    shell.call('antsibull-changelog', 'lint-changelog-yaml', 'changelogs/changelog.yaml', env='lint')


def build(shell: Shell, _arguments: list[str]) -> None:
    work = WORK / 'build'
    shutil.rmtree(work, ignore_errors=True)
    # From a copy, since the build knows nothing of .gitignore and would pack the environments.
    source, installed = copy_tree(shell, work / 'source'), work / 'installed'
    shell.call('ansible-galaxy', 'collection', 'build', '--output-path', work, cwd=source)
    archive = next(work.glob('aks-backup-*.tar.gz'))
    alone = {'ANSIBLE_COLLECTIONS_PATH': str(installed)}
    shell.call('ansible-galaxy', 'collection', 'install', '--offline', '-p', installed, archive, extra=alone)
    shell.call('ansible-galaxy', 'collection', 'verify', '--offline', 'aks.backup', extra=alone)
    private = [name for name in ('.git', '.work', 'tests', 'run') if (installed / places.COLLECTION / name).exists()]
    if private:
        raise Failed(f'the archive holds {", ".join(private)}; see build_ignore in galaxy.yml')
    modules = [f'aks.backup.{path.stem}' for path in plugin_files('modules')]
    if modules:
        shell.call('ansible-doc', '--json', '--type', 'module', *modules, extra=alone)

    configuration = work / 'importer.cfg'
    configuration.write_text('[galaxy-importer]\nCHECK_REQUIRED_TAGS = True\nCHECK_CHANGELOG = True\n')
    _code, output = shell.call(
        'python', '-m', 'galaxy_importer.main', archive, env='importer', cwd=work,
        extra={'GALAXY_IMPORTER_CONFIG': str(configuration), 'ANSIBLE_COLLECTIONS_PATH': str(work)},
    )
    # The importer ends with 0 whatever its checks have found.
    if errors := re.findall(r'^.*\bERROR\b.*$', output, re.MULTILINE):
        raise Failed(f'galaxy-importer: {errors[0].strip()}')
    _code, output = shell.call('ansible-builder', 'introspect', '--sanitize', installed, env='importer')
    packages = re.findall(r"^- '?(\S+)  # from collection aks\.backup", output, re.MULTILINE)
    if not packages:
        raise Failed('an execution environment would install no Python package for this collection')
    if not modules:
        raise Skipped('there are no modules to install')


def molecule(shell: Shell, arguments: list[str]) -> None:
    scenarios = sorted(path.parent.name for path in (ROOT / 'extensions' / 'molecule').glob('*/molecule.yml'))
    # In the root of the collection: elsewhere molecule does not find its configuration, and is content to do nothing.
    _code, output = shell.call(
        'molecule', 'test', *(arguments or ('--all',)),
        extra={'NO_COLOR': '1', 'PY_COLORS': '0', 'ANSIBLE_FORCE_COLOR': '0'},
    )
    if problem := molecule_problem(output, [] if arguments else scenarios):
        raise Failed(problem)


def molecule_problem(output: str, scenarios: list[str]) -> str | None:
    """What molecule left out although it ended well: scenarios, or playbooks that it did not find."""
    recap = dict(re.findall(r'^(\w+) +: +actions=\d+ +(successful=.*)$', output, re.MULTILINE))
    if missing := sorted(set(scenarios) - set(recap)):
        return f'molecule did not run {", ".join(missing)}'
    short = [name for name, said in recap.items() if not re.search(r'skipped=0 +missing=0 +failed=0', said)]
    if short or not recap:
        return f'molecule did not do everything in {", ".join(short) or "any scenario"}'
    return None


def pytest(*folders: str, env: str = 'core', dist: str = 'worksteal') -> c.Callable[[Shell, list[str]], None]:
    """A stage that runs the tests of some folders, files or single tests, or those that its arguments name, in an
    environment.

    dist: how they are shared out, as in xdist: in parts, of which who has done his own takes from another's rest; by
    file where the tests of a file share what takes long to make.
    """
    def run(shell: Shell, arguments: list[str]) -> None:
        chosen = any((ROOT / argument.split('::')[0]).exists() for argument in arguments)
        for folder in folders:
            place = ROOT / folder.split('::')[0]
            if not chosen and not place.is_file() and not any(place.rglob('test_*.py')):
                raise Skipped(f'there are no tests in {folder}')
        targets = arguments if chosen else [*folders, *arguments]
        # Another ./run in the same clone may be at tests as well: each takes two cores. Three processes, since a test
        # waits for Azure or for a playbook a quarter of its time.
        with locked('pytest'):
            code, output = shell.call(
                'python', '-m', 'pytest', '-n', '3', '--dist', dist, *targets, env=env, accept=(0, 1, 5),
            )
        if code == 1:
            raise Failed('tests failed')
        if problem := pytest_problem(code, output):
            raise Skipped(problem)
    return run


def kubernetes(shell: Shell, arguments: list[str]) -> None:
    """What lies in clusters, with a real API server; the first run on a machine builds it."""
    os.environ['KUBERNETES_PROGRAMS'] = str(apiserver.programs(shell))
    pytest('tests/kubernetes', dist='loadfile')(shell, arguments)


def awx(shell: Shell, arguments: list[str]) -> None:
    """What AWX needs, with ansible-runner, ansible-builder and the modules of awx.awx."""
    os.environ['PUBLISHED_COLLECTIONS'] = str(bundled(shell, 'awx.awx'))
    pytest('tests/awx', env='awx', dist='loadfile')(shell, arguments)


def rulebook(shell: Shell, arguments: list[str]) -> None:
    """The rulebook with ansible-rulebook, whose engine of rules is Java."""
    _code, output = shell.call('java', '-version', accept=range(256)) if shutil.which('java') else (1, '')
    version = re.search(r'version "(\d+)', output)
    if version is None or int(version[1]) < 17:
        raise Skipped('ansible-rulebook needs Java 17 or newer: apt-get install openjdk-17-jre-headless')
    pytest('tests/eda', env='eda')(shell, arguments)


def provision(shell: Shell, arguments: list[str]) -> None:
    """A cluster created by azure.azcollection, in an environment with the packages that it asks for."""
    published = bundled(shell, 'azure.azcollection')
    prepare(shell, 'azcollection')
    python = places.ENVIRONMENTS / 'azcollection' / 'bin' / 'python'
    os.environ.update(PUBLISHED_COLLECTIONS=str(published), AZCOLLECTION_PYTHON=str(python))
    pytest('tests/provision')(shell, arguments)


def bench(shell: Shell, arguments: list[str]) -> None:
    """Measures the collection beside what one would take instead; alone, since whatever else runs is measured too."""
    bundle = bundled(shell, 'azure.azcollection')
    prepare(shell, 'azcollection')
    # With --full it is most of an hour on two cores.
    shell.deadline = 7200
    with locked('pytest'):
        shell.call('python', '-m', 'tests.benchmark', '--bundle', bundle, *arguments, extra={'PYTHONPATH': str(ROOT)})


def pytest_problem(code: int, output: str) -> str | None:
    """What pytest left out: everything (exit code 5), or the tests that its closing line counts as skipped."""
    if code == 5:
        return 'pytest found no tests'
    skipped = re.search(r'\b(\d+) skipped\b', closing_line(output))
    return f'{skipped[1]} tests were skipped' if skipped else None


def closing_line(output: str) -> str:
    """The line in which pytest sums up, without its rules; empty when there is none."""
    lines = re.findall(r'^=+ (.*\bin \d[\d.]*s\b.*?) =+$', output, re.MULTILINE)
    return lines[-1] if lines else ''


def python() -> pathlib.Path:
    return places.ENVIRONMENTS / 'core' / 'bin' / 'python'


def replace_process(arguments: list[str]) -> None:
    """Become a Python program of the core environment, in the user's folder and with the user's terminal."""
    environ = places.tool_environ(os.environ, places.ENVIRONMENTS / 'core' / 'bin')
    os.execve(python(), [str(python()), *arguments], {**environ, 'PYTHONPATH': str(ROOT)})


# In the order in which they start, of pytest's one at a time: the long ones first.
STAGES = (
    Stage('env', 'make the environments', env, ()),
    Stage('lifecycle', 'every module through create, change, delete, as a process and in the worker',
          pytest('tests/lifecycle'), pytest=True),
    Stage('sanity', "ansible-test's sanity tests, without ignore files", sanity),
    Stage('molecule', 'the role: plan, converge, again, plan again, verify; over five beginnings', molecule),
    Stage('failures', 'faults, interruptions and concurrency', pytest('tests/failures'), pytest=True),
    Stage('emulator-tests', 'the emulator, driven by the bare Azure packages', pytest('tests/emulator/tests'),
          pytest=True),
    Stage('examples', 'every example runs', pytest('tests/examples'), pytest=True),
    Stage('awx', "jobs as AWX runs them, its content as code, and the execution environment's definition", awx,
          ('awx',), pytest=True),
    Stage('oldest', 'unit tests, the lifecycle of the modules and a look of the role, with the oldest versions allowed',
          pytest('tests/unit', 'tests/lifecycle/test_matrix.py',
                 'tests/lifecycle/test_role_states.py::test_preflight_looks_before_the_first_step', env='oldest'),
          ('oldest',), pytest=True),
    Stage('unit', 'pure functions, layers, and what can be forgotten', pytest('tests/unit'), pytest=True),
    Stage('build', 'build, install, verify and import the archive', build, ('core', 'importer')),
    Stage('lint', 'ruff, yamllint, reuse, and ansible-lint as production', lint, ('core', 'lint')),
    Stage('types', 'mypy over the engine, action plugins, emulator and tools', types, ('core', 'lint')),
    Stage('docs', 'antsibull-docs over plugins and guides', docs, ('lint',)),
    Stage('changelog', 'fragments and changelog.yaml', changelog, ('lint',)),
    Stage('test-day-two', "the role's entry points after protection is set up; not part of test, but of CI",
          pytest('tests/day_two'), pytest=True, apart=True),
    Stage('test-fleets', 'what is told of random fleets, fifty each, and what is there; not part of test, but of CI',
          pytest('tests/fleets'), pytest=True, apart=True),
    Stage('test-k8s', 'hooks and resource modifiers with a real API server of Kubernetes; not part of test, but of CI',
          kubernetes, pytest=True, apart=True),
    Stage('bench', 'what it costs, beside the Azure CLI and azure.azcollection; takes arguments; not part of test',
          bench, ('core', 'az'), apart=True),
    Stage('test-az', 'the Azure CLI with the emulator, beside the collection; not part of test',
          pytest('tests/az', dist='loadfile'), ('core', 'az'), pytest=True, apart=True),
    Stage('test-eda', 'the rulebook with ansible-rulebook, which takes Java 17 or newer; not part of test, but of CI',
          rulebook, ('eda',), pytest=True, apart=True),
    Stage('test-provision', 'a cluster created by azure.azcollection and protected; not part of test, but of CI',
          provision, pytest=True, apart=True),
    Stage('test-scale', 'a thousand clusters in four slices, throttled, in some ten minutes; not part of test',
          pytest('tests/scale'), pytest=True, apart=True),
    Stage('test-browser', 'the coverage page in Chromium, which has to be installed; not part of test, but of CI',
          pytest('tests/browser', env='browser', dist='loadfile'), ('browser',), pytest=True, apart=True),
)
