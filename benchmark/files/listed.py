"""Names out of a list that a user typed, where names may hold commas."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Collection, Iterable

from ...shifts.errors import MedshiftError, near


def pick(given: Iterable[str], known: Collection[str], what: str) -> tuple[str, ...]:
    """Resolve names as typed: each text is a name, or several parted by commas, with quotes around those that hold one.

    Args:
        given: What was typed, e.g. `("A,B", "St. Anna, Wien")`.
        known: The names that there are; a text that is one of them is never split.
        what: What they name, for the message.

    Raises:
        MedshiftError: A name is unknown, near ones are suggested; or what was typed holds none.
    """
    found: dict[str, None] = {}
    typed = tuple(given)
    for text in typed:
        for name in [text] if text in known else _split(text):
            if name not in known:
                raise MedshiftError(f"unknown {what} {name!r}.{near(name, known)}")
            found[name] = None
    if typed and not found:
        raise MedshiftError(f"{typed[0]!r} names no {what}: leave it out for all")
    return tuple(found)


def pasted(names: Iterable[str]) -> str:
    """Write names as one argument for a shell from which `pick` reads them again."""
    cells = io.StringIO()
    csv.writer(cells, lineterminator="").writerow(list(names))
    return shlex.quote(cells.getvalue())


def _split(text: str) -> list[str]:
    cells = next(csv.reader([text], skipinitialspace=True), [])
    return [cell.strip() for cell in cells if cell.strip()]
