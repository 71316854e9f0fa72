"""One panel of the figure: lines by stage as SVG, told apart by width, dash, mark and a word at their end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

from ...reporting.axes import scale_position

Kind: TypeAlias = Literal["severity", "main", "seeds", "untrained"]

WIDTH, HEIGHT = 330, 236
LEFT, RIGHT, TOP, BOTTOM = 36, 92, 44, 40
LETTER = 12  # height of a line of words, px: those at the ends of lines are kept this far apart
BELOW = -0.05  # a value that is drawn at 0, as it is 0 but for chance
HALF = 3.0  # half the size of a mark, px
DASHES: dict[Kind, str] = {"seeds": "7 4", "untrained": "1.5 3.5"}


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Args:
        word: At its end.
        kind: Decides dash and mark.
        values: By stage; NaN for none.
        lows: Lower ends of the intervals.
        highs: Upper ends.
        width: Of the stroke, px.
    """

    word: str
    kind: Kind
    values: Sequence[float]
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()
    width: float = 1.6


@dataclass(frozen=True)
class Panel:
    """A panel.

    Args:
        title: Above it.
        lines: What is drawn.
        note: Below the title.
        at: Stage that is marked, 1..S; 0 for none.
        top: Upper end of the vertical axis; the lower one is 0, or its opposite if values lie below 0.
    """

    title: str
    lines: Sequence[Line]
    note: str = ""
    at: int = 0
    top: float = 1.0


def draw(panel: Panel) -> Iterator[str]:
    """Yield the SVG elements of a panel, whose upper left corner is (0, 0)."""
    stages = max(len(line.values) for line in panel.lines)
    least = min((value for line in panel.lines for value in line.values if not math.isnan(value)), default=0.0)
    low = 0.0 if least > BELOW else -panel.top  # intervals end at the axis

    def x(stage: float) -> float:
        return scale_position(stage, 0.6, stages + 0.4, LEFT, WIDTH - RIGHT)

    def y(value: float) -> float:
        return scale_position(value, low, panel.top, HEIGHT - BOTTOM, TOP)

    yield f'<text class="title" x="0" y="14">{escape(panel.title)}</text>'
    yield f'<text class="note" x="0" y="30">{escape(panel.note)}</text>'
    if panel.at:
        yield f'<rect class="at" x="{x(panel.at) - 9}" y="{TOP}" width="18" height="{HEIGHT - BOTTOM - TOP + 20}"/>'
    for share in (0.0, 0.5, 1.0):
        value = low + share * (panel.top - low)
        yield f'<path class="grid" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>'
        yield f'<text class="tick end" x="{LEFT - 6}" y="{y(value) + 4}">{value:.2g}</text>'
    for stage in range(1, stages + 1):
        yield f'<text class="tick middle" x="{x(stage)}" y="{HEIGHT - BOTTOM + 16}">{stage}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="tick middle" x="{middle}" y="{HEIGHT - BOTTOM + 32}">stage, from the input</text>'
    for number, line in enumerate(panel.lines):
        yield from _line(line, [x(n + 1) + 1.2 * (number - len(panel.lines) / 2) for n in range(stages)], y)
    last = [next((v for v in reversed(line.values) if not math.isnan(v)), math.nan) for line in panel.lines]
    drawn = [(line, y(value)) for line, value in zip(panel.lines, last, strict=True) if not math.isnan(value)]
    for (line, end), place in zip(drawn, _apart([end for _, end in drawn]), strict=True):
        yield f'<path class="lead" d="M{x(stages) + 5} {end}L{WIDTH - RIGHT + 5} {place}"/>'
        yield f'<text class="word {line.kind}" x="{WIDTH - RIGHT + 8}" y="{place + 4}">{escape(line.word)}</text>'


def _line(line: Line, xs: Sequence[float], y: Callable[[float], float]) -> Iterator[str]:
    """Yield a line with its marks and intervals."""
    known = [(x, y(value)) for x, value in zip(xs, line.values, strict=False) if not math.isnan(value)]
    for x, first, last in zip(xs, line.lows, line.highs, strict=False):
        if not (math.isnan(first) or math.isnan(last)):
            yield f'<path class="bar {line.kind}" d="M{x:.1f} {y(first)}V{y(last)}"/>'
    dash = f' stroke-dasharray="{DASHES[line.kind]}"' if line.kind in DASHES else ""
    points = " ".join(f"{x:.1f},{at}" for x, at in known)
    yield f'<polyline class="line {line.kind}" stroke-width="{line.width:g}"{dash} points="{points}"/>'
    for x, at in known:
        if line.kind == "seeds":
            yield f'<rect class="mark seeds" x="{x - HALF:.1f}" y="{at - HALF:.1f}" width="6" height="6"/>'
        elif line.kind == "untrained":
            yield f'<circle class="mark untrained" cx="{x:.1f}" cy="{at}" r="{HALF}"/>'


def _apart(places: Sequence[float]) -> list[float]:
    """Move heights of words apart, and keep their order: none overlap, and they stay where they can."""
    order = sorted(range(len(places)), key=lambda at: places[at])
    found = list(places)
    for above, below in itertools.pairwise(order):
        found[below] = max(found[below], found[above] + LETTER)
    excess = max((found[at] for at in order), default=0.0) - (HEIGHT - BOTTOM + 4)
    if excess > 0:
        limit = float(HEIGHT - BOTTOM + 4)
        for at in reversed(order):
            found[at] = min(found[at], limit)
            limit = found[at] - LETTER
    return [round(place, 1) for place in found]
