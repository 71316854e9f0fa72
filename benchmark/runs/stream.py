"""Test streams: the rows of a condition in a fixed order, and its images batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Generator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ...shifts.apply import apply_shift
from ..datasets.dataset import Dataset
from ..datasets.images import Images, scale_stored, to_device
from ..datasets.streaming.rows import read_rows
from ..datasets.streaming.scaling import scale
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of

CPU = torch.device("cpu")


def test_stream(protocol: Protocol, table: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Select the rows of a condition's split, in the order of the test stream.

    The order is by a hash of seed and sample id: fixed, the same for all conditions on a split, independent of labels.
    """
    return in_hash_order(truth_of(table, condition), protocol.seed)


def in_hash_order(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Sort rows by a hash of seed and sample id."""
    place = [hashlib.blake2b(f"{seed}\x1f{name}".encode(), digest_size=16).digest() for name in rows["sample_id"]]
    return rows.assign(place=place).sort_values("place").drop(columns="place")


def condition_batches(
    dataset: Dataset,
    rows: pd.DataFrame,
    protocol: Protocol,
    condition: Condition,
    device: torch.device = CPU,
) -> Generator[torch.Tensor, None, None]:
    """Yield the images of a condition batch by batch, shifted, as the model gets them.

    Args:
        dataset: The images.
        rows: In the order of the stream, with columns sample_id and row.
        protocol: Gives batch size, shift seed and grey levels.
        condition: The condition, with its shift.
        device: Where the images go; shifts are applied on the CPU, so that they are the same on every device.

    Yields:
        (n, C, *spatial) float32 in [0, 1].
    """
    stored = Images(dataset.pixels, dataset.value_range)
    index, ids = rows["row"].to_numpy(dtype=np.int64), rows["sample_id"].tolist()
    levels = protocol.grey_levels or None
    for start in range(0, len(index), protocol.batch_size):
        batch = slice(start, start + protocol.batch_size)
        if not condition.shift:
            yield scaled_rows(stored, index[batch], protocol.size, device)
            continue
        images = stored.batch(index[batch])
        shifted = apply_shift(condition.shift, images, condition.severity, ids[batch], protocol.seed, levels=levels)
        if protocol.size:  # the scanner works at its own resolution; what it exports is then made smaller
            shifted = scale(shifted, protocol.size)
            shifted = (shifted * (levels - 1)).round_().div_(levels - 1) if levels else shifted
        yield to_device(shifted, device)


def scaled_rows(stored: Images, index: NDArray[np.int64], size: int, device: torch.device) -> torch.Tensor:
    """Return some images as a model gets them, unshifted; smaller ones are made as those to train on are.

    Args:
        stored: The images.
        index: Which of them.
        size: Of the protocol: longest side, or 0.
        device: Where they go.
    """
    if not size:
        return stored.scaled(stored.stored(index), device)
    small = Images(scale_stored(read_rows(stored.pixels, index), stored.value_range, size), stored.value_range)
    return small.scaled(small.stored(slice(None)), device)
