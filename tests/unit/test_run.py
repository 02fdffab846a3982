# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool chain's own judgement: what it hides from the tools, and how it tells nothing from success."""

from __future__ import annotations

import pathlib
import sys
import threading

import pytest

from tests.run import places
from tests.run.__main__ import Result, manual, report, run_stages, stages_and_arguments
from tests.run.places import pip_configuration, pip_settings, python_problem, tool_environ, uv_environ
from tests.run.stages import STAGES, Stage, closing_line, molecule_problem, pytest_problem, sanity_problem
from tests.run.tools import Failed, Shell, Skipped

ESSENTIAL = "".join(
    f'Running sanity test "{name}"\n' for name in ("ansible-doc", "import", "pylint", "validate-modules", "yamllint")
)


def test_tools_see_neither_credentials_nor_configuration() -> None:
    environ = tool_environ(
        {
            "ANSIBLE_VAULT_PASSWORD_FILE": "/home/someone/.vault",
            "ARM_CLIENT_SECRET": "s",
            "AZURE_SECRET": "s",
            "AZURE_CONFIG_DIR": "/home/someone/.azure",
            "HOME": "/home/someone",
            "MSI_ENDPOINT": "http://localhost",
            "PYTHONPATH": "/elsewhere",
            "XDG_CONFIG_HOME": "/home/someone/.config",
            "PATH": "/usr/bin",
        }
    )
    assert [name for name in environ if name.startswith(("ARM_", "AZURE_", "MSI_", "XDG_", "PYTHONP"))] == []
    assert {name for name in environ if name.startswith("ANSIBLE_")} == {
        "ANSIBLE_COLLECTIONS_PATH",
        "ANSIBLE_CONFIG",
    }
    assert "someone" not in str(environ)


def test_tools_see_how_packages_are_fetched() -> None:
    given = {
        "HTTPS_PROXY": "http://proxy:3128",
        "PIP_INDEX_URL": "https://packages.example.com/simple",
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "UV_DEFAULT_INDEX": "https://packages.example.com/simple",
    }
    environ = tool_environ(given)
    assert {name: environ[name] for name in given} == given


def test_the_emulator_is_never_reached_through_a_proxy() -> None:
    environ = tool_environ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "example.com"})
    assert environ["no_proxy"] == environ["NO_PROXY"] == "example.com,localhost,127.0.0.1"


def test_programs_of_the_environment_come_first() -> None:
    assert tool_environ({"PATH": "/usr/bin"}, pathlib.Path("/env/bin"))["PATH"] == "/env/bin:/usr/bin"


def test_pip_configuration_survives_the_change_of_home() -> None:
    sections = pip_settings(
        ":env:.index-url='https://one.example.com/simple'\n"
        "global.extra-index-url='https://two.example.com/simple\\nhttps://three.example.com/simple'\n"
        "install.no-binary='x'\n"
    )
    assert pip_configuration(sections, {"SSL_CERT_FILE": "/own.pem", "https_proxy": "http://proxy:3128"}) == (
        "[global]\n"
        "cert = /own.pem\n"
        "extra-index-url = https://two.example.com/simple\n    https://three.example.com/simple\n"
        "index-url = https://one.example.com/simple\n"
        "proxy = http://proxy:3128\n"
        "[install]\n"
        "no-binary = x\n"
    )


def test_uv_learns_the_index_of_pip_unless_it_has_its_own(tmp_path: pathlib.Path) -> None:
    sections = {"global": {"index-url": "https://one.example.com/simple"}}
    nowhere = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert uv_environ(sections, nowhere) == {"UV_DEFAULT_INDEX": "https://one.example.com/simple"}
    assert uv_environ(sections, {**nowhere, "UV_DEFAULT_INDEX": "https://two.example.com/simple"}) == {}


@pytest.mark.parametrize("version, fits", [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_only_fitting_pythons_make_environments(version: tuple[int, int], fits: bool) -> None:
    assert (python_problem(version) is None) == fits


@pytest.mark.parametrize(
    "output, problem",
    [
        (ESSENTIAL, None),
        (ESSENTIAL + "WARNING: Location 'file:///x' is ignored: it is neither a file nor a directory.\n", None),
        ("WARNING: All targets skipped.\n", "no files"),
        (ESSENTIAL + 'WARNING: Required program "shellcheck" not found.\n', "shellcheck"),
        (ESSENTIAL + 'WARNING: Skipping sanity test "pslint" on Python 3.11\n', "pslint"),
        (ESSENTIAL.replace('Running sanity test "validate-modules"\n', ""), "validate-modules"),
    ],
)
def test_sanity_that_looked_at_nothing_is_told_from_success(output: str, problem: str | None) -> None:
    found = sanity_problem(output)
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    "code, closing, problem",
    [
        (0, "12 passed in 3.21s", None),
        (0, "12 passed, 2 skipped, 1 warning in 61.02s (0:01:01)", "2 tests were skipped"),
        (5, "no tests ran in 0.01s", "pytest found no tests"),
    ],
)
def test_skipped_tests_are_told_from_passed_ones(code: int, closing: str, problem: str | None) -> None:
    output = f"..\n========= {closing} =========\n"
    assert closing_line(output) == closing
    assert pytest_problem(code, output) == problem


def test_stages_have_names_of_their_own() -> None:
    names = [stage.name for stage in STAGES]
    assert len(set(names)) == len(names)
    assert not {"demo", "test", "emulator", "clean", "help"} & set(names)


def test_the_manual_names_every_stage() -> None:
    assert [stage.name for stage in STAGES if f"\n  {stage.name:15} {stage.title}\n" not in manual()] == []


@pytest.mark.parametrize(
    "strict, failures, closing",
    [
        (False, 1, "1 passed, 1 failed"),
        (True, 2, "1 passed, 2 failed"),
    ],
)
def test_continuous_integration_counts_a_skip_as_a_failure(
    strict: bool,
    failures: int,
    closing: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = [Result(STAGES[0], outcome, 1.0, "") for outcome in ("passed", "failed", "skipped")]
    assert report(results, strict) == failures
    assert capsys.readouterr().out.splitlines()[-1] == closing


def test_every_outcome_of_a_stage_is_reported(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(shell: Shell, arguments: list[str]) -> None:
        raise Skipped("nothing there")

    def fail(shell: Shell, arguments: list[str]) -> None:
        raise Failed("something wrong")

    monkeypatch.setattr(places, "LOGS", tmp_path)
    monkeypatch.setattr("tests.run.__main__.prepare", lambda *_: None)
    stages = [Stage("well", "", lambda *_: None), Stage("skip", "", skip), Stage("fail", "", fail)]
    results = run_stages(stages, [], 2, shown=False)
    assert [(result.stage.name, result.outcome, result.note) for result in results] == [
        ("well", "passed", ""),
        ("skip", "skipped", "nothing there"),
        ("fail", "failed", "something wrong"),
    ]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_stages_of_pytest_neither_meet_nor_keep_others_waiting(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(places, "LOGS", tmp_path)
    monkeypatch.setattr("tests.run.__main__.prepare", lambda *_: None)
    under_way, met, others = [], [], threading.Event()

    def tests(shell: Shell, arguments: list[str]) -> None:
        met.extend(under_way)
        under_way.append(shell.name)
        # Held up until the other stages are through, where there is anybody to do them.
        assert jobs == 1 or others.wait(20)
        under_way.remove(shell.name)

    def other(shell: Shell, arguments: list[str]) -> None:
        if shell.name == "last":
            others.set()

    stages = [Stage(name, "", tests, pytest=True) for name in ("first", "second")]
    stages += [Stage(name, "", other) for name in ("third", "last")]
    results = run_stages(stages, [], jobs, shown=False)
    assert [(result.stage.name, result.outcome) for result in results] == [
        (stage.name, "passed") for stage in stages
    ]  # fmt: skip
    assert met == []


def test_what_follows_a_stage_goes_to_its_tool() -> None:
    def names(*words: str) -> tuple[list[str], list[str]]:
        stages, arguments = stages_and_arguments(list(words))
        return [stage.name for stage in stages], arguments

    assert names("unit", "lint") == (["unit", "lint"], [])
    assert names("unit", "-k", "policy") == (["unit"], ["-k", "policy"])
    with pytest.raises(SystemExit, match="no stage 'units'"):
        names("units")


@pytest.fixture
def shell(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr(places, "LOGS", tmp_path)
    return Shell("stage", shown=False, deadline=1)


def test_a_failing_program_fails_its_stage_and_leaves_its_output(shell: Shell) -> None:
    with pytest.raises(Failed, match="ended with 3"):
        shell.call(sys.executable, "-c", 'print("a reason"); raise SystemExit(3)', env=None)
    assert "a reason" in shell.log.read_text()
    assert shell.call(sys.executable, "-c", "raise SystemExit(3)", env=None, accept=(3,)) == (3, "")


def test_a_program_that_hangs_is_ended_with_all_that_it_started(shell: Shell) -> None:
    """The inner program holds the outer one's output open: the call could not return while it lives."""
    inner = "import time; time.sleep(600)"
    outer = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {inner!r}])'
    with pytest.raises(Failed, match="was stopped after 1 seconds"):
        shell.call(sys.executable, "-c", outer, env=None)
    assert not shell.running


@pytest.mark.parametrize(
    ("recap", "said"),
    [
        ("default : actions=8  successful=8  disabled=0  skipped=0  missing=0  failed=0\n"
         "absent  : actions=8  successful=8  disabled=0  skipped=0  missing=0  failed=0\n", None),
        ("default : actions=8  successful=8  disabled=0  skipped=0  missing=0  failed=0\n", "did not run absent"),
        ("default : actions=8  successful=7  disabled=0  skipped=0  missing=1  failed=0\n"
         "absent  : actions=8  successful=8  disabled=0  skipped=0  missing=0  failed=0\n", "everything in default"),
    ],
)  # fmt: skip
def test_what_molecule_leaves_out_is_noticed(recap, said):
    problem = molecule_problem(recap, ["absent", "default"])
    assert problem is None if said is None else said in problem
