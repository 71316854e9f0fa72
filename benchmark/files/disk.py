"""Space on disk, looked at before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...shifts.errors import MedshiftError
from .wording import byte_size

MARGIN = 1 << 26  # bytes that are left to others


def free_space(folder: Path) -> int | None:
    """Return the bytes that can be written to a folder that need not exist yet; None where unknown."""
    for place in (folder, *folder.parents):
        try:
            return max(0, shutil.disk_usage(place).free - MARGIN)
        except OSError:
            continue
    return None


def lack_of_space(folder: Path, needed: int) -> str:
    """Say what is lacking on the disk of a folder, as the second half of a sentence; empty if nothing is."""
    free = free_space(folder)
    if free is None or needed <= free:
        return ""
    return f"{byte_size(needed)} on disk, {byte_size(free)} are free for {folder}"


def require_disk(folder: Path, needed: int, what: str, way_out: str) -> None:
    """Raise MedshiftError if a disk has no room for what is about to be written.

    Args:
        folder: Where it is written; it need not exist yet.
        needed: Bytes.
        what: What is written, in the plural.
        way_out: What the user can do.
    """
    lacking = lack_of_space(folder, needed)
    if lacking:
        raise MedshiftError(f"{what} need {lacking}: {way_out}")
