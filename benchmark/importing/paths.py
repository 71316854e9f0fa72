"""Where a data set's files lie, and that they lie below it."""

from __future__ import annotations

from pathlib import Path

from ...shifts.errors import MedshiftError

MANIFESTS = ("manifest.csv", "manifest.parquet")


def locate(path: Path) -> tuple[Path, Path | None]:
    """Returns the folder of the files and the manifest, None where there is none.

    Args:
        path: A manifest, or a folder with or without one.

    Raises:
        MedshiftError: It does not exist, is no table, or the folder has two manifests.
    """
    path = path.expanduser()
    if path.is_dir():
        found = [path / name for name in MANIFESTS if (path / name).is_file()]
        if len(found) > 1:
            raise MedshiftError(f"{path} holds {' and '.join(MANIFESTS)}: name the one that is meant")
        return path, (found[0] if found else None)
    if not path.is_file():
        raise MedshiftError(f"{path}: no such folder or manifest")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise MedshiftError(f"{path} is neither a folder nor a manifest (.csv, .parquet)")
    return path.parent, path


def leads_out(root: Path, name: str) -> bool:
    """Tells whether a path below a folder, with its links followed, leaves the folder.

    Args:
        root: The folder, resolved.
        name: As written in a manifest.
    """
    try:
        return not (root / name).resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):  # a loop of links, a zero byte in a name
        return True
