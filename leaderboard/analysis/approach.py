"""The seed question's three answers: start from ImageNet, start from scratch, or look at the target and adapt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...benchmark.contract.entry import APPROACHES, Approach
from ...benchmark.contract.registry import BUILTINS
from ..ranking.board import Row


def approach(row: Row) -> Approach | None:
    """Returns which of the three an entry is; None of a method of somebody else's that sees the source alone.

    What looks at the target is adaptation, whatever its weights start from. A submission that says it is of medshift
    has the name of one of its baselines and sees what that one sees, or it is refused; that the baseline is what ran is
    its author's word until the entry is verified.
    """
    if row.sees != "source":
        return "adaptation"
    baseline = row.cards[0].baseline
    if not baseline.distribution.startswith("medshift "):
        return None
    ours = BUILTINS.get(baseline.name)
    return ours.approach if ours else None


def by_approach(rows: Sequence[Row]) -> Mapping[Approach, list[Row]]:
    """Returns the ranked entries of each approach that has some."""
    ranked = [row for row in rows if row.rank is not None]
    found = {kind: [row for row in ranked if approach(row) == kind] for kind in APPROACHES}
    return {kind: mine for kind, mine in found.items() if mine}
