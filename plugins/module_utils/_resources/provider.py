# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration of resource providers with a subscription. Private to the collection."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    combine,
    reconcile,
    refuse_unknown,
)


class Provider(Resource):
    noun = "resource provider"
    # One that somebody else is registering is waited for, and in a plan counts as registered.
    rules = {"registrationState": lambda wanted, live: str(live).lower() in ("registered", "registering")}

    def id(self, params: Params) -> str:
        return _ids.provider(params["subscription_id"], params["namespace"])

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        # ARM knows every provider, registered or not; one that it does not know is a misspelt name.
        id_ = self.id(params)
        return id_, refuse_unknown("resource provider", arm.get(id_), id_)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        return {"registrationState": "Registered"}

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        arm.post(id_, "register")

    def pending(self, document: Document | None) -> str | None:
        document = document or {}
        state = document.get("registrationState")
        if state in ("Registering", "Unregistering"):
            return f"the resource provider {document.get('namespace')} to leave state {state}"
        return None

    def represent(self, document: Document) -> Document:
        return {"namespace": document.get("namespace"), "registration_state": document.get("registrationState")}


def register(arm: Arm, params: dict[str, Any]) -> Outcome:
    """Register every namespace of the options; they are independent of each other, so all at the same time."""
    resource = Provider()
    outcomes = arm.together(
        [partial(reconcile, arm, resource, {**params, "namespace": namespace}) for namespace in params["providers"]]
    )
    outcome = combine(dict(zip(params["providers"], outcomes, strict=False)))
    outcome.result = {
        "providers": [one.result["resource"] for one in outcomes],
        "unregistered": [one.before["namespace"] for one in outcomes if one.changed],
    }
    return outcome
