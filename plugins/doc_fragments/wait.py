# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module: how long to wait. Belongs to COMMON_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  poll_interval:
    description:
      - Seconds between two looks at something that is waited for, where Azure does not say itself when to look again.
    type: float
    default: 10.0
  wait_timeout:
    description:
      - Seconds that the whole task may take. It covers operations of Azure, the repetition of requests that Azure
        cannot take at the moment, and the time until new role assignments have taken effect.
      - When the time is up the task fails. What was started goes on in Azure, and another run picks it up.
    type: float
    default: 3600.0
"""
