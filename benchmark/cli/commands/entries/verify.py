"""`medshift verify`: run a submission again and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .....shifts.errors import MedshiftError
from ...options import expand
from ...reading import ReadingOptions
from ..check import require_submission


@expand
def verify(
    folder: Annotated[Path, typer.Argument(help="Holds card.json and predictions.parquet.")],
    reading: ReadingOptions,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its data, unless they come with medshift or a plug-in.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to run; the card's device by default.")] = "",
    mark: Annotated[bool, typer.Option("--mark", help="Write verified.json beside the card if reproduced.")] = False,
    by: Annotated[str, typer.Option(help="With --mark: who verified.")] = "",
) -> None:
    """Run a submission again from its card, in a clean process, and report whether it is reproduced.

    A folder of images is read as it was for the run: with the same options.
    """
    from ....files.atomic import scratch_folder
    from ....runs.verify import verify as run_again
    from ....runs.verify import write_record as write_mark

    if reading.given() and data is None:
        raise MedshiftError(f"{', '.join(reading.given())}: how images are read goes with --data DIR")
    require_submission(folder)
    with scratch_folder("verify") as out:
        outcome = run_again(folder, out, data, device, reading.options())
    print(outcome.text)
    for line in outcome.differences:
        print(f"  {line}")
    if mark:
        write_mark(folder, outcome, by)
        print(f"marked: {folder / 'verified.json'}")
    if outcome.result == "differs":
        raise typer.Exit(1)
