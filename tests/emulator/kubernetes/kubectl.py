# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubectl, as far as it carries requests as they are (``--raw``) or lists names: what it prints, and with which code it
ends.

Wording and codes are those of kubectl 1.20; `./run test-k8s` compares them with the real one.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from .objects import KINDS

METHODS = {"create": "POST", "delete": "DELETE", "get": "GET", "replace": "PUT"}
# How the API server words that an object cannot be as it is: kind, group, name, what is wrong with it.
INVALID = re.compile(r'(\w+)[\w.]* "(.*)" is invalid: (.*)', re.DOTALL)

# The list of names, without the kinds and the namespace.
LIST = ["kubectl", "get", "--namespace", "--output", "name", "--ignore-not-found"]

Send = Callable[[str, str, Any], tuple[int, Any]]


def run(command: str, files: Mapping[str, str], send: Send) -> tuple[int, str]:
    """Carry out a command line: ``(exit code, what it prints)``. ValueError for one that is not modelled."""
    words = shlex.split(command)
    if len(words) == 8 and [*words[:2], words[3], *words[5:]] == LIST:
        return _names(words[2].split(","), words[4], send)
    if len(words) not in (4, 6) or words[0] != "kubectl" or words[1] not in METHODS or words[2] != "--raw":
        raise ValueError(f"the command {command!r}")
    body = None
    if len(words) == 6:
        if words[4] != "-f":
            raise ValueError(f"the command {command!r}")
        if words[5] not in files:
            return 1, f"error: open {words[5]}: no such file or directory\n"
        body = json.loads(files[words[5]])
    status, answer = send(METHODS[words[1]], words[3], body)
    if status < 400:
        return 0, answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
    return _refused(answer)


def _names(kinds: list[str], namespace: str, send: Send) -> tuple[int, str]:
    """The objects of several kinds, as ``kind.group/name``, a line each."""
    known = {f"{resource}.{group}".rstrip("."): (kind, group) for kind, (group, resource, dummy) in KINDS.items()}
    lines = []
    for each in kinds:
        if each not in known:
            return 1, f'error: the server doesn\'t have a resource type "{each}"\n'
        kind, group = known[each]
        api = f"apis/{group}/v1" if group else "api/v1"
        status, answer = send("GET", f"/{api}/namespaces/{namespace}/{KINDS[kind][1]}", None)
        if status >= 400:
            return _refused(answer)
        lines += [f"{kind}.{group}".lower().rstrip(".") + f"/{item['metadata']['name']}" for item in answer["items"]]
    return 0, "".join(f"{line}\n" for line in lines)


def _refused(answer: Any) -> tuple[int, str]:
    if isinstance(answer, str):
        return 1, "Error from server (NotFound): the server could not find the requested resource\n"
    if invalid := INVALID.fullmatch(answer["message"]):
        said = "".join(f"\n* {each}" for each in invalid[3][1:-1].split(", ")) if invalid[3][0] == "[" else invalid[3]
        return 1, f'The {invalid[1]} "{invalid[2]}" is invalid: {said}\n'
    return 1, f"Error from server ({answer['reason']}): {answer['message']}\n"
