"""Names of files as other systems write them: backslashes, other Unicode forms, missing endings."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pandas as pd

from ..formats.sniff import by_name
from ..problems import Problems

ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.]+://")
ABSOLUTE = re.compile(r"(?i)[a-z]:[\\/]|\\\\|/")
HOW = {
    "backslashes": "{:,} paths with backslashes are read with `/`",
    "form": "{:,} paths name their files in another Unicode form (NFC, NFD)",
    "ending": "{:,} paths lack the ending of their files, e.g. {!r}",
}


class Folder:
    """The names in a folder and those below it, each folder listed once.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, frozenset[str]] = {}

    def has(self, name: str) -> bool:
        """Tell whether there is a file, folder or link of a name."""
        folder, slash, base = name.rpartition("/")  # faster than os.path.split
        return base in self.names(folder or slash)

    def names(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; none if it cannot be read."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(os.path.join(self._root, folder)))  # noqa: PTH118, PTH208
            except (OSError, ValueError):
                self._names[folder] = frozenset()
        return self._names[folder]

    def meant(self, name: str) -> tuple[str, list[str]]:
        """Return the file that a name leaves no doubt about, and how it was found; empty if there is none."""
        how = []
        if "\\" in name:
            name, how = name.replace("\\", "/"), ["backslashes"]
        if ABSOLUTE.match(name):
            return "", []
        if not self.has(name) and not name.isascii():
            written, name = name, self._other_form(name)
            how += ["form"] if written != name else []
        if not self.has(name) and not by_name(name):
            folder, base = os.path.split(name)
            found = [other for other in self.names(folder) if other.startswith(f"{base}.") and by_name(other)]
            if len(found) == 1 and base and _stem(found[0]) == base:
                return os.path.join(folder, found[0]), [*how, "ending"]  # noqa: PTH118
        return (name, how) if how and self.has(name) else ("", [])

    def hint(self, name: str) -> str:
        """Name a file like a missing one: in other case, with another ending, or in another folder."""
        name = name.replace("\\", "/")
        folder, base = os.path.split(name)
        like = [other for other in self.names(folder) if other.casefold() == base.casefold()] or [
            other
            for other in self.names(folder)
            if _stem(other).casefold() == _stem(base).casefold() and by_name(other)
        ]
        if not like and base[:1].isdigit():  # a program took the name for a number
            like = [
                other
                for other in self.names(folder)
                if (_stem(other).lstrip("0") or "0") == _stem(base) and by_name(other)
            ]
        if base and len(like) == 1:
            return f"; did you mean {os.path.join(folder, like[0])!r}?"  # noqa: PTH118
        if ABSOLUTE.match(name):
            parts = [part for part in re.split(r"[\\/]", name) if part]
            inner = next((end for at in range(1, len(parts)) if self.has(end := "/".join(parts[at:]))), "")
            return f"; {inner!r} is there" if inner else ""
        if not folder and base:
            elsewhere = [below for below in sorted(self.names("")) if not by_name(below) and base in self.names(below)]
            return f"; did you mean '{elsewhere[0]}/{base}'?" if elsewhere else ""
        return ""

    def _other_form(self, name: str) -> str:
        """Return the path of which each part that is missing is written in another Unicode form, if there is one."""
        found = ""
        for part in name.split("/"):
            known = self.names(found)
            if part not in known:
                form = unicodedata.normalize("NFC", part)
                like = [other for other in known if not other.isascii() and unicodedata.normalize("NFC", other) == form]
                if len(like) != 1:
                    return name
                part = like[0]
            found = f"{found}/{part}" if found else part
        return found


def find_files(root: Path, rows: pd.DataFrame, problems: Problems, notes: list[str]) -> pd.DataFrame:
    """Return the rows with the names of files as they are; those that are not there are told, and become empty.

    Args:
        root: Folder that the names are relative to.
        rows: Columns file and line.
        problems: Collects names of which no file is there but one like it.
        notes: Get how many names were written in another way.
    """
    folder = Folder(root)
    names = rows["file"].tolist()
    if all(map(folder.has, names)):
        return rows
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for index, (name, line) in enumerate(zip(names, rows["line"].tolist(), strict=True)):
        if folder.has(name) or not name.strip() or os.path.lexists(root / name.replace("\0", "")):
            continue
        found, how = folder.meant(name)
        if found:
            names[index] = found
            counts.update(how)
            examples = dict.fromkeys(how, name) | examples
        elif ADDRESS.match(name):
            problems.add(f"{name}: an address, not a path: download the files first", line, "address")
            names[index] = ""
        elif ABSOLUTE.match(name) and not name.startswith("/"):
            text = f"{name}: an absolute path: make it relative to the folder{folder.hint(name)}"
            problems.add(text, line, "absolute")
            names[index] = ""
        elif hint := folder.hint(name):
            leads_out = name.startswith("/")
            what = (
                "leads out of the folder: make absolute paths relative to the folder" if leads_out else "no such file"
            )
            problems.add(f"{name}: {what}{hint}", line, f"hint {what}")
            names[index] = ""
    notes += [HOW[how].format(count, examples[how]) for how, count in counts.items()]
    return rows.assign(file=names)


def _stem(name: str) -> str:
    return name[: -len(".nii.gz")] if name.lower().endswith(".nii.gz") else os.path.splitext(name)[0]  # noqa: PTH122
