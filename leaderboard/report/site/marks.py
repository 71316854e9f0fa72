"""What marks an entry in the pictures of a board: a colour and a shape by approach."""

from __future__ import annotations

from collections.abc import Mapping

from ...analysis.approach import approach
from ...ranking.board import Row

MARKS: Mapping[str, str] = {  # approach -> name of its colour and its shape
    "ImageNet transfer": "imagenet",
    "training from scratch": "scratch",
    "adaptation": "adaptation",
}
OTHER = "other"
OUTLINES: Mapping[str, str] = {  # circle, square, triangle, diamond around 0, 0
    "imagenet": "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
    "scratch": "M-4.5,-4.5h9v9h-9z",
    "adaptation": "M0,-5.5L5.5,4.5H-5.5z",
    OTHER: "M0,-5.5L5.5,0L0,5.5L-5.5,0z",
}


def mark_of(row: Row) -> str:
    """Name the colour and shape of an entry."""
    return MARKS.get(approach(row) or "", OTHER)


def title_of(mark: str) -> str:
    """Name the approach that a mark stands for."""
    return next((title for title, name in MARKS.items() if name == mark), "other approach")
