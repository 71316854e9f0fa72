"""Frames of one file: which of its slices, pages or frames are taken."""

from __future__ import annotations

ONE_OF_EACH = " (--slices 1 takes one of each)"  # the way on where some files have fewer than is asked for


def spread(count: int, wanted: int) -> list[int]:
    """Return the indices of `wanted` of `count` frames, spread evenly; each stands in the middle of its share."""
    return [int((index + 0.5) * count / wanted) for index in range(wanted)]
