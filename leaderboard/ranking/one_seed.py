"""A figure of one seed of an entry, as an estimate."""

from __future__ import annotations

from dataclasses import fields

from ...benchmark.scoring.estimate import Estimate
from ..entries.openness import Openness, opened
from ..entries.scoring import paired_names
from .board import Row


def of_seed(row: Row, name: str, place: int, units: float, bounds: tuple[float, float]) -> Estimate:
    """Return `validation` or an aggregate of PAIRED for one seed, in the ranking metric, with what is open of it.

    Args:
        row: The entry.
        name: Name of the figure.
        place: Place of the seed among the cards.
        units: Effective number of groups behind it.
        bounds: Lowest and highest possible value.
    """
    values = row.by_seed(name)[place]
    found = Estimate(float(values[0]), values[1:], units=units, bounds=bounds)
    parts = Openness(*(getattr(row.scored, field.name) for field in fields(Openness)))
    return opened(found, parts, paired_names(row.aggregates.names).index(name), place)
