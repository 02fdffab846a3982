# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in. Private to the collection.

Each source is one row of ``SOURCES``: what it needs, and the azure-identity credential that it makes. ``auto`` takes
the first row whose needs are met. Options and environment variables have the names of azure.azcollection.
"""

from __future__ import annotations

import configparser
import fcntl
import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible_collections.aks.backup.plugins.module_utils._cloud import Cloud, write_private
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._transport import transport

# A cached token is given out only while it is valid for longer than this many seconds, so that it outlives a request.
_MARGIN = 300

# Azure's packages log what they are about to raise. Without a handler Python prints it on stderr, past Ansible.
logging.getLogger("azure").addHandler(logging.NullHandler())

Params = Mapping[str, Any]


class Source(NamedTuple):
    """``ready`` says whether ``auto`` may take this source, ``needs`` are the options it cannot do without."""

    ready: Callable[[Params], bool]
    needs: tuple[str, ...]
    build: Callable[[Params, dict[str, Any]], Any]


def _secret(params: Params, options: dict[str, Any]) -> Any:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(params["tenant"], params["client_id"], params["secret"], **options)


def _certificate(params: Params, options: dict[str, Any]) -> Any:
    from azure.identity import CertificateCredential

    return CertificateCredential(
        params["tenant"], params["client_id"], certificate_path=params["x509_certificate_path"], **options
    )


def _oidc(params: Params, options: dict[str, Any]) -> Any:
    from azure.identity import ClientAssertionCredential

    def assertion() -> str:
        if params.get("oidc_token"):
            return str(params["oidc_token"])
        # Kubernetes and CI systems renew the file, so it is read at each sign-in.
        try:
            with open(params["oidc_token_file_path"], encoding="utf-8") as file:
                return file.read().strip()
        except (OSError, ValueError) as exc:
            raise Refused(f"oidc_token_file_path cannot be read where this task runs: {exc}.") from exc

    return ClientAssertionCredential(params["tenant"], params["client_id"], assertion, **options)


def _managed_identity(params: Params, options: dict[str, Any]) -> Any:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=params.get("client_id"), transport=options["transport"])


def _cli(params: Params, options: dict[str, Any]) -> Any:
    from azure.identity import AzureCliCredential

    return AzureCliCredential(tenant_id=params.get("tenant") or "")


class ReadyToken:
    """A credential around an access token that the user brought along; its expiry is the issuer's business."""

    def __init__(self, token: str, option: str = "access_token") -> None:
        self._token = token
        self._option = option

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        from azure.core.credentials import AccessToken

        if kwargs.get("claims"):
            raise BackupError(
                f"Azure refused the {self._option} and asked for a new sign-in. Bring a fresh {self._option}."
            )
        return AccessToken(self._token, int(time.time()) + 3600)


def _token(params: Params, options: dict[str, Any]) -> Any:
    return ReadyToken(params["access_token"])


def _has(*names: str) -> Callable[[Params], bool]:
    return lambda params: all(params.get(name) for name in names)


# In the order in which "auto" tries them: what the user spelled out first, what the machine happens to have last.
SOURCES: dict[str, Source] = {
    "access_token": Source(_has("access_token"), ("access_token",), _token),
    "service_principal": Source(_has("client_id", "secret", "tenant"), ("client_id", "secret", "tenant"), _secret),
    "certificate": Source(
        _has("client_id", "x509_certificate_path", "tenant"),
        ("client_id", "x509_certificate_path", "tenant"),
        _certificate,
    ),
    "oidc": Source(
        lambda params: (
            _has("client_id", "tenant")(params) and bool(params.get("oidc_token") or params.get("oidc_token_file_path"))
        ),
        ("client_id", "tenant"),
        _oidc,
    ),
    "cli": Source(lambda params: shutil.which("az") is not None, (), _cli),
    "msi": Source(lambda params: True, (), _managed_identity),
}
# Sources that belong to one tenant and cannot sign in to another.
_AT_HOME = ("access_token", "msi")


def choose(params: Params) -> str:
    """The name of the source for these options. Raises :class:`Refused` when a chosen source lacks something."""
    wanted = params.get("auth_source") or "auto"
    if wanted != "auto":
        missing = [name for name in SOURCES[wanted].needs if not params.get(name)]
        if missing:
            raise Refused(f"auth_source={wanted} needs {', '.join(missing)}.")
        if wanted == "oidc" and not SOURCES["oidc"].ready(params):
            raise Refused("auth_source=oidc needs oidc_token or oidc_token_file_path.")
        return str(wanted)
    spelled_out = any(SOURCES[name].ready(params) for name in SOURCES if SOURCES[name].needs)
    if params.get("ad_user") and not spelled_out:
        raise Refused(
            "Signing in with user name and password (ad_user, password) is not possible: Microsoft Entra demands a "
            "second factor of people. Use a service principal (client_id, secret, tenant), a workload identity "
            "(oidc_token), a managed identity (auth_source=msi), or sign in with az and set auth_source=cli."
        )
    return next(name for name, source in SOURCES.items() if source.ready(params))


def with_profile(params: Params) -> dict[str, Any]:
    """The options completed from a profile of ``~/.azure/credentials`` where one was asked for; options given directly
    win.
    """
    profile = params.get("profile")
    if not profile:
        return dict(params)
    path = os.path.expanduser("~/.azure/credentials")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    if not parser.has_section(profile):
        raise Refused(f"profile is {profile!r}, but {path} has no such section.")
    names = ("subscription_id", "tenant", "client_id", "secret", "cloud_environment")
    found = {name: parser.get(profile, name, fallback=None) for name in names}
    return {**params, **{name: value for name, value in found.items() if value and not params.get(name)}}


class SharedToken:
    """A credential that shares its token with the other tasks of the run through a private directory.

    The file's name is a digest of everything the token depends on; the directory is made by Ansible for one run with
    mode 0700 and goes away with it.
    """

    def __init__(self, credential: Any, path: str) -> None:
        self._credential = credential
        self._path = path
        self._lock = threading.Lock()
        self._known: Any = None

    def get_token(self, *scopes: str, **kwargs: Any) -> Any:
        with self._lock:
            # A claims challenge means that the token in hand was revoked.
            token = None if kwargs.get("claims") else self._known or self._read()
            if not _lasts(token):
                token = self._sign_in(*scopes, **kwargs)
            self._known = token
            return token

    def _sign_in(self, *scopes: str, **kwargs: Any) -> Any:
        """A new token. Of tasks that want one at the same time, as the forks of a run do, the first one gets it."""
        with open(f"{self._path}.lock", "a", encoding="utf-8") as lock:
            # Goes with the file at the end of the block, or of the process.
            fcntl.flock(lock, fcntl.LOCK_EX)
            token = None if kwargs.get("claims") else self._read()
            if not _lasts(token):
                token = self._credential.get_token(*scopes, **kwargs)
                write_private(self._path, json.dumps({"token": token.token, "expires_on": token.expires_on}))
            return token

    def _read(self) -> Any:
        from azure.core.credentials import AccessToken

        try:
            with open(self._path, encoding="utf-8") as file:
                stored = json.load(file)
            return AccessToken(stored["token"], int(stored["expires_on"]))
        except (OSError, ValueError, KeyError):
            return None


def _lasts(token: Any) -> bool:
    return token is not None and token.expires_on - time.time() >= _MARGIN


def credential(
    params: Params, cloud: Cloud, transport_options: dict[str, Any], shared_directory: str | None = None
) -> Any:
    """An azure-identity credential for the options, its token shared below ``shared_directory`` when there is one."""
    source = choose(params)
    options: dict[str, Any] = {
        "authority": cloud.authority,
        "transport": transport(transport_options),
        **transport_options,
    }
    if params.get("disable_instance_discovery") or not cloud.known:
        # Instance discovery asks the public cloud whether it knows the authority; a private cloud's it does not.
        options["disable_instance_discovery"] = True
    try:
        made = SOURCES[source].build(params, options)
    except (ValueError, OSError) as exc:
        raise Refused(f"Signing in with auth_source={source} is not possible: {exc}.") from exc
    if shared_directory is None or source == "access_token":
        return made
    facts = [source, cloud.authority, cloud.scope]
    facts += [
        str(params.get(name) or "")
        for name in ("tenant", "client_id", "secret", "x509_certificate_path", "oidc_token", "oidc_token_file_path")
    ]
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()
    return SharedToken(made, os.path.join(shared_directory, f"aks_backup_token_{digest}"))


def auxiliary_credential(
    params: Params, cloud: Cloud, transport_options: dict[str, Any], shared_directory: str | None = None
) -> Any | None:
    """A credential of the same caller in another tenant, or None where none was asked for.

    Azure wants it for what a request names in another tenant: a resource guard, as a rule. Source:
    https://learn.microsoft.com/azure/azure-resource-manager/management/authenticate-multi-tenant
    """
    token, tenant = params.get("auxiliary_token"), params.get("auxiliary_tenant")
    if token and tenant:
        raise Refused("auxiliary_token and auxiliary_tenant are two ways to the same end: give one of them.")
    if token:
        return ReadyToken(token, "auxiliary_token")
    if not tenant:
        return None
    source = choose(params)
    if source in _AT_HOME:
        raise Refused(
            f"auxiliary_tenant is {tenant}, but auth_source={source} cannot sign in to a second tenant. Sign in with "
            "a service principal that both tenants know, or bring an auxiliary_token."
        )
    return credential({**params, "tenant": tenant}, cloud, transport_options, shared_directory)
