# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of clusters whose backups are in every condition, put into an emulator at once.

Protecting a thousand clusters by requests would take half a minute, and a backup that is late would take a day. So the
documents are put where the emulator keeps them, in the shapes of its own code. What Resource Graph and ARM then answer
is the emulator's business. What a report and an inventory tell of them is read here as well.
"""

from __future__ import annotations

import json
import pathlib
import random
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import yaml

from tests.emulator import Emulator
from tests.emulator.backup import jobs, times
from tests.emulator.tests.furnished import policy
from tests.harness import PLAYBOOK, Step, Subscription

AKS = "Microsoft.ContainerService/managedClusters"
PROVIDERS = ("Microsoft.ContainerService", "Microsoft.DataProtection", "Microsoft.KubernetesConfiguration")
REGIONS = ("eastus", "westeurope")
FORBIDDEN = {"code": "UserErrorTrustedAccessGatewayReturnedForbidden", "message": "The gateway said no."}
DENIED = {"code": "UserErrorMissingRequiredPermissions", "message": "The vault <b>lacks</b> a role."}
OLD = 40.0  # hours; the policies allow 26
PLUGIN = {"plugin": "aks.backup.aks_clusters"}
# What the inventory makes a group of each.
STATES = ("configuring", "error", "protected", "stopped", "suspended", "unprotected")


@dataclass(frozen=True)
class Condition:
    """How a cluster is set up, and what a report has to say of it.

    ``point``: age in hours of the latest recovery point; ``jobs``: (status, age in hours) of backups. ``strict`` is
    what is found besides when a partial backup does not count, ``bound`` whether a binding lets the vault in.
    """

    state: str
    found: tuple[str, ...] = ()
    strict: tuple[str, ...] = ()
    said: str = "ProtectionConfigured"
    policy: str = "vaulted"
    point: float | None = 3.0
    jobs: tuple[tuple[str, float], ...] = (("Completed", 3.0),)
    extension: str | None = "Succeeded"
    error: Any = None
    excluded: tuple[str, ...] = ()
    bound: bool = True


CONDITIONS = {
    "bare": Condition("unprotected", ("unprotected",), extension=None),
    "half": Condition("unprotected", ("unprotected", "extension_failed"), extension="Failed"),
    "well": Condition("protected"),
    "snapshots": Condition("protected", ("vault_tier_missing",), policy="snapshots"),
    "broken": Condition("error", ("protection_error",), said="ProtectionError", error=DENIED),
    "failed": Condition("error", ("protection_error", "rpo_missed"), said="ConfiguringProtectionFailed", point=None,
                        jobs=(), error=DENIED),
    "shut_out": Condition("error", ("protection_error", "binding_missing"), said="ProtectionError", error=FORBIDDEN,
                          bound=False),
    "suspended": Condition("suspended", ("suspended",), said="BackupsSuspended", point=OLD, jobs=()),
    "stopped": Condition("stopped", ("stopped",), said="ProtectionStopped", point=OLD, jobs=(), policy="snapshots"),
    "configuring": Condition("configuring", ("configuring",), said="ConfiguringProtection", point=None, jobs=()),
    "late": Condition("protected", ("rpo_missed",), point=OLD,
                      jobs=(("Failed", 3.0), ("Failed", 9.0), ("Completed", OLD))),
    "never": Condition("protected", ("rpo_missed",), point=None, jobs=(("Failed", 3.0),)),
    "partial": Condition("protected", (), ("rpo_missed",), jobs=(("CompletedWithWarnings", 3.0), ("Completed", OLD))),
    "recovered": Condition("protected", jobs=(("Completed", 3.0), ("CompletedWithWarnings", OLD))),
    "without_extension": Condition("protected", ("extension_missing",), extension=None),
    "ailing_extension": Condition("protected", ("extension_failed",), extension="Failed"),
    "some_namespaces": Condition("protected", ("namespaces_not_covered",), excluded=("kube-system", "scratch")),
}  # fmt: skip
# What only somebody notices who asks each cluster.
UNBOUND = Condition("protected", bound=False)


class Fleet:
    """Clusters in subscriptions of one tenant. ``conditions``: name of a cluster -> its condition."""

    def __init__(self, emulator: Emulator, conditions: dict[str, Condition], subscriptions: int = 1,
                 tags: dict[str, dict[str, str]] | None = None) -> None:  # fmt: skip
        self.conditions = conditions
        self.world = emulator.server.world
        names = list(conditions)
        scenario = {
            "subscriptions": [
                {
                    "name": f"Fleet {number}",
                    "management_groups": ["root", f"group-{number}"],
                    "providers": dict.fromkeys(PROVIDERS, "Registered"),
                    "resource_groups": [{"name": "rg-fleet", "location": "eastus"}],
                    "clusters": [
                        {
                            "name": name,
                            "resource_group": "rg-fleet",
                            "location": REGIONS[index % len(REGIONS)],
                            "tags": (tags or {}).get(name, {}),
                        }
                        for index, name in enumerate(names)
                        if index % subscriptions == number
                    ],
                }
                for number in range(subscriptions)
            ],
            "principals": [{"roles": [{"role": "Owner", "scope": "/"}]}],
        }
        self.subscription = Subscription(emulator, scenario)
        self.tenant = self.subscription.environment["AZURE_TENANT_ID"]
        records = self.world.store.of_type_anywhere("Microsoft.Resources/subscriptions")
        self.subscriptions = [record.id.name for record in records if record.body["tenantId"] == self.tenant]
        for id_ in self.subscriptions:
            self._vault(id_)
            for record in self.world.store.of_type(id_, AKS):
                self._set_up(record.id.text, record.body["location"], conditions[record.name])
        self.settle()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.clock.now, timezone.utc)

    def settle(self) -> None:
        """Let Resource Graph know of everything."""
        self.world.clock.advance(self.world.settings.graph_delay + 1)

    def id(self, name: str) -> str:
        return next(record.id.text for id_ in self.subscriptions for record in self.world.store.of_type(id_, AKS)
                    if record.name == name)  # fmt: skip

    def remove(self, name: str) -> None:
        """A cluster goes away, and so does what hangs on it. Its backup instance stays, as in Azure."""
        id_ = self.id(name)
        for record in [*self.world.store.below(id_), self.world.store.get(id_)]:
            if record:
                self.world.store.delete(record.id)
        del self.conditions[name]

    def _group(self, subscription: str) -> str:
        return f"/subscriptions/{subscription}/resourceGroups/rg-fleet/providers"

    def _vault(self, subscription: str) -> None:
        vault = f"{self._group(subscription)}/Microsoft.DataProtection/backupVaults/bv-fleet"
        self.world.store.put(vault, {
            "location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {
                "provisioningState": "Succeeded", "isVaultProtectedByResourceGuard": False,
                "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
                "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
            }})  # fmt: skip
        for name, vaulted in (("vaulted", True), ("snapshots", False)):
            daily = policy("R/2026-01-04T02:00:00+00:00/P1D", vaulted)
            self.world.store.put(f"{vault}/backupPolicies/{name}", daily)

    def _set_up(self, cluster: str, location: str, how: Condition) -> None:
        name = cluster.rsplit("/", 1)[-1]
        vault = f"{self._group(cluster.split('/')[2])}/Microsoft.DataProtection/backupVaults/bv-fleet"
        if how.extension:
            self.world.store.put(f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/backup", {
                "properties": {"extensionType": "microsoft.dataprotection.kubernetes", "currentVersion": "0.0.3012-2",
                               "provisioningState": how.extension,
                               "errorInfo": {"message": "no <i>room</i>"} if how.extension == "Failed" else None,
                               "statuses": []}})  # fmt: skip
        if how.state == "unprotected":
            return
        if how.bound:
            self.world.store.put(f"{cluster}/trustedAccessRoleBindings/backup", {"properties": {
                "provisioningState": "Succeeded", "sourceResourceId": vault,
                "roles": ["Microsoft.DataProtection/backupVaults/backup-operator"]}})  # fmt: skip
        instance = f"{vault}/backupInstances/{name}"
        source = {"resourceID": cluster, "resourceName": name, "resourceLocation": location, "datasourceType": AKS,
                  "objectType": "Datasource", "resourceUri": cluster, "resourceType": AKS}  # fmt: skip
        status = {"status": how.said, **({"errorDetails": how.error} if how.error else {})}
        properties: dict[str, Any] = {
            "friendlyName": name, "objectType": "BackupInstance", "dataSourceInfo": source, "dataSourceSetInfo": source,
            "currentProtectionState": how.said, "protectionStatus": status, "protectionErrorDetails": how.error,
            "provisioningState": "Succeeded", "policyInfo": {
                "policyId": f"{vault}/backupPolicies/{how.policy}", "policyParameters": {
                    "backupDatasourceParametersList": [{
                        "objectType": "KubernetesClusterBackupDatasourceParameters", "snapshotVolumes": True,
                        "includeClusterScopeResources": True, "includedNamespaces": None,
                        "excludedNamespaces": list(how.excluded) or None}]}}}  # fmt: skip
        self.world.store.put(instance, {"properties": properties})
        if how.point is not None:
            when = times.timestamp(self.now - timedelta(hours=how.point))
            self.world.store.put(f"{instance}/recoveryPoints/latest", {"properties": {"recoveryPointTime": when}})
        for number, (outcome, age) in enumerate(how.jobs):
            start = self.now - timedelta(hours=age, minutes=5)
            begun = jobs.started("Backup", instance_id=instance, instance=properties, vault_name="bv-fleet",
                                 activity="x", now=start, by_user=False)  # fmt: skip
            errors = [DENIED] if outcome == "Failed" else None
            done = jobs.finished(begun, self.now - timedelta(hours=age), status=outcome, errors=errors)
            self.world.store.put(f"{vault}/backupJobs/{name}-{number}", {"properties": done})


def random_fleet(emulator: Emulator, seed: int) -> Fleet:
    """Up to a dozen clusters in up to three subscriptions, in any conditions."""
    chance = random.Random(seed)
    kinds = list(CONDITIONS)
    conditions = {f"aks-{number}": CONDITIONS[chance.choice(kinds)] for number in range(chance.randrange(13))}
    return Fleet(emulator, conditions, chance.randrange(1, 4))


def large_fleet(emulator: Emulator, clusters: int) -> Fleet:
    """Every tenth cluster has some trouble; the tags of some are hostile."""
    kinds = [kind for kind in CONDITIONS if kind != "well"]
    conditions = {
        f"aks-{number:04}": CONDITIONS[kinds[number // 10 % len(kinds)] if number % 10 == 0 else "well"]
        for number in range(clusters)
    }
    tags = {name: {"team": "<script>alert(1)</script>"} for name in list(conditions)[::100]}
    return Fleet(emulator, conditions, 1, tags)


def reasons(step: Step) -> dict[str, set[str]]:
    """Cluster -> what a report found in it."""
    return {one["name"]: {found["reason"] for found in one["findings"]} for one in step.result["clusters"]}


def expected(fleet: Fleet, strict: bool = False) -> dict[str, set[str]]:
    """Cluster -> what there is to find; ``strict`` where partial backups do not count."""
    return {name: {*how.found, *(how.strict if strict else ())} for name, how in fleet.conditions.items()}


def look(subscription: Subscription, folder: pathlib.Path, options: dict[str, Any] | None = None, *arguments: str,
         code: int = 0, name: str = "aks_clusters.yml", **environment: str | None) -> Any:  # fmt: skip
    """What ansible-inventory shows: the JSON of --list, or all that it said where it fails."""
    (folder / name).write_text(yaml.safe_dump({**PLUGIN, **(options or {})}))
    done = subprocess.run(
        [PLAYBOOK.with_name("ansible-inventory"), "-i", folder / name, "--list", *arguments],
        env=subscription.process_environment(
            folder,
            {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true", "ANSIBLE_PYTHON_INTERPRETER": None, **environment},
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else " ".join(done.stderr.split())


def groups(shown: dict[str, Any]) -> dict[str, list[str]]:
    """State -> the hosts of its group."""
    return {state: sorted(shown.get(f"backup_{state}", {}).get("hosts", [])) for state in STATES}
