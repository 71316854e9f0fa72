"""`medshift shifts`: preview shifts, measure them, document them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..options import GroupsPerDomain, IgnoreSplit, ShiftOptions, Source, expand
from ..reading import DataOptions, ReadingOptions

GALLERY = "shifts.html"  # in a site

app = typer.Typer(no_args_is_help=True, help="Look at shifts and measure them.")


@app.command("preview")
@expand
def preview(
    data: DataOptions,
    reading: ReadingOptions,
    chosen: ShiftOptions,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The picture, .png, .pdf, .eps or .ps; in a folder it is shifts.png.")
    ] = Path("shifts.png"),
    images: Annotated[int, typer.Option(help="Number of images, spread over the data set.", min=1, max=20)] = 1,
) -> None:
    """Draw a contact sheet: one row per shift, one column per severity."""
    import numpy as np

    from ....shifts.preview import contact_sheet
    from ...datasets.images import Images
    from ...files.atomic import replace
    from ...files.destinations import output_file
    from ...protocols.plan import shift_names
    from ..terms import load_chosen, print_notes

    out = output_file(out, "shifts.png", (".png", ".pdf", ".eps", ".ps"))
    choices = chosen.choices()  # before the data: a large folder takes minutes to read
    loaded, _ = load_chosen(data, reading)
    print_notes(loaded)
    rows = np.linspace(0, len(loaded.table) - 1, images + 2)[1:-1].astype(int)
    batch = Images(loaded.pixels[rows], loaded.value_range).batch(slice(None))
    ids = loaded.table["sample_id"].iloc[rows].astype(str).tolist()
    with replace(out) as temporary:
        contact_sheet(
            batch, ids, shift_names(loaded, choices), choices.severities, 0, temporary, out.suffix[1:].lower()
        )
    print(out)


@app.command("gallery")
def gallery(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page, .html; in a folder it is shifts.html.")] = Path(
        GALLERY
    ),
) -> None:
    """Make a page that shows every built-in shift at five severities, with its physics, unit and source."""
    from ...files.destinations import output_file

    out = output_file(out, GALLERY, (".html",))
    write_gallery(out)
    print(out)


def write_gallery(out: Path, home: str = "") -> None:
    """Write the gallery of shifts to a file; `home` is the index that it links to."""
    from ...files.atomic import write_text
    from ...severity.gallery.gallery import gallery as render
    from ..progress import bar

    with bar("drawing", unit="shifts") as progress:
        write_text(out, render(home, progress))


@app.command("calibrate")
@expand
def calibrate(
    data: DataOptions,
    reading: ReadingOptions,
    chosen: ShiftOptions,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder into which calibration.csv and calibration.png are written.")
    ] = Path("calibration"),
    source: Source = "",
    images: Annotated[int, typer.Option(help="Training images to compare pixels on, at most.", min=1)] = 64,
    groups_per_domain: GroupsPerDomain = False,
    ignore_split: IgnoreSplit = False,
) -> None:
    """Measure each shift and severity on source training images: RMSE, PSNR, SSIM, and what a simple probe loses."""
    from ...files.atomic import write_text
    from ...files.destinations import output_folder
    from ...protocols.plan import plan
    from ...reporting.terminal import print_table
    from ...severity.calibration import calibrate as measure
    from ...severity.calibration import spread_lines
    from ...severity.chart import draw, print_calibration
    from ..progress import bar, console
    from ..terms import load_chosen, print_notes

    output_folder(out, "calibration.csv")
    choices = replace(chosen.choices(source), groups_per_domain=groups_per_domain, ignore_split=ignore_split)
    loaded, own_source = load_chosen(data, reading)
    print_notes(loaded)
    protocol, rows = plan(loaded, choices, own_source)
    with bar("measuring", unit="shifts") as progress:
        found = measure(loaded, rows, protocol, images, progress)
    write_text(out / "calibration.csv", found.to_csv(index=False, float_format="%.5f", lineterminator="\n"))
    draw(found, f"{loaded.name} {loaded.version}, source {protocol.source}", out / "calibration.png")
    print_table(console(err=False), print_calibration(found))
    for line in spread_lines(found):
        console(err=False).print(line, soft_wrap=True, markup=False)
    print(out / "calibration.csv")
    print(out / "calibration.png")


@app.command("table")
def table(
    into: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Replace the catalogue between its markers in this file.")
    ] = None,
) -> None:
    """Write the catalogue as Markdown: severities in physical units, modalities, sources."""
    from ..tables import shifts as shift_table

    if into is None:
        print(shift_table.markdown())
    else:
        print(f"{into}: {'written' if shift_table.into(into) else 'up to date'}")
