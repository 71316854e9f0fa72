"""`medshift export`: the images of every condition, for models that run elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ...shifts.errors import MedshiftError
from ..data_options import (
    Classes,
    Data,
    DatasetName,
    Families,
    ImageSize,
    Modality,
    Scale,
    Severities,
    Shifts,
    Source,
    Targets,
)


def export(
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    dataset: DatasetName = None,
    data: Data = None,
    protocol_folder: Annotated[
        Path | None,
        typer.Option("--protocol", metavar="DIR", help="Exactly these terms: a folder of `medshift protocol make`."),
    ] = None,
    form: Annotated[
        Literal["npy", "png"], typer.Option("--format", help="npy: one array a folder; png: a file an image.")
    ] = "npy",
    source: Source = "",
    targets: Targets = "",
    classes: Classes = "",
    image_size: ImageSize = None,
    modality: Modality = "any",
    shifts: Shifts = "",
    family: Families = "",
    severities: Severities = "1,2,3,4,5",
    severity_scale: Scale = "physical",
    requantise: Annotated[
        bool, typer.Option(help="Round shifted 8-bit images to 8 bits, as a scanner's export does.")
    ] = True,
    submissions: Annotated[
        Path, typer.Option(help="Folder of submissions: the protocol and its truth go there, for `medshift score`.")
    ] = Path("submissions"),
) -> None:
    """Write the images of every condition, and the source's with labels; no labels of tests.

    For models that medshift cannot run: predict them anywhere, then `medshift score`. An export that was stopped goes
    on where it was with the same command.
    """
    from ..data_options import load, names, steps
    from ..planning import Choices, ends, plan, settle
    from ..progress import bar, console
    from ..protocol_make import adopt

    choices = Choices(
        source=source,
        targets=names(targets),
        shifts=names(shifts),
        families=names(family),
        severities=steps(severities),
        requantise=requantise,
        scale=severity_scale,
    )
    if protocol_folder is not None:
        if choices != Choices() or classes or image_size or modality != "any":
            raise MedshiftError("--protocol sets domains, classes, image size and shifts: leave their options out")
        loaded, protocol, table = adopt(protocol_folder, dataset, data)
    else:
        loaded, own_source = load(dataset, data, names(classes), image_size, modality)
        with bar("matching severities", unit="shifts") as progress:
            protocol, table = plan(loaded, choices, own_source, progress)
    home = protocol_folder or submissions / protocol.name
    if home.resolve().is_relative_to(out.resolve()):
        raise MedshiftError(f"the truth would lie in {home}, within the export: choose another --submissions or --out")
    from .. import export as exports
    from .. import export_parts

    screen = console()
    for line in ends(protocol):
        screen.print(line, soft_wrap=True, markup=False)
    made = export_parts.parts(protocol, table)
    images, amount = export_parts.size(made, loaded, protocol, form)
    about = "at most about " if form == "png" else "about "
    said = f"{images:,} images in {len(made)} folders, {about}{_bytes(amount)}"
    screen.print(said, soft_wrap=True, markup=False)
    telling = export_parts.telling(made, protocol)
    if telling:
        said = f"ids of test images name classes, e.g. {telling!r}: match by them, but keep them from the model"
        screen.print(said, soft_wrap=True, markup=False)
    if protocol_folder is None:
        settle(protocol, table, home)
    try:
        with bar("exporting", unit="images") as progress:
            exports.export(loaded, protocol, table, out, form, progress)
    except KeyboardInterrupt:
        screen.print("stopped: what was finished is saved, the same command goes on from there")
        raise typer.Exit(130) from None
    print(out)
    print(f"next: medshift score PREDICTIONS --protocol '{home}' --export '{out}' --name NAME --sees source")


def _bytes(amount: int) -> str:
    return f"{amount / 1e9:.2f} GB" if amount >= 1e9 else f"{amount / 1e6:.1f} MB"
