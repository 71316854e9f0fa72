"""`medshift data add`: bring images in."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ....datasets.dataset import Dataset

MOST_OTHERS = 3  # files that are no images, of which names are shown


def add(
    name: Annotated[str, typer.Argument(help="What it is to be called.")],
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
    classes: Annotated[str, typer.Option(help="The labels to keep, in this order, with commas.")] = "",
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels or voxels; the smallest image's, at most 96 (volumes 64).")
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Make all images grey (1) or colour (3).")] = None,
    window: Annotated[
        str, typer.Option(help="DICOM, NIfTI: CENTRE,WIDTH, file, image (percentiles; default of mr) or none.")
    ] = "",
    slices: Annotated[int, typer.Option(help="NIfTI: so many axial slices a volume; 0 keeps volumes.")] = 0,
    voxel_mm: Annotated[float | None, typer.Option(help="NIfTI: side of a voxel; fits the median volume.")] = None,
    licence: Annotated[str, typer.Option(help="Terms of use, kept with the data.")] = "",
    citation: Annotated[str, typer.Option(help="What to cite, kept with the data.")] = "",
) -> None:
    """Bring images in: PNG, JPEG, TIFF, BMP, DICOM or NIfTI, packed once and used with --dataset NAME.

    Everything that is wrong is listed at once, and then nothing is added.
    """
    from ....datasets.importing.add import add as bring_in
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
    signal.signal(signal.SIGTERM, _stop)
    others: list[str] = []
    try:
        with ExitStack() as bars:
            shown: dict[str, Callable[[int, int], None]] = {}

            def progress(what: str, done: int, total: int) -> None:
                if what not in shown:
                    bars.close()  # what went before is finished
                    shown[what] = bars.enter_context(bar(what, unit="files"))
                shown[what](done, total)

            made = bring_in(name, path, options, progress, others.extend)
    except KeyboardInterrupt:
        console().print("stopped: nothing was added")
        raise typer.Exit(130) from None
    _tell(made)
    if others:
        first = ", ".join(others[:MOST_OTHERS]) + (", ..." if len(others) > MOST_OTHERS else "")
        console().print(f"no images: {first}", soft_wrap=True, markup=False)


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does, so that what is unfinished is removed."""
    sys.exit(128 + number)


def _tell(made: Dataset) -> None:
    """Prints what was brought in: images of each class in each domain, groups, and what to know."""
    import pandas as pd
    from rich.markup import escape
    from rich.table import Table

    from ....datasets import store
    from ...progress import console

    screen = console(err=False)
    labels = made.table["label"].map(dict(enumerate(made.classes)))
    counts = pd.crosstab(made.table["domain"], labels)[list(made.classes)]
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("domain", *made.classes, "groups"):
        shown.add_column(escape(column), overflow="fold", justify="left" if column == "domain" else "right")
    for domain in made.domains:
        groups = made.table["group"][made.table["domain"] == domain].nunique()
        shown.add_row(escape(domain), *(f"{count:,}" for count in counts.loc[domain]), f"{groups:,}")
    screen.print(shown)
    size = " x ".join(map(str, made.spatial))
    channels = f"{made.channels} channel{'s'[: made.channels > 1]}"
    print(f"{len(made.table):,} images of {size}, {channels}, {made.pixels.dtype}; version {made.version}")
    for note in made.notes:
        screen.print(f"note: {note}", soft_wrap=True, markup=False)
    print(f"kept in {store.folder(made.name)}; next: medshift run --baseline imagenet-finetune --dataset {made.name}")
