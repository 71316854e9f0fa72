"""What a baseline states of its hyper-parameters: distributions for `--tune`, and up to where values are ordinary."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Value: TypeAlias = bool | int | float | str
LATER = "later"  # in a field's metadata: the hyper-parameter came after cards were published (`registry.later`)
MOST = "most"  # in a field's metadata: the largest ordinary value (`at_most`)


def at_most(most: float) -> dict[str, object]:
    """State the largest ordinary value of a hyper-parameter that costs time or memory, as the metadata of its field.

    Nobody is kept from larger values in runs of their own. `medshift verify` runs a stranger's only with `--force`.

    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class MyBaseline:
    ...     epochs: int = field(default=10, metadata=at_most(500))
    """
    return {MOST: most}


class Draw(Protocol):
    """A distribution of one hyper-parameter."""

    def at(self, place: float) -> Value:
        """Return the value at a quantile in [0, 1)."""
        ...


Space: TypeAlias = Mapping[str, Draw]  # by the hyper-parameter's name


@dataclass(frozen=True)
class LogUniform:
    """Log-uniform between `low` and `high`, rounded to three significant digits for readable cards.

    >>> LogUniform(1e-4, 1e-2).at(0.5)
    0.001
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse an empty range, or one without a logarithm."""
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(f"LogUniform needs 0 < low < high, not {self.low} and {self.high}")

    def __str__(self) -> str:
        """Format for documentation."""
        return f"{self.low:g} to {self.high:g}, log-uniform"

    def at(self, place: float) -> float:
        """Return the value at a quantile in [0, 1)."""
        return float(f"{self.low * (self.high / self.low) ** place:.3g}")


@dataclass(frozen=True)
class Choice:
    """Uniform over a few values.

    >>> Choice((1, 5, 20)).at(0.4)
    5
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Refuse an empty choice."""
        if not self.values:
            raise ValueError("Choice needs at least one value")

    def __str__(self) -> str:
        """Format for documentation."""
        return f"one of {', '.join(map(str, self.values))}"

    def at(self, place: float) -> Value:
        """Return the value at a quantile in [0, 1)."""
        return self.values[int(place * len(self.values))]


def draw_settings(space: Space, seed: int, number: int) -> dict[str, Value]:
    """Draw one setting of all hyper-parameters in a search space.

    A value depends only on seed, number and the hyper-parameter's name, not on the rest of the space: methods that
    share a recipe draw the same recipes, and so share source models.

    Args:
        space: Name of the hyper-parameter -> its distribution.
        seed: Seed of the run.
        number: Number of the draw, from 1; draw 0 is the settings as given.
    """
    return {name: draw.at(_quantile(f"{seed}\x1f{number}\x1f{name}")) for name, draw in space.items()}


def _quantile(address: str) -> float:
    return int.from_bytes(hashlib.blake2b(address.encode(), digest_size=6).digest(), "big") / 2**48
