# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as HTML, Markdown and JUnit XML: whole, accessible, and with nothing in them that somebody put in a name."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import coverage
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import findings as coverage_findings
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import html as coverage_html
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import junit as coverage_junit
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import markdown as coverage_markdown
from ansible_collections.aks.backup.plugins.module_utils._resources.coverage import style as coverage_style
from ansible_collections.aks.backup.plugins.module_utils._resources.fleet import state as fleet_state

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</title></style></script><svg onload=alert(1)>",
    "&lt;b&gt; ]]> <!-- --> <?x?>",
    "javascript:alert(1) http://example.invalid/ www.example.invalid a@example.invalid",
    "| a | b |\n# heading\n- list\n[x](http://example.invalid) ![y](z) `code` **bold** _em_ ~~s~~ $m$",
    "\x00\x08\x1b[31m \u202e\u200b \ufffe \U0001f600",
    "{{ lookup('pipe', 'id') }} ${x} %s",
    "half a \ud83d character",
)


def cluster(number: int, text: str, state: str = "protected", *reasons: str) -> dict[str, Any]:
    found = [coverage_findings.finding(reason, f"Said: {text}", text) for reason in reasons]
    instance = {
        "error": None, "excluded_namespaces": [], "id": f"/v/{number}", "included_namespaces": [],
        "interval_seconds": 86400.0, "last_good_backup": "2026-01-05T05:00:00Z", "last_recovery_point": None,
        "name": text, "policy_id": "/p", "policy_name": text, "protection_state": "x", "rpo_seconds": 93600.0,
        "state": state, "vault_id": "/v", "vault_name": text,
    }  # fmt: skip
    instances = [] if state == "unprotected" else [instance]
    return {
        "covered": not reasons, "findings": found, "id": f"/c/{number}", "location": text, "name": text,
        "resource_group": text, "subscription_id": text, "tags": {text: text},
        "protection": {"extension": None, "instances": instances, "state": state, "last_recovery_point": None,
                       "last_good_backup": fleet_state.newest(one["last_good_backup"] for one in instances)},
    }  # fmt: skip


def report(*texts: str) -> dict[str, Any]:
    states = ("protected", "unprotected", "error", "suspended")
    clusters = [
        cluster(number, text, states[number % 4], *(("unprotected", "rpo_missed")[: number % 3]))
        for number, text in enumerate(texts)
    ]
    row = {"id": "/subscriptions/s/resourceGroups/r/x/v", "name": texts[0], "location": "eastus", "properties": {}}
    vault = {**coverage_findings.vault(row), "clusters": 1}
    vault["findings"] = coverage_findings.of_vault(vault)
    errors = [{"code": texts[0], "message": texts[-1], "advice": texts[0]}]
    job = {"cluster_id": "/c", "errors": errors, "id": "/j", "start_time": "2026-01-05T05:00:00Z", "status": "Failed"}
    trouble = [{**job, "cluster_name": text, "operation": text, "vault_name": text} for text in texts]
    days = [{"day": f"2026-01-0{day}", "completed": day, "failed": 1, "other": 0, "warned": 2} for day in range(1, 6)]
    return {
        "as_of": "2026-01-05T08:00:00Z",
        "clusters": clusters,
        "jobs": {"days": days, "trouble": trouble},
        "summary": coverage.summary(clusters, [vault]),
        "vaults": [vault],
        "violations": list(texts),
    }


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - made here


class Page(HTMLParser):
    """Elements with their attributes, in order, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, str] = {}
        self._in = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style"):
            self.raw[self._in] = self.raw.get(self._in, "") + data
        else:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(*texts: str) -> Page:
    return Page(coverage_html.page(report(*texts)))


# What is hostile


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_part_of_the_page(text):
    plain, hostile = page("harmless"), page(text)
    # Element by element the same: nothing was added, and no attribute but those whose values are names.
    assert [(tag, sorted(found)) for tag, found in hostile.elements] == [
        (tag, sorted(found)) for tag, found in plain.elements
    ]
    shown = " ".join("".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split())).split())
    assert shown in " ".join("".join(hostile.text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_markup_of_markdown(text):
    lines = coverage_markdown.document(report(text)).splitlines()
    plain = coverage_markdown.document(report("harmless")).splitlines()
    assert len(lines) == len(plain)
    for line, model in zip(lines, plain, strict=True):
        assert unescaped(line, "|") == unescaped(model, "|")
        for mark in "`*[]~$":
            assert unescaped(line, mark) == unescaped(model, mark)
        assert "<" not in line and not re.search(r"(?i)https?://|www\.|@|!\[", line)
        assert line.startswith("#") == model.startswith("#")
        # A terminal obeys what cannot be seen, and no file takes half a character.
        assert line.isprintable()


def unescaped(line: str, mark: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*" + re.escape(mark), line))


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_is_xml_whatever_the_names(text):
    root = parsed(coverage_junit.document(report(text, "b", "c")))
    names = [case.get("name") for case in root.iter("testcase")]
    assert len(names) == 4 and names[1:3] == ["b", "c"]
    forbidden = ("\ud83d", "\ufffe")
    expected = "".join(
        char if char in "\t\n\r" or ord(char) >= 32 and char not in forbidden else "\ufffd" for char in text
    )
    assert names[0] == expected.replace("\r\n", "\n")


# What the page is


def test_nothing_is_loaded_and_only_ours_may_run():
    found = page(*HOSTILE)
    for tag, attributes in found.elements:
        assert tag not in {"base", "embed", "form action", "iframe", "img", "object"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        links = [attributes[name] for name in ("href", "src", "action", "data") if attributes.get(name)]
        assert all(link in ("#list", "data:,") for link in links), (tag, links)
    assert "url(" not in found.raw["style"] and "@import" not in found.raw["style"]
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|document\.write", found.raw["script"])
    (policy,) = [one["content"] for one in found.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(found.raw[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_page_can_be_used_by_everybody():
    found = page("a", "b", "c", "d", "e")
    assert found.all("html")[0]["lang"] == "en" and len(found.all("h1")) == len(found.all("main")) == 1
    levels = [int(tag[1]) for tag, _attributes in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(head.get("scope") in ("col", "row") for head in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table")) >= 5
    labelled = {label["for"] for label in found.all("label")}
    fields = [*found.all("input"), *found.all("select")]
    assert {field["id"] for field in fields} == labelled and len(fields) == 4
    assert all(svg.get("aria-hidden") == "true" or svg.get("aria-label") for svg in found.all("svg"))
    assert all(svg.get("role") == "img" for svg in found.all("svg") if svg.get("aria-label"))
    ids = [attributes["id"] for _tag, attributes in found.elements if attributes.get("id")]
    assert len(ids) == len(set(ids)) and "list" in ids
    # Without the script there is nothing to fill in, and everything to read.
    assert all("hidden" in form for form in found.all("form"))
    assert not [row for row in found.all("tr") if "hidden" in row]


@pytest.mark.parametrize("palette", [coverage_style.LIGHT, coverage_style.DARK], ids=["light", "dark"])
def test_contrast(palette):
    """At least 4.5 to 1 for text and 3 to 1 for marks: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    for pairs, least in ((coverage_style.TEXT_ON, 4.5), (coverage_style.MARKS_ON, 3.0)):
        for front, back in pairs:
            assert contrast(palette[front], palette[back]) >= least, (front, back)
    assert contrast("#000000", "#ffffff") == 21


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_that_is_used_is_one():
    used = set(re.findall(r"var\(--([a-z-]+)\)", coverage_style.STYLE))
    assert used == set(coverage_style.LIGHT) == set(coverage_style.DARK)


def test_what_azure_does_not_tell_is_left_open():
    found = report("a")
    found["clusters"][0]["protection"]["instances"][0]["policy_name"] = None
    found["vaults"][0]["redundancy"] = None
    found["jobs"]["trouble"][0].update(cluster_name=None, operation="", start_time=None)
    assert "None" not in "".join(Page(coverage_html.page(found)).text)


def test_what_is_wrong_comes_first_and_every_cluster_is_there():
    found = page("a", "b", "c", "d", "e")
    rows = [row for row in found.all("tr") if "data-state" in row]
    assert len(rows) == 5
    assert [bool(row["data-reasons"]) for row in rows] == sorted(
        (bool(row["data-reasons"]) for row in rows), reverse=True
    )


def test_an_empty_fleet_is_a_page_too():
    nothing = {"as_of": "2026-01-05T08:00:00Z", "clusters": [], "jobs": {"days": [], "trouble": []}, "vaults": [],
               "summary": coverage.summary([], []), "violations": []}  # fmt: skip
    nothing["jobs"]["days"] = [{"day": "2026-01-05", "completed": 0, "failed": 0, "other": 0, "warned": 0}]
    # Which is not the same as a fleet of which all is covered.
    for text in ("".join(Page(coverage_html.page(nothing)).text), coverage_markdown.document(nothing)):
        assert "None: this report is about no cluster." in text and "every cluster is covered" not in text
    assert parsed(coverage_junit.document(nothing)).get("tests") == "0"


def test_markdown_counts_and_lists():
    text = coverage_markdown.document(report("alpha", "beta", "gamma"))
    assert "1 of 3 clusters are covered (33 percent), by 1 vaults." in text
    assert "| Not protected | 2 |" in text and "| Backup overdue | 1 |" in text
    assert "| alpha | 1 | 3.1.1 | Deleted backups are gone at once. |" in text
    assert "| 2026-01-05 | 5 | 2 | 1 | 0 |" in text


def test_junit_fails_where_a_finding_is_an_error():
    found = report("alpha", "beta", "gamma")
    found["clusters"][0]["findings"] = [coverage_findings.finding("suspended", "Paused.")]
    root = parsed(coverage_junit.document(found))
    cases = {case.get("name"): case for case in root.iter("testcase") if "clusters" in str(case.get("classname"))}
    assert cases["alpha"].find("failure") is None
    assert "warning: Paused." in str(cases["alpha"].findtext("system-out"))
    failure = cases["gamma"].find("failure")
    assert failure is not None and failure.get("message") == "Not protected, Backup overdue"
    assert (root.get("tests"), root.get("failures")) == ("4", "3")
