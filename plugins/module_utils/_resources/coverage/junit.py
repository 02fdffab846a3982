# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A coverage report as JUnit XML, which continuous integration systems show as test results. Pure. Private."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ansible_collections.aks.backup.plugins.module_utils._arm import Document
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage.reasons import ERROR, REASONS

# What XML 1.0 cannot hold, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: Document) -> str:
    """A test case for each cluster and each vault. It fails when a finding is an error; others are printed with it.

    The reports of CI systems know neither warnings nor hints.
    """
    root = ElementTree.Element("testsuites", name="AKS backup coverage")
    for title, things in (("clusters", report["clusters"]), ("vaults", report["vaults"])):
        failed = [thing for thing in things if _errors(thing)]
        suite = ElementTree.SubElement(
            root, "testsuite", name=title, tests=str(len(things)), failures=str(len(failed)), errors="0", skipped="0",
            timestamp=report["as_of"].rstrip("Z"),
        )  # fmt: skip
        for thing in things:
            _case(suite, title, thing)
    root.set("tests", str(len(report["clusters"]) + len(report["vaults"])))
    root.set("failures", str(sum(int(suite.get("failures", "0")) for suite in root)))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{body}\n"


def _case(suite: ElementTree.Element, title: str, thing: Document) -> None:
    place = f"{title}.{thing['subscription_id']}.{thing['resource_group']}"
    case = ElementTree.SubElement(suite, "testcase", classname=clean(place), name=clean(thing["name"]), time="0")
    errors = _errors(thing)
    if errors:
        titles = ", ".join(REASONS[one["reason"]].title for one in errors)
        failure = ElementTree.SubElement(case, "failure", type=errors[0]["reason"], message=clean(titles))
        failure.text = clean("\n".join(f"{one['message']} {one['fix']}" for one in errors))
    rest = [one for one in thing["findings"] if one not in errors]
    if rest:
        printed = ElementTree.SubElement(case, "system-out")
        printed.text = clean("\n".join(f"{one['severity']}: {one['message']} {one['fix']}" for one in rest))


def _errors(thing: Document) -> list[Document]:
    return [one for one in thing["findings"] if one["severity"] == ERROR]


def clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", str(text))
