"""The table of acquisition measures, and the functions that take them from images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.dataset import Dataset
from ...datasets.images import to_unit
from .noise import noise, specks
from .patterns import patterns
from .planes import luma, planes
from .sharpness import sharpness, spectrum
from .tone import colour, tone

BATCH = 1 << 17  # pixel values per batch: about what a CPU cache holds


@dataclass(frozen=True)
class Measure:
    """A measure of one image, as it is reported.

    Args:
        title: Name as printed.
        unit: Unit of the value; empty for a plain number.
        means: What a high value means.
        digits: Decimal places printed.
        part: Heading under which it belongs.
        core: Whether it is part of the short table.
    """

    title: str
    unit: str
    means: str
    digits: int
    part: str
    core: bool = False


MEASURES = {
    "noise": Measure("noise", "% of full scale", "grainy flat areas", 2, "noise", core=True),
    "grain": Measure("grain", "", "correlated, clumpy noise (white noise: 0.5)", 2, "noise"),
    "bright_noise": Measure("noise in bright parts", "log2", "noise grows with brightness", 2, "noise"),
    "specks": Measure("specks", "% of pixels", "isolated outlier pixels", 3, "noise"),
    "edge": Measure("edge width", "px", "blurred edges", 2, "sharpness", core=True),
    "detail": Measure("detail", "dB", "much structure at 4 to 8 pixels", 1, "sharpness", core=True),
    "fine": Measure("fine detail", "dB", "much structure at 2 to 4 pixels", 1, "sharpness"),
    "rows": Measure("rows over columns", "dB", "sharper vertically than horizontally", 1, "sharpness"),
    "streaks": Measure("streaks", "0 to 1", "gradients share one direction", 3, "sharpness"),
    "level": Measure("brightness", "stops relative to white", "bright images", 2, "tone", core=True),
    "black": Measure("black point", "% of full scale", "darkest parts are not black", 1, "tone", core=True),
    "white": Measure("white point", "% of full scale", "brightest parts reach white", 1, "tone", core=True),
    "midtone": Measure("mid-tone exponent", "", "dark mid-tones", 2, "tone", core=True),
    "clipped": Measure("clipped", "% of pixels", "cut off at black or white", 2, "tone"),
    "chroma": Measure("chroma", "% of full scale", "strong colours", 1, "colour", core=True),
    "warmth": Measure("red over blue", "log2", "reddish cast", 2, "colour", core=True),
    "tint": Measure("green over magenta", "log2", "greenish cast", 2, "colour", core=True),
    "blocks": Measure("8 x 8 blocks", "% of coefficients", "JPEG on the stored grid", 2, "patterns", core=True),
    "joints": Measure("block borders", "% of the mean step", "steps at the borders of 8 x 8 blocks", 1, "patterns"),
    "field": Measure(
        "uneven gain", "stops", "illumination or coil sensitivity varies over the image", 2, "patterns", core=True
    ),
    "corners": Measure("corners over centre", "stops", "bright corners", 2, "patterns"),
    "stripes": Measure("stripes", "dB", "one frequency stands out", 1, "patterns"),
    "lines": Measure("lines", "dB", "regular vertical lines", 1, "patterns"),
    "ghosts": Measure("ghosts", "-1 to 1", "the image repeats along its height", 3, "patterns"),
    "rings": Measure("rings", "% of local contrast", "structure constant on circles around the centre", 2, "patterns"),
}
COLOUR = ("chroma", "warmth", "tint")


def measure_names(channels: int) -> list[str]:
    """Return the names of the measures for images with this number of channels."""
    return [name for name in MEASURES if channels == 3 or name not in COLOUR]


def measure(images: Tensor) -> NDArray[np.float64]:
    """Measure images (N, C, *spatial), float32 in [0, 1].

    Returns:
        (N, K) in the order of `measure_names`; for a volume the mean over three slices along its first axis. NaN where
        an image has no value.
    """
    with torch.no_grad():
        flat, slices = planes(images)
        plane = luma(flat)
        found = noise(plane)
        power = spectrum(plane)
        found |= {"specks": specks(flat)}
        found |= sharpness(plane, power, found["noise"] / 100) | tone(plane) | patterns(plane, power)
        if images.shape[1] == 3:
            found |= colour(flat, plane)
        table = torch.stack([found[name] for name in measure_names(images.shape[1])], dim=1).double()
        return table.view(len(images), slices, -1).nanmean(1).numpy()


def measure_rows(
    dataset: Dataset, rows: NDArray[np.int64], done: Callable[[int], None] = lambda count: None
) -> NDArray[np.float64]:
    """Measure images of a data set in batches, (len(rows), K).

    Args:
        dataset: The images.
        rows: Rows of the images, in this order.
        done: Called with the number of images in each batch.
    """
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    parts = []
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        parts.append(measure(to_unit(np.ascontiguousarray(dataset.pixels[part]), dataset.value_range)))
        done(len(part))
    return np.concatenate(parts) if parts else np.empty((0, len(measure_names(dataset.channels))))
