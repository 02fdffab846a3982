# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension: settings and where it stores, failure and repair, removal under protest, and what is refused."""

from __future__ import annotations

from tests.harness import task
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, account, carry_out, chain, prepare, step

EXTENSIONS = "Microsoft.KubernetesConfiguration/extensions"
LOCATION = "configuration.backupStorageLocation."
CHEAP = "Helm installation failed : failed pre-install: job failed: BackoffLimitExceeded"


def both(subscription, title, wanted="extension", **options):
    """A task in check mode, for real, and once more."""
    return [
        step(subscription, wanted, title=f"{title} (planned)", check=True, **options),
        step(subscription, wanted, title=f"{title} (done)", **options),
        step(subscription, wanted, title=f"{title} (again)", **options),
    ]


def as_planned(run, title):
    """The real run of a task: it did what the plan said, and a second one had nothing to do."""
    planned, done, again = (run[f"{title} ({time})"] for time in ("planned", "done", "again"))
    assert planned.changed and done.changed and not again.changed, (planned.result, done.result, again.result)
    assert planned.writes == [] and again.writes == []
    assert planned.result["diff"]["before"] == done.result["diff"]["before"]
    return done


def test_settings_and_storage_location(subscription):
    """purge_unlisted_settings and the rest of what changes in place."""
    other = {"storage_account": f"{account(subscription)}x", "container": "elsewhere"}
    moved = {"storage_account": other["storage_account"], "blob_container": "elsewhere"}
    limits = {"limits": {"memory": "4400Mi"}, "requests": {"cpu": "600m"}}
    prepare(subscription, chain(subscription, until="vault", without="snapshots"))
    run = carry_out(
        subscription,
        [
            step(subscription, "storage", title="another account", **other),
            step(subscription, "extension", extra_settings={"image.pullPolicy": "Always"}),
            *both(subscription, "limits", resources=limits),
            *both(subscription, "purged", resources={"limits": {"memory": "4400Mi"}}, purge_unlisted_settings=True),
            *both(subscription, "moved", **moved),
            *both(subscription, "pinned", **moved, version="0.0.3004-544"),
            *both(subscription, "unpinned", **moved, auto_upgrade_minor_version=True),
            task("look", "aks_backup_extension_info", **CLUSTER),
            task("look at nothing", "aks_backup_extension_info", **{**CLUSTER, "cluster_name": "aks-east-2"}),
            task("no cluster", "aks_backup_extension_info", ignore=True, **{**CLUSTER, "cluster_name": "nowhere"}),
            step(subscription, "extension", title="no container", ignore=True, blob_container="missing"),
            step(subscription, "extension", title="no account", ignore=True, storage_account="missing"),
            step(subscription, "extension", title="bad name", ignore=True, blob_container="Not_Good"),
        ],
    ).ok()
    limits = as_planned(run, "limits").result["resource"]
    assert limits["resources"] == {
        "limits": {"cpu": None, "memory": "4400Mi"},
        "requests": {"cpu": "600m", "memory": None},
    }
    assert limits["memory_limit_to_try"] == "8800Mi"
    assert limits["configuration_settings"]["image.pullPolicy"] == "Always"
    assert run["limits (done)"].writes[0].startswith("PATCH ")

    purged = as_planned(run, "purged")
    settings = purged.result["resource"]["configuration_settings"]
    assert purged.writes[0].startswith("PUT ")
    assert not {"image.pullPolicy", "resources.requests.cpu"} & set(settings)
    assert settings["global.clusterType"] == "managedclusters" and settings["resources.limits.memory"] == "4400Mi"
    assert settings["credentials.tenantId"] == subscription.environment["AZURE_TENANT_ID"]

    moved = as_planned(run, "moved")
    settings = moved.result["resource"]["configuration_settings"]
    assert settings[f"{LOCATION}bucket"] == "elsewhere"
    assert (
        settings[f"{LOCATION}config.storageAccountURI"] == f"https://{other['storage_account']}.blob.core.windows.net/"
    )
    assert [
        f"stays in the container aks-east-1 of the storage account {account(subscription)}" in warning
        for warning in moved.result["warnings"]
    ] == [True]
    assert "warnings" not in run["moved (again)"].result
    assert as_planned(run, "pinned").result["resource"]["current_version"] == "0.0.3004-544"
    assert as_planned(run, "unpinned").result["resource"]["auto_upgrade_minor_version"] is True

    look = run["look"].result
    assert look["resource"] == run["unpinned (again)"].result["resource"]
    assert look["name"] == "azure-aks-backup" and look["id"].endswith("/extensions/azure-aks-backup")
    assert look["advice"] == []
    nothing = run["look at nothing"].result
    assert nothing["resource"] is nothing["id"] is nothing["name"] is None
    assert nothing["advice"] == ["The backup extension is not installed. Run aks_backup_extension."]
    assert "There is no cluster" in run["no cluster"].result["msg"]
    assert "The blob container " in run["no container"].result["msg"]
    for title in ("no container", "no account"):
        assert run[title].result["msg"].endswith("does not exist. Create it with aks_backup_storage first.")
    assert "is not a valid name of a blob container" in run["bad name"].result["msg"]
    for title in ("look", "no container", "no account", "bad name"):
        assert run[title].writes == []


def test_a_failed_extension(subscription):
    """It is an error that says why, until repair=reinstall; and what cannot be installed is not removed either."""
    subscription.fault(
        {"lro": "fail", "code": "ExtensionOperationFailed", "message": CHEAP}, method="PUT", path="extensions/", times=1
    )
    prepare(subscription, chain(subscription, until="vault", without="snapshots"))
    run = carry_out(
        subscription,
        [
            step(subscription, "extension", title="fails", name="of-ours", ignore=True),
            task("look", "aks_backup_extension_info", **CLUSTER),
            step(subscription, "extension", title="is refused", ignore=True),
            step(subscription, "extension", title="is refused in a plan", ignore=True, check=True),
            step(subscription, "extension", title="nor without storage", repair="reinstall", ignore=True,
                 storage_account="missing"),
            step(subscription, "extension", title="planned", repair="reinstall", check=True),
            step(subscription, "extension", title="done", repair="reinstall"),
            step(subscription, "extension", title="again", repair="reinstall"),
            step(subscription, "extension", title="false", repair=False),
        ]
    ).ok()  # fmt: skip
    assert "ExtensionOperationFailed" in run["fails"].result["msg"]
    assert run["look"].result["resource"]["provisioning_state"] == "Failed"
    assert [status["level"] for status in run["look"].result["resource"]["statuses"]] == ["Error"]
    assert "Allow the namespace dataprotection-microsoft in network policies" in run["look"].result["advice"][0]
    for title in ("is refused", "is refused in a plan"):
        said = run[title].result["msg"]
        assert said.startswith("The backup extension of-ours is in state Failed. ExtensionOperationFailed: ")
        assert CHEAP in said and "What to do: A pod of the installation could not reach" in said
        assert said.endswith("or have repair=reinstall do both.")
        assert run[title].writes == []
    assert run["nor without storage"].failed and run["nor without storage"].writes == []
    assert run["planned"].changed and run["planned"].writes == []
    assert [operation["method"] for operation in run["planned"].result["operations"]] == ["DELETE", "PUT"]
    done = run["done"]
    assert [write.split()[0] for write in done.writes] == ["DELETE", "PUT"]
    assert done.result["name"] == "of-ours" and done.result["resource"]["provisioning_state"] == "Succeeded"
    assert done.result["diff"]["before"]["provisioning_state"] == "Failed"
    assert done.result["diff"]["before"] == run["planned"].result["diff"]["before"]
    assert "has a new identity: run aks_backup_permissions" in done.result["warnings"][0]
    assert not run["again"].changed and not run["false"].changed
    assert [item["name"] for item in subscription.resources(EXTENSIONS)] == ["of-ours"]


def test_removal_while_instances_protect_the_cluster(subscription):
    """force_delete, and that it is needed."""
    before = prepare(subscription, chain(subscription, until="run"))
    run = carry_out(
        subscription,
        [
            step(subscription, "extension", title="refused", state="absent", ignore=True),
            step(subscription, "extension", title="planned", state="absent", force_delete=True, check=True),
            step(subscription, "extension", title="done", state="absent", force_delete=True),
            step(subscription, "extension", title="again", state="absent", force_delete=True),
        ],
    ).ok()
    instance = before["instance"]["name"]
    said = run["refused"].result["msg"]
    assert said.startswith(f"Backup instances still protect the cluster: {instance}. ")
    assert said.endswith("Remove them first (aks_backup_instance, state=absent), or set force_delete to true.")
    assert run["refused"].writes == []
    assert run["planned"].changed and run["planned"].writes == []
    done = run["done"]
    written = [request for request in done.requests if request["write"]]
    assert [request["method"] for request in written] == ["DELETE"]
    assert "forcedelete=true" in written[0]["query"].lower()
    for title in ("planned", "done"):
        assert f"their data cannot be deleted: {instance}." in run[title].result["warnings"][0]
    assert not run["again"].changed and "warnings" not in run["again"].result
    assert subscription.resources(EXTENSIONS) == []


def test_one_of_somebody_else_is_taken_over_and_waited_for(subscription):
    prepare(subscription, chain(subscription, until="vault", without="snapshots"))
    Somebody(subscription).install("of-the-portal", account(subscription), wait=False)
    run = carry_out(
        subscription,
        [
            step(subscription, "extension", title="taken over"),
            step(subscription, "extension", title="with memory", resources={"limits": {"memory": "4400Mi"}}),
            step(subscription, "extension", title="keys", use_aad=False, ignore=True, cluster_name="aks-east-2"),
        ]
    ).ok()  # fmt: skip
    assert not run["taken over"].changed and run["taken over"].writes == []
    assert run["taken over"].result["name"] == "of-the-portal"
    assert run["taken over"].result["resource"]["identity"]["principal_id"]
    assert run["with memory"].writes[0].endswith("/extensions/of-the-portal")
    assert "takes no keys (allow_shared_key_access is false)" in run["keys"].result["msg"]
    assert run["keys"].writes == []
