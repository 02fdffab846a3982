# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of each module: check mode, diff, idempotence. A module takes exactly one of the three variants."""

from __future__ import annotations


class ModuleDocFragment:
    # Modules that bring something into a state
    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/aks.backup.aks_backup) in C(module_defaults) to set options for all modules at once.
    support: full
    membership:
      - aks.backup.aks_backup
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
    details:
      - Azure is read but not written to. What an earlier task of the same plan would create may be missing.
      - Values that only Azure can make up, such as the IDs of new identities, are V(null) in the result and in the
        diff. All resource IDs are known in advance.
  diff_mode:
    description: Returns what changes, or in check mode would change, when in diff mode.
    support: full
  idempotent:
    description: Does nothing and reports no change when run again with the same options.
    support: full
  platform:
    description: Operating systems of the host where the module can run.
    support: full
    platforms: posix
"""

    # Modules that only read
    INFO_MODULE = r"""
attributes:
  action_group:
    description: Use C(group/aks.backup.aks_backup) in C(module_defaults) to set options for all modules at once.
    support: full
    membership:
      - aks.backup.aks_backup
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
    details:
      - This module never changes anything.
  diff_mode:
    description: Returns what changes, or in check mode would change, when in diff mode.
    support: N/A
    details:
      - This module never changes anything.
  idempotent:
    description: Does nothing and reports no change when run again with the same options.
    support: full
    details:
      - This module never changes anything.
  platform:
    description: Operating systems of the host where the module can run.
    support: full
    platforms: posix
"""

    # Modules that do something each time they run
    ACTION = r"""
attributes:
  action_group:
    description: Use C(group/aks.backup.aks_backup) in C(module_defaults) to set options for all modules at once.
    support: full
    membership:
      - aks.backup.aks_backup
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
    details:
      - Everything is looked up and checked as in a real run, and the result names what would be started. Nothing is.
  diff_mode:
    description: Returns what changes, or in check mode would change, when in diff mode.
    support: full
    details:
      - The diff shows what is started.
  idempotent:
    description: Does nothing and reports no change when run again with the same options.
    support: none
    details:
      - This is an action. It is carried out, and reports a change, each time it runs.
  platform:
    description: Operating systems of the host where the module can run.
    support: full
    platforms: posix
"""
