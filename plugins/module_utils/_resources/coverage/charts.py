# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings of the coverage page, as SVG whose numbers also stand in the text or the table beside it. Pure. Private."""

from __future__ import annotations

import datetime
import html

from ansible_collections.aks.backup.plugins.module_utils._arm import Document

WIDTH, LEFT = 960, 90
BAR = 120
# Lane of the timeline -> the look of its strokes, and its upper edge.
LANES = {"in time": ("good", 8), "overdue": ("bad", 52), "paused": ("warn", 96)}


def gauge(age: float, limit: float, look: str) -> str:
    """How old something is, on a line of twice the limit, which is marked in the middle."""
    filled = min(age / (2 * limit), 1.0) * BAR
    return (
        f'<svg width="{BAR}" height="12" aria-hidden="true">'
        f'<rect class="track" x="0.5" y="2.5" width="{BAR - 1}" height="7"/>'
        f'<rect class="{look}" x="0" y="2" width="{filled:.1f}" height="8"/>'
        f'<line class="limit" x1="{BAR / 2}" x2="{BAR / 2}" y1="0" y2="12"/></svg>'
    )


def timeline(
    points: list[tuple[str, datetime.datetime | None, str]], asked: datetime.datetime, days: int, said: str
) -> str:
    """A stroke for each cluster at the time of its last good backup, in one of the lanes.

    ``points`` are name, moment and lane. What is older than the days shown, or unknown, stands at the left edge.
    """
    bottom = 8 + 44 * len(LANES)
    span = WIDTH - LEFT - 20

    def x(when: datetime.datetime | None) -> float:
        share = 0.0 if when is None else 1 - min(max((asked - when).total_seconds(), 0.0) / (days * 86400), 1.0)
        return LEFT + 10 + share * span

    step = max(days // 7, 1)
    marks = "".join(
        f'<line class="axis" x1="{x(moment):.0f}" x2="{x(moment):.0f}" y1="8" y2="{bottom - 6}"/>'
        f'<text x="{x(moment):.0f}" y="{bottom + 12}" text-anchor="{"end" if not back else "middle"}">'
        f"{'now' if not back else f'{back} d ago'}</text>"
        for back in range(0, days, step)
        for moment in (asked - datetime.timedelta(days=back),)
    )
    lanes = "".join(
        f'<text x="0" y="{top + 22}">{title}</text>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{top + 38}" y2="{top + 38}"/>'
        for title, (_look, top) in LANES.items()
    )
    strokes = "".join(
        f'<line class="{LANES[lane][0]}" stroke-width="2" x1="{x(when):.1f}" x2="{x(when):.1f}" '
        f'y1="{LANES[lane][1] + 2}" y2="{LANES[lane][1] + 36}"><title>{html.escape(name)}: '
        f"{f'{when:%Y-%m-%d %H:%M}' if when else 'none known'}</title></line>"
        for name, when, lane in points
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {bottom + 18}" width="100%" role="img" aria-label="{html.escape(said)}">'
        f"{marks}{lanes}{strokes}</svg>"
    )


def days_chart(days: list[Document]) -> str:
    """A column for each day, of its jobs by how they ended; the table beneath has the numbers."""
    kinds = (("completed", "good"), ("warned", "warn"), ("failed", "bad"), ("other", "other"))
    most = max([1, *(sum(day[kind] for kind, _look in kinds) for day in days)])
    width = (WIDTH - LEFT) / len(days)
    parts = []
    for number, day in enumerate(days):
        top, left = 100.0, LEFT + number * width
        for kind, look in kinds:
            height = day[kind] * 90 / most
            if height:
                top -= height
                parts.append(
                    f'<rect class="{look}" x="{left + width * 0.15:.1f}" y="{top:.1f}" width="{width * 0.7:.1f}" '
                    f'height="{height:.1f}"><title>{html.escape(day["day"])}: {day[kind]} {kind}</title></rect>'
                )
        if len(days) <= 10 or number % 3 == 0:
            parts.append(
                f'<text x="{left + width / 2:.0f}" y="116" text-anchor="middle">{html.escape(day["day"][5:])}</text>'
            )
    return (
        f'<svg viewBox="0 0 {WIDTH} 120" width="100%" role="img" '
        'aria-label="Backup jobs by day; the table below has the numbers">'
        f'<text x="0" y="14">{most}</text><text x="0" y="100">0</text>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="100.5" y2="100.5"/>{"".join(parts)}</svg>'
    )
