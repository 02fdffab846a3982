# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that is not the local one, to a machine that happens to be this one."""

from __future__ import annotations

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = r"""
name: elsewhere
short_description: Another machine, for the tests of this collection
description: Runs everything here, but Ansible and its plugins take it for another machine.
extends_documentation_fragment: connection_pipelining
"""


class Connection(Local):
    transport = "elsewhere"
