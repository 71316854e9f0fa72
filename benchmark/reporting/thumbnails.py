"""Thumbnails for pages: small PNG images embedded as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..datasets.dataset import Dataset
from ..datasets.images import to_unit

GAP = 4  # pixels between the images of a strip


def strip(dataset: Dataset, rows: Sequence[int] | NDArray[np.int64], side: int) -> str:
    """Draw images side by side, `side` pixels high, as a PNG data URI; volumes by their middle slice."""
    pictures = [_picture(dataset, int(row), side) for row in rows]
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    canvas = Image.new("RGBA", (max(1, width), side), (0, 0, 0, 0))
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0))
        left += picture.width + GAP
    buffer = io.BytesIO()
    canvas.quantize(256).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _picture(dataset: Dataset, row: int, side: int) -> Image.Image:
    image = to_unit(np.ascontiguousarray(dataset.pixels[row : row + 1]), dataset.value_range)[0]
    if image.ndim == 4:
        image = image[:, image.shape[1] // 2]
    levels = (image * 255).round().to(dtype=image.dtype).numpy().astype(np.uint8)
    picture = Image.fromarray(np.moveaxis(levels, 0, -1) if len(levels) == 3 else levels.mean(0).astype(np.uint8))
    width = max(1, round(side * picture.width / picture.height))
    return picture.convert("RGB").resize((width, side), Image.Resampling.BICUBIC)
