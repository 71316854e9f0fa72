"""Finds the submissions below a folder: `ROOT/PROTOCOL/ENTRY/seed-N/`, or one protocol's folder itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..benchmark import submission
from ..benchmark.card import CARD_FILE, Card
from ..benchmark.planning import settled
from ..benchmark.protocol import PROTOCOL_FILE, Protocol
from ..shifts.errors import MedshiftError


@dataclass(frozen=True, eq=False)
class Contest:
    """A protocol, its truth, and the folder where both lie with the entries."""

    folder: Path
    protocol: Protocol
    truth: pd.DataFrame


@dataclass(frozen=True)
class Entry:
    """One row to be: a method with its settings, and the folders of its seeds in their order."""

    name: str
    folders: tuple[Path, ...]


def contest(folder: Path) -> Contest:
    """Returns the protocol and truth of a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, or the truth is another than the protocol's.
    """
    protocol, truth = settled(folder)
    return Contest(folder, protocol, truth)


def contests(root: Path) -> list[Contest]:
    """Returns the contests in a folder, by name.

    Raises:
        MedshiftError: There is none, or one is damaged.
    """
    folders = [root] if (root / PROTOCOL_FILE).is_file() else sorted(_folders(root))
    found = [contest(folder) for folder in folders if (folder / PROTOCOL_FILE).is_file()]
    if not found:
        raise MedshiftError(f"no submissions in {root}: it must hold PROTOCOL/{PROTOCOL_FILE}, as `medshift run` makes")
    return found


def entries(contest: Contest) -> tuple[list[Entry], list[str]]:
    """Returns the complete entries of a contest by name, and a note for every folder that a run has not finished.

    Raises:
        MedshiftError: A folder in an entry is not named `seed-N`.
    """
    found, notes = [], []
    for folder in sorted(_folders(contest.folder)):
        seeds: dict[int, Path] = {}
        for inner in sorted(_folders(folder)):
            number = submission.SEED_FOLDER.fullmatch(inner.name)
            if number is None:
                raise MedshiftError(f"{inner} is not named seed-N: in an entry there are only its seeds")
            if (inner / CARD_FILE).exists():
                seeds[int(number[1])] = inner
            else:
                notes.append(f"{folder.name}/{inner.name} has no {CARD_FILE}: not finished, left out")
        if seeds:
            found.append(Entry(folder.name, tuple(seeds[number] for number in sorted(seeds))))
    return found, notes


def load(contest: Contest, entry: Entry) -> list[tuple[Card, dict[str, NDArray[np.float32]]]]:
    """Returns the card and the probabilities of each seed of an entry.

    Raises:
        MedshiftError: A submission is damaged, or the seeds differ in more than the seed; one line for each.
    """
    loaded, wrong = [], []
    for folder in entry.folders:
        try:
            loaded.append(submission.load(folder, contest.protocol, contest.truth))
        except MedshiftError as error:
            wrong.append(str(error))
    if wrong:
        raise MedshiftError("\n".join(wrong))
    first = loaded[0][0]
    for card, _ in loaded[1:]:
        if card.baseline != first.baseline:
            raise MedshiftError(
                f"{contest.folder / entry.name}: seeds {first.seed} and {card.seed} differ in more than the seed "
                "(baseline, distribution, sees or config): make them two entries"
            )
    return loaded


def _folders(parent: Path) -> Iterator[Path]:
    """Yields the folders in a folder, hidden ones left out."""
    if not parent.is_dir():
        raise MedshiftError(f"{parent} is not a folder")
    return (path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
