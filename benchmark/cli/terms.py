"""Data and protocol of a command, from its options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..protocols.plan import Choices, unreached_levels
from ..runs import terms
from .options import parse_severities, split_names
from .progress import bar, console

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol


def choices_from_options(
    source: str,
    targets: str,
    shifts: str,
    family: str,
    severities: str,
    scale: Literal["physical", "matched"],
    requantise: bool,
) -> Choices:
    """Parse the options that choose a protocol (see `cli.options`)."""
    return Choices(
        source=source,
        targets=split_names(targets),
        shifts=split_names(shifts),
        families=split_names(family),
        severities=parse_severities(severities),
        scale=scale,
        requantise=requantise,
    )


def load_chosen(
    dataset: str | None, data: Path | None, classes: str, image_size: int | None, modality: str
) -> tuple[Dataset, str]:
    """Load the data that the options name, with a bar; see `runs.terms.load_chosen`."""
    return terms.load_chosen(_data(dataset, data, classes, image_size, modality), bar)


def resolve_study(
    choices: Choices,
    protocol_folder: Path | None,
    dataset: str | None,
    data: Path | None,
    classes: str,
    image_size: int | None,
    modality: str,
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Return the data, the protocol and its truth, and print where matched severities end.

    Args:
        choices: From `choices_from_options`.
        protocol_folder: Holds a protocol to run on unchanged; None makes one from the choices.
        dataset: Raw option value, as are all arguments below.
        data: A folder with images.
        classes: With commas.
        image_size: In pixels.
        modality: Of the folder's images.
    """
    chosen = _data(dataset, data, classes, image_size, modality)
    found, protocol, table = terms.resolve_terms(chosen, choices, protocol_folder, bar)
    for line in unreached_levels(protocol):
        console().print(line, soft_wrap=True, markup=False)
    return found, protocol, table


def _data(
    dataset: str | None, data: Path | None, classes: str, image_size: int | None, modality: str
) -> terms.DataChoice:
    return terms.DataChoice(dataset or "", data, split_names(classes), image_size, modality)
