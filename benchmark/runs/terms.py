"""What is run on: data by name or from a folder, and a protocol made of choices or made by others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ...shifts.errors import MedshiftError
from ..datasets.brain_mri_sim import NAME as DEFAULT_DATASET
from ..protocols.plan import Choices

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol

#: (label, unit) -> a context that gives a function to be called with (done, in all).
Bar: TypeAlias = Callable[[str, str], AbstractContextManager[Callable[[int, int], None]]]


@contextmanager
def no_bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show no progress."""
    yield lambda done, total: None


@dataclass(frozen=True)
class DataChoice:
    """Which data are run on.

    Args:
        name: Of a built-in, stored or plug-in data set; empty for `DEFAULT_DATASET`, or for a folder.
        folder: Holds images and a manifest, instead of a name.
        classes: Of a folder: the labels to keep, in this order; all by default.
        image_size: Of a folder: side in pixels; None is the smallest image's, at most 96.
        modality: Of a folder: picks the shifts.
    """

    name: str = ""
    folder: Path | None = None
    classes: tuple[str, ...] = ()
    image_size: int | None = None
    modality: str = "any"


def load_chosen(choice: DataChoice, bar: Bar = no_bar) -> tuple[Dataset, str]:
    """Load the chosen data; return them and their own source domain, empty where they have none.

    Raises:
        MedshiftError: Both a name and a folder were given, or the data are damaged.
    """
    from ..datasets import manifest, registry

    if choice.folder is None:
        if choice.classes or choice.image_size or choice.modality != "any":
            raise MedshiftError("--classes, --image-size and --modality go with --data DIR")
        name = choice.name or DEFAULT_DATASET
        with bar(f"making {name}", "patients") as progress:
            found = registry.load_dataset(name, progress)
        return found, registry.source(found)
    if choice.name:
        raise MedshiftError("give --dataset NAME or --data DIR, not both")
    with bar(f"reading {choice.folder}", "images") as progress:
        found = manifest.read_manifest(
            choice.folder,
            classes=choice.classes,
            image_size=choice.image_size,
            modality=choice.modality,
            progress=progress,
        )
    return found, ""


def resolve_terms(
    data: DataChoice, choices: Choices, protocol_folder: Path | None = None, bar: Bar = no_bar
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Return the data, the protocol, and its truth with a column `row`: where the data set has each sample.

    Args:
        data: The data.
        choices: Of the protocol, where one is made.
        protocol_folder: Holds a protocol to run on exactly as it is, instead of choices.
        bar: Shows progress.

    Raises:
        MedshiftError: A protocol and choices that it makes were given together; or as `protocols.data.adopt`,
            `load_chosen` and `severity.matching.plan_protocol` say.
    """
    from ..protocols.data import adopt
    from ..severity.matching import plan_protocol

    if protocol_folder is not None:
        if choices != Choices() or data.classes or data.image_size or data.modality != "any":
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        return adopt(protocol_folder, data.name or None, data.folder)
    found, own_source = load_chosen(data, bar)
    with bar("matching severities", "shifts") as progress:
        protocol, table = plan_protocol(found, choices, own_source, progress)
    return found, protocol, table
