"""Entries whose figures are too good to have been reached without the labels.

The limits come from sampling theory where it has one, and else from the 30 entries of brain-mri-sim, version 1: they
lie at half of what the most unusual honest entry showed there, or further out. All comparisons are in balanced
accuracy, of which guessing has 1 / K. What is compared with the other entries needs at least `LEAST_OTHERS` of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ....benchmark.files.wording import plural
from ....benchmark.protocols.protocol import Protocol
from ....benchmark.reporting.numbers import format_decimal
from .remark import Remark

if TYPE_CHECKING:
    from ..board import Row

METRIC = "balanced_accuracy"
LEAST_OTHERS = 5  # entries to compare with
LEAST_GROUPS = 30  # of the source's test images
ABOVE_CHANCE = 0.05  # an entry that is no better than guessing has nothing to lose
FALLS = 0.25  # of what is above chance: lost by most, a condition is one where models fall
MOST = 0.8  # of the other entries; not all, as one accomplice would hide another
LEAST_LOSS = 0.15  # of what is above chance, where most fall: the most robust honest entry (adabn) lost .34
ERRORS = 4.0  # standard errors: one in 30,000
TOO_CALIBRATED = 1e-6  # probability, by chance, of hits that lie so close to the confidences


class Figures:
    """Balanced accuracy of all entries by condition: `values` and `errors` are (entries, conditions)."""

    def __init__(self, rows: Sequence[Row], protocol: Protocol) -> None:
        conditions = protocol.conditions()
        column = rows[0].conditions.metrics.index(METRIC)
        found = np.stack([row.conditions.values[:, column] for row in rows])
        self.values = found[:, :, 0]
        self.errors = (found[:, :, 2] - found[:, :, 1]) / (2 * 1.96)
        kinds = np.array([condition.kind for condition in conditions])
        self.validation, self.clean = (int(np.flatnonzero(kinds == kind)[0]) for kind in ("validation", "clean"))
        self.shifted = np.flatnonzero(kinds == "synthesized")
        self.real = np.flatnonzero(kinds == "real")
        self.keys = [condition.key for condition in conditions]
        self.chance = 1 / len(protocol.dataset.classes)
        self.margin = self.values[:, self.clean] - self.chance
        self.able = np.nan_to_num(self.margin) > ABOVE_CHANCE


def remarks(rows: Sequence[Row], protocol: Protocol, groups: Mapping[tuple[str, str], int]) -> list[Remark]:
    """Name the entries that are too good, by each rule."""
    if not rows or METRIC not in rows[0].conditions.metrics:
        return []
    figures, source = Figures(rows, protocol), groups[protocol.source, "test"]
    if source < LEAST_GROUPS:
        return [*_calibrated(rows)]
    return [
        *_perfect(rows, figures),
        *_calibrated(rows),
        *_steady(rows, figures),
        *_unrelated(rows, figures, source),
        *_beyond_validation(rows, figures),
    ]


def _perfect(rows: Sequence[Row], figures: Figures) -> Iterator[Remark]:
    """Find entries without one error in any tested condition."""
    tested = [figures.clean, *figures.real, *figures.shifted]
    for row, values in zip(rows, figures.values, strict=True):
        if np.nanmin(np.append(values[tested], 2)) >= 1 - 1e-9 and not np.isnan(values[tested]).all():
            yield Remark(
                "perfect", (row.name,), f"{row.name} has no error in {plural(len(tested), 'tested condition')}"
            )


def _calibrated(rows: Sequence[Row]) -> Iterator[Remark]:
    """Find seeds whose hits lie closer to their confidences than those of a perfectly calibrated model would."""
    for row in rows:
        for card, (distance, freedom, _) in zip(row.cards, row.scored.misfit.tolist(), strict=True):
            if freedom and chi2.cdf(distance, freedom) < TOO_CALIBRATED:
                yield Remark(
                    "calibrated",
                    (row.name,),
                    f"{row.name}/seed-{card.seed} is too well calibrated: a perfectly calibrated model would be so "
                    f"close to its confidences less than once in {1 / TOO_CALIBRATED:,.0f} times (chi-squared "
                    f"{distance:.1f} with {freedom:.0f} degrees of freedom)",
                )


def _steady(rows: Sequence[Row], figures: Figures) -> Iterator[Remark]:
    """Find entries that do not fall under shifts where most others fall."""
    if not len(figures.shifted):
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = (figures.values[:, [figures.clean]] - figures.values[:, figures.shifted]) / figures.margin[:, None]
    falls = np.nan_to_num(lost) >= FALLS
    able = figures.able
    for index in np.flatnonzero(able).tolist():
        others = able.copy()
        others[index] = False
        if others.sum() < LEAST_OTHERS:
            continue
        hard = falls[others].mean(axis=0) >= MOST
        if hard.any() and np.nanmean(lost[index, hard]) < LEAST_LOSS:
            mean = float(np.nanmean(lost[index, hard]))
            usual = float(np.nanmedian(np.nanmean(lost[others][:, hard], axis=1)))
            yield Remark(
                "steady",
                (rows[index].name,),
                f"{rows[index].name} does not fall where the others do: of its lead over chance on clean images, it "
                f"loses {100 * max(mean, 0):.0f} % in {plural(int(hard.sum()), 'condition')} in which half of the "
                f"others lose {100 * usual:.0f} % or more",
            )


def _unrelated(rows: Sequence[Row], figures: Figures, source: int) -> Iterator[Remark]:
    """Find good entries that find other images hard than all others: what is made from labels sees no images."""
    order = np.stack([row.scored.order.reshape(len(row.cards), -1).mean(axis=0) for row in rows]).astype(np.float64)
    limit = 2 / np.sqrt(source)  # .27 for 56 groups, where the least of honest entries had .53
    for index in np.flatnonzero(figures.able).tolist():
        others = figures.able.copy()
        others[index] = False
        if others.sum() < LEAST_OTHERS or figures.margin[index] < np.median(figures.margin[others]):
            continue
        rho = _cosine(order[index], order[others].mean(axis=0))
        if rho < limit:
            yield Remark(
                "unrelated",
                (rows[index].name,),
                f"{rows[index].name} is as good as most, but not on the images that the others find easy: its order "
                f"within classes correlates with theirs at {format_decimal(rho)}, below 2 / √groups = "
                f"{format_decimal(limit)}",
            )


def _beyond_validation(rows: Sequence[Row], figures: Figures) -> Iterator[Remark]:
    """Find entries that are better on test images than source validation makes plausible.

    A shift cannot make the source's own images easier. A site may be easier than the source: there, what the others
    gain is subtracted, and with too few others nothing is said.
    """
    gains = figures.values - figures.values[:, [figures.validation]]
    errors = np.sqrt(figures.errors**2 + figures.errors[:, [figures.validation]] ** 2)
    looked_at = np.array([figures.clean, *figures.shifted])
    usual = np.zeros(gains.shape)
    if len(rows) > LEAST_OTHERS:
        usual = np.maximum(np.nan_to_num(medians_of_others(gains)), 0)
        looked_at = np.concatenate([looked_at, figures.real]).astype(int)
    for index, row in enumerate(rows):
        with np.errstate(invalid="ignore", divide="ignore"):
            lead = (gains[index] - usual[index])[looked_at]
            beyond = np.nan_to_num(lead / errors[index, looked_at], posinf=0, neginf=0)
        above = figures.values[index, looked_at] - figures.chance > ABOVE_CHANCE
        beyond = np.where(above, beyond, 0)
        if (beyond > ERRORS).any():
            worst = int(looked_at[beyond.argmax()])
            value, before = figures.values[index, worst], figures.values[index, figures.validation]
            yield Remark(
                "beyond validation",
                (row.name,),
                f"{row.name} is better under {figures.keys[worst]} than on source validation makes plausible: balanced "
                f"accuracy {format_decimal(float(value))}, on validation {format_decimal(float(before))}, "
                f"{beyond.max():.1f} standard errors apart",
            )


def medians_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each row, the median of the other rows, column by column, without undefined ones; NaN if all are."""
    order = np.argsort(values, axis=0)  # undefined ones last
    ascending = np.take_along_axis(values, order, axis=0)
    place = np.argsort(order, axis=0)
    count = (~np.isnan(values)).sum(axis=0) - ~np.isnan(values)  # others that are defined
    middle = [np.maximum(count - 1, 0) // 2, count // 2]
    # leaving a row out moves those above it one down
    low, high = (
        np.take_along_axis(ascending, np.minimum(at + (at >= place), len(values) - 1), axis=0) for at in middle
    )
    return np.where(count > 0, (low + high) / 2, np.nan)


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 0 else 0.0
