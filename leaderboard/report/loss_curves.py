"""The loss on source validation during the training of an entry, one curve per seed."""

from __future__ import annotations

from ...benchmark.reporting.numbers import format_decimal
from ..ranking.board import Row
from .charts import BOTTOM, HEIGHT, LEFT, MOST, RIGHT, TOP, WIDTH, Axis, Chart, Point, bounds

POINTS = 60  # per curve: the recipe evaluates forty times, and a card may claim any number
LARGEST = 1e6  # losses beyond it are not drawn: a card may claim any number, and an axis has to hold them


def loss_curves(row: Row) -> Chart | None:
    """Plot the losses that the cards of an entry report, with a mark where the weights were kept; None for none."""
    claims = [(card.seed, card.training) for card in row.cards if card.training is not None][:MOST]
    curves = {
        (seed, claim.kept): [(step, loss) for step, loss in claim.losses if abs(loss) <= LARGEST]
        for seed, claim in claims
    }
    if not any(curves.values()):
        return None
    low, high = bounds([loss for curve in curves.values() for _, loss in curve])
    across = Axis(0, max(claim.steps for _, claim in claims), LEFT + 8, WIDTH - RIGHT - 10)
    down = Axis(low, high, HEIGHT - BOTTOM, TOP)
    points, lines = [], []
    for style, ((seed, kept), curve) in enumerate(curves.items()):
        every = -(-len(curve) // POINTS)
        drawn = [*curve[:-1:every], curve[-1]] if curve else []
        lines.append((style, " ".join(f"{across.at(step)},{down.at(loss)}" for step, loss in drawn)))
        lowest = next((loss for step, loss in curve if step == kept), None)
        if lowest is not None:
            x, y = across.at(kept), down.at(lowest)
            points.append(Point(style, x, y, x, x, y, y, f"seed {seed}: {format_decimal(lowest)} at step {kept:,}"))
    title = "Loss on source validation"
    return Chart(title, "step", title, across.ticks(), down.ticks(), points, lines)
