"""Where commands write: `--out` is a folder or a file, and which of the two is said before anything is computed."""

from __future__ import annotations

from pathlib import Path

from ...shifts.errors import MedshiftError

FILE_ENDINGS = (".html", ".htm", ".md", ".csv", ".json", ".parquet", ".png", ".svg", ".pdf", ".zip", ".txt")


def output_folder(path: Path, holds: str, option: str = "--out") -> Path:
    """Check that a path can be a folder, and return it.

    Args:
        path: As given.
        holds: What is written into it, for the message.
        option: The option that gave it.

    Raises:
        MedshiftError: It is a file, is named like one, or lies in one.
    """
    file = _first_file(path)
    if file == path or (path.suffix.lower() in FILE_ENDINGS and not path.is_dir()):
        raise MedshiftError(f"{option} {path}: give a folder, not a file; {holds} is written into it")
    _require_no_file(file, path, option)
    return path


def output_file(path: Path, name: str, endings: tuple[str, ...], option: str = "--out") -> Path:
    """Return the file to write: a path without an ending, or of an existing folder, is a folder for it.

    Args:
        path: As given.
        name: The file's name in a folder.
        endings: What the file's name may end in, the usual one first.
        option: The option that gave it.

    Raises:
        MedshiftError: Its ending is another, or a file stands where a folder is needed.
    """
    if path.is_dir() or not path.suffix:
        path /= name
    if path.suffix.lower() not in endings:
        raise MedshiftError(f"{option} {path}: give a folder, or a file that ends in {' or '.join(endings)}")
    _require_no_file(_first_file(path.parent), path, option)
    return path


def new_folder(path: Path, holds: str, option: str = "--out") -> Path:
    """Check that a path can be a folder of its own: that it is not there yet, or empty; return it.

    Args:
        path: As given.
        holds: What is written into it, for the message.
        option: The option that gave it.

    Raises:
        MedshiftError: It holds something, or cannot be a folder.
    """
    output_folder(path, holds, option)
    if path.exists() and any(path.iterdir()):
        raise MedshiftError(f"{option} {path} is not empty: give a new folder; {holds} is written into it")
    return path


def named_file(path: Path, option: str) -> Path:
    """Check that a path can be a file, whatever its name ends in, and return it.

    Args:
        path: As given.
        option: The option that gave it.

    Raises:
        MedshiftError: It is a folder, or a file stands where a folder is needed.
    """
    if path.is_dir():
        raise MedshiftError(f"{option} {path} is a folder: give a file")
    _require_no_file(_first_file(path.parent), path, option)
    return path


def _first_file(path: Path) -> Path | None:
    """Return the part of a path that exists and is not a folder."""
    return next((part for part in (path, *path.parents) if part.exists() and not part.is_dir()), None)


def _require_no_file(file: Path | None, path: Path, option: str) -> None:
    if file is not None:
        raise MedshiftError(f"{option} {path}: {file} is a file, not a folder")
