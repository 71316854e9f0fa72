"""Copies a submission to where a pull request adds it. Sends nothing and runs nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...shifts.errors import MedshiftError
from ..files.atomic import replace
from ..protocols.folder import read_protocol, write_protocol
from . import submission

PLACE = Path("leaderboard") / "submissions"


def submit(folder: Path, checkout: Path) -> tuple[Path, list[str]]:
    """Copy a submission into a checkout; return its new folder and the next steps, one line each.

    Args:
        folder: The submission.
        checkout: A checkout of the repository with the leaderboard.

    Raises:
        MedshiftError: The submission is invalid (one line per problem), the checkout is not one, its leaderboard has
            another protocol of that name, or the seed was submitted before.
    """
    folder = folder.absolute()
    protocol, table = read_protocol(folder.parent.parent)
    found = submission.check_submission(folder, protocol, table)
    if found:
        raise MedshiftError("\n".join([f"{folder} is not a valid submission:", *found]))
    if not (checkout / "leaderboard").is_dir():
        raise MedshiftError(f"{checkout} is not a checkout with a leaderboard folder: give one with --checkout DIR")
    home = checkout / PLACE / protocol.name
    new = not home.exists()
    write_protocol(protocol, table, home)
    place = home / folder.parent.name / folder.name
    if place.exists():
        raise MedshiftError(f"{place} already exists: a seed is submitted once; remove it to replace it")
    try:
        for name in submission.files_to_copy(folder):
            with replace(place / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    except BaseException:  # half a submission would be refused as one that exists
        shutil.rmtree(place, ignore_errors=True)
        raise
    what = place.relative_to(checkout).as_posix()
    branch = f"{protocol.name}-{folder.parent.name}-{folder.name}".replace("+", "-").replace("=", "-").replace("@", "-")
    steps = [
        f"git switch -c {branch}",
        f"git add '{(PLACE / protocol.name).as_posix() if new else what}'",
        f"git commit -m 'Submit {folder.parent.name}, {folder.name}, to {protocol.name}'",
        f"git push -u origin {branch}",
        "then open a pull request; its check rescores the entry and shows where it would rank",
    ]
    if new:
        steps.insert(0, f"# {protocol.name} is a new leaderboard: its protocol and truth are added with the entry")
    return place, steps
