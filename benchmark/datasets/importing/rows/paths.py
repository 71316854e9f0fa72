"""Locating a folder or manifest, and keeping its paths inside the folder."""

from __future__ import annotations

import os
from pathlib import Path

from .....shifts.errors import MedshiftError

MANIFESTS = ("manifest.csv", "manifest.parquet", "manifest.tsv")
TABLES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


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
        if not found:  # `Manifest.CSV`
            named = {
                entry.name.lower(): entry for entry in os.scandir(path) if entry.name.lower().startswith("manifest.")
            }
            found = [path / named[name].name for name in MANIFESTS if name in named and named[name].is_file()]
            if not found and (book := next((name for name in named if Path(name).suffix in WORKBOOKS), "")):
                raise MedshiftError(f"{path / named[book].name} is a workbook: save its sheet as manifest.csv")
        if len(found) > 1:
            names = " and ".join(file.name for file in found)
            raise MedshiftError(f"{path} holds {names}: give the path of the one to read")
        return path, (found[0] if found else None)
    if not path.is_file():
        raise MedshiftError(f"{path}: no such folder or manifest")
    if path.suffix.lower() in WORKBOOKS:
        raise MedshiftError(f"{path} is a workbook: save its sheet as CSV (in Excel: `CSV UTF-8`)")
    if path.suffix.lower() not in TABLES:
        raise MedshiftError(f"{path} is neither a folder nor a manifest (.csv, .tsv, .parquet)")
    return path.parent, path


def linked_folders(root: Path) -> list[Path]:
    """List the folders that links in a folder lead out to: the one that holds all of what they lead to, if there is."""
    inside = ContainedPaths(root)
    found = set()
    for folder, below, files in os.walk(root):
        for name in (*below, *files):
            path = os.path.join(folder, name)  # noqa: PTH118
            if os.path.islink(path):  # noqa: PTH114
                real = os.path.realpath(path)
                if not inside.holds(real):
                    found.add(real if os.path.isdir(real) else os.path.dirname(real))  # noqa: PTH112, PTH120
    common = os.path.commonpath(found) if found else ""
    return [Path(common)] if common.strip(os.sep) else sorted(map(Path, found))


class ContainedPaths:
    """Resolves links in paths below a folder, each parent folder once.

    Args:
        root: The folder.
        follow: Whether links may lead out of it.
    """

    def __init__(self, root: Path, follow: bool = False) -> None:
        self._root, self._follow = os.path.realpath(root), follow
        self._given = os.path.abspath(root)  # noqa: PTH100
        self._folders: dict[str, str] = {}

    def real(self, name: str) -> str | None:
        """Return the absolute path of a name with links resolved; None if it leaves the folder.

        A link that leads out and may gets the path of the link: equal files in a cache of hashes have one target.

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
        if self.holds(path):
            return path
        return self._lexical(name) if self._follow and ".." not in name.split("/") else None

    def relative(self, name: str) -> str:
        """Return an absolute path below the folder as a relative one; any other name as it is."""
        path = self._lexical(name) if os.path.isabs(name) else None  # noqa: PTH117
        if path is None:
            return name
        root = next(root for root in (self._given, self._root) if path.startswith(root.rstrip(os.sep) + os.sep))
        return os.path.relpath(path, root)

    def holds(self, path: str) -> bool:
        """Tell whether an absolute path without links is the folder or below it."""
        return path == self._root or path.startswith(self._root.rstrip(os.sep) + os.sep)

    def refusal(self, name: str) -> str:
        """Describe why a name leaves the folder, and what to do."""
        if self._lexical(name) is None or ".." in name.split("/"):
            absolute = name.startswith("/")
            return "leads out of the folder" + (": make absolute paths relative to the folder" if absolute else "")
        return "a link that leads out of the folder (--follow-links reads it, `cp -rL` copies what it leads to)"

    def _lexical(self, name: str) -> str | None:
        """Return the absolute path of a name, links kept; None if it is not below the folder."""
        if "\0" in name:
            return None
        path = os.path.normpath(os.path.join(self._given, name))  # noqa: PTH118
        for root in (self._given, self._root):
            if path.startswith(root.rstrip(os.sep) + os.sep):
                return path
        return None
