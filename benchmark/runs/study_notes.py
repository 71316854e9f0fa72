"""What a user should know of a run's data and protocol before training, for the command line and for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..files.wording import plural
from ..protocols.plan import unreached_levels
from ..protocols.remarks import positive_hint, remarks

if TYPE_CHECKING:
    import pandas as pd

    from ..contract.registry import Baseline
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


def epochs_note(baseline: Baseline, images: int) -> str:
    """Say how often a training of fixed length sees each image: `; 3,000 steps of 32 images are 95.2 epochs`.

    Methods and parts of the labels are compared at equal steps, so the fewer images there are, the more often each is
    seen. Nothing is said of a baseline that is not trained by steps.

    Args:
        baseline: The baseline; one that is trained by steps has `length` and `batch_size`.
        images: Number of training images.
    """
    steps, size = (getattr(baseline, name, None) for name in ("length", "batch_size"))
    if not (isinstance(steps, int) and isinstance(size, int) and steps > 0 and images > 0):
        return ""
    size = min(size, images)
    epochs = steps * size / images
    shown = f"{epochs:,.0f}" if epochs >= 100 else f"{epochs:.3g}"
    return f"; {plural(steps, 'step')} of {plural(size, 'image')} are {shown} epochs"
