# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins decide by ansible-core's settings, of which the versions tried do not have all."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible import constants

from ansible_collections.aks.backup.plugins.plugin_utils import _worker


@pytest.mark.parametrize(
    ("known", "value", "shown"),
    [({}, None, True), ({"INJECT_INVOCATION": {}}, False, False), ({"INJECT_INVOCATION": {}}, True, True)],
)
def test_arguments_are_shown_always_before_there_was_a_setting_and_then_by_it(monkeypatch, known, value, shown):
    asked = []

    def setting(name, variables):
        asked.append((name, variables))
        return value

    monkeypatch.setattr(
        constants, "config", SimpleNamespace(get_configuration_definitions=lambda: known, get_config_value=setting)
    )
    assert _worker._shows_invocation({"ansible_inject_invocation": value}) is shown
    assert asked == ([("INJECT_INVOCATION", {"ansible_inject_invocation": value})] if known else [])
