"""`medshift data audit`: find problems in a data set, and measure how its scanners differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .....shifts.errors import MedshiftError, near
from ...options import GroupsPerDomain, IgnoreSplit, expand
from ...reading import DataOptions, ReadingOptions


@expand
def audit(
    reading: ReadingOptions,
    name: Annotated[str | None, typer.Argument(help="A data set by name; or give --data DIR.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with manifest.csv or .parquet, instead of a name.")
    ] = None,
    source: Annotated[str, typer.Option(help="Domain that others are compared with; by default the largest.")] = "",
    shifts: Annotated[
        list[str] | None, typer.Option(help="Shifts on whose scales domains are placed, comma-separated.")
    ] = None,
    images: Annotated[int, typer.Option(help="Most images per domain for its fingerprint.", min=20)] = 300,
    validate: Annotated[
        bool,
        typer.Option("--validate", help="Also test whether known shifts are found on half of the source (minutes)."),
    ] = False,
    groups_per_domain: GroupsPerDomain = False,
    ignore_split: IgnoreSplit = False,
    out: Annotated[
        Path, typer.Option(help="The page to write: a file ending in .html, or a folder for audit.html.")
    ] = Path("audit.html"),
    no_thumbnails: Annotated[
        bool, typer.Option("--no-thumbnails", help="Show no images on the page: terms may forbid to pass them on.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the findings and tables as audit.json, to stand beside a board."),
    ] = None,
) -> None:
    """Find leaks, duplicates, confounding and shortcuts; measure how each domain's images were acquired."""
    if name is None and data is None:
        raise MedshiftError("nothing to audit: give the name of a data set, or --data DIR")
    from ....files.destinations import output_file

    where = output_file(out, "audit.html", (".html", ".htm"))
    beside = output_file(record, "audit.json", (".json",), "--record") if record else None
    from ....audit.audit import audit as examine
    from ....audit.report.page import page
    from ....audit.report.recorded import audit_json
    from ....audit.report.terminal import show
    from ....files.atomic import write_text
    from ....protocols.arrange import arrange
    from ....protocols.choices import Choices, require_known
    from ....protocols.plan import shift_names
    from ...options import split_names
    from ...progress import bar, console
    from ...terms import load_chosen, print_notes

    choices = Choices(shifts=split_names(shifts, "--shifts"))
    require_known(choices)
    loaded, own_source = load_chosen(DataOptions(name, data), reading)
    print_notes(loaded)
    loaded = arrange(loaded, Choices(groups_per_domain=groups_per_domain, ignore_split=ignore_split))
    chosen = source or own_source or loaded.domains[0]
    if chosen not in loaded.domains:
        raise MedshiftError(f"unknown domain {chosen!r}.{near(chosen, loaded.domains)}")
    wanted = shift_names(loaded, choices)
    found = examine(loaded, chosen, wanted, bar, images, validate)
    write_text(where, page(found, thumbnails=not no_thumbnails))
    show(found, console(err=False))
    print(where)
    if beside:  # last: if a name of the data cannot be recorded, the rest is there
        write_text(beside, audit_json(found))
        print(beside)
