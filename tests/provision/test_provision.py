# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example that creates a cluster with azure.azcollection: its published modules, and the packages they ask for.

Those modules cannot be pointed at another cloud than the public ones: they call a function that azure-cli-core does not
have in the version which they pin. ``private_cloud`` adds it; nothing else of theirs is touched.
"""

from __future__ import annotations

import os

from tests.examples import test_files
from tests.harness import ROOT, Subscription

EXAMPLE = "09-provision-and-protect.yml"
CLUSTERS = "Microsoft.ContainerService/managedClusters"
CREATE = "Have a cluster, with an identity of its own as Azure Backup wants it"


def test_a_new_cluster_is_protected_in_the_play_that_creates_it(subscription: Subscription) -> None:
    published, python = (os.environ.get(name, "") for name in ("PUBLISHED_COLLECTIONS", "AZCOLLECTION_PYTHON"))
    assert published and python, "they are set by ./run test-provision"
    ours = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(ROOT / ".work" / "link")
    subscription.environment.update(
        ANSIBLE_COLLECTIONS_PATH=f"{ours}:{published}",
        AZCOLLECTION_PYTHON=python,
        # As for any cloud that the public one does not know.
        AZURE_DISABLE_INSTANCE_DISCOVERY="true",
        PYTHONPATH=str(ROOT / "tests" / "benchmark" / "private_cloud"),
    )
    plan, real = test_files.commands(EXAMPLE)
    planned = test_files.run(subscription, plan).ok()
    # There is nothing yet that the role could look at.
    assert test_files.changes(planned) == [("localhost", CREATE)] and subscription.writes() == []
    done = test_files.run(subscription, real).ok()
    changes = [task.rpartition(" : ")[2] for _host, task in test_files.changes(done)]
    assert {CREATE, "Install the backup extension in the cluster", "Back up the cluster and wait for the job"} < {
        *changes
    }
    before = subscription.writes()
    for command in (real, plan):
        assert test_files.changes(test_files.run(subscription, command).ok()) == []
    assert subscription.writes() == before

    (cluster,) = [one for one in subscription.resources(CLUSTERS) if one["name"] == "aks-new-1"]
    (instance,) = subscription.resources(test_files.INSTANCES)
    assert cluster["properties"]["provisioningState"] == "Succeeded"
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"
    assert instance["properties"]["dataSourceInfo"]["resourceID"].lower() == cluster["id"].lower()
