# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource providers of this cloud: one file each, found by name.

A file whose name starts with an underscore, or that defines no ``PROVIDER``, is a part of another one.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..provider import Provider

ALL: list[Provider] = [
    module.PROVIDER for module in (importlib.import_module(f"{__name__}.{entry.name}")
                                   for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))
    if hasattr(module, "PROVIDER")]
