"""What is measured of an image to tell how it was acquired: the table of measures, and all of them for many images."""

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

BATCH = 1 << 17  # values of images at a time: about what a cache holds


@dataclass(frozen=True)
class Measure:
    """A figure of one image.

    Args:
        title: As printed.
        unit: Of the figure; empty for a plain number.
        means: One line: what a high figure means.
        digits: Printed behind the point.
        part: Heading that it stands under.
        core: Shown in the short table.
    """

    title: str
    unit: str
    means: str
    digits: int
    part: str
    core: bool = False


MEASURES = {
    "noise": Measure("noise", "% of full scale", "grainy flat areas", 2, "noise", core=True),
    "grain": Measure("grain", "", "noise in clumps (white noise: 0.5)", 2, "noise"),
    "bright_noise": Measure("noise in bright parts", "log2", "noise grows with brightness", 2, "noise"),
    "specks": Measure("specks", "% of pixels", "pixels that stick out alone", 3, "noise"),
    "edge": Measure("edge width", "px", "blurred edges", 2, "sharpness", core=True),
    "detail": Measure("detail", "dB", "much structure of 4 to 8 pixels", 1, "sharpness", core=True),
    "fine": Measure("fine detail", "dB", "much structure of 2 to 4 pixels", 1, "sharpness"),
    "rows": Measure("rows over columns", "dB", "sharper down than across", 1, "sharpness"),
    "streaks": Measure("streaks", "0 to 1", "slopes point one way", 3, "sharpness"),
    "level": Measure("brightness", "stops below white", "bright images", 2, "tone", core=True),
    "black": Measure("black point", "% of full scale", "darkest parts are not black", 1, "tone", core=True),
    "white": Measure("white point", "% of full scale", "brightest parts reach white", 1, "tone", core=True),
    "midtone": Measure("mid-tone exponent", "", "dark mid-tones", 2, "tone", core=True),
    "clipped": Measure("clipped", "% of pixels", "cut off at black or white", 2, "tone"),
    "chroma": Measure("chroma", "% of full scale", "strong colours", 1, "colour", core=True),
    "warmth": Measure("red over blue", "log2", "reddish cast", 2, "colour", core=True),
    "tint": Measure("green over magenta", "log2", "greenish cast", 2, "colour", core=True),
    "blocks": Measure("8 x 8 blocks", "% of coefficients", "JPEG on the stored grid", 2, "patterns", core=True),
    "joints": Measure("block joints", "% of the mean step", "steps at the joints of 8 x 8 blocks", 1, "patterns"),
    "field": Measure(
        "uneven gain", "stops", "light or coil sensitivity changes over the image", 2, "patterns", core=True
    ),
    "corners": Measure("corners over centre", "stops", "bright corners", 2, "patterns"),
    "stripes": Measure("stripes", "dB", "one frequency stands out", 1, "patterns"),
    "lines": Measure("lines", "dB", "regular lines across the columns", 1, "patterns"),
    "ghosts": Measure("ghosts", "-1 to 1", "the image repeats along the rows' axis", 3, "patterns"),
    "rings": Measure("rings", "% of local contrast", "the same all around the centre", 2, "patterns"),
}
COLOUR = ("chroma", "warmth", "tint")


def measure_names(channels: int) -> list[str]:
    """Returns the measures that images of so many channels have."""
    return [name for name in MEASURES if channels == 3 or name not in COLOUR]


def measure(images: Tensor) -> NDArray[np.float64]:
    """Returns the measures (N, K), in the order of `names`, of images (N, C, *spatial) float32 in [0, 1].

    Of a volume they are means over three slices across its first axis. NaN where an image does not tell.
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
    """Returns the measures (len(rows), K) of a data set's images, a batch at a time.

    Args:
        dataset: The images.
        rows: Which, in this order.
        done: Called with the number of images of each batch.
    """
    step = max(1, BATCH // int(np.prod(dataset.pixels.shape[1:])))
    parts = []
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        parts.append(measure(to_unit(np.ascontiguousarray(dataset.pixels[part]), dataset.value_range)))
        done(len(part))
    return np.concatenate(parts) if parts else np.empty((0, len(measure_names(dataset.channels))))
