"""Frames of one file: which of its slices, pages or frames are taken."""

from __future__ import annotations


def spread(count: int, wanted: int) -> list[int]:
    """Return the indices of `wanted` of `count` frames, spread evenly; each stands in the middle of its share."""
    return [int((index + 0.5) * count / wanted) for index in range(wanted)]
