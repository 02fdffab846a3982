# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be refused before anything is written: the table for ``test_refusals``."""

from __future__ import annotations

import pathlib
from typing import Any, NamedTuple

import yaml

from tests.emulator import scenarios
from tests.harness import Subscription, task
from tests.harness.steps import account, options, step


class Refusal(NamedTuple):
    """A task, as (module, options), and the pieces of the sentence that it must fail with."""

    module: str
    options: dict[str, Any]
    pieces: tuple[str, ...]


def scenario() -> dict[str, Any]:
    """The default one, and two clusters that cannot be protected."""
    document: dict[str, Any] = yaml.safe_load((pathlib.Path(scenarios.HERE) / "default.yml").read_text())
    place = {"resource_group": "rg-clusters", "location": "eastus"}
    document["subscriptions"][0]["clusters"] += [
        {**place, "name": "aks-principal", "identity": "ServicePrincipal"},
        {**place, "name": "aks-stopped", "identity": "SystemAssigned", "power_state": "Stopped"},
    ]
    return document


def surroundings(subscription: Subscription) -> list[dict[str, Any]]:
    """What the refusals need beside the chain of steps: a vault and an account elsewhere, and a second vault."""
    west = {"resource_group": "rg-west", "location": "westeurope"}
    return [
        step(subscription, "storage", title="west", **west, storage_account=elsewhere(subscription), container="aks"),
        step(subscription, "vault", title="vault in the west", name="bv-west", **west),
        step(subscription, "vault", title="other vault", name="bv-other"),
        step(subscription, "policy", title="policy of the other vault", vault_name="bv-other", name="other"),
    ]


def elsewhere(subscription: Subscription) -> str:
    return "w" + account(subscription)[1:]


def cases(subscription: Subscription) -> dict[str, Refusal]:
    steps = options(subscription)

    def case(step_: str, /, *pieces: str, **more: Any) -> Refusal:
        module, given = steps[step_]
        kept = {**given, **more}
        return Refusal(module, {key: value for key, value in kept.items() if value is not None}, pieces)

    def cluster(name: str) -> dict[str, str]:
        return {"cluster_name": name}

    policies = "/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-other/backupPolicies/other"
    unknown = ("There is no cluster", "aks-nowhere", "Check the name, the resource group and the subscription.")
    principal = ("aks-principal uses a service principal", "az aks update --enable-managed-identity")
    stopped = ("aks-stopped is stopped", "Start it first")
    hours = ("schedule.interval", "4, 6, 8, 12")
    gone = {"state": "absent"}
    return {
        # Regions
        "cluster and vault apart": case(
            "instance", "bv-east is in eastus", "aks-west-1 is in westeurope", "same region", **cluster("aks-west-1")
        ),
        "cluster and account apart": case(
            "extension", "is in westeurope", "aks-east-2 is in eastus", "same region", **cluster("aks-east-2"),
            storage_account=elsewhere(subscription), storage_account_resource_group="rg-west", blob_container="aks",
        ),
        # Clusters
        "unknown cluster for the extension": case("extension", *unknown, **cluster("aks-nowhere")),
        "unknown cluster for the binding": case("binding", *unknown, **cluster("aks-nowhere")),
        "unknown cluster for the roles": case("permissions", *unknown, **cluster("aks-nowhere")),
        "unknown cluster for the instance": case("instance", *unknown, **cluster("aks-nowhere")),
        "service principal, extension": case("extension", *principal, **cluster("aks-principal")),
        "service principal, roles": case("permissions", *principal, **cluster("aks-principal")),
        "service principal, instance": case("instance", *principal, **cluster("aks-principal")),
        "stopped, extension": case("extension", *stopped, **cluster("aks-stopped")),
        "stopped, binding": case("binding", *stopped, **cluster("aks-stopped")),
        "service principal, binding": case("binding", *principal, **cluster("aks-principal")),
        "stopped, instance": case("instance", *stopped, **cluster("aks-stopped")),
        # Schedules and retention
        "every 5 hours": case("policy", "is 5 hours", *hours, name="new", preset=None, schedule={"interval": 5}),
        "every 24 hours": case(
            "policy", "interval is 24 with frequency=daily", "only 1", name="new", schedule={"interval": 24}
        ),
        "every 2 days": case(
            "policy", "frequency=daily", "only 1", name="new", schedule={"frequency": "daily", "interval": 2}
        ),
        "at 25 o'clock": case(
            "policy", "schedule.start_time is '25:00'", "such as 02:30", name="new", schedule={"start_time": "25:00"}
        ),
        "kept for too long": case("policy", "P400D", "at most 360 days", name="new", operational_retention="P400D"),
        "kept for a word": case("policy", "ISO 8601", "such as P7D", name="new", operational_retention="a week"),
        "copied without a name": case(
            "policy", "needs criteria", "FirstOfDay", name="new", retention_rules=[{"vault_retention": "P30D"}]
        ),
        # Names
        "bad vault": case("vault", "'9vault' is not a valid name of a Backup vault", "2 to 50", name="9vault"),
        "bad policy": case("policy", "'a_b' is not a valid name of a backup policy", "3 to 150", name="a_b"),
        "bad instance": case("instance", "'-x' is not a valid name of a backup instance", name="-x"),
        "bad extension": case("extension", "is not a valid name of an extension", name="-x", **cluster("aks-east-2")),
        "bad binding": case(
            "binding", "is not a valid name of a Trusted Access role binding", "1 to 24", name="x" * 25
        ),
        "bad cluster": case("extension", "'-aks' is not a valid name of a managed cluster", **cluster("-aks")),
        "bad group": case("storage", "'rg.' is not a valid name of a resource group", resource_group="rg."),
        "bad account": case("storage", "is not a valid name of a storage account", "3 to 24", storage_account="St-1"),
        "bad container": case("storage", "is not a valid name of a blob container", "3 to 63", container="A_b"),
        "bad container, extension": case(
            "extension", "is not a valid name of a blob container", "3 to 63", blob_container="A_b"
        ),
        "bad subscription": case("providers", "'mine' is not a valid name of a subscription", subscription_id="mine"),
        "ID of something else": case(
            "instance", "cluster_id must be the resource ID of a", cluster_name=None, cluster_resource_group=None,
            cluster_id=subscription.path("resourceGroups/rg-clusters"),
        ),
        "unknown provider": case("providers", "There is no resource provider", providers=["Microsoft.Misspelt"]),
        # Vaults
        "vault elsewhere": case("vault", "location", "a vault cannot move", location="westeurope"),
        "other redundancy": case("vault", "storageSettings", "fixed when it is created", redundancy="GeoRedundant"),
        "locked for ever": case("vault", "irreversible", "set confirm_irreversible to 'bv-", immutability="Locked"),
        "always on": case(
            "vault", "irreversible", "set confirm_irreversible", soft_delete={"state": "AlwaysOn"}
        ),
        "never to another subscription": case(
            "vault", "irreversible", "set confirm_irreversible", cross_subscription_restore="PermanentlyDisabled"
        ),
        "confirmed for another vault": case(
            "vault", "set confirm_irreversible to 'bv-east'", immutability="Locked", confirm_irreversible="bv-west"
        ),
        "cross-region, local redundancy": case("vault", "needs a GeoRedundant vault", cross_region_restore=True),
        "kept deleted too briefly": case("vault", "14 to 180 days", soft_delete={"retention_days": 7}),
        "vault without location": case("vault", "location is not given", name="bv-new", location=None),
        "vault in use": case("vault", "still protects", "Remove these backup instances first", **gone),
        # Policies
        "changed policy": case(
            "policy", "Azure cannot change a policy", "Create a policy with another name", preset="month"
        ),
        "policy of another vault": case(
            "instance", "belongs to another vault", policy_name=None, policy_id=subscription.path(policies)
        ),
        "policy in use": case("policy", "is used by", "Move these backup instances to another policy", **gone),
        # Extension, binding, instance
        "extension in use": case("extension", "still protect the cluster", "state=absent", **gone),
        "delete the instance": case("instance", "deletes the recovery points", "set confirm_delete_data to", **gone),
        "delete another instance": case(
            "instance", "set confirm_delete_data to", **gone, confirm_delete_data="somebody-else"
        ),
        "delete the container": case(
            "storage", "destroys the backups", "set confirm_delete_data to 'aks-east-1'", **gone
        ),
        "other snapshot group": case(
            "instance", "the snapshot resource group of a backup instance is fixed", snapshot_resource_group="rg-backup"
        ),
        # Backups
        "unknown tag": case("run", "has no such tag. It has: Default", retention_tag_override="Yearly"),
        # Connection
        "no time": case("vault", "wait_timeout and poll_interval", "greater than 0", wait_timeout=0),
        "cloud by an unknown name": case("vault", "cloud_environment is 'AzureMoon'", cloud_environment="AzureMoon"),
        "profile that is not there": case("vault", "profile is 'work'", "no such section", profile="work"),
        "certificate that is not there": case(
            "vault", "auth_source=certificate", "/nowhere.pem", auth_source="certificate",
            x509_certificate_path="/nowhere.pem",
        ),
    }  # fmt: skip


def tasks(subscription: Subscription, names: list[str], modes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each refusal in each mode: ``check`` and ``real``."""
    table = cases(subscription)
    return [
        task(f"{name}, {mode}", table[name].module, check=mode == "check", ignore=True, **table[name].options)
        for name in names
        for mode in modes
    ]  # fmt: skip
