"""The place of a submission: whether it is fit for one, and how many entries of its method stand beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...shifts.errors import MedshiftError
from ..files.text import fault, visible
from ..files.wording import plural
from .card import CARD_FILE, LARGEST_CARD, Card
from .fields import ENTRY, unfit

MOST_NAMED = 6
AWAY = "move it away or choose another --out"


def require_fit(folder: Path, submitter: str) -> None:
    """Raise MedshiftError for what would be refused once a submission is made: a name, or a link."""
    if why := fault(submitter):
        raise MedshiftError(f"--submitter {why}")
    if why := unfit_name(folder.absolute().parent):
        raise MedshiftError(f"{folder}: the name of the entry {why}")
    linked = [path for path in (folder, folder.parent) if path.is_symlink()]
    if linked:
        raise MedshiftError(f"{linked[0]} is a link, and a submission lies in folders of its own: choose another --out")


def require_same_images(folder: Path, images_sha256: str | None) -> None:
    """Raise MedshiftError if a submission beside a new one was made with other images: a board compares the two."""
    if why := other_images(folder, images_sha256):
        raise MedshiftError(f"{why}: {AWAY}")


def other_images(folder: Path, images_sha256: str | None) -> str:
    """Say which submission beside a new one was made with other images under the same names; empty if none was.

    Args:
        folder: Of the new one, `.../PROTOCOL/ENTRY/seed-N`.
        images_sha256: Hash of its images, if no version stands for them (`datasets.manifest.local_sha256`).
    """
    if images_sha256 is None:
        return ""
    for path in sorted(folder.absolute().parent.parent.glob(f"*/seed-*/{CARD_FILE}")):
        with suppress(OSError):
            found = None if path.is_symlink() else path.stat()
            if found and found.st_size <= LARGEST_CARD and _images(path, found.st_mtime_ns) not in ("", images_sha256):
                return (
                    f"{path.parent} was made with other images under the same names, and entries of one protocol are "
                    "compared"
                )
    return ""


@lru_cache(maxsize=4096)  # a sweep asks for each of its runs
def _images(path: Path, changed: int) -> str:
    """Read the hash of a submission's images; empty where its card has none or cannot be read."""
    dataset = (_read(path) or {}).get("dataset")
    return str(dataset.get("images_sha256") or "") if isinstance(dataset, dict) else ""


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def unfit_name(entry: Path) -> str:
    """Return why an entry's folder cannot have its name everywhere: some disks do not tell `Tent` from `tent`.

    Of two such folders with submissions both are refused: nothing here tells which was there first.
    """
    name, folded = entry.name, entry.name.casefold()
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(entry.parent) as beside:
        alike = [each for each in beside if each.name.casefold() == folded and each.name != name]
        twins = [each.name for each in alike if any(Path(each).glob(f"seed-*/{CARD_FILE}"))]
        if twins:
            return f"differs from that of {visible(min(twins), 80)!r} in case only: choose another"
    return unfit(name)


def siblings(folder: Path, card: Card) -> list[str]:
    """Count the entries of the same method and of the same submitter beside a submission, and say how it was tuned.

    Args:
        folder: The submission, `.../PROTOCOL/ENTRY/seed-N`.
        card: Its card.
    """
    entry = folder.absolute().parent
    entries = sorted(path for path in entry.parent.iterdir() if path.is_dir() and re.fullmatch(ENTRY, path.name))
    method = [path.name for path in entries if path.name.partition("+")[0] == card.baseline.name]
    lines = [f"{_entries(method)} of {card.baseline.name} here: {_named(method)}"]
    if card.submitter:
        own = [path.name for path in entries if card.submitter in _submitters(path)]
        lines.append(f"{_entries(own)} of the submitter {card.submitter!r} here: {_named(own)}")
    if card.tuning is not None:
        lines.append(
            f"tuned on source validation: {plural(card.tuning.draws, 'draw')}, {len(card.tuning.trials)} tried"
        )
    return lines


def _entries(names: list[str]) -> str:
    return "1 entry" if len(names) == 1 else f"{len(names):,} entries"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _submitters(entry: Path) -> Iterator[str]:
    """Yield the submitters of an entry, as the first of its cards that can be read has it."""
    for path in sorted(entry.glob(f"seed-*/{CARD_FILE}")):
        try:
            if path.is_symlink() or path.stat().st_size > LARGEST_CARD:
                continue
        except OSError:
            continue
        found = _read(path)
        if found is not None:
            yield str(found.get("submitter", ""))
            return
