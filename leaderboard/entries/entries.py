"""Find submissions: `ROOT/PROTOCOL/ENTRY/seed-N/`, where the root may also be a protocol's folder itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from ...benchmark.contract.training_record import Curve
from ...benchmark.files.atomic import sha256_with_unix_ends
from ...benchmark.protocols.folder import read_protocol
from ...benchmark.protocols.protocol import PROTOCOL_FILE, Protocol
from ...benchmark.submissions import submission
from ...benchmark.submissions.card import CARD_FILE, BaselineClaim, Card
from ...benchmark.submissions.expected import Expected
from ...benchmark.submissions.fields import CHANGED_ENDS, ENTRY, SEED_FOLDER
from ...benchmark.submissions.register import Register, as_record, read_register
from ...benchmark.submissions.verification_record import VerificationRecord
from ...shifts.errors import MedshiftError
from .boards_file import Boards, read_boards


@dataclass(frozen=True, eq=False)
class ProtocolFolder:
    """A protocol, its truth, and the folder that holds both, and the entries.

    Args:
        path: The folder.
        protocol: The protocol.
        truth: Its truth.
        own: Whether it is the maintainers' own: others come after it and do not take the badge.
        register: What was run again, if that is kept.
    """

    path: Path
    protocol: Protocol
    truth: pd.DataFrame
    own: bool = True
    register: Register | None = None

    @cached_property
    def expected(self) -> Expected:
        """The rows that predictions must have."""
        return Expected.of(self.protocol, self.truth)


@dataclass(frozen=True)
class Entry:
    """A method with its settings: one row of the leaderboard, with its seed folders in order."""

    name: str
    folders: tuple[Path, ...]


def protocol_folder(path: Path) -> ProtocolFolder:
    """Read the protocol and truth of a folder.

    Raises:
        MedshiftError: One of them is missing or damaged, or the truth does not match the protocol.
    """
    protocol, truth = read_protocol(path)
    return ProtocolFolder(path, protocol, truth, register=read_register(path.absolute().parent))


def protocol_folders(root: Path) -> list[ProtocolFolder]:
    """Find the protocol folders below a root. Links are not followed: their targets would be listed twice.

    The maintainers' own come first, in the order of `boards.json`, if there is one; the others follow by name.

    Raises:
        MedshiftError: There is none, or one is damaged.
    """
    found, damaged = sound_protocol_folders(root)
    if damaged:
        raise MedshiftError(damaged[0])
    return found


def sound_protocol_folders(root: Path) -> tuple[list[ProtocolFolder], list[str]]:
    """Find the protocol folders as `protocol_folders` does; those that are damaged are named, one line each.

    Raises:
        MedshiftError: There is none.
    """
    is_protocol = (root / PROTOCOL_FILE).is_file()
    boards = read_boards(root)
    paths = [root] if is_protocol else [path for path in _folders(root) if not path.is_symlink()]
    decided = boards or Boards()
    found: list[ProtocolFolder] = []
    damaged: list[str] = []
    for path in sorted(paths, key=lambda path: decided.place(path.name)):
        if not (path / PROTOCOL_FILE).is_file():
            continue
        try:
            found.append(replace(protocol_folder(path), own=boards is None or path.name in boards.boards))
        except MedshiftError as error:
            damaged.append(str(error))
    if not found and not damaged:
        raise MedshiftError(f"no submissions in {root}: expected PROTOCOL/{PROTOCOL_FILE}, as `medshift run` writes it")
    return found, damaged


def without_twins(folders: Sequence[ProtocolFolder]) -> tuple[list[ProtocolFolder], list[str]]:
    """Leave out the second of two folders whose protocols have one name, in whatever case, and say so, one line each.

    Their pages would be one file.
    """
    found: dict[str, ProtocolFolder] = {}
    twins: list[str] = []
    for folder in folders:
        first = found.setdefault(folder.protocol.name.casefold(), folder)
        if first is not folder:
            name = folder.protocol.name
            twins.append(
                f"{folder.path}: its protocol is named {name!r}, and so is that of {first.path}, which is shown: give "
                "one of them another name, or remove it"
            )
    return list(found.values()), twins


def find_entries(folder: ProtocolFolder) -> tuple[list[Entry], list[str]]:
    """List the entries of a protocol folder by name, with a note for every unfinished seed.

    Folders whose names no run would give are only counted, as their names cannot be trusted.
    """
    found, notes = [], []
    misnamed = 0
    for path in sorted(_folders(folder.path)):
        if not re.fullmatch(ENTRY, path.name):
            misnamed += 1
            continue
        seeds: dict[int, Path] = {}
        for inner in sorted(_folders(path)):
            number = SEED_FOLDER.fullmatch(inner.name)
            if number is None:
                misnamed += 1
            elif (inner / CARD_FILE).exists():
                seeds[int(number[1])] = inner
            else:
                notes.append(f"{path.name}/{inner.name} has no {CARD_FILE}: unfinished, left out")
        if seeds:
            found.append(Entry(path.name, tuple(seeds[number] for number in sorted(seeds))))
    if misnamed:
        what = "1 folder is" if misnamed == 1 else f"{misnamed} folders are"
        notes.append(f"{what} not named ENTRY/seed-N: left out")
    return found, notes


@dataclass(frozen=True)
class Seed:
    """A submission that passed the preflight check; its predictions are not decoded yet.

    Args:
        folder: The submission.
        card: Its card without claimed scores; with the losses of the training, wherever they are stored.
        mark: The verification record, if there is one; where a register is kept, it alone counts.
        hashes: Of card and predictions.
        curve: The course of the training, if it was kept.
    """

    folder: Path
    card: Card
    mark: VerificationRecord | None
    hashes: tuple[str, str]
    curve: Curve | None = None


def preflights(
    folder: ProtocolFolder, entry: Entry, hashes: Sequence[tuple[str, ...]] = ()
) -> list[submission.Preflight]:
    """Check the seeds of an entry one by one, before their predictions are decoded.

    Args:
        folder: Protocol folder.
        entry: Entry to check.
        hashes: Result of `fingerprints`, if they are known.
    """
    known = hashes or [()] * len(entry.folders)
    rows = folder.expected.rows
    return [
        submission.preflight(path, folder.protocol, rows, own) for path, own in zip(entry.folders, known, strict=True)
    ]


def fingerprints(folder: ProtocolFolder, entry: Entry) -> list[tuple[str, ...]]:
    """Return the hashes of card and predictions of each seed of an entry; an empty pair for one that is not sound."""
    return [submission.fingerprint(path, folder.protocol, folder.expected.rows) for path in entry.folders]


def check_seeds(
    folder: ProtocolFolder, entry: Entry, checked: Sequence[submission.Preflight] = ()
) -> tuple[list[Seed], list[str]]:
    """Check the seeds of an entry before their predictions are decoded.

    Args:
        folder: Protocol folder.
        entry: Entry to check.
        checked: Result of `preflights`, if that was done.

    Returns:
        The seeds that pass, and one line for each that is refused.
    """
    seeds, refused = [], []
    for path, seen in zip(entry.folders, checked or preflights(folder, entry), strict=True):
        if seen.problems or seen.card is None or len(seen.hashes) != 2:
            refused.append(refusal_line(path, seen.problems))
            continue
        # claimed scores are needed for the check only: six hundred of them take half a megabyte of memory
        bare = _with_losses(seen.card.model_copy(update={"scores": ()}), seen.curve)
        hashes = (seen.hashes[0], seen.hashes[1])
        mark = seen.mark if folder.register is None else _registered(folder, entry, bare, hashes)
        if folder.register is not None and mark is None:
            as_written = (sha256_with_unix_ends(path / CARD_FILE), hashes[1])
            if as_written != hashes and _registered(folder, entry, bare, as_written):
                refused.append(f"{path}: {CARD_FILE} is in the register, but {CHANGED_ENDS}")
                continue
        seeds.append(Seed(path, bare, mark, hashes, seen.curve))
    for seed in seeds[1:]:
        if _method(seed.card) != _method(seeds[0].card):
            one, other = seeds[0].card.seed, seed.card.seed
            refused.append(
                f"{folder.path / entry.name}: seeds {one} and {other} differ in more than the seed (baseline, "
                "distribution, sees or config): submit them as two entries"
            )
            return [], refused
    if len(image_sets(seeds)) > 1:
        refused.append(f"{folder.path / entry.name}: its seeds were made with different images under the same names")
        return [], refused
    return seeds, refused


def _method(card: Card) -> BaselineClaim:
    """Return what seeds of an entry must have in common: all but the line of text about the method."""
    return card.baseline.model_copy(update={"summary": ""})


def image_sets(seeds: Sequence[Seed]) -> set[str]:
    """Return the hashes of the images that seeds were made with, where no version stands for them."""
    return {found for seed in seeds if (found := seed.card.dataset.images_sha256)}


def _registered(folder: ProtocolFolder, entry: Entry, card: Card, hashes: tuple[str, str]) -> VerificationRecord | None:
    """Return what the register says of a submission; a file beside its card may be anybody's."""
    run = folder.register and folder.register.find(folder.path.name, entry.name, card.seed, hashes)
    return as_record(run) if run else None


def _with_losses(card: Card, curve: Curve | None) -> Card:
    """Return a card that has the losses of a curve as older cards have theirs, so that both are compared alike."""
    if card.training is None or curve is None:
        return card
    return card.model_copy(update={"training": card.training.model_copy(update={"losses": curve.losses})})


def refusal_line(folder: Path, problems: Sequence[str]) -> str:
    """Name a submission, its first problem, and how many more there are."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{folder}: {problems[0]}{more}"


def _folders(parent: Path) -> Iterator[Path]:
    """Yield the sub-folders of a folder, without hidden ones."""
    if not parent.is_dir():
        raise MedshiftError(f"{parent} is not a folder")
    return (path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
