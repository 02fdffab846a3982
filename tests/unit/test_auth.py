# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in: which source is taken, what it lacks, what a profile adds. The sources are tried in tests/failures."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.credentials import AccessToken

from ansible_collections.aks.backup.plugins.module_utils import _auth, _cloud
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused

PRINCIPAL = {"client_id": "c", "secret": "s", "tenant": "t"}


@pytest.fixture(autouse=True)
def no_azure_cli(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.parametrize(
    ("params", "source"),
    [
        ({**PRINCIPAL, "access_token": "x"}, "access_token"),
        ({**PRINCIPAL, "x509_certificate_path": "/c.pem"}, "service_principal"),
        ({"client_id": "c", "tenant": "t", "x509_certificate_path": "/c.pem", "oidc_token": "x"}, "certificate"),
        ({"client_id": "c", "tenant": "t", "oidc_token_file_path": "/token"}, "oidc"),
        ({"client_id": "c", "tenant": "t"}, "msi"),
        ({}, "msi"),
        ({**PRINCIPAL, "auth_source": "cli"}, "cli"),
    ],
)
def test_auto_takes_the_first_source_whose_needs_are_met(params, source):
    assert _auth.choose(params) == source


def test_auto_prefers_the_azure_cli_to_the_machines_identity(tmp_path):
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)
    assert _auth.choose({}) == "cli"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"auth_source": "service_principal", "client_id": "c"}, "needs secret, tenant"),
        ({"auth_source": "access_token"}, "needs access_token"),
        ({"auth_source": "oidc", "client_id": "c", "tenant": "t"}, "oidc_token or oidc_token_file_path"),
        ({"ad_user": "somebody@example.com", "password": "p"}, "second factor of people. Use a service principal"),
    ],
)
def test_a_chosen_source_says_what_it_lacks(params, said):
    with pytest.raises(Refused, match=said):
        _auth.choose(params)


def test_a_user_name_is_no_hindrance_where_something_better_is_given():
    assert _auth.choose({"ad_user": "somebody@example.com", **PRINCIPAL}) == "service_principal"
    assert _auth.choose({"ad_user": "somebody@example.com", "auth_source": "cli"}) == "cli"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"auxiliary_tenant": "t2", "access_token": "x"}, "cannot sign in to a second tenant"),
        ({"auxiliary_tenant": "t2", "auth_source": "msi"}, "bring an auxiliary_token"),
        ({"auxiliary_tenant": "t2", "auxiliary_token": "x", **PRINCIPAL}, "give one of them"),
    ],
)
def test_a_second_tenant_that_cannot_be_reached(params, said):
    with pytest.raises(Refused, match=said):
        _auth.auxiliary_credential(params, _cloud.discover("AzureCloud", {}), {})


def test_a_profile_completes_and_options_win(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "credentials").write_text(
        "[work]\nclient_id = c1\nsecret = s%1\ntenant = t1\ncloud_environment = AzureUSGovernment\n"
    )
    assert _auth.with_profile({"profile": "work", "client_id": "mine", "cloud_environment": None}) == {
        "profile": "work",
        "client_id": "mine",
        "secret": "s%1",
        "tenant": "t1",
        "cloud_environment": "AzureUSGovernment",
    }
    with pytest.raises(Refused, match="no such section"):
        _auth.with_profile({"profile": "home"})


def test_known_clouds_are_found_by_name_without_a_request():
    assert _cloud.discover("azureusgovernment", {}).resource_manager == "https://management.usgovcloudapi.net"
    with pytest.raises(Refused, match="AzureChinaCloud, AzureCloud, AzureUSGovernment"):
        _cloud.discover("http://localhost", {})


def test_a_cloud_from_its_metadata():
    entry = {
        "name": "Air",
        "resourceManager": "https://arm.air/",
        "authentication": {"loginEndpoint": "https://login.air/", "audiences": ["https://management.air/"]},
    }
    cloud = _cloud.from_metadata("https://arm.air", [entry])
    assert cloud == _cloud.Cloud(
        "Air", "https://arm.air", "https://login.air", "https://management.air/.default", known=False
    )
    assert _cloud.from_metadata("https://arm.air", entry) == cloud
    with pytest.raises(BackupError, match="does not describe an Azure cloud"):
        _cloud.from_metadata("https://arm.air", {"authentication": {}})


@pytest.mark.parametrize(
    ("params", "cloud", "expected"),
    [
        ({}, "known", None),
        ({"disable_instance_discovery": True}, "known", True),
        ({}, "private", True),
    ],
)
def test_the_public_cloud_is_asked_about_its_own_authorities_only(monkeypatch, params, cloud, expected):
    """disable_instance_discovery, and clouds that are given by their address."""
    given = []
    source = _auth.Source(lambda params: True, (), lambda params, options: given.append(options))
    monkeypatch.setitem(_auth.SOURCES, "service_principal", source)
    clouds = {
        "known": _cloud.discover("AzureCloud", {}),
        "private": _cloud.Cloud("Air", "https://arm.air", "https://login.air", "https://m.air/.default", known=False),
    }
    _auth.credential({**PRINCIPAL, **params}, clouds[cloud], {})
    assert given[0].get("disable_instance_discovery") is expected
    assert given[0]["authority"] == clouds[cloud].authority


class Issuer:
    """A source that takes its time, counts its tokens, and can be told to hand out such as end soon."""

    def __init__(self, seconds: float = 3600) -> None:
        self.issued = 0
        self._seconds = seconds

    def get_token(self, *scopes, **kwargs):
        self.issued += 1
        time.sleep(0.05)
        return AccessToken(f"token-{self.issued}", int(time.time() + self._seconds))


def test_tasks_that_start_at_the_same_time_sign_in_once(tmp_path):
    issuer = Issuer()
    path = str(tmp_path / "token")
    # One for each task: locks between processes and between open files of a process are the same.
    tasks = [_auth.SharedToken(issuer, path) for _each in range(8)]
    with ThreadPoolExecutor(8) as pool:
        tokens = {token.token for token in pool.map(lambda task: task.get_token("scope"), tasks)}
    assert (issuer.issued, tokens) == (1, {"token-1"})
    # A claims challenge means that the token was revoked, whoever holds it.
    assert tasks[0].get_token("scope", claims="c").token == "token-2" == _auth.SharedToken(issuer, path)._read().token


def test_a_shared_token_that_ends_soon_is_not_used(tmp_path):
    issuer = Issuer(seconds=60)
    for number in (1, 2):
        assert _auth.SharedToken(issuer, str(tmp_path / "token")).get_token("scope").token == f"token-{number}"
