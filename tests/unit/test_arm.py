# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's own small parts: pauses that replies ask for, what counts as absent, the version it asks for."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _arm, _clients, _replies
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, BackupError, TimedOut
from ansible_collections.aks.backup.plugins.module_utils._types import INSTANCES
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "0.05"}, 0.05),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "100"}, 0.1),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon", "x-ms-retry-after-ms": "250"}, 0.25),
        ({}, None),
    ],
)
def test_the_pause_that_a_reply_asks_for(headers, seconds):
    assert _replies.retry_after(SimpleNamespace(headers=headers)) == seconds


@pytest.mark.parametrize(
    ("facts", "absent"),
    [
        ({"status": 404, "code": "ResourceNotFound"}, True),
        ({"status": 404, "code": "ResourceGroupNotFound"}, True),
        ({"status": 409, "code": "MissingSubscriptionRegistration"}, True),
        ({"status": 404, "code": "SubscriptionNotFound"}, False),
        ({"status": 403, "code": "AuthorizationFailed"}, False),
    ],
)
def test_what_means_that_there_is_nothing(facts, absent):
    assert _replies.says_absent(AzureError("x", **facts)) is absent


def test_the_version_is_put_into_requests_and_monitors_stay_as_they_were_signed():
    hook = _clients._asking_for("2025-07-01")
    for before, after in (
        ("https://h/x?api-version=2026-06-01&$filter=a%20b", "https://h/x?api-version=2025-07-01&$filter=a%20b"),
        ("https://h/op?api-version=2025-07-01&t=1&s=a%2Fb", "https://h/op?api-version=2025-07-01&t=1&s=a%2Fb"),
        ("https://h/op?t=1", "https://h/op?t=1"),
    ):
        request = SimpleNamespace(http_request=SimpleNamespace(url=before))
        hook(request)
        assert request.http_request.url == after
    assert _clients._asking_for(None) is None


def test_between_looks_it_is_what_the_reply_asks_for_else_poll_interval():
    pauses = []
    arm = _arm.Arm.__new__(_arm.Arm)
    arm.interval = {"poll_interval": 7.5}["poll_interval"]
    arm.deadline = SimpleNamespace(pause=lambda seconds, what: pauses.append((seconds, what)))
    replies = iter([({"n": 1}, None), ({"n": 2}, 3.0), ({"n": 3}, None)])
    arm.read = lambda id_: next(replies)
    found = arm.wait("/x", lambda document: None if document["n"] == 3 else f"number {document['n']}")
    assert found == {"n": 3}
    assert pauses == [(7.5, "number 1"), (3.0, "number 2")]


def test_an_operation_that_the_installed_package_lacks():
    clients = _clients.Clients.__new__(_clients.Clients)
    clients._lock = threading.Lock()
    clients._clients = {(INSTANCES, "s"): SimpleNamespace(backup_vaults=SimpleNamespace(get="got"))}
    assert clients.operation("S", INSTANCES, "backup_vaults", "get") == "got"
    for group, name in (("backup_vaults", "begin_rename"), ("deleted_backup_vaults", "get")):
        with pytest.raises(BackupError) as caught:
            clients.operation("s", INSTANCES, group, name)
        assert f"it has no {group}.{name}" in caught.value.message
        assert caught.value.message.endswith("pip install --upgrade azure-mgmt-dataprotection")


def test_a_deadline_that_passes_during_a_look_names_what_is_waited_for():
    """A look may take many requests of its own, such as a command that AKS carries out in the cluster."""
    arm = _arm.Arm.__new__(_arm.Arm)
    arm.deadline, arm.interval = Deadline(60), 0
    looks = iter([({"state": "Terminating"}, None)])

    def look():
        try:
            return next(looks)
        except StopIteration:
            raise arm.deadline.passed("Azure to carry out runCommand") from None

    with pytest.raises(TimedOut) as caught:
        arm.wait("/x", lambda document: "the namespace to be gone", read=look)
    assert caught.value.facts["waiting_for"] == "the namespace to be gone"
