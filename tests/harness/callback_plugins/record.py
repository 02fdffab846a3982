# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each task's result, and what reached the emulator meanwhile, to a file of JSON lines for the tests to read."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.parse

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record
type: aggregate
short_description: Records results and requests for the tests of this collection
description: Writes one JSON line per result of a task, with the requests that the emulator has seen since the last.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._seen = int(os.environ["RECORD_SINCE"])
        # One connection for all results: a handshake costs more than the answer.
        self._emulator = http.client.HTTPSConnection(
            urllib.parse.urlsplit(os.environ["RECORD_URL"]).netloc,
            context=ssl.create_default_context(cafile=os.environ["RECORD_CA"]),
        )

    def _record(self, kind, result):
        entry = {
            "kind": kind,
            "host": result._host.get_name(),
            "task": result._task.get_name().removeprefix("aks.backup."),
            "action": result._task.action,
            "result": result._result,
            "requests": self._requests(),
        }
        with open(os.environ["RECORD_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def _requests(self):
        path = f"/_emulator/journal?since={self._seen}&subscription={os.environ['RECORD_SUBSCRIPTION']}"
        try:
            reply = self._asked(path)
        except (ConnectionError, http.client.HTTPException):
            # The emulator hangs up on who says nothing for a minute.
            self._emulator.close()
            reply = self._asked(path)
        requests = json.load(reply)
        self._seen = max([self._seen, *(request["n"] for request in requests)])
        return requests

    def _asked(self, path):
        self._emulator.request("GET", path)
        return self._emulator.getresponse()

    def v2_runner_on_ok(self, result):
        self._record("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._record("failed", result)

    def v2_runner_on_skipped(self, result):
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result):
        self._record("unreachable", result)
