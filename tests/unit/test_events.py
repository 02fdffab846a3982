# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event source tells of, and what it has told already; its options and its rulebook."""

from __future__ import annotations

import datetime
import importlib.util
import pathlib
import re
import shutil
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.aks.backup.plugins.module_utils import _module
from ansible_collections.aks.backup.plugins.module_utils._advice import ADVICE
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import events
from tests.unit import wire_documents as wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
EDA = ROOT / "extensions" / "eda"
NOW = datetime.datetime(2026, 1, 5, 8, tzinfo=datetime.timezone.utc)
CLUSTER = {
    "id": wire.CLUSTER,
    "location": "eastus",
    "name": "aks-east-1",
    "resource_group": "rg-clusters",
    "subscription_id": wire.SUBSCRIPTION,
    "tags": {},
}
CLUSTERS = {wire.CLUSTER.lower(): CLUSTER}


def job(name: str, ended: float, started: float | None = None, *, cluster: str = wire.CLUSTER, status: str = "Failed",
        category: str = "Backup", errors: Any = None) -> dict[str, Any]:  # fmt: skip
    """A job that ended so many hours ago."""

    def ago(hours: float) -> str:
        return f"{NOW - datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M:%S.1234567Z}"

    properties = {
        **wire.JOB_DOCUMENT["properties"],  # type: ignore[dict-item]
        "dataSourceId": cluster,
        "endTime": ago(ended),
        "errorDetails": errors,
        "extendedInfo": None,
        "operationCategory": category,
        "startTime": ago(ended + 1 if started is None else started),
        "status": status,
    }
    return {"id": f"{wire.VAULT}/backupJobs/{name}", "name": name, "properties": properties}


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def test_the_first_look_goes_back_as_far_as_asked_and_later_ones_tell_what_is_new() -> None:
    rows = [job("b", 1), job("a", 2), job("old", 30), job("foreign", 1, cluster=wire.CLUSTER + "0")]
    assert names(events.new_jobs(rows, CLUSTERS, events.Memory(), NOW, 86400)) == ["a", "b"]
    known = events.Memory("2026-01-05T07:00:00Z", {rows[0]["id"].lower(): "x"})
    # What showed up late, however long it lasted, is told as well.
    assert names(events.new_jobs(rows, CLUSTERS, known, NOW, 86400)) == ["old", "a"]


def test_earlier_failures_are_backups_of_the_cluster_within_a_day_before() -> None:
    last = job("last", 1)
    rows = [
        last,
        job("same-time", 1),
        job("yesterday", 24.5),
        job("before", 25.5),
        job("later", 0.5),
        job("foreign", 2, cluster=wire.CLUSTER + "0"),
        job("warned", 3, status="CompletedWithWarnings"),
        job("restore", 3, category="Restore"),
    ]
    trouble = events.by_cluster(rows)
    assert events.earlier_failures(last, trouble) == 1
    # Of two that end in one moment, exactly one is the first.
    assert events.earlier_failures(rows[1], trouble) == 2


PASSING = {"code": "CloudInternalError", "message": "m", "isRetryable": False}
STAYING = {"code": "UserErrorMissingRequiredPermissions", "message": "m", "isRetryable": False}


@pytest.mark.parametrize(
    ("status", "errors", "expected"),
    [
        ("Failed", [PASSING], True),
        ("Failed", [{**STAYING, "isRetryable": True}], True),
        ("Failed", [PASSING, STAYING], False),
        ("Failed", [], False),
        ("Failed", None, False),
        ("Cancelled", [PASSING], False),
        ("CompletedWithWarnings", [PASSING], False),
    ],
)
def test_what_is_worth_another_try(status: str, errors: Any, expected: bool) -> None:
    assert events.retryable(job("one", 1, status=status, errors=errors)) is expected


def test_passing_codes_are_ones_with_advice() -> None:
    assert set(events.PASSING_CODES) <= set(ADVICE)


def test_an_event_of_a_job() -> None:
    document = job("one", 1, status="Cancelled")
    event = events.job_event(document, CLUSTER, 2)
    assert {key: value for key, value in event.items() if key != "job"} == {
        "cluster": CLUSTER,
        "earlier_failures": 2,
        "instance": {"id": wire.INSTANCE, "name": wire.INSTANCE.rsplit("/", 1)[-1], "vault_id": wire.VAULT},
        "kind": "job",
        "message": "The OnDemandBackup job of aks-east-1 ended as Cancelled. Azure gave no reason.",
        "reason": "cancelled",
        "retryable": False,
    }
    assert event["job"]["id"] == document["id"]


def test_findings_are_told_by_reason_and_cluster() -> None:
    found = [
        {"fix": "Fix it.", "message": "Late.", "reason": "rpo_missed", "severity": "error"},
        {"fix": "Fix it.", "message": "Paused.", "reason": "suspended", "severity": "warning"},
    ]
    cluster = {**CLUSTER, "findings": found, "protection": {"last_good_backup": "2026-01-01T00:00:00Z"}}
    assert events.findings([cluster], ["rpo_missed"]) == {
        f"rpo_missed {wire.CLUSTER.lower()}": {
            "cluster": CLUSTER,
            "kind": "finding",
            "last_good_backup": "2026-01-01T00:00:00Z",
            **found[0],
        }
    }


def test_that_nothing_can_be_seen_is_told_once() -> None:
    seen = events.Memory("2026-01-05T07:00:00Z", {"one": "x"}, frozenset({"rpo_missed c"}))
    told, memory = events.unseen("No answer.", seen)
    assert [event["kind"] for event in told] == ["blind"] and "No answer." in told[0]["message"]
    assert memory.open == {"rpo_missed c", "blind"} and memory.jobs == seen.jobs and memory.looked == seen.looked
    assert events.unseen("Still no answer.", memory) == ([], memory)


def test_a_memory_survives_its_file() -> None:
    memory = events.Memory("2026-01-05T07:00:00Z", {"b": "x", "a": "y"}, frozenset({"z", "y"}))
    assert events.Memory.read(memory.text(), "f") == memory
    # Somebody's hand in it must not end the source at some later look.
    odd = events.Memory.read('{"looked": "2026-01-05T07:00:00Z", "jobs": {"a": 1, "b": null}, "open": [1]}', "f")
    assert set(map(type, [*odd.jobs.values(), *odd.open])) == {str}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"looked": "soon", "jobs": {}, "open": []}', '{"looked": 1}'])
def test_a_file_that_is_something_else_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="f is not the state of an event source"):
        events.Memory.read(text, "f")


def test_options_that_cannot_be_meant_are_refused_at_once() -> None:
    params = {"grace": "soon", "since": "8d", "subscription_id": wire.SUBSCRIPTION}
    with pytest.raises(Refused) as caught:
        events.check(params)
    assert "grace is 'soon'" in caught.value.message and "since is 8d" in caught.value.message
    events.check({**params, "grace": "2h", "since": "7d"})


# The event source and its rulebook


@pytest.fixture(scope="module")
def source() -> ModuleType:
    path = EDA / "plugins" / "event_source" / "aks_backup_jobs.py"
    spec = importlib.util.spec_from_file_location("aks_backup_jobs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_option_is_documented_as_it_is(source: ModuleType) -> None:
    documented = yaml.safe_load(source.DOCUMENTATION)
    own = {name: option for name, option in source.SPEC.items() if name in documented["options"]}
    for name, option in own.items():
        said = documented["options"][name]
        assert {key: option.get(key) for key in ("type", "elements", "default")} == {
            key: said.get(key) for key in ("type", "elements", "default")
        }, name
    # The rest is in the fragments that it names.
    shared = {*_module.COMMON_SPEC, *events.fleet_scope.FLEET_SPEC}
    assert set(source.SPEC) - set(own) == shared - {"wait_timeout"}
    assert documented["extends_documentation_fragment"] == ["aks.backup.azure", "aks.backup.fleet", "aks.backup.wait"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"interval": 0}, "interval is seconds"),
        ({"colour": "red"}, "colour"),
        ({"since": "8d"}, "since is 8d"),
        ({"findings": ["nothing"]}, "findings"),
        ({"state_file": "/nowhere/at/all"}, "no folder /nowhere/at"),
        ({"state_file": __file__}, "is not the state of an event source"),
        ({"state_file": str(EDA)}, "cannot be read"),
        ({"state_file": "/dev/full"}, "cannot be read: it is no file"),
    ],
)
def test_mistakes_in_options_are_told_before_anything_is_asked(
    source: ModuleType, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        source.Watch({"eda_feedback_queue": object(), **options})


def test_a_full_disk_does_not_end_a_source_that_has_worked(
    source: ModuleType, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refused, match=re.escape("state_file /proc/events.json cannot be written where this runs: ")):
        source.Watch({"state_file": "/proc/events.json"}).remember()
    folder = tmp_path / "state"
    folder.mkdir()
    watch = source.Watch({"state_file": str(folder / "events.json")})
    watch.remember()
    shutil.rmtree(folder)
    watch.remember()
    assert f"state_file {folder}/events.json cannot be written where this runs: No such file" in caplog.text


def test_what_events_have_is_documented(source: ModuleType) -> None:
    described = "\n".join(yaml.safe_load(source.DOCUMENTATION)["description"])
    named = set(re.findall(r"C\((\w+)\)", described))
    cluster = {**CLUSTER, "protection": {"last_good_backup": None}}
    cluster["findings"] = [{"fix": "Fix it.", "message": "Late.", "reason": "rpo_missed", "severity": "error"}]
    [found] = events.findings([cluster], ["rpo_missed"]).values()
    [dark], _memory = events.unseen("No answer.", events.Memory())
    ended = events.job_event(job("one", 1), CLUSTER, 0)
    for event in (found, dark, ended):
        assert set(event) | {event["kind"]} <= named
    assert {*found["cluster"], *ended["instance"], *events.REASONS.values()} <= named


def test_the_example_uses_options_that_there_are(source: ModuleType) -> None:
    [rules] = yaml.safe_load(source.EXAMPLES)
    options = rules["sources"][0]["aks.backup.aks_backup_jobs"]
    assert options["exclude"] and set(options) <= set(source.SPEC)


def test_the_rulebook_uses_what_there_is(source: ModuleType) -> None:
    [rules] = yaml.safe_load((EDA / "rulebooks" / "aks_backup.yml").read_text())
    [watched] = rules["sources"]
    assert set(watched["aks.backup.aks_backup_jobs"]) <= set(source.SPEC)
    playbook = rules["rules"][0]["action"]["run_playbook"]
    assert (ROOT / "playbooks" / f"{playbook['name'].removeprefix('aks.backup.')}.yml").exists()
    variables = yaml.safe_load((ROOT / "roles" / "aks_backup" / "meta" / "argument_specs.yml").read_text())
    assert set(playbook["extra_vars"]) - {"aks_backup_hosts"} <= set(
        variables["argument_specs"]["backup_now"]["options"]
    )
