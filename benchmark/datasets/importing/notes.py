"""The order in which a user should read the notes on a data set: a screen may show only the first of them."""

from __future__ import annotations

from collections.abc import Iterable


class GraveNote(str):
    """A note on equal images, groups or labels: where it applies, every result may be wrong."""

    __slots__ = ()


class ValueNote(str):
    """A note on what pixel values mean: where it applies, sites may differ in more than their scanners."""

    __slots__ = ()


def by_gravity(notes: Iterable[str]) -> list[str]:
    """Return notes as plain text, the gravest first; those alike in gravity keep their order."""
    order = (GraveNote, ValueNote, str)
    ranked = sorted(notes, key=lambda note: next(rank for rank, kind in enumerate(order) if isinstance(note, kind)))
    return [str(note) for note in ranked]
