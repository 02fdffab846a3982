# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's client packages, made when they are first needed, with a pipeline of our own. Private to the collection.

The rest knows operations by the names that ``_types`` has for them; what happens between a call of one and the wire is
here.
"""

from __future__ import annotations

import importlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.aks.backup.plugins.module_utils._auth import auxiliary_credential, credential
from ansible_collections.aks.backup.plugins.module_utils._cloud import Cloud
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError
from ansible_collections.aks.backup.plugins.module_utils._pace import Pace
from ansible_collections.aks.backup.plugins.module_utils._transport import transport
from ansible_collections.aks.backup.plugins.module_utils._types import DATA_PROTECTION, Package
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline

# How many connections are kept at most. Beyond the ten that the transport keeps by itself it would hang up after each
# request, and every one after that would pay for a handshake.
CONNECTIONS = 256


class Clients:
    """The clients of one caller, by package and subscription. Safe to use from several threads."""

    def __init__(self, params: Mapping[str, Any], cloud: Cloud, deadline: Deadline, transport_options: dict[str, Any],
                 shared_directory: str | None = None) -> None:  # fmt: skip
        self.credential = credential(params, cloud, transport_options, shared_directory)
        self._auxiliary = auxiliary_credential(params, cloud, transport_options, shared_directory)
        self._cloud = cloud
        self._deadline = deadline
        self._transport_options = transport_options
        self._clients: dict[tuple[Any, ...], Any] = {}
        self._lock = threading.Lock()
        self._pace = Pace(time.monotonic, time.sleep)
        self._transport: Any = None

    def operation(self, subscription: str, package: Package, group: str, name: str) -> Callable[..., Any]:
        """The operation of that name, in the operation group of that name or, with an empty one, of the client."""
        key = (package, subscription.lower())
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._client(package, subscription)
            client = self._clients[key]
        try:
            operation: Callable[..., Any] = getattr(getattr(client, group) if group else client, name)
        except AttributeError as exc:
            raise BackupError(
                f"The Python package {package.distribution} that is installed where this task runs is too old: it has "
                f"no {group}.{name}. pip install --upgrade {package.distribution}"
            ) from exc
        return operation

    def _client(self, package: Package, subscription: str) -> Any:
        from azure.core.pipeline import policies
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, AuxiliaryAuthenticationPolicy

        if self._transport is None:
            # One transport for all clients, so that they share kept connections.
            self._transport = transport(self._transport_options, CONNECTIONS)
        options: dict[str, Any] = {"base_url": self._cloud.resource_manager, "credential_scopes": [self._cloud.scope]}
        # The clients' own pipeline minus the policy that registers resource providers behind the user's back.
        options["policies"] = [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(base_user_agent="ansible-aks.backup"),
            policies.ProxyPolicy(),
            policies.ContentDecodePolicy(),
            policies.RedirectPolicy(),
            _patience(self._deadline),
            # Below it, so that what is tried again waits its turn as well.
            _pacing(self._pace, self._deadline),
            ARMChallengeAuthenticationPolicy(self.credential, self._cloud.scope),
            policies.CustomHookPolicy(raw_request_hook=_asking_for(package.api_version)),
        ]
        if self._auxiliary is not None and package.module == DATA_PROTECTION.module:
            # Only the vaults' service asks for it; nobody else needs to see a token of another tenant.
            options["policies"].append(AuxiliaryAuthenticationPolicy([self._auxiliary], self._cloud.scope))
        of = (subscription,) if package.of_subscription else ()
        made: Any = getattr(load(package), package.client)(self.credential, *of, transport=self._transport, **options)
        return made


def _patience(deadline: Deadline) -> Any:
    """The packages' own way of trying again, with throttling as the deadline's business: as often as Azure asks for it,
    and not when the pause would go beyond it.
    """
    from azure.core.pipeline import policies

    class Patience(policies.RetryPolicy):
        def is_retry(self, settings: Any, response: Any) -> bool:
            pause = self.get_retry_after(response) or settings["backoff"] * 2 ** len(settings["history"])
            return super().is_retry(settings, response) and pause < deadline.remaining()

        def increment(self, settings: Any, response: Any = None, error: Any = None) -> bool:
            if response is not None and _status(response) == 429:
                settings["total"] += 1
                settings["status"] += 1
            return super().increment(settings, response, error)

    return Patience(timeout=deadline.seconds)


def _pacing(pace: Pace, deadline: Deadline) -> Any:
    """A policy that lets a request go on when Azure has tokens for it, and notes what the reply tells of the rest."""
    from azure.core.pipeline import policies

    class Pacing(policies.HTTPPolicy):
        def send(self, request: Any) -> Any:
            turn = pace.begin(request.http_request.method, request.http_request.url, deadline.remaining)
            headers: Mapping[str, str] = {}
            try:
                response = self.next.send(request)
                headers = response.http_response.headers
                return response
            finally:
                pace.end(turn, headers)

    return Pacing()


def _status(response: Any) -> int | None:
    # After a broken connection there is a request in place of a response.
    return getattr(getattr(response, "http_response", None), "status_code", None)


def load(package: Package) -> Any:
    """Import a client package when it is first needed; raises :class:`BackupError` naming what to install."""
    try:
        return importlib.import_module(package.module)
    except ImportError as exc:
        raise BackupError(
            f"The Python package {package.distribution} is needed where this task runs: pip install "
            f"{package.distribution}"
        ) from exc


def preload(*packages: Package) -> None:
    """Import packages ahead of need, in the controller before it forks; what is not installed is met later, with a
    sentence.
    """
    for name in (
        "azure.identity",
        "azure.core.pipeline.policies",
        "azure.mgmt.core.policies",
        *(package.module for package in packages),
    ):
        try:
            importlib.import_module(name)
        except ImportError:
            return


def _asking_for(version: str | None) -> Callable[[Any], None] | None:
    """A hook that puts an api-version into every request.

    The clients take a version themselves, but then refuse, on their own, operations whose newest parameters that
    version lacks, used or not: creating a vault among them.
    """
    if version is None:
        return None

    def hook(request: Any) -> None:
        request.http_request.url = re.sub(r"(?<=[?&]api-version=)[^&]*", version, request.http_request.url, count=1)

    return hook
