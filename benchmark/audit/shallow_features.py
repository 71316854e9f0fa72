"""Shallow image features, without fine shape: what shortcuts are made of."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..datasets.dataset import Dataset
from ..datasets.images import to_unit
from .confounding.columns import sizes
from .measures.planes import luma, planes, ranked
from .measures.table import BATCH, measure, measure_names

Floats = NDArray[np.float64]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 16
LAYOUT = 6  # cells along each axis of the "layout" family
# the measures that do not depend on structure
ACQUIRED = ("noise", "grain", "bright_noise", "specks", "clipped", "blocks", "joints")
FAMILIES = {
    "size": "width and height of the original, from a column of the table",
    "greys": "mean, spread and percentiles",
    "histogram": f"{BINS} bins of each channel",
    "border": "mean and spread along the four edges",
    "corners": "mean of the four corners",
    "layout": f"{LAYOUT} by {LAYOUT} means",
    "acquisition": "noise, clipping and traces of compression",
}


def features(dataset: Dataset, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """Compute the features of images, family -> (len(rows), F); `size` only if a column of the table holds it."""
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    parts = []
    acquired = [measure_names(dataset.channels).index(name) for name in ACQUIRED]
    for start in range(0, len(rows), step):
        part = np.ascontiguousarray(dataset.pixels[rows[start : start + step]])
        images = to_unit(part, dataset.value_range)
        parts.append(_features(images) | {"acquisition": np.nan_to_num(measure(images)[:, acquired])})
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    size = sizes(dataset.table)
    if size is None:
        return found
    width, height = size[rows].T
    known = (width > 0) & (height > 0)
    logs = [np.log(np.where(known, value, 1)) for value in (width, height)]
    return {"size": np.stack([*logs, logs[0] - logs[1], known], axis=1)} | found


def _features(images: Tensor) -> dict[str, Floats]:
    flat, slices = planes(images)
    grey = luma(flat)
    values = grey.flatten(1)
    edge = max(1, min(grey.shape[1:]) // 16)
    corner = max(2, min(grey.shape[1:]) // 8)
    strips = [grey[:, :edge], grey[:, -edge:], grey[:, :, :edge], grey[:, :, -edge:]]
    corners = [grey[:, rows, cols] for rows in _ends(corner) for cols in _ends(corner)]
    channels = flat.flatten(2)
    index = (channels * BINS).long().clamp(max=BINS - 1)
    one = torch.ones_like(channels)
    counted = torch.zeros(*channels.shape[:2], BINS).scatter_add_(2, index, one) / channels.shape[2]
    families = {
        "greys": torch.stack([values.mean(1), values.std(1), *(ranked(values, share) for share in QUANTILES)], 1),
        "histogram": counted.sqrt().flatten(1),
        "border": torch.stack([part(s.flatten(1), 1) for s in strips for part in (torch.mean, torch.std)], 1),
        "corners": torch.stack([c.flatten(1).mean(1) for c in corners], 1),
        "layout": adaptive_avg_pool2d(flat, LAYOUT).flatten(1),
    }
    return {name: value.view(-1, slices, value.shape[1]).mean(1).double().numpy() for name, value in families.items()}


def _ends(count: int) -> tuple[slice, slice]:
    return slice(None, count), slice(-count, None)
