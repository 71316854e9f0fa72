"""What the readers of all kinds of files have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import pandas as pd
from numpy.typing import NDArray

from ..problems import Problems, undecodable

Header = TypeVar("Header")


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


def read_headers(
    root: Path,
    rows: pd.DataFrame,
    head: Callable[[Path], Header],
    problems: Problems,
    progress: Callable[[int, int], None],
) -> tuple[pd.DataFrame, list[Header]]:
    """Returns the rows whose heads can be read, and these; stops with all problems where there is none.

    Args:
        root: Paths are below it.
        rows: Columns file and line.
        head: Reads one; what it raises is a problem of that file.
        problems: Gets them.
        progress: Called with (heads read, in all).
    """
    heads, kept = [], []
    for index, (name, line) in enumerate(zip(rows["file"], rows["line"], strict=True)):
        try:
            heads.append(head(root / name))
            kept.append(index)
        except Exception as error:  # a decoder of hostile bytes may raise anything
            problems.add(f"{name}: {undecodable(root / name, error)}", line)
        progress(index + 1, len(rows))
    if not heads:
        problems.stop()
    return rows.iloc[kept].reset_index(drop=True), heads


OWN = ("file", "line", "label", "domain", "group", "split")  # columns of rows; what else there is is kept as text
