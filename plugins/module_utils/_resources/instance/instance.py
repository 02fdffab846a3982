# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup instances: the protection of one cluster by one policy. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils import _compare, _ids
from ansible_collections.aks.backup.plugins.module_utils._arm import Arm, Document
from ansible_collections.aks.backup.plugins.module_utils._compare import Difference, dig
from ansible_collections.aks.backup.plugins.module_utils._errors import AzureError, Refused, refusal, user_facing
from ansible_collections.aks.backup.plugins.module_utils._reconcile import (
    Facts,
    Outcome,
    Params,
    Resource,
    reconcile,
    refuse_unknown,
    settled,
)
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.cluster import extension
from ansible_collections.aks.backup.plugins.module_utils._resources.common import (
    DELETED_INSTANCES,
    MAKE_POLICY,
    MAKE_VAULT,
    POLICIES,
    ROUTING,
    cluster_id,
    cluster_problems,
    different_regions,
    group_id,
    vault_id,
    wanted_tags,
)
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import form, protection, validation
from ansible_collections.aks.backup.plugins.module_utils._resources.instance import problems as refusals
from ansible_collections.aks.backup.plugins.module_utils._resources.instance.form import derived_name

_K8S = "properties.policyInfo.policyParameters.backupDatasourceParametersList[]"
_STATE = ("properties", "currentProtectionState")
MENDING = "Correct the cause, then have Azure try again with resync=true of aks_backup_instance."


class Instance(Resource):
    """``resync``, ``validation`` and ``requests`` (of resource guards) are the options of those names."""

    noun = "backup instance"
    immutable = {
        "properties.dataSourceInfo.resourceID": "a backup instance belongs to one cluster. Use another name for "
        "another cluster.",
        "properties.policyInfo.policyParameters.dataStoreParametersList": "the snapshot resource group of a backup "
        "instance is fixed. "
        "Keep it, or remove the instance and create it again.",
    }
    read_only = (
        *Resource.read_only,
        "properties.currentProtectionState",
        "properties.deletionInfo",
        "properties.protectionErrorDetails",
        "properties.protectionStatus",
        "properties.policyInfo.policyVersion",
        "properties.dataSourceInfo.resourceProperties",
        "properties.validationType",
    )
    rules = {
        "properties.currentProtectionState": form.same_protection,
        "properties.dataSourceInfo.resourceID": _compare.caseless,
        "properties.identityDetails.useSystemAssignedIdentity": _compare.absent_is(True, _compare.same_value),
        "properties.identityDetails.userAssignedIdentityArmUrl": _compare.caseless,
        "properties.policyInfo.policyId": _compare.caseless,
        "properties.policyInfo.policyParameters.dataStoreParametersList[].resourceGroupId": _compare.caseless,
        **{f"{_K8S}.{key}": _compare.unordered for key in form.CONFIGURATION_LISTS.values()},
        f"{_K8S}.backupHookReferences": lambda wanted, live: form.hooks(wanted) == form.hooks(live),
    }

    def __init__(self, resync: bool = False, validate: str = "before_create", requests: list[str] | None = None):
        self._resync = resync
        self._validation = validate
        self._requests = requests or []

    def id(self, params: Params) -> str:
        return _ids.instance(
            vault_id(params), params.get("name") or derived_name(cluster_id(params), params.get("friendly_name"))
        )

    def find(self, arm: Arm, params: Params) -> tuple[str, Document | None]:
        vault, named = vault_id(params), self.id(params)
        live = arm.get(named)
        by_datasource = (params.get("match") or ("name" if params.get("name") else "datasource")) == "datasource"
        if live is None and by_datasource:
            # Protected under a name that the portal, the CLI or Terraform made up: asking the cluster finds it.
            items = arm.list_all(ROUTING, cluster_id(params))
            found = _only([item for item in items if _ids.same(form.vault_of(item), vault)], params)
            if found:
                named = _ids.instance(vault, found["name"])
                live = arm.get(named)
        if not params.get("undelete") or params.get("state") == "absent":
            return named, live
        if _deleting(live):
            live = arm.wait(named, lambda item: "the deletion to end" if _deleting(item) else None, live)
        if live is None:
            live = self._soft_deleted(arm, params, named, by_datasource)
        return (live["id"] if live else named), live

    def _soft_deleted(self, arm: Arm, params: Params, named: str, by_datasource: bool) -> Document | None:
        """The soft-deleted instance that the options mean, as it will be when it is back."""
        items = arm.list_all(DELETED_INSTANCES, vault_id(params))
        found = next((item for item in items if item["name"].lower() == _ids.name(named).lower()), None)
        if found is None and by_datasource:
            cluster = cluster_id(params)
            found = _only(
                [one for one in items if _ids.same(dig(one, "properties.dataSourceInfo.resourceID"), cluster)], params
            )
        if found is None:
            return None
        id_ = _ids.instance(vault_id(params), found["name"])
        return {**found, "id": id_, "properties": {**found["properties"], "objectType": "BackupInstance"}}

    def gather(self, arm: Arm, params: Params, live: Document | None) -> Facts:
        if live:
            return self._history(arm, params, live)
        calls: list[Callable[[], Any]] = [
            lambda: arm.get(cluster_id(params)),
            lambda: arm.require(vault_id(params), "Backup vault", MAKE_VAULT),
            lambda: arm.require(policy_id(params), "backup policy", MAKE_POLICY),
            lambda: arm.list_all(ROUTING, cluster_id(params)),
            lambda: arm.list_all(DELETED_INSTANCES, vault_id(params)),
            lambda: extension.find(arm, cluster_id(params)),
        ]
        cluster, vault, policy, others, deleted, installed = arm.together(calls)
        return {
            "cluster": cluster,
            "deleted": deleted,
            "extension": installed,
            "guard": protection.guard_of(arm, vault),
            "missing": lambda body, facts: validation.missing_roles(
                arm, body, facts["cluster"], facts["vault"], facts["policy"], facts["extension"]
            ),
            "others": others,
            "policy": policy,
            "vault": vault,
        }

    def _history(self, arm: Arm, params: Params, live: Document) -> Facts:
        before, wanted = form.protection_of(live), params.get("protection") or "active"
        expired = protection.expired(arm, live["id"], times.now()) if before == "stopped" != wanted else []
        return {"before": before, "expired": expired}

    def problems(self, params: Params, facts: Facts, live: Document | None) -> list[str]:
        # Without the cluster its recovery points are worth all the more: they can still be brought back and kept.
        keeping = live is not None and params.get("protection") in ("stopped", "suspended")
        cluster = facts["cluster"] if keeping else refuse_unknown("cluster", facts["cluster"], cluster_id(params))
        said = refusals.option_problems(params)
        if cluster:
            vault = facts["vault"]
            said += cluster_problems(cluster)
            said += different_regions(f"The Backup vault {vault['name']}", vault.get("location"), cluster)
        if not _ids.same(_ids.parent(policy_id(params)), vault_id(params)):
            said.append(f"The backup policy {policy_id(params)} belongs to another vault than the backup instance.")
        said += refusals.identity_problems(params, facts["vault"])
        said += refusals.conflicts(facts["others"], live["id"] if live else self.id(params), policy_id(params))
        if live is None:
            return said + refusals.namesakes(facts["deleted"], self.id(params))
        protected = dig(live, "properties.dataSourceInfo.resourceID")
        if protected and not _ids.same(protected, cluster_id(params)):
            said.append(f"The backup instance {params.get('name')} protects another cluster, {protected}.")
        before, wanted = form.protection_of(live), params.get("protection") or "active"
        way = protection.steps(before, wanted)
        if before != wanted and not way:
            said.append(
                f"The backup instance {live['name']} is in state {form.state_of(live)!r}, from which there is no way "
                f"to protection={wanted}. See in the Azure portal what it waits for."
            )
        verbs = [step.verb for step in way]
        if not _ids.same(dig(live, "properties.policyInfo.policyId"), policy_id(params)):
            verbs.append("write")
        return said + protection.approval_problems(facts["guard"], verbs, self._requests)

    def desired(self, params: Params, facts: Facts, live: Document | None) -> Document:
        properties: Document = {
            "currentProtectionState": form.SETTLED[params.get("protection") or "active"],
            "policyInfo": {
                "policyId": policy_id(params),
                "policyParameters": {
                    "backupDatasourceParametersList": [
                        form.parameters(params.get("backup_configuration") or {}, live is None)
                    ],
                    "dataStoreParametersList": [
                        {
                            "objectType": "AzureOperationalStoreParameters",
                            "dataStoreType": "OperationalStore",
                            "resourceGroupId": group_id(params, "snapshot_resource_group"),
                        }
                    ],
                },
            },
        }
        identity = form.identity(params.get("identity"))
        if identity is not None:
            properties["identityDetails"] = identity
        if live is None:
            sources = form.datasource(cluster_id(params), facts["cluster"].get("location"))
            name = params.get("friendly_name") or f"{_ids.name(cluster_id(params))}/fullbackup"
            properties.update(objectType="BackupInstance", friendlyName=name, **sources)
        elif form.protection_of(live) == "error" and not dig(live, "properties.dataSourceSetInfo"):
            # What Azure takes without a word and then fails of; with it, the protection can be mended.
            location = dig(live, "properties.dataSourceInfo.resourceLocation")
            properties["dataSourceSetInfo"] = form.datasource(cluster_id(params), location)["dataSourceSetInfo"]
        tags = wanted_tags(params)
        return {"properties": properties, **({"tags": tags} if tags is not None else {})}

    def admit(self, arm: Arm, id_: str, body: Document, live: Document | None) -> None:
        if self._validation == "none":
            return
        sent = self._sent(body)["properties"]
        if live is None:
            validation.validate(arm, _ids.parent(id_), "validateForBackup", sent)
        elif form.protection_of(live) == "error" or (
            # A soft-deleted instance has to be back before Azure can look at it.
            form.protection_of(live) != "soft_deleted" and self._sent(live)["properties"] != sent
        ):
            validation.validate(arm, id_, "validateForModifyBackup", sent)

    def create(self, arm: Arm, id_: str, body: Document) -> None:
        arm.put(id_, self._sent(body))
        self._lead(arm, id_, form.protection_of(body) or "active", {})

    def update(self, arm: Arm, id_: str, live: Document, changes: list[Difference]) -> None:
        wanted = next((form.PROTECTION[change.after.lower()] for change in changes if change.path == _STATE), None)
        changed = [change for change in changes if change.path != _STATE]
        body = self._sent(_compare.apply(live, changed)) if changed else {}
        self._lead(arm, id_, wanted or form.protection_of(live) or "active", body, live)

    def _lead(self, arm: Arm, id_: str, wanted: str, body: Document, live: Document | None = None) -> None:
        """Take the instance to the wanted protection, verb by verb, and write ``body`` on the way: while protection is
        active if it comes by there, since Azure takes changes then for certain.
        """
        state = form.protection_of(live) if live else form.protection_of(arm.wait(id_, self.pending)) or "active"
        while body or state != wanted:
            way = protection.steps(state, wanted)
            if body and (state in ("active", "error") or not way):
                arm.put(id_, body)
                body = {}
                state = form.protection_of(arm.wait(id_, self.pending)) or state
            elif way:
                self._carry_out(arm, id_, way[0])
                state = way[0].to
            else:
                return

    def _carry_out(self, arm: Arm, id_: str, step: protection.Step) -> None:
        if step.verb == "undelete":
            arm.post(protection.deleted_id(id_), "undelete")
        elif step.verb == "sync":
            arm.post(id_, "sync", {"syncType": "Default"})
            # It has had its second chance.
            self._resync = False
        else:
            guarded = step.verb in protection.GUARDED and self._requests
            body = {"resourceGuardOperationRequests": self._requests} if guarded else None
            # After an undelete the roles may have been given a moment ago, and resuming asks for them.
            validation.patiently(arm, lambda: arm.post(id_, step.verb, body))

        def pending(document: Document | None) -> str | None:
            if document is None:
                return "the backup instance to appear"
            reached = form.protection_of(document) == step.to
            return self.pending(document) or (None if reached else f"{step.verb} to show")

        arm.wait(id_, pending)

    def _sent(self, document: Document) -> Document:
        """The document as the service takes it."""
        sent = _compare.without(document, self.read_only)
        if self._validation == "deep":
            sent["properties"]["validationType"] = "DeepValidation"
        if self._requests:
            sent["properties"]["resourceGuardOperationRequests"] = self._requests
        return sent

    def pending(self, document: Document | None) -> str | None:
        seen = form.protection_of(document)
        if seen == "error":
            if self._resync:
                return None
            raise _protection_error(document or {})
        if seen == "changing":
            return f"the backup instance to leave state {form.state_of(document)}"
        return settled(self.noun, document)

    def represent(self, document: Document) -> Document:
        return form.represent(document)

    def delete(self, arm: Arm, id_: str, live: Document, params: Params) -> None:
        if not _deleting(live):
            protection.delete(arm, id_, self._requests)

    def removal_problems(self, arm: Arm, params: Params, live: Document) -> list[str]:
        if _deleting(live):
            return []
        said = protection.deletion_problems(arm, live, self._requests)
        given, friendly = params.get("confirm_delete_data"), dig(live, "properties.friendlyName")
        if given and given in (live["name"], friendly):
            return said
        wrong = f" It is {given!r}." if given else ""
        return [
            f"Removing the backup instance {live['name']} deletes the recovery points of "
            f"{dig(live, 'properties.dataSourceInfo.resourceName')}. "
            f"If that is what you want, set confirm_delete_data to {live['name']!r} or to {friendly!r}.{wrong}",
            *said,
        ]

    def warnings(self, params: Params, facts: Facts, document: Document | None) -> list[str]:
        name, wanted = (document or {}).get("name", ""), params.get("protection") or "active"
        said = refusals.option_warnings(params)
        if "before" not in facts:
            said += refusals.leftovers(facts["deleted"], cluster_id(params))
        said += protection.consequences(name, facts.get("before", "active"), wanted, facts.get("expired") or [])
        return said

    def extras(self, params: Params, facts: Facts, document: Document | None) -> Document:
        if "policy" not in facts:
            return {}
        missing = facts["missing"](dig(document, "properties", {}), facts) if facts["cluster"] else None
        active = (params.get("protection") or "active") == "active"
        return {
            "missing_roles": None if missing is None else [validation.shown(row) for row in missing],
            "next_backup_estimate": form.next_backup(facts["policy"], times.now()) if active else None,
        }


def manage(arm: Arm, params: Params) -> Outcome:
    """The work of the module."""
    resource = Instance(
        params.get("resync") or False,
        params.get("validation") or "before_create",
        params.get("resource_guard_operation_requests"),
    )
    outcome = reconcile(arm, resource, params)
    if params.get("state") == "absent":
        outcome.result.update(protection.soft_deletion(arm, outcome.result["id"], outcome.changed))
    return outcome


def policy_id(params: Params) -> str:
    """The policy from ``policy_id``, or from ``policy_name`` in the vault of the instance."""
    if params.get("policy_id"):
        return _ids.expect(params["policy_id"], POLICIES, "policy_id")
    return _ids.policy(vault_id(params), params["policy_name"])


def locate(arm: Arm, params: Params) -> Document:
    """The live backup instance that the options of an action name; raises when there is none.

    In a plan it may come from an earlier step, and then only its ID and name are there.
    """
    id_, live = Instance().find(arm, params)
    return live or arm.require(id_, "backup instance", "Protect the cluster with aks_backup_instance first.")


def _deleting(document: Document | None) -> bool:
    return form.state_of(document).lower() == "softdeleting"


def _only(candidates: list[Document], params: Params) -> Document | None:
    """The one of several instances of a cluster that the options mean; raises where they leave that open."""
    wanted, cluster = params.get("friendly_name"), cluster_id(params)
    if wanted:
        candidates = [
            item
            for item in candidates
            if form.friendly(dig(item, "properties.friendlyName"), cluster) == form.friendly(wanted, cluster)
        ]
    if len(candidates) > 1:
        names = ", ".join(sorted(item["name"] for item in candidates))
        raise Refused(
            f"The cluster is protected by several backup instances of this vault ({names}): say which one with "
            "name or friendly_name."
        )
    return candidates[0] if candidates else None


def _protection_error(document: Document) -> AzureError:
    return refusal(
        f"The backup instance {document.get('name')} is in state {form.state_of(document)}: the cluster is not "
        f"protected. {MENDING}",
        user_facing(form.error_details(document)),
        resource_id=document.get("id"),
    )
