"""The study's figures for its page: CKA by stage, of training and under each shift, and how far weights moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from ..findings import Curve, Drawing, Point
from .answers import pick
from .columns import BEFORE_AFTER, MOVED, SEEDS, SHIFTED, SHIFTED_UNTRAINED, UNTRAINED

ACROSS = "stage, from the input"
CKA = "CKA, 1 = alike"


def drawings(table: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[Drawing]:
    """Yield the figures, those of blur and of training first: they are on the first screen."""
    ticks = [(float(row["stage"]), str(row["stage"])) for _, row in pick(table, BEFORE_AFTER).iterrows()]
    ticks = list(dict.fromkeys(ticks))
    under = list(_under_shifts(table, titles, ticks))
    first = next((drawing for drawing in under if "blur" in drawing.name), under[0] if under else None)
    if first:
        yield first
    yield Drawing("training", "Before and after training, clean images", ACROSS, CKA, _training(table, titles), ticks)
    yield from (drawing for drawing in under if drawing is not first)
    moved = [_curve(titles.get(arm, arm), pick(own, MOVED)) for arm, own in _arms(table)]
    yield Drawing("weights", "How far weights moved (bars: the seeds)", ACROSS, "distance / initial norm", moved, ticks)


def _training(table: pd.DataFrame, titles: Mapping[str, str]) -> list[Curve]:
    found = []
    for arm, own in _arms(table):
        for comparison in (BEFORE_AFTER, SEEDS, UNTRAINED):
            rows = pick(own, comparison)
            if len(rows):
                found.append(_curve(f"{titles.get(arm, arm)}: {comparison}", rows))
    return found


def _under_shifts(table: pd.DataFrame, titles: Mapping[str, str], ticks: list[tuple[float, str]]) -> Iterator[Drawing]:
    for arm, own in _arms(table):
        for shift in dict.fromkeys(own[own["shift"] != ""]["shift"]):
            at = own[own["shift"] == shift]
            curves = [
                _curve(f"severity {level:g}", pick(at[at["severity"] == level], SHIFTED))
                for level in sorted(set(at["severity"]))
            ]
            strongest = pick(at, SHIFTED_UNTRAINED)
            if len(strongest):
                curves.append(_curve(f"severity {strongest['severity'].max():g}, before training", strongest))
            seeds = pick(own, SEEDS)
            if len(seeds):
                curves.append(_curve("another seed, clean images", seeds))
            title = f"Clean against {shift}, {titles.get(arm, arm)}"
            yield Drawing(f"{shift}-{arm}", title, ACROSS, CKA, curves, ticks)


def _arms(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for arm in dict.fromkeys(table["arm"]):
        yield str(arm), table[table["arm"] == arm]


def _curve(name: str, rows: pd.DataFrame) -> Curve:
    return Curve(
        name,
        [
            Point(float(row["stage"]), float(row["value"]), float(row["low"]), float(row["high"]))
            for _, row in rows.iterrows()
        ],
    )
