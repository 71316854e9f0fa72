"""The figure of the study, an SVG that follows the reader's theme: where shifts enter, and what training changes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import pandas as pd

from .answers import BELOW, entry, nowhere, pick, size
from .columns import BEFORE_AFTER, MOVED, SEEDS, SHIFTED, SHIFTED_UNTRAINED, UNTRAINED
from .panel import HEIGHT, WIDTH, Kind, Line, Panel, draw

COLUMNS, MARGIN, CAPTION, LETTERS = 3, 18, 17, 165
STYLE = """
:root { --ground: #ffffff; --ink: #17191c; --faint: #565c66; --line: #d5d9df; --main: #0b5cad; --band: #eef1f5; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --ink: #e8eaed; --faint: #a7aeb9; --line: #363b44; --main: #7cb7ff; --band: #23272f; }
}
.ground { fill: var(--ground); } .at { fill: var(--band); } .grid { stroke: var(--line); fill: none; }
text { font: 11.5px system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
.title { font-weight: 700; font-size: 13px; } .heading { font-weight: 700; font-size: 16px; }
.tick, .note, .caption { fill: var(--faint); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.line, .bar, .lead { fill: none; } .line, .bar { stroke: var(--main); } .lead { stroke: var(--line); }
.bar { opacity: 0.55; } .mark { fill: var(--ground); stroke: var(--ink); }
.line.seeds, .bar.seeds, .line.untrained, .bar.untrained { stroke: var(--ink); }
"""
HOW = (
    "Upper panels: the same test images, as acquired and shifted, through a trained network; one line per severity, "
    "whose number stands at its end. A line falls where the shift changes features. The band marks the stage where the "
    f"strongest level enters: the first one whose whole interval lies below {BELOW}. Controls: 'other seed', two "
    "trainings that differ in their seed, on clean images; 'before', the strongest level through the network before "
    "training. Lower panels: features before against after training, and how far weights moved. Bars: 95\u00a0% "
    "intervals over patients; of weights, the seeds."
)


def figure(table: pd.DataFrame, titles: Mapping[str, str], data: str = "") -> str:
    """Draw the figure.

    Args:
        table: From `measure.measure`.
        titles: Arm -> name for people.
        data: Name of the data set, with what a reader must know of it.
    """
    arms = list(dict.fromkeys(table["arm"]))
    rows: list[list[Panel]] = []
    for arm in arms:
        own = table[table["arm"] == arm]
        rows += _in_rows([_shift_panel(own, str(s), titles.get(arm, arm)) for s in _shifts(own)])
    trained = [_training_panel(table[table["arm"] == arm], titles.get(arm, arm)) for arm in arms]
    rows += _in_rows([*trained, _weights_panel(table, titles)])
    told = f"{f'Data: {data}. ' if data else ''}{size(table)}"
    captions = [*textwrap.wrap(HOW, LETTERS), *textwrap.wrap(told, LETTERS)]
    captions += [line for arm in arms for line in textwrap.wrap(_stages(table, arm, titles), LETTERS)]
    captions = list(dict.fromkeys(captions))
    width = max(map(len, rows)) * (WIDTH + MARGIN) + MARGIN
    foot = 44 + len(rows) * (HEIGHT + MARGIN)
    height = foot + len(captions) * CAPTION + MARGIN
    return "\n".join(_document(rows, captions, width, height, foot)) + "\n"


def _document(
    rows: Sequence[Sequence[Panel]], captions: Sequence[str], width: int, height: int, foot: int
) -> Iterator[str]:
    title = "Where a shift enters, and what training changes. CKA of 1: features are alike; of 0: nothing in common"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="ground" width="{width}" height="{height}"/>'
    yield f'<text class="heading" x="{MARGIN}" y="26">{title}</text>'
    for down, row in enumerate(rows):
        for across, panel in enumerate(row):
            place = f"{MARGIN + across * (WIDTH + MARGIN)} {44 + down * (HEIGHT + MARGIN)}"
            yield f'<g transform="translate({place})">'
            yield from draw(panel)
            yield "</g>"
    for number, line in enumerate(captions):
        yield f'<text class="caption" x="{MARGIN}" y="{foot + (number + 1) * CAPTION - 4}">{escape(line)}</text>'
    yield "</svg>"


def _shift_panel(own: pd.DataFrame, shift: str, title: str) -> Panel:
    at = own[own["shift"] == shift]
    levels = sorted(set(at["severity"]))
    lines = [
        _line(pick(at[at["severity"] == level], SHIFTED), f"{level:g}", "severity", 0.8 + 0.4 * number)
        for number, level in enumerate(levels)
    ]
    for rows, word, kind in (
        (pick(own, SEEDS), "other seed", "seeds"),
        (pick(at, SHIFTED_UNTRAINED), "before", "untrained"),
    ):
        if len(rows):
            lines.append(_line(rows, word, kind))  # type: ignore[arg-type]
    strongest = pick(at[at["severity"] == levels[-1]], SHIFTED)
    name = f"{shift}, {title}"
    if strongest["value"].isna().any():
        return Panel(name, lines, "a stage's features are constant")
    enters = entry(strongest)
    if enters is None:
        return Panel(name, lines, nowhere(strongest))
    return Panel(name, lines, f"enters at stage {enters['stage']}, {enters['name']}", int(enters["stage"]))


def _training_panel(own: pd.DataFrame, title: str) -> Panel:
    lines = [_line(pick(own, BEFORE_AFTER), "training", "main", 2.4)]
    for comparison, word, kind in ((SEEDS, "two seeds", "seeds"), (UNTRAINED, "untrained", "untrained")):
        rows = pick(own, comparison)
        if len(rows):
            lines.append(_line(rows, word, kind))  # type: ignore[arg-type]
    controls = [line.word for line in lines[1:]]
    note = "before against after" + (f"; controls: {', '.join(controls)}" if controls else "")
    return Panel(f"Training, {title}", lines, note)


def _weights_panel(table: pd.DataFrame, titles: Mapping[str, str]) -> Panel:
    kinds: list[Kind] = ["main", "seeds", "untrained"]
    arms = list(dict.fromkeys(table["arm"]))
    lines = [
        _line(
            pick(table[table["arm"] == arm], MOVED),
            titles.get(arm, arm).removeprefix("from "),
            kinds[number % len(kinds)],
        )
        for number, arm in enumerate(arms)
    ]
    values = [value for line in lines for value in (*line.values, *line.highs) if value == value]
    return Panel(
        "How far weights moved", lines, "L2 distance over initial norm", top=_round_up(max(values, default=1.0))
    )


def _line(rows: pd.DataFrame, word: str, kind: Kind, width: float = 1.6) -> Line:
    values, lows, highs = (rows[column].astype(float).tolist() for column in ("value", "low", "high"))
    return Line(word, kind, values, lows, highs, width)


def _shifts(own: pd.DataFrame) -> list[object]:
    return [shift for shift in dict.fromkeys(own["shift"]) if shift]


def _in_rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    return [list(panels[start : start + COLUMNS]) for start in range(0, len(panels), COLUMNS)]


def _stages(table: pd.DataFrame, arm: str, titles: Mapping[str, str]) -> str:
    rows = pick(table[table["arm"] == arm], BEFORE_AFTER)
    own = {titles.get(each, each) for each in dict.fromkeys(table["arm"]) if _names(table, each) == _names(table, arm)}
    told = ", ".join(f"{row['stage']} {row['name']} ({row['dimension']})" for _, row in rows.iterrows())
    return f"Stages and their dimension, {' and '.join(sorted(own))}: {told}."


def _names(table: pd.DataFrame, arm: str) -> list[str]:
    return [str(name) for name in pick(table[table["arm"] == arm], BEFORE_AFTER)["name"]]


def _round_up(value: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    scale = 1e-6
    while value > 10 * scale:
        scale *= 10
    return next(scale * step for step in (1, 2, 5, 10) if value <= scale * step * (1 + 1e-9))
