# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a fleet: what it says, and that it asks for everything once and writes nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet.look import look
from ansible_collections.aks.backup.plugins.modules import aks_backup_fleet
from tests.unit import wire_documents as wire
from tests.unit.test_returns import FLEET, Documents


class Watched(Documents):
    """Azure that remembers what was asked, and has no answer to what is ``denied``."""

    def __init__(self, documents: Any, denied: str = "\0", error: Exception | None = None) -> None:
        super().__init__(documents)
        self.asked: list[str] = []
        self._denied, self._error = denied, error or AzureError("You may not read this.", status=403)

    def _note(self, what: str) -> None:
        self.asked.append(what.lower())
        if self._denied in what:
            raise self._error

    def read(self, id_: str) -> Any:
        self._note(id_)
        return super().read(id_)

    def list_all(self, type_: str, parent_id: str, **query: Any) -> Any:
        self._note(f"{type_} below {parent_id}")
        return super().list_all(type_, parent_id, **query)


def seen(arm: Watched, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    # The validator completes what it is given, also where entries share it.
    own = [copy.deepcopy(entry) for entry in entries]
    given = {"clusters": own, "look": True, "subscription_id": wire.SUBSCRIPTION, **more}
    validated = ArgumentSpecValidator(aks_backup_fleet.CONTRACT.spec).validate(given)
    assert not validated.error_messages
    outcome = look(arm, validated.validated_parameters)
    assert arm.operations == [] and not outcome.changed and outcome.before is None
    return outcome.result


def test_nothing_is_asked_for_that_follows_from_what_is_missing():
    empty = Watched(wire.EMPTY)
    [one] = seen(empty, FLEET)["clusters"]
    assert (one["settled"], one["found"], one["msg"]) == (False, {}, "providers is not as asked for.")
    assert not any("extensions" in what for what in empty.asked), "without its policy nothing can be as asked for"
    assert sorted(empty.asked) == sorted(set(empty.asked)), "something was asked for twice"


def test_a_cluster_that_cannot_be_looked_at_is_not_as_asked_for():
    senseless = {**FLEET, "vault": {"id": "/subscriptions/x"}}
    result = seen(Watched(wire.PROTECTED), senseless, FLEET)
    assert result["counts"] == {"settled": 0, "total": 2}
    assert result["clusters"][0]["msg"].startswith("vault.id") and result["clusters"][0]["cluster_id"] is None
    assert result["clusters"][1]["name"] == "aks-east-1"
    [one] = seen(Watched(wire.PROTECTED, denied="/rg-aks-backup-eastus"), FLEET)["clusters"]
    assert (one["settled"], one["msg"]) == (False, "You may not read this.")


def test_a_document_that_nobody_has_thought_of_is_the_trouble_of_its_cluster_alone():
    arm = Watched(wire.PROTECTED, denied="/rg-aks-backup-eastus", error=KeyError("name"))
    one, other = seen(arm, FLEET, {**FLEET, "location": "westeurope"})["clusters"]
    assert one["msg"].startswith("This collection has a fault") and not one["settled"]
    assert other["msg"] == "storage is not as asked for."


def test_options_of_the_whole_are_refused():
    with pytest.raises(Refused, match="workers is 0"):
        seen(Watched(wire.PROTECTED), FLEET, workers=0)
