"""What the table of baselines says of one, without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from .sees import Sees

#: The seed question's three answers.
Approach: TypeAlias = Literal["ImageNet transfer", "training from scratch", "adaptation"]
APPROACHES: tuple[Approach, ...] = get_args(Approach)


@dataclass(frozen=True)
class Entry:
    """One baseline of the table.

    Args:
        target: `module:Class`, imported when it is used.
        sees: What it may look at, as the class declares.
        approach: Start from ImageNet, start from scratch, or look at the target and adapt, whatever it starts from.
        summary: One line: what it does.
        paper: Where the method is from.
    """

    target: str
    sees: Sees
    approach: Approach
    summary: str
    paper: str
