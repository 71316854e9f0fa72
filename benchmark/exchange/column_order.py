"""Warn where the columns of probabilities seem to be in another order than the classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of
from ..reporting.numbers import format_decimal
from ..scoring.auroc import binary_auroc
from ..submissions.predictions import Inspected

SUSPECT = 0.4  # AUROC below this: worse than guessing
BETTER = 0.2  # gain of AUROC by another order of more than two columns
LISTED = 8  # classes named


def order_warning(protocol: Protocol, truth: pd.DataFrame, seen: Inspected) -> list[str]:
    """Return one warning if source validation is predicted worse than by chance, or better with columns reordered.

    Refused images are left out: what stands for them is always a wrong answer.

    Args:
        protocol: The protocol.
        truth: Its truth.
        seen: The predictions.
    """
    (validation,) = (condition for condition in protocol.conditions() if condition.kind == "validation")
    labels = truth_of(truth, validation)["label"].to_numpy(dtype=np.int64)
    answered = ~seen.rejected.get(validation.key, np.zeros(len(labels), dtype=bool))
    doubt = order_doubt(labels[answered], seen.arrays[validation.key][answered], protocol.dataset.classes)
    return [f"warning: {doubt}"] if doubt else []


def order_doubt(labels: NDArray[np.int64], probabilities: NDArray[np.floating], classes: Sequence[str]) -> str:
    """Ask whether columns are swapped, if images are predicted worse than by chance, or better with them reordered.

    Args:
        labels: (n,) of source validation.
        probabilities: (n, K) of the same images.
        classes: Their names, in order.
    """
    from scipy.optimize import linear_sum_assignment  # deferred: `--help` must stay fast

    values = probabilities.astype(np.float64)
    group, weight = np.zeros(len(labels), dtype=np.int64), np.ones((1, 1))
    present = [k for k in range(len(classes)) if 0 < (labels == k).sum() < len(labels)]
    if not present:
        return ""
    # area[i, j]: how well column j separates class present[i] from the others
    area = np.stack([binary_auroc(labels == k, values.T, group, weight)[:, 0] for k in present])
    own = float(np.mean([area[row, k] for row, k in enumerate(present)]))
    best = float(area[linear_sum_assignment(area, maximize=True)].mean())
    if own >= SUSPECT and (len(classes) == 2 or best < own + BETTER):
        return ""
    elsewhere = f", with the columns in another order {format_decimal(best, 2)}" if len(classes) > 2 else ""
    asked = "are the columns swapped" + (", or is the score that of the other class" if len(classes) == 2 else "")
    means = ", ".join(
        f"p{k} {'is the probability of' if not k else 'of'} `{name}`" for k, name in enumerate(classes[:LISTED])
    )
    return f"AUROC on source validation is {format_decimal(own, 2)}{elsewhere}: {asked}? {means}"
