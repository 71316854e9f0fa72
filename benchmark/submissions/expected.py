"""The rows that a file of predictions must have, looked up once for all files of a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of
from ..scoring.bootstrap import split_key


@dataclass(frozen=True, eq=False)
class Expected:
    """The rows that a file of predictions must have.

    Args:
        places: Key of each condition -> (n,) places of its samples in the truth, in the order of `truth_of`.
        samples: (N,) ids of all samples of the truth.
        labels: (N,) their classes.
        keys: The conditions, as in `places`.
    """

    places: Mapping[str, NDArray[np.int64]]
    samples: pd.Index
    labels: NDArray[np.int64]
    keys: pd.Index

    @classmethod
    def of(cls, protocol: Protocol, truth: pd.DataFrame) -> Expected:
        """Look up the rows of a protocol in its tidy truth; those of conditions on the same images are shared."""
        tested = protocol.conditions()
        by_split = {split_key(c): c for c in tested}
        places = {where: truth_of(truth, c).index.to_numpy(dtype=np.int64) for where, c in by_split.items()}
        by_key = {c.key: places[split_key(c)] for c in tested}
        labels = truth["label"].to_numpy(dtype=np.int64)
        return cls(by_key, pd.Index(truth["sample_id"]), labels, pd.Index(list(by_key)))

    @property
    def rows(self) -> int:
        """How many rows there must be."""
        return sum(map(len, self.places.values()))
