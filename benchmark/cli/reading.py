"""The options of reading a user's images, for `medshift data add` and for `--data` alike."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..datasets.brain_mri_sim import NAME as DEFAULT_DATASET

if TYPE_CHECKING:
    from ..datasets.importing.options import Options

MANIFEST, VALUES, GEOMETRY = "Reading manifests", "Reading pixel values", "Reading sizes and volumes"


@dataclass(frozen=True)
class ReadingOptions:
    """How a folder or manifest is read."""

    modality: Annotated[str, typer.Option(help="mr, ct, xray, fundus, ...; picks the shifts.")] = "any"
    classes: Annotated[
        list[str] | None, typer.Option(help="The labels to keep, in this order, comma-separated or repeated.")
    ] = None
    image_size: Annotated[
        int | None,
        typer.Option(help="Side in pixels or voxels; by default the smallest image's, at most 96 (volumes 64)."),
    ] = None
    image_column: Annotated[str, typer.Option(help="Column of the path.", rich_help_panel=MANIFEST)] = "image"
    label_column: Annotated[
        str, typer.Option(help="Column of the label, or keyword of a DICOM tag.", rich_help_panel=MANIFEST)
    ] = ""
    label_contains: Annotated[
        str,
        typer.Option(
            metavar="FINDING",
            help="Where cells hold several findings (a|b): the classes are this one and `no FINDING`.",
            rich_help_panel=MANIFEST,
        ),
    ] = ""
    drop_label: Annotated[
        list[str] | None,
        typer.Option(help="Leave out images with this label, e.g. NA; may be repeated.", rich_help_panel=MANIFEST),
    ] = None
    domain_from: Annotated[
        str,
        typer.Option(
            help="Site or scanner: a column, `folder`, or a DICOM tag such as Manufacturer.", rich_help_panel=MANIFEST
        ),
    ] = ""
    group_column: Annotated[
        str, typer.Option(help="Column of the patient; split_group by default.", rich_help_panel=MANIFEST)
    ] = ""
    group_pattern: Annotated[
        str,
        typer.Option(
            help=r"Regular expression that finds the patient in a path, e.g. 'patient(\d+)'.", rich_help_panel=MANIFEST
        ),
    ] = ""
    merge_rows: Annotated[
        bool,
        typer.Option("--merge-rows", help="Keep one of several rows of the same image.", rich_help_panel=MANIFEST),
    ] = False
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Read links that lead out of the folder.", rich_help_panel=MANIFEST),
    ] = False
    value_range: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[DOMAIN:]LOW,HIGH",
            help="Pixel values that become black and white, e.g. 0,4095 for 12 bits in 16; may be repeated by domain.",
            rich_help_panel=VALUES,
        ),
    ] = None
    window: Annotated[
        str,
        typer.Option(
            help="DICOM, NIfTI: CENTRE,WIDTH, file, image (percentiles; default of mr) or none.", rich_help_panel=VALUES
        ),
    ] = ""
    nan_as: Annotated[
        str,
        typer.Option(metavar="VALUE|darkest", help="Replaces NaN, e.g. outside of a mask.", rich_help_panel=VALUES),
    ] = ""
    background: Annotated[
        str,
        typer.Option(help="Colour that shows through transparent pixels: a name or #rrggbb.", rich_help_panel=VALUES),
    ] = ""
    channels: Annotated[
        int | None, typer.Option(help="Make all images grey (1) or colour (3).", rich_help_panel=VALUES)
    ] = None
    fit: Annotated[
        Literal["crop", "pad", "stretch"],
        typer.Option(
            help="How an oblong image becomes a square: cut off the ends, add black, or distort.",
            rich_help_panel=GEOMETRY,
        ),
    ] = "crop"
    slices: Annotated[
        int,
        typer.Option(
            help="NIfTI: number of axial slices per volume; several pages or frames: number taken of each file.",
            rich_help_panel=GEOMETRY,
        ),
    ] = 0
    voxel_mm: Annotated[
        float | None,
        typer.Option(help="NIfTI: side of a voxel; by default the median volume fits.", rich_help_panel=GEOMETRY),
    ] = None

    def given(self) -> list[str]:
        """Return the options that differ from their defaults, as typed."""
        return [
            f"--{field.name.replace('_', '-')}" for field in fields(self) if getattr(self, field.name) != field.default
        ]

    def options(self, licence: str = "", citation: str = "") -> Options:
        """Return the options of an import.

        Args:
            licence: Terms of use.
            citation: What to cite.

        Raises:
            MedshiftError: A value is out of range, or not a regular expression.
        """
        from ..datasets.importing.options import Options

        return Options(
            modality=self.modality,
            image_size=self.image_size,
            classes=tuple(self.classes or ()),
            image_column=self.image_column,
            label_column=self.label_column,
            label_contains=self.label_contains,
            drop_labels=tuple(self.drop_label or ()),
            domain_from=self.domain_from,
            group_column=self.group_column,
            group_pattern=self.group_pattern,
            merge_rows=self.merge_rows,
            follow_links=self.follow_links,
            value_ranges=tuple(self.value_range or ()),
            window=self.window,
            nan_as=self.nan_as,
            background=self.background,
            channels=self.channels,
            fit=self.fit,
            slices=self.slices,
            voxel_mm=self.voxel_mm,
            licence=licence,
            citation=citation,
        )


@dataclass(frozen=True)
class DataOptions:
    """The data of a command: a data set by name, or a folder."""

    dataset: Annotated[
        str | None, typer.Option(help=f"A data set by name; {DEFAULT_DATASET} (SIMULATED) by default.")
    ] = None
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with a manifest: columns image, label, domain, split_group."),
    ] = None
