# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in as azure-identity does it, and what ARM says to tokens that are not right."""

from __future__ import annotations

import base64
import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.emulator.entra import metadata
from tests.emulator.tests.clients import Azure, scenario

ISSUER, SUBJECT = "https://ci.example.com", "repo:example/project:ref:refs/heads/main"


def certificate() -> tuple[bytes, bytes]:
    """(private key and certificate, certificate alone), both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "automation")])
    now = datetime.now(timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256()))
    pem = made.public_bytes(serialization.Encoding.PEM)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()) + pem, pem


@pytest.fixture
def azure(emulator):
    return Azure(emulator)


def credential(azure, **changes):
    values = {"tenant_id": azure.tenant, "client_id": azure.environment["AZURE_CLIENT_ID"],
              "client_secret": azure.environment["AZURE_CLIENT_SECRET"], **changes}
    return ClientSecretCredential(authority=azure.emulator.url, disable_instance_discovery=True, **values)


def test_a_secret_gives_a_token_of_the_principal(azure):
    token = azure.credential.get_token(f"{azure.emulator.url}/.default")
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert (claims["tid"], claims["appid"]) == (azure.tenant, azure.environment["AZURE_CLIENT_ID"])
    assert claims["exp"] - time.time() == pytest.approx(3600, abs=60)
    keys = azure.http("GET", f"/{azure.tenant}/discovery/v2.0/keys")[2]["keys"]
    key = jwt.PyJWK(keys[0])
    assert jwt.decode(token.token, key, algorithms=["RS256"], audience=claims["aud"])["oid"] == claims["oid"]


@pytest.mark.parametrize(("changes", "number"), [
    ({"client_secret": "wrong"}, "AADSTS7000215"),
    ({"client_id": str(uuid.uuid4())}, "AADSTS700016"),
])
def test_wrong_credentials_have_the_numbers_of_entra(azure, changes, number):
    with pytest.raises(ClientAuthenticationError, match=number):
        credential(azure, **changes).get_token(f"{azure.emulator.url}/.default")


def test_an_unknown_tenant(azure):
    with pytest.raises((ClientAuthenticationError, ValueError)):
        credential(azure, tenant_id=str(uuid.uuid4())).get_token(f"{azure.emulator.url}/.default")
    form = f"grant_type=client_credentials&client_id={uuid.uuid4()}&client_secret=x&scope=x/.default"
    status, dummy, body = azure.http("POST", f"/{uuid.uuid4()}/oauth2/v2.0/token", raw=form.encode())
    assert (status, body["error_codes"]) == (400, [90002])


@pytest.mark.parametrize(("scope", "number"), [
    ("https://nobody.example.com/.default", "AADSTS500011"),
    ("https://management.azure.com/user_impersonation", "AADSTS1002012"),
])
def test_only_known_resources_have_tokens(azure, scope, number):
    with pytest.raises(ClientAuthenticationError, match=number):
        azure.credential.get_token(scope)


@pytest.mark.parametrize(("form", "number"), [
    ("", 900144),
    ("grant_type=password&username=u&password=p", 70003),
    ("grant_type=client_credentials&client_id={client}&scope={url}/.default", 7000216),
])
def test_requests_that_prove_nothing(azure, form, number):
    form = form.format(client=azure.environment["AZURE_CLIENT_ID"], url=azure.emulator.url)
    dummy, dummy, body = azure.http("POST", f"/{azure.tenant}/oauth2/v2.0/token", raw=form.encode())
    assert body["error_codes"] == [number]
    assert body["error_description"].startswith(f"AADSTS{number}:")


def test_the_older_endpoint_takes_a_resource(azure):
    form = (f"grant_type=client_credentials&client_id={azure.environment['AZURE_CLIENT_ID']}&client_secret="
            f"{azure.environment['AZURE_CLIENT_SECRET']}&resource={azure.emulator.url}/")
    status, dummy, body = azure.http("POST", f"/{azure.tenant}/oauth2/token", raw=form.encode())
    assert status == 200
    assert int(body["expires_on"]) > time.time()
    assert azure.http("GET", f"{azure.scope}?api-version=2022-12-01", token=body["access_token"])[0] == 200


def test_a_certificate_signs_in_and_another_one_does_not(emulator):
    both, public = certificate()
    other, dummy = certificate()
    document = {**scenario(), "principals": [{"name": "cert", "certificate": public.decode(),
                                              "roles": [{"role": "Reader"}]}]}
    azure = Azure(emulator, document)
    options = {"authority": emulator.url, "disable_instance_discovery": True}
    ids = (azure.tenant, azure.environment["AZURE_CLIENT_ID"])
    token = CertificateCredential(*ids, certificate_data=both, **options).get_token(f"{emulator.url}/.default")
    assert azure.http("GET", f"{azure.scope}?api-version=2022-12-01", token=token.token)[0] == 200
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        CertificateCredential(*ids, certificate_data=other, **options).get_token(f"{emulator.url}/.default")


def assertion(**changes) -> str:
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": time.time() + 300, **changes}
    return jwt.encode(claims, "a key that nobody asks for, of 32 bytes", algorithm="HS256")


def test_a_token_of_another_issuer_stands_for_the_principal(emulator):
    document = {**scenario(), "principals": [{
        "name": "ci", "federated": [{"issuer": ISSUER, "subject": SUBJECT}], "roles": [{"role": "Reader"}]}]}
    azure = Azure(emulator, document)

    def sign_in(text):
        return ClientAssertionCredential(
            azure.tenant, azure.environment["AZURE_CLIENT_ID"], lambda: text, authority=emulator.url,
            disable_instance_discovery=True).get_token(f"{emulator.url}/.default").token
    assert azure.http("GET", f"{azure.scope}?api-version=2022-12-01", token=sign_in(assertion()))[0] == 200
    with pytest.raises(ClientAuthenticationError, match="AADSTS70021"):
        sign_in(assertion(sub="repo:example/project:ref:refs/heads/other"))
    with pytest.raises(ClientAuthenticationError, match="AADSTS700024"):
        sign_in(assertion(exp=time.time() - 10))


def machine(emulator) -> Azure:
    return Azure(emulator, {**scenario(), "principals": [
        {"name": "automation", "roles": [{"role": "Owner"}]},
        {"name": f"vm-{uuid.uuid4().hex[:8]}", "host": True, "roles": [{"role": "Reader"}]}]})


def test_a_machine_has_an_identity_by_imds(emulator, monkeypatch):
    azure = machine(emulator)
    host = next(entry for entry in emulator.principals("host:") if entry["tenant"] == azure.tenant)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"{emulator.url}/_host/{host['name']}")
    for variable in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    token = ManagedIdentityCredential().get_token(f"{emulator.url}/.default").token
    assert jwt.decode(token, options={"verify_signature": False})["oid"] == host["oid"]
    assert azure.http("GET", f"{azure.scope}?api-version=2022-12-01", token=token)[0] == 200
    by_id = ManagedIdentityCredential(client_id=host["app_id"]).get_token(f"{emulator.url}/.default").token
    assert jwt.decode(by_id, options={"verify_signature": False})["oid"] == host["oid"]
    path = f"/_host/{host['name']}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x"
    assert azure.http("GET", path)[0] == 400


def test_a_machine_has_an_identity_by_app_service(emulator, monkeypatch):
    azure = machine(emulator)
    host = next(entry for entry in emulator.principals("host:") if entry["tenant"] == azure.tenant)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/_host/{host['name']}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", emulator.server.entra.host_secret)
    token = ManagedIdentityCredential().get_token(f"{emulator.url}/.default").token
    assert jwt.decode(token, options={"verify_signature": False})["oid"] == host["oid"]
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential().get_token(f"{emulator.url}/.default")
    assert azure.tenant == host["tenant"]


def test_arm_refuses_what_is_not_a_token_for_it(azure):
    path = f"{azure.scope}?api-version=2022-12-01"
    graph = azure.credential.get_token("https://graph.microsoft.com/.default").token
    head, dummy, signature = azure.token().split(".")
    forged = ".".join((head, base64.urlsafe_b64encode(json.dumps({"oid": "x", "exp": 9e9, "aud": azure.emulator.url}
                                                                 ).encode()).rstrip(b"=").decode(), signature))
    for token, code in (("", "AuthenticationFailed"), ("nonsense", "InvalidAuthenticationToken"),
                        (graph, "InvalidAuthenticationToken"), (forged, "InvalidAuthenticationToken")):
        status, headers, body = azure.http("GET", path, token=token)
        assert (status, body["error"]["code"]) == (401, code)
        assert headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_a_token_of_one_tenant_is_nothing_in_another(azure, emulator):
    other = Azure(emulator)
    status, dummy, body = azure.http("GET", f"{other.scope}?api-version=2022-12-01")
    assert (status, body["error"]["code"]) == (401, "InvalidAuthenticationTokenTenant")


def test_discovery_and_cloud_metadata(azure):
    url = azure.emulator.url
    found = azure.http("GET", f"/{azure.tenant}/v2.0/.well-known/openid-configuration", token="-")[2]
    assert found["token_endpoint"] == f"{url}/{azure.tenant}/oauth2/v2.0/token"
    instance = azure.http("GET", "/common/discovery/instance?api-version=1.1&authorization_endpoint="
                          f"{url}/{azure.tenant}/oauth2/v2.0/authorize", token="-")[2]
    assert instance["tenant_discovery_endpoint"] == f"{url}/{azure.tenant}/v2.0/.well-known/openid-configuration"
    assert azure.http("GET", "/metadata/endpoints?api-version=2022-09-01", token="-")[2] == metadata(url, "2022-09-01")
    old, newer, newest = (metadata(url, version) for version in ("2015-01-01", "2019-05-01", "2022-09-01"))
    assert old["authentication"]["loginEndpoint"].rstrip("/") == url
    assert newer == [newest]
    assert newest["resourceManager"].rstrip("/") == newest["authentication"]["loginEndpoint"] == url


def test_the_caller_in_another_tenant_vouches_for_a_linked_resource(emulator):
    """A resource guard of another tenant: the right to read it is the caller's there, by an auxiliary token."""
    home = Azure(emulator)
    client, secret = home.environment["AZURE_CLIENT_ID"], home.environment["AZURE_CLIENT_SECRET"]
    abroad = Azure(emulator, {**scenario(), "principals": [
        {"name": "security", "roles": [{"role": "Owner"}]},
        {"name": "twin", "client_id": client, "secret": secret, "roles": [{"role": "Reader"}]}]})
    assert abroad.tenant != home.tenant
    version = "?api-version=2025-07-01"
    guard = f"{abroad.group_id}/providers/Microsoft.DataProtection/resourceGuards/guard-1"
    assert abroad.http("PUT", guard + version, {"location": "eastus", "properties": {}})[0] in (200, 201)
    home.vault()
    proxy = (f"{home.group_id}/providers/Microsoft.DataProtection/backupVaults/vault-1/backupResourceGuardProxies/"
             f"DppResourceGuardProxy{version}")
    body = {"properties": {"resourceGuardResourceId": guard}}
    status, dummy, answer = home.http("PUT", proxy, body)
    assert (status, answer["error"]["code"]) == (403, "LinkedAuthorizationFailed")
    twin = ClientSecretCredential(abroad.tenant, client, secret, authority=emulator.url,
                                  disable_instance_discovery=True).get_token(f"{emulator.url}/.default").token
    for auxiliary, expected in ((f"Bearer {twin}", 200), ("Bearer nonsense", 401), (twin, 401),
                                (", ".join([f"Bearer {twin}"] * 4), 400)):
        assert home.http("PUT", proxy, body, headers={"x-ms-authorization-auxiliary": auxiliary})[0] == expected
