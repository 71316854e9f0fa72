"""`medshift data add`: import images."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ...options import GroupsPerDomain, IgnoreSplit, expand
from ...reading import ReadingOptions

if TYPE_CHECKING:
    from ....datasets.dataset import Dataset

MOST_OTHERS = 3  # names shown of files that are not images


@expand
def add(
    name: Annotated[str, typer.Argument(help="Name of the new data set.")],
    path: Annotated[Path, typer.Argument(help="A manifest (.csv, .parquet), a folder with one, or a tree of images.")],
    reading: ReadingOptions,
    groups_per_domain: GroupsPerDomain = False,
    ignore_split: IgnoreSplit = False,
    licence: Annotated[str, typer.Option(help="Terms of use, kept with the data.")] = "",
    citation: Annotated[str, typer.Option(help="What to cite, kept with the data.")] = "",
) -> None:
    """Import images (PNG, JPEG, TIFF, BMP, DICOM or NIfTI) once, to be used with --dataset NAME.

    All problems are listed at once, and then nothing is added.
    """
    from ....datasets.importing.add import add as import_images
    from ...progress import bar, console

    options = replace(
        reading.options(licence, citation), groups_per_domain=groups_per_domain, ignore_split=ignore_split
    )
    signal.signal(signal.SIGTERM, _stop)
    others: list[str] = []
    try:
        with ExitStack() as bars:
            shown: dict[str, Callable[[int, int], None]] = {}

            def progress(what: str, done: int, total: int) -> None:
                if what not in shown:
                    bars.close()  # the previous step is finished
                    shown[what] = bars.enter_context(bar(what, unit="files"))
                shown[what](done, total)

            added = import_images(name, path, options, progress, others.extend)
    except KeyboardInterrupt:
        console().print("stopped: nothing was added")
        raise typer.Exit(130) from None
    _summarise(added)
    if others:
        first = ", ".join(others[:MOST_OTHERS]) + (", ..." if len(others) > MOST_OTHERS else "")
        console().print(f"not images: {first}", soft_wrap=True, markup=False)


def _stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that unfinished files are removed."""
    sys.exit(128 + number)


def _summarise(added: Dataset) -> None:
    """Print the images per domain and class, the groups, and the notes."""
    import pandas as pd
    from rich.markup import escape
    from rich.table import Table

    from ....datasets import store
    from ....datasets.shared_groups import shared_groups_note
    from ....datasets.split_names import split_note
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
    further = [shared_groups_note(added.table), split_note(added.table)]
    for note in (*added.notes, *filter(None, further)):
        screen.print(f"note: {note}", soft_wrap=True, markup=False)
    print(
        f"stored in {store.folder(added.name)}; next: medshift run --baseline imagenet-finetune --dataset {added.name}"
    )
