# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trusted Access: bindings of somebody else, roles, vaults that do not get in any more, and what is refused."""

from __future__ import annotations

from tests.harness import task
from tests.harness.sdk import Somebody
from tests.harness.steps import CLUSTER, chain, prepare, step

BINDINGS = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"
OPERATOR = "Microsoft.DataProtection/backupVaults/backup-operator"
FORBIDDEN = {"code": "UserErrorTrustedAccessGatewayReturnedForbidden", "message": "The binding is missing."}


def other_vault(subscription, title="another vault", **more):
    return step(subscription, "vault", title=title, name="bv-other", **more)


def names(subscription):
    return sorted(item["name"] for item in subscription.resources(BINDINGS))


def methods(step_):
    return [write.split()[0] for write in step_.writes]


def test_bindings_are_matched_by_vault_or_by_name(subscription):
    """match, in both directions; names with underscores; roles; the twin that only looks."""
    setup = [step(subscription, "vault", title="vault"), other_vault(subscription)]
    group = task("group", "aks_backup_storage", resource_group="rg-backup", location="eastus")
    prepare(subscription, [*chain(subscription, until="snapshots"), group, *setup])
    Somebody(subscription).bind("of_the_portal")
    run = subscription.play(
        [
            step(subscription, "binding", title="adopted", name="ours"),
            step(subscription, "binding", title="by name", match="name", name="ours", ignore=True),
            step(subscription, "binding", title="by name in a plan", match="name", ignore=True, check=True),
            step(subscription, "binding", title="not there by name", match="name", name="ours", state="absent"),
            step(subscription, "binding", title="same name", match="name", name="of_the_portal"),
            step(subscription, "binding", title="name taken", vault_name="bv-other", name="of_the_portal", ignore=True),
            step(subscription, "binding", title="other", vault_name="bv-other", name="un_der-score"),
            step(subscription, "binding", title="bad name", name="dot.dot", ignore=True),
            step(subscription, "binding", title="bad role", cluster_name="aks-east-2", ignore=True,
                 roles=[OPERATOR, "Microsoft.DataProtection/backupVaults/king"]),
            step(subscription, "binding", title="bad drift", roles=["Microsoft.Something/things/king"], ignore=True),
            step(subscription, "binding", title="no role", cluster_name="aks-east-2", roles=[], ignore=True),
            step(subscription, "binding", title="no vault", vault_name="bv-none", ignore=True),
            step(subscription, "binding", title="no cluster", cluster_name="none", ignore=True),
            task("look", "aks_trusted_access_info", **CLUSTER),
            task("look at a region", "aks_trusted_access_info", location="West Europe"),
            task("look at nothing", "aks_trusted_access_info", ignore=True, **{**CLUSTER, "cluster_name": "none"}),
            step(subscription, "binding", title="gone by vault", name="whatever", state="absent"),
        ]
    ).ok()  # fmt: skip
    assert not run["adopted"].changed and run["adopted"].result["adopted"] is True
    assert run["adopted"].result["name"] == "of_the_portal"
    for title in ("by name", "by name in a plan"):
        assert (
            "The cluster has the binding of_the_portal for the vault, and Azure takes one only."
            in (run[title].result["msg"])
        )
    assert not run["not there by name"].changed
    assert not run["same name"].changed and run["same name"].result["adopted"] is False
    assert "stays with the vault it was made for" in run["name taken"].result["msg"]
    assert "repair=stale" in run["name taken"].result["msg"]
    assert run["other"].changed and run["other"].result["name"] == "un_der-score"
    assert "'dot.dot' is not a valid name of a Trusted Access role binding" in run["bad name"].result["msg"]
    for title in ("bad role", "bad drift"):
        assert f"king in the cluster's region. It has {OPERATOR}." in run[title].result["msg"]
    assert "roles is empty." in run["no role"].result["msg"]
    assert "Create it with aks_backup_vault first." in run["no vault"].result["msg"]
    for title in ("no cluster", "look at nothing"):
        assert "There is no cluster" in run[title].result["msg"]
    refused = [each for each in run.steps if each.failed]
    assert len(refused) == 10 and not any(each.writes for each in refused)

    look = run["look"].result
    assert [(item["name"], item["source_exists"]) for item in look["bindings"]] == [
        ("of_the_portal", True),
        ("un_der-score", True),
    ]
    shown = {key: value for key, value in look["bindings"][0].items() if key != "source_exists"}
    assert shown == run["adopted"].result["resource"]
    assert look["advice"] == [] and [role["role"] for role in look["roles"]] == [OPERATOR]
    assert "backups" in look["roles"][0]["rules"][0]["resources"]
    assert run["look at a region"].result["roles"] == look["roles"]
    assert run["gone by vault"].changed and names(subscription) == ["un_der-score"]


def test_a_vault_that_is_shut_out(subscription):
    """repair: an instance says so, the vault was made anew, and a binding of a vault that is gone has the name."""
    subscription.fault({"lro": "protection_fails", **FORBIDDEN}, method="PUT", path="backupInstances/", times=1)
    prepare(subscription, chain(subscription, until="instance"))
    run = subscription.play(
        [
            step(subscription, "instance", ignore=True),
            step(subscription, "binding", title="false"),
            step(subscription, "binding", title="planned", repair="stale", check=True),
            step(subscription, "binding", title="done", repair="stale"),
            step(subscription, "binding", title="again", repair="stale"),
            step(subscription, "instance", title="protected"),
        ]
    ).ok()
    assert FORBIDDEN["code"] in run["instance"].result["msg"]
    assert not run["false"].changed
    assert run["planned"].changed and run["planned"].writes == []
    assert [one["method"] for one in run["planned"].result["operations"]] == ["DELETE", "PUT", "POST"]
    assert methods(run["done"]) == ["DELETE", "PUT", "POST"] and run["done"].writes[-1].endswith("/sync")
    assert run["done"].result["name"] == run["false"].result["name"]
    assert not run["again"].changed
    assert run["protected"].result["resource"]["protection_state"] == "ProtectionConfigured"


def test_a_vault_that_was_made_anew(subscription):
    """Only the service knows that the binding is for the identity of the vault before; recreate does not ask."""
    somebody = Somebody(subscription)
    before = [*chain(subscription, until="permissions"), step(subscription, "permissions")]
    gone = [
        step(subscription, "policy", title="no policy", state="absent"),
        step(subscription, "vault", title="no vault", state="absent"),
    ]
    anew = [step(subscription, name, title=f"{name} anew") for name in ("vault", "policy", "binding", "permissions")]
    run = subscription.play([*before, *gone, *anew]).ok()
    assert not run["binding anew"].changed
    assert somebody.validate() == FORBIDDEN["code"]
    run = subscription.play(
        [
            step(subscription, "binding", title="stale", repair="stale"),
            step(subscription, "binding", title="planned", repair="recreate", check=True),
            step(subscription, "binding", title="done", repair="recreate"),
            step(subscription, "instance"),
        ]
    ).ok()
    assert not run["stale"].changed
    assert run["planned"].changed and run["planned"].writes == []
    assert methods(run["done"]) == ["DELETE", "PUT"]
    assert run["instance"].result["resource"]["protection_state"] == "ProtectionConfigured"


def test_a_binding_whose_vault_is_gone(subscription):
    group = task("group", "aks_backup_storage", resource_group="rg-backup", location="eastus")
    prepare(subscription, chain(subscription, until="snapshots"))
    run = subscription.play(
        [
            group,
            other_vault(subscription),
            step(subscription, "binding", title="old", vault_name="bv-other", name="backup"),
            step(subscription, "vault"),
            step(subscription, "binding", title="taken", name="backup", repair="recreate", ignore=True),
            step(subscription, "vault", title="gone", name="bv-other", state="absent"),
            task("look", "aks_trusted_access_info", **CLUSTER),
            step(subscription, "binding", title="no vault", vault_name="bv-none", name="backup", repair="stale",
                 ignore=True),
            step(subscription, "binding", title="repaired", name="backup", repair="stale"),
            step(subscription, "binding", title="again", name="backup", repair="stale"),
        ]
    ).ok()  # fmt: skip
    assert "stays with the vault it was made for" in run["taken"].result["msg"] and run["taken"].writes == []
    assert run["look"].result["bindings"][0]["source_exists"] is False
    assert run["look"].result["advice"][0].startswith("The vault of the binding backup does not exist any more: /sub")
    assert "Create it with aks_backup_vault first." in run["no vault"].result["msg"] and run["no vault"].writes == []
    assert methods(run["repaired"]) == ["DELETE", "PUT"]
    assert run["repaired"].result["resource"]["source_resource_id"].endswith("/bv-east")
    assert run["repaired"].result["diff"]["before"]["source_resource_id"].endswith("/bv-other")
    assert not run["again"].changed and names(subscription) == ["backup"]
