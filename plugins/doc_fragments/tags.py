# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that tag what they make. Belongs to TAGS_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  append_tags:
    description:
      - Whether tags that are not in O(tags) stay. With V(false), O(tags) are all the tags there are.
    type: bool
    default: true
  tags:
    description:
      - Tags by name. Values become strings. Without this option, existing tags stay as they are.
    type: dict
"""
