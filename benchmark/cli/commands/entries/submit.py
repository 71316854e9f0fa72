"""`medshift submit`: prepare a submission for a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..check import require_submission


def submit(
    folder: Annotated[
        Path, typer.Argument(help="An entry with all its seeds, .../PROTOCOL/ENTRY, or one, .../seed-N.")
    ],
    checkout: Annotated[Path, typer.Option(help="A checkout of the repository with the leaderboard.")] = Path(),
) -> None:
    """Check an entry, copy its seeds into a checkout's leaderboard/submissions, and print what to do next.

    Nothing is sent anywhere.
    """
    from ....submissions.submit import submit as prepare

    require_submission(folder)
    place, steps = prepare(folder, checkout)
    print(place)
    print("next:")
    for step in steps:
        print(f"  {step}")
