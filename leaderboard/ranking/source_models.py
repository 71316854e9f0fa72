"""Entries that stand on the same trained source models: their seeds are paired, and other devices are told.

The test-time methods change the model of `imagenet-finetune` after training. With the same seed on the same device it
is the very same one, so that the luck of its training cancels in a difference; on another device, training rounds
differently and ends in another model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...benchmark.scoring import intervals
from ...benchmark.scoring.bootstrap import LEAST_DEFINED
from ...benchmark.scoring.metrics import METRICS
from ..entries.scoring import WIDER

if TYPE_CHECKING:
    from .board import Row

SOURCE = "imagenet-finetune"
ADAPTED = frozenset({"adabn", "lame", "sar", "t3a", "tent", "tta"})  # baselines that call `shared_model`
# settings of the training of a source model; what else a card has is of the method that changes it
TRAINING = (
    "accumulate",
    "arch",
    "batch_size",
    "budget",
    "input_size",
    "lr",
    "mirror",
    "patience",
    "steps",
    "weight_decay",
)
UNKNOWN = "not stated"  # the device of predictions that were made elsewhere


@dataclass(frozen=True)
class PairedVariance:
    """The variance of the difference of two entries on the same models, mean over the seeds.

    Args:
        groups: Due to groups.
        seeds: Due to seeds alone.
        between: Between seeds, divided by their number.
    """

    groups: float
    seeds: float
    between: float


def uses_source_models(row: Row) -> bool:
    """Return whether an entry is `imagenet-finetune`, or a baseline of medshift that stands on its models."""
    baseline = row.cards[0].baseline
    return baseline.distribution.startswith("medshift ") and baseline.name in {SOURCE, *ADAPTED}


def training_settings(row: Row) -> tuple[tuple[str, object], ...]:
    """Return the settings of the training of an entry's source models; empty if its cards do not say."""
    config = row.cards[0].baseline.config
    return tuple((name, config[name]) for name in TRAINING if name in config) if "arch" in config else ()


def devices(row: Row) -> dict[int, str]:
    """Return the kind of device of each seed, without its number: `cpu`, `cuda`."""
    return {card.seed: card.environment.device.partition(":")[0] for card in row.cards}


def same_models(one: Row, other: Row) -> bool:
    """Return whether two entries stand on the same models, seed by seed: same training, seeds and devices."""
    if not (uses_source_models(one) and uses_source_models(other)):
        return False
    settings = training_settings(one)
    return bool(settings) and settings == training_settings(other) and devices(one) == devices(other)


def model_sets(rows: Sequence[Row]) -> dict[str, int]:
    """Number entries by the models that they stand on: the same from 1 on means `same_models`; 0 for all others."""
    firsts: list[Row] = []
    found = {}
    for row in rows:
        known = next((number for number, first in enumerate(firsts, 1) if same_models(first, row)), 0)
        if not known and same_models(row, row):
            firsts.append(row)
            known = len(firsts)
        found[row.name] = known
    return found


def paired_variances(
    rows: Sequence[Row], name: str, metric: str, groups: float
) -> dict[tuple[int, int], PairedVariance]:
    """Compute the variance of the difference of every two entries that stand on the same models.

    Args:
        rows: Entries.
        name: The aggregate by which they are compared.
        metric: In which metric.
        groups: Effective number of groups behind their figures.

    Returns:
        (row, column), row < column -> the variance, where it is defined.
    """
    adapting = [index for index, row in enumerate(rows) if uses_source_models(row) and len(row.cards) > 1]
    found = {}
    for place, one in enumerate(adapting):
        for other in adapting[place + 1 :]:
            if not same_models(rows[one], rows[other]):
                continue
            variance = paired_variance(rows[one].by_seed(name) - rows[other].by_seed(name), groups, metric)
            if variance is not None:
                found[one, other] = variance
    return found


def paired_variance(gaps: NDArray[np.float64], groups: float, metric: str) -> PairedVariance | None:
    """Compute the variance of the mean of differences between entries that have the same seeds; None if undefined.

    Both parts come from the differences of single seeds. Replicates in which each entry redraws its own seeds hold the
    luck of the training twice; it is many times what a method at test time changes, and does not cancel in them.

    Args:
        gaps: (S, 1 + B) difference of each seed, and its replicates on resampled groups.
        groups: Effective number of groups behind the figures.
        metric: The metric of the figures; deviations of one that is inflated are stretched, as in the ranking.
    """
    wider = WIDER if METRICS[metric].inflated else 1.0
    of_groups = groups / (groups - 1) if groups > 1 else 1.0
    seeds, between = intervals.between_seeds(gaps, of_groups)
    replicates = gaps[:, 1:].mean(axis=0)
    whole = replicates[~np.isnan(replicates)]
    if np.isnan([seeds, between]).any() or len(whole) < 2 or 1 - len(whole) / len(replicates) >= LEAST_DEFINED:
        return None
    return PairedVariance(wider**2 * of_groups * float(whole.var()), seeds, between)
