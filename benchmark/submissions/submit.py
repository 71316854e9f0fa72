"""Copies a submission to where a pull request adds it. Sends nothing and runs nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..files.atomic import replace, sha256
from ..protocols.folder import read_protocol, write_protocol
from ..protocols.protocol import Protocol
from ..protocols.truth import truth_of
from . import card as cards
from . import predictions, siblings, submission
from .card import CARD_FILE
from .predictions import PREDICTIONS_FILE

PLACE = Path("leaderboard") / "submissions"


def rewrite(path: Path, protocol: Protocol, truth: pd.DataFrame, into: Path) -> None:
    """Rewrite a file of predictions as `write` does, which leaves out whatever is not a row of them.

    Raises:
        MedshiftError: They are invalid.
    """
    seen = predictions.read_all(path, protocol, truth)
    parts: dict[str, tuple[list[str], NDArray[np.float32]]] = {}
    for c in protocol.conditions():
        values = seen.arrays[c.key].copy()
        if c.key in seen.rejected:
            values[seen.rejected[c.key]] = np.nan
        parts[c.key] = truth_of(truth, c)["sample_id"].tolist(), values
    predictions.write(parts, into, rejections=bool(seen.rejected))


def _take(folder: Path, protocol: Protocol, table: pd.DataFrame, place: Path) -> None:
    """Copy a submission, its predictions in the form in which medshift writes them: nothing hidden travels with them.

    Those that medshift wrote have that form, and keep their bytes; of others, the card gets the new hash.
    """
    card = cards.read(folder)
    rewrite(folder / PREDICTIONS_FILE, protocol, table, place / PREDICTIONS_FILE)
    found = sha256(place / PREDICTIONS_FILE)
    same = found == card.predictions.sha256
    for name in submission.files_to_copy(folder):
        if name != PREDICTIONS_FILE and (name != CARD_FILE or same):
            with replace(place / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    if not same:
        claim = card.predictions.model_copy(update={"sha256": found})
        cards.write(card.model_copy(update={"predictions": claim}), place)


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
    place = home / folder.parent.name / folder.name
    if why := siblings.unfit_name(place.parent):
        raise MedshiftError(f"{place}: the name of the entry {why}")
    write_protocol(protocol, table, home)
    if place.exists():
        raise MedshiftError(f"{place} already exists: a seed is submitted once; remove it to replace it")
    try:
        _take(folder, protocol, table, place)
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
        "# where you may not push: fork the repository, and push to the fork's address",
        "then open a pull request; its check rescores the entry and shows where it would rank",
    ]
    if new:
        steps.insert(0, f"# {protocol.name} is a new leaderboard: its protocol and truth are added with the entry")
    return place, steps
