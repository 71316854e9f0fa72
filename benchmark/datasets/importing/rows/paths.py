"""Locating a folder or manifest, and keeping its paths inside the folder."""

from __future__ import annotations

import os
from pathlib import Path

from .....shifts.errors import MedshiftError

MANIFESTS = ("manifest.csv", "manifest.parquet")


def locate(path: Path) -> tuple[Path, Path | None]:
    """Return the folder of the files and the manifest, None if there is none.

    Args:
        path: A manifest, or a folder with or without one.

    Raises:
        MedshiftError: It does not exist, is neither folder nor table, or the folder has two manifests.
    """
    path = path.expanduser()
    if path.is_dir():
        found = [path / name for name in MANIFESTS if (path / name).is_file()]
        if len(found) > 1:
            raise MedshiftError(f"{path} holds {' and '.join(MANIFESTS)}: give the path of the one to read")
        return path, (found[0] if found else None)
    if not path.is_file():
        raise MedshiftError(f"{path}: no such folder or manifest")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise MedshiftError(f"{path} is neither a folder nor a manifest (.csv, .parquet)")
    return path.parent, path


class ContainedPaths:
    """Resolves links in paths below a folder, each parent folder once.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._folders: dict[str, str] = {}

    def real(self, name: str) -> str | None:
        """Return the absolute path of a name with links resolved; None if it leaves the folder.

        Args:
            name: Path relative to the folder.
        """
        if "\0" in name:
            return None
        folder, base = os.path.split(name)
        try:
            if folder not in self._folders:
                self._folders[folder] = os.path.realpath(os.path.join(self._root, folder))  # noqa: PTH118
            path = os.path.join(self._folders[folder], base)  # noqa: PTH118
            if base in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114
                path = os.path.realpath(path)
        except OSError:  # a name that is too long
            return None
        return path if path == self._root or path.startswith(self._root.rstrip(os.sep) + os.sep) else None
