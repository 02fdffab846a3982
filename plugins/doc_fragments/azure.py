# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module: who signs in, to which cloud. Belongs to COMMON_SPEC of module_utils/_module.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  access_token:
    description:
      - A ready access token for Azure Resource Manager, instead of signing in. It is used until it expires, and it is
        not renewed.
      - Falls back to E(AZURE_ACCESS_TOKEN).
    type: str
  ad_user:
    description:
      - A user name, for signing in with O(password). It is refused with the reason, since Microsoft Entra demands a
        second factor of people, unless other options say how to sign in. It exists so that credentials made for
        C(azure.azcollection) fail with a sentence.
      - Falls back to E(AZURE_AD_USER).
    type: str
  auth_source:
    description:
      - How to sign in.
      - Falls back to E(ANSIBLE_AZURE_AUTH_SOURCE).
    type: str
    default: auto
    choices:
      auto: >-
        The first of V(access_token), V(service_principal), V(certificate) and V(oidc) whose options are given, else
        V(cli) where C(az) is installed, else V(msi).
      access_token: The token in O(access_token).
      certificate: A service principal with O(client_id), O(tenant) and O(x509_certificate_path).
      cli: Whoever is signed in to the Azure CLI on the host where the module runs.
      msi: >-
        The managed identity of the Azure host where the module runs. O(client_id) picks a user-assigned identity,
        else the system-assigned one is taken.
      oidc: >-
        A workload identity, with O(client_id), O(tenant), and O(oidc_token) or O(oidc_token_file_path). Kubernetes
        and continuous integration systems hand out such tokens.
      service_principal: A service principal with O(client_id), O(tenant) and O(secret).
  auxiliary_tenant:
    description:
      - ID of a second tenant, in which the same service principal is known. A token of that tenant then goes along
        with requests to Azure Backup, which asks for it where a resource guard lies in another tenant.
      - Managed identities and ready access tokens belong to one tenant; with them use O(auxiliary_token).
      - Falls back to E(AZURE_AUXILIARY_TENANT_ID).
    type: str
  auxiliary_token:
    description:
      - A ready access token of the second tenant, instead of O(auxiliary_tenant).
      - Falls back to E(AZURE_AUXILIARY_TOKEN).
    type: str
  ca_bundle:
    description:
      - File with the certificates of the authorities to trust, in PEM format, instead of the usual ones. Needed for
        clouds with an authority of their own, and behind a proxy that breaks TLS open. Certificates are always
        verified.
      - Falls back to E(REQUESTS_CA_BUNDLE).
    type: path
  client_id:
    description:
      - Application (client) ID of the service principal or of the user-assigned managed identity.
      - Falls back to E(AZURE_CLIENT_ID), then E(ARM_CLIENT_ID).
    type: str
  cloud_environment:
    description:
      - Which Azure to talk to. V(AzureCloud), V(AzureChinaCloud), V(AzureUSGovernment), or the C(https) URL of an Azure
        Resource Manager that answers C(/metadata/endpoints), as Azure Stack, air-gapped clouds and the emulator of
        this collection do.
      - Falls back to E(AZURE_CLOUD_ENVIRONMENT), then to the O(profile), then to V(AzureCloud).
    type: str
  disable_instance_discovery:
    description:
      - Whether to trust the authority of O(cloud_environment) without asking the public cloud whether it knows it. A
        cloud that is given by its URL is never asked for.
      - Falls back to E(AZURE_DISABLE_INSTANCE_DISCOVERY).
    type: bool
    default: false
  oidc_token:
    description:
      - The token of a workload identity, to be exchanged for one of Azure's.
      - Falls back to E(AZURE_FEDERATED_TOKEN), then E(ARM_OIDC_TOKEN).
    type: str
  oidc_token_file_path:
    description:
      - File that holds the token of a workload identity. It is read at each sign-in, since it is renewed.
      - Falls back to E(AZURE_FEDERATED_TOKEN_FILE), then E(ARM_OIDC_TOKEN_FILE_PATH).
    type: path
  password:
    description:
      - The password of O(ad_user), refused with it.
      - Falls back to E(AZURE_PASSWORD).
    type: str
  profile:
    description:
      - Section of the file C(~/.azure/credentials) that completes O(subscription_id), O(tenant), O(client_id),
        O(secret) and O(cloud_environment) where neither the option nor the environment gives them.
      - Falls back to E(AZURE_PROFILE).
    type: str
  secret:
    description:
      - Password (client secret) of the service principal.
      - Falls back to E(AZURE_SECRET), then E(AZURE_CLIENT_SECRET), then E(ARM_CLIENT_SECRET).
    type: str
  subscription_id:
    description:
      - ID of the subscription in which everything lies that is given by name. It has to be known in one of these ways.
        What is given by its resource ID may lie in another subscription of the same tenant.
      - Falls back to E(AZURE_SUBSCRIPTION_ID), then E(ARM_SUBSCRIPTION_ID), then O(profile).
    type: str
  tenant:
    description:
      - ID of the Microsoft Entra tenant.
      - Falls back to E(AZURE_TENANT), then E(AZURE_TENANT_ID), then E(ARM_TENANT_ID).
    type: str
  x509_certificate_path:
    description:
      - File with the certificate of the service principal and its private key, in PEM format, without a password.
      - Falls back to E(AZURE_X509_CERTIFICATE_PATH), then E(AZURE_CLIENT_CERTIFICATE_PATH), then
        E(ARM_CLIENT_CERTIFICATE_PATH).
    type: path
notes:
  - Everything in this collection is tested through Microsoft's own Python packages, but against an emulator.
    It has not been run against Azure itself yet.
  - To sign in once for all tasks, set the options in C(module_defaults) for C(group/aks.backup.aks_backup), or the
    environment variables.
  - Where the connection is local, the work is done in Ansible's own worker process, which is faster and leaves the same
    result. Set the variable C(aks_backup_in_worker) to V(false) to have an ordinary module process instead.
seealso:
  - name: What is Azure Kubernetes Service backup?
    description: Microsoft's overview of how vault, extension, policy and backup instance work together.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-backup-overview
  - name: Support matrix for AKS backup
    description: Regions, limits, and what is not backed up.
    link: https://learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-support-matrix
"""
