# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: what somebody made under another name is taken as it is, and names of the collection's own stay the same."""

from __future__ import annotations

from tests.harness.sdk import VAULT
from tests.harness.steps import account, carry_out, chain, in_process, prepare, step

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
BINDINGS = "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings"
EXTENSIONS = "Microsoft.KubernetesConfiguration/extensions"
INSTANCES = "Microsoft.DataProtection/backupVaults/backupInstances"


def backup_of(run, name):
    """The body of the request that started a backup."""
    bodies = [one["body"] for one in run[name].requests if one["path"].endswith("/backup") and one["method"] == "POST"]
    assert len(bodies) == 1
    return bodies[0]["backupRuleOptions"]


def test_the_rule_of_a_backup_is_read_from_the_live_policy(subscription):
    """Azure demands the name of the policy's backup rule, whatever that is called."""
    tasks = chain(subscription, until="run")
    rule = "Nightly"
    tasks[4] = step(subscription, "policy", backup_rule_name=rule)
    prepare(subscription, tasks)
    run = carry_out(subscription, [step(subscription, "run")]).ok()
    assert backup_of(run, "run") == {"ruleName": rule, "triggerOption": {}}
    assert run["run"].result["rule_name"] == rule


def test_the_rule_of_a_backup_is_not_remembered(subscription):
    """Another policy, made by somebody else, with a rule of another name."""
    prepare(subscription, chain(subscription, until="run"))
    theirs = step(subscription, "policy", title="theirs", name="theirs", backup_rule_name="Theirs")
    moved = step(subscription, "instance", title="moved", policy_name="theirs")
    run = carry_out(subscription, [theirs, moved, step(subscription, "run")]).ok()
    assert backup_of(run, "run")["ruleName"] == "Theirs"


def test_names_are_the_same_on_every_run_and_every_machine(subscription):
    """Nothing but the IDs goes into a name: neither the run, nor the machine, nor how the options are spelled."""
    plan = [step(subscription, name, check=True) for name in ("binding", "permissions", "instance")]
    ready = carry_out(subscription, [*chain(subscription, until="binding"), *plan]).ok()
    before = chain(subscription, until="binding")
    rest = in_process(chain(subscription, until="run")[len(before) :])
    run = subscription.play([*before, *rest], worker=None, environment={"HOSTNAME": "another", "TZ": "Asia/Tokyo"}).ok()
    for name in ("binding", "instance"):
        assert ready[name].result["id"] == run[name].result["id"]
    binding, instance = run["binding"].result["name"], run["instance"].result["name"]
    assert binding.startswith("tarb-") and len(binding) == 21
    assert instance.startswith("aks-east-1-aks-east-1-")
    shouted = {"cluster_name": "AKS-EAST-1", "cluster_resource_group": "RG-Clusters", "vault_name": VAULT.upper()}
    again = carry_out(
        subscription, [step(subscription, "binding", **shouted), step(subscription, "instance", **shouted)]
    ).ok()
    assert again.writes == [], again.output
    assert again["binding"].result["name"] == binding
    assert again["instance"].result["name"].lower() == instance.lower()


def test_everything_that_somebody_made_is_adopted(subscription, somebody):
    """Extension, binding, roles and instance by the bare packages, under names that the collection would not give."""
    prepare(subscription, chain(subscription, until="extension"))
    somebody.install("theirs", account(subscription))
    somebody.bind("theirs")
    cluster = subscription.path("resourceGroups/rg-clusters/providers/Microsoft.ContainerService/managedClusters")
    report = carry_out(subscription, [step(subscription, "permissions", mode="report")]).ok()["permissions"].result
    # One of the four is inherited from the subscription, the others are made where they are needed.
    inherited = next(row for row in report["missing"] if row["scope"].lower().startswith(cluster.lower()))
    for row in report["missing"]:
        scope = subscription.path("").rstrip("/") if row is inherited else row["scope"]
        somebody.assign(row["principal_id"], row["role_definition_id"][-36:], scope)
    subscription.emulator.advance(300)
    somebody.protect("theirs")
    subscription.emulator.advance(300)

    run = carry_out(subscription, chain(subscription)).ok()
    assert [write for write in run.writes if not write.endswith("/backup")] == [], run.writes
    for name, key in (("extension", "name"), ("binding", "name"), ("instance", "name")):
        assert not run[name].changed
        assert run[name].result[key] == "theirs"
    assert run["binding"].result["adopted"] is True
    assert run["run"].result["backup_instance_id"].endswith("/theirs")
    for type_ in (BINDINGS, EXTENSIONS, INSTANCES):
        assert len(subscription.resources(type_)) == 1
    granted = run["permissions"].result["assignments"]
    assert not any(row["granted"] for row in granted)
    (above,) = [row for row in granted if row["scope"].lower().startswith(cluster.lower())]
    assert above["assignment_id"].lower().startswith(subscription.path("providers/").lower())
    assert backup_of(run, "run")["ruleName"] == "BackupDaily"


def test_names_that_another_playbook_gave_are_adopted(subscription):
    named = {"extension": "my-extension", "binding": "my-binding", "instance": "my.instance"}
    tasks = [
        step(subscription, one["name"], **({"name": named[one["name"]]} if one["name"] in named else {}))
        for one in chain(subscription, until="run")
    ]
    prepare(subscription, tasks)
    run = carry_out(subscription, chain(subscription, until="run")).ok()
    assert run.writes == []
    for name, given in named.items():
        assert run[name].result["name"] == given
        assert not run[name].changed


def test_assignments_under_other_names_are_not_made_twice(subscription, somebody):
    """The roles are taken away and given again by somebody, under names of chance."""
    prepare(subscription, chain(subscription, until="instance"))
    before = []
    for one in subscription.resources(ASSIGNMENTS):
        properties = one["properties"]
        if properties["scope"].count("/") > 2:
            somebody.unassign(one["id"])
            before.append(
                somebody.assign(properties["principalId"], properties["roleDefinitionId"][-36:], properties["scope"])
            )
    run = carry_out(subscription, [step(subscription, "permissions")]).ok()
    assert run.writes == [] and not run["permissions"].changed
    assert sorted(row["assignment_id"].lower() for row in run["permissions"].result["assignments"]) == sorted(
        one.lower() for one in before
    )
