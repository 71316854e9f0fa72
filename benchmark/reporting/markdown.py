"""Generated sections of Markdown files."""

from __future__ import annotations

from pathlib import Path

from ...shifts.errors import MedshiftError
from ..files.atomic import write_text


def replace_between(path: Path, begin: str, text: str, end: str) -> bool:
    """Replace the text between two markers in a file; return whether anything changed.

    Raises:
        MedshiftError: The file is missing, lacks a marker, or has one twice.
    """
    old, before, after = _around(path, begin, end)
    new = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    if new != old:
        write_text(path, new)
    return new != old


def require_markers(path: Path, begin: str, end: str) -> None:
    """Raise MedshiftError if text cannot be put between two markers of a file: to know it before the text is made."""
    _around(path, begin, end)


def _around(path: Path, begin: str, end: str) -> tuple[str, str, str]:
    """Return a file, and what stands before and after its markers."""
    try:
        old = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MedshiftError(f"{path} cannot be read as text: {error}") from error
    before, first, rest = old.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last or any(mark in before + after for mark in (begin, end)):
        raise MedshiftError(
            f"{path} must have the lines {begin} and, after it, {end}, once each, where the text is to go"
        )
    return old, before, after
