# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM IDs: parts, comparison without case, names by Azure's rules, names that stay the same."""

from __future__ import annotations

import pytest

from ansible_collections.aks.backup.plugins.module_utils import _ids
from ansible_collections.aks.backup.plugins.module_utils._errors import Refused

SUB = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks"


@pytest.mark.parametrize(
    ("id_", "type_", "name", "parent"),
    [
        (f"/subscriptions/{SUB}", "microsoft.resources/subscriptions", SUB, ""),
        (GROUP, "microsoft.resources/resourcegroups", "rg", f"/subscriptions/{SUB}"),
        (
            f"/subscriptions/{SUB}/providers/Microsoft.Storage",
            "microsoft.resources/providers",
            "Microsoft.Storage",
            f"/subscriptions/{SUB}",
        ),
        (VAULT, "microsoft.dataprotection/backupvaults", "bv", GROUP),
        (f"{VAULT}/backupPolicies/p", "microsoft.dataprotection/backupvaults/backuppolicies", "p", VAULT),
        (
            f"{CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions/e",
            "microsoft.kubernetesconfiguration/extensions",
            "e",
            CLUSTER,
        ),
        (
            f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/x",
            "microsoft.authorization/roleassignments",
            "x",
            VAULT,
        ),
    ],
)
def test_an_id_taken_apart(id_, type_, name, parent):
    parsed = _ids.parse(id_)
    assert (parsed.type, parsed.name, _ids.parent(id_)) == (type_, name, parent)
    assert parsed.subscription == SUB


@pytest.mark.parametrize(
    "id_",
    [
        "aks",
        "",
        "/",
        "subscriptions/x",
        "/subscriptions//x",
        f"{GROUP}/providers/Microsoft.X/only-a-type",
        "/something/else",
    ],
)
def test_what_is_not_an_id_is_refused_with_a_sentence(id_):
    with pytest.raises(Refused, match="is not"):
        _ids.parse(id_)


def test_ids_are_compared_as_arm_does():
    assert _ids.same(VAULT, VAULT.upper() + "/")
    assert not _ids.same(VAULT, VAULT + "2")
    assert not _ids.same(None, VAULT)
    assert _ids.segment(VAULT, "RESOURCEGROUPS") == "rg"
    assert _ids.region("West Europe") == _ids.region("westeurope") == "westeurope"


@pytest.mark.parametrize(
    ("noun", "good", "bad"),
    [
        ("Backup vault", ["ab", "Vault-1", "a" * 50], ["a", "1vault", "vault-", "a" * 51, "va_ult", ""]),
        ("backup policy", ["abc", "p-1", "x" * 150], ["ab", "p_1", "x" * 151]),
        ("storage account", ["abc", "st0", "a" * 24], ["ab", "Upper", "st-1", "a" * 25]),
        ("blob container", ["abc", "a-b-c", "0" * 63], ["ab", "a--b", "-ab", "ab-", "Upper", "a" * 64]),
        ("Trusted Access role binding", ["a", "a_b-1", "x" * 24], ["", "x" * 25, "a.b"]),
        ("resource group", ["rg", "rg_(1).x", "x" * 90], ["rg.", "", "x" * 91, "a b"]),
        ("managed cluster", ["a", "AKS_1-x"], ["-a", "a-", "a" * 64]),
        ("extension", ["azure-aks-backup", "a.b"], [".a", "a_b"]),
        ("subscription", [SUB], ["my-subscription", ""]),
    ],
)
def test_names_follow_azures_rules(noun, good, bad):
    for name in good:
        assert _ids.check_name(noun, name) == name
    for name in bad:
        with pytest.raises(Refused, match=f"is not a valid name of an? {noun}: it must be"):
            _ids.check_name(noun, name)


def test_stable_names_depend_on_what_they_name_and_not_on_its_spelling():
    assert _ids.stable_uuid(VAULT) == _ids.stable_uuid(VAULT.lower() + "/")
    assert _ids.stable_uuid(VAULT) != _ids.stable_uuid(CLUSTER)
    assert _ids.stable_uuid("a", "b") != _ids.stable_uuid("ab", "")
    # The value itself is part of the contract: another one would make a second role assignment on every installation.
    assert _ids.stable_uuid("/subscriptions/x") == "39613271-2143-59b7-9fb6-d22f79813384"


def test_an_id_of_another_type_names_the_option():
    assert _ids.expect(VAULT + "/", "Microsoft.DataProtection/backupVaults", "vault_id") == VAULT
    with pytest.raises(Refused, match=r"vault_id must be the resource ID of a Microsoft\.DataProtection/backupVaults"):
        _ids.expect(CLUSTER, "Microsoft.DataProtection/backupVaults", "vault_id")


def test_ids_are_built_from_checked_parts():
    assert _ids.vault(SUB, "rg", "bv") == VAULT
    assert _ids.cluster(SUB, "rg", "aks") == CLUSTER
    assert _ids.container(_ids.storage_account(SUB, "rg", "st1"), "box").endswith(
        "/storageAccounts/st1/blobServices/default/containers/box"
    )
    with pytest.raises(Refused):
        _ids.vault("not-a-guid", "rg", "bv")
