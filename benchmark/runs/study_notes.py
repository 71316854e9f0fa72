"""What a user should know of a run's data and protocol before training, for the command line and for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocols.plan import unreached_levels
from ..protocols.remarks import positive_hint, remarks

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol

NOTES = 8  # notes of the data that are listed


def data_notes(dataset: Dataset) -> list[str]:
    """List the notes of the data, one line each; those beyond the first `NOTES` are counted only."""
    notes = [f"note: {note}" for note in dataset.notes]
    if len(notes) > NOTES:
        notes = [*notes[:NOTES], f"note: {len(notes) - NOTES} more notes on how the images were read"]
    return notes


def study_notes(dataset: Dataset, protocol: Protocol, table: pd.DataFrame, *, planned: bool) -> list[str]:
    """List the notes of the data, what is special of the protocol, and where severities end, one line each.

    Args:
        dataset: The data.
        protocol: The protocol.
        table: Its truth with a column `row`.
        planned: The positive class was not chosen, and can still be.
    """
    hint = positive_hint(protocol) if planned else ""
    return [
        *data_notes(dataset),
        *remarks(protocol, table, dataset),
        *([hint] if hint else []),
        *unreached_levels(protocol),
    ]
