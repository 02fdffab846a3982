# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores to a cluster in another subscription of the tenant."""

from __future__ import annotations

import uuid

from tests.harness import Subscription, task
from tests.harness.steps import CLUSTER, VAULT, account, carry_out, chain, prepare
from tests.lifecycle.test_restore import MODULE, SHOP, cluster_id, inside

REGISTERED = dict.fromkeys(
    ("Microsoft.ContainerService", "Microsoft.Storage", "Microsoft.ManagedIdentity"), "Registered"
)


def cloud(first: str, second: str) -> dict:
    """Two subscriptions with a cluster each, in one region, and somebody who owns both."""
    ids = {first: "aks-east-1", second: "aks-abroad"}
    return {
        "subscriptions": [
            {
                "id": id_,
                "providers": REGISTERED,
                "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
                "clusters": [
                    {
                        "name": name,
                        "resource_group": "rg-clusters",
                        "location": "eastus",
                        "identity": "SystemAssigned",
                    }
                ],
            }
            for id_, name in ids.items()
        ],
        "principals": [
            {
                "name": "automation",
                "roles": [{"role": "Owner", "scope": f"/subscriptions/{id_}"} for id_ in ids],
            }
        ],
    }


def test_a_vault_restores_to_another_subscription_where_it_is_allowed_to(emulator):
    second = str(uuid.uuid4())
    home = Subscription(emulator, cloud(str(uuid.uuid4()), second))
    target = cluster_id(home, "aks-abroad").replace(home.id, second)
    vault = home.path("resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-east")
    theirs = f"{account(home)[:22]}2"
    there = {"subscription_id": second}

    def restore(title, /, *, check=False, ignore=False, **more):
        options = {"target_cluster_id": target, "permissions": "grant", "restore_configuration": SHOP, **more}
        return task(title, MODULE, check=check, ignore=ignore, **CLUSTER, **VAULT, **options)

    made = {"name": "bv-east", "resource_group": "rg-backup", "location": "eastus"}
    prepare(home, chain(home))
    run = carry_out(
        home,
        [
            task("providers there", "aks_backup_provider", **there),
            task("account there", "aks_backup_storage", **there, resource_group="rg-backup-2", location="eastus",
                 storage_account=theirs, container="aks-abroad"),
            task("extension there", "aks_backup_extension", **there, cluster_id=target, storage_account=theirs,
                 storage_account_resource_group="rg-backup-2", blob_container="aks-abroad"),
            task("binding there", "aks_trusted_access", cluster_id=target, vault_id=vault),
            # The extension's way to its own account is not the restore's business.
            task("roles there", "aks_backup_permissions", cluster_id=target, vault_id=vault,
                 snapshot_resource_group=home.path("resourceGroups/rg-snapshots"),
                 storage_account_id=f"/subscriptions/{second}/resourceGroups/rg-backup-2/providers/"
                 f"Microsoft.Storage/storageAccounts/{theirs}"),
            restore("plan", check=True, ignore=True),
            restore("not yet", ignore=True),
            task("allow", "aks_backup_vault", **made, cross_subscription_restore="Enabled"),
            restore("restore"),
        ]
    ).ok()  # fmt: skip
    for title in ("plan", "not yet"):
        assert run[title].failed and run[title].writes == []
        said = run[title].result["msg"]
        assert "The target cluster is in another subscription, and the Backup vault bv-east does not restore" in said
        assert "Enable cross_subscription_restore with aks_backup_vault." in said
    done = run["restore"].result
    assert done["job"]["status"] == "Completed" and done["job"]["target_cluster_id"].lower() == target.lower()
    found = {f"{one['kind']}/{one['metadata']['name']}" for one in emulator.inside(target, "shop")}
    assert found == set(inside(home, "shop"))
    # What the set-up of the target has not given yet: its way to the backups.
    [row] = done["granted_roles"]
    assert (row["principal"], row["role"]) == ("extension", "Storage Blob Data Contributor")
    assert row["scope"].startswith(home.path("resourceGroups/rg-backup/"))
