"""The terms that a command goes by: those its options choose, or those of a protocol that others made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...shifts.errors import MedshiftError
from ..protocols.plan import Choices, unreached_levels
from .options import load_chosen, parse_severities, split_names

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
    """Returns what the options of a protocol say, as they were typed (see `data_options`)."""
    return Choices(
        source=source,
        targets=split_names(targets),
        shifts=split_names(shifts),
        families=split_names(family),
        severities=parse_severities(severities),
        scale=scale,
        requantise=requantise,
    )


def resolve_study(
    choices: Choices,
    protocol_folder: Path | None,
    dataset: str | None,
    data: Path | None,
    classes: str,
    image_size: int | None,
    modality: str,
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Returns the data, the protocol and its truth, with a column `row`; says where matched severities end.

    Args:
        choices: What `chosen` returned.
        protocol_folder: Holds a protocol to run on as it is; None makes one of the choices.
        dataset: As typed; alike all that follow.
        data: A folder with images.
        classes: With commas.
        image_size: In pixels.
        modality: Of the folder's images.

    Raises:
        MedshiftError: A protocol and options that it sets were given together, or as `adopt`, `load` and `plan` say.
    """
    from ..protocols.data import adopt
    from ..severity.matching import plan_protocol
    from .progress import bar, console

    if protocol_folder is not None:
        if choices != Choices() or classes or image_size or modality != "any":
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        found, protocol, table = adopt(protocol_folder, dataset, data)
    else:
        found, own_source = load_chosen(dataset, data, split_names(classes), image_size, modality)
        with bar("matching severities", unit="shifts") as progress:
            protocol, table = plan_protocol(found, choices, own_source, progress)
    for line in unreached_levels(protocol):
        console().print(line, soft_wrap=True, markup=False)
    return found, protocol, table
