"""Sampling of images by a hash of their ids, and the constants of the bootstrap over groups."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ...datasets.dataset import Dataset

REPLICATES = 200  # of the bootstrap
SEED = 20240501


def group_codes(dataset: Dataset) -> NDArray[np.int64]:
    """Number the groups: (N,) code of each image's group."""
    return np.unique(dataset.table["group"].astype(str), return_inverse=True)[1].astype(np.int64)


def sample_rows(dataset: Dataset, rows: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Choose at most `count` of the rows, always the same ones, whatever else is in the data set."""
    ids = dataset.table["sample_id"].astype(str).to_numpy()[rows]
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids]
    return np.asarray(rows, dtype=np.int64)[sorted(range(len(rows)), key=digests.__getitem__)[:count]]
