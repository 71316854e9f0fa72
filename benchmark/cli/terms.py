"""Data and protocol of a command, from its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..protocols.plan import Choices, unreached_levels
from ..runs import terms
from .progress import bar, console
from .reading import DataOptions, ReadingOptions

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol


def load_chosen(data: DataOptions, reading: ReadingOptions) -> tuple[Dataset, str]:
    """Load the data that the options name, with a bar; see `runs.terms.load_chosen`."""
    return terms.load_chosen(_choice(data, reading), bar)


def resolve_study(
    choices: Choices, protocol_folder: Path | None, data: DataOptions, reading: ReadingOptions
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Return the data, the protocol and its truth, and print where matched severities end.

    Args:
        choices: The choices of a new protocol.
        protocol_folder: Holds a protocol to run on unchanged; None makes one from the choices.
        data: A data set by name, or a folder.
        reading: How the folder is read.
    """
    found, protocol, table = terms.resolve_terms(_choice(data, reading), choices, protocol_folder, bar)
    for line in unreached_levels(protocol):
        console().print(line, soft_wrap=True, markup=False)
    return found, protocol, table


def _choice(data: DataOptions, reading: ReadingOptions) -> terms.DataChoice:
    if data.data is None and reading != ReadingOptions():
        given = ", ".join(reading.given())
        raise MedshiftError(
            f"{given}: how images are read goes with --data DIR; a stored data set has been read already"
        )
    return terms.DataChoice(data.dataset or "", data.data, reading.options())
