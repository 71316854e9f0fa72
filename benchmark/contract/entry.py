"""Entries of the baseline table: descriptions that need no import of the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from .sees import Sees

#: How names of methods and entries are written in cards: they are folders, and parts of addresses, too.
NAMED = r"^[A-Za-z0-9][A-Za-z0-9._+=,@-]{0,119}$"
LONGEST_TEXT = 2000  # characters of a hyper-parameter in a card
#: How a baseline comes to its model: the three answers that the leaderboard compares.
Approach: TypeAlias = Literal["ImageNet transfer", "training from scratch", "adaptation"]
APPROACHES: tuple[Approach, ...] = get_args(Approach)


@dataclass(frozen=True)
class Entry:
    """One baseline in the table.

    Args:
        target: `module:Class`, imported on use.
        sees: Access level, as the class declares it.
        approach: `adaptation` if it looks at the target, whatever it starts from; otherwise by its initial weights.
        summary: First line of the class's docstring.
        paper: The paper that describes the method.
    """

    target: str
    sees: Sees
    approach: Approach
    summary: str
    paper: str
