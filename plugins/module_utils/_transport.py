# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def transport(options: Mapping[str, Any], connections: int = 10) -> Any:
    """Connections to Azure for a client of Azure's packages, of which ``connections`` are kept to each host.

    ``options`` are those of ``RequestsTransport``, such as ``connection_verify``.
    """
    from azure.core.pipeline.transport import RequestsTransport

    class Whole(RequestsTransport):
        def send(self, request: Any, **more: Any) -> Any:
            # Where the packages read an answer apart from its request, they would not ask again when it breaks off.
            return super().send(request, **{**more, "stream": False})

    made = Whole(**options)
    made.open()
    # Without a way to sign in of its own, the session would put what the user's .netrc has for the host, or for any
    # host, in place of the token; and it would read that file for each request.
    made.session.auth = _signed_already
    for adapter in made.session.adapters.values():
        adapter.init_poolmanager(connections, connections)
    return made


def _signed_already(request: Any) -> Any:
    return request
