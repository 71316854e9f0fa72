"""Data and protocol of a run: data by name or from a folder, a protocol from choices or from a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..datasets.brain_mri_sim import NAME as DEFAULT_DATASET
from ..datasets.importing.options import Options
from ..datasets.streaming.progress import Bar, no_bar
from ..protocols.choices import Choices

if TYPE_CHECKING:
    import pandas as pd

    from ..datasets.dataset import Dataset
    from ..protocols.protocol import Protocol


@dataclass(frozen=True)
class DataChoice:
    """The choice of data.

    Args:
        name: Name of a built-in, stored or plug-in data set; empty for `DEFAULT_DATASET`, or with a folder.
        folder: Folder with images and a manifest, instead of a name.
        options: How the folder is read.
    """

    name: str = ""
    folder: Path | None = None
    options: Options = field(default_factory=Options)

    def arranged(self, choices: Choices) -> DataChoice:
        """Return the choice such that a folder is read as these choices of a protocol will arrange it."""
        if self.folder is None:
            return self
        options = replace(
            self.options,
            groups_per_domain=self.options.groups_per_domain or choices.groups_per_domain,
            ignore_split=self.options.ignore_split or choices.ignore_split,
        )
        return replace(self, options=options)


def load_chosen(choice: DataChoice, bar: Bar = no_bar) -> tuple[Dataset, str]:
    """Load the chosen data; return them and their own source domain, or an empty name if they have none.

    Raises:
        MedshiftError: Both a name and a folder were given, or the data are damaged.
    """
    from ..datasets import manifest, registry

    if choice.folder is None:
        if choice.options != Options():
            raise MedshiftError("how images are read goes with a folder: a stored data set has been read already")
        name = choice.name or DEFAULT_DATASET
        with bar(f"making {name}", "patients") as progress:
            found = registry.load_dataset(name, progress)
        return found, registry.source(found)
    if choice.name:
        raise MedshiftError("give --dataset NAME or --data DIR, not both")
    with bar(f"reading {choice.folder}", "images") as progress:
        found = manifest.read_with(choice.folder, choice.options, progress)
    return found, ""


def resolve_terms(
    data: DataChoice, choices: Choices, protocol_folder: Path | None = None, bar: Bar = no_bar
) -> tuple[Dataset, Protocol, pd.DataFrame]:
    """Return the data, the protocol, and its truth with a column `row`: the position of each sample in the data set.

    Args:
        data: The data.
        choices: Choices for a new protocol.
        protocol_folder: Folder of an existing protocol, used unchanged instead of choices.
        bar: Shows progress.

    Raises:
        MedshiftError: A protocol was given together with choices that it fixes; see also `protocols.data.adopt`,
            `load_chosen` and `severity.matching.plan_protocol`.
    """
    from ..protocols.arrange import arrange
    from ..protocols.data import adopt
    from ..severity.matching import plan_protocol

    if protocol_folder is not None:
        if choices != Choices():
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        return adopt(protocol_folder, data.name or None, data.folder, data.options, bar)
    found, own_source = load_chosen(data.arranged(choices), bar)
    with bar("matching severities", "shifts") as progress:
        protocol, table = plan_protocol(found, choices, own_source, progress)
    return arrange(found, choices), protocol, table
