"""Calibration: the effect of every severity of every shift on the pixels of a data set and on a fixed probe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_avg_pool3d

from ...shifts import catalogue
from ...shifts.errors import MedshiftError
from ..datasets.dataset import Dataset
from ..protocols.protocol import Protocol
from .damage import Sample, damage, parts, sample, shift_sample

LEARN, JUDGE = 2000, 400  # largest number of images that the probe is trained and evaluated on
GRID = {2: 12, 3: 6}  # number of dimensions -> cells along each axis that the probe sees


def calibrate(
    dataset: Dataset,
    table: pd.DataFrame,
    protocol: Protocol,
    images: int = 64,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Measure every shift and severity of a protocol.

    Pixels are compared on source training images; the probe is trained on clean ones. No image of a test split or of
    another domain is used.

    Args:
        dataset: The images.
        table: Its truth with a column `row`.
        protocol: Shifts, severities, seed and grey levels.
        images: Number of training images on which pixels are compared.
        progress: Called with the number of shifts done and their total.

    Returns:
        One row per shift and severity. Columns: shift, family, severity, value (in the shift's unit), unit, rmse, psnr
        (dB), ssim, accuracy (balanced, of the probe on shifted source validation images) and loss (accuracy on clean
        images less that).
    """
    chosen = sample(dataset, table, protocol.source, "train", images)
    probe = learn(parts(dataset, table, protocol.source, "train", LEARN))

    def judged(change: Callable[[Sample], Tensor]) -> float:
        """Compute the probe's accuracy on changed images of source validation, read again for every change."""
        return accuracy(probe, parts(dataset, table, protocol.source, "val", JUDGE), change)

    clean = judged(_unchanged)
    rows = []
    for number, name in enumerate(protocol.shifts):
        progress(number, len(protocol.shifts))
        entry, values = catalogue.shift_info(name), catalogue.severities(name)
        for severity in protocol.severities:
            done = damage(chosen.images, _shifted(chosen, name, severity, protocol))
            reached = judged(partial(_shifted, name=name, severity=severity, protocol=protocol))
            rows.append(
                {
                    "shift": name,
                    "family": entry.family,
                    "severity": severity,
                    "value": None if values is None else values[severity - 1],
                    "unit": entry.unit,
                    "rmse": done.rmse,
                    "psnr": done.psnr,
                    "ssim": done.ssim,
                    "accuracy": reached,
                    "loss": clean - reached,
                }
            )
    progress(len(protocol.shifts), len(protocol.shifts))
    return pd.DataFrame(rows)


def _shifted(chosen: Sample, name: str, severity: int, protocol: Protocol) -> Tensor:
    return shift_sample(chosen, name, severity, protocol.seed, protocol.grey_levels)


def _unchanged(chosen: Sample) -> Tensor:
    return chosen.images


def learn(clean: Iterable[Sample]) -> Pipeline:
    """Train the probe on clean images, part by part: logistic regression on coarse pixels and simple statistics."""
    features, labels = _features(clean, _unchanged)
    if len(np.unique(labels)) < 2:
        raise MedshiftError("the probe needs training images of at least two classes")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300, class_weight="balanced"))
    probe.fit(features, labels)
    return probe


def accuracy(probe: Pipeline, images: Iterable[Sample], change: Callable[[Sample], Tensor]) -> float:
    """Return the balanced accuracy of a probe on changed images, part by part."""
    features, labels = _features(images, change)
    return float(balanced_accuracy_score(labels, probe.predict(features)))


def _features(
    images: Iterable[Sample], change: Callable[[Sample], Tensor]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what the probe sees of changed images, and their labels; one part of the images is in memory."""
    features, labels = zip(*((probe_features(change(part)), part.labels) for part in images), strict=True)
    return np.concatenate(features), np.concatenate(labels)


def probe_features(images: Tensor) -> NDArray[np.float64]:
    """Compute (N, F): coarse means; each channel's mean, deviation, and log mean difference along each axis."""
    dims = images.ndim - 2
    grid = [min(GRID[dims], side) for side in images.shape[2:]]
    pool: Callable[[Tensor, list[int]], Tensor] = adaptive_avg_pool2d if dims == 2 else adaptive_avg_pool3d  # type: ignore[assignment]
    coarse = pool(images, grid).flatten(1)
    flat = images.flatten(2)
    parts = [coarse, flat.mean(2), flat.std(2)]
    parts += [
        images.diff(dim=axis).abs().flatten(2).mean(2).add(0.02).log()
        for axis in range(-dims, 0)
        if images.shape[axis] > 1
    ]
    return np.concatenate([part.double().numpy() for part in parts], axis=1)


def spread_lines(found: pd.DataFrame) -> list[str]:
    """Format one line per severity: how much the same step differs between shifts."""
    lines = []
    for severity, rows in found.groupby("severity"):
        ranked = rows.sort_values("ssim")
        mild, strong = ranked.iloc[-1], ranked.iloc[0]
        least, most = rows["rmse"].min(), rows["rmse"].max()
        lines.append(
            f"severity {severity}: SSIM {mild['ssim']:.2f} ({mild['shift']}) to {strong['ssim']:.2f} "
            f"({strong['shift']}), median {rows['ssim'].median():.2f}; RMSE {least:.3f} to {most:.3f}, "
            f"{most / max(least, 1e-9):.0f} times; probe loses {rows['loss'].min():+.2f} to {rows['loss'].max():+.2f}"
        )
    return lines


def family_order(families: Sequence[str]) -> list[str]:
    """Sort families in the order of the catalogue, unknown ones last."""
    known = [*catalogue.FAMILIES, "plug-in"]
    return sorted(set(families), key=lambda family: (known.index(family) if family in known else len(known), family))
