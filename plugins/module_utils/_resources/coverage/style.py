# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The looks and the script of the coverage page. Text, no code. Private to the collection.

A module is shipped as Python alone, so these are no files of their own.
"""

from __future__ import annotations

# Colours by name: text on its background has a contrast of at least 4.5 to 1, and marks of at least 3 to 1, in both.
LIGHT = {
    "bad": "#b3261e",
    "bad-soft": "#fbe9e7",
    "edge": "#767c85",
    "good": "#1b6e3c",
    "good-soft": "#e6f4ea",
    "ink": "#1b1f24",
    "line": "#d0d5db",
    "page": "#ffffff",
    "quiet": "#57606a",
    "raised": "#f4f6f8",
    "warn": "#8a5a00",
    "warn-soft": "#fdf3da",
}
DARK = {
    "bad": "#ff9a91",
    "bad-soft": "#3b1614",
    "edge": "#8b949e",
    "good": "#6fd08c",
    "good-soft": "#12301d",
    "ink": "#e6edf3",
    "line": "#373e47",
    "page": "#14181d",
    "quiet": "#a9b3bd",
    "raised": "#1d232a",
    "warn": "#e9b949",
    "warn-soft": "#33270a",
}
# (text or mark, what it is on), of all pairs that occur.
TEXT_ON = (
    ("ink", "page"), ("ink", "raised"), ("quiet", "page"), ("quiet", "raised"), ("bad", "bad-soft"), ("bad", "page"),
    ("good", "good-soft"), ("good", "page"), ("warn", "warn-soft"), ("warn", "page"), ("bad", "raised"),
    ("good", "raised"), ("warn", "raised"),
)  # fmt: skip
MARKS_ON = (("edge", "page"), ("bad", "page"), ("good", "page"), ("warn", "page"))


def _colours(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.items())


STYLE = (
    ":root{color-scheme:light dark;" + _colours(LIGHT) + "}"
    "@media (prefers-color-scheme:dark){:root{" + _colours(DARK) + "}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:82rem;margin:0 auto;padding:1rem 1.5rem}
h1{font-size:1.6rem;margin:.5rem 0 0}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem}
p{margin:.25rem 0}
a{color:inherit}
.quiet,caption{color:var(--quiet)}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.5rem}
.cards{display:flex;flex-wrap:wrap;gap:.6rem;list-style:none;margin:1rem 0 0;padding:0}
.cards li{background:var(--raised);border:1px solid var(--line);border-radius:.5rem}
.cards li{padding:.5rem .8rem;min-width:6.4rem}
.cards b{display:block;font-size:1.7rem;line-height:1.2}
.alert{background:var(--bad-soft);color:var(--bad);border:1px solid;border-radius:.5rem;padding:.75rem 1rem}
.alert h2{margin:0 0 .25rem}
.alert ul{margin:0;padding-left:1.2rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;padding:0 0 .5rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;border-bottom:1px solid var(--line)}
thead th{background:var(--raised);white-space:nowrap}
tbody th{font-weight:600;overflow-wrap:anywhere;min-width:9rem}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
td small,th small{display:block;color:var(--quiet);font-weight:400;overflow-wrap:anywhere}
td ul{margin:0;padding:0;list-style:none}
td li+li{margin-top:.35rem}
.tag{display:inline-block;border-radius:1rem;padding:0 .6rem;white-space:nowrap;border:1px solid}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.tag.good{background:var(--good-soft)}.tag.warn{background:var(--warn-soft)}.tag.bad{background:var(--bad-soft)}
th button{all:unset;cursor:pointer;font-weight:600}
:focus-visible{outline:3px solid var(--edge);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
form{display:flex;flex-wrap:wrap;gap:.75rem 1.25rem;align-items:end;margin:0 0 1rem}
form label{display:block;font-size:.9rem}
input,select{display:block;font:inherit;color:inherit;background:var(--page);border:1px solid var(--edge)}
input,select{border-radius:.35rem;padding:.3rem .5rem;min-width:12rem}
svg{display:block;max-width:100%}
svg text{fill:var(--quiet);font-size:12px}
.axis{stroke:var(--line)}.limit{stroke:var(--edge);stroke-width:2}
.track{fill:var(--raised);stroke:var(--line)}
rect.good,line.good{fill:var(--good);stroke:none}rect.warn{fill:var(--warn)}rect.bad{fill:var(--bad)}rect.other{fill:var(--edge)}
line.good{stroke:var(--good)}line.bad{stroke:var(--bad)}line.warn{stroke:var(--warn)}
[hidden]{display:none!important}
@media print{form,.skip{display:none}body{font-size:11px}}
"""
)

# Filters and sorting. Without it, everything is there already; it only hides rows and puts them in another order.
SCRIPT = """
"use strict";
(() => {
  const form = document.getElementById("filter");
  const table = document.getElementById("clusters");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const told = document.getElementById("told");
  const text = rows.map(row => row.textContent.toLowerCase());
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const state = form.elements.state.value, reason = form.elements.reason.value, region = form.elements.region.value;
    let shown = 0;
    rows.forEach((row, index) => {
      const fits = (!state || row.dataset.state === state) && (!region || row.dataset.region === region)
        && (!reason || row.dataset.reasons.split(" ").includes(reason))
        && words.every(word => text[index].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    told.textContent = `${shown} of ${rows.length} clusters shown`;
  };
  form.hidden = false;
  for (const event of ["input", "change"]) form.addEventListener(event, apply);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  Array.from(table.tHead.rows[0].cells).forEach((cell, column) => {
    if (!("sort" in cell.dataset)) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const up = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const compare = (a, b) => cell.dataset.sort === "number" ? key(a) - key(b) : key(a).localeCompare(key(b));
      body.append(...rows.slice().sort((a, b) => up ? compare(a, b) : compare(b, a)));
    });
  });
  apply();
})();
"""
