# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: reported, granted, adopted and taken away again, for every scenario of the matrix."""

from __future__ import annotations

import pathlib
import subprocess

import yaml
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.msi import ManagedServiceIdentityClient

from tests.emulator import scenarios
from tests.harness import Subscription, task
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, VAULT, account, carry_out, chain, prepare, step, storage

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


def scenario(roles=("Owner",), **cluster):
    """The default one with another first cluster, and a caller who has these roles."""
    document = yaml.safe_load((pathlib.Path(scenarios.HERE) / "default.yml").read_text())
    document["subscriptions"][0]["clusters"][0].update(cluster)
    document["principals"] = [
        {"name": "automation", "roles": [{"role": "Owner"}]},
        {"name": "operator", "secret": "not-much-of-one", "roles": [{"role": role} for role in roles]},
    ]
    return document


def ready(emulator, **cluster):
    """Everything that needs roles, and none of them."""
    subscription = Subscription(emulator, scenario(**cluster))
    done = chain(subscription, until="permissions", without="policy")
    staging = step(subscription, "storage", title="staging", resource_group="rg-staging", container=None,
                   storage_account=staging_account(subscription))  # fmt: skip
    prepare(subscription, [*done, staging])
    return subscription


def staging_account(subscription):
    return "g" + account(subscription)[1:]


def held(subscription):
    """(principal, role, scope) of every assignment but the scenario's own."""
    return {
        (one["properties"]["principalId"], one["properties"]["roleDefinitionId"][-36:], one["properties"]["scope"])
        for one in subscription.resources(ASSIGNMENTS)
        if one["properties"]["createdBy"]
    }


def account_id(subscription, name=None, group="rg-backup"):
    name = name or account(subscription)
    return subscription.path(f"resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}")


def roles_of(step_):
    return [(one["principal"], one["role"], one["scope"].rsplit("/", 1)[-1]) for one in step_.result["assignments"]]


def test_every_scenario_of_the_matrix(emulator):
    subscription = ready(emulator)
    name, stage = account(subscription), staging_account(subscription)
    tier = {"operation": "restore", "snapshot_resource_group": None, "storage_account": None,
            "storage_account_resource_group": None, "restore_from": ["VaultStore"],
            "staging_resource_group": "rg-staging",
            "staging_storage_account_id": account_id(subscription, stage, "rg-staging")}  # fmt: skip
    more = {
        "operational": {},
        "tiered": {"vault_tier": True},
        "files": {"volume_types": ["AzureDisk", "AzureFileShareSMB"],
                  "file_share_storage_account_ids": [account_id(subscription)]},
        "restore": {"operation": "restore"},
        "restore from the vault": tier,
    }  # fmt: skip
    tasks = []
    for title, given in more.items():
        for time in ("report", "check", "grant", "again"):
            mode = {"mode": "report"} if time == "report" else {}
            tasks.append(given_step(subscription, f"{title} {time}", check=time == "check", **given, **mode))
    run = carry_out(subscription, tasks).ok()
    operational = [
        ("vault", "Reader", "aks-east-1"),
        ("vault", "Reader", "rg-snapshots"),
        ("cluster", "Contributor", "rg-snapshots"),
        ("extension", "Storage Blob Data Contributor", name),
    ]
    tiering = [
        ("vault", "Disk Snapshot Contributor", "rg-snapshots"),
        ("vault", "Data Operator for Managed Disks", "rg-snapshots"),
        ("vault", "Storage Blob Data Reader", name),
    ]
    expected = {
        "operational": operational,
        "tiered": operational + tiering,
        "files": [*operational, ("cluster", "Storage File Data Privileged Contributor", name)],
        "restore": operational,
        "restore from the vault": [
            operational[0],
            ("vault", "Contributor", "rg-staging"),
            ("cluster", "Contributor", "rg-staging"),
            ("vault", "Storage Account Contributor", stage),
            ("vault", "Storage Blob Data Owner", stage),
            ("extension", "Storage Blob Data Contributor", stage),
        ],
    }
    new = {"operational": 4, "tiered": 3, "files": 1, "restore": 0, "restore from the vault": 5}
    for title in more:
        steps = {time: run[f"{title} {time}"] for time in ("report", "check", "grant", "again")}
        assert all(roles_of(one) == expected[title] for one in steps.values()), title
        assert len(steps["report"].result["missing"]) == len(steps["grant"].writes) == new[title], title
        assert steps["report"].writes == steps["check"].writes == steps["again"].writes == []
        assert not steps["report"].changed and not steps["again"].changed
        assert steps["check"].changed == steps["grant"].changed == bool(new[title])
        assert steps["check"].result["diff"] == steps["grant"].result["diff"]
        assert sum(one["granted"] for one in steps["grant"].result["assignments"]) == new[title]
    assert len(held(subscription)) == 13


def given_step(subscription, title, **more):
    """The step ``permissions``; None takes an option away."""
    made = step(subscription, "permissions", title=title, **more)
    options = made["aks.backup.aks_backup_permissions"]
    made["aks.backup.aks_backup_permissions"] = {key: value for key, value in options.items() if value is not None}
    return made


def test_wider_scopes_and_what_exists_at_another_one(emulator):
    subscription = ready(emulator)
    somebody = Somebody(subscription)
    vault = somebody.data_protection.backup_vaults.get("rg-backup", "bv-east").identity.principal_id
    cluster = somebody.aks.managed_clusters.get("rg-clusters", "aks-east-1").identity.principal_id
    # Somebody else's: one above, one at the place itself, and one with a condition, which may not be enough.
    inherited = somebody.assign(cluster, CONTRIBUTOR, f"/subscriptions/{subscription.id}")
    equal = somebody.assign(vault, READER, somebody.cluster_id)
    tasks = [
        given_step(subscription, "group, check", check=True, role_scope="resource_group"),
        given_step(subscription, "group", role_scope="resource_group"),
        given_step(subscription, "resource"),
        given_step(subscription, "subscription", role_scope="subscription"),
    ]
    run = carry_out(subscription, tasks).ok()
    made = run["group"].result["assignments"]
    assert made[0]["assignment_id"].lower() == equal.lower() and not made[0]["granted"]
    assert made[2]["assignment_id"].lower() == inherited.lower() and not made[2]["granted"]
    assert [one["granted"] for one in made] == [False, True, False, True]
    scopes = [one["assignment_scope"].rsplit("/", 1)[-1] for one in made]
    assert scopes == ["rg-clusters", "rg-snapshots", "rg-snapshots", "rg-backup"]
    assert len(run["group"].writes) == 2
    # What gives the same at another scope is left as it is.
    assert not run["resource"].changed and not run["subscription"].changed
    assert run["group"].result["diff"] == run["group, check"].result["diff"]


def test_one_assignment_at_the_subscription_serves_several_needs(emulator):
    subscription = ready(emulator)
    run = carry_out(
        subscription,
        [
            given_step(subscription, "grant", role_scope="subscription"),
            given_step(subscription, "again", role_scope="subscription"),
            given_step(subscription, "at the resource"),
            given_step(subscription, "narrow", mode="revoke"),
            given_step(subscription, "revoke", mode="revoke", role_scope="subscription"),
        ],
    ).ok()
    assert len(run["grant"].writes) == 3
    first, second = run["grant"].result["assignments"][:2]
    assert first["assignment_id"] == second["assignment_id"] and first["granted"] and second["granted"]
    assert not run["again"].changed and not run["at the resource"].changed
    # What is inherited is not the narrow scope's to take.
    narrow = run["narrow"].result["assignments"]
    assert not run["narrow"].changed and not any(one["revoked"] for one in narrow)
    assert {one["kept"] for one in narrow} == {f"It is inherited from /subscriptions/{subscription.id}."}
    assert len(run["revoke"].writes) == 3 and held(subscription) == set()


def test_revoking(emulator):
    subscription = ready(emulator)
    run = carry_out(
        subscription,
        [
            given_step(subscription, "grant", vault_tier=True),
            given_step(subscription, "check", mode="revoke", vault_tier=True, check=True),
            given_step(subscription, "revoke", mode="revoke", vault_tier=True),
            given_step(subscription, "again", mode="revoke", vault_tier=True),
        ],
    ).ok()
    assert run["check"].writes == [] and run["check"].changed
    assert run["check"].result["diff"] == run["revoke"].result["diff"]
    assert len(run["revoke"].writes) == 7 and all(write.startswith("DELETE ") for write in run["revoke"].writes)
    assert all(one["revoked"] and one["assignment_id"] for one in run["revoke"].result["assignments"])
    assert not run["again"].changed and run["again"].writes == []
    assert held(subscription) == set()


def test_a_cluster_that_is_protected_keeps_its_roles_and_shared_ones_stay(emulator):
    subscription = ready(emulator)
    run = carry_out(
        subscription,
        [
            step(subscription, "policy"),
            step(subscription, "permissions"),
            step(subscription, "instance"),
            given_step(subscription, "refused", mode="revoke", ignore=True),
            given_step(subscription, "refused for both", mode="revoke", operation="both", ignore=True, check=True),
            given_step(subscription, "forced", mode="revoke", force_revoke=True, check=True),
            given_step(subscription, "restore", mode="revoke", operation="restore"),
            # The second cluster shares vault, snapshot resource group and storage account with the first.
            step(subscription, "extension", title="second", cluster_name="aks-east-2", blob_container="aks-east-1"),
            given_step(subscription, "grant", cluster_name="aks-east-2"),
            given_step(subscription, "revoke", cluster_name="aks-east-2", mode="revoke"),
        ],
    ).ok()
    for name in ("refused", "refused for both"):
        said = run[name].result["msg"]
        assert run[name].failed and run[name].writes == []
        assert "whose backups would fail without these roles" in said and "state=absent" in said
        assert "operation=restore" in said
    assert run["forced"].changed and run["forced"].writes == []
    assert all(one["revoked"] for one in run["forced"].result["assignments"])
    kept = run["restore"].result["assignments"]
    assert not run["restore"].changed and all("of the cluster needs it" in one["kept"] for one in kept)
    after = run["revoke"].result["assignments"]
    assert [one["revoked"] for one in after] == [True, False, True, True]
    assert "Backup instances of other clusters need it: " in after[1]["kept"]
    protected = carry_out(subscription, [given_step(subscription, "first")]).ok()
    assert not protected["first"].changed, "the first cluster has lost nothing"
    # Were the identity of the second cluster that of the first as well, it would be shared.
    clusters = {one["name"]: one for one in subscription.resources("Microsoft.ContainerService/managedClusters")}
    store = subscription.emulator.server.world.store
    theirs = {**clusters["aks-east-2"]["identity"], "principalId": None}
    store.merge(clusters["aks-east-1"]["id"], {"identity": theirs})
    tasks = [given_step(subscription, mode, cluster_name="aks-east-2", mode=mode) for mode in ("grant", "revoke")]
    shared = carry_out(subscription, tasks).ok()["revoke"].result["assignments"]
    assert [one["revoked"] for one in shared] == [True, False, False, True]
    assert "Backup instances of other clusters need it: " in shared[2]["kept"]


def test_a_user_assigned_identity_of_the_cluster(emulator):
    subscription = ready(emulator, identity="UserAssigned")
    run = carry_out(
        subscription, [given_step(subscription, "grant"), given_step(subscription, "revoke", mode="revoke")]
    ).ok()
    cluster = Somebody(subscription).aks.managed_clusters.get("rg-clusters", "aks-east-1")
    (assigned,) = cluster.identity.user_assigned_identities.values()
    granted = {one["principal"]: one["principal_id"] for one in run["grant"].result["assignments"]}
    assert granted["cluster"] == assigned.principal_id
    kubelet = cluster.identity_profile["kubeletidentity"].object_id
    assert kubelet not in granted.values()
    assert held(subscription) == set()


def test_a_user_assigned_identity_of_the_vault(emulator):
    subscription = ready(emulator)
    identity = subscription.path("resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/"
                                 "userAssignedIdentities/id-backup")  # fmt: skip
    principal = made_identity(subscription, "id-backup")
    given = [given_step(subscription, name, vault_identity_id=identity, ignore=True) for name in ("before", "grant")]
    before = carry_out(subscription, given[:1])["before"]
    # Newer versions want soft delete to be there for ever.
    client = Somebody(subscription)._client(DataProtectionMgmtClient, polling_interval=0.05, api_version="2025-07-01")
    client.backup_vaults.begin_update(
        "rg-backup",
        "bv-east",
        {"identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {identity: {}}}},
    ).result()
    run = carry_out(subscription, given[1:]).ok()
    assert before.failed and before.writes == []
    assert "does not have the identity" in before.result["msg"]
    assert "aks_backup_vault (identity)" in before.result["msg"]
    given = {one["principal_id"] for one in run["grant"].result["assignments"] if one["principal"] == "vault"}
    assert given == {principal}


def made_identity(subscription, name):
    """A user-assigned identity by Microsoft's client; its object ID."""
    somebody = Somebody(subscription)
    somebody.resources.providers.register("Microsoft.ManagedIdentity")
    subscription.emulator.advance(120)
    client = somebody._client(ManagedServiceIdentityClient)
    made = client.user_assigned_identities.create_or_update("rg-backup", name, {"location": "eastus"})
    subscription.emulator.advance(120)
    return made.principal_id


def test_an_extension_that_uses_keys_needs_to_read_them(emulator):
    subscription = ready(emulator)
    somebody = Somebody(subscription)
    key = "configuration.backupStorageLocation.config.useAAD"
    somebody.extensions.extensions.begin_update(
        "rg-clusters", "Microsoft.ContainerService", "managedClusters", "aks-east-1", "azure-aks-backup",
        {"properties": {"configurationSettings": {key: "false"}}},
    ).result()  # fmt: skip
    run = carry_out(subscription, [given_step(subscription, "report", mode="report")]).ok()
    assert roles_of(run["report"])[3][:2] == ("extension", "Storage Account Contributor")


def test_orphans_are_reported_and_removed_when_asked_to(emulator):
    subscription = ready(emulator)
    somebody = Somebody(subscription)
    leaving = made_identity(subscription, "id-leaving")
    gone = somebody.assign(leaving, READER, somebody.cluster_id)
    somebody._client(ManagedServiceIdentityClient).user_assigned_identities.delete("rg-backup", "id-leaving")
    run = carry_out(
        subscription,
        [
            given_step(subscription, "report", mode="report", remove_orphaned=True),
            given_step(subscription, "grant"),
            given_step(subscription, "check", remove_orphaned=True, check=True),
            given_step(subscription, "remove", remove_orphaned=True),
            given_step(subscription, "again", remove_orphaned=True),
        ],
    ).ok()
    (orphan,) = run["report"].result["orphaned"]
    assert orphan["assignment_id"].lower() == gone.lower() and orphan["principal_id"] == leaving
    assert orphan["role"] == "Reader" and not orphan["removed"] and run["report"].writes == []
    assert [one["removed"] for one in run["grant"].result["orphaned"]] == [False]
    assert run["check"].changed and run["check"].writes == []
    assert len(run["remove"].writes) == 1 and run["remove"].writes[0].lower().endswith(gone.lower())
    assert run["check"].result["diff"] == run["remove"].result["diff"]
    assert run["again"].result["orphaned"] == [] and not run["again"].changed
    # A cluster that is gone leaves orphans as well, and revoking still works.
    other = made_identity(subscription, "id-other")
    again = somebody.assign(other, READER, somebody.cluster_id)
    somebody._client(ManagedServiceIdentityClient).user_assigned_identities.delete("rg-backup", "id-other")
    revoked = carry_out(subscription, [given_step(subscription, "revoke", mode="revoke")]).ok()["revoke"]
    assert any(write.lower().endswith(again.lower()) for write in revoked.writes)
    assert [one["removed"] for one in revoked.result["orphaned"]] == [True]
    assert held(subscription) == set()


def test_revoking_where_nothing_is_left(subscription):
    """Teardown in any order: what is gone has no roles to lose."""
    given = {"cluster_name": "aks-gone", "mode": "revoke", "vault_name": "bv-gone"}
    run = carry_out(subscription, [given_step(subscription, "revoke", **given)]).ok()
    assert not run["revoke"].changed and run["revoke"].writes == []


def test_a_caller_who_may_not_assign(emulator):
    subscription = Subscription(emulator, scenario(roles=["Contributor"]))
    prepare(subscription, chain(subscription, until="permissions", without="policy"))
    operator = credentials(subscription)
    tasks = [
        given_step(subscription, "check", check=True, ignore=True, **operator),
        given_step(subscription, "grant", ignore=True, **operator),
        given_step(subscription, "report", mode="report", **operator),
    ]
    run = carry_out(subscription, tasks).ok()
    for name in ("check", "grant"):
        result = run[name].result
        assert run[name].failed and run[name].writes == [], "nobody is asked what he may not do"
        assert result["error"]["code"] == "AuthorizationFailed" and len(result["error"]["problems"]) == 4
        assert result["msg"].count("az role assignment create") == 4
        for piece in (
            "may not assign roles",
            "Reader for the vault on aks-east-1",
            "mode=report",
            "Owner, User Access",
        ):
            assert piece in result["msg"]
    assert len(run["report"].result["missing"]) == 4


def credentials(subscription):
    """How the operator of :func:`scenario` signs in."""
    world = subscription.emulator.server.world
    (operator,) = [
        one for one in world.directory.all() if one.name == "operator" and one.tenant == tenant(subscription)
    ]
    return {"client_id": operator.app_id, "secret": operator.secrets[0], "tenant": operator.tenant}


def tenant(subscription):
    return subscription.environment["AZURE_TENANT_ID"]


def test_a_caller_whose_right_has_a_condition(emulator):
    """Azure lists the right without its condition, and then refuses."""
    subscription = ready(emulator)
    subscription.fault(
        {"status": 403, "code": "AuthorizationFailed", "message": "The condition is not met."},
        method="PUT", path="roleAssignments/", times=2,
    )  # fmt: skip
    run = carry_out(
        subscription, [given_step(subscription, "grant", ignore=True), given_step(subscription, "again")]
    ).ok()
    result = run["grant"].result
    assert run["grant"].failed and result["changed"]
    assert result["msg"].count("az role assignment create") == 2 and "may not assign roles" in result["msg"]
    assert result["error"]["status"] == 403 and result["error"]["request_id"]
    assert len(run["again"].writes) == 2


def test_the_commands_and_blocks_of_a_report_do_it(emulator, tmp_path):
    """What is printed names exactly what a grant would make."""
    subscription = ready(emulator)
    first = carry_out(subscription, [given_step(subscription, "report", mode="report")]).ok()["report"]
    somebody = Somebody(subscription)
    for row in first.result["missing"]:
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\n' {row['command']}"], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        told = dict(zip(words[4::2], words[5::2], strict=True))
        assert words[:4] == ["az", "role", "assignment", "create"]
        assert told["--role"] == row["role"] and told["--assignee-principal-type"] == "ServicePrincipal"
        block = dict(line.strip().split(" = ") for line in row["terraform"].splitlines()[1:-1])
        facts = {key.strip(): value.strip('"') for key, value in block.items()}
        assert facts["scope"] == told["--scope"] and facts["principal_id"] == told["--assignee-object-id"]
        assert facts["role_definition_name"] == row["role"]
        somebody.assign(told["--assignee-object-id"], row["role_definition_id"][-36:], told["--scope"])
    run = carry_out(subscription, [given_step(subscription, "grant")]).ok()
    assert not run["grant"].changed and len(held(subscription)) == 4


def test_options_that_are_missing_are_named_all_at_once(subscription):
    everything = {"operation": "both", "restore_from": ["OperationalStore", "VaultStore"],
                  "volume_types": ["AzureFileShareSMB"]}  # fmt: skip
    run = carry_out(
        subscription,
        [
            task("nothing", "aks_backup_permissions", ignore=True, **CLUSTER, **VAULT, **everything),
            task("no group", "aks_backup_permissions", ignore=True, **CLUSTER, **VAULT, **storage(subscription)),
            task("no account", "aks_backup_permissions", ignore=True, **CLUSTER, **VAULT, snapshot_resource_group="rg"),
            given_step(subscription, "not an account", ignore=True, operation="restore", restore_from=["VaultStore"],
                       staging_resource_group="rg", staging_storage_account_id="/subscriptions/x"),
        ]
    )  # fmt: skip
    said = run["nothing"].result["msg"]
    for option in ("snapshot_resource_group", "storage_account_id", "staging_resource_group",
                   "staging_storage_account_id", "file_share_storage_account_ids"):  # fmt: skip
        assert f"{option} is needed for operation=both" in said
    assert len(run["nothing"].result["error"]["problems"]) == 5
    assert run["no group"].result["msg"].startswith("snapshot_resource_group is needed for operation=backup")
    assert run["no account"].result["msg"].startswith("storage_account_id is needed for operation=backup")
    assert "staging_storage_account_id" in run["not an account"].result["msg"]
    assert run.writes == [] and all(step.failed for step in run.steps)


def test_the_policy_decides_about_the_vault_tier(emulator):
    subscription = ready(emulator)
    policy = {"preset": "disaster_recovery", "name": "tiered"}
    policy_id = f"{Somebody(subscription).vault_id}/backupPolicies/tiered"
    run = carry_out(
        subscription,
        [
            step(subscription, "policy", **policy),
            step(subscription, "policy", title="plain"),
            given_step(subscription, "tiered", mode="report", policy_name="tiered"),
            given_step(subscription, "by id", mode="report", policy_id=policy_id),
            given_step(subscription, "not tiered", mode="report", policy_name="aks-daily"),
            given_step(subscription, "overruled", mode="report", policy_name="tiered", vault_tier=False),
            given_step(subscription, "missing", policy_name="nowhere", ignore=True),
        ],
    ).ok()
    counts = {name: len(run[name].result["missing"]) for name in ("tiered", "by id", "not tiered", "overruled")}
    assert counts == {"tiered": 7, "by id": 7, "not tiered": 4, "overruled": 4}
    assert "Create it with aks_backup_policy first." in run["missing"].result["msg"]
