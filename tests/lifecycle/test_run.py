# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on demand: rule and tag, when there is no need for one, throttling, and jobs that are not lost."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest

from tests.harness import task
from tests.harness.steps import CLUSTER, VAULT, carry_out, chain, prepare, step

INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"
WEEKLY = {"retention_rules": [{"name": "Weekly", "operational_retention": "P60D"}]}


def run_task(title, /, *, check=False, ignore=False, **more):
    return task(title, "aks_backup_run", check=check, ignore=ignore, **{**CLUSTER, **VAULT, **more})


def backups(subscription):
    return [
        one for one in subscription.journal() if one["method"] == "POST" and one["path"].lower().endswith("/backup")
    ]


def protect(subscription):
    tasks = [one for one in chain(subscription, until="run") if one["name"] != "policy"]
    where = next(number for number, one in enumerate(tasks) if one["name"] == "extension")
    tasks.insert(where, step(subscription, "policy", preset=None, schedule={"frequency": "daily"}, **WEEKLY))
    del tasks[where]["aks.backup.aks_backup_policy"]["preset"]
    prepare(subscription, tasks)
    return subscription


@pytest.fixture
def protected(subscription):
    return protect(subscription)


@contextmanager
def pace(subscription, speed):
    """Slow down the emulator's clock, so that a job lasts long enough to do something to it."""
    clock = subscription.emulator.server.world.clock
    before = clock.speed
    clock.run_at(speed)
    try:
        yield
    finally:
        clock.run_at(before)


def test_one_backup_and_when_there_is_no_need_for_another(protected):
    run = carry_out(
        protected,
        [
            run_task("plan", check=True, skip_if_newer_than="4h"),
            run_task("first", skip_if_newer_than="4h"),
            run_task("young enough", skip_if_newer_than="4h"),
            run_task("plan again", check=True, skip_if_newer_than="4h"),
            run_task("weekly", retention_tag_override="weekly"),
            run_task("no wait", wait=False),
            run_task("no such tag", ignore=True, retention_tag_override="Hourly"),
            run_task("no such rule", ignore=True, rule_name="Default"),
            run_task("no period", ignore=True, skip_if_newer_than="a while"),
        ],
    ).ok()
    assert run["plan"].changed and run["plan"].writes == [] and run["plan"].result["job_id"] is None
    first = run["first"].result
    assert first["changed"] and first["job_started"] and first["job"]["status"] == "Completed"
    assert first["job"]["operation"] == "OnDemandBackup" and first["rule_name"]
    assert first["recovery_point"]["name"] == first["recovery_point_id"] == first["job"]["recovery_point_id"]
    assert first["recovery_point"]["time"].startswith("20")
    for title in ("young enough", "plan again"):
        again = run[title].result
        assert not again["changed"] and not again["job_started"] and again["job"] is None
        assert again["recovery_point_id"] == first["recovery_point_id"]
        assert run[title].writes == []
    assert run["weekly"].result["recovery_point"]["retention_tag"] == "Weekly"
    assert run["no wait"].result["job_started"] and run["no wait"].result["job"] is None
    assert "has no such tag. It has:" in run["no such tag"].result["msg"]
    assert "Use the name of the policy's backup rule" in run["no such rule"].result["msg"]
    assert "skip_if_newer_than is 'a while'; it must be a number with m, h, d or w" in run["no period"].result["msg"]
    assert len(backups(protected)) == 4


def test_what_cannot_be_backed_up_now(protected):
    instance = protected.resources("Microsoft.DataProtection/backupVaults/backupInstances")[0]["id"]
    protected.emulator.server.world.store.get(instance).properties["currentProtectionState"] = "ProtectionStopped"
    run = carry_out(protected, [run_task("run", ignore=True), run_task("none", ignore=True, name="nobody")]).ok()
    assert "is in state ProtectionStopped; Azure backs up only what is in state" in run["run"].result["msg"]
    assert "Resume its protection" in run["run"].result["msg"]
    assert "Protect the cluster with aks_backup_instance first" in run["none"].result["msg"]
    assert backups(protected) == []


def test_an_instance_that_is_still_being_configured_is_waited_for(subscription):
    tasks = [one for one in chain(subscription) if one["name"] not in ("run", "instance")]
    prepare(subscription, tasks)
    # What the task that makes it would wait for, whoever makes it.
    with subscription.running([step(subscription, "instance")]) as making, pace(subscription, 20):
        assert making.until(lambda: subscription.resources(INSTANCES))
        making.kill()
        run = carry_out(subscription, [run_task("plan", check=True), run_task("run")]).ok()
    # In a plan nobody waits for it.
    assert run["plan"].changed and run["plan"].result["rule_name"] == run["run"].result["rule_name"]
    assert run["run"].result["job"]["status"] == "Completed"


def test_throttling_is_explained(protected):
    tasks = [run_task(f"run {number}", wait=False, follow_running=False) for number in range(10)]
    run = carry_out(protected, [*tasks, run_task("one too many", ignore=True, wait=False, follow_running=False)]).ok()
    assert run["one too many"].failed
    assert "UserErrorBackupRequestThrottled" in run["one too many"].result["msg"]
    assert "ten on-demand backups per backup instance and day, and one at a time" in run["one too many"].result["msg"]
    assert len(backups(protected)) == 11


CODES = ("UserErrorBackupPluginPodRestartedDuringBackup", "KubernetesBackupCustomResourcesTrackingTimeOutError")


def test_jobs_that_fail_or_warn_say_why_and_what_to_do(protected):
    for number, code in enumerate(CODES):
        protected.fault({"lro": "job_fails", "code": code, "message": "It did not."}, method="POST", path="/backup$",
                        nth=number + 1, times=1)  # fmt: skip
    for nth in (3, 4):
        protected.fault({"lro": "job_warns", "code": "UserErrorNamespaceNotFound"}, method="POST", path="/backup$",
                        nth=nth, times=1)  # fmt: skip
    run = carry_out(
        protected,
        [
            *(run_task(code, ignore=True) for code in CODES),
            run_task("warned"),
            run_task("warned and failed", ignore=True, fail_on_warnings=True),
            run_task("enough for some", skip_if_newer_than="4h"),
            run_task("planned", check=True, fail_on_warnings=True, skip_if_newer_than="4h"),
            run_task("repeated", fail_on_warnings=True, skip_if_newer_than="4h"),
            run_task("now it is enough", fail_on_warnings=True, skip_if_newer_than="4h"),
        ],
    ).ok()
    for code in CODES:
        failed = run[code].result
        assert run[code].failed and failed["changed"]
        assert f"ended as Failed. {code}: It did not. What to do: " in failed["msg"]
        assert failed["error"]["job"]["errors"][0]["advice"] and failed["error"]["code"] == code
    assert run["warned"].result["job"]["status"] == "CompletedWithWarnings"
    assert any("UserErrorNamespaceNotFound" in text and "What to do" in text
               for text in run["warned"].result["warnings"])  # fmt: skip
    assert "ended as CompletedWithWarnings" in run["warned and failed"].result["msg"]
    # What such a job has made lets nobody through who wants none: not when the run is repeated either.
    assert [run[title].changed for title in ("enough for some", "planned", "repeated", "now it is enough")] == [
        False,
        True,
        True,
        False,
    ]
    assert run["repeated"].result["job"]["status"] == "Completed" and run["planned"].writes == []


def asked(subscription):
    return bool(backups(subscription))


def followed(subscription):
    """Somebody looks at a job."""
    return any(one["method"] == "GET" and "/backupjobs/" in one["path"].lower() for one in subscription.journal()[-3:])


@pytest.mark.parametrize(
    ("worker", "moment"),
    [(True, asked), (True, followed), (False, followed)],
    ids=["worker, as soon as it is asked for", "worker, while it is followed", "process, while it is followed"],
)
def test_an_interrupted_run_is_found_and_followed(protected, worker, moment):
    again = [
        run_task("plan", check=True),
        run_task("other", check=True, retention_tag_override="Weekly"),
        run_task("anyway", check=True, follow_running=False),
        run_task("run"),
    ]
    with ExitStack() as stack:
        with pace(protected, 6):
            with protected.running([run_task("run")], worker=worker) as running:
                assert running.until(lambda: moment(protected))
                running.kill()
            running = stack.enter_context(protected.running(again))
            # As soon as the last one follows the job, that may come to its end.
            assert running.until(lambda: len(running.steps()) == 3 and followed(protected))
        run = running.wait().ok()
    assert len(backups(protected)) == 1
    assert run["plan"].result["job_id"] == run["plan"].result["job"]["id"] == run["run"].result["job_id"]
    for title in ("plan", "run"):
        assert run[title].result["followed"] and not run[title].changed
        assert any("It is followed, and no second one is started" in text for text in run[title].result["warnings"])
    for title in ("other", "anyway"):
        assert run[title].changed and not run[title].result["followed"]
    assert run["run"].result["job"]["status"] == "Completed"
    assert run["run"].result["recovery_point"]["name"] == run["run"].result["job"]["recovery_point_id"]


def test_a_wait_that_is_too_short_says_so_and_the_next_run_goes_on(protected):
    # The job lasts 20 seconds: longer than the first one waits, and the second one finds it.
    with pace(protected, 10):
        hasty = run_task("hasty", ignore=True, wait_timeout=10, poll_interval=1)
        run = carry_out(protected, [hasty, run_task("again", poll_interval=1)]).ok()
    assert "Gave up after 10 seconds (wait_timeout) of waiting for the job" in run["hasty"].result["msg"]
    assert "run again to pick it up" in run["hasty"].result["msg"]
    assert "/backupJobs/" in run["hasty"].result["error"]["resource_id"]
    assert run["again"].result["followed"] and len(backups(protected)) == 1


def test_trouble_while_following_does_not_lose_the_job(protected):
    """An expired token, throttling, an error of the server and lost connections, one after another."""
    path = "/backupJobs/[0-9a-f-]+$"
    # A new token is asked for once; who is refused with that one as well has lost the right to look.
    protected.fault({"expired_token": True}, method="GET", path=path, times=1)
    for then in ({"status": 429, "retry_after": 0.1}, {"status": 503}):
        protected.fault(then, method="GET", path=path, times=2)
    # More often than the packages try by themselves.
    protected.fault({"drop": "before"}, method="GET", path=path, times=6)
    with pace(protected, 60):
        run = protected.play([run_task("run")]).ok()
    assert run["run"].result["job"]["status"] == "Completed"
    assert len(backups(protected)) == 1
    assert "[localhost] run: OnDemandBackup of aks-east-1: Completed, watched for" in run.output, run.output
    assert "The job goes on; looking again." in run.output


def test_an_answer_that_is_lost_costs_no_second_backup(protected):
    """The request has come through, and its answer has not: the job is found by what the request was called."""
    protected.fault({"drop": "after"}, method="POST", path="/backup$", times=1)
    lost = carry_out(protected, [run_task("run")]).ok()["run"].result
    assert lost["job_started"] and lost["job"]["status"] == "Completed" and lost["changed"]
    assert [one["id"].rsplit("/", 1)[-1] for one in lost["operations"]] == ["backup"]
    assert len(backups(protected)) == 1
    # And where it has not come through, nobody can know.
    protected.fault({"drop": "before"}, method="POST", path="/backup$", times=1)
    said = carry_out(protected, [run_task("run", ignore=True)]).ok()["run"].result
    assert "Azure could not be reached to carry out backup on" in said["msg"]
    assert said["msg"].endswith("is not known; run again, and it is followed if it was.")


def test_who_may_not_look_any_more_is_told_that_the_job_goes_on(protected):
    path = "/backupJobs/[0-9a-f-]+$"
    protected.fault({"status": 403, "code": "AuthorizationFailed", "message": "Not you."}, method="GET", path=path,
                    times=1)  # fmt: skip
    with pace(protected, 60):
        run = carry_out(protected, [run_task("run", ignore=True), run_task("again")]).ok()
    said = run["run"].result
    assert "AuthorizationFailed: Not you." in said["msg"]
    assert "goes on in Azure; run again to follow it." in said["msg"]
    assert "/backupJobs/" in said["error"]["resource_id"]
    assert run["again"].result["followed"] and len(backups(protected)) == 1


def test_asynchronous_tasks(protected):
    fired = {**run_task("fire"), "async": 120, "poll": 0, "register": "fired"}
    # Where tasks run in processes of their own anyway.
    apart = {"vars": {"aks_backup_in_worker": False}}
    watched = {**run_task("watch", retention_tag_override="Weekly"), **apart, "async": 120, "poll": 1}
    done = {
        "name": "done",
        "ansible.builtin.async_status": {"jid": "{{ fired.ansible_job_id }}"},
        "register": "status",
        "until": "status.finished",
        "retries": 100,
        "delay": 1,
    }
    run = protected.play([fired, watched, done]).ok()
    result = next(one.result for one in reversed(run.steps) if one.task == "done")
    assert result["job"]["status"] == "Completed" and result["job_started"]
    assert len(backups(protected)) == 2
    assert len({one["client_request_id"] for one in backups(protected)}) == 2
