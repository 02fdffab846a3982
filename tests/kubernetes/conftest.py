# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver with its etcd on loopback, and an emulated Azure that hands out its kubeconfig."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kubernetes import client, config

from tests.emulator import Emulator
from tests.harness import Subscription

# Who there is: token -> name and groups. The first may do everything, the others what a test gives them.
TOKENS = {"owner-token": ("owner", "system:masters"), "writer-token": ("writer", ""), "reader-token": ("reader", "")}
SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A running API server, and kubeconfigs for it."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path) -> None:
        self.programs, self.folder = programs, folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = trustme.CA(organization_name="aks.backup API server")
        self.authority.cert_pem.write_to_path(folder / "ca.pem")

    def commands(self) -> list[list[str]]:
        etcd, peer, folder = free_port(), free_port(), self.folder
        self.authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
            folder / "server.pem"
        )
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "accounts.key").write_bytes(key)
        (folder / "tokens.csv").write_text(
            "".join(f'{token},{name},{name},"{group}"\n' for token, (name, group) in TOKENS.items())
        )
        return [
            [
                f"{self.programs}/etcd",
                f"--data-dir={folder}/etcd",
                f"--listen-client-urls=http://127.0.0.1:{etcd}",
                f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
            ],
            [
                f"{self.programs}/kube-apiserver",
                f"--etcd-servers=http://127.0.0.1:{etcd}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--cert-dir={folder}",
                f"--tls-cert-file={folder}/server.pem",
                f"--tls-private-key-file={folder}/server.pem",
                f"--client-ca-file={folder}/ca.pem",
                f"--token-auth-file={folder}/tokens.csv",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={folder}/accounts.key",
                f"--service-account-signing-key-file={folder}/accounts.key",
                "--service-cluster-ip-range=10.0.0.0/24",
            ],
        ]

    def ready(self) -> bool:
        trusted = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": "Bearer owner-token"})
        try:
            with urllib.request.urlopen(request, context=trusted, timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def kubeconfig(self, token: str = "", **user: str) -> dict[str, Any]:
        """One with a token, or with a certificate of an administrator as AKS makes them."""
        credentials: dict[str, str] = {"token": token} if token else user or self._certificate()
        authority = base64.b64encode(self.authority.cert_pem.bytes()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "real", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": "somebody"}}],
            "users": [{"name": "somebody", "user": credentials}],
            "current-context": "real",
        }

    def _certificate(self) -> dict[str, str]:
        made = self.authority.issue_cert(
            "masters", common_name="master-of-certificates", organization_name="system:masters"
        )
        return {
            "client-certificate-data": base64.b64encode(made.cert_chain_pems[0].bytes()).decode(),
            "client-key-data": base64.b64encode(made.private_key_pem.bytes()).decode(),
        }

    def api(self) -> client.ApiClient:
        return config.new_client_from_config_dict(self.kubeconfig("owner-token"))

    def kubectl(self, *arguments: str, token: str = "owner-token", text: str = "") -> tuple[int, str]:
        """Exit code and output of the real kubectl."""
        path = self.folder / f"kubectl-{token}"
        path.write_text(yaml.safe_dump(self.kubeconfig(token)))
        done = subprocess.run(
            [self.programs / "kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(path), "HOME": str(self.folder)},
            input=text,
            text=True,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def programs() -> pathlib.Path:
    folder = pathlib.Path(os.environ.get("KUBERNETES_PROGRAMS", "/nowhere"))
    missing = [name for name in ("etcd", "kube-apiserver", "kubectl") if not (folder / name).exists()]
    assert not missing, f"KUBERNETES_PROGRAMS lacks {', '.join(missing)}; ./run test-k8s builds them"
    return folder


@pytest.fixture(scope="session")
def cluster(programs: pathlib.Path) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="aks-backup-kubernetes-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        made = Cluster(programs, folder)
        started = []
        for command in made.commands():
            log = stack.enter_context((folder / f"{pathlib.Path(command[0]).name}.log").open("w"))
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            started.append(process)
        end = time.monotonic() + SECONDS
        while not made.ready():
            late = time.monotonic() > end or any(process.poll() is not None for process in started)
            assert not late, "".join(log.read_text()[-3000:] for log in folder.glob("*.log"))
            time.sleep(0.2)
        yield made


@pytest.fixture(scope="session")
def definitions(cluster: Cluster) -> None:
    """The kinds of Azure Backup, as if its extension had brought them, and a namespace."""
    path = pathlib.Path(__file__).parents[1] / "emulator" / "kubernetes" / "crds.yml"
    assert cluster.kubectl("apply", "-f", str(path))[0] == 0
    waited = cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(path))
    assert waited[0] == 0, waited
    assert cluster.kubectl("create", "namespace", "shop")[0] == 0


@pytest.fixture(scope="session")
def emulator(programs: pathlib.Path) -> Iterator[Emulator]:
    # Where the emulator finds the kubectl that it runs for run command.
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with Emulator(speed=500) as running:
        yield running


@pytest.fixture
def subscription(emulator: Emulator, cluster: Cluster) -> Subscription:
    """A subscription in which the real cluster is one of AKS."""
    section = {
        "name": "Real",
        "providers": {"Microsoft.ContainerService": "Registered"},
        "resource_groups": [{"name": "rg-clusters", "location": "eastus"}],
        "clusters": [
            {
                "name": "aks-east-1",
                "resource_group": "rg-clusters",
                "location": "eastus",
                "kubeconfig": yaml.safe_dump(cluster.kubeconfig()),
            }
        ],
    }
    return Subscription(emulator, {"subscriptions": [section]})
