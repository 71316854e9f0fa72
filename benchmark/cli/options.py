"""The options by which every command chooses its data and its protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...shifts.errors import MedshiftError
from ..datasets.brain_mri_sim import NAME as DEFAULT_DATASET

DatasetName = Annotated[
    str | None, typer.Option("--dataset", help=f"A data set by name; {DEFAULT_DATASET} (SIMULATED) by default.")
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
