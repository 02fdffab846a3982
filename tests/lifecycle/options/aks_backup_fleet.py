# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where it is proven that each option of aks_backup_fleet has an effect: it reaches the module that it is for, and the
table of that module says what it does there.
"""

from __future__ import annotations

from tests.lifecycle.options import Proven
from tests.unit.test_fleet import EVERYTHING, paths

REACHES = Proven("tests/unit/test_fleet.py::test_every_option_reaches_the_module_it_is_for")


def BEFORE(subscription):
    return []


def BASE(subscription):
    return {}


OPTIONS = {
    **dict.fromkeys(paths([EVERYTHING]), REACHES),
    "clusters.cluster.id": Proven("tests/unit/test_fleet.py::test_ids_take_the_place_of_names_and_nothing_is_made"),
    "clusters.policy.id": Proven("tests/unit/test_fleet.py::test_ids_take_the_place_of_names_and_nothing_is_made"),
    "clusters.storage.storage_account_id": Proven(
        "tests/unit/test_fleet.py::test_ids_take_the_place_of_names_and_nothing_is_made"
    ),
    "clusters.vault.id": Proven("tests/unit/test_fleet.py::test_ids_take_the_place_of_names_and_nothing_is_made"),
    "clusters.instances.policy_name": Proven(
        "tests/unit/test_fleet.py::test_instances_take_the_policies_that_are_in_force"
    ),
    "clusters.confirm_delete_data": Proven(
        "tests/unit/test_fleet.py::test_backups_are_deleted_only_of_a_cluster_that_is_confirmed_by_name"
    ),
    "clusters.preflight": Proven("tests/lifecycle/test_fleet.py::test_preflight_is_of_each_cluster"),
    "clusters.register_providers": Proven(
        "tests/unit/test_fleet.py::test_ids_take_the_place_of_names_and_nothing_is_made"
    ),
    "clusters.resource_group": Proven("tests/unit/test_fleet.py::test_resource_group_is_for_vault_and_account"),
    **dict.fromkeys(
        ("clusters.stagger.slots", "clusters.stagger.window"),
        Proven("tests/unit/test_fleet.py::test_a_staggered_cluster_gets_the_policy_of_its_slot"),
    ),
    "look": Proven(
        "tests/lifecycle/test_fleet_look.py::test_a_look_recognises_what_is_as_asked_for_and_writes_nothing"
    ),
    "workers": Proven("tests/unit/test_fleet.py::test_no_more_than_so_many_workers_at_a_time"),
}
