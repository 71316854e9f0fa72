"""Puts a submission where a pull request takes it from. Sends nothing and runs nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...shifts.errors import MedshiftError
from ..protocols.folder import read_protocol, write_protocol
from . import submission

PLACE = Path("leaderboard") / "submissions"


def submit(folder: Path, checkout: Path) -> tuple[Path, list[str]]:
    """Copies a submission into a checkout and returns where to, and what to do next, one line each.

    Args:
        folder: The submission, in order.
        checkout: A checkout of the repository with the leaderboard.

    Raises:
        MedshiftError: The submission is not in order (every problem in a line), the checkout is none, its leaderboard
            has another protocol of that name, or another submission is there.
    """
    folder = folder.absolute()
    protocol, table = read_protocol(folder.parent.parent)
    found = submission.check_submission(folder, protocol, table)
    if found:
        raise MedshiftError("\n".join([f"{folder} is not in order:", *found]))
    if not (checkout / "leaderboard").is_dir():
        raise MedshiftError(f"{checkout} is no checkout with a leaderboard folder: give one with --checkout DIR")
    home = checkout / PLACE / protocol.name
    new = not home.exists()
    write_protocol(protocol, table, home)
    place = home / folder.parent.name / folder.name
    if place.exists():
        raise MedshiftError(f"{place} is there already: a seed is submitted once; remove it to replace it")
    place.mkdir(parents=True)
    for name in submission.FILES:
        shutil.copyfile(folder / name, place / name)
    what = place.relative_to(checkout).as_posix()
    branch = f"{protocol.name}-{folder.parent.name}-{folder.name}".replace("+", "-").replace("=", "-").replace("@", "-")
    steps = [
        f"git switch -c {branch}",
        f"git add '{(PLACE / protocol.name).as_posix() if new else what}'",
        f"git commit -m 'Submit {folder.parent.name}, {folder.name}, to {protocol.name}'",
        f"git push -u origin {branch}",
        "then open a pull request; its check scores the entry again and says where it would stand",
    ]
    if new:
        steps.insert(0, f"# {protocol.name} is a new leaderboard: its protocol and truth go with the entry")
    return place, steps
