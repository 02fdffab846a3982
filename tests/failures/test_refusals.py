# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failing with a sentence: before anything is written where the input is wrong, else with Azure's reasons."""

from __future__ import annotations

import pytest

from tests.failures import refusals
from tests.harness import Subscription
from tests.harness.steps import carry_out, chain, in_process, prepare, step

# What runs in a module process as well; the code is the same, the way out is not.
IN_PROCESS = ["cluster and vault apart", "every 5 hours", "locked for ever", "no time", "bad subscription"]


def test_refused_before_anything_is_written(emulator):
    subscription = Subscription(emulator, refusals.scenario())
    prepare(subscription, [*chain(subscription, until="run"), *refusals.surroundings(subscription)])
    table = refusals.cases(subscription)
    check_refusals(subscription, table, list(table), ("check", "real"), worker=True)
    check_refusals(subscription, table, IN_PROCESS, ("real",), worker=False)


def check_refusals(subscription, table, names, modes, worker):
    run = subscription.play(refusals.tasks(subscription, names, modes), worker=worker)
    wrong = []
    for name in names:
        for mode in modes:
            one = run[f"{name}, {mode}"]
            said = str(one.result.get("msg"))
            missing = [piece for piece in table[name].pieces if piece not in said]
            sentence = said[:1].isupper() or said.partition(" ")[0].split("=")[0].split(".")[0].isidentifier()
            if not one.failed or one.changed or one.writes or missing or "error" not in one.result:
                wrong.append((name, mode, missing, one.kind, one.writes, said, sorted(one.result)))
            elif not said.endswith(".") or "Traceback" in said or not (sentence or said.startswith("'")):
                wrong.append((name, mode, "is no sentence", said))
    assert not wrong, "\n".join(map(str, wrong))
    assert run.writes == []


ERROR = {"code": "UserErrorKubernetesBackupExtensionUnhealthy", "message": "The extension does not answer."}


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_protection_that_fails_after_the_instance_was_created(subscription, worker):
    """Azure says yes to the request, and a minute later the instance is in ProtectionError."""
    subscription.fault({"lro": "protection_fails", **ERROR}, method="PUT", path="backupInstances/", times=1)
    prepare(subscription, chain(subscription, until="instance"))
    run = subscription.play([step(subscription, "instance")], worker=worker)
    assert run.code == 2
    result = run["instance"].result
    assert "is in state ProtectionError: the cluster is not protected." in result["msg"]
    assert ERROR["code"] in result["msg"]
    assert result["error"]["code"] == ERROR["code"]
    assert result["error"]["recommended_action"]
    assert result["error"]["resource_id"].lower().startswith(f"/subscriptions/{subscription.id}".lower())
    assert result["changed"] and [one["method"] for one in result["operations"]] == ["PUT"]
    # Another run does not take it for protected.
    again = carry_out(subscription, [step(subscription, "instance"), step(subscription, "run")])
    assert again.code == 2 and again["instance"].result["error"]["code"] == ERROR["code"]


def test_an_extension_that_cannot_be_installed(subscription):
    message = "BackoffLimitExceeded"
    fault = {"lro": "fail", "code": "ExtensionOperationFailed", "message": message}
    subscription.fault(fault, method="PUT", path="extensions/", times=1)
    run = carry_out(subscription, chain(subscription, until="run"))
    assert run.code == 2
    result = run["extension"].result
    for piece in ("What to do:", "Linux x86-64 node pool"):
        assert piece in result["msg"]
    assert result["error"]["code"] in result["msg"]
    # It stays in state Failed; the module says so, and has the way out, which works.
    failed = carry_out(subscription, [step(subscription, "extension"), step(subscription, "permissions")])
    assert failed.code == 2
    result = failed["extension"].result
    for piece in ("is in state Failed", message, "Delete it (state=absent) and install it again"):
        assert piece in result["msg"]
    assert result["error"]["code"] == "ExtensionOperationFailed"
    assert failed.writes == []
    out = [step(subscription, "extension", title="out", state="absent"), *chain(subscription, until="run")[5:]]
    mended = carry_out(subscription, out).ok()
    assert mended["instance"].result["resource"]["protection_state"] == "ProtectionConfigured"


JOB = {"code": "UserErrorBackupPluginPodRestartedDuringBackup", "message": "The pod of the backup plugin restarted."}


def test_jobs_that_fail_or_warn(subscription):
    prepare(subscription, chain(subscription, until="run"))
    subscription.fault({"lro": "job_fails", **JOB}, method="POST", path="/backup$", nth=1, times=1)
    subscription.fault({"lro": "job_warns", **JOB}, method="POST", path="/backup$", nth=2, times=2)
    # In words of its own, since Ansible shows a warning once.
    again = {**JOB, "message": "The pod restarted again."}
    subscription.fault({"lro": "job_fails", **again}, method="POST", path="/backup$", nth=5, times=1)
    subscription.fault({"lro": "job_warns", **again}, method="POST", path="/backup$", nth=6, times=1)
    apart = [
        step(subscription, "run", title="fails in a process", ignore=True),
        step(subscription, "run", title="warns in a process"),
    ]
    run = subscription.play(
        [
            step(subscription, "run", title="fails", ignore=True),
            step(subscription, "run", title="warns"),
            step(subscription, "run", title="strict", fail_on_warnings=True, ignore=True),
            step(subscription, "run", title="good", fail_on_warnings=True),
            step(subscription, "run", title="unprotected", cluster_name="aks-east-2", ignore=True),
            *in_process(apart),
        ],
        worker=None,
    ).ok()
    for how in ("", " in a process"):
        check_job(run[f"fails{how}"], run[f"warns{how}"])
        assert JOB["code"] in run.output.split(f"TASK [warns{how}]")[1].split("TASK [")[0]
    strict, good, unprotected = (run[name] for name in ("strict", "good", "unprotected"))
    assert strict.failed and "ended as CompletedWithWarnings" in strict.result["msg"]
    assert strict.result["error"]["code"] == JOB["code"]
    assert good.result["job"]["status"] == "Completed" and "warnings" not in good.result
    assert "Protect the cluster with aks_backup_instance first." in unprotected.result["msg"]
    assert unprotected.writes == [] and "error" in unprotected.result


def check_job(fails, warns):
    assert fails.failed and "ended as Failed" in fails.result["msg"]
    assert JOB["code"] in fails.result["msg"] and "resources.limits.memory" in fails.result["msg"]
    assert fails.result["error"]["code"] == JOB["code"]
    assert fails.result["error"]["job"]["status"] == "Failed"
    assert not warns.failed and warns.result["job"]["status"] == "CompletedWithWarnings"
    assert warns.result["job"]["warnings"][0]["code"] == JOB["code"]
    assert any(JOB["code"] in warning for warning in warns.result["warnings"])
    assert warns.result["recovery_point_id"]
