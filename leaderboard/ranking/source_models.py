"""Entries that stand on the same trained source models: their seeds are paired, and other devices are told.

The test-time methods change the model of `imagenet-finetune` after training. With the same seed on the same device it
is the very same one, so that the luck of its training cancels in a difference; on another device, training rounds
differently and ends in another model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...benchmark.scoring import intervals

if TYPE_CHECKING:
    from .board import Row

SOURCE = "imagenet-finetune"
ADAPTED = frozenset({"adabn", "lame", "sar", "t3a", "tent", "tta"})  # baselines that call `shared_model`
UNKNOWN = "not stated"  # the device of predictions that were made elsewhere


def uses_source_models(row: Row) -> bool:
    """Return whether an entry is `imagenet-finetune`, or a baseline of medshift that stands on its models."""
    baseline = row.cards[0].baseline
    return baseline.distribution.startswith("medshift ") and baseline.name in {SOURCE, *ADAPTED}


def devices(row: Row) -> dict[int, str]:
    """Return the kind of device of each seed, without its number: `cpu`, `cuda`."""
    return {card.seed: card.environment.device.partition(":")[0] for card in row.cards}


def same_models(one: Row, other: Row) -> bool:
    """Return whether two entries stand on the same models, seed by seed: same settings, seeds and devices."""
    if not (uses_source_models(one) and uses_source_models(other)):
        return False
    first, second = one.cards[0].baseline.config, other.cards[0].baseline.config
    shared = first.keys() & second.keys()
    return devices(one) == devices(other) and all(first[name] == second[name] for name in shared)


def paired_spreads(rows: Sequence[Row], name: str, groups: float) -> dict[tuple[int, int], tuple[float, float]]:
    """Compute `intervals.between_seeds` of the difference of every two entries that stand on the same models.

    Args:
        rows: Entries.
        name: The aggregate by which they are compared.
        groups: Effective number of groups behind their figures.

    Returns:
        (row, column), row < column -> the variance due to seeds alone, and that between seeds over their number.
    """
    of_groups = groups / (groups - 1) if groups > 1 else 1.0
    adapting = [index for index, row in enumerate(rows) if uses_source_models(row) and len(row.cards) > 1]
    found = {}
    for place, one in enumerate(adapting):
        for other in adapting[place + 1 :]:
            if not same_models(rows[one], rows[other]):
                continue
            gaps = rows[one].by_seed(name) - rows[other].by_seed(name)
            spread = intervals.between_seeds(gaps, of_groups)
            if not np.isnan(spread).any():
                found[one, other] = spread
    return found
