"""Plots as inline SVG: points with their intervals, and curves. No script, no network; colours are the page's own.

A point with its interval reads better than a bar with one: Cleveland and McGill, Graphical Perception, JASA 1984
(position along a common scale is judged most exactly).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from msgspec import Struct

from composer.evaluation.nouns import Interval

ROW, LEFT, RIGHT, TOP, BOTTOM = 26, 118, 16, 8, 26
WIDTH = 420


class Row(Struct, frozen=True, kw_only=True):
    """One point of a plot, with its interval."""

    label: str
    interval: Interval
    text: str
    """The figure in words, for the tooltip and for who hears the page."""
    strong: bool = False


class Curve(Struct, frozen=True, kw_only=True):
    """A line through points with intervals, by x."""

    label: str
    points: tuple[tuple[int, Interval], ...]
    texts: tuple[str, ...]


class Scale:
    """Values to pixels, with round ticks."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high
        self._start, self._factor = start, (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return round(self._start + (value - self.low) * self._factor, 1)

    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round numbers within the scale."""
        step = _round_step((self.high - self.low) / max(1, count - 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(at * step, 10) for at in range(first, last + 1)]


def whiskers(
    title: str, rows: Sequence[Row], *, low: float = 0.0, high: float | None = None, zero: bool = False
) -> str:
    """A row for each point. `high` None takes what the rows need; `zero` draws the line of no difference."""
    top = nice_top(rows) if high is None else high
    height = TOP + ROW * len(rows) + BOTTOM
    scale = Scale(low, top, LEFT, WIDTH - RIGHT)
    parts = [_axis(scale, height)]
    if zero and low < 0 < top:
        parts.append(f'<line class="zero" x1="{scale(0)}" x2="{scale(0)}" y1="{TOP}" y2="{height - BOTTOM}"/>')
    parts += [_whisker(row, scale, TOP + ROW * at + ROW / 2) for at, row in enumerate(rows)]
    spoken = f"{title}: " + "; ".join(f"{row.label} {row.text}" for row in rows)
    return _svg(spoken, WIDTH, height, parts)


def curves(title: str, lines: Sequence[Curve], labels: str) -> str:
    """Lines over x from 1, values from 0 to 1, each named at its end; `labels` names the x axis."""
    width, height, right = 640, 300, 190
    most = max((x for line in lines for x, _ in line.points), default=1)
    across, up = Scale(1, max(2, most), 60, width - right), Scale(0, 1, height - 40, 14)
    parts = [_grid(across, up, sorted({x for line in lines for x, _ in line.points}), labels)]
    ends = _apart([_last(line, up) for line in lines], 17.0)
    for at, line in enumerate(lines):
        parts.append(_curve(line, at, len(lines), across, up, ends[at]))
    spoken = f"{title}: " + "; ".join(f"{line.label} {', '.join(line.texts)}" for line in lines)
    return _svg(spoken, width, height, parts)


def nice_top(rows: Sequence[Row]) -> float:
    """A round number that no interval passes."""
    most = max(
        (value for row in rows for value in (row.interval.value, row.interval.high) if value is not None), default=0
    )
    step = _round_step(most / 4) if most > 0 else 0.25
    return step * math.ceil(most / step - 1e-9) if most > 0 else 1.0


def _round_step(rough: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * (1 - 1e-9))


def _axis(scale: Scale, height: float) -> str:
    foot = height - BOTTOM
    return "".join(
        f'<line class="grid" x1="{scale(tick)}" x2="{scale(tick)}" y1="{TOP}" y2="{foot}"/>'
        f'<text class="tick" x="{scale(tick)}" y="{foot + 16}" text-anchor="middle">{_number(tick)}</text>'
        for tick in scale.ticks()
    )


def _whisker(row: Row, scale: Scale, y: float) -> str:
    kind = "strong" if row.strong else "plain"
    label = f'<text class="label {kind}" x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>'
    value, low, high = row.interval.value, row.interval.low, row.interval.high
    if value is None:
        return f'{label}<text class="tick" x="{LEFT + 4}" y="{y + 4}">nothing to count</text>'
    line = ""
    if low is not None and high is not None:
        ends = (min(max(low, scale.low), scale.high), min(max(high, scale.low), scale.high))
        line = f'<line class="whisker {kind}" x1="{scale(ends[0])}" x2="{scale(ends[1])}" y1="{y}" y2="{y}"/>'
    dot = f'<circle class="dot {kind}" cx="{scale(value)}" cy="{y}" r="{5.5 if row.strong else 4.5}"/>'
    return f"<g><title>{escape(f'{row.label}: {row.text}')}</title>{label}{line}{dot}</g>"


def _grid(across: Scale, up: Scale, places: Sequence[int], labels: str) -> str:
    right, left, foot = across(across.high) + 10, across(across.low) - 16, up(0)
    lines = "".join(
        f'<line class="grid" x1="{left}" x2="{right}" y1="{up(tick)}" y2="{up(tick)}"/>'
        f'<text class="tick" x="{left - 8}" y="{up(tick) + 4}" text-anchor="end">{_number(tick)}</text>'
        for tick in up.ticks()
    )
    ticks = "".join(
        f'<text class="tick" x="{across(x)}" y="{foot + 17}" text-anchor="middle">{x}</text>' for x in places
    )
    middle = (left + right) / 2
    named = f'<text class="tick" x="{middle}" y="{foot + 35}" text-anchor="middle">{escape(labels)}</text>'
    return lines + ticks + named


def _curve(line: Curve, at: int, count: int, across: Scale, up: Scale, end: float | None) -> str:
    known = [(x, point) for x, point in line.points if point.value is not None]
    if not known or end is None:
        return ""
    # Intervals that share an x are set side by side, so that none hides another.
    shift = (at - (count - 1) / 2) * 5
    path = " ".join(f"{across(x) + shift},{up(point.value or 0)}" for x, point in known)
    marks = "".join(
        f"<g><title>{escape(f'{line.label}: {words}')}</title>{_upright(point, across(x) + shift, up, at)}</g>"
        for (x, point), words in zip(line.points, line.texts, strict=True)
        if point.value is not None
    )
    right = across(across.high)
    label = f'<text class="label line{at}" x="{right + 20}" y="{end + 4}">{escape(line.label)}</text>'
    return f'<polyline class="curve line{at}" points="{path}"/>{marks}{label}'


def _upright(point: Interval, x: float, up: Scale, at: int) -> str:
    dot = f'<circle class="dot line{at}" cx="{x}" cy="{up(point.value or 0)}" r="4"/>'
    if point.low is None or point.high is None:
        return dot
    return f'<line class="whisker line{at}" x1="{x}" x2="{x}" y1="{up(point.low)}" y2="{up(point.high)}"/>{dot}'


def _last(line: Curve, up: Scale) -> float | None:
    known = [point.value for _, point in line.points if point.value is not None]
    return up(known[-1]) if known else None


def _apart(places: Sequence[float | None], least: float) -> list[float | None]:
    """Labels moved down until none overlaps the one above it."""
    order = sorted((place, at) for at, place in enumerate(places) if place is not None)
    moved: list[float | None] = [None] * len(places)
    above = -math.inf
    for place, at in order:
        above = max(place, above + least)
        moved[at] = above
    return moved


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _svg(spoken: str, width: int, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height:g}" role="img" aria-label="{escape(spoken)}">'
        f"{''.join(parts)}</svg>"
    )
