# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way of signing in, which of them is taken, and what is said when it does not work."""

from __future__ import annotations

import datetime
import json
import time
import uuid

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.harness import LOCALHOST, Subscription, play, task
from tests.harness.sdk import Somebody
from tests.harness.steps import chain

ISSUER, SUBJECT = "https://token.example.com", "repo:example/fleet"
# The principals by the source that they belong to; the first is the one of the environment.
SOURCES = ("service_principal", "access_token", "certificate", "oidc", "cli", "msi")
NOTHING = dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SECRET", "AZURE_TENANT", "AZURE_TENANT_ID"))
# What azure-identity asks the Azure CLI for, and the shape in which it answers.
AZ = """#!/bin/sh
echo "$*" >> "$HOME/az-arguments"
cat "$HOME/az-answer"
"""


class Signers:
    """A subscription with a principal of its own for each source, and the options that go with it."""

    def __init__(self, emulator):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem, certificate = self.certificate()
        self.ids = {source: str(uuid.uuid4()) for source in SOURCES}
        self.host = f"machine-{uuid.uuid4()}"
        special = {
            "certificate": {"certificate": certificate},
            "oidc": {"federated": [{"issuer": ISSUER, "subject": SUBJECT}]},
            "msi": {"name": self.host, "host": True},
        }
        principals = [
            {"name": source, "client_id": id_, "secret": f"secret-of-{source}", "roles": [{"role": "Owner"}],
             **special.get(source, {})}
            for source, id_ in self.ids.items()
        ]  # fmt: skip
        scenario = {"subscriptions": [{"providers": {"Microsoft.Storage": "Registered"}}], "principals": principals}
        self.subscription = Subscription(emulator, scenario)
        self.tenant = self.subscription.environment["AZURE_TENANT_ID"]
        answer = {
            "accessToken": self.token("cli"),
            "expires_on": int(time.time()) + 3000,
            "expiresOn": "2040-01-01 00:00:00.000000",
            "subscription": self.subscription.id,
            "tenant": self.tenant,
            "tokenType": "Bearer",
        }
        self.files = {
            "assertion": self.assertion(),
            "az-answer": json.dumps(answer),
            "bin/az": AZ,
            "credentials.pem": pem,
            ".azure/credentials": f"[work]\ntenant = {self.tenant}\nclient_id = {self.ids['service_principal']}\n"
            "secret = secret-of-service_principal\n",
        }

    def certificate(self):
        """A certificate of our own making: with its key, and alone."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "automation")])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        made = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key.decode() + made, made

    def assertion(self):
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": int(time.time()) + 600}
        return jwt.encode(claims, self.key, algorithm="RS256")

    def token(self, source):
        values = {"AZURE_CLIENT_ID": self.ids[source], "AZURE_CLIENT_SECRET": f"secret-of-{source}"}
        other = Subscription.__new__(Subscription)
        other.environment = {**self.subscription.environment, **values}
        return Somebody(other).token

    def options(self, source):
        """The options that let ``auto`` take this source."""
        client = {"client_id": self.ids.get(source), "tenant": self.tenant}
        return {
            "service_principal": {**client, "secret": "secret-of-service_principal"},
            "access_token": {"access_token": self.token("access_token")},
            "certificate": {**client, "x509_certificate_path": "~/credentials.pem"},
            "oidc": {**client, "oidc_token": self.assertion()},
            "cli": {},
            "msi": {},
        }[source]

    def play(self, tasks, *, path="{home}/bin:/usr/bin:/bin", environment=None, **keywords):
        """Run with none of the environment's credentials, on a machine that has ``az`` and a managed identity."""
        machine = {
            "IDENTITY_ENDPOINT": f"{self.subscription.environment['EMULATOR_URL']}/_host/{self.host}/msi/token",
            "IDENTITY_HEADER": self.subscription.emulator.server.entra.host_secret,
            "PATH": path,
        }
        return self.subscription.play(
            tasks, environment={**NOTHING, **machine, **(environment or {})}, files=self.files, **keywords
        )

    def who(self, step):
        """The sources whose principals sent the requests of a step."""
        names = {one["oid"]: one["app_id"] for one in self.subscription.emulator.principals()}
        sources = {id_: source for source, id_ in self.ids.items()}
        return {sources[names[one["principal"]]] for one in step.requests}


@pytest.fixture(scope="module")
def signers(emulator):
    return Signers(emulator)


def sign_in(name, **options):
    """A task that reads, and no more."""
    return task(name, "aks_backup_provider", providers=["Microsoft.Storage"], ignore=True, **options)


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_each_source_when_it_is_asked_for(signers, worker):
    tasks = [sign_in(source, auth_source=source, **signers.options(source)) for source in SOURCES]
    file = {"client_id": signers.ids["oidc"], "tenant": signers.tenant, "oidc_token_file_path": "~/assertion"}
    tasks.append(sign_in("oidc from a file", auth_source="oidc", **file))
    tasks.append(sign_in("identity by client_id", auth_source="msi", client_id=signers.ids["msi"]))
    tasks.append(sign_in("profile", profile="work"))
    run = signers.play(tasks, worker=worker).ok()
    assert [(one.task, one.result["msg"]) for one in run.steps if one.failed] == []
    found = {one.task: signers.who(one) for one in run.steps}
    also = {"oidc from a file": {"oidc"}, "identity by client_id": {"msi"}, "profile": {"service_principal"}}
    assert found == {**{source: {source} for source in SOURCES}, **also}


def test_auto_takes_them_in_the_documented_order(signers):
    """What is spelled out first comes first, what the machine happens to have comes last."""
    order = ("access_token", "service_principal", "certificate", "oidc", "cli", "msi")
    tasks = []
    for position, source in enumerate(order[:5]):
        # All options from here on; those of one client cannot be told apart, so this source's win.
        given = {}
        for later in reversed(order[position:]):
            given |= signers.options(later)
        tasks.append(sign_in(source, **given))
    run = signers.play(tasks).ok()
    assert {one.task: signers.who(one) for one in run.steps} == {source: {source} for source in order[:5]}
    without_az = signers.play([sign_in("msi")], path="/nowhere").ok()
    assert signers.who(without_az["msi"]) == {"msi"}


def test_environment_variables_of_azure_and_of_terraform(signers):
    client = {"CLIENT_ID": signers.ids["service_principal"], "CLIENT_SECRET": "secret-of-service_principal"}
    arm = {f"ARM_{name}": value for name, value in {**client, "TENANT_ID": signers.tenant}.items()}
    ansible = {"AZURE_CLIENT_ID": client["CLIENT_ID"], "AZURE_SECRET": client["CLIENT_SECRET"],
               "AZURE_TENANT": signers.tenant}  # fmt: skip
    for values in (arm, ansible):
        run = signers.play([sign_in("read")], environment=values).ok()
        assert signers.who(run["read"]) == {"service_principal"}


def test_workload_identity_as_its_webhook_sets_it_up_in_a_pod(signers):
    webhook = {
        "AZURE_AUTHORITY_HOST": signers.subscription.environment["EMULATOR_URL"],
        "AZURE_CLIENT_ID": signers.ids["oidc"],
        "AZURE_FEDERATED_TOKEN_FILE": "{home}/assertion",
        "AZURE_TENANT_ID": signers.tenant,
    }
    run = signers.play([sign_in("read")], environment=webhook).ok()
    assert signers.who(run["read"]) == {"oidc"}


def test_the_metadata_service_of_a_virtual_machine(signers):
    """As against App Service, which the other tests have: no header to prove anything, but a word in the request."""
    url = f"{signers.subscription.environment['EMULATOR_URL']}/_host/{signers.host}"
    metadata = {"IDENTITY_ENDPOINT": None, "IDENTITY_HEADER": None, "AZURE_POD_IDENTITY_AUTHORITY_HOST": url}
    tasks = [
        sign_in("system-assigned", auth_source="msi"),
        sign_in("by client_id", auth_source="msi", client_id=signers.ids["msi"]),
        sign_in("another", auth_source="msi", client_id=str(uuid.uuid4())),
    ]
    run = signers.play(tasks, environment=metadata).ok()
    assert signers.who(run["system-assigned"]) == signers.who(run["by client_id"]) == {"msi"}
    assert run["another"].failed and "Traceback" not in run.output


def test_what_is_said_when_it_does_not_work(signers):
    client = {"client_id": signers.ids["service_principal"], "tenant": signers.tenant}
    stranger = jwt.encode({"iss": "https://else.example.com", "exp": int(time.time()) + 600}, signers.key, "RS256")
    refusals = {
        "wrong secret": ({**client, "secret": "guess"}, ("AADSTS7000215", "Check the credentials and the tenant")),
        "wrong tenant": ({**client, "secret": "guess", "tenant": str(uuid.uuid4())}, ("Signing in",)),
        "unknown client": ({**client, "secret": "guess", "client_id": str(uuid.uuid4())}, ("AADSTS700016",)),
        "certificate of another": ({**client, "x509_certificate_path": "~/credentials.pem"}, ("AADSTS700027",)),
        "no certificate": ({**client, "x509_certificate_path": "~/none.pem"}, ("auth_source=certificate", "none.pem")),
        "token of a stranger": ({**client, "oidc_token": stranger}, ("AADSTS70021",)),
        "no file": ({**client, "oidc_token_file_path": "~/none"}, ("oidc_token_file_path cannot be read", "none")),
        "no token": ({"access_token": "nonsense"}, ("InvalidAuthenticationToken", "Check the credentials")),
        "no secret": ({"auth_source": "service_principal"}, ("auth_source=service_principal needs", "secret")),
        "no client": ({"auth_source": "certificate"}, ("needs client_id, x509_certificate_path, tenant",)),
        "neither token nor file": ({**client, "auth_source": "oidc"}, ("oidc_token or oidc_token_file_path",)),
        "another identity": ({"auth_source": "msi", "client_id": str(uuid.uuid4())}, ("managed identity",)),
        "no such profile": ({"profile": "home"}, ("no such section",)),
        "a person": ({"ad_user": "somebody@example.com", "password": "guess"}, ("second factor", "oidc_token")),
    }
    run = signers.play([sign_in(name, **options) for name, (options, dummy) in refusals.items()])
    wrong = []
    for name, (dummy, pieces) in refusals.items():
        said = str(run[name].result.get("msg"))
        sentence = said.endswith(".") and "\n" not in said and "Traceback" not in str(run[name].result)
        if not run[name].failed or not sentence or not all(piece in said for piece in pieces):
            wrong.append((name, said))
    assert not wrong, "\n".join(map(str, wrong))
    assert "Traceback" not in run.output


def test_no_az_and_nobody_signed_in(signers):
    run = signers.play([sign_in("cli", auth_source="cli")], path="/nowhere")
    assert "Azure CLI not found" in run["cli"].result["msg"]
    signers.files["bin/az"], kept = "#!/bin/sh\necho 'Please run az login to setup account.' >&2\nexit 1\n", AZ
    try:
        run = signers.play([sign_in("cli", auth_source="cli")])
    finally:
        signers.files["bin/az"] = kept
    assert "az login" in run["cli"].result["msg"] and "Traceback" not in run.output


def test_what_netrc_holds_does_not_take_the_place_of_the_token(subscription):
    """The HTTP library would, by itself, sign in with what the user keeps there for other programs."""
    netrc = {".netrc": "default login somebody password something\n"}
    read = task("read", "aks_backup_vault_info")
    run = subscription.play([read, {**read, "name": "process", "vars": {"aks_backup_in_worker": False}}],
                            worker=None, files=netrc).ok()  # fmt: skip
    assert {len(step.requests) > 0 for step in run.steps} == {True}


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_certificates_are_verified(subscription, worker):
    ca = subscription.environment["REQUESTS_CA_BUNDLE"]
    wrong = ("untrusted", "no file", "no certificate")
    tasks = [
        sign_in("untrusted"),
        sign_in("trusted", ca_bundle=ca),
        sign_in("no file", ca_bundle="/nowhere.pem"),
        sign_in("no certificate", ca_bundle="{{ ansible_playbook_python }}"),
    ]
    run = subscription.play(tasks, worker=worker, environment={"REQUESTS_CA_BUNDLE": None})
    assert not run["trusted"].failed
    for name in wrong:
        assert run[name].failed and "ca_bundle" in run[name].result["msg"], run[name].result["msg"]
        assert "Traceback" not in str(run[name].result) and run[name].result["msg"].endswith(".")
    assert run["untrusted"].requests == []


def sign_ins(subscription, since):
    tenant = subscription.environment["AZURE_TENANT_ID"]
    return [
        one["path"]
        for one in subscription.emulator.journal("", since)
        if one["type"] == "Entra" and f"/{tenant}/oauth2/" in one["path"] and one["path"].endswith("/token")
    ]


def last(subscription):
    return max([0, *(one["n"] for one in subscription.emulator.journal())])


def test_the_worker_signs_in_once_for_the_whole_run(subscription):
    since = last(subscription)
    subscription.play(chain(subscription)).ok()
    assert len(sign_ins(subscription, since)) == 1
    since = last(subscription)
    subscription.play(chain(subscription, until="storage")).ok()
    assert len(sign_ins(subscription, since)) == 1, "a token must not outlive its run"


def test_hosts_at_the_same_time_sign_in_once(subscription):
    since = last(subscription)
    host = LOCALHOST["all"]["hosts"]["localhost"]
    inventory = {"all": {"hosts": {f"host-{number}": host | {"ansible_connection": "local"} for number in range(5)}}}
    subscription.play(playbook=[play([sign_in("read"), sign_in("again")])], inventory=inventory).ok()
    assert len(sign_ins(subscription, since)) <= 5
    # Whoever comes later finds the token; at the very start each fork may have come first.
    assert len(sign_ins(subscription, since)) >= 1


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "process"])
def test_a_token_that_was_revoked(subscription, somebody, worker):
    """Azure then answers 401 with a claims challenge: whoever can signs in again, whoever brought a token says so."""
    subscription.fault({"expired_token": True}, method="GET", times=1)
    run = subscription.play([sign_in("again")], worker=worker).ok()
    assert not run["again"].failed and [one["status"] for one in run["again"].requests] == [401, 200]
    subscription.fault({"expired_token": True}, method="GET", times=1)
    run = subscription.play([sign_in("brought along", access_token=somebody.token)], worker=worker)
    assert run["brought along"].failed
    assert "Bring a fresh access_token" in run["brought along"].result["msg"]
