"""Frames of a DICOM file, and the tags of each: its own, those that all frames share, or those of the file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...problems import UnsupportedFile
from .tags import number, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
RESCALING, WINDOWING = "PixelValueTransformationSequence", "FrameVOILUTSequence"


def tags_of_frame(read: Dataset, frame: int, sequence: str) -> Dataset:
    """Return what holds the rescaling or window of a frame: an item of its functional groups, else the file.

    Args:
        read: An opened file.
        frame: Its number, from 0.
        sequence: `RESCALING` or `WINDOWING`.
    """
    for name, index in zip(GROUPS, (frame, 0), strict=True):
        groups = read.get(name)
        if groups and index < len(groups) and groups[index].get(sequence):
            item: Dataset = groups[index][sequence][0]
            return item
    return read


def rescaling(read: Dataset, frame: int) -> tuple[float, float]:
    """Return slope and intercept that convert the stored values of a frame to physical ones; 1 and 0 if none do.

    Raises:
        UnsupportedFile: The slope would make all values the same.
    """
    item = tags_of_frame(read, frame, RESCALING)
    # doses have a factor of their own, and no slope
    slope = number(item, "RescaleSlope", 1) * number(read, "DoseGridScaling", 1)
    intercept = number(item, "RescaleIntercept", 0)
    if slope == 0 or not math.isfinite(slope + intercept):
        raise UnsupportedFile(f"its rescale slope is {slope:g} and intercept {intercept:g}, which leave one value")
    return slope, intercept


def is_rescaled(read: Dataset, frames: int) -> bool:
    """Tell whether the values of any frame are converted.

    Raises:
        UnsupportedFile: Some frames have functional groups that rescale them, and others have none.
    """
    counted = frames if read.get(GROUPS[0]) else 1
    lacking = [tags_of_frame(read, frame, RESCALING) is read for frame in range(counted)]
    if any(lacking) and not all(lacking) and "RescaleSlope" not in read:
        raise UnsupportedFile(f"frame {lacking.index(True) + 1} lacks the rescaling that other frames have")
    return any(rescaling(read, frame) != (1, 0) for frame in range(counted))


def has_window(read: Dataset) -> bool:
    """Tell whether the first frame has a window or a table of grey levels; tags may be present but empty."""
    item = tags_of_frame(read, 0, WINDOWING)
    return bool((text(item, "WindowCenter") and text(item, "WindowWidth")) or item.get("VOILUTSequence"))
