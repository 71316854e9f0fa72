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
    typer.Option("--data", metavar="DIR", help="Folder with manifest.csv or .parquet: image,label,domain,split_group."),
]
Source = Annotated[str, typer.Option(help="Domain to train on; the data set's own, or the largest, by default.")]
Targets = Annotated[str, typer.Option(help="Domains of the real shifts, comma-separated; all others by default.")]
Classes = Annotated[str, typer.Option(help="With --data: the labels to keep, comma-separated, in this order.")]
ImageSize = Annotated[
    int | None, typer.Option(help="With --data: side in pixels; by default the smallest image's, at most 96.")
]
Modality = Annotated[str, typer.Option(help="With --data: mr, ct, xray, fundus, ...; picks the shifts.")]
Shifts = Annotated[str, typer.Option(help="Shifts by name, comma-separated; by default those that suit the modality.")]
Families = Annotated[str, typer.Option(help="Only shifts of these families, comma-separated.")]
Scale = Annotated[
    Literal["physical", "matched"],
    typer.Option("--severity-scale", help="matched: severities at which all shifts cost the same similarity (SSIM)."),
]
Severities = Annotated[str, typer.Option(help="Severities 1 to 5, comma-separated.")]
Requantise = Annotated[bool, typer.Option(help="Round shifted 8-bit images to 8 bits, as a scanner's export does.")]
ProtocolFolder = Annotated[
    Path | None,
    typer.Option("--protocol", metavar="DIR", help="Run on this very protocol: a folder of `medshift protocol make`."),
]


def split_names(text: str) -> tuple[str, ...]:
    """Split a comma-separated option into names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_severities(text: str) -> tuple[int, ...]:
    """Parse a comma-separated option into severities, ascending.

    Raises:
        MedshiftError: One of them is not a whole number.
    """
    try:
        return tuple(sorted(int(step) for step in text.split(",")))
    except ValueError:
        raise MedshiftError(f"invalid --severities {text!r}: use whole numbers from 1 to 5, comma-separated") from None
