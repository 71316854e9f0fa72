"""Data and protocol of a command, from its options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..protocols.choices import Choices
from ..runs import terms
from .progress import bar, console
from .reading import DataOptions, ReadingOptions

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol


def load_chosen(data: DataOptions, reading: ReadingOptions, choices: Choices | None = None) -> tuple[Dataset, str]:
    """Load the data that the options name, with a bar; see `runs.terms.load_chosen`.

    Args:
        data: A data set by name, or a folder.
        reading: How the folder is read.
        choices: Those of the protocol that it is for.
    """
    return terms.load_chosen(data_choice(data, reading).arranged(choices or Choices()), bar)


def resolve_study(
    choices: Choices, protocol_folder: Path | None, data: DataOptions, reading: ReadingOptions
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Return the data, the protocol and its truth, and print what a user should know of them (`print_remarks`).

    Args:
        choices: The choices of a new protocol.
        protocol_folder: Holds a protocol to run on unchanged; None makes one from the choices.
        data: A data set by name, or a folder.
        reading: How the folder is read.
    """
    found, protocol, table = terms.resolve_terms(data_choice(data, reading), choices, protocol_folder, bar)
    print_remarks(found, protocol, table, planned=protocol_folder is None and not choices.positive)
    return found, protocol, table


def print_remarks(dataset: Dataset, protocol: Protocol, table: pd.DataFrame, *, planned: bool) -> None:
    """Print, to standard error, the notes of the data, what is special of the protocol, and where severities end.

    Args:
        dataset: The data.
        protocol: The protocol.
        table: Its truth with a column `row`.
        planned: The positive class was not chosen, and can still be.
    """
    from ..runs.study_notes import study_notes

    _print(study_notes(dataset, protocol, table, planned=planned))


def print_notes(dataset: Dataset) -> None:
    """Print, to standard error, the notes of the data: for commands that make no protocol."""
    from ..runs.study_notes import data_notes

    _print(data_notes(dataset))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        console().print(line, soft_wrap=True, markup=False)


def data_choice(data: DataOptions, reading: ReadingOptions, *, folder_elsewhere: bool = False) -> terms.DataChoice:
    """Return the choice of data that the options make.

    Args:
        data: A data set by name, or a folder.
        reading: How the folder is read.
        folder_elsewhere: The folder may be named elsewhere, as by the file of a study.

    Raises:
        MedshiftError: Options of reading are given without a folder, or are wrong.
    """
    if data.data is None and reading != ReadingOptions() and not folder_elsewhere:
        given = ", ".join(reading.given())
        raise MedshiftError(
            f"{given}: how images are read goes with --data DIR; a stored data set has been read already"
        )
    return terms.DataChoice(data.dataset or "", data.data, reading.options())
