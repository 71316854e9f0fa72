"""`medshift data add`: import images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ... import interrupts
from ...options import GroupsPerDomain, IgnoreSplit, expand
from ...reading import ReadingOptions

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
    from .summary import print_summary

    options = replace(
        reading.options(licence, citation), groups_per_domain=groups_per_domain, ignore_split=ignore_split
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
    print_summary(added)
    if others:
        first = ", ".join(others[:MOST_OTHERS]) + (", ..." if len(others) > MOST_OTHERS else "")
        console().print(f"not images: {first}", soft_wrap=True, markup=False)
