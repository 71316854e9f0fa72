"""The line of a TOML file in which a key stands, for messages; tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import TypeAlias

#: Keys, and indices of arrays of tables, from the top: `("protocols", 0, "source")`.
Path: TypeAlias = "Sequence[str | int]"


def line_of(text: str, path: Path) -> int:
    """Return the number of the line, from 1, in which a key's value or table begins; 0 if it is nowhere.

    The first lines of a file are a file, too, unless they end within a value: the key begins where the last of these
    that lacks it ends.
    """
    lines = text.split("\n")
    before = 0
    for count in range(1, len(lines) + 1):
        try:
            parsed = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(parsed, path):
            return before + 1
        before = count
    return 0


def _has(found: object, path: Path) -> bool:
    for step in path:
        inside = isinstance(step, int) and step < len(found) if isinstance(found, list) else _is_key(found, step)
        if not inside:
            return False
        found = found[step]  # type: ignore[index]
    return True


def _is_key(found: object, step: str | int) -> bool:
    return isinstance(found, dict) and step in found
