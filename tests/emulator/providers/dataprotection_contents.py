# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What recovery points hold, kept once however many points hold it.

The backups of a cluster in which nothing changes are equal, and there are hundreds of them; so a point has the digest
of its content, and the contents are counted here. They are plain data and saved with the rest of the world.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..backup.policies import OPERATIONAL, VAULT
from ..world import World

# Where a point keeps the digest of what it holds in a store.
HOLDS = {OPERATIONAL: "content", VAULT: "vaulted"}
CONTENTS = "Microsoft.DataProtection/contents"


def keep(world: World, content: dict[str, Any]) -> str:
    """Keep a content for one more point; gives its digest."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = _all(world).setdefault(digest, {"points": 0, "content": content})
    entry["points"] += 1
    return digest


def get(world: World, digest: str) -> dict[str, Any]:
    """The content of a digest."""
    return _all(world)[digest]["content"]


def forget(world: World, hidden: dict[str, Any]) -> None:
    """A point is gone; hidden is its record's."""
    for name in HOLDS.values():
        drop(world, hidden.get(name))


def drop(world: World, digest: str | None) -> None:
    """A point no longer holds the content."""
    entry = _all(world).get(digest) if digest else None
    if digest is None or entry is None:
        return
    entry["points"] -= 1
    if not entry["points"]:
        del _all(world)[digest]


def _all(world: World) -> dict[str, Any]:
    return world.extras.setdefault(CONTENTS, {})
