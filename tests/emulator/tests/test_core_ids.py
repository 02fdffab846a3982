# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids and paths: taking apart and putting together."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator import ids

NAMES = st.text(string.ascii_letters + string.digits + "-_.() ", min_size=1, max_size=20).filter(
    lambda name: name.strip() and name.lower() not in ids.BARE and name.lower() != "providers")
PAIRS = st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=3)
VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/v"


@given(PAIRS, PAIRS)
def test_what_is_put_together_comes_apart_again(own, extension):
    group = "/subscriptions/s/resourceGroups/rg"
    text = f"{group}/providers/Microsoft.A/" + "/".join(f"{kind}/{name}" for kind, name in own)
    longer = f"{text}/providers/Microsoft.B/" + "/".join(f"{kind}/{name}" for kind, name in extension)
    for path in (text, longer):
        id = ids.identifier("/".join(quote(part) for part in path.split("/")))
        assert id.text == path
        assert (id.subscription, id.group) == ("s", "rg")
    assert id.scope == text
    assert id.type == "Microsoft.B/" + "/".join(kind for kind, dummy in extension)
    assert ids.same(longer, longer.upper())
    assert ids.identifier(longer).parent.text == (text if len(extension) == 1 else longer.rsplit("/", 2)[0])


@pytest.mark.parametrize(("path", "type_", "rest"), [
    ("/subscriptions", "", "subscriptions"),
    ("/subscriptions/s", "Microsoft.Resources/subscriptions", None),
    ("/subscriptions/s/RESOURCEGROUPS/rg", "Microsoft.Resources/resourceGroups", None),
    ("/subscriptions/s/resourcegroups", "Microsoft.Resources/subscriptions", "resourcegroups"),
    ("/subscriptions/s/providers/Microsoft.A", "Microsoft.Resources/providers", None),
    ("/subscriptions/s/providers/Microsoft.A/register", "Microsoft.A", "register"),
    (f"{VAULT}/validateForBackup", "Microsoft.DataProtection/backupVaults", "validateForBackup"),
    (f"{VAULT}/providers/Microsoft.Authorization/roleAssignments", "Microsoft.Authorization", "roleAssignments"),
    ("/providers/Microsoft.ResourceGraph/resources", "Microsoft.ResourceGraph", "resources"),
])
def test_the_odd_last_segment_is_a_collection_or_an_action(path, type_, rest):
    id, odd = ids.parse(path)
    assert (id.type, odd) == (type_, rest)


@pytest.mark.parametrize("path", ["/nonsense/x", "/subscriptions/s//resourceGroups/rg", "/subscriptions/s/what/ever",
                                  "/subscriptions/s/resourceGroups/a%2Fb"])
def test_a_path_that_cannot_be_one(path):
    with pytest.raises(ValueError, match=r".*"):
        ids.parse(path)


def test_what_a_nested_resource_belongs_to():
    id = ids.identifier(f"{VAULT}/backupInstances/b/recoveryPoints/r")
    assert id.top.text == VAULT
    assert id.parent.name == "b"
    assert id.parent.child("recoveryPoints", "r") == id
