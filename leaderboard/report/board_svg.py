"""The picture of a leaderboard for a README: clean and shifted of the leading entries, as SVG for light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from ...benchmark.contract.sees import MEANS
from ...benchmark.reporting import axes
from ...benchmark.scoring.metrics import METRICS
from ..analysis.approach import by_approach
from ..entries.figures import Figure
from ..ranking.board import Board, Row
from .brief import FIRST, FIRST_OF_SEVERAL, leading
from .site.marks import OUTLINES, mark_of, title_of

WIDTH, LEFT, RIGHT = 680, 190, 24
LEGEND = 38  # height of what explains shapes and fills, once for all boards
LINE, TOP, BOTTOM = 21, 40, 40
MOST = 4  # boards
APART = 3  # pixels between the two figures of an entry and the middle of its row
LETTERS = 24  # characters of an entry's name that fit
# a background of its own: what a page shows behind a picture need not follow the reader's scheme
STYLE = """\
svg{--back:#fff}text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.back{fill:#fff;stroke:#d1d9e0}.soft{fill:#59636e}.head{font-weight:600}.grid{stroke:#d1d9e0}
.imagenet{fill:#0b5cad;stroke:#0b5cad}.scratch{fill:#a04500;stroke:#a04500}.adaptation{fill:#0e7a4b;stroke:#0e7a4b}
.other{fill:#59636e;stroke:#59636e}.clean{fill:var(--back);stroke-width:1.6}.label{font-size:11px}
.chance{stroke:#59636e;stroke-dasharray:3 3}.bar{stroke-width:1.6}
@media(prefers-color-scheme:dark){svg{--back:#0d1117}text{fill:#e6edf3}.back{fill:#0d1117;stroke:#3d444d}.soft{fill:#9198a1}
.grid{stroke:#3d444d}.imagenet{fill:#6cb6ff;stroke:#6cb6ff}.scratch{fill:#f0a05a;stroke:#f0a05a}
.adaptation{fill:#4cc38a;stroke:#4cc38a}.other{fill:#9198a1;stroke:#9198a1}.clean{fill:var(--back)}.chance{stroke:#9198a1}}
"""


def board_svg(boards: Sequence[Board]) -> str:
    """Draw the boards that have a ranked entry, one below the other; an empty picture if there is none."""
    ranked = [board for board in boards if any(row.rank is not None for row in board.rows)][:MOST]
    if not ranked:
        return _frame(60, "No entry is ranked yet.", [])
    first = FIRST if len(ranked) == 1 else FIRST_OF_SEVERAL
    rows = [shown(board, first) for board in ranked]
    parts = [*_legend([row for each in rows for row in each], ranked)]
    titles, top = [], LEGEND
    for board, entries in zip(ranked, rows, strict=True):
        titles.append(_title(board, len(entries)))
        parts += _panel(board, entries, titles[-1], top)
        top += _height(entries)
    return _frame(top, "; ".join(titles), parts)


def shown(board: Board, first: int = FIRST) -> list[Row]:
    """Select the leading entries of each access level, and the best of each approach if it is not among them."""
    ranked = [row for row in board.rows if row.rank is not None]
    best = [min(rows, key=lambda row: row.rank or 0) for rows in by_approach(ranked).values()]
    wanted = [*leading(board, first), *best]
    return [row for row in ranked if row in wanted]


def _title(board: Board, count: int) -> str:
    kind = "SIMULATED images; " if board.protocol.dataset.simulated else ""
    return f"{board.protocol.name} ({kind}{count} of {len(board.rows)} entries): {board.title}"


def _height(rows: Sequence[Row]) -> int:
    return TOP + LINE * (len(rows) + len({row.sees for row in rows})) + BOTTOM


def _figures(board: Board) -> tuple[str, ...]:
    return ("clean", "shifted") if board.ranked_figure == "shifted" else ("clean",)


def _chance(board: Board) -> list[float]:
    guess = METRICS[board.rank_by].chance
    return [guess(len(board.protocol.dataset.classes))] if guess else []


def _panel(board: Board, rows: Sequence[Row], title: str, top: int) -> list[str]:
    """Draw one board, from `top` down to `top + _height(rows)`."""
    drawn = {row.name: [row.aggregates[name, board.rank_by] for name in _figures(board)] for row in rows}
    chance = _chance(board)
    numbers = [x for each in drawn.values() for figure in each for x in figure if not math.isnan(x)]
    low, high = axes.bounds([*numbers, *chance])

    def at(value: float) -> float:
        return axes.scale_position(value, low, high, LEFT, WIDTH - RIGHT)

    y, end = top + TOP, top + _height(rows) - BOTTOM
    parts = [_text(16, top + 24, title, "head")]
    for x, label in axes.ticks(low, high, at):
        parts.append(f'<path class="grid" d="M{x},{y - 4}V{end + 4}"/>')
        parts.append(_text(x, end + 20, label, "soft", "middle"))
    parts += [f'<path class="chance" d="M{at(x)},{y - 4}V{end + 4}"/>' for x in chance]
    for sees in dict.fromkeys(row.sees for row in rows):
        parts.append(_text(16, y + 16, f"sees {sees}: {MEANS[sees]}", "soft label"))
        for row in (row for row in rows if row.sees == sees):
            y += LINE
            parts += _entry(row, drawn[row.name], at, y + LINE / 2)
        y += LINE
    return parts


def _legend(rows: Sequence[Row], boards: Sequence[Board]) -> Iterator[str]:
    """Explain shapes, in the first line, and fills, in the second."""
    x = 16.0
    for mark in dict.fromkeys(map(mark_of, rows)):
        name = title_of(mark)
        yield _mark(x + 6, 20, mark)
        yield _text(x + 17, 24, name, "soft")
        x += 34 + 6.2 * len(name)
    bars = f"Bars: 95 % intervals.{' Dotted: guessing.' if any(map(_chance, boards)) else ''}"
    both = any(len(_figures(board)) > 1 for board in boards)
    how = f"Hollow: the source's own test patients. Filled: under shift. {bars}" if both else bars
    yield _text(16, 42, how, "soft")


def _entry(row: Row, figures: Sequence[Figure], at: Callable[[float], float], y: float) -> Iterator[str]:
    """Draw the name of an entry, its figures and their intervals; the last figure is filled."""
    shape = mark_of(row)
    name = row.name if len(row.name) <= LETTERS else f"{row.name[: LETTERS - 1]}…"
    yield _text(LEFT - 14, y + 4, name, "", "end")
    for number, figure in enumerate(figures):
        if figure.defined:
            last = number == len(figures) - 1
            level = y if len(figures) == 1 else y + APART if last else y - APART
            if not math.isnan(figure.low):
                yield f'<path class="{shape} bar" d="M{at(figure.low)},{level:g}H{at(figure.high)}"/>'
            yield _mark(at(figure.value), level, shape if last else f"{shape} clean", figure.text)


def _mark(x: float, y: float, classes: str, title: str = "") -> str:
    outline = OUTLINES[classes.partition(" ")[0]]
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'<path class="{classes}" transform="translate({x:g},{y:g})" d="{outline}">{inside}</path>'


def _text(x: float, y: float, text: str, classes: str = "", anchor: str = "start") -> str:
    kind = f' class="{classes}"' if classes else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{kind} x="{x:g}" y="{y:g}"{side}>{escape(text)}</text>'


def _frame(height: int, title: str, parts: Sequence[str]) -> str:
    label = escape(title)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{label}">',
        f"<title>{label}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        *(parts or [_text(16, 34, title)]),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
