# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin aks_clusters: documentation, options, hosts. Facts come from _resources/fleet/state."""

from __future__ import annotations

DOCUMENTATION = r"""
name: aks_clusters
short_description: AKS clusters as hosts, with how they stand with their backups
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Makes a host of each cluster of Azure Kubernetes Service in any number of subscriptions, and groups by the state of
    its backup, so that a play can be about the clusters that lack one.
  - Three queries to Azure Resource Graph do for all clusters, however many there are; each page of a thousand costs
    one more. For several subscriptions, a fourth one finds out of which nothing can be read, and a warning says so.
  - All hosts are in the group C(aks_clusters), and each is in that of its state, which is C(backup_configuring),
    C(backup_error), C(backup_protected), C(backup_stopped), C(backup_suspended) or C(backup_unprotected). Of several
    backup instances of a cluster the one with an error counts first, and one that is protected next.
  - A host has what the role P(aks.backup.aks_backup#role) needs, and a local connection. C(hosts=backup_unprotected)
    with the role protects what is not protected yet.
  - What is known of the cluster is in the variables C(aks_id), C(aks_identity_type), C(aks_kubernetes_version),
    C(aks_location), C(aks_name), C(aks_node_pools), C(aks_node_resource_group), C(aks_power_state), C(aks_private),
    C(aks_protection), C(aks_provisioning_state), C(aks_resource_group), C(aks_subscription_id) and C(aks_tags). They
    hold what RV(aks.backup.aks_backup_coverage_info#module:clusters) describes under these names without C(aks_).
    C(aks_protection) has extension, instances with vault and policy, latest recovery point and state, but neither
    C(last_good_backup) nor C(rpo_seconds), since jobs are not looked at.
  - The name of the inventory file has to end with C(aks_clusters.yml) or C(aks_clusters.yaml).
  - Options may be templates, such as a lookup of a secret. Text that comes from Azure, such as names and tags, is never
    taken for one.
requirements:
  - python >= 3.10
  - azure-core >= 1.35
  - azure-identity >= 1.23
  - azure-mgmt-core >= 1.6
  - azure-mgmt-resourcegraph >= 8.0.1
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.wait
  - aks.backup.fleet
  - constructed
  - inventory_cache
options:
  hostnames:
    description:
      - How hosts are called, the first choice first. C({name}), C({resource_group}), C({subscription_id}) and
        C({location}) are put in. Clusters that would get the same name get the next one, all of them, so that names do
        not depend on the order in which Azure lists clusters.
    type: list
    elements: str
    default:
      - "{name}"
      - "{name}_{resource_group}"
      - "{name}_{resource_group}_{subscription_id}"
  plugin:
    description:
      - That this file is for this plugin.
    type: str
    required: true
    choices:
      - aks.backup.aks_clusters
seealso:
  - module: aks.backup.aks_backup_coverage_info
    description: The same clusters as a report, with what is missing and what to do about it.
"""

EXAMPLES = r"""
# All clusters of the subscription in AZURE_SUBSCRIPTION_ID. Save it as aks_clusters.yml, then
#   ansible-inventory -i aks_clusters.yml --graph
plugin: aks.backup.aks_clusters
---
# Production clusters of two subscriptions, but for those that somebody has exempted, grouped by region and by team.
plugin: aks.backup.aks_clusters
subscriptions:
  - 00000000-0000-0000-0000-000000000000
  - 00000000-0000-0000-0000-000000000001
tags:
  environment: prod*
exclude:
  tags:
    backup: exempt
keyed_groups:
  - key: aks_location
    prefix: region
  - key: aks_tags.team
    prefix: team
groups:
  old: aks_kubernetes_version is version('1.30', '<')
compose:
  aks_backup_policy: "{'preset': 'month' if aks_tags.tier | default('') == 'gold' else 'week'}"
---
# Everything below a management group, remembered for an hour.
plugin: aks.backup.aks_clusters
management_groups:
  - platform
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_timeout: 3600
cache_connection: /var/tmp/aks-clusters
"""

import hashlib
import json
import re
import sys
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.aks.backup.plugins.module_utils import _module
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import scope as fleet_scope
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCE_GRAPH

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19, where all text is a template unless it is marked

    def trust_as_template(value: str) -> str:
        return value


SPEC = {**_module.COMMON_SPEC, **fleet_scope.FLEET_SPEC}
GROUP = "aks_clusters"
FIELDS = ("location", "name", "resource_group", "subscription_id")
# What each cluster in a cache has to have.
SHOWN = frozenset((*FIELDS, "id", "protection"))
SECRETS = tuple(name for name, option in SPEC.items() if option.get("no_log"))


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "aks.backup.aks_clusters"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("aks_clusters.yml", "aks_clusters.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        given = self._read_config_data(path)
        try:
            # As elsewhere in Ansible, a value may be a template, such as a lookup of a secret.
            params = self._validated({name: self.templar.template(given[name]) for name in given if name in SPEC})
            names = host_names(found := self._clusters(path, params, cache), self.get_option("hostnames"))
        except BackupError as exc:
            # Ansible would say it once more for each cause.
            raise AnsibleParserError(exc.message) from None
        self.inventory.add_group(GROUP)
        for state in fleet_state.ALL_STATES:
            # Empty ones as well: a play over a group that nobody is in is no mistake.
            self.inventory.add_group(f"backup_{state}")
        for cluster in found:
            self._add(names[cluster["id"]], cluster)

    def _validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options as modules see them, with the environment where the file is silent."""
        validated = ArgumentSpecValidator(SPEC).validate(given)
        if validated.error_messages:
            raise Refused("; ".join(validated.error_messages))
        fleet_scope.check(validated.validated_parameters)
        params: dict[str, Any] = validated.validated_parameters
        return params

    def _clusters(self, path: str, params: dict[str, Any], cache: bool) -> list[dict[str, Any]]:
        """From the cache where the user wants one and it holds an answer to the same question."""
        self.load_cache_plugin()
        asked = json.dumps({name: value for name, value in params.items() if name not in SECRETS}, sort_keys=True)
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
        wanted = self.get_option("cache")
        remembered = self._remembered(key) if wanted and cache else None
        if remembered is not None:
            return remembered
        arm = _module.connect(params, (RESOURCE_GRAPH,), anywhere=True)
        scope = {**params, "subscription_id": arm.subscription_id}
        rows = fleet_state.ask(arm, scope, fleet_state.STATE)
        for said in fleet_state.unseen(rows, scope):
            self.display.warning(said)
        found = fleet_state.clusters(rows, params)
        if wanted:
            self._cache[key] = found
        return found

    def _remembered(self, key: str) -> list[dict[str, Any]] | None:
        """What the cache holds; None where there is nothing, or nothing that can be read: Azure can be asked again."""
        try:
            found: Any = self._cache.get(key)
            if found is None:
                return None
            if isinstance(found, list) and all(isinstance(one, dict) and SHOWN.issubset(one) for one in found):
                return found
            why = "it holds something else."
        except (AnsibleError, TypeError) as exc:
            # The second from ansible-core's own plugins, where a file is JSON of another kind.
            why = str(exc)
        self.display.warning(f"The cache of the inventory cannot be used, so Azure is asked again: {why}")
        return None

    def _compose(self, *arguments: Any, **keywords: Any) -> Any:
        return inert(super()._compose(*arguments, **keywords))

    def _add(self, name: str, cluster: dict[str, Any]) -> None:
        host = self.inventory.add_host(name, group=GROUP)
        self.inventory.add_child(f"backup_{cluster['protection']['state']}", host)
        variables = {key: inert(value) for key, value in host_variables(cluster).items()}
        for key, value in variables.items():
            self.inventory.set_variable(host, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)


def inert(value: Any) -> Any:
    """The value with whatever could be a template marked as none: whoever may tag a cluster could write one into a tag.

    The rest is marked as harmless, where Ansible knows such a mark: it shows what has none as something else than text
    in lists of an inventory, and not everybody who reads these understands that.
    """
    if isinstance(value, dict):
        return {key: inert(one) for key, one in value.items()}
    if isinstance(value, list):
        return [inert(one) for one in value]
    if isinstance(value, str):
        return wrap_var(value) if "{" in value else trust_as_template(value)
    return value


def host_variables(cluster: dict[str, Any]) -> dict[str, Any]:
    """What a host knows of its cluster: facts, what the role needs, and that work for it is done here."""
    return {
        **{f"aks_{key}": value for key, value in cluster.items()},
        "aks_backup_cluster": {"id": cluster["id"]},
        "aks_backup_location": cluster["location"],
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }


def host_names(clusters: list[dict[str, Any]], patterns: list[str]) -> dict[str, str]:
    """ID -> name of the host. Clusters that would be called the same go on to the next pattern, all of them, until
    names are unique; raises :class:`Refused` when patterns run out.
    """
    for pattern in patterns:
        if unknown := sorted(set(re.findall(r"{(.*?)}", pattern)) - set(FIELDS)):
            raise Refused(f"hostnames knows {', '.join(FIELDS)} in braces, and not {', '.join(unknown)}: {pattern!r}.")
    if not patterns:
        raise Refused("hostnames is empty: give at least one pattern, such as {name}.")
    turn = {cluster["id"]: 0 for cluster in clusters}
    while True:
        names = {cluster["id"]: _fill(patterns[turn[cluster["id"]]], cluster) for cluster in clusters}
        taken: dict[str, list[str]] = {}
        for id_, name in names.items():
            taken.setdefault(name.lower(), []).append(id_)
        clashing = [ids for ids in taken.values() if len(ids) > 1]
        if not clashing:
            return names
        moving = [id_ for ids in clashing for id_ in ids if turn[id_] + 1 < len(patterns)]
        if not moving:
            raise Refused(
                f"hostnames gives the same name to several clusters: {', '.join(sorted(clashing[0]))}. Add a pattern "
                "with {name}, {resource_group} and {subscription_id}."
            )
        for id_ in moving:
            turn[id_] += 1


def _fill(pattern: str, cluster: dict[str, Any]) -> str:
    return re.sub(r"{(\w+)}", lambda match: str(cluster[match[1]]), pattern)
