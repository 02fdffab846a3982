# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARM resource IDs: taking them apart, putting them together, and names that stay the same. Private to the collection.

ARM compares IDs without regard to case and answers with other spellings than it was asked with.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused

# A namespace for uuid5 that belongs to this collection, so that names derived from IDs are the same on every machine.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "ansible-collection:aks.backup")

# Microsoft's naming rules for Azure resources: noun -> (pattern, the rule in words).
NAME_RULES: dict[str, tuple[str, str]] = {
    "backup instance": (
        r"[A-Za-z0-9][-A-Za-z0-9_.]{0,259}",
        "1 to 260 letters, digits, '-', '_' and '.', the first a letter or digit",
    ),
    "backup policy": (r"[-A-Za-z0-9]{3,150}", "3 to 150 letters, digits and '-'"),
    "Backup vault": (
        r"[A-Za-z][-A-Za-z0-9]{0,48}[A-Za-z0-9]",
        "2 to 50 letters, digits and '-', starting with a letter and not ending with '-'",
    ),
    "blob container": (r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", "3 to 63 lower-case letters, digits and single '-'"),
    "extension": (
        r"[A-Za-z0-9][-A-Za-z0-9.]{0,252}",
        "1 to 253 letters, digits, '-' and '.', the first a letter or digit",
    ),
    "managed cluster": (
        r"[A-Za-z0-9]([-_A-Za-z0-9]{0,61}[A-Za-z0-9])?",
        "1 to 63 letters, digits, '-' and '_', with a letter or digit at both ends",
    ),
    "resource group": (
        r"[-\w.()]{0,89}[-\w()]",
        "1 to 90 letters, digits, '-', '_', '.', '(' and ')', not ending with '.'",
    ),
    "storage account": (r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits"),
    "subscription": (r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "a GUID"),
    "Trusted Access role binding": (r"[-_A-Za-z0-9]{1,24}", "1 to 24 letters, digits, '-' and '_'"),
}


def check_name(noun: str, name: str | None) -> str:
    """``name`` if it follows Azure's rule for ``noun``; raises :class:`Refused` with the rule otherwise."""
    pattern, rule = NAME_RULES[noun]
    if not name or not re.fullmatch(pattern, name):
        article = "an" if noun[0] in "aeiou" else "a"
        raise Refused(f"{name!r} is not a valid name of {article} {noun}: it must be {rule}.")
    return name


@dataclass(frozen=True)
class ResourceId:
    """One ARM ID in parts. ``types`` and ``names`` belong together, for nested types several of each."""

    scope: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """``namespace/type[/type...]``, lower case."""
        return "/".join((self.namespace, *self.types)).lower()

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def subscription(self) -> str:
        return segment(self.scope, "subscriptions") or (
            self.names[0] if self.type == "microsoft.resources/subscriptions" else ""
        )

    @property
    def resource_group(self) -> str:
        return segment(self.scope, "resourceGroups") or (
            self.name if self.type == "microsoft.resources/resourcegroups" else ""
        )


def segment(id_: str, key: str) -> str:
    """The segment that follows ``key``, compared without case; an empty string when there is none."""
    parts = id_.strip("/").split("/")
    for index, part in enumerate(parts[:-1]):
        if part.lower() == key.lower():
            return parts[index + 1]
    return ""


def parse(id_: str) -> ResourceId:
    """Take an ID apart. Subscriptions, resource groups and provider registrations count as types of
    Microsoft.Resources.
    """
    parts = id_.strip("/").split("/")
    lowered = [part.lower() for part in parts]
    if not id_.startswith("/") or "" in parts:
        raise Refused(
            f"{id_!r} is not an Azure resource ID: it must start with '/subscriptions/' and have no empty part."
        )
    marks = [index for index, part in enumerate(lowered) if part == "providers"]
    if marks and len(parts) == marks[-1] + 2:
        return ResourceId("/" + "/".join(parts[: marks[-1]]), "Microsoft.Resources", ("providers",), (parts[-1],))
    if marks:
        rest = parts[marks[-1] + 1 :]
        if len(rest) < 3 or len(rest) % 2 == 0:
            raise Refused(
                f"{id_!r} is not an Azure resource ID: after 'providers' come a namespace and pairs of type and name."
            )
        scope = "/" + "/".join(parts[: marks[-1]]) if marks[-1] else ""
        return ResourceId(scope, rest[0], tuple(rest[1::2]), tuple(rest[2::2]))
    if len(parts) == 4 and lowered[0] == "subscriptions" and lowered[2] == "resourcegroups":
        return ResourceId("/" + "/".join(parts[:2]), "Microsoft.Resources", ("resourceGroups",), (parts[3],))
    if len(parts) == 2 and lowered[0] == "subscriptions":
        return ResourceId("", "Microsoft.Resources", ("subscriptions",), (parts[1],))
    raise Refused(f"{id_!r} is not the ID of a subscription, a resource group or a resource.")


def expect(id_: str, type_: str, option: str) -> str:
    """``id_`` without a trailing slash if it names a ``type_``; raises :class:`Refused` naming the option otherwise."""
    found = parse(id_.rstrip("/"))
    if found.type != type_.lower():
        raise Refused(f"{option} must be the resource ID of a {type_}, but {id_!r} is one of a {found.type}.")
    return id_.rstrip("/")


def same(left: str | None, right: str | None) -> bool:
    """Whether two IDs name the same resource."""
    return (left or "").strip("/").lower() == (right or "").strip("/").lower()


def parent(id_: str) -> str:
    """The ID one level up: of a child resource its parent, of a resource its scope."""
    parsed = parse(id_)
    if len(parsed.names) > 1:
        return id_.rstrip("/").rsplit("/", 2)[0]
    return parsed.scope


def name(id_: str) -> str:
    return id_.rstrip("/").rsplit("/", 1)[-1]


def region(location: str | None) -> str:
    """``West Europe`` and ``westeurope`` are one region; the second is the form in which IDs and bodies carry it."""
    return (location or "").replace(" ", "").lower()


def stable_uuid(*parts: str) -> str:
    """A GUID derived from the parts without regard to case: the same on every run and every machine."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(part.strip("/").lower() for part in parts)))


def subscription(subscription_id: str) -> str:
    return f"/subscriptions/{check_name('subscription', subscription_id)}"


def resource_group(subscription_id: str, group: str) -> str:
    return f"{subscription(subscription_id)}/resourceGroups/{check_name('resource group', group)}"


def provider(subscription_id: str, namespace: str) -> str:
    return f"{subscription(subscription_id)}/providers/{namespace}"


def vault(subscription_id: str, group: str, vault_name: str) -> str:
    scope = resource_group(subscription_id, group)
    return f"{scope}/providers/Microsoft.DataProtection/backupVaults/{check_name('Backup vault', vault_name)}"


def policy(vault_id: str, policy_name: str) -> str:
    return f"{vault_id}/backupPolicies/{check_name('backup policy', policy_name)}"


def instance(vault_id: str, instance_name: str) -> str:
    return f"{vault_id}/backupInstances/{check_name('backup instance', instance_name)}"


def cluster(subscription_id: str, group: str, cluster_name: str) -> str:
    return (
        f"{resource_group(subscription_id, group)}/providers/Microsoft.ContainerService/managedClusters/"
        f"{check_name('managed cluster', cluster_name)}"
    )


def binding(cluster_id: str, binding_name: str) -> str:
    return f"{cluster_id}/trustedAccessRoleBindings/{check_name('Trusted Access role binding', binding_name)}"


def extension(cluster_id: str, extension_name: str) -> str:
    return (
        f"{cluster_id}/providers/Microsoft.KubernetesConfiguration/extensions/{check_name('extension', extension_name)}"
    )


def storage_account(subscription_id: str, group: str, account: str) -> str:
    scope = resource_group(subscription_id, group)
    return f"{scope}/providers/Microsoft.Storage/storageAccounts/{check_name('storage account', account)}"


def container(account_id: str, container_name: str) -> str:
    return f"{account_id}/blobServices/default/containers/{check_name('blob container', container_name)}"


def role_assignment(scope: str, assignment: str) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment}"


def role_definition(scope: str, guid: str) -> str:
    return f"{subscription(segment(scope, 'subscriptions'))}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
