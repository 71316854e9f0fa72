"""Names that become folders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ...shifts.errors import MedshiftError
from .text import unportable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,99}")


def require_name(name: str, what: str) -> None:
    """Raise MedshiftError unless a name matches `NAME`; `what` says what it names, e.g. `data set`."""
    if not NAME.fullmatch(name):
        raise MedshiftError(
            f"invalid {what} name {name!r}: use 1 to 100 letters, digits or . _ + @ -, starting with a letter or digit"
        )


def folder_name(name: str, among: Iterable[str] = ()) -> str:
    """Turn a name into one fit for a folder; if that changes it, a hash of the original is appended.

    Args:
        name: The name.
        among: Names of its neighbours: one that differs in case only needs a hash, too, as some disks ignore case.
    """
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._+@-") else "-" for c in name).lstrip("._+@-")[:100]
    alike = any(other != name and other.casefold() == name.casefold() for other in among)
    if clean == name and not alike and not unportable(name):
        return clean
    return f"{clean or 'data'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
