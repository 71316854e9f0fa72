"""How a refused image is read: as an answer that is wrong in every figure, for every class and at every threshold.

No row of probabilities can be that: one that is sure of one wrong class spares all the others. So its own class is
below every probability, and all others are certain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OWN, OTHERS = -1.0, 1.0


def wrong_answers(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return (N, K) rows that stand for refused images of these classes."""
    rows = np.full((len(labels), classes), OTHERS, np.float32)
    rows[np.arange(len(labels)), labels] = OWN
    return rows


def answered(probabilities: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return for each of (..., N, K) rows whether the image was answered."""
    return np.asarray((probabilities >= 0).all(axis=-1))
