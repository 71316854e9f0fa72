"""Figures with intervals in one array: a thousand entries of a thousand figures take 24 MB instead of a gigabyte."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...benchmark.reporting.numbers import format_estimate
from ...benchmark.scoring.estimate import Estimate, intervals_of


class Figure(NamedTuple):
    """A figure and its 95 % interval; NaN where undefined."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The figure as printed: `.873 [.84, .90]`."""
        return format_estimate(*self)

    @property
    def defined(self) -> bool:
        """Whether the figure is not NaN."""
        return not math.isnan(self.value)


NOTHING = Figure(math.nan, math.nan, math.nan)


@dataclass(frozen=True, eq=False)
class Figures:
    """Figures by name (of a condition or an aggregate) and metric.

    Args:
        names: Names of the rows.
        metrics: Names of the columns.
        values: (names, metrics, 3): value, low, high.
    """

    names: Sequence[str]
    metrics: Sequence[str]
    values: NDArray[np.float64]

    def __getitem__(self, key: tuple[str, str]) -> Figure:
        """Return the figure of a (name, metric) pair."""
        name, metric = key
        value, low, high = self.values[self.names.index(name), self.metrics.index(metric)].tolist()
        return Figure(value, low, high)

    def __contains__(self, name: str) -> bool:
        """Return whether there are figures under a name."""
        return name in self.names


def to_array(estimates: Mapping[str, Mapping[str, Estimate]]) -> NDArray[np.float64]:
    """Compute value, low and high of all estimates at once: (names, metrics, 3), as `Estimate.interval` would."""
    flat = [found for by_metric in estimates.values() for found in by_metric.values()]
    values = np.array([found.value for found in flat])
    return np.column_stack([values, intervals_of(flat)]).reshape(len(estimates), -1, 3)
