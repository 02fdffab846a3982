# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as Markdown whose lines fit a terminal of 80 columns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]

OURS = ("role", "fleet task")


def find(rows: Sequence[Row], what: str, state: str, clusters: int, latency: int = 100) -> Row | None:
    wanted = (what, state, clusters, latency)
    return next((row for row in rows if (row["what"], row["state"], row["clusters"], row["latency"]) == wanted), None)


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they have to be: the first to the left, the others to the right."""
    cells = [list(titles), *[list(line) for line in lines]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(titles))]

    def row(line: Sequence[str]) -> str:
        rest = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "| " + " | ".join([line[0].ljust(widths[0]), *rest]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *["-" * (width + 1) + ":" for width in widths[1:]]]) + "|"
    return "\n".join([row(cells[0]), rule, *[row(line) for line in cells[1:]]])


def costs(rows: Sequence[Row]) -> str:
    """Everything about clusters, whole and by cluster."""
    lines = []
    for row in rows:
        if "," in row["what"] and row["what"].split(",")[0] in ("azure.azcollection", "aks.backup"):
            continue
        each = max(row["clusters"], 1)
        lines.append([
            row["what"].replace("role, module processes", "role, processes"),
            row["state"].replace("with its page", "page").replace("converged", "conv."),
            f"{row['clusters']:,}", str(row["latency"]),
            number(row["wall"]), number(row["cpu"] / each), number(row["requests"] / each),
            str(row["tokens"]), str(row["memory"]),
        ])  # fmt: skip
    return table(["What", "State", "Size", "ms", "Wall s", "CPU s", "Req.", "Tok.", "MB"], lines)


def single_tasks(rows: Sequence[Row]) -> str:
    lines = [
        [row["what"], number(row["wall"]), number(row["cpu"]), str(row["requests"]), str(row["tokens"]),
         str(row["connections"])]
        for row in rows if row["what"].startswith(("azure.azcollection, ", "aks.backup, "))
    ]  # fmt: skip
    return table(["One task, converged", "Wall s", "CPU s", "Req.", "Tok.", "Conn."], lines)


# What was set as a goal: its name, the figure from the rows, the most that it may be, and its unit.
Figure = Callable[[Sequence[Row]], "float | None"]


def of(what: str, state: str, clusters: int, key: str, each: bool = False) -> Figure:
    def figure(rows: Sequence[Row]) -> float | None:
        row = find(rows, what, state, clusters)
        return None if row is None else float(row[key]) / (clusters if each else 1)

    return figure


def flatness(what: str) -> Figure:
    """CPU of a cluster in the largest fleet that was measured, as a share of that in a fleet of 20."""

    def figure(rows: Sequence[Row]) -> float | None:
        sizes = [row["clusters"] for row in rows if row["what"] == what and row["state"] == "converged"]
        small, large = (find(rows, what, "converged", size) for size in (20, max(sizes, default=0)))
        if small is None or large is None or large is small:
            return None
        return float((large["cpu"] / large["clusters"]) / (small["cpu"] / small["clusters"]))

    return figure


def against_chain(clusters: int, what: str = "role") -> Figure:
    """Wall time of protecting fresh clusters, as a multiple of the longest chain of dependent requests."""

    def figure(rows: Sequence[Row]) -> float | None:
        row, chain = find(rows, what, "fresh", clusters), find(rows, "longest chain", "fresh", 1)
        return float(row["wall"] / chain["wall"]) if row and chain else None

    return figure


GOALS: tuple[tuple[str, Figure, float, str], ...] = (
    ("role, 1 fresh, by longest chain", against_chain(1), 2, "times"),
    ("role, 20 fresh, by longest chain", against_chain(20), 2, "times"),
    ("fleet task, 20 fresh, by chain", against_chain(20, "fleet task"), 2, "times"),
    ("role, 1, wall", of("role", "converged", 1, "wall"), 3, "s"),
    ("role, 100, wall", of("role", "converged", 100, "wall"), 60, "s"),
    ("role, 100, CPU of a cluster", of("role", "converged", 100, "cpu", True), 0.8, "s"),
    ("role, 100, requests of a cluster", of("role", "converged", 100, "requests", True), 12, ""),
    ("role, 100, tokens of the run", of("role", "converged", 100, "tokens"), 1, ""),
    ("role, CPU of one, largest by 20", flatness("role"), 1.2, "times"),
    ("fleet task, 100, wall", of("fleet task", "converged", 100, "wall"), 6, "s"),
    ("fleet task, 1,000, wall", of("fleet task", "converged", 1000, "wall"), 45, "s"),
    ("fleet task, 1,000, memory", of("fleet task", "converged", 1000, "memory"), 300, "MB"),
    ("fleet task, CPU of one, largest by 20", flatness("fleet task"), 1.2, "times"),
    ("coverage of 1,000, wall", of("coverage report", "with its page", 1000, "wall"), 10, "s"),
    ("coverage of 1,000, requests", of("coverage report", "with its page", 1000, "requests"), 20, ""),
)


def goals(rows: Sequence[Row]) -> str:
    lines = []
    for title, figure, most, unit in GOALS:
        value = figure(rows)
        if value is not None:
            met = "met" if value <= most else f"{number((value / most - 1) * 100)} % over"
            lines.append([title, f"{number(value)} {unit}".strip(), f"{most:g} {unit}".strip(), met])
    return table(["Goal; converged, 100 ms a request", "Measured", "At most", ""], lines)


def ratios(rows: Sequence[Row]) -> list[str]:
    """What the figures come to, as sentences without a machine in them."""
    said = []
    cli, role = find(rows, "Azure CLI", "converged", 1), find(rows, "role", "converged", 1)
    if cli and role:
        longer, more = number(cli["wall"] / role["wall"]), number(cli["cpu"] / role["cpu"])
        said.append(
            f"To find that nothing is to be done for one cluster, the Azure CLI takes {longer} times as long as the "
            f"role, and {more} times its CPU."
        )
    fresh, ours = find(rows, "Azure CLI", "fresh", 1), find(rows, "role", "fresh", 1)
    if fresh and ours:
        said.append(f"To protect it, {number(fresh['wall'] / ours['wall'])} times as long.")
    processes = find(rows, "role, module processes", "converged", 20)
    twenty = find(rows, "role", "converged", 20)
    if processes and twenty:
        said.append(f"With module processes, the role takes {number(processes['cpu'] / twenty['cpu'])} times the CPU.")
    for size in (1, 20, 100, 1000):
        by_role, by_task = find(rows, "role", "converged", size), find(rows, "fleet task", "converged", size)
        if by_role and by_task:
            said.append(
                f"{size:,} converged cluster{'s' if size > 1 else ''}: the role takes "
                f"{number(by_role['wall'] / by_task['wall'])} times as long as the fleet task, and "
                f"{number(by_role['cpu'] / by_task['cpu'])} times its CPU."
            )
    for name in ("resource group", "role assignment"):
        theirs, own = (find(rows, f"{what}, {name}", "converged", 1) for what in ("azure.azcollection", "aks.backup"))
        if theirs and own:
            said.append(
                f"One task ({name}): azure.azcollection takes {number(theirs['wall'] / own['wall'])} times as long."
            )
    return said


def folded(text: str, first: str = "", width: int = 80) -> str:
    lines, line = [], first
    for word in text.split():
        if len(line) + len(word) + 1 > width and line.strip():
            lines.append(line.rstrip())
            line = " " * len(first)
        line += ("" if line.endswith(" ") or not line else " ") + word
    return "\n".join([*lines, line])


def page(result: dict[str, Any]) -> str:
    machine, rows = result["machine"], result["rows"]
    cores = folded(
        f"{result['date']}, {machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB, Python "
        f"{machine['python']}, against the emulator on the same machine, forks {result['forks']}, where clusters are "
        f"fresh {result['forks_fresh']}. A machine that has other work to do takes longer: the ratios say more than "
        "the seconds."
    )
    parts = ["# What it costs", cores]
    if said := ratios(rows):
        parts.append("\n".join(folded(one, "- ") for one in said))
    if any(figure(rows) is not None for _title, figure, _most, _unit in GOALS):
        parts.append(goals(rows))
    parts.append(
        folded(
            "Size: clusters. ms: what is added to each request. Wall: of the whole program, with Ansible's start. CPU, "
            "requests: of a cluster. Tok.: tokens of the whole run. Conn.: connections. MB: all processes together, "
            "shared pages once. conv.: nothing is to be done."
        )
    )
    parts.append(costs(rows))
    if any(row["what"].startswith("aks.backup, ") for row in rows):
        parts.append(single_tasks(rows))
    return "\n\n".join(parts) + "\n"


# Between these lines the guide has what was measured last.
BEGIN, END = ".. What follows is written by ./run bench --keep.", ".. That was what ./run bench --keep writes."


def guide(result: dict[str, Any], text: str) -> str:
    """The text of the guide with these results in their place."""
    before, _begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the guide has no place for results: {BEGIN} ... {END}")
    machine, rows = result["machine"], result["rows"]
    said = [f"- {one}" for one in ratios(rows)]
    where = (
        f"Measured on {result['date']} with {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gb']} GB, Python {machine['python']}, and forks {result['forks']}, where clusters are fresh "
        f"{result['forks_fresh']}:"
    )
    tables = [goals(rows), costs(rows), single_tasks(rows)]
    shown = "\n\n".join(
        ".. code-block:: text\n\n" + "\n".join(f"  {line}" for line in table.splitlines()) for table in tables
    )
    return f"{before}{BEGIN}\n\n{where}\n\n" + "\n".join(said) + f"\n\n{shown}\n\n{END}{after}"
