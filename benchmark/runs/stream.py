"""Test streams: the rows of a condition in a fixed order, and its images batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Generator

import numpy as np
import pandas as pd
import torch

from ...shifts.apply import apply_shift
from ..datasets.dataset import Dataset
from ..datasets.images import Images, to_device
from ..protocols.condition import Condition
from ..protocols.protocol import Protocol

CPU = torch.device("cpu")


def test_stream(protocol: Protocol, table: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    """Select the rows of a condition's split, in the order of the test stream.

    The order is by a hash of seed and sample id: fixed, the same for all conditions on a split, independent of labels.
    """
    return in_hash_order(
        table[(table["domain"] == condition.domain) & (table["split"] == condition.split)], protocol.seed
    )


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
        images = stored.stored(index[batch])
        if not condition.shift:
            yield stored.scaled(images, device)
            continue
        images = stored.scaled(images)
        shifted = apply_shift(condition.shift, images, condition.severity, ids[batch], protocol.seed, levels=levels)
        yield to_device(shifted, device)
