"""A finding of an audit and its weight."""

from __future__ import annotations

from dataclasses import dataclass

GRAVE, SERIOUS, NOTE = 3, 2, 1


@dataclass(frozen=True)
class Finding:
    """One finding.

    Args:
        weight: `GRAVE`, `SERIOUS` or `NOTE`.
        text: What was found, with its figure.
        advice: What to do about it.
        rank: Order among findings of the same weight, highest first.
        nameless: The text without the names of images, where it has some; empty where it has none.
    """

    weight: int
    text: str
    advice: str
    rank: float = 0.0
    nameless: str = ""
