"""`medshift export`: the images of every condition, for models that run elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .....shifts.errors import MedshiftError
from ... import interrupts, options
from ...reading import DataOptions, ReadingOptions


@options.expand
def export(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to create: the images are written into it.")],
    data: DataOptions,
    chosen: options.ProtocolOptions,
    reading: ReadingOptions,
    protocol_folder: options.ProtocolFolder = None,
    form: Annotated[
        Literal["npy", "png"], typer.Option("--format", help="npy: one array per condition; png: one file per image.")
    ] = "npy",
    submissions: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of submissions: the protocol and its truth go there, for `medshift score`."
        ),
    ] = Path("submissions"),
) -> None:
    """Write the images of every condition, and labelled source images; no labels of test images.

    For models that medshift cannot run: predict them anywhere, then `medshift score`. An export that was stopped goes
    on where it was with the same command.
    """
    from ....files.destinations import output_folder
    from ....files.wording import byte_size
    from ....protocols.folder import write_protocol
    from ...progress import bar, console
    from ...terms import resolve_study

    output_folder(out, "an export")
    output_folder(submissions, "the protocol", "--submissions")
    loaded, protocol, table = resolve_study(chosen.choices(), protocol_folder, data, reading)
    home = protocol_folder or submissions / protocol.name
    if home.resolve().is_relative_to(out.resolve()):
        raise MedshiftError(f"the labels would lie in {home}, inside the export: choose another --submissions or --out")
    from ....exchange import export as exports
    from ....exchange import layout

    screen = console()
    made = layout.parts(protocol, table)
    images, amount = layout.size(made, loaded, protocol, form)
    about = "at most about " if form == "png" else "about "
    said = f"{images:,} images in {len(made)} folders, {about}{byte_size(amount)}"
    screen.print(said, soft_wrap=True, markup=False)
    telling = layout.telling(made, protocol)
    if telling:
        said = f"ids of test images name classes, e.g. {telling!r}: match by them, but keep them from the model"
        screen.print(said, soft_wrap=True, markup=False)
    if protocol_folder is None:
        write_protocol(protocol, table, home)
    with (
        interrupts.noting("finished conditions are saved; the same command resumes from there"),
        bar("exporting", unit="images") as progress,
    ):
        exports.export(loaded, protocol, table, out, form, progress)
    print(out)
    print(f"next: medshift score PREDICTIONS --protocol '{home}' --export '{out}' --name NAME --sees source")
