"""`boards.json` beside the protocols: what the maintainers of a leaderboard decide, and nobody else's entry can."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ...benchmark.files.schema import Strict, read_own

BOARDS_FILE = "boards.json"
LARGEST = 1 << 20  # bytes
LOGIN = r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\[bot\])?$"  # of GitHub

Login = Annotated[str, Field(pattern=LOGIN)]


class Boards(Strict):
    """Decisions of the maintainers.

    Args:
        boards: Names of the project's own protocols, in the order of the page. Others come after them, and do not take
            the badge.
        maintainers: Those who may change any entry and add protocols.
        owners: `PROTOCOL/ENTRY` -> those who may change it; without one, whoever committed it.
    """

    schema_: Literal["medshift-boards/1"] = Field(default="medshift-boards/1", alias="schema")
    boards: tuple[str, ...] = Field(default=(), strict=False, max_length=1000)
    maintainers: tuple[Login, ...] = Field(default=(), strict=False, max_length=1000)
    owners: dict[str, tuple[Login, ...]] = Field(default_factory=dict, strict=False, max_length=100_000)

    def place(self, name: str) -> tuple[bool, int, str]:
        """Return the key by which protocols are sorted: the project's own first, in order, then by name."""
        own = name in self.boards
        return not own, self.boards.index(name) if own else 0, name


def read_boards(root: Path) -> Boards | None:
    """Read the file of a folder of submissions; None if there is none.

    Raises:
        MedshiftError: It is damaged.
    """
    path = root / BOARDS_FILE
    return read_own(path, Boards, LARGEST, "file of boards") if path.is_file() else None
