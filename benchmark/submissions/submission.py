"""Submissions: folders with a card and predictions, untrusted: nothing in them is executed or taken on faith."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..contract.training_record import Curve
from ..files.atomic import PART, sha256, sha256_with_unix_ends
from ..files.text import visible
from ..protocols.protocol import Protocol
from ..scoring.bootstrap import ResampledSplit, resampled_splits
from ..scoring.scores import Scores, by_condition, score
from . import card as cards
from . import curve as curves
from . import predictions, verification_record
from .card import CARD_FILE, CURVE_FILE, Card
from .claims import card_problems, claim_problems
from .expected import Expected
from .fields import CHANGED_ENDS
from .predictions import PREDICTIONS_FILE, Inspected
from .rejections import rejection_problems
from .siblings import unfit_name
from .verification_record import VERIFIED_FILE, VerificationRecord

FILES = (CARD_FILE, PREDICTIONS_FILE)
ALLOWED = (*FILES, CURVE_FILE, VERIFIED_FILE)
BYTES_PER_ROW, BYTES_PER_CLASS = 256, 8  # more than any honest row takes, even with uncompressed ids


def check_submission(folder: Path, protocol: Protocol, truth: pd.DataFrame) -> list[str]:
    """List everything wrong with a submission."""
    return examine(folder, protocol, truth)[0]


def read_submission(
    folder: Path, protocol: Protocol, truth: pd.DataFrame
) -> tuple[Card, dict[str, NDArray[np.float32]]]:
    """Read the card and the probabilities by condition of a submission.

    Raises:
        MedshiftError: Anything is wrong; one line with the folder, the first problem and the number of others.
    """
    found, card, arrays = examine(folder, protocol, truth)
    return _require_valid(folder, found, card), arrays


def read_scores(folder: Path, protocol: Protocol, truth: pd.DataFrame) -> Scores:
    """Read and score a submission once, with intervals, and check its claims against these scores.

    Raises:
        MedshiftError: As `read_submission`.
    """
    found, card, seen = _examine_without_claims(folder, protocol, Expected.of(protocol, truth))
    if found:
        _require_valid(folder, found, card)
    drawn, arrays = resampled_splits(protocol, truth), seen.arrays
    scored = score(protocol, truth, arrays, drawn=drawn)
    _require_valid(folder, claim_problems(card, protocol, scored) if card else [], card)
    return scored


def _require_valid(folder: Path, found: list[str], card: Card | None) -> Card:
    """Return the card of a valid submission, or raise MedshiftError with the first problem."""
    if found or card is None:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise MedshiftError(f"{folder}: {found[0]}{more}")
    return card


@dataclass(frozen=True)
class Preflight:
    """The checks of a submission that need no decoding of its predictions.

    Args:
        problems: All problems found so far.
        readable: Whether the predictions may be opened: they exist and are not absurdly large.
        card: The card, if it can be read.
        mark: The verification record, if there is one.
        hashes: Of card and predictions; empty if they are not read.
        curve: The course of the training, if there is a valid one.
    """

    problems: list[str]
    readable: bool = False
    card: Card | None = None
    mark: VerificationRecord | None = None
    hashes: tuple[str, ...] = ()
    curve: Curve | None = None


@dataclass(frozen=True)
class Examined:
    """All checks of a submission, and what they needed.

    Args:
        problems: All problems found.
        card: The card, if it can be read.
        arrays: The probabilities by condition, if they are valid.
        rejected: Key of each condition with refused images -> (n,) which these are.
        scores: The scores by condition, without aggregates, that the claims were checked against.
    """

    problems: list[str]
    card: Card | None = None
    arrays: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    rejected: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    scores: Scores | None = None


def examine(
    folder: Path, protocol: Protocol, truth: pd.DataFrame
) -> tuple[list[str], Card | None, dict[str, NDArray[np.float32]]]:
    """Return the problems of a submission, its card if readable, and its probabilities if they are valid."""
    seen = examine_and_score(folder, protocol, truth, resampled_splits(protocol, truth, 0))
    return seen.problems, seen.card, seen.arrays


def examine_and_score(
    folder: Path,
    protocol: Protocol,
    truth: pd.DataFrame,
    drawn: Mapping[tuple[str, str], ResampledSplit],
    metrics: Sequence[str] = (),
    expected: Expected | None = None,
    seen: Preflight | None = None,
) -> Examined:
    """Check a submission, and the claims of its card against its scores, which are computed once, with intervals.

    Args:
        folder: The submission.
        protocol: Its protocol.
        truth: The protocol's truth.
        drawn: Result of `bootstrap.resampled_splits`.
        metrics: Metrics to score, the protocol's among them; these by default.
        expected: `Expected.of` the two, to share it between submissions.
        seen: Result of `preflight`, if that was done.
    """
    found, card, inside = _examine_without_claims(folder, protocol, expected or Expected.of(protocol, truth), seen)
    arrays = inside.arrays
    if card is None or not arrays:
        return Examined(found, card, arrays, inside.rejected)
    conditions, frozen = by_condition(protocol, truth, arrays, drawn=drawn, metrics=metrics)
    scores = Scores(conditions, {}, frozen)
    found += claim_problems(card, protocol, scores)
    return Examined(found, card, arrays, inside.rejected, scores)


def _examine_without_claims(
    folder: Path, protocol: Protocol, expected: Expected, seen: Preflight | None = None
) -> tuple[list[str], Card | None, Inspected]:
    seen = seen or preflight(folder, protocol, expected.rows)
    if not seen.readable:
        return seen.problems, seen.card, Inspected([])
    inside = predictions.inspect(folder / PREDICTIONS_FILE, protocol, expected)
    found = seen.problems + [f"{PREDICTIONS_FILE}: {problem}" for problem in inside.problems]
    if seen.card is not None and inside.arrays:
        found += rejection_problems(seen.card, inside)
    return found, seen.card, inside


def files_to_copy(folder: Path) -> list[str]:
    """List the files that make up a submission, the card last, whose presence means that the others are complete."""
    return [name for name in (PREDICTIONS_FILE, CURVE_FILE) if (folder / name).exists()] + [CARD_FILE]


def fingerprint(folder: Path, protocol: Protocol, rows: int) -> tuple[str, ...]:
    """Hash card and predictions; empty if a file is missing, superfluous, a link, or larger than any that is accepted.

    Args:
        folder: The submission.
        protocol: Its protocol.
        rows: How many rows its predictions must have (`Expected.rows`).
    """
    return () if _folder_problems(folder.absolute()) else _hashes(folder, protocol, rows)


def preflight(folder: Path, protocol: Protocol, rows: int, hashes: tuple[str, ...] = ()) -> Preflight:
    """Check a submission without decoding its predictions.

    Args:
        folder: The submission.
        protocol: Its protocol.
        rows: How many rows its predictions must have (`Expected.rows`).
        hashes: Result of `fingerprint`, if it is known.
    """
    folder = folder.absolute()  # whose name and parent count: `.` has neither
    found = [] if hashes else _folder_problems(folder)
    if found:
        return Preflight(found)
    path, card_path = folder / PREDICTIONS_FILE, folder / CARD_FILE
    small = _is_small(path, protocol, rows)
    hashes = hashes or _hashes(folder, protocol, rows)
    parsed = cards.parse(card_path)
    card = parsed if isinstance(parsed, Card) else None
    found += [f"{CARD_FILE}: {problem}" for problem in parsed] if isinstance(parsed, list) else []
    curve = None
    if card is not None:
        curve, wrong = curves.examine(folder, card)
        found += card_problems(card, folder, protocol, rows) + wrong
    if card is not None and hashes and card.predictions.sha256 != hashes[1]:
        found.append(f"{PREDICTIONS_FILE} does not match the card: its sha256 differs")
    if not small:
        found.append(f"{PREDICTIONS_FILE} takes {path.stat().st_size >> 20} MiB for {rows} rows; refused")
    mark = verification_record.parse(folder / VERIFIED_FILE) if (folder / VERIFIED_FILE).exists() else None
    if isinstance(mark, str):
        found.append(f"{VERIFIED_FILE}: {mark}")
    elif mark is not None and mark.predictions_sha256 not in hashes[1:]:
        found.append(f"{VERIFIED_FILE} belongs to other predictions: verify the submission again or remove it")
    elif mark is not None and mark.card_sha256 not in (None, *hashes[:1]):
        changed = sha256_with_unix_ends(card_path) == mark.card_sha256
        what = f"this card, but {CHANGED_ENDS}" if changed else "another card: verify the submission again or remove it"
        found.append(f"{VERIFIED_FILE} belongs to {what}")
    return Preflight(found, small, card, mark if isinstance(mark, VerificationRecord) else None, hashes, curve)


def _hashes(folder: Path, protocol: Protocol, rows: int) -> tuple[str, ...]:
    path, card_path = folder / PREDICTIONS_FILE, folder / CARD_FILE
    small = _is_small(path, protocol, rows) and card_path.stat().st_size <= cards.LARGEST_CARD
    return (sha256(card_path), sha256(path)) if small else ()


def _is_small(path: Path, protocol: Protocol, rows: int) -> bool:
    per_row = BYTES_PER_ROW + BYTES_PER_CLASS * len(protocol.dataset.classes)
    return path.stat().st_size <= rows * per_row + predictions.SLACK


def _folder_problems(folder: Path) -> list[str]:
    """List what is missing, superfluous, a link or not a regular file."""
    linked = [path.name for path in (folder, folder.parent) if path.is_symlink()]
    if linked:
        return [f"{visible(name, 80)!r} is a link" for name in linked]
    if why := unfit_name(folder.parent):
        return [f"the name of the entry {why}"]
    if not folder.is_dir():
        return ["no such folder"]
    found = []
    for path in sorted(folder.iterdir()):
        if path.name not in ALLOWED and PART.fullmatch(path.name):
            found.append(f"{visible(path.name, 80)!r} was left by a run that was killed: remove it, or run again")
        elif path.name not in ALLOWED:
            belong = " and ".join(FILES)
            found.append(f"{visible(path.name, 80)!r} does not belong to a submission, which consists of {belong}")
        elif path.is_symlink() or not path.is_file():
            found.append(f"{path.name!r} is a link or not a regular file")
    return found + [f"{name} is missing" for name in FILES if not (folder / name).exists()]
