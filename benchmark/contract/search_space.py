"""From where `--tune` draws a hyper-parameter: what a baseline declares as `search`."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Value: TypeAlias = bool | int | float | str


class Draw(Protocol):
    """A distribution of one hyper-parameter."""

    def at(self, place: float) -> Value:
        """Returns the value at a place in [0, 1), all places being alike."""
        ...


Space: TypeAlias = Mapping[str, Draw]  # by the hyper-parameter's name


@dataclass(frozen=True)
class LogUniform:
    """Every factor between `low` and `high` alike, to three significant digits, so that a card can be read.

    >>> LogUniform(1e-4, 1e-2).at(0.5)
    0.001
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse what has no logarithm or no width."""
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(f"a log-uniform draw needs 0 < low < high, not {self.low} and {self.high}")

    def __str__(self) -> str:
        """As documentation shows it."""
        return f"{self.low:g} to {self.high:g}, log-uniform"

    def at(self, place: float) -> float:
        """Returns the value at a place in [0, 1)."""
        return float(f"{self.low * (self.high / self.low) ** place:.3g}")


@dataclass(frozen=True)
class Choice:
    """One of a few values, all alike.

    >>> Choice((1, 5, 20)).at(0.4)
    5
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Refuse an empty choice."""
        if not self.values:
            raise ValueError("a choice needs values")

    def __str__(self) -> str:
        """As documentation shows it."""
        return f"one of {', '.join(map(str, self.values))}"

    def at(self, place: float) -> Value:
        """Returns the value at a place in [0, 1)."""
        return self.values[int(place * len(self.values))]


def draw_settings(space: Space, seed: int, number: int) -> dict[str, Value]:
    """Returns the settings of one draw.

    A value is addressed by seed, number and the hyper-parameter's name: another one in the space does not move it, and
    methods that share a recipe draw the same recipes, so that they share the source models trained by them.

    Args:
        space: Name of the hyper-parameter -> its distribution.
        seed: Of the run.
        number: Of the draw, from 1: the draw 0 are the settings as given.
    """
    return {name: draw.at(_stratum(f"{seed}\x1f{number}\x1f{name}")) for name, draw in space.items()}


def _stratum(address: str) -> float:
    return int.from_bytes(hashlib.blake2b(address.encode(), digest_size=6).digest(), "big") / 2**48
