"""`medshift shifts`: look at shifts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data_options import Classes, Data, DatasetName, Families, ImageSize, Modality, Severities, Shifts

app = typer.Typer(no_args_is_help=True, help="Look at shifts.")


@app.command("preview")
def preview(
    out: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("shifts.png"),
    dataset: DatasetName = None,
    data: Data = None,
    classes: Classes = "",
    image_size: ImageSize = None,
    modality: Modality = "any",
    shifts: Shifts = "",
    family: Families = "",
    severities: Severities = "1,2,3,4,5",
    images: Annotated[int, typer.Option(help="How many images, spread over the data set.", min=1, max=20)] = 1,
) -> None:
    """Draw a contact sheet: a row for each shift, a column for each severity."""
    import numpy as np

    from ...shifts.preview import contact_sheet
    from ..access import Images
    from ..data_options import load
    from ..planning import Choices, shift_names
    from .run import _names, _steps

    loaded, _ = load(dataset, data, _names(classes), image_size, modality)
    choices = Choices(shifts=_names(shifts), families=_names(family), severities=_steps(severities))
    rows = np.linspace(0, len(loaded.table) - 1, images + 2)[1:-1].astype(int)
    batch = Images(loaded.pixels[rows], loaded.value_range).batch(slice(None))
    ids = loaded.table["sample_id"].iloc[rows].tolist()
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(batch, ids, shift_names(loaded, choices), choices.severities, 0, out)
    print(out)
