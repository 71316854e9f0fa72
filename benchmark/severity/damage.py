"""How much a shift changes images: root-mean-square error, peak signal-to-noise ratio, structural similarity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from ...shifts.apply import apply_shift
from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..datasets.images import Images

BATCH = 64  # images that are read or shifted at a time
WINDOW = 7  # side of SSIM's uniform window, in pixels


@dataclass(frozen=True)
class Sample:
    """A fixed sample of images from one split of the source domain.

    Args:
        images: (N, C, *spatial) float32 in [0, 1].
        ids: N sample ids.
        labels: N labels.
    """

    images: Tensor
    ids: list[str]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Damage:
    """Means over images; `psnr`, in decibels, is computed from the mean square error over all images."""

    rmse: float
    psnr: float
    ssim: float


def sample(dataset: Dataset, table: pd.DataFrame, source: str, split: str, count: int) -> Sample:
    """Read a sample of at most `count` images from a split of the source domain, drawn by a hash of their ids.

    Args and errors are those of `parts`.
    """
    (whole,) = parts(dataset, table, source, split, count, count)
    return whole


def parts(
    dataset: Dataset, table: pd.DataFrame, source: str, split: str, count: int, size: int = BATCH
) -> Iterator[Sample]:
    """Read a sample part by part, so that memory holds one of them.

    Args:
        dataset: The images.
        table: Its truth with a column `row`.
        source: The domain.
        split: `train` or `val`.
        count: Largest number of images.
        size: Largest number of images of a part; parts are of nearly equal sizes.

    Raises:
        MedshiftError: The split is empty.
    """
    rows = table[(table["domain"] == source) & (table["split"] == split)]
    if not len(rows):
        raise MedshiftError(f"the source domain {source!r} has no {split} images")
    place = [hashlib.blake2b(str(name).encode(), digest_size=16).digest() for name in rows["sample_id"]]
    rows = rows.assign(place=place).sort_values("place").head(count)
    index = rows["row"].to_numpy(dtype=np.int64)
    images = Images(dataset.pixels, dataset.value_range)
    labels = dataset.table["label"].to_numpy(dtype=np.int64)[index]
    names = rows["sample_id"].astype(str).to_numpy()
    for part in np.array_split(np.arange(len(index)), -(-len(index) // size)):
        yield Sample(images.batch(index[part]), names[part].tolist(), labels[part])


def shift_sample(chosen: Sample, name: str, severity: float, seed: int, grey_levels: int, batch: int = BATCH) -> Tensor:
    """Apply a shift to a sample's images, rounded to grey levels as in the protocol."""
    import torch

    shifted = torch.empty_like(chosen.images)
    for start in range(0, len(shifted), batch):
        part = slice(start, start + batch)
        shifted[part] = apply_shift(
            name, chosen.images[part], severity, chosen.ids[part], seed, levels=grey_levels or None
        )
    return shifted


def damage(before: Tensor, after: Tensor) -> Damage:
    """Measure the damage between two batches (N, C, *spatial) in [0, 1]."""
    error = (after - before).double().square().flatten(1).mean(1)
    mean = float(error.mean())
    return Damage(
        rmse=float(error.sqrt().mean()),
        psnr=float("inf") if mean == 0 else float(-10 * np.log10(mean)),
        ssim=float(np.mean(ssim(before.numpy(), after.numpy()))),
    )


def ssim(before: NDArray[np.float32], after: NDArray[np.float32]) -> list[float]:
    """Compute the mean structural similarity of each pair of images (Wang et al., IEEE TIP 2004; uniform window of 7).

    Args:
        before: (N, C, *spatial) in [0, 1].
        after: The same shape.
    """
    side = min(WINDOW, *before.shape[2:])
    side -= 1 - side % 2
    if side < 3:
        raise MedshiftError(f"images of {before.shape[2:]} are too small for structural similarity")
    return [
        float(structural_similarity(one, other, win_size=side, data_range=1.0, channel_axis=0))  # type: ignore[no-untyped-call]
        for one, other in zip(before, after, strict=True)
    ]
