# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one algorithm: read, compare, write, wait, read again. Private to the collection.

Words: *resource* (facts about one ARM type), *desired* (the document asked for), *before* and *after* (documents),
*difference* (path, before, after), *represent* (to the user's vocabulary), *outcome* (what the task reports).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, Equal
from ansible_collections.aks.backup.plugins.module_utils._errors import (
    AzureError,
    Refused,
    TimedOut,
    refusal,
    refuse,
    user_facing,
)

# How often a document is read again that does not show what was written to it; reads of Azure can lag behind.
LOOKS = 5

Params = Mapping[str, Any]
Facts = dict[str, Any]


@dataclass
class Outcome:
    """What a task reports: ``result`` are the module's own return values, ``before`` and ``after`` make the diff."""

    changed: bool = False
    before: Any = None
    after: Any = None
    result: Document = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Resource:
    """Facts about one ARM type, and pure functions between the user's options and its documents.

    A subclass overrides what differs. Only ``find``, ``gather``, ``admit`` and the verbs talk to Azure.
    """

    noun = "resource"
    # Dotted path -> why it cannot change and what to do instead. Touching one is refused before any write.
    immutable: Mapping[str, str] = {}
    # Dotted paths that Azure answers with and does not take back.
    read_only: tuple[str, ...] = ("id", "name", "type", "systemData", "properties.provisioningState")
    rules: Mapping[str, Equal] = {}

    def id(self, params: Params) -> str:
        """The ID of the resource that the options name; known before the resource exists."""
        raise NotImplementedError

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        """Documents of other resources that ``desired`` and ``problems`` depend on.

        With a live document only what comparing takes, which is mostly nothing: a converged resource costs one read.
        """
        return {}

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        """ID and live document; overridden where a resource under another name has to be adopted."""
        id_ = self.id(params)
        return id_, arm.get(id_)

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        """Sentences on why what would be written cannot work. Checked before any write, in check mode as well."""
        return []

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        """The wire document, holding only what the user asked for."""
        raise NotImplementedError

    def differences(self, desired: Document, live: Document) -> list[Difference]:
        """What has to change in the live document."""
        return _compare.differences(desired, live, self.rules)

    def represent(self, document: Document) -> Document:
        """The document in the user's vocabulary; the same for the module and its info twin."""
        raise NotImplementedError

    def pending(self, document: Document | None) -> str | None:
        """What Azure is still busy with, in words, or None when the document is final. Raises when it cannot become
        final.
        """
        return settled(self.noun, document)

    def admit(self, arm: Arm, id_: str, body: Document, live: Document | None) -> None:
        """Ask the service whether it would take the body, where there is a way to ask."""

    def create(self, arm: Arm, id_: str, body: Document) -> None:
        arm.put(id_, body)

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        arm.put(id_, _compare.apply(_compare.without(live, self.read_only), changes))

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        arm.delete(id_)

    def leaving(self, document: Document) -> str:
        """What a deleted resource that is still there is waited for to do, in words."""
        return f"the {self.noun} to be gone"

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        """Sentences on why the resource must not be deleted; checked before anything is."""
        return []

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        return []

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        """Return values beyond ``resource``, ``id`` and ``name``."""
        return {}


def settled(noun: str, document: Document | None) -> str | None:
    """The usual reading of ``properties.provisioningState``."""
    state = str(_compare.dig(document, "properties.provisioningState", "Succeeded"))
    if state.lower() in ("failed", "canceled"):
        id_ = (document or {}).get("id")
        error = user_facing(_compare.dig(document, "properties.errorInfo", {}))
        raise refusal(f"The {noun} {id_} is in state {state}.", error, resource_id=id_)
    return None if state.lower() in ("succeeded", "provisioned") else f"the {noun} to leave state {state}"


def reconcile(arm: Arm, resource: Resource, params: Params) -> Outcome:
    """Bring the resource into the state that the options ask for, and report what that took."""
    id_, live = resource.find(arm, params)
    if params.get("state", "present") == "absent":
        return _absent(arm, resource, params, id_, live)
    if live is not None:
        # An earlier run may have been interrupted in the middle of an operation.
        live = arm.wait(id_, resource.pending, live)
    if live is None:
        return _create(arm, resource, params, id_)
    return _update(arm, resource, params, id_, live)


def _create(arm: Arm, resource: Resource, params: Params, id_: str) -> Outcome:
    facts = resource.gather(arm, params, None)
    refuse(resource.problems(params, facts, None))
    desired = resource.desired(params, facts, None)
    body = _compare.plain(desired)
    resource.admit(arm, id_, body, None)
    _write(arm, resource, id_, desired, lambda: resource.create(arm, id_, body))
    after = resource.represent({"id": id_, "name": _ids.name(id_), **body})
    return _written(arm, resource, params, facts, id_, desired, {}, after)


def _update(arm: Arm, resource: Resource, params: Params, id_: str, live: Document) -> Outcome:
    facts = resource.gather(arm, params, live)
    desired = resource.desired(params, facts, live)
    changes = resource.differences(desired, live)
    if not changes:
        return _report(resource, params, facts, id_, live)
    facts = {**resource.gather(arm, params, None), **facts}
    refuse([*resource.problems(params, facts, live), *forbidden(resource, changes, id_)])
    body = _compare.apply(live, changes)
    resource.admit(arm, id_, body, live)
    _write(arm, resource, id_, desired, lambda: resource.update(arm, id_, live, changes))
    return _written(arm, resource, params, facts, id_, desired, resource.represent(live), resource.represent(body))


def _write(arm: Arm, resource: Resource, id_: str, desired: Document, send: Callable[[], None]) -> None:
    """Send a write, and take a refusal for success when what was asked for is there all the same.

    When the answer to a write gets lost, Microsoft's packages send it again, and Azure then refuses the second one of
    what it takes only once: a policy, or an instance whose protection is being configured.
    """
    try:
        send()
    except AzureError as exc:
        if not 400 <= exc.facts.get("status", 0) < 500:
            raise
        try:
            there = arm.wait(id_, resource.pending)
        except TimedOut:
            raise exc from None
        if there is None or resource.differences(desired, there):
            raise


def _absent(arm: Arm, resource: Resource, params: Params, id_: str, live: Document | None) -> Outcome:
    if live is None:
        return Outcome(before={}, after={}, result={"id": id_, "name": _ids.name(id_), "resource": None})
    refuse(resource.removal_problems(arm, params, live))
    resource.delete(arm, id_, live, params)
    # Some services answer reads for a while after a delete has succeeded; "gone" is when they no longer do.
    arm.wait(id_, lambda document: None if document is None else resource.leaving(document))
    return Outcome(True, resource.represent(live), {}, {"id": id_, "name": _ids.name(id_), "resource": None})


def _report(resource: Resource, params: Params, facts: Facts, id_: str, document: Document) -> Outcome:
    """An outcome without a change, from the live document."""
    shown = resource.represent(document)
    result = {"id": id_, "name": _ids.name(id_), "resource": shown, **resource.extras(params, facts, document)}
    return Outcome(False, shown, shown, result, resource.warnings(params, facts, document))


def _written(
    arm: Arm,
    resource: Resource,
    params: Params,
    facts: Facts,
    id_: str,
    desired: Document,
    before: Document,
    after: Document,
) -> Outcome:
    """The outcome of a write: wait until Azure is done and shows it, and say so where it never does."""
    looks = 0

    def pending(document: Document | None) -> str | None:
        nonlocal looks
        if document is None:
            return f"the {resource.noun} to appear"
        looks += 1
        if busy := resource.pending(document):
            return busy
        hidden = looks < LOOKS and resource.differences(desired, document)
        return f"the {resource.noun} to show what was written" if hidden else None

    final = arm.wait(id_, pending) or {}
    outcome = _report(resource, params, facts, id_, final)
    outcome.changed, outcome.before, outcome.after = True, before, after
    outcome.warnings += [
        f"Azure accepted {_compare.pattern(hidden.path)} of the {resource.noun} {_ids.name(id_)} as {hidden.after!r}, "
        f"but shows {hidden.before!r}."
        for hidden in resource.differences(desired, final)
    ]
    return outcome


def forbidden(resource: Resource, changes: list[Difference], id_: str) -> list[str]:
    """Sentences on differences in what Azure cannot change."""
    said = []
    for change in changes:
        dotted = _compare.pattern(change.path)
        for path, way_out in resource.immutable.items():
            if dotted == path or dotted.startswith((path + ".", path + "[")):
                said.append(
                    f"{dotted} of the {resource.noun} {id_} is {change.before!r} and cannot become "
                    f"{change.after!r}: {way_out}"
                )
    return said


def refuse_unknown(noun: str, document: Document | None, id_: str) -> Document:
    """The document of something that no earlier step of a plan makes, so that its absence is an error in check mode as
    well.
    """
    if document is None:
        raise Refused(
            f"There is no {noun} {id_}. Check the name, the resource group and the subscription.", resource_id=id_
        )
    return document


def combine(outcomes: Mapping[str, Outcome]) -> Outcome:
    """Several outcomes as one; before and after are keyed as the outcomes are."""
    return Outcome(
        changed=any(one.changed for one in outcomes.values()),
        before={name: one.before for name, one in outcomes.items()},
        after={name: one.after for name, one in outcomes.items()},
        warnings=[warning for one in outcomes.values() for warning in one.warnings],
    )
