"""What the readers of all kinds of files have in common."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import pandas as pd
from numpy.typing import NDArray


class Reader(Protocol):
    """What reads one kind of files: heads when it is made, pixels row by row."""

    rows: pd.DataFrame
    private: bool  # whether paths may tell of patients
    dtype: Literal["uint8", "uint16", "float32"]
    value_range: tuple[float, float] | None
    notes: list[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, *spatial) of every image."""
        ...

    def image(self, index: int) -> NDArray[Any]:
        """Returns the pixels of a row; raises `Unfit`, or what its decoder does."""
        ...
