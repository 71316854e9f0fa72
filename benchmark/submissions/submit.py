"""Copies a submission to where a pull request adds it. Sends nothing and runs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
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
from .fields import SEED_FOLDER
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


def seeds_of(folder: Path) -> list[Path]:
    """List the submissions that a folder stands for: itself, or the seeds of an entry, in order.

    Raises:
        MedshiftError: It is neither.
    """
    folder = folder.absolute()
    if SEED_FOLDER.fullmatch(folder.name):
        return [folder]
    seeds = [path for path in folder.iterdir() if SEED_FOLDER.fullmatch(path.name)] if folder.is_dir() else []
    if not seeds:
        raise MedshiftError(f"{folder} is neither a submission (.../ENTRY/seed-N) nor an entry that holds some")
    return sorted(seeds, key=lambda path: int(path.name.removeprefix("seed-")))


def submit(folder: Path, checkout: Path) -> tuple[Path, list[str]]:
    """Copy a submission, or all seeds of an entry, into a checkout; return its new folder and the next steps in lines.

    Args:
        folder: The submission, or the entry.
        checkout: A checkout of the repository with the leaderboard.

    Raises:
        MedshiftError: A submission is invalid (one line per problem), the checkout is not one, its leaderboard has
            another protocol of that name, or a seed was submitted before. Then nothing is copied.
    """
    seeds = seeds_of(folder)
    entry = seeds[0].parent
    protocol, table = read_protocol(entry.parent)
    for seed in seeds:
        found = submission.check_submission(seed, protocol, table)
        if found:
            raise MedshiftError("\n".join([f"{seed} is not a valid submission:", *found]))
    if not (checkout / "leaderboard").is_dir():
        raise MedshiftError(f"{checkout} is not a checkout with a leaderboard folder: give one with --checkout DIR")
    home = checkout / PLACE / protocol.name
    place, new = home / entry.name, not home.exists()
    if why := siblings.unfit_name(place):
        raise MedshiftError(f"{place}: the name of the entry {why}")
    write_protocol(protocol, table, home)
    there = [path for seed in seeds if (path := place / seed.name).exists()]
    if there:
        raise MedshiftError(f"{there[0]} already exists: a seed is submitted once; remove it to replace it")
    try:
        for seed in seeds:
            _take(seed, protocol, table, place / seed.name)
    except BaseException:  # half a submission would be refused as one that exists
        for seed in seeds:
            shutil.rmtree(place / seed.name, ignore_errors=True)
        raise
    done = place / seeds[0].name if folder.absolute() == seeds[0] else place
    return done, _steps(protocol.name, entry.name, [seed.name for seed in seeds], new=new)


def _steps(protocol: str, entry: str, seeds: Sequence[str], *, new: bool) -> list[str]:
    """Write what to do in the checkout: one branch and one pull request for all seeds of an entry."""
    branch = f"{protocol}-{entry}".replace("+", "-").replace("=", "-").replace("@", "-")
    home = (PLACE / protocol).as_posix()
    added = [home] if new else [f"{home}/{entry}/{seed}" for seed in seeds]
    what = f"{seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    steps = [
        f"git switch -c {branch}",
        f"git add {' '.join(map(repr, added))}",
        f"git commit -m 'Submit {entry}, {what}, to {protocol}'",
        f"git push -u origin {branch}",
        "# where you may not push: fork the repository, and push to the fork's address",
        "then open a pull request; its check rescores the entry and shows where it would rank",
    ]
    if new:
        steps.insert(0, f"# {protocol} is a new leaderboard: its protocol and truth are added with the entry")
    return steps
