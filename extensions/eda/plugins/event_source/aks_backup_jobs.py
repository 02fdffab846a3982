# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source aks_backup_jobs: options, the loop, the file of what has been told. Facts come from
module_utils/_resources/coverage/events.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: aks_backup_jobs
short_description: Tell of backups of AKS clusters that failed or did not take place
version_added: 0.1.0
author:
  - aks.backup contributors (!UNKNOWN)
description:
  - Looks at the clusters of any number of subscriptions now and then, by a handful of queries to Azure Resource Graph
    for all of them and a read of each job that is new, and makes an event of what is new.
  - An event of kind C(job) is a job that ended as Failed, CompletedWithWarnings or Cancelled. It has the job in C(job)
    as M(aks.backup.aks_backup_job_info) returns it, C(id), C(name) and C(vault_id) of the backup instance in
    C(instance), C(retryable), which is true where all its errors pass by themselves, and C(earlier_failures), the
    number of backups of the same cluster that failed within a day before. Its C(reason) is C(failed),
    C(completed_with_warnings) or C(cancelled).
  - An event of kind C(finding) is a cluster with which something is wrong, as M(aks.backup.aks_backup_coverage_info)
    finds it, and its C(reason) is the name of the finding. It has C(fix), C(severity) and C(last_good_backup) as well.
    It comes when the finding is new, and again only after it was gone.
  - An event of kind C(blind) says that Azure could not be asked, or that it shows nothing of a subscription that is
    named beside others, or no cluster at all. It has C(severity). It comes once, until that has passed. Where the first
    look of all fails, or options are wrong, the source ends with the reason instead.
  - Each event has C(kind), C(reason) and C(message), a sentence. All but C(blind) have C(cluster), with C(id),
    C(location), C(name), C(resource_group), C(subscription_id) and C(tags).
  - Resource Graph lags behind by seconds to minutes. Throttling is waited out as Azure asks for it.
  - Jobs of clusters that no longer exist are not told of.
requirements:
  - ansible-core, on the machine of ansible-rulebook
  - the Python packages of the collection, for the Python of ansible-rulebook
extends_documentation_fragment:
  - aks.backup.azure
  - aks.backup.fleet
  - aks.backup.wait
options:
  findings:
    description:
      - The findings to tell of, by their names in M(aks.backup.aks_backup_coverage_info). An empty list leaves jobs.
    type: list
    elements: str
    default:
      - rpo_missed
      - unprotected
  grace:
    description:
      - How much later than the policy wants it a backup may come before C(rpo_missed) is found. A number with m, h, d
        or w behind it.
    type: str
    default: 2h
  interval:
    description:
      - Seconds between two looks.
    type: float
    default: 300
  partial_counts:
    description:
      - Whether a backup that completed with warnings, and so lacks something, is a good backup.
    type: bool
    default: true
  since:
    description:
      - How far back the very first look goes for jobs, 7d at most. A number with m, h, d or w behind it.
    type: str
    default: 24h
  state_file:
    description:
      - A file to keep what has been told, so that a restart tells nothing again and misses nothing that happened
        meanwhile. Its folder has to exist. It holds IDs and times, and no secrets.
      - It is written after events have been handed over. What happened between the two, when the process is killed, is
        told again.
    type: path
  wait_timeout:
    description:
      - Seconds that one look may take, with all waiting for Azure.
    type: float
    default: 300
"""

EXAMPLES = r"""
# In a rulebook; the credentials are in the environment.
- name: Backups
  hosts: localhost
  sources:
    - name: AKS backups of two subscriptions
      aks.backup.aks_backup_jobs:
        subscriptions:
          - 00000000-0000-0000-0000-000000000000
          - 00000000-0000-0000-0000-000000000001
        exclude:
          tags: {backup: exempt}
        state_file: /var/lib/aks-backup/events.json
  rules:
    - name: Show it
      condition: event.kind == "job"
      action:
        debug:
          msg: "{{ event.message }}"
"""

import asyncio
import logging
import os
import sys
import tempfile
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

try:
    from ansible_collections.aks.backup.plugins.module_utils import _module
except ImportError:
    # ansible-rulebook runs this file by its path. Ansible's own loader of collections would do, but with it in place
    # Python cannot run the next file by its path any more.
    sys.path.append(os.path.abspath(__file__).rpartition(f"{os.sep}ansible_collections{os.sep}")[0])
    from ansible_collections.aks.backup.plugins.module_utils import _module

from ansible_collections.aks.backup.plugins.module_utils._cloud import replace_file
from ansible_collections.aks.backup.plugins.module_utils._errors import BackupError, Refused
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import events
from ansible_collections.aks.backup.plugins.module_utils._types import RESOURCE_GRAPH

SPEC: dict[str, Any] = {
    **_module.COMMON_SPEC,
    **events.EVENTS_SPEC,
    "interval": {"type": "float", "default": 300.0},
    "state_file": {"type": "path"},
    "wait_timeout": {"type": "float", "default": 300.0},
}
# What ansible-rulebook may add to the arguments of a source: a queue for answers, which nobody here needs.
NOT_OURS = ("eda_feedback_queue",)
LOG = logging.getLogger("aks.backup.aks_backup_jobs")


class Watch:
    """The looks of one source, one after the other, and what it remembers between them."""

    def __init__(self, args: dict[str, Any]) -> None:
        given = {name: value for name, value in args.items() if name not in NOT_OURS}
        validated = ArgumentSpecValidator(SPEC).validate(given)
        if validated.error_messages:
            raise Refused("; ".join(validated.error_messages))
        self.params: dict[str, Any] = validated.validated_parameters
        self.interval: float = self.params["interval"]
        self.path: str | None = self.params["state_file"]
        if self.interval <= 0:
            raise Refused("interval is seconds and must be greater than 0.")
        events.check(self.params)
        self.memory = self._remembered()
        self._worked = self._written = False

    def look(self, folder: str) -> list[dict[str, Any]]:
        """What is new. ``folder`` is private and keeps the token from one look to the next."""
        try:
            arm = _module.connect(self.params, (RESOURCE_GRAPH,), folder, anywhere=True)
            params = {**self.params, "subscription_id": arm.subscription_id}
            found, self.memory = events.look(arm, params, self.memory)
            self._worked = True
        except BackupError as exc:
            if not self._worked and (isinstance(exc, Refused) or not self.memory.looked):
                # A mistake in the options, or what nobody has ever seen working. Else it is an outage.
                raise
            LOG.warning("%s", exc.message)
            found, self.memory = events.unseen(exc.message, self.memory)
        return found

    def remember(self) -> None:
        """Write down what has been told."""
        if self.path:
            try:
                replace_file(self.path, self.memory.text())
                self._written = True
            except OSError as exc:
                said = f"state_file {self.path} cannot be written where this runs: {exc.strerror or exc}."
                if not self._written:
                    raise Refused(said) from exc
                # A disk that is full for a while must not end the source. A restart meanwhile would tell things again.
                LOG.warning("%s", said)

    def _remembered(self) -> events.Memory:
        if not self.path:
            return events.Memory()
        folder = os.path.dirname(self.path) or "."
        if not os.path.isdir(folder):
            raise Refused(f"state_file: there is no folder {folder} where this runs. Make it first.")
        if not os.path.exists(self.path):
            return events.Memory()
        if not os.path.isfile(self.path):
            raise Refused(f"state_file {self.path} cannot be read: it is no file.")
        try:
            with open(self.path, encoding="utf-8") as file:
                return events.Memory.read(file.read(), self.path)
        except (OSError, ValueError) as exc:
            raise Refused(f"state_file {self.path} cannot be read: {exc}.") from exc


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Look for ever, and put what is new into the queue. Looking blocks, so a thread does it."""
    watch = Watch(args)
    with tempfile.TemporaryDirectory(prefix="aks-backup-events-") as folder:
        while True:
            for event in await asyncio.to_thread(watch.look, folder):
                await queue.put(event)
            watch.remember()
            await asyncio.sleep(watch.interval)
