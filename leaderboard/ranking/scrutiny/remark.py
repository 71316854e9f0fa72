"""A remark: what of a board a maintainer should look at, as a sentence. No score and no rank depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["alike", "perfect", "calibrated", "steady", "unrelated", "beyond validation", "picked seeds"]
TITLES: Mapping[Kind, str] = {
    "alike": "too alike",
    "perfect": "no error",
    "calibrated": "too well calibrated",
    "steady": "does not fall",
    "unrelated": "unlike all others",
    "beyond validation": "better than on validation",
    "picked seeds": "not the first seeds",
}
MOST_NAMED = 6  # entries or seeds in one sentence


@dataclass(frozen=True)
class Remark:
    """One thing to look at.

    Args:
        kind: What it is about.
        entries: The entries that it is about, by name.
        text: The sentence, without a full stop.
    """

    kind: Kind
    entries: tuple[str, ...]
    text: str

    @property
    def title(self) -> str:
        """The kind as printed beside an entry."""
        return TITLES[self.kind]


def listed(names: Sequence[str]) -> str:
    """List names in a sentence; of many the first few."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
