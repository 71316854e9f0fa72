"""Finds the submissions below a folder: `ROOT/PROTOCOL/ENTRY/seed-N/`, or one protocol's folder itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...benchmark.protocols.folder import read_protocol
from ...benchmark.protocols.protocol import PROTOCOL_FILE, Protocol
from ...benchmark.submissions import submission
from ...benchmark.submissions.card import CARD_FILE, ENTRY, Card
from ...benchmark.submissions.verification_record import VerificationRecord
from ...shifts.errors import MedshiftError


@dataclass(frozen=True, eq=False)
class ProtocolFolder:
    """A protocol, its truth, and the folder where both lie with the entries."""

    folder: Path
    protocol: Protocol
    truth: pd.DataFrame


@dataclass(frozen=True)
class Entry:
    """One row to be: a method with its settings, and the folders of its seeds in their order."""

    name: str
    folders: tuple[Path, ...]


def protocol_folder(folder: Path) -> ProtocolFolder:
    """Returns the protocol and truth of a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, or the truth is another than the protocol's.
    """
    protocol, truth = read_protocol(folder)
    return ProtocolFolder(folder, protocol, truth)


def protocol_folders(root: Path) -> list[ProtocolFolder]:
    """Returns the contests in a folder, by name. Links are not followed: what they lead to would be there twice.

    Raises:
        MedshiftError: There is none, or one is damaged.
    """
    own = (root / PROTOCOL_FILE).is_file()
    folders = [root] if own else sorted(path for path in _folders(root) if not path.is_symlink())
    found = [protocol_folder(folder) for folder in folders if (folder / PROTOCOL_FILE).is_file()]
    if not found:
        raise MedshiftError(f"no submissions in {root}: it must hold PROTOCOL/{PROTOCOL_FILE}, as `medshift run` makes")
    return found


def entries(contest: ProtocolFolder) -> tuple[list[Entry], list[str]]:
    """Returns the complete entries of a contest by name, and a note for every folder that a run has not finished.

    Folders with names that no run gives are left out and noted, their names unsaid.
    """
    found, notes = [], []
    strange = 0
    for folder in sorted(_folders(contest.folder)):
        if not re.fullmatch(ENTRY, folder.name):
            strange += 1
            continue
        seeds: dict[int, Path] = {}
        for inner in sorted(_folders(folder)):
            number = submission.SEED_FOLDER.fullmatch(inner.name)
            if number is None:
                strange += 1
            elif (inner / CARD_FILE).exists():
                seeds[int(number[1])] = inner
            else:
                notes.append(f"{folder.name}/{inner.name} has no {CARD_FILE}: not finished, left out")
        if seeds:
            found.append(Entry(folder.name, tuple(seeds[number] for number in sorted(seeds))))
    if strange:
        notes.append(f"{strange} folders are not named ENTRY/seed-N: left out")
    return found, notes


@dataclass(frozen=True)
class Seed:
    """A submission that is in order as far as can be seen from outside."""

    folder: Path
    card: Card
    mark: VerificationRecord | None
    hashes: tuple[str, str]


def check_seeds(contest: ProtocolFolder, entry: Entry, rows: int) -> tuple[list[Seed], list[str]]:
    """Returns the seeds of an entry that are in order from outside, and why the others are not, one line for each.

    Args:
        contest: Protocol and folder.
        entry: Where its seeds lie.
        rows: `submission.expected_rows`.
    """
    seeds, refused = [], []
    for folder in entry.folders:
        seen = submission.preflight(folder, contest.protocol, rows)
        if seen.problems or seen.card is None or len(seen.hashes) != 2:
            refused.append(in_a_line(folder, seen.problems))
            continue
        # the claims were only to be compared: six hundred of them are half a megabyte in memory
        bare = seen.card.model_copy(update={"scores": ()})
        seeds.append(Seed(folder, bare, seen.mark, (seen.hashes[0], seen.hashes[1])))
    for seed in seeds[1:]:
        if seed.card.baseline != seeds[0].card.baseline:
            one, other = seeds[0].card.seed, seed.card.seed
            refused.append(
                f"{contest.folder / entry.name}: seeds {one} and {other} differ in more than the seed (baseline, "
                "distribution, sees or config): make them two entries"
            )
            return [], refused
    return seeds, refused


def in_a_line(folder: Path, problems: Sequence[str]) -> str:
    """Returns a submission and what is wrong with it: the first problem, and how many more there are."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{folder}: {problems[0]}{more}"


def _folders(parent: Path) -> Iterator[Path]:
    """Yields the folders in a folder, hidden ones left out."""
    if not parent.is_dir():
        raise MedshiftError(f"{parent} is not a folder")
    return (path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
