"""Whether criteria were registered before the run: in the protocol, or in the card of every seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...shifts.errors import MedshiftError
from .criteria.criterion import Criterion, claim
from .criteria.suited import differences
from .entry.scores import EntryScores

AFTER = "written after the run"


@dataclass(frozen=True)
class Registration:
    """Where criteria were registered.

    Args:
        by: The protocol, the cards of all seeds, or nothing.
        sha256: Hash of the criteria.
        outside: Whether predictions were made outside of medshift, which does not know when.
    """

    by: Literal["protocol", "card", ""]
    sha256: str
    outside: bool = False

    @property
    def remark(self) -> str:
        """What every verdict must be read with; empty if the criteria were registered."""
        return "" if self.by else AFTER

    @property
    def text(self) -> str:
        """The same as a sentence."""
        if self.by == "protocol" and self.outside:
            return (
                "The protocol holds the criteria's hash. The predictions were made outside of medshift: that they were "
                "made after the criteria were written is the word of whoever handed them in."
            )
        if self.by == "protocol":
            return (
                "The criteria were written before the run: the protocol, which the run was made on, holds their hash."
            )
        if self.by == "card":
            return (
                "The criteria were given to the run before it began: the card holds their hash. That is the word of "
                "whoever ran it; criteria in a protocol that was shared before would not be."
            )
        return (
            "The criteria were written after the run, or at least not registered before it: neither the protocol nor "
            "the card holds their hash. Whoever wrote them may have known the figures, so no verdict below counts as "
            "one on criteria that were set in advance."
        )


def registration(criteria: Sequence[Criterion], scores: EntryScores, path: Path) -> Registration:
    """Compare criteria with those that were registered.

    Args:
        criteria: The criteria.
        scores: The entry.
        path: The file of the criteria, for messages.

    Raises:
        MedshiftError: Other criteria were registered; the message names those that were changed.
    """
    ours = claim(criteria)
    held = [(f"protocol {scores.protocol.name!r}", scores.protocol.criteria)]
    held += [(f"the card of seed {seed.card.seed}", seed.card.criteria) for seed in scores.seeds]
    for where, registered in held:
        if registered is not None and registered.sha256 != ours.sha256:
            raise MedshiftError(
                f"{path}: these are not the criteria that {where} registered before the run (sha256 "
                f"{registered.sha256[:12]}, now {ours.sha256[:12]}): {differences(registered, ours)}. Give the file as "
                "it was then"
            )
    if scores.protocol.criteria is not None:
        outside = any(seed.card.baseline.external for seed in scores.seeds)
        return Registration("protocol", ours.sha256, outside)
    if all(seed.card.criteria is not None for seed in scores.seeds):
        return Registration("card", ours.sha256)
    return Registration("", ours.sha256)
