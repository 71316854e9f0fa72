"""What intervals hold beside the spread of replicates, as arrays: parts that no resample varies, and excesses.

An entry's figures are kept as replicates by seed; a study, which averages over seeds of its own choice and compares
cells, makes estimates of them again, and needs these parts for intervals that are those of the board.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...benchmark.scoring.estimate import Estimate
from ...benchmark.scoring.still import Still


@dataclass(frozen=True, eq=False)
class Openness:
    """What is open of P figures of S seeds.

    Args:
        places: (L,) `Still.where` of all parts.
        place_units: (L,) `Still.units` of each.
        place_patients: (L, N) whether patient 0..N-1 is among `Still.patients` of each.
        still: (P, S, L, 2) `Still.down` and `Still.up` of each figure's part, 0 where it has none.
        excess: (P, S, 2) `Estimate.excess`.
    """

    places: NDArray[np.str_]
    place_units: NDArray[np.float64]
    place_patients: NDArray[np.bool_]
    still: NDArray[np.float64]
    excess: NDArray[np.float64]


def packed(figures: Sequence[Sequence[Estimate]]) -> Openness:
    """Pack what is open of estimates: by figure, then by seed."""
    parts: dict[str, Still] = {}
    for found in figures:
        for each in found:
            parts.update({part.where: part for part in each.still})
    places = sorted(parts)
    patients = max((max(part.patients, default=-1) for part in parts.values()), default=-1)
    member = np.zeros((len(places), patients + 1), dtype=np.bool_)
    for row, where in enumerate(places):
        member[row, sorted(parts[where].patients)] = True
    still = np.zeros((len(figures), len(figures[0]), len(places), 2))
    excess = np.zeros((len(figures), len(figures[0]), 2))
    for figure, found in enumerate(figures):
        for seed, each in enumerate(found):
            excess[figure, seed] = each.excess
            for part in each.still:
                still[figure, seed, places.index(part.where)] = part.down, part.up
    units = np.array([parts[where].units for where in places], dtype=np.float64)
    return Openness(np.array(places, dtype=np.str_), units, member, still, excess)


def opened(found: Estimate, packed_parts: Openness, figure: int, seed: int) -> Estimate:
    """Return an estimate with what is open of it.

    Args:
        found: A figure of one seed.
        packed_parts: Result of `packed`.
        figure: Which of its figures it is.
        seed: Which of its seeds.
    """
    sides = packed_parts.still[figure, seed]
    parts = tuple(
        Still(
            str(packed_parts.places[place]),
            float(sides[place, 0]),
            float(sides[place, 1]),
            float(packed_parts.place_units[place]),
            frozenset(np.flatnonzero(packed_parts.place_patients[place]).tolist()),
        )
        for place in np.flatnonzero(sides.any(axis=1))
    )
    down, up = packed_parts.excess[figure, seed].tolist()
    return replace(found, still=parts, excess=(down, up))
