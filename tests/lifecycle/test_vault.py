# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Vaults: identities, keys, what is refused, what can never be taken back, and finding them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.lifecycle.vaults import (
    GUARDS,
    KEY,
    NAME,
    NEW,
    SCENARIO,
    TYPE,
    as_planned,
    identity,
    messages,
    planned,
    sent,
    vault,
    vault_id,
)


@pytest.fixture
def subscription(emulator):
    return Subscription(emulator, copy.deepcopy(SCENARIO))


def test_identities(subscription):
    one, two = identity(subscription, "id-one"), identity(subscription, "id-two")
    run = subscription.play(
        [
            *planned("create", location="eastus", identity={"user_assigned_identities": [one]}),
            vault("other spelling", identity={"user_assigned_identities": [one.upper().replace("SUBS", "subs", 1)]}),
            *planned("append", identity={"user_assigned_identities": [two]}),
            *planned("replace", identity={"user_assigned_identities": [two], "append": False}),
            *planned("system", identity={"type": "SystemAssigned"}),
            *planned("user", identity={"type": "UserAssigned", "user_assigned_identities": [two]}),
            *planned("both", identity={"type": "SystemAssigned,UserAssigned"}),
            *planned("none", identity={"type": "None"}),
            vault("unknown identity (refused)", identity={"user_assigned_identities": [f"{one}-gone"]}),
        ]
    ).ok()
    shown = {
        title: as_planned(run, title).result["resource"]["identity"]
        for title in ("create", "append", "replace", "system", "user", "both", "none")
    }
    assert not run["other spelling"].changed
    assert {title: len(each["user_assigned_identities"]) for title, each in shown.items()} == {
        "create": 1,
        "append": 2,
        "replace": 1,
        "system": 0,
        "user": 1,
        "both": 1,
        "none": 0,
    }
    assert shown["replace"]["user_assigned_identities"] == [two]
    principals = {title: each["principal_id"] for title, each in shown.items()}
    assert len({principals[title] for title in ("create", "append", "replace", "system")}) == 1
    assert principals["user"] is principals["none"] is None
    assert principals["both"] not in (None, principals["system"])
    assert sent(run["system (done)"])["identity"] == {"type": "SystemAssigned"}
    assert sent(run["append (done)"])["identity"]["userAssignedIdentities"] == {one: {}, two: {}}
    warned = {title: bool(run[f"{title} (done)"].result.get("warnings")) for title in shown}
    assert {title for title, there in warned.items() if there} == {"user", "none"}
    assert "no system-assigned identity" in run["user (done)"].result["warnings"][0]
    assert run["unknown identity (refused)"].result["error"]["code"] == "FailedIdentityOperation"


def test_a_key_of_ones_own(subscription):
    one, two = identity(subscription, "id-one"), identity(subscription, "id-two")
    confirmed = {"confirm_irreversible": "bv-east"}
    run = subscription.play(
        [
            *planned(
                "create",
                location="eastus",
                identity={"user_assigned_identities": [one]},
                encryption={"key_uri": KEY, "identity_id": one, "infrastructure_encryption": True},
                **confirmed,
            ),
            vault("nothing asked"),
            vault("other case", encryption={"key_uri": KEY.replace("kv", "KV"), "identity_id": one.upper()}),
            *planned("version", encryption={"key_uri": f"{KEY}/0123456789abcdef0123456789abcdef"}),
            *planned(
                "reader", identity={"user_assigned_identities": [two]}, encryption={"identity_id": two}
            ),
            *planned("system", encryption={"identity_type": "SystemAssigned"}),
            vault("doubly (refused)", encryption={"infrastructure_encryption": False}),
            task("plain", "aks_backup_vault", **{**NEW, "name": "bv-plain"}),
            task("unconfirmed", "aks_backup_vault", ignore=True, **{**NAME, "name": "bv-plain"},
                 encryption={"key_uri": KEY}),
            task("late", "aks_backup_vault", **{**NAME, "name": "bv-plain"},
                 encryption={"key_uri": KEY}, confirm_irreversible="bv-plain"),
        ]
    ).ok()  # fmt: skip
    created = as_planned(run, "create")
    assert sent(created)["properties"]["securitySettings"]["encryptionSettings"] == {
        "state": "Enabled",
        "keyVaultProperties": {"keyUri": KEY},
        "kekIdentity": {"identityType": "UserAssigned", "identityId": one},
        "infrastructureEncryption": "Enabled",
    }
    assert created.result["resource"]["encryption"] == {
        "identity_id": one,
        "identity_type": "UserAssigned",
        "infrastructure_encryption": True,
        "key_uri": KEY,
        "state": "Enabled",
    }
    assert not run["nothing asked"].changed
    assert not run["other case"].changed
    assert as_planned(run, "version").result["resource"]["encryption"]["key_uri"].endswith("cdef")
    assert as_planned(run, "reader").result["resource"]["encryption"]["identity_id"] == two
    system = as_planned(run, "system")
    assert sent(system)["properties"]["securitySettings"]["encryptionSettings"]["kekIdentity"] == {
        "identityType": "SystemAssigned"
    }
    assert system.result["resource"]["encryption"]["infrastructure_encryption"] is True
    assert "infrastructure encryption is chosen when a vault is created" in messages(run)["doubly (refused)"]
    assert "encryption=Enabled is irreversible" in messages(run)["unconfirmed"]
    assert run["late"].result["resource"]["encryption"]["infrastructure_encryption"] is False


# What is wrong -> the options, and a piece of the message.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no location": ({"location": None}, "location is not given, so it cannot be created"),
    "name": ({"name": "1vault"}, "'1vault' is not a valid name of a Backup vault"),
    "days": ({"soft_delete": {"retention_days": 7}}, "soft_delete.retention_days is 7; Azure Backup takes 14 to 180"),
    "days of nothing": (
        {"soft_delete": {"state": "Off", "retention_days": 30}},
        "with soft_delete.state=Off nothing is kept",
    ),
    "AlwaysOn": ({"soft_delete": {"state": "AlwaysOn"}}, "soft_delete.state=AlwaysOn is irreversible"),
    "Locked": ({"immutability": "Locked"}, "set confirm_irreversible to 'bv-east'"),
    "other name confirmed": ({"immutability": "Locked", "confirm_irreversible": "bv"}, "immutability=Locked is irrev"),
    "cross-region": (
        {"cross_region_restore": True, "redundancy": "GeoRedundant"},
        "cross_region_restore=Enabled is irreversible",
    ),
    "not paired": (
        {"cross_region_restore": True, "confirm_irreversible": "bv-east"},
        "cross_region_restore needs a GeoRedundant vault; this one is LocallyRedundant",
    ),
    "cross-subscription": (
        {"cross_subscription_restore": "PermanentlyDisabled"},
        "cross_subscription_restore=PermanentlyDisabled is irreversible",
    ),
    "identity and type": (
        {"identity": {"type": "SystemAssigned", "user_assigned_identities": ["{one}"]}},
        "user_assigned_identities is given, but identity.type is SystemAssigned",
    ),
    "no identity": ({"identity": {"type": "UserAssigned"}}, "list the identities in identity.user_assigned_identities"),
    "not an identity": (
        {"identity": {"user_assigned_identities": ["id-one"]}},
        "'id-one' is not an Azure resource ID",
    ),
    "no key": ({"encryption": {"identity_id": "{one}"}}, "encryption.key_uri is needed"),
    "not a key": ({"encryption": {"key_uri": "https://kv/secrets/x"}}, "which is no key: give https://"),
    "key without identity": (
        {"encryption": {"key_uri": KEY}, "confirm_irreversible": "bv-east"},
        "system-assigned identity of a new Backup vault cannot have access to a key yet",
    ),
    "foreign key identity": (
        {"encryption": {"key_uri": KEY, "identity_id": "{one}"}},
        "which is not an identity of the Backup vault bv-east",
    ),
    "key identity twice": (
        {"encryption": {"key_uri": KEY, "identity_id": "{one}", "identity_type": "SystemAssigned"}},
        "identity_id is given, but encryption.identity_type is SystemAssigned",
    ),
    "key identity unnamed": (
        {"encryption": {"key_uri": KEY, "identity_type": "UserAssigned"}},
        "name the identity in encryption.identity_id",
    ),
    "guard": (
        {"resource_guard_id": "{one}"},
        "resource_guard_id must be the resource ID of a Microsoft.DataProtection",
    ),
    "undelete without location": ({"location": None, "undelete": True}, "undelete needs location"),
    "nothing to undelete": ({"undelete": True}, "There is no soft-deleted Backup vault bv-east of the resource group"),
}


def test_what_is_refused_before_there_is_a_vault(subscription):
    one = identity(subscription, "id-one")

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items() if item is not None}
        return [filled(item) for item in value] if isinstance(value, list) else one if value == "{one}" else value

    tasks = [
        task(f"{title}, {mode}", "aks_backup_vault", check=mode == "plan", ignore=True, **filled({**NEW, **options}))
        for title, (options, _message) in WRONG.items()
        for mode in ("plan", "done")
    ]
    said = messages(subscription.play(tasks).ok())
    wrong = {
        f"{title}, {mode}": said.get(f"{title}, {mode}")
        for title, (_options, message) in WRONG.items()
        for mode in ("plan", "done")
        if message not in said.get(f"{title}, {mode}", "")
    }
    assert wrong == {}
    assert subscription.writes() == []


def test_there_is_no_way_back(subscription):
    locked = {
        "redundancy": "GeoRedundant",
        "soft_delete": {"state": "AlwaysOn", "retention_days": 30},
        "immutability": "Locked",
        "cross_region_restore": True,
        "cross_subscription_restore": "PermanentlyDisabled",
        "confirm_irreversible": "bv-east",
    }
    back = {
        "redundancy": "LocallyRedundant",
        "soft_delete": {"state": "On"},
        "immutability": "Disabled",
        "cross_region_restore": False,
        "cross_subscription_restore": "Enabled",
        "location": "westeurope",
        "confirm_irreversible": "bv-east",
    }
    run = subscription.play(
        [
            *planned("lock", location="eastus", **locked),
            vault("back (plan) (refused)", **back),
            vault("back (refused)", **back),
            vault("days (refused)", soft_delete={"retention_days": 14}),
            *planned("more days", soft_delete={"retention_days": 60}),
        ]
    ).ok()
    resource = as_planned(run, "lock").result["resource"]
    assert (resource["secure_score"], resource["security_level"]) == ("Adequate", "Good")
    assert resource["replicated_regions"] == ["westus"]
    for title in ("back (plan) (refused)", "back (refused)"):
        problems = run[title].result["error"]["problems"]
        assert len(problems) == 6, problems
        for piece in (
            "soft_delete.state of the Backup vault bv-east is AlwaysOn",
            "immutability of the Backup vault bv-east is Locked",
            "cross_region_restore of the Backup vault bv-east is Enabled",
            "cross_subscription_restore of the Backup vault bv-east is PermanentlyDisabled",
            "create another vault for another redundancy",
            "a vault cannot move",
        ):
            assert any(piece in problem for problem in problems), piece
        assert run[title].writes == []
    assert "while soft delete is AlwaysOn, the days can only grow" in messages(run)["days (refused)"]
    assert as_planned(run, "more days").result["resource"]["soft_delete"]["retention_days"] == 60


def test_soft_delete_off_and_on_again(subscription):
    run = subscription.play(
        [
            *planned("without", location="eastus", soft_delete={"state": "Off"}),
            *planned("with", soft_delete={"state": "On"}),
            *planned("off", soft_delete={"state": "Off"}),
            *planned("on", soft_delete={"state": "On", "retention_days": 20}),
        ]
    ).ok()
    assert as_planned(run, "without").result["resource"]["soft_delete"] == {"state": "Off", "retention_days": 0}
    assert sent(run["without (done)"])["properties"]["securitySettings"]["softDeleteSettings"] == {
        "state": "Off",
        "retentionDurationInDays": 14.0,
    }
    assert as_planned(run, "with").result["resource"]["soft_delete"] == {"state": "On", "retention_days": 14}
    as_planned(run, "off")
    assert as_planned(run, "on").result["resource"]["soft_delete"] == {"state": "On", "retention_days": 20}
    assert not any("warnings" in one.result for one in run.steps)


def test_what_azure_refuses(subscription):
    run = subscription.play(
        [
            vault("datastore (refused)", location="eastus", datastore_type="ArchiveStore"),
            task("no group", "aks_backup_vault", ignore=True, **{**NEW, "resource_group": "rg-none"}),
            vault("create", location="eastus"),
            vault("datastore changed (refused)", datastore_type="OperationalStore"),
            vault("guard (refused)", resource_guard_id=vault_id(subscription).replace(TYPE, GUARDS)),
        ]
    ).ok()
    said = messages(run)
    assert "BMSUserErrorInvalidInput" in said["datastore (refused)"]
    assert "ArchiveStore" in said["datastore (refused)"]
    assert "Resource group 'rg-none' could not be found" in said["no group"]
    assert "UserErrorGenericResourceNotFound: Azure resource does not exist" in said["guard (refused)"]
    assert "/backupResourceGuardProxies/DppResourceGuardProxy" in said["guard (refused)"]
    assert "cannot become 'OperationalStore'" in said["datastore changed (refused)"]
    assert run["datastore changed (refused)"].writes == []


def test_vaults_are_found(subscription):
    somebody = Somebody(subscription)
    somebody.resources.resource_groups.create_or_update("rg-west", {"location": "westeurope"})
    made = {
        "bv-east": {"tags": {"Purpose": "backup", "owner": "platform"}},
        "bv-east-2": {"tags": {"purpose": "test"}, "immutability": "Unlocked"},
        "bv-west": {"resource_group": "rg-west", "location": "westeurope", "tags": {"purpose": "backup"}},
    }
    asked: dict[str, tuple[dict[str, Any], list[str]]] = {
        "all": ({}, ["bv-east", "bv-east-2", "bv-west"]),
        "group": ({"resource_group": "RG-Backup"}, ["bv-east", "bv-east-2"]),
        "name": ({"name": "BV-west"}, ["bv-west"]),
        "both": ({"name": "bv-east", "resource_group": "rg-backup"}, ["bv-east"]),
        "both, elsewhere": ({"name": "bv-east", "resource_group": "rg-west"}, []),
        "no group": ({"resource_group": "rg-none"}, []),
        "tag": ({"tags": ["purpose"]}, ["bv-east", "bv-east-2", "bv-west"]),
        "tag and value": ({"tags": ["purpose:backup"]}, ["bv-east", "bv-west"]),
        "tags": ({"tags": ["purpose:backup", "owner"]}, ["bv-east"]),
        "location": ({"location": "West Europe"}, ["bv-west"]),
        "location and group": ({"location": "eastus", "resource_group": "rg-west"}, []),
    }
    run = subscription.play(
        [
            *(task(name, "aks_backup_vault", **{**NEW, "name": name, **more}) for name, more in made.items()),
            *(task(f"find {title}", "aks_backup_vault_info", **options) for title, (options, _names) in asked.items()),
            task("deleted, where?", "aks_backup_vault_info", ignore=True, include_deleted=True),
        ]
    ).ok()
    found = {title: [one["name"] for one in run[f"find {title}"].result["vaults"]] for title in asked}
    assert found == {title: names for title, (_options, names) in asked.items()}
    for name in made:
        (row,) = (one for one in run["find all"].result["vaults"] if one["name"] == name)
        assert row == run[name].result["resource"]
    assert not any(run[f"find {title}"].changed or run[f"find {title}"].writes for title in asked)
    assert "include_deleted is True but all of the following are missing: location" in messages(run)["deleted, where?"]
