# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cost of a converged cluster against the size of the fleet, as SVG. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, PLOT = 900, 420, 62, 64, (340, 270)
GAP = 100
SERIES = {"role": "#b3541e", "fleet task": "#1f6f8b", "Azure CLI": "#666666"}
DARK = {"role": "#f0a070", "fleet task": "#6fc4e0", "Azure CLI": "#aaaaaa"}
SIZES = (1, 10, 100, 1000)
STYLE = """
svg { background: #ffffff; font: 13px system-ui, sans-serif; }
text { fill: #222222; } .small { font-size: 12px; } .title { font-size: 15px; font-weight: 600; }
.grid { stroke: #dddddd; } .line { fill: none; stroke-width: 2.5; }
"""
# After the colours, which are for lines and dots.
OVER = ".line { fill: none; } .small { stroke: none; }"
STYLE_DARK = "svg { background: #16191d; } text { fill: #e6e6e6; } .grid { stroke: #3a3f46; }"


def drawing(rows: Sequence[dict[str, Any]]) -> str:
    """Two panels, wall time and CPU time of one cluster, both axes by powers of ten."""
    points = {
        what: sorted((row["clusters"], row["wall"], row["cpu"]) for row in rows
                     if (row["what"], row["state"], row["latency"]) == (what, "converged", 100))
        for what in SERIES
    }  # fmt: skip
    said = f"Seconds for a cluster that needs nothing, against the size of the fleet. {message(points)}"
    colours = "".join(f".c{i} {{ stroke: {c}; fill: {c}; }}" for i, c in enumerate(SERIES.values()))
    dark = "".join(f".c{i} {{ stroke: {c}; fill: {c}; }}" for i, c in enumerate(DARK.values()))
    panels = "".join(
        panel(title, LEFT + number * (PLOT[0] + GAP),
              {what: [(one[0], one[1 + number] / one[0]) for one in of] for what, of in points.items()})
        for number, title in enumerate(("Wall seconds per cluster", "CPU seconds per cluster"))
    )  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(said)}"><style>{STYLE}{colours}{OVER}'
        f"@media (prefers-color-scheme: dark) {{ {STYLE_DARK}{dark}{OVER} }}</style>"
        f'<text class="title" x="{LEFT}" y="24">{html.escape(message(points))}</text>{panels}</svg>\n'
    )


def message(points: dict[str, list[tuple[int, float, float]]]) -> str:
    """The ratio that the picture is about, at the largest fleet that role and task have in common."""
    role, task = ({one[0]: one for one in points[what]} for what in ("role", "fleet task"))
    common = max(set(role) & set(task), default=0)
    if not common:
        return "What a converged cluster costs"
    ratio = role[common][1] / task[common][1]
    said = f"At {common:,} clusters one task takes 1/{ratio:.0f} of the role's time"
    if points["Azure CLI"]:
        times = points["Azure CLI"][0][1] / (role[common][1] / common)
        said += f", the Azure CLI {times:.0f} times the role's"
    return said


def panel(title: str, left: float, series: dict[str, list[tuple[int, float]]]) -> str:
    values = [value for of in series.values() for _size, value in of]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x(size: float) -> float:
        return left + math.log10(size) / 3 * PLOT[0]

    def y(value: float) -> float:
        return TOP + 26 + (high - math.log10(value)) / (high - low) * PLOT[1]

    parts = [f'<text x="{left}" y="{TOP}">{title}</text>']
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<line class="grid" x1="{left}" x2="{left + PLOT[0]}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="small" x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for size in SIZES:
        parts.append(
            f'<text class="small" x="{x(size):.1f}" y="{TOP + PLOT[1] + 48}" text-anchor="middle">{size:,}</text>'
        )
    parts.append(
        f'<text class="small" x="{left + PLOT[0] / 2}" y="{TOP + PLOT[1] + 68}" text-anchor="middle">clusters</text>'
    )
    for index, (what, of) in enumerate(series.items()):
        if not of:
            continue
        line = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in of)
        parts.append(f'<polyline class="line c{index}" points="{line}"/>')
        for size, value in of:
            about = f"{what}, {size:,}: {value:.3g} s"
            parts.append(
                f'<circle class="c{index}" cx="{x(size):.1f}" cy="{y(value):.1f}" r="4"><title>{about}</title></circle>'
            )
        size, value = of[-1]
        end = "end" if x(size) > left + PLOT[0] * 0.6 else "start"
        # Where no line is: they come from above.
        right, down = (-4, 19) if end == "end" else (9, 4)
        place = f'x="{x(size) + right:.1f}" y="{y(value) + down:.1f}" text-anchor="{end}"'
        parts.append(f'<text class="c{index} small" {place}>{html.escape(what)} {value:.2g} s</text>')
    return "".join(parts)
