# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that name a vault. Belongs to VAULT_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  vault_id:
    description:
      - Resource ID of the Backup vault. Either this or O(vault_name) is required.
    type: str
  vault_name:
    description:
      - Name of the Backup vault, in O(vault_resource_group) and O(subscription_id).
    type: str
  vault_resource_group:
    description:
      - Resource group of the Backup vault. Required with O(vault_name).
    type: str
"""
