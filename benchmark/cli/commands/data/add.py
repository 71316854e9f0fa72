"""`medshift data add`: import images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ... import interrupts

if TYPE_CHECKING:
    from ....datasets.dataset import Dataset

MOST_OTHERS = 3  # names shown of files that are not images


def add(
    name: Annotated[str, typer.Argument(help="Name of the new data set.")],
    path: Annotated[Path, typer.Argument(help="A manifest (.csv, .parquet), a folder with one, or a tree of images.")],
    modality: Annotated[str, typer.Option(help="mr, ct, xray, fundus, ...; picks the shifts.")] = "any",
    domain_from: Annotated[
        str,
        typer.Option(help="Site or scanner: a column, `folder`, or a DICOM tag such as Manufacturer."),
    ] = "",
    label_column: Annotated[str, typer.Option(help="Column of the label, or keyword of a DICOM tag.")] = "",
    group_column: Annotated[str, typer.Option(help="Column of the patient; split_group by default.")] = "",
    image_column: Annotated[str, typer.Option(help="Column of the path.")] = "image",
    group_pattern: Annotated[
        str, typer.Option(help=r"Regular expression that finds the patient in a path, e.g. 'patient(\d+)'.")
    ] = "",
    classes: Annotated[str, typer.Option(help="The labels to keep, in this order, separated by commas.")] = "",
    image_size: Annotated[
        int | None,
        typer.Option(help="Side in pixels or voxels; by default the smallest image's, at most 96 (volumes 64)."),
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Make all images grey (1) or colour (3).")] = None,
    window: Annotated[
        str, typer.Option(help="DICOM, NIfTI: CENTRE,WIDTH, file, image (percentiles; default of mr) or none.")
    ] = "",
    slices: Annotated[int, typer.Option(help="NIfTI: number of axial slices per volume; 0 keeps volumes.")] = 0,
    voxel_mm: Annotated[
        float | None, typer.Option(help="NIfTI: side of a voxel; by default the median volume fits.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Terms of use, kept with the data.")] = "",
    citation: Annotated[str, typer.Option(help="What to cite, kept with the data.")] = "",
) -> None:
    """Import images (PNG, JPEG, TIFF, BMP, DICOM or NIfTI) once, to be used with --dataset NAME.

    All problems are listed at once, and then nothing is added.
    """
    from ....datasets.importing.add import add as import_images
    from ....datasets.importing.options import Options
    from ...options import split_names
    from ...progress import bar, console

    options = Options(
        modality=modality,
        image_size=image_size,
        classes=split_names(classes),
        image_column=image_column,
        label_column=label_column,
        group_column=group_column,
        domain_from=domain_from,
        group_pattern=group_pattern,
        channels=channels,
        window=window,
        slices=slices,
        voxel_mm=voxel_mm,
        licence=licence,
        citation=citation,
    )
    others: list[str] = []
    with interrupts.noting("nothing was added"), ExitStack() as bars:
        shown: dict[str, Callable[[int, int], None]] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in shown:
                bars.close()  # the previous step is finished
                shown[what] = bars.enter_context(bar(what, unit="files"))
            shown[what](done, total)

        added = import_images(name, path, options, progress, others.extend)
    _summarise(added)
    if others:
        first = ", ".join(others[:MOST_OTHERS]) + (", ..." if len(others) > MOST_OTHERS else "")
        console().print(f"not images: {first}", soft_wrap=True, markup=False)


def _summarise(added: Dataset) -> None:
    """Print the images per domain and class, the groups, and the notes."""
    import pandas as pd
    from rich.markup import escape
    from rich.table import Table

    from ....datasets import store
    from ...progress import console

    screen = console(err=False)
    labels = added.table["label"].map(dict(enumerate(added.classes)))
    counts = pd.crosstab(added.table["domain"], labels)[list(added.classes)]
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("domain", *added.classes, "groups"):
        shown.add_column(escape(column), overflow="fold", justify="left" if column == "domain" else "right")
    for domain in added.domains:
        groups = added.table["group"][added.table["domain"] == domain].nunique()
        shown.add_row(escape(domain), *(f"{count:,}" for count in counts.loc[domain]), f"{groups:,}")
    screen.print(shown)
    size = " x ".join(map(str, added.spatial))
    channels = f"{added.channels} channel{'s'[: added.channels > 1]}"
    print(f"{len(added.table):,} images of {size}, {channels}, {added.pixels.dtype}; version {added.version}")
    for note in added.notes:
        screen.print(f"note: {note}", soft_wrap=True, markup=False)
    print(
        f"stored in {store.folder(added.name)}; next: medshift run --baseline imagenet-finetune --dataset {added.name}"
    )
