"""The options by which every command chooses its data, and the data they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ...shifts.errors import MedshiftError

if TYPE_CHECKING:
    from ..datasets.dataset import Dataset

DEFAULT = "brain-mri-sim"

DatasetName = Annotated[
    str | None, typer.Option("--dataset", help=f"A data set by name; {DEFAULT} (SIMULATED) by default.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="A folder with manifest.csv (image,label,domain,split_group)."),
]
Source = Annotated[str, typer.Option(help="Domain to train on; the data set's own, or the largest, by default.")]
Targets = Annotated[str, typer.Option(help="Domains of the real shifts, with commas; all others by default.")]
Classes = Annotated[str, typer.Option(help="With --data: the labels to keep, in this order, with commas.")]
ImageSize = Annotated[
    int | None, typer.Option(help="With --data: side in pixels; by default the smallest image's, at most 96.")
]
Modality = Annotated[str, typer.Option(help="With --data: mr, ct, xray, fundus, ...; picks the shifts.")]
Shifts = Annotated[str, typer.Option(help="Shifts by name, with commas; those that suit the modality by default.")]
Families = Annotated[str, typer.Option(help="Only shifts of these families, with commas.")]
Scale = Annotated[
    Literal["physical", "matched"],
    typer.Option("--severity-scale", help="matched: severities at which all shifts cost the same similarity (SSIM)."),
]
Severities = Annotated[str, typer.Option(help="Severities, with commas.")]
Requantise = Annotated[bool, typer.Option(help="Round shifted 8-bit images to 8 bits, as a scanner's export does.")]
ProtocolFolder = Annotated[
    Path | None,
    typer.Option("--protocol", metavar="DIR", help="Exactly these terms: a folder of `medshift protocol make`."),
]


def load_chosen(
    name: str | None, folder: Path | None, classes: tuple[str, ...], image_size: int | None, modality: str
) -> tuple[Dataset, str]:
    """Returns the data set and its own source domain, empty where it has none.

    Raises:
        MedshiftError: Both or neither were meant, or the data are damaged.
    """
    from ..datasets import manifest, registry
    from .progress import bar

    if folder is None:
        if classes or image_size or modality != "any":
            raise MedshiftError("--classes, --image-size and --modality go with --data DIR")
        chosen = name or DEFAULT
        with bar(f"making {chosen}", unit="patients") as progress:
            found = registry.load(chosen, progress)
        return found, registry.source(found)
    if name is not None:
        raise MedshiftError("give --dataset NAME or --data DIR, not both")
    with bar(f"reading {folder}", unit="images") as progress:
        found = manifest.read(folder, classes=classes, image_size=image_size, modality=modality, progress=progress)
    return found, ""


def split_names(text: str) -> tuple[str, ...]:
    """Returns the names in an option that takes several, with commas between."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_severities(text: str) -> tuple[int, ...]:
    """Returns the severities in an option, ascending.

    Raises:
        MedshiftError: One is no whole number.
    """
    try:
        return tuple(sorted(int(step) for step in text.split(",")))
    except ValueError:
        raise MedshiftError(f"--severities takes numbers 1 to 5 with commas between, not {text!r}") from None
