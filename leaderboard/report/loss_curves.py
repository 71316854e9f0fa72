"""Loss and figure on source validation during the training of an entry, one curve per seed, and how fast it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...benchmark.contract.training_record import Curve
from ...benchmark.reporting.numbers import format_decimal
from ...benchmark.scoring.metrics import METRICS
from ...benchmark.submissions.card import TrainingClaim
from ...benchmark.submissions.learning_speed import SHARES, StepsTo, steps_over_seeds
from ..ranking.board import Board, Row
from ..ranking.learning import schedule, steps_of_seed
from .charts import BOTTOM, HEIGHT, LEFT, MOST, RIGHT, TOP, WIDTH, Axis, Chart, Point, bounds

POINTS = 60  # per curve: the recipe evaluates forty times, and a card may claim any number
LARGEST = 1e6  # losses beyond it are not drawn: a card may claim any number, and an axis has to hold them


def loss_curves(row: Row) -> Chart | None:
    """Plot the losses that the submissions of an entry report, with a mark at the kept step; None for none."""
    claims = [(card.seed, card.training) for card in row.cards if card.training is not None]
    drawn = [
        (seed, claim, [(step, loss) for step, loss in claim.losses if abs(loss) <= LARGEST]) for seed, claim in claims
    ]
    return _chart("Loss on source validation", drawn)


def figure_curves(row: Row) -> Chart | None:
    """Plot the figure on source validation that the curves of an entry hold; None for none, and for several metrics."""
    kept = _kept(row)
    metrics = {curve.metric for _, _, curve in kept}
    if len(metrics) != 1:
        return None
    title = METRICS[metrics.pop()].title
    drawn = [
        (seed, claim, [(s, f) for s, f in zip(curve.step, curve.validation_figure, strict=True) if f is not None])
        for seed, claim, curve in kept
    ]
    return _chart(f"{title[:1].upper()}{title[1:]} on source validation", drawn)


def speeds(row: Row, board: Board) -> Mapping[float, StepsTo]:
    """Return the steps to each share of the gain on source validation; nothing unless every seed has a curve."""
    kept = _kept(row)
    if not kept or len(kept) < len(row.cards):
        return {}
    places = range(len(row.cards))
    longest = schedule([(row, place) for place in places])
    return {
        share: steps_over_seeds([steps_of_seed(board, row, place, share) for place in places], longest)
        for share in SHARES
    }


def _kept(row: Row) -> list[tuple[int, TrainingClaim, Curve]]:
    """List seed, training and curve of the seeds that have a curve."""
    return [
        (card.seed, card.training, curve)
        for card, curve in zip(row.cards, row.curves, strict=True)
        if card.training is not None and curve is not None
    ]


def _chart(title: str, drawn: Sequence[tuple[int, TrainingClaim, Sequence[tuple[int, float]]]]) -> Chart | None:
    drawn = drawn[:MOST]
    if not any(curve for *_, curve in drawn):
        return None
    low, high = bounds([value for *_, curve in drawn for _, value in curve])
    across = Axis(0, max(claim.steps for _, claim, _ in drawn), LEFT + 8, WIDTH - RIGHT - 10)
    down = Axis(low, high, HEIGHT - BOTTOM, TOP)
    points, lines = [], []
    for style, (seed, claim, curve) in enumerate(drawn):
        every = -(-len(curve) // POINTS)
        shown = [*curve[:-1:every], curve[-1]] if curve else []
        lines.append((style, " ".join(f"{across.at(step)},{down.at(value)}" for step, value in shown)))
        kept = next((value for step, value in curve if step == claim.kept), None)
        if kept is not None:
            x, y = across.at(claim.kept), down.at(kept)
            points.append(Point(style, x, y, x, x, y, y, f"seed {seed}: {format_decimal(kept)} at step {claim.kept:,}"))
    return Chart(title, "step", title, across.ticks(), down.ticks(), points, lines)
