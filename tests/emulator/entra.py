# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in: Microsoft Entra ID's discovery and token endpoints, managed identity endpoints, cloud metadata, and the
check of access tokens on ARM requests.

Sources: the Microsoft identity platform documentation (OpenID Connect discovery, client credentials flow, workload
identity federation, AADSTS error codes), the managed identity endpoint documentation, and what msal asks for.
Tokens live in real time, unlike everything else: clients compare their expiry with their own clock.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from .errors import FrontDoorError
from .provider import Reply
from .rbac import Principal

if TYPE_CHECKING:
    from .pipeline import Exchange
    from .server import Server

LIFETIME = 3599
AUXILIARY = 3
ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
OTHER_RESOURCES = ("https://graph.microsoft.com", "https://graph.windows.net", "https://storage.azure.com",
                   "https://vault.azure.net", "6dae42f8-4368-4678-94ff-3960e28e3630")
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "PS256"]


class SignInError(Exception):
    """An OAuth error answer: ``error`` word and AADSTS number with text."""

    def __init__(self, status: int, error: str, number: int, text: str):
        super().__init__(text)
        self.status, self.error, self.number, self.text = status, error, number, text


@dataclass(frozen=True)
class WebRequest:
    """What the endpoints here need of an HTTP request."""

    method: str
    path: str
    query: dict[str, str]
    headers: Any
    content: bytes
    base_url: str


class Entra:
    def __init__(self, server: Server):
        self._server = server
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public = self._key.public_key()
        self._checked: dict[str, tuple[float, str]] = {}
        self.host_secret = server.world.random.randbytes(24).hex()

    # Access tokens

    def issue(self, principal: Principal, audience: str, base_url: str) -> str:
        now = int(time.time())
        claims = {"aud": audience, "iss": f"https://sts.windows.net/{principal.tenant}/", "iat": now, "nbf": now,
                  "exp": now + LIFETIME + 1, "appid": principal.app_id, "appidacr": "1", "idtyp": "app",
                  "oid": principal.oid, "sub": principal.oid, "tid": principal.tenant, "ver": "1.0",
                  "uti": self._server.world.guid()}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "emulator"})

    def principal(self, exchange: Exchange) -> Principal:
        """Who sends an ARM request; the 401s are those of ARM."""
        return self._bearer(exchange, exchange.headers.get("Authorization", ""))

    def auxiliary(self, exchange: Exchange) -> tuple[Principal, ...]:
        """The caller in other tenants, for linked resources there: at most three tokens, separated by commas.

        Source: https://learn.microsoft.com/azure/azure-resource-manager/management/authenticate-multi-tenant
        """
        header = exchange.headers.get("x-ms-authorization-auxiliary", "")
        entries = [entry.strip() for entry in header.split(",") if entry.strip()]
        if len(entries) > AUXILIARY:
            raise FrontDoorError(
                400, "InvalidAuxiliaryTokens", f"A request takes at most {AUXILIARY} auxiliary tokens.")
        return tuple(self._bearer(exchange, entry) for entry in entries)

    def _bearer(self, exchange: Exchange, header: str) -> Principal:
        scheme, dummy, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise self._refused(exchange, "AuthenticationFailed",
                                "Authentication failed. The 'Authorization' header is missing.", "invalid_token")
        token = token.strip()
        expiry, oid = self._checked.get(token, (0.0, ""))
        if not oid:
            expiry, oid = self._check(exchange, token)
            if len(self._checked) > 5000:
                self._checked.clear()
            self._checked[token] = (expiry, oid)
        if expiry < time.time():
            raise self._refused(exchange, "ExpiredAuthenticationToken", "The access token has expired.",
                                "invalid_token")
        principal = self._server.world.directory.get(oid)
        if principal is None:
            raise self._refused(exchange, "InvalidAuthenticationToken",
                                "The access token belongs to a principal that does not exist.", "invalid_token")
        return principal

    def _check(self, exchange: Exchange, token: str) -> tuple[float, str]:
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], options={"verify_aud": False,
                                                                                    "verify_exp": False})
        except jwt.InvalidTokenError:
            raise self._refused(exchange, "InvalidAuthenticationToken", "The access token is invalid.",
                                "invalid_token") from None
        if not self._is_arm(str(claims["aud"]), exchange.base_url):
            raise self._refused(
                exchange, "InvalidAuthenticationToken",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences '{exchange.base_url}/'.", "invalid_token")
        return float(claims["exp"]), str(claims["oid"])

    def issued(self, token: str, audience: str) -> bool:
        """Is this a valid token for something else than ARM, of somebody who exists?"""
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], audience=audience)
        except jwt.InvalidTokenError:
            return False
        return self._server.world.directory.get(str(claims["oid"])) is not None

    def _is_arm(self, audience: str, base_url: str) -> bool:
        return audience.rstrip("/") in {*ARM_AUDIENCES, base_url, *self._server.base_urls}

    def _refused(self, exchange: Exchange, code: str, message: str, error: str) -> FrontDoorError:
        challenge = (f'Bearer authorization_uri="{exchange.base_url}/common", error="{error}", '
                     f'error_description="{message}"')
        return FrontDoorError(401, code, message, {"WWW-Authenticate": challenge})

    # Endpoints

    def answer(self, request: WebRequest) -> Reply | None:
        """The reply to a request outside ARM, or None when the path is not one of these."""
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["metadata", "endpoints"]:
            return Reply(200, metadata(request.base_url, request.query.get("api-version", "")))
        if parts[0] == "_host" and len(parts) > 2:
            return self._managed_identity(request, parts[1], parts[2:])
        if parts[-2:] == ["discovery", "instance"]:
            return Reply(200, self._instance(request))
        if request.path.endswith("/.well-known/openid-configuration"):
            tenant = parts[0]
            if not self._tenant(tenant):
                return self._oauth_error(SignInError(
                    400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found. Check to make sure you have the "
                    "correct tenant ID and are signing into the correct cloud."))
            return Reply(200, discovery(request.base_url, tenant))
        if request.path.endswith(("/discovery/v2.0/keys", "/discovery/keys")):
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._public))
            return Reply(200, {"keys": [{**key, "kid": "emulator", "use": "sig"}]})
        if len(parts) > 2 and parts[1] == "oauth2" and parts[-1] == "token" and request.method == "POST":
            try:
                return Reply(200, self._token(request, parts[0], "v2.0" in parts), {"Cache-Control": "no-store"})
            except SignInError as error:
                return self._oauth_error(error)
        if len(parts) == 3 and parts[1:] == ["oauth2", "authorize"]:
            return self._oauth_error(SignInError(400, "unsupported_response_type", 700054,
                                                 "Interactive sign-in is not modelled by the emulator."))
        return None

    def _tenant(self, tenant: str) -> bool:
        """Is it a tenant of this cloud (or a word that stands for any)?"""
        return tenant.lower() in {"common", "organizations"} or any(
            principal.tenant == tenant.lower() for principal in self._server.world.directory.all())

    def _instance(self, request: WebRequest) -> dict[str, Any]:
        host = request.base_url.split("//", 1)[1]
        endpoint = request.query.get("authorization_endpoint", f"{request.base_url}/common/oauth2/v2.0/authorize")
        tenant = endpoint.split("/")[3] if endpoint.count("/") > 3 else "common"
        return {"tenant_discovery_endpoint": f"{request.base_url}/{tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]}

    def _oauth_error(self, error: SignInError) -> Reply:
        now = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        trace = self._server.world.guid()
        return Reply(error.status, {
            "error": error.error, "error_codes": [error.number], "timestamp": now, "trace_id": trace,
            "correlation_id": trace, "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
            "error_description": f"AADSTS{error.number}: {error.text} Trace ID: {trace} Correlation ID: {trace} "
                                 f"Timestamp: {now}"})

    def _token(self, request: WebRequest, tenant: str, second: bool) -> dict[str, Any]:
        try:
            form = {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
        except UnicodeDecodeError:
            form = {}
        grant = form.get("grant_type", "")
        if not grant:
            raise SignInError(400, "invalid_request", 900144,
                              "The request body must contain the following parameter: 'grant_type'.")
        if grant != "client_credentials":
            raise SignInError(400, "unsupported_grant_type", 70003,
                              f"The app requested an unsupported grant type '{grant}'.")
        if not self._tenant(tenant):
            raise SignInError(400, "invalid_request", 90002, f"Tenant '{tenant}' not found. Check to make sure you "
                              "have the correct tenant ID and are signing into the correct cloud.")
        client = form.get("client_id", "")
        principal = self._server.world.directory.by_app(tenant, client)
        if principal is None:
            raise SignInError(400, "unauthorized_client", 700016, f"Application with identifier '{client}' was not "
                              f"found in the directory '{tenant}'. This can happen if the application has not been "
                              "installed by the administrator of the tenant.")
        self._prove(principal, form, request.base_url)
        audience = self._audience(form, second, request.base_url, tenant)
        token = self.issue(principal, audience, request.base_url)
        result = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        if not second:
            now = int(time.time())
            result.update(expires_in=str(LIFETIME), ext_expires_in=str(LIFETIME), expires_on=str(now + LIFETIME),
                          not_before=str(now - 300), resource=audience)
        return result

    def _prove(self, principal: Principal, form: dict[str, str], base_url: str) -> None:
        """Secret, certificate or federated assertion."""
        if "client_secret" in form:
            if not any(hmac.compare_digest(form["client_secret"].encode(), secret.encode())
                       for secret in principal.secrets):
                raise SignInError(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret "
                                  "being sent in the request is the client secret value, not the client secret ID, "
                                  f"for a secret added to app '{principal.app_id}'.")
            return
        assertion = form.get("client_assertion")
        if not assertion or form.get("client_assertion_type") != JWT_BEARER:
            raise SignInError(401, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is "
                              "required for the 'client_credentials' grant type.")
        try:
            header, claims = jwt.get_unverified_header(assertion), jwt.decode(
                assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise SignInError(400, "invalid_request", 50027, "JWT token is invalid or malformed.") from None
        if claims.get("exp", 0) < time.time():
            raise SignInError(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
        if claims.get("iss") == principal.app_id:
            self._check_certificate(principal, assertion, header)
        elif not any(claims.get("iss") == entry["issuer"] and claims.get("sub") == entry["subject"]
                     and entry.get("audience", "api://AzureADTokenExchange") in _list(claims.get("aud"))
                     for entry in principal.federated):
            raise SignInError(400, "invalid_client", 70021, "No matching federated identity record found for presented "
                              f"assertion. Assertion Issuer: '{claims.get('iss')}'. Assertion Subject: "
                              f"'{claims.get('sub')}'. Assertion Audience: '{claims.get('aud')}'.")

    def _check_certificate(self, principal: Principal, assertion: str, header: dict[str, Any]) -> None:
        for pem in principal.certificates:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            thumbprints = {"x5t": hashes.SHA1(), "x5t#S256": hashes.SHA256()}  # noqa: S303 - the protocol's choice
            if any(header.get(name, "").rstrip("=") == _base64url(certificate.fingerprint(algorithm))
                   for name, algorithm in thumbprints.items()):
                try:
                    jwt.decode(assertion, certificate.public_key(), algorithms=ALGORITHMS,  # type: ignore[arg-type]
                               options={"verify_aud": False})
                    return
                except jwt.InvalidTokenError:
                    break
        raise SignInError(401, "invalid_client", 700027, "The certificate with identifier used to sign the client "
                          f"assertion is not registered on application '{principal.app_id}', or the signature is "
                          "invalid.")

    def _audience(self, form: dict[str, str], second: bool, base_url: str, tenant: str) -> str:
        if second:
            scope = form.get("scope", "").split()
            if len(scope) != 1 or not scope[0].endswith("/.default"):
                raise SignInError(400, "invalid_scope", 1002012, f"The provided value for scope {form.get('scope')} is "
                                  "not valid. Client credential flows must have a scope value with /.default suffixed "
                                  "to the resource identifier (application ID URI).")
            resource = scope[0][:-len("/.default")]
        else:
            resource = form.get("resource", "")
        return self._known_resource(resource, base_url, tenant)

    def _known_resource(self, resource: str, base_url: str, tenant: str) -> str:
        if self._is_arm(resource, base_url) or resource.rstrip("/") in OTHER_RESOURCES:
            return resource
        raise SignInError(400, "invalid_resource", 500011, f"The resource principal named {resource} was not found in "
                          f"the tenant named {tenant}. This can happen if the application has not been installed by "
                          "the administrator of the tenant or consented to by any user in the tenant.")

    def _managed_identity(self, request: WebRequest, host: str, rest: list[str]) -> Reply:
        """A machine ``host`` with the identity of that name (and others by ``client_id``), asked the way of virtual
        machines (``/metadata/identity/oauth2/token``) or of App Service (``/msi/token``)."""
        imds = rest == ["metadata", "identity", "oauth2", "token"]
        if not imds and rest != ["msi", "token"]:
            return Reply(404, {"error": "not_found"})
        if imds and request.headers.get("Metadata", "").lower() != "true":
            return Reply(400, {"error": "invalid_request", "error_description": "Required metadata header not "
                               "specified"})
        if not imds and request.headers.get("X-IDENTITY-HEADER", "") != self.host_secret:
            return Reply(401, {"statusCode": 401, "message": "The identity header is wrong."})
        if not request.query.get("api-version"):
            return Reply(400, {"error": "invalid_request", "error_description": "Required query variable "
                               "'api-version' is missing"})
        wanted = request.query.get("client_id", "")
        candidates = [principal for principal in self._server.world.directory.all()
                      if (principal.app_id == wanted if wanted else principal.name == host)
                      and principal.owner.startswith("host:")]
        if not candidates:
            return Reply(400, {"error": "invalid_request", "error_description": "Identity not found"})
        try:
            audience = self._known_resource(request.query.get("resource", ""), request.base_url, candidates[0].tenant)
        except SignInError as error:
            return self._oauth_error(error)
        now = int(time.time())
        return Reply(200, {"access_token": self.issue(candidates[0], audience, request.base_url),
                           "client_id": candidates[0].app_id, "expires_in": str(LIFETIME),
                           "expires_on": str(now + LIFETIME), "ext_expires_in": str(LIFETIME), "not_before": str(now),
                           "resource": audience, "token_type": "Bearer"})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def discovery(base_url: str, tenant: str) -> dict[str, Any]:
    own = f"{base_url}/{tenant}"
    return {"token_endpoint": f"{own}/oauth2/v2.0/token", "issuer": f"{own}/v2.0",
            "authorization_endpoint": f"{own}/oauth2/v2.0/authorize", "jwks_uri": f"{own}/discovery/v2.0/keys",
            "device_authorization_endpoint": f"{own}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{own}/oauth2/v2.0/logout", "userinfo_endpoint": f"{base_url}/oidc/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_modes_supported": ["query", "fragment", "form_post"], "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"], "response_types_supported": ["code", "id_token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"], "tenant_region_scope": None,
            "cloud_instance_name": base_url.split("//", 1)[1], "request_uri_parameter_supported": False}


def metadata(base_url: str, api_version: str) -> Any:
    """The cloud's description: three generations of shapes, all in use (Azure CLI, azure.azcollection, Terraform)."""
    host = base_url.split("//", 1)[1]
    authentication = {"loginEndpoint": base_url, "audiences": [f"{base_url}/", base_url],
                      "tenant": "common", "identityProvider": "AAD"}
    if api_version < "2018":
        return {"galleryEndpoint": base_url, "graphEndpoint": f"{base_url}/", "portalEndpoint": base_url,
                "authentication": {"loginEndpoint": f"{base_url}/", "audiences": authentication["audiences"]}}
    cloud = {
        "portal": base_url, "authentication": authentication, "media": base_url, "graphAudience": f"{base_url}/",
        "graph": f"{base_url}/", "name": "AzureEmulator", "batch": base_url, "resourceManager": f"{base_url}/",
        "vmImageAliasDoc": f"{base_url}/images.json", "activeDirectoryDataLake": base_url,
        "sqlManagement": base_url, "microsoftGraphResourceId": f"{base_url}/",
        "appInsightsResourceId": base_url, "gallery": base_url,
        "suffixes": {"storage": host.split(":")[0], "keyVaultDns": "vault.localhost", "sqlServerHostname":
                     "database.localhost", "acrLoginServer": "azurecr.localhost", "storageSyncEndpointSuffix":
                     "afs.localhost", "mhsmDns": "managedhsm.localhost"}}
    return cloud if api_version >= "2022" else [cloud]


def query_of(raw: str) -> dict[str, str]:
    """Query with lower-case keys: ARM does not tell ``api-Version`` from ``api-version``."""
    return {key.lower(): value for key, value in parse_qsl(raw, keep_blank_values=True)}
