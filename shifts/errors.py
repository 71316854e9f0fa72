"""The exception for mistakes that users can fix, the kind that is the machine's, and what messages show."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MedshiftError(Exception):
    """A mistake that the user can fix: one line says what was wrong, where, and what to do."""


class MachineError(MedshiftError):
    """What the machine lacks, and no other settings would mend: room on a disk, or a process that was not killed."""


def near(name: str, choices: Iterable[str]) -> str:
    """Suggest known names close to a mistyped one.

    Args:
        name: What was typed.
        choices: The names that exist.

    Returns:
        `" Did you mean 'x' or 'y'?"`, the list of all names where none is close and they are few, or `""`.
    """
    known = sorted(choices)
    close = get_close_matches(name.lower(), known, n=2, cutoff=0.5)
    if close:
        return f" Did you mean {' or '.join(map(repr, close))}?"
    return f" Known: {', '.join(known)}." if 0 < len(known) <= 12 else ""


def shown(value: object) -> str:
    """Format a value for a message: its first 60 characters, in one line."""
    return " ".join(repr(value).split())[:60]


def in_one_line(error: BaseException) -> str:
    """Format an exception of third-party code as `Type: first line of its message`."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
