"""Contact sheet of shifts applied to images, severity by severity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from . import catalogue
from .apply import apply_shift

CELL_INCHES = 1.5


def contact_sheet(
    images: Tensor,
    sample_ids: Sequence[str],
    names: Sequence[str],
    severities: Sequence[int],
    seed: int,
    out: Path,
    form: str | None = None,
) -> None:
    """Write a picture with one row per shift and image: the original, then one column per severity.

    Args:
        images: (N, C, *spatial) float32 in [0, 1]; volumes are shown by their middle slice.
        sample_ids: N strings.
        names: Shifts, in the order of the rows.
        severities: In the order of the columns, each labelled with the shift's physical value.
        seed: The protocol's seed.
        out: The file to write; its folder must exist.
        form: `png`, `pdf`, `eps` or `ps`; by default the file's ending.
    """
    rows, columns = len(names) * len(images), len(severities) + 1
    height, width = images.shape[-2:]
    figure = Figure(figsize=(CELL_INCHES * (columns + 0.7), (CELL_INCHES * height / width + 0.22) * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    for block, name in enumerate(names):
        shifted = [apply_shift(name, images, severity, sample_ids, seed) for severity in severities]
        labels = ["original", *(_label(name, severity) for severity in severities)]
        for index in range(len(images)):
            for axes, label, batch in zip(grid[block * len(images) + index], labels, [images, *shifted], strict=True):
                axes.imshow(_picture(batch[index]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.set_title(label, fontsize=6, pad=2)
            first = grid[block * len(images) + index][0]
            first.set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center", labelpad=4)
    figure.subplots_adjust(left=0.12, right=0.995, top=1 - 0.2 / figure.get_figheight(), bottom=0.002, wspace=0.03)
    figure.savefig(out, format=form, dpi=130, metadata={"Software": None})


def _label(name: str, severity: int) -> str:
    values = catalogue.severities(name)
    value = "" if values is None else f": {values[severity - 1]:g} {catalogue.shift_info(name).unit}"
    return f"{severity}{value}"


def _picture(image: Tensor) -> NDArray[np.float32]:
    """Convert an image (C, *spatial) to (H, W) or (H, W, 3); any other number of channels is shown as its mean."""
    if image.ndim == 4:
        image = image[:, image.shape[1] // 2]
    pixels = image.cpu().numpy().astype(np.float32)
    return np.moveaxis(pixels, 0, -1) if len(pixels) == 3 else pixels.mean(0)
